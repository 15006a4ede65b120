"""The Compose file as people run it: build, up, transcribe, lose an engine, down."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]
PROJECT = "dalston-test"
PUBLISH = "127.0.0.1:18080"
SAMPLE = next((ROOT / "samples").glob("*.flac"))

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1500)]


def compose(*arguments: str, check: bool = True) -> str:
    docker = shutil.which("docker")
    assert docker, "there is no docker command"
    environ = {**os.environ, "DALSTON_PUBLISH": PUBLISH}
    done = subprocess.run(
        [docker, "compose", "-p", PROJECT, *arguments],
        cwd=ROOT, env=environ, text=True, capture_output=True, check=False,
    )  # fmt: skip
    if check and done.returncode:
        raise AssertionError(f"docker compose {arguments}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


@pytest.fixture(scope="module")
def api() -> Iterator[httpx.Client]:
    compose("build")
    try:
        compose("up", "-d", "--wait")
        with httpx.Client(base_url=f"http://{PUBLISH}", timeout=120) as client:
            yield client
    except BaseException:
        print(compose("logs", "--tail", "60", check=False))
        raise
    finally:
        compose("down", "-v", "--remove-orphans", check=False)


def submit(api: httpx.Client) -> str:
    with SAMPLE.open("rb") as file:
        answer = api.post("/v1/jobs", files={"file": (SAMPLE.name, file)})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def wait_for(api: httpx.Client, job: str, *statuses: str) -> dict[str, object]:
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        view: dict[str, object] = api.get(f"/v1/jobs/{job}").json()
        if view["status"] in statuses:
            return view
        time.sleep(0.2)
    raise AssertionError(f"{job} is not {statuses} but: {json.dumps(view, indent=1)}")


def test_the_sample_is_transcribed_over_http(api: httpx.Client) -> None:
    job = submit(api)
    wait_for(api, job, "succeeded")
    transcript = api.get(f"/v1/jobs/{job}/transcript?format=json").json()
    words = [word for segment in transcript["segments"] for word in segment["words"]]
    assert len(words) > 20
    assert all(word["end"] >= word["start"] for word in words)


def test_a_killed_engine_container_comes_back_and_the_job_finishes(api: httpx.Client) -> None:
    container = compose("ps", "-q", "faster-whisper").strip()
    pid = int(_inspect(container, "{{.State.Pid}}"))
    job = submit(api)
    _until_running(api, job, "transcribe")
    # The process, not `docker kill`, which counts as a manual stop and is not restarted.
    os.kill(pid, signal.SIGKILL)
    view = wait_for(api, job, "succeeded")
    stages = {stage["name"]: stage for stage in view["stages"]}  # type: ignore[attr-defined]
    assert stages["transcribe"]["token"] > 1
    assert int(_inspect(container, "{{.RestartCount}}")) >= 1


def test_containers_run_as_nobody_special_and_hold_only_their_own(api: httpx.Client) -> None:
    assert compose("exec", "-T", "merge", "id", "-u").strip() == "10001"
    engines = compose("exec", "-T", "merge", "ls", "/app/engines").split()
    assert sorted(engines) == ["__init__.py", "merge", "sdk"]
    assert compose("exec", "-T", "merge", "ls", "/app").split() == ["engines", "streams"]


def _inspect(container: str, template: str) -> str:
    done = subprocess.run(
        ["docker", "inspect", "-f", template, container], text=True, capture_output=True, check=True
    )
    return done.stdout.strip()


def _until_running(api: httpx.Client, job: str, stage: str) -> None:
    for _ in range(600):
        stages = {s["name"]: s for s in api.get(f"/v1/jobs/{job}").json()["stages"]}
        if stages[stage]["status"] == "running":
            return
        time.sleep(0.02)
    raise AssertionError(f"{stage} never ran")
