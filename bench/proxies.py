"""What the benches of both proxies share: proxies that are started with a configuration, the web server behind them (bench/web_origin), the
load (bench/web_load), and figures of several of them in turn. Knows no one proxy."""

import os
import re
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pairs

ORIGIN = 8000
SCALE = float(os.environ.get("SCALE", "1"))
SIZES = {"1k": 1 << 10, "64k": 1 << 16, "1m": 1 << 20}


class Proxy:
    """One of those compared: its configuration, its words, the ports that it listens at, and what its texts need besides."""

    def __init__(self, yard, title, text, words, ports, **values):
        self.yard, self.title, self.text, self.words, self.ports, self.values = yard, title, text, words, ports, values

    def start(self):
        net = self.yard.net
        self.folder = net.folder / f"{self.title}-{time.monotonic_ns()}"
        for path in (self.folder, self.folder / "run", self.folder / "state"):
            path.mkdir()
            path.chmod(0o777)
        config = self.folder / "config"
        values = dict(self.values, folder=self.folder, config=config, address=pairs.SERVER, origin=pairs.CLIENT, port=ORIGIN)
        config.write_text(self.text.format(**values))
        self.prepare()
        self.process = net.start(*(word.format(**values) for word in self.words))
        if not pairs.wait_for(lambda: self.process.poll() is not None or self.yard.listens(*self.ports)) or self.process.poll() is not None:
            log = (net.folder / f"log-{len(net.processes) - 1}").read_text(errors="replace")
            pairs.fail(f"{self.title}: did not start\n{log}")
        return self

    def prepare(self):
        """What it needs in its folder besides."""

    def stop(self):
        self.yard.net.stop(self.process)
        if not pairs.wait_for(lambda: not any(self.yard.listens(port) for port in self.ports)):
            pairs.fail(f"{self.title}: does not end")

    def pss(self):
        """Bytes of its own and its part of what it shares, of all of its processes."""
        total = 0
        for pid in pairs.family(self.process.pid):
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss:\s+(\d+) kB", text, re.M)[1]) * 1024
        return total


class Yard:
    """Two namespaces, in one the proxies, in the other the load and the web server."""

    def __init__(self, binary, files):
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        if most < files:
            pairs.fail(f"at most {most} open files here, {files} are needed: ulimit -Hn")
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self.net = pairs.Net()
        self.ours = None
        root = Path(__file__).resolve().parent.parent
        folders = [*(binary.resolve().parents if binary else []), root / "build"]
        self.tools = next((f / "bench" for f in folders if (f / "bench/web_load").exists()), None)
        if self.tools is None:
            pairs.fail("not built: ninja -C BUILD bench/web_origin bench/web_load")
        # Many connections from one address, again and again. Where the machine's own way is bbr, the timers by which it paces cost more
        # than the proxies do, and most who send fast.
        for space in (self.net.load, self.net.server):
            pairs.run("ip", "netns", "exec", space, "sysctl", "-qw", "net.core.somaxconn=8192", "net.ipv4.tcp_congestion_control=reno",
                      "net.ipv4.ip_local_port_range=10000 65535", "net.ipv4.tcp_tw_reuse=1")
        self.serve(ORIGIN)

    def serve(self, port):
        """A web server."""
        origin = subprocess.Popen(
            ["ip", "netns", "exec", self.net.load, "taskset", "-c", pairs.LOAD_CORE, self.tools / "web_origin", pairs.CLIENT, str(port)],
            stdin=subprocess.DEVNULL, start_new_session=True)
        self.net.processes.append(origin)

    def listens(self, *ports):
        text = pairs.run("ip", "netns", "exec", self.net.server, "ss", "-Hltn").stdout
        return all(f":{port} " in text for port in ports)

    def load(self, port, path, requests, *options):
        """Requests by HTTP/1.1, every answer right; returns what the load tells."""
        words = [str(self.tools / "web_load"), "-n", str(requests), *options]
        try:
            text = self.net.loaded(*words, pairs.SERVER, str(port), path, str(SIZES[path.rsplit("/", 1)[1]]))
        except subprocess.CalledProcessError as error:
            pairs.fail(error.stderr)
        told = dict(line.split() for line in text.splitlines())
        if int(told["done"]) != requests:
            pairs.fail(f"{told['done']} of {requests} answers")
        return {key: float(value) for key, value in told.items()}


def cpu_us(proxy, requests, work):
    """Processor time of the proxy for each of the requests that work makes."""
    before = pairs.cpu_ns(proxy.process)
    work(requests)
    return (pairs.cpu_ns(proxy.process) - before) / requests / 1000


def table(ours, unit, proxies, measure, digits):
    """measure(proxy), ROUNDS times each in turn; prints medians, and of each round the ratio of ours to the best of the peers."""
    seen = {proxy.title: [] for proxy in proxies}
    for _ in range(pairs.ROUNDS):
        for proxy in proxies:
            seen[proxy.title].append(measure(proxy))
    for title, figures in seen.items():
        print(f"  {title:15} {statistics.median(figures):>12,.{digits}f} {unit}   ({' '.join(f'{f:,.{digits}f}' for f in figures)})")
    if ours in proxies:
        peers = {title: figures for title, figures in seen.items() if title != ours.title}
        for title, figures in peers.items():
            show_ratio(title, seen[ours.title], figures)
        show_ratio("the best", seen[ours.title], [min(turn) for turn in zip(*peers.values())])
    sys.stdout.flush()


def show_ratio(title, ours, theirs):
    ratios = [a / b for a, b in zip(ours, theirs)]
    print(f"  ratio to {title:15} pairs {' '.join(f'{r:.2f}' for r in ratios)}  median {statistics.median(ratios):.2f}")


def main(parts, yard):
    """The parts of the command line, or all, on yard(binary)."""
    words = sys.argv[1:]
    binary = Path(__file__).resolve().parent.parent / "build/gatehouse"
    if words and words[0] not in parts:
        word = words.pop(0)
        binary = None if word == "-" else Path(word)
    if unknown := [word for word in words if word not in parts]:
        pairs.fail(f"no part '{unknown[0]}'; there are: {' '.join(parts)}")
    made = yard(binary)
    print(pairs.machine())
    for word in words or parts:
        parts[word](made)
