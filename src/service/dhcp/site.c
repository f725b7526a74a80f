#include "service/dhcp/site.h"

#include "base/writer.h"
#include "proto/dhcp/message.h"
#include "proto/dhcp/relay.h"
#include "service/dhcp/site_inner.h"

size_t dhcp_site_networks(const struct dhcp_site *s, const struct dhcp_network **ret)
{
	*ret = s->networks;
	return s->networks_n;
}

size_t dhcp_site_pools(const struct dhcp_site *s)
{
	return s->pools_n;
}

const struct dhcp_network *dhcp_site_network_of(const struct dhcp_site *s, uint32_t address)
{
	size_t low = 0, high = s->networks_n;

	while (low < high) { /* the last that begins at or below the address */
		size_t middle = low + (high - low) / 2;
		if (s->networks_by_first[middle]->subnet <= address)
			low = middle + 1;
		else
			high = middle;
	}
	const struct dhcp_network *n = low ? s->networks_by_first[low - 1] : NULL;
	uint32_t hosts = n && n->bits < 32 ? UINT32_MAX >> n->bits : 0;
	return n && address - n->subnet <= hosts ? n : NULL;
}

const struct dhcp_pool *dhcp_network_pool_of(const struct dhcp_network *n, uint32_t address)
{
	const struct dhcp_pool **sorted = n->site->inner[n->index].pools_by_first;
	size_t low = 0, high = n->pools_n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (sorted[middle]->first <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low && address <= sorted[low - 1]->last ? sorted[low - 1] : NULL;
}

/* --- reservations --- */

struct span dhcp_site_key(uint32_t link_index, enum dhcp_identity_kind kind, struct span identity,
			  struct span remote_id, uint8_t buf[DHCP_SITE_KEY_MAX])
{
	uint8_t head[6] = {[4] = (uint8_t)kind, [5] = (uint8_t)identity.len};
	struct writer w = writer_of(buf, DHCP_SITE_KEY_MAX);

	put_u32(head, link_index);
	write_bytes(&w, head, sizeof(head));
	write_span(&w, identity);
	write_span(&w, remote_id);
	return writer_span(&w);
}

static const struct dhcp_reservation *find_reserved(const struct dhcp_site *s, uint32_t link_index,
						    enum dhcp_identity_kind kind,
						    struct span identity, struct span remote_id)
{
	uint8_t buf[DHCP_SITE_KEY_MAX];

	if (identity.len == 0 || identity.len > DHCP_IDENTITY_MAX ||
	    remote_id.len > DHCP_IDENTITY_MAX)
		return NULL;
	struct span key = dhcp_site_key(link_index, kind, identity, remote_id, buf);
	return table_find(&s->by_identity, table_hash(&s->by_identity, key), key.data, key.len);
}

/* What a client says of itself comes before where it is plugged in. */
static const struct dhcp_reservation *reservation_of(const struct dhcp_site *s,
						     const struct dhcp_client *c)
{
	uint32_t link = s->inner[c->network->index].link_index;
	const struct span none = {0};
	const struct dhcp_reservation *r;

	if (table_used(&s->by_identity) == 0)
		return NULL;
	r = find_reserved(s, link, DHCP_IDENTITY_CLIENT_ID, c->client_id, none);
	if (!r && c->mac_len)
		r = find_reserved(s, link, DHCP_IDENTITY_MAC, span_of(c->mac, c->mac_len), none);
	if (!r && c->relay)
		r = find_reserved(s, link, DHCP_IDENTITY_CIRCUIT, c->relay->circuit_id,
				  c->relay->remote_id);
	if (!r && c->relay && c->relay->remote_id.len)
		r = find_reserved(s, link, DHCP_IDENTITY_CIRCUIT, c->relay->circuit_id, none);
	return r;
}

void dhcp_site_judge(const struct dhcp_site *s, struct dhcp_client *c)
{
	c->classes = dhcp_classes_of(&s->classes, c);
	c->reservation = c->network ? reservation_of(s, c) : NULL;
}

const struct dhcp_reservation *dhcp_network_reserved(const struct dhcp_network *n, uint32_t address)
{
	const struct dhcp_site *s = n->site;

	if (table_used(&s->by_address) == 0)
		return NULL;
	uint32_t hash = table_hash(&s->by_address, span_of(&address, sizeof(address)));
	const struct dhcp_site_reserved *r =
		table_find(&s->by_address, hash, &address, sizeof(address));
	return r && r->link_index == s->inner[n->index].link_index ? &r->pub : NULL;
}

bool dhcp_reservation_is_of(const struct dhcp_reservation *r, const struct dhcp_client *c)
{
	switch (r->kind) {
	case DHCP_IDENTITY_MAC: return span_equal(r->identity, span_of(c->mac, c->mac_len));
	case DHCP_IDENTITY_CLIENT_ID: return span_equal(r->identity, c->client_id);
	case DHCP_IDENTITY_CIRCUIT:
		return c->relay && span_equal(r->identity, c->relay->circuit_id) &&
		       (r->remote_id.len == 0 || span_equal(r->remote_id, c->relay->remote_id));
	}
	return false;
}

/* --- what speaks for a client --- */

static void add_scope(struct dhcp_chain *c, const struct dhcp_scope *s)
{
	if (s)
		c->at[c->n++] = s;
}

void dhcp_chain_of(const struct dhcp_site *s, const struct dhcp_client *c,
		   const struct dhcp_network *n, const struct dhcp_pool *pool,
		   struct dhcp_chain *ret)
{
	ret->n = 0;
	if (c->reservation)
		add_scope(ret, c->reservation->scope);
	for (uint64_t left = c->classes; left; left &= left - 1)
		add_scope(ret, s->class_scopes[__builtin_ctzll(left)]);
	if (pool)
		add_scope(ret, pool->scope);
	add_scope(ret, n->scope);
	add_scope(ret, s->scope);
}

/* --- times --- */

enum { LEASE_DEFAULT_S = 12 * 3600, LEASE_MIN_DEFAULT_S = 300 };

static void nearest_u32(uint32_t *into, uint32_t said)
{
	if (*into == 0)
		*into = said;
}

struct dhcp_times dhcp_site_times(const struct dhcp_site *s, const struct dhcp_client *c,
				  const struct dhcp_network *n, const struct dhcp_pool *pool,
				  uint32_t asked_s)
{
	uint32_t lease = 0, min = 0, max = 0, renew = 0, rebind = 0;
	struct dhcp_chain chain;
	struct dhcp_times t;

	dhcp_chain_of(s, c, n, pool, &chain);
	for (unsigned i = 0; i < chain.n; i++) {
		const struct dhcp_scope *at = chain.at[i];
		/* A place that says how long bounds what is further off. */
		if (lease == 0 && at->lease_s) {
			nearest_u32(&min, at->lease_min_s);
			nearest_u32(&max, at->lease_max_s);
			lease = at->lease_s;
			nearest_u32(&max, lease);
			nearest_u32(&min,
				    lease < LEASE_MIN_DEFAULT_S ? lease : LEASE_MIN_DEFAULT_S);
		}
		nearest_u32(&min, at->lease_min_s);
		nearest_u32(&max, at->lease_max_s);
		nearest_u32(&renew, at->renew_s);
		nearest_u32(&rebind, at->rebind_s);
	}
	lease = lease ? lease : LEASE_DEFAULT_S;
	max = max > lease ? max : lease;
	min = min && min < lease ? min : lease;
	t.lease_s = asked_s == 0 ? lease : asked_s < min ? min : asked_s > max ? max : asked_s;
	/* RFC 2131 4.4.5: T1 is half of the lease and T2 seven eighths of it unless said. */
	t.rebind_s =
		rebind && rebind < t.lease_s ? rebind : (uint32_t)((uint64_t)t.lease_s * 7 / 8);
	t.renew_s = renew && renew < t.rebind_s ? renew : t.lease_s / 2;
	if (t.renew_s > t.rebind_s)
		t.renew_s = t.rebind_s / 2;
	return t;
}

/* --- load split --- */

/* RFC 3074 6: a permutation in pseudo-random order. */
static const uint8_t mixing[256] = {
	251, 175, 119, 215, 81,	 14,  79,  191, 103, 49,  181, 143, 186, 157, 0,   232, 31,  32,
	55,  60,  152, 58,  17,	 237, 174, 70,	160, 144, 220, 90,  57,	 223, 59,  3,	18,  140,
	111, 166, 203, 196, 134, 243, 124, 95,	222, 179, 197, 65,  180, 48,  36,  15,	107, 46,
	233, 130, 165, 30,  123, 161, 209, 23,	97,  16,  40,  91,  219, 61,  100, 10,	210, 109,
	250, 127, 22,  138, 29,	 108, 244, 67,	207, 9,	  178, 204, 74,	 98,  126, 249, 167, 116,
	34,  77,  193, 200, 121, 5,   20,  113, 71,  35,  128, 13,  182, 94,  25,  226, 227, 199,
	75,  27,  41,  245, 230, 224, 43,  225, 177, 26,  155, 150, 212, 142, 218, 115, 241, 73,
	88,  105, 39,  114, 62,	 255, 192, 201, 145, 214, 168, 158, 221, 148, 154, 122, 12,  84,
	82,  163, 44,  139, 228, 236, 205, 242, 217, 11,  187, 146, 159, 64,  86,  239, 195, 42,
	106, 198, 118, 112, 184, 172, 87,  2,	173, 117, 176, 229, 247, 253, 137, 185, 99,  164,
	102, 147, 45,  66,  231, 52,  141, 211, 194, 206, 246, 238, 56,	 110, 78,  248, 63,  240,
	189, 93,  92,  51,  53,	 183, 19,  171, 72,  50,  33,  104, 101, 69,  8,   252, 83,  120,
	76,  135, 85,  54,  202, 125, 188, 213, 96,  235, 136, 208, 162, 129, 190, 132, 156, 38,
	47,  1,	  7,   254, 24,	 4,   216, 131, 89,  21,  28,  133, 37,	 153, 149, 80,	170, 68,
	6,   169, 234, 151,
};

bool dhcp_site_ours(const struct dhcp_site *s, const struct dhcp_client *c, uint16_t secs)
{
	/* RFC 3074 5.1: the client identifier, else the hardware address. */
	struct span id = c->client_id.len ? c->client_id : span_of(c->mac, c->mac_len);
	uint8_t hash = (uint8_t)id.len;

	if (!s->split || secs > s->split_wait_s)
		return true;
	for (size_t i = id.len; i > 0; i--)
		hash = mixing[hash ^ id.data[i - 1]];
	return s->buckets[hash / 64] >> hash % 64 & 1;
}
