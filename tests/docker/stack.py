"""The Compose file as people run it, for its tests: commands, the API, what a container is."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).parents[2]
PROJECT = "dalston-test"
PUBLISH = "127.0.0.1:18080"
SAMPLE = next((ROOT / "samples").glob("*.flac"))
HURTS = "touch /x 2>/dev/null && echo 'written: 1'; cat /proc/self/status"


def compose(*arguments: str, check: bool = True, given: str = "") -> str:
    """Run it and give what it says; ``given`` is its input."""
    docker = shutil.which("docker")
    assert docker, "there is no docker command"
    environ = {**os.environ, "DALSTON_PUBLISH": PUBLISH}
    done = subprocess.run(
        [docker, "compose", "-p", PROJECT, *arguments],
        cwd=ROOT, env=environ, text=True, capture_output=True, check=False, input=given,
    )  # fmt: skip
    if check and done.returncode:
        raise AssertionError(f"docker compose {arguments}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


@contextmanager
def up(*profiles: str) -> Iterator[httpx.Client]:
    """All that the profiles have, built and healthy; the end of it leaves nothing behind."""
    os.environ["COMPOSE_PROFILES"] = ",".join(profiles)
    compose("build")
    try:
        compose("up", "-d", "--wait")
        key = compose("exec", "-T", "web", "dalston", "keys", "make", "test", "--scope", "admin")
        headers = {"Authorization": f"Bearer {key.strip()}"}
        with httpx.Client(base_url=f"http://{PUBLISH}", headers=headers, timeout=120) as client:
            yield client
    except BaseException:
        print(compose("logs", "--tail", "60", check=False))
        raise
    finally:
        compose("down", "-v", "--remove-orphans", check=False)
        del os.environ["COMPOSE_PROFILES"]


def submit(api: httpx.Client, **wishes: str) -> str:
    with SAMPLE.open("rb") as file:
        answer = api.post("/v1/jobs", files={"file": (SAMPLE.name, file)}, data=wishes)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def wait_for(api: httpx.Client, job: str, *statuses: str, s: float = 180) -> dict[str, object]:
    deadline = time.monotonic() + s
    while time.monotonic() < deadline:
        view: dict[str, object] = api.get(f"/v1/jobs/{job}").json()
        if view["status"] in statuses:
            return view
        time.sleep(0.2)
    raise AssertionError(f"{job} is not {statuses} but: {json.dumps(view, indent=1)}")


def inspect(container: str, template: str) -> str:
    done = subprocess.run(
        ["docker", "inspect", "-f", template, container], text=True, capture_output=True, check=True
    )
    return done.stdout.strip()


def check_is_shut_in(service: str, *, published: bool) -> None:
    """A container can write nothing but its data, gains no power, and opens no port but its own."""
    container = compose("ps", "-q", service).strip()
    host = json.loads(inspect(container, "{{json .HostConfig}}"))
    assert host["ReadonlyRootfs"], service
    assert host["CapDrop"] == ["ALL"], service
    assert not host["CapAdd"], service
    assert "no-new-privileges:true" in host["SecurityOpt"], service
    assert 0 < host["PidsLimit"] <= 512, service
    assert not host["Privileged"], service
    said = compose("exec", "-T", service, "sh", "-c", HURTS)
    status = dict(line.split(":", 1) for line in said.splitlines() if ":" in line)
    assert {status[name].strip() for name in ("CapEff", "CapPrm", "CapBnd")} == {"0" * 16}
    assert status["NoNewPrivs"].strip() == "1"
    assert "written: 1" not in said, service
    ports = json.loads(inspect(container, "{{json .NetworkSettings.Ports}}")) or {}
    open_to = [bound["HostIp"] for bounds in ports.values() for bound in bounds or []]
    assert open_to == ["127.0.0.1"] * published, service
