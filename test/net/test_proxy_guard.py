"""Who the reverse proxy lets in: addresses, rates, names and passwords, lengths of bodies, careful fields. One service
and one server for all tests; each asks a route of its own."""

import base64
import contextlib
import http.client
import http.server
import threading

import pytest

import topology
from proxy_servers import Client, Server, field, wait_for
from service import Service

# "right" by SHA-512 crypt; the second one has so many rounds that a wrong password takes long.
ANN = "$6$rounds=5000$saltsalt$gzY3OAolfMFSB9Ld7iMdOQlViFqO3IOPeU0zkHsD.58tcMxRAFD0Qjfi2sjus3i.8aqWarEvFPREqzp18Jm291"
BOB = "$6$rounds=400000$saltsalt$UOxkLdm3kJ7JqgQ0BoWX/c5OZUCZ4aBYMDDFhhXXW3j1dEGT97W8F2w7QawuTj.KqGnAYhufW.BYgUV5BTxM3/"
CONFIG = """global:
  log: {level: info}
reverse-proxy:
  listen: 127.0.0.1:8080
  workers: 1
  limits: {client-connections: 20}
  trusted: [127.0.0.9]
  pools: {signin: "127.0.0.1:9003", dead: "127.0.0.1:9004"}
  guard: {deny: [192.0.2.0/24, "2001:db8::/32"]}
  routes:
    - {host: deny.home.arpa, to: "127.0.0.1:9001"}
    - {host: allow.home.arpa, to: "127.0.0.1:9001", guard: {allow: 198.51.100.0/24, deny: 198.51.100.7}}
    - {host: client.home.arpa, to: "127.0.0.1:9001", guard: {rate: {limit: 3/h}}}
    - {host: route.home.arpa, to: "127.0.0.1:9001", guard: {rate: {limit: 1/h, burst: 2, by: route}}}
    - {host: key.home.arpa, to: "127.0.0.1:9001", guard: {rate: {limit: 1/m, by: header X-Key}}}
    - {host: cookie.home.arpa, to: "127.0.0.1:9001", guard: {rate: {limit: 2/m, by: cookie id}}}
    - host: basic.home.arpa
      to: 127.0.0.1:9001
      request: {set: ["X-User: {user}"]}
      guard: {basic: {realm: the works, users: {ann: "ANN", bob: "BOB"}}}
    - host: forward.home.arpa
      to: 127.0.0.1:9001
      guard: {forward: {to: signin, path: /verify, host: signin.home.arpa, timeout: 300ms, copy: [X-User]}}
    - {host: dead.home.arpa, to: "127.0.0.1:9001", guard: {forward: dead}}
    - {host: body.home.arpa, to: "127.0.0.1:9001", body-max: 100}
    - {host: secure.home.arpa, to: "127.0.0.1:9001", guard: {secure: yes}}
    - {host: secure.home.arpa, path: /own, answer: {status: 200, body: text}, guard: {secure: yes}}
"""


class SignIn(http.server.BaseHTTPRequestHandler):
    """Who is asked: says what the Authorization field says."""

    protocol_version = "HTTP/1.1"
    asked, release = [], threading.Event()

    def do_GET(self):
        self.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        word = self.headers.get("Authorization", "401")
        if word == "hang":
            self.release.wait(10)
            word = "200"
        self.send_response(int(word))
        if word == "200":
            self.send_header("X-User", "ann")
        if word == "302":
            self.send_header("Location", "https://signin.home.arpa/")
            self.send_header("X-Inner", "secret")
        if word == "401":
            self.send_header("WWW-Authenticate", "Bearer")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


class Site:
    def __init__(self, net):
        self.host = net.host("guard")
        with self.host.inside():
            self.server = Server("a", 9001)
            self.signin = http.server.ThreadingHTTPServer(("127.0.0.1", 9003), SignIn)
            self.signin.daemon_threads = True
        threading.Thread(target=self.signin.serve_forever, args=(0.05,), daemon=True).start()
        self.service = Service(self.host, "reverse-proxy", CONFIG.replace("ANN", ANN).replace("BOB", BOB)).start()

    def ask(self, name, path="/", behind=None, **options):
        """behind: the client's address, told by a proxy that is trusted."""
        if behind:
            options["X_Forwarded_For"] = behind
        client = Client(self.host, source="127.0.0.9" if behind else "127.0.0.1")
        try:
            return client.ask(path, host=f"{name}.home.arpa", **options)
        finally:
            client.close()


@pytest.fixture(scope="module")
def site(janitor_process):
    net = topology.Net()
    try:
        made = Site(net)
        yield made
        made.server.stop()
        SignIn.release.set()
        made.signin.shutdown()
        made.signin.server_close()
    finally:
        assert not net.close()


def basic(name, password):
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def test_who_is_denied_by_address_gets_403_and_no_server_is_asked(site):
    seen = site.server.seen
    for address in ("192.0.2.5", "2001:db8::7"):
        assert site.ask("deny", behind=address)[0] == 403
    assert site.server.seen == seen
    assert site.ask("deny", behind="192.0.3.5")[0] == 200
    # A stranger cannot give himself another address.
    assert site.ask("allow", X_Forwarded_For="198.51.100.1")[0] == 403


def test_a_route_of_its_own_guard_does_not_have_the_sections(site):
    assert site.ask("allow", behind="198.51.100.1")[0] == 200
    assert site.ask("allow", behind="198.51.100.7")[0] == 403
    assert site.ask("allow", behind="203.0.113.1")[0] == 403


def test_a_rate_is_each_clients_own_and_says_when_to_come_again(site):
    answers = [site.ask("client", behind="198.51.100.1") for _ in range(4)]
    assert [at[0] for at in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[3][1]["Retry-After"]) <= 1200
    assert site.ask("client", behind="198.51.100.2")[0] == 200
    # An IPv6 client is its /64.
    statuses = [site.ask("client", behind=f"2001:db8:1::{i}")[0] for i in range(1, 5)]
    assert statuses == [200, 200, 200, 429]
    assert site.ask("client", behind="2001:db8:1:1::1")[0] == 200


def test_a_rate_of_a_route_counts_all_clients(site):
    statuses = [site.ask("route", behind=f"198.51.100.{i}")[0] for i in range(1, 4)]
    assert statuses == [200, 200, 429]


def test_a_rate_counts_by_field_or_cookie(site):
    assert site.ask("key", X_Key="a")[0] == 200
    assert site.ask("key", X_Key="a")[0] == 429
    assert site.ask("key", X_Key="b")[0] == 200
    for one in ("x", "y"):
        statuses = [site.ask("cookie", Cookie=f"other=1; id={one}")[0] for _ in range(3)]
        assert statuses == [200, 200, 429]


def test_a_name_and_a_password_are_asked_for(site):
    status, fields, _ = site.ask("basic")
    assert status == 401
    assert fields["WWW-Authenticate"] == 'Basic realm="the works", charset="UTF-8"'
    seen = site.server.seen
    for wrong in (
        basic("ann", "wrong"),
        basic("ann", ""),
        basic("nobody", "right"),
        "Basic ====",
        "Bearer x",
    ):
        status, fields, _ = site.ask("basic", Authorization=wrong)
        assert status == 401 and "WWW-Authenticate" in fields
    assert site.server.seen == seen
    for _ in range(2):  # by the hash, then by what is known
        status, _, told = site.ask("basic", Authorization=basic("ann", "right"), X_User="eve")
        assert status == 200 and field(told, "x-user") == ["ann"]


def test_wrong_passwords_hold_nobody_else_up(site):
    assert site.ask("basic", Authorization=basic("ann", "right"))[0] == 200
    statuses = []

    def wrong(number):
        statuses.append(site.ask("basic", Authorization=basic("bob", f"wrong{number}"))[0])

    flood = [threading.Thread(target=wrong, args=(i,)) for i in range(6)]
    for thread in flood:
        thread.start()
    asked = 0
    while any(thread.is_alive() for thread in flood):
        assert site.ask("deny")[0] == 200
        assert site.ask("basic", Authorization=basic("ann", "right"))[0] == 200
        asked += 1
    assert statuses == [401] * 6
    # One worker answered while the hash thread was at it.
    assert asked >= 3


def test_another_server_says_who_is_let_in(site):
    status, _, told = site.ask(
        "forward", "/a?b", method="POST", body="xyz", Authorization="200", X_User="eve", X_Forwarded_Uri="/lie"
    )
    assert status == 200 and field(told, "x-user") == ["ann"] and told["body"] == "xyz"
    path, fields = SignIn.asked[-1]
    assert path == "/verify" and fields["host"] == "signin.home.arpa"
    assert fields["x-forwarded-uri"] == "/a?b" and fields["x-forwarded-method"] == "POST"
    assert fields["x-forwarded-host"] == "forward.home.arpa"
    assert fields["x-forwarded-for"] == "127.0.0.1" and fields["x-forwarded-proto"] == "http"
    assert "content-length" not in fields


def test_whatever_is_no_yes_is_a_no(site):
    seen = site.server.seen
    status, fields, _ = site.ask("forward")
    assert status == 401 and fields["WWW-Authenticate"] == "Bearer"
    status, fields, _ = site.ask("forward", Authorization="302")
    assert (status, fields["Location"]) == (302, "https://signin.home.arpa/")
    assert "X-Inner" not in fields
    assert site.ask("forward", Authorization="404")[0] == 403
    assert site.ask("forward", Authorization="500")[0] == 503
    assert site.ask("forward", Authorization="hang")[0] == 503
    assert site.ask("dead", Authorization="200")[0] == 503
    # A client that does not wait for the answer.
    client = Client(site.host)
    client.http.request("GET", "/", headers={"Host": "forward.home.arpa", "Authorization": "hang"})
    client.close()
    assert site.server.seen == seen
    assert site.ask("forward", Authorization="200")[0] == 200


def test_a_body_that_is_too_long_is_refused(site):
    assert site.ask("body", method="POST", body="x" * 100)[0] == 200
    assert site.ask("body", method="POST", body="x" * 101)[0] == 413
    # The server does not answer before the body has come.
    assert site.ask("body", "/slow", method="POST", body=iter([b"x" * 101]))[0] == 413
    site.server.release.set()


def test_a_client_has_so_many_connections_and_a_trusted_proxy_any(site):
    for source, most in (("127.0.0.7", 20), ("127.0.0.9", 30)):
        kept = [Client(site.host, source=source) for _ in range(most)]
        for client in kept:
            assert client.ask(host="deny.home.arpa")[0] == 200
        with pytest.raises((OSError, http.client.HTTPException)) if most == 20 else contextlib.nullcontext():
            Client(site.host, source=source).ask(host="deny.home.arpa")
        assert site.ask("deny")[0] == 200  # another one
        for client in kept:
            client.close()
    wait_for(lambda: reaches(site, "127.0.0.7"))


def reaches(site, source):
    """Whether a client from there gets an answer."""
    client = Client(site.host, source=source)
    try:
        return client.ask(host="deny.home.arpa")[0] == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        client.close()


def test_answers_get_the_careful_fields(site):
    for path in ("/", "/own"):
        status, fields, _ = site.ask("secure", path)
        assert status == 200
        assert fields["X-Content-Type-Options"] == "nosniff"
        assert fields["X-Frame-Options"] == "SAMEORIGIN"
        assert "Referrer-Policy" in fields and "Permissions-Policy" in fields
        assert "Strict-Transport-Security" not in fields  # it did not come by TLS
    assert site.ask("secure", behind="198.51.100.1", X_Forwarded_Proto="https")[1][
        "Strict-Transport-Security"
    ]
    assert "X-Frame-Options" not in site.ask("deny")[1]
