"""Large uploads from one process at once, each made as it is sent: nothing is on disk here."""

import asyncio
import random
import time
from collections.abc import AsyncIterator

import aiohttp
import msgspec
import uvloop

from bench.load.crew import order, say

BOUNDARY = "dalston-load"
CHUNK = 1 << 20
PATIENCE_S = 3600.0


class Order(msgspec.Struct, frozen=True):
    """So many uploads of so many bytes to that address."""

    url: str
    uploads: int
    size: int
    first: int = 0


class Sent(msgspec.Struct, frozen=True):
    """One upload: the job that it became, or why not, and the seconds until the answer."""

    job: str
    status: int
    text: str
    seconds: float


async def form(size: int, number: int) -> AsyncIterator[bytes]:
    """A form with a WAV of ``size`` bytes, noise of its own so that no two are the same."""
    yield (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{number}.wav"\r\n'
        "Content-Type: audio/wav\r\n\r\n"
    ).encode()
    block = _noise(number)
    yield _header(size)
    left = size - 44
    while left:
        part = block[: min(left, CHUNK)]
        left -= len(part)
        yield part
    yield f"\r\n--{BOUNDARY}--\r\n".encode()


def _header(size: int) -> bytes:
    data = size - 44
    parts = (b"RIFF", data + 36, b"WAVEfmt ", 16, b"\1\0\1\0", 16_000, 32_000, b"\2\0\x10\0",
             b"data", data)  # fmt: skip
    return b"".join(p if isinstance(p, bytes) else p.to_bytes(4, "little") for p in parts)


def _noise(seed: int) -> bytes:
    return random.Random(seed).randbytes(CHUNK)


async def send(session: aiohttp.ClientSession, given: Order, number: int) -> Sent:
    """One upload to its answer."""
    began = time.monotonic()
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    try:
        async with session.post(
            f"{given.url}/v1/jobs", data=form(given.size, number), headers=headers
        ) as answer:
            text = await answer.text()
            job = msgspec.json.decode(text)["id"] if answer.status == 202 else ""
            return Sent(job, answer.status, text[:300], time.monotonic() - began)
    except aiohttp.ClientError as error:
        return Sent("", 0, repr(error), time.monotonic() - began)


async def main(given: Order) -> None:
    """All at once; one line with all."""
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        numbers = range(given.first, given.first + given.uploads)
        say(await asyncio.gather(*(send(session, given, number) for number in numbers)))


if __name__ == "__main__":
    uvloop.run(main(order(Order)))
