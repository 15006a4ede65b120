"""Each library called directly on the same files, in its engine's environment."""

from collections.abc import Sequence
from typing import Any

from bench.quality.audio import Recording
from bench.quality.lab import ask, python, say


async def all_of(
    read: Sequence[Recording], timed: Sequence[Recording], talks: Sequence[Recording]
) -> dict[str, Any]:
    """Each library called directly on the same files."""
    said = [one.file for one in read]
    words = [one.file for one in timed]
    told = [one.file for one in talks]
    whisper = await python("faster_whisper")
    found: dict[str, Any] = {"files": {"faster_whisper": said, "moonshine": said,
                                       "aligned": words, "diarized": told}}  # fmt: skip
    found["faster_whisper"] = await ask(whisper, "bare_whisper.py", {"files": said})
    say("bare faster-whisper: done")
    moonshine = await python("moonshine")
    found["moonshine"] = await ask(moonshine, "bare_moonshine.py", {"files": said})
    say("bare moonshine: done")
    heard = dict(zip(said, found["faster_whisper"], strict=True))
    question = {"files": words, "texts": [heard[file]["text"] for file in words]}
    found["aligned"] = await ask(await python("pocketsphinx"), "bare_pocketsphinx.py", question)
    say("bare pocketsphinx: done")
    pyannote = await python("pyannote")
    found["diarized"] = await ask(pyannote, "bare_pyannote.py", {"files": told})
    spoken = [one.file for one in talks if one.spoken]
    answers = await ask(whisper, "bare_whisper.py", {"files": spoken})
    found["talks"] = dict(zip(spoken, answers, strict=True))
    return found
