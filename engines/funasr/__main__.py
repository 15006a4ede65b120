"""`python -m engines.funasr [FILE]`: serve a stack, or transcribe one file here."""

from engines.funasr.engine import FunASR
from engines.sdk.main import main

raise SystemExit(main(FunASR))
