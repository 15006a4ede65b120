"""Our HTTP API from Python: one async client, typed answers, a live stream that resumes."""

import asyncio
import io
import os
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from infra import sse
from streams.events import JobRequest
from web.key_views import KeyList, KeyView, MadeKey, NewKey
from web.messages import CaughtUp, Message, Snapshot
from web.parked_views import ParkedList, ParkedView, Retried
from web.views import (
    EngineList,
    EngineView,
    EventList,
    HitList,
    HitView,
    JobList,
    JobView,
    Readiness,
)

T = TypeVar("T")
TRIES = 6
"""How often a request is sent when the stack is away or busy: about ten seconds in all."""
LONGEST_PAUSE_S = 10
PAGE = 200
AWAY = frozenset({502, 503, 504, 507})
TIMEOUT = httpx.Timeout(60.0, connect=5.0, write=60.0)
ACCEPT = {"accept": "text/event-stream"}
_decode_message = msgspec.json.Decoder(Message).decode


class ClientError(Exception):
    """The API did not do what it was asked."""


class Unreachable(ClientError):
    """Nobody answers at that address: start a stack with `dalston up`, or look at DALSTON_URL."""


class Rejected(ClientError):
    """The API refused; ``status`` is HTTP's, the message is its problem's title and detail."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Upload(io.FileIO):
    """A file that tells how many of its bytes were read, while it is sent."""

    def __init__(self, path: Path, sent: Callable[[int], None]) -> None:
        super().__init__(path, "rb")
        self._sent = sent

    def read(self, size: int | None = -1, /) -> bytes:
        """As a file does; and say so."""
        data = super().read(-1 if size is None else size) or b""
        self._sent(len(data))
        return data


class Client:
    """One stack's API. Use as an async context manager.

    key: an API key, for a stack that wants one.
    """

    def __init__(self, url: str, key: str = "") -> None:
        self.url = url.rstrip("/")
        headers = {"authorization": f"Bearer {key}"} if key else {}
        # A stack is on this machine or at a given address; a proxy of the environment is not asked.
        self._http = httpx.AsyncClient(
            base_url=self.url, headers=headers, timeout=TIMEOUT, trust_env=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def submit(
        self,
        source: Path | str,
        request: JobRequest,
        *,
        key: str | None = None,
        sent: Callable[[int], None] = lambda _: None,
    ) -> JobView:
        """A new job for a file, or for a URL that the stack fetches itself.

        Args:
            key: an idempotency key; with one, a request whose answer got lost is sent again.
            sent: told the number of bytes that went out, again and again.
        """
        fields = form(request)
        headers = {"idempotency-key": key} if key else {}

        async def send() -> httpx.Response:
            if isinstance(source, str):
                parts = {name: (None, value) for name, value in {**fields, "url": source}.items()}
                return await self._http.post("/v1/jobs", files=parts, headers=headers)
            with Upload(source, sent) as file:
                files = {"file": (source.name, file)}
                return await self._http.post("/v1/jobs", data=fields, files=files, headers=headers)

        return decode(await self._send(send, tries=TRIES if key else 1), JobView)

    async def call(self, method: str, path: str, *, tries: int = 2, **given: Any) -> httpx.Response:
        """Any request, asked again when no answer comes; what the stack refuses is raised."""
        return await self._send(lambda: self._http.request(method, path, **given), tries=tries)

    async def jobs(self, *, limit: int = 50, **which: str | None) -> list[JobView]:
        """Jobs, newest first, as many pages as it takes; ``which`` are filters of GET /v1/jobs."""
        found: list[JobView] = []
        before: str | None = None
        while len(found) < limit:
            size = min(limit - len(found), PAGE)
            page = await self._get("/v1/jobs", JobList, limit=size, before=before, **which)
            found += page.jobs
            before = page.next
            if before is None:
                break
        return found

    async def job(self, job_id: str, *, at: int | None = None) -> JobView:
        """One job as it is, or as it was at revision ``at``."""
        return await self._get(f"/v1/jobs/{job_id}", JobView, at=at)

    async def transcript(
        self,
        job_id: str,
        form: str = "json",
        text: str = "said",
        *,
        version: str | None = None,
        at: int | None = None,
    ) -> str:
        """The transcript as text in one of the formats json, txt, srt, vtt: as said, or clean.

        Args:
            version: edited, which is how people corrected it, or original.
            at: as it was at that revision of the job.
        """
        other = given(text=None if text == "said" else text, version=version, at=at)
        reply = await self._request("GET", f"/v1/jobs/{job_id}/transcript", format=form, **other)
        return reply.text

    async def rename(self, job_id: str, speaker: str, name: str) -> JobView:
        """Say who a speaker of the transcript is; an empty name takes it back."""
        path = f"/v1/jobs/{job_id}/speakers/{quote(speaker, safe='')}"
        return decode(await self.call("PUT", path, json={"name": name}), JobView)

    async def edit(self, job_id: str, segment: int, text: str | None) -> JobView:
        """Correct what a segment says; None lets the original stand again."""
        path = f"/v1/jobs/{job_id}/segments/{segment}"
        return decode(await self.call("PUT", path, json={"text": text}), JobView)

    async def audio(self, job_id: str, track: int, path: Path) -> None:
        """Save a track in which what is personal is inaudible; whole, or not at all."""
        part = path.with_name(f".{path.name}.{os.getpid()}")
        address = f"/v1/jobs/{job_id}/audio"
        async with self._http.stream("GET", address, params={"track": track}) as reply:
            if reply.is_error:
                await reply.aread()
                raise rejected(reply)
            with part.open("wb") as file:
                async for chunk in reply.aiter_bytes():
                    file.write(chunk)
        part.replace(path)

    async def events(self, job_id: str, *, after: int = 0, limit: int = 500) -> EventList:
        """Events of a job, from the archive, oldest first."""
        return await self._get(f"/v1/jobs/{job_id}/events", EventList, after=after, limit=limit)

    async def cancel(self, job_id: str) -> JobView:
        """Stop a job."""
        return decode(await self._post(f"/v1/jobs/{job_id}/cancel"), JobView)

    async def retry(self, job_id: str, *, stage: str | None = None) -> JobView:
        """Unpark a blocked job's stages (one, or all); of one that ended, a new job."""
        return decode(await self._post(f"/v1/jobs/{job_id}/retry", stage=stage), JobView)

    async def erase(self, job_id: str) -> None:
        """Forget what a job said."""
        await self._request("DELETE", f"/v1/jobs/{job_id}")

    async def search(self, text: str, *, limit: int = 20) -> list[HitView]:
        """Where the text was said."""
        return (await self._get("/v1/search", HitList, q=text, limit=limit)).hits

    async def engines(self) -> list[EngineView]:
        """Engines, their replicas and queues."""
        return (await self._get("/v1/engines", EngineList)).engines

    async def drain(self, engine: str, replica: str | None = None) -> EngineView:
        """Have an engine, or one replica, take no more tasks."""
        return decode(await self._tell(f"/v1/engines/{engine}/drain", replica=replica), EngineView)

    async def resume(self, engine: str, replica: str | None = None) -> EngineView:
        """Have it take tasks again."""
        return decode(await self._tell(f"/v1/engines/{engine}/resume", replica=replica), EngineView)

    async def parked(self, *, engine: str | None = None, limit: int = 50) -> list[ParkedView]:
        """Parked stages, of the newest jobs first, as many pages as it takes."""
        found: list[ParkedView] = []
        before: str | None = None
        while len(found) < limit:
            size = min(limit - len(found), PAGE)
            page = await self._get(
                "/v1/parked", ParkedList, engine=engine, limit=size, before=before
            )
            found += page.parked
            before = page.next
            if before is None:
                break
        return found

    async def retry_parked(self, *, engine: str | None = None, stage: str | None = None) -> Retried:
        """Let all parked stages go on, or those of an engine or of a name; it may take a while."""
        reply = await self._tell("/v1/parked/retry", within_s=None, engine=engine, stage=stage)
        return decode(reply, Retried)

    async def keys(self) -> list[KeyView]:
        """Every key there ever was, the newest first."""
        return (await self._get("/v1/keys", KeyList)).keys

    async def make_key(self, wanted: NewKey) -> MadeKey:
        """A new key and its secret."""
        body = msgspec.json.encode(wanted)
        reply = await self._send(lambda: self._http.post("/v1/keys", content=body), tries=1)
        return decode(reply, MadeKey)

    async def revoke_key(self, key_id: str) -> None:
        """End a key for good."""
        await self._request("DELETE", f"/v1/keys/{key_id}")

    async def head(self) -> int:
        """The seq of the newest event, 0 before the first."""
        async with aclosing(self.follow()) as messages:
            async for message in messages:
                if isinstance(message, Snapshot | CaughtUp):
                    return message.seq
        raise AssertionError("a live stream does not end")

    async def readiness(self) -> Readiness:
        """What the web says of the servers behind it, well or not."""
        try:
            return decode(await self._http.get("/readyz"), Readiness)
        except httpx.TransportError as error:
            raise Unreachable(f"no answer from {self.url}: {error}") from None

    async def follow(
        self, *, job: str | None = None, start: int | None = None, tries: int = TRIES
    ) -> AsyncGenerator[Message]:
        """The live stream, for ever: it resumes where it was when the connection breaks.

        Args:
            job: only this one's events.
            start: begin at this seq of the log, without a snapshot.
            tries: how often in a row a connection may fail.
        """
        last, failures = "", 0
        query = given(job=job) | given(**{"from": start})
        while True:
            try:
                headers = ACCEPT | ({"last-event-id": last} if last else {})
                async with aclosing(self._listen(query, headers)) as stream:
                    async for sent in stream:
                        failures, last = 0, sent.id or last
                        yield _decode_message(sent.data)
            except (httpx.TransportError, Rejected) as error:
                if isinstance(error, Rejected) and error.status not in AWAY:
                    raise
                if failures >= tries:
                    raise Unreachable(f"{self.url} stopped answering: {error}") from None
            failures += 1
            await asyncio.sleep(backoff(failures))

    async def _listen(
        self, query: dict[str, Any], headers: dict[str, str]
    ) -> AsyncGenerator[sse.Sent]:
        async with self._http.stream("GET", "/v1/events", params=query, headers=headers) as reply:
            if reply.is_error:
                await reply.aread()
                raise rejected(reply)
            async for sent in sse.read(reply.aiter_lines()):
                yield sent

    async def _get(self, path: str, kind: type[T], **query: Any) -> T:
        return decode(await self._request("GET", path, **query), kind)

    async def _post(self, path: str, **query: Any) -> httpx.Response:
        # Once: a retry of a job that ended makes a new job each time.
        return await self._send(lambda: self._http.post(path, params=given(**query)), tries=1)

    async def _tell(
        self, path: str, *, within_s: float | None = 60.0, **body: Any
    ) -> httpx.Response:
        """Post what may be said twice."""
        return await self._send(
            lambda: self._http.post(path, json=given(**body), timeout=within_s), tries=2
        )

    async def _request(self, method: str, path: str, **query: Any) -> httpx.Response:
        return await self._send(
            lambda: self._http.request(method, path, params=given(**query)), tries=2
        )

    async def _send(self, send: Callable[[], Any], *, tries: int) -> httpx.Response:
        """Send until the stack answers; what it refuses is raised."""
        for attempt in range(1, tries + 1):
            try:
                reply: httpx.Response = await send()
            except httpx.TransportError as error:
                if attempt == tries:
                    raise Unreachable(
                        f"no answer from {self.url}: {str(error) or 'it took too long'}"
                    ) from None
            else:
                if reply.is_success:
                    return reply
                if reply.status_code not in AWAY or attempt == tries or not soon(reply):
                    raise rejected(reply)
            await asyncio.sleep(backoff(attempt))
        raise AssertionError("tries is at least 1")


def soon(reply: httpx.Response) -> bool:
    """Whether another try is worth it: a stack without an engine says to come back much later."""
    after = reply.headers.get("retry-after", "0")
    return not after.isdigit() or int(after) <= LONGEST_PAUSE_S


def form(request: JobRequest) -> dict[str, str]:
    """A request as form fields: only those that differ from what holds without them."""
    plain = msgspec.to_builtins(request)
    return {name: text if isinstance(text, str) else msgspec.json.encode(text).decode()
            for name, text in plain.items()}  # fmt: skip


def given(**query: Any) -> dict[str, Any]:
    """The parameters that have a value."""
    return {name: value for name, value in query.items() if value is not None}


def backoff(attempt: int) -> float:
    """Seconds to wait after so many failures: 0.2, 0.4 … 3, spread by a quarter."""
    return float(min(0.1 * 2**attempt, 3.0)) * (0.75 + random.random() / 2)  # noqa: S311 - no secret


def decode(reply: httpx.Response, kind: type[T]) -> T:
    """An answer's body as a typed value."""
    try:
        return msgspec.json.decode(reply.content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ClientError(
            f"{reply.request.url} is no API of ours ({error}): look at DALSTON_URL"
        ) from None


def rejected(reply: httpx.Response) -> Rejected:
    """The problem of an answer as an error."""
    try:
        problem = reply.json()
        parts = [problem.get("title"), problem.get("detail")]
    except (ValueError, AttributeError):
        parts = []
    message = ": ".join(part for part in parts if part)
    return Rejected(reply.status_code, message or f"HTTP {reply.status_code} {reply.url}")
