"""What the web's container gives: the page to anybody, all else to whoever has a key."""

import json
import re

import httpx
import pytest

from tests.docker.stack import compose, submit, wait_for
from web.routes import ROUTES

KEY = r"dk_[0-9a-f]{8}_\S{43}"
OPEN = {"/healthz", "/readyz", "/v1/session"}
"""What answers without a key: health, and where one is shown."""
ASKS = """
import json, sys, urllib.error, urllib.request
for address in json.load(sys.stdin):
    try:
        print(address, urllib.request.urlopen("http://web:8080" + address, timeout=10).status)
    except urllib.error.HTTPError as error:
        print(address, error.code)
"""

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1500)]


def test_the_page_was_built_into_the_image_and_comes_with_its_policy(api: httpx.Client) -> None:
    with httpx.Client(base_url=api.base_url) as nobody:
        document = nobody.get("/jobs/any")
        assert document.status_code == 200
        [nonce] = re.findall(r'name="csp-nonce" content="(\S{20,})"', document.text)
        policy = document.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert f"'nonce-{nonce}'" in policy
        assert "unsafe" not in policy
        files = re.findall(r'(?:src|href)="(/assets/[^"]+)"', document.text)
        assert {name.rpartition(".")[2] for name in files} >= {"js", "css"}
        for name in files:
            answer = nobody.get(name, headers={"Accept-Encoding": "br"})
            assert answer.status_code == 200, name
            assert "immutable" in answer.headers["cache-control"]
            assert answer.headers["content-security-policy"].startswith("default-src 'none'")
            if name.endswith((".js", ".css")):
                assert answer.headers["content-encoding"] == "br", name


def test_the_first_key_is_in_the_log_once_over_a_restart_too(api: httpx.Client) -> None:
    compose("restart", "web")
    compose("up", "-d", "--wait", "--no-recreate")
    [first] = re.findall(KEY, compose("logs", "web"))
    shown = api.get("/v1/me", headers={"Authorization": f"Bearer {first}"}).json()
    assert (shown["name"], shown["scopes"]) == ("first", ["admin"])
    listed = compose("exec", "-T", "web", "dalston", "keys", "list", "--json").splitlines()
    assert {json.loads(key)["name"] for key in listed} >= {"first", "test"}


def test_an_engine_reads_nothing_of_the_web_without_a_key(api: httpx.Client) -> None:
    job = submit(api)
    wait_for(api, job, "succeeded")
    asked = [
        re.sub(r"\{\w+\}", "x", route.path.replace("{id}", job))
        for route in ROUTES
        if route.method == "GET" and route.path not in OPEN
    ]
    assert f"/v1/jobs/{job}/transcript" in asked
    said = compose("exec", "-T", "merge", "python", "-c", ASKS, given=json.dumps(asked))
    answers = dict(line.split(" ") for line in said.splitlines())
    assert set(answers) == set(asked)
    assert set(answers.values()) == {"401"}, answers


def test_analytics_and_sql_tell_of_the_jobs_that_ran(api: httpx.Client) -> None:
    job = submit(api)
    wait_for(api, job, "succeeded")
    for name in api.get("/v1/analytics").json()["queries"]:
        answer = api.get(f"/v1/analytics/{name['name']}", params={"since": "1h"})
        assert answer.status_code == 200, answer.text
    told = api.get("/v1/analytics/throughput", params={"since": "1h", "bucket": "day"}).json()
    ended = [column["name"] for column in told["columns"]].index("succeeded")
    assert sum(row[ended] for row in told["rows"]) >= 1
    asked = api.post("/v1/sql", json={"sql": f"SELECT status FROM jobs WHERE job = '{job}'"})
    assert asked.json()["rows"] == [["succeeded"]], asked.text
    refused = api.post("/v1/sql", json={"sql": "SELECT hash FROM public.api_keys"})
    assert refused.status_code == 400, refused.text
    assert "permission denied" in refused.text
