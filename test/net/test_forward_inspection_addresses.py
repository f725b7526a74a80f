"""TLS inspection of a server that has several addresses."""

import contextlib
import ssl

import pytest

from forward_site import WEB, WEB6, Site
from proxy_servers import wait_for
from test_forward_inspection import INSPECT, instead


@pytest.fixture(scope="module")
def site(janitor_process):
    made = None
    try:
        made = Site()
        made.more = INSPECT % made.authority.pem
        made.service.stop()
        made.service.configure(made.config + made.more)
        made.service.start()
        made.ours = made.service.folder / "ours.pem"
        made.ours.write_text(made.service.control("GET", "/authority")[1]["pem"])
        yield made
    finally:
        if made:
            made.close()


def ask(tls, host):
    tls.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    got = b""
    while not got.endswith(b"once"):
        more = tls.recv(65536)
        assert more, got
        got += more
    assert got.startswith(b"HTTP/1.1 200"), got


def test_the_log_tells_which_of_a_servers_addresses_was_gone_to(site):
    """The first one while it is there; then a further connection, inside the same tunnel, that goes to the second."""
    host, addresses = "two.example.com", (WEB6[2], WEB[2])
    context = site.tls(host)

    @contextlib.contextmanager
    def at(address):
        with instead(site, context, address, host) as made:
            site.names.zone[host] = list(addresses)
            made.pages["/"] = (200, {"Connection": "close"}, b"once")
            yield

    with at(addresses[0]):
        status, made = site.tunnel(f"{host}:443")
        assert status == 200
        tls = ssl.create_default_context(cafile=str(site.ours)).wrap_socket(made, server_hostname=host)
        tls.settimeout(30)
        ask(tls, host)
    with tls, at(addresses[1]):
        ask(tls, host)

    def lines():
        return [one for one in site.log() if one.get("host") == host and one.get("path") == "/"]

    assert [one["server"] for one in wait_for(lambda: len(lines()) == 2 and lines())] == list(addresses)
