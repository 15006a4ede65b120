"""Whatever is sent, by Hypothesis or by hand: a clear answer, no fault of ours, and it goes on."""

import asyncio
import json
import os
import random
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.artifacts import Artifacts
from tests.web.conftest import Served, post
from tests.web.test_commands import objects
from web.uploads import clean_name

EXAMPLES = int(os.environ.get("DALSTON_FUZZ", "10"))
hard = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
OPENAPI = json.loads((Path(__file__).parents[2] / "docs/api/openapi.json").read_text())
ROUTES = [
    (method, path, operation)
    for path, methods in OPENAPI["paths"].items()
    for method, operation in methods.items()
    if method in {"get", "delete", "post"} and (method, path) != ("post", "/v1/jobs")
]
NUMBERS = (
    "0",
    "-1",
    "1e3",
    "nan",
    "-0",
    "٣",
    "2147483648",
    "9223372036854775807",
    "9" * 19,
    "9" * 40,
)
odd = st.text(max_size=40) | st.sampled_from(NUMBERS) | st.integers().map(str)
header = st.text(
    alphabet=[chr(n) for n in range(33, 256) if n != 127], max_size=60
) | st.sampled_from(
    [
        "1-9223372036854775808",
        f"{'9' * 18}-{'9' * 18}",
        "1-0",
        "wait=1e999",
        "respond-async, wait=nan",
    ]
)
leaf = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
anything = st.recursive(
    leaf, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner)
)
names = st.sampled_from(sorted(OPENAPI["components"]["schemas"]["JobRequest"]["properties"]))


def fine(reply: httpx.Response) -> None:
    """Answered, and when refused, then as a problem that tells nothing of our insides."""
    shown = f"{reply.request.method} {reply.request.url}: {reply.status_code} {reply.text}"
    assert reply.status_code < 500, shown
    if reply.status_code >= 400:
        assert reply.headers["content-type"] == "application/problem+json", shown
        assert reply.json()["title"]
    for secret in (
        "Traceback",
        ".py",
        "asyncpg",
        "sqlalchemy",
        "redis://",
        "unix://",
        "postgresql:",
    ):
        assert secret not in reply.text, shown


async def tried(served: Served, property_: Callable[[httpx.Client], None]) -> None:
    """Run a property in a thread, for Hypothesis does not await; then the web must be well."""

    def run() -> None:
        with httpx.Client(base_url=served.url, timeout=30) as client:
            property_(client)

    await asyncio.to_thread(run)
    assert (await served.client.get("/readyz")).status_code == 200


@pytest.mark.parametrize("number", [2**31, 2**63 - 1, 2**63, 10**30])
async def test_a_number_that_no_server_counts_to_is_the_clients_fault(
    served: Served, number: int
) -> None:
    job = await post(served)
    for query in (f"{job}/events?after=", f"{job}/events?limit=", f"{job}?at="):
        fine(await served.client.get(f"/v1/jobs/{query}{number}"))
    for query in ("epoch=1&seq=", "seq=1&epoch=", "from="):
        async with served.client.stream("GET", f"/v1/events?{query}{number}") as reply:
            assert reply.status_code < 500
    for last in (f"1-{number}", f"{number}-1"):
        headers = {"Last-Event-ID": last}
        async with served.client.stream("GET", "/v1/events", headers=headers) as reply:
            assert reply.status_code < 500


async def test_no_query_header_path_or_body_is_a_fault_of_ours(served: Served) -> None:
    job = await post(served)
    for method, path, operation in ROUTES:
        await _ask(served, job, method, path, operation)


async def _ask(served: Served, job: str, method: str, path: str, operation: dict[str, Any]) -> None:
    known = [p["name"] for p in operation["parameters"] if p.get("in") == "query"]
    heads = [p["name"] for p in operation["parameters"] if p.get("in") == "header"]

    def run(client: httpx.Client) -> None:
        @hard
        @given(
            query=st.dictionaries(st.sampled_from(known) if known else st.text(max_size=5), odd),
            headers=st.dictionaries(st.sampled_from([*heads, "Accept", "X-A"]), header),
            id_=st.just(job) | st.text(alphabet=string.printable, max_size=30),
            body=st.none() | anything | st.dictionaries(names, leaf),
        )
        def check(query: Any, headers: Any, id_: str, body: Any) -> None:
            if "wait" in query:
                query["wait"] = query["wait"] if query["wait"][:1] in {"0", "-", "n"} else "0"
            url = httpx.URL(served.url, raw_path=_target(path, id_, query))
            content = json.dumps(body).encode() if body is not None and method == "post" else None
            raw = {name: value.encode("latin-1") for name, value in headers.items()}
            with client.stream(method, url, headers=raw, content=content) as reply:
                if not reply.headers.get("content-type", "").startswith("text/event-stream"):
                    reply.read()
                    fine(reply)
                assert reply.status_code < 500

        check()

    await tried(served, run)


def _target(path: str, id_: str, query: dict[str, str]) -> bytes:
    filled = path.replace("{id}", quote(id_, safe=""))
    return f"{filled}?{urlencode(query, errors='replace')}".encode()


part = st.tuples(
    st.sampled_from(["file", "url", "model", "language", "labels", "", "\0", "a" * 999]),
    st.none()
    | st.text(max_size=30)
    | st.sampled_from(["../../etc/passwd", "a\u202egpj.wav", "\0"]),
    st.binary(max_size=200) | st.sampled_from([b"--x", b"\r\n--x--", b"[" * 5000, b"1e400", b"{}"]),
    st.sampled_from([b"", b"Content-Type: " + b"a" * 300, b"X: \xff", b"Content-Disposition: x"]),
)
mutation = st.tuples(st.integers(0, 3), st.integers(0, 2000), st.binary(max_size=8))


def form(parts: Any, mutations: Any) -> bytes:
    """A form on the wire, then hurt: cut, bytes put in, bytes taken out, a piece repeated."""
    body = b""
    for name, filename, data, more in parts:
        named = (
            b'; filename="%s"' % filename.encode(errors="replace") if filename is not None else b""
        )
        disposition = b'Content-Disposition: form-data; name="%s"%s\r\n' % (name.encode(), named)
        body += (
            b"--x\r\n" + disposition + (more + b"\r\n" if more else b"") + b"\r\n" + data + b"\r\n"
        )
    body += b"--x--\r\n"
    for kind, at, data in mutations:
        where = at % (len(body) + 1)
        body = (
            body[:where],
            body[:where] + data + body[where:],
            body[:where] + body[where + len(data) :],
            body[:where] + body[where // 2 :],
        )[kind]
    return body


async def test_no_form_is_a_fault_of_ours_and_a_refused_one_leaves_nothing(
    served: Served, artifacts: Artifacts
) -> None:
    accepted = []

    def run(client: httpx.Client) -> None:
        @hard
        @given(st.lists(part, max_size=4), st.lists(mutation, max_size=3), st.booleans())
        def check(parts: Any, mutations: Any, quoted: bool) -> None:
            kind = f"multipart/form-data; boundary={chr(34) + 'x' + chr(34) if quoted else 'x'}"
            reply = client.post(
                "/v1/jobs", content=form(parts, mutations), headers={"Content-Type": kind}
            )
            fine(reply)
            if reply.status_code == 202:
                accepted.append(reply.json())

        check()

    await tried(served, run)
    assert len(await objects(artifacts)) == len(accepted)
    for view in accepted:
        assert view["filename"] == clean_name(view["filename"])


CONTENT_TYPES = (
    *("multipart/form-data; boundary=" + "b" * 5000, "multipart/form-data; boundary=\xe9"),
    *('multipart/form-data; boundary="a', "multipart/form-data; boundary=a; boundary=b"),
    *("multipart/form-data; boundary=a\tb", "multipart/form-data;" * 500, ";", "a" * 9000),
    "multipart/form-data; boundary*=utf-8''x",
)


async def test_no_content_type_is_a_fault_of_ours(served: Served) -> None:
    for content_type in CONTENT_TYPES:
        headers = {b"Content-Type": content_type.encode("latin-1")}
        fine(await served.client.post("/v1/jobs", content=form([], []), headers=headers))


async def test_a_header_of_a_part_without_end_is_refused_early(served: Served) -> None:
    before = psutil.Process().memory_info().rss

    async def endless() -> Any:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="'
        for _ in range(400):
            yield b"a" * 262_144

    reply = await served.client.post(
        "/v1/jobs", content=endless(), headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert reply.status_code == 400, reply.text
    assert psutil.Process().memory_info().rss - before < 60_000_000


async def test_parts_without_number_of_headers_are_refused(served: Served) -> None:
    head = b"".join(b"X-%d: y\r\n" % n for n in range(200_000))
    body = b'--x\r\n%sContent-Disposition: form-data; name="model"\r\n\r\na\r\n--x--\r\n' % head
    reply = await served.client.post(
        "/v1/jobs", content=body, headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert reply.status_code == 400, reply.text
    fine(reply)


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("a\u202egpj.wav", "agpj.wav"),
        ("a\u200f\u061c\u2028b.wav", "ab.wav"),
        ("\x9b31mred\x9d.wav", "31mred.wav"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/etc/passwd\0.wav", "passwd.wav"),
        ("\ud800.wav", "?.wav"),
        ("../..", ".."),
        ("", "audio"),
    ],
)
def test_a_name_has_no_folders_and_nothing_that_a_terminal_obeys(name: str, clean: str) -> None:
    assert clean_name(name) == clean


RAW = {
    "no http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "no end": b"GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\nX: y",
    "giant header": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 2_000_000 + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"A: b\r\n" * 100_000 + b"\r\n",
    "long target": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "two lengths": b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
    b"Content-Length: 50\r\n\r\nhello",
    "length and chunks": b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n",
    "bad chunk": b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"zz\r\n",
    "huge chunk": b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"ffffffffffffffffff\r\n",
    "negative length": b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    "folded header": b"GET / HTTP/1.1\r\nHost: localhost\r\n X: y\r\n\r\n",
    "nul in header": b"GET / HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n",
    "bad upgrade": b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    b"Connection: upgrade\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 99\r\n\r\n",
}  # fmt: skip


async def test_bytes_that_are_no_request_hurt_nobody_else(served: Served) -> None:
    for case in RAW:
        await _throw(served, case)


async def _throw(served: Served, case: str) -> None:
    port = httpx.URL(served.url).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    said = b""
    try:
        writer.write(RAW[case])
        writer.write_eof()
        async with asyncio.timeout(10):
            said = await reader.read(100_000)
    except OSError:
        pass
    finally:
        writer.close()
    assert b"Traceback" not in said, case
    assert not said.startswith(b"HTTP/1.1 5"), (case, said)
    assert (await served.client.get("/readyz")).status_code == 200


HANDSHAKE = (
    b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def frame(
    first: int, payload: bytes = b"", *, masked: bool = True, says: int | None = None
) -> bytes:
    """One frame as told, right or wrong; ``says`` is the length that it claims."""
    size = len(payload) if says is None else says
    bit = 0x80 if masked else 0
    if size < 126:
        head = bytes([first, bit | size])
    elif size < 1 << 16:
        head = bytes([first, bit | 126]) + size.to_bytes(2, "big")
    else:
        head = bytes([first, bit | 127]) + size.to_bytes(8, "big")
    return head + (bytes(4) if masked else b"") + payload


FRAMES = {
    "unmasked": frame(0x81, b"hello", masked=False),
    "reserved bits": frame(0xF1, b"hello"),
    "unknown opcode": frame(0x83, b"hello"),
    "says 2^63": frame(0x82, b"x", says=(1 << 63) - 1),
    "over the limit": frame(0x82, bytes(100_000)),
    "no utf-8": frame(0x81, b"\xff\xfe\xc3"),
    "fragments without end": frame(0x01, b"a") + frame(0x00, b"a" * 1000) * 5000,
    "continues nothing": frame(0x80, b"a"),
    "text within fragments": frame(0x01, b"a") + frame(0x81, b"b"),
    "a long ping": frame(0x89, bytes(200)),
    "a fragmented ping": frame(0x09, b"a"),
    "a flood of pings": frame(0x89, b"x" * 100) * 20_000,
    "a flood of texts": frame(0x81, b"x" * 100) * 20_000,
    "a close of one byte": frame(0x88, b"\x03"),
    "a close with a wrong code": frame(0x88, (999).to_bytes(2, "big")),
    "a close without utf-8": frame(0x88, (1000).to_bytes(2, "big") + b"\xff"),
    "half a frame": frame(0x81, b"hello")[:3],
    "noise": random.Random(1).randbytes(5000),
}


async def test_frames_that_are_wrong_end_their_own_socket_alone(served: Served) -> None:
    for case in FRAMES:
        await _send(served, case)


async def _send(served: Served, case: str) -> None:
    before = psutil.Process().memory_info().rss
    port = httpx.URL(served.url).port
    _, other = await _socket(port)
    reader, writer = await _socket(port)
    try:
        writer.write(FRAMES[case])
        async with asyncio.timeout(10):
            await writer.drain()
        writer.write_eof()
        async with asyncio.timeout(15):
            while await reader.read(65_536):
                pass
    except OSError:
        pass
    finally:
        writer.close()
    assert not other.is_closing(), case
    other.write(frame(0x89, b"are you there"))
    await other.drain()
    assert (await served.client.get("/readyz")).status_code == 200
    assert psutil.Process().memory_info().rss - before < 50_000_000, case
    other.close()


async def _socket(port: int | None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HANDSHAKE)
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101"), head
    return reader, writer
