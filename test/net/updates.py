"""Zones that take updates, their server, and messages to it as dnspython makes them.

server: 127.0.0.1, gatehouse authority on port 53, two workers, the zones example.com (keys all, hosts, own)
and 2.0.192.in-addr.arpa (key hosts)
"""

import base64

import dns.query
import dns.rcode
import dns.tsig
import dns.update

import ask

SECRET = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(range(1, 33))).decode()
ALGORITHMS = ["hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"]

ZONE = """\
$ORIGIN example.com.
$TTL 3600
@ SOA ns1 hostmaster 100 7200 3600 1209600 60
@ NS ns1
ns1 A 192.0.2.1
www A 192.0.2.10
www A 192.0.2.11
alias CNAME www
mail MX 10 www
txt TXT "a text"
deep.under.ent A 192.0.2.12
*.wild A 192.0.2.13
"""
REVERSE = """\
$TTL 3600
@ SOA ns1.example.com. hostmaster.example.com. 1 7200 3600 1209600 60
@ NS ns1.example.com.
"""
CONFIG = f"""\
authority:
  listen: 127.0.0.1
  workers: 2
  transfer-keys: [all]
  keys:
    - {{name: all, secret: "{SECRET}"}}
    - {{name: hosts, secret: "{SECRET}"}}
    - {{name: own.example.com, secret: "{SECRET}"}}
    - {{name: nothing, secret: "{SECRET}"}}
ALGORITHM_KEYS
  zones:
    - origin: example.com
      file: example.com.zone
      update:
        - {{key: all, types: [A, AAAA, TXT, MX, CNAME, DHCID, NS, SOA, SRV, PTR]}}
        - {{key: hosts, below: [dyn.example.com], exactly: [one.example.com], types: [A, AAAA, DHCID]}}
        - {{key: own.example.com, names: self}}
ALGORITHM_RULES
    - origin: 2.0.192.in-addr.arpa
      file: reverse.zone
      update: {{key: hosts}}
    - {{origin: fixed.test, file: fixed.zone}}
""".replace(
    "ALGORITHM_KEYS",
    "\n".join(f'    - {{name: {a}, algorithm: {a}, secret: "{SECRET}"}}' for a in ALGORITHMS),
).replace(
    "ALGORITHM_RULES", "\n".join(f"        - {{key: {a}, types: TXT}}" for a in ALGORITHMS)
)
FIXED = REVERSE.replace("2.0.192", "fixed")
FILES = {"example.com.zone": ZONE, "reverse.zone": REVERSE, "fixed.zone": FIXED}


def new(zone="example.com", key="all", secret=SECRET, algorithm="hmac-sha256"):
    message = dns.update.UpdateMessage(zone)
    if key:
        message.use_tsig(dns.tsig.Key(key, secret, algorithm))
    return message


def send(server, message, tcp=False):
    """The rcode's name. dnspython verifies the signature of the answer."""
    how = dns.query.tcp if tcp else dns.query.udp
    with server.host.inside():
        answer = how(message, "127.0.0.1", timeout=5)
    if message.keyring and answer.rcode() != dns.rcode.NOTAUTH:
        assert answer.had_tsig
    return dns.rcode.to_text(answer.rcode())


def values(server, name, kind="A", tcp=False):
    return sorted(ask.values(ask.dns_query(server.host, "127.0.0.1", name, kind, tcp=tcp), kind))


def rcode(server, name, kind="A"):
    return ask.rcode(ask.dns_query(server.host, "127.0.0.1", name, kind))


def serial(server, zone="example.com"):
    return int(values(server, zone, "SOA")[0].split()[2])
