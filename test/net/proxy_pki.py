"""An authority with its certificates, lists of the revoked and OCSP responder, for tests of TLS."""

import datetime
import http.server
import threading
import time
import urllib.parse
from base64 import b64decode
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


def now():
    return datetime.datetime.utcnow()


def new_key(kind):
    return rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


class Issued:
    """A certificate in files: chain, key, and both in one for curl."""

    def __init__(self, folder, name, certificate, key, above=b""):
        self.certificate = certificate
        self.chain, self.key = folder / f"{name}.pem", folder / f"{name}.key"
        self.chain.write_bytes(pem(certificate) + above)
        self.key.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        for path in (self.chain, self.key):
            path.chmod(0o644)

    @property
    def serial(self):
        return self.certificate.serial_number

    @property
    def fingerprint(self):
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    @property
    def conf(self):
        return f"chain: {self.chain}, key: {self.key}"


class Authority:
    def __init__(self, folder, name="authority"):
        self.folder, self.name = Path(folder), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        self.secret, self.index, self.made = new_key("ec"), {}, 0
        made = self.builder(self.name, self.secret.public_key(), now() - DAY, now() + 3650 * DAY)
        made = made.add_extension(x509.BasicConstraints(True, None), True)
        self.own = Issued(self.folder, name, made.sign(self.secret, hashes.SHA256()), self.secret)
        self.pem = self.own.chain

    def builder(self, subject, public, start, end):
        made = x509.CertificateBuilder(self.name, subject, public, x509.random_serial_number(), start, end)
        return made.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), False)

    def issue(self, *names, kind="ec", client=None, days=60, since=None, asked_at=None, must_staple=False):
        """For these names of hosts, or for a client of that name; days: until it ends; since: when it begins; asked_at: URL of its OCSP server."""
        self.made += 1
        secret = new_key(kind)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, client or names[0])])
        end = now() + days * DAY
        start = since or min(now(), end) - DAY
        made = self.builder(subject, secret.public_key(), start, end)
        made = made.add_extension(x509.BasicConstraints(False, None), True)
        made = made.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.secret.public_key()), False)
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        made = made.add_extension(x509.ExtendedKeyUsage([usage]), False)
        made = made.add_extension(
            x509.KeyUsage(True, False, False, False, False, False, False, False, False), True
        )
        if names:
            made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(n) for n in names]), False)
        if asked_at:
            at = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(asked_at))
            made = made.add_extension(x509.AuthorityInformationAccess([at]), False)
        if must_staple:
            made = made.add_extension(x509.TLSFeature([x509.TLSFeatureType.status_request]), False)
        issued = Issued(self.folder, f"{self.made}-{client or names[0].replace('*', 'any')}", made.sign(self.secret, hashes.SHA256()),
                        secret, pem(self.own.certificate))  # fmt: skip
        self.index[issued.serial] = (issued, None)
        return issued

    def revoke(self, issued):
        self.index[issued.serial] = (issued, now())

    def crl(self, days=7):
        """The file of the list of those that are revoked now."""
        made = x509.CertificateRevocationListBuilder(self.name, now() - DAY, now() + days * DAY)
        for serial, (_, revoked) in self.index.items():
            if revoked:
                one = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(revoked).build()
                made = made.add_revoked_certificate(one)
        path = self.folder / "crl.pem"
        path.write_bytes(made.sign(self.secret, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        path.chmod(0o644)
        return path


class Responder(http.server.ThreadingHTTPServer):
    """An OCSP server, as its test tells it to be. asked: how often."""

    daemon_threads = True

    def __init__(self, authority, port, life_s=3600.0):
        self.authority, self.life_s = authority, life_s
        self.signer, self.delay_s, self.broken, self.asked, self.paths = authority, 0.0, False, 0, []
        super().__init__(("127.0.0.1", port), Handler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, question):
        asked = ocsp.load_der_ocsp_request(question)
        issued, revoked = self.authority.index[asked.serial_number]
        start = now() - datetime.timedelta(minutes=1)
        made = ocsp.OCSPResponseBuilder().add_response(
            issued.certificate, self.authority.own.certificate, hashes.SHA1(),
            ocsp.OCSPCertStatus.REVOKED if revoked else ocsp.OCSPCertStatus.GOOD,
            start, now() + datetime.timedelta(seconds=self.life_s), revoked, None)  # fmt: skip
        made = made.responder_id(ocsp.OCSPResponderEncoding.HASH, self.signer.own.certificate)
        return made.sign(self.signer.secret, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def handle_error(self, *_):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    def reply(self, question):
        server = self.server
        server.asked += 1
        server.paths.append((self.command, self.path, self.headers["Host"]))
        time.sleep(server.delay_s)
        body = server.answer(question)
        self.send_response(503 if server.broken else 200)
        self.send_header("Content-Type", "application/ocsp-response")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.reply(b64decode(urllib.parse.unquote(self.path.rsplit("/", 1)[1])))

    def do_POST(self):
        self.reply(self.rfile.read(int(self.headers["Content-Length"])))

    def log_message(self, *_):
        pass
