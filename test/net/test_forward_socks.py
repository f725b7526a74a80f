"""SOCKS through the forward proxy: curl by all versions, what each refusal is told as, who may go where, ends and resets,
its log and numbers. One service for all tests."""
# why-long: connections and datagrams share what speaks SOCKS octet by octet, and one service.

import contextlib
import ipaddress
import os
import socket
import struct
import threading

import pytest

from forward_site import PROXY, WEB, WEB6, Site
from proxy_servers import wait_for

# "right" by SHA-512 crypt.
ANN = "$6$rounds=5000$saltsalt$gzY3OAolfMFSB9Ld7iMdOQlViFqO3IOPeU0zkHsD.58tcMxRAFD0Qjfi2sjus3i.8aqWarEvFPREqzp18Jm291"
USERS = f'users: {{ann: "{ANN}"}}'
GRANTED4, REJECTED4 = 90, 91
SUCCEEDED, FAILED, NOT_ALLOWED, NET_UNREACHABLE, UNREACHABLE, REFUSED, NO_COMMAND, NO_TYPE = 0, 1, 2, 3, 4, 5, 7, 8


class Echo:
    """Sends back what it gets, and ends when the client does; "reset!" resets."""

    def __init__(self, host, address, port):
        with host.inside():
            self.socket = socket.create_server((address, port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        connection.settimeout(120)
        with contextlib.suppress(OSError), connection:
            while data := connection.recv(1 << 16):
                if data == b"reset!":
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                connection.sendall(data)

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


@pytest.fixture(scope="module")
def site(janitor_process):
    made = None
    try:
        made = Site()
        made.origin = made.serve()
        made.started.append(Echo(made.web, WEB[0], 7777))
        yield made
    finally:
        if made:
            made.close()


def exactly(connection, n):
    data = b""
    while len(data) < n:
        more = connection.recv(n - len(data))
        if not more:
            raise EOFError(data)
        data += more
    return data


def address5(to):
    """ATYP and DST.ADDR (RFC 1928 5)."""
    try:
        address = ipaddress.ip_address(to)
    except ValueError:
        return b"\x03" + bytes([len(to)]) + to.encode()
    return bytes([1 if address.version == 4 else 4]) + address.packed


def open_connection(site, port=1080):
    with site.client.inside():
        return socket.create_connection((PROXY, port), 30)


def ask5(site, to, port, command=1, early=b"", at=1080):
    """(REP, connection) of a request of version 5."""
    connection = open_connection(site, at)
    connection.sendall(b"\x05\x01\x00")
    assert exactly(connection, 2) == b"\x05\x00"
    connection.sendall(bytes([5, command, 0]) + address5(to) + struct.pack("!H", port) + early)
    head = exactly(connection, 10)
    assert head[0] == 5 and head[2:4] == b"\0\x01"
    return head[1], connection


def code5(site, to, port=443, command=1):
    """REP, and that the connection ends behind it (RFC 1928 6) unless it is success."""
    code, connection = ask5(site, to, port, command)
    with connection:
        if code:
            assert connection.recv(1) == b""
    return code


def code4(site, to, port, command=1):
    with open_connection(site) as connection:
        try:
            where, name = ipaddress.IPv4Address(to).packed, b""
        except ValueError:
            where, name = b"\0\0\0\x01", to.encode() + b"\0"
        connection.sendall(bytes([4, command]) + struct.pack("!H", port) + where + b"me\0" + name)
        answer = exactly(connection, 8)
        assert answer[0] == 0
        return answer[1]


def curl(site, *arguments):
    done = site.client.run("curl", "-sS", "--max-time", "30", *arguments, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---- programs


@pytest.mark.parametrize("how", ["--socks5-hostname", "--socks4a"])
def test_curl_leaves_the_name_to_the_proxy(site, how):
    site.names.asked.clear()
    assert '"method": "GET"' in curl(site, how, f"{PROXY}:1080", "http://www.example.com/a")
    assert site.origin.seen[-1]["from"] == "9.0.0.1"
    assert {name for name, _ in site.names.asked} <= {"www.example.com"}


@pytest.mark.parametrize("how", ["--socks5", "--socks4"])
def test_curl_goes_by_address(site, how):
    site.names.asked.clear()
    assert '"method": "GET"' in curl(site, how, f"{PROXY}:1080", f"http://{WEB[0]}/a")
    assert not site.names.asked


def test_curl_goes_by_an_address_of_ipv6(site):
    six = site.serve(WEB6[0])
    assert '"method": "GET"' in curl(site, "--socks5-hostname", f"{PROXY}:1080", f"http://[{WEB6[0]}]/a")
    assert len(six.seen) == 1


# ---- bytes


def test_much_goes_both_ways_and_each_way_ends_alone(site):
    sent = bytes(range(256)) * 12000
    code, connection = ask5(site, WEB[0], 7777, early=b"early")
    assert code == SUCCEEDED
    with connection:
        got = []

        def read():
            data = b""
            while more := connection.recv(1 << 16):
                data += more
            got.append(data)

        reader = threading.Thread(target=read)
        reader.start()
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        reader.join(60)
    assert got == [b"early" + sent]
    assert site.metric("spliced_bytes_total") > 0


def test_a_reset_of_the_server_is_one_for_the_client(site):
    _, connection = ask5(site, WEB[0], 7777)
    with connection:
        connection.sendall(b"reset!")
        with pytest.raises(ConnectionResetError):
            assert connection.recv(1) == b"?"


# ---- who may go where


@pytest.mark.parametrize(
    "to",
    ["127.0.0.1", "10.0.0.1", "10.0.0.10", "169.254.169.254", "0.0.0.0", "::1", "::ffff:127.0.0.1", "fe80::1", "9.0.0.1", "localhost", "a.localhost"],
)
def test_nothing_leads_into_the_inside(site, to):
    assert code5(site, to, 80) == NOT_ALLOWED


def test_a_name_that_leads_into_the_inside_is_not_gone_to(site):
    site.names.zone["inside.example.com"] = ["127.0.0.1"]
    site.names.zone["half.example.com"] = [WEB[0], "10.0.0.10"]
    assert code5(site, "inside.example.com") == NOT_ALLOWED
    assert code5(site, "half.example.com") == NOT_ALLOWED
    assert code4(site, "inside.example.com", 443) == REJECTED4


@pytest.mark.parametrize("to", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "127.0.0.1.", "a:b"])
def test_a_host_that_could_be_read_as_two_is_none(site, to):
    assert code5(site, to, 80) == FAILED


@pytest.mark.parametrize("port", [22, 25, 0, 1023])
def test_only_its_ports_are_gone_to(site, port):
    assert code5(site, WEB[0], port) in ((NOT_ALLOWED,) if port else (FAILED,))


def test_who_is_no_client_is_reset(site):
    with site.web.inside(), pytest.raises(OSError), socket.create_connection((PROXY, 1080), 10) as connection:  # noqa: PT011
        connection.sendall(b"\x05\x01\x00")
        if connection.recv(1) == b"":
            raise ConnectionResetError


# ---- users


def sign_in(site, user, password, methods=b"\0\2", at=1080):
    """(method, STATUS or None, connection) of RFC 1929."""
    connection = open_connection(site, at)
    connection.sendall(bytes([5, len(methods)]) + methods)
    method = exactly(connection, 2)[1]
    if method != 2:
        return method, None, connection
    connection.sendall(bytes([1, len(user)]) + user + bytes([len(password)]) + password)
    version, status = exactly(connection, 2)
    assert version == 1
    return method, status, connection


def test_who_signs_in_goes_where_users_may(site):
    users = f"  access:\n    {USERS}\n    clear-passwords: yes\n    otherwise: sign-in\n"
    site.reload(users)
    try:
        for password in (b"wrong", b"right"):
            method, status, connection = sign_in(site, b"ann", password)
            with connection:
                assert method == 2 and (status == 0) == (password == b"right")
                if status:
                    assert connection.recv(1) == b""
                    continue
                connection.sendall(b"\5\1\0" + address5(WEB[0]) + struct.pack("!H", 7777) + b"early")
                assert exactly(connection, 15)[1] == SUCCEEDED
        assert code5(site, WEB[0], 7777) == NOT_ALLOWED
        assert code4(site, WEB[0], 7777) == REJECTED4
        for user, password in ((b"nobody", b"right"), (b"a:b", b"right")):
            _, status, connection = sign_in(site, user, password, b"\2")
            connection.close()
            assert status == 1
        told = curl(site, "--socks5-hostname", f"{PROXY}:1080", "--proxy-user", "ann:right", "http://www.example.com/a")
        assert '"method": "GET"' in told
        found = lambda status, user: any(line["version"] == "SOCKS/5" and line["status"] == status and line.get("user") == user for line in site.log())  # noqa: E731
        wait_for(lambda: found(200, "ann"))
        wait_for(lambda: found(407, None))
    finally:
        site.reload()


def test_no_password_is_asked_for_where_others_could_read_it(site):
    site.reload(f"  access:\n    {USERS}\n    otherwise: sign-in\n")
    try:
        method, _, connection = sign_in(site, b"ann", b"right", b"\2")
        connection.close()
        assert method == 0xFF
        method, _, connection = sign_in(site, b"ann", b"right")
        connection.close()
        assert method == 0
        assert code5(site, WEB[0], 7777) == NOT_ALLOWED
    finally:
        site.reload()


# ---- what a refusal is told as


def test_a_failure_is_told_by_its_kind(site):
    assert code5(site, WEB[0], 7778) == REFUSED
    assert code5(site, "absent.example.com") == UNREACHABLE
    assert code5(site, "8.8.8.8") == NET_UNREACHABLE
    assert code4(site, WEB[0], 7778) == REJECTED4
    assert code4(site, WEB[0], 7777) == GRANTED4


@pytest.mark.parametrize("command", [2, 3, 9])  # 3: without `udp`
def test_other_commands_are_told_to_be_none_of_ours(site, command):
    assert code5(site, WEB[0], 443, command) == NO_COMMAND
    assert code4(site, WEB[0], 443, command) == REJECTED4


def test_other_address_types_are_told_to_be_none_of_ours(site):
    with open_connection(site) as connection:
        connection.sendall(b"\x05\x01\x00\x05\x01\x00\x02")
        assert exactly(connection, 12)[3] == NO_TYPE
        assert connection.recv(1) == b""


def test_who_offers_no_method_of_ours_is_told(site):
    with open_connection(site) as connection:
        connection.sendall(b"\x05\x01\x01")
        assert exactly(connection, 2) == b"\x05\xff"
        assert connection.recv(1) == b""


@pytest.mark.parametrize(("port", "said"), [(1080, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"), (1080, b"\x16\x03\x01"), (1081, b"\x04\x01\0\x50\x09\0\0\x0a\0")])
def test_what_is_not_spoken_here_is_not_answered(site, port, said):
    with open_connection(site, port) as connection:
        connection.sendall(said)
        assert connection.recv(1) == b""


# ---- datagrams


class EchoDatagrams(threading.Thread):
    """Sends back what it gets; from another port too when asked. got: (datagram, sender)."""

    def __init__(self, host, address, port):
        super().__init__(daemon=True)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with host.inside():
            self.socket, self.other = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((address, port))
        self.other.bind((address, 0))
        self.got = []
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                data, peer = self.socket.recvfrom(1 << 16)
                self.got.append((data, peer))
                if data == b"from another port, please":
                    self.other.sendto(b"stranger", peer)
                self.socket.sendto(data, peer)

    def stop(self):
        self.socket.close()
        self.other.close()


class Association:
    """A client's end: its TCP connection, where its datagrams go to, and its socket for them."""

    def __init__(self, site, port=1081):
        self.connection = open_connection(site, port)
        self.connection.sendall(b"\5\1\0\5\3\0\1" + bytes(6))
        answer = exactly(self.connection, 12)
        self.code = answer[3]
        self.at = (str(ipaddress.IPv4Address(answer[6:10])), struct.unpack("!H", answer[10:])[0])
        with site.client.inside():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(10)

    def send(self, to, port, data, fragment=0, reserved=0):
        self.socket.sendto(struct.pack("!HB", reserved, fragment) + address5(to) + struct.pack("!H", port) + data, self.at)

    def receive(self):
        """(address, port, datagram)"""
        data, peer = self.socket.recvfrom(1 << 16)
        assert peer == self.at and data[:3] == b"\0\0\0"
        length = 4 if data[3] == 1 else 16
        address = ipaddress.ip_address(data[4 : 4 + length])
        return str(address), struct.unpack("!H", data[4 + length : 6 + length])[0], data[6 + length :]

    def silent(self, fence):
        """That nothing of what was sent comes back: what is sent behind it comes first."""
        self.send(*fence, b"fence")
        return self.receive()[2] == b"fence"

    def close(self):
        self.socket.close()
        self.connection.close()

    __enter__ = lambda self: self

    def __exit__(self, *_):
        self.close()


@pytest.fixture(scope="module")
def echo(site):
    made = EchoDatagrams(site.web, WEB[0], 5300)
    site.started.append(made)
    return made


def test_datagrams_go_both_ways_by_address_and_by_name(site, echo):
    site.names.zone["echo.example.com"] = [WEB[0]]
    with Association(site) as a:
        assert a.code == SUCCEEDED and a.at[0] == PROXY
        for to in (WEB[0], "echo.example.com", "www.example.com"):
            for data in (b"", b"x", os.urandom(1400), os.urandom(9000)):
                a.send(to, 5300, data)
                assert a.receive() == (WEB[0], 5300, data)
    assert echo.got[-1][1][0] == "9.0.0.1"


def test_datagrams_go_by_ipv6(site):
    six = EchoDatagrams(site.web, WEB6[0], 5300)
    site.started.append(six)
    with Association(site) as a:
        a.send(WEB6[0], 5300, b"six")
        assert a.receive() == (WEB6[0], 5300, b"six")


def test_many_datagrams_to_a_name_that_must_be_asked_for(site, echo):
    site.names.zone["slow.example.com"] = [WEB[0]]
    with Association(site) as a:
        for i in range(20):
            a.send("slow.example.com", 5300, bytes([i]))
        assert [a.receive()[2] for _ in range(20)] == [bytes([i]) for i in range(20)]


def test_fragments_and_what_is_no_datagram_are_dropped(site, echo):
    before = site.metric("datagrams_dropped_total")
    with Association(site) as a:
        a.send(WEB[0], 5300, b"fragment", fragment=1)
        a.send(WEB[0], 5300, b"the last of them", fragment=0x82)
        a.send(WEB[0], 5300, b"reserved", reserved=1)
        a.socket.sendto(b"", a.at)
        a.socket.sendto(b"\0\0\0\2\1\2\3\4\0\5", a.at)
        a.socket.sendto(b"\0\0\0\3\0\0\5", a.at)
        a.send(WEB[0], 0, b"port 0")
        assert a.silent((WEB[0], 5300))
    assert site.metric("datagrams_dropped_total") == before + 7
    assert not [data for data, _ in echo.got if data in (b"fragment", b"reserved")]


def test_no_datagram_goes_where_no_connection_may(site, echo):
    site.names.zone["inside.example.com"] = ["127.0.0.1"]
    with site.gateway.inside():
        trap = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    trap.bind(("0.0.0.0", 5300))
    try:
        with Association(site) as a:
            for to in ("127.0.0.1", PROXY, "9.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "inside.example.com", "localhost", "2130706433", "10.0.0.10", "0.0.0.0"):
                a.send(to, 5300, b"inside")
            a.send(WEB[0], 53, b"not a port for it")
            a.send("absent.example.com", 5300, b"nowhere")
            assert a.silent((WEB[0], 5300))
        trap.setblocking(False)
        with pytest.raises(BlockingIOError):
            trap.recv(100)
    finally:
        trap.close()


def test_only_whom_the_client_has_written_to_may_answer(site, echo):
    with Association(site) as a:
        a.send(WEB[0], 5300, b"from another port, please")
        assert a.receive()[2] == b"from another port, please"
        relay = echo.got[-1][1]
        with site.web.inside():
            stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        stranger.sendto(b"stranger", relay)
        stranger.close()
        assert a.silent((WEB[0], 5300))


def test_only_the_client_sends_through_it(site, echo):
    with Association(site) as a:
        a.send(WEB[0], 5300, b"mine")
        assert a.receive()[2] == b"mine"
        with site.client.inside():
            another = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with site.gateway.inside():
            elsewhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for one in (another, elsewhere):
            one.sendto(b"\0\0\0" + address5(WEB[0]) + struct.pack("!H", 5300) + b"not mine", a.at)
            one.close()
        assert a.silent((WEB[0], 5300))
    assert not [data for data, _ in echo.got if data == b"not mine"]


def test_an_association_ends_with_its_connection(site, echo):
    a = Association(site)
    a.send(WEB[0], 5300, b"x")
    assert a.receive()[2] == b"x"
    seen = len(echo.got)
    a.connection.shutdown(socket.SHUT_WR)
    assert a.connection.recv(1) == b""  # which says that it is over
    a.send(WEB[0], 5300, b"too late")
    with Association(site) as another:
        assert another.silent((WEB[0], 5300))
    assert not [data for data, _ in echo.got[seen:] if data == b"too late"]
    a.close()


def test_there_are_so_many_and_no_more(site, echo):
    # Four of two workers: two of each.
    made = [Association(site) for _ in range(12)]
    codes = [a.code for a in made]
    for a in made:
        a.close()
    assert codes.count(SUCCEEDED) <= 4 and codes.count(FAILED) >= 8
    wait_for(lambda: code_of_association(site) == SUCCEEDED)


def code_of_association(site):
    with Association(site) as a:
        return a.code


def test_rules_and_users_hold_for_datagrams(site, echo):
    rules = f"  access:\n    {USERS}\n    clear-passwords: yes\n    rules:\n"
    rules += "      - {action: deny, to: echo.example.com}\n      - {action: allow, users: [ann], to: www.example.com}\n    otherwise: deny\n"
    site.names.zone["echo.example.com"] = [WEB[0]]
    site.reload(rules)
    try:
        with Association(site) as a:
            assert a.code == SUCCEEDED  # nobody: and nothing goes through
            for to in ("echo.example.com", "www.example.com", WEB[0]):
                a.send(to, 5300, b"as nobody")
            _, status, connection = sign_in(site, b"ann", b"right", at=1081)
            assert status == 0
            connection.sendall(b"\5\3\0\1" + bytes(6))
            answer = exactly(connection, 10)
            assert answer[1] == SUCCEEDED
            with contextlib.closing(connection), site.client.inside():
                mine = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                mine.settimeout(10)
                at = (PROXY, struct.unpack("!H", answer[8:])[0])
                for to in ("echo.example.com", "www.example.com"):
                    mine.sendto(b"\0\0\0" + address5(to) + struct.pack("!H", 5300) + to.encode(), at)
                assert mine.recv(100).endswith(b"www.example.com")
                mine.close()
        assert not [data for data, _ in echo.got if data in (b"as nobody", b"echo.example.com")]
    finally:
        site.reload()


def is_over(connection):
    """Its association has ended: by a reset, as nobody asked for it."""
    connection.settimeout(10)
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_reload_holds_for_the_associations_there_are(site, echo):
    def reload(more, clients="10.0.0.0/24"):
        site.service.reload(site.config.replace("clients: [10.0.0.0/24]", f"clients: [{clients}]") + more)
        wait_for(lambda: site.service.control("GET", "/status")[1]["workers_behind"] == 0)

    site.names.zone["echo.example.com"] = [WEB[0]]
    try:
        with Association(site) as a:
            a.send("echo.example.com", 5300, b"before")
            assert a.receive()[2] == b"before"
            server, relay = echo.socket, echo.got[-1][1]
            reload("  access: {rules: [{action: deny, to: echo.example.com}]}\n")
            server.sendto(b"from whom it wrote to before", relay)
            a.send("echo.example.com", 5300, b"forbidden by now")
            assert a.silent((WEB[0], 5300))
            reload("")
            a.send("echo.example.com", 5300, b"allowed again")
            assert a.receive()[2] == b"allowed again"
            reload("", clients="10.0.0.99")
            a.send(WEB[0], 5300, b"from who is no client")
            assert is_over(a.connection)
        assert not [data for data, _ in echo.got if data in (b"forbidden by now", b"from who is no client")]
    finally:
        site.reload()


def test_an_association_ends_with_its_user(site, echo):
    access = f"  access:\n    {USERS}\n    clear-passwords: yes\n    otherwise: sign-in\n"
    site.reload(access)
    try:
        wait_for(lambda: site.service.control("GET", "/status")[1]["workers_behind"] == 0)
        _, status, connection = sign_in(site, b"ann", b"right", at=1081)
        assert status == 0
        with contextlib.closing(connection), site.client.inside():
            connection.sendall(b"\5\3\0\1" + bytes(6))
            at = (PROXY, struct.unpack("!H", exactly(connection, 10)[8:])[0])
            mine = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            mine.settimeout(10)
            for more in (access, access.replace("ann:", "bea:")):
                mine.sendto(b"\0\0\0" + address5(WEB[0]) + struct.pack("!H", 5300) + b"ann's", at)
                assert mine.recv(100).endswith(b"ann's")
                site.reload(more)
                wait_for(lambda: site.service.control("GET", "/status")[1]["workers_behind"] == 0)
            mine.sendto(b"\0\0\0" + address5(WEB[0]) + struct.pack("!H", 5300) + b"nobody's", at)
            mine.close()
            assert is_over(connection)
        assert not [data for data, _ in echo.got if data == b"nobody's"]
    finally:
        site.reload()


def test_the_log_counts_an_association_s_octets(site, echo):
    with Association(site) as a:
        a.send(WEB[0], 5300, b"1234567")
        a.receive()
    line = wait_for(lambda: next((line for line in site.log() if line["method"] == "ASSOCIATE" and line["request_bytes"] == 7), None))
    assert line["response_bytes"] == 7 and line["status"] == 200 and "cause" not in line


# ---- what is told of it


def test_the_log_says_what_was_spoken_and_where_to(site):
    before = site.metric("socks_connects_total")
    _, connection = ask5(site, WEB[0], 7777)
    with connection:
        connection.sendall(b"12345")
        assert exactly(connection, 5) == b"12345"
    assert code5(site, "10.0.0.10", 80) == NOT_ALLOWED

    def lines():
        found = [line for line in site.log() if line.get("host") in (f"{WEB[0]}:7777", "10.0.0.10:80") and line["version"] == "SOCKS/5"]
        good = [line for line in found if line["status"] == 200 and line["request_bytes"] == 5]
        bad = [line for line in found if line["status"] == 403 and line["host"] == "10.0.0.10:80"]
        return (good[-1], bad[-1]) if good and bad else None

    good, bad = wait_for(lines)
    assert good["method"] == "CONNECT" and good["response_bytes"] == 5 and good["server"] == WEB[0]
    assert bad["cause"] == "inside"
    assert site.metric("socks_connects_total") == before + 1

