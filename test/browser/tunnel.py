"""A gateway with the sign-in page and phones that reach it by wireguard-go, for the tests in a browser:

    phone 192.0.2.2, .3 -- 192.0.2.1 gateway 198.51.100.1 -- 198.51.100.2 server (answers HTTP on 80 and 8080)
    inside: gateway 10.9.0.1 fd00:9::1, phone 10.9.0.2 fd00:9::2, desk 10.9.0.3
"""

import base64
import hashlib
import hmac
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "net"))

import topology  # noqa: E402
from service import Service  # noqa: E402

NAME = "login.vpn.home.arpa"
PASSWORD = "correct horse battery"
SERVER = "198.51.100.2"

CONFIG = f"""
vpn:
  workers: 1
  interfaces:
    wg0:
      listen: ["0.0.0.0:51820"]
      addresses: [10.9.0.1/24, "fd00:9::1/64"]
      private-key: file:own.key
      peers:
        phone:
          public-key: "$PHONE"
          allowed-ips: [10.9.0.2/32, "fd00:9::2/128"]
          sign-in: required
          users: [ada]
        desk:
          public-key: "$DESK"
          allowed-ips: [10.9.0.3/32]
          sign-in: required
          users: [root]
  sign-in:
    name: {NAME}
    session: $SESSION
    idle: 0
    attempts: {{user: 6, peer: 50, address: 50, delay: 60s}}
"""

ANSWER = """
import http.server, socketserver, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"<!doctype html><title>Inside</title><link rel=icon href=data:,><h1>the server</h1>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass
class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
servers = [Server(("0.0.0.0", port), Handler) for port in (80, 8080)]
for server in servers:
    threading.Thread(target=server.serve_forever).start()
print("ready", flush=True)
"""


def wg(*words, stdin=None):
    return subprocess.run(
        ["wg", *words], input=stdin, capture_output=True, text=True, check=True
    ).stdout.strip()


def eventually(true, seconds=20):
    until = time.monotonic() + seconds
    while not (result := true()):
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.05)
    return result


def code(secret, at=None):
    """RFC 6238 of the key as the page shows it; at: Unix time, else now."""
    key = base64.b32decode(secret.replace(" ", ""))
    counter = struct.pack(">Q", int(time.time() if at is None else at) // 30)
    digest = hmac.new(key, counter, hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start:start + 4], 'big') & 0x7FFFFFFF) % 1000000:06}"


class Phone:
    """A host behind the gate: its wireguard-go, and its name server inside the tunnel."""

    def __init__(self, net, name, address, inside, port):
        self.net, self.address, self.inside, self.port = net, address, inside, port
        self.host = net.host(name)
        self.device = f"b{os.getpid()}{name[:4]}"
        self.private = wg("genkey")
        self.public = wg("pubkey", stdin=self.private)
        self.host.resolv_conf("10.9.0.1")

    def up(self, gateway_key):
        socket = Path(f"/var/run/wireguard/{self.device}.sock")
        self.process = self.host.popen(
            "wireguard-go", "-f", self.device, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        eventually(socket.exists)
        key = Path(f"/tmp/{self.host.space}.key")
        key.write_text(self.private, encoding="utf-8")
        try:
            self.host_wg("listen-port", self.port, "private-key", key, "peer", gateway_key, "allowed-ips",
                         "0.0.0.0/0,::/0", "endpoint", "192.0.2.1:51820")
        finally:
            key.unlink()
        self.host.address(self.device, self.inside)
        self.host.ip("link", "set", self.device, "mtu", 1420, "up")
        self.host.ip("route", "add", "0.0.0.0/1", "dev", self.device)
        self.host.ip("route", "add", "128.0.0.0/1", "dev", self.device)
        self.host.ip("route", "add", "192.0.2.1/32", "dev", "to-street")
        self.host.ip("route", "add", "::/0", "dev", self.device)

    def host_wg(self, *words):
        done = self.host.run("wg", "set", self.device, *words)
        assert done.returncode == 0, done.stderr

    def move(self, port):
        """The same key from another outer port."""
        self.host_wg("listen-port", port)
        self.host.run("ping", "-c1", "-W1", "10.9.0.1")

    def curl(self, *words):
        """(status, what was answered) through the tunnel; status 000: nothing was."""
        done = self.host.run("curl", "-sS", "-m", "3", "-o", "-", "-w", "\\n%{http_code}", *words)
        text, _, status = done.stdout.rpartition("\n")
        return status, text + done.stderr

    def reaches(self, port=8080):
        return "the server" in self.curl(f"http://{SERVER}:{port}/")[1]

    def down(self):
        self.process.terminate()
        self.process.wait(10)
        Path(f"/var/run/wireguard/{self.device}.sock").unlink(missing_ok=True)


class World:
    """All of it; session: how long a sign-in holds."""

    def __init__(self, session="12h"):
        self.net = topology.Net()
        street = self.net.switch("street")
        self.gateway = self.net.router("gateway")
        self.server_host = self.net.host("server")
        self.net.plug(self.gateway, "192.0.2.1/24", street)
        self.net.cable(self.gateway, "198.51.100.1/24", self.server_host, "198.51.100.2/24")
        self.server_host.route("10.9.0.0/24", "198.51.100.1")
        self.phone = Phone(self.net, "phone", "192.0.2.2", "10.9.0.2/32 fd00:9::2/128", 40002)
        self.desk = Phone(self.net, "desk", "192.0.2.3", "10.9.0.3/32", 40003)
        for phone in (self.phone, self.desk):
            self.net.plug(phone.host, f"{phone.address}/24", street)
        self.private = wg("genkey")
        text = CONFIG.replace("$PHONE", self.phone.public).replace("$DESK", self.desk.public)
        self.config = text
        self.service = Service(self.gateway, "run", text.replace("$SESSION", session),
                               {"own.key": self.private})
        self.server = self.server_host.popen(
            sys.executable, "-c", ANSWER, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        assert self.server.stdout.readline() == "ready\n"
        self.service.start()
        public = wg("pubkey", stdin=self.private)
        for phone in (self.phone, self.desk):
            phone.up(public)

    def control(self, method, path, body=None):
        return self.service.control(method, path, "vpn", body)

    def add_user(self, name, **rights):
        status, answer = self.control("POST", "/user/add", {"name": name, "password": PASSWORD, **rights})
        assert status in (200, 201), answer
        return answer

    def session(self, seconds):
        """How long a sign-in holds from now on."""
        self.service.reload(self.config.replace("$SESSION", seconds))

    def close(self):
        self.server.kill()
        self.server.wait()
        for phone in (self.phone, self.desk):
            if hasattr(phone, "process"):
                phone.down()
        return self.net.close()
