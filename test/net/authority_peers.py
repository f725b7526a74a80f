"""Zones full of corner cases, signed in three ways, and the peers that serve the same files: NSD and Knot."""

import shutil
import subprocess
from pathlib import Path

import dns.name
import dns.zone

ZONE = """\
$TTL 3600
@ IN SOA ns1 hostmaster 2026112301 7200 3600 1209600 300
@ NS ns1
@ NS ns2.deleg
@ NS ns.outside.example.
@ MX 10 mail
@ MX 20 mail.outside.example.
@ TXT "top"
@ A 192.0.2.80
@ CAA 0 issue "ca.example"
ns1 A 192.0.2.1
ns1 AAAA 2001:db8::1
mail A 192.0.2.2
www A 192.0.2.10
www A 192.0.2.11
www A 192.0.2.12
www A 192.0.2.13
www AAAA 2001:db8::10
WWW TXT "Case Is Kept"
MiXed MX 5 MaIl
_sip._tcp SRV 0 5 5060 www
_sip._udp SRV 0 5 5060 host.deleg
@ HTTPS 1 . alpn=h2
svc HTTPS 1 www alpn=h2
svc SVCB 2 www port=8443
naptr NAPTR 10 10 "u" "E2U+sip" "!^.*$!sip:a@b!" .
alias CNAME www
alias2 CNAME alias
dangling CNAME nothing.here
outside CNAME www.outside.example.
intodeleg CNAME x.deleg
intowild CNAME q.wild
intodname CNAME a.dn
loop1 CNAME loop2
loop2 CNAME loop1
self CNAME self
*.wild A 192.0.2.99
*.wild MX 10 mail
real.wild TXT "here"
x.y.wild A 192.0.2.98
*.cwild CNAME www
*.cdang CNAME nothing.there
*.entwild.z A 192.0.2.97
under.*.starent A 192.0.2.96
a.b.c.ent A 192.0.2.5
dn DNAME target
a.target A 192.0.2.44
*.target TXT "wild below target"
dnout DNAME outside.example.
long DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb.cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc
deleg NS ns1.deleg
deleg NS ns2.deleg
ns1.deleg A 192.0.2.20
ns1.deleg AAAA 2001:db8::20
ns2.deleg A 192.0.2.21
secure NS ns.secure
secure DS 12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
ns.secure A 192.0.2.22
sibling NS ns1.deleg
sibling NS ns1
outns NS ns1.outside.example.
outns NS ns2.outside.example.
deep.er.cut NS ns.deep.er.cut
ns.deep.er.cut A 192.0.2.23
big TXT "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
multi A 192.0.2.31
multi TXT "one"
multi TXT "two"
multi MX 10 www
multi SSHFP 1 1 0123456789abcdef0123456789abcdef01234567
esc\\.aped TXT "a dot in a label"
unknown TYPE65400 \\# 4 0A000001
child NS ns.child
ns.child A 192.0.2.50
zz A 192.0.2.51
"""
# Many glue records, so that a referral does not fit into 512 octets.
ZONE += "".join(
    f"fat NS ns{i}.fat\nns{i}.fat A 192.0.2.{100 + i}\nns{i}.fat AAAA 2001:db8::{100 + i}\n" for i in range(13)
)

CHILD = """\
$TTL 600
@ IN SOA ns hostmaster 1 7200 3600 1209600 60
@ NS ns
ns A 192.0.2.50
www A 192.0.2.60
"""

KINDS = ("plain", "nsec", "nsec3", "optout")
TYPES = (
    "A AAAA NS MX TXT CNAME DNAME DS SOA SRV HTTPS NSEC NSEC3 NSEC3PARAM DNSKEY RRSIG TYPE65400"
).split()


def origin(kind):
    return f"{kind}.test."


def sign(folder, kind, path):
    """The zone signed with keys made for it; returns the signed file."""
    zone = origin(kind)
    for flags in (["-f", "KSK"], []):
        subprocess.run(
            ["dnssec-keygen", "-q", "-K", folder, "-a", "ECDSAP256SHA256", *flags, zone],
            capture_output=True,
            check=True,
        )
    options = {"nsec": [], "nsec3": ["-3", "aabb", "-H", "2"], "optout": ["-3", "-", "-H", "0", "-A"]}[kind]
    subprocess.run(
        ["dnssec-signzone", "-q", "-S", "-K", folder, "-x", "-P", "-O", "full", "-o", zone,
         "-s", "20200101000000", "-e", "20370101000000", *options, "-f", f"{path}.signed", path],
        capture_output=True, text=True, check=True, cwd=folder,
    )
    return Path(f"{path}.signed")


def make_zones(folder):
    """All zones as files: {origin: path}."""
    zones = {}
    for kind in KINDS:
        path = Path(folder) / f"{kind}.test.zone"
        path.write_text(f"$ORIGIN {origin(kind)}\n{ZONE}")
        zones[origin(kind)] = path if kind == "plain" else sign(folder, kind, path)
        child = Path(folder) / f"child.{kind}.test.zone"
        child.write_text(f"$ORIGIN child.{origin(kind)}\n{CHILD}")
        zones[f"child.{origin(kind)}"] = child
    return zones


def names(zones):
    """Every owner of the files, and names around them that do not exist."""
    found = set()
    for at, path in zones.items():
        zone = dns.zone.from_file(str(path), at, relativize=False, check_origin=False)
        for name in zone.nodes:
            if len(name[0]) == 32 and zone.get_rdataset(name, "NSEC3"):
                if hash(name) % 8:
                    continue
            found.add(name)
            for label in ("0", "x", "*", "zzz"):
                try:
                    found.add(dns.name.from_text(label, name))
                    found.add(dns.name.from_text(label, name.parent()))
                    found.add(dns.name.from_text("x." + label, name))
                except dns.name.NameTooLong:
                    pass
            if len(name) > 3:
                found.add(dns.name.Name((name[0] + b"0",) + name[1:]) if len(name[0]) < 60 else name)
        long = dns.name.from_text(".".join(["d" * 60] * 3), dns.name.from_text("long", dns.name.from_text(at)))
        found.add(long)
    return sorted(found)


class Peer:
    """A peer that runs in a host until stop()."""

    def __init__(self, host, words, folder):
        self.log = open(Path(folder) / "peer.log", "ab")
        self.process = host.popen(*words, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL, cwd=folder)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def nsd(host, folder, zones, port):
    folder = Path(folder)
    text = f"""server:
  ip-address: 127.0.0.1@{port}
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  xfrdir: "{folder}"
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
  refuse-any: no
  minimal-responses: no
  round-robin: no
remote-control:
  control-enable: no
"""
    for at, path in zones.items():
        text += f'zone:\n  name: "{at}"\n  zonefile: "{path}"\n  provide-xfr: 127.0.0.0/8 NOKEY\n'
    (folder / "nsd.conf").write_text(text)
    return Peer(host, ["nsd", "-d", "-c", folder / "nsd.conf"], folder)


def knot(host, folder, zones, port):
    folder = Path(folder)
    (folder / "knot").mkdir(exist_ok=True)
    text = f"""server:
    rundir: "{folder}/knot"
    listen: 127.0.0.1@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "{folder}/knot"
log:
  - target: stderr
    any: warning
acl:
  - id: local
    address: 127.0.0.0/8
    action: transfer
template:
  - id: default
    semantic-checks: off
    zonefile-sync: -1
    journal-content: none
    acl: local
zone:
"""
    for at, path in zones.items():
        text += f'  - domain: {at}\n    file: "{path}"\n'
    (folder / "knot.conf").write_text(text)
    return Peer(host, ["knotd", "-c", folder / "knot.conf"], folder)


def missing():
    """Programs of the peers that are not on this machine."""
    return [p for p in ("nsd", "knotd", "dnssec-signzone", "dnssec-keygen") if not shutil.which(p)]
