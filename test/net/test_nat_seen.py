"""What the translator shows: flows, top, forwards, events, the log in its file and at a collector of IPFIX."""

import contextlib
import json
import socket
import struct
import subprocess
import time

import pytest

import service
import topology

OUT, IN = "198.51.100.1", "192.168.1.1"
SERVER, ONE, TWO, THREE = "198.51.100.2", "192.168.1.10", "192.168.1.11", "192.168.1.12"

CONFIG = """
global:
  bpf: $DIR/bpf
nat:
  outside: to-server
  inside: to-client
  forward:
    - {from: 8080/tcp, to: "192.168.1.10:80"}
    - {from: 9000-9009/udp, to: "192.168.1.11:7000"}
  log: {file: on, flows: on, collector: 198.51.100.2}
"""


class Site:
    """A client with three addresses, the gateway, a server that is the collector too."""

    def __init__(self):
        self.net = topology.Net()
        self.client, self.gateway = self.net.host("client"), self.net.host("gateway")
        self.server = self.net.host("server")
        addresses = f"{ONE}/24 {TWO}/24 {THREE}/24"
        self.net.cable(self.client, addresses, self.gateway, f"{IN}/24")
        self.net.cable(self.server, f"{SERVER}/24", self.gateway, f"{OUT}/24")
        self.client.route("default", IN)
        self.nat = service.Service(self.gateway, "nat", CONFIG)
        with self.server.inside():
            self.collector = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.collector.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            self.collector.bind((SERVER, 4739))
            self.web = socket.create_server((SERVER, 443))
            self.echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.echo.bind((SERVER, 7))
        self.nat.start(timeout=60)  # the verifier takes its time on a busy machine

    def close(self):
        for own in (self.collector, self.web, self.echo):
            own.close()
        return self.net.close()

    def cli(self, *words):
        command = [service.binary(), "nat", *words]
        command += ["--control", str(self.nat.run_folder / "nat.sock")]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    def json(self, *words):
        done = self.cli(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @contextlib.contextmanager
    def connected(self, source):
        """A connection from there to the web server: (its near end, the server's)."""
        with self.client.inside():
            near = socket.create_connection((SERVER, 443), 10, (source, 0))
        far, _ = self.web.accept()
        try:
            yield near, far
        finally:
            near.close()
            far.close()

    def ask(self, source, port=0):
        """A datagram from there that was answered; the socket, and who the server saw."""
        with self.client.inside():
            near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        near.settimeout(1)
        near.bind((source, port))
        near.connect((SERVER, 7))
        self.echo.settimeout(1)
        for _ in range(10):
            near.send(b"hello")
            with contextlib.suppress(TimeoutError):
                data, seen = self.echo.recvfrom(100)
                self.echo.sendto(data, seen)
                near.recv(100)
                return near, seen
        raise TimeoutError("no answer through the gateway")

    def log(self):
        path = self.nat.folder / "state/nat/translations.json"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def site(janitor_process):
    made = Site()
    yield made
    troubles = made.close()
    assert not troubles, "\n".join(troubles)


def wait(what, timeout=15):
    """What it returns once that is true."""
    until = time.monotonic() + timeout
    while not (found := what()):
        assert time.monotonic() < until, "it does not come"
        time.sleep(0.05)
    return found


def near_end(own):
    return "{}:{}".format(*own.getsockname())


# ---- flows


def test_lists_a_flow_as_both_sides_see_it(site):
    with site.connected(ONE) as (near, far):
        near.sendall(b"x" * 1000)
        received = 0
        while received < 1000:
            received += len(far.recv(1000))
        seen = "{}:{}".format(*far.getpeername())
        (flow,) = [f for f in site.json("flows", ONE) if f["from"] == near_end(near)]
        assert flow["as"] == seen and seen.startswith(OUT)
        assert flow["to"] == f"{SERVER}:443" and "reaches" not in flow
        assert flow["protocol"] == "tcp" and flow["state"] == "established"
        assert (flow["from_zone"], flow["to_zone"]) == ("inside", "outside")
        assert 1000 < flow["bytes_sent"] < 3000 and 0 < flow["bytes_received"] < 1000
        assert flow["age_s"] < 60 and 7000 < flow["left_s"] <= 7440  # RFC 5382 REQ-5: 2 h 4 min
        table = site.cli("flows", ONE, "--protocol", "tcp", "--state", "established").stdout
        assert f"{near_end(near)} → {seen}" in table


def test_refuses_filters_that_mean_nothing(site):
    for words, said in (
        (["flows", "nobody"], "host="),
        (["flows", "--zone", "nowhere"], "zone="),
        (["flows", "--state", "asleep"], "state="),
        (["flows", "--port", "65536"], "port="),
        (["flows", "--protocol", "tcpp"], "protocol="),
        (["top", "--by", "height"], "by="),
        (["top", "--limit", "0"], "limit="),
    ):
        done = site.cli(*words)
        assert done.returncode == 2 and said in done.stderr, (words, done.stderr)


def test_filters_leave_the_rest_out(site):
    udp, _ = site.ask(TWO)
    with site.connected(TWO), udp:
        for words in (["--protocol", "udp"], ["--port", "7"], ["--state", "answered"]):
            (flow,) = [f for f in site.json("flows", TWO, *words) if f["from"] == near_end(udp)]
            assert flow["protocol"] == "udp"
            assert all(f["protocol"] == "udp" for f in site.json("flows", TWO, *words))
        assert site.json("flows", "203.0.113.0/24") == []
        assert len(site.json("flows", "192.168.1.0/24", "--limit", "1")) == 1


def test_pages_hold_every_flow_once(site):
    with contextlib.ExitStack() as stack:
        names = set()
        with site.client.inside():
            for _ in range(120):
                own = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                own.bind((THREE, 0))
                own.sendto(b"x", (SERVER, 9))
                names.add(near_end(own))

        def pages():
            found, at = [], 1
            while at:
                status, page = site.nat.control("GET", f"/flows?host={THREE}&limit=50&from={at}")
                assert status == 200 and len(page["flows"]) <= 50
                found += [flow["from"] for flow in page["flows"] if flow["protocol"] == "udp"]
                at = page.get("next")
            return found

        found = wait(lambda: (names <= set(pages())) and pages())
        assert len(found) == len(set(found))


# ---- top


def test_top_sums_by_host(site):
    def row():
        return {r["host"]: r for r in site.json("top")}.get(ONE, {"bytes_out": 0, "begun": 0})

    before = row()
    with site.connected(ONE) as (near, far):
        far.sendall(b"y" * 20000)
        received = 0
        while received < 20000:
            received += len(near.recv(20000))
        during = row()
        assert during["flows"] >= 1 and during["begun"] == before["begun"] + 1
        assert during["bytes_in"] >= before.get("bytes_in", 0) + 20000
    order = [r["begun"] for r in site.json("top", "--by", "begun")]
    assert order == sorted(order, reverse=True)
    assert ONE in site.cli("top").stdout


# ---- forwards


def test_forwards_say_how_much_goes_by_them(site):
    with site.client.inside():
        inside = socket.create_server((ONE, 80))
    with inside, site.server.inside():
        far = socket.create_connection((OUT, 8080), 10)
    with far:
        tcp, udp = site.json("forwards")["forwards"]
        assert (tcp["from"], tcp["host"], tcp["port"]) == ("8080/tcp", ONE, 80)
        assert tcp["flows"] == 1 and tcp["bytes_sent"] > 0
        assert udp["flows"] == 0
        (flow,) = [f for f in site.json("flows", ONE) if f.get("forwarded")]
        assert flow["to"] == f"{OUT}:8080" and flow["reaches"] == f"{ONE}:80"


# ---- events and the log


def test_events_tell_of_flows_and_mappings(site):
    with site.nat.watching() as events:
        near, seen = site.ask(TWO)
        mine = near_end(near)
        near.close()
        told = wait(
            lambda: {e["event"] for e in events() if e.get("from") == mine}
            >= {"flow begun", "mapping made"}
            and events()
        )
    (begun,) = [e for e in told if e["event"] == "flow begun" and e["from"] == mine]
    assert begun["as"] == "{}:{}".format(*seen) and begun["to"] == f"{SERVER}:7"


def records(datagrams):
    """The data records of IPFIX messages as dicts by element number, by the templates among them."""
    templates, found = {}, []
    for data in datagrams:
        version, length = struct.unpack_from("!HH", data)
        assert version == 10 and length == len(data) <= 512
        at = 16
        while at < length:
            number, size = struct.unpack_from("!HH", data, at)
            body, at = data[at + 4 : at + size], at + size
            if number == 2:
                while body:
                    template, fields = struct.unpack_from("!HH", body)
                    words = struct.unpack_from(f"!{2 * fields}H", body, 4)
                    templates[template] = list(zip(words[::2], words[1::2]))
                    body = body[4 + 4 * fields :]
            while number >= 256 and body:
                record = {}
                for element, width in templates[number]:
                    record[element] = int.from_bytes(body[:width], "big")
                    body = body[width:]
                found.append(record)
    return found


def test_the_log_leads_back_to_the_host(site):
    """RFC 6888 4: from an external address, port and time to the subscriber; REQ-12: no destination."""
    near, (public, port) = site.ask(TWO)
    host, host_port = near.getsockname()
    near.close()
    want = {"host": host, "host_port": host_port, "public": public, "public_port": port}

    def lines():
        return [e for e in site.log() if want.items() <= e.items() and e["protocol"] == "udp"]

    wait(lambda: {e["event"] for e in lines()} >= {"mapping made", "flow begun"})
    assert not any(SERVER in str(e) for e in site.log())
    site.collector.settimeout(0.2)
    datagrams = []

    def number(address):
        return int.from_bytes(socket.inet_aton(address), "big")

    same = {8: number(host), 7: host_port, 225: number(public), 227: port, 4: 17}

    def told_so_far():
        with contextlib.suppress(TimeoutError):
            while True:
                datagrams.append(site.collector.recv(2000))
        return [r for r in records(datagrams) if same.items() <= r.items()]

    # RFC 8158: NAT44 BIB create, NAT44 session create; no destinationIPv4Address.
    wait(lambda: {r[230] for r in told_so_far()} >= {8, 4})
    told = told_so_far()
    assert all(abs(r[323] / 1000 - time.time()) < 60 and 12 not in r for r in told)
    status = site.nat.control("GET", "/status")[1]["log"]
    assert status["lost"] == 0 and status["entries"] >= len(told)
    assert "gatehouse_nat_log_entries_total" in site.nat.control("GET", "/metrics")[1]


# ---- their end


def test_flows_end_by_order(site):
    with site.connected(TWO) as (near, _), site.connected(ONE) as (other, _):
        done = site.cli("end", TWO, "--protocol", "tcp")
        assert done.returncode == 0 and "end" in done.stdout
        wait(lambda: not [f for f in site.json("flows", TWO, "--protocol", "tcp")], 30)
        assert [f for f in site.json("flows", ONE) if f["from"] == near_end(other)]
        ended = wait(
            lambda: [
                e
                for e in site.log()
                if e["event"] == "flow ended" and e.get("host_port") == near.getsockname()[1]
            ]
        )
        assert ended[0]["host"] == TWO and ended[0]["bytes_out"] > 0
    assert site.cli("end").returncode == 2


def test_a_reload_changes_what_is_logged(site):
    """The last one: from here on the log has destinations."""
    site.nat.reload(CONFIG.replace("flows: on", "flows: on, destinations: on"))
    near, _ = site.ask(THREE)
    host, port = near.getsockname()
    near.close()
    (begun,) = wait(
        lambda: [
            e
            for e in site.log()
            if e["event"] == "flow begun" and (e["host"], e.get("host_port")) == (host, port)
        ]
    )
    assert (begun["far"], begun["far_port"], begun["began"]) == (SERVER, 7, "inside")
