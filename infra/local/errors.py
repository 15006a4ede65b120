"""The errors of a local stack: one small family, each message with its cure."""


class LocalError(Exception):
    """Anything that keeps a local stack from running."""


class BinaryMissing(LocalError):
    """A server's program is not installed: run `make setup`, or name it in its variable."""


class ChildFailed(LocalError):
    """A child process did not become ready; the message ends with the last lines of its log."""


class AlreadyRunning(LocalError):
    """Another stack runs on this home: use it, stop it with `dalston down`, or set DALSTON_HOME."""


class NotRunning(LocalError):
    """No stack runs on this home: start one with `dalston up`."""


class EnvironmentFailed(LocalError):
    """An engine's environment could not be built; the message ends with what the installer said."""
