"""IPv6 through the translator: routed and filtered, by another prefix (RFC 6296), and to IPv4 (NAT64)."""

import contextlib
import json
import socket
import subprocess
import threading
import time

import pytest

import attempts
import service
import topology

HOST, PRIVATE = "2001:470:1::10", "fd01:203:405:1::10"
FAR, FAR4, PUBLIC = "2001:470:f::2", "198.51.100.2", "198.51.100.1"
NAT64 = "2001:470:64::198.51.100.2"

CONFIG = """
global:
  bpf: $DIR/bpf
  state: $DIR/state
nat:
  log: {file: on, flows: on, destinations: on}
  outside: to-server
  inside: to-client
  nptv6: {inside: "fd01:203:405::/48", outside: "2001:470:77::/48"}
  nat64: "2001:470:64::/96"
  firewall:
    - {action: reject, from: inside, to: 198.51.100.0/24, traffic: 25/tcp}
    - {action: allow, from: outside, to: "fd01:203:405::/48", traffic: 82/tcp}
"""


class Site:
    """A client that has IPv6 only, a gateway, a server of both families that says who it sees."""

    def __init__(self):
        self.net = topology.Net()
        self.client, self.gateway = self.net.host("client"), self.net.host("gateway")
        self.server = self.net.host("server")
        inside = "2001:470:1::1/64 fd01:203:405:1::1/64 fd77::1/64"
        self.net.cable(self.client, f"{HOST}/64 {PRIVATE}/64 fd77::10/64", self.gateway, inside)
        self.net.cable(
            self.server, f"{FAR}/64 {FAR4}/24", self.gateway, f"2001:470:f::1/64 {PUBLIC}/24"
        )
        self.client.route("default", "2001:470:1::1")
        self.server.route("2001:470:1::/48", "2001:470:f::1")
        self.server.route("2001:470:77::/48", "2001:470:f::1")
        self.nat = service.Service(self.gateway, "nat", CONFIG)
        with self.server.inside():
            self.web = [socket.create_server(("", 80)), self.six()]
        for web in self.web:
            threading.Thread(target=self.serve, args=(web,), daemon=True).start()
        self.nat.start(timeout=60)  # the verifier takes its time on a busy machine

    @staticmethod
    def six():
        web = socket.socket(socket.AF_INET6)
        web.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        web.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        web.bind(("::", 80))
        web.listen()
        return web

    @staticmethod
    def serve(web):
        """HTTP enough for curl: who asks, and half a megabyte."""
        with contextlib.suppress(OSError):
            while True:
                near, who = web.accept()
                with near, contextlib.suppress(OSError):  # some only try to connect
                    near.recv(4096)
                    body = who[0].encode() + b"\n" + bytes(1 << 19)
                    head = f"HTTP/1.0 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
                    near.sendall(head.encode() + body)

    def close(self):
        for web in self.web:
            web.close()
        return self.net.close()

    def on(self, host, *command):
        with host.inside():
            return subprocess.run(command, capture_output=True, timeout=30, check=False)

    def curl(self, source, to):
        """Who the server saw, after all of its answer."""
        command = ["curl", "-sS", "-m", "20", "--retry", "3", "--retry-all-errors"]
        done = self.on(self.client, *command, "--interface", source, f"http://[{to}]/")
        assert done.returncode == 0, done.stderr
        assert len(done.stdout) > 1 << 19
        return done.stdout.split(b"\n")[0].decode()

    def pings(self, host, to, *more):
        return self.on(host, "ping", "-c", "5", "-i", "0.2", "-W", "2", *more, to).returncode == 0

    def flows(self):
        command = [service.binary(), "nat", "flows", "--json"]
        command += ["--control", str(self.nat.run_folder / "nat.sock")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def site(janitor_process):
    made = Site()
    yield made
    troubles = made.close()
    assert not troubles, "\n".join(troubles)


def test_routed_and_filtered(site):
    assert site.curl(HOST, FAR) == HOST
    assert site.pings(site.client, FAR, "-I", HOST)
    # Nobody outside begins.
    with site.client.inside(), socket.create_server((HOST, 99), family=socket.AF_INET6):
        pass
    with site.server.inside(), pytest.raises(OSError):
        socket.create_connection((HOST, 99), 2)


def test_what_is_explained_is_what_happens(site):
    """Who calls whom, how that ends, what `nat explain` says of it, and what of the translation."""
    cases = [
        ("client", HOST, FAR, 80, "open", "sent", None),
        ("client", HOST, FAR, 81, "refused", "sent", None),
        ("client", PRIVATE, FAR, 80, "open", "sent", "the source becomes 2001:470:77:de22::10"),
        ("client", HOST, NAT64, 80, "open", "sent", "the source becomes 198.51.100.1"),
        ("client", HOST, NAT64, 25, "refused", "rejected", "the destination becomes 198.51.100.2"),
        ("client", HOST, "2001:470:64::198.51.100.1", 80, "silent", "dropped", "becomes 198.51.100.1"),
        ("client", HOST, "2001:470:1::1", 81, "refused", "passed", None),
        ("client", HOST, "2001:470:f::1", 81, "refused", "passed", None),
        ("client", "fd77::10", FAR, 80, "silent", "dropped", None),
        ("server", FAR, HOST, 81, "silent", "dropped", None),
        ("server", FAR, "2001:470:77:de22::10", 81, "silent", "dropped", "becomes fd01:203:405:1::10"),
        ("server", FAR, "2001:470:77:de22::10", 82, "refused", "sent", "becomes fd01:203:405:1::10"),
        ("server", FAR, "2001:470:f::1", 81, "silent", "dropped", None),
        ("gateway", "2001:470:f::1", FAR, 80, "open", "sent", None),
    ]
    for _, source, to, port, _, verdict, told in cases:
        query = f"/explain?src={source}&dst={to}&traffic={port}/tcp"
        status, answer = site.nat.control("GET", query)
        texts = [step["text"] for step in answer["steps"] if step["kind"] == "translation"]
        assert status == 200 and answer["verdict"] == verdict, (source, to, port, answer)
        assert any(told in text for text in texts) if told else not texts, (source, to, port, texts)
    tries = [(getattr(site, who), source, to, port) for who, source, to, port, *_ in cases]
    expected = [end for *_, end, _, _ in cases]
    assert attempts.ends(tries, expected) == expected


def test_another_prefix(site):
    # fd01 + 0203 + 0405 less 2001 + 0470 + 0077 is de21; 0001 more is the subnet outside.
    assert site.curl(PRIVATE, FAR) == "2001:470:77:de22::10"
    assert site.pings(site.client, FAR, "-I", PRIVATE)


def test_nat64(site):
    assert site.curl(HOST, NAT64) == PUBLIC
    assert site.pings(site.client, NAT64, "-I", HOST)


def test_nat64_and_flows_are_told(site):
    """RFC 6888 4: from the public endpoint back to the host; what is only routed is no translation."""
    with site.nat.watching() as events:
        with site.client.inside():
            near = socket.create_connection((NAT64, 80), 10)
            routed = socket.create_connection((FAR, 80), 10)
        with near, routed:
            port, routed_port = near.getsockname()[1], routed.getsockname()[1]
            mine, beside = f"[{HOST}]:{port}", f"[{HOST}]:{routed_port}"
            wanted = {"flow begun", "mapping made"}
            deadline = time.monotonic() + 15
            awaited = {(mine, event) for event in wanted} | {(beside, "flow begun")}
            while not awaited <= {(e.get("from"), e["event"]) for e in events()}:
                assert time.monotonic() < deadline, events()
                time.sleep(0.05)
        (begun,) = [e for e in events() if e["event"] == "flow begun" and e["from"] == mine]
        assert begun["as"].startswith(f"{PUBLIC}:") and begun["reaches"] == f"{FAR4}:80"
        (plain,) = [e for e in events() if e.get("from") == beside]
        assert plain["event"] == "flow begun" and plain["as"] == plain["from"]
    path = site.nat.folder / "state/nat/translations.json"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    told = {e["event"]: e for e in lines if (e["host"], e["host_port"]) == (HOST, port)}
    assert wanted <= told.keys()
    assert told["mapping made"]["public"] == PUBLIC
    assert (told["flow begun"]["far"], told["flow begun"]["far_port"]) == (FAR4, 80)
    assert not [e for e in lines if e["host_port"] == routed_port]


def test_flows_are_shown(site):
    site.curl(HOST, NAT64)
    flows = json.dumps(site.flows())
    assert NAT64.replace("198.51.100.2", "c633:6402") in flows
    assert PUBLIC in flows
