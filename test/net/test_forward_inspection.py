"""TLS inspection: chosen clients are answered inside their tunnels by the proxy, with certificates of its own authority, after the server has
proved itself; others, skipped names, and what cannot be inspected are left as they are. By curl, openssl and sockets."""

import contextlib
import hashlib
import json
import shutil
import socket
import ssl
import subprocess
import threading

import pytest

from cryptography import x509
from cryptography.hazmat.primitives import serialization

import proxy_pki
from forward_site import CLIENT, PROXY, WEB, Site, field
from proxy_servers import wait_for
from service import Service

ISSUER = "gatehouse TLS inspection"
INSPECT = "  inspection: {from: [10.0.0.10/32], skip: [bank.example.com, health.example.com], authorities: %s}\n"
# "right" by SHA-512 crypt.
ANN = "$6$rounds=5000$saltsalt$gzY3OAolfMFSB9Ld7iMdOQlViFqO3IOPeU0zkHsD.58tcMxRAFD0Qjfi2sjus3i.8aqWarEvFPREqzp18Jm291"
HOSTS = ("www.example.com", "bank.example.com", "login.bank.example.com", "expired.example.com", "wrong.example.com", "self.example.com",
         "asks.example.com", "may-ask.example.com", "h2.example.com", "old.example.com", "early.example.com")  # fmt: skip


@pytest.fixture(scope="module")
def site(janitor_process):
    made = None
    try:
        made = Site()
        made.names.zone |= {name: [WEB[0]] for name in HOSTS}
        made.more = INSPECT % made.authority.pem
        # The authority is made at the first start with it.
        made.service.stop()
        made.service.configure(made.config + made.more)
        made.service.start()
        made.ours = made.service.folder / "ours.pem"
        made.ours.write_text(made.service.control("GET", "/authority")[1]["pem"])
        made.origin = made.serve(port=443, tls=made.tls(*HOSTS))
        yield made
    finally:
        if made:
            made.close()


def curl(site, url, *more, trust=None, proxy=None, check=True):
    """The answer's body and what curl wrote: status, version, verification."""
    told = ["--write-out", "\n%{http_code} %{http_version} %{ssl_verify_result} %{http_connect}", "--max-time", "30"]
    done = site.client.run("curl", "-sS", *told, "--cacert", str(trust or site.ours), "--proxy", proxy or f"http://{PROXY}:3128", *more, url,
                           timeout=60)  # fmt: skip
    body, _, line = done.stdout.rpartition("\n")
    if check:
        assert done.returncode == 0, (done.returncode, done.stderr)
    return body, line.split(), done.returncode


def shown(site, host, port=443, target=None):
    """The certificate that a client is shown in a tunnel."""
    status, made = site.tunnel(target or f"{host}:{port}")
    assert status == 200
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(made, server_hostname=host) as tls:
        return x509.load_der_x509_certificate(tls.getpeercert(True))


def issuer(certificate):
    return certificate.issuer.rfc4514_string()


def inspection(site):
    status, told = site.service.control("GET", "/inspection")
    assert status == 200
    return told


@contextlib.contextmanager
def instead(site, context, address, name, handler=None):
    """Another server, at an address of its own, for that name."""
    site.names.zone[name] = [address]
    made = site.serve(address, 443, context, *([handler] if handler else []))
    try:
        yield made
    finally:
        made.stop()
        site.started.remove(made)


def test_a_client_of_ours_sees_our_issuer_and_the_servers_content(site):
    seen = len(site.origin.seen)
    body, (status, version, verified, connect), _ = curl(site, "https://www.example.com/a?b=c", "--header", "X-Mine: 1")
    assert (status, verified, connect) == ("200", "0", "200")
    assert version == "2"  # with the client, whatever the server speaks
    told = json.loads(body)
    assert told["target"] == "/a?b=c" and field(told, "host") == ["www.example.com"] and field(told, "x-mine") == ["1"]
    assert len(site.origin.seen) == seen + 1
    certificate = shown(site, "www.example.com")
    assert issuer(certificate) == f"CN={ISSUER}"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(names) == [x509.DNSName("www.example.com")]
    assert (certificate.not_valid_after - certificate.not_valid_before).days <= 3
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_http_1_1_bodies_and_many_requests_on_one_connection(site):
    data = "x" * 300000
    path = site.service.folder / "body"
    path.write_text(data)
    told = ["--write-out", "%{http_code} %{http_version} %{num_connects}\n", "--output", "/dev/null"]
    done = site.client.run("curl", "-sS", "--http1.1", "--max-time", "30", "--cacert", str(site.ours), "--proxy", f"http://{PROXY}:3128",
                           *told, "https://www.example.com/1", "--next", *told, "--cacert", str(site.ours), "--http1.1", "--proxy",
                           f"http://{PROXY}:3128", "--data-binary", f"@{path}", "https://www.example.com/2", timeout=60)  # fmt: skip
    assert done.stdout.splitlines()[0].startswith("200 1.1"), done
    assert done.stdout.splitlines()[1] == "200 1.1 0", done
    assert site.origin.seen[-1]["body"] == data


def test_large_answers_come_whole(site):
    data = bytes(range(256)) * 20000
    site.origin.pages["/large"] = (200, {}, data)
    for version in ("--http1.1", "--http2"):
        out = site.service.folder / "large"
        curl(site, "https://www.example.com/large", version, "--output", str(out))
        assert hashlib.sha256(out.read_bytes()).digest() == hashlib.sha256(data).digest()


@pytest.mark.parametrize("host", ["bank.example.com", "login.bank.example.com"])
def test_a_name_that_is_skipped_is_shown_its_own_certificate(site, host):
    before = site.metric("inspect_skipped_total")
    assert issuer(shown(site, host)) == "CN=authority"
    curl(site, f"https://{host}/", trust=site.authority.pem)
    _, _, code = curl(site, f"https://{host}/", check=False)
    assert code == 60  # it is none of ours
    assert site.metric("inspect_skipped_total") == before + 3


def test_what_is_skipped_cannot_be_asked_for_under_another_name(site):
    """Neither by a tunnel to it, nor by its name in a tunnel to another."""
    assert issuer(shown(site, "www.example.com", target="bank.example.com:443")) == "CN=authority"
    assert issuer(shown(site, "bank.example.com", target="www.example.com:443")) == "CN=authority"


def test_who_is_not_chosen_is_left_alone(site):
    site.reload("  inspection: {from: [10.0.0.77/32], authorities: %s}\n" % site.authority.pem)
    before = site.metric("inspected_total")
    assert issuer(shown(site, "www.example.com")) == "CN=authority"
    assert site.metric("inspected_total") == before
    site.reload(site.more)
    assert issuer(shown(site, "www.example.com")) == f"CN={ISSUER}"


def self_signed(site, name):
    other = proxy_pki.Authority(f"/tmp/{site.gateway.space}-other", "other")
    issued = other.issue(name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.chain, issued.key)
    return context


def context_of(issued):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.chain, issued.key)
    return context


def bad_lines(site, host):
    return [one for one in site.log() if one.get("cause") == "server-certificate" and one.get("tunnel_sni") == host]


def test_no_server_is_stood_in_for_that_is_not_good(site):
    """A page says why; of the server nothing is shown, and it gets no request."""
    bad = {
        "expired.example.com": (context_of(site.authority.issue("expired.example.com", days=-1)), "certificate has expired"),
        "wrong.example.com": (context_of(site.authority.issue("other.example.net")), "hostname mismatch"),
        "must.example.com": (context_of(site.authority.issue("must.example.com", must_staple=True)), "no proof that the certificate is not revoked"),
        "self.example.com": (self_signed(site, "self.example.com"), "certificate"),
    }
    for host, (context, words) in bad.items():
        with instead(site, context, WEB[3], host) as server:
            before = site.metric("inspect_bad_total")
            # With a body by HTTP/1.1 only: curl takes the RST_STREAM(NO_ERROR) that may follow an early answer (RFC 9113 8.1) for a failure.
            for how in (["--http1.1", "--data", "x"], ["--http2"]):
                body, (status, *_), _ = curl(site, f"https://{host}/secret", *how, "--header", "Cookie: a=b")
                assert status == "502" and words in body.replace("&#39;", "'"), (host, body)
                assert '"target"' not in body
            assert not server.seen, host
            assert site.metric("inspect_bad_total") == before + 2
            wait_for(lambda host=host: len(bad_lines(site, host)) == 2)
            assert all(words in one["detail"] for one in bad_lines(site, host))
    assert {one["name"] for one in inspection(site)["bad_names"]} >= set(bad)


def test_what_speaks_no_tls_or_too_old_a_one_is_told_of(site):
    old = site.tls("old.example.com")
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    with instead(site, old, WEB[3], "old.example.com") as server:
        body, (status, *_), _ = curl(site, "https://old.example.com/")
        assert status == "502" and "server-tls" in body and not server.seen
    with instead(site, None, WEB[3], "old.example.com") as server:
        _, (status, *_), _ = curl(site, "https://old.example.com/")
        assert status == "502" and not server.seen


def test_a_server_that_asks_for_certificates_is_left_to_its_client(site):
    mine = site.authority.issue(client="ann")
    with_mine = ["--cert", str(mine.chain), "--key", str(mine.key)]
    for host, need in (("asks.example.com", ssl.CERT_REQUIRED), ("may-ask.example.com", ssl.CERT_OPTIONAL)):
        for number, most in enumerate((ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2)):
            name = f"v{number}.{host}"
            context = site.tls(name)
            context.maximum_version, context.verify_mode = most, need
            context.load_verify_locations(site.authority.pem)
            with instead(site, context, WEB[3], name) as server:
                before = site.metric("inspect_left_total")
                for _ in range(2):
                    _, (status, *_), _ = curl(site, f"https://{name}/", *with_mine, trust=site.authority.pem)
                    assert status == "200"
                assert len(server.seen) == 2 and site.metric("inspect_left_total") == before + 2
                if need == ssl.CERT_OPTIONAL:
                    assert issuer(shown(site, name)) == "CN=authority"
    assert "v0.asks.example.com" in {one["name"] for one in inspection(site)["left_names"]}


def test_a_client_that_does_not_know_us_is_counted_by_name(site):
    before = site.metric("inspect_refused_total")
    _, _, code = curl(site, "https://www.example.com/", trust=site.authority.pem, check=False)
    assert code == 60
    wait_for(lambda: site.metric("inspect_refused_total") == before + 1)
    assert "www.example.com" in {one["name"] for one in inspection(site)["refused_names"]}


def test_a_client_that_leaves_is_counted_apart(site):
    """Its ClientHello has come and it is answered; then it is gone, which says nothing of the certificate."""
    refused, gone = site.metric("inspect_refused_total"), site.metric("inspect_gone_total")
    site.names.zone["leaves.example.com"] = [WEB[0]]
    status, made = site.tunnel("leaves.example.com:443")
    assert status == 200
    hello, into = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(into, hello, server_hostname="leaves.example.com").do_handshake()
    with made:
        made.settimeout(20)
        made.sendall(hello.read())
        assert made.recv(1)  # it was answered by us
    wait_for(lambda: site.metric("inspect_gone_total") == gone + 1)
    assert site.metric("inspect_refused_total") == refused
    told = inspection(site)
    assert "leaves.example.com" in {one["name"] for one in told["gone_names"]} and "leaves.example.com" not in {one["name"] for one in told["refused_names"]}


def test_other_hosts_inside_are_misdirected(site):
    seen = len(site.origin.seen)
    for version in ("--http1.1", "--http2"):
        body, (status, *_), _ = curl(site, "https://www.example.com/", version, "--header", "Host: bank.example.com")
        assert status == "421" and "misdirected" in body
    assert len(site.origin.seen) == seen


def test_rules_hold_inside(site):
    site.reload(site.more + "  access: {rules: [{action: deny, to: [www.example.com], reason: not now}]}\n")
    # The name is refused before there is a tunnel.
    _, (_, _, _, connect), code = curl(site, "https://www.example.com/", check=False)
    assert connect == "403" and code != 0
    site.reload(site.more)
    # And inside of one that was open by then.
    status, made = site.tunnel("www.example.com:443")
    context = ssl.create_default_context(cafile=str(site.ours))
    assert status == 200
    with context.wrap_socket(made, server_hostname="www.example.com") as tls:
        ask = b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n"
        tls.sendall(ask)
        assert tls.recv(12) == b"HTTP/1.1 200"
        while b'"body"' not in tls.recv(1 << 16):
            pass
        # The tunnel is cut, and what is in it.
        site.reload(site.more + "  access: {rules: [{action: deny, to: [www.example.com], reason: not now}]}\n")
        seen = len(site.origin.seen)
        with contextlib.suppress(OSError):
            tls.sendall(ask)
            while tls.recv(1 << 16):
                pass
        assert len(site.origin.seen) == seen
    site.reload(site.more)


def test_answers_are_kept_apart_from_those_in_the_clear(site):
    site.reload(site.more + "  cache: {}\n")
    plain = site.serve(port=80)
    for server in (plain, site.origin):
        server.pages["/kept"] = (200, {"Cache-Control": "public, max-age=60"}, b"tls" if server.tls else b"plain")
        server.pages["/silent"] = (200, {"Cache-Control": "max-age=60"}, b"tls" if server.tls else b"plain")
    seen = len(site.origin.seen)
    for _ in range(3):
        assert curl(site, "https://www.example.com/kept")[0] == "tls"
        assert curl(site, "http://www.example.com/kept")[0] == "plain"
    assert len([one for one in site.origin.seen[seen:] if one["target"] == "/kept"]) == 1
    assert len([one for one in plain.seen if one["target"] == "/kept"]) == 1
    # What does not say that it is for others is not, where it came by TLS.
    for _ in range(2):
        assert curl(site, "https://www.example.com/silent")[0] == "tls"
        assert curl(site, "http://www.example.com/silent")[0] == "plain"
    assert len([one for one in site.origin.seen[seen:] if one["target"] == "/silent"]) == 2
    assert len([one for one in plain.seen if one["target"] == "/silent"]) == 1
    plain.stop()
    site.started.remove(plain)
    site.reload(site.more)


def test_the_log_has_whole_addresses_and_says_so(site):
    curl(site, "https://www.example.com/logged?x=1")
    wait_for(lambda: [one for one in site.log() if one.get("path", "").startswith("/logged")])
    inside = next(one for one in site.log() if one.get("path", "").startswith("/logged"))
    assert inside["inspected"] is True and inside["scheme"] == "https" and inside["host"] == "www.example.com"
    assert inside["path"] == "/logged?x=1" and inside["client"] == CLIENT and inside["status"] == 200
    wait_for(lambda: [one for one in site.log() if one["method"] == "CONNECT" and one.get("inspected") and one["status"] == 200])
    assert not [one for one in site.log() if one.get("tunnel_sni") == "bank.example.com" and one.get("inspected")]


def test_socks_and_tls_to_the_proxy_are_inspected_too(site):
    for proxy in (f"socks5h://{PROXY}:1080", f"socks5://{PROXY}:1080", f"socks4a://{PROXY}:1080"):
        more = ["--resolve", f"www.example.com:443:{WEB[0]}"] if proxy.startswith("socks5:") else []
        body, (status, _, verified, _), _ = curl(site, "https://www.example.com/socks", *more, proxy=proxy)
        assert (status, verified) == ("200", "0") and json.loads(body)["target"] == "/socks"
    tls = ["--proxy-cacert", str(site.authority.pem), "--resolve", f"proxy.home.arpa:3129:{PROXY}"]
    for how in ([], ["--proxy-http2"] if "proxy-http2" in site.client.run("curl", "--help", "all").stdout else []):
        _, (status, *_), _ = curl(site, "https://www.example.com/", *tls, *how, proxy="https://proxy.home.arpa:3129")
        assert status == "200"


def test_a_websocket_goes_through(site):
    """What changes the protocol inside: RFC 6455 over an inspected connection."""

    class Echo(threading.Thread):
        def __init__(self, context):
            super().__init__(daemon=True)
            with site.web.inside():
                self.socket = socket.create_server((WEB[4], 443))
            self.context = context
            self.start()

        def run(self):
            with contextlib.suppress(OSError):
                while True:
                    made, _ = self.socket.accept()
                    threading.Thread(target=self.serve, args=(made,), daemon=True).start()

        def serve(self, made):
            with contextlib.suppress(OSError), self.context.wrap_socket(made, server_side=True) as tls:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += tls.recv(4096)
                assert b"pgrade: websocket" in head
                tls.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            b"Sec-WebSocket-Accept: x\r\n\r\n")  # fmt: skip
                while data := tls.recv(65536):
                    tls.sendall(data[::-1])

        def stop(self):
            self.socket.close()

    site.names.zone["ws.example.com"] = [WEB[4]]
    echo = Echo(site.tls("ws.example.com"))
    site.started.append(echo)
    status, made = site.tunnel("ws.example.com:443")
    context = ssl.create_default_context(cafile=str(site.ours))
    assert status == 200
    with context.wrap_socket(made, server_hostname="ws.example.com") as tls:
        tls.sendall(b"GET /chat HTTP/1.1\r\nHost: ws.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")  # fmt: skip
        answer = b""
        while b"\r\n\r\n" not in answer:
            more = tls.recv(4096)
            assert more, answer
            answer += more
        assert answer.startswith(b"HTTP/1.1 101"), answer
        for word in (b"hello", b"x" * 1000):
            tls.sendall(word)
            got = b""
            while len(got) < len(word):
                got += tls.recv(65536)
            assert got == word[::-1]


@pytest.mark.skipif(not shutil.which("chromium") or not shutil.which("certutil"), reason="chromium or certutil is not there")
def test_chromium(site, tmp_path):
    """With our authority among those it trusts, a page and its script are inspected, and those of a skipped name are not; no error is passed over."""
    database = tmp_path / ".pki" / "nssdb"
    database.mkdir(parents=True)
    for number, file in enumerate((site.ours, site.authority.pem)):
        words = [] if number else [["-N", "--empty-password"]]
        for one in [*words, ["-A", "-t", "C,,", "-n", f"authority {number}", "-i", str(file)]]:
            subprocess.run(["certutil", "-d", f"sql:{database}", *one], check=True, capture_output=True)
    script = ({"Content-Type": "text/javascript"}, b"document.write('<p>' + document.currentScript.src + '</p>')")
    page = b'<script src="/script.js"></script><script src="https://bank.example.com/script.js"></script>'
    site.origin.pages |= {"/page": (200, {"Content-Type": "text/html"}, page), "/script.js": (200, *script)}
    seen, before = len(site.origin.seen), site.metric("inspected_total")
    done = site.client.run("env", f"HOME={tmp_path}", "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                           "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run",
                           f"--user-data-dir={tmp_path}/profile", f"--proxy-server=http://{PROXY}:3128", "--dump-dom",
                           "https://www.example.com/page", timeout=120)  # fmt: skip
    assert "<p>https://www.example.com/script.js</p>" in done.stdout and "<p>https://bank.example.com/script.js</p>" in done.stdout, done
    got = {(field(one, "host")[0], one["target"]): field(one, "via") for one in site.origin.seen[seen:]}
    assert got["www.example.com", "/page"] == got["www.example.com", "/script.js"] == ["2.0 gatehouse"]
    assert got["bank.example.com", "/script.js"] == []
    assert site.metric("inspected_total") > before


def test_other_protocols_and_hosts_without_a_name(site):
    status, made = site.tunnel("www.example.com:443")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["xmpp-client"])
    assert status == 200
    with context.wrap_socket(made, server_hostname="www.example.com") as tls:
        assert issuer(x509.load_der_x509_certificate(tls.getpeercert(True))) == "CN=authority"
    # Without SNI the tunnel's own name counts.
    status, made = site.tunnel("www.example.com:443")
    context = ssl.create_default_context(cafile=str(site.ours))
    context.check_hostname = False
    with context.wrap_socket(made) as tls:
        names = x509.load_der_x509_certificate(tls.getpeercert(True)).extensions
        assert list(names.get_extension_for_class(x509.SubjectAlternativeName).value) == [x509.DNSName("www.example.com")]


def test_the_authority_is_handed_out_and_its_key_is_not(site):
    status, told = site.service.control("GET", "/authority")
    assert status == 200 and "PRIVATE" not in json.dumps(told)
    for path, kind in (("/authority.pem", "application/x-pem-file"), ("/authority.crt", "application/x-x509-ca-cert")):
        made = site.connect()
        made.request("GET", path, headers={"Host": f"{PROXY}:3128"})
        answer = made.getresponse()
        data = answer.read()
        made.close()
        assert answer.status == 200 and answer.getheader("Content-Type") == kind and b"PRIVATE" not in data
        certificate = x509.load_pem_x509_certificate(data) if path.endswith("pem") else x509.load_der_x509_certificate(data)
        digest = hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest().upper()
        assert ":".join(digest[i : i + 2] for i in range(0, 64, 2)) == told["fingerprint"]
    made = site.connect()
    made.request("GET", "/authority", headers={"Host": f"{PROXY}:3128"})
    page = made.getresponse().read().decode()
    made.close()
    assert told["fingerprint"] in page and "Yours is inspected" in page
    file = site.service.folder / "state" / "forward-proxy" / "authority.pem"
    assert file.stat().st_mode & 0o777 == 0o600


def test_it_is_announced_and_outlives_a_restart(site):
    before = site.service.control("GET", "/authority")[1]["fingerprint"]
    site.service.stop()
    site.service.start()
    told = site.service.control("GET", "/authority")[1]
    assert told["fingerprint"] == before
    assert "TLS is inspected" in site.service.log()
    assert curl(site, "https://www.example.com/")[1][0] == "200"


def test_another_authority_is_made_when_told(site):
    before = site.service.control("GET", "/authority")[1]["fingerprint"]
    status, told = site.service.control("POST", "/authority/rotate")
    assert status == 200 and told["fingerprint"] != before
    wait_for(lambda: curl(site, "https://www.example.com/", check=False)[2] == 60)  # the old one is none
    site.ours.write_text(told["pem"])
    assert curl(site, "https://www.example.com/")[1][0] == "200"


def test_another_authority_that_cannot_be_put_in_force_changes_nothing(site):
    before = site.service.control("GET", "/authority")[1]["fingerprint"]
    file = site.service.folder / "state" / "forward-proxy" / "authority.pem"
    made = file.read_bytes()
    trusted = site.authority.pem
    kept = trusted.read_bytes()
    trusted.write_text("nobody")
    try:
        assert site.service.control("POST", "/authority/rotate")[0] == 500
    finally:
        trusted.write_bytes(kept)
    assert site.service.control("GET", "/authority")[1]["fingerprint"] == before
    assert file.read_bytes() == made and file.stat().st_mode & 0o777 == 0o600
    assert curl(site, "https://www.example.com/")[1][0] == "200"


def test_users_are_inspected_however_long_their_names_are(site):
    name = "u" * 128
    site.reload(
        f'  access:\n    users: {{{name}: "{ANN}"}}\n    otherwise: sign-in\n    clear-passwords: yes\n'
        f'  inspection: {{users: ["*"], authorities: {site.authority.pem}}}\n'
    )
    body, (status, *_), _ = curl(site, "https://www.example.com/", "--proxy-user", f"{name}:right")
    assert status == "200" and json.loads(body)["target"] == "/"
    site.reload(site.more)


def test_without_it_nothing_is_there(site):
    site.reload("")
    assert site.service.control("GET", "/authority")[0] == 404
    assert site.service.control("GET", "/inspection")[0] == 404
    assert issuer(shown(site, "www.example.com")) == "CN=authority"
    made = site.connect()
    made.request("GET", "/authority", headers={"Host": f"{PROXY}:3128"})
    assert made.getresponse().status == 421
    made.close()
    site.reload(site.more)


POLICY = """global:
  state: %s
policy:
  groups: {kids: {clients: {addresses: [%s]}}}
  lists: {blocked: {lines: ["||listed.example.com^"]}}
  rules: [{groups: [kids], lists: [blocked]}]
"""


def test_groups_are_those_of_the_policy():
    made = None
    try:
        made = Site()
        made.names.zone |= {"www.example.com": [WEB[0]]}
        made.serve(port=443, tls=made.tls("www.example.com"))
        made.service.stop()
        made.service.configure(made.config + "  policy: on\n  inspection: {groups: [kids], authorities: %s}\n" % made.authority.pem)
        made.service.start()
        # While it is not known who is in the group nobody is inspected.
        assert issuer(shown(made, "www.example.com")) == "CN=authority"
        policy = Service(made.gateway, "policy", POLICY % (made.service.folder / "state", CLIENT)).start()
        wait_for(lambda: issuer(shown(made, "www.example.com")) == f"CN={ISSUER}")
        policy.stop()
        policy.configure(POLICY % (made.service.folder / "state", "10.0.0.99"))
        policy.start()
        wait_for(lambda: issuer(shown(made, "www.example.com")) == "CN=authority")
        policy.stop()
    finally:
        if made:
            made.close()


RULES = """table inet taken {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    ip saddr 10.0.0.0/24 tcp dport 443 redirect to :3181
  }
}
"""


def test_connections_that_are_led_here_are_inspected_too():
    if not shutil.which("nft"):
        pytest.skip("there is no nft")
    made = None
    try:
        made = Site(listen="{address: 10.0.0.1, transparent-tls: yes}, ")
        made.names.zone |= {"www.example.com": [WEB[0]], "bank.example.com": [WEB[0]]}
        origin = made.serve(port=443, tls=made.tls("www.example.com", "bank.example.com"))
        other = made.serve(WEB[1], port=443, tls=made.tls("www.example.com"))
        made.service.stop()
        made.service.configure(made.config + INSPECT % made.authority.pem)
        made.service.start()
        ours = made.service.folder / "ours.pem"
        ours.write_text(made.service.control("GET", "/authority")[1]["pem"])
        made.client.route("default", PROXY)
        done = made.gateway.run("nft", "-f", "-", input=RULES)
        assert done.returncode == 0, done.stderr

        def ask(host, trust, address=WEB[0]):
            return made.client.run("curl", "-sS", "--noproxy", "*", "--max-time", "30", "--cacert", str(trust), "--resolve",
                                   f"{host}:443:{address}", f"https://{host}/there", timeout=60)  # fmt: skip

        done = ask("www.example.com", ours)
        assert json.loads(done.stdout)["target"] == "/there", done
        assert json.loads(ask("bank.example.com", made.authority.pem).stdout)["target"] == "/there"
        # A server at another address than the DNS has it goes there, and proves itself there.
        before = len(origin.seen)
        assert json.loads(ask("www.example.com", ours, WEB[1]).stdout)["at"] == WEB[1]
        assert len(origin.seen) == before and len(other.seen) == 1
    finally:
        if made:
            made.close()
