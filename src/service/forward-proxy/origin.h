/* Where one worker's connections lead: a hop for each origin, so that a connection that was kept is
 * found by the name and port that a client asks for. Knows neither how it was chosen nor whether it
 * may be gone to.
 *
 * Bounded: one that nobody uses gives way to a new one, the one that was used longest ago first.
 */
#ifndef FORWARD_PROXY_ORIGIN_H
#define FORWARD_PROXY_ORIGIN_H

#include "base/table.h"
#include "proxy/hop.h"

struct proxy_worker;
struct tls_client;
struct tls_peer;

/* A name that is proved, and another one where that is gone to. */
enum { ORIGIN_HOST_MAX = 511, ORIGIN_OTHERS_MAX = 7 };

/* What leads there. Two names at one address are two origins: a connection is for one name. */
struct origin_key {
	struct span host; /* begins as in destination_host_format; at most ORIGIN_HOST_MAX */
	uint16_t port;
	/* PROXY_RAW: the far side of a tunnel; PROXY_HTTP_ALPN: by TLS, which origin_secure is for
	 */
	enum proxy_protocol protocol;
	/* 0: directly. Else by a proxy of others, of this number of the configuration: what another
	 * one leads to is not used. */
	uint64_t by;
};

struct origin {
	struct proxy_hop hop;		  /* first: whom it leads to is set before each use */
	struct origin *next, *previous;	  /* of those that nobody uses */
	struct proxy_hop_socks socks;	  /* of the hop, where that is one */
	struct proxy_hop_connect connect; /* likewise */
	struct tls_peer *tls, *tls1;	  /* of the hop; counted; NULL: plain */
	size_t users;
	uint64_t by;
	bool forgotten; /* not in the table any more */
	uint16_t port;
	uint16_t host_len;
	uint8_t protocol;
	char host[ORIGIN_HOST_MAX];
	struct ip_endpoint others[ORIGIN_OTHERS_MAX]; /* the hop's */
};

struct origins {
	struct table table;
	struct origin *first, *last; /* unused, the last used first */
	size_t n, max;		     /* n: those that are forgotten, too */
	struct proxy_worker *worker; /* borrowed */
};

/* max: at once, those in use not counted out. */
void origins_init(struct origins *o, struct hash_key key, size_t max, struct proxy_worker *worker);
/* Closes what nobody uses. For the end: all exchanges are over when the worker is freed, and then
 * origins_done. */
void origins_close(struct origins *o);
/* Frees those that are left. Accepts zeroed storage. */
void origins_done(struct origins *o);

/* Used until origins_leave. NULL: no memory, or all are in use. */
struct origin *origins_use(struct origins *o, const struct origin_key *key);
/* New connections lead to one of these, at least one; those beyond ORIGIN_OTHERS_MAX + 1 are passed
 * over. */
void origin_lead(struct origin *origin, const struct ip_endpoint *to, size_t n);
/* Connections are by TLS from now on, with whoever proves to be name, as client checks it; once it
 * has happened, nothing more does. ENOMEM. */
MUST enum err origin_secure(struct origin *origin, struct tls_client *client, const char *name);
void origins_leave(struct origins *o, struct origin *origin);
/* proxy_face.hop_empty. */
void origins_empty(struct origins *o, struct origin *origin);

#endif
