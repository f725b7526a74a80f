"""TLS inspection of what goes out by proxies of others: by HTTP, by HTTP over TLS and by SOCKS 5, each another one of ours, and by Squid. The server
behind them proves itself as any other does; that it is led to by somebody else opens nothing."""

import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
from pathlib import Path

import pytest

from forward_site import NAMES, PROXY, WEB, Site
from proxy_servers import wait_for
from service import Service
from test_forward_inspection import ISSUER, context_of, curl, issuer, self_signed, shown
from test_forward_parents_real import SQUID_CONF, Other, hashed

PARENT, BAD, SQUID, SECOND = WEB[3], WEB[4], WEB[1], WEB[2]
# Whom a server sees: all that leads there is in one host.
LED, US = WEB[0], "9.0.0.1"

# A rule of the first parent's that comes and goes.
PARENT_CONF = """forward-proxy:
  name: %s
  listen: [{address: "%s:3128"}, {address: "%s:3129", tls: yes}, {address: "%s:1080", socks: v5}]
  certificates: [{%s}]
  clients: [9.0.0.0/24]
  resolver: %s
  allow-inside: [9.0.0.10/32, 9.0.0.14/32]
  connect-ports: [443]
  workers: 1
  access-log: {format: json}
  access: {users: {joe: "%s"}, clear-passwords: yes, rules: [{action: deny, to: ["*.no.example", %s]}], otherwise: sign-in}
"""

UPSTREAMS = f"""  upstreams:
    - {{to: ["*.http.example", "*.no.example"], http: "{PARENT}:3128", user: joe, password: secret}}
    - {{to: "*.https.example", https: parent.home.example, ca: %(ca)s, user: joe, password: secret}}
    - {{to: "*.socks.example", socks: "{PARENT}:1080", user: joe, password: secret}}
    - {{to: "*.squid.example", http: "{SQUID}:3128", user: joe, password: secret}}
    - {{to: "*.over.example", http: ["{SECOND}:9", "{PARENT}:3128"], user: joe, password: secret}}
    - {{to: "*.turn.example", http: ["{SECOND}:3128", "{PARENT}:3128"], order: rotate, user: joe, password: secret}}
    - {{to: "*.fall.example", http: "{SECOND}:9", otherwise: direct}}
    - {{to: "*.dead.example", socks: "{SECOND}:9"}}
  inspection: {{from: [10.0.0.10/32], authorities: %(ca)s}}
"""

KINDS = ("http", "https", "socks")
GOOD = [f"{host}.{kind}.example" for kind in (*KINDS, "squid", "over", "turn", "fall", "dead", "no") for host in ("a", "b", "c")] + ["www.example.com"]


def parent(site, name, at, deny="none.example"):
    return PARENT_CONF % (name, at, at, at, site.parent_certificate.conf, NAMES, site.record, deny)


@pytest.fixture(scope="module")
def site(janitor_process):
    made = None
    try:
        made = Site()
        made.record = subprocess.run(["openssl", "passwd", "-6", "secret"], capture_output=True, text=True, check=True).stdout.strip()
        made.parent_certificate = made.authority.issue("parent.home.example")
        made.names.zone |= {name: [WEB[0]] for name in GOOD} | {"parent.home.example": [PARENT]}
        made.more = UPSTREAMS % {"ca": made.authority.pem}
        made.service.stop()
        made.service.configure(made.config + made.more)
        made.service.start()
        made.ours = made.service.folder / "ours.pem"
        made.ours.write_text(made.service.control("GET", "/authority")[1]["pem"])
        made.origin = made.serve(port=443, tls=made.tls(*GOOD))
        made.parent = Service(made.web, "forward-proxy", parent(made, "parent", PARENT)).start()
        made.second = Service(made.web, "forward-proxy", parent(made, "second", SECOND)).start()
        yield made
    finally:
        if made:
            made.close()


def led(service, host):
    """How often that one was asked to go on to that host."""
    path = service.folder / "state/forward-proxy/access.log"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return len([line for line in lines if line["host"] == f"{host}" or line["host"] == f"{host}:443"])


def tunnels(service):
    """How many it has opened."""
    _, text = service.control("GET", "/metrics")
    return int(next(line for line in text.splitlines() if line.startswith("gatehouse_forward_proxy_tunnels_total ")).split()[-1])


def health(site, text):
    _, told = site.service.control("GET", "/upstreams")
    return [server for entry in told["upstreams"] for server in entry["servers"] if text in json.dumps(server)]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_led_there_is_inspected(site, kind):
    host = f"a.{kind}.example"
    seen, before, opened = len(site.origin.seen), site.metric("inspected_total"), tunnels(site.parent)
    assert issuer(shown(site, host)) == f"CN={ISSUER}"
    for version in ("--http1.1", "--http2"):
        body, (status, _, verified, connect), _ = curl(site, f"https://{host}/a", version)
        assert (status, verified, connect) == ("200", "0", "200")
        told = json.loads(body)
        assert told["target"] == "/a" and told["from"] == LED
        assert not [name for name, _ in told["fields"] if name.startswith("proxy-")]
    assert len(site.origin.seen) == seen + 2 and site.metric("inspected_total") == before + 3
    assert tunnels(site.parent) == opened + 3
    wait_for(lambda: [one for one in site.log() if one["host"] == host and one.get("path") == "/a" and one.get("inspected") and one.get("upstream")])
    assert all(one["errors"] == 0 and one["state"] == "up" for one in health(site, PARENT))


@pytest.mark.parametrize("kind", KINDS)
def test_more_connections_are_led_there_too(site, kind):
    """Requests at once inside one tunnel: an origin of HTTP/1.1 needs a connection for each."""
    host = f"b.{kind}.example"
    barrier = {"n": 0}

    def slow():
        barrier["n"] += 1
        wait_for(lambda: barrier["n"] >= 4, 20)
        return b"slow"

    site.origin.pages["/slow"] = (200, {}, slow)
    urls = [word for _ in range(4) for word in ("--output", "/dev/null", f"https://{host}/slow")]
    done = site.client.run("curl", "-sS", "--parallel", "--parallel-max", "4", "--http2", "--max-time", "30", "--cacert", str(site.ours), "--proxy",
                           f"http://{PROXY}:3128", "--write-out", "%{http_code} %{http_version}\n", *urls, timeout=60)  # fmt: skip
    assert done.stdout.split() == ["200", "2"] * 4, done
    assert len({one["connection"] for one in site.origin.seen if one["target"] == "/slow"}) >= 4
    assert {one["from"] for one in site.origin.seen if one["target"] == "/slow"} == {LED}
    site.origin.seen[:] = [one for one in site.origin.seen if one["target"] != "/slow"]


@contextlib.contextmanager
def behind(site, context, *names):
    for name in names:
        site.names.zone[name] = [BAD]
    made = site.serve(BAD, 443, context)
    try:
        yield made
    finally:
        made.stop()
        site.started.remove(made)


@pytest.mark.parametrize("kind", KINDS)
def test_no_server_behind_it_is_stood_in_for_that_is_not_good(site, kind):
    bad = {
        f"expired.{kind}.example": (lambda n: context_of(site.authority.issue(n, days=-1)), "certificate has expired"),
        f"wrong.{kind}.example": (lambda _: context_of(site.authority.issue("other.example.net")), "hostname mismatch"),
        f"self.{kind}.example": (lambda n: self_signed(site, n), "certificate"),
    }
    for host, (make, words) in bad.items():
        before = site.metric("inspect_bad_total")
        with behind(site, make(host), host) as server:
            for version in ("--http1.1", "--http2"):
                body, (status, *_), _ = curl(site, f"https://{host}/secret", version, "--header", "Cookie: a=b")
                assert status == "502" and words in body.replace("&#39;", "'"), (host, body)
            assert not server.seen
        assert site.metric("inspect_bad_total") == before + 2
    # Whoever led there did well.
    assert all(one["errors"] == 0 and one["state"] == "up" for one in health(site, PARENT))


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_turns_bad_is_not_gone_to_again(site, kind):
    """A tunnel that was good; the next connection that its requests need is checked as the first, and whoever led there is not to blame."""
    host = f"turns.{kind}.example"
    with behind(site, context_of(site.authority.issue(host)), host) as server:
        server.pages["/"] = (200, {"Connection": "close"}, b"once")
        status, made = site.tunnel(f"{host}:443")
        assert status == 200
        with ssl.create_default_context(cafile=str(site.ours)).wrap_socket(made, server_hostname=host) as tls:
            tls.settimeout(30)
            ask = f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
            read = tls.makefile("rb")

            def answer():
                tls.sendall(ask)
                status, length = int(read.readline().split()[1]), 0
                while (line := read.readline()) != b"\r\n":
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                return status, read.read(length)

            assert answer() == (200, b"once")
            assert answer() == (200, b"once")
            server.tls = self_signed(site, host)
            seen = len(server.seen)
            status, body = answer()
            assert status == 502 and b"once" not in body and len(server.seen) == seen
            server.tls = context_of(site.authority.issue(host))
            assert answer() == (200, b"once")
    assert all(one["errors"] == 0 and one["state"] == "up" for one in health(site, PARENT))


def test_a_server_of_http_2_behind_it(site, tmp_path):
    nginx = shutil.which("nginx")
    if not nginx:
        pytest.skip("nginx is not installed")
    hosts = [f"two.{kind}.example" for kind in KINDS]
    issued = site.authority.issue(*hosts)
    for host in hosts:
        site.names.zone[host] = [BAD]
    conf = tmp_path / "nginx.conf"
    conf.write_text(
        f"daemon off; master_process off; pid {tmp_path}/pid; error_log {tmp_path}/error;\n"
        f"events {{}}\nhttp {{ access_log off; client_body_temp_path {tmp_path}/b; proxy_temp_path {tmp_path}/p; fastcgi_temp_path {tmp_path}/f;\n"
        f"uwsgi_temp_path {tmp_path}/u; scgi_temp_path {tmp_path}/s; http2_max_concurrent_streams 2; keepalive_requests 3;\n"
        f"server {{ listen {BAD}:443 ssl http2; ssl_certificate {issued.chain}; ssl_certificate_key {issued.key};\n"
        'location / { return 200 "$server_protocol $connection"; } } }\n'
    )
    process = site.web.popen(nginx, "-c", str(conf), "-e", str(tmp_path / "error"))
    try:

        def there():
            with site.web.inside(), contextlib.suppress(OSError):
                socket.create_connection((BAD, 443), 1).close()
                return True
            return False

        wait_for(there, 30)
        for host in hosts:
            # Each of its connections is good for three requests: others are led there meanwhile.
            urls = [f"https://{host}/{n}" for n in range(12)]
            done = site.client.run("curl", "-sS", "--http2", "--max-time", "30", "--cacert", str(site.ours), "--proxy", f"http://{PROXY}:3128",
                                   "--write-out", "\n", *urls, timeout=60)  # fmt: skip
            told = done.stdout.split("\n")[:12]
            assert [one.split()[0] for one in told] == ["HTTP/2.0"] * 12, done
            assert 4 <= len({one.split()[1] for one in told}) <= 6, told
    finally:
        process.terminate()
        process.wait(20)


def test_a_server_that_asks_for_certificates_is_left_to_its_client(site):
    for kind in KINDS:
        host = f"asks.{kind}.example"
        mine, context = site.authority.issue(client="ann"), site.tls(host)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(site.authority.pem)
        with behind(site, context, host) as server:
            body, (status, *_), _ = curl(site, f"https://{host}/", "--cert", str(mine.chain), "--key", str(mine.key), trust=site.authority.pem)
            assert status == "200" and json.loads(body)["from"] == LED and len(server.seen) == 1


def test_what_it_refuses_is_refused(site):
    seen = len(site.origin.seen)
    _, (_, _, _, connect), code = curl(site, "https://a.no.example/", check=False)
    assert connect == "403" and code == 56
    _, (_, _, _, connect), code = curl(site, "https://a.dead.example/", check=False)
    assert connect == "502" and code == 56
    assert len(site.origin.seen) == seen


@pytest.mark.parametrize("kind", ("http", "socks"))
def test_what_it_refuses_later_is_refused_inside(site, kind):
    host = f"later.{kind}.example"
    with behind(site, context_of(site.authority.issue(host)), host) as server:
        server.pages["/"] = (200, {"Connection": "close"}, b"once")
        status, tunnel = site.tunnel(f"{host}:443")
        assert status == 200
        with ssl.create_default_context(cafile=str(site.ours)).wrap_socket(tunnel, server_hostname=host) as tls:
            tls.settimeout(30)
            ask = f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()

            def status_of():
                tls.sendall(ask)
                got = b""
                while b"\r\n\r\n" not in got:
                    got += tls.recv(1)
                head, _, _ = got.partition(b"\r\n\r\n")
                length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
                while length:
                    length -= len(tls.recv(length))
                return int(head.split()[1])

            assert status_of() == 200
            site.parent.reload(parent(site, "parent", PARENT, deny=host))
            try:
                assert status_of() in (403, 502)
                assert len(server.seen) == 1
            finally:
                site.parent.reload(parent(site, "parent", PARENT))
            assert status_of() == 200


def test_the_next_one_leads_there_when_the_first_is_down(site):
    before = tunnels(site.parent)
    body, (status, *_), _ = curl(site, "https://a.over.example/")
    assert status == "200" and json.loads(body)["from"] == LED
    assert tunnels(site.parent) == before + 1
    assert [one["state"] for one in health(site, f"{SECOND}:9")] != ["up"]


def test_requests_inside_go_by_the_next_one_when_theirs_is_gone(site):
    host = "b.turn.example"
    site.origin.pages["/bye"] = (200, {"Connection": "close"}, b"bye")
    # In turn: one of the two tunnels is by the second.
    both = []
    for _ in range(2):
        status, made = site.tunnel(f"{host}:443")
        assert status == 200
        tls = ssl.create_default_context(cafile=str(site.ours)).wrap_socket(made, server_hostname=host)
        tls.settimeout(30)
        both.append(tls)

    def ask_alone(tls):
        seen = len(site.origin.seen)
        tls.sendall(f"GET /bye HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        got = b""
        while not got.endswith(b"bye"):
            more = tls.recv(65536)
            assert more, got
            got += more
        assert got.startswith(b"HTTP/1.1 200"), got
        return site.origin.seen[seen]["from"]

    def ask(tls):
        """By which of the two a connection was opened for it."""
        before = tunnels(site.second), tunnels(site.parent)
        assert ask_alone(tls) == LED
        return tunnels(site.second) - before[0], tunnels(site.parent) - before[1]

    # The tunnel's own connection is the first one's; then as long as it is there, each goes by its own.
    assert [ask(tls) for tls in both] == [(0, 0)] * 2
    for _ in range(3):
        assert {ask(tls) for tls in both} == {(1, 0), (0, 1)}
    site.second.stop()
    try:
        for _ in range(3):
            before = tunnels(site.parent)
            assert [ask_alone(tls) for tls in both] == [LED] * 2
            assert tunnels(site.parent) == before + 2
    finally:
        site.second.start()
    for tls in both:
        tls.close()


def test_where_nobody_leads_it_is_gone_to_directly_if_so_said(site):
    assert issuer(shown(site, "a.fall.example")) == f"CN={ISSUER}"
    body, (status, *_), _ = curl(site, "https://a.fall.example/")
    assert status == "200" and json.loads(body)["from"] == US


@pytest.mark.parametrize("kind", KINDS)
def test_another_name_inside_is_led_where_the_tunnel_leads(site, kind):
    """The tunnel's own place is asked of whoever leads, for all connections that its requests need."""
    place, name = f"place.{kind}.example", f"name.{kind}.test"
    site.names.zone[name] = [WEB[0]]
    with behind(site, context_of(site.authority.issue(name)), place) as server:
        server.pages["/"] = (200, {"Connection": "close"}, b"once")
        status, made = site.tunnel(f"{place}:443")
        assert status == 200
        with ssl.create_default_context(cafile=str(site.ours)).wrap_socket(made, server_hostname=name) as tls:
            tls.settimeout(30)
            for n in range(3):
                tls.sendall(f"GET / HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
                got = b""
                while not got.endswith(b"once"):
                    more = tls.recv(65536)
                    assert more, got
                    got += more
                assert got.startswith(b"HTTP/1.1 200") and len(server.seen) == n + 1
                assert server.seen[-1]["from"] == LED
    wait_for(lambda: led(site.parent, place) >= 2)
    assert led(site.parent, name) == 0


def test_a_reload_changes_by_whom_it_goes(site):
    host = "c.http.example"
    site.origin.pages["/bye"] = (200, {"Connection": "close"}, b"bye")
    status, made = site.tunnel(f"{host}:443")
    assert status == 200
    with ssl.create_default_context(cafile=str(site.ours)).wrap_socket(made, server_hostname=host) as tls:
        tls.settimeout(30)

        def ask():
            """By the parent, by the second, directly."""
            before = tunnels(site.parent), tunnels(site.second)
            seen = len(site.origin.seen)
            tls.sendall(f"GET /bye HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            got = b""
            while not got.endswith(b"bye"):
                more = tls.recv(65536)
                assert more, got
                got += more
            return tunnels(site.parent) - before[0], tunnels(site.second) - before[1], site.origin.seen[seen]["from"] == US

        assert ask() == (0, 0, False)  # by the tunnel's own connection
        assert ask() == (1, 0, False)
        other = site.more.replace(f'"*.no.example"], http: "{PARENT}:3128"', f'"*.no.example"], http: "{SECOND}:3128"')
        assert other != site.more
        site.reload(other)
        assert ask() == (0, 1, False)
        site.reload(site.more.replace('["*.http.example", ', "["))
        assert ask() == (0, 0, True)
        site.reload(site.more)
        assert ask() == (1, 0, False)


def test_by_squid(site):
    helper = "/usr/lib/squid/basic_ncsa_auth"
    if not shutil.which("squid", path="/usr/sbin:/usr/bin") or not os.path.exists(helper):
        pytest.skip("squid is not installed")
    folder = Path(f"/tmp/{site.web.space}-users")
    folder.write_text(f"joe:{hashed('secret')}\n")
    folder.chmod(0o644)
    conf = SQUID_CONF.replace("{folder}/users", str(folder))
    made = Other(site.web, "squid", SQUID, 3128, conf, ["/usr/sbin/squid", "-N", "-f", "{conf}"], names=NAMES, helper=helper)
    try:
        assert issuer(shown(site, "a.squid.example")) == f"CN={ISSUER}"
        seen = len(site.origin.seen)
        for version in ("--http1.1", "--http2"):
            assert curl(site, "https://a.squid.example/x", version)[1][0] == "200"
        assert len(site.origin.seen) == seen + 2
        host = "bad.squid.example"
        with behind(site, self_signed(site, host), host) as server:
            assert curl(site, f"https://{host}/")[1][0] == "502"
            assert not server.seen
        _, (_, _, _, connect), code = curl(site, "https://forbidden.squid.example/", check=False)
        assert connect == "403" and code == 56
    finally:
        made.stop()
        folder.unlink()
