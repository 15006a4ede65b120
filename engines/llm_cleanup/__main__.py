"""`python -m engines.llm_cleanup [transcribe.json]`: serve a stack, or clean a transcript."""

from engines.llm_cleanup.engine import LlmCleanup
from engines.sdk.main import main

raise SystemExit(main(LlmCleanup))
