"""Tasks of the event loop: end them for sure, or give one a limited time."""

import asyncio
from collections.abc import Coroutine
from typing import Any

AGAIN_S = 0.5


async def end(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel tasks and wait until they are over, whatever they end with.

    Again and again: the Redis client has moments in which it swallows a cancellation.
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=AGAIN_S)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # looked at, so that nobody complains of it


async def first(*works: Coroutine[Any, Any, None]) -> None:
    """Do things side by side until one is over, then end the others for sure.

    Raises:
        Exception: what the one that was over first raised.
    """
    running = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end(*running)
    for task in done:
        task.result()


async def briefly(work: Coroutine[Any, Any, None], seconds: float) -> bool:
    """Do it if it takes no longer than that; whether it was done.

    Raises:
        Exception: what the work raised.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if task.done():
            task.result()
        return task.done()
    finally:
        await end(task)
