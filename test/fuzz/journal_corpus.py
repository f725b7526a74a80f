#!/usr/bin/env python3
"""Writes the changes that authority_journal_fuzz starts from: an octet 1, then changes as in an entry.

Usage: journal_corpus.py CORPUS-DIRECTORY   (holds authority_journal_fuzz/). `journal` there is one that the
authority wrote, behind an octet 0.
"""
import pathlib
import struct
import sys

import dns.name
import dns.rdata


def change(op, owner, kind, ttl, text):
    origin = dns.name.from_text("x.")
    rdata = dns.rdata.from_text("IN", kind, text, origin=origin, relativize=False)
    wire = rdata.to_wire()
    name = dns.name.from_text(owner, origin).to_wire()
    return bytes([op]) + name + struct.pack("!HIH", rdata.rdtype, ttl, len(wire)) + wire


SAMPLES = {
    "add": [change(1, "a", "A", 60, "192.0.2.1")],
    "remove": [change(0, "a", "A", 60, "192.0.2.1"), change(1, "a", "A", 30, "192.0.2.1")],
    "soa": [change(1, "@", "SOA", 60, "ns host 1 2 3 4 5"), change(1, "b", "MX", 60, "10 Mail")],
    "undone": [change(1, "a", "TXT", 60, "x"), change(0, "a", "TXT", 60, "x"), change(1, "c", "PTR", 1, "a")],
}

for sample, changes in SAMPLES.items():
    path = pathlib.Path(sys.argv[1]) / "authority_journal_fuzz" / sample
    path.write_bytes(b"\1" + b"".join(changes))
