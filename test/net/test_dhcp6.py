"""IPv6: router advertisements that configure the kernel, and DHCPv6 for dhclient and dhcpcd: addresses, prefixes,
what is told without an address; through our relay; across a crash."""

import ipaddress
import json

import pytest

from dhcp_client import Dhcpcd, RealClient
from dhcp_site import eventually
from service import Service, binary

CONFIG = """dhcp:
  ipv6:
    advertise:
      - {interface: INTERFACE, managed: on, other: on, prefixes: [{prefix: "2001:db8:7::/64"}],
         rdnss: ["2001:db8:7::1"], min-interval: 3s, max-interval: 4s}
    networks:
      - subnet: 2001:db8:7::/64
        pools: [{range: "2001:db8:7::1000-2001:db8:7::1fff"}]
        prefix-pools: [{prefix: "2001:db8:100::/40", delegated-length: 56}]
        options: {dns-servers: "2001:db8:7::1"}
"""

BODY = """
case $reason in
PREINIT6) ip link set "$interface" up ;;
BOUND6) [ -n "$new_ip6_address" ] && ip -6 addr add "$new_ip6_address/128" dev "$interface" nodad ;;
esac
say "$reason times=$new_preferred_life/$new_max_life address=$new_ip6_address prefix=$new_ip6_prefix dns=$new_dhcp6_name_servers$new_dhcp6_domain_search"
exit 0
"""


class Dhclient6(RealClient):
    """dhclient -6: -N for an address, -P for a prefix, -S for neither."""

    body = BODY

    def __init__(self, host, interface, *what):
        super().__init__(host, interface)
        self.what = what
        (self.folder / "conf").write_text("also request dhcp6.name-servers;\n")

    def files(self):
        folder = self.folder
        return ["-sf", folder / "script", "-lf", folder / "leases", "-pf", folder / "pid", "-cf", folder / "conf"]

    def command(self):
        return ["dhclient", "-6", "-d", "-v", *self.what, *self.files(), self.interface]

    def release(self):
        done = self.host.run("dhclient", "-6", "-r", "-v", *self.what, *self.files(), self.interface, timeout=20)
        assert done.returncode == 0, done.stderr
        self.stop()


class Site6:
    def __init__(self, net, text=CONFIG, start=True):
        self.net, self.switch = net, net.switch("switch")
        self.gateway = net.router("gateway")
        self.interface = net.plug(self.gateway, "2001:db8:7::1/64", self.switch)
        self.service = Service(self.gateway, "dhcp", text.replace("INTERFACE", self.interface))
        if start:
            self.service.start()

    def host(self, name="laptop"):
        host = self.net.host(name)
        interface = self.net.plug(host, "", self.switch)
        host.sysctl(f"net.ipv6.conf.{interface}.accept_ra", 2)
        assert eventually(lambda: "fe80" in host.ip("-6", "addr", "show", "dev", interface))
        return host, interface

    def leases(self):
        status, answer = self.service.control("GET", "/leases6")
        assert status == 200, answer
        return {lease["lease"]: lease for lease in answer["leases"]}


def addresses(host, interface):
    (link,) = json.loads(host.ip("-j", "-6", "addr", "show", "dev", interface))
    return [a["local"] for a in link["addr_info"] if a["scope"] == "global"]


def inside(address, prefix):
    return ipaddress.ip_address(address) in ipaddress.ip_network(prefix)


def test_advertisement_configures_the_kernel(net):
    site = Site6(net)
    host, interface = site.host()
    assert eventually(lambda: addresses(host, interface))
    assert inside(addresses(host, interface)[0], "2001:db8:7::/64")
    assert "default via fe80" in host.ip("-6", "route")
    # RFC 4861 6.2.5: the last words of a router that ends
    site.service.stop()
    assert eventually(lambda: "default via fe80" not in host.ip("-6", "route"))


def test_a_prefix_that_is_gone_after_a_crash_is_said_to_be_over(net):
    site = Site6(net)
    host, interface = site.host()
    found = lambda: json.loads(host.ip("-j", "-6", "addr", "show", "dev", interface))[0]["addr_info"]
    assert eventually(lambda: addresses(host, interface))
    site.service.kill()  # no last words
    text = site.service.config_path.read_text()
    site.service.write({"gatehouse.yaml": text.replace('prefixes: [{prefix: "2001:db8:7::/64"}]', "automatic: off")})
    site.service.start()
    assert eventually(lambda: [a for a in found() if a["local"].startswith("2001:db8:7:") and a.get("deprecated")], 15)


def test_address_from_solicit_to_release(net):
    site = Site6(net)
    client = Dhclient6(*site.host(), "-N").start()
    got = client.wait("BOUND6")
    assert inside(got["address"], "2001:db8:7::/64") and got["dns"] == "2001:db8:7::1"
    lease = site.leases()[got["address"]]
    assert lease["state"] == "bound" and lease["duid"]
    site.service.kill()
    site.service.start()
    assert site.leases()[got["address"]]["duid"] == lease["duid"], "an acknowledged lease is durable"
    shown = site.gateway.run(binary(), "leases", "-6", "--control", site.service.run_folder / "dhcp.sock")
    assert got["address"] in shown.stdout and "bound" in shown.stdout
    status, one = site.service.control("GET", f"/lease?address={got['address']}")
    assert status == 200 and one["duid"] == lease["duid"]
    client.release()
    assert eventually(lambda: site.leases().get(got["address"], {}).get("state") != "bound")


def test_same_client_gets_the_same_address_after_a_crash_of_the_server(net):
    site = Site6(net)
    host, interface = site.host()
    first = Dhclient6(host, interface, "-N").start()
    address = first.wait("BOUND6")["address"]
    first.kill()
    site.service.kill()
    site.service.start()
    first.start()
    assert first.wait("BOUND6", "REBIND6", count=2)["address"] == address


def test_prefix_is_delegated(net):
    site = Site6(net)
    client = Dhclient6(*site.host(), "-P").start()
    got = client.wait("BOUND6")
    assert got["prefix"].endswith("/56") and inside(got["prefix"].split("/")[0], "2001:db8:100::/40")
    assert site.leases()[got["prefix"]]["state"] == "bound"


def test_a_class_has_its_times_its_pool_and_its_options(net):
    """Its clients are those whose DUID is of their link-layer address alone (type 3)."""
    text = CONFIG.replace(
        "    networks:",
        '    classes: {name: guests, match: {duid: "hex:0003*"}, preferred: 5m, valid: 10m, renew: 1m,\n'
        '              options: {dns-servers: "2001:db8:7::9"}}\n    networks:',
    ).replace(
        "        pools: [", '        pools: [{range: "2001:db8:7::2000-2001:db8:7::2fff", classes: guests}, '
    )
    site = Site6(net, text)
    guest = Dhclient6(*site.host("guest"), "-N", "-D", "LL").start()
    other = Dhclient6(*site.host("other"), "-N", "-D", "LLT").start()
    got = guest.wait("BOUND6")
    assert inside(got["address"], "2001:db8:7::2000/116") and got["dns"] == "2001:db8:7::9" and got["times"] == "300/600"
    assert "renew 60;" in (guest.folder / "leases").read_text()
    got = other.wait("BOUND6")
    assert inside(got["address"], "2001:db8:7::1000/116") and got["dns"] == "2001:db8:7::1" and got["times"] == "3600/7200"


def test_who_has_an_address_is_told_the_rest(net):
    site = Site6(net)
    client = Dhclient6(*site.host(), "-S").start()
    # dhclient ends when it has what it asked for; its script is called before.
    assert eventually(lambda: any(h.get("dns") == "2001:db8:7::1" for h in client.heard()), timeout=10), client.log()
    assert not site.leases()


def test_dhcpcd_takes_all_three(net):
    site = Site6(net)
    host, interface = site.host()
    client = Dhcpcd(host, interface, "")
    (client.folder / "conf").write_text(
        f"duid\nnoipv4\nipv6only\ninterface {interface}\nipv6rs\nia_na 1\nia_pd 2 {interface}/0\nnoipv6rs\n"
    )
    client.start()
    assert eventually(lambda: len(site.leases()) >= 2, timeout=20), client.log()
    kinds = {lease["kind"] for lease in site.leases().values()}
    assert kinds == {"na", "pd"}


def test_through_our_relay(net):
    text = CONFIG[: CONFIG.index("    advertise:")] + CONFIG[CONFIG.index("    networks:") :]
    server, relay, switch = net.host("server"), net.router("relay"), net.switch("switch")
    net.cable(relay, "2001:db8:9::2/64", server, "2001:db8:9::1/64")
    south = net.plug(relay, "2001:db8:7::1/64", switch)
    server.ip("-6", "route", "add", "2001:db8:7::/64", "via", "2001:db8:9::2")
    service = Service(server, "dhcp", text).start()
    agent = Service(
        relay, "dhcp", f'dhcp:\n  ipv6:\n    relay: {{interface: {south}, servers: "2001:db8:9::1"}}\n'
    ).start()
    host = net.host("laptop")
    interface = net.plug(host, "", switch)
    assert eventually(lambda: "fe80" in host.ip("-6", "addr", "show", "dev", interface))
    client = Dhclient6(host, interface, "-N").start()
    got = client.wait("BOUND6")
    assert inside(got["address"], "2001:db8:7::/64")
    assert agent.alive and service.control("GET", "/leases6")[1]["leases"][0]["lease"] == got["address"]


def test_wants_no_port_of_ipv4_where_only_ipv6_is_configured(net):
    site = Site6(net)
    assert ":67 " not in site.gateway.run("ss", "-lnu").stdout
    assert ":547 " in site.gateway.run("ss", "-lnu").stdout


@pytest.mark.parametrize("key", ["duid", "v6-secret"])
def test_who_the_server_is_stays_the_same(net, key):
    site = Site6(net)
    path = site.service.folder / "state" / "dhcp" / key
    before = path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    site.service.stop()
    site.service.start()
    assert path.read_bytes() == before


def test_reservations_by_command_last(net):
    site = Site6(net)
    host, interface = site.host()
    client = Dhclient6(host, interface, "-N").start()
    address = client.wait("BOUND6")["address"]
    client.release()
    duid = site.service.control("GET", f"/lease?address={address}")[1]["duid"]
    reserve = lambda *words: site.gateway.run(
        binary(), "lease", "reserve", *words, "--control", site.service.run_folder / "dhcp.sock"
    )
    done = reserve("2001:db8:7::5", "--duid", duid, "--name", "printer")
    assert done.returncode == 0 and f'{{duid: "{duid}", address: "2001:db8:7::5", name: printer}}' in done.stdout, done
    assert reserve("2001:db8:100:700::/56", "--duid", duid).returncode == 0
    assert reserve("2001:db8:100:700::/60", "--duid", duid).returncode == 1, "no pool has prefixes of that length"
    assert reserve("2001:db8:99::1", "--duid", duid).returncode == 1
    for wrong in ["--duid", "00"], ["--client-id", "x"], ["--mac", "1"], []:
        assert reserve("2001:db8:7::6", *wrong).returncode == 2, wrong
    site.service.kill()
    site.service.start()
    client.start()
    got = lambda what, lease: any(heard.get(what) == lease for heard in client.heard())
    assert eventually(lambda: got("address", "2001:db8:7::5"), 15), client.log()
    client.release()
    client.what = ["-P"]  # its DUID stands in its file of leases
    client.start()
    assert eventually(lambda: got("prefix", "2001:db8:100:700::/56"), 15), client.log()
    # Who has it is reserved it, where nobody is named.
    assert reserve("2001:db8:100:700::/56", "--remove").returncode == 0
    assert reserve("2001:db8:100:700::/56", "--remove").returncode == 1
    kept = reserve("2001:db8:100:700::/56")
    assert kept.returncode == 0 and duid in kept.stdout, kept
