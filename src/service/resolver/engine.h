/* The resolver's decisions: a client's question becomes an answer from the cache, or a walk over
 * servers and then an answer. Does no I/O: time and entropy are arguments, and what is to be done
 * is told to effects.
 *
 * One engine for each worker; only the cache is shared. Effects are calls and not a returned list
 * because one reply may answer any number of waiting clients at once: a list would need an
 * allocation or a bound. They are made before the function that was called returns, and must not
 * call the engine. */
#ifndef RESOLVER_ENGINE_H
#define RESOLVER_ENGINE_H

#include "service/resolver/delegation.h"
#include "service/resolver/minimise.h"
#include "service/resolver/trace.h"

struct cache;
struct dns64_rules;
struct engine;
struct filter_rules;
struct filter_stats;

enum engine_transport { ENGINE_UDP, ENGINE_TCP };

/* Who asked. Kept as it is and handed back with the answer; only peer.address is looked at. */
struct asker {
	struct ip_endpoint peer, local;
	uint64_t token; /* the caller's: a connection, a socket */
	uint32_t ifindex;
	enum engine_transport transport;
};

/* One question to a server: whoever holds its socket gives the reply back under this reference.
 * Never used twice. */
struct ask_ref {
	uint32_t slot, serial;
};

struct engine_effects {
	void *ctx;
	/* An answer that was not given at once by engine_query. message lasts for the call. */
	void (*answer)(void *ctx, const struct asker *to, struct span message);
	/* Ask a server, from a port of its own that nobody can guess (RFC 5452 9.2); source: NULL
	 * or the address to ask from. Over TCP the two octets of length are the caller's. */
	void (*ask)(void *ctx, struct ask_ref ref, enum engine_transport transport,
		    const struct ip_endpoint *to, const struct ip_address *source,
		    struct span message);
	/* Nothing that comes for it matters any more. */
	void (*forget)(void *ctx, struct ask_ref ref);
	void (*trace)(void *ctx, uint64_t trace, const struct trace_step *step); /* may be NULL */
};

/* forward and stub zones of the configuration. */
struct engine_zone {
	struct dns_name name;
	enum delegation_kind kind; /* ITERATIVE: a stub zone */
	const struct ip_endpoint *to;
	size_t to_n;
	bool bounded; /* answers of its servers are held hold_max_s at most */
	uint32_t hold_max_s;
};

/* What the configuration decides; immutable while an engine has it. */
struct engine_rules {
	const struct engine_zone *zones; /* borrowed, as all pointers here */
	size_t zones_n;
	const struct delegation *roots;
	const struct ip_prefix *access; /* who may ask */
	size_t access_n;
	const struct ip_address *outgoing; /* chosen by family, at random */
	size_t outgoing_n;
	enum minimise minimise;
	bool prime, full_answers, special_names;
	struct delegation_rules upstream;
	uint32_t ttl_min_s, ttl_max_s, negative_max_s;
	uint16_t edns_size;
	uint16_t upstream_port;
	const struct dns64_rules *dns64;   /* NULL: off */
	const struct filter_rules *filter; /* NULL: nothing is blocked */
	const char *version;  /* of version.bind and version.server CH TXT; NULL: refused */
	const char *identity; /* of id.server and hostname.bind CH TXT; NULL: refused */
};

/* Of this engine since it began. */
struct engine_stats {
	uint64_t queries, queries_tcp; /* from clients */
	uint64_t hits;		       /* answered whole from the cache, in the batch */
	uint64_t dropped, refused, malformed;
	uint64_t joined;			/* waited for a walk that was under way */
	uint64_t walks, walks_now, limit_walks; /* limit: there was no room for one more */
	uint64_t answered, nxdomain, servfail;
	uint64_t synthesized; /* resolutions that made AAAA of A (DNS64) */
	uint64_t asks, asks_tcp, timeouts, mismatched, lame, cookies_bad;
};

/* walks_max: resolutions in flight. seed: fresh entropy, for ids, choices and cookies. rules, cache
 * and effects are borrowed; effects is copied. ENOMEM. */
MUST enum err engine_new(const struct engine_rules *rules, struct cache *cache, size_t walks_max,
			 const uint8_t seed[32], const struct engine_effects *effects,
			 struct engine **ret);
void engine_free(struct engine *e);

/* New rules hold for what begins from now on; walks under way keep their zone cuts. */
void engine_set_rules(struct engine *e, const struct engine_rules *rules);

/* Seconds since 1970, for schedules of the filter: told before questions when there is one. */
void engine_wall_is(struct engine *e, uint64_t wall_s);

/* A message from a client. Returns the length of the answer written to out (cap bytes, at least
 * 512; over TCP 65535), or 0: none now; it comes by effects.answer, or never. */
size_t engine_query(struct engine *e, uint64_t now_us, const struct asker *from,
		    struct span message, uint8_t *out, size_t cap);

/* A message that came to the socket of ref from a server. False: it was no answer to the question
 * (forged, late, torn), and the wait goes on. */
bool engine_receive(struct engine *e, uint64_t now_us, struct ask_ref ref,
		    const struct ip_endpoint *from, struct span message);
/* Its connection broke, or the network said that nobody is there; or, sent false, it could not be
 * sent at all: no route, no socket. */
void engine_ask_failed(struct engine *e, uint64_t now_us, struct ask_ref ref, bool sent);

/* Does what is due. */
void engine_tick(struct engine *e, uint64_t now_us);
/* When to call it; UINT64_MAX: no need. */
uint64_t engine_next_us(const struct engine *e);

/* Resolves for a person who watches: steps go to effects.trace with the number, TRACE_SUMMARY last.
 * ERR_LIMIT: too many walks. */
MUST enum err engine_trace(struct engine *e, uint64_t now_us, uint64_t trace,
			   const struct dns_name *name, uint16_t type);

const struct engine_stats *engine_stats(const struct engine *e);
const struct filter_stats *engine_filter_stats(const struct engine *e);

/* Forgets what is known of servers: round trips, lameness, cookies. */
void engine_forget_servers(struct engine *e);

#endif
