"""`make bench-quality`: what is heard, ours beside each library called directly, in one run.

The rule: never worse than the bare library by more than rounding. Rounding is half a point of an
error rate and 20 ms of a time. The exit code is 1 where it does not hold.
"""

import argparse
import asyncio
import sys
from pathlib import Path

from bench.quality import audio, bare, compare, emotion, ours, tables
from bench.quality.lab import ask, own_python
from bench.report import show

WHISPER = {"engines": "transcribe=faster_whisper"}
MOONSHINE = {"engines": "transcribe=moonshine", "word_timestamps": "false"}
ALIGNED = {"engines": "transcribe=faster_whisper,align=pocketsphinx", "align": "true"}
DIARIZED = {"engines": "transcribe=faster_whisper,diarize=pyannote", "diarize": "true"}


async def whole(arguments: argparse.Namespace) -> bool:
    """Hear all of it, twice; print the tables; whether the rule holds."""
    known = await audio.recordings(quick=arguments.quick, every=arguments.all)
    read = [one for one in known if one.kind in {"samples", "librivox", "generated"}]
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
    theirs = await bare.all_of(read, timed, talks)
    lab = await own_python()
    scores = await ask(lab, "score.py", compare.questions(read, talks, mine, theirs))
    kinds = list(dict.fromkeys(one.kind for one in read))
    good = [
        show(
            "Word error rate, Whisper's normaliser",
            tables.texts(scores["texts"], kinds, ("faster_whisper", "moonshine")),
        ),
        show(
            "Word times: how far the start of a word is off, in generated speech",
            compare.times(read, timed, mine, theirs),
        ),
        show(
            "Diarization error rate, overlap counted",
            tables.turns(scores["turns"], dict.fromkeys(one.kind for one in talks)),
        ),
        show("Speakers of words, generated conversations", compare.speakers(talks, mine, theirs)),
        show("Emotion", emotions.rows(felt, await emotions.bare()) if emotions else emotion.NONE),
        show(
            "Real-time factor and peak memory of each stage, model loaded",
            tables.stages((one for some in mine.values() for one in some), compare.factors(theirs)),
        ),
    ]
    return all(good)


def main() -> int:
    """Measure; 1 where the rule does not hold."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.quality",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
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
