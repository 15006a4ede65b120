"""`python -m engines.pyannote [FILE]`: serve a stack, or tell the speakers of one file apart."""

from engines.pyannote.engine import Pyannote
from engines.sdk.main import main

raise SystemExit(main(Pyannote))
