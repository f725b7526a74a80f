#include "proxy/chain2.h"

#include <string.h>

struct proxy_buffer *proxy_chain2_room(struct proxy_chain2 *c, struct proxy_buffers *pool,
				       size_t least, uint32_t n_max)
{
	if (c->last && PROXY_BUFFER_SIZE - c->last->end >= least)
		return c->last;
	struct proxy_buffer *b = c->n < n_max ? proxy_buffer_take(pool) : NULL;
	if (!b)
		return NULL;
	b->next = NULL;
	if (c->last)
		c->last->next = b;
	else
		c->first = b;
	c->last = b;
	c->n++;
	return b;
}

static void drop_first(struct proxy_chain2 *c, struct proxy_buffers *pool)
{
	struct proxy_buffer *b = c->first;
	c->first = b->next;
	if (!c->first)
		c->last = NULL;
	c->n--;
	proxy_buffer_give(pool, b);
}

void proxy_chain2_trim(struct proxy_chain2 *c, struct proxy_buffers *pool)
{
	if (c->first && c->first == c->last && c->first->start == c->first->end)
		drop_first(c, pool);
}

bool proxy_chain2_add(struct proxy_chain2 *c, struct proxy_buffers *pool, struct span bytes,
		      uint32_t n_max)
{
	while (bytes.len) {
		struct proxy_buffer *b = proxy_chain2_room(c, pool, 1, n_max);
		if (!b)
			return false;
		size_t room = PROXY_BUFFER_SIZE - b->end;
		size_t n = bytes.len < room ? bytes.len : room;
		memcpy(b->data + b->end, bytes.data, n);
		b->end += (uint32_t)n;
		bytes = span_sub(bytes, n, bytes.len);
	}
	return true;
}

struct span proxy_chain2_span(const struct proxy_chain2 *c)
{
	return c->first ? proxy_buffer_span(c->first) : (struct span){0};
}

void proxy_chain2_skip(struct proxy_chain2 *c, struct proxy_buffers *pool, size_t n)
{
	if (!n)
		return;
	ASSERT(c->first && n <= c->first->end - c->first->start);
	c->first->start += (uint32_t)n;
	if (c->first->start == c->first->end)
		drop_first(c, pool);
}

void proxy_chain2_clear(struct proxy_chain2 *c, struct proxy_buffers *pool)
{
	while (c->first)
		drop_first(c, pool);
}

enum err proxy_chain2_write(struct proxy_chain2 *c, struct proxy_buffers *pool,
			    struct proxy_transport *t)
{
	for (;;) {
		/* The last one may be there for what was not composed after all. */
		proxy_chain2_trim(c, pool);
		if (!c->first || !(t->ready & PROXY_CAN_WRITE))
			return OK;
		struct span parts[PROXY_PARTS_MAX];
		size_t n = 0, sent = 0;
		for (struct proxy_buffer *b = c->first; b && n < PROXY_PARTS_MAX; b = b->next)
			parts[n++] = proxy_buffer_span(b);
		TRY(proxy_transport_write(t, parts, n, &sent));
		while (sent) {
			size_t here = proxy_buffer_span(c->first).len;
			here = here < sent ? here : sent;
			proxy_chain2_skip(c, pool, here);
			sent -= here;
		}
	}
}
