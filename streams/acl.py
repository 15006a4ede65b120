"""Who may do what in Redis: the rights of each role, as lines of an ACL file (pure).

A right is one selector: these commands, on these keys. A script runs with the rights of whoever
calls it, so each role that commits holds what commit.lua does. `docs/security.md` says what these
rights keep out, and what they cannot.
"""

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from streams import barrier
from streams.keys import Keys

OPERATOR, PROJECTOR, WEB, REPLICA = "operator", "projector", "web", "replica"
PROBE = "probe"
"""Asks whether the server is there, and nothing else."""
SHARED = ("ping", "time", "select", "multi", "exec", "discard", "unwatch")
"""What any client needs; none of these names a key."""
SCRIPTS = ("evalsha", "eval")
NOBODY = "user default off resetpass ~* &* +@all\n"
"""Nobody logs in as it. Yet a server reads its own AOF as this user, and drops what the user may
not do if it stands in a transaction, as all that a script wrote does: github.com/valkey-io/valkey
issue 3983."""


class Right(msgspec.Struct, frozen=True):
    """Commands, and patterns of the keys that they may name (``~`` both, ``%R~``, ``%W~``), or of
    the channels (``&``)."""

    commands: tuple[str, ...]
    keys: tuple[str, ...]

    def __str__(self) -> str:
        return f"({_allowed(self.commands)} {' '.join(self.keys)})"


class Rights(msgspec.Struct, frozen=True):
    """All of a role: commands without keys, channels, and what may be done to which keys."""

    commands: tuple[str, ...]
    channels: tuple[str, ...]
    rights: tuple[Right, ...]

    def __str__(self) -> str:
        channels = [f"&{channel}" for channel in self.channels]
        rights = [str(right) for right in self.rights]
        return " ".join(["resetchannels", *channels, "-@all", _allowed(self.commands), *rights])


def engine(name: str) -> str:
    """The role of an engine; all its replicas share one."""
    return f"engine-{name}"


def user(keys: Keys, role: str) -> str:
    """The name that a role logs in with."""
    return f"{keys.prefix}-{role}"


def file(keys: Keys, passwords: Mapping[str, str]) -> str:
    """An ACL file with these roles alone; an empty password lets nobody in until one is set.

    Only digests of the passwords stand in it. They are long and random, so that is enough.
    """
    users = [f"{line(keys, role, password)}\n" for role, password in passwords.items()]
    return "".join([NOBODY, *users])


def line(keys: Keys, role: str, password: str) -> str:
    """The line of one role."""
    digest = f" #{hashlib.sha256(password.encode()).hexdigest()}" if password else ""
    return f"user {user(keys, role)} on{digest} {rights(keys, role)}"


def rights(keys: Keys, role: str) -> str:
    """What a role may do, in the words of ACL SETUSER."""
    match role:
        case "operator":
            return "allchannels allkeys +@all"
        case "replica":
            return "resetchannels -@all +psync +replconf +ping"
        case "probe":
            return "resetchannels -@all +ping"
        case "projector":
            return str(_projector(keys))
        case "web":
            return str(_web(keys))
        case _:
            return str(_engine(keys, role.removeprefix("engine-")))


def _engine(keys: Keys, name: str) -> Rights:
    """An engine takes from its own queue only; what it finishes goes to whichever comes next."""
    queue, replica = keys.queue(name), keys.replica(f"{name}@*")
    own = ("xreadgroup", "xclaim", "xack", "xdel", "xrange", "xgroup|create", "xgroup|delconsumer",
           "xinfo|consumers")  # fmt: skip
    return Rights(
        commands=(*SHARED, "subscribe", "unsubscribe"),
        channels=(keys.nudges, replica),
        rights=(
            *_committing(keys),
            Right(own, (f"~{queue}",)),
            Right(("set", "get", "mget", "del"), (f"~{replica}",)),
            Right(("publish",), (f"&{replica}",)),
            Right(("zadd", "zrem"), (f"%W~{keys.replicas}",)),
            Right(("hset", "pexpire"), (f"%W~{keys.offers}",)),
            Right(("hmget",), (f"%R~{keys.drains}",)),
        ),
    )


def _web(keys: Keys) -> Rights:
    """The web follows the log, shows queues and replicas, commits, puts old jobs back, and says who
    is to be drained."""
    drains = ("hgetall", "hset", "hdel", "persist", "pexpire")
    return Rights(
        commands=(*SHARED, "publish", "wait"),
        channels=(keys.nudges,),
        rights=(
            *_committing(keys),
            Right(("xread", "xrange"), (f"%R~{keys.log}",)),
            Right(("xrevrange",), (f"%R~{keys.queue('*')}",)),
            Right(("zrange",), (f"%R~{keys.replicas}",)),
            Right(("mget",), (f"%R~{keys.replica('*')}",)),
            Right(("hgetall",), (f"%R~{keys.offers}",)),
            Right(("watch", *drains), (f"~{keys.drains}",)),
            Right(("watch",), (f"~{keys.job('*')}",)),
            Right(("set",), (f"%W~{barrier.key(keys)}",)),
        ),
    )


def _projector(keys: Keys) -> Rights:
    """The projector keeps the partition: it begins, trims and recovers the log, and runs timers."""
    reading = ("exists", "watch", "xread", "xrange", "zmscore", "zrangebyscore", "get", "mget",
               "zrange", "hgetall")  # fmt: skip
    queues = ("xack", "xclaim", "xdel", "xinfo|groups", "xinfo|consumers", "xgroup|create",
              "xgroup|delconsumer", "zscore")  # fmt: skip
    writing = ("hset", "hsetnx", "xtrim", "set", "del", "unlink", "zadd", "zrem", "pexpire")
    return Rights(
        commands=(*SHARED, "scan", "wait"),
        channels=(),
        rights=(
            *_committing(keys),
            Right((*reading, *queues, *writing), (f"~{keys.base}:*",)),
            Right((*SCRIPTS, "hmget"), (f"~{keys.base}:*",)),  # to recover a log out of sight
        ),
    )


def _committing(keys: Keys) -> tuple[Right, ...]:
    """What loading a job and commit.lua do, but for what is the queue's owner's (to settle) and the
    projector's (to enqueue again)."""
    job, queue, backlog, fair = (
        keys.job("*"), keys.queue("*"), keys.backlog("*"), keys.fair("*"),
    )  # fmt: skip
    named = (keys.log, keys.head, job, queue, backlog, fair)
    return (
        Right(SCRIPTS, tuple(f"~{key}" for key in named)),
        Right(("hmget", "hget", "exists"), (f"%R~{keys.head}", f"%R~{job}", f"%R~{fair}")),
        Right(("xrevrange", "exists", "xinfo|stream"), (f"%R~{keys.log}",)),
        Right(("xadd",), (f"%W~{keys.log}", f"%W~{queue}")),
        Right(("hset",), (f"%W~{keys.head}", f"%W~{job}", f"%W~{fair}")),
        Right(("pexpire",), (f"%W~{job}",)),
        Right(("xlen", "xpending"), (f"%R~{queue}",)),
        Right(("zrange", "zcard", "zscore"), (f"%R~{backlog}",)),
        Right(("zadd", "zrem"), (f"%W~{backlog}",)),
        Right(("del",), (f"%W~{fair}",)),
    )


def _allowed(commands: Iterable[str]) -> str:
    return " ".join(f"+{command}" for command in commands)
