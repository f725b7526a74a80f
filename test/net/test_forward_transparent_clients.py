"""Clients without any setting of a proxy, led to it by nftables on their way: curl, git, apt and Chromium, to http and https addresses. They ask the DNS
themselves, and have it from where the proxy has it."""

import base64
import contextlib
import hashlib
import itertools
import os
import shutil
from pathlib import Path

import pytest

from forward_site import PROXY, WEB, Names, Site, field
from proxy_servers import wait_for
from test_forward_clients import APT, IDENTITY, PACKAGES, archive, fresh, git, home, new_lines, repository, run

FIXTURES = (archive, home, repository)  # of the proxy's other clients; made anew for this site
RULES = """table inet taken {
  chain prerouting {
    type nat hook prerouting priority dstnat;
    ip saddr 10.0.0.0/24 tcp dport 80 redirect to :3180
    ip saddr 10.0.0.0/24 tcp dport 443 redirect to :3181
  }
}
"""
BOTH = [("HTTP/1.1", "GET"), ("TLS", "TLS")]


@pytest.fixture(scope="module")
def site(janitor_process):
    del janitor_process
    if not shutil.which("nft"):
        pytest.skip("there is no nft")
    made = None
    try:
        made = Site("", "{address: 10.0.0.1, transparent: yes}, {address: 10.0.0.1, transparent-tls: yes}, ")
        made.client.route("default", PROXY)
        done = made.gateway.run("nft", "-f", "-", input=RULES)
        assert done.returncode == 0, done.stderr
        made.origin = made.serve()
        made.secure = made.serve(WEB[0], 443, made.tls("*.example.com"))
        made.numbers = itertools.count()
        made.client.resolv_conf("127.0.0.1")
        (Path("/etc/netns") / made.client.space / "hosts").write_text("127.0.0.1 localhost\n")
        with made.client.inside():
            home_names = Names("127.0.0.1")
        home_names.zone = made.names.zone
        made.started.append(home_names)
        yield made
    finally:
        if made:
            made.close()


@contextlib.contextmanager
def through(site, name, ways, at=WEB[0]):
    """That what runs meanwhile goes to that host by these ways, each (version, method), with a claim that is true, and by no other."""
    lines, lies = len(site.log()), site.metric("transparent_unproved_total")
    yield

    def gone():
        new = [line for line in new_lines(site, lines) if line["host"].split(":")[0] == name]
        return {(line["version"], line["method"]) for line in new if line["status"] == 200 and line.get("server") == at}

    with contextlib.suppress(AssertionError):
        wait_for(lambda: gone() >= set(ways))
    assert gone() == set(ways), new_lines(site, lines)
    assert site.metric("transparent_unproved_total") == lies


def test_curl(site):
    name = fresh(site)
    with through(site, name, BOTH):
        told = run(site, "curl", "-sS", "--fail", "--cacert", site.authority.pem, f"http://{name}/curl", f"https://{name}/curl")
    assert told.count('"target": "/curl"') == 2 and told.count('"from": "9.0.0.1"') == 2


def test_git_clones_and_pushes(site, repository, tmp_path):
    name = fresh(site, WEB[1])
    settings = ["-c", f"http.sslCAInfo={site.authority.pem}", "-c", "http.postBuffer=65536"]
    with through(site, name, [*BOTH, ("HTTP/1.1", "POST")], WEB[1]):
        for scheme, server in zip(("http", "https"), repository.servers):
            copy, before = tmp_path / scheme, len(server.seen)
            run(site, "git", *settings, "clone", "-q", f"{scheme}://{name}/r.git", copy, **IDENTITY)
            assert (copy / "file").read_bytes() == (repository.folder / "work" / "file").read_bytes()
            (copy / "more").write_bytes(os.urandom(200_000))
            git(copy, "add", "more")
            git(copy, "commit", "-qm", "more")
            run(site, "git", *settings, "push", "-q", "origin", f"HEAD:refs/heads/{scheme}", cwd=copy, **IDENTITY)
            assert ("POST", "/r.git/git-receive-pack", True, "9.0.0.1") in server.seen[before:]


@pytest.mark.skipif(not shutil.which("apt-get"), reason="apt-get is not there")
def test_apt_updates_and_downloads(site, archive, tmp_path):
    for part in ("var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "etc/apt/apt.conf.d", "etc/apt/preferences.d", "got"):
        (tmp_path / part).mkdir(parents=True)
    (tmp_path / "status").touch()
    name = fresh(site)
    (tmp_path / "apt.conf").write_text(APT.format(folder=tmp_path, ca=site.authority.pem, proxy="DIRECT"))
    (tmp_path / "etc/apt/sources.list").write_text("".join(f"deb [trusted=yes] {scheme}://{name} apt-{scheme}/\n" for scheme in PACKAGES))
    with through(site, name, BOTH):
        run(site, "apt-get", "-q", "update", "--error-on=any", APT_CONFIG=str(tmp_path / "apt.conf"))
        run(site, "apt-get", "-q", "download", *archive, cwd=tmp_path / "got", APT_CONFIG=str(tmp_path / "apt.conf"))
    assert {path.name.split("_")[0]: hashlib.sha256(path.read_bytes()).digest() for path in (tmp_path / "got").iterdir()} == {
        package: hashlib.sha256(data).digest() for package, data in archive.items()
    }


@pytest.mark.skipif(not shutil.which("chromium") or not shutil.which("certutil"), reason="chromium or certutil is not there")
def test_chromium(site, home):
    """A page by http shows what a script that comes by https writes; then one whose script is refused goes on without it."""
    secret = base64.b32encode(os.urandom(5)).decode()
    name = fresh(site)
    page = f'<script src="https://{name}/script.js"></script><p>by http</p>'.encode()
    site.origin.pages["/page"] = (200, {"Content-Type": "text/html"}, page)
    site.secure.pages["/script.js"] = (200, {"Content-Type": "text/javascript"}, f"document.write('<p>by https: {secret}</p>')".encode())
    with through(site, name, BOTH):
        text = browse(site, home, f"http://{name}/page")
    assert f"by https: {secret}" in text and "by http<" in text, text
    assert field(next(one for one in site.origin.seen if one["target"] == "/page"), "via")
    # What is refused fails at once, and the page goes on.
    refused = fresh(site)
    page = f'<script src="https://{refused}/script.js" onerror="document.write(`not ${{1 + 1}}`)"></script>'.encode()
    site.origin.pages["/page2"] = (200, {"Content-Type": "text/html"}, page)
    site.reload(f"  access: {{rules: [{{action: deny, to: [{refused}]}}]}}\n")
    assert "not 2" in browse(site, home, f"http://{name}/page2")
    site.reload()


def browse(site, home, address):
    return run(site, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
               "--disable-sync", "--no-first-run", f"--user-data-dir={home}/transparent", "--no-proxy-server",
               "--disable-features=HttpsUpgrades", "--dump-dom", address, timeout=120, HOME=str(home))  # fmt: skip
