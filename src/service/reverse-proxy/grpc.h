/* What gRPC asks of a proxy beyond HTTP/2: how long a call may take, and how it is told that
 * nothing came of it. Knows no connection; the messages inside are nobody's business here.
 */
#ifndef REVERSE_PROXY_GRPC_H
#define REVERSE_PROXY_GRPC_H

#include "base/err.h"
#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct proxy_exchange;
struct proxy_head;
struct proxy_limits;
struct proxy_verdict;

/* Numbers of the wire (grpc/grpc doc/statuscodes.md). */
enum grpc_status {
	GRPC_UNKNOWN = 2,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
	GRPC_UNAUTHENTICATED = 16,
};

#define GRPC_TYPE "application/grpc"

/* That content type, alone or with +proto and the like. */
static inline bool grpc_is_type(struct span type)
{
	const size_t n = sizeof(GRPC_TYPE) - 1;
	return span_equal_nocase(span_sub(type, 0, n), span_text(GRPC_TYPE)) &&
	       (type.len == n || memchr("+; ", type.data[n], 3));
}

/* By its content type, over HTTP/2. */
bool grpc_is_request(struct proxy_head *request);

/* "100m": grpc-timeout (grpc/grpc doc/PROTOCOL-HTTP2.md), rounded up. False: it is none. */
MUST bool grpc_timeout_read(struct span text, uint64_t *ret_ms);

/* What a status of HTTP is to a client of gRPC (grpc/grpc doc/http-grpc-status-mapping.md). */
enum grpc_status grpc_status_of(unsigned http);

/* The limits of a call: what stands still is a stream's right for as long as a tunnel's, and the
 * client's own deadline is kept. From base, in the store of x; base itself when there is no room.
 */
const struct proxy_limits *grpc_limits(struct proxy_exchange *x, const struct proxy_limits *base);

/* An answer of our own, x->response and *v, becomes one that a client of gRPC understands: 200 with
 * the status in its head ("Trailers-Only"). One that is no error stays. */
void grpc_answer(struct proxy_exchange *x, struct proxy_verdict *v);

#endif
