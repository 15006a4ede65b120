"""The rules of a job once more, as plainly as they can be said, to hold `decide` to.

Nothing here is shared with it: no facts, no fold, only words and numbers that change in place.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from streams.events import PlannedStage

OVER = ("completed", "skipped")
WAITS = (1.0, 5.0, 30.0, 120.0)


@dataclass
class Part:
    """A stage: what was planned, and how it does."""

    node: PlannedStage
    status: str = "pending"
    token: int = 0
    owner: str = ""
    progress: float = 0.0
    failed: int = 0
    lost: int = 0
    preempted: int = 0
    due: datetime | None = None

    def give(self) -> None:
        """A new attempt goes to the queue."""
        self.status, self.token, self.owner, self.progress = "ready", self.token + 1, "", 0.0


@dataclass
class Naive:
    """A job. Each command says whether it was taken (True) or refused."""

    plan: tuple[PlannedStage, ...]
    deadline: datetime | None
    floor: int = 0
    end: str = ""
    begun: bool = False
    cancelling: bool = False
    erased: bool = False
    names: dict[str, str] = field(default_factory=dict)
    edits: dict[str, str] = field(default_factory=dict)
    parts: dict[str, Part] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.parts = {node.name: Part(node, token=self.floor) for node in self.plan}
        self.go_on()

    @property
    def status(self) -> str:
        if self.end or self.cancelling:
            return self.end or "cancelling"
        if any(part.status == "parked" for part in self.parts.values()):
            return "blocked"
        return "running" if self.begun else "queued"

    def go_on(self) -> None:
        """Whatever can begin begins; a job with nothing left to do is over."""
        parts = self.parts.values()
        if self.end:
            return
        if self.cancelling:
            if all(part.status != "running" for part in parts):
                self.end = "cancelled"
            return
        for part in parts:
            if part.node.left_out and part.status == "pending":
                part.status = "skipped"
        over = {name for name, part in self.parts.items() if part.status in OVER}
        for part in parts:
            if part.status == "pending" and set(part.node.needs) <= over:
                part.give()
        if all(part.status in OVER for part in parts):
            self.end = "succeeded"

    def give_up(self, part: Part, *, final: bool = False) -> None:
        """There will be no other attempt unless a person wants one."""
        if not part.node.required:
            part.status = "skipped"
            self.go_on()
        elif final:
            self.fail_all()
        else:
            part.status = "parked"

    def fail_all(self) -> None:
        for part in self.parts.values():
            if part.status not in (*OVER, "failed"):
                part.status = "skipped"
        self.end = "failed"

    def holds(self, stage: str, token: int) -> Part | None:
        """The stage, if this token is the one that counts."""
        part = self.parts[stage]
        return part if part.token == token and not self.end else None

    def runs(self, stage: str, token: int) -> Part | None:
        part = self.holds(stage, token)
        return part if part and part.status == "running" else None

    def start(self, stage: str, token: int, owner: str) -> bool:
        part = self.holds(stage, token)
        if part is None or part.status not in ("ready", "running"):
            return False
        if part.status == "running":
            return part.owner == owner
        part.status, part.owner, self.begun = "running", owner, True
        return True

    def advance(self, stage: str, token: int, fraction: float) -> bool:
        part = self.runs(stage, token)
        if part:
            part.progress = max(part.progress, min(fraction, 1.0))
        return part is not None

    def finish(self, stage: str, token: int) -> bool:
        part = self.parts[stage]
        if part.status == "completed" and part.token == token:
            return True
        if not self.runs(stage, token):
            return False
        part.status = "skipped" if self.cancelling else "completed"
        part.progress = part.progress if self.cancelling else 1.0
        self.go_on()
        return True

    def fail(self, stage: str, token: int, kind: str, now: datetime, chance: float) -> bool:
        part = self.runs(stage, token)
        if not part:
            return False
        part.status, part.failed = "failed", part.failed + 1
        final = kind in ("input", "unavailable")
        if self.cancelling:
            self.go_on()
        elif not final and part.failed < part.node.budget.failed:
            wait = WAITS[min(part.failed, 4) - 1] * (0.75 + chance / 2)
            part.status, part.due = "retrying", now + timedelta(seconds=wait)
        else:
            self.give_up(part, final=final)
        return True

    def lose(self, stage: str, token: int, *, preempted: bool) -> bool:
        part = self.holds(stage, token)
        if part is None or part.status not in ("ready", "running"):
            return False
        self.take_away(part, preempted=preempted)
        return True

    def take_away(self, part: Part, *, preempted: bool) -> None:
        part.status = "failed"
        part.lost += not preempted
        part.preempted += preempted
        budget = part.node.budget
        if self.cancelling:
            self.go_on()
        elif part.lost >= budget.lost or part.preempted >= budget.preempted:
            self.give_up(part)
        else:
            part.give()

    def stop(self, stage: str, token: int) -> bool:
        part = self.runs(stage, token)
        if not part or not self.cancelling:
            return False
        part.status = "skipped"
        self.go_on()
        return True

    def retry(self, stage: str, now: datetime) -> bool:
        part = self.parts[stage]
        if part.status == "retrying" and not self.end and not self.cancelling:
            assert part.due
            far = part.due > now + timedelta(seconds=150)  # the clock went back since
            if part.due <= now or far:
                part.give()
        return True

    def cancel(self) -> bool:
        if self.cancelling or self.end:
            return self.cancelling
        for part in self.parts.values():
            if part.status not in (*OVER, "failed", "running"):
                part.status = "skipped"
        self.cancelling = True
        self.go_on()
        return True

    def expire(self, now: datetime) -> bool:
        if not self.end and not self.cancelling and self.deadline and self.deadline <= now:
            self.fail_all()
        return True

    def unpark(self, stage: str | None) -> bool:
        chosen = [
            part
            for name, part in self.parts.items()
            if part.status == "parked" and stage in (None, name)
        ]
        for part in chosen:
            part.status, part.failed, part.lost, part.preempted = "pending", 0, 0, 0
        if chosen:
            self.begun = True
            self.go_on()
        return bool(chosen)

    def hear(self, stage: str, token: int) -> bool:
        return self.runs(stage, token) is not None

    def correct(self, kept: dict[str, str], what: str, said: str | None, most: int) -> bool:
        """Say something of the transcript, or take it back (None)."""
        if self.end != "succeeded" or self.erased or len(said or "") > most:
            return False
        kept.pop(what, None)
        if said is not None:
            kept[what] = said
        return True

    def rename(self, speaker: str, name: str) -> bool:
        plain = " ".join(name.split())
        return self.correct(self.names, speaker, plain or None, 100)

    def edit(self, segment: int, text: str | None) -> bool:
        return self.correct(self.edits, str(segment), text, 5000)

    def erase(self) -> bool:
        self.erased = bool(self.end)
        if self.erased:
            self.names, self.edits = {}, {}
        return self.erased

    def recover(self, floor: int) -> bool:
        if self.end or all(part.token >= floor for part in self.parts.values()):
            return True
        waiting = [part for part in self.parts.values() if part.status == "ready"]
        running = [part for part in self.parts.values() if part.status == "running"]
        for part in self.parts.values():
            part.token = max(part.token, floor)
        for part in waiting:
            part.give()
        for part in running:
            self.take_away(part, preempted=True)
        return True
