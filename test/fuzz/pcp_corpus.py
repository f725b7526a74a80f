#!/usr/bin/python3
"""Writes what proto_pcp_message_fuzz, proto_pcp_natpmp_fuzz and nat_ports_fuzz start from: one message for each opcode
and option, and some of them in a row.

Usage: pcp_corpus.py CORPUS-DIRECTORY
"""

import ipaddress
import pathlib
import struct
import sys

NONCE = bytes(range(1, 13))
ANNOUNCE, MAP, PEER = range(3)


def address(text):
    a = ipaddress.ip_address(text)
    return a.packed if a.version == 6 else bytes(10) + b"\xff\xff" + a.packed


def head(opcode, lifetime=7200, client="192.168.1.5", version=2):
    return struct.pack(">BBHI", version, opcode, 0, lifetime) + address(client)


def mapping(protocol=6, inside=8080, outside=8443, external="203.0.113.7"):
    return NONCE + struct.pack(">B3xHH", protocol, inside, outside) + address(external)


def peer(port=443, remote="198.51.100.1"):
    return struct.pack(">HH", port, 0) + address(remote)


def option(code, body=b""):
    return struct.pack(">BBH", code, 0, len(body)) + body + bytes(-len(body) % 4)


def filter_(bits, port=0, remote="198.51.100.0"):
    return option(3, struct.pack(">BBH", 0, bits, port) + address(remote))


PCP = {
    "announce": head(ANNOUNCE, 0),
    "map": head(MAP) + mapping(),
    "map-delete-all": head(MAP, 0) + mapping(0, 0, 0, "0.0.0.0"),
    "map-exact": head(MAP) + mapping() + option(2),
    "map-filters": head(MAP) + mapping() + filter_(0, 0, "::") + filter_(120) + filter_(128, 53, "198.51.100.7"),
    "map-firewall": head(MAP, 600, "2001:db8::5") + mapping(17, 5000, 0, "::") + filter_(64, 0, "2001:db8:1::"),
    "map-nat64": head(MAP, 600, "2001:db8::5") + mapping(6, 80, 0, "0.0.0.0"),
    "map-optional": head(MAP) + mapping() + option(128, b"x"),
    "map-third": head(MAP) + mapping() + option(1, address("192.168.1.9")),
    "map-unknown": head(MAP) + mapping() + option(4, b"abcd"),
    "peer": head(PEER) + mapping() + peer(),
    "peer-third": head(PEER) + mapping() + peer() + option(1, address("192.168.1.9")),
    "version": head(MAP, version=1) + mapping(),
}

NATPMP = {
    "address": b"\0\0",
    "delete-all": struct.pack(">BBHHHI", 0, 1, 0, 0, 0, 0),
    "tcp": struct.pack(">BBHHHI", 0, 2, 0, 8080, 8443, 7200),
    "udp": struct.pack(">BBHHHI", 0, 1, 0, 5000, 0, 600),
    "unknown": b"\0\x7f",
    "version": b"\1\0",
}

DATAGRAM, TIME, OUTSIDE, PLANE, RESTART = range(5)
FIRST, SECOND, SIXTH = range(3)  # hosts


def said(host, data):
    return struct.pack(">BBH", DATAGRAM, host, len(data)) + data


def passes(seconds):
    return struct.pack(">BH", TIME, seconds)


def restart(whole, seconds):
    return struct.pack(">BBH", RESTART, whole, seconds)


ROWS = {
    "crash": said(FIRST, PCP["map"]) + restart(0, 5) + said(FIRST, PCP["map"]),
    "delete": said(FIRST, PCP["map"]) + said(FIRST, PCP["map-delete-all"]),
    "expire": said(FIRST, NATPMP["tcp"]) + said(SECOND, NATPMP["udp"]) + passes(601) + passes(8000),
    "filters": said(FIRST, PCP["map-filters"]) * 3 + said(FIRST, PCP["map"]),
    "moved": said(FIRST, PCP["map"]) + bytes([OUTSIDE, 9]) + bytes([OUTSIDE, 0]) + said(FIRST, PCP["map"]),
    "no-room": bytes([PLANE, 1]) + said(FIRST, PCP["map"]) + bytes([PLANE, 2]) + said(FIRST, PCP["map"]) * 2,
    "restart": said(FIRST, PCP["map"]) + said(SIXTH, PCP["map-firewall"]) + restart(1, 60) + passes(60) + restart(1, 9000),
    "third": bytes([PLANE, 16]) + said(FIRST, PCP["map-third"]) + said(FIRST, PCP["peer-third"]),
    "two": said(FIRST, NATPMP["tcp"]) + said(FIRST, PCP["map"]) + said(SIXTH, PCP["map-nat64"]),
}


def main():
    folder = pathlib.Path(sys.argv[1]) / "nat_ports_fuzz"
    folder.mkdir(exist_ok=True)
    for title, data in ROWS.items():
        (folder / title).write_bytes(data)
    for name, messages in (("message", PCP), ("natpmp", NATPMP)):
        folder = pathlib.Path(sys.argv[1]) / f"proto_pcp_{name}_fuzz"
        folder.mkdir(exist_ok=True)
        for title, data in messages.items():
            (folder / title).write_bytes(data)


main()
