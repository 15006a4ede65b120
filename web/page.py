"""The page, as `make ui` builds it: one document for all its addresses, and the files it names."""

import mimetypes
import secrets
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from web.guard import policy

DIST = Path(__file__).parent / "ui" / "dist"
PATHS = (
    "/",
    "/jobs/{id}",
    "/jobs/{id}/replay",
    "/search",
    "/engines",
    "/parked",
    "/events",
    "/analytics",
    "/analytics/{query}",
    "/sql",
    "/keys",
    "/signin",
    "/shared/{id}",
)
"""Where the page shows something; its own table of them is web/ui/src/views.ts."""
NONCE = "%NONCE%"
PACKED = (("br", ".br"), ("gzip", ".gz"))
TYPES = {".js": "text/javascript", ".woff2": "font/woff2"}
UNBUILT = (
    "<!doctype html><title>Dalston</title><h1>The page is not built</h1>"
    "<p>Run <code>make ui</code> in the folder of Dalston, then load this again. "
    'The API works without it: see <a href="/openapi.json">/openapi.json</a>.</p>'
)


async def serve(_: Request, status: int = 200) -> Response:
    """The document, with a nonce of its own for the styles that its waveform player makes."""
    index = DIST / "index.html"
    if not index.exists():
        return HTMLResponse(UNBUILT, 503)
    nonce = secrets.token_urlsafe(16)
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": policy(nonce)}
    return HTMLResponse(index.read_text().replace(NONCE, nonce), status, headers=headers)


async def asset(request: Request) -> Response:
    """A file of the page: named by its content, so it may be kept for ever; packed if it can be."""
    path = DIST / "assets" / request.path_params["name"]
    if path.parent != DIST / "assets" or not path.is_file():
        raise HTTPException(404)
    kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    accepted = request.headers.get("accept-encoding", "")
    for encoding, suffix in PACKED:
        packed = path.with_name(path.name + suffix)
        if encoding in accepted and packed.exists():
            headers["Content-Encoding"] = encoding
            return FileResponse(packed, headers=headers, media_type=kind)
    return FileResponse(path, headers=headers, media_type=kind)


ROUTES = [*(Route(path, serve) for path in PATHS), Route("/assets/{name}", asset)]
