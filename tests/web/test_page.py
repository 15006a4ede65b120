"""The page as it is served: the same document at all its addresses, and nothing inline in it."""

import re
from pathlib import Path

import pytest

from tests.web.conftest import Served
from web import page
from web.guard import HEADERS

VIEWS = (page.DIST.parent / "src" / "views.ts").read_text()
JOB = "01jz0000000000000000000000"


@pytest.fixture(autouse=True)
def built() -> None:
    assert (page.DIST / "index.html").exists(), "the page is not built: run `make ui`"


def test_the_server_and_the_page_know_the_same_addresses() -> None:
    patterns = set(re.findall(r'^  { pattern: "(.+?)"', VIEWS, re.MULTILINE))
    theirs = {pattern.replace("/:query?", "") for pattern in patterns}
    theirs |= {pattern.replace("?", "") for pattern in patterns}
    assert {re.sub(r":(\w+)", r"{\1}", pattern) for pattern in theirs} == set(page.PATHS)


@pytest.mark.parametrize("path", page.PATHS)
async def test_every_address_of_the_page_gives_its_document(served: Served, path: str) -> None:
    reply = await served.client.get(path.format(id=JOB, query="rtf"))
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/html")
    assert reply.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "accept", "kind"),
    [
        ("/nowhere", "text/html,*/*", "text/html"),
        ("/nowhere", "*/*", "application/problem+json"),
        ("/v1/nowhere", "text/html", "application/problem+json"),
    ],
)
async def test_a_page_that_is_none_says_so_to_people(
    served: Served, path: str, accept: str, kind: str
) -> None:
    reply = await served.client.get(path, headers={"accept": accept})
    assert reply.status_code == 404
    assert reply.headers["content-type"].partition(";")[0] == kind


async def test_the_document_has_nothing_inline(served: Served) -> None:
    text = (await served.client.get("/")).text
    assert not re.search(r"<script(?![^>]* src=)", text)
    assert "<style" not in text
    assert not re.search(r"\s(style|on\w+)=", text)


async def test_its_styles_have_a_nonce_that_is_another_one_each_time(served: Served) -> None:
    nonces = set()
    for _ in range(2):
        reply = await served.client.get("/")
        nonce = re.search(r'name="csp-nonce" content="([\w-]{20,})"', reply.text)
        assert nonce, reply.text
        nonces.add(nonce[1])
        allowed = reply.headers["content-security-policy"]
        assert f"style-src 'self' 'nonce-{nonce[1]}'" in allowed
        without = allowed.replace(f" 'nonce-{nonce[1]}'", "")
        assert without == HEADERS["Content-Security-Policy"]
    assert len(nonces) == 2


async def test_its_files_are_kept_for_ever_and_come_packed(served: Served) -> None:
    text = (await served.client.get("/")).text
    script = re.findall(r'src="(/assets/[^"]+\.js)"', text)[0]
    for encoding in "br", "gzip", "identity":
        reply = await served.client.get(script, headers={"Accept-Encoding": encoding})
        assert reply.status_code == 200
        assert reply.headers["cache-control"].endswith("immutable")
        assert reply.headers["content-type"].startswith("text/javascript")
        assert reply.headers.get("content-encoding", "identity") == encoding
    for name in re.findall(r'href="(/assets/[^"]+)"', text):
        assert (await served.client.get(name)).status_code == 200


async def test_a_page_that_is_not_built_says_so(
    served: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(page, "DIST", tmp_path)
    reply = await served.client.get("/")
    assert reply.status_code == 503
    assert "make ui" in reply.text


def test_nothing_of_the_page_comes_from_elsewhere() -> None:
    named = re.compile(rb"https?://[\w.-]+")
    fine = (b"http://www.w3.org",)
    for file in (page.DIST / "assets").glob("*.css"):
        assert all(host in fine for host in named.findall(file.read_bytes())), file
    assert not named.search((page.DIST / "index.html").read_bytes())
