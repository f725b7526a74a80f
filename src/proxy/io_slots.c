#include "proxy/io_slots.h"

#include "os/ring.h"
#include "os/tcp.h"

#include <stdlib.h>
#include <string.h>

enum err proxy_slots_init(struct proxy_slots *all, size_t n)
{
	all->memory = calloc(n, sizeof(*all->memory));
	if (!all->memory)
		return (enum err)ENOMEM;
	for (size_t i = n; i-- > 0;)
		proxy_slot_give(all, &all->memory[i]);
	return OK;
}

void proxy_slots_done(struct proxy_slots *all)
{
	free(all->memory);
	*all = (struct proxy_slots){0};
}

struct proxy_slot *proxy_slot_take(struct proxy_slots *all)
{
	struct proxy_slot *s = all->free;
	if (!s)
		return NULL;
	all->free = s->next;
	s->next = NULL;
	s->start = s->end = 0;
	s->e = OK;
	return s;
}

void proxy_slot_give(struct proxy_slots *all, struct proxy_slot *s)
{
	if (!s)
		return;
	s->next = all->free;
	all->free = s;
}

bool proxy_slot_fill(struct proxy_slot *s, int32_t result)
{
	if (result == RING_UNDONE)
		return false;
	s->start = s->end = 0;
	s->e = tcp_ring_received(result, &s->end);
	s->whole = s->end < PROXY_SLOT_SIZE;
	return s->e || s->end;
}

enum err proxy_slot_peek(const struct proxy_slot *s, void *buf, size_t size, size_t *ret_len)
{
	TRY(s->e);
	size_t n = s->end - s->start;
	*ret_len = n < size ? n : size;
	memcpy(buf, s->data + s->start, *ret_len);
	return OK;
}

enum err proxy_slot_read(struct proxy_slot *s, void *buf, size_t size, size_t *ret_len)
{
	TRY(proxy_slot_peek(s, buf, size, ret_len));
	s->start += *ret_len;
	return OK;
}
