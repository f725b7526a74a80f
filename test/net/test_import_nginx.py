"""An nginx.conf of a usual site, served by nginx and, from what `gatehouse import nginx` makes of it, by us: the same
requests get the same answers. Where we answer otherwise on purpose, the test says so."""

import http.client
import json
import subprocess
import time
from urllib.parse import urljoin

import pytest

import topology
from proxy_servers import Server
from service import Service, binary

THEIRS, OURS = 8081, 8080
CONF = r"""
daemon off;
user root;
worker_processes 1;
pid $DIR/nginx.pid;
error_log stderr crit;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path $DIR/t1; proxy_temp_path $DIR/t2; fastcgi_temp_path $DIR/t3; uwsgi_temp_path $DIR/t4; scgi_temp_path $DIR/t5;
    types { text/html html; text/plain txt; image/png png; }
    upstream app { server 127.0.0.1:9001 max_conns=50; keepalive 4; }
    proxy_http_version 1.1;
    include "$DIR/hosts/*.conf";

    server {
        listen 127.0.0.1:PORT default_server;
        server_name example.org *.apps.example.org ~^v[0-9]+\.example\.org$ www.example.*;
        root $DIR/www;
        client_max_body_size 100;
        error_page 404 /404.html;

        location / { try_files $uri $uri/ @app; }
        location @app { proxy_pass http://app; proxy_set_header Host $host; proxy_set_header X-Where app; }
        location /api/ { proxy_pass http://app/v1/; }
        location /strict { proxy_pass http://app; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }
        location /strict/inner/ { proxy_pass http://app/; proxy_set_header Host inner.example.org; proxy_set_header X-Id "a-$request_method"; }
        location = /whole { return 200 "whole\n"; }
        location /old/ { rewrite ^/old/([a-z]+)/(.*)$ /new/$2?kind=$1 permanent; return 410; }
        location /re/ { rewrite ^/re/(.*)$ /show?q=$1 break; proxy_pass http://app; }
        location /last/ { rewrite ^/last/(.*)$ /api/x/$1 last; }
        location ^~ /assets/ { alias $DIR/static/; add_header X-Asset yes; }
        location ~* \.(png|jpe?g)$ { root $DIR/images; }
        location ~ ^/user/(\d+)/x\.png$ { return 302 /never; }
        location /away { return 301 https://other.example.org$request_uri; }
        location /moved { return 307 /whole; }
        location /slash { return 302 $uri/; }
        location /front { return 301 /index.php$request_uri; }
        location /secure { return 308 https://$host$request_uri; }
        location /closed { deny all; proxy_pass http://app; }
        location /open { allow 127.0.0.0/8; deny all; proxy_pass http://app; }
        location /private { auth_basic "the works"; auth_basic_user_file htpasswd; proxy_pass http://app; }
        location /in { internal; }
        location /none/ { try_files $uri =404; }
        location /method { if ($request_method = PUT) { return 405; } proxy_pass http://app; }
        location /hide { proxy_hide_header Server; add_header X-Extra "a $request_method" always; proxy_pass http://app; }
    }
}
"""
FILES = {
    "hosts/b.conf": "server { listen 127.0.0.1:PORT; server_name B.example.net .c.example.net; return 404; }\n",
    "hosts/spa.conf": "server { listen 127.0.0.1:PORT; server_name spa.example.net; root $DIR/spa; "
    "location / { try_files $uri $uri/ /index.html; } }\n",
    "htpasswd": "ann:ANN\n",
    "www/index.html": "start",
    "www/a.txt": "a",
    "www/docs/index.html": "docs",
    "www/none/b.txt": "b",
    "www/404.html": "page of 404",
    "static/s.txt": "static",
    "static/s.png": "static png",
    "images/x.png": "image",
    "images/user/1/x.png": "user image",
    "spa/index.html": "spa",
    "spa/a.js": "js",
}
# "right" by SHA-512 crypt.
ANN = "$6$rounds=5000$saltsalt$gzY3OAolfMFSB9Ld7iMdOQlViFqO3IOPeU0zkHsD.58tcMxRAFD0Qjfi2sjus3i.8aqWarEvFPREqzp18Jm291"
RIGHT, WRONG = "Basic YW5uOnJpZ2h0", "Basic YW5uOndyb25n"
REQUESTS = [
    # host, method, path, fields, body
    *[("example.org", "GET", path, {}, None) for path in (
        "/", "/a.txt", "/docs", "/docs/", "/docs/?x=1", "/docs?x=1", "/nothing", "/nothing/x?y=1", "/a.txt/", "/%61.txt", "/x/../a.txt",
        "/api", "/api?x=1", "/api/", "/api/x/y?z=1", "/apix", "/strict", "/strictly", "/strict/a", "/strict/inner", "/strict/inner/",
        "/strict/inner/x?y", "/whole", "/whole/", "/whole?x", "/old/book/a/b", "/old/book/a?x=1", "/old/9", "/old", "/re/abc", "/re/a/b?x=1",
        "/re/", "/last/z?x=1", "/assets/s.txt", "/assets/s.png", "/assets/none", "/assets", "/x.png", "/X.PNG", "/user/1/x.png",
        "/deep/none.jpg", "/away", "/away?x=1", "/away/b", "/awayx", "/front", "/slash", "/slash//a?x=1", "/front/a?x=1", "/moved", "/secure/x?y=1", "/closed", "/closed/x", "/closedx", "/open",
        "/in", "/in/x", "/none/b.txt", "/none/c.txt", "/private", "/method", "/hide", "/strict/../api/q", "/api/a%20b", "/api/%C3%A9")],
    *[("example.org", "PUT", path, {}, "body") for path in ("/method", "/api/x", "/strict")],
    ("example.org", "POST", "/api/x", {}, "x" * 100),
    ("example.org", "POST", "/api/x", {}, "x" * 101),
    ("example.org", "POST", "/whole", {}, "x"),
    ("example.org", "HEAD", "/a.txt", {}, None),
    ("example.org", "GET", "/private", {"Authorization": RIGHT}, None),
    ("example.org", "GET", "/private", {"Authorization": WRONG}, None),
    ("example.org", "GET", "/a.txt", {"Range": "bytes=0-0"}, None),
    *[(host, "GET", "/whole", {}, None) for host in (
        "x.apps.example.org", "apps.example.org", "v12.example.org", "www.example.com", "unknown", "EXAMPLE.org", "b.example.net",
        "c.example.net", "a.c.example.net", "example.org:80")],
    *[("spa.example.net", "GET", path, {}, None) for path in ("/", "/a.js", "/page/of/its/own", "/a.js/x")],
]  # fmt: skip

# Numbers that we take less of, and all ways to speak to servers.
UNUSUAL = """
http {
    keepalive_timeout 0; client_header_timeout 0; client_body_timeout 1d; client_max_body_size 0;
    set_real_ip_from 10.0.0.1/8; set_real_ip_from unix:;
    upstream most { server 127.0.0.1:1 weight=70000 max_conns=5000000 max_fails=5000 fail_timeout=40d slow_start=10h; }
    upstream none { server 127.0.0.1:1 max_fails=0 fail_timeout=0; server [::1]:1 max_fails=0; }
    server {
        listen 80 proxy_protocol;
        location /http { proxy_pass http://most; proxy_read_timeout 1ms; client_max_body_size 999g; }
        location /https { proxy_pass https://none; proxy_ssl_verify on; proxy_ssl_trusted_certificate /ca.pem; }
        location /address { proxy_pass https://127.0.0.1:2/x; }
        location /name { proxy_pass https://localhost:2; }
        location /grpc { grpc_pass grpc://none; }
        location /grpcs { grpc_pass grpcs://app.example.org; deny 10.0.0.1/8; }
    }
}
stream { server { listen 25; proxy_pass localhost:25; } server { listen 53 udp; proxy_pass [::1]:53; proxy_timeout 40d; } }
"""


class Site:
    def __init__(self, net):
        self.host = net.host("nginx")
        with self.host.inside():
            self.server = Server("a", 9001)
        # The importer reads the file with our port, which nginx does not have.
        self.service = Service(self.host, "reverse-proxy", "", {})
        folder = self.service.folder
        texts = {"nginx.conf": CONF, **FILES}
        for port, where in ((THEIRS, "theirs"), (OURS, "ours")):
            self.service.write({f"{where}/{path}": text.replace("PORT", str(port)).replace("$DIR", f"{folder}/{where}")
                                .replace("ANN", ANN) for path, text in texts.items()})  # fmt: skip
        # nginx's own messages are of errors only.
        self.log = open(folder / "nginx.log", "wb")
        self.nginx = self.host.popen("nginx", "-c", folder / "theirs/nginx.conf", "-e", "stderr", stdin=subprocess.DEVNULL,
                                     stdout=self.log, stderr=self.log)  # fmt: skip
        made = subprocess.run([binary(), "import", "nginx", folder / "ours/nginx.conf"], capture_output=True, text=True, check=True,
                              timeout=30)  # fmt: skip
        self.made, self.notes = made.stdout, made.stderr
        self.service.configure(made.stdout)
        self.service.start()
        until = time.monotonic() + 30
        while f":{THEIRS} " not in self.host.run("ss", "-Hltn").stdout:
            assert self.nginx.poll() is None and time.monotonic() < until, (folder / "nginx.log").read_text()
            time.sleep(0.02)

    def ask(self, port, host, method, path, fields, body):
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        with self.host.inside():
            client.connect()
        client.request(method, path, body, {"Host": host, **fields})
        answer = client.getresponse()
        data = answer.read()
        client.close()
        return answer, data

    def close(self):
        self.server.stop()
        self.nginx.terminate()
        self.nginx.wait(10)
        self.log.close()


@pytest.fixture(scope="module")
def site(janitor_process):
    net = topology.Net()
    made = None
    try:
        made = Site(net)
        yield made
    finally:
        if made:
            made.close()
        assert not net.close()


def told(port, host, path, answer, data):
    """What two proxies must agree on."""
    status, location = answer.status, answer.getheader("Location")
    base = f"http://{host.lower().split(':')[0]}"
    # nginx writes its own port into addresses that it makes of paths.
    location = location and urljoin(base + path, location).replace(f":{port}", "")
    extra = {name: answer.getheader(name) for name in ("X-Asset", "X-Extra", "Content-Range")}
    if answer.getheader("Content-Type", "").startswith("application/json"):
        seen = json.loads(data) if data else {}
        fields = {name: value for name, value in seen.get("fields", []) if name in ("host", "x-where", "x-id")}
        data = (seen.get("method"), seen.get("path"), seen.get("body"), fields)
    elif status >= 300 and data not in (b"page of 404",):
        data = None  # each has its own words
    return status, location, data, extra, "Basic realm" in answer.getheader("WWW-Authenticate", "")


def test_the_same_requests_get_the_same_answers(site):
    wrong = []
    for host, method, path, fields, body in REQUESTS:
        theirs, ours = (told(port, host, path, *site.ask(port, host, method, path, fields, body)) for port in (THEIRS, OURS))
        if theirs != ours:
            wrong.append(f"{method} {host} {path}\n  nginx {theirs}\n  ours  {ours}")
    assert not wrong, "\n".join(wrong) + f"\n{site.made}\n{site.notes}"


def test_what_is_made_of_unusual_numbers_is_taken(tmp_path):
    theirs, ours = tmp_path / "nginx.conf", tmp_path / "gatehouse.yaml"
    theirs.write_text(UNUSUAL)
    made = subprocess.run([binary(), "import", "nginx", theirs], capture_output=True, text=True, check=True, timeout=30)
    ours.write_text(made.stdout)
    done = subprocess.run([binary(), "check", ours], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), made.stdout
    assert "weight: 256" in made.stdout and "weight is less here: 256" in made.stderr
