/* TLS that is inspected: whose, by what the proxy shows in the place of a server, and which names
 * did not bear it. Of each worker; the main thread reads what is counted.
 */
#ifndef FORWARD_PROXY_IO_INSPECT_H
#define FORWARD_PROXY_IO_INSPECT_H

#include "proxy/auth/conf_user.h"
#include "proxy/face.h"
#include "service/forward-proxy/access/destination.h"
#include "service/forward-proxy/busiest.h"
#include "service/forward-proxy/inspect/sites.h"
#include "service/forward-proxy/io_exchange.h"
#include "service/forward-proxy/names.h"
#include "service/forward-proxy/refusal.h"

#include <pthread.h>

struct client_hello;
struct control_reply;
struct control_request;
struct forward_exchange;
struct forward_worker;

/* A connection inside a tunnel. Its own piece of memory: it may outlive the tunnel's exchange. */
struct forward_inspected {
	struct destination to; /* whom the client takes us for, by TLS */
	/* The tunnel leads elsewhere than the name: there, by whichever proxy of others that goes;
	 * and the name that is gone to in the place of `at`, for safe search; empty: none. */
	bool elsewhere;
	struct destination at;
	char instead[FORWARD_INSTEAD_MAX + 1];
	/* Directly it is gone to these, if it leads elsewhere, or was taken on its way; else n is
	 * 0. */
	struct names_addresses fixed;
	/* By whom the tunnel was led: upstream_server.number and 1, of the site of that number; 0:
	 * directly. */
	uint32_t by;
	uint64_t site;
	uint8_t refusal;    /* enum refusal: what every request inside is answered */
	struct span detail; /* of it; static */
	struct span user;   /* who opened the tunnel, in user_text; empty: nobody */
	char user_text[PROXY_USER_NAME_MAX + 1];
	char name[INSPECT_SITE_NAME_MAX]; /* to's host as TLS has it: no brackets, NUL */
};

enum forward_tally { TALLY_REFUSED, TALLY_GONE, TALLY_LEFT, TALLY_BAD, TALLIES };

/* Of one worker. The lock is held for one look, and for a copy. */
struct forward_inspection {
	struct inspect_sites sites; /* the worker's alone */
	pthread_mutex_t lock;
	struct busiest names[TALLIES];
};

MUST enum err forward_inspection_new(struct forward_inspection **ret);
void forward_inspection_free(struct forward_inspection *n); /* accepts NULL */

/* Is the client of that tunnel to be answered here, by what it begins TLS with? What is said of its
 * name was found good before. ENOMEM; ERR_FORMAT: whom it asks for cannot be told. */
MUST enum err forward_inspects(struct forward_exchange *e, const struct client_hello *h, bool *ret);
/* The client is among those whose TLS is inspected now, whatever it asks for. */
bool forward_is_inspected(const struct forward_exchange *e);

/* The face's. */
struct proxy_hop *forward_inspect(void *arg, struct proxy_exchange *x);
enum proxy_greet forward_greet(void *arg, struct proxy_exchange *x,
			       const struct proxy_transport *server, struct proxy_connection *c,
			       struct proxy_admission *ret);
void forward_disconnected(void *arg, struct proxy_connection *c);
/* A tunnel is over, of which nobody was let in. */
void forward_inspect_leave(struct forward_exchange *e);

#endif
