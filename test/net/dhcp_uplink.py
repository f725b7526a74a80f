"""The network in which the client of the uplinks is tested, and what is asked of it there:

    gateway (gatehouse dhcp-client) --- switch --- isp (a DHCP server of others)
"""

import json
import socket
import time

import pytest

from service import Service, UnixConnection

QUICK = "start-delay: 0s, offer-wait: 100ms, probing: {probes: 1, wait: 0s, settle: 100ms}"


class Uplink:
    """The drawn network, with a server when start_server was called."""

    def __init__(self, net):
        self.net, self.gateway, self.isp = net, net.host("gateway"), net.host("isp")
        self.switch = net.switch("switch")
        self.interface = net.plug(self.gateway, "", self.switch)
        self.port = net.plug(self.isp, "192.0.2.1/24", self.switch)
        self.server = self.client = None

    def start_server(self, kind, **words):
        self.server = kind(self.isp, self.port, **words).start()
        return self.server

    def start_client(self, more="", top="", ready=True):
        self.client = Service(
            self.gateway,
            "dhcp-client",
            f"dhcp-client:\n{top}  uplinks:\n    {self.interface}: {{{QUICK}{', ' if more else ''}{more}}}\n",
        ).start(ready)
        return self.client

    def status(self):
        return self.client.control("GET", "/status")[1]["uplinks"][0]

    def wait_state(self, *states, timeout=15):
        return wait_for(lambda: self.status() if self.status()["state"] in states else None, timeout, self.status)

    def bound(self, timeout=15):
        """The lease, once there is one."""
        return self.wait_state("bound", timeout=timeout)["lease"]

    def addresses(self):
        return [str(at) for at, *_ in self.gateway.netlink.addresses(self.interface, socket.AF_INET)]

    def lifetime(self):
        return self.gateway.netlink.addresses(self.interface, socket.AF_INET)[0][-1]

    def routes(self):
        return [
            (r["dst"], r.get("gateway"), r["metric"])
            for r in json.loads(self.gateway.ip("-j", "route", "show", "proto", "dhcp"))
        ]

    def mtu(self):
        return self.gateway.netlink.mtu(self.interface)

    def events(self):
        """Those so far, oldest first."""
        stream = UnixConnection(self.client.run_folder / "dhcp-client.sock", 0.5)
        stream.request("GET", "/events?last=256")
        answer, lines = stream.getresponse(), []
        try:
            while line := answer.readline():
                lines.append(json.loads(line))
        except TimeoutError:
            pass
        stream.close()
        return lines

    def metric(self, name, **labels):
        text = self.client.control("GET", "/metrics")[1]
        for line in text.split("\n"):
            if line.startswith(f"gatehouse_{name}{{") and all(f'{k}="{v}"' in line for k, v in labels.items()):
                return int(line.split()[-1])
        return 0

    def lease_file(self):
        return self.client.folder / "state" / "dhcp-client" / f"{self.interface}.lease"


def wait_for(found, timeout, otherwise=lambda: ""):
    until = time.monotonic() + timeout
    while not (it := found()):
        assert time.monotonic() < until, f"not within {timeout} s: {otherwise()}"
        time.sleep(0.05)
    return it


@pytest.fixture
def uplink(net):
    return Uplink(net)
