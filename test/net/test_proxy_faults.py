"""Back ends and clients that die, hang, reset, talk nonsense, never end or never listen: who can be served is, everybody else is told or
let go in time, and the proxy is the same process afterwards with no more memory than before."""

import asyncio
import contextlib
import re
import signal
import socket
import struct
import time
from pathlib import Path

import pytest

from proxy_site import FRONT, SERVER, SERVERS, Origin, Site, answers, config, connect, converse, echo, read_all, status

# Both ends are this process: where nobody is to be late, nobody has so short a time.
TIMES = """  timeouts: {head: 1s, idle: 2s, client-body: 1s, client-read: 2s, connect: 1s}
"""
SILENT = "".join(f"{{path: /{deed}, to: web, timeout: 1s}}, " for deed in ("hang", "stall_in_body"))
MUCH = 1 << 20


def get(path, *more, close=True):
    lines = [f"GET {path} HTTP/1.1", "Host: www.example", *more, *(["Connection: close"] if close else [])]
    return "\r\n".join([*lines, "", ""]).encode()


def post(path, body, close=True):
    return get(path, f"Content-Length: {len(body)}", close=close).replace(b"GET", b"POST", 1) + body


async def hang(seen, writer):
    await asyncio.sleep(20)


async def reset(seen, writer):
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def reset_in_body(seen, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")
    await writer.drain()
    await asyncio.sleep(0.1)
    await reset(seen, writer)


async def stall_in_body(seen, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")
    await hang(seen, writer)


async def drip(seen, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
    for _ in range(20):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def hang_up_unsaid(seen, writer):
    await echo(seen, writer)
    writer.close()


async def endless_head(seen, writer):
    writer.write(b"HTTP/1.1 200 OK\r\n")
    await pour(writer, b"X: y\r\n" * 1000)


async def endless_hints(seen, writer):
    await pour(writer, b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 100)


async def endless_body(seen, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    await pour(writer, b"4000\r\n" + b"x" * 0x4000 + b"\r\n")


poured = {"bytes": 0}


async def pour(writer, text):
    poured["bytes"] = 0
    with contextlib.suppress(ConnectionError):
        while not writer.is_closing() and poured["bytes"] < 1 << 28:
            writer.write(text)
            await writer.drain()
            poured["bytes"] += len(text)


async def long_answer(seen, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % MUCH + b"x" * MUCH)
    await writer.drain()


async def long_answer_begins(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % MUCH + b"x" * (MUCH // 2))
    await writer.drain()


async def break_off_late(seen, writer):
    await long_answer_begins(writer)
    await reset(seen, writer)


async def pause_late(seen, writer):
    await long_answer_begins(writer)
    await asyncio.sleep(0.3)
    writer.write(b"y" * (MUCH - MUCH // 2))
    await writer.drain()


DEEDS = {deed.__name__: deed for deed in (hang, reset, reset_in_body, stall_in_body, drip, hang_up_unsaid, endless_head,
                                          endless_hints, endless_body, long_answer, break_off_late, pause_late)}  # fmt: skip


async def do(seen, writer):
    await DEEDS.get(seen.target[1:], echo)(seen, writer)


def hurried(*servers):
    return config(*(f"{server}:80" for server in servers), more=TIMES).replace("routes: [", f"routes: [{SILENT}")


@pytest.fixture(scope="module")
def site(janitor_process):
    made = Site()
    try:
        made.serve(hurried(SERVER))
        made.pid = made.service.pid
        yield made
        assert made.service.pid == made.pid and made.service.alive
    finally:
        made.close()


@pytest.fixture
def patient(site):
    """With the times that everybody has."""
    site.serve(config(f"{SERVER}:80"))
    yield site
    site.serve(hurried(SERVER))


def within(site, deed, address=SERVER):
    """The result of deed(origin) with an origin that does what is asked."""

    async def run():
        async with Origin(site.server, address, answer=do) as origin:
            return await deed(origin)

    return asyncio.run(run())


def resident(site):
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{site.service.pid}/status").read_text())[1]) * 1024


async def ask(site, path, **words):
    return answers(await converse(site.client, get(path, **words)))


# ---- back ends


def test_a_back_end_that_is_not_there_is_a_502_at_once(site):
    async def run():
        return await ask(site, "/a")

    began = time.monotonic()
    (answer,) = asyncio.run(run())
    assert status(answer) in (502, 503) and time.monotonic() - began < 10


@pytest.mark.parametrize("deed,statuses", [("hang", (504,)), ("reset", (502,)), ("endless_head", (502,))])
def test_a_back_end_that_gives_no_answer_is_told_as_such(site, deed, statuses):
    async def run(origin):
        began = time.monotonic()
        (answer,) = await ask(site, f"/{deed}")
        return status(answer), time.monotonic() - began, await ask(site, "/after")

    told, took, after = within(site, run)
    assert told in statuses and took < 15
    assert status(after[0]) == 200


@pytest.mark.parametrize("deed", ["reset_in_body", "stall_in_body", "break_off_late"])
def test_a_body_that_breaks_off_is_seen_to(site, deed):
    async def run(origin):
        return answers(await converse(site.client, get(f"/{deed}")))

    assert within(site, run) == [None]


def test_a_slow_body_comes_whole(patient):
    async def run(origin):
        return await ask(patient, "/drip")

    (answer,) = within(patient, run)
    assert answer.body == b"x" * 20


def test_a_long_body_that_pauses_comes_whole_to_a_slow_reader_too(patient):
    # It is long enough to go from the kernel to the kernel.
    async def run(origin):
        reader, writer = await connect(patient.client)
        writer.write(get("/pause_late", close=False) + get("/after"))
        data = b""
        while more := await reader.read(200000):
            data += more
            await asyncio.sleep(0.01)
        writer.close()
        return answers(data)

    first, second = within(patient, run)
    assert first.body == b"x" * (MUCH // 2) + b"y" * (MUCH - MUCH // 2) and second.body == b"www.example /after"


def test_no_end_of_hints_is_not_waited_for(site):
    async def run(origin):
        before = resident(site)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(converse(site.client, get("/endless_hints")), 3)
        return resident(site) - before, await ask(site, "/after")

    grown, after = within(site, run)
    assert grown < 16 << 20 and status(after[0]) == 200


def test_what_may_be_asked_again_meets_no_connection_that_its_back_end_has_closed_unsaid(patient):
    async def run(origin):
        got = []
        for turn in range(40):
            reader, writer = await connect(patient.client)
            writer.write(get("/hang_up_unsaid", close=False) + get("/b"))
            got.append(answers(await read_all(reader, 20)))
            writer.close()
        return got

    for got in within(patient, run):
        assert [m and m.body for m in got] == [b"www.example /hang_up_unsaid", b"www.example /b"]


def test_an_answer_that_comes_before_the_body_was_read_is_passed_on(patient):
    async def early(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n")
        await writer.drain()
        await asyncio.sleep(0.5)
        writer.close()

    async def run():
        origin = Origin(patient.server)
        origin.serve = early
        async with origin:
            return await converse(patient.client, post("/a", b"x" * (4 * MUCH)))

    (answer,) = answers(asyncio.run(run()))
    assert status(answer) == 413 and answer.body == b"no\n"


def test_who_spoke_while_the_proxy_stood_still_is_not_late(site):
    """More of them than it is told of at once, and what they said has been there for longer than they may be silent."""
    clients, patience_s = 150, 4

    async def one(halted):
        reader, writer = await connect(site.client)
        request = post("/a", b"x" * 100)
        writer.write(request[:-10])
        await halted.wait()
        writer.write(request[-10:])
        answer = await read_all(reader, 60)
        writer.close()
        return answers(answer)

    async def run(origin):
        halted = asyncio.Event()
        asking = [asyncio.create_task(one(halted)) for _ in range(clients)]
        while origin.connections < clients:  # their requests have begun
            await asyncio.sleep(0.01)
        site.service.send(signal.SIGSTOP)
        try:
            halted.set()
            await asyncio.sleep(patience_s + 0.5)
        finally:
            site.service.send(signal.SIGCONT)
        return [status(answer) for (answer,) in await asyncio.gather(*asking)]

    site.serve(config(f"{SERVER}:80", more=f"  workers: 1\n  timeouts: {{client-body: {patience_s}s}}\n"))
    try:
        assert within(site, run) == [200] * clients
    finally:
        site.serve(hurried(SERVER))


def test_one_dead_server_of_two_costs_no_request(site):
    async def run(origin):
        return [status((await ask(site, f"/{n}"))[0]) for n in range(30)]

    site.serve(hurried(SERVER, SERVERS[1]))
    try:
        assert within(site, run) == [200] * 30
    finally:
        site.serve(hurried(SERVER))


# ---- clients


def test_heads_that_drip_are_let_go_and_hinder_nobody(site):
    async def one():
        reader, writer = await connect(site.client)
        writer.write(b"GET /slow HTTP/1.1\r\nHost: www.example\r\n")
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - began < 15 and not reader.at_eof():
                writer.write(b"X: y\r\n")
                await writer.drain()
                await asyncio.sleep(0.2)
        data = await read_all(reader, 5)
        writer.close()
        return time.monotonic() - began, data

    async def run(origin):
        slow = [asyncio.create_task(one()) for _ in range(100)]
        await asyncio.sleep(0.3)
        honest = [status((await ask(site, "/honest"))[0]) for _ in range(20)]
        return honest, await asyncio.gather(*slow), [s.target for s in origin.requests]

    honest, slow, seen = within(site, run)
    assert honest == [200] * 20 and "/slow" not in seen
    for took, data in slow:
        assert took < 12 and (data == b"" or status(answers(data)[0]) == 408)


def test_a_connection_that_says_nothing_is_closed(site):
    async def run():
        return await converse(site.client, b"", silence_s=15)

    data = asyncio.run(run())
    assert data == b"" or status(answers(data)[0]) == 408


def test_a_body_that_stops_is_let_go_at_both_ends(site):
    async def run(origin):
        data = await converse(site.client, get("/a", "Content-Length: 100").replace(b"GET", b"POST") + b"hello", silence_s=15)
        until = time.monotonic() + 15
        while origin.writers and time.monotonic() < until:
            await asyncio.sleep(0.01)
        return data, origin.requests, list(origin.writers)

    data, requests, left = within(site, run)
    assert data == b"" or status(answers(data)[0]) == 408
    assert requests == [] and not left


def test_clients_that_reset_leave_nothing_behind(site):
    async def run(origin):
        for n in range(60):
            reader, writer = await connect(site.client)
            writer.write([get("/long_answer"), get("/a")[:20], post("/a", b"x" * 4000)[:-1000], get("/hang")][n % 4])
            await writer.drain()
            if n % 4 == 0:
                await reader.read(1000)
            await reset(None, writer)
        await asyncio.sleep(0.3)
        after = [status((await ask(site, "/after"))[0]) for _ in range(3)]
        until = time.monotonic() + 15
        while busy(site) > 0 and time.monotonic() < until:
            await asyncio.sleep(0.1)
        return after, busy(site)

    after, left = within(site, run)
    assert after == [200] * 3 and left == 0


def busy(site):
    """Connections of clients that the proxy still has."""
    return len(site.gateway.run("ss", "-Htn", "state", "established", f"src {FRONT}:80").stdout.splitlines())


def test_a_client_that_closes_its_half_gets_its_answer(patient):
    async def run(origin):
        reader, writer = await connect(patient.client)
        writer.write(get("/drip"))
        writer.write_eof()
        return answers(await read_all(reader, 10))

    (answer,) = within(patient, run)
    assert answer is not None and answer.body == b"x" * 20


def test_a_client_that_never_reads_fills_no_memory(site):
    async def run(origin):
        before = resident(site)
        held = []
        for _ in range(8):
            with site.client.inside():
                made = socket.socket()
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            await asyncio.get_running_loop().sock_connect(made, (FRONT, 80))
            await asyncio.get_running_loop().sock_sendall(made, get("/endless_body"))
            held.append(made)
        await asyncio.sleep(1)
        grown = resident(site) - before
        until = time.monotonic() + 20
        while busy(site) > 0 and time.monotonic() < until:
            await asyncio.sleep(0.1)
        left = busy(site)
        for made in held:
            made.close()
        return grown, poured["bytes"], left

    grown, sent, left = within(site, run)
    assert grown < 16 << 20 and sent < 100 << 20 and left == 0


def test_many_requests_at_once_on_one_connection_are_answered_in_order(patient):
    async def run(origin):
        words = b"".join(get(f"/{n}", close=False) for n in range(200)) + get("/last")
        return answers(await converse(patient.client, words), ["GET"] * 201)

    assert [m.body for m in within(patient, run)] == [f"www.example /{n}".encode() for n in [*range(200), "last"]]


def test_a_long_body_goes_both_ways_whole(patient):
    async def run(origin):
        reader, writer = await connect(patient.client)
        body = bytes(range(256)) * (4 * MUCH // 256)
        writer.write(post("/up", body, close=False) + get("/long_answer"))
        data = await read_all(reader, 20)
        return answers(data), [s.message.body == body for s in origin.requests if s.target == "/up"]

    got, same = within(patient, run)
    assert [len(m.body) for m in got] == [len(b"www.example /up"), MUCH] and same == [True]
