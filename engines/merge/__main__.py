"""`python -m engines.merge [prepare.json transcribe.json …]`: serve a stack, or merge here."""

from engines.merge.engine import Merge
from engines.sdk.main import main

raise SystemExit(main(Merge))
