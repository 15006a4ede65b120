"""A job under way, and the commit that a test hurts: one that touches every key."""

from typing import Any

from streams.commit import Ledger, Ticket, Write
from streams.events import Event, StageReady
from tests.streams.story import AHEAD, Story

BIG = 15_000
"""Bytes of a large event's payload, just below the soft limit."""


async def submitted(ledger: Ledger) -> None:
    """Job j with three events, and more tasks than the queue takes at once."""
    for n in range(3):
        event = Event(
            id=f"e{n}", type="stage.ready", time=AHEAD, job="j", rev=n + 1, tenant="t",
            fact=StageReady(stage=f"s{n}", token=1, engine="toy", cost=1.0),
        )  # fmt: skip
        await ledger._send(Write(job_id="j", rev=n, state=Story().job, events=(event,)))


def hurt(rev: int = 3, *, events: int = 1, size: int = 1) -> Write:
    """So many events from a revision on, each with a task, and a settled entry."""
    made = tuple(
        Event(
            id=f"x{rev + n}", type="stage.ready", time=AHEAD, job="j", rev=rev + 1 + n, tenant="t",
            fact=StageReady(stage=f"only{n}", token=2, engine="toy", cost=1.0),
            meta={"why": "x" * size},
        )
        for n in range(events)
    )  # fmt: skip
    ticket = Ticket("toy", "1-1", "j", "only", 1)
    return Write(job_id="j", rev=rev, state=Story().job, events=made, settled=(ticket,))


async def attempt(ledger: Ledger, rev: int = 3, **how: Any) -> list[Any]:
    """Commit `hurt`; the script's reply."""
    return await ledger._send(hurt(rev, **how))
