"""The authority beside NSD and Knot, which serve the same files: unsigned, and signed with NSEC, NSEC3 and NSEC3
with opt-out. Some thousand questions; every answer is compared record by record.

The peers differ from each other, so the rule is: what we say, one of them says. What they say and we do
not, or the reverse, stands in `explained`.
"""

import functools
import hashlib
import os
import socket
import time

import dns.flags
import dns.message
import dns.name
import dns.rdatatype
import pytest

import authority_peers
from service import Service

PORTS = {"us": 53, "nsd": 5301, "knot": 5302}
WANTED = int(os.environ.get("GATEHOUSE_PEER_QUERIES", "4000"))


def section(rrsets):
    """Its records; in canonical form, since the case of a compressed name is anybody's."""
    return {
        (str(rrset.name).lower(), rrset.ttl, dns.rdatatype.to_text(rrset.rdtype), rdata.to_digestable())
        for rrset in rrsets
        for rdata in rrset
    }


class Answer:
    def __init__(self, wire):
        message = dns.message.from_wire(wire)
        self.rcode = message.rcode()
        self.aa = bool(message.flags & dns.flags.AA)
        self.tc = bool(message.flags & dns.flags.TC)
        self.answer, self.authority, self.additional = map(
            section, (message.answer, message.authority, message.additional)
        )

    def __str__(self):
        parts = [
            " ".join(sorted({f"{owner}/{kind}" for owner, _, kind, _ in records}))
            for records in (self.answer, self.authority, self.additional)
        ]
        return f"{self.rcode} aa={self.aa} tc={self.tc} [{'] ['.join(parts)}]"

    def referral(self):
        return not self.aa and any(kind == "NS" for _, _, kind, _ in self.authority)

    def without_apex_ns(self, zones):
        """RFC 1034 lets a server add the zone's own NS to an answer; NSD does."""
        if not self.aa:
            return self.authority
        covered = {dns.rdatatype.NS.to_bytes(2, "big")}
        return {
            record
            for record in self.authority
            if not (
                record[0] in zones
                and (record[2] == "NS" or record[2] == "RRSIG" and record[3][:2] in covered)
            )
        }


def explained(name, kind, us, peers, zones):
    """Why we say what neither peer says; None: there is no reason."""
    if us.tc != peers["nsd"].tc and us.tc != peers["knot"].tc and not us.tc:
        return "our compression made it fit"
    if any(a.tc for a in (us, *peers.values())):
        return "one was cut: each cuts elsewhere"
    same = [
        p
        for p in peers.values()
        if (us.rcode, us.aa, us.answer) == (p.rcode, p.aa, p.answer)
    ]
    if not same:
        return None
    if not any(us.authority == p.without_apex_ns(zones) for p in same):
        if kind == "NSEC" and us.answer and not us.authority - peers["nsd"].authority:
            return "Knot gives no proof with a wildcard's own NSEC"
        return None
    if us.referral() and not any(us.additional == p.additional for p in same):
        return None
    return "additional data is each server's choice"


def agrees(us, peer, zones):
    return (
        (us.rcode, us.aa, us.tc, us.answer) == (peer.rcode, peer.aa, peer.tc, peer.answer)
        and (us.tc or us.authority == peer.without_apex_ns(zones))
        and (us.tc or us.additional == peer.additional)
    )


def questions(names):
    """About WANTED of all names times types times with and without DO, always the same ones."""
    every = len(names) * len(authority_peers.TYPES) * 2
    step = max(1, every // WANTED)
    for name in names:
        for kind in authority_peers.TYPES:
            for do in (False, True):
                digest = hashlib.sha256(f"{name} {kind} {do}".encode()).digest()
                if int.from_bytes(digest[:4], "big") % step == 0:
                    yield name, kind, do


def wait_for(sockets, origin):
    query = dns.message.make_query(origin, "SOA").to_wire()
    for who, s in sockets.items():
        until = time.monotonic() + 15
        while True:
            try:
                s.send(query)
                if dns.message.from_wire(s.recv(65535)).answer:
                    break
            except OSError:
                time.sleep(0.1)
            assert time.monotonic() < until, f"{who} does not answer"


def ask_all(sockets, wire):
    answers = {}
    for s in sockets.values():
        s.send(wire)
    for who, s in sockets.items():
        data = s.recv(65535)
        while data[:2] != wire[:2]:
            data = s.recv(65535)
        answers[who] = data
    return answers


@functools.lru_cache(maxsize=8)
def read(wire):
    """Each answer once, and only where it is asked for: this costs more than to give them."""
    return Answer(wire)


@pytest.fixture(scope="module")
def zones(tmp_path_factory):
    lacking = authority_peers.missing()
    if lacking:
        pytest.skip(f"not on this machine: {', '.join(lacking)}")
    folder = tmp_path_factory.mktemp("peers")
    return folder, authority_peers.make_zones(folder)


def serve(net, zones):
    folder, files = zones
    host = net.host("server")
    entries = "".join(f"    - {{origin: {at}, file: {path.name}}}\n" for at, path in files.items())
    config = f"authority:\n  listen: [127.0.0.1]\n  workers: 1\n  checks: lenient\n  round-robin: off\n  zones:\n{entries}"
    us = Service(host, "authority", config, {path.name: path.read_bytes() for path in files.values()})
    us.start()
    return host, [
        authority_peers.nsd(host, folder, files, PORTS["nsd"]),
        authority_peers.knot(host, folder, files, PORTS["knot"]),
    ]


def test_answers_as_the_peers_do(net, zones):
    host, peers = serve(net, zones)
    origins = {at.lower() for at in zones[1]}
    sockets, unlike, asked = {}, [], 0
    try:
        with host.inside():
            for who, port in PORTS.items():
                sockets[who] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                sockets[who].settimeout(3)
                sockets[who].connect(("127.0.0.1", port))
        wait_for(sockets, "plain.test.")
        for name, kind, do in questions(authority_peers.names(zones[1])):
            query = dns.message.make_query(
                name, kind, id=asked % 65536, use_edns=0 if do else False, want_dnssec=do, payload=1232
            )
            wires = ask_all(sockets, query.to_wire())
            asked += 1
            # Octet by octet as Knot, which adds no NS that nobody asked for: there is nothing to be read.
            if wires["us"] == wires["knot"]:
                continue
            us = read(wires.pop("us"))
            if any(agrees(us, read(wire), origins) for wire in wires.values()):
                continue
            answers = {who: read(wire) for who, wire in wires.items()}
            if not explained(name, kind, us, answers, origins):
                unlike.append(f"{name} {kind} DO={do}: we {us}; NSD {answers['nsd']}; Knot {answers['knot']}")
    finally:
        for s in sockets.values():
            s.close()
        for peer in peers:
            peer.stop()
    assert asked > WANTED / 2
    assert not unlike, f"{len(unlike)} of {asked}:\n" + "\n".join(unlike[:10])
