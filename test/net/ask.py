"""Asks name servers from a host of a drawn network: dnspython for exact messages, and the programs
that people use (dig, kdig, drill) for what they would see."""

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

TIMEOUT_S = 3


def dns_query(
    host, server, name, kind="A", *, tcp=False, port=53, timeout=TIMEOUT_S, source=None, **message
):
    """The answer as a dns.message. message: what dns.message.make_query takes (use_edns, payload,
    want_dnssec, flags, options, rdclass). Raises dns.exception.Timeout when nobody answers."""
    query = dns.message.make_query(name, kind, **message)
    send = dns.query.tcp if tcp else dns.query.udp
    with host.inside():
        return send(query, server, timeout=timeout, port=port, source=source)


def records(answer, section="answer"):
    """Texts "owner TTL TYPE rdata" of a section of a dns.message, in the order of the message."""
    return [
        f"{rrset.name} {rrset.ttl} {dns.rdatatype.to_text(rrset.rdtype)} {rdata.to_text()}"
        for rrset in getattr(answer, section)
        for rdata in rrset
    ]


def values(answer, kind="A"):
    """The rdata texts of one type in the answer section."""
    wanted = dns.rdatatype.from_text(kind)
    return [rdata.to_text() for rrset in answer.answer if rrset.rdtype == wanted for rdata in rrset]


def rcode(answer):
    return dns.rcode.to_text(answer.rcode())


def flags(answer):
    """The header's flags as a set of words: {"QR", "AA", "RD", "RA"}."""
    return set(dns.flags.to_text(answer.flags).split())


class Asked:
    """What dig, kdig or drill printed, and the records of its answer section."""

    def __init__(self, done):
        self.status, self.text = done.returncode, done.stdout + done.stderr
        self.rcode, self.records, in_answer = None, [], False
        for line in done.stdout.split("\n"):
            for mark in ("status: ", "rcode: "):
                if line.startswith(";;") and mark in line and self.rcode is None:
                    self.rcode = line.split(mark)[1].split(",")[0].split(";")[0].strip()
            if line.startswith(";;"):
                in_answer = line.startswith(";; ANSWER SECTION")
            elif in_answer and line.strip():
                owner, ttl, _, kind, value = line.split(None, 4)
                self.records.append((owner, int(ttl), kind, value.strip()))

    def values(self, kind):
        return [value for _, _, of, value in self.records if of == kind]


def dig(host, server, name, kind="A", *options):
    return Asked(host.run("dig", f"@{server}", name, kind, "+tries=1", "+time=3", *options))


def kdig(host, server, name, kind="A", *options):
    return Asked(host.run("kdig", f"@{server}", name, kind, "+retry=0", "+time=3", *options))


def drill(host, server, name, kind="A", *options):
    return Asked(host.run("drill", *options, name, f"@{server}", kind))
