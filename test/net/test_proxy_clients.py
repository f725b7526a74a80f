"""The reverse proxy as the programs of others see it: curl, wrk, ab, h2load, nghttp, Node, a client of WebSockets, Chromium; nginx stands behind it."""

import asyncio
import json
import os
import re
import socket
import ssl
from pathlib import Path

import pytest
import websockets

from proxy_site import FRONT, SERVER, SERVERS, Site, config, listener

NAME = "www.home.arpa"
PLAIN, TLS = f"http://{FRONT}", f"https://{NAME}"
BIG = 3 * 1024 * 1024 + 17
NGINX = """daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u;
  scgi_temp_path {folder}/s;
  types {{ text/html html; }}
  default_type application/octet-stream;
  client_max_body_size 100m;
  keepalive_requests 1000000;
  server {{
    listen {address}:80;
    root {folder}/files;
    location /echo {{ return 200 '$request_method $http_host $http_x_forwarded_for $http_x_forwarded_proto'; }}
  }}
}}
"""


@pytest.fixture(scope="module")
def site(janitor_process):
    made = Site()
    try:
        made.folder = Path(f"/tmp/{made.server.space}-nginx")
        (made.folder / "files").mkdir(parents=True)
        (made.folder / "files/1k").write_bytes(b"x" * 1024)
        (made.folder / "files/big").write_bytes(os.urandom(BIG))
        (made.folder / "files/page.html").write_text("<p id=a>before</p><script>a.textContent = 'script, by ' + performance.getEntriesByType('navigation')[0].nextHopProtocol</script>")
        text = NGINX.format(folder=made.folder, address=SERVER)
        (made.folder / "config").write_text(text)
        made.daemon(made.server, "nginx", "-c", made.folder / "config", "-e", "stderr", port=80)
        made.chain, key = made.certificate(NAME)
        made.serve(config(f"{SERVER}:80", tls=(made.chain, key)))
        yield made
    finally:
        made.close()


def curl(site, *words):
    done = site.client.run("curl", "-sS", "-m", "30", "--cacert", site.chain, "--resolve", f"{NAME}:443:{FRONT}", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("version", ["--http1.0", "--http1.1", "--http2"])
def test_curl_gets_what_the_server_has(site, version):
    got = site.folder / "got"
    for base in (PLAIN, TLS):
        words = ["-o", got, "-w", "%{http_code} %{http_version}", version, f"{base}/big"]
        told = curl(site, *words).split()
        assert told[0] == "200" and got.read_bytes() == (site.folder / "files/big").read_bytes()
        assert base is PLAIN or version != "--http2" or told[1] == "2"
    assert curl(site, version, "-I", f"{TLS}/1k").lower().count("content-length: 1024") == 1
    assert curl(site, version, "-r", "5-9", f"{TLS}/1k") == "xxxxx"


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_the_server_is_told_who_asks(site, version):
    assert curl(site, version, f"{TLS}/echo") == f"GET {NAME} 192.0.2.10 https"
    assert curl(site, version, "-H", "X-Forwarded-For: 203.0.113.9", f"{PLAIN}/echo") == f"GET {FRONT} 192.0.2.10 http"


def test_curl_sends_bodies_of_known_and_unknown_length(site):
    # What is sent is echoed by a server of our own: nginx of the light kind stores nothing.
    async def run():
        async def serve(reader, writer):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if b"expect: 100-continue" in head:
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = b""
            if b"chunked" in head:
                while size := int(await reader.readline(), 16):
                    body += (await reader.readexactly(size + 2))[:size]
                await reader.readline()
            else:
                body = await reader.readexactly(int(re.search(rb"content-length: (\d+)", head)[1]))
            writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, sock=listener(site.server, SERVERS[1], 80))
        site.serve(config(f"{SERVERS[1]}:80", tls=site.certificate(NAME)))
        sent, got = site.folder / "files/big", site.folder / "got"
        for version in ("--http1.1", "--http2"):
            for more in ([], ["-H", "Transfer-Encoding: chunked"]) if version == "--http1.1" else ([],):
                await asyncio.to_thread(curl, site, version, "-T", sent, "-o", got, *more, f"{TLS}/up")
                assert got.read_bytes() == sent.read_bytes()
        server.close()

    try:
        asyncio.run(run())
    finally:
        site.serve(config(f"{SERVER}:80", tls=(site.chain, site.chain.parent / "key.pem")))


def test_load_generators_lose_nothing(site):
    for base, n in ((PLAIN, 3000), (f"https://{FRONT}", 1500)):
        ab = site.client.run("ab", "-q", "-k", "-n", n, "-c", 16, f"{base}/1k", timeout=60).stdout
        assert f"Complete requests:      {n}" in ab and "Failed requests:        0" in ab and "Non-2xx" not in ab
        assert ("TLSv1.3" in ab) == (base is not PLAIN)
        wrk = site.client.run("wrk", "-t", 1, "-c", 16, "-d", "1s", f"{base}/1k", timeout=60).stdout
        assert re.search(r"[1-9]\d* requests in", wrk) and "Socket errors" not in wrk and "Non-2xx" not in wrk
    for more in ([], ["--h1"]):
        told = site.client.run("h2load", "-n", 2000, "-c", 8, "-m", 1 if more else 8, *more, f"https://{FRONT}/1k", timeout=60).stdout
        assert "2000 succeeded, 0 failed, 0 errored, 0 timeout" in told and "(2048000) data" in told, told


def test_nghttp_speaks_http2(site):
    told = site.client.run("nghttp", "-nv", "--no-verify-peer", f"https://{FRONT}/1k", f"https://{FRONT}/big", timeout=60).stdout
    assert told.count(":status: 200") == 2 and "GOAWAY" in told


NODE = """
const [https, http2, fs] = ['https', 'http2', 'fs'].map(require);
const [name, address, chain] = process.argv.slice(2), ca = fs.readFileSync(chain);
const agent = new https.Agent({keepAlive: true, maxSockets: 1});
const lookup = (host, options, done) => options.all ? done(null, [{address, family: 4}]) : done(null, address, 4);
const ask = path => new Promise((done, fail) => https.get({host: name, path, ca, agent, lookup}, answer => {
  let n = 0;
  answer.on('data', data => n += data.length).on('end', () => done(answer.httpVersion + ' ' + answer.statusCode + ' ' + n));
}).on('error', fail));
const ask2 = (session, path) => new Promise((done, fail) => {
  let n = 0, status;
  session.request({':path': path}).on('response', fields => status = fields[':status']).on('data', data => n += data.length)
    .on('end', () => done(session.alpnProtocol + ' ' + status + ' ' + n)).on('error', fail).end();
});
(async () => {
  for (const path of ['/1k', '/big', '/nothing']) console.log(await ask(path));
  const session = http2.connect('https://' + name, {ca, lookup});
  for (const line of await Promise.all(['/1k', '/big', '/big', '/nothing'].map(path => ask2(session, path)))) console.log(line);
  session.close(); agent.destroy();
})();
"""


def test_node_speaks_both_versions(site):
    (site.folder / "client.js").write_text(NODE)
    done = site.client.run("node", site.folder / "client.js", NAME, FRONT, site.chain, timeout=60)
    told = [line.split() for line in done.stdout.splitlines()]
    wanted = [("1.1", "200", "1024"), ("1.1", "200", str(BIG)), ("1.1", "404")]
    wanted += [("h2", "200", "1024"), ("h2", "200", str(BIG)), ("h2", "200", str(BIG)), ("h2", "404")]
    assert [tuple(line[: len(want)]) for line, want in zip(told, wanted)] == wanted, done.stdout + done.stderr


def test_websockets_go_through(site):
    async def run():
        async def serve(web):
            async for message in web:
                await web.send(message)

        async with websockets.serve(serve, sock=listener(site.server, SERVERS[1], 80), max_size=None):
            site.serve(config(f"{SERVERS[1]}:80", tls=(site.chain, site.chain.parent / "key.pem")))
            trust = ssl.create_default_context(cafile=site.chain)
            for url, port, more in ((f"ws://{FRONT}/chat", 80, {}), (f"wss://{NAME}/chat", 443, {"ssl": trust, "server_hostname": NAME})):
                with site.client.inside():
                    made = socket.create_connection((FRONT, port))
                async with websockets.connect(url, sock=made, max_size=None, **more) as web:
                    for message in ("hello", b"\0" * 300000, json.dumps([1]) * 1000):
                        await web.send(message)
                        assert await web.recv() == message
                    await asyncio.wait_for(await web.ping(), 10)

    try:
        asyncio.run(run())
    finally:
        site.serve(config(f"{SERVER}:80", tls=(site.chain, site.chain.parent / "key.pem")))


def test_chromium_shows_a_page_by_http2(site):
    told = site.client.run(
        "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={site.folder}/chromium",
        f"--host-resolver-rules=MAP {NAME} {FRONT}", "--ignore-certificate-errors", "--dump-dom", f"{TLS}/page.html", timeout=60)  # fmt: skip
    assert "script, by h2" in told.stdout, told.stdout[-500:] + told.stderr[-2000:]


def test_memory_stays_flat_over_many_requests(site):
    def resident():
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{site.service.pid}/status").read_text())[1]) * 1024

    def load():
        told = site.client.run("ab", "-q", "-k", "-n", 6000, "-c", 16, f"{PLAIN}/1k", timeout=60).stdout
        assert "Failed requests:        0" in told
        return resident()

    first = load()
    assert load() - first < 1 << 20
