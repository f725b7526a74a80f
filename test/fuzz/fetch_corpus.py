#!/usr/bin/env python3
"""Writes the corpora of src/fetch: answers of servers in every framing, and places that redirects lead to."""

import gzip
from pathlib import Path

HERE = Path(__file__).parent / "corpus"
BODY = b"||ads.example^\n0.0.0.0 tracker.example\n" * 20
PACKED = gzip.compress(BODY, mtime=0)


def answer(head, body=b""):
    return b"HTTP/1.1 " + head.replace(b"\n", b"\r\n") + b"\r\n\r\n" + body


ANSWERS = {
    "length": answer(b"200 OK\nContent-Length: %d" % len(BODY), BODY),
    "chunked": answer(b"200 OK\nTransfer-Encoding: chunked", b"5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nA: b\r\n\r\n"),
    "close": b"HTTP/1.0 200 OK\r\n\r\n" + BODY,
    "not-modified": answer(b'304 Not Modified\nETag: "x"'),
    "moved": answer(b"301 Moved\nLocation: https://b.example/\nContent-Length: 0"),
    "interim": answer(b"103 Early\nLink: </a>") + answer(b"200 OK\nContent-Length: 2", b"ok"),
    "gzip": answer(b"200 OK\nContent-Encoding: gzip\nContent-Length: %d" % len(PACKED), PACKED),
    "gzip-close": answer(b"200 OK\nContent-Encoding: gzip", gzip.compress(BODY, mtime=0)),
    "bomb": answer(b"200 OK\nContent-Encoding: gzip", gzip.compress(bytes(100000), mtime=0)),
    "members": answer(b"200 OK\nContent-Encoding: gzip", gzip.compress(b"a", mtime=0) + gzip.compress(b"b", mtime=0)),
}
URLS = {
    "absolute": b"https://b.example:8443/x/y?z#f",
    "plain": b"http://b.example/",
    "network": b"//b.example/x",
    "path": b"/a/./b/../c%2f?q",
    "relative": b"../x//y",
    "address": b"https://[2001:db8::1]/",
}

for folder, files in (("fetch_incoming_fuzz", ANSWERS), ("fetch_url_fuzz", URLS)):
    (HERE / folder).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        lead = b"\x06" if folder == "fetch_incoming_fuzz" else b""
        (HERE / folder / name).write_bytes(lead + content)
