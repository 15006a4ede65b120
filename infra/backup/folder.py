"""A backup as files: a dump of Postgres, the objects, and last of all the manifest.

``manifest.json`` is written when all else is on disk, so a folder without it was never finished.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from infra.backup.errors import BackupError, NotEmpty, Unfinished

FORMAT = 1
CHUNK = 1 << 20


class Table(msgspec.Struct, frozen=True):
    """Rows of a table, and one sha256 over all of them in the order of their key."""

    rows: int
    sha256: str


class Entry(msgspec.Struct, frozen=True):
    """One object: its key in the bucket, and what its bytes are."""

    key: str
    sha256: str
    bytes: int
    media_type: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds.

    seq, id, epoch: the last event in it. live: jobs that were under way.
    dump, objects: sha256 of ``postgres.dump`` and of ``objects.jsonl``.
    gone: jobs in the dump whose objects were erased while they were being copied.
    """

    format: int
    dalston: str
    began_at: str
    took_s: float
    schema: str
    seq: int
    id: str
    epoch: int
    jobs: int
    live: int
    tables: dict[str, Table]
    dump: str
    objects: str
    object_count: int
    object_bytes: int
    gone: tuple[str, ...] = ()


class Folder:
    """The places in a backup's folder."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.dump = self.path / "postgres.dump"
        self.objects = self.path / "objects"
        self.list = self.path / "objects.jsonl"
        self.manifest = self.path / "manifest.json"

    def create(self) -> None:
        """Make it, readable by its owner only.

        Raises:
            Unfinished, NotEmpty: something is there already.
        """
        if self.path.exists() and any(self.path.iterdir()):
            if not self.manifest.exists() and (self.dump.exists() or self.objects.exists()):
                raise Unfinished(f"{self.path} holds a backup that was cut off: remove it first")
            raise NotEmpty(f"{self.path} is not empty: name a folder that does not exist yet")
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.objects.mkdir()

    def read(self) -> Manifest:
        """The manifest.

        Raises:
            Unfinished: there is none, so the backup was cut off.
            BackupError: there is no backup, or one of a newer format.
        """
        if not self.manifest.exists():
            if self.dump.exists() or self.objects.exists():
                raise Unfinished(
                    f"{self.path} has no manifest.json: this backup was cut off before its end, "
                    "do not use it; remove it and take another"
                )
            raise BackupError(f"{self.path} holds no backup")
        try:
            found = msgspec.json.decode(self.manifest.read_bytes(), type=Manifest)
        except msgspec.MsgspecError as error:
            raise BackupError(f"{self.manifest} cannot be read: {error}") from None
        if found.format > FORMAT:
            raise BackupError(f"{self.path} has format {found.format}: a newer dalston made it")
        return found

    def finish(self, manifest: Manifest) -> None:
        """Have all of it on disk, then say so."""
        os.sync()
        fresh = self.manifest.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.manifest)
        os.sync()

    def entries(self) -> Iterator[Entry]:
        """The list of objects."""
        decode = msgspec.json.Decoder(Entry).decode
        with self.list.open("rb") as file:
            for line in file:
                yield decode(line)

    def place(self, key: str) -> Path:
        """Where an object's bytes are.

        Raises:
            BackupError: the key names a place outside: nobody but an attacker writes such a list.
        """
        path = self.objects / key
        if any(part in {"", ".", ".."} for part in key.split("/")):
            raise BackupError(f"{self.list}: {key!r} is no key of ours")
        return path


def sha256(path: Path) -> tuple[str, int]:
    """Digest and size of a file."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size
