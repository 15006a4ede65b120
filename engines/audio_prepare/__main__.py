"""`python -m engines.audio_prepare [FILE]`: serve a stack, or do one file here."""

from engines.audio_prepare.engine import AudioPrepare
from engines.sdk.main import main

raise SystemExit(main(AudioPrepare))
