/* Whether a response may be stored, and which rule says so (RFC 9111 3). Knows no storage.
 */
#ifndef HTTP_CACHE_STORE_H
#define HTTP_CACHE_STORE_H

#include "http-cache/meta.h"

/* In the order in which they are asked; the first that forbids is told. */
enum cache_rule {
	CACHE_MAY_STORE,
	CACHE_RULE_METHOD,	  /* 3: "the request method is understood by the cache" */
	CACHE_RULE_INTERIM,	  /* 3: "the response status code is final" */
	CACHE_RULE_STATUS,	  /* 3: 206, 304, must-understand, 5.2.2.3 */
	CACHE_RULE_CLIENT,	  /* 5.2.1.5: no-store of the request */
	CACHE_RULE_NO_STORE,	  /* 5.2.2.5 */
	CACHE_RULE_PRIVATE,	  /* 5.2.2.7 */
	CACHE_RULE_AUTHORIZATION, /* 3.5 */
	CACHE_RULE_UNMARKED,   /* 3: none of the marks, and no status that is cacheable as such */
	CACHE_RULE_VARY_ANY,   /* 4.1: "*" "always fails to match" */
	CACHE_RULE_SET_COOKIE, /* ours: one client's cookie is not for the next */
	CACHE_RULE_USELESS,    /* ours: it is never fresh, and nothing validates it */
	/* Of who stores: not by the head alone. */
	CACHE_RULE_VARY_LONG, /* selecting fields longer than CACHE_VARY_MAX */
	CACHE_RULE_LARGE,     /* the head, or the body, is over the limit */
	CACHE_RULE_BYPASS,    /* the configuration, for this request */
	CACHE_RULE_BODY,      /* the request had a body (RFC 9110 9.3.1) */
	CACHE_RULE_CONDITION, /* If-Match and the like are for the server (4.3.2) */
	CACHE_RULE_MEMORY,
	CACHE_RULES,
};

/* A word, and a sentence with the source; never NULL. */
const char *cache_rule_word(enum cache_rule rule);
const char *cache_rule_text(enum cache_rule rule);

/* The head of a response. */
struct cache_answered {
	uint16_t status;
	struct cache_fields fields;
};

/* All rules about heads but the last, which is about times: what is forbidden anyway need not have
 * them read. */
enum cache_rule cache_forbids(struct span method, struct cache_fields request,
			      const struct cache_answered *a, const struct cache_policy *policy);
/* CACHE_RULE_USELESS. m: of the response, by cache_meta_read. */
bool cache_is_useless(const struct cache_meta *m);

/* The two together. */
enum cache_rule cache_may_store(struct span method, struct cache_fields request,
				struct cache_fields response, const struct cache_meta *m,
				const struct cache_policy *policy);

/* Whether a field is stored (3.1): not those of one connection, of a proxy's own dialogue with its
 * clients, Age (which is counted on), and those that the answer keeps from shared caches. d: of the
 * response. */
bool cache_field_is_stored(const struct http_field *f, const struct cache_directives *d,
			   const struct cache_policy *policy);

/* 4.4: "A cache MUST invalidate the target URI when a non-error status code is received in response
 * to an unsafe request method (including methods whose safety is unknown)." */
bool cache_invalidates(struct span method, uint16_t status);

#endif
