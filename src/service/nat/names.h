/* The host names of a configuration and the addresses that the DNS gave for them last: when each is
 * to be asked for again, and what an answer changes. Sends nothing.
 *
 *	nat_names_collect(conf, &names)		at the start and at a reload
 *	nat_names_due(&names, now_ms)		the one to ask for now, twice: A and AAAA
 *	nat_names_answer(...)			whether something changed: the tables are made anew
 */
#ifndef NAT_NAMES_H
#define NAT_NAMES_H

#include "base/err.h"
#include "proto/dns/name.h"
#include "proto/ip/address.h"

struct nat_conf;

enum {
	NAT_NAMES_MAX = 1024,
	NAT_NAME_ADDRESSES_MAX = 16, /* of each family; more are passed over */
	NAT_NAME_TTL_MIN_S = 5,	     /* asked for again no sooner */
	NAT_NAME_TTL_MAX_S = 3600,
	/* After no answer, or none that says something: soon, as when all services of a site start
	 * at once, then twice as long each time, up to this. */
	NAT_NAME_RETRY_FIRST_S = 1,
	NAT_NAME_RETRY_S = 15,
};

enum nat_name_family { NAT_NAME_V4, NAT_NAME_V6, NAT_NAME_FAMILIES };

/* What was learnt in one family. */
struct nat_name_family_state {
	struct ip_address addresses[NAT_NAME_ADDRESSES_MAX]; /* ascending */
	size_t n;
	uint64_t due_ms;  /* UINT64_MAX: is being asked for */
	bool answered;	  /* there was an answer, if only that there is none */
	uint32_t retry_s; /* waited after the last that said nothing; 0: it said something */
};

struct nat_name {
	struct dns_name name;
	struct nat_name_family_state family[NAT_NAME_FAMILIES];
};

struct nat_names {
	struct nat_name *items; /* owned */
	size_t n;
	uint64_t changes; /* counts answers that were news */
};

/* Fills zeroed or earlier storage with all names that conf says, each once; what was known of those
 * that stay is kept. ERR_LIMIT: more than NAT_NAMES_MAX; ENOMEM. */
MUST enum err nat_names_collect(const struct nat_conf *conf, struct nat_names *names);
void nat_names_done(struct nat_names *names);

/* NULL: it is not among them. */
struct nat_name *nat_names_find(const struct nat_names *names, const struct dns_name *name);

/* One that is to be asked for now, and marks it as being asked; false: none. */
bool nat_names_due(struct nat_names *names, uint64_t now_ms, struct nat_name **ret_name,
		   enum nat_name_family *ret_family);
/* When nat_names_due has one; UINT64_MAX: not before an answer comes. */
uint64_t nat_names_next_ms(const struct nat_names *names);

/* An answer: n addresses (0: there are none) for ttl_s. Whether they differ from those before. */
bool nat_names_answer(struct nat_names *names, struct nat_name *name, enum nat_name_family family,
		      const struct ip_address *addresses, size_t n, uint32_t ttl_s,
		      uint64_t now_ms);
/* Nobody answered: what is known stays, and it is asked for again. */
void nat_names_silent(struct nat_name *name, enum nat_name_family family, uint64_t now_ms);

/* The question for one family; room: at least NAT_NAME_QUERY_MAX octets. Returns it. */
enum { NAT_NAME_QUERY_MAX = 512 };
struct span nat_names_query(const struct nat_name *name, enum nat_name_family family, uint16_t id,
			    void *room);

struct nat_name_answer {
	struct ip_address addresses[NAT_NAME_ADDRESSES_MAX];
	size_t n;	/* 0: there are none */
	uint32_t ttl_s; /* the least on the way */
};

/* What a message says to that question. ERR_FORMAT: it is no answer to it, and another one may
 * come; ERR_REFUSED: the server cannot tell (SERVFAIL, REFUSED…). */
MUST enum err nat_names_read(struct span message, const struct nat_name *name,
			     enum nat_name_family family, uint16_t id, struct nat_name_answer *ret);

#endif
