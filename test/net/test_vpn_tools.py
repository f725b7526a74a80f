"""`wg` on our interface: what it shows, sets, and brings in line with a file; an interface of its configuration; keys
that are renewed as time passes."""

from pathlib import Path

import pytest

import topology
import tunnels
from tunnels import INNER, LEFT, RIGHT, World, eventually, new_key, ping_until, pings


@pytest.fixture(scope="module")
def world(janitor_process):
    net = topology.Net()
    try:
        yield World(net, "go", "ours").up()
    finally:
        troubles = net.close()
    assert not troubles, "\n".join(troubles)


def test_show_tells_what_is(world):
    preshared, _ = new_key()
    world.meet("left", preshared=preshared)
    world.right.meet(world.left, INNER["left"], keepalive=25)
    ping_until(world.left_host, INNER["right"][0])
    head = world.right.wg("show", world.right.name, "dump").splitlines()[0].split("\t")
    assert head == [world.right.private, world.right.public, str(world.right.port), "off"]
    peer = world.right.peer(world.left)
    assert peer.preshared == preshared and peer.keepalive == 25
    assert peer.endpoint == f"{LEFT}:{world.left.port}"
    assert peer.allowed == ["10.9.0.1/32", "fd00:9::1/128"]
    assert peer.handshake and peer.received > 100 and peer.sent > 100
    assert world.right.name in world.right.wg("show", "interfaces").split()
    pretty = world.right.wg("show", world.right.name)
    assert "latest handshake:" in pretty and world.left.public in pretty
    config = world.right.wg("showconf", world.right.name)
    assert f"PrivateKey = {world.right.private}" in config and f"Endpoint = {LEFT}:" in config


def test_set_moves_an_allowed_address_to_another_peer(world):
    world.meet("left")
    _, other = new_key()
    world.right.wg("set", world.right.name, "peer", other, "allowed-ips", f"{INNER['left'][0]}/32,10.9.0.7/32")
    peers = world.right.show()
    assert sorted(peers[other].allowed) == ["10.9.0.1/32", "10.9.0.7/32"]
    assert peers[world.left.public].allowed == ["fd00:9::1/128"]
    world.right.wg("set", world.right.name, "peer", other, "remove")
    assert other not in world.right.show()
    assert not pings(world.left_host, INNER["right"][0], wait=0.5)
    assert pings(world.left_host, INNER["right"][1])


def test_set_gives_another_key(world):
    private, public = new_key()
    path = world.right.service.folder / "new.key"
    path.write_text(private)
    old = (world.right.private, world.right.public)
    world.right.wg("set", world.right.name, "private-key", path)
    world.right.private, world.right.public = private, public
    try:
        world.meet("left")
        ping_until(world.left_host, INNER["right"][0])
    finally:
        path.write_text(old[0])
        world.right.wg("set", world.right.name, "private-key", path)
        world.right.private, world.right.public = old


def test_syncconf_changes_what_differs_and_leaves_sessions(world):
    world.meet("left")
    ping_until(world.left_host, INNER["right"][0])
    shaken = world.right.peer(world.left).handshake
    _, other = new_key()
    text = (
        f"[Interface]\nPrivateKey = {world.right.private}\nListenPort = {world.right.port}\n"
        f"[Peer]\nPublicKey = {world.left.public}\nAllowedIPs = 10.9.0.1/32, fd00:9::1/128\n"
        f"[Peer]\nPublicKey = {other}\nAllowedIPs = 10.9.0.77/32\n"
    )
    world.right.file("syncconf", text)
    assert sorted(world.right.show()) == sorted([world.left.public, other])
    assert world.right.peer(world.left).handshake == shaken
    assert pings(world.left_host, INNER["right"][0])
    world.right.file("syncconf", text.split("[Peer]")[0] + "[Peer]" + text.split("[Peer]")[1])
    assert list(world.right.show()) == [world.left.public]
    assert pings(world.left_host, INNER["right"][0])
    world.right.file("addconf", f"[Peer]\nPublicKey = {other}\nAllowedIPs = 10.9.0.78/32\n")
    assert world.right.show()[other].allowed == ["10.9.0.78/32"]


FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


@pytest.mark.skipif(not FAKETIME, reason="libfaketime is not here")
def test_keys_are_renewed_every_two_minutes_of_ours(net):
    """Our clock runs forty times faster: the 120 s of a key are three, and wireguard-go agrees to each new one."""
    clock = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": "+0 x40"}
    world = World(net, "ours", "go", left_options={"environment": clock}).up()
    world.meet("left")
    ping_until(world.left_host, INNER["right"][0])
    with world.sniffer() as sniffer:

        def renewed():
            assert pings(world.left_host, INNER["right"][0])
            return len(sniffer.of_kind(tunnels.RESPONSE, RIGHT)) >= 2

        eventually(renewed, every=0.3)
        assert world.left.counter("handshakes_total") >= 3
    world.down()
