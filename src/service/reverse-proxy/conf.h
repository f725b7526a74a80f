/* The `reverse-proxy` section of the configuration as a struct, put together from the parts of its
 * rooms, and its schema. Knows nothing of sockets, reads no files and decides nothing about a
 * request.
 *
 * Each part is a header and a file of its own, which say what its keys mean: conf_listen,
 * conf_limits (the service), conf_pool (balance/), conf_route and conf_guard (route/, guard/),
 * conf_tls (the certificates), conf_acme, conf_stream; the cache's is of both proxies. A part joins
 * by a member here, by its key in conf.c, and by its judge there when its keys are to be judged
 * together with others'.
 */
#ifndef REVERSE_PROXY_CONF_H
#define REVERSE_PROXY_CONF_H

#include "config/schema.h"
#include "proxy/access-log/conf_log.h"
#include "proxy/cache/conf_cache.h"
#include "proxy/io_rings.h"
#include "service/reverse-proxy/conf_acme.h"
#include "service/reverse-proxy/conf_limits.h"
#include "service/reverse-proxy/conf_listen.h"
#include "service/reverse-proxy/conf_pool.h"
#include "service/reverse-proxy/conf_route.h"
#include "service/reverse-proxy/conf_stream.h"
#include "service/reverse-proxy/conf_tls.h"

enum { REVERSE_WORKERS_MAX = 64, REVERSE_RESOLVERS_MAX = 4 };

struct reverse_conf {
	struct config_list listen;	 /* struct reverse_listen_conf */
	struct config_list certificates; /* struct reverse_certificate_conf */
	struct config_list authorities;	 /* struct reverse_authority_conf */
	const char *store;		 /* sqlite, or a URL of PostgreSQL */
	struct span store_password, store_key;
	uint64_t store_keep_ms; /* of certificates that nobody wants, after their end */
	uint32_t workers;	/* 0: one for each processor */
	enum proxy_rings_wish io_uring;
	struct config_list trusted;	 /* struct ip_prefix */
	struct config_list pools;	 /* struct reverse_pool_conf */
	struct config_list resolver;	 /* struct ip_endpoint */
	struct config_list routes;	 /* struct reverse_route_conf */
	struct config_list streams;	 /* struct reverse_stream_conf */
	const char *countries;		 /* path; NULL: none */
	struct reverse_guard_conf guard; /* of routes without one of their own */
	bool has_guard;
	struct config_list errors; /* struct reverse_error_conf: of routes without their own */
	struct reverse_limits_conf limits;
	struct reverse_timeouts_conf timeouts;
	struct access_log_conf access_log;
	struct proxy_cache_conf cache;
};

extern const struct config_map reverse_conf_map;

/* The number of the pool of that name, or SIZE_MAX. */
size_t reverse_pool_find(const struct reverse_conf *conf, const char *name);

#endif
