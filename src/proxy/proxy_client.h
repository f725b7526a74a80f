/* Requests of our own through the same back side: forward authentication, revalidation by a cache,
 * health checks, ACME. Knows no client's connection; face.request, response and done are not called
 * for them, pick and left are not either: the caller names the hop.
 */
#ifndef PROXY_PROXY_CLIENT_H
#define PROXY_PROXY_CLIENT_H

#include "proxy/end.h"
#include "proxy/exchange.h"

struct proxy_hop;
struct proxy_worker;

struct proxy_client_call {
	/* The final head of the answer is in x->response. May be NULL. */
	void (*head)(void *arg, struct proxy_exchange *x);
	/* A part of the body; all of it is taken. May be NULL. */
	void (*body)(void *arg, struct span bytes);
	/* It is over; x goes after this. Once, also when proxy_client_start failed at once, but not
	 * after proxy_client_cancel. */
	void (*done)(void *arg, struct proxy_exchange *x, enum proxy_cause cause);
};

struct proxy_client {
	struct span method, scheme, authority, path; /* live until done */
	const struct http_field *fields;	     /* copied; their spans live until done */
	size_t fields_n;
	struct span body; /* lives until done */
	struct proxy_hop *hop;
	const struct proxy_limits *limits;
	uint64_t answer_max; /* bytes of body, then PROXY_BACK_FORMAT; 0: any */
};

/* Everything may have happened when it returns, then it answers NULL; else the exchange, for
 * proxy_client_cancel. */
struct proxy_exchange *proxy_client_start(struct proxy_worker *w, const struct proxy_client *what,
					  const struct proxy_client_call *call, void *arg);
/* done is not called. Accepts NULL. */
void proxy_client_cancel(struct proxy_exchange *x);

#endif
