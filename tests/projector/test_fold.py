"""The fold of rows: the same however they are cut into batches; no bad event stops it."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projector.errors import LogDiverged
from projector.fold import fold, needed
from projector.queries import Checkpoint
from projector.rows import Row, event, parse
from streams.events import Event, encode_fact, format_time
from streams.job import Job
from streams.job import fold as pure
from tests.streams.story import Story


def told() -> list[Event]:
    """A job from its submission to its end."""
    story = Story()
    for stage in ("prepare", "transcribe", "merge"):
        story.start(stage)
        story.finish(stage)
    return story.events


def row(seq: int, one: Event, prev: str = "") -> Row:
    return Row(
        seq, one.id, 1, one.type, one.time, one.job, one.rev, one.tenant, prev, "{}",
        encode_fact(one.fact).decode(),
    )  # fmt: skip


EVENTS = told()
ROWS = [row(n, one) for n, one in enumerate(EVENTS, start=1)]


@given(st.sets(st.integers(1, len(ROWS) - 1)))
def test_batches_may_be_cut_anywhere(cuts: set[int]) -> None:
    states: dict[str, Job] = {}
    edges = [0, *sorted(cuts), len(ROWS)]
    for start, end in itertools.pairwise(edges):
        batch = ROWS[start:end]
        assert needed(batch, states) == set()
        states |= fold(batch, states).after
    assert states == {"j": pure(EVENTS)}


def test_a_batch_told_twice_changes_nothing() -> None:
    once = fold(ROWS, {}).after
    assert fold(ROWS, once).after == once


def test_what_was_known_stays_as_it_is() -> None:
    before = fold(ROWS[:4], {}).after
    known = dict(before)
    changes = fold(ROWS[4:], known)
    assert known == before
    assert changes.before == before


def test_states_are_needed_of_jobs_that_began_before_the_batch() -> None:
    assert needed(ROWS[3:], {}) == {"j"}
    assert needed([row(1, EVENTS[0])._replace(type="engine.registered")], {}) == set()


def test_an_event_that_cannot_be_folded_is_counted_and_passed_over() -> None:
    bad = ROWS[3]._replace(data='{"stage":"prepare","token":"many"}')
    lost = ROWS[4]._replace(job="never began")
    odd = ROWS[4]._replace(type="job.praised")
    changes = fold([*ROWS[:3], bad, lost, odd], {})
    assert changes.after["j"].rev == odd.rev
    assert changes.unknown == {bad.type: 1, "job.praised": 1}
    assert changes.last_unknown[bad.type] == 4
    assert len(changes.errors) == 2


def entry(one: Row, **other: object) -> list[object]:
    fields = one._replace(**other)._asdict()  # type: ignore[arg-type]
    fields["time"] = format_time(one.time)
    seq = fields.pop("seq")
    return [
        b"%d-0" % seq,
        [part for k, v in fields.items() for part in (k.encode(), str(v).encode())],
    ]


def chain() -> list[Row]:
    return [
        one._replace(prev=ROWS[n - 1].id if n else "", tenant="tënant")
        for n, one in enumerate(ROWS)
    ]


def test_entries_become_rows_and_rows_the_events_that_they_were() -> None:
    rows = parse([entry(one) for one in chain()], Checkpoint())
    assert rows == chain()
    assert [event(one).fact for one in rows] == [one.fact for one in EVENTS]


@pytest.mark.parametrize("change", [{"seq": 99}, {"prev": "another"}, {"epoch": 0}])
def test_the_chain_is_taken_as_far_as_it_holds(change: dict[str, object]) -> None:
    entries = [entry(one) for one in chain()]
    entries[5] = entry(chain()[5], **change)
    assert parse(entries, Checkpoint()) == chain()[:5]
    last = chain()[4]
    with pytest.raises(LogDiverged, match="but the archive ends at 5"):
        parse(entries[5:], Checkpoint(last.seq, last.id, 1))
