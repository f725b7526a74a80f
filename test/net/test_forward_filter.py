"""What the forward proxy lets through by path, by the type and by the size of answers, and what it tells servers by group: with curl,
of servers and of the cache, for clients of two groups.

    client 10.0.0.10 (kids), 10.0.0.11 (others) --- 10.0.0.1 gateway 9.0.0.1 --- 9.0.0.10 web
"""

import asyncio
import json

import pytest

import proxy_h2
from forward_site import CLIENT, PROXY, Handler, Site, field
from proxy_servers import wait_for
from service import binary
from test_policy import obeyed

OTHER = "10.0.0.11"
LISTS = """    ads:
      lines:
        - "||example.com/ads/"
        - "||example.com^*/track.gif|"
        - "@@||example.com/ads/ok/"
        - "https://other.example.com/secret"
        - "||9.0.0.10/bin/"
        - "http://9.0.0.10/i"
"""
FRESH = {"Cache-Control": "max-age=60"}
CURL = ["curl", "-sS", "--path-as-is", "--noproxy", "", "--proxy", f"http://{PROXY}:3128"]
ON = "  policy: on\n"
KINDS = [
    ("/film.mp4", {"Content-Type": "Video/MP4"}, b"v" * 2000),
    ("/page", {"Content-Type": "text/html"}, b"p" * 2000),
    ("/bare", {}, b"b" * 2000),
    ("/large", {"Content-Type": "text/plain"}, b"l" * 6000),
    ("/kept.mp4", {"Content-Type": "video/mp4", "ETag": '"1"'} | FRESH, b"k" * 2000),
    ("/kept-large", {"Content-Type": "text/plain", "ETag": '"1"'} | FRESH, b"m" * 6000),
]


class Origin(Handler):
    """/pieces is sent without its length; of pages that are there a Range is obeyed."""

    def answer(self):
        if self.path.startswith("/pieces"):
            self.pieces()
        elif self.headers.get("Range") and self.path in self.server.pages:
            self.part(*(int(word) for word in self.headers["Range"].removeprefix("bytes=").split("-")))
        else:
            super().answer()

    def head(self, status, fields):
        self.server.seen.append({"target": self.path})
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()

    def part(self, first, last):
        _, fields, data = self.server.pages[self.path]
        length = str(last + 1 - first)
        self.head(206, {**fields, "Content-Range": f"bytes {first}-{last}/{len(data)}", "Content-Length": length})
        self.wfile.write(data[first : last + 1])

    def pieces(self):
        self.head(200, {"Content-Type": "text/plain", "Transfer-Encoding": "chunked", **FRESH})
        for _ in range(20):
            self.wfile.write(b"1f4\r\n" + b"c" * 500 + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    do_GET = do_HEAD = answer


@pytest.fixture(scope="module")
def site(janitor_process):
    made = None
    try:
        made = Site(ON)
        made.client.address("to-gateway", f"{OTHER}/24")
        made.policy = obeyed(made.service, made.gateway, CLIENT, LISTS.replace("ads:", "blocked:"))
        made.origin = made.serve(handler=Origin)
        made.origin.pages = {path: (200, fields, data) for path, fields, data in KINDS}
        yield made
    finally:
        if made:
            made.close()


def set_up(site, more):
    site.reload(ON + more)
    wait_for(lambda: site.service.control("GET", "/status")[1]["workers_behind"] == 0)
    wait_for(lambda: curl(site, "/ads/x").status == 403)


class Answer:
    def __init__(self, done):
        head, _, self.body = done.stdout.partition("\n\n")
        self.code, self.stderr = done.returncode, done.stderr
        self.status = int(head.split()[1]) if head else 0
        self.fields = dict((line.split(": ", 1)[0].lower(), line.split(": ", 1)[1]) for line in head.split("\n")[1:] if ": " in line)

    @property
    def why(self):
        return self.fields.get("proxy-status", "")


def curl(site, path, *words, client=CLIENT, host="www.example.com"):
    """The answer of http://host/path to curl from that address."""
    return Answer(site.client.run(*CURL, "--include", "--interface", client, *words, f"http://{host}{path}"))


SPELLINGS = ["/ads/a.js", "/%61ds/a.js", "/x/../ads/a.js", "/x/%2e%2e/ads/a.js", "//ads/a.js", "/ADS/", "/ads%2fa", "/x%5C..%5Cads%5Ca", "/ads;a=b/c", "/ads/../a"]


def test_paths_of_lists_are_refused_however_they_are_spelt(site):
    set_up(site, "")
    site.origin.seen.clear()
    for path in SPELLINGS:
        answer = curl(site, path)
        assert answer.status == 403 and 'details="blocked:1"' in answer.why, path
        assert "blocked-path: blocked:1" in answer.body and "Ask Alice." in answer.body
    assert not any("ads" in told["target"].lower() for told in site.origin.seen)
    assert 'details="blocked:2"' in curl(site, "/x/y/track.gif").why
    for path in ("/ads/ok/x", "/x?u=/ads/", "/track.gif?x", "/xads/"):
        assert curl(site, path).status == 200, path
    assert curl(site, "/ads/ok/../x").status == 403
    # Of whom no group has such a rule.
    assert curl(site, "/ads/x", client=OTHER).status == 200
    assert curl(site, "/secret", host="other.example.com").status == 403
    wait_for(lambda: any(line.get("cause") == "blocked-path" and line.get("detail") == "blocked:1" for line in site.log()))
    assert site.metric('refused_total{why="blocked-path"}') >= len(SPELLINGS)


def test_servers_without_a_name_have_paths_too(site):
    set_up(site, "")
    site.origin.seen.clear()
    for path, line in (("/bin/a.sh", 5), ("/x/../bin/", 5), ("/i", 6)):
        answer = curl(site, path, host="9.0.0.10")
        assert answer.status == 403 and f'details="blocked:{line}"' in answer.why, path
    assert not site.origin.seen
    # The same path of a name that leads there is another host's.
    assert curl(site, "/bin/a.sh").status == 200
    assert curl(site, "/page", host="9.0.0.10").status == 200
    assert curl(site, "/bin/a.sh", host="9.0.0.10", client=OTHER).status == 200
    done = site.gateway.run(binary(), "policy", "why", "--json", "-c", site.policy.config_path, "--client", CLIENT, "http://9.0.0.10/bin/x", timeout=30)
    assert json.loads(done.stdout)["verdict"] == "blocked", done


def test_http2_clients_are_judged_alike(site):
    set_up(site, "  answers: [{types: [\"video/*\"]}]\n")

    async def ask():
        connection = await proxy_h2.connect(site.client, PROXY, 3129, "proxy.home.arpa")
        for stream, path in ((1, b"/%61ds/x"), (3, b"/film.mp4"), (5, b"/page")):
            connection.send(stream, [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"www.example.com"), (b":path", path)])
        assert await connection.read(lambda c: c.ended >= {1, 3, 5})
        connection.close()
        return connection.statuses

    assert asyncio.run(ask()) == {1: 403, 3: 403, 5: 200}


def test_rules_of_access_about_paths(site):
    rules = "  access: {rules: [{action: deny, to: www.example.com, paths: [/private/, \"~[.]exe$\"], reason: not that}]}\n"
    set_up(site, rules)
    for path in ("/private/x", "/PRIVATE/x", "/y/../private/", "/%70rivate/", "/a/b.exe", "/b.%65xe"):
        answer = curl(site, path)
        assert answer.status == 403 and 'details="rule 1"' in answer.why and "not that" in answer.body, path
    assert curl(site, "/b.exe?x").status == 200 and curl(site, "/x?/private/").status == 200
    assert curl(site, "/private/", host="other.example.com").status != 403
    status, made = site.tunnel("www.example.com:443")
    made.close()
    assert status != 403  # what is asked for in it nobody sees


def test_answers_are_refused_by_their_type(site):
    set_up(site, "  answers: [{types: [\"video/*\", none], from: 10.0.0.10, reason: no films}]\n")
    answer = curl(site, "/film.mp4")
    assert answer.status == 403 and 'details="answers 1: Video/MP4"' in answer.why
    assert "type: answers 1: Video/MP4" in answer.body and "no films" in answer.body
    assert 'details="answers 1: none"' in curl(site, "/bare").why
    head = curl(site, "/film.mp4", "--head")
    assert head.status == 403 and head.body == ""
    assert curl(site, "/film.mp4", "--range", "0-9").status == 403
    assert curl(site, "/page", "--range", "0-9").status == 206
    assert curl(site, "/page").body == "p" * 2000
    assert curl(site, "/film.mp4", client=OTHER).body == "v" * 2000
    wait_for(lambda: any(line.get("cause") == "type" and line.get("detail") == "answers 1: Video/MP4" for line in site.log()))
    assert site.metric('refused_total{why="type"}') >= 4


def test_what_is_kept_is_judged_for_each_client_anew(site):
    set_up(site, "  cache: {}\n  answers: [{types: [\"video/*\"], groups: [clients]}, {larger-than: 5000, from: 10.0.0.10}]\n")
    for path, of in (("/kept.mp4", "type"), ("/kept-large", "size")):
        # Who asks first and is refused leaves nothing behind, not even his page.
        assert curl(site, path).status == 403
        before = len(site.origin.seen)
        assert curl(site, path, client=OTHER).status == 200
        assert len(site.origin.seen) == before + 1
        for words in ([], ["--range", "0-9"], ["--head"], ["-H", 'If-None-Match: "1"']):
            assert curl(site, path, *words).status == 403, words
            got = curl(site, path, *words, client=OTHER)
            assert got.status in (200, 206, 304) and "hit" in got.fields["cache-status"], words
        assert len(site.origin.seen) == before + 1
        wait_for(lambda of=of: any(line.get("cause") == of for line in site.log()))


def test_answers_are_refused_by_their_size(site):
    set_up(site, "  cache: {}\n  answers: [{larger-than: 5000, from: 10.0.0.10, reason: too much}]\n")
    answer = curl(site, "/large")
    assert answer.status == 403 and 'error=http_response_body_size; details="answers 1: more than 5000 octets"' in answer.why
    assert "too much" in answer.body
    assert curl(site, "/large", "--head").status == 403
    assert curl(site, "/large", "--range", "0-9").status == 403  # of the whole
    assert curl(site, "/page").status == 200
    # Without a length it comes until that is passed, and is not whole then, nor kept.
    for _ in range(2):
        before = len(site.origin.seen)
        torn = curl(site, "/pieces")
        assert torn.status == 200 and torn.body == "c" * 5000 and torn.code != 0, torn.stderr
        assert len(site.origin.seen) == before + 1
    assert curl(site, "/pieces", client=OTHER).body == "c" * 10000
    kept = curl(site, "/pieces", client=OTHER)
    assert "hit" in kept.fields["cache-status"] and kept.code == 0
    # Now its size is known.
    assert curl(site, "/pieces").status == 403
    wait_for(lambda: any(line.get("cause") == "size" and line["status"] == 200 for line in site.log()))


def test_levels_of_privacy_by_group(site):
    set_up(site, "  cache: {}\n  privacy: {level: none, rules: [{groups: [clients], level: strict}]}\n")
    told = json.loads(curl(site, "/who", "-A", "Mine/1").body)
    assert field(told, "user-agent") != ["Mine/1"] and not field(told, "x-forwarded-for") and not field(told, "via")
    told = json.loads(curl(site, "/who", "-A", "Mine/1", client=OTHER).body)
    assert field(told, "user-agent") == ["Mine/1"] and field(told, "x-forwarded-for") == [OTHER]
    # What a server said to one level is not given to another.
    before = len(site.origin.seen)
    for client in (OTHER, CLIENT, OTHER, CLIENT):
        assert curl(site, "/kept.mp4?privacy", client=client).status == 200
    assert len(site.origin.seen) == before + 2
    # Nor when another one is everybody's since.
    set_up(site, "  cache: {}\n  privacy: anonymous\n")
    assert curl(site, "/kept.mp4?privacy", client=OTHER).status == 200
    assert len(site.origin.seen) == before + 3


def why(site, url, *words):
    done = site.gateway.run(binary(), "proxy", "why", "--control", str(site.service.run_folder / "forward-proxy.sock"), *words, url)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_why_says_what_becomes_of_a_request_and_by_which_rule(site):
    rules = "  access: {rules: [{action: deny, to: www.example.com, paths: /private/, reason: not that}]}\n"
    answers = "  answers: [{types: [\"video/*\"], groups: [clients], reason: no films}, {larger-than: 5000}]\n"
    set_up(site, rules + answers + "  privacy: {rules: {groups: clients, level: strict}}\n")
    mine = ("--client", CLIENT)
    told = why(site, "http://www.example.com/y/../private/x")
    assert "www.example.com:80: refused: rule" in told and "rule:     1 of `access`" in told and "not that" in told
    assert "/y/../private/x, /private/x" in told
    told = why(site, "http://www.example.com/%61ds/x", *mine)
    assert "refused: blocked-path" in told and "||example.com/ads/ (list blocked, line 1)" in told and "Ask Alice." in told
    told = why(site, "http://www.example.com/ads/x", "--client", OTHER)
    assert "passes" in told and "at most 5000 octets (rule 2 of `answers`)" in told and "privacy:  proxy" in told
    told = why(site, "http://www.example.com/x", *mine, "--type", "video/mp4")
    assert "refused: type" in told and "rule 1 of `answers`" in told and "no films" in told
    assert "privacy:  strict" in told and "groups:   clients" in told
    assert "refused: size" in why(site, "http://www.example.com/x", "--size", "5001")
    assert "refused: port" in why(site, "http://www.example.com:25/")
    assert "refused: inside: private" in why(site, "http://10.0.0.7/")
    told = why(site, "https://www.example.com/private/x", *mine)
    assert "www.example.com:443: passes" in told and "nothing but the host is seen" in told
    for wrong in ("url=/x", "url=http://127.1/", "url=http://a.example/&client=x", "url=http://a.example/&size=x", ""):
        assert site.service.control("GET", f"/why?{wrong}")[0] == 400, wrong


def test_the_policy_says_why_an_address_is_blocked(site):
    def ask(asked, *words):
        control = str(site.policy.run_folder / "policy.sock")
        done = site.gateway.run(binary(), "policy", "why", "--control", control, "--client", CLIENT, *words, asked)
        assert done.returncode == 0, done.stderr
        return done.stdout

    told = ask("http://www.example.com/y/%2e%2e/ads/x")
    assert "www.example.com/y/%2e%2e/ads/x: blocked" in told and "||example.com/ads/ (list blocked, line 1; rule 1)" in told
    assert "@@||example.com/ads/ok/ (list blocked, line 3" in ask("www.example.com/ads/ok/x")
    assert "no rule says anything" in ask("www.example.com")
    assert "9.0.0.10/bin/x: blocked" in ask("http://9.0.0.10/bin/x").splitlines()
    assert "[2001:db8::1]/x: no rule says anything" in ask("http://[2001:DB8::0:1]/x").splitlines()
    assert "|https" not in ask("http://other.example.com/secret") and "blocked" in ask("https://other.example.com/secret?x")
    assert site.policy.control("GET", "/why?url=/ads/")[0] == 400
    shown = {one["list"]: one for one in site.policy.control("GET", "/lists")[1]}
    assert shown["blocked"]["paths"] == 6 and shown["blocked"]["exceptions"] == 1
