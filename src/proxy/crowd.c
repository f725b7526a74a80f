#include "proxy/crowd.h"

#include "base/siphash.h"
#include "crypto/random.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { WAYS = 8, COUNT_BITS = 24 };

static const uint64_t count_mask = (UINT64_C(1) << COUNT_BITS) - 1;

/* A slot: above the count the name, of a keyed hash; count 0: free. */
struct crowd {
	struct hash_key key;
	_Atomic uint64_t *slots; /* sets of WAYS; their number is a power of two */
	size_t sets;
};

enum err crowd_new(size_t clients_max, struct crowd **ret)
{
	uint8_t key[SIPHASH_KEY_LEN];
	AUTO(crowd_free) struct crowd *c = calloc(1, sizeof(*c));
	if (!c)
		return (enum err)ENOMEM;
	/* Bits below are the set's, those above COUNT_BITS the name's. */
	c->sets = 1;
	while (c->sets * WAYS < clients_max && c->sets < (size_t)1 << COUNT_BITS)
		c->sets *= 2;
	TRY(crypto_random(key, sizeof(key)));
	c->key = hash_key_of(key);
	c->slots = calloc(c->sets * WAYS, sizeof(*c->slots));
	if (!c->slots)
		return (enum err)ENOMEM;
	*ret = TAKE(c);
	return OK;
}

void crowd_free(struct crowd *c)
{
	if (!c)
		return;
	free(c->slots);
	free(c);
}

size_t crowd_client_key(const struct ip_address *client, uint8_t ret[CROWD_KEY_MAX])
{
	size_t n = client->family == 6 ? 8 : ip_address_len(client);
	ret[0] = client->family;
	memcpy(&ret[1], client->bytes, n);
	return n + 1;
}

static _Atomic uint64_t *set_of(const struct crowd *c, const struct ip_address *client,
				uint64_t *ret_name)
{
	uint8_t key[CROWD_KEY_MAX];
	uint64_t h = siphash13_of(c->key, key, crowd_client_key(client, key));
	*ret_name = h & ~count_mask;
	return &c->slots[(h & (c->sets - 1)) * WAYS];
}

/* One more in a slot that is the client's, or that is free. False: it is neither any more, or full
 * (which *ret_full tells). */
static bool count_up(_Atomic uint64_t *slot, uint64_t name, uint32_t max, bool *ret_full)
{
	uint64_t held = atomic_load(slot);
	do {
		uint64_t count = held & count_mask;
		if (count && (held & ~count_mask) != name)
			return false;
		if ((max && count >= max) || count == count_mask) {
			*ret_full = true;
			return false;
		}
	} while (!atomic_compare_exchange_weak(slot, &held, name | ((held & count_mask) + 1)));
	return true;
}

bool crowd_enters(struct crowd *c, const struct ip_address *client, uint32_t max)
{
	uint64_t name;
	_Atomic uint64_t *set = set_of(c, client, &name);
	bool full = false;
	for (unsigned pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < WAYS; i++) {
			uint64_t held = atomic_load(&set[i]);
			bool own = (held & count_mask) && (held & ~count_mask) == name;
			bool fits = pass == 0 ? own : (held & count_mask) == 0;
			if (fits && count_up(&set[i], name, max, &full))
				return true;
			if (full)
				return false;
		}
	return true; /* no slot is left */
}

void crowd_leaves(struct crowd *c, const struct ip_address *client)
{
	uint64_t name;
	_Atomic uint64_t *set = set_of(c, client, &name);
	for (size_t i = 0; i < WAYS; i++) {
		uint64_t held = atomic_load(&set[i]);
		while ((held & count_mask) && (held & ~count_mask) == name)
			if (atomic_compare_exchange_weak(&set[i], &held, held - 1))
				return;
	}
}
