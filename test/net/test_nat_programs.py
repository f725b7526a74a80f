"""The translator with the programs that people use, through one site (nat_site.py)."""

import json
import re
import socket
import struct
import subprocess
import threading
from pathlib import Path

import pytest

import service
import topology
from nat_site import ALICE, BEYOND, BOB, CONFIG, FAR, FAR2, GATEWAY, Site, eventually

VERIFIER_S = 60  # the programs are judged when they are loaded

FORWARDS = """  forward:
    - {from: 8080/tcp, to: "192.168.1.11:80"}
    - {from: 9000-9003/udp, to: "192.168.1.11:9000"}
  hosts:
    192.168.1.11: {open: on}
"""

NAMES = """authority:
  listen: [0.0.0.0]
  zones: [{origin: example.com, file: example.com.zone}]
"""
ZONE = """@ 60 SOA ns hostmaster 1 7200 3600 1209600 300
@ 60 NS ns
ns 60 A 192.0.2.1
www 60 A 192.0.2.80
"""

FTP = """listen=YES
anonymous_enable=YES
anon_root={folder}
secure_chroot_dir={empty}
run_as_launching_user=YES
pasv_address=198.51.100.20
pasv_min_port=40000
pasv_max_port=40009
seccomp_sandbox=NO
background=NO
"""


@pytest.fixture(scope="module")
def site(janitor_process):
    net = topology.Net()
    made = Site(net, CONFIG + FORWARDS)
    try:
        made.service.start(timeout=VERIFIER_S)
        made.daemon(made.beyond, "python3", "-m", "http.server", "80", wait="tcp:80")
        made.daemon(made.bob, "python3", "-m", "http.server", "80", wait="tcp:80")
        names = service.Service(made.beyond, "authority", NAMES, {"example.com.zone": ZONE})
        names.start()
        yield made
    finally:
        troubles = net.close()
        made.close()
    assert not troubles, "\n".join(troubles)


def lines_of(done):
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def get(host, url, *more):
    return host.run("curl", "-sS", "-m", "8", "-o", "/dev/null", "-w", "%{http_code} %{local_port}", *more, url)


def udp(host, address="0.0.0.0", port=0):
    with host.inside():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, port))
    s.settimeout(3)
    return s


def hears(s):
    """(what, from whom), or None when nothing comes within half a second."""
    s.settimeout(0.5)
    try:
        return s.recvfrom(2048)
    except TimeoutError:
        return None
    finally:
        s.settimeout(3)


def test_curl_reaches_the_world_and_the_ping_comes_back(site):
    assert get(site.alice, f"http://{BEYOND}/").stdout.startswith("200")
    assert "2 received" in site.alice.run("ping", "-c", "2", "-i", "0.2", "-W", "2", BEYOND).stdout


@pytest.mark.parametrize("how", [(), ("-R",), ("-u", "-b", "20M")], ids=["out", "in", "udp"])
def test_iperf3_moves_data(site, how):
    site.daemon(site.beyond, "iperf3", "-s", "-1", wait="tcp:5201")
    done = site.alice.run("iperf3", "-c", BEYOND, "-t", "1", "-J", *how)
    end = json.loads(done.stdout)["end"]
    assert end["sum" if "-u" in how else "sum_received"]["bytes"] > 500_000
    if "-u" in how:
        assert end["sum"]["lost_percent"] < 5


@pytest.mark.parametrize("how", ["-U", "-I", "-T"], ids=["udp", "icmp", "tcp"])
def test_traceroute_shows_every_router(site, how):
    hops = lines_of(site.alice.run("traceroute", "-n", "-q", "1", "-w", "2", how, BEYOND))[1:]
    assert [hop.split()[1] for hop in hops] == ["192.168.1.1", "198.51.100.30", BEYOND]


def test_tracepath_finds_the_smaller_mtu_behind_us(site):
    """RFC 5508 REQ-4, REQ-7: what an ICMP error quotes is translated, so that path MTU discovery works."""
    inner = [name for name in site.router.ip("-br", "link").split() if name.startswith("to-beyond")][0].split("@")[0]
    site.router.ip("link", "set", inner, "mtu", "1280")
    try:
        out = "\n".join(lines_of(site.alice.run("tracepath", "-n", "-m", "5", BEYOND)))
        assert "pmtu 1280" in out and BEYOND in out
    finally:
        site.router.ip("link", "set", inner, "mtu", "1500")


def test_ftp_passive(site):
    folder = site.service.folder / "ftp"
    folder.mkdir()
    (folder / "file").write_text("from outside\n")
    (site.service.folder / "empty").mkdir()
    conf = site.service.folder / "vsftpd.conf"
    conf.write_text(FTP.format(folder=folder, empty=site.service.folder / "empty"))
    site.daemon(site.far, "vsftpd", conf, wait="tcp:21")
    done = site.alice.run("curl", "-sS", "-m", "8", f"ftp://{FAR}/file")
    assert done.stdout == "from outside\n", done.stderr


@pytest.mark.parametrize("how", ["+notcp", "+tcp"])
def test_dig_asks_a_server_outside(site, how):
    done = site.alice.run("dig", how, "+short", "+tries=1", f"@{BEYOND}", "www.example.com")
    assert done.stdout.split() == ["192.0.2.80"], done.stdout + done.stderr


def test_one_inside_port_has_one_public_port_for_all(site):
    """RFC 4787 REQ-1: 'A NAT MUST have an "Endpoint-Independent Mapping" behavior', as SIP needs it."""
    phone, one, two = udp(site.alice, ALICE, 5060), udp(site.far, FAR, 5060), udp(site.beyond, BEYOND, 5061)
    with phone, one, two:
        phone.sendto(b"REGISTER", (FAR, 5060))
        first = one.recvfrom(2048)[1]
        phone.sendto(b"REGISTER", (BEYOND, 5061))
        assert two.recvfrom(2048)[1] == first == (GATEWAY, 5060)  # and REQ-3: its own, where it is free
        one.sendto(b"INVITE", first)
        assert phone.recvfrom(2048) == (b"INVITE", (FAR, 5060))


def test_two_hosts_never_share_a_public_port(site):
    """RFC 4787 REQ-3: 'A NAT MUST NOT have a "Port assignment" behavior of "Port overloading"'."""
    a, b, far, other = udp(site.alice, ALICE, 7777), udp(site.bob, BOB, 7777), udp(site.far, FAR, 7), udp(site.far, FAR2, 7)
    with a, b, far, other:
        a.sendto(b"a", (FAR, 7))
        of_a = far.recvfrom(64)[1]
        b.sendto(b"b", (FAR2, 7))
        of_b = other.recvfrom(64)[1]
        assert of_a[0] == of_b[0] == GATEWAY and of_a[1] == 7777 != of_b[1] >= 1024


def test_only_who_was_asked_may_answer_unless_the_host_is_open(site):
    """RFC 4787 REQ-8: address and port, where one wants to be safe; independent of the endpoint for consoles."""
    closed, opened, far, stranger = udp(site.alice, ALICE, 6000), udp(site.bob, BOB, 6001), udp(site.far, FAR, 6), udp(site.beyond)
    with closed, opened, far, stranger:
        for s in (closed, opened):
            s.sendto(b"?", (FAR, 6))
            to = far.recvfrom(64)[1]
            stranger.sendto(b"!", to)
            heard = hears(s)
            assert (heard is not None) == (s is opened)
            far.sendto(b"yes", to)
            assert s.recvfrom(64)[0] == b"yes"


def test_forwards_lead_in_from_outside_and_by_hairpin(site):
    """RFC 5382 REQ-8: 'a NAT MUST support "hairpinning" for TCP'; RFC 4787 REQ-9 for UDP."""
    for who in (site.far, site.alice, site.bob, site.beyond):
        assert get(who, f"http://{GATEWAY}:8080/").stdout.startswith("200"), who
    phone, server = udp(site.alice, ALICE), udp(site.bob, BOB, 9002)
    with phone, server:
        phone.sendto(b"?", (GATEWAY, 9002))
        data, came_from = server.recvfrom(64)
        assert data == b"?" and came_from[0] == GATEWAY  # REQ-9a: the external address
        server.sendto(b"!", came_from)
        assert phone.recvfrom(64) == (b"!", (GATEWAY, 9002))


def test_natdiscovery_says_what_the_rfcs_want(site):
    """Of a hairpin that works it has no other words than "maybe": so the translator must show the flow as well."""
    keys = ["-n", "--no-auth", "--no-tls", "--no-dtls", "--no-cli", "-L", FAR, "-L", FAR2]
    log = site.service.folder / "turn.log"
    site.daemon(site.far, "turnserver", *keys, "-l", log, "--pidfile", site.service.folder / "turn.pid", wait="udp:3478")
    said = {}
    for host, address in ((site.alice, ALICE), (site.bob, BOB)):
        done = host.run("turnutils_natdiscovery", "-m", "-f", "-H", "-L", address, FAR)
        said[host.name] = done.stdout + done.stderr
        assert "NAT with Endpoint Independent Mapping!" in said[host.name]
        assert "Received a request (maybe a successful hairpinning)" in said[host.name]
        flows = site.service.control("GET", f"/flows?host={address}&limit=1000")[1]["flows"]
        assert [f for f in flows if f["to"].startswith(GATEWAY) and f.get("reaches", "").startswith(address)], flows
    assert "NAT with Address and Port Dependent Filtering!" in said["alice"]
    assert "NAT with Endpoint Independent Filtering!" in said["bob"]


def test_the_gateways_own_ports_are_its_own(site):
    """Its curl and a host's from the same port, at once: two public ports, two answers."""
    ours = site.gateway.popen("curl", "-sS", "-m", "8", "-o", "/dev/null", "--local-port", "45555", f"http://{BEYOND}/", stdout=subprocess.PIPE)
    theirs = get(site.alice, f"http://{BEYOND}/", "--local-port", "45555")
    assert ours.wait(10) == 0 and theirs.stdout == "200 45555", theirs.stderr


def test_the_gateways_own_socket_and_a_hosts_of_the_same_port(site):
    own, theirs, far = udp(site.gateway, GATEWAY, 6060), udp(site.alice, ALICE, 6060), udp(site.far, FAR, 60)
    with own, theirs, far:
        seen = {}
        for s, text in ((theirs, b"host"), (own, b"gateway")):
            s.sendto(text, (FAR, 60))
            seen[s] = far.recvfrom(64)[1]
            far.sendto(text, seen[s])
            assert s.recvfrom(64) == (text, (FAR, 60))
        assert seen[own] != seen[theirs] and {address for address, _ in seen.values()} == {GATEWAY}


def test_bulk_goes_in_segments_that_are_not_cut(site):
    """GSO: tc keeps a large packet whole; a veth between would else see ten times as many."""
    site.daemon(site.beyond, "iperf3", "-s", "-1", wait="tcp:5201")
    device = [n.split("@")[0] for n in site.beyond.ip("-br", "link").split() if n.startswith("to-router")][0]
    read = lambda what: int(site.beyond.run("cat", f"/sys/class/net/{device}/statistics/{what}").stdout)
    packets, octets = read("rx_packets"), read("rx_bytes")
    done = site.alice.run("iperf3", "-c", BEYOND, "-n", "20M", "-J")
    assert done.returncode == 0, done.stdout
    assert (read("rx_bytes") - octets) / (read("rx_packets") - packets) > 3000


def test_a_scan_of_all_ports_stops_at_the_hosts_limit(site):
    """RFC 6888 REQ-4: 'A CGN MUST support limiting the number of external ports' of one subscriber."""
    limit = 700
    site.service.reload(CONFIG + FORWARDS + f"    {ALICE}: {{limit: {limit}}}\n")
    scanner = udp(site.alice, ALICE)
    with scanner:
        for port in range(1, 65536):
            scanner.sendto(b"", (FAR, port))
    eventually(lambda: site.dropped("host-full") > 10000)
    assert site.service.control("GET", "/status")[1]["tables"]["flows"] < 2 * limit
    assert get(site.bob, f"http://{BEYOND}/").stdout.startswith("200")  # nobody else is the poorer
    site.service.reload(CONFIG + FORWARDS)


FIN_ACK, RST = 0x11, 0x04


def send_tcp(host, src, dst, flags):
    """One segment of a connection that nobody knows, as of a flow that has been forgotten."""
    ends = socket.inet_aton(src) + socket.inet_aton(dst)
    head = struct.pack("!HHIIBBHHH", 33333, 80, 1, 1, 0x50, flags, 512, 0, 0)
    words = struct.unpack("!16H", ends + struct.pack("!HH", 6, len(head)) + head)
    total = sum(words)
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    with host.inside():
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    with raw:
        raw.sendto(head[:16] + struct.pack("!H", checksum) + head[18:], (dst, 0))


DRIP = """
import pathlib, socket, sys, time
stop, listener = pathlib.Path(sys.argv[1]), socket.create_server(("", 8000))
connection, sent = listener.accept()[0], 0
while not stop.exists():
    connection.sendall(b"x" * 1000)
    sent += 1000
    time.sleep(0.02)
connection.close()
print(sent, flush=True)
"""


class Download:
    """Goes on until it is told to end; interrupted, it would have ended before or lack something."""

    def __init__(self, site):
        self.stop = site.service.folder / "stop"
        words = ("python3", "-c", DRIP, self.stop)
        self.server = site.far.popen(*words, stdout=subprocess.PIPE, text=True)
        eventually(lambda: ":8000 " in site.far.run("ss", "-Hlnt").stdout)
        with site.alice.inside():
            self.socket = socket.create_connection((FAR, 8000), 5)
        self.got, self.reader = 0, threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        while data := self.socket.recv(65536):
            self.got += len(data)

    def goes_on(self):
        before = self.got
        eventually(lambda: self.got > before)

    def whole(self):
        self.stop.touch()
        sent = int(self.server.communicate(timeout=10)[0])
        self.reader.join(10)
        self.socket.close()
        return self.got == sent


def another_build(path):
    """The binary with one octet of the BPF object within changed, which nobody reads: the padding of its ELF
    identification."""
    data = bytearray(Path(service.binary()).read_bytes())
    at = data.find(b"\x7fELF", 4)
    while int.from_bytes(data[at + 18 : at + 20], "little") != 247:  # EM_BPF
        at = data.index(b"\x7fELF", at + 4)
    data[at + 15] ^= 1
    path.write_bytes(data)
    path.chmod(0o755)
    return str(path)


def test_flows_outlive_the_service_and_nothing_private_leaves(site, monkeypatch):
    """Killed, started again, stopped, upgraded, reloaded: no flow ends, also while nobody is there; and there is no
    instant at which a private source leaves, nor does a FIN or RST of a flow that is forgotten. Who is of the same
    build as the one before loads nothing."""
    status = lambda: site.service.control("GET", "/status")[1]
    with site.sniffer() as leaked:
        download = Download(site)
        site.service.kill()
        download.goes_on()
        assert get(site.alice, f"http://{BEYOND}/").stdout.startswith("200")  # a new one, too
        assert "1 received" in site.bob.run("ping", "-c", "1", "-W", "2", BEYOND).stdout
        site.service.start(timeout=VERIFIER_S)
        assert status()["tables"]["taken_over"] and status()["programs"] == "reused"
        assert "goes on with the flows of the process before programs=reused" in site.service.log()
        download.goes_on()
        site.service.reload(CONFIG + FORWARDS + "  parity: on\n")
        download.goes_on()
        assert site.service.stop() == 0
        assert get(site.bob, f"http://{BEYOND}/").stdout.startswith("200")
        download.goes_on()
        monkeypatch.setenv("GATEHOUSE_BIN", another_build(site.service.folder / "gatehouse-upgraded"))
        site.service.start(timeout=VERIFIER_S)
        assert status()["tables"]["taken_over"] and status()["programs"] == "loaded"
        download.goes_on()
        assert download.whole()
        for flags in (FIN_ACK, RST):
            send_tcp(site.alice, ALICE, BEYOND, flags)
        eventually(lambda: site.dropped("no-flow") >= 2)
    assert not leaked, leaked
