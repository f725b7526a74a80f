#include "service/forward-proxy/inspect/skip.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	size_t n = x->len < y->len ? x->len : y->len;
	int by = n ? memcmp(x->data, y->data, n) : 0;
	return by ? by : (x->len > y->len) - (x->len < y->len);
}

enum err inspect_skip_new(struct arena *a, const struct span *names, size_t n,
			  struct inspect_skip *ret)
{
	struct span *sorted = ARENA_ARRAY(a, struct span, n + 1);
	if (!sorted)
		return (enum err)ENOMEM;
	for (size_t i = 0; i < n; i++)
		sorted[i] = names[i];
	qsort(sorted, n, sizeof(*sorted), compare);
	*ret = (struct inspect_skip){sorted, n};
	return OK;
}

bool inspect_skip_has(const struct inspect_skip *s, struct span host)
{
	while (s->n && host.len) {
		if (bsearch(&host, s->names, s->n, sizeof(host), compare))
			return true;
		size_t dot = span_find(host, '.');
		host = span_sub(host, dot + 1, host.len);
	}
	return false;
}
