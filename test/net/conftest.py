"""Fixtures of the tests in network namespaces. `net` is an empty drawing (topology.Net) that is gone after the
test; a test that asks for it is skipped where no namespace can be made."""

import atexit
import itertools
import os
import re
import signal
import sys

import pytest

import cache_site
import janitor
import postgres as database
import scenario
import topology
from dhcp_pair import Pair
from lab import Lab


@pytest.fixture(scope="session")
def janitor_process():
    """Removes everything of this run should it be killed; and first what killed runs left."""
    reason = topology.why_not()
    if reason:
        pytest.skip(reason)
    janitor.sweep()
    pid, held = janitor.watch(topology.PREFIX)

    def finish():
        os.close(held)
        os.waitpid(pid, 0)

    atexit.register(finish)
    # pytest ends at once on SIGTERM; as an exception, the fixtures still tidy up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    yield
    atexit.unregister(finish)
    finish()


@pytest.fixture
def net(janitor_process, request):
    drawing = topology.Net()
    request.node.drawing = drawing
    yield drawing
    troubles = drawing.close()
    assert not troubles, "\n".join(troubles)


@pytest.fixture
def scene(net):
    """A resolver among scripted servers: scenario.Scene."""
    made = scenario.Scene(net)
    yield made
    made.world.close()


@pytest.fixture
def own(net):
    """A lab of the test's own, not up yet: lab.Lab."""
    made = Lab(net.host("lab"))
    yield made
    made.down()


@pytest.fixture(scope="module")
def postgres(janitor_process):
    """A database server: postgres.Postgres."""
    if reason := database.why_not():
        pytest.skip(reason)
    server = database.Postgres(f"/tmp/{topology.PREFIX}postgres")
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def pair(net, postgres, request):
    """Two address servers on one database: dhcp_pair.Pair, with the words of the parameter."""
    if not postgres.alive:
        postgres.start()
    made = Pair(net, postgres, **getattr(request, "param", {}))
    yield made
    made.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows what every service of the test wrote."""
    report = (yield).get_result()
    drawing = getattr(item, "drawing", None)
    if report.failed and drawing and call.when == "call":
        for service in drawing.services:
            report.sections.append((f"{service.host.name}: {service.name}", service.log()))


numbers = itertools.count(1)


@pytest.fixture(scope="module", params=list(cache_site.KINDS))
def cached_site(janitor_process, request):
    """A proxy with a cache, an origin and a clock, for all tests of a file: cache_site.ReverseSite and the like."""
    yield from cache_site.sites(request.param)


@pytest.fixture
def thing(cached_site, request):
    """Something at an address of its own behind it: cache_site.Thing."""
    cached_site.clock.begin()
    name = re.sub("[^a-zA-Z0-9]+", "-", request.node.name).strip("-")
    return cache_site.Thing(cached_site, f"/{next(numbers)}-{name}")
