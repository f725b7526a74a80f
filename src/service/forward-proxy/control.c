/* The verbs of the forward proxy on its control socket. */
#include "base/writer.h"
#include "proxy/cache/io_cache_control.h"
#include "proxy/count.h"
#include "proxy/metrics.h"
#include "service/forward-proxy/io_authority.h"
#include "service/forward-proxy/io_upstreams.h"
#include "service/forward-proxy/io_why.h"

#define PREFIX "gatehouse_forward_proxy_"

static void set_number(json_t *object, const char *key, uint64_t n)
{
	(void)json_object_set_new(object, key, json_integer((json_int_t)n));
}

static uint64_t count_of(const void *arg, unsigned index)
{
	const struct forward_proxy *p = arg;
	uint64_t n = 0;
	for (size_t i = 0; i < p->workers_started; i++)
		n += proxy_count_get(&proxy_io_worker(p->workers[i].io)->counts, index);
	return n;
}

static uint64_t own_count(const struct forward_proxy *p, unsigned which)
{
	uint64_t n = 0;
	for (size_t i = 0; i < p->workers_started; i++)
		n += atomic_load_explicit(&p->workers[i].counts[which], memory_order_relaxed);
	return n;
}

static uint64_t refused(const struct forward_proxy *p)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < REFUSALS; i++)
		n += own_count(p, FORWARD_COUNT_REFUSED + i);
	return n;
}

static uint64_t workers_behind(const struct forward_proxy *p)
{
	uint64_t n = 0;
	for (size_t i = 0; i < p->workers_started; i++)
		n += atomic_load_explicit(&p->workers[i].seen, memory_order_acquire) !=
		     p->site->number;
	return n;
}

static json_t *status(void *arg)
{
	const struct forward_proxy *p = arg;
	json_t *json = service_life_status(&p->life);
	set_number(json, "workers", p->workers_n);
	(void)json_object_set_new(json, "io_uring", json_string(proxy_rings_text(&p->rings)));
	set_number(json, "connections", count_of(p, PROXY_COUNT_OPEN));
	set_number(json, "server_connections", count_of(p, PROXY_COUNT_BACK_OPEN));
	set_number(json, "requests_running", count_of(p, PROXY_COUNT_ACTIVE));
	set_number(json, "requests", count_of(p, PROXY_COUNT_EXCHANGES));
	set_number(json, "tunnels", count_of(p, PROXY_COUNT_TUNNELS));
	set_number(json, "refused", refused(p));
	set_number(json, "reloads", p->reloads);
	set_number(json, "site", p->site->number);
	set_number(json, "workers_behind", workers_behind(p));
	if (p->log.error)
		(void)json_object_set_new(json, "access_log_error",
					  json_string(err_text(p->log.error)));
	return json;
}

/* --- metrics --- */

static void head(struct writer *w, const char *name, const char *help, bool gauge)
{
	write_format(w, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name,
		     gauge ? "gauge" : "counter");
}

static void write_one(struct writer *w, const char *name, const char *help, uint64_t value)
{
	head(w, name, help, false);
	write_format(w, PREFIX "%s %llu\n", name, (unsigned long long)value);
}

/* --- the cache --- */

struct cache_view {
	const struct proxy_cache_desk *desks[FORWARD_WORKERS_MAX];
	struct proxy_cache_all all;
};

static const struct proxy_cache_all *cache_of(const struct forward_proxy *p, struct cache_view *v)
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

static void write_upstreams(const struct forward_proxy *p, struct writer *w)
{
	write_one(w, "upstream_direct_total",
		  "requests that went directly as no proxy of `upstreams` could be reached",
		  own_count(p, FORWARD_COUNT_FELL));
	forward_upstreams_metrics(p->site, loop_now_ms(&p->life.loop), w);
}

static const struct {
	enum forward_count index;
	const char *name, *help;
} own_counts[] = {
	{FORWARD_COUNT_FETCHES, "fetches_total", "requests for http addresses that were let go"},
	{FORWARD_COUNT_TUNNELS, "connects_total", "requests for tunnels that were let go"},
	{FORWARD_COUNT_NAMES, "names_waited_total",
	 "requests that waited for the address of a name"},
	{FORWARD_COUNT_SOCKS, "socks_connects_total",
	 "requests of SOCKS for connections that were let go"},
	{FORWARD_COUNT_PACED, "paced_total", "times that octets waited for a limit of `bandwidth`"},
	{FORWARD_COUNT_CUT, "cut_total",
	 "tunnels and associations that ended as what was in force then did not let them"},
	{FORWARD_COUNT_TAKEN, "transparent_requests_total",
	 "requests on connections that were taken on their way elsewhere"},
	{FORWARD_COUNT_TAKEN_TLS, "transparent_tls_total",
	 "connections of TLS that were taken on their way elsewhere and let go"},
	{FORWARD_COUNT_UNPROVED, "transparent_unproved_total",
	 "of them, with a host that does not lead to where they went"},
	{FORWARD_COUNT_INSPECTED, "inspected_total",
	 "tunnels whose client was answered here, by its own TLS"},
	{FORWARD_COUNT_INSPECT_BAD, "inspect_bad_total",
	 "tunnels to servers that are not good, told by a page"},
	{FORWARD_COUNT_INSPECT_SKIPPED, "inspect_skipped_total",
	 "tunnels that were not inspected, by `skip`"},
	{FORWARD_COUNT_INSPECT_LEFT, "inspect_left_total", "tunnels that could not be inspected"},
	{FORWARD_COUNT_REVOCATION_ASKED, "revocation_asked_total",
	 "questions to OCSP servers whether a certificate was revoked"},
	{FORWARD_COUNT_REVOCATION_UNTOLD, "revocation_untold_total",
	 "certificates of which nobody told that"},
	{FORWARD_COUNT_INSPECT_REFUSED, "inspect_refused_total",
	 "tunnels whose client did not take what it was shown"},
	{FORWARD_COUNT_INSPECT_GONE, "inspect_gone_total",
	 "tunnels whose client was gone, or late, before its TLS with us had begun"},
	{FORWARD_COUNT_SCRIPTS, "scripts_total",
	 "scripts by which browsers find the proxy, served"},
	{FORWARD_COUNT_ASSOCIATIONS, "associations_total",
	 "associations of SOCKS for datagrams begun"},
	{FORWARD_COUNT_DATAGRAMS_UP, "datagrams_sent_total", "datagrams of clients sent on"},
	{FORWARD_COUNT_DATAGRAMS_DOWN, "datagrams_received_total", "datagrams sent on to clients"},
	{FORWARD_COUNT_DATAGRAMS_DROPPED, "datagrams_dropped_total",
	 "datagrams that were refused, of strangers, fragments, or that nobody took"},
	{FORWARD_COUNT_DATAGRAMS_OVER, "datagrams_over_total",
	 "of the datagrams that were dropped those over `bandwidth` or a quota"},
	{FORWARD_COUNT_CROWDED, "connections_crowded_total",
	 "connections that were reset as their client had too many"},
};

static void metrics(void *arg, struct writer *w)
{
	const struct forward_proxy *p = arg;
	proxy_metrics_write(w, PREFIX, count_of, p);
	proxy_rings_metrics(&p->rings, PREFIX, w);
	for (size_t i = 0; i < sizeof(own_counts) / sizeof(own_counts[0]); i++)
		write_one(w, own_counts[i].name, own_counts[i].help,
			  own_count(p, own_counts[i].index));
	write_upstreams(p, w);
	head(w, "refused_total", "requests that were refused, by why", false);
	for (unsigned i = REFUSAL_NONE + 1; i < REFUSALS; i++)
		write_format(w, PREFIX "refused_total{why=\"%s\"} %llu\n",
			     refusal_facts((enum refusal)i)->word,
			     (unsigned long long)own_count(p, FORWARD_COUNT_REFUSED + i));
	forward_quotas_metrics(&p->quotas, &p->site->quotas, PREFIX, w);
	struct cache_view v;
	proxy_cache_metrics(cache_of(p, &v), "forward_proxy", w);
	write_one(w, "access_log_lines_total", "lines written to the access log", p->log.lines);
	write_one(w, "access_log_lost_total", "lines that were lost", access_log_lost(&p->log));
}

/* --- the busiest --- */

static size_t tops_of(const struct forward_proxy *p, struct forward_top *ret[FORWARD_WORKERS_MAX])
{
	for (size_t i = 0; i < p->workers_started; i++)
		ret[i] = p->workers[i].top;
	return p->workers_started;
}

static void handle_hosts(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct forward_top *all[FORWARD_WORKERS_MAX];
	size_t n = tops_of(arg, all);
	forward_top_hosts(all, n, req, reply);
}

static void handle_clients(void *arg, const struct control_request *req,
			   struct control_reply *reply)
{
	struct forward_top *all[FORWARD_WORKERS_MAX];
	size_t n = tops_of(arg, all);
	forward_top_clients(all, n, req, reply);
}

static void handle_upstreams(void *arg, const struct control_request *req,
			     struct control_reply *reply)
{
	const struct forward_proxy *p = arg;
	(void)req;
	forward_upstreams_show(p->site, loop_now_ms(&p->life.loop), reply);
}

/* --- quotas --- */

static void handle_quotas(void *arg, const struct control_request *req, struct control_reply *reply)
{
	struct forward_proxy *p = arg;
	forward_quotas_show(&p->quotas, &p->site->quotas, req, reply);
}

static void handle_quotas_reset(void *arg, const struct control_request *req,
				struct control_reply *reply)
{
	struct forward_proxy *p = arg;
	forward_quotas_reset(&p->quotas, &p->site->quotas, req, reply);
}

static void handle_quotas_grant(void *arg, const struct control_request *req,
				struct control_reply *reply)
{
	struct forward_proxy *p = arg;
	forward_quotas_grant(&p->quotas, &p->site->quotas, req, reply);
}

static const struct control_verb verbs[] = {
	{"GET", "/upstreams", "proxies of others, and how they do", handle_upstreams},
	{"GET", "/cache", "?prefix=&limit=: how much is kept, and what", handle_cache},
	{"GET", "/cache/why", "?url=: what is kept of an address, or why nothing is",
	 handle_cache_why},
	{"POST", "/cache/purge", "?url=|prefix=|tag=|all=: what is kept is forgotten",
	 handle_cache_purge},
	{"GET", "/inspection", "whose TLS is inspected: how often, and where it does not work",
	 forward_inspection_show},
	{"GET", "/authority", "the certificate by which TLS is inspected, for clients to install",
	 forward_authority_show},
	{"POST", "/authority/rotate", "another one, which clients must install anew",
	 forward_authority_rotate},
	{"GET", "/why",
	 "what becomes of a request: ?url=, client=, user=, type=, size=", forward_why},
	{"GET", "/hosts", "?limit=: where most requests go", handle_hosts},
	{"GET", "/quotas", "?quota=&limit=: what clients have used of their quotas", handle_quotas},
	{"POST", "/quotas/reset", "?quota=&client=: that client's quota begins anew",
	 handle_quotas_reset},
	{"POST", "/quotas/grant", "?quota=&client=&bytes=: so much more in this period",
	 handle_quotas_grant},
	{"GET", "/clients", "?limit=: whose most requests are, as far as the access log may tell",
	 handle_clients},
};

void forward_control_face(struct forward_proxy *p, struct control_face *ret)
{
	*ret = (struct control_face){.service = "forward-proxy",
				     .verbs = verbs,
				     .verbs_n = sizeof(verbs) / sizeof(verbs[0]),
				     .status = status,
				     .metrics = metrics,
				     .reload = forward_reload,
				     .arg = p};
}
