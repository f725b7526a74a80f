#!/usr/bin/python3
"""Writes the corpus of http_cache_disk_fuzz: a head, headers, rules, entries, a page and what was forgotten, as the disk tier
writes them."""

import re
import struct
from pathlib import Path

LAYOUT = Path(__file__).resolve().parent.parent.parent / "src" / "http-cache" / "disk" / "layout.h"
VERSION = int(re.search(r"DISK_VERSION = (\d+)", LAYOUT.read_text())[1])
FOLDER = Path(__file__).resolve().parent / "corpus" / "http_cache_disk_fuzz"


def long(text):
    return struct.pack(">I", len(text)) + text


def head(fields, etag):
    meta = struct.pack(">HBHIIIIQQQ", 200, 2, 0x60, 60, 0, 0, 0, 784111777, 784111777, 784111000)
    parts = b"".join(long(p) for p in (b"http://a/b", b"web\na\n/b", b"accept", b"accept:x", b" one  two "))
    lines = b"".join(long(name) + long(value) for name, value in fields)
    return struct.pack(">II", len(fields), 345) + meta + parts + struct.pack(">I", etag) + lines


def entry(hash_, variant, at, length, epoch, space):
    return struct.pack(">QQIIIIII", hash_, 1, variant, at, length, epoch, space, 0)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    fields = [(b"x-a", b"b"), (b"etag", b'"e"'), (b"cache-control", b"max-age=60")]
    rules = struct.pack(">IQIII", 0x67685255, 4, 9, 2, 2)
    rules += struct.pack(">BII", 1, 5, 9) + b"http://a/" + struct.pack(">BII", 2, 6, 3) + b"one"
    entries = b"".join(entry(i % 7, i % 3, 600 + 20 * i, 20, 0, i % 2) for i in range(30))
    seeds = {
        "head": b"\0" + head(fields, 2),
        "head-bare": b"\0" + head([], 0),
        "header": b"\1" + struct.pack(">QQQ", 3, 100, 77) + bytes(80),
        "rules": b"\2" + rules,
        "entries": b"\3" + entries,
        "page": b"\4" + b"ghcache\n" + struct.pack(">IQIII", VERSION, 1 << 20, 10, 512, 32768) + bytes(24),
    }
    notes = struct.pack(">BHQQ", 0, 16, 7, 9) + struct.pack(">BH", 1, 9) + b"http://a/" + struct.pack(">BH", 2, 3) + b"one"
    halves = struct.pack("<QQQQ", len(notes), 0, 19, 8)  # as words lie in memory
    seeds["forgotten"] = b"\5" + halves + notes
    for name, data in seeds.items():
        (FOLDER / name).write_bytes(data)


if __name__ == "__main__":
    main()
