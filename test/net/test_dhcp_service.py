"""The address server as a process: killed, reloaded, supervised, in its sandbox, with interfaces that come and
go; and what was acknowledged is never lost."""

import os
import signal
import threading
import time

import pytest

import dhcp_client as dhcp
from dhcp_client import ACK, DISCOVER, OFFER, packed
from dhcp_site import NETWORK, Site, config, eventually
from service import Service


@pytest.fixture
def site(net):
    made = Site(net)
    yield made
    made.close()


def mac_of(i):
    return f"02:00:5e:01:{i >> 8:02x}:{i & 255:02x}"


def test_no_acknowledged_lease_is_lost_when_it_is_killed(site):
    client = site.client()
    given = {}
    stop = threading.Event()

    def take():
        i = 0
        while not stop.is_set() and i < 90:
            other = dhcp.Client(client.host, client.interface, mac_of(i))
            try:
                offer = other.insist(other.message(DISCOVER), 3)  # one that was killed has forgotten its offers
                ack = other.insist(other.selecting(offer), 3) if offer else None
                if ack and ack.type == ACK:
                    given[other.mac] = ack.yiaddr
                    i += 1
                    stop.wait(0.02)  # so that there are some for each kill
            finally:
                other.close()

    taker = threading.Thread(target=take)
    taker.start()
    for i in range(4):
        assert eventually(lambda i=i: len(given) > 6 * i, 10), "the test did not get anywhere"
        time.sleep(0.2)
        site.service.kill()
        site.service.start()
    assert eventually(lambda: len(given) > 24, 10), "the test did not get anywhere"
    stop.set()
    taker.join(20)
    assert len(set(given.values())) == len(given), "an address was given twice"
    leases = site.leases("?limit=1000")
    for mac, address in given.items():
        assert leases[address]["mac"] == mac and leases[address]["state"] == "bound"


def test_reload_under_load_keeps_leases_and_drops_nothing(site):
    client = site.client()
    clients = [site.again(client, mac_of(i)) for i in range(20)]
    held = {c.mac: c.bind().yiaddr for c in clients}
    stop, missed, rounds = threading.Event(), [], [0]

    def renew():
        while not stop.is_set():
            for c in clients:
                answer = c.reboot(held[c.mac])  # said once
                rounds[0] += 1
                if answer is None or answer.type != ACK or answer.yiaddr != held[c.mac]:
                    missed.append(c.mac)

    renewing = threading.Thread(target=renew)
    renewing.start()
    for i in range(5):
        before = rounds[0]
        assert eventually(lambda before=before: rounds[0] > before + 10, 20), "the test did not get anywhere"
        site.service.reload(config(NETWORK.replace("1h", f"{i + 2}h")))
    stop.set()
    renewing.join(60)
    assert not missed and rounds[0] > 50
    # Of the last configuration; less what the disk took.
    assert 5 * 3600 < clients[0].reboot(held[clients[0].mac]).number(dhcp.LEASE_TIME) <= 6 * 3600


def test_wrong_configuration_changes_nothing(site):
    client = site.client()
    address = client.bind().yiaddr
    site.service.configure(config(NETWORK.replace("192.168.7.199", "192.168.9.199")))
    site.service.send(signal.SIGHUP)
    assert eventually(lambda: "refused" in site.service.log())
    assert "gatehouse.yaml:" in site.service.log()
    assert client.reboot(address).yiaddr == address


def test_interface_that_appears_later_is_served(net):
    site = Site(net)
    try:
        client = site.client()
        assert client.bind()
        other = net.host("other")
        ours, theirs = net.cable(site.gateway, "", other, "")
        late = dhcp.Client(other, theirs)
        site.clients.append(late)
        assert late.discover(wait=0.7) is None
        site.service.reload(
            config(NETWORK)
            + "    - subnet: 192.168.8.0/24\n      pools: [{range: 192.168.8.100-192.168.8.199}]\n"
        )
        site.gateway.address(ours, "192.168.8.1/24")
        assert late.insist(late.message(DISCOVER), 5).type == OFFER
        assert late.bind().yiaddr.startswith("192.168.8.1")
        site.gateway.ip("link", "del", ours)
        ours, theirs = net.cable(site.gateway, "192.168.8.1/24", other, "")
        again = dhcp.Client(other, theirs)
        site.clients.append(again)
        assert again.insist(again.message(DISCOVER), 5).type == OFFER
        assert client.bind()
    finally:
        site.close()


def test_only_named_interfaces_are_served(net):
    site = Site(net, "dhcp:\n  interfaces: [nothing0]\n" + config()[len("dhcp:\n") :])
    try:
        assert site.client().discover(wait=0.7) is None
        assert site.metric("other_interface_total") >= 1
    finally:
        site.close()


def test_runs_without_root_and_its_files_are_its_own(site):
    site.client().bind()
    status = site.get("/status")
    for layer in ("user", "capabilities", "no-new-privileges", "seccomp"):
        assert layer in status["sandbox"], status["sandbox"]
    state = site.service.folder / "state" / "dhcp"
    assert state.stat().st_mode & 0o777 == 0o700
    owner = state.stat().st_uid
    assert owner == os.stat(f"/proc/{site.service.pid}").st_uid != 0
    assert all(path.stat().st_uid == owner for path in state.iterdir())
    with open(f"/proc/{site.service.pid}/status", encoding="ascii") as file:
        (effective,) = [line.split()[1] for line in file if line.startswith("CapEff")]
    assert int(effective, 16) == 0


def test_supervisor_opens_its_sockets_and_a_crash_loses_nothing(net):
    switch, gateway = net.switch("switch"), net.host("gateway")
    net.plug(gateway, "192.168.7.1/24", switch)
    run = Service(gateway, "run", config()).start()
    host = net.host("client")
    client = dhcp.Client(host, net.plug(host, "", switch))
    try:
        address = client.bind().yiaddr
        pid = run.control("GET", "/status", service="dhcp")[1]["pid"]
        os.kill(pid, signal.SIGKILL)
        # What is sent meanwhile waits in the socket, which the supervisor holds.
        offer = client.discover()  # said once
        assert offer is not None and offer.yiaddr == address
        assert client.reboot(address).type == ACK
        status = run.control("GET", "/status", service="dhcp")[1]
        assert status["pid"] != pid and "user" in status["sandbox"]
        assert (run.folder / "state" / "dhcp").stat().st_uid != 0
    finally:
        client.close()


def test_supervisor_gives_it_more_sockets_and_the_leases_stay(net):
    """The store is one process's at a time: the old one ends before the new one opens it."""
    switch, gateway = net.switch("switch"), net.host("gateway")
    net.plug(gateway, "192.168.7.1/24 2001:db8:7::1/64", switch)
    run = Service(gateway, "run", config()).start()
    host = net.host("client")
    client = dhcp.Client(host, net.plug(host, "", switch))
    try:
        address = client.bind().yiaddr
        pid = run.control("GET", "/status", service="dhcp")[1]["pid"]
        run.reload(config() + "  ipv6:\n    networks:\n      - subnet: 2001:db8:7::/64\n")
        assert run.log().count("ready service=dhcp") == 2, "the supervisor is ready, and the new one is not"
        status = run.control("GET", "/status", service="dhcp")[1]
        assert status["pid"] != pid and "ipv6" in status
        assert ":547 " in gateway.run("ss", "-lnu").stdout
        assert client.reboot(address).type == ACK
        assert "restarts" not in run.log(), "an end that was asked for is no crash"
    finally:
        client.close()


def test_second_server_on_the_port_is_told(net):
    site = Site(net)
    try:
        other = Service(site.gateway, "dhcp", config())
        other.start(ready=False)
        assert other.wait() == 1
        assert "another DHCP server" in other.log()
    finally:
        site.close()


def test_two_processes_cannot_share_one_store(net):
    site = Site(net)
    elsewhere = net.host("elsewhere")
    try:
        text = f"global:\n  state: {site.service.folder}/state\n" + config()
        other = Service(elsewhere, "dhcp", text)
        other.start(ready=False)
        assert other.wait() == 1
        assert "another process has the store" in other.log()
    finally:
        site.close()


def test_lease_that_ran_out_is_free_for_others(net):
    site = Site(
        net,
        config(
            """
      pools: [{range: 192.168.7.100-192.168.7.100, allocate: dynamic}]
      lease-time: 10s
"""
        ),
    )
    try:
        client = site.client()
        offer = client.discover()
        began = time.monotonic()
        ack = client.request(offer)
        # It ends 10 s after it was asked for, also where the disk was slow.
        assert 10 >= ack.number(dhcp.LEASE_TIME) >= 10 - 1 - (time.monotonic() - began)
        other = site.again(client, "02:00:5e:00:53:02")
        assert other.discover(wait=0.7) is None
        assert other.insist(other.message(DISCOVER), 14).type == OFFER
        assert time.monotonic() - began > 9
        assert any(e["event"] == "expire" for e in site.events())
        assert packed(other.bind().yiaddr) == packed(ack.yiaddr)
    finally:
        site.close()
