"""`dalston backup` and `restore`: a copy of all that must not be lost, and a home made from it."""

import asyncio
from pathlib import Path
from typing import Any

import click

from infra.cli.projection import told
from infra.cli.shell import Failed, Shell

FOLDER = click.Path(path_type=Path, file_okay=False)
THERE = click.Path(path_type=Path, file_okay=False, exists=True)


class Words(click.Group):
    """A group in which a folder may stand for a command: then `take` is meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of that word, or `take`."""
        if args and args[0] not in self.commands:
            args = ["take", *args]
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Options that are not the group's are those of `take`."""
        if args and args[0].startswith("-") and args[0] not in {"-h", "--help"}:
            args = ["take", *args]
        return super().parse_args(ctx, args)


@click.group(cls=Words, epilog="Example: dalston backup /mnt/backups/monday",
             subcommand_metavar="FOLDER | COMMAND [ARGS]...")  # fmt: skip
def backup() -> None:
    """Copy Postgres and all objects into FOLDER while the stack works; verify; compare.

    `dalston backup FOLDER` is short for `dalston backup take FOLDER`. Redis is not copied: it is
    made anew from Postgres. The folder holds transcripts: keep it as safe as the home.
    """


@backup.command(epilog="Example: dalston backup take --earlier monday tuesday")
@click.argument("folder", type=FOLDER)
@click.option("--earlier", type=THERE, help="A backup on the same disk whose objects are linked.")
@click.pass_obj
def take(shell: Shell, folder: Path, earlier: Path | None) -> None:
    """Take a backup into an empty FOLDER.

    Works on the stack of the home, or on the servers that DALSTON_POSTGRES_DSN, DALSTON_S3_URL and
    their kin name. Exit code 1 when something is missing; a folder without manifest.json is no
    backup.
    """
    from infra.backup import take as taking  # noqa: PLC0415 - its clients load slowly

    with told(shell) as progress:
        made = asyncio.run(
            taking.take(shell.settings(), folder, shell.environ, earlier=earlier, progress=progress)
        )
    click.echo(
        f"events 1 to {made.seq}, {made.jobs} jobs ({made.live} under way), "
        f"{made.object_count} objects of {made.object_bytes} bytes, in {made.took_s:.1f} s"
    )
    shell.say(f"prove it with: dalston backup verify {folder}")


@backup.command(epilog="Example: dalston backup verify /mnt/backups/monday")
@click.argument("folder", type=THERE)
@click.option("--quick", is_flag=True, help="Read the files only; do not restore the dump.")
@click.pass_obj
def verify(shell: Shell, folder: Path, quick: bool) -> None:
    """Prove that FOLDER is whole: each byte, and the dump restored on a server of its own.

    Each file has the sha256 that it had; restored, each table is the same row for row, the archive
    is an unbroken chain, jobs are the fold of their events, and each object that an event names is
    there. Exit code 1 when anything is wrong; each thing is named.
    """
    from infra.backup import verify as verifying  # noqa: PLC0415 - as above

    with told(shell) as progress:
        manifest, wrong = asyncio.run(
            verifying.verify(folder, shell.environ, quick=quick, progress=progress)
        )
    refuse(wrong, f"{folder} is damaged")
    click.echo(
        f"whole: {manifest.tables['events'].rows} events, {manifest.jobs} jobs, "
        f"{manifest.object_count} objects, made {manifest.began_at} by dalston {manifest.dalston}"
    )


@backup.command(epilog="Example: dalston --home new backup compare /mnt/backups/monday")
@click.argument("folder", type=THERE)
@click.pass_obj
def compare(shell: Shell, folder: Path) -> None:
    """Compare the stack that runs with FOLDER: after a restore, the proof that nothing is lost.

    Each event of the backup is in the stack's archive as it was, each accepted job is known, each
    object is there with the same bytes. Exit code 1 when anything differs; each thing is named.
    """
    from infra.backup import compare as comparing  # noqa: PLC0415 - as above

    with told(shell) as progress:
        found = asyncio.run(comparing.compare(shell.settings(), folder, progress))
    refuse(found.wrong, f"the stack differs from {folder}")
    click.echo(
        f"the same: {found.events} events row for row, {found.objects} objects byte for byte; "
        f"{found.jobs + found.waiting} jobs: {found.ended} ended, "
        f"{found.under_way + found.waiting} under way, {found.parked} of them parked"
    )


@click.command(epilog="Example: dalston --home new restore /mnt/backups/monday")
@click.argument("folder", type=THERE)
@click.option("--postgres", default="", metavar="DSN", help="An empty database to fill instead.")
@click.option("--s3", default="", metavar="URL", help="An S3 to fill instead; keys: DALSTON_S3_*.")
@click.pass_obj
def restore(shell: Shell, folder: Path, postgres: str, s3: str) -> None:
    """Make the home anew from the backup in FOLDER; then `dalston up` starts it.

    The home must not hold a stack yet. Jobs that were under way when the backup was taken go on
    from their last finished stage; jobs that were accepted later are not in it.
    """
    from infra.backup import restore as restoring  # noqa: PLC0415 - as above

    options = shell.options(postgres=postgres, s3=s3)
    with told(shell) as progress:
        made = asyncio.run(restoring.restore(folder, options, progress=progress))
    click.echo(
        f"restored: events 1 to {made.seq}, {made.jobs} jobs ({made.live} under way), "
        f"{made.object_count} objects"
    )
    named = [f"--postgres {postgres}"] * bool(postgres) + [f"--s3 {s3}"] * bool(s3)
    shell.say(f"start it with: dalston --home {shell.home} up {' '.join(named)}".rstrip())


def refuse(wrong: Any, verdict: str) -> None:
    """Tell each thing that is wrong, and fail."""
    for fault in wrong:
        click.echo(fault)
    if wrong:
        raise Failed(f"{verdict}: {len(wrong)} thing{'s' * (len(wrong) > 1)} wrong, named above")
