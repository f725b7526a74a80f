"""What is asked for inside a tunnel by the name in a ClientHello (SNI): judged by access rules and policy without decrypting, whatever the
tunnel was opened for; by CONNECT over HTTP/1.1 and HTTP/2, and by SOCKS. A server's octets are counted, to see that it got nothing of what is refused."""

import asyncio
import contextlib
import fcntl
import os
import socket
import ssl
import struct
import termios
import threading

import pytest

import proxy_h2
from forward_site import CLIENT, PROXY, WEB, Site
from proxy_servers import wait_for
from service import Service
from test_forward_socks import ask5, curl

DENIED = "  access: {rules: [{action: deny, to: [blocked.example.com, '*.blocked.example.com']}]}\n"


class Heard:
    """A server that writes down what each connection brings, and answers nothing. One that is reset at once may not be seen."""

    def __init__(self, host, address, port, greeting=b""):
        self.all, self.greeting = [], greeting
        with host.inside():
            self.socket = socket.create_server((address, port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                try:
                    made, _ = self.socket.accept()
                except ConnectionError:
                    continue
                kept = bytearray()
                self.all.append(kept)
                threading.Thread(target=self.serve, args=(made, kept), daemon=True).start()

    def serve(self, made, kept):
        made.settimeout(60)
        with contextlib.suppress(OSError), made:
            made.sendall(self.greeting)
            while data := made.recv(1 << 16):
                kept += data

    def since(self, n):
        """What came by those behind the n-th that brought anything."""
        return sorted(bytes(one) for one in self.all[n:] if one)

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


@pytest.fixture(scope="module")
def site(janitor_process):
    made = None
    try:
        made = Site(DENIED)
        made.names.zone |= {name: [WEB[0]] for name in ("allowed.example.com", "blocked.example.com", "www.bing.com")}
        made.names.zone |= {"strict.bing.com": [WEB[2]], "heard.example.com": [WEB[1]]}
        made.origin = made.serve(port=443, tls=made.tls("allowed.example.com", "blocked.example.com", "x.blocked.example.com"))
        made.heard = Heard(made.web, WEB[1], 443)
        made.started.append(made.heard)
        yield made
    finally:
        if made:
            made.close()


def hello(name, more=0):
    """A ClientHello as OpenSSL writes it; `more` protocols in it make it longer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if more:
        context.set_alpn_protocols([f"protocol-{n:03}".ljust(250, "x") for n in range(more)])
    out = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name).do_handshake()
    return out.read()


def is_reset(made):
    """Sooner or later, whatever a server that speaks first has said before."""
    made.settimeout(30)
    with contextlib.suppress(ConnectionError):
        while made.recv(1000):
            pass
    return True


def lines(site, cause, name=None):
    return [one for one in site.log() if one.get("cause") == cause and one.get("tunnel_sni") == name]


def refused_of(site, why):
    return site.metric(f'refused_total{{why="{why}"}}')


def try_name(site, target, name):
    """Status and what became of it: by curl, which asks `target` of the proxy and `name` of the server."""
    told = ["--output", "/dev/null", "--write-out", "%{http_connect} %{http_code}", "--insecure", "--max-time", "30"]
    way = ["--proxy", f"http://{PROXY}:3128", "--connect-to", f"{name}:443:{target}:443"]
    done = site.client.run("curl", "-sS", *told, *way, f"https://{name}/", timeout=60)
    return done.stdout.split(), done.returncode


def test_a_name_that_is_allowed_is_served_and_one_that_is_not_is_reset(site):
    assert try_name(site, "allowed.example.com", "allowed.example.com") == (["200", "200"], 0)
    assert try_name(site, "allowed.example.com", "other.example.com") == (["200", "200"], 0)
    seen, before = len(site.origin.seen), refused_of(site, "sni-rule")
    for target in ("allowed.example.com", WEB[0]):
        for name in ("blocked.example.com", "x.blocked.example.com", "BLOCKED.example.com"):
            (connect, status), code = try_name(site, target, name)
            assert (connect, status) == ("200", "000") and code != 0, (target, name)
    assert len(site.origin.seen) == seen
    assert refused_of(site, "sni-rule") == before + 6
    wait_for(lambda: len(lines(site, "sni-rule", "blocked.example.com")) == 4)
    found = lines(site, "sni-rule", "blocked.example.com")  # of two workers: in any order
    assert all(line["detail"] == "rule 1" and line["status"] == 200 for line in found)
    assert sorted(line["host"] for line in found) == [f"{WEB[0]}:443"] * 2 + ["allowed.example.com:443"] * 2
    # As a name to connect to it is refused as ever.
    assert try_name(site, "blocked.example.com", "blocked.example.com")[0] == ["403", "000"]


def test_the_server_gets_nothing_of_what_is_refused_in_whatever_pieces(site):
    good, bad = hello("allowed.example.com"), hello("blocked.example.com")
    for step in (len(bad), 100, 1):
        before = len(site.heard.all)
        status, made = site.tunnel("heard.example.com:443")
        assert status == 200
        with made, contextlib.suppress(ConnectionError):
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for at in range(0, len(bad), step):
                made.sendall(bad[at : at + step])
            assert is_reset(made)
        status, made = site.tunnel("heard.example.com:443", good[:7])
        with made:
            made.sendall(good[7:])
            made.sendall(bad)
            wait_for(lambda before=before: site.heard.since(before) == [good + bad])


def test_a_long_hello_is_read_and_a_longer_one_refused(site):
    for more, passes in ((55, True), (80, False)):
        for name in ("allowed.example.com", "blocked.example.com"):
            sent = hello(name, more)
            assert (len(sent) > 18 * 1024) is not passes and len(sent) > 13000
            before = len(site.heard.all)
            status, made = site.tunnel("heard.example.com:443")
            assert status == 200
            with made:
                with contextlib.suppress(ConnectionError):
                    made.sendall(sent)
                if passes and name == "allowed.example.com":
                    wait_for(lambda before=before, sent=sent: site.heard.since(before) == [sent])
                else:
                    assert is_reset(made) and not site.heard.since(before)


def test_http2_and_socks_are_judged_alike(site):
    bad, good = hello("blocked.example.com"), hello("allowed.example.com")
    before = len(site.heard.all)
    code, made = ask5(site, "heard.example.com", 443)
    with made:
        made.sendall(bad)
        assert code == 0 and is_reset(made)
    code, made = ask5(site, "heard.example.com", 443, early=good)
    with made:
        assert code == 0
        wait_for(lambda: site.heard.since(before) == [good])

    async def by_http2():
        connection = await proxy_h2.connect(site.client, PROXY, 3129, "proxy.home.arpa")
        for stream, data in ((1, good), (3, bad)):
            block = connection.encoder.encode([(":method", "CONNECT"), (":authority", "heard.example.com:443")])
            connection.writer.write(proxy_h2.frame(proxy_h2.HEADERS, proxy_h2.END_HEADERS, stream, block))
            assert await connection.read(lambda c, stream=stream: c.statuses.get(stream) == 200)
            for at in range(0, len(data), 200):
                connection.writer.write(proxy_h2.frame(proxy_h2.DATA, 0, stream, data[at : at + 200]))
        assert await connection.read(lambda c: 3 in c.ended)
        assert 1 not in connection.ended  # the others of the connection go on
        connection.close()

    before = len(site.heard.all)
    asyncio.run(by_http2())
    wait_for(lambda: site.heard.since(before) == [good])


def test_what_is_no_tls_passes_or_not_as_is_configured(site):
    greets = Heard(site.web, WEB[2], 443, b"220 ready\r\n")
    site.started.append(greets)
    status, made = site.tunnel(f"{WEB[2]}:443")
    with made:
        assert status == 200 and made.recv(100) == b"220 ready\r\n"  # whoever speaks first is not waited for
        made.sendall(b"HELO\r\n")
        wait_for(lambda: greets.since(0) == [b"HELO\r\n"])
    # What begins as TLS and is none is not let through as something else.
    status, made = site.tunnel(f"{WEB[2]}:443", b"\x15\x03\x01\x00\x02\x01\x00" + hello("blocked.example.com"))
    with made:
        assert is_reset(made)
    assert refused_of(site, "client-hello") >= 1 and greets.since(1) == []
    site.reload("  tunnels: {other: refuse}\n")
    before = len(greets.all)
    status, made = site.tunnel(f"{WEB[2]}:443")
    with made:
        assert status == 200 and made.recv(100) == b"220 ready\r\n"
        made.sendall(b"HELO\r\n")
        assert is_reset(made)
    assert len(greets.all) == before + 1 and not greets.since(before)
    wait_for(lambda: len(lines(site, "no-tls")) == 1)
    assert try_name(site, "allowed.example.com", "allowed.example.com") == (["200", "200"], 0)
    site.reload(DENIED)


def test_half_a_hello_is_not_waited_for_without_end(site):
    site.reload(DENIED + "  timeouts: {hello: 500ms}\n")
    before, count = refused_of(site, "client-hello"), len(site.heard.all)
    status, made = site.tunnel("heard.example.com:443", hello("allowed.example.com")[:50])
    with made:
        assert status == 200 and is_reset(made)
    assert not site.heard.since(count) and refused_of(site, "client-hello") == before + 1
    site.reload(DENIED)


def test_other_ports_are_not_looked_at_unless_named(site):
    bad = hello("blocked.example.com")
    elsewhere = Heard(site.web, WEB[1], 8443)
    site.started.append(elsewhere)
    more = DENIED + "  connect-ports: [443, 8443]\n"
    for ports, passes in ("[443]", True), ("[8000-9000]", False), ("[]", True):
        site.reload(more + f"  tunnels: {{tls-ports: {ports}}}\n")
        before = len(elsewhere.all)
        status, made = site.tunnel("heard.example.com:8443", bad)
        with made:
            assert status == 200
            if passes:
                wait_for(lambda before=before: elsewhere.since(before) == [bad])
            else:
                assert is_reset(made) and not elsewhere.since(before)
    site.reload(DENIED)


def test_many_octets_go_through_whole(site):
    data = os.urandom(3 << 20)
    site.origin.pages["/much"] = (200, {}, data)
    way = ["--connect-to", "other.example.com:443:allowed.example.com:443", "--insecure", "--output", f"{site.service.folder}/much"]
    curl(site, "--proxy", f"http://{PROXY}:3128", *way, "https://other.example.com/much")
    assert (site.service.folder / "much").read_bytes() == data


class Rude:
    """A server that answers at length when the first octets have come, and hangs up while more come: by a reset, as they are unread."""

    ANSWER = b"413 " + bytes(range(256)) * 800

    def __init__(self, host, address, port):
        with host.inside():
            self.socket = socket.create_server((address, port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                made, _ = self.socket.accept()
                threading.Thread(target=self.serve, args=(made,), daemon=True).start()

    def serve(self, made):
        made.settimeout(30)
        with contextlib.suppress(OSError), made:
            made.recv(10)
            made.sendall(self.ANSWER)
            # What has not left is dropped by the reset, at this end.
            wait_for(lambda: struct.unpack("i", fcntl.ioctl(made, termios.TIOCOUTQ, bytes(4)))[0] == 0)

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def test_the_last_answer_of_a_server_that_hangs_up_comes_through(site):
    rude = Rude(site.web, WEB[2], 7000)
    site.started.append(rude)
    site.reload(DENIED + "  connect-ports: [443, 7000]\n")
    try:
        for turn in range(40):
            status, made = site.tunnel(f"{WEB[2]}:7000")
            assert status == 200
            made.settimeout(30)
            heard = bytearray()
            with made, contextlib.suppress(ConnectionError):
                with contextlib.suppress(ConnectionError):
                    for _ in range(turn % 4 * 40 + 2):  # as one who sends all before he reads
                        made.sendall(bytes(20000))
                while data := made.recv(1 << 16):
                    heard += data
            assert bytes(heard) == rude.ANSWER, (turn, len(heard))
    finally:
        site.reload(DENIED)


POLICY = """global:
  state: %s
policy:
  groups: {site: {clients: {addresses: [%s]}}}
  lists: {blocked: {lines: ["||listed.example.com^"]}}
  rules:
    - {groups: [site], lists: [blocked]}
    - {groups: [site], action: safe-search, engines: [bing]}
"""


def test_the_policy_blocks_names_inside_of_tunnels():
    made = None
    try:
        made = Site("  policy: on\n  upstreams: []\n")
        made.names.zone |= {"www.bing.com": [WEB[0]], "strict.bing.com": [WEB[0]], "allowed.example.com": [WEB[0]]}
        made.serve(port=443, tls=made.tls("allowed.example.com"))
        policy = Service(made.gateway, "policy", POLICY % (made.service.folder / "state", CLIENT)).start()
        wait_for(lambda: try_name(made, "allowed.example.com", "a.listed.example.com")[0] == ["200", "000"])
        assert refused_of(made, "sni-blocked") >= 1
        wait_for(lambda: lines(made, "sni-blocked", "a.listed.example.com"))
        assert lines(made, "sni-blocked", "a.listed.example.com")[0]["detail"] == "blocked"
        for target, name, code in (
            (WEB[0], "listed.example.com", "000"),
            (WEB[0], "allowed.example.com", "200"),
            # A search engine is served where the way leads to its safe name, and not by its address.
            ("www.bing.com", "www.bing.com", "200"),
            (WEB[0], "www.bing.com", "000"),
            ("allowed.example.com", "www.bing.com", "000"),
        ):
            assert try_name(made, target, name)[0] == ["200", code], (target, name)
        wait_for(lambda: [one["detail"] for one in lines(made, "sni-blocked", "www.bing.com")] == ["safe search"] * 2)
        policy.stop()
    finally:
        if made:
            made.close()
