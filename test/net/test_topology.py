"""The drawn network itself: what the other tests stand on.

client --192.0.2.0/24-- gateway --198.51.100.0/24-- server
"""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import ask
import janitor
import proc
import topology
from service import Service


@pytest.fixture
def routed(net):
    client, gateway, server = net.host("client"), net.router("gateway"), net.host("server")
    net.cable(client, "192.0.2.2/24 2001:db8:1::2/64", gateway, "192.0.2.1/24 2001:db8:1::1/64")
    net.cable(
        server, "198.51.100.2/24 2001:db8:2::2/64", gateway, "198.51.100.1/24 2001:db8:2::1/64"
    )
    client.route("default", "192.0.2.1")
    client.route("default", "2001:db8:1::1")
    server.route("default", "198.51.100.1")
    server.route("default", "2001:db8:2::1")
    return client, gateway, server


def echo_once(host, address):
    """A UDP socket of the host that sends the next packet back."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with host.inside():
        listener = socket.socket(family, socket.SOCK_DGRAM)
    listener.settimeout(5)
    listener.bind((address, 7))

    def serve():
        data, sender = listener.recvfrom(100)
        listener.sendto(data, sender)
        listener.close()

    threading.Thread(target=serve, daemon=True).start()


@pytest.mark.parametrize("address", ["198.51.100.2", "2001:db8:2::2"])
def test_packets_cross_the_router(routed, address):
    client, _, server = routed
    echo_once(server, address)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with client.inside():
        asking = socket.socket(family, socket.SOCK_DGRAM)
    asking.settimeout(5)
    asking.sendto(b"hello", (address, 7))
    assert asking.recv(100) == b"hello"
    asking.close()


def test_packets_stop_at_a_link_that_is_down(routed):
    client, gateway, server = routed
    echo_once(server, "198.51.100.2")
    gateway.link("to-server", False)
    with client.inside():
        asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asking.settimeout(0.3)
    asking.sendto(b"hello", ("198.51.100.2", 7))
    with pytest.raises(OSError):
        asking.recv(100)
    asking.close()


def test_hosts_on_a_switch_see_each_other(net):
    lan = net.switch("lan")
    one, two = net.host("one"), net.host("two")
    net.plug(one, "192.0.2.1/24", lan)
    net.plug(two, "192.0.2.2/24", lan)
    echo_once(two, "192.0.2.2")
    with one.inside():
        asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asking.settimeout(5)
    asking.sendto(b"hello", ("192.0.2.2", 7))
    assert asking.recv(100) == b"hello"
    asking.close()


def test_what_is_sent_at_once_arrives(net):
    lan = net.switch("lan")
    listener = net.host("listener")
    net.plug(listener, "192.0.2.1/24", lan)
    with listener.inside():
        listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind(("", 67))
    listening.settimeout(5)
    for one in range(12):
        host = net.host(f"speaker{one}")
        interface = net.plug(host, "", lan)
        with host.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as speaking:
            speaking.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            speaking.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
            speaking.sendto(bytes([one]), ("255.255.255.255", 67))
        assert listening.recv(100) == bytes([one])
    listening.close()


def test_what_is_drawn_is_what_ip_shows(routed):
    _, gateway, _ = routed
    gateway.link("to-server", False)
    gateway.netlink.rename("to-server", "away")
    until = time.monotonic() + 5
    while not (gateway.netlink.is_up("to-client") and gateway.netlink.is_ready6("to-client")):
        assert time.monotonic() < until
        time.sleep(0.01)
    shown = json.loads(gateway.ip("-j", "address", "show"))
    assert {link["ifname"] for link in shown} == set(gateway.interfaces()) == {"lo", "to-client", "away"}
    for link in shown:
        name, told = link["ifname"], gateway.netlink
        assert (link["ifindex"], link["mtu"]) == (told.index(name), told.mtu(name))
        assert (link["operstate"] == "UP") == told.is_up(name)
        assert name == "lo" or link["address"] == told.mac(name)
        listed = [(f"{a['local']}/{a['prefixlen']}", a["preferred_life_time"], a["valid_life_time"]) for a in link["addr_info"]]
        assert listed == [(str(at), *seconds) for at, _, *seconds in told.addresses(name)]
    assert gateway.netlink.addresses("to-client", socket.AF_INET)[0][0].network.prefixlen == 24


def test_what_is_counted_is_what_went(routed):
    client, gateway, server = routed
    echo_once(server, "198.51.100.2")
    before = gateway.netlink.statistics("to-server")
    with client.inside(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(5)
        asking.sendto(bytes(100), ("198.51.100.2", 7))
        asking.recv(200)
    after = gateway.netlink.statistics("to-server")
    for way in ("tx", "rx"):
        assert after[f"{way}_packets"] > before[f"{way}_packets"]
        assert after[f"{way}_bytes"] >= before[f"{way}_bytes"] + 128 and after[f"{way}_errors"] == 0


def test_what_cannot_be_drawn_is_an_error(routed):
    client, gateway, _ = routed
    for call, error in (
        (lambda: client.address("to-gateway", "192.0.2.2/24"), errno.EEXIST),
        (lambda: client.address("nowhere", "192.0.2.3/24"), errno.ENODEV),
        (lambda: client.route("default", "192.0.2.1"), errno.EEXIST),
        (lambda: client.route("203.0.113.0/24", "198.18.0.1"), errno.ENETUNREACH),
        (lambda: client.netlink.set_master("to-gateway", "lo"), errno.EOPNOTSUPP),
        (lambda: gateway.netlink.bridge("to-client"), errno.EEXIST),
        (lambda: topology.Host(client.net, "client"), errno.EEXIST),
    ):
        with pytest.raises(OSError) as raised:
            call()
        assert raised.value.errno == error
    client.route("203.0.113.0/24", "192.0.2.1")  # an error leaves the next answer alone
    assert "203.0.113.0/24 via 192.0.2.1" in client.ip("route")


def test_inside_returns_home(net):
    home = os.readlink("/proc/thread-self/ns/net")
    with pytest.raises(ZeroDivisionError):
        with net.host("away").inside():
            assert os.readlink("/proc/thread-self/ns/net") != home
            raise ZeroDivisionError
    assert os.readlink("/proc/thread-self/ns/net") == home


def test_resolv_conf_is_the_hosts_own(net):
    one, two = net.host("one"), net.host("two")
    one.resolv_conf("192.0.2.53")
    assert one.run("cat", "/etc/resolv.conf").stdout == "nameserver 192.0.2.53\n"
    assert "192.0.2.53" not in two.run("cat", "/etc/resolv.conf").stdout


def test_close_leaves_nothing(janitor_process):
    drawing = topology.Net()
    host = drawing.host("one")
    host.resolv_conf("192.0.2.53")
    folder = Path("/tmp") / f"{host.space}-thing"
    folder.mkdir()
    process = host.popen("sleep", "1000")
    while process.pid not in janitor.processes(host.space):
        time.sleep(0.01)
    assert drawing.close() == []
    assert process.wait(5) == -signal.SIGKILL
    assert janitor.namespaces(drawing.prefix) == []
    assert not folder.exists() and not Path("/etc/netns", host.space).exists()


KILLED_RUN = """
import os, signal, subprocess, sys
sys.path.insert(0, {folder!r})
import janitor, topology
if {janitor}:
    janitor.watch(topology.PREFIX)
host = topology.Net().host("left")
os.mkdir("/tmp/" + host.space + "-folder")
subprocess.Popen(host.wrap(["sleep", "1000"]), stdout=subprocess.DEVNULL)
print(os.getpid(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed_run(with_janitor):
    """A test run that draws a host, starts a program in it, and is killed; returns its pid."""
    script = KILLED_RUN.format(folder=str(Path(__file__).parent), janitor=with_janitor)
    done = subprocess.run(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, timeout=30, check=False
    )
    assert done.returncode == -signal.SIGKILL
    return int(done.stdout)


def left_by(pid):
    prefix = f"{janitor.FAMILY}-{pid}-"
    return janitor.namespaces(prefix) + [p.name for p in Path("/tmp").glob(f"{prefix}*")]


def test_janitor_tidies_after_a_killed_run(janitor_process):
    pid = killed_run(with_janitor=True)
    until = time.monotonic() + 10
    while left_by(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert left_by(pid) == []


def test_next_run_sweeps_what_a_killed_run_without_janitor_left(janitor_process):
    pid = killed_run(with_janitor=False)
    assert len(left_by(pid)) == 2
    assert f"{janitor.FAMILY}-{pid}-" in janitor.sweep()
    assert left_by(pid) == []
    assert topology.PREFIX not in janitor.sweep()


def test_service_that_ends_at_once_is_told_with_its_log(net):
    service = Service(net.host("one"), "authority", "no-such-key: 1\n")
    with pytest.raises(RuntimeError, match="no-such-key"):
        service.start()


DIG = """
; <<>> DiG 9.18 <<>> example.com
;; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 1
;; QUESTION SECTION:
;example.com. IN A

;; ANSWER SECTION:
example.com.\t\t300\tIN\tA\t192.0.2.1
example.com.\t\t300\tIN\tTXT\t"two words"

;; AUTHORITY SECTION:
example.com. 300 IN NS ns.example.com.
"""


def test_asked_reads_the_answer_section():
    asked = ask.Asked(subprocess.CompletedProcess([], 0, DIG, ""))
    assert asked.rcode == "NOERROR"
    assert asked.records == [
        ("example.com.", 300, "A", "192.0.2.1"),
        ("example.com.", 300, "TXT", '"two words"'),
    ]
    assert asked.values("TXT") == ['"two words"']


def told(pid):
    """All that can be asked of a process."""
    return (
        proc.command(pid), proc.status(pid), proc.children(pid), proc.threads(pid), proc.descriptors(pid),
        proc.namespace(pid, "net"), proc.gone(pid),
    )  # fmt: skip


def test_of_a_process_that_has_ended_there_is_nothing_to_tell():
    process = subprocess.Popen(["sleep", "1000"])
    while proc.command(process.pid) != ["sleep", "1000"]:  # it is still us
        time.sleep(0.001)
    assert process.pid in proc.pids() and process.pid in proc.children(os.getpid())
    assert proc.status(process.pid)["Uid"] and proc.threads(process.pid) == {process.pid: "sleep"}
    assert len(proc.descriptors(process.pid)) >= 3 and proc.namespace(process.pid, "net") and not proc.gone(process.pid)
    proc.kill(process.pid)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert proc.state(process.pid) == "Z" and proc.gone(process.pid) and proc.command(process.pid) == []
    process.wait()
    assert told(process.pid) == ([], {}, [], {}, [], None, True)
    proc.kill(process.pid)


def test_processes_may_end_while_they_are_looked_at():
    alive = 0
    for _ in range(20):
        some = [subprocess.Popen(["sleep", "0.02"]) for _ in range(5)]
        while any([process.poll() is None for process in some]):
            alive += sum(not told(process.pid)[-1] for process in some)
    assert alive
