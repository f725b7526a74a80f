#include "service/reverse-proxy/io_snapshot.h"
#include "os/countries.h"
#include "os/log.h"

#include "config/config.h"
#include "service/reverse-proxy/balance/backend.h"
#include "service/reverse-proxy/balance/pool.h"
#include "service/reverse-proxy/io_certificates.h"
#include "service/reverse-proxy/io_errors.h"
#include "service/reverse-proxy/io_names.h"
#include "service/reverse-proxy/io_way.h"
#include "service/reverse-proxy/pool_make.h"
#include "service/reverse-proxy/route/io_files.h"

#include <stdlib.h>

/* Above what the waiting line of any pool allows, which answers first. */
#define WAIT_MS 65000

static void limits_of(const struct reverse_conf *conf, struct proxy_limits *ret)
{
	const struct reverse_timeouts_conf *t = &conf->timeouts;
	*ret = (struct proxy_limits){
		.first_byte_ms = (uint32_t)t->first_byte_ms,
		.back_body_ms = (uint32_t)t->back_body_ms,
		.client_body_ms = (uint32_t)t->client_body_ms,
		.client_read_ms = (uint32_t)t->client_read_ms,
		.tunnel_ms = (uint32_t)t->tunnel_ms,
		.whole_ms = (uint32_t)t->whole_ms,
		.wait_ms = WAIT_MS,
		.request_body_max = conf->limits.body ? conf->limits.body : UINT64_MAX,
		.tries_max = POOL_TRIED_MAX, /* the pool says how many of them */
	};
}

static enum err read_countries(struct reverse_site *s)
{
	const char *why = NULL;
	if (!s->conf->countries)
		return OK;
	enum err e = countries_open(s->conf->countries, &s->countries, &why);
	if (!e || e == (enum err)ENOMEM)
		return e;
	log_error("the file of `countries` cannot be used", LOG_TEXT("file", s->conf->countries),
		  LOG_TEXT("why", why), LOG_ERR(e));
	return ERR_CONFIG;
}

/* Limits of each route, and the folders of those that have one. */
static enum err make_routes(struct reverse_site *s)
{
	TRY(reverse_routes_new(s->conf, &s->routes));
	const struct reverse_routes *r = s->routes;
	s->route_limits = calloc(r->routes_n + 1, sizeof(*s->route_limits));
	if (!s->route_limits)
		return ENOMEM;
	for (size_t i = 0; i < r->routes_n; i++) {
		s->route_limits[i] = s->limits;
		if (r->routes[i].body_max < s->limits.request_body_max)
			s->route_limits[i].request_body_max = r->routes[i].body_max;
		if (r->routes[i].timeout_ms) {
			s->route_limits[i].first_byte_ms = r->routes[i].timeout_ms;
			s->route_limits[i].back_body_ms = r->routes[i].timeout_ms;
		}
	}
	TRY(reverse_errors_read(s->routes, &s->pages));
	TRY(read_countries(s));
	return files_roots_new(r->routes, r->routes_n, &s->files);
}

enum err reverse_site_new(struct config *config, struct tls_tickets *tickets,
			  struct reverse_acme *acme, const struct reverse_site *before,
			  struct reverse_site **ret)
{
	struct reverse_site *s = calloc(1, sizeof(*s));
	if (!s)
		return ENOMEM;
	atomic_init(&s->refs, 1);
	s->config = config_ref(config);
	s->conf = config_section(config, "reverse-proxy");
	ASSERT(s->conf);
	const struct reverse_tls_source from = {
		.conf = s->conf,
		.tickets = tickets,
		.acme = acme,
		.before = before && before->config == config ? before->tls : NULL};
	limits_of(s->conf, &s->limits);
	s->trust = (struct route_trust){s->conf->trusted.items, s->conf->trusted.n};
	enum err e = make_routes(s);
	if (!e)
		e = reverse_tls_read(&from, &s->tls);
	if (!e)
		e = reverse_ways_new(s->conf, before ? before->ways : NULL,
				     before ? before->conf->pools.n : 0, &s->ways);
	if (e)
		reverse_site_unref(s);
	else
		*ret = s;
	return e;
}

void reverse_site_unref(struct reverse_site *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	files_roots_free(s->files);
	reverse_errors_free(s->pages);
	countries_close(s->countries);
	free(s->route_limits);
	reverse_routes_free(s->routes);
	reverse_tls_free(s->tls);
	if (s->conf)
		reverse_ways_free(s->ways, s->conf->pools.n);
	config_free(s->config);
	free(s);
}

const char *reverse_snapshot_pool_name(const struct reverse_snapshot *s, size_t pool,
				       char buf[IP_ENDPOINT_TEXT_MAX])
{
	const struct reverse_conf *conf = s->site->conf;
	const struct reverse_pool_conf *pools = conf->pools.items;
	if (pool < conf->pools.n)
		return pools[pool].name;
	struct ip_endpoint at;
	if (!reverse_route_pool(conf, pool, &at))
		return "?";
	(void)ip_endpoint_format(&at, buf);
	return buf;
}

static enum err make_pools(struct reverse_snapshot *s, struct registry *registry,
			   struct reverse_names *names, uint64_t now_ms)
{
	const struct reverse_conf *conf = s->site->conf;
	const struct reverse_pool_conf *pools = conf->pools.items;
	char name[IP_ENDPOINT_TEXT_MAX];
	for (size_t i = 0; i < conf->pools.n; i++, s->pools_n++)
		TRY(reverse_pool_make(registry, &pools[i], now_ms, reverse_names_target, names,
				      &s->pools[i]));
	for (size_t i = conf->pools.n; i < conf->pools.n + reverse_route_pools(conf); i++) {
		struct ip_endpoint at;
		if (!reverse_route_pool(conf, i, &at))
			return ERR_ABSENT;
		TRY(reverse_pool_make_one(registry, reverse_snapshot_pool_name(s, i, name), &at,
					  &s->pools[i]));
		s->pools_n++;
	}
	return OK;
}

enum err reverse_snapshot_new(struct reverse_site *site, struct registry *registry,
			      struct reverse_names *names, uint64_t number, uint64_t now_ms,
			      struct reverse_snapshot **ret)
{
	struct reverse_snapshot *s = calloc(1, sizeof(*s));
	if (!s)
		return ENOMEM;
	size_t pools = site->conf->pools.n + reverse_route_pools(site->conf);
	atomic_init(&s->refs, 1);
	(void)atomic_fetch_add_explicit(&site->refs, 1, memory_order_relaxed);
	s->site = site;
	s->number = number;
	s->pools = calloc(pools + 1, sizeof(*s->pools));
	enum err e = s->pools ? make_pools(s, registry, names, now_ms) : (enum err)ENOMEM;
	if (e)
		reverse_snapshot_unref(s);
	else
		*ret = s;
	return e;
}

struct reverse_snapshot *reverse_snapshot_ref(struct reverse_snapshot *s)
{
	(void)atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void reverse_snapshot_unref(struct reverse_snapshot *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < s->pools_n; i++)
		pool_unref(s->pools[i]);
	free(s->pools);
	reverse_site_unref(s->site);
	free(s);
}
