#include "base/queue.h"

#include <stdlib.h>
#include <string.h>

enum err queue_init(struct queue *q, size_t item_size, size_t capacity)
{
	ASSERT(item_size > 0 && capacity > 0);
	size_t size;
	if (__builtin_mul_overflow(item_size, capacity, &size))
		return (enum err)ENOMEM;
	uint8_t *items = malloc(size);
	if (!items)
		return (enum err)ENOMEM;
	*q = (struct queue){.items = items, .item_size = item_size, .capacity = capacity};
	return OK;
}

void queue_done(struct queue *q)
{
	if (!q)
		return;
	free(q->items);
	*q = (struct queue){0};
}

void *queue_at(struct queue *q, size_t nth)
{
	if (nth >= q->used)
		return NULL;
	/* Both are below capacity; their sum is brought below it without overflow. */
	size_t before_end = q->capacity - q->first;
	size_t i = nth < before_end ? q->first + nth : nth - before_end;
	return q->items + i * q->item_size;
}

enum err queue_put(struct queue *q, const void *item)
{
	if (q->used == q->capacity) {
		q->refused++;
		return ERR_LIMIT;
	}
	q->used++;
	memcpy(queue_at(q, q->used - 1), item, q->item_size);
	return OK;
}

bool queue_take(struct queue *q, void *ret_item)
{
	const void *item = queue_at(q, 0);
	if (!item)
		return false;
	memcpy(ret_item, item, q->item_size);
	q->first = q->first + 1 == q->capacity ? 0 : q->first + 1;
	q->used--;
	return true;
}
