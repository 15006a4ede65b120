"""What can be wrong with a backup: one small family, each message with its cure."""


class BackupError(Exception):
    """A backup cannot be taken, or is not what it says."""


class Unfinished(BackupError):
    """The folder holds a backup that was cut off: remove it, and take another."""


class NotEmpty(BackupError):
    """There is something where the backup is to go: name an empty place."""
