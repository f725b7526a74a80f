"""A site behind our translator, and a small internet:

    alice 192.168.1.10 --+                         +-- far 198.51.100.20, .21
                         | lan      wan 198.51.100 |
    bob   192.168.1.11 --+- gateway .1 -- switch --+-- router .30 - beyond 44.0.113.2

What is beyond has no address for documentation: those are bogons. The BPF file system lies in the
service's folder, so that the programs outlive the process.
"""

import contextlib
import re
import shutil
import subprocess
import threading
import time

from service import Service
from topology import command

GATEWAY, FAR, FAR2, BEYOND = "198.51.100.1", "198.51.100.20", "198.51.100.21", "44.0.113.2"
ALICE, BOB = "192.168.1.10", "192.168.1.11"
STRAY = "10.255.255.254"  # by which a sniffer proves that it would see a private source

CONFIG = """global:
  bpf: $DIR/bpf
nat:
  outside: wan
  inside: lan
"""


def rename(host, name, wanted):
    host.link(name, False)
    host.netlink.rename(name, wanted)
    host.link(wanted, True)


class Site:
    def __init__(self, net, config=CONFIG):
        self.net = net
        self.alice, self.bob, self.gateway = net.host("alice"), net.host("bob"), net.host("gateway")
        self.far, self.router, self.beyond = net.host("far"), net.router("router"), net.host("beyond")
        lan, wan = net.switch("lanswitch"), net.switch("wanswitch")
        net.plug(self.alice, f"{ALICE}/24", lan)
        net.plug(self.bob, f"{BOB}/24", lan)
        rename(self.gateway, net.plug(self.gateway, "", lan), "lan")
        rename(self.gateway, net.plug(self.gateway, "", wan), "wan")
        self.gateway.address("lan", "192.168.1.1/24")
        self.gateway.address("wan", f"{GATEWAY}/24")
        net.plug(self.far, f"{FAR}/24 {FAR2}/24", wan)
        self.wan_port = net.plug(self.router, "198.51.100.30/24", wan)
        net.cable(self.router, "44.0.113.1/24", self.beyond, f"{BEYOND}/24")
        for host in (self.alice, self.bob):
            host.route("default", "192.168.1.1")
        self.gateway.route("default", "198.51.100.30")
        self.far.route("44.0.113.0/24", "198.51.100.30")
        self.beyond.route("default", "44.0.113.1")
        # The outside knows no private address: what leaves with one would get no answer, and is seen.
        self.switch = wan
        self.service = Service(self.gateway, "nat", config)
        self.bpf = self.service.folder / "bpf"
        self.bpf.mkdir()
        command("mount", "-t", "bpf", "bpf", self.bpf)

    def close(self):
        with contextlib.suppress(Exception):
            self.service.close()
        # Whoever tidied up before may have unmounted it already.
        subprocess.run(["umount", "-l", str(self.bpf)], check=False, capture_output=True)
        shutil.rmtree(self.service.folder, ignore_errors=True)

    def daemon(self, host, *words, wait=None):
        """A program that dies with the test; wait: "tcp:PORT" or "udp:PORT" that it must hold first."""
        log = open(self.service.folder / f"{host.name}-{len(self.net.services)}.log", "wb")
        process = host.popen(*words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.service.folder)
        log.close()
        if wait:
            kind, port = wait.split(":")
            eventually(lambda: f":{port} " in host.run("ss", "-Hln", "-t" if kind == "tcp" else "-u").stdout)
        self.net.services.append(Daemon(words[0], process))
        return process

    def dropped(self, cause):
        """How many packets were dropped for it."""
        text = self.service.control("GET", "/metrics")[1]
        found = re.search(rf'dropped_total{{[^}}]*cause="{cause}"}} (\d+)', text)
        return int(found[1]) if found else 0

    @contextlib.contextmanager
    def sniffer(self):
        """All that leaves the gateway towards the world with a source that is not public."""
        pipe = self.switch.popen(
            "tcpdump", "-i", "br0", "-n", "-l", "--immediate-mode",
            "ip and (src net 192.168.0.0/16 or src net 10.0.0.0/8 or src net 172.16.0.0/12)",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        pipe.stderr.readline()  # "listening on": from here on it sees
        lines = []
        reader = threading.Thread(target=lambda: lines.extend(pipe.stdout), daemon=True)
        reader.start()
        # A bridge shows what it forwards only to who asks for all: that this one does is seen first.
        self.router.run("ip", "address", "replace", f"{STRAY}/32", "dev", "lo")
        self.router.run("ping", "-c", "1", "-W", "0.1", "-I", STRAY, FAR)
        eventually(lambda: any(STRAY in line for line in lines))
        try:
            yield lines
        finally:
            time.sleep(0.1)
            pipe.terminate()
            pipe.wait(10)
            reader.join(10)
            lines[:] = [line for line in lines if line.strip() and STRAY not in line]


class Daemon:
    """What Net.close() stops."""

    def __init__(self, name, process):
        self.name, self.process = name, process

    def close(self):
        self.process.kill()
        self.process.wait(10)


def eventually(true, seconds=10):
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.05)
