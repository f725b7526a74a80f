"""The translator against packets that no honest host sends: each is dropped, counted by its cause, and the
flow beside it lives. And what honest hosts send that is rare: fragments in any order, errors of routers,
packets that are too big. All of it with the programs at tc alone, and with the driver's hook before them."""

import re
import socket

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.packet import Raw
from scapy.utils import checksum

from nat_frames import End, mac_of, offload

# Documentation addresses (RFC 5737) are bogons: the far ends have others, in namespaces only.
LAN, PUBLIC, FAR, ROUTER = "192.168.1.10", "198.51.100.1", "45.45.45.9", "45.45.45.33"
GATEWAY = "192.168.1.1"
WAN_MTU = 1400

CONFIG = """\
nat:
  outside: [to-world]
  inside: [to-lan]
"""


class Site:
    def __init__(self, net, start):
        self.lan, self.gateway, self.world = net.host("lan"), net.router("gateway"), net.host("world")
        inner, to_lan = net.cable(self.lan, f"{LAN}/24", self.gateway, f"{GATEWAY}/24")
        outer, to_world = net.cable(self.world, "198.51.100.254/24", self.gateway, f"{PUBLIC}/24")
        for host, interface in ((self.world, outer), (self.gateway, to_world)):
            host.ip("link", "set", interface, "mtu", WAN_MTU)
        self.lan.route("default", GATEWAY)
        self.gateway.route("default", "198.51.100.254")
        # XDP sends on a veth only to an end that takes frames so; and it knows no checksum that was left to a device.
        for host, interface in ((self.lan, inner), (self.world, outer)):
            offload(host, interface, "gro", True)
            offload(host, interface, "tx", False)
        self.service = start(self.gateway)
        self.inner = End(self.lan, inner, mac_of(self.gateway, to_lan))
        self.outer = End(self.world, outer, mac_of(self.gateway, to_world))
        with self.lan.inside():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((LAN, 5000))
        self.socket.settimeout(10)
        self.markers = self.turn = 0

    def open(self):
        """A flow from LAN:5000 to FAR:80 of UDP, and one of TCP."""
        self.socket.sendto(b"hello", (FAR, 80))
        self.outer.received(lambda p: UDP in p and p[Raw].load == b"hello")
        self.inner.send(IP(src=LAN, dst=FAR) / TCP(sport=5000, dport=80, flags="S", seq=1))
        self.outer.received(lambda p: TCP in p and p.src == PUBLIC and p[TCP].sport == 5000)

    def dropped(self):
        text = self.service.control("GET", "/metrics")[1]
        return {
            cause: int(n)
            for cause, n in re.findall(r'nat_dropped_total\{service="nat",cause="([^"]+)"\} (\d+)', text)
        }

    def marker(self):
        self.markers += 1
        return b"marker %d" % self.markers

    def gets(self, *packets):
        """What reaches the host of what the world sends, before a packet of its flow does."""
        mark = self.marker()
        self.outer.send(*packets, IP(src=FAR, dst=PUBLIC) / UDP(sport=80, dport=5000) / Raw(mark))
        return self.inner.received(lambda p: Raw in p and p[Raw].load == mark)[:-1]


@pytest.fixture(scope="module")
def made(request, janitor_process):
    import service as services  # noqa: PLC0415
    import topology  # noqa: PLC0415

    net = topology.Net()
    request.addfinalizer(net.close)

    def start(host):
        return services.Service(host, "nat", CONFIG).start()

    try:
        made = Site(net, start)
    except RuntimeError as error:
        if "right to load programs" in str(error):
            pytest.skip("this kernel lets nobody load programs")
        raise
    return made


@pytest.fixture(scope="module", params=["tc", "xdp"])
def site(request, made):
    """The site with its programs there."""
    made.turn += 1
    made.service.reload(CONFIG + f"  attach: {request.param}\n")
    devices = made.service.control("GET", "/status")[1]["devices"]
    assert all(("xdp" in d["hooks"]) == (request.param == "xdp") for d in devices), devices
    made.open()
    return made


def udp(source=FAR, to=PUBLIC, **more):
    return IP(src=source, dst=to, **more) / UDP(sport=80, dport=5000) / Raw(b"x" * 64)


def tcp(flags="A", source=FAR, to=PUBLIC, **more):
    return IP(src=source, dst=to, **more) / TCP(sport=80, dport=5000, flags=flags) / Raw(b"y" * 64)


def quoted(**more):
    return IP(src=PUBLIC, dst=FAR, **more) / UDP(sport=5000, dport=80) / Raw(b"z" * 20)


def error(about, kind=3, code=4, source=ROUTER, mtu=1280, **more):
    return IP(src=source, dst=PUBLIC) / ICMP(type=kind, code=code, nexthopmtu=mtu, **more) / about


def pieces(number, *cuts, load=b"p" * 400, proto=17, source=FAR):
    """A datagram of UDP (or TCP) to the flow, cut at these octets."""
    whole = IP(src=source, dst=PUBLIC) / (
        UDP(sport=80, dport=5000) if proto == 17 else TCP(sport=80, dport=5000, flags="A")
    )
    body = bytes(whole / Raw(load))[20:]
    ends = [*cuts, len(body)]
    made = []
    for start, end in zip([0, *cuts], ends):
        head = IP(src=source, dst=PUBLIC, id=number, proto=proto, frag=start // 8)
        head.flags = "MF" if end < len(body) else 0
        made.append(head / Raw(body[start:end]))
    return made


def with_options(octets):
    """A packet of the flow with these octets, a multiple of four, as options of IP."""
    body = bytes(udp())[20:]
    words = 5 + len(octets) // 4
    head = bytearray(bytes(udp(ihl=words, len=words * 4 + len(body), chksum=0))[:20] + octets)
    head[10:12] = checksum(bytes(head)).to_bytes(2, "big")
    return bytes(head) + body


def bent(packet, at, value):
    octets = bytearray(bytes(packet))
    octets[at] = value
    return bytes(octets)


HOSTILE = [
    ("a wrong checksum of IP", "checksum", udp(chksum=0x1234)),
    ("longer than it is", "format", udp(len=600)),
    ("shorter than its head", "format", udp(len=18)),
    ("a head of four words", "format", udp(ihl=4)),
    ("a head longer than all", "format", IP(src=FAR, dst=PUBLIC, ihl=15, len=24) / Raw(b"abcd")),
    ("version 5", "format", bent(udp(), 0, 0x55)),
    ("torn in its head", "format", bytes(udp())[:17]),
    ("torn in UDP's head", "format", bytes(IP(src=FAR, dst=PUBLIC, proto=17) / Raw(b"abcd"))),
    ("UDP longer than its packet", "format", IP(src=FAR, dst=PUBLIC) / UDP(sport=80, dport=5000, len=900)),
    ("UDP shorter than its head", "format", IP(src=FAR, dst=PUBLIC) / UDP(sport=80, dport=5000, len=7)),
    ("TCP's head longer than all", "format", IP(src=FAR, dst=PUBLIC) / TCP(sport=80, dport=5000, dataofs=15)),
    ("TCP's head too short", "format", IP(src=FAR, dst=PUBLIC) / TCP(sport=80, dport=5000, dataofs=4)),
    ("SYN and FIN", "format", tcp("SF")),
    ("SYN and RST", "format", tcp("SR")),
    ("no flag at all", "format", tcp("")),
    ("a source route", "format", with_options(b"\x83\x07\x04\x2d\x2d\x2d\x01\x00")),
    ("a torn option", "format", with_options(b"\x07\x30\x04\x00")),
    ("land", "spoofed", IP(src=PUBLIC, dst=PUBLIC) / TCP(sport=5000, dport=5000, flags="S")),
    ("from inside, by its address", "spoofed", udp(source="192.168.1.77")),
    ("from the gateway, by its address", "spoofed", udp(source=GATEWAY)),
    ("from a private network", "bogon", udp(source="10.9.9.9")),
    ("from loopback", "bogon", udp(source="127.0.0.1")),
    ("from a group", "bogon", udp(source="224.0.0.5")),
    ("to a private address", "unasked", udp(source="45.45.45.200", to=LAN)),
    ("TCP of no flow", "no-flow", IP(src="45.45.45.50", dst=PUBLIC) / TCP(sport=1, dport=5000, flags="A")),
    ("somebody else's answer", "filtered", udp(source="45.45.45.50")),
    ("tiny: TCP's first eight octets", "fragment", pieces(1, 8, proto=6)[0]),
    ("tiny: no flags", "fragment", pieces(2, 8, proto=6)[1]),
    ("beyond the end", "fragment", IP(src=FAR, dst=PUBLIC, id=3, proto=17, frag=8190) / Raw(b"q" * 64)),
    ("not in eights", "fragment", IP(src=FAR, dst=PUBLIC, id=4, proto=17, flags="MF", frag=9) / Raw(b"q" * 61)),
    ("no octet", "fragment", IP(src=FAR, dst=PUBLIC, id=5, proto=17, flags="MF", frag=9)),
    ("an error with a wrong checksum", "checksum", error(quoted(), chksum=0x1111)),
    ("an error about nothing of ours", "icmp", error(
        IP(src=PUBLIC, dst=FAR) / UDP(sport=9, dport=9) / Raw(b"z" * 20))),
    ("an error about a bent quote", "icmp", error(quoted(chksum=0x4242))),
    ("an error about a torn quote", "icmp", error(Raw(bytes(quoted())[:26]))),
    ("an error about nothing", "icmp", error(Raw(b""))),
    ("an error about an error", "icmp", error(IP(src=PUBLIC, dst=FAR) / ICMP(type=3, code=1) / quoted())),
    ("an error about a later fragment", "icmp", error(quoted(frag=7))),
    ("an error about another's packet", "icmp", error(
        IP(src="198.51.100.77", dst=FAR) / UDP(sport=5000, dport=80) / Raw(b"z" * 20))),
    ("an error by a lent source", "spoofed", error(quoted(), source="192.168.1.77")),
    ("an error in pieces", "fragment", IP(src=ROUTER, dst=PUBLIC, id=6, proto=1, flags="MF") / Raw(
        bytes(error(quoted()))[20:68])),
    ("source quench", None, error(quoted(), kind=4, code=0)),
    ("a redirect", None, error(quoted(), kind=5, code=1)),
]  # fmt: skip


@pytest.mark.parametrize("name, cause, packet", HOSTILE, ids=[h[0] for h in HOSTILE])
def test_hostile_packets_are_dropped_and_counted(site, name, cause, packet):
    before = site.dropped()
    assert site.gets(packet) == []
    after = site.dropped()
    if cause:
        assert after[cause] == before[cause] + 1, {c: after[c] - before[c] for c in after}
    else:
        assert sum(after.values()) == sum(before.values()) + 1


def test_overlaps_and_holes_poison_a_datagram(site):
    before = site.dropped()["fragment"]
    number = 20 + 1000 * site.turn
    first, second, third = pieces(number, 104, 208)
    over = IP(src=FAR, dst=PUBLIC, id=number, proto=17, flags="MF", frag=12) / Raw(b"!" * 24)
    assert len(site.gets(first, over, second, third)) == 1
    assert site.dropped()["fragment"] == before + 3
    # Each second piece of many: there are too many holes.
    many = pieces(number + 1, *range(16, 400, 16))
    assert len(site.gets(*many[::2])) == 8
    assert len(site.gets(*many[1::2])) == 0


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (2, 1, 0), (1, 2, 0)])
def test_a_datagram_arrives_whole_whatever_the_order_of_its_pieces(site, order):
    load = bytes(range(256)) * 4 + b"%d%d%d" % order
    number = 1000 * site.turn + 100 + order[0] * 9 + order[1] * 3 + order[2]
    made = pieces(number, 400, 800, load=load)
    site.outer.send(*(made[i] for i in order))
    while True:
        got, (source, port) = site.socket.recvfrom(4096)
        if not got.startswith(b"marker"):
            break
    assert (got, source, port) == (load, FAR, 80)


@pytest.mark.parametrize("kind, code", [(3, 4), (3, 1), (11, 0), (12, 0)])
def test_errors_of_routers_reach_the_host_about_its_own_packet(site, kind, code):
    (got,) = [p for p in site.gets(error(quoted(ttl=9), kind, code)) if ICMP in p]
    assert (got.src, got.dst) == (ROUTER, LAN)
    assert (got[ICMP].type, got[ICMP].code) == (kind, code)
    inner = IP(bytes(got[ICMP].payload))
    assert (inner.src, inner.dst, inner[UDP].sport, inner[UDP].dport, inner.ttl) == (LAN, FAR, 5000, 80, 9)
    want = IP(bytes(IP(src=LAN, dst=FAR, ttl=9, id=inner.id) / UDP(sport=5000, dport=80) / Raw(b"z" * 20)))
    assert bytes(inner) == bytes(want)
    for layer, part in ((IP, got.copy()), (ICMP, got.copy())):
        was = part[layer].chksum
        del part[layer].chksum
        assert IP(bytes(part))[layer].chksum == was


@pytest.mark.parametrize("kind", ["udp", "tcp", "icmp"])
def test_a_route_is_traced_through_it(site, kind):
    """By the kernel's own sockets, which leave checksums to the device."""
    probe = {
        "udp": UDP(sport=5000, dport=33434) / Raw(b"t" * 32),
        "tcp": TCP(sport=4001, dport=80, flags="S"),
        "icmp": ICMP(type=8, id=77) / Raw(b"t" * 32),
    }[kind]
    if kind == "udp":
        site.socket.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)
        site.socket.sendto(b"t" * 32, (FAR, 33434))
        site.socket.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 64)
    else:
        site.inner.send(IP(src=LAN, dst=FAR, ttl=1) / probe)
    answer = site.inner.received(lambda p: ICMP in p and p[ICMP].type == 11)[-1]
    assert (answer.src, answer.dst) == (GATEWAY, LAN)
    whole = answer.copy()
    del whole[ICMP].chksum
    assert IP(bytes(whole))[ICMP].chksum == answer[ICMP].chksum
    about = IP(bytes(answer[ICMP].payload))
    assert (about.src, about.dst) == (LAN, FAR)


def test_what_is_too_big_is_told_or_cut(site):
    big = bytes(i % 251 for i in range(WAN_MTU + 40))
    # May not be cut: RFC 1191.
    site.inner.send(IP(src=LAN, dst=FAR, flags="DF") / UDP(sport=5000, dport=80) / Raw(big))
    told = site.inner.received(lambda p: ICMP in p and p[ICMP].type == 3)[-1]
    assert (told.src, told[ICMP].code, told[ICMP].nexthopmtu) == (GATEWAY, 4, WAN_MTU)
    # May be.
    site.inner.send(IP(src=LAN, dst=FAR, id=9) / UDP(sport=5000, dport=80) / Raw(big))
    got = site.outer.received(lambda p: p.dst == FAR and p.proto == 17 and not p.flags.MF and p.frag)
    got = [p for p in got if p.dst == FAR and p.proto == 17 and (p.flags.MF or p.frag)]
    assert {p.src for p in got} == {PUBLIC} and len({p.id for p in got}) == 1
    assert all(p.len <= WAN_MTU for p in got)
    body = b"".join(bytes(p.payload) for p in sorted(got, key=lambda p: p.frag))
    assert body[8:] == big


def test_nothing_private_was_ever_seen_outside_and_the_service_lives(site):
    mark = site.marker()
    site.socket.sendto(mark, (FAR, 80))
    for packet in site.outer.received(lambda p: Raw in p and p[Raw].load == mark):
        assert packet.src == PUBLIC, packet.summary()
        assert b"\xc0\xa8\x01\x0a" not in bytes(packet), packet.summary()
    assert site.service.alive
    assert site.service.control("GET", "/status")[0] == 200
