"""Alive, ready, and measured."""

import asyncio
from collections.abc import Awaitable

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from projector import queries
from streams import __version__
from web.call import Call, Web, json
from web.errors import translate
from web.views import Health, Readiness

PATIENCE_S = 3.0


async def healthz(call: Call) -> Response:
    """GET /healthz: the process lives, whatever is behind it."""
    return json(Health("alive", __version__, call.web.backends.settings.profile))


async def readyz(call: Call) -> Response:
    """GET /readyz: each server behind this one was asked just now."""
    web = call.web
    redis, postgres, s3 = await asyncio.gather(
        _word(_redis(web)), _word(_postgres(web)), _word(web.backends.artifacts.probe())
    )
    live = "ok" if web.hub.live else "the log is not being followed (yet): see redis and postgres"
    ready = redis == postgres == s3 == live == "ok"
    state = Readiness(ready=ready, redis=redis, postgres=postgres, s3=s3, live=live)
    return json(state, 200 if ready else 503)


async def metrics(call: Call) -> Response:
    """GET /metrics."""
    hub, measures = call.web.hub, call.web.metrics
    measures.readers.set(hub.readers)
    measures.fell_behind.set(hub.behind)
    measures.seq.set(hub.point.seq if hub.point else 0)
    measures.live.set(hub.live)
    return Response(generate_latest(measures.registry), media_type=CONTENT_TYPE_LATEST)


async def _redis(web: Web) -> None:
    if await web.backends.log.head() is None:
        raise LookupError("Redis holds no log: start the projector, which makes or recovers it")


async def _postgres(web: Web) -> None:
    async with web.backends.reading() as connection:
        await queries.checkpoint(connection)


async def _word(probe: Awaitable[object]) -> str:
    try:
        async with asyncio.timeout(PATIENCE_S):
            await probe
    except TimeoutError:
        return f"no answer in {PATIENCE_S:g} s"
    except LookupError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - a probe's rim: whatever is wrong is the answer
        return f"{translate(error)} [{type(error).__name__}]"
    return "ok"
