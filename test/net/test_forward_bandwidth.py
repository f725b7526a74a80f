"""How fast octets may move through the forward proxy: real clients against the buckets' own clock. A bucket holds a second of its
rate, so N octets at a rate R need N / R - 1 seconds at the least, however busy the machine is; nothing is asserted of the most.

    client 10.0.0.10 --- 10.0.0.1 gateway 9.0.0.1 --- 9.0.0.10 web
"""

import asyncio
import concurrent.futures
import hashlib
import json
import subprocess
import time

import pytest

import proxy_h2
from forward_site import PROXY, Site
from proxy_servers import wait_for

PORT = f"http://{PROXY}:3128"
SLACK = 0.15  # of the time: a grant of a sixteenth of a second, and clocks of whole milliseconds
LITTLE, MUCH = 64 << 10, 8 << 20


@pytest.fixture(scope="module")
def site(janitor_process):
    made = None
    try:
        made = Site()
        made.origin = made.serve()
        made.secret = made.serve(port=443)  # what is in a tunnel is nobody's business
        made.bodies = {}
        for name, size in (("/little", 2 * LITTLE), ("/part", LITTLE), ("/much", 2 * MUCH), ("/h2", 30000)):
            made.bodies[name] = bytes(range(256)) * (size // 256 + 1)
            made.bodies[name] = made.bodies[name][:size]
            for server in (made.origin, made.secret):
                server.pages[name] = (200, {"Cache-Control": "max-age=1000"}, made.bodies[name])
        yield made
    finally:
        if made:
            made.close()


def limit(site, *limits, more=""):
    site.reload(f"  bandwidth: [{', '.join('{' + one + '}' for one in limits)}]\n{more}")


def fetch(site, path, *words, proxy=PORT, host="www.example.com"):
    """Seconds that curl took for a body, which is as the server has it."""
    begun = time.monotonic()
    line = ["curl", "-sS", "-f", "-m", "60", "--noproxy", "", "--proxy", proxy, *words, f"http://{host}{path}"]
    done = subprocess.run(site.client.wrap(line), capture_output=True, timeout=90, check=False)
    taken = time.monotonic() - begun
    assert done.returncode == 0, done.stderr
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(site.bodies[path]).digest()
    return taken


def least(size, rate):
    return (size / rate - 1) * (1 - SLACK)


def test_an_answer_comes_no_faster(site):
    limit(site, f"down: {LITTLE}")
    before = site.metric("paced_total")
    assert fetch(site, "/little") >= least(2 * LITTLE, LITTLE)
    assert site.metric("paced_total") > before


def test_what_is_spliced_neither(site):
    limit(site, f"down: {MUCH}")
    before = site.metric("spliced_bytes_total")
    assert fetch(site, "/much") >= least(2 * MUCH, MUCH)
    assert site.metric("spliced_bytes_total") > before


@pytest.mark.parametrize("proxy", [PORT, f"socks5h://{PROXY}:1080"])
def test_a_tunnel_neither(site, proxy):
    limit(site, f"down: {MUCH}")
    before, spliced = site.metric("paced_total"), site.metric("spliced_bytes_total")
    assert fetch(site, "/much", "--proxytunnel", proxy=proxy, host="www.example.com:443") >= least(2 * MUCH, MUCH)
    assert site.metric("paced_total") > before and site.metric("spliced_bytes_total") > spliced


def upload(site, *words, size=2 * LITTLE, host="www.example.com"):
    file = site.service.folder / "body"
    file.write_bytes(b"u" * size)
    begun = time.monotonic()
    words = (*words, "-H", "Expect:", "--data-binary", f"@{file}", f"http://{host}/up")
    done = site.client.run("curl", "-sS", "-f", "-m", "60", "--noproxy", "", "--proxy", PORT, *words, timeout=90)
    taken = time.monotonic() - begun
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["body"].count("u") == size
    return taken


def test_a_request_goes_no_faster(site):
    limit(site, f"up: {LITTLE}")
    assert upload(site) >= least(2 * LITTLE, LITTLE)
    assert upload(site, "--proxytunnel", host="www.example.com:443") >= least(2 * LITTLE, LITTLE)


def test_connections_of_a_client_share(site):
    limit(site, f"down: {LITTLE}", f"by: all, down: {10 * MUCH}")
    begun = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: fetch(site, "/part"), range(3)))
    assert time.monotonic() - begun >= least(3 * LITTLE, LITTLE)


def test_what_the_cache_gives_counts(site):
    limit(site, f"down: {LITTLE}", more="  cache: {}\n")
    fetch(site, "/little")
    seen = len(site.origin.seen)
    assert fetch(site, "/little") >= least(2 * LITTLE, LITTLE)
    assert len(site.origin.seen) == seen


def test_streams_of_http2_share(site):
    limit(site, "down: 30000")

    async def run():
        connection = await proxy_h2.connect(site.client, PROXY, 3129, "proxy.home.arpa")
        for stream in (1, 3):
            connection.send(stream, [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"www.example.com"), (b":path", b"/h2")])
        assert await connection.read(lambda c: c.ended >= {1, 3})
        connection.close()
        return connection.bodies

    begun = time.monotonic()
    bodies = asyncio.run(run())
    assert time.monotonic() - begun >= least(60000, 30000)
    assert bytes(bodies[1]) == bytes(bodies[3]) == site.bodies["/h2"]


def test_a_client_that_goes_away_while_it_waits(site):
    limit(site, "down: 1K")
    site.client.run("curl", "-sS", "-m", "1", "--noproxy", "", "--proxy", PORT, "-o", "/dev/null", "http://www.example.com/little")
    wait_for(lambda: site.metric("requests_running") == 0)


def test_others_are_not_held_up(site):
    limit(site, "from: 10.0.0.11/32, down: 1K")
    before = site.metric("paced_total")
    fetch(site, "/much")
    assert site.metric("paced_total") == before
    site.reload()
    fetch(site, "/much")
    assert site.metric("paced_total") == before
