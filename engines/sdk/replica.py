"""One replica of an engine: its name, and all that it works with."""

from dataclasses import dataclass
from pathlib import Path

from engines.sdk.contract import Engine
from engines.sdk.settings import EngineSettings
from engines.sdk.slot import Slot
from streams.artifacts import Artifacts
from streams.commit import Ledger
from streams.registry import Registry
from streams.settings import Settings
from streams.work import Queue


@dataclass(frozen=True, kw_only=True)
class Replica:
    """Made once by the composition root, handed to whoever needs a part of it."""

    name: str
    engine: Engine
    settings: Settings
    own: EngineSettings
    ledger: Ledger
    queue: Queue
    registry: Registry
    artifacts: Artifacts
    slot: Slot
    folder: Path
    """Where the files of its tasks lie; nobody else's, so a past life's leavings can go."""
