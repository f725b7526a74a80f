#!/usr/bin/python3
"""Writes what independent implementations make of our test data. Run by hand when data is added; the results
are committed. Origin is example.com.

test/data/zone/rdata_vectors.txt: record texts and the wire form that dnspython gives them. Each line: TYPE,
wire form in hex ("-": none), text.

test/fuzz/corpus/dns_rdata_fuzz, dns_zonefile_fuzz: the first text of each type, as src/proto/dns/rdata_fuzz.c
reads it; the files of test/data/zone.

test/data/zone/good/NAME.records: the records that BIND's named-compilezone finds in NAME.zone, the wire form
again from dnspython, sorted. Each line: owner in lower case, TTL, class, type, wire form in hex."""

import base64
import ipaddress
import pathlib
import random
import subprocess

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

ORIGIN = dns.name.from_text("example.com.")
rng = random.Random(9460)

TEXTS = """
A 192.0.2.1
A 0.0.0.0
A 255.255.255.255
NS ns1
NS ns1.example.net.
NS @
NS .
NS Ns1.MiXed.example.
NS a\\.b\\032c\\000.example.
NS \\255\\"\\;\\(\\@\\$x.example.
CNAME www
SOA ns1 hostmaster 2024010101 7200 3600 1209600 3600
SOA ns1.example.net. host\\.master.example.net. 4294967295 1d 2h 4w 1h30m
SOA . . 0 0 0 0 0
PTR host.example.net.
HINFO "PDP-11/70" "UNIX"
HINFO i386 Linux
HINFO "" ""
MX 10 mail
MX 0 .
MX 65535 mail.example.net.
TXT "hello world"
TXT hello world
TXT "a" "b" "c"
TXT ""
TXT "semi;colon (paren) \\"quote\\" back\\\\slash \\000\\255"
TXT foo\\ bar foo\\;bar
RP mbox.example.net. txt
AFSDB 1 afsdb
X25 "311061700956"
ISDN "150862028003217" "004"
ISDN 150862028003217
RT 10 relay
NSAP 0x47.0005.80.005a00.0000.0001.e133.ffffff000161.00
PX 10 map822 mapx400.example.net.
GPOS "-32.6882" "116.8652" "10.0"
AAAA 2001:db8::1
AAAA ::
AAAA ::ffff:192.0.2.1
AAAA 2001:db8:0:1:1:1:1:1
AAAA fe80:0:0:0:1:0:0:1
LOC 42 21 54 N 71 06 18 W -24m 30m
LOC 42 21 43.952 N 71 5 6.344 W -24m 1m 200m
LOC 52 14 05 N 00 08 50 E 10m
LOC 32 7 19 S 116 2 25 E 10m
LOC 42 21 28.764 N 71 00 51.617 W -44m 2000m
LOC 90 N 180 W -100000.00m 0.01m 90000000.00m 0m
LOC 90 S 180 E 42849672.95m 1m 1m 1m
LOC 0 0 0.001 S 0 0 0.999 W 0.05 0.1m 9m 99m
SRV 0 5 5060 sip
SRV 65535 65535 65535 .
NAPTR 100 10 "S" "SIP+D2U" "!^.*$!sip:customer-service@example.com!" _sip._udp.example.com.
NAPTR 100 50 "s" "z3950+I2L+I2C" "" _z3950._tcp.gatech.edu.
NAPTR 0 65535 "" "" "!^urn:cid:.+@([^\\\\.]+\\\\.)(.*)$!\\\\2!i" .
KX 10 kx
CERT PKIX 12345 RSASHA256 MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A
CERT 65534 65535 254 AQID
CERT OID 1 0 AQ==
DNAME frobozz-division.acme.example.
APL 1:192.168.32.0/21 !1:192.168.38.0/28
APL 1:224.0.0.0/4 2:FF00:0:0:0:0:0:0:0/8
APL 1:0.0.0.0/0 !2:::/0 2:2001:db8::1/128
DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118
DS 12345 ECDSAP256SHA256 2 ( D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A )
DS 12345 13 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0 614B93C4F9E99B8383F6A1E4469DA50A
DS 1 13 4 72d7b62976ce06438e9c0bf319013cf801f09ecc84b8d7e9495f27e305c6a9b0563a9b5f4d288405c3008a946df983d6
SSHFP 2 1 123456789abcdef67890123456789abcdef67890
SSHFP 4 2 a87f1b687ac0e57d2a081a2f282672334d90ed316d2b818ca9580ea384d92401
IPSECKEY 10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==
IPSECKEY 10 0 2 . AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==
IPSECKEY 10 3 2 mygateway.example.com. AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==
IPSECKEY 10 2 2 2001:0DB8:0:8002::2000:1 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==
RRSIG A 5 3 86400 20030322173103 20030220173103 2642 example.com. oJB1W6WNGv+ldvQ3WDG0MQkg5IEhjRip8WTrPYGv07h108dUKGMeDPKijVCHX3DDKdfb+v6oB9wfuh3DTJXUAfI/M0zmO/zz8bW0Rznl8O3tGNazPwQKkRN20XPXV6nwwfoXmJQbsLNrLfkGJ5D6fwFm8nN+6pBzeDQfsS3Ap3o=
RRSIG NSEC RSASHA256 0 0 19700101000000 21060207062815 65535 . AQ==
RRSIG TYPE65280 ED25519 127 4294967295 20380119031407 20380119031408 1 a.example. AQIDBA==
NSEC host.example.com. A MX RRSIG NSEC TYPE1234
NSEC . NS SOA RRSIG NSEC DNSKEY
NSEC \\000.Example.com. A CAA TYPE65535 TYPE256
DNSKEY 256 3 5 AQPSKmynfzW4kyBv015MUG2DeIQ3Cbl+BBZH4b/0PY1kxkmvHjcZc8nokfzj31GajIQKY+5CptLr3buXA10hWqTkF7H6RfoRqXQeogmMHfpftf6zMv1LyBUgia7za6ZEzOJBOztyvhjL742iU/TpPSEDhm2SNKLijfUppn1UaNvv4w==
DNSKEY 257 3 ED25519 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=
DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=
DHCID AAABxLmlskllE0MVjd57zHcWmEH3pCQ6VytcKD//7es/deY=
NSEC3 1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA NSEC3PARAM RRSIG
NSEC3 1 0 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR
NSEC3PARAM 1 0 12 aabbccdd
NSEC3PARAM 1 0 0 -
TLSA 1 1 2 92003ba34942dc74152e2f2c408d29eca5a520e7f2e06bb944f4dca346baf63c1b177615d466f6c4b71c216a50292bd58c9ebdd2f74e38fe51ffd48c43326cbc
TLSA 3 1 1 d2abde240d7cd3ee6b4b28c54df034b9 7983a1d16e8a410e4561cb106618e971
SMIMEA 3 0 0 308202
HIP 2 200100107B1A74DF365639CC39F1D578 AwEAAbdxyhNuSutc5EMzxTs9LBPCIkOFH8cIvM4p9+LrV4e19WzK00+CI6zBCQTdtWsuxKbWIy87UOoJTwkUs7lBu+Upr1gsNrut79ryra+bSRGQb1slImA8YVJyuIDsj7kwzG7jnERNqnWxZ48AWkskmdHaVDP4BcelrTI3rMXdXF5D
HIP 2 200100107B1A74DF365639CC39F1D578 AwEAAQ== rvs1.example.com. rvs2
CDS 0 0 0 00
CDS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118
CDNSKEY 0 3 0 AA==
CDNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==
OPENPGPKEY mQCNAzIG6HoAAAEEALDRZ6u0fkCPW5ykkBJ6fUxo95cKQLLFEhIW
CSYNC 66 3 A NS AAAA
CSYNC 0 0
ZONEMD 2018031500 1 1 FEBE3D4CE2EC2FFA4BA99D46CD69D6D29711E55217057BEE7EB1A7B641A47BA7FED2DD5B97AE499FAFA4F22C6BD647DE
ZONEMD 2018031500 1 2 08CFA1115C7B948C4163A901270395EA226A930CD2CBCF2FA9A5E6EB85F37C8A4E114D884E66F176EAB121CB02DB7D652E0CC4827E7A3204F166B47E5613FD27
ZONEMD 2018031500 1 240 E2D523F654B9422A96C5A8F44607BBEE
SVCB 0 foo.example.com.
SVCB 1 .
SVCB 16 foo.example.com. port=53
SVCB 1 foo.example.com. key667=hello
SVCB 1 foo.example.com. key667="hello\\210qoo"
SVCB 1 foo.example.com. ipv6hint="2001:db8::1,2001:db8::53:1"
SVCB 1 example.com. ipv6hint="2001:db8:122:344::192.0.2.33"
SVCB 16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1
SVCB 16 foo.example.org. alpn="f\\\\\\\\oo\\\\,bar,h2"
SVCB 16 foo.example.org. alpn=f\\\\\\092oo\\092,bar,h2
HTTPS 0 svc4-baz.example.net.
HTTPS 1 . alpn=h3,h2 port=8443 ipv4hint=192.0.2.1,192.0.2.2 ech="AEX+DQBB" ipv6hint=2001:db8::1
HTTPS 2 pool alpn=h2 no-default-alpn mandatory=alpn key65000 key65001="two words" key65002
SPF "v=spf1 -all"
NID 10 0014:4fff:ff20:ee64
L32 10 10.1.2.0
L64 10 2001:0db8:1140:1000
LP 10 l64-subnet1.example.com.
EUI48 00-00-5e-00-53-2a
EUI64 00-00-5e-ef-10-00-00-2a
URI 10 1 "ftp://ftp1.example.com/public"
CAA 0 issue "ca1.example.net; account=230123"
CAA 128 iodef "mailto:security@example.com"
CAA 0 issue ";"
CAA 255 Tbs "Unknown\\000"
CAA 0 issuewild ""
AVC "app-name:WOLFGANG|app-class:OAM"
AMTRELAY 10 0 1 203.0.113.15
AMTRELAY 10 0 2 2001:db8::15
AMTRELAY 128 1 3 amtrelays
AMTRELAY 0 0 0 .
A \\# 4 c0000201
TXT \\# 3 02 61 62
TYPE62347 \\# 0
TYPE731 \\# 6 abcdef 01 23 45
TYPE65534 \\# 4 0A000001
"""

# dnspython goes through binary floating point: only these hundredths come out right.
BINARY_CM = ["00", "25", "50", "75"]


def hexes(n):
    return rng.randbytes(n).hex()


def b64(n):
    return base64.b64encode(rng.randbytes(n)).decode()


def b32hex():
    return base64.b32hexencode(rng.randbytes(20)).decode().lower()


def label():
    octets = rng.randbytes(rng.randint(1, 12)) if rng.random() < 0.3 else None
    if octets is None:
        return "".join(
            rng.choice("abcXYZ019-_")
            for _ in range(rng.randint(1, 63 if rng.random() < 0.1 else 9))
        )
    return dns.name.Name([octets]).to_text()


def name():
    kind = rng.random()
    if kind < 0.05:
        return "."
    if kind < 0.1:
        return "@"
    text = ".".join(label() for _ in range(rng.randint(1, 3)))
    return text + "." if kind < 0.6 else text


def string(top=255):
    out = '"'
    for octet in (c & top for c in rng.randbytes(rng.choice([0, 1, 5, 40, 255]))):
        c = chr(octet)
        if c in '"\\':
            out += "\\" + c
        elif 0x20 <= octet < 0x7F and rng.random() < 0.9:
            out += c
        else:
            out += "\\%03d" % octet
    return out + '"'


def ascii_string():
    """dnspython takes \\DDD above 127 for characters in these types and writes UTF-8."""
    return string(127)


def u8():
    return str(rng.choice([0, 255, rng.randrange(256)]))


def u16():
    return str(rng.choice([0, 65535, rng.randrange(65536)]))


def u32():
    return str(rng.choice([0, 4294967295, rng.randrange(1 << 32)]))


def ip4():
    return str(ipaddress.IPv4Address(rng.randrange(1 << 32)))


def ip6():
    n = rng.randrange(1 << 128) & rng.choice(
        [(1 << 128) - 1, 0xFFFF0000FFFF, 0xFFFF << 112 | 0xFFFF, 0]
    )
    return str(ipaddress.IPv6Address(n))


def types():
    known = "A NS CNAME SOA PTR MX TXT AAAA SRV NAPTR DS RRSIG NSEC DNSKEY TLSA CAA URI".split()
    pool = known + ["TYPE%d" % rng.randrange(300, 30000) for _ in range(4)]
    return " ".join(rng.sample(pool, rng.randint(1, len(pool))))


def when():
    return "%04d%02d%02d%02d%02d%02d" % (
        rng.randint(1970, 2105),
        rng.randint(1, 12),
        rng.randint(1, 28),
        rng.randrange(24),
        rng.randrange(60),
        rng.randrange(60),
    )


def angle(top, letters):
    d = rng.randrange(top)
    parts = [str(d)]
    if rng.random() < 0.8:
        parts.append(str(rng.randrange(60)))
        if rng.random() < 0.8:
            parts.append("%d.%03d" % (rng.randrange(60), rng.randrange(1000)))
    return " ".join(parts) + " " + rng.choice(letters)


def metres():
    return "%dm" % (rng.randrange(1, 10) * 10 ** rng.randrange(7))


def params():
    out = []
    if rng.random() < 0.7:
        out.append(
            "alpn=" + ",".join(rng.sample(["h2", "h3", "http/1.1", "dot"], rng.randint(1, 4)))
        )
        if rng.random() < 0.3:
            out.append("no-default-alpn")
    if rng.random() < 0.5:
        out.append("port=" + u16())
    if rng.random() < 0.5:
        out.append("ipv4hint=" + ",".join(ip4() for _ in range(rng.randint(1, 4))))
    if rng.random() < 0.5:
        out.append("ipv6hint=" + ",".join(ip6() for _ in range(rng.randint(1, 4))))
    if rng.random() < 0.3:
        out.append('ech="%s"' % b64(rng.randint(1, 50)))
    if rng.random() < 0.5:
        out.append("key%d=%s" % (rng.randrange(100, 65535), string()))
    if out and rng.random() < 0.5:
        keys = [p.split("=")[0] for p in out]
        out.append("mandatory=" + ",".join(rng.sample(keys, rng.randint(1, len(keys)))))
    rng.shuffle(out)
    return " ".join(out)


RANDOM = {
    "A": ip4,
    "AAAA": ip6,
    "NS": name,
    "CNAME": name,
    "PTR": name,
    "DNAME": name,
    "SOA": lambda: " ".join([name(), name(), u32(), u32(), u32(), u32(), u32()]),
    "MX": lambda: u16() + " " + name(),
    "KX": lambda: u16() + " " + name(),
    "SRV": lambda: " ".join([u16(), u16(), u16(), name()]),
    "NAPTR": lambda: " ".join(
        [u16(), u16(), ascii_string(), ascii_string(), ascii_string(), name()]
    ),
    "RP": lambda: name() + " " + name(),
    "TXT": lambda: " ".join(string() for _ in range(rng.randint(1, 4))),
    "HINFO": lambda: ascii_string() + " " + ascii_string(),
    "LOC": lambda: " ".join(
        [
            angle(90, "NS"),
            angle(180, "EW"),
            "%d.%sm" % (rng.randrange(-99999, 9000000), rng.choice(BINARY_CM)),
        ]
        + [metres() for _ in range(rng.randint(0, 3))]
    ),
    "DS": lambda: " ".join([u16(), u8(), "2", hexes(32)]),
    "DNSKEY": lambda: " ".join([u16(), "3", u8(), b64(rng.randint(1, 100))]),
    "RRSIG": lambda: " ".join(
        [
            types().split()[0],
            u8(),
            u8(),
            u32(),
            when(),
            when(),
            u16(),
            name(),
            b64(rng.randint(1, 100)),
        ]
    ),
    "NSEC": lambda: name() + " " + types(),
    "NSEC3": lambda: " ".join(["1", u8(), u16(), rng.choice(["-", hexes(8)]), b32hex(), types()]),
    "CSYNC": lambda: " ".join([u32(), u16(), types()]),
    "TLSA": lambda: " ".join([u8(), u8(), u8(), hexes(rng.randint(1, 80))]),
    "SSHFP": lambda: " ".join([u8(), u8(), hexes(20)]),
    "CAA": lambda: " ".join([u8(), rng.choice(["issue", "iodef", "x1"]), ascii_string()]),
    "URI": lambda: " ".join([u16(), u16(), '"x' + ascii_string()[1:]]),
    "SVCB": lambda: " ".join([str(rng.randint(1, 65535)), name(), params()]).strip(),
    "HTTPS": lambda: " ".join([str(rng.randint(1, 65535)), name(), params()]).strip(),
    "EUI48": lambda: "-".join(hexes(1) for _ in range(6)),
    "L64": lambda: u16() + " " + ":".join(hexes(2) for _ in range(4)),
    "APL": lambda: " ".join(
        rng.choice(["", "!"])
        + rng.choice(
            ["1:%s/%d" % (ip4(), rng.randint(0, 32)), "2:%s/%d" % (ip6(), rng.randint(0, 128))]
        )
        for _ in range(rng.randint(1, 4))
    ),
}


def vector(kind, text):
    rdtype = dns.rdatatype.from_text(kind)
    rdata = dns.rdata.from_text(dns.rdataclass.IN, rdtype, text, origin=ORIGIN, relativize=False)
    return "%s %s %s" % (kind, rdata.to_wire().hex() or "-", text)


def write_vectors(data):
    lines = [
        "# Made by tools/dns_vectors.py with dnspython %s."
        % __import__("dns.version").version.version
    ]
    for line in TEXTS.strip().splitlines():
        lines.append(vector(*line.split(" ", 1)))
    for kind, make in RANDOM.items():
        for _ in range(40):
            text = make()
            try:
                lines.append(vector(kind, text))
            except dns.exception.DNSException as e:  # a name or label too long is no vector
                print("left out: %s %s: %s" % (kind, text[:60], e))
    (data / "rdata_vectors.txt").write_text("\n".join(lines) + "\n")


def write_corpus(data, corpus):
    rdatas, zones = corpus / "dns_rdata_fuzz", corpus / "dns_zonefile_fuzz"
    rdatas.mkdir(parents=True, exist_ok=True)
    zones.mkdir(parents=True, exist_ok=True)
    seen = set()
    for line in (data / "rdata_vectors.txt").read_text().splitlines()[1:]:
        kind, wire, text = line.split(" ", 2)
        if kind in seen:
            continue
        seen.add(kind)
        number = int(dns.rdatatype.from_text(kind)).to_bytes(2, "big")
        (rdatas / (kind + ".wire")).write_bytes(number + b"\0" + bytes.fromhex(wire.strip("-")))
        (rdatas / (kind + ".text")).write_bytes(number + b"\1" + text.encode())
    for zone in data.glob("*/*.zone"):
        (zones / zone.name).write_bytes(zone.read_bytes())


LENIENT = "-i none -k ignore -m ignore -M ignore -n ignore -r ignore -S ignore -T ignore -W ignore -f text -F text".split()


def write_records(zone):
    text = subprocess.run(
        ["named-compilezone", *LENIENT, "-s", "full", "-o", "-", "example.com", zone.name],
        cwd=zone.parent,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout
    lines = []
    for line in text.splitlines():
        if line.startswith(";"):
            continue
        owner, ttl, rdclass, kind, rdata = line.split(None, 4)
        wire = dns.rdata.from_text(rdclass, kind, rdata).to_wire().hex() or "-"
        lines.append(" ".join([owner.lower(), ttl, rdclass, kind, wire]))
    zone.with_suffix(".records").write_text("\n".join(sorted(lines)) + "\n")


def main():
    data = pathlib.Path(__file__).parent.parent / "test/data/zone"
    write_vectors(data)
    for zone in sorted((data / "good").glob("*.zone")):
        write_records(zone)
    write_corpus(data, data.parent.parent / "fuzz/corpus")


main()
