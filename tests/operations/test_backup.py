"""Backup while jobs run, restore elsewhere: every event, job and transcript is there again."""

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import httpx
import msgspec
import pytest

from infra.backup.folder import Folder
from tests.echo.script import Script
from tests.operations.conftest import Homes
from tests.operations.place import DALSTON, ROOT, SHORT, Place

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

JOBS = 4 if SHORT else 12
RIGHT = "put right by hand"
long = pytest.mark.long


async def worked(place: Place) -> tuple[list[str], list[str]]:
    """A stack with jobs that have ended, and jobs that run or wait."""
    await place.up()
    done = await place.submit(JOBS, Script(says="all said"))
    await place.ended(done)
    return done, await place.submit(JOBS)


async def test_a_restored_stack_has_all_that_was_there_and_ends_what_was_under_way(
    homes: Homes, tmp_path: Path
) -> None:
    old, new, backup = homes("old"), homes("new"), str(tmp_path / "backup")
    done, running = await worked(old)
    kept, link = await corrected(old, done[0])
    told = await old.dalston("backup", backup)
    assert f"{2 * JOBS} jobs" in told
    late = await old.submit(1)
    assert "whole:" in await old.dalston("backup", "verify", backup)
    assert "the same:" in await old.dalston("backup", "compare", backup)
    originals = await old.ended([*done, *running, *late])

    await new.dalston("restore", backup)
    new.key = kept
    await new.up("--keys")
    restored = await new.ended([*done, *running])
    assert {job: restored[job] for job in done} == {job: originals[job] for job in done}
    assert {spoken(text) for text in restored.values()} == {"all said", "worth the wait", RIGHT}
    await lets_in(new, done[0], link)
    told = await new.dalston("backup", "compare", backup)
    assert f"{2 * JOBS} jobs: {2 * JOBS} ended, 0 under way" in told
    async with new.client() as client:
        assert late[0] not in {job.id for job in await client.jobs()}
    assert "the same" in await new.dalston("rebuild")
    assert "not empty" in await old.dalston("backup", backup, status=1)


async def corrected(place: Place, job: str) -> tuple[str, str]:
    """Put a segment right; an admin's key, and the token of a link to the job."""
    async with place.client() as client:
        await client.call("PUT", f"/v1/jobs/{job}/segments/0", json={"text": RIGHT})
        shared = await client.call("POST", f"/v1/jobs/{job}/shares", json={"expires_in_s": 3600})
    key = await place.dalston("keys", "make", "kept", "--scope", "admin")
    return key.strip(), str(shared.json()["token"])


async def lets_in(place: Place, job: str, link: str) -> None:
    """Whoever has the key may all, whoever has the link that one job, everybody else nothing."""
    async with httpx.AsyncClient(base_url=place.running().web.url) as nobody:
        assert (await nobody.get("/v1/jobs")).status_code == 401
        assert (await nobody.get(f"/v1/jobs/{job}?share={link}")).json()["edited"] == 1
        asked = await nobody.post(
            "/v1/sql", headers={"Authorization": f"Bearer {place.key}"},
            json={"sql": f"SELECT count(*) FROM edits WHERE job = '{job}'"},
        )  # fmt: skip
    assert asked.json()["rows"] == [[1]], asked.text


def spoken(transcript: str) -> str:
    """What was said, of a transcript as JSON."""
    return " ".join(
        segment["text"].strip() for segment in msgspec.json.decode(transcript)["segments"]
    )


@long
async def test_a_backup_that_was_killed_is_recognised_and_refused_everywhere(
    homes: Homes, tmp_path: Path
) -> None:
    old, new, backup = homes("old"), homes("new"), tmp_path / "backup"
    await worked(old)
    process = await asyncio.create_subprocess_exec(
        *DALSTON, "--home", str(old.home), "backup", str(backup), cwd=ROOT, env=old.variables(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    async with asyncio.timeout(60):
        while not Folder(backup).dump.exists():
            await asyncio.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    assert not Folder(backup).manifest.exists()
    for place, words in (
        (old, ["backup", "verify"]),
        (old, ["backup", "compare"]),
        (new, ["restore"]),
    ):
        assert "cut off" in await place.dalston(*words, str(backup), status=1)
    assert "cut off" in await old.dalston("backup", str(backup), status=1)
    assert not new.home.exists()
    await old.dalston("backup", str(tmp_path / "another"))


@long
async def test_one_altered_byte_is_named_and_nothing_is_restored(
    homes: Homes, tmp_path: Path
) -> None:
    old, new, folder = homes("old"), homes("new"), Folder(tmp_path / "backup")
    await worked(old)
    await old.dalston("backup", str(folder.path))
    victims = [
        folder.dump,
        folder.list,
        *sorted(p for p in folder.objects.rglob("*") if p.is_file()),
    ]
    for victim in victims[:3] + victims[-1:]:
        whole = victim.read_bytes()
        victim.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
        assert str(victim) in await old.dalston("backup", "verify", str(folder.path), status=1)
        assert str(victim) in await new.dalston("restore", str(folder.path), status=1)
        assert not new.home.exists()
        victim.write_bytes(whole)
    victims[-1].unlink()
    assert "cannot be read" in await old.dalston("backup", "verify", str(folder.path), status=1)
    victims[-1].write_bytes(whole)
    await new.dalston("restore", str(folder.path))


@long
async def test_a_home_that_holds_a_stack_is_not_restored_over(homes: Homes, tmp_path: Path) -> None:
    old, backup = homes("old"), str(tmp_path / "backup")
    done, _ = await worked(old)
    await old.dalston("backup", backup)
    assert "a stack runs on" in await old.dalston("restore", backup, status=1)
    await old.dalston("down")
    assert "holds s3, valkey, secrets.json, postgres" in await old.dalston(
        "restore", backup, status=1
    )
    await old.up()
    await old.ended(done)


@long
async def test_a_restore_that_was_killed_leaves_no_home_and_can_be_done_again(
    homes: Homes, tmp_path: Path
) -> None:
    old, new, backup = homes("old"), homes("new"), str(tmp_path / "backup")
    done, _ = await worked(old)
    await old.dalston("backup", backup)
    process = await asyncio.create_subprocess_exec(
        *DALSTON, "--home", str(new.home), "restore", backup, cwd=ROOT, env=new.variables(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    beside = new.home.with_name("new.restoring")
    async with asyncio.timeout(60):
        while not (beside / "postgres" / "PG_VERSION").exists():
            await asyncio.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    assert not new.home.exists()
    await new.dalston("restore", backup)
    assert not beside.exists()
    await new.up()
    await new.ended(done)


@long
async def test_an_erased_job_may_vanish_during_a_backup_and_a_later_one_links_what_it_has(
    homes: Homes, tmp_path: Path
) -> None:
    old = homes("old")
    done, running = await worked(old)
    await old.ended(running)
    monday, tuesday = Folder(tmp_path / "monday"), Folder(tmp_path / "tuesday")
    await old.dalston("backup", str(monday.path))
    await old.dalston("erase", "--yes", done[0])
    await old.submit(1)
    await old.dalston("backup", "take", "--earlier", str(monday.path), str(tuesday.path))
    await old.dalston("backup", "verify", str(tuesday.path))
    source = f"jobs/{done[1]}/source"
    assert os.path.samefile(monday.place(source), tuesday.place(source))  # noqa: PTH121
    assert not tuesday.place(f"jobs/{done[0]}/source").exists()
