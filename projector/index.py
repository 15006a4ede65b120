"""The text index: the segments of each finished transcript as corrected, searchable."""

import re

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from projector.consumer import Consumer
from projector.database import raw
from streams import job as jobs
from streams.editing import edited
from streams.events import Event
from streams.transcript import Transcript

# Locks the job's row, so that an erasure or a correction comes wholly before or wholly after.
STATE = text("SELECT state FROM jobs WHERE id = :job FOR SHARE")
LATER = text("""
    SELECT EXISTS (SELECT FROM events WHERE job = :job AND seq > :seq AND type = ANY(:types))
""")
FORGET = text("DELETE FROM segments WHERE job = :job")
COLUMNS = ("job", "n", "tenant", "start", "end", "speaker", "text")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f]")
"""Postgres holds no NUL, and search marks its hits with control characters."""


class Index(Consumer):
    """On job.succeeded and each correction: read the transcript from S3 and keep its segments."""

    name = "index"
    wants = ("job.succeeded", "speaker.renamed", "transcript.edited")

    async def handle(self, event: Event) -> None:
        """Replace the job's segments by those of the transcript as it reads now."""
        async with self.database.connect() as connection:
            if await connection.scalar(LATER, self._later(event)):
                return  # many corrections in a row are one step: the last of them takes it
            state = await connection.scalar(STATE, {"job": event.job})
        transcript = await self._transcript(state)
        if transcript is None:
            return
        async with self.database.begin() as connection:
            state = await connection.scalar(STATE, {"job": event.job})
            job = jobs.decode(state)
            if not job.erased:
                now = edited(transcript, job.names, job.edits)
                await store(connection, event.job, event.tenant, now)

    async def _transcript(self, state: str | None) -> Transcript | None:
        """What the engines heard; None of a job that was erased since."""
        artifact = jobs.decode(state).transcript if state is not None else None
        if artifact is None or not artifact.uri:
            return None
        artifacts = await self.objects.artifacts()
        return await artifacts.get_value(artifact, Transcript)

    def _later(self, event: Event) -> dict[str, object]:
        return {"job": event.job, "seq": event.seq, "types": list(self.wants)}


async def store(
    connection: AsyncConnection, job_id: str, tenant: str, transcript: Transcript
) -> None:
    """Write the segments of a job in place of those that were there."""
    await forget(connection, job_id)
    names = {speaker.id: speaker.name or speaker.id for speaker in transcript.speakers}
    rows = [
        (
            job_id, n, tenant, segment.start, segment.end,
            _plain(names.get(segment.speaker, segment.speaker)) if segment.speaker else None,
            _plain(segment.text),
        )
        for n, segment in enumerate(transcript.segments)
    ]  # fmt: skip
    driver = await raw(connection)
    await driver.copy_records_to_table("segments", records=rows, columns=COLUMNS)


def _plain(text: str) -> str:
    return CONTROL.sub(" ", text).strip()


async def forget(connection: AsyncConnection, job_id: str) -> None:
    """Take a job out of the index."""
    await connection.execute(FORGET, {"job": job_id})
