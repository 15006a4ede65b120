from streams import decide
from streams.erasure import NO_ARTIFACT, blank, blank_fact
from streams.events import (
    FACTS,
    Event,
    JobRequest,
    PlannedStage,
    StageReady,
    Unknown,
    encode_fact,
    type_of,
)
from streams.job import encode, fold
from tests.streams.story import NOW, Story

SECRET = "tell-nobody"


def secretive() -> Story:
    """A job with the secret wherever its owner or an engine may have put words."""
    plan = (
        PlannedStage(name="a", engine="toy", options={"prompt": SECRET, "words": [SECRET]}),
        PlannedStage(name="b", engine="toy", needs=("a",), required=False),
        PlannedStage(name="c", engine="toy", needs=("a",)),
    )
    request = JobRequest(
        hotwords=SECRET, initial_prompt=SECRET, labels={SECRET: SECRET}, model=SECRET
    )
    story = Story(plan, request)
    story.start("a")
    story.fail("a", reason=SECRET)
    story.wait(2)
    story.retry("a")
    story.start("a")
    story.finish("a", warnings=(SECRET,))
    story.start("b")
    story.fail("b", "input", SECRET)
    return story


def erased(end: str) -> Story:
    story = secretive()
    if end == "success":
        story.run("c")
    elif end == "cancel":
        story.cancel(SECRET)
    elif end == "failure":
        story.start("c")
        story.fail("c", "input", SECRET)
    else:
        for _ in range(4):
            story.lose("c")
        story.cancel(SECRET)
    assert story.job.terminal
    story.when(decide.erase)
    return story


def test_no_word_of_the_owner_stays_in_state_or_events() -> None:
    for end in ("success", "cancel", "failure", "parked"):
        story = erased(end)
        assert SECRET.encode() not in encode(story.job)
        assert story.job.source == NO_ARTIFACT
        for event in story.events:
            data = encode_fact(blank(event).fact)
            assert SECRET.encode() not in data, event.type
            assert b"s3://" not in data, event.type
            assert b"talk.wav" not in data, event.type


def test_a_replay_of_the_blanked_events_gives_the_erased_state() -> None:
    for end in ("success", "cancel", "failure", "parked"):
        story = erased(end)
        assert fold(blank(event) for event in story.events) == story.job


def test_what_orders_and_links_an_event_stays() -> None:
    fact = StageReady(stage="a", token=1, engine="toy", cost=1.0)
    event = Event(
        id="i", type=type_of(fact), time=NOW, job="j", rev=3, tenant="t", fact=fact,
        meta={"by": SECRET}, seq=9, epoch=2, prev="h",
    )  # fmt: skip
    after = blank(event)
    assert after.meta == {}
    assert after.fact == fact
    for name in ("id", "type", "time", "job", "rev", "tenant", "seq", "epoch", "prev"):
        assert getattr(after, name) == getattr(event, name)


def test_a_fact_of_a_later_version_is_blanked_whole() -> None:
    assert blank_fact(Unknown(b'{"words":"tell"}')) == Unknown(b"{}")


def test_blanking_keeps_the_type_and_is_done_once() -> None:
    for event in erased("parked").events + erased("success").events:
        once = blank(event)
        assert blank(once) == once
        if not isinstance(once.fact, Unknown):
            assert type_of(once.fact) in FACTS
