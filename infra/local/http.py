"""One question to a health endpoint, without a client library: a supervisor should stay small."""

import asyncio
from urllib.parse import urlsplit

PATIENCE_S = 2.0


async def answers(url: str) -> bool:
    """Whether a GET of `url` (http, with a port) is answered with status 200."""
    return (await ask(url))[0] == 200


async def ask(url: str) -> tuple[int, bytes]:
    """The status and the body with which a GET of `url` is answered; 0 without an answer."""
    parts = urlsplit(url)
    request = (
        f"GET {parts.path or '/'} HTTP/1.1\r\nhost: {parts.netloc}\r\nconnection: close\r\n\r\n"
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            try:
                writer.write(request.encode())
                reply = await reader.read()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return 0, b""
    head, _, body = reply.partition(b"\r\n\r\n")
    status = head.partition(b"\r\n")[0].split(b" ")[1:2]
    return (int(status[0]) if status and status[0].isdigit() else 0), body
