/* What a worker counts: plain numbers of one writer that anybody may read. Knows no text form but
 * each number's name.
 */
#ifndef PROXY_COUNT_H
#define PROXY_COUNT_H

#include "proto/http2/flood.h"
#include "proto/http2/head.h"
#include "proxy/end.h"

#include <stdatomic.h>

/* Why a client was gone before it spoke HTTP. */
enum proxy_handshake_fault {
	PROXY_HANDSHAKE_LATE,	     /* not over in its time */
	PROXY_HANDSHAKE_GONE,	     /* the client ended, or its connection broke */
	PROXY_HANDSHAKE_CERTIFICATE, /* its certificate is not good to us, or ours not to it */
	PROXY_HANDSHAKE_PROTOCOL,    /* no TLS, no version or cipher in common, a name refused */
	PROXY_HANDSHAKE_HEADER,	     /* its PROXY header is none */
	PROXY_HANDSHAKE_ROOM,	     /* no memory */
	PROXY_HANDSHAKE_FAULTS,
};

enum proxy_count {
	PROXY_COUNT_CONNECTIONS,   /* accepted */
	PROXY_COUNT_REFUSED,	   /* refused by the face or a limit */
	PROXY_COUNT_OPEN,	   /* gauge: clients' connections */
	PROXY_COUNT_EXCHANGES,	   /* begun */
	PROXY_COUNT_ACTIVE,	   /* gauge: exchanges */
	PROXY_COUNT_BACK_CONNECTS, /* connections to back ends that were tried */
	PROXY_COUNT_BACK_OPEN,	   /* gauge: connections to back ends */
	PROXY_COUNT_BACK_REUSED,   /* requests that went on a kept connection */
	PROXY_COUNT_RETRIES,
	PROXY_COUNT_SPLICED_BYTES,
	PROXY_COUNT_REQUEST_BYTES, /* of bodies */
	PROXY_COUNT_RESPONSE_BYTES,
	PROXY_COUNT_TUNNELS,
	PROXY_COUNT_HANDSHAKES,		/* of TLS with clients, that came to their end */
	PROXY_COUNT_HANDSHAKES_RESUMED, /* of them by a ticket */
	PROXY_COUNT_HANDSHAKES_FAILED,	/* PROXY_HANDSHAKE_FAULTS numbers */
	PROXY_COUNT_HANDSHAKES_LAST = PROXY_COUNT_HANDSHAKES_FAILED + PROXY_HANDSHAKE_FAULTS - 1,
	PROXY_COUNT_RING_RECEIVED, /* by io_uring, many at once */
	PROXY_COUNT_RING_SENT,
	PROXY_COUNT_BUFFERS, /* gauge: buffers that are out */
	PROXY_COUNT_BUFFERS_REFUSED,
	/* HTTP/2, both sides. */
	PROXY_COUNT_STREAMS2,
	PROXY_COUNT_BROKEN2, /* connections that broke the protocol */
	PROXY_COUNT_RESETS2_IN,
	PROXY_COUNT_RESETS2_OUT,
	PROXY_COUNT_FLOOD2, /* HTTP2_FLOODS numbers: connections ended for it */
	PROXY_COUNT_FAULT2 = PROXY_COUNT_FLOOD2 + HTTP2_FLOODS, /* HTTP2_FAULTS: requests */
	PROXY_COUNT_CAUSE =
		PROXY_COUNT_FAULT2 + HTTP2_FAULTS, /* PROXY_CAUSES numbers: how exchanges ended */
	PROXY_COUNTS = PROXY_COUNT_CAUSE + PROXY_CAUSES,
};

struct proxy_counts {
	atomic_uint_fast64_t at[PROXY_COUNTS];
};

static inline void proxy_count_add(struct proxy_counts *c, unsigned index, uint64_t n)
{
	/* One writer: a plain load and store, no locked instruction. */
	atomic_store_explicit(&c->at[index],
			      atomic_load_explicit(&c->at[index], memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static inline uint64_t proxy_count_get(const struct proxy_counts *c, unsigned index)
{
	return atomic_load_explicit(&c->at[index], memory_order_relaxed);
}

#endif
