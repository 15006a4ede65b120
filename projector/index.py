"""The text index: the segments of each finished transcript, searchable."""

import re

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from projector.consumer import Consumer
from projector.database import raw
from streams.events import Event, JobSucceeded
from streams.transcript import Transcript

# Locks the job's row, so that an erasure comes wholly before or wholly after.
ERASED = text("SELECT erased FROM jobs WHERE id = :job FOR SHARE")
FORGET = text("DELETE FROM segments WHERE job = :job")
COLUMNS = ("job", "n", "tenant", "start", "end", "speaker", "text")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f]")
"""Postgres holds no NUL, and search marks its hits with control characters."""


class Index(Consumer):
    """On job.succeeded: read the transcript from S3 and keep its segments."""

    name = "index"
    wants = "job.succeeded"

    async def handle(self, event: Event) -> None:
        """Replace the job's segments by those of the transcript."""
        fact = event.fact
        if not isinstance(fact, JobSucceeded) or not fact.transcript.uri:
            return  # erased since
        artifacts = await self.objects.artifacts()
        transcript = await artifacts.get_value(fact.transcript, Transcript)
        async with self.database.begin() as connection:
            if await connection.scalar(ERASED, {"job": event.job}):
                return
            await store(connection, event.job, event.tenant, transcript)


async def store(
    connection: AsyncConnection, job_id: str, tenant: str, transcript: Transcript
) -> None:
    """Write the segments of a job in place of those that were there."""
    await forget(connection, job_id)
    names = {speaker.id: speaker.name or speaker.id for speaker in transcript.speakers}
    rows = [
        (
            job_id, n, tenant, segment.start, segment.end,
            names.get(segment.speaker, segment.speaker) if segment.speaker else None,
            CONTROL.sub(" ", segment.text).strip(),
        )
        for n, segment in enumerate(transcript.segments)
    ]  # fmt: skip
    driver = await raw(connection)
    await driver.copy_records_to_table("segments", records=rows, columns=COLUMNS)


async def forget(connection: AsyncConnection, job_id: str) -> None:
    """Take a job out of the index."""
    await connection.execute(FORGET, {"job": job_id})
