"""DNS64, the real binary on the small internet of test_resolver.py: clients ask over IPv6 and over
IPv4."""

import ipaddress
import time

import dns.flags
import dns.reversename

import ask
from service import Service
from test_resolver import RESOLVER_AT, WWW, Internet, at, six

RESOLVER_AT6 = six("resolver")


def config(dns64, more=""):
    return (
        f'resolver:\n  listen: [{RESOLVER_AT}, "[{RESOLVER_AT6}]"]\n  workers: 2\n'
        f'  access: [203.0.113.0/24, "2001:db8:1::/64"]\n'
        f'  roots: [{at("root1")}, {at("root2")}]\n  dns64: {dns64}\n{more}'
    )


def embedded(v4, prefix="2001:db8:64::"):
    return str(ipaddress.IPv6Address(int(ipaddress.ip_address(prefix)) + int(ipaddress.ip_address(v4))))


def start(net, dns64):
    internet = Internet(net)
    internet.resolver = Service(internet.hosts["resolver"], "resolver", config(dns64)).start()
    return internet


def ask6(internet, name, kind="AAAA", **how):
    return ask.dns_query(internet.client, RESOLVER_AT6, name, kind, **how)


def values6(internet, name, kind="AAAA", **how):
    return sorted(ask.values(ask6(internet, name, kind, **how), kind))


def becomes(internet, name, want):
    """Each worker turns to new rules by itself."""
    end = time.monotonic() + 10
    while values6(internet, name) != want:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_hosts_without_ipv4_get_addresses_of_the_translator(net):
    internet = start(net, '{prefixes: "2001:db8:64::/96"}')
    # made, and again from the cache; over TCP as well
    for how in ({}, {}, {"tcp": True}):
        answer = ask6(internet, "mail.example.com", **how)
        assert ask.values(answer, "AAAA") == [embedded("192.0.2.25")]
        assert not ask.values(answer, "A")
        assert answer.answer[0].ttl <= 60  # the zone's negative TTL; its records have 300
    # an AAAA that is there stays, and so do all other types
    assert values6(internet, "www.example.com") == ["2001:db8::80"]
    assert values6(internet, "www.example.com", "A") == WWW
    assert ask.rcode(ask6(internet, "none.example.com")) == "NXDOMAIN"
    denied = ask6(internet, "text.example.com")
    assert ask.rcode(denied) == "NOERROR" and not denied.answer and denied.authority
    # aliases into another zone, and a renamed tree
    far = ask6(internet, "far.example.com")
    assert ask.values(far, "CNAME") == ["www.elsewhere.net."]
    assert ask.values(far, "AAAA") == [embedded("198.51.100.5")]
    renamed = ask6(internet, "host.old.example.com")
    assert ask.values(renamed, "DNAME") == ["new.example.com."]
    assert ask.values(renamed, "AAAA") == [embedded("192.0.2.99")]
    # who asks over IPv4 has it; who validates gets what the zone says
    assert internet.values("mail.example.com", "AAAA") == []
    validates = {"want_dnssec": True, "flags": dns.flags.RD | dns.flags.CD}
    assert values6(internet, "mail.example.com", **validates) == []
    assert values6(internet, "mail.example.com", want_dnssec=True) == [embedded("192.0.2.25")]
    # the way back
    pointer = dns.reversename.from_address(embedded("20.0.2.80"))
    back = ask6(internet, pointer, "PTR")
    assert ask.values(back, "CNAME") == ["80.2.0.20.in-addr.arpa."]
    assert ask.values(back, "PTR") == ["www.example.com."]
    nobody = ask6(internet, dns.reversename.from_address(embedded("20.0.2.81")), "PTR")
    assert ask.rcode(nobody) == "NXDOMAIN" and not nobody.answer
    # how hosts find out the prefix: RFC 7050
    told = values6(internet, "ipv4only.arpa")
    assert told == [embedded("192.0.0.170"), embedded("192.0.0.171")]
    done = internet.client.run("dig", "+short", "AAAA", "mail.example.com", f"@{RESOLVER_AT6}")
    assert done.stdout.split() == [embedded("192.0.2.25")]
    metrics = internet.resolver.control("GET", "/metrics")[1]
    counted = [line for line in metrics.split("\n") if line.startswith("gatehouse_dns_synthesized_total")]
    assert counted and int(counted[0].split()[-1]) >= 4
    # another prefix holds from the reload on, for what was remembered too
    internet.resolver.reload(config('{prefixes: "2001:db8:65::/96"}'))
    becomes(internet, "mail.example.com", [embedded("192.0.2.25", "2001:db8:65::")])
    # {} is on with the well-known prefix, which is not for addresses that are not global
    internet.resolver.reload(config("{}"))
    made = [embedded("192.0.0.170", "64:ff9b::"), embedded("192.0.0.171", "64:ff9b::")]
    becomes(internet, "ipv4only.arpa", made)
    assert values6(internet, "mail.example.com") == []
