"""The client of the uplinks tells the resolver beside it the name servers of its lease.

    gateway (dhcp-client, resolver) --- switch --- isp (dnsmasq's DHCP, an authority at 192.0.2.1)
"""

import os
import signal
import stat

import pytest

import ask
from dhcp_servers import Dnsmasq
from dhcp_uplink import QUICK, uplink, wait_for  # noqa: F401
from service import Service

ZONE = "$TTL 0\n@ SOA ns hostmaster 1 7200 3600 1209600 300\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.80\n"
AUTHORITY = "authority:\n  listen: [192.0.2.1]\n  workers: 1\n  zones:\n    - {origin: example.com, file: example.com.zone}\n"
# Without forwarders it has nobody to ask: its root is where nothing is.
RESOLVER = "resolver:\n  listen: [127.0.0.1:5301]\n  workers: 1\n  prime: off\n  roots: [192.0.2.99]\n  forwarders: on\n"


class Gateway:
    def __init__(self, uplink):
        self.uplink = uplink
        uplink.start_server(Dnsmasq, options={"dns": "192.0.2.1"})
        Service(uplink.isp, "authority", AUTHORITY, {"example.com.zone": ZONE}).start()
        client = f"dhcp-client:\n  forwarders: on\n  uplinks:\n    {uplink.interface}: {{{QUICK}}}\n"
        self.run = Service(uplink.gateway, "run", RESOLVER + client).start()

    def status(self, service="resolver"):
        return self.run.control("GET", "/status", service)[1]

    def forwarders(self):
        return self.status()["forwarders"]["servers"]

    def wait_forwarders(self, *servers, timeout=30):
        wait_for(lambda: self.forwarders() == list(servers), timeout, self.forwarders)

    def www(self):
        return ask.values(ask.dns_query(self.uplink.gateway, "127.0.0.1", "www.example.com", port=5301))

    def client(self, verb):
        status, answer = self.run.control("POST", f"/{verb}?interface={self.uplink.interface}", "dhcp-client")
        assert status in (200, 202), answer


@pytest.fixture
def gateway(uplink):  # noqa: F811
    return Gateway(uplink)


def test_the_servers_of_a_lease_are_asked_until_it_is_given_back(gateway):
    gateway.wait_forwarders("192.0.2.1")
    assert 0 < gateway.status()["forwarders"]["forget_s"] <= 60
    assert gateway.www() == ["192.0.2.80"]
    gateway.client("release")
    gateway.wait_forwarders()
    gateway.client("renew")
    gateway.wait_forwarders("192.0.2.1")
    assert gateway.www() == ["192.0.2.80"]


def test_a_resolver_that_was_killed_is_told_again(gateway):
    gateway.wait_forwarders("192.0.2.1")
    pid = gateway.status()["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: f"pid={pid}" in gateway.run.log() and "ended service=resolver" in gateway.run.log(), 10)
    gateway.wait_forwarders("192.0.2.1")
    assert gateway.status()["pid"] != pid
    assert gateway.www() == ["192.0.2.80"]


def test_the_socket_is_for_the_services_and_takes_nothing_else(gateway):
    path = gateway.run.run_folder / "resolver.forwarders"
    mode, process = path.stat(), os.stat(f"/proc/{gateway.status()['pid']}")
    assert stat.S_IMODE(mode.st_mode) == 0o660 and mode.st_uid == 0 and mode.st_gid == process.st_gid
    for verb, at in (("GET", "/status"), ("GET", "/metrics"), ("POST", "/flush?name=."), ("POST", "/reload")):
        words = ["curl", "-sS", "-X", verb, "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", path, f"http://x{at}"]
        assert gateway.uplink.gateway.run(*words).stdout == "404", at
