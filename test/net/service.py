"""Runs the real binary in a host of a drawn network, and talks to its control socket."""

import contextlib
import http.client
import json
import os
import signal
import socket
import string
import subprocess
import threading
import time
from pathlib import Path

from proc import ENDED, children, forget_clock, gone

START_S = 60  # the kernel's verifier reads the translator's programs, and the machine may be busy
STOP_S = 10


def binary():
    """GATEHOUSE_BIN, which tools/test sets, else what `make build` made."""
    root = Path(__file__).resolve().parent.parent.parent
    path = Path(os.environ.get("GATEHOUSE_BIN") or root / "build/gatehouse")
    if not path.exists():
        raise RuntimeError(f"{path} is not there: build it with `make build`, or set GATEHOUSE_BIN")
    return str(path)


def queued_s(pid="thread-self"):
    """How long its first thread was ready to run while others had the processors. May be added up only for
    those who wait for each other in turn: of one who looks again and again it would hide a delay of another."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9


def end_s(run):
    """How long it takes to its end, without what it and the slowest of its services wait for processors."""
    own, before, queued = queued_s(run.pid), {}, {}
    start = time.monotonic()
    run.send(signal.SIGTERM)
    while not gone(run.pid) and time.monotonic() < start + 6 * STOP_S:
        for pid in children(run.pid):
            with contextlib.suppress(*ENDED):
                now = queued_s(pid)
                queued[pid] = now - before.setdefault(pid, now)
        time.sleep(0.005)
    took = time.monotonic() - start
    return took - (queued_s(run.pid) - own) - max(queued.values(), default=0)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Service:
    """One process of gatehouse: Service(host, "authority", config, {"example.zone": text}).

    name: a service's subcommand, or "run" for the supervisor with all that config names. Every
    service has a folder of its own; $DIR in config and files stands for it. The configuration's
    `global:` section (in block style) gets `run: $DIR/run` and `state: $DIR/state` unless
    it has them. files: texts or bytes by path below that folder.
    """

    def __init__(self, host, name, config, files=None, arguments=(), environment=None):
        self.host, self.name = host, name
        self.arguments, self.environment = [str(a) for a in arguments], dict(environment or {})
        self.folder = Path("/tmp") / f"{host.space}-{name}-{len(host.net.services)}"
        self.process = self.notify = None
        self.messages = []  # every line the service told NOTIFY_SOCKET
        host.net.services.append(self)
        for folder in (self.folder, self.run_folder, self.folder / "state"):
            folder.mkdir()
            # A service leaves root: it and its files must be reachable by another user.
            folder.chmod(0o755 if folder == self.folder else 0o777)
        self.write(files or {})
        self.configure(config)

    # ---- files

    @property
    def config_path(self):
        return self.folder / "gatehouse.yaml"

    @property
    def run_folder(self):
        return self.folder / "run"

    @property
    def log_path(self):
        return self.folder / "log"

    def write(self, files):
        for path, content in files.items():
            at = self.folder / path
            at.parent.mkdir(parents=True, exist_ok=True)
            at.write_bytes(content if isinstance(content, bytes) else self.fill(content).encode())
            at.chmod(0o644)

    def configure(self, config):
        """Replaces the configuration file; it counts at the next start() or reload()."""
        lines = self.fill(config).split("\n")
        at = lines.index("global:") + 1 if "global:" in lines else 0
        own = {line.split(":")[0] for line in lines[at:]} if at else set()
        added = [
            f"  {key}: {self.folder / key}" for key in ("run", "state") if f"  {key}" not in own
        ]
        lines[at:at] = added if at else ["global:", *added]
        self.write({self.config_path.name: "\n".join(lines)})

    def fill(self, text):
        return string.Template(text).safe_substitute(DIR=self.folder)

    def log(self):
        """All it wrote to standard output and error, over all its starts."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    # ---- life

    def command(self):
        words = [binary(), self.name, "-c", self.config_path]
        if self.name != "run":
            words += ["--control", self.run_folder / f"{self.name}.sock"]
        return [*words, *self.arguments]

    def start(self, ready=True, timeout=START_S):
        """Starts it, and unless told otherwise waits until it says READY. Returns itself."""
        assert self.process is None or self.process.poll() is not None, f"{self.name} runs already"
        self.forget_clock()
        self.listen()
        environment = {**os.environ, **self.environment, "NOTIFY_SOCKET": str(self.notify_path)}
        with open(self.log_path, "ab") as log:
            self.process = self.host.popen(
                *self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                cwd=self.folder,
            )
        if ready:
            self.wait_message("READY=1", timeout)
        return self

    @property
    def notify_path(self):
        return self.folder / "notify"

    def listen(self):
        if self.notify:
            self.notify.close()
        self.notify_path.unlink(missing_ok=True)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(str(self.notify_path))
        self.notify_path.chmod(0o666)
        self.messages = []

    def wait_message(self, line, timeout=START_S):
        """Waits until it tells NOTIFY_SOCKET this line; it must not end meanwhile."""
        until = time.monotonic() + timeout
        while line not in self.messages:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{self.name}: no {line} within {timeout} s\n{self.log()}")
            if self.process.poll() is not None:
                raise RuntimeError(
                    f"{self.name} ended with {self.process.returncode}\n{self.log()}"
                )
            self.notify.settimeout(min(left, 0.1))
            try:
                self.messages += self.notify.recv(4096).decode().split("\n")
            except TimeoutError:
                pass

    def forget_messages(self):
        """What it has told until now, of a reload by its socket for one, is no answer to what comes."""
        self.notify.setblocking(False)
        try:
            while True:
                self.notify.recv(4096)
        except BlockingIOError:
            self.messages = []

    @property
    def pid(self):
        return self.process.pid

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None

    def send(self, sign):
        self.process.send_signal(sign)
        if sign == signal.SIGSTOP:
            # One thread hears of it and stops the others: on a busy machine these go on for a while.
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def stop(self, timeout=STOP_S):
        """SIGTERM; returns its exit status."""
        self.send(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self):
        """SIGKILL; returns when it is gone."""
        self.send(signal.SIGKILL)
        return self.wait(STOP_S)

    def wait(self, timeout=STOP_S):
        """Waits for its end; returns its exit status, negative when a signal ended it."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.name} runs after {timeout} s\n{self.log()}") from None

    def reload(self, config=None, timeout=START_S):
        """SIGHUP with the new configuration, if any; waits until it says READY again."""
        if config is not None:
            self.configure(config)
        self.forget_messages()
        self.send(signal.SIGHUP)
        self.wait_message("READY=1", timeout)

    def close(self):
        """For the end of a test: whatever its state is, it is gone then."""
        try:
            if self.alive:
                self.send(signal.SIGTERM)
                try:
                    self.process.wait(STOP_S)
                except subprocess.TimeoutExpired:
                    self.kill()
                    raise RuntimeError("did not end within 10 s of SIGTERM") from None
                # One that is not ready may be ended by SIGTERM itself, and by nothing else.
                if self.process.returncode < 0 and self.process.returncode != -signal.SIGTERM:
                    raise RuntimeError(f"crashed after SIGTERM: signal {-self.process.returncode}")
        finally:
            self.forget_clock()
            if self.notify:
                self.notify.close()
                self.notify = None

    def forget_clock(self):
        """Of the process before, if any."""
        if self.process:
            forget_clock(self.process.pid)

    # ---- control socket

    def control(self, method, path, service=None, body=None, timeout=10):
        """(HTTP status, what was answered): JSON becomes objects, NDJSON a list of them. service:
        which of those that a supervisor runs."""
        socket_path = self.run_folder / f"{service or self.name}.sock"
        connection = UnixConnection(socket_path, timeout)
        try:
            text = None if body is None else json.dumps(body)
            headers = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, path, text, headers)
            answer = connection.getresponse()
            data = answer.read().decode()
            kind = answer.getheader("Content-Type", "").split(";")[0]
        finally:
            connection.close()
        if kind == "application/json":
            return answer.status, json.loads(data)
        if kind in ("application/x-ndjson", "application/ndjson"):
            return answer.status, [json.loads(line) for line in data.split("\n") if line]
        return answer.status, data

    def past_events(self, last, service=None):
        """The last events until now, oldest first."""
        stream, events = UnixConnection(self.run_folder / f"{service or self.name}.sock", 10), []
        with contextlib.closing(stream):
            stream.request("GET", f"/events?last={last}")
            answer = stream.getresponse()  # they come with its head, and then what happens from now on
            stream.sock.settimeout(0.4)
            with contextlib.suppress(TimeoutError):
                while line := answer.readline():
                    events.append(json.loads(line))
        return events

    @contextlib.contextmanager
    def watching(self, service=None):
        """The events from now on, as a function that says what has come."""
        stream, events = UnixConnection(self.run_folder / f"{service or self.name}.sock", None), []
        stream.request("GET", "/events")
        answer = stream.getresponse()  # its head: from here on everything is told
        connected = stream.sock

        def read():
            with contextlib.suppress(OSError, http.client.HTTPException):  # the service was killed
                while line := answer.readline():
                    events.append(json.loads(line))

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            yield lambda: list(events)
        finally:
            with contextlib.suppress(OSError):  # it has hung up
                connected.shutdown(socket.SHUT_RDWR)
            reader.join(10)
            stream.close()
