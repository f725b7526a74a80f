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
import fcntl
import os
import socket
import struct
import subprocess
from pathlib import Path

import janitor

PREFIX = f"{janitor.FAMILY}-{os.getpid()}-"
LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG, SIGKILL = 1, 9
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def command(*words, timeout=30, said=None):
    """Runs a command that must succeed, with that on its standard input; returns what it printed."""
    done = subprocess.run(
        [str(word) for word in words], input=said, capture_output=True, text=True, timeout=timeout, check=False
    )
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


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, SIGKILL)


class Host:
    """One network namespace, with lo up and nothing else."""

    def __init__(self, net, name):
        self.net, self.name, self.space = net, name, net.prefix + name
        command("ip", "netns", "add", self.space)
        with self.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", IFF_UP))
        # An address is used at once, not after duplicate address detection.
        self.sysctl("net.ipv6.conf.all.accept_dad", 0)
        self.sysctl("net.ipv6.conf.default.accept_dad", 0)

    def __repr__(self):
        return f"<{self.name}>"

    def ip(self, *words):
        return command("ip", "-n", self.space, *words)

    def wrap(self, words):
        return ["ip", "netns", "exec", self.space, *map(str, words)]

    def popen(self, *words, **options):
        """Starts a program in this host; it dies with us. Its pid is the program's own."""
        return subprocess.Popen(self.wrap(words), preexec_fn=die_with_parent, **options)

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

    def address(self, interface, addresses, before=(), after=()):
        """Gives the interface these addresses, between other lines for ip: in one go, as every test draws many."""
        # Even with accept_dad 0 an IPv6 address is tentative until the kernel's work queue gets to it.
        lines = [f"address add {a} dev {interface}{' nodad' if ':' in a else ''}" for a in addresses.split()]
        lines = [*before, *lines, *after]
        command("ip", "-n", self.space, "-batch", "-", said="\n".join(lines) + "\n")

    def interfaces(self):
        with self.inside():
            return [name for _, name in socket.if_nameindex()]

    def route(self, prefix, via):
        self.ip("route", "add", prefix, "via", via)

    def link(self, interface, up):
        self.ip("link", "set", interface, "up" if up else "down")

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
            with open(f"/run/netns/{self.space}", "rb") as space:
                set_namespace(space)
            try:
                yield self
            finally:
                set_namespace(home)


def set_namespace(file):
    if LIBC.setns(file.fileno(), CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


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
        host.ip("link", "add", "name", "br0", "type", "bridge")
        host.link("br0", True)
        return host

    def cable(self, a, a_addresses, b, b_addresses):
        """Joins two hosts, gives each end its addresses; returns the interfaces' names, a's first."""
        self.cables += 1
        a_end, b_end = f"to-{b.name[:9]}", f"to-{a.name[:9]}"
        if a_end in a.interfaces() or b_end in b.interfaces():
            a_end, b_end = f"{a_end}{self.cables}", f"{b_end}{self.cables}"
        laid = f"link add {a_end} type veth peer name {b_end} netns {b.space}"
        a.address(a_end, a_addresses, before=[laid], after=[f"link set {a_end} up"])
        b.address(b_end, b_addresses, after=[f"link set {b_end} up"])
        return a_end, b_end

    def plug(self, host, addresses, switch):
        """Joins a host to a switch; returns the name of the host's interface."""
        end, port = self.cable(host, addresses, switch, "")
        switch.ip("link", "set", port, "master", "br0")
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
            janitor.remove_namespace(host.space)
        janitor.remove_all(self.prefix)
        return troubles
