"""Whether a proxy's workers have rings of io_uring, and how many of its clients get its attention at once."""

import contextlib
import signal

import pytest

from proc import descriptors


def count(pid):
    """How many rings the process has."""
    return descriptors(pid).count("anon_inode:[io_uring]")


def expected(service, wish):
    """Whether it has them, as it should by its key `io-uring`; skips where this machine lets nobody have any."""
    status, told = service.control("GET", "/status")
    assert status == 200
    if wish == "off":
        assert told["io_uring"] == "off" and count(service.pid) == 0
        return False
    if told["io_uring"] != "on":
        assert "no io_uring here" in service.log()
        pytest.skip(f"no io_uring on this machine: {told['io_uring']}")
    assert count(service.pid) == told["workers"]
    return True


@contextlib.contextmanager
def halted(service):
    """What comes meanwhile is there at the same time when it goes on."""
    service.send(signal.SIGSTOP)
    try:
        yield
    finally:
        service.send(signal.SIGCONT)
