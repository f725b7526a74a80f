"""The first journey when servers are gone: of a pair, of every pair, all of them, the resolver itself. Where one is killed
it comes back, and the next test has the same lab; the other tests have one of their own."""

import subprocess
import time

import dns.message
import dns.query
import pytest

import ask
import proc
from service import queued_s
import topology
from lab import Lab

RESOLVER = "192.168.7.1"


PAIRS = [("root-a", "root-b"), ("com-a", "com-b"), ("kr-a", "kr-b"), ("ns1", "ns2")]
NAMES = {
    "www.example.com": "203.0.113.80",
    "www.shop.com": None,
    "www.hanbit.kr": "203.0.113.82",
    "git.eng.hanbit.kr": "203.0.113.82",
    "www.xn--3e0b707e.kr": "203.0.113.80",
}


def all_resolve(lab):
    for name, address in NAMES.items():
        asked = ask.dig(lab["client1"], RESOLVER, name, "A", "+time=10")
        assert asked.rcode == "NOERROR", asked.text
        assert address in (None, *asked.values("A")), asked.text


def kill_server(lab, name):
    """The whole of a host's gatehouse, so that nobody starts it again."""
    pids = lab[name].kill("gatehouse", "run", "-c", f"/run/lab/{name}/gatehouse.yaml")
    assert len(pids) == 1
    until = time.monotonic() + 5
    while lab.status()[name]["gatehouse"] != "ended":
        assert time.monotonic() < until
        time.sleep(0.01)
    assert ask.dig(lab[name], "127.0.0.1", "example.com").status != 0


def start_again(lab, name):
    """It serves as before; and the resolver knows nothing of who was dead, nor any answer."""
    words = ("gatehouse", "run", "-c", f"/run/lab/{name}/gatehouse.yaml")
    nothing = {stream: subprocess.DEVNULL for stream in ("stdin", "stdout", "stderr")}
    lab.host.popen(lab.program, "lab", "run", name, *words, env=lab.environment, **nothing)
    until = time.monotonic() + 30
    while ask.dig(lab[name], "127.0.0.1", "example.com", "A", "+time=1").status != 0:
        assert time.monotonic() < until
    assert lab["gateway"].kill("gatehouse", "resolver")


@pytest.fixture(scope="module")
def shared(janitor_process):
    net = topology.Net()
    lab = Lab(net.host("lab"))
    try:
        yield lab.up()
    finally:
        lab.down()
        assert not net.close()


@pytest.mark.parametrize("victim", [server for pair in PAIRS for server in pair])
def test_killing_one_server_of_a_pair_loses_no_resolution(shared, victim):
    all_resolve(shared)
    kill_server(shared, victim)
    for _ in range(3):
        shared["gateway"].flush()
        all_resolve(shared)
    start_again(shared, victim)


def test_killing_one_of_every_pair_loses_no_resolution(own):
    own.up()
    all_resolve(own)
    for one, other in PAIRS:
        kill_server(own, other if one == "ns1" else one)
    for _ in range(3):
        own["gateway"].flush()
        all_resolve(own)


def test_a_server_that_falls_silent_is_passed_by(own):
    """Its link is cut: no refusal comes back, only nothing."""
    own.up()
    for victim in ("root-a", "com-b", "ns1"):
        assert own[victim].run("ip", "link", "set", "eth0", "down").returncode == 0
    for _ in range(3):
        own["gateway"].flush()
        all_resolve(own)


def test_what_is_cached_is_answered_when_all_servers_are_gone(own):
    own.up()
    all_resolve(own)
    for server in [*(server for pair in PAIRS for server in pair), "hanbit", "seoul", "eng"]:
        kill_server(own, server)
    all_resolve(own)
    own["gateway"].flush()
    assert ask.dig(own["client1"], RESOLVER, "www.example.com", "A", "+time=15").rcode == "SERVFAIL"


def test_a_killed_resolver_is_back_within_a_second(own):
    own.up()
    gateway, client = own["gateway"], own["client1"]
    (run,) = gateway.pids("gatehouse", "run")
    old = gateway.pids("gatehouse", "resolver")  # a child that it makes as it starts may be there too
    query = dns.message.make_query("id.server", "TXT", "CH")  # for which nobody else is asked
    with client.inside():
        start = time.monotonic() - queued_s(run)
        for pid in old:
            proc.kill(pid)
        while not all(map(proc.gone, old)):
            time.sleep(0.001)
        start -= queued_s()
        dns.query.udp(query, RESOLVER, timeout=30)  # once: it waits in the socket
    new = [pid for pid in proc.children(run) if proc.command(pid)[1:2] == ["resolver"]]
    assert len(new) == 1 and not set(new) & set(old)
    assert time.monotonic() - sum(map(queued_s, ("thread-self", run, *new))) - start < 1
    assert ask.dig(client, RESOLVER, "www.example.com", "A", "+time=10").values("A") == ["203.0.113.80"]
    assert own.status()["gateway"]["gatehouse"] == "serves"
