/* The cache of the reverse proxy's routes: what a request is to it. How it is answered and what is
 * kept is in proxy/cache/.
 */
#ifndef REVERSE_PROXY_IO_CACHED_H
#define REVERSE_PROXY_IO_CACHED_H

#include "proxy/cache/io_cache.h"

struct reverse_exchange;
struct reverse_worker;

extern const struct proxy_cache_edits reverse_cached_edits;

/* In face.request, when the request is what a server would get. *ret: an answer, PROXY_WAIT, or
 * untouched: it goes on. e->cached is there after that, if the route keeps answers. */
void reverse_cached_ask(struct reverse_worker *w, struct reverse_exchange *e,
			struct proxy_verdict *ret);

#endif
