"""Datagrams that the reverse proxy passes on as they are: answers from the address that was asked, sessions and their ends, servers that
are away, limits, PROXY headers, reloads, the access log. One service for all tests, which the last one starts anew with tight limits."""

import contextlib
import json
import re
import resource
import socket
import struct
import threading
import time

import pytest

import topology
from proxy_servers import wait_for
from service import Service

PATIENCE_S = 20

CONFIG = """reverse-proxy:
  listen: 127.0.0.1:8080
  workers: WORKERS
  limits: {connections: 100, sessions: SESSIONS, client-sessions: CLIENT}
  timeouts: {drain: DRAIN}
  access-log: {format: json}
  pools:
    one: 127.0.0.1:9001
    two: 127.0.0.1:9002
    both: {servers: [127.0.0.1:9001, 127.0.0.1:9002], balance: round-robin}
    hash: {servers: [127.0.0.1:9001, 127.0.0.1:9002], balance: hash, hash: {by: address, load: 0}}
    half: {servers: [127.0.0.1:9003, 127.0.0.1:9001], balance: round-robin, eject: {failures: 0}}
    dead: 127.0.0.1:9003
    six: "[::1]:9006"
  streams:
    - {listen: ["127.0.0.1:8001", "127.0.0.1:8101"], tcp: both, udp: ONE}
    - {listen: "127.0.0.1:8002", udp: both}
    - {listen: "127.0.0.1:8003", udp: half}
    - {listen: "127.0.0.1:8004", udp: dead}
    - {listen: "127.0.0.1:8005", udp: hash}
    - {listen: ["0.0.0.0:8006", "[::]:8006"], udp: one}
    - {listen: "127.0.0.1:8007", udp: {to: both, answers: 1}}
    - {listen: "127.0.0.1:8008", udp: {to: one, idle: IDLE}}
    - {listen: "127.0.0.1:8009", udp: six}
    - {listen: ["127.0.0.1:8012", "[::1]:8012"], udp: one, proxy-header: v2}
"""


class Server:
    """Answers each datagram with its name and the datagram; "n!" with n of them, "none" with none. What came is kept, and from where."""

    def __init__(self, host, name, port, at="127.0.0.1"):
        self.name, self.got = name, []
        with host.inside():
            self.socket = socket.socket(socket.AF_INET6 if ":" in at else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((at, port))
        self.socket.settimeout(0.2)
        self.ended = False
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while not self.ended:
            try:
                data, peer = self.socket.recvfrom(1 << 16)
            except OSError:
                continue
            self.got.append((data, peer))
            n = 0 if data == b"none" else int(data[:-1]) if re.fullmatch(rb"\d+!", data) else 1
            for _ in range(n):
                with contextlib.suppress(OSError):
                    self.socket.sendto(self.name.encode() + data, peer)

    def close(self):
        self.ended = True
        self.thread.join(PATIENCE_S)
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Client:
    def __init__(self, host, port, to="127.0.0.1", local=None, connected=True):
        family = socket.AF_INET6 if ":" in to else socket.AF_INET
        self.to = (to, port)
        with host.inside():
            self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.settimeout(PATIENCE_S)
        if local:
            self.socket.bind((local, 0))
        if connected:
            self.socket.connect(self.to)

    def send(self, data):
        self.socket.sendto(data, self.to) if not self.connected() else self.socket.send(data)

    def connected(self):
        try:
            self.socket.getpeername()
        except OSError:
            return False
        return True

    def ask(self, data=b"x"):
        self.send(data)
        return self.socket.recv(1 << 16)

    def ask_until(self, data=b"x"):
        """As clients do that lose a datagram: again."""
        self.socket.settimeout(0.1)
        for _ in range(100):
            self.send(data)
            with contextlib.suppress(OSError):
                return self.socket.recv(1 << 16)
        raise AssertionError("no answer")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


@contextlib.contextmanager
def few_open_files():
    """As many as service managers let who does not ask for more."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


class Site:
    def __init__(self, net, **words):
        self.host = net.host("proxy")
        self.servers = {
            name: Server(self.host, name, port, at) for name, port, at in (("a", 9001, "127.0.0.1"), ("b", 9002, "127.0.0.1"), ("s", 9006, "::1"))
        }
        self.words = {"workers": "2", "sessions": "1024", "client": "0", "idle": "200ms", "drain": "100ms", "one": "one", **words}
        with few_open_files():
            self.service = Service(self.host, "reverse-proxy", self.config()).start()

    def config(self, **words):
        text = CONFIG
        for word, value in {**self.words, **words}.items():
            text = re.sub(rf"\b{word.upper()}\b", value, text)
        return text

    def client(self, port, *rest, **words):
        return Client(self.host, port, *rest, **words)

    def lines(self, port, **words):
        """Those of the access log that are of sessions with this port of ours, and say that."""
        log = self.service.folder / "state" / "reverse-proxy" / "access.log"
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        return [line for line in lines if line["listen"].endswith(f":{port}") and {**line, **words} == line]

    def pool(self, name):
        return self.service.control("GET", f"/backends?pool={name}")[1]["pools"][0]["backends"]

    def count(self, name):
        text = self.service.control("GET", "/metrics")[1]
        return int(re.search(rf"^gatehouse_reverse_proxy_{re.escape(name)} (\d+)$", text, re.M)[1])


    def close(self):
        for server in self.servers.values():
            server.close()


@pytest.fixture(scope="module")
def site(janitor_process):
    net = topology.Net()
    try:
        made = Site(net)
        yield made
        made.close()
    finally:
        assert not net.close()


# ---- datagrams


@pytest.mark.parametrize("size", [1, 512, 1472, 9000, 65000])
def test_datagrams_pass_whole(site, size):
    sent = bytes(i % 251 for i in range(size))
    with site.client(8001) as client:
        assert client.ask(sent) == b"a" + sent
        assert client.ask(sent) == b"a" + sent


def test_many_at_once_keep_their_bounds_and_order(site):
    sizes = [100] * 20 + [1200] * 40 + [7]
    sent = [bytes([i]) * size for i, size in enumerate(sizes)]
    with site.client(8001) as client:
        for one in sent:
            client.send(one)
        assert [client.socket.recv(1 << 16) for _ in sent] == [b"a" + one for one in sent]


def test_one_too_long_is_counted_and_not_passed(site):
    before = site.count('udp_dropped_total{cause="size"}')
    with site.client(8001) as client:
        client.send(b"x" * 65500)
        assert client.ask(b"after") == b"aafter"
    assert site.count('udp_dropped_total{cause="size"}') == before + 1
    assert b"x" * 65500 not in [data for data, _ in site.servers["a"].got]


def test_servers_of_the_other_family(site):
    with site.client(8009) as client:
        assert client.ask() == b"sx"


@pytest.mark.parametrize("to", ["127.0.0.1", "127.0.0.77", "::1"])
def test_answers_come_from_the_address_that_was_asked(site, to):
    with site.client(8006, to, connected=False) as client:
        client.send(b"x")
        data, peer = client.socket.recvfrom(100)
        assert (data, peer[:2]) == (b"ax", (to, 8006))


def test_one_port_and_two_addresses_are_two_sessions(site):
    del site.servers["a"].got[:]
    with site.client(8006, "127.0.0.1", local="127.0.0.1", connected=False) as client:
        for to in ("127.0.0.1", "127.0.0.77", "127.0.0.1"):
            client.to = (to, 8006)
            client.send(b"x")
            assert client.socket.recvfrom(100)[1] == (to, 8006)
    came = [peer for _, peer in site.servers["a"].got]
    assert came[0] == came[2] != came[1]


def test_tcp_at_the_same_address_is_served_beside_it(site):
    with site.host.inside(), pytest.raises(ConnectionError), socket.create_connection(("127.0.0.1", 8001)) as client:
        client.settimeout(PATIENCE_S)
        assert client.recv(1) == b"?"  # the servers speak UDP only


# ---- sessions


def test_sessions_take_turns_and_stay(site):
    names = []
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(site.client(8002)) for _ in range(8)]
        for client in clients:
            names.append(client.ask())
            assert [client.ask() for _ in range(3)] == [names[-1]] * 3
    assert sorted(names) == [b"ax"] * 4 + [b"bx"] * 4


def test_by_hash_all_sessions_of_an_address_go_to_one(site):
    seen = {}
    for host in range(1, 17):
        for _ in range(3):
            with site.client(8005, local=f"127.0.1.{host}") as client:
                seen.setdefault(host, set()).add(client.ask())
    assert all(len(names) == 1 for names in seen.values())
    assert len(set.union(*seen.values())) == 2


def test_with_the_last_answer_the_session_ends(site):
    before = site.count("udp_sessions")
    with site.client(8007) as client:
        names = [client.ask() for _ in range(6)]
    assert sorted(names) == [b"ax"] * 3 + [b"bx"] * 3  # each datagram was shared out anew
    assert site.count("udp_sessions") <= before


def test_what_is_owed_is_waited_for(site):
    del site.servers["a"].got[:], site.servers["b"].got[:]
    with site.client(8007) as client:
        for _ in range(5):
            client.send(b"none")
        wait_for(lambda: len(site.servers["a"].got + site.servers["b"].got) == 5)
    assert len({peer for _, peer in site.servers["a"].got + site.servers["b"].got}) == 1


def test_a_quiet_session_ends(site):
    del site.servers["a"].got[:]
    before = site.count("udp_sessions")
    with site.client(8008) as client:
        client.ask()
        assert site.count("udp_sessions") == before + 1
        wait_for(lambda: site.count("udp_sessions") == before)
        client.ask()
    (_, first), (_, second) = site.servers["a"].got
    assert first != second


# ---- servers that are away


def test_a_dead_server_is_passed_over_by_the_next_datagram(site):
    for _ in range(4):
        with site.client(8003) as client:
            assert client.ask_until() == b"ax"
            assert client.ask() == b"ax"
    dead, well = site.pool("half")
    assert dead["connect_errors"] >= 1 and well["connect_errors"] == 0
    assert dead["in_flight"] == 0


def test_without_a_server_nothing_is_kept(site):
    before = site.count("udp_unreachable_total")
    open_before = site.count("udp_sessions")
    with site.client(8004) as client:
        client.send(b"x")
        wait_for(lambda: site.count("udp_unreachable_total") > before)
        wait_for(lambda: site.count("udp_sessions") <= open_before)
    assert site.pool("dead")[0]["in_flight"] == 0


def test_a_server_that_dies_leaves_its_sessions_to_others(site):
    dying = Server(site.host, "d", 9003)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(site.client(8003)) for _ in range(4)]
        names = [client.ask() for client in clients]
        assert names.count(b"dx") == 2
        dying.close()
        assert [client.ask_until() for client in clients] == [b"ax"] * 4


def test_a_drained_server_gets_no_new_session(site):
    with site.client(8001) as old:
        assert old.ask() == b"ax"
        assert site.service.control("POST", "/drain?server=127.0.0.1:9001")[0] == 200
        try:
            assert old.ask() == b"ax"
            for _ in range(4):
                with site.client(8002) as new:
                    assert new.ask() == b"bx"
        finally:
            site.service.control("POST", "/undrain?server=127.0.0.1:9001")


# ---- PROXY headers


@pytest.mark.parametrize("to", ["127.0.0.1", "::1"])
def test_servers_are_told_the_client_in_the_first_datagram(site, to):
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    with site.client(8012, to) as client:
        address, port = client.socket.getsockname()[:2]
        packed = socket.inet_pton(family, address) + socket.inet_pton(family, to) + struct.pack("!HH", port, 8012)
        head = b"\r\n\r\n\0\r\nQUIT\n\x21" + (b"\x22" if ":" in to else b"\x12") + struct.pack("!H", len(packed)) + packed
        assert client.ask(b"first") == b"a" + head + b"first"
        assert client.ask(b"second") == b"asecond"


# ---- reloads


def test_a_reload_leads_new_sessions_elsewhere_and_leaves_the_old(site):
    def who():
        with site.client(8001) as client:
            return client.ask()

    with site.client(8001) as old:
        assert old.ask() == b"ax"
        site.service.reload(site.config(one="two"))
        wait_for(lambda: who() == b"bx")
        assert old.ask() == b"ax"
        site.service.reload(site.config())
        wait_for(lambda: who() == b"ax")
        assert old.ask() == b"ax"


# ---- limits: last, as the service starts anew with others


# ---- checks by datagrams


@contextlib.contextmanager
def checked(site, check):
    """Who comes to port 8001 is led to two servers that are checked so: 127.0.0.1:9007 and 9008."""
    pool = f"    checked: {{servers: [127.0.0.1:9007, 127.0.0.1:9008], check: {{{check}, interval: 50ms, rise: 1, fall: 2}}}}\n"
    site.service.reload(site.config(one="checked").replace("  streams:\n", f"{pool}  streams:\n"))
    try:
        yield
    finally:
        site.service.reload(site.config())


def becomes(site, *states):
    """A server that no check has asked yet counts as up: both are to have been asked."""
    wait_for(lambda: all(b["state"] == s and b["check"] != "not checked yet" for b, s in zip(site.pool("checked"), states, strict=True)))


def test_a_server_that_answers_is_well_and_another_is_not(site):
    with Server(site.host, "o", 9008), checked(site, 'udp: "0x70696e6700", answer: "wping", timeout: 500ms'):
        with Server(site.host, "w", 9007) as well:
            becomes(site, "up", "down")
            assert site.pool("checked")[1]["check"] == "not the answer that is expected"
            assert well.got[0][0] == b"ping\0"
            for _ in range(6):
                with site.client(8001) as client:
                    assert client.ask() == b"wx"
        becomes(site, "down", "down")
        assert "refused" in site.pool("checked")[0]["check"].lower()
        with Server(site.host, "w", 9007):
            becomes(site, "up", "down")


def test_silence_is_well_only_where_no_answer_is_wanted(site):
    with Server(site.host, "s", 9007) as silent:
        with checked(site, "udp: none, timeout: 100ms"):
            becomes(site, "up", "down")  # of the other one ICMP tells
            assert "refused" in site.pool("checked")[1]["check"].lower()
            before = len(silent.got)
            wait_for(lambda: len(silent.got) > before + 3)
            assert site.pool("checked")[0]["state"] == "up" and site.pool("checked")[0]["check"] == "well"
        with checked(site, 'udp: none, answer: "", timeout: 100ms'):
            becomes(site, "down", "down")
            assert site.pool("checked")[0]["check"] == "no answer in time"
        with checked(site, 'udp: any, answer: "", timeout: 500ms'):
            becomes(site, "up", "down")


# ---- the access log: a line for each session at its end


def test_a_line_tells_what_passed_and_how_it_ended(site):
    before = len(site.lines(8007, ended="answered")), len(site.lines(8008, ended="idle"))
    with site.client(8007) as client:
        assert len(client.ask(b"four")) == 5
    line = wait_for(lambda: site.lines(8007, ended="answered")[before[0] :])[0]
    assert line["version"] == "UDP" and line["client"] == "127.0.0.1" and line["listen"] == "127.0.0.1:8007"
    assert line["pool"] == "both" and line["server"] in ("127.0.0.1:9001", "127.0.0.1:9002")
    assert line["request_bytes"] == 4 and line["response_bytes"] == 5 and line["status"] == 200 and "cause" not in line
    with site.client(8008) as client:
        client.ask(b"one"), client.ask(b"seven")
        line = wait_for(lambda: site.lines(8008, ended="idle")[before[1] :])[0]
    assert line["request_bytes"] == 8 and line["response_bytes"] == 10 and 200_000 <= line["duration_us"]


def test_a_line_tells_what_went_wrong(site):
    before = len(site.lines(8004, cause="connect-failed"))
    with site.client(8004) as client:
        client.send(b"x")
        line = wait_for(lambda: site.lines(8004, cause="connect-failed")[before:])[0]
    assert line["status"] == 502 and line["server"] == "127.0.0.1:9003" and line["request_bytes"] == 1 and "ended" not in line
    # One to which there is no way, as the kernel says at once.
    away = "    away: 192.0.2.1:9009\n  streams:\n"
    site.service.reload(site.config(one="away").replace("  streams:\n", away))
    wait_for(lambda: site.service.control("GET", "/status")[1]["workers_behind"] == 0)
    with site.client(8001) as client:
        client.send(b"x")
        line = wait_for(lambda: site.lines(8001, server="192.0.2.1:9009"))[0]
    assert line["cause"] == "connect-failed" and line["status"] == 502 and line["request_bytes"] == 0
    # One that does not answer, where answers are owed.
    site.service.reload(site.config().replace("answers: 1", "answers: 1, idle: 200ms"))
    wait_for(lambda: site.service.control("GET", "/status")[1]["workers_behind"] == 0)
    with site.client(8007) as client:
        client.send(b"none")
        line = wait_for(lambda: site.lines(8007, cause="back-time"))[0]
    assert line["status"] == 504 and line["response_bytes"] == 0
    site.service.reload(site.config())
    # One that goes away after an answer, under the eyes of its client.
    leaving = Server(site.host, "d", 9003)
    with site.client(8004) as client:
        assert client.ask() == b"dx"
        leaving.close()
        client.send(b"y")
        wait_for(lambda: client.send(b"y") or site.lines(8004, cause="back-torn"))
    line = site.lines(8004, cause="back-torn")[0]
    assert line["status"] == 200 and line["response_bytes"] == 2


def test_sessions_may_be_more_than_connections(site):
    """1,024 of them beside 100 connections: the process asks for that many open files, and gets them."""
    assert "fewer " not in site.service.log()


def test_limits_hold_and_an_end_is_one(site):
    site.service.stop()
    site.service.configure(site.config(workers="1", sessions="64", client="8", drain="30s"))
    site.service.start()
    with contextlib.ExitStack() as stack:
        proven = stack.enter_context(site.client(8001, local="127.0.9.1"))
        assert proven.ask() == proven.ask() == b"ax"
        before = len(site.servers["a"].got)
        # A client with more than he may: his oldest goes, others' stay.
        mine = [stack.enter_context(site.client(8001, local="127.0.9.2")) for _ in range(12)]
        for client in mine:
            client.ask()
        assert site.count("udp_sessions") == 9
        assert site.count("udp_sessions_yielded_total") == 4
        # A flood from many addresses takes the room of such as itself.
        for host in range(200):
            with site.client(8001, local=f"127.0.10.{host + 1}") as client:
                client.ask()
        assert site.count("udp_sessions") == 64
        assert site.count("udp_sessions_total") == 213
        assert site.count("udp_sessions_yielded_total") == 213 - 64
        assert site.pool("one")[0]["in_flight"] == 64
        source = site.servers["a"].got[before - 1][1]
        assert proven.ask() == b"ax" and site.servers["a"].got[-1][1] == source
    began = time.monotonic()
    assert site.service.stop() == 0
    assert time.monotonic() - began < 10  # sessions that nobody owes an answer are not waited for
    assert len(site.lines(8001, cause="busy")) == 213 - 64
    assert len(site.lines(8001, cause="drained", status=200)) >= 64


# ---- under the supervisor, which opens the sockets; two servers of DNS behind


def test_dns_by_both_transports_under_the_supervisor(site):
    zone = "$ORIGIN home.arpa.\n@ 300 SOA ns hostmaster 1 7200 900 1209600 300\n  300 NS ns\nns 300 A 192.0.2.53\nwww 300 A 192.0.2.80\n"
    servers = [
        Service(site.host, "authority", f"authority:\n  listen: 127.0.0.1:{port}\n  zones:\n    - {{origin: home.arpa, file: zone}}\n", {"zone": zone}).start()
        for port in (9053, 9054)
    ]
    site.service = Service(
        site.host,
        "run",
        """reverse-proxy:
  listen: 127.0.0.1:8080
  workers: 2
  pools:
    dns: {servers: [127.0.0.1:9053, 127.0.0.1:9054], balance: round-robin, check: {tcp: yes}}
  streams:
    - {listen: ["0.0.0.0:53", "[::]:53"], tcp: dns, udp: {to: dns, answers: 1}}
""",
    ).start()
    for transport in ("+notcp", "+tcp"):
        for to in ("127.0.0.1", "127.0.0.53", "::1") * 2:
            told = site.host.run("dig", f"@{to}", "+short", "+tries=3", transport, "www.home.arpa", "A").stdout
            assert told.strip() == "192.0.2.80"
    told = site.service.control("GET", "/backends?pool=dns", service="reverse-proxy")[1]["pools"][0]["backends"]
    assert [b["requests"] for b in told] == [6, 6]
    assert all(server.stop() == 0 for server in (*servers, site.service))
