/* The life of the reverse proxy. */
#include "config/config.h"
#include "config/global.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/log.h"
#include "os/pages.h"
#include "proxy/auth/io_auth.h"
#include "proxy/io_splice.h"
#include "service/reverse-proxy/balance/pool.h"
#include "service/reverse-proxy/guard/guard.h"
#include "service/reverse-proxy/io_acme.h"
#include "service/reverse-proxy/io_certificates.h"
#include "service/reverse-proxy/io_errors.h"
#include "service/reverse-proxy/io_health.h"
#include "service/reverse-proxy/io_names.h"
#include "service/reverse-proxy/io_rates.h"
#include "service/reverse-proxy/io_reverse.h"
#include "service/reverse-proxy/io_staples.h"
#include "service/reverse-proxy/io_way.h"
#include "service/reverse-proxy/route/route.h"
#include "service/reverse-proxy/service.h"
#include "supervisor/plan.h"

#include <stdio.h>
#include <stdlib.h>

#define CONNECTIONS_MAX	  262144u /* where none are given */
#define GUARD_BUCKETS	  262144u
#define GUARD_CLIENTS	  65536u
#define GUARD_CREDENTIALS 4096u
#define GUARD_SHARES	  4096u
#define GUARD_CREDENTIALS_MS                                                                       \
	600000u /* a password that was right is not hashed again for so long                       \
		 */
#define DESCRIPTORS_MORE 512u
#define DESCRIPTORS_EACH (2u * PROXY_SPLICES_MAX + 16u) /* of a worker: pipes, epoll, event */
#define STAPLES_WAIT_MS	 8000u /* at the start, for those that must be there */

static size_t workers_of(const struct reverse_conf *conf)
{
	size_t n = conf->workers ? conf->workers : thread_cpus();
	return n < REVERSE_WORKERS_MAX ? n : REVERSE_WORKERS_MAX;
}

static enum err plan(const void *section, const struct config_global *global, struct plan *p)
{
	const struct reverse_conf *conf = section;
	struct reverse_door doors[REVERSE_ADDRESSES_MAX];
	size_t n = reverse_doors(section, doors, REVERSE_ADDRESSES_MAX);
	struct ip_endpoint streams[REVERSE_STREAM_ADDRESSES_MAX];
	unsigned copies = (unsigned)workers_of(section);
	for (size_t i = 0; i < n; i++)
		TRY(plan_add_socket(p, "reverse-proxy", PLAN_TCP, &doors[i].at, copies));
	for (int kind = REVERSE_STREAM_TCP; kind <= REVERSE_STREAM_UDP; kind++) {
		enum plan_kind as = kind == REVERSE_STREAM_UDP ? PLAN_UDP : PLAN_TCP;
		n = reverse_stream_doors(section, (enum reverse_stream_kind)kind, streams,
					 REVERSE_STREAM_ADDRESSES_MAX);
		for (size_t i = 0; i < n; i++)
			TRY(plan_add_socket(p, "reverse-proxy", as, &streams[i], copies));
	}
	return proxy_cache_tiers_plan(&conf->cache, global, "reverse-proxy", p);
}

static bool keeps_state(const void *section)
{
	const struct reverse_conf *conf = section;
	return conf->access_log.format != ACCESS_LOG_OFF || conf->authorities.n > 0 ||
	       conf->cache.has_disk;
}

static const char *folder(const void *section)
{
	const struct reverse_conf *conf = section;
	return proxy_cache_folder(&conf->cache);
}

/* --- configurations --- */

static void open_log(struct reverse_proxy *p, const struct access_log_conf *conf)
{
	access_log_open(&p->log, conf->format != ACCESS_LOG_OFF, conf->file_size, conf->files);
}

/* Who is told that a reload is over finds it in force, whichever worker he comes to. */
static bool follows(const void *arg, size_t i)
{
	const struct reverse_worker *workers = arg;
	return reverse_worker_follows(&workers[i]);
}

/* A snapshot of that site and of the servers that there are now goes to the workers. */
static enum err renew(struct reverse_proxy *p, struct reverse_site *site)
{
	struct reverse_snapshot *next = NULL;
	const struct reverse_conf *conf = site->conf;
	TRY(reverse_snapshot_new(site, &p->registry, p->names, p->snapshots + 1,
				 loop_now_ms(&p->life.loop), &next));
	p->snapshots++;
	enum err e = reverse_health_set(p->health, conf->pools.items, site->ways, next->pools,
					conf->pools.n);
	if (e)
		log_error("some servers are not checked", LOG_ERR(e));
	for (size_t i = 0; i < p->workers_started; i++)
		reverse_worker_publish(&p->workers[i], next);
	if (!thread_await(follows, p->workers, p->workers_started))
		log_warning("a worker goes by what was before for a while yet");
	reverse_snapshot_unref(p->snapshot);
	p->snapshot = next;
	return OK;
}

/* Servers' names lead elsewhere. */
static void renamed(void *arg)
{
	struct reverse_proxy *p = arg;
	enum err e = renew(p, p->snapshot->site);
	if (e)
		log_error("new addresses of servers are not used", LOG_ERR(e));
	else
		log_info("servers' names lead to other addresses");
	control_event(p->life.control, e ? "servers not renewed" : "servers renewed", NULL);
}

static enum err set_names(struct reverse_proxy *p, const struct reverse_conf *conf)
{
	return reverse_names_set(p->names, &conf->resolver, conf->pools.items, conf->pools.n);
}

enum err reverse_apply(struct reverse_proxy *p, struct config *config)
{
	struct reverse_site *site = NULL;
	TRY(reverse_site_new(config, p->tickets.tickets, p->acme,
			     p->snapshot ? p->snapshot->site : NULL, &site));
	enum err e = set_names(p, site->conf);
	if (!e)
		e = reverse_staples_set(p->staples, site->conf, site->tls);
	if (!e)
		e = reverse_acme_set(p->acme, config);
	if (!e)
		e = renew(p, site);
	if (e && p->snapshot) {
		/* These are known already. */
		err_ignore(set_names(p, p->snapshot->site->conf));
		err_ignore(reverse_staples_set(p->staples, p->snapshot->site->conf,
					       p->snapshot->site->tls));
		err_ignore(reverse_acme_set(p->acme, p->snapshot->site->config));
	}
	reverse_site_unref(site);
	return e;
}

/* Ordered certificates come into force as a reload does, with the configuration that is there. */
static void certificates_came(struct reverse_proxy *p)
{
	struct reverse_site *site = NULL;
	const struct reverse_site *now = p->snapshot->site;
	enum err e = reverse_site_new(now->config, p->tickets.tickets, p->acme, now, &site);
	if (!e)
		e = reverse_staples_set(p->staples, site->conf, site->tls);
	if (!e)
		e = renew(p, site);
	if (e)
		log_error("new certificates are not used", LOG_ERR(e));
	reverse_site_unref(site);
}

static void acme_turn(struct reverse_proxy *p)
{
	struct reverse_acme_event event;
	if (reverse_acme_news(p->acme))
		certificates_came(p);
	while (reverse_acme_event(p->acme, &event))
		control_event(p->life.control, event.what,
			      event.why[0]
				      ? json_pack("{s:s,s:s}", "name", event.name, "why", event.why)
				      : json_pack("{s:s}", "name", event.name));
}

/* From threads of ours. */
static void thread_wake(void *arg)
{
	struct reverse_proxy *p = arg;
	loop_wake(&p->life.loop);
}

void reverse_reload(void *arg, struct control_reply *reply)
{
	struct reverse_proxy *p = arg;
	struct config *config = NULL;
	service_life_reloading(&p->life, false);
	enum err e = service_life_reread(&p->life, &config);
	const struct reverse_conf *conf = e ? NULL : config_section(config, "reverse-proxy");
	if (!e)
		e = conf ? reverse_apply(p, config) : ERR_CONFIG;
	if (!e) {
		reverse_doors_tell_unserved(p, conf);
		open_log(p, &conf->access_log);
		reverse_rates_set(p->rates, conf);
		service_life_adopt(&p->life, TAKE(config));
		p->reloads++;
		log_info("reloaded");
	} else {
		p->reloads_refused++;
	}
	config_free(config);
	service_life_reloading(&p->life, true);
	control_event(p->life.control, e ? "reload refused" : "reloaded", NULL);
	if (reply && e)
		control_reply_error(reply, 409, "the configuration is refused; the log says why");
	else if (reply)
		control_reply_json(reply, 200, json_pack("{s:b}", "reloaded", 1));
}

static void hangup(void *arg)
{
	reverse_reload(arg, NULL);
}

/* --- the start --- */

static void checked(void *arg, const struct backend *b, bool well, const char *why)
{
	struct reverse_proxy *p = arg;
	char at[IP_ENDPOINT_TEXT_MAX];
	(void)ip_endpoint_format(&b->at, at);
	if (well)
		log_info("a server is up", LOG_TEXT("pool", b->pool), LOG_TEXT("server", at));
	else
		log_warning("a server is down", LOG_TEXT("pool", b->pool), LOG_TEXT("server", at),
			    LOG_TEXT("why", why));
	control_event(p->life.control, well ? "server up" : "server down",
		      json_pack("{s:s,s:s,s:s}", "pool", b->pool, "server", at, "why", why));
}

static enum err make_registry(struct reverse_proxy *p)
{
	uint64_t keys[4];
	TRY(crypto_random(keys, sizeof(keys)));
	registry_init(&p->registry, (struct hash_key){keys[0], keys[1]},
		      (struct hash_key){keys[2], keys[3]});
	p->has_registry = true;
	TRY(reverse_names_new(&p->life.loop, renamed, p, &p->names));
	return reverse_health_new(&p->life.loop, checked, p, &p->health);
}

/* How many connections there may be: one of a client takes a descriptor, and one to a server. Who
 * writes a number knows that most of his are idle: to servers there may be a third of it. */
static enum err make_room(struct reverse_proxy *p, const struct reverse_conf *conf)
{
	unsigned long most = conf->limits.connections ? conf->limits.connections : CONNECTIONS_MAX;
	unsigned long others = p->workers_n * DESCRIPTORS_EACH + p->sockets.owned_n +
			       p->stream_sockets.owned_n + p->datagram_sockets.owned_n +
			       DESCRIPTORS_MORE;
	unsigned long sessions = p->datagrams_n ? conf->limits.sessions : 0;
	unsigned long each = p->streams_n ? 4 : 2; /* there may be as many streams */
	unsigned long wanted = each * most + others + sessions, descriptors, possible;
	TRY(fd_limit_raise(wanted, &descriptors));
	if (descriptors < wanted && sessions > descriptors / 4) {
		sessions = descriptors / 4;
		log_warning("fewer sessions than `limits: {sessions}` says are possible: the "
			    "process may not have so many open files",
			    LOG_U64("possible", sessions));
	}
	p->sessions_max = sessions;
	others += sessions;
	possible = descriptors > others + each ? descriptors - others : each;
	possible = conf->limits.connections && !p->streams_n ? possible * 3 / 4 : possible / each;
	p->connections_max = possible < most ? possible : most;
	if (p->connections_max < conf->limits.connections)
		log_warning("fewer connections than `limits: {connections}` says are possible: "
			    "the process may not have so many open files",
			    LOG_U64("possible", p->connections_max));
	return OK;
}

/* The folders of files can still be read in there. */
static enum err enter_sandbox(struct reverse_proxy *p)
{
	const struct reverse_routes *routes = p->snapshot->site->routes;
	char **folders = NULL;
	size_t folders_n = 0, pages_n, n = 0;
	const char *const *pages = reverse_errors_folders(p->snapshot->site->pages, &pages_n);
	TRY(reverse_certificates_folders(p->snapshot->site->conf, &folders, &folders_n));
	struct store_paths more;
	size_t more_n = sizeof(more.list) / sizeof(more.list[0]);
	enum err e = reverse_acme_paths(p->snapshot->site->conf, &more);
	const char **paths =
		e ? NULL
		  : calloc(routes->routes_n + folders_n + pages_n + more_n + 1, sizeof(char *));
	if (!paths) {
		reverse_certificates_folders_free(folders, folders_n);
		return e ? e : (enum err)ENOMEM;
	}
	for (; n < folders_n; n++)
		paths[n] = folders[n];
	for (size_t i = 0; i < pages_n; i++)
		paths[n++] = pages[i];
	for (size_t i = 0; i < routes->routes_n; i++)
		if (routes->routes[i].action == ROUTE_FILES)
			paths[n++] = routes->routes[i].files.root;
	for (size_t i = 0; more.list[i]; i++)
		paths[n++] = more.list[i];
	e = service_life_sandbox(&p->life, paths);
	free(paths);
	reverse_certificates_folders_free(folders, folders_n);
	return e;
}

/* What all workers' guards share. */
static enum err make_guard(struct reverse_proxy *p, const struct reverse_conf *shared)
{
	uint8_t key[GUARD_SHARE_KEY_LEN];
	const struct guard_state_conf conf = {.buckets_max = GUARD_BUCKETS,
					      .clients_max = GUARD_CLIENTS,
					      .credentials_max = GUARD_CREDENTIALS,
					      .credentials_ms = GUARD_CREDENTIALS_MS,
					      .share_key =
						      reverse_rates_key(shared, key) ? key : NULL,
					      .shares_max = GUARD_SHARES};
	enum err e = guard_state_new(&conf, &p->guard);
	crypto_wipe(key, sizeof(key));
	if (e)
		return e;
	TRY(reverse_rates_new(&p->life.loop, p->guard, shared, thread_wake, p, &p->rates));
	return auth_hasher_new(&p->hasher);
}

/* What a request of one worker waits for may come by another one. */
static void wake_worker(void *arg, unsigned number)
{
	const struct reverse_proxy *p = arg;
	loop_wake(&p->workers[number].loop);
}

/* Everything that needs to be opened, then the sandbox. */
static enum err open_all(struct reverse_proxy *p)
{
	const struct reverse_conf *conf = service_life_conf(&p->life);
	TRY(store_library_open(conf->store)); /* whatever comes to use it, after a reload too */
	p->workers_n = workers_of(conf);
	TRY(reverse_doors_open(p, conf));
	TRY(make_room(p, conf));
	p->workers = calloc(p->workers_n, sizeof(*p->workers));
	p->outs = calloc(p->workers_n, sizeof(*p->outs));
	if (!p->workers || !p->outs)
		return ENOMEM;
	TRY(make_registry(p));
	TRY(make_guard(p, conf));
	TRY(reverse_staples_new(&p->life.loop, &p->staples));
	TRY(reverse_tickets_begin(&p->tickets, conf, clock_wall_s(), thread_wake, p));
	TRY(reverse_acme_new(thread_wake, p, &p->acme));
	TRY(reverse_apply(p, p->life.config));
	proxy_cache_tiers_begin(&p->cache, &conf->cache, &p->life);
	proxy_rings_open(&p->rings, conf->io_uring, p->workers_n);
	p->life.syscalls = proxy_rings_syscalls(&p->rings, &p->life.syscalls_n);
	TRY(enter_sandbox(p));
	/* The cache is there without a route that keeps answers too: a reload may bring one. */
	TRY(proxy_cache_tiers_open(&p->cache, &conf->cache, &p->life, wake_worker, p));
	TRY(reverse_acme_open(p->acme, conf, service_life_state(&p->life)));
	if (reverse_orders(conf))
		certificates_came(p);
	access_log_init(&p->log, p->outs, p->workers_n, service_life_state(&p->life));
	open_log(p, &conf->access_log);
	return service_life_signals(&p->life);
}

static enum err start_workers(struct reverse_proxy *p)
{
	const struct reverse_conf *conf = service_life_conf(&p->life);
	size_t n = p->workers_n;
	struct reverse_worker_options o = {
		.snapshot = p->snapshot,
		.entries = p->entries,
		.entries_n = p->entries_n,
		.streams_at = p->streams_at,
		.streams_n = p->streams_n,
		.datagrams_at = p->datagrams_at,
		.datagrams_n = p->datagrams_n,
		.sessions_max = (p->sessions_max + n - 1) / n,
		.client_sessions_max = (conf->limits.client_sessions + n - 1) / n,
		.connections_max = (p->connections_max + n - 1) / n,
		.exchanges_max = (conf->limits.requests + n - 1) / n,
		.buffers_max = conf->limits.memory / n / PROXY_BUFFER_SIZE,
		.main = &p->life.loop,
		.guard = p->guard,
		.hasher = p->hasher,
		.proofs = reverse_acme_proofs(p->acme),
		.cache = p->cache.memory,
	};
	TRY(auth_hasher_start(p->hasher));
	for (size_t i = 0; i < n; i++) {
		char name[32];
		struct reverse_worker *w = &p->workers[i];
		o.fds = p->sockets.fds + i * p->entries_n;
		o.stream_fds = p->stream_sockets.fds + i * p->streams_n;
		o.datagram_fds = p->datagram_sockets.fds + i * p->datagrams_n;
		o.access = &p->outs[i];
		o.number = (unsigned)i;
		o.ring = proxy_rings_get(&p->rings, i);
		p->workers_started++;
		TRY(reverse_worker_init(w, &o));
		(void)snprintf(name, sizeof(name), "proxy-%zu", i);
		TRY(reverse_worker_start(w, name, n > 1 ? (int)i : -1));
	}
	return OK;
}

static void woken(void *arg)
{
	struct reverse_proxy *p = arg;
	access_log_turn(&p->log);
	acme_turn(p);
	reverse_tickets_woken(&p->tickets, clock_wall_s());
	reverse_rates_woken(p->rates);
}

static void each_second(void *arg)
{
	struct reverse_proxy *p = arg;
	uint64_t now_ms = loop_now_ms(&p->life.loop);
	for (size_t i = 0; i < p->snapshot->pools_n; i++) {
		pool_outliers_turn(p->snapshot->pools[i], now_ms);
		reverse_way_tell(p->snapshot->pools[i]);
	}
	(void)registry_sweep(&p->registry);
	reverse_tickets_turn(&p->tickets, clock_wall_s());
	proxy_cache_tiers_tell(&p->cache);
	loop_timer_set_after(&p->life.loop, &p->second, 1000);
}

/* --- the end --- */

static bool all_drained(const struct reverse_proxy *p)
{
	for (size_t i = 0; i < p->workers_started; i++)
		if (!atomic_load_explicit(&p->workers[i].drained, memory_order_acquire))
			return false;
	return true;
}

/* What runs is waited for; whoever holds the sockets too takes who comes now. */
static void drain(struct reverse_proxy *p)
{
	const struct reverse_conf *conf = service_life_conf(&p->life);
	uint64_t until_ms = loop_now_ms(&p->life.loop) + conf->timeouts.drain_ms;
	for (size_t i = 0; i < p->workers_started; i++)
		reverse_worker_drain(&p->workers[i]);
	while (!all_drained(p) && loop_now_ms(&p->life.loop) < until_ms)
		if (loop_turn(&p->life.loop, 100) != OK)
			break;
}

/* RFC 7633: who shows such a certificate without its answer is refused by its clients. */
static void wait_for_staples(struct reverse_proxy *p)
{
	uint64_t until_ms = loop_now_ms(&p->life.loop) + STAPLES_WAIT_MS;
	while (reverse_staples_wait(p->staples) && loop_now_ms(&p->life.loop) < until_ms)
		if (loop_turn(&p->life.loop, 100) != OK)
			break;
}

static enum err live(struct reverse_proxy *p, struct control_face *face, int *ret_status)
{
	TRY(open_all(p));
	loop_on_wake(&p->life.loop, woken, p);
	loop_timer_init(&p->second, each_second, p);
	loop_timer_set_after(&p->life.loop, &p->second, 1000);
	TRY(service_life_control(&p->life, face));
	wait_for_staples(p);
	TRY(start_workers(p));
	TRY(reverse_acme_start(p->acme));
	TRY(reverse_tickets_start(&p->tickets));
	reverse_rates_set(p->rates, service_life_conf(&p->life));
	p->life.reload = hangup;
	p->life.arg = p;
	pages_return();
	*ret_status = service_life_run(&p->life);
	drain(p);
	return OK;
}

static void end(struct reverse_proxy *p)
{
	/* Its thread wakes the main loop; workers show its proofs until they are gone. */
	reverse_acme_stop(p->acme);
	/* The hash thread wakes workers; they ask it. */
	for (size_t i = 0; i < p->workers_started; i++)
		reverse_worker_stop(&p->workers[i]);
	proxy_cache_tiers_stop(&p->cache);
	auth_hasher_free(p->hasher);
	for (size_t i = 0; i < p->workers_started; i++)
		reverse_worker_done(&p->workers[i]);
	reverse_rates_free(p->rates);
	guard_state_free(p->guard);
	proxy_cache_tiers_done(&p->cache);
	reverse_health_free(p->health);
	reverse_names_free(p->names);
	reverse_staples_free(p->staples);
	reverse_tickets_done(&p->tickets);
	access_log_done(&p->log);
	for (size_t i = 0; p->outs && i < p->workers_n; i++)
		access_out_done(&p->outs[i]);
	service_life_done(&p->life);
	proxy_sockets_done(&p->sockets);
	proxy_rings_done(&p->rings);
	proxy_sockets_done(&p->stream_sockets);
	proxy_sockets_done(&p->datagram_sockets);
	reverse_snapshot_unref(p->snapshot);
	reverse_acme_free(p->acme);
	if (p->has_registry)
		registry_done(&p->registry);
	free(p->entries);
	free(p->workers);
	free(p->outs);
}

static int run(const struct service_start *start)
{
	struct reverse_proxy *p = calloc(1, sizeof(*p));
	struct control_face face;
	int status = 1;
	if (!p)
		return 1;
	reverse_control_face(p, &face);
	enum err e = service_life_begin(&p->life, start);
	bool begun = !e;
	if (!e)
		e = live(p, &face, &status);
	if (begun && e)
		log_error("the service ends", LOG_ERR(e));
	end(p);
	free(p);
	return e == ERR_CONFIG ? 2 : e ? 1 : status;
}

static void advise(const void *section, void (*tell)(void *arg, uint32_t line, const char *text),
		   void *arg)
{
	const struct reverse_conf *conf = section;
	store_library_advise(conf->store, tell, arg);
}

const struct service reverse_proxy_service = {
	.name = "reverse-proxy",
	.summary = "the reverse proxy: one server in front of many",
	.schema = &reverse_conf_map,
	.keeps_state = keeps_state,
	.folder = folder,
	.plan = plan,
	.advise = advise,
	.run = run,
};
