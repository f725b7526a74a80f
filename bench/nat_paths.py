"""The ways between a generator and a sink that bench/nat compares: straight, by nftables, by us. Each is made anew for every
measure, in network namespaces of its own, and gone after it."""

import ctypes
import fcntl
import json
import os
import socket
import struct
import subprocess
import time
from pathlib import Path

import pairs

CORE = os.environ.get("CORE", "1")
HOSTS, HOSTS_N, HOSTS_NET = "10.64.0.0", 1024, "10.64.0.0/16"
TARGET = "203.0.113.9"
GATEWAY, SINK = "198.18.1.1", "198.18.1.2"
PUBLICS, PUBLICS_N = "198.18.2.0", 64
MACS = {"lan": "02:00:00:00:00:01", "from": "02:00:00:00:00:02", "wan": "02:00:00:00:01:01", "to": "02:00:00:00:01:02"}
SIOCETHTOOL, CLONE_NEWNET = 0x8946, 0x40000000
ETHTOOL_SETS = {"gro": 0x2C, "gso": 0x24, "tso": 0x1F}


def offload(netns, device, feature, on):
    """What `ethtool -K` does."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(os.open(f"/run/netns/{netns}", os.O_RDONLY), CLONE_NEWNET) == 0:
                value = ctypes.create_string_buffer(struct.pack("II", ETHTOOL_SETS[feature], on))
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                    fcntl.ioctl(s, SIOCETHTOOL, struct.pack("16sQ16x", device.encode(), ctypes.addressof(value)))
                code = 0
        finally:
            os._exit(code)
    if os.waitpid(pid, 0)[1] != 0:
        pairs.fail(f"{device}: {feature} cannot be set")


def sysctl(netns, key, value):
    pairs.run("ip", "netns", "exec", netns, "sysctl", "-qw", f"{key}={value}")


class Path_:
    """from's lan -- gateway's lan, wan -- to's wan. publics: public addresses; 1: the gateway's own."""

    name = ""

    def __init__(self, bench, publics=1, flows_max=1 << 17):
        self.bench, self.publics, self.flows_max = bench, publics, flows_max
        self.gen, self.gateway, self.sink = (f"gh-bench-{os.getpid()}-{type(self).__name__}-{side}" for side in ("gen", "gw", "sink"))

    def __enter__(self):
        try:
            self.make()
        except BaseException:
            self.unmake()
            raise
        return self

    def __exit__(self, *_):
        self.unmake()

    def netns(self, *names):
        for name in names:
            pairs.run("ip", "netns", "add", name)
            pairs.run("ip", "-n", name, "link", "set", "lo", "up")
            sysctl(name, "net.ipv6.conf.default.disable_ipv6", 1)

    def veth(self, netns, device, mac, peer_netns, peer, peer_mac):
        pairs.run("ip", "-n", netns, "link", "add", device, "address", mac, "numrxqueues", 1, "numtxqueues", 1, "type", "veth",
                  "peer", "name", peer, "address", peer_mac, "netns", peer_netns, "numrxqueues", 1, "numtxqueues", 1)
        for name, end in ((netns, device), (peer_netns, peer)):
            pairs.run("ip", "-n", name, "link", "set", end, "up")

    def make(self):
        self.netns(self.gen, self.gateway, self.sink)
        self.veth(self.gen, "lan", MACS["from"], self.gateway, "lan", MACS["lan"])
        self.veth(self.gateway, "wan", MACS["wan"], self.sink, "wan", MACS["to"])
        for netns, device, address, far, mac in ((self.gen, "lan", "10.255.0.2", "10.255.0.1", MACS["lan"]),
                                                 (self.gateway, "lan", "10.255.0.1", "10.255.0.2", MACS["from"]),
                                                 (self.gateway, "wan", GATEWAY, SINK, MACS["to"]),
                                                 (self.sink, "wan", SINK, GATEWAY, MACS["wan"])):
            pairs.run("ip", "-n", netns, "address", "add", f"{address}/24", "dev", device)
            pairs.run("ip", "-n", netns, "neighbour", "add", far, "lladdr", mac, "dev", device, "nud", "permanent")
        pairs.run("ip", "-n", self.gen, "route", "add", "default", "via", "10.255.0.1")
        pairs.run("ip", "-n", self.gen, "route", "add", "local", HOSTS_NET, "dev", "lo")
        pairs.run("ip", "-n", self.gateway, "route", "add", HOSTS_NET, "via", "10.255.0.2")
        pairs.run("ip", "-n", self.gateway, "route", "add", "default", "via", SINK)
        pairs.run("ip", "-n", self.sink, "address", "add", f"{TARGET}/32", "dev", "lo")
        pairs.run("ip", "-n", self.sink, "route", "add", "default", "via", GATEWAY)
        sysctl(self.gateway, "net.ipv4.ip_forward", 1)
        self.translate()

    def unmake(self):
        for name in (self.gen, self.gateway, self.sink):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)

    def translate(self):
        pass

    def napi(self):
        """An XDP program's frames reach a veth only if its other end has NAPI: GRO, or an XDP program there."""
        for device in ("lan", "wan"):
            offload(self.gateway, device, "gro", 1)

    def load(self, **words):
        """Figures of one run of nat_load, and `cost_ns`: of the core, for each packet."""
        self.napi()
        words = {"from": f"{self.gen}:lan", "to": f"{self.sink}:wan", "mac": MACS["lan"], "target": TARGET,
                 "hosts": f"{HOSTS},{HOSTS_N}", "inside": "10.0.0.0/8"} | words
        seen = self.bench.figures("nat_load", *(f"{key}={value}" for key, value in words.items()))
        flows = int(words.get("flows", 0))
        if seen["untranslated"] or flows and (min(seen["established"], seen["answered"]) < 2 * flows * 0.999 or seen["bad_checksum"]):
            pairs.fail(f"{self.name}: {seen}")
        if seen["arrived"] < seen["sent"] * 0.99:
            print(f"  {self.name}: of {seen['sent']:,.0f} packets {seen['arrived']:,.0f} arrived")
        seen["cost_ns"] = seen["cpu_ns"] / seen["arrived"]
        return seen

    def segments_small(self):
        for netns, device in ((self.gen, "lan"), (self.sink, "wan")):
            for feature in ("tso", "gso"):
                offload(netns, device, feature, 0)

    def iperf3(self, seconds):
        """What client, server and this core's ksoftirqd have run, for each octet."""
        def start(netns, *words):
            return subprocess.Popen(["ip", "netns", "exec", netns, "nice", "-n", "-19", "taskset", "-c", CORE, "iperf3", *map(str, words)],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

        server = start(self.sink, "-s", "-1", "-B", TARGET)
        pairs.wait_for(lambda: ":5201" in pairs.run("ip", "netns", "exec", self.sink, "ss", "-Hltn").stdout, 10)
        before = softirqd_ns()
        client = start(self.gen, "-c", TARGET, "-t", max(1, round(seconds)), "-J")
        report = json.loads(client.stdout.read())
        spent = softirqd_ns() - before
        for process in (client, server):
            process.stdout.read()
            used = os.wait4(process.pid, 0)[2]
            process.returncode = 0
            spent += (used.ru_utime + used.ru_stime) * 1e9
        if "error" in report:
            pairs.fail(f"{self.name}: iperf3: {report['error']}")
        return spent / report["end"]["sum_received"]["bytes"]

    def tcp(self, kind, *words):
        seen = self.bench.figures("nat_tcp", kind, self.gen, self.sink, TARGET, *words)
        seen["cost_ns"] = seen["cpu_ns"] / seen["done"]
        return seen


class Straight(Path_):
    """No gateway: what generator and sink themselves cost."""

    name = "generator straight into the sink"

    def make(self):
        self.netns(self.gen, self.sink)
        self.veth(self.gen, "lan", MACS["from"], self.sink, "wan", MACS["lan"])

    def napi(self):
        pass

    def load(self, **words):
        return super().load(**({"inside": "0.0.0.0/32"} | words))


class Routed(Path_):
    """The kernel's forwarding, without translation or filter."""

    name = "routed only"

    def load(self, **words):
        return super().load(**({"inside": "0.0.0.0/32"} | words))


class Nftables(Path_):
    name = "nftables"

    def translate(self):
        last = PUBLICS.rsplit(".", 1)[0] + f".{PUBLICS_N - 1}"
        how = "masquerade" if self.publics == 1 else f"snat to {PUBLICS}-{last}"
        rules = f"""table ip nat {{
            chain out {{
                type nat hook postrouting priority srcnat;
                oifname "wan" {how}
            }}
        }}
        table ip filter {{
            chain forward {{
                type filter hook forward priority filter; policy drop;
                ct state established,related accept
                iifname "lan" oifname "wan" accept
            }}
        }}"""
        pairs.run("ip", "netns", "exec", self.gateway, "nft", "-f", "-", input=rules)
        # As ours: a flow must not end before it is measured.
        sysctl(self.gateway, "net.netfilter.nf_conntrack_udp_timeout", 300)
        sysctl(self.gateway, "net.netfilter.nf_conntrack_udp_timeout_stream", 300)


class Ours(Path_):
    hook = ""

    def translate(self):
        first = GATEWAY if self.publics == 1 else PUBLICS
        # There too, so that its sweep is in the figures.
        words = ["taskset", "-c", CORE, self.bench.folder / "nat_start", self.gateway, self.hook, self.flows_max, f"{first},{self.publics}"]
        self.process = subprocess.Popen([str(word) for word in words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.memory = 0
        for line in self.process.stdout:
            key, value = line.split()
            if key == "ready":
                return
            self.memory = int(value)
        pairs.fail("our data plane does not start")

    def unmake(self):
        process = getattr(self, "process", None)
        if process is not None:
            process.stdin.close()
            process.wait()
        super().unmake()


class OursXdp(Ours):
    name, hook = "ours, XDP", "xdp"


class OursTcx(Ours):
    name, hook = "ours, tcx", "tcx"


class OursPeer(Ours):
    """`veth-peers: on`. Not for frames that nat_load counts: an XDP program at the veth's other end sees none."""

    name, hook = "ours, tcx, into the veth's other end", "peer"


class Conntrack:
    """Room for the flows in the kernel's own table, for the whole machine; as it was after the bench."""

    KEYS = {"nf_conntrack_max": 1 << 22, "nf_conntrack_buckets": 1 << 20}

    def __enter__(self):
        if not Path("/proc/sys/net/netfilter").exists():
            pairs.fail("the kernel's nf_conntrack is not loaded")
        self.before = {key: Path(f"/proc/sys/net/netfilter/{key}").read_text() for key in self.KEYS}
        for key, value in self.KEYS.items():
            Path(f"/proc/sys/net/netfilter/{key}").write_text(str(value))

    def __exit__(self, *_):
        for key, value in self.before.items():
            Path(f"/proc/sys/net/netfilter/{key}").write_text(value)


def softirqd_ns():
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) < 1000 and (process / "comm").read_text().strip() == f"ksoftirqd/{CORE}":
            return int((process / "schedstat").read_text().split()[0])
    return 0


def slab_bytes():
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("Slab:"):
            return int(line.split()[1]) * 1024
    return 0


def conntrack_settle(bench):
    """A namespace's flows are freed a while after it is gone."""
    pairs.wait_for(lambda: conntrack_objects() < 1000, 20)
    time.sleep(0.2)


def conntrack_objects():
    for line in Path("/proc/slabinfo").read_text().splitlines():
        if line.startswith("nf_conntrack "):
            return int(line.split()[1])
    return 0
