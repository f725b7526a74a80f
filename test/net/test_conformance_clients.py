"""More of what the test suites of others ask of a resolver (test_conformance.py): time, and its clients."""

import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

import ask
from scenario import CONFIG, LEAF, RESOLVER_AT, answer, deny, message, silence

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


# ---- time


def test_ttl_nought_is_given_and_not_kept(scene):
    _, _, leaf = scene.tree({"www.example.com A": answer("www.example.com 0 A 192.0.2.1")})
    scene.resolver()
    for _ in range(2):
        assert scene.ask("www.example.com").answer[0].ttl == 0
    assert leaf.questions().count("www.example.com. A") == 2


def clock(folder, days=0.0, seconds=0):
    """The clock file as suites write it: replaced, not overwritten."""
    at = time.strftime("@%Y-%m-%d %H:%M:%S", time.gmtime(1900000000 + days * 86400 + seconds))
    new = folder / "time.new"
    new.write_text(at)
    new.chmod(0o644)
    new.replace(folder / "time")


@pytest.mark.skipif(not FAKETIME, reason="libfaketime is not here")
@pytest.mark.parametrize("monotonic", [True, False], ids=["every clock", "wall clock only"])
@pytest.mark.parametrize("sandbox", ["on", "off"])
def test_a_clock_that_others_move_ages_the_cache(scene, tmp_path, monotonic, sandbox):
    _, _, leaf = scene.tree({"www.example.com A": answer("www.example.com 7200 A 192.0.2.1")})
    folder = Path("/tmp") / f"{scene.host.space}-clock"
    folder.mkdir()
    folder.chmod(0o755)
    try:
        clock(folder)
        environment = {"LD_PRELOAD": str(FAKETIME), "FAKETIME_TIMESTAMP_FILE": str(folder / "time"),
                       "FAKETIME_NO_CACHE": "1", "TZ": "UTC"}
        if not monotonic:
            environment["FAKETIME_DONT_FAKE_MONOTONIC"] = environment["DONT_FAKE_MONOTONIC"] = "1"
        scene.resolver(config=f"global:\n  sandbox: {sandbox}\n{CONFIG}", environment=environment)
        assert scene.ask("www.example.com").answer[0].ttl == 7200
        clock(folder, seconds=7000)
        assert 190 <= scene.ask("www.example.com").answer[0].ttl <= 200
        scene.world.forget()
        clock(folder, days=30)
        assert scene.ask("www.example.com").answer[0].ttl == 7200
        assert "www.example.com. A" in leaf.questions()
        # A leap while a question is out fails nobody.
        gate = threading.Event()

        def slow(query):
            clock(folder, days=60)
            gate.wait(0.3)
            return message(query, answer=["late.example.com 60 A 192.0.2.5"])

        leaf.rules["late.example.com A"] = slow
        assert scene.values("late.example.com") == ["192.0.2.5"]
        assert scene.service.stop(timeout=5) == 0
    finally:
        subprocess.run(["rm", "-r", folder], check=True)


# ---- clients


def test_flags_types_classes_and_case_of_a_client(scene):
    scene.tree({"www.example.com A": answer("www.example.com 60 A 192.0.2.1"),
                "www.example.com TYPE65400": answer("www.example.com 60 TYPE65400 \\# 2 abcd"),
                "www.example.com RRSIG": deny("example.com", rcode="NOERROR")})
    scene.resolver()
    got = scene.ask("wWw.ExAmPlE.cOm", flags=dns.flags.RD | dns.flags.CD | dns.flags.AD)
    assert got.question[0].name.to_text() == "wWw.ExAmPlE.cOm."
    assert ask.flags(got) == {"QR", "RD", "RA", "CD"}
    assert str(got.answer[0].name).lower() == "www.example.com."
    assert scene.ask("www.example.com", want_dnssec=True).ednsflags & dns.flags.DO
    assert scene.values("www.example.com", "TYPE65400") == ["\\# 2 abcd"]
    assert scene.rcode("www.example.com", "RRSIG") == "NOERROR"
    assert ask.values(scene.ask("www.example.com", "ANY"), "HINFO") == ['"RFC8482" ""']
    assert scene.rcode("www.example.com", rdclass="HS") in ("REFUSED", "NOTIMP")
    known, unknown = scene.ask("www.example.com", flags=0), scene.ask("never.example.com", flags=0)
    assert ask.values(known) == ["192.0.2.1"] and "RD" not in ask.flags(known) and not unknown.answer
    version = dns.message.make_query("www.example.com", "A", use_edns=0)
    version.ednsflags |= 1 << 16
    with scene.host.inside():
        said = dns.query.udp(version, RESOLVER_AT, timeout=3)
    assert said.rcode() == dns.rcode.BADVERS and said.edns == 0


def test_strange_names_pass_unharmed(scene):
    labels = [b"a.b", b"\x00\xff\x80", b"UPPER lower", b"_x", b"*", b"-"]
    rules, names = {}, []
    for label in labels:
        name = dns.name.Name((label, b"example", b"com", b""))
        names.append(name)

    def same(query):
        made = message(query)
        owner = query.message.question[0].name
        made.answer = [dns.rrset.from_text(owner, 60, "IN", query.kind, "192.0.2.1")]
        return made

    rules["example.com *"] = same
    scene.tree(rules)
    scene.resolver()
    tail = dns.name.from_text("example.com.")
    names.append(dns.name.Name((b"x" * 63, b"y" * 63, b"z" * 63, b"w" * 49)).concatenate(tail))
    assert len(names[-1].to_wire()) == 255
    for name in names:
        got = scene.ask(name)
        assert got.question[0].name.labels == name.labels and ask.values(got) == ["192.0.2.1"], name


def test_quick_answers_overtake_slow_ones_on_a_connection(scene):
    def slow(query):
        time.sleep(0.5)
        return message(query, answer=["slow.example.com 60 A 192.0.2.1"])

    scene.tree({"slow.example.com A": slow, "quick.example.com A": answer("quick.example.com 60 A 192.0.2.2")})
    scene.resolver()
    scene.values("quick.example.com")
    with scene.host.inside():
        s = socket.create_connection((RESOLVER_AT, 53), timeout=5)
    with s:
        queries = [dns.message.make_query(n, "A") for n in ("slow.example.com", "quick.example.com")]
        wires = [q.to_wire() for q in queries]
        stream = b"".join(struct.pack("!H", len(w)) + w for w in wires)
        for at in range(0, len(stream), 7):  # in odd pieces
            s.sendall(stream[at : at + 7])
        s.shutdown(socket.SHUT_WR)  # and no more to come: both are owed all the same
        got = [dns.query.receive_tcp(s, time.time() + 5)[0].id for _ in queries]
    assert got == [queries[1].id, queries[0].id]


def test_the_same_question_of_many_is_asked_once(scene):
    def slow(query):
        time.sleep(0.3)
        return message(query, answer=["www.example.com 60 A 192.0.2.1"])

    _, _, leaf = scene.tree({"www.example.com A": slow})
    scene.resolver()
    got = []
    threads = [threading.Thread(target=lambda: got.append(scene.values("www.example.com"))) for _ in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert got == [["192.0.2.1"]] * 20 and leaf.questions().count("www.example.com. A") == 1


def test_sigterm_ends_it_while_questions_and_clients_hang(scene):
    scene.tree({"example.com *": silence})
    scene.resolver()
    with scene.host.inside():
        clients = [socket.create_connection((RESOLVER_AT, 53), timeout=5) for _ in range(5)]
        u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for i in range(50):
        u.sendto(dns.message.make_query(f"n{i}.example.com", "A").to_wire(), (RESOLVER_AT, 53))
    clients[0].sendall(b"\0\x20half")
    time.sleep(0.3)
    begun = time.monotonic()
    assert scene.service.stop(timeout=5) == 0 and time.monotonic() - begun < 5
    for s in (*clients, u):
        s.close()


def test_full_answers_name_no_record_twice(scene):
    ns = {"authority": ["example.com 300 NS ns.example.com."], "additional": [f"ns.example.com 300 A {LEAF}"]}
    scene.tree({"example.com NS": answer("example.com 300 NS ns.example.com.", additional=ns["additional"]),
                "example.com MX": answer("example.com 300 MX 1 ns.example.com.", **ns)})
    scene.resolver("  answers: full\n")
    for kind in ("NS", "MX", "NS", "MX"):
        got = scene.ask("example.com", kind)
        assert len(got.additional) == 1 and got.sections[3][0].name.to_text() == "ns.example.com."
        wire = got.to_wire()
        assert struct.unpack("!H", wire[10:12])[0] == 2, kind  # and the OPT
