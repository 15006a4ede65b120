"""`python -m engines.NAME FILE`: one engine on one file, without Redis, S3 or anything else up."""

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from engines.sdk import inputs
from engines.sdk.contract import Engine, EngineFailure, InvalidInput, Task
from engines.sdk.host import Host
from streams.events import Option, Options


def run(engine: Engine, arguments: Sequence[str]) -> int:
    """Do what the command line asks; 0, or 1 with the reason on standard error."""
    args = _parser(engine).parse_args(arguments)
    try:
        options = _options(args)
        with tempfile.TemporaryDirectory(prefix="dalston-") as scratch:
            workdir = args.out.resolve() if args.out else Path(scratch)
            workdir.mkdir(parents=True, exist_ok=True)
            documents, audio = _sort(args.files, args.document)
            task = inputs.task(
                engine,
                workdir=workdir,
                source=audio,
                documents=documents,
                options=options,
                report=_bar if sys.stderr.isatty() else lambda _: None,
            )
            _check(engine, task)
            with contextlib.redirect_stdout(sys.stderr):  # libraries print; ours is the output
                result = Host(engine).run(task)
    except EngineFailure as error:
        print(f"{engine.name}: {error}", file=sys.stderr)
        return 1
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return _show(result.output, args.out)


def _parser(engine: Engine) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m engines.{engine.name}",
        description=f"Without FILE: serve stage {engine.stage!r} of a stack (see DALSTON_*). "
        "With FILE: do it here and print the output as JSON.",
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="audio, or STAGE.json: a stage's output"
    )
    parser.add_argument(
        "--option", action="append", default=[], metavar="KEY=VALUE", help="an option of the stage"
    )
    if engine.default_model() is not None or engine.any_model:
        known = ", ".join(engine.models())
        parser.add_argument("--model", help=f"short for --option model=…; here: {known or 'any'}")
    parser.add_argument(
        "--document", action="append", default=[], metavar="STAGE=FILE", help="a stage's output"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="keep output.json and the engine's files there"
    )
    return parser


def _options(args: argparse.Namespace) -> Options:
    options = dict(_option(text) for text in args.option)
    if getattr(args, "model", None):
        options["model"] = args.model
    return options


def _option(text: str) -> tuple[str, Option]:
    key, equals, value = text.partition("=")
    if not equals:
        raise InvalidInput(f"--option {text}: write KEY=VALUE")
    try:
        return key, msgspec.json.decode(value, type=Option)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return key, value


def _sort(files: Sequence[Path], named: Sequence[str]) -> tuple[dict[str, bytes], Path | None]:
    """Stage outputs (a JSON file is named for its stage) apart from the audio."""
    papers = {path.stem: path for path in files if path.suffix == ".json"}
    for text in named:
        stage, equals, name = text.partition("=")
        if not equals:
            raise InvalidInput(f"--document {text}: write STAGE=FILE")
        papers[stage] = Path(name)
    for path in papers.values():
        if not path.is_file():
            raise InvalidInput(f"no such file: {path}")
    audio = [path for path in files if path.suffix != ".json"]
    if len(audio) > 1:
        raise InvalidInput(f"one audio file at a time, not {len(audio)}")
    return {stage: path.read_bytes() for stage, path in papers.items()}, next(iter(audio), None)


def _check(engine: Engine, task: Task) -> None:
    if engine.stage == "prepare" and task.source is None:
        raise InvalidInput("give an audio file")
    if engine.hears and engine.stage != "prepare" and not task.tracks:
        raise InvalidInput("give an audio file: this engine hears")
    if not engine.hears and task.source is None and not task.documents:
        raise InvalidInput("give the outputs of earlier stages, such as prepare.json")


def _show(output: bytes, out: Path | None) -> int:
    text = msgspec.json.format(output, indent=2)
    if out is None:
        sys.stdout.write(text.decode() + "\n")
    else:
        (out / "output.json").write_bytes(text + b"\n")
    return 0


def _bar(fraction: float) -> None:
    print(f"\r{fraction:4.0%}", end="", file=sys.stderr, flush=True)
