"""Two sites joined by two of our gateways, one under the supervisor, and a phone (wireguard-go) that reaches both by
one of them:

    alice 192.168.1.10 -- first 192.0.2.2 --+-- router --+-- second 198.51.100.2 -- bob 192.168.2.10
          fd01::10                phone 192.0.2.9 --+                                  fd02::10
"""

import os

import pytest

import topology
import tunnels
from service import Service
from tunnels import WireguardGo, eventually, new_key, ping_until, pings

FIRST, SECOND, PHONE = "192.0.2.2", "198.51.100.2", "192.0.2.9"
ALICE, BOB, ALICE6, BOB6 = "192.168.1.10", "192.168.2.10", "fd01::10", "fd02::10"


class Sites:
    def __init__(self, net):
        self.net = net
        self.alice, self.bob = net.host("alice"), net.host("bob")
        self.first, self.second, self.router = net.router("first"), net.router("second"), net.router("router")
        self.phone_host = net.host("phone")
        net.cable(self.alice, f"{ALICE}/24 {ALICE6}/64", self.first, "192.168.1.1/24 fd01::1/64")
        net.cable(self.bob, f"{BOB}/24 {BOB6}/64", self.second, "192.168.2.1/24 fd02::1/64")
        net.cable(self.first, f"{FIRST}/30", self.router, "192.0.2.1/30")
        net.cable(self.phone_host, f"{PHONE}/30", self.router, "192.0.2.10/30")
        net.cable(self.second, f"{SECOND}/24", self.router, "198.51.100.1/24")
        for host, via in (
            (self.alice, "192.168.1.1"),
            (self.bob, "192.168.2.1"),
            (self.first, "192.0.2.1"),
            (self.second, "198.51.100.1"),
            (self.phone_host, "192.0.2.10"),
        ):
            host.route("default", via)
        for host, via in ((self.alice, "fd01::1"), (self.bob, "fd02::1")):
            host.ip("-6", "route", "add", "default", "via", via)
        self.keys = {name: new_key() for name in ("first", "second")}
        self.phone = WireguardGo(self.phone_host, ["10.9.0.3/32", "fd09::3/128"])
        self.names = {"first": f"s{os.getpid()}a", "second": f"s{os.getpid()}b"}
        for name in self.names.values():
            tunnels.tidy_up(name)
        self.gateways = {
            "first": Service(self.first, "run", self.config_first(), {"key": self.keys["first"][0]}),
            "second": Service(self.second, "vpn", self.config_second(), {"key": self.keys["second"][0]}),
        }

    def config_first(self, between_peers="on"):
        return f"""vpn:
  interfaces:
    {self.names["first"]}:
      addresses: [10.9.0.1/24, "fd09::1/64"]
      private-key: file:key
      peer-to-peer: {between_peers}
      peers:
        second:
          public-key: {self.keys["second"][1]}
          allowed-ips: [10.9.0.2, "fd09::2", 192.168.2.0/24, "fd02::/64"]
          endpoint: {SECOND}:51820
        phone:
          public-key: {self.phone.public}
          allowed-ips: [10.9.0.3, "fd09::3"]
"""

    def config_second(self):
        return f"""vpn:
  interfaces:
    {self.names["second"]}:
      addresses: [10.9.0.2/24, "fd09::2/64"]
      private-key: file:key
      peers:
        first:
          public-key: {self.keys["first"][1]}
          allowed-ips: [10.9.0.0/24, "fd09::/64", 192.168.1.0/24, "fd01::/64"]
"""

    def up(self):
        for gateway in self.gateways.values():
            gateway.start()
        return self

    def join_phone(self):
        self.phone.up()
        everything = ["10.9.0.0/24", "fd09::/64", "192.168.1.0/24", "fd01::/64", "192.168.2.0/24", "fd02::/64"]
        words = ["set", self.phone.name, "peer", self.keys["first"][1], "allowed-ips", ",".join(everything)]
        self.phone.wg(*words, "endpoint", f"{FIRST}:51820")
        for network in everything:
            family = "-6" if ":" in network else "-4"
            self.phone_host.ip(family, "route", "add", network, "dev", self.phone.name)


@pytest.fixture(scope="module")
def sites(janitor_process):
    net = topology.Net()
    try:
        made = Sites(net).up()
        yield made
        for gateway in made.gateways.values():
            assert gateway.stop() == 0
    finally:
        troubles = net.close()
    assert not troubles, "\n".join(troubles)


def test_hosts_of_both_sites_reach_each_other(sites):
    ping_until(sites.alice, BOB)
    assert pings(sites.bob, ALICE) and pings(sites.alice, BOB6) and pings(sites.bob, ALICE6)


def test_nothing_between_them_is_readable(sites):
    marker = b"only for bob to read"
    with tunnels.Sniffer(sites.router, "to-second") as sniffer:
        with sites.bob.inside():
            listener = tunnels.udp_socket(sites.bob, (BOB, 7777))
        tunnels.udp_socket(sites.alice).sendto(marker, (BOB, 7777))
        listener.settimeout(5)
        assert listener.recv(100) == marker
        seen = sniffer.read()
        assert seen and not [payload for _, _, payload in seen if marker in payload]
        assert {(a[0], b[0]) for a, b, _ in seen} <= {(FIRST, SECOND), (SECOND, FIRST)}


def test_a_phone_reaches_both_sites_by_one_gateway(sites):
    sites.join_phone()
    ping_until(sites.phone_host, ALICE)
    assert pings(sites.phone_host, ALICE6)
    ping_until(sites.phone_host, BOB)
    assert pings(sites.phone_host, BOB6) and pings(sites.bob, "10.9.0.3")


def test_a_reload_leaves_sessions_and_takes_away_what_it_says(sites):
    """Between peers nothing passes any more, and who asks is told; to the site of the gateway it goes on."""
    sites.gateways["first"].reload(sites.config_first(between_peers="off"))
    assert pings(sites.phone_host, ALICE) and pings(sites.alice, BOB)

    def is_told():
        return "Packet filtered" in sites.phone_host.run("ping", "-n", "-c", "1", "-W", "1", BOB).stdout

    eventually(is_told)
    assert not pings(sites.bob, "10.9.0.3", wait=0.5)
