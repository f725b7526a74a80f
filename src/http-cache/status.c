#include "http-cache/status.h"

#include "base/decimal.h"
#include "base/writer.h"

static void write_pair(struct writer *w, const char *name, const char *value)
{
	write_text(w, name);
	write_text(w, value);
}

void cache_status_write(const struct cache_status *s, struct writer *w)
{
	write_text(w, s->name);
	/* 2.1, 2.2: never both. */
	if (s->hit)
		write_text(w, "; hit");
	else if (s->fwd != CACHE_FWD_NOT)
		write_pair(w, "; fwd=", cache_forward_text(s->fwd));
	if (!s->hit && s->fwd_status) {
		write_text(w, "; fwd-status=");
		write_decimal(w, s->fwd_status);
	}
	if (s->has_ttl) {
		write_text(w, s->ttl_s < 0 ? "; ttl=-" : "; ttl=");
		write_decimal(w, s->ttl_s < 0 ? -(uint64_t)s->ttl_s : (uint64_t)s->ttl_s);
	}
	if (!s->hit && s->stored)
		write_text(w, "; stored");
	if (s->collapsed)
		write_text(w, "; collapsed");
	if (s->detail)
		write_pair(w, "; detail=", s->detail);
}
