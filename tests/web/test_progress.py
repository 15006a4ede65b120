"""How far a job got, as the API says it."""

import pytest

from streams.events import JobRequest
from tests.streams.story import FORK, Story
from web.views import job_view


def progress(story: Story) -> float:
    return job_view(story.job).progress


def test_what_is_left_out_counts_as_done_while_the_job_goes_on() -> None:
    story = Story(FORK)
    story.run("prepare", "transcribe")
    story.start("diarize")
    story.fail("diarize", "unavailable")
    assert progress(story) == pytest.approx(41 / 42, abs=1e-4)
    story.run("merge")
    assert progress(story) == 1.0


@pytest.mark.parametrize("end", ["failed", "cancelled", "late"])
def test_what_did_not_run_is_not_done_when_the_job_ends_without_a_transcript(end: str) -> None:
    story = Story(FORK, JobRequest(deadline_s=10))
    story.run("prepare")
    if end == "failed":
        story.start("transcribe")
        story.fail("transcribe", "input")
    elif end == "cancelled":
        story.cancel()
    else:
        story.wait(11)
        story.expire()
    assert story.job.terminal
    assert progress(story) == pytest.approx(1 / 42, abs=1e-4)
