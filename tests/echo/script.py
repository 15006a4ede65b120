"""What an echo engine is told to do, by the bytes that stand in place of audio."""

import re
from typing import Literal

import msgspec

Deed = Literal["work", "silent", "raise", "refuse", "crash", "exit"]
STAGES = ("prepare", "transcribe", "merge")


class Act(msgspec.Struct, frozen=True, omit_defaults=True):
    """One attempt: after ``seconds`` of it comes the deed.

    do: ``work`` tells its progress and succeeds, ``silent`` succeeds without telling any, ``raise``
        fails, ``refuse`` says that the input is at fault, ``crash`` kills the process that runs it,
        ``exit`` ends it with a status.
    """

    do: Deed = "work"
    seconds: float = 0.0


class Script(msgspec.Struct, frozen=True, omit_defaults=True):
    """The acts of each stage, one an attempt; the last one stands for all that follow.

    says: the words of the transcript. audio_s: how long the audio claims to be.
    segments: into how many the words are split.
    """

    says: str = "echo"
    audio_s: float = 1.0
    segments: int = 1
    acts: dict[str, tuple[Act, ...]] = {}

    def act(self, stage: str, token: int) -> Act:
        """What attempt ``token`` of a stage is to do; a stage without acts just succeeds."""
        acts = self.acts.get(stage) or (Act(),)
        return acts[min(token, len(acts)) - 1]


def encode(script: Script) -> bytes:
    """The script as a tiny file to submit."""
    return msgspec.json.encode(script)


def decode(data: bytes) -> Script:
    """The script of a file; whatever is no script is an ordinary file, done at once."""
    try:
        return msgspec.json.decode(data, type=Script)
    except msgspec.DecodeError:
        return Script(says=" ".join(re.findall(r"\w+", data[:200].decode(errors="replace"))))
