#include "policy/identity.h"

#include <string.h>

static bool find(const struct policy_devices *t, const struct policy_device_key *key,
		 uint64_t now_s, struct policy_device *ret)
{
	return t->words && policy_devices_find(t, key, now_s, ret);
}

static void until(struct policy_identity *i, const struct policy_device *d)
{
	if (d->until_s < i->until_s)
		i->until_s = d->until_s;
}

static void take_mac(struct policy_identity *i, const uint8_t mac[6])
{
	i->client.has_mac = true;
	memcpy(i->client.mac, mac, sizeof(i->client.mac)); /* six of six */
}

/* Where a text was copied to: all have the same room. */
static struct span keep(char ret[POLICY_DEVICE_TEXT_MAX + 1],
			const char text[POLICY_DEVICE_TEXT_MAX + 1])
{
	memcpy(ret, text, POLICY_DEVICE_TEXT_MAX + 1); /* as long */
	return span_text(ret);
}

static void take_lease(struct policy_identity *i, const struct policy_device *d)
{
	until(i, d);
	i->client.lease = keep(i->lease, d->name);
	i->duid_len = d->duid_len;
	memcpy(i->duid, d->duid, sizeof(i->duid)); /* as long */
}

/* A device that has an address without a lease, of IPv6 mostly, is known by the lease that its
 * hardware address has. */
static void take_link(const struct policy_tables *t, const struct policy_device_key *at,
		      uint64_t now_s, struct policy_identity *i)
{
	struct policy_device lease, neighbour, other;
	bool leased = find(&t->leases, at, now_s, &lease);
	bool seen = find(&t->neighbours, at, now_s, &neighbour) && neighbour.has_mac;
	if (leased && seen && lease.has_mac && memcmp(lease.mac, neighbour.mac, 6) != 0) {
		i->differs = true;
		leased = false;
	}
	if (seen) {
		until(i, &neighbour);
		take_mac(i, neighbour.mac);
		i->is_neighbour = true;
	} else if (leased && lease.has_mac) {
		take_mac(i, lease.mac);
	}
	if (leased)
		take_lease(i, &lease);
	if (i->client.lease.len || !i->client.has_mac)
		return;
	const struct policy_device_key mac = policy_device_of_mac(i->client.mac);
	if (find(&t->leases, &mac, now_s, &other))
		take_lease(i, &other);
}

static void take_peer(const struct policy_tables *t, const struct policy_device_key *at,
		      uint64_t now_s, struct policy_identity *i)
{
	struct policy_device peer;
	uint64_t end_s = t->peers.words ? policy_devices_end_s(&t->peers, now_s) : 0;
	/* Peers have no end of their own: theirs is that of who tells of them. */
	if (!end_s || !find(&t->peers, at, now_s, &peer))
		return;
	until(i, &(struct policy_device){.until_s = end_s});
	i->client.peer = keep(i->peer, peer.name);
	/* A session may have ended since its writer ended. */
	if (peer.user[0] && policy_devices_live(&t->peers, now_s)) {
		i->client.user = keep(i->user, peer.user);
		until(i, &(struct policy_device){.until_s = now_s + POLICY_DEVICES_ALIVE_S});
	}
	until(i, &peer);
}

void policy_identify(const struct policy_tables *tables, const struct ip_address *address,
		     uint64_t now_s, struct policy_identity *ret)
{
	const struct policy_device_key at = policy_device_at(address);
	*ret = (struct policy_identity){.client.address = ip_address_unmap(address),
					.until_s = UINT64_MAX};
	if (!tables || !address->family)
		return;
	take_peer(tables, &at, now_s, ret);
	if (!ret->client.peer.len)
		take_link(tables, &at, now_s, ret);
}

uint64_t policy_tables_changes(const struct policy_tables *tables)
{
	const struct policy_devices *const all[] = {&tables->leases, &tables->peers,
						    &tables->neighbours};
	uint64_t sum = 0;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		sum += all[i]->words ? policy_devices_changes(all[i]) : 0;
	return sum;
}
