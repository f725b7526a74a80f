"""Frames on a host's interface, sent and seen one by one, for tests that are both ends of a translator."""

import ctypes
import fcntl
import socket
import struct
import threading
import time

from scapy.layers.inet import IP
from scapy.layers.l2 import Ether

SIOCETHTOOL = 0x8946
OFFLOADS = {"tx": 0x17, "gro": 0x2C}  # ETHTOOL_STXCSUM, ETHTOOL_SGRO


def mac_of(host, interface):
    return host.netlink.mac(interface)


def offload(host, interface, feature, on):
    """What `ethtool -K` does. tx: whether checksums may be left to the device."""
    value = ctypes.create_string_buffer(struct.pack("II", OFFLOADS[feature], on))
    with host.inside():
        control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with control:
        fcntl.ioctl(control, SIOCETHTOOL, struct.pack("16sQ16x", interface.encode(), ctypes.addressof(value)))


class End:
    """A host's interface. `to`: the link address that what is sent goes to."""

    def __init__(self, host, interface, to):
        self.host, self.interface = host, interface
        self.mac, self.to = mac_of(host, interface), to
        with host.inside():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind((interface, 0))
        self.head = bytes(Ether(dst=to, src=self.mac, type=0x0800))

    def send(self, *packets):
        for packet in packets:
            self.socket.send(self.head + (packet if isinstance(packet, bytes) else bytes(packet)))

    def received(self, until, seconds=10):
        """IPv4 packets from the gateway up to the first that `until` is true of."""
        seen, end = [], time.monotonic() + seconds
        while time.monotonic() < end:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                octets, (_, protocol, kind, *_) = self.socket.recvfrom(65536)
            except TimeoutError:
                break
            if protocol != 0x0800 or kind == socket.PACKET_OUTGOING:
                continue
            seen.append(Ether(octets)[IP])
            if until(seen[-1]):
                return seen
        raise AssertionError(f"{self.host} did not get it, but {[p.summary() for p in seen]}")


class Watcher:
    """All IPv4 packets that come in at an interface meanwhile, as octets from their IP header on, with the instants."""

    def __init__(self, host, interface):
        self.packets, self.done = [], False
        with host.inside():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.socket.bind((interface, 0))
        self.socket.settimeout(0.1)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        while True:
            try:
                octets, (_, _, kind, *_) = self.socket.recvfrom(65536)
                if kind != socket.PACKET_OUTGOING:
                    self.packets.append((time.monotonic(), octets))
            except TimeoutError:
                if self.done:
                    return

    def close(self):
        self.done = True
        self.thread.join(10)
        self.socket.close()
