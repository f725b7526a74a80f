"""What /proc tells of processes. Any of them may end between two looks, or in the middle of one: then there is nothing
to tell, and that is no error."""

import contextlib
import os
import signal
from pathlib import Path

ENDED = (FileNotFoundError, ProcessLookupError)


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def read(pid, name):
    """A file of the process, or of a thread of it by "PID/task/TID"; no bytes when it has ended."""
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except ENDED:
        return b""


def command(pid):
    """The words of its command line; none when it has ended."""
    return [word.decode("utf-8", "replace") for word in read(pid, "cmdline").split(b"\0")[:-1]]


def status(pid):
    """{name: text} of its `status`; empty when it has ended."""
    lines = read(pid, "status").decode("utf-8", "replace").splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def state(pid):
    """One letter, as `stat` has it; None when it has ended."""
    stat = read(pid, "stat").decode("utf-8", "replace")
    return stat.rsplit(")", 1)[1].split()[0] if stat else None


def gone(pid):
    """Not there, or a zombie that somebody else has to collect."""
    return state(pid) in ("Z", "X", None)


def children(pid):
    """Of its first thread, the oldest first."""
    return [int(word) for word in read(pid, f"task/{pid}/children").split()]


def threads(pid):
    """{number: name}"""
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except ENDED:
        return {}
    names = {int(task): read(f"{pid}/task/{task}", "comm").decode("utf-8", "replace") for task in tasks}
    return {task: name.rstrip("\n") for task, name in names.items() if name}


def descriptors(pid):
    """What each of its open descriptors is, as the kernel names it."""
    folder, found = f"/proc/{pid}/fd", []
    with contextlib.suppress(*ENDED):
        for name in os.listdir(folder):
            with contextlib.suppress(*ENDED):  # closed meanwhile
                found.append(os.readlink(f"{folder}/{name}"))
    return found


def namespace(pid, kind):
    """Which namespace it is in, as the kernel names it; None when it has ended, or is not for us to see, as the first
    process of a container may be."""
    try:
        return os.readlink(f"/proc/{pid}/ns/{kind}")
    except (*ENDED, PermissionError):
        return None


def kill(pid, sign=signal.SIGKILL):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, sign)


def forget_clock(pid):
    """What libfaketime named after that process, which has ended. A program that takes another's place, as all do that are
    started in a host, leaves these names; and who gets its number later finds them: `faketime` then ends with 1."""
    for name in ("faketime_shm_", "sem.faketime_sem_"):  # who finds the first alone ends, too
        Path(f"/dev/shm/{name}{pid}").unlink(missing_ok=True)
