"""DNS UPDATE (RFC 2136) and TSIG (RFC 8945) against the authority, by the programs that people use."""

import base64
import socket
import time
import unittest.mock

import dns.message
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.tsig
import dns.zone
import pytest

import ask
from dhcp_site import eventually
from service import Service
from updates import ALGORITHMS, CONFIG, FILES, OTHER, SECRET, ZONE, new, rcode, send, serial, values


@pytest.fixture
def server(net):
    return Service(net.host("server"), "authority", CONFIG, FILES).start()


def nsupdate(server, text, *arguments, program="nsupdate"):
    script = server.folder / "script"
    script.write_text("server 127.0.0.1\nzone example.com.\n" + text + "send\n")
    return server.host.run(program, *arguments, script)


@pytest.mark.parametrize("program", ["nsupdate", "knsupdate"])
def test_programs_of_others_change_the_zone(server, program):
    key = ("-y", f"hmac-sha256:all:{SECRET}")
    nsupdate(
        server,
        "prereq nxdomain new.example.com.\n"
        "update add new.example.com. 300 A 192.0.2.77\n"
        "update add new.example.com. 300 TXT \"hello\"\n",
        *key,
        program=program,
    )
    assert values(server, "new.example.com") == ["192.0.2.77"]
    assert serial(server) == 101
    nsupdate(server, "update delete new.example.com. A\n", *key, "-v", program=program)
    assert values(server, "new.example.com") == []
    assert values(server, "new.example.com", "TXT") == ['"hello"']
    refused = nsupdate(
        server, "prereq nxdomain www.example.com.\nupdate delete www.example.com.\n", *key, program=program
    )
    assert "YXDOMAIN" in refused.stdout + refused.stderr
    assert values(server, "www.example.com") == ["192.0.2.10", "192.0.2.11"]


@pytest.mark.parametrize("program", ["nsupdate", "knsupdate"])
def test_programs_of_others_are_refused_with_another_secret(server, program):
    nsupdate(
        server,
        "update add new.example.com. 300 A 192.0.2.77\n",
        "-y",
        f"hmac-sha256:all:{OTHER}",
        program=program,
    )
    assert rcode(server, "new.example.com") == "NXDOMAIN"
    assert serial(server) == 100


def test_each_prerequisite_of_rfc_2136_section_2_4(server):
    cases = [
        # 2.4.1 RRset exists (value independent)
        (lambda m: m.present("www", "A"), "NOERROR"),
        (lambda m: m.present("www", "AAAA"), "NXRRSET"),
        (lambda m: m.present("nx", "A"), "NXRRSET"),
        # 2.4.2 RRset exists (value dependent): all records, in any order
        (lambda m: m.present("www", "A", "192.0.2.11", "192.0.2.10"), "NOERROR"),
        (lambda m: m.present("www", "A", "192.0.2.10"), "NXRRSET"),
        (lambda m: m.present("www", "A", "192.0.2.10", "192.0.2.11", "192.0.2.12"), "NXRRSET"),
        (lambda m: m.present("www", "A", "192.0.2.10", "192.0.2.12"), "NXRRSET"),
        (lambda m: m.present("mail", "MX", "10 WWW.example.com."), "NOERROR"),
        # 2.4.3 RRset does not exist
        (lambda m: m.absent("www", "AAAA"), "NOERROR"),
        (lambda m: m.absent("www", "A"), "YXRRSET"),
        # 2.4.4 name is in use: an empty non-terminal is not, nor what a wildcard covers
        (lambda m: m.present("www"), "NOERROR"),
        (lambda m: m.present("nx"), "NXDOMAIN"),
        (lambda m: m.present("under.ent"), "NXDOMAIN"),
        (lambda m: m.present("x.wild"), "NXDOMAIN"),
        # 2.4.5 name is not in use
        (lambda m: m.absent("nx"), "NOERROR"),
        (lambda m: m.absent("under.ent"), "NOERROR"),
        (lambda m: m.absent("www"), "YXDOMAIN"),
        (lambda m: m.absent("alias"), "YXDOMAIN"),
    ]
    for number, (prerequisite, wanted) in enumerate(cases):
        message = new()
        prerequisite(message)
        message.add(f"made-{number}", 60, "A", "192.0.2.200")
        assert send(server, message) == wanted, number
        assert (rcode(server, f"made-{number}.example.com") == "NOERROR") == (wanted == "NOERROR")


def test_all_of_an_update_happens_or_nothing(server):
    message = new(key="hosts")
    message.add("a.dyn", 60, "A", "192.0.2.50")
    message.add("b.dyn", 60, "TXT", "not allowed")
    assert send(server, message) == "REFUSED"
    assert rcode(server, "a.dyn.example.com") == "NXDOMAIN"
    assert serial(server) == 100


def test_each_form_of_update_of_rfc_2136_section_2_5(server):
    message = new()
    message.delete("www", "A", "192.0.2.10")
    assert send(server, message) == "NOERROR"
    assert values(server, "www.example.com") == ["192.0.2.11"]
    message = new()
    message.delete("txt", "TXT")
    assert send(server, message) == "NOERROR"
    assert rcode(server, "txt.example.com", "TXT") == "NXDOMAIN"
    message = new()
    message.delete("deep.under.ent")
    assert send(server, message) == "NOERROR"
    assert rcode(server, "ent.example.com") == "NXDOMAIN"
    # 3.4.2.2: a CNAME goes beside nothing, and nothing beside a CNAME: "silently ignored".
    message = new()
    message.add("www", 60, "CNAME", "ns1.example.com.")
    message.add("alias", 60, "A", "192.0.2.99")
    assert send(server, message) == "NOERROR"
    assert values(server, "www.example.com") == ["192.0.2.11"]
    assert values(server, "alias.example.com", "CNAME") == ["www.example.com."]
    # and another CNAME takes the place of the one that is there.
    message = new()
    message.add("alias", 60, "CNAME", "ns1.example.com.")
    assert send(server, message) == "NOERROR"
    assert values(server, "alias.example.com", "CNAME") == ["ns1.example.com."]


def test_the_zone_keeps_its_soa_and_its_last_ns(server):
    message = new()
    message.delete("@", "NS")
    message.delete("@", "NS", "ns1.example.com.")
    message.delete("@", "SOA")
    message.delete("@")
    assert send(server, message) == "NOERROR"
    assert values(server, "example.com", "NS") == ["ns1.example.com."]
    assert serial(server) == 100
    message = new()
    message.add("@", 3600, "NS", "ns2.example.com.")
    message.delete("@", "NS", "ns1.example.com.")
    assert send(server, message) == "NOERROR"
    assert values(server, "example.com", "NS") == ["ns2.example.com."]


def test_serials_rise_and_never_fall(server):
    soa = "ns1.example.com. hostmaster.example.com. {} 7200 3600 1209600 60"
    for given, wanted in ((99, 100), (100, 100), (500, 500)):
        message = new()
        message.add("@", 3600, "SOA", soa.format(given))
        assert send(server, message) == "NOERROR"
        assert serial(server) == wanted
    message = new()
    message.add("x", 60, "A", "192.0.2.1")
    assert send(server, message) == "NOERROR"
    assert serial(server) == 501
    # What changes nothing changes no serial.
    assert send(server, message) == "NOERROR"
    assert serial(server) == 501


def test_a_change_is_seen_at_once_by_all_workers(server):
    for number in range(60):
        message = new()
        message.replace("now", 60, "A", f"192.0.2.{number}")
        assert send(server, message, tcp=number % 2) == "NOERROR"
        for _ in range(4):  # each from another port, so for any of the workers
            assert values(server, "now.example.com") == [f"192.0.2.{number}"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_signs_both_ways(server, algorithm):
    message = new(key=algorithm, algorithm=algorithm)
    message.add("signed", 60, "TXT", algorithm)
    assert send(server, message) == "NOERROR"
    assert values(server, "signed.example.com", "TXT") == [f'"{algorithm}"']


def raw(server, message):
    """The answer as octets, its signature not looked at."""
    with server.host.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.connect(("127.0.0.1", 53))
        s.send(message if isinstance(message, bytes) else message.to_wire())
        return s.recv(4096)


def tsig_error(answer):
    with unittest.mock.patch("dns.tsig.validate"):
        message = dns.message.from_wire(answer, keyring=False)
    return dns.rcode.to_text(message.rcode()), message.tsig[0].error, len(message.tsig[0].mac)


def test_wrong_signatures_are_told_as_rfc_8945_says(server):
    def update(key, secret):
        message = new(key=key, secret=secret)
        message.add("x", 60, "A", "192.0.2.1")
        return message

    assert tsig_error(raw(server, update("all", OTHER))) == ("NOTAUTH", 16, 0)
    assert tsig_error(raw(server, update("unknown", SECRET))) == ("NOTAUTH", 17, 0)
    for apart in (-400, 400):
        late = update("all", SECRET)
        now = time.time()
        with unittest.mock.patch("time.time", return_value=now + apart):
            wire = late.to_wire()
        assert tsig_error(raw(server, wire)) == ("NOTAUTH", 18, 32)
    assert rcode(server, "x.example.com") == "NXDOMAIN"
    # A query is proved the same way.
    query = dns.message.make_query("www.example.com", "A")
    query.use_tsig(dns.tsig.Key("all", OTHER))
    assert tsig_error(raw(server, query)) == ("NOTAUTH", 16, 0)


def test_nobody_changes_anything_without_a_key(server):
    message = new(key=None)
    message.add("x", 60, "A", "192.0.2.1")
    assert send(server, message) == "REFUSED"
    message = new(key="nothing")
    message.present("www")  # not even told what is there
    message.add("x", 60, "A", "192.0.2.1")
    assert send(server, message) == "REFUSED"
    message = new(zone="fixed.test")
    message.add("x", 60, "A", "192.0.2.1")
    assert send(server, message) == "REFUSED"
    message = new(zone="elsewhere.test")
    message.add("x", 60, "A", "192.0.2.1")
    assert send(server, message) == "NOTAUTH"


def test_a_key_changes_what_its_rule_says(server):
    cases = [
        ("hosts", "a.dyn", "A", "192.0.2.1", "NOERROR"),
        ("hosts", "dyn", "AAAA", "2001:db8::1", "NOERROR"),
        ("hosts", "one", "A", "192.0.2.1", "NOERROR"),
        ("hosts", "a.dyn", "TXT", "x", "REFUSED"),
        ("hosts", "below.one", "A", "192.0.2.1", "REFUSED"),
        ("hosts", "www", "A", "192.0.2.1", "REFUSED"),
        ("own.example.com", "own", "TXT", "mine", "NOERROR"),
        ("own.example.com", "own", "NS", "ns1.example.com.", "REFUSED"),
        ("own.example.com", "www", "TXT", "not mine", "REFUSED"),
        ("all", "x", "DNAME", "y.example.com.", "REFUSED"),
    ]
    for key, name, kind, value, wanted in cases:
        message = new(key=key)
        message.add(name, 60, kind, value)
        assert send(server, message) == wanted, (key, name, kind)
    message = new(key="hosts")
    message.delete("www")  # a name whose records it may not change
    assert send(server, message) == "REFUSED"
    message = new(key="hosts")
    message.delete("a.dyn")
    assert send(server, message) == "NOERROR"


def test_a_delegation_made_by_update_is_one(server):
    message = new()
    message.add("a.child", 60, "A", "192.0.2.60")
    assert send(server, message) == "NOERROR"
    message = new()
    message.add("child", 60, "NS", "a.child.example.com.")
    assert send(server, message) == "NOERROR"
    answer = ask.dns_query(server.host, "127.0.0.1", "x.child.example.com", "A")
    assert "AA" not in ask.flags(answer)
    assert ask.records(answer, "additional") == ["a.child.example.com. 60 A 192.0.2.60"]
    message = new()
    message.delete("child", "NS")
    assert send(server, message) == "NOERROR"
    assert values(server, "a.child.example.com") == ["192.0.2.60"]


def test_a_transfer_by_key_is_signed_and_holds_the_updates(server):
    message = new()
    for number in range(300):
        message.add(f"host-{number}", 60, "A", f"192.0.2.{number % 250}")
    assert send(server, message, tcp=True) == "NOERROR"
    key = dns.tsig.Key("all", SECRET)
    with server.host.inside():
        zone = dns.zone.from_xfr(
            dns.query.xfr("127.0.0.1", "example.com", lifetime=5, keyring={key.name: key}, keyname=key.name)
        )
    assert zone["host-299"].find_rdataset(dns.rdataclass.IN, dns.rdatatype.A)[0].address == "192.0.2.49"
    assert len(zone.nodes) == 300 + 8
    with server.host.inside(), pytest.raises(dns.query.TransferError):
        dns.zone.from_xfr(dns.query.xfr("127.0.0.1", "example.com", lifetime=5))
    wrong = dns.tsig.Key("hosts", SECRET)
    with server.host.inside(), pytest.raises(dns.query.TransferError):
        dns.zone.from_xfr(
            dns.query.xfr("127.0.0.1", "example.com", lifetime=5, keyring={wrong.name: wrong}, keyname=wrong.name)
        )


def test_a_signed_zone_takes_no_update_and_the_log_says_so(server):
    key = "257 3 13 " + base64.b64encode(bytes(64)).decode()
    server.write({"example.com.zone": ZONE.replace(" 100 ", " 300 ") + f"@ DNSKEY {key}\n"})
    server.reload()
    message = new()
    message.add("x", 60, "A", "192.0.2.1")
    assert send(server, message) == "SERVFAIL"
    assert "it is signed" in server.log()
    assert rcode(server, "x.example.com") == "NXDOMAIN"


def test_status_and_events_tell_of_updates(server):
    message = new()
    message.add("x", 60, "A", "192.0.2.1")
    assert send(server, message) == "NOERROR"
    message = new()
    message.absent("x")
    message.add("x", 60, "A", "192.0.2.1")
    assert send(server, message) == "YXDOMAIN"
    _, zones = server.control("GET", "/zones")
    zone = next(z for z in zones["zones"] if z["origin"] == "example.com.")
    assert zone["updates"]["state"] == "open"
    assert zone["updates"]["applied"] == 1
    assert zone["updates"]["journal_bytes"] > 100
    assert zone["serial"] == 101
    _, metrics = server.control("GET", "/metrics")
    assert 'gatehouse_authority_updates_total{outcome="changed"} 1\n' in metrics
    assert 'gatehouse_authority_updates_total{outcome="prerequisite"} 1\n' in metrics


def test_each_update_is_told_to_who_watches(server):
    with server.watching() as events:
        message = new()
        message.add("x", 60, "A", "192.0.2.1")
        assert send(server, message) == "NOERROR"
        message = new()
        message.absent("x")
        message.add("x", 60, "A", "192.0.2.1")
        assert send(server, message) == "YXDOMAIN"
        assert eventually(lambda: len(events()) == 2), events()
        changed, refused = events()
    assert (changed["event"], changed["rcode"], changed["serial"]) == ("update", "NOERROR", 101)
    assert (changed["zone"], changed["added"], changed["removed"]) == ("example.com.", 1, 0)
    assert (refused["event"], refused["rcode"]) == ("update-refused", "YXDOMAIN")
    assert changed["client"].startswith("127.0.0.1:") and changed["key"] == refused["key"]


def test_the_resolver_sees_a_new_name_at_once_though_it_was_asked_for_before(net):
    host = net.host("server")
    authority = Service(host, "authority", CONFIG.replace("listen: 127.0.0.1", 'listen: "127.0.0.1:5300"'), FILES)
    authority.start()
    resolver = Service(
        host,
        "resolver",
        "resolver:\n  listen: 127.0.0.1\n  prime: off\n  ask-loopback: on\n"
        '  stub: [{zone: example.com, to: ["127.0.0.1:5300"]}]\n',
    ).start()
    for number in range(5):
        name = f"lease-{number}.example.com"
        assert rcode(resolver, name) == "NXDOMAIN"
        message = new()
        message.add(f"lease-{number}", 300, "A", "192.0.2.44")
        with host.inside():
            dns.query.udp(message, "127.0.0.1", timeout=5, port=5300)
        assert values(resolver, name) == ["192.0.2.44"]
        message = new()
        message.delete(f"lease-{number}", "A")
        with host.inside():
            dns.query.udp(message, "127.0.0.1", timeout=5, port=5300)
        assert rcode(resolver, name) == "NXDOMAIN"
