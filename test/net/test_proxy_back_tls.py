"""TLS between the reverse proxy and its servers: whom it believes, what it asks for, what it shows, and what it tells when that fails."""

import asyncio
import contextlib
import datetime
import ipaddress
import json
import re
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from proxy_site import FRONT, SERVER, Site, answers, connect, listener, read_all, status

NAME = "app.home.arpa"
PATIENCE_S = 10


class Authority:
    """Signs certificates and writes them into files."""

    def __init__(self, folder, name):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        self.folder, self.subject, self.key = folder, self.name_of(name), ec.generate_private_key(ec.SECP256R1())
        self.file = self.write(name, self.sign(self.subject, self.key.public_key(), 0, 30, authority=True), self.key)[0]

    @staticmethod
    def name_of(text):
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def sign(self, subject, public, since, days, names=(), authority=False):
        at = datetime.datetime.utcnow() - datetime.timedelta(days=1)
        begins = at + datetime.timedelta(days=since)
        made = x509.CertificateBuilder(self.subject, subject, public, x509.random_serial_number(), begins,
                                       begins + datetime.timedelta(days=days))  # fmt: skip
        made = made.add_extension(x509.BasicConstraints(authority, None), True)
        if names:
            made = made.add_extension(x509.SubjectAlternativeName(names), False)
        return made.sign(self.key, hashes.SHA256())

    def write(self, name, certificate, key):
        chain, secret = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                             serialization.NoEncryption()))  # fmt: skip
        for path in (chain, secret):
            path.chmod(0o644)
        return chain, secret

    def issue(self, file, *names, since=0, days=30):
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = []
        for name in names:
            try:
                alternatives.append(x509.IPAddress(ipaddress.ip_address(name)))
            except ValueError:
                alternatives.append(x509.DNSName(name))
        return self.write(file, self.sign(self.name_of(file), key.public_key(), since, days, alternatives), key)


class Server:
    """Answers every request by HTTP/1.1 over TLS with what it saw of the connection."""

    def __init__(self, site, pair, port=443, client_ca=None, most=None, alpn=("http/1.1",)):
        self.site, self.port, self.asked, self.handshakes, self.failed = site, port, [], 0, 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*pair)
        self.context.set_alpn_protocols(list(alpn))
        self.context.sni_callback = lambda stream, name, context: self.asked.append(name)
        if client_ca:
            self.context.load_verify_locations(client_ca)
            self.context.verify_mode = ssl.CERT_REQUIRED
        if most:
            self.context.maximum_version = most

    async def __aenter__(self):
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # clients that refuse are what is tested
        self.writers = set()
        sock = listener(self.site.server, SERVER, self.port)
        self.server = await asyncio.start_server(self.serve, sock=sock, ssl=self.context)
        return self

    async def __aexit__(self, *_):
        self.server.close()
        for writer in self.writers:
            with contextlib.suppress(AttributeError):  # asyncio's, when TLS was over before
                writer.transport.abort()
        await self.server.wait_closed()

    async def serve(self, reader, writer):
        stream = writer.get_extra_info("ssl_object")
        self.handshakes += 1
        self.writers.add(writer)
        shown = stream.getpeercert() or {}
        seen = {"version": stream.version(), "resumed": stream.session_reused, "alpn": stream.selected_alpn_protocol(),
                "client": dict(pair[0] for pair in shown.get("subject", ())).get("commonName")}  # fmt: skip
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                body = json.dumps({**seen, "connection": self.handshakes}).encode()
                close = b"/close" in head.split(b"\r\n", 1)[0]
                more = b"Connection: close\r\n" if close else b""
                writer.write(b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (more, len(body), body))
                await writer.drain()
                if close:
                    break
        writer.close()


def conf(tls, *, port=443, server=None, more=""):
    # One worker: sessions and kept connections are each worker's own.
    return f"""reverse-proxy:
  listen: {FRONT}
  workers: 1
  pools:
    app:
      servers: ["{server or f"{SERVER}:{port}"}"]
      tls: {tls}
      {more}
  routes: {{to: app}}
"""


@pytest.fixture(scope="module")
def site(janitor_process):
    made = Site()
    try:
        folder = Path(f"/tmp/{made.gateway.space}-pki")
        made.ours, made.others = Authority(folder, "ours"), Authority(folder, "others")
        made.good = made.ours.issue("good", NAME, SERVER)
        made.serve(conf(f"{{ca: {made.ours.file}}}"))
        yield made
        assert made.service.alive
    finally:
        made.close()


async def ask(site, path="/"):
    reader, writer = await connect(site.client)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: www.example\r\nConnection: close\r\n\r\n".encode())
        (answer,) = answers(await read_all(reader, PATIENCE_S))
        return answer
    finally:
        writer.transport.abort()


def get(site, server, *paths):
    """What the server saw of each request, or the status of another answer."""

    async def run():
        async with server:
            found = [await ask(site, path) for path in paths or ("/",)]
            return [json.loads(answer.body) if status(answer) == 200 else status(answer) for answer in found]

    return asyncio.run(run())


def ended(site, cause):
    metrics = site.service.control("GET", "/metrics")[1]
    return int(metrics.split(f'ended_total{{cause="{cause}"}} ')[1].split("\n")[0])


def backend(site):
    return site.service.control("GET", "/backends?pool=app")[1]["pools"][0]["backends"][0]


def told(site, words):
    until = time.monotonic() + PATIENCE_S
    while words not in site.service.log():
        assert time.monotonic() < until, site.service.log()[-2000:]
        time.sleep(0.05)


def test_a_server_is_believed_by_its_address_or_by_the_name_that_is_set(site):
    for tls, name in ((f"{{ca: {site.ours.file}}}", None), (f"{{ca: {site.ours.file}, name: {NAME}}}", NAME)):
        site.serve(conf(tls))
        server = Server(site, site.good)
        (seen,) = get(site, server)
        assert seen["version"] == "TLSv1.3" and seen["alpn"] == "http/1.1"
        assert server.asked == [name]


def test_connections_are_kept_and_sessions_resumed(site):
    site.serve(conf(f"{{ca: {site.ours.file}}}"))
    one, same, last, other = get(site, Server(site, site.good), "/", "/", "/close", "/")
    assert one["connection"] == same["connection"] == last["connection"] == 1 and not one["resumed"]
    assert other["connection"] == 2 and other["resumed"]


@pytest.mark.parametrize("which", ["another authority", "another name", "expired", "not begun", "the system's"])
def test_who_is_not_the_server_gets_no_request(site, which):
    pairs = {
        "another authority": lambda: site.others.issue("other", NAME, SERVER),
        "another name": lambda: site.ours.issue("name", "elsewhere.home.arpa", "10.0.0.99"),
        "expired": lambda: site.ours.issue("expired", NAME, SERVER, since=-30, days=30),
        "not begun": lambda: site.ours.issue("later", NAME, SERVER, since=10),
        "the system's": lambda: site.good,
    }
    site.serve(conf("yes" if which == "the system's" else f"{{ca: {site.ours.file}, name: {NAME}}}"))
    before = ended(site, "back-certificate")
    server = Server(site, pairs[which]())
    assert get(site, server) == [502] and server.handshakes == 0
    assert ended(site, "back-certificate") == before + 1
    seen = backend(site)
    assert seen["tls_errors"] > 0 and seen["tls"], seen
    if which == "expired":
        told(site, "certificate has expired")


def test_a_server_without_tls_is_told_as_such(site):
    async def plain(reader, writer):
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def run():
        server = await asyncio.start_server(plain, sock=listener(site.server, SERVER, 443))
        async with server:
            return status(await ask(site))

    site.serve(conf(f"{{ca: {site.ours.file}}}"))
    before = ended(site, "back-tls")
    assert asyncio.run(run()) == 502 and ended(site, "back-tls") == before + 1


def test_unchecked_servers_are_taken_and_the_log_says_so(site):
    site.serve(conf("{verify: no}"))
    told(site, "NOT checked")
    (seen,) = get(site, Server(site, site.others.issue("unknown", "nobody.example")))
    assert seen["version"] == "TLSv1.3"


def test_the_oldest_version_is_ours_to_say(site):
    site.serve(conf(f"{{ca: {site.ours.file}}}"))
    (seen,) = get(site, Server(site, site.good, most=ssl.TLSVersion.TLSv1_2))
    assert seen["version"] == "TLSv1.2"
    site.serve(conf(f"{{ca: {site.ours.file}, version-min: 1.3}}"))
    assert get(site, Server(site, site.good, most=ssl.TLSVersion.TLSv1_2)) == [502]


@contextlib.contextmanager
def refusing(site, version):
    """A server that wants a certificate; by blocking calls, as asyncio hangs up without the alert that says why."""
    context = Server(site, site.good, client_ca=site.ours.file, most=version).context
    door = listener(site.server, SERVER, 443)
    door.setblocking(True)

    def serve():
        with contextlib.suppress(OSError):
            while True:
                with door.accept()[0] as made, contextlib.suppress(ssl.SSLError, ConnectionError):
                    made.settimeout(PATIENCE_S)
                    context.wrap_socket(made, server_side=True)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield
    door.shutdown(socket.SHUT_RDWR)
    thread.join(PATIENCE_S)
    door.close()


@pytest.mark.parametrize("version, cause", [(ssl.TLSVersion.TLSv1_2, "back-tls"), (ssl.TLSVersion.TLSv1_3, "back-certificate")])
def test_a_server_that_asks_is_shown_our_certificate(site, version, cause):
    chain, key = site.ours.issue("gateway")
    site.serve(conf(f"{{ca: {site.ours.file}, certificate: {{chain: {chain}, key: {key}}}}}"))
    (seen,) = get(site, Server(site, site.good, client_ca=site.ours.file, most=version))
    assert seen["client"] == "gateway"
    site.serve(conf(f"{{ca: {site.ours.file}}}"))
    before = ended(site, cause)  # TLS 1.2 has no word for a certificate that is missing
    with refusing(site, version):
        assert status(asyncio.run(ask(site))) == 502
    assert ended(site, cause) == before + 1


def test_a_reload_reads_the_files_anew_and_keeps_what_did_not_change(site):
    text = conf(f"{{ca: {site.ours.folder}/now.pem}}")
    now = site.ours.folder / "now.pem"
    now.write_bytes(site.ours.file.read_bytes())
    now.chmod(0o644)
    site.serve(text)

    async def run():
        async with Server(site, site.good):
            first = json.loads((await ask(site)).body)
            site.serve(text)
            second = json.loads((await ask(site)).body)
            now.write_bytes(site.others.file.read_bytes())
            site.serve(text)
            return first["connection"], second["connection"], status(await ask(site))

    assert asyncio.run(run()) == (1, 1, 502)


def test_pools_that_are_spoken_to_alike_share_what_was_read(site):
    """A hundred pools with the system's authorities, which are some hundred themselves: once in memory, not a hundred times."""

    def resident():
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{site.service.pid}/status").read_text())[1])

    site.serve(conf(f"{{ca: {site.ours.file}}}"))
    before = resident()
    pools = "".join(f'    p{n}: {{servers: ["{SERVER}:{n}"], tls: yes}}\n' for n in range(1, 101))
    site.serve(conf(f"{{ca: {site.ours.file}}}").replace("  pools:\n", "  pools:\n" + pools))
    assert len(site.service.control("GET", "/backends")[1]["pools"]) == 101
    assert resident() - before < 24 << 10


def test_a_file_that_is_none_is_refused_and_the_old_stays(site):
    site.serve(conf(f"{{ca: {site.ours.file}}}"))
    wrong = site.ours.folder / "wrong.pem"
    wrong.write_text("this is no certificate\n")
    for path, words in ((wrong, "no certificate in PEM"), (site.ours.folder / "absent.pem", "cannot be read")):
        site.service.configure(conf(f"{{ca: {path}}}"))
        assert site.service.control("POST", "/reload")[0] == 409
        told(site, words)
        assert get(site, Server(site, site.good))[0]["version"] == "TLSv1.3"


@pytest.mark.parametrize("check", ["{http: /health, interval: 50ms, rise: 1, fall: 1}", "{tcp: yes, interval: 50ms, rise: 1, fall: 1}"])
def test_checks_go_by_tls_and_believe_whom_requests_believe(site, check):
    def seen(words):
        until = time.monotonic() + PATIENCE_S
        while words not in backend(site).get("check", ""):
            assert time.monotonic() < until, backend(site)
            time.sleep(0.02)
        return backend(site)["state"]

    async def run(pair):
        async with Server(site, pair) as server:
            state = await asyncio.get_running_loop().run_in_executor(None, seen, "well" if pair is site.good else "certificate")
            answer = status(await ask(site)) if pair is site.good else 0
            return state, answer, server.handshakes > 0

    site.serve(conf(f"{{ca: {site.ours.file}}}", more=f"check: {check}"))
    assert asyncio.run(run(site.good)) == ("up", 200, True)
    assert asyncio.run(run(site.others.issue("stranger", NAME, SERVER))) == ("down", 0, False)
