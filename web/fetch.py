"""The audio of a URL as a stream: each hop's address checked, connected to, and bounded in time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import PurePosixPath
from urllib.parse import unquote

import httpx
import msgspec

from web.addresses import AddressPolicy
from web.errors import BadRequest, Unprocessable

HOPS = 5
LONGEST_URL = 4096
PATIENCE = httpx.Timeout(10.0, read=30.0)
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Download(msgspec.Struct, frozen=True):
    """What a URL gives."""

    filename: str
    media_type: str
    chunks: AsyncIterator[bytes]


@asynccontextmanager
async def download(url: str, policy: AddressPolicy) -> AsyncIterator[Download]:
    """Open a URL, following redirects by hand so that each hop is checked anew.

    Raises:
        BadRequest: it is no http or https URL.
        Unprocessable: it is refused, or its server does not give the audio.
    """
    # No proxies and no .netrc of the machine: they would take the connection elsewhere.
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as client:
        try:
            async with _opened(client, _parsed(url), policy) as found:
                yield found
        except httpx.HTTPError as error:
            words = str(error) or type(error).__name__
            raise Unprocessable(f"The audio of the URL cannot be fetched: {words}") from None


@asynccontextmanager
async def _opened(
    client: httpx.AsyncClient, url: httpx.URL, policy: AddressPolicy
) -> AsyncIterator[Download]:
    for _ in range(HOPS + 1):
        reply = await client.send(await _request(client, url, policy), stream=True)
        try:
            if reply.status_code in REDIRECTS and "location" in reply.headers:
                url = _parsed(str(url.join(reply.headers["location"])))
                continue
            _check(reply, url)
            yield Download(
                filename=_filename(url),
                media_type=reply.headers.get("content-type", "application/octet-stream"),
                chunks=reply.aiter_raw(),
            )
            return
        finally:
            await reply.aclose()
    raise Unprocessable(f"The URL was redirected over {HOPS} times.")


async def _request(
    client: httpx.AsyncClient, url: httpx.URL, policy: AddressPolicy
) -> httpx.Request:
    """A request to the checked address, with the name of the host in Host and in TLS."""
    port = url.port or (443 if url.scheme == "https" else 80)
    address = await policy.resolve(url.host, port)
    return client.build_request(
        "GET",
        url.copy_with(host=address),
        headers={"Host": url.netloc.decode("ascii"), "Accept-Encoding": "identity"},
        extensions={"sni_hostname": url.host},
    )


def _parsed(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise BadRequest(f"Field 'url' holds no URL: {error}") from None
    if url.scheme not in {"http", "https"} or not url.host:
        raise BadRequest(f"Field 'url' takes an http or https URL, not {text[:80]!r}.")
    if url.userinfo:
        raise BadRequest("A URL with a user or password in it is not taken; use a signed one.")
    if len(text) > LONGEST_URL:
        raise BadRequest(f"Field 'url' takes up to {LONGEST_URL} characters.")
    return url


def _check(reply: httpx.Response, url: httpx.URL) -> None:
    if reply.status_code != 200:
        raise Unprocessable(f"{url.host} answered {reply.status_code} instead of the audio.")
    coding = reply.headers.get("content-encoding", "identity")
    if coding != "identity":
        raise Unprocessable(f"{url.host} sends the audio as {coding}, though not asked to.")


def _filename(url: httpx.URL) -> str:
    return PurePosixPath(unquote(url.path)).name or url.host
