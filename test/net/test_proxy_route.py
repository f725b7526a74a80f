"""What the routes of the reverse proxy do: conditions, rewriting, redirects, texts, files, compression. One service and
one server for all tests; each asks a host of its own."""

import gzip
import os
import socket
import subprocess
import threading
import time
import zlib

import pytest

import topology
from proxy_servers import Client, Server, ask, field
from service import Service

CONFIG = """global:
  log: {level: info}
reverse-proxy:
  listen: {address: ["127.0.0.1:8080", "127.0.0.1:8081"]}
  workers: 1
  routes:
    - {host: when.home.arpa, answer: {status: 200, body: any}}
    - {host: when.home.arpa, method: [POST, PUT], answer: {status: 200, body: method}}
    - {host: when.home.arpa, header: X-Beta=1, answer: {status: 200, body: header}}
    - {host: when.home.arpa, query: version, answer: {status: 200, body: query}}
    - {host: when.home.arpa, path: /client, client: 203.0.113.0/24, answer: {status: 200, body: client}}
    - {host: when.home.arpa, path: "=/exact", answer: {status: 200, body: exact}}
    - {host: when.home.arpa, path: /users, answer: {status: 200, body: users}}
    - {host: "*.apps.home.arpa", answer: {status: 203, body: "{}", type: application/json}}
    - {host: gone.home.arpa, answer: {status: 410}}
    - {host: to.home.arpa, path: "/users/{id}", to: "127.0.0.1:9001", rewrite: {path: "/show/{id}", host: app.home.arpa}}
    - {host: to.home.arpa, path: /api, to: "127.0.0.1:9001", rewrite: {strip: /api, add: /v2}}
    - host: to.home.arpa
      path: /edit
      to: 127.0.0.1:9001
      request: {set: ["X-Where: {host}{path}"], add: ["X-More: {method}"], remove: [X-Secret]}
      response: {set: ["Server: {server}"], add: ["X-Too: {client}"], remove: [Date]}
    - {host: old.home.arpa, redirect: "https://www.home.arpa"}
    - {host: old.home.arpa, path: /here, redirect: {to: "https://www.home.arpa/there", status: 302, keep-query: no}}
    - {host: tls.home.arpa, redirect: https}
    - {host: files.home.arpa, files: {root: $DIR/www, max-age: 1h, index: [start.html, index.html]}}
    - {host: files.home.arpa, path: /static, rewrite: {strip: /static}, files: $DIR/www}
    - {host: app.home.arpa, files: {root: $DIR/www, fallback: index.html, compressed: yes, links: yes},
       response: {set: ["X-Files: yes"]}}
    - {host: none.home.arpa, files: $DIR/nowhere}
    - {host: "~^shop[0-9]+[.]home", answer: {status: 200, body: shop}}
    - {host: to.home.arpa, path: "~^/old/([a-z]+)/(.*)$", to: "127.0.0.1:9001", rewrite: {path: "/{2}", query: "kind={1}&{query}"}}
    - {host: to.home.arpa, path: "~(?i)[.]png$", redirect: {to: "https://images.home.arpa/{path}", status: 302}}
    - {host: port.home.arpa, port: 8081, answer: {status: 200, body: second}}
    - {host: port.home.arpa, port: 8080, answer: {status: 200, body: first}}
    - {host: rest.home.arpa, files: {root: $DIR/www, index: []}, to: "127.0.0.1:9001"}
    - {host: small.home.arpa, to: "127.0.0.1:9001", compress: yes}
    - {host: large.home.arpa, to: "127.0.0.1:9001"}
    - {host: events.home.arpa, to: "127.0.0.1:9002", compress: yes}
"""
TEXT = b"".join(b"%08d " % i for i in range(20000))
FILES = {
    "www/index.html": "<h1>start</h1>",
    "www/a.txt": TEXT,
    "www/a b.txt": "blank",
    "www/docs/index.html": "docs",
    "www/empty/x": "x",
    "www/.secret": "secret",
    "www/.git/config": "secret",
    "www/.well-known/acme": "known",
    "www/c.js": "plain",
    "www/c.js.gz": gzip.compress(b"gz"),
    "www/c.js.br": "br",
    "outside": "outside",
}


class Events(threading.Thread):
    """A server that says one event, and the next when it is told to."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 9002))
        self.go = threading.Event()
        self.start()

    def run(self):
        connection, _ = self.socket.accept()
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for event in (b"data: one\n\n", b"data: two\n\n"):
            connection.sendall(b"%x\r\n%s\r\n" % (len(event), event))
            self.go.wait(20)
        connection.sendall(b"0\r\n\r\n")
        connection.close()
        self.socket.close()


class Site:
    def __init__(self, net):
        self.host = net.host("route")
        with self.host.inside():
            self.server = Server("a", 9001)
            self.events = Events()
        self.service = Service(self.host, "reverse-proxy", CONFIG, FILES)
        www = self.service.folder / "www"
        os.symlink("../outside", www / "out")
        os.symlink("a.txt", www / "inner")
        os.symlink("/etc", www / "etc")
        self.service.start()

    def ask(self, name, path="/", **options):
        return ask(self.host, path, host=f"{name}.home.arpa", **options)

    def curl(self, name, path, *arguments):
        """Bytes of what curl prints."""
        url = f"http://127.0.0.1:8080{path}"
        host = f"Host: {name}.home.arpa"
        with self.host.inside():
            return subprocess.run(
                ["curl", "-s", "--path-as-is", "-H", host, *arguments, url], stdout=subprocess.PIPE, timeout=30
            ).stdout

    def status(self, name, path, *arguments):
        return int(self.curl(name, path, "-o", "/dev/null", "-w", "%{http_code}", *arguments))


@pytest.fixture(scope="module")
def site(janitor_process):
    net = topology.Net()
    try:
        made = Site(net)
        yield made
        made.server.stop()
        made.events.go.set()
    finally:
        assert not net.close()


# ---- when, and what then


def test_each_condition_leads_to_its_route(site):
    assert site.ask("when", "/x")[2] == "any"
    assert site.ask("when", "/x", method="PUT", body="")[2] == "method"
    assert site.ask("when", "/x", X_Beta="1")[2] == "header"
    assert site.ask("when", "/x", X_Beta="2")[2] == "any"
    assert site.ask("when", "/x?version=3")[2] == "query"
    assert site.ask("when", "/client")[2] == "any"  # it is 127.0.0.1
    assert site.ask("when", "/exact")[2] == "exact"
    assert site.ask("when", "/exact/x")[2] == "any"
    assert site.ask("when", "/users/x")[2] == "users"
    assert site.ask("when", "/usersx")[2] == "any"
    assert site.ask("when", "/x/../%75sers")[2] == "users"
    status, fields, told = site.ask("a.b.apps")
    assert (status, told, fields["Content-Type"]) == (203, {}, "application/json")
    assert site.ask("apps")[0] == 404
    status, fields, text = site.ask("gone")
    assert (status, text, fields["Content-Type"]) == (410, "Gone", "text/plain; charset=utf-8")


def test_paths_and_hosts_are_rewritten(site):
    told = site.ask("to", "/users/7?a=b")[2]
    assert told["path"] == "/show/7?a=b" and field(told, "host") == ["app.home.arpa"]
    assert field(told, "x-forwarded-host") == ["to.home.arpa"]
    assert site.ask("to", "/api/x")[2]["path"] == "/v2/x"
    for path in ("/users/%2e%2e%2fsecret", "/users/a%2fb", "/users/a%00b", "/users/%zz"):
        assert site.status("to", path) == 400, path


def test_regular_expressions_choose_and_tell_what_they_found(site):
    told = site.ask("to", "/old/book/a/b?x=1")[2]
    assert told["path"] == "/a/b?kind=book&x=1"
    assert site.ask("to", "/old/book/")[2]["path"] == "/?kind=book"
    long = "y" * 5000
    assert site.ask("to", f"/old/book/?{long}")[2]["path"] == f"/?kind=book&{long}"
    status, fields, _ = site.ask("to", "/users/X.PNG")
    assert (status, fields["Location"]) == (302, "https://images.home.arpa//users/X.PNG")
    assert site.ask("shop12")[2] == "shop" and site.ask("shop")[0] == 404


def test_ports_tell_routes_apart(site):
    assert site.ask("port")[2] == "first"
    assert ask(site.host, "/", host="port.home.arpa", port=8081)[2] == "second"


def test_what_is_no_file_is_asked_of_the_server(site):
    assert site.ask("rest", "/a.txt")[2].encode() == TEXT
    assert site.ask("rest", "/none?x=1")[2]["path"] == "/none?x=1"
    # Folders are none with an empty index, and what is not read is no file's.
    for path in ("/docs", "/docs/", "/"):
        assert site.ask("rest", path)[2]["path"] == path
    assert site.ask("rest", "/a.txt", method="POST", body="x")[2]["body"] == "x"
    assert site.ask("rest", "/.secret")[2]["path"] == "/.secret"


def test_fields_are_set_added_and_removed(site):
    status, fields, told = site.ask("to", "/edit/1", X_Secret="s", X_Where="here", X_More="a")
    assert field(told, "x-where") == ["to.home.arpa/edit/1"]
    assert field(told, "x-more") == ["a", "GET"] and field(told, "x-secret") == []
    assert fields.get_all("Server") == ["gatehouse"] and fields["X-Too"] == "127.0.0.1"
    assert "BaseHTTP" not in str(fields)


def test_redirects_keep_what_they_are_told_to(site):
    status, fields, _ = site.ask("old", "/a?b=c")
    assert (status, fields["Location"]) == (308, "https://www.home.arpa/a?b=c")
    status, fields, _ = site.ask("old", "/here?b=c")
    assert (status, fields["Location"]) == (302, "https://www.home.arpa/there")
    assert site.ask("tls", "/a?b")[1]["Location"] == "https://tls.home.arpa/a?b"
    # Nobody is led elsewhere by what looks like a host in a path.
    assert site.curl("old", "//evil.example/x", "-w", "%{redirect_url}", "-o", "/dev/null").startswith(
        b"https://www.home.arpa/"
    ) or site.status("old", "//evil.example/x") == 400


# ---- files


def test_files_are_sent_with_type_tag_and_age(site):
    status, fields, text = site.ask("files", "/a.txt")
    assert status == 200 and text.encode() == TEXT
    assert fields["Content-Type"].startswith("text/plain")
    assert fields["Cache-Control"] == "max-age=3600" and fields["Accept-Ranges"] == "bytes"
    assert fields["ETag"] and fields["Last-Modified"]
    assert site.ask("files", "/static/a.txt")[2].encode() == TEXT
    assert "Cache-Control" not in site.ask("files", "/static/a.txt")[1]
    assert site.ask("files", "/a%20b.txt")[2] == "blank"
    assert site.ask("files", "/.well-known/acme")[2] == "known"
    status, fields, text = site.ask("files", "/a.txt", method="HEAD")
    assert (status, fields["Content-Length"], text) == (200, str(len(TEXT)), "")
    assert site.ask("files", "/a.txt", method="POST", body="x")[0] == 405


def test_a_folder_is_its_index_or_nothing(site):
    assert site.ask("files", "/")[2] == "<h1>start</h1>"
    assert site.ask("files", "/docs/")[2] == "docs"
    status, fields, _ = site.ask("files", "/docs?x=1")
    assert status in (301, 308) and fields["Location"].endswith("/docs/?x=1")
    assert site.ask("files", "/empty/")[0] == 404
    assert site.ask("none", "/x")[0] == 404


def test_no_path_leads_out_of_the_folder(site):
    for path in (
        "/../outside",
        "/%2e%2e/outside",
        "/..%2foutside",
        "/docs/../../outside",
        "/..%5coutside",
        "/.secret",
        "/.git/config",
        "/docs/..;/outside",
        "/out",
        "/etc/passwd",
        "/inner",
        "/a.txt/",
        "/a.txt%00.html",
        "/a.txt/x",
        "//etc/passwd",
        "/" + "a/" * 600 + "x",
    ):
        assert site.status("files", path) in (400, 404, 414), path
        assert b"outside" not in site.curl("app", path) and b"root:" not in site.curl("app", path)
    # Where links are followed, those that stay inside are.
    assert site.curl("app", "/inner") == TEXT


def test_ranges_are_sent_as_asked(site):
    assert site.curl("files", "/a.txt", "-r", "9-17") == TEXT[9:18]
    assert site.curl("files", "/a.txt", "-r", "-5") == TEXT[-5:]
    assert site.status("files", "/a.txt", "-r", "0-0") == 206
    assert site.status("files", "/a.txt", "-r", f"{len(TEXT)}-") == 416
    assert site.ask("files", "/a.txt", Range="bytes=1-2")[1]["Content-Range"] == f"bytes 1-2/{len(TEXT)}"
    status, fields, text = site.ask("files", "/a.txt", Range="bytes=0-3,100000-100004")
    boundary = fields["Content-Type"].split("boundary=")[1].strip('"')
    parts = text.split(f"--{boundary}")
    assert status == 206 and fields["Content-Type"].startswith("multipart/byteranges")
    assert [part.split("\r\n\r\n")[1].strip("\r\n").encode() for part in parts[1:3]] == [TEXT[:4], TEXT[100000:100005]]
    assert parts[3].startswith("--") and int(fields["Content-Length"]) == len(text)
    tag = site.ask("files", "/a.txt", method="HEAD")[1]["ETag"]
    assert site.ask("files", "/a.txt", Range="bytes=0-1", If_Range=tag)[0] == 206
    assert site.ask("files", "/a.txt", Range="bytes=0-1", If_Range='"other"')[0] == 200


def test_who_has_the_file_is_not_sent_it_again(site):
    fields = site.ask("files", "/a.txt", method="HEAD")[1]
    status, _, text = site.ask("files", "/a.txt", If_None_Match=f'"x", {fields["ETag"]}')
    assert (status, text) == (304, "")
    assert site.ask("files", "/a.txt", If_Modified_Since=fields["Last-Modified"])[0] == 304
    assert site.ask("files", "/a.txt", If_Match='"x"')[0] == 412
    assert site.ask("files", "/a.txt", If_Match=fields["ETag"])[0] == 200


def test_the_fallback_stands_for_what_is_not_there(site):
    status, fields, text = site.ask("app", "/some/page")
    assert (status, text, fields["X-Files"]) == (200, "<h1>start</h1>", "yes")


def test_a_compressed_file_is_sent_to_who_takes_it(site):
    assert site.curl("app", "/c.js") == b"plain"
    assert site.curl("app", "/c.js", "-H", "Accept-Encoding: br, gzip") == b"br"
    assert site.curl("app", "/c.js", "-H", "Accept-Encoding: gzip, br;q=0") == FILES["www/c.js.gz"]
    fields = site.ask("app", "/c.js", Accept_Encoding="gzip", method="HEAD")[1]
    assert fields["Content-Encoding"] == "gzip" and "javascript" in fields["Content-Type"]
    assert "accept-encoding" in fields["Vary"].lower()
    assert site.curl("files", "/c.js", "-H", "Accept-Encoding: br") == b"plain"


# ---- compression


def test_answers_are_compressed_as_the_client_takes_them(site):
    path = "/" + "a" * 4000
    plain = site.curl("small", path)
    assert len(plain) > 4000
    for coding, tool in (("gzip", ["gzip", "-dc"]), ("br", ["brotli", "-dc"]), ("zstd", ["zstd", "-dqc"])):
        packed = site.curl("small", path, "-H", f"Accept-Encoding: {coding}")
        assert len(packed) < 2000
        unpacked = subprocess.run(tool, input=packed, stdout=subprocess.PIPE, check=True, timeout=20).stdout
        assert b"a" * 4000 in unpacked
        head = site.curl("small", path, "-H", f"Accept-Encoding: {coding}", "-D", "-", "-o", "/dev/null")
        assert f"content-encoding: {coding}".encode() in head.lower()
        assert b"vary: accept-encoding" in head.lower() and b"content-length" not in head.lower()
    assert b"a" * 4000 in site.curl("small", path, "-H", "Accept-Encoding: gzip;q=0, *;q=0")
    assert b"a" * 4000 in site.curl("large", path, "-H", "Accept-Encoding: gzip")
    assert site.curl("small", "/short", "-H", "Accept-Encoding: gzip").startswith(b"{")


def test_events_are_not_held_back_by_compression(site):
    client = Client(site.host)
    client.http.request("GET", "/", headers={"Host": "events.home.arpa", "Accept-Encoding": "gzip"})
    answer = client.http.getresponse()
    assert answer.getheader("Content-Encoding") in (None, "gzip")
    reader = zlib.decompressobj(31)
    unpack = reader.decompress if answer.getheader("Content-Encoding") else bytes
    got, until = b"", time.monotonic() + 10
    while b"one" not in got and time.monotonic() < until:
        got += unpack(answer.read1(4096))
    assert got == b"data: one\n\n" and not site.events.go.is_set()
    site.events.go.set()
    while b"two" not in got and time.monotonic() < until:
        got += unpack(answer.read1(4096))
    assert got == b"data: one\n\ndata: two\n\n"
    client.close()
