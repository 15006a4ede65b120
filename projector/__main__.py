"""`python -m projector`: fold the log into Postgres until told to stop."""

import logging
import os
import sys

import uvloop

from projector.process import ProjectorSettings, serve
from streams.errors import InvalidSetting
from streams.settings import read


def main() -> int:
    """Read the settings and serve."""
    try:
        settings = read(ProjectorSettings, os.environ)
    except InvalidSetting as error:
        print(error, file=sys.stderr)
        return 2
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    uvloop.run(serve(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
