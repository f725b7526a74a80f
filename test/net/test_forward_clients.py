"""The forward proxy as the programs of others use it: curl, wget, git, apt and Chromium, by each way in that they know: an HTTP proxy, an HTTPS
proxy, SOCKS, a script; to http and https addresses. And FTP, which goes nowhere.

Nothing but the proxy leads out of the client's network, which has a name server of its own that knows no name and tells who asked.
"""

import base64
import collections
import contextlib
import gzip
import hashlib
import http.server
import itertools
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from forward_site import CLIENT, NAMES, PROXY, WEB, Names, Site, field
from proxy_servers import wait_for

HTTP, HTTPS, SOCKS = f"http://{PROXY}:3128", "https://proxy.home.arpa:3129", f"{PROXY}:1080"
V1, V2, V4, V5 = "HTTP/1.1", "HTTP/2", "SOCKS/4", "SOCKS/5"
PAC = f"""  pac: {{proxies: ["{HTTPS}", "{HTTP}"], direct: [home.arpa]}}
"""
FTP_PORTS = (40000, 40009)


@pytest.fixture(scope="module")
def site(janitor_process):
    made = None
    try:
        made = Site(PAC)
        made.origin = made.serve()
        made.secure = made.serve(WEB[0], 443, made.tls("*.example.com"))
        made.numbers = itertools.count()
        made.client.resolv_conf("127.0.0.1")
        (Path("/etc/netns") / made.client.space / "hosts").write_text(f"{PROXY} proxy.home.arpa\n127.0.0.1 localhost\n")
        with made.client.inside():
            made.asked_at_home = Names("127.0.0.1")
        made.started.append(made.asked_at_home)
        yield made
    finally:
        if made:
            made.close()


def run(site, *words, cwd=None, timeout=60, **environment):
    done = site.client.run(*words, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent", "LC_ALL": "C", **environment}, timeout=timeout, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def new_lines(site, since):
    return [line for line in site.log()[since:] if line["client"] == CLIENT]


def fresh(site, at=WEB[0]):
    """A name that nobody has asked for: a tunnel is written to the log when it ends, and that may be in a later test."""
    name = f"n{next(site.numbers)}.example.com"
    site.names.zone[name] = [at]
    return name


@contextlib.contextmanager
def through(site, name, *ways, at=WEB[0]):
    """That what runs meanwhile goes to that host by these ways and by no other, each (version, method, port); that the client asks no name server
    for a name of others, and that the proxy's asks for this one alone. It is not the proxy's name: that stands in the client's hosts."""
    lines, home, away = len(site.log()), len(site.asked_at_home.asked), len(site.names.asked)
    yield
    wanted = {(version, method, name + (f":{port}" if method == "CONNECT" else "")) for version, method, port in ways}

    def gone():
        new = [line for line in new_lines(site, lines) if line["host"].split(":")[0] == name]
        return {(line["version"], line["method"], line["host"]) for line in new if line["status"] == 200 and line.get("server") == at}

    with contextlib.suppress(AssertionError):
        wait_for(lambda: gone() >= wanted)
    assert gone() == wanted, new_lines(site, lines)
    assert [asked for asked, _ in site.asked_at_home.asked[home:] if asked.endswith("example.com")] == []
    assert {asked for asked, _ in site.names.asked[away:] if asked.endswith("example.com")} <= {name}


def of_both(version):
    """What is gone by when an http and an https address are fetched: by SOCKS both are connections."""
    return [(version, "CONNECT", 80), (version, "CONNECT", 443)] if version.startswith("SOCKS") else [(version, "GET", 80), (version, "CONNECT", 443)]


# ---- curl and wget


@pytest.mark.parametrize(
    ("words", "version"),
    [
        (["--proxy", HTTP], V1),
        (["--proxy", HTTPS, "--proxy-cacert", "{ca}"], V1),
        (["--socks5-hostname", SOCKS], V5),
        (["--socks4a", SOCKS], V4),
        (["--socks5", SOCKS, "--resolve", f"*:80:{WEB[0]}", "--resolve", f"*:443:{WEB[0]}"], V5),
        (["--socks4", SOCKS, "--resolve", f"*:80:{WEB[0]}", "--resolve", f"*:443:{WEB[0]}"], V4),
    ],
)
def test_curl(site, words, version):
    ca = str(site.authority.pem)
    name = fresh(site)
    words = [word.format(ca=ca) for word in words]
    with through(site, WEB[0] if "--resolve" in words else name, *of_both(version)):
        told = run(site, "curl", "-sS", "--fail", "--cacert", ca, *words, f"http://{name}/curl", f"https://{name}/curl")
    assert told.count('"target": "/curl"') == 2 and told.count('"from": "9.0.0.1"') == 2
    seen = [site.origin.seen[-1], site.secure.seen[-1]]
    assert [field(one, "via") for one in seen] == [[] if version.startswith("SOCKS") else ["1.1 gatehouse"], []]


def test_curl_sends_much_by_each_way(site, tmp_path):
    """A body that curl will not send before the server says so (100-continue)."""
    sent = tmp_path / "sent"
    sent.write_bytes(os.urandom(1_500_000).hex().encode())
    for words in (["--proxy", HTTP], ["--proxy", HTTP, "--proxytunnel"], ["--proxy", HTTPS, "--proxy-cacert", site.authority.pem], ["--socks5-hostname", SOCKS]):
        for scheme, server in (("http", site.origin), ("https", site.secure)):
            if "--proxytunnel" in words and scheme == "http":
                continue  # port 80 is none for CONNECT
            run(site, "curl", "-sS", "--fail", "--cacert", site.authority.pem, *words, "-T", sent, f"{scheme}://www.example.com/put")
            assert (server.seen[-1]["method"], server.seen[-1]["target"]) == ("PUT", "/put")
            assert server.seen.pop()["body"].encode() == sent.read_bytes()


def test_wget(site):
    """Which knows plain HTTP proxies only."""
    name = fresh(site)
    with through(site, name, *of_both(V1)):
        told = run(site, "wget", "-qO-", f"--ca-certificate={site.authority.pem}", f"http://{name}/wget", f"https://{name}/wget",
                   http_proxy=HTTP, https_proxy=HTTP)  # fmt: skip
    assert told.count('"target": "/wget"') == 2 and told.count('"from": "9.0.0.1"') == 2


# ---- git


class Repository(http.server.BaseHTTPRequestHandler):
    """Git's own server of the protocol that it calls smart; the repositories are in the folder `root`."""

    protocol_version = "HTTP/1.1"
    root = None

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        data = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def answer(self):
        path, _, query = self.path.partition("?")
        environment = {
            "PATH": "/usr/bin:/bin", "GIT_PROJECT_ROOT": str(self.root), "GIT_HTTP_EXPORT_ALL": "1", "REQUEST_METHOD": self.command, "PATH_INFO": path,
            "QUERY_STRING": query, "CONTENT_TYPE": self.headers.get("Content-Type", ""), "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""), "REMOTE_USER": "tester", "REMOTE_ADDR": self.client_address[0],
            "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
        }  # fmt: skip
        chunked, body = "Transfer-Encoding" in self.headers, self.body()
        made = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False).stdout
        head, _, data = made.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.server.seen.append((self.command, path, chunked, self.client_address[0]))
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def repository(site, tmp_path_factory):
    """The folder in which a commit is, and the two servers of it."""
    folder = tmp_path_factory.mktemp("git")
    git(folder, "init", "-q", "work")
    (folder / "work" / "file").write_bytes(os.urandom(300_000))
    git(folder / "work", "add", "file")
    git(folder / "work", "commit", "-qm", "one")
    git(folder, "clone", "-q", "--bare", "work", "r.git")
    git(folder / "r.git", "config", "http.receivepack", "true")
    handler = type("OfFolder", (Repository,), {"root": folder})
    servers = [site.serve(WEB[1], handler=handler), site.serve(WEB[1], 443, site.tls("*.example.com"), handler)]
    return collections.namedtuple("Served", "folder servers")(folder, servers)


IDENTITY = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
            "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}  # fmt: skip


def git(folder, *words):
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **IDENTITY})


@pytest.mark.parametrize(("proxy", "version"), [(HTTP, V1), (HTTPS, V1), (f"socks5h://{SOCKS}", V5), (f"socks4a://{SOCKS}", V4)])
def test_git_clones_and_pushes(site, repository, tmp_path, proxy, version):
    """Pushed is more than git sends at once (http.postBuffer), so that the request is chunked.

    TLS within TLS to the proxy is what git's libcurl (by GnuTLS) reads only when no record of the proxy goes on behind one of the server's.
    """
    schemes = ("http", "https")
    name = fresh(site, WEB[1])
    ca = site.authority.pem
    settings = ["-c", f"http.proxy={proxy}", "-c", f"http.sslCAInfo={ca}", "-c", f"http.proxySSLCAInfo={ca}", "-c", "http.postBuffer=65536"]
    ways = set(of_both(version)) | ({(version, "POST", 80)} if version == V1 else set())
    with through(site, name, *ways, at=WEB[1]):
        for scheme, server in zip(schemes, repository.servers):
            copy, before = tmp_path / scheme, len(server.seen)
            run(site, "git", *settings, "clone", "-q", f"{scheme}://{name}/r.git", copy, **IDENTITY)
            assert (copy / "file").read_bytes() == (repository.folder / "work" / "file").read_bytes()
            (copy / "more").write_bytes(os.urandom(200_000))
            git(copy, "add", "more")
            git(copy, "commit", "-qm", "more")
            run(site, "git", *settings, "push", "-q", "origin", f"HEAD:refs/heads/{scheme}-{hashlib.sha256(proxy.encode()).hexdigest()[:8]}", cwd=copy, **IDENTITY)
            assert ("POST", "/r.git/git-receive-pack", True, "9.0.0.1") in server.seen[before:]


# ---- apt

APT = """Dir "{folder}/";
Dir::State::status "{folder}/status";
Dir::Log "{folder}";
APT::Architecture "amd64";
APT::Architectures {{ "amd64"; }};
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "0";
Acquire::https::CaInfo "{ca}";
Acquire::http::Proxy "{proxy}";
Acquire::https::Proxy "{proxy}";
"""
PACKAGES = {"http": ["gatehouse-a", "gatehouse-b", "gatehouse-c"], "https": ["gatehouse-d", "gatehouse-e"]}


@pytest.fixture(scope="module")
def archive(site, tmp_path_factory):
    """Two archives, one that is gone to by http and one by https: what stands in each package's file, by name."""
    folder = tmp_path_factory.mktemp("archive")
    made = {}
    for scheme, server in (("http", site.origin), ("https", site.secure)):
        index = ""
        for name in PACKAGES[scheme]:
            control = f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b>\nDescription: nothing\n"
            (folder / name / "DEBIAN").mkdir(parents=True)
            (folder / name / "DEBIAN" / "control").write_text(control)
            (folder / name / "content").write_bytes(os.urandom(100_000))
            subprocess.run(["dpkg-deb", "--root-owner-group", "-b", name, "."], cwd=folder, check=True, capture_output=True)
            data = made[name] = (folder / f"{name}_1_all.deb").read_bytes()
            server.pages[f"/apt-{scheme}/{name}_1_all.deb"] = (200, {}, data)
            index += f"{control}Filename: apt-{scheme}/{name}_1_all.deb\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n\n"
        packed = gzip.compress(index.encode())
        sums = "".join(f" {hashlib.sha256(data).hexdigest()} {len(data)} {name}\n" for name, data in (("Packages", index.encode()), ("Packages.gz", packed)))
        server.pages[f"/apt-{scheme}/Packages.gz"] = (200, {}, packed)
        server.pages[f"/apt-{scheme}/Release"] = (200, {}, f"Origin: test\nDate: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n{sums}".encode())
        for path in ("InRelease", "Release.gpg"):
            server.pages[f"/apt-{scheme}/{path}"] = (404, {}, b"")
    return made


@pytest.mark.skipif(not shutil.which("apt-get"), reason="apt-get is not there")
@pytest.mark.parametrize(("proxy", "version"), [(HTTP, V1), (HTTPS, V1), (f"socks5h://{SOCKS}", V5)])
def test_apt_updates_and_downloads(site, archive, tmp_path, proxy, version):
    for part in ("var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "etc/apt/apt.conf.d", "etc/apt/preferences.d", "got"):
        (tmp_path / part).mkdir(parents=True)
    (tmp_path / "status").touch()
    name = fresh(site)
    (tmp_path / "apt.conf").write_text(APT.format(folder=tmp_path, ca=site.authority.pem, proxy=proxy))
    (tmp_path / "etc/apt/sources.list").write_text("".join(f"deb [trusted=yes] {scheme}://{name} apt-{scheme}/\n" for scheme in PACKAGES))
    seen = [len(server.seen) for server in (site.origin, site.secure)]
    with through(site, name, *of_both(version)):
        run(site, "apt-get", "-q", "update", "--error-on=any", APT_CONFIG=str(tmp_path / "apt.conf"))
        run(site, "apt-get", "-q", "download", *archive, cwd=tmp_path / "got", APT_CONFIG=str(tmp_path / "apt.conf"))
    assert {path.name.split("_")[0]: path.read_bytes() for path in (tmp_path / "got").iterdir()} == archive
    for scheme, server, since in zip(PACKAGES, (site.origin, site.secure), seen):
        new = server.seen[since:]
        assert {one["from"] for one in new} == {"9.0.0.1"}
        assert {f"/apt-{scheme}/{name}_1_all.deb" for name in PACKAGES[scheme]} <= {one["target"] for one in new}


# ---- Chromium


@pytest.fixture(scope="module")
def home(site, tmp_path_factory):
    """A home in which Chromium trusts the authority of the site."""
    folder = tmp_path_factory.mktemp("home")
    database = folder / ".pki" / "nssdb"
    database.mkdir(parents=True)
    for words in (["-N", "--empty-password"], ["-A", "-t", "C,,", "-n", "authority", "-i", str(site.authority.pem)]):
        subprocess.run(["certutil", "-d", f"sql:{database}", *words], check=True, capture_output=True)
    return folder


@pytest.mark.skipif(not shutil.which("chromium") or not shutil.which("certutil"), reason="chromium or certutil is not there")
@pytest.mark.parametrize(
    ("setting", "version"),
    [(f"--proxy-server={HTTP}", V1), (f"--proxy-server={HTTPS}", V2), (f"--proxy-server=socks5://{SOCKS}", V5), (f"--proxy-pac-url={HTTP}/proxy.pac", V2)],
)
def test_chromium(site, home, setting, version):
    """A page by http shows what a script that comes by https writes: both certificates are trusted as any other is, no error is passed over."""
    secret = base64.b32encode(os.urandom(5)).decode()
    name = fresh(site)
    page = f'<script src="https://{name}/script.js"></script><p>by http</p>'.encode()
    site.origin.pages["/page"] = (200, {"Content-Type": "text/html"}, page)
    site.secure.pages["/script.js"] = (200, {"Content-Type": "text/javascript"}, f"document.write('<p>by https: {secret}</p>')".encode())
    seen = [len(site.origin.seen), len(site.secure.seen)]
    with through(site, name, *of_both(version)):
        text = run(site, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
                   "--disable-sync", "--no-first-run", f"--user-data-dir={home}/{version.replace('/', '-')}", setting,
                   "--disable-features=HttpsUpgrades", "--dump-dom", f"http://{name}/page", timeout=120, HOME=str(home))  # fmt: skip
    assert f"by https: {secret}" in text and "by http<" in text, text
    by_http = [one for one in site.origin.seen[seen[0] :] if one["target"] == "/page"]
    by_https = [one for one in site.secure.seen[seen[1] :] if one["target"] == "/script.js"]
    assert [one["from"] for one in by_http + by_https] == ["9.0.0.1"] * 2
    via = {V1: ["1.1 gatehouse"], V2: ["2.0 gatehouse"], V5: []}[version]
    assert (field(by_http[0], "via"), field(by_https[0], "via")) == (via, [])


# ---- FTP

FTP = """listen=YES
listen_address={address}
anonymous_enable=YES
anon_root={folder}
secure_chroot_dir={empty}
run_as_launching_user=YES
pasv_min_port={ports[0]}
pasv_max_port={ports[1]}
seccomp_sandbox=NO
background=NO
"""


class Daemon:
    def __init__(self, process):
        self.process = process

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture(scope="module")
def ftp(site, tmp_path_factory):
    """A server of files, as ftp.example.com; its log."""
    folder = tmp_path_factory.mktemp("ftp")
    for part in ("files", "empty"):
        (folder / part).mkdir()
    (folder / "files" / "file").write_text("by FTP\n")
    conf, log = folder / "vsftpd.conf", folder / "log"
    text = FTP.format(address=WEB[2], folder=folder / "files", empty=folder / "empty", ports=FTP_PORTS)
    conf.write_text(text + f"xferlog_enable=YES\nlog_ftp_protocol=YES\nxferlog_std_format=NO\nvsftpd_log_file={log}\n")
    for path in (folder.parent, folder, folder / "files", folder / "empty"):
        path.chmod(0o755)
    site.started.append(Daemon(site.web.popen("vsftpd", conf, stdin=subprocess.DEVNULL)))
    site.names.zone["ftp.example.com"] = [WEB[2]]

    def listens():
        with contextlib.suppress(OSError), site.web.inside(), socket.create_connection((WEB[2], 21), 5) as made:
            return made.recv(4) == b"220 "

    wait_for(listens)
    return lambda: log.read_text() if log.exists() else ""


def fail(site, *words):
    done = site.client.run("curl", "-sS", "--max-time", "30", *words, timeout=60)
    return done.returncode, done.stderr


def refused(site, since, times, **wanted):
    """The lines of what was refused so, when they are that many."""

    def lines():
        return [line for line in new_lines(site, since) if all(line.get(key) == value for key, value in wanted.items())]

    with contextlib.suppress(AssertionError):
        wait_for(lambda: len(lines()) >= times)
    found = lines()
    assert len(found) == times, new_lines(site, since)
    return found


def test_ftp_by_connect_goes_nowhere(site, ftp):
    """Neither its commands nor its data: it is answered 403, written to the log and counted, and the server sees nothing."""
    count, lines, known = site.metric('refused_total{why="port"}'), len(site.log()), ftp()
    code, told = fail(site, "--proxy", HTTP, "--proxytunnel", "ftp://ftp.example.com/file")
    assert code == 56 and "403" in told
    code, told = fail(site, "--proxy", HTTPS, "--proxy-cacert", site.authority.pem, "--proxytunnel", "ftp://ftp.example.com/file")
    assert code == 56 and "403" in told
    found = refused(site, lines, 2, method="CONNECT", host="ftp.example.com:21", status=403, cause="port")
    assert not any("server" in line for line in found)
    status, made = site.tunnel(f"ftp.example.com:{FTP_PORTS[0]}")
    made.close()
    assert status == 403
    assert site.metric('refused_total{why="port"}') == count + 3
    assert ftp() == known


def test_ftp_by_socks_goes_nowhere(site, ftp):
    lines, known = len(site.log()), ftp()
    assert fail(site, "--socks5-hostname", SOCKS, "ftp://ftp.example.com/file")[0] == 97
    assert fail(site, "--socks4a", SOCKS, "ftp://ftp.example.com/file")[0] == 97
    for version in (V5, V4):
        refused(site, lines, 1, version=version, host="ftp.example.com:21", status=403, cause="port")
    assert ftp() == known


def test_an_address_of_ftp_is_not_fetched(site, ftp):
    """In absolute form: 501 and a page that says what is fetched."""
    count, lines, known = site.metric('refused_total{why="scheme"}'), len(site.log()), ftp()
    for words in (["--proxy", HTTP], ["--proxy", HTTPS, "--proxy-cacert", site.authority.pem]):
        told = run(site, "curl", "-sS", *words, "-w", "%{http_code}", "ftp://ftp.example.com/file")
        assert told.endswith("501") and "This proxy fetches http addresses" in told
    done = site.client.run("wget", "-O-", "--tries=1", "ftp://ftp.example.com/file", env={"PATH": "/usr/bin:/bin", "ftp_proxy": HTTP}, timeout=60)
    assert done.returncode == 8 and "501" in done.stderr
    refused(site, lines, 3, status=501, cause="scheme")
    assert site.metric('refused_total{why="scheme"}') == count + 3
    assert ftp() == known


def test_ftp_goes_through_where_its_ports_are_open(site, ftp):
    """So what stopped it was the default, and it stopped all of it: both of its connections are judged."""
    site.reload(f"{PAC}  connect-ports: [443, 21]\n")
    code, told = fail(site, "--proxy", HTTP, "--proxytunnel", "ftp://ftp.example.com/file")
    assert code != 0 and "403" in told, told  # its commands went through, its data did not
    site.reload(f"{PAC}  connect-ports: [443, 21, {FTP_PORTS[0]}-{FTP_PORTS[1]}]\n")
    for words in (["--proxy", HTTP], ["--proxy", HTTPS, "--proxy-cacert", site.authority.pem]):
        assert run(site, "curl", "-sS", *words, "--proxytunnel", "ftp://ftp.example.com/file") == "by FTP\n"
    assert '"EPSV"' in ftp() and "OK DOWNLOAD" in ftp()
    site.reload(PAC)
