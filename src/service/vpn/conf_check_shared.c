/* What two peers cannot both have. Everything is sorted first: there may be tens of thousands. */
#include "crypto/secret.h"
#include "crypto/x25519.h"
#include "service/vpn/conf_inner.h"

#include <stdlib.h>

/* A thing of a peer, and where it is written. */
struct owned {
	struct ip_prefix prefix; /* of a key: none */
	uint8_t key[32];
	size_t i, p, item;
};

static int by_place(const struct owned *a, const struct owned *b)
{
	if (a->i != b->i)
		return a->i < b->i ? -1 : 1;
	if (a->p != b->p)
		return a->p < b->p ? -1 : 1;
	return (a->item > b->item) - (a->item < b->item);
}

static int by_key(const void *va, const void *vb)
{
	const struct owned *a = va, *b = vb;
	int order = memcmp(a->key, b->key, sizeof(a->key));
	return order ? order : by_place(a, b);
}

static int by_prefix(const void *va, const void *vb)
{
	const struct owned *a = va, *b = vb;
	int order = ip_address_compare(&a->prefix.address, &b->prefix.address);
	if (order)
		return order;
	order = (a->prefix.bits > b->prefix.bits) - (a->prefix.bits < b->prefix.bits);
	return order ? order : by_place(a, b);
}

static const struct vpn_peer_conf *peer_of(const struct vpn_conf *c, const struct owned *o)
{
	return vpn_conf_peer(vpn_conf_interface(c, o->i), o->p);
}

/* --- keys ------------------------------------------------------------------------------------- */

static size_t collect_keys(const struct vpn_conf *c, struct owned *ret)
{
	size_t n = 0;
	for (size_t i = 0; i < c->interfaces.n; i++)
		for (size_t p = 0; p < vpn_conf_interface(c, i)->peers.n; p++) {
			struct owned *o = &ret[n];
			*o = (struct owned){.i = i, .p = p};
			if (vpn_conf_key(span_text(peer_of(c, o)->public_key), o->key) == OK)
				n++;
		}
	return n;
}

/* One interface would not know whose messages it has; two would answer as they are asked. */
static void check_keys(const struct vpn_conf *c, struct owned *all, size_t n, struct config_at *at)
{
	qsort(all, n, sizeof(*all), by_key);
	for (size_t k = 1; k < n; k++) {
		struct config_step steps[] = {
			{"interfaces", all[k].i}, {"peers", all[k].p}, {"public-key", 0}};
		if (all[k].i == all[k - 1].i && memcmp(all[k].key, all[k - 1].key, 32) == 0)
			config_fail_inside(at, steps, 3, "it is the key of '%s' as well",
					   peer_of(c, &all[k - 1])->name);
	}
}

/* Of peers that are this end itself, nobody would answer. */
static void check_own_key(const struct vpn_conf *c, const struct owned *all, size_t n,
			  struct config_at *at)
{
	for (size_t i = 0; i < c->interfaces.n; i++) {
		const struct vpn_interface_conf *f = vpn_conf_interface(c, i);
		uint8_t key[CRYPTO_X25519_LEN], public[CRYPTO_X25519_LEN];
		if (!f->private_key.len || vpn_conf_key(f->private_key, key))
			continue;
		crypto_x25519_public(key, public);
		crypto_wipe(key, sizeof(key));
		for (size_t k = 0; k < n; k++) {
			struct config_step steps[] = {
				{"interfaces", i}, {"peers", all[k].p}, {"public-key", 0}};
			if (all[k].i == i && memcmp(all[k].key, public, sizeof(public)) == 0)
				config_fail_inside(at, steps, 3, "it is the key of %s itself",
						   f->name);
		}
	}
}

/* --- allowed IPs ------------------------------------------------------------------------------ */

static size_t count_allowed(const struct vpn_conf *c)
{
	size_t n = 0;
	for (size_t i = 0; i < c->interfaces.n; i++)
		for (size_t p = 0; p < vpn_conf_interface(c, i)->peers.n; p++)
			n += vpn_conf_peer(vpn_conf_interface(c, i), p)->allowed_ips.n;
	return n;
}

static void collect_allowed(const struct vpn_conf *c, struct owned *ret)
{
	size_t n = 0;
	for (size_t i = 0; i < c->interfaces.n; i++)
		for (size_t p = 0; p < vpn_conf_interface(c, i)->peers.n; p++) {
			const struct config_list *list =
				&vpn_conf_peer(vpn_conf_interface(c, i), p)->allowed_ips;
			const struct ip_prefix *prefixes = list->items;
			for (size_t k = 0; k < list->n; k++)
				ret[n++] = (struct owned){
					.prefix = prefixes[k], .i = i, .p = p, .item = k};
		}
}

/* A network within another one is right: the longest prefix has it. The same one twice is not; nor
 * is it in two interfaces, but for all of the Internet, which is routed nowhere by itself. */
static void check_allowed(const struct vpn_conf *c, struct owned *all, size_t n,
			  struct config_at *at)
{
	qsort(all, n, sizeof(*all), by_prefix);
	for (size_t k = 1; k < n; k++) {
		const struct owned *a = &all[k - 1], *b = &all[k];
		struct config_step steps[] = {
			{"interfaces", b->i}, {"peers", b->p}, {"allowed-ips", b->item}};
		if (!ip_prefix_equal(&a->prefix, &b->prefix))
			continue;
		if (a->i == b->i)
			config_fail_inside(at, steps, 3, "it belongs to peer '%s' already",
					   peer_of(c, a)->name);
		else if (b->prefix.bits)
			config_fail_inside(at, steps, 3, "it belongs to peer '%s' of %s already",
					   peer_of(c, a)->name, vpn_conf_interface(c, a->i)->name);
	}
}

/* The gateway's own addresses are nobody else's. */
static void check_own(const struct vpn_conf *c, const struct owned *all, size_t n,
		      struct config_at *at)
{
	struct vpn_device_address own;
	for (size_t i = 0; i < c->interfaces.n; i++) {
		const struct vpn_interface_conf *f = vpn_conf_interface(c, i);
		for (size_t a = 0; a < f->addresses.n; a++) {
			if (vpn_conf_address(f, a, &own) != OK)
				continue;
			for (size_t k = 0; k < n; k++) {
				struct config_step steps[] = {{"interfaces", all[k].i},
							      {"peers", all[k].p},
							      {"allowed-ips", all[k].item}};
				if (all[k].prefix.bits == ip_address_len(&own.address) * 8 &&
				    ip_address_equal(&all[k].prefix.address, &own.address))
					config_fail_inside(at, steps, 3,
							   "it is this gateway's own address, that "
							   "of %s",
							   f->name);
			}
		}
	}
}

static size_t count_peers(const struct vpn_conf *c)
{
	size_t n = 0;
	for (size_t i = 0; i < c->interfaces.n; i++)
		n += vpn_conf_interface(c, i)->peers.n;
	return n;
}

void vpn_conf_check_shared(const struct vpn_conf *c, struct config_at *at)
{
	size_t allowed = count_allowed(c), peers = count_peers(c);
	struct owned *all = calloc((allowed > peers ? allowed : peers) + 1, sizeof(*all));
	if (!all) {
		config_fail(at, "interfaces", "no memory to judge so many peers");
		return;
	}
	size_t keys = collect_keys(c, all);
	check_keys(c, all, keys, at);
	check_own_key(c, all, keys, at);
	collect_allowed(c, all);
	check_allowed(c, all, allowed, at);
	check_own(c, all, allowed, at);
	free(all);
}
