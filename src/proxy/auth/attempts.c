#include "proxy/auth/attempts.h"

#include "base/siphash.h"
#include "crypto/random.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { WAYS = 8, KEY_MAX = 17 };

/* name: of a keyed hash, so that nobody finds two addresses alike; 0: free. full_ms: when all tries
 * are there again (GCRA's theoretical arrival time, ITU-T I.371). */
struct slot {
	_Atomic uint64_t name, full_ms;
};

struct auth_attempts {
	struct auth_attempts_conf conf;
	struct hash_key key;
	struct slot *slots; /* sets of WAYS; their number is a power of two */
	size_t sets;
};

enum err auth_attempts_new(const struct auth_attempts_conf *conf, struct auth_attempts **ret)
{
	AUTO(auth_attempts_free) struct auth_attempts *a = calloc(1, sizeof(*a));
	uint8_t key[SIPHASH_KEY_LEN];
	if (!a)
		return (enum err)ENOMEM;
	a->conf = *conf;
	a->sets = 1;
	while (a->sets * WAYS < conf->clients_max && a->sets < (size_t)1 << 24)
		a->sets *= 2;
	TRY(crypto_random(key, sizeof(key)));
	a->key = hash_key_of(key);
	a->slots = calloc(a->sets * WAYS, sizeof(*a->slots));
	if (!a->slots)
		return (enum err)ENOMEM;
	*ret = TAKE(a);
	return OK;
}

void auth_attempts_free(struct auth_attempts *a)
{
	if (!a)
		return;
	free(a->slots);
	free(a);
}

static uint64_t name_of(const struct auth_attempts *a, const struct ip_address *client)
{
	uint8_t key[KEY_MAX];
	size_t n = client->family == 6 ? 8 : ip_address_len(client);
	key[0] = client->family;
	memcpy(&key[1], client->bytes, n);
	uint64_t name = siphash13_of(a->key, key, n + 1);
	return name ? name : 1;
}

/* Its own slot; NULL: it has none, and *ret_oldest is to become it. */
static struct slot *slot_find(struct auth_attempts *a, uint64_t name, struct slot **ret_oldest)
{
	struct slot *set = &a->slots[(name & (a->sets - 1)) * WAYS];
	*ret_oldest = &set[0];
	for (size_t i = 0; i < WAYS; i++) {
		if (atomic_load(&set[i].name) == name)
			return &set[i];
		if (atomic_load(&set[i].full_ms) < atomic_load(&(*ret_oldest)->full_ms))
			*ret_oldest = &set[i];
	}
	return NULL;
}

uint64_t auth_attempts_begin(struct auth_attempts *a, const struct ip_address *client,
			     uint64_t now_ms)
{
	uint64_t name = name_of(a, client), most_ms = a->conf.each_ms * a->conf.burst, then;
	struct slot *oldest, *s = slot_find(a, name, &oldest);
	if (!s) {
		s = oldest;
		atomic_store(&s->full_ms, 0);
		atomic_store(&s->name, name);
	}
	uint64_t full_ms = atomic_load(&s->full_ms);
	do {
		then = (full_ms > now_ms ? full_ms : now_ms) + a->conf.each_ms;
		if (then - now_ms > most_ms)
			return then - now_ms - most_ms;
	} while (!atomic_compare_exchange_weak(&s->full_ms, &full_ms, then));
	return 0;
}

void auth_attempts_forgive(struct auth_attempts *a, const struct ip_address *client)
{
	struct slot *oldest, *s = slot_find(a, name_of(a, client), &oldest);
	uint64_t full_ms = s ? atomic_load(&s->full_ms) : 0;
	while (full_ms >= a->conf.each_ms &&
	       !atomic_compare_exchange_weak(&s->full_ms, &full_ms, full_ms - a->conf.each_ms))
		;
}
