"""gRPC through the reverse proxy: TLS and HTTP/2 in front, HTTP/2 with TLS and without behind; and what its clients are told when
nothing comes of a call. Both ends are Debian's python3-grpcio."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

import proxy_h2
from proxy_back2 import Server
from proxy_site import FRONT, SERVER, Site

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
        made.chain, key = made.certificate(*NAMES)
        made.daemon(made.server, sys.executable, PEER, "serve", SERVER, "50051", "50052", made.chain, key, port=50051)
        made.serve(CONF.format(front=FRONT, server=SERVER, chain=made.chain, key=key))
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
