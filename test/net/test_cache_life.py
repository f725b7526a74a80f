"""The cache of both proxies when a process ends or its configuration changes while it asks a server of its own accord."""

import pytest

import cache_site
from proxy_servers import wait_for


@pytest.fixture(params=list(cache_site.KINDS))
def thing(net, request):
    if not cache_site.FAKETIME:
        pytest.skip("libfaketime is not here")
    site = cache_site.KINDS[request.param](net)
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
