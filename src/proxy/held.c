#include "proxy/held.h"

#include "proxy/buffer.h"

void proxy_held_keep(struct proxy_held *h, struct proxy_transport *t, struct proxy_buffer *b,
		     enum err e)
{
	ASSERT(!h->bytes && (b->start == b->end) == (e != OK));
	h->bytes = b;
	h->e = e;
	h->more = false;
	t->holds = true;
}

/* It was read to its end. */
static struct proxy_buffer *let_go(struct proxy_held *h, struct proxy_transport *t)
{
	if (!h->e && !h->more)
		t->ready &= (uint8_t)~PROXY_CAN_READ;
	t->holds = false;
	return TAKE(h->bytes);
}

enum err proxy_held_peek(const struct proxy_held *h, void *buf, size_t size, size_t *ret_len)
{
	TRY(h->e);
	struct span held = span_sub(proxy_buffer_span(h->bytes), 0, size);
	memcpy(buf, held.data, held.len);
	*ret_len = held.len;
	return OK;
}

enum err proxy_held_read(struct proxy_held *h, struct proxy_transport *t, void *buf, size_t size,
			 size_t *ret_len)
{
	struct proxy_buffer *b = h->bytes;
	enum err e = proxy_held_peek(h, buf, size, ret_len);
	if (!e)
		b->start += (uint32_t)*ret_len;
	if (e || b->start == b->end)
		proxy_buffer_give(h->pool, let_go(h, t));
	return e;
}

struct proxy_buffer *proxy_held_take(struct proxy_held *h, struct proxy_transport *t,
				     const struct proxy_buffers *pool, size_t most)
{
	bool fits = pool == h->pool && !h->e && h->bytes->end - h->bytes->start <= most;
	return fits ? let_go(h, t) : NULL;
}

void proxy_held_drop(struct proxy_held *h)
{
	proxy_buffer_give(h->pool, TAKE(h->bytes));
}
