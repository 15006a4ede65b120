"""A model hub on this machine: the few addresses of the real one that its client asks for."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

COMMIT = "a" * 40


@asynccontextmanager
async def serving(repository: str, folder: Path) -> AsyncIterator[str]:
    """The address of a hub that has one model, the files of a folder, under a name."""
    app = Starlette(routes=_routes(repository, folder))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await task


def _routes(repository: str, folder: Path) -> list[Route]:
    files = [path for path in folder.iterdir() if path.is_file()]

    async def alive(_: Request) -> Response:
        return Response()

    async def info(_: Request) -> Response:
        siblings = [{"rfilename": path.name} for path in files]
        return JSONResponse({"_id": "1", "id": repository, "sha": COMMIT, "siblings": siblings})

    async def tree(_: Request) -> Response:
        return JSONResponse(
            [
                {"type": "file", "oid": "0" * 40, "size": path.stat().st_size, "path": path.name}
                for path in files
            ]
        )

    async def file(request: Request) -> Response:
        path = folder / request.path_params["file"]
        mark = hashlib.sha256(path.name.encode()).hexdigest()
        return FileResponse(path, headers={"ETag": f'"{mark}"', "X-Repo-Commit": COMMIT})

    return [
        Route("/", alive),
        Route(f"/api/models/{repository}/revision/{{revision}}", info),
        Route(f"/api/models/{repository}/tree/{{revision}}", tree),
        Route(f"/{repository}/resolve/{{revision}}/{{file}}", file),
    ]


@asynccontextmanager
async def hanging() -> AsyncIterator[str]:
    """The address of one that takes every request and never answers."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until it hangs up
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
