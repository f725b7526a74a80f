"""Drives `gatehouse lab` in a host of a drawn network: its socket is that host's own, so that a lab of
whoever sits at this machine, or of another test run, is another one."""

import contextlib
import json
import os
import time

import proc
import topology
from proc import gone, namespace, pids
from service import binary


class Lab:
    """wrap: words in front of the program, such as setpriv's. program: another copy of it."""

    def __init__(self, host, wrap=(), program=None, **environment):
        self.host, self.wrap, self.program = host, list(wrap), program or binary()
        kept = {key: value for key, value in os.environ.items() if not key.startswith("LC_")}
        self.environment = {**kept, "LANG": "C.UTF-8", **environment}

    def gatehouse(self, *words, timeout=60, **options):
        """Runs the program to its end, outside of the lab; a CompletedProcess."""
        environment = {**self.environment, **options.pop("environment", {})}
        return self.host.run(
            *self.wrap, self.program, *words, timeout=timeout, env=environment, **options
        )

    def up(self):
        done = self.gatehouse("lab", "up")
        assert done.returncode == 0, done.stdout + done.stderr
        return self

    def down(self):
        return self.gatehouse("lab", "down").returncode

    def status(self):
        """{host: what `lab status` says of it}."""
        done = self.gatehouse("lab", "status", "--json")
        assert done.returncode == 0, done.stderr
        return {entry["host"]: entry for entry in json.loads(done.stdout)["hosts"]}

    def await_translation(self, seconds=60):
        """Until the site's gateway translates, for which `lab up` does not wait."""
        until = time.monotonic() + seconds
        while not json.loads(self.gatehouse("lab", "status", "--json").stdout)["translates"]:
            assert time.monotonic() < until, self["gateway"].run("cat", "/run/lab/gateway/log").stdout
            time.sleep(0.1)
        return self

    def __getitem__(self, name):
        return LabHost(self, name)

    def keeper(self):
        """Its pid as we see it: the first process of the lab's PID namespace."""
        home = namespace("self", "pid")
        ours = os.stat(f"/run/netns/{self.host.space}").st_ino
        for pid in pids():
            if namespace(pid, "net") == f"net:[{ours}]" and namespace(pid, "pid") != home:
                return pid
        return None

    def inhabitants(self, pid_namespace):
        """Those that live there; one that has ended and waits for its parent to look is not among them."""
        return [pid for pid in pids() if namespace(pid, "pid") == pid_namespace and not gone(pid)]


class LabHost:
    """One host of the lab; run() as topology.Host has it, so that ask.dig and its like work with it."""

    def __init__(self, lab, name):
        self.lab, self.name = lab, name

    def run(self, *words, **options):
        return self.lab.gatehouse("lab", "run", self.name, *words, **options)

    def trace(self, *words, **options):
        """The steps of `gatehouse trace`, the summary last."""
        done = self.run("gatehouse", "trace", *words, "--json", **options)
        assert done.stderr == "", done.stderr
        return [json.loads(line) for line in done.stdout.split("\n") if line]

    def control(self, service, method, path):
        """(HTTP status, text) of a request to the control socket of a service there."""
        done = self.run(
            *("curl", "-sS", "--max-time", "10", "-X", method, "-w", "\n%{http_code}"),
            *("--unix-socket", f"/run/gatehouse/{service}.sock", f"http://x{path}"),
        )
        assert done.returncode == 0, done.stderr
        text, _, status = done.stdout.rpartition("\n")
        return int(status), text

    def flush(self):
        status, text = self.control("resolver", "POST", "/flush?name=.&below=1")
        assert status == 200, text

    def pids(self, *words):
        """As we see them: of this host's processes, those whose command line begins so."""
        done = self.run("readlink", "/proc/self/ns/net")
        assert done.returncode == 0, done.stderr
        ours = [pid for pid in pids() if namespace(pid, "net") == done.stdout.strip()]
        return [pid for pid in ours if proc.command(pid)[: len(words)] == list(words)]

    def kill(self, *words):
        """Sends SIGKILL to the processes of this host whose command line begins so."""
        found = self.pids(*words)
        for pid in found:
            proc.kill(pid)
        return found

    @contextlib.contextmanager
    def inside(self):
        """Sockets that this thread makes meanwhile are this host's, where some process is."""
        with open("/proc/thread-self/ns/net", "rb") as home:
            with open(f"/proc/{self.pids()[0]}/ns/net", "rb") as space:
                topology.set_namespace(space)
            try:
                yield self
            finally:
                topology.set_namespace(home)
