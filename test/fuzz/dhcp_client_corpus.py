#!/usr/bin/python3
"""Writes what dhcp_client_fuzz starts from: exchanges put together from the messages of real servers that
proto_dhcp_message_fuzz has.

Usage: dhcp_client_corpus.py CORPUS-DIRECTORY   (holds proto_dhcp_message_fuzz/ and dhcp_client_fuzz/)
"""

import pathlib
import struct
import sys

DATAGRAM, ANSWER, TIME, LINK, ARP, ORDER = range(6)
UP, DOWN = bytes([LINK, 1]), bytes([LINK, 0])
RENEW, RELEASE = bytes([ORDER, 1]), bytes([ORDER, 0])
CONFLICT = bytes([ARP, 1])  # a reply for the address that we have


def message(kind, data):
    return struct.pack(">BH", kind, len(data)) + data


def run(tenths):
    return struct.pack(">BH", TIME, tenths)


def type_of(data):
    """Option 53 where it stands first, as these servers put it."""
    return data[242] if len(data) > 242 and data[240:242] == b"\x35\x01" else 0


def main():
    corpus = pathlib.Path(sys.argv[1])
    out = corpus / "dhcp_client_fuzz"
    out.mkdir(exist_ok=True)
    replies = {}
    for path in sorted((corpus / "proto_dhcp_message_fuzz").iterdir()):
        data = path.read_bytes()
        if data[:1] == b"\x02":
            replies.setdefault(path.name.rpartition("-")[0] or path.name, {})[type_of(data)] = data
    for name, found in replies.items():
        offer, ack, nak = found.get(2), found.get(5), found.get(6)
        if not (offer and ack):
            for data in found.values():
                (out / f"one-{name}").write_bytes(b"\x01\x04" + UP + message(ANSWER, data) + run(20))
            continue
        begin = UP + message(ANSWER, offer) + run(2) + message(ANSWER, ack) + run(100)
        (out / f"bound-{name}").write_bytes(b"\x01\x04" + begin + RENEW + message(ANSWER, ack) + run(600) + RELEASE)
        (out / f"conflict-{name}").write_bytes(b"\x02\x04" + UP + message(ANSWER, offer) + run(2) + message(ANSWER, ack) + CONFLICT + run(200))
        (out / f"expires-{name}").write_bytes(b"\x03\x0c" + begin + run(60000) + run(60000) + CONFLICT + CONFLICT + run(65535))
        (out / f"flap-{name}").write_bytes(b"\x04\x00" + begin + DOWN + run(100) + UP + message(ANSWER, nak or ack) + run(100))
        (out / f"rapid-{name}").write_bytes(b"\x05\x07" + UP + message(ANSWER, ack) + message(DATAGRAM, offer) + run(100))


main()
