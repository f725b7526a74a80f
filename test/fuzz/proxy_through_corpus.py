#!/usr/bin/python3
"""Writes the scripts that the fuzz targets of the whole proxy start from: a client and back ends that say the messages of
test/data/http, and some scenes of their own (pieces, ends, windows that close, tunnels, second tries).

Usage: proxy_through_corpus.py CORPUS-DIRECTORY   (holds proxy_through1_fuzz/ and proxy_through2_fuzz/)
The first byte is the limits of the case; then for each act a byte for what happens and one for how much or to whom
(src/proxy/through1_fuzz.c, through2_fuzz.c).
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "net"))
import http_corpus  # noqa: E402

(SENDS, BACK, ENDS, BACK_ENDS, WINDOW, BACK_WINDOW, TIME, MODE, RESETS, BACK_RESETS, NEW, READ_MAX, CONNECT, FACE, OTHER, MORE) = range(16)

TURN = 128 | 1 | 4  # what follows happens in one turn, and is told at its end
AHEAD = 8  # with OTHER 128: what is expected is received ahead

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
    yield "tunnel-look", act(MODE, 8) + client(UPGRADE) + switch + client(b"hel") + answer(b"to the front") + client(b"lo.") + client(b"more!")
    yield "tunnel-look-refused", act(MODE, 8) + client(UPGRADE) + switch + client(b"hello") + act(TIME, 20) + client(b"!.")
    yield "tunnel-look-late", act(MODE, 8) + client(UPGRADE) + switch + client(b"hello") + act(TIME, 100)
    yield "tunnel-look-slow", act(MODE, 8) + client(UPGRADE) + switch + act(BACK_WINDOW, 8) + client(b"hello" * 20) + client(b"." * 20) + act(
        ENDS
    ) + act(BACK_WINDOW, 8) + act(BACK_WINDOW, 252)
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
    yield "left-behind", act(READ_MAX, 4 * (len(GET) - 1)) + client(GET * 2) + client(GET) + ok * 3
    yield "left-behind-tunnel", act(READ_MAX, 4 * (len(UPGRADE) // 2)) + client(UPGRADE + b"early") + switch + client(b"late") + act(ENDS)
    yield "ends-behind", act(OTHER, TURN) + client(GET) + act(ENDS) + act(OTHER, TURN) + close + act(BACK_ENDS) + act(OTHER, TURN)
    yield "closed-behind", client(GET) + act(OTHER, TURN) + act(RESETS) + ok + act(OTHER, TURN) + act(NEW) + client(GET) + ok
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


# ---- HTTP/2 in front: src/proxy/through2_fuzz.c ----

(REQUEST, DATA, SENDS2, SERVER, FRAME, RAW, RESET, TRAILERS, WINDOW2, BACK_WINDOW2, TIME2, BACK_ENDS2, BACK_RESETS2, ENDS2, FACE2, OTHER2) = range(16)
WIDE, HTTP2 = 1, 2
END, LENGTH, TE, EXPECT = 8, 16, 32, 64
GET2, POST2, PUT2, HEAD2, CONNECT2 = 0, 1, 2, 3, 7


def answer2(text, k=0):
    return b"".join(bytes([SENDS2, k, len(text[i : i + 255])]) + text[i : i + 255] for i in range(0, len(text), 255))


def data(n, end=True, stream=0):
    """n * 8 bytes."""
    return bytes([DATA, (128 if end else 0) | stream, n])


def serve(what, n=0, which=0):
    """what: 0 answers, with 8 to the end, 16 holding its body of n * n bytes, and a status in the top three bits."""
    return bytes([SERVER, which, what, n])


def scenes2():
    get, post = act(REQUEST, GET2 | END), act(REQUEST, POST2)
    for limits in (0, WIDE):
        yield f"get-{limits}", limits, get + answer2(OK) + get + answer2(CHUNKED) + get + answer2(CLOSE) + act(BACK_ENDS2)
        yield f"many-{limits}", limits, get * 6 + b"".join(answer2(OK, k) for k in range(4)) + answer2(OK) * 2
        yield f"upload-{limits}", limits, post + data(9, False) + data(5) + answer2(OK) + bytes([REQUEST, PUT2 | LENGTH, 4]) + data(4) + answer2(OK)
        yield f"trailers-{limits}", limits, act(REQUEST, POST2 | TE) + data(9, False) + act(TRAILERS) + answer2(CHUNKED)
        yield f"slow-{limits}", limits, act(WINDOW2, 9) + get + answer2(CHUNKED) + act(WINDOW2, 3) + act(WINDOW2, 200) + post + act(
            BACK_WINDOW2, 8
        ) + data(20, False) + data(20) + act(BACK_WINDOW2, 252) + answer2(OK)
        yield f"early-{limits}", limits, post + data(9, False) + answer2(OK) + data(9) + get + answer2(OK)
        yield f"interim-{limits}", limits, act(REQUEST, POST2 | EXPECT) + answer2(b"HTTP/1.1 100 Continue\r\n\r\n") + data(3) + answer2(OK)
        yield f"tunnel-{limits}", limits, act(REQUEST, CONNECT2) + answer2(SWITCH) + data(4, False) + answer2(b"to the front") + data(
            2
        ) + act(BACK_ENDS2)
        yield f"tunnel-look-{limits}", limits, act(FACE2, 128) + act(REQUEST, CONNECT2) + answer2(SWITCH) + data(4, False) + data(1, False) + answer2(
            b"to the front"
        ) + data(9)
        yield f"reset-{limits}", limits, post + data(9, False) + act(RESET) + get + act(RESET) + answer2(OK) + get + act(BACK_RESETS2)
        yield f"head-{limits}", limits, act(REQUEST, HEAD2 | END) + answer2(OK[:-5]) + act(FACE2, 1) + get + act(FACE2, 8) + get + act(
            FACE2
        ) + act(OTHER2, 2) + answer2(OK)
        yield f"drain-{limits}", limits, get + act(OTHER2) + answer2(OK) + act(TIME2, 100) + act(ENDS2, 1)
        behind = limits | HTTP2
        yield f"behind-{limits}", behind, get + serve(8) + get + serve(0, 30) + get + serve(16, 30) + serve(2, 9) + get + serve(3) + serve(0, 9)
        yield f"behind-upload-{limits}", behind, post + data(90, False) + data(90, False) + data(5) + serve(0, 100) + act(
            REQUEST, POST2 | EXPECT
        ) + serve(0x80) + data(3) + serve(8)
        yield f"behind-slow-{limits}", behind, act(WINDOW2, 30) + get + serve(0, 200) + act(WINDOW2, 90) + act(WINDOW2, 255) + post + act(
            BACK_WINDOW2, 8
        ) + data(200, False) + act(BACK_WINDOW2, 252) + data(1) + serve(8)
        yield f"behind-ends-{limits}", behind, get + get + serve(1, 7) + serve(4) + get + serve(6) + serve(8) + act(BACK_RESETS2) + get + serve(
            5
        ) + act(OTHER2, 11) + get + act(OTHER2, 5)


PACED = ["answer-000", "answer-010", "early", "filter", "kept", "own-3", "relay-half-closed", "request-000"]
RECEIVED = ["closed-behind", "early", "ends-behind", "filter", "interim", "kept", "left-behind", "left-behind-tunnel", "pieces", "resets", "stale", "tunnel", "upload"]
RECEIVED2 = ["early-0", "get-1", "interim-0", "many-0", "reset-0", "tunnel-1"]
PACED += ["get-0", "many-0", "behind-upload-0", "tunnel-0", "tunnel-look-0", "upload-0", "upload-1"]


def main():
    to = pathlib.Path(sys.argv[1])
    for name, script in [*scenes(), *messages()]:
        (to / "proxy_through1_fuzz").mkdir(parents=True, exist_ok=True)
        (to / "proxy_through1_fuzz" / name).write_bytes(b"\0" + script)
        if name in PACED:  # at a slow pace, with time for it
            slow = bytes([7, 16 | 3 << 5]) + script + bytes([6, 255]) * 6
            (to / "proxy_through1_fuzz" / f"paced-{name}").write_bytes(b"\0" + slow)
        if name in RECEIVED:  # ahead of who expects it, with all buffers and with one or two
            ahead = script.replace(act(OTHER, TURN), act(OTHER, TURN | AHEAD))
            (to / "proxy_through1_fuzz" / f"ahead-{name}").write_bytes(b"\x20" + ahead)
            (to / "proxy_through1_fuzz" / f"ahead-few-{name}").write_bytes(b"\x24" + act(OTHER, 128 | 2 | AHEAD) + ahead)
    for name, limits, script in scenes2():
        (to / "proxy_through2_fuzz").mkdir(parents=True, exist_ok=True)
        (to / "proxy_through2_fuzz" / name).write_bytes(bytes([limits]) + script)
        if name in PACED:
            slow = act(OTHER2, 117) + script + act(TIME2, 255) * 6
            (to / "proxy_through2_fuzz" / f"paced-{name}").write_bytes(bytes([limits]) + slow)
        if name in RECEIVED2:
            (to / "proxy_through2_fuzz" / f"ahead-{name}").write_bytes(bytes([limits | 16]) + script)


main()
