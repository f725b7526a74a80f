"""Reloads under load (HTTP/1.1 and HTTP/2, plain and by TLS, tunnels, an answer that lasts), each with other servers, another route and another
certificate: no request is lost, no connection is closed, no memory is kept. RELOADS of them (8; 1,000 by hand)."""

import asyncio
import collections
import os
import re
import shutil
import socket
import ssl
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import http_corpus
import proxy_h2
from proxy_site import FRONT, SERVERS, Origin, Site, config, connect, echo

RELOADS = int(os.environ.get("RELOADS", "8"))
PLAIN, TLS, H2 = 6, 3, 2
POOLS = [(0,), (1,), (0, 1)]


@pytest.fixture(scope="module")
def site(janitor_process):
    made = Site()
    try:
        made.certificates, made.shown = [], []
        for n in range(2):
            files = made.certificate("www.example")
            kept = [path.with_name(f"{n}-{path.name}") for path in files]
            for path, name in zip(files, kept):
                path.rename(name)
            made.certificates.append(kept)
            made.shown.append(ssl.PEM_cert_to_DER_cert(kept[0].read_text()))
        yield made
    finally:
        made.close()


def resident(site):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{site.service.pid}/status").read_text())[1]) * 1024


async def answer_of(reader):
    data = b""
    while (message := http_corpus.read(data, "GET")) is None:
        more = await reader.read(1 << 16)
        assert more, f"the connection was closed after {data!r}"
        data += more
    assert message.size == len(data)
    return message


async def open_tls(site):
    """A new connection by TLS, with a full handshake; and the certificate that it showed, in DER."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with site.client.inside():
        made = socket.socket()
    made.setblocking(False)
    await asyncio.get_running_loop().sock_connect(made, (FRONT, 443))
    reader, writer = await asyncio.open_connection(sock=made, ssl=context, server_hostname="www.example")
    return reader, writer, writer.get_extra_info("ssl_object").getpeercert(binary_form=True)


async def ask(reader, writer, path):
    writer.write(f"GET {path} HTTP/1.1\r\nHost: www.example\r\n\r\n".encode())
    answer = await answer_of(reader)
    assert answer.start[1] == "200", answer
    return answer.body.decode()


async def client(reader, writer, name, ended, counts):
    """Asks on one connection, whatever happens, until the end."""
    while not ended.is_set():
        path = f"/{name}-{counts[name]}"
        assert await ask(reader, writer, path) == f"www.example {path}"
        counts[name] += 1
        await asyncio.sleep(0.002)
    writer.close()


async def client_h2(site, name, ended, counts):
    """Four requests at once on one connection by HTTP/2, again and again."""
    connection, stream = await proxy_h2.connect(site.client), 1
    while not ended.is_set():
        wave = {stream + 2 * n: f"/{name}-{stream + 2 * n}" for n in range(4)}
        for number, path in wave.items():
            connection.send(number, proxy_h2.get(b"www.example", path.encode()))
        assert await connection.read(lambda c: wave.keys() <= c.ended), f"GOAWAY {connection.gone}"
        for number, path in wave.items():
            assert connection.statuses.pop(number) == 200
            assert connection.bodies.pop(number) == f"www.example {path}".encode()
            connection.ended.discard(number)
        counts[name] += len(wave)
        stream += 2 * len(wave)
        await asyncio.sleep(0.01)
    assert connection.gone is None
    connection.close()


async def newcomer(site, ended, counts):
    """A connection by TLS for each request: one of the certificates, and an answer."""
    while not ended.is_set():
        reader, writer, shown = await open_tls(site)
        assert shown in site.shown
        path = f"/new-{counts['new']}"
        assert await ask(reader, writer, path) == f"www.example {path}"
        counts["new"] += 1
        writer.close()
        await asyncio.sleep(0.05)


async def slow_client(site, ended):
    """One answer that takes from before the first reload until after the last."""
    reader, writer = await connect(site.client)
    writer.write(b"GET /slow HTTP/1.1\r\nHost: www.example\r\n\r\n")
    answer = await answer_of(reader)
    writer.close()
    assert ended.is_set() and answer.body.strip(b".") == b"end"


async def tunnel(reader, writer, name, ended, counts):
    """Octets to and fro, as of a WebSocket."""
    writer.write(b"GET /tunnel HTTP/1.1\r\nHost: www.example\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    while not ended.is_set():
        writer.write(b"ping")
        assert await reader.readexactly(4) == b"ping"
        counts[name] += 1
        await asyncio.sleep(0.01)
    writer.close()


@dataclass
class World(Origin):
    """A server whose /slow answer ends when ended is set, and whose /tunnel gives back what it gets from then on."""

    tunnels: set = field(default_factory=set)

    async def take(self, number, data, writer):
        if writer in self.tunnels:
            writer.write(data)
            return b""
        if not data.startswith(b"GET /tunnel ") or b"\r\n\r\n" not in data:
            return await super().take(number, data, writer)
        self.tunnels.add(writer)
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
        writer.write(data.partition(b"\r\n\r\n")[2])
        return b""


def say_slowly(ended):
    async def answer(seen, writer):
        if seen.target != "/slow":
            return await echo(seen, writer)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not ended.is_set():
            writer.write(b"1\r\n.\r\n")
            await asyncio.sleep(0.05)
        writer.write(b"3\r\nend\r\n0\r\n\r\n")

    return answer


def text_of(site, turn):
    """Other servers, another route, other times; another certificate, in turn in files of its own and in the same file as before."""
    servers = [f"{SERVERS[n]}:80" for n in POOLS[turn % len(POOLS)]]
    chain, key = site.certificates[turn % len(site.certificates)]
    if turn % 4 in (1, 2):
        now = chain.parent / "now.pem", chain.parent / "now.key"
        for made, source in zip(now, (chain, key)):
            shutil.copy(source, made)
            made.chmod(0o644)
        chain, key = now
    more = f"  timeouts: {{idle: {60 + turn}s}}\n"
    return config(*servers, more=more, tls=(chain, key)).replace(
        "routes: [", f"routes: [{{path: /turn, answer: {{status: 200, body: 'turn {turn}'}}}}, "
    )


async def begin(site, ended, counts):
    """All clients, as tasks."""
    tasks = [slow_client(site, ended), newcomer(site, ended, counts)]
    for name, call in [*((f"plain{n}", client) for n in range(PLAIN)), ("tunnel", tunnel)]:
        tasks.append(call(*await connect(site.client), name, ended, counts))
    for name, call in [*((f"tls{n}", client) for n in range(TLS)), ("tls-tunnel", tunnel)]:
        tasks.append(call(*(await open_tls(site))[:2], name, ended, counts))
    tasks += [client_h2(site, f"h2-{n}", ended, counts) for n in range(H2)]
    return [asyncio.create_task(task) for task in tasks]


async def judge(site, turn, kept):
    """What is in force after a reload: for who comes, and for who was here before."""
    reader, writer, shown = await open_tls(site)
    assert shown == site.shown[turn % len(site.shown)]
    assert await ask(reader, writer, "/turn") == await ask(*kept, "/turn") == f"turn {turn}"
    writer.close()


def test_no_request_is_lost_by_reloads(site):
    async def run():
        ended, counts = asyncio.Event(), collections.Counter()
        answer = say_slowly(ended)
        async with World(site.server, SERVERS[0], answer=answer) as one, World(site.server, SERVERS[1], answer=answer) as two:
            site.serve(text_of(site, 2))
            pid = site.service.pid
            kept = (await open_tls(site))[:2]
            tasks = await begin(site, ended, counts)
            await asyncio.sleep(0.3)
            sizes = []
            for turn in range(RELOADS):
                await asyncio.to_thread(site.serve, text_of(site, turn))
                await judge(site, turn, kept)
                seen, used = (len(one.requests), len(two.requests)), set()
                until = time.monotonic() + 20
                while not set(POOLS[turn % len(POOLS)]) <= used:
                    assert time.monotonic() < until, f"reload {turn}: {used} were asked"
                    await asyncio.sleep(0.01)
                    used = {n for n, (now, then) in enumerate(zip((len(one.requests), len(two.requests)), seen)) if now > then}
                sizes.append(resident(site))
                for task in tasks:
                    if task.done():
                        task.result()
                for origin in (one, two):
                    if turn % 50 == 49:
                        origin.requests.clear()
            ended.set()
            await asyncio.gather(*tasks)
            kept[1].close()
            assert site.service.pid == pid and not one.wrong and not two.wrong
        return counts, sizes

    counts, sizes = asyncio.run(run())
    middle = sizes[len(sizes) // 2]
    print(f"{RELOADS} reloads, {sum(counts.values())} answers; resident {sizes[0]}, half-way {middle}, at the end {sizes[-1]} bytes")
    assert len(counts) == PLAIN + TLS + H2 + 3 and min(counts.values()) > 0
    # The first ones may touch memory that was not before.
    assert sizes[-1] - middle < 4 << 20
