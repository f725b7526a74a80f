"""Draws a network out of network namespaces: hosts, routers, switches and the cables between them.

    net = Net()
    client, gateway, server = net.host("client"), net.router("gateway"), net.host("server")
    net.cable(client, "192.0.2.2/24", gateway, "192.0.2.1/24")
    net.cable(server, "198.51.100.2/24 2001:db8::2/64", gateway, "198.51.100.1/24 2001:db8::1/64")
    client.route("default", "192.0.2.1")
    server.route("default", "198.51.100.1")

An address may be two, one of each family, with a blank between. Nothing of it outlives net.close(),
and janitor.py removes what a killed run could not.
"""

import contextlib
import ctypes
import os
import socket
import subprocess
import time
from pathlib import Path

import janitor
from netlink import Netlink

PREFIX = f"{janitor.FAMILY}-{os.getpid()}-"
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET, MS_BIND = 0x40000000, 0x1000


def command(*words, timeout=30):
    """Runs a command that must succeed; returns what it printed."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: {done.stdout}{done.stderr}")
    return done.stdout


def why_not():
    """Why no network can be drawn here; None when it can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    name = PREFIX + "try"
    try:
        command("ip", "netns", "add", name)
        command("ip", "netns", "exec", name, "true")
        return None
    except (RuntimeError, OSError) as error:
        return f"no network namespaces here: {str(error).strip()}"
    finally:
        subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def called(result):
    """What a call of LIBC returned, which is negative where it failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def new_namespace(path):
    """As `ip netns add` does."""
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0))
    with open("/proc/thread-self/ns/net", "rb") as home:
        called(LIBC.unshare(CLONE_NEWNET))
        try:
            called(LIBC.mount(b"/proc/thread-self/ns/net", os.fsencode(path), b"none", MS_BIND, None))
        finally:
            set_namespace(home)


class Host:
    """One network namespace, with lo up and nothing else."""

    def __init__(self, net, name):
        self.net, self.name, self.space = net, name, net.prefix + name
        new_namespace(self.path)
        with self.inside():
            self.netlink = Netlink()
        self.netlink.set_up("lo")
        # An address is used at once, not after duplicate address detection.
        self.sysctl("net.ipv6.conf.all.accept_dad", 0)
        self.sysctl("net.ipv6.conf.default.accept_dad", 0)

    def __repr__(self):
        return f"<{self.name}>"

    @property
    def path(self):
        return Path("/run/netns", self.space)

    def ip(self, *words):
        return command("ip", "-n", self.space, *words)

    def wrap(self, words):
        return ["ip", "netns", "exec", self.space, *map(str, words)]

    def popen(self, *words, **options):
        """Starts a program in this host; it dies with us. Its pid is the program's own."""
        # Not by a function in the child: for that Python copies its own process first.
        return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *self.wrap(words)], **options)

    def run(self, *words, timeout=30, **options):
        """Runs a program in this host to its end; returns a CompletedProcess with texts."""
        return subprocess.run(
            self.wrap(words),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            **options,
        )

    def sysctl(self, key, value):
        with self.inside():
            Path("/proc/sys", *key.split(".")).write_text(f"{value}\n", encoding="utf-8")

    def address(self, interface, addresses):
        # Even with accept_dad 0 an IPv6 address is tentative until the kernel's work queue gets to it.
        for address in addresses.split():
            self.netlink.add_address(interface, address)

    def interfaces(self):
        return self.netlink.links()

    def route(self, prefix, via):
        self.netlink.add_route(prefix, via)

    def link(self, interface, up):
        self.netlink.set_up(interface, up)

    def carries(self, interface):
        """Waits until it does, when both ends are up: the kernel drops what is sent before, and says nothing. Its work queue
        gets to that when others leave it time; from Linux 6.8 on a question about the link is enough."""
        until = time.monotonic() + 10
        while not self.netlink.is_up(interface):
            assert time.monotonic() < until, f"{self}: {interface} carries nothing"
            time.sleep(0.001)

    def resolv_conf(self, *servers):
        """What libc's stub finds in /etc/resolv.conf, for programs started in this host from now on."""
        folder = Path("/etc/netns") / self.space
        folder.mkdir(parents=True, exist_ok=True)
        text = "".join(f"nameserver {server}\n" for server in servers)
        (folder / "resolv.conf").write_text(text, encoding="utf-8")
        (folder / "nsswitch.conf").write_text("hosts: files dns\n", encoding="utf-8")

    @contextlib.contextmanager
    def inside(self):
        """Sockets that this thread makes meanwhile are this host's."""
        with open("/proc/thread-self/ns/net", "rb") as home:
            with open(self.path, "rb") as space:
                set_namespace(space)
            try:
                yield self
            finally:
                set_namespace(home)


def set_namespace(file):
    called(LIBC.setns(file.fileno(), CLONE_NEWNET))


class Net:
    """All hosts of one test."""

    made = 0

    def __init__(self):
        Net.made += 1
        self.prefix = f"{PREFIX}{Net.made}-"
        self.hosts, self.services, self.cables = {}, [], 0

    def host(self, name):
        host = self.hosts[name] = Host(self, name)
        return host

    def router(self, name):
        host = self.host(name)
        host.sysctl("net.ipv4.ip_forward", 1)
        host.sysctl("net.ipv6.conf.all.forwarding", 1)
        return host

    def switch(self, name):
        """A host whose bridge `br0` joins every cable plugged into it."""
        host = self.host(name)
        host.netlink.bridge("br0")
        host.link("br0", True)
        return host

    def cable(self, a, a_addresses, b, b_addresses):
        """Joins two hosts, gives each end its addresses; returns the interfaces' names, a's first."""
        self.cables += 1
        a_end, b_end = f"to-{b.name[:9]}", f"to-{a.name[:9]}"
        if a_end in a.interfaces() or b_end in b.interfaces():
            a_end, b_end = f"{a_end}{self.cables}", f"{b_end}{self.cables}"
        with open(b.path, "rb") as space:
            a.netlink.veth(a_end, b_end, space.fileno())
        for host, end, addresses in ((a, a_end, a_addresses), (b, b_end, b_addresses)):
            host.address(end, addresses)
            host.link(end, True)
        a.carries(a_end)
        b.carries(b_end)
        return a_end, b_end

    def plug(self, host, addresses, switch):
        """Joins a host to a switch; returns the name of the host's interface."""
        end, port = self.cable(host, addresses, switch, "")
        switch.netlink.set_master(port, "br0")
        switch.carries("br0")
        return end

    def close(self):
        """Stops every service, then removes every host. Returns what went wrong, as texts."""
        troubles = []
        for service in reversed(self.services):
            try:
                service.close()
            except Exception as error:  # the rest must still be removed
                troubles.append(f"{service.name}: {error}")
        for host in self.hosts.values():
            host.netlink.close()
            janitor.remove_namespace(host.space)
        janitor.remove_all(self.prefix)
        return troubles
