"""A job that is run again keeps what people corrected: names and words go over to the new one."""

import asyncio
import logging
from datetime import datetime
from functools import partial
from typing import NamedTuple

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from projector import queries
from projector.consumer import Consumer
from projector.errors import FoldedByNewer, NotCaughtUp
from projector.objects import Objects
from projector.restore import restore_job
from streams import decide, sequel
from streams.carrying import carried, matched
from streams.commit import Ledger
from streams.errors import EventTooLarge, Refused, StreamsError
from streams.events import Event, SpeakerRenamed, TranscriptEdited
from streams.job import Job, fold
from streams.keys import Keys
from streams.transcript import Transcript

logger = logging.getLogger(__name__)

PAGE = 1000
WAIT_S = 0.2
Correction = SpeakerRenamed | TranscriptEdited
About = tuple[str, str]


class Wish(NamedTuple):
    """What is to be said of the new job, and by which event it was said of the old one."""

    fact: Correction
    event: str


class Carry(Consumer):
    """On job.succeeded of a job that was run again: bring over what was corrected in the old one.

    What was said of the new one by anybody counts more: of that speaker or segment nothing is
    carried. So what was carried before is not carried twice, and it is done once the archive says
    it is: a loss of Redis in between loses nothing.
    """

    name = "carry"
    wants = ("job.succeeded",)

    def __init__(self, database: AsyncEngine, objects: Objects, redis: Redis, keys: Keys) -> None:
        super().__init__(database, objects)
        self._ledger = Ledger(redis, keys)

    async def handle(self, event: Event) -> None:
        """Carry over to one job; each step may be repeated."""
        async with self.database.connect() as connection:
            ended = await queries.job(connection, event.job, tenant=event.tenant)
        old_id = ended and ended.again_from
        if not old_id:
            return
        wishes = await self._wishes(old_id, event.job)
        while wishes:
            events = await self._history(event.job)
            done = {about for one in events if (about := _about(one.fact)) is not None}
            wishes = [wish for wish in wishes if _about(wish.fact) not in done]
            job = fold(events)
            if job is None or job.erased or not wishes:
                return
            try:
                wishes = await self._commit(job, old_id, wishes)
            except (StreamsError, NotCaughtUp, FoldedByNewer) as error:
                logger.warning("carrying over to job %s waits: %s", job.id, error)
            await asyncio.sleep(WAIT_S)

    async def _wishes(self, old_id: str, new_id: str) -> list[Wish]:
        """All that is to be said of the new job."""
        events = await self._history(old_id)
        old, new = fold(events), fold(await self._history(new_id))
        if old is None or new is None or old.tenant != new.tenant or old.erased or new.erased:
            return []
        if not (old.names or old.edits) or old.transcript is None or new.transcript is None:
            return []
        if new.request.redact and not old.request.redact:
            logger.warning(
                "job %s masks what is personal, and job %s did not: no correction is carried over",
                new_id, old_id,
            )  # fmt: skip
            return []
        artifacts = await self.objects.artifacts()
        before = await artifacts.get_value(old.transcript, Transcript)
        after = await artifacts.get_value(new.transcript, Transcript)
        said = {about: one.id for one in events if (about := _about(one.fact)) is not None}
        # Hundreds of corrections of hours of speech take a second, in which the fold goes on.
        return await asyncio.to_thread(_all, old, new, before, after, said)

    async def _commit(self, job: Job, old_id: str, wishes: list[Wish]) -> list[Wish]:
        """Say what nobody has said, as long as the job is as we know it; what may have to be again.

        Raises:
            StreamsError, NotCaughtUp, FoldedByNewer: not now.
        """
        async with self.database.connect() as connection:
            await restore_job(self._ledger, connection, job.id)
        rev, hopeless = job.rev, list[Wish]()
        for wish in wishes:
            say = partial(_said, fact=wish.fact, rev=rev)
            meta = {"carried_from": old_id, "event": wish.event}
            try:
                done = await self._ledger.transition(job.id, say, meta=meta)
            except (Refused, EventTooLarge) as error:
                logger.warning("a correction is not carried over to job %s: %s", job.id, error)
                hopeless.append(wish)
                continue
            if not done.events:
                break  # somebody else said something: look again
            rev += len(done.events)
        return [wish for wish in wishes if wish not in hopeless]

    async def _history(self, job_id: str) -> list[Event]:
        """All events of a job, once the archive has all that Redis has."""
        while True:
            job = await self._ledger.load(job_id)
            events: list[Event] = []
            async with self.database.connect() as connection:
                while page := await self._page(connection, job_id, events):
                    events += page
            if job is None or (events and events[-1].rev >= job.rev):
                return events
            await asyncio.sleep(WAIT_S)

    async def _page(
        self, connection: AsyncConnection, job_id: str, before: list[Event]
    ) -> list[Event]:
        after = before[-1].seq if before else 0
        return await queries.events(connection, after=after, job=job_id, limit=PAGE)


def _said(job: Job | None, _: datetime, *, fact: Correction, rev: int) -> decide.Facts:
    """The correction, while the job is as it was known: else nothing."""
    if job is None or job.rev != rev or job.erased:
        return sequel.NOTHING
    if isinstance(fact, SpeakerRenamed):
        return decide.rename(job, speaker=fact.speaker, name=fact.name)
    return decide.edit(job, segment=fact.segment, text=fact.text)


def _about(fact: object) -> About | None:
    """What a correction is about: two of the same say the same thing twice."""
    match fact:
        case SpeakerRenamed(speaker=speaker):
            return "speaker", speaker
        case TranscriptEdited(segment=segment):
            return "segment", str(segment)
        case _:
            return None


def _all(
    old: Job, new: Job, before: Transcript, after: Transcript, said: dict[About, str]
) -> list[Wish]:
    return _renamed(old, before, after, said) + _reworded(old, new, before, after, said)


def _renamed(old: Job, before: Transcript, after: Transcript, said: dict[About, str]) -> list[Wish]:
    who = matched(before, after)
    return [
        Wish(SpeakerRenamed(speaker=who[speaker], name=name), said["speaker", speaker])
        for speaker, name in old.names.items()
        if speaker in who
    ]


def _reworded(
    old: Job, new: Job, before: Transcript, after: Transcript, said: dict[About, str]
) -> list[Wish]:
    found = carried(before, after, old.edits)
    if found.dropped:
        logger.warning(
            "%s corrections of job %s found no place in job %s: other words were heard there",
            found.dropped, old.id, new.id,
        )  # fmt: skip
    return [
        Wish(
            TranscriptEdited(segment=n, text=text),
            ",".join(said["segment", str(origin)] for origin in sorted(found.origins[n])),
        )
        for n, text in sorted(found.edits.items())
    ]
