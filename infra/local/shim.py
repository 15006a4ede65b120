"""The last thing before a child's program: tie its life to its parent's, then become it.

Runs alone, ``python -I -S shim.py PARENT SIGNAL DIRECTORIES PROGRAM ARGUMENT…``, so that nothing
has to happen between fork and exec, where threads make it unsafe. DIRECTORIES is empty, or those
(joined by ":") that a program needs which refuses to run as root.
"""

import ctypes
import os
import sys

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
CAP_DAC_OVERRIDE, CAPABILITY_VERSION = 1, 0x20080522
NOBODY = 65534
PLAIN_UID = 1000  # what root looks like inside its user namespace


def main(parent: int, signal: int, directories: list[str], command: list[str]) -> None:
    """Become `command`; it gets `signal` when `parent` dies, however that happens."""
    if directories and os.geteuid() == 0:
        stop_being_root(directories)
    if sys.platform == "linux":  # elsewhere a killed parent's children must be stopped by hand
        # After the change of identity, which would clear it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal)
        if os.getppid() != parent:  # it died before we could ask
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - a list, and no shell


def stop_being_root(directories: list[str]) -> None:
    """Look like a plain user, in a user namespace if we may: then all files stay root's.

    Where namespaces are forbidden (Docker's default seccomp) give `directories` to nobody, and
    become that, but keep root's right to pass through directories: all may lie below /root.
    """
    gid = os.getegid()
    if sys.platform == "linux" and ctypes.CDLL(None).unshare(CLONE_NEWUSER) == 0:
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", f"{PLAIN_UID} 0 1")
        write("/proc/self/gid_map", f"{PLAIN_UID} {gid} 1")
        return
    for directory in directories:
        for path, _, _ in os.walk(directory):
            if os.stat(path).st_uid == 0:  # noqa: PTH116 - pathlib would double the start time
                os.chown(path, NOBODY, NOBODY)
    libc = ctypes.CDLL(None)
    if sys.platform == "linux":
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    if sys.platform == "linux":
        bit = 1 << CAP_DAC_OVERRIDE
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
        libc.capset(header, (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0))
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


def write(path: str, text: str) -> None:
    """Write `text` in one call, as these files want it."""
    with open(path, "w") as file:  # noqa: PTH123 - as above
        file.write(text)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), [d for d in sys.argv[3].split(":") if d], sys.argv[4:])
