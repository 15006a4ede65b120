"""The objects in S3, for side effects alone: opened when the first one needs them."""

from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

from streams.settings import Settings

if TYPE_CHECKING:
    from streams.artifacts import Artifacts


class Objects:
    """Opens the store on demand. Use as an async context manager, which closes it.

    The library behind it is half of a projector's memory, and most projectors of a stack stand by.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stack = AsyncExitStack()
        self._artifacts: Artifacts | None = None
        self.away: tuple[type[Exception], ...] = ()
        """What the store raises when it does not answer; known once it is open."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def artifacts(self) -> "Artifacts":
        """The store, opened now if it was not."""
        if self._artifacts is None:
            from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - see above

            from streams.artifacts import Artifacts  # noqa: PLC0415

            self.away = (BotoCoreError, ClientError)
            self._artifacts = await self._stack.enter_async_context(Artifacts(self._settings))
        return self._artifacts
