"""What a release wrote decodes and folds for ever, to the states that it had then."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from projector.queries import Checkpoint
from projector.rows import FIELDS, parse, position
from projector.rows import event as of_row
from streams import __version__
from streams.erasure import blank
from streams.events import FACTS, Artifact, Event, Unknown, encode_fact, encode_meta, from_entry
from streams.job import Job, decode, encode, evolve, fold
from streams.transcript import Transcript
from tests.history.make import HERE, digests, line, main, states, tell
from web import past
from web.formats import MEDIA_TYPES, render
from web.views import job_view

RELEASES = sorted(HERE.glob("v*.jsonl"))
each = pytest.mark.parametrize("path", RELEASES, ids=lambda path: path.stem)


def entry(plain: Mapping[str, Any]) -> Event:
    """An event from the fields that the log holds of it."""
    fields = {name.encode(): str(value).encode() for name, value in plain.items()}
    return from_entry(f"{plain['seq']}-0".encode(), fields)


def read(path: Path) -> tuple[list[Event], list[dict[str, Any]], Mapping[str, str]]:
    """A history's events, the same as plain values, and its digests."""
    *plain, last = [msgspec.json.decode(text) for text in path.read_bytes().splitlines()]
    return list(map(entry, plain)), plain, last["digests"]


def test_the_version_that_we_are_has_a_history() -> None:
    assert f"v{__version__}" in {path.stem for path in RELEASES}, (
        f"run `python -m tests.history.make v{__version__}`, commit both files"
    )


@each
def test_a_release_decodes_whole_and_comes_back_as_it_was(path: Path) -> None:
    events, plain, _ = read(path)
    assert not [e.type for e in events if isinstance(e.fact, Unknown)]
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    assert [e.prev for e in events] == ["", *(e.id for e in events[:-1])]
    for event, was in zip(events, plain, strict=True):
        data, now = msgspec.json.decode(was["data"]), msgspec.json.decode(encode_fact(event.fact))
        assert data.items() <= now.items(), f"{event.type} lost something"
        assert encode_meta(event.meta).decode() == was["meta"]


@each
def test_a_release_folds_to_the_states_that_it_had_at_every_event(path: Path) -> None:
    events, _, ends = read(path)
    then = path.with_suffix(".states").read_text().split()
    assert [digest for _, digest in states(events)] == then
    assert digests(events) == ends


@each
def test_what_comes_later_in_an_event_or_a_state_is_passed_over(path: Path) -> None:
    folded: dict[str, Job | None] = {}
    for plain in read(path)[1]:
        data = msgspec.json.encode({**msgspec.json.decode(plain["data"]), "mood": {"now": "fine"}})
        event, as_was = entry({**plain, "data": data.decode(), "mood": "fine"}), entry(plain)
        assert event == as_was
        if job := evolve(folded.get(event.job), event):
            later = encode(job)[:-1] + b',"mood":["fine"]}'
            assert decode(later) == job
            folded[event.job] = job


@each
def test_the_archive_keeps_each_event_to_the_byte_unknown_fields_and_types_too(path: Path) -> None:
    """A projector that is older than an event passes it on as it came: nothing is parsed for it."""
    at = Checkpoint()
    for plain in read(path)[1]:
        data = plain["data"].replace("{", '{"mood" : "fine",', 1)
        later = {**plain, "type": f"{plain['type']}er", "data": data}
        fields = [
            text.encode() for name in FIELDS for text in (name.decode(), str(later[name.decode()]))
        ]
        (row,) = parse([[f"{plain['seq']}-0".encode(), fields]], at)
        assert (row.data, row.meta, row.type) == (data, plain["meta"], later["type"])
        assert encode_fact(of_row(row).fact).decode() == data
        at = position(row)


@each
def test_a_releases_jobs_end_as_they_are_named(path: Path) -> None:
    byjob = defaultdict(list)
    for event in read(path)[0]:
        byjob[event.job].append(event)
    good = ("success", "retry", "erased", "recovered", "wishes")
    ends = dict.fromkeys(good, "succeeded") | {"parked": "blocked", "late": "failed"}
    for name, events in byjob.items():
        job = fold(events)
        if job is not None:
            assert job.status == ends.get(name, name)
            assert job.erased == (name == "erased")


def test_the_next_history_tells_every_fact_and_is_read_as_the_others_are(tmp_path: Path) -> None:
    main("v9", tmp_path)
    events, _, ends = read(tmp_path / "v9.jsonl")
    assert {event.type for event in events} == set(FACTS)
    assert digests(events) == ends
    with pytest.raises(FileExistsError):
        main("v9", tmp_path)


def test_the_words_of_an_erased_job_are_in_no_history() -> None:
    assert b"secret" not in b"".join(line(event) for event in asyncio.run(tell()))
    for path in RELEASES:
        assert b"secret" not in path.read_bytes()


@each
def test_any_revision_of_any_job_can_be_replayed(path: Path) -> None:
    """As GET …/transcript?at=REV does: what was heard by then, also of what is blanked since."""
    events, _, _ = read(path)
    by_job: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        if event.tenant:  # what has none is of engines, or of the log itself
            by_job[event.job].append(event)
    seen = 0
    for whole in by_job.values():
        for history in (whole, [blank(event) for event in whole]):
            for count in range(1, len(history) + 1):
                was = fold(history[:count])
                assert was is not None
                shown = past.best(was) or past.so_far(was, history[:count])
                assert shown is None or isinstance(shown, Artifact | Transcript)
                if isinstance(shown, Transcript):
                    for form in MEDIA_TYPES:
                        assert isinstance(render(shown, form, "said"), bytes | str)
                job_view(was)
                seen += 1
    assert seen > 20
