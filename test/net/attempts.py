"""Attempts to connect, many at once, and how each of them ends."""

import contextlib
import errno
import select
import socket
import time


def ends(tries, expected, patience=15, silence=0.7):
    """For each (host, source, to, port): "open", "refused" (by a RST), "unreachable", "silent".

    expected: what they should be; only that tells how long to wait for each. source may be None.
    """
    words = {0: "open", errno.ECONNREFUSED: "refused"}
    found = ["silent"] * len(tries)
    with contextlib.ExitStack() as stack:
        poll, which = select.poll(), {}
        begun = time.monotonic()
        for i, (host, source, to, port) in enumerate(tries):
            with host.inside():
                near = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET)
            stack.callback(near.close)
            near.setblocking(False)
            if source:
                near.bind((source, 0))
            near.connect_ex((to, port))
            which[near.fileno()] = i, near
            poll.register(near, select.POLLOUT)

        def waits():
            passed = time.monotonic() - begun
            missing = [i for i, end in enumerate(expected) if end != "silent" and found[i] == "silent"]
            return passed < silence or (missing and passed < patience)

        while waits():
            for number, _ in poll.poll(50):
                i, near = which[number]
                found[i] = words.get(near.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), "unreachable")
                poll.unregister(near)
    return found
