#!/usr/bin/python3
"""Writes the DHCP messages, options and frames that the fuzz targets start from: what real clients
and servers say to each other in a network namespace, and what scapy makes of the rest.

Usage: dhcp_corpus.py CORPUS-DIRECTORY   (as root; holds proto_dhcp_message_fuzz/ and others)
Transaction ids and clocks differ from run to run.
"""

import contextlib
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "net"))
from topology import Net  # noqa: E402

DNSMASQ = """
port=0
interface=to-client
bind-interfaces
dhcp-authoritative
dhcp-range=192.0.2.100,192.0.2.200,1h
dhcp-option=option:ntp-server,192.0.2.1
dhcp-option=option:domain-search,eng.example.com,marketing.example.com
dhcp-option=option:classless-static-route,10.0.0.0/8,192.0.2.2
dhcp-option=114,https://portal.example/api
dhcp-boot=pxelinux.0,boot,192.0.2.1
domain=example.com
"""
DHCPD = """
default-lease-time 600; max-lease-time 7200; authoritative;
option domain-name "example.com";
option domain-name-servers 192.0.2.1, 192.0.2.2;
option routers 192.0.2.1;
subnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.100 192.0.2.200; filename "pxe/boot.efi";
  server-name "boot.example.com"; next-server 192.0.2.1; }
"""


class Recorder:
    """Keeps each datagram from or to port 67 that passes an interface, once for each kind of it."""

    def __init__(self, host, interface):
        with host.inside():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind((interface, 3))
        self.socket.settimeout(0.2)
        self.frames, self.running = [], True
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while self.running:
            with contextlib.suppress(TimeoutError):
                self.frames.append(self.socket.recv(65535))

    def close(self):
        self.running = False
        self.thread.join()
        self.socket.close()


def datagram(frame):
    """The UDP payload of a DHCP frame, or None."""
    if frame[12:14] != b"\x08\x00" or frame[23] != 17:
        return None
    at = 14 + (frame[14] & 15) * 4
    ports = struct.unpack(">HH", frame[at : at + 4])
    return frame[at + 8 :] if 67 in ports else None


def message_type(message):
    at = message.find(b"\x35\x01", 240)
    return message[at + 2] if at > 0 else 0


def clients(host, folder):
    """Each client from DISCOVER to its lease, and where it can, to RELEASE."""
    interface = "to-server"
    udhcpc = ["busybox", "udhcpc", "-f", "-n", "-i", interface, "-s", "/bin/true"]
    yield "udhcpc", lambda: host.run(*udhcpc, "-q", "-R", "-O", "search", "-O", "121")
    dhclient = ["-lf", f"{folder}/leases", "-pf", f"{folder}/pid", "-sf", "/bin/true", interface]
    yield "dhclient", lambda: host.run("dhclient", "-1", "-d", "-v", *dhclient, timeout=6)
    yield "dhclient-release", lambda: host.run("dhclient", "-r", "-v", *dhclient, timeout=6)
    yield "dhcpcd", lambda: host.run("dhcpcd", "-4", "-T", "-t", "4", interface, timeout=8)


def servers(host, folder):
    conf = pathlib.Path(folder, "conf")
    leases = pathlib.Path(folder, "server-leases")
    conf.write_text(DNSMASQ)
    yield "dnsmasq", ["dnsmasq", "-k", "-C", conf, f"--dhcp-leasefile={leases}", "--user=root"]
    other = pathlib.Path(folder, "dhcpd.conf")
    other.write_text(DHCPD)
    pathlib.Path(folder, "dhcpd.leases").touch()
    files = ["-lf", f"{folder}/dhcpd.leases", "-pf", f"{folder}/dhcpd.pid"]
    yield "dhcpd", ["dhcpd", "-f", "-4", "-cf", other, *files, "to-client"]


def record(into):
    net = Net()
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder).chmod(0o777)
        try:
            client, server = net.host("client"), net.host("server")
            net.cable(client, "", server, "192.0.2.1/24")
            for name, command in servers(server, folder):
                process = server.popen(*command, stderr=subprocess.DEVNULL)
                time.sleep(1)
                for who, run in clients(client, folder):
                    recorder = Recorder(server, "to-client")
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        run()
                    time.sleep(0.3)
                    recorder.close()
                    client.ip("address", "flush", "dev", "to-server")
                    for frame in recorder.frames:
                        message = datagram(frame)
                        if message:
                            into(f"{who}-{name}-{message_type(message)}", message, frame)
                process.terminate()
                process.wait()
        finally:
            net.close()


def made():
    """Messages of kinds that no client here sends."""
    from scapy.layers.dhcp import BOOTP, DHCP

    mac = bytes.fromhex("020000000001") + bytes(10)
    end = [("end")]
    windows = [("message-type", 1), ("client_id", b"\x01" + mac[:6]), ("hostname", b"DESKTOP-1"),
               (81, b"\x00\x00\x00DESKTOP-1.example.com"), ("vendor_class_id", b"MSFT 5.0"),
               ("param_req_list", [1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 119, 121, 249, 252])]
    pxe = [("message-type", 1), ("max_dhcp_size", 1472), (93, b"\x00\x07"), (94, b"\x01\x03\x10"),
           (97, b"\x00" + bytes(range(16))), ("vendor_class_id", b"PXEClient:Arch:00007:UNDI:003016"),
           ("param_req_list", [1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 43, 60, 66, 67, 128, 129, 150])]
    relayed = [("message-type", 1), (82, b"\x01\x04eth0\x02\x06" + mac[:6] + b"\x05\x04\xc0\x00\x02\x00"
                                          b"\x0b\x04\xc0\x00\x02\x01\x97\x03\x00vp")]
    android = [("message-type", 1), (61, b"\xff\x00\x00\x00\x01\x00\x03\x00\x01" + mac[:6]),
               ("vendor_class_id", b"android-dhcp-14"), (80, b""),
               ("param_req_list", [1, 3, 6, 15, 26, 28, 51, 58, 59, 43, 114, 108])]
    modem = [("message-type", 1), (43, b"\x02\x03ECM\x04\x081234567\x00"), (125, b"\x00\x00\x11\x8b\x03\x01\x01\x02"),
             (124, b"\x00\x00\x11\x8b\x05\x04docs"), (77, b"\x04iPXE\x03lab"), (145, b"\x01")]
    split = [("message-type", 5), (121, b"\x08\x0a\xc0\x00\x02\x01" * 40), (121, b"\x10\x0a\x01\xc0\x00\x02\x01"),
             (90, b"\x03\x01\x00" + bytes(8) + b"\x01" + bytes(16))]
    force = [("message-type", 9), (90, b"\x03\x01\x00" + bytes(8) + b"\x02" + bytes(16))]
    kinds = {"windows": windows, "pxe": pxe, "relayed": relayed, "android": android, "modem": modem}
    for name, options in kinds.items():
        yield name, bytes(BOOTP(op=1, xid=7, chaddr=mac) / DHCP(options=options + end))
    for name, options in {"split": split, "force": force}.items():
        yield name, bytes(BOOTP(op=2, xid=7, chaddr=mac, yiaddr="192.0.2.7") / DHCP(options=options + end))
    over = bytearray(bytes(BOOTP(op=2, xid=7, chaddr=mac) / DHCP(options=[
        ("message-type", 2), (52, b"\x03"), ("hostname", b"a"), ("end")])))
    over[108:236] = (b"\x0c\x02bc\x43\x05x.efi\xff" + bytes(128))[:128]
    over[44:108] = (b"\x0c\x01d\x42\x04boot\xff" + bytes(64))[:64]
    yield "overload", bytes(over)
    yield "bootp", bytes(BOOTP(op=1, xid=7, chaddr=mac, options=b"")).ljust(300, b"\0")


OPTIONS = {
    1: "255.255.255.0", 2: "-3600", 3: "192.0.2.1|192.0.2.2", 12: "host", 19: "true", 21: "192.0.2.0/24|10.0.0.0 255.0.0.0",
    25: "68|1500", 43: "01:02:0a:0b", 51: "1d12h", 53: "DISCOVER", 55: "routers|254", 61: "01:02:00:00:00:00:01",
    77: "iPXE|lab", 78: "true|192.0.2.1", 79: "true scope", 80: "true", 93: "7|16", 108: "30m",
    97: "00112233-4455-6677-8899-aabbccddeeff", 119: "eng.example.com|marketing.example.com", 120: "sip.example|192.0.2.1",
    121: "0.0.0.0/0 192.0.2.1|10.229.0.128/25 0.0.0.0", 124: "4491 0a0b", 137: "lost.example", 158: "192.0.2.1 192.0.2.2",
}
FRAMES = [
    "020000000002020000000001080045000021000040004011b67dc0000201c000024d00430044000d372c68656c6c6f",
    "020000000002020000000001080045000025000040004001b689c0000201c000024d0800c71a1234000767617465686f757365",
    "ffffffffffff0200000000010806000108000604000102000000000100000000000000000000c000024d",
    "0200000000010200000000028100602a08060001080006040002020000000002c000024d02000000000100000000",
]


def main():
    top = pathlib.Path(sys.argv[1])
    folders = {name: top / f"proto_{name}_fuzz" for name in ("dhcp_message", "dhcp_option", "dhcp_relay", "ip_frame")}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)

    def into(name, message, frame=None):
        (folders["dhcp_message"] / name).write_bytes(message)
        at = 240
        while at + 1 < len(message) and message[at] not in (0, 255):
            code, length = message[at], message[at + 1]
            if length:
                (folders["dhcp_option"] / f"{name}-{code}").write_bytes(
                    bytes([code]) + message[at + 2 : at + 2 + length])
            at += 2 + length
        if name in ("relayed", "overload", "split") or name.startswith("dhclient-dhcpd"):
            (folders["dhcp_relay"] / name).write_bytes(message)
        if frame and name.startswith("udhcpc"):
            (folders["ip_frame"] / name).write_bytes(frame)

    record(into)
    for name, message in made():
        into(name, message)
    for code, text in OPTIONS.items():
        (folders["dhcp_option"] / f"text-{code}").write_bytes(bytes([code]) + text.encode())
    (folders["dhcp_relay"] / "option").write_bytes(
        b"\x01\x04eth0\x02\x06\x02\0\0\0\0\x01\x05\x04\xc0\0\x02\0\x06\x03sub\x0a\x01\x80\x0b\x04\xc0\0\x02\x01")
    for number, text in enumerate(FRAMES):
        (folders["ip_frame"] / f"frame-{number}").write_bytes(bytes.fromhex(text))


if __name__ == "__main__":
    main()
