"""Pages in place of errors: the proxy's own and, where the configuration says so, those of servers. One service for all
tests; each asks a host of its own."""

import contextlib

import pytest

import topology
from proxy_servers import Client, Server, ask
from service import Service

CONFIG = """global:
  log: {level: info}
reverse-proxy:
  listen: 127.0.0.1:8080
  workers: 1
  pools: {dead: "127.0.0.1:9004"}
  errors: {404: $DIR/pages/404.html, 400-599: {text: "any\\n"}, 500-599: {file: $DIR/pages/50x.json, servers: yes}}
  routes:
    - {host: to.home.arpa, to: "127.0.0.1:9001", response: {set: ["X-Route: yes"]}}
    - {host: to.home.arpa, path: /body, to: "127.0.0.1:9001", body-max: 10}
    - {host: own.home.arpa, to: "127.0.0.1:9001", errors: {404: {text: "<b>own</b>", type: "text/html", servers: yes}}}
    - {host: dead.home.arpa, to: dead}
    - {host: files.home.arpa, files: $DIR/www, guard: {deny: 203.0.113.0/24}}
    - {host: answer.home.arpa, answer: {status: 404, body: mine}}
    - {host: answer.home.arpa, path: /none, answer: {status: 503}}
    - {host: limited.home.arpa, answer: {status: 200, body: ok}, guard: {rate: {limit: 1/h}}}
"""
FILES = {"pages/404.html": "<h1>none</h1>", "pages/50x.json": '{"error": "we"}', "www/a.txt": "a"}


class Site:
    def __init__(self, net):
        self.host = net.host("errors")
        with self.host.inside():
            self.server = Server("a", 9001)
        self.service = Service(self.host, "reverse-proxy", CONFIG, FILES).start()

    def ask(self, name, path="/", **options):
        """(status, media type, text)"""
        status, fields, text = ask(self.host, path, host=f"{name}.home.arpa", **options)
        return status, fields["Content-Type"], text


@pytest.fixture(scope="module")
def site(janitor_process):
    net = topology.Net()
    try:
        made = Site(net)
        yield made
        made.server.stop()
    finally:
        assert not net.close()


NONE = (404, "text/html; charset=utf-8", "<h1>none</h1>")
ANY = "text/plain; charset=utf-8", "any\n"
WE = "application/json", {"error": "we"}


def test_the_proxys_own_errors_have_pages(site):
    assert site.ask("unknown") == NONE
    assert site.ask("files", "/none") == NONE
    assert site.ask("files", "/a.txt")[2] == "a"
    assert site.ask("files", "/a.txt", method="POST", body="x") == (405, *ANY)
    assert site.ask("to", "/%zz") == (400, *ANY)
    assert site.ask("to", "/body", method="POST", body="x" * 11) == (413, *ANY)
    assert site.ask("dead") == (502, *WE)
    assert site.ask("answer", "/none") == (503, *WE)
    # What a route says itself stays.
    assert site.ask("answer")[2] == "mine"


def test_fields_that_a_status_needs_stay(site):
    client = Client(site.host)
    assert client.ask(host="limited.home.arpa")[0] == 200
    status, fields, text = client.ask(host="limited.home.arpa")
    assert (status, text) == (429, "any\n") and int(fields["Retry-After"]) > 3000
    client.close()


def test_errors_of_servers_are_replaced_where_it_is_said(site):
    status, fields, text = ask(site.host, "/status/503", host="to.home.arpa")
    assert (status, fields["Content-Type"], text) == (503, *WE)
    assert fields["X-Route"] == "yes" and int(fields["Content-Length"]) == 15
    # 404 of the section is for the proxy's own only.
    assert site.ask("to", "/status/404")[2]["server"] == "a"
    # A route's own replace the section's altogether.
    assert site.ask("own", "/status/404") == (404, "text/html", "<b>own</b>")
    assert site.ask("own", "/status/503")[2]["server"] == "a"
    # The connection goes on, and without a body the length is told.
    client = Client(site.host)
    client.http.request("HEAD", "/status/500", headers={"Host": "to.home.arpa"})
    answer = client.http.getresponse()
    assert (answer.status, answer.getheader("Content-Length"), answer.read()) == (500, "15", b"")
    assert client.ask("/status/500", host="to.home.arpa")[2] == {"error": "we"}
    assert client.ask("/x", host="to.home.arpa")[0] == 200
    client.close()


def test_a_reload_reads_pages_anew_and_needs_them(site):
    page = site.service.folder / "pages/404.html"
    fresh = page.with_suffix(".new")
    fresh.write_text("<h1>other</h1>", encoding="utf-8")
    assert site.ask("unknown") == NONE
    fresh.rename(page)
    site.service.reload(CONFIG)
    assert site.ask("unknown")[2] == "<h1>other</h1>"
    page.unlink()
    with contextlib.suppress(Exception):
        site.service.reload(CONFIG)
    assert "a page of `errors` cannot be read" in site.service.log()
    assert site.ask("unknown")[2] == "<h1>other</h1>"
