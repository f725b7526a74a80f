"""A phone in a tunnel that ends at the gateway which translates: it reaches the internet by the gateway's address.

    phone 198.51.100.40 -- wan -- gateway 198.51.100.1, inside 10.9.0.1 (a TUN device: no link addresses)
    inside 10.9.0.2               198.51.100.30 router -- beyond 44.0.113.2
"""

import hashlib
import shutil
import socket
import threading
from pathlib import Path

import pytest

import nat_site
import topology
from nat_site import BEYOND, GATEWAY
from tunnels import Ours, WireguardGo, ping_until, pings

PORT = 7000
LARGE = bytes(range(256)) * 8192  # 2 MiB: super-packets, whose checksums are not yet whole

CONFIG = """global:
  bpf: $DIR/bpf
nat:
  outside: wan
  inside: lan
  zones: {tunnels: {interfaces: TUNNEL}}
  firewall:
    - {action: allow, from: outside, to: gateway, traffic: 51820/udp}
"""


class Beyond:
    """A host of the internet: tells by UDP and TCP who asks, takes what is sent, and sends it back."""

    def __init__(self, host):
        with host.inside():
            self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.datagrams.bind((BEYOND, PORT))
            self.streams = socket.create_server((BEYOND, PORT))
        for serve in (self.serve_datagrams, self.serve_streams):
            threading.Thread(target=serve, daemon=True).start()

    def serve_datagrams(self):
        while True:
            _, other = self.datagrams.recvfrom(2048)
            self.datagrams.sendto(other[0].encode(), other)

    def serve_streams(self):
        while True:
            stream, other = self.streams.accept()
            threading.Thread(target=self.serve_stream, args=(stream, other), daemon=True).start()

    def serve_stream(self, stream, other):
        with stream:
            stream.sendall(other[0].encode() + b"\n")
            taken = b"".join(iter(lambda: stream.recv(1 << 16), b""))
            stream.sendall(taken)


class Site:
    def __init__(self, net):
        self.nat = nat_site.Site(net, CONFIG)
        self.gateway = self.nat.gateway
        self.phone_host = net.host("phone")
        net.plug(self.phone_host, "198.51.100.40/24", self.nat.switch)
        self.ours = Ours(self.gateway, ["10.9.0.1/24"])
        self.phone = WireguardGo(self.phone_host, ["10.9.0.2/24"])
        self.nat.service.configure(CONFIG.replace("TUNNEL", self.ours.name))
        self.ours.up()
        self.phone.up()
        self.nat.service.start()
        self.ours.meet(self.phone, ["10.9.0.2"])
        self.phone.meet(self.ours, ["0.0.0.0/0"], f"{GATEWAY}:{self.ours.port}")
        self.phone_host.ip("route", "add", "44.0.113.0/24", "dev", self.phone.name)
        Beyond(self.nat.beyond)
        ping_until(self.phone_host, "10.9.0.1")

    def close(self):
        self.phone.down()
        self.ours.down()
        self.nat.close()

    def socket(self, kind):
        with self.phone_host.inside():
            made = socket.socket(socket.AF_INET, kind)
        made.settimeout(10)
        made.connect((BEYOND, PORT))
        return made


@pytest.fixture(scope="module")
def site(janitor_process):
    reason = topology.why_not()
    if not reason and not (Path("/dev/net/tun").exists() and shutil.which("wireguard-go")):
        reason = "there is no wireguard-go, or no TUN device"
    if reason:
        pytest.skip(reason)
    net, made = topology.Net(), None
    try:
        made = Site(net)
        yield made
    finally:
        if made:
            made.close()
        troubles = net.close()
    assert not troubles, "\n".join(troubles)


def test_the_internet_sees_the_gateways_address_and_no_other(site):
    with site.nat.sniffer() as leaked:
        with site.socket(socket.SOCK_DGRAM) as asked:
            asked.send(b"who am I?")
            assert asked.recv(64).decode() == GATEWAY
        assert pings(site.phone_host, BEYOND)
        with site.socket(socket.SOCK_STREAM) as stream, stream.makefile("rb") as answers:
            assert answers.readline().decode() == GATEWAY + "\n"
            sender = threading.Thread(target=lambda: (stream.sendall(LARGE), stream.shutdown(socket.SHUT_WR)))
            sender.start()
            assert hashlib.sha256(answers.read()).digest() == hashlib.sha256(LARGE).digest()
            sender.join()
    assert leaked == []
    assert site.ours.peer(site.phone).received > len(LARGE)
