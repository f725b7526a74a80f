"""How much clients may move through the forward proxy: real clients until there is no more, restarts and kills, a clock that
moves, people who ask and change it; what one client may have at once.

    client 10.0.0.10 --- 10.0.0.1 gateway 9.0.0.1 --- 9.0.0.10 web
"""

import asyncio
import contextlib
import json
import shutil
import socket
import time
from pathlib import Path

import pytest

import cache_site
import proxy_h2
from forward_ends import Sink, Source, all_of
from forward_site import CLIENT, PROXY, WEB, Site
from proxy_servers import wait_for
from service import binary
from test_forward_socks import FAILED, NOT_ALLOWED, SUCCEEDED, USERS, Association, Echo, EchoDatagrams, ask5, code5, exactly

PORT = f"http://{PROXY}:3128"
MI = 1 << 20
SAVED_S = 5  # what a kill forgets, at most


@pytest.fixture(scope="module")
def site(janitor_process):
    if not cache_site.FAKETIME:
        pytest.skip("libfaketime is not here")
    made = folder = None
    try:
        made = Site()
        folder = Path("/tmp") / f"{made.gateway.space}-clock"
        folder.mkdir()
        folder.chmod(0o755)
        made.clock = cache_site.Clock(folder)
        made.service.environment = made.clock.environment  # TZ is KST-9
        made.service.stop()
        made.config = made.config.replace("limits: {associations: 4}", "limits: {associations: 64}")
        made.service.configure(made.config)
        made.service.start()
        made.origin, made.secret = made.serve(), made.serve(port=443)
        made.started += [Echo(made.web, WEB[0], 7777), EchoDatagrams(made.web, WEB[0], 5300)]
        for server in (made.origin, made.secret):
            server.pages["/much"] = (200, {"Cache-Control": "max-age=1000"}, bytes(range(256)) * (8 * MI // 256))
            server.pages["/part"] = (200, {"Cache-Control": "max-age=1000"}, b"p" * MI)
        yield made
    finally:
        if made:
            made.close()
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


def files(site):
    return site.service.folder / "state" / "forward-proxy"


def begin(site, *quotas, more=""):
    """These quotas, of which nothing is used."""
    site.service.stop()
    (files(site) / "quotas").unlink(missing_ok=True)
    site.service.configure(site.config + f"  quotas: [{', '.join('{' + one + '}' for one in quotas)}]\n{more}")
    site.service.start()


def curl(site, path, *words, proxy=PORT, host="www.example.com"):
    """(exit status, HTTP status, octets that came, what else curl says)"""
    line = ["curl", "-sS", "-m", "60", "--noproxy", "", "--proxy", proxy, "-o", "/dev/null"]
    line += ["-w", "%{http_code} %{size_download} %{http_connect}", *words, f"http://{host}{path}"]
    done = site.client.run(*line, timeout=90)
    status, size, connect = done.stdout.split()
    return done.returncode, int(status) or int(connect), int(size), done.stderr


def shown(site, quota=None):
    status, answer = site.service.control("GET", "/quotas" + (f"?quota={quota}" if quota else ""))
    assert status == 200
    return answer


def used(site, client=CLIENT):
    """(up, down) of a client."""
    found = [(c["up"], c["down"]) for c in shown(site)["clients"] if c["client"] == client]
    return found[0] if found else (0, 0)


def refused_total(site):
    _, text = site.service.control("GET", "/metrics")
    return int(next(line for line in text.splitlines() if 'refused_total{why="quota"}' in line).split()[-1])


# ---- used up


def test_a_download_ends_where_the_quota_does(site):
    begin(site, "name: day, bytes: 4M, every: day")
    code, status, size, _ = curl(site, "/much")
    # To the octet: one client's one connection is one worker's, and what was counted arrives.
    assert code == 18 and status == 200 and size == 4 * MI
    assert 4 * MI <= used(site)[1] < 4 * MI + 4096
    seen, before = len(site.origin.seen), refused_total(site)
    status, fields, page = site.ask("http://www.example.com/part")
    assert status == 429 and len(site.origin.seen) == seen
    assert 0 < int(fields["Retry-After"]) <= 86400
    assert "day: 4 MiB each day. The next begins on 20" in page and "00:00." in page
    assert 'error=http_request_denied; details="day"' in fields["Proxy-Status"]
    assert refused_total(site) == before + 1
    korean = site.ask("http://www.example.com/part", fields={"Accept-Language": "ko"})[2].encode("latin-1").decode()
    assert "day: 매일 4 MiB. 다음 기간은 20" in korean
    lines = wait_for(lambda: [line for line in site.log() if line.get("cause") == "quota" and line.get("detail") == "day"][1:] and site.log())
    cut = [line for line in lines if line.get("cause") == "quota"]
    assert cut[0]["status"] == 200 and cut[1]["status"] == 429


@pytest.mark.parametrize("proxy", [PORT, f"socks5h://{PROXY}:1080"])
def test_a_tunnel_is_cut(site, proxy):
    begin(site, "name: day, bytes: 4M, every: day")
    code, status, size, _ = curl(site, "/much", "--proxytunnel", proxy=proxy, host="www.example.com:443")
    # All that was counted arrives; of that, heads, what TLS puts around records, and the one that is cut are no body's.
    assert code in (18, 56) and status == 200 and 4 * MI - (1 << 16) < size <= 4 * MI
    assert 4 * MI <= sum(used(site)) < 4 * MI + 4096
    code, status, _, told = curl(site, "/part", "--proxytunnel", host="www.example.com:443")
    assert code == 56 and status == 429, told
    assert code5(site, WEB[0], 7777) == NOT_ALLOWED


def test_a_tunnel_that_waits_is_cut_when_it_moves(site):
    begin(site, "name: day, bytes: 2M, every: day")
    _, one = ask5(site, WEB[0], 7777)
    one.sendall(b"before")
    assert exactly(one, 6) == b"before"
    curl(site, "/much")
    with one:
        one.settimeout(10)
        with contextlib.suppress(ConnectionError):
            one.sendall(b"after")
            assert one.recv(10) == b""


def test_an_upload_ends_too(site):
    begin(site, "name: day, up: 1M, every: day")
    file = site.service.folder / "body"
    file.write_bytes(b"u" * 3 * MI)
    code, status, _, _ = curl(site, "/up", "-H", "Expect:", "--data-binary", f"@{file}")
    assert status == 429 or code in (55, 56)
    assert MI <= used(site)[0] <= MI + (1 << 16)
    assert site.ask("http://www.example.com/part")[0] == 429


def test_each_way_counts_alone(site):
    begin(site, "name: day, down: 3M, up: 2M, every: day")
    for _ in range(2):
        assert curl(site, "/part")[:3] == (0, 200, MI)
    up, down = used(site)
    assert 2 * MI < down < 2 * MI + 4096 and 0 < up < 4096


def test_what_the_cache_gives_counts(site):
    begin(site, "name: day, bytes: 3M, every: day", more="  cache: {}\n")
    assert curl(site, "/part")[1:3] == (200, MI)
    seen = len(site.origin.seen)
    assert curl(site, "/part")[1:3] == (200, MI)
    assert curl(site, "/part")[2] < MI and len(site.origin.seen) == seen
    assert used(site)[1] >= 3 * MI


def test_heads_count(site):
    begin(site, "name: day, bytes: 64K, every: day")
    for _ in range(20):
        status = site.ask("http://www.example.com/part?" + "h" * 4000, method="HEAD")[0]
        if status == 429:
            break
    assert status == 429 and sum(used(site)) >= 64 << 10


def test_slow_is_not_refused(site):
    begin(site, "name: day, bytes: 1M, every: day, then: slow, rate: 256K")
    assert curl(site, "/part")[:3] == (0, 200, MI)
    begun = time.monotonic()
    assert curl(site, "/part")[:3] == (0, 200, MI)
    # What is granted at once beside, and a bucket of a second.
    assert time.monotonic() - begun >= (MI - 256 * 1024) / (256 * 1024) - 1 - 0.3
    assert shown(site)["clients"][0]["over"]


def test_users_have_their_own(site):
    begin(site, "name: mine, bytes: 1M, every: day, by: user", more=f"  access:\n    {USERS}\n    clear-passwords: yes\n")
    assert curl(site, "/part", "--proxy-user", "ann:right")[1] == 200
    assert curl(site, "/part", "--proxy-user", "ann:right")[1] == 429
    assert curl(site, "/part")[1] == 200
    clients = {(c["client"], c["by"]) for c in shown(site)["clients"]}
    assert clients == {("ann", "user"), (CLIENT, "address")}


# ---- kept


def test_a_restart_forgets_nothing_and_a_kill_little(site):
    begin(site, "name: day, bytes: 10M, every: day")
    curl(site, "/part")
    before = used(site)
    assert sum(before) > MI
    site.service.stop()
    site.service.start()
    assert used(site) == before
    curl(site, "/part")
    before = used(site)
    time.sleep(SAVED_S + 2)
    curl(site, "/part")
    site.service.kill()
    site.service.start()
    after = used(site)
    assert before <= after and after[1] >= 2 * MI
    # And what was used up stays so.
    curl(site, "/much")
    curl(site, "/much")
    assert site.ask("http://www.example.com/part")[0] == 429
    time.sleep(SAVED_S + 2)
    site.service.kill()
    site.service.start()
    assert site.ask("http://www.example.com/part")[0] == 429


def test_a_damaged_file_is_told_and_put_aside(site):
    begin(site, "name: day, bytes: 10M, every: day")
    curl(site, "/part")
    site.service.stop()
    file = files(site) / "quotas"
    text = file.read_text()
    assert CLIENT in text
    for damaged in (text[:-10], text.replace(CLIENT, "10.0.0.11"), "", "\0" * 100):
        file.write_text(damaged)
        told = len(site.service.log())
        site.service.start()
        assert used(site) == (0, 0)
        assert "is damaged: all begin anew" in site.service.log()[told:]
        assert (files(site) / "quotas.damaged").read_text() == damaged
        site.service.stop()
    file.write_text(text)
    site.service.start()
    assert used(site)[1] > MI


def test_a_week_turns(site):
    """The clock is that of KST: the week begins there on a Monday at 6:00."""
    begin(site, "name: week, bytes: 1M, every: week, at: \"06:00\"")
    curl(site, "/much")
    status, fields, page = site.ask("http://www.example.com/part")
    assert status == 429
    left = int(fields["Retry-After"])
    ends = shown(site)["quotas"][0]["ends"]
    kst = time.gmtime(ends + 9 * 3600)
    assert (kst.tm_wday, kst.tm_hour, kst.tm_min) == (0, 6, 0) and time.strftime("%Y-%m-%d 06:00", kst) in page
    site.clock.move(left - 20)
    assert site.ask("http://www.example.com/part")[0] == 429
    site.service.stop()  # it ends while nobody runs, too
    site.clock.move(30)
    site.service.start()
    assert curl(site, "/part")[:2] == (0, 200) or used(site)[1] >= MI
    assert site.ask("http://www.example.com/part")[0] == 429
    site.clock.move(7 * 86400)
    wait_for(lambda: site.ask("http://www.example.com/")[0] == 200)
    # Set back, nothing is given back, and nobody is refused for years.
    curl(site, "/much")
    site.clock.move(-20 * 86400)
    wait_for(lambda: shown(site)["quotas"][0]["ends"] == shown(site)["clients"][0]["ends"])
    status, fields, _ = site.ask("http://www.example.com/part")
    assert status == 429 and int(fields["Retry-After"]) <= 7 * 86400


# ---- people


def command(site, *words):
    done = site.gateway.run(binary(), "proxy", "quotas", *words, "-c", site.service.config_path, timeout=30)
    return done.returncode, done.stdout, done.stderr


def test_people_see_and_change_it(site):
    begin(site, "name: day, bytes: 2M, every: day", "name: month, down: 1G, every: month, day: 31, by: all")
    curl(site, "/much")
    code, out, _ = command(site)
    row = next(line for line in out.splitlines() if line.startswith("day"))
    assert code == 0 and CLIENT in row and "2 MiB" in row.replace("2.0", "2") and "refused" in row
    assert "fine" in next(line for line in out.splitlines() if line.startswith("month"))
    code, out, _ = command(site, "show", "month", "--json")
    assert [c["client"] for c in json.loads(out)["clients"]] == ["all"]
    assert site.ask("http://www.example.com/part")[0] == 429
    code, out, err = command(site, "grant", "day", CLIENT, "2M")
    assert code == 0 and "2.0 MiB more of day until" in out, err
    assert curl(site, "/part")[:2] == (0, 200)
    assert command(site, "reset", "day", CLIENT)[0] == 0
    assert used(site) == (0, 0)
    # Kept at once.
    assert command(site, "grant", "day", CLIENT, "3M")[0] == 0
    site.service.kill()
    site.service.start()
    assert shown(site, "day")["clients"][0]["extra"] == 3 * MI
    for words in (("reset", "day", "10.0.0.77"), ("reset", "year", CLIENT)):
        assert command(site, *words)[0] == 1, words
    wrong = (("grant", "day", "nobody", "1M"), ("grant", "day", "10.0.0.0/24", "1M"), ("grant", "day", CLIENT, "much"), ("grant", "month", "most", "1M"), ("reset", "day"))
    for words in wrong:
        assert command(site, *words)[0] == 2, words
    _, text = site.service.control("GET", "/metrics")
    assert 'quota_clients{quota="day"} 1' in text and 'quota_clients_over{quota="day"} 0' in text


def test_a_reload_changes_quotas(site):
    begin(site, "name: day, bytes: 1M, every: day")
    curl(site, "/much")
    assert site.ask("http://www.example.com/")[0] == 429
    site.service.reload(site.config + "  quotas: [{name: day, bytes: 100M, every: day}]\n")
    wait_for(lambda: site.ask("http://www.example.com/")[0] == 200)
    site.service.reload(site.config)
    wait_for(lambda: site.service.control("GET", "/status")[1]["workers_behind"] == 0)
    assert site.ask("http://www.example.com/")[0] == 200
    assert shown(site)["clients"] == []


def reload(site, quota):
    site.service.reload(site.config + (f"  quotas: [{{{quota}}}]\n" if quota else ""))
    wait_for(lambda: site.service.control("GET", "/status")[1]["workers_behind"] == 0)


def echoes(made, n):
    """So many octets there and back; how many came."""
    came = 0
    with contextlib.suppress(ConnectionError, EOFError):
        for _ in range(n >> 14):
            made.sendall(b"e" * (1 << 14))
            came += len(exactly(made, 1 << 14))
    return came


@contextlib.contextmanager
def tunnel(site, way):
    made = ask5(site, WEB[0], 7777)[1] if way == "socks" else site.tunnel(f"{WEB[0]}:7777")[1]
    with made:
        made.settimeout(20)
        assert echoes(made, 1 << 14) == 1 << 14
        yield made


@pytest.fixture
def echo_port(site):
    """CONNECT may go to it."""
    before = site.config
    site.config += "  connect-ports: [443, 7777, 7778]\n"
    yield
    site.config = before


@pytest.mark.usefixtures("echo_port")
@pytest.mark.parametrize("way", ["connect", "socks"])
def test_a_tunnel_that_runs_goes_by_the_quota_that_is_new(site, way):
    begin(site, "name: day, bytes: 1M, every: day")
    with tunnel(site, way) as made:
        reload(site, "name: day, bytes: 4M, every: day")
        assert echoes(made, MI) == MI  # twice as much as it had
        reload(site, "name: day, bytes: 3M, every: day")
        assert echoes(made, MI) < MI
    assert 3 * MI <= sum(used(site)) <= 3 * MI + (1 << 18)
    wait_for(lambda: [one for one in site.log() if one.get("cause") == "quota" and one.get("detail") == "day"])


@pytest.mark.usefixtures("echo_port")
@pytest.mark.parametrize("way", ["connect", "socks"])
def test_a_tunnel_that_runs_gets_a_quota_and_loses_it(site, way):
    begin(site, "name: other, bytes: 100M, every: day, from: [10.0.0.99]")
    with tunnel(site, way) as made, tunnel(site, way) as stays:
        reload(site, "name: day, bytes: 1M, every: day")
        assert echoes(made, 4 << 14) == 4 << 14
        assert sum(used(site)) >= 8 << 14
        reload(site, None)
        assert echoes(stays, 4 * MI) == 4 * MI
        assert shown(site)["clients"] == [] or shown(site)["quotas"] == []
        reload(site, "name: day, bytes: 1M, every: day")
        assert echoes(made, MI) < MI


@pytest.mark.usefixtures("echo_port")
def test_a_tunnel_that_runs_becomes_slow_and_fast_again(site):
    begin(site, "name: day, bytes: 1M, every: day")
    with tunnel(site, "connect") as made:
        assert echoes(made, 1 << 18) == 1 << 18
        reload(site, "name: day, bytes: 32K, every: day, then: slow, rate: 64K")
        begun = time.monotonic()
        assert echoes(made, 1 << 18) == 1 << 18  # 256 KiB each way, of which a second's go at once
        assert time.monotonic() - begun > 2
        # What is waited for is granted by other terms: not when the old ones would have.
        reload(site, "name: day, bytes: 32K, every: day, then: slow, rate: 1K")
        made.sendall(b"e" * (1 << 16))
        time.sleep(1)
        reload(site, "name: day, bytes: 32K, every: day, then: slow, rate: 100M")
        begun = time.monotonic()
        assert len(exactly(made, 1 << 16)) == 1 << 16
        assert time.monotonic() - begun < 10


@pytest.mark.usefixtures("echo_port")
@pytest.mark.parametrize("way", ["connect", "socks"])
def test_what_a_tunnel_was_let_arrives_at_a_client_that_reads_late(site, way):
    begin(site, "name: day, bytes: 700001, every: day")
    source = Source(site.web, WEB[0], 7778, 2 * MI)
    try:
        made = ask5(site, WEB[0], 7778)[1] if way == "socks" else site.tunnel(f"{WEB[0]}:7778")[1]
        with made:
            made.settimeout(20)
            assert all_of(made) == (700001, "reset")
    finally:
        source.stop()
    # Heads count behind it.
    assert 700001 <= sum(used(site)) < 700001 + 4096


def test_a_download_that_runs_goes_by_the_quota_that_is_new(site):
    begin(site, "name: day, bytes: 100M, every: day", more="  bandwidth: [{down: 1M, by: address}]\n")
    with site.client.inside():
        made = socket.create_connection((PROXY, 3128), 10)
    with made:
        made.settimeout(20)
        made.sendall(b"GET http://www.example.com/much HTTP/1.1\r\nHost: www.example.com\r\n\r\n")
        came = len(exactly(made, 1 << 18))
        reload(site, "name: day, bytes: 4M, every: day")
        while more := made.recv(1 << 16):
            came += len(more)
    assert 4 * MI <= came < 4 * MI + 4096


# ---- by HTTP/2


async def by_http2(site, head, body, until, end=False):
    """The client's connection, when that is so."""
    connection = await proxy_h2.connect(site.client, PROXY, 3129, "proxy.home.arpa")
    block = connection.encoder.encode(head)
    connection.writer.write(proxy_h2.frame(proxy_h2.HEADERS, proxy_h2.END_HEADERS | (proxy_h2.END_STREAM if end else 0), 1, block))
    if body:
        assert await connection.read(lambda c: 1 in c.statuses)
        for at in range(0, len(body), 1 << 14):
            connection.writer.write(proxy_h2.frame(proxy_h2.DATA, 0, 1, body[at : at + (1 << 14)]))
    assert await connection.read(until)
    return connection


def test_an_answer_by_http2_arrives_as_far_as_the_quota_goes(site):
    begin(site, "name: day, bytes: 40000, every: day")
    head = [(":method", "GET"), (":scheme", "http"), (":authority", "www.example.com"), (":path", "/much")]

    async def run():
        connection = await by_http2(site, head, b"", lambda c: 1 in c.ended, end=True)
        assert connection.statuses[1] == 200 and len(connection.bodies[1]) == 40000
        # The connection goes on, and what is asked for on it gets the page.
        connection.send(3, [(n.encode(), v.encode()) for n, v in head])
        assert await connection.read(lambda c: 3 in c.ended)
        assert connection.statuses[3] == 429 and b"day" in connection.bodies[3]
        connection.close()

    asyncio.run(run())
    assert 40000 <= used(site)[1] < 40000 + 4096


@pytest.mark.usefixtures("echo_port")
def test_what_a_tunnel_by_http2_was_let_arrives_at_both_ends(site):
    begin(site, "name: day, up: 40001, every: day")
    sink = Sink(site.web, WEB[0], 7778)
    head = [(":method", "CONNECT"), (":authority", f"{WEB[0]}:7778")]

    async def run():
        connection = await by_http2(site, head, b"u" * 60000, lambda c: 1 in c.ended)
        assert connection.statuses[1] == 200
        connection.close()

    try:
        asyncio.run(run())
        wait_for(lambda: sink.end)
        assert (sink.got, sink.end) == (40001, "reset")
        assert used(site)[0] >= 40001
    finally:
        sink.stop()


# ---- datagrams


def test_datagrams_count_and_their_association_ends(site):
    begin(site, "name: day, bytes: 100K, every: day")
    with Association(site) as a:
        a.connection.settimeout(10)
        for _ in range(100):
            with contextlib.suppress(OSError):
                a.send(WEB[0], 5300, b"d" * 1000)
                a.socket.settimeout(0.5)
                a.receive()
        with contextlib.suppress(ConnectionResetError):
            assert a.connection.recv(1) == b""
    up, down = used(site)
    assert 100 << 10 <= up + down <= (100 << 10) + 2000 and down >= 40000
    with Association(site) as a:
        assert a.code == NOT_ALLOWED


def test_bandwidth_holds_for_datagrams(site):
    begin(site, more="  bandwidth: [{up: 20K}]\n")
    echo = site.started[-1]
    before, over = len(echo.got), site.metric("datagrams_over_total")
    begun = time.monotonic()
    with Association(site) as a:
        assert a.code == SUCCEEDED
        for _ in range(200):
            a.send(WEB[0], 5300, b"b" * 1000)
            time.sleep(0.005)
        wait_for(lambda: site.metric("datagrams_sent_total") + site.metric("datagrams_dropped_total") >= 200)
    taken = time.monotonic() - begun
    went = len(echo.got) - before
    # A second's worth and half a one at once, then the rate.
    assert 20 <= went <= 20.48 * (1.5 + taken) + 1
    assert site.metric("datagrams_over_total") - over >= 200 - went


# ---- at once


def test_so_many_associations_of_a_client(site):
    limits = site.config.replace("{associations: 64}", "{associations: 64, client-associations: 3}")
    site.service.stop()
    site.service.configure(limits)
    site.service.start()
    made = [Association(site) for _ in range(5)]
    assert [a.code for a in made] == [SUCCEEDED] * 3 + [NOT_ALLOWED] * 2
    assert FAILED not in [a.code for a in made]
    _, text = site.service.control("GET", "/metrics")
    assert 'refused_total{why="client-limit"} 2' in text
    for a in made:
        a.close()

    def again():
        with Association(site) as a:
            return a.code == SUCCEEDED

    wait_for(again)


def test_so_many_connections_of_a_client(site):
    limits = site.config.replace("{associations: 64}", "{associations: 64, client-connections: 4}")
    site.service.stop()
    site.service.configure(limits)
    site.service.start()

    def works(connection):
        if connection is None:
            return False
        try:
            connection.sendall(b"GET http://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\n\r\n")
            return connection.recv(12) == b"HTTP/1.1 200"
        except ConnectionError:
            return False

    def connect():
        # It may be reset as soon as it is there.
        with contextlib.suppress(ConnectionResetError), site.client.inside():
            return socket.create_connection((PROXY, 3128), 30)

    made = [connect() for _ in range(6)]
    # Which of them, the two workers settle among them.
    good = [c for c in made if works(c)]
    assert len(good) == 4
    assert site.metric("connections_crowded_total") == 2
    good[0].close()

    def again():
        one = connect()
        with one or contextlib.nullcontext():
            return works(one)

    wait_for(again)
    for c in made:
        if c:
            c.close()
