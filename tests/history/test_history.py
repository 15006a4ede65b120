"""What a release wrote decodes and folds for ever, to the states that it had then."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams.events import FACTS, Event, Unknown, encode_fact, encode_meta, from_entry
from streams.job import fold
from tests.history.make import HERE, digests, line, main, tell

RELEASES = sorted(HERE.glob("v*.jsonl"))


def read(path: Path) -> tuple[list[Event], list[dict[str, Any]], Mapping[str, str]]:
    """A history's events, the same as plain values, and its digests."""
    *plain, last = [msgspec.json.decode(text) for text in path.read_bytes().splitlines()]
    events = [
        from_entry(
            f"{one.pop('seq')}-0".encode(),
            {name.encode(): str(value).encode() for name, value in one.items()},
        )
        for one in map(dict, plain)
    ]
    return events, plain, last["digests"]


def test_there_is_a_history() -> None:
    assert RELEASES


@pytest.mark.parametrize("path", RELEASES, ids=lambda path: path.stem)
def test_a_release_decodes_whole(path: Path) -> None:
    events, plain, _ = read(path)
    assert not [e.type for e in events if isinstance(e.fact, Unknown)]
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    assert [e.prev for e in events] == ["", *(e.id for e in events[:-1])]
    for event, was in zip(events, plain, strict=True):
        data, now = msgspec.json.decode(was["data"]), msgspec.json.decode(encode_fact(event.fact))
        assert data.items() <= now.items(), f"{event.type} lost something"
        assert encode_meta(event.meta).decode() == was["meta"]


@pytest.mark.parametrize("path", RELEASES, ids=lambda path: path.stem)
def test_a_release_folds_to_the_states_that_it_had(path: Path) -> None:
    events, _, then = read(path)
    assert digests(events) == then


@pytest.mark.parametrize("path", RELEASES, ids=lambda path: path.stem)
def test_a_releases_jobs_end_as_they_are_named(path: Path) -> None:
    byjob = defaultdict(list)
    for event in read(path)[0]:
        byjob[event.job].append(event)
    ends = {"success": "succeeded", "retry": "succeeded", "erased": "succeeded",
            "parked": "blocked", "late": "failed"}  # fmt: skip
    for name, events in byjob.items():
        job = fold(events)
        if job is not None:
            assert job.status == ends.get(name, name)
            assert job.erased == (name == "erased")


def test_a_history_tells_every_fact_that_a_job_can_have() -> None:
    told = {event.type for event in asyncio.run(tell())}
    assert set(FACTS) - told == {"engine.expired", "log.recovered"}


def test_a_history_is_not_written_over() -> None:
    with pytest.raises(FileExistsError):
        main(RELEASES[0].stem)


def test_the_words_of_an_erased_job_are_in_no_history() -> None:
    assert b"secret" not in b"".join(line(event) for event in asyncio.run(tell()))
    for path in RELEASES:
        assert b"secret" not in path.read_bytes()
