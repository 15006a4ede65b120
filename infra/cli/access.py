"""Who may ask the web that `dalston up` starts: everybody on this machine, or who has a key."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import msgspec

from streams.settings import Settings, read
from web.callers import DEFAULT
from web.settings import WebSettings, wants_keys

OPEN = (
    "nobody needs a key: whoever uses this machine may read and erase everything; "
    "`dalston up --keys` changes that"
)
FIRST = (
    "The first key, for its admin; shown now and never again:\n\n    {}\n\n"
    "Sign in with it on the page, or have it in DALSTON_API_KEY; `dalston keys make` makes others."
)
WANTED = "whoever asks needs a key: `dalston keys list` shows them, `dalston keys make` makes one"


def web(environ: Mapping[str, str], host: str, *, wants: bool) -> WebSettings:
    """The settings of a web on that address.

    Raises:
        InvalidSetting: it is to be open where others reach it.
    """
    settings = msgspec.structs.replace(read(WebSettings, environ), web_host=host)
    if wants:
        settings = msgspec.structs.replace(settings, auth="keys")
    wants_keys(settings)
    return settings


def told(asked: WebSettings, servers: Settings) -> str:
    """What to say of it; the first key when there was none before."""
    if not wants_keys(asked):
        return OPEN
    with ThreadPoolExecutor(1) as aside:  # the supervisor's loop runs in this thread
        secret = aside.submit(asyncio.run, _first(servers)).result()
    return FIRST.format(secret) if secret else WANTED


async def _first(servers: Settings) -> str | None:
    from projector import database, keys  # noqa: PLC0415 - loads SQLAlchemy, slowly

    engine = database.engine(servers, pool=1)
    try:
        async with engine.begin() as connection:
            return await keys.first(connection, tenant=DEFAULT)
    finally:
        await engine.dispose()
