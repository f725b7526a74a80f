"""The clients that people use (udhcpc, dhclient, dhcpcd), each from DISCOVER to RELEASE by way of renewing,
rebinding and a reboot."""

import errno
import socket

import pytest

from dhcp_client import Dhclient, Dhcpcd, Udhcpc
from dhcp_site import Site, config, eventually

CLIENTS = [Udhcpc, Dhclient, Dhcpcd]

# As short as a lease may be: the clients' own timers are waited for.
SHORT = """
      pools: [{range: 192.168.7.100-192.168.7.199}]
      lease-time: 10s
      renew-time: 1s
      rebind-time: 3s
      options: {routers: 192.168.7.1, domain-name-servers: 192.168.7.1}
"""


@pytest.fixture(params=CLIENTS, ids=lambda c: c.__name__.lower())
def kind(request):
    return request.param


def made(net, kind, text=None, **options):
    site = Site(net, text, **options)
    host, interface = site.host("laptop")
    # dhcpcd asks for holders of its address for five seconds, which only one test is about.
    return site, kind(host, interface, "noarp\n") if kind is Dhcpcd else kind(host, interface)


def reaches(host, address):
    """Whether packets go there and come back: a port that nobody serves is refused by the other host."""
    with host.inside(), socket.socket() as tcp:
        tcp.settimeout(3)
        return tcp.connect_ex((address, 9)) == errno.ECONNREFUSED


def first(client):
    return client.start().wait("bound", "reboot")


def test_configures_its_host_and_gives_the_address_back(net, kind):
    site, client = made(net, kind)
    got = first(client)
    assert got["address"].startswith("192.168.7.1") and got["server"] == "192.168.7.1"
    assert got["dns"] == got["router"] == "192.168.7.1" and got["lease"] == "3600"
    lease = site.lease(got["address"])
    assert lease["state"] == "bound"
    assert reaches(client.host, "192.168.7.1"), client.log()
    client.release()
    assert eventually(lambda: (site.lease(got["address"]) or {}).get("state") != "bound")
    assert site.metric("received_total", type="RELEASE") == 1


def test_renews_rebinds_and_keeps_its_address(net, kind):
    site, client = made(net, kind, config(SHORT))
    got = first(client)
    # T1: by unicast to the server. udhcpc waits for a minute at least; it can be told, as at T2.
    if kind is Udhcpc:
        client.renew()
    assert client.wait("renew", timeout=12)["address"] == got["address"]
    # T2: the server that answers is not the one it knew. Its unicasts get no answer from here on.
    client.host.ip("route", "add", "blackhole", "192.168.7.1/32")
    before = site.metric("sent_total", type="ACK")
    if kind is Udhcpc:
        client.renew()
    assert eventually(lambda: site.metric("sent_total", type="ACK") > before, timeout=12), client.log()
    assert site.lease(got["address"])["state"] == "bound"


def test_comes_back_after_a_reboot_with_what_it_had(net, kind):
    site, client = made(net, kind)
    got = first(client)
    assert eventually(client.remembers), "its lease is not in its file"
    client.kill()
    client.host.ip("address", "flush", "dev", client.interface)
    if kind is Udhcpc:  # it remembers nothing itself: it is told what to ask for
        client.arguments = ("-r", got["address"])
    discovers = site.metric("received_total", type="DISCOVER")
    client.start()
    again = client.wait("bound", "reboot", count=2)
    assert again["address"] == got["address"]
    if kind is not Udhcpc:
        assert site.metric("received_total", type="DISCOVER") == discovers, "INIT-REBOOT has no DISCOVER"


def test_is_refused_an_address_of_another_network_and_gets_a_right_one(net, kind):
    site, client = made(net, kind)
    got = first(client)
    assert eventually(client.remembers), "its lease is not in its file"
    client.kill()
    client.host.ip("address", "flush", "dev", client.interface)
    # The network has another number now.
    site.gateway.ip("address", "flush", "dev", site.interface)
    site.gateway.address(site.interface, "10.7.0.1/24")
    site.service.reload(
        "dhcp:\n  probe: off\n  authoritative: on\n  networks:\n    - subnet: 10.7.0.0/24\n"
        "      pools: [{range: 10.7.0.100-10.7.0.199}]\n"
        "      options: {routers: 10.7.0.1}\n"
    )
    if kind is Udhcpc:
        client.arguments = ("-r", got["address"])
    client.start()
    assert eventually(
        lambda: any(h.get("address", "").startswith("10.7.0.1") for h in client.heard()), timeout=15
    ), client.log()
    if kind is not Udhcpc:
        assert site.metric("sent_total", type="NAK") >= 1


class CarefulDhclient(Dhclient):
    """It leaves looking for a holder to its script, which says so by its status (dhclient-script(8))."""

    body = (
        '[ "$reason" = BOUND ] && busybox arping -f -q -c 2 -w 2 -I "$interface" "$new_ip_address" && exit 1\n'
        + Dhclient.body
    )


@pytest.mark.parametrize("kind", [Udhcpc, Dhcpcd, CarefulDhclient], ids=["udhcpc", "dhcpcd", "dhclient"])
def test_declines_an_address_that_somebody_has(net, kind):
    """They look for a holder themselves; the server's own probe is off here."""
    site, _ = Site(net, config("\n      pools: [{range: 192.168.7.100-192.168.7.101}]\n")), None
    squatter, interface = site.host("squatter")
    squatter.address(interface, "192.168.7.100/24")
    host, interface = site.host("laptop")
    client = kind(host, interface, "-a", "-r", "192.168.7.100") if kind is Udhcpc else kind(host, interface)
    if kind is not Udhcpc:
        site.cli("lease", "reserve", "192.168.7.101", "--mac", "02:00:5e:00:53:99")
    client.start()
    assert eventually(lambda: site.metric("received_total", type="DECLINE") >= 1, timeout=30), client.log()
    assert eventually(lambda: site.lease("192.168.7.100")["state"] == "declined")
    assert any(e["event"] == "decline" for e in site.events())


def test_dhcpcd_goes_without_ipv4_where_the_network_can_do_without_it(net):
    """RFC 8925: it is told so, and offered no address."""
    pools = "\n      pools: [{range: 192.168.7.100-192.168.7.101, options: {ipv6-only-preferred: 30m}}]\n"
    site = Site(net, config(pools))
    host, interface = site.host("laptop")
    client = Dhcpcd(host, interface, "noarp\noption ipv6_only_preferred\n").start()
    assert eventually(lambda: "IPv6-Only Preferred received (1800 seconds)" in client.log()), client.log()
    assert site.metric("ipv6_only_offers_total") >= 1 and site.metric("received_total", type="REQUEST") == 0
    assert host.ip("-4", "-o", "addr", "show", interface) == ""
