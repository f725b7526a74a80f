/* The proxies of others of one site, made whole: what is known of how each server does, and TLS to
 * those that speak it. Knows no request.
 */
#ifndef FORWARD_PROXY_IO_UPSTREAMS_H
#define FORWARD_PROXY_IO_UPSTREAMS_H

#include "service/forward-proxy/upstream.h"

struct config_list;
struct control_reply;
struct control_request;
struct forward_site;
struct writer;

/* s->upstreams of s->conf. before: the site in force, whose servers go on with what is known of
 * them; NULL: there is none. ENOMEM; ERR_CONFIG: a file cannot be used, which the log says. */
MUST enum err forward_upstreams_make(struct forward_site *s, const struct forward_site *before);
/* Accepts what is half made. */
void forward_upstreams_done(struct forward_site *s);

/* GET /upstreams. now_ms: of the loops' clock. */
void forward_upstreams_show(const struct forward_site *s, uint64_t now_ms,
			    struct control_reply *reply);
void forward_upstreams_metrics(const struct forward_site *s, uint64_t now_ms, struct writer *w);

#endif
