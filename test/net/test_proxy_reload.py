"""Reloads under load: no request is lost, no connection is closed, no memory is kept. RELOADS of them (8; 1,000 by hand)."""

import asyncio
import contextlib
import os
import re
from pathlib import Path

import pytest

import http_corpus
from proxy_site import SERVERS, Origin, Site, config, connect, echo

RELOADS = int(os.environ.get("RELOADS", "8"))
CLIENTS = 12
POOLS = [(0,), (1,), (0, 1)]


@pytest.fixture(scope="module")
def site(janitor_process):
    made = Site()
    try:
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


async def client(site, number, ended, counts):
    """Asks on one connection, whatever happens, until the end."""
    reader, writer = await connect(site.client)
    while not ended.is_set():
        path = f"/{number}-{counts[number]}"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: www.example\r\n\r\n".encode())
        answer = await answer_of(reader)
        assert answer.start[1] == "200" and answer.body == f"www.example {path}".encode()
        counts[number] += 1
        await asyncio.sleep(0.002)
    writer.close()


async def slow_client(site, ended):
    """One answer that takes from before the first reload until after the last."""
    reader, writer = await connect(site.client)
    writer.write(b"GET /slow HTTP/1.1\r\nHost: www.example\r\n\r\n")
    answer = await answer_of(reader)
    writer.close()
    assert ended.is_set() and answer.body.strip(b".") == b"end"


async def tunnel(site, ended, counts):
    """Octets to and fro, as of a WebSocket."""
    reader, writer = await connect(site.client)
    writer.write(b"GET /tunnel HTTP/1.1\r\nHost: www.example\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    while not ended.is_set():
        writer.write(b"ping")
        assert await reader.readexactly(4) == b"ping"
        counts["tunnel"] += 1
        await asyncio.sleep(0.01)
    writer.close()


class World(Origin):
    """A server whose /slow answer ends when ended is set, and whose /tunnel gives back what it gets."""

    ended = None

    async def serve(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"GET /tunnel "):
            fed = asyncio.StreamReader()
            fed.feed_data(head)
            await super().serve(Joined(fed, reader, len(head)), writer)
            return
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(4096):
                writer.write(data)
        writer.close()


class Joined:
    """What was read before, and then the rest."""

    def __init__(self, first, rest, size):
        self.first, self.rest, self.size = first, rest, size

    async def read(self, n):
        if self.size:
            data, self.size = await self.first.read(self.size), 0
            return data
        return await self.rest.read(n)


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


def test_no_request_is_lost_by_reloads(site):
    def text(turn):
        servers = [f"{SERVERS[n]}:80" for n in POOLS[turn % len(POOLS)]]
        return config(*servers, more=f"  timeouts: {{idle: {60 + turn}s}}\n")

    async def run():
        ended, counts = asyncio.Event(), {"tunnel": 0, **dict.fromkeys(range(CLIENTS), 0)}
        answer = say_slowly(ended)
        async with World(site.server, SERVERS[0], answer=answer) as one, World(site.server, SERVERS[1], answer=answer) as two:
            site.serve(text(2))
            pid = site.service.pid
            tasks = [asyncio.create_task(client(site, n, ended, counts)) for n in range(CLIENTS)]
            tasks += [asyncio.create_task(slow_client(site, ended)), asyncio.create_task(tunnel(site, ended, counts))]
            await asyncio.sleep(0.3)
            sizes = []
            for turn in range(RELOADS):
                seen = len(one.requests), len(two.requests)
                await asyncio.to_thread(site.serve, text(turn))
                await asyncio.sleep(0.1)
                used = {n for n, (now, then) in enumerate(zip((len(one.requests), len(two.requests)), seen)) if now > then}
                assert set(POOLS[turn % len(POOLS)]) <= used, f"reload {turn}: {used} were asked"
                sizes.append(resident(site))
                for task in tasks:
                    if task.done():
                        task.result()
                for origin in (one, two):
                    if turn % 50 == 49:
                        origin.requests.clear()
            ended.set()
            await asyncio.gather(*tasks)
            assert site.service.pid == pid and not one.wrong and not two.wrong
        return counts, sizes

    counts, sizes = asyncio.run(run())
    print(f"{RELOADS} reloads, {sum(counts.values())} answers, {sizes[0]} to {sizes[-1]} bytes resident")
    assert min(counts.values()) > 0
    # The first ones may touch memory that was not before.
    assert sizes[-1] - sizes[len(sizes) // 2] < 4 << 20
