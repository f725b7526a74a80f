"""What a peer of the tunnel reaches, from a phone with wireguard-go that must sign in and a laptop that need not.

    phone  192.0.2.2 ----+                              inside: gateway 10.9.0.1, fd00:9::1
    laptop 192.0.2.3 ----+-- 192.0.2.1 gateway               phone   10.9.0.2, fd00:9::2
                              192.168.7.1 ---- 192.168.7.9 nas    laptop 10.9.0.3, fd00:9::3
"""

import base64
import contextlib
import hashlib
import hmac
import os
import re
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest

import service
import topology

PAGE = "login.vpn.home.arpa"
GATEWAY = ["10.9.0.1", "fd00:9::1"]
OUTSIDE = ["192.168.7.1", "fd00:7::1", "203.0.113.1", "fd00:113::1"]  # the gateway's other addresses
NAS = ["192.168.7.9", "fd00:7::9"]
PHONE, LAPTOP = ["10.9.0.2", "fd00:9::2"], ["10.9.0.3", "fd00:9::3"]
SERVICE = 7000  # a port at which gateway, NAS and laptop serve TCP and UDP
PASSWORD = "correct horse battery"

CONFIG = """
vpn:
  workers: 2
  interfaces:
    wg0:
      listen: "0.0.0.0:51820"
      private-key: file:own.key
      addresses: [10.9.0.1/24, "fd00:9::1/64"]
      peer-to-peer: $both
      peers:
        phone:
          public-key: "$phone"
          allowed-ips: [10.9.0.2, "fd00:9::2"]
          sign-in: required
          users: [anna]
        laptop:
          public-key: "$laptop"
          allowed-ips: [10.9.0.3, "fd00:9::3"]
          $laptop_more
  sign-in:
    name: $PAGE
    time-servers: [192.168.7.9]
    roaming: same-address
    session: $session
    idle: $idle
    password: {memory: 8192, passes: 1}
"""


def until(what, patience=20):
    end = time.monotonic() + patience
    while not (said := what()):
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)
    return said


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def code_now(secret):
    """RFC 6238 of this moment."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    mac = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    at = mac[-1] & 15
    return f"{(struct.unpack('>I', mac[at : at + 4])[0] & 0x7FFFFFFF) % 1000000:06}"


def new_key():
    """A private key and its public one."""
    private = topology.command("wg", "genkey").strip()
    public = subprocess.run(["wg", "pubkey"], input=private, capture_output=True, text=True, check=True)
    return private, public.stdout.strip()


class Echo:
    """Answers TCP and UDP at an address, until it is closed."""

    def __init__(self, host, addresses, port=SERVICE):
        self.open = True
        self.sockets = []
        with host.inside():
            for address in addresses:
                datagrams = socket.socket(family(address), socket.SOCK_DGRAM)
                datagrams.bind((address, port))
                stream = socket.create_server((address, port), family=family(address))
                self.sockets += [datagrams, stream]
                threading.Thread(target=self.datagrams, args=[datagrams], daemon=True).start()
                threading.Thread(target=self.accept, args=[stream], daemon=True).start()

    def datagrams(self, sock):
        with contextlib.suppress(OSError):
            while self.open:
                data, other = sock.recvfrom(2048)
                if other:  # there is none when the socket was shut
                    sock.sendto(data, other)

    def accept(self, sock):
        with contextlib.suppress(OSError):
            while self.open:
                connection, _ = sock.accept()
                threading.Thread(target=self.stream, args=[connection], daemon=True).start()

    def stream(self, connection):
        with contextlib.suppress(OSError), connection:
            while data := connection.recv(1 << 16):
                connection.sendall(data)

    def close(self):
        self.open = False
        for sock in self.sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()


class Roamer:
    """A host with wireguard-go as its only way to what is inside."""

    def __init__(self, world, name, outer, inner):
        self.world, self.name, self.inner = world, name, inner
        self.host = world.net.host(name)
        world.net.plug(self.host, f"{outer}/24", world.street)
        self.device = f"gt{os.getpid()}{name[0]}"
        self.key, self.public = new_key()
        self.program = None

    def up(self, gateway_key):
        self.program = self.host.popen(
            "wireguard-go", "-f", self.device, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, "WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD": "1"},
        )
        until(lambda: Path(f"/var/run/wireguard/{self.device}.sock").exists())
        key_file = Path("/tmp") / f"{self.host.space}.key"
        key_file.write_text(self.key, encoding="ascii")
        words = ["private-key", key_file, "peer", gateway_key, "endpoint", "192.0.2.1:51820"]
        topology.command("wg", "set", self.device, *words, "allowed-ips", "0.0.0.0/0,::/0")
        key_file.unlink()
        self.host.address(self.device, f"{self.inner[0]}/32 {self.inner[1]}/128")
        self.host.ip("link", "set", self.device, "mtu", "1420", "up")
        self.host.ip("route", "add", "default", "dev", self.device)
        self.host.ip("-6", "route", "add", "default", "dev", self.device)
        self.host.resolv_conf(GATEWAY[0])

    def keepalive(self, seconds):
        topology.command("wg", "set", self.device, "peer", self.world.public, "persistent-keepalive", seconds)

    def close(self):
        if self.program:
            self.program.terminate()
            self.program.wait(10)

    def asks(self, address, port=SERVICE, kind=socket.SOCK_STREAM, patience=2):
        """What comes of it: "answered", "refused" (RST or an ICMP error), or "silence"."""
        with self.host.inside():
            sock = socket.socket(family(address), kind)
        with sock:
            sock.settimeout(patience)
            try:
                sock.connect((address, port))
                sock.send(b"hello")
                return "answered" if sock.recv(64) == b"hello" else "refused"
            except TimeoutError:
                return "silence"
            except OSError:
                return "refused"

    def pings(self, address):
        return self.host.run("ping", "-n", "-c", 1, "-W", 2, address).returncode == 0

    def curl(self, *words):
        return self.host.run("curl", "-sk", "--max-time", 10, *words)


class World:
    def __init__(self):
        self.net = topology.Net()
        self.gateway, self.nas = self.net.router("gateway"), self.net.host("nas")
        self.street = self.net.switch("street")
        self.net.plug(self.gateway, "192.0.2.1/24", self.street)
        self.gateway.address("lo", "203.0.113.1/32 fd00:113::1/128")
        self.net.cable(self.nas, "192.168.7.9/24 fd00:7::9/64", self.gateway, "192.168.7.1/24 fd00:7::1/64")
        self.nas.route("default", "192.168.7.1")
        self.nas.ip("-6", "route", "add", "default", "via", "fd00:7::1")
        self.phone = Roamer(self, "phone", "192.0.2.2", PHONE)
        self.laptop = Roamer(self, "laptop", "192.0.2.3", LAPTOP)
        self.key, self.public = new_key()
        self.settings = {"both": "off", "laptop_more": "", "session": "1h", "idle": "0"}
        self.backup, self.echoes = [], []

    def up(self):
        self.run = service.Service(self.gateway, "run", self.config(), {"own.key": self.key + "\n"}).start()
        self.echoes += [Echo(self.gateway, GATEWAY + OUTSIDE), Echo(self.nas, NAS)]
        for roamer in (self.phone, self.laptop):
            roamer.up(self.public)
        self.echoes += [Echo(self.phone.host, PHONE), Echo(self.laptop.host, LAPTOP)]
        self.cookies = self.run.folder / "cookies"
        self.enrol()

    def config(self, **changes):
        self.settings.update(changes)
        text = CONFIG
        for key in self.settings:
            text = text.replace(f"${key}", self.settings[key])
        return (
            text.replace("$PAGE", PAGE)
            .replace("$phone", self.phone.public)
            .replace("$laptop", self.laptop.public)
        )

    def reload(self, **changes):
        self.run.reload(self.config(**changes))

    # ---- the sign-in page, as a browser without JavaScript

    def page(self, path="/", **fields):
        words = ["-b", self.cookies, "-c", self.cookies, "-w", "\n%{http_code}"]
        if fields:
            words += ["-H", f"Origin: https://{PAGE}"]
            for key, value in fields.items():
                words += ["--data-urlencode", f"{key}={value}"]
        done = self.phone.curl(*words, f"https://{PAGE}{path}")
        assert done.returncode == 0, done.stderr
        text, _, status = done.stdout.rpartition("\n")
        hidden = dict(re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', text))
        return int(status), text, hidden

    def enrol(self):
        """A user with a second factor; its backup codes are for the sign-ins of the tests."""
        body = {"name": "anna", "password": PASSWORD, "peers": ["phone"]}
        assert self.run.control("POST", "/user/add", "vpn", body)[0] == 200
        _, _, hidden = self.page()
        status, text, hidden = self.page("/sign-in", user="anna", password=PASSWORD, code="", **hidden)
        secret = re.search(r"secret=([A-Z2-7]+)", text) or re.search(r"<code>([A-Z2-7 ]+)</code>", text)
        assert status == 200 and secret, text
        status, text, _ = self.page("/enrol", code=code_now(secret[1].replace(" ", "")), **hidden)
        assert status == 200, text
        self.backup = re.findall(r"<li><code>([^<]+)</code>", text)
        assert self.backup, text
        self.end_session()

    def sign_in(self):
        self.cookies.unlink(missing_ok=True)  # one of an earlier session may run out between form and answer
        _, _, hidden = self.page()
        status, text, _ = self.page(
            "/sign-in", user="anna", password=PASSWORD, code=self.backup.pop(), **hidden
        )
        assert status == 303, text
        assert self.state() == "open"

    def end_session(self):
        return self.run.control("POST", "/sessions/end?peer=phone", "vpn")[0]

    def state(self, name="phone"):
        return self.run.control("GET", f"/peers?name={name}", "vpn")[1]["peers"][0]["gate"]

    def close(self):
        for thing in (self.phone, self.laptop, *self.echoes):
            thing.close()
        return self.net.close()


@pytest.fixture(scope="module")
def world(janitor_process):
    made = World()
    try:
        made.up()
        yield made
    finally:
        troubles = made.close()
    assert not troubles, "\n".join(troubles)


@pytest.fixture(scope="module")
def closed(world):
    if world.state() != "closed":
        world.end_session()
    assert world.state() == "closed"
    return world


# ---- before anybody signed in


def test_closed_it_reaches_no_service_of_lan_gateway_or_peer_and_sees_why(closed):
    for address in NAS + GATEWAY + OUTSIDE + LAPTOP:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            assert closed.phone.asks(address, kind=kind) == "refused", (address, kind)
    for address in NAS + OUTSIDE + LAPTOP:
        assert not closed.phone.pings(address)
    for address in GATEWAY:
        assert closed.phone.pings(address)


def test_closed_nothing_reaches_it(closed):
    for address in PHONE:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with closed.nas.inside():
                sock = socket.socket(family(address), kind)
            with sock:
                sock.settimeout(2)
                with pytest.raises(OSError) as error:
                    sock.connect((address, SERVICE))
                    sock.send(b"hello")
                    sock.recv(64)
                assert not isinstance(error.value, TimeoutError)
        assert closed.laptop.asks(address) == "refused"


def test_closed_every_name_is_the_page(closed):
    for name in (PAGE, "www.example.com", "connectivitycheck.gstatic.com"):
        for server in (GATEWAY[0], "9.9.9.9", GATEWAY[1]):
            said = closed.phone.host.run("dig", "+time=2", "+tries=1", f"@{server}", name, "A", "+noall", "+answer")
            assert re.search(r"\s0\s+IN\s+A\s+10\.9\.0\.1\b", said.stdout), said.stdout
    said = closed.phone.host.run("dig", "+time=2", "+tries=1", "+short", f"@{GATEWAY[0]}", PAGE, "AAAA")
    assert said.stdout.strip() == GATEWAY[1]
    said = closed.phone.host.run("dig", "+time=2", "+tries=1", f"@{GATEWAY[0]}", "example.com", "MX")
    assert "NOERROR" in said.stdout and "ANSWER: 0" in said.stdout
    # Nothing leaves: not by TCP, and not in other clothes.
    said = closed.phone.host.run("dig", "+tcp", "+time=2", "+tries=1", "@9.9.9.9", "example.com")
    assert said.returncode != 0


def test_closed_the_web_is_led_to_the_page(closed):
    for url in ("http://198.51.100.7/x", "http://[2001:db8:99::7]/", "http://www.example.com/", "http://10.9.0.1/"):
        said = closed.phone.curl("-w", "%{http_code} %{redirect_url}", "-o", "/dev/null", url)
        assert re.match(rf"30\d https://{PAGE}/", said.stdout), (url, said.stdout, said.stderr)


# ---- signed in


def test_signed_in_it_reaches_all_and_an_end_cuts_what_runs(world):
    world.sign_in()
    for address in NAS + GATEWAY + OUTSIDE:
        assert world.phone.asks(address) == "answered", address
        assert world.phone.asks(address, kind=socket.SOCK_DGRAM) == "answered", address
    # The page's name resolves inside, whoever is asked.
    said = world.phone.host.run("dig", "+time=2", "+tries=1", "+short", "@9.9.9.9", PAGE)
    assert said.stdout.strip() == GATEWAY[0]
    with world.phone.host.inside():
        running = [socket.create_connection((address, SERVICE), 5) for address in NAS]
    for sock in running:
        sock.sendall(b"before")
        assert sock.recv(64) == b"before"
    assert world.end_session() == 200
    for sock in running:
        with pytest.raises(ConnectionResetError):
            sock.sendall(b"after")
            sock.recv(64)
        sock.close()
    assert world.phone.asks(NAS[0]) == "refused"


def test_a_session_ends_by_itself_in_the_middle_of_a_flow(world):
    world.reload(session="2s")
    world.sign_in()
    began = time.monotonic()
    with world.phone.host.inside():
        sock = socket.create_connection((NAS[0], SERVICE), 5)
    with sock, pytest.raises(OSError) as error:
        while time.monotonic() < began + 15:
            sock.sendall(b"again")
            sock.recv(64)
            time.sleep(0.02)
    assert isinstance(error.value, ConnectionResetError)
    assert time.monotonic() - began < 10
    assert world.state() == "closed"


def test_keepalives_are_no_activity(world):
    world.reload(session="1h", idle="2s")
    world.sign_in()
    world.phone.keepalive(1)
    try:
        began = time.monotonic()
        while time.monotonic() < began + 3:
            assert world.phone.asks(NAS[0]) == "answered"
            time.sleep(0.2)
        # Data kept it open; keepalives alone do not.
        until(lambda: world.state() == "closed", 15)
        assert world.phone.asks(NAS[0]) == "refused"
    finally:
        world.phone.keepalive(0)
        world.reload(idle="0")


# ---- a peer that need not sign in


def test_peers_reach_each_other_as_the_interface_says(world):
    world.sign_in()
    try:
        assert world.laptop.asks(NAS[0]) == "answered"
        for address in LAPTOP:
            assert world.phone.asks(address) == "refused"
        world.reload(both="on")
        for address in LAPTOP:
            assert world.phone.asks(address) == "answered"
        world.reload(both="off", laptop_more="hub: on")
        for address in LAPTOP:
            assert world.phone.asks(address) == "answered"
        for address in PHONE:
            assert world.laptop.asks(address) == "answered"
    finally:
        world.reload(both="off", laptop_more="")
        world.end_session()


def test_a_peer_reaches_what_it_may(world):
    world.reload(laptop_more=f'reach: [{{to: [192.168.7.9, "fd00:7::9"], ports: [{SERVICE}/tcp]}}]')
    try:
        for address in NAS:
            assert world.laptop.asks(address) == "answered"
            assert world.laptop.asks(address, kind=socket.SOCK_DGRAM) == "refused"
            assert world.laptop.asks(address, port=SERVICE + 1) == "refused"
        for address in GATEWAY + OUTSIDE:
            assert world.laptop.asks(address) == "refused"
    finally:
        world.reload(laptop_more="")


def test_past_its_date_a_peer_reaches_nothing(world):
    world.reload(laptop_more="expires: 2020-01-01")
    try:
        assert world.state("laptop") == "expired"
        for address in NAS + GATEWAY:
            assert world.laptop.asks(address, patience=1) != "answered"
    finally:
        world.reload(laptop_more="")
    until(lambda: world.laptop.asks(NAS[0], patience=1) == "answered")


def test_bandwidth_is_a_bound(world):
    world.reload(laptop_more="bandwidth: {up: 4Mbit}")
    try:
        sent, got = 0, 0
        with world.laptop.host.inside():
            sock = socket.create_connection((NAS[0], SERVICE), 5)
        sock.settimeout(5)
        with sock:
            end = time.monotonic() + 3
            while time.monotonic() < end:
                sock.sendall(bytes(1000))
                sent += 1000
                while got < sent:
                    got += len(sock.recv(1 << 16))
        # 4 Mbit/s for 3 s are 1.5 MB, and one bucket of 128 KiB at first. Unbounded it is far more.
        assert 100_000 < got < 2_200_000
    finally:
        world.reload(laptop_more="")


def test_what_was_refused_is_counted_by_cause(world):
    _, said = world.run.control("GET", "/metrics", "vpn")
    for cause in ("quarantine", "reach", "peer-to-peer"):
        found = re.search(rf'refused_total\{{[^}}]*cause="{cause}"[^}}]*\}} (\d+)', said)
        assert found and int(found[1]) > 0, said
