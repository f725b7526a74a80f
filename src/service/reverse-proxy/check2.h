/* One check by HTTP/2, of a path or of gRPC's health service, on a connection of its own: bytes in
 * and out, and what the answer is worth. Knows no socket and no clock.
 */
#ifndef REVERSE_PROXY_CHECK2_H
#define REVERSE_PROXY_CHECK2_H

#include "base/parse.h"
#include "proto/http2/heap.h"
#include "proto/http2/session.h"

struct ip_endpoint;
struct reverse_check2;
struct reverse_check_conf;

enum { REVERSE_CHECK2_IN_MAX = 64 << 10 }; /* bytes of an answer with all its frames */

/* What all checks of one thread share. */
struct reverse_check2_share {
	struct http2_heap heap;
	struct http2_role role;
	struct http2_counts counts;
};

MUST enum err reverse_check2_share_init(struct reverse_check2_share *s); /* ENOMEM */
void reverse_check2_share_done(struct reverse_check2_share *s); /* accepts zeroed storage */

/* The question to the server at that address is ready to be written. share, c: borrowed. ENOMEM,
 * ERR_LIMIT: there is no memory for it now. */
MUST enum err reverse_check2_new(struct reverse_check2_share *share,
				 const struct reverse_check_conf *c, const struct ip_endpoint *at,
				 bool tls, struct reverse_check2 **ret);
void reverse_check2_free(struct reverse_check2 *k); /* accepts NULL */
DEFINE_AUTO(struct reverse_check2, reverse_check2_free)

void reverse_check2_receive(struct reverse_check2 *k, uint64_t now_ms, struct span in);
/* As much as there is and fits; w has room for HTTP2_WRITE_MIN. */
void reverse_check2_write(struct reverse_check2 *k, struct writer *w);

/* Of all that was received; end: nothing more comes. PARSE_MORE is never said at the end, nor for
 * REVERSE_CHECK2_IN_MAX bytes. *ret_why: a fixed text, of PARSE_BAD. */
MUST enum parse reverse_check2_judge(const struct reverse_check2 *k, bool end,
				     const char **ret_why);

#endif
