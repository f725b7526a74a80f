"""The client of the uplinks over time: rebinding, expiry, crashes, carriers, reloads, several uplinks, rogue servers."""

import json
import re
import time

import pytest

from dhcp_servers import Dhcpd, Dnsmasq, Kea
from dhcp_uplink import QUICK, uplink, wait_for  # noqa: F401
from service import Service, binary


# ---- short leases


@pytest.mark.parametrize("kind", [Kea, Dhcpd], ids=lambda kind: kind.name)
def test_renews_then_rebinds_when_the_server_dies_then_gives_up(uplink, kind):
    if kind.why_not():
        pytest.skip(kind.why_not())
    server = uplink.start_server(kind, lease=6, options={"renew": 1, "rebind": 3})
    uplink.start_client()
    uplink.bound()
    wait_for(lambda: uplink.metric("dhcp_client_received_total", type="ACK") >= 2, 8)
    server.stop()
    uplink.wait_state("renewing", timeout=8)
    assert uplink.addresses()
    uplink.wait_state("rebinding", timeout=8)
    assert uplink.addresses()
    wait_for(lambda: not uplink.addresses(), 12)
    assert uplink.status()["state"] in ("selecting", "init") and uplink.routes() == []
    assert uplink.metric("dhcp_client_expired_total") == 1
    server.start()
    uplink.bound()


def test_another_server_answers_while_rebinding(uplink):
    if Kea.why_not():
        pytest.skip(Kea.why_not())
    first = uplink.start_server(Kea, lease=10, options={"renew": 2, "rebind": 4})
    uplink.start_client()
    address = uplink.bound()["address"]
    first.stop()
    other = uplink.net.host("other")
    port = uplink.net.plug(other, "192.0.2.2/24", uplink.switch)
    second = Kea(other, port, lease=60, address="192.0.2.2")
    (second.folder / "leases.csv").write_bytes((first.folder / "leases.csv").read_bytes())
    second.start()
    wait_for(lambda: uplink.status().get("lease", {}).get("server") == "192.0.2.2", 10, uplink.status)
    assert uplink.bound()["address"] == address
    assert uplink.metric("dhcp_client_expired_total") == 0


def test_the_kernel_takes_the_address_when_nobody_is_left_to_do_it(uplink):
    if Kea.why_not():
        pytest.skip(Kea.why_not())
    uplink.start_server(Kea, lease=6)
    uplink.start_client()
    uplink.bound()
    uplink.client.kill()
    assert uplink.addresses()
    wait_for(lambda: not uplink.addresses(), 10)


# ---- refusals


def test_the_allowed_server_is_chosen_though_the_rogue_is_faster(uplink):
    rogue = uplink.net.host("rogue")
    port = uplink.net.plug(rogue, "192.0.2.66/24", uplink.switch)
    Dnsmasq(rogue, port, pool=("192.0.2.200", "192.0.2.210"), address="192.0.2.66").start()
    uplink.start_server(Dnsmasq)
    uplink.start_client("servers-allowed: [192.0.2.1]")
    assert uplink.bound()["server"] == "192.0.2.1"
    # Nor can it take the address away: it says NAK to what it does not know.
    assert uplink.metric("dhcp_client_refused_total", cause="server") >= 1
    time.sleep(1)
    assert uplink.status()["state"] == "bound"


def test_refused_addresses_are_not_taken(uplink):
    uplink.start_server(Dnsmasq)
    uplink.start_client("addresses-refused: [192.0.2.0/24]")
    wait_for(lambda: uplink.metric("dhcp_client_refused_total", cause="address") >= 1, 5)
    assert uplink.addresses() == []


# ---- what a lease sets


def test_classless_routes_stand_instead_of_the_router(uplink):
    uplink.start_server(Dnsmasq, options={"routes": "198.51.100.0/24,192.0.2.7,203.0.113.5/32,0.0.0.0,0.0.0.0/0,192.0.2.8"})
    uplink.start_client("metric: 250")
    uplink.bound()
    assert sorted(uplink.routes()) == [
        ("198.51.100.0/24", "192.0.2.7", 250),
        ("203.0.113.5", None, 250),
        ("default", "192.0.2.8", 250),
    ]


def test_a_crash_is_found_and_corrected(uplink):
    uplink.start_server(Dnsmasq, options={"mtu": 1300})
    uplink.start_client()
    address = uplink.bound()["address"]
    uplink.gateway.ip("address", "add", "10.9.9.9/24", "dev", uplink.interface)
    uplink.gateway.ip("route", "add", "203.0.113.0/24", "via", "192.0.2.1")
    uplink.client.kill()
    assert len(uplink.addresses()) == 2 and uplink.mtu() == 1300
    # Something of ours that the lease does not have.
    uplink.gateway.ip("route", "add", "198.51.100.0/24", "via", "192.0.2.1", "proto", "dhcp", "metric", "7")
    uplink.client.start()
    assert uplink.bound()["address"] == address
    wait_for(lambda: uplink.routes() == [("default", "192.0.2.1", 100)], 5, uplink.routes)
    assert uplink.client.stop() == 0
    # What others have set stays, and the MTU is what it was before the first start.
    assert uplink.addresses() == ["10.9.9.9/24"] and uplink.routes() == [] and uplink.mtu() == 1500


def test_two_uplinks_with_metrics(net):
    gateway = net.host("gateway")
    names, hosts = [], []
    for i, name in enumerate(("one", "two")):
        isp = net.host(name)
        end, port = net.cable(gateway, "", isp, "192.0.2.1/24" if i == 0 else "192.0.2.2/24")
        Dnsmasq(isp, port, pool=("192.0.2.50", "192.0.2.59") if i == 0 else ("192.0.2.80", "192.0.2.89")).start()
        names.append(end)
        hosts.append(isp)
    client = Service(
        gateway, "dhcp-client",
        f"dhcp-client:\n  uplinks:\n    {names[0]}: {{{QUICK}, metric: 200}}\n    {names[1]}: {{{QUICK}, metric: 100}}\n",
    ).start()

    def both():
        uplinks = client.control("GET", "/status")[1]["uplinks"]
        return uplinks if all(u["state"] == "bound" for u in uplinks) else None

    wait_for(both, 15)
    routes = json.loads(gateway.ip("-j", "route", "show", "default"))
    assert [(r["gateway"], r["dev"], r["metric"]) for r in sorted(routes, key=lambda r: r["metric"])] == [
        ("192.0.2.2", names[1], 100),
        ("192.0.2.1", names[0], 200),
    ]
    # Each is renewed by its own link, whatever the routes prefer.
    for name in names:
        assert client.control("POST", f"/renew?interface={name}")[0] == 202
    assert client.control("POST", "/renew")[0] == 400 and client.control("POST", "/renew?interface=x")[0] == 404

    def renewed():
        text = client.control("GET", "/metrics")[1]
        return [line for line in text.split("\n") if "received_total" in line and 'type="ACK"' in line and line.endswith(" 2")]

    wait_for(lambda: len(renewed()) == 2, 5)


# ---- the link, orders, reload


def test_a_carrier_that_returns_is_asked_about_the_same_address(uplink):
    uplink.start_server(Dnsmasq)
    uplink.start_client()
    address = uplink.bound()["address"]
    port = json.loads(uplink.switch.ip("-j", "link"))
    port = next(l["ifname"] for l in port if l["ifname"].startswith("to-gateway"))
    uplink.switch.link(port, False)
    uplink.wait_state("down", timeout=5)
    assert uplink.addresses() == [f"{address}/24"]
    uplink.switch.link(port, True)
    uplink.bound()
    assert uplink.status()["lease"]["address"] == address
    assert uplink.metric("dhcp_client_sent_total", type="DISCOVER") == 1


def test_a_link_that_comes_later_is_served(net):
    gateway = net.host("gateway")
    client = Service(gateway, "dhcp-client", f"dhcp-client:\n  uplinks:\n    to-isp: {{{QUICK}}}\n").start()
    assert client.control("GET", "/status")[1]["uplinks"][0]["link"] is False
    isp = net.host("isp")
    end, port = net.cable(gateway, "", isp, "192.0.2.1/24")
    assert end == "to-isp"
    Dnsmasq(isp, port).start()
    wait_for(lambda: client.control("GET", "/status")[1]["uplinks"][0]["state"] == "bound", 20)


def test_release_on_stop(uplink):
    server = uplink.start_server(Dnsmasq)
    uplink.start_client("release-on-stop: on")
    uplink.bound()
    assert uplink.client.stop() == 0
    server.wait_log("DHCPRELEASE")
    assert uplink.addresses() == []


def test_the_command_line_renews_releases_and_shows(uplink):
    uplink.start_server(Dnsmasq)
    uplink.start_client()
    lease = uplink.bound()
    socket = ("--control", uplink.client.run_folder / "dhcp-client.sock")

    def cli(*words):
        return uplink.gateway.run(binary(), *words, *socket)

    shown = cli("status", "dhcp-client").stdout
    assert re.search(rf"^  uplinks\.0\.lease\.address +{lease['address']}$", shown, re.M)
    assert cli("dhcp-client", "renew", uplink.interface).returncode == 0
    wait_for(lambda: uplink.metric("dhcp_client_received_total", type="ACK") == 2, 5)
    assert cli("dhcp-client", "renew", "nothere").returncode == 1
    assert cli("dhcp-client", "renew", "a b").returncode == 2
    done = cli("dhcp-client", "release", "--json")
    assert done.returncode == 0 and json.loads(done.stdout) == {"released": True}
    assert uplink.addresses() == []
    assert cli("dhcp-client", "release").returncode == 1


def test_rapid_commit(uplink):
    server = uplink.start_server(Dnsmasq, rapid=True)
    uplink.start_client("rapid-commit: on")
    uplink.bound()
    assert "DHCPREQUEST" not in server.log() and "DHCPACK" in server.log()


def test_a_reload_changes_what_a_lease_sets_and_what_is_allowed(uplink):
    server = uplink.start_server(Dnsmasq)
    uplink.start_client()
    uplink.bound()
    section = f"dhcp-client:\n  uplinks:\n    {uplink.interface}: {{{QUICK}, %s}}\n"
    uplink.client.reload(section % "metric: 300")
    assert uplink.routes() == [("default", "192.0.2.1", 300)]
    uplink.client.reload(section % "routes: off")
    assert uplink.routes() == [] and uplink.addresses()
    uplink.client.reload(section % "servers-allowed: [192.0.2.9]")
    server.wait_log("DHCPRELEASE")
    assert uplink.addresses() == []
    uplink.client.reload(section % "identity: nobody")
    assert "refused" in uplink.client.log()


def test_the_supervisor_starts_it_and_another_one_takes_over(uplink):
    """A change of sockets starts a second process beside the first, which must not take away what is now the other's."""
    uplink.start_server(Dnsmasq)
    section = f"dhcp-client:\n  uplinks:\n    {uplink.interface}: {{{QUICK}, ipv6: {{address: on}}}}\n"
    client = Service(uplink.gateway, "run", section).start()
    status = lambda: client.control("GET", "/status", service="dhcp-client")[1]
    wait_for(lambda: status()["uplinks"][0]["state"] == "bound", 15)
    assert status()["uplinks"][0]["ipv6"]["state"] == "soliciting"
    first = status()["pid"]
    address = status()["uplinks"][0]["lease"]["address"]
    client.reload(section + f"    other0: {{{QUICK}}}\n")
    wait_for(lambda: status()["pid"] != first, 15)
    wait_for(lambda: status()["uplinks"][0]["state"] == "bound", 15)
    wait_for(lambda: uplink.gateway.run("kill", "-0", first).returncode != 0, 10)
    assert uplink.addresses() == [f"{address}/24"]
    assert uplink.routes() == [("default", "192.0.2.1", 100)]


def test_events_tell_each_step(uplink):
    uplink.start_server(Dnsmasq)
    uplink.start_client()
    uplink.bound()
    steps = [(e["event"], e.get("message", e["state"])) for e in uplink.events() if e.get("interface") == uplink.interface]
    assert steps == [
        ("state", "init"),
        ("state", "selecting"),
        ("sent", "DISCOVER"),
        ("received", "OFFER"),
        ("state", "requesting"),
        ("sent", "REQUEST"),
        ("received", "ACK"),
        ("state", "checking"),
        ("state", "bound"),
    ]
