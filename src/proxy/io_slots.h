/* Places for what was received ahead of its reader, with many others in one call of the kernel.
 * Knows nothing of what the bytes say.
 */
#ifndef PROXY_IO_SLOTS_H
#define PROXY_IO_SLOTS_H

#include "base/err.h"
#include "proxy/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As large as a read without it is: none needs more calls. What was never used takes no memory. */
enum { PROXY_SLOT_SIZE = PROXY_BUFFER_SIZE };

struct proxy_slot {
	struct proxy_slot *next; /* of those that are free */
	size_t start, end;	 /* what is left to be read */
	enum err e;		 /* told when that was: the end, or an error */
	bool whole;		 /* the socket had no more at that moment */
	uint8_t data[PROXY_SLOT_SIZE];
};

/* Those of one worker. Zeroed storage has none. */
struct proxy_slots {
	struct proxy_slot *memory; /* owned */
	struct proxy_slot *free;
};

MUST enum err proxy_slots_init(struct proxy_slots *all, size_t n);
void proxy_slots_done(struct proxy_slots *all);

/* Empty; NULL: all are taken. */
struct proxy_slot *proxy_slot_take(struct proxy_slots *all);
/* Accepts NULL. */
void proxy_slot_give(struct proxy_slots *all, struct proxy_slot *s);

/* result: of a receive into data (struct ring_item). False: nothing was there, and the slot is of
 * no use. */
bool proxy_slot_fill(struct proxy_slot *s, int32_t result);
/* As read and peek of a transport, but that *ret_len 0 is never OK. */
MUST enum err proxy_slot_peek(const struct proxy_slot *s, void *buf, size_t size, size_t *ret_len);
MUST enum err proxy_slot_read(struct proxy_slot *s, void *buf, size_t size, size_t *ret_len);

#endif
