"""Sessions of TLS at several gateways: who shares a store resumes the others' sessions."""

import base64
import os
import socket
import ssl

import pytest

import topology
from proxy_pki import Authority
from proxy_servers import wait_for
from service import Service

NAME = "www.home.arpa"


class Site:
    def __init__(self, net, server):
        self.host = net.host("proxy")
        self.server = server
        self.url = self.server.empty()
        self.authority = Authority(f"/tmp/{self.host.space}-pki")
        self.certificate = self.authority.issue(NAME)
        self.key = base64.b64encode(os.urandom(32)).decode()
        self.gateways = 0

    def gateway(self, url=None, key=None):
        self.gateways += 1
        port = 8440 + self.gateways
        store = f"  store: \"{url or self.url}\"\n  store-key: {key or self.key}\n"
        made = Service(
            self.host,
            "reverse-proxy",
            f"global:\n  log: {{level: info}}\nreverse-proxy:\n  listen: {{address: 127.0.0.1:{port}, tls: yes}}\n  workers: 1\n{store}"
            f"  certificates: {{{self.certificate.conf}}}\n  routes: {{answer: {{status: 200, body: hello}}}}\n",
        )
        made.port = port
        return made.start()

    def ask(self, gateway, session=None, version=ssl.TLSVersion.TLSv1_3):
        """(whether the session was resumed, one for the next time)."""
        context = ssl.create_default_context(cafile=self.authority.pem)
        if session:
            context = session[0]
        context.maximum_version = version
        with self.host.inside():
            plain = socket.create_connection(("127.0.0.1", gateway.port), 20)
        with context.wrap_socket(plain, server_hostname=NAME, session=session and session[1]) as made:
            made.sendall(b"GET / HTTP/1.0\r\nHost: www.home.arpa\r\n\r\n")
            text = b""
            while more := made.recv(4096):
                text += more
            assert text.endswith(b"hello")
            return made.session_reused, (context, made.session)


@pytest.fixture(scope="module")
def site(janitor_process, postgres):
    net = topology.Net()
    try:
        yield Site(net, postgres)
    finally:
        assert not net.close()


def shares(site, one, other, version=ssl.TLSVersion.TLSv1_3):
    session = site.ask(one, version=version)[1]
    return site.ask(other, session, version)[0]


def test_gateways_resume_each_others_sessions(site):
    one, other = site.gateway(), site.gateway()
    wait_for(lambda: shares(site, one, other))
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        assert shares(site, one, other, version) and shares(site, other, one, version)
    late = site.gateway()
    wait_for(lambda: shares(site, one, late))
    text = other.control("GET", "/metrics")[1]
    numbers = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert int(numbers["gatehouse_reverse_proxy_handshakes_resumed_total"]) >= 2
    assert int(numbers["gatehouse_reverse_proxy_tickets_opened_total"]) >= 2


def test_a_gateway_with_another_key_goes_by_its_own(site):
    one, stranger = site.gateway(), site.gateway(key=base64.b64encode(os.urandom(32)).decode())
    wait_for(lambda: "cannot be read" in stranger.log())
    assert not shares(site, one, stranger)
    assert shares(site, stranger, stranger)


def test_sessions_go_on_while_the_store_is_away(site):
    one, other = site.gateway(), site.gateway()
    wait_for(lambda: shares(site, one, other))
    site.server.kill()
    assert shares(site, one, other) and shares(site, one, one)
    alone = site.gateway()
    assert shares(site, alone, alone) and not shares(site, one, alone)
    site.server.start()
    wait_for(lambda: shares(site, one, alone), timeout=40)
