/* Where exchanges lie, the free ones too, and what is kept with one until its end. */
#include "base/poison.h"
#include "proxy/exchange_inner.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { FEW = 64 }; /* a site that is not busy has no more at once: they need no large pages */

static struct proxy_exchange *exchange_new(struct proxy_worker *w)
{
	bool large = w->exchanges_small_n >= FEW;
	struct proxy_exchange *x = large ? large_record(&w->exchanges_memory) : malloc(sizeof(*x));
	if (!x)
		return NULL;
	x->large = large;
	w->exchanges_small_n += !large;
	x->deadline = (struct proxy_deadline){.call = exchange_late};
	x->later = (struct proxy_later){0};
	return x;
}

static void free_put(struct proxy_worker *w, struct proxy_exchange *x)
{
	x->next = w->exchanges_free;
	w->exchanges_free = x;
	MEMORY_POISON(x, sizeof(*x));
	MEMORY_UNPOISON(&x->deadline, sizeof(x->deadline)); /* the wheel has it */
}

static struct proxy_exchange *free_get(struct proxy_worker *w)
{
	struct proxy_exchange *x = w->exchanges_free;
	if (x) {
		MEMORY_UNPOISON(x, sizeof(*x));
		w->exchanges_free = x->next;
	}
	return x;
}

void proxy_exchanges_trim(struct proxy_worker *w)
{
	size_t busiest = w->exchanges_most;
	w->exchanges_most = w->exchanges_n;
	if (!w->exchanges_memory.given || busiest > FEW)
		return;
	struct proxy_exchange *x, *kept = NULL;
	for (x = w->exchanges; x; x = x->next)
		if (x->large)
			return;
	while ((x = free_get(w))) {
		if (x->large) {
			proxy_deadline_done(&w->wheel, &x->deadline);
		} else {
			x->next = kept;
			kept = x;
		}
	}
	large_release(&w->exchanges_memory);
	while ((x = kept)) {
		kept = x->next;
		free_put(w, x);
	}
}

void proxy_exchanges_done(struct proxy_worker *w)
{
	struct proxy_exchange *x;
	ASSERT(!w->exchanges);
	while ((x = free_get(w))) {
		proxy_deadline_done(&w->wheel, &x->deadline);
		if (!x->large)
			free(x);
	}
	large_release(&w->exchanges_memory);
}

struct proxy_exchange *proxy_exchange_take(struct proxy_worker *w, struct proxy_connection *c,
					   struct proxy_front *f)
{
	if (w->exchanges_n >= w->exchanges_max)
		return NULL;
	struct proxy_exchange *x = free_get(w);
	if (!x)
		x = exchange_new(w);
	if (!x)
		return NULL;
	memset(x, 0, offsetof(struct proxy_exchange, large));
	proxy_head_reset(&x->request);
	proxy_head_reset(&x->response);
	x->worker = w;
	x->id = ++w->exchange_id;
	x->connection = c;
	x->front = f;
	x->limits = w->limits;
	x->times.begin_us = w->now_us;
	x->request_at_hand = true;
	x->next = w->exchanges;
	if (x->next)
		x->next->previous = x;
	w->exchanges = x;
	if (++w->exchanges_n > w->exchanges_most)
		w->exchanges_most = w->exchanges_n;
	proxy_count_add(&w->counts, PROXY_COUNT_ACTIVE, 1);
	if (c)
		c->exchanges++;
	return x;
}

void exchange_give(struct proxy_exchange *x)
{
	struct proxy_worker *w = x->worker;
	if (x->previous)
		x->previous->next = x->next;
	else
		w->exchanges = x->next;
	if (x->next)
		x->next->previous = x->previous;
	w->exchanges_n--;
	proxy_count_add(&w->counts, PROXY_COUNT_ACTIVE, UINT64_MAX); /* one less */
	proxy_deadline_clear(&x->deadline); /* stays in the wheel, for the next one */
	proxy_later_cancel(&x->later);
	exchange_first_drop(x);
	if (x->splice)
		w->io->splice_give(w, TAKE(x->splice));
	proxy_buffer_give(&w->buffers, x->request_buffer);
	proxy_buffer_give(&w->buffers, x->response_buffer);
	while (x->store_buffers) {
		struct proxy_buffer *b = x->store_buffers;
		x->store_buffers = b->next;
		proxy_buffer_give(&w->buffers, b);
	}
	free_put(w, x);
}

void proxy_exchange_give(struct proxy_exchange *x)
{
	if (x->connection)
		x->connection->exchanges--;
	exchange_give(x);
}

void *proxy_exchange_alloc(struct proxy_exchange *x, size_t size)
{
	size_t need = (size + 15) & ~(size_t)15;
	if (need < size || need > PROXY_BUFFER_SIZE)
		return NULL;
	if (need <= PROXY_STORE_INLINE - x->store_used) {
		void *at = x->store + x->store_used;
		x->store_used += (uint32_t)need;
		return at;
	}
	struct proxy_buffer *b = x->store_buffers;
	if (!b || need > PROXY_BUFFER_SIZE - b->end) {
		b = proxy_buffer_take(&x->worker->buffers);
		if (!b)
			return NULL;
		b->next = x->store_buffers;
		x->store_buffers = b;
	}
	void *at = b->data + b->end;
	b->end += (uint32_t)need;
	return at;
}

struct span proxy_exchange_store(struct proxy_exchange *x, struct span s)
{
	void *at = proxy_exchange_alloc(x, s.len);
	if (!at)
		return (struct span){0};
	if (s.len)
		memcpy(at, s.data, s.len);
	return span_of(at, s.len);
}

struct http_field *proxy_trailers_store(struct proxy_exchange *x, const struct http_field *fields,
					size_t n)
{
	struct http_field *to = proxy_exchange_alloc(x, n * sizeof(*to));
	for (size_t i = 0; to && i < n; i++) {
		to[i].name = proxy_exchange_store(x, fields[i].name);
		to[i].value = proxy_exchange_store(x, fields[i].value);
		to[i].id = fields[i].id;
		if (!to[i].name.data || !to[i].value.data)
			return NULL;
	}
	return to;
}
