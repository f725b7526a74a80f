"""Certificates by ACME (RFC 8555) from pebble: by each challenge, renewed, kept, shared, and what goes wrong; from a scripted
authority what pebble has not. The gateway of the first tests begins before its authority is there."""

import hashlib
import http.server
import socket
import ssl
import subprocess
import threading
import time

import pytest

import acme_server
import acme_site
import postgres as database
import topology
from acme_site import PEBBLE, SECRET, config, issued, renew, told, wait_for
from service import binary

SITE = '{directory: "%s", ca: "%s", terms: agreed, contact: root@home.arpa%s}'
BY_DNS = f', challenge: dns-01, dns: {{server: 127.0.0.1, zones: [home.arpa], key: proxy, secret: "{SECRET}"}}'
BY_TLS = ", challenge: tls-alpn-01"
CERTIFICATES = [
    "{names: [www.home.arpa, home2.home.arpa], acme: http}",
    "{names: alpn.home.arpa, acme: alpn}",
    '{names: [dns.home.arpa, "*.dns.home.arpa"], acme: dns}',
]
NAMES = ["www.home.arpa", "alpn.home.arpa", "dns.home.arpa"]


def authorities(site):
    return {
        "http": SITE % (PEBBLE, site.ca, ""),
        "alpn": SITE % (PEBBLE, site.ca, BY_TLS + ", key-type: rsa2048"),
        "dns": SITE % (PEBBLE, site.ca, BY_DNS),
    }


@pytest.fixture(scope="module")
def site(janitor_process):
    net = topology.Net()
    try:
        yield acme_site.Site(net)
    finally:
        assert not net.close()


@pytest.fixture(scope="module")
def gateway(site):
    return site.gateway(config(authorities(site), CERTIFICATES)).start()


def fingerprint(der):
    assert isinstance(der, bytes), der
    return hashlib.sha256(der).hexdigest()


def metric(gateway, name):
    _, text = gateway.control("GET", "/metrics")
    return [float(line.split()[-1]) for line in text.splitlines() if line.startswith("gatehouse_reverse_proxy_" + name)]


def test_before_the_first_certificate_handshakes_are_refused(site, gateway):
    wait_for(lambda: told(gateway, NAMES[0]).get("failures"), gateway.log)
    c = told(gateway, NAMES[0])
    assert c["state"] == "waits" and c["retry"] > time.time() and "no answer from the authority (" in c["error"]
    assert "unrecognized" in site.shown(NAMES[0]).lower()
    assert gateway.log().count("there is no certificate yet") == 3


def test_each_challenge_gives_a_certificate(site, gateway):
    site.pebble()
    for name in NAMES:
        renew(gateway, name)
    for name in NAMES:
        c = issued(gateway, name)
        assert fingerprint(site.shown(name)) == c["fingerprint"]
        assert c["renewal"] < c["until"] and "error" not in c
    assert told(gateway, NAMES[0])["names"] == ["www.home.arpa", "home2.home.arpa"]
    assert told(gateway, NAMES[1])["key"] == "RSA 2048" and told(gateway, NAMES[0])["key"] == "ECDSA 256"
    assert fingerprint(site.shown("any.dns.home.arpa")) == told(gateway, NAMES[2])["fingerprint"]
    # Two names by http-01, one by tls-alpn-01; the authority may look more than once. Nothing of it is shown any longer.
    assert metric(gateway, "acme_shown_http_total")[0] >= 2 and metric(gateway, "acme_shown_tls_total")[0] >= 1
    wait_for(lambda: metric(gateway, "acme_issued_total") == [3], gateway.log)
    assert len(metric(gateway, "certificate_end_seconds{")) == 3
    with site.host.inside():
        texts = subprocess.run(
            ["dig", "+short", "@127.0.0.1", "_acme-challenge.dns.home.arpa", "TXT"], capture_output=True, text=True, check=True)  # fmt: skip
    assert texts.stdout == ""


def test_people_are_told(gateway):
    words = [binary(), "proxy", "certs", "-c", str(gateway.config_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [word for word in lines[0].split()] == ["NAME", "STATE", "ISSUER", "KEY", "FROM", "UNTIL", "RENEWAL", "SOURCE"]
    assert lines[1].startswith("www.home.arpa +1") and " good " in lines[1] and "Pebble Intermediate CA" in lines[1]
    done = subprocess.run([*words[:2], "renew", "-c", words[-1], "no.home.arpa"], capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "no ordered certificate" in done.stderr


def test_a_new_certificate_drops_no_connection(site, gateway):
    before = told(gateway, NAMES[0])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with site.host.inside():
        plain = socket.create_connection(("127.0.0.1", 443), 10)
    with context.wrap_socket(plain, server_hostname=NAMES[0]) as kept:
        ask = b"GET / HTTP/1.1\r\nHost: www.home.arpa\r\n\r\n"
        kept.sendall(ask)
        assert kept.recv(4096).startswith(b"HTTP/1.1 200")
        renew(gateway, NAMES[0])
        after = issued(gateway, NAMES[0], other_than=before["serial"])
        kept.sendall(ask)
        assert kept.recv(4096).startswith(b"HTTP/1.1 200")
    assert fingerprint(site.shown(NAMES[0])) == after["fingerprint"] != before["fingerprint"]


def test_a_restart_orders_nothing(site, gateway):
    before = [told(gateway, name) for name in NAMES]
    gateway.stop()
    gateway.start()
    assert [fingerprint(site.shown(name)) for name in NAMES] == [c["fingerprint"] for c in before]
    assert [told(gateway, name)["renewal"] for name in NAMES] == [c["renewal"] for c in before]
    secrets = (gateway.folder / "state" / "reverse-proxy").glob("*")
    assert not any(b"PRIVATE KEY" in path.read_bytes() for path in secrets)
    assert metric(gateway, "acme_requests_total") == [0]


class Wrong(http.server.BaseHTTPRequestHandler):
    def do_GET(self):  # noqa: N802
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"nobody.knows")

    def log_message(self, *_):
        pass


def test_what_goes_wrong_is_told_and_stops_nobody_else(site, gateway):
    """A name that leads elsewhere; an authority that talks garbage, one that nobody can trust, one that wants patience."""
    with site.host.inside():
        wrong = http.server.HTTPServer(("127.0.0.2", 80), Wrong)
        garbage = http.server.HTTPServer(("127.0.0.1", 14003), Wrong)
    for server in wrong, garbage:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(site.ca, site.key)
    garbage.socket = context.wrap_socket(garbage.socket, server_side=True)
    scripted = acme_server.Server(site.host, 14004, site.ca, site.key)
    limited = {"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many"}
    scripted.fault = {"order": (429, {"Retry-After": "7200"}, limited)}
    more = {
        "garbage": SITE % ("https://ca.home.arpa:14003/dir", site.ca, ""),
        "stranger": SITE % (PEBBLE, "/etc/ssl/certs/ca-certificates.crt", ""),
        "limited": SITE % ("https://ca.home.arpa:14004/directory", site.ca, ""),
    }
    wanted = [
        "{names: wrong.home.arpa, acme: http}",
        *(f"{{names: {name}.home.arpa, acme: {name}}}" for name in more),
    ]
    gateway.reload(config({**authorities(site), **more}, CERTIFICATES + wanted))
    errors = {}
    for name in "wrong", *more:
        wait_for(lambda name=name: told(gateway, f"{name}.home.arpa").get("failures"), gateway.log)
        errors[name] = told(gateway, f"{name}.home.arpa")
    for server in wrong, garbage:
        server.shutdown()
        server.server_close()
    assert errors["wrong"]["error"].startswith("unauthorized: ")
    assert "certificate" in errors["stranger"]["error"], errors["stranger"]
    assert errors["garbage"]["error"] and errors["garbage"]["state"] == "waits"
    assert errors["limited"]["error"] == "rateLimited: too many"
    assert errors["limited"]["retry"] > time.time() + 7000
    assert fingerprint(site.shown(NAMES[0])) == told(gateway, NAMES[0])["fingerprint"]
    # It is not asked again before its time: by a restart neither.
    orders = scripted.count("order")
    gateway.stop()
    gateway.start()
    assert told(gateway, "limited.home.arpa")["retry"] == errors["limited"]["retry"]
    time.sleep(0.5)
    assert scripted.count("order") == orders
    scripted.stop()


def test_a_bad_trust_is_refused_by_a_reload(site, gateway):
    gateway.configure(config({"http": SITE % (PEBBLE, "gatehouse.yaml", "")}, CERTIFICATES[:1]))
    assert gateway.control("POST", "/reload")[0] == 409
    assert "no authority's certificate is in the file" in gateway.log()
    assert fingerprint(site.shown(NAMES[1])) == told(gateway, NAMES[1])["fingerprint"]


def test_certificates_are_renewed_in_time(site):
    """By a third of the life that is left (pebble's certificates of 5 s), and by the window that an authority suggests (RFC 9773)."""
    site.pebble(14001, certificateValidityPeriod=6)
    scripted = acme_server.Server(site.host, 14002, site.ca, site.key)
    first_id, now = acme_server.encoded(b"\x10\x01"), int(time.time())
    scripted.window = lambda id: (now - 100, now - 50) if id.endswith("." + first_id) else (now + 9000, now + 9010)
    both = {
        "short": SITE % ("https://ca.home.arpa:14001/dir", site.ca, BY_TLS),
        "window": SITE % ("https://ca.home.arpa:14002/directory", site.ca, ""),
    }
    wanted = ["{names: second.home.arpa, acme: short}", "{names: window.home.arpa, acme: window}"]
    gateway = site.gateway(config(both, wanted, address="127.0.0.3")).start()
    first = issued(gateway, "second.home.arpa")
    # Its window has passed: it is renewed at once, told as what follows the first. That of the second has not.
    wait_for(lambda: now + 9000 <= (told(gateway, "window.home.arpa").get("renewal") or 0) <= now + 9010, gateway.log)
    replaced = [payload["replaces"] for kind, payload in scripted.seen if kind == "order" and payload and "replaces" in payload]
    assert replaced == scripted.asked_for[:1] and replaced[0].endswith("." + first_id)
    second = issued(gateway, "second.home.arpa", other_than=first["serial"])
    assert scripted.issued == 2 and len(scripted.asked_for) == 2
    life = first["until"] - first["from"]
    assert first["from"] + life // 3 * 2 == first["renewal"] <= second["from"] + 1
    gateway.stop()
    scripted.stop()


def test_what_nobody_wants_leaves_the_store(site):
    """Some time after its end; what is wanted stays, and what had gone is ordered anew when it is wanted again."""
    site.pebble(14003, certificateValidityPeriod=6)
    short = site.net.services[-1]
    scripted = acme_server.Server(site.host, 14004, site.ca, site.key)
    both = {
        "short": SITE % ("https://ca.home.arpa:14003/dir", site.ca, BY_TLS),
        "long": SITE % ("https://ca.home.arpa:14004/directory", site.ca, ""),
    }
    wanted = ["{names: second.home.arpa, acme: short}", "{names: window.home.arpa, acme: long}"]
    left, keep = "has left the store", "  store-keep: 1s\n"
    gateway = site.gateway(config(both, wanted, address="127.0.0.3", more=keep)).start()
    issued(gateway, "second.home.arpa")
    stays = issued(gateway, "window.home.arpa")
    gateway.reload(config(both, wanted[1:], address="127.0.0.3", more="  store-keep: 1h\n"))
    time.sleep(18)  # it has ended, and was looked at; but it is kept
    assert left not in gateway.log()
    gateway.reload(config(both, wanted[1:], address="127.0.0.3", more=keep))
    wait_for(lambda: left in gateway.log(), gateway.log)
    assert gateway.log().count(left) == 1
    gateway.stop()
    short.process.kill()
    gateway.configure(config(both, wanted, address="127.0.0.3", more=keep))
    gateway.start()
    wait_for(lambda: told(gateway, "second.home.arpa").get("failures"), gateway.log)
    again = told(gateway, "second.home.arpa")
    assert again["state"] == "waits" and "serial" not in again
    assert issued(gateway, "window.home.arpa")["serial"] == stays["serial"] and scripted.issued == 1
    gateway.stop()
    scripted.stop()


def test_gateways_that_share_a_store_order_once(site):
    """The one whom the authority asks is not the one that ordered, half of the time."""
    if database.why_not():
        pytest.skip(database.why_not())
    server = database.Postgres(f"/tmp/{site.host.space}-postgres").start()
    try:
        share_and_order_once(site, server.empty())
    finally:
        server.stop()


def share_and_order_once(site, url):
    key = 'store-key: "%s"' % SECRET
    more = f'  store: "{url}"\n  {key}\n'
    scripted_names = ["second.home.arpa", "www.home.arpa"]
    both = [
        site.gateway(config(authorities(site), ["{names: second.home.arpa, acme: http}"], address=address, more=more))
        for address in ("127.0.0.4", "127.0.0.3")
    ]
    for gateway in both:
        gateway.start(ready=False)
    for gateway in both:
        gateway.wait_message("READY=1")
    serials = {issued(gateway, scripted_names[0])["serial"] for gateway in both}
    assert len(serials) == 1
    wait_for(lambda: sum(metric(gateway, "acme_issued_total")[0] for gateway in both) == 1, both[0].log)
    shown = {fingerprint(site.shown(scripted_names[0], address)) for address in ("127.0.0.3", "127.0.0.4")}
    assert len(shown) == 1
    for gateway in both:
        gateway.stop()
