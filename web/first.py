"""The first start: who wants keys gets one that can make all others, and it is shown once."""

import asyncio
import logging

from projector import database, keys
from web.backends import Backends
from web.callers import DEFAULT
from web.settings import wants_keys

log = logging.getLogger(__name__)

PAUSE_S = 1.0
OPEN = (
    "Nobody needs a key here: whoever can reach this machine's %s may read and erase everything. "
    "DALSTON_AUTH=keys changes that."
)
MADE = (
    "The first key, for the admin of this server. It is shown here and nowhere else, and now only:"
    "\n\n    %s\n\nKeep it, sign in with it, and make others with `dalston keys make`."
)


async def begin(backends: Backends) -> None:
    """Say aloud that no keys are wanted; else make the first one, of several processes once."""
    settings = backends.settings
    if not wants_keys(settings):
        log.warning(OPEN, settings.web_host)
        return
    while settings.first_key:
        try:
            async with backends.writing() as connection:
                secret = await keys.first(connection, tenant=DEFAULT)
        except database.AWAY as error:  # or its tables are not there yet: the projector makes them
            log.debug("the first key waits: %s", error)
            await asyncio.sleep(PAUSE_S)
            continue
        if secret is not None:
            log.warning(MADE, secret)
        return
