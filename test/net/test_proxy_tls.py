"""TLS in front of the reverse proxy: clients' certificates, which certificate is shown, what testssl.sh finds."""

import base64
import json
import os
import shutil
from subprocess import DEVNULL, STDOUT

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

import topology
from proxy_pki import Authority, Responder
from proxy_servers import Server, ask, field, wait_for
from service import Service

CONFIG = """reverse-proxy:
  listen:
    - {address: "127.0.0.1:8080"}
    - {address: "127.0.0.1:8443", tls: yes}
    - {address: "127.0.0.1:8444", tls: yes, client-certificates: {ca: CA, crl: CRL}}
    - {address: "127.0.0.1:8445", tls: yes, client-certificates: {ca: CA, required: no}}
    - {address: "127.0.0.1:8446", tls: yes, refuse-unknown-names: yes}
  workers: 1
  access-log: {format: json}
  guard: {secure: yes}
  certificates: [CERTIFICATES]
  pools: {web: 127.0.0.1:9001}
  routes:
    - {host: admin.home.arpa, header: X-Client-Cert-Subject=CN=alice, to: web}
    - {host: www.home.arpa, request: {set: ["X-Who: {client-certificate}"]}, to: web}
"""


# Protocols, what a server shows, HSTS: what our configuration could spoil. The others (each cipher, each client, each attack of
# the past) take minutes.
SECTIONS = "-p -S -h"
TESTSSL = """reverse-proxy:
  listen: {address: "127.0.0.1:8500", tls: yes}
  workers: 1
  guard: {secure: yes}
  certificates: [{CERTIFICATE}]
  routes: [{answer: {status: 200, body: hello}}]
"""
EXPLAINED = {"engine_problem": "what the openssl here lacks, no finding"}
REFUSED = (35, 55, 56, 60)  # what curl makes of an alert: in the handshake, behind it, about certificates


class Site:
    """One service, one server, and who asks them, in one host."""

    def __init__(self, net):
        self.host = net.host("proxy")
        self.authority = Authority(f"/tmp/{self.host.space}-pki")
        self.others = Authority(f"/tmp/{self.host.space}-others", "others")
        with self.host.inside():
            self.server = Server("a", 9001)
            self.responder = Responder(self.authority, 2560)
        names = ["www.home.arpa", "admin.home.arpa"]
        at = "http://127.0.0.1:2560"
        self.certificates = [self.authority.issue(*names, kind=kind, days=80, asked_at=at, must_staple=True) for kind in ("ec", "rsa")]
        self.certificates += [self.authority.issue("*.wild.home.arpa"), self.authority.issue("*.wild.home.arpa", kind="rsa")]
        self.certificates += [self.authority.issue("exact.wild.home.arpa")]
        self.service = Service(self.host, "reverse-proxy", self.config()).start()
        self.alone = Service(self.host, "reverse-proxy", TESTSSL.replace("CERTIFICATE", self.certificates[0].conf)).start()
        self.findings = self.authority.folder / "findings.json"
        # Whom all the world trusts is of no matter here, and openssl, which it starts a hundred times, reads them all.
        stores = self.authority.folder / "stores"
        stores.mkdir()
        shutil.copy(self.authority.pem, stores / "Ours.pem")
        trusted = {"CA_BUNDLES_PATH": str(stores), "SSL_CERT_FILE": str(self.authority.pem), "SSL_CERT_DIR": str(stores)}
        self.testssl = self.host.popen(
            "testssl", *SECTIONS.split(), "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--add-ca", self.authority.pem,
            "--jsonfile", self.findings, "--ip", "127.0.0.1", "https://www.home.arpa:8500/",
            env={**os.environ, **trusted}, stdin=DEVNULL, stdout=open(self.findings.with_suffix(".log"), "wb"), stderr=STDOUT)  # fmt: skip

    def config(self):
        text = CONFIG.replace("CERTIFICATES", ", ".join(f"{{{c.conf}}}" for c in self.certificates))
        return text.replace("CA", str(self.authority.pem)).replace("CRL", str(self.authority.crl()))

    def curl(self, port, *words, name="www.home.arpa", shown=None):
        """(curl's own status, what the server was told or the text that came)."""
        if shown:
            words = ("--cert", shown.chain, "--key", shown.key, *words)
        done = self.host.run(
            "curl", "-sS", "--cacert", self.authority.pem, "--resolve", f"{name}:{port}:127.0.0.1", *words,
            f"https://{name}:{port}/")  # fmt: skip
        return done.returncode, json.loads(done.stdout) if done.stdout.startswith("{") else done.stdout + done.stderr

    def log(self):
        path = self.service.folder / "state" / "reverse-proxy" / "access.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture(scope="module")
def site(janitor_process):
    net = topology.Net()
    try:
        made = Site(net)
        yield made
        made.testssl.kill()
        made.testssl.wait(10)
        made.server.stop()
        made.responder.shutdown()
        made.responder.server_close()
    finally:
        assert not net.close()


# ---- clients' certificates


def told_of(told):
    return {name: value for name, value in told["fields"] if "client-cert" in name or name == "x-who"}


def test_a_client_is_let_in_by_its_certificate_and_the_server_is_told(site):
    alice = site.authority.issue(client="alice")
    for port, *version in ((8444, "--http2"), (8444, "--http1.1"), (8445, "--tls-max", "1.2")):
        status, told = site.curl(port, *version, shown=alice)
        assert status == 0, told
        der = base64.b64decode(told_of(told)["client-cert"].strip(":"), validate=True)
        assert der == alice.certificate.public_bytes(serialization.Encoding.DER)
        expected = {
            "client-cert": f":{base64.b64encode(der).decode()}:",
            "x-client-cert-subject": "CN=alice",
            "x-client-cert-issuer": "CN=authority",
            "x-client-cert-serial": alice.serial.to_bytes((alice.serial.bit_length() + 7) // 8, "big").hex(),
            "x-client-cert-fingerprint": alice.fingerprint,
            "x-who": "CN=alice",
        }
        assert told_of(told) == expected
    line = wait_for(lambda: [at for at in site.log() if at.get("client_certificate") == "CN=alice"])[-1]
    assert line["client_fingerprint"] == alice.fingerprint and line["status"] == 200


def test_clients_that_cannot_prove_themselves_are_refused(site):
    expired = site.authority.issue(client="late", days=-1)
    revoked = site.authority.issue(client="gone")
    stranger = site.others.issue(client="alice")
    server = site.authority.issue("alice.home.arpa")  # good for a server only
    seen = site.server.seen
    for version in ("1.2", "1.3"):
        for port, shown in ((8444, None), (8444, expired), (8444, stranger), (8444, server), (8445, stranger), (8445, expired)):
            status, text = site.curl(port, "--tls-max", version, shown=shown)
            assert status in REFUSED, (version, port, text)
    assert site.curl(8444, shown=revoked)[0] == 0
    site.authority.revoke(revoked)
    site.service.reload(site.config())
    assert site.curl(8444, shown=revoked)[0] in REFUSED
    assert site.server.seen == seen + 1
    assert site.curl(8444, shown=site.authority.issue(client="bob"))[0] == 0


def test_a_client_without_a_certificate_is_nobody_where_none_is_required(site):
    claims = ("-H", "X-Client-Cert-Subject: CN=alice", "-H", "Client-Cert: :AAAA:", "-H", "x_client_cert_subject: CN=alice",
              "-H", "Client-Cert-Chain: :AAAA:")  # fmt: skip
    for port in (8443, 8445):
        status, told = site.curl(port, *claims)
        assert status == 0 and told_of(told) == {"x-who": ""}, told
    told = ask(site.host, X_Client_Cert_Subject="CN=alice", Client_Cert=":AAAA:")[2]
    assert set(told_of(told)) <= {"x-who"}


def test_a_route_asks_for_a_certificate(site):
    claim = ("-H", "X-Client-Cert-Subject: CN=alice")
    alice, bob = site.authority.issue(client="alice"), site.authority.issue(client="bob")
    name = "admin.home.arpa"
    assert "nothing here" in site.curl(8443, *claim, name=name)[1]
    assert "nothing here" in site.curl(8445, *claim, name=name)[1]
    assert "nothing here" in site.curl(8445, *claim, name=name, shown=bob)[1]
    told = site.curl(8445, name=name, shown=alice)[1]
    assert field(told, "x-client-cert-subject") == ["CN=alice"]


def test_what_is_wrong_with_the_files_is_told_and_the_old_stays(site):
    before = site.config()
    for words, told in (
        (("crl: " + str(site.authority.folder / "crl.pem"), f"crl: {site.authority.pem}"), "no list of revoked"),
        ((f"ca: {site.authority.pem}", f"ca: {site.authority.folder / 'crl.pem'}"), "no authority's certificate"),
        ((f"ca: {site.authority.pem}", "ca: /nowhere"), "cannot be read"),
    ):
        site.service.configure(before.replace(*words))
        assert site.service.control("POST", "/reload")[0] == 409
        assert told in site.service.log()
    site.service.reload(before)
    assert site.curl(8443)[0] == 0


# ---- which certificate is shown


def shown(site, port, name, *words):
    """The certificate that openssl is shown for a name, or None: the handshake fails."""
    named = ("-servername", name) if name else ("-noservername",)
    done = site.host.run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", *named, *words, stdin=DEVNULL)
    begin = done.stdout.find("-----BEGIN CERTIFICATE-----")
    return x509.load_pem_x509_certificate(done.stdout[begin:].encode()) if begin >= 0 else None


def test_the_certificate_is_of_the_name_and_of_a_kind_that_the_client_knows(site):
    default, default_rsa = (c.certificate for c in site.certificates[:2])
    wild, wild_rsa, exact = (c.certificate for c in site.certificates[2:])
    ecdsa, rsa = ("-sigalgs", "ECDSA+SHA256"), ("-sigalgs", "RSA-PSS+SHA256:RSA+SHA256")
    for version in ("-tls1_2", "-tls1_3"):
        for name, words, certificate in (
            ("www.home.arpa", ecdsa, default), ("www.home.arpa", rsa, default_rsa), ("www.home.arpa", (), default),
            ("a.wild.home.arpa", ecdsa, wild), ("A.Wild.Home.Arpa", rsa, wild_rsa), ("exact.wild.home.arpa", (), exact),
            ("exact.wild.home.arpa", rsa, None), ("a.b.wild.home.arpa", (), default), ("wild.home.arpa", rsa, default_rsa),
            (None, (), default), (None, rsa, default_rsa),
        ):  # fmt: skip
            assert shown(site, 8443, name, version, *words) == certificate, (version, name, words)


def test_names_of_no_certificate_are_refused_where_that_is_wished(site):
    for name, certificate in (("www.home.arpa", site.certificates[0]), ("a.wild.home.arpa", site.certificates[2]), ("other.home.arpa", None), (None, None)):
        assert shown(site, 8446, name) == (certificate and certificate.certificate), name
    text = site.service.control("GET", "/metrics")[1]
    failed = {line.split('"')[1]: int(line.split()[1]) for line in text.splitlines() if "handshakes_failed_total{" in line}
    assert failed["protocol"] >= 2 and failed["late"] == 0 and failed["memory"] == 0


# ---- testssl.sh, which runs beside the other tests


def test_testssl_finds_nothing(site):
    """No finding of LOW or above that is not explained, and what must be there is."""
    site.testssl.wait(240)
    log = site.findings.with_suffix(".log").read_text(errors="replace")
    found = json.loads(site.findings.read_text())
    bad = [one for one in found if one["severity"] not in ("OK", "INFO") and one["id"] not in EXPLAINED]
    assert not bad, f"{bad}\n{log}"
    told = {one["id"].split()[0]: one["finding"] for one in found}
    for name, text in (
        ("TLS1_2", "offered"), ("TLS1_3", "offered with final"), ("TLS1_1", "not offered"), ("SSLv3", "not offered"), ("ALPN_HTTP2", "h2"),
        ("cert_chain_of_trust", "passed."), ("OCSP_stapling", "offered"), ("cert_mustStapleExtension", "supported"), ("HSTS_time", "365 days"),
    ):  # fmt: skip
        assert text in told.get(name, ""), (name, told.get(name), log)
