/* A bounded ring of items of one size from one thread to one other, without locks. Knows nothing of
 * the items and wakes nobody; within one thread see queue.h. */
#ifndef BASE_SPSC_QUEUE_H
#define BASE_SPSC_QUEUE_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spsc_queue;

/* capacity: 1 to 2^30 items. ENOMEM. */
MUST enum err spsc_queue_new(size_t item_size, size_t capacity, struct spsc_queue **ret);
/* When both threads are done with it; accepts NULL. */
void spsc_queue_free(struct spsc_queue *q);
DEFINE_AUTO(struct spsc_queue, spsc_queue_free)

/* The producer's: copies the item in; ERR_LIMIT and counted when the queue is full. */
MUST enum err spsc_queue_put(struct spsc_queue *q, const void *item);

/* The consumer's: copies the oldest item out and forgets it; false when there is none. */
bool spsc_queue_take(struct spsc_queue *q, void *ret_item);

/* From any thread; what was true at some moment. */
size_t spsc_queue_used(const struct spsc_queue *q);
size_t spsc_queue_refused(const struct spsc_queue *q);

#endif
