"""A gateway with a reverse proxy, a client before it and a server's host behind it:

    client 192.0.2.10 --- 192.0.2.1 gateway 10.0.0.1 --- 10.0.0.11 server (.12, .13, .14 too)

Clients and servers of the tests run in the test's own process (asyncio) with sockets of those hosts: Origin keeps every octet
that the proxy sent, as messages of a strict reader; converse() sends octets and gives back the answers.
"""

import asyncio
import contextlib
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import http_corpus
import topology
from service import Service, binary

FRONT, CLIENT, SERVER = "192.0.2.1", "192.0.2.10", "10.0.0.11"
SERVERS = [f"10.0.0.1{n}" for n in range(1, 5)]
PATIENCE_S = 20  # for what comes at once on a machine that is not busy


def config(*servers, more="", tls=None):
    """One pool for all, at port 80 and with tls (a certificate's chain and key) at 443; more: further keys of the section, in
    block style."""
    listed = ", ".join(f'"{server}"' for server in servers)
    if tls:
        more += f"  certificates: [{{chain: {tls[0]}, key: {tls[1]}}}]\n"
    listen = f"[{{address: {FRONT}}}" + (f", {{address: {FRONT}, tls: yes}}]" if tls else "]")
    return f"reverse-proxy:\n  listen: {listen}\n  pools: {{web: {{servers: [{listed}]}}}}\n  routes: [{{to: web}}]\n{more}"


class Site:
    def __init__(self):
        if subprocess.run([binary(), "reverse-proxy", "--help"], capture_output=True, check=False).returncode != 0:
            pytest.skip("this gatehouse has no reverse proxy")
        self.net = topology.Net()
        self.client, self.gateway, self.server = (self.net.host(name) for name in ("client", "gateway", "server"))
        self.net.cable(self.client, f"{CLIENT}/24", self.gateway, f"{FRONT}/24")
        self.net.cable(self.gateway, "10.0.0.1/24", self.server, " ".join(f"{a}/24" for a in SERVERS))
        self.service = None

    def serve(self, text):
        """Our proxy with this configuration: started, or loaded anew."""
        if self.service is None:
            self.service = Service(self.gateway, "reverse-proxy", text).start()
        else:
            self.service.reload(text)
        return self.service

    def certificate(self, *names):
        """Files of a chain and a key for these names, which nobody but ourselves has signed."""
        folder = Path(f"/tmp/{self.gateway.space}-certificate")
        folder.mkdir(exist_ok=True)
        chain, key = folder / "chain.pem", folder / "key.pem"
        topology.command(
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={names[0]}",
            "-addext", "subjectAltName=" + ",".join(f"DNS:{name}" for name in names), "-days", "30", "-keyout", key, "-out", chain)  # fmt: skip
        key.chmod(0o644)
        return chain, key

    def daemon(self, host, *words, port=None, address="", **options):
        """A program that ends with the site, once it listens on port (of this address)."""
        log = open(f"/tmp/{host.space}-{len(self.net.services)}.log", "wb")
        process = host.popen(*words, stdin=options.pop("stdin", None), stdout=log, stderr=log, **options)
        self.net.services.append(Daemon(words[0], process, log))
        until = time.monotonic() + 30
        while port and f"{address}:{port} " not in host.run("ss", "-Hltn").stdout:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{words[0]} does not listen\n{open(log.name).read()}")
            time.sleep(0.05)
        return process

    def close(self):
        troubles = self.net.close()
        assert not troubles, "\n".join(troubles)


class Daemon:
    """What Net.close() stops."""

    def __init__(self, name, process, log):
        self.name, self.process, self.log = name, process, log

    def close(self):
        self.process.kill()
        self.process.wait(10)
        self.log.close()


def listener(host, address, port, backlog=512):
    with host.inside():
        made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((address, port))
    made.listen(backlog)
    made.setblocking(False)
    return made


@dataclass
class Seen:
    """A request that an Origin has read."""

    connection: int
    message: http_corpus.Message

    @property
    def host(self):
        return self.message.get("host") or ""

    @property
    def target(self):
        return self.message.start[1]


@dataclass
class Origin:
    """A server that keeps what it read. answer(self, seen, writer): what it says, instead of echo()."""

    host: object
    address: str = SERVER
    port: int = 80
    answer: object = None
    requests: list = field(default_factory=list)
    torn: list = field(default_factory=list)  # octets of requests that never became whole
    wrong: list = field(default_factory=list)  # what no strict reader takes
    connections: int = 0
    writers: set = field(default_factory=set)

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, sock=listener(self.host, self.address, self.port), limit=1 << 20)
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for writer in list(self.writers):
            writer.transport.abort()
        await self.server.wait_closed()

    async def serve(self, reader, writer):
        self.connections += 1
        number, data = self.connections, b""
        self.writers.add(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while more := await reader.read(1 << 16):
                data += more
                data = await self.take(number, data, writer)
        if data:
            self.torn.append(data)
        self.writers.discard(writer)
        writer.close()

    async def take(self, number, data, writer):
        """Answers the requests that are whole; returns the rest."""
        while data:
            try:
                message = http_corpus.read(data)
            except http_corpus.Wrong as error:
                self.wrong.append(f"{error}: {data[:300]!r}")
                writer.close()
                return b""
            if message is None:
                return data
            data = data[message.size :]
            seen = Seen(number, message)
            self.requests.append(seen)
            await (self.answer or echo)(seen, writer)
        return data


async def echo(seen, writer):
    body = f"{seen.host} {seen.target}".encode("latin-1")
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    writer.write(head if seen.message.start[0] == "HEAD" else head + body)
    await writer.drain()


async def connect(host, address=FRONT, port=80):
    with host.inside():
        made = socket.socket()
    made.setblocking(False)
    await asyncio.get_running_loop().sock_connect(made, (address, port))
    return await asyncio.open_connection(sock=made, limit=1 << 20)


async def read_all(reader, silence_s, writer=None):
    """What comes until the other side ends; after silence_s without a word our side ends first."""
    data, halved = b"", False
    while True:
        try:
            more = await asyncio.wait_for(reader.read(1 << 16), PATIENCE_S if halved else silence_s)
        except asyncio.TimeoutError:
            if halved or writer is None:
                raise TimeoutError(f"no end after {data[-200:]!r}") from None
            writer.write_eof()
            halved = True
            continue
        except ConnectionError:
            return data
        if not more:
            return data
        data += more


async def converse(host, sent, port=80, silence_s=PATIENCE_S, halve=False):
    """Sends it on a connection of its own and returns all that comes back. halve: our side ends when silence_s have passed."""
    reader, writer = await connect(host, port=port)
    try:
        with contextlib.suppress(ConnectionError):
            writer.write(sent)
            await writer.drain()
        return await read_all(reader, silence_s, writer if halve else None)
    finally:
        writer.transport.abort()


def answers(data, methods=("GET",) * 100):
    """The final answers in data; the last one may have been torn, then it is None."""
    found, left = [], list(methods)
    while data:
        message = http_corpus.read(data, left[0] if left else "GET", closed=True)
        if message is None:
            found.append(None)
            return found
        data = data[message.size :]
        if message.start[1][0] != "1":
            found.append(message)
            left = left[1:]
    return found


def status(message):
    return int(message.start[1])
