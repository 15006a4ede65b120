"""What clients were told, kept apart from the stack: the yardstick of what may not be lost."""

import random
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from tests.echo.script import Act, Script


@dataclass(frozen=True)
class Order:
    """What a client wants: a script whose words occur nowhere else, and how it must end.

    ends: statuses in which the job may come to rest when nobody cancels it. ``blocked`` is always
        among them where a fault may use up a budget; then a person decides.
    """

    word: str
    script: Script
    ends: frozenset[str]
    key: str | None = None
    again_from: str | None = None


@dataclass
class Told:
    """Everything that was acknowledged with a 2xx, and what stayed open.

    jobs: by id. keys: idempotency key → the ids that were answered. cancelled, erased: job id →
    when that was acknowledged, in seconds since 1970; cancelling, erasing: where it was asked for.
    ended: how a job that had settled was seen. open: submissions whose outcome is not known.
    repeated: calls that were made once more. wrong: what a client saw that may never be.
    """

    jobs: dict[str, Order] = field(default_factory=dict)
    accepted_at: dict[str, float] = field(default_factory=dict)
    keys: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    cancelled: dict[str, float] = field(default_factory=dict)
    erased: dict[str, float] = field(default_factory=dict)
    cancelling: set[str] = field(default_factory=set)
    erasing: set[str] = field(default_factory=set)
    unparked: set[str] = field(default_factory=set)
    ended: dict[str, str] = field(default_factory=dict)
    open: list[Order] = field(default_factory=list)
    repeated: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def accepted(self, job: str, order: Order) -> None:
        """A submission was acknowledged."""
        self.jobs[job] = order
        self.accepted_at.setdefault(job, time.time())
        if order.key:
            self.keys[order.key].add(job)


def order(chance: random.Random, *, keyed: bool) -> Order:
    """Any job: most are quick and succeed, some take a while, fail once, always fail or crash."""
    word = f"word{chance.getrandbits(64):016x}"
    stage = chance.choice(("prepare", "transcribe", "merge"))
    brief = round(chance.uniform(0.0, 0.3), 2)
    kind = chance.choices(list(KINDS), [weight for weight, _ in KINDS.values()])[0]
    acts, ends = KINDS[kind][1], frozenset({"succeeded", "blocked"})
    if kind == "refused":
        ends = frozenset({"failed", "blocked"})
    if kind == "poison":
        ends = frozenset({"blocked"})
    script = Script(
        says=f"{word} {kind}",
        audio_s=round(chance.uniform(1, 600), 1),
        acts={"transcribe": (Act(seconds=brief),), stage: acts},
    )
    return Order(word, script, ends, key=f"key-{word}" if keyed else None)


KINDS: dict[str, tuple[int, tuple[Act, ...]]] = {
    "quick": (60, (Act(),)),
    "steady": (15, (Act(seconds=2.0),)),
    "silent": (5, (Act("silent", 1.5),)),
    "tripping": (6, (Act("raise"), Act())),
    "crashing": (6, (Act("crash", 0.1), Act())),
    "leaving": (3, (Act("exit", 0.1), Act())),
    "refused": (3, (Act("refuse"),)),
    "poison": (2, (Act("crash", 0.05),)),
}
"""Kind of job: how often of 100, and what its attempts at one stage do."""
