"""Two ends of WireGuard tunnels, each wireguard-go or our own, a router between them, and the datagrams they send:

    left 192.0.2.2, .3 2001:db8:1::2 -- router -- right 198.51.100.2 2001:db8:2::2
    inside: left 10.9.0.1 fd00:9::1, right 10.9.0.2 fd00:9::2

An end is set up by the tools of WireGuard, which speak to both kinds by the cross-platform socket.
"""

import atexit
import base64
import hashlib
import os
import select
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from service import Service
from topology import command

LEFT, LEFT_TOO, RIGHT = "192.0.2.2", "192.0.2.3", "198.51.100.2"
LEFT6, RIGHT6 = "2001:db8:1::2", "2001:db8:2::2"
INNER = {"left": ("10.9.0.1", "fd00:9::1"), "right": ("10.9.0.2", "fd00:9::2")}
PORT = 51820
SOCKETS = Path("/var/run/wireguard")
SO_RCVBUFFORCE = 33

INITIATION, RESPONSE, COOKIE_REPLY, TRANSPORT = 1, 2, 3, 4
LENGTHS = {INITIATION: 148, RESPONSE: 92, COOKIE_REPLY: 64}


def eventually(true, seconds=20, every=0.05):
    """Waits until true() is; returns what it returned last."""
    until = time.monotonic() + seconds
    while not (result := true()):
        assert time.monotonic() < until, "it did not come about"
        time.sleep(every)
    return result


def tidy_up(name):
    """The tools' socket of this interface does not outlive the tests: a service that has left root cannot remove it."""
    atexit.register(lambda: (SOCKETS / f"{name}.sock").unlink(missing_ok=True))


def new_key():
    private = command("wg", "genkey").strip()
    return private, public_key(private)


def public_key(private):
    return subprocess.run(
        ["wg", "pubkey"], input=private, capture_output=True, text=True, check=True
    ).stdout.strip()


class Peer:
    """What `wg show` says of one."""

    def __init__(self, line):
        words = line.split("\t")
        self.public, self.preshared, self.endpoint, allowed = words[:4]
        self.allowed = [] if allowed == "(none)" else allowed.split(",")
        self.handshake, self.received, self.sent = map(int, words[4:7])
        self.keepalive = 0 if words[7] == "off" else int(words[7])


class End:
    """One interface; name: unique on the machine, as the tools' sockets are files."""

    made = 0

    def __init__(self, host, addresses, port=PORT):
        End.made += 1
        self.host, self.addresses, self.port = host, addresses, port
        self.name = f"t{os.getpid()}x{End.made}"
        self.private, self.public = new_key()
        tidy_up(self.name)

    def up(self):
        raise NotImplementedError

    def down(self):
        raise NotImplementedError

    # ---- by the tools

    def wg(self, *words):
        done = self.host.run("wg", *words)
        assert done.returncode == 0, f"wg {words}: {done.stdout}{done.stderr}"
        return done.stdout

    def show(self):
        """The peers by public key."""
        lines = self.wg("show", self.name, "dump").splitlines()
        return {peer.public: peer for peer in map(Peer, lines[1:])}

    def peer(self, other):
        return self.show()[other.public]

    def file(self, command_, text):
        """`wg setconf`, `wg addconf`, `wg syncconf`."""
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write(text)
            file.flush()
            self.wg(command_, self.name, file.name)

    def meet(self, other, allowed, endpoint=None, preshared=None, keepalive=None):
        words = ["set", self.name, "peer", other.public, "allowed-ips", ",".join(allowed)]
        if endpoint:
            words += ["endpoint", endpoint]
        if keepalive is not None:
            words += ["persistent-keepalive", keepalive]
        if preshared is None:
            self.wg(*words)
            return
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(preshared)
            file.flush()
            self.wg(*words, "preshared-key", file.name)

    def part(self):
        """No peer any more."""
        for public in self.show():
            self.wg("set", self.name, "peer", public, "remove")


class WireguardGo(End):
    def up(self):
        self.log = tempfile.TemporaryFile()
        self.process = self.host.popen(
            "wireguard-go", "-f", self.name, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env={**os.environ, "LOG_LEVEL": "verbose"},
        )
        eventually(lambda: (SOCKETS / f"{self.name}.sock").exists())
        self.file("setconf", f"[Interface]\nPrivateKey = {self.private}\nListenPort = {self.port}\n")
        self.host.address(self.name, " ".join(self.addresses))
        self.host.ip("link", "set", self.name, "mtu", 1420)
        self.host.link(self.name, True)
        return self

    def down(self):
        self.process.terminate()
        self.process.wait(10)
        (SOCKETS / f"{self.name}.sock").unlink(missing_ok=True)

    def text(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")


class Ours(End):
    """more: lines of the section vpn besides; environment: of the process."""

    def __init__(self, host, addresses, port=PORT, more="", interface="", environment=None):
        super().__init__(host, addresses, port)
        text = (
            "vpn:\n  interfaces:\n"
            f"    {self.name}:\n"
            f'      listen: ["0.0.0.0:{port}", "[::]:{port}"]\n'
            f'      addresses: [{", ".join(chr(34) + a + chr(34) for a in addresses)}]\n'
            "      private-key: file:key\n" + interface + more
        )
        self.service = Service(host, "vpn", text, {"key": self.private}, environment=environment)

    def up(self):
        self.service.start()
        eventually(lambda: (SOCKETS / f"{self.name}.sock").exists())
        return self

    def down(self):
        self.service.close()

    def metrics(self):
        """By name with labels: numbers."""
        lines = self.service.control("GET", "/metrics")[1].splitlines()
        split = [line.rsplit(" ", 1) for line in lines if line and not line.startswith("#")]
        return {name: float(value) for name, value in split}

    def dropped(self):
        """Datagrams and packets thrown away, by cause; those of nought are left out."""
        found = {}
        for name, value in self.metrics().items():
            if name.startswith("gatehouse_vpn_dropped") and value:
                cause = name.split('cause="')[1].split('"')[0]
                found[cause] = found.get(cause, 0) + int(value)
        return found

    def counter(self, name):
        """A sum of all interfaces."""
        return sum(int(v) for k, v in self.metrics().items() if k.startswith(f"gatehouse_vpn_{name}{{"))


KINDS = {"go": WireguardGo, "ours": Ours}


class World:
    """Two hosts with a router between, and the two ends."""

    def __init__(self, net, left="go", right="go", **options):
        self.net = net
        self.left_host, self.right_host = net.host("left"), net.host("right")
        self.router = net.router("router")
        self.left_link, self.left_port = net.cable(
            self.left_host, f"{LEFT}/24 {LEFT6}/64", self.router, "192.0.2.1/24 2001:db8:1::1/64"
        )
        _, self.right_port = net.cable(
            self.right_host, f"{RIGHT}/24 {RIGHT6}/64", self.router, "198.51.100.1/24 2001:db8:2::1/64"
        )
        self.left_host.sysctl("net.ipv4.conf.all.promote_secondaries", 1)
        for host, via, via6 in (
            (self.left_host, "192.0.2.1", "2001:db8:1::1"),
            (self.right_host, "198.51.100.1", "2001:db8:2::1"),
        ):
            host.route("default", via)
            host.ip("-6", "route", "add", "default", "via", via6)
        self.left = KINDS[left](self.left_host, inner("left"), **options.get("left_options", {}))
        self.right = KINDS[right](self.right_host, inner("right"), **options.get("right_options", {}))

    def up(self):
        self.left.up()
        self.right.up()
        return self

    def down(self):
        for end in (self.left, self.right):
            end.down()

    def meet(self, initiator="left", family=4, **options):
        """Both are peers of each other, new to each other; only the initiator knows where the other is."""
        for end in (self.left, self.right):
            end.part()
        remote = {"left": LEFT if family == 4 else f"[{LEFT6}]", "right": RIGHT if family == 4 else f"[{RIGHT6}]"}
        for end, other, name, far in (
            (self.left, self.right, "left", "right"),
            (self.right, self.left, "right", "left"),
        ):
            endpoint = f"{remote[far]}:{other.port}" if name == initiator else None
            end.meet(other, [f"{a}" for a in INNER[far]], endpoint, **options)

    def agreed(self):
        """Both say when they last shook hands."""
        return bool(self.left.peer(self.right).handshake and self.right.peer(self.left).handshake)

    def move_left(self, old, new):
        """Another address, as in another network."""
        self.left_host.address(self.left_link, f"{new}/24")
        self.left_host.ip("address", "del", f"{old}/24", "dev", self.left_link)
        self.left_host.ip("route", "replace", "default", "via", "192.0.2.1")
        if isinstance(self.left, WireguardGo):
            # It goes on sending from an address that is gone until a handshake fails, 15 s later.
            self.left.wg("set", self.left.name, "peer", self.right.public, "endpoint", f"{RIGHT}:{self.right.port}")

    def sniffer(self, port=None):
        return Sniffer(self.router, port or self.right_port)


def inner(side):
    v4, v6 = INNER[side]
    return [f"{v4}/24", f"{v6}/64"]


def pings(host, address, count=1, wait=2, size=56, more=()):
    """Whether each of them was answered."""
    done = host.run("ping", "-n", "-q", "-c", count, "-i", "0.05", "-W", wait, "-s", size, *more, address)
    return f" {count} received" in done.stdout


def ping_until(host, address, seconds=20):
    """The first handshake may cross another, or wait for a cookie."""
    eventually(lambda: pings(host, address, wait=1), seconds)


# ---- the wire


class Sniffer:
    """The datagrams that pass a port of the router, as (source, destination, payload)."""

    def __init__(self, router, port):
        with router.inside():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
        # A flood must not push out what is looked for.
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
        self.socket.bind((port, 0))
        self.seen = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def read(self):
        """All so far."""
        while select.select([self.socket], [], [], 0)[0]:
            if found := datagram(self.socket.recv(65535)):
                self.seen.append(found)
        return self.seen

    def of_kind(self, kind, source=None):
        return [
            (a, b, payload)
            for a, b, payload in self.read()
            if payload[:4] == bytes([kind, 0, 0, 0]) and (source is None or a[0] == source)
        ]


def datagram(frame):
    kind = struct.unpack_from("!H", frame, 12)[0]
    if kind == 0x0800 and frame[23] == 17:
        start = 14 + (frame[14] & 15) * 4
        a, b = socket.inet_ntop(socket.AF_INET, frame[26:30]), socket.inet_ntop(socket.AF_INET, frame[30:34])
    elif kind == 0x86DD and frame[20] == 17:
        start = 54
        a, b = socket.inet_ntop(socket.AF_INET6, frame[22:38]), socket.inet_ntop(socket.AF_INET6, frame[38:54])
    else:
        return None
    a_port, b_port, length = struct.unpack_from("!HHH", frame, start)
    return (a, a_port), (b, b_port), frame[start + 8 : start + length]


def mac(key, data):
    return hashlib.blake2s(data, key=key, digest_size=16).digest()


def sign(message, public):
    """message: with room for both macs. mac1 for the owner of the key, in base64; mac2 of zeros."""
    key = hashlib.blake2s(b"mac1----" + base64.b64decode(public)).digest()
    return message[:-32] + mac(key, message[:-32]) + bytes(16)


def stray_initiation(public, seed=0):
    """Looks as if made for the owner of the key, but by somebody who is nobody: only mac1 is right."""
    body = b"".join(hashlib.blake2s(b"%d %d" % (seed, i)).digest() for i in range(5))
    return sign((struct.pack("<II", INITIATION, seed & 0xFFFFFFFF) + body)[:148], public)


def udp_socket(host, source=("", 0), family=socket.AF_INET):
    with host.inside():
        made = socket.socket(family, socket.SOCK_DGRAM)
    made.bind(source)
    return made


def is_silent(asked, seconds=0.3):
    """Nothing comes to this socket."""
    return not select.select([asked], [], [], seconds)[0]
