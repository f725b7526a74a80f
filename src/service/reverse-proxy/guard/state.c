#include "service/reverse-proxy/guard/state.h"

#include "base/siphash.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "proto/ip/address.h"
#include "proxy/auth/basic_auth.h"
#include "proxy/crowd.h"
#include "service/reverse-proxy/guard/guard.h"
#include "service/reverse-proxy/guard/share.h"

#include <stdlib.h>

enum { WAYS = 8 };

/* Names of 64 bits of a keyed hash: whoever does not know the key finds no two alike. 0: free. */
struct bucket_slot {
	_Atomic uint64_t name;
	_Atomic uint64_t full_us; /* GCRA's theoretical arrival time */
};

struct guard_state {
	struct guard_state_conf conf;
	struct hash_key key;
	/* Sets of WAYS slots; their number is a power of two. */
	struct bucket_slot *buckets;
	size_t bucket_sets;
	struct crowd *clients;	  /* owned; their open connections */
	struct auth_known *known; /* owned */
	_Atomic uint32_t connections;
	struct share_table *shares; /* owned; NULL: nothing is shared */
	uint8_t share_key[GUARD_SHARE_KEY_LEN];
};

static size_t sets_for(size_t slots)
{
	size_t sets = 1;
	while (sets * WAYS < slots && sets < (size_t)1 << 24)
		sets *= 2;
	return sets;
}

enum err guard_state_new(const struct guard_state_conf *conf, struct guard_state **ret)
{
	AUTO(guard_state_free) struct guard_state *s = calloc(1, sizeof(*s));
	uint8_t key[SIPHASH_KEY_LEN];
	if (!s)
		return (enum err)ENOMEM;
	s->conf = *conf;
	TRY(crypto_random(key, sizeof(key)));
	s->key = hash_key_of(key);
	s->bucket_sets = sets_for(conf->buckets_max);
	s->buckets = calloc(s->bucket_sets * WAYS, sizeof(*s->buckets));
	if (!s->buckets)
		return (enum err)ENOMEM;
	TRY(crowd_new(conf->clients_max, &s->clients));
	TRY(auth_known_new(conf->credentials_max, conf->credentials_ms, &s->known));
	if (conf->share_key) {
		memcpy(s->share_key, conf->share_key, sizeof(s->share_key));
		TRY(share_table_new(conf->shares_max, &s->shares));
	}
	s->conf.share_key = NULL;
	*ret = TAKE(s);
	return OK;
}

void guard_state_free(struct guard_state *s)
{
	if (!s)
		return;
	free(s->buckets);
	crowd_free(s->clients);
	auth_known_free(s->known);
	share_table_free(s->shares);
	crypto_wipe(s, sizeof(*s));
	free(s);
}

/* ---- buckets ---- */

static struct bucket_slot *slot_of(struct guard_state *s, uint64_t name)
{
	struct bucket_slot *set = &s->buckets[(name & (s->bucket_sets - 1)) * WAYS];
	struct bucket_slot *oldest = &set[0];
	for (size_t i = 0; i < WAYS; i++) {
		uint64_t held = atomic_load_explicit(&set[i].name, memory_order_relaxed);
		if (held == name)
			return &set[i];
		if (atomic_load_explicit(&set[i].full_us, memory_order_relaxed) <
		    atomic_load_explicit(&oldest->full_us, memory_order_relaxed))
			oldest = &set[i];
	}
	/* The one that is full soonest, mostly long ago: nothing is lost with it. */
	atomic_store_explicit(&oldest->full_us, 0, memory_order_relaxed);
	atomic_store_explicit(&oldest->name, name, memory_order_relaxed);
	return oldest;
}

void state_take(struct guard_state *s, struct span key, const struct state_bucket *b,
		uint64_t now_ms, struct state_taken *ret)
{
	bool shared = b->shared && s->shares;
	uint64_t name = shared ? siphash24(s->share_key, key.data, key.len)
			       : siphash13_of(s->key, key.data, key.len);
	name = name ? name : 1;
	struct bucket_slot *slot = slot_of(s, name);
	uint64_t now_us = now_ms * 1000;
	uint64_t each_us = (uint64_t)b->period_ms * 1000 / b->requests;
	uint64_t burst_us = each_us * b->burst;
	uint64_t full_us = atomic_load_explicit(&slot->full_us, memory_order_relaxed);
	uint64_t then;
	do {
		uint64_t base = full_us > now_us ? full_us : now_us;
		then = base + each_us;
		*ret = (struct state_taken){.taken = then - now_us <= burst_us};
		if (!ret->taken) {
			ret->full_ms = (base - now_us + 999) / 1000;
			ret->retry_ms = (then - now_us - burst_us + 999) / 1000;
			return;
		}
	} while (!atomic_compare_exchange_weak_explicit(
		&slot->full_us, &full_us, then, memory_order_relaxed, memory_order_relaxed));
	ret->full_ms = (then - now_us + 999) / 1000;
	ret->remaining = each_us ? (uint32_t)((burst_us - (then - now_us)) / each_us) : b->burst;
	if (shared)
		share_add(s->shares, name, (uint32_t)each_us, b->burst);
}

/* ---- buckets that gateways share ---- */

size_t guard_shares_take(struct guard_state *s, struct guard_share *ret, size_t max)
{
	return s->shares ? share_take(s->shares, ret, max) : 0;
}

uint64_t guard_shares_lost(const struct guard_state *s)
{
	return s->shares ? share_lost(s->shares) : 0;
}

void guard_share_charge(struct guard_state *s, const struct guard_share *share, unsigned others,
			uint64_t now_ms)
{
	if (!s->shares)
		return;
	struct bucket_slot *slot = slot_of(s, share->name);
	uint64_t now_us = now_ms * 1000;
	uint64_t burst_us = (uint64_t)share->each_us * share->burst;
	/* Each other's burst, and what its limit gave until we heard. */
	uint64_t most_us = now_us + burst_us + others * (burst_us + SHARE_DELAY_US);
	uint64_t full_us = atomic_load_explicit(&slot->full_us, memory_order_relaxed);
	uint64_t then;
	do {
		then = (full_us > now_us ? full_us : now_us) +
		       (uint64_t)share->each_us * share->count;
		if (then > most_us)
			then = full_us > most_us ? full_us : most_us;
	} while (!atomic_compare_exchange_weak_explicit(
		&slot->full_us, &full_us, then, memory_order_relaxed, memory_order_relaxed));
}

/* ---- connections ---- */

bool guard_entered(struct guard_state *s, const struct ip_address *client, uint32_t client_max,
		   uint32_t total_max)
{
	uint32_t n = atomic_fetch_add(&s->connections, 1);
	if ((total_max && n >= total_max) || !crowd_enters(s->clients, client, client_max)) {
		atomic_fetch_sub(&s->connections, 1);
		return false;
	}
	return true;
}

void guard_left(struct guard_state *s, const struct ip_address *client)
{
	atomic_fetch_sub(&s->connections, 1);
	crowd_leaves(s->clients, client);
}

struct auth_known *state_known(struct guard_state *s)
{
	return s->known;
}
