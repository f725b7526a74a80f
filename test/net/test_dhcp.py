"""The address server and a client that says exactly what it is told: each row of RFC 2131's table, where
answers go, probes, what is refused, and what the control socket shows of it."""

import hashlib
import hmac
import random
import socket
import time

import pytest

import dhcp_client as dhcp
from dhcp_client import ACK, NAK, OFFER, packed
from dhcp_site import NETWORK, Site, config, eventually


@pytest.fixture
def site(net):
    made = Site(net)
    yield made
    made.close()


def fresh(net, text, **options):
    return Site(net, text, **options)


# ---- the exchange


def test_discover_to_release(site):
    client = site.client()
    ack = client.bind({dhcp.WANTED: [1, 3, 6, 15]})
    assert ack.type == ACK and ack.yiaddr.startswith("192.168.7.1")
    assert ack.address(dhcp.SERVER) == "192.168.7.1" and ack.address(dhcp.MASK) == "255.255.255.0"
    assert ack.address(dhcp.ROUTERS) == ack.address(dhcp.DNS) == "192.168.7.1"
    assert ack.options[dhcp.DOMAIN] == b"home.arpa"
    assert ack.number(dhcp.LEASE_TIME) == 3600 and ack.number(dhcp.T1) < ack.number(dhcp.T2) < 3600
    lease = site.lease(ack.yiaddr)
    assert lease["state"] == "bound" and lease["mac"] == client.mac
    client.send(
        client.message(dhcp.RELEASE, {dhcp.SERVER: packed("192.168.7.1")}, ciaddr=ack.yiaddr)
    )
    assert eventually(lambda: (site.lease(ack.yiaddr) or {}).get("state") != "bound")
    kinds = [event["event"] for event in site.events() if event.get("mac") == client.mac]
    assert kinds[:5] == ["discover", "offer", "request", "ack", "release"]


def test_the_same_client_gets_the_same_address(site):
    client = site.client()
    address = client.bind().yiaddr
    assert client.bind().yiaddr == address
    other = site.again(client, "02:00:5e:00:53:02").bind().yiaddr
    assert other != address


def test_renewing_goes_by_unicast_and_keeps_the_address(site):
    client = site.client()
    ack = client.bind()
    client.host.address(client.interface, f"{ack.yiaddr}/24")
    renewed = client.ask(client.message(dhcp.REQUEST, ciaddr=ack.yiaddr, flags=0), to="192.168.7.1")
    assert renewed.type == ACK and renewed.yiaddr == ack.yiaddr


def test_rebinding_comes_by_broadcast_and_is_answered(site):
    client = site.client()
    ack = client.bind()
    client.host.address(client.interface, f"{ack.yiaddr}/24")
    rebound = client.ask(client.message(dhcp.REQUEST, ciaddr=ack.yiaddr, flags=0))
    assert rebound.type == ACK and rebound.yiaddr == ack.yiaddr


def test_reboot_is_confirmed_when_the_address_is_ours_and_refused_when_it_is_wrong(site):
    client = site.client()
    ack = client.bind()
    again = client.reboot(ack.yiaddr)
    assert again.type == ACK and again.yiaddr == ack.yiaddr
    # RFC 2131 4.3.2: on the wrong network
    wrong = client.reboot("10.1.2.3")
    assert wrong.type == NAK and wrong.yiaddr == "0.0.0.0"
    # RFC 2131 4.3.2: "If the DHCP server has no record of this client, then it MUST remain silent"
    stranger = site.again(client, "02:00:5e:00:53:77")
    assert stranger.reboot("192.168.7.150", wait=1.0) is None


def test_offer_that_is_refused_by_choosing_another_server_is_free_at_once(site):
    client = site.client()
    offer = client.discover()
    assert offer.type == OFFER
    client.send(
        client.message(
            dhcp.REQUEST,
            {dhcp.REQUESTED: packed("192.168.7.9"), dhcp.SERVER: packed("192.168.7.254")},
            xid=offer.xid,
        )
    )
    assert eventually(lambda: (site.lease(offer.yiaddr) or {}).get("state") != "offered")


def test_declined_address_rests_and_an_event_says_so(site):
    client = site.client()
    ack = client.bind()
    client.send(
        client.message(
            dhcp.DECLINE, {dhcp.REQUESTED: packed(ack.yiaddr), dhcp.SERVER: packed("192.168.7.1")}
        )
    )
    assert eventually(lambda: (site.lease(ack.yiaddr) or {}).get("state") == "declined")
    assert client.bind().yiaddr != ack.yiaddr
    assert any(e["event"] == "decline" and e["address"] == ack.yiaddr for e in site.events())


def test_inform_gets_options_and_no_lease(site):
    client = site.client()
    client.host.address(client.interface, "192.168.7.50/24")
    ack = client.ask(client.message(dhcp.INFORM, {dhcp.WANTED: [6]}, ciaddr="192.168.7.50", flags=0))
    assert ack.type == ACK and ack.yiaddr == "0.0.0.0"
    assert ack.address(dhcp.DNS) == "192.168.7.1"
    # RFC 2131 4.3.5: "The server MUST NOT send a lease expiration time"
    assert dhcp.LEASE_TIME not in ack.options and site.lease("192.168.7.50") is None


# ---- where answers go (RFC 2131 4.1)


def test_answer_follows_the_broadcast_flag(site):
    client = site.client()
    for flags, destination in ((0x8000, "255.255.255.255"), (0, None)):
        m = client.message(dhcp.DISCOVER, flags=flags)
        client.send(m)
        answer, to = client.heard(m.xid)
        assert answer.type == OFFER and to == (destination or answer.yiaddr)


def test_host_without_an_address_is_reached_by_a_frame_to_its_mac(site):
    client = site.client()
    mac = client.host.ip("-br", "link", "show", client.interface).split()[2]
    own = site.again(client, mac)
    with dhcp.sniffing(client.host, client.interface) as frames:
        m = own.message(dhcp.DISCOVER, flags=0)
        own.send(m)
        assert own.heard(m.xid)
        answers = [f for f in frames.read() if f[12:14] == b"\x08\x00" and f[36:38] == b"\0\x44"]
    assert answers and answers[0][:6] == bytes.fromhex(mac.replace(":", ""))


# ---- probes


def test_address_of_a_silent_squatter_is_not_offered(net):
    text = config(
        """
      pools: [{range: 192.168.7.100-192.168.7.102}]
""",
        probe="on",
    )
    site = fresh(net, text)
    try:
        squatter, interface = site.host("squatter")
        squatter.address(interface, "192.168.7.100/24 192.168.7.101/24")
        ack = site.client().bind(wait=8)
        assert ack.yiaddr == "192.168.7.102"
        states = {address: lease["state"] for address, lease in site.leases().items()}
        assert states.get("192.168.7.100", "conflict") == "conflict"
        assert site.metric("probes_total") >= 1
        if "192.168.7.100" in states or "192.168.7.101" in states:
            assert any(event["event"] == "conflict" for event in site.events())
    finally:
        site.close()


def test_probe_of_one_client_stalls_no_other(net):
    site = fresh(net, config(probe="on"))
    try:
        clients = [site.client(f"c{i}", f"02:00:5e:00:53:{i:02x}") for i in range(4)]
        start = time.monotonic()
        sent = [c.message(dhcp.DISCOVER) for c in clients]
        for client, m in zip(clients, sent):
            client.send(m)
        answers = [client.heard(m.xid, 5) for client, m in zip(clients, sent)]
        took = time.monotonic() - start
        assert all(answers) and len({a[0].yiaddr for a in answers}) == 4
        assert took < 2.5, "the probes waited for each other"
    finally:
        site.close()


# ---- what strangers send


def hostile(xid):
    rng = random.Random(xid)
    good = dhcp.Message()
    good.options = {dhcp.TYPE: b"\1"}
    wire = good.wire()
    yield b""
    yield wire[:10]
    yield wire[:239]
    for _ in range(200):
        yield wire[: rng.randrange(len(wire))]
    for _ in range(300):
        torn = bytearray(wire)
        for _ in range(rng.randrange(1, 9)):
            torn[rng.randrange(len(torn))] = rng.randrange(256)
        yield bytes(torn)
    for code in range(256):
        yield wire[:240] + bytes([code, 255]) + bytes(20)
    for kind in (0, 9, 18, 99, 255):
        good.options = {dhcp.TYPE: bytes([kind])}
        yield good.wire()
    yield bytes(rng.randrange(256) for _ in range(1400))
    yield wire + bytes(3000)


def test_hostile_packets_cost_a_counter(site):
    client = site.client()
    address = client.bind().yiaddr
    for packet in hostile(1):
        client.send(packet)
    assert eventually(lambda: site.metric("too_long_total") == 1)
    client.forget()
    assert client.bind().yiaddr == address
    refused = sum(
        site.metric("refused_total", cause=cause) for cause in ("torn", "type", "bootp", "no-network")
    )
    assert refused > 100
    assert site.service.alive


# ---- the control socket and the command line


def test_leases_are_listed_in_pages(site):
    client = site.client()
    given = sorted(
        (site.again(client, f"02:00:5e:00:55:{i:02x}").bind().yiaddr for i in range(12)),
        key=socket.inet_aton,
    )
    seen, start = [], ""
    while True:
        page = site.get(f"/leases?limit=5{start}")
        assert len(page["leases"]) <= 5
        seen += [lease["address"] for lease in page["leases"]]
        if "next" not in page:
            break
        start = f"&from={page['next']}"
    assert seen == given
    (found,) = site.leases("?mac=02:00:5e:00:55:03").values()
    assert found["mac"] == "02:00:5e:00:55:03"
    assert len(site.leases("?state=bound")) == 12 and not site.leases("?state=declined")
    assert len(site.leases("?network=192.168.7.0/24")) == 12 and not site.leases("?network=10.0.0.0/8")
    for wrong in ("mac=zz", "limit=0", "limit=1001", "state=odd", "from=x", "network=nowhere"):
        assert site.service.control("GET", f"/leases?{wrong}")[0] == 400


def test_command_line_shows_and_ends_leases(site):
    ack = site.client().bind()
    shown = site.cli("leases")
    assert shown.returncode == 0 and ack.yiaddr in shown.stdout and "02:00:5e:00:53:01" in shown.stdout
    assert site.cli("leases", "--json").stdout.count('"address"') == 1
    assert "bound" in site.cli("lease", "show", ack.yiaddr).stdout
    assert site.cli("lease", "release", ack.yiaddr).returncode == 0
    assert eventually(lambda: (site.lease(ack.yiaddr) or {}).get("state") != "bound")
    gone = site.cli("lease", "show", "192.168.7.77")
    assert gone.returncode == 1 and "no lease" in gone.stderr
    assert site.cli("lease", "show", "nonsense").returncode == 2


def test_reservation_by_command_lasts(site):
    client = site.client()
    address = client.bind().yiaddr
    kept = site.cli("lease", "reserve", address, "--name", "server", "--json")
    assert kept.returncode == 0, kept.stderr
    assert '"yaml"' in kept.stdout and client.mac in kept.stdout
    other = site.cli("lease", "reserve", "192.168.7.20", "--mac", "02:00:5e:00:53:44")
    assert other.returncode == 0, other.stderr
    site.service.kill()
    site.service.start()
    ack = site.again(client, "02:00:5e:00:53:44").bind()
    assert ack.yiaddr == "192.168.7.20", "outside of the pool, by a reservation from before the crash"
    assert client.bind().yiaddr == address
    assert site.cli("lease", "reserve", "192.168.7.20", "--remove").returncode == 0
    assert site.cli("lease", "reserve", "192.168.7.20", "--remove").returncode == 1
    assert site.cli("lease", "reserve", "10.0.0.1", "--mac", client.mac).returncode == 1
    assert site.cli("lease", "reserve", "192.168.7.30").returncode == 2


def test_pools_and_status_say_how_full_it_is(site):
    for i in range(3):
        site.client(f"c{i}", f"02:00:5e:00:53:1{i}").bind()
    (pool,) = site.get("/pools")["pools"]
    assert pool["size"] == 100 and pool["bound"] == 3 and pool["percent"] == 3
    assert pool["first"] == "192.168.7.100" and pool["last"] == "192.168.7.199"
    status = site.get("/status")
    assert status["leases"] >= 3 and status["store"]["connected"] and status["store"]["kind"] == "sqlite"
    assert site.metric("received_total", type="DISCOVER") == 3
    assert site.metric("sent_total", type="ACK") == 3


def test_pool_that_fills_is_an_event(net):
    site = fresh(
        net,
        config(
            """
      pools: [{range: 192.168.7.100-192.168.7.103, warn-percent: 50}]
"""
        ),
    )
    try:
        client = site.client()
        for i in range(4):
            site.again(client, f"02:00:5e:00:56:{i:02x}").bind()
        assert any(e["event"] == "pool" and e["size"] == 4 for e in site.events())
        late = site.again(client, "02:00:5e:00:56:99")
        assert late.discover(wait=1.0) is None
        assert site.metric("refused_total", cause="no-address") >= 1
    finally:
        site.close()


def test_forced_renewal_needs_a_client_that_said_it_can(site):
    client = site.client()
    ack = client.bind()
    refused = site.cli("lease", "renew", ack.yiaddr)
    assert refused.returncode == 1 and "6704" in refused.stderr


def test_forced_renewal_is_signed_with_the_nonce_that_the_ack_brought(site):
    """RFC 6704 3: option 145, the nonce in option 90 of the ACK, HMAC-MD5 over the FORCERENEW."""
    client = site.client()
    offer = client.discover({dhcp.NONCE_CAPABLE: [1]})
    ack = client.request(offer, {dhcp.NONCE_CAPABLE: [1]})
    given = ack.options[dhcp.AUTHENTICATION]
    # protocol 3, algorithm 1, RDM 0, replay detection, then type 1 and the nonce
    assert given[:3] == bytes([3, 1, 0]) and given[11] == 1 and len(given) == 28
    nonce = given[12:]
    client.host.address(client.interface, f"{ack.yiaddr}/24")
    client.forget()
    asked = site.cli("lease", "renew", ack.yiaddr)
    assert asked.returncode == 0, asked.stderr
    forced, to = client.heard(None)
    assert forced.type == dhcp.FORCERENEW and to == ack.yiaddr
    auth = forced.options[dhcp.AUTHENTICATION]
    assert auth[:3] == bytes([3, 1, 0]) and auth[11] == 2
    assert auth[3:11] > given[3:11], "replay detection grows"
    unsigned = forced.wire_as_heard.replace(auth[12:], bytes(16))
    assert hmac.new(nonce, unsigned, hashlib.md5).digest() == auth[12:]


def test_options_of_the_network_are_in_the_answers(net):
    site = fresh(net, config(NETWORK + "      next-server: 192.168.7.5\n      boot-file: pxe.0\n"))
    try:
        ack = site.client().bind()
        assert ack.siaddr == "192.168.7.5" and ack.file.rstrip(b"\0") == b"pxe.0"
    finally:
        site.close()
