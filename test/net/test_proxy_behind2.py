"""HTTP/2 between the reverse proxy and its servers: what is shared, what goes again, what a server's whims cost."""

import asyncio
import contextlib
import json
import os
import re
import socket
import ssl
import struct
import time
from pathlib import Path

import h2.errors
import pytest
import websockets

import http_corpus
import proxy_h2
from proxy_back2 import Server, echo
from proxy_site import FRONT, SERVER, Site, answers, connect, listener, read_all, status

PATIENCE_S = 20
PLAIN, TLS, ALPN1 = 80, 443, 444
CONF = f"""reverse-proxy:
  listen:
    - {{address: {FRONT}, h2c: yes}}
  workers: 1
  pools:
    plain: {{servers: ["{SERVER}:{PLAIN}"], protocol: h2}}
    tls: {{servers: ["{SERVER}:{TLS}"], protocol: h2, tls: {{verify: no}}}}
    auto: {{servers: ["{SERVER}:{TLS}"], tls: {{verify: no}}}}
  routes:
    - {{host: tls, to: tls}}
    - {{host: auto, to: auto}}
    - {{to: plain}}
"""
HASTE = """  timeouts: {first-byte: 400ms, client-body: 400ms, server-body: 400ms}
"""


@pytest.fixture(scope="module")
def site(janitor_process):
    made = Site()
    try:
        made.pair = made.certificate("server.home.arpa")
        made.serve(CONF)
        yield made
        assert made.service.alive
    finally:
        made.close()


@pytest.fixture
def haste(site):
    """What gives no answer is not waited for; else nothing here depends on how busy the machine is."""
    site.serve(CONF + HASTE)
    yield
    site.serve(CONF)


def context(site, *alpn):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*site.pair)
    made.set_alpn_protocols(list(alpn))
    return made


def within(site, deed, **words):
    """The result of deed(server)."""

    async def run():
        async with Server(site, **words) as server:
            return await asyncio.wait_for(deed(server), PATIENCE_S)

    return asyncio.run(run())


async def ask(site, path="/", method="GET", body=b"", fields=(), host="plain", raw=False):
    """The answer to one request by HTTP/1.1."""
    reader, writer = await connect(site.client)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", "Connection: close", *fields]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    try:
        with contextlib.suppress(ConnectionError):
            writer.write("\r\n".join([*lines, "", ""]).encode() + body)
            await writer.drain()
        data = await read_all(reader, PATIENCE_S)
        return data if raw else answers(data, [method])[-1]
    finally:
        writer.transport.abort()


def causes(site):
    """How many requests ended by what."""
    text = site.service.control("GET", "/metrics")[1]
    return {cause: int(n) for cause, n in re.findall(r'_ended_total\{cause="([^"]+)"\} (\d+)', text)}


def resident(site):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{site.service.pid}/status").read_text())[1]) * 1024


def test_fields_bodies_and_trailers_go_both_ways(site):
    async def answer(stream):
        body = await stream.body()
        await stream.say(200, body, [("content-type", "text/plain")], [("x-sum", stream.trailers["x-sum"] + "!")])

    async def deed(server):
        reader, writer = await connect(site.client)
        writer.write(b"POST /a?b HTTP/1.1\r\nHost: plain\r\nConnection: close, TE\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n"
                     b"5\r\nhello\r\n6\r\n, you!\r\n0\r\nX-Sum: 11\r\n\r\n")  # fmt: skip
        data = await read_all(reader, PATIENCE_S)
        return data, server.requests[0].fields

    data, seen = within(site, deed, answer=answer)
    assert b"hello, you!" in http_corpus.read(data, "POST").body and b"x-sum: 11!" in data.lower()
    assert (seen[":method"], seen[":path"], seen[":authority"], seen["te"]) == ("POST", "/a?b", "plain", "trailers")
    assert not {"connection", "transfer-encoding", "host"} & set(seen)


def test_early_hints_are_passed_on(site):
    async def answer(stream):
        stream.connection.h2.send_headers(stream.id, [(":status", "103"), ("link", "</a>")])
        await stream.say(204)

    async def deed(server):
        return await ask(site, raw=True)

    data = within(site, deed, answer=answer)
    assert data.startswith(b"HTTP/1.1 103 ") and b"HTTP/1.1 204 " in data


@pytest.mark.parametrize("host", ["plain", "tls", "auto"])
def test_many_requests_share_a_connection_that_is_kept(site, host):
    async def answer(stream):
        await asyncio.sleep(0.05)
        await echo(stream)

    async def deed(server):
        first = await ask(site, host=host)
        many = await asyncio.gather(*(ask(site, f"/{n}", host=host) for n in range(60)))
        return server, [first, *many]

    words = {"port": PLAIN} if host == "plain" else {"port": TLS, "tls": context(site, "h2", "http/1.1")}
    server, found = within(site, deed, answer=answer, **words)
    assert [status(answer) for answer in found] == [200] * 61
    assert len(server.connections) == 1 and server.connections[0].most > 20


def test_a_server_of_http_1_1_is_spoken_to_so(site):
    async def serve(reader, writer):
        while head := await reader.readuntil(b"\r\n\r\n"):
            said = writer.get_extra_info("ssl_object").selected_alpn_protocol().encode()
            assert b" HTTP/1.1\r\n" in head
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(said), said))

    async def deed(server):
        found = await asyncio.gather(*(ask(site, host="auto") for _ in range(5)))
        other = await ask(site, host="tls")  # who wants HTTP/2 alone gets none
        return [answer.body for answer in found], status(other)

    assert within(site, deed, raw=serve, port=TLS, tls=context(site, "http/1.1")) == ([b"http/1.1"] * 5, 502)


def test_a_websocket_goes_by_http_1_1_where_the_server_may_choose(site):
    async def run():
        async def serve(web):
            seen = web.transport.get_extra_info("ssl_object").selected_alpn_protocol()
            await web.send(f"{seen} {await web.recv()}")

        sock = listener(site.server, SERVER, TLS)
        async with websockets.serve(serve, sock=sock, ssl=context(site, "h2", "http/1.1")):
            with site.client.inside():
                made = socket.create_connection((FRONT, 80))
            async with websockets.connect("ws://auto/", sock=made) as web:
                await web.send("hello")
                return await web.recv()

    assert asyncio.run(run()) == "http/1.1 hello"


@pytest.mark.parametrize("most", [1, 3])
def test_no_server_gets_more_at_once_than_it_allows(site, most):
    async def answer(stream):
        await asyncio.sleep(0.02)
        await echo(stream)

    async def deed(server):
        found = await asyncio.gather(*(ask(site) for _ in range(20)))
        return server, [status(answer) for answer in found]

    server, found = within(site, deed, answer=answer, settings={h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: most})
    assert found == [200] * 20
    assert 1 < len(server.connections) <= 20 and max(c.most for c in server.connections) <= most


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_a_server_that_goes_away_did_not_look_at_goes_again(site, method):
    """RFC 9113 6.8: also what may not be repeated, as it was not done."""

    async def answer(stream):
        if len(stream.connection.server.requests) == 2:
            stream.connection.h2.close_connection(last_stream_id=1)
            await stream.connection.flush()
            return
        await echo(stream)

    async def deed(server):
        found = [await ask(site, method=method, body=b"x" * 10 * (method == "POST")) for _ in range(3)]
        return server, [json.loads(answer.body)["connection"] for answer in found]

    server, found = within(site, deed, answer=answer)
    assert found == [1, 2, 2] and len(server.requests) == 4


def test_a_refused_stream_goes_again(site):
    async def answer(stream):
        if len(stream.connection.server.requests) == 1:
            stream.connection.h2.reset_stream(stream.id, h2.errors.ErrorCodes.REFUSED_STREAM)
            await stream.connection.flush()
            return
        await echo(stream)

    async def deed(server):
        return status(await ask(site, method="POST", body=b"once")), len(server.requests)

    assert within(site, deed, answer=answer) == (200, 2)


@pytest.mark.parametrize("whim", ["goes away always", "refuses always", "allows none"])
def test_a_server_that_never_takes_a_request_is_not_asked_for_ever(site, whim):
    async def answer(stream):
        if whim == "goes away always":
            stream.connection.h2.close_connection(last_stream_id=0)
        else:
            stream.connection.h2.reset_stream(stream.id, h2.errors.ErrorCodes.REFUSED_STREAM)
        await stream.connection.flush()

    async def deed(server):
        found = await asyncio.gather(*(ask(site, method="POST", body=b"x") for _ in range(5)))
        return [status(answer) for answer in found], len(server.connections), len(server.requests)

    settings = {h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 0} if whim == "allows none" else None
    found, connections, requests = within(site, deed, answer=answer, settings=settings)
    assert set(found) <= {502, 503} and connections <= 60 and requests <= 60


async def garbage(reader, writer):
    await reader.read(100)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" + os.urandom(1000))
    await writer.drain()


async def bad_frames(reader, writer):
    await reader.read(100)
    writer.write(proxy_h2.frame(proxy_h2.SETTINGS, 0, 0) + proxy_h2.frame(proxy_h2.HEADERS, 4, 1, b"\xff" * 50))
    await writer.drain()
    await reader.read()


async def pings(reader, writer):
    writer.write(proxy_h2.frame(proxy_h2.SETTINGS, 0, 0))
    for _ in range(20000):
        writer.write(proxy_h2.frame(proxy_h2.PING, 0, 0, b"12345678"))
        await writer.drain()


async def silence(reader, writer):
    writer.write(proxy_h2.frame(proxy_h2.SETTINGS, 0, 0))
    while await reader.read(1 << 16):
        pass


async def nothing(reader, writer):
    await reader.read(24)


@pytest.mark.parametrize(
    "raw, expected", [(garbage, {502}), (bad_frames, {502}), (pings, {502}), (nothing, {502})]
)
def test_a_server_that_speaks_nonsense_costs_its_requests_only(site, raw, expected):
    async def deed(server):
        return {status(answer) for answer in await asyncio.gather(*(ask(site) for _ in range(3)))}

    assert within(site, deed, raw=raw) == expected

    async def well(server):
        return status(await ask(site))

    assert within(site, well) == 200


def test_a_server_that_never_answers_is_a_504(site, haste):
    async def deed(server):
        return {status(answer) for answer in await asyncio.gather(*(ask(site) for _ in range(3)))}

    assert within(site, deed, raw=silence) == {504}


def test_an_answer_that_breaks_off_is_seen_to(site):
    async def answer(stream):
        stream.connection.h2.send_headers(stream.id, [(":status", "200"), ("content-length", "100")])
        stream.connection.h2.send_data(stream.id, b"hello")
        await stream.connection.flush()
        await asyncio.sleep(0.05)
        stream.connection.h2.reset_stream(stream.id, h2.errors.ErrorCodes.INTERNAL_ERROR)
        await stream.connection.flush()

    async def deed(server):
        return await ask(site, raw=True)

    before = causes(site)["back-torn"]
    data = within(site, deed, answer=answer)
    assert data.endswith(b"hello") and http_corpus.read(data, "GET") is None
    assert causes(site)["back-torn"] == before + 1


def test_a_client_that_goes_resets_its_stream_alone(site):
    async def answer(stream):
        if stream.path == "/hang":
            await stream.ended.wait()
            stream.ended.clear()
            await stream.ended.wait()
        else:
            await echo(stream)

    async def deed(server):
        _, writer = await connect(site.client)
        writer.write(b"GET /hang HTTP/1.1\r\nHost: plain\r\n\r\n")
        while not server.requests:
            await asyncio.sleep(0.01)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        until = time.monotonic() + PATIENCE_S
        while server.requests[0].reset is None and time.monotonic() < until:
            await asyncio.sleep(0.01)
        return server.requests[0].reset, status(await ask(site)), len(server.connections)

    assert within(site, deed, answer=answer) == (h2.errors.ErrorCodes.CANCEL, 200, 1)


def test_long_bodies_come_whole_through_small_windows(site):
    body = os.urandom(200000)

    async def answer(stream):
        await stream.say(200, await stream.body())

    async def deed(server):
        await ask(site)  # python3-h2 starves a stream that began with a larger window
        found = await asyncio.gather(*(ask(site, method="POST", body=body) for _ in range(3)))
        return [answer.body == body for answer in found]

    assert within(site, deed, answer=answer, window=1000) == [True] * 3


def test_a_server_that_never_opens_its_window_fills_no_memory(site, haste):
    async def hang(stream):
        await stream.ended.wait()

    async def deed(server):
        before = resident(site)
        found = await asyncio.gather(*(ask(site, method="POST", body=b"x" * (4 << 20)) for _ in range(20)))
        return [status(answer) for answer in found if answer], resident(site) - before

    found, grown = within(site, deed, answer=hang, reads=False)
    assert set(found) == {504} and grown < 24 << 20  # of 80 MiB


def test_a_client_that_never_reads_holds_back_the_server(site):
    async def pour(stream):
        await stream.connection.flush()
        stream.connection.h2.send_headers(stream.id, [(":status", "200")])
        stream.poured = 0
        while stream.poured < 256 << 20:
            await stream.send(b"x" * 65536)
            stream.poured += 65536

    async def deed(server):
        _, writer = await connect(site.client)
        writer.write(b"GET /pour HTTP/1.1\r\nHost: plain\r\n\r\n")
        while not server.requests or not getattr(server.requests[0], "poured", 0):
            await asyncio.sleep(0.01)
        last, same = -1, 0
        while same < 20:
            same = same + 1 if server.requests[0].poured == last else 0
            last = server.requests[0].poured
            await asyncio.sleep(0.01)
        other = status(await ask(site, "/other", method="HEAD"))
        writer.transport.abort()
        return last, other

    async def answer(stream):
        await (pour(stream) if stream.path == "/pour" else stream.say(204))

    poured, other = within(site, deed, answer=answer)
    assert poured < 64 << 20 and other == 204
