"""Who the reverse proxy lets in: addresses, rates, names and passwords, lengths of bodies, careful fields. One service
and one server for all tests; each asks a route of its own."""

import base64
import threading

import pytest

import topology
from proxy_servers import Client, Server, field
from service import Service

# "right" by SHA-512 crypt; the second one has so many rounds that a wrong password takes long.
ANN = "$6$rounds=5000$saltsalt$gzY3OAolfMFSB9Ld7iMdOQlViFqO3IOPeU0zkHsD.58tcMxRAFD0Qjfi2sjus3i.8aqWarEvFPREqzp18Jm291"
BOB = "$6$rounds=400000$saltsalt$UOxkLdm3kJ7JqgQ0BoWX/c5OZUCZ4aBYMDDFhhXXW3j1dEGT97W8F2w7QawuTj.KqGnAYhufW.BYgUV5BTxM3/"
CONFIG = """global:
  log: {level: info}
reverse-proxy:
  listen: 127.0.0.1:8080
  workers: 1
  trusted: [127.0.0.9]
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
    - {host: body.home.arpa, to: "127.0.0.1:9001", body-max: 100}
    - {host: secure.home.arpa, to: "127.0.0.1:9001", guard: {secure: yes}}
    - {host: secure.home.arpa, path: /own, answer: {status: 200, body: text}, guard: {secure: yes}}
"""


class Site:
    def __init__(self, net):
        self.host = net.host("guard")
        with self.host.inside():
            self.server = Server("a", 9001)
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


def test_a_body_that_is_too_long_is_refused(site):
    assert site.ask("body", method="POST", body="x" * 100)[0] == 200
    assert site.ask("body", method="POST", body="x" * 101)[0] == 413
    # The server does not answer before the body has come.
    assert site.ask("body", "/slow", method="POST", body=iter([b"x" * 101]))[0] == 413
    site.server.release.set()


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
