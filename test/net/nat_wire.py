"""A site whose hosts, inside and outside, are addresses without a kernel behind them: what a test sends is all that they say.

    192.168.1.20 to .99 -- to-lan | gateway 198.51.100.1 to .4 | to-world -- everybody else
    10.8.0.2 -------------- tun0  |
"""

import contextlib
import fcntl
import os
import select
import struct
import time

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.packet import Raw

import service
from nat_frames import End, Watcher, mac_of, offload

X, Y, ROUTER = "45.45.45.9", "46.46.46.9", "45.45.45.33"
PUBLICS = {f"198.51.100.{n}" for n in range(1, 5)}
KERNEL, SERVER = "192.168.1.10", "198.51.100.254"  # these two are hosts with a kernel
INSIDE = "192.168.1.77"
FLOWS, HOST_FLOWS = 2048, 300

CONFIG = f"""\
nat:
  outside: [to-world]
  inside: [to-lan]
  zones: {{vpn: {{interfaces: tun0}}}}
  addresses: [198.51.100.1-198.51.100.4]
  limits: {{flows: {FLOWS}, host-flows: {HOST_FLOWS}}}
  hosts: {{192.168.1.90: {{open: on}}}}
  forward:
    - {{from: 8080/tcp, to: "192.168.1.91:80", address: 198.51.100.1}}
"""


class Tunnel:
    """A device without link addresses, of which this is the far end."""

    def __init__(self, host, name, address):
        with host.inside():
            self.fd = os.open("/dev/net/tun", os.O_RDWR)
            fcntl.ioctl(self.fd, 0x400454CA, struct.pack("16sH22x", name.encode(), 0x1001))  # IFF_TUN, IFF_NO_PI
        host.address(name, address)
        host.link(name, True)

    def send(self, packet):
        os.write(self.fd, bytes(packet))

    def received(self, until):
        while select.select([self.fd], [], [], 10)[0]:
            octets = os.read(self.fd, 4096)
            if octets[0] >> 4 == 4 and until(IP(octets)):
                return IP(octets)
        raise AssertionError("nothing came out of the tunnel")

    def close(self):
        os.close(self.fd)


class Site:
    def __init__(self, net):
        # Not a router: the service turns forwarding on, behind its guard.
        self.lan, self.gateway, self.world = net.host("lan"), net.host("gateway"), net.host("world")
        inner, self.to_lan = net.cable(self.lan, f"{KERNEL}/24", self.gateway, "192.168.1.1/24")
        outer, self.to_world = net.cable(self.world, f"{SERVER}/24", self.gateway, "198.51.100.1/24")
        self.lan.route("default", "192.168.1.1")
        self.gateway.route("default", SERVER)
        self.gateway.sysctl("net.ipv4.ip_forward", 0)
        for host, interface in ((self.lan, inner), (self.world, outer)):
            offload(host, interface, "gro", True)
        # What leaves the gateway has had its checksum completed: it is seen whether it was right.
        offload(self.gateway, self.to_lan, "tx", False)
        offload(self.gateway, self.to_world, "tx", False)
        link = mac_of(self.lan, inner)
        known = "".join(f"neigh add 192.168.1.{n} lladdr {link} dev {self.to_lan}\n" for n in range(20, 100))
        assert self.gateway.run("ip", "-b", "-", input=known).returncode == 0
        for n in range(2, 5):  # the gateway does not answer for what is only in its pool
            self.world.ip("neigh", "add", f"198.51.100.{n}", "lladdr", mac_of(self.gateway, self.to_world), "dev", outer)
        self.gateway.ip("neigh", "add", SERVER, "lladdr", mac_of(self.world, outer), "dev", self.to_world)
        self.tunnel = Tunnel(self.gateway, "tun0", "10.8.0.1/24") if os.path.exists("/dev/net/tun") else None
        self.inner = End(self.lan, inner, mac_of(self.gateway, self.to_lan))
        self.outer = End(self.world, outer, mac_of(self.gateway, self.to_world))
        self.watcher = Watcher(self.world, outer)
        self.service = service.Service(self.gateway, "nat", CONFIG)
        self.id, self.host, self.two = 0, 19, None

    def close(self):
        self.watcher.close()
        if self.tunnel:
            self.tunnel.close()

    # ---- one packet

    def through(self, near, packet, far):
        """The packet as it arrives at the far end; None: a mark that was sent after it did first."""
        self.id += 1
        packet.id = self.id
        near.send(packet, self.mark(near, far))
        seen = far.received(lambda p: p.id == 0xFFFF)[:-1]
        found = [p for p in seen if p.id == self.id and p.proto == packet.proto]
        assert len(found) < 2, found
        return found[0] if found else None

    def mark(self, near, far):
        """A packet of a flow of INSIDE's, whose other end is known by now."""
        inside = {"src": INSIDE, "dst": X}
        outside = {"src": X, "dst": self.marked} if far is not near else None
        if far is near:  # hairpin: to itself by its own public port
            return IP(src=INSIDE, dst=self.marked, id=0xFFFF) / UDP(sport=9, dport=9)
        return IP(**(inside if near is self.inner else outside), id=0xFFFF) / UDP(sport=9, dport=9)

    def begin(self):
        """The mark's flow."""
        self.inner.send(IP(src=INSIDE, dst=X, id=0xFFFF) / UDP(sport=9, dport=9))
        self.marked = self.outer.received(lambda p: p.id == 0xFFFF)[-1].src

    def out(self, packet):
        return self.through(self.inner, packet, self.outer)

    def back(self, packet):
        return self.through(self.outer, packet, self.inner)

    def hairpin(self, packet):
        return self.through(self.inner, packet, self.inner)

    # ---- what has been, and what is

    def new_host(self):
        """An address inside that nothing was sent from yet."""
        self.host += 1
        assert self.host < 77
        return f"192.168.1.{self.host}"

    def pair(self):
        """Two hosts with the same public address, which is the third; always the same."""
        seen = {}
        while self.two is None:
            host = self.new_host()
            public = self.out(udp(host, 1024, X, 9)).src
            if public in seen:
                self.two = seen[public], host, public
            seen[public] = host
        return self.two

    def dropped(self, cause):
        text = self.service.control("GET", "/metrics")[1]
        return int(text.split(f'cause="{cause}"}} ')[1].split()[0])

    def counted(self, name):
        text = self.service.control("GET", "/metrics")[1]
        return int(text.split(f'gatehouse_nat_{name}{{service="nat"}} ')[1].split()[0])

    def flows(self, host, port=None):
        found = self.service.control("GET", f"/flows?host={host}&limit=1000")[1]["flows"]
        return [f for f in found if port is None or f["from"] == f"{host}:{port}"]

    def reload(self, more=""):
        self.service.reload(CONFIG + more)

    @contextlib.contextmanager
    def configured(self, more):
        self.reload(more)
        try:
            yield
        finally:
            self.reload()
            self.begin()


def udp(src, sport, dst, dport, load=b"octets", **more):
    return IP(src=src, dst=dst) / UDP(sport=sport, dport=dport, **more) / Raw(load)


def tcp(src, sport, dst, dport, flags, load=b"", **more):
    return IP(src=src, dst=dst) / TCP(sport=sport, dport=dport, flags=flags, **more) / Raw(load)


def ping(src, dst, number, kind=8, load=b"ping"):
    return IP(src=src, dst=dst) / ICMP(type=kind, id=number) / Raw(load)


def to_ports(src, count):
    """Datagrams to that many ports of one far end."""
    octets = bytes(udp(src, 6401, X, 1, chksum=0))
    return [octets[:22] + struct.pack("!H", port) + octets[24:] for port in range(1, count + 1)]


def whole(packet):
    """Its checksums are what they should be."""
    again = IP(bytes(packet))
    for layer in (IP, TCP, UDP, ICMP):
        if layer in again:
            del again[layer].chksum
    again = IP(bytes(again))
    return all(again[layer].chksum == packet[layer].chksum for layer in (IP, TCP, UDP, ICMP) if layer in packet)


def eventually(true, seconds=20):
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.05)
