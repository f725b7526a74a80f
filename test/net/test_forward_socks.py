"""SOCKS through the forward proxy: curl and git by all versions, what each refusal is told as, who may go where, ends and resets,
its log and numbers. One service for all tests."""

import contextlib
import hashlib
import ipaddress
import os
import socket
import struct
import subprocess
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
        connection.settimeout(60)
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


def test_git_clones_through_it(site, tmp_path):
    def git(*arguments):
        return ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments]

    work, bare = tmp_path / "work", tmp_path / "repository.git"
    subprocess.run(git("init", "-q", str(work)), check=True)
    content = os.urandom(300_000)
    (work / "file").write_bytes(content)
    subprocess.run(git("-C", str(work), "add", "file"), check=True)
    subprocess.run(git("-C", str(work), "commit", "-q", "-m", "one"), check=True)
    subprocess.run(git("clone", "-q", "--bare", str(work), str(bare)), check=True)
    subprocess.run(git("-C", str(bare), "update-server-info"), check=True)
    server = site.serve(WEB[0], 8080)
    for path in bare.rglob("*"):
        if path.is_file():
            server.pages[f"/r.git/{path.relative_to(bare)}"] = (200, {"Content-Type": "text/plain"}, path.read_bytes())
    server.pages["/r.git/objects/info/http-alternates"] = (404, {}, b"")
    server.pages["/r.git/objects/info/alternates"] = (404, {}, b"")
    copy = tmp_path / "copy"
    done = site.client.run(
        "env", "GIT_CONFIG_NOSYSTEM=1", f"HOME={tmp_path}",
        *git("-c", f"http.proxy=socks5h://{PROXY}:1080", "clone", "-q", "http://www.example.com:8080/r.git", copy),
    )
    assert done.returncode == 0, done.stderr
    assert hashlib.sha256((copy / "file").read_bytes()).digest() == hashlib.sha256(content).digest()


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


@pytest.mark.parametrize("command", [2, 9])
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

