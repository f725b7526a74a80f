"""By proxies of others as they are: Squid, tinyproxy, and another one of ours, which also lead on to each other in a circle."""

import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from forward_site import NAMES, PROXY, WEB, Site, field
from proxy_servers import wait_for
from service import Service
from test_forward_socks import NOT_ALLOWED, code5

SQUID, TINY, OURS = WEB[1], WEB[2], WEB[3]

UPSTREAMS = f"""  upstreams:
    - {{to: "*.squid.example", http: {SQUID}, user: joe, password: secret}}
    - {{to: "*.stranger.example", http: {SQUID}, user: joe, password: wrong}}
    - {{to: "*.tiny.example", http: "{TINY}:8888", user: joe, password: secret}}
    - {{to: "*.ours.example", https: parent.home.example, ca: %s, user: joe, password: secret}}
    - {{to: "*.circle.example", http: {OURS}}}
"""

SQUID_CONF = """http_port {at}:3128
visible_hostname squid
pid_filename {folder}/pid
access_log none
cache_log {folder}/log
cache deny all
cache_mem 8 MB
memory_cache_shared off
coredump_dir {folder}
netdb_filename none
pinger_enable off
dns_nameservers {names}
auth_param basic program {helper} {folder}/users
auth_param basic children 1
acl joe proxy_auth REQUIRED
acl bad dstdomain forbidden.squid.example
http_access deny bad
http_access allow joe
http_access deny all
shutdown_lifetime 0 seconds
"""

TINY_CONF = """Port 8888
Listen {at}
Timeout 30
PidFile "{folder}/pid"
LogFile "{folder}/log"
MaxClients 50
BasicAuth joe secret
ConnectPort 443
ConnectPort 80
"""

OURS_CONF = """forward-proxy:
  name: %s
  listen: [{address: "%s"}, {address: "%s", tls: yes}]
  certificates: [{%s}]
  clients: [9.0.0.0/24]
  resolver: %s
  allow-inside: [9.0.0.10/32]
  connect-ports: [80, 443]
  workers: 1
  access-log: {format: json}
  access:
    users: {joe: "%s"}
    rules:
      - {action: allow, to: "*.circle.example"}
      - {action: allow, users: "*"}
    otherwise: deny
  upstreams:
    - {to: "*.circle.example", http: "%s"}
"""


class Other:
    """A program of others in the web's host, until the end of the tests."""

    def __init__(self, host, name, at, port, conf, words, **more):
        self.folder = Path(f"/tmp/{host.space}-{name}")
        self.folder.mkdir()
        self.folder.chmod(0o777)
        path = self.folder / "conf"
        path.write_text(conf.format(at=at, folder=self.folder, **more))
        with open(self.folder / "out", "wb") as out:
            self.process = host.popen(*[w.format(conf=path) for w in words], stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        wait_for(lambda: self.answers(host, at, port), 60)

    def answers(self, host, at, port):
        assert self.process.poll() is None, (self.folder / "out").read_text()
        with host.inside():
            try:
                socket.create_connection((at, port), 1).close()
            except OSError:
                return False
        return True

    def stop(self):
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)


def hashed(password):
    return subprocess.run(["openssl", "passwd", "-apr1", password], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def site(janitor_process):
    made = None
    try:
        made = Site()
        made.config += UPSTREAMS % made.authority.pem
        made.origin = made.serve()
        made.secure = made.serve(WEB[0], 443, made.tls("a.squid.example", "a.tiny.example", "a.ours.example"))
        for kind in ("squid", "tiny", "ours"):
            made.names.zone[f"a.{kind}.example"] = [WEB[0]]
        made.names.zone["parent.home.example"] = [OURS]
        made.client.resolv_conf("127.0.0.1")
        (Path("/etc/netns") / made.client.space / "hosts").write_text("127.0.0.1 localhost\n")
        made.service.stop()
        made.service.configure(made.config)
        made.service.start()
        yield made
    finally:
        if made:
            made.close()


@pytest.fixture(scope="module")
def squid(site):
    helper = "/usr/lib/squid/basic_ncsa_auth"
    if not shutil.which("squid", path="/usr/sbin:/usr/bin") or not os.path.exists(helper):
        pytest.skip("squid is not installed")
    folder = Path(f"/tmp/{site.web.space}-users")
    folder.write_text(f"joe:{hashed('secret')}\n")
    folder.chmod(0o644)
    conf = SQUID_CONF.replace("{folder}/users", str(folder))
    made = Other(site.web, "squid", SQUID, 3128, conf, ["/usr/sbin/squid", "-N", "-f", "{conf}"], names=NAMES, helper=helper)
    yield made
    made.stop()
    folder.unlink()


@pytest.fixture(scope="module")
def tiny(site):
    program = shutil.which("tinyproxy")
    if not program:
        pytest.skip("tinyproxy is not installed")
    site.web.resolv_conf(NAMES)
    made = Other(site.web, "tinyproxy", TINY, 8888, TINY_CONF, [program, "-d", "-c", "{conf}"])
    yield made
    made.stop()


@pytest.fixture(scope="module")
def ours(site):
    """Two more of ours, each of which leads to the other for some names."""
    issued = site.authority.issue("parent.home.example")
    record = subprocess.run(["openssl", "passwd", "-6", "secret"], capture_output=True, text=True, check=True).stdout.strip()
    both = []
    for name, port, tls, next_port in (("parent", 3128, 3129, 3200), ("second", 3200, 3201, 3128)):
        conf = OURS_CONF % (name, f"{OURS}:{port}", f"{OURS}:{tls}", issued.conf, NAMES, record, f"{OURS}:{next_port}")
        both.append(Service(site.web, "forward-proxy", conf).start())
    return both


def seen_by(service, kind):
    """What its log has of the names for that test."""
    path = service.folder / "state/forward-proxy/access.log"
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [line for line in lines if f".{kind}.example" in line["host"]]


def curl(site, *words):
    done = site.client.run("curl", "-sS", "--max-time", "30", *words, env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}, timeout=60)
    return done.returncode, done.stdout, done.stderr


HTTP, SOCKS = f"http://{PROXY}:3128", f"socks5h://{PROXY}:1080"


def goes_through(site, kind):
    """curl by each way in, to http and https."""
    name, ca = f"a.{kind}.example", str(site.authority.pem)
    for proxy in (HTTP, SOCKS):
        for target in (f"http://{name}/x", f"https://{name}/x"):
            site.origin.seen.clear()
            site.secure.seen.clear()
            code, told, trouble = curl(site, "--proxy", proxy, "--cacert", ca, "-H", "X-Own: 1", target)
            assert code == 0 and told.startswith("{"), trouble + told
            told = json.loads(told)
            assert told["target"] == "/x" and field(told, "x-own") == ["1"]
            assert not field(told, "proxy-authorization")


def down(site, to):
    _, told = site.service.control("GET", "/upstreams")
    return [server for entry in told["upstreams"] if entry["to"] == [to] for server in entry["servers"]][0]


def test_squid_leads_there(site, squid):
    goes_through(site, "squid")
    told = down(site, "*.squid.example")
    assert told["state"] == "up" and told["errors"] == 0 and told["requests"] >= 4 and told["latency_us"] > 0


def test_what_squid_refuses_is_told_so(site, squid):
    code, _, trouble = curl(site, "--proxy", HTTP, "https://forbidden.squid.example/")
    assert code == 56 and "403" in trouble
    assert code5(site, "forbidden.squid.example", 443) == NOT_ALLOWED
    # Squid opens tunnels to port 443 and others by its rules; nobody listens at this one.
    status, tunnel = site.tunnel("a.squid.example:443")
    tunnel.close()
    assert status == 200
    code, headers, _ = curl(site, "-i", "--proxy", HTTP, "http://a.stranger.example/")
    assert code == 0 and headers.startswith("HTTP/1.1 502") and "proxy_configuration_error" in headers
    assert "proxy-authenticate" not in headers.lower()
    code, _, trouble = curl(site, "--proxy", HTTP, "https://a.stranger.example/")
    assert code == 56 and "502" in trouble


def test_tinyproxy_leads_there(site, tiny):
    goes_through(site, "tiny")
    assert down(site, "*.tiny.example")["errors"] == 0


def test_one_of_ours_leads_there_by_tls(site, ours):
    goes_through(site, "ours")
    told = down(site, "*.ours.example")
    assert told["state"] == "up" and told["errors"] == 0
    lines = wait_for(lambda: seen_by(ours[0], "ours") if len(seen_by(ours[0], "ours")) >= 4 else None)
    assert {line["user"] for line in lines} == {"joe"} and {line["tls"] for line in lines} == {"TLSv1.3"}
    assert {line["method"] for line in lines} == {"GET", "CONNECT"}


def test_a_circle_is_found(site, ours):
    began = time.monotonic()
    assert site.ask("http://a.circle.example/")[0] == 508
    status, tunnel = site.tunnel("b.circle.example:443")
    tunnel.close()
    assert status == 502
    assert time.monotonic() - began < 10
    # Each of the two ends when the first of ours has seen its own name more than four times.
    rounds = wait_for(lambda: seen_by(ours[0], "circle") if len(seen_by(ours[0], "circle")) >= 12 else None)
    assert len(rounds) == 12 and [line.get("cause") for line in rounds].count("loop") == 2
