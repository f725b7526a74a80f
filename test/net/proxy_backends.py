"""Four web servers of others behind the proxy, each of which says which request it believes to have read: the answer is
"HOST TARGET", and so is its line in the log. Started in the site's server, one address each."""

import os
from pathlib import Path

from proxy_site import SERVERS

NGINX = """daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 512; }}
http {{
  log_format seen '$http_host $request_uri';
  access_log {log} seen;
  client_body_temp_path {folder}/nginx-body;
  proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-f;
  uwsgi_temp_path {folder}/nginx-u;
  scgi_temp_path {folder}/nginx-s;
  default_type text/plain;
  server {{ listen {address}:80; location / {{ return 200 '$http_host $request_uri'; }} }}
}}
"""
HAPROXY = """global
  log stdout format raw local0
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 5s
frontend front
  bind {address}:80
  log global
  log-format "%[capture.req.hdr(0)] %HU"
  http-request capture req.hdr(host) len 64
  http-request wait-for-body time 10s
  http-request return status 200 content-type text/plain lf-string "%[req.hdr(host)] %[url]"
"""
APACHE = """ServerRoot {folder}
ServerName server
PidFile {folder}/apache.pid
Listen {address}:80
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
StartServers 1
ServerLimit 2
ErrorLog {folder}/apache-errors
LogFormat "%{{Host}}i %r" seen
CustomLog {log} seen
DocumentRoot {folder}/empty
DefaultRuntimeDir {folder}
ErrorDocument 404 "%{{HTTP_HOST}} %{{REQUEST_URI}}"
"""
NODE = """const http = require('http');
http.createServer((request, answer) => {{
  request.on('data', () => {{}});
  request.on('end', () => {{
    const seen = (request.headers.host || '') + ' ' + request.url;
    console.log(seen);
    answer.end(seen);
  }});
}}).listen(80, '{address}');
"""


class Backend:
    def __init__(self, site, name, address, text, words, log=None):
        self.name, self.address = name, address
        folder = Path(f"/tmp/{site.server.space}-{name}")
        for path in (folder, folder / "empty"):
            path.mkdir(exist_ok=True)
        self.log = Path(log.format(folder=folder)) if log else None
        config = folder / "config"
        config.write_text(text.format(folder=folder, address=address, log=self.log), encoding="utf-8")
        quiet = {**os.environ, "NODE_OPTIONS": ""}
        site.daemon(site.server, *(word.format(folder=folder, config=config) for word in words), port=80, address=address, env=quiet)
        self.log = self.log or Path(site.net.services[-1].log.name)

    def seen(self):
        """(host, target) of each request, in its own order."""
        lines = self.log.read_text(encoding="latin-1").split("\n")
        pairs = [line.split(" ", 1) for line in lines if " " in line]
        # Apache's %r is the whole request line.
        return [(host, rest.split(" ")[1] if rest.endswith(" HTTP/1.1") else rest) for host, rest in pairs]


def start(site):
    return [
        Backend(site, "nginx", SERVERS[0], NGINX, ["nginx", "-c", "{config}", "-e", "stderr"], "{folder}/seen"),
        Backend(site, "haproxy", SERVERS[1], HAPROXY, ["haproxy", "-db", "-f", "{config}"]),
        Backend(site, "apache", SERVERS[2], APACHE, ["apache2", "-DFOREGROUND", "-f", "{config}"], "{folder}/seen"),
        Backend(site, "node", SERVERS[3], NODE, ["node", "{config}"]),
    ]
