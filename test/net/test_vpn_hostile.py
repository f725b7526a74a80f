"""What is sent to a tunnel by those who do not belong to it, or again, or torn: it costs a counter, gets no answer,
and moves nobody. And a flood of handshakes: who shows a cookie gets through."""

import threading
import time

import pytest

import topology
import tunnels
from tunnels import (
    COOKIE_REPLY,
    INITIATION,
    INNER,
    LEFT,
    RESPONSE,
    RIGHT,
    TRANSPORT,
    World,
    eventually,
    is_silent,
    ping_until,
    pings,
    udp_socket,
)


class Attack:
    """left: wireguard-go, an honest peer; right: ours; whoever else is on left's host."""

    def __init__(self, net):
        limits = "  limits: {handshakes: 20}\n"
        self.world = World(net, "go", "ours", right_options={"more": limits}).up()
        self.ours, self.to = self.world.right, (RIGHT, self.world.right.port)
        self.world.meet("left")
        with self.world.sniffer() as sniffer:
            ping_until(self.world.left_host, INNER["right"][0])
            self.initiation = sniffer.of_kind(INITIATION, LEFT)[-1][2]
            self.response = sniffer.of_kind(RESPONSE, RIGHT)[-1][2]
            self.transport = sniffer.of_kind(TRANSPORT, LEFT)[-1][2]
        self.endpoint = self.ours.peer(self.world.left).endpoint

    def costs(self, messages, **causes):
        """They get no answer, and each cause is counted so often; nothing else is."""
        before = self.ours.dropped()
        stranger = udp_socket(self.world.left_host)
        for message in messages:
            stranger.sendto(message, self.to)

        def counted():
            now = self.ours.dropped()
            return {k: n - before.get(k, 0) for k, n in now.items() if n > before.get(k, 0)}

        expected = {cause.replace("_", "-"): n for cause, n in causes.items()}
        try:
            eventually(lambda: counted() == expected, 3)
        except AssertionError:
            assert counted() == expected
        assert is_silent(stranger, 0.1)
        stranger.close()
        assert self.ours.peer(self.world.left).endpoint == self.endpoint
        assert pings(self.world.left_host, INNER["right"][0])


@pytest.fixture(scope="module")
def attack(janitor_process):
    net = topology.Net()
    try:
        yield Attack(net)
    finally:
        troubles = net.close()
    assert not troubles, "\n".join(troubles)


def test_garbage(attack):
    attack.costs([bytes([n]) * n for n in range(5, 205)], torn=200)


def test_truncated_messages(attack):
    torn = [m[:n] for m in (attack.initiation, attack.response) for n in (1, 4, 8, 31, 32, 60, len(m) - 1)]
    attack.costs([*torn, attack.transport[:31], attack.transport[:16], attack.initiation + b"\0"], torn=17)


def test_a_wrong_mac1(attack):
    wrong = [attack.initiation[:-32] + bytes(32), attack.response[:-20] + bytes(20)]
    attack.costs(wrong, mac1=2)


def test_somebody_unknown_who_knows_our_public_key(attack):
    attack.costs([tunnels.stray_initiation(attack.ours.public, n) for n in range(3)], handshake=3)


def test_an_initiation_again(attack):
    attack.costs([attack.initiation], timestamp=1)


def test_a_response_that_nobody_waits_for(attack):
    again = tunnels.sign(attack.response, attack.ours.public)
    attack.costs([again], no_handshake=1)


def test_a_packet_again(attack):
    attack.costs([attack.transport] * 3, replay=3)


def test_a_packet_with_a_changed_bit(attack):
    changed = bytearray(attack.transport)
    changed[-1] ^= 1
    later = bytearray(attack.transport)
    later[9] ^= 0x40  # a counter that is not yet there
    attack.costs([bytes(changed), bytes(later)], tag=2)


def test_a_packet_of_no_session(attack):
    attack.costs([attack.transport[:4] + b"\xff\xff\xff\xff" + attack.transport[8:]], index=1)


def test_a_spoofed_source_inside(attack):
    left, name = attack.world.left_host, attack.world.left.name
    before = attack.ours.dropped().get("source", 0)
    left.address(name, "10.9.0.99/32 fd00:9::99/128")
    try:
        assert not pings(left, INNER["right"][0], wait=0.5, more=("-I", "10.9.0.99"))
        assert not pings(left, INNER["right"][1], wait=0.5, more=("-I", "fd00:9::99"))
    finally:
        left.ip("address", "del", "10.9.0.99/32", "dev", name)
        left.ip("address", "del", "fd00:9::99/128", "dev", name)
    assert attack.ours.dropped()["source"] == before + 2
    assert pings(left, INNER["right"][0])


def test_nobody_poses_as_the_gateway(attack):
    """Every address is allowed to the peer, so the gate alone keeps it from posing as the gateway: by an address inside,
    one of another link, one that came later. With any other address the packet passes the gate."""
    left, ours, public = attack.world.left_host, attack.ours, attack.world.left.public
    name = attack.world.left.name
    metric = f'gatehouse_vpn_refused_total{{service="vpn",interface="{ours.name}",cause="spoofed"}}'

    def allowed(prefixes):
        attack.world.left.wg("set", name, "peer", ours.public, "allowed-ips", ",".join(prefixes))

    def refused(source):
        before = ours.metrics()[metric], ours.peer(attack.world.left).received
        left.address(name, source + ("/128" if ":" in source else "/32"))
        to = "fd00:9::50" if ":" in source else "10.9.0.50"
        assert not pings(left, to, wait=0.2, more=("-I", source))
        left.ip("address", "del", source, "dev", name)
        assert ours.peer(attack.world.left).received > before[1]
        return ours.metrics()[metric] > before[0]

    late, late6 = "203.0.113.7", "2001:db8:77::7"
    ours.wg("set", ours.name, "peer", public, "allowed-ips", "0.0.0.0/0,::/0")
    allowed(["10.9.0.0/24", "fd00:9::/64"])
    try:
        for own in (*INNER["right"], tunnels.RIGHT6):
            assert refused(own), own
        for other in ("10.9.0.77", late, late6):
            assert not refused(other), other
        attack.world.right_host.address("lo", f"{late}/32 {late6}/128")
        for own in (late, late6):
            eventually(lambda: refused(own), 10)
        for own in (late, late6):
            attack.world.right_host.ip("address", "del", own, "dev", "lo")
            eventually(lambda: not refused(own), 10)
    finally:
        ours.wg("set", ours.name, "peer", public, "allowed-ips", ",".join(INNER["left"]))
        allowed(INNER["right"])
    assert pings(left, INNER["right"][0])


def shown(sniffer, port):
    """The initiations with a mac2, which only who has a cookie can make."""
    return [p for a, _, p in sniffer.of_kind(INITIATION, LEFT) if a[1] == port and p[-16:] != bytes(16)]


class Flood:
    """Initiations of nobody, mac1 right, from one host, in bursts; until it is told to stop."""

    def __init__(self, host, to, public):
        self.messages = [tunnels.stray_initiation(public, n) for n in range(600)]
        self.socket, self.to, self.over = udp_socket(host), to, False
        self.thread = threading.Thread(target=self.send)

    def send(self):
        while not self.over:
            for message in self.messages:
                self.socket.sendto(message, self.to)
            time.sleep(0.2)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.thread.join()
        self.socket.close()


def test_a_cookie_lets_an_honest_peer_through_a_flood(attack):
    world = attack.world
    before = attack.ours.counter("cookies_sent_total")
    with Flood(world.left_host, attack.to, attack.ours.public), world.sniffer() as sniffer:
        eventually(lambda: attack.ours.counter("cookies_sent_total") > before)
        world.meet("left")
        ping_until(world.left_host, INNER["right"][0])
        assert world.agreed()
        assert (LEFT, world.left.port) in {to for _, to, _ in sniffer.of_kind(COOKIE_REPLY, RIGHT)}
        assert shown(sniffer, world.left.port)


def test_we_show_a_cookie_to_an_end_under_load(net):
    world = World(net, "ours", "go").up()
    with Flood(world.left_host, (RIGHT, world.right.port), world.right.public), world.sniffer() as sniffer:
        eventually(lambda: sniffer.of_kind(COOKIE_REPLY, RIGHT))
        # Between two bursts wireguard-go may have caught up.
        for _ in range(4):
            world.meet("left")
            ping_until(world.left_host, INNER["right"][0], 30)
            assert world.agreed()
            if shown(sniffer, world.left.port):
                break
        assert shown(sniffer, world.left.port)
    world.down()
