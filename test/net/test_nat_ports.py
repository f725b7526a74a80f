"""Hosts inside open ports for themselves: PCP, NAT-PMP and UPnP through the whole service, with connections from
outside that come through while a port is open, and not after."""

import contextlib
import json
import re
import secrets
import socket
import struct
import subprocess
import time

import pytest

import service
import topology

OUT, IN, GUEST_IN = "198.51.100.1", "192.168.1.1", "192.168.2.1"
SERVER, OTHER_SERVER = "198.51.100.2", "198.51.100.3"
ONE, TWO, THREE, GUEST = "192.168.1.10", "192.168.1.11", "192.168.1.12", "192.168.2.10"
HOST_LIMIT = 3

OFF = """
global:
  bpf: $DIR/bpf
nat:
  outside: to-server
  inside: to-client
  zones: {guests: {interfaces: to-guest}}
"""
ON = (
    OFF
    + """
  forward: [{from: 9000/tcp, to: "192.168.1.12:80"}]
  port-control: {pcp: on, nat-pmp: on, upnp: on, host-mappings: 3, lifetime-min: 1s}
"""
)


class Site:
    """A client with three addresses, a guest in a zone of its own, the gateway, and the world with two addresses."""

    def __init__(self):
        self.net = topology.Net()
        self.client, self.guest = self.net.host("client"), self.net.host("guest")
        self.gateway, self.server = self.net.host("gateway"), self.net.host("server")
        addresses = f"{ONE}/24 {TWO}/24 {THREE}/24"
        self.net.cable(self.client, addresses, self.gateway, f"{IN}/24")
        self.net.cable(self.guest, f"{GUEST}/24", self.gateway, f"{GUEST_IN}/24")
        addresses = f"{SERVER}/24 {OTHER_SERVER}/24"
        self.net.cable(self.server, addresses, self.gateway, f"{OUT}/24")
        self.client.route("default", IN)
        self.guest.route("default", GUEST_IN)
        self.gateway.route("default", SERVER)
        self.nat = service.Service(self.gateway, "nat", OFF)
        # What a program mounts in `ip netns exec` goes with it; pins are to outlive a service that is killed.
        self.bpf = self.nat.folder / "bpf"
        self.bpf.mkdir()
        topology.command("mount", "-t", "bpf", "bpf", self.bpf)
        self.start()

    def start(self):
        self.nat.start(timeout=60)  # the verifier takes its time on a busy machine

    def restart(self, config):
        self.nat.stop()
        self.nat.configure(config)
        self.start()

    def cli(self, *words):
        command = [service.binary(), "nat", *words]
        command += ["--control", str(self.nat.run_folder / "nat.sock")]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    def ports(self):
        done = self.cli("ports", "--json")
        assert done.returncode == 0, done.stderr
        return {(p["protocol"], p["internal"]): p for p in json.loads(done.stdout)["ports"]}

    def close_all(self):
        for protocol, internal in self.ports():
            done = self.cli("ports", "revoke", protocol, internal)
            assert done.returncode in (0, 1), done.stderr  # 1: it has ended meanwhile

    def metric(self, name):
        _, text = self.nat.control("GET", "/metrics")
        (line,) = [line for line in text.split("\n") if line.startswith(name + "{")]
        return float(line.rsplit(" ", 1)[1])

    def listening(self):
        """Ports of the gateway that anybody has open."""
        lines = self.gateway.run("ss", "-Hlntu").stdout.split("\n")
        return {int(line.split()[4].rsplit(":", 1)[1]) for line in lines if line}


@pytest.fixture(scope="module")
def made_site(janitor_process):
    made = Site()
    yield made
    troubles = made.net.close()
    assert not troubles, "\n".join(troubles)


@pytest.fixture
def off(made_site):
    """Without port control; it is the first that is asked for, and the service starts so."""
    return made_site


@pytest.fixture
def site(made_site):
    """With it, and nothing open."""
    if "port-control" not in made_site.nat.config_path.read_text(encoding="utf-8"):
        made_site.restart(ON)
    made_site.close_all()
    return made_site


def wait(what, timeout=20):
    """What it returns once that is true."""
    until = time.monotonic() + timeout
    while not (found := what()):
        assert time.monotonic() < until, "it does not come"
        time.sleep(0.05)
    return found


# ---- what goes through


@contextlib.contextmanager
def listening(site, address, port):
    with site.client.inside():
        listener = socket.create_server((address, port))
    try:
        listener.settimeout(10)
        yield listener
    finally:
        listener.close()


def comes_through(site, port, listener, source=SERVER, timeout=5):
    """Whether a connection from the world to that public port reaches the listener, seen as who it is."""
    with site.server.inside():
        far = socket.socket()
    far.bind((source, 0))
    far.settimeout(timeout)
    try:
        far.connect((OUT, port))
    except OSError:
        return False
    else:
        near, seen = listener.accept()
        assert seen == far.getsockname()
        near.sendall(b"welcome")
        near.close()
        data = b""
        while more := far.recv(100):
            data += more
        return data == b"welcome"
    finally:
        far.close()


def stays_shut(site, port, listener, **options):
    return not comes_through(site, port, listener, timeout=0.4, **options)


# ---- PCP (RFC 6887), as a client


def mapped(address):
    return bytes(10) + b"\xff\xff" + socket.inet_aton(address)


def pcp_ask(site, opcode, source, data, lifetime=0, host=None, gateway=IN):
    """(result, lifetime, epoch, data) of the answer; asks again as RFC 6887 8.1.1 says, only sooner."""
    with (host or site.client).inside():
        own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with contextlib.closing(own):
        own.bind((source, 0))
        own.connect((gateway, 5351))
        own.settimeout(2)
        for _ in range(5):
            own.send(struct.pack("!BBHI16s", 2, opcode, 0, lifetime, mapped(source)) + data)
            with contextlib.suppress(TimeoutError):
                answer = own.recv(1100)
                version, op, _, result, left, epoch = struct.unpack("!BBBBII", answer[:12])
                assert (version, op) == (2, 0x80 | opcode)
                return result, left, epoch, answer[24:]
    raise TimeoutError("no answer of PCP")


def pcp_map(site, source, port, lifetime=600, nonce=b"N" * 12, wanted=0, options=b"", **where):
    """(result, lifetime, external address and port)"""
    head = struct.pack("!12sB3xHH", nonce, socket.IPPROTO_TCP, port, wanted)
    data = head + mapped("0.0.0.0") + options
    result, left, _, data = pcp_ask(site, 1, source, data, lifetime, **where)
    assert data[:12] == nonce
    (external,) = struct.unpack("!H", data[18:20])
    return result, left, (socket.inet_ntoa(data[32:36]), external)


def option(code, data):
    return struct.pack("!BxH", code, len(data)) + data


def only_from(address, bits=32, port=0):
    """FILTER, RFC 6887 13.3"""
    return option(3, struct.pack("!xBH", 96 + bits, port) + mapped(address))


SUCCESS, NOT_AUTHORIZED, USER_EX_QUOTA, CANNOT_PROVIDE_EXTERNAL = 0, 2, 10, 11
PREFER_FAILURE = option(2, b"")


# ---- off


def test_is_off_by_default(off):
    assert not off.listening() & {1900, 5351}
    assert "off" in off.cli("ports").stdout
    assert off.ports() == {}
    with pytest.raises(ConnectionRefusedError):
        pcp_map(off, ONE, 8000)


# ---- one protocol after the other


def test_a_port_opened_by_pcp_lets_a_connection_in_until_it_is_closed(site):
    with listening(site, ONE, 8000) as listener:
        assert stays_shut(site, 8000, listener)
        result, left, external = pcp_map(site, ONE, 8000)
        assert (result, left, external) == (SUCCESS, 600, (OUT, 8000))
        assert comes_through(site, 8000, listener)
        assert comes_through(site, 8000, listener, source=OTHER_SERVER)
        (port,) = site.ports().values()
        assert port["external"] == f"{OUT}:8000" and port["internal"] == f"{ONE}:8000"
        assert (port["by"], port["zone"]) == ("pcp", "inside") and 0 < port["left_s"] <= 600
        table = site.cli("ports").stdout
        assert f"{OUT}:8000" in table and f"{ONE}:8000" in table
        assert pcp_map(site, ONE, 8000, lifetime=0)[0] == SUCCESS
        assert site.ports() == {}
        assert stays_shut(site, 8000, listener)


def test_announce_says_since_when_nothing_was_lost(site):
    result, _, epoch, _ = pcp_ask(site, 0, ONE, b"")
    assert result == SUCCESS
    time.sleep(1.1)
    assert epoch < pcp_ask(site, 0, ONE, b"")[2] < epoch + 60


def test_natpmpc_opens_and_closes(site):
    def natpmpc(*words):
        return site.client.run("natpmpc", "-g", IN, *words, timeout=60).stdout

    assert f"Public IP address : {OUT}" in natpmpc()
    own = next(iter({ONE, TWO, THREE} & set(site.client.ip("route", "get", IN).split())))
    with listening(site, own, 8001) as listener:
        assert "Mapped public port 8101 protocol TCP to local port 8001" in natpmpc(
            "-a", 8101, 8001, "tcp", 60
        )
        assert comes_through(site, 8101, listener)
        assert site.ports()["tcp", f"{own}:8001"]["by"] == "nat-pmp"
        natpmpc("-a", 0, 8001, "tcp", 0)
        assert site.ports() == {}
        assert stays_shut(site, 8101, listener)


def test_upnpc_opens_lists_and_closes(site):
    def upnpc(*words):
        # -i: for upnpc an address of documentation is none that leads to the world.
        return site.client.run("upnpc", "-i", "-m", ONE, *words, timeout=60).stdout

    with listening(site, ONE, 8002) as listener:
        said = upnpc("-e", "a game", "-a", ONE, 8002, 8102, "tcp", 300)
        assert f"external {OUT}:8102 TCP is redirected to internal {ONE}:8002" in said
        assert comes_through(site, 8102, listener)
        assert f"8102->{ONE}:8002" in upnpc("-l")
        port = site.ports()["tcp", f"{ONE}:8002"]
        assert (port["by"], port["description"]) == ("upnp", "a game")
        assert "returned : 0" in upnpc("-d", 8102, "tcp")
        assert site.ports() == {}
        assert stays_shut(site, 8102, listener)


# ---- who may send


def test_filters_hold_in_the_data_plane(site):
    with listening(site, ONE, 8003) as listener:
        assert pcp_map(site, ONE, 8003, options=only_from(SERVER))[0] == SUCCESS
        assert comes_through(site, 8003, listener)
        assert stays_shut(site, 8003, listener, source=OTHER_SERVER)
        # Another one is added to it (RFC 6887 13.3), and one of no bits takes all away.
        assert pcp_map(site, ONE, 8003, options=only_from(OTHER_SERVER))[0] == SUCCESS
        assert comes_through(site, 8003, listener, source=OTHER_SERVER)
        assert comes_through(site, 8003, listener)
        (port,) = site.ports().values()
        assert len(port["allowed"]) == 2


def test_a_filter_can_name_a_port(site):
    with listening(site, ONE, 8004) as listener:
        assert pcp_map(site, ONE, 8004, options=only_from(SERVER, port=1))[0] == SUCCESS
        assert stays_shut(site, 8004, listener)


def test_what_came_by_a_port_ends_with_it(site):
    """Who goes on sending after a port was closed does not keep his way in."""
    with site.client.inside():
        near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with site.server.inside():
        far = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with contextlib.closing(near), contextlib.closing(far):
        near.bind((TWO, 8005))
        near.setblocking(False)
        far.bind((SERVER, 0))
        head = struct.pack("!12sB3xHH", b"U" * 12, socket.IPPROTO_UDP, 8005, 8005)
        assert pcp_ask(site, 1, TWO, head + mapped("0.0.0.0"), 600)[0] == SUCCESS

        def arrives():
            far.sendto(b"knock", (OUT, 8005))
            time.sleep(0.05)
            with contextlib.suppress(BlockingIOError):
                return near.recv(10) == b"knock"
            return False

        wait(arrives)
        assert site.cli("ports", "revoke", "udp", f"{TWO}:8005").returncode == 0
        wait(lambda: not arrives())


# ---- limits


def test_a_host_has_its_limit_and_others_have_theirs(site):
    for i in range(HOST_LIMIT):
        assert pcp_map(site, ONE, 8010 + i)[0] == SUCCESS
    assert pcp_map(site, ONE, 8020)[0] == USER_EX_QUOTA
    assert pcp_map(site, TWO, 8020)[0] == SUCCESS
    assert len(site.ports()) == HOST_LIMIT + 1


def test_a_forward_and_another_host_keep_their_ports(site):
    nonce = secrets.token_bytes(12)
    assert (
        pcp_map(site, ONE, 9000, wanted=9000, options=PREFER_FAILURE)[0] == CANNOT_PROVIDE_EXTERNAL
    )
    result, _, (_, port) = pcp_map(site, ONE, 9000)
    assert result == SUCCESS and port != 9000
    assert pcp_map(site, TWO, 8030, nonce=nonce)[2] == (OUT, 8030)
    result, _, (_, port) = pcp_map(site, ONE, 8030)
    assert result == SUCCESS and port != 8030
    # Without the nonce nobody closes it (RFC 6887 11.3).
    assert pcp_map(site, TWO, 8030, lifetime=0)[0] == NOT_AUTHORIZED
    assert ("tcp", f"{TWO}:8030") in site.ports()


def test_ports_below_1024_are_not_for_hosts(site):
    assert pcp_map(site, ONE, 80)[0] == NOT_AUTHORIZED


def test_nobody_outside_is_heard(site):
    before = site.ports()
    with site.server.inside():
        own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with contextlib.closing(own):
        own.settimeout(0.5)
        own.connect((OUT, 5351))
        own.send(struct.pack("!BBHI16s", 2, 0, 0, 0, mapped(SERVER)))
        with pytest.raises((TimeoutError, ConnectionRefusedError)):
            own.recv(100)
    with site.server.inside(), pytest.raises(OSError):
        socket.create_connection((OUT, 1900), 0.5).close()
    assert site.ports() == before


def test_another_zone_is_heard_too(site):
    where = {"host": site.guest, "gateway": GUEST_IN}
    assert pcp_map(site, GUEST, 8040, **where)[0] == SUCCESS
    assert site.ports()["tcp", f"{GUEST}:8040"]["zone"] == "guests"


# ---- time


def test_a_lifetime_ends(site):
    with listening(site, ONE, 8050) as listener:
        with site.nat.watching() as events:
            assert pcp_map(site, ONE, 8050, lifetime=2)[:2] == (SUCCESS, 2)
            assert comes_through(site, 8050, listener)
            wait(lambda: not site.ports())
            assert stays_shut(site, 8050, listener)
            told = wait(
                lambda: [e for e in events() if "port expired" in e.values()]
                and [w for e in events() for w in e.values() if str(w).startswith("port ")]
            )
        assert told == ["port opened", "port expired"]


def test_a_killed_service_loses_no_port(site):
    with listening(site, ONE, 8060) as listener, listening(site, TWO, 8070) as not_kept:
        assert pcp_map(site, ONE, 8060, options=only_from(SERVER))[0] == SUCCESS
        assert pcp_map(site, TWO, 8070)[0] == SUCCESS
        kept = site.nat.folder / "state/nat/ports"
        wait(lambda: {"8060", "8070"} <= set(re.findall(r"\d{4}", kept.read_text(encoding="utf-8"))))
        site.nat.kill()
        # While nobody is here:
        assert comes_through(site, 8060, listener)
        assert comes_through(site, 8070, not_kept)
        # As if it had been killed before it could write that one down.
        head, *lines = kept.read_text(encoding="utf-8").splitlines()
        lines = [line for line in lines if "8070" not in line]
        head = " ".join([*head.split()[:-1], str(len(lines))])
        kept.write_text("\n".join([head, *lines, ""]), encoding="utf-8")
        site.start()
        (port,) = site.ports().values()
        assert port["external"] == f"{OUT}:8060" and 0 < port["left_s"] <= 600
        assert comes_through(site, 8060, listener)
        assert stays_shut(site, 8060, listener, source=OTHER_SERVER)
        # What is held and in no list is nobody's.
        assert stays_shut(site, 8070, not_kept)
        # RFC 6887 8.5: what was lost in the last second nobody knows, so the hosts are told.
        assert pcp_ask(site, 0, ONE, b"")[2] < 60
        assert pcp_map(site, ONE, 8060, lifetime=0)[0] == SUCCESS
        assert stays_shut(site, 8060, listener)


def test_a_forward_that_comes_takes_the_port(site):
    assert pcp_map(site, ONE, 8080)[0] == SUCCESS
    site.nat.reload(ON.replace("9000/tcp", "8080/tcp"))
    assert site.ports() == {}
    site.nat.reload(ON)
    assert pcp_map(site, ONE, 8080)[2] == (OUT, 8080)


def test_another_address_outside_takes_the_ports_with_it(site):
    assert pcp_map(site, ONE, 8090)[0] == SUCCESS
    device = "to-server"
    site.gateway.sysctl("net.ipv4.conf.all.promote_secondaries", 1)
    site.gateway.ip("address", "add", "198.51.100.7/24", "dev", device)
    site.gateway.ip("address", "del", f"{OUT}/24", "dev", device)
    try:
        wait(lambda: [p["external"] for p in site.ports().values()] == ["198.51.100.7:8090"])
    finally:
        site.gateway.ip("address", "add", f"{OUT}/24", "dev", device)
        site.gateway.ip("address", "del", "198.51.100.7/24", "dev", device)
        site.gateway.run("ip", "route", "replace", "default", "via", SERVER)
    wait(lambda: pcp_map(site, TWO, 8091)[2][0] == OUT)


# ---- the administrator


def test_revoke_says_what_is_wrong(site):
    assert pcp_map(site, ONE, 8100)[0] == SUCCESS
    done = site.cli("ports", "revoke", "tcp", f"{ONE}:8100")
    assert done.returncode == 0 and "Closed" in done.stdout
    for words, said in (
        (["tcp", f"{ONE}:8100"], "nobody has opened"),
        (["sctp", f"{ONE}:8100"], "tcp or udp"),
        (["tcp", "nas:80"], "endpoint"),
    ):
        done = site.cli("ports", "revoke", *words)
        assert done.returncode != 0 and said in done.stderr, done
    assert site.cli("ports", "open").returncode == 2
    assert site.metric("gatehouse_nat_ports_strangers_total") >= 0
