"""HTTP/2 in front of the reverse proxy: the programs of others at speed, WebSocket within it (RFC 8441), and those who abuse it,
beside whom an honest client never fails."""

import asyncio
import contextlib
import re
from pathlib import Path

import pytest
import websockets

import proxy_h2
from proxy_back2 import Server
from proxy_h2 import CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, RST_STREAM, SETTINGS, frame
from proxy_site import FRONT, SERVER, Site, connect, listener

PRIORITY, WINDOW_UPDATE = 2, 8
NAME = "www.example"
PATIENCE_S = 30
MUCH = b"x" * (8 << 20)
CONF = """reverse-proxy:
  listen: [{{address: {front}, tls: yes}}, {{address: "{front}:80", h2c: yes}}]
  certificates: [{{chain: {chain}, key: {key}}}]
  workers: 1
  pools:
    two: {{servers: ["{server}:80"], protocol: h2}}
    one: {{servers: ["{server}:81"]}}
  routes: [{{path: /chat, to: one}}, {{to: two}}]
"""


@pytest.fixture(scope="module")
def site(janitor_process):
    made = Site()
    try:
        made.chain, key = made.certificate(NAME)
        made.serve(CONF.format(front=FRONT, server=SERVER, chain=made.chain, key=key))
        made.pid = made.service.pid
        yield made
        assert made.service.alive and made.service.pid == made.pid
    finally:
        made.close()


async def serve(stream):
    await stream.ended.wait()
    await stream.say(200, MUCH if stream.path == "/much" else b"well")


def resident(site):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{site.service.pid}/status").read_text())[1]) * 1024


async def honest(site, stop):
    """Asks again and again on one connection until stop; how many were answered, each of them well."""
    connection, number = await proxy_h2.connect(site.client), 1
    while not stop.is_set() or number < 20:
        connection.send(number, proxy_h2.get(NAME.encode(), b"/"))
        assert await connection.read(lambda c, n=number: n in c.ended, PATIENCE_S), f"no answer to request {number}"
        assert connection.statuses[number] == 200 and connection.bodies[number] == b"well"
        number += 2
        await asyncio.sleep(0.002)
    connection.close()
    return number // 2


# ---- abuse: each writes to a connection; True: it must have been ended for it


def head(connection, path=b"/", method=b"GET"):
    fields = [(b":method", method), (b":scheme", b"https"), (b":authority", NAME.encode()), (b":path", path)]
    return connection.encoder.encode(fields)


async def pour(connection, pieces):
    """All of them, or as many as the other side takes before it ends; what it says is read meanwhile."""

    async def write():
        with contextlib.suppress(ConnectionError):
            for number, piece in enumerate(pieces):
                connection.writer.write(piece)
                await connection.writer.drain()
                if number % 50 == 0:
                    await asyncio.sleep(0)  # drain() lets nobody else go on while there is room: what was said would go unread

    writing = asyncio.create_task(write())
    ended = not await connection.read(lambda c: c.gone is not None, PATIENCE_S)
    writing.cancel()
    return ended or connection.gone is not None


def rapid_reset(c):
    """CVE-2023-44487."""
    yield from (frame(HEADERS, END_HEADERS | END_STREAM, n, head(c)) + frame(RST_STREAM, 0, n, b"\0\0\0\x08") for n in range(1, 40001, 2))


def made_to_reset(c):
    """CVE-2025-8671: it is us who are made to reset."""
    yield from (frame(HEADERS, END_HEADERS | END_STREAM, n, head(c)) + frame(WINDOW_UPDATE, 0, n, b"\0\0\0\0") for n in range(1, 40001, 2))


def continuations(c):
    """CVE-2024-27316."""
    yield frame(HEADERS, END_STREAM, 1, head(c))
    yield from (frame(CONTINUATION, 0, 1, b"\x00\x01a" + b"\x40" + b"b" * 64) for _ in range(20000))


def empty_continuations(c):
    yield frame(HEADERS, END_STREAM, 1, head(c))
    yield from (frame(CONTINUATION, 0, 1) for _ in range(20000))


def settings_flood(c):
    yield from (frame(SETTINGS, 0, 0, b"\0\x04\0\1\0\0") for _ in range(20000))


def ping_flood(c):
    yield from (frame(PING, 0, 0, b"12345678") * 10 for _ in range(4000))


def empty_data(c):
    yield frame(HEADERS, END_HEADERS, 1, head(c, method=b"POST"))
    yield from (frame(DATA, 0, 1) * 10 for _ in range(4000))


def priorities(c):
    yield from (frame(PRIORITY, 0, 1, b"\0\0\0\3\x10") * 10 for _ in range(4000))


def head_bomb(c):
    """One octet of the wire is a field of 4 KiB (HPACK's table)."""
    big = b"\x40\x01a\x7f" + bytes([(4000 - 127) & 127 | 128, (4000 - 127) >> 7]) + b"b" * 4000
    yield frame(HEADERS, END_STREAM | END_HEADERS, 1, head(c) + big)
    yield from (frame(HEADERS, END_STREAM | END_HEADERS, n, b"\xbe" * 16000) for n in range(3, 2000, 2))


def large_frame(c):
    yield frame(DATA, 0, 1, b"x" * 17000)


def data_on_no_stream(c):
    yield frame(DATA, 0, 0, b"x")


def window_overflow(c):
    yield frame(WINDOW_UPDATE, 0, 0, b"\x7f\xff\xff\xff") * 2


def wrong_settings(c):
    yield frame(SETTINGS, 0, 0, b"\0\x04\xff\xff\xff\xff")


def wrong_hpack(c):
    yield frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\xff\xff\xff\xff\xff\xff")


def even_stream(c):
    yield frame(HEADERS, END_HEADERS | END_STREAM, 2, head(c))


def short_ping(c):
    yield frame(PING, 0, 0, b"1234")


ABUSES = [rapid_reset, made_to_reset, continuations, empty_continuations, settings_flood, ping_flood, empty_data, priorities, head_bomb,
          large_frame, data_on_no_stream, window_overflow, wrong_settings, wrong_hpack, even_stream, short_ping]  # fmt: skip


def test_an_honest_client_never_fails_beside_those_who_abuse_it(site):
    """Each is shown out, and costs no memory."""

    async def run():
        async with Server(site, serve):
            stop = asyncio.Event()
            friends = [asyncio.create_task(honest(site, stop)) for _ in range(2)]
            await asyncio.sleep(0.05)
            before, ended = resident(site), {}
            for abuse in ABUSES:
                connection = await proxy_h2.connect(site.client)
                ended[abuse.__name__] = await pour(connection, abuse(connection))
                connection.close()
            stop.set()
            return ended, await asyncio.gather(*friends), resident(site) - before

    ended, answered, grown = asyncio.run(run())
    assert ended == {abuse.__name__: True for abuse in ABUSES}
    assert min(answered) >= 10 and grown < 32 << 20


def test_windows_that_never_open_hold_their_own_streams_only(site):
    """Forty long answers that nobody lets through: little memory for them, and everybody else is served, by the same connection
    to the server too."""

    async def run():
        async with Server(site, serve):
            stop, before = asyncio.Event(), resident(site)
            friend = asyncio.create_task(honest(site, stop))
            greedy = [await proxy_h2.connect(site.client) for _ in range(2)]
            for connection in greedy:
                connection.writer.write(frame(SETTINGS, 0, 0, b"\0\x04\0\0\0\0"))
                for n in range(1, 41, 2):
                    connection.send(n, proxy_h2.get(NAME.encode(), b"/much"))
                assert await connection.read(lambda c: len(c.statuses) == 20, PATIENCE_S)
            await asyncio.sleep(0.1)
            stop.set()
            answered, grown = await friend, resident(site) - before
            held = [connection.bodies for connection in greedy]
            for connection in greedy:
                connection.close()
            return answered, grown, held

    answered, grown, held = asyncio.run(run())
    assert answered >= 10 and held == [{}, {}] and grown < 32 << 20  # of 320 MiB; 40 windows are 10


def test_h2load_and_nghttp_lose_nothing(site):
    writers = []

    async def serve_plain(reader, writer):
        writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell")

    async def run():
        server = await asyncio.start_server(serve_plain, sock=listener(site.server, SERVER, 81), backlog=4096)
        async with server:
            loop = asyncio.get_running_loop()
            url = f"https://{FRONT}/chat"
            load = await loop.run_in_executor(None, lambda: site.client.run("h2load", "-n", "2000", "-c", "100", "-m", "32", url, timeout=60))
            one = await loop.run_in_executor(None, lambda: site.client.run("nghttp", "-nv", url))
            for writer in writers:  # none is left for the next test
                writer.transport.abort()
            await asyncio.sleep(0)
            return load.stdout, one.stdout

    load, one = asyncio.run(run())
    assert "2000 succeeded, 0 failed, 0 errored, 0 timeout" in load, load
    assert ":status: 200" in one, one


@pytest.mark.parametrize("port", [443, 80])
def test_a_websocket_within_http_2_reaches_a_server_of_http_1_1(site, port):
    """RFC 8441: extended CONNECT in front is an upgrade behind."""

    def message(text):
        return bytes([0x81, 0x80 | len(text)]) + b"\0\0\0\0" + text  # masked by zeros, RFC 6455 5.3

    async def run():
        async def echo(web):
            async for text in web:
                await web.send(text.upper())

        async with websockets.serve(echo, sock=listener(site.server, SERVER, 81)):
            connection = await proxy_h2.connect(site.client) if port == 443 else await plain(site)
            fields = [(b":method", b"CONNECT"), (b":protocol", b"websocket"), (b":scheme", b"https"), (b":authority", NAME.encode()),
                      (b":path", b"/chat"), (b"sec-websocket-version", b"13")]  # fmt: skip
            block = connection.encoder.encode(fields)
            connection.writer.write(frame(HEADERS, END_HEADERS, 1, block))
            assert await connection.read(lambda c: 1 in c.statuses, PATIENCE_S)
            said = []
            for text in (b"hello", b"again"):
                connection.writer.write(frame(DATA, 0, 1, message(text)))
                assert await connection.read(lambda c: c.bodies.get(1, b"").endswith(text.upper()), PATIENCE_S)
                said.append(connection.bodies[1])
            connection.writer.write(frame(DATA, END_STREAM, 1, b"\x88\x80\0\0\0\0"))
            ended = await connection.read(lambda c: 1 in c.ended, PATIENCE_S)
            connection.close()
            return connection.statuses[1], said[-1], ended, connection.fields[1]

    status, said, ended, fields = asyncio.run(run())
    assert (status, said[:14], ended) == (200, b"\x81\x05HELLO\x81\x05AGAIN", True)
    assert "sec-websocket-accept" not in fields


def test_a_length_in_an_extended_connect_is_not_told_to_a_server_of_http_1_1(site):
    """One that refuses the upgrade would take so much of the next request, of whomever, for a body."""
    heads, connections = [], []

    async def refuse(reader, writer):
        connections.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                heads.append(head.lower())
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")

    async def run():
        async with await asyncio.start_server(refuse, sock=listener(site.server, SERVER, 81)):
            connection = await proxy_h2.connect(site.client)
            fields = [(b":method", b"CONNECT"), (b":protocol", b"websocket"), (b":scheme", b"https"), (b":authority", NAME.encode()),
                      (b":path", b"/chat"), (b"sec-websocket-version", b"13"), (b"content-length", b"50")]  # fmt: skip
            connection.writer.write(frame(HEADERS, END_HEADERS, 1, connection.encoder.encode(fields)))
            assert await connection.read(lambda c: 1 in c.statuses, PATIENCE_S)
            connection.send(3, proxy_h2.get(NAME.encode(), b"/chat"))
            assert await connection.read(lambda c: 3 in c.ended, PATIENCE_S)
            connection.close()
            for writer in connections:
                writer.transport.abort()
            return connection.statuses

    assert asyncio.run(run()) == {1: 403, 3: 403}
    assert [head.split(b" ")[0] for head in heads] == [b"get", b"get"]
    assert b"upgrade: websocket" in heads[0] and not any(b"content-length" in head for head in heads)


async def plain(site):
    return proxy_h2.Connection(*await connect(site.client))


def test_many_streams_are_one_connection_behind(site):
    async def run():
        async with Server(site, serve) as server:
            connection = await proxy_h2.connect(site.client)
            for n in range(1, 181, 2):
                connection.send(n, proxy_h2.get(NAME.encode(), b"/%d" % n))
            assert await connection.read(lambda c: len(c.ended) == 90, PATIENCE_S)
            connection.close()
            return connection, server

    connection, server = asyncio.run(run())
    assert set(connection.statuses.values()) == {200} and set(connection.bodies.values()) == {b"well"}
    assert len(server.connections) == 1
