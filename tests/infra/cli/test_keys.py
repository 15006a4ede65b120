"""`dalston up --keys` and `dalston keys`: over the API with a key, beside it with the disk."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import httpx
import pytest

from infra.cli.keys import moment
from infra.local import stack

Dalston = Callable[..., "subprocess.CompletedProcess[str]"]
SECRET = re.compile(r"dk_[0-9a-f]{8}_\S{43}")
NONE = [word for name in stack.DEFAULT_ENGINES for word in ("--engine", f"{name}=0")]


def command(home: Path) -> Dalston:
    """`dalston` on a home, with a key or without, and nothing of this session's environment."""

    def run(*words: str, key: str = "", **more: str) -> "subprocess.CompletedProcess[str]":
        environ = {n: v for n, v in os.environ.items() if not n.startswith("DALSTON_")}
        environ |= {"DALSTON_API_KEY": key, **more}
        return subprocess.run(
            [sys.executable, "-m", "infra.cli", "--home", str(home), *words],
            env=environ, text=True, capture_output=True, check=False, timeout=100,
        )  # fmt: skip

    return run


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Dalston, str, str, Path]]:
    """A local stack that wants keys: `dalston` on it, its first key, its address, its home."""
    home = tmp_path_factory.mktemp("locked")
    dalston = command(home)
    up = dalston("up", "--detach", "--keys", *NONE)
    assert up.returncode == 0, up.stderr
    [first] = SECRET.findall(up.stderr)
    yield dalston, first, up.stdout.strip(), home
    dalston("down")


Locked = tuple[Dalston, str, str, Path]


def test_up_shows_the_first_key_once_and_leaves_it_nowhere(locked: Locked) -> None:
    dalston, first, url, home = locked
    me = httpx.get(f"{url}/v1/me", headers={"Authorization": f"Bearer {first}"}).json()
    assert me["scopes"] == ["admin"]
    left = [path for path in home.rglob("*") if path.is_file() and path.stat().st_size < 10**7]
    assert left
    assert not [path for path in left if first[12:].encode() in path.read_bytes()]
    assert dalston("down").returncode == 0
    again = dalston("up", "--detach", "--keys", "--port", url.rpartition(":")[2], *NONE)
    assert again.returncode == 0, again.stderr
    assert not SECRET.search(again.stderr + again.stdout)
    assert "dalston keys make" in again.stderr
    assert httpx.get(f"{url}/v1/me", headers={"Authorization": f"Bearer {first}"}).is_success


def test_every_command_sends_the_key_and_without_one_says_what_to_do(locked: Locked) -> None:
    dalston, first, url, _ = locked
    assert dalston("jobs", key=first).returncode == 0
    assert dalston("--key", first, "engines").returncode == 0
    for words in (("jobs",), ("engines",), ("search", "x"), ("--url", url, "keys", "list")):
        refused = dalston(*words)
        assert refused.returncode == 1, refused
        assert "DALSTON_API_KEY" in refused.stderr
        assert "dalston keys make" in refused.stderr
        assert len(refused.stderr.splitlines()) == 1


def test_a_key_is_made_listed_and_revoked_over_the_api(locked: Locked) -> None:
    dalston, first, url, _ = locked
    made = dalston("--url", url, "keys", "make", "laptop", "--scope", "read", "--tenant", "acme",
                   "--expires", "30d", key=first)  # fmt: skip
    secret = made.stdout.strip()
    assert SECRET.fullmatch(secret), made
    assert secret not in made.stderr
    me = httpx.get(f"{url}/v1/me", headers={"Authorization": f"Bearer {secret}"}).json()
    assert (me["tenant"], me["scopes"], me["name"]) == ("acme", ["read"], "laptop")
    refused = dalston("cancel", "01m2x000000000000000000000", key=secret)
    assert (refused.returncode, "scope write" in refused.stderr) == (1, True)
    listed = dalston("--url", url, "keys", "list", "--json", key=first).stdout
    assert secret not in listed
    [row] = [one for one in map(json.loads, listed.splitlines()) if one["name"] == "laptop"]
    assert row["prefix"] == secret[:11]
    assert dalston("--url", url, "keys", "revoke", secret[:11], key=first).returncode == 0
    reply = httpx.get(f"{url}/v1/me", headers={"Authorization": f"Bearer {secret}"})
    assert reply.status_code == 401


def test_whoever_has_the_disk_is_never_locked_out(locked: Locked) -> None:
    """Without a key, with a wrong one, and with one that may not, Postgres is asked directly."""
    dalston, _, url, _ = locked
    reader = dalston("keys", "make", "reader", "--scope", "read").stdout.strip()
    for key in ("", "dk_00000000_" + "x" * 43, reader):
        made = dalston("keys", "make", "rescue", "--scope", "admin", key=key)
        assert made.returncode == 0, made.stderr
        headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
        assert httpx.get(f"{url}/v1/keys", headers=headers).is_success
    refused = dalston("--url", url, "keys", "make", "elsewhere", key=reader)
    assert refused.returncode == 1


def test_in_a_container_the_database_of_the_environment_is_asked(
    locked: Locked, tmp_path: Path
) -> None:
    """As in Compose: no stack of this home, and the DSN in a file."""
    _, _, url, home = locked
    dsn = tmp_path / "postgres_dsn"
    dsn.write_text(stack.settings(home).postgres_dsn)
    made = command(tmp_path / "nothing")(
        "keys", "make", "inside", "--scope", "admin", DALSTON_POSTGRES_DSN_FILE=str(dsn)
    )
    assert made.returncode == 0, made.stderr
    headers = {"Authorization": f"Bearer {made.stdout.strip()}"}
    assert httpx.get(f"{url}/v1/me", headers=headers).json()["name"] == "inside"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("make", "x", "--expires", "yesterday"), "30d"),
        (("make", "x", "--expires", "2020-01-01T00:00:00Z"), "over already"),
        (("make", "x", "--tenant", "A B"), "a-z 0-9"),
        (("make", "x" * 101), "100 characters"),
        (("make", "x", "--scope", "everything"), "everything"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(
    words: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    refused = command(tmp_path)("keys", *words)
    assert refused.returncode == 2
    assert told in refused.stderr


def test_a_key_that_is_not_there_is_not_revoked(locked: Locked) -> None:
    refused = locked[0]("keys", "revoke", "dk_00000000")
    assert refused.returncode == 1
    assert "dalston keys list" in refused.stderr


def test_a_stack_that_others_reach_does_not_start_open(tmp_path: Path) -> None:
    refused = command(tmp_path)("up", "--host", "0.0.0.0", *NONE, DALSTON_AUTH="open")
    assert refused.returncode == 1
    assert "DALSTON_AUTH=open" in refused.stderr
    assert not (tmp_path / "stack.json").exists()


def test_a_stack_without_keys_says_so_aloud(tmp_path: Path) -> None:
    dalston = command(tmp_path)
    up = dalston("up", "--detach", *NONE)
    try:
        assert up.returncode == 0, up.stderr
        assert "nobody needs a key" in up.stderr
        assert "--keys" in up.stderr
        me = httpx.get(f"{up.stdout.strip()}/v1/me").json()
        assert me["auth"] == "open"
        assert "Nobody needs a key" in (tmp_path / "logs" / "web.log").read_text()
    finally:
        dalston("down")


def test_a_time_to_come_is_read_as_people_write_it() -> None:
    now = datetime.now(UTC)
    for text, away in (("12h", timedelta(hours=12)), ("30d", timedelta(days=30)),
                       ("4w", timedelta(weeks=4))):  # fmt: skip
        assert abs(moment(text) - now - away) < timedelta(minutes=1)
    assert moment("2099-01-31T12:00:00Z") == datetime(2099, 1, 31, 12, tzinfo=UTC)
    assert moment("2099-01-31").tzinfo is not None
    with pytest.raises(click.UsageError):
        moment("999999w")
