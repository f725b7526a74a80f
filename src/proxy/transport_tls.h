/* TLS over any transport, both sides: its read and write are plain bytes, the wire is the lower
 * transport's. Knows neither certificates nor what is said inside.
 *
 * Parts of a write are gathered into one record, so that a head and its body travel together. What
 * of a record the lower transport has not taken is kept by the library, and its bytes count as
 * taken when it has gone; whoever wrote offers the same bytes again, as with any short write.
 */
#ifndef PROXY_TRANSPORT_TLS_H
#define PROXY_TRANSPORT_TLS_H

#include "base/slab.h"
#include "crypto/tls.h"
#include "proxy/transport.h"

/* What is still to be found out of a server that has proved itself, before anything is said to it:
 * of those whose client wants that (tls_wants_status). Lies in the transport; the members are the
 * judge's, zeroed at first. */
struct proxy_tls_question {
	struct proxy_tls_question *next;
	void *of;
};

enum proxy_tls_said {
	PROXY_TLS_GOOD,
	PROXY_TLS_WAIT, /* proxy_tls_judged follows, in another call, unless `leave` comes before */
	PROXY_TLS_BAD,	/* *ret_fault says why; the transport breaks with ERR_REFUSED */
};

struct proxy_tls_judge {
	/* ret_fault: a fixed text. */
	enum proxy_tls_said (*judge)(void *arg, struct proxy_tls_question *q,
				     const struct tls_stream *s, const char **ret_fault);
	/* The transport goes; it waits no more. */
	void (*leave)(void *arg, struct proxy_tls_question *q);
	void *arg; /* borrowed */
};

/* It was waited for. fault: why it is bad, a fixed text; NULL: it is good. Calls the transport's
 * owner, who may close it and others. */
void proxy_tls_judged(struct proxy_tls_question *q, const char *fault);

/* What those of one worker share. */
struct proxy_tlss {
	const struct proxy_tls_judge *judge; /* borrowed; NULL: nothing is asked */
	struct slab streams;
	uint8_t record[TLS_RECORD_MAX]; /* where parts are gathered, within one write */
};

void proxy_tlss_init(struct proxy_tlss *all, size_t max);
/* All must be closed; accepts zeroed storage. */
void proxy_tlss_done(struct proxy_tlss *all);

/* The server's side over an open transport. lower: owned from then on, closed on failure too. The
 * handshake begins in it; PROXY_OPENED or PROXY_BROKEN are set, or told later: ERR_FORMAT when it
 * failed, ERR_REFUSED for certificates. ERR_LIMIT, ERR_ABSENT: server has no certificate. */
MUST enum err proxy_tls_accept(struct proxy_tlss *all, struct proxy_transport *lower,
			       struct tls_server *server, struct proxy_transport **ret);
/* The client's side, also over one that is not open yet. */
MUST enum err proxy_tls_connect(struct proxy_tlss *all, struct proxy_transport *lower,
				struct tls_peer *peer, struct proxy_transport **ret);

#endif
