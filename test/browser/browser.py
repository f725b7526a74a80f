"""A Chromium in a host of a drawn network: Browser(host).goto(url).text. What it can do stands in browser.mjs."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import types
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
CHROMIUM = "/usr/bin/chromium"
UNREACHABLE = re.compile(r"npm (ERR!|error) (network|code (E(AI_AGAIN|CONNREFUSED|CONNRESET|NOTFOUND|TIMEDOUT|NETUNREACH|HOSTUNREACH)|ERR_SOCKET_TIMEOUT))", re.I)


def why_not():
    """Why no browser can run here; None when it can."""
    if not os.path.exists(CHROMIUM):
        return f"{CHROMIUM} is not there"
    if not shutil.which("node"):
        return "node is not there"
    return None


def install():
    """playwright-core as package-lock.json pins it, unless it is there; nothing is run of it."""
    at = HERE / "node_modules/playwright-core/package.json"
    pinned = json.loads((HERE / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    if at.exists() and (
        json.loads(at.read_text(encoding="utf-8"))["version"] == pinned["node_modules/playwright-core"]["version"]
    ):
        return
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=HERE, capture_output=True, text=True, timeout=180, check=False,
    )
    if done.returncode and UNREACHABLE.search(done.stderr):
        pytest.skip("playwright-core is not there, and where npm gets it from cannot be reached")
    assert done.returncode == 0, done.stdout + done.stderr


class Browser:
    def __init__(self, host):
        self.home = tempfile.TemporaryDirectory(prefix="gatehouse-browser-")
        self.log = open(Path(self.home.name) / "log", "w+", encoding="utf-8")
        self.process = host.popen(
            "node", HERE / "browser.mjs", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
            env={**os.environ, "HOME": self.home.name, "CHROMIUM": CHROMIUM}, cwd=HERE,
        )
        self.version = None

    def __getattr__(self, command):
        def run(**words):
            if self.version is None:
                self.version = self.read()["ready"]
            self.process.stdin.write(json.dumps({"command": command, **words}) + "\n")
            self.process.stdin.flush()
            answer = self.read()
            assert "error" not in answer, f"{command} {words}: {answer.get('error')}"
            result = answer["result"]
            return types.SimpleNamespace(**result) if isinstance(result, dict) else result

        return run

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            raise RuntimeError(f"the browser ended:\n{self.log.read()}")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()
        self.home.cleanup()
