"""The page: three files, no build."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

INDEX = Path(__file__).parent / "static" / "index.html"


async def serve(_: Request) -> Response:
    """GET /."""
    return FileResponse(INDEX, headers={"Cache-Control": "no-cache"})
