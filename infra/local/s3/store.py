"""Buckets and keys as directories and files, and what a listing shows. Not for the event loop."""

import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

from infra.local.s3.errors import S3Error
from infra.local.s3.objects import Draft, Facts, make_directories, open_object, remove_object

BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
NAME_BYTES = 250
STALE_S = 24 * 3600  # an upload in parts that nobody went on with


class Store:
    """One directory: `buckets/NAME/…` objects, `uploads/ID/` parts, `drafts/` unfinished files."""

    def __init__(self, root: Path) -> None:
        self.buckets, self.uploads, self.drafts = (
            root / name for name in ("buckets", "uploads", "drafts")
        )

    def prepare(self) -> None:
        """Make the directories, and clear what a killed process left."""
        shutil.rmtree(self.drafts, ignore_errors=True)
        for directory in (self.buckets, self.uploads, self.drafts):
            make_directories(directory)
        for upload in self.uploads.iterdir():
            if time.time() - upload.stat().st_mtime > STALE_S:
                shutil.rmtree(upload, ignore_errors=True)

    def draft(self) -> Draft:
        """A new object to write."""
        return Draft(self.drafts)

    def bucket(self, name: str) -> Path:
        """A bucket's directory; raise NoSuchBucket."""
        path = self.buckets / name
        if not BUCKET.fullmatch(name) or not path.is_dir():
            raise S3Error("NoSuchBucket", f"There is no bucket {name}.")
        return path

    def create_bucket(self, name: str) -> None:
        """Make a bucket; raise if there is one."""
        if not BUCKET.fullmatch(name) or name == "healthz":
            raise S3Error("InvalidBucketName", f"{name!r}: 3 to 63 of a-z, 0-9, dots and hyphens.")
        if (self.buckets / name).exists():
            raise S3Error("BucketAlreadyOwnedByYou", f"There is a bucket {name}.")
        make_directories(self.buckets / name)

    def ensure_bucket(self, name: str) -> None:
        """Make a bucket unless it is there."""
        if not (self.buckets / name).is_dir():
            self.create_bucket(name)

    def delete_bucket(self, name: str) -> None:
        """Remove an empty bucket."""
        try:
            self.bucket(name).rmdir()
        except OSError:
            raise S3Error("BucketNotEmpty", f"Bucket {name} holds objects.") from None

    def path(self, bucket: str, key: str) -> Path:
        """Where the object of a key lies, whether there is one or not."""
        return self.bucket(bucket) / file_of(key)

    def facts(self, bucket: str, key: str) -> tuple[Facts, int]:
        """What is known of an object, and its size; raise FileNotFoundError."""
        file, facts, size = open_object(self.path(bucket, key))
        file.close()
        return facts, size

    def delete(self, bucket: str, key: str) -> None:
        """Remove an object; one that is not there is removed already."""
        remove_object(self.path(bucket, key), self.bucket(bucket))

    def keys(self, bucket: str, prefix: str) -> list[str]:
        """All keys that begin with `prefix`, in S3's order: by their bytes."""
        root = self.bucket(bucket)
        start = root / directory_of(prefix)
        found = [key for key in walk(root, start) if key.startswith(prefix)]
        return sorted(found, key=str.encode)


def file_of(key: str) -> str:
    """A key's file name below its bucket: "=" ends it, so "a" and "a/b" can both be objects."""
    if not key or len(key.encode()) > 1024 or "\0" in key:
        raise S3Error("KeyTooLongError", "A key has 1 to 1024 bytes, none of them zero.")
    names = [name_of(segment) for segment in key.split("/")]
    names[-1] += "="
    if any(len(name) > NAME_BYTES for name in names):
        raise S3Error(
            "KeyTooLongError", f"A part of a key between slashes is too long: at most {NAME_BYTES}."
        )
    return "/".join(names)


def name_of(segment: str) -> str:
    """A file name for one part of a key; never empty, dots, or with a "=" of its own."""
    if segment.strip("."):
        return quote(segment, safe="")
    return "%2E" * len(segment) or "%"


def directory_of(prefix: str) -> str:
    """The deepest directory that holds all keys of a prefix."""
    return "/".join(name_of(segment) for segment in prefix.split("/")[:-1])


def walk(root: Path, start: Path) -> Iterator[str]:
    """The keys of all files from `start` down, in no order."""
    for directory, _, files in os.walk(start):
        within = Path(directory).relative_to(root).parts
        for file in files:
            names = [*within, file.removesuffix("=")]
            yield "/".join("" if name == "%" else unquote(name) for name in names)
