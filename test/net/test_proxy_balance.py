"""Balancing as clients meet it: which server a request reaches, who is left out and comes back, who waits, who is told no.
One service and four servers for all; each test brings its own pool, in whose name nothing is left over from another."""

import re
import socket
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

import topology
from proxy_servers import Client, Server, ask, wait_for
from service import Service

PORTS = {name: 9001 + i for i, name in enumerate("abcd")}
CHECK = "check: {http: /health, interval: 50ms, timeout: 2s, rise: 2, fall: 2}"


class Names:
    """A resolver of zone {(name, type): [rdata]}, with a TTL of one second; a rcode instead of the zone: to every question."""

    def __init__(self, host):
        with host.inside():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        self.zone, self.rcode, self.asked = {}, None, 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            data, peer = self.socket.recvfrom(4096)
            if not data:
                return
            query = dns.message.from_wire(data)
            answer = dns.message.make_response(query)
            answer.flags |= dns.flags.RA
            question = query.question[0]
            told = self.zone.get((str(question.name), dns.rdatatype.to_text(question.rdtype)))
            if self.rcode:
                answer.set_rcode(self.rcode)
            elif told:
                answer.answer.append(dns.rrset.from_text(question.name, 1, "IN", question.rdtype, *told))
            self.socket.sendto(answer.to_wire(), peer)
            self.asked += 1

    def close(self):
        """A datagram without anything ends the thread; nobody else sends one."""
        self.socket.sendto(b"", self.socket.getsockname())


class Site:
    def __init__(self, net):
        self.host, self.pools, self.servers = net.host("proxy"), 0, {}
        self.names = Names(self.host)
        for name in PORTS:
            self.start(name)
        self.service = Service(self.host, "reverse-proxy", self.config("p0", 'servers: ["127.0.0.1:9001"]')).start()

    def config(self, name, keys):
        return (
            "reverse-proxy:\n  listen: 127.0.0.1:8080\n  workers: 2\n  pools:\n"
            f"    {name}:\n" + "".join(f"      {key}\n" for key in keys.split("\n")) + f"  routes: [{{to: {name}}}]\n"
        )

    def pool(self, servers, *keys):
        """A pool of servers like "a" or "a weight: 3", under a name that is new."""
        self.pools += 1
        self.name = f"p{self.pools}"
        listed = []
        for server in servers:
            name, _, more = server.partition(" ")
            listed.append(f'{{address: "127.0.0.1:{PORTS[name]}"{", " + more if more else ""}}}')
        self.service.reload(self.config(self.name, "\n".join([f"servers: [{', '.join(listed)}]", *keys])))

    def named(self, *servers):
        """A pool of servers that the DNS knows."""
        self.pools += 1
        self.name = f"p{self.pools}"
        self.service.reload(self.config(self.name, f"servers: [{', '.join(servers)}]\nbalance: round-robin"))

    def start(self, name):
        with self.host.inside():
            self.servers[name] = Server(name, PORTS[name])

    def stop(self, name):
        self.servers[name].stop()

    def told(self):
        status, told = self.service.control("GET", f"/backends?pool={self.name}")
        assert status == 200
        return told["pools"][0]

    def state(self, name):
        return {b["address"]: b["state"] for b in self.told()["backends"]}[f"127.0.0.1:{PORTS[name]}"]

    def becomes(self, name, state):
        wait_for(lambda: self.state(name) == state)

    def who(self, **fields):
        status, _, told = ask(self.host, **fields)
        assert status == 200, told
        return told["server"]

    def count(self, n=40, **fields):
        """Which server got how many of n requests, all of which went well."""
        return Counter(self.who(**fields) for _ in range(n))


@pytest.fixture(scope="module")
def site(janitor_process):
    net = topology.Net()
    try:
        made = Site(net)
        yield made
        made.names.close()
        for server in made.servers.values():
            server.stop()
    finally:
        assert not net.close()


# ---- who is chosen


def test_turns_are_as_many_as_weights_say(site):
    site.pool(["a weight: 3", "b"], "balance: round-robin")
    assert site.count(40) == {"a": 30, "b": 10}


@pytest.mark.parametrize("balance", ["two-choices", "least-requests", "random"])
def test_everybody_gets_a_share(site, balance):
    site.pool("abcd", f"balance: {balance}")
    got = Counter()
    wait_for(lambda: got.update(site.count(20)) or min(got[name] for name in "abcd") >= 3)


@pytest.mark.parametrize("balance", ["two-choices", "least-requests"])
def test_a_busy_server_gets_less(site, balance):
    site.pool("ab", f"balance: {balance}")
    busy = [threading.Thread(target=ask, args=(site.host, "/slow")) for _ in range(2)]
    try:
        for i, thread in enumerate(busy):
            thread.start()
            wait_for(lambda: sum(site.servers[name].entered.is_set() for name in "ab") == i + 1)
        site.servers["b"].release.set()
        wait_for(lambda: [b["in_flight"] for b in site.told()["backends"]] == [1, 0])
        # One that has just ended at b may still be counted when the next one comes.
        assert site.count(20)["b"] >= 15
    finally:
        for name in "ab":
            site.servers[name].release.set()
        for thread in busy:
            thread.join(20)
        for name in "ab":
            site.servers[name].release.clear(), site.servers[name].entered.clear()


def test_backups_are_asked_when_no_other_is_well(site):
    site.pool(["a", "b backup: yes"], CHECK)
    site.becomes("a", "up")
    assert site.count(20) == {"a": 20}
    site.stop("a")
    try:
        site.becomes("a", "down")
        assert site.count(10) == {"b": 10}
    finally:
        site.start("a")
    site.becomes("a", "up")
    assert site.count(10) == {"a": 10}


def test_the_own_zone_is_preferred_while_enough_of_it_is_well(site):
    site.pool(["a zone: here", "b zone: here", "c zone: there"], "balance: random", "zone: here", "zone-share: 100")
    assert set(site.count(30)) == {"a", "b"}
    site.service.control("POST", f"/drain?server=127.0.0.1:9001&pool={site.name}")
    assert set(site.count(30)) == {"b", "c"}


@pytest.mark.parametrize("by, field", [("header", "X-User"), ("cookie", "Cookie")])
def test_a_hash_keeps_clients_where_they_are_when_another_server_goes(site, by, field):
    name = "X-User" if by == "header" else "user"
    site.pool("abcd", f"balance: hash\nhash: {{by: {by}, name: {name}, load: 0}}", CHECK)
    users = [f"u{i}" if by == "header" else f"x=y; user=u{i}" for i in range(40)]

    def where():
        return {user: site.who(**{field: user}) for user in users}

    before = where()
    assert set(before.values()) == set("abcd")
    assert where() == before
    site.stop("d")
    try:
        site.becomes("d", "down")
        after = where()
        assert all(after[user] == before[user] for user in users if before[user] != "d")
        assert "d" not in after.values()
    finally:
        site.start("d")
    site.becomes("d", "up")
    assert where() == before


def test_the_bound_of_a_hash_sends_on_who_comes_to_a_busy_server(site):
    site.pool("ab", "balance: hash\nhash: {by: header, name: X-User, load: 110}")
    home = site.who(X_User="me")
    busy = [threading.Thread(target=ask, args=(site.host, "/slow"), kwargs={"X_User": "me"}) for _ in range(2)]
    try:
        for thread in busy:
            thread.start()
        wait_for(lambda: sorted(b["in_flight"] for b in site.told()["backends"]) == [0, 2])
        assert site.who(X_User="me") != home
    finally:
        site.servers[home].release.set()
        for thread in busy:
            thread.join(20)
        site.servers[home].release.clear(), site.servers[home].entered.clear()
    assert site.who(X_User="me") == home


# ---- who is well


def test_a_server_that_dies_is_left_out_and_comes_back(site):
    site.pool("ab", CHECK)
    site.becomes("b", "up")
    wait_for(lambda: site.servers["b"].checks >= 2)
    site.stop("b")
    try:
        assert site.count(20).total() == 20  # none is lost: those that met the dead one went again
        site.becomes("b", "down")
        told = {}

        def is_told():
            told.update({b["address"]: b["check"] for b in site.told()["backends"]})
            return "refused" in told["127.0.0.1:9002"].lower() and told["127.0.0.1:9001"] != "not checked yet"

        wait_for(is_told)
        assert told["127.0.0.1:9001"] == "well"
        assert site.count(20) == {"a": 20}
        page = site.service.control("GET", "/metrics")[1]
        assert f'server_up{{pool="{site.name}",server="127.0.0.1:9002"}} 0\n' in page
    finally:
        site.start("b")
    site.becomes("b", "up")
    assert set(site.count(40)) == {"a", "b"}
    log = site.service.log()
    assert "a server is down" in log and "a server is up" in log


def test_a_check_looks_at_status_and_body(site):
    site.pool("ab", CHECK)
    site.servers["b"].health = 503
    try:
        site.becomes("b", "down")
        assert site.count(10) == {"a": 10}
    finally:
        site.servers["b"].health = 200
    site.becomes("b", "up")
    body = "check: {http: /health, interval: 50ms, body: '\"server\": \"a\"'}"
    site.pool("ab", body)
    site.becomes("b", "down")
    assert site.state("a") == "up"
    assert site.count(10) == {"a": 10}
    site.pool("ab", "check: {http: /health, interval: 50ms, status: ['204', 300-399]}")
    site.becomes("a", "down"), site.becomes("b", "down")
    assert ask(site.host)[0] == 503
    site.pool("ab", "check: {http: /health, interval: 50ms, status: '500'}", "all-down: try")
    site.becomes("a", "down"), site.becomes("b", "down")
    assert set(site.count(30)) == {"a", "b"}


def test_a_check_at_another_port_by_a_connection(site):
    site.pool("a", "check: {tcp: yes, interval: 50ms, port: 9005, fall: 1, rise: 1}")
    site.becomes("a", "down")
    PORTS["e"] = 9005
    site.start("e")
    try:
        site.becomes("a", "up")
    finally:
        site.stop("e")
    site.becomes("a", "down")


def test_want_of_open_files_says_nothing_of_a_server(site):
    site.pool("a", CHECK)
    site.becomes("a", "up")
    process, told = Path(f"/proc/{site.service.pid}"), len(site.service.log())
    user, group = (int(re.search(rf"^{name}:\t(\d+)", (process / "status").read_text(), re.M)[1]) for name in ("Uid", "Gid"))
    usual = re.search(r"^Max open files +(\d+)", (process / "limits").read_text(), re.M)[1]

    def allow(files):
        """As its user, who may."""
        words = ["prlimit", "--pid", str(site.service.pid), f"--nofile={files}:"]
        subprocess.run(words, user=user, group=group, extra_groups=[], check=True)

    allow(3)
    try:
        time.sleep(0.4)  # eight checks, none of which can be begun
        checks = site.servers["a"].checks
    finally:
        allow(usual)
    wait_for(lambda: site.servers["a"].checks > checks)
    assert "a server is down" not in site.service.log()[told:]


def test_a_check_that_is_taken_out_frees_who_was_down(site):
    site.servers["a"].health = 500
    try:
        site.pool("a", CHECK)
        site.becomes("a", "down")
        text = site.config(site.name, 'servers: ["127.0.0.1:9001"]')
        site.service.reload(text)
        site.becomes("a", "up")
        assert site.who() == "a"
    finally:
        site.servers["a"].health = 200


def test_failures_in_a_row_eject(site):
    site.pool("ab", "balance: round-robin", "eject: {failures: 3, time: 1m}")
    for _ in range(6):
        assert ask(site.host, "/status/500")[0] == 500  # an application's matter
    assert site.told()["well"] == 2
    for _ in range(20):
        ask(site.host, "/status/503")
    # Half of the pool at most: the other one goes on.
    assert sorted(site.state(name) for name in "ab") == ["ejected", "up"]
    assert len(site.count(10)) == 1


def test_a_breaker_opens_and_tries_again(site):
    keys = "breaker: {failures: 50, requests: 4, open: 300ms, probes: 1}"
    site.pool("a", keys, "eject: {failures: 0}")
    for _ in range(4):
        assert ask(site.host, "/status/503")[0] == 503
    assert site.state("a") in ("open", "half open")
    wait_for(lambda: ask(site.host)[0] == 200)
    assert site.state("a") == "up"


def test_a_server_that_comes_back_begins_slowly(site):
    site.pool("ab", "balance: round-robin", "slow-start: 10m", CHECK)
    site.becomes("b", "up")
    site.servers["b"].health = 500
    site.becomes("b", "down")
    site.servers["b"].health = 200
    site.becomes("b", "up")
    assert site.count(60)["b"] < 25  # a tenth, not a half


# ---- who stays, who is drained


def test_a_cookie_keeps_a_client_at_its_server(site):
    site.pool("abc", "sticky: {cookie: home, max-age: 1h, same-site: strict, secure: yes}", CHECK)
    status, fields, told = ask(site.host)
    cookie = fields["Set-Cookie"]
    assert status == 200
    assert "Max-Age=3600" in cookie and "SameSite=Strict" in cookie and "Secure" in cookie and "HttpOnly" in cookie
    home, mine = told["server"], cookie.split(";")[0]
    for _ in range(15):
        status, fields, told = ask(site.host, Cookie=f"other=1; {mine}")
        assert told["server"] == home and fields["Set-Cookie"] is None
    # Drained: who is there stays, nobody else comes.
    where = f"server=127.0.0.1:{PORTS[home]}&pool={site.name}"
    assert site.service.control("POST", f"/drain?{where}")[0] == 200
    assert site.count(10, Cookie=mine) == {home: 10}
    assert home not in site.count(20)
    assert site.service.control("POST", f"/undrain?{where}")[0] == 200
    # Dead: another one, which is told.
    site.stop(home)
    try:
        site.becomes(home, "down")
        status, fields, told = ask(site.host, Cookie=mine)
        assert told["server"] != home and fields["Set-Cookie"].split(";")[0] != mine
    finally:
        site.start(home)


def test_a_server_that_the_configuration_drains_gets_nothing(site):
    site.pool(["a drain: yes", "b"])
    assert site.state("a") == "drained"
    assert site.count(20) == {"b": 20}


# ---- who waits, who goes again


def slow(site, results):
    results.append(ask(site.host, "/slow")[0])


@pytest.mark.parametrize("limit", ["server", "pool"])
def test_who_finds_all_full_waits_in_a_line_of_that_length(site, limit):
    queue = "queue: {length: 1, time: 20s}"
    if limit == "server":
        site.pool(["a max-requests: 1"], queue)
    else:
        site.pool("a", "max-requests: 1", queue)
    results, a = [], site.servers["a"]
    first = threading.Thread(target=slow, args=(site, results))
    try:
        first.start()
        assert a.entered.wait(20)
        # One waits at each of the two workers; a third one at one of them does not.
        waiting = [threading.Thread(target=slow, args=(site, results)) for _ in range(3)]
        for thread in waiting:
            thread.start()
        wait_for(lambda: 503 in results)
        assert results.count(200) == 0 and site.told()["waited"] >= 1
    finally:
        a.release.set()
        first.join(20)
        for thread in waiting:
            thread.join(20)
        a.release.clear(), a.entered.clear()
    assert results.count(200) >= 2 and results.count(200) + results.count(503) == 4


def test_nobody_waits_longer_than_the_time_of_the_line(site):
    site.pool(["a max-requests: 1"], "queue: {length: 9, time: 200ms}")
    results, a = [], site.servers["a"]
    first = threading.Thread(target=slow, args=(site, results))
    try:
        first.start()
        assert a.entered.wait(20)
        began = time.monotonic()
        assert ask(site.host)[0] == 503
        assert 0.15 < time.monotonic() - began < 15
    finally:
        a.release.set()
        first.join(20)
        a.release.clear(), a.entered.clear()
    assert results == [200]


def test_retries_are_as_many_as_the_pool_says(site):
    site.stop("d")
    try:
        site.pool("ad", "balance: round-robin", "eject: {failures: 0}")
        assert site.count(10) == {"a": 10}
        assert site.told()["retries"] >= 4
        site.pool("ad", "balance: round-robin", "eject: {failures: 0}", "retry: {tries: 1}")
        assert Counter(ask(site.host)[0] for _ in range(10)) == {200: 5, 502: 5}
        site.pool("ad", "balance: round-robin", "eject: {failures: 0}", "retry: {tries: 3, budget: 0, least: 0}")
        assert Counter(ask(site.host)[0] for _ in range(10)) == {200: 5, 502: 5}
    finally:
        site.start("d")


def test_a_kept_connection_that_ended_is_no_try(site):
    site.pool("ab", "sticky: home", "retry: {tries: 1}")
    status, fields, told = ask(site.host)
    home, mine = told["server"], fields["Set-Cookie"].split(";")[0]
    client = Client(site.host)
    try:
        assert client.ask(Cookie=mine)[2]["server"] == home
        site.stop(home)
        site.start(home)
        for _ in range(4):
            status, fields, told = client.ask(Cookie=mine)
            assert (status, told["server"]) == (200, home) and fields["Set-Cookie"] is None
    finally:
        client.close()


# ---- who has a name


def addresses(site):
    return sorted(b["address"] for b in site.told()["backends"])


def test_a_name_leads_where_the_dns_says_and_follows_it(site):
    zone = {("app.home.arpa.", "A"): ["127.0.0.1"]}
    site.names.zone, site.names.rcode = zone, None
    site.named("{name: App.home.arpa, port: 9001}")
    wait_for(lambda: addresses(site) == ["127.0.0.1:9001"])
    assert site.count(5) == {"a": 5}
    zone["app.home.arpa.", "A"] = ["127.0.0.1", "127.0.0.2"]
    zone["app.home.arpa.", "AAAA"] = ["::1"]
    wait_for(lambda: addresses(site) == ["127.0.0.1:9001", "127.0.0.2:9001", "[::1]:9001"])
    assert site.count(9) == {"a": 9}  # nobody listens at the others: those requests went again
    # A reload asks nobody: what is known is there at once.
    site.names.rcode = dns.rcode.SERVFAIL
    site.service.reload()
    assert addresses(site) == ["127.0.0.1:9001", "127.0.0.2:9001", "[::1]:9001"]
    # Neither a resolver that cannot tell nor a name that is gone takes servers away.
    asked = site.names.asked
    wait_for(lambda: site.names.asked >= asked + 4)
    site.names.rcode = dns.rcode.NXDOMAIN
    asked = site.names.asked
    wait_for(lambda: site.names.asked >= asked + 2)
    assert len(addresses(site)) == 3
    del zone["app.home.arpa.", "AAAA"]
    zone["app.home.arpa.", "A"] = ["127.0.0.1"]
    site.names.rcode = None
    wait_for(lambda: addresses(site) == ["127.0.0.1:9001"])


def test_services_of_the_dns_have_ports_weights_and_backups(site):
    service = ("_http._tcp.home.arpa.", "SRV")
    zone = {service: ["10 3 9001 one.home.arpa.", "10 1 9002 one.home.arpa.", "20 1 9003 one.home.arpa."]}
    zone["one.home.arpa.", "A"] = ["127.0.0.1"]
    site.names.zone, site.names.rcode = zone, None
    site.named("{srv: _http._tcp.home.arpa}")
    wait_for(lambda: len(addresses(site)) == 3)
    assert site.count(20) == {"a": 15, "b": 5}
    assert {b["address"]: b["level"] for b in site.told()["backends"]}["127.0.0.1:9003"] == 1
    zone[service] = zone[service][2:]
    wait_for(lambda: addresses(site) == ["127.0.0.1:9003"])
    assert site.count(5) == {"c": 5}
