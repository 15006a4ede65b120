"""One upload: a form's fields as a request, its audio streamed into the store while hashing."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing

import msgspec
from starlette.requests import Request

from streams.artifacts import Artifacts, source_key
from streams.events import Artifact, JobRequest
from web import form, options
from web.addresses import AddressPolicy
from web.errors import BadRequest, TooLarge, Unprocessable
from web.fetch import download
from web.settings import WebSettings

FORM_OVERHEAD = 4 * 1024 * 1024
"""Bytes that the form may add to its file: boundaries, headers and fields at their limits."""
LONGEST_NAME = 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What a terminal obeys, ends a line, or turns the direction of what follows."""

Check = Callable[[JobRequest], None]
OWN = {"file", "url", "upload"}
"""Fields that say where the audio is; all others are options."""


class Upload(msgspec.Struct, frozen=True):
    """What somebody sent: the audio is in the store, nothing points at it yet."""

    request: JobRequest
    filename: str
    source: Artifact


class Resumed(msgspec.Struct, frozen=True):
    """What somebody sent before, part by part: the job takes the id of that upload."""

    request: JobRequest
    upload: str


class Receiver:
    """Takes uploads into the store, by form or by URL."""

    def __init__(self, artifacts: Artifacts, settings: WebSettings) -> None:
        self._artifacts = artifacts
        self._settings = settings
        self._policy = AddressPolicy(settings.url_allow)

    async def receive(self, request: Request, job_id: str, check: Check) -> Upload | Resumed:
        """Read a whole form; ``check`` raises when nobody can do what its fields ask for.

        Raises:
            WebError: whatever is wrong; the store then holds nothing of this upload.
        """
        self._check_length(request.headers.get("content-length", ""))
        boundary = form.boundary_of(request.headers.get("content-type", ""))
        kept: list[Upload] = []
        try:
            return await self._read(form.tokens(boundary, request.stream()), job_id, check, kept)
        except BaseException:
            if kept:
                await self.discard(job_id)
            raise

    async def discard(self, job_id: str) -> None:
        """Delete what was stored for a job that does not come to be."""
        await asyncio.shield(self._artifacts.erase(job_id))

    async def _read(
        self,
        stream: AsyncGenerator[form.Token, None],
        job_id: str,
        check: Check,
        kept: list[Upload],
    ) -> Upload | Resumed:
        """``kept`` tells the caller what is in the store, should this raise."""
        fields: dict[str, str] = {}
        async with aclosing(stream):
            async for token in stream:
                if isinstance(token, form.Field):
                    _add(fields, token)
                elif isinstance(token, form.File):
                    _check_file(token, taken=bool(kept))
                    # What can be refused now is refused before the file is read.
                    check(_request(fields))
                    kept.append(await self._store(stream, token, job_id))
        request, url, upload = _request(fields), fields.get("url", ""), fields.get("upload", "")
        check(request)
        _check_sources(kept=bool(kept), url=url, upload=upload)
        if upload:
            return Resumed(request, upload)
        stored = kept[0] if kept else await self._fetch(url, job_id)
        return msgspec.structs.replace(stored, request=request)

    async def _store(
        self,
        stream: AsyncGenerator[form.Token, None],
        file: form.File,
        job_id: str,
    ) -> Upload:
        chunks = self._bounded(_until_end(stream))
        source = await self._artifacts.put_stream(
            source_key(job_id), chunks, media_type_of(file.media_type)
        )
        return Upload(request=JobRequest(), filename=clean_name(file.filename), source=source)

    async def _fetch(self, url: str, job_id: str) -> Upload:
        limit = self._settings.url_timeout_s
        try:
            async with asyncio.timeout(limit), download(url, self._policy) as found:
                source = await self._artifacts.put_stream(
                    source_key(job_id), self._bounded(found.chunks), media_type_of(found.media_type)
                )
        except TimeoutError:
            raise Unprocessable(f"The audio of the URL did not come in {limit:g} s.") from None
        return Upload(request=JobRequest(), filename=clean_name(found.filename), source=source)

    async def _bounded(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in chunks:
            size += len(chunk)
            self.check_size(size)
            yield chunk
        if size == 0:
            raise BadRequest("The file is empty: it has zero bytes.")

    def _check_length(self, header: str) -> None:
        if header.isdigit() and int(header) > self._settings.max_upload + FORM_OVERHEAD:
            self.check_size(int(header))

    def check_size(self, size: int) -> None:
        """Raise TooLarge when no audio of so many bytes is taken."""
        limit = self._settings.max_upload
        if size > limit:
            raise TooLarge(f"The audio is over the limit of {limit} bytes (DALSTON_MAX_UPLOAD).")


async def _until_end(stream: AsyncIterator[form.Token]) -> AsyncIterator[bytes]:
    async for token in stream:
        if isinstance(token, form.End):
            return
        assert isinstance(token, bytes)
        yield token


def _add(fields: dict[str, str], field: form.Field) -> None:
    if field.name in fields:
        raise BadRequest(f"Field {field.name!r} is there twice.")
    if field.name == "file" and field.value:
        raise BadRequest("The part 'file' has no file name, so it is no file.")
    fields[field.name] = field.value


def _check_file(file: form.File, *, taken: bool) -> None:
    if file.name != "file":
        raise BadRequest(f"The file is in a part {file.name!r}; it belongs in 'file'.")
    if taken:
        raise BadRequest("The form has two files; send one a job.")


def _check_sources(*, kept: bool, url: str, upload: str) -> None:
    given = [name for name, there in (("a file", kept), ("a field 'url'", url),
                                      ("a field 'upload'", upload)) if there]  # fmt: skip
    if len(given) > 1:
        raise BadRequest(f"The form has both {' and '.join(given)}; send one of them.")
    if not given:
        raise BadRequest("The form has neither a part 'file' nor a field 'url' or 'upload'.")


def _request(fields: dict[str, str]) -> JobRequest:
    return options.parse({name: text for name, text in fields.items() if name not in OWN})


def media_type_of(header: str) -> str:
    """The sender's word for it, for the store only: prepare looks at the bytes."""
    plain = header.partition(";")[0].strip().lower()
    return (
        plain
        if re.fullmatch(r"[\w.+-]{1,60}/[\w.+-]{1,60}", plain)
        else ("application/octet-stream")
    )


def clean_name(name: str) -> str:
    """A file's own name: no folders, no control characters, not too long."""
    readable = name.encode(errors="replace").decode()
    last = _CONTROL.sub("", re.split(r"[/\\]", readable)[-1]).strip()
    if len(last) > LONGEST_NAME:
        stem, dot, extension = last.rpartition(".")
        keep = LONGEST_NAME - len(extension) - 1
        last = f"{stem[:keep]}{dot}{extension}" if stem and keep > 0 else last[:LONGEST_NAME]
    return last or "audio"
