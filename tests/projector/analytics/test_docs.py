"""docs/analytics.md says what there is, and its examples work."""

import re
import uuid
from pathlib import Path

import asyncpg
from msgspec.structs import replace

from projector import database, roles
from projector.analytics import catalog, reading
from streams.settings import Settings
from tests.conftest import Server
from tests.projector.analytics.chronicle import Chronicle, bring
from tests.projector.analytics.conftest import Asker

DOCUMENT = Path(__file__).parents[3] / "docs" / "analytics.md"


def test_the_document_lists_the_views_and_questions_that_there_are() -> None:
    assert DOCUMENT.read_text().endswith("\n".join(catalog.lines())), (
        "put what `python -m projector.analytics.catalog` prints at the end of docs/analytics.md"
    )


async def test_every_example_of_the_document_is_answered(asker: Asker) -> None:
    await bring(asker.driver, await Chronicle(1).write(100))
    [examples] = re.findall(
        r"their answers are:\n\n```sql\n(.*?)```", DOCUMENT.read_text(), re.DOTALL
    )
    statements = [one for one in examples.split(";") if one.strip()]
    assert len(statements) >= 7
    for statement in statements:
        await asker.rows(statement)


async def test_what_the_document_has_a_superuser_do_lets_any_owner_offer_sql(
    postgres: Server, settings: Settings
) -> None:
    text = DOCUMENT.read_text()
    [script] = re.findall(r"for an owner `dalston`:\n\n```sql\n(.*?)```", text, re.DOTALL)
    name = f"o{uuid.uuid4().hex[:10]}"
    root = await asyncpg.connect(postgres.url)
    await root.execute(f"CREATE ROLE {name} LOGIN")
    await root.execute(f"CREATE DATABASE {name} OWNER {name}")
    dsn = postgres.url.replace("/postgres?", f"/{name}?")
    own = replace(settings, postgres_dsn=dsn.replace("//dalston@", f"//{name}@"))
    await database.migrate(own)
    assert "there is no role" in await roles.ensure(own)
    inside = await asyncpg.connect(dsn)
    script = script.replace("dalston_reader", f"{name}_reader")
    await inside.execute(re.sub(r"\bdalston\b", name, script))
    assert await roles.ensure(own) == ""
    mine = await asyncpg.connect(own.postgres_dsn)
    login = await reading.login(mine)
    async with reading.asked(own.postgres_dsn, login, "SELECT current_user", "x") as answer:
        assert [page async for page in answer.pages(9)] == [[[f"{name}_reader"]]]
    for connection in (mine, inside):
        await connection.close()
    await root.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await root.close()
