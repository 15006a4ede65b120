"""``python -m infra.local.bucket``: make the bucket that the settings name, unless it is there."""

import asyncio
import os

from streams.artifacts import Artifacts
from streams.settings import Settings


async def main(settings: Settings) -> None:
    """Make the bucket."""
    async with Artifacts(settings) as artifacts:
        await artifacts.create_bucket()


if __name__ == "__main__":
    asyncio.run(main(Settings.from_env(os.environ)))
