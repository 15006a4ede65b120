"""The errors of this package: one small family, each message with its cure."""


class ProjectorError(Exception):
    """Anything that the read side refuses or cannot do."""


class IdempotencyMismatch(ProjectorError):
    """The idempotency key was used for another upload: send a fresh key, or the same request."""


class LogDiverged(ProjectorError):
    """The log does not go on where the archive ends: Redis is to be recovered from the archive."""


class CheckpointMoved(ProjectorError):
    """Another projector archived these events first: read the checkpoint again and go on."""


class FoldedByNewer(ProjectorError):
    """A newer version of Dalston folds the log here: upgrade this one; until then it stands by."""


class DatabaseNewer(ProjectorError):
    """A newer version of Dalston has changed the tables: use its commands on this database."""


class ArchiveMissing(ProjectorError):
    """The database holds no archive but Redis's log has begun to be trimmed: name the database
    that belongs to this Redis, or run `dalston recover` to begin anew from what is here."""


class ArchiveBehind(ProjectorError):
    """The database was restored from a backup that is older than what Redis's log still holds:
    restore a newer one, or run `dalston recover` to give up the events that it lacks."""


class RebuildRunning(ProjectorError):
    """Another rebuild of this database is under way: wait for it to end."""


class NotCaughtUp(ProjectorError):
    """The projection is behind the log: see that the projector runs, and try again soon."""


class TablesBusy(ProjectorError):
    """A long transaction reads the tables that are to change: end it, or wait, and try again."""


class SqlRefused(ProjectorError):
    """Postgres refuses the statement, or stopped it: ask for something else, or for less."""


class SqlOff(ProjectorError):
    """SQL is not offered here; the message says what Postgres lacks for it."""
