"""`python -m engines.faster_whisper [FILE]`: serve a stack, or transcribe one file here."""

from engines.faster_whisper.engine import FasterWhisper
from engines.sdk.main import main

raise SystemExit(main(FasterWhisper))
