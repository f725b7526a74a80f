"""Destinations that are gone to by a proxy of others: by which, what it is told, what nobody else is told, its refusals."""

import contextlib
import socket
import struct
import threading

import pytest

from forward_site import WEB, Site
from test_forward_socks import NOT_ALLOWED, REFUSED, SUCCEEDED, UNREACHABLE, Association, EchoDatagrams, ask5, code5

OTHER = WEB[4]  # where the other proxy is


class Socks:
    """A SOCKS 5 server. names: where it leads; refuse: by name, a code. asked: (user, password, target, port)."""

    def __init__(self, host, port, users=None):
        self.host, self.users, self.asked, self.refuse, self.connections = host, users, [], {}, 0
        with host.inside():
            self.socket = socket.create_server((OTHER, port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                self.connections += 1
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        read = connection.makefile("rb").read
        with contextlib.suppress(OSError, struct.error, IndexError), connection:
            methods = read(read(2)[1])
            method = 2 if self.users else 0
            if method not in methods:
                connection.sendall(b"\5\xff")
                return
            connection.sendall(bytes([5, method]))
            user = password = None
            if method == 2:
                user = read(read(2)[1])
                password = read(read(1)[0])
                right = self.users.get(user) == password
                connection.sendall(bytes([1, 0 if right else 1]))
                if not right:
                    return
            kind = read(4)[3]
            target = read(read(1)[0]).decode() if kind == 3 else socket.inet_ntop(socket.AF_INET if kind == 1 else socket.AF_INET6, read(4 if kind == 1 else 16))
            (port,) = struct.unpack("!H", read(2))
            self.asked.append((user, password, target, port))
            code = self.refuse.get(target, 0)
            connection.sendall(bytes([5, code, 0, 3, 2]) + b"me" + b"\0\1")
            if code == 0:
                self.lead(connection, port)

    def lead(self, connection, port):
        with self.host.inside():
            there = socket.create_connection((WEB[0], port), 10)
        with there:
            def back():
                with contextlib.suppress(OSError):
                    while data := there.recv(1 << 16):
                        connection.sendall(data)
                    connection.shutdown(socket.SHUT_WR)

            reader = threading.Thread(target=back, daemon=True)
            reader.start()
            while data := connection.recv(1 << 16):
                there.sendall(data)
            there.shutdown(socket.SHUT_WR)
            reader.join(10)

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


UPSTREAMS = f"""  upstreams:
    - {{to: [direct.onion]}}
    - {{to: ["*.onion", 198.51.100.0/24], socks: {OTHER}}}
    - {{to: secret.example.com, socks: "{OTHER}:1081", user: us, password: "the word"}}
    - {{to: wrong.example.com, socks: "{OTHER}:1081", user: us, password: wrong}}
    - {{to: dead.example.com, socks: "{OTHER}:1082"}}
"""


@pytest.fixture(scope="module")
def site(janitor_process):
    made = None
    try:
        made = Site(UPSTREAMS)
        made.config += UPSTREAMS
        made.origin = made.serve()
        made.onion = Socks(made.web, 1080)
        made.secret = Socks(made.web, 1081, {b"us": b"the word"})
        made.started += [made.onion, made.secret]
        yield made
    finally:
        if made:
            made.close()


@pytest.fixture(autouse=True)
def fresh(site):
    site.names.asked.clear()
    site.onion.asked.clear()
    site.secret.asked.clear()
    site.onion.refuse.clear()


def test_a_name_is_told_to_the_other_proxy_and_to_nobody_else(site):
    status, _, told = site.ask("http://a.onion/x")
    assert status == 200 and told["target"] == "/x" and ["host", "a.onion"] in told["fields"]
    status, tunnel = site.tunnel("b.onion:443")
    tunnel.close()
    assert status in (200, 502)  # nobody listens there
    code, connection = ask5(site, "c.onion", 80)
    assert code == SUCCEEDED
    with connection:
        connection.sendall(b"GET /y HTTP/1.0\r\nHost: c.onion\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.")
    assert [(target, port) for _, _, target, port in site.onion.asked] == [("a.onion", 80), ("b.onion", 443), ("c.onion", 80)]
    assert not site.names.asked


def test_its_connections_are_kept_for_that_name(site):
    client = site.connect()
    for _ in range(3):
        assert site.ask("http://kept.onion/", connection=client)[0] == 200
    client.close()
    assert [target for _, _, target, _ in site.onion.asked] == ["kept.onion"]


def test_it_is_told_who_we_are(site):
    assert site.ask("http://secret.example.com/")[0] == 200
    assert site.secret.asked == [(b"us", b"the word", "secret.example.com", 80)]
    assert not site.names.asked
    assert site.ask("http://wrong.example.com/")[0] == 502
    assert len(site.secret.asked) == 1


def test_what_none_fits_is_gone_to_directly_and_so_are_exceptions(site):
    site.names.zone["direct.onion"] = [WEB[0]]
    assert site.ask("http://www.example.com/")[0] == 200
    assert site.ask("http://direct.onion/")[0] == 200
    assert not site.onion.asked
    assert "direct.onion" in {name for name, _ in site.names.asked}


def test_what_it_refuses_is_told_by_its_kind(site):
    site.onion.refuse.update({"refused.onion": 5, "absent.onion": 4, "forbidden.onion": 2})
    assert site.ask("http://refused.onion/")[0] == 502
    assert code5(site, "refused.onion", 80) == REFUSED
    assert code5(site, "absent.onion", 80) == UNREACHABLE
    assert code5(site, "forbidden.onion", 80) == NOT_ALLOWED
    assert code5(site, "dead.example.com", 80) == REFUSED
    assert not site.names.asked


@pytest.mark.parametrize("to", ["127.0.0.1", "localhost", "10.0.0.1", "::1"])
def test_it_leads_not_into_the_inside_either(site, to):
    assert code5(site, to, 80) == NOT_ALLOWED
    assert not site.onion.asked


def test_rules_hold_for_what_it_leads_to(site):
    site.reload("  access:\n    rules:\n      - {action: deny, to: bad.onion}\n      - {action: deny, to: 203.0.113.0/24}\n")
    try:
        assert site.ask("http://bad.onion/")[0] == 403
        # Whether its address is one of those is never known: it is taken for the worse.
        assert site.ask("http://any.onion/")[0] == 403
        assert not site.onion.asked and not site.names.asked
        assert site.ask("http://www.example.com/")[0] == 200
    finally:
        site.reload()
    assert site.ask("http://any.onion/")[0] == 200


def test_no_datagram_goes_there_another_way(site):
    echo = EchoDatagrams(site.web, WEB[0], 5301)
    site.started.append(echo)
    site.names.zone["datagrams.onion"] = [WEB[0]]
    with Association(site) as a:
        a.send("datagrams.onion", 5301, b"leak")
        assert a.silent((WEB[0], 5301))
    assert not [data for data, _ in echo.got if data == b"leak"]
    assert not site.names.asked
