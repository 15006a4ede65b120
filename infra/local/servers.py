"""Valkey, Postgres and S3 of a stack: embedded ones, or the real ones that were named."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from infra.local import objectstore, once, postgres, valkey
from infra.local.access import Access
from infra.local.child import Child
from infra.local.errors import LocalError
from infra.local.home import Home
from infra.local.options import Options
from infra.local.record import variables, without_password
from infra.local.s3.store import Store
from infra.local.steps import Report
from streams import acl
from streams.keys import Keys
from streams.settings import Settings

PORTS = {
    "redis": 6379,
    "rediss": 6379,
    "valkey": 6379,
    "postgresql": 5432,
    "http": 80,
    "https": 443,
}


class Servers:
    """The three servers; `settings` says how to reach them once they are started."""

    def __init__(self, home: Home, options: Options, report: Report) -> None:
        self._home, self._options, self._report = home, options, report
        self.children: dict[str, Child] = {}
        self._endpoint: objectstore.Endpoint | None = None
        self.settings = Settings.from_env(options.environ)
        keys = Keys(self.settings.key_prefix, self.settings.partition)
        self._access = Access.fresh(keys, options.engines)
        self._run: Path | None = None

    async def start(self) -> None:
        """Start or reach all three, with the database and the bucket made.

        Raises:
            LocalError: one of them does not come up; the message says which and why.
        """
        run = self._run = self._home.make_socket_directory()
        async with asyncio.TaskGroup() as group:
            found = [
                group.create_task(self._valkey(run)),
                group.create_task(self._postgres(run)),
                group.create_task(self._s3()),
            ]
        values: dict[str, str] = {}
        for task in found:
            values |= task.result()
        self.settings = Settings.from_env({**self._options.environ, **values})
        if self._options.s3:
            await make_bucket(self.settings, self._options.environ)

    def credentials(self, role: str) -> dict[str, str]:
        """The variables with which a process of ours gets in; a real Redis's are one for all."""
        return {**self._redis_login(role), **(self._web_login() if role == acl.WEB else {})}

    def _redis_login(self, role: str) -> dict[str, str]:
        if self._options.valkey or self._run is None:
            return {}
        if role not in self._access.passwords:
            name = role.removeprefix(acl.engine(""))
            raise LocalError(f"{name} has no key to this stack: start it with --engine {name}=N")
        return {"DALSTON_REDIS_URL": valkey.url(self._run, self._access.login(role))}

    def _web_login(self) -> dict[str, str]:
        """The web's role in Postgres, which the projector makes; a real one's as it is named."""
        if self._options.postgres:
            dsn = self._options.environ.get("DALSTON_POSTGRES_WEB_DSN", "")
        else:
            dsn = postgres.dsn(self._run, user="dalston_web") if self._run else ""
        return {"DALSTON_POSTGRES_DSN": dsn} if dsn else {}

    async def stop(self) -> None:
        """End those that are ours."""
        await asyncio.gather(*(child.stop() for child in self.children.values()))
        if self._endpoint:
            self._endpoint.close()
        self._home.remove_socket_directory()

    async def _valkey(self, run: Path) -> dict[str, str]:
        if url := self._options.valkey:
            await check_reachable("--valkey", url)
            return {"DALSTON_REDIS_URL": url}
        program = valkey.program(
            data=self._home.path / "valkey",
            run=run,
            log=self._home.log("valkey"),
            environ=self._options.environ,
            holds=(self._home.descriptor,),
            access=self._access,
        )
        await self._child(Child(program, self._report))
        return self.credentials(acl.OPERATOR)

    async def _postgres(self, run: Path) -> dict[str, str]:
        if dsn := self._options.postgres:
            await check_reachable("--postgres", dsn)
            return {"DALSTON_POSTGRES_DSN": dsn}
        data = self._home.path / "postgres"
        environ = self._options.environ
        await postgres.prepare(data, environ)
        program = postgres.program(
            data=data,
            run=run,
            log=self._home.log("postgres"),
            environ=environ,
            holds=(self._home.descriptor,),
        )
        await self._child(Child(program, self._report))
        await postgres.create_database(run, "dalston", environ)
        return {"DALSTON_POSTGRES_DSN": postgres.dsn(run)}

    async def _s3(self) -> dict[str, str]:
        if url := self._options.s3:
            await check_reachable("--s3", url)
            return {"DALSTON_S3_URL": url}
        access, secret = objectstore.new_keys()  # at each start, as the passwords of Redis
        data = self._home.path / "s3"
        Store(data).ensure_bucket(self.settings.s3_bucket)
        self._endpoint = objectstore.listen(access, secret)
        program = objectstore.program(
            endpoint=self._endpoint,
            data=data,
            log=self._home.log("s3"),
            environ=self._options.environ,
            holds=(self._home.descriptor,),
        )
        await self._child(Child(program, self._report))
        return {
            "DALSTON_S3_URL": self._endpoint.url,
            "DALSTON_S3_ACCESS_KEY": access,
            "DALSTON_S3_SECRET_KEY": secret,
        }

    async def _child(self, child: Child) -> None:
        self.children[child.program.name] = child
        await child.start()


async def make_bucket(settings: Settings, environ: Mapping[str, str]) -> None:
    """Make the bucket of a real S3, in a process of its own: its client is large."""
    await once.run(
        [sys.executable, "-m", "infra.local.bucket"],
        env={**environ, **variables(settings)},
        failure=LocalError,
    )


async def check_reachable(option: str, url: str) -> None:
    """Refuse an address where nobody listens, before anything waits for it."""
    parts = urlsplit(url)
    path = parts.path if parts.scheme == "unix" else ""
    if parts.scheme == "postgresql" and not parts.hostname:
        path = parse_qs(parts.query).get("host", [""])[0] + "/.s.PGSQL.5432"
    if not path and not (parts.hostname and parts.scheme in PORTS):
        shown = without_password(url)
        raise LocalError(f"{option} {shown}: no address such as {EXAMPLES[option]}")
    try:
        async with asyncio.timeout(5):
            if path:
                _, writer = await asyncio.open_unix_connection(path)
            else:
                port = parts.port or PORTS[parts.scheme]
                _, writer = await asyncio.open_connection(parts.hostname, port)
    except (OSError, TimeoutError) as error:
        reason = str(error) or "no answer within 5 s"
        raise LocalError(f"{option} {path or parts.hostname}: nobody answers: {reason}") from None
    writer.close()


EXAMPLES = {
    "--valkey": "redis://host:6379/0",
    "--postgres": "postgresql://user:password@host/database",
    "--s3": "http://host:8333",
}
