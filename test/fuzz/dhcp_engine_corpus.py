#!/usr/bin/python3
"""Writes what dhcp_engine_fuzz starts from: lives of a server put together from the messages of real clients that
proto_dhcp_message_fuzz has, the store answering in between.

Usage: dhcp_engine_corpus.py CORPUS-DIRECTORY   (holds proto_dhcp_message_fuzz/ and dhcp_engine_fuzz/)
"""

import pathlib
import struct
import sys

PACKET, SHORT, STORE, TIME, LEARN, PROBED, RELOAD, ORDER = range(8)
PATCHED, UNICAST = 1, 2
STORED, FAILED, LOST = bytes([STORE, 0]), bytes([STORE, 1]), bytes([STORE, 2])
DISCOVER, REQUEST, DECLINE, RELEASE, INFORM = 1, 3, 4, 7, 8


def packet(data, how=PATCHED):
    return struct.pack(">BBH", PACKET, how, len(data)) + data


def seconds(n):
    return struct.pack(">BH", TIME, 0x8000 | n)


def milliseconds(n):
    return struct.pack(">BH", TIME, n)


def short(kind, mac, what, place=0x80):
    return bytes([SHORT, kind, mac, what, place])


def real(corpus, out):
    clients = {}
    for path in sorted((corpus / "proto_dhcp_message_fuzz").iterdir()):
        data = path.read_bytes()
        if data[:1] == b"\x01":
            clients.setdefault(path.name.rpartition("-")[0] or path.name, []).append(data)
    for name, said in clients.items():
        life = b"".join(packet(data) + STORED for data in said)
        (out / name).write_bytes(life + seconds(1800) + life + seconds(4000))
        probed = b"".join(packet(data) + milliseconds(500) + FAILED for data in said)
        (out / (name + "-probed")).write_bytes(bytes([RELOAD, 2]) + probed)


def made(out):
    lease = short(DISCOVER, 1, 0) + short(REQUEST, 1, 8 | 16) + STORED
    renew = short(REQUEST, 1, 2)
    lives = {
        "release": lease + short(RELEASE, 1, 2) + short(DISCOVER, 1, 0) + short(REQUEST, 1, 24) + STORED + STORED,
        "decline": lease + short(DECLINE, 1, 8 | 16) + STORED + short(DISCOVER, 1, 0) + seconds(700),
        "reboot": lease + short(REQUEST, 1, 8) + STORED + short(REQUEST, 2, 8),
        "away": lease + seconds(1000) + renew + FAILED + renew + LOST + renew + STORED + renew + STORED,
        "rapid": short(DISCOVER, 2, 32) + STORED + short(DISCOVER, 3, 32) + STORED,
        "relayed": b"".join(short(DISCOVER, n, 4 | 64) for n in range(5)) + seconds(61),
        "conflict": bytes([RELOAD, 2]) + short(DISCOVER, 1, 0) + b"".join(bytes([PROBED, n]) for n in range(16)),
        "reloads": lease + bytes([RELOAD, 1]) + renew + STORED + bytes([RELOAD, 15]) + renew + STORED,
        "orders": lease + b"".join(bytes([ORDER, 0xF0 | n]) for n in range(16)) + STORED * 4,
        "other": short(DISCOVER, 2, 128) + short(REQUEST, 2, 152) + STORED + bytes([ORDER, 0x24]) + seconds(4000),
    }
    row = bytes([1, 2]) + struct.pack(">II", 1800000000, 1800003600) + bytes.fromhex("01060200000000070000000000" "00")
    row += b"\0" * 1
    lives["learnt"] = b"".join(bytes([LEARN, n, len(row) | 1]) + row for n in range(4, 8)) + short(DISCOVER, 1, 0)
    for name, life in lives.items():
        (out / name).write_bytes(life)


def main():
    corpus = pathlib.Path(sys.argv[1])
    out = corpus / "dhcp_engine_fuzz"
    out.mkdir(exist_ok=True)
    real(corpus, out)
    made(out)


main()
