"""What README.md has in it for people to copy: each configuration is right, and the reverse proxy's does what is said beside it."""

import asyncio
import re
from pathlib import Path

import pytest

from proxy_site import FRONT, Origin, Site
from proxy_servers import wait_for
from service import binary

TEXT = (Path(__file__).resolve().parents[2] / "README.md").read_text()
CONFIGURATIONS = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.M | re.S)
MINE = next(text for text in CONFIGURATIONS if "\nreverse-proxy:\n" in text)
NAMES = ("photos.example.com", "wiki.example.com")


@pytest.fixture(scope="module")
def site(janitor_process):
    made = Site()
    try:
        made.net.cable(made.gateway, "192.168.7.1/24", made.server, "192.168.7.10/24 192.168.7.11/24 192.168.7.12/24")
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("n", range(len(CONFIGURATIONS)))
def test_each_configuration_is_right(site, tmp_path, n):
    file = tmp_path / "gatehouse.yaml"
    file.write_text(CONFIGURATIONS[n])
    (tmp_path / "dhcp.key").write_text("c21hbGwgaW50ZXJuZXQga2V5IDE=\n")
    done = site.gateway.run(binary(), "check", file)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_reverse_proxy_does_what_is_said(site):
    chain, key = site.certificate(*NAMES)
    text = MINE.replace("/etc/gatehouse/home.pem", str(chain)).replace("/etc/gatehouse/home.key", str(key))

    def curl(url):
        where = [word for name in NAMES for port in (80, 443) for word in ("--resolve", f"{name}:{port}:{FRONT}")]
        done = site.client.run("curl", "-si", "-m", "20", "--cacert", chain, *where, url)
        assert done.returncode == 0, done.stderr
        return done.stdout.replace("\r", "")

    def told(verb):
        return site.gateway.run(binary(), "proxy", verb, "-c", site.service.config_path).stdout

    async def run():
        async with Origin(site.server, "192.168.7.10", 3000), Origin(site.server, "192.168.7.11", 8080) as photos:
            await asyncio.to_thread(site.serve, text)
            answer = await asyncio.to_thread(curl, "http://wiki.example.com/start")
            assert answer.startswith("HTTP/1.1 308 ") and "\nlocation: https://wiki.example.com/start\n" in answer
            # One of two is not there: nobody notices.
            for n in range(6):
                assert (await asyncio.to_thread(curl, f"https://photos.example.com/{n}")).endswith(f"photos.example.com /{n}")
            assert (await asyncio.to_thread(curl, "https://wiki.example.com/start")).endswith("wiki.example.com /start")
            await asyncio.to_thread(wait_for, lambda: "192.168.7.12:8080  down" in told("backends"))
            await asyncio.to_thread(wait_for, lambda: {"/health", "/0"} <= {seen.target for seen in photos.requests})
            return told("backends"), told("routes")

    backends, routes = asyncio.run(run())
    table = re.search(r"^\$ gatehouse proxy routes\n((?:\S.*\n)+?)\$", TEXT, re.M)[1]
    assert [line.split()[:-1] for line in routes.splitlines()] == [line.split()[:-1] for line in table.splitlines()]  # but the line
    states = [line.split()[:3] for line in re.search(r"^\$ gatehouse proxy backends\n((?:\S.*\n)+?)```", TEXT, re.M)[1].splitlines()]
    assert [line.split()[:3] for line in backends.splitlines()] == states
