r"""Reads the messages of test/data/http, each with what must come of it.

    * name of a case; all of it is said in the file's own words
    > what is sent, \r \n \t \0 \\ \xHH escaped, \{N:text} N times; several lines are one text
    @ one variant of the case: it stands for the @ in what is sent and expected; a case without one is a case
    ? verdict [flags]
    < what must be passed on

A request's verdict: `forwarded` as `<` has it; `refused STATUS...` before any of it is passed on; `broken`, as no whole request
ever reaches a back end; `either`, refused or forwarded (`either broken`: or broken). Flags: `last`, the connection closes behind
it; `no-expect`, the expectation may be passed on or not; `no-strangers`, nothing of what the stranger says of himself is passed on.
What is passed on is compared as a message (read()), without the fields that a proxy adds of its own.

An answer's verdict: `passed` as `<` has it, `refused` by a 5xx of the proxy's own, `torn`, `either` of the first two, or `any`. `=` is the
method of the request. `closes`: the back end hangs up behind it; `loose`: a length may be told or not where no body follows.
By HTTP/2 each `>` is one field, or several with ` && ` between, and `|` the body.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data" / "http"
HOST = b"www.example"  # as long as what host() puts in its place
# Added by a proxy, or about one hop.
OWN = {
    "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-real-ip", "forwarded", "via",
    "x-request-id", "traceparent", "tracestate",
}  # fmt: skip
ANSWERERS = {"date", "server", "connection", "keep-alive", "alt-svc"}  # may be there or not
STRANGERS = re.compile(rb"203\.0\.113\.9|evil\.example|(?<![0-9a-f])4444(?![0-9a-f])|=https|: https")


def unescape(text):
    def one(match):
        word = match[0]
        if word.startswith("\\{"):
            return unescape(match[2]).decode("latin-1") * int(match[1])
        if word.startswith("\\x"):
            return chr(int(word[2:], 16))
        return {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\"}[word[1]]

    return re.sub(r"\\\{(\d+):((?:[^}\\]|\\.)*)\}|\\x[0-9a-f]{2}|\\[rnt0\\]", one, text).encode("latin-1")


@dataclass
class Case:
    name: str
    sent: bytes = b""
    verdict: str = ""
    words: list = field(default_factory=list)  # statuses and flags
    expected: bytes = b""
    method: str = "GET"  # of the request, for the answers of back ends
    number: int = 0
    fields: list = field(default_factory=list)  # by HTTP/2
    body: bytes = b""

    def __str__(self):
        return f"{self.name}: {self.sent[:200]!r}"

    @property
    def statuses(self):
        return {int(word) for word in self.words if word.isdigit()}

    def host(self):
        """The host that marks what comes of this case."""
        return b"%03d.example" % self.number

    def marked(self, text):
        return text.replace(HOST, self.host())


def variants(name, lines):
    """The cases of one block."""
    parts = {mark: "".join(text for m, text in lines if m == mark) for mark in "><"}
    verdict, *words = next(text for m, text in lines if m == "?").split()
    method = next((text for m, text in lines if m == "="), "GET")
    choices = [text for m, text in lines if m == "@"]
    for choice in choices or [None]:
        def filled(text):
            return unescape(text if choice is None else text.replace("@", choice))

        case = Case(name, filled(parts[">"]), verdict, words, filled(parts["<"]), method)
        pieces = [piece for m, text in lines if m == ">" for piece in (text.replace("@", choice or "@").split(" && "))]
        case.fields = [split_field(unescape(piece)) for piece in pieces]
        case.body = b"".join(filled(text) for m, text in lines if m == "|")
        yield case


def split_field(text):
    """Name and value; the colon of a pseudo-header field's name is none between them."""
    at = text.find(b":", 0 if text.startswith(b": ") else 1)
    return (text[:at], text[at + 1 :].removeprefix(b" ")) if at >= 0 else (text, b"")


def load(folder):
    """Every case below test/data/http/FOLDER, numbered."""
    cases = []
    for path in sorted((DATA / folder).glob("*.txt")):
        name, lines = None, []
        for line in [*path.read_text(encoding="ascii").split("\n"), "* end"]:
            if line.startswith("* "):
                if name:
                    cases += variants(f"{path.stem}: {name}", lines)
                name, lines = line[2:], []
            elif line and line[0] in "><@?=|":
                lines.append((line[0], line[2:]))
            elif line and not line.startswith("#"):
                raise ValueError(f"{path}: {line}")
    for number, case in enumerate(cases):
        case.number = number
    return cases


class Wrong(Exception):
    """Bytes that a strict reader does not take."""


@dataclass
class Message:
    start: tuple  # method, target, version; or version, status, reason
    fields: list  # (lower-case name, value), as they came
    framing: str  # none, length, chunked, close
    body: bytes
    trailers: list
    size: int

    def plain(self, without=()):
        """What counts in a comparison."""
        gone = OWN | set(without)
        kept = [(name, value) for name, value in self.fields if name not in gone and not self.hop(name, value)]
        trailers = [(name, value) for name, value in self.trailers]
        return self.start, sorted(kept, key=lambda f: f[0]), self.framing, self.body, trailers

    def as_answer(self, loose=False):
        """What counts in a comparison of answers."""
        gone = OWN | ANSWERERS | ({"content-length", "transfer-encoding"} if loose else set())
        kept = sorted(((n, v) for n, v in self.fields if n not in gone), key=lambda f: f[0])
        return self.start[1], kept, None if loose else self.framing, self.body

    @staticmethod
    def hop(name, value):
        return (name == "connection" and value.lower() in ("close", "keep-alive", "te")) or (name, value) == ("te", "trailers")

    def get(self, name):
        return next((value for n, value in self.fields if n == name), None)


def read_fields(data, at):
    """The fields at data[at:], and where their empty line ends; None when it has not come."""
    fields = []
    while True:
        end = data.find(b"\n", at)
        if end < 0:
            return None
        line = data[at:end]
        at = end + 1
        if not line.endswith(b"\r") or b"\r" in line[:-1]:
            raise Wrong(f"line end: {line!r}")
        line = line[:-1]
        if not line:
            return fields, at
        match = re.fullmatch(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*((?:[\x21-\x7e\x80-\xff][\t\x20-\x7e\x80-\xff]*)?)", line)
        if not match:
            raise Wrong(f"field: {line!r}")
        fields.append((match[1].decode().lower(), match[2].rstrip(b" \t").decode("latin-1")))


def read_chunks(data, at):
    body = b""
    while True:
        end = data.find(b"\n", at)
        if end < 0:
            return None
        match = re.fullmatch(rb"([0-9A-Fa-f]{1,15})\r", data[at:end])
        if not match:
            raise Wrong(f"chunk size: {data[at:end]!r}")
        size, at = int(match[1], 16), end + 1
        if size == 0:
            done = read_fields(data, at)
            return done and (body, *done)
        if len(data) < at + size + 2:
            return None
        body += data[at : at + size]
        if data[at + size : at + size + 2] != b"\r\n":
            raise Wrong("no CRLF behind a chunk")
        at += size + 2


def read(data, method=None, closed=False):
    """The message at the start of data, or None when it is not whole. method: that of the request which it answers; it is a request
    without one. closed: no more will come."""
    end = data.find(b"\n")
    if end < 0:
        return None
    line = data[:end]
    shape = rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) (HTTP/1\.[01])\r" if method is None else rb"(HTTP/1\.[01]) ([1-9]\d\d) ([^\r]*)\r"
    match = re.fullmatch(shape, line)
    if not match:
        raise Wrong(f"first line: {line!r}")
    head = read_fields(data, end + 1)
    if head is None:
        return None
    fields, at = head
    lengths = [value for name, value in fields if name == "content-length"]
    codings = [value for name, value in fields if name == "transfer-encoding"]
    if len(lengths) + len(codings) > 1 or any(not re.fullmatch(r"\d{1,18}", n) for n in lengths) or codings not in ([], ["chunked"]):
        raise Wrong(f"framing: {lengths} {codings}")
    start, trailers = tuple(part.decode("latin-1") for part in match.groups()), []
    bodiless = method is not None and (method == "HEAD" or start[1][0] == "1" or start[1] in ("204", "304"))
    if bodiless:
        return Message(start, fields, "none", b"", [], at)
    if codings:
        chunks = read_chunks(data, at)
        if chunks is None:
            return None
        body, trailers, at = chunks
        return Message(start, fields, "chunked", body, trailers, at)
    if lengths:
        size = int(lengths[0])
        if len(data) < at + size:
            return None
        return Message(start, fields, "length", data[at : at + size], [], at + size)
    if method is None:
        return Message(start, fields, "none", b"", [], at)
    return Message(start, fields, "close", data[at:], [], len(data)) if closed else None
