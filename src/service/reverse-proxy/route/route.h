/* Which route a request takes: a table of routes compiled once, and the most specific one of those
 * that match. Knows no connection, no pool's back ends, no file and no configuration language.
 *
 * Most specific means, in this order:
 *   1. the host: a whole name, before a wildcard (`*.home.arpa`; the longer the better), before
 *      regular expressions (`~^www[0-9]`, in the order of the file), before none;
 *   2. the path: exact (`=/a`), before regular expressions (`~[.]php$`, in the order of the file),
 *      before the longest beginning; of equal ones a pattern (`/a/{id}`) before a prefix (`/a`),
 * and the pattern of more segments first;
 *   3. a method, before none;
 *   4. more conditions on fields, query, client and port, before fewer; that a redirect to https is
 * only for who came without TLS is one;
 *   5. the order of the file.
 * A route that matches but for one of its conditions is passed over, and the next one is asked: a
 * request with a known host may so take a route without a host. An expression of which it could not
 * be found out whether it matches ends the search: no route is found, and nobody gets past a route
 * that forbids something. */
#ifndef REVERSE_PROXY_ROUTE_ROUTE_H
#define REVERSE_PROXY_ROUTE_ROUTE_H

#include "proto/ip/prefix.h"

struct edit_list;
struct edit_text;

enum {
	ROUTE_CAPTURES_MAX = 8, /* names of a pattern, groups of an expression */
	ROUTE_PATH_MAX = 1024,	/* bytes of a path in the configuration */
	ROUTE_HOST_MAX = 253,
	ROUTES_MAX = 65536,
};

/* What is asked of a request. All spans are the caller's. */
struct route_facts {
	struct span method;
	struct span host;	  /* lower case, without port and last dot (uri_host_normal) */
	struct span path;	  /* normal form (uri_path_normal) */
	struct span query;	  /* without the question mark */
	struct ip_address client; /* never IPv4-mapped */
	uint16_t port;		  /* of ours, which the connection came to */
	bool secure;		  /* it came by TLS, to us or to a proxy that we trust */
	/* The value of the first field of that name (any case) at or behind *at, which is moved
	 * behind it; false: no more. */
	bool (*field)(const void *head, struct span name, size_t *at, struct span *ret_value);
	const void *head; /* for field */
};

/* A condition on a field or on one of the query's arguments. */
struct route_condition {
	const char *name;
	const char *value; /* NULL: it must be there; else one of its values must be this */
};

enum route_action { ROUTE_POOL, ROUTE_REDIRECT, ROUTE_FILES, ROUTE_ANSWER };

/* How the path changes on its way to the back end. */
struct route_rewrite {
	const char *strip; /* NULL: nothing; taken off the front, on a segment's border */
	const char *add;   /* NULL: nothing; put in front */
	const struct edit_text *path;  /* NULL: as it is; else instead of the path */
	const struct edit_text *query; /* NULL: as it is; else instead of the query */
	const struct edit_text *host;  /* NULL: the host as received; else in place of it */
};

struct route_redirect {
	uint16_t status;	    /* 301, 302, 303, 307, 308 */
	const struct edit_text *to; /* NULL: the same address by https, unless it came so */
	bool keep_query, keep_path; /* appended to what `to` says */
};

struct route_files {
	const char *root;
	const char *const *index; /* index_n names that stand for a folder */
	size_t index_n;
	const char *fallback; /* NULL: 404; else this file below root instead (single-page apps) */
	bool links;	      /* symbolic links are followed, as long as they stay below root */
	bool compressed;      /* FILE.br, FILE.zst and FILE.gz beside FILE are sent instead of it */
	uint32_t max_age_s;   /* UINT32_MAX: no Cache-Control */
};

struct route_answer {
	uint16_t status;
	const char *body, *type; /* NULL: the error page of that status, or nothing */
};

/* One route. Everything in it is borrowed from the configuration and outlives the table. */
struct route {
	const char *name; /* for logs and counters; NULL: by number */
	uint32_t number;  /* place in the file, from 0 */

	/* When. Each list empty: always. */
	const char *const *hosts; /* lower case; "*.x" all below x; "*" all; "~x" an expression */
	size_t hosts_n;
	/* "=/a" exact, "/a/{b}" pattern, "/a" prefix; in normal form; "~x" an expression */
	const char *const *paths;
	size_t paths_n;
	const char *const *methods;
	size_t methods_n;
	const struct route_condition *fields, *query; /* all of them must hold */
	size_t fields_n, query_n;
	const struct ip_prefix *clients;
	size_t clients_n;
	const int64_t *ports; /* of ours */
	size_t ports_n;

	/* What then. */
	enum route_action action;
	uint32_t pool;	    /* number of the pool in the file, for ROUTE_POOL */
	bool files_or_pool; /* ROUTE_FILES: what is no file there is asked of the pool */
	struct route_rewrite rewrite;
	struct route_redirect redirect;
	struct route_files files;
	struct route_answer answer;
	const struct edit_list *request_edits, *response_edits; /* NULL: none */
	uint32_t guard;	     /* number of its guard (guard.h); GUARD_NONE */
	uint32_t errors;     /* number of its pages for errors; 0: the section's */
	uint64_t body_max;   /* of a request, bytes; UINT64_MAX: the listener's limit alone */
	bool compress;	     /* answers may be compressed */
	uint32_t timeout_ms; /* of the back end's silence; 0: the section's */
};

/* What a pattern's names stood for, in the order of the pattern. */
struct route_found {
	const struct route *route;
	struct span
		matched; /* the part of the path that the route's path names; all of it if exact */
	size_t captures_n;
	struct span captures[ROUTE_CAPTURES_MAX];
	const char *pattern; /* the one that matched, or NULL: names the captures */
};

struct route_table;

/* routes: n of them, borrowed until route_table_free; judged before by route_path_check. ENOMEM. */
MUST enum err route_table_new(const struct route *routes, size_t n, struct route_table **ret);
void route_table_free(struct route_table *t); /* accepts NULL */
DEFINE_AUTO(struct route_table, route_table_free)

/* The route of this request, or false. No allocation; time in the length of host and path and in
 * the number of routes that have the very same host and path, not in the number of routes. */
bool route_find(const struct route_table *t, const struct route_facts *facts,
		struct route_found *ret);

/* The value of the pattern's {name}, of an expression's group {1} to {8}, in what was found; false:
 * none of that name. */
bool route_capture(const struct route_found *found, struct span name, struct span *ret);

/* Why a `path` or a `host` of the configuration is none; NULL: it is right. */
const char *route_path_wrong(const char *path);
const char *route_host_wrong(const char *host);

#endif
