"""The command line without a stack: help, usage, errors in a line, exit codes."""

import socket
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from infra.cli import cli


def run(*words: str, home: Path, **environ: str) -> Result:
    return CliRunner().invoke(cli, ["--home", str(home), *words], env=environ)


def every(command: click.Command, *path: str) -> list[tuple[str, ...]]:
    """The words of every command below one."""
    if not isinstance(command, click.Group):
        return [path]
    return [words for n, c in command.commands.items() for words in every(c, *path, n)]


@pytest.mark.parametrize("words", every(cli), ids=" ".join)
def test_every_command_explains_itself_with_an_example(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    result = run(*words, "--help", home=tmp_path)
    assert result.exit_code == 0
    assert "Example" in result.output


@pytest.mark.parametrize(
    "words",
    [["jobs"], ["job", "x"], ["events"], ["engines"], ["cancel", "x"], ["status"], ["down"],
     ["search", "x"], ["parked", "list"], ["rebuild"], ["recover", "--yes"],
     ["keys", "list"], ["keys", "make", "x"], ["keys", "revoke", "x"],
     ["transcript", "x"], ["rename", "x", "S1", "Ann"], ["edit", "x", "0", "y"]],
    ids=" ".join,
)  # fmt: skip
def test_without_a_stack_the_exit_code_is_3_and_the_cure_is_told(
    words: list[str], tmp_path: Path
) -> None:
    result = run(*words, home=tmp_path)
    assert result.exit_code == 3
    assert "dalston up" in result.stderr or "no stack runs" in result.stderr
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) <= 2


def test_an_address_where_nobody_answers_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
    result = run("jobs", home=tmp_path, DALSTON_URL=url)
    assert result.exit_code == 3
    assert url in result.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["transcribe"], "Missing argument"),
        (["up", "--home", "x"], "it goes before the command: dalston --home"),
        (["engine", "new", "x", "--stage", "shouting"], "'shouting' is not one of 'prepare'"),
        (["engine", "run", "x"], "Missing argument"),
        (["transcribe", "no-such-file.wav"], "does not exist"),
        (["transcribe", ".", "--format", "doc"], "'doc'"),
        (["events", "--from", "soon"], "soon"),
        (["parked", "retry"], "--all"),
        (["edit", "x", "0"], "--original"),
        (["edit", "x", "first", "y"], "'first'"),
        (["up", "--port", "99999"], "99999"),
        (["nonsense"], "nonsense"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_exits_with_2_and_names_what_is_wrong(
    words: list[str], told: str, tmp_path: Path
) -> None:
    result = run(*words, home=tmp_path)
    assert result.exit_code == 2
    assert told in result.stderr


def test_an_empty_directory_is_refused_by_name(tmp_path: Path) -> None:
    result = run("transcribe", str(tmp_path), home=tmp_path)
    assert result.exit_code == 2
    assert str(tmp_path) in result.stderr


def test_several_subtitle_files_need_a_directory(tmp_path: Path) -> None:
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(b"")
    result = run("transcribe", str(tmp_path), "--format", "srt", home=tmp_path)
    assert result.exit_code == 2
    assert "--output" in result.stderr


def test_jobs_that_are_to_go_on_need_a_stack_that_stays(tmp_path: Path) -> None:
    audio = tmp_path / "a.wav"
    audio.write_bytes(b"")
    result = run("transcribe", str(audio), "--no-follow", home=tmp_path)
    assert result.exit_code == 3


def test_replicas_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    result = run("up", "--engine", "merge=many", home=tmp_path)
    assert result.exit_code == 1
    assert "NAME=N" in result.stderr


def test_the_doctor_looks_at_the_machine_even_without_a_stack(tmp_path: Path) -> None:
    result = run("doctor", home=tmp_path)
    assert result.exit_code == 3
    assert "python" in result.stdout
    assert "disk" in result.stdout
