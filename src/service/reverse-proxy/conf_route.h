/* Routes as the configuration has them, and as route/ wants them. Knows no request. */
#ifndef REVERSE_PROXY_CONF_ROUTE_H
#define REVERSE_PROXY_CONF_ROUTE_H

#include "base/arena.h"
#include "config/schema.h"
#include "proxy/cache/conf_cache.h"
#include "service/reverse-proxy/conf_guard.h"
#include "service/reverse-proxy/route/edit.h"

struct error_pages;
struct guard_rules;
struct reverse_conf;
struct route;
struct route_table;

enum { REVERSE_ROUTES_MAX = 65536, REVERSE_EDITS_MAX = 64 };

/* Lists of const char *: "Name: text" to set and to add, "Name" to remove. */
struct reverse_edits_conf {
	struct config_list set, add, remove;
};

struct reverse_rewrite_conf {
	const char *strip, *add, *path, *query, *host; /* NULL: not */
};

struct reverse_redirect_conf {
	const char *to; /* NULL: no redirect; "https" */
	int status;	/* place in 301, 302, 303, 307, 308 */
	bool keep_query;
};

struct reverse_answer_conf {
	uint16_t status; /* 0: none */
	const char *body, *type;
};

struct reverse_files_conf {
	const char *root;	  /* NULL: none */
	struct config_list index; /* const char * */
	const char *fallback;	  /* NULL: none */
	bool links, compressed;
	bool has_max_age;
	uint64_t max_age_ms;
};

struct reverse_route_conf {
	struct config_list host, path, method; /* const char *; none: any */
	struct config_list header, query;      /* const char *: NAME, or NAME=VALUE */
	struct config_list client;	       /* struct ip_prefix */
	struct config_list port;	       /* int64_t: of ours */
	const char *to; /* a pool's name, or the address of a server; with files: of the rest */
	struct reverse_redirect_conf redirect;
	struct reverse_answer_conf answer;
	struct reverse_files_conf files;
	struct reverse_guard_conf guard;
	bool has_guard;
	struct reverse_rewrite_conf rewrite;
	struct reverse_edits_conf request, response;
	bool compress;
	struct proxy_cache_rules_conf cache;
	bool has_cache;
	uint64_t body_max;	   /* bytes; 0: the listener's limit alone */
	uint64_t timeout_ms;	   /* 0: the section's */
	struct config_list errors; /* struct reverse_error_conf; none: the section's */
	bool has_errors;
	uint32_t line;
};

extern const struct config_map reverse_route_map;

/* That each goes to what there is. */
void reverse_route_check(const struct reverse_conf *conf, struct config_at *at);

/* A route whose `to` is an address has a pool of its own, behind those that have names: number
 * conf->pools.n is the first one. How many there are. */
size_t reverse_route_pools(const struct reverse_conf *conf);
/* The server of the pool of that number; false: it has a name, or is none. */
bool reverse_route_pool(const struct reverse_conf *conf, size_t number, struct ip_endpoint *ret);

/* The routes compiled; immutable, borrowed from the configuration, which outlives them. */
struct reverse_routes {
	struct route *routes; /* routes_n, in the order of the file */
	size_t routes_n;
	struct route_table *table;
	struct guard_rules *guards; /* by route.guard */
	size_t guards_n;
	struct error_pages *errors; /* by route.errors; the first are the section's */
	size_t errors_n;
	struct arena memory; /* what routes point to */
};

MUST enum err reverse_routes_new(const struct reverse_conf *conf, struct reverse_routes **ret);
void reverse_routes_free(struct reverse_routes *r); /* accepts NULL */
DEFINE_AUTO(struct reverse_routes, reverse_routes_free)

#endif
