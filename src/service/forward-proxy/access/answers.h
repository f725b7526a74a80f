/* Which answers may reach a client: rules about their media type and their size, of which the first
 * that fits decides. What no rule decides passes. Knows no connection, no message and no cache; an
 * answer is judged for each client anew, wherever it comes from.
 *
 * The type is what the head says, as browsers go by it, and no guess by the first octets: those can
 * be anything's. No type, one that is none, and those by which browsers guess for themselves
 * (WHATWG MIME Sniffing 5.1: unknown/unknown, application/unknown, and what stands for all types)
 * are all `none`, which a rule can name; X-Content-Type-Options: nosniff does not make a type of
 * them. Where several are said, one is enough to deny and all are needed to allow. Of
 * multipart/byteranges, whose parts have types of their own and whose whole is not told, all that a
 * rule which denies asks is taken to fit.
 *
 * The size is that of the whole: of a part (RFC 9110 14.4) that of what it is a part of, so that
 * nothing comes by pieces. It is of octets as they are sent, whatever their coding makes of them.
 */
#ifndef FORWARD_PROXY_ACCESS_ANSWERS_H
#define FORWARD_PROXY_ACCESS_ANSWERS_H

#include "service/forward-proxy/access/access.h"

#define ANSWERS_ANY_SIZE UINT64_MAX

struct answers_rule {
	struct access_rule who;	  /* action, clients, destination, hours, reason */
	const char *const *types; /* lower case; types_n 0: any */
	size_t types_n;
	uint64_t larger; /* it fits what has more octets; ANSWERS_ANY_SIZE: any. With deny only */
};

/* Borrowed from the configuration. */
struct answers_rules {
	const struct answers_rule *items;
	size_t n;
	const struct policy_zone *zone; /* of times */
	bool paths;			/* one of them is about paths */
};

enum { ANSWERS_TYPES_MAX = 8 };

/* What an answer's head says. */
struct answers_facts {
	struct span types[ANSWERS_TYPES_MAX]; /* "text/html"; views, in whatever case */
	unsigned types_n;
	bool types_more;  /* than there is room for */
	bool typeless;	  /* of 304: what is not said is not taken for none */
	bool in_parts;	  /* multipart/byteranges */
	bool has_size;	  /* else it is found out as it comes */
	bool never_sized; /* it has no body: HEAD, 304; sizes that are not told do not matter */
	uint64_t size;
};

/* Reads one field Content-Type, and adds to f. */
void answers_type_add(struct answers_facts *f, struct span value);
/* Of Content-Range: the size of the whole, or as much of it as is known. False: neither. */
bool answers_size_of_range(struct span value, uint64_t *ret);

struct answers_verdict {
	bool denied, by_size;
	size_t rule; /* that decided, with denied */
	/* Not denied: how many octets its body may have. The rule that says so; ANSWERS_ANY_SIZE:
	 * none does. */
	uint64_t most;
	size_t most_rule;
};

/* Any thread; allocates nothing. who: addresses and readings too, as far as they are known. */
void answers_judge(const struct answers_rules *r, const struct access_facts *who,
		   const struct answers_facts *f, struct answers_verdict *ret);

/* "video/mp4", the same with a star behind the slash, or "none": a type as rules have it. */
bool answers_type_is_valid(struct span text);

#endif
