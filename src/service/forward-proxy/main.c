/* The life of the forward proxy. */
#include "base/writer.h"
#include "config/config.h"
#include "config/global.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "os/clock.h"
#include "os/fd.h"
#include "os/log.h"
#include "os/pages.h"
#include "os/time_zone.h"
#include "policy/io_follow.h"
#include "proxy/auth/attempts.h"
#include "proxy/auth/io_auth.h"
#include "proxy/crowd.h"
#include "proxy/io_splice.h"
#include "service/forward-proxy/access/bandwidth.h"
#include "service/forward-proxy/inspect/authority.h"
#include "service/forward-proxy/io_authority.h"
#include "service/forward-proxy/io_forward.h"
#include "service/forward-proxy/io_people.h"
#include "service/forward-proxy/io_revocation.h"
#include "service/forward-proxy/service.h"
#include "supervisor/plan.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	CONNECTIONS_MAX = 262144, /* where none are given */
	DESCRIPTORS_MORE = 256,
	/* Of a worker: pipes, epoll, event, and what asks for routes. */
	DESCRIPTORS_EACH = 2 * PROXY_SPLICES_MAX + 16,
	DESCRIPTORS_ASSOCIATION = 3,
	DRAIN_LOOK_MS = 100,
	CREDENTIALS_MAX = 16384, /* that were found right, at once */
	CREDENTIALS_MS = 60000,
	/* Wrong passwords of one client: ten at once, then one in ten seconds. */
	ANNOUNCE_MAX = 512,
	ATTEMPTS_CLIENTS = 16384,
	ATTEMPTS_BURST = 10,
	ATTEMPTS_EACH_MS = 10000,
	/* Clients at once, for each limit that fits them. */
	BANDWIDTH_BUCKETS = 65536,
	QUOTA_CLIENTS = 65536,
	/* Whose connections are counted, where that is bounded. */
	CROWD_CLIENTS = 65536,
};

static size_t workers_of(const struct forward_conf *conf)
{
	size_t n = conf->workers ? conf->workers : thread_cpus();
	return n < FORWARD_WORKERS_MAX ? n : FORWARD_WORKERS_MAX;
}

static enum err plan(const void *section, const struct config_global *global, struct plan *p)
{
	const struct forward_conf *conf = section;
	struct forward_door doors[FORWARD_ADDRESSES_MAX];
	size_t n = forward_doors(section, doors, FORWARD_ADDRESSES_MAX);
	unsigned copies = (unsigned)workers_of(section);
	for (size_t i = 0; i < n; i++)
		TRY(plan_add_tcp(p, "forward-proxy", &doors[i].at, copies,
				 doors[i].tproxy ? PLAN_TRANSPARENT : 0));
	return proxy_cache_tiers_plan(&conf->cache, global, "forward-proxy", p);
}

static bool keeps_state(const void *section)
{
	const struct forward_conf *conf = section;
	return conf->access_log.format != ACCESS_LOG_OFF || conf->has_inspection ||
	       conf->quotas.n || (conf->has_cache && conf->cache.has_disk);
}

static const char *folder(const void *section)
{
	const struct forward_conf *conf = section;
	return conf->has_cache ? proxy_cache_folder(&conf->cache) : NULL;
}

/* --- configurations --- */

static void open_log(struct forward_proxy *p, const struct access_log_conf *conf)
{
	access_log_open(&p->log, conf->format != ACCESS_LOG_OFF, conf->file_size, conf->files);
}

/* Who is told that a reload is over finds it in force, whichever worker he comes to. */
static bool follows(const void *arg, size_t i)
{
	const struct forward_worker *workers = arg;
	return forward_worker_follows(&workers[i]);
}

/* "kids, guests" */
static void write_list(struct writer *w, const char *before, const struct config_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		write_format(w, "%s%s", i ? ", " : before, ((const char *const *)list->items)[i]);
}

/* Nobody's TLS is inspected unannounced: not to who runs the machine either. */
static void announce(const struct forward_site *s)
{
	const struct forward_inspect_conf *c = &s->conf->inspection;
	char whose[ANNOUNCE_MAX];
	struct writer w = writer_of(whose, sizeof(whose) - 1);
	write_list(&w, "groups ", &c->groups);
	write_list(&w, w.pos ? " and users " : "users ", &c->users);
	if (c->from.n)
		write_format(&w, "%s%zu networks", w.pos ? " and " : "", c->from.n);
	whose[w.bad ? 0 : w.pos] = '\0';
	log_warning("TLS is inspected", LOG_TEXT("of", whose), LOG_U64("skipped", c->skip.n),
		    LOG_TEXT("authority", inspect_authority_fingerprint(s->authority)));
}

/* Made when it is wanted first, which is after the sandbox, and told of whenever it holds. */
static enum err inspect(struct forward_proxy *p, struct forward_site *s)
{
	const char *state = service_life_state(&p->life);
	if (!s->conf->has_inspection)
		return OK;
	if (!state) {
		log_error("`inspection` is turned on first by a restart: there is no place yet for "
			  "its authority");
		return ERR_CONFIG;
	}
	if (!p->authority)
		TRY(forward_authority_open(state, s->conf->name, false, &p->authority));
	TRY(forward_site_inspect(s, p->authority));
	announce(s);
	return OK;
}

enum err forward_apply(struct forward_proxy *p, struct config *config)
{
	AUTO(forward_site_unref) struct forward_site *made = NULL;
	TRY(forward_site_new(config, p->tickets, p->sites + 1, p->site, &made));
	/* At the start there is no worker yet, and no place to write to: open_all does it later. */
	if (p->workers_started)
		TRY(inspect(p, made));
	struct forward_site *next = TAKE(made);
	p->sites++;
	next->rules.zone = next->inspect_rules.zone = next->answers.zone = next->quotas.zone =
		&p->zone;
	for (size_t i = 0; i < p->workers_started; i++)
		forward_worker_publish(&p->workers[i], next);
	if (!thread_await(follows, p->workers, p->workers_started))
		log_warning("a worker goes by what was before for a while yet");
	forward_site_unref(p->site);
	p->site = next;
	return OK;
}

/* Addresses are opened at the start only. */
static void tell_unserved(const struct forward_proxy *p, const struct forward_conf *conf)
{
	struct forward_door doors[FORWARD_ADDRESSES_MAX];
	size_t n = forward_doors(conf, doors, FORWARD_ADDRESSES_MAX), k;
	for (size_t i = 0; i < n; i++) {
		for (k = 0; k < p->entries_n; k++)
			if (ip_endpoint_equal(&p->entries[k].at, &doors[i].at))
				break;
		if (k == p->entries_n)
			log_warning("an address that is new in the configuration is served after "
				    "a restart",
				    LOG_ENDPOINT("listen", &doors[i].at));
	}
}

/* Where files are kept is settled at the start. */
static void tell_unkept(const struct forward_proxy *p, const struct forward_conf *conf)
{
	if (conf->quotas.n && !p->quotas.path)
		log_warning("what clients use of their quotas is kept on disk after a restart");
}

void forward_reload(void *arg, struct control_reply *reply)
{
	struct forward_proxy *p = arg;
	struct config *config = NULL;
	service_life_reloading(&p->life, false);
	enum err e = service_life_reread(&p->life, &config);
	const struct forward_conf *conf = e ? NULL : config_section(config, "forward-proxy");
	if (!e)
		e = conf ? forward_apply(p, config) : ERR_CONFIG;
	if (!e) {
		tell_unserved(p, conf);
		tell_unkept(p, conf);
		open_log(p, &conf->access_log);
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
	forward_reload(arg, NULL);
}

/* --- the start --- */

/* As many new keys of tickets as are due. */
static enum err turn_tickets(struct forward_proxy *p, uint64_t now_s)
{
	while (ticket_ring_is_due(&p->ring, now_s)) {
		struct tls_ticket_key next;
		TRY(crypto_random(&next, sizeof(next)));
		ticket_ring_turn(&p->ring, now_s, &next);
		crypto_wipe(&next, sizeof(next));
	}
	tls_tickets_set(p->tickets, p->ring.keys, p->ring.n, ticket_ring_seals(&p->ring, now_s));
	return OK;
}

static enum err make_entries(struct forward_proxy *p, const struct forward_conf *conf)
{
	struct forward_door doors[FORWARD_ADDRESSES_MAX];
	struct ip_endpoint at[FORWARD_ADDRESSES_MAX];
	bool transparent[FORWARD_ADDRESSES_MAX];
	p->entries_n = forward_doors(conf, doors, FORWARD_ADDRESSES_MAX);
	p->entries = calloc(p->entries_n + 1, sizeof(*p->entries));
	if (!p->entries)
		return ENOMEM;
	for (size_t i = 0; i < p->entries_n; i++) {
		p->entries[i] = (struct forward_entry){.at = doors[i].at, .number = i};
		at[i] = doors[i].at;
		transparent[i] = doors[i].tproxy;
	}
	p->sockets.endpoints = p->entries_n;
	p->sockets.workers = p->workers_n;
	p->sockets.transparent = transparent;
	enum err e = proxy_sockets_open(&p->life.activation, ACTIVATION_TCP, at, &p->sockets);
	p->sockets.transparent = NULL;
	return e;
}

/* None where no listener has any. */
static size_t associations_max(const struct forward_conf *conf)
{
	const struct forward_listen_conf *listens = conf->listen.items;
	for (size_t i = 0; i < conf->listen.n; i++)
		if (listens[i].udp)
			return conf->limits.associations;
	return 0;
}

/* How many connections there may be: one of a client takes a descriptor, and one to a server. */
static enum err make_room(struct forward_proxy *p, const struct forward_conf *conf)
{
	unsigned long most = conf->limits.connections ? conf->limits.connections : CONNECTIONS_MAX;
	unsigned long others = DESCRIPTORS_ASSOCIATION * associations_max(conf) +
			       p->workers_n * (DESCRIPTORS_EACH + FORWARD_ASK_DESCRIPTORS +
					       2 * FORWARD_STATUS_ASKS_MAX) +
			       p->sockets.owned_n + DESCRIPTORS_MORE;
	unsigned long wanted = 2 * most + others, descriptors, possible;
	TRY(fd_limit_raise(wanted, &descriptors));
	possible = descriptors > others + 2 ? (descriptors - others) / 2 : 1;
	p->connections_max = possible < most ? possible : most;
	if (p->connections_max < conf->limits.connections)
		log_warning("fewer connections than `limits: {connections}` says are possible: "
			    "the process may not have so many open files",
			    LOG_U64("possible", p->connections_max));
	return OK;
}

/* The sandbox sees into the folder of the policy when it is known before. */
static enum err policy_place(struct forward_proxy *p, const struct forward_conf *conf)
{
	if (!conf->policy)
		return OK;
	TRY(service_life_state_of(&p->life, "policy", &p->policy_folder));
	p->life.reads_states = policy_follow_states;
	return OK;
}

static void policy_is_new(void *arg, struct policy_held *held)
{
	struct forward_proxy *p = arg;
	for (size_t i = 0; i < p->workers_started; i++)
		forward_worker_obey(&p->workers[i], held);
}

static enum err enter_sandbox(struct forward_proxy *p)
{
	char **folders = NULL;
	TRY(forward_site_folders(p->site->conf, &folders));
	enum err e = service_life_sandbox(&p->life, (const char *const *)folders);
	forward_site_folders_free(folders);
	return e;
}

/* What a request of one worker waits for may come by another one. */
static void wake_worker(void *arg, unsigned number)
{
	const struct forward_proxy *p = arg;
	loop_wake(&p->workers[number].loop);
}

/* Ahead of the sandbox, in which the table of zones is not to be seen. */
static void read_zone(struct policy_zone *zone)
{
	struct time_zone_change changes[POLICY_CHANGES_MAX];
	size_t n = 0;
	enum err e = time_zone_read(NULL, (int64_t)clock_wall_s() - 86400, &zone->ahead_s, changes,
				    POLICY_CHANGES_MAX, &n);
	if (e)
		log_warning("this machine's time zone cannot be read: hours are those of UTC",
			    LOG_ERR(e));
	for (size_t i = 0; !e && i < n; i++)
		zone->changes[zone->changes_n++] =
			(struct policy_change){changes[i].since_s, changes[i].ahead_s};
}

/* Everything that needs to be opened, then the sandbox. */
static enum err open_all(struct forward_proxy *p)
{
	const struct forward_conf *conf = service_life_conf(&p->life);
	read_zone(&p->zone);
	p->workers_n = workers_of(conf);
	TRY(make_entries(p, conf));
	TRY(make_room(p, conf));
	p->workers = calloc(p->workers_n, sizeof(*p->workers));
	p->outs = calloc(p->workers_n, sizeof(*p->outs));
	if (!p->workers || !p->outs)
		return ENOMEM;
	const struct auth_attempts_conf attempts = {ATTEMPTS_CLIENTS, ATTEMPTS_BURST,
						    ATTEMPTS_EACH_MS};
	TRY(auth_attempts_new(&attempts, &p->attempts));
	/* It is there without `bandwidth` too: a reload may bring it. */
	TRY(bandwidth_new(BANDWIDTH_BUCKETS, &p->bandwidth));
	TRY(forward_quotas_init(&p->quotas, QUOTA_CLIENTS));
	TRY(crowd_new(CROWD_CLIENTS, &p->connected));
	TRY(crowd_new(CROWD_CLIENTS, &p->associated));
	TRY(auth_known_new(CREDENTIALS_MAX, CREDENTIALS_MS, &p->known));
	TRY(auth_known_new(CREDENTIALS_MAX, FORWARD_PEOPLE_SESSION_MS, &p->people_known));
	TRY(auth_hasher_new(&p->hasher));
	TRY(forward_people_new(p->life.global->run, p->hasher, &p->people));
	TRY(tls_tickets_new(&p->tickets));
	TRY(turn_tickets(p, clock_wall_s()));
	TRY(forward_apply(p, p->life.config));
	TRY(policy_place(p, conf));
	proxy_cache_tiers_begin(&p->cache, &conf->cache, &p->life);
	proxy_rings_open(&p->rings, conf->io_uring, p->workers_n);
	p->life.syscalls = proxy_rings_syscalls(&p->rings, &p->life.syscalls_n);
	TRY(enter_sandbox(p));
	TRY(inspect(p, p->site));
	if (p->policy_folder)
		TRY(policy_follow_new(&p->life.loop, p->policy_folder, policy_is_new, p,
				      &p->follow));
	/* It is there without `cache` too: a reload may bring it. */
	TRY(proxy_cache_tiers_open(&p->cache, &conf->cache, &p->life, wake_worker, p));
	access_log_init(&p->log, p->outs, p->workers_n, service_life_state(&p->life));
	open_log(p, &conf->access_log);
	TRY(forward_quotas_open(&p->quotas, service_life_state(&p->life), &p->site->quotas));
	return service_life_signals(&p->life);
}

static enum err start_workers(struct forward_proxy *p)
{
	const struct forward_conf *conf = service_life_conf(&p->life);
	size_t n = p->workers_n;
	/* Another one cannot come before the loop turns. */
	AUTO(policy_held_unref)
	struct policy_held *held = p->follow ? policy_follow_get(p->follow) : NULL;
	struct forward_worker_options o = {
		.site = p->site,
		.entries = p->entries,
		.entries_n = p->entries_n,
		.connections_max = (p->connections_max + n - 1) / n,
		.exchanges_max = (conf->limits.requests + n - 1) / n,
		.buffers_max = conf->limits.memory / n / PROXY_BUFFER_SIZE,
		.origins_max = (conf->limits.origins + n - 1) / n,
		.associations_max = (associations_max(conf) + n - 1) / n,
		.main = &p->life.loop,
		.hasher = p->hasher,
		.known = p->known,
		.people_known = p->people_known,
		.attempts = p->attempts,
		.bandwidth = p->bandwidth,
		.quotas = p->quotas.table,
		.connected = p->connected,
		.associated = p->associated,
		.cache = p->cache.memory,
		.policy = held,
	};
	for (size_t i = 0; i < n; i++) {
		char name[32];
		struct forward_worker *w = &p->workers[i];
		o.fds = p->sockets.fds + i * p->entries_n;
		o.access = &p->outs[i];
		o.number = (unsigned)i;
		o.ring = proxy_rings_get(&p->rings, i);
		p->workers_started++;
		TRY(forward_worker_init(w, &o));
		(void)snprintf(name, sizeof(name), "proxy-%zu", i);
		TRY(forward_worker_start(w, name, n > 1 ? (int)i : -1));
	}
	return OK;
}

static void woken(void *arg)
{
	struct forward_proxy *p = arg;
	access_log_turn(&p->log);
}

static void each_second(void *arg)
{
	struct forward_proxy *p = arg;
	/* Without randomness the old keys stay until the next second. */
	err_ignore(turn_tickets(p, clock_wall_s()));
	proxy_cache_tiers_tell(&p->cache);
	forward_quotas_second(&p->quotas, &p->site->quotas, loop_now_ms(&p->life.loop));
	loop_timer_set_after(&p->life.loop, &p->second, 1000);
}

/* --- the end --- */

static bool all_drained(const struct forward_proxy *p)
{
	for (size_t i = 0; i < p->workers_started; i++)
		if (!atomic_load_explicit(&p->workers[i].drained, memory_order_acquire))
			return false;
	return true;
}

/* What runs is waited for; whoever holds the sockets too takes who comes now. */
static void drain(struct forward_proxy *p)
{
	const struct forward_conf *conf = service_life_conf(&p->life);
	uint64_t until_ms = loop_now_ms(&p->life.loop) + conf->timeouts.drain_ms;
	for (size_t i = 0; i < p->workers_started; i++)
		forward_worker_drain(&p->workers[i]);
	while (!all_drained(p) && loop_now_ms(&p->life.loop) < until_ms)
		if (loop_turn(&p->life.loop, DRAIN_LOOK_MS) != OK)
			break;
}

static enum err live(struct forward_proxy *p, struct control_face *face, int *ret_status)
{
	TRY(open_all(p));
	loop_on_wake(&p->life.loop, woken, p);
	loop_timer_init(&p->second, each_second, p);
	loop_timer_set_after(&p->life.loop, &p->second, 1000);
	TRY(service_life_control(&p->life, face));
	TRY(auth_hasher_start(p->hasher));
	TRY(start_workers(p));
	p->life.reload = hangup;
	p->life.arg = p;
	pages_return();
	*ret_status = service_life_run(&p->life);
	drain(p);
	return OK;
}

static void end(struct forward_proxy *p)
{
	for (size_t i = 0; i < p->workers_started; i++)
		forward_worker_stop(&p->workers[i]);
	auth_hasher_free(p->hasher);
	proxy_cache_tiers_stop(&p->cache);
	for (size_t i = 0; i < p->workers_started; i++)
		forward_worker_done(&p->workers[i]);
	forward_quotas_save(&p->quotas);
	access_log_done(&p->log);
	for (size_t i = 0; p->outs && i < p->workers_n; i++)
		access_out_done(&p->outs[i]);
	policy_follow_free(p->follow);
	free(p->policy_folder);
	service_life_done(&p->life);
	proxy_sockets_done(&p->sockets);
	proxy_rings_done(&p->rings);
	forward_site_unref(p->site);
	inspect_authority_unref(p->authority);
	tls_tickets_unref(p->tickets);
	auth_known_free(p->known);
	auth_known_free(p->people_known);
	forward_people_free(p->people);
	auth_attempts_free(p->attempts);
	bandwidth_free(p->bandwidth);
	forward_quotas_done(&p->quotas);
	crowd_free(p->connected);
	crowd_free(p->associated);
	ticket_ring_done(&p->ring);
	proxy_cache_tiers_done(&p->cache);
	free(p->entries);
	free(p->workers);
	free(p->outs);
}

static int run(const struct service_start *start)
{
	struct forward_proxy *p = calloc(1, sizeof(*p));
	struct control_face face;
	int status = 1;
	if (!p)
		return 1;
	forward_control_face(p, &face);
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

static const char *obeys(const void *section)
{
	const struct forward_conf *conf = section;
	return conf->policy ? "policy" : NULL;
}

static bool asks_people(const void *section)
{
	const struct forward_conf *conf = section;
	return conf->access.vpn_users != FORWARD_VPN_NO;
}

static void advise(const void *section, void (*tell)(void *arg, uint32_t line, const char *text),
		   void *arg)
{
	const struct forward_conf *conf = section;
	forward_upstreams_advise(&conf->upstreams, tell, arg);
}

const struct service forward_proxy_service = {
	.name = "forward-proxy",
	.summary = "the forward proxy: out on behalf of clients",
	.schema = &forward_conf_map,
	.keeps_state = keeps_state,
	.folder = folder,
	.plan = plan,
	.advise = advise,
	.obeys = obeys,
	.asks_people = asks_people,
	.run = run,
};
