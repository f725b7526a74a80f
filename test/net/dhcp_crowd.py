"""Many DHCP clients at one interface of one host, in frames: each has its MAC, answers ARP for the address it has,
and does what RFC 2131 says of a client. What servers acknowledge is kept and judged at once:

    crowd = Crowd(host, interface)
    guests = crowd.guests(300)
    crowd.join(guests)                 DISCOVER to ACK, all of them
    crowd.renew(guests, server)        unicast; crowd.rebind(guests): broadcast
    crowd.wrong                        two holders of one address at one time, as texts
    crowd.promised                     {address: (MAC, Unix time until which it was promised)}
"""

import random
import select
import socket
import struct
import time

from dhcp_client import (
    ACK, BROADCAST, DISCOVER, LEASE_TIME, NAK, OFFER, PACKET_IGNORE_OUTGOING, RELEASE, REQUEST, REQUESTED, SERVER,
    SOL_PACKET, TYPE, Message, packed, text_of,
)

ETH_ALL, ETH_IP, ETH_ARP = 3, 0x0800, 0x0806
PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC = 1, 1
SO_RCVBUFFORCE = 33
ALL = b"\xff" * 6
AGAIN_S = 1.0  # a message is repeated after this, and the tries end after so many:
TRIES = 12
CLOCKS_S = 0.1  # two clocks that are read one after the other, to the millisecond


def checksum(head):
    total = sum(struct.unpack(f"!{len(head) // 2}H", head))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


class Guest:
    """One client. waits: what it waits for: None, "offer", "ack"."""

    def __init__(self, crowd, mac):
        self.crowd, self.mac, self.raw = crowd, mac, bytes.fromhex(mac.replace(":", ""))
        self.address = self.server = self.waits = self.last = None
        self.until = 0.0  # Unix time when its lease ends
        self.xid = self.tries = 0
        self.began = self.sent = self.due = self.took = 0.0
        self.ages = True  # its `secs` grow while it waits
        self.offers, self.acks, self.naks = [], [], []

    def __repr__(self):
        return f"<{self.mac} {self.address} waits for {self.waits}>"

    @property
    def bound(self):
        return self.address is not None and self.until > time.time()

    def message(self, kind, options=None, ciaddr="0.0.0.0", secs=None):
        m = Message(self.mac, xid=self.xid, secs=int(time.monotonic() - self.began) if secs is None else secs)
        m.ciaddr = ciaddr
        m.options = {TYPE: bytes([kind]), **(options or {})}
        return m

    def begin(self):
        self.xid, self.began, self.tries = self.crowd.random.getrandbits(32), time.monotonic(), 0
        self.crowd.by_xid[self.xid] = self

    def post(self, message, to=BROADCAST, mac=ALL):
        """Sends it, and again until it is answered."""
        self.last = (message, to, mac)
        self.tries += 1
        if self.tries == 1:
            self.sent = time.time()
        self.due = time.monotonic() + AGAIN_S * self.crowd.random.uniform(0.8, 1.2)
        self.crowd.send(self, message, to, mac)

    def discover(self, options=None, secs=None, mac=ALL, select=True):
        """select: takes the offer that the crowd chooses."""
        self.begin()
        self.ages = secs is None
        self.waits, self.offers, self.selects = "offer", [], select
        self.post(self.message(DISCOVER, options, secs=secs), mac=mac)

    def select(self, offer):
        self.waits, self.tries = "ack", 0
        self.post(self.message(REQUEST, {REQUESTED: packed(offer.yiaddr), SERVER: offer.options[SERVER]}))

    def renew(self, to=BROADCAST, mac=ALL):
        self.begin()
        self.waits = "ack"
        self.post(self.message(REQUEST, ciaddr=self.address), to, mac)

    def reboot(self, address):
        self.begin()
        self.waits = "ack"
        self.post(self.message(REQUEST, {REQUESTED: packed(address)}))

    def release(self):
        """To whom it had the lease from; it was the last it said of that address."""
        self.begin()
        to, mac = self.server, self.crowd.servers.get(self.server)
        if mac:
            options = {SERVER: packed(to)}
            self.crowd.send(self, self.message(RELEASE, options, ciaddr=self.address), to, mac)
        self.leave()

    def leave(self):
        self.crowd.promised.pop(self.address, None)
        self.crowd.by_address.pop(self.address, None)
        self.address, self.waits = None, None

    def expire(self):
        """Who does not renew in time has it no more."""
        if self.address and not self.bound:
            self.leave()

    def again(self):
        if self.last[0].type == REQUEST and SERVER in self.last[0].options and self.tries >= 3:
            self.discover()  # the server that made the offer is gone
            return
        if self.tries >= TRIES:
            self.waits = None
            return
        message, to, mac = self.last
        if self.ages:
            message.secs = int(time.monotonic() - self.began)
        self.post(message, to, mac)

    def heard(self, m):
        if self.waits == "offer" and m.type == OFFER:
            self.offers.append(m)
            if not self.selects:
                self.waits = None
            elif len(self.offers) >= self.crowd.offers_wanted:
                self.select(self.crowd.choose(self.offers))
        elif self.waits == "ack" and m.type == ACK:
            self.waits, self.took = None, time.monotonic() - self.began
            self.acks.append(m)
            self.crowd.acknowledged(self, m)
        elif self.waits == "ack" and m.type == NAK:
            self.waits = None
            self.naks.append(m)
            if self.bound and self.last[0].ciaddr == self.address:
                self.crowd.wrong.append(f"{self.mac} may not renew {self.address}, says {m.address(SERVER)}, which it has"
                                        f" of {self.server} for {self.until - time.time():.1f} s more")
            if self.address:
                self.leave()
            if self.crowd.begin_anew:  # RFC 2131 3.1 5: "the client restarts the configuration process"
                self.discover()


class Crowd:
    def __init__(self, host, interface, seed=0):
        with host.inside():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
            self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
            self.socket.bind((interface, ETH_ALL))
            index = socket.if_nametoindex(interface)
            member = struct.pack("iHH8s", index, PACKET_MR_PROMISC, 0, b"")
            self.socket.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, member)
        self.socket.setblocking(False)
        self.random = random.Random(seed)
        self.by_xid, self.by_address, self.all = {}, {}, []
        self.servers = {}  # MAC by address, as heard
        self.promised, self.wrong = {}, []
        self.offers_wanted, self.choose = 1, lambda offers: offers[0]
        self.begin_anew = True  # after a NAK

    def close(self):
        self.socket.close()

    def guests(self, n):
        first = len(self.all)
        new = [Guest(self, f"02:00:5e:{i >> 16 & 255:02x}:{i >> 8 & 255:02x}:{i & 255:02x}") for i in range(first, first + n)]
        self.all += new
        return new

    # ---- frames

    def send(self, guest, message, to, mac):
        wire = message.wire()
        udp = struct.pack("!HHHH", 68, 67, 8 + len(wire), 0) + wire
        source = packed(message.ciaddr)
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, source, packed(to))
        head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
        self.put(mac + guest.raw + struct.pack("!H", ETH_IP) + head + udp)

    def put(self, frame):
        until = time.monotonic() + 1
        while time.monotonic() < until:
            try:
                self.socket.send(frame)
                return
            except (BlockingIOError, OSError):
                time.sleep(0.001)

    def arp(self, frame):
        sender, source, target = frame[22:28], frame[28:32], text_of(frame[38:42])
        guest = self.by_address.get(target)
        if frame[20:22] == b"\0\1" and guest and guest.bound:
            self.put(sender + guest.raw + frame[12:20] + b"\0\2" + guest.raw + packed(target) + sender + source)

    def take(self, frame):
        kind = frame[12:14]
        if kind == b"\x08\x06":
            self.arp(frame)
        if kind != b"\x08\0" or frame[23] != 17 or frame[34:38] != b"\0\x43\0\x44":
            return
        message = Message.read(frame[42:])
        if SERVER in message.options:
            self.servers[message.address(SERVER)] = frame[6:12]
        guest = self.by_xid.get(message.xid)
        # What was sent under an older number is nobody's answer (RFC 2131 4.4.1).
        if guest and guest.xid == message.xid and guest.mac == message.mac:
            guest.heard(message)

    def turn(self, wait=0.02):
        """Takes what has come, and repeats what is due."""
        if select.select([self.socket], [], [], wait)[0]:
            try:
                for _ in range(256):
                    self.take(self.socket.recv(4096))
            except BlockingIOError:
                pass
        now = time.monotonic()
        for guest in self.all:
            if guest.waits and now >= guest.due:
                if guest.waits == "offer" and guest.offers:
                    guest.select(self.choose(guest.offers))
                else:
                    guest.again()

    # ---- what was acknowledged

    def acknowledged(self, guest, m):
        seconds = m.number(LEASE_TIME)
        other = self.by_address.get(m.yiaddr)
        if other and other is not guest and other.bound:
            self.wrong.append(f"{m.yiaddr} acknowledged to {guest.mac} by {m.address(SERVER)}, and {other.mac} has it"
                              f" of {other.server} for {other.until - time.time():.1f} s more")
        if guest.address and guest.address != m.yiaddr:
            guest.leave()
        guest.address, guest.server = m.yiaddr, m.address(SERVER)
        # RFC 2131 4.4.1: from when the client sent its message, the first time.
        guest.until = guest.sent + seconds
        self.by_address[m.yiaddr] = guest
        self.promised[m.yiaddr] = (guest.mac, guest.until)

    def broken(self, rows):
        """Promises that are still good and that those rows (postgres.Postgres.rows) do not bear out."""
        now, found = time.time(), []
        for address, (mac, until) in self.promised.items():
            row = rows.get(address)
            if until > now and (row is None or row[0] != "bound" or row[1] != mac or row[2] < until - CLOCKS_S):
                found.append(f"{address} was promised to {mac} until {until:.2f}, the row is {row}")
        return found

    # ---- many at once

    def drive(self, guests, start, window=32, timeout=30):
        """Calls start for each, so many at a time, until none waits."""
        left, running, until = list(guests), [], time.monotonic() + timeout
        while (left or running) and time.monotonic() < until:
            running = [guest for guest in running if guest.waits]
            while left and len(running) < window:
                guest = left.pop(0)
                start(guest)
                running.append(guest)
            self.turn()
        for guest in running:
            guest.waits = None
        return guests

    def join(self, guests, **how):
        return self.drive(guests, Guest.discover, **how)

    def renew(self, guests, server, **how):
        return self.drive(guests, lambda guest: guest.renew(server, self.servers[server]), **how)

    def rebind(self, guests, **how):
        return self.drive(guests, Guest.renew, **how)

    def until(self, check, timeout=10):
        until = time.monotonic() + timeout
        while not check():
            assert time.monotonic() < until, self.all
            self.turn()

    def idle(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.turn()
