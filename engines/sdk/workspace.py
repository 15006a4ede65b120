"""A task's files: its inputs from S3 into a folder, its output and kept files back."""

import asyncio
import re
import shutil
from pathlib import Path

import msgspec

from engines.sdk.frames import Run
from engines.sdk.host import Result
from engines.sdk.patience import until_stored
from streams.artifacts import Artifacts, key_of
from streams.commit import Ticket
from streams.events import Artifact
from streams.job import Job
from streams.transcript import Prepared

OUTPUT = "output.json"
ALOUD = "transcribe"
"""The stage that is watched while it works; never of a job whose words are to be masked."""
ROOM = 64 << 20
"""Bytes that must be free before a task is begun."""
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}")


async def fetch(
    artifacts: Artifacts, job: Job, ticket: Ticket, *, hears: bool, workdir: Path
) -> Run:
    """The order for a task, its inputs checked and in ``workdir``.

    Raises:
        ArtifactMissing, ArtifactCorrupt: an input is not what its event says.
        BotoCoreError, ClientError, OSError: S3 stays away.
    """
    node = job.planned(ticket.stage)
    needs = {name: job.stages[name].output for name in node.needs}
    if hears and "prepare" in job.stages and node.name != "prepare":
        needs["prepare"] = job.stages["prepare"].output
    found = {name: output for name, output in needs.items() if output is not None}
    texts = await asyncio.gather(*(_text(artifacts, output) for output in found.values()))
    documents = dict(zip(found, texts, strict=True))
    tracks = await _tracks(artifacts, documents["prepare"], workdir) if hears and documents else ()
    source = None
    if not node.needs:
        suffix = Path(job.filename).suffix
        source = workdir / f"source{suffix if _SUFFIX.fullmatch(suffix) else ''}"
        await _file(artifacts, job.source, source)
    prefix = key_of(job.id, ticket.stage, ticket.token, "")
    return Run(
        job=job.id,
        stage=ticket.stage,
        token=ticket.token,
        workdir=str(workdir),
        base_uri=f"s3://{artifacts.bucket}/{prefix.rstrip('/')}",
        options=node.options,
        filename=job.filename,
        source=str(source) if source else None,
        documents=documents,
        tracks=tracks,
        aloud=ticket.stage == ALOUD and not job.request.redact,
    )


def free(folder: Path) -> int:
    """Bytes that are free on the disk of a folder, or of where it will be."""
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return shutil.disk_usage(there).free


async def store(artifacts: Artifacts, order: Run, result: Result) -> Artifact:
    """Upload what the task kept and its output; the output's artifact.

    Raises:
        FileNotFoundError: the engine kept a file that is not in its workdir.
        BotoCoreError, ClientError, OSError: S3 stays away.
    """
    folder = Path(order.workdir)
    for name, _ in result.files:
        if not (folder / name).is_file():
            raise FileNotFoundError(f"the engine kept {name!r}, which is not in its workdir")

    def key(name: str) -> str:
        return key_of(order.job, order.stage, order.token, name)

    kept = (
        until_stored(lambda n=name, m=media: artifacts.put_file(key(n), folder / n, m))  # type: ignore[misc]
        for name, media in result.files
    )
    output = until_stored(lambda: artifacts.put(key(OUTPUT), result.output, "application/json"))
    made: Artifact
    made, *_ = await asyncio.gather(output, *kept)
    return made


async def _text(artifacts: Artifacts, artifact: Artifact) -> bytes:
    return await until_stored(lambda: artifacts.get(artifact))


async def _file(artifacts: Artifacts, artifact: Artifact, path: Path) -> None:
    await until_stored(lambda: artifacts.get_file(artifact, path))


async def _tracks(artifacts: Artifacts, document: bytes, workdir: Path) -> tuple[str, ...]:
    prepared = msgspec.json.decode(document, type=Prepared)
    paths = [workdir / f"track-{number}.wav" for number in range(len(prepared.tracks))]
    await asyncio.gather(
        *(
            _file(artifacts, track.audio, path)
            for track, path in zip(prepared.tracks, paths, strict=True)
        )
    )
    return tuple(str(path) for path in paths)
