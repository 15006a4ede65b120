"""Invariants as people meet them: what was acknowledged holds, live views tell the truth."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from streams.events import Event, StageReady, StageStarted
from streams.job import fold
from tests.faults.evidence import Evidence
from tests.faults.finding import Finding
from tests.faults.followers import Follower, Seen
from tests.faults.run import Harm
from web.views import job_view

RESTART_S = 30.0
DEADLY = frozenset({"kill engine", "lights out"})


def accepted_is_kept(seen: Evidence) -> Finding:
    """An accepted job ends as it must, or parked; it can be seen, and says what it was to say."""
    found = Finding(1, "an accepted job ends terminal or parked, and can be seen")
    told = seen.told
    found.wrong += told.wrong
    ends: Counter[str] = Counter()
    forgotten = 0
    for name, order in told.jobs.items():
        view = seen.views.get(name)
        gone = name in seen.lost
        found.check(not gone, f"{name} was accepted and is lost")
        if view is None:
            forgotten += not gone
            continue
        ends[view.status] += 1
        allowed = order.ends | ({"cancelled"} if name in told.cancelling else set())
        found.check(view.status in allowed, f"{name}, {order.script}, ended as {view}")
        _acknowledged(found, seen, name, view.status, erased=view.erased)
        if view.status == "succeeded" and not view.erased:
            answer = seen.transcripts[name]
            says = order.script.says
            found.check(answer.text.strip() == says, f"{name} says {answer.text}, not {says}")
    found.wrong += [f"{name} became two jobs" for name in seen.duplicated]
    shown = ", ".join(f"{count} {status}" for status, count in sorted(ends.items()))
    lost, twice = len(seen.lost), len(seen.duplicated)
    found.note = f"{shown}; {len(told.jobs)} acknowledged, {lost} lost, {twice} duplicated"
    if forgotten:
        found.note += f", {forgotten} gone with a Postgres that was put back"
    return found


def _acknowledged(found: Finding, seen: Evidence, name: str, status: str, *, erased: bool) -> None:
    """A cancel and an erasure that were acknowledged hold, unless Redis was lost after them."""
    told = seen.told
    if (at := told.cancelled.get(name)) and not seen.redis_forgot_since(at):
        found.check(status == "cancelled", f"{name} was cancelled, but is {status}")
    if (at := told.erased.get(name)) and not seen.redis_forgot_since(at):
        found.check(erased, f"{name} was erased, but is not")


def repeating_changes_nothing(seen: Evidence) -> Finding:
    """A call that is made again, knowingly or because its answer was lost, changes nothing."""
    found = Finding(6, "repeating a call changes nothing")
    for key, ids in seen.told.keys.items():
        found.check(len(ids) == 1 or key not in seen.duplicated, f"{key} was answered with {ids}")
    found.note = f"{seen.told.repeated} calls were repeated"
    return found


def live_views_are_true(seen: Evidence) -> Finding:
    """A reader is told every event once, and what it has then is the projection of that moment."""
    found = Finding(13, "a live view is the projection at the same moment")
    erased = {name for name, job in seen.folded.items() if job.erased}
    for follower in seen.followers:
        found.wrong += [f"{follower.name}: {text}" for text in follower.wrong]
        for number, part in enumerate(follower.seen):
            last = number == len(follower.seen) - 1
            _snapshot_is_true(found, seen, follower, part, erased)
            _events_are_true(found, seen, follower, part, last=last)
        caught_up = follower.stands_at(seen.events[-1].seq)
        found.check(caught_up, _where(follower, seen.events[-1].seq))
    found.note = ", ".join(
        f"{f.name}: {len(f.seen)} snapshots, {f.resumed} resumed, fell {f.fell} times"
        for f in seen.followers
    )
    return found


def _where(follower: Follower, seq: int) -> str:
    at = follower.seen[-1].at if follower.seen else None
    return f"{follower.name} stands at {at}, not at {seq}; its last connection: {follower.away}"


def _snapshot_is_true(
    found: Finding, seen: Evidence, follower: Follower, part: Seen, erased: set[str]
) -> None:
    shown = part.snapshot
    for view in shown.jobs:
        if view.id in erased or view.id not in seen.stories:
            continue  # its words are gone since, or it never happened
        then = fold(event for event in seen.stories[view.id] if event.seq <= shown.seq)
        if then is not None and shown.seq <= len(seen.events):
            found.check(
                job_view(then) == view,
                f"{follower.name} was shown {view} at {shown.seq}, folded is {job_view(then)}",
            )


def _events_are_true(
    found: Finding, seen: Evidence, follower: Follower, part: Seen, *, last: bool
) -> None:
    """Each is the archive's event of that number; what a lost Redis told and lost was replaced."""
    for told in part.events:
        known = seen.events[told.seq - 1] if told.seq <= len(seen.events) else None
        same = known is not None and known.id == told.id
        # Only where a fresh snapshot came after it, which took it back.
        replaced = not last and seen.redis_forgot_since(
            datetime.fromisoformat(told.time).timestamp()
        )
        found.check(same or replaced, f"{follower.name} was told {told}, archived is {known}")


def engines_restart_soon(seen: Evidence) -> Finding:
    """What a killed engine had in hand begins again within 30 s of the last harm done nearby."""
    found = Finding(14, "a dead engine's task begins again within 30 s")
    slowest = 0.0
    for harm in seen.harms:
        if harm.fault not in DEADLY:
            continue
        for begun, again in _in_hand(seen, harm):
            allowed = _quiet_after(seen.harms, harm.until) + RESTART_S
            late = again.time.timestamp() if again else float("inf")
            slowest = max(slowest, late - harm.at)
            what = f"{begun.job} {begun.fact} after {harm}"
            found.check(late <= allowed, f"{what}: again at {late:.1f}, allowed {allowed:.1f}")
    found.note = f"the slowest took {slowest:.1f} s"
    return found


def _in_hand(seen: Evidence, harm: Harm) -> list[tuple[Event, Event | None]]:
    """The attempts that the victim was at, and what came of each next."""
    found = []
    for story in seen.stories.values():
        for n, event in enumerate(story):
            fact = event.fact
            if not isinstance(fact, StageStarted) or _replica(fact.owner) not in harm.victims:
                continue
            later = [e for e in story[n + 1 :] if getattr(e.fact, "stage", None) == fact.stage]
            later = [e for e in later if e.type != "stage.progressed"]
            begun = event.time.timestamp()
            ended = later[0].time.timestamp() if later else float("inf")
            if begun < harm.at < ended:
                over = next((e for e in later if _goes_on(e)), None)
                found.append((event, over))
    return found


def _goes_on(event: Event) -> bool:
    """Anything but the bad end itself: a new attempt, or a reason why there is none."""
    return isinstance(event.fact, StageReady) or event.type not in {
        "stage.lost", "stage.failed", "stage.retry_scheduled"
    }  # fmt: skip


def _replica(owner: str) -> str:
    """``merge@host-1`` → ``merge-2``, as the stack calls its process."""
    engine, _, place = owner.partition("@")
    slot = int(place.rpartition("-")[2])
    return engine if slot == 0 else f"{engine}-{slot + 1}"


def _quiet_after(harms: Sequence[Harm], at: float) -> float:
    """The end of the harm that goes on at a moment, of what overlaps with that, and so on."""
    end, moved = at, True
    while moved:
        moved = False
        for harm in harms:
            if harm.at <= end + RESTART_S and harm.until > end:
                end, moved = harm.until, True
    return end


def runs_once(seen: Evidence) -> Finding:
    """An attempt is begun once, whatever happens: a second one has a token of its own."""
    found = Finding(15, "an attempt runs once")
    begun = Counter((a.job, a.stage, a.token) for a in seen.attempts if a.what == "begins")
    first: dict[tuple[str, str, int], float] = {}
    for attempt in seen.attempts:
        if attempt.what == "begins":
            first.setdefault((attempt.job, attempt.stage, attempt.token), attempt.at)
    again = 0
    for name, times in begun.items():
        forgotten = times > 1 and seen.redis_forgot_since(first[name])
        again += forgotten
        found.check(times == 1 or forgotten, f"{name} ran {times} times")
    found.note = f"{again} ran again after Redis was lost"
    return found
