"""`python -m engines.emotion2vec AUDIO transcribe.json`: serve a stack, or judge one file here."""

from engines.emotion2vec.engine import Emotion2vec
from engines.sdk.main import main

raise SystemExit(main(Emotion2vec))
