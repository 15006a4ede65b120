"""What `engines/NAME/__main__.py` calls: serve a stack, or run alone on a file."""

import os
import sys
from collections.abc import Sequence

from engines.sdk import alone
from engines.sdk.contract import Engine


def main(engine_class: type[Engine], arguments: Sequence[str] | None = None) -> int:
    """Serve without arguments (settings come from the environment), else run alone.

    >>> raise SystemExit(main(FasterWhisper))   # all of engines/faster_whisper/__main__.py
    """
    given = sys.argv[1:] if arguments is None else arguments
    if given:
        return alone.run(engine_class(), given)
    from engines.sdk.service import serve  # noqa: PLC0415 - alone needs no Redis, nor its megabytes

    return serve(engine_class, os.environ)
