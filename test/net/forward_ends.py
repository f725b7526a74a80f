"""Who says much or reads late at the ends of a tunnel, and how that ended."""

import contextlib
import socket
import threading
import time


def all_of(made):
    """What came to who reads late, and little by little; and how it ended."""
    came = 0
    time.sleep(1)
    try:
        while more := made.recv(1 << 14):
            came += len(more)
            time.sleep(0.005)
    except ConnectionResetError:
        return came, "reset"
    return came, "end"


class Source:
    """Says so many octets to the first who comes, and no more until he goes."""

    def __init__(self, host, address, port, size):
        self.size = size
        with host.inside():
            self.socket = socket.socket()
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind((address, port))
            self.socket.listen()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            made, _ = self.socket.accept()
            with made:
                made.sendall(b"s" * self.size)
                made.recv(1)

    def stop(self):
        self.socket.close()


class Sink:
    """Reads little by little what it gets, and says how much that was and how it ended."""

    def __init__(self, host, address, port):
        self.got, self.end = 0, None
        with host.inside():
            self.socket = socket.socket()
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            self.socket.bind((address, port))
            self.socket.listen()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            made, _ = self.socket.accept()
            with made:
                self.got, self.end = all_of(made)

    def stop(self):
        self.socket.close()
