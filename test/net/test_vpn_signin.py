"""Two factors over a tunnel: a phone with wireguard-go, the page asked as a browser without JavaScript asks it,
and a thief with the phone's key.

    phone 192.0.2.2 --+                      inside: phone 10.9.0.2 -- 10.9.0.1 gate
    thief 192.0.2.3 --+-- net -- gate 192.0.2.1 -- 10.20.0.2 lan
"""

import base64
import hashlib
import hmac
import html
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import time
import urllib.parse
from pathlib import Path

import pytest

import postgres
import service
import topology

PAGE, NAME = "10.9.0.1", "login.vpn.home.arpa"
PASSWORD = "correct horse battery"

CONFIG = """
vpn:
  sign-in:
    name: login.vpn.home.arpa
    session: $SESSION
    idle: $IDLE
    roaming: $ROAMING
    password: {memory: 8K, passes: 1}
    attempts: {user: 3, peer: 20, delay: 1m}
  interfaces:
    wg0:
      addresses: 10.9.0.1/24
      private-key: file:own.key
      peers:
        phone:
          public-key: "$PHONE"
          allowed-ips: 10.9.0.2
          sign-in: required
          users: anna
          roles: staff
"""


def wg(*words, stdin=None):
    done = subprocess.run(["wg", *words], input=stdin, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def user_of(run, *words, stdin=None):
    """gatehouse user …: its JSON, or the exit status when it failed."""
    done = subprocess.run(
        [service.binary(), "user", *words, "--json", "--control", run.run_folder / "vpn.sock"],
        input=stdin, capture_output=True, text=True, check=False, timeout=20,
    )  # fmt: skip
    return json.loads(done.stdout) if done.returncode == 0 else done.returncode


def until(what, patience=20):
    end = time.monotonic() + patience
    while not what():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def code_of(secret, steps=0):
    """RFC 6238 of now, so many steps away."""
    count = struct.pack(">Q", int(time.time()) // 30 + steps)
    mac = hmac.new(base64.b32decode(secret), count, hashlib.sha1).digest()
    at = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[at : at + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


def device_of(host):
    """A name of this run: sockets of wireguard-go lie in one folder for all hosts."""
    return f"{host.name[:2]}{os.getpid() % 10000}"


def socket_of(host):
    return Path(f"/var/run/wireguard/{device_of(host)}.sock")


class Browser:
    """Cookies and forms, asked from a host of the test."""

    def __init__(self, host):
        self.host, self.cookies = host, {}

    def ask(self, method, path, form=None):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with self.host.inside():
            connection = http.client.HTTPSConnection(PAGE, 443, timeout=10, context=context)
            connection.connect()
        headers = {"Host": NAME, "Cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        body = None
        if form is not None:
            body = urllib.parse.urlencode(form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["Origin"] = f"https://{NAME}"
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        for line in answer.headers.get_all("Set-Cookie", []):
            key, value = line.split(";")[0].split("=", 1)
            self.cookies[key] = value
        return answer.status, text

    def send(self, action, **fields):
        """Fills in the form of that action on the page that is shown now."""
        _, page = self.ask("GET", "/")
        return self.send_from(page, action, **fields)

    def send_from(self, page, action, **fields):
        form = re.search(rf'<form[^>]*action="{action}".*?</form>', page, re.S)
        assert form, page
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0])
        return self.ask("POST", action, {k: html.unescape(v) for k, v in hidden} | fields)

    def sign_in(self, user, password, code):
        return self.send("/sign-in", user=user, password=password, code=code)


def without_tokens(page):
    """A page without what is of one form or one typed name alone."""
    return re.sub(r'value="[^"]*"', "", page)


class Site:
    def __init__(self):
        self.net = topology.Net()
        switch = self.net.switch("net")
        self.gate = self.net.router("gate")
        self.lan, self.phone, self.thief = (self.net.host(n) for n in ("lan", "phone", "thief"))
        self.net.plug(self.gate, "192.0.2.1/24", switch)
        self.net.plug(self.phone, "192.0.2.2/24", switch)
        self.net.plug(self.thief, "192.0.2.3/24", switch)
        self.net.cable(self.gate, "10.20.0.1/24", self.lan, "10.20.0.2/24")
        self.lan.route("10.9.0.0/24", "10.20.0.1")
        self.own, self.key = wg("genkey"), wg("genkey")
        self.processes = {}
        self.run = service.Service(self.gate, "run", self.text(), {"own.key": self.own + "\n"})
        self.run.start()
        self.carry(self.phone)

    def text(self, session="12h", idle="0", roaming="browser-proof"):
        text = CONFIG.replace("$PHONE", wg("pubkey", stdin=self.key))
        return text.replace("$SESSION", session).replace("$IDLE", idle).replace("$ROAMING", roaming)

    def carry(self, host):
        """The phone's key is used by this host from now on, and by no other."""
        self.drop()
        device = device_of(host)
        path = socket_of(host)
        until(lambda: device not in host.ip("-br", "link"))
        self.processes[host] = host.popen(
            "wireguard-go", "-f", device, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until(path.exists)
        conf = self.run.folder / "phone.conf"
        conf.write_text(
            f"[Interface]\nPrivateKey = {self.key}\nListenPort = 51821\n[Peer]\n"
            f"PublicKey = {wg('pubkey', stdin=self.own)}\nEndpoint = 192.0.2.1:51820\n"
            "AllowedIPs = 10.9.0.0/24, 10.20.0.0/24\nPersistentKeepalive = 1\n",
            encoding="ascii",
        )
        self.shake(host)
        host.address(device, "10.9.0.2/24")
        host.link(device, True)
        host.route("10.20.0.0/24", "10.9.0.1")
        where = host.ip("-br", "address").split("192.0.2.")[1].split("/")[0]
        until(lambda: str(self.peer().get("endpoint")).startswith(f"192.0.2.{where}:"))

    def drop(self):
        for host, process in self.processes.items():
            process.kill()
            process.wait()
            socket_of(host).unlink(missing_ok=True)
        self.processes.clear()

    def shake(self, host):
        """A new handshake from where this host is."""
        assert host.run("wg", "setconf", device_of(host), self.run.folder / "phone.conf").returncode == 0

    def peer(self):
        return self.run.control("GET", "/peers?name=phone", "vpn")[1]["peers"][0]

    def pid(self):
        return self.run.control("GET", "/status", "vpn")[1]["pid"]

    def user(self, *words, stdin=None):
        return user_of(self.run, *words, stdin=stdin)

    def passes(self, host, to="10.20.0.2"):
        done = host.run("ping", "-c", "1", "-W", "1", to)
        return done.returncode == 0

    def refused(self, host):
        """An ICMP error says so, which people see."""
        done = host.run("ping", "-c", "1", "-W", "2", "10.20.0.2")
        return done.returncode != 0 and "iltered" in done.stdout

    def open_again(self, code):
        """A session of the phone's browser, by a one-time code."""
        browser = Browser(self.phone)
        status, _ = browser.sign_in("anna", PASSWORD, code)
        assert status == 303
        until(lambda: self.passes(self.phone))
        return browser

    def close(self):
        self.drop()
        log = self.run.log()
        # It ended when it was killed, and never else.
        crashes = log.count("ended service=vpn") - log.count("by=Killed")
        return self.net.close() + ([log] if crashes else [])


@pytest.fixture(scope="module")
def site():
    reason = topology.why_not()
    if not reason and not Path("/dev/net/tun").exists():
        reason = "this machine has no TUN devices"
    if not reason and not shutil.which("wireguard-go"):
        reason = "there is no wireguard-go"
    if reason:
        pytest.skip(reason)
    made = Site()
    made.codes = []
    yield made
    assert made.close() == []


def test_a_peer_is_closed_before_somebody_signs_in(site):
    assert site.peer()["gate"] == "closed"
    assert site.refused(site.phone)
    # Nor the gateway's own services, on any of its addresses.
    with site.gate.inside(), socket.create_server(("0.0.0.0", 7)):
        for address in ("10.9.0.1", "10.20.0.1"):
            with site.phone.inside(), socket.socket() as asker:
                asker.settimeout(5)
                with pytest.raises(OSError) as error:
                    asker.connect((address, 7))
                assert not isinstance(error.value, TimeoutError)
    status, page = Browser(site.phone).ask("GET", "/")
    assert status == 200 and 'action="/sign-in"' in page


def test_users_are_made_listed_and_removed(site):
    made = site.user("add", "Ben", "--peers", "phone", "--generate")
    assert made["name"] == "ben" and made["factor"] == "pending" and len(made["password"]) == 19
    assert made["uri"].startswith("otpauth://totp/gatehouse:ben?secret=" + made["secret"])
    assert site.user("add", "ben", "--generate") == 1
    assert site.user("add", "short", "--password-stdin", stdin="seven77\n") == 2
    assert site.user("set", "ben", "--roles", "staff, guests", "--disabled", "on")["roles"] == ["staff", "guests"]
    listed = site.user("list")["users"]
    assert [u["name"] for u in listed] == ["ben"] and listed[0]["disabled"]
    assert site.user("remove", "ben") == {"removed": "ben"}
    assert site.user("show", "ben") == 1


def test_everybody_is_refused_in_the_same_words(site):
    site.secret = site.user("add", "anna", "--password-stdin", stdin=PASSWORD + "\n")["secret"]
    carl = site.user("add", "carl", "--password-stdin", stdin=PASSWORD + "\n")["secret"]
    browser, pages = Browser(site.phone), set()
    with site.run.watching("vpn") as events:
        for user, password, code in (
            ("nobody", PASSWORD, "000000"),
            ("carl", PASSWORD, code_of(carl)),  # right, but the phone is not his
            ("anna", "wrong password", code_of(site.secret)),
            ("anna", PASSWORD, code_of(site.secret, 5)),
        ):
            status, page = browser.sign_in(user, password, code)
            pages.add((status, without_tokens(page)))
        assert len(pages) == 1
        until(lambda: len([e for e in events() if e["event"] == "sign-in refused"]) == 4)
        causes = [e["cause"] for e in events() if e["event"] == "sign-in refused"]
        assert causes == ["unknown user", "not the user's peer", "password", "code"]
    assert site.refused(site.phone)


def test_name_password_and_code_open_the_peer(site):
    browser = Browser(site.phone)
    used = code_of(site.secret)
    status, page = browser.sign_in("anna", PASSWORD, used)
    site.codes = re.findall(r"\b[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}\b", page)
    assert status == 200 and len(site.codes) == 10  # the factor is active from now on
    assert site.peer()["gate"] == "open" and site.passes(site.phone)
    shown = site.user("show", "anna")
    assert shown["factor"] == "active" and shown["sessions"] == 1 and shown["one_time_codes"] == 10
    session = site.user("sessions")["sessions"][0]
    assert session["peer"] == "phone" and session["endpoint"].startswith("192.0.2.2:")
    # Signed out it is closed, and the same code opens no more.
    status, _ = browser.send("/sign-out")
    assert status == 303 and site.refused(site.phone)
    with site.run.watching("vpn") as events:
        status, _ = browser.sign_in("anna", PASSWORD, used)
        assert status != 303 and site.refused(site.phone)
        until(lambda: "code used before" in [e.get("cause") for e in events()])


def test_a_one_time_code_opens_once(site):
    code = site.codes.pop()
    site.open_again(code.lower().replace("-", " ")).send("/sign-out")
    status, _ = Browser(site.phone).sign_in("anna", PASSWORD, code)
    assert status != 303 and site.refused(site.phone)
    assert site.user("unlock", "anna") == {"unlocked": "anna"}


def test_guessing_is_delayed_until_an_administrator_unlocks(site):
    browser = Browser(site.phone)
    for _ in range(3):
        browser.sign_in("anna", "guess", "123456")
    status, page = browser.sign_in("anna", PASSWORD, site.codes[-1])
    assert status == 429 and "Too many tries" in page
    assert 1 <= site.user("show", "anna")["wait_s"] <= 60
    assert site.refused(site.phone)
    site.user("unlock", "anna")
    site.open_again(site.codes.pop())


def test_an_administrators_end_cuts_a_running_flow(site):
    with site.lan.inside(), socket.create_server(("10.20.0.2", 7)) as listener:
        with site.phone.inside():
            flow = socket.create_connection(("10.20.0.2", 7), timeout=5)
        far, _ = listener.accept()
        with flow, far:
            far.settimeout(10)
            flow.sendall(b"before")
            assert far.recv(64) == b"before"
            far.settimeout(0.5)
            assert site.user("end", "anna") == {"ended": 1}
            assert site.peer()["gate"] == "closed"
            try:
                flow.sendall(b"after")
                assert far.recv(64) == b""  # it was reset, not answered
            except OSError:
                pass  # a reset, or nothing came: cut either way
    assert site.refused(site.phone)
    assert site.user("end", "anna") == 1


def test_a_session_outlives_the_process_and_a_closed_peer_stays_closed(site):
    def killed():
        before = site.pid()
        os.kill(before, signal.SIGKILL)

        def is_back():
            try:
                return site.pid() != before
            except (OSError, http.client.HTTPException):
                return False

        until(is_back)

    killed()
    site.shake(site.phone)
    until(lambda: site.peer().get("endpoint"))
    assert site.peer()["gate"] == "closed" and not site.passes(site.phone)
    used = site.codes.pop()
    site.browser = site.open_again(used)
    killed()
    assert site.peer()["gate"] == "open"
    site.shake(site.phone)
    until(lambda: site.passes(site.phone))
    assert len(site.user("sessions", "anna")["sessions"]) == 1
    status, page = site.browser.ask("GET", "/")
    assert status == 200 and 'action="/sign-out"' in page
    # A code that was accepted is not accepted again, whatever the process forgot.
    status, _ = Browser(site.phone).sign_in("anna", PASSWORD, used)
    assert status != 303
    metrics = site.run.control("GET", "/metrics", "vpn")[1]
    assert re.search(r'^gatehouse_vpn_sign_ins_total\{service="vpn",result="code"\} [1-9]', metrics, re.M)
    assert "gatehouse_vpn_sessions{service=\"vpn\"} 1\n" in metrics


def test_a_copied_key_opens_nothing_and_the_owners_browser_proves_itself(site):
    with site.run.watching("vpn") as events:
        site.carry(site.thief)
        assert site.peer()["gate"] == "proof"
        assert not site.passes(site.thief) and site.refused(site.thief)
        until(lambda: "session moved" in {e["event"] for e in events()})
        status, page = Browser(site.thief).ask("GET", "/")
        assert status == 200 and "anna" not in page
        # Back at its place the phone must prove itself all the same: addresses prove nothing.
        site.carry(site.phone)
        assert site.peer()["gate"] == "proof" and site.refused(site.phone)
        status, _ = site.browser.ask("GET", "/")
        assert status in (200, 303)
        until(lambda: site.peer()["gate"] == "open")
        assert site.passes(site.phone)
        until(lambda: "session proved" in {e["event"] for e in events()})


@pytest.mark.parametrize("roaming", ["strict", "same-address"])
def test_who_moves_is_closed_by_policy(site, roaming):
    site.run.reload(site.text(roaming=roaming))
    site.user("end", "anna")
    browser = site.open_again(site.codes.pop())
    site.carry(site.thief)
    assert site.peer()["gate"] == "closed" and site.refused(site.thief)
    until(lambda: site.user("sessions")["sessions"] == [])
    site.carry(site.phone)
    browser.ask("GET", "/")
    assert site.peer()["gate"] == "closed" and site.refused(site.phone)


@pytest.mark.parametrize("why, times", [("expired", {"session": "1s"}), ("idle", {"idle": "1s"})])
def test_a_session_ends_with_its_time_and_keepalives_are_no_use(site, why, times):
    site.run.reload(site.text(**times))
    with site.run.watching("vpn") as events:
        browser = Browser(site.phone)
        status, _ = browser.sign_in("anna", PASSWORD, site.codes.pop())
        assert status == 303
        until(lambda: site.peer()["gate"] == "closed", 10)
        until(lambda: why in [e.get("cause") for e in events() if e["event"] == "session ended"])
        assert site.refused(site.phone)
        _, page = browser.ask("GET", "/")
        assert 'action="/sign-in"' in page


FLEET = """
vpn:
  store: $STORE
  store-key: file:seal.key
  sign-in: {name: login.vpn.home.arpa, password: {memory: 8K, passes: 1}}
  interfaces:
    wg0: {addresses: 10.9.0.1/24}
"""


def test_gateways_of_one_fleet_have_the_same_users():
    reason = topology.why_not() or postgres.why_not()
    if reason:
        pytest.skip(reason)
    net, server = topology.Net(), postgres.Postgres(Path(f"/tmp/gh-test-{os.getpid()}-fleet"))
    try:
        server.start()
        files = {"seal.key": wg("genkey") + "\n"}
        text = FLEET.replace("$STORE", f'"{server.empty()}"')
        north, south = (service.Service(net.host(name), "vpn", text, files) for name in ("north", "south"))
        north.start()
        secret = user_of(north, "add", "anna", "--password-stdin", stdin=PASSWORD + "\n")["secret"]
        south.start()
        assert user_of(south, "show", "anna")["factor"] == "pending"
        assert user_of(south, "add", "anna", "--generate") == 1
        assert user_of(south, "set", "anna", "--peers", "phone", "--administrator", "on")["peers"] == ["phone"]
        until(lambda: user_of(north, "show", "anna")["administrator"])
        # What lies in the database is sealed: not even who has which peer can be read there.
        rows = server.sql("SELECT encode(value, 'escape') FROM gatehouse_row WHERE removed IS NULL")
        assert rows.strip() and "argon2id" not in rows and "phone" not in rows and secret not in rows
        assert user_of(north, "remove", "anna") == {"removed": "anna"}
        until(lambda: user_of(south, "list")["users"] == [])
    finally:
        troubles = net.close()
        server.close()
        assert troubles == []
