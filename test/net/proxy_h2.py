"""A client of HTTP/2 that sends whatever fields it is told to, as no library lets one: frames by hand (RFC 9113 4), fields by hpack."""

import asyncio
import contextlib
import socket
import ssl
import struct

import hpack

from proxy_site import FRONT

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def request(encoder, stream, fields, body=b""):
    """The frames of one request."""
    block = encoder.encode([hpack.NeverIndexedHeaderTuple(name, value) for name, value in fields], huffman=False)
    ended = 0 if body else END_STREAM
    frames = frame(HEADERS, END_HEADERS | ended, stream, block)
    return frames + (frame(DATA, END_STREAM, stream, body) if body else b"")


def get(host, path):
    return [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", host), (b":path", path)]


class Connection:
    """statuses: of each stream that was answered, a number, or "reset"; fields, bodies: of each stream."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.statuses, self.fields, self.bodies, self.ended, self.gone = {}, {}, {}, set(), None
        writer.write(PREFACE + frame(SETTINGS, 0, 0))

    def send(self, stream, fields, body=b""):
        self.writer.write(request(self.encoder, stream, fields, body))

    async def read(self, until, timeout_s=20):
        """Reads frames until until(self), or the end of the connection; which of both: True for the first."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            while not until(self):
                head = await asyncio.wait_for(self.reader.readexactly(9), timeout_s)
                length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
                stream = int.from_bytes(head[5:], "big") & 0x7FFFFFFF
                self.take(kind, flags, stream, await self.reader.readexactly(length))
            return True
        return False

    def take(self, kind, flags, stream, payload):
        if kind == SETTINGS and not flags & ACK:
            self.writer.write(frame(SETTINGS, ACK, 0))
        elif kind == PING and not flags & ACK:
            self.writer.write(frame(PING, ACK, 0, payload))
        elif kind == HEADERS:
            for name, value in self.decoder.decode(payload):
                self.fields.setdefault(stream, {})[name] = value
                if name == ":status":
                    self.statuses[stream] = int(value)
        elif kind == DATA:
            self.bodies[stream] = self.bodies.get(stream, b"") + payload
            if payload:  # as much as ever may come, for as many requests as are made
                self.writer.write(frame(WINDOW_UPDATE, 0, 0, len(payload).to_bytes(4, "big")))
        elif kind == RST_STREAM:
            self.statuses.setdefault(stream, "reset")
            self.ended.add(stream)
        elif kind == GOAWAY:
            self.gone = int.from_bytes(payload[4:8], "big")
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            self.ended.add(stream)

    def close(self):
        self.writer.transport.abort()


async def connect(host, address=FRONT, port=443, name="www.example"):
    """By TLS, with HTTP/2 agreed upon; the certificate is not looked at."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with host.inside():
        made = socket.socket()
    made.setblocking(False)
    await asyncio.get_running_loop().sock_connect(made, (address, port))
    reader, writer = await asyncio.open_connection(sock=made, ssl=context, server_hostname=name)
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
    return Connection(reader, writer)
