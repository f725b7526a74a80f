/* The parts of what the core asks (proxy/face.h), a file each. Knows no configuration file; all of
 * it runs in a worker's thread and never waits.
 */
#ifndef REVERSE_PROXY_IO_FACE_H
#define REVERSE_PROXY_IO_FACE_H

#include "proxy/face.h"
#include "service/reverse-proxy/io_exchange.h"
#include "service/reverse-proxy/io_worker.h"

struct reverse_site;

/* io_request.c: which route, and what it says. *ret is zeroed. */
void reverse_request(void *arg, struct proxy_exchange *x, struct proxy_verdict *ret);

/* Whether the one at the other end is a proxy that is believed. */
bool reverse_trusts(const struct reverse_site *site, const struct ip_address *peer);

/* io_face.c: x->response goes compressed, if the route has that and the client takes it. */
void reverse_compress(struct reverse_worker *w, const struct reverse_exchange *e);

/* io_pick.c */
enum proxy_pick reverse_pick(void *arg, struct proxy_exchange *x, struct proxy_hop **ret_hop,
			     struct proxy_verdict *ret);
void reverse_left(void *arg, struct proxy_exchange *x, struct proxy_hop *hop,
		  enum proxy_cause cause);
/* What an end says of the server. */
enum pool_result_kind reverse_result_kind(enum proxy_cause cause);
/* What the back end's answer needs because of who gave it: the cookie that leads back there. */
void reverse_stick(struct proxy_exchange *x, struct reverse_exchange *e);

/* io_log.c: the line of an exchange that has ended. e: NULL when there was no memory for it. */
void reverse_log(struct reverse_worker *w, struct proxy_exchange *x,
		 const struct reverse_exchange *e);

#endif
