/* How much clients may move in a day, a week or a month: what each has used, counted by all workers
 * in one table. Knows no connection, no clock and no file.
 *
 * What is counted is one number that several threads add to; nobody waits for a lock but who comes
 * for the first time. Each looks at what is left before it moves bytes, so past the end go no more
 * than the other workers move in one go meanwhile.
 *
 * Bounded: where there is no room a new client takes the place of the one that has used least and
 * has nothing running. */
#ifndef FORWARD_PROXY_ACCESS_QUOTA_H
#define FORWARD_PROXY_ACCESS_QUOTA_H

#include "service/forward-proxy/access/bandwidth.h"
#include "service/forward-proxy/access/period.h"
#include "service/forward-proxy/access/whom.h"

enum {
	QUOTAS_MAX = 8,
	QUOTA_NAME_MAX = 32,
	QUOTA_WHO_MAX = 128,
	QUOTA_BYTES_MIN = 1024,
	QUOTA_GRANT_MAX = 256 * 1024, /* moved in one go by who is slow afterwards */
};

/* What is granted beside in one period ends there: as good as no limit, and a number that a file
 * may have. */
#define QUOTA_EXTRA_MAX (UINT64_C(1) << 60)

/* Whose bytes are counted together. */
enum quota_by {
	QUOTA_BY_ADDRESS, /* an IPv6 client is its /64 */
	QUOTA_BY_USER,	  /* who is not signed in: by address */
	QUOTA_BY_GROUP,	  /* all of a group; of several that fit the first */
	QUOTA_BY_ALL,	  /* whoever the quota fits */
};

enum quota_then { QUOTA_REFUSE, QUOTA_SLOW };

/* All numbers that are not 0 hold. */
struct quota {
	const char *name; /* at most QUOTA_NAME_MAX; what is used is kept by it */
	struct whom whom;
	enum quota_by by;
	uint64_t bytes;			     /* both ways together */
	uint64_t ways[BANDWIDTH_DIRECTIONS]; /* one way */
	struct period period;
	enum quota_then then;
	uint64_t rate; /* of QUOTA_SLOW, each way, in bytes a second */
};

struct quotas {
	const struct quota *items;
	size_t n; /* at most QUOTAS_MAX */
	const struct policy_zone *zone;
};

/* NULL: there is none of that name. */
const struct quota *quota_find(const struct quotas *all, struct span name);

/* What a client has used of a quota. */
struct quota_use {
	char quota[QUOTA_NAME_MAX + 1];
	enum quota_by by; /* what `who` is; of BY_ALL it is "all" */
	uint8_t who_len;
	uint8_t who[QUOTA_WHO_MAX]; /* an address or prefix as text, a user, a group */
	struct period_span period;
	uint64_t used[BANDWIDTH_DIRECTIONS];
	uint64_t extra; /* may be moved in this period beside */
};

/* Of what it is a part, and cut at QUOTA_WHO_MAX. */
void quota_use_name(struct quota_use *u, const char *quota, enum quota_by by, struct span who);
/* Is any of its numbers used up? */
bool quota_is_over(const struct quota *q, const struct quota_use *u);

struct quota_table;
struct quota_row;

/* What an exchange draws from; the quotas are borrowed from the configuration. */
struct quota_claim {
	struct {
		struct quota_row *row;
		const struct quota *quota;
	} items[QUOTAS_MAX];
	size_t n;
};

/* rows_max: of all quotas together; their memory is taken when they are used. */
MUST enum err quota_table_new(size_t rows_max, struct quota_table **ret);
void quota_table_free(struct quota_table *t); /* accepts NULL */
DEFINE_AUTO(struct quota_table, quota_table_free)

/* All quotas that fit, held until quota_leave. ERR_LIMIT: there is no room to count, and ret is
 * empty. Any thread, as the next ones. */
MUST enum err quota_claim(struct quota_table *t, const struct quotas *all,
			  const struct access_facts *f, struct quota_claim *ret);
/* Accepts one that was left. */
void quota_leave(struct quota_claim *c);

/* How many bytes may still go that way until a quota that refuses is used up; 0: it is. UINT64_MAX:
 * none does. */
uint64_t quota_room(const struct quota_claim *c, enum bandwidth_direction way);
void quota_count(const struct quota_claim *c, enum bandwidth_direction way, uint64_t n);
/* The quota that refuses and is used up, and when its next period begins; NULL: none. */
const struct quota *quota_refuses(const struct quota_claim *c, uint64_t *ret_ends_s);
/* Is there one that slows? Then *ret has the limits of those that are used up, maybe none. */
bool quota_slows(const struct quota_claim *c, struct bandwidth_claim *ret);

/* ---- of one thread at a time, while others count ---- */

/* What was used in a period that is over is forgotten, by the quotas as they are now. To be called
 * every second. A clock that was set back gives nothing back. */
void quota_turn(struct quota_table *t, const struct quotas *all, uint64_t now_s);

/* for (size_t at = 0; quota_next(t, &at, &use);) in no order. */
bool quota_next(struct quota_table *t, size_t *at, struct quota_use *ret);
size_t quota_rows(const struct quota_table *t);

/* Adds to what is there of that quota and client, which may be nothing: used and extra, the latter
 * up to QUOTA_EXTRA_MAX. ERR_LIMIT: there is no room. */
MUST enum err quota_put(struct quota_table *t, const struct quota_use *u);
/* Nothing is used, nothing extra is there. False: there is no such row. */
bool quota_reset(struct quota_table *t, const struct quota_use *which);

#endif
