"""`make bench-quality`: what is heard, ours beside each library called directly, in one run.

The rule: never worse than the bare library by more than rounding. Rounding is half a point of an
error rate and 20 ms of a time. The exit code is 1 where it does not hold.
"""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

import msgspec

from bench.quality import audio, bare, compare, emotion, ours, tables
from bench.quality.audio import Recording
from bench.quality.lab import KEPT, ask, own_python
from bench.report import Row, show

LAST = KEPT / "quality.json"
READ = ("samples", "librivox", "generated")
WHISPER = {"engines": "transcribe=faster_whisper"}
MOONSHINE = {"engines": "transcribe=moonshine", "word_timestamps": "false"}
ALIGNED = {"engines": "transcribe=faster_whisper,align=pocketsphinx", "align": "true"}
DIARIZED = {"engines": "transcribe=faster_whisper,diarize=pyannote", "diarize": "true"}


class Run(msgspec.Struct, kw_only=True):
    """What was heard on both sides; kept, so that the tables can be printed again."""

    known: list[Recording]
    mine: dict[str, list[ours.Heard]]
    theirs: dict[str, Any]
    emotion: list[Row]

    def of(self, *kinds: str) -> list[Recording]:
        """The recordings of some kinds."""
        return [one for one in self.known if one.kind in kinds]


async def heard(arguments: argparse.Namespace) -> Run:
    """All of it, by us and then by each library alone: the two share no time."""
    known = await audio.recordings(quick=arguments.quick, every=arguments.all)
    read = [one for one in known if one.kind in READ]
    timed = [one for one in known if one.words]
    talks = [one for one in known if one.turns]
    emotions = emotion.Asked.of(arguments)
    more = ([emotion.ENGINE], emotions.environ) if emotions else ((), None)
    async with ours.started(*more) as stack:
        mine = {
            "faster_whisper": await stack.hear("ours, faster_whisper", read, WHISPER),
            "moonshine": await stack.hear("ours, moonshine", read, MOONSHINE),
            "aligned": await stack.hear("ours, pocketsphinx", timed, ALIGNED),
            "diarized": await stack.hear("ours, pyannote", talks, DIARIZED),
        }
        felt = await emotions.heard(stack) if emotions else []
    return Run(
        known=known,
        mine=mine,
        theirs=await bare.all_of(read, timed, talks),
        emotion=emotions.rows(felt, await emotions.bare()) if emotions else emotion.NONE,
    )


async def shown(run: Run) -> bool:
    """Print the tables; whether the rule holds."""
    read = run.of(*READ)
    timed = [one for one in run.known if one.words]
    talks = [one for one in run.known if one.turns]
    mine, theirs = run.mine, run.theirs
    questions = compare.questions(read, talks, mine, theirs)
    scores = await ask(await own_python(), "score.py", questions)
    kinds = list(dict.fromkeys(one.kind for one in read))
    good = [
        show(
            "Word error rate, Whisper's normaliser (at most 0.5 points over bare)",
            tables.texts(scores["texts"], kinds, ("faster_whisper", "moonshine")),
        ),
        show(
            "How far a word's start is off, generated speech (at most 20 ms over bare)",
            compare.times(read, timed, mine, theirs),
        ),
        show(
            "Diarization error rate, overlap counted (at most 0.5 points over bare)",
            tables.turns(scores["turns"], dict.fromkeys(one.kind for one in talks)),
        ),
        show(
            "Speakers of words, generated conversations (at most 0.5 points over bare)",
            compare.speakers(talks, mine, theirs),
        ),
        show("Emotion", run.emotion),
        show(
            "Real-time factor (with loading, once) and peak memory of each stage",
            tables.stages((one for some in mine.values() for one in some), compare.factors(theirs)),
        ),
    ]
    print(
        "Never worse than the bare library by more than rounding:", "holds" if all(good) else "NO"
    )
    return all(good)


async def whole(arguments: argparse.Namespace) -> bool:
    """Hear, unless the last run is asked for, and print."""
    if arguments.again:
        if not LAST.exists():
            raise SystemExit(f"there was no run yet: {LAST} is missing")
        return await shown(msgspec.json.decode(LAST.read_bytes(), type=Run))
    run = await heard(arguments)
    LAST.write_bytes(msgspec.json.encode(run))
    return await shown(run)


def main() -> int:
    """Measure; 1 where the rule does not hold."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.quality",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--again", action="store_true", help="print the last run's tables again")
    parser.add_argument("--quick", action="store_true", help="a few recordings of each kind")
    parser.add_argument(
        "--all",
        action="store_true",
        help="all 14 meetings, the 10 on which the diarizer's settings were chosen too",
    )
    parser.add_argument(
        "--emotion-model", type=Path, metavar="FOLDER", help="real weights of emotion2vec"
    )
    parser.add_argument(
        "--emotion-audio",
        type=Path,
        metavar="FOLDER",
        help="speech with known emotions: a folder for each, such as angry/, with WAV files",
    )
    arguments = parser.parse_args()
    if (arguments.emotion_model is None) != (arguments.emotion_audio is None):
        parser.error("--emotion-model and --emotion-audio go together: weights, and what to judge")
    return 0 if asyncio.run(whole(arguments)) else 1


if __name__ == "__main__":
    sys.exit(main())
