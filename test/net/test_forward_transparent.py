"""Clients that know of no proxy: nftables leads their connections to it, and what they claim counts only if it is true."""

import contextlib
import shutil
import socket

import pytest

from forward_site import PROXY, WEB, WEB6, Site, field
from proxy_servers import wait_for

LISTEN = '{address: 10.0.0.1, transparent: yes}, {address: "fd00::1", transparent: yes}, '
RULES = """table inet taken {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    ip saddr 10.0.0.0/24 tcp dport { 80, 8080 } redirect to :3180
    ip6 saddr fd00::/64 tcp dport 80 redirect to :3180
  }
}
"""
ACCESS = """  access:
    rules:
      - {action: deny, to: [denied.example.com], reason: "not this one"}
      - {action: deny, to: [9.0.0.13]}
%s
"""


@pytest.fixture(scope="module")
def site(janitor_process):
    del janitor_process
    if not shutil.which("nft"):
        pytest.skip("there is no nft")
    made = None
    try:
        made = Site("  cache: {memory: 64M}\n", LISTEN)
        made.client.route("default", PROXY)
        made.client.ip("-6", "route", "add", "default", "via", "fd00::1")
        done = made.gateway.run("nft", "-f", "-", input=RULES)
        assert done.returncode == 0, done.stderr
        made.names.zone.update({"www.example.com": [WEB[0], WEB6[0]], "denied.example.com": [WEB[0]]})
        made.origins = {a: made.serve(a) for a in (*WEB[:2], WEB[3], WEB6[0])}
        yield made
    finally:
        if made:
            made.close()


def curl(site, url, *words):
    """(status, text) as a client gets it that has no settings of a proxy."""
    done = site.client.run("curl", "-sS", "--noproxy", "*", "--max-time", "30", "-w", "\n%{http_code}", *words, url, timeout=60)
    assert done.returncode == 0, done.stderr
    text, status = done.stdout.rsplit("\n", 1)
    return int(status), text


def at(address):
    return ["--resolve", f"*:80:{address}"]


@pytest.mark.parametrize("address", [WEB[0], WEB6[0]])
def test_a_client_without_settings_goes_by_the_proxy(site, address):
    before = len(site.origins[address].seen)
    status, _ = curl(site, f"http://www.example.com/way-{len(address)}", *at(address))
    assert status == 200 and len(site.origins[address].seen) == before + 1
    seen = site.origins[address].seen[-1]
    assert field(seen, "host") == ["www.example.com"] and field(seen, "via")
    assert seen["from"] in ("9.0.0.1", "2a00:9::1")
    wait_for(lambda: any(line["path"] == f"/way-{len(address)}" for line in site.log()))


def test_a_host_that_lies_goes_where_it_was_meant_to_and_poisons_no_cache(site):
    fresh = {"Cache-Control": "max-age=600", "Content-Type": "text/plain"}
    site.origins[WEB[0]].pages["/kept"] = (200, fresh, b"true")
    site.origins[WEB[1]].pages["/kept"] = (200, fresh, b"false")
    unproved = site.metric("transparent_unproved_total")
    for _ in range(2):
        assert curl(site, "http://www.example.com/kept", *at(WEB[1])) == (200, "false")
    assert site.metric("transparent_unproved_total") == unproved + 2
    assert [field(seen, "host") for seen in site.origins[WEB[1]].seen[-2:]] == [["www.example.com"]] * 2
    for _ in range(2):
        assert curl(site, "http://www.example.com/kept", *at(WEB[0])) == (200, "true")
    assert sum(seen["target"] == "/kept" for seen in site.origins[WEB[0]].seen) == 1
    assert site.ask("http://www.example.com/kept")[2] == "true"  # and of a client that knows of it
    assert curl(site, "http://www.example.com/kept", *at(WEB[1])) == (200, "false")
    wait_for(lambda: [line["host"] for line in site.log() if line["path"] == "/kept"].count(WEB[1]) == 3)


def test_rules_hold_for_the_claim_and_for_the_address(site):
    site.reload(ACCESS % "    otherwise: allow" + "  cache: {memory: 64M}\n")
    for address in (WEB[0], WEB[1]):  # true, and a lie
        status, text = curl(site, "http://denied.example.com/", *at(address))
        assert status == 403 and "not this one" in text
    assert curl(site, "http://www.example.com/", *at(WEB[3]))[0] == 403
    site.reload("  access:\n    rules: [{action: allow, to: [www.example.com]}]\n    otherwise: deny\n  cache: {memory: 64M}\n")
    assert curl(site, "http://www.example.com/new", *at(WEB[0]))[0] == 200
    assert curl(site, "http://www.example.com/new", *at(WEB[1]))[0] == 403  # a lie opens nothing
    site.reload("  cache: {memory: 64M}\n")


def raw(site, sent, to):
    with site.client.inside():
        made = socket.create_connection(to, 30)
    with made:
        made.sendall(sent)
        with contextlib.suppress(OSError):  # it was reset already, which reading tells
            made.shutdown(socket.SHUT_WR)
        data = b""
        while more := made.recv(1 << 16):
            data += more
    return data


def test_what_is_no_request_for_a_web_server(site):
    here = (WEB[0], 80)
    assert b" 200 " in raw(site, b"GET /old HTTP/1.0\r\n\r\n", here)
    assert field(site.origins[WEB[0]].seen[-1], "host") == [WEB[0]]
    assert b" 200 " in raw(site, b"GET http://www.example.com/abs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", here)
    assert site.origins[WEB[0]].seen[-1]["target"] == "/abs"
    for bad in (b"CONNECT www.example.com:443 HTTP/1.1\r\nHost: www.example.com:443\r\n\r\n", b"GET / HTTP/1.1\r\nHost: 0x7f.1\r\n\r\n"):
        assert raw(site, bad, here).startswith(b"HTTP/1.1 400 ")


def test_no_way_leads_inside_nor_to_ourselves(site):
    unproved = site.metric("transparent_unproved_total")
    assert curl(site, "http://www.example.com/", *at(PROXY))[0] == 403  # led here, meant for us
    assert curl(site, "http://www.example.com/", *at("10.99.0.1"))[0] == 403
    assert site.metric("transparent_unproved_total") == unproved + 2
    assert curl(site, "http://127.0.0.1/", "--connect-to", f"::{WEB[0]}:80")[0] == 403
    with pytest.raises(ConnectionError):  # nobody led it here
        raw(site, b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n", (PROXY, 3180))


def test_nobody_is_asked_for_a_password(site):
    site.reload("  access: {users: {ann: \"$6$rounds=5000$saltsalt$gzY3OAolfMFSB9Ld7iMdOQlViFqO3IOPeU0zkHsD.58tcMxRAFD0Qjfi2sjus3i.8aqWarEvFPREqzp18Jm291\"}, otherwise: sign-in}\n  cache: {memory: 64M}\n")
    status, text = curl(site, "http://www.example.com/", *at(WEB[0]), "-H", "Proxy-Authorization: Basic YW5uOnJpZ2h0")
    assert status == 403 and "rules" in text
    site.reload("  cache: {memory: 64M}\n")
