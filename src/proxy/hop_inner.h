/* What next hops and connections of each version to them share. Nobody outside of this folder
 * includes it, and it knows no version.
 */
#ifndef PROXY_HOP_INNER_H
#define PROXY_HOP_INNER_H

#include "proxy/exchange.h"
#include "proxy/hop.h"

struct proxy_transport;
struct tls_peer;

/* Goes to x->hop on a kept connection or a new one: proxy_exchange_opened or _failed tells, maybe
 * before it returns. */
void hop_open(struct proxy_exchange *x);
/* A connection to the hop is there, or is gone. */
void hop_count_open(struct proxy_worker *w, struct proxy_hop *hop);
void hop_count_gone(struct proxy_worker *w, struct proxy_hop *hop);
/* Keeps the hop while a connection to it changes its owner, and no longer. */
void hop_hold(struct proxy_hop *hop);
void hop_let_go(struct proxy_worker *w, struct proxy_hop *hop);
/* Whether it still stands for where a connection leads: the service judged these addresses and no
 * others. */
bool hop_leads_to(const struct proxy_hop *hop, const struct ip_endpoint *to);
/* Connects for x; the PROXY header that the hop asks for goes first. tls: of whom it connects to.
 */
MUST enum err hop_connect(const struct proxy_exchange *x, struct tls_peer *tls,
			  struct proxy_transport **ret);
/* Why a connection that was being opened failed, which the hop remembers. */
enum proxy_cause hop_open_cause(struct proxy_hop *hop, const struct proxy_transport *t);

#endif
