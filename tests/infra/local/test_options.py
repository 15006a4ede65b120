"""What a stack can be asked to be, and what of it may be shown."""

import os
from pathlib import Path

import pytest

from infra.local.errors import LocalError
from infra.local.options import (
    DEFAULT_ENGINES,
    Options,
    decode,
    encode,
    home_of,
    with_commands,
    with_replicas,
)
from infra.local.record import variables, without_password
from streams.settings import Settings


def test_replicas_are_words_that_change_the_default() -> None:
    assert with_replicas(()) == DEFAULT_ENGINES
    changed = with_replicas(("faster_whisper=3", "merge=0", "nemo"))
    assert changed == {**DEFAULT_ENGINES, "faster_whisper": 3, "merge": 0, "nemo": 1}


@pytest.mark.parametrize("word", ["=2", "merge=", "merge=two", "merge=-1", "../merge", "Merge=1"])
def test_a_word_that_is_no_replica_count_is_refused(word: str) -> None:
    with pytest.raises(LocalError, match="write NAME=N, such as faster_whisper=2"):
        with_replicas((word,))


def test_an_engine_of_somebody_elses_is_a_name_and_a_command_line() -> None:
    assert with_commands(()) == {}
    assert with_commands(("nemo='/opt/my env/python' -m nemo",)) == {
        "nemo": ["/opt/my env/python", "-m", "nemo"]
    }


@pytest.mark.parametrize("word", ["nemo", "nemo=", "=python", "../nemo=python"])
def test_a_word_that_is_no_command_of_an_engine_is_refused(word: str) -> None:
    with pytest.raises(LocalError, match="write NAME="):
        with_commands((word,))


def test_options_travel_to_the_background_unchanged(tmp_path: Path) -> None:
    options = Options(
        home=tmp_path,
        environ={"A": "ü"},
        engines={"merge": 2},
        commands={"merge": ["python", "-m", "mine"]},
        web_port=80,
    )
    assert decode(encode(options)) == options


def test_the_home_is_named_or_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert home_of({}) == tmp_path / ".dalston"
    assert home_of({"DALSTON_HOME": "x"}) == tmp_path / "x"
    assert home_of({"DALSTON_HOME": "/y"}) == Path("/y")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:secret@host:6379/0", "redis://@host:6379/0"),
        ("postgresql://user:p%40ss@host/db", "postgresql://user@host/db"),
        ("postgresql://dalston@/dalston?host=/tmp/x", "postgresql://dalston@/dalston?host=/tmp/x"),
        ("unix:///tmp/valkey.sock", "unix:///tmp/valkey.sock"),
    ],
)
def test_a_password_is_not_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_settings_survive_the_way_through_the_environment() -> None:
    settings = Settings(redis_url="unix:///x", lease_s=2.5, log_window=7, profile="dev")
    assert Settings.from_env({**os.environ, **variables(settings)}) == settings
