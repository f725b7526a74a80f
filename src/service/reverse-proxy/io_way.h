/* The way to the servers of a pool: which HTTP, and TLS with what its files held when they were
 * read. Immutable, shared by all threads, counted. Knows no connection.
 *
 * A reload that finds the same in the same files goes on with the same way: then connections and
 * sessions of TLS outlive it. With anything else a new way is made, and what was opened by the old
 * one serves the requests that are there, no others.
 */
#ifndef REVERSE_PROXY_IO_WAY_H
#define REVERSE_PROXY_IO_WAY_H

#include "crypto/hash.h"
#include "proxy/hop.h"

#include <stdatomic.h>

struct pool;
struct reverse_conf;
struct tls_client;

struct reverse_way {
	atomic_uint refs;
	enum proxy_protocol protocol;
	struct tls_client *tls; /* counted; NULL: plain */
	char *name;		/* owned; to check and to ask for; NULL: the server's own */
	uint8_t print[CRYPTO_SHA256_LEN]; /* of all that it was made of */
};

struct reverse_way *reverse_way_ref(struct reverse_way *w); /* accepts NULL */
void reverse_way_unref(struct reverse_way *w);		    /* any thread; accepts NULL */

/* Of each pool of conf, one for all that are spoken to alike; before, before_n: those of the
 * configuration in force, NULL: none. *ret is an array of conf->pools.n, for reverse_ways_free.
 * ENOMEM; ERR_CONFIG: a file cannot be used, which the log says with its line in the configuration.
 */
MUST enum err reverse_ways_new(const struct reverse_conf *conf, struct reverse_way *const *before,
			       size_t before_n, struct reverse_way ***ret);
void reverse_ways_free(struct reverse_way **ways, size_t n); /* accepts NULL */

/* The main thread, now and then: what TLS to the servers of a pool fails with, once for each
 * change, to the log. */
void reverse_way_tell(const struct pool *pool);

/* To a server of that name, by a hop that is filled: protocol and peers, which hop_done gives back.
 * way: NULL is HTTP/1.1 without TLS. ENOMEM. */
MUST enum err reverse_way_hop_set(const struct reverse_way *way, const char *host,
				  struct proxy_hop *hop);
void reverse_way_hop_done(struct proxy_hop *hop);

#endif
