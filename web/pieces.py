"""The body of a request as parts of a file: of one size but for the last, one in memory."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from web.errors import BadRequest, TooLarge

IDLE_S = 60.0
"""So long a client may send nothing: the connection is dead, and a new one goes on."""


async def parts(
    body: AsyncGenerator[bytes, None], size: int, room: int
) -> AsyncGenerator[bytes, None]:
    """Parts of ``size`` bytes, and the rest once ``room`` bytes came: the end of the file.

    What is cut off short of a part is dropped: whoever sends goes on from the part before.

    Raises:
        TooLarge: more came than there is room for. BadRequest: nothing came any more.
    """
    buffer = bytearray()
    async with aclosing(_awake(body)) as chunks:
        async for chunk in chunks:
            buffer += chunk
            if len(buffer) > room:
                raise TooLarge("The body goes on beyond the end of the file (Upload-Length).")
            while buffer and len(buffer) >= (whole := min(size, room)):
                room -= whole
                with memoryview(buffer) as view:
                    part = bytes(view[:whole])
                del buffer[:whole]
                yield part
                del part


async def _awake(body: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """What comes, as long as something does."""
    async with aclosing(body):
        while True:
            try:
                async with asyncio.timeout(IDLE_S):
                    chunk = await anext(body, None)
            except TimeoutError:
                raise BadRequest(f"Nothing came for {IDLE_S:g} s: send the rest anew.") from None
            if chunk is None:
                return
            yield chunk
