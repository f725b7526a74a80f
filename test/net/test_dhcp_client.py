"""The client of the uplinks against each DHCP server of others: DISCOVER to RELEASE, renewal, INIT-REBOOT, DECLINE, NAK."""

import re
import socket
import time

import pytest

from dhcp_servers import Dhcpd, Dnsmasq, Kea
from dhcp_uplink import uplink, wait_for  # noqa: F401


@pytest.fixture(params=[Dnsmasq, Kea, Dhcpd], ids=lambda server: server.name)
def server_kind(request):
    if request.param.why_not():
        pytest.skip(request.param.why_not())
    return request.param


def test_discover_to_release(uplink, server_kind):
    server = uplink.start_server(
        server_kind, options={"mtu": 1400, "dns": "192.0.2.53, 198.51.100.53" if server_kind is not Dnsmasq else "192.0.2.53,198.51.100.53",
                              "ntp": "192.0.2.123", "domain": "example.com"}
    )
    uplink.start_client(top="  resolver-file: on\n")
    lease = uplink.bound()
    assert re.fullmatch(r"192\.0\.2\.\d+", lease["address"]) and lease["bits"] == 24
    assert lease["server"] == "192.0.2.1" and lease["mtu"] == 1400
    assert lease["dns"] == ["192.0.2.53", "198.51.100.53"] and lease["ntp"] == ["192.0.2.123"]
    assert uplink.addresses() == [f"{lease['address']}/24"]
    assert 100 < uplink.lifetime() <= 120
    assert uplink.routes() == [("default", "192.0.2.1", 100)]
    assert uplink.mtu() == 1400
    text = (uplink.client.folder / "state/dhcp-client/resolv.conf").read_text()
    assert "search example.com.\nnameserver 192.0.2.53\nnameserver 198.51.100.53\n" in text
    with uplink.gateway.inside(), pytest.raises(ConnectionRefusedError):  # there it is, and serves nothing
        socket.create_connection(("192.0.2.1", 9), 2)
    assert uplink.client.control("POST", "/release") == (200, {"released": True})
    server.wait_log("DHCPRELEASE")
    assert uplink.addresses() == [] and uplink.routes() == [] and uplink.mtu() == 1500
    assert uplink.status()["state"] == "idle"
    assert "nameserver" not in (uplink.client.folder / "state/dhcp-client/resolv.conf").read_text()
    assert uplink.client.control("POST", "/renew")[0] == 202
    uplink.bound()
    assert uplink.client.stop() == 0
    assert uplink.addresses() == [] and uplink.routes() == [] and uplink.mtu() == 1500


def test_a_renewal_by_order_is_unicast_and_lengthens_the_lease(uplink, server_kind):
    uplink.start_server(server_kind)
    uplink.start_client()
    address = uplink.bound()["address"]
    time.sleep(2.1)
    before = uplink.lifetime()
    uplink.client.control("POST", "/renew")
    wait_for(lambda: uplink.lifetime() > before, 5)
    assert uplink.bound()["address"] == address
    assert uplink.metric("dhcp_client_received_total", type="ACK") == 2
    assert uplink.metric("dhcp_client_failures_total") == 0


def test_a_restart_asks_for_the_same_address(uplink, server_kind):
    server = uplink.start_server(server_kind)
    uplink.start_client()
    address = uplink.bound()["address"]
    uplink.client.stop()
    assert uplink.addresses() == []
    discovers = server.log().count("DHCPDISCOVER")
    uplink.client.start()
    assert uplink.bound()["address"] == address
    assert uplink.metric("dhcp_client_sent_total", type="DISCOVER") == 0
    assert server.log().count("DHCPDISCOVER") == discovers


def test_an_address_in_use_is_declined(uplink, server_kind):
    server = uplink.start_server(server_kind, pool=("192.0.2.60", "192.0.2.61"))
    squatter = uplink.net.host("squatter")
    uplink.net.plug(squatter, "192.0.2.60/24 192.0.2.61/24", uplink.switch)
    uplink.start_client()
    server.wait_log("DHCPDECLINE")
    wait_for(lambda: uplink.metric("dhcp_client_conflicts_total") >= 1, 5)
    assert uplink.addresses() == [] and uplink.status()["state"] == "init"
    assert uplink.status()["next_in_s"] >= 8


def test_nak_takes_a_remembered_address_away(uplink, server_kind):
    server = uplink.start_server(server_kind)
    uplink.start_client()
    uplink.bound()
    uplink.client.kill()
    server.stop()
    for name in ("leases", "leases.csv"):
        (server.folder / name).unlink(missing_ok=True)
    uplink.isp.ip("address", "flush", "dev", uplink.port)
    uplink.isp.address(uplink.port, "198.51.100.1/24")
    server.pool, server.address = ("198.51.100.70", "198.51.100.79"), "198.51.100.1"
    server.network = "198.51.100.0"
    server.start()
    uplink.client.start()
    lease = wait_for(
        lambda: (found := uplink.status().get("lease", {})).get("server") == "198.51.100.1" and found, 20, uplink.status
    )
    assert uplink.metric("dhcp_client_received_total", type="NAK") == 1
    assert uplink.addresses() == [f"{lease['address']}/24"]


def test_a_server_that_is_not_allowed_is_passed_over(uplink, server_kind):
    server = uplink.start_server(server_kind)
    uplink.start_client("servers-allowed: [192.0.2.2]")
    server.wait_log("DHCPOFFER")
    wait_for(lambda: uplink.metric("dhcp_client_refused_total", cause="server") >= 1, 5)
    assert uplink.addresses() == [] and "DHCPREQUEST" not in server.log()
    refused = [e for e in uplink.events() if e["event"] == "refused"]
    assert refused[0]["cause"] == "server" and refused[0]["server"] == "192.0.2.1" and refused[0]["message"] == "OFFER"
