"""What readers begin with: made once for all who ask while it is on its way.

When a web comes back all its readers ask at once, each for hundreds of jobs; whoever reads on
already would wait for every one of them.
"""

import asyncio

from projector import queries
from web.backends import Backends
from web.messages import Snapshot
from web.views import job_view

JOBS = 200
"""The newest jobs that a snapshot holds; older ones are to be had page by page over HTTP."""

Asked = tuple[str, str | None]
"""The tenant, and the job when it is to be of one."""


class Snapshots:
    """Reads them, one at a time for each thing that is asked."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._coming: dict[Asked, asyncio.Task[Snapshot]] = {}

    async def of(self, tenant: str, job: str | None) -> Snapshot:
        """As of some moment around now: what came after it follows as events.

        Raises what reading Postgres raises.
        """
        asked = tenant, job
        coming = self._coming.get(asked)
        if coming is None:
            coming = self._coming[asked] = asyncio.create_task(self._read(tenant, job))
            coming.add_done_callback(lambda _: self._coming.pop(asked))
        return await asyncio.shield(coming)  # one of those who wait may go

    async def _read(self, tenant: str, job: str | None) -> Snapshot:
        async with self._backends.snapshot() as connection:
            end = await queries.checkpoint(connection)
            if job is None:
                jobs = await queries.jobs(connection, tenant=tenant, limit=JOBS)
            else:
                one = await queries.job(connection, job, tenant=tenant)
                jobs = [one] if one is not None else []
        return Snapshot(end.epoch, end.seq, [job_view(one) for one in jobs])
