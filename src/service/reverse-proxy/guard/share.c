#include "service/reverse-proxy/guard/share.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { WAYS = 8 };

struct share_slot {
	_Atomic uint64_t name; /* 0: free */
	_Atomic uint32_t count;
	_Atomic uint32_t each_us; /* 0: whoever took the slot has not said yet */
	_Atomic uint32_t burst;
};

struct share_table {
	_Atomic uint64_t lost;
	size_t slots_n; /* sets of WAYS; their number is a power of two */
	size_t at;	/* where the next share_take begins */
	struct share_slot slots[];
};

enum err share_table_new(size_t keys_max, struct share_table **ret)
{
	size_t n = WAYS;
	while (n < keys_max && n < (size_t)1 << 24)
		n *= 2;
	struct share_table *t = calloc(1, sizeof(*t) + n * sizeof(t->slots[0]));
	if (!t)
		return (enum err)ENOMEM;
	t->slots_n = n;
	*ret = t;
	return OK;
}

void share_table_free(struct share_table *t)
{
	free(t);
}

/* The name's slot, or a free one that is its from now on; NULL: neither. */
static struct share_slot *slot_of(struct share_table *t, uint64_t name, uint32_t each_us,
				  uint32_t burst)
{
	struct share_slot *set = &t->slots[(name % (t->slots_n / WAYS)) * WAYS];
	for (size_t i = 0; i < WAYS; i++)
		if (atomic_load_explicit(&set[i].name, memory_order_acquire) == name)
			return &set[i];
	for (size_t i = 0; i < WAYS; i++) {
		uint64_t held = 0;
		if (atomic_compare_exchange_strong(&set[i].name, &held, name)) {
			atomic_store_explicit(&set[i].burst, burst, memory_order_relaxed);
			atomic_store_explicit(&set[i].each_us, each_us, memory_order_release);
			return &set[i];
		}
		if (held == name)
			return &set[i];
	}
	return NULL;
}

void share_add(struct share_table *t, uint64_t name, uint32_t each_us, uint32_t burst)
{
	struct share_slot *slot = slot_of(t, name, each_us, burst);
	if (slot)
		atomic_fetch_add_explicit(&slot->count, 1, memory_order_release);
	else
		atomic_fetch_add_explicit(&t->lost, 1, memory_order_relaxed);
}

/* What waits in a slot; one where nothing came since the last time becomes free. */
static bool slot_take(struct share_slot *slot, struct guard_share *ret)
{
	uint64_t name = atomic_load_explicit(&slot->name, memory_order_acquire);
	uint32_t each_us = atomic_load_explicit(&slot->each_us, memory_order_acquire);
	if (!name || !each_us)
		return false;
	uint32_t count = atomic_exchange_explicit(&slot->count, 0, memory_order_acquire);
	if (count == 0) {
		atomic_store_explicit(&slot->each_us, 0, memory_order_relaxed);
		atomic_store_explicit(&slot->name, 0, memory_order_release);
		return false;
	}
	*ret = (struct guard_share){
		.name = name,
		.count = count < GUARD_SHARE_COUNT_MAX ? count : GUARD_SHARE_COUNT_MAX,
		.each_us = each_us,
		.burst = atomic_load_explicit(&slot->burst, memory_order_relaxed)};
	return true;
}

size_t share_take(struct share_table *t, struct guard_share *ret, size_t max)
{
	size_t n = 0;
	for (size_t i = 0; i < t->slots_n && n < max; i++) {
		n += slot_take(&t->slots[t->at], &ret[n]);
		t->at = (t->at + 1) % t->slots_n;
	}
	return n;
}

uint64_t share_lost(const struct share_table *t)
{
	return atomic_load_explicit(&t->lost, memory_order_relaxed);
}
