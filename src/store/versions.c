#include "store/versions.h"

#include <assert.h>
#include <stdlib.h>

/* At most 4/5 of the homes are taken, and behind the last home there is room for those that were
 * pushed on. Half as large again each time: 15 to 23 bytes a row. */
enum { SLACK = 1024, HOMES_MIN = 1024 };

static_assert(sizeof(struct versions_slot) == 12, "without padding");

static uint64_t slot_hash(const struct versions_slot *s)
{
	return (uint64_t)s->hash_high << 16 | s->middle >> 16;
}

static uint64_t slot_version(const struct versions_slot *s)
{
	return (uint64_t)(s->middle & 0xffff) << 32 | s->version_low;
}

static struct versions_slot slot_of(uint64_t hash, uint64_t version)
{
	return (struct versions_slot){.hash_high = (uint32_t)(hash >> 16),
				      .middle = (uint32_t)(hash & 0xffff) << 16 |
						(uint32_t)(version >> 32 & 0xffff),
				      .version_low = (uint32_t)version};
}

/* The order of homes is the order of hashes, so that all slots are sorted by hash and a larger
 * array is filled from front to back. */
static size_t home_of(const struct versions *v, uint64_t hash)
{
	return (size_t)((unsigned __int128)hash * v->homes >> 48);
}

static size_t slots_n(const struct versions *v)
{
	return v->homes ? v->homes + SLACK : 0;
}

void versions_init(struct versions *v, struct hash_key key)
{
	*v = (struct versions){.key = key};
}

void versions_done(struct versions *v)
{
	free(v->slots);
	*v = (struct versions){0};
}

uint64_t versions_hash(const struct versions *v, uint8_t table, struct span key)
{
	struct hash_key k = {v->key.k0, v->key.k1 ^ table};
	return siphash13_of(k, key.data, key.len) >> 16;
}

/* The first slot of that hash, or where it would stand. */
static size_t seek(const struct versions *v, uint64_t hash)
{
	size_t at = home_of(v, hash);
	while (slot_version(&v->slots[at]) && slot_hash(&v->slots[at]) < hash)
		at++;
	return at;
}

/* The last slot always stays empty, so that every walk ends. false: no room behind the homes. */
static bool insert(struct versions *v, uint64_t hash, uint64_t version)
{
	size_t at = seek(v, hash), end = at;
	while (slot_version(&v->slots[end]))
		end++;
	if (end + 1 >= slots_n(v))
		return false;
	memmove(&v->slots[at + 1], &v->slots[at], (end - at) * sizeof(v->slots[0]));
	v->slots[at] = slot_of(hash, version);
	v->used++;
	return true;
}

static enum err grow(struct versions *v, size_t homes)
{
	struct versions next = {.homes = homes, .key = v->key};
	next.slots = calloc(slots_n(&next), sizeof(next.slots[0]));
	if (!next.slots)
		return (enum err)ENOMEM;
	size_t end = 0; /* behind the last that was copied */
	for (size_t i = 0; i < slots_n(v); i++) {
		const struct versions_slot *s = &v->slots[i];
		if (!slot_version(s))
			continue;
		size_t home = home_of(&next, slot_hash(s));
		size_t at = home > end ? home : end;
		if (at + 1 >= slots_n(&next)) { /* a thousand in a row: not with a random key */
			free(next.slots);
			return ERR_LIMIT;
		}
		next.slots[at] = *s;
		end = at + 1;
	}
	next.used = v->used;
	free(v->slots);
	*v = next;
	return OK;
}

enum err versions_reserve(struct versions *v, size_t n)
{
	size_t homes = n / 4 * 5 + HOMES_MIN;
	return homes > v->homes ? grow(v, homes) : OK;
}

bool versions_has(const struct versions *v, uint64_t hash, uint64_t version)
{
	uint64_t found;
	for (size_t i = 0; (found = versions_nth(v, hash, i)); i++)
		if (found == version)
			return true;
	return false;
}

enum err versions_add(struct versions *v, uint64_t hash, uint64_t version)
{
	ASSERT(version > 0 && version < VERSIONS_MAX && hash >> 48 == 0);
	if (versions_has(v, hash, version))
		return OK;
	if (v->used >= v->homes / 5 * 4)
		TRY(grow(v, v->homes ? v->homes + v->homes / 2 : HOMES_MIN));
	while (!insert(v, hash, version))
		TRY(grow(v, v->homes + v->homes / 2));
	return OK;
}

uint64_t versions_nth(const struct versions *v, uint64_t hash, size_t nth)
{
	if (!v->slots)
		return 0;
	size_t at = seek(v, hash) + nth;
	/* Those of one hash stand side by side, so all before the nth were looked at already. */
	if (at >= slots_n(v) || slot_hash(&v->slots[at]) != hash)
		return 0;
	return slot_version(&v->slots[at]);
}

bool versions_remove(struct versions *v, uint64_t hash, uint64_t version)
{
	if (!v->slots)
		return false;
	size_t at = seek(v, hash);
	while (slot_version(&v->slots[at]) && slot_hash(&v->slots[at]) == hash &&
	       slot_version(&v->slots[at]) != version)
		at++;
	if (slot_version(&v->slots[at]) != version || slot_hash(&v->slots[at]) != hash)
		return false;
	/* What follows moves one back, until one stands at home. */
	size_t end = at + 1;
	while (slot_version(&v->slots[end]) && home_of(v, slot_hash(&v->slots[end])) < end)
		end++;
	memmove(&v->slots[at], &v->slots[at + 1], (end - at - 1) * sizeof(v->slots[0]));
	v->slots[end - 1] = (struct versions_slot){0};
	v->used--;
	return true;
}
