"""A store that goes away, and comes back: known leases are renewed from memory, nobody new is acknowledged, and
what was acknowledged is there afterwards. PostgreSQL stopped, killed, frozen; SQLite on a full disk."""

import contextlib
import signal
import subprocess
import time
from pathlib import Path

import pytest

import dhcp_pair
from dhcp_client import REQUESTED, packed
from dhcp_crowd import Crowd, Guest
from dhcp_site import NETWORK, Site, config, eventually
from service import Service


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_without_the_database_known_leases_are_renewed_and_nobody_new_is_acknowledged(pair, how):
    with pair.one.watching() as first, pair.two.watching() as second:
        lose_and_find_the_database(pair, how)
        for events in first, second:
            assert eventually(lambda events=events: "store-back" in events())
            assert [event for event in events() if event.startswith("store")] == ["store-lost", "store-back"]


def lose_and_find_the_database(pair, how):
    crowd, guests = pair.crowd, pair.given(60)
    assert eventually(lambda: all(len(site.leases("?limit=500")) >= 60 for site in pair.sites))
    had = {guest: guest.address for guest in guests}
    before = {guest: guest.until for guest in guests}
    getattr(pair.postgres, how)()
    pair.wait_store(False)
    new = crowd.join(crowd.guests(10), timeout=3)
    assert not any(guest.acks for guest in new)
    crowd.renew(guests[:20], pair.one.address)
    crowd.renew(guests[20:40], pair.two.address)
    crowd.rebind(guests[40:])
    assert all(len(guest.acks) >= 2 for guest in guests), [g for g in guests if len(g.acks) < 2]
    for guest in guests:
        # What is promised is what is durable, and no more: else the other server might give it away.
        assert guest.address == had[guest] and guest.until <= before[guest] + 2
    for site in pair.sites:
        state = pair.store(site)
        assert not state["connected"] and state["reason"], state
        assert "the store is away; known leases are renewed from memory" in site.service.log()
    pair.postgres.start()
    pair.wait_store(True)
    crowd.join(new)
    crowd.rebind(guests)
    assert all(guest.bound for guest in guests + new)
    assert all(guest.address == had[guest] and guest.until > before[guest] for guest in guests)
    for site in pair.sites:
        assert eventually(lambda site=site: "the store is back" in site.service.log())
    pair.judge()
    pair.agree()


def test_servers_that_start_without_their_database_serve_when_it_is_there(pair):
    guests = pair.given(20)
    for site in pair.sites:
        site.service.stop()
    pair.postgres.stop()
    for site in pair.sites:
        site.service.start(timeout=20)
    new = pair.crowd.join(pair.crowd.guests(3), timeout=2)
    assert not any(guest.acks for guest in new)
    pair.postgres.start()
    pair.wait_store(True)
    pair.agree()
    pair.crowd.rebind(guests)
    pair.crowd.join(new)
    assert all(guest.bound for guest in guests + new) and all(len(guest.acks) == 2 for guest in guests)
    pair.judge()


def test_database_killed_in_the_middle_of_load_loses_nothing_that_was_acknowledged(pair):
    crowd = pair.crowd
    guests, rounds = crowd.guests(200), 0
    left = list(guests)
    for _ in range(3):
        for guest in left[:60]:
            guest.discover()
        until = time.monotonic() + 0.4 + crowd.random.random() * 0.2
        while time.monotonic() < until and any(guest.waits for guest in guests):
            crowd.turn()
        pair.postgres.kill()
        rounds += any(guest.waits for guest in guests)
        crowd.idle(0.3)
        pair.postgres.start()
        pair.wait_store(True)
        left = [guest for guest in guests if not guest.bound and not guest.waits]
    crowd.drive([guest for guest in guests if not guest.bound], Guest.discover)
    assert all(guest.bound for guest in guests)
    pair.judge()
    pair.agree()


DYNAMIC = {"network": dhcp_pair.NETWORK.replace("249}", "249, allocate: dynamic}") + "      authoritative: true\n"}


@pytest.mark.parametrize("pair", [DYNAMIC], indirect=True)
def test_lease_that_a_server_has_not_heard_of_is_not_refused_while_the_database_is_away(pair):
    crowd, (old,) = pair.crowd, pair.given(1)
    address = old.address
    assert eventually(lambda: pair.one.lease(address) and pair.two.lease(address))
    pair.two.service.send(signal.SIGSTOP)
    try:
        old.server = pair.one.address
        old.release()
        assert eventually(lambda: pair.rows()[address][0] == "released")
        (new,) = crowd.drive(crowd.guests(1), lambda guest: guest.discover({REQUESTED: packed(address)}))
        assert new.address == address and new.server == pair.one.address
        pair.postgres.kill()
        pair.one.service.kill()
    finally:
        pair.two.service.send(signal.SIGCONT)
    assert eventually(lambda: "the store is away" in pair.two.service.log())
    assert pair.two.lease(address)["mac"] == old.mac
    crowd.rebind([new], timeout=2)
    assert new.bound and not new.naks and len(new.acks) == 1
    pair.postgres.start()
    assert eventually(lambda: pair.two.lease(address)["mac"] == new.mac, 20)
    crowd.rebind([new])
    assert len(new.acks) == 2 and not new.naks
    pair.judge()


def test_frozen_database_delays_renewals_by_no_more_than_a_client_waits(pair):
    crowd, guests = pair.crowd, pair.given(20)
    assert eventually(lambda: all(len(site.leases("?limit=500")) >= 20 for site in pair.sites))
    pair.postgres.pause()
    try:
        took = []
        for _ in range(3):
            began = time.monotonic()
            acks = sum(len(guest.acks) for guest in guests)
            crowd.rebind(guests)
            assert sum(len(guest.acks) for guest in guests) == acks + len(guests)
            took.append(time.monotonic() - began)
        # The first finds out that nothing comes back, which is 2 s; a client repeats after 4, and 8 (RFC 2131 4.1).
        assert took[0] < 8 and min(took[1:]) < 1, took
        pair.wait_store(False)
    finally:
        pair.postgres.resume()
    pair.wait_store(True)
    crowd.rebind(guests)
    new = crowd.join(crowd.guests(5))
    assert all(guest.bound for guest in guests + new)
    pair.judge()
    pair.agree()


# ---- SQLite on a full disk


class SmallDisk(Service):
    """Its state lies on a disk of its own of 8 MiB, which stays when the service ends."""

    def __init__(self, host, *arguments, **options):
        super().__init__(host, *arguments, **options)
        state = self.folder / "state"
        script = f"mount -t tmpfs -o size=8m,mode=777 tmpfs {state} && touch {state}/made && exec sleep 600"
        self.keeper = host.popen("sh", "-c", script, stdin=subprocess.DEVNULL)
        self.disk = Path(f"/proc/{self.keeper.pid}/root{state}")
        assert eventually((self.disk / "made").exists)

    def command(self):
        return ["nsenter", "-t", self.keeper.pid, "-m", *super().command()]

    def use_up(self):
        with open(self.disk / "filler", "ab", buffering=0) as filler:
            for size in (65536, 4096, 512, 1):
                try:
                    while filler.write(b"x" * size):
                        pass
                except OSError:
                    pass

    def free(self):
        (self.disk / "filler").unlink()

    def close(self):
        super().close()
        self.keeper.kill()
        self.keeper.wait(10)


def test_without_room_on_the_disk_known_leases_are_renewed_and_nobody_new_is_acknowledged(net):
    site = Site(net, config(NETWORK.replace("100-192.168.7.199", "20-192.168.7.249")), kind=SmallDisk)
    host = net.host("crowd")
    crowd = Crowd(host, net.plug(host, "", site.switch))
    with contextlib.closing(crowd), site.watching() as events:
        fill_and_free_the_disk(site, crowd)
        assert eventually(lambda: "store-back" in events())
        assert [event for event in events() if event.startswith("store")] == ["store-lost", "store-back"]
        site.service.kill()
        site.service.start()
        leases = site.leases("?limit=1000")
        for address, (mac, _) in crowd.promised.items():
            assert leases[address]["mac"] == mac and leases[address]["state"] == "bound"


def fill_and_free_the_disk(site, crowd):
    store = lambda: site.get("/status")["store"]
    guests = crowd.join(crowd.guests(60))
    had = {guest: guest.address for guest in guests}
    site.service.use_up()
    # What the journal has room for is still written.
    new = crowd.join(crowd.guests(60), timeout=4)
    late = [guest for guest in new if not guest.acks]
    assert len(late) > 10
    assert eventually(lambda: not store()["connected"])
    before = {guest: guest.until for guest in guests}
    crowd.rebind(guests)
    assert all(len(guest.acks) == 2 for guest in guests)
    assert all(guest.address == had[guest] and guest.until <= before[guest] + 2 for guest in guests)
    crowd.drive(late, Guest.discover, timeout=2)
    assert not any(guest.acks for guest in late)
    lines = [line for line in site.service.log().splitlines() if "the store is" in line]
    assert len(lines) == 1 and "known leases are renewed from memory" in lines[0], lines
    assert "full" in store()["reason"]
    site.service.free()
    crowd.join(late)  # the next that is written shows that there is room
    assert eventually(lambda: "the store is back" in site.service.log())
    crowd.rebind(guests)
    assert all(guest.bound for guest in guests + new)
    assert all(guest.until > before[guest] for guest in guests)
    assert not crowd.wrong
