#!/usr/bin/python3
"""Writes what vpn_tunnel_engine_fuzz starts from, lives of a site with each kind of step in them, and vpn_tunnel_ahead_fuzz, groups of messages.

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

# Of src/service/vpn/tunnel/ahead_fuzz.c.
M_RAW, M_FRESH, M_AGAIN, M_CHANGED, M_MOVED = range(5)


def group(wait_ms, *messages):
    return bytes([len(messages)]) + b"".join(messages) + bytes([wait_ms])


def fresh(site):
    return bytes([M_FRESH, site])


def unknown(octets):
    return bytes([M_RAW, 0, len(octets)]) + octets


EACH = [fresh(site) for site in range(4)]
GROUPS = {
    "all": group(25, *EACH) * 2,
    "full": group(25, *EACH, *EACH),
    "replays": group(25, *EACH) + group(25, *(bytes([M_AGAIN, n]) for n in range(8))) + group(25, bytes([M_AGAIN, 0]), *EACH),
    "changed": group(25, *EACH) + b"".join(
        group(25, *(bytes([M_CHANGED, n % 4, at + n, 1]) for n in range(8))) for at in (0, 8, 40, 88, 116, 132)),
    "moved": group(25, *EACH) + group(25, fresh(0), bytes([M_MOVED, 1]), bytes([M_MOVED, 0]), fresh(2)),
    "strangers": group(1, unknown(message(1, 148)), unknown(message(2, 92)), unknown(message(3, 64)), unknown(message(4, 96)), *EACH),
    "torn": group(0, unknown(message(1, 147)), unknown(message(2, 12)), unknown(b"\1\0\0\0"), fresh(3)) + group(5, fresh(3)),
}


def write(folder, cases):
    target = pathlib.Path(sys.argv[1]) / folder
    target.mkdir(parents=True, exist_ok=True)
    for name, octets in cases.items():
        (target / name).write_bytes(octets)


if __name__ == "__main__":
    write("vpn_tunnel_engine_fuzz", LIVES)
    write("vpn_tunnel_ahead_fuzz", GROUPS)
