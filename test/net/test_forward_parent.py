"""Destinations that are gone to by an HTTP proxy of others: what it is told and nobody else is, its refusals, several of them, TLS to it, and exceptions."""

import base64
import ssl
import time

import pytest

from forward_parent import Parent
from forward_site import WEB, WEB6, Site, field
from proxy_servers import wait_for
from test_forward_socks import NOT_ALLOWED, REFUSED, SUCCEEDED, UNREACHABLE, ask5, code5

FAILED = 1
HERE, SECURE = WEB[3], WEB[4]
BASIC = "Basic " + base64.b64encode(b"us:the word").decode()

UPSTREAMS = f"""  allow-inside: [10.0.0.77/32]
  timeouts: {{connect: 2s, upstream: 2s}}
  upstreams:
    - {{to: direct.up.example}}
    - {{to: "*.up.example", http: {HERE}}}
    - {{to: "*.named.example", http: "parent.home.example:3128"}}
    - {{to: "*.lost.example", http: nowhere.home.example}}
    - {{to: "*.secret.example", http: "{HERE}:3200", user: us, password: "the word"}}
    - {{to: "*.wrong.example", http: "{HERE}:3200", user: us, password: wrong}}
    - {{to: "*.dead.example", http: "{HERE}:3999"}}
    - {{to: "*.two.example", http: ["{HERE}:3301", "{HERE}:3302"], pause: 1s}}
    - {{to: "*.turn.example", http: ["{HERE}:3302", "{HERE}:3303"], order: rotate}}
    - {{to: "*.else.example", http: "{HERE}:3998", otherwise: direct, pause: 1s}}
    - {{to: "*.judges.example", http: "{HERE}:3304", otherwise: direct, pause: 60s}}
    - {{to: "*.tls.example", https: secure.example, ca: %s, user: us, password: "the word"}}
    - {{to: "*.other.example", https: other.example, ca: %s}}
    - {{to: "*.system.example", https: secure.example}}
    - {{to: [9.9.9.0/24], http: {HERE}}}
"""


@pytest.fixture(scope="module")
def site(janitor_process):
    made = None
    try:
        made = Site()
        ca = made.authority.pem
        made.config += UPSTREAMS % (ca, ca)
        made.origin = made.serve()
        made.parent = Parent(made.web, HERE)
        made.secret = Parent(made.web, HERE, 3200, {"us": "the word"})
        made.two = [Parent(made.web, HERE, port) for port in (3301, 3302, 3303)]
        made.secure = Parent(made.web, SECURE, 3129, {"us": "the word"}, made.tls("secure.example"))
        made.judge = Parent(made.web, HERE, 3304)
        made.started += [made.parent, made.secret, made.secure, made.judge, *made.two]
        made.service.stop()
        made.service.configure(made.config)
        made.service.start()
        yield made
    finally:
        if made:
            made.close()


@pytest.fixture(autouse=True)
def fresh(site):
    site.names.asked.clear()
    site.names.zone.update({"parent.home.example": [HERE], "secure.example": [SECURE], "other.example": [SECURE]})
    site.origin.seen.clear()
    for parent in (site.parent, site.secret, site.secure, site.judge, *site.two):
        parent.asked.clear()
        parent.say.clear()
        parent.silent.clear()
        parent.connections = parent.shaken = 0


def asked_names(site):
    return {name for name, _ in site.names.asked}


def servers(site, to):
    status, told = site.service.control("GET", "/upstreams")
    assert status == 200
    return {server["server"]: server for entry in told["upstreams"] if entry["to"] == [to] for server in entry["servers"]}


def reload_all(site, more):
    """With these in the place of all upstreams."""
    site.service.reload(site.config.split("  upstreams:")[0] + more)


def connect(site, to):
    """All that is answered."""
    return site.converse(f"CONNECT {to} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\r\n".encode())


def line_of(site, host):
    """The last line of the log about a host."""
    return wait_for(lambda: next((line for line in reversed(site.log()) if line["host"] == host), None))


# ---- what it is told


def test_it_is_asked_for_the_whole_address_and_nobody_is_asked_for_the_name(site):
    status, _, told = site.ask("http://a.up.example/x?y", "POST", b"body")
    assert status == 200 and told["target"] == "/x?y" and told["body"] == "body"
    assert site.parent.lines() == ["POST http://a.up.example/x?y HTTP/1.1"]
    assert site.parent.fields("host") == ["a.up.example"]
    assert site.parent.fields("via") == ["1.1 gatehouse"]
    assert not site.parent.fields("proxy-authorization")
    assert not site.names.asked


def test_its_connections_are_kept_for_all_that_it_leads_to(site):
    client = site.connect()
    site.ask("http://warm.up.example/", connection=client)  # one may be kept from before
    before = site.parent.connections
    for name in ("b", "c", "d", "b"):
        assert site.ask(f"http://{name}.up.example/", connection=client)[0] == 200
    client.close()
    assert site.parent.connections == before
    assert len(site.parent.asked) == 5


def test_tunnels_and_socks_clients_go_by_connect(site):
    status, tunnel = site.tunnel("e.up.example:443", b"early")
    tunnel.close()
    assert status == 502  # nobody listens there: the parent says 503
    code, connection = ask5(site, "f.up.example", 80)
    assert code == SUCCEEDED
    with connection:
        connection.sendall(b"GET /y HTTP/1.0\r\nHost: f.up.example\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.")
    assert site.parent.lines() == ["CONNECT e.up.example:443 HTTP/1.1", "CONNECT f.up.example:80 HTTP/1.1"]
    assert site.parent.fields("host") == ["e.up.example:443", "f.up.example:80"]
    assert site.parent.fields("via") == ["1.1 gatehouse"] * 2
    assert not site.names.asked


def test_octets_behind_its_answer_are_the_servers(site):
    site.parent.say["g.up.example:443"] = b"HTTP/1.0 200 Connection established\r\nContent-Length: 3\r\n\r\nfrom the server"
    status, tunnel = site.tunnel("g.up.example:443")
    assert status == 200
    with tunnel:
        data = b""
        while more := tunnel.recv(100):
            data += more
    assert data == b"from the server"


def test_an_address_that_a_client_writes_is_told_to_it(site):
    status, tunnel = site.tunnel("9.9.9.9:443")
    tunnel.close()
    assert status == 502
    assert site.parent.lines() == ["CONNECT 9.9.9.9:443 HTTP/1.1"]


def test_only_its_own_name_is_asked_for(site):
    assert site.ask("http://a.named.example/")[0] == 200
    assert code5(site, "b.named.example", 80) == SUCCEEDED
    assert site.parent.lines() == ["GET http://a.named.example/ HTTP/1.1", "CONNECT b.named.example:80 HTTP/1.1"]
    assert asked_names(site) <= {"parent.home.example"}


def test_one_that_has_no_address_leads_nowhere(site):
    status, fields, page = site.ask("http://a.lost.example/")
    assert status == 502 and "destination_unavailable" in fields["Proxy-Status"]
    assert "proxy that leads there" in page
    assert asked_names(site) <= {"nowhere.home.example"}


# ---- who we are


def test_it_is_told_who_we_are_and_no_server_is(site):
    fields = {"Proxy-Authorization": "Basic bm90Om9ydXM=", "X-Own": "1"}
    status, _, told = site.ask("http://a.secret.example/", fields=fields)
    assert status == 200 and field(told, "x-own") == ["1"] and not field(told, "proxy-authorization")
    assert code5(site, "b.secret.example", 80) == SUCCEEDED
    assert site.secret.fields("proxy-authorization") == [BASIC, BASIC]


def test_its_407_is_never_ours(site):
    status, fields, page = site.ask("http://a.wrong.example/")
    assert status == 502 and "proxy_configuration_error" in fields["Proxy-Status"]
    assert "Proxy-Authenticate" not in fields and "secret" not in page
    line = line_of(site, "a.wrong.example")
    assert line["cause"] == "upstream-sign-in" and line["upstream"] == f"{HERE}:3200"
    said = connect(site, "b.wrong.example:443")
    assert said.startswith(b"HTTP/1.1 502 ") and b"proxy_configuration_error" in said
    assert b"roxy-authenticate" not in said.lower() and b"secret" not in said
    line = line_of(site, "b.wrong.example:443")
    assert line["cause"] == "upstream-sign-in" and line["upstream_status"] == 407
    assert code5(site, "c.wrong.example", 443) == FAILED
    assert servers(site, "*.wrong.example")[f"{HERE}:3200"]["last_error"] in ("upstream-sign-in", "sign-in")


# ---- what it refuses


@pytest.mark.parametrize(
    ("said", "status", "error", "cause", "code"),
    [
        (b"HTTP/1.1 403 No\r\n\r\n", 403, "http_request_denied", "upstream-refused", NOT_ALLOWED),
        (b"HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\nnoon", 502, "destination_unavailable", "upstream-failed", UNREACHABLE),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", 502, "http_protocol_error", "upstream-format", FAILED),
        (b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", 502, "http_protocol_error", "upstream-format", FAILED),
        (b"SSH-2.0-x\r\n", 502, "http_protocol_error", "upstream-format", FAILED),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 8000, 502, "http_protocol_error", "upstream-format", FAILED),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 4000, 502, "http_protocol_error", "upstream-format", FAILED),
        (b"HTTP/1.1 200 OK\r\nA", 502, "connection_terminated", "back-closed", UNREACHABLE),
    ],
    ids=["forbidden", "unavailable", "no-proxy", "another-protocol", "no-http", "endless", "endless-interim", "torn"],
)
def test_what_it_says_in_place_of_leading_on_is_told_by_its_kind(site, request, said, status, error, cause, code):
    host = f"{request.node.callspec.id}.up.example"
    site.parent.say[f"{host}:443"] = said
    answer = connect(site, f"{host}:443")
    assert answer.split()[1] == str(status).encode()
    assert error.encode() in answer
    assert line_of(site, f"{host}:443")["cause"] == cause
    assert code5(site, host, 443) == code


def test_one_that_says_nothing_is_not_waited_for(site):
    site.parent.silent.add("i.up.example:443")
    began = time.monotonic()
    answer = connect(site, "i.up.example:443")
    assert answer.startswith(b"HTTP/1.1 504 ") and b"connection_timeout" in answer
    assert 1.5 < time.monotonic() - began < 10
    assert line_of(site, "i.up.example:443")["cause"] == "upstream-time"


def test_one_that_nobody_serves_is_told_so(site):
    status, fields, page = site.ask("http://a.dead.example/")
    assert status == 502 and "destination_unavailable" in fields["Proxy-Status"]
    assert "proxy that leads there" in page
    assert code5(site, "a.dead.example", 443) == REFUSED
    line = line_of(site, "a.dead.example")
    assert line["cause"] == "connect-failed" and line["upstream"] == f"{HERE}:3999"
    told = servers(site, "*.dead.example")[f"{HERE}:3999"]
    assert told["state"] == "down" and told["last_error"] == "connect-failed" and told["down_ms"] >= 0
    assert not site.names.asked


# ---- several


def metric(site, name, server):
    _, text = site.service.control("GET", "/metrics")
    found = [line for line in text.splitlines() if line.startswith(f"gatehouse_forward_proxy_upstream_{name}{{") and f'server="{server}"' in line]
    return sum(float(line.split()[-1]) for line in found)


def test_the_next_one_is_asked_where_one_is_dead_and_that_one_again_when_it_lives(site):
    first, second = site.two[:2]
    assert site.ask("http://a.two.example/")[0] == 200
    assert len(first.asked) == 1 and not second.asked
    first.stop()
    # Connections that were kept end with what runs: begin anew.
    site.reload()
    for _ in range(6):
        assert site.ask("http://b.two.example/")[0] == 200
        assert code5(site, "c.two.example", 80) == SUCCEEDED
    assert len(second.asked) == 12
    told = servers(site, "*.two.example")[f"{HERE}:3301"]
    assert told["state"] == "down"
    # It was tried once in each pause, and not by each request.
    assert 1 <= told["errors"] <= 6
    assert metric(site, "up", f"{HERE}:3301") == 0 and metric(site, "errors_total", f"{HERE}:3301") == told["errors"]
    first.start()
    first.asked.clear()
    wait_for(lambda: site.ask("http://d.two.example/")[0] == 200 and first.asked)
    wait_for(lambda: servers(site, "*.two.example")[f"{HERE}:3301"]["state"] == "up")
    second.asked.clear()
    assert site.ask("http://e.two.example/")[0] == 200
    assert not second.asked
    assert not site.names.asked


def test_the_next_one_is_asked_where_one_does_not_take_us(site):
    first, second = site.two[:2]
    first.say["f.two.example:80"] = b"HTTP/1.1 502 Bad\r\n\r\n"
    assert code5(site, "f.two.example", 80) == SUCCEEDED
    assert second.lines() == ["CONNECT f.two.example:80 HTTP/1.1"]
    assert servers(site, "*.two.example")[f"{HERE}:3301"]["state"] == "up"
    # But a word of it is its word.
    first.say["g.two.example:80"] = b"HTTP/1.1 403 No\r\n\r\n"
    assert code5(site, "g.two.example", 80) == NOT_ALLOWED
    assert len(second.asked) == 1


def test_each_has_its_turn(site):
    for n in range(10):
        assert site.ask(f"http://a{n}.turn.example/")[0] == 200
    assert (len(site.two[1].asked), len(site.two[2].asked)) == (5, 5)


def test_directly_only_where_that_is_said(site):
    site.names.zone["a.else.example"] = [WEB[0]]
    site.names.zone["inside.else.example"] = ["10.0.0.10"]
    fell = site.metric("upstream_direct_total")
    for _ in range(3):
        assert site.ask("http://a.else.example/")[0] == 200
    assert code5(site, "a.else.example", 80) == SUCCEEDED
    assert "a.else.example" in asked_names(site)
    assert site.metric("upstream_direct_total") > fell
    # What holds for direct ways holds now.
    assert site.ask("http://inside.else.example/")[0] == 403
    assert code5(site, "inside.else.example", 80) == NOT_ALLOWED
    assert site.ask("http://absent.else.example/")[0] == 502
    wait_for(lambda: servers(site, "*.else.example")[f"{HERE}:3998"]["errors"] >= 1)


def test_the_fall_to_direct_within_one_request_is_judged_like_any(site):
    """The server is up as far as is known, and the request finds out that it is not."""
    site.names.zone["b.else.example"] = [WEB[0]]
    site.names.zone["inside2.else.example"] = ["10.0.0.10"]
    for host, status in (("b", 200), ("inside2", 403), ("absent2", 502)):
        time.sleep(1.1)  # its pause is over
        errors = servers(site, "*.else.example")[f"{HERE}:3998"]["errors"]
        assert site.ask(f"http://{host}.else.example/")[0] == status
        assert servers(site, "*.else.example")[f"{HERE}:3998"]["errors"] == errors + 1


REFUSALS = {
    "page": b"HTTP/1.1 302 Found\r\nLocation: http://blocked.example/\r\n\r\n",
    "shown": b"HTTP/1.1 404 No such domain\r\nContent-Length: 0\r\n\r\n",
    "another": b"HTTP/1.1 407 Not you\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("how", REFUSALS)
def test_what_it_refuses_to_one_is_not_gone_to_without_it_by_anybody(site, how):
    """A filter that shows a page of its own, or asks for somebody else: it was reached, and one client's request takes it from nobody."""
    site.names.zone[f"{how}.judges.example"] = site.names.zone["good.judges.example"] = [WEB[0]]
    assert site.ask("http://good.judges.example/")[0] == 200
    site.judge.say[f"{how}.judges.example:80"] = REFUSALS[how]
    for _ in range(3):
        assert code5(site, f"{how}.judges.example", 80) == FAILED
    assert servers(site, "*.judges.example")[f"{HERE}:3304"]["state"] == "up"
    assert site.ask("http://good.judges.example/")[0] == 200
    assert site.judge.lines()[-1] == "GET http://good.judges.example/ HTTP/1.1"
    assert not site.names.asked


def test_a_servers_407_says_nothing_of_the_proxy_that_leads_there(site):
    site.names.zone["evil.judges.example"] = site.names.zone["good.judges.example"] = [WEB[0]]
    assert site.ask("http://good.judges.example/")[0] == 200
    site.judge.say["http://evil.judges.example/"] = REFUSALS["another"]
    assert site.ask("http://evil.judges.example/")[0] == 502
    assert servers(site, "*.judges.example")[f"{HERE}:3304"]["state"] == "up"
    assert site.ask("http://good.judges.example/")[0] == 200
    assert not site.names.asked


# ---- TLS


def test_what_is_said_to_it_by_tls_nobody_reads(site):
    status, _, told = site.ask("http://a.tls.example/")
    assert status == 200 and not field(told, "proxy-authorization")
    assert code5(site, "b.tls.example", 80) == SUCCEEDED
    assert site.secure.lines() == ["GET http://a.tls.example/ HTTP/1.1", "CONNECT b.tls.example:80 HTTP/1.1"]
    assert site.secure.fields("proxy-authorization") == [BASIC, BASIC]
    assert asked_names(site) <= {"secure.example"}


def test_tls_of_a_client_goes_through_tls_to_it(site):
    site.serve(WEB[0], 443, site.tls("c.tls.example"))
    trusted = ssl.create_default_context(cafile=str(site.authority.pem))
    status, tunnel = site.tunnel("c.tls.example:443")
    assert status == 200
    with trusted.wrap_socket(tunnel, server_hostname="c.tls.example") as s:
        body = b"x" * 300000
        s.sendall(b"POST / HTTP/1.0\r\nHost: c.tls.example\r\nContent-Length: 300000\r\n\r\n" + body)
        data = b""
        while more := s.recv(1 << 16):
            data += more
    assert body in data


@pytest.mark.parametrize("name", ["a.other.example", "a.system.example"], ids=["another-name", "another-authority"])
def test_one_with_a_wrong_certificate_is_told_nothing(site, name):
    status, fields, page = site.ask(f"http://{name}/")
    assert status == 502 and "Proxy-Status" in fields and "proxy that leads there" in page
    assert code5(site, name, 443) != SUCCEEDED
    assert not site.secure.asked
    assert line_of(site, name)["cause"] == "back-certificate"
    to = "*" + name[1:]
    assert [server["state"] for server in servers(site, to).values()] == ["down"]


# ---- what does not go there


def test_exceptions_and_the_inside_are_gone_to_directly(site):
    site.names.zone["direct.up.example"] = [WEB[0]]
    assert site.ask("http://direct.up.example/")[0] == 200
    reload_all(site, f"  upstreams: [{{http: {HERE}, except: [\"*.own.example\"]}}]\n")
    try:
        site.names.zone["a.own.example"] = [WEB[0]]
        assert site.ask("http://a.own.example/")[0] == 200
        assert not site.parent.asked
        assert site.ask("http://b.example/")[0] == 200
        assert len(site.parent.asked) == 1
        # An address of the inside that may be gone to: nobody answers there, and nobody else is asked.
        assert site.ask("http://10.0.0.77:8080/")[0] in (502, 504)
        assert len(site.parent.asked) == 1
    finally:
        site.reload()


@pytest.mark.parametrize("to", ["127.0.0.1", "localhost", "10.0.0.1", "::1", "169.254.169.254"])
def test_it_leads_not_into_the_inside_either(site, to):
    reload_all(site, f"  upstreams: [{{http: {HERE}}}]\n")
    try:
        assert code5(site, to, 80) == NOT_ALLOWED
        host = f"[{to}]" if ":" in to else to
        assert site.ask(f"http://{host}/")[0] == 403
        assert not site.parent.asked
    finally:
        site.reload()


def test_rules_and_names_hold_for_what_it_leads_to(site):
    site.reload("  access:\n    rules:\n      - {action: deny, to: bad.up.example}\n")
    try:
        assert site.ask("http://bad.up.example/")[0] == 403
        assert code5(site, "bad.up.example", 443) == NOT_ALLOWED
        assert not site.parent.asked
        assert site.ask("http://good.up.example/")[0] == 200
    finally:
        site.reload()


def test_levels_of_privacy_hold_for_it_too(site):
    site.reload("  privacy: {level: anonymous}\n")
    try:
        assert site.ask("http://a.up.example/", fields={"Via": "1.0 mine"})[0] == 200
        assert code5(site, "b.up.example", 80) == SUCCEEDED
        assert len(site.parent.asked) == 2 and not site.parent.fields("via")
    finally:
        site.reload()


def test_what_is_known_of_it_outlives_a_reload(site):
    site.ask("http://a.up.example/")
    before = servers(site, "*.up.example")[f"{HERE}:3128"]
    assert before["requests"] >= 1 and before["latency_us"] > 0
    site.reload()
    assert servers(site, "*.up.example")[f"{HERE}:3128"]["requests"] == before["requests"]
    assert metric(site, "requests_total", f"{HERE}:3128") >= before["requests"]


def test_it_may_be_spoken_to_by_ipv6(site):
    parent = Parent(site.web, WEB6[2])
    try:
        reload_all(site, '  upstreams: [{http: "[2a00:9::12]:3128"}]\n')
        assert site.ask("http://a.six.example/")[0] == 200
        assert parent.lines() == ["GET http://a.six.example/ HTTP/1.1"]
    finally:
        parent.stop()
        site.reload()
