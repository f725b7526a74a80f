#include "service/reverse-proxy/route/errors.h"

enum { STATUS_FIRST = 400, STATUS_LAST = 599 };

static bool status_read(struct span text, uint16_t *ret)
{
	uint64_t n;
	if (text.len != 3 || !span_to_u64(text, STATUS_LAST, &n) || n < STATUS_FIRST)
		return false;
	*ret = (uint16_t)n;
	return true;
}

enum err error_statuses_read(const char *text, uint16_t *ret_first, uint16_t *ret_last)
{
	struct span s = span_text(text);
	size_t dash = span_find(s, '-');
	uint16_t first, last;
	if (!status_read(span_sub(s, 0, dash), &first))
		return ERR_FORMAT;
	last = first;
	if (dash < s.len && !status_read(span_sub(s, dash + 1, s.len), &last))
		return ERR_FORMAT;
	if (last < first)
		return ERR_FORMAT;
	*ret_first = first;
	*ret_last = last;
	return OK;
}

const struct error_page *error_page_find(const struct error_pages *pages, unsigned status,
					 bool server)
{
	const struct error_page *best = NULL;
	for (size_t i = 0; i < pages->n; i++) {
		const struct error_page *p = &pages->items[i];
		if (status < p->first || status > p->last || (server && !p->servers))
			continue;
		if (!best || p->last - p->first < best->last - best->first)
			best = p;
	}
	return best;
}
