/* What a cache needs to know of a response in order to use it again: how long it is fresh, how old
 * it was, what it can be validated by (RFC 9111 4.2, 4.3). Made once when it is stored; knows no
 * clock, no connection and not where the response lies.
 */
#ifndef HTTP_CACHE_META_H
#define HTTP_CACHE_META_H

#include "http-cache/directives.h"

/* What whoever runs the cache wants of it; times in seconds. */
struct cache_policy {
	bool is_private;	   /* one user's own; else shared by many (the usual) */
	bool heuristics;	   /* 4.2.2 */
	bool clients;		   /* clients' directives count (5.2.1: "advisory") */
	bool proved;		   /* as with Authorization: who asks has shown who he is (3.5) */
	bool set_cookie;	   /* answers that set cookies may be stored */
	uint32_t default_s;	   /* for answers without any time of their own; 0: none */
	uint32_t heuristic_max_s;  /* a guess is never longer */
	uint32_t lifetime_max_s;   /* nothing is fresh longer; CACHE_SECONDS_NONE: any */
	uint32_t stale_validate_s; /* stale-while-revalidate where the answer says nothing */
	uint32_t stale_error_s;	   /* stale-if-error likewise */
};

/* Where a lifetime comes from. */
enum cache_source {
	CACHE_FROM_NOTHING,
	CACHE_FROM_S_MAXAGE,
	CACHE_FROM_MAX_AGE,
	CACHE_FROM_EXPIRES,
	CACHE_FROM_HEURISTIC,
	CACHE_FROM_DEFAULT,
};

/* "s-maxage"; never NULL. */
const char *cache_source_text(enum cache_source source);

struct cache_meta {
	uint16_t status;
	uint8_t source;	      /* enum cache_source */
	bool targeted;	      /* by CDN-Cache-Control */
	bool no_cache;	      /* validate at each use */
	bool must_revalidate; /* never stale: must-revalidate, or proxy-revalidate of a shared one
			       */
	bool s_maxage;	      /* likewise, unless the answer itself allows otherwise */
	bool authorized;      /* 3.5: good for requests with Authorization */
	bool has_modified, has_date;
	uint32_t lifetime_s;
	uint32_t initial_age_s;			  /* corrected_initial_age of 4.2.3 */
	uint32_t stale_validate_s, stale_error_s; /* by the answer, or by the policy; 0: none */
	bool stale_by_answer;			  /* the answer itself allows it */
	uint64_t response_s; /* when it was received or last validated, since 1970 */
	uint64_t date_s;     /* of Date; response_s without one */
	uint64_t modified_s; /* has_modified: of Last-Modified */
	struct span etag;    /* borrowed from the fields; empty: none */
};

/* request_s, response_s: when the request went and the head came (4.2.3), in seconds since 1970. */
void cache_meta_read(uint16_t status, struct cache_fields f, const struct cache_policy *policy,
		     uint64_t request_s, uint64_t response_s, struct cache_meta *ret);

/* current_age (4.2.3). */
uint64_t cache_age_s(const struct cache_meta *m, uint64_t now_s);
/* Seconds that it stays fresh; not positive: it is stale by so many. */
int64_t cache_ttl_s(const struct cache_meta *m, uint64_t now_s);

/* RFC 9110 15.1: may be given a lifetime though it says none. */
bool cache_status_is_heuristic(uint16_t status);

#endif
