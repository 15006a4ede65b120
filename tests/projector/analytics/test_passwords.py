"""A Postgres that wants passwords lets both roles in with theirs, and is never told them."""

from pathlib import Path

import asyncpg
import pytest
from msgspec.structs import replace

from infra.local import postgres as local_postgres
from infra.local.child import Child
from infra.local.home import discard, socket_directory
from projector import database, roles
from projector.analytics import reading
from projector.scram import verifier
from streams.errors import InvalidSetting
from streams.settings import Settings

HBA = "local all dalston trust\nlocal all all scram-sha-256\n"
WORD = "a web's ; \\ word"


async def test_each_role_gets_in_with_its_own_password_alone(
    tmp_path: Path, settings: Settings
) -> None:
    run, data, log = socket_directory(), tmp_path / "data", tmp_path / "log"
    await local_postgres.prepare(data, {}, sync=False)
    (data / "pg_hba.conf").write_text(HBA)
    child = Child(local_postgres.program(data=data, run=run, log=log, environ={}))
    await child.start()
    try:
        dsn = local_postgres.dsn(run, "postgres")
        own = replace(settings, postgres_dsn=dsn)
        await database.migrate(own)
        assert await roles.ensure(own, WORD) == ""
        assert await roles.ensure(own, WORD) == ""
        web = await asyncpg.connect(dsn, user="postgres_web", password=WORD)
        login = await reading.login(web)
        assert login.password
        assert login.password not in repr(login)
        async with reading.asked(dsn, login, "SELECT current_user", "x") as answer:
            assert [page async for page in answer.pages(9)] == [[["postgres_reader"]]]
        await web.close()
        for user in ("postgres_web", "postgres_reader"):
            for wrong in ("", "wrong", login.password if user == "postgres_web" else WORD):
                with pytest.raises((asyncpg.InvalidPasswordError, asyncpg.InterfaceError)):
                    await asyncpg.connect(dsn, user=user, password=wrong)
        told = log.read_text()
        assert WORD not in told
        assert login.password not in told
    finally:
        await child.stop()
        discard(run)


def test_a_password_that_clients_would_read_in_two_ways_is_refused() -> None:
    for word in ("p\u00e4ss", "a\nb"):
        with pytest.raises(InvalidSetting, match="ASCII"):
            verifier(word)
