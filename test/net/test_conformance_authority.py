"""What the test suites of others ask of an authority, and of the process of either: messages that no ordinary
client sends, and starts that no supervisor makes.

One host: the authority at 127.0.0.1 and ::1, port 5353.
"""

import socket
import struct
import subprocess
import time

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

import ask
from service import Service, binary

ZONE = """$TTL 300
@ SOA ns admin 1 7200 3600 1209600 60
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
*.w A 192.0.2.3
sub NS ns.sub
ns.sub A 192.0.2.4
ent.below.sub A 192.0.2.5
""" + "".join(f"t{n} TXT {' '.join(['x' * 200] * (n // 200))} \"{'y' * (n % 200)}\"\n" for n in range(380, 560, 1))
SERVED = """\
authority:
  listen: ["127.0.0.1:5353", "[::1]:5353"]
  workers: 1
  checks: lenient
  transfer: ["::1/128"]
  tcp: {clients: 64, idle: 2s}
  zones:
    - {origin: example.com, file: zone}
    - {origin: ., file: root}
    - {origin: arpa, file: arpa}
"""
TOP = """@ 300 SOA a.root. admin.root. 1 7200 3600 1209600 60
@ NS a.root.
a.root. A 192.0.2.9
com NS ns.com
ns.com A 192.0.2.10
arpa NS a.root.
"""
ARPA = "@ 300 SOA a.root. admin.root. 1 7200 3600 1209600 60\n@ NS a.root.\nin-addr PTR x.\n"
PORT = 5353


class Authority:
    def __init__(self, net):
        self.host = net.host("authority")
        self.service = Service(self.host, "authority", SERVED, {"zone": ZONE, "root": TOP, "arpa": ARPA}).start()

    def exchange(self, wire, wait=2):
        got = self.raw(wire, wait)
        return None if got is None else dns.message.from_wire(got)

    def raw(self, wire, wait=2):
        """What comes back over UDP; None: nothing."""
        with self.host.inside():
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with s:
            s.settimeout(wait)
            s.sendto(wire, ("127.0.0.1", PORT))
            try:
                return s.recv(65535)
            except TimeoutError:
                return None

    def ask(self, name, kind, **options):
        return ask.dns_query(self.host, "127.0.0.1", name, kind, port=PORT, **options)

    def connect(self, address="127.0.0.1"):
        with self.host.inside():
            return socket.create_connection((address, PORT), timeout=5)


@pytest.fixture
def authority(net):
    return Authority(net)


def framed(*queries):
    wires = [q if isinstance(q, bytes) else q.to_wire() for q in queries]
    return b"".join(struct.pack("!H", len(w)) + w for w in wires)


def received(s):
    return dns.query.receive_tcp(s, time.time() + 5)[0]


def make(name="www.example.com", kind="A", **options):
    return dns.message.make_query(name, kind, **options)


@pytest.mark.parametrize("payload", [None, 0, 512, 513, 540, 1232, 4096])
def test_no_datagram_is_longer_than_the_client_takes_and_none_is_cut_without_need(authority, payload):
    limit = min(max(payload or 512, 512), 1232)
    with authority.host.inside():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    whole = cut = 0
    with s:
        s.settimeout(3)
        s.connect(("127.0.0.1", PORT))
        for n in range(380, 560, 1):
            q = make(f"t{n}.example.com", "TXT", use_edns=False if payload is None else 0, payload=payload or 0)
            s.send(q.to_wire())
            wire = s.recv(65535)
            got = dns.message.from_wire(wire)
            full = 12 + len(q.question[0].name.to_wire()) + 4 + 2 + 10 + n + n // 200 + 1
            full += 11 * (payload is not None)
            assert len(wire) <= limit
            if got.flags & dns.flags.TC:
                cut += 1
                assert full > limit and not got.answer
            else:
                whole += 1
                assert got.answer and len(got.answer[0][0].to_digestable()) == n + n // 200 + 1
    assert whole > 10 and (cut > 10) == (limit < 560)


def test_edns_is_answered_as_its_rules_say(authority):
    plain = authority.exchange(make(use_edns=False).to_wire())
    assert plain.edns == -1 and plain.answer
    for version in (1, 2, 100, 255):
        q = make(use_edns=0)
        q.ednsflags |= version << 16
        got = authority.exchange(q.to_wire())
        assert got.rcode() == dns.rcode.BADVERS and got.edns == 0 and not got.answer
    q = make(use_edns=0)
    q.ednsflags = 0x7FFF  # every flag that has no meaning, and not DO
    got = authority.exchange(q.to_wire())
    assert got.rcode() == 0 and got.ednsflags == 0 and got.answer
    q.ednsflags = 0x8000
    assert authority.exchange(q.to_wire()).ednsflags == 0x8000
    unknown = [dns.edns.GenericOption(code, b"abcd") for code in (100, 65001, 4)]
    got = authority.exchange(make(use_edns=0, options=unknown).to_wire())
    assert got.rcode() == 0 and got.answer and not {o.otype for o in got.options} & {100, 65001, 4}
    wire = bytearray(make(use_edns=0).to_wire())
    twice = bytes(wire[:10]) + b"\0\2" + bytes(wire[12:]) + bytes(wire[-11:])
    assert authority.exchange(twice).rcode() == dns.rcode.FORMERR
    wire[-1] = 5  # an option longer than the message
    assert authority.exchange(bytes(wire)).rcode() == dns.rcode.FORMERR


def test_odd_headers_get_the_right_error_or_none(authority):
    def rcode(wire):
        got = authority.exchange(wire)
        return dns.rcode.to_text(got.rcode())

    good = make(use_edns=False).to_wire()
    none = good[:4] + bytes(8)
    two = good[:4] + b"\0\2" + good[6:] + good[12:]
    assert rcode(none) == "FORMERR" and rcode(two) == "FORMERR" and rcode(good[:-1]) == "FORMERR"
    for opcode in (1, 2, 3, 6, 15):
        got = authority.raw(good[:2] + bytes([opcode << 3]) + good[3:])
        assert got[2] == 0x80 | opcode << 3 and got[3] & 15 == dns.rcode.NOTIMP, opcode
    assert authority.exchange(good[:2] + b"\x80" + good[3:], wait=0.3) is None  # a reply
    assert authority.exchange(good[:11], wait=0.3) is None
    assert rcode(make(rdclass="CH").to_wire()) == "REFUSED" and rcode(make(rdclass="HS").to_wire()) == "REFUSED"
    assert rcode(make(rdclass="ANY").to_wire()) in ("NOERROR", "REFUSED", "NOTIMP")
    for bits in (b"\x00\x10", b"\x00\x20", b"\x00\x40", b"\x01\x30", b"\x02\x00", b"\x04\x80"):
        got = authority.exchange(good[:2] + bits + good[4:])
        assert got.rcode() == 0 and got.answer
        assert not got.flags & (dns.flags.AD | dns.flags.RA | dns.flags.TC | 0x40)
        assert bool(got.flags & dns.flags.RD) == bool(bits[0] & 1)


def test_a_stream_in_any_pieces_is_answered_in_order_of_need(authority):
    queries = [make(id=i) for i in range(1, 200)]
    stream = framed(*queries)
    with authority.connect() as s:  # all at once, and then no more
        s.sendall(stream)
        s.shutdown(socket.SHUT_WR)
        assert sorted(received(s).id for _ in queries) == list(range(1, 200))
        assert s.recv(1) == b""
    with authority.connect() as s:  # an octet at a time
        for octet in framed(queries[0], queries[1]):
            s.sendall(bytes([octet]))
            time.sleep(0.002)
        assert {received(s).id for _ in range(2)} == {1, 2}
    for wrong in (b"\0\0", b"\0\5abcde", b"\0\x20abc"):
        with authority.connect("::1") as s:
            s.sendall(wrong)
            assert s.recv(100) == b""  # closed at once, or when idle
    with authority.connect() as s:
        s.sendall(framed(make(id=7)))
        assert received(s).id == 7


def test_transfers_go_to_whom_they_may_over_either_family(authority):
    for kind in ("AXFR", "IXFR"):
        q = make("example.com", kind)
        with authority.connect() as s:
            s.sendall(framed(q))
            assert received(s).rcode() == dns.rcode.REFUSED
    with authority.connect("::1") as s:
        s.sendall(framed(make("example.com", "AXFR")))
        got = received(s)
        count, soas = 0, 0
        while True:
            for rrset in got.answer:
                count += len(rrset)
                soas += rrset.rdtype == dns.rdatatype.SOA
            if soas == 2 or got.rcode():
                break
            got = received(s)
        assert got.rcode() == 0 and count == 8 + 180 + 1  # the SOA twice
    assert authority.ask("example.com", "AXFR").rcode() != 0


def test_root_and_arpa_and_a_zone_of_the_same_server(authority):
    got = authority.ask("www.com", "A")
    assert not got.flags & dns.flags.AA and ask.values(got) == [] and got.authority[0].name.to_text() == "com."
    assert authority.ask("nothing", "A").rcode() == dns.rcode.NXDOMAIN
    assert ask.values(authority.ask("in-addr.arpa", "PTR"), "PTR") == ["x."]
    assert authority.ask("arpa", "SOA").flags & dns.flags.AA
    got = authority.ask("ent.below.sub.example.com", "A")  # hidden by the cut above
    assert not got.answer and not got.flags & dns.flags.AA
    assert ask.values(authority.ask("a.b.c.w.example.com", "A")) == ["192.0.2.3"]
    assert authority.ask("w.example.com", "A").rcode() == 0


def test_sigterm_ends_it_while_clients_hang_in_transfers(authority):
    clients = [authority.connect("::1") for _ in range(20)]
    for s in clients:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.sendall(framed(*[make("example.com", "AXFR")] * 20))
    begun = time.monotonic()
    assert authority.service.stop(timeout=5) == 0 and time.monotonic() - begun < 5
    for s in clients:
        s.close()


# ---- the process: what a stranger's harness does to it


@pytest.mark.parametrize("name, config", [
    ("authority", 'authority:\n  listen: ["127.0.0.1:5399", "[::1]:5399"]\n  zones:\n    - {origin: example.com, file: zone}\n'),
    ("resolver", 'resolver:\n  listen: ["127.0.0.1:5399", "[::1]:5399"]\n  roots: [127.0.0.9]\n'),
])
def test_one_file_in_a_private_folder_is_enough(net, tmp_path, name, config):
    """No options but -c, a relative path, a folder of mode 0700, no READY socket."""
    host = net.host("alone")
    tmp_path.chmod(0o700)
    (tmp_path / "zone").write_text("@ 60 SOA ns admin 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n")
    (tmp_path / "zone").chmod(0o600)
    (tmp_path / "conf").write_text(f"global:\n  run: {tmp_path}/run\n{config}")
    begun = time.monotonic()
    with open(tmp_path / "log", "wb") as log:
        process = host.popen(binary(), name, "-c", "conf", cwd=tmp_path, stdout=log, stderr=log)
    try:
        for family, at in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            while True:
                try:
                    with host.inside():
                        s = socket.socket(family, socket.SOCK_STREAM)
                    s.connect((at, 5399))
                    break
                except OSError:
                    assert time.monotonic() - begun < 5, (tmp_path / "log").read_text()
                    time.sleep(0.01)
            s.close()
            got = ask.dns_query(host, at, "example.com", "SOA", port=5399, flags=0)
            assert (got.rcode() == 0) == (name == "authority")
        process.terminate()
        assert process.wait(5) == 0, (tmp_path / "log").read_text()
    finally:
        process.kill()
        process.wait()
    needed = subprocess.run(["ldd", binary()], capture_output=True, text=True, check=False).stdout
    assert "libc.so" in needed


def test_zone_files_that_only_root_may_read_are_served(net):
    host = net.host("private")
    service = Service(host, "authority", SERVED, {"zone": ZONE, "root": TOP, "arpa": ARPA})
    (service.folder / "zone").chmod(0o600)
    service.start()
    assert ask.dns_query(host, "127.0.0.1", "example.com", "SOA", port=PORT).answer
    service.reload()
    assert ask.dns_query(host, "127.0.0.1", "example.com", "SOA", port=PORT).answer
