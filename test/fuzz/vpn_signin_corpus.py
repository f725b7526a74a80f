#!/usr/bin/env python3
"""Makes corpus/vpn_signin_rows_fuzz: rows of users and sessions as src/service/vpn/signin writes them."""

import struct
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "corpus" / "vpn_signin_rows_fuzz"
RECORD = b"$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0c2E$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g"


def text(data):
    return bytes([len(data)]) + data


def user(flags=0, factor=2, backup=2, peers=(b"phone", b"@staff", b"*")):
    row = bytes([1, flags]) + text(RECORD) + bytes([factor]) + b"s" * 20 + struct.pack(">Q", 60000000)
    row += bytes([backup]) + b"".join(bytes([i]) * 32 for i in range(backup))
    row += bytes([len(peers)]) + b"".join(text(p) for p in peers)
    return b"\0" + row + struct.pack(">Q", 1800000000000)


def session(flags=0, family=4, roaming=2):
    row = bytes([1, flags]) + text(b"anna") + b"c" * 32 + bytes([family]) + bytes([192, 0, 2, 1]).ljust(16, b"\0")
    row += struct.pack(">HIB", 51820, 0, roaming)
    return b"\1" + row + struct.pack(">QQQQ", 1800000000000, 1800043200000, 1800000001000, 1800000)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    seeds = {
        "user": user(),
        "user_pending": user(factor=1, backup=0, peers=()),
        "user_full": user(flags=3, backup=10, peers=[b"p%02d" % i * 20 for i in range(16)]),
        "session": session(),
        "session_unproved": session(flags=1, family=6, roaming=0),
        "name": b"\2 Anna.B@home ",
    }
    for name, data in seeds.items():
        (FOLDER / name).write_bytes(data)


if __name__ == "__main__":
    main()
