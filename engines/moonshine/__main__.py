"""`python -m engines.moonshine [FILE]`: serve a stack, or transcribe one file here."""

from engines.moonshine.engine import Moonshine
from engines.sdk.main import main

raise SystemExit(main(Moonshine))
