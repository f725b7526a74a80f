"""`nat: {intercept}`: connections of clients that know of no proxy are led to the forward proxy on the same machine, with programs and with nftables:

    alice 192.168.1.10, bob .11 -- lan .1 gateway 198.51.100.1 wan -- router -- far 44.0.113.2, .3
    guest 192.168.9.10 ----------- dmz .1                             2001:470:f::2

Both families. What is refused by the firewall stays refused, what is excepted goes directly, and what the machine itself sends is never led anywhere.
"""

import contextlib
import errno
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6

import topology
from forward_site import Names, Server
from nat_site import eventually, rename
from proxy_pki import Authority
from service import Service, binary
from topology import command

ALICE, BOB, GUEST, WAN = "192.168.1.10", "192.168.1.11", "192.168.9.10", "198.51.100.1"
ALICE6, WAN6 = "2001:470:1::10", "2001:470:2::1"
FAR, OTHER, FAR6 = "44.0.113.2", "44.0.113.3", "2001:470:f::2"
NAT = """global:
  bpf: $DIR/bpf
nat:
  outside: wan
  inside: lan
  zones: {guests: {interfaces: dmz}}
  attach: %s
  firewall:
    - {action: reject, from: 192.168.1.11, to: outside, traffic: 8080/tcp}
    - {action: allow, to: gateway, from: guests, traffic: 22/tcp}
%s"""
INTERCEPT = """  intercept:
    - {traffic: [80/tcp, 8080/tcp], to: ["192.168.1.1:3180", "[2001:470:1::1]:3180"], except-from: 192.168.1.12, except-to: 44.0.113.3}
    - {traffic: 443/tcp, to: ["192.168.1.1:3181", "[2001:470:1::1]:3181"], from: [inside, guests]}
"""
PROXY = """forward-proxy:
  listen:
    - {address: [192.168.1.1, "2001:470:1::1"], transparent: yes}
    - {address: [192.168.1.1, "2001:470:1::1"], transparent-tls: yes}
  clients: [192.168.0.0/16, "2001:470:1::/64"]
  resolver: 44.0.113.2
  workers: 1
  access-log: {format: json}
"""


class Echo(threading.Thread):
    """Says back what comes by UDP, and keeps what and from whom."""

    def __init__(self, address, port):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, port))
        self.heard = []
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                data, sender = self.socket.recvfrom(100)
                self.heard.append((data, sender[0]))
                self.socket.sendto(data, sender)

    def stop(self):
        self.socket.close()


class Site:
    def __init__(self, attach):
        self.net, self.attach, self.started = topology.Net(), attach, []
        self.alice, self.bob, self.guest, self.gateway = (self.net.host(name) for name in ("alice", "bob", "guest", "gateway"))
        self.far, self.router = self.net.host("far"), self.net.router("router")
        lan, wan, dmz = (self.net.switch(name) for name in ("lanswitch", "wanswitch", "dmzswitch"))
        self.net.plug(self.alice, f"{ALICE}/24 {ALICE6}/64", lan)
        self.net.plug(self.bob, f"{BOB}/24", lan)
        self.net.plug(self.guest, f"{GUEST}/24", dmz)
        for name, switch, addresses in (
            ("lan", lan, "192.168.1.1/24 2001:470:1::1/64"), ("dmz", dmz, "192.168.9.1/24"), ("wan", wan, f"{WAN}/24 {WAN6}/64")
        ):  # fmt: skip
            rename(self.gateway, self.net.plug(self.gateway, "", switch), name)
            self.gateway.address(name, addresses)
        self.net.plug(self.router, "198.51.100.30/24 2001:470:2::30/64", wan)
        self.net.cable(self.router, "44.0.113.1/24 2001:470:f::1/64", self.far, f"{FAR}/24 {OTHER}/24 {FAR6}/64")
        for host, via in ((self.alice, "192.168.1.1"), (self.bob, "192.168.1.1"), (self.guest, "192.168.9.1"), (self.gateway, "198.51.100.30"), (self.far, "44.0.113.1")):
            host.route("default", via)
        for host, via in ((self.alice, "2001:470:1::1"), (self.gateway, "2001:470:2::30"), (self.far, "2001:470:f::1")):
            host.ip("-6", "route", "add", "default", "via", via)
        self.router.ip("-6", "route", "add", "2001:470:1::/64", "via", WAN6)
        self.authority = Authority(f"/tmp/{self.gateway.space}-pki")
        with self.far.inside():
            self.names = Names(FAR)
            self.names.zone["www.example.com"] = [FAR, OTHER, FAR6]
            issued = self.authority.issue("www.example.com")
            self.origins = {(a, p): Server(a, p, context(issued) if p == 443 else None) for a in (FAR, OTHER, FAR6) for p in (80, 443, 8080)}
            self.echoes = {(a, p): Echo(a, p) for a in (FAR, OTHER, FAR6) for p in (443, 444)}
        self.started = [self.names, *self.origins.values(), *self.echoes.values()]
        self.bpf = None
        self.begin()

    def begin(self):
        self.nat = Service(self.gateway, "nat", NAT % (self.attach, INTERCEPT))
        self.bpf = self.nat.folder / "bpf"
        self.bpf.mkdir()
        command("mount", "-t", "bpf", "bpf", self.bpf)
        self.proxy = Service(self.gateway, "forward-proxy", PROXY)
        self.nat.start(timeout=60)
        self.proxy.start()

    def curl(self, host, scheme, address, path="/", port=None):
        """curl's code; 0: it has the answer."""
        where = f"*:{port or (443 if scheme == 'https' else 80)}:{address}"
        done = host.run("curl", "-sS", "--fail", "--noproxy", "*", "--max-time", "10", "--cacert", self.authority.pem, "--resolve", where,
                        f"{scheme}://www.example.com{f':{port}' if port else ''}{path}", timeout=30)  # fmt: skip
        return done.returncode, done.stderr

    def came(self, address, port, path):
        """From whom it came to that server, and whether by the proxy (of TLS that is not to be seen)."""
        seen = [one for one in self.origins[address, port].seen if one["target"] == path]
        assert len(seen) == 1, seen
        return seen[0]["from"], any(name == "via" for name, _ in seen[0]["fields"])

    def udp(self, host, address, port, socket_of=None):
        """0: it was echoed; else the errno that a program gets, in time."""
        with socket_of or self.dial(host, address, port) as one:
            try:
                one.send(b"hello")
                return 0 if one.recv(100) == b"hello" else -1
            except OSError as e:
                return e.errno or errno.ETIMEDOUT

    def dial(self, host, address, port, patience=10):
        with host.inside():
            one = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        one.settimeout(patience)
        one.connect((address, port))
        return one

    def refused(self):
        """Packets of QUIC that were refused, by the counter of programs or those of the ruleset."""
        if self.attach == "nftables":
            chain = self.gateway.run("nft", "list", "chain", "inet", "gatehouse_nat", "past_proxies").stdout
            return sum(int(n) for n in re.findall(r"counter packets (\d+) .* reject", chain))
        return int(re.search(r'dropped_total{[^}]*cause="quic"} (\d+)', self.nat.control("GET", "/metrics")[1])[1])

    def log(self):
        path = self.proxy.folder / "state" / "forward-proxy" / "access.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def passed(self):
        status, text = self.proxy.control("GET", "/metrics", "forward-proxy")
        assert status == 200
        return sum(int(line.split()[-1]) for line in text.splitlines() if line.startswith("gatehouse_forward_proxy_connections_total "))

    def close(self):
        for one in self.started:
            one.stop()
        troubles = self.net.close()
        subprocess.run(["umount", "-l", str(self.bpf)], check=False, capture_output=True)
        assert not troubles, "\n".join(troubles)


def context(issued):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(issued.chain, issued.key)
    return made


@pytest.fixture(scope="module", params=["auto", "nftables"])
def site(request, janitor_process):
    del janitor_process
    made = None
    try:
        made = Site(request.param)
        yield made
    finally:
        if made:
            made.close()


@pytest.mark.parametrize(("scheme", "port"), [("http", 80), ("https", 443), ("http", 8080)])
@pytest.mark.parametrize("address", [FAR, FAR6])
def test_a_client_without_settings_goes_by_the_proxy(site, scheme, port, address):
    path, before = f"/{scheme}-{port}-{len(address)}", site.passed()
    code, told = site.curl(site.alice, scheme, address, path, port if port == 8080 else None)
    assert code == 0, told
    assert site.came(address, port, path) == ({FAR: WAN, FAR6: WAN6}[address], scheme == "http")
    assert site.passed() == before + 1
    method = "GET" if scheme == "http" else "TLS"
    eventually(lambda: [line for line in site.log() if (line["method"], line["client"], line.get("server")) == (method, ALICE if address == FAR else ALICE6, address)])


def test_a_large_answer_and_a_large_request_pass(site):
    origin = site.origins[FAR, 443]
    origin.pages["/large"] = (200, {}, bytes(3_000_000))
    done = site.alice.run("sh", "-c", f"head -c 2000000 /dev/zero | curl -sS --fail --noproxy '*' --max-time 30 --cacert {site.authority.pem} --resolve '*:443:{FAR}' --data-binary @- https://www.example.com/large | wc -c", timeout=60)
    assert done.stdout.strip() == "3000000", done
    assert len(origin.seen[-1]["body"]) == 2_000_000


def test_exceptions_go_directly(site):
    before = site.passed()
    assert site.curl(site.alice, "http", OTHER, "/excepted")[0] == 0
    assert site.came(OTHER, 80, "/excepted") == (WAN, False)
    assert site.passed() == before
    assert site.curl(site.alice, "https", OTHER, "/not-of-that-entry")[0] == 0
    assert site.passed() == before + 1


def test_each_zone_by_its_rules(site):
    """Guests may not reach the gateway's ports, and are led to the proxy all the same."""
    before = site.passed()
    code, told = site.curl(site.guest, "https", FAR, "/guest")
    assert code == 0, told
    assert site.passed() == before + 1
    done = site.guest.run("curl", "-sS", "--noproxy", "*", "--max-time", "2", "http://192.168.1.1:3181/", timeout=10)
    assert done.returncode == 28, done  # silent
    assert site.passed() == before + 1


def test_what_the_firewall_refuses_stays_refused(site):
    before = site.passed()
    assert site.curl(site.bob, "http", FAR, "/refused", 8080)[0] == 7
    assert site.curl(site.bob, "http", FAR, "/let")[0] == 0
    assert site.passed() == before + 1
    assert not [one for one in site.origins[FAR, 8080].seen if one["target"] == "/refused"]


def test_the_machine_itself_is_not_led_anywhere(site):
    before = site.passed()
    for scheme, port in (("http", 80), ("https", 443)):
        assert site.curl(site.gateway, scheme, FAR, "/own")[0] == 0
        assert site.came(FAR, port, "/own") == (WAN, False)
    assert site.passed() == before


def test_it_is_told(site):
    assert site.nat.control("GET", "/status")[1]["back_end"] == {"auto": "bpf"}.get(site.attach, site.attach)
    done = site.gateway.run(binary(), "nat", "explain", "-c", site.nat.config_path, ALICE, FAR, timeout=30)
    assert "192.168.1.1:3181" in done.stdout and "a proxy of this machine takes it" in done.stdout, done.stdout + done.stderr


EXCEPTED = INTERCEPT.replace("from: [inside, guests]", "from: [inside, guests], except-from: 192.168.1.11, except-to: 44.0.113.3")
# What a connected socket of UDP is told by ICMP that it is prohibited: a browser goes on by TCP.
PROHIBITED = {FAR: errno.EHOSTUNREACH, FAR6: errno.EACCES}


@pytest.mark.parametrize("address", [FAR, FAR6])
def test_quic_does_not_pass_by_the_proxy(site, address):
    """RFC 9308 2: where UDP is blocked applications fall back to TCP; who is told of it need not wait for a timer."""
    before, began = site.refused(), time.monotonic()
    assert site.udp(site.alice, address, 443) == PROHIBITED[address]
    assert time.monotonic() - began < 0.5
    assert site.refused() == before + 1
    assert site.udp(site.alice, address, 444) == 0
    assert site.refused() == before + 1
    assert not [one for one in site.echoes[address, 443].heard if one[1] in (ALICE6, WAN)]


def test_who_passes_quic_by_and_who_does_not(site):
    before = site.refused()
    # Of another zone; the machine's own is not led anywhere, so it is not refused.
    assert site.udp(site.guest, FAR, 443) == errno.EHOSTUNREACH
    assert site.udp(site.gateway, FAR, 443) == 0
    assert site.refused() == before + 1
    # Exceptions of the entry hold for both, and a flow that is there is judged anew by programs.
    site.nat.reload(NAT % (site.attach, EXCEPTED))
    before = site.refused()
    assert site.udp(site.bob, FAR, 443) == 0
    assert site.udp(site.alice, OTHER, 443) == 0
    assert site.udp(site.alice, FAR, 443) == errno.EHOSTUNREACH
    assert site.refused() == before + 1
    for src, dst, told in (
        (ALICE, FAR, ("it would pass by the proxy that takes TCP to that port, as line", "rejected: by `quic` of that entry")),
        (ALICE6, FAR6, ("it would pass by the proxy that takes TCP to that port, as line", "rejected: by `quic` of that entry")),
        (BOB, FAR, ("no proxy takes it, as line", "translated")),
        (ALICE, OTHER, ("no proxy takes it, as line", "translated")),
    ):
        done = site.gateway.run(binary(), "nat", "explain", "-c", site.nat.config_path, "--traffic", "443/udp", src, dst, timeout=30)
        assert all(one in done.stdout for one in told), done.stdout + done.stderr
    kept = site.dial(site.bob, FAR, 443)
    kept.send(b"before")
    assert kept.recv(100) == b"before"
    site.nat.reload(NAT % (site.attach, INTERCEPT.replace("from: [inside, guests]", "from: [inside, guests], quic: pass")))
    assert site.udp(site.alice, FAR, 443) == 0
    assert site.udp(site.alice, FAR6, 443) == 0
    site.nat.reload(NAT % (site.attach, INTERCEPT))
    assert site.udp(site.bob, FAR, 443, kept) == errno.EHOSTUNREACH


def test_the_firewall_refuses_quic_first(site):
    """By its own verdict and counter: here in silence."""
    rule = "  firewall:\n    - {action: drop, from: 192.168.1.10, traffic: 443/udp}\n"
    site.nat.reload(NAT.replace("  firewall:\n", rule) % (site.attach, INTERCEPT))
    before = site.refused()
    assert site.udp(site.alice, FAR, 443, site.dial(site.alice, FAR, 443, patience=1)) == errno.ETIMEDOUT
    assert site.udp(site.bob, FAR, 443) == errno.EHOSTUNREACH
    assert site.refused() == before + 1
    site.nat.reload(NAT % (site.attach, INTERCEPT))


def test_a_rate_counts_a_connection_once(site):
    """Whether the proxy takes it, an entry leaves it alone, or the rule refuses it."""
    rules = "".join(
        f"    - {{action: {action}, from: inside, to: {to}, traffic: {port}/tcp{rate}}}\n"
        for to, port, action, rate in (
            (FAR, 8080, "allow", ", rate: 10/h, burst: 3"), (FAR, 8080, "reject", ""),
            (OTHER, 8080, "allow", ", rate: 10/h, burst: 3"), (OTHER, 8080, "reject", ""),
            (FAR, 443, "reject", ", rate: 10/h, burst: 2"),
        )
    )  # fmt: skip
    site.nat.reload(NAT.replace("  firewall:\n", "  firewall:\n" + rules) % (site.attach, INTERCEPT))
    before = site.passed()
    codes = [site.curl(site.alice, "http", FAR, f"/rate-{i}", 8080)[0] for i in range(4)]
    assert codes == [0, 0, 0, 7]
    assert site.passed() == before + 3
    codes = [site.curl(site.alice, "http", OTHER, f"/rate-{i}", 8080)[0] for i in range(4)]
    assert codes == [0, 0, 0, 7]
    assert site.passed() == before + 3
    # Two are refused, then the rule does not match any more.
    codes = [site.curl(site.alice, "https", FAR, f"/rate-{i}")[0] for i in range(3)]
    assert codes == [7, 7, 0]
    site.nat.reload(NAT % (site.attach, INTERCEPT))


def arrives(site, host, packet):
    """Whether the world sees it."""
    six = IPv6 in packet
    with site.far.inside():
        seen = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x86DD if six else 0x0800))
    with host.inside():
        out = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    with seen, out:
        out.sendto(bytes(packet), (packet.dst, 0))
        time.sleep(0.2)
        out.sendto(bytes((IPv6 if six else IP)(src=packet.src, dst=packet.dst) / TCP(sport=7, dport=9, flags="S")), (packet.dst, 0))
        found, end = False, time.monotonic() + 5
        while time.monotonic() < end:
            seen.settimeout(max(0.01, end - time.monotonic()))
            got = (IPv6 if six else IP)(seen.recv(2000))
            if TCP in got and got[TCP].dport == packet[TCP].dport and got[TCP].sport == packet[TCP].sport:
                found = True
            if TCP in got and got[TCP].dport == 9:
                return found  # what was sent later is there
        raise AssertionError("nothing comes through")


@pytest.mark.parametrize("flags", ["FA", "SA", "R", "A"])
def test_the_middle_of_no_connection_goes_nowhere(site, flags):
    """Programs leave it to the machine, as it may be the proxy's; who has an address that the world knows would send one way, past the
    firewall and the proxy."""
    site.nat.reload(NAT.replace("interfaces: dmz", "interfaces: dmz, translate: off") % (site.attach, INTERCEPT))
    for host, packet in (
        (site.guest, IP(src=GUEST, dst=FAR) / TCP(sport=6100, dport=443, flags=flags)),
        (site.alice, IPv6(src=ALICE6, dst=FAR6) / TCP(sport=6100, dport=443, flags=flags)),
        (site.alice, IPv6(src=ALICE6, dst=FAR6) / TCP(sport=6100, dport=80, flags=flags)),
    ):
        assert not arrives(site, host, packet), packet.summary()
    site.nat.reload(NAT % (site.attach, INTERCEPT))


def test_without_a_proxy_nothing_passes_and_a_new_one_is_found(site):
    site.proxy.stop()
    for address in (FAR, FAR6):
        code, told = site.curl(site.alice, "https", address, "/closed")
        assert code == 7, told  # refused at once
    assert site.curl(site.alice, "http", OTHER, "/still-direct")[0] == 0
    assert not [one for one in site.origins[FAR, 443].seen if one["target"] == "/closed"]
    site.proxy.start()
    assert site.curl(site.alice, "https", FAR, "/again")[0] == 0


def taken_tls(site):
    text = site.proxy.control("GET", "/metrics", "forward-proxy")[1]
    return next(int(line.split()[-1]) for line in text.splitlines() if line.startswith("gatehouse_forward_proxy_transparent_tls_total "))


def test_while_a_proxy_does_not_answer_clients_pass_if_so_said(site):
    """Of the entry for TLS; the other one stays shut. First the proxy is there and does nothing, then it is gone."""
    site.nat.reload(NAT % (site.attach, INTERCEPT.replace("from: [inside, guests]", "from: [inside, guests], when-down: pass")))
    led = taken_tls(site)
    assert site.curl(site.alice, "https", FAR, "/up")[0] == 0
    assert taken_tls(site) == led + 1
    site.proxy.send(signal.SIGSTOP)
    for address in (FAR, FAR6):
        eventually(lambda at=address: site.alice.run("curl", "-sSk", "--noproxy", "*", "--max-time", "1", "-o", "/dev/null", f"https://[{at}]/" if ":" in at else f"https://{at}/").returncode == 0, 20)
    assert any("does not answer" in note["text"] for note in site.nat.control("GET", "/status", "nat")[1]["not_in_force"])
    done = site.alice.run("curl", "-sS", "--noproxy", "*", "--max-time", "1", f"http://{FAR}/shut")
    assert done.returncode == 28, done
    site.proxy.send(signal.SIGCONT)
    eventually(lambda: not site.nat.control("GET", "/status", "nat")[1]["not_in_force"], 20)
    led = taken_tls(site)
    assert site.curl(site.alice, "https", FAR, "/up-again")[0] == 0
    assert taken_tls(site) == led + 1
    site.proxy.stop()
    eventually(lambda: site.curl(site.alice, "https", FAR, "/gone")[0] == 0, 20)
    assert site.curl(site.alice, "http", FAR, "/shut")[0] == 7
    for address in (FAR, FAR6):
        assert site.udp(site.alice, address, 443) == 0  # there is no proxy to pass by
    site.proxy.start()
    eventually(lambda: not site.nat.control("GET", "/status", "nat")[1]["not_in_force"], 20)
    assert site.curl(site.alice, "https", FAR, "/back")[0] == 0
    assert site.udp(site.alice, FAR, 443) == errno.EHOSTUNREACH
    assert taken_tls(site) == 1
    site.nat.reload(NAT % (site.attach, INTERCEPT))


def ruleset(site):
    return site.gateway.run("nft", "list", "ruleset").stdout


def test_a_reload_takes_it_away_and_brings_it_back(site):
    before = site.passed()
    assert "3181" in ruleset(site)
    site.nat.reload(NAT % (site.attach, ""))
    assert "3181" not in ruleset(site)
    for scheme, port in (("http", 80), ("https", 443)):
        assert site.curl(site.alice, scheme, FAR, "/direct")[0] == 0
        assert site.came(FAR, port, "/direct") == (WAN, False)
    assert site.passed() == before
    site.nat.reload(NAT % (site.attach, INTERCEPT))
    assert site.curl(site.alice, "https", FAR, "/led")[0] == 0
    assert site.passed() == before + 1


def test_it_outlives_the_translator_and_goes_with_detach(site):
    before = site.passed()
    site.nat.stop()
    assert site.curl(site.alice, "https", FAR, "/outlives")[0] == 0
    assert site.passed() == before + 1
    site.nat.start(timeout=60)
    assert site.curl(site.alice, "https", FAR, "/restarted")[0] == 0
    site.gateway.sysctl("net.ipv4.ip_forward", 0)
    assert site.nat.control("POST", "/detach")[0] == 200
    assert "3181" not in ruleset(site)
    # Begun without it, programs take nobody before the next start: it would be left to a machine that leads nobody.
    site.nat.stop()
    site.nat.configure(NAT % (site.attach, ""))
    site.nat.start(timeout=60)
    assert "3181" not in ruleset(site)
    before = site.passed()
    site.nat.reload(NAT % (site.attach, INTERCEPT))
    assert site.curl(site.alice, "https", FAR, "/begun-without")[0] == 0
    assert site.passed() == before + (site.attach == "nftables")
    assert ("takes effect at the next start" in site.nat.log()) == (site.attach == "auto")


class Supervised(Site):
    """Both services as the supervisor runs them, as a user with few rights; listeners that take TPROXY too."""

    def config(self):
        return NAT % (self.attach, INTERCEPT) + PROXY.replace("transparent", "tproxy: yes, transparent")

    def begin(self):
        self.nat = self.proxy = Service(self.gateway, "run", self.config())
        self.bpf = self.nat.folder / "bpf"
        self.bpf.mkdir()
        command("mount", "-t", "bpf", "bpf", self.bpf)
        self.nat.start(timeout=60)

    def pid(self, service):
        return self.nat.control("GET", "/status", service)[1]["pid"]

    def replaced(self, service, before):
        """While neither is there nobody answers."""
        with contextlib.suppress(OSError):
            return self.pid(service) != before
        return False


def test_the_supervisor_runs_both(janitor_process):
    del janitor_process
    site = None
    try:
        site = Supervised("auto")
        shown = site.gateway.run("ss", "-Hltn", "--inet-sockopt", "sport", ">=", "3180", "and", "sport", "<=", "3181").stdout
        assert shown.count("LISTEN") == shown.count(" transparent") == 4, shown
        for scheme, address in (("http", FAR), ("https", FAR), ("http", FAR6), ("https", FAR6)):
            assert site.curl(site.alice, scheme, address, f"/{scheme}-{len(address)}")[0] == 0
        assert site.passed() == 4
        # Killed, its clients wait until the next one is there.
        os.kill(site.pid("forward-proxy"), signal.SIGKILL)
        code, told = site.curl(site.alice, "https", FAR, "/killed")
        assert code == 0, told
        # The rights to change what leads are there as long as something may be led.
        site.nat.reload(site.config().replace("except-to: 44.0.113.3", "except-to: 44.0.113.2"))
        before = site.passed()
        eventually(lambda: "44.0.113.2" in ruleset(site))
        assert site.curl(site.alice, "http", FAR, "/excepted-now")[0] == 0
        assert site.came(FAR, 80, "/excepted-now") == (WAN, False) and site.passed() == before
        assert site.curl(site.alice, "http", OTHER, "/led-now")[0] == 0
        assert site.came(OTHER, 80, "/led-now") == (WAN, True)
        # When it goes, or comes first, the supervisor starts the translator anew: its rights are those of its start.
        first = site.pid("nat")
        site.nat.reload(site.config().replace(INTERCEPT, ""))
        eventually(lambda: site.replaced("nat", first) and "3181" not in ruleset(site))
        assert site.curl(site.alice, "http", FAR, "/direct")[0] == 0
        assert site.came(FAR, 80, "/direct") == (WAN, False)
        second = site.pid("nat")
        site.nat.reload(site.config())
        eventually(lambda: site.replaced("nat", second) and "3181" in ruleset(site))
        assert site.curl(site.alice, "http", FAR, "/led-again")[0] == 0
        assert site.came(FAR, 80, "/led-again") == (WAN, True)
    finally:
        if site:
            site.close()
