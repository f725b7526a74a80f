/* What the reverse proxy knows of a request while it runs. Knows no HTTP version.
 *
 * Lies in the exchange's own memory and is gone with it; holds its view of the snapshot, which
 * everything that is borrowed here lies in.
 */
#ifndef REVERSE_PROXY_IO_EXCHANGE_H
#define REVERSE_PROXY_IO_EXCHANGE_H

#include "proto/http/traceparent.h"
#include "service/reverse-proxy/balance/pool.h"
#include "service/reverse-proxy/balance/wait.h"
#include "service/reverse-proxy/guard/guard.h"
#include "service/reverse-proxy/route/request.h"

struct files_held;
struct proxy_cached;
struct proxy_exchange;
struct proxy_limits;
struct reverse_question;
struct reverse_view;
struct reverse_worker;

struct reverse_exchange {
	struct proxy_exchange *x;
	struct reverse_view *view;  /* held */
	struct route_request route; /* route.found.route NULL: none was found */
	struct traceparent trace;
	bool grpc;
	const struct proxy_limits *grpc_limits; /* of this call; NULL: not yet */

	struct guard_verdict guard;	   /* of the route's guard, if it has one */
	uint8_t proof;			   /* enum reverse_proof */
	uint64_t ticket;		   /* at the hash thread; 0: none */
	struct reverse_question *question; /* of forward authentication; NULL: none */
	struct proxy_cached *cached;	   /* NULL: the route keeps nothing */
	struct files_held *file;	   /* that answers; NULL: none */

	/* On its way to a back end. */
	const struct pool *pool; /* NULL: it goes nowhere */
	size_t pool_number;
	struct pool_tried tried;
	struct pool_place place;
	bool placed;			  /* place is ours: to be given back */
	bool late;			  /* it waited too long for one */
	bool bound;			  /* its cookie names a back end */
	const struct pool_member *server; /* of the last place; NULL: none */
	struct waiter waiter;
};

/* A place at the pool, by hash and cookie; placed tells. */
enum pool_verdict reverse_choose(struct reverse_worker *w, struct reverse_exchange *e);
/* Gives the place back. */
void reverse_exchange_leave(struct reverse_exchange *e, const struct pool_result *result);

#endif
