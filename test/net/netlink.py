"""Links, addresses and routes by netlink, as `ip` sets and shows them: every test draws a network, and a program for each
of its parts costs more than the part. A Netlink is of the network namespace in which its thread was when it was made."""

import ipaddress
import os
import socket
import struct
import threading

# linux/netlink.h, linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h, linux/veth.h
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP, NLM_F_EXCL, NLM_F_CREATE = 0x1, 0x4, 0x300, 0x200, 0x400
NLMSG_ERROR, NLMSG_DONE = 2, 3
RTM_NEWLINK, RTM_GETLINK, RTM_NEWADDR, RTM_GETADDR, RTM_NEWROUTE = 16, 18, 20, 22, 24
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_MASTER, IFLA_OPERSTATE, IFLA_LINKINFO = 1, 3, 4, 10, 16, 18
IFLA_STATS64, IFLA_NET_NS_FD = 23, 28
IFLA_INFO_KIND, IFLA_INFO_DATA, VETH_INFO_PEER = 1, 2, 1
IFA_ADDRESS, IFA_LOCAL, IFA_CACHEINFO, IFA_FLAGS = 1, 2, 6, 8
IFA_F_NODAD, IFA_F_TENTATIVE = 0x02, 0x40
RTA_DST, RTA_GATEWAY = 1, 5
RT_TABLE_MAIN, RTPROT_BOOT, RTN_UNICAST = 254, 3, 1
RT_SCOPE_UNIVERSE, RT_SCOPE_HOST = 0, 254
IFF_UP, IF_OPER_UP = 1, 6


def attribute(kind, data):
    data = data.encode() + b"\0" if isinstance(data, str) else data
    return struct.pack("HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def attributes(data):
    """{kind: octets}"""
    found = {}
    while len(data) >= 4:
        size, kind = struct.unpack_from("HH", data)
        found[kind & 0x3FFF] = data[4:size]
        data = data[max(4, size + 3 & ~3) :]
    return found


def number(value):
    return struct.pack("I", value)


def link(index=0, flags=0, change=0):
    return struct.pack("BxHiII", 0, 0, index, flags, change)


class Netlink:
    def __init__(self):
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self.socket.settimeout(10)
        self.sent, self.one_asks = 0, threading.Lock()

    def close(self):
        self.socket.close()

    def ask(self, kind, body, flags=NLM_F_ACK):
        """The bodies of all answers to it."""
        with self.one_asks:
            return self.converse(kind, body, flags)

    def converse(self, kind, body, flags):
        self.sent += 1
        self.socket.send(struct.pack("IHHII", 16 + len(body), kind, NLM_F_REQUEST | flags, self.sent, 0) + body)
        answers = []
        while True:
            data = self.socket.recv(1 << 16)
            while data:
                size, is_a, _, number_of, _ = struct.unpack_from("IHHII", data)
                said, data = data[16:size], data[size + 3 & ~3 :]
                if number_of != self.sent:
                    continue  # of a question whose answer nobody awaited
                if is_a == NLMSG_DONE:
                    return answers
                if is_a == NLMSG_ERROR:
                    error = -struct.unpack_from("i", said)[0]
                    if error:
                        raise OSError(error, os.strerror(error))
                    return answers
                answers.append(said)

    # ---- links

    def links(self):
        """The names of all."""
        told = [attributes(said[16:]) for said in self.ask(RTM_GETLINK, link(), NLM_F_DUMP)]
        return [each[IFLA_IFNAME].rstrip(b"\0").decode() for each in told]

    def link(self, name):
        """(index, attributes)"""
        (said,) = self.ask(RTM_GETLINK, link() + attribute(IFLA_IFNAME, name))
        return struct.unpack_from("i", said, 4)[0], attributes(said[16:])

    def index(self, name):
        return self.link(name)[0]

    def is_up(self, name):
        """Whether it carries: `state UP`."""
        return self.link(name)[1][IFLA_OPERSTATE][0] == IF_OPER_UP

    def mtu(self, name):
        return struct.unpack("I", self.link(name)[1][IFLA_MTU])[0]

    def statistics(self, name):
        names = ("rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "rx_errors", "tx_errors", "rx_dropped", "tx_dropped")
        return dict(zip(names, struct.unpack_from("8Q", self.link(name)[1][IFLA_STATS64])))

    def mac(self, name):
        return self.link(name)[1][IFLA_ADDRESS].hex(":")

    def bridge(self, name):
        info = attribute(IFLA_INFO_KIND, "bridge")
        self.make(attribute(IFLA_IFNAME, name) + attribute(IFLA_LINKINFO, info))

    def veth(self, name, peer, space):
        """space: descriptor of the network namespace of the other end."""
        end = link() + attribute(IFLA_IFNAME, peer) + attribute(IFLA_NET_NS_FD, number(space))
        info = attribute(IFLA_INFO_KIND, "veth") + attribute(IFLA_INFO_DATA, attribute(VETH_INFO_PEER, end))
        self.make(attribute(IFLA_IFNAME, name) + attribute(IFLA_LINKINFO, info))

    def make(self, told):
        self.ask(RTM_NEWLINK, link() + told, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL)

    def set_up(self, name, up=True):
        self.ask(RTM_NEWLINK, link(self.index(name), IFF_UP if up else 0, IFF_UP))

    def rename(self, name, wanted):
        """One that is down."""
        self.ask(RTM_NEWLINK, link(self.index(name)) + attribute(IFLA_IFNAME, wanted))

    def set_master(self, name, bridge):
        self.ask(RTM_NEWLINK, link(self.index(name)) + attribute(IFLA_MASTER, number(self.index(bridge))))

    # ---- addresses

    def add_address(self, name, address):
        """With its bits. IPv6: without duplicate address detection."""
        interface = ipaddress.ip_interface(address)
        octets, version = interface.packed, interface.version
        scope = RT_SCOPE_HOST if version == 4 and interface.is_loopback else RT_SCOPE_UNIVERSE
        family, flags = (socket.AF_INET, 0) if version == 4 else (socket.AF_INET6, IFA_F_NODAD)
        body = struct.pack("BBBBI", family, interface.network.prefixlen, flags, scope, self.index(name))
        told = attribute(IFA_LOCAL, octets) + attribute(IFA_ADDRESS, octets)
        self.ask(RTM_NEWADDR, body + told, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL)

    def addresses(self, name, family=socket.AF_UNSPEC):
        """[(ipaddress's interface, flags, preferred and valid seconds, 2^32 - 1 for ever)]"""
        wanted, found = self.index(name), []
        for said in self.ask(RTM_GETADDR, struct.pack("BBBBI", family, 0, 0, 0, 0), NLM_F_DUMP):
            _, bits, flags, _, index = struct.unpack_from("BBBBI", said)
            told = attributes(said[8:])
            if index == wanted:
                at = ipaddress.ip_address(told.get(IFA_LOCAL) or told[IFA_ADDRESS])
                flags = struct.unpack("I", told[IFA_FLAGS])[0] if IFA_FLAGS in told else flags
                found.append((ipaddress.ip_interface(f"{at}/{bits}"), flags, *struct.unpack_from("II", told[IFA_CACHEINFO])))
        return found

    def is_ready6(self, name):
        """Whether it has its link-local address, and duplicate address detection waits for no address of it."""
        there = self.addresses(name, socket.AF_INET6)
        return any(at.is_link_local for at, *_ in there) and not any(flags & IFA_F_TENTATIVE for _, flags, *_ in there)

    # ---- routes

    def add_route(self, prefix, via):
        """prefix: "default" too."""
        gateway = ipaddress.ip_address(via)
        to = None if prefix == "default" else ipaddress.ip_network(prefix)
        family = socket.AF_INET if gateway.version == 4 else socket.AF_INET6
        bits = to.prefixlen if to else 0
        kind = (RT_TABLE_MAIN, RTPROT_BOOT, RT_SCOPE_UNIVERSE, RTN_UNICAST)
        body = struct.pack("BBBBBBBBI", family, bits, 0, 0, *kind, 0)
        told = attribute(RTA_DST, to.network_address.packed) if to else b""
        told += attribute(RTA_GATEWAY, gateway.packed)
        self.ask(RTM_NEWROUTE, body + told, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL)
