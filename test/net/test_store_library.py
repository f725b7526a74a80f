"""PostgreSQL's client library is opened by who has a store there, and by nobody else: with one that cannot be used,
put before the system's, all others start and run; and who wants it is told what is missing."""

import shutil
import subprocess
from pathlib import Path

import pytest

from service import Service, binary

SERVICES = {
    "dhcp": """
dhcp:
  store: $STORE
  networks:
    - {subnet: 192.168.7.0/24, pools: [{range: 192.168.7.100-192.168.7.199}]}
""",
    "reverse-proxy": """
reverse-proxy:
  store: $STORE
  listen: 127.0.0.1:8080
  routes: {answer: {status: 200, body: hello}}
""",
    "vpn": """
vpn:
  store: $STORE
  interfaces:
    wg0: {addresses: 10.9.0.1/24}
""",
}
URL, NEED = "postgresql:///gatehouse?host=/nowhere", "a PostgreSQL store needs libpq.so.5, in Debian's package libpq5: "


def torn(at):
    at.write_bytes(b"no library")
    return "file too short"


def other(at):
    """A library, but not this one: as one of a version without a function of ours."""
    for line in subprocess.run(["ldd", binary()], capture_output=True, text=True, check=True).stdout.splitlines():
        if line.split()[0] == "libm.so.6":
            shutil.copy(line.split()[2], at)
    return "undefined symbol: PQ"


@pytest.fixture(params=[torn, other])
def library(request, tmp_path):
    """(the environment in which it is found first, what the linker says of it)"""
    said = request.param(tmp_path / "libpq.so.5")
    return {"LD_LIBRARY_PATH": str(tmp_path)}, said


def service(net, name, store, environment):
    host = net.host("gateway")
    net.plug(host, "192.168.7.1/24", net.switch("switch"))
    return Service(host, name, SERVICES[name].replace("$STORE", f'"{store}"'), environment=environment)


def check(made):
    return subprocess.run(
        [binary(), "check", made.config_path], env={"PATH": "/usr/bin", **made.environment}, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("name", SERVICES)
def test_who_wants_it_is_told_what_is_missing(net, name, library):
    environment, said = library
    made = service(net, name, URL, environment)
    judged = check(made)
    assert judged.returncode == 0  # the file is right, and may be for another machine
    assert f"{made.config_path}: warning: {NEED}" in judged.stderr and said in judged.stderr
    assert made.start(ready=False).wait(60) == 1
    assert "the store cannot be made" in made.log() and NEED in made.log() and said in made.log()


@pytest.mark.parametrize("name", SERVICES)
def test_nobody_else_opens_it(net, name, library):
    environment, _ = library
    made = service(net, name, "sqlite", environment)
    judged = check(made)
    assert (judged.returncode, judged.stderr) == (0, "")
    made.start()
    assert "libpq.so" not in Path(f"/proc/{made.pid}/maps").read_text()
    assert made.stop() == 0
    assert "libpq" not in made.log()


@pytest.mark.parametrize("name", SERVICES)
def test_it_is_open_before_the_sandbox_closes(net, name):
    """And a database that is away is no reason to end."""
    made = service(net, name, URL, None)
    judged = check(made)
    assert (judged.returncode, judged.stderr) == (0, "")
    made.start()
    assert "libpq.so" in Path(f"/proc/{made.pid}/maps").read_text()
    assert made.control("GET", "/status")[1]["sandbox"]
    assert made.stop() == 0
