"""`dalston analytics` and `dalston sql` against a web that really serves."""

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq

from tests.web.conftest import Served
from tests.web.driver import Driver
from tests.web.test_analytics import talk
from tests.web.test_command_line import dalston


async def test_a_question_is_answered_in_every_format(
    served: Served, driver: Driver, tmp_path: Path
) -> None:
    job = await talk(served, driver)
    listed = await dalston(served, "analytics")
    assert "throughput\t" in listed.stdout
    rows = await dalston(served, "analytics", "rtf", "--since", "1h", "--engine", "faster_whisper")
    assert rows.exit_code == 0, rows.stderr
    [line] = rows.stdout.splitlines()
    assert line.split("\t")[1:5] == ["transcribe", "faster_whisper", "base", "1"]
    table = await dalston(served, "analytics", "jobs", "--since", "1h", "-f", "csv")
    assert [row["job"] for row in csv.DictReader(io.StringIO(table.stdout))] == [job]
    plain = await dalston(served, "analytics", "throughput", "-f", "json", "--all-tenants")
    assert json.loads(plain.stdout)["rows"][0][1] == 1
    file = tmp_path / "jobs.parquet"
    saved = await dalston(served, "analytics", "jobs", "-f", "parquet", "-o", str(file))
    assert saved.exit_code == 0, saved.stderr
    assert pq.read_table(file).to_pylist()[0]["job"] == job
    text = await dalston(served, "analytics", "jobs", "--sql")
    again = await dalston(served, "sql", text.stdout, "--format", "csv")
    assert again.stdout.splitlines()[1] == table.stdout.splitlines()[1]


async def test_sql_is_answered_or_refused_with_what_postgres_says(
    served: Served, driver: Driver
) -> None:
    await talk(served, driver)
    rows = await dalston(served, "sql", "SELECT status, took_s < 60, now() FROM jobs")
    assert rows.stdout.split("\t")[:2] == ["succeeded", "true"]
    some = await dalston(served, "sql", "SELECT n FROM generate_series(1, 9) n", "--limit", "2")
    assert some.stdout == "1\n2\n"
    assert "there are more" in some.stderr
    refused = await dalston(served, "sql", "DROP TABLE jobs")
    assert refused.exit_code == 1
    assert "syntax error" in refused.stderr
    unknown = await dalston(served, "analytics", "nothing")
    assert unknown.exit_code == 1
    assert "There are: throughput" in unknown.stderr
    nothing = await dalston(served, "analytics", "failures", "--stage", "align")
    assert (nothing.exit_code, nothing.stdout) == (0, "")
    assert "no rows" in nothing.stderr
