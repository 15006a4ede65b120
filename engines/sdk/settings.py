"""What an engine process reads from its environment besides the settings of every process."""

import hashlib
import socket
import tempfile
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from engines.sdk.holdings import NO_LIMIT, Budget
from streams.settings import Settings


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Of one replica of an engine; each field is the variable ``DALSTON_<FIELD>``."""

    engine_slot: Annotated[
        int, Meta(description="number of this replica on its host; its name holds it", ge=0)
    ] = 0
    engine_host: Annotated[
        str, Meta(description="host in the replica's name; empty means this machine's name")
    ] = ""
    health_host: Annotated[
        str, Meta(description="address that /healthz, /readyz and /metrics listen on")
    ] = "127.0.0.1"
    health_port: Annotated[
        int, Meta(description="their port; 0 means a free one", ge=0, le=65535)
    ] = 0
    drain_s: Annotated[
        float, Meta(description="seconds that SIGTERM leaves to the task at hand", ge=0)
    ] = 30.0
    idle_unload_s: Annotated[
        float,
        Meta(description="end the model's process after so many idle seconds; 0: never", ge=0),
    ] = 0.0
    models_loaded: Annotated[
        int,
        Meta(
            description="models kept loaded at most; 0: as many as the budgets allow, or one", ge=0
        ),
    ] = 0
    memory_budget: Annotated[
        int,
        Meta(
            description="bytes that the model process may hold: models are unloaded for it, and a "
            "process that stays over it is replaced; 0: any",
            ge=0,
        ),
    ] = 0
    gpu_budget: Annotated[int, Meta(description="the same of the card's memory; 0: any", ge=0)] = 0
    prewarm: Annotated[
        bool, Meta(description="load the default model at start, before the first task")
    ] = True
    workdir: Annotated[
        str, Meta(description="folder for the files of running tasks; empty: the system's")
    ] = ""

    @property
    def budget(self) -> Budget:
        """What a child may hold."""
        bounded = self.memory_budget or self.gpu_budget
        models = self.models_loaded or (NO_LIMIT if bounded else 1)
        return Budget(models, self.memory_budget, self.gpu_budget)

    def replica(self, engine: str) -> str:
        """The name of this replica, which is its consumer name too."""
        return f"{engine}@{self.host}-{self.engine_slot}"

    def folder(self, replica: str, settings: Settings) -> Path:
        """Where the files of this replica's tasks lie.

        Replicas of two stacks on one machine may have the same name, so the stack is in it.
        """
        stack = f"{settings.redis_url} {settings.key_prefix} {settings.partition}"
        mark = hashlib.sha256(stack.encode()).hexdigest()[:8]
        return Path(self.workdir or tempfile.gettempdir()) / f"dalston-{replica}-{mark}"

    def reached_at(self, port: int) -> str:
        """The address of the health server, as others reach it."""
        host = self.host if self.health_host in {"0.0.0.0", "::", ""} else self.health_host  # noqa: S104
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def host(self) -> str:
        """The host in the replica's name."""
        return self.engine_host or socket.gethostname()
