"""`python -m engines.presidio merge.json AUDIO`: serve a stack, or redact a transcript here."""

from engines.presidio.engine import Presidio
from engines.sdk.main import main

raise SystemExit(main(Presidio))
