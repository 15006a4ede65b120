import math
from datetime import UTC, datetime
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import events
from streams.cloudevents import cloud_event
from streams.errors import EventTooLarge, InvalidEvent
from streams.events import (
    FACTS,
    AnyFact,
    Artifact,
    Budget,
    Event,
    Fact,
    JobFailed,
    JobRequest,
    PlannedStage,
    StageFailed,
    StageParked,
    StageProgressed,
    StageReady,
    Unknown,
    Usage,
    decode_fact,
    encode_fact,
    encode_meta,
    format_time,
    from_entry,
)

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the strategy adds the zone
AT = datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC)
# Text as clients send it: any Unicode that UTF-8 can carry.
st.register_type_strategy(str, st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
st.register_type_strategy(datetime, st.datetimes(min_value=EPOCH, timezones=st.just(UTC)))
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(int, st.integers(-(2**63), 2**63 - 1))


def every_field(kind: type[Any]) -> st.SearchStrategy[Any]:
    """A struct with each of its fields drawn, those with a default too."""
    fields = {f.name: st.from_type(f.type) for f in msgspec.structs.fields(kind)}
    return st.builds(kind, **fields)


for struct in (Artifact, Budget, JobRequest, PlannedStage, Usage, *get_args(AnyFact)):
    st.register_type_strategy(struct, every_field)
facts = st.sampled_from(get_args(AnyFact)).flatmap(st.from_type)


def entry(event: Event) -> dict[bytes, bytes]:
    """The fields that commit.lua writes."""
    assert not isinstance(event.fact, str)
    fields = {
        "id": event.id, "type": event.type, "time": format_time(event.time), "job": event.job,
        "rev": str(event.rev), "tenant": event.tenant, "prev": event.prev,
        "epoch": str(event.epoch),
    }  # fmt: skip
    return {name.encode(): value.encode() for name, value in fields.items()} | {
        b"meta": encode_meta(event.meta),
        b"data": encode_fact(event.fact),
    }


def event(fact: AnyFact | Unknown, *, kind: str = "", **changes: Any) -> Event:
    """An event as the log holds it."""
    fields: dict[str, Any] = {
        "id": "01e", "time": AT, "job": "j", "rev": 3, "tenant": "t", "seq": 7, "epoch": 2,
        "prev": "01d", "type": kind or events.type_of(fact),  # type: ignore[arg-type]
    }  # fmt: skip
    return Event(fact=fact, **(fields | changes))


@settings(max_examples=400, deadline=None)
@given(facts)
def test_every_fact_comes_back_as_it_went(fact: AnyFact) -> None:
    assert decode_fact(events.type_of(fact), encode_fact(fact)) == fact


@settings(max_examples=100, deadline=None)
@given(facts, st.dictionaries(st.text("abc"), st.from_type(str), max_size=3))
def test_an_entry_of_the_log_is_the_event_that_was_written(
    fact: AnyFact, meta: dict[str, str]
) -> None:
    before = event(fact, meta=meta)
    assert from_entry(b"7-0", entry(before)) == before


def test_every_fact_is_in_the_union_and_has_a_name_of_its_own() -> None:
    def below(kind: type[Fact]) -> set[type[Fact]]:
        return {kind}.union(*(below(sub) for sub in kind.__subclasses__()))

    assert below(Fact) - {Fact} == set(FACTS.values())
    assert len(FACTS) == len(get_args(AnyFact))
    for name, kind in FACTS.items():
        aggregate, _, happened = name.partition(".")
        assert kind.__name__ == aggregate.title() + happened.title().replace("_", "")
        assert kind.__struct_config__.frozen
        assert kind.__doc__


def test_a_type_of_a_later_version_is_kept_byte_for_byte() -> None:
    raw = b'{"type":"stage.dreamed","depth":2}'
    fact = decode_fact("stage.dreamed", raw)
    assert fact == Unknown(data=raw)
    assert encode_fact(fact) == raw
    view = cloud_event(event(fact, kind="stage.dreamed"))
    assert (view["type"], view["data"]) == ("dev.dalston.stage.dreamed.v1", {"depth": 2})


def test_fields_of_a_later_version_are_passed_over() -> None:
    later = b'{"type":"stage.parked","stage":"a","reason":"x","later":{"deep":[1]}}'
    assert decode_fact("stage.parked", later) == StageParked(stage="a", reason="x")


def test_values_of_a_later_version_are_kept_byte_for_byte() -> None:
    later = (
        b'{"type":"stage.failed","stage":"a","token":1,"engine":"e","kind":"network","reason":""}'
    )
    assert decode_fact("stage.failed", later) == Unknown(data=later)


def test_a_fact_of_an_earlier_version_lacks_the_fields_that_came_later() -> None:
    early = b'{"type":"stage.failed","stage":"a","token":1,"engine":"e","kind":"error","reason":""}'
    fact = decode_fact("stage.failed", early)
    assert isinstance(fact, StageFailed)
    assert fact.usage == events.Usage()


def test_a_payload_over_the_limit_is_refused_with_its_size() -> None:
    encode_fact(StageParked(stage="a", reason="x" * (events.SOFT_LIMIT - 60)))
    with pytest.raises(EventTooLarge, match=r"stage\.parked has 16\d+ bytes, over 16384"):
        encode_fact(StageParked(stage="a", reason="x" * events.SOFT_LIMIT))


@pytest.mark.parametrize(
    "fact",
    [
        StageProgressed(stage="a", token=1, fraction=math.nan),
        StageProgressed(stage="a", token=1, fraction=math.inf),
        StageReady(stage="a", token=1, engine="e", cost=math.nan),
        JobFailed(reason="", kind="bad luck"),  # type: ignore[arg-type]
        StageParked(stage="a", reason="\ud800"),
        StageParked(stage="a", reason=None),  # type: ignore[arg-type]
        StageParked(stage="a", reason=object()),  # type: ignore[arg-type]
    ],
)
def test_what_could_never_be_read_again_is_not_written(fact: AnyFact) -> None:
    with pytest.raises(InvalidEvent, match=events.type_of(fact)):
        encode_fact(fact)


def test_times_are_utc_to_the_microsecond() -> None:
    assert format_time(AT) == "2026-03-01T12:00:00.000005Z"
    assert format_time(AT.astimezone()) == format_time(AT)
    assert datetime.fromisoformat(format_time(AT)) == AT


@settings(max_examples=200, deadline=None)
@given(
    facts,
    st.sampled_from(["", "j"]),
    st.sampled_from(["", "01d"]),
    st.sampled_from([{}, {"by": "cli"}]),
)
def test_the_outside_view_is_a_valid_cloud_event(
    fact: AnyFact, job: str, prev: str, meta: dict[str, str]
) -> None:
    """By the rules of CloudEvents 1.0.2 and its JSON format."""
    view = msgspec.json.decode(
        msgspec.json.encode(cloud_event(event(fact, job=job, prev=prev, meta=meta)))
    )
    data = view.pop("data")
    assert view["specversion"] == "1.0"
    for required in ("id", "source", "type"):
        assert view[required], f"{required} must be there and not empty"
    assert view["type"] == f"dev.dalston.{events.type_of(fact)}.v1"
    assert datetime.fromisoformat(view["time"]).utcoffset() is not None
    for name, value in view.items():
        assert name.isalnum(), f"{name}: lower case letters and digits"
        assert name == name.lower()
        assert len(name) <= 20
        assert isinstance(value, str | int), f"{name}: no objects, lists or nulls"
        assert value != "", f"{name} has no value: leave it out"
        if isinstance(value, int):
            assert -(2**31) <= value < 2**31
    assert ("subject" in view) == bool(job)
    assert "type" not in data
    assert decode_fact(events.type_of(fact), msgspec.json.encode(data)) == fact
