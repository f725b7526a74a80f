#include "service/forward-proxy/ports.h"

static bool read_port(struct span text, uint16_t *ret)
{
	uint64_t port;
	if (!text.len || !span_to_u64(text, UINT16_MAX, &port) || port == 0)
		return false;
	*ret = (uint16_t)port;
	return true;
}

enum err ports_range_read(struct span text, struct ports_range *ret)
{
	size_t dash = span_find(text, '-');
	struct ports_range r;
	if (!read_port(span_sub(text, 0, dash), &r.first))
		return ERR_FORMAT;
	r.last = r.first;
	if (dash < text.len && !read_port(span_sub(text, dash + 1, text.len), &r.last))
		return ERR_FORMAT;
	if (r.last < r.first)
		return ERR_FORMAT;
	*ret = r;
	return OK;
}

bool ports_contain(const struct ports *p, uint16_t port)
{
	for (size_t i = 0; i < p->n; i++)
		if (port >= p->items[i].first && port <= p->items[i].last)
			return true;
	return false;
}
