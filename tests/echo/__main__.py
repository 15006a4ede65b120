"""`python -m tests.echo STAGE`: serve that stage of a stack with an echo engine."""

import sys

from engines.sdk.main import main
from tests.echo.engines import ENGINES

raise SystemExit(main(ENGINES[sys.argv[1]], sys.argv[2:]))
