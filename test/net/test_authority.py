"""The authority as a process: one host, everything on its loopback.

server: 127.0.0.1 and ::1, gatehouse authority on port 53
"""

import collections
import os
import signal
import socket
import struct
import threading
import time

import dns.edns
import dns.exception
import dns.message
import dns.query
import dns.rdatatype
import dns.zone
import pytest

import ask
from service import Service, binary, queued_s

ZONE = """\
$ORIGIN example.com.
$TTL 3600
@ SOA ns1 hostmaster 2026112301 7200 3600 1209600 300
@ NS ns1
@ NS ns2
@ MX 10 mail
ns1 A 192.0.2.1
ns2 AAAA 2001:db8::2
mail A 192.0.2.2
www A 192.0.2.10
www A 192.0.2.11
www A 192.0.2.12
www A 192.0.2.13
alias CNAME www
_sip._tcp SRV 0 5 5060 www
txt TXT "a text"
sub NS ns.sub
ns.sub A 192.0.2.20
"""
REVERSE = """\
$TTL 3600
@ SOA ns1.example.com. hostmaster.example.com. 1 7200 3600 1209600 300
@ NS ns1.example.com.
10 PTR www.example.com.
"""
CONFIG = """\
authority:
  listen: [127.0.0.1, "[::1]"]
  workers: 2
  transfer: [127.0.0.0/8]
  identity: "ns1"
  zones:
    - {origin: example.com, file: example.com.zone}
    - {origin: 2.0.192.in-addr.arpa, file: reverse.zone}
"""
FILES = {"example.com.zone": ZONE, "reverse.zone": REVERSE}


@pytest.fixture
def server(net):
    host = net.host("server")
    return Service(host, "authority", CONFIG, FILES).start()


def serial(service, address="127.0.0.1"):
    answer = ask.dns_query(service.host, address, "example.com", "SOA")
    return int(ask.values(answer, "SOA")[0].split()[2])


def test_programs_of_others_get_right_answers(server):
    host = server.host
    wanted = {
        ("www.example.com", "A"): {f"192.0.2.{n}" for n in (10, 11, 12, 13)},
        ("ns2.example.com", "AAAA"): {"2001:db8::2"},
        ("alias.example.com", "CNAME"): {"www.example.com."},
        ("example.com", "MX"): {"10 mail.example.com."},
        ("_sip._tcp.example.com", "SRV"): {"0 5 5060 www.example.com."},
        ("txt.example.com", "TXT"): {'"a text"'},
        ("example.com", "NS"): {"ns1.example.com.", "ns2.example.com."},
        ("10.2.0.192.in-addr.arpa", "PTR"): {"www.example.com."},
    }
    for (name, kind), values in wanted.items():
        for program in (ask.dig, ask.kdig, ask.drill):
            for address in ("127.0.0.1", "::1"):
                asked = program(host, address, name, kind)
                assert asked.rcode == "NOERROR", asked.text
                assert set(asked.values(kind)) == values, asked.text


def test_answers_are_the_same_over_udp_and_tcp(server):
    for name, kind in (("www.example.com", "A"), ("nx.example.com", "A"), ("a.sub.example.com", "A")):
        answers = [ask.dns_query(server.host, "127.0.0.1", name, kind, tcp=tcp) for tcp in (False, True)]
        for section in ("answer", "authority", "additional"):
            assert sorted(ask.records(answers[0], section)) == sorted(ask.records(answers[1], section))
        assert ask.flags(answers[0]) == ask.flags(answers[1])
    referral = answers[0]
    assert "AA" not in ask.flags(referral)
    assert ask.records(referral, "additional") == ["ns.sub.example.com. 3600 A 192.0.2.20"]


def test_each_of_four_addresses_comes_first_a_quarter_of_the_time(server):
    first = collections.Counter()
    with server.host.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("127.0.0.1", 53))
        s.settimeout(3)
        for number in range(1000):
            query = dns.message.make_query("www.example.com", "A", id=number)
            s.send(query.to_wire())
            first[dns.message.from_wire(s.recv(4096)).answer[0][0].address] += 1
    assert len(first) == 4
    for count in first.values():
        assert abs(count - 250) <= 60, first


def test_transfer_goes_to_those_who_may(server):
    host = server.host
    with host.inside():
        zone = dns.zone.from_xfr(dns.query.xfr("127.0.0.1", "example.com", lifetime=5))
    wanted = dns.zone.from_text(ZONE, "example.com")
    assert zone == wanted
    with host.inside(), pytest.raises(dns.query.TransferError):
        dns.zone.from_xfr(dns.query.xfr("::1", "example.com", lifetime=5))


def frame(message):
    wire = message.to_wire()
    return struct.pack("!H", len(wire)) + wire


def take(sock, n):
    data = b""
    while len(data) < n:
        more = sock.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def test_tcp_clients_may_ask_many_things_at_once(server):
    queries = [dns.message.make_query("www.example.com", "A", id=n) for n in range(500)]
    with server.host.inside(), socket.create_connection(("127.0.0.1", 53), timeout=5) as s:
        s.sendall(b"".join(map(frame, queries)))
        ids = []
        for _ in queries:
            (length,) = struct.unpack("!H", take(s, 2))
            ids.append(dns.message.from_wire(take(s, length)).id)
    assert sorted(ids) == list(range(500))


def test_silent_clients_are_closed_and_one_too_many_closes_the_longest_silent(net):
    config = CONFIG.replace("workers: 2", "workers: 1\n  tcp: {clients: 3, idle: 1s}")
    service = Service(net.host("server"), "authority", config, FILES).start()
    with service.host.inside():
        first = [socket.create_connection(("127.0.0.1", 53), timeout=5) for _ in range(3)]
        for s in first:
            s.sendall(frame(dns.message.make_query("example.com", "SOA")))
            take(s, 2)
        fourth = socket.create_connection(("127.0.0.1", 53), timeout=5)
    asked = time.monotonic()
    fourth.sendall(frame(dns.message.make_query("example.com", "SOA")))
    take(fourth, 2)
    with pytest.raises(EOFError):
        take(first[0], 65536)
    began = time.monotonic()
    with pytest.raises(EOFError):
        take(fourth, 65536)
    assert time.monotonic() - asked > 0.5 and time.monotonic() - began < 3
    for s in (*first, fourth):
        s.close()
    _, text = service.control("GET", "/metrics")
    assert 'gatehouse_authority_tcp_total{event="idle-closed"}' in text


def test_reload_takes_what_changed_and_keeps_what_is_wrong(server):
    assert serial(server) == 2026112301
    server.write({"example.com.zone": ZONE.replace("2026112301", "2026112302")})
    server.reload()
    assert serial(server) == 2026112302
    server.write({"example.com.zone": ZONE.replace("2026112301", "2026112303") + "www CNAME mail\n"})
    status, body = server.control("POST", "/reload")
    assert status == 409 and body["failed"] == 1 and body["unchanged"] == 1
    assert serial(server) == 2026112302
    assert "example.com.zone" in server.log() and "must stand alone" in server.log()
    server.write({"example.com.zone": ZONE.replace("2026112301", "2026112304")})
    status, body = server.control("POST", "/reload")
    assert status == 200 and body["loaded"] == 1 and body["unchanged"] == 1
    assert serial(server) == 2026112304
    server.configure(CONFIG + "    - {origin: example.com, file: reverse.zone}\n")
    status, _ = server.control("POST", "/reload")
    assert status == 422
    assert serial(server) == 2026112304


class Load(threading.Thread):
    """Asks one thing after the other; counts what was lost."""

    def __init__(self, host):
        super().__init__()
        self.asked = self.lost = 0
        self.over = threading.Event()
        with host.inside():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", 53))
        self.socket.settimeout(2)
        self.query = dns.message.make_query("www.example.com", "A").to_wire()

    def run(self):
        while not self.over.is_set():
            self.asked += 1
            self.socket.send(self.asked.to_bytes(4, "big")[2:] + self.query[2:])
            try:
                answer = self.socket.recv(4096)
                assert answer[3] & 15 == 0 and answer[7] == 4
            except TimeoutError:
                self.lost += 1

    def stop(self):
        self.over.set()
        self.join()
        self.socket.close()


def test_a_thousand_reloads_lose_no_query(server):
    load = Load(server.host)
    load.start()
    for n in range(1000):
        if n % 2:
            server.write({"example.com.zone": ZONE.replace("2026112301", str(n))})
        status, body = server.control("POST", "/reload")
        assert status == 200 and body["ok"], body
    load.stop()
    assert load.lost == 0 and load.asked > 1000
    assert serial(server) == 999
    _, status = server.control("GET", "/status")
    assert status["reloads"] == 1000 and status["reloads_failed"] == 0


def test_a_zone_that_cannot_be_loaded_is_servfail_and_the_others_are_served(net):
    files = {**FILES, "reverse.zone": "not a zone\n"}
    service = Service(net.host("server"), "authority", CONFIG, files).start()
    assert ask.rcode(ask.dns_query(service.host, "127.0.0.1", "10.2.0.192.in-addr.arpa", "PTR")) == "SERVFAIL"
    assert serial(service) == 2026112301
    _, zones = service.control("GET", "/zones")
    assert [zone["loaded"] for zone in zones["zones"]] == [True, False]
    service.write({"reverse.zone": REVERSE})
    service.reload()
    assert ask.rcode(ask.dns_query(service.host, "127.0.0.1", "10.2.0.192.in-addr.arpa", "PTR")) == "NOERROR"


def test_small_zone_is_served_soon_and_sigterm_ends_with_zero(net):
    service = Service(net.host("server"), "authority", CONFIG, FILES)
    took = []
    for _ in range(3):
        began = time.monotonic() - queued_s()
        service.start()
        assert serial(service) == 2026112301
        took.append(time.monotonic() - queued_s() - queued_s(service.pid) - began)
        began = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - began < 5
    # Starting a program in a namespace and dnspython take their part of it.
    assert min(took) < 0.5, took


def test_kill_leaves_nothing_that_hinders_the_next_start(server):
    assert server.kill() == -signal.SIGKILL
    server.start()
    assert serial(server) == 2026112301


def test_sigterm_is_heard_while_a_large_zone_loads(net):
    service = Service(net.host("server"), "authority", CONFIG, FILES)
    lines = "".join(f"h{n} A 192.0.2.1\n" for n in range(3000000))
    service.write({"example.com.zone": (ZONE + lines).encode()})
    service.start(ready=False)
    time.sleep(0.3)
    began = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - began < 5


def test_a_clock_that_runs_ahead_changes_nothing(net):
    library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
    if not os.path.exists(library):
        pytest.skip("libfaketime is not here")
    # As those who test servers do: our clock is theirs.
    config = "global:\n  sandbox: off\n" + CONFIG
    environment = {"LD_PRELOAD": library, "FAKETIME": "+400d x10"}
    service = Service(net.host("server"), "authority", config, FILES, environment=environment).start()
    for _ in range(20):
        assert serial(service) == 2026112301
    service.write({"example.com.zone": ZONE.replace("2026112301", "5")})
    service.reload()
    assert serial(service) == 5
    assert service.stop() == 0


def test_cookies_identity_and_lookup(server):
    query = dns.message.make_query("example.com", "SOA", use_edns=0)
    query.use_edns(0, options=[dns.edns.GenericOption(10, b"12345678"), dns.edns.GenericOption(3, b"")])
    with server.host.inside():
        answer = dns.query.udp(query, "127.0.0.1", timeout=3)
    options = {int(option.otype): option.to_wire() for option in answer.options}
    assert options[3] == b"ns1"
    assert options[10][:8] == b"12345678" and len(options[10]) == 24
    _, found = server.control("GET", "/zones/lookup?name=alias.example.com&type=MX")
    assert found["rcode"] == "NOERROR"
    assert [record["type"] for record in found["records"]] == ["CNAME", "SOA"]


def test_garbage_is_survived(server):
    """Prefixes and bit flips of a good query, and noise; then it still answers."""
    good = dns.message.make_query("www.example.com", "A", want_dnssec=True).to_wire()
    with server.host.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("127.0.0.1", 53))
        for n in range(len(good)):
            s.send(good[:n])
        for bit in range(len(good) * 8):
            bad = bytearray(good)
            bad[bit // 8] ^= 1 << bit % 8
            s.send(bytes(bad))
        for n in range(200):
            s.send(os.urandom(n))
        s.send(bytes(9000))
    assert serial(server) == 2026112301


def test_included_files_count_as_the_zone_does(net):
    """A path in $INCLUDE begins at the folder of the file that names it."""
    zone = ZONE + "$INCLUDE parts/hosts sub2.example.com.\nafter A 192.0.2.30\n"
    files = {**FILES, "example.com.zone": zone, "parts/hosts": "$INCLUDE more\n", "parts/more": "in A 192.0.2.31\n"}
    service = Service(net.host("server"), "authority", CONFIG, files).start()

    def address(name):
        return ask.values(ask.dns_query(service.host, "127.0.0.1", name))

    assert address("in.sub2.example.com") == ["192.0.2.31"]
    assert address("after.example.com") == ["192.0.2.30"]
    service.write({"parts/more": "in A 192.0.2.32\n"})
    service.reload()
    assert address("in.sub2.example.com") == ["192.0.2.32"]
    service.write({"parts/more": "in A 192.0.2.333\n$INCLUDE ../example.com.zone\n"})
    status, _ = service.control("POST", "/reload")
    assert status == 409 and address("in.sub2.example.com") == ["192.0.2.32"]
    assert "parts/more" in service.log() and "too deep" in service.log()


def test_zone_check_tells_all_errors_with_their_places(net, tmp_path):
    bad = ZONE.replace("@ NS ns1\n", "").replace("@ NS ns2\n", "") + "www CNAME mail\nx A 1.2.3\ny.example.org. TXT z\n"
    (tmp_path / "bad.zone").write_text(bad)
    (tmp_path / "good.zone").write_text(ZONE)
    host = net.host("client")
    done = host.run(binary(), "zone", "check", tmp_path / "bad.zone")
    assert done.returncode == 1
    for text in ("bad.zone:17:1: error: CNAME: www.example.com. has A as well", "bad.zone:18:5: error: A:",
                 "bad.zone:19:1: error: TXT: y.example.org. is outside", "has no NS at its origin"):
        assert text in done.stdout + done.stderr, done
    done = host.run(binary(), "zone", "check", tmp_path / "good.zone")
    assert done.returncode == 0 and done.stderr == "", done
    (tmp_path / "lenient.zone").write_text(ZONE + "a_b A 192.0.2.1\ny.example.org. TXT z\n")
    assert host.run(binary(), "zone", "check", tmp_path / "lenient.zone").returncode == 1
    assert host.run(binary(), "zone", "check", "--lenient", tmp_path / "lenient.zone").returncode == 0
