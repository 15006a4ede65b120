"""What uv said, word for word, and what is read out of it; what a folder holds, and whose it is."""

from pathlib import Path

import pytest

from infra.isolation import conflicts, contents
from infra.local import environment

ROOT = Path(__file__).parents[2]
WHISPERX_FUNASR = """\
error: No solution found when resolving dependencies
  cause: Because whisperx==3.8.6 depends on torch>=2.8.0,<2.9.dev0 and you require
         torch==2.13.0, we can conclude that your requirements and whisperx==3.8.6
         are incompatible.
         And because you require whisperx==3.8.6, we can conclude that your
         requirements are unsatisfiable.
"""
LITELLM_HUB = """\
error: No solution found when resolving dependencies
  cause: Because litellm==1.106.2 depends on huggingface-hub>=0.34.0,<2.0 and you
         require litellm==1.106.2, we can conclude that you require
         huggingface-hub>=0.34.0,<2.0.
         And because you require huggingface-hub==2.4.0, we can conclude that your
         requirements are unsatisfiable.
"""
PROXY_PYANNOTE = """\
error: No solution found when resolving dependencies
  cause: Because litellm[proxy-runtime]==1.106.2 depends on
         opentelemetry-exporter-otlp==1.33.1 and pyannote-audio>=4.0.7 depends on
         opentelemetry-exporter-otlp>=1.34.0, we can conclude that
         pyannote-audio>=4.0.7 and litellm[proxy-runtime]==1.106.2 are incompatible.
         And because you require pyannote-audio==4.0.7 and
         litellm[proxy-runtime]==1.106.2, we can conclude that your requirements are
         unsatisfiable.
"""
NOT_THERE = """\
error: Failed to fetch: http://127.0.0.1:1/simple/aiobotocore/
  cause: error sending request for url (http://127.0.0.1:1/simple/aiobotocore/)
  cause: client error (Connect)
  cause: tcp connect error
  cause: Connection refused (os error 111)
"""
OFFLINE = """\
error: No solution found when resolving dependencies
  cause: Because aiobotocore was not found in the cache and you require
         aiobotocore==3.10.0, we can conclude that your requirements are unsatisfiable.

hint: Packages were unavailable because the network was disabled. When the network is disabled,
registry packages may only be read from the cache.
"""


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            WHISPERX_FUNASR,
            "whisperx==3.8.6 depends on torch>=2.8.0,<2.9.dev0 and you require torch==2.13.0",
        ),
        (
            LITELLM_HUB,
            (
                "litellm==1.106.2 depends on huggingface-hub>=0.34.0,<2.0; "
                "you require huggingface-hub==2.4.0"
            ),
        ),
        (
            PROXY_PYANNOTE,
            (
                "litellm[proxy-runtime]==1.106.2 depends on opentelemetry-exporter-otlp==1.33.1 "
                "and pyannote-audio>=4.0.7 depends on opentelemetry-exporter-otlp>=1.34.0; "
                "you require pyannote-audio==4.0.7 and litellm[proxy-runtime]==1.106.2"
            ),
        ),
    ],
)
def test_the_grounds_of_a_contradiction_are_kept_and_what_is_no_news_is_not(
    said: str, why: str
) -> None:
    assert conflicts.reason(said) == why


@pytest.mark.parametrize("said", [NOT_THERE, OFFLINE, ""])
def test_a_registry_that_cannot_be_asked_is_no_evidence(said: str) -> None:
    with pytest.raises(conflicts.Unreachable):
        conflicts.reason(said)


def test_a_resolver_without_a_registry_is_told_from_one_that_finds_a_contradiction(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("UV_OFFLINE", "1")
    with pytest.raises(conflicts.Unreachable, match=r"merge alone: .*network was disabled"):
        conflicts.groups([ROOT / "engines" / "merge"])


def test_two_engines_drag_each_other_where_a_version_is_another_than_alone() -> None:
    alone = [
        conflicts.versions("huggingface_hub==2.4.0\ntorch==2.15.0 ; sys_platform == 'linux'\n"),
        conflicts.versions("six==1.17.0\nlitellm[proxy]==1.106.2\nnvidia-cublas==13.4.1.3\n"),
    ]
    together = {"huggingface-hub": "1.33.0", "torch": "2.15.0", "six": "1.17.0", "litellm":
                "1.106.2", "nvidia-cublas": "13.1.1.3"}  # fmt: skip
    assert conflicts.dragged(alone, together) == (("huggingface-hub", "2.4.0", "1.33.0"),)


def test_an_engine_is_asked_for_with_the_kit_and_without_our_overrides(tmp_path: Path) -> None:
    for folder, name, text in [
        ("sdk", "requirements.in", "# the kit\nredis==8.1.0\n"),
        ("one", "requirements.in", "-r ../sdk/requirements.in\ntorch==2.13.0\nx.y[z]==1  # why\n"),
        ("one", "requirements-overrides.txt", "-r other.txt\ntorch==2.13.0\n"),
    ]:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_text(text)
    assert conflicts.wanted(tmp_path / "one") == ["redis==8.1.0", "x.y[z]==1"]
    assert conflicts.overrides(tmp_path / "one") == {"torch": "torch==2.13.0"}


def test_each_engine_of_ours_is_there_for_a_library_that_it_asks_for() -> None:
    engines = set(environment.engines())
    assert engines == set(contents.LIBRARIES)
    for name, library in contents.LIBRARIES.items():
        text = (ROOT / "engines" / name / "requirements.in").read_text()
        assert library is None or library in conflicts.requirements(text), name


def test_another_engines_library_is_a_stranger_under_any_spelling() -> None:
    assert contents.strangers("emotion2vec", ["funasr", "torch", "av"]) == []
    assert contents.strangers("merge", ["redis", "pyannote.audio", "Faster_Whisper"]) == [
        "faster-whisper",
        "pyannote-audio",
    ]
    assert contents.strangers("an_engine_of_yours", ["litellm"]) == ["litellm"]


def test_an_environment_tells_what_it_holds_once_it_is_finished(tmp_path: Path) -> None:
    (tmp_path / "lib/python3.11/site-packages/pyannote_audio-4.0.7.dist-info").mkdir(parents=True)
    assert contents.of_environment(tmp_path) == []
    (tmp_path / "dalston.stamp").touch()
    assert contents.of_environment(tmp_path) == ["pyannote_audio"]
