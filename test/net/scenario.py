"""A small world of scripted name servers for the resolver to walk through, in one host's loopback:

    world = World(host)
    root = world.server("127.0.1.1", {"com *": refer("com", {"ns.com": "127.0.1.2"})})
    com = world.server("127.0.1.2", {"www.com A": answer("www.com 60 A 192.0.2.1")})
    ... com.asked == [Asked(name="www.com.", kind="A", ...)]

A key is "NAME TYPE": TYPE `*` is any type, and NAME then stands for all below it as well. The most
exact key counts; who has none says REFUSED. A value is what answer(), deny(), refer() or fail()
made, or a function of the Query that returns bytes, a message, a list of those, or None (silence).
"""

import copy
import dataclasses
import select
import socket
import struct
import threading

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

import ask
from service import Service

SOA = "SOA ns.invalid. admin.invalid. 1 7200 3600 1209600"


@dataclasses.dataclass(frozen=True)
class Query:
    """One question that a server was asked."""

    name: str
    kind: str
    tcp: bool
    source: str
    message: dns.message.Message = dataclasses.field(compare=False, repr=False)

    def __str__(self):
        return f"{self.name} {self.kind}"


def records(lines):
    """"OWNER [TTL] TYPE RDATA" each; owners and names in rdata are absolute."""
    made = []
    for line in [lines] if isinstance(lines, str) else lines:
        owner, rest = line.split(None, 1)
        ttl, rest = rest.split(None, 1) if rest[0].isdigit() else ("300", rest)
        kind, rdata = rest.split(None, 1)
        rrset = dns.rrset.from_text(dns.name.from_text(owner), int(ttl), "IN", kind, rdata)
        made.append(rrset)
    return made


def message(query, rcode="NOERROR", flags="AA", answer=(), authority=(), additional=(), question=None):
    """A reply to the query as a message to be altered or sent."""
    made = dns.message.make_response(query.message)
    made.question = copy.deepcopy(made.question) if question is None else question
    made.flags = dns.flags.QR | dns.flags.from_text(flags)
    made.answer, made.authority, made.additional = map(records, (answer, authority, additional))
    made.set_rcode(dns.rcode.from_text(rcode))
    return made


def reply(**what):
    return lambda query: message(query, **what)


def answer(*lines, **more):
    return reply(answer=lines, **more)


def deny(zone, rcode="NXDOMAIN", ttl=300, minimum=60, **more):
    return reply(rcode=rcode, authority=[f"{zone} {ttl} {SOA} {minimum}"], **more)


def fail(rcode):
    return reply(rcode=rcode, flags="")


def glue(addresses, ttl=300):
    """{name: an address, or several with blanks between}, names without one are None."""
    return [
        f"{name} {ttl} {'AAAA' if ':' in address else 'A'} {address}"
        for name, several in addresses.items()
        for address in (several or "").split()
    ]


def refer(zone, servers, ttl=300, **more):
    lines = [f"{zone} {ttl} NS {name}." for name in servers]
    return reply(flags="", authority=lines, additional=glue(servers, ttl), **more)


def silence(_query):
    return None


class Server:
    """One address, UDP and TCP."""

    def __init__(self, world, address, rules, port):
        self.world, self.address, self.rules = world, address, rules
        self.asked = []
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        if not address.startswith("127."):
            world.host.address("lo", address + ("/128" if ":" in address else "/32"))
        with world.host.inside():
            self.udp = socket.socket(family, socket.SOCK_DGRAM)
            self.tcp = socket.socket(family, socket.SOCK_STREAM)
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for s in (self.udp, self.tcp):
            s.bind((address, port))
        self.tcp.listen(16)

    def find(self, name, kind):
        """The value of the most exact key."""
        name = name.rstrip(".").lower()
        for key in (f"{name} {kind}", f"{name} *"):
            if key in self.rules:
                return self.rules[key]
        while name:
            name = name.partition(".")[2]
            if f"{name} *" in self.rules:
                return self.rules[f"{name} *"]
        return fail("REFUSED")

    def replies(self, wire, tcp, source):
        try:
            asked = dns.message.from_wire(wire)
        except dns.exception.DNSException:
            return []
        if not asked.question:
            return []
        kind = dns.rdatatype.to_text(asked.question[0].rdtype)
        query = Query(asked.question[0].name.to_text().lower(), kind, tcp, source, asked)
        self.asked.append(query)
        made = self.find(query.name, kind)(query)
        several = made if isinstance(made, list) else [made]
        return [m if isinstance(m, bytes) else self.wire(m, query) for m in several if m is not None]

    @staticmethod
    def wire(made, query):
        size = 65535
        if not query.tcp:
            size = max(query.message.payload, 512) if query.message.edns >= 0 else 512
        try:
            return made.to_wire(max_size=size)
        except dns.exception.TooBig:
            made.answer, made.authority, made.additional = [], [], []
            made.flags |= dns.flags.TC
            return made.to_wire()

    def questions(self):
        return [str(query) for query in self.asked]

    def serve_udp(self):
        wire, source = self.udp.recvfrom(65535)
        for made in self.replies(wire, False, source[0]):
            self.udp.sendto(made, source)

    def serve_tcp(self):
        """One connection after the other: a resolver asks one question over each."""
        connection, source = self.tcp.accept()
        with connection:
            connection.settimeout(2)
            try:
                while True:
                    head = connection.recv(2, socket.MSG_WAITALL)
                    if len(head) < 2:
                        return
                    wire = connection.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL)
                    for made in self.replies(wire, True, source[0]):
                        connection.sendall(struct.pack("!H", len(made)) + made)
            except OSError:
                return


class World:
    """Servers in one host, all served by one thread until close()."""

    def __init__(self, host, port=53):
        self.host, self.port, self.servers = host, port, []
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def server(self, address, rules):
        made = Server(self, address, rules, self.port)
        self.servers = [*self.servers, made]
        return made

    def forget(self):
        for server in self.servers:
            server.asked = []

    def run(self):
        while not self.ending.is_set():
            by_socket = {}
            for server in self.servers:
                by_socket[server.udp], by_socket[server.tcp] = server.serve_udp, server.serve_tcp
            if not by_socket:
                self.ending.wait(0.02)
                continue
            for ready in select.select(list(by_socket), [], [], 0.02)[0]:
                by_socket[ready]()

    def close(self):
        self.ending.set()
        self.thread.join(10)
        for server in self.servers:
            server.udp.close()
            server.tcp.close()


# ---- the usual scene

RESOLVER_AT = "127.0.9.9"
ROOT, TLD, LEAF, LEAF2, OTHER = (f"127.0.1.{i}" for i in range(1, 6))
CONFIG = f"""\
resolver:
  listen: [{RESOLVER_AT}]
  workers: 1
  roots: [{ROOT}]
  prime: off
  ask-loopback: on
  special-names: off
"""


class Scene:
    """A world and a resolver in it."""

    def __init__(self, net):
        self.host = net.host("scene")
        self.world = World(self.host)
        self.service = None

    def server(self, address, rules):
        return self.world.server(address, rules)

    def tree(self, leaf, more=None):
        """root, com with net, and example.com at LEAF with these rules; returns the three."""
        zones = {"com": TLD, "net": TLD}
        root = {f"{z} *": refer(z, {f"ns.{z}": a}) for z, a in zones.items()}
        tld = {"example.com *": refer("example.com", {"ns.example.com": LEAF})}
        leaf.setdefault("example.com *", deny("example.com"))
        return (
            self.server(ROOT, {**root, **(more or {})}),
            self.server(TLD, {**tld, **(more or {})}),
            self.server(LEAF, leaf),
        )

    def resolver(self, more="", config=CONFIG, **options):
        self.service = Service(self.host, "resolver", config + more, **options).start()
        return self

    def ask(self, name, kind="A", server=RESOLVER_AT, **options):
        options.setdefault("timeout", 12)
        options.setdefault("use_edns", 0)
        return ask.dns_query(self.host, server, name, kind, **options)

    def rcode(self, name, kind="A", **options):
        return ask.rcode(self.ask(name, kind, **options))

    def values(self, name, kind="A", **options):
        return sorted(ask.values(self.ask(name, kind, **options), kind))
