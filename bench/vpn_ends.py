"""The tunnels that bench/vpn compares, each between two network namespaces with a cable, gone after its turn."""

import atexit
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pairs

OUTER = ("192.0.2.1", "192.0.2.2")
PORT = 51820


def wg(*words, stdin=None):
    return subprocess.run(["wg", *words], input=stdin, capture_output=True, text=True, check=True).stdout.strip()


class Tunnel:
    """left's 10.77.0.1 to right's 10.77.0.2. start(end): the process of one end; its device is called DEVICE[end]."""

    name = ""
    LEFT, RIGHT = "10.77.0.1", "10.77.0.2"
    INNER = (LEFT, RIGHT)
    DEVICE = ("gh-bench-0", "gh-bench-1")  # two names: the sockets of `wg` are by name, for all namespaces

    def __init__(self, binary):
        self.binary = binary
        self.ends = tuple(f"gh-bench-{os.getpid()}-{side}" for side in ("left", "right"))
        self.processes = []

    def __enter__(self):
        if os.geteuid() != 0:
            pairs.fail("needs root, for network namespaces")
        atexit.register(self.unmake)
        self.folder = Path(tempfile.mkdtemp(prefix="gh-bench-"))
        self.folder.chmod(0o755)
        for end in self.ends:
            pairs.run("ip", "netns", "add", end)
            pairs.run("ip", "-n", end, "link", "set", "lo", "up")
        pairs.run("ip", "-n", self.ends[0], "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", self.ends[1])
        for end, address in zip(self.ends, OUTER):
            pairs.run("ip", "-n", end, "address", "add", f"{address}/24", "dev", "eth0")
            pairs.run("ip", "-n", end, "link", "set", "eth0", "up")
        self.prepare()
        for end in range(2):
            self.start(end)
        if not pairs.wait_for(self.passes, 20):
            pairs.fail(f"{self.name}: nothing goes through; {self.said()}")
        return self

    def __exit__(self, *_):
        self.unmake()

    def unmake(self):
        atexit.unregister(self.unmake)
        for process in self.processes:
            pairs.end(process)
        self.processes = []
        for end in self.ends:
            subprocess.run(["ip", "netns", "delete", end], capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, end, *words, **options):
        log = open(self.folder / f"log-{len(self.processes)}", "wb")
        process = subprocess.Popen(["ip", "netns", "exec", self.ends[end], *map(str, words)], stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log, start_new_session=True, **options)
        self.processes.append(process)
        return process

    def said(self):
        return " ".join((self.folder / f"log-{n}").read_text(errors="replace")[-600:] for n in range(len(self.processes)))

    def address(self, end):
        pairs.run("ip", "-n", self.ends[end], "address", "add", f"{self.INNER[end]}/24", "dev", self.DEVICE[end])
        pairs.run("ip", "-n", self.ends[end], "link", "set", self.DEVICE[end], "mtu", 1420, "up")

    def device(self, end):
        if not pairs.wait_for(lambda: subprocess.run(["ip", "-n", self.ends[end], "link", "show", self.DEVICE[end]], capture_output=True).returncode == 0, 10):
            pairs.fail(f"{self.name}: no device; {self.said()}")

    def passes(self):
        return subprocess.run(["ip", "netns", "exec", self.ends[0], "ping", "-q", "-c", "1", "-W", "1", self.RIGHT], capture_output=True).returncode == 0

    def prepare(self):
        pass

    def inside(self, *words):
        return pairs.run("ip", "netns", "exec", self.ends[0], *words).stdout

    def cpu_ns(self):
        return sum(pairs.cpu_ns(process) for process in self.processes)

    def datagrams_reached(self):
        """Those that came to UDP of the right end, taken by a socket or not."""
        lines = pairs.run("ip", "netns", "exec", self.ends[1], "cat", "/proc/net/snmp").stdout.splitlines()
        names, values = (line.split()[1:] for line in lines if line.startswith("Udp:"))
        seen = dict(zip(names, map(int, values)))
        return seen["InDatagrams"] + seen["RcvbufErrors"]

    def iperf3(self, *words):
        server = subprocess.Popen(["ip", "netns", "exec", self.ends[1], "iperf3", "-s", "-1", "-B", self.RIGHT], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            pairs.wait_for(lambda: ":5201" in pairs.run("ip", "netns", "exec", self.ends[1], "ss", "-Hltn").stdout, 10)
            done = subprocess.run(["ip", "netns", "exec", self.ends[0], "iperf3", "-c", self.RIGHT, "-J", *map(str, words)],
                                  capture_output=True, text=True, timeout=pairs.SECONDS + 60)
            report = json.loads(done.stdout)
            if "error" in report:
                pairs.fail(f"{self.name}: iperf3: {report['error']}")
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(5)
            return report
        finally:
            pairs.end(server)
            time.sleep(0.2)


class Keyed(Tunnel):
    """Both ends have WireGuard keys."""

    def prepare(self):
        self.private = [wg("genkey") for _ in range(2)]
        self.public = [wg("pubkey", stdin=key) for key in self.private]


class Ours(Keyed):
    name = "gatehouse"

    def start(self, end):
        folder = self.folder / f"end-{end}"
        folder.mkdir()
        folder.chmod(0o755)
        (folder / "own.key").write_text(self.private[end] + "\n")
        (folder / "gatehouse.yaml").write_text(
            f"global: {{run: {folder}/run, state: {folder}/state, user: nobody}}\nvpn:\n  interfaces:\n    {self.DEVICE[end]}:\n"
            f"      listen: [{OUTER[end]}:{PORT}]\n      addresses: [{self.INNER[end]}/24]\n      private-key: file:own.key\n      mtu: 1420\n"
            f"      peers:\n        other:\n          public-key: \"{self.public[1 - end]}\"\n          allowed-ips: [10.77.0.0/24]\n"
            f"          endpoint: {OUTER[1 - end]}:{PORT}\n")
        self.run(end, self.binary, "vpn", "-c", folder / "gatehouse.yaml")


class WireguardGo(Keyed):
    name = "wireguard-go"

    def start(self, end):
        self.run(end, "wireguard-go", "-f", self.DEVICE[end], env=os.environ | {"LOG_LEVEL": "error"})
        self.device(end)
        conf = self.folder / f"wg-{end}.conf"
        conf.write_text(f"[Interface]\nPrivateKey = {self.private[end]}\nListenPort = {PORT}\n[Peer]\nPublicKey = {self.public[1 - end]}\n"
                        f"AllowedIPs = 10.77.0.0/24\nEndpoint = {OUTER[1 - end]}:{PORT}\n")
        pairs.wait_for(lambda: subprocess.run(["ip", "netns", "exec", self.ends[end], "wg", "setconf", self.DEVICE[end], conf], capture_output=True).returncode == 0, 5)
        self.address(end)


class OpenVpn(Tunnel):
    name = "openvpn"

    def prepare(self):
        self.prints = []
        for end in range(2):
            files = [self.folder / f"{end}.{kind}" for kind in ("key", "crt")]
            pairs.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", 2,
                      "-subj", f"/CN=end-{end}", "-keyout", files[0], "-out", files[1])
            shown = pairs.run("openssl", "x509", "-in", files[1], "-noout", "-fingerprint", "-sha256").stdout
            self.prints.append(shown.split("=", 1)[1].strip())

    def start(self, end):
        words = ["--dev", self.DEVICE[end], "--dev-type", "tun", "--proto", "udp", "--port", PORT, "--remote", OUTER[1 - end], "--data-ciphers",
                 "CHACHA20-POLY1305", "--cert", self.folder / f"{end}.crt", "--key", self.folder / f"{end}.key", "--peer-fingerprint",
                 self.prints[1 - end], "--ifconfig", self.INNER[end], self.INNER[1 - end], "--tun-mtu", 1420, "--verb", 1, "--dh", "none"]
        self.run(end, "openvpn", *words, "--tls-server" if end else "--tls-client")
