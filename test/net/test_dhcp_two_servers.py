"""Two address servers on one link and one PostgreSQL database: no address twice, nothing acknowledged is lost,
whoever dies."""

import json

import pytest

from dhcp_client import REQUESTED, SERVER, packed
from dhcp_pair import LEARN_S
from dhcp_site import eventually


# ---- both serve


def test_both_serve_one_pool_and_each_knows_the_leases_of_the_other(pair):
    guests = pair.given(200)
    of = [sum(guest.server == site.address for guest in guests) for site in pair.sites]
    assert min(of) > 40, of
    assert len({guest.address for guest in guests}) == 200
    pair.judge()
    pair.agree()
    for site in pair.sites:
        listed = json.loads(site.cli("leases", "--json").stdout)
        listed = listed["leases"] if isinstance(listed, dict) else listed
        assert {l["address"]: l["mac"] for l in listed if l["state"] == "bound"} == {g.address: g.mac for g in guests}
        assert pair.store(site)["kind"] == "postgresql" and pair.store(site)["connected"]


def test_a_pool_without_an_address_to_spare_is_given_out_to_the_last_one_and_no_further(pair):
    guests = pair.given(230)
    assert len({guest.address for guest in guests}) == 230
    late = pair.crowd.guests(3)
    pair.crowd.join(late, timeout=2)
    assert not any(guest.bound for guest in late)
    pair.judge()
    pair.agree()


def test_same_address_offered_to_two_clients_is_acknowledged_to_one(pair):
    crowd, both = pair.crowd, pair.given(2) and pair.crowd.guests(60)
    crowd.begin_anew = False
    wanted = [address for address in map(str, range(20, 250)) if f"192.168.7.{address}" not in crowd.promised]
    for i in range(0, 60, 2):
        address = f"192.168.7.{wanted[i]}"
        for guest, site in zip(both[i : i + 2], pair.sites):
            # In a frame that the other server does not see.
            guest.discover({REQUESTED: packed(address)}, mac=crowd.servers[site.address], select=False)
        crowd.until(lambda: all(guest.offers for guest in both[i : i + 2]))
        order = both[i : i + 2] if i % 4 else both[i + 1 : i - 1 : -1] or both[i : i + 2]
        for guest in order:
            assert guest.offers[0].yiaddr == address
            guest.select(guest.offers[0])
        crowd.until(lambda: not any(guest.waits for guest in order))
        assert sorted((len(guest.acks), len(guest.naks)) for guest in order) == [(0, 1), (1, 0)], order
    pair.judge()
    conflicts = sum(pair.store(site)["conflicts"] for site in pair.sites)
    assert conflicts, "the store had nothing to decide"
    pair.agree()


# ---- a client's renewal reaches either


def test_renewal_is_answered_by_the_server_of_the_lease_and_rebinding_by_either(pair):
    guests = pair.given(40)
    had, naks = {guest: guest.address for guest in guests}, sum(len(guest.naks) for guest in guests)
    pair.crowd.renew(guests, pair.one.address)
    assert all(len(guest.acks) == 2 for guest in guests)
    assert {guest.server for guest in guests} == {pair.one.address}
    pair.crowd.renew(guests, pair.two.address)
    assert {guest.server for guest in guests} == {pair.two.address}
    pair.crowd.rebind(guests)
    assert all(len(guest.acks) == 4 for guest in guests)
    assert {guest: guest.address for guest in guests} == had
    assert sum(len(guest.naks) for guest in guests) == naks
    pair.judge()


def test_clients_of_a_server_that_was_killed_keep_their_addresses_at_the_other(pair):
    guests = pair.given(60)
    had = {guest: guest.address for guest in guests}
    pair.one.service.kill()
    pair.crowd.rebind(guests)
    assert {guest.server for guest in guests} == {pair.two.address}
    more = pair.crowd.join(pair.crowd.guests(20))
    assert {guest: guest.address for guest in guests} == had and all(guest.bound for guest in more)
    pair.one.service.start()
    pair.agree()
    pair.two.service.kill()
    pair.crowd.rebind(guests + more)
    assert {guest.server for guest in guests + more} == {pair.one.address}
    assert {guest: guest.address for guest in guests} == had
    pair.judge()


def test_address_given_back_to_one_server_is_free_at_the_other(pair):
    guests = pair.given(230)
    leaver, late = guests[0], pair.crowd.guests(1)[0]
    address, leaver.server = leaver.address, pair.one.address
    leaver.release()
    assert eventually(lambda: pair.two.lease(address)["state"] == "released", LEARN_S * 3)
    pair.one.service.kill()
    pair.crowd.join([late])
    assert late.address == address and late.server == pair.two.address
    pair.judge()


# ---- load split (RFC 3074)

HALVES = {
    "lease": "1h",
    "keys": (
        "\n  load-split: {buckets: 0-127, wait: 4s}",
        "\n  load-split: {buckets: 128-255, wait: 4s}",
    ),
}


@pytest.mark.parametrize("pair", [HALVES], indirect=True)
def test_of_two_servers_that_split_the_load_one_answers_and_after_a_while_both(pair):
    crowd, guests = pair.crowd, pair.crowd.guests(60)
    least = {site: [0, 0] for site in pair.sites}  # what each has offered, and left to the other
    most = {site: [0, 0] for site in pair.sites}

    def ask(asking, secs, whose):
        """On a busy machine a guest asks more than once; each time may count, as an offer may be under way already."""
        for guest in asking:
            guest.discover(select=False, secs=secs)
            crowd.until(lambda guest=guest: guest.offers)
        for site in pair.sites:
            for guest in asking:
                least[site][not whose(guest, site)] += 1
                most[site][not whose(guest, site)] += guest.tries
            assert eventually(lambda site=site: told(site)), (counted(site), least[site], most[site])

    def told(site):
        return all(a <= n <= b for a, n, b in zip(least[site], counted(site), most[site]))

    def counted(site):
        return [site.metric("sent_total", type="OFFER"), site.metric("refused_total", cause="not-ours")]

    def offered(guest, site):
        return guest.offers[0].address(SERVER) == site.address

    ask(guests, 0, offered)
    assert min(offers for offers, _ in least.values()) > 15
    # Who has waited for longer than 4 s is anybody's.
    late = [guest for guest in guests if offered(guest, pair.one)][:10]
    ask(late, 4, offered)
    ask(late, 5, lambda *_: True)


@pytest.mark.parametrize("pair", [HALVES], indirect=True)
def test_clients_of_the_other_half_get_leases_when_its_server_is_gone(pair):
    pair.one.service.kill()
    guests = pair.crowd.join(pair.crowd.guests(24))
    assert all(guest.bound and guest.server == pair.two.address for guest in guests)
    assert 4 < sum(guest.took > 4 for guest in guests)
    pair.judge()


# ---- one time

AHEAD = """
CREATE OR REPLACE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
    'SELECT pg_catalog.clock_timestamp() + interval ''%s s''';
ALTER ROLE postgres SET search_path = public, pg_catalog
"""


def test_clocks_that_differ_are_told(pair):
    assert eventually(lambda: abs(pair.store(pair.one).get("clock_ahead_ms", 9999)) < 1000, 15)
    try:
        pair.postgres.sql(AHEAD % 3)
        pair.one.service.stop()
        pair.one.service.start()
        assert eventually(lambda: 2000 < pair.store(pair.one).get("clock_ahead_ms", 0) < 4000, 15)
        assert eventually(lambda: "are more than a second apart" in pair.one.service.log(), 15)
        pair.postgres.sql(AHEAD % 0)
        assert eventually(lambda: "agree again" in pair.one.service.log(), 15)
        told = [event["event"] for event in pair.one.events() if event["event"].startswith("clock")]
        assert told == ["clock-off", "clock-right"]
        assert "apart" not in pair.two.service.log()
    finally:
        pair.postgres.sql("ALTER ROLE postgres RESET search_path; DROP FUNCTION IF EXISTS public.clock_timestamp()")
