"""A task whose model is not loaded here goes to an idle replica that has it loaded."""

import contextlib
import logging
from collections.abc import Iterable, Mapping

from engines.sdk import metrics
from engines.sdk.contract import InvalidInput
from engines.sdk.host import wanted
from engines.sdk.patience import LOG_AWAY, until_written
from engines.sdk.replica import Replica
from streams.commit import Ticket
from streams.job import Job
from streams.registry import Announcement

log = logging.getLogger("dalston.engine")

PAYS_S = 1.0
"""A model that loads faster is loaded here: handing over costs a moment, too."""
AWAKE_MS = 3000
"""An idle replica asks for work every second; one that did not for so long may be gone."""


async def hand_over(replica: Replica, ticket: Ticket, job: Job) -> bool:
    """Whether the task is another replica's now. Asked once, of who took it from the queue.

    A receiver that dies before it begins loses the task to the lease, as ever. What was lost is
    not handed over again: a claim makes its owner look awake, so a dead one could lose it often.
    """
    model = _missing(replica, job, ticket)
    if model is None or job.stages[ticket.stage].lost:
        return False
    queue, name = replica.queue, replica.name
    try:
        free = [other for other in await queue.free(AWAKE_MS) if other != name]
        peers = await replica.registry.announced(free)
    except LOG_AWAY as error:
        log.warning("no other replica can be asked for model %s: %s", model, error)
        return False
    for other in warm(peers, model, replica.slot.loads()):
        # Tried until there is an answer: without one we do not know whose the task is.
        answer = await until_written(
            lambda to=other: queue.hand(name, ticket, to, awake_ms=AWAKE_MS)  # type: ignore[misc]
        )
        if answer != "kept":
            log.info("%s of job %s: %s has %s loaded", ticket.stage, ticket.job, other, model)
            metrics.HANDED.labels(replica.engine.name).inc()
            with contextlib.suppress(*LOG_AWAY):  # without it the other looks a second later
                await queue.nudge(other)
            return True
    return False


def warm(
    peers: Iterable[Announcement], model: str, loads: Mapping[str, float] | None = None
) -> list[str]:
    """Those that have the model ready and are idle, if loading it here would take long.

    Args:
        loads: seconds that models took to load here; else what the other says, else it is long.
    """
    return [
        one.replica
        for one in peers
        if one.state == "idle" and model in one.loaded
        and (loads or {}).get(model, one.loads.get(model, PAYS_S)) >= PAYS_S
    ]  # fmt: skip


def _missing(replica: Replica, job: Job, ticket: Ticket) -> str | None:
    """The model that the task asks for, if it is not loaded here."""
    try:
        model = wanted(replica.engine, job.planned(ticket.stage).options)
    except InvalidInput:
        return None  # the attempt will say so
    return None if model in replica.slot.loaded() else model
