"""A websocket's protocol: uvicorn's own, but it waits for nobody for ever."""

import asyncio

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class SocketProtocol(WebSocketsSansIOProtocol):
    """Cuts off a reader that answers no ping, or does not read the end.

    uvicorn closes such a socket in order, which waits until the reader has read what was written
    before: one that never reads would keep the socket, its place in the hub and its buffers.
    """

    def keepalive_timeout(self) -> None:
        """No pong came in time."""
        super().keepalive_timeout()
        self.transport.abort()

    def on_task_complete(self, task: asyncio.Task[None]) -> None:
        """The application is done with the socket: what it wrote has some seconds to go out."""
        super().on_task_complete(task)
        if not self.disconnected:
            self.loop.call_later(self.close_timeout, self.transport.abort)
