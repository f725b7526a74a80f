#!/usr/bin/python3
"""Makes test/fuzz/corpus/nat_held_fuzz: records of the ring as held_fuzz.c reads them."""

import struct
from pathlib import Path

from scapy.layers.inet import IP, UDP
from scapy.packet import Raw

FRAGMENT, FIRST, CUT, OTHER = 0, 1, 2, 3  # held_fuzz.c
CORPUS = Path(__file__).resolve().parent / "corpus" / "nat_held_fuzz"


def record(kind, source=1, packet=b"", mtu=1500, wait=1):
    return struct.pack("!BBBHBH", kind, source, 9, mtu, wait, len(packet)) + packet


def later(offset, octets, **more):
    return bytes(IP(src="192.0.2.1", dst="198.51.100.1", proto=17, frag=offset, id=5, **more) / Raw(b"x" * octets))


def main():
    CORPUS.mkdir(parents=True, exist_ok=True)
    whole = bytes(IP(src="192.0.2.1", dst="198.51.100.1", id=0) / UDP(sport=1, dport=2) / Raw(b"y" * 900))
    made = {
        "early": record(FRAGMENT, 2, later(20, 80)) + record(FIRST, 2),
        "late": record(FIRST, 3) + record(FRAGMENT, 3, later(20, 80, flags="MF")),
        "two": record(FRAGMENT, 4, later(20, 80)) + record(FRAGMENT, 6, later(30, 9)) + record(FIRST, 6),
        "small": record(FRAGMENT, 2, later(20, 400)) + record(FIRST, 2, mtu=100),
        "cut": record(CUT, 2, whole, mtu=576),
        "whole": record(CUT, 2, later(0, 900, flags="DF"), mtu=576),
        "expired": record(FRAGMENT, 2, later(20, 80)) + record(OTHER, 0, wait=255) * 9 + record(FIRST, 2),
    }
    for name, octets in made.items():
        (CORPUS / name).write_bytes(octets)


main()
