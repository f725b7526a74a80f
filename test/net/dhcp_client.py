"""A client of DHCP that does exactly what it is told, in a host of a drawn network; and the three that
people use (udhcpc, dhclient, dhcpcd), started, watched and ended.

    client = Client(host, "eth0")
    offer = client.discover()
    ack = client.request(offer)
"""

import contextlib
import ipaddress
import random
import select
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path

DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM, FORCERENEW = range(1, 10)
MAGIC = bytes([99, 130, 83, 99])
SO_BINDTODEVICE = 25
SOL_PACKET, PACKET_IGNORE_OUTGOING = 263, 23
BROADCAST = "255.255.255.255"

MASK, ROUTERS, DNS, HOST_NAME, DOMAIN = 1, 3, 6, 12, 15
REQUESTED, LEASE_TIME, OVERLOAD, TYPE, SERVER, WANTED, TEXT, SIZE = 50, 51, 52, 53, 54, 55, 56, 57
T1, T2, VENDOR_CLASS, CLIENT_ID, RAPID, FQDN, RELAY = 58, 59, 60, 61, 80, 81, 82
AUTHENTICATION, NONCE_CAPABLE = 90, 145
PAD, END = 0, 255
WAIT_S = 3.0
AGAIN_S = 0.3


def packed(address):
    return ipaddress.IPv4Address(address).packed


def text_of(octets):
    return str(ipaddress.IPv4Address(octets))


def option(code, value):
    """One option; longer than 255 octets it is split (RFC 3396)."""
    value = value if isinstance(value, bytes) else bytes(value)
    parts = [value[i : i + 255] for i in range(0, len(value), 255)] or [b""]
    return b"".join(bytes([code, len(part)]) + part for part in parts)


class Message:
    """A DHCP message: fields by the RFC's names, options by number in order of appearance."""

    def __init__(self, mac="02:00:5e:00:53:01", op=1, xid=None, secs=0, flags=0x8000, hops=0):
        self.op, self.hops, self.secs, self.flags = op, hops, secs, flags
        self.xid = random.getrandbits(32) if xid is None else xid
        self.mac = mac
        self.ciaddr = self.yiaddr = self.siaddr = self.giaddr = "0.0.0.0"
        self.sname, self.file = b"", b""
        self.options = {}

    @property
    def type(self):
        return self.options.get(TYPE, b"\0")[0]

    def address(self, code):
        return text_of(self.options[code][:4]) if code in self.options else None

    def number(self, code):
        return int.from_bytes(self.options[code], "big") if code in self.options else None

    def wire(self):
        chaddr = bytes.fromhex(self.mac.replace(":", ""))
        head = struct.pack("!BBBBIHH", self.op, 1, len(chaddr), self.hops, self.xid, self.secs, self.flags)
        head += b"".join(packed(a) for a in (self.ciaddr, self.yiaddr, self.siaddr, self.giaddr))
        head += chaddr.ljust(16, b"\0") + self.sname.ljust(64, b"\0") + self.file.ljust(128, b"\0")
        options = b"".join(option(code, value) for code, value in self.options.items())
        return (head + MAGIC + options + bytes([END])).ljust(300, b"\0")

    @classmethod
    def read(cls, wire):
        m = cls()
        m.op, _, hlen, m.hops, m.xid, m.secs, m.flags = struct.unpack("!BBBBIHH", wire[:12])
        m.ciaddr, m.yiaddr, m.siaddr, m.giaddr = (text_of(wire[i : i + 4]) for i in range(12, 28, 4))
        m.mac = ":".join(f"{octet:02x}" for octet in wire[28 : 28 + hlen])
        m.sname, m.file = wire[44:108], wire[108:236]
        assert wire[236:240] == MAGIC
        m.order = []
        fields = [wire[240:]]
        while fields:
            m.read_options(fields.pop(0))
            overload = m.options.get(OVERLOAD, b"\0")[0]
            if len(wire) and overload and not getattr(m, "overloaded", False):
                m.overloaded = True
                fields += ([m.file] if overload & 1 else []) + ([m.sname] if overload & 2 else [])
        return m

    def read_options(self, field):
        at = 0
        while at < len(field) and field[at] != END:
            code = field[at]
            if code == PAD:
                at += 1
                continue
            length = field[at + 1]
            self.order += [] if code in self.options else [code]
            self.options[code] = self.options.get(code, b"") + field[at + 2 : at + 2 + length]
            at += 2 + length


class Client:
    """Sends from port 68 of one interface, without an address of its own unless one was given."""

    def __init__(self, host, interface, mac="02:00:5e:00:53:01", port=68):
        self.host, self.interface, self.mac, self.port = host, interface, mac, port
        with host.inside():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            # What a host without an address is sent in a frame never comes by UDP.
            self.frames = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
            self.frames.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            self.frames.bind((interface, 0x0800))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, interface.encode() + b"\0")
        self.socket.bind(("0.0.0.0", port))

    def close(self):
        self.socket.close()
        self.frames.close()

    def message(self, kind, options=None, **fields):
        m = Message(self.mac)
        m.options = {TYPE: bytes([kind]), **(options or {})}
        for name, value in fields.items():
            setattr(m, name, value)
        return m

    def send(self, message, to=BROADCAST):
        wire = message if isinstance(message, bytes) else message.wire()
        self.socket.sendto(wire, (to, 67))

    def heard(self, xid, wait=WAIT_S):
        """The next answer to xid (None: any), however it came: (message, destination address); None: nothing."""
        until = time.monotonic() + wait
        while (left := until - time.monotonic()) > 0:
            if not select.select([self.frames], [], [], left)[0]:
                return None
            packet = self.frames.recv(4096)
            head = (packet[0] & 15) * 4
            if packet[9] != 17:
                continue
            if int.from_bytes(packet[head + 2 : head + 4], "big") != self.port:
                continue
            message = Message.read(packet[head + 8 :])
            message.wire_as_heard = packet[head + 8 :]
            if xid is None or message.xid == xid:
                return message, text_of(packet[16:20])
        return None

    def forget(self):
        """What came until now is nobody's answer."""
        while select.select([self.frames], [], [], 0)[0]:
            self.frames.recv(4096)

    def ask(self, message, to=BROADCAST, wait=WAIT_S):
        """The answer, or None."""
        self.send(message, to)
        answer = self.heard(message.xid, wait)
        return answer[0] if answer else None

    def insist(self, message, wait):
        """As a client does that knows of no server: says it again until it is answered, however late the answer is."""
        until, answer = time.monotonic() + wait, None
        while not answer and time.monotonic() < until:
            self.send(message)
            answer = self.heard(message.xid, AGAIN_S)
        return answer[0] if answer else None

    # ---- RFC 2131, table 4

    def discover(self, options=None, wait=WAIT_S, **fields):
        return self.ask(self.message(DISCOVER, options, **fields), wait=wait)

    def selecting(self, offer, options=None, **fields):
        """The REQUEST that takes an offer."""
        wanted = {REQUESTED: packed(offer.yiaddr), SERVER: offer.options[SERVER], **(options or {})}
        return self.message(REQUEST, wanted, xid=offer.xid, **fields)

    def request(self, offer, options=None, wait=WAIT_S, **fields):
        """SELECTING: the answer to an offer."""
        return self.ask(self.selecting(offer, options, **fields), wait=wait)

    def reboot(self, address, options=None, wait=WAIT_S):
        """INIT-REBOOT: an address of old, no server."""
        return self.ask(self.message(REQUEST, {REQUESTED: packed(address), **(options or {})}), wait=wait)

    def bind(self, options=None, **fields):
        """DISCOVER to ACK; the ACK."""
        offer = self.discover(options, **fields)
        assert offer is not None and offer.type == OFFER, "no offer"
        ack = self.request(offer, options, **fields)
        assert ack is not None and ack.type == ACK, "no ack"
        return ack


# ---- real clients

SCRIPT = """#!/bin/sh
# What the client says it got, a line each time; and what a host does with it.
LOG=$(dirname "$0")/heard
say() {{ echo "$*" >>"$LOG"; }}
take() {{ ip addr flush dev "$1"; ip addr add "$2/$3" dev "$1"; [ -n "$4" ] && ip route replace default via "$4"; :; }}
{body}
"""

UDHCPC_BODY = """
case $1 in
bound|renew)
	[ "$1" = bound ] && take "$interface" "$ip" "${{mask:-24}}" "${{router%% *}}"
	say "$1 address=$ip server=$serverid lease=$lease dns=$dns router=$router" ;;
*) say "$1" ;;
esac
""".replace("{{", "{").replace("}}", "}")

DHCLIENT_BODY = """
bits() { python3 -c 'import sys,ipaddress;print(ipaddress.ip_network("0.0.0.0/"+sys.argv[1]).prefixlen)' "$1"; }
case $reason in
PREINIT) ip link set "$interface" up ;;
BOUND|REBOOT) take "$interface" "$new_ip_address" "$(bits "$new_subnet_mask")" "${new_routers%% *}" ;;
EXPIRE|FAIL|RELEASE|STOP) ip addr flush dev "$interface" ;;
esac
case $reason in BOUND) word=bound;; REBOOT) word=reboot;; RENEW) word=renew;; REBIND) word=rebind;; *) word=$reason;; esac
say "$word address=$new_ip_address server=$new_dhcp_server_identifier lease=$new_dhcp_lease_time dns=$new_domain_name_servers router=$new_routers"
exit 0
"""

DHCPCD_BODY = """
case $reason in
BOUND) word=bound;; REBOOT) word=reboot;; RENEW) word=renew;; REBIND) word=rebind;; *) word=$reason;;
esac
say "$word address=$new_ip_address server=$new_dhcp_server_identifier lease=$new_dhcp_lease_time dns=$new_domain_name_servers router=$new_routers"
"""


class RealClient:
    """A program that configures an interface. heard(): the lines of its script, as dictionaries."""

    body = ""

    def __init__(self, host, interface):
        self.host, self.interface, self.process = host, interface, None
        made = len(list(Path("/tmp").glob(f"{host.space}-client-*")))
        self.folder = Path("/tmp") / f"{host.space}-client-{made}"
        self.folder.mkdir()
        self.script = self.folder / "script"
        self.script.write_text(SCRIPT.replace("{body}", self.body).replace("{{", "{").replace("}}", "}"))
        self.script.chmod(0o755)
        host.net.services.append(self)
        self.name = type(self).__name__

    def command(self):
        raise NotImplementedError

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = self.host.popen(
                *self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder
            )
        return self

    def log(self):
        texts = [self.folder / "heard", self.folder / "log"]
        return "".join(path.read_text(errors="replace") for path in texts if path.exists())

    def heard(self):
        path = self.folder / "heard"
        lines = path.read_text().splitlines() if path.exists() else []
        return [
            {"what": line.split()[0], **dict(word.split("=", 1) for word in line.split()[1:] if "=" in word)}
            for line in lines
        ]

    def wait(self, *whats, count=1, timeout=15):
        """Waits until the script was called for one of whats that many times; returns the last."""
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            found = [line for line in self.heard() if line["what"] in whats]
            if len(found) >= count:
                return found[-1]
            assert self.process.poll() is None, f"{self.name} ended\n{self.log()}"
            time.sleep(0.05)
        raise TimeoutError(f"{self.name}: no {whats} within {timeout} s\n{self.log()}")

    def stop(self, sign=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(sign)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)

    def release(self):
        """Gives the address back and ends."""
        raise NotImplementedError

    def kill(self):
        self.stop(signal.SIGKILL)

    def remembers(self):
        """Whether it would ask for its address again after a reboot."""
        return True

    def close(self):
        self.kill()


class Udhcpc(RealClient):
    body = UDHCPC_BODY

    def __init__(self, host, interface, *arguments):
        super().__init__(host, interface)
        self.arguments = arguments

    def command(self):
        return ["udhcpc", "-f", "-i", self.interface, "-s", self.script, "-t", "10", "-T", "1", *self.arguments]

    def renew(self):
        self.process.send_signal(signal.SIGUSR1)

    def release(self):
        self.process.send_signal(signal.SIGUSR2)
        self.wait("deconfig", count=2)
        self.stop()


class Dhclient(RealClient):
    body = DHCLIENT_BODY

    def __init__(self, host, interface, config=""):
        super().__init__(host, interface)
        (self.folder / "conf").write_text("timeout 20;\nretry 1;\ninitial-interval 1;\n" + config)

    def files(self):
        folder = self.folder
        return ["-sf", folder / "script", "-lf", folder / "leases", "-pf", folder / "pid", "-cf", folder / "conf"]

    def command(self):
        return ["dhclient", "-4", "-d", "-v", *self.files(), self.interface]

    def remembers(self):
        path = self.folder / "leases"
        return path.exists() and "expire" in path.read_text()

    def release(self):
        done = self.host.run("dhclient", "-4", "-r", "-v", *self.files(), self.interface)
        assert done.returncode == 0, done.stderr
        self.stop()


class Dhcpcd(RealClient):
    """It keeps its files in fixed places: they are made new for it, in mounts of its own."""

    body = DHCPCD_BODY

    def __init__(self, host, interface, config=""):
        super().__init__(host, interface)
        (self.folder / "conf").write_text(
            "ipv4only\nnoipv4ll\noption domain_name_servers, routers, host_name\nclientid\ntimeout 20\n" + config
        )
        (self.folder / "db").mkdir()

    def shell(self, *words):
        mounts = f"mkdir -p /run/dhcpcd && mount --bind {self.folder}/db /var/lib/dhcpcd && "
        mounts += f"mkdir -p {self.folder}/run && mount --bind {self.folder}/run /run/dhcpcd && exec "
        return ["unshare", "-m", "sh", "-c", mounts + " ".join(map(str, words))]

    def remembers(self):
        return any((self.folder / "db").iterdir())

    def command(self):
        folder = self.folder
        return self.shell("dhcpcd", "-B", "-d", "-f", folder / "conf", "-c", folder / "script", self.interface)

    def release(self):
        self.process.send_signal(signal.SIGALRM)  # dhcpcd(8): release and exit
        self.process.wait(10)



@contextlib.contextmanager
def sniffing(host, interface, ethertype=3):
    """Frames that pass an interface meanwhile, as a list that grows."""
    with host.inside():
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ethertype))
        tap.bind((interface, ethertype))
    tap.setblocking(False)

    class Frames(list):
        def read(self):
            with contextlib.suppress(BlockingIOError):
                while True:
                    self.append(tap.recv(4096))
            return self

    try:
        yield Frames()
    finally:
        tap.close()


