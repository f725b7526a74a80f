#include "http-cache/status.h"

#include "base/writer.h"

void cache_status_write(const struct cache_status *s, struct writer *w)
{
	write_text(w, s->name);
	/* 2.1, 2.2: never both. */
	if (s->hit)
		write_text(w, "; hit");
	else if (s->fwd != CACHE_FWD_NOT)
		write_format(w, "; fwd=%s", cache_forward_text(s->fwd));
	if (!s->hit && s->fwd_status)
		write_format(w, "; fwd-status=%u", s->fwd_status);
	if (s->has_ttl)
		write_format(w, "; ttl=%lld", (long long)s->ttl_s);
	if (!s->hit && s->stored)
		write_text(w, "; stored");
	if (s->collapsed)
		write_text(w, "; collapsed");
	if (s->detail)
		write_format(w, "; detail=%s", s->detail);
}
