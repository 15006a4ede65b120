"""What goes wrong between our processes and a server that itself is sound; needs proxies.

For a run whose servers are reached `through=between`: S3 by a proxy that reads what passes.
"""

import asyncio
import random
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import get_args

from tests.faults.proxy import Moment, Proxy
from tests.faults.run import LEASE_S, SERVERS, Fault, Run
from tests.faults.s3_proxy import Deed, S3Proxy

MARKS = {"valkey": b"EVALSHA", "postgres": b"COMMIT", "s3": b"PUT"}
"""What a request holds that writes."""
LONGEST_S = 2.5 * LEASE_S


def between(server: str, address: str) -> AbstractAsyncContextManager[Proxy]:
    """The proxy before a server, for `running`."""
    return S3Proxy(server, address) if server == "s3" else Proxy(server, address)


@dataclass(frozen=True)
class CutOff:
    """Some of the next writes lose their connection: before, after, or within the reply."""

    name: str = "cut off"

    async def inject(self, run: Run, chance: random.Random) -> None:
        """Up to five, within a few seconds."""
        server, moment = chance.choice(SERVERS[:2]), chance.choice(get_args(Moment))
        run.note(f"{self.name}: {server}, {moment}", server)
        cut = run.proxies[server].cut(moment, MARKS[server], chance.randint(1, 5))
        try:
            async with asyncio.timeout(LONGEST_S):
                await cut.done.wait()
        except TimeoutError:
            cut.times = 0


@dataclass(frozen=True)
class Mute:
    """All that is sent to a server is swallowed for a while, then goes on where it stood."""

    name: str = "mute"

    async def inject(self, run: Run, chance: random.Random) -> None:
        """One server."""
        server, seconds = chance.choice(SERVERS), chance.uniform(0.3, LONGEST_S)
        async with run.alone(f"network of {server}"):
            run.note(f"{self.name}: {server} for {seconds:.1f} s", server)
            run.proxies[server].freeze()
            try:
                await asyncio.sleep(seconds)
            finally:
                run.proxies[server].thaw()


@dataclass(frozen=True)
class Refuse:
    """A server cannot be reached for a while, and its connections are closed."""

    name: str = "refuse"

    async def inject(self, run: Run, chance: random.Random) -> None:
        """One server."""
        server, seconds = chance.choice(SERVERS), chance.uniform(0.3, LONGEST_S)
        async with run.alone(f"network of {server}"):
            run.note(f"{self.name}: {server} for {seconds:.1f} s", server)
            await run.proxies[server].shut()
            try:
                await asyncio.sleep(seconds)
            finally:
                run.proxies[server].open()


@dataclass(frozen=True)
class Late:
    """Every piece that goes to or comes from a server takes its time."""

    name: str = "late"

    async def inject(self, run: Run, chance: random.Random) -> None:
        """One server."""
        server, delay = chance.choice(SERVERS), chance.uniform(0.01, 0.2)
        async with run.alone(f"network of {server}"):
            run.note(f"{self.name}: {server} by {delay:.2f} s", server)
            run.proxies[server].delay_s = delay
            try:
                await asyncio.sleep(chance.uniform(1, LONGEST_S))
            finally:
                run.proxies[server].delay_s = 0.0


@dataclass(frozen=True)
class Spoil:
    """S3 errs on some of the next requests: refuses, breaks off, turns a bit, misses an object.

    Fewer than a stage's budget, so that no job parks for it alone.
    """

    name: str = "spoil"

    async def inject(self, run: Run, chance: random.Random) -> None:
        """One or two requests of a kind, within a few seconds."""
        deed: Deed = chance.choice(get_args(Deed))
        method = "GET" if deed in {"wrong bytes", "vanish"} else chance.choice(("GET", "PUT"))
        proxy: S3Proxy = run.proxies["s3"]
        run.note(f"{self.name}: {deed} on {method}", "s3")
        rule = proxy.spoil(deed, method, "/jobs/", chance.randint(1, 2))
        try:
            async with asyncio.timeout(LONGEST_S):
                await rule.done.wait()
        except TimeoutError:
            rule.times = 0


NETWORK: tuple[Fault, ...] = (CutOff(), Mute(), Refuse(), Late(), Spoil())
"""All of them; each heals by itself."""
