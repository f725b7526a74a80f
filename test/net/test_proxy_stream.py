"""Connections that the reverse proxy passes on as they are: bytes both ways, ends and resets, names of TLS clients, PROXY headers,
servers that are dead, reloads, the access log. One service for all tests."""

import collections
import contextlib
import json
import socket
import ssl
import struct
import threading
import time

import pytest

import topology
from proxy_servers import wait_for
from service import Service

PATIENCE_S = 20

CONFIG = """reverse-proxy:
  listen: 127.0.0.1:8080
  workers: 2
  timeouts: {tunnel: TUNNEL, head: HEAD, drain: DRAIN}
  access-log: {format: FORMAT}
  pools:
    one: 127.0.0.1:9001
    two: 127.0.0.1:9002
    both: {servers: [127.0.0.1:9001, 127.0.0.1:9002], balance: round-robin}
    half: {servers: [127.0.0.1:9001, 127.0.0.1:9003], balance: round-robin, eject: {failures: 0}}
    dead: 127.0.0.1:9003
    full: {servers: {address: 127.0.0.1:9001, max-requests: 1}}
  streams:
    - {listen: "127.0.0.1:8001", tcp: ONE}
    - {listen: "127.0.0.1:8002", tcp: both}
    - {listen: "127.0.0.1:8003", tcp: half}
    - {listen: "127.0.0.1:8004", tcp: dead}
    - {listen: "127.0.0.1:8005", tcp: full}
    - {listen: ["127.0.0.1:8011", "[::1]:8011"], tcp: one, proxy-header: v1}
    - {listen: ["127.0.0.1:8012", "[::1]:8012"], tcp: one, proxy-header: v2}
    - {listen: "127.0.0.1:8443", sni: {www.home.arpa: one, "*.home.arpa": two}}
    - {listen: "127.0.0.1:8444", sni: {www.home.arpa: one}, tcp: two}
"""


class Server:
    """Says its name, then echoes until the client ends; "reset!" resets. What it got is kept."""

    def __init__(self, host, name, port):
        self.name, self.got = name, []
        with host.inside():
            self.socket = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        connection.settimeout(60)
        try:
            connection.sendall(self.name.encode())
            while data := connection.recv(1 << 16):
                self.got.append(data)
                if data == b"reset!":
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    break
                connection.sendall(data)
        except OSError:
            self.got.append(None)  # torn
        connection.close()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Site:
    def __init__(self, net):
        self.host = net.host("proxy")
        self.servers = {name: Server(self.host, name, port) for name, port in (("a", 9001), ("b", 9002))}
        self.opened = collections.Counter()  # streams, by port of ours
        self.service = Service(self.host, "reverse-proxy", self.config()).start()

    def config(self, tunnel="1h", head="10s", one="one", drain="4s", form="json"):
        words = {"TUNNEL": tunnel, "HEAD": head, "ONE": one, "DRAIN": drain, "FORMAT": form}
        text = CONFIG
        for word, value in words.items():
            text = text.replace(word, value)
        return text

    @property
    def log(self):
        return self.service.folder / "state" / "reverse-proxy" / "access.log"

    def lines(self, port):
        """Those of streams that came to this port of ours."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in lines if line.get("listen", "").endswith(f":{port}")]

    def connect(self, port, family=socket.AF_INET):
        with self.host.inside():
            made = socket.socket(family)
        made.settimeout(PATIENCE_S)
        self.opened[port] += 1  # a reset may come before connect() has returned
        made.connect(("127.0.0.1" if family == socket.AF_INET else "::1", port))
        return made

    def who(self, port):
        with self.connect(port) as client:
            return client.recv(1).decode()

    def pool(self, name):
        told = self.service.control("GET", f"/backends?pool={name}")[1]["pools"][0]
        return told["backends"]


@pytest.fixture(scope="module")
def site(janitor_process):
    net = topology.Net()
    try:
        made = Site(net)
        yield made
        for server in made.servers.values():
            server.close()
    finally:
        assert not net.close()


def read_all(client):
    data = b""
    while more := client.recv(1 << 16):
        data += more
    return data


def hello(name):
    """What a TLS client of our library sends first."""
    context = ssl.create_default_context()
    context.check_hostname = bool(name)
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(into, out, server_hostname=name or None).do_handshake()
    return out.read()


def test_bytes_go_both_ways_unchanged_and_each_way_ends_alone(site):
    sent = bytes(range(256)) * 12000  # 3 MB: neither side can hold it
    with site.connect(8001) as client:
        got = []
        reader = threading.Thread(target=lambda: got.append(read_all(client)))
        reader.start()
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        reader.join(60)
    assert got[0] == b"a" + sent
    (told,) = site.pool("one")
    wait_for(lambda: site.pool("one")[0]["in_flight"] == 0)
    (told,) = site.pool("one")
    assert told["bytes_out"] >= len(sent) and told["bytes_in"] >= len(sent)
    assert told["connect_errors"] == told["resets"] == 0


def test_streams_take_turns(site):
    assert sorted(site.who(8002) for _ in range(10)) == ["a"] * 5 + ["b"] * 5


def test_a_dead_server_is_passed_over(site):
    assert [site.who(8003) for _ in range(6)] == ["a"] * 6
    assert sum(b["connect_errors"] for b in site.pool("half")) >= 2


def test_without_a_server_the_client_is_told_by_a_reset(site):
    with pytest.raises(ConnectionResetError), site.connect(8004) as client:
        assert client.recv(1) == b"?"


def test_who_finds_it_full_is_not_kept(site):
    with site.connect(8005) as first:
        assert first.recv(1) == b"a"
        with pytest.raises(ConnectionResetError), site.connect(8005) as second:
            assert second.recv(1) == b"?"
    wait_for(lambda: site.pool("full")[0]["in_flight"] == 0)
    assert site.who(8005) == "a"


def test_a_reset_of_the_server_is_one_for_the_client(site):
    with site.connect(8001) as client:
        assert client.recv(1) == b"a"
        client.sendall(b"reset!")
        with pytest.raises(ConnectionResetError):
            assert client.recv(1) == b"?"
    assert site.pool("one")[0]["resets"] == 1


def test_a_reset_of_the_client_is_one_for_the_server(site):
    client = site.connect(8001)
    assert client.recv(1) == b"a"
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    wait_for(lambda: site.servers["a"].got and site.servers["a"].got[-1] is None)


# ---- names of TLS clients


@pytest.mark.parametrize(
    "port, name, server",
    [(8443, "www.home.arpa", "a"), (8443, "x.home.arpa", "b"), (8444, "www.home.arpa", "a"), (8444, "else.arpa", "b"), (8444, "", "b")],
)
def test_a_name_leads_to_its_pool_and_nothing_is_changed(site, port, name, server):
    sent = hello(name)
    with site.connect(port) as client:
        client.sendall(sent[:7])  # in pieces
        client.sendall(sent[7:])
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == server.encode() + sent


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\nHost: www.home.arpa\r\n\r\n", hello("else.arpa"), hello("")])
def test_who_asks_for_no_name_of_ours_is_not_served(site, sent):
    with pytest.raises(ConnectionResetError), site.connect(8443) as client:
        client.sendall(sent)
        assert client.recv(1) == b"?"


# ---- PROXY headers


@pytest.mark.parametrize("family, version", [(f, v) for f in (socket.AF_INET, socket.AF_INET6) for v in (1, 2)])
def test_servers_are_told_the_client(site, family, version):
    got = site.servers["a"].got
    got.clear()
    with site.connect(8010 + version, family) as client:
        address, port = client.getsockname()[:2]
        client.sendall(b"first")
        client.shutdown(socket.SHUT_WR)
        read_all(client)
    sent = b"".join(got)
    if version == 1:
        words = f"PROXY TCP{4 if family == socket.AF_INET else 6} {address} {address} {port} {8010 + version}\r\n"
        assert sent == words.encode() + b"first"
        return
    packed = socket.inet_pton(family, address) * 2 + struct.pack("!HH", port, 8010 + version)
    head = b"\r\n\r\n\0\r\nQUIT\n\x21" + (b"\x11" if family == socket.AF_INET else b"\x21") + struct.pack("!H", len(packed))
    assert sent == head + packed + b"first"


# ---- the access log: a line for each stream at its end


def ended(site, port, use, running=0):
    """The line of the stream to this port that use(client) has ended; each one before it has its own, but for those that run."""
    wait_for(lambda: len(site.lines(port)) == site.opened[port] - running)
    with contextlib.suppress(ConnectionResetError), site.connect(port) as client:
        use(client)
    wait_for(lambda: len(site.lines(port)) == site.opened[port] - running)
    line = site.lines(port)[-1]
    assert line["client"] == "127.0.0.1" and line["listen"] == f"127.0.0.1:{port}" and line["version"] == "TCP"
    return line


def say_and_end(client, sent):
    client.sendall(sent)
    client.shutdown(socket.SHUT_WR)
    read_all(client)


def test_a_line_tells_whom_it_led_to_and_what_passed(site):
    began = time.monotonic()
    line = ended(site, 8001, lambda client: (time.sleep(0.1), say_and_end(client, b"0123456789")))
    assert line["pool"] == "one" and line["server"] == "127.0.0.1:9001"
    assert line["request_bytes"] == 10 and line["response_bytes"] == 11
    assert line["status"] == 200 and line["ended"] == "closed" and "cause" not in line and "sni" not in line and "tries" not in line
    assert 100_000 <= line["duration_us"] <= (time.monotonic() - began) * 1e6
    assert 0 < line["connect_us"] < line["duration_us"]


def test_a_line_tells_the_name_that_was_asked_for(site):
    sent = hello("x.home.arpa")
    line = ended(site, 8443, lambda client: say_and_end(client, sent))
    assert line["sni"] == "x.home.arpa" and line["pool"] == "two" and line["server"] == "127.0.0.1:9002"
    assert line["request_bytes"] == len(sent) and line["response_bytes"] == len(sent) + 1
    line = ended(site, 8444, lambda client: say_and_end(client, hello("")))
    assert line["pool"] == "two" and "sni" not in line
    line = ended(site, 8443, lambda client: (client.sendall(hello("else.arpa")), client.recv(1)))
    assert line["sni"] == "else.arpa" and line["cause"] == "refused" and line["status"] == 403
    assert "server" not in line and "pool" not in line and "ended" not in line


def test_a_line_tells_what_went_wrong(site):
    line = ended(site, 8004, lambda client: client.recv(1))
    assert line["cause"] == "connect-failed" and line["status"] == 502 and line["server"] == "127.0.0.1:9003" and "connect_us" not in line
    line = ended(site, 8001, lambda client: (client.recv(1), client.sendall(b"reset!"), client.recv(1)))
    assert line["cause"] == "back-torn" and line["status"] == 200 and line["request_bytes"] == 6
    line = ended(site, 8001, lambda client: (client.recv(1), client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))))
    assert line["cause"] == "client-gone" and line["status"] == 200 and line["response_bytes"] == 1
    line = ended(site, 8443, lambda client: (client.sendall(b"GET / HTTP/1.1\r\n\r\n"), client.recv(1)))
    assert line["cause"] == "client-format" and line["status"] == 400
    line = ended(site, 8443, lambda client: client.shutdown(socket.SHUT_WR) or client.recv(1))
    assert line["cause"] == "client-gone" and line["status"] == 0
    with site.connect(8005) as first:
        assert first.recv(1) == b"a"
        line = ended(site, 8005, lambda client: client.recv(1), running=1)
    assert line["cause"] == "no-back" and line["status"] == 503 and "server" not in line


def test_a_line_tells_how_many_were_tried(site):
    """Whoever is led to the dead one first takes two turns; of two streams in a row at least one is."""
    lines = [ended(site, 8003, lambda client: say_and_end(client, b"")) for _ in range(2)]
    assert max(line.get("tries", 1) for line in lines) == 2
    assert {line["server"] for line in lines} == {"127.0.0.1:9001"}


# ---- reloads and times


def test_a_reload_leads_new_ones_elsewhere_and_leaves_the_old(site):
    with site.connect(8001) as old:
        assert old.recv(1) == b"a"
        site.service.reload(site.config(one="two"))
        wait_for(lambda: site.who(8001) == "b")
        old.sendall(b"still there")
        assert old.recv(64) == b"still there"
        site.service.reload(site.config())
        wait_for(lambda: site.who(8001) == "a")
        old.sendall(b"yes")
        assert old.recv(64) == b"yes"


def test_silence_ends_and_so_does_a_client_that_says_no_name(site):
    started = hello("www.home.arpa")[:20]
    site.service.reload(site.config(tunnel="1s", head="200ms"))
    wait_for(lambda: site.service.control("GET", "/status")[1]["workers_behind"] == 0)
    try:
        with pytest.raises(ConnectionResetError), site.connect(8443) as slow:
            slow.sendall(started)
            assert slow.recv(1) == b"?"
        with pytest.raises(ConnectionResetError), site.connect(8001) as quiet:
            assert quiet.recv(1) == b"a"
            assert quiet.recv(1) == b"?"
        line = ended(site, 8443, lambda client: (client.sendall(started), client.recv(1)))
        assert line["cause"] == "client-head-time" and line["status"] == 408
        line = ended(site, 8001, lambda client: (client.recv(1), client.recv(1)))
        assert line["ended"] == "idle" and line["duration_us"] >= 1_000_000 and "cause" not in line
    finally:
        site.service.reload(site.config())


def test_other_forms_and_the_end_of_all(site):
    """After the others: what the file holds then is not JSON."""
    wait_for(lambda: len(site.lines(8001)) == site.opened[8001])
    site.service.reload(site.config(form="off"))
    wait_for(lambda: site.service.control("GET", "/status")[1]["workers_behind"] == 0)
    before = site.log.read_text()
    assert site.who(8001) == "a"
    site.service.reload(site.config(form="combined"))
    wait_for(lambda: site.service.control("GET", "/status")[1]["workers_behind"] == 0)
    with site.connect(8001) as client:
        say_and_end(client, b"x")
    (line,) = wait_for(lambda: site.log.read_text()[len(before) :].splitlines())
    assert line.startswith("127.0.0.1 - - [") and line.endswith('] "- - TCP" 200 2 "-" "-"')
    # Who still talks when the process ends is told of as well.
    site.service.reload(site.config(drain="100ms"))
    wait_for(lambda: site.service.control("GET", "/status")[1]["workers_behind"] == 0)
    with site.connect(8001) as client:
        assert client.recv(1) == b"a"
        assert site.service.stop() == 0
    line = json.loads(site.log.read_text().splitlines()[-1])
    assert line["cause"] == "drained" and line["response_bytes"] == 1 and line["server"] == "127.0.0.1:9001"
