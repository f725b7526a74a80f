"""What the test suites of others ask of a resolver, on scripted servers (scenario.py).

One host: the resolver at 127.0.9.9, the servers of the world at 127.0.1.0/24, 127.0.2.0/24.
"""

import time

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import pytest

import ask
from scenario import CONFIG, LEAF, LEAF2, OTHER, ROOT, TLD, answer, deny, fail, message, refer, reply, silence


# ---- what is asked of whom


@pytest.mark.parametrize(
    "mode, root, tld",
    [
        ("on", ["com. A"], ["example.com. A"]),
        ("strict", ["com. A"], ["example.com. A"]),
        ("off", ["a.b.example.com. TXT"], ["a.b.example.com. TXT"]),
    ],
)
def test_each_server_is_shown_what_the_mode_says(scene, mode, root, tld):
    servers = scene.tree({"a.b.example.com TXT": answer('a.b.example.com 60 TXT "x"'),
                          "b.example.com *": deny("example.com", rcode="NOERROR")})
    scene.resolver(f"  minimise: {mode}\n")
    assert scene.values("a.b.example.com", "TXT") == ['"x"']
    assert servers[0].questions() == root and servers[1].questions() == tld
    last = servers[2].questions()
    assert last == (["a.b.example.com. TXT"] if mode == "off" else ["b.example.com. A", "a.b.example.com. TXT"])


def test_a_denied_empty_name_hides_what_is_below_only_when_strict(scene):
    leaf = {"a.b.example.com A": answer("a.b.example.com 60 A 192.0.2.1")}  # b.example.com: NXDOMAIN
    scene.tree(leaf)
    scene.resolver("  minimise: on\n")
    assert scene.values("a.b.example.com") == ["192.0.2.1"]
    scene.service.reload((CONFIG + "  minimise: strict\n"))
    scene.service.control("POST", "/flush?name=.&below=1")
    assert scene.rcode("a.b.example.com") == "NXDOMAIN"


def test_servers_see_the_outgoing_address_and_our_edns_size_and_no_recursion_wish(scene):
    _, _, leaf = scene.tree({"www.example.com A": answer("www.example.com 60 A 192.0.2.1")})
    scene.host.address("lo", "127.0.7.7/32")
    scene.resolver("  outgoing: [127.0.7.7]\n  edns-size: 1400\n")
    got = scene.ask("www.example.com")
    assert got.payload == 1400
    query = leaf.asked[-1]
    assert query.source == "127.0.7.7" and query.message.payload == 1400
    assert not query.message.flags & (dns.flags.RD | dns.flags.AD)


def test_loopback_is_not_asked_unless_allowed(scene):
    root = scene.server("203.0.113.1", {"com *": refer("com", {"ns.com": TLD})})
    tld = scene.server(TLD, {"www.com A": answer("www.com 60 A 192.0.2.1")})
    config = CONFIG.replace(ROOT, "203.0.113.1").replace("ask-loopback: on", "ask-loopback: off")
    scene.resolver(config=config)
    assert scene.rcode("www.com") == "SERVFAIL"
    assert root.asked and not tld.asked


def test_ipv4_or_ipv6_alone_is_asked(scene):
    both = {"ns.com": f"{TLD} fd00::2"}
    zone = {"www.com A": answer("www.com 0 A 192.0.2.1")}
    scene.server(ROOT, {"com *": refer("com", both)})
    scene.server("fd00::1", {"com *": refer("com", both)})
    four, six = scene.server(TLD, zone), scene.server("fd00::2", zone)
    config = CONFIG.replace(ROOT, f'{ROOT}, "fd00::1"')
    scene.resolver("  upstream-ipv4: off\n", config=config)
    assert scene.values("www.com") == ["192.0.2.1"] and six.asked and not four.asked
    scene.service.stop()
    scene.world.forget()
    scene.resolver("  upstream-ipv6: off\n", config=config)
    assert scene.values("www.com") == ["192.0.2.1"] and four.asked and not six.asked


def test_everything_may_be_forwarded_and_stubs_are_asked_themselves(scene):
    forward = scene.server(OTHER, {"www.example.com A": answer("www.example.com 60 A 192.0.2.7", flags="RA")})
    stub = scene.server("127.0.2.1", {"www.corp A": answer("www.corp 60 A 192.0.2.8")})
    scene.resolver(f'  forward: [{{zone: ".", to: [{OTHER}]}}]\n  stub: [{{zone: corp, to: ["127.0.2.1:53"]}}]\n')
    assert scene.values("www.example.com") == ["192.0.2.7"] and scene.values("www.corp") == ["192.0.2.8"]
    assert forward.questions() == ["www.example.com. A"] and forward.asked[0].message.flags & dns.flags.RD
    assert stub.asked and not stub.asked[-1].message.flags & dns.flags.RD


# ---- what is believed


def test_poison_beside_an_answer_is_not_believed(scene):
    evil = reply(
        answer=["www.example.com 60 A 192.0.2.1", "www.bank.com 60 A 192.0.2.66"],
        authority=["com 9000 NS ns.evil.com.", "bank.com 9000 NS ns.evil.com."],
        additional=["ns.evil.com 9000 A 127.0.2.66", "www.bank.com 9000 A 192.0.2.66", "ns.com 9000 A 127.0.2.66"],
    )
    bank = {"bank.com *": refer("bank.com", {"ns.bank.com": LEAF2})}
    scene.tree({"www.example.com A": evil}, more=bank)
    scene.server(LEAF2, {"www.bank.com A": answer("www.bank.com 60 A 192.0.2.2")})
    trap = scene.server("127.0.2.66", {})
    scene.resolver()
    got = scene.ask("www.example.com")
    assert ask.values(got) == ["192.0.2.1"] and "bank" not in got.to_text()
    assert scene.values("www.bank.com") == ["192.0.2.2"]
    assert not trap.asked


def test_an_alias_out_of_the_zone_is_resolved_not_copied(scene):
    chain = answer("www.example.com 60 CNAME www.other.net.", "www.other.net 60 A 192.0.2.66")
    other = {"other.net *": refer("other.net", {"ns.other.net": LEAF2})}
    scene.tree({"www.example.com A": chain}, more=other)
    scene.server(LEAF2, {"www.other.net A": answer("www.other.net 60 A 192.0.2.2")})
    scene.resolver()
    got = scene.ask("www.example.com")
    assert ask.values(got, "CNAME") == ["www.other.net."] and ask.values(got) == ["192.0.2.2"]


def forged(change):
    """A wrong reply, and then the right one."""

    def make(query):
        wrong = message(query, answer=["www.example.com 60 A 192.0.2.66"])
        change(wrong)
        return [wrong.to_wire(), message(query, answer=["www.example.com 60 A 192.0.2.1"])]

    return make


def wrong_id(m):
    m.id ^= 1


def wrong_question(m):
    m.question[0].name = dns.name.from_text("ww2.example.com.")


def wrong_type(m):
    m.question[0].rdtype = dns.rdatatype.AAAA


def no_response(m):
    m.flags &= ~dns.flags.QR


@pytest.mark.parametrize("change", [wrong_id, wrong_question, wrong_type, no_response])
def test_a_reply_to_something_else_is_passed_over(scene, change):
    scene.tree({"www.example.com A": forged(change)})
    scene.resolver()
    assert scene.values("www.example.com") == ["192.0.2.1"]




# ---- servers that are broken: the other one answers

BROKEN = {
    "refused": fail("REFUSED"),
    "servfail": fail("SERVFAIL"),
    "notimp": fail("NOTIMP"),
    "formerr": fail("FORMERR"),
    "upward": reply(flags="", authority=[". 300 NS ns.root."]),
    "upward with AA": reply(authority=[". 300 NS ns.root."]),
    "to itself": reply(flags="", authority=["example.com 300 NS ns.example.com."]),
    "empty without AA": reply(flags=""),
    "no question": reply(answer=["www.example.com 60 A 192.0.2.66"], question=[]),
    "garbage": lambda q: q.message.to_wire()[:2] + b"\x84\x00\x00\x01\x00\x01\0\0\0\0" + b"\xff" * 40,
    "header alone": lambda q: q.message.to_wire()[:2] + b"\x84\x00" + bytes(8),
    "cut off": lambda q: message(q, answer=["www.example.com 60 A 192.0.2.66"]).to_wire()[:-3],
    "silent": silence,
    "truncated for ever": lambda q: message(q, flags="AA TC"),
    "badvers": fail("BADVERS"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_one_broken_server_of_two_loses_nothing(scene, how):
    pair = {"ns1.example.com": LEAF, "ns2.example.com": LEAF2}
    more = {"example.com *": refer("example.com", pair)}
    scene.tree({"example.com *": BROKEN[how]}, more=more)
    right = {f"n{i}.example.com A": answer(f"n{i}.example.com 60 A 192.0.2.{i}") for i in range(8)}
    scene.server(LEAF2, right)
    scene.resolver()
    for i in range(8):
        begun = time.monotonic()
        assert scene.values(f"n{i}.example.com") == [f"192.0.2.{i}"]
        assert time.monotonic() - begun < 4


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_server_alone_is_servfail_in_time_and_not_asked_for_ever(scene, how):
    _, _, leaf = scene.tree({"example.com *": BROKEN[how]})
    scene.resolver()
    begun = time.monotonic()
    assert scene.rcode("www.example.com") == "SERVFAIL"
    assert time.monotonic() - begun < 10
    assert len(leaf.asked) <= 12
    count = len(leaf.asked)
    assert scene.rcode("www.example.com") == "SERVFAIL" and len(leaf.asked) == count  # RFC 9520


def edns_formerr(with_opt):
    def make(query):
        if query.message.edns < 0:
            return message(query, answer=["www.example.com 60 A 192.0.2.1"])
        made = message(query, rcode="FORMERR", flags="")
        made.use_edns(0 if with_opt else False)
        return made

    return make


def edns_ignored(query):
    made = message(query, answer=["www.example.com 60 A 192.0.2.1"])
    made.use_edns(False)
    return made


def edns_echoed(query):
    made = message(query, answer=["www.example.com 60 A 192.0.2.1"])
    made.use_edns(0, query.message.ednsflags, query.message.payload, options=query.message.options)
    return made


def edns_badvers(query):
    if query.message.edns < 0:
        return message(query, answer=["www.example.com 60 A 192.0.2.1"])
    made = message(query, flags="")
    made.use_edns(1)
    made.set_rcode(dns.rcode.BADVERS)
    return made


@pytest.mark.parametrize(
    "how",
    [edns_formerr(True), edns_formerr(False), edns_ignored, edns_echoed, edns_badvers],
    ids=["formerr+opt", "formerr", "ignores", "echoes", "badvers"],
)
def test_a_server_that_does_not_know_edns_is_asked_all_the_same(scene, how):
    scene.tree({"www.example.com *": how, "example.com *": how})
    scene.resolver()
    assert scene.values("www.example.com") == ["192.0.2.1"]


def test_what_was_cut_is_asked_over_tcp_and_a_broken_stream_is_no_answer(scene):
    def long_one(query):
        if not query.tcp:
            return message(query, flags="AA TC")
        return message(query, answer=[f"www.example.com 60 A 10.0.{i // 250}.{i % 250}" for i in range(900)])

    scene.tree({"www.example.com A": long_one})
    scene.resolver()
    assert len(scene.values("www.example.com", tcp=True)) == 900
    short = scene.ask("www.example.com")
    assert short.flags & dns.flags.TC and not short.answer


# ---- delegations


def test_a_cycle_of_servers_without_addresses_is_servfail_soon(scene):
    scene.server(ROOT, {
        "com *": refer("com", {"ns.net": None}),
        "net *": refer("net", {"ns.com": None}),
    })
    scene.resolver()
    begun = time.monotonic()
    assert scene.rcode("www.com") == "SERVFAIL" and time.monotonic() - begun < 3


def test_servers_named_in_another_zone_are_looked_up(scene):
    more = {"example.com *": refer("example.com", {"ns.other.net": None}),
            "other.net *": refer("other.net", {"ns.other.net": LEAF2})}
    scene.tree({"www.example.com A": answer("www.example.com 60 A 192.0.2.1")}, more=more)
    scene.server(LEAF2, {"ns.other.net A": answer(f"ns.other.net 60 A {LEAF}"), "other.net *": deny("other.net", rcode="NOERROR")})
    scene.resolver()
    assert scene.values("www.example.com") == ["192.0.2.1"]


def test_the_parents_glue_helps_when_the_childs_own_address_is_dead(scene):
    """The zone says of its server an address where nobody answers right; the parent knows another."""
    more = {"example.com *": refer("example.com", {"ns.other.net": None}),
            "other.net *": refer("other.net", {"ns.other.net": LEAF2})}
    scene.tree({}, more=more)
    scene.server(OTHER, {"com *": fail("SERVFAIL"), "net *": fail("SERVFAIL")})
    scene.server(LEAF2, {
        "ns.other.net A": answer(f"ns.other.net 60 A {OTHER}"),
        "www.example.com A": answer("www.example.com 60 A 192.0.2.1"),
        "other.net *": deny("other.net", rcode="NOERROR"),
    })
    scene.resolver("  minimise: off\n")
    assert scene.values("www.example.com") == ["192.0.2.1"]


def test_a_server_that_only_the_zone_itself_names_is_asked_when_the_others_fail(scene):
    own = {"authority": ["example.com 300 NS ns.example.com.", "example.com 300 NS ns2.example.com."],
           "additional": [f"ns2.example.com 300 A {LEAF2}"]}
    _, _, leaf = scene.tree({"one.example.com A": answer("one.example.com 60 A 192.0.2.1", **own)})
    scene.server(LEAF2, {"two.example.com A": answer("two.example.com 60 A 192.0.2.2")})
    scene.resolver()
    assert scene.values("one.example.com") == ["192.0.2.1"]
    leaf.rules = {"example.com *": fail("SERVFAIL")}
    assert scene.values("two.example.com") == ["192.0.2.2"]


def test_a_ds_is_asked_of_the_parent(scene):
    ds = "example.com 300 DS 1 13 2 " + "ab" * 32
    _, tld, leaf = scene.tree({"www.example.com A": answer("www.example.com 60 A 192.0.2.1")},
                              more={"example.com DS": answer(ds)})
    scene.resolver()
    assert scene.values("www.example.com") == ["192.0.2.1"]  # the cut is known now
    scene.world.forget()
    assert scene.values("example.com", "DS") == ["1 13 2 " + "ab" * 32]
    assert "example.com. DS" in tld.questions() and not leaf.asked


# ---- aliases


def test_loops_and_too_long_chains_end(scene):
    rules = {
        "self.example.com A": answer("self.example.com 60 CNAME self.example.com."),
        "one.example.com A": answer("one.example.com 60 CNAME two.example.com."),
        "two.example.com A": answer("two.example.com 60 CNAME one.example.com."),
        "dn.example.com *": answer("dn.example.com 60 DNAME dn.example.com."),
    }
    for i in range(60):
        rules[f"c{i}.example.com A"] = answer(f"c{i}.example.com 60 CNAME c{i + 1}.example.com.")
    _, _, leaf = scene.tree(rules)
    scene.resolver()
    for name in ("self", "one", "x.dn", "c0"):
        begun = time.monotonic()
        assert scene.rcode(f"{name}.example.com") == "SERVFAIL", name
        assert time.monotonic() - begun < 3
    assert len(leaf.asked) < 80


def test_dnames_rename_with_and_without_the_alias_they_make(scene):
    dname = "old.example.com 60 DNAME new.example.com."
    scene.tree({
        "a.old.example.com A": answer(dname, "a.old.example.com 60 CNAME a.new.example.com."),
        "b.old.example.com A": answer(dname),
        "a.new.example.com A": answer("a.new.example.com 60 A 192.0.2.1"),
        "b.new.example.com A": answer("b.new.example.com 60 A 192.0.2.2"),
        "c.new.example.com A": answer("c.new.example.com 60 A 192.0.2.3"),
        "old.example.com DNAME": answer(dname),
        "old.example.com A": deny("example.com", rcode="NOERROR"),
    })
    scene.resolver()
    for label, address in (("b", "192.0.2.2"), ("a", "192.0.2.1"), ("c", "192.0.2.3")):
        got = scene.ask(f"{label}.old.example.com")
        assert ask.values(got, "DNAME") == ["new.example.com."]
        assert ask.values(got, "CNAME") == [f"{label}.new.example.com."] and ask.values(got) == [address]
    long = ".".join(["d" * 60] * 3 + ["e" * 50, "old.example.com"])
    assert len(dns.name.from_text(long).to_wire()) <= 255
    scene.service.control("POST", "/flush?name=.&below=1")


def test_an_alias_to_nothing_is_nxdomain_with_the_alias(scene):
    both = reply(rcode="NXDOMAIN", answer=["a.example.com 60 CNAME gone.example.com."],
                 authority=["example.com 300 SOA ns. admin. 1 2 3 4 60"])
    scene.tree({"a.example.com A": both})
    scene.resolver()
    for _ in range(2):
        got = scene.ask("a.example.com")
        assert ask.rcode(got) == "NXDOMAIN" and ask.values(got, "CNAME") == ["gone.example.com."]
        assert got.authority[0].rdtype == dns.rdatatype.SOA


# ---- denials (RFC 2308)


@pytest.mark.parametrize(
    "rcode, soa, ns, kept",
    [
        ("NXDOMAIN", True, True, True), ("NXDOMAIN", True, False, True), ("NXDOMAIN", False, False, False),
        ("NXDOMAIN", False, True, False), ("NOERROR", True, True, True), ("NOERROR", True, False, True),
        ("NOERROR", False, False, False),
    ],
)
def test_denials_of_all_kinds_are_told_and_kept_only_with_an_soa(scene, rcode, soa, ns, kept):
    authority = ["example.com 300 SOA ns. admin. 1 2 3 4 60"] * soa + ["example.com 300 NS ns.example.com."] * ns
    _, _, leaf = scene.tree({"no.example.com A": reply(rcode=rcode, authority=authority)})
    scene.resolver()
    first = scene.ask("no.example.com")
    assert ask.rcode(first) == rcode and not first.answer
    if soa:
        assert first.authority[0].rdtype == dns.rdatatype.SOA and first.authority[0].ttl == 60
    count = len(leaf.asked)
    assert ask.rcode(scene.ask("no.example.com")) == rcode
    assert (len(leaf.asked) == count) == kept


def test_below_a_denied_name_nothing_is_asked_but_the_type_is_not_the_name(scene):
    root, _, leaf = scene.tree({"no.example.com A": deny("example.com"),
                                "has.example.com A": deny("example.com", rcode="NOERROR"),
                                "has.example.com TXT": answer('has.example.com 60 TXT "x"')})
    root.rules["invalidtld *"] = deny("")
    scene.resolver()
    assert scene.rcode("no.example.com") == "NXDOMAIN"
    count = len(leaf.asked)
    assert scene.rcode("no.example.com", "MX") == "NXDOMAIN" and scene.rcode("x.no.example.com") == "NXDOMAIN"
    assert len(leaf.asked) == count
    assert scene.rcode("has.example.com") == "NOERROR" and scene.values("has.example.com", "TXT") == ['"x"']
