"""The design's 22 invariants as a checker: each by its name, with how many facts it looked at."""

import inspect
from collections.abc import Awaitable, Callable, Sequence

from streams.events import Event
from streams.settings import Settings
from tests.faults import of_clients, of_log, of_servers
from tests.faults.evidence import Evidence, servers
from tests.faults.finding import Finding
from tests.faults.run import Run

Look = Callable[[Evidence], Finding | Awaitable[Finding]]

ALWAYS: Sequence[Look] = (
    of_log.completed_once,
    of_log.fenced,
    of_log.follows_the_plan,
    of_servers.same_in_redis,
    of_log.chained,
    of_servers.same_in_postgres,
    of_servers.archive_is_a_prefix,
    of_servers.trimmed_is_archived,
    of_log.poison_is_parked,
    of_log.cancelled_is_over,
    of_servers.erased_is_gone,
    of_servers.nothing_is_left,
)
"""What Postgres and Redis alone show."""
OF_A_RUN: Sequence[Look] = (
    of_clients.accepted_is_kept,
    of_clients.repeating_changes_nothing,
    of_servers.rebuilt_is_the_same,
    of_clients.live_views_are_true,
    of_clients.engines_restart_soon,
    of_clients.runs_once,
)
ELSEWHERE: Sequence[tuple[int, str, str]] = (
    (5, "an error inside the script leaves every key as it was", "tests/streams"),
    (12, "golden histories fold to their stored digests", "tests/history"),
    (18, "a flood of one tenant does not hold up another", "bench/load"),
    (19, "every finalized segment once, in order", "not yet: live audio is not built"),
    (22, "version N and N-1 work side by side", "tests/mixed"),
)


async def examine(run: Run, evidence: Evidence) -> list[Finding]:
    """Everything, in the order of the design."""
    del run
    found = [await _look(look, evidence) for look in (*ALWAYS, *OF_A_RUN)]
    found += [Finding(number, name, elsewhere=where) for number, name, where in ELSEWHERE]
    return sorted(found, key=lambda finding: finding.number)


async def check(settings: Settings) -> list[Event]:
    """Assert what Postgres and Redis show of a system at rest; give the archive's events."""
    evidence = await servers(settings)
    for look in ALWAYS:
        finding = await _look(look, evidence)
        assert not finding.wrong, str(finding)
    return evidence.events


async def _look(look: Look, evidence: Evidence) -> Finding:
    found = look(evidence)
    return await found if inspect.isawaitable(found) else found
