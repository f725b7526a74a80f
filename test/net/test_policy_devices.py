"""Groups of the policy by lease, hardware address and peer: a real DHCP client's group holds in the DNS and in the proxy from its lease on,
and not for whoever has the address next; the whole suite runs under the supervisor.

    laptop, other --- switch --- 192.168.7.1 fd00:7::1 gateway (policy, dhcp, resolver, forward-proxy)
"""

import time
from pathlib import Path

import pytest

from dhcp_client import Udhcpc
from dhcp_site import eventually
from service import Service, binary

MAC = "02:00:5e:00:53:77"
CONFIG = """policy:
{neighbours}  groups:
    tablets: {{clients: {{leases: ["tablet*"]}}}}
    machines: {{clients: {{macs: ["{mac}"]}}}}
    named: {{clients: {{leases: [printer]}}}}
  rules:
    - {{groups: [tablets], names: ["||ads.example^"], reason: "No ads on tablets."}}
    - {{groups: [machines], names: ["||hard.example^"]}}
    - {{groups: [named], names: ["||paper.example^"]}}
dhcp:
  probe: off
  networks:
    - subnet: 192.168.7.0/24
      pools: [{{range: 192.168.7.100-192.168.7.100}}]
      lease-time: {lease}
      options: {{routers: 192.168.7.1, domain-name-servers: 192.168.7.1}}
      reservations:
        - {{mac: "02:00:5e:00:53:99", name: printer}}
resolver:
  listen: [192.168.7.1, "[fd00:7::1]"]
  workers: 1
  access: [192.168.7.0/24, "fd00:7::/64"]
  roots: [192.168.7.250]
  policy: {{}}
forward-proxy:
  listen: [{{address: 192.168.7.1}}, {{address: "fd00:7::1"}}]
  clients: [192.168.7.0/24, "fd00:7::/64"]
  resolver: 192.168.7.250
  workers: 1
  policy: on
  access: {{otherwise: allow, rules: [{{action: deny, groups: [tablets], to: rule.example}}]}}
"""


class Home:
    def __init__(self, net, lease="1h", neighbours=""):
        self.net, self.switch = net, net.switch("switch")
        self.gateway = net.host("gateway")
        self.cable = net.plug(self.gateway, "192.168.7.1/24 fd00:7::1/64", self.switch)
        text = CONFIG.format(mac=MAC, lease=lease, neighbours=neighbours)
        self.service = Service(self.gateway, "run", text).start()
        # A table that comes is looked for twice a second by each who reads it.
        for reader in ("policy", "resolver", "forward-proxy"):
            assert eventually(lambda: "/dhcp/devices/table" in self.maps_of(reader), 20), reader

    def maps_of(self, service):
        return Path(f"/proc/{self.get(service, '/status')['pid']}/maps").read_text()

    def get(self, service, path):
        status, answer = self.service.control("GET", path, service=service)
        assert status == 200, answer
        return answer

    def host(self, name, mac=None):
        host = self.net.host(name)
        interface = self.net.plug(host, "", self.switch)
        if mac:
            host.ip("link", "set", interface, "address", mac)
        return host, interface

    def who(self, address):
        return self.get("policy", f"/who?client={address}")


def lease(host, interface, name):
    client = Udhcpc(host, interface, "-x", f"hostname:{name}")
    return client, client.start().wait("bound")


def dns_blocks(host, name, at="192.168.7.1", source=None):
    words = ["-b", source] if source else []
    return "EDE: 15" in host.run("dig", "+tries=1", "+timeout=5", *words, f"@{at}", name).stdout


def proxy_says(host, name, at="192.168.7.1", source=None):
    """The answer's status, and the cause of Proxy-Status."""
    words = ["--interface", source] if source else []
    url = f"[{at}]" if ":" in at else at
    done = host.run("curl", "-s", "-g", "-i", "-m", "10", *words, "-x", f"http://{url}:3128", f"http://{name}/")
    line = [text for text in done.stdout.splitlines() if text.lower().startswith("proxy-status")]
    return done.stdout.split(" ")[1] if done.stdout else "", line[0] if line else ""


def proxy_blocks(host, name, **how):
    status, told = proxy_says(host, name, **how)
    return status == "403" and "http_request_denied" in told


def test_a_lease_puts_its_device_into_its_groups_at_once_and_its_end_takes_it_out(net):
    home = Home(net)
    host, interface = home.host("laptop", MAC)
    client, got = lease(host, interface, "tablet-7")
    # No moment in between: the first question after the lease is judged by it.
    assert dns_blocks(host, "ads.example") and dns_blocks(host, "hard.example")
    assert not dns_blocks(host, "other.example")
    assert proxy_blocks(host, "ads.example") and proxy_blocks(host, "hard.example")
    assert proxy_blocks(host, "rule.example") and not proxy_blocks(host, "other.example")
    told = home.who(got["address"])
    assert (told["lease"], told["mac"], told["groups"]) == ("tablet-7", MAC, ["tablets", "machines"])
    why = home.get("policy", f"/why?name=x.ads.example&client={got['address']}")
    assert why["verdict"] == "blocked" and why["client"]["lease"] == "tablet-7" and why["reason"] == "No ads on tablets."
    assert home.get("resolver", f"/policy/why?name=ads.example&client={got['address']}")["verdict"] == "block"
    shown = home.gateway.run(binary(), "policy", "why", "ads.example", "--client", got["address"],
                             "--control", home.service.run_folder / "policy.sock").stdout  # fmt: skip
    assert f"lease tablet-7, mac {MAC}" in shown and "tablets" in shown and "||ads.example^" in shown
    shown = home.gateway.run(binary(), "policy", "who", got["address"],
                             "--control", home.service.run_folder / "policy.sock").stdout  # fmt: skip
    assert "lease tablet-7" in shown and "tablets, machines" in shown
    metrics = home.get("policy", "/metrics")
    assert 'gatehouse_policy_devices{from="leases"} 3' in metrics  # the address, its MAC, and the printer's
    # The only address there is goes to another one, which inherits nothing.
    client.release()
    assert "lease" not in home.who(got["address"])
    other, cable = home.host("other")
    second, again = lease(other, cable, "desk")
    assert again["address"] == got["address"]
    assert not dns_blocks(other, "ads.example") and not dns_blocks(other, "hard.example")
    assert not proxy_blocks(other, "ads.example") and not proxy_blocks(other, "hard.example")
    assert home.who(got["address"])["lease"] == "desk" and home.who(got["address"])["groups"] == []
    second.stop()
    # And after a restart of everything as before.
    assert home.service.stop() == 0
    home.service.start()
    assert eventually(lambda: home.who(got["address"]).get("lease") == "desk", 20)


def test_a_lease_that_runs_out_is_nobodys(net):
    home = Home(net, lease="10s")
    host, interface = home.host("laptop")
    client, got = lease(host, interface, "tablet")
    assert dns_blocks(host, "ads.example")
    client.process.kill()  # it says nothing, and keeps its address
    client.process.wait()
    assert eventually(lambda: not dns_blocks(host, "ads.example"), 20)
    assert not proxy_blocks(host, "ads.example")


def test_addresses_without_a_lease_are_known_by_their_neighbour(net):
    home = Home(net)
    host, interface = home.host("laptop", MAC)
    host.address(interface, "fd00:7::77/64")
    eventually(lambda: "tentative" not in host.run("ip", "-6", "addr", "show", interface).stdout, 10)
    assert eventually(lambda: dns_blocks(host, "hard.example", at="fd00:7::1"), 15)  # by its hardware address alone
    assert proxy_blocks(host, "hard.example", at="fd00:7::1")
    assert not dns_blocks(host, "ads.example", at="fd00:7::1")
    client, got = lease(host, interface, "tablet")
    host.address(interface, "fd00:7::77/64")  # its script begins with an empty link
    eventually(lambda: "tentative" not in host.run("ip", "-6", "addr", "show", interface).stdout, 10)
    assert eventually(lambda: home.who("fd00:7::77").get("lease") == "tablet" or not host.run("ping", "-c1", "fd00:7::1"), 10)
    assert dns_blocks(host, "ads.example", at="fd00:7::1") and proxy_blocks(host, "ads.example", at="fd00:7::1")
    told = home.who("fd00:7::77")
    assert (told["mac"], told["mac_from"], told["lease"]) == (MAC, "neighbour", "tablet")
    # Another address of its own choice, as browsers use them.
    host.address(interface, "fd00:7::1234/64")
    eventually(lambda: "tentative" not in host.run("ip", "-6", "addr", "show", interface).stdout, 10)
    assert eventually(lambda: proxy_blocks(host, "ads.example", at="fd00:7::1", source="fd00:7::1234"), 10)
    # Whoever takes the address of another's lease by hand is not that other.
    client.stop()
    host.ip("addr", "flush", "dev", interface)
    thief, cable = home.host("thief")
    thief.address(cable, f"{got['address']}/24")
    eventually(lambda: home.who(got["address"]).get("not_its_lease") or not dns_blocks(thief, "ads.example"), 10)
    assert not dns_blocks(thief, "ads.example")
    assert home.who(got["address"])["not_its_lease"] and home.who(got["address"])["groups"] == []


def test_an_address_on_two_links_is_nobodys(net):
    home = Home(net)
    second = net.plug(home.gateway, "192.168.8.1/24", net.switch("second"))
    mine, others = "02:00:5e:00:53:01", "02:00:5e:00:53:02"

    def neighbour(address, link, mac, state):
        home.gateway.ip("neigh", "replace", address, "lladdr", mac, "dev", link, "nud", state)

    for address in ("192.168.7.50", "fd00:7::50", "fe80::50"):
        neighbour(address, home.cable, mine, "stale")
        assert eventually(lambda: home.who(address).get("mac") == mine, 10)
        neighbour(address, second, others, "stale")
        assert eventually(lambda: "mac" not in home.who(address), 10)
        neighbour(address, second, others, "permanent")  # whoever speaks last is not believed either
        time.sleep(0.5)
        assert "mac" not in home.who(address), address
        # When the other link has forgotten it, it is again whose it was.
        home.gateway.ip("neigh", "del", address, "dev", second)
        assert eventually(lambda: home.who(address).get("mac") == mine, 10)
        # And what is told of a link on which it is not takes nothing from it.
        neighbour(address, second, mine, "stale")
        neighbour(address, home.cable, mine, "reachable")
        home.gateway.ip("neigh", "del", address, "dev", second)
        time.sleep(0.5)
        assert home.who(address).get("mac") == mine, address


def test_neighbours_can_be_left_out(net):
    home = Home(net, neighbours="  neighbours: off\n")
    host, interface = home.host("laptop", MAC)
    host.address(interface, "fd00:7::77/64")
    eventually(lambda: "tentative" not in host.run("ip", "-6", "addr", "show", interface).stdout, 10)
    assert not dns_blocks(host, "hard.example", at="fd00:7::1")
    lease(host, interface, "tablet")
    assert dns_blocks(host, "hard.example") and not dns_blocks(host, "hard.example", at="fd00:7::1")
    assert "mac" not in home.who("fd00:7::77")


@pytest.mark.parametrize("mac,known", [("02:00:5e:00:53:98", False), ("02:00:5e:00:53:99", True)])
def test_a_reservations_name_is_nobody_elses(net, mac, known):
    home = Home(net)
    host, interface = home.host("laptop", mac)
    _, got = lease(host, interface, "printer")
    assert dns_blocks(host, "paper.example") == known
    assert (home.who(got["address"]).get("lease") == "printer") == known
