"""The same stack on Redis 7.0, the oldest that we promise, with its users and their rights."""

from pathlib import Path

import pytest

from infra.local.home import Home
from tests.stories.test_terminal import SAMPLE, Terminal, refused, users
from tests.streams.conftest import environment

pytestmark = [pytest.mark.xdist_group("terminal"), pytest.mark.timeout(900)]


def test_a_whole_story_on_redis_7_asks_for_no_right_that_its_users_lack(tmp_path: Path) -> None:
    server = environment("redis7")["DALSTON_VALKEY_SERVER"]
    dalston = Terminal(tmp_path / "home", DALSTON_VALKEY_SERVER=server)
    dalston("up", "--detach")
    try:
        assert "John" in dalston("transcribe", str(SAMPLE)).stdout
        job = dalston("jobs").stdout.split("\t")[0]
        again = dalston("retry", job).stdout.strip()
        dalston("cancel", again)
        dalston("erase", job, "--yes")
        dalston("recover", "--yes")
        assert "John" in dalston("transcribe", str(SAMPLE)).stdout
        assert refused(dalston) == []
        assert "default" not in users(dalston)
    finally:
        if Home(dalston.home).is_locked():
            dalston("down")
