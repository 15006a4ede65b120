"""The Compose file as people run it: build, up, transcribe, lose an engine, down."""

import os
import signal
import time

import httpx
import pytest

from tests.docker.stack import PROJECT, check_is_shut_in, compose, inspect, submit, wait_for

ENGINES = ("audio-prepare", "faster-whisper", "merge")
UIDS = {
    **dict.fromkeys(("projector", "web", "store", *ENGINES), "10001"),
    **dict.fromkeys(("valkey", "postgres"), "999"),
}
REACHES = """
import socket, sys
for address in sys.argv[1:]:
    try:
        socket.create_connection(address.split(":"), 2)
        print(address)
    except OSError:
        pass
"""

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1500)]


def test_the_sample_is_transcribed_over_http(api: httpx.Client) -> None:
    job = submit(api)
    wait_for(api, job, "succeeded")
    transcript = api.get(f"/v1/jobs/{job}/transcript?format=json").json()
    words = [word for segment in transcript["segments"] for word in segment["words"]]
    assert len(words) > 20
    assert all(word["end"] >= word["start"] for word in words)


def test_a_killed_engine_container_comes_back_and_the_job_finishes(api: httpx.Client) -> None:
    container = compose("ps", "-q", "faster-whisper").strip()
    pid = int(inspect(container, "{{.State.Pid}}"))
    job = submit(api)
    _until_running(api, job, "transcribe")
    # The process, not `docker kill`, which counts as a manual stop and is not restarted.
    os.kill(pid, signal.SIGKILL)
    view = wait_for(api, job, "succeeded")
    stages = {stage["name"]: stage for stage in view["stages"]}  # type: ignore[attr-defined]
    assert stages["transcribe"]["token"] > 1
    assert int(inspect(container, "{{.RestartCount}}")) >= 1


def test_a_valkey_that_was_started_again_has_its_log_still(api: httpx.Client) -> None:
    compose("restart", "valkey")
    compose("up", "-d", "--wait", "--no-recreate")
    job = submit(api)
    wait_for(api, job, "succeeded")
    events = api.get(f"/v1/jobs/{job}/events").json()["events"]
    assert {event["epoch"] for event in events} == {1}  # no other had to be begun


def test_containers_run_as_nobody_special_and_hold_only_their_own(api: httpx.Client) -> None:
    for service, uid in UIDS.items():
        assert compose("exec", "-T", service, "id", "-u").strip() == uid, service
    engines = compose("exec", "-T", "merge", "ls", "/app/engines").split()
    assert sorted(engines) == ["__init__.py", "merge", "sdk"]
    assert compose("exec", "-T", "merge", "ls", "/app").split() == ["engines", "streams"]


def test_containers_can_write_nothing_but_their_data_and_gain_no_power(api: httpx.Client) -> None:
    for service in UIDS:
        check_is_shut_in(service, published=service == "web")


def test_an_engine_reaches_no_database_no_other_keys_and_no_outside(api: httpx.Client) -> None:
    for engine in ENGINES:
        assert _reached(engine, "valkey:6379", f"{_address('postgres')}:5432") == ["valkey:6379"]
        keys = compose("exec", "-T", engine, "ls", "/keys").split()
        assert keys == ["redis_password", "redis_url", "s3_access_key", "s3_secret_key"]
    for network in ("work", "database"):
        assert inspect(f"{PROJECT}_{network}", "{{.Internal}}") == "true"


def test_no_container_holds_a_password_in_its_environment_or_command(api: httpx.Client) -> None:
    held = [
        compose("exec", "-T", "projector", "cat", f"/keys/{name}").strip()
        for name in ("redis_password", "s3_secret_key", "postgres_dsn")
    ]
    for service in UIDS:
        shown = inspect(compose("ps", "-q", service).strip(), "{{json .Config}}")
        assert not [secret for secret in held if secret in shown], service
    logs = compose("logs")
    assert not [secret for secret in held if secret in logs]


def test_the_web_owns_nothing_in_postgres_and_asks_as_a_reader(api: httpx.Client) -> None:
    dsn = compose("exec", "-T", "web", "cat", "/keys/postgres_dsn")
    assert dsn.startswith("postgresql://dalston_web:")
    asked = api.post("/v1/sql", json={"sql": "SELECT current_user"})
    assert asked.json()["rows"] == [["dalston_reader"]], asked.text


def test_redis_lets_in_nobody_without_a_user_and_refused_nobody_his_right(
    api: httpx.Client,
) -> None:
    asked = "import redis; print(redis.Redis('valkey').ping())"
    stranger = compose("exec", "-T", "web", "python", "-c", asked, check=False)
    assert "True" not in stranger
    told = compose(
        "run", "--rm", "-T", "--no-deps", "-v", f"{PROJECT}_keys-operator:/operator:ro", "bucket",
        "python", "-c",
        "import redis; print(redis.from_url(open('/operator/redis_url').read().strip()).acl_log())",
    )  # fmt: skip
    assert [line for line in told.splitlines() if "default" not in line] in (["[]"], [])


def _reached(service: str, *addresses: str) -> list[str]:
    """Those of the addresses that can be connected to from a container."""
    return compose("exec", "-T", service, "python", "-c", REACHES, *addresses).split()


def _address(service: str) -> str:
    container = compose("ps", "-q", service).strip()
    template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return inspect(container, template)


def _until_running(api: httpx.Client, job: str, stage: str) -> None:
    for _ in range(600):
        stages = {s["name"]: s for s in api.get(f"/v1/jobs/{job}").json()["stages"]}
        if stages[stage]["status"] == "running":
            return
        time.sleep(0.02)
    raise AssertionError(f"{stage} never ran")
