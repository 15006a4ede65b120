"""Whoever asks by SQL reads the views of their tenant, and can do nothing else."""

import asyncio
import random
import time
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from projector import roles
from projector.analytics import catalog, reading
from projector.analytics.queries import QUERIES, literal
from projector.errors import SqlOff, SqlRefused
from projector.gaps import gaps
from projector.rebuild import rebuild
from projector.tables import metadata
from streams.settings import Settings
from tests.projector.analytics.chronicle import Chronicle, bring
from tests.projector.analytics.conftest import Asker

VIEWS = [view.name for view in catalog.VIEWS]
SECRET = "the rival's secret"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
async def told(asker: Asker) -> Asker:
    """Two tenants with jobs, segments and edits, the rival's with words that nobody else has."""
    events = await Chronicle(5).write(220)
    await bring(asker.driver, events)
    driver = asker.driver
    await driver.execute(
        'INSERT INTO segments (job, n, tenant, start, "end", speaker, text) '
        "SELECT id, 0, tenant, 1, 3.5, 'Ann', 'hello from ' || tenant FROM jobs WHERE NOT erased"
    )
    head = events[-1].seq
    for n, tenant in enumerate(("acme", "rival"), start=1):
        job = await driver.fetchval(
            "SELECT id FROM jobs WHERE tenant = $1 AND NOT erased LIMIT 1", tenant
        )
        await driver.execute(
            "INSERT INTO events VALUES ($1, $2, 1, 'speaker.renamed', now(), $3, 99, $4, '', '{}',"
            " $5)", head + n, f"x{n}", job, tenant, f'{{"speaker":"A","name":"of {tenant}"}}',
        )  # fmt: skip
    await driver.execute(
        "UPDATE jobs SET filename = $1 WHERE tenant = 'rival' AND NOT erased", SECRET
    )
    return asker


async def test_every_view_shows_one_tenant_or_to_an_admin_all(told: Asker) -> None:
    for view in VIEWS:
        await shows_one_tenant(told, view)


async def shows_one_tenant(told: Asker, view: str) -> None:
    """To each its own, to an admin all, to a stranger nothing."""
    count = f"SELECT tenant, count(*) FROM analytics.{view} GROUP BY 1 ORDER BY 1"
    [[acme, own]] = await told.rows(count, "acme")
    [[rival, others]] = await told.rows(count, "rival")
    assert (acme, rival) == ("acme", "rival")
    assert await told.rows(count, reading.EVERYBODY) == [["acme", own], ["rival", others]]
    assert await told.rows(count, "nobody") == []
    assert await told.rows(count, "") == []


@pytest.mark.parametrize("view", VIEWS)
async def test_the_catalog_names_the_columns_that_the_view_has(asker: Asker, view: str) -> None:
    plain = {
        "text": "text", "int4": "integer", "int8": "integer", "float8": "number",
        "bool": "boolean", "timestamptz": "time", "jsonb": "json",
    }  # fmt: skip
    login = await reading.login(asker.driver)
    sql = f"SELECT * FROM {view}"
    async with reading.asked(asker.dsn, login, sql, "acme") as answer:
        found = [(column.name, plain[column.type]) for column in answer.columns]
    [known] = [one for one in catalog.VIEWS if one.name == view]
    assert found == [(column.name, column.type) for column in known.columns]
    assert set(VIEWS) == set(roles.VIEWS)


FORGED = [
    "SELECT set_config('dalston.reader', 'rival', false)",
    "SELECT set_config('dalston.reader', '*', true)",
    "SELECT set_config('dalston.reader', repeat('0', 64) || ':rival', true)",
    "SELECT set_config('dalston.reader', left(current_setting('dalston.reader'), 65) || '*', true)",
    "SELECT set_config('dalston.reader', current_setting('dalston.reader') || '*', true)",
    "SELECT set_config('search_path', 'pg_temp, public', true)",
    "SELECT set_config('row_security', 'off', true)",
]


@pytest.mark.parametrize("view", ["jobs", "events", "segments"])
async def test_no_setting_makes_another_tenant_of_somebody(told: Asker, view: str) -> None:
    for forged in FORGED:
        await shows_own_alone(told, forged, view)


async def shows_own_alone(told: Asker, forged: str, view: str) -> None:
    """Whatever is set, before or while the view is read."""
    seen = f"array(SELECT DISTINCT tenant FROM analytics.{view})"
    sql = f"WITH forged AS MATERIALIZED ({forged}) SELECT {seen}, f FROM forged f"
    for row in await told.rows(sql):
        assert "rival" not in row[0]
    own = f"LATERAL (SELECT tenant FROM analytics.{view}) x"
    sql = f"SELECT x.tenant FROM ({forged} OFFSET 0) f, {own}"
    assert ["rival"] not in await told.rows(sql)


REFUSED = {
    "DELETE FROM jobs": "syntax error",
    "INSERT INTO analytics.jobs (job) VALUES ('x')": "syntax error",
    "UPDATE jobs SET filename = ''": "syntax error",
    "WITH gone AS (DELETE FROM jobs RETURNING *) SELECT * FROM gone": "data-modifying",
    "SELECT 1; SELECT 2": "multiple commands",
    "SELECT 1; DROP TABLE public.jobs": "multiple commands",
    "SELECT 1; COMMIT; BEGIN READ WRITE; SELECT 2": "multiple commands",
    "COPY (SELECT 1) TO '/tmp/x'": "syntax error",
    "COPY jobs TO PROGRAM 'id'": "syntax error",
    "CREATE TEMP TABLE x (y int)": "syntax error",
    "SELECT * INTO x FROM jobs": "INTO",
    "SELECT * INTO TEMP x FROM jobs": "INTO",
    "SELECT * FROM jobs FOR UPDATE": "permission denied",
    "EXPLAIN SELECT 1": "syntax error",
    "EXPLAIN ANALYZE SELECT * FROM jobs": "syntax error",
    "SHOW data_directory": "syntax error",
    "SET ROLE dalston": "syntax error",
    "LISTEN x": "syntax error",
    "DO $$ BEGIN END $$": "syntax error",
    "CALL analytics.page()": "syntax error",
    "VACUUM": "syntax error",
    "TABLE secrets": "does not exist",
    "SELECT * FROM public.secrets": "permission denied",
    "SELECT * FROM public.api_keys": "permission denied",
    "SELECT * FROM public.events": "permission denied",
    "SELECT * FROM public.jobs": "permission denied",
    "SELECT * FROM public.segments": "permission denied",
    "SELECT * FROM pg_authid": "permission denied",
    "SELECT * FROM pg_shadow": "permission denied",
    "SELECT * FROM pg_statistic": "permission denied",
    "SELECT * FROM pg_hba_file_rules": "permission denied",
    "SELECT set_config('role', 'dalston', true)": "permission denied",
    "SELECT set_config('session_authorization', 'dalston', true)": "permission denied",
    "SELECT set_config('transaction_read_only', 'off', true)": "read-write mode",
    "SELECT set_config('track_activities', 'on', true)": "permission denied",
    "SELECT set_config('temp_file_limit', '-1', true)": "permission denied",
    "SELECT set_config('log_statement', 'all', true)": "permission denied",
    "SELECT current_setting('data_directory')": "permission denied",
    "SELECT pg_read_file('/etc/passwd')": "permission denied",
    "SELECT pg_read_binary_file('/etc/passwd')": "permission denied",
    "SELECT pg_ls_dir('/')": "permission denied",
    "SELECT pg_stat_file('/etc/passwd')": "permission denied",
    "SELECT lo_import('/etc/passwd')": "permission denied",
    "SELECT lo_create(0)": "permission denied",
    "SELECT lo_from_bytea(0, 'x')": "permission denied",
    "SELECT pg_advisory_lock(1)": "permission denied",
    "SELECT pg_try_advisory_xact_lock_shared(1, 2)": "permission denied",
    "SELECT pg_terminate_backend(pg_backend_pid())": "permission denied",
    "SELECT pg_cancel_backend(pg_backend_pid())": "permission denied",
    "SELECT pg_reload_conf()": "permission denied",
    "SELECT pg_rotate_logfile()": "permission denied",
    "SELECT pg_switch_wal()": "permission denied",
    "SELECT pg_logical_emit_message(false, 'x', repeat('x', 1000))": "permission denied",
    "SELECT pg_notify('x', 'y')": "permission denied",
    "SELECT pg_export_snapshot()": "permission denied",
    "SELECT query_to_xml('DELETE FROM public.jobs', true, true, '')": "non-volatile|denied",
    "SELECT query_to_xml('SELECT * FROM public.jobs', true, true, '')": "permission denied",
    "SELECT query_to_xml('EXPLAIN SELECT 1', true, true, '')": "non-volatile",
    "SELECT * FROM dblink('dbname=postgres', 'SELECT 1') AS t (x int)": "does not exist",
    "SELECT nextval('x')": "does not exist",
    "SELECT 1 FROM nowhere": "does not exist",
    "SELECT $1": "argument",
    "SELEC 1": "syntax error",
    "": "no statement",
    " \n": "no statement",
    "SELECT 'a\x00b'": "NUL",
    "-- nothing": "syntax error",
    "/* open": "comment",
    "SELECT 1)": "syntax error",
    "SELECT U&'\\D83D'": "surrogate",
}


async def test_what_is_no_plain_reading_of_the_views_is_refused(told: Asker) -> None:
    before = await told.driver.fetchval("SELECT count(*) FROM jobs")
    for sql, why in REFUSED.items():
        # Postgres 15 says of some rights "must be superuser", where later ones deny permission.
        words = why.replace("permission denied", "permission denied|must be superuser")
        with pytest.raises(SqlRefused, match=words) as refused:
            await told.rows(sql)
        assert SECRET not in str(refused.value)
    assert await told.driver.fetchval("SELECT count(*) FROM jobs") == before
    assert await told.value("SELECT 1") == 1


@pytest.mark.parametrize(
    "condition",
    [
        f"1 / (length(filename) - {len(SECRET)}) < 2",
        "filename::int = 1 AND tenant = 'rival'",
        "tenant = 'rival' AND query_to_xml('SELECT ' || filename, true, true, '') IS NOT NULL",
        "tenant = 'rival' AND length(pg_sleep(1)::text) = 0",
    ],
)
async def test_no_condition_is_tried_on_rows_of_others(told: Asker, condition: str) -> None:
    await told.driver.execute("UPDATE jobs SET filename = '7' WHERE tenant = 'acme'")
    began = time.monotonic()
    await told.rows(f"SELECT count(*) FROM analytics.jobs WHERE {condition}")
    assert time.monotonic() - began < 1


async def test_the_planner_and_the_catalog_tell_nothing_of_others(told: Asker) -> None:
    await told.driver.execute("ANALYZE")
    assert await told.value("SELECT count(*) FROM pg_stats WHERE schemaname = 'public'") == 0
    for (query,) in await told.rows("SELECT query FROM pg_stat_activity WHERE query <> ''"):
        assert query in {"<insufficient privilege>", "<command string not enabled>"}
    source = "SELECT prosrc || proname FROM pg_proc WHERE pronamespace = 'analytics'::regnamespace"
    secret = await told.driver.fetchval("SELECT value FROM secrets WHERE name = 'reader'")
    assert not [row for row in await told.rows(source) if secret in str(row)]


async def test_one_reader_sees_nothing_of_what_another_asks(asker: Asker) -> None:
    slow = asyncio.create_task(
        asker.rows("SELECT 'my secret question', pg_sleep(2)", "rival", limit_s=5)
    )
    await asyncio.sleep(0.5)
    seen = await asker.rows("SELECT * FROM pg_stat_activity WHERE application_name LIKE '%reader'")
    assert len(seen) >= 2
    assert "secret question" not in str(seen)
    assert "secret question" not in str(await asker.rows("SELECT * FROM pg_cursors", "acme"))
    await slow


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT pg_sleep(60)",
        "SELECT count(*) FROM generate_series(1, 1000000000) a, generate_series(1, 100) b",
        "SELECT set_config('statement_timeout', '0', true), pg_sleep(1) FROM generate_series(1, 9)",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r",
    ],
)
async def test_a_question_ends_when_its_time_is_up(asker: Asker, sql: str) -> None:
    began = time.monotonic()
    with pytest.raises(SqlRefused, match="longer than 1 s"):
        await asker.rows(sql, limit_s=1)
    assert time.monotonic() - began < 3
    await nobody_asks(asker, seconds=4)


async def test_of_a_huge_answer_only_what_was_asked_for_comes(asker: Asker) -> None:
    login = await reading.login(asker.driver)
    sql = "SELECT n FROM generate_series(1, 2000000) n"
    async with reading.asked(asker.dsn, login, sql, "acme") as answer:
        rows = [row async for page in answer.pages(1234) for row in page]
    assert (len(rows), rows[-1], answer.truncated) == (1234, [1234], True)
    async with reading.asked(asker.dsn, login, "VALUES (1), (2)", "acme") as answer:
        assert [page async for page in answer.pages(2)] == [[[1], [2]]]
    assert not answer.truncated
    with pytest.raises(SqlRefused, match="too large"):
        await asker.rows("SELECT repeat('x', 20000000)")
    with pytest.raises(SqlRefused, match="too large"):
        await asker.rows("SELECT repeat('x', 100000) FROM generate_series(1, 1000)")


async def test_whoever_goes_away_leaves_no_question_behind(asker: Asker) -> None:
    asking = asyncio.create_task(asker.rows("SELECT pg_sleep(9)"))
    await asyncio.sleep(0.5)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await nobody_asks(asker, seconds=5)


async def nobody_asks(asker: Asker, *, seconds: float) -> None:
    """Wait until Postgres works on nothing of a reader's."""
    busy = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dalston-reader'"
    async with asyncio.timeout(seconds):
        while await asker.driver.fetchval(busy):
            await asyncio.sleep(0.05)


async def test_values_of_all_kinds_come_as_they_are(asker: Asker) -> None:
    sql = """SELECT 1 AS a, 2 AS a, 'é\\ "x" 🦊' AS b, NULL, 1.5::float8, 'NaN'::float8,
             2.50::numeric,
             '{"k": [1, {"k": 2}]}'::jsonb, ARRAY[1, 2], true, '{}'::json,
             timestamptz '2026-03-01 12:00+01', 'infinity'::timestamptz, interval '90 s',
             'x'::bytea"""
    assert await asker.rows(sql) == [[
        1, 2, 'é\\ "x" 🦊', None, 1.5, "NaN", 2.5, {"k": [1, {"k": 2}]}, [1, 2], True, {},
        "2026-03-01T11:00:00+00:00", "infinity", "00:01:30", "\\x78",
    ]]  # fmt: skip
    assert await asker.rows("SELECT FROM generate_series(1, 2)") == [[], []]
    assert await asker.rows("SELECT 1 WHERE false") == []


async def test_an_erased_job_says_nothing_even_before_its_events_are_blanked(told: Asker) -> None:
    job = await told.driver.fetchval(
        "SELECT job FROM segments JOIN jobs ON jobs.id = job WHERE jobs.tenant = 'acme' LIMIT 1"
    )
    await told.driver.execute("UPDATE jobs SET erased = true WHERE id = $1", job)
    assert await told.value(f"SELECT count(*) FROM segments WHERE job = '{job}'") == 0
    assert await told.value(f"SELECT count(*) FROM talk WHERE job = '{job}'") == 0
    said = await told.rows(f"SELECT DISTINCT data, meta FROM events WHERE job = '{job}'")
    assert said == [[{}, {}]]
    words = await told.rows(f"SELECT DISTINCT reason FROM attempts WHERE job = '{job}'")
    assert words == [[""]]
    names = await told.rows(f"SELECT name, text FROM edits WHERE job = '{job}'")
    assert all(row == [None, None] for row in names)


@pytest.mark.parametrize(
    "data", ["{oops", "[]", "7", "", '"x"', '{"stage":7,"token":"x"}', '{"usage":[],"token":1e999}',
             '{"token":1,"stage":"a","usage":{"wall_s":"x","audio_s":true}}', "{" * 9000,
             '{"reason":"\\u0000 \\\\u0000 \\ud800"}'],
)  # fmt: skip
async def test_a_line_of_the_log_that_says_nonsense_spoils_no_answer(
    told: Asker, data: str
) -> None:
    views = [f"SELECT * FROM {view}" for view in VIEWS]
    before = {sql: len(await told.rows(sql)) for sql in views}
    last = await told.driver.fetchval("SELECT max(seq) FROM events")
    for n, kind in enumerate(("stage.started", "stage.completed", "speaker.renamed"), start=1):
        await told.driver.execute(
            "INSERT INTO events VALUES ($1, $2, 1, $3, now(), 'j', 1, 'acme', '', '{}', $4)",
            last + n, f"bad{n}", kind, data,
        )  # fmt: skip
    after = {sql: len(await told.rows(sql)) for sql in views}
    more = {"SELECT * FROM events": 3, "SELECT * FROM edits": 1}
    assert after == {sql: count + more.get(sql, 0) for sql, count in before.items()}


async def test_the_web_may_do_what_is_its_trade_and_nothing_more(
    settings: Settings, db: AsyncEngine, asker: Asker
) -> None:
    names = await roles.names(asker.driver)
    assert set(roles.WEB) == {*metadata.tables, "alembic_version"}, "say what the web may with it"
    web = await asyncpg.connect(settings.postgres_dsn, user=names.web)
    for sql in (
        "DELETE FROM events", "UPDATE events SET data = '{}'",
        "INSERT INTO jobs SELECT * FROM jobs",
        "UPDATE checkpoints SET seq = 0", "TRUNCATE jobs", "DROP TABLE jobs",
        "CREATE TABLE x (y int)",
        "ALTER TABLE jobs ADD COLUMN x int", "CREATE INDEX x ON jobs (id)", "CREATE SCHEMA x",
        "CREATE OR REPLACE VIEW analytics.jobs AS SELECT 1", "SET ROLE dalston",
        "DROP FUNCTION analytics.tenant()", "COPY jobs TO '/tmp/x'", "CREATE ROLE x",
        "CREATE FUNCTION analytics.x() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TEMP TABLE x (y int)",
    ):  # fmt: skip
        with pytest.raises(
            (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidParameterValueError)
        ):
            await web.execute(sql)
    for table in metadata.tables:
        await web.fetch(f"SELECT * FROM {table} LIMIT 1")
    await rebuild(settings)  # which makes new tables, on which rights are given anew
    for table in metadata.tables:
        await web.fetch(f"SELECT * FROM {table} LIMIT 1")
    await web.close()


async def test_an_owner_who_may_make_no_roles_is_told_so_and_sql_stays_off(
    settings: Settings, db: AsyncEngine, asker: Asker
) -> None:
    names = await roles.names(asker.driver)
    await asker.driver.execute(
        f'DROP OWNED BY "{names.reader}"; DROP ROLE "{names.reader}"; CREATE ROLE plain_{names.web}'
        f" LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO plain_{names.web}"
    )
    plain = await asyncpg.connect(settings.postgres_dsn, user=f"plain_{names.web}")
    why = await roles._ensure(plain, "")
    assert "there is no role" in why
    assert f"plain_{names.web} may not make one" in why
    await plain.close()
    await roles._keep(asker.driver, "reader_gaps", why)
    with pytest.raises(SqlOff, match="there is no role"):
        await reading.login(asker.driver)
    login = await reading.login(asker.driver, ours=True)
    async with reading.asked(
        asker.dsn, login, "SELECT count(*) FROM analytics.jobs", "x"
    ) as answer:
        assert [page async for page in answer.pages(9)] == [[[0]]]
    assert await roles.ensure(settings) == ""


@pytest.mark.parametrize(
    ("loosened", "why"),
    [
        ("GRANT EXECUTE ON FUNCTION pg_advisory_lock(bigint) TO {reader}", "pg_advisory_lock"),
        ("CREATE FUNCTION dblink(text) RETURNS int LANGUAGE sql AS 'SELECT 1'", "call dblink"),
        ("GRANT SELECT ON jobs TO {reader}", "jobs"),
        (
            "ALTER ROLE {reader} IN DATABASE {place} RESET track_activities",
            "each other's questions",
        ),
        ("ALTER ROLE {reader} SUPERUSER", "superuser"),
        ("GRANT pg_read_all_data TO {reader}", "member of pg_read_all_data"),
        ("GRANT pg_read_server_files TO {reader}", "member of pg_read_server_files"),
    ],
)
async def test_a_reader_with_too_many_rights_is_not_let_in(
    asker: Asker, settings: Settings, loosened: str, why: str
) -> None:
    driver = asker.driver
    reader = (await roles.names(driver)).reader
    place = await driver.fetchval("SELECT current_database()")
    await driver.execute(loosened.format(reader=reader, place=place))
    assert why in await gaps(driver, reader)
    if "FUNCTION" in loosened:
        assert await roles.ensure(settings) == ""


async def test_a_value_of_a_question_is_a_value_whatever_it_holds(asker: Asker) -> None:
    chance = random.Random(11)
    signs = "'\\\"$;-/*\n\r\t%{}:é🦊\u2028\x01" + "aE"
    texts = ["".join(chance.choices(signs, k=chance.randrange(1, 12))) for _ in range(500)]
    texts += ["'; DROP TABLE jobs; --", "\\'", "$$", "E'\\''", "{since}", "x" * 10_000]
    assert await asker.rows("SELECT " + ", ".join(map(literal, texts))) == [texts]
    for text in texts[:40]:
        sql = QUERIES["failures"].sql(NOW - timedelta(days=1), NOW, model=text, stage=text)
        assert await asker.rows(sql) == []
    with pytest.raises(ValueError, match="NUL"):
        literal("\x00")
