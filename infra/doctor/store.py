"""S3: the bucket is there, reads give back what was written, nothing is written over."""

from infra.doctor.finding import Finding, fail, ok
from streams.artifacts import Artifacts
from streams.errors import ArtifactCorrupt
from streams.ids import new_id


async def examine(artifacts: Artifacts) -> list[Finding]:
    """Write a small object twice, read it, and take it away."""
    await artifacts.probe()
    job = f"doctor-{new_id()}"
    key = f"jobs/{job}/probe"
    try:
        made = await artifacts.put(key, b"first", "text/plain")
        back = await artifacts.get(made)
        kept = await refuses(artifacts, key)
    finally:
        await artifacts.erase(job)
    if back != b"first":
        return [fail("s3", "an object came back with other bytes", "look at the store's disk")]
    if not kept:
        cure = "use a store that honours If-None-Match on PUT: attempts could overwrite each other"
        return [fail("s3", f"bucket {artifacts.bucket}, but objects can be written over", cure)]
    return [ok("s3", f"bucket {artifacts.bucket}, writes once, reads back")]


async def refuses(artifacts: Artifacts, key: str) -> bool:
    """Whether a second, different write of a key is refused."""
    try:
        await artifacts.put(key, b"second", "text/plain")
    except ArtifactCorrupt:
        return True
    return False
