"""Servers for a reverse proxy to stand in front of, and clients of it, in one host of a drawn network."""

import http.client
import http.server
import json
import socket
import threading
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode("latin-1")
        self.server.seen += 1
        status = 200
        if self.path.startswith("/slow"):
            self.server.entered.set()
            self.server.release.wait(10)
        if self.path == "/health":
            self.server.checks += 1
            status = self.server.health
        if self.path.startswith("/status/"):
            status = int(self.path.split("/")[2])
        told = {
            "server": self.server.name,
            "method": self.command,
            "path": self.path,
            "body": body,
            "fields": [[name.lower(), value] for name, value in self.headers.items()],
        }
        data = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_HEAD = answer

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, name, port):
        self.name, self.seen, self.checks, self.health = name, 0, 0, 200
        self.release, self.entered = threading.Event(), threading.Event()
        super().__init__(("127.0.0.1", port), Handler)
        self.open = set()
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def process_request(self, request, client_address):
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, *_):
        pass  # a proxy that goes away is no news

    def stop(self):
        """As a process that dies: nobody listens, and every connection is torn."""
        self.release.set()
        self.shutdown()
        self.server_close()
        for request in list(self.open):
            try:
                request.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.thread.join(10)


class Client:
    """One kept-alive connection, made inside of the host."""

    def __init__(self, host, port=8080, timeout=20, source="127.0.0.1"):
        self.http = http.client.HTTPConnection(
            "127.0.0.1", port, timeout=timeout, source_address=(source, 0)
        )
        with host.inside():
            self.http.connect()
        self.http.auto_open = 0

    def ask(self, path="/", method="GET", body=None, host="www.home.arpa", **fields):
        """(status, fields of the answer, JSON or text)."""
        headers = {"Host": host, **{name.replace("_", "-"): v for name, v in fields.items()}}
        self.http.request(method, path, body, headers)
        answer = self.http.getresponse()
        data = answer.read().decode()
        if answer.getheader("Content-Type", "").startswith("application/json"):
            data = json.loads(data)
        return answer.status, answer.headers, data

    def close(self):
        self.http.close()


def ask(inside, *arguments, port=8080, **options):
    """One request on a connection of its own."""
    client = Client(inside, port)
    try:
        return client.ask(*arguments, **options)
    finally:
        client.close()


def field(told, name):
    """All values of a field that a server saw."""
    return [value for key, value in told["fields"] if key == name]


def wait_for(what, timeout=20):
    """Until what() is true; its value."""
    until = time.monotonic() + timeout
    while not (value := what()):
        assert time.monotonic() < until, "it did not come true in time"
        time.sleep(0.02)
    return value
