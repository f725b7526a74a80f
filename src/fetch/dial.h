/* A connection to a server by its name: its addresses are asked for and tried in order, each within
 * a time, until one is open. Knows nothing of what is said there.
 */
#ifndef FETCH_DIAL_H
#define FETCH_DIAL_H

#include "fetch/connection.h"
#include "fetch/resolve.h"

/* OK: d->connection is open, and is the caller's to use; it sets d->connection's call before it
 * returns. Else why the last address failed, or the last that was refused; ERR_ABSENT: there was
 * none. Never called within fetch_dial. */
typedef void fetch_dialled(void *arg, enum err why);

/* May all of a name's addresses be gone to? If one may not, none is. */
typedef bool fetch_may(void *arg, const struct ip_address *found, size_t n);

struct fetch_dial_to {
	struct fetch_resolvers resolvers;
	const char *host; /* a name, or the text of an address */
	uint16_t port;
	struct tls_peer *peer; /* borrowed while it runs and is open; NULL: without TLS */
	uint32_t address_ms;   /* for each address but the last */
	uint64_t until_ms;     /* for all of it, by the loop's clock */
	bool outside;	       /* addresses inside a site are passed over */
	fetch_may *may;	       /* NULL: all may be gone to */
	void *may_arg;	       /* borrowed while it runs */
};

/* Storage is the caller's and may not move. */
struct fetch_dial {
	struct loop *loop; /* borrowed */
	fetch_dialled *call;
	void *arg; /* borrowed */
	struct fetch_resolve resolve;
	struct fetch_connection connection;
	char fault[64]; /* why an address was refused, by TLS, `outside` or `may`; "" */
	enum err fault_why;
	/* Private. */
	struct ip_address found[FETCH_RESOLVED_MAX];
	size_t found_n, at; /* addresses, and the next of them */
	uint16_t port;
	struct tls_peer *peer;
	uint32_t address_ms;
	uint64_t until_ms;
	bool outside;
	fetch_may *may;
	void *may_arg;
	struct loop_timer timer;
};

void fetch_dial_init(struct fetch_dial *d, struct loop *loop, fetch_dialled *call, void *arg);
/* Begins; what runs is forgotten. ERR_FORMAT: the host is no name. */
MUST enum err fetch_dial(struct fetch_dial *d, const struct fetch_dial_to *to);
/* The connection that was opened is no good: the next address. May call within itself. */
void fetch_dial_next(struct fetch_dial *d, enum err why);
/* Is the address that is open one inside: loopback, private, link-local, or none of one host? */
bool fetch_dial_is_inside(const struct fetch_dial *d);
/* Nothing is told any more, and the connection is closed. Accepts zeroed storage. */
void fetch_dial_stop(struct fetch_dial *d);

#endif
