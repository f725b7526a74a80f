"""TLS of clients that know of no proxy: nftables leads it to the proxy, which judges the name in the ClientHello, or the address where there is none,
and passes it on as it came. Servers' octets are counted, to see that they got nothing of what is refused."""

import contextlib
import shutil
import socket
import ssl
import struct

import pytest

from forward_site import PROXY, WEB, WEB6, Site
from proxy_servers import wait_for
from test_forward_tunnels import Heard

LISTEN = '{address: 10.0.0.1, transparent-tls: yes}, {address: "fd00::1", transparent-tls: yes}, '
RULES = """table inet taken {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    ip saddr 10.0.0.0/24 tcp dport { 443, 8443, 9443 } redirect to :3181
    ip6 saddr fd00::/64 tcp dport 443 redirect to :3181
  }
}
"""
MORE = '  connect-ports: [443, 8443]\n  timeouts: {head: 2s}\n'
ACCESS = MORE + """  access:
    rules:
      - {action: deny, to: [denied.example.com]}
      - {action: deny, to: [9.0.0.13]}
%s"""
DENIED, DECODE, INTERNAL, UNRECOGNIZED = 49, 50, 80, 112


@pytest.fixture(scope="module")
def site(janitor_process):
    del janitor_process
    if not shutil.which("nft"):
        pytest.skip("there is no nft")
    made = None
    try:
        made = Site(MORE, LISTEN)
        made.client.route("default", PROXY)
        made.client.ip("-6", "route", "add", "default", "via", "fd00::1")
        done = made.gateway.run("nft", "-f", "-", input=RULES)
        assert done.returncode == 0, done.stderr
        made.names.zone.update({"www.example.com": [WEB[0], WEB6[0]], "denied.example.com": [WEB[0]], "gone.example.com": [WEB[2]]})
        context = made.tls("*.example.com")
        made.origins = {a: made.serve(a, 443, context) for a in (WEB[0], WEB[1], WEB[3], WEB6[0])}
        made.heard = Heard(made.web, WEB[4], 443)
        made.started.append(made.heard)
        yield made
    finally:
        if made:
            made.close()


def curl(site, url, *words):
    return site.client.run("curl", "-sS", "--noproxy", "*", "--max-time", "30", "--cacert", site.authority.pem, *words, url, timeout=60)


def at(address):
    return ["--resolve", f"*:443:{address}"]


def connect(site, to):
    with site.client.inside():
        return socket.create_connection(to, 30)


def raw(site, sent, to=(WEB[4], 443)):
    with connect(site, to) as made:
        made.sendall(sent)
        data = b""
        with contextlib.suppress(ConnectionError):
            while more := made.recv(1 << 16):
                data += more
    return data


def hello(name, version=ssl.TLSVersion.TLSv1_3):
    """The octets of a ClientHello."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode, context.minimum_version = False, ssl.CERT_NONE, version
    out = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name).do_handshake()
    return out.read()


def alert(kind):
    return struct.pack("!BHHBB", 21, 0x0303, 2, 2, kind)


def lines(site, since, **wanted):
    return [line for line in site.log()[since:] if all(line.get(key) == value for key, value in wanted.items())]


def logged(site, since, times=1, **wanted):
    with contextlib.suppress(AssertionError):
        wait_for(lambda: len(lines(site, since, **wanted)) >= times)
    found = lines(site, since, **wanted)
    assert len(found) == times, site.log()[since:]
    return found[0]


@pytest.mark.parametrize("address", [WEB[0], WEB6[0]])
def test_a_client_without_settings_goes_by_the_proxy(site, address):
    before, passed, since = len(site.origins[address].seen), site.metric("transparent_tls_total"), len(site.log())
    done = curl(site, f"https://www.example.com/way-{len(address)}", *at(address))
    assert done.returncode == 0, done.stderr
    seen = site.origins[address].seen[before:]
    assert [one["target"] for one in seen] == [f"/way-{len(address)}"] and seen[0]["from"] in ("9.0.0.1", "2a00:9::1")
    assert site.metric("transparent_tls_total") == passed + 1
    line = logged(site, since, host="www.example.com:443", method="TLS")
    assert (line["version"], line["status"], line["tunnel_sni"], line["server"]) == ("TLS", 200, "www.example.com", address)
    assert line["response_bytes"] > 500 and line["request_bytes"] > 300


def test_a_refused_name_is_told_by_an_alert_and_the_server_hears_nothing(site):
    site.reload(ACCESS % "    otherwise: allow\n")
    since, heard = len(site.log()), len(site.heard.all)
    done = curl(site, "https://denied.example.com/", *at(WEB[4]))
    assert done.returncode == 35 and "unrecognized name" in done.stderr, done.stderr
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        assert raw(site, hello("denied.example.com", version)) == alert(UNRECOGNIZED)
    assert site.heard.all[heard:] == []
    logged(site, since, 3, host="denied.example.com:443", method="TLS", cause="rule", status=403, tunnel_sni="denied.example.com")
    assert raw(site, hello("www.example.com"), (WEB[3], 443)) == alert(UNRECOGNIZED)  # the address is refused
    site.reload(MORE)


def test_a_name_that_lies_opens_nothing(site):
    site.reload(MORE + "  access:\n    rules: [{action: allow, to: [www.example.com]}]\n    otherwise: deny\n")
    unproved = site.metric("transparent_unproved_total")
    assert curl(site, "https://www.example.com/", *at(WEB[0])).returncode == 0
    assert site.metric("transparent_unproved_total") == unproved
    assert curl(site, "https://www.example.com/", *at(WEB[1])).returncode == 35
    assert site.metric("transparent_unproved_total") == unproved + 1
    since = len(site.log())
    site.reload(MORE)
    assert curl(site, "https://www.example.com/", *at(WEB[1])).returncode == 0  # to where it was meant
    line = logged(site, since, host=f"{WEB[1]}:443", status=200)
    assert (line["method"], line["tunnel_sni"], line["server"]) == ("TLS", "www.example.com", WEB[1])


def test_who_asks_for_no_name_is_judged_by_the_address(site):
    since = len(site.log())
    done = curl(site, f"https://{WEB[0]}/nameless", "-k")
    assert done.returncode == 0, done.stderr
    assert "tunnel_sni" not in logged(site, since, host=f"{WEB[0]}:443", status=200)
    site.reload(ACCESS % "")
    assert curl(site, f"https://{WEB[3]}/", "-k").returncode == 35
    assert raw(site, hello(None), (WEB[3], 443)) == alert(DENIED)
    site.reload(MORE)


def test_what_is_no_tls_is_refused_and_counted(site):
    count, heard = site.metric('refused_total{why="no-tls"}'), len(site.heard.all)
    assert raw(site, b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n") == b""
    assert raw(site, b"SSH-2.0-x\r\n") == b""
    assert site.metric('refused_total{why="no-tls"}') == count + 2
    torn = hello("www.example.com")
    torn = torn[:9] + b"\xff\xff" + torn[11:]
    assert raw(site, torn[:5] + b"\x02" + torn[6:]) == alert(DECODE)
    assert site.metric('refused_total{why="client-hello"}') == 1
    assert raw(site, b"") == b""  # who says nothing
    late = site.metric('ended_total{cause="client-head-time"}')
    assert raw(site, hello("www.example.com")[:40]) == b""  # nor comes to an end
    assert site.metric('ended_total{cause="client-head-time"}') == late + 1
    assert site.heard.all[heard:] == []


def test_a_greeting_in_pieces_passes_as_it_came(site):
    sent, heard = hello("www.example.com") + b"and more", len(site.heard.all)
    with connect(site, (WEB[4], 443)) as made:
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in sent:
            made.sendall(bytes([octet]))
        wait_for(lambda: site.heard.since(heard) == [sent])


def test_no_way_leads_inside_nor_to_ourselves_nor_to_other_ports(site):
    greeting = hello("www.example.com")
    assert raw(site, greeting, (PROXY, 443)) == alert(UNRECOGNIZED)  # led here, meant for us
    assert raw(site, greeting, ("10.99.0.1", 443)) == alert(UNRECOGNIZED)
    assert raw(site, greeting, (WEB[4], 9443)) == alert(UNRECOGNIZED)
    with pytest.raises(ConnectionError), connect(site, (PROXY, 3181)) as made:  # nobody led it here
        made.sendall(greeting)
        made.recv(1)
        pytest.fail("it was not reset")
    assert raw(site, greeting, (WEB[2], 443)) == alert(INTERNAL)  # nobody listens there


def test_where_a_rule_wants_a_password_nobody_is_let_go(site):
    site.reload(MORE + "  access: {users: {ann: \"$6$rounds=5000$saltsalt$gzY3OAolfMFSB9Ld7iMdOQlViFqO3IOPeU0zkHsD.58tcMxRAFD0Qjfi2sjus3i.8aqWarEvFPREqzp18Jm291\"}, otherwise: sign-in}\n")
    assert raw(site, hello("www.example.com"), (WEB[0], 443)) == alert(UNRECOGNIZED)
    site.reload(MORE)


def test_bandwidth_holds(site):
    site.origins[WEB[0]].pages["/large"] = (200, {}, bytes(400_000))
    site.reload(MORE + "  bandwidth: [{down: 100K}]\n")
    done = curl(site, "https://www.example.com/large", *at(WEB[0]), "-o", "/dev/null", "-w", "%{time_total}")
    assert done.returncode == 0 and float(done.stdout) > 1.5, done
    site.reload(MORE)
