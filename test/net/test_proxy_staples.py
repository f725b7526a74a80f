"""OCSP stapling at the reverse proxy: answers fetched, checked, renewed, taken away, and certificates that must have them."""

import socket
import threading

import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

import topology
from proxy_pki import Authority, Responder
from proxy_servers import wait_for
from service import Service

PORT, NAME = 2560, "ocsp.home.arpa"


def serve_name(host):
    """A resolver that knows where NAME is."""
    with host.inside():
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 53))

    def serve():
        while data := made.recvfrom(4096):
            if not data[0]:
                return
            answer = dns.message.make_response(dns.message.from_wire(data[0]))
            question = answer.question[0]
            if question.rdtype == dns.rdatatype.A and str(question.name) == NAME + ".":
                answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", "127.0.0.1"))
            made.sendto(answer.to_wire(), data[1])

    threading.Thread(target=serve, daemon=True).start()
    return lambda: made.sendto(b"", made.getsockname())


class Site:
    def __init__(self, net):
        self.host = net.host("proxy")
        self.close = serve_name(self.host)
        self.authority = Authority(f"/tmp/{self.host.space}-pki")
        self.others = Authority(f"/tmp/{self.host.space}-others", "others")
        with self.host.inside():
            self.responder = Responder(self.authority, PORT)
            self.short = Responder(self.authority, PORT + 1, life_s=4.0)
        self.gateways = 0
        # What takes its time runs beside the other tests.
        self.aging = self.authority.issue("aging.home.arpa", asked_at=f"http://127.0.0.1:{PORT + 1}")
        self.old = self.gateway(self.aging)

    def issue(self, name, path="", **options):
        return self.authority.issue(name, asked_at=f"http://{options.pop('at', '127.0.0.1')}:{PORT}{path}", **options)

    def gateway(self, *certificates, more="", start=True):
        self.gateways += 1
        made = Service(self.host, "reverse-proxy", self.config(self.gateways, *certificates, more=more))
        made.port = 8440 + self.gateways
        return made.start() if start else made

    def config(self, number, *certificates, more=""):
        listed = ", ".join(c if isinstance(c, str) else f"{{{c.conf}}}" for c in certificates)
        return (
            f"reverse-proxy:\n  listen: {{address: 127.0.0.1:{8440 + number}, tls: yes}}\n  workers: 1\n  certificates: [{listed}]\n"
            f"  routes: [{{answer: {{status: 200, body: hello}}}}]\n{more}"
        )

    def stapled(self, gateway, name, *words):
        """Whether curl is satisfied by the answer that came with the handshake, which it checks; False: there was none."""
        done = self.host.run(
            "curl", "-sS", "--cert-status", "--cacert", self.authority.pem, "--resolve", f"{name}:{gateway.port}:127.0.0.1",
            *words, f"https://{name}:{gateway.port}/")  # fmt: skip
        assert done.returncode in (0, 91), done.stderr
        assert done.returncode == 91 or done.stdout == "hello"
        return done.returncode == 0


@pytest.fixture(scope="module")
def site(janitor_process):
    net = topology.Net()
    try:
        made = Site(net)
        yield made
        made.close()
        for responder in (made.responder, made.short):
            responder.shutdown()
            responder.server_close()
    finally:
        assert not net.close()


def metric(gateway, name):
    text = gateway.control("GET", "/metrics")[1]
    return int([line for line in text.splitlines() if line.startswith(f"gatehouse_reverse_proxy_{name} ")][0].split()[1])


def test_answers_come_with_the_handshake_for_each_kind_of_key(site):
    gateway = site.gateway(site.issue("a.home.arpa", "/x", at=NAME), site.issue("a.home.arpa", kind="rsa"))
    wait_for(lambda: metric(gateway, "staples") == 2)
    for words in (("--tls-max", "1.3"), ("--ciphers", "ECDHE-RSA-AES128-GCM-SHA256", "--tls-max", "1.2")):
        assert site.stapled(gateway, "a.home.arpa", *words)
    # By GET, which caches keep; by the server's name.
    assert any(method == "GET" and path.startswith("/x/M") and host == f"{NAME}:{PORT}" for method, path, host in site.responder.paths)


def test_a_certificate_that_must_be_stapled_is_waited_for(site):
    asked, site.responder.delay_s = site.responder.asked, 0.5
    gateway = site.gateway(site.issue("must.home.arpa", must_staple=True))
    site.responder.delay_s = 0.0
    assert site.responder.asked == asked + 1
    assert site.stapled(gateway, "must.home.arpa")


def test_an_answer_outlives_a_reload(site):
    certificate = site.issue("b.home.arpa")
    gateway = site.gateway(certificate)
    wait_for(lambda: metric(gateway, "staples") == 1)
    asked = site.responder.asked
    gateway.reload(site.config(site.gateways, certificate, more="  timeouts: {idle: 7s}\n"))
    assert site.stapled(gateway, "b.home.arpa")
    assert site.responder.asked == asked
    gateway.reload(site.config(site.gateways, f"{{{certificate.conf}, staple: no}}"))
    assert not site.stapled(gateway, "b.home.arpa")
    assert metric(gateway, "staples") == 0


def test_what_is_not_good_is_not_shown(site):
    revoked, other = site.issue("gone.home.arpa"), site.issue("c.home.arpa")
    site.authority.revoke(revoked)
    gateway = site.gateway(revoked)
    wait_for(lambda: "the certificate is revoked" in gateway.log())
    assert not site.stapled(gateway, "gone.home.arpa")
    site.responder.signer = site.others
    try:
        gateway.reload(site.config(site.gateways, other))
        wait_for(lambda: "signed by nobody we know" in gateway.log())
    finally:
        site.responder.signer = site.authority
    assert not site.stapled(gateway, "c.home.arpa")
    assert metric(gateway, "staples_failed_total") == 2


def test_an_answer_may_lie_in_a_file(site):
    certificate = site.authority.issue("file.home.arpa")
    path = site.authority.folder / "file.ocsp"

    def write(days):
        site.responder.life_s = days * 86400.0
        builder = ocsp.OCSPRequestBuilder().add_certificate(certificate.certificate, site.authority.own.certificate, hashes.SHA1())
        path.write_bytes(site.responder.answer(builder.build().public_bytes(serialization.Encoding.DER)))
        path.chmod(0o644)
        site.responder.life_s = 3600.0

    write(2)
    gateway = site.gateway(f"{{{certificate.conf}, staple-file: {path}}}")
    assert site.stapled(gateway, "file.home.arpa")
    write(-1)
    gateway.reload()
    assert site.stapled(gateway, "file.home.arpa")  # the one before is good still
    assert "not of now" in gateway.log()


def test_openssl_is_asked_too(site):
    certificate = site.authority.issue("d.home.arpa", asked_at=f"http://127.0.0.1:{PORT + 2}/", days=30)
    folder, end = site.authority.folder, certificate.certificate.not_valid_after
    (folder / "index.txt").write_text(f"V\t{end:%y%m%d%H%M%SZ}\t\t{certificate.serial:X}\tunknown\t/CN=d.home.arpa\n")
    responder = site.host.popen(
        "openssl", "ocsp", "-index", folder / "index.txt", "-port", PORT + 2, "-rsigner", site.authority.pem, "-rkey", site.authority.own.key,
        "-CA", site.authority.pem, "-nmin", "60", stdout=-3, stderr=-3)  # fmt: skip
    try:
        wait_for(lambda: f":{PORT + 2} " in site.host.run("ss", "-Hltn").stdout)
        gateway = site.gateway(certificate)
        wait_for(lambda: metric(gateway, "staples") == 1)
        assert site.stapled(gateway, "d.home.arpa")
    finally:
        responder.kill()
        responder.wait(10)


def test_an_answer_is_renewed_before_its_end_and_taken_away_at_it(site):
    wait_for(lambda: site.short.asked >= 2)
    wait_for(lambda: metric(site.old, "staples_taken_total") >= 2)
    assert metric(site.old, "staples") == 1 and site.stapled(site.old, "aging.home.arpa")
    site.short.broken = True
    wait_for(lambda: not site.stapled(site.old, "aging.home.arpa"))
    assert "an OCSP answer has ended" in site.old.log()
    assert metric(site.old, "staples") == 0
