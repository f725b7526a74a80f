"""Our tunnels with wireguard-go as the other end, and with themselves: what WireGuard promises, seen from outside."""

import socket
import threading

import pytest

import topology
import tunnels
from tunnels import INNER, LEFT, LEFT_TOO, RIGHT, World, eventually, ping_until, pings

PAIRS = [("go", "ours"), ("ours", "go"), ("ours", "ours")]


@pytest.fixture(scope="module", params=PAIRS, ids="-".join)
def world(janitor_process, request):
    net = topology.Net()
    try:
        made = World(net, *request.param)
        yield made.up()
        made.down()
    finally:
        troubles = net.close()
    assert not troubles, "\n".join(troubles)


@pytest.mark.parametrize("initiator", ["left", "right"])
def test_either_side_begins_and_both_send(world, initiator):
    world.meet(initiator)
    first, second = ("left", "right") if initiator == "left" else ("right", "left")
    hosts = {"left": world.left_host, "right": world.right_host}
    ping_until(hosts[first], INNER[second][0])
    assert world.agreed()
    assert pings(hosts[second], INNER[first][0])
    assert pings(hosts[first], INNER[second][1]) and pings(hosts[second], INNER[first][1])
    for end, other in ((world.left, world.right), (world.right, world.left)):
        peer = end.peer(other)
        assert peer.received > 300 and peer.sent > 300


def test_ipv6_carries_both_families(world):
    world.meet("left", family=6)
    ping_until(world.left_host, INNER["right"][1])
    assert pings(world.left_host, INNER["right"][0])
    assert world.right.peer(world.left).endpoint == f"[{tunnels.LEFT6}]:{world.left.port}"


def test_a_preshared_key_must_be_the_same(world):
    preshared, _ = tunnels.new_key()
    world.meet("left", preshared=preshared)
    ping_until(world.left_host, INNER["right"][0])
    world.meet("left", preshared=preshared)
    world.right.meet(world.left, INNER["left"], preshared=tunnels.new_key()[0])
    with world.sniffer() as sniffer:
        assert not pings(world.left_host, INNER["right"][0], wait=1)
        assert sniffer.of_kind(tunnels.INITIATION, LEFT) and sniffer.of_kind(tunnels.RESPONSE, RIGHT)
    assert not world.left.peer(world.right).handshake


def test_an_end_that_moves_is_followed(world):
    world.meet("left")
    ping_until(world.left_host, INNER["right"][0])
    assert world.right.peer(world.left).endpoint == f"{LEFT}:{world.left.port}"
    world.move_left(LEFT, LEFT_TOO)
    try:
        ping_until(world.left_host, INNER["right"][0])
        assert world.right.peer(world.left).endpoint == f"{LEFT_TOO}:{world.left.port}"
        assert pings(world.right_host, INNER["left"][0])
    finally:
        world.move_left(LEFT_TOO, LEFT)


def test_a_keepalive_keeps_the_way_open(world):
    world.meet("left")
    world.left.meet(world.right, INNER["right"], keepalive=1)
    with world.sniffer() as sniffer:
        # Nobody has anything to say, yet hands are shaken, and empty packets come.
        eventually(world.agreed)
        eventually(lambda: len(sniffer.of_kind(tunnels.TRANSPORT, LEFT)) >= 2)
        assert {len(payload) for _, _, payload in sniffer.of_kind(tunnels.TRANSPORT, LEFT)} == {32}


def test_packets_of_every_size_up_to_the_mtu(world):
    world.meet("left")
    ping_until(world.left_host, INNER["right"][0])
    with world.sniffer() as sniffer:
        for size in (0, 1, 3, 4, 5, 20, 1371, 1372, 1391, 1392):
            assert pings(world.left_host, INNER["right"][0], size=size, more=("-M", "do"))
        sent = [payload for _, _, payload in sniffer.of_kind(tunnels.TRANSPORT, LEFT)]
        lengths = [len(payload) for payload in sent]
        # Padded to 16, but never so that the outer packet is larger than its link takes.
        assert max(lengths) == 1420 + 32
        assert all(length % 16 == 0 or length == 1420 + 32 for length in lengths)
    assert not pings(world.left_host, INNER["right"][0], size=1393, more=("-M", "do"), wait=1)
    # Larger ones go in fragments.
    assert pings(world.left_host, INNER["right"][0], size=4000)


@pytest.mark.parametrize("way", ["up", "down"])
def test_a_stream_arrives_whole(world, way):
    world.meet("left")
    ping_until(world.left_host, INNER["right"][0])
    source, target = (world.left_host, world.right_host) if way == "up" else (world.right_host, world.left_host)
    address = INNER["right" if way == "up" else "left"][0]
    text = bytes(range(251)) * 20000
    got = bytearray()
    with target.inside():
        listener = socket.create_server((address, 0))
    listener.settimeout(20)

    def take():
        connection, _ = listener.accept()
        connection.settimeout(20)
        while piece := connection.recv(1 << 16):
            got.extend(piece)
        connection.close()

    reader = threading.Thread(target=take)
    reader.start()
    with source.inside():
        near = socket.create_connection((address, listener.getsockname()[1]), 20)
    near.sendall(text)
    near.close()
    reader.join(30)
    listener.close()
    assert got == text
