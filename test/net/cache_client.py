"""Clients of a cache that is tried: one connection each, requests one after another, by HTTP/1.1 or HTTP/2."""

import http.client
import socket

import hpack

import proxy_h2
from proxy_h2 import ACK, DATA, END_HEADERS, END_STREAM, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE, frame


class Answer:
    """What a client got."""

    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body
        self.text = body.decode("latin-1")
        age = fields.get("Age", "")
        self.age = int(age) if age.isdigit() else None
        self.said = fields.get("Cache-Status", "")
        self.hit = "; hit" in self.said

    def __repr__(self):
        return f"<{self.status} {self.text[:40]!r} {self.fields.items()}>"


class Response(http.client.HTTPResponse):
    """Passes over what is not final; the library knows 100 only."""

    def _read_status(self):
        while True:
            told = super()._read_status()
            if not 101 < told[1] < 200:
                return told
            while self.fp.readline(65537) not in (b"\r\n", b"\n", b""):
                pass


class Http1:
    """target(host, path): what the request line says."""

    def __init__(self, inside, port, target):
        self.inside, self.target = inside, target
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self.http.response_class = Response

    def ask(self, path, method, fields, body, host):
        if self.http.sock is None:
            with self.inside.inside():
                self.http.connect()
        try:
            self.http.putrequest(method, self.target(host, path), skip_host=True, skip_accept_encoding=True)
            self.http.putheader("Host", host)
            for line in fields:
                self.http.putheader(*line.split(": ", 1))
            if body is not None:
                self.http.putheader("Content-Length", str(len(body)))
            self.http.endheaders(body)
            answer = self.http.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        except (OSError, http.client.HTTPException):
            self.http.close()
            raise

    def close(self):
        self.http.close()


class Http2:
    """By prior knowledge, without TLS."""

    def __init__(self, inside, port, target):
        del target  # the scheme and the host are fields of their own
        self.inside, self.port, self.socket = inside, port, None

    def connect(self):
        with self.inside.inside():
            self.socket = socket.create_connection(("127.0.0.1", self.port), 20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.encoder, self.decoder, self.stream = hpack.Encoder(), hpack.Decoder(), -1
        self.socket.sendall(proxy_h2.PREFACE + frame(SETTINGS, 0, 0))

    def ask(self, path, method, fields, body, host):
        if self.socket is None:
            self.connect()
        self.stream += 2
        lines = [(b":method", method.encode()), (b":scheme", b"http"), (b":authority", host.encode()), (b":path", path.encode())]
        for line in fields:
            name, value = line.split(": ", 1)
            lines.append((name.lower().encode(), value.strip().encode()))
        if body is not None:
            lines.append((b"content-length", str(len(body)).encode()))
        try:
            self.socket.sendall(proxy_h2.request(self.encoder, self.stream, lines, body or b""))
            return self.read()
        except OSError:
            self.close()
            raise

    def exactly(self, n):
        data = b""
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            if not more:
                raise ConnectionError("it hung up")
            data += more
        return data

    def read(self):
        status, fields, body, ended = 0, http.client.HTTPMessage(), b"", False
        while not ended:
            head = self.exactly(9)
            kind, flags, stream = head[3], head[4], int.from_bytes(head[5:], "big") & 0x7FFFFFFF
            payload = self.exactly(int.from_bytes(head[:3], "big"))
            if kind == SETTINGS and not flags & ACK:
                self.socket.sendall(frame(SETTINGS, ACK, 0))
            elif kind == PING and not flags & ACK:
                self.socket.sendall(frame(PING, ACK, 0, payload))
            elif kind == RST_STREAM and stream == self.stream:
                raise ConnectionError("the stream was reset")
            elif kind == HEADERS:
                assert flags & END_HEADERS and stream == self.stream
                told = [(name.decode(), value.decode("latin-1")) for name, value in self.decoder.decode(payload, raw=True)]
                if not status or status < 200:  # else these are trailers
                    status = int(dict(told)[":status"])
                    fields = http.client.HTTPMessage()
                    for name, value in told[1:]:
                        fields.add_header(name, value)
            elif kind == DATA and stream == self.stream:
                body += payload
                for window in (0, stream) if payload else ():
                    self.socket.sendall(frame(WINDOW_UPDATE, 0, window, len(payload).to_bytes(4, "big")))
            ended = kind in (HEADERS, DATA) and stream == self.stream and bool(flags & END_STREAM)
        return Answer(status, fields, body)

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None
