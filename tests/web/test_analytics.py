"""Questions over HTTP: named ones and SQL, in every format, of one tenant."""

import asyncio
import csv
import io
import subprocess
import sys
from datetime import datetime
from typing import Any

import httpx
import msgspec
import pyarrow.parquet as pq
import pytest
from sqlalchemy import text

from tests.web.conftest import Served, post, settled
from tests.web.driver import Driver
from tests.web.keyed import bearer, key, keyed
from web import moments, spreadsheet
from web.errors import BadRequest
from web.settings import WebSettings


async def talk(served: Served, driver: Driver, name: str = "talk.wav") -> str:
    """A whole job."""
    job_id = await post(served, name)
    for stage in ("prepare", "transcribe", "merge"):
        await driver.start(job_id, stage)
        await driver.finish(job_id, stage, model="base" if stage == "transcribe" else None)
    await settled(served)
    return job_id


async def sql(served: Served, statement: str, **query: Any) -> httpx.Response:
    """Ask."""
    return await served.client.post("/v1/sql", json={"sql": statement}, params=query)


async def test_every_question_has_its_sql_and_that_sql_gives_the_same_rows(
    served: Served, driver: Driver
) -> None:
    await talk(served, driver)
    listed = (await served.client.get("/v1/analytics")).json()["queries"]
    assert [query["name"] for query in listed] == [
        "throughput", "waiting", "rtf", "failures", "talk_time", "cost", "jobs",
    ]  # fmt: skip
    for query in listed:
        answer = (await served.client.get(f"/v1/analytics/{query['name']}?since=1h")).json()
        assert answer["rows"] or query["name"] in {"failures", "talk_time"}, query["name"]
        again = (await sql(served, answer["sql"])).json()
        assert again["rows"] == answer["rows"]
        names = [column["name"] for column in answer["columns"]]
        assert names == [column["name"] for column in again["columns"]]
        assert query["group"] == [name for name in query["group"] if name in names]


async def test_a_question_is_answered_for_its_range_bucket_and_part(
    served: Served, driver: Driver
) -> None:
    await talk(served, driver)
    get = served.client.get
    answer = (await get("/v1/analytics/rtf?since=1h&bucket=minute&model=base")).json()
    assert [row[1:4] for row in answer["rows"]] == [["transcribe", "faster_whisper", "base"]]
    assert answer["bucket"] == "minute"
    assert answer["truncated"] is False
    assert answer["rows"][0][0].endswith(":00+00:00")
    assert (await get("/v1/analytics/rtf?since=1h&engine=nobody")).json()["rows"] == []
    injected = {"since": "1h", "engine": "x' OR '1'='1", "stage": "\\' OR true --"}
    assert (await get("/v1/analytics/rtf", params=injected)).json()["rows"] == []
    before = (await get("/v1/analytics/throughput?since=2020-01-01&until=2020-02-01")).json()
    assert (before["rows"], before["bucket"]) == ([], "day")


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/v1/analytics/nothing", 404, "There are: throughput"),
        ("/v1/analytics/rtf?since=yesterday", 400, "24h"),
        ("/v1/analytics/rtf?since=1h&until=2h", 400, "before"),
        ("/v1/analytics/rtf?bucket=year", 400, "bucket"),
        ("/v1/analytics/rtf?format=xls", 400, "format"),
        ("/v1/analytics/rtf?engine=%00", 400, "engine"),
    ],
)
async def test_a_question_that_cannot_be_meant_is_told_what_is_wrong(
    served: Served, path: str, status: int, says: str
) -> None:
    reply = await served.client.get(path)
    assert reply.status_code == status
    assert says in reply.json()["detail"]


async def test_sql_reads_the_views_and_says_what_postgres_refuses(
    served: Served, driver: Driver
) -> None:
    job = await talk(served, driver)
    answer = (await sql(served, "SELECT job, audio_s FROM jobs")).json()
    assert answer["columns"] == [
        {"name": "job", "type": "text"}, {"name": "audio_s", "type": "float8"},
    ]  # fmt: skip
    assert answer["rows"] == [[job, 2.5]]
    assert answer["truncated"] is False
    for statement, says in {
        "DELETE FROM jobs": "syntax error",
        "SELECT * FROM public.jobs": "permission denied",
        "SELECT nothing": "does not exist",
        "SELECT 1; SELECT 2": "multiple commands",
        "SELECT '\x00'": "NUL",
        "": "no statement",
    }.items():
        refused = await sql(served, statement)
        assert refused.status_code == 400, refused.text
        assert says in refused.json()["detail"]
    body = {"sql": "SELECT n FROM generate_series(1, 100) n", "limit": 7}
    answer = (await served.client.post("/v1/sql", json=body)).json()
    assert (len(answer["rows"]), answer["truncated"]) == (7, True)


async def test_the_views_are_listed_with_their_columns(served: Served) -> None:
    listed = (await served.client.get("/v1/sql/views")).json()
    assert listed["off"] == ""
    assert {view["name"] for view in listed["views"]} >= {"events", "jobs", "stages", "attempts"}
    assert all(view["columns"] and view["summary"] for view in listed["views"])


async def test_where_the_role_lacks_questions_with_a_name_work_and_sql_says_why(
    served: Served, driver: Driver
) -> None:
    await talk(served, driver)
    async with served.web.backends.database.begin() as connection:
        await connection.execute(
            text("UPDATE secrets SET value = 'there is no role for it' WHERE name = 'reader_gaps'")
        )
    assert (await served.client.get("/v1/sql/views")).json()["off"] == "there is no role for it"
    refused = await sql(served, "SELECT 1")
    assert refused.status_code == 501
    assert "there is no role for it" in refused.json()["detail"]
    rows = (await served.client.get("/v1/analytics/throughput?since=1h")).json()["rows"]
    assert [row[1:3] for row in rows] == [[1, 1]]


async def test_csv_runs_nothing_in_a_spreadsheet(served: Served, driver: Driver) -> None:
    await talk(served, driver, name="=HYPERLINK(x).wav")
    reply = await served.client.get("/v1/analytics/jobs?since=1h&format=csv")
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="dalston-jobs.csv"' in reply.headers["content-disposition"]
    assert reply.headers["x-truncated"] == "false"
    [row] = csv.DictReader(io.StringIO(reply.text))
    assert row["filename"] == "'=HYPERLINK(x).wav"
    assert row["status"] == "succeeded"
    assert float(row["audio_s"]) == 2.5
    reply = await sql(
        served, "SELECT '@x' AS \"+y\", -5 AS n, 'a\"b' || chr(10) AS q", format="csv"
    )
    assert reply.text == '\'+y,n,q\r\n\'@x,-5,"a""b\n"\r\n'


async def test_parquet_keeps_types_times_and_gaps(served: Served, driver: Driver) -> None:
    job = await talk(served, driver, name="тест 🦊.wav")
    reply = await served.client.get("/v1/analytics/jobs?since=1h&format=parquet")
    assert reply.headers["content-type"] == "application/vnd.apache.parquet"
    table = pq.read_table(io.BytesIO(reply.content))
    [row] = table.to_pylist()
    assert (row["job"], row["filename"], row["audio_s"]) == (job, "тест 🦊.wav", 2.5)
    assert str(table.schema.field("submitted_at").type) == "timestamp[us, tz=UTC]"
    assert row["language"] is None
    statement = """SELECT 1 AS a, 'x' AS a, NULL::int8 AS n, 'NaN'::float8 AS f, '{"k":1}'::jsonb j,
                   true AS b, 9007199254740993::int8 AS big FROM generate_series(1, 25000)"""
    reply = await sql(served, statement, format="parquet")
    table = pq.read_table(io.BytesIO(reply.content))
    assert table.column_names == ["a", "a_2", "n", "f", "j", "b", "big"]
    assert table.num_rows == 25000
    first = table.slice(0, 1).to_pylist()[0]
    assert first["big"] == 9007199254740993
    assert (first["n"], first["j"], first["b"]) == (None, '{"k": 1}', True)
    nothing = await sql(served, "SELECT 1 AS x WHERE false", format="parquet")
    assert pq.read_table(io.BytesIO(nothing.content)).num_rows == 0
    refused = await sql(served, "SELECT 'infinity'::timestamptz", format="parquet")
    assert refused.status_code == 400
    assert "Parquet" in refused.json()["detail"]


async def test_whoever_hangs_up_is_answered_no_longer(served: Served) -> None:
    with pytest.raises(httpx.ReadTimeout):
        await served.client.post("/v1/sql", json={"sql": "SELECT pg_sleep(9)"}, timeout=0.5)
    busy = text("SELECT count(*) FROM pg_stat_activity WHERE usename LIKE '%reader'")
    async with asyncio.timeout(5), served.web.backends.reading() as connection:
        while await connection.scalar(busy):
            await connection.rollback()
            await asyncio.sleep(0.05)


async def test_many_questions_at_once_wait_their_turn(served: Served) -> None:
    asked = [sql(served, f"SELECT {n}, pg_sleep(0.1)") for n in range(30)]
    answers = [reply.json()["rows"][0][0] for reply in await asyncio.gather(*asked)]
    assert answers == list(range(30))


def test_moments_read_as_people_write_them() -> None:
    now = msgspec.json.decode(b'"2026-03-08T12:00:00Z"', type=datetime)
    for said, meant in {
        "7d": "2026-03-01T12:00:00+00:00", "90m": "2026-03-08T10:30:00+00:00",
        "2026-03-01": "2026-03-01T00:00:00+00:00",
        "2026-03-01T12:00:00Z": "2026-03-01T12:00:00+00:00",
        "2026-03-01T12:00:00+02:00": "2026-03-01T10:00:00+00:00",
        "2026-03-01T12:00:00 02:00": "2026-03-01T10:00:00+00:00",
    }.items():  # fmt: skip
        assert moments.parse("since", said, now).isoformat() == meant
    for said in ("", "yesterday", "7", "999999w", "2026-13-01", "0001-01-01T00:00:00+05:00"):
        with pytest.raises(BadRequest):
            moments.parse("since", said, now)


@pytest.mark.parametrize("start", list(spreadsheet.RUN))
def test_a_cell_that_a_spreadsheet_would_run_is_text(start: str) -> None:
    assert spreadsheet.cell(f"{start}cmd|' /C calc'!A0") == f"'{start}cmd|' /C calc'!A0"
    assert spreadsheet.cell(f"safe {start}") == f"safe {start}"
    assert spreadsheet.cell(-5) == -5


async def test_a_key_sees_its_tenant_and_an_admin_may_ask_for_all(
    web_settings: WebSettings, projector: None, driver: Driver
) -> None:
    async with keyed(web_settings) as served:
        headers = {}
        for tenant in ("acme", "rival"):
            secret, _ = await key(served, tenant)
            headers[tenant] = bearer(secret)
            files = {"file": (f"{tenant}.wav", b"RIFF" + bytes(2000), "audio/wav")}
            reply = await served.client.post("/v1/jobs", files=files, headers=headers[tenant])
            assert reply.status_code == 202, reply.text
        await settled(served)
        admin = bearer((await key(served, "acme", "admin"))[0])
        names = {"sql": "SELECT filename FROM jobs ORDER BY 1"}

        async def ask(headers: dict[str, str], **query: str) -> httpx.Response:
            return await served.client.post("/v1/sql", json=names, params=query, headers=headers)

        assert (await ask(headers["rival"])).json()["rows"] == [["rival.wav"]]
        assert (await ask(headers["acme"])).json()["rows"] == [["acme.wav"]]
        assert (await ask(admin)).json()["rows"] == [["acme.wav"]]
        assert (await ask(admin, all="true")).status_code == 400
        assert (await ask({})).status_code == 401
        for query in ("jobs", "throughput", "waiting"):
            address = f"/v1/analytics/{query}?since=1h&all=true"
            refused = await served.client.get(address, headers=headers["rival"])
            assert refused.status_code == 403
            answer = await served.client.get(address, headers=admin)
            assert answer.status_code == (403 if query == "jobs" else 200)
            assert "rival" not in answer.text
        sums = await served.client.get("/v1/analytics/throughput?since=1h&all=true", headers=admin)
        assert sum(row[1] for row in sums.json()["rows"]) == 2
        write, _ = await key(served, "acme", "write")
        assert (await ask(bearer(write))).status_code == 403


def test_the_web_at_rest_holds_nothing_of_parquet() -> None:
    found = "import sys, web.app; print([name for name in sys.modules if 'pyarrow' in name])"
    done = subprocess.run([sys.executable, "-c", found], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
