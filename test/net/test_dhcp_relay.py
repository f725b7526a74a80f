"""Clients behind a relay: ISC's and our own, in front of our server; what the relay says of the client's place,
and limits by it."""

import pytest

import dhcp_client as dhcp
from dhcp_client import ACK, OFFER, Client, Dhclient, Dhcpcd, Udhcpc
from dhcp_site import eventually
from service import Service

SERVER = """dhcp:
  probe: off
  networks:
    - subnet: 192.168.9.0/24
      pools: [{range: 192.168.9.100-192.168.9.199}]
      leases-per-port: 3
      options: {routers: 192.168.9.1, domain-name-servers: 10.0.0.1}
"""

RELAY = """dhcp:
  relay:
    - {interface: INTERFACE, servers: 10.0.0.1, circuit-id: port-7, remote-id: "hex:00ff"}
"""


class Relayed:
    """server 10.0.0.1 -- relay 10.0.0.2, 192.168.9.1 -- switch of clients."""

    def __init__(self, net, kind, server=SERVER, relay=RELAY):
        self.net = net
        self.server, self.relay = net.host("server"), net.router("relay")
        self.switch = net.switch("switch")
        self.north, _ = net.cable(self.relay, "10.0.0.2/24", self.server, "10.0.0.1/24")
        self.server.route("192.168.9.0/24", "10.0.0.2")
        self.south = net.plug(self.relay, "192.168.9.1/24", self.switch)
        self.service = Service(self.server, "dhcp", server).start()
        self.clients = []
        if kind == "isc":
            self.agent = self.relay.popen(
                "dhcrelay", "-d", "-4", "-a", "-id", self.south, "-iu", self.north, "10.0.0.1",
                stdout=-3, stderr=-3,
            )
        else:
            self.agent = Service(self.relay, "dhcp", relay.replace("INTERFACE", self.south)).start()

    def client(self, name="client", mac="02:00:5e:00:53:01"):
        host = self.net.host(name)
        self.clients.append(Client(host, self.net.plug(host, "", self.switch), mac))
        return self.clients[-1]

    def another(self, client, mac):
        self.clients.append(Client(client.host, client.interface, mac))
        return self.clients[-1]

    def lease(self, address):
        status, answer = self.service.control("GET", f"/lease?address={address}")
        return answer if status == 200 else None

    def metric(self, text):
        lines = self.service.control("GET", "/metrics")[1].splitlines()
        return sum(int(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(f"gatehouse_dhcp_{text} "))

    def close(self):
        for client in self.clients:
            client.close()
        if not isinstance(self.agent, Service):
            self.agent.kill()
            self.agent.wait(10)


@pytest.fixture(params=["isc", "ours"])
def relayed(net, request):
    made = Relayed(net, request.param)
    yield made
    made.close()


def ready(client):
    """ISC's relay says nowhere that it is ready."""
    assert client.insist(client.message(dhcp.DISCOVER), 8).type == OFFER


def test_client_is_served_through_the_relay(relayed):
    client = relayed.client()
    ready(client)
    ack = client.bind({dhcp.WANTED: [1, 3, 6]})
    assert ack.yiaddr.startswith("192.168.9.1") and ack.address(dhcp.ROUTERS) == "192.168.9.1"
    assert ack.giaddr == "192.168.9.1" and ack.address(dhcp.SERVER) == "10.0.0.1"
    # RFC 3046 2.2: the relay takes its option off before the client sees the answer.
    assert dhcp.RELAY not in ack.options
    lease = relayed.lease(ack.yiaddr)
    assert lease["state"] == "bound"
    assert lease["circuit_id"] == ("port-7" if isinstance(relayed.agent, Service) else relayed.south)


def test_real_clients_are_served_and_release(relayed):
    ready(relayed.client("probe", "02:00:5e:00:53:99"))

    def start(kind, *words):
        host = relayed.net.host(kind.__name__.lower())
        return kind(host, relayed.net.plug(host, "", relayed.switch), *words).start()

    clients = [start(Udhcpc), start(Dhclient), start(Dhcpcd, "noarp\n")]
    for client in clients:
        got = client.wait("bound", "reboot")
        assert got["address"].startswith("192.168.9.1") and got["server"] == "10.0.0.1"
        if isinstance(client, Udhcpc):  # by unicast to the server, past the relay
            client.renew()
            client.wait("renew")
        client.release()
        assert eventually(lambda: (relayed.lease(got["address"]) or {}).get("state") != "bound"), client.log()


def test_reboot_on_another_link_is_refused(relayed):
    client = relayed.client()
    ready(client)
    address = client.bind().yiaddr
    assert client.reboot(address).type == ACK
    assert client.reboot("10.55.0.7").type == dhcp.NAK


PORT = 'refused_total{cause="port"}'


def test_one_port_cannot_take_the_pool(relayed):
    client = relayed.client()
    ready(client)
    acks = [client.bind()]
    for i in range(6):
        other = relayed.another(client, f"02:00:5e:00:54:{i:02x}")
        message, refused, heard = other.message(dhcp.DISCOVER), relayed.metric(PORT), []
        other.send(message)
        assert eventually(lambda: heard.append(other.heard(message.xid, 0.05)) or heard[-1] or relayed.metric(PORT) > refused)
        if heard[-1]:
            acks.append(other.request(heard[-1][0]))
    assert len(acks) == 3 and relayed.metric(PORT) >= 3


def test_address_behind_a_relay_is_probed_by_icmp(net):
    made = Relayed(
        net,
        "ours",
        SERVER.replace("probe: off", "probe: on").replace("192.168.9.100-192.168.9.199", "192.168.9.100-192.168.9.101"),
    )
    try:
        squatter = net.host("squatter")
        interface = net.plug(squatter, "192.168.9.100/24", made.switch)
        squatter.route("default", "192.168.9.1")
        assert interface
        client = made.client()
        ack = client.bind(wait=8)
        assert ack.yiaddr == "192.168.9.101"
        if made.lease("192.168.9.100"):
            assert made.lease("192.168.9.100")["state"] == "conflict"
        other = made.another(client, "02:00:5e:00:53:02")
        assert other.discover(wait=4) is None
        assert made.lease("192.168.9.100")["state"] == "conflict"
        assert made.metric("conflicts_total") == 1
    finally:
        made.close()


def test_relay_refuses_what_pretends_to_be_relayed(net):
    made = Relayed(net, "ours")
    try:
        client = made.client()
        assert client.bind()
        forged = client.message(dhcp.DISCOVER, giaddr="192.168.9.1")
        assert client.ask(forged, wait=0.7) is None
        with_option = client.message(dhcp.DISCOVER, {dhcp.RELAY: bytes([1, 1, 7])})
        assert client.ask(with_option, wait=0.7) is None
        far = client.message(dhcp.DISCOVER, hops=9)
        assert client.ask(far, wait=0.7) is None
        text = made.agent.control("GET", "/metrics")[1]
        for cause in ("forged", "option", "hops"):
            assert f'gatehouse_dhcp_relay_refused_total{{cause="{cause}"}} 1' in text, text
    finally:
        made.close()
