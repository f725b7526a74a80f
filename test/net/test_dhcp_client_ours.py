"""The client of the uplinks against the suite's own address server, DISCOVER to RELEASE; both are services of this suite and share
nothing but the protocol."""

import time

import pytest

from dhcp_site import NETWORK, Site, config, eventually
from dhcp_uplink import QUICK, wait_for
from service import Service

SHORT = """
      pools: [{range: 192.168.7.100-192.168.7.199}]
      lease-time: 10s
      renew-time: 1s
      rebind-time: 3s
      options: {routers: 192.168.7.1}
"""


class Ours:
    """A site, and a host whose address the client gets."""

    def __init__(self, net, **options):
        self.site = Site(net, **options)
        self.host, self.interface = self.site.host("uplink")
        self.service = None

    def start(self, more=""):
        self.service = Service(
            self.host, "dhcp-client",
            f"dhcp-client:\n  uplinks:\n    {self.interface}: {{{QUICK}{', ' if more else ''}{more}}}\n",
        ).start()
        return self.service

    def status(self):
        return self.service.control("GET", "/status")[1]["uplinks"][0]

    def bound(self):
        return wait_for(lambda: (s := self.status())["state"] == "bound" and s["lease"], 15, self.status)

    def metric(self, name, **labels):
        for line in self.service.control("GET", "/metrics")[1].split("\n"):
            if line.startswith(f"gatehouse_{name}{{") and all(f'{k}="{v}"' in line for k, v in labels.items()):
                return int(line.split()[-1])
        return 0

    def addresses(self):
        return self.host.ip("-4", "-o", "addr", "show", self.interface)


@pytest.fixture
def ours(net):
    made = []

    def make(**options):
        made.append(Ours(net, **options))
        return made[-1]

    yield make
    for one in made:
        one.site.close()


def test_discover_to_release(ours):
    it = ours()
    it.start("host-name: uplink")
    lease = it.bound()
    assert lease["server"] == "192.168.7.1" and lease["dns"] == ["192.168.7.1"] and lease["domain"] == "home.arpa."
    assert it.site.lease(lease["address"])["state"] == "bound"
    assert lease["address"] in it.addresses()
    it.service.control("POST", "/renew")
    wait_for(lambda: it.metric("dhcp_client_received_total", type="ACK") == 2, 5)
    assert it.service.control("POST", "/release")[0] == 200
    assert eventually(lambda: (it.site.lease(lease["address"]) or {}).get("state") != "bound")
    assert it.addresses() == ""


def test_a_restart_of_the_client_is_confirmed(ours):
    it = ours()
    it.start()
    address = it.bound()["address"]
    it.service.kill()
    it.service.start()
    assert it.bound()["address"] == address
    assert it.metric("dhcp_client_sent_total", type="DISCOVER") == 0


def test_renews_rebinds_and_gives_up_when_the_server_dies(ours):
    it = ours(text=config(network=SHORT))
    it.start()
    it.bound()
    wait_for(lambda: it.metric("dhcp_client_received_total", type="ACK") >= 2, 8)
    it.site.service.kill()
    wait_for(lambda: it.status()["state"] == "rebinding", 10, it.status)
    wait_for(lambda: it.addresses() == "", 12)
    it.site.service.start()
    it.bound()


def test_an_address_in_use_is_declined_and_rests(ours):
    it = ours(text=config(network=NETWORK.replace("100-192.168.7.199", "100-192.168.7.101")))
    squatter, interface = it.site.host("squatter")
    squatter.address(interface, "192.168.7.100/24 192.168.7.101/24")
    it.start()
    assert eventually(lambda: it.metric("dhcp_client_conflicts_total") == 1)
    assert eventually(lambda: any(event["event"] == "decline" for event in it.site.events()))
    assert it.addresses() == ""


def test_the_server_asks_for_a_renewal_with_the_nonce(ours):
    it = ours()
    it.start()
    address = it.bound()["address"]
    time.sleep(0.2)
    status, answer = it.site.service.control("POST", f"/lease/renew?address={address}")
    assert status in (200, 202), answer
    wait_for(lambda: it.metric("dhcp_client_received_total", type="FORCERENEW") == 1, 5)
    wait_for(lambda: it.metric("dhcp_client_received_total", type="ACK") == 2, 5)
    assert it.metric("dhcp_client_refused_total", cause="forged") == 0


def test_rapid_commit(ours):
    it = ours(text=config(network=NETWORK + "      rapid-commit: on\n"))
    it.start("rapid-commit: on")
    it.bound()
    assert it.metric("dhcp_client_sent_total", type="REQUEST") == 0


def test_gives_way_to_ipv6_only(ours):
    it = ours(text=config(network=NETWORK.replace("domain-name: home.arpa", "domain-name: home.arpa, ipv6-only-preferred: 600")))
    it.start("ipv6-only: on")

    def waits():
        status = it.status()
        return status["state"] == "init" and (status["next_in_s"] or 0) > 300

    wait_for(waits, 8, it.status)
    assert it.addresses() == ""
    assert it.site.metric("ipv6_only_offers_total") == 1 and it.site.service.control("GET", "/leases")[1]["leases"] == []
    # RFC 8925 3.2: until the time is over, or the network is another.
    it.host.ip("link", "set", it.interface, "down")
    wait_for(lambda: it.status()["state"] == "down", 5, it.status)
    it.host.ip("link", "set", it.interface, "up")
    assert eventually(lambda: it.site.metric("ipv6_only_offers_total") == 2)
    wait_for(waits, 8, it.status)
