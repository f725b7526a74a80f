#!/usr/bin/python3
"""Writes the corpus of vpn_portal_fuzz: requests of browsers to the sign-in page, a zero byte between them. Bytes 1 to 5
stand for what only a browser of that run can know: token, code, form's cookie, session's cookie, enrolment's token."""

from pathlib import Path

OUT = Path(__file__).resolve().parent / "corpus/vpn_portal_fuzz"
COOKIES = "Cookie: __Host-form=\x03; __Host-session=\x04\r\n"


def get(path, more=""):
    return f"GET {path} HTTP/1.1\r\nHost: a.b\r\n{COOKIES}{more}\r\n"


def post(path, fields, more=""):
    form = f"form=\x01&{fields}"
    kind = "Content-Type: application/x-www-form-urlencoded\r\n"
    return f"POST {path} HTTP/1.1\r\nHost: a.b\r\n{COOKIES}{kind}{more}Content-Length: {len(form)}\r\n\r\n{form}"


ALICE = post("/sign-in", "user=alice&password=password&code=\x02")
BOB = post("/sign-in", "user=bob&password=password&code=")
FILES = {
    "front": [get("/"), get("/", "Accept-Language: ko-KR,ko;q=0.9,en;q=0.8\r\n"), get("/language/ko"), get("/")],
    "sign-in": [get("/"), ALICE, get("/"), get("/sessions"), post("/sign-out", ""), get("/?out=1")],
    "wrong": [get("/"), post("/sign-in", "user=al%3Cice&password=x&code=123456"), ALICE, ALICE],
    "end": [get("/"), ALICE, get("/sessions"), post("/sessions/end", "peer=07" + 62 * "0"), get("/")],
    "enrol": [get("/"), BOB, post("/enrol", "enrolment=\x05&code=123456"), post("/enrol", "enrolment=\x05&code=\x02")],
    "foreign": [get("/"), post("/sign-in", "user=alice", "Origin: https://evil.example\r\n"), get("/proof")],
    "password": [
        get("/"), ALICE, get("/password"),
        post("/password/change", "password=password&code=\x02&new=long+enough&again=long+enough"), get("/?changed=1"),
    ],
    "small": [get("/captive"), get("/icon.svg"), get("/authority.crt"), get("/nowhere"), get("/sessions?from=3")],
    "methods": ["DELETE / HTTP/1.1\r\nHost: a.b\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: a.b\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"],
}

OUT.mkdir(parents=True, exist_ok=True)
for name, requests in FILES.items():
    (OUT / name).write_bytes("\0".join(requests).encode())
