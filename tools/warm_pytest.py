"""pytest that is loaded once and run often: every run is a fork of one process, with that run's words, folder, variables
and output, and a session of its own. As a program it is that process; its modules are those of others that the tests of
a folder import, so what these tests' own modules do when they are imported happens in each fork."""

import atexit
import contextlib
import gc
import importlib
import json
import os
import re
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

PACKET_MAX = 64 << 10
IMPORT = re.compile(r"^(?:import ([\w.]+)(?: as \w+)?|from ([\w.]+) import .*)$", re.M)


class WarmPytest:
    """Serves runs for the tests of a folder until it is closed or its owner ends."""

    def __init__(self, folder, environment):
        self.control, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            self.process = subprocess.Popen(
                ["/usr/bin/python3", __file__, str(its.fileno()), str(folder)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[its.fileno()],
                start_new_session=True,
            )

    def start(self, words, cwd, **variables):
        """`python3 -m pytest WORDS` there, with these variables besides the environment's: a Run."""
        asked = json.dumps({"words": words, "cwd": str(cwd), "variables": variables}).encode()
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pipe, output = os.pipe()
        with its:
            try:
                socket.send_fds(self.control, [asked], [output, its.fileno()])
            finally:
                os.close(output)
        return Run(words, ours, pipe)

    def close(self):
        self.control.close()
        self.process.wait()


class Run:
    """One run of pytest, as a subprocess.Popen whose standard output and errors are one pipe."""

    def __init__(self, words, told, pipe):
        self.args, self.told, self.pipe, self.output = words, told, pipe, []
        self.returncode = None
        self.pid = self.hear().get("pid")
        if not self.pid:
            raise RuntimeError("pytest, which was loaded once, begins no run")

    def __del__(self):
        os.close(self.pipe)

    def hear(self):
        return json.loads(self.told.recv(PACKET_MAX) or "{}")

    def wait(self, timeout):
        """Its exit status, negative when a signal ended it."""
        if self.returncode is None:
            self.told.settimeout(max(timeout, 0.001))
            try:
                self.returncode = self.hear().get("status", 1)  # 1: who knows it is no more
            except TimeoutError:
                raise subprocess.TimeoutExpired(self.args, timeout) from None
        return self.returncode

    def communicate(self, timeout):
        """(what it printed, None), when it and all that hold its output have ended."""
        until = time.monotonic() + timeout
        ready = select.poll()
        ready.register(self.pipe, select.POLLIN)
        while ready.poll(max(0, until - time.monotonic()) * 1000):
            part = os.read(self.pipe, PACKET_MAX)
            if not part:
                self.wait(until - time.monotonic())
                return b"".join(self.output), None
            self.output.append(part)
        raise subprocess.TimeoutExpired(self.args, timeout, b"".join(self.output))


# ---- the process that forks


def load(folder):
    """What pytest imports when it begins, and the modules that two files there name and that are not of the folder."""
    config = importlib.import_module("_pytest.config")
    for name in config.default_plugins:
        importlib.import_module(f"_pytest.{name}")
    files = sorted(folder.glob("*.py"))
    own = {file.stem for file in files}
    named = [set(a or b for a, b in IMPORT.findall(file.read_text(encoding="utf-8"))) for file in files]
    for name in sorted(set().union(*named)):
        if name.split(".")[0] not in own and sum(name in some for some in named) > 1:
            with contextlib.suppress(ImportError):  # who needs it will tell
                importlib.import_module(name)


def serve(control):
    """In each fork, what it is asked for; None when nobody will ask any more."""
    running = {}  # descriptor of a process: (its pid, the socket of who waits for its status)
    ready = select.poll()
    ready.register(control, select.POLLIN)
    while True:
        for fd, _ in ready.poll():
            if fd in running:
                ready.unregister(fd)
                pid, told = running.pop(fd)
                os.close(fd)
                status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                with told, contextlib.suppress(OSError):  # who has gone by now need not know
                    told.send(json.dumps({"status": status}).encode())
                continue
            packet, fds, _, _ = socket.recv_fds(control, PACKET_MAX, 2, socket.MSG_CMSG_CLOEXEC)
            if not packet:
                return None
            output, told = fds[0], socket.socket(fileno=fds[1])
            pid = os.fork()
            if pid == 0:
                for other, (_, its) in running.items():
                    os.close(other)
                    its.close()
                return json.loads(packet), output, told
            os.close(output)
            running[fd := os.pidfd_open(pid)] = pid, told
            ready.register(fd, select.POLLIN)


def run(asked, output, told):
    """In a fork: as `python3 -m pytest` would."""
    os.setsid()
    with told:
        told.send(json.dumps({"pid": os.getpid()}).encode())
    for fd in (1, 2):
        os.dup2(output, fd)
    os.close(output)
    os.chdir(asked["cwd"])
    os.environ.update(asked["variables"])
    pytest = importlib.import_module("pytest")
    sys.path[0] = asked["cwd"]
    sys.argv = [str(Path(pytest.__file__).parent / "__main__.py"), *asked["words"]]
    return pytest.console_main()


def leave(status):
    """As a program ends, but that it does not take apart what it shares with all forks, which would copy it first."""
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def main():
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    load(Path(sys.argv[2]))
    # What every fork would compile anew: the folder's own modules.
    sys.pycache_prefix, sys.dont_write_bytecode = tempfile.mkdtemp(prefix="gatehouse-pytest-"), False
    gc.collect()
    gc.freeze()  # else each fork's collector would write to all of it
    asked = serve(control)
    control.close()
    if asked:
        leave(run(*asked))
    shutil.rmtree(sys.pycache_prefix)


if __name__ == "__main__":
    main()
