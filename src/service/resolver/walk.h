/* One resolution under way, and the inside of the engine that it lives in. for engine.c, query.c
 * and walk_*.c alone; knows no sockets and no clock. */
#ifndef RESOLVER_WALK_H
#define RESOLVER_WALK_H

#include "base/siphash.h"
#include "base/slab.h"
#include "base/wheel.h"
#include "service/resolver/cache.h"
#include "service/resolver/dns64.h"
#include "service/resolver/engine.h"
#include "service/resolver/filter.h"
#include "service/resolver/reply.h"
#include "service/resolver/said.h"

/* Limits for one question of a client, so that nobody buys much of our work, or of others', with
 * little of his (NXNSAttack; RFC 9520 and RFC 1035 5.3.3: "bound the amount of work"). */
#define WALK_ASKS_MAX	     64u /* questions sent, those of sub-walks included */
#define WALK_LOOKUPS_MAX     12u /* names of servers looked up, likewise */
#define WALK_LOOKUPS_AT_ONCE 2u	 /* of them for one zone cut at a time */
#define WALK_DEPTH_MAX	     6u	 /* sub-walks of sub-walks */
#define WALK_CNAMES_MAX	     SAID_LINKS_MAX
#define WALK_TIME_US	     9000000u
#define WALK_MISMATCHES_MAX  8u	   /* forged answers to one question; then it goes over TCP */
#define WALK_RECURSIVE_MAX   3u	   /* servers passed over because they only resolve for others */
#define WALK_LINKS_BYTES     8192u /* of RRsets on the way to the answer */
#define WALK_FAILURE_MS	     5000u /* RFC 9520 3.2: at least 1 s, at most 5 min */
#define WALK_TCP_US	     3000000u
#define ASKERS_A_WALK_MAX    1024u
#define ENGINE_SERVERS	     4096u /* remembered */
#define ROW_MAX		     (384u * 1024)

enum walk_state {
	WALK_START,   /* at a name: it may be in the cache, else the zone cut is to be found */
	WALK_READY,   /* at a zone cut: to ask one of its servers */
	WALK_ASKING,  /* a question is out */
	WALK_WAITING, /* for the addresses of servers */
	WALK_DONE,
};

/* A client that waits. */
struct waiter {
	struct waiter *next;
	struct asker from;
	uint16_t id, flags, edns_size;
	bool edns, do_bit;
	bool look; /* its answer is looked through for aliases that are blocked */
	uint16_t question_len;
	uint8_t question[DNS_NAME_MAX + 4];
};

/* A walk that waits for another one: for the addresses of a server's name. */
struct interest {
	struct interest *next;
	struct walk *walk;
	uint32_t cut; /* its cut_serial when it began to wait: later cuts do not care */
};

/* The question that is out. */
struct ask {
	bool active;
	uint32_t serial;
	uint16_t id, type;
	enum engine_transport transport;
	struct ip_endpoint at;
	uint8_t address; /* in the delegation */
	uint8_t mismatches;
	bool edns, cookie;	   /* were sent */
	bool tcp_next, plain_next; /* how the same server is to be asked again */
	uint32_t vain;		   /* questions for this very thing sent in vain before */
	uint64_t sent_us;
	struct dns_name name;
};

struct walk {
	struct walk *next_in_bucket, *next_ready;
	struct engine *engine;
	uint32_t slot;
	enum walk_state state;
	bool ready;	 /* in the list of those to be stepped */
	bool prime;	 /* the walk that refreshes the root's servers */
	bool cache_only; /* the client did not ask for recursion: it never waits */
	struct dns_name qname, sname;
	uint16_t qtype, stype; /* RFC 1034 5.3.2: stype is looked for at sname */
	/* Its answers are for clients of DNS64; stype A: to make AAAA of, with at most that TTL. */
	bool dns64;
	bool dns64_failed;  /* the question for AAAA was not answered */
	bool dns64_renamed; /* the first link is one that DNS64 made */
	uint32_t dns64_ttl_max_s;
	/* Asked for a search engine under its other name: enum policy_engine + 1; 0: no. */
	uint8_t safe;
	uint8_t depth, cnames;
	uint16_t asks, lookups; /* charged here, by itself and by what it started */
	uint16_t lookups_now;	/* sub-walks under way for the present cut */
	struct walk *starter;	/* who is charged too; NULL when it is gone */
	uint64_t started_us;
	struct waiter *waiters, *waiters_last;
	uint16_t waiters_n;
	struct interest *interests;
	struct wheel_timer timer;
	struct minimise_state minimise;
	uint64_t zone_hash;
	uint32_t cut_serial;
	bool cut_cached;  /* the cut was not learned by this walk, so it may be out of date */
	bool cut_retried; /* and was found anew already */
	bool cut_widened; /* by what else is known of its servers */
	bool cut_settled; /* for servers that are not the zone's but answer */
	struct delegation cut;
	struct ask ask;
	uint8_t *links; /* from the slab, when there are any: a row of packed RRsets */
	size_t links_len;
	/* For a person who watches; 0: nobody. Sub-walks inherit it. */
	uint64_t trace;
	uint32_t exchanges, silent, tcp_exchanges, tcp_silent; /* charged like asks */
	bool from_cache;     /* the last answer was not asked for */
	uint32_t hold_max_s; /* of the whole answer: the least of what it was made of */
};

struct engine {
	const struct engine_rules *rules;
	struct cache *cache;
	struct engine_effects effects;
	struct engine_stats stats;
	struct filter filter;
	struct servers servers;
	uint64_t now_us;   /* of timers: the clock without its leaps */
	uint64_t leapt_us; /* by so much the clock is ahead of it */
	uint8_t seed[16];
	uint64_t drawn; /* counter of the generator */
	uint64_t prime_after_ms;
	uint64_t no_ipv4_until_ms, no_ipv6_until_ms; /* nothing could be sent over it */
	struct slab walks, waiters, interests, links;
	struct walk **slots; /* by ask_ref.slot */
	uint32_t *free_slots;
	uint32_t slots_n, free_n, serial;
	struct walk **buckets; /* by question */
	size_t buckets_n;
	struct hash_key hash_key;
	struct walk *ready_first, *ready_last;
	struct wheel wheel;
	/* Scratch, of one call. */
	uint32_t hold_max_s; /* of what is stored */
	struct said said;
	struct verdict verdict;
	uint8_t answer_row[ROW_MAX], authority_row[ROW_MAX], additional_row[ROW_MAX];
	uint8_t joined_row[ROW_MAX]; /* links and final */
	uint8_t dns64_row[ROW_MAX];  /* what DNS64 made; untouched without it */
	uint8_t entry[CACHE_PAYLOAD_MAX];
	uint8_t build[DNS_MESSAGE_MAX], out[DNS_MESSAGE_MAX];
	uint8_t packed[REPLY_PACKED_MAX];
};

static inline uint8_t engine_answer_kind(bool dns64, bool sigs)
{
	if (dns64)
		return sigs ? CACHE_ANSWER_64_DO : CACHE_ANSWER_64;
	return sigs ? CACHE_ANSWER_DO : CACHE_ANSWER;
}

static inline uint64_t engine_now_ms(const struct engine *e)
{
	return (e->now_us + e->leapt_us) / 1000;
}

/* engine.c */
void engine_time_is(struct engine *e, uint64_t clock_us); /* at the begin of each call */
uint64_t engine_random(struct engine *e);
void engine_run(struct engine *e); /* steps what is ready until nothing is */
void engine_ready(struct walk *w);
struct walk *engine_walk_find(struct engine *e, const struct dns_name *name, uint16_t type,
			      bool dns64, uint8_t safe);
/* ERR_LIMIT when there is no room for one more walk. */
MUST enum err engine_walk_new(struct engine *e, const struct dns_name *name, uint16_t type,
			      struct walk **ret);
void engine_walk_free(struct walk *w);

/* walk.c: from a name to its zone cut or its cached answer, and the end. */
void walk_step(struct walk *w);
/* Follows an alias to its target, the link's RRsets (a row) kept. The walk is ready or done after
 * it. */
void walk_follow(struct walk *w, struct span links, const struct dns_name *target);
struct walk_result {
	uint16_t rcode, ede;
	struct span final; /* a row; its first RRset is the answer, the others are proofs; may be
			      empty */
	struct span authority; /* of a denial: SOA and proofs */
	bool cached;	       /* it was in the cache */
};
void walk_finish(struct walk *w, const struct walk_result *result);
void walk_fail(struct walk *w, uint16_t ede);
void walk_timer(struct walk *w);

/* Copies a live entry of at least that rank into room, its age taken off; empty when there is none.
 */
struct span walk_cached_row(struct engine *e, enum cache_kind kind, struct span name, uint16_t type,
			    uint8_t rank, uint8_t *room, size_t cap);

/* query_filter.c: what the policy does to questions and answers. */
struct query_filter {
	bool look;    /* the answer is to be looked through */
	uint8_t safe; /* as in struct walk */
};
/* The length of the answer in place of what is blocked; 0: it is resolved as ret says. */
size_t engine_filter_query(struct engine *e, const struct asker *from, const struct dns_query *q,
			   const struct reply_to *to, uint8_t *out, struct query_filter *ret);
/* After an answer of len octets was written to out: when an alias in it is blocked another one
 * stands there. Its length. */
size_t engine_filter_answer(struct engine *e, const struct ip_address *client,
			    const struct reply_to *to, uint8_t *out, size_t len);
/* True: the name is one that leads to another, and the walk goes on there, or is over. */
bool walk_safe_search(struct walk *w);

/* walk_ask.c: which name to ask, whom, and how often. */
void walk_ask(struct walk *w);
void walk_ask_end(struct walk *w); /* the question that is out is over */
void walk_ask_timeout(struct walk *w);
void walk_ask_unreachable(struct walk *w, bool sent);
struct server *walk_ask_server(struct walk *w);
/* The servers that are not the zone's but answer are to be asked again, and believed. False: there
 * are none, or it was said before. */
bool walk_ask_settle(struct walk *w);

/* walk_said.c: what a reply does to the walk. False: it was none. */
bool walk_receive(struct walk *w, const struct ip_endpoint *from, struct span message);

/* walk_store.c: what is kept of a reply. */
void walk_store(struct walk *w, struct said *s, const struct verdict *v);
/* That a part of the name does not exist, so nothing below it does (RFC 8020). Some servers deny
 * names that only hold others; the root's do not. */
bool walk_believes_denial(const struct walk *w);
uint32_t walk_ttl(const struct engine *e, uint32_t ttl_s);
/* The row of a denial with its TTL set, in e->authority_row. */
struct span walk_denial_row(struct engine *e, const struct said *s, const struct said_set *soa);
/* The row of an answer and what proves it, in e->answer_row. */
struct span walk_answer_row(struct engine *e, const struct said *s, const struct said_set *final);

/* walk_cut.c: the zone cut nearest to the name, and addresses of its servers. */
void walk_cut_find(struct walk *w);
void walk_cut_refer(struct walk *w, const struct said *s, const struct said_set *ns);
/* All servers of a remembered cut failed: it is forgotten and the parent asked, once. False: that
 * is no way out. */
bool walk_cut_retry(struct walk *w);
/* All its known servers failed: those that only the zone itself names, and addresses that only the
 * parent states. False: there are no more. */
bool walk_cut_widen(struct walk *w);
/* Begins to look up servers' names; false when nothing is left to look up. */
bool walk_cut_look_up(struct walk *w);
/* A sub-walk ended: its addresses (a row, may be empty) go to those who waited. */
void walk_cut_tell(struct walk *sub, struct span row);

/* walk_dns64.c */
/* At the reverse name of a synthesized address: the walk follows a CNAME to that of the IPv4
 * address, ready or done after it. */
bool walk_dns64_reverse(struct walk *w);
/* What DNS64 makes of a result. True: the walk is not at its end but looks for an A. */
bool walk_dns64_finish(struct walk *w, struct walk_result *r);

/* walk_trace.c */
void walk_trace_cache(struct walk *w, bool hit, struct span row);
void walk_trace_start(struct walk *w, bool restart);
/* target may be NULL. */
void walk_trace_reply(struct walk *w, enum trace_event event, uint16_t rcode,
		      const struct dns_name *target, struct span row);
void walk_trace_silence(struct walk *w, enum trace_event event, bool sent);
void walk_trace_summary(struct walk *w, const struct walk_result *r, struct span row);

#endif
