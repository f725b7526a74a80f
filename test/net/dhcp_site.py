"""A gateway that serves addresses to a switch, and hosts plugged into it."""

import contextlib
import time

from dhcp_client import Client
from service import Service, binary

NETWORK = """
      pools: [{range: 192.168.7.100-192.168.7.199}]
      lease-time: 1h
      options: {routers: 192.168.7.1, domain-name-servers: 192.168.7.1, domain-name: home.arpa}
"""


def config(network=NETWORK, more="", probe="off", keys=""):
    return f"""dhcp:
  probe: {probe}{keys}
  networks:
    - subnet: 192.168.7.0/24{network}{more}"""


class Site:
    """gateway has 192.168.7.1 on the switch and runs the service. switch: of another site, to share it."""

    def __init__(self, net, text=None, start=True, switch=None, name="gateway", address="192.168.7.1", kind=Service,
                 **options):
        self.net, self.address = net, address
        self.switch = switch or net.switch("switch")
        self.gateway = net.host(name)
        self.interface = net.plug(self.gateway, f"{address}/24", self.switch)
        self.service = kind(self.gateway, "dhcp", text or config(), **options)
        if start:
            self.service.start()
        self.clients = []

    def host(self, name):
        """A host without an address; (host, its interface)."""
        host = self.net.host(name)
        return host, self.net.plug(host, "", self.switch)

    def client(self, name="client", mac="02:00:5e:00:53:01"):
        """A scripted client on a host of its own."""
        client = Client(*self.host(name), mac)
        self.clients.append(client)
        return client

    def again(self, client, mac):
        """Another client on the same cable."""
        other = Client(client.host, client.interface, mac)
        self.clients.append(other)
        return other

    def close(self):
        for client in self.clients:
            client.close()

    # ---- what the service says

    def get(self, path):
        status, answer = self.service.control("GET", path, service="dhcp")
        assert status == 200, answer
        return answer

    def leases(self, query=""):
        return {lease["address"]: lease for lease in self.get(f"/leases{query}")["leases"]}

    def lease(self, address):
        status, answer = self.service.control("GET", f"/lease?address={address}", service="dhcp")
        return answer if status == 200 else None

    def metric(self, name, **labels):
        """The value of a metric, 0 when it is not there."""
        wanted = ",".join(f'{key}="{value}"' for key, value in labels.items())
        line = f"gatehouse_dhcp_{name}{{{wanted}}} " if wanted else f"gatehouse_dhcp_{name} "
        for text in self.get("/metrics").splitlines():
            if text.startswith(line):
                return int(text[len(line) :])
        return 0

    def events(self, last=256):
        """Events until now, oldest first."""
        return self.service.past_events(last, "dhcp")

    @contextlib.contextmanager
    def watching(self):
        """The names of events from now on, as a function that says what has come."""
        with self.service.watching("dhcp") as events:
            yield lambda: [event["event"] for event in events()]

    def cli(self, *words):
        return self.gateway.run(binary(), *words, "--control", self.service.run_folder / "dhcp.sock")


def eventually(check, timeout=5.0):
    """Waits until check() is true; returns what it returned last."""
    until = time.monotonic() + timeout
    while not (result := check()) and time.monotonic() < until:
        time.sleep(0.05)
    return result
