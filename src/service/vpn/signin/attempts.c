#include "service/vpn/signin/attempts.h"

#include "base/table.h"

#include <stdlib.h>
#include <string.h>

/* Compared as bytes: zeroed before it is filled. */
struct key {
	uint8_t by;
	uint8_t peer[SESSION_PEER_LEN];
	char user[USER_NAME_MAX + 1];
	struct ip_address address;
};

struct record {
	struct key key;
	uint32_t failures;
	uint64_t last_ms;
};

struct rule {
	uint32_t free;
	uint64_t delay_max_ms;
};

struct attempts {
	struct table table;
	struct record *records; /* owned; the first used of max */
	size_t used, max;
	struct rule rules[ATTEMPTS_BY];
	uint64_t first_ms;
};

enum {
	SECOND_MS = 1000,
	MINUTE_MS = 60 * SECOND_MS,
	HOUR_MS = 60 * MINUTE_MS,
	DAY_MS = 24 * HOUR_MS
};

static const uint64_t forget_ms[ATTEMPTS_BY] = {[ATTEMPTS_PAIR] = DAY_MS,
						[ATTEMPTS_PEER] = DAY_MS,
						[ATTEMPTS_USER] = DAY_MS,
						[ATTEMPTS_ADDRESS] = HOUR_MS};

void attempts_set(struct attempts *a, const struct attempts_limits *limits)
{
	uint64_t address_max_ms =
		limits->delay_max_ms < MINUTE_MS ? limits->delay_max_ms : MINUTE_MS;
	/* At a peer that is theirs a user's count is never above the pair's by what was tried
	 * there, and its delay begins later: who watches the delays of a name there learns nothing
	 * of it. */
	a->first_ms = limits->delay_ms;
	a->rules[ATTEMPTS_PAIR] = (struct rule){limits->user, limits->delay_max_ms};
	a->rules[ATTEMPTS_USER] = (struct rule){3 * limits->user, limits->delay_max_ms};
	a->rules[ATTEMPTS_PEER] = (struct rule){limits->peer, limits->delay_max_ms};
	a->rules[ATTEMPTS_ADDRESS] = (struct rule){limits->address, address_max_ms};
}

uint64_t attempts_delay_ms(const struct attempts *a, enum attempts_by by, uint32_t failures)
{
	const struct rule *rule = &a->rules[by];
	if (failures < rule->free)
		return 0;
	uint64_t delay_ms = a->first_ms;
	for (uint32_t i = rule->free; i < failures && delay_ms < rule->delay_max_ms; i++)
		delay_ms *= 2;
	return delay_ms < rule->delay_max_ms ? delay_ms : rule->delay_max_ms;
}

/* --- records --- */

static bool equal(const void *record, const void *key, size_t key_len)
{
	return memcmp(&((const struct record *)record)->key, key, key_len) == 0;
}

enum err attempts_new(size_t max, const struct attempts_limits *limits, struct hash_key key,
		      struct attempts **ret)
{
	struct attempts *a = calloc(1, sizeof(*a));
	if (!a)
		return (enum err)ENOMEM;
	table_init(&a->table, key, max, equal);
	a->max = max;
	attempts_set(a, limits);
	a->records = calloc(max, sizeof(*a->records));
	if (!a->records || table_reserve(&a->table, max)) {
		attempts_free(a);
		return (enum err)ENOMEM;
	}
	*ret = a;
	return OK;
}

void attempts_free(struct attempts *a)
{
	if (!a)
		return;
	table_done(&a->table);
	free(a->records);
	free(a);
}

static struct ip_address network_of(const struct ip_address *address)
{
	struct ip_address a = ip_address_unmap(address), ret = {.family = a.family};
	memcpy(ret.bytes, a.bytes, a.family == 6 ? 8 : ip_address_len(&a));
	return ret;
}

static void key_fill(struct key *k, enum attempts_by by, const struct attempt_source *from)
{
	memset(k, 0, sizeof(*k));
	k->by = (uint8_t)by;
	if (by == ATTEMPTS_PAIR || by == ATTEMPTS_PEER)
		memcpy(k->peer, from->peer, sizeof(k->peer));
	if (by == ATTEMPTS_PAIR || by == ATTEMPTS_USER)
		(void)span_to_cstr(span_text(from->user), k->user, sizeof(k->user));
	if (by == ATTEMPTS_ADDRESS)
		k->address = network_of(from->address);
}

static struct record *find(const struct attempts *a, const struct key *k)
{
	return table_find(&a->table, table_hash(&a->table, span_of(k, sizeof(*k))), k, sizeof(*k));
}

static void unlink_record(struct attempts *a, struct record *r)
{
	struct span key = span_of(&r->key, sizeof(r->key));
	(void)table_remove(&a->table, table_hash(&a->table, key), key.data, key.len);
}

/* The place of the record that nobody has failed at for longest. */
static struct record *place(struct attempts *a)
{
	if (a->used < a->max)
		return &a->records[a->used++];
	struct record *oldest = &a->records[0];
	for (size_t i = 1; i < a->used; i++)
		if (a->records[i].last_ms < oldest->last_ms)
			oldest = &a->records[i];
	if (oldest->key.by != ATTEMPTS_BY)
		unlink_record(a, oldest);
	return oldest;
}

static struct record *find_or_make(struct attempts *a, const struct key *k)
{
	struct record *r = find(a, k);
	if (r)
		return r;
	r = place(a);
	*r = (struct record){.key = *k};
	/* There is room: table_reserve, and one record left for it. */
	enum err e = table_insert(&a->table, table_hash(&a->table, span_of(k, sizeof(*k))), &r->key,
				  sizeof(r->key), r);
	ASSERT(e == OK);
	return r;
}

/* Its place stays and is the first to be taken again. */
static void forget(struct attempts *a, struct record *r)
{
	unlink_record(a, r);
	*r = (struct record){.key = {.by = ATTEMPTS_BY}};
}

static bool counts(enum attempts_by by, const struct attempt_source *from)
{
	return by != ATTEMPTS_USER || from->theirs;
}

/* --- counting --- */

static uint64_t record_wait_ms(const struct attempts *a, const struct record *r, uint64_t now_ms)
{
	uint64_t delay_ms = attempts_delay_ms(a, r->key.by, r->failures);
	/* A clock that was set back makes nobody wait for longer than the delay. */
	uint64_t passed_ms = now_ms > r->last_ms ? now_ms - r->last_ms : 0;
	return passed_ms < delay_ms ? delay_ms - passed_ms : 0;
}

uint64_t attempts_wait_ms(const struct attempts *a, uint64_t now_ms,
			  const struct attempt_source *from, enum attempts_by *ret_by)
{
	uint64_t longest_ms = 0;
	for (enum attempts_by by = 0; by < ATTEMPTS_BY; by++) {
		struct key k;
		key_fill(&k, by, from);
		const struct record *r = counts(by, from) ? find(a, &k) : NULL;
		uint64_t wait_ms = r ? record_wait_ms(a, r, now_ms) : 0;
		if (wait_ms > longest_ms) {
			longest_ms = wait_ms;
			*ret_by = by;
		}
	}
	return longest_ms;
}

void attempts_count(struct attempts *a, uint64_t now_ms, const struct attempt_source *from)
{
	for (enum attempts_by by = 0; by < ATTEMPTS_BY; by++) {
		struct key k;
		if (!counts(by, from))
			continue;
		key_fill(&k, by, from);
		struct record *r = find_or_make(a, &k);
		if (now_ms > r->last_ms && now_ms - r->last_ms >= forget_ms[by])
			r->failures = 0;
		if (r->failures < UINT32_MAX)
			r->failures++;
		r->last_ms = now_ms;
	}
}

static void take_back(struct attempts *a, enum attempts_by by, const struct attempt_source *from)
{
	struct key k;
	key_fill(&k, by, from);
	struct record *r = counts(by, from) ? find(a, &k) : NULL;
	if (r && --r->failures == 0)
		forget(a, r);
}

void attempts_succeeded(struct attempts *a, const struct attempt_source *from)
{
	for (enum attempts_by by = 0; by < ATTEMPTS_ADDRESS; by++) {
		struct key k;
		key_fill(&k, by, from);
		struct record *r = find(a, &k);
		if (r)
			forget(a, r);
	}
	take_back(a, ATTEMPTS_ADDRESS, from);
}

void attempts_forgive(struct attempts *a, const struct attempt_source *from)
{
	for (enum attempts_by by = 0; by < ATTEMPTS_BY; by++)
		take_back(a, by, from);
}

void attempts_unlock(struct attempts *a, const char *user)
{
	for (size_t i = 0; i < a->used; i++) {
		struct record *r = &a->records[i];
		bool of_user = r->key.by == ATTEMPTS_PAIR || r->key.by == ATTEMPTS_USER;
		if (!of_user || strcmp(r->key.user, user) != 0)
			continue;
		/* What failed there made the peer wait as well. */
		const struct attempt_source from = {.peer = r->key.peer};
		struct key k;
		key_fill(&k, ATTEMPTS_PEER, &from);
		struct record *peer = r->key.by == ATTEMPTS_PAIR ? find(a, &k) : NULL;
		if (peer)
			forget(a, peer);
		forget(a, r);
	}
}

uint64_t attempts_user_wait_ms(const struct attempts *a, uint64_t now_ms, const char *user)
{
	uint64_t longest_ms = 0;
	for (size_t i = 0; i < a->used; i++) {
		const struct record *r = &a->records[i];
		bool of_user = r->key.by == ATTEMPTS_PAIR || r->key.by == ATTEMPTS_USER;
		uint64_t wait_ms = of_user && strcmp(r->key.user, user) == 0
					   ? record_wait_ms(a, r, now_ms)
					   : 0;
		longest_ms = wait_ms > longest_ms ? wait_ms : longest_ms;
	}
	return longest_ms;
}
