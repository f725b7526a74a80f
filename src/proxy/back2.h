/* A connection to a back end that speaks HTTP/2: many exchanges at once, as many as the back end
 * and the hop allow; then another one is opened. Knows no client.
 *
 * What a back end surely did not look at goes again: streams above the last one of its GOAWAY, and
 * those it refused (RFC 9113 8.7). A connection that carries streams and says nothing is asked by
 * PING whether it lives.
 */
#ifndef PROXY_BACK2_H
#define PROXY_BACK2_H

#include "base/err.h"

#include <stdbool.h>

struct ip_endpoint;
struct proxy_exchange;
struct proxy_hop;
struct proxy_transport;
struct proxy_worker;

/* Gives x a stream on a connection to its hop, or opens one; proxy_exchange_opened or _failed
 * tells, maybe before it returns. With PROXY_HTTP_ALPN the connection may turn out to be HTTP/1.1:
 * then it is back1's, and so are those that follow. */
void proxy_back2_open(struct proxy_exchange *x);
/* Gives x a stream as above, if there is a connection with room for it; else false. */
MUST bool proxy_back2_join(struct proxy_exchange *x);
/* Takes over a connection that was opened for x by somebody else, leads to `to`, and has agreed to
 * h2. */
void proxy_back2_adopt(struct proxy_worker *w, struct proxy_hop *hop, struct proxy_transport *t,
		       const struct ip_endpoint *to, struct proxy_exchange *x);
/* Keeps a connection that was opened otherwise, likewise; or closes it, when one that is there has
 * room. */
void proxy_back2_keep(struct proxy_worker *w, struct proxy_hop *hop, struct proxy_transport *t,
		      const struct ip_endpoint *to);
/* The hop's connections end when their streams are done; those without at once. */
void proxy_back2_close_hop(struct proxy_hop *hop);
/* All are closed, whatever they do: no exchange may be left. */
void proxy_back2_end_all(struct proxy_worker *w);

#endif
