"""Two DHCPv6 servers on one link and one PostgreSQL database, with addresses and delegated prefixes: no lease twice,
nothing acknowledged is lost, whoever dies."""

import time

import pytest

from dhcp_crowd6 import Pair6
from dhcp_site import eventually


@pytest.fixture
def pair(net, postgres):
    if not postgres.alive:
        postgres.start()
    made = Pair6(net, postgres)
    yield made
    made.close()


def servers_of(guests):
    return {guest.server for guest in guests}


def test_both_serve_one_pool_to_its_last_address_and_a_renewal_reaches_either(pair):
    crowd, guests = pair.crowd, pair.given(100)
    one, two = servers_of(guests)
    assert min(sum(guest.server == server for guest in guests) for server in (one, two)) > 20
    assert len({lease for guest in guests for lease in guest.leases}) == 200
    pair.judge()
    pair.agree()
    # There is no address for one more, and nobody gets one that has a holder.
    (late,) = crowd.guests(1)
    assert eventually(lambda: crowd.join([late], timeout=1.5) and (late.refused or late.bound), 20)
    assert not late.leases and not late.bound
    had = {guest: set(guest.leases) for guest in guests}
    for server in (one, two):
        crowd.renew(guests, server)
        assert servers_of(guests) == {server}
    crowd.rebind(guests)  # both hear it, and both write
    assert all(len(guest.replies) == 4 and not guest.refused for guest in guests)
    assert {guest: set(guest.leases) for guest in guests} == had
    pair.judge()
    # What is given back to one is free at the other.
    leaver = guests[0]
    leaver.server = one
    crowd.release([leaver])
    leaver.leases = {}
    pair.agree()
    crowd.join([late])
    assert late.bound and set(late.leases) & had[leaver]
    pair.judge()


def test_leases_of_a_server_that_was_killed_stay_with_their_clients(pair):
    crowd, guests = pair.crowd, pair.given(40)
    had = {guest: set(guest.leases) for guest in guests}
    pair.one.service.kill()
    crowd.rebind(guests)
    (left,) = servers_of(guests)
    more = crowd.join(crowd.guests(20))
    assert all(guest.bound for guest in more) and {guest: set(guest.leases) for guest in guests} == had
    pair.judge()
    pair.one.service.start()
    pair.agree()
    pair.two.service.kill()
    crowd.rebind(guests + more)
    assert servers_of(guests + more) and left not in servers_of(guests + more)
    assert {guest: set(guest.leases) for guest in guests} == had
    pair.judge()


def test_renewals_are_answered_while_the_database_keeps_silent_and_when_it_is_gone(pair):
    guests = pair.given(20)
    before = {guest: dict(guest.leases) for guest in guests}
    time.sleep(1)
    pair.postgres.pause()
    try:
        pair.crowd.renew(guests, guests[0].server)
        # The rows end when they did: so do the leases.
        for guest in guests:
            assert len(guest.replies) == 2 and guest.bound, guest
            assert all(until <= before[guest][lease] + 2 for lease, until in guest.leases.items())
    finally:
        pair.postgres.resume()
    pair.judge()
    pair.postgres.kill()
    assert eventually(lambda: not any(site.get("/status")["store"]["connected"] for site in pair.sites), 20)
    pair.crowd.rebind(guests)
    assert all(len(guest.replies) == 3 and not guest.refused for guest in guests)
    (late,) = pair.crowd.join(pair.crowd.guests(1), timeout=1.5)
    assert not late.leases
    pair.postgres.start()
    assert eventually(lambda: all(site.get("/status")["store"]["connected"] for site in pair.sites), 20)
    pair.crowd.join([late])
    assert late.bound
    pair.judge()
    pair.agree()
