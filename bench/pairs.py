"""Two network namespaces, servers pinned to one core and the load to the other, processor time as the scheduler counted it, and
ratios taken pair by pair. Knows no protocol."""

import atexit
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SERVER, CLIENT = "10.99.0.1", "10.99.0.2"
SERVER_CORE, LOAD_CORE = "0", "1"
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = float(os.environ.get("SECONDS", "4"))


def fail(text):
    sys.exit(f"bench: {text}")


def run(*words, **options):
    return subprocess.run([str(w) for w in words], check=True, capture_output=True, text=True, **options)


class Net:
    """The namespaces and the folder of one bench; gone at its end, however it ends."""

    def __init__(self):
        if os.geteuid() != 0:
            fail("needs root, for network namespaces")
        self.server, self.load = (f"gh-bench-{os.getpid()}-{side}" for side in ("server", "load"))
        self.folder = Path(tempfile.mkdtemp(prefix="gh-bench-"))
        self.folder.chmod(0o755)
        self.processes = []
        atexit.register(self.close)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        for name in (self.server, self.load):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        run("ip", "-n", self.server, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", self.load)
        for name, address in ((self.server, SERVER), (self.load, CLIENT)):
            run("ip", "-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            run("ip", "-n", name, "link", "set", "eth0", "up")

    def close(self):
        for process in self.processes:
            end(process)
        self.processes = []
        for name in (self.server, self.load):
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, *words, core=SERVER_CORE, **options):
        """A server, pinned; its output goes to a file of the folder."""
        log = open(self.folder / f"log-{len(self.processes)}", "wb")
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.server, "taskset", "-c", core, *map(str, words)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **options)
        self.processes.append(process)
        return process

    def stop(self, process):
        end(process)
        self.processes.remove(process)

    def loaded(self, *words):
        """The output of a load generator, pinned to the other core."""
        return run("ip", "netns", "exec", self.load, "taskset", "-c", LOAD_CORE, *words).stdout


def end(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def family(pid):
    """The process and all below it."""
    found, rest = [], [pid]
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    while rest:
        pid = rest.pop()
        found.append(pid)
        rest += parents.get(pid, [])
    return found


def cpu_ns(process):
    """Nanoseconds, user and system, that the server and its children have run, those too that have ended: the scheduler's own count, of
    children that ended the kernel's in ticks."""
    total, tick = 0, 10**9 // os.sysconf("SC_CLK_TCK")
    for pid in family(process.pid):
        try:
            total += time.clock_gettime_ns(~pid << 3 | 2)  # the clock of a process, clock_getcpuclockid(3)
            ended = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[13:15]
        except OSError:
            continue
        total += sum(map(int, ended)) * tick
    return total


def wait_for(what, seconds=60):
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def machine():
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), "?")
    return f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores of {model}, Linux {platform.release().split('-')[0]}"


def compare(title, us, peers, measure, figures):
    """measure(server) -> {figure: number}, us and each peer in turn, ROUNDS times. figures: {name: (unit, better)}."""
    print(f"\n{title}")
    rows = {peer: {figure: [] for figure in figures} for peer in peers}
    seen = {name: {figure: [] for figure in figures} for name in [us, *peers]}
    for _ in range(ROUNDS):
        for peer in peers:
            ours, theirs = measure(us), measure(peer)
            for figure in figures:
                rows[peer][figure].append(ours[figure] / theirs[figure])
                seen[us][figure].append(ours[figure])
                seen[peer][figure].append(theirs[figure])
    for name in [us, *peers]:
        print(f"  {name:10}" + "".join(
            f"  {figure} {statistics.median(seen[name][figure]):,.{2 if unit == 'µs' else 0}f} {unit}"
            for figure, (unit, _) in figures.items()))
    for peer in peers:
        for figure, (_, better) in figures.items():
            pairs = rows[peer][figure]
            print(f"  ratio to {peer:8} {figure:4} (less is better)" if better == "less" else
                  f"  ratio to {peer:8} {figure:4} (more is better)", end="")
            print(f"  pairs {' '.join(f'{ratio:.2f}' for ratio in pairs)}  median {statistics.median(pairs):.2f}")
    sys.stdout.flush()
