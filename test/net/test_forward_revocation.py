"""Whether the certificates of servers whose TLS is inspected have been revoked, asked of OCSP servers: `openssl ocsp` as it is, and one that a test plays
where openssl's cannot be made to behave badly."""

import contextlib
import socket
import struct
import subprocess
import threading
import time

import pytest

import proxy_pki
from forward_site import NAMES, WEB, Site
from proxy_servers import wait_for
from service import Service
from test_forward_inspection import context_of, curl

RESPONDER, BAD, PARENT = WEB[2], WEB[3], WEB[4]
INSPECT = "  inspection: {from: [10.0.0.10/32], authorities: %s, revocation: %s}\n"
PORT = 8888
AT = f"http://ocsp.example.com:{PORT}"


@pytest.fixture(scope="module")
def site(janitor_process):
    made = None
    try:
        made = Site()
        made.names.zone["ocsp.example.com"] = [RESPONDER]
        made.more = INSPECT % (made.authority.pem, "stapled")
        made.service.stop()
        made.service.configure(made.config + made.more)
        made.service.start()
        made.ours = made.service.folder / "ours.pem"
        made.ours.write_text(made.service.control("GET", "/authority")[1]["pem"])
        yield made
    finally:
        if made:
            made.close()


@pytest.fixture
def mode(site):
    """Sets how it is asked; with nothing kept of before, as that is of the workers."""

    def to(what, more=""):
        site.service.stop()
        site.service.configure(site.config + INSPECT % (site.authority.pem, what) + more)
        site.service.start()

    yield to


class Openssl:
    """openssl's own responder, for those that it is told of. signer: whose certificate and key."""

    def __init__(self, site, statuses, signer=None, *more):
        self.folder = site.authority.folder
        self.index = self.folder / "index.txt"
        lines = []
        for issued, status in statuses:
            revoked = "200101000000Z" if status == "R" else ""
            serial = f"{issued.serial:X}"
            lines.append(f"{status}\t360101000000Z\t{revoked}\t{serial.zfill(len(serial) + len(serial) % 2)}\tunknown\t/CN=x\n")
        self.index.write_text("".join(lines))
        signer = signer or site.authority.own
        self.asked = self.folder / "asked.txt"
        self.out = open(self.asked, "wb")
        self.process = site.web.popen(
            "openssl", "ocsp", "-port", str(PORT), "-index", str(self.index), "-CA", str(site.authority.pem), "-rsigner", str(signer.chain),
            "-rkey", str(signer.key), "-text", *(more or ("-ndays", "1")), stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.out,
        )  # fmt: skip
        # A connection that asks nothing would hold it up for ever.
        wait_for(lambda: "waiting for OCSP client" in self.asked.read_text(), 30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)
        self.out.close()


class Played:
    """Takes questions and says what it is told to; `answer` may be octets, or what waits and makes them. paths: of those who asked by GET."""

    def __init__(self, site, answer, address=RESPONDER, port=PORT):
        self.answer, self.asked = answer, []
        with site.web.inside():
            self.socket = socket.create_server((address, port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                made, _ = self.socket.accept()
                threading.Thread(target=self.serve, args=(made,), daemon=True).start()

    def serve(self, made):
        with contextlib.suppress(OSError), made:
            data = b""
            while b"\r\n\r\n" not in data:
                more = made.recv(65536)
                if not more:
                    return
                data += more
            self.asked.append(data)
            body = self.answer() if callable(self.answer) else self.answer
            if body is not None:
                made.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


number = 0


@contextlib.contextmanager
def server(site, asked_at=AT, **more):
    """(host, what it shows): a server of its own at each name."""
    global number
    number += 1
    host = f"h{number}.example.com"
    issued = site.authority.issue(host, asked_at=asked_at, **more)
    site.names.zone[host] = [BAD]
    made = site.serve(BAD, 443, context_of(issued))
    try:
        yield host, issued, made
    finally:
        made.stop()
        site.started.remove(made)


def passes(site, host):
    body, (status, *_), _ = curl(site, f"https://{host}/")
    assert status == "200", body


def is_refused(site, host, words):
    body, (status, *_), _ = curl(site, f"https://{host}/")
    assert status == "502" and words in body, body


REVOKED, UNTOLD = "certificate revoked", "nobody tells whether the certificate is revoked"


def test_nobody_is_asked_unless_told_so(site, mode):
    mode("stapled")
    with server(site) as (host, issued, _), Played(site, b"") as played:
        passes(site, host)
        assert not played.asked


@pytest.mark.parametrize("how", ["ask", "require"])
def test_a_good_one_passes_and_is_asked_for_once(site, mode, how):
    mode(how)
    with server(site) as (host, issued, origin), Openssl(site, [(issued, "V")]) as there:
        origin.pages["/"] = (200, {"Connection": "close"}, b"once")
        for _ in range(3):
            passes(site, host)
        # Each of the two workers asks once at most; what they know lasts.
        assert 1 <= site.metric("revocation_asked_total") <= 2
        assert site.metric("revocation_untold_total") == 0
        assert there.asked.read_text().count("Received request") == site.metric("revocation_asked_total")
    assert len(origin.seen) >= 3


@pytest.mark.parametrize("how", ["ask", "require"])
def test_a_revoked_one_is_refused(site, mode, how):
    mode(how)
    with server(site) as (host, issued, origin), Openssl(site, [(issued, "R")]):
        for _ in range(2):
            is_refused(site, host, REVOKED)
        assert not origin.seen
        wait_for(lambda: [one for one in site.log() if one["host"] == host and one.get("detail") == REVOKED])


def test_one_that_is_not_known_is_as_one_without_an_answer(site, mode):
    for how in ("ask", "require"):
        mode(how)
        with server(site) as (host, issued, origin), Openssl(site, []):
            if how == "ask":
                passes(site, host)
            else:
                is_refused(site, host, UNTOLD)
                assert not origin.seen
            assert site.metric("revocation_untold_total") == 1


def responder_of(site, authority):
    """A certificate for answers, made by that authority."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = proxy_pki.new_key("ec")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "answers")])
    made = authority.builder(subject, key.public_key(), proxy_pki.now() - proxy_pki.DAY, proxy_pki.now() + proxy_pki.DAY)
    made = made.add_extension(x509.BasicConstraints(False, None), True)
    made = made.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), False)
    return proxy_pki.Issued(authority.folder, f"answers-{authority.folder.name}", made.sign(authority.secret, hashes.SHA256()), key)


def test_who_may_sign(site, mode):
    other = proxy_pki.Authority(f"/tmp/{site.gateway.space}-other-pki", "authority")
    mode("require")
    with server(site) as (host, issued, _), Openssl(site, [(issued, "V")], responder_of(site, site.authority)):
        passes(site, host)
    # Of another authority of the same name; a server's own certificate, which is for no answers.
    for signer in (other.own, responder_of(site, other), site.authority.issue("x.example.com")):
        with server(site) as (host, issued, origin), Openssl(site, [(issued, "V")], signer):
            is_refused(site, host, UNTOLD)
            assert not origin.seen
        # Nor can anybody else take a server from its clients.
        with server(site) as (host, issued, origin), Openssl(site, [(issued, "R")], signer):
            is_refused(site, host, UNTOLD)
    mode("ask")
    with server(site) as (host, issued, _), Openssl(site, [(issued, "R")], other.own):
        passes(site, host)


def test_an_answer_that_has_ended_is_none(site, mode):
    mode("require")
    with server(site) as (host, issued, origin):
        index = site.authority.folder / "index.txt"
        index.write_text(f"V\t360101000000Z\t\t{issued.serial:040X}\tunknown\t/CN=x\n")
        question, answer = site.authority.folder / "q", site.authority.folder / "a"
        own = site.authority.own
        subprocess.run(["openssl", "ocsp", "-issuer", site.authority.pem, "-cert", issued.chain, "-no_nonce", "-reqout", question],
                       check=True, capture_output=True)  # fmt: skip

        def make(*more):
            words = ["openssl", "ocsp", "-index", index, "-CA", site.authority.pem, "-rsigner", own.chain, "-rkey", own.key]
            subprocess.run([*words, "-reqin", question, *more, "-respout", answer], check=True, capture_output=True)
            return answer.read_bytes()

        # openssl makes none that has ended but by another clock than ours.
        good, old = make("-nmin", "60"), played_answer(site, issued, ends=-3600)
        with Played(site, old):
            is_refused(site, host, UNTOLD)
        mode("require")
        with Played(site, good):
            passes(site, host)
        # What is no answer, one for another certificate, and none.
        mode("require")
        for other in (b"", b"nonsense", good[:-10], bytes([0x30, 3, 0x0A, 1, 3])):
            with server_more(site) as (another, _):
                with Played(site, other):
                    is_refused(site, another, UNTOLD)
        with server_more(site) as (another, _), Played(site, good):
            is_refused(site, another, UNTOLD)


def played_answer(site, issued, ends):
    """As the responder of proxy_pki makes them, of whatever time."""
    import datetime

    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509 import ocsp

    at = proxy_pki.now() + datetime.timedelta(seconds=ends)
    made = ocsp.OCSPResponseBuilder().add_response(issued.certificate, site.authority.own.certificate, hashes.SHA1(), ocsp.OCSPCertStatus.GOOD,
                                                   at - proxy_pki.DAY, at, None, None)  # fmt: skip
    made = made.responder_id(ocsp.OCSPResponderEncoding.HASH, site.authority.own.certificate)
    return made.sign(site.authority.secret, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@contextlib.contextmanager
def server_more(site, address=WEB[0]):
    """One more, beside that of `server`."""
    global number
    number += 1
    host = f"h{number}.example.com"
    issued = site.authority.issue(host, asked_at=AT)
    site.names.zone[host] = [address]
    made = site.serve(address, 443, context_of(issued))
    try:
        yield host, issued
    finally:
        made.stop()
        site.started.remove(made)


def test_nobody_waits_long_for_one_that_is_dead_or_slow(site, mode):
    gate = threading.Event()

    def never():
        gate.wait(30)

    def waited_s(how, slow):
        with contextlib.ExitStack() as stack:
            host, _, origin = stack.enter_context(server(site))
            if slow:
                stack.enter_context(Played(site, never))
            began = time.monotonic()
            if how == "ask":
                passes(site, host)
            else:
                is_refused(site, host, UNTOLD)
                assert not origin.seen
            return time.monotonic() - began

    for how in ("ask", "require"):
        mode(how)
        for slow in (False, True):
            took = waited_s(how, slow)
            assert took < 4.5 and (not slow or took > 2.5), took
    gate.set()


def test_one_question_is_for_all_who_wait(site, mode):
    mode("require")
    with server(site) as (host, issued, origin):
        good = played_answer(site, issued, ends=3600)
        gate = threading.Event()

        def late():
            gate.wait(20)
            return good

        with Played(site, late) as played:
            results = []

            def ask():
                results.append(curl(site, f"https://{host}/")[1][0])

            before = site.metric("tunnels_total")
            threads = [threading.Thread(target=ask) for _ in range(8)]
            for one in threads:
                one.start()
            wait_for(lambda: played.asked and site.metric("tunnels_total") == before + 8)
            assert not origin.seen  # nothing is said to a server before
            gate.set()
            for one in threads:
                one.join(30)
        assert results == ["200"] * 8
        assert len(played.asked) <= 2  # one of each worker
        assert all(one.startswith(b"GET /") and b"ocsp.example.com:8888\r\n" in one for one in played.asked)


def test_a_client_that_goes_waits_no_more(site, mode):
    mode("require")
    with server(site) as (host, issued, origin):
        gate = threading.Event()

        def late():
            gate.wait(20)
            return played_answer(site, issued, ends=3600)

        with Played(site, late) as played:
            for _ in range(4):
                status, made = site.tunnel(f"{host}:443")
                assert status == 200
                made.sendall(hello(host))
                wait_for(lambda: played.asked)
                leave(made)
            gate.set()
            passes(site, host)


def test_what_waits_goes_by_a_reload_and_holds_up_no_end(site, mode):
    """What is in force when nobody has told counts, not what was when it was asked."""
    gate = threading.Event()

    def never():
        gate.wait(30)

    mode("ask")
    with server(site) as (host, _, origin), Played(site, never) as played:
        results = []
        waits = threading.Thread(target=lambda: results.append(curl(site, f"https://{host}/")))
        waits.start()
        wait_for(lambda: played.asked)
        site.service.reload(site.config + INSPECT % (site.authority.pem, "require"))
        waits.join(30)
        body, (status, *_), _ = results[0]
        assert status == "502" and UNTOLD in body and not origin.seen, body
    # Its end, while somebody waits, and while nobody does any more.
    for leaves in (False, True):
        with server(site) as (host, _, origin), Played(site, never) as played:
            status, made = site.tunnel(f"{host}:443")
            assert status == 200
            with made:
                made.sendall(hello(host))
                wait_for(lambda: played.asked)
                if leaves:
                    leave(made)
                began = time.monotonic()
                assert site.service.stop() == 0
                assert time.monotonic() - began < (2 if leaves else 10) and not origin.seen
        site.service.start()
    gate.set()


def leave(made):
    """By a reset: an end alone would be half of one, as tunnels may have."""
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    made.close()


def hello(host):
    import ssl

    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    made = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname=host)
    with contextlib.suppress(ssl.SSLWantReadError):
        made.do_handshake()
    return outgoing.read()


def test_who_names_nobody_passes_but_who_must_be_stapled_does_not(site, mode):
    mode("require")
    with server(site, asked_at=None) as (host, _, _):
        passes(site, host)
    with server(site, must_staple=True) as (host, issued, origin), Openssl(site, [(issued, "V")]):
        is_refused(site, host, "no proof that the certificate is not revoked")
        assert not origin.seen


def test_who_names_one_that_cannot_be_asked_is_as_one_without_an_answer(site, mode):
    for at in ("https://ocsp.example.com/", f"http://ocsp.example.com:{PORT}/{'x' * 300}"):
        mode("require")
        with server(site, asked_at=at) as (host, _, origin):
            is_refused(site, host, UNTOLD)
            assert not origin.seen
            assert site.metric("revocation_untold_total") == 1
        mode("ask")
        with server(site, asked_at=at) as (host, _, _):
            passes(site, host)


def test_no_certificate_leads_into_the_inside(site, mode):
    """Its URL is a stranger's: an address of the proxy's own, of the inside, a port of mail, a name that leads inside."""
    site.names.zone["inside.example.com"] = ["10.0.0.10"]
    site.names.zone["both.example.com"] = [RESPONDER, "10.0.0.10"]
    with site.client.inside():
        inside = socket.create_server(("10.0.0.10", PORT))
    inside.settimeout(0.2)
    mode("require")
    try:
        for at in (f"http://10.0.0.10:{PORT}", "http://127.0.0.1:3128", f"http://10.0.0.1:{PORT}", "http://169.254.169.254",
                   f"http://inside.example.com:{PORT}", f"http://both.example.com:{PORT}", "http://ocsp.example.com:25", "http://[::1]:3128",
                   f"http://localhost:{PORT}"):  # fmt: skip
            with server(site, asked_at=at) as (host, issued, _), Played(site, lambda issued=issued: played_answer(site, issued, 3600)) as played:
                is_refused(site, host, UNTOLD)
                assert not played.asked
        with pytest.raises(socket.timeout):
            inside.accept()
    finally:
        inside.close()


def test_an_address_inside_that_is_allowed_is_asked(site, mode):
    with site.client.inside():
        inside = socket.create_server(("10.0.0.10", PORT))
    inside.close()
    with server(site, asked_at=f"http://10.0.0.10:{PORT}") as (host, issued, _):
        mode("require", "  allow-inside: [10.0.0.10/32]\n")
        with site.client.inside():
            played = Played.__new__(Played)
            played.answer, played.asked = played_answer(site, issued, 3600), []
            played.socket = socket.create_server(("10.0.0.10", PORT))
        threading.Thread(target=played.accept, daemon=True).start()
        with played:
            passes(site, host)
            assert len(played.asked) == 1


def test_where_others_lead_it_is_not_asked_past_them(site, mode):
    upstreams = f'  upstreams: [{{to: ocsp.example.com, socks: "{PARENT}:9"}}]\n'
    mode("ask", upstreams)
    with server(site) as (host, issued, _), Played(site, played_answer(site, issued, 3600)) as played:
        passes(site, host)
        assert not played.asked
    mode("require", upstreams)
    with server(site) as (host, issued, _), Played(site, played_answer(site, issued, 3600)) as played:
        is_refused(site, host, UNTOLD)
        assert not played.asked


PARENT_CONF = f"""forward-proxy:
  listen: [{{address: "{PARENT}:3128"}}]
  clients: [9.0.0.0/24]
  resolver: {NAMES}
  allow-inside: [{BAD}/32]
  connect-ports: [443]
  workers: 1
"""


def test_servers_behind_other_proxies_are_asked_for_too(site, mode):
    parent = Service(site.web, "forward-proxy", PARENT_CONF).start()
    mode("require", f'  upstreams: [{{except: ocsp.example.com, http: "{PARENT}:3128"}}]\n')
    with server(site) as (host, issued, _), Openssl(site, [(issued, "V")]):
        passes(site, host)
    with server(site) as (host, issued, origin), Openssl(site, [(issued, "R")]):
        is_refused(site, host, REVOKED)
        assert not origin.seen
    parent.stop()
