"""Accepting once by key, whatever is sent twice."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from projector import submissions
from projector.errors import IdempotencyMismatch
from projector.submissions import Submission
from streams.commit import Ledger
from streams.errors import SchemaTooNew
from streams.events import Artifact, JobRequest
from streams.ids import new_id


def submission(key: str | None = None, fingerprint: str = "f") -> Submission:
    return Submission(
        id=new_id(),
        tenant="default",
        idempotency_key=key,
        fingerprint=fingerprint,
        filename="talk\x00.wav",
        source=Artifact(uri="s3://b/k", sha256="0", bytes=1),
        request=JobRequest(language="en", labels={"a": "b"}),
        accepted_at=datetime.now(UTC),
    )


async def test_a_key_used_twice_gives_the_row_of_before(db: AsyncEngine) -> None:
    first = submission("k")
    async with db.begin() as c:
        assert await submissions.accept(c, first) == (first, True)
    async with db.begin() as c:
        again, fresh = await submissions.accept(c, submission("k"))
    assert (again.id, again.request, fresh) == (first.id, first.request, False)


async def test_a_key_of_another_upload_is_refused(db: AsyncEngine) -> None:
    async with db.begin() as c:
        await submissions.accept(c, submission("k"))
        with pytest.raises(IdempotencyMismatch, match="belongs to another upload"):
            await submissions.accept(c, submission("k", "other"))


async def test_of_many_at_once_with_one_key_one_is_accepted(db: AsyncEngine) -> None:
    async def accept() -> tuple[Submission, bool]:
        async with db.begin() as c:
            return await submissions.accept(c, submission("k"))

    answers = await asyncio.gather(*[accept() for _ in range(8)])
    assert sum(fresh for _, fresh in answers) == 1
    assert len({row.id for row, _ in answers}) == 1


async def test_a_request_of_a_newer_version_is_left_to_it_and_nothing_of_it_is_forgotten(
    db: AsyncEngine, ledger: Ledger
) -> None:
    made, plain = submission(), submission()
    async with db.begin() as c:
        await submissions.accept(c, made)
        await submissions.accept(c, plain)
        await c.execute(
            text("UPDATE submissions SET request = :request WHERE id = :id"),
            {"id": made.id, "request": '{"language":"en","mood":true,"depth":2}'},
        )
        later = datetime.now(UTC) + timedelta(seconds=1)
        found = await submissions.missing(c, before=later, soon=later)
    missing = {one.id: one for one in found}
    assert (missing[made.id].later, missing[plain.id].later) == (("depth", "mood"), ())
    with pytest.raises(SchemaTooNew, match="asks for depth, mood"):
        await submissions.submit(ledger, missing[made.id], [], asked=time.monotonic())
    assert await ledger.load(made.id) is None
    assert (await submissions.submit(ledger, missing[plain.id], [], asked=time.monotonic())).job


async def test_a_submission_is_found_by_its_tenant_alone(db: AsyncEngine) -> None:
    made = submission()
    async with db.begin() as c:
        await submissions.accept(c, made)
        found = await submissions.find(c, made.id, "default")
        assert found is not None
        assert (found.filename, found.accepted_at) == ("talk.wav", made.accepted_at)
        assert await submissions.find(c, made.id, "other") is None
