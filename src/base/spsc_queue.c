#include "base/spsc_queue.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { CACHE_LINE = 64, CAPACITY_MAX = 1 << 30 };

/* put_n and taken_n count for ever and wrap with size_t; each thread writes its own line, where it
 * also keeps what it last saw of the other's count. */
struct spsc_queue {
	uint8_t *items; /* owned; mask + 1 of them */
	size_t item_size, capacity, mask;
	_Alignas(CACHE_LINE) atomic_size_t put_n;
	atomic_size_t refused;
	size_t taken_seen;
	_Alignas(CACHE_LINE) atomic_size_t taken_n;
	size_t put_seen;
};

enum err spsc_queue_new(size_t item_size, size_t capacity, struct spsc_queue **ret)
{
	ASSERT(item_size > 0 && capacity > 0 && capacity <= CAPACITY_MAX);
	size_t ring = 1;
	while (ring < capacity)
		ring *= 2;
	size_t size;
	if (__builtin_mul_overflow(item_size, ring, &size))
		return (enum err)ENOMEM;
	struct spsc_queue *q = aligned_alloc(CACHE_LINE, sizeof(*q));
	if (!q)
		return (enum err)ENOMEM;
	memset(q, 0, sizeof(*q));
	q->items = malloc(size);
	if (!q->items) {
		free(q);
		return (enum err)ENOMEM;
	}
	q->item_size = item_size;
	q->capacity = capacity;
	q->mask = ring - 1;
	*ret = q;
	return OK;
}

void spsc_queue_free(struct spsc_queue *q)
{
	if (!q)
		return;
	free(q->items);
	free(q);
}

enum err spsc_queue_put(struct spsc_queue *q, const void *item)
{
	size_t put_n = atomic_load_explicit(&q->put_n, memory_order_relaxed);
	if (put_n - q->taken_seen >= q->capacity) {
		/* Acquire: the consumer's reading of the slot comes before our writing to it. */
		q->taken_seen = atomic_load_explicit(&q->taken_n, memory_order_acquire);
		if (put_n - q->taken_seen >= q->capacity) {
			atomic_fetch_add_explicit(&q->refused, 1, memory_order_relaxed);
			return ERR_LIMIT;
		}
	}
	memcpy(q->items + (put_n & q->mask) * q->item_size, item, q->item_size);
	atomic_store_explicit(&q->put_n, put_n + 1, memory_order_release);
	return OK;
}

bool spsc_queue_take(struct spsc_queue *q, void *ret_item)
{
	size_t taken_n = atomic_load_explicit(&q->taken_n, memory_order_relaxed);
	if (taken_n == q->put_seen) {
		q->put_seen = atomic_load_explicit(&q->put_n, memory_order_acquire);
		if (taken_n == q->put_seen)
			return false;
	}
	memcpy(ret_item, q->items + (taken_n & q->mask) * q->item_size, q->item_size);
	atomic_store_explicit(&q->taken_n, taken_n + 1, memory_order_release);
	return true;
}

size_t spsc_queue_used(const struct spsc_queue *q)
{
	/* In this order the difference is never below zero; it may exceed the capacity by what was
	 * put between the two loads. */
	size_t taken_n = atomic_load_explicit(&q->taken_n, memory_order_acquire);
	size_t put_n = atomic_load_explicit(&q->put_n, memory_order_acquire);
	size_t used = put_n - taken_n;
	return used < q->capacity ? used : q->capacity;
}

size_t spsc_queue_refused(const struct spsc_queue *q)
{
	return atomic_load_explicit(&q->refused, memory_order_relaxed);
}
