#include "proxy/buffer.h"

#include "base/poison.h"

#include <stdlib.h>

/* KEPT stay when nothing needs them. The first ones lie in ordinary memory, then come those on one
 * large page, then what malloc has. */
enum { KEPT = 16, FEW = 64, LARGE_BLOCKS = 1 };

void proxy_buffers_init(struct proxy_buffers *p, size_t max)
{
	*p = (struct proxy_buffers){.max = max};
	large_init(&p->memory, sizeof(struct proxy_buffer), FEW, LARGE_BLOCKS);
}

/* Those of malloc. */
static void free_down_to(struct proxy_buffers *p, size_t n)
{
	for (struct proxy_buffer **at = &p->free; *at && p->free_n > n;) {
		struct proxy_buffer *b = *at;
		if (large_holds(&p->memory, b)) {
			at = &b->next;
			continue;
		}
		*at = b->next;
		p->free_n--;
		free(b);
	}
	if (p->least > p->free_n)
		p->least = p->free_n;
}

void proxy_buffers_done(struct proxy_buffers *p)
{
	ASSERT(p->out == 0);
	free_down_to(p, 0);
	large_done(&p->memory);
	p->free = NULL;
	p->free_n = 0;
}

static struct proxy_buffer *buffer_new(struct proxy_buffers *p)
{
	struct proxy_buffer *b = large_record(&p->memory);
	return b ? b : malloc(sizeof(*b));
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

void proxy_buffers_trim(struct proxy_buffers *p)
{
	size_t unused = p->least > KEPT ? p->least - KEPT : 0;
	free_down_to(p, p->free_n - unused);
	p->least = p->free_n;
}
