#!/usr/bin/python3
"""Writes what vpn_tunnel_engine_fuzz starts from: lives of a site with each kind of step in them.

Usage: tunnel_corpus.py CORPUS-DIRECTORY
"""

import pathlib
import sys

RAW, CHANGED, AGAIN, DATA, TIME, LOAD, RESTART = range(7)


def raw(octets):
    return bytes([RAW, len(octets)]) + octets


def changed(at, value):
    return bytes([CHANGED, at >> 8, at & 255, value])


def message(kind, length):
    return bytes([kind, 0, 0, 0]) + bytes(range(length - 4))


LIVES = {
    "data": bytes([DATA]) * 8,
    "again": bytes([DATA, AGAIN, DATA, AGAIN, AGAIN]),
    "changed": bytes([DATA]) + b"".join(changed(at, 1 << at % 8) for at in range(0, 140, 9)),
    "initiation": raw(message(1, 148)) + bytes([DATA]),
    "response": raw(message(2, 92)) + bytes([DATA]),
    "cookie": raw(message(3, 64)) + bytes([DATA]),
    "transport": raw(message(4, 96)) + raw(message(4, 32)) + bytes([DATA]),
    "renewal": bytes([DATA, TIME, 119, DATA, TIME, 2, DATA, AGAIN]),
    "old": bytes([DATA, TIME, 200, AGAIN, DATA, TIME, 255, TIME, 255, TIME, 255, AGAIN, DATA]),
    "load": bytes([LOAD, RESTART, LOAD, DATA, TIME, 6, DATA, LOAD]) + raw(message(1, 148)),
    "restart": bytes([DATA, RESTART, DATA, TIME, 20, DATA, AGAIN]),
}

if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1]) / "vpn_tunnel_engine_fuzz"
    target.mkdir(parents=True, exist_ok=True)
    for name, octets in LIVES.items():
        (target / name).write_bytes(octets)
