"""`python -m engines.pocketsphinx AUDIO transcribe.json`: serve a stack, or align one file here."""

from engines.pocketsphinx.engine import PocketSphinx
from engines.sdk.main import main

raise SystemExit(main(PocketSphinx))
