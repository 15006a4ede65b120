"""An answer of SQL as a file: gathered on disk first, so that what fails half way is an error."""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from projector.analytics.reading import Answer
from streams import tasks
from web import spreadsheet
from web.errors import BadRequest, Internal

FileForm: TypeAlias = Literal["csv", "parquet"]
MEDIA_TYPES: dict[FileForm, str] = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
ROWS = 100_000
ROOM = 128 * 1024 * 1024
"""Rows of one file, and bytes that they may have as JSON."""
ENVIRONMENT = ("PATH", "PYTHONPATH", "HOME", "TMPDIR", "LANG")
"""What the process that writes Parquet is told: none of our passwords."""
_ONE = asyncio.Semaphore(1)
"""One such process at a time: it takes up to half a gigabyte."""


async def export(answer: Answer, form: FileForm, name: str, limit: int = ROWS) -> Response:
    """The rows as a file to save.

    Raises:
        SqlRefused: Postgres stopped half way.
        BadRequest: a value has no place in the format.
    """
    descriptor, path = tempfile.mkstemp(prefix="dalston-", suffix=f".{form}")
    os.close(descriptor)
    target = Path(path)
    try:
        if form == "csv":
            await _csv(answer, target, limit)
        else:
            await _parquet(answer, target, limit)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    headers = {"X-Truncated": "true" if answer.truncated else "false", "Cache-Control": "no-store"}
    return FileResponse(
        path, media_type=MEDIA_TYPES[form], filename=f"dalston-{name}.{form}", headers=headers,
        background=BackgroundTask(target.unlink, missing_ok=True),
    )  # fmt: skip


async def _csv(answer: Answer, target: Path, limit: int) -> None:
    header: Sequence[Any] = [column.name for column in answer.columns]
    with target.open("wb") as file:
        file.write(spreadsheet.lines([header]))
        async for rows in answer.pages(limit, ROOM):
            file.write(spreadsheet.lines(rows))


async def _parquet(answer: Answer, target: Path, limit: int) -> None:
    with tempfile.TemporaryFile() as rows:
        async for line in _json_lines(answer, limit):
            rows.write(line)
        rows.seek(0)
        async with _ONE:
            await _write(rows.fileno(), target)


async def _json_lines(answer: Answer, limit: int) -> AsyncIterator[bytes]:
    columns = [(column.name, column.type) for column in answer.columns]
    yield msgspec.json.encode(columns) + b"\n"
    async for rows in answer.pages(limit, ROOM):
        yield b"".join(msgspec.json.encode(row) + b"\n" for row in rows)


async def _write(rows: int, target: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "web.parquet", str(target), stdin=rows,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
        cwd=Path(__file__).parents[1],
    )  # fmt: skip
    said = asyncio.ensure_future(process.communicate())
    try:
        _, error = await asyncio.shield(said)
    except asyncio.CancelledError:
        process.kill()
        await tasks.end(said)
        raise
    if process.returncode == 1 and (text := error.decode(errors="replace").strip()):
        line = text.splitlines()[-1]
        raise BadRequest(line[:500])
    if process.returncode:
        raise Internal("Parquet could not be written: the log of the web process has the details.")
