"""The translator's behaviour packet by packet, as the RFCs ask for it; nat_requirements.py says which test shows what. One start
serves all; what differs is reloaded."""

import ast
import functools
import hashlib
import os
import re
import socket
import struct
import threading
import time
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.packet import Raw

import topology
from nat_frames import Watcher
from nat_requirements import REQUIREMENTS
from nat_wire import FLOWS, HOST_FLOWS, KERNEL, PUBLICS, ROUTER, SERVER, Site, X, Y, eventually, ping, tcp, to_ports, udp, whole


@pytest.fixture(scope="module")
def site(janitor_process):
    net = topology.Net()
    made = None
    try:
        made = Site(net)
        made.start = first_start(made)
        made.begin()
        call(made)
        yield made
    except RuntimeError as error:
        if "right to load programs" not in str(error):
            raise
        pytest.skip("this kernel lets nobody load programs")
    finally:
        if made:
            made.close()
        troubles = net.close()
    assert not troubles, "\n".join(troubles)


def first_start(site):
    """What was seen outside while hosts sent without a pause, from before the first start until all went through."""
    stop = threading.Event()
    packets = [bytes(p) for p in (udp(KERNEL, 4000, X, 9), tcp(KERNEL, 4000, X, 9, "A"), tcp(KERNEL, 4000, X, 9, "R"))]

    def send():
        while not stop.wait(0.002):
            site.inner.send(*packets)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    try:
        site.service.start(timeout=60)
        eventually(lambda: any(p[9] == 17 and p[16:20] == socket.inet_aton(X) for _, p in site.watcher.packets))
    finally:
        stop.set()
        sender.join(10)
    return [octets for _, octets in site.watcher.packets]


def call(site):
    """Two are called that nobody has asked, one of whom is called back. Judged seconds later."""
    one, _, public = site.pair()
    site.called = time.monotonic()
    site.outer.send(tcp(X, 710, public, 711, "S"), tcp(Y, 710, public, 712, "S"))
    site.called_back = site.out(tcp(one, 711, X, 710, "S"))


@functools.cache
def names_in(file):
    text = (Path(__file__).parents[2] / file).read_text()
    if file.endswith(".c"):
        return set(re.findall(r"^static void (\w+)\(", text, re.M))
    return {node.name.removeprefix("test_") for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}


def test_every_requirement_is_shown_by_tests_that_are_there():
    for requirement, _, tests in REQUIREMENTS:
        for test in tests if isinstance(tests, list) else []:
            file, name = test.split(":")
            file = file if file.endswith(".c") else f"test/net/test_nat_{file}.py"
            assert name in names_in(file), (requirement, test)


# ---- mapping: RFC 4787 4, RFC 5382 4


def test_nothing_private_leaves_at_the_first_start(site):
    assert len(site.start) > 0
    for octets in site.start:
        assert socket.inet_ntoa(octets[12:16]) in PUBLICS, IP(octets).summary()
        assert octets[9] != 6, IP(octets).summary()  # of no connection that anybody has seen begin


@pytest.mark.parametrize("kind", ["udp", "tcp", "icmp"])
def test_one_inside_endpoint_has_one_outside_whoever_it_speaks_to(site, kind):
    """RFC 4787 REQ-1: 'A NAT MUST have an "Endpoint-Independent Mapping" behavior'; RFC 5382 REQ-1 for TCP; RFC 5508
    REQ-1a: 'NAT mapping of ICMP Query Identifiers SHOULD be external host independent'."""
    host = site.new_host()
    one = {"udp": lambda to: udp(host, 5000, to, 9), "tcp": lambda to: tcp(host, 5000, to, 9, "S"),
           "icmp": lambda to: ping(host, to, 5000)}[kind]  # fmt: skip
    seen = {(p.src, p[ICMP].id if kind == "icmp" else p.sport) for p in (site.out(one(to)) for to in (X, Y, ROUTER))}
    assert len(seen) == 1 and seen.pop()[0] in PUBLICS


def test_a_host_always_has_the_same_public_address(site):
    """RFC 4787 REQ-2, RFC 6888 REQ-2: 'an "IP address pooling" behavior of "Paired"'."""
    seen = {}
    for host in (site.new_host() for _ in range(8)):
        packets = [udp(host, 6001, X, 1), udp(host, 6002, Y, 2), tcp(host, 6003, Y, 80, "S"), ping(host, X, 6004)]
        sources = {site.out(packet).src for packet in packets}
        assert len(sources) == 1
        seen[host] = sources.pop()
    assert len(set(seen.values())) > 1  # and they are spread over all of them


def test_no_public_port_is_anothers_too(site):
    """RFC 4787 REQ-3, RFC 5382 REQ-7: 'A NAT MUST NOT have a "Port assignment" behavior of "Port overloading"'; REQ-3a: of
    the class of the host's own, below 1024 or not; RFC 6056, RFC 6888 REQ-15: which one cannot be guessed."""
    one, two, public = site.pair()
    used, order = set(), []
    asked = [(make, port) for port in (*range(600, 606), *range(7000, 7020)) for make in (udp, lambda *a: tcp(*a, "S"))]
    for make, port in asked:
        kept = site.out(make(one, port, X, 5))
        assert (kept.src, kept.sport) == (public, port)
        used.add((kept.proto, port))
    for make, port in asked:
        moved = site.out(make(two, port, Y, 5))
        assert moved.src == public and moved.sport != port and (moved.sport < 1024) == (port < 1024)
        used.add((moved.proto, moved.sport))
        order.append(moved.sport)
    assert len(used) == 104
    steps = {b - a for a, b in zip(order[12:], order[13:])}
    assert len(steps) > 30  # no counter


def test_protocols_have_mappings_of_their_own(site):
    """RFC 7857 5: a mapping of TCP is none of UDP, nor the other way round."""
    host = site.new_host()
    seen = site.out(tcp(host, 5100, X, 9, "S"))
    assert site.back(udp(X, 9, seen.src, 5100)) is None
    assert site.out(udp(host, 5100, X, 9)).sport == 5100
    assert site.back(udp(X, 9, seen.src, 5100)).dst == host


def test_mapping_can_depend_on_the_far_end(site):
    """For who chooses it; RFC 4787 4.1's other two."""
    for how, same_host, same_end in (("address-dependent", True, False), ("address-and-port-dependent", False, False)):
        host = site.new_host()
        with site.configured(f"  mapping: {how}\n"):
            first, second, third = (site.out(udp(host, 5200, *to)).sport for to in ((X, 1), (X, 2), (Y, 1)))
            assert (first == second) == same_host and (first == third) == same_end, how


def test_parity_is_kept_where_it_is_wanted(site):
    """RFC 4787 REQ-4: '"Port parity preservation"'; RFC 7857 10 wants it off unless asked for."""
    one, two, public = site.pair()
    with site.configured("  parity: on\n"):
        for port in range(7100, 7120):
            site.out(udp(one, port, X, 9))
            assert site.out(udp(two, port, X, 9)).sport % 2 == port % 2


def test_a_host_has_a_block_of_ports(site):
    """RFC 6888 REQ-13, REQ-14: few lines in the log: one for each block. And REQ-4: no port beyond it."""
    host = site.new_host()
    with site.configured("  port-block: 64\n"), site.service.watching() as events:
        before = site.dropped("no-port")
        seen = [site.out(udp(host, port, X, 9)) for port in range(20000, 20065)]
        ports = [p.sport for p in seen if p]
        first = min(ports) - (min(ports) - 1024) % 64
        # Some of the block may be others', who had them before there were blocks.
        assert 40 < len(set(ports)) == len(ports) <= 64 and max(ports) < first + 64
        assert site.dropped("no-port") == before + 65 - len(ports)
        assert site.out(udp(host, 20000, Y, 9)).sport == ports[0]
        eventually(lambda: [e for e in events() if e.get("host") == host and e.get("first_port") == first])


# ---- filtering


def test_who_was_not_asked_does_not_answer(site):
    """RFC 4787 REQ-8, RFC 5382 REQ-3: address and port, the most stringent, unless a host is open; RFC 4787 REQ-11: at any
    time, and so as well where the port is not the host's own."""
    one, two, public = site.pair()
    for host, port in ((one, site.out(udp(one, 5300, X, 9)).sport), (two, site.out(udp(two, 5300, X, 9)).sport)):
        before = site.dropped("filtered")
        for stranger in (udp(Y, 9, public, port), udp(X, 10, public, port)):
            assert site.back(stranger) is None
        assert site.dropped("filtered") == before + 2
        assert site.back(udp(X, 9, public, port)).dst == host
    seen = site.out(udp("192.168.1.90", 5300, X, 9))
    assert site.back(udp(Y, 77, seen.src, seen.sport)).dst == "192.168.1.90"
    assert site.back(tcp(Y, 77, seen.src, seen.sport, "S")) is None  # RFC 7857 6: of that protocol only


# ---- TCP


def speak(site, host, port, far, *segments):
    """Each (direction, flags): all of them arrive."""
    public = None
    for out, flags in segments:
        if out:
            seen = site.out(tcp(host, port, far, 80, flags))
            assert seen is not None and whole(seen), flags
            public = (seen.src, seen.sport)
        else:
            seen = site.back(tcp(far, 80, *public, flags))
            assert seen is not None and whole(seen) and (seen.dst, seen.dport) == (host, port), flags
    return public


@pytest.mark.parametrize("name, segments, state, idle", [
    ("opening", "S>", "opening", 240),
    ("answered", "S> SA<", "opening", 240),
    ("open", "S> SA< A>", "established", 7440),
    ("at once", "S> S< SA> SA< A> A<", "established", 7440),
    ("half closed", "S> SA< A> FA> A< PA<", "closing", 240),
    ("closed", "S> SA< A> FA> A< FA< A>", "closing", 240),
    ("closed at once", "S> SA< A> FA> FA< A> A<", "closing", 240),
    ("reset", "S> SA< A> R<", "closing", 240),
    ("reset, and it goes on", "S> SA< A> R< A> A<", "established", 7440),
], ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else None)  # fmt: skip
def test_connections_go_by_the_states_of_tcp(site, name, segments, state, idle):
    """RFC 5382 REQ-2: 'A NAT MUST support all valid sequences of TCP packets', 'MUST handle the TCP simultaneous-open mode';
    REQ-5: '"established connection idle-timeout" MUST NOT be less than 2 hours 4 minutes', the transitory one '4 minutes';
    RFC 7857 2.2: a RST is translated, and its session waits for 4 minutes more."""
    host = site.new_host()
    speak(site, host, 5400, X, *((word[-1] == ">", word[:-1]) for word in segments.split()))
    (flow,) = site.flows(host, 5400)
    assert flow["state"] == state
    assert idle - 60 < flow["left_s"] <= idle


def test_a_connection_from_outside_by_a_forward(site):
    """RFC 5382 REQ-2: 'initiated both internally as well as externally when the connection is permitted'."""
    for flags, back in (("S", "SA"), ("A", "PA"), ("FA", "FA"), ("A", "A")):
        seen = site.back(tcp(Y, 4321, "198.51.100.1", 8080, flags))
        assert (seen.src, seen.sport, seen.dst, seen.dport) == (Y, 4321, "192.168.1.91", 80) and whole(seen)
        seen = site.out(tcp("192.168.1.91", 80, Y, 4321, back))
        assert (seen.src, seen.sport) == ("198.51.100.1", 8080) and whole(seen)


def test_who_is_refused_is_told(site):
    """RFC 5508 REQ-8: 'the NAT device SHOULD send an ICMP destination unreachable message, with a code of 13'; TCP by a RST."""
    host = site.new_host()
    with site.configured("  firewall: [{action: reject, from: inside, traffic: 6500}]\n"):
        asked = udp(host, 5450, X, 6500)
        site.inner.send(asked)
        told = site.inner.received(lambda p: ICMP in p)[-1]
        assert (told.src, told.dst, told[ICMP].type, told[ICMP].code) == ("192.168.1.1", host, 3, 13) and whole(told)
        assert bytes(told[ICMP].payload)[:28] == bytes(asked)[:28]
        site.inner.send(tcp(host, 5450, X, 6500, "S", seq=1000))
        told = site.inner.received(lambda p: TCP in p)[-1]
        assert (told.src, told.sport, told.dport, told[TCP].flags, told[TCP].ack) == (X, 6500, 5450, "RA", 1001) and whole(told)


# ---- hairpin


def test_hosts_reach_each_other_by_the_public_address(site):
    """RFC 4787 REQ-9: 'A NAT MUST support "Hairpinning"', REQ-9a: '"External source IP address and port"'; RFC 5382 REQ-8
    for TCP; RFC 5508 REQ-7: 'All NAT devices MUST support the traversal of hairpinned ICMP Error messages'."""
    one, two = site.new_host(), site.new_host()
    for make, flags in ((udp, ([], [], [])), (tcp, (["S"], ["SA"], ["A"]))):
        mine, other = site.out(make(one, 5500, X, 9, *flags[0])), site.out(make(two, 5501, X, 9, *flags[0]))
        to = (other.src, other.sport)
        seen = site.hairpin(make(one, 5500, *to, *flags[0]))
        assert (seen.src, seen.sport, seen.dst, seen.dport) == (mine.src, mine.sport, two, 5501) and whole(seen)
        error = IP(src=two, dst=mine.src) / ICMP(type=3, code=3) / Raw(bytes(seen)[:48])
        answer = site.hairpin(make(two, 5501, mine.src, mine.sport, *flags[1]))
        assert (answer.src, answer.sport, answer.dst, answer.dport) == (*to, one, 5500) and whole(answer)
        told = site.hairpin(error)
        about = IP(bytes(told[ICMP].payload))
        assert (told.src, told.dst) == (other.src, one) and whole(told)  # REQ-7a
        assert (about.src, about.dst, about.sport, about.dport) == (one, other.src, 5500, other.sport)
        assert site.hairpin(make(one, 5500, *to, *flags[2])).dst == two  # RFC 5382 REQ-10: it goes on


# ---- ICMP


def test_queries_of_icmp_come_back_to_who_asked(site):
    """RFC 5508 REQ-1: 'a NAT device MUST permit ICMP Queries and their associated responses'; REQ-2: 'MUST NOT expire in
    less than 60 seconds'. Two hosts with one identifier are told apart."""
    one, two, public = site.pair()
    for kind, answer in ((8, 0), (13, 14)):
        asked = [(host, site.out(ping(host, X, 33, kind, load=b"x" * 12))) for host in (one, two)]
        assert len({(p.src, p[ICMP].id) for _, p in asked}) == 2
        for host, seen in asked:
            back = site.back(ping(X, seen.src, seen[ICMP].id, answer, load=b"x" * 12))
            assert (back.dst, back[ICMP].id) == (host, 33) and whole(back) and whole(seen)
    assert all(0 < f["left_s"] <= 60 for f in site.flows(one) if f["protocol"] == "icmp")


@pytest.mark.parametrize("who", ["the host", "a router inside"])
def test_an_error_from_inside_names_nobody_there(site, who):
    """RFC 5508 REQ-5: quote and source become what the world knows, 'Leave the ICMP Error type and code unchanged'."""
    host, router = site.new_host(), site.new_host()
    mine = site.out(udp(host, 5600, X, 9))
    asked = site.back(udp(X, 9, mine.src, mine.sport))
    told = site.out(IP(src=host if who == "the host" else router, dst=X) / ICMP(type=3, code=1) / Raw(bytes(asked)[:36]))
    about = IP(bytes(told[ICMP].payload))
    assert (told.src, told.dst, told[ICMP].type, told[ICMP].code) == (mine.src, X, 3, 1) and whole(told)
    assert (about.src, about.dst, about.sport, about.dport) == (X, mine.src, 9, mine.sport)
    assert socket.inet_aton(host) not in bytes(told) and socket.inet_aton(router) not in bytes(told)
    # REQ-5: about nothing that it was sent: dropped.
    before = site.dropped("icmp")
    assert site.out(IP(src=host, dst=Y) / ICMP(type=3, code=1) / bytes(udp(Y, 9, host, 5600))) is None
    assert site.dropped("icmp") == before + 1


def test_no_error_ends_or_refreshes_what_it_is_about(site):
    """RFC 4787 REQ-12: 'Receipt of any sort of ICMP message MUST NOT terminate the NAT mapping'; RFC 5382 REQ-10 for TCP,
    RFC 5508 REQ-6 for queries: 'MUST NOT refresh or delete'; REQ-12a: whoever's address it comes from."""
    host = site.new_host()
    for make in (lambda: udp(host, 5700, X, 9), lambda: tcp(host, 5700, X, 9, "S"), lambda: ping(host, X, 5700)):
        seen = site.out(make())
        for kind, code in ((3, 0), (3, 1), (3, 2), (3, 3), (3, 4), (3, 13), (11, 0), (11, 1), (12, 0)):
            for source in (ROUTER, X):
                told = site.back(IP(src=source, dst=seen.src) / ICMP(type=kind, code=code) / Raw(bytes(seen)[:28]))
                assert told.dst == host and told[ICMP].type == kind and whole(told)
        assert bytes(site.out(make()))[20:28] == bytes(seen)[20:28]


def test_a_quote_with_options_and_a_wrong_checksum_inside_is_understood(site):
    """RFC 5508 REQ-3b: 'MUST traverse past the IP options', REQ-3c: 'SHOULD NOT validate the transport checksum'."""
    host = site.new_host()
    seen = site.out(udp(host, 5800, X, 9))
    quoted = IP(src=seen.src, dst=X, options=b"\x94\x04\x00\x00") / UDP(sport=seen.sport, dport=9, chksum=0x1234) / b"octets"
    told = site.back(IP(src=ROUTER, dst=seen.src) / ICMP(type=3, code=1) / quoted)
    about = IP(bytes(told[ICMP].payload))
    assert (about.src, about.sport, about.ihl) == (host, 5800, 6) and whole(told)
    del about[IP].chksum
    assert IP(bytes(about))[IP].chksum == IP(bytes(told[ICMP].payload))[IP].chksum


# ---- what is in a packet


@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_what_is_rewritten_and_what_is_not(site, hook):
    """TTL less one and checksums that follow; UDP's 0 stays 0 and a sum of 0 is ffff (RFC 768); a wrong sum is not mended; RFC
    4787 REQ-10: what a packet carries is nobody's business here."""
    host = site.new_host()
    with site.configured(f"  attach: {hook}\n"):
        seen = site.out(udp(host, 5900, X, 9))
        public, port = seen.src, seen.sport
        assert seen.ttl == 63 and whole(seen)
        if hook == "xdp":  # what it sends on, a packet socket of the gateway does not see
            tap = Watcher(site.gateway, site.to_lan)
        for load in (b"", b"odd", b"PORT 192,168,1,10,4,1\r\n", b"SIP/2.0 Contact: <sip:a@192.168.1.10>", bytes(1400)):
            seen, back = site.out(udp(host, 5900, X, 9, load)), site.back(udp(X, 9, public, port, load))
            for p in (seen, back):
                assert whole(p) and p.ttl == 63 and bytes(p[UDP].payload) == load
        if hook == "xdp":
            tap.close()
            assert not [p for _, p in tap.packets if socket.inet_aton(host) in p]
        assert site.out(udp(host, 5900, X, 9, chksum=0))[UDP].chksum == 0
        assert site.back(udp(X, 9, public, port, chksum=0))[UDP].chksum == 0
        for sent, carried in ((udp(public, port, X, 9, b"\0\0"), lambda load: site.out(udp(host, 5900, X, 9, load))),
                              (udp(X, 9, host, 5900, b"\0\0"), lambda load: site.back(udp(X, 9, public, port, load)))):  # fmt: skip
            load = struct.pack("!H", IP(bytes(sent))[UDP].chksum)  # with which all is 0
            assert carried(load)[UDP].chksum == 0xFFFF
        for right, seen in ((udp(public, port, X, 9), site.out(udp(host, 5900, X, 9, chksum=0x1111))),):
            assert seen[UDP].chksum != IP(bytes(right))[UDP].chksum
        seen = site.out(tcp(host, 5900, X, 80, "S"))
        assert whole(seen) and whole(site.back(tcp(X, 80, seen.src, seen.sport, "SA", b"", options=[("MSS", 1460)])))
        assert whole(site.out(ping(host, X, 5900)))


def test_options_of_ip_go_through(site):
    host = site.new_host()
    for options in (b"\x94\x04\x00\x00", b"\x01\x01\x01\x00", b"\x07\x07\x04\x00\x00\x00\x00\x00"):  # router alert, none, record route
        packet = udp(host, 6000, X, 9)
        packet.options = options
        seen = site.out(packet)
        assert seen.ihl == packet.__class__(bytes(packet)).ihl and bytes(seen)[20 : 20 + len(options)] == options
        assert seen.src in PUBLICS and whole(seen)
        back = udp(X, 9, seen.src, seen.sport)
        back.options = options
        assert site.back(back).dst == host


def test_checksums_left_to_a_device_and_packets_of_many_segments(site):
    """The kernel's own sockets at both ends; the gateway's devices must complete what leaves them."""
    with site.lan.inside():
        near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with near:
        near.bind((KERNEL, 6100))
        near.setsockopt(socket.IPPROTO_UDP, 103, 1000)  # UDP_SEGMENT
        near.sendto(bytes(10000), (X, 6100))
        segments = []
        while len(segments) < 10:
            segments += site.outer.received(lambda p: UDP in p and p[UDP].dport == 6100)[-1:]
    assert len(segments) == 10 and all(len(p[UDP].payload) == 1000 and whole(p) and p.src in PUBLICS for p in segments)
    sent, got = os.urandom(1 << 20), hashlib.sha256()
    with site.world.inside():
        listener = socket.create_server((SERVER, 6101))
    with site.lan.inside():
        near = socket.create_connection((SERVER, 6101), 10)
    far, seen = listener.accept()
    with listener, near, far:
        sender = threading.Thread(target=lambda: (near.sendall(sent), near.shutdown(socket.SHUT_WR)), daemon=True)
        sender.start()
        far.settimeout(10)
        while data := far.recv(65536):
            got.update(data)
        sender.join(10)
    assert seen[0] in PUBLICS and got.digest() == hashlib.sha256(sent).digest()


def test_a_device_without_link_addresses(site):
    """A VPN's: another zone inside, whose packets have no Ethernet header."""
    if not site.tunnel:
        pytest.skip("there is no /dev/net/tun here")
    site.tunnel.send(udp("10.8.0.2", 6200, X, 9))
    seen = site.outer.received(lambda p: UDP in p and p.dport == 9 and p.sport == 6200)[-1]
    assert seen.src in PUBLICS and whole(seen) and seen.ttl == 63
    site.outer.send(udp(X, 9, seen.src, seen.sport, b"back"))
    back = site.tunnel.received(lambda p: UDP in p)
    assert (back.src, back.dst, back.dport, back[Raw].load) == (X, "10.8.0.2", 6200, b"back") and whole(back)
    packet = udp("10.8.0.2", 6200, X, 9)
    packet.ttl = 1
    site.tunnel.send(packet)
    told = site.tunnel.received(lambda p: ICMP in p and p[ICMP].type == 11)
    assert (told.src, told.dst) == ("10.8.0.1", "10.8.0.2") and whole(told)


# ---- time


def test_who_is_called_meanwhile_calls_back(site):
    """RFC 5382 REQ-4: 'MUST NOT respond to an unsolicited inbound SYN packet for at least 6 seconds'; 'If during this interval
    the NAT receives and translates an outbound SYN for the connection the NAT MUST silently drop the original'."""
    def told(port):
        return [at for at, p in site.watcher.packets if p[9] == 1 and p[20:22] == b"\3\3" and p[50:52] == struct.pack("!H", port)]

    eventually(lambda: told(712))
    assert told(712)[0] - site.called >= 5.9
    assert site.called_back.sport == 711 and not told(711)


def test_flows_end_by_their_timers_and_nothing_late_leaves(site):
    """RFC 4787 REQ-5b, RFC 5382 REQ-5a, RFC 5508 REQ-2: settable. A FIN or RST of a flow that has ended does not leave, with
    whatever source. RFC 4787 REQ-6: 'MUST have a "NAT Outbound refresh behavior" of "True"'; RFC 7857 8: what was filtered
    refreshes nothing."""
    host, busy = site.new_host(), site.new_host()
    short = "  timeouts: {udp: 1s, dns: 1s, icmp: 1s, tcp: 1s, tcp-opening: 1s, tcp-closing: 1s}\n"
    public = speak(site, host, 6300, X, (True, "S"), (False, "SA"), (True, "A"))[0]
    speak(site, host, 6301, X, (True, "S"), (False, "SA"), (True, "A"), (True, "FA"), (False, "FA"))
    site.out(udp(host, 6302, X, 9))
    site.out(udp(host, 6303, X, 53))
    site.out(ping(host, X, 6304))
    assert {f["left_s"] > 200 for f in site.flows(host, 6302)} == {True}
    assert all(f["left_s"] <= 30 for f in site.flows(host, 6303))  # RFC 4787 REQ-5a
    kept = site.out(udp(busy, 6305, X, 9))
    with site.configured(short):
        until = time.monotonic() + 60
        while site.flows(host):
            assert time.monotonic() < until, site.flows(host)
            site.out(udp(busy, 6305, X, 9))
            site.outer.send(udp(Y, 9, public, 6302))
            time.sleep(0.1)
        assert site.back(udp(X, 9, kept.src, kept.sport)).dst == busy
        before = site.dropped("no-flow")
        for port, flags in ((6300, "FA"), (6300, "R"), (6300, "RA"), (6300, "PA"), (6301, "A"), (6301, "R")):
            assert site.out(tcp(host, port, X, 80, flags)) is None
        assert site.dropped("no-flow") == before + 6
        for packet in (tcp(X, 80, public, 6300, "PA"), udp(X, 9, public, 6302)):
            assert site.back(packet) is None
        assert site.out(tcp(host, 6300, X, 80, "S")).src == public


def test_a_full_table_refuses_the_new_and_keeps_the_old(site):
    """RFC 6888 REQ-4, REQ-11: what is over a limit is dropped, 'MUST NOT delete existing mappings in order to "make room"'. Each
    refusal is counted and told (RFC 5508 REQ-8), and when flows end all comes back."""

    def told(host):
        answer = site.inner.received(lambda p: ICMP in p and p.dst == host)[-1]
        return (answer.src, answer[ICMP].type, answer[ICMP].code) == ("192.168.1.1", 3, 13)

    old = site.new_host()
    seen = site.out(udp(old, 6400, X, 9))
    full = site.dropped("host-full")
    scanner = site.new_host()
    site.inner.send(*to_ports(scanner, 2 * HOST_FLOWS))
    assert told(scanner)
    assert site.out(udp(scanner, 6402, X, 9)) is None
    assert len(site.flows(scanner)) == HOST_FLOWS and site.dropped("host-full") >= full + HOST_FLOWS
    table = site.dropped("table-full")
    for n in range(80, 90):
        site.inner.send(*to_ports(f"192.168.1.{n}", HOST_FLOWS))
    assert site.out(udp(site.new_host(), 6403, X, 9)) is None
    assert site.dropped("table-full") > table and told("192.168.1.89")
    assert site.service.control("GET", "/status")[1]["tables"]["flows"] <= FLOWS
    assert site.out(udp(old, 6400, X, 9)).sport == seen.sport
    assert site.back(udp(X, 9, seen.src, seen.sport)).dst == old
    site.reload("  timeouts: {udp: 1s}\n")
    eventually(lambda: site.service.control("GET", "/status")[1]["tables"]["flows"] < 300, 60)
    site.reload()
    site.begin()
    assert site.out(udp(scanner, 6402, X, 9)) is not None


def test_nothing_private_was_seen_outside_in_all_of_this(site):
    assert len(site.watcher.packets) > 1000
    for _, octets in site.watcher.packets:
        assert socket.inet_ntoa(octets[12:16]) in PUBLICS, IP(octets).summary()
        if octets[9] == 1:
            assert b"\xc0\xa8\x01" not in octets, IP(octets).summary()
    assert site.service.alive and site.dropped("leak") == 0
