/* What becomes of a request, given what is stored for it: used as it is, used stale, validated, or
 * sent on (RFC 9111 4, 4.2.4, 5.2.1; RFC 5861). Knows no storage and no clock.
 */
#ifndef HTTP_CACHE_DECIDE_H
#define HTTP_CACHE_DECIDE_H

#include "http-cache/meta.h"

/* Why a request goes to the server: the tokens of RFC 9211 2.2. */
enum cache_forward {
	CACHE_FWD_NOT,
	CACHE_FWD_BYPASS,
	CACHE_FWD_METHOD,
	CACHE_FWD_URI_MISS,
	CACHE_FWD_VARY_MISS,
	CACHE_FWD_MISS,
	CACHE_FWD_REQUEST,
	CACHE_FWD_STALE,
	CACHE_FWD_PARTIAL,
};

/* "uri-miss"; never NULL. */
const char *cache_forward_text(enum cache_forward why);

enum cache_use {
	CACHE_USE,	   /* it answers */
	CACHE_USE_STALE,   /* it answers, and is validated beside (RFC 5861 3) */
	CACHE_VALIDATE,	   /* it is asked for under condition; or anew if it has no validator */
	CACHE_UNREACHABLE, /* 504: only-if-cached (5.2.1.7) */
};

struct cache_decision {
	enum cache_use use;
	enum cache_forward why; /* of CACHE_VALIDATE */
	uint64_t age_s;
	int64_t ttl_s;
};

/* m: of what is stored and was selected. asked: Cache-Control of the request. authorized: the
 * request has Authorization. */
struct cache_decision cache_decide(const struct cache_meta *m, const struct cache_directives *asked,
				   bool authorized, const struct cache_policy *policy,
				   uint64_t now_s);

/* Nothing is stored: is it 504 (5.2.1.7)? */
bool cache_only_if_cached(const struct cache_directives *asked, const struct cache_policy *policy);

/* The server failed to answer, or answered 500, 502, 503 or 504 (RFC 5861 4): may what is stored be
 * sent instead? */
bool cache_may_use_on_error(const struct cache_meta *m, const struct cache_directives *asked,
			    const struct cache_policy *policy, uint64_t now_s);
bool cache_status_is_error(uint16_t status);

/* Of two that match the one to use (4: "a cache MUST use the most recent one (as determined by the
 * Date header field)"). */
bool cache_is_newer(const struct cache_meta *a, const struct cache_meta *b);

#endif
