#include "base/table.h"

#include <stdlib.h>

struct table_slot {
	void *record; /* borrowed; NULL: empty */
	uint32_t hash;
};

enum { SLOTS_MIN = 16 };

/* How many records so many slots may hold: 7/8, so that a probe always meets an empty slot. */
static size_t room_of(size_t slots_n)
{
	return slots_n - slots_n / 8;
}

void table_init(struct table *t, struct hash_key key, size_t records_max, table_equal *equal)
{
	ASSERT(records_max <= TABLE_RECORDS_MAX && equal);
	*t = (struct table){.key = key, .records_max = records_max, .equal = equal};
}

void table_done(struct table *t)
{
	if (!t)
		return;
	free(t->slots);
	*t = (struct table){0};
}

uint32_t table_hash(const struct table *t, struct span key)
{
	return (uint32_t)siphash13_of(t->key, key.data, key.len);
}

/* How far slot i is from where a record of that hash would like to be. */
static size_t distance(const struct table *t, size_t i, uint32_t hash)
{
	return (i - hash) & (t->slots_n - 1);
}

/* Robin Hood: who is farther from home keeps the slot, and the other one moves on. */
static void place(struct table *t, struct table_slot incoming)
{
	size_t mask = t->slots_n - 1;
	size_t far = 0;
	for (size_t i = incoming.hash & mask;; i = (i + 1) & mask, far++) {
		struct table_slot *slot = &t->slots[i];
		if (!slot->record) {
			*slot = incoming;
			return;
		}
		size_t its = distance(t, i, slot->hash);
		if (its < far) {
			struct table_slot evicted = *slot;
			*slot = incoming;
			incoming = evicted;
			far = its;
		}
	}
}

static enum err resize(struct table *t, size_t slots_n)
{
	struct table_slot *slots = calloc(slots_n, sizeof(*slots));
	if (!slots)
		return (enum err)ENOMEM;
	struct table_slot *old = t->slots;
	size_t old_n = t->slots_n;
	t->slots = slots;
	t->slots_n = slots_n;
	for (size_t i = 0; i < old_n; i++)
		if (old[i].record)
			place(t, old[i]);
	free(old);
	return OK;
}

enum err table_reserve(struct table *t, size_t n)
{
	if (n > t->records_max)
		return ERR_LIMIT;
	size_t slots_n = t->slots_n ? t->slots_n : SLOTS_MIN;
	while (room_of(slots_n) < n)
		slots_n *= 2;
	return slots_n == t->slots_n ? OK : resize(t, slots_n);
}

/* The slot of that key, or slots_n. A record that were here would have displaced the first one that
 * is nearer to its home than we are now: there the search ends. */
static size_t find_slot(const struct table *t, uint32_t hash, const void *key, size_t key_len)
{
	if (t->used == 0)
		return t->slots_n;
	size_t mask = t->slots_n - 1;
	size_t far = 0;
	for (size_t i = hash & mask;; i = (i + 1) & mask, far++) {
		const struct table_slot *slot = &t->slots[i];
		if (!slot->record || distance(t, i, slot->hash) < far)
			return t->slots_n;
		if (slot->hash == hash && t->equal(slot->record, key, key_len))
			return i;
	}
}

void *table_find(const struct table *t, uint32_t hash, const void *key, size_t key_len)
{
	size_t i = find_slot(t, hash, key, key_len);
	return i == t->slots_n ? NULL : t->slots[i].record;
}

enum err table_insert(struct table *t, uint32_t hash, const void *key, size_t key_len, void *record)
{
	ASSERT(record);
	if (table_find(t, hash, key, key_len))
		return ERR_EXISTS;
	enum err e = table_reserve(t, t->used + 1);
	if (e) {
		t->refused++;
		return e;
	}
	place(t, (struct table_slot){.record = record, .hash = hash});
	t->used++;
	return OK;
}

/* Empties slot i and moves those behind it, up to one that is at home, a slot back. */
static void *remove_slot(struct table *t, size_t i)
{
	size_t mask = t->slots_n - 1;
	void *record = t->slots[i].record;
	for (;;) {
		size_t next = (i + 1) & mask;
		const struct table_slot *slot = &t->slots[next];
		if (!slot->record || distance(t, next, slot->hash) == 0)
			break;
		t->slots[i] = *slot;
		i = next;
	}
	t->slots[i] = (struct table_slot){0};
	t->used--;
	return record;
}

void *table_remove(struct table *t, uint32_t hash, const void *key, size_t key_len)
{
	size_t i = find_slot(t, hash, key, key_len);
	return i == t->slots_n ? NULL : remove_slot(t, i);
}

void *table_next(const struct table *t, size_t *at)
{
	while (*at < t->slots_n) {
		void *record = t->slots[(*at)++].record;
		if (record)
			return record;
	}
	return NULL;
}

size_t table_sweep(struct table *t, bool (*drop)(void *record, void *arg), void *arg)
{
	size_t dropped = 0;
	if (t->used == 0)
		return 0;
	/* From an empty slot on, once around: what a removal moves back never crosses that slot, so
	 * no record is asked about twice and none is passed over. */
	size_t start = 0;
	while (t->slots[start].record)
		start++;
	for (size_t n = 1; n < t->slots_n;) {
		size_t i = (start + n) & (t->slots_n - 1);
		if (t->slots[i].record && drop(t->slots[i].record, arg)) {
			(void)remove_slot(t, i);
			dropped++;
		} else {
			n++;
		}
	}
	return dropped;
}
