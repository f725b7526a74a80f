#!/usr/bin/env python3
"""Writes the good messages and names that the DNS tests and fuzz targets start from (dnspython).

Usage: dns_corpus.py CORPUS-DIRECTORY   (holds dns_message_fuzz/ and dns_name_fuzz/)
The same input gives the same files: ids are fixed and nothing is random.
"""
import pathlib
import random
import struct
import sys
import unittest.mock

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rrset
import dns.tsig
import dns.tsigkeyring

RECORDS = {
    "a": ["www.example.com. 300 IN A 192.0.2.1", "www.example.com. 300 IN A 192.0.2.2"],
    "aaaa": ["www.example.com. 300 IN AAAA 2001:db8::1"],
    "ns": [
        "example.com. 86400 IN NS ns1.example.com.",
        "example.com. 86400 IN NS ns2.example.net.",
    ],
    "cname": ["alias.example.com. 60 IN CNAME www.example.com."],
    "soa": [
        "example.com. 3600 IN SOA ns1.example.com. hostmaster.example.com. 2024010101 7200 900"
        " 1209600 300"
    ],
    "ptr": ["1.2.0.192.in-addr.arpa. 3600 IN PTR www.example.com."],
    "mx": [
        "example.com. 3600 IN MX 10 mail.example.com.",
        "example.com. 3600 IN MX 20 mx.example.net.",
    ],
    "txt": ['example.com. 3600 IN TXT "v=spf1 -all" "second string"'],
    "srv": ["_sip._tcp.example.com. 3600 IN SRV 10 60 5060 sip.example.com."],
    "naptr": [
        'example.com. 3600 IN NAPTR 100 10 "S" "SIP+D2U" "!^.*$!sip:info@example.com!"'
        " _sip._udp.example.com."
    ],
    "dname": ["old.example.com. 3600 IN DNAME new.example.org."],
    "caa": ['example.com. 3600 IN CAA 0 issue "ca.example.net"'],
    "ds": ["example.com. 3600 IN DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"],
    "dnskey": [
        "example.com. 3600 IN DNSKEY 257 3 13"
        " mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=="
    ],
    "rrsig": [
        "www.example.com. 300 IN RRSIG A 13 3 300 20300101000000 20240101000000 12345 example.com."
        " qpXhF2D8YJOwLA0hWO2pH1B0ZOXyRTFH6O6Ndm5kXzT0p7cTf0H1d1Ykq6zQ6aP2k3WbVqk3v9o5l8cE0g2ZLw=="
    ],
    "nsec": ["example.com. 300 IN NSEC a.example.com. NS SOA MX RRSIG NSEC DNSKEY TYPE65534"],
    "nsec3": [
        "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. 300 IN NSEC3 1 1 12 aabbccdd"
        " 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA NSEC3PARAM RRSIG"
    ],
    "nsec3param": ["example. 300 IN NSEC3PARAM 1 0 12 aabbccdd"],
    "tlsa": [
        "_443._tcp.www.example.com. 300 IN TLSA 3 1 1"
        " 0d6fce3328f2a3ba8d0f9d5a3f1c7f0f2e7b5d4e2e2d5a6f8c7b6a5948372615"
    ],
    "sshfp": [
        "host.example.com. 300 IN SSHFP 4 2"
        " 123456789abcdef67890123456789abcdef67890123456789abcdef123456789"
    ],
    "svcb": ["_dns.example.com. 300 IN SVCB 1 dns.example.com. alpn=dot port=853"],
    "https": ["example.com. 300 IN HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1"],
    "csync": ["example.com. 300 IN CSYNC 66 3 A NS AAAA"],
    "zonemd": [
        "example. 300 IN ZONEMD 2018031900 1 1"
        " c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3"
        "a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c"
    ],
    "loc": [
        "example.com. 300 IN LOC 42 21 54.000 N 71 06 18.000 W -24.00m 30.00m 10000.00m 10.00m"
    ],
    "hinfo": ['example.com. 300 IN HINFO "PC" "Linux"'],
    "rp": ["example.com. 300 IN RP admin.example.com. info.example.com."],
    "uri": ['_ftp._tcp.example.com. 300 IN URI 10 1 "ftp://ftp.example.com/public"'],
    "eui48": ["host.example.com. 300 IN EUI48 00-00-5e-00-53-2a"],
    "eui64": ["host.example.com. 300 IN EUI64 00-00-5e-ef-10-00-00-2a"],
    "unknown": [r"example.com. 300 IN TYPE65280 \# 4 0a000001"],
}


def rrsets(lines):
    sets = []
    for line in lines:
        owner, ttl, klass, rdtype, text = line.split(" ", 4)
        new = dns.rrset.from_text(owner, int(ttl), klass, rdtype, text)
        rrset = next((s for s in sets if s.name == new.name and s.rdtype == new.rdtype), None)
        if rrset is None:
            sets.append(new)
        else:
            rrset.update(new)
    return sets


def query(name, rdtype, **kw):
    q = dns.message.make_query(name, rdtype, **kw)
    q.id = 0x1234
    return q


def reply(
    name, rdtype, answer=(), authority=(), additional=(), flags=dns.flags.AA, rcode=0, edns=True
):
    q = query(name, rdtype, use_edns=0 if edns else -1, payload=1232)
    r = dns.message.make_response(q, our_payload=1232)
    r.flags |= flags
    r.set_rcode(rcode)
    r.answer, r.authority, r.additional = (rrsets(part) for part in (answer, authority, additional))
    return r


def messages():
    yield "query-plain", query("www.example.com", "A")
    yield "query-root", query(".", "NS")
    yield "query-mixed-case", query("wWw.eXample.Com", "AAAA")
    yield "query-edns", query("www.example.com", "A", use_edns=0, payload=1232, want_dnssec=True)
    longest = ".".join(["a" * 63] * 3 + ["b" * 61])
    yield "query-longest-name", query(longest, "TXT")
    yield "query-127-labels", query(".".join(["x"] * 127), "A")
    cookie = dns.edns.GenericOption(10, bytes.fromhex("2464c4abcf10c957"))
    both = dns.edns.GenericOption(
        10, bytes.fromhex("2464c4abcf10c957010000005cf79f111f8130c3eee29480")
    )
    nsid = dns.edns.GenericOption(3, b"")
    subnet = dns.edns.ECSOption("192.0.2.0", 24)
    subnet6 = dns.edns.ECSOption("2001:db8::", 45)
    keepalive = dns.edns.GenericOption(11, b"")
    padding = dns.edns.GenericOption(12, bytes(40))
    unknown = dns.edns.GenericOption(65001, b"local")
    yield "query-cookie", query("example.com", "SOA", use_edns=0, options=[cookie])
    yield "query-cookie-server", query("example.com", "SOA", use_edns=0, options=[both])
    yield "query-options", query(
        "example.com", "MX", use_edns=0, options=[nsid, cookie, subnet, keepalive, unknown, padding]
    )
    yield "query-subnet-ipv6", query("example.com", "AAAA", use_edns=0, options=[subnet6])
    badvers = query("example.com", "A")
    badvers.use_edns(1, 0, 1232)
    yield "query-badvers", badvers
    notify = query("example.com", "SOA")
    notify.set_opcode(dns.opcode.NOTIFY)
    yield "query-notify", notify
    ixfr = query("example.com", "IXFR")
    ixfr.authority = rrsets(RECORDS["soa"])
    yield "query-ixfr", ixfr
    yield "query-axfr", query("example.com", "AXFR")

    for rdtype, lines in RECORDS.items():
        owner = lines[0].split()[0]
        name = lines[0].split()[3]
        yield "reply-" + rdtype, reply(owner, name, answer=lines)
    yield "reply-cname-chain", reply(
        "alias.example.com", "A", answer=RECORDS["cname"] + RECORDS["a"], authority=RECORDS["ns"]
    )
    glue = ["ns1.example.com. 86400 IN A 192.0.2.53", "ns1.example.com. 86400 IN AAAA 2001:db8::53"]
    yield "reply-referral", reply(
        "www.example.com",
        "A",
        authority=RECORDS["ns"] + RECORDS["ds"],
        additional=glue[:1],
        flags=0,
    )
    yield "reply-nxdomain", reply(
        "nope.example.com", "A", authority=RECORDS["soa"], rcode=dns.rcode.NXDOMAIN
    )
    yield "reply-no-edns", reply("www.example.com", "A", answer=RECORDS["a"], edns=False)
    yield "reply-truncated", reply("www.example.com", "A", flags=dns.flags.TC | dns.flags.AA)
    roots = [
        "%s.root-servers.net. 518400 IN A 198.41.0.%d" % (chr(97 + i), 4 + i) for i in range(13)
    ]
    yield "reply-priming", reply(
        ".",
        "NS",
        answer=[". 518400 IN NS %s.root-servers.net." % chr(97 + i) for i in range(13)],
        additional=roots,
    )
    ede = dns.edns.GenericOption(15, struct.pack("!H", 22) + "no server answered".encode())
    failed = reply("www.example.com", "A", rcode=dns.rcode.SERVFAIL, flags=dns.flags.RA)
    failed.use_edns(0, 0, 1232, options=[ede, both, dns.edns.GenericOption(11, b"\x00\x64")])
    yield "reply-ede", failed
    bad = reply("www.example.com", "A", flags=0, rcode=dns.rcode.BADVERS)
    yield "reply-badvers", bad


def tsig_query():
    ring = dns.tsigkeyring.from_text({"key.example.": "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA="})
    q = query("example.com", "AXFR")
    q.use_tsig(ring, algorithm=dns.tsig.HMAC_SHA256)
    with unittest.mock.patch("time.time", return_value=1700000000):
        return q.to_wire()


NAMES = [
    "@",
    ".",
    "www",
    "www.example.com.",
    r"a\.b.example.com.",
    r"\000\255\032.example.",
    r"\@.\$\;\(\)\".example.",
    "*.example.com.",
    "xn--bcher-kva.example.",
    "_sip._tcp.example.com.",
    "a" * 63 + ".",
    ".".join(["a" * 63] * 3 + ["b" * 61]) + ".",
    ".".join(["x"] * 127) + ".",
    "4.3.2.1.in-addr.arpa.",
    ".".join("b a 9 8 7 6 5 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 8 b d 0 1 0 0 2".split())
    + ".ip6.arpa.",
]

# RFC 1035 4.1.4: F.ISI.ARPA at 20, FOO.F.ISI.ARPA at 40, ARPA at 64, the root at 92.
RFC1035 = bytearray(93)
RFC1035[20:32] = b"\x01F\x03ISI\x04ARPA\x00"
RFC1035[40:46] = b"\x03FOO\xc0\x14"
RFC1035[64:66] = b"\xc0\x1a"


def main():
    random.seed(1)  # dnspython shuffles the records of a set
    base = pathlib.Path(sys.argv[1])
    for name, message in messages():
        (base / "dns_message_fuzz" / name).write_bytes(message.to_wire(max_size=65535))
    (base / "dns_message_fuzz" / "query-tsig").write_bytes(tsig_query())
    for i, text in enumerate(NAMES):
        (base / "dns_name_fuzz" / ("text-%02d" % i)).write_bytes(b"\x00\x00" + text.encode())
    for at in (20, 40, 64, 92):
        (base / "dns_name_fuzz" / ("rfc1035-%d" % at)).write_bytes(struct.pack("!H", at) + RFC1035)


main()
