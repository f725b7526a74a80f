"""A web server of lists over TLS, and a resolver that knows it, in a host of a drawn network."""

import gzip
import http.server
import socket
import ssl
import threading

import dns.message
import dns.rdatatype
import dns.rrset

NAME = "lists.home.arpa"


class Page:
    """What is served at a path. broken: what is wrong with it, of the words below."""

    def __init__(self, text="", *, etag=None, status=200, to=None, packed=False, broken=None):
        self.text, self.etag, self.status, self.to = text, etag, status, to
        self.packed, self.broken = packed, broken


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self):
        site = self.server.site
        page = site.pages.get(self.path, Page("not here", status=404))
        site.seen.append((self.path, dict(self.headers)))
        if page.etag and self.headers.get("If-None-Match") == page.etag:
            self.send_response(304)
            self.send_header("ETag", page.etag)
            self.end_headers()
            return
        body = page.text.encode()
        if page.packed:
            body = gzip.compress(body)
        self.send_response(page.status)
        if page.packed:
            self.send_header("Content-Encoding", "gzip")
        if page.etag:
            self.send_header("ETag", page.etag)
        if page.to:
            self.send_header("Location", page.to)
        if page.broken == "endless":
            self.close_connection = True  # it ends where the connection does
        else:
            self.send_header("Content-Length", len(body) + (10 if page.broken == "short" else 0))
        self.end_headers()
        self.wfile.write(body)
        if page.broken:
            self.wfile.flush()
            self.close_connection = True
            # No close_notify: as somebody between would cut it.
            self.connection = self.connection.unwrap_without_word()

    def log_message(self, *_):
        pass


class Stream(ssl.SSLSocket):
    def unwrap_without_word(self):
        self.detached = socket.socket(fileno=self.detach())
        self.detached.shutdown(socket.SHUT_RDWR)
        return self.detached


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # clients that are killed, or that do not trust us


class Lists:
    """certificate: of proxy_pki.Issued."""

    def __init__(self, host, certificate, port=8443):
        self.host, self.port, self.pages, self.seen = host, port, {}, []
        self.server = None
        self.resolver = self.resolve()
        self.start(certificate)

    def url(self, path):
        return f"https://{NAME}:{self.port}{path}"

    def start(self, certificate):
        settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        settings.sslsocket_class = Stream
        settings.load_cert_chain(certificate.chain, certificate.key)
        with self.host.inside():
            self.server = Server(("127.0.0.1", self.port), Handler)
        self.server.site = self
        # The handshake in the thread of the connection: one that hangs holds up nobody.
        self.server.socket = settings.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
        self.server = None

    def asked(self, path):
        """The fields of each question for it."""
        return [fields for at, fields in list(self.seen) if at == path]

    def resolve(self):
        with self.host.inside():
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind(("127.0.0.1", 53))

        def serve():
            while data := made.recvfrom(4096):
                if not data[0]:
                    made.close()
                    return
                answer = dns.message.make_response(dns.message.from_wire(data[0]))
                question = answer.question[0]
                if question.rdtype == dns.rdatatype.A and str(question.name) == NAME + ".":
                    # Nobody listens at the first one.
                    answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", "127.0.0.9", "127.0.0.1"))
                made.sendto(answer.to_wire(), data[1])

        threading.Thread(target=serve, daemon=True).start()
        return made

    def close(self):
        self.stop()
        self.resolver.sendto(b"", self.resolver.getsockname())
