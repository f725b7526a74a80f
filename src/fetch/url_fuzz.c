/* A Location from anywhere: what is followed can be asked for again, tears no message, and never
 * leaves https. */
#include "fetch/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct fetch_url *u)
{
	ASSERT(u->target[0] == '/' && u->host[0] && u->port);
	for (const char *c = u->target; *c; c++)
		ASSERT(*c > ' ' && *c < 0x7f);
	for (const char *c = u->authority; *c; c++)
		ASSERT(*c > ' ' && *c < 0x7f && *c != '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fetch_url base, u;
	if (fetch_url_read(span_text("https://a.example:444/b/c?d"), &base) != OK)
		return 0;
	if (fetch_url_follow(&base, span_of(data, size), &u) == OK) {
		check(&u);
		ASSERT(u.tls);
	}
	if (fetch_url_read(span_of(data, size), &u) == OK)
		check(&u);
	return 0;
}
