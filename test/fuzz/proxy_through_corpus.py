#!/usr/bin/python3
"""Writes the scripts that the fuzz targets of the whole proxy start from: a client and back ends that say the messages of
test/data/http, and some scenes of their own (pieces, ends, windows that close, tunnels, second tries).

Usage: proxy_through_corpus.py CORPUS-DIRECTORY   (holds proxy_through1_fuzz/)
The first byte is the limits of the case; then for each act a byte for what happens and one for how much or to whom
(src/proxy/through1_fuzz.c).
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "net"))
import http_corpus  # noqa: E402

(SENDS, BACK, ENDS, BACK_ENDS, WINDOW, BACK_WINDOW, TIME, MODE, RESETS, BACK_RESETS, NEW, READ_MAX, CONNECT, FACE, OTHER, MORE) = range(16)

GET = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n"
CLOSE = b"HTTP/1.1 200 OK\r\n\r\nuntil the end"
POST = b"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n"
PUT = b"PUT /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nConnection: TE\r\n\r\n5\r\nhello\r\n"
UPGRADE = b"GET /w HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


def client(text, step=255):
    return b"".join(bytes([SENDS, len(text[i : i + step])]) + text[i : i + step] for i in range(0, len(text), step))


def answer(text, k=0):
    return b"".join(bytes([BACK, k, len(text[i : i + 255])]) + text[i : i + 255] for i in range(0, len(text), 255))


def act(what, how=0):
    return bytes([what, how])


def scenes():
    ok, chunked, close, switch = answer(OK), answer(CHUNKED), answer(CLOSE), answer(SWITCH)
    yield "kept", client(GET) + ok + client(GET) + chunked + client(GET) + close + act(BACK_ENDS) + client(GET) + ok
    yield "pieces", act(READ_MAX, 8) + client(GET, 3) + ok + client(POST + b"0123456789", 7) + chunked
    yield "together", client(GET * 4) + ok * 4
    yield "upload", client(PUT) + client(b"3\r\nabc\r\n0\r\nT: 1\r\n\r\n") + ok + client(GET) + ok
    yield "early", client(POST + b"0123") + ok + client(b"456789" + GET) + ok
    yield "early-held", act(CONNECT, 4) + client(POST + b"0123") + act(BACK_WINDOW, 0) + act(CONNECT, 8) + client(
        b"456789" + GET
    ) + ok + act(BACK_WINDOW, 252) + ok
    yield "early-whole", act(CONNECT, 4) + client(POST) + act(BACK_WINDOW, 0) + act(CONNECT, 8) + client(b"0123456789" + GET) + ok + ok
    yield "slow-client", act(WINDOW, 3) + client(GET) + chunked + act(WINDOW, 5) + act(WINDOW, 15) + client(GET) + ok
    yield "slow-chunks", act(WINDOW, 9) + client(GET) + chunked + act(WINDOW, 2) + act(WINDOW, 1) + act(WINDOW, 200)
    yield "slow-back", act(CONNECT, 4) + client(PUT) + act(BACK_WINDOW, 8) + act(CONNECT, 8) + client(
        b"3\r\nabc\r\n0\r\nT: 1\r\n\r\n"
    ) + act(BACK_WINDOW, 40) + act(BACK_WINDOW, 252) + ok
    yield "refused", act(CONNECT, 1) + client(GET) + act(CONNECT, 0) + client(GET) + ok
    yield "again", act(MODE, 2) + client(GET) + answer(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n") + ok
    yield "instead", act(MODE, 4) + client(GET) + answer(b"HTTP/1.1 404 No\r\nContent-Length: 3\r\n\r\nabc") + client(GET) + ok
    yield "stale", client(GET) + ok + client(GET) + act(BACK_ENDS) + ok
    yield "interim", client(POST[:-2] + b"Expect: 100-continue\r\n\r\n") + answer(b"HTTP/1.1 100 Continue\r\n\r\n") + client(
        b"0123456789"
    ) + ok
    yield "tunnel", client(UPGRADE) + switch + client(b"to the back") + answer(b"to the front") + act(BACK_ENDS) + client(
        b"more"
    ) + act(ENDS)
    yield "tunnel-first", client(UPGRADE) + switch + act(ENDS) + answer(b"more") + act(BACK_ENDS)
    yield "tunnel-slow", act(WINDOW, 3) + client(UPGRADE) + switch + answer(b"to the front") + act(BACK_WINDOW, 4) + client(
        b"to the back" * 5
    ) + act(WINDOW, 90) + act(BACK_WINDOW, 90) + act(BACK_RESETS)
    yield "filter", act(MODE, 1) + act(WINDOW, 9) + client(GET) + answer(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" + b"x" * 200) + act(
        WINDOW, 12
    ) + act(WINDOW, 90)
    for kind in range(1, 6):
        yield f"own-{kind}", act(FACE, kind | 64) + client(POST) + act(OTHER, 2) + act(FACE, 0) + act(OTHER, 3) + client(
            b"0123456789" + GET
        ) + ok
    yield "wait", act(FACE, 16) + client(GET) + act(FACE, 0) + act(OTHER, 2) + ok
    yield "drain", client(GET) + act(OTHER, 13) + act(OTHER, 0) + ok + act(OTHER, 5) + act(NEW) + client(GET) + ok + act(OTHER, 4)
    yield "resets", client(PUT) + act(RESETS) + act(NEW) + client(GET) + act(BACK_RESETS) + act(TIME, 200) + client(GET) + ok
    yield "old", client(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n") + ok + client(b"GET / HTTP/1.0\r\n\r\n") + chunked


def messages():
    requests, answers = {}, {}
    for case in http_corpus.load("requests"):
        requests.setdefault(case.name, case)
    for case in http_corpus.load("responses"):
        answers.setdefault(case.name, case)
    for i, case in enumerate(requests.values()):
        if len(case.sent) < 2000:
            yield f"request-{i:03}", client(case.sent) + answer(OK) + client(GET) + answer(OK)
    for i, case in enumerate(answers.values()):
        if len(case.sent) < 2000:
            yield f"answer-{i:03}", client(b"%s /a HTTP/1.1\r\nHost: h\r\n\r\n" % case.method.encode()) + answer(
                case.sent
            ) + act(BACK_ENDS) + client(GET) + answer(OK)


def main():
    to = pathlib.Path(sys.argv[1]) / "proxy_through1_fuzz"
    to.mkdir(parents=True, exist_ok=True)
    for name, script in [*scenes(), *messages()]:
        (to / name).write_bytes(b"\0" + script)


main()
