"""DHCPv6 with prefix delegation: the client of the uplinks against servers of others, and the links that get subnets.

    host --- lan0 gateway (gatehouse dhcp-client) uplink --- isp (Kea or ISC dhcpd)
"""

import json
import select
import socket
import time

import pytest

from dhcp_servers import Dhcpd6, Dnsmasq, Kea6
from dhcp_uplink import QUICK, wait_for
from service import Service

RTMGRP_IPV6_IFADDR = 0x100  # linux/rtnetlink.h


class Site:
    def __init__(self, net):
        self.net, self.gateway, self.isp, self.host = net, net.router("gateway"), net.host("isp"), net.host("host")
        self.interface, self.port = net.cable(self.gateway, "", self.isp, "192.0.2.1/24 2001:db8:1::1/64")
        self.lan, _ = net.cable(self.gateway, "", self.host, "")
        self.client = None

    def start(self, ipv6=None, more="ipv4: off", top=""):
        ipv6 = f"delegate: [{{interface: {self.lan}, subnet-id: 3}}]" if ipv6 is None else ipv6
        self.client = Service(
            self.gateway,
            "dhcp-client",
            f"dhcp-client:\n{top}  uplinks:\n    {self.interface}: {{{QUICK}, {more}, ipv6: {{{ipv6}}}}}\n",
        ).start()
        return self.client

    def status(self):
        return self.client.control("GET", "/status")[1]["uplinks"][0].get("ipv6", {})

    def bound(self, timeout=20):
        return wait_for(lambda: (s := self.status()).get("state") == "bound" and s, timeout, self.status)

    def addresses(self, interface):
        """Global ones: {address/bits: (preferred, valid) seconds}."""
        shown = json.loads(self.gateway.ip("-j", "-6", "addr", "show", interface, "scope", "global"))
        return {
            f"{a['local']}/{a['prefixlen']}": (a["preferred_life_time"], a["valid_life_time"])
            for link in shown
            for a in link.get("addr_info", [])
            if "local" in a
        }

    def unreachable(self):
        lines = self.gateway.ip("-6", "route", "show", "type", "unreachable", "proto", "dhcp").splitlines()
        return sorted(line.split()[1] for line in lines)


@pytest.fixture
def site(net):
    return Site(net)


@pytest.fixture(params=[Kea6, Dhcpd6], ids=lambda server: server.name)
def server_kind(request):
    if request.param.why_not():
        pytest.skip(request.param.why_not())
    return request.param


def the_prefix(status):
    (lease,) = [lease for lease in status["leases"] if lease["delegated"]]
    return lease["lease"]


def in_lan(prefix, subnet=3):
    network = prefix.split("/")[0].rstrip(":").split(":")
    groups = (network + ["0"] * 4)[:4]
    groups[3] = f"{int(groups[3], 16) | subnet:x}"
    return ":".join(groups) + "::1/64"


def test_an_address_a_prefix_and_its_subnet(site, server_kind):
    server = server_kind(site.isp, site.port).start()
    site.start(top="  resolver-file: on\n")
    status = site.bound()
    (address,) = [lease["lease"] for lease in status["leases"] if not lease["delegated"]]
    prefix = the_prefix(status)
    assert address.startswith("2001:db8:1::1") and address.endswith("/128")
    assert prefix.startswith("2001:db8:12") and prefix.endswith("/56")
    assert address in site.addresses(site.interface)
    assert list(site.addresses(site.lan)) == [in_lan(prefix)]
    preferred, valid = site.addresses(site.lan)[in_lan(prefix)]
    assert 60 < preferred <= 120 and 60 < valid <= 120
    assert site.unreachable() == [prefix]
    text = (site.client.folder / "state/dhcp-client/resolv.conf").read_text()
    assert "search six.example.\nnameserver 2001:db8::53\n" in text
    # A destination in the prefix that is in no subnet does not go back to the provider.
    outside = in_lan(prefix, 9).split("/")[0]
    assert "No route to host" in site.gateway.run("ip", "-6", "route", "get", outside).stderr
    assert site.client.control("POST", "/release")[0] == 200
    server.wait_log("RELEASE" if server_kind is Kea6 else "Release")
    assert site.addresses(site.interface) == {} and site.addresses(site.lan) == {} and site.unreachable() == []


def test_stop_removes_and_restart_finds_the_same(site, server_kind):
    server_kind(site.isp, site.port).start()
    site.start()
    first = site.bound()["leases"]
    assert site.client.stop() == 0
    assert site.addresses(site.interface) == {} and site.addresses(site.lan) == {} and site.unreachable() == []
    site.client.start()
    again = site.bound()["leases"]
    assert sorted(lease["lease"] for lease in first) == sorted(lease["lease"] for lease in again)
    text = site.client.control("GET", "/metrics")[1]
    assert 'type="solicit"' not in text


def test_after_a_crash_what_is_set_goes_on(site):
    Kea6(site.isp, site.port).start()
    site.start()
    prefix = the_prefix(site.bound())
    site.gateway.ip("-6", "address", "add", "2001:db8:ffff::9/64", "dev", site.lan, "nodad")
    site.client.kill()
    assert in_lan(prefix) in site.addresses(site.lan)
    site.client.start()
    assert the_prefix(site.bound()) == prefix
    assert in_lan(prefix) in site.addresses(site.lan) and site.unreachable() == [prefix]
    site.client.stop()
    assert list(site.addresses(site.lan)) == ["2001:db8:ffff::9/64"]  # what others have set


def test_a_new_prefix_deprecates_the_old(site):
    server = Kea6(site.isp, site.port, lease=20).start()
    site.start()
    old = the_prefix(site.bound())
    server.stop()
    (server.folder / "leases6.csv").unlink()
    server.prefix = "2001:db8:3400::/40"
    server.start()
    site.client.control("POST", "/renew")
    wait_for(
        lambda: any(l["delegated"] and l["lease"].startswith("2001:db8:34") for l in site.status()["leases"]), 25, site.status
    )
    new = next(l["lease"] for l in site.status()["leases"] if l["lease"].startswith("2001:db8:34"))
    lan = site.addresses(site.lan)
    assert in_lan(new) in lan and lan[in_lan(new)][0] > 0
    # The old one is still there for connections, but nobody begins new ones from it.
    assert lan[in_lan(old)][0] == 0 and 0 < lan[in_lan(old)][1] <= 20
    assert new in site.unreachable()


def told_of_addresses(host, seconds):
    """How often the kernel tells of IPv6 addresses there."""
    with host.inside():
        told = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    told.bind((0, RTMGRP_IPV6_IFADDR))
    times, until = 0, time.monotonic() + seconds
    with told:
        while select.select([told], [], [], max(0, until - time.monotonic()))[0] and time.monotonic() < until:
            told.recv(1 << 16)
            times += 1
    return times


def test_what_is_set_is_not_set_again_and_what_a_link_loses_is(site):
    Kea6(site.isp, site.port).start()
    site.start()
    address = in_lan(the_prefix(site.bound()))
    wait_for(lambda: address in site.addresses(site.lan), 10, site.status)
    assert told_of_addresses(site.gateway, 1) < 5  # each setting is told, also of what was there
    lifetimes = site.addresses(site.lan)[address]
    site.gateway.ip("-6", "address", "del", address, "dev", site.lan)
    wait_for(lambda: address in site.addresses(site.lan), 10, site.status)
    assert all(0 < now <= before for now, before in zip(site.addresses(site.lan)[address], lifetimes))
    site.gateway.link(site.lan, False)  # which takes addresses away
    site.gateway.link(site.lan, True)
    wait_for(lambda: address in site.addresses(site.lan), 10, site.status)
    # A link of this name that is another one.
    site.gateway.ip("link", "del", site.lan)
    assert site.net.cable(site.gateway, "", site.host, "")[0] == site.lan
    wait_for(lambda: address in site.addresses(site.lan), 10, site.status)
    assert told_of_addresses(site.gateway, 1) < 5


def test_rapid_commit_takes_two_messages(site):
    Kea6(site.isp, site.port, rapid=True).start()
    site.start(ipv6="rapid-commit: on")
    site.bound()
    text = site.client.control("GET", "/metrics")[1]
    assert 'type="solicit"' in text and 'type="request"' not in text


def test_leases_that_are_not_allowed_are_refused(site):
    server = Kea6(site.isp, site.port).start()
    site.start(ipv6='leases-allowed: ["2001:db8:ffff::/48"]')
    server.wait_log("ADVERTISE", timeout=15)
    assert site.addresses(site.interface) == {} and site.status()["state"] == "soliciting"


def test_both_families_on_one_uplink(site):
    Kea6(site.isp, site.port).start()
    Dnsmasq(site.isp, site.port).start()
    site.start(more="metric: 50")
    site.bound()
    wait_for(lambda: site.client.control("GET", "/status")[1]["uplinks"][0]["state"] == "bound", 15)
    assert len(site.addresses(site.interface)) == 1
    assert "192.0.2." in site.gateway.ip("-4", "addr", "show", site.interface)
