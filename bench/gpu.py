"""What Whisper costs on a card: `python -m bench.gpu AUDIO.wav --models FOLDER --model tiny.en …`

Run it in an environment that has faster-whisper, such as the engine's own (requirements-gpu.lock).
For each model and compute type: the seconds of loading, the card's memory while it works and after
it was unloaded, and the real-time factor. With --leave the rest of the card is taken first (needs
torch), to see how the engine steps down when memory is short.
"""

import argparse
import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engines.faster_whisper.engine import FasterWhisper
from engines.faster_whisper.settings import WhisperSettings
from engines.sdk import gpu, memory, testing
from engines.sdk.contract import EngineFailure
from streams.events import Options

HOG = """
import sys, torch
free, _ = torch.cuda.mem_get_info()
held = torch.empty(free - int(sys.argv[1]) * 2**20, dtype=torch.uint8, device="cuda")
print("held", flush=True)
sys.stdin.read()
"""
COLUMNS = ("model", 10), ("asked", 14), ("used", 14), ("batch", 7), ("load s", 8), ("card MB", 9)
MORE = ("after MB", 10), ("RTF", 9), ("again", 9), ("words", 7)


def main() -> None:
    """Measure and print a line for each."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("audio", type=Path, help="a WAV, 16 bit, 16 kHz, mono")
    asked.add_argument("--models", default="", help="folder of models, one a folder")
    asked.add_argument("--model", action="append", default=[], help="more than once for several")
    asked.add_argument("--type", action="append", default=[], help="compute type; default float16")
    asked.add_argument("--device", default="cuda")
    asked.add_argument("--minutes", type=float, default=10.0, help="the audio again and again")
    asked.add_argument("--leave", type=int, action="append", default=[], help="MB left free")
    args = asked.parse_args()
    print("".join(name.ljust(width) for name, width in (*COLUMNS, *MORE)))
    with tempfile.TemporaryDirectory() as folder:
        audio = _repeated(args.audio, Path(folder) / "long.wav", args.minutes)
        for leave in args.leave or [0]:
            with _hog(leave):
                for model in args.model or ["tiny.en"]:
                    for kind in args.type or [""]:
                        print(_measured(args, model, kind, audio), flush=True)


def _measured(args: argparse.Namespace, model: str, kind: str, audio: Path) -> str:
    settings = WhisperSettings(models_dir=args.models, device=args.device, compute_type=kind)
    engine = FasterWhisper(settings)
    options: Options = {"model": model, "language": "en"}
    try:
        first = testing.run(engine, tracks=[audio], options=options)
        again = testing.run(engine, tracks=[audio], options=options)
    except EngineFailure as error:
        return f"{model:<10}{kind or '-':<14}{type(error).__name__}: {error}"
    held, duration = gpu.held() or 0, first.output.duration
    engine.unload()
    memory.release()
    cells = (
        model,
        kind or "-",
        again.output.provenance[0].parameters["compute_type"],
        again.output.provenance[0].parameters["batch_size"],
        f"{first.load_s:.2f}",
        f"{held / 1e6:.0f}",
        f"{(gpu.held() or 0) / 1e6:.0f}",
        f"{first.run_s / duration:.4f}",
        f"{again.run_s / duration:.4f}",
        len(again.output.text.split()),
    )
    widths = (width for _, width in (*COLUMNS, *MORE))
    return "".join(str(cell).ljust(width) for cell, width in zip(cells, widths, strict=True))


def _repeated(source: Path, target: Path, minutes: float) -> Path:
    with wave.open(str(source)) as file:
        data, setup = file.readframes(file.getnframes()), file.getparams()
    times = max(1, round(minutes * 60 * setup.framerate / setup.nframes))
    with wave.open(str(target), "wb") as file:
        file.setparams(setup)
        for _ in range(times):
            file.writeframes(data)
    return target


@contextmanager
def _hog(leave: int) -> Iterator[None]:
    """Another process that takes the card but for so many MB; 0: nobody does."""
    if not leave:
        yield
        return
    command = [sys.executable, "-c", HOG, str(leave)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        print(f"# {leave} MB of the card are free")
        yield
        process.stdin.close()


if __name__ == "__main__":
    main()
