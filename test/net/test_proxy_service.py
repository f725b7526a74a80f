"""The reverse proxy as a service: routes, what servers are told, reloads under load, drains, its log and numbers.
One service, with io_uring and without, and two servers for all tests but the last ones; each leaves the configuration as it found it."""

import json
import os
import signal
import threading
import time

import pytest

import rings
import topology
from proxy_servers import Client, Server, ask, field, wait_for
from service import Service, binary

CONFIG = """global:
  log: {level: info}
reverse-proxy:
  listen: 127.0.0.1:8080
  workers: 2
  io-uring: IO_URING
  access-log: {format: json}
  trusted: [127.0.0.9]
  pools:
    web: [127.0.0.1:9001, 127.0.0.1:9002]
    one: 127.0.0.1:9001
  routes:
    - {host: one.home.arpa, to: one}
    - {host: www.home.arpa, path: /direct/, to: "127.0.0.1:9002"}
    - {host: www.home.arpa, to: web}
"""


class Site:
    def __init__(self, net, io_uring="auto"):
        self.host, self.io_uring = net.host("proxy"), io_uring
        with self.host.inside():
            self.servers = [Server("a", 9001), Server("b", 9002)]
        self.config = CONFIG.replace("IO_URING", io_uring)
        self.service = Service(self.host, "reverse-proxy", self.config).start()

    def log(self):
        """The lines of the access log."""
        path = self.service.folder / "state" / "reverse-proxy" / "access.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def backends(self):
        status, told = self.service.control("GET", "/backends")
        assert status == 200
        return {(p["pool"], b["address"]): b for p in told["pools"] for b in p["backends"]}


@pytest.fixture(scope="module", params=["auto", "off"])
def site(request, janitor_process):
    net = topology.Net()
    try:
        made = Site(net, request.param)
        yield made
        for server in made.servers:
            server.stop()
    finally:
        assert not net.close()


# ---- where requests go, and with what


def test_the_most_specific_route_wins(site):
    assert ask(site.host, "/x", host="one.home.arpa")[2]["server"] == "a"
    assert ask(site.host, "/direct/x")[2]["server"] == "b"
    assert {ask(site.host, "/x")[2]["server"] for _ in range(40)} == {"a", "b"}
    status, fields, text = ask(site.host, "/", host="none.home.arpa")
    assert status == 404 and "nothing here" in text
    assert fields["Content-Type"].startswith("text/plain")


def test_what_a_stranger_says_of_himself_is_not_passed_on(site):
    told = ask(
        site.host,
        X_Forwarded_For="203.0.113.7",
        X_Forwarded_Proto="https",
        X_Forwarded_Port="443",
        X_Real_IP="203.0.113.7",
        Forwarded="for=203.0.113.7",
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        tracestate="vendor=1",
    )[2]
    assert field(told, "x-forwarded-for") == ["127.0.0.1"]
    assert field(told, "x-forwarded-proto") == ["http"]
    assert field(told, "x-forwarded-port") == ["8080"]
    assert "203.0.113.7" not in str(told["fields"])
    assert field(told, "tracestate") == []
    (trace,) = field(told, "traceparent")
    assert "4bf92f3577b34da6a3ce929d0e0e4736" not in trace
    assert len(trace) == 55 and trace.startswith("00-")


def test_a_trace_goes_on_where_a_trusted_proxy_began_it(site):
    import http.client

    with site.host.inside():
        connection = http.client.HTTPConnection(
            "127.0.0.1", 8080, timeout=20, source_address=("127.0.0.9", 0)
        )
        connection.connect()
    connection.request(
        "GET",
        "/",
        headers={
            "Host": "www.home.arpa",
            "X-Forwarded-For": "203.0.113.7",
            "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "tracestate": "vendor=1",
        },
    )
    told = json.loads(connection.getresponse().read())
    connection.close()
    (trace,) = field(told, "traceparent")
    assert trace.startswith("00-4bf92f3577b34da6a3ce929d0e0e4736-") and trace.endswith("-01")
    assert trace.split("-")[2] != "00f067aa0ba902b7"
    assert field(told, "tracestate") == ["vendor=1"]
    assert field(told, "x-forwarded-for")[0].startswith("203.0.113.7")
    line = wait_for(lambda: [at for at in site.log() if at["id"] == trace.split("-")[1]])[0]
    assert line["client"] == "203.0.113.7"


# ---- the log and the numbers


def test_each_request_is_a_line_of_the_access_log(site):
    ask(site.host, "/log/one?a=b", method="POST", body="12345", User_Agent='evil"\tagent')
    ask(site.host, "/status/503", host="one.home.arpa")
    lines = wait_for(lambda: [at for at in site.log() if at["path"].startswith("/log/one")])
    line = lines[0]
    assert line["method"] == "POST" and line["status"] == 200 and line["pool"] == "web"
    assert line["client"] == "127.0.0.1" and line["request_bytes"] == 5
    assert line["server"] in ("127.0.0.1:9001", "127.0.0.1:9002")
    assert line["duration_us"] >= line["first_byte_us"] > 0
    assert line["agent"] == 'evil"\tagent'
    assert wait_for(lambda: [at for at in site.log() if at["status"] == 503])


def test_a_log_that_was_moved_away_is_let_go_by_a_reload(site):
    path = site.service.folder / "state" / "reverse-proxy" / "access.log"
    wait_for(path.exists)
    os.rename(path, f"{path}.moved")
    site.service.reload()
    ask(site.host, "/after/move")
    assert wait_for(lambda: [at for at in site.log() if at["path"] == "/after/move"])


def test_the_numbers_of_each_server_are_told(site):
    before = site.backends()["one", "127.0.0.1:9001"]
    for _ in range(5):
        ask(site.host, host="one.home.arpa")
    ask(site.host, "/status/500", host="one.home.arpa")
    now = site.backends()["one", "127.0.0.1:9001"]
    assert now["requests"] - before["requests"] == 6
    assert now["answers"][5] - before["answers"][5] == 1
    assert 0 < now["p50_us"] <= now["p90_us"] <= now["p99_us"] < 60_000_000
    status, page = site.service.control("GET", "/metrics")
    assert status == 200
    assert f'server_requests_total{{pool="one",server="127.0.0.1:9001"}} {now["requests"]}\n' in page
    assert 'gatehouse_reverse_proxy_ended_total{cause="fine"}' in page
    told = site.service.control("GET", "/status")[1]
    assert told["servers"] >= 3 and told["workers"] == 2 and told["workers_behind"] == 0


def test_what_many_ask_at_once_is_answered_by_rings_unless_they_are_off(site):
    on = rings.expected(site.service, site.io_uring)
    clients = [Client(site.host) for _ in range(30)]

    def received():
        page = site.service.control("GET", "/metrics")[1]
        return int(page.split("\ngatehouse_reverse_proxy_ring_received_total ")[1].split()[0])

    before = received()
    try:
        for turn in range(4):
            with rings.halted(site.service):
                for n, client in enumerate(clients):
                    client.http.request("POST", f"/{turn}-{n}", "x" * (n * 1000), {"Host": "www.home.arpa"})
            for n, client in enumerate(clients):
                told = json.loads(client.http.getresponse().read())
                assert told["path"] == f"/{turn}-{n}" and told["body"] == "x" * (n * 1000)
    finally:
        for client in clients:
            client.close()
    # By the second turn all are accepted; one that is alone with its worker is read by itself.
    assert (received() - before >= 3 * 29) == on


def test_the_command_line_shows_routes_servers_and_rates(site):
    def run(*words):
        done = site.host.run(binary(), "proxy", *words, "-c", site.service.config_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "one.home.arpa" in run("routes") and "web" in run("routes")
    assert run("backends", "one").count("127.0.0.1:900") == 1
    assert "REQ/S" in run("top", "--times", "1")
    # The same for programs.
    assert json.loads(run("backends", "one", "--json"))["pools"][0]["backends"][0]["address"].startswith("127.0.0.1:900")
    assert "one.home.arpa" in {host for route in json.loads(run("routes", "--json"))["routes"] for host in route["hosts"]}
    assert json.loads(run("top", "--times", "1", "--json"))["servers"][0]["state"] == "up"
    assert json.loads(run("certs", "--json"))["certificates"] == []
    assert json.loads(run("undrain", "127.0.0.1:9001", "--json"))["undrained"] > 0
    done = site.host.run(binary(), "proxy", "drain", "192.0.2.1:80", "-c", site.service.config_path)
    assert done.returncode == 1 and "no pool has such a server" in done.stderr


# ---- servers that are left out


def test_a_drained_server_stays_so_over_a_reload(site):
    assert site.service.control("POST", "/drain?server=127.0.0.1:9001&pool=web")[0] == 200
    try:
        site.service.reload()
        assert site.backends()["web", "127.0.0.1:9001"]["state"] == "drained"
        assert {ask(site.host)[2]["server"] for _ in range(20)} == {"b"}
        assert ask(site.host, host="one.home.arpa")[2]["server"] == "a"  # another pool
    finally:
        assert site.service.control("POST", "/undrain?server=127.0.0.1:9001&pool=web")[0] == 200
    assert site.backends()["web", "127.0.0.1:9001"]["state"] == "up"


# ---- reloads


def test_a_wrong_configuration_changes_nothing(site):
    site.service.configure(site.config.replace("to: web", "to: wbe"))
    status, told = site.service.control("POST", "/reload")
    assert status == 409 and "refused" in told["error"]
    assert "there is no pool 'wbe'" in site.service.log()
    assert ask(site.host)[0] == 200
    site.service.reload(site.config)


def test_no_request_and_no_connection_is_lost_by_reloads(site):
    """Kept connections live through all of them; new ones are accepted meanwhile; routes change."""
    ended, failures, counts = threading.Event(), [], [0, 0]

    def keep():
        client = Client(site.host)
        try:
            while not ended.is_set():
                status, _, told = client.ask("/load", method="POST", body="x" * 1000)
                if status != 200 or told["body"] != "x" * 1000:
                    failures.append((status, told))
                counts[0] += 1
        except Exception as error:  # all that can happen is what is looked for
            failures.append(repr(error))
        finally:
            client.close()

    def renew():
        try:
            while not ended.is_set():
                if ask(site.host, "/load")[0] != 200:
                    failures.append("a new connection")
                counts[1] += 1
        except Exception as error:
            failures.append(repr(error))

    threads = [threading.Thread(target=t) for t in (keep, keep, renew)]
    other = site.config.replace("web: [127.0.0.1:9001, 127.0.0.1:9002]", "web: [127.0.0.1:9002]")
    for thread in threads:
        thread.start()
    try:
        for i in range(20):
            site.service.reload(other if i % 2 == 0 else site.config)
    finally:
        ended.set()
        for thread in threads:
            thread.join(30)
    assert not failures, failures[:3]
    assert counts[0] > 20 and counts[1] > 10


def test_memory_is_flat_over_many_reloads(site):
    def resident():
        for line in open(f"/proc/{site.service.pid}/status"):
            if line.startswith("VmRSS:"):
                return int(line.split()[1])

    def reload_by_socket(n):
        for _ in range(n):
            assert site.service.control("POST", "/reload")[0] == 200

    ask(site.host)
    reload_by_socket(100)
    before = resident()
    reload_by_socket(200)
    ask(site.host)
    assert resident() - before < 1500  # KiB; a snapshot that stayed each time would be far more


# ---- a server that dies, which is left out for a while after


def test_a_server_that_is_gone_costs_no_request(site):
    site.servers[1].stop()
    try:
        for _ in range(20):
            status, _, told = ask(site.host)
            assert status == 200 and told["server"] == "a"
        assert ask(site.host, "/direct/")[0] == 502
    finally:
        with site.host.inside():
            site.servers[1] = Server("b", 9002)


# ---- its end


def test_a_request_that_runs_is_waited_for_at_the_end(net):
    site = Site(net)
    server = site.servers[0]
    answers = []
    try:
        client = Client(site.host)
        thread = threading.Thread(
            target=lambda: answers.append(client.ask("/slow", host="one.home.arpa")[0])
        )
        thread.start()
        assert server.entered.wait(20)
        site.service.send(signal.SIGTERM)
        time.sleep(0.3)
        assert site.service.alive
        server.release.set()
        thread.join(20)
        assert answers == [200]
        assert site.service.wait() == 0
        client.close()
    finally:
        for each in site.servers:
            each.stop()


def test_the_supervisor_opens_a_port_of_root_and_a_reload_another_one(net):
    """The process that serves has no right to open port 80; a listener that is new comes by a reload."""
    host = net.host("proxy")
    with host.inside():
        server = Server("a", 9001)
    config = (
        "reverse-proxy:\n  listen: 127.0.0.1:80\n  workers: 2\n  routes: {to: '127.0.0.1:9001'}\n"
    )
    run = Service(host, "run", config).start()
    try:
        assert ask(host, port=80)[2]["server"] == "a"
        layers = run.control("GET", "/status", "reverse-proxy")[1]["sandbox"]
        assert layers["layers"] if isinstance(layers, dict) else layers
        run.reload(config.replace("127.0.0.1:80\n", "[127.0.0.1:80, 127.0.0.1:81]\n"))
        wait_for(lambda: answers_at(host, 81))
        assert ask(host, port=80)[2]["server"] == "a"
    finally:
        run.stop()
        server.stop()


def answers_at(host, port):
    try:
        return ask(host, port=port)[0] == 200
    except OSError:
        return False
