"""Every engine's folder has its image and its service, shut in like the others. Needs no Docker."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from infra.local import environment

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
ENGINES = environment.engines()
ALWAYS = {"audio_prepare", "faster_whisper", "merge"}
"""What `docker compose up` runs without a profile."""
WAYS_OUT = {"faster_whisper": "outside", "llm_cleanup": "llm"}
PINNED = "/venv/bin/pip install --require-hashes --no-deps -r /tmp/requirements.lock"
MB = {"m": 1, "g": 1024}


def block(name: str, within: str = COMPOSE, indent: str = "") -> str:
    """What stands under a key of the file, itself not included."""
    found = re.search(rf"(?m)^{indent}{re.escape(name)}:(.*\n(?:(?:{indent} .*)?\n)*)", within)
    assert found, f"no {name} in docker-compose.yml"
    return found[1]


def service(engine: str) -> str:
    return block(engine.replace("_", "-"), block("services"), "  ")


def value(key: str, text: str) -> str:
    """What a key of a service says, on its line and on those that go on from it."""
    return block(key, text, "    ").strip()


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_has_a_service_hardened_as_all_are(engine: str) -> None:
    text = service(engine)
    assert "<<: *engine" in text
    assert "<<: *hardened" in block("x-engine")
    for loosening in ("privileged", "cap_add", "user:", "ports:", "read_only", "security_opt"):
        assert loosening not in text, loosening
    assert "postgres" not in text
    assert "database" not in text


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_runs_always_or_by_a_profile_of_its_own_and_full(engine: str) -> None:
    text = service(engine)
    if engine in ALWAYS:
        assert "profiles:" not in text
    else:
        assert value("profiles", text) == f"[full, {engine.replace('_', '-')}]"


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_has_keys_of_its_own_and_mounts_no_others(engine: str) -> None:
    own = f"keys-{engine.replace('_', '-')}"
    mounted = re.findall(r"keys-[a-z0-9-]+:\S*?(?=[\",\]])", value("volumes", service(engine)))
    assert mounted == [f"{own}:/keys:ro"]
    keys = service("keys")
    assert engine in re.findall(r"\w+", value("command", keys))
    assert f"- {own}:/keys/{engine.replace('_', '-')}\n" in keys
    assert f"\n  {own}:\n" in block("volumes")


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_has_no_way_out_but_where_its_trade_wants_one(engine: str) -> None:
    text = service(engine)
    if engine in WAYS_OUT:
        assert value("networks", text).startswith(f"[work, {WAYS_OUT[engine]}]")
    else:
        assert "networks:" not in text
    assert "  work: {internal: true}\n" in block("networks")


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_has_memory_for_twice_what_it_says_to_need(engine: str) -> None:
    found = re.search(r"(\d+)([mg])", value("mem_limit", service(engine)))
    assert found
    about = tomllib.loads((ROOT / "engines" / engine / "engine.toml").read_text())
    assert int(found[1]) * MB[found[2]] >= 2 * about["memory_mb"]


@pytest.mark.parametrize("engine", ENGINES)
def test_an_engine_has_models_in_a_volume_if_its_image_has_a_place_for_them(engine: str) -> None:
    holds = "DALSTON_MODELS_DIR=/models" in dockerfile(engine)
    assert (":/models" in value("volumes", service(engine))) is holds
    settings = ROOT / "engines" / engine / "settings.py"
    assert holds is (settings.exists() and "models_dir" in settings.read_text())


@pytest.mark.parametrize("engine", ENGINES)
def test_an_image_is_built_in_stages_for_a_cpu_and_where_there_is_a_lock_for_a_card(
    engine: str,
) -> None:
    text = dockerfile(engine)
    stages = re.findall(r"(?m)^FROM \S+ AS (\S+)$", text)
    assert len(stages) == text.count("\nFROM ")
    assert stages[-1] == "cpu"
    locks = {"cpu": "requirements.lock", "cuda": "requirements-gpu.lock"}
    there = {name for name, lock in locks.items() if (ROOT / "engines" / engine / lock).exists()}
    assert there == {"cpu", "cuda"} & set(stages)
    assert text.count(PINNED) == len(there)
    for name in there:
        assert f"COPY engines/{engine}/{locks[name]} /tmp/requirements.lock" in text


@pytest.mark.parametrize("engine", ENGINES)
def test_an_image_holds_the_kit_and_the_engines_own_folder_and_belongs_to_nobody_special(
    engine: str,
) -> None:
    lines = [shlex.split(line) for line in dockerfile(engine).splitlines() if line[:5] == "COPY "]
    copied = {line[1] for line in lines if not line[1].startswith("--")}
    locks = {path for path in copied if path.endswith(".lock")}
    assert copied - locks == {
        "streams", "engines/__init__.py", "engines/sdk", f"engines/{engine}",
    }  # fmt: skip
    text = dockerfile(engine)
    assert "USER 10001\n" in text
    assert f'CMD ["python", "-m", "engines.{engine}"]\n' in text
    assert 'CMD ["python", "-m", "engines.sdk.probe"]' in text


def dockerfile(engine: str) -> str:
    path = ROOT / "engines" / engine / "Dockerfile"
    assert path.exists(), f"{engine} has no Dockerfile"
    return path.read_text()
