"""Two address servers and their database, all three of them killed again and again, and clients that do what they
like. SOAK_SEED and SOAK_S in the environment choose another run."""

import os
import random
import time

import pytest


LEASE_S = 10
NETWORK = """
      pools: [{range: 192.168.7.100-192.168.7.159}]
      lease-time: LEASE
      offer-time: 2s
"""


class Soak:
    """What happens is drawn by lot; the lots are drawn by the seed."""

    def __init__(self, pair, seed):
        self.pair, self.crowd, self.random = pair, pair.crowd, random.Random(seed)
        self.guests = pair.crowd.guests(80)
        self.did = {}
        self.mends = []  # (when, what brings something back)

    def count(self, what):
        self.did[what] = self.did.get(what, 0) + 1

    # ---- what clients do

    def step(self, guest):
        if guest.waits:
            return
        guest.expire()
        lot = self.random.random()
        if not guest.bound:
            old = guest.acks[-1].yiaddr if guest.acks else None
            if old and lot < 0.2:
                guest.reboot(old)
                self.count("reboot")
            elif lot < 0.7:
                guest.discover()
                self.count("discover")
        elif guest.until - time.time() < LEASE_S / 2:
            server = guest.server if lot < 0.7 else self.random.choice(list(self.crowd.servers))
            if lot < 0.5:
                guest.renew()
                self.count("rebind")
            else:
                guest.renew(server, self.crowd.servers[server])
                self.count("renew")
        elif lot < 0.02:
            guest.release()
            self.count("release")

    # ---- what befalls servers

    def later(self, seconds, what):
        self.mends.append((time.monotonic() + seconds, what))

    def befall(self):
        database, site = self.pair.postgres, self.random.choice(self.pair.sites)
        lot = self.random.random()
        if self.mends:
            return
        if lot < 0.4:
            site.service.kill()
            self.later(self.random.uniform(0, 2), lambda: site.service.start(ready=False))
            self.count("server killed")
        elif lot < 0.7:
            database.kill()
            self.later(self.random.uniform(0, 3), database.start)
            self.count("database killed")
        elif lot < 0.85:
            database.stop()
            self.later(self.random.uniform(0, 3), database.start)
            self.count("database stopped")
        else:
            database.pause()
            self.later(self.random.uniform(0, 2), database.resume)
            self.count("database frozen")

    def mend(self, now=None):
        due = [what for when, what in self.mends if now is None or when <= now]
        self.mends = [m for m in self.mends if m[1] not in due]
        for what in due:
            what()

    # ---- all of it

    def run(self, seconds):
        end = time.monotonic() + seconds
        worse = time.monotonic() + 2
        while (now := time.monotonic()) < end and not self.crowd.wrong:
            for guest in self.random.sample(self.guests, 4):
                self.step(guest)
            self.crowd.turn(0.01)
            self.mend(now)
            if now > worse:
                self.befall()
                worse = now + self.random.uniform(0.5, 2.5)
        self.mend()
        for site in self.pair.sites:
            if "READY=1" not in site.service.messages:
                site.service.wait_message("READY=1")
        self.pair.wait_store(True, 30)
        self.crowd.idle(0.5)


@pytest.mark.parametrize("pair", [{"lease": f"{LEASE_S}s", "network": NETWORK}], indirect=True)
def test_no_address_has_two_holders_and_no_acknowledged_lease_is_lost_whatever_dies(pair):
    seed = int(os.environ.get("SOAK_SEED") or random.SystemRandom().getrandbits(32))
    pair.crowd.random.seed(seed)
    soak = Soak(pair, seed)
    soak.run(float(os.environ.get("SOAK_S") or 12))
    acks = sum(len(guest.acks) for guest in soak.guests)
    story = f"SOAK_SEED={seed}: {acks} acknowledged, {soak.did}"
    print(story)
    assert not pair.crowd.wrong, "\n".join([story, *pair.crowd.wrong])
    broken = pair.crowd.broken(pair.rows())
    assert not broken, "\n".join([story, *broken])
    assert acks > 100 and {guest.server for guest in soak.guests if guest.acks} >= {s.address for s in pair.sites}, story
    pair.agree()
