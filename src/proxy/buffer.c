#include "proxy/buffer.h"

#include "base/poison.h"

#include <stdlib.h>

/* KEPT stay when nothing needs them. FEW come from malloc, those beyond from a large page, and from
 * malloc again when it is full. */
enum { KEPT = 16, FEW = 64, LARGE_BLOCKS = 1 };

void proxy_buffers_init(struct proxy_buffers *p, size_t max)
{
	*p = (struct proxy_buffers){.max = max};
	large_init(&p->memory, sizeof(struct proxy_buffer), LARGE_BLOCKS);
}

/* Free ones of either kind go, until n are left in all. */
static void drop_down_to(struct proxy_buffers *p, bool large, size_t n)
{
	for (struct proxy_buffer **at = &p->free; *at && p->free_n > n;) {
		struct proxy_buffer *b = *at;
		if (b->large != large) {
			at = &b->next;
			continue;
		}
		*at = b->next;
		p->free_n--;
		if (!large) {
			p->small_n--;
			free(b);
		}
	}
}

void proxy_buffers_done(struct proxy_buffers *p)
{
	ASSERT(p->out == 0);
	drop_down_to(p, true, 0);
	drop_down_to(p, false, 0);
	large_release(&p->memory);
}

static struct proxy_buffer *buffer_new(struct proxy_buffers *p)
{
	struct proxy_buffer *b = p->small_n < FEW ? NULL : large_record(&p->memory);
	bool large = b;
	if (!b)
		b = malloc(sizeof(*b));
	if (!b)
		return NULL;
	b->large = large;
	p->small_n += !large;
	return b;
}

struct proxy_buffer *proxy_buffer_take(struct proxy_buffers *p)
{
	struct proxy_buffer *b = p->free;
	if (b) {
		p->free = b->next;
		p->free_n--;
		if (p->free_n < p->least)
			p->least = p->free_n;
	} else {
		b = p->out < p->max ? buffer_new(p) : NULL;
		if (!b) {
			p->refused++;
			return NULL;
		}
	}
	p->out++;
	MEMORY_UNPOISON(b->data, sizeof(b->data));
	b->next = NULL;
	b->refs = 1;
	b->start = b->end = 0;
	return b;
}

void proxy_buffer_give(struct proxy_buffers *p, struct proxy_buffer *b)
{
	if (!b || --b->refs)
		return;
	ASSERT(p->out > 0);
	p->out--;
	b->next = p->free;
	p->free = b;
	p->free_n++;
	MEMORY_POISON(b->data, sizeof(b->data));
}

static bool large_are_free(const struct proxy_buffers *p)
{
	size_t n = 0;
	for (const struct proxy_buffer *b = p->free; b; b = b->next)
		n += b->large;
	return n == p->memory.given;
}

void proxy_buffers_trim(struct proxy_buffers *p)
{
	size_t unused = p->least > KEPT ? p->least - KEPT : 0, left = p->free_n - unused;
	size_t busiest = p->out + p->free_n - p->least;
	if (p->memory.given && busiest <= FEW && large_are_free(p)) {
		drop_down_to(p, true, 0);
		large_release(&p->memory);
	}
	drop_down_to(p, false, left);
	p->least = p->free_n;
}
