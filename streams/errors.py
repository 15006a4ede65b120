"""The errors of this package: one small family, each message with its cure."""


class StreamsError(Exception):
    """Anything that the write side refuses or cannot do."""


class InvalidSetting(StreamsError):
    """A variable of the environment holds a value that its setting does not take."""


class EventTooLarge(StreamsError):
    """A fact is over the size limit of the log: put its payload in an artifact and name that."""


class InvalidEvent(StreamsError):
    """A fact holds a value that its type does not allow: mend the one who made it."""


class LogMissing(StreamsError):
    """Redis holds no log, or no longer: the projector makes or recovers it; try again soon."""


class SchemaTooNew(StreamsError):
    """A newer version of Dalston wrote this state: upgrade this process before it writes again."""


class LogInconsistent(StreamsError):
    """The head and the log disagree: somebody else wrote to these keys; run `dalston recover`."""


class UnreadableEvent(StreamsError):
    """An entry of the log is no event that this version can read. What follows waits, and is lost
    by nothing but a recovery: upgrade if a newer version wrote it; else run `dalston recover`."""

    @classmethod
    def at(cls, entry: bytes, error: Exception) -> "UnreadableEvent":
        """Of the entry with this id, for this reason."""
        return cls(
            f"entry {entry.decode()} of the log cannot be read ({error!r}), what follows it waits; "
            "if a newer version wrote it, upgrade this process; if something else did, "
            "`dalston recover` drops it and does the work that follows it again"
        )


class Conflict(StreamsError):
    """The job kept changing while a decision was being made: too many writers; try again."""


class Stale(Conflict):
    """This was decided so long ago that it may have been done and forgotten since: ask again."""


class NotReplicated(StreamsError):
    """No replica of Redis confirmed a write (profile ha): see that one is up and connected."""


class Refused(StreamsError):
    """A command does not fit the state of its job: the message says why and what would."""


class UnknownJob(Refused):
    """No such job: look at `dalston jobs`."""


class Fenced(Refused):
    """A newer attempt holds this stage, or it is over: drop the result and take the next task."""


class InvalidRequest(StreamsError):
    """A request asks for something that cannot be planned: the message names the option."""


class NoEngine(InvalidRequest):
    """Nobody who is up does a stage that is asked for: the message says what to start."""


class ArtifactMissing(StreamsError):
    """An object that an event points at is not in the store."""


class ArtifactCorrupt(StreamsError):
    """An object's bytes are not those that its event names: size or sha256 differ."""
