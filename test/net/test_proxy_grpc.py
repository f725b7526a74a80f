"""gRPC through the reverse proxy: TLS and HTTP/2 in front, HTTP/2 with TLS and without behind; and what its clients are told when
nothing comes of a call. Both ends are Debian's python3-grpcio."""

import asyncio
import json
import ssl
import sys
import time
from pathlib import Path

import pytest

import proxy_h2
from proxy_back2 import Server
from proxy_site import FRONT, SERVER, Site

PATIENCE_S = 20
PEER = Path(__file__).with_name("grpc_peer.py")
NAMES = ["plain.home.arpa", "tls.home.arpa", "dead.home.arpa", "closed.home.arpa", "scripted.home.arpa"]
CONF = """reverse-proxy:
  listen: {{address: {front}, tls: yes}}
  certificates: [{{chain: {chain}, key: {key}}}]
  pools:
    plain: {{servers: ["{server}:50051"], protocol: h2}}
    tls: {{servers: ["{server}:50052"], tls: {{ca: {chain}, name: tls.home.arpa}}}}
    dead: {{servers: ["{server}:1"], protocol: h2}}
    scripted: {{servers: ["{server}:50053"], protocol: h2}}
  routes:
    - {{host: plain.home.arpa, to: plain}}
    - {{host: tls.home.arpa, to: tls}}
    - {{host: dead.home.arpa, to: dead}}
    - {{host: scripted.home.arpa, to: scripted}}
    - {{host: closed.home.arpa, to: plain, guard: {{deny: 0.0.0.0/0}}}}
  timeouts: {{client-body: 300ms, first-byte: 300ms, server-body: 300ms}}
"""


@pytest.fixture(scope="module")
def site(janitor_process):
    made = Site()
    try:
        made.chain, made.key = made.certificate(*NAMES)
        made.daemon(made.server, sys.executable, PEER, "serve", SERVER, "50051", "50052", made.chain, made.key, port=50051)
        made.serve(CONF.format(front=FRONT, server=SERVER, chain=made.chain, key=made.key))
        yield made
        assert made.service.alive
    finally:
        made.close()


def call(site, name, *calls):
    done = site.client.run(sys.executable, PEER, "call", site.chain, f"{FRONT}:443", name, *calls, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", ["plain.home.arpa", "tls.home.arpa"])
def test_calls_of_every_kind_go_through(site, name):
    assert call(site, name, "unary", "pour", "gather", "both", "quiet", "large", "many", "fail", "fail_late", "cancelled", "deadline") == {
        "unary": ["hello", "1", "00ff"],
        "pour": True,
        "gather": 500000,
        "both": True,
        "quiet": ["A", "B"],
        "large": True,
        "many": True,
        "fail": ["FAILED_PRECONDITION", "half: 50% ü", {"x-why": "because"}],
        "fail_late": ["one", "DATA_LOSS", "torn"],
        "cancelled": True,
        "deadline": "DEADLINE_EXCEEDED",
    }


@pytest.mark.parametrize(
    "name, number, code, words",
    [
        ("dead.home.arpa", 14, "UNAVAILABLE", "Bad Gateway: connect-failed"),
        ("closed.home.arpa", 7, "PERMISSION_DENIED", "Forbidden"),
        ("elsewhere.home.arpa", 12, "", ""),
    ],
)
def test_what_the_proxy_says_itself_is_a_status_of_grpc(site, name, number, code, words):
    async def run():
        """The head as it is, which the library does not show."""
        connection = await proxy_h2.connect(site.client, name=NAMES[0])
        fields = [(b":method", b"POST"), (b":scheme", b"https"), (b":authority", name.encode()), (b":path", b"/test.Peer/Unary"),
                  (b"content-type", b"application/grpc"), (b"te", b"trailers")]  # fmt: skip
        connection.send(1, fields)
        assert await connection.read(lambda c: 1 in c.ended)
        connection.close()
        return connection

    connection = asyncio.run(run())
    assert connection.statuses == {1: 200} and not connection.bodies.get(1)
    assert connection.fields[1]["content-type"] == "application/grpc" and connection.fields[1]["grpc-status"] == str(number)
    if code:
        assert call(site, name, "unary")["unary"][:2] == [code, words]


def test_a_deadline_is_kept_by_the_proxy_too(site):
    """Of a client that says one and does not look at its own clock."""

    async def hang(stream):
        stream.path_seen = stream.fields["grpc-timeout"]
        await stream.ended.wait()
        stream.ended.clear()
        await stream.ended.wait()

    async def run():
        async with Server(site, hang, port=50053) as server:
            connection = await proxy_h2.connect(site.client, name=NAMES[0])
            fields = [(b":method", b"POST"), (b":scheme", b"https"), (b":authority", b"scripted.home.arpa"), (b":path", b"/a.B/C"),
                      (b"content-type", b"application/grpc"), (b"te", b"trailers"), (b"grpc-timeout", b"500m")]  # fmt: skip
            connection.send(1, fields, b"\0\0\0\0\0")
            assert await connection.read(lambda c: 1 in c.ended)
            while server.requests[0].reset is None:
                await asyncio.sleep(0.01)
            connection.close()
            return connection.fields[1], server.requests[0]

    fields, seen = asyncio.run(run())
    assert fields["grpc-status"] == "4" and fields[":status"] == "200"
    assert seen.path_seen == "500m" and seen.fields["te"] == "trailers"


# ---- checks

HEALTH = {
    "": "well",
    "app": "well",
    "ill": "it is not serving",
    "odd": "it does not know the service",
    "zero": "its status is unknown",
    "torn": "no message of the health service",
    "gone": "grpc-status 5: it does not know the service",
    "none": "grpc-status 12: it has no health service",
    "hang": "no answer in time",
}


def checked(site, pools):
    """pools: {name: (server, keys, check, what is to be found out)}. All are down at first, by a port where nobody is, so that who is up was asked."""
    for second in (False, True):
        text = f"reverse-proxy:\n  listen: {FRONT}\n  pools:\n"
        for name, (server, keys, check, _) in pools.items():
            check = check if second else "tcp: yes, port: 1"
            text += f'    {name}: {{servers: ["{server}"], {keys}check: {{{check}, interval: 50ms, rise: 1, fall: 1}}}}\n'
        site.serve(text + f"  routes: {{to: {name}}}\n")
        until = time.monotonic() + PATIENCE_S
        while True:
            told = {pool["pool"]: pool["backends"][0] for pool in site.service.control("GET", "/backends")[1]["pools"]}
            states = {name: told[name]["state"] for name in pools}
            found = {name: told[name]["check"] for name in pools}
            if second and found == {name: words for name, (*_, words) in pools.items()}:
                assert states == {name: "up" if found[name] == "well" else "down" for name in pools}
                return
            if not second and set(states.values()) == {"down"}:
                break
            assert time.monotonic() < until, (states, found)
            time.sleep(0.02)


def test_checks_ask_the_health_service_of_grpc(site):
    ways = {"plain": (50051, ""), "tls": (50052, f"tls: {{ca: {site.chain}, name: tls.home.arpa}}, ")}
    pools = {}
    for way, (port, keys) in ways.items():
        for service, words in HEALTH.items():
            limit = ", timeout: 200ms" if service == "hang" else ""
            pools[f"{way}-{service or 'server'}"] = (f"{SERVER}:{port}", keys, f'grpc: "{service}"{limit}', words)
    checked(site, pools)


def test_checks_go_by_http2_where_requests_do(site):
    """And whoever speaks no HTTP/2 is not well: by ALPN, and without TLS by what it says."""

    async def answer(stream):
        if stream.path == "/torn":
            return stream.connection.writer.transport.abort()
        return await stream.say(503 if stream.path == "/ill" else 200, b"all is well here")

    async def raw(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await reader.read()

    def context(*alpn):
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(site.chain, site.key)
        made.set_alpn_protocols(list(alpn))
        return made

    other = "not the answer that is expected"
    tls = f"tls: {{ca: {site.chain}, name: tls.home.arpa}}, "
    pools = {"old": (f"{SERVER}:50055", "protocol: h2, ", "http: /", other),
             "old-grpc": (f"{SERVER}:50055", "", 'grpc: ""', "its answer is torn"),
             "old-tls": (f"{SERVER}:50056", "protocol: h2, " + tls, "http: /", "it does not agree to HTTP/2"),
             "old-tls-grpc": (f"{SERVER}:50056", tls, 'grpc: ""', "it does not agree to HTTP/2"),
             "no-grpc": (f"{SERVER}:50053", "", 'grpc: ""', "not an answer of gRPC")}  # fmt: skip
    for way, (port, keys) in {"plain": (50053, "protocol: h2, "), "tls": (50054, "protocol: h2, " + tls)}.items():
        server = f"{SERVER}:{port}"
        pools |= {
            f"{way}-status": (server, keys, "http: /health, host: app.home.arpa", "well"),
            f"{way}-ill": (server, keys, "http: /ill", other),
            f"{way}-torn": (server, keys, "http: /torn", other),
            f"{way}-body": (server, keys, "http: /, body: is well", "well"),
            f"{way}-not-body": (server, keys, "http: /, body: is ill", other),
        }

    async def run():
        async with Server(site, answer, port=50053) as server, Server(site, answer, port=50054, tls=context("h2")) as secure:
            async with Server(site, port=50055, raw=raw), Server(site, port=50056, raw=raw, tls=context("http/1.1")):
                await asyncio.get_running_loop().run_in_executor(None, checked, site, pools)
            for one, scheme in ((server, "http"), (secure, "https")):
                asked = next(stream.fields for stream in one.requests if stream.path == "/health")
                assert (asked[":method"], asked[":scheme"], asked[":authority"]) == ("GET", scheme, "app.home.arpa")

    asyncio.run(run())
