"""A power cut in the middle of a commit: the log, the job and the queues all have it, or none has.

Cut at every byte of the last transaction; spoilt at some; and what the operator does then.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from infra.local import valkey as local_valkey
from infra.local.home import discard, socket_directory
from streams.commit import Ledger
from streams.connection import connect
from tests.streams.aof import KEYS, Files, Last, Refused, last
from tests.streams.audit import audit, view
from tests.streams.conftest import environment

SHORT = bool(os.environ.get("DALSTON_SHORT"))


@pytest.fixture
async def commit(kind: str, tmp_path: Path) -> AsyncIterator[Last]:
    """The last commit of a server that is gone."""
    run = socket_directory()
    yield await last(Files(tmp_path / "data", run, environment(kind)))
    discard(run)


async def cut(commit: Last, cuts: Iterable[int]) -> None:
    """Every restart finds the state before the commit; with the whole file, the one after it."""
    for at in cuts:
        assert await commit.restart(commit.raw[:at]) == "before", f"cut at byte {at}"
    assert await commit.restart(commit.raw) == "after"


async def test_a_commit_that_was_cut_off_never_was(commit: Last) -> None:
    some = random.Random(1).sample(commit.cuts, 25)
    await cut(commit, [commit.cuts[0], commit.cuts[1], *some, commit.cuts[-1]])


@pytest.mark.faults
@pytest.mark.timeout(3600)
async def test_a_commit_that_was_cut_off_at_any_byte_never_was(commit: Last) -> None:
    await cut(commit, commit.cuts[:: 100 if SHORT else 1])


async def test_whoever_was_cut_off_tries_again_and_it_is_done_once(commit: Last) -> None:
    for raw in (commit.raw[: commit.cuts[len(commit.cuts) // 2]], commit.raw):
        commit.files.incr.write_bytes(raw)
        async with commit.files.serve(), connect(commit.files.url) as redis:
            for _ in range(2):
                assert (await Ledger(redis, KEYS)._send(commit.write))[0] == b"OK"
            assert await audit(redis, KEYS) == 10
            found = await view(redis, KEYS)
        assert found.keys() == commit.after.keys()
        for key in (KEYS.log, KEYS.head, KEYS.job("j"), KEYS.backlog("a"), KEYS.backlog("b")):
            assert found[key] == commit.after[key]


async def rot(commit: Last, count: int) -> Counter[str]:
    """Flip a bit of the last transaction, so many times; how often each came out."""
    chance, seen = random.Random(7), Counter[str]()
    for _ in range(count):
        at, raw = chance.choice(commit.cuts), bytearray(commit.raw)
        raw[at] ^= 1 << chance.randrange(8)
        found = await commit.restart(bytes(raw))
        # The file has no checksum: a value that rots is read as it is. But the commands around it
        # ran all the same, so no more is wrong than the key that it was in, or was moved from.
        assert len(found.split()) <= 2, f"byte {at}: {found}"
        seen[found if found in {"refused", "before", "after"} else "one value is wrong"] += 1
    assert seen["refused"]
    return seen


async def test_a_bit_that_rots_is_refused_or_spoils_no_more_than_its_value(commit: Last) -> None:
    await rot(commit, 20)


@pytest.mark.faults
@pytest.mark.timeout(3600)
async def test_bits_that_rot_are_refused_or_spoil_no_more_than_their_value(commit: Last) -> None:
    print(dict(await rot(commit, 20 if SHORT else 600)))


async def test_a_tail_of_zeros_is_refused_until_the_operator_cuts_it_off(
    commit: Last, tmp_path: Path
) -> None:
    """What a file system may leave of a write that it had made room for.

    The checker gets the file itself: Valkey 9.1's does not know its own snapshot in a manifest.
    """
    commit.files.incr.write_bytes(commit.raw[: commit.cuts[-20]] + bytes(500))
    with pytest.raises(Refused, match="check-aof --fix"):
        await commit.files.state()
    server = local_valkey.binary(commit.files.environ)
    checker = server.with_name("redis-check-aof")
    if not checker.exists():
        checker = tmp_path / "valkey-check-aof"  # the server is its own checker, by this name
        checker.symlink_to(server)
    process = await asyncio.create_subprocess_exec(
        checker, "--fix", commit.files.incr, stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate(b"y\n")
    assert process.returncode == 0, said.decode()
    assert await commit.files.state() == commit.before
