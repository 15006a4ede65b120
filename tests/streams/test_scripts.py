"""What every script must keep to, read from its source."""

import re
from importlib.resources import files

import pytest

SOURCES = {
    path.name: path.read_text() for path in files("streams").iterdir() if path.name.endswith(".lua")
}
READS = {
    "TIME", "XLEN", "HMGET", "HGET", "XREVRANGE", "EXISTS", "XINFO", "XPENDING", "XRANGE", "ZSCORE",
    "ZRANGE", "ZCARD",
}  # fmt: skip
WRITES = {"XADD", "HSET", "PEXPIRE", "XACK", "XDEL", "ZADD", "ZREM", "DEL", "XCLAIM", "XGROUP"}
COMMIT = SOURCES["commit.lua"]


def calls(source: str) -> list[str]:
    """The commands that a script gives, in order."""
    return re.findall(r"redis\.p?call\('(\w+)'", source)


def test_there_are_these_scripts_and_no_other() -> None:
    assert set(SOURCES) == {"commit.lua", "renew.lua", "forget.lua", "hand.lua"}


@pytest.mark.parametrize("name", SOURCES)
def test_no_write_precedes_a_read(name: str) -> None:
    given = calls(SOURCES[name])
    assert set(given) <= READS | WRITES
    first_write = next(n for n, command in enumerate(given) if command in WRITES)
    assert set(given[first_write:]) <= WRITES


@pytest.mark.parametrize("name", SOURCES)
def test_every_call_is_spelled_out(name: str) -> None:
    """One that is not, such as redis.call(command, …), would escape these tests."""
    code = re.sub(r"--.*", "", SOURCES[name])
    assert len(re.findall(r"redis\.p?call", code)) == len(calls(code))


def test_nothing_is_refused_after_the_first_write() -> None:
    writes = COMMIT.partition("-- writes ---")[2]
    assert writes
    assert not re.search("error|malformed|assert|needs", writes)


@pytest.mark.parametrize("name", SOURCES)
def test_the_header_names_every_command_for_whoever_grants_rights(name: str) -> None:
    header = SOURCES[name].partition("-- ACL")[2]
    said = " ".join(re.findall(r"^(?:--)?(.*)$", header.partition("\nlocal")[0], re.MULTILINE))
    for command in set(calls(SOURCES[name])):
        assert re.search(rf"\b{command.lower()}\b", said), command


def test_a_commit_asks_for_the_right_to_each_write_before_the_first() -> None:
    rights = COMMIT[COMMIT.index("local function needs") : COMMIT.index("-- writes ---")]
    assert set(re.findall(r"'([A-Z]+)'", rights)) == WRITES & set(calls(COMMIT))


def test_every_key_is_among_the_keys() -> None:
    used = set(re.findall(r"redis\.p?call\('\w+', ([^,)\s]+(?:\[[^\]]+\](?:\.\w+)?)?)", COMMIT))
    plans = {"plan.queue", "plan.backlog", "plan.fair", "plans[done.engine].queue"}
    assert used == {
        "KEYS[1]", "KEYS[2]", "KEYS[3]", "'STREAM'", "queue", "backlog", "fair", *plans,
    }  # fmt: skip
    assert "redis.call('XINFO', 'STREAM', KEYS[1])" in COMMIT
    assert "queue, backlog, fair = KEYS[3 * i + 1], KEYS[3 * i + 2], KEYS[3 * i + 3]" in COMMIT
    assert "look(queue, backlog)" in COMMIT
    for name in ("renew.lua", "forget.lua", "hand.lua"):
        named = re.findall(r"redis\.call\('\w+', (?:'\w+', )?([^,)]+)", SOURCES[name])
        assert set(named) == {"KEYS[1]"}
