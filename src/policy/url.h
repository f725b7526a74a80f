/* A request's path and query as filters compare them. Servers do not agree on what a path is: some
 * resolve dot segments and some do not, some decode %2F first, some take a backslash for a slash
 * and leave out what is behind a semicolon. So there is not one normal form but the readings that
 * servers have, and who filters judges each of them: no spelling is read by a server as what is
 * blocked and here as something else. Knows no rules and no messages.
 *
 * In every reading escapes are decoded, once, and of several slashes one stays. Then:
 *	literally	nothing else;
 *	as RFC 3986 5.2.4 has it: dot segments between slashes are resolved, ahead of decoding;
 *	eagerly		decoded first, a backslash is a slash, of each segment what follows a
 *			semicolon goes, the path ends at NUL and at a number sign, then dot
 *			segments are resolved.
 * What follows the first question mark is decoded and no more. Case stays; who compares passes it
 * by. Not read: bytes that were escaped twice, and escapes that are none (%u0061). */
#ifndef POLICY_URL_H
#define POLICY_URL_H

#include "base/span.h"

#include <stdbool.h>

enum {
	POLICY_URL_MAX = 16384, /* octets of a target */
	POLICY_READINGS_MAX = 3,
};

struct policy_readings {
	struct span items[POLICY_READINGS_MAX]; /* views of room; each begins with a slash */
	unsigned n;				/* 1 to 3, each another one */
	uint8_t room[POLICY_READINGS_MAX * (POLICY_URL_MAX + 1)];
};

/* target: "/path?query" as it came, at most POLICY_URL_MAX octets, which no head that a proxy takes
 * has room for. Only what is used of ret is written. */
void policy_url_read(struct span target, struct policy_readings *ret);

/* "https://example.org:8443/ads?x" as people write it; the scheme may be left out. Parts of text.
 */
struct policy_address {
	struct span host;   /* without port */
	struct span port;   /* empty: none */
	struct span target; /* "/" where there is none */
	bool secure;
};
/* false: no host, another scheme, or a longer target than POLICY_URL_MAX. */
bool policy_address_split(struct span text, struct policy_address *ret);

#endif
