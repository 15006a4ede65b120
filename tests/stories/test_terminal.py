"""One user at a terminal with a stack of their own: real servers, real engines, real audio."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from infra.cli.remains import command, descendants, listens
from infra.local.home import Home, is_alive

# One worker has the one stack; the first run on a fresh clone builds the engines' environments.
pytestmark = [pytest.mark.xdist_group("terminal"), pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples" / "sense_and_sensibility.flac"
REDIS_URL = "DALSTON_REDIS_URL"
SAID = (ROOT / "samples" / "sense_and_sensibility.txt").read_text()


class Terminal:
    """Runs `dalston` with a home of its own."""

    def __init__(self, home: Path, **environ: str) -> None:
        self.home = home
        self.environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith("DALSTON_")},
            "DALSTON_HOME": str(home),
            "DALSTON_ENVS": str(ROOT / ".dalston" / "envs"),
            "PYTHONPATH": str(ROOT),
            **environ,
        }

    def __call__(self, *words: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run to the end; the exit code must be as told, None is any."""
        ended = subprocess.run(
            self.command(*words), env=self.environ, capture_output=True, text=True, check=False
        )
        assert code in {None, ended.returncode}, ended.stdout + ended.stderr
        return ended

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Run beside us."""
        return subprocess.Popen(
            self.command(*words), env=self.environ, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "infra.cli", *words]

    @property
    def stack(self) -> dict[str, Any]:
        """stack.json."""
        found: dict[str, Any] = json.loads((self.home / "stack.json").read_text())
        return found

    def pids(self) -> dict[int, str]:
        """Every process that stack.json names, and its command."""
        parts = {**self.stack, **self.stack["engines"]}
        return {part["pid"]: command(part["pid"]) for part in parts.values() if part.get("pid")}


@pytest.fixture(scope="module")
def dalston(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    """A stack in the background."""
    terminal = Terminal(tmp_path_factory.mktemp("home"))
    url = terminal("up", "--detach").stdout.strip()
    assert url == terminal.stack["web"]["url"]
    yield terminal
    if Home(terminal.home).is_locked():
        terminal("down")


def redis(terminal: Terminal) -> Redis:
    """As the operator of its stack."""
    return Redis.from_url(json.loads((terminal.home / "secrets.json").read_text())[REDIS_URL])


def refused(terminal: Terminal) -> list[str]:
    """What Redis denied to any of the stack's users since it started."""
    with redis(terminal) as client:
        said: Any = client.acl_log()
    return [f"{one['username']}: {one['object']}" for one in said]


def users(terminal: Terminal) -> set[str]:
    """Who is connected."""
    with redis(terminal) as client:
        clients: Any = client.client_list()
    return {one["user"] for one in clients}


def words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower().replace("mr.", "mister"))


def until(happened: Any, seconds: float = 60) -> None:
    give_up = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < give_up, "it did not happen in time"
        time.sleep(0.1)


def test_the_transcript_goes_to_stdout_and_the_stages_to_stderr(dalston: Terminal) -> None:
    ended = dalston("transcribe", str(SAMPLE))
    heard, said = words(ended.stdout), words(SAID)
    assert sum(word in heard for word in said) > 0.9 * len(said)
    for stage in ("prepare", "transcribe", "merge"):
        assert f"{stage} completed" in ended.stderr
        assert f"{stage} completed" not in ended.stdout


def test_each_word_has_its_time(dalston: Terminal) -> None:
    lines = dalston("transcribe", str(SAMPLE), "--words").stdout.splitlines()
    times = [re.match(r"\[(\d\d):(\d\d\.\d\d)\] \S", line) for line in lines]
    seconds = [int(found[1]) * 60 + float(found[2]) for found in times if found]
    assert len(seconds) == len(lines) > 50
    assert seconds == sorted(seconds)
    assert 20 < seconds[-1] < 29


def test_a_failure_does_not_hide_the_others(dalston: Terminal, tmp_path: Path) -> None:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "broken.mp3").write_bytes(b"this is not audio")
    (tmp_path / "in" / "empty.wav").write_bytes(b"")
    (tmp_path / "in" / "deep" / "good.flac").write_bytes(SAMPLE.read_bytes())
    ended = dalston(
        "transcribe", str(tmp_path / "in"), "--format", "vtt", "-o", str(tmp_path / "out"), code=1
    )
    assert "broken.mp3" in ended.stderr
    assert "empty.wav" in ended.stderr
    written = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert written == [tmp_path / "out" / "deep" / "good.vtt"]
    assert written[0].read_text().startswith("WEBVTT\n")


def test_jobs_events_engines_and_search_are_fit_for_pipes(dalston: Terminal) -> None:
    job_id = dalston("transcribe", str(SAMPLE), "--no-follow").stdout.split("\t")[0]
    until(lambda: dalston("job", job_id, "--json").stdout.count('"succeeded"'))
    listed = [line.split("\t")[0] for line in dalston("jobs").stdout.splitlines()]
    assert listed[0] == job_id
    told = dalston("events", "--job", job_id, "--json").stdout.splitlines()
    events = [json.loads(line) for line in told]
    assert [event["rev"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["type"] == "dev.dalston.job.succeeded.v1"
    last = int(dalston("events").stdout.splitlines()[-1].split()[0])
    assert len(dalston("events", "--from", str(last)).stdout.splitlines()) == 1
    assert "running" in dalston("job", job_id, "--at", "5").stdout
    assert len(dalston("engines").stdout.splitlines()) == 3
    assert job_id in dalston("search", "amiable woman").stdout
    dalston("search", "xylophone", code=1)


def test_the_doctor_finds_nothing_wrong_with_a_stack_at_rest(dalston: Terminal) -> None:
    told = dalston("doctor", "--json").stdout.splitlines()
    findings = [json.loads(line) for line in told]
    assert {finding["level"] for finding in findings} <= {"ok", "warn"}
    parts = {finding["part"] for finding in findings}
    assert {"redis durability", "schema", "projector", "s3", "engine faster_whisper"} <= parts
    assert dalston("status").stdout.count("ready") == 8


def test_what_does_not_exist_is_said_so(dalston: Terminal) -> None:
    for ended in (
        dalston("job", "01m00000000000000000000000", code=1),
        dalston("cancel", "01m00000000000000000000000", code=1),
        dalston("transcribe", str(SAMPLE), "--language", "xx", code=1),
        dalston("up", code=1),
    ):
        assert 0 < len(ended.stderr.splitlines()) <= 2


def test_a_killed_engine_and_web_are_started_again_and_the_job_goes_on(dalston: Terminal) -> None:
    following = dalston.start("transcribe", str(SAMPLE))
    assert following.stderr
    for line in following.stderr:
        if "transcribe started" in line:
            break
    os.kill(dalston.stack["engines"]["faster_whisper"]["pid"], signal.SIGKILL)
    os.kill(dalston.stack["web"]["pid"], signal.SIGKILL)
    out, err = following.communicate(timeout=90)
    assert following.returncode == 0, err
    assert "attempt 2" in err
    assert "John" in out


def test_ctrl_c_cancels_the_jobs_of_the_command(dalston: Terminal) -> None:
    following = dalston.start("transcribe", str(SAMPLE))
    assert following.stderr
    for line in following.stderr:
        if "waits for" in line:
            break
    following.send_signal(signal.SIGINT)
    _, err = following.communicate(timeout=60)
    assert following.returncode == 130
    assert "cancelled 1 job" in err
    newest = dalston("jobs", "--limit", "1").stdout.split("\t")
    until(lambda: '"cancelled"' in dalston("job", newest[0], "--json").stdout)
    again = dalston("retry", newest[0]).stdout.strip()
    dalston("cancel", again)
    dalston("erase", newest[0], "--yes")


def test_a_transcript_is_corrected_searched_and_put_back(dalston: Terminal) -> None:
    dalston("transcribe", str(SAMPLE))
    job_id = dalston("jobs", "--limit", "1").stdout.split("\t")[0]
    heard = dalston("transcript", job_id).stdout
    first = json.loads(dalston("transcript", job_id, "--format", "json").stdout)["segments"][0]
    dalston("edit", job_id, "0", first["text"].replace("Dashwood", "Dashwud"))
    assert "Dashwud" in dalston("transcript", job_id, "--format", "srt").stdout
    assert dalston("transcript", job_id, "--original").stdout == heard
    until(lambda: job_id in dalston("search", "Dashwud", code=None).stdout)
    assert "has no speaker 'S9'" in dalston("rename", job_id, "S9", "Ann", code=1).stderr
    dalston("edit", job_id, "0", "--original")
    assert dalston("transcript", job_id).stdout == heard


def test_tables_are_rebuilt_and_redis_is_recovered_while_it_runs(dalston: Terminal) -> None:
    assert "the same" in dalston("rebuild").stdout
    assert "epoch 2" in dalston("recover", "--yes").stdout
    assert "John" in dalston("transcribe", str(SAMPLE)).stdout


def test_each_process_has_a_user_of_its_own_and_asked_for_nothing_that_its_role_may_not_do(
    dalston: Terminal,
) -> None:
    assert refused(dalston) == []
    engines = {f"dalston-engine-{name}" for name in dalston.stack["engines"]}
    assert {"dalston-web", "dalston-projector", *engines} <= users(dalston)
    assert "default" not in users(dalston)


def test_down_leaves_no_process_and_what_was_kept_is_there_again(dalston: Terminal) -> None:
    kept = int(dalston("events").stdout.splitlines()[-1].split()[0])
    before, web = dalston.pids(), dalston.stack["web"]["url"]
    dalston("down")
    assert not [pid for pid, name in before.items() if is_alive(pid) and command(pid) == name]
    assert not listens(web)
    assert not (dalston.home / "stack.json").exists()
    dalston("jobs", code=3)
    shown = dalston("demo")
    assert "is left; its data is in" in shown.stderr
    assert "Dashwood" in shown.stdout
    summary = re.search(r"RTF \d+\.\d\d; (\d+) events in the log", shown.stderr)
    assert summary
    assert int(summary[1]) > kept
    dalston("down", code=3)


def test_a_killed_command_takes_its_stack_with_it(dalston: Terminal) -> None:
    command_line = dalston.start("transcribe", str(SAMPLE))
    assert command_line.stderr
    for line in command_line.stderr:
        if line == "projector ready\n":
            break
    ours = {pid: command(pid) for pid in descendants(command_line.pid)}
    command_line.kill()
    command_line.communicate()
    assert len(ours) > 5
    until(lambda: not [pid for pid, name in ours.items() if is_alive(pid) and command(pid) == name])
