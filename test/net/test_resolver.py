"""The resolver, the real binary, on a small internet of our own authority:

    client, resolver, root1, root2, com1, com2, ex1, ex2 at one switch, 203.0.113.0/24

root1/root2 serve `.`, com1/com2 `com` and `net`, ex1/ex2 example.com and the rest.
"""

import collections
import json
import re
import signal
import socket
import struct
import threading
import time
from pathlib import Path

import dns.exception
import dns.message
import pytest

import ask
import walks
from service import Service

ADDRESS = {
    "client": 2,
    "resolver": 53,
    "root1": 11,
    "root2": 12,
    "com1": 21,
    "com2": 22,
    "ex1": 31,
    "ex2": 32,
}
RESOLVER_AT = "203.0.113.53"


def at(name):
    return f"203.0.113.{ADDRESS[name]}"


def six(name):
    return f"2001:db8:1::{ADDRESS[name]}"


SOA = "SOA ns.invalid. admin.invalid. 1 7200 3600 1209600 60"
ROOT = f"""$TTL 86400
@ {SOA}
@ NS root1.servers.
@ NS root2.servers.
root1.servers. A {at("root1")}
root2.servers. A {at("root2")}
com NS com1.nic.com.
com NS com2.nic.com.
net NS com1.nic.com.
net NS com2.nic.com.
com1.nic.com. A {at("com1")}
com2.nic.com. A {at("com2")}
root1.servers. AAAA {six("root1")}
root2.servers. AAAA {six("root2")}
com1.nic.com. AAAA {six("com1")}
com2.nic.com. AAAA {six("com2")}
20.in-addr.arpa. NS ns1.example.com.
"""
COM = f"""$TTL 86400
@ {SOA}
@ NS com1.nic
@ NS com2.nic
com1.nic A {at("com1")}
com2.nic A {at("com2")}
example NS ns1.example
example NS ns2.example
ns1.example A {at("ex1")}
ns2.example A {at("ex2")}
com1.nic AAAA {six("com1")}
com2.nic AAAA {six("com2")}
ns1.example AAAA {six("ex1")}
ns2.example AAAA {six("ex2")}
"""
NET = f"""$TTL 86400
@ {SOA}
@ NS com1.nic.com.
@ NS com2.nic.com.
elsewhere NS ns1.example.com.
elsewhere NS ns2.example.com.
"""
EXAMPLE = f"""$TTL 300
@ {SOA}
@ NS ns1
@ NS ns2
@ MX 10 mail
ns1 A {at("ex1")}
ns2 A {at("ex2")}
ns1 AAAA {six("ex1")}
ns2 AAAA {six("ex2")}
www A 192.0.2.1
www A 192.0.2.2
www A 192.0.2.3
www A 192.0.2.4
www AAAA 2001:db8::80
mail A 192.0.2.25
alias CNAME www
far CNAME www.elsewhere.net.
_sip._tcp SRV 1 2 5060 www
text TXT "hello world" "again"
old DNAME new.example.com.
host.new A 192.0.2.99
a.b.c.d.e A 192.0.2.77
short 2 A 192.0.2.2
""" + "".join(f'large TXT "{i:03} {"x" * 100}"\n' for i in range(40)) + "".join(
    f"n{i} A 192.0.2.{i % 250 + 1}\n" for i in range(400)
)
ELSEWHERE = f"""$TTL 300
@ {SOA}
@ NS ns1.example.com.
@ NS ns2.example.com.
www A 198.51.100.5
"""
REVERSE = f"""$TTL 300
@ {SOA}
@ NS ns1.example.com.
80.2.0 PTR www.example.com.
"""

ZONES = {
    "root": {".": ROOT},
    "com": {"com": COM, "net": NET},
    "ex": {"example.com": EXAMPLE, "elsewhere.net": ELSEWHERE, "20.in-addr.arpa": REVERSE},
}


def authority(host, listen):
    zones = ZONES[re.sub(r"\d", "", host.name)]
    files = {f"zone{i}": text for i, text in enumerate(zones.values())}
    config = f"authority:\n  listen: [{listen}]\n  workers: 1\n  checks: lenient\n  zones:\n"
    for i, origin in enumerate(zones):
        config += f'    - {{origin: "{origin}", file: zone{i}}}\n'
    return Service(host, "authority", config, files).start()


def resolver_config(more=""):
    return (
        f"resolver:\n  listen: [{RESOLVER_AT}]\n  workers: 1\n  access: [203.0.113.0/24]\n"
        f'  roots: [{at("root1")}, {at("root2")}]\n  upstream-ipv6: off\n{more}'
    )


class Internet:
    def __init__(self, net):
        switch = net.switch("switch")
        self.hosts, self.servers = {}, {}
        for name in ADDRESS:
            self.hosts[name] = net.host(name)
            net.plug(self.hosts[name], f"{at(name)}/24 {six(name)}/64", switch)
            if name not in ("client", "resolver"):
                self.servers[name] = authority(
                    self.hosts[name], f'{at(name)}, "[{six(name)}]"'
                )
        self.client = self.hosts["client"]
        self.resolver = None

    def resolve(self, more="", **options):
        self.resolver = Service(
            self.hosts["resolver"], "resolver", resolver_config(more), **options
        ).start()
        return self

    def ask(self, name, kind="A", **how):
        return ask.dns_query(self.client, RESOLVER_AT, name, kind, **how)

    def values(self, name, kind="A", **how):
        return sorted(ask.values(self.ask(name, kind, **how), kind))

    def trace(self, name, kind="A"):
        status, lines = self.resolver.control("POST", f"/trace?name={name}&type={kind}")
        assert status == 200
        return lines[:-1], lines[-1]


@pytest.fixture
def internet(net):
    return Internet(net)


WWW = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]


def test_every_kind_of_record_is_found_from_the_root(internet):
    internet.resolve()
    assert internet.values("www.example.com") == WWW
    assert internet.values("www.example.com", "AAAA") == ["2001:db8::80"]
    assert internet.values("example.com", "MX") == ["10 mail.example.com."]
    assert internet.values("_sip._tcp.example.com", "SRV") == ["1 2 5060 www.example.com."]
    assert internet.values("text.example.com", "TXT") == ['"hello world" "again"']
    assert internet.values("example.com", "NS") == ["ns1.example.com.", "ns2.example.com."]
    assert len(internet.values("example.com", "SOA")) == 1
    assert internet.values("a.b.c.d.e.example.com") == ["192.0.2.77"]
    assert internet.values("80.2.0.20.in-addr.arpa", "PTR") == ["www.example.com."]
    alias = internet.ask("alias.example.com")
    assert sorted(ask.values(alias)) == WWW
    assert ask.values(alias, "CNAME") == ["www.example.com."]
    assert internet.values("far.example.com") == ["198.51.100.5"]
    renamed = internet.ask("host.old.example.com")
    assert ask.values(renamed) == ["192.0.2.99"]
    assert ask.values(renamed, "DNAME") == ["new.example.com."]
    assert ask.values(renamed, "CNAME") == ["host.new.example.com."]


def test_denials_come_with_the_soa_and_are_remembered(internet):
    internet.resolve()
    for _ in range(2):
        answer = internet.ask("none.example.com")
        assert ask.rcode(answer) == "NXDOMAIN"
        assert [rrset.name.to_text() for rrset in answer.authority] == ["example.com."]
        assert answer.authority[0].ttl <= 60
        answer = internet.ask("www.example.com", "MX")
        assert ask.rcode(answer) == "NOERROR" and not answer.answer
        assert len(answer.authority) == 1
    before = internet.resolver.control("GET", "/status")[1]["upstream_queries"]
    assert ask.rcode(internet.ask("below.none.example.com", "TXT")) == "NXDOMAIN"  # RFC 8020
    assert internet.resolver.control("GET", "/status")[1]["upstream_queries"] == before


def test_each_address_comes_first_as_often(internet):
    internet.resolve()
    first = collections.Counter(
        ask.values(internet.ask("www.example.com"))[0] for _ in range(1000)
    )
    assert len(first) == 4
    assert all(190 <= count <= 310 for count in first.values()), first


def test_a_trace_shows_each_step_and_then_the_cache(internet):
    internet.resolve()
    steps, summary = internet.trace("www.example.com")
    late, steps = len(walks.silent(steps)), walks.answered(steps)
    assert [step["kind"] for step in steps] == [
        "caching",
        "recursive",
        "root",
        "tld",
        "authoritative",
    ]
    assert [step["event"] for step in steps] == [
        "miss",
        "start",
        "referral",
        "referral",
        "answer",
    ]
    assert [step["name"] for step in steps[2:]] == ["com.", "example.com.", "www.example.com."]
    assert steps[2]["address"] in (at("root1"), at("root2"))
    assert steps[3]["server"] in ("com1.nic.com.", "com2.nic.com.")
    assert steps[4]["zone"] == "example.com." and steps[4]["ttl"] == 300
    assert all(step["round_trip_us"] > 0 for step in steps[2:])
    assert (summary["packets_udp"], summary["packets_tcp"], summary["packets"]) == (6 + late, 33, 6 + late)
    assert len(summary["answer"]) == 4 and not summary["cached"]
    time.sleep(1.1)
    steps, summary = internet.trace("www.example.com")
    assert [(step["kind"], step["event"]) for step in steps] == [("caching", "hit")]
    assert 290 < steps[0]["ttl"] < 300
    assert summary["cached"] and summary["packets"] == 0
    assert len(summary["answer"]) == 4


def test_names_are_shown_to_servers_only_as_far_as_they_need(internet):
    internet.resolve()
    steps, _ = internet.trace("a.b.c.d.e.example.com")
    shown = [step["name"] for step in steps if "zone" in step]
    assert shown[:2] == ["com.", "example.com."]
    assert shown[-1] == "a.b.c.d.e.example.com."
    assert len(shown) <= 8


def test_without_minimisation_all_see_the_whole_name(internet):
    internet.resolve("  minimise: off\n  prime: off\n")
    steps, _ = internet.trace("www.example.com")
    assert {step["name"] for step in steps if "zone" in step} == {"www.example.com."}


@pytest.mark.parametrize("dead", ["root1", "root2", "com1", "com2", "ex1", "ex2"])
def test_one_dead_server_of_a_pair_loses_no_resolution(internet, dead):
    internet.resolve()
    internet.servers[dead].kill()
    for i in range(40):
        assert internet.values(f"n{i}.example.com") == [f"192.0.2.{i % 250 + 1}"]


def test_one_silent_server_of_a_pair_loses_no_resolution(internet):
    internet.resolve()
    for name in ("root1", "com2", "ex1"):
        internet.hosts[name].ip("address", "flush", "dev", "to-switch")
    for i in range(10):
        assert internet.values(f"n{i}.example.com", timeout=5) == [f"192.0.2.{i % 250 + 1}"]


def test_what_does_not_fit_goes_over_tcp(internet):
    internet.resolve()
    answer = internet.ask("large.example.com", "TXT")
    assert "TC" in ask.flags(answer) and not answer.answer
    answer = internet.ask("large.example.com", "TXT", tcp=True)
    assert len(ask.values(answer, "TXT")) == 40
    assert internet.resolver.control("GET", "/metrics")[0] == 200
    steps, summary = internet.trace("large.example.com", "TXT")
    assert steps[0]["event"] == "hit"


def frames(sock, count):
    """The messages of a TCP connection."""
    data, messages = b"", []
    while len(messages) < count:
        got = sock.recv(65536)
        assert got, "the connection ended"
        data += got
        while len(data) >= 2 and len(data) - 2 >= struct.unpack("!H", data[:2])[0]:
            length = struct.unpack("!H", data[:2])[0]
            messages.append(dns.message.from_wire(data[2 : 2 + length]))
            data = data[2 + length :]
    return messages


def test_many_queries_of_one_connection_are_answered_as_they_become_known(internet):
    internet.resolve()
    internet.ask("www.example.com")
    queries = [dns.message.make_query(f"n{i}.example.com", "A") for i in range(60)]
    queries.append(dns.message.make_query("www.example.com", "A"))
    for i, query in enumerate(queries):
        query.id = i
    with internet.client.inside():
        sock = socket.create_connection((RESOLVER_AT, 53), timeout=5)
    with sock:
        wires = [query.to_wire() for query in queries]
        sock.sendall(b"".join(struct.pack("!H", len(wire)) + wire for wire in wires))
        answers = frames(sock, len(queries))
    assert sorted(answer.id for answer in answers) == list(range(61))
    assert all(answer.answer for answer in answers)


def test_strangers_are_refused(internet):
    internet.resolve("  identity: me\n")
    internet.client.ip("address", "add", "203.0.114.9/32", "dev", "to-switch")
    internet.hosts["resolver"].ip("route", "add", "203.0.114.9/32", "dev", "to-switch")
    answer = internet.ask("www.example.com", source="203.0.114.9", use_edns=0)
    assert ask.rcode(answer) == "REFUSED"
    # Extended DNS error 18, Prohibited (RFC 8914); older dnspython has no class for it.
    assert [o.to_wire()[:2] for o in answer.options if o.otype == 15] == [b"\0\x12"]
    answer = internet.ask("id.server", "TXT", rdclass="CH")
    assert ask.values(answer, "TXT") == ['"me"']


def test_forward_and_stub_zones_are_asked_where_they_are_set(internet):
    internet.hosts["resolver"].ip("address", "add", "203.0.113.54/24", "dev", "to-switch")
    internet.resolve(
        f"  outgoing: [203.0.113.54]\n"
        f'  forward: [{{zone: ".", to: ["{at("client")}:5353"]}}]\n'
        f'  stub: [{{zone: example.com, to: ["{at("ex1")}", "{at("ex2")}"]}}]\n'
    )
    steps, summary = internet.trace("www.example.com")
    assert summary["rcode"] == "NOERROR"
    assert {step["kind"] for step in steps if "zone" in step} == {"authoritative"}
    with internet.client.inside():
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((at("client"), 5353))
    sock.settimeout(5)

    peers = []

    def forwarder():
        wire, peer = sock.recvfrom(4096)
        peers.append(peer)
        query = dns.message.from_wire(wire)
        assert query.flags & dns.flags.RD
        answer = dns.message.make_response(query, recursion_available=True)
        answer.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", "192.0.2.42"))
        sock.sendto(answer.to_wire(), peer)

    thread = threading.Thread(target=forwarder)
    thread.start()
    assert internet.values("anything.at.all") == ["192.0.2.42"]
    thread.join()
    sock.close()
    assert peers[0][0] == "203.0.113.54"


def test_servers_are_asked_over_ipv6_alone(internet):
    config = resolver_config("  upstream-ipv4: off\n")
    config = config.replace(f'[{at("root1")}, {at("root2")}]', f'["{six("root1")}", "{six("root2")}"]')
    config = config.replace("  upstream-ipv6: off\n", "")
    internet.resolver = Service(internet.hosts["resolver"], "resolver", config).start()
    assert internet.values("www.example.com") == WWW
    assert internet.values("far.example.com") == ["198.51.100.5"]
    steps, _ = internet.trace("mail.example.com")
    assert all(":" in step["address"] for step in steps if "zone" in step)


def test_hints_come_from_a_file_and_priming_names_the_root(internet):
    config = resolver_config("  root-hints: named.root\n").replace(
        f'  roots: [{at("root1")}, {at("root2")}]\n', ""
    )
    hints = f'. 3600 NS root1.servers.\nroot1.servers. 3600 A {at("root1")}\n'
    internet.resolver = Service(
        internet.hosts["resolver"], "resolver", config, {"named.root": hints}
    ).start()
    steps, _ = internet.trace("www.example.com")
    assert [s["server"] for s in walks.answered(steps) if s["kind"] == "root"] == ["root1.servers."]

    def primed():
        entries = internet.resolver.control("GET", "/cache/lookup?name=.")[1]["entries"]
        return [len(entry["records"]) for entry in entries if entry["kind"] == "delegation"]

    until = time.monotonic() + 10
    while primed() != [2]:  # it goes on beside questions
        assert time.monotonic() < until, primed()
        time.sleep(0.05)
    internet.resolver.write({"named.root": ". 3600 NS\n"})
    assert internet.resolver.control("POST", "/reload")[0] == 409
    assert internet.values("www.example.com") == WWW


def test_ends_with_0_within_five_seconds_of_sigterm(internet):
    internet.resolve()
    for name in ("ex1", "ex2"):
        internet.servers[name].send(signal.SIGSTOP)
    with pytest.raises(dns.exception.Timeout):
        internet.ask("www.example.com", timeout=1)  # a walk is under way
    began = time.monotonic()
    assert internet.resolver.stop(5) == 0
    assert time.monotonic() - began < 5
    for name in ("ex1", "ex2"):
        internet.servers[name].send(signal.SIGCONT)


def test_reloads_lose_no_query_and_keep_the_cache(internet):
    internet.resolve()
    internet.ask("www.example.com")
    stop, lost, asked = threading.Event(), [], []

    def load():
        i = 0
        while not stop.is_set():
            i += 1
            try:
                internet.ask(f"n{i % 400}.example.com")
            except dns.exception.Timeout:
                lost.append(i)
            asked.append(i)

    thread = threading.Thread(target=load)
    thread.start()
    for i in range(60):
        internet.resolver.reload(resolver_config("  answers: full\n" if i % 2 else ""))
    stop.set()
    thread.join()
    assert len(asked) > 50 and not lost
    steps, _ = internet.trace("www.example.com")
    assert steps[0]["event"] == "hit"


def test_a_wrong_configuration_changes_nothing(internet):
    internet.resolve()
    internet.resolver.configure(resolver_config("  edns-size: 7\n"))
    assert internet.resolver.control("POST", "/reload")[0] == 409
    assert internet.values("www.example.com") == WWW
    internet.resolver.configure(resolver_config("  access: [198.51.100.0/24]\n").replace(
        "  access: [203.0.113.0/24]\n", ""))
    assert internet.resolver.control("POST", "/reload")[0] == 200
    assert ask.rcode(internet.ask("www.example.com")) == "REFUSED"


def test_the_cache_can_be_looked_into_and_flushed(internet):
    internet.resolve()
    internet.ask("www.example.com")
    entries = internet.resolver.control("GET", "/cache/lookup?name=www.example.com")[1]["entries"]
    assert [(e["kind"], e["type"], len(e["records"])) for e in entries] == [("rrset", "A", 4)]
    assert internet.resolver.control("GET", "/cache")[1]["entries"] > 3
    assert internet.resolver.control("POST", "/flush?name=www.example.com")[1] == {"flushed": 1}
    steps, _ = internet.trace("www.example.com")
    assert [step["kind"] for step in walks.answered(steps)] == ["caching", "recursive", "authoritative"]
    assert internet.resolver.control("POST", "/flush?name=.&below=1")[1]["flushed"] > 3
    steps, _ = internet.trace("www.example.com")
    assert "root" in [step["kind"] for step in steps]
    assert internet.resolver.control("POST", "/flush?name=a..b")[0] == 400


def test_full_answers_name_the_zone_and_its_servers(internet):
    internet.resolve("  answers: full\n")
    answer = internet.ask("example.com", "MX")
    assert ask.values(answer, "MX") == ["10 mail.example.com."]
    assert {rrset.name.to_text() for rrset in answer.additional} >= {"ns1.example.com."} or (
        answer.authority
    )


def test_ttl_bounds_are_kept(internet):
    internet.resolve("  ttl: {min: 10s, max: 20s}\n")
    assert internet.ask("www.example.com").answer[0].ttl == 20
    assert internet.ask("short.example.com").answer[0].ttl == 10


FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


@pytest.mark.skipif(not FAKETIME, reason="libfaketime is not here")
def test_believes_a_preloaded_clock(internet):
    clock = {"LD_PRELOAD": str(FAKETIME), "FAKETIME": "@2033-01-01 00:00:00 x20"}
    internet.resolve(environment=clock)
    assert internet.ask("www.example.com").answer[0].ttl == 300
    time.sleep(2)
    assert 200 < internet.ask("www.example.com").answer[0].ttl <= 265
    assert internet.resolver.stop(5) == 0


def test_people_get_answers_with_their_own_tools(internet):
    internet.resolve()
    for tool in (ask.dig, ask.kdig, ask.drill):
        asked = tool(internet.client, RESOLVER_AT, "www.example.com", "A")
        assert asked.rcode == "NOERROR" and sorted(asked.values("A")) == WWW, asked.text
    internet.client.resolv_conf(RESOLVER_AT)
    done = internet.client.run("getent", "ahostsv4", "alias.example.com")
    assert {line.split()[0] for line in done.stdout.splitlines()} == set(WWW)


def test_events_and_metrics_are_told(internet):
    internet.resolve()
    internet.ask("www.example.com")
    status, text = internet.resolver.control("GET", "/metrics")
    assert status == 200
    assert 'gatehouse_dns_queries_total{service="resolver",transport="udp"} 1' in text
    status, shown = internet.resolver.control("GET", "/status")
    assert shown["queries"] == 1 and shown["upstream_queries"] >= 3
    assert json.dumps(shown)
