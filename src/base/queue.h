/* A bounded ring of items of one size, first in, first out, for one thread. Knows nothing of the
 * items; between two threads see spsc_queue.h. */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue {
	uint8_t *items; /* owned */
	size_t item_size, capacity;
	size_t first, used;
	size_t refused; /* how often queue_put found it full */
};

/* Allocates all of it; item_size and capacity at least 1. ENOMEM. */
MUST enum err queue_init(struct queue *q, size_t item_size, size_t capacity);
void queue_done(struct queue *q); /* accepts zeroed storage */

/* Copies the item in; ERR_LIMIT and counted when the queue is full. */
MUST enum err queue_put(struct queue *q, const void *item);

/* Copies the oldest item out and forgets it; false when there is none. */
bool queue_take(struct queue *q, void *ret_item);

/* The item `nth` (0: the oldest) in place, or NULL; good until the next put or take. */
void *queue_at(struct queue *q, size_t nth);

static inline size_t queue_used(const struct queue *q)
{
	return q->used;
}

#endif
