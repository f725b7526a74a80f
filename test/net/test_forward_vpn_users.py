"""The tunnels' users at the forward proxy: by name, password and code, and at a tunnel where somebody has signed in without a password.
The policy's groups by peer and by user hold there. The site is that of test_vpn_signin.py, with curl on both sides.
"""

import contextlib
import os
import shutil
import signal
import socket
import time
from pathlib import Path

import pytest

import topology
from test_vpn_signin import CONFIG, PASSWORD, Browser, Site, code_of, until, wg

MORE = """
policy:
  groups:
    phones: {clients: {peers: ["pho*"]}}
    annas: {clients: {users: [anna]}}
  rules:
    - {groups: [phones], names: ["||phone.example^"]}
    - {groups: [annas], names: ["||anna.example^"]}
forward-proxy:
  listen: [{address: 10.9.0.1}, {address: 10.20.0.1}, {address: "10.20.0.1:1081", socks: v5, udp: yes}]
  clients: [10.9.0.0/24, 10.20.0.0/24]
  resolver: 127.0.0.9
  workers: 1
  policy: on
  access:
    vpn-users: %s
    clear-passwords: yes
    otherwise: sign-in
    rules: [{action: deny, users: [anna], to: rule.example}]
"""


class People(Site):
    mode = "code"

    def text(self, **options):
        base = CONFIG.replace("vpn:\n", "vpn:\n  serve-users: yes\n", 1).replace("$PHONE", wg("pubkey", stdin=self.key))
        base = base.replace("$SESSION", "12h").replace("$IDLE", "0").replace("$ROAMING", "browser-proof")
        return base + MORE.replace("%s", self.mode)

    def asks(self, host, name, credentials=None, source=None):
        """The status that the proxy answers with."""
        proxy = "10.9.0.1" if host is self.phone else "10.20.0.1"
        words = ["--proxy-user", credentials] if credentials else []
        words += ["--interface", source] if source else []
        done = host.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-m", "15", *words,
                        "-x", f"http://{proxy}:3128", f"http://{name}/")  # fmt: skip
        return int(done.stdout)

    def passes_as(self, credentials):
        """Signed in: it goes on to the DNS, where nobody is."""
        return self.asks(self.lan, "free.example", credentials) not in (407, 403, 503)


@pytest.fixture(scope="module")
def site():
    reason = topology.why_not()
    if not reason and not Path("/dev/net/tun").exists():
        reason = "this machine has no TUN devices"
    if not reason and not shutil.which("wireguard-go"):
        reason = "there is no wireguard-go"
    if reason:
        pytest.skip(reason)
    made = People()
    until(lambda: made.asks(made.lan, "free.example", "nobody:password") == 407)  # before the users are told it is 503
    made.secret = made.user("add", "anna", "--password-stdin", stdin=PASSWORD + "\n")["secret"]
    yield made
    assert made.close() == []


def test_a_user_of_the_tunnels_signs_in_with_password_and_code(site):
    assert site.asks(site.lan, "free.example") == 407
    assert site.asks(site.lan, "free.example", "anna:" + PASSWORD) == 407  # without a code
    site.first = f"anna:{PASSWORD}{code_of(site.secret)}"
    assert site.passes_as(site.first)
    # It is one sign-in: the code is not asked for with each request.
    time.sleep(1)
    assert site.passes_as(site.first) and site.passes_as(site.first)
    assert site.asks(site.lan, "anna.example", site.first) == 403  # the policy's group by user
    assert site.asks(site.lan, "rule.example", site.first) == 403  # and the proxy's own rule
    assert site.user("show", "anna")["factor"] == "active"


def test_who_signed_in_at_the_tunnel_needs_no_password(site):
    assert not site.passes(site.phone)
    browser = Browser(site.phone)
    assert browser.sign_in("anna", PASSWORD, code_of(site.secret, 1))[0] in (200, 303)
    until(lambda: site.passes(site.phone))
    until(lambda: site.asks(site.phone, "free.example") not in (407, 403))
    assert site.asks(site.phone, "phone.example") == 403 and site.asks(site.phone, "anna.example") == 403
    assert site.asks(site.phone, "rule.example") == 403
    why = site.run.control("GET", "/why?client=10.9.0.2&url=http://rule.example/", "forward-proxy")[1]
    assert (why["user"], why["verdict"], why["why"], why["rule"]) == ("anna", "refused", "rule", 1), why
    told = site.run.control("GET", "/who?client=10.9.0.2", "policy")[1]
    assert (told["peer"], told["user"], told["groups"]) == ("phone", "anna", ["phones", "annas"])
    browser.send("/sign-out")
    until(lambda: "user" not in site.run.control("GET", "/who?client=10.9.0.2", "policy")[1])
    assert site.run.control("GET", "/who?client=10.9.0.2", "policy")[1]["groups"] == ["phones"]


def test_another_password_ends_what_was_found_right(site):
    assert site.passes_as(site.first)
    site.user("passwd", "anna", "--password-stdin", stdin="another password\n")
    assert site.asks(site.lan, "free.example", site.first) == 407  # from that answer on


def test_wrong_ones_are_held_up_until_an_administrator_unlocks(site):
    site.mode = "password"
    site.run.reload(site.text())
    time.sleep(2)
    assert site.passes_as("anna:another password")
    site.lan.ip("addr", "add", "10.20.0.3/24", "dev", site.lan.ip("-o", "addr", "show", "to", "10.20.0.2").split()[1])
    with site.run.watching("vpn") as events:
        for guess in ("one", "two", "three"):
            assert site.asks(site.lan, "free.example", f"anna:wrong {guess}", "10.20.0.3") == 407
        until(lambda: [e["cause"] for e in events() if e["event"] == "sign-in refused"].count("password") == 3)
    # Whoever guessed is not looked at, right or not, as at the page; the user elsewhere is not held up by it.
    assert site.asks(site.lan, "free.example", "anna:another password", "10.20.0.3") == 407
    assert site.passes_as("anna:another password")
    assert site.user("unlock", "anna") == {"unlocked": "anna"}
    time.sleep(4)  # what was just found wrong is not asked again at once
    assert site.asks(site.lan, "free.example", "anna:another password", "10.20.0.3") not in (403, 407)


def associate(site, name, password):
    """The connection that an association of SOCKS lasts as long as."""
    with site.lan.inside():
        connection = socket.create_connection(("10.20.0.1", 1081), 10)
    connection.sendall(b"\5\1\2")
    assert connection.recv(2) == b"\5\2"
    connection.sendall(bytes([1, len(name), *name, len(password), *password]))
    assert connection.recv(2) == b"\1\0"
    connection.sendall(b"\5\3\0\1" + bytes(6))
    assert connection.recv(10).startswith(b"\5\0\0\1")
    return connection


def test_a_user_who_is_gone_is_nobody(site):
    assert site.passes_as("anna:another password")
    with associate(site, b"anna", b"another password") as association:
        association.settimeout(1)
        with contextlib.suppress(TimeoutError):
            raise AssertionError(association.recv(1))
        site.user("set", "anna", "--disabled", "on")
        assert site.asks(site.lan, "free.example", "anna:another password") == 407
        association.settimeout(10)
        with contextlib.suppress(ConnectionResetError):
            assert association.recv(1) == b""
    site.user("set", "anna", "--disabled", "off")
    assert site.user("remove", "anna") == {"removed": "anna"}
    assert site.asks(site.lan, "free.example", "anna:another password") == 407


@contextlib.contextmanager
def held_up(site):
    """The tunnels' service answers nobody, and is there again."""
    pid = site.pid()
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def unreachable(site):
    path = site.run.run_folder / "vpn.users"
    aside = path.with_suffix(".aside")
    path.rename(aside)
    try:
        yield
    finally:
        aside.rename(path)


@pytest.mark.parametrize("down", [unreachable, held_up])
def test_a_service_that_does_not_answer_makes_nobodys_password_wrong(site, down):
    name = "untold" if down is unreachable else "silent"
    site.user("add", name, "--password-stdin", stdin=PASSWORD + "\n")
    # More than are let be wrong (attempts: 10, then one each 10 s), of which none is.
    tries = 15 if down is unreachable else 1
    with down(site):
        for n in range(tries):
            assert site.asks(site.lan, "free.example", f"{name}:right or wrong {n}") == 503, n
        page = site.lan.run("curl", "-s", "-D", "-", "-m", "15", "--proxy-user", f"{name}:other", "-x", "http://10.20.0.1:3128", "http://free.example/").stdout
        assert "does not answer now" in page and "retry-after: 10" in page.lower() and "proxy-authenticate" not in page.lower()
        assert "error=proxy_internal_response" in page
        # What was waited for once is not waited for again by each who asks: other users' passwords wait behind that.
        begun = time.monotonic()
        assert [site.asks(site.lan, "free.example", f"{name}:again {n}") for n in range(3)] == [503] * 3
        assert time.monotonic() - begun < 4
    until(lambda: site.passes_as(f"{name}:{PASSWORD}"))
    assert site.asks(site.lan, "free.example", f"{name}:wrong") == 407
