/* Where a question by HTTP goes: a URL (RFC 3986, RFC 9110 4.2) in its parts, and where a redirect
 * leads from there. Knows no connection.
 */
#ifndef FETCH_URL_H
#define FETCH_URL_H

#include "base/err.h"
#include "base/span.h"

enum {
	FETCH_HOST_MAX = 256,	   /* octets with the NUL */
	FETCH_AUTHORITY_MAX = 272, /* brackets and a port more */
	FETCH_TARGET_MAX = 4096,
};

struct fetch_url {
	bool tls; /* https */
	uint16_t port;
	char host[FETCH_HOST_MAX];	     /* a name, or an address without brackets */
	char authority[FETCH_AUTHORITY_MAX]; /* as Host carries it: a port only if it is another */
	char target[FETCH_TARGET_MAX];	     /* path and query; begins with a slash */
};

/* "https://host:port/path?query", or http; a fragment is dropped. ERR_UNSUPPORTED: another scheme;
 * ERR_FORMAT: none, one with a user in it, or one that would tear a message; ERR_LIMIT: too long.
 */
MUST enum err fetch_url_read(struct span text, struct fetch_url *ret);

/* The value of a Location (RFC 9110 10.2.2), absolute or relative to base (RFC 3986 5.2).
 * ERR_REFUSED: from https to http. Else as fetch_url_read. */
MUST enum err fetch_url_follow(const struct fetch_url *base, struct span location,
			       struct fetch_url *ret);

#endif
