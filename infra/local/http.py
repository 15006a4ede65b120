"""One question to a health endpoint, without a client library: a supervisor should stay small."""

import asyncio
from urllib.parse import urlsplit

PATIENCE_S = 2.0


async def answers(url: str) -> bool:
    """Whether a GET of `url` (http, with a port) is answered with status 200."""
    parts = urlsplit(url)
    request = (
        f"GET {parts.path or '/'} HTTP/1.1\r\nhost: {parts.netloc}\r\nconnection: close\r\n\r\n"
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
            try:
                writer.write(request.encode())
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return status.split(b" ")[1:2] == [b"200"]
