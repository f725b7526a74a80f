/* One request by HTTPS to an authority, and its answer, in the shapes of ACME. Knows nothing of
 * what they say. */
#ifndef REVERSE_PROXY_IO_ACME_HTTPS_H
#define REVERSE_PROXY_IO_ACME_HTTPS_H

#include "acme/acme.h"
#include "fetch/fetch.h"

enum { ACME_HTTPS_MS = 30000 /* for all of it */ };

/* Once for each request, never within acme_https_ask. answer is NULL when there was none: why. */
typedef void acme_https_done(void *arg, const struct acme_answer *answer, enum err why);

/* Storage is the caller's and may not move. */
struct acme_https {
	struct fetch fetch; /* trusts whom its owner says; fetch_free when done with */
	acme_https_done *done;
	void *arg; /* borrowed */
};

void acme_https_init(struct acme_https *h, struct loop *loop, acme_https_done *done, void *arg);
/* request is copied. ERR_FORMAT, ERR_UNSUPPORTED: no https URL; else as fetch_ask. */
MUST enum err acme_https_ask(struct acme_https *h, struct fetch_resolvers resolvers,
			     const struct acme_request *request);

#endif
