"""`gatehouse lab`: up, entered, down, and nothing left behind however it ends."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

import topology
from lab import Lab
from proc import command, namespace, pids, status
from service import binary

SERVERS = {
    "root-a",
    "root-b",
    "com-a",
    "com-b",
    "kr-a",
    "kr-b",
    "ns1",
    "ns2",
    "hanbit",
    "seoul",
    "eng",
    "gateway",
    "roamer",
    "visitor",
    "office",
}
SITE = {"client1", "client2", "client3", "nas", "app1", "app2"}
OTHERS = {"isp", "web", "laptop", "desk"} | SITE


@pytest.fixture(scope="module")
def shared(janitor_process):
    """One lab for all tests that leave it as it was."""
    net = topology.Net()
    lab = Lab(net.host("lab"))
    try:
        yield lab.up().await_translation()
    finally:
        lab.down()
        assert not net.close()


@pytest.fixture
def own(net):
    lab = Lab(net.host("lab"))
    yield lab
    lab.down()


# ---- what it is


def test_every_server_serves(shared):
    hosts = shared.status()
    assert set(hosts) == SERVERS | OTHERS
    assert {name for name in hosts if hosts[name]["gatehouse"] == "serves"} == SERVERS
    assert {name for name in hosts if hosts[name]["gatehouse"] == "-"} == OTHERS
    assert hosts["gateway"]["addresses"][0] == "192.0.2.2/24"
    assert "192.168.7.1/24" in hosts["gateway"]["addresses"]


def test_status_is_a_table_for_people(shared):
    lines = shared.gatehouse("lab", "status").stdout.rstrip("\n").split("\n")
    assert lines[0].split() == ["HOST", "GATEHOUSE", "ROLE", "ADDRESSES"]
    assert {line.split()[0] for line in lines[1:]} == SERVERS | OTHERS
    assert all(line[lines[0].index("ROLE") - 1] == " " for line in lines)


def test_up_twice_is_one_lab(shared):
    keeper = shared.keeper()
    done = shared.gatehouse("lab", "up")
    assert done.returncode == 0
    assert "already" in done.stdout
    assert shared.gatehouse("lab", "up", "--json").stdout == '{"lab":"up","new":false}\n'
    assert shared.keeper() == keeper


@pytest.mark.parametrize(
    "target", ["192.168.7.1", "198.51.100.10", "203.0.113.80", "2001:db8:113::80", "fd00:7::1"]
)
def test_packets_go_everywhere(shared, target):
    """A datagram to a port where nobody listens: the far end's refusal comes back."""
    script = (
        "import socket, sys\n"
        "s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)\n"
        "s.settimeout(5)\n"
        "s.connect((sys.argv[1], 9))\n"
        "s.send(b'x')\n"
        "try:\n    s.recv(1)\nexcept ConnectionRefusedError:\n    print('there')\n"
    )
    # The site's private addresses have no way back but from within it.
    host = "client1" if target.startswith(("192.168", "fd00")) else "gateway"
    done = shared[host].run("/usr/bin/python3", "-c", script, target)
    assert done.stdout == "there\n", done.stderr


def test_it_reaches_nothing_outside(shared):
    routes = shared["isp"].run("ip", "route").stdout
    assert "default" not in routes
    links = shared["client1"].run("ip", "-br", "link").stdout
    assert {line.split()[0].split("@")[0] for line in links.rstrip("\n").split("\n")} == {
        "lo",
        "eth0",
    }


# ---- run and shell


def test_run_ends_as_the_program_did(shared):
    client = shared["client1"]
    assert client.run("true").returncode == 0
    assert client.run("sh", "-c", "exit 7").returncode == 7
    assert client.run("sh", "-c", "kill -9 $$").returncode == 128 + signal.SIGKILL
    missing = client.run("no-such-program")
    assert missing.returncode == 127
    assert "no-such-program" in missing.stderr


def test_run_passes_words_and_streams_through(shared):
    done = shared["client1"].run(
        "sh", "-c", 'cat; echo "$1" >&2', "x", "-c --json $HOME", input="in\n"
    )
    assert (done.stdout, done.stderr) == ("in\n", "-c --json $HOME\n")


def test_run_is_on_that_host(shared):
    done = shared["client2"].run(
        "sh", "-c", "hostname; cat /etc/resolv.conf; ip -br -4 address show eth0"
    )
    name, resolver, _, address = done.stdout.rstrip("\n").split("\n")
    assert name == "client2"
    assert resolver == "search home.arpa"
    assert " 192.168.7." in address
    assert shared["gateway"].run("ls", "/run/gatehouse").stdout == "authority.sock\ndhcp.sock\nforward-proxy.sock\nnat.sock\npolicy.sock\nresolver.sock\nreverse-proxy.sock\nvpn.sock\n"
    assert shared["ns1"].run("ls", "/run/gatehouse").stdout == "authority.sock\n"


def test_the_program_itself_is_found_on_each_host(shared):
    for name in ("client1", "gateway", "ns1"):
        assert shared[name].run("gatehouse", "version").stdout == shared.gatehouse("version").stdout
    told = shared["gateway"].run("gatehouse", "status").stdout
    assert any(line.split()[:2] == ["resolver", "running"] for line in told.split("\n"))


def test_a_shell_is_that_of_the_user(shared):
    done = shared.gatehouse(
        "lab", "shell", "client3", input="hostname\nexit 3\n", environment={"SHELL": "/bin/sh"}
    )
    assert done.stdout == "client3\n"
    assert done.returncode == 3


def test_a_host_that_is_not_there_is_told(shared):
    done = shared["client9"].run("true")
    assert done.returncode == 1
    assert "the lab has no host 'client9'" in done.stderr
    assert "gatehouse lab status" in done.stderr


def test_what_a_user_starts_there_sees_only_the_lab(shared):
    done = shared["client1"].run(
        "sh", "-c", "ls -d /proc/[0-9]* | wc -l; cat /proc/1/cmdline | tr '\\0' ' '"
    )
    count, first = done.stdout.split("\n")[:2]
    assert int(count) < 60
    assert first.strip() == "gatehouse lab keeper"


def test_a_service_there_is_locked_in(shared):
    """As outside: another user, no capabilities, seccomp."""
    lab_pids = shared.inhabitants(namespace(shared.keeper(), "pid"))
    services = 0
    for pid in lab_pids:
        if not {"authority", "dhcp", "nat", "resolver", "vpn"} & set(command(pid)[1:2]):
            continue
        services += 1
        told = status(pid)
        assert told["Uid"].split()[1] != "0"
        assert int(told["CapEff"], 16) == int(told["CapPrm"], 16) == 0
        assert told["Seccomp"].strip() == "2"
    assert services == len(SERVERS) + 4  # the gateway has five


# ---- its end


def leftovers(lab, pid_namespace):
    """All that should not be there once it is down."""
    found = [f"process {pid}" for pid in lab.inhabitants(pid_namespace)]
    found += [
        line
        for line in lab.host.run("cat", "/proc/net/unix").stdout.split("\n")
        if "gatehouse" in line
    ]
    found += [line for line in Path("/proc/mounts").read_text().split("\n") if "/run/lab" in line]
    found += [str(path) for path in (Path("/run/lab"),) if path.exists()]
    return found


def test_down_leaves_nothing_behind(own):
    before = set(os.listdir("/tmp")) | set(os.listdir("/run"))
    own.up()
    own["client1"].run("sh", "-c", "echo x >/run/x; sleep 1000 >/dev/null 2>&1 &")
    inside = namespace(own.keeper(), "pid")
    assert len(own.inhabitants(inside)) > 2 * len(SERVERS)
    done = own.gatehouse("lab", "down", "--json")
    assert (done.returncode, done.stdout) == (0, '{"lab":"down"}\n')
    assert leftovers(own, inside) == []  # at once: down waits for the end
    made = (set(os.listdir("/tmp")) | set(os.listdir("/run"))) - before
    assert not {name for name in made if "lab" in name or name == "x"}


def test_a_killed_keeper_leaves_nothing_behind(own):
    own.up()
    keeper = own.keeper()
    inside = namespace(keeper, "pid")
    os.kill(keeper, signal.SIGKILL)
    until = time.monotonic() + 3
    while leftovers(own, inside) and time.monotonic() < until:
        time.sleep(0.01)
    assert leftovers(own, inside) == []
    # And it comes up again.
    own.up()
    assert own["client1"].run("getent", "hosts", "www.example.com").returncode == 0


def test_sigterm_ends_it_cleanly(own):
    own.up()
    keeper = own.keeper()
    inside = namespace(keeper, "pid")
    os.kill(keeper, signal.SIGTERM)
    until = time.monotonic() + 3
    while leftovers(own, inside) and time.monotonic() < until:
        time.sleep(0.01)
    assert leftovers(own, inside) == []


def test_up_and_down_again_and_again(own):
    for _ in range(3):
        own.up()
        inside = namespace(own.keeper(), "pid")
        assert own.down() == 0
        assert leftovers(own, inside) == []


def test_when_it_is_not_up_everything_says_so(own):
    for words in (["status"], ["down"], ["run", "client1", "true"], ["shell", "client1"]):
        done = own.gatehouse("lab", *words)
        assert (done.returncode, done.stdout) == (1, "")
        assert "the lab is not up" in done.stderr
        assert "gatehouse lab up" in done.stderr


def test_a_run_that_is_under_way_ends_with_the_lab(own):
    own.up()
    process = own.host.popen(own.program, "lab", "run", "client1", "sleep", "1000")
    until = time.monotonic() + 5
    while not any(command(pid) == ["sleep", "1000"] for pid in pids()):  # and not who starts it
        assert time.monotonic() < until
        time.sleep(0.01)
    own.down()
    assert process.wait(5) == 128 + signal.SIGKILL


# ---- as an ordinary user


NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]


def why_no_user_namespace(host):
    done = host.run(*NOBODY, "unshare", "--user", "--net", "--mount", "true")
    return done.stderr.strip() if done.returncode else None


@pytest.fixture
def ordinary(net, request):
    """A lab of the user nobody, with a copy of the program where he can read it."""
    host = net.host("lab")
    reason = why_no_user_namespace(host)
    if reason:
        pytest.skip(f"this kernel gives an ordinary user no namespaces: {reason}")
    folder = Path("/tmp") / f"{host.space}-bin"
    folder.mkdir()
    folder.chmod(0o755)
    shutil.copy(binary(), folder / "gatehouse")
    lab = Lab(host, NOBODY, folder / "gatehouse", HOME="/nowhere")
    yield lab
    lab.down()
    shutil.rmtree(folder)


def test_an_ordinary_user_has_a_lab_too(ordinary):
    ordinary.up()
    hosts = ordinary.status()
    assert {name for name in hosts if hosts[name]["gatehouse"] == "serves"} == SERVERS
    keeper = ordinary.keeper()
    inside = namespace(keeper, "pid")
    assert namespace(keeper, "user") != namespace("self", "user")
    client = ordinary["client1"]
    assert "2001:db8:113::80" in client.run("getent", "ahosts", "www.example.com").stdout
    assert client.run("sh", "-c", "exit 5").returncode == 5
    # He may load no programs: the same translation, by nftables.
    ordinary.await_translation()
    page = client.run("busybox", "wget", "-qO-", "http://www.example.com/").stdout
    assert page.startswith("A web server in the internet; it was asked by 192.0.2.2, port ")
    assert ordinary["gateway"].trace("mail.hanbit.kr")[-1]["rcode"] == "NOERROR"
    found = [told["Uid"].split()[0] for pid in ordinary.inhabitants(inside) if (told := status(pid))]
    assert len(found) > len(SERVERS) and set(found) == {"65534"}
    assert ordinary.down() == 0
    assert leftovers(ordinary, inside) == []


def test_two_users_have_two_labs_and_leave_each_other_alone(ordinary):
    of_root = Lab(ordinary.host)
    try:
        of_root.up()
        ordinary.up()
        done = ordinary.host.run(
            *NOBODY,
            "curl",
            "-sS",
            "--abstract-unix-socket",
            "gatehouse-lab-0",
            "-X",
            "POST",
            "http://x/down",
        )
        assert "another user's" in done.stdout
        assert ordinary.down() == 0
        assert of_root["client1"].run("getent", "hosts", "www.example.com").returncode == 0
    finally:
        assert of_root.down() == 0


def test_where_it_may_not_it_says_what_to_do(net):
    """A root without the right to make namespaces."""
    lab = Lab(net.host("lab"), ["setpriv", "--bounding-set", "-sys_admin"])
    done = lab.gatehouse("lab", "up")
    assert done.returncode == 1
    assert "the lab cannot be brought up: " in done.stderr
    assert "As root" in done.stderr
    assert lab.keeper() is None
