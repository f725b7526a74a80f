"""An HTTP proxy that a test plays, for a forward proxy to go out by."""

import base64
import contextlib
import select
import socket
import ssl
import threading

from forward_site import WEB


class Parent:
    """asked: heads as it got them, [first line, (name, value)…]; names: all lead to the first of the web's servers. say: by target, octets that are said
    in place of what was asked for; silent: targets of which nothing is said."""

    def __init__(self, host, address, port=3128, users=None, tls=None):
        self.host, self.address, self.port, self.tls = host, address, port, tls
        self.right = {"Basic " + base64.b64encode(f"{u}:{p}".encode()).decode() for u, p in (users or {}).items()}
        self.asked, self.say, self.silent, self.connections, self.shaken = [], {}, set(), 0, 0
        self.socket = None
        self.start()

    def start(self):
        with self.host.inside():
            family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
            self.socket = socket.create_server((self.address, self.port), family=family)
        threading.Thread(target=self.accept, args=(self.socket,), daemon=True).start()

    def stop(self):
        if self.socket:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
            self.socket.close()
        self.socket = None

    def accept(self, listening):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                self.connections += 1
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with contextlib.suppress(OSError, ValueError, IndexError):
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
                self.shaken += 1
            with connection, connection.makefile("rb") as read:
                while self.one(connection, read):
                    pass

    def one(self, connection, read):
        """One request; whether another may come."""
        lines = []
        while (line := read.readline().decode("latin-1")) not in ("\r\n", ""):
            lines.append(line.rstrip("\r\n"))
        if not lines:
            return False
        fields = [tuple(line.split(": ", 1)) for line in lines[1:]]
        self.asked.append([lines[0], *fields])
        method, target, _ = lines[0].split()
        if self.right and dict(fields).get("Proxy-Authorization") not in self.right:
            connection.sendall(b'HTTP/1.1 407 Sign in\r\nProxy-Authenticate: Basic realm="parent"\r\nContent-Length: 6\r\n\r\nsecret')
            return True
        if target in self.silent:
            connection.recv(1)
            return False
        if target in self.say:
            connection.sendall(self.say[target])
            return False
        if method == "CONNECT":
            self.tunnel(connection, int(target.rsplit(":", 1)[1]))
            return False
        self.fetch(connection, read, method, target, fields)
        return True

    def fetch(self, connection, read, method, target, fields):
        authority, path = target.removeprefix("http://").split("/", 1)
        port = int(authority.rsplit(":", 1)[1]) if ":" in authority else 80
        body = read.read(int(dict(fields).get("Content-Length", 0)))
        kept = [f"{name}: {value}" for name, value in fields if name != "Proxy-Authorization"]
        with self.host.inside():
            there = socket.create_connection((WEB[0], port), 10)
        with there, there.makefile("rb") as answer:
            there.sendall("\r\n".join([f"{method} /{path} HTTP/1.1", *kept, "", ""]).encode() + body)
            head = b""
            while (line := answer.readline()) not in (b"\r\n", b""):
                head += line
            length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
            connection.sendall(head + b"\r\n" + answer.read(length if method != "HEAD" else 0))

    def tunnel(self, connection, port):
        with self.host.inside():
            try:
                there = socket.create_connection((WEB[0], port), 10)
            except OSError:
                connection.sendall(b"HTTP/1.1 503 Nobody there\r\nContent-Length: 0\r\n\r\n")
                return
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with there:
            self.relay(connection, there)

    @staticmethod
    def relay(connection, there):
        """Both ways in one thread: TLS of one connection is not for two."""
        ends = {connection: there, there: connection}
        while ends:
            pending = [connection] if connection in ends and getattr(connection, "pending", int)() else []
            for one in pending or select.select(list(ends), [], [], 30)[0]:
                data = one.recv(1 << 16)
                if data:
                    ends[one].sendall(data)
                    continue
                other = ends.pop(one)
                if other is connection and isinstance(connection, ssl.SSLSocket):
                    # Without close_notify it would be torn (RFC 8446 6.1), and a reset for the client.
                    with contextlib.suppress(OSError):
                        connection.unwrap()
                    return
                other.shutdown(socket.SHUT_WR)

    def lines(self):
        return [asked[0] for asked in self.asked]

    def fields(self, name):
        return [value for asked in self.asked for key, value in asked[1:] if key.lower() == name]
