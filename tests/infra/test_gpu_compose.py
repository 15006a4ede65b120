"""docker-compose.gpu.yml goes with docker-compose.yml and with the engines that know a card."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FILES = ("docker-compose.yml", "docker-compose.gpu.yml")
ENGINES = {
    lock.parent.name.replace("_", "-") for lock in ROOT.glob("engines/*/requirements-gpu.lock")
}
CARD = "devices: [{driver: nvidia, count: all, capabilities: [gpu]}]"


def services(name: str) -> dict[str, str]:
    """The services of a Compose file, each with the lines of its block."""
    _, _, rest = (ROOT / name).read_text().partition("\nservices:\n")
    section = re.split(r"^\S", rest, maxsplit=1, flags=re.MULTILINE)[0]
    parts = re.split(r"^  ([\w-]+):.*\n", section, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


BASE, GPU = map(services, FILES)


def test_every_engine_with_requirements_for_a_card_is_in_the_file_and_no_other() -> None:
    assert ENGINES
    assert set(GPU) == ENGINES


def test_every_service_is_one_of_the_plain_file() -> None:
    assert set(GPU) <= set(BASE)


@pytest.mark.parametrize("name", GPU)
def test_each_engine_gets_its_own_card_budget_and_compute_type(name: str) -> None:
    block, label = GPU[name], name.replace("-", "_").upper()
    assert "<<: *card" in block
    assert "<<: *environment" in block
    assert f"CUDA_VISIBLE_DEVICES: ${{DALSTON_CARD_{label}:-0}}\n" in block
    assert f"DALSTON_GPU_BUDGET: ${{DALSTON_GPU_BUDGET_{label}:-0}}\n" in block
    assert f"DALSTON_COMPUTE_TYPE: ${{DALSTON_COMPUTE_TYPE_{label}:-}}\n" in block
    assert f"image: dalston-{name}-cuda\n" in block, "not the name of the image for the CPU"


def test_a_card_is_reserved_and_one_that_is_missing_is_an_error() -> None:
    text = (ROOT / FILES[1]).read_text()
    assert CARD in text
    assert "DALSTON_DEVICE: ${DALSTON_DEVICE:-cuda}\n" in text


@pytest.mark.parametrize("name", GPU)
def test_each_engine_has_an_image_for_a_card(name: str) -> None:
    assert "build: {target: cuda}\n" in GPU[name]
    text = (ROOT / "engines" / name.replace("-", "_") / "Dockerfile").read_text()
    assert " AS cuda" in text
    assert "requirements-gpu.lock" in text


@pytest.mark.docker
def test_compose_takes_both_files_and_keeps_what_shuts_containers_in() -> None:
    merged = config()
    for name in GPU:
        service = merged["services"][name]
        assert service["deploy"]["resources"]["reservations"]["devices"][0]["driver"] == "nvidia"
        assert service["environment"]["CUDA_VISIBLE_DEVICES"] == "1,0"
        assert service["environment"]["DALSTON_REDIS_URL_FILE"]
        assert service["build"]["dockerfile"].endswith("Dockerfile")
        assert service["build"]["target"] == "cuda"
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])


def config() -> dict[str, Any]:
    """What Compose makes of both files."""
    docker = shutil.which("docker")
    assert docker, "there is no docker command"
    files = [word for name in FILES for word in ("-f", name)]
    cards = {f"DALSTON_CARD_{n.replace('-', '_').upper()}": "1,0" for n in GPU}
    done = subprocess.run(
        [docker, "compose", *files, "--profile", "full", "config", "--format", "json"],
        cwd=ROOT, env={**os.environ, **cards}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    made: dict[str, Any] = json.loads(done.stdout)
    return made
