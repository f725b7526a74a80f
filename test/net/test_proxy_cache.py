"""The cache of the reverse proxy: what is kept, for whom, how long, and what becomes of it. One service with two workers
and one scripted origin for all tests; each uses addresses of its own. Time moves by Age and Date, which the origin writes."""

import email.utils
import http.server
import json
import subprocess
import threading
import time

import pytest

import topology
from proxy_servers import Client, ask, wait_for
from service import Service, binary

HOST = "www.home.arpa"
CONFIG = """global:
  log: {level: info}
reverse-proxy:
  listen: 127.0.0.1:8080
  workers: 2
  access-log: {format: json}
  cache: {memory: 16M, object: 1M}
  routes:
    - {host: www.home.arpa, to: "127.0.0.1:9001", cache: yes}
    - {host: www.home.arpa, path: /none, to: "127.0.0.1:9001"}
    - host: keys.home.arpa
      to: 127.0.0.1:9001
      compress: yes
      response: {set: ["X-Ours: {client}"]}
      cache: {default: 1m, ignore-arguments: [utm_source], by-cookies: language, bypass-cookies: session, stale-if-error: 1h}
    - {host: keys.home.arpa, path: /v1, to: "127.0.0.1:9001", rewrite: {strip: /v1}, cache: {ignore-query: yes, status: no}}
    - host: firm.home.arpa
      to: 127.0.0.1:9001
      cache: {heed-clients: no, longest: 100s, heuristics: no, by-headers: X-Country, bypass-headers: X-Preview, stale-while-revalidate: 1h}
    - {host: impatient.home.arpa, to: "127.0.0.1:9001", cache: {wait: 50ms}}
"""


class Origin(http.server.BaseHTTPRequestHandler):
    """Answers by script: path -> function of the handler that gives (status, fields, body); counts what it was asked."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    script, seen = {}, []

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.seen.append((self.command, self.path, self.headers))
        status, fields, body = self.script[self.path.split("?")[0]](self)
        if status is None:
            self.close_connection = True
            return
        self.send_response_only(status)
        for line in fields:
            self.send_header(*line.split(": ", 1))
        if status not in (204, 304) and "Transfer-Encoding: chunked" not in fields:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_DELETE = answer

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_):
        pass


@pytest.fixture(scope="module")
def site(janitor_process):
    net = topology.Net()
    try:
        host = net.host("proxy")
        with host.inside():
            server = Server(("127.0.0.1", 9001), Origin)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        service = Service(host, "reverse-proxy", CONFIG).start()
        yield service
        server.shutdown()
        server.server_close()
    finally:
        assert not net.close()


def tells(path, status=200, *fields, body=None):
    """The origin answers so; {n} in the body: how often it was asked."""

    def answer(handler):
        text = body if body is not None else f"{asked(path)}"
        return status, list(fields), text.encode() if isinstance(text, str) else text

    Origin.script[path] = answer


def asked(path):
    return sum(target.split("?")[0] == path for _, target, _ in Origin.seen)


def last(path):
    return [fields for _, target, fields in Origin.seen if target.split("?")[0] == path][-1]


def get(site, path, method="GET", host=HOST, **fields):
    """(status, fields, body, Cache-Status)"""
    status, answer, text = ask(site.host, path, method=method, host=host, **fields)
    return status, answer, text, answer.get("Cache-Status", "")


def ago(seconds):
    return email.utils.formatdate(time.time() - seconds, usegmt=True)


# ---- kept, and for how long


def test_a_second_request_is_answered_without_a_server(site):
    tells("/a", 200, "Cache-Control: max-age=60", 'ETag: "1"', "X-Own: kept", "Set-Cookie2: x", "Connection: close")
    status, fields, text, said = get(site, "/a")
    assert (status, text) == (200, "1") and said == "gatehouse; fwd=uri-miss; fwd-status=200; stored"
    for _ in range(3):
        status, fields, text, said = get(site, "/a")
        assert (status, text) == (200, "1") and said.startswith("gatehouse; hit; ttl=")
        assert fields["X-Own"] == "kept" and int(fields["Age"]) < 50 and fields["Content-Length"] == "1"
    status, fields, text, said = get(site, "/a", "HEAD")
    assert (status, text, fields["Content-Length"]) == (200, "", "1") and "hit" in said
    assert asked("/a") == 1
    # Another query, host or scheme of another address.
    assert get(site, "/a?x")[3].startswith("gatehouse; fwd=uri-miss")


def test_what_has_no_body_is_kept_and_gets_none(site):
    """RFC 9112 6.1: no Transfer-Encoding in a 204, and nothing behind it."""
    tells("/bare", 204, "Cache-Control: max-age=60")
    client = Client(site.host)
    try:
        for _ in range(3):
            status, fields, text = client.ask("/bare")
            assert (status, text) == (204, "") and "Transfer-Encoding" not in fields and "Content-Length" not in fields
        assert asked("/bare") == 1 and "hit" in fields["Cache-Status"]
    finally:
        client.close()


@pytest.mark.parametrize(
    "fields, word",
    [
        (["Cache-Control: no-store"], "no-store"),
        (["Cache-Control: private, max-age=60"], "private"),
        (["Cache-Control: max-age=60", "Set-Cookie: a=b"], "set-cookie"),
        (["Cache-Control: max-age=60", "Vary: *"], "vary-any"),
        (["Content-Type: text/plain"], "useless"),
    ],
)
def test_what_must_not_be_kept_is_not_and_why_is_told(site, fields, word):
    path = f"/not-{word}"
    tells(path, 200, *fields)
    assert [get(site, path)[2] for _ in range(3)] == ["1", "2", "3"]
    assert f"detail={word}" in get(site, path)[3]
    status, told = site.control("GET", f"/cache/why?url=http://{HOST}{path}")
    assert status == 200 and [o["refused"] for o in told["objects"]] == [word]


def test_authorization_needs_an_answer_that_allows_it(site):
    tells("/auth", 200, "Cache-Control: max-age=60")
    assert [get(site, "/auth", Authorization="a")[2] for _ in range(2)] == ["1", "2"]
    tells("/auth-public", 200, "Cache-Control: max-age=60, public")
    assert [get(site, "/auth-public", Authorization="a")[2] for _ in range(2)] == ["1", "1"]


def test_who_has_proved_himself_takes_nothing_from_others(site):
    """Answers to him are not kept, and what is kept for others stays."""
    tells("/mixed", 200, "Cache-Control: max-age=60")
    assert get(site, "/mixed")[2] == "1"
    status, _, text, said = get(site, "/mixed", Authorization="a")
    assert text == "2" and "fwd=request" in said and "detail=authorization" in said
    assert get(site, "/mixed")[2] == "1" and asked("/mixed") == 2

    def answer(handler):
        tagged = handler.headers.get("If-None-Match") == '"m"'
        return 304 if tagged else 200, ["Cache-Control: max-age=60", 'ETag: "m"'], b"" if tagged else b"m"

    Origin.script["/tagged"] = answer
    for fields in ({}, {"Authorization": "a"}, {"Cache_Control": "no-cache, no-store"}):
        assert get(site, "/tagged", **fields)[2] == "m"
    assert "hit" in get(site, "/tagged")[3] and asked("/tagged") == 3


def test_vary_parts_answers(site):
    tells("/vary", 200, "Cache-Control: max-age=60", "Vary: Accept-Language, Accept-Encoding")
    assert get(site, "/vary", Accept_Language="de")[2] == "1"
    assert get(site, "/vary", Accept_Language="ko")[3].startswith("gatehouse; fwd=vary-miss")
    assert get(site, "/vary", Accept_Language="de")[2] == "1"
    assert get(site, "/vary", Accept_Language="ko")[2] == "2"


# ---- validation


def test_a_stale_answer_is_validated(site):
    def answer(handler):
        if handler.headers.get("If-None-Match") == '"v"':
            return 304, ["Cache-Control: max-age=60", 'ETag: "v"', "X-New: 1"], b""
        return 200, ["Cache-Control: max-age=60", "Age: 70", 'ETag: "v"', "X-Old: 1"], b"body"

    Origin.script["/stale"] = answer
    assert get(site, "/stale")[2] == "body"
    status, fields, text, said = get(site, "/stale")
    assert (status, text) == (200, "body") and fields["X-New"] == fields["X-Old"] == "1"
    assert said.startswith("gatehouse; fwd=stale; fwd-status=304; ttl=")
    # It is fresh again, and a client that has it gets 304 without a server.
    assert get(site, "/stale", If_None_Match='"v"')[0] == 304
    assert asked("/stale") == 2
    # A client that wants to be sure: the server is asked, the client's own tag is not passed on.
    status, _, text, said = get(site, "/stale", Cache_Control="no-cache", If_None_Match='"other"')
    assert (status, text) == (200, "body") and "fwd=request" in said
    assert last("/stale")["If-None-Match"] == '"v"'


def test_a_304_of_something_else_has_the_whole_asked_for(site):
    """RFC 9111 4.3.4: with another strong validator it "MUST NOT" update what is stored."""

    def answer(handler):
        if handler.headers.get("If-None-Match"):
            return 304, ['ETag: "other"'], b""
        return 200, ["Cache-Control: max-age=60", "Age: 70", 'ETag: "v"'], str(asked("/else")).encode()

    Origin.script["/else"] = answer
    assert [get(site, "/else")[2] for _ in range(2)] == ["1", "3"]


def test_an_answer_that_turns_private_is_forgotten(site):
    tells("/turns", 200, "Cache-Control: max-age=60", "Age: 70", 'ETag: "v"')
    assert get(site, "/turns")[2] == "1"
    tells("/turns", 200, "Cache-Control: private")
    assert [get(site, "/turns")[2] for _ in range(2)] == ["2", "3"]


def test_clients_of_which_none_wants_to_wait(site):
    tells("/once", 200, "Cache-Control: max-age=60")
    assert get(site, "/once", Cache_Control="only-if-cached")[0] == 504 and asked("/once") == 0
    get(site, "/once")
    assert get(site, "/once", Cache_Control="only-if-cached")[0] == 200 and asked("/once") == 1


# ---- parts


def test_parts_are_cut_from_the_whole(site):
    data = bytes(range(256)) * 2000
    tells("/long", 200, "Cache-Control: max-age=60", 'ETag: "l"', "Content-Type: a/b", body=data)
    client = Client(site.host)
    try:

        def part(**fields):
            client.http.request("GET", "/long", headers={"Host": HOST, **fields})
            answer = client.http.getresponse()
            return answer.status, answer.headers, answer.read()

        assert part()[2] == data
        status, fields, body = part(Range="bytes=100000-100999")
        assert status == 206 and body == data[100000:101000]
        assert fields["Content-Range"] == "bytes 100000-100999/512000"
        assert part(Range="bytes=-1", **{"If-Range": '"l"'})[0] == 206
        assert part(Range="bytes=-1", **{"If-Range": '"m"'})[2] == data
        status, fields, body = part(Range="bytes=512000-")
        assert (status, body, fields["Content-Range"]) == (416, b"", "bytes */512000")
        assert part()[2] == data and asked("/long") == 1
    finally:
        client.close()
    # Of a part that comes from a server nothing is kept.
    tells("/part", 206, "Cache-Control: max-age=60", "Content-Range: bytes 0-0/9", body="x")
    assert [get(site, "/part", Range="bytes=0-0")[0] for _ in range(2)] == [206, 206] and asked("/part") == 2


def test_a_body_of_unknown_length_is_kept_when_it_is_whole(site):
    chunks = b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    tells("/chunks", 200, "Cache-Control: max-age=60", "Transfer-Encoding: chunked", body=chunks)
    assert [get(site, "/chunks")[2] for _ in range(2)] == ["hello world"] * 2 and asked("/chunks") == 1

    def torn(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 9\r\n\r\nhalf")
        return None, None, None

    Origin.script["/torn"] = torn
    for _ in range(2):
        with pytest.raises(Exception):  # noqa: B017 - incomplete, or reset
            get(site, "/torn")
    assert asked("/torn") == 2


def test_what_is_too_large_is_passed_on(site):
    tells("/huge", 200, "Cache-Control: max-age=60", body="x" * (1024 * 1024 + 1))
    assert {len(get(site, "/huge")[2]) for _ in range(2)} == {1024 * 1024 + 1} and asked("/huge") == 2


def test_room_for_what_is_on_its_way_is_given_back(site):
    """More than half of the memory, one after another, torn and whole."""
    head = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 1000000\r\n\r\nhalf"
    Origin.script["/big"] = lambda handler: (handler.wfile.write(head) and None, None, None)
    for n in range(9):
        with pytest.raises(Exception):  # noqa: B017 - incomplete, or reset
            get(site, f"/big?torn{n}")
    tells("/big", 200, "Cache-Control: max-age=60", body="x" * 1000000)
    for n in range(10):
        get(site, f"/big?{n}")
    said = get(site, "/big?9")[3]
    assert "hit" in said or "collapsed" in said


# ---- errors, and changes


def test_stale_if_error(site):
    tells("/error", 200, "Cache-Control: max-age=60, stale-if-error=60", "Age: 70", 'ETag: "e"', body="good")
    get(site, "/error")
    tells("/error", 503)
    status, fields, text, said = get(site, "/error")
    assert (status, text) == (200, "good") and "fwd=stale; fwd-status=503" in said
    Origin.script["/error"] = lambda handler: (None, None, None)
    status, _, text, said = get(site, "/error")
    assert (status, text) == (200, "good") and "fwd=stale" in said
    tells("/must", 200, "Cache-Control: max-age=60, must-revalidate, stale-if-error=60", "Age: 70", 'ETag: "e"')
    get(site, "/must")
    tells("/must", 503)
    assert get(site, "/must")[0] == 503


def test_stale_while_one_asks_anew(site):
    entered, release = threading.Event(), threading.Event()

    def answer(handler):
        if asked("/swr") > 1:
            entered.set()
            release.wait(10)
            return 200, ["Cache-Control: max-age=60"], b"new"
        return 200, ["Cache-Control: max-age=60, stale-while-revalidate=600", "Age: 70"], b"old"

    Origin.script["/swr"] = answer
    get(site, "/swr")
    assert get(site, "/swr")[2] == "old" and entered.wait(10)
    assert get(site, "/swr")[2] == "old"
    release.set()
    wait_for(lambda: get(site, "/swr")[2] == "new")
    assert asked("/swr") == 2


def test_a_renewal_over_a_connection_that_was_kept_too_long_is_made_anew(site):
    state = {"closes": False}

    def answer(_):
        if state["closes"]:  # as a server whose time for idle connections was up a moment ago
            state["closes"] = False
            return None, [], b""
        if asked("/late") > 1:
            return 200, ["Cache-Control: max-age=60"], b"new"
        return 200, ["Cache-Control: max-age=60, stale-while-revalidate=600", "Age: 70"], b"old"

    Origin.script["/late"] = answer
    client = Client(site.host)  # of one worker, which has kept a connection once the first answer is there
    try:
        client.ask("/late")
        state["closes"] = True
        assert client.ask("/late")[2] == "old"
        wait_for(lambda: not state["closes"] and asked("/late") == 3)
    finally:
        client.close()
    wait_for(lambda: get(site, "/late")[2] == "new")
    assert asked("/late") == 3  # nobody else had to ask


def test_methods_that_change_things_invalidate(site):
    for path in ("/thing", "/other"):
        tells(path, 200, "Cache-Control: max-age=60")
        assert [get(site, path)[2] for _ in range(2)] == ["1", "1"]
    tells("/thing", 404)
    get(site, "/thing", "DELETE")
    tells("/thing", 200, "Cache-Control: max-age=60")
    assert get(site, "/thing")[2] == "1"
    tells("/thing", 201, "Location: /other", "Content-Location: http://elsewhere.home.arpa/thing")
    assert get(site, "/thing", "POST")[3].startswith("gatehouse; fwd=method")
    tells("/thing", 200, "Cache-Control: max-age=60")
    assert get(site, "/thing")[2] != "1" and get(site, "/other")[2] == "2"


def test_what_was_asked_for_before_a_purge_is_not_kept(site):
    """Nor without a flight that others wait for: a client that wants something newer."""
    entered, release = threading.Event(), threading.Event()
    tells("/race", 200, "Cache-Control: max-age=60")
    assert get(site, "/race")[2] == "1"

    def answer(handler):
        entered.set()
        release.wait(10)
        return 200, ["Cache-Control: max-age=60"], b"of the past"

    Origin.script["/race"] = answer
    thread = threading.Thread(target=get, args=(site, "/race"), kwargs={"Cache_Control": "no-cache"})
    thread.start()
    assert entered.wait(10)
    assert site.control("POST", f"/cache/purge?url=http://{HOST}/race")[1] == {"purged": 1}
    release.set()
    thread.join(10)
    tells("/race", 200, "Cache-Control: max-age=60", body="new")
    assert get(site, "/race")[2] == "new"


# ---- many at once


def test_many_requests_for_one_thing_are_one(site):
    entered, release = threading.Event(), threading.Event()

    def answer(handler):
        entered.set()
        release.wait(10)
        return 200, ["Cache-Control: max-age=60"], b"x"

    Origin.script["/many"] = answer
    said = []
    threads = [threading.Thread(target=lambda: said.append(get(site, "/many"))) for _ in range(12)]
    for thread in threads:
        thread.start()
    assert entered.wait(10)
    wait_for(lambda: site.control("GET", "/status")[1]["requests_running"] == 12)
    release.set()
    for thread in threads:
        thread.join(10)
    assert asked("/many") == 1 and {(s, t) for s, _, t, _ in said} == {(200, "x")}
    assert sum(word.startswith("gatehouse; fwd=uri-miss;") and word.endswith("; collapsed") for *_, word in said) == 11


def test_who_waits_too_long_goes_alone(site):
    first, release = threading.Event(), threading.Event()

    def answer(handler):
        if not first.is_set():
            first.set()
            release.wait(10)
        return 200, ["Cache-Control: max-age=60"], b"x"

    Origin.script["/slow"] = answer
    thread = threading.Thread(target=get, args=(site, "/slow"), kwargs={"host": "impatient.home.arpa"})
    thread.start()
    assert first.wait(10)
    assert get(site, "/slow", host="impatient.home.arpa")[0] == 200 and not release.is_set()
    release.set()
    thread.join(10)


def test_who_waits_for_what_is_not_kept_goes_too(site):
    entered, release = threading.Event(), threading.Event()

    def answer(handler):
        entered.set()
        release.wait(10)
        return 200, ["Cache-Control: no-store"], b"x"

    Origin.script["/shy"] = answer
    said = []
    threads = [threading.Thread(target=lambda: said.append(get(site, "/shy")[0])) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert entered.wait(10)
    wait_for(lambda: site.control("GET", "/status")[1]["requests_running"] == 5)
    release.set()
    for thread in threads:
        thread.join(10)
    assert said == [200] * 5 and asked("/shy") == 5


# ---- keys, edits, compression


def test_keys_of_a_route(site):
    text = "word " * 1000
    tells("/keys", 200, "Content-Type: text/plain", body=text)
    ours = dict(host="keys.home.arpa")
    assert get(site, "/keys?a=1&utm_source=x", **ours)[1]["X-Ours"] == "127.0.0.1"
    status, fields, body, said = get(site, "/keys?a=1&utm_source=y", **ours)
    # The client may have the last byte, and ask again, in the moment before the answer is in its place.
    assert body == text and ("hit" in said or "collapsed" in said) and fields["X-Ours"] == "127.0.0.1"
    assert "uri-miss" in get(site, "/keys?a=2", **ours)[3]
    assert "uri-miss" in get(site, "/keys?a=1", Cookie="language=de", **ours)[3]
    assert "hit" in get(site, "/keys?a=1", Cookie="other=1", **ours)[3]
    assert "fwd=bypass" in get(site, "/keys?a=1", Cookie="session=1", **ours)[3]
    # What is kept is compressed for who takes it.
    client = Client(site.host)
    try:
        client.http.request("GET", "/keys?a=1", headers={"Host": "keys.home.arpa", "Accept-Encoding": "gzip"})
        answer = client.http.getresponse()
        body = answer.read()
        assert answer.getheader("Content-Encoding") == "gzip" and len(body) < 200 and answer.getheader("Age")
    finally:
        client.close()
    # Another route to the same server, at its own address.
    tells("/w", 200, "Cache-Control: max-age=60")
    assert [get(site, f"/v1/w?{n}", **ours)[2:] for n in range(2)] == [("1", ""), ("1", "")]


def test_a_route_that_knows_better(site):
    ours = dict(host="firm.home.arpa")
    tells("/firm", 200, "Cache-Control: max-age=900")
    assert get(site, "/firm", **ours)[2] == "1"
    # heed-clients, longest
    status, _, text, said = get(site, "/firm", Cache_Control="no-cache", **ours)
    assert text == "1" and ("hit" in said or "collapsed" in said) and 0 < int(said.split("ttl=")[1].split(";")[0]) <= 100
    assert get(site, "/firm", X_Country="nl", **ours)[2] == "2"
    assert [get(site, "/firm", X_Country="nl", **ours)[2], get(site, "/firm", **ours)[2]] == ["2", "1"]
    assert "fwd=bypass" in get(site, "/firm", X_Preview="", **ours)[3] and asked("/firm") == 3
    # heuristics: of a route that guesses it is fresh, of this one stale
    tells("/guess", 200, f"Last-Modified: {ago(1000000)}", f"Date: {ago(0)}")
    assert [get(site, "/guess", **ours)[2] for _ in range(2)] == ["1", "1"]
    wait_for(lambda: asked("/guess") == 2)
    assert [get(site, "/guess")[2] for _ in range(2)] == ["3", "3"]
    # stale-while-revalidate: one asks anew, the other has it as it is
    entered, release = threading.Event(), threading.Event()

    def answer(handler):
        if asked("/mild") > 1:
            entered.set()
            release.wait(10)
        return 200, ["Cache-Control: max-age=60", "Age: 70", 'ETag: "x"'], str(asked("/mild")).encode()

    Origin.script["/mild"] = answer
    get(site, "/mild", **ours)
    assert get(site, "/mild", **ours)[2] == "1" and entered.wait(10)
    assert get(site, "/mild", **ours)[2] == "1"
    release.set()


def test_a_route_without_a_cache_keeps_nothing(site):
    tells("/none", 200, "Cache-Control: max-age=60")
    assert [get(site, "/none")[2:] for _ in range(2)] == [("1", ""), ("2", "")]


# ---- for people


def gatehouse(site, *words):
    command = [binary(), "proxy", "cache", *words, "--control", str(site.run_folder / "reverse-proxy.sock")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_purges_by_address_beginning_and_tag(site):
    for path, tag in (("/p/1", "red"), ("/p/2", "blue"), ("/q/1", "red green")):
        tells(path, 200, "Cache-Control: max-age=60", f"Surrogate-Key: {tag}")
        get(site, path)
        get(site, path)  # it is in its place by now
    assert site.control("POST", "/cache/purge")[0] == 400
    assert site.control("POST", "/cache/purge?tag=green")[1] == {"purged": 1}
    assert site.control("POST", f"/cache/purge?url=http://{HOST}/p/1")[1] == {"purged": 1}
    assert site.control("POST", f"/cache/purge?prefix=http://{HOST}/p/")[1] == {"purged": 1}
    for path in ("/p/1", "/p/2", "/q/1"):
        assert get(site, path)[2] == "2"


def test_verbs_numbers_and_log(site):
    tells("/shown", 200, "Cache-Control: max-age=77", 'ETag: "s"', "Cache-Tag: shown")
    get(site, "/shown")
    get(site, "/shown")
    shown = gatehouse(site, "show", f"http://{HOST}/shown")
    assert shown.returncode == 0 and f"http://{HOST}/shown" in shown.stdout, shown.stderr
    why = gatehouse(site, "why", f"http://{HOST}/shown")
    assert "max-age" in why.stdout and "77" in why.stdout
    tells("/unshown", 200, "Cache-Control: no-store")
    get(site, "/unshown")
    assert "RFC 9111 5.2.2.5" in gatehouse(site, "why", f"http://{HOST}/unshown").stdout
    assert "nothing" in gatehouse(site, "why", f"http://{HOST}/never").stdout
    assert gatehouse(site, "purge", "--tag", "shown").stdout.startswith("1 ")
    assert gatehouse(site, "why", "nonsense").returncode != 0
    metrics = site.control("GET", "/metrics")[1]
    numbers = {line.split()[0]: int(line.split()[1]) for line in metrics.splitlines() if "_cache_" in line and line[0] != "#"}
    assert numbers["gatehouse_reverse_proxy_cache_hits_total"] > 5
    assert numbers["gatehouse_reverse_proxy_cache_stored_total"] > 5
    assert numbers["gatehouse_reverse_proxy_cache_saved_bytes_total"] > 1000
    log = site.folder / "state" / "reverse-proxy" / "access.log"

    def words():
        lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return {line.get("cache") for line in lines}

    wait_for(lambda: {"hit", "miss", "stale", "validated", "collapsed", "bypass", None} <= words())
