"""Removes what a test run made: its network namespaces, the processes in them, its folders."""

import ctypes
import os
import re
import shutil
import signal
import time
from pathlib import Path

import proc

FAMILY = "gh-test"
FOLDERS = (Path("/tmp"), Path("/etc/netns"))
LIBC = ctypes.CDLL(None)
MNT_DETACH = 2


def namespaces(prefix):
    folder = Path("/run/netns")
    return sorted(p.name for p in folder.glob(f"{prefix}*")) if folder.is_dir() else []


def identity(path):
    """Which file that is; None when there is none, or it is not for us to see."""
    try:
        found = os.stat(path)
        return found.st_dev, found.st_ino
    except OSError:
        return None


def processes(namespace):
    space = identity(f"/run/netns/{namespace}")
    pids = proc.pids() if space else []
    return [pid for pid in pids if identity(f"/proc/{pid}/ns/net") == space]


def remove_namespace(namespace):
    """Whatever still runs inside is killed first: nothing but a test's own processes can be there."""
    until = time.monotonic() + 5
    while (alive := processes(namespace)) and time.monotonic() < until:
        for pid in alive:
            proc.kill(pid)
            proc.forget_clock(pid)
        time.sleep(0.01)
    # As `ip netns del` does: a test run removes thousands.
    path = Path("/run/netns", namespace)
    LIBC.umount2(os.fsencode(path), MNT_DETACH)
    path.unlink(missing_ok=True)


def unmount(folder):
    """All that is mounted below it, the last first."""
    lines = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    for point in reversed([line.split()[1] for line in lines]):
        if point.startswith(f"{folder}/"):
            LIBC.umount2(os.fsencode(point), MNT_DETACH)


def remove_all(prefix):
    for namespace in namespaces(prefix):
        remove_namespace(namespace)
    for folder in FOLDERS:
        for path in folder.glob(f"{prefix}*"):
            unmount(path)
            shutil.rmtree(path, ignore_errors=True)


def alive(pid):
    return Path(f"/proc/{pid}").exists()


def sweep():
    """Removes what runs left behind whose process is gone. Returns their prefixes."""
    names = set(namespaces(FAMILY))
    for folder in FOLDERS:
        names |= {path.name for path in folder.glob(f"{FAMILY}-*")}
    found = [re.match(rf"{FAMILY}-(\d+)-", name) for name in names]
    dead = {match.group(0) for match in found if match and not alive(match.group(1))}
    for prefix in dead:
        remove_all(prefix)
    return dead


def watch(prefix):
    """A process that removes all that bears the prefix when we are over, however we came to our end, or when the
    descriptor is closed: (its pid, the descriptor). It is a fork, which is there at once; a program would load Python
    once for each file of tests."""
    held, ours = os.pipe()
    pid = os.fork()
    if pid:
        os.close(held)
        return pid, ours
    try:
        os.setsid()
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sign, signal.SIG_IGN)
        nothing = os.open(os.devnull, os.O_RDWR)
        for fd in range(3):
            os.dup2(nothing, fd)
        os.dup2(held, 3)
        os.closerange(4, os.sysconf("SC_OPEN_MAX"))
        os.read(3, 1)
        remove_all(prefix)
    finally:
        os._exit(0)
