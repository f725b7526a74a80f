"""The forward proxy as a service: what origins see of a request, tunnels, names, who may go where, reloads, drains, its log and
numbers. One service, with io_uring and without, for all tests but the last ones; each leaves the configuration as it found it."""

import asyncio
import json
import socket
import ssl
import subprocess
import threading

import pytest

import proxy_h2
import rings
import topology
from forward_site import CLIENT, PROXY, WEB, WEB6, Site, field
from proxy_servers import wait_for
from service import Service, binary


@pytest.fixture(scope="module", params=["auto", "off"])
def site(request, janitor_process):
    made = None
    try:
        made = Site(io_uring=request.param)
        made.io_uring = request.param
        made.origin = made.serve()
        made.other = made.serve(WEB[1])
        made.secure = made.serve(WEB[0], 443, made.tls("www.example.com"))
        yield made
    finally:
        if made:
            made.close()


# ---- requests in absolute form


def test_the_origin_gets_origin_form_and_its_own_host(site):
    status, fields, told = site.ask("http://WWW.Example.com/a?b=c", fields={"Host": "elsewhere.example.com", "Proxy-Connection": "keep-alive"})
    assert status == 200
    assert told["target"] == "/a?b=c"
    assert field(told, "host") == ["www.example.com"]
    assert field(told, "via") == ["1.1 gatehouse"]
    assert field(told, "proxy-connection") == []
    assert fields["Via"] == "1.1 gatehouse"


def test_what_belongs_to_one_connection_goes_no_further(site):
    _, _, told = site.ask(
        "http://www.example.com/",
        fields={"Connection": "X-Mine, close", "X-Mine": "1", "Keep-Alive": "5", "Proxy-Authorization": "Basic YTpi", "TE": "trailers", "X-Kept": "2"},
    )
    assert [field(told, name) for name in ("x-mine", "keep-alive", "proxy-authorization", "x-kept")] == [[], [], [], ["2"]]


def test_a_body_goes_through_both_ways(site):
    body = "x" * 300_000
    status, _, told = site.ask("http://www.example.com/post", "POST", body)
    assert status == 200 and told["method"] == "POST" and told["body"] == body


def test_a_client_s_address_is_not_told(site):
    _, _, told = site.ask("http://www.example.com/")
    assert CLIENT not in str(told["fields"])
    assert told["from"] == "9.0.0.1"


def test_connections_to_an_origin_are_kept_and_are_of_one_name(site):
    site.names.zone["alias.example.com"] = [WEB[0]]
    connection = site.connect()  # of one worker
    told = [site.ask(f"http://{name}/", connection=connection)[2] for name in ("www.example.com", "www.example.com", "alias.example.com")]
    connection.close()
    assert told[0]["connection"] == told[1]["connection"] != told[2]["connection"]


def test_a_port_that_is_written_is_gone_to_and_told(site):
    server = site.serve(WEB[0], 8080)
    _, _, told = site.ask("http://www.example.com:8080/")
    assert field(told, "host") == ["www.example.com:8080"]
    server.stop()
    site.started.remove(server)


def test_an_address_is_gone_to_without_asking_anybody(site):
    before = len(site.names.asked)
    _, _, told = site.ask(f"http://{WEB[1]}/")
    assert told["at"] == WEB[1]
    assert len(site.names.asked) == before


def test_options_and_trace_are_counted_down_and_end_here(site):
    _, _, told = site.ask("http://www.example.com/", "OPTIONS", fields={"Max-Forwards": "5"})
    assert field(told, "max-forwards") == ["4"]
    seen = len(site.origin.seen)
    status, fields, _ = site.ask("http://www.example.com", "OPTIONS", fields={"Max-Forwards": "0"})
    assert status == 200 and "CONNECT" in fields["Allow"]
    status, fields, text = site.ask("http://www.example.com/t", "TRACE", fields={"Max-Forwards": "0", "Cookie": "a=b", "X-Seen": "1"})
    assert status == 200 and fields["Content-Type"] == "message/http"
    assert text.startswith("TRACE http://www.example.com/t HTTP/1.1\r\n") and "X-Seen: 1\r\n" in text and "a=b" not in text
    assert site.ask("http://www.example.com/", "TRACE", fields={"Max-Forwards": "many"})[0] == 400
    assert len(site.origin.seen) == seen
    # OPTIONS of no path is of the server as a whole (RFC 9112 3.2.4).
    assert site.ask("http://www.example.com", "OPTIONS")[2]["target"] == "*"


def test_a_request_that_runs_in_a_circle_ends(site):
    assert site.ask("http://www.example.com/", fields={"Via": "1.1 gatehouse, 1.1 gatehouse"})[0] == 200
    status, fields, _ = site.ask("http://www.example.com/", fields={"Via": ", ".join(["1.1 gatehouse"] * 5)})
    assert status == 508 and fields["Proxy-Status"] == "gatehouse; error=proxy_loop_detected"


def test_what_only_a_proxy_may_ask_is_not_passed_on(site):
    site.origin.pages["/407"] = (407, {"Proxy-Authenticate": "Basic realm=x"}, b"")
    site.origin.pages["/200"] = (200, {"Proxy-Authenticate": "Basic realm=x"}, b"")
    status, fields, _ = site.ask("http://www.example.com/407")
    assert status == 502 and "Proxy-Authenticate" not in fields
    status, fields, _ = site.ask("http://www.example.com/200")
    assert status == 200 and "Proxy-Authenticate" not in fields


# ---- what is no request to a proxy


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: 10.0.0.1:3128\r\n\r\n", 421),
        (b"GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n", 421),
        (b"GET https://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n", 501),
        (b"GET ftp://www.example.com/ HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n", 501),
        (b"GET http://user@www.example.com/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET http://2130706433/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"CONNECT www.example.com HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"CONNECT http://www.example.com/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_to_a_proxy_is_refused(site, sent, status):
    answer = site.converse(sent)
    assert int(answer.split()[1]) == status, answer
    assert b"</html>" in answer or b"Connection: close" in answer


# ---- tunnels


def test_a_tunnel_carries_tls_to_the_origin(site):
    status, made = site.tunnel("www.example.com:443")
    assert status == 200
    context = ssl.create_default_context(cafile=str(site.authority.pem))
    with context.wrap_socket(made, server_hostname="www.example.com") as secure:
        secure.sendall(b"GET /secret HTTP/1.1\r\nHost: www.example.com\r\nConnection: close\r\n\r\n")
        data = b""
        while more := secure.recv(65536):
            data += more
    told = json.loads(data.split(b"\r\n\r\n", 1)[1])
    assert told["target"] == "/secret" and field(told, "via") == []


def test_what_is_sent_behind_connect_reaches_the_origin(site):
    """A client need not wait for our answer (RFC 9110 9.3.6 lets it, at its own risk)."""
    site.reload("  connect-ports: [443, 80]\n")
    status, made = site.tunnel("www.example.com:80", b"GET /early HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    data = b""
    while more := made.recv(65536):
        data += more
    made.close()
    assert status == 200 and b'"/early"' in data
    site.reload()


@pytest.mark.parametrize("port", [21, 22, 25, 80, 8443, 50000])
def test_a_tunnel_leads_to_the_ports_of_https_only(site, port):
    """FTP over CONNECT too: neither its commands nor its data get through."""
    status, made = site.tunnel(f"www.example.com:{port}")
    made.close()
    assert status == 403


def test_each_end_of_a_tunnel_may_end_before_the_other(site):
    with site.web.inside():
        listening = socket.create_server((WEB[2], 443))
    site.names.zone["raw.example.com"] = [WEB[2]]
    got = []

    def serve():
        peer, _ = listening.accept()
        with peer:
            while more := peer.recv(4096):
                got.append(more)
            peer.sendall(b"all: " + b"".join(got))

    server = threading.Thread(target=serve)
    server.start()
    status, made = site.tunnel("raw.example.com:443")
    made.sendall(b"hello")
    made.shutdown(socket.SHUT_WR)
    answer = b""
    while more := made.recv(4096):
        answer += more
    made.close()
    server.join(20)
    listening.close()
    assert status == 200 and answer == b"all: hello"


# ---- names and addresses


def test_a_name_is_asked_for_once_in_its_time(site):
    site.names.zone["once.example.com"] = [WEB[0]]
    connection = site.connect()
    for _ in range(3):
        assert site.ask("http://once.example.com/", connection=connection)[0] == 200
    connection.close()
    assert sorted(site.names.asked).count(("once.example.com", "A")) == 1
    assert sorted(site.names.asked).count(("once.example.com", "AAAA")) == 1


def test_a_name_that_is_not_there_is_told(site):
    status, fields, text = site.ask("http://nowhere.example.com/")
    assert status == 502 and fields["Proxy-Status"] == "gatehouse; error=dns_error"
    assert "no such name" in text and "nowhere.example.com" in text


def test_a_resolver_that_is_silent_is_told(site):
    site.names.silent.add("silent.example.com")
    status, fields, _ = site.ask("http://silent.example.com/")
    assert status == 504 and "dns_timeout" in fields["Proxy-Status"]


def test_an_address_that_takes_no_connection_costs_nobody_his_page(site):
    """RFC 8305: IPv6 first, then IPv4."""
    site.names.zone["many.example.com"] = [WEB[1], WEB6[2]]
    connection = site.connect()  # of one worker
    site.other.pages["/close"] = (200, {"Connection": "close"}, b"")
    for path in ("close", "", "close"):
        assert site.ask(f"http://many.example.com/{path}", connection=connection)[0] == 200
    connection.close()

    def lines():
        return [line for line in site.log() if line.get("host") == "many.example.com"]

    assert [line["server"] for line in wait_for(lambda: len(lines()) == 3 and lines())] == [WEB[1]] * 3


def test_a_silent_address_is_overtaken(site):
    """It is begun with and answers nothing; the other one is tried a moment later and takes the connection, long before the first
    could be given up."""
    site.web.run("nft", "add table inet silence; add chain inet silence in { type filter hook input priority 0; }; "
                 f"add rule inet silence in ip6 daddr {WEB6[1]} tcp dport {{ 80, 443 }} drop")  # fmt: skip
    site.reload("  timeouts: {connect: 1h}\n")
    site.names.zone["quiet.example.com"] = [WEB[1], WEB6[1]]
    status, _, told = site.ask("http://quiet.example.com/")
    assert status == 200 and told["at"] == WEB[1]
    site.names.zone["quiet2.example.com"] = [WEB[0], WEB6[1]]
    status, made = site.tunnel("quiet2.example.com:443")
    assert status == 200
    context = ssl.create_default_context(cafile=str(site.authority.pem))
    with context.wrap_socket(made, server_hostname="www.example.com") as secure:
        assert secure.version()
    site.reload("  timeouts: {connect: 300ms}\n")
    site.names.zone["quiet3.example.com"] = [WEB6[1]]
    wait_for(lambda: site.service.control("GET", "/status")[1]["workers_behind"] == 0)
    status, fields, _ = site.ask("http://quiet3.example.com/")
    assert status == 504 and "connection_timeout" in fields["Proxy-Status"]
    site.web.run("nft", "delete table inet silence")
    site.reload()


def test_a_server_that_hangs_up_is_left_for_the_next_address(site):
    with site.web.inside():
        listening = socket.create_server((WEB6[1], 80), family=socket.AF_INET6)
    site.names.zone["torn.example.com"] = [WEB[0], WEB6[1]]

    def serve():
        peer, _ = listening.accept()
        peer.recv(4096)
        peer.close()

    server = threading.Thread(target=serve)
    server.start()
    status, _, told = site.ask("http://torn.example.com/")
    server.join(20)
    listening.close()
    assert status == 200 and told["at"] == WEB[0]


def test_ipv6_is_gone_to_first(site):
    server = site.serve(WEB6[0])
    site.names.zone["both.example.com"] = [WEB[0], WEB6[0]]
    site.names.ttl = 1
    # An answer that is late, on a busy machine, is for the next time.
    wait_for(lambda: site.ask("http://both.example.com/")[2]["at"] == WEB6[0])
    site.names.ttl = 60
    assert site.ask(f"http://[{WEB6[0]}]/")[2]["at"] == WEB6[0]
    server.stop()
    site.started.remove(server)


def test_nobody_who_listens_is_told(site):
    site.names.zone["dead.example.com"] = [WEB[4]]
    status, fields, _ = site.ask("http://dead.example.com/")
    assert status == 502 and "connection_refused" in fields["Proxy-Status"]
    status, made = site.tunnel("dead.example.com:443")
    made.close()
    assert status == 502


INSIDE = {
    "127.0.0.1": "loopback",
    "10.0.0.10": "private",
    "169.254.169.254": "metadata",
    "9.0.0.1": "own",
    "0.0.0.0": "unspecified",
    "[::1]": "loopback",
    "[2a00:9::1]": "own",
    "[::ffff:127.0.0.1]": "loopback",
    "localhost": "loopback",
}


@pytest.mark.parametrize("host", INSIDE)
def test_no_way_leads_into_the_inside(site, host):
    status, fields, text = site.ask(f"http://{host}:8080/")
    assert status == 403 and fields["Proxy-Status"] == f'gatehouse; error=destination_ip_prohibited; details="{INSIDE[host]}"'
    assert "inside" in text
    status, made = site.tunnel(f"{host}:443")
    made.close()
    assert status == 403


@pytest.mark.parametrize("addresses", [["10.0.0.10"], ["127.0.0.1"], [WEB[0], "10.0.0.10"], ["::ffff:10.0.0.1"], ["9.0.0.1", WEB[0]], ["2a00:9::1"]])
def test_no_name_leads_into_the_inside(site, addresses):
    name = f"in{abs(hash(str(addresses)))}.example.com"
    site.names.zone[name] = addresses
    assert site.ask(f"http://{name}/")[0] == 403


def test_a_name_that_moves_inside_is_judged_anew(site):
    """Rebinding: outside for the first request, inside for the second."""
    site.names.ttl = 1
    site.names.zone["moves.example.com"] = [WEB[0]]
    assert site.ask("http://moves.example.com/")[0] == 200
    site.names.zone["moves.example.com"] = ["10.0.0.10"]
    wait_for(lambda: site.ask("http://moves.example.com/")[0] == 403)
    site.names.ttl = 60


def test_the_inside_is_opened_by_name_only(site):
    with site.client.inside():
        listening = socket.create_server((CLIENT, 8080))
    site.reload("  allow-inside: [10.0.0.10]\n")
    thread = threading.Thread(target=lambda: listening.accept()[0].sendall(b"HTTP/1.1 204 Fine\r\nConnection: close\r\n\r\n"))
    thread.start()
    assert site.ask("http://10.0.0.10:8080/")[0] == 204
    assert site.ask("http://10.0.0.11:8080/")[0] == 403
    thread.join(20)
    listening.close()
    site.reload()


def test_ports_of_other_protocols_are_not_fetched_from(site):
    for port in (21, 25, 110, 443, 6):
        status, _, text = site.ask(f"http://www.example.com:{port}/")
        assert status == 403 and "port" in text


def test_strangers_are_reset(site):
    config = site.config.replace("clients: [10.0.0.0/24]", "clients: [10.0.0.99]")
    site.service.reload(config)

    def refused():
        try:
            site.ask("http://www.example.com/")
        except OSError:
            return True
        return False

    wait_for(refused)
    site.reload()
    wait_for(lambda: not refused())


# ---- an HTTPS proxy, and HTTP/2


def test_https_proxy_with_http2_inside(site):
    async def run():
        connection = await proxy_h2.connect(site.client, PROXY, 3129, "proxy.home.arpa")
        connection.send(1, [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"www.example.com"), (b":path", b"/h2")])
        connection.send(3, [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"www.example.com"), (b":path", b"/h2")])
        connection.send(5, [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"127.0.0.1:8080"), (b":path", b"/h2")])
        connection.send(7, [(b":method", b"CONNECT"), (b":authority", b"www.example.com:22")])
        assert await connection.read(lambda c: c.ended >= {1, 3, 5, 7})
        connection.close()
        return connection.statuses, json.loads(connection.bodies[1])

    statuses, told = asyncio.run(run())
    assert statuses == {1: 200, 3: 421, 5: 403, 7: 403}
    assert told["target"] == "/h2" and field(told, "via") == ["2.0 gatehouse"] and field(told, "host") == ["www.example.com"]


def test_a_tunnel_through_http2(site):
    site.reload("  connect-ports: [443, 80]\n")

    async def run():
        connection = await proxy_h2.connect(site.client, PROXY, 3129, "proxy.home.arpa")
        block = connection.encoder.encode([(":method", "CONNECT"), (":authority", "www.example.com:80")])
        connection.writer.write(proxy_h2.frame(proxy_h2.HEADERS, proxy_h2.END_HEADERS, 1, block))
        assert await connection.read(lambda c: 1 in c.statuses)
        connection.writer.write(proxy_h2.frame(proxy_h2.DATA, 0, 1, b"GET /in HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
        assert await connection.read(lambda c: 1 in c.ended)
        connection.close()
        return connection.statuses[1], connection.bodies[1]

    status, body = asyncio.run(run())
    assert status == 200 and b'"/in"' in body
    site.reload()


# ---- its life


def test_the_log_says_who_went_where_and_why_not(site):
    before = len(site.log())
    site.ask("http://www.example.com/log?x=1", fields={"User-Agent": "tester", "Referer": "http://r.example/"})
    site.ask("http://127.0.0.1:8080/log")
    status, made = site.tunnel("www.example.com:443")
    made.close()

    def lines():
        """By path; those of tunnels, of which others may end now too, by where they went."""
        return {line.get("path", f"{line['method']} {line['host']}"): line for line in site.log()[before:]}

    wanted = {"/log?x=1", "/log", "CONNECT www.example.com:443"}
    told = wait_for(lambda: (found := lines()).keys() >= wanted and found)
    line = told["/log?x=1"]
    assert (line["client"], line["host"], line["status"], line["server"], line["agent"]) == (CLIENT, "www.example.com", 200, WEB[0], "tester")
    assert line["scheme"] == "http" and "cause" not in line
    assert told["/log"]["status"] == 403 and told["/log"]["cause"] == "inside" and "server" not in told["/log"]


def test_numbers_and_status(site):
    before = site.metric('refused_total{why="inside"}')
    site.ask("http://127.0.0.1:8080/")
    assert site.metric('refused_total{why="inside"}') == before + 1
    status, told = site.service.control("GET", "/status")
    assert status == 200 and told["service"] == "forward-proxy" and told["workers"] == 2
    assert told["requests"] > 0 and told["refused"] > 0 and told["workers_behind"] == 0


def test_what_many_ask_at_once_is_answered_by_rings_unless_they_are_off(site):
    on = rings.expected(site.service, site.io_uring)
    answers = [b"x" * n for n in (0, 1, 1000, 15_000, 40_000, 300_000)]
    for i, data in enumerate(answers):
        site.origin.pages[f"/ring{i}"] = (200, {}, data)
    connections = [site.connect() for _ in range(30)]
    before, sent = site.metric("ring_received_total"), site.metric("ring_sent_total")
    try:
        for turn in range(4):
            with rings.halted(site.service):
                for n, connection in enumerate(connections):
                    connection.request("GET", f"http://www.example.com/ring{(n + turn) % 6}")
            for n, connection in enumerate(connections):
                assert connection.getresponse().read() == answers[(n + turn) % 6]
    finally:
        for connection in connections:
            connection.close()
    # By the second turn all are accepted; one that is alone with its worker is read by itself.
    assert (site.metric("ring_received_total") - before >= 3 * 29) == on
    assert (site.metric("ring_sent_total") > sent) == on
    assert site.metric("rings") == (2 if on else 0)


def test_the_busiest_hosts_and_clients_are_shown_as_far_as_the_log_may(site):
    site.names.zone["busy.example.com"] = [WEB[0]]
    for _ in range(30):
        site.ask("http://busy.example.com/")

    def rows(kind, name):
        status, told = site.service.control("GET", f"/{kind}?limit=256")
        assert status == 200
        return {row[name]: row["requests"] for row in told[kind]}

    wait_for(lambda: rows("hosts", "host").get("busy.example.com") == 30)  # an answer is there a moment before it is counted
    assert "nowhere.example.com" not in rows("hosts", "host")
    before = rows("clients", "client")
    assert set(before) == {CLIENT}
    site.service.reload(site.config.replace("{format: json}", "{format: json, clients: network}"))
    wait_for(lambda: site.service.control("GET", "/status")[1]["workers_behind"] == 0)
    site.ask("http://busy.example.com/")
    wait_for(lambda: rows("clients", "client") == {**before, "10.0.0.0": 1})
    site.reload()
    wait_for(lambda: site.service.control("GET", "/status")[1]["workers_behind"] == 0)
    done = site.gateway.run(binary(), "proxy", "hosts", "--limit", "1", "--control", site.service.run_folder / "forward-proxy.sock")
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 2 and done.stdout.startswith("HOST"), done.stderr
    done = site.gateway.run(binary(), "proxy", "clients", "--json", "--control", site.service.run_folder / "forward-proxy.sock")
    assert json.loads(done.stdout)["clients"][0]["client"] == CLIENT
    assert site.service.control("GET", "/hosts?limit=257")[0] == 400


def test_a_reload_drops_nothing_and_a_bad_one_changes_nothing(site):
    status, made = site.tunnel("www.example.com:443")
    assert status == 200
    connection = site.connect()
    assert site.ask("http://www.example.com/", connection=connection)[0] == 200
    site.reload("  ports: [8080]\n")
    wait_for(lambda: site.service.control("GET", "/status")[1]["workers_behind"] == 0)
    assert site.ask("http://www.example.com/", connection=connection)[0] == 403
    site.service.configure(site.config + "  ports: [http]\n")
    assert site.service.control("POST", "/reload")[0] == 409
    assert "'http' is no port" in site.service.log()
    assert site.ask("http://www.example.com/", connection=connection)[0] == 403
    site.reload()
    assert site.ask("http://www.example.com/", connection=connection)[0] == 200
    connection.close()
    context = ssl.create_default_context(cafile=str(site.authority.pem))
    with context.wrap_socket(made, server_hostname="www.example.com") as secure:  # over the tunnel of before
        assert secure.version()


def test_who_is_no_client_any_more_loses_the_connection_he_has(site):
    connection = site.connect()
    assert site.ask("http://www.example.com/", connection=connection)[0] == 200
    site.service.reload(site.config.replace("clients: [10.0.0.0/24]", "clients: [10.0.0.99]"))
    try:
        wait_for(lambda: site.service.control("GET", "/status")[1]["workers_behind"] == 0)
        with pytest.raises(ConnectionError):
            site.ask("http://www.example.com/", connection=connection)
    finally:
        connection.close()
        site.reload()


def test_it_ends_when_what_runs_has_ended(janitor_process):
    made = None
    try:
        made = Site()
        entered, release = threading.Event(), threading.Event()

        def slow():
            entered.set()
            release.wait(20)
            return b"done"

        made.serve().pages["/slow"] = (200, {}, slow)
        answers = []
        asking = threading.Thread(target=lambda: answers.append(made.ask("http://www.example.com/slow")))
        asking.start()
        assert entered.wait(20)
        made.service.send(15)
        release.set()
        asking.join(20)
        assert answers[0][0] == 200 and answers[0][2] == "done"
        assert made.service.wait(20) == 0, made.service.log()
    finally:
        if made:
            made.close()


def test_the_supervisor_runs_it_in_its_sandbox(janitor_process):
    net = topology.Net()
    try:
        host = net.host("gateway")
        config = "forward-proxy:\n  listen: 127.0.0.1\n  workers: 2\n  access-log: {format: combined}\n"
        service = Service(host, "run", config).start()
        status, told = service.control("GET", "/status", "forward-proxy")
        assert status == 200 and told["workers"] == 2
        assert {"user", "capabilities", "no-new-privileges", "mounts", "seccomp"} <= set(told["sandbox"]), told
        with host.inside():
            made = socket.create_connection(("127.0.0.1", 3128), 20)
        made.sendall(b"GET http://127.0.0.1:8080/ HTTP/1.1\r\nHost: x\r\n\r\n")
        assert made.recv(4096).split()[1] == b"403"
        made.close()
        log = service.folder / "state" / "forward-proxy" / "access.log"
        assert '"GET / HTTP/1.1" 403' in wait_for(lambda: log.exists() and log.read_text())
    finally:
        assert not net.close()
