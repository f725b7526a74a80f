"""Many DHCPv6 clients at one interface of one host, each with a DUID, an address and a delegated prefix; and two servers
for them on one PostgreSQL database. What servers acknowledge is kept and judged at once:

    pair = Pair6(net, postgres)
    guests = pair.crowd.join(pair.crowd.guests(50))     Solicit to Reply, all of them
    pair.crowd.renew(guests, guests[0].server)          Renew, by its DUID; pair.crowd.rebind(guests): whoever answers
    pair.judge()                                        two holders of one lease, or one that is lost
"""

import ipaddress
import random
import select
import socket
import struct
import time

from dhcp_site import Site, eventually

SOLICIT, ADVERTISE, REQUEST, RENEW, REBIND, REPLY, RELEASE = 1, 2, 3, 5, 6, 7, 8
CLIENTID, SERVERID, IA_NA, IAADDR, STATUS, IA_PD, IAPREFIX = 1, 2, 3, 5, 13, 25, 26
BODIES = {IA_NA: IAADDR, IA_PD: IAPREFIX}
AGAIN_S = 1.0  # a message is repeated after this, and the tries end after so many:
TRIES = 12
CLOCKS_S = 0.1


def options(wire):
    while wire:
        code, length = struct.unpack("!HH", wire[:4])
        yield code, wire[4 : 4 + length]
        wire = wire[4 + length :]


def option(code, body):
    return struct.pack("!HH", code, len(body)) + body


def leases_in(message):
    """{lease as text: valid lifetime}, and the status codes of the IAs."""
    found, codes = {}, []
    for code, body in options(message[4:]):
        for inner, value in options(body[12:]) if code in BODIES else ():
            if inner == IAADDR:
                found[str(ipaddress.IPv6Address(value[:16]))] = struct.unpack("!I", value[20:24])[0]
            elif inner == IAPREFIX:
                prefix = ipaddress.IPv6Network((value[9:25], value[8]))
                found[str(prefix)] = struct.unpack("!I", value[4:8])[0]
            elif inner == STATUS:
                codes.append(struct.unpack("!H", value[:2])[0])
    return found, codes


class Guest6:
    """waits: the type of message that it sent, None: nothing is under way."""

    def __init__(self, crowd, number):
        self.crowd, self.duid = crowd, bytes([0, 3, 0, 1, 2, 0, 0x5E, 0, number >> 8, number & 255])
        self.leases, self.server, self.waits = {}, None, None  # leases: {text: Unix time of its end}
        self.offers, self.replies, self.refused = [], [], []
        self.tries, self.due = 0, 0.0

    def __repr__(self):
        return f"<{self.duid.hex()} {self.leases} waits for an answer to {self.waits}>"

    @property
    def bound(self):
        return len(self.leases) == 2 and min(self.leases.values()) > time.time()

    def wire(self):
        body = option(CLIENTID, self.duid)
        if self.waits not in (SOLICIT, REBIND):
            body += option(SERVERID, self.server)
        for kind in (IA_NA, IA_PD):
            inside = b""
            for lease in self.leases:
                if ("/" in lease) == (kind == IA_PD):
                    net = ipaddress.ip_network(lease)
                    raw, times = net.network_address.packed, bytes(8)
                    value = times + bytes([net.prefixlen]) + raw if kind == IA_PD else raw + times
                    inside += option(BODIES[kind], value)
            body += option(kind, struct.pack("!III", kind, 0, 0) + inside)
        return struct.pack("!I", self.waits << 24 | self.xid) + body

    def begin(self, kind, server=None):
        self.waits, self.tries, self.offers = kind, 0, []
        self.server = server or self.server
        self.xid = self.crowd.number(self)
        self.post()

    def post(self):
        self.due = time.monotonic() + AGAIN_S
        self.crowd.send(self.wire())

    def again(self):
        self.tries += 1
        if self.tries >= TRIES or (self.waits == REQUEST and self.tries > 2):
            if self.waits == REQUEST:
                self.begin(SOLICIT)
            else:
                self.waits = None
        elif self.offers:
            self.begin(REQUEST, self.crowd.choose(self.offers))
        else:
            self.post()

    def heard(self, kind, message):
        top = dict(options(message[4:]))
        server, (leases, codes) = top.get(SERVERID), leases_in(message)
        if top.get(CLIENTID) != self.duid:
            return
        if kind == ADVERTISE and self.waits == SOLICIT:
            self.refused += codes
            if not codes and server not in self.offers:
                self.offers.append(server)
            if len(self.offers) >= self.crowd.offers_wanted:
                self.begin(REQUEST, self.crowd.choose(self.offers))
        elif kind == REPLY and self.waits in (REQUEST, RENEW, REBIND):
            self.refused += codes
            self.waits, self.server = None, server
            self.replies.append(leases)
            self.crowd.acknowledged(self, leases)
        elif kind == REPLY and self.waits == RELEASE:
            self.waits = None

    def release(self):
        self.begin(RELEASE)
        for lease in list(self.leases):
            self.crowd.holders.pop(lease, None)


class Crowd6:
    def __init__(self, host, interface, seed=0):
        with host.inside():
            self.socket = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            self.index = socket.if_nametoindex(interface)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            self.socket.bind(("::", 546))
        self.socket.setblocking(False)
        self.random = random.Random(seed)
        self.all, self.by_xid, self.wrong = [], {}, []
        self.holders = {}  # {lease: (guest, Unix time until which it was promised)}
        self.offers_wanted, self.choose = 1, lambda offers: offers[0]

    def close(self):
        self.socket.close()

    def guests(self, n):
        new = [Guest6(self, len(self.all) + i) for i in range(n)]
        self.all += new
        return new

    def number(self, guest):
        xid = self.random.randrange(1 << 24)
        self.by_xid[xid] = guest
        return xid

    def send(self, wire):
        self.socket.sendto(wire, ("ff02::1:2", 547, 0, self.index))

    def acknowledged(self, guest, leases):
        now = time.time()
        for lease, valid in leases.items():
            other, until = self.holders.get(lease, (guest, 0))
            if not valid:
                guest.leases.pop(lease, None)
                continue
            if other is not guest and until > now:
                self.wrong.append(f"{lease} of {other} is acknowledged to {guest}")
            guest.leases[lease] = now + valid
            self.holders[lease] = (guest, now + valid)

    def broken(self, rows):
        """Promises that are still good and that those rows (postgres.Postgres.rows6) do not bear out."""
        now, found = time.time(), []
        for lease, (guest, until) in self.holders.items():
            row = rows.get(lease)
            if until > now and (not row or row[:2] != ("bound", guest.duid) or row[2] < until - CLOCKS_S):
                found.append(f"{lease} was promised to {guest.duid.hex()} until {until:.2f}, the row is {row}")
        return found

    def turn(self, wait=0.02):
        if select.select([self.socket], [], [], wait)[0]:
            try:
                for _ in range(256):
                    message = self.socket.recv(4096)
                    number = int.from_bytes(message[:4], "big")
                    guest = self.by_xid.get(number & 0xFFFFFF)
                    if guest and guest.xid == number & 0xFFFFFF:
                        guest.heard(number >> 24, message)
            except BlockingIOError:
                pass
        now = time.monotonic()
        for guest in self.all:
            if guest.waits and now >= guest.due:
                guest.again()

    def drive(self, guests, start, window=32, timeout=30):
        """Calls start for each, so many at a time, until none waits."""
        left, running, until = list(guests), [], time.monotonic() + timeout
        while (left or running) and time.monotonic() < until:
            running = [guest for guest in running if guest.waits]
            while left and len(running) < window:
                running.append(left.pop(0))
                start(running[-1])
            self.turn()
        for guest in running:
            guest.waits = None
        return guests

    def join(self, guests, **how):
        return self.drive(guests, lambda guest: guest.begin(SOLICIT), **how)

    def renew(self, guests, server, **how):
        return self.drive(guests, lambda guest: guest.begin(RENEW, server), **how)

    def rebind(self, guests, **how):
        return self.drive(guests, lambda guest: guest.begin(REBIND), **how)

    def release(self, guests, **how):
        return self.drive(guests, Guest6.release, **how)


CONFIG = """dhcp:
  store: URL
  ipv6:
    networks:
      - subnet: 2001:db8:7::/64
        pools: [{range: "2001:db8:7::1000-2001:db8:7::1063", allocate: dynamic}]
        prefix-pools: [{prefix: "2001:db8:100::/48", delegated-length: 56, allocate: dynamic}]
"""


class Site6(Site):
    def __init__(self, net, text, number, switch=None):
        super().__init__(net, text, start=False, name=f"server{number}", address=f"192.168.7.{number}", switch=switch)
        self.gateway.address(self.interface, f"2001:db8:7::{number}/64")
        self.service.start()

    def leases6(self):
        """As pairs of lease and DUID."""
        leases = self.get("/leases6?limit=1000")["leases"]
        return {(l["lease"], l["duid"].replace(":", "")) for l in leases if l["state"] == "bound"}


class Pair6:
    """100 addresses, 256 prefixes, two servers."""

    def __init__(self, net, postgres):
        self.postgres = postgres
        text = CONFIG.replace("URL", postgres.empty())
        self.one = Site6(net, text, 1)
        self.two = Site6(net, text, 2, switch=self.one.switch)
        self.sites = (self.one, self.two)
        host = net.host("crowd")
        interface = net.plug(host, "", self.one.switch)
        assert eventually(lambda: host.netlink.is_ready6(interface))
        self.crowd = Crowd6(host, interface)

    def close(self):
        self.crowd.close()
        for site in self.sites:
            site.close()

    def given(self, n):
        """Guests with leases, some of each server."""
        crowd, guests = self.crowd, self.crowd.guests(n)
        crowd.offers_wanted, crowd.choose = 2, crowd.random.choice
        crowd.join(guests)
        assert all(guest.bound for guest in guests), [guest for guest in guests if not guest.bound]
        crowd.offers_wanted, crowd.choose = 1, lambda offers: offers[0]
        return guests

    def judge(self):
        """Never two holders of one lease, never an acknowledged one lost."""
        assert not self.crowd.wrong, "\n".join(self.crowd.wrong)
        broken = self.crowd.broken(self.postgres.rows6())
        assert not broken, "\n".join(broken)

    def agree(self):
        """Each server knows the leases that are durable, no more and no fewer."""
        rows = self.postgres.rows6()
        bound = {(lease, duid.hex()) for lease, (state, duid, until) in rows.items() if state == "bound"}
        for site in self.sites:
            assert eventually(lambda site=site: site.leases6() == bound), (site.address, site.leases6() ^ bound)
