"""Connections that nftables hands to the proxy as they are (TPROXY): nothing is translated and nothing tracked, the socket has the address that each
was meant for. IPv4 and IPv6, HTTP and TLS."""

import shutil
import socket

import pytest

from forward_site import PROXY, WEB, WEB6, Site
from proxy_servers import wait_for
from test_forward_transparent_tls import UNRECOGNIZED, alert, hello

LISTEN = (
    '{address: [10.0.0.1, "fd00::1"], transparent: yes, tproxy: yes}, '
    '{address: ["0.0.0.0", "::"], transparent-tls: yes, tproxy: yes}, '
)
# Nothing tracks: what was meant for whom is known by the sockets alone.
RULES = """table inet taken {
  chain raw {
    type filter hook prerouting priority raw;
    notrack
  }
  chain prerouting {
    type filter hook prerouting priority mangle;
    iifname != "%(inside)s" accept
    tcp dport 80 meta nfproto ipv4 tproxy ip to 10.0.0.1:3180 meta mark set 1 accept
    tcp dport 80 meta nfproto ipv6 tproxy ip6 to [fd00::1]:3180 meta mark set 1 accept
    tcp dport 443 meta nfproto ipv4 tproxy ip to :3181 meta mark set 1 accept
    tcp dport 443 meta nfproto ipv6 tproxy ip6 to :3181 meta mark set 1 accept
  }
}
"""


@pytest.fixture(scope="module")
def site(janitor_process):
    del janitor_process
    if not shutil.which("nft"):
        pytest.skip("there is no nft")
    made = None
    try:
        made = Site("", LISTEN)
        made.client.route("default", PROXY)
        made.client.ip("-6", "route", "add", "default", "via", "fd00::1")
        inside = next(word.split("@")[0].rstrip(":") for word in made.gateway.ip("-o", "route", "get", "10.0.0.10").split() if word not in ("10.0.0.10", "dev"))
        for family, everywhere in (("-4", "0.0.0.0/0"), ("-6", "::/0")):
            made.gateway.ip(family, "rule", "add", "fwmark", "1", "lookup", "100")
            made.gateway.ip(family, "route", "add", "local", everywhere, "dev", "lo", "table", "100")
        done = made.gateway.run("nft", "-f", "-", input=RULES % {"inside": inside})
        if done.returncode and "tproxy" in done.stderr and "supported" in done.stderr.lower():
            pytest.skip("this kernel has no TPROXY: " + done.stderr.strip())
        assert done.returncode == 0, done.stderr
        made.names.zone.update({"www.example.com": [WEB[0], WEB6[0]], "other.example.com": [WEB[1]]})
        context = made.tls("*.example.com")
        made.plain = {a: made.serve(a) for a in (WEB[0], WEB[1], WEB6[0])}
        made.secure = {a: made.serve(a, 443, context) for a in (WEB[0], WEB[1], WEB6[0])}
        yield made
    finally:
        if made:
            made.close()


def curl(site, url, address, *words):
    where = ["--resolve", f"*:80:{address}", "--resolve", f"*:443:{address}"]
    return site.client.run("curl", "-sS", "--fail", "--noproxy", "*", "--max-time", "30", "--cacert", site.authority.pem, *where, *words, url, timeout=60)


@pytest.mark.parametrize("address", [WEB[0], WEB6[0]])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_client_without_settings_goes_by_the_proxy(site, scheme, address):
    server = (site.plain if scheme == "http" else site.secure)[address]
    before, path = len(server.seen), f"/{scheme}-{len(address)}"
    done = curl(site, f"{scheme}://www.example.com{path}", address)
    assert done.returncode == 0, done.stderr
    assert [(one["target"], one["from"]) for one in server.seen[before:]] == [(path, "9.0.0.1" if "." in address else "2a00:9::1")]
    method = "GET" if scheme == "http" else "TLS"
    wait_for(lambda: [line for line in site.log() if line["method"] == method and line.get("server") == address and line["status"] == 200])
    assert site.gateway.run("cat", "/proc/net/nf_conntrack").stdout == ""


def test_a_claim_counts_only_if_it_is_true(site):
    unproved = site.metric("transparent_unproved_total")
    for scheme in ("http", "https"):
        assert curl(site, f"{scheme}://www.example.com/", WEB[1]).returncode == 0
    assert site.metric("transparent_unproved_total") == unproved + 2


def reset(site, to, sent):
    try:
        with site.client.inside():
            made = socket.create_connection(to, 30)
        with made:
            made.sendall(sent)
            return made.recv(100)
    except ConnectionError:
        return "reset"


def test_what_was_meant_for_the_proxy_is_refused(site):
    for port in (3180, 3181):
        assert reset(site, (PROXY, port), b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n") == "reset"
    assert reset(site, (PROXY, 443), hello("www.example.com")) == alert(UNRECOGNIZED)
    done = curl(site, "http://www.example.com/", PROXY)
    assert done.returncode == 22 and "403" in done.stderr


def test_a_redirect_leads_there_too(site):
    done = site.gateway.run("nft", "-f", "-", input="flush ruleset\n" + """table inet taken {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    ip saddr 10.0.0.0/24 tcp dport 80 redirect to :3180
    ip saddr 10.0.0.0/24 tcp dport 443 redirect to :3181
  }
}
""")
    assert done.returncode == 0, done.stderr
    for scheme in ("http", "https"):
        assert curl(site, f"{scheme}://www.example.com/", WEB[0]).returncode == 0
