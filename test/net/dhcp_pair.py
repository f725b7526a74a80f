"""Two address servers on one link and one PostgreSQL database, and a crowd of clients there."""

import time

from dhcp_crowd import Crowd
from dhcp_site import Site, config, eventually

LEARN_S = 1.0  # what one server wrote the other knows within a quarter of a second; the machine may be busy

NETWORK = """
      pools: [{range: 192.168.7.20-192.168.7.249}]
      lease-time: LEASE
      options: {routers: 192.168.7.1}
"""


class Pair:
    def __init__(self, net, postgres, lease="1h", keys=("", ""), seed=0, start=True, network=NETWORK):
        self.net, self.postgres = net, postgres
        self.url = postgres.empty()
        texts = [config(network.replace("LEASE", lease), keys=f"\n  store: {self.url}{more}") for more in keys]
        self.one = Site(net, texts[0], start=start, name="one", address="192.168.7.1")
        self.two = Site(net, texts[1], start=start, name="two", address="192.168.7.2", switch=self.one.switch)
        self.sites = (self.one, self.two)
        host = net.host("crowd")
        self.crowd = Crowd(host, net.plug(host, "", self.one.switch), seed)

    def close(self):
        self.crowd.close()
        for site in self.sites:
            site.close()

    def given(self, n):
        """Guests with leases, some of each server."""
        crowd, guests = self.crowd, self.crowd.guests(n)
        crowd.offers_wanted, crowd.choose = 2, crowd.random.choice
        crowd.join(guests)
        assert all(guest.bound for guest in guests), [guest for guest in guests if not guest.bound]
        crowd.offers_wanted, crowd.choose = 1, lambda offers: offers[0]
        return guests

    def rows(self):
        return self.postgres.rows()

    def store(self, site):
        return site.get("/status")["store"]

    def wait_store(self, there, timeout=20, sites=None):
        for site in sites or self.sites:
            assert eventually(lambda site=site: self.store(site)["connected"] is there, timeout), self.store(site)

    def judge(self):
        """Never two holders of one address, never an acknowledged lease lost."""
        assert not self.crowd.wrong, "\n".join(self.crowd.wrong)
        broken = self.crowd.broken(self.rows())
        assert not broken, "\n".join(broken)

    def agree(self):
        """Each server knows the leases that are durable, no more and no fewer. Those that end just now may be missing."""
        for site in self.sites:
            assert eventually(lambda site=site: not self.differences(site), LEARN_S * 5), self.differences(site)

    def differences(self, site):
        """What this server has otherwise than the database: address, its holder there, and here."""
        known = {a: lease["mac"] for a, lease in site.leases("?limit=1000").items() if lease["state"] == "bound"}
        rows, now = self.rows(), time.time()
        bound = {a: mac for a, (state, mac, until) in rows.items() if state == "bound" and until > now - 2}
        lasting = {a: mac for a, mac in bound.items() if rows[a][2] > now + 2}
        return [(site.address, a, bound.get(a), known.get(a)) for a in known.keys() | lasting.keys() if known.get(a) != bound.get(a)]
