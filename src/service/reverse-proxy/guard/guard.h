/* Who is let in, how often, and after what proof: rules compiled once, and buckets and counts that
 * all workers share. Knows no connection, no configuration language and no clock; what takes time
 * (a slow hash, a question to another server) is named in the verdict and done by the caller.
 *
 * The order for a request: deny and allow by address, by country; rate limits; basic
 * authentication; forward authentication. The first that does not pass answers. */
#ifndef REVERSE_PROXY_GUARD_GUARD_H
#define REVERSE_PROXY_GUARD_GUARD_H

#include "base/err.h"
#include "base/span.h"
#include "proto/ip/prefix.h"
#include "proxy/auth/basic_auth.h"

struct guard_state;

#define GUARD_NONE UINT32_MAX

enum {
	GUARD_RATES_MAX = 4, /* limits of one guard */
	GUARD_COUNTRIES_MAX = 256,
	GUARD_SHARE_KEY_LEN = 16,
	GUARD_SHARE_COUNT_MAX = 1 << 24,
};

/* By what a rate limit tells one client from another. */
enum guard_key {
	GUARD_BY_CLIENT, /* address; of IPv6 its /64 */
	GUARD_BY_ROUTE,	 /* all clients together */
	GUARD_BY_FIELD,	 /* a header field's value; without it the client */
	GUARD_BY_COOKIE, /* a cookie's value; without it the client */
};

struct guard_rate {
	enum guard_key key;
	const char *name;  /* of the field or cookie */
	uint32_t number;   /* its own, unlike that of any other limit of the snapshot's file */
	uint32_t requests; /* in each period */
	uint32_t period_ms;
	uint32_t burst; /* at once, at least 1 */
	bool shared;	/* with other gateways, where there is a key for it (guard_state_conf) */
};

struct guard_forward {
	uint32_t pool;	     /* who is asked */
	const char *path;    /* there */
	const char *host;    /* NULL: the request's own */
	uint32_t timeout_ms; /* after which the answer is no */
	/* Names: of the answer's fields that go on to the back end (and are taken out of what the
	 * client sent), and of those that go to the client with a refusal. */
	const char *const *copy;
	size_t copy_n;
};

struct guard_basic {
	const char *realm;
	struct auth_users users;
};

/* One guard; borrowed from the configuration. */
struct guard_rules {
	const struct ip_prefix *deny, *allow; /* deny first; allow empty: everybody else */
	size_t deny_n, allow_n;
	/* Two capital letters each; unknown countries are let in unless allow_countries is given.
	 */
	const uint16_t *deny_countries, *allow_countries;
	size_t deny_countries_n, allow_countries_n;
	struct guard_rate rates[GUARD_RATES_MAX];
	size_t rates_n;
	bool has_basic, has_forward;
	bool secure; /* answers get the fields of secure.h */
	struct guard_basic basic;
	struct guard_forward forward;
};

struct guard_facts {
	struct ip_address client; /* never IPv4-mapped */
	uint16_t country;	  /* of client: two capital letters, high byte first; 0: unknown */
	uint32_t route;
	uint64_t now_ms; /* monotonic */
	bool (*field)(const void *head, struct span name, size_t *at, struct span *ret_value);
	const void *head; /* for field, as in route.h */
};

enum guard_answer {
	GUARD_PASS,
	GUARD_DENIED,  /* 403 */
	GUARD_LIMITED, /* 429, with Retry-After */
	GUARD_SIGN_IN, /* 401, with WWW-Authenticate: no credentials, or wrong ones */
	GUARD_HASH,    /* the credentials must be hashed first: wait, then guard_after_hash */
	GUARD_ASK,     /* forward authentication: ask, then judge its answer */
};

struct guard_verdict {
	enum guard_answer answer;
	/* Of the tightest rate limit, when there is one (has_rate): for the RateLimit fields. */
	bool has_rate;
	uint32_t limit, remaining, reset_s, period_s;
	uint32_t retry_after_s; /* GUARD_LIMITED */
	/* GUARD_HASH, and GUARD_PASS or GUARD_ASK after basic authentication: who it is said to
	 * be; NULL with GUARD_HASH: nobody of that name, hash something of the same price and say
	 * no. */
	const struct auth_user *user;
	struct span credentials; /* the base64 of "name:password"; points into the head */
};

/* Country of two letters as guard_rules and guard_facts have it; 0: none. */
static inline uint16_t guard_country(struct span text)
{
	return text.len == 2 ? (uint16_t)(text.data[0] << 8 | text.data[1]) : 0;
}

/* What all workers share and what outlives a reload: buckets, counts of connections, credentials
 * that were found right. Bounded: a new key takes the place of the one that was used least lately.
 */
struct guard_state_conf {
	size_t buckets_max;	 /* rate limits' keys at once; 32 bytes each */
	size_t clients_max;	 /* addresses whose connections are counted at once */
	size_t credentials_max;	 /* basic authentication: pairs that were found right */
	uint64_t credentials_ms; /* and for so long */
	/* GUARD_SHARE_KEY_LEN octets that all gateways have and nobody else: limits with `shared`
	 * are counted for them too. NULL: they are like the others. */
	const uint8_t *share_key;
	size_t shares_max; /* keys that wait to be told at once; 24 bytes each */
};
MUST enum err guard_state_new(const struct guard_state_conf *conf, struct guard_state **ret);
void guard_state_free(struct guard_state *s); /* accepts NULL */
DEFINE_AUTO(struct guard_state, guard_state_free)

/* By address and country only: for connections, before anything is read. */
enum guard_answer guard_admits(const struct guard_rules *rules, const struct ip_address *client,
			       uint16_t country);

/* All of it. Counts the request against its limits. Any thread; allocates nothing, never waits. */
void guard_judge(const struct guard_rules *rules, struct guard_state *state,
		 const struct guard_facts *facts, struct guard_verdict *ret);

/* So many requests of one key were admitted by one gateway. each_us and burst are its limit's, as
 * all gateways have it; name is a keyed hash of the limit and of what tells the key. */
struct guard_share {
	uint64_t name;
	uint32_t count, each_us, burst; /* each at least 1 */
};

/* What was admitted here since it was taken last: at most max keys, those that wait longest first;
 * fewer than max: all. One thread. */
size_t guard_shares_take(struct guard_state *s, struct guard_share *ret, size_t max);
/* Others admitted this: it is taken from the bucket here, which may come to owe, but no more than
 * `others` gateways can have admitted until we heard of it. Any thread. */
void guard_share_charge(struct guard_state *s, const struct guard_share *share, unsigned others,
			uint64_t now_ms);
/* Requests that were admitted while the keys that wait were too many: others never hear of them. */
uint64_t guard_shares_lost(const struct guard_state *s);

/* After GUARD_HASH, when the password was right: what comes next, GUARD_PASS or GUARD_ASK. */
enum guard_answer guard_after_hash(const struct guard_rules *rules);

/* The same moment: what the hash thread found. A later guard_judge of the same credentials passes
 * without a hash, until credentials_ms are over or the user's record changes. */
void guard_found_right(struct guard_state *state, const struct auth_user *user,
		       struct span credentials, uint64_t now_ms);

/* One more connection of this client, when fewer than client_max of its own and total_max of all
 * are open; 0: no limit. An IPv6 client is its /64. Give back what was true with guard_left. */
bool guard_entered(struct guard_state *s, const struct ip_address *client, uint32_t client_max,
		   uint32_t total_max);
void guard_left(struct guard_state *s, const struct ip_address *client);

#endif
