/* What the DNS says of servers that have a name or SRV records instead of an address: kept while
 * it says nothing better, asked anew by its times to live. Does no I/O and knows no clock.
 *
 *	reload:	lookups_set(&l, pools, n, now_ms)
 *	turn:	while ((k = lookups_due(&l, now_ms))) ask for k->name, then
 *		if (lookups_take(&l, k, now_ms, &answer)) make pools anew by lookups_target
 */
#ifndef REVERSE_PROXY_LOOKUP_H
#define REVERSE_PROXY_LOOKUP_H

#include "proto/dns/addresses.h"
#include "proto/dns/services.h"
#include "service/reverse-proxy/pool_make.h"

enum { LOOKUPS_MAX = 4096, LOOKUP_TYPES = 2 };

struct lookup {
	struct dns_name name; /* lower case */
	bool srv;
	/* Of a host: A, then AAAA. Of a service: its servers, whose targets are lookups too. */
	struct dns_addresses addresses[LOOKUP_TYPES];
	struct dns_services *services; /* NULL: none yet */
	uint64_t due_ms;	       /* LOOKUP_ASKED: an answer is awaited */
	unsigned failures;	       /* in a row */
	bool wanted;		       /* private to lookup.c */
	struct lookup *next;
};

#define LOOKUP_ASKED UINT64_MAX

/* Zeroed storage is empty. */
struct lookups {
	struct lookup *first;
	size_t n;
	const struct reverse_pool_conf *pools; /* borrowed until the next lookups_set */
	size_t pools_n;
};

struct lookup_answer {
	bool told[LOOKUP_TYPES]; /* of a service: the first tells of services */
	struct dns_addresses addresses[LOOKUP_TYPES];
	struct dns_services services;
};

/* The names of these pools; of those that were there before, what is known stays. ERR_LIMIT: more
 * than LOOKUPS_MAX; ENOMEM. Some are missing then. */
MUST enum err lookups_set(struct lookups *l, const struct reverse_pool_conf *pools, size_t n,
			  uint64_t now_ms);
void lookups_done(struct lookups *l);

/* One whose time has come, marked as asked; NULL: none. */
struct lookup *lookups_due(struct lookups *l, uint64_t now_ms);
/* All have been answered, or have failed, at least once. */
bool lookups_settled(const struct lookups *l);
/* When the next one's time comes; LOOKUP_ASKED: never. */
uint64_t lookups_next_ms(const struct lookups *l);

/* How asking went; k may be gone afterwards. What was not told, and an answer that there is no such
 * thing, change nothing: a server is not given up for a mistake in a zone. True: there are other
 * servers now. */
bool lookups_take(struct lookups *l, struct lookup *k, uint64_t now_ms,
		  const struct lookup_answer *answer);

/* A reverse_target_find; arg: struct lookups. */
bool lookups_target(void *arg, const struct reverse_server_conf *server, size_t nth,
		    struct reverse_target *ret);

#endif
