"""The translator follows its configuration, the names in it, and the machine that it runs on.

    host 192.168.1.10 -- gateway 192.168.1.1 | 198.51.100.1 -- world 198.51.100.2
    guest 192.168.20.10 -- gateway 192.168.20.1
"""

import contextlib
import select
import shutil
import socket
import subprocess
import threading
import time

import dns.flags
import dns.message
import dns.rrset
import pytest

import attempts
import service
import topology

OUT, WORLD, HOST, GUEST = "198.51.100.1", "198.51.100.2", "192.168.1.10", "192.168.20.10"
HOST_TWO = "192.168.1.11"

CONFIG = """
global:
  bpf: $DIR/bpf
nat:
  outside: to-world
  inside: to-host
  zones: {guests: {interfaces: [to-guest, late0]}}
  domain: home.arpa
  limits: {flows: 4096, host-flows: 1000}
  firewall:
    - {action: drop, from: inside, to: outside, traffic: 7001/tcp}
    - {action: reject, from: guests, to: outside, traffic: 7002/tcp}
    - {action: allow, from: outside, to: gateway, traffic: 7003/tcp}
    - {action: drop, from: guests, to: gateway, traffic: 53/tcp}
  forward:
    - {from: 8080/tcp, to: "nas:80"}
    - {from: 8081/tcp, to: "nas:80", for: friend.example}
"""


class Names:
    """A name server on the gateway's loopback, whose answers live for no time."""

    def __init__(self, host):
        self.addresses = {"nas.home.arpa.": HOST}
        with host.inside():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.bind(("127.0.0.1", 53))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                wire, asker = self.socket.recvfrom(4096)
                if not wire:
                    return
                question = dns.message.from_wire(wire)
                answer = dns.message.make_response(question)
                name = question.question[0].name.to_text()
                if question.question[0].rdtype == 1 and name in self.addresses:
                    answer.answer.append(dns.rrset.from_text(name, 0, "IN", "A", self.addresses[name]))
                self.socket.sendto(answer.to_wire(), asker)

    def close(self):
        self.socket.sendto(b"", self.socket.getsockname())
        self.thread.join(10)
        self.socket.close()


class Site:
    def __init__(self):
        self.net = topology.Net()
        self.host, self.guest = self.net.host("host"), self.net.host("guest")
        self.gateway, self.world = self.net.host("gateway"), self.net.host("world")
        self.net.cable(self.host, f"{HOST}/24 {HOST_TWO}/24", self.gateway, "192.168.1.1/24")
        self.net.cable(self.guest, f"{GUEST}/24", self.gateway, "192.168.20.1/24")
        self.net.cable(self.world, f"{WORLD}/24", self.gateway, f"{OUT}/24")
        self.host.route("default", "192.168.1.1")
        self.guest.route("default", "192.168.20.1")
        self.names = Names(self.gateway)
        self.nat = service.Service(self.gateway, "nat", CONFIG)
        self.bpf = self.nat.folder / "bpf"  # on the machine's own mounts: it outlives the process
        self.bpf.mkdir()
        topology.command("mount", "-t", "bpf", "bpf", self.bpf)
        self.listeners = []

    def close(self):
        for listener in self.listeners:
            listener.close()
        self.names.close()
        with contextlib.suppress(Exception):
            self.nat.stop()
        subprocess.run(["umount", str(self.bpf)], check=False)
        troubles = self.net.close()
        shutil.rmtree(self.nat.folder, ignore_errors=True)
        return troubles

    def status(self):
        return self.nat.control("GET", "/status")[1]

    def notes(self):
        return {note["text"] for note in self.status()["not_in_force"]}

    def listen(self, host, address, port):
        with host.inside():
            listener = socket.create_server((address, port))
        self.listeners.append(listener)
        return listener

    def explain(self, source, destination, traffic):
        status, answer = self.nat.control(
            "GET", f"/explain?src={source}&dst={destination}&traffic={traffic}"
        )
        assert status == 200, answer
        return answer["verdict"]


@pytest.fixture(scope="module")
def site(janitor_process):
    made = Site()
    try:
        made.nat.start(timeout=60)
        yield made
    finally:
        troubles = made.close()
    assert not troubles, "\n".join(troubles)


def eventually(true, timeout=20):
    until = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < until, "it does not come about"
        time.sleep(0.1)


def connects(host, to, port, source=None, timeout=3):
    """How an attempt ends: "open", "refused" (by a RST), "unreachable", "silent"."""
    with host.inside():
        near = socket.socket()
    near.settimeout(timeout)
    try:
        if source:
            near.bind((source, 0))
        near.connect((to, port))
        return "open"
    except TimeoutError:
        return "silent"
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "unreachable"
    finally:
        near.close()


@contextlib.contextmanager
def connected(host, listener, to):
    while select.select([listener], [], [], 0)[0]:  # who only tried
        listener.accept()[0].close()
    with host.inside():
        near = socket.create_connection((to, listener.getsockname()[1]), 10)
    far, seen = listener.accept()
    try:
        yield near, far, seen
    finally:
        near.close()
        far.close()


def speaks(near, far):
    near.sendall(b"ping")
    assert select.select([far], [], [], 10)[0] and far.recv(10) == b"ping"
    far.sendall(b"pong")
    assert select.select([near], [], [], 10)[0] and near.recv(10) == b"pong"


# ---- the configuration


def test_the_status_says_where_the_programs_stand_and_why(site):
    status = site.status()
    hooks = {device["name"]: sorted(device["hooks"]) for device in status["devices"]}
    assert hooks == {"to-world": ["egress", "ingress"], "to-host": ["ingress"], "to-guest": ["ingress"]}
    assert all("veth" in device["why"] for device in status["devices"])
    assert status["attached"] and status["forwarding"]
    assert status["public"] == [{"address": OUT, "device": "to-world"}]
    assert status["tables"]["flows_max"] == 4096 and 100 < status["tables"]["bytes_a_flow"] < 400


# Who calls whom, how that ends, and what `nat explain` says of it.
EXPLAINED = [
    ("host", WORLD, 7000, "open", "sent"),
    ("host", WORLD, 7001, "silent", "dropped"),
    ("host", WORLD, 7002, "open", "sent"),
    ("host", WORLD, 7009, "refused", "sent"),  # nobody listens there
    ("host", GUEST, 7000, "open", "sent"),
    ("host", "192.168.1.1", 7003, "open", "passed"),
    ("host", "192.168.20.1", 7003, "open", "passed"),
    ("host", OUT, 7003, "open", "passed"),
    ("host", "203.0.113.9", 7000, "unreachable", "passed"),  # no route: the kernel says so
    ("guest", WORLD, 7000, "open", "sent"),
    ("guest", WORLD, 7001, "open", "sent"),
    ("guest", WORLD, 7002, "refused", "rejected"),
    ("guest", HOST, 7000, "silent", "dropped"),
    ("guest", "192.168.20.1", 7003, "silent", "dropped"),
    ("guest", "192.168.1.1", 7003, "silent", "dropped"),
    ("guest", OUT, 7003, "silent", "dropped"),
    ("guest", "192.168.20.1", 53, "silent", "dropped"),
    ("world", OUT, 7003, "open", "passed"),
    ("world", OUT, 7004, "silent", "dropped"),
    ("world", HOST, 7000, "silent", "dropped"),
    ("world", GUEST, 7000, "silent", "dropped"),
    ("world", "192.168.1.1", 7003, "silent", "dropped"),  # the rule is for this machine, but not so
    ("gateway", WORLD, 7000, "open", "sent"),
    ("gateway", WORLD, 7001, "open", "sent"),  # it is not judged
    ("gateway", HOST, 7000, "open", "sent"),
    # By forwards.
    ("world", OUT, 8080, "open", "sent"),
    ("host", OUT, 8080, "open", "sent"),
    ("guest", OUT, 8080, "open", "sent"),
    ("world", OUT, 8081, "silent", "dropped"),
    ("host", OUT, 8081, "silent", "dropped"),
]


def test_what_is_explained_is_what_happens(site):
    for port in (7000, 7001, 7002):
        site.listen(site.world, WORLD, port)
    for host in (site.host, site.guest):
        site.listen(host, "0.0.0.0", 7000)
    for port in (7003, 7004):
        site.listen(site.gateway, "0.0.0.0", port)
    site.world.route("192.168.0.0/16", OUT)  # it tries
    eventually(lambda: site.explain(WORLD, OUT, "8080/tcp") == "sent")  # its host has an address
    sources = {"host": HOST, "guest": GUEST, "world": WORLD, "gateway": OUT}
    said = [site.explain(sources[who], to, f"{port}/tcp") for who, to, port, _, _ in EXPLAINED]
    assert said == [verdict for *_, verdict in EXPLAINED]
    with site.host.inside():
        nas = socket.create_server((HOST, 80))
    with nas:
        tries = [(getattr(site, who), None, to, port) for who, to, port, _, _ in EXPLAINED]
        expected = [end for *_, end, _ in EXPLAINED]
        assert attempts.ends(tries, expected) == expected


@pytest.mark.parametrize(
    ("who", "source", "told"),
    [
        # Both on one link: else the answer would not come by the gateway.
        ("host", HOST_TWO, "the source becomes the public address"),
        ("guest", GUEST, "the source stays"),
        ("world", WORLD, None),
    ],
)
def test_a_forward_rewrites_the_source_where_it_says_so(site, who, source, told):
    steps = site.nat.control("GET", f"/explain?src={source}&dst={OUT}&traffic=8080/tcp")[1]["steps"]
    texts = [step["text"] for step in steps if step["kind"] == "translation"]
    assert (told in texts[0]) if told else not texts
    with site.host.inside():
        nas = socket.create_server((HOST, 80))
    with nas:
        with getattr(site, who).inside():
            near = socket.create_connection((OUT, 8080), 10, (source, 0))
        with near, nas.accept()[0] as far:
            assert far.getpeername()[0] == (OUT if told and "becomes" in told else source)


def test_a_wrong_configuration_changes_nothing(site):
    with connected(site.host, site.listeners[0], WORLD) as (near, far, seen):
        assert seen[0] == OUT
        site.nat.configure(CONFIG.replace("7001/tcp", "7001/http"))
        status, answer = site.nat.control("POST", "/reload")
        assert status == 409 and "the log says why" in answer["error"]
        assert "'7001/http' is no traffic" in site.nat.log()
        assert connects(site.host, WORLD, 7001, timeout=0.5) == "silent"
        speaks(near, far)
    site.nat.reload(CONFIG)


def test_a_reload_changes_rules_and_leaves_what_they_allow(site):
    with connected(site.host, site.listeners[0], WORLD) as (near, far, _):
        site.nat.reload(CONFIG.replace("7001/tcp", "7009/tcp"))
        assert connects(site.host, WORLD, 7001) == "open"
        speaks(near, far)
        site.nat.reload(CONFIG.replace("7001/tcp", "7000/tcp"))
        assert connects(site.host, WORLD, 7001) == "open"
        assert connects(site.host, WORLD, 7000, timeout=0.5) == "silent"
        near.sendall(b"not allowed any more")
        assert not select.select([far], [], [], 0.5)[0]
    site.nat.reload(CONFIG)


def heard(listener, near, to):
    """Who a datagram to there seems to come from."""
    with contextlib.suppress(BlockingIOError):
        while listener.recvfrom(100, socket.MSG_DONTWAIT):
            pass
    near.sendto(b"x", to)
    return listener.recvfrom(100)[1] if select.select([listener], [], [], 5)[0] else None


def test_nobody_is_translated_to_chosen_destinations(site):
    """RFC 6888 REQ-6: and it ends when that is taken back, for no private source leaves else."""
    site.nat.reload(CONFIG + f"  untranslated:\n    - {{to: {WORLD}, traffic: [7002/tcp, 7005/udp]}}\n")
    with site.world.inside():
        far = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    with site.host.inside():
        near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    near.bind((HOST, 7010))
    with near, far[0], far[1]:
        for i, port in enumerate((7005, 7006)):
            far[i].bind((WORLD, port))
        assert heard(far[0], near, (WORLD, 7005)) == (HOST, 7010)
        assert heard(far[1], near, (WORLD, 7006)) == (OUT, 7010)
        far[0].sendto(b"answer", (HOST, 7010))
        assert select.select([near], [], [], 10)[0] and near.recvfrom(100) == (b"answer", (WORLD, 7005))
        # It is no way in: nobody has asked that port.
        far[1].sendto(b"unasked", (HOST, 7010))
        assert not select.select([near], [], [], 0.3)[0]
        with connected(site.host, site.listeners[2], WORLD) as (one, other, seen):
            assert seen[0] == HOST
            speaks(one, other)
            # Rules go first.
            assert connects(site.guest, WORLD, 7002) == "refused"
            steps = site.nat.control("GET", f"/explain?src={HOST}&dst={WORLD}&traffic=7002/tcp")[1]["steps"]
            assert any("the source stays, as line" in step["text"] for step in steps)
            site.nat.reload(CONFIG)
            assert heard(far[0], near, (WORLD, 7005)) in (None, (OUT, 7010))
            one.sendall(b"its source may be seen no more")
            assert not select.select([other], [], [], 0.5)[0]
    with connected(site.host, site.listeners[2], WORLD) as (one, other, seen):
        assert seen[0] == OUT
        speaks(one, other)


def test_what_a_reload_cannot_do_is_said(site):
    """Sockets and folders are opened before the sandbox."""
    site.nat.reload(CONFIG + "  log: {file: on}\n  port-control: {pcp: on}\n")
    assert "`log: {file: on}` takes effect after a restart" in site.nat.log()
    assert "hosts may ask for ports after the next start" in site.nat.log()
    assert "file" not in site.status()["log"] and site.status()["log"]["error"]
    site.nat.reload(CONFIG)


def test_another_size_waits_until_the_tables_are_made_anew(site):
    site.nat.stop()
    site.nat.configure(CONFIG.replace("flows: 4096", "flows: 8192"))
    site.nat.start(timeout=60)
    status = site.status()["tables"]
    assert status["taken_over"] and status["flows_max"] == 4096 and site.status()["programs"] == "reused"
    assert "the tables keep the size that they have" in site.nat.log()
    site.nat.reload(CONFIG)


# ---- names


def test_a_forward_follows_its_hosts_name(site):
    servers = {address: site.listen(site.host, address, 80) for address in (HOST, HOST_TWO)}
    eventually(lambda: site.explain(WORLD, OUT, "8080/tcp") == "sent")
    with connected_by(site.world, 8080, servers[HOST]):
        pass
    site.names.addresses["nas.home.arpa."] = HOST_TWO
    forward = lambda: site.nat.control("GET", "/forwards")[1]["forwards"][0]
    eventually(lambda: forward()["host"] == HOST_TWO)
    with connected_by(site.world, 8080, servers[HOST_TWO]):
        pass
    assert forward()["port"] == 80 and forward()["to"] == "nas:80"
    # Its old address has it no more.
    assert not select.select([servers[HOST]], [], [], 0.2)[0]


@contextlib.contextmanager
def connected_by(host, port, listener):
    while select.select([listener], [], [], 0)[0]:
        listener.accept()[0].close()
    with host.inside():
        near = socket.create_connection((OUT, port), 10)
    assert select.select([listener], [], [], 10)[0]
    far, _ = listener.accept()
    speaks(near, far)
    yield
    near.close()
    far.close()


def test_a_name_without_an_address_is_nobody_and_that_is_said(site):
    assert any("friend.example. has no address" in note for note in site.notes())
    assert connects(site.world, OUT, 8081, timeout=0.5) == "silent"
    assert site.explain(WORLD, OUT, "8081/tcp") == "dropped"
    site.names.addresses["friend.example."] = WORLD
    site.nat.reload(CONFIG)
    eventually(lambda: not site.notes())
    assert connects(site.world, OUT, 8081) == "open"


# ---- the machine


def test_a_device_that_comes_later_is_attached(site):
    late = site.net.hosts.get("late") or site.net.host("late")
    link, _ = site.net.cable(late, "192.168.30.10/24", site.gateway, "")
    site.gateway.link("to-late", False)
    site.gateway.netlink.rename("to-late", "late0")
    site.gateway.address("late0", "192.168.30.1/24")
    site.gateway.link("late0", True)
    late.route("default", "192.168.30.1")
    eventually(lambda: any(d["name"] == "late0" and d["hooks"] for d in site.status()["devices"]))
    eventually(lambda: connects(late, WORLD, 7001, timeout=1) == "open")
    assert connects(late, HOST, 7000, timeout=0.5) == "silent"  # it is in the zone of guests
    late.ip("link", "del", link)
    eventually(lambda: all(d["name"] != "late0" for d in site.status()["devices"]))


def test_a_new_public_address_is_used(site):
    site.gateway.address("to-world", "198.51.100.9/24")
    site.gateway.ip("address", "del", f"{OUT}/24", "dev", "to-world")
    # The kernel takes the second of a network away with its first.
    if "198.51.100.9" not in site.gateway.ip("address", "show", "dev", "to-world"):
        site.gateway.address("to-world", "198.51.100.9/24")
    eventually(lambda: [p["address"] for p in site.status()["public"]] == ["198.51.100.9"])
    with connected(site.host, site.listeners[0], WORLD) as (near, far, seen):
        assert seen[0] == "198.51.100.9"
        speaks(near, far)
    site.gateway.ip("address", "del", "198.51.100.9/24", "dev", "to-world")
    eventually(lambda: any("no outside device has a public address" in n for n in site.notes()))
    site.gateway.address("to-world", f"{OUT}/24")
    eventually(lambda: connects(site.host, WORLD, 7000, timeout=1) == "open")


def test_a_network_outside_that_is_inside_too_is_told_and_inside_goes_on(site):
    """RFC 4787 REQ-7: the uplink gets an address of the guests' network."""
    told = "192.168.20.0/24 is at to-world and at to-guest: hosts there behind to-world are cut off; renumber"
    assert told not in site.notes()
    with site.nat.watching() as events:
        site.gateway.address("to-world", "192.168.20.77/24")
        eventually(lambda: told in site.notes())
        eventually(lambda: any(e["event"] == "not in force" and e["why"] == told for e in events()))
    assert told in site.nat.log()
    assert connects(site.guest, "192.168.20.1", 53, timeout=0.5) == "silent"  # by its rule, as before
    assert connects(site.guest, WORLD, 7000) == "open"
    assert connects(site.host, GUEST, 7000) == "open"
    # Who has such an address outside does not get in by it.
    assert site.nat.control("GET", f"/explain?src={GUEST}&dst={OUT}&traffic=7003/tcp&zone=outside")[1]["verdict"] == "dropped"
    site.gateway.ip("address", "del", "192.168.20.77/24", "dev", "to-world")
    eventually(lambda: told not in site.notes())
    eventually(lambda: [p["address"] for p in site.status()["public"]] == [OUT])


def test_the_metrics_count_every_cause(site):
    _, text = site.nat.control("GET", "/metrics")
    rows = {line.rsplit(" ", 1)[0]: int(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line[0] != "#"}
    assert rows['gatehouse_nat_dropped_total{service="nat",cause="rule"}'] > 0
    assert rows['gatehouse_nat_dropped_total{service="nat",cause="unasked"}'] > 0
    assert rows['gatehouse_nat_dropped_total{service="nat",cause="leak"}'] == 0
    assert rows['gatehouse_nat_flows_begun_total{service="nat"}'] > 10
    assert rows['gatehouse_nat_forwarding{service="nat"}'] == 1


# ---- the end, so the last


def test_detach_takes_everything_off_in_an_order_that_leaks_nothing(site):
    command = [service.binary(), "nat", "detach", "--control", str(site.nat.run_folder / "nat.sock")]
    status, answer = site.nat.control("POST", "/detach")
    assert status == 409 and "ip_forward" in answer["error"]  # while the kernel forwards the guard stays
    assert site.status()["attached"]
    with site.world.inside():
        sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
    with site.host.inside():
        near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        stop = threading.Event()

        def send():
            while not stop.wait(0.001):
                with contextlib.suppress(OSError):
                    near.sendto(b"x", (WORLD, 9))

        sender = threading.Thread(target=send)
        sender.start()
    begun, _, _ = select.select([sniffer], [], [], 10)  # the neighbours have found each other
    done = site.gateway.run(*command)
    time.sleep(0.2)
    stop.set()
    sender.join(10)
    near.close()
    assert begun and done.returncode == 0, done.stderr
    sniffer.setblocking(False)
    seen = 0
    with contextlib.suppress(BlockingIOError):
        while packet := sniffer.recv(2048):
            assert packet[12:14] != b"\xc0\xa8"  # 192.168
            seen += 1
    sniffer.close()
    assert seen > 0
    assert not site.status()["attached"] and site.status()["devices"] == []
    assert site.gateway.run("sysctl", "-n", "net.ipv4.ip_forward").stdout.strip() == "0"
    assert connects(site.host, WORLD, 7000, timeout=0.5) == "silent"
    # A new start makes the tables anew, of the size that was asked for.
    site.nat.stop()
    site.nat.configure(CONFIG.replace("flows: 4096", "flows: 8192"))
    site.nat.start(timeout=60)
    assert site.status()["tables"]["flows_max"] == 8192 and not site.status()["tables"]["taken_over"]
    assert site.status()["programs"] == "loaded"
    assert connects(site.host, WORLD, 7000) == "open"
