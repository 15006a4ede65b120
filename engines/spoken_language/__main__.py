"""`python -m engines.spoken_language [FILE]`: serve a stack, or name one file's language here."""

from engines.sdk.main import main
from engines.spoken_language.engine import SpokenLanguage

raise SystemExit(main(SpokenLanguage))
