/* A request's way through its route: what is asked of it, what it becomes on its way to the server,
 * and what answers of the proxy itself say. Knows the exchange, and neither pools nor guards.
 *
 * The service's face.request calls, in this order: route_request_read, route_find on facts (into
 * found), the guard; then route_request_forward or route_request_answer as the route's action says.
 * face.response calls route_response_edit. */
#ifndef REVERSE_PROXY_ROUTE_REQUEST_H
#define REVERSE_PROXY_ROUTE_REQUEST_H

#include "service/reverse-proxy/route/edit.h"
#include "service/reverse-proxy/route/route.h"

struct proxy_exchange;
struct proxy_verdict;

enum { ROUTE_REQUEST_ID_LEN = 32 };

/* Whose Forwarded and X-Forwarded-* fields are believed. Borrowed from the snapshot. */
struct route_trust {
	const struct ip_prefix *prefixes;
	size_t n;
};

/* In the exchange's storage, for its whole life. */
struct route_request {
	struct route_facts facts;
	struct route_found found;  /* found.route NULL: none (yet) */
	struct edit_values values; /* client: the one that is believed */
	uint16_t host_port;	   /* that the client wrote; 0: none */
	bool peer_trusted;	   /* the fields that came were believed */
	char id[ROUTE_REQUEST_ID_LEN];
};

/* Reads x->request into r: normal forms, the client behind trusted proxies (the right-most address
 * that is not trusted), the scheme that it used. id: of the request, that many hexadecimal digits.
 * 0, or the status that answers: 400 for a path or host that is none, or could be taken for two
 * things; 500 without memory. */
unsigned route_request_read(struct route_request *r, struct proxy_exchange *x,
			    const struct route_trust *trust, const char id[ROUTE_REQUEST_ID_LEN]);

/* Makes of x->request what the server gets: path and host as the route says, Forwarded and
 * X-Forwarded-For, -Host, -Proto, -Port of our own (behind those that were believed, in place of
 * others), X-Request-Id, the route's edits. server: our own name. 0, or 400 (the path became none),
 * or 500. Once for each exchange, however often it is tried. */
unsigned route_request_forward(struct route_request *r, struct proxy_exchange *x,
			       struct span server);

/* The path after the route's rewriting, in normal form: what a file is looked for by. ERR_FORMAT,
 * ERR_REFUSED, ERR_LIMIT: it became none. */
MUST enum err route_request_path(const struct route_request *r, struct proxy_exchange *x,
				 struct span *ret);

/* The answer of ROUTE_REDIRECT and ROUTE_ANSWER into x->response and *ret (whose body is empty for
 * an answer without text of its own: the error page's part). 0 or 500. */
unsigned route_request_answer(struct route_request *r, struct proxy_exchange *x,
			      struct proxy_verdict *ret);

/* The route's edits of x->response. 0 or 500. */
unsigned route_response_edit(const struct route_request *r, struct proxy_exchange *x);

/* A field lookup for route_facts and guard_facts; head: a struct proxy_head. */
bool route_head_field(const void *head, struct span name, size_t *at, struct span *ret_value);

/* Fields by which servers learn of the client without asking who wrote them. */
bool route_request_is_claim(struct span name);

#endif
