"""The tunnels' service under `gatehouse run`: its device and addresses, status, metrics, reload, a sudden end,
and that it keeps no capability.

    west 192.0.2.1 -- 192.0.2.2 east        inside the tunnel 10.9.0.1 -- 10.9.0.2, fd00:9::1 -- fd00:9::2
"""

import os
import re
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import dns.message
import dns.rrset
import pytest

import service
import topology

WEST, EAST = "192.0.2.1", "192.0.2.2"

CONFIG = """
vpn:
  resolver: 127.0.0.1:5300
  interfaces:
    wg0:
      addresses: [$INSIDE/24, "$INSIDE6/64"]
      private-key: file:own.key
      mtu: 1400
      peers:
        other:
          public-key: "$OTHER"
          preshared-key: file:both.psk
          allowed-ips: [$THERE, "$THERE6", $NET]
          endpoint: $AT:51820
"""


def wg(*words, stdin=None):
    done = subprocess.run(["wg", *words], input=stdin, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def until(what, patience=20):
    end = time.monotonic() + patience
    while not what():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


class Names:
    """A resolver on a host's loopback, which knows where the other end is."""

    def __init__(self, host):
        self.asked = []
        with host.inside():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind(("127.0.0.1", 5300))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            wire, asker = self.socket.recvfrom(4096)
            if not wire:
                return
            question = dns.message.from_wire(wire)
            answer = dns.message.make_response(question)
            about = question.question[0]
            self.asked.append((about.name.to_text(), about.rdtype))
            if about.rdtype == 1 and about.name.to_text() == "east.example.":
                answer.answer.append(dns.rrset.from_text(about.name, 60, "IN", "A", EAST))
            self.socket.sendto(answer.to_wire(), asker)

    def close(self):
        self.socket.sendto(b"", self.socket.getsockname())
        self.thread.join(10)
        self.socket.close()


class Pair:
    """Two gateways of one tunnel, which answer UDP inside."""

    def __init__(self):
        self.net = topology.Net()
        self.west, self.east = self.net.host("west"), self.net.host("east")
        self.net.cable(self.west, f"{WEST}/24", self.east, f"{EAST}/24")
        keys = [wg("genkey"), wg("genkey")]
        psk = wg("genpsk")
        self.names = Names(self.west)
        self.west_run = self.start(self.west, 1, keys[0], wg("pubkey", stdin=keys[1]), psk)
        self.east_run = self.start(self.east, 2, keys[1], wg("pubkey", stdin=keys[0]), psk)
        with self.east.inside():
            self.answerer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.answerer.bind(("10.9.0.2", 7))
        with self.west.inside():
            self.asker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.asker.bind(("10.9.0.1", 0))

    def start(self, host, number, key, other, psk):
        there = 3 - number
        text = CONFIG
        for word, value in {
            "$INSIDE6": f"fd00:9::{number}",
            "$INSIDE": f"10.9.0.{number}",
            "$THERE6": f"fd00:9::{there}",
            "$THERE": f"10.9.0.{there}",
            "$NET": f"10.20.{there}.0/24",
            "$OTHER": other,
            "$AT": "east.example" if number == 1 else WEST,
        }.items():
            text = text.replace(word, value)
        files = {"own.key": key + "\n", "both.psk": psk + "\n"}
        run = service.Service(host, "run", text, files)
        run.text = text
        return run.start()

    def passes(self, patience=0.3):
        """A datagram from west to east and back."""
        token = os.urandom(8)
        self.asker.sendto(token, ("10.9.0.2", 7))
        self.answerer.settimeout(patience)
        self.asker.settimeout(patience)
        try:
            while True:
                data, asker = self.answerer.recvfrom(64)
                self.answerer.sendto(data, asker)
                if data == token:
                    break
            while self.asker.recv(64) != token:
                pass
            return True
        except TimeoutError:
            return False

    def status(self, run):
        code, status = run.control("GET", "/status", "vpn")
        assert code == 200
        return status

    def peer(self, run, name="other"):
        code, found = run.control("GET", f"/peers?name={name}", "vpn")
        assert code == 200
        return found["peers"][0] if found["peers"] else None

    def close(self):
        self.names.close()
        self.asker.close()
        self.answerer.close()
        return self.net.close()


@pytest.fixture(scope="module")
def pair():
    reason = topology.why_not()
    if reason:
        pytest.skip(reason)
    if not Path("/dev/net/tun").exists():
        pytest.skip("this machine has no TUN devices")
    made = Pair()
    yield made
    assert made.close() == []


def test_packets_pass_after_a_handshake(pair):
    until(pair.passes)
    peer = pair.peer(pair.west_run)
    assert peer["handshakes"] >= 1 and peer["endpoint"] == f"{EAST}:51820"
    assert peer["received_packets"] >= 1 and peer["sent_packets"] >= 1
    assert peer["gate"] == "open" and peer["origin"] == "configuration"
    done = pair.west.run("ping", "-c", "1", "-W", "5", "fd00:9::2")
    assert done.returncode == 0, done.stdout


def test_an_endpoint_by_name_was_looked_up(pair):
    assert ("east.example.", 1) in pair.names.asked
    assert "an endpoint's address was found" in pair.west_run.log()


def test_the_device_is_as_the_file_says(pair):
    link = pair.west.ip("-d", "link", "show", "wg0")
    assert "mtu 1400" in link and "tun" in link
    shown = pair.west.ip("address", "show", "wg0")
    assert "10.9.0.1/24" in shown and "fd00:9::1/64" in shown
    # Of the peer's networks only the one that the device's own do not cover.
    routes = pair.west.ip("route", "show", "dev", "wg0")
    assert "10.20.2.0/24" in routes and "10.9.0.2 " not in routes


def test_the_process_has_no_capability(pair):
    pid = pair.status(pair.west_run)["pid"]
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    for line in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        assert re.search(rf"^{line}:\s+0+$", status, re.M), status
    assert {"capabilities", "no-new-privileges"} <= set(pair.status(pair.west_run)["sandbox"])
    uid = int(re.search(r"^Uid:\s+(\d+)", status, re.M)[1])
    assert uid != 0


def test_status_says_what_the_kernel_lends(pair):
    wg0 = pair.status(pair.west_run)["interfaces"][0]
    assert wg0["device"] == "on" and wg0["peers"] == 1
    assert set(wg0["offloads"]) <= {
        "queues", "heads", "checksum", "tso4", "tso6", "ecn", "uso", "udp-segment", "udp-gro", "handshake-steering",
    }  # fmt: skip
    assert "handshake-steering" in wg0["offloads"]
    assert wg0["queues"] >= 1 and wg0["listen"] == ["0.0.0.0:51820", "[::]:51820"]


def test_metrics_are_told_by_peer_and_cause(pair):
    with pair.west.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.sendto(b"not a message", (WEST, 51820))
    torn = r'^gatehouse_vpn_dropped_total\{service="vpn",interface="wg0",cause="torn"\} [1-9]'
    until(lambda: re.search(torn, pair.west_run.control("GET", "/metrics", "vpn")[1], re.M))
    text = pair.west_run.control("GET", "/metrics", "vpn")[1]
    for name in ("peer_received_bytes_total", "peer_sent_bytes_total", "peer_handshake_seconds"):
        line = rf'^gatehouse_vpn_{name}\{{service="vpn",interface="wg0",peer="other"\}} [1-9]\d*$'
        assert re.search(line, text, re.M), name


def test_a_reload_changes_peers_and_keeps_sessions(pair):
    until(pair.passes)
    before, pid = pair.peer(pair.west_run)["handshakes"], pair.status(pair.west_run)["pid"]
    more = pair.west_run.text.replace("mtu: 1400", "mtu: 1380").replace("10.20.2.0/24", "10.30.2.0/24")
    more += f'        third: {{public-key: "{wg("pubkey", stdin=wg("genkey"))}", allowed-ips: 10.9.0.3}}\n'
    pair.west_run.reload(more)
    assert pair.status(pair.west_run)["pid"] == pid
    assert pair.passes(5) and pair.peer(pair.west_run)["handshakes"] == before
    assert pair.peer(pair.west_run, "third")["allowed_ips"] == ["10.9.0.3/32"]
    assert "mtu 1380" in pair.west.ip("link", "show", "wg0")
    routes = pair.west.ip("route", "show", "dev", "wg0")
    assert "10.30.2.0/24" in routes and "10.20.2.0/24" not in routes
    pair.west_run.reload(pair.west_run.text)
    assert pair.peer(pair.west_run, "third") is None
    assert pair.passes(5) and pair.peer(pair.west_run)["handshakes"] == before
    assert pair.status(pair.west_run)["reloads"] == 2


def test_a_wrong_file_changes_nothing(pair):
    wrong = pair.west_run.text.replace("allowed-ips", "alowed-ips")
    pair.west_run.reload(wrong)
    assert "did you mean 'allowed-ips'?" in pair.west_run.log()
    assert pair.passes(5)
    pair.west_run.reload(pair.west_run.text)


def test_a_peers_date_ends_its_traffic(pair):
    until(pair.passes)
    with pair.west_run.watching("vpn") as events:
        at = "          endpoint: east.example:51820"
        over = pair.west_run.text.replace(at, f"          expires: 2020-01-01\n{at}")
        pair.west_run.reload(over)
        assert pair.peer(pair.west_run)["gate"] == "expired"
        assert not pair.passes()
        until(lambda: "peer expired" in {e["event"] for e in events()})
        pair.west_run.reload(pair.west_run.text)
        until(pair.passes)


def test_a_killed_service_comes_back_and_the_device_stays(pair):
    until(pair.passes)
    before = pair.status(pair.west_run)["pid"]
    index = pair.west.ip("-o", "link", "show", "wg0").split(":")[0]
    os.kill(before, signal.SIGKILL)

    def is_back():
        try:
            return pair.status(pair.west_run)["pid"] != before
        except OSError:
            return False

    until(is_back)
    assert pair.west.ip("-o", "link", "show", "wg0").split(":")[0] == index
    until(pair.passes)
    assert pair.peer(pair.west_run)["handshakes"] >= 1


class WithoutTun(service.Service):
    """On a machine whose kernel has no TUN devices."""

    def command(self):
        hide = 'mount -t tmpfs none /dev/net && exec "$@"'
        return ["unshare", "-m", "sh", "-c", hide, "sh", *super().command()]


@pytest.mark.parametrize("name", ["run", "vpn"])
def test_a_machine_without_tun_devices_is_told_so(pair, name):
    host = pair.net.hosts.get("bare") or pair.net.host("bare")
    text = 'vpn: {interfaces: {wg0: {addresses: 10.9.0.1/24, listen: "0.0.0.0:51820"}}}'
    run = WithoutTun(host, name, text).start()
    wg0 = pair.status(run)["interfaces"][0]
    assert wg0["device"] == "missing" and not {"queues", "heads"} & set(wg0["offloads"])
    assert re.search("gives no TUN device", run.log())
    assert run.stop() == 0


def test_started_alone_it_makes_its_device_itself(pair):
    host = pair.net.hosts.get("bare") or pair.net.host("bare")
    text = "vpn: {interfaces: {wg0: {addresses: 10.9.0.1/24, mtu: 1380, routes: [10.40.0.0/16]}}}"
    run = service.Service(host, "vpn", text).start()
    assert pair.status(run)["interfaces"][0]["device"] == "on"
    assert "10.9.0.1/24" in host.ip("address", "show", "wg0")
    assert "10.40.0.0/16" in host.ip("route", "show", "dev", "wg0")
    status = Path(f"/proc/{pair.status(run)['pid']}/status").read_text(encoding="ascii")
    assert re.search(r"^CapEff:\s+0+$", status, re.M)
    assert run.stop() == 0
    assert "wg0" not in host.ip("link")


# The last one, as an end does not shorten the pause between two handshakes of one peer.
def test_events_tell_of_handshakes_and_ends(pair):
    with pair.west_run.watching("vpn") as events:
        code, _ = pair.west_run.control("POST", "/peers/end?name=nobody", "vpn")
        assert code == 404
        code, _ = pair.west_run.control("POST", "/peers/end?name=other", "vpn")
        assert code == 200
        until(pair.passes)
        until(lambda: {"peer ended", "handshake"} <= {e["event"] for e in events()})
        shake = next(e for e in events() if e["event"] == "handshake")
        assert shake["peer"] == "other" and shake["endpoint"] == f"{EAST}:51820"
