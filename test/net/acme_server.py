"""A small ACME authority (RFC 8555) with renewal information (RFC 9773), for what pebble has not: it asks for no proof, issues what is
asked for, and answers as a test tells it. Signatures of requests are not looked at: pebble does that.

    server = Server(host, port, chain, key)
    server.window = lambda id: (from, until)     what is suggested for that certificate, Unix seconds
    server.fault = {"order": (429, {"Retry-After": "3600"}, {"type": "urn:ietf:params:acme:error:rateLimited", "detail": "…"})}
"""

import base64
import datetime
import http.server
import json
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def moment(s):
    return datetime.datetime.utcfromtimestamp(s).strftime("%Y-%m-%dT%H:%M:%SZ")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        payload = None
        if body:
            text = json.loads(body)["payload"]
            payload = json.loads(decoded(text)) if text else ""
        kind = self.path.split("/")[1]
        self.server.seen.append((kind, payload))
        if kind in self.server.fault:
            self.say(*self.server.fault[kind])
        else:
            self.say(*getattr(self.server, "on_" + kind)(self.path, payload))

    do_GET = do_POST = do_HEAD = answer

    def say(self, status, fields, told):
        data = told if isinstance(told, bytes) else json.dumps(told).encode()
        self.send_response(status)
        for name, value in {"Replay-Nonce": f"nonce{len(self.server.seen)}", **fields}.items():
            self.send_header(name, value)
        # Both framings are met.
        chunked = len(self.server.seen) % 2 == 0 and self.command != "HEAD"
        self.send_header(*(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(len(data)))))
        self.end_headers()
        if chunked:
            for at in range(0, len(data), 500):
                part = data[at : at + 500]
                self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")
        elif self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host, port, chain, key):
        self.seen, self.fault, self.window, self.issued, self.asked_for = [], {}, None, 0, []
        self.ca_key = ec.generate_private_key(ec.SECP256R1())
        self.origin = f"https://ca.home.arpa:{port}"
        with host.inside():
            super().__init__(("127.0.0.1", port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, *_):
        pass

    def stop(self):
        self.shutdown()
        self.server_close()

    def count(self, kind):
        return sum(1 for seen, _ in self.seen if seen == kind)

    # ---- what is asked

    def on_directory(self, _path, _payload):
        names = {"newNonce": "nonce", "newAccount": "account", "newOrder": "order", "renewalInfo": "renewal"}
        return 200, {}, {key: f"{self.origin}/{name}" for key, name in names.items() if name != "renewal" or self.window}

    def on_nonce(self, _path, _payload):
        return 200, {}, b""

    def on_account(self, _path, _payload):
        return 201, {"Location": f"{self.origin}/account/1"}, {"status": "valid"}

    def on_order(self, path, payload):
        if path == "/order":
            self.names = payload["identifiers"]
        return 201, {"Location": f"{self.origin}/order/1"}, self.state("ready")

    def state(self, status, **more):
        return {"status": status, "identifiers": self.names, "authorizations": [f"{self.origin}/authorization/1"],
                "finalize": f"{self.origin}/finalize/1", **more}  # fmt: skip

    def on_authorization(self, _path, _payload):
        return 200, {}, {"status": "valid", "identifier": self.names[0], "challenges": []}

    def on_finalize(self, _path, payload):
        request = x509.load_der_x509_csr(decoded(payload["csr"]))
        now = datetime.datetime.utcnow()
        self.issued += 1
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "scripted")])
        made = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([])).issuer_name(issuer).public_key(request.public_key())
            .serial_number(0x1000 + self.issued).not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value, False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.ca_key.public_key()), False)
            .sign(self.ca_key, hashes.SHA256())
        )  # fmt: skip
        self.pem = made.public_bytes(serialization.Encoding.PEM)
        return 200, {}, self.state("valid", certificate=f"{self.origin}/certificate/1")

    def on_certificate(self, _path, _payload):
        return 200, {"Content-Type": "application/pem-certificate-chain"}, self.pem

    def on_renewal(self, path, _payload):
        self.asked_for.append(path.split("/")[-1])
        begin, end = self.window(self.asked_for[-1])
        window = {"start": moment(begin), "end": moment(end)}
        return 200, {"Retry-After": "60"}, {"suggestedWindow": window}
