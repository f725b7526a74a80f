"""The translator without the right to load programs: nftables, from the same configuration (nat_site.py's world).

One site for all that can share it, in the order of this file; the last tests stop and detach.
"""

import contextlib
import json
import re
import signal
import socket
import subprocess
import threading
import time

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

import nat_site
import topology
from nat_site import ALICE, BEYOND, BOB, FAR, FAR2, GATEWAY, eventually
from service import binary

CONFIG = """global:
  bpf: $DIR/bpf
nat:
  outside: wan
  inside: lan
  attach: nftables
  ports: 2000-60000
  firewall:
    - {action: drop, from: inside, to: outside, traffic: 7001/tcp}
    - {action: reject, from: inside, to: outside, traffic: 7002/tcp}
    - {action: allow, from: outside, to: gateway, traffic: 7003/udp, rate: 2/h, burst: 2}
  forward:
    - {from: 8080/tcp, to: "192.168.1.10:80"}
    - {from: 8081/tcp, to: "192.168.1.10:80", for: 198.51.100.21}
    - {from: 9000-9003/udp, to: "192.168.1.11:7000"}
"""

TABLES = ("gatehouse_nat", "gatehouse_nat_timers")


class Nftables(nat_site.Site):
    def __init__(self, net):
        super().__init__(net, CONFIG)
        self.service.start()
        self.sockets = contextlib.ExitStack()

    def close(self):
        self.sockets.close()
        super().close()

    def udp(self, host, address, port):
        with host.inside():
            made = self.sockets.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        made.bind((address, port))
        made.settimeout(5)
        return made

    def listen(self, host, address, port):
        with host.inside():
            listener = self.sockets.enter_context(socket.create_server((address, port)))
        listener.settimeout(5)
        return listener

    def connect(self, host, to, source=None, seconds=5):
        with host.inside():
            return self.sockets.enter_context(socket.create_connection(to, seconds, source))

    def shut(self, host, to, source=None):
        """Nobody answers there, not even with a refusal."""
        with host.inside(), pytest.raises(TimeoutError):
            socket.create_connection(to, 0.4, source).close()

    def tables(self):
        text = self.gateway.run("nft", "list", "tables").stdout
        return {table for table in TABLES if re.search(rf"\b{table}\b", text)}

    def ruleset(self):
        return self.gateway.run("nft", "list", "table", "inet", TABLES[0]).stdout

    def dropped_by(self, words):
        """Packets that the rules with these words in them have dropped."""
        lines = [line for line in self.ruleset().splitlines() if words in line]
        assert lines, words
        return sum(int(re.search(r"counter packets (\d+)", line)[1]) for line in lines)

    def frame(self, host, device, packet):
        """A packet as it stands, out of a host's device to the gateway."""
        peer = "lan" if host is not self.far else "wan"
        link = self.gateway.ip("-j", "link", "show", peer)
        mac = json.loads(link)[0]["address"]
        with host.inside(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
            sender.bind((device, 0))
            sender.send(bytes(Ether(dst=mac, src="02:00:00:00:00:99", type=0x0800)) + bytes(packet))


def device_of(host):
    return next(d["ifname"] for d in json.loads(host.ip("-j", "link")) if d["ifname"] != "lo")


@pytest.fixture(scope="module")
def site(janitor_process):
    net = topology.Net()
    made = None
    try:
        made = Nftables(net)
        yield made
    finally:
        if made:
            made.close()
        troubles = net.close()
    assert not troubles, "\n".join(troubles)


def test_a_host_goes_out_as_the_public_address(site):
    far, alice = site.udp(site.far, FAR, 5000), site.udp(site.alice, ALICE, 4000)
    alice.sendto(b"hello", (FAR, 5000))
    data, (address, port) = far.recvfrom(100)
    assert (data, address, port) == (b"hello", GATEWAY, 4000)  # its own port
    far.sendto(b"welcome", (address, port))
    assert alice.recv(100) == b"welcome"
    answer = site.alice.run("ping", "-c", "1", "-W", "5", BEYOND)
    assert answer.returncode == 0, answer.stdout
    route = site.alice.run("traceroute", "-n", "-q", "1", "-w", "2", "-m", "3", BEYOND).stdout
    assert "192.168.1.1" in route and "198.51.100.30" in route and BEYOND in route


def test_the_machine_itself_speaks_with_the_world(site):
    assert site.gateway.run("ping", "-c", "1", "-W", "5", FAR).returncode == 0
    assert site.far.run("ping", "-c", "1", "-W", "5", GATEWAY).returncode == 0


def test_a_forward_leads_inside_and_only_its_own_may_come(site):
    server = site.listen(site.alice, ALICE, 80)
    site.connect(site.far, (GATEWAY, 8080))
    assert server.accept()[1][0] == FAR  # who calls is seen as he is
    site.connect(site.far, (GATEWAY, 8081), (FAR2, 0))
    assert server.accept()[1][0] == FAR2
    site.shut(site.far, (GATEWAY, 8081), (FAR, 0))
    # From inside by the public address: on one link the source becomes that, so that answers come back.
    site.connect(site.bob, (GATEWAY, 8080))
    assert server.accept()[1][0] == GATEWAY


def test_a_range_leads_to_the_ports_that_follow(site):
    bob, far = site.udp(site.bob, BOB, 7002), site.udp(site.far, FAR, 5001)
    far.sendto(b"third", (GATEWAY, 9002))
    data, sender = bob.recvfrom(100)
    assert (data, sender) == (b"third", (FAR, 5001))
    bob.sendto(b"yes", sender)
    assert far.recvfrom(100) == (b"yes", (GATEWAY, 9002))


def test_nothing_else_begins_from_outside(site):
    site.listen(site.alice, ALICE, 22)
    site.listen(site.gateway, GATEWAY, 22)
    site.far.route("192.168.1.0/24", GATEWAY)
    before = site.dropped_by("ip daddr { 192.168.1.0,")
    site.shut(site.far, (GATEWAY, 22))
    site.shut(site.far, (ALICE, 22))
    site.shut(site.far, ("192.168.1.1", 22))
    assert site.dropped_by("ip daddr { 192.168.1.0,") > before


def test_a_source_that_does_not_belong_there_is_dropped(site):
    before = site.dropped_by("ip saddr != { 192.168.1.0,")
    outside = site.dropped_by("ip saddr { 0.0.0.0/8")
    for source in ("10.1.1.1", GATEWAY, FAR):
        site.frame(site.alice, device_of(site.alice), IP(src=source, dst=FAR) / UDP(sport=1, dport=2))
    for source in (ALICE, GATEWAY, "127.0.0.1"):
        site.frame(site.far, device_of(site.far), IP(src=source, dst=GATEWAY) / UDP(sport=1, dport=7003))
    eventually(lambda: site.dropped_by("ip saddr != { 192.168.1.0,") == before + 3)
    eventually(lambda: site.dropped_by("ip saddr { 0.0.0.0/8") >= outside + 3)


def test_no_private_source_leaves(site):
    """A late RST or FIN of a flow that is over, an answer to nobody, and the machine with a private source."""
    device = device_of(site.alice)
    with site.sniffer() as leaks:
        for flags in ("R", "FA", "RA", "A", "SA", ""):
            site.frame(site.alice, device, IP(src=ALICE, dst=FAR) / TCP(sport=4444, dport=80, flags=flags))
        site.frame(site.alice, device, IP(src=ALICE, dst=FAR, frag=100) / Raw(b"x" * 64))
        site.frame(site.alice, device, IP(src=ALICE, dst=FAR, proto=253) / Raw(b"x" * 64))
        site.gateway.run("ping", "-c", "1", "-W", "0.2", "-I", "192.168.1.1", FAR)
        site.alice.run("ping", "-c", "1", "-W", "2", FAR)
    assert not leaks, leaks
    assert site.dropped_by('oifname "wan" ip saddr != ') >= 1  # the guard had its packet


def test_rules_stand_in_their_order(site):
    site.listen(site.far, FAR, 7001)
    site.listen(site.far, FAR, 7002)
    site.shut(site.alice, (FAR, 7001))
    with site.alice.inside(), pytest.raises(ConnectionRefusedError):
        socket.create_connection((FAR, 7002), 5)
    # Twice, and then the rate is used up.
    gateway, far = site.udp(site.gateway, GATEWAY, 7003), site.udp(site.far, FAR, 0)
    gateway.settimeout(0.5)
    for i in range(4):
        with site.udp(site.far, FAR, 0) as one:  # a flow for each
            one.sendto(b"%d" % i, (GATEWAY, 7003))
    assert {gateway.recv(9), gateway.recv(9)} == {b"0", b"1"}
    with pytest.raises(TimeoutError):
        gateway.recv(9)
    far.close()


def test_ipv6_is_routed_behind_the_same_rules(site):
    for host, device, addresses in (
        (site.gateway, "lan", "2001:470:1::1/64 fd00:1::1/64"),
        (site.gateway, "wan", "2001:470:9::1/64"),
        (site.alice, device_of(site.alice), "2001:470:1::10/64 fd00:1::10/64"),
        (site.far, device_of(site.far), "2001:470:9::20/64"),
    ):
        host.address(device, addresses)
    site.alice.route("2001:470:9::/64", "2001:470:1::1")
    for network in ("2001:470:1::/64", "2001:470:7::/64", "fd00:1::/64"):
        site.far.route(network, "2001:470:9::1")
    eventually(lambda: "2001:470:1::" in site.ruleset())
    for host, at in ((site.far, "2001:470:9::20"), (site.alice, "2001:470:1::10"), (site.alice, "fd00:1::10")):
        with host.inside():
            site.sockets.enter_context(socket.create_server((at, 6200), family=socket.AF_INET6))
    site.connect(site.alice, ("2001:470:9::20", 6200), ("2001:470:1::10", 0))
    (flow,) = site.service.control("GET", "/flows?host=2001:470:1::10&port=6200")[1]["flows"]
    assert flow["state"] == "established" and 7300 < flow["left_s"] <= 7440, flow
    site.shut(site.far, ("2001:470:1::10", 6200))
    site.shut(site.alice, ("2001:470:9::20", 6200), ("fd00:1::10", 0))  # private: it stays inside


def test_a_prefix_is_another_outside(site):
    site.service.reload(CONFIG + "  nptv6:\n    - {inside: fd00:1::/64, outside: 2001:470:7::/64}\n")
    with site.far.inside():
        far = site.sockets.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
    far.bind(("2001:470:9::20", 6300))
    far.settimeout(5)
    with site.alice.inside():
        alice = site.sockets.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
    alice.bind(("fd00:1::10", 6301))
    alice.settimeout(5)
    alice.sendto(b"hello", ("2001:470:9::20", 6300))
    data, sender = far.recvfrom(100)
    assert (data, sender[:2]) == (b"hello", ("2001:470:7::10", 6301))
    far.sendto(b"welcome", sender)
    assert alice.recv(100) == b"welcome"
    site.shut(site.far, ("2001:470:7::10", 6200))
    site.service.reload(CONFIG)


def test_it_says_what_it_does_and_what_it_cannot(site):
    status = site.service.control("GET", "/status")[1]
    assert (status["back_end"], status["back_end_why"]) == ("nftables", "the configuration says so")
    assert any(part["text"].startswith("ports: ") for part in status["cannot_give"])
    assert "ports: the kernel chooses" in site.service.log()
    judged = subprocess.run([binary(), "check", site.service.config_path], capture_output=True, text=True)
    assert judged.returncode == 0 and "warning: ports: the kernel chooses" in judged.stderr
    assert 'back_end="nftables"} 1' in site.service.control("GET", "/metrics")[1]
    code, answer = site.service.control("GET", "/ports")
    assert code == 409 and "nftables" in answer["error"], answer


def test_flows_are_listed_counted_and_ended(site):
    server = site.listen(site.far, FAR, 6000)
    client = site.connect(site.alice, (FAR, 6000), (ALICE, 4321))
    served = site.sockets.enter_context(server.accept()[0])
    client.sendall(b"x" * 1000)
    assert served.recv(1000)
    _, answer = site.service.control("GET", f"/flows?host={ALICE}&port=6000")
    (flow,) = answer["flows"]
    assert (flow["protocol"], flow["state"]) == ("tcp", "established")
    assert (flow["from"], flow["as"]) == (f"{ALICE}:4321", f"{GATEWAY}:4321")
    assert flow["to"] == f"{FAR}:6000" and flow["bytes_sent"] > 1000
    assert 7300 < flow["left_s"] <= 7440  # the configuration's timer, and not the kernel's
    top = site.service.control("GET", "/top")[1]["top"]
    assert ALICE in {row["host"] for row in top}
    pages, at = [], 1
    while at:
        _, page = site.service.control("GET", f"/flows?limit=1&from={at}")
        pages += page["flows"]
        at = page.get("next")
    assert len(pages) == len(site.service.control("GET", "/flows?limit=1000")[1]["flows"]) > 1
    _, answer = site.service.control("POST", f"/flows/end?host={ALICE}&port=6000")
    assert answer["ended"] == 1
    assert not site.service.control("GET", f"/flows?host={ALICE}&port=6000")[1]["flows"]
    steps = site.service.control("GET", f"/explain?src={ALICE}&dst={FAR}&traffic=7001/tcp")[1]
    assert steps["verdict"] == "dropped"


class Download:
    """Octets that come from far as long as nothing stops them."""

    def __init__(self, site):
        server = site.listen(site.far, FAR, 6100)
        self.client = site.connect(site.alice, (FAR, 6100))
        self.served = site.sockets.enter_context(server.accept()[0])
        self.got = 0
        threading.Thread(target=self.serve, daemon=True).start()
        threading.Thread(target=self.read, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                self.served.sendall(b"x" * 1000)
                time.sleep(0.002)

    def read(self):
        with contextlib.suppress(OSError):
            while data := self.client.recv(65536):
                self.got += len(data)

    def goes_on(self):
        before = self.got
        eventually(lambda: self.got > before + 20000)

    def close(self):
        for end in (self.served, self.client):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def test_a_running_download_lives_through_reload_stop_and_kill(site):
    download = Download(site)
    download.goes_on()
    site.service.reload(CONFIG.replace("8081/tcp", "8082/tcp"))
    assert "tcp dport 8082" in site.ruleset() and "tcp dport 8081" not in site.ruleset()
    download.goes_on()
    site.service.send(signal.SIGKILL)
    site.service.wait()
    download.goes_on()
    # New flows as well, while nobody is there.
    assert site.bob.run("ping", "-c", "1", "-W", "5", FAR).returncode == 0
    site.service.start()
    download.goes_on()
    site.service.stop()
    assert site.tables() == set(TABLES)
    download.goes_on()
    download.close()
    site.service.start()


def test_a_configuration_that_is_refused_changes_nothing(site):
    before = re.sub(r"packets \d+ bytes \d+", "", site.ruleset())
    site.service.configure(CONFIG.replace("outside: wan", 'outside: "wan*"'))
    assert site.service.control("POST", "/reload")[0] == 409
    assert re.sub(r"packets \d+ bytes \d+", "", site.ruleset()) == before
    site.service.configure(CONFIG)


def test_detach_takes_all_of_it_away(site):
    code, _ = site.service.control("POST", "/detach")
    assert code == 409 and site.tables()  # the kernel forwards still
    site.gateway.sysctl("net.ipv4.ip_forward", 0)
    assert site.service.control("POST", "/detach")[0] == 200
    assert not site.tables()
    assert site.service.control("GET", "/status")[1]["attached"] is False
    # Nothing comes back by itself, not even when an address changes.
    site.gateway.address("wan", "198.51.100.9/24")
    site.gateway.ip("address", "del", "198.51.100.9/24", "dev", "wan")
    time.sleep(0.3)
    assert not site.tables()
    site.service.stop()


def test_auto_falls_back_without_the_right_to_load_programs(site):
    """And who asks for programs does not; who has the right again takes the ruleset away."""
    plain = site.service.command
    words = ["setpriv", "--bounding-set=-bpf,-sys_admin,-perfmon"]
    site.service.command = lambda: [*words, *plain()]
    try:
        site.service.configure(CONFIG.replace("attach: nftables", "attach: tc"))
        site.service.start(ready=False)
        assert site.service.wait() == 1
        assert not site.tables()
        site.service.configure(CONFIG.replace("attach: nftables", "attach: auto"))
        site.service.start()
    finally:
        site.service.command = plain
    assert "as programs cannot be loaded" in site.service.log()
    status = site.service.control("GET", "/status")[1]
    assert status["back_end"] == "nftables" and "right to load" in status["back_end_why"], status
    assert site.alice.run("ping", "-c", "1", "-W", "5", FAR).returncode == 0
    with site.sniffer() as leaks:
        site.service.stop()
        site.service.start()  # with all rights: the programs
        assert site.alice.run("ping", "-c", "1", "-W", "5", FAR).returncode == 0
        assert site.service.control("GET", "/status")[1]["back_end"] == "bpf"
        assert not site.tables()
        # And back: the programs go.
        site.service.stop()
        site.service.configure(CONFIG)
        site.service.start()
        assert site.alice.run("ping", "-c", "1", "-W", "5", FAR).returncode == 0
    assert not leaks, leaks
    assert site.tables() == set(TABLES)
    assert not list(site.bpf.rglob("tc_*")) and "clsact" not in site.gateway.run("tc", "qdisc").stdout
