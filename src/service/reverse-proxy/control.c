/* The verbs of the reverse proxy on its control socket. */
#include "base/writer.h"
#include "os/clock.h"
#include "proxy/cache/io_cache_control.h"
#include "proxy/count.h"
#include "proxy/metrics.h"
#include "service/reverse-proxy/balance/pool.h"
#include "service/reverse-proxy/io_certs.h"
#include "service/reverse-proxy/io_health.h"
#include "service/reverse-proxy/io_rates.h"
#include "service/reverse-proxy/io_reverse.h"
#include "service/reverse-proxy/io_staples.h"
#include "service/reverse-proxy/io_stream_udp.h"
#include "service/reverse-proxy/route/route.h"

#define PREFIX "gatehouse_reverse_proxy_"

static void set_number(json_t *object, const char *key, uint64_t n)
{
	(void)json_object_set_new(object, key, json_integer((json_int_t)n));
}

static void set_text(json_t *object, const char *key, const char *text)
{
	(void)json_object_set_new(object, key, json_string(text));
}

static uint64_t count_of(const void *arg, unsigned index)
{
	const struct reverse_proxy *p = arg;
	uint64_t n = 0;
	for (size_t i = 0; i < p->workers_started; i++)
		if (p->workers[i].io)
			n += proxy_count_get(&proxy_io_worker(p->workers[i].io)->counts, index);
	return n;
}

/* --- back ends --- */

static uint64_t load(const _Atomic uint64_t *at)
{
	return atomic_load_explicit(at, memory_order_relaxed);
}

/* The least time that so many thousandths of all answers were faster than; 0: there were none. */
static uint64_t quantile_us(const struct backend *b, unsigned thousandths)
{
	uint64_t all = 0, seen = 0;
	for (unsigned i = 0; i < BACKEND_TIMES; i++)
		all += atomic_load_explicit(&b->times[i], memory_order_relaxed);
	for (unsigned i = 0; i < BACKEND_TIMES && all; i++) {
		seen += atomic_load_explicit(&b->times[i], memory_order_relaxed);
		if (seen * 1000 >= all * thousandths)
			return backend_time_bound_us(i);
	}
	return 0;
}

static json_t *backend_json(const struct reverse_proxy *p, const struct pool_member *m,
			    uint64_t now_ms)
{
	const char *why = reverse_health_why(p->health, m->backend);
	const struct backend *b = m->backend;
	char at[IP_ENDPOINT_TEXT_MAX];
	json_t *json = json_object(), *answers = json_array();
	(void)ip_endpoint_format(&b->at, at);
	set_text(json, "address", at);
	set_text(json, "name", m->name);
	set_text(json, "state", m->draining ? "drained" : backend_state_text(b, now_ms));
	if (why) /* "": the last check went well */
		set_text(json, "check", *why ? why : "well");
	set_number(json, "weight", m->weight);
	set_number(json, "level", m->level);
	set_number(json, "in_flight", atomic_load_explicit(&b->in_flight, memory_order_relaxed));
	set_number(json, "requests", load(&b->requests));
	for (size_t i = 0; i < sizeof(b->answers) / sizeof(b->answers[0]); i++)
		(void)json_array_append_new(answers,
					    json_integer((json_int_t)load(&b->answers[i])));
	(void)json_object_set_new(json, "answers", answers); /* by class: none, 1xx to 5xx */
	const char *fault = atomic_load_explicit(&b->fault, memory_order_relaxed);
	if (fault)
		set_text(json, "tls", fault);
	set_number(json, "connect_errors", load(&b->connect_errors));
	set_number(json, "tls_errors", load(&b->tls_errors));
	set_number(json, "resets", load(&b->resets));
	set_number(json, "timeouts", load(&b->timeouts));
	set_number(json, "retries", load(&b->retries));
	set_number(json, "bytes_in", load(&b->bytes_in));
	set_number(json, "bytes_out", load(&b->bytes_out));
	set_number(json, "latency_us", backend_latency_us(b, now_ms));
	set_number(json, "p50_us", quantile_us(b, 500));
	set_number(json, "p90_us", quantile_us(b, 900));
	set_number(json, "p99_us", quantile_us(b, 990));
	return json;
}

static json_t *pool_json(const struct reverse_proxy *p, size_t number, uint64_t now_ms)
{
	const struct reverse_snapshot *s = p->snapshot;
	const struct pool *pool = s->pools[number];
	const struct pool_state *state = pool->state;
	char name[IP_ENDPOINT_TEXT_MAX];
	json_t *json = json_object(), *list = json_array();
	set_text(json, "pool", reverse_snapshot_pool_name(s, number, name));
	set_number(json, "well", pool_well(pool, now_ms));
	set_number(json, "requests", load(&state->requests));
	set_number(json, "retries", load(&state->retries));
	set_number(json, "none", load(&state->none));
	set_number(json, "full", load(&state->full));
	set_number(json, "waited", load(&state->waited));
	for (size_t i = 0; i < pool->members_n; i++)
		(void)json_array_append_new(list, backend_json(p, &pool->members[i], now_ms));
	(void)json_object_set_new(json, "backends", list);
	return json;
}

static void handle_backends(void *arg, const struct control_request *req,
			    struct control_reply *reply)
{
	const struct reverse_proxy *p = arg;
	const char *wanted = control_request_query(req, "pool");
	uint64_t now_ms = loop_now_ms(&p->life.loop);
	json_t *list = json_array();
	char name[IP_ENDPOINT_TEXT_MAX];
	for (size_t i = 0; i < p->snapshot->pools_n; i++)
		if (!wanted ||
		    strcmp(wanted, reverse_snapshot_pool_name(p->snapshot, i, name)) == 0)
			(void)json_array_append_new(list, pool_json(p, i, now_ms));
	if (wanted && json_array_size(list) == 0) {
		json_decref(list);
		control_reply_error(reply, 404, "there is no such pool");
		return;
	}
	control_reply_json(
		reply, 200,
		json_pack("{s:I,s:o}", "time_us", (json_int_t)clock_monotonic_us(), "pools", list));
}

static bool is_named(const struct pool_member *m, const char *word)
{
	char at[IP_ENDPOINT_TEXT_MAX];
	(void)ip_endpoint_format(&m->backend->at, at);
	return strcmp(m->name, word) == 0 || strcmp(at, word) == 0;
}

/* Drains are kept with the back end, which a reload does not forget. */
static void set_drained(struct reverse_proxy *p, const struct control_request *req,
			struct control_reply *reply, bool drained)
{
	const char *server = control_request_query(req, "server");
	const char *pool = control_request_query(req, "pool");
	char name[IP_ENDPOINT_TEXT_MAX];
	json_int_t n = 0;
	if (!server) {
		control_reply_error(reply, 400, "server= must be an address and port, or a name");
		return;
	}
	for (size_t i = 0; i < p->snapshot->pools_n; i++) {
		const struct pool *in = p->snapshot->pools[i];
		if (pool && strcmp(pool, reverse_snapshot_pool_name(p->snapshot, i, name)) != 0)
			continue;
		for (size_t k = 0; k < in->members_n; k++) {
			if (!is_named(&in->members[k], server))
				continue;
			backend_set_drained(in->members[k].backend, loop_now_ms(&p->life.loop),
					    drained);
			n++;
		}
	}
	if (n == 0) {
		control_reply_error(reply, 404, "no pool has such a server");
		return;
	}
	control_event(p->life.control, drained ? "drained" : "undrained",
		      json_pack("{s:s}", "server", server));
	control_reply_json(reply, 200, json_pack("{s:I}", drained ? "drained" : "undrained", n));
}

static void handle_drain(void *arg, const struct control_request *req, struct control_reply *reply)
{
	set_drained(arg, req, reply, true);
}

static void handle_undrain(void *arg, const struct control_request *req,
			   struct control_reply *reply)
{
	set_drained(arg, req, reply, false);
}

/* --- routes --- */

static json_t *texts_json(const char *const *texts, size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(list, json_string(texts[i]));
	return list;
}

static const char *action_text(const struct route *r)
{
	switch (r->action) {
	case ROUTE_POOL: return "pool";
	case ROUTE_REDIRECT: return "redirect";
	case ROUTE_FILES: return "files";
	case ROUTE_ANSWER: return "answer";
	}
	return "?";
}

static void handle_routes(void *arg, const struct control_request *req, struct control_reply *reply)
{
	const struct reverse_proxy *p = arg;
	const struct reverse_routes *routes = p->snapshot->site->routes;
	const struct reverse_route_conf *conf = p->snapshot->site->conf->routes.items;
	json_t *list = json_array();
	char name[IP_ENDPOINT_TEXT_MAX];
	(void)req;
	for (size_t i = 0; i < routes->routes_n; i++) {
		const struct route *r = &routes->routes[i];
		json_t *json = json_object();
		set_number(json, "line", conf[i].line);
		(void)json_object_set_new(json, "hosts", texts_json(r->hosts, r->hosts_n));
		(void)json_object_set_new(json, "paths", texts_json(r->paths, r->paths_n));
		(void)json_object_set_new(json, "methods", texts_json(r->methods, r->methods_n));
		set_text(json, "action", action_text(r));
		if (r->action == ROUTE_POOL)
			set_text(json, "pool",
				 reverse_snapshot_pool_name(p->snapshot, r->pool, name));
		(void)json_array_append_new(list, json);
	}
	control_reply_json(reply, 200, json_pack("{s:o}", "routes", list));
}

/* --- status and metrics --- */

static uint64_t workers_behind(const struct reverse_proxy *p)
{
	uint64_t n = 0;
	for (size_t i = 0; i < p->workers_started; i++)
		n += atomic_load_explicit(&p->workers[i].seen, memory_order_acquire) !=
		     p->snapshot->number;
	return n;
}

static json_t *status(void *arg)
{
	const struct reverse_proxy *p = arg;
	json_t *json = service_life_status(&p->life);
	uint64_t now_ms = loop_now_ms(&p->life.loop), servers = 0, well = 0;
	for (size_t i = 0; i < p->snapshot->pools_n; i++) {
		servers += p->snapshot->pools[i]->members_n;
		well += pool_well(p->snapshot->pools[i], now_ms);
	}
	set_number(json, "workers", p->workers_n);
	(void)json_object_set_new(json, "io_uring", json_string(proxy_rings_text(&p->rings)));
	set_number(json, "routes", p->snapshot->site->routes->routes_n);
	set_number(json, "servers", servers);
	set_number(json, "servers_well", well);
	set_number(json, "connections", count_of(p, PROXY_COUNT_OPEN));
	set_number(json, "requests_running", count_of(p, PROXY_COUNT_ACTIVE));
	set_number(json, "requests", count_of(p, PROXY_COUNT_EXCHANGES));
	set_number(json, "reloads", p->reloads);
	set_number(json, "snapshot", p->snapshot->number);
	set_number(json, "workers_behind", workers_behind(p));
	if (p->log.error)
		set_text(json, "access_log_error", err_text(p->log.error));
	return json;
}

static void head(struct writer *w, const char *name, const char *help, bool gauge)
{
	write_format(w, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name,
		     gauge ? "gauge" : "counter");
}

static void write_counts(const struct reverse_proxy *p, struct writer *w)
{
	proxy_metrics_write(w, PREFIX, count_of, p);
	proxy_rings_metrics(&p->rings, PREFIX, w);
	head(w, "access_log_lines_total", "lines written to the access log", false);
	write_format(w, PREFIX "access_log_lines_total %llu\n", (unsigned long long)p->log.lines);
	head(w, "access_log_lost_total", "lines that were lost", false);
	write_format(w, PREFIX "access_log_lost_total %llu\n",
		     (unsigned long long)access_log_lost(&p->log));
}

static void write_one(struct writer *w, const char *name, const char *help, bool gauge,
		      uint64_t value)
{
	head(w, name, help, gauge);
	write_format(w, PREFIX "%s %llu\n", name, (unsigned long long)value);
}

static void write_handshakes(const struct reverse_proxy *p, struct writer *w)
{
	static const char *const faults[PROXY_HANDSHAKE_FAULTS] = {
		[PROXY_HANDSHAKE_LATE] = "late",
		[PROXY_HANDSHAKE_GONE] = "gone",
		[PROXY_HANDSHAKE_CERTIFICATE] = "certificate",
		[PROXY_HANDSHAKE_PROTOCOL] = "protocol",
		[PROXY_HANDSHAKE_HEADER] = "proxy-header",
		[PROXY_HANDSHAKE_ROOM] = "memory",
	};
	struct tls_tickets_counts tickets;
	head(w, "handshakes_failed_total", "clients gone before they spoke HTTP, by cause", false);
	for (unsigned i = 0; i < PROXY_HANDSHAKE_FAULTS; i++)
		write_format(w, PREFIX "handshakes_failed_total{cause=\"%s\"} %llu\n", faults[i],
			     (unsigned long long)count_of(p, PROXY_COUNT_HANDSHAKES_FAILED + i));
	tls_tickets_counts(p->tickets.tickets, &tickets);
	write_one(w, "tickets_sealed_total", "tickets of TLS given", false, tickets.sealed);
	write_one(w, "tickets_opened_total", "tickets of TLS taken", false, tickets.opened);
	write_one(w, "tickets_unknown_total", "tickets of keys that we do not have", false,
		  tickets.unknown);
}

static void write_staples(const struct reverse_proxy *p, struct writer *w)
{
	struct reverse_staples_counts n;
	reverse_staples_counts(p->staples, &n);
	write_one(w, "staples_wanted", "certificates that should have an OCSP answer", true,
		  n.wanted);
	write_one(w, "staples", "of them with one that is good now", true, n.shown);
	write_one(w, "staples_taken_total", "OCSP answers taken", false, n.taken);
	write_one(w, "staples_failed_total", "OCSP answers that were refused or not to be had",
		  false, n.failed);
}

/* Of all workers. */
static uint64_t datagrams_of(const struct reverse_proxy *p, enum reverse_datagrams_count which)
{
	uint64_t n = 0;
	for (size_t i = 0; i < p->workers_started; i++)
		n += reverse_datagrams_count(p->workers[i].datagrams, which);
	return n;
}

static void write_datagrams(const struct reverse_proxy *p, struct writer *w)
{
	static const struct {
		enum reverse_datagrams_count which;
		const char *cause;
	} dropped[] = {
		{DATAGRAMS_BAD, "size"},
		{DATAGRAMS_NOWHERE, "no-server"},
		{DATAGRAMS_LOST, "kernel"},
	};
	write_one(w, "udp_sessions_total", "sessions of datagrams begun", false,
		  datagrams_of(p, DATAGRAMS_SESSIONS));
	write_one(w, "udp_sessions", "of them now", true, datagrams_of(p, DATAGRAMS_OPEN));
	write_one(w, "udp_sessions_yielded_total", "that ended for another's sake", false,
		  datagrams_of(p, DATAGRAMS_YIELDED));
	write_one(w, "udp_unreachable_total", "servers that were told not to be there", false,
		  datagrams_of(p, DATAGRAMS_UNREACHABLE));
	write_one(w, "udp_to_servers_total", "datagrams passed to servers", false,
		  datagrams_of(p, DATAGRAMS_UP));
	write_one(w, "udp_to_clients_total", "datagrams passed to clients", false,
		  datagrams_of(p, DATAGRAMS_DOWN));
	head(w, "udp_dropped_total", "datagrams that were not passed on, by cause", false);
	for (size_t i = 0; i < sizeof(dropped) / sizeof(dropped[0]); i++)
		write_format(w, PREFIX "udp_dropped_total{cause=\"%s\"} %llu\n", dropped[i].cause,
			     (unsigned long long)datagrams_of(p, dropped[i].which));
}

/* value of one member: what is told of each server of each pool. */
static void write_servers(const struct reverse_proxy *p, struct writer *w, const char *name,
			  uint64_t (*value)(const struct backend *b, uint64_t now_ms))
{
	uint64_t now_ms = loop_now_ms(&p->life.loop);
	char pool[IP_ENDPOINT_TEXT_MAX], at[IP_ENDPOINT_TEXT_MAX];
	for (size_t i = 0; i < p->snapshot->pools_n; i++) {
		const struct pool *in = p->snapshot->pools[i];
		for (size_t k = 0; k < in->members_n; k++) {
			(void)ip_endpoint_format(&in->members[k].backend->at, at);
			write_format(w, PREFIX "%s{pool=\"%s\",server=\"%s\"} %llu\n", name,
				     reverse_snapshot_pool_name(p->snapshot, i, pool), at,
				     (unsigned long long)value(in->members[k].backend, now_ms));
		}
	}
}

static uint64_t requests_of(const struct backend *b, uint64_t now_ms)
{
	(void)now_ms;
	return load(&b->requests);
}

static uint64_t failures_of(const struct backend *b, uint64_t now_ms)
{
	(void)now_ms;
	return load(&b->connect_errors) + load(&b->resets) + load(&b->timeouts) +
	       load(&b->answers[5]);
}

static uint64_t running_of(const struct backend *b, uint64_t now_ms)
{
	(void)now_ms;
	return atomic_load_explicit(&b->in_flight, memory_order_relaxed);
}

static uint64_t up_of(const struct backend *b, uint64_t now_ms)
{
	return strcmp(backend_state_text(b, now_ms), "up") == 0;
}

static uint64_t p99_of(const struct backend *b, uint64_t now_ms)
{
	(void)now_ms;
	return quantile_us(b, 990);
}

/* --- the cache --- */

struct cache_view {
	const struct proxy_cache_desk *desks[REVERSE_WORKERS_MAX];
	struct proxy_cache_all all;
};

static const struct proxy_cache_all *cache_of(const struct reverse_proxy *p, struct cache_view *v)
{
	for (size_t i = 0; i < p->workers_started; i++)
		v->desks[i] = &p->workers[i].cache;
	v->all = (struct proxy_cache_all){p->cache.memory, v->desks, p->workers_started};
	return &v->all;
}

static void handle_cache(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct cache_view v;
	proxy_cache_show(cache_of(arg, &v), req, reply);
}

static void handle_cache_why(void *arg, const struct control_request *req,
			     struct control_reply *reply)
{
	struct cache_view v;
	proxy_cache_why(cache_of(arg, &v), req, reply);
}

static void handle_cache_purge(void *arg, const struct control_request *req,
			       struct control_reply *reply)
{
	struct cache_view v;
	proxy_cache_purge(cache_of(arg, &v), req, reply);
}

static void write_cache(const struct reverse_proxy *p, struct writer *w)
{
	struct cache_view v;
	proxy_cache_metrics(cache_of(p, &v), "reverse_proxy", w);
}

static void metrics(void *arg, struct writer *w)
{
	static const struct {
		const char *name, *help;
		bool gauge;
		uint64_t (*value)(const struct backend *b, uint64_t now_ms);
	} rows[] = {
		{"server_requests_total", "requests to a server", false, requests_of},
		{"server_failures_total", "requests that failed there", false, failures_of},
		{"server_requests_running", "requests that run there", true, running_of},
		{"server_up", "1 when it may be asked", true, up_of},
		{"server_p99_us", "99 of 100 answers began within", true, p99_of},
	};
	const struct reverse_proxy *p = arg;
	write_counts(p, w);
	write_handshakes(p, w);
	write_staples(p, w);
	write_datagrams(p, w);
	reverse_control_certificate_metrics(p, w);
	write_cache(p, w);
	reverse_rates_metrics(p->rates, w);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		head(w, rows[i].name, rows[i].help, rows[i].gauge);
		write_servers(p, w, rows[i].name, rows[i].value);
	}
}

static const struct control_verb verbs[] = {
	{"GET", "/routes", "the routes in force", handle_routes},
	{"GET", "/backends", "?pool=: the servers of the pools, and how they do", handle_backends},
	{"GET", "/certificates", "the certificates: names, issuer, end, renewal, last error",
	 reverse_control_certificates},
	{"POST", "/renew", "?name=: the certificate for that name is ordered now",
	 reverse_control_renew},
	{"GET", "/cache", "?prefix=&limit=: how much is kept, and what", handle_cache},
	{"GET", "/cache/why", "?url=: what is kept of an address, or why nothing is",
	 handle_cache_why},
	{"POST", "/cache/purge", "?url=|prefix=|tag=|all=: what is kept is forgotten",
	 handle_cache_purge},
	{"POST", "/drain", "?server=&pool=: nothing new goes there", handle_drain},
	{"POST", "/undrain", "?server=&pool=: it is asked again", handle_undrain},
};

void reverse_control_face(struct reverse_proxy *p, struct control_face *ret)
{
	*ret = (struct control_face){.service = "reverse-proxy",
				     .verbs = verbs,
				     .verbs_n = sizeof(verbs) / sizeof(verbs[0]),
				     .status = status,
				     .metrics = metrics,
				     .reload = reverse_reload,
				     .arg = p};
}
