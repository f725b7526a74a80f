"""A cache to be tried: the real proxy, an origin that answers by script, and a clock that the test moves.

One proxy with one worker serves all tests of a file, so that what one answer leaves behind is there when the next
request comes. Each test has a thing of its own: an address, the answers to it, and what was asked of the origin."""

import email.utils
import http.client
import http.server
import re
import shutil
import threading
import time
from pathlib import Path

import pytest

import cache_client
import forward_site
import topology
from service import Service

HOST, OTHER_HOST = "www.home.arpa", "other.home.arpa"
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)

REVERSE = """global:
  log: {level: info}
reverse-proxy:
  listen: {address: 127.0.0.1:8080, h2c: yes}
  workers: 1
  cache: {memory: 64M, object: 1M}
  routes:
    - {host: [www.home.arpa, other.home.arpa], to: "127.0.0.1:9001", cache: yes, compress: yes}
    - {host: calm.home.arpa, to: "127.0.0.1:9001", cache: {stale-if-error: 1h, stale-while-revalidate: 1h}}
"""

FORWARD = """global:
  log: {level: info}
forward-proxy:
  listen: {address: 127.0.0.1:8080, h2c: yes}
  workers: 1
  clients: 127.0.0.0/8
  resolver: 127.0.0.53
  allow-inside: 127.0.0.2/32
  access-log: {format: json}
  cache: {memory: 64M, object: 1M, disk: 64M}
"""


class Clock:
    """The proxy's wall clock, so many seconds ahead of ours: libfaketime reads a file at each call. The proxy waits
    by the monotonic clock, which nobody moves."""

    def __init__(self, folder):
        self.file, self.ahead = folder / "ahead", 0
        self.environment = {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "TZ": "KST-9",  # which must make no difference
        }
        self.begin()
        self.move(0)

    def move(self, seconds):
        """Replaced, not overwritten: a reader finds the old text or the new one."""
        self.ahead += seconds
        new = self.file.with_suffix(".new")
        new.write_text(f"{self.ahead:+d}")
        new.chmod(0o644)
        new.replace(self.file)

    def begin(self):
        """A test begins."""
        self.began = int(time.time())

    def date(self, seconds=0):
        """The moment so many seconds from when the test began, and the clock's moves since, as an HTTP-date: no second passes
        between two calls."""
        return email.utils.formatdate(self.began + self.ahead + seconds, usegmt=True)


class Asked:
    """A request as the origin received it."""

    def __init__(self, handler):
        self.method, self.fields = handler.command, handler.headers
        path = re.sub("^https?://[^/]*", "", handler.path)
        self.path, _, self.query = path.partition("?")
        self.body = handler.rfile.read(int(self.fields.get("Content-Length") or 0)).decode("latin-1")


class Origin(http.server.BaseHTTPRequestHandler):
    """Writes what the script of the path says, and no field of its own but the framing."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self):
        asked = Asked(self)
        self.server.seen.append(asked)
        told = None if self.server.refuses else self.server.script[asked.path](asked)
        if told is None:  # it dies
            self.close_connection = True
            return
        if isinstance(told, bytes):  # as it is, and no more of this connection
            self.wfile.write(told)
            self.close_connection = True
            return
        status, fields, body, *trailers = told
        body = body.encode("latin-1") if isinstance(body, str) else body
        lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, 'Odd')}", *fields]
        chunked = "Transfer-Encoding: chunked" in lines
        bare = status in (204, 304) or asked.method == "HEAD"
        if not bare and not chunked and not any(line.startswith("Content-Length:") for line in lines):
            lines.append(f"Content-Length: {len(body)}")
        if chunked and not bare:
            ends = "".join(f"{line}\r\n" for line in trailers)
            body = b"%x\r\n%s\r\n0\r\n%s\r\n" % (len(body), body, ends.encode())
        head = "".join(f"{line}\r\n" for line in lines) + "\r\n"
        self.wfile.write(head.encode("latin-1") + (b"" if bare else body))
        if any(line == "Connection: close" for line in lines):
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_BREW = answer

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address):
        self.script, self.seen, self.refuses = {}, [], False
        super().__init__(address, Origin)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def refuse(self, refuses):
        """Whether it ends new connections at once, and each of those that are open with its next request."""
        self.refuses = refuses

    def verify_request(self, request, client_address):
        del request, client_address
        return not self.refuses

    def handle_error(self, *_):
        pass  # a proxy that goes away is no news


class ReverseSite:
    """The reverse proxy before the origin."""

    kind, port, name, config, speaks = "reverse", 8080, "reverse-proxy", REVERSE, cache_client.Http1
    compresses, calm = True, "calm.home.arpa"
    origin_at = ("127.0.0.1", 9001)

    def __init__(self, net):
        self.host = net.host("proxy")
        self.folder = Path("/tmp") / f"{self.host.space}-clock"
        self.folder.mkdir()
        self.folder.chmod(0o755)
        self.clock = Clock(self.folder)
        self.begin()
        self.service = Service(self.host, self.name, self.config, environment=self.clock.environment).start()
        self.client = self.connect()

    def connect(self):
        return self.speaks(self.host, self.port, self.target)

    def begin(self):
        """Who must be there before the proxy."""
        with self.host.inside():
            self.origin = Server(self.origin_at)

    def target(self, host, path):
        del host
        return path

    def close(self):
        self.client.close()
        self.origin.shutdown()
        self.origin.server_close()
        shutil.rmtree(self.folder, ignore_errors=True)


class ForwardSite(ReverseSite):
    """The forward proxy on the origin's own machine, which it is allowed to go to, and a name server beside it. Its cache has a
    disk, too."""

    kind, name, config = "forward", "forward-proxy", FORWARD
    compresses, calm = False, None
    origin_at, names_at = ("127.0.0.2", 80), "127.0.0.53"

    def __init__(self, net):
        self.names = None
        super().__init__(net)

    def begin(self):
        super().begin()
        with self.host.inside():
            self.names = forward_site.Names(self.names_at)
        self.names.zone = {name: [self.origin_at[0]] for name in (HOST, OTHER_HOST)}

    def target(self, host, path):
        return f"http://{host}{path}"

    def close(self):
        if self.names:
            self.names.socket.close()
        super().close()


class Reverse2Site(ReverseSite):
    kind, speaks = "reverse by HTTP/2", cache_client.Http2


class Forward2Site(ForwardSite):
    kind, speaks = "forward by HTTP/2", cache_client.Http2


KINDS = {site.kind: site for site in (ReverseSite, ForwardSite, Reverse2Site, Forward2Site)}


class Thing:
    """Something that has an address, which one test asks for."""

    def __init__(self, site, path):
        self.site, self.clock, self.path = site, site.clock, path

    def at(self, path):
        """Another thing, below this one."""
        return Thing(self.site, self.path + path)

    # ---- the origin

    def does(self, script):
        """script(asked): (status, fields, body) and lines of a trailer; or bytes, and then it hangs up; or None: it
        dies without an answer."""
        self.site.origin.script[self.path] = script

    def tells(self, status, *fields, body=None):
        """The answer from now on. Without a body it is the number of requests until then: who gets a number twice was
        given what had been kept."""
        self.does(lambda _: (status, list(fields), str(self.times) if body is None else body))

    def confirms(self, *fields, then=(), etag='"1"', body=None):
        """200 with that tag and those fields; 304 with the fields of then to who has it."""

        def script(asked):
            if asked.fields.get("If-None-Match") == etag:
                return 304, [f"ETag: {etag}", *then], ""
            return 200, [f"ETag: {etag}", *fields], str(self.times) if body is None else body

        self.does(script)

    @property
    def asked(self):
        return [asked for asked in self.site.origin.seen if asked.path == self.path]

    @property
    def times(self):
        return len(self.asked)

    # ---- clients

    def ask(self, *fields, method="GET", query="", body=None, host=HOST, client=None):
        return (client or self.site.client).ask(self.path + query, method, fields, body, host)

    def texts(self, times, *fields, **options):
        return [self.ask(*fields, **options).text for _ in range(times)]

    def is_kept(self, *fields, **options):
        """Two requests for it are one to the origin."""
        before = self.times
        self.ask(*fields, **options)
        self.ask(*fields, **options)
        return self.times == before + 1

    def held(self):
        """The origin's next answers wait: (entered, release), two events; the script stays."""
        entered, release, script = threading.Event(), threading.Event(), self.site.origin.script[self.path]

        def hold(asked):
            entered.set()
            assert release.wait(20)
            return script(asked)

        self.does(hold)
        return entered, release

    def beside(self, *fields, **options):
        """A request on a thread and a connection of its own; join() gives the answer."""
        return Beside(self, fields, options)


class Beside(threading.Thread):
    def __init__(self, thing, fields, options):
        super().__init__(daemon=True)
        self.thing, self.fields, self.options, self.answer = thing, fields, options, None
        self.start()

    def run(self):
        client = self.thing.site.connect()
        try:
            self.answer = self.thing.ask(*self.fields, client=client, **self.options)
        finally:
            client.close()

    def join(self, timeout=20):
        super().join(timeout)
        assert self.answer is not None, "no answer came"
        return self.answer


def sites(kind):
    """For a fixture: the site of that kind, for the tests of one file."""
    if not FAKETIME:
        pytest.skip("libfaketime is not here")
    net = topology.Net()
    site = None
    try:
        site = KINDS[kind](net)
        yield site
    finally:
        if site:
            site.close()
        troubles = net.close()
        assert not troubles, "\n".join(troubles)
