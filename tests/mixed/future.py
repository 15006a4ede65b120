"""What a later version would write, by the one script that every version writes with."""

import time
from collections.abc import Sequence
from typing import Any

import msgspec

from streams import job as jobs
from streams.commit import Ledger, Write
from streams.events import Event, Unknown
from streams.ids import new_id
from streams.job import Job, evolve

SCHEMA = jobs.SCHEMA + 1
LATER = {"mood": "of a later version"}


class FutureLedger(Ledger):
    """Its states have a newer schema and a field that nobody knows yet; it reads what it wrote."""

    async def load(self, job_id: str) -> Job | None:
        """Whatever the schema."""
        self.clock.set(*await self.redis.time(), sent=time.monotonic())
        state: Any = await self.redis.hget(self.keys.job(job_id), "state")
        return jobs.decode(state) if state else None

    async def _send(self, write: Write) -> list[Any]:
        engines = write.touched()
        keys = [self.keys.log, self.keys.head, self.keys.job(write.job_id)]
        for engine in engines:
            keys += self.keys.engine(engine)
        arguments = write.arguments(engines)
        arguments[0] = SCHEMA
        if write.state:
            state = jobs.encode(write.state)
            plain = msgspec.json.decode(state)
            arguments[arguments.index(state)] = msgspec.json.encode(plain | LATER)
        reply: list[Any] = await self._commit(keys, arguments)
        return reply


async def tell(ledger: Ledger, job_id: str, facts: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Append facts to a job as they are given, (type, data): of types and fields not known yet."""
    while True:
        job = await ledger.load(job_id)
        rev = job.rev if job else 0
        events = tuple(
            Event(
                id=new_id(),
                type=name,
                time=ledger.clock.now(),
                job=job_id,
                rev=rev + number,
                tenant=job.tenant if job else "",
                fact=Unknown(msgspec.json.encode({"type": name, **data})),
            )
            for number, (name, data) in enumerate(facts, start=1)
        )
        after = job
        for event in events:
            after = evolve(after, event)
        reply = await ledger._send(Write(job_id=job_id, rev=rev, state=after, events=events))
        if reply[0] == b"OK":
            return
