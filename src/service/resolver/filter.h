/* What a policy (policy/policy.h) means for questions: which are blocked, which are asked under
 * another name, whose answers are to be looked through for aliases. Knows neither messages nor
 * sockets; has no clock. */
#ifndef RESOLVER_FILTER_H
#define RESOLVER_FILTER_H

#include "base/siphash.h"
#include "policy/identity.h"
#include "policy/policy.h"

enum filter_answer { FILTER_NXDOMAIN, FILTER_ZERO, FILTER_PAGE };

/* Immutable while an engine has it; all borrowed. */
struct filter_rules {
	const struct policy *policy;
	const struct policy_pauses *pauses;
	const struct policy_tables *tables; /* of devices; NULL: no group goes by them */
	enum filter_answer answer;	    /* to who asks for what is blocked */
	struct ip_address page4, page6;	    /* of FILTER_PAGE; without a family: none */
	uint32_t ttl_s;			    /* of what is made here */
};

enum {
	FILTER_CLIENTS = 256, /* remembered, of the last ones */
	FILTER_CLIENT_S = 60, /* for so long */
};

/* Of this engine since it began. */
struct filter_stats {
	uint64_t blocked; /* questions, and answers by their aliases */
	uint64_t aliased; /* of those by an alias in the answer */
	uint64_t allowed; /* questions for what a list excepts */
	uint64_t safe;	  /* questions to search engines that were asked under another name */
	uint64_t lists[POLICY_LISTS_MAX]; /* blocked, by the list's number in the policy */
};

/* What holds for a client, remembered. */
struct filter_client {
	struct ip_address address;
	uint64_t since_s, until_s; /* a clock that is set back ends it too */
	uint64_t changes;	   /* of the tables, when it was asked */
	struct policy_view view;
};

struct filter {
	struct filter_stats stats;
	uint64_t now_s; /* of the wall clock */
	struct filter_client clients[FILTER_CLIENTS];
};

/* Another policy is in force. */
void filter_forget(struct filter *f);

enum filter_verdict {
	FILTER_PASS,
	FILTER_LOOK, /* pass, and look through the answer */
	FILTER_BLOCK,
	FILTER_SAFE, /* ask for engine's other name */
};

struct filter_ruling {
	enum filter_verdict verdict;
	unsigned engine; /* enum policy_engine */
	struct policy_match match;
};

/* A question for a name (lower case) of the client at that address. FILTER_SAFE is for types by
 * which a browser finds a server: mail to a search engine's domain goes where it goes. */
struct filter_ruling filter_judge(struct filter *f, const struct filter_rules *rules,
				  struct hash_key key, const struct ip_address *client,
				  const struct dns_name *name, uint16_t type);

/* An alias's target in the answer for such a client: is it blocked? What an alias leads to is not
 * sent to another engine, and an exception for it ends nothing. */
bool filter_blocks_alias(struct filter *f, const struct filter_rules *rules, struct hash_key key,
			 const struct ip_address *client, const struct dns_name *target);

#endif
