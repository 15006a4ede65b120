"""`python -m engines.whisperx AUDIO transcribe.json`: serve a stack, or align one file here."""

from engines.sdk.main import main
from engines.whisperx.engine import WhisperX

raise SystemExit(main(WhisperX))
