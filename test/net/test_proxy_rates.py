"""Limits that gateways share through a store: together they admit what one may; without it each goes on alone."""

import base64
import os

import pytest

import topology
from proxy_servers import Client, wait_for
from service import Service

LIMIT = 10  # an hour: within a test nothing comes back


class Site:
    def __init__(self, net, server):
        self.host = net.host("proxy")
        self.server, self.url = server, server.empty()
        self.key = base64.b64encode(os.urandom(32)).decode()
        self.gateways = 0
        self.admitted = 0  # by all of them, as far as others are told

    def gateway(self, shared="yes"):
        self.gateways += 1
        made = Service(
            self.host,
            "reverse-proxy",
            f"global:\n  log: {{level: info}}\nreverse-proxy:\n  listen: 127.0.0.1:{8180 + self.gateways}\n  workers: 2\n"
            f'  store: "{self.url}"\n  store-key: {self.key}\n'
            f"  routes: {{answer: {{status: 200}}, guard: {{rate: {{limit: {LIMIT}/h, by: header X-Key, shared: {shared}}}}}}}\n",
        )
        made.port, made.own, made.base = 8180 + self.gateways, 0, 0
        return made.start()

    def joins(self, gateway):
        """From now on it shares; all that was admitted before is history."""
        wait_for(lambda: metric(gateway, "shared") == 1)
        gateway.base = self.admitted
        return gateway

    def ask(self, gateway, key, tries=2 * LIMIT):
        """How many of so many requests are let in."""
        client = Client(self.host, gateway.port)
        try:
            statuses = [client.ask(X_Key=key)[0] for _ in range(tries)]
        finally:
            client.close()
        assert set(statuses) <= {200, 429}
        n = statuses.count(200)
        gateway.own += n
        self.admitted += n
        return n

    def settle(self, *gateways):
        """Until each has heard of all that others admitted since it joined, once."""
        for gateway in gateways:
            want = self.admitted - gateway.base - gateway.own
            wait_for(lambda: metric(gateway, "heard_total") >= want)
            assert metric(gateway, "heard_total") == want


def metric(gateway, name):
    text = gateway.control("GET", "/metrics")[1]
    numbers = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return int(numbers.get(f"gatehouse_reverse_proxy_rates_{name}", -1))


@pytest.fixture(scope="module")
def site(janitor_process, postgres):
    if not postgres.alive:
        postgres.start()
    net = topology.Net()
    try:
        yield Site(net, postgres)
    finally:
        assert not net.close()


@pytest.fixture(scope="module")
def pair(site):
    made = site.gateway(), site.gateway()
    return [site.joins(gateway) for gateway in made]


def shares(site, one, other, key):
    assert site.ask(one, key, tries=6) == 6
    site.settle(other)
    assert site.ask(other, key) == LIMIT - 6
    site.settle(one)
    assert site.ask(one, key) == 0


def test_two_gateways_admit_one_limit_together(site, pair):
    one, other = pair
    shares(site, one, other, "ann")
    assert site.ask(one, "bob") == LIMIT  # another key, another bucket
    site.settle(one, other)
    assert metric(one, "gateways") == metric(other, "gateways") == 1
    assert metric(one, "lost_total") == metric(one, "refused_total") == 0
    # Who comes late begins with full buckets: what was told before he came may be long over.
    late = site.joins(site.gateway())
    assert site.ask(late, "ann") == LIMIT and metric(late, "heard_total") == 0
    late.stop()  # and tells the last of it as it goes
    site.settle(one, other)


def test_gateways_that_admitted_too_much_owe_it(site, pair):
    one, other = pair
    first, second = site.ask(one, "eve"), site.ask(other, "eve")
    assert first == LIMIT and second <= LIMIT
    site.settle(one, other)
    assert site.ask(one, "eve") == site.ask(other, "eve") == 0


def test_a_reload_begins_to_share(site, pair):
    alone = site.gateway(shared="no")
    assert metric(alone, "shared") == -1
    alone.configure(alone.config_path.read_text().replace("shared: no", "shared: yes"))
    assert alone.control("POST", "/reload")[0] == 200
    site.joins(alone)
    shares(site, pair[0], alone, "joe")
    alone.stop()
    site.settle(*pair)


def test_each_goes_on_alone_while_the_store_is_away(site, pair):
    one, other = pair
    site.server.kill()
    for gateway in pair:
        wait_for(lambda gateway=gateway: metric(gateway, "shared") == 0)
        assert gateway.log().count("the store is away") == 1
    assert site.ask(one, "kim") == site.ask(other, "kim") == LIMIT
    for gateway in pair:
        wait_for(lambda gateway=gateway: metric(gateway, "lost_total") == LIMIT)
        gateway.base += LIMIT  # nobody hears of the other's
    site.server.start()
    for gateway in pair:
        wait_for(lambda gateway=gateway: metric(gateway, "shared") == 1, timeout=40)
        assert gateway.log().count("the store is back") == 1
    shares(site, one, other, "lee")
