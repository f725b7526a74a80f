"""A site whose clients go out through a forward proxy, and a piece of the Internet:

    client 10.0.0.10 --- 10.0.0.1 gateway 9.0.0.1 --- 9.0.0.10 web (.11 to .14; 2a00:9::10 to ::12; names at 9.0.0.53)

The web's servers and its name server run in the test's own process. A server answers in JSON what it saw of the request.
"""

import contextlib
import http.client
import http.server
import json
import socket
import socketserver
import ssl
import subprocess
import threading

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

import topology
from proxy_pki import Authority
from service import Service, binary

PROXY, CLIENT, NAMES = "10.0.0.1", "10.0.0.10", "9.0.0.53"
WEB = [f"9.0.0.1{n}" for n in range(5)]
WEB6 = [f"2a00:9::1{n}" for n in range(3)]

CONFIG = """forward-proxy:
  listen: [{address: 10.0.0.1}, {address: 10.0.0.1, tls: yes}, {address: 10.0.0.1, socks: [v5, v4]}, {address: 10.0.0.1:1081, socks: v5, udp: yes}]
  limits: {associations: 4}
  certificates: [{%s}]
  clients: [10.0.0.0/24]
  resolver: %s
  workers: 2
  access-log: {format: json}
"""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        told = {
            "method": self.command,
            "target": self.path,
            "fields": [[name.lower(), value] for name, value in self.headers.items()],
            "at": self.connection.getsockname()[0],
            "from": self.client_address[0],
            "connection": id(self.connection),
            "body": body.decode("latin-1"),
        }
        self.server.seen.append(told)
        given = self.server.pages.get(self.path.split("?")[0])
        status, fields, data = given or (200, {"Content-Type": "application/json"}, json.dumps(told).encode())
        if callable(data):
            data = data()
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_HEAD = do_OPTIONS = do_TRACE = do_DELETE = answer

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    """pages: by path, (status, fields, bytes or what makes them)."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, port=80, tls=None, handler=Handler):
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.seen, self.pages, self.tls = [], {}, tls
        super().__init__((address, port), handler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def server_bind(self):  # without asking the DNS for our own name
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "web", self.server_address[1]

    def finish_request(self, request, client_address):
        if self.tls:
            request = self.tls.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)

    def handle_error(self, *_):
        pass  # a client that goes away is no news

    def stop(self):
        self.shutdown()
        self.server_close()


class Names(threading.Thread):
    """A name server. zone: {name: [addresses]}; of what is not there it says NXDOMAIN; of a name in `silent` nothing; what is asked of a
    (name, type) in `held` is answered by release."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.zone, self.silent, self.asked, self.ttl = {}, set(), [], 60
        self.held, self.waiting, self.lock = set(), [], threading.Lock()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                data, peer = self.socket.recvfrom(4096)
                query = dns.message.from_wire(data)
                with self.lock:
                    if self.is_held(query.question[0]):
                        self.waiting.append((query, peer))
                        continue
                self.say(query, peer)

    def is_held(self, question):
        return (question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)) in self.held

    def say(self, query, peer):
        if answer := self.answer(query):
            self.socket.sendto(answer.to_wire(), peer)

    def release(self):
        with self.lock:
            waiting, self.waiting = self.waiting, []
            self.held.clear()
        for query, peer in waiting:
            self.say(query, peer)

    def answer(self, query):
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        self.asked.append((name, dns.rdatatype.to_text(question.rdtype)))
        if name in self.silent:
            return None
        answer = dns.message.make_response(query)
        addresses = self.zone.get(name)
        if addresses is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
            return answer
        kind = dns.rdatatype.to_text(question.rdtype)
        found = [a for a in addresses if kind == ("AAAA" if ":" in a else "A")]
        if found:
            answer.answer.append(dns.rrset.from_text(question.name, self.ttl, "IN", kind, *found))
        return answer

    def stop(self):
        self.socket.close()


class Site:
    def __init__(self, more="", listen="", io_uring="auto"):
        """listen: listeners more, each with a comma behind it."""
        if subprocess.run([binary(), "forward-proxy", "--help"], capture_output=True, check=False).returncode != 0:
            pytest.skip("this gatehouse has no forward proxy")
        self.net = topology.Net()
        self.client, self.gateway, self.web = (self.net.host(name) for name in ("client", "gateway", "web"))
        self.net.cable(self.client, f"{CLIENT}/24 fd00::10/64", self.gateway, f"{PROXY}/24 fd00::1/64")
        web = [f"{a}/24" for a in (*WEB, NAMES)] + [f"{a}/64" for a in WEB6]
        self.net.cable(self.gateway, "9.0.0.1/24 2a00:9::1/64", self.web, " ".join(web))
        self.authority = Authority(f"/tmp/{self.gateway.space}-pki")
        self.certificate = self.authority.issue("proxy.home.arpa")
        self.started = []
        with self.web.inside():
            self.names = Names(NAMES)
        self.started.append(self.names)
        self.names.zone.update({"www.example.com": [WEB[0]], "other.example.com": [WEB[1]]})
        self.config = CONFIG % (self.certificate.conf, NAMES)
        self.config += f"  io-uring: {io_uring}\n"
        if listen:
            self.config = self.config.replace("listen: [", "listen: [" + listen)
            self.config = self.config.replace("clients: [", 'clients: ["fd00::/64", ')
        self.service = Service(self.gateway, "forward-proxy", self.config + more).start()

    def serve(self, address=WEB[0], port=80, tls=None, handler=Handler):
        with self.web.inside():
            made = Server(address, port, tls, handler)
        self.started.append(made)
        return made

    def tls(self, *names):
        """What a server with TLS shows for these names."""
        issued = self.authority.issue(*names)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(issued.chain, issued.key)
        return context

    def reload(self, more=""):
        self.service.reload(self.config + more)

    def log(self):
        """The lines of the access log."""
        path = self.service.folder / "state" / "forward-proxy" / "access.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def metric(self, name):
        status, text = self.service.control("GET", "/metrics")
        assert status == 200
        for line in text.splitlines():
            if line.startswith(f"gatehouse_forward_proxy_{name} "):
                return int(line.split()[-1])
        raise KeyError(name)

    def ask(self, target, method="GET", body=None, fields=None, connection=None):
        """(status, fields of the answer, JSON or text) of a request in absolute form."""
        made = connection or self.connect()
        try:
            made.request(method, target, body, fields or {})
            answer = made.getresponse()
            data = answer.read()
        finally:
            if connection is None:
                made.close()
        if answer.getheader("Content-Type", "").startswith("application/json"):
            return answer.status, answer.headers, json.loads(data)
        return answer.status, answer.headers, data.decode("latin-1")

    def connect(self, address=PROXY, port=3128):
        made = http.client.HTTPConnection(address, port, timeout=30)
        with self.client.inside():
            made.connect()
        made.auto_open = 0
        return made

    def converse(self, sent, port=3128):
        """Octets there, and all that comes back until the other side ends."""
        with self.client.inside():
            made = socket.create_connection((PROXY, port), 30)
        with made:
            made.sendall(sent)
            data = b""
            with contextlib.suppress(ConnectionError):
                while more := made.recv(1 << 16):
                    data += more
        return data

    def tunnel(self, target, sent=b""):
        """(status, socket): what CONNECT came to, and what is behind it."""
        with self.client.inside():
            made = socket.create_connection((PROXY, 3128), 30)
        made.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode() + sent)
        head = b""
        while b"\r\n\r\n" not in head:
            more = made.recv(1)
            if not more:
                break
            head += more
        return int(head.split()[1]) if head else 0, made

    def close(self):
        for one in self.started:
            one.stop()
        troubles = self.net.close()
        assert not troubles, "\n".join(troubles)


def field(told, name):
    """All values of a field that a server saw."""
    return [value for key, value in told["fields"] if key == name]
