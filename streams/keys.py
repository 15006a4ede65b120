"""The name of every Redis key; those of a partition share a hash tag, so one script takes them."""

import copy

HIDDEN = "recovering"
"""The kind of the key that a head stands in until its log is whole."""


class Keys:
    """Keys of one partition: ``<prefix>:{<partition>}:…``."""

    GROUP = "engines"
    """The one consumer group of each queue; commit.lua names it too."""

    def __init__(self, prefix: str = "dalston", partition: int = 0) -> None:
        self.prefix = prefix
        self.base = f"{prefix}:{{{partition}}}"
        self.log = f"{self.base}:log"
        self.head = f"{self.base}:head"
        self.replicas = f"{self.base}:replicas"
        self.offers = f"{self.base}:offers"
        self.nudges = f"{self.base}:nudges"
        self.drains = f"{self.base}:drains"

    def hidden(self) -> "Keys":
        """The same keys but for the head: those of a log that is being made, which none can find.

        What is written under them is everybody's once `Log.publish` has put the head in its place.
        """
        keys = copy.copy(self)
        keys.head = f"{self.base}:{HIDDEN}"
        return keys

    def job(self, job_id: str) -> str:
        """Hash: rev, state, last, schema."""
        return f"{self.base}:job:{job_id}"

    def queue(self, engine: str) -> str:
        """Stream of the tasks that an engine may take now."""
        return f"{self.base}:queue:{engine}"

    def backlog(self, engine: str) -> str:
        """Sorted set of the tasks that wait their fair turn."""
        return f"{self.base}:backlog:{engine}"

    def fair(self, engine: str) -> str:
        """Hash of the virtual times behind the backlog's scores."""
        return f"{self.base}:fair:{engine}"

    def engine(self, engine: str) -> tuple[str, str, str]:
        """The three keys of an engine, in the order that commit.lua wants."""
        return self.queue(engine), self.backlog(engine), self.fair(engine)

    def replica(self, replica: str) -> str:
        """String: the last announcement of a replica, with a time to live."""
        return f"{self.base}:replica:{replica}"
