/* Whether servers' certificates have been revoked: one worker's questions to OCSP servers, by http,
 * for connections that wait for the answer, and what is known of earlier ones. Knows no request.
 *
 * One question is for all who wait for it. Its server is gone to as any destination is: by an
 * address that may be gone to, at a port of `ports`; where others lead (`upstreams`) it is not
 * asked, as it would be told past them what a client visits. */
#ifndef FORWARD_PROXY_IO_REVOCATION_H
#define FORWARD_PROXY_IO_REVOCATION_H

#include "base/err.h"

struct forward_revocation;
struct forward_worker;
struct proxy_tls_judge;

enum {
	FORWARD_STATUS_ASKS_MAX = 32, /* at once */
	/* Until nobody waits any more: within the time for a connection. */
	FORWARD_STATUS_MS = 3000,
};

/* w: borrowed; its view may be none yet. ENOMEM. */
MUST enum err forward_revocation_new(struct forward_worker *w, struct forward_revocation **ret);
/* Nobody may wait. Accepts NULL. */
void forward_revocation_free(struct forward_revocation *r);

/* For proxy_io_options.judge. */
const struct proxy_tls_judge *forward_revocation_judge(const struct forward_revocation *r);

#endif
