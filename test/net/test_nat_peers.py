"""`veth-peers`: what leaves by a veth goes straight into its other end, and the old way as soon as that would not do.

The site of nat_site.py, whose devices are veths with their other ends at switches, and a container behind one of its own:

    gateway 10.7.0.1, fd07::1 - pod 10.7.0.2, fd07::2
"""

import fcntl
import json
import os
import socket
import struct
import time

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6

import topology
from nat_site import ALICE, BEYOND, CONFIG, FAR, GATEWAY, Site, eventually

VERIFIER_S = 60  # the programs are judged when they are loaded
PEERS = CONFIG.replace("inside: lan", "inside: [lan, to-pod]") + "  veth-peers: on\n"
POD, POD6 = "10.7.0.2", "fd07::2"
PACKETS = 20
FEW = 6  # the first to a neighbour goes by the kernel's own way, and so do its ARP and ND


@pytest.fixture
def site(janitor_process):
    net = topology.Net()
    made = Site(net, PEERS)
    made.pod = net.host("pod")
    try:
        net.cable(made.gateway, "10.7.0.1/24 fd07::1/64", made.pod, f"{POD}/24 {POD6}/64")
        made.pod.route("default", "10.7.0.1")
        made.pod.ip("-6", "route", "add", "default", "via", "fd07::1")
        made.gateway.address("lan", "fd01::1/64")
        inside = made.alice.ip("-br", "link").split("to-")[1].split("@")[0]
        made.alice.address(f"to-{inside}", "fd01::10/64")
        made.alice.ip("-6", "route", "add", "default", "via", "fd01::1")
        made.service.start(timeout=VERIFIER_S)
        yield made
    finally:
        troubles = net.close()
        made.close()
    assert not troubles, "\n".join(troubles)


def peers(site):
    """The names of the devices that are left so."""
    return {d["name"] for d in site.service.control("GET", "/status")[1]["devices"] if d.get("peer")}


def counted(host, device, what):
    return host.netlink.statistics(device)[what]


def by_the_device(site, device, host, to):
    """How many of PACKETS from the host the gateway's device has counted on their way out."""
    with host.inside():
        s = socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM)
    with s:
        s.sendto(b"first", (to, 9))
        time.sleep(0.2)  # the neighbour is known
        before = counted(site.gateway, device, "tx_packets")
        for _ in range(PACKETS):
            s.sendto(b"x", (to, 9))
        until = time.monotonic() + 1  # those that pass by the device are never counted
        while (told := counted(site.gateway, device, "tx_packets") - before) < PACKETS and time.monotonic() < until:
            time.sleep(0.05)
        return told


def test_off_unless_it_is_asked_for(site):
    site.service.reload(PEERS.replace("veth-peers: on", "veth-peers: off"))
    assert peers(site) == set()
    assert by_the_device(site, "wan", site.alice, FAR) >= PACKETS
    site.service.reload(PEERS)
    assert peers(site) == {"lan", "wan", "to-pod"}
    assert by_the_device(site, "wan", site.alice, FAR) <= FEW


def test_everything_goes_its_way_past_the_devices(site):
    """Translated, into a bridge's port and into a container, small and in segments, and the container's own."""
    site.daemon(site.beyond, "python3", "-m", "http.server", "80", wait="tcp:80")
    site.daemon(site.pod, "python3", "-m", "http.server", "80", "--bind", "::", wait="tcp:80")
    get = lambda host, url: host.run("curl", "-sS", "-m", "8", "-o", "/dev/null", "-w", "%{http_code}", url).stdout
    with site.sniffer() as leaked:
        assert get(site.alice, f"http://{BEYOND}/") == get(site.pod, f"http://{BEYOND}/") == "200"
        assert get(site.alice, f"http://[{POD6}]/") == "200"
        assert "2 received" in site.pod.run("ping", "-c", "2", "-i", "0.2", "-W", "2", BEYOND).stdout
        hops = site.alice.run("traceroute", "-n", "-q", "1", "-w", "2", "-U", BEYOND).stdout.splitlines()[1:]
        assert [hop.split()[1] for hop in hops] == ["192.168.1.1", "198.51.100.30", BEYOND]
        for server, to, device, flag in ((site.beyond, BEYOND, "wan", ""), (site.beyond, BEYOND, "lan", "-R"), (site.pod, POD6, "to-pod", "")):
            site.daemon(server, "iperf3", "-s", "-1", wait="tcp:5201")
            before = counted(site.gateway, device, "tx_bytes")
            done = json.loads(site.alice.run("iperf3", "-c", to, "-n", "20M", "-J", *flag.split()).stdout)
            octets = done["end"]["sum_received"]["bytes"]  # of what is on its way at the end it counts nothing
            assert octets > 10_000_000, done
            assert counted(site.gateway, device, "tx_bytes") - before < octets / 5, device
    assert not leaked, leaked


def test_who_is_outside_sees_the_public_address(site):
    with site.far.inside():
        far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        far.bind((FAR, 7))
    with site.alice.inside():
        host = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        host.bind((ALICE, 7070))
    with far, host:
        for s in (far, host):
            s.settimeout(5)
        for _ in range(3):
            host.sendto(b"?", (FAR, 7))
            assert far.recvfrom(64) == (b"?", (GATEWAY, 7070))
            far.sendto(b"!", (GATEWAY, 7070))
            assert host.recvfrom(64) == (b"!", (FAR, 7))


def tunnel(host, name):
    """A device without Ethernet, whose packets we read and write."""
    with host.inside():
        fd = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH", name.encode(), 0x1001))  # TUNSETIFF: IFF_TUN, IFF_NO_PI
    return fd


def test_what_comes_without_a_frame_gets_one(site):
    """As out of a tunnel: its packets have no room for the veth's header."""
    fd = tunnel(site.gateway, "tun0")
    try:
        site.gateway.run("ip", "link", "set", "tun0", "up")
        site.gateway.address("tun0", "10.8.0.1/24")
        site.gateway.address("tun0", "fd08::1/64")
        site.service.reload(PEERS.replace("to-pod]", "to-pod, tun0]"))
        assert peers(site) == {"lan", "wan", "to-pod"}
        for packet in (IP(src="10.8.0.2", dst=POD), IPv6(src="fd08::2", dst=POD6)):
            with site.pod.inside():
                heard = socket.socket(socket.AF_INET6 if packet.version == 6 else socket.AF_INET, socket.SOCK_DGRAM)
            with heard:
                heard.bind((packet.dst, 9))
                heard.settimeout(5)
                before = 0
                for i in range(PACKETS + 1):
                    os.write(fd, bytes(packet / UDP(sport=9, dport=9) / str(i).encode()))
                    assert heard.recv(64) == str(i).encode()
                    if i == 0:  # the neighbour is known
                        before = counted(site.gateway, "to-pod", "tx_packets")
                assert counted(site.gateway, "to-pod", "tx_packets") - before <= FEW
    finally:
        os.close(fd)


def test_a_shaper_that_comes_sees_all_that_leaves(site):
    site.gateway.run("tc", "qdisc", "add", "dev", "wan", "root", "handle", "7:", "pfifo", "limit", "1000")
    eventually(lambda: peers(site) == {"lan", "to-pod"})
    assert by_the_device(site, "wan", site.alice, FAR) >= PACKETS
    assert "Sent 0 bytes" not in site.gateway.run("tc", "-s", "qdisc", "show", "dev", "wan").stdout
    site.gateway.run("tc", "qdisc", "del", "dev", "wan", "root")
    eventually(lambda: peers(site) == {"lan", "wan", "to-pod"})
    assert by_the_device(site, "wan", site.alice, FAR) <= FEW


def far_end_comes_home(site):
    """The container's end into the gateway's own namespace, where a program may not put anything."""
    site.pod.ip("link", "set", "to-gateway", "netns", site.gateway.space)
    site.gateway.ip("link", "set", "to-gateway", "up")


def as_if_it_were_there(site):
    mac = site.gateway.run("cat", "/sys/class/net/to-gateway/address").stdout.strip()
    site.gateway.ip("neighbour", "replace", POD, "lladdr", mac, "dev", "to-pod", "nud", "permanent")


def test_the_other_end_moves_and_goes(site):
    assert by_the_device(site, "to-pod", site.alice, POD) <= FEW
    far_end_comes_home(site)
    eventually(lambda: "to-pod" not in peers(site))
    as_if_it_were_there(site)
    assert by_the_device(site, "to-pod", site.alice, POD) >= PACKETS
    site.gateway.ip("link", "del", "to-pod")
    eventually(lambda: "to-pod" not in json.dumps(site.service.control("GET", "/status")[1]["devices"]))
    assert by_the_device(site, "wan", site.alice, FAR) <= FEW  # others go on
    assert "1 received" in site.alice.run("ping", "-c", "1", "-W", "2", FAR).stdout


def test_it_moves_while_the_service_is_away(site):
    """Then what was to go there is lost, until somebody is there again; nothing else is, and nothing private leaves."""
    assert by_the_device(site, "to-pod", site.alice, POD) <= FEW
    with site.sniffer() as leaked:
        site.service.kill()
        far_end_comes_home(site)
        as_if_it_were_there(site)
        before = counted(site.gateway, "to-gateway", "rx_packets")
        assert by_the_device(site, "to-pod", site.alice, POD) <= FEW
        assert counted(site.gateway, "to-gateway", "rx_packets") - before <= FEW
        assert "1 received" in site.alice.run("ping", "-c", "1", "-W", "2", FAR).stdout
        site.service.start(timeout=VERIFIER_S)
        assert peers(site) == {"lan", "wan"}
        assert by_the_device(site, "to-pod", site.alice, POD) >= PACKETS
    assert not leaked, leaked
