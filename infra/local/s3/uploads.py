"""Uploads in parts: each is an object of its own until all are joined. Not for the event loop."""

import hashlib
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

import msgspec

from infra.local.s3.errors import S3Error
from infra.local.s3.objects import Draft, Facts, check_space, open_object, sync_directory
from infra.local.s3.store import Store

SMALLEST = 5 << 20  # of all parts but the last
MOST = 10_000


class Upload(msgspec.Struct, frozen=True):
    """What will become of the parts."""

    bucket: str
    key: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Part:
    """A part that was uploaded."""

    number: int
    etag: str
    size: int
    modified: float


def create(store: Store, upload: Upload) -> str:
    """Begin; return the upload's id."""
    store.path(upload.bucket, upload.key)  # a bad key is refused now rather than at the end
    identity = secrets.token_hex(16)
    directory = store.uploads / identity
    directory.mkdir()
    (directory / "upload.json").write_bytes(msgspec.json.encode(upload))
    sync_directory(directory)
    sync_directory(store.uploads)
    return identity


def find(store: Store, bucket: str, key: str, identity: str) -> Path:
    """An upload's directory; raise NoSuchUpload."""
    directory = store.uploads / identity
    if not identity.isalnum() or not directory.is_dir():
        raise S3Error("NoSuchUpload", f"There is no upload {identity}.")
    upload = read(directory)
    if (upload.bucket, upload.key) != (bucket, key):
        raise S3Error("NoSuchUpload", f"Upload {identity} is of another key.")
    return directory


def read(directory: Path) -> Upload:
    """What an upload's directory says."""
    return msgspec.json.decode((directory / "upload.json").read_bytes(), type=Upload)


def part_path(directory: Path, number: int) -> Path:
    """Where a part lies."""
    if not 1 <= number <= MOST:
        raise S3Error("InvalidArgument", f"Part numbers are 1 to {MOST}, not {number}.")
    return directory / f"{number:05d}"


def parts(directory: Path) -> list[Part]:
    """The parts that are there, by number."""
    found = []
    for path in sorted(directory.glob("[0-9]" * 5)):
        file, facts, size = open_object(path)
        file.close()
        found.append(Part(int(path.name), facts.etag, size, facts.modified))
    return found


def begun(store: Store, identity: str) -> float:
    """When an upload began, in seconds since 1970."""
    return (store.uploads / identity / "upload.json").stat().st_mtime


def of_bucket(store: Store, bucket: str, prefix: str) -> list[tuple[str, Upload]]:
    """Unfinished uploads to a bucket, by key."""
    found = [(path.name, read(path)) for path in store.uploads.iterdir()]
    mine = [u for u in found if u[1].bucket == bucket and u[1].key.startswith(prefix)]
    return sorted(mine, key=lambda u: (u[1].key, u[0]))


def complete(
    store: Store, directory: Path, chosen: list[tuple[int, str]], *, only_new: bool
) -> Facts:
    """Join the chosen (number, etag) parts into the object."""
    check_parts(chosen, {part.number: part for part in parts(directory)})
    upload = read(directory)
    paths = [part_path(directory, number) for number, _ in chosen]
    check_space(store.drafts, sum(path.stat().st_size for path in paths))
    draft = store.draft()
    try:
        etag = join(draft, paths)
        target = store.path(upload.bucket, upload.key)
        facts = draft.publish(target, upload.headers, etag=etag, only_new=only_new)
    finally:
        draft.discard()
    abort(directory)
    return facts


def join(draft: Draft, paths: list[Path]) -> str:
    """Append the parts; return S3's etag of an object in parts."""
    digest = hashlib.md5(usedforsecurity=False)
    for path in paths:
        file, facts, size = open_object(path)
        with file:
            draft.append(file, size)
        digest.update(bytes.fromhex(facts.etag))
    return f"{digest.hexdigest()}-{len(paths)}"


def check_parts(chosen: list[tuple[int, str]], there: dict[int, Part]) -> None:
    """Refuse parts out of order, missing, changed, or too small."""
    numbers = [number for number, _ in chosen]
    if not chosen or numbers != sorted(set(numbers)):
        raise S3Error("InvalidPartOrder", "Name the parts once each, in order.")
    for number, etag in chosen:
        if number not in there or there[number].etag != etag:
            raise S3Error("InvalidPart", f"Part {number} is missing, or its etag is another.")
    if any(there[number].size < SMALLEST for number in numbers[:-1]):
        raise S3Error("EntityTooSmall", f"All parts but the last have at least {SMALLEST} bytes.")


def abort(directory: Path) -> None:
    """Forget an upload and its parts."""
    shutil.rmtree(directory, ignore_errors=True)
    sync_directory(directory.parent)
