"""The cache of both proxies when a process ends or its configuration changes while it asks a server of its own accord."""

import pytest

import cache_site
from proxy_servers import wait_for


@pytest.fixture(params=list(cache_site.KINDS))
def kind(request):
    if not cache_site.FAKETIME:
        pytest.skip("libfaketime is not here")
    return cache_site.KINDS[request.param]


@pytest.fixture
def thing(net, kind):
    site = kind(net)
    yield cache_site.Thing(site, "/thing")
    site.close()


@pytest.fixture
def crowd(net, kind):
    """The same with four workers."""
    site = type("Crowd", (kind,), {"config": kind.config.replace("workers: 1", "workers: 4")})(net)
    yield cache_site.Thing(site, "/thing")
    site.close()


def renewing(thing):
    """An answer was given stale, and is being asked for anew; the event that lets that go on."""
    thing.tells(200, "Cache-Control: max-age=60, stale-while-revalidate=600", 'ETag: "1"')
    thing.ask()
    thing.clock.move(70)
    entered, release = thing.held()
    assert thing.ask().text == "1" and entered.wait(20)
    return release


def test_it_ends_while_it_asks(thing):
    release = renewing(thing)
    thing.site.client.close()
    assert thing.site.service.stop(timeout=20) == 0
    release.set()


def test_what_it_asks_outlives_a_reload(thing):
    release = renewing(thing)
    thing.site.service.reload(thing.site.config.replace("level: info", "level: notice"))
    assert thing.ask().text == "1"
    release.set()
    wait_for(lambda: thing.ask().text == "2")
    assert thing.times == 2


def running(thing):
    return thing.site.service.control("GET", "/status")[1]["requests_running"]


def test_requests_of_several_workers_are_one(crowd):
    crowd.tells(200, "Cache-Control: max-age=60")
    entered, release = crowd.held()
    many = [crowd.beside() for _ in range(24)]
    assert entered.wait(20)
    wait_for(lambda: running(crowd) == len(many))
    release.set()
    assert {one.join().text for one in many} == {"1"} and crowd.times == 1
    assert all(crowd.beside().join().hit for _ in range(8)), "whichever worker is asked"


def test_one_of_several_workers_renews(crowd):
    crowd.tells(200, "Cache-Control: max-age=60, stale-while-revalidate=600", 'ETag: "1"')
    crowd.ask()
    crowd.clock.move(70)
    entered, release = crowd.held()
    assert {crowd.beside().join().text for _ in range(12)} == {"1"} and entered.wait(20) and crowd.times == 2
    release.set()
    wait_for(lambda: crowd.beside().join().text == "2")
    assert crowd.times == 2
