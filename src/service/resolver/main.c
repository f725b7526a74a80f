/* The life of the resolver. */
#include "config/config.h"
#include "config/global.h"
#include "control/service_life.h"
#include "crypto/random.h"
#include "os/fd.h"
#include "os/file.h"
#include "os/log.h"
#include "policy/io_follow.h"
#include "service/resolver/cache.h"
#include "service/resolver/control.h"
#include "service/resolver/io_forwarders.h"
#include "service/resolver/io_sockets.h"
#include "service/resolver/service.h"
#include "supervisor/plan.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>

#define WORKERS_MAX	 255u
#define HINTS_MAX	 (1u << 20) /* bytes of a hints file */
#define DESCRIPTORS_MORE 256u
#define THREADS_EACH	 2u /* an epoll and an event descriptor for each worker */

struct resolver {
	struct service_life life;
	struct resolver_sockets sockets;
	struct resolver_rules *rules;
	struct cache *cache;
	struct resolver_control control;
	struct resolver_forwarders forwarders;
	char *policy_folder; /* NULL: no policy is obeyed */
	struct policy_follow *follow;
	size_t workers_started;
};

static size_t workers_of(const struct resolver_conf *conf)
{
	size_t n = conf->workers ? conf->workers : thread_cpus();
	return n < WORKERS_MAX ? n : WORKERS_MAX;
}

static enum err plan(const void *section, const struct config_global *global, struct plan *p)
{
	const struct resolver_conf *conf = section;
	const struct ip_endpoint *listen = conf->listen.items;
	unsigned copies = (unsigned)workers_of(conf);
	char path[4096];
	(void)snprintf(path, sizeof(path), "%s/%s", global->run, FORWARDERS_SOCKET);
	if (conf->forwarders)
		TRY(plan_add_unix(p, "resolver", "forwarders", path, PLAN_GROUP_SERVICES));
	for (size_t i = 0; i < conf->listen.n; i++) {
		TRY(plan_add_socket(p, "resolver", PLAN_UDP, &listen[i], copies));
		TRY(plan_add_socket(p, "resolver", PLAN_TCP, &listen[i], copies));
	}
	return OK;
}

/* The rules of a configuration; errors are logged. */
static enum err make_rules(const struct resolver *r, const struct resolver_conf *conf,
			   struct resolver_rules **ret)
{
	struct resolver_told told = {r->forwarders.at, conf->forwarders ? r->forwarders.n : 0};
	char *text = NULL, message[256] = "";
	size_t len = 0;
	uint32_t line = 0;
	enum err err = conf->root_hints ? file_read(conf->root_hints, HINTS_MAX, &text, &len) : OK;
	if (err) {
		log_error("the root hints cannot be read", LOG_TEXT("file", conf->root_hints),
			  LOG_ERR(err));
		return err;
	}
	/* An empty file is no hints, which hints_read is to say. */
	struct span hints =
		conf->root_hints ? span_of(len ? text : "\n", len ? len : 1) : (struct span){0};
	err = resolver_rules_new(conf, hints, told, GATEHOUSE_VERSION, ret, &line, message,
				 sizeof(message));
	free(text);
	if (err == ERR_FORMAT)
		log_error("the root hints are wrong", LOG_TEXT("file", conf->root_hints),
			  LOG_U64("line", line), LOG_TEXT("why", message));
	if (err)
		return err == ERR_FORMAT ? ERR_CONFIG : err;
	struct policy_held *held = r->follow ? policy_follow_get(r->follow) : NULL;
	resolver_rules_obey(*ret, conf, held);
	policy_held_unref(held);
	return OK;
}

/* Who is told that a reload is over finds it in force, whichever worker he comes to. */
static bool follows(const void *arg, size_t i)
{
	const struct resolver_worker *workers = arg;
	return resolver_worker_follows(&workers[i]);
}

/* From now on the workers follow rules. */
static void publish(struct resolver *r, struct resolver_rules *rules)
{
	for (size_t i = 0; i < r->workers_started; i++)
		resolver_worker_publish(&r->control.workers[i], rules);
	if (!thread_await(follows, r->control.workers, r->workers_started))
		log_warning("a worker goes by what was before for a while yet");
	resolver_rules_unref(r->rules);
	r->rules = rules;
}

static void policy_is_new(void *arg, struct policy_held *held)
{
	struct resolver *r = arg;
	struct resolver_rules *rules = NULL;
	if (!r->follow)
		return; /* policy_begin makes them */
	resolver_listed_rename(&r->control.lists, &r->control.listed, policy_held_policy(held));
	if (make_rules(r, service_life_conf(&r->life), &rules) == OK)
		publish(r, rules);
}

static void forwarders_changed(void *arg)
{
	struct resolver *r = arg;
	struct resolver_rules *rules = NULL;
	if (make_rules(r, service_life_conf(&r->life), &rules) == OK)
		publish(r, rules);
	json_t *fields = json_pack("{s:o}", "forwarders", resolver_forwarders_json(&r->forwarders));
	control_event(r->life.control, "forwarders", fields);
}

/* The file is judged, then the new rules go to the workers; the cache stays. */
static void reload(void *arg, struct control_reply *reply)
{
	struct resolver *r = arg;
	struct config *config = NULL;
	struct resolver_rules *rules = NULL;
	service_life_reloading(&r->life, false);
	enum err err = service_life_reread(&r->life, &config);
	const struct resolver_conf *conf = err ? NULL : config_section(config, "resolver");
	if (!err && !conf)
		err = ERR_CONFIG;
	if (!err)
		err = make_rules(r, conf, &rules);
	if (!err) {
		publish(r, rules);
		service_life_adopt(&r->life, TAKE(config));
		r->control.follow = conf->policy_on ? r->follow : NULL;
		log_info("reloaded");
		if (conf->policy_on && !r->follow)
			log_warning("`policy` of the resolver is obeyed after a restart");
	}
	config_free(config);
	service_life_reloading(&r->life, true);
	control_event(r->life.control, err ? "reload refused" : "reloaded", NULL);
	if (reply && err)
		control_reply_error(reply, 409, "the configuration is refused; the log says why");
	else if (reply)
		control_reply_json(reply, 200, json_pack("{s:b}", "reloaded", 1));
}

static void hangup(void *arg)
{
	reload(arg, NULL);
}

static enum err enter_sandbox(struct resolver *r, const struct resolver_conf *conf)
{
	const char *paths[2] = {NULL, NULL};
	char folder[4096];
	if (conf->root_hints) { /* to be read anew at a reload */
		(void)snprintf(folder, sizeof(folder), "%s", conf->root_hints);
		paths[0] = dirname(folder);
	}
	return service_life_sandbox(&r->life, paths);
}

/* Where the client of the uplinks tells forwarders: passed by name, or made here. */
static enum err open_forwarders(struct resolver *r, const struct resolver_conf *conf)
{
	int fd = -1;
	if (!conf->forwarders)
		return OK;
	enum err e = service_life_socket(&r->life, "forwarders", FORWARDERS_SOCKET, &fd);
	if (!e)
		e = resolver_forwarders_open(&r->forwarders, &r->life.loop, fd, conf->upstream_port,
					     forwarders_changed, r);
	r->control.forwarders = &r->forwarders;
	return e;
}

/* The sandbox sees into the folder of the policy when it is known before. */
static enum err policy_place(struct resolver *r, const struct resolver_conf *conf)
{
	if (!conf->policy_on)
		return OK;
	TRY(service_life_state_of(&r->life, "policy", &r->policy_folder));
	r->life.reads_states = policy_follow_states;
	return OK;
}

/* The policy that is there now; the next ones come by policy_is_new. */
static enum err policy_begin(struct resolver *r)
{
	struct resolver_rules *rules = NULL;
	if (!r->policy_folder)
		return OK;
	TRY(policy_follow_new(&r->life.loop, r->policy_folder, policy_is_new, r, &r->follow));
	TRY(make_rules(r, service_life_conf(&r->life), &rules));
	publish(r, rules);
	r->control.follow = r->follow;
	if (r->rules->held)
		resolver_listed_rename(&r->control.lists, &r->control.listed,
				       policy_held_policy(r->rules->held));
	return OK;
}

/* Everything that needs to be opened, then the sandbox. */
static enum err open_all(struct resolver *r)
{
	const struct resolver_conf *conf = service_life_conf(&r->life);
	size_t workers = workers_of(conf);
	unsigned long descriptors;
	uint8_t secret[16];
	TRY(make_rules(r, conf, &r->rules));
	TRY(resolver_sockets_open(&r->life.activation, conf->listen.items, conf->listen.n, workers,
				  &r->sockets));
	TRY(fd_limit_raise((conf->queries + conf->tcp.clients + THREADS_EACH) * workers +
				   r->sockets.owned_n + DESCRIPTORS_MORE,
			   &descriptors));
	TRY(crypto_random(secret, sizeof(secret)));
	TRY(cache_new(conf->cache, secret, &r->cache));
	r->control.workers = calloc(workers, sizeof(struct resolver_worker));
	if (!r->control.workers)
		return ENOMEM;
	r->control.workers_n = workers;
	r->control.cache = r->cache;
	r->control.life = &r->life;
	r->control.reload = reload;
	r->control.arg = r;
	TRY(open_forwarders(r, conf));
	TRY(policy_place(r, conf));
	TRY(counters_init(&r->control.counters, resolver_counter_names, RESOLVER_COUNTERS,
			  workers));
	TRY(counters_init(&r->control.listed, resolver_list_counter_names, POLICY_LISTS_MAX,
			  conf->policy_on ? workers : 1));
	TRY(enter_sandbox(r, conf));
	TRY(policy_begin(r));
	return service_life_signals(&r->life);
}

static enum err start_workers(struct resolver *r)
{
	const struct resolver_conf *conf = service_life_conf(&r->life);
	size_t n = r->sockets.endpoints;
	for (size_t i = 0; i < r->control.workers_n; i++) {
		char name[32];
		struct resolver_worker_options options = {
			.row = counters_row(&r->control.counters, i),
			.listed = counters_row(&r->control.listed, conf->policy_on ? i : 0),
			.rules = r->rules,
			.cache = r->cache,
			.walks_max = conf->queries,
			.clients_max = conf->tcp.clients,
			.shared = r->sockets.shared,
			.traces = i == 0,
			.main = &r->life.loop,
		};
		struct resolver_worker *w = &r->control.workers[i];
		r->workers_started++;
		TRY(resolver_worker_init(w, &options, r->sockets.udp + i * n, n,
					 r->sockets.tcp + i * n, n));
		(void)snprintf(name, sizeof(name), "resolve-%zu", i);
		TRY(resolver_worker_start(w, name, r->control.workers_n > 1 ? (int)i : -1));
	}
	return OK;
}

static enum err live(struct resolver *r, struct control_face *face, int *ret_status)
{
	TRY(open_all(r));
	loop_on_wake(&r->life.loop, resolver_control_woken, &r->control);
	TRY(service_life_control(&r->life, face));
	TRY(start_workers(r));
	r->life.reload = hangup;
	r->life.arg = r;
	*ret_status = service_life_run(&r->life);
	return OK;
}

static int run(const struct service_start *start)
{
	struct resolver *r = calloc(1, sizeof(*r));
	struct control_face face;
	int status = 1;
	if (!r)
		return 1;
	resolver_control_face(&r->control, &face);
	enum err err = service_life_begin(&r->life, start);
	bool begun = !err;
	if (!err)
		err = live(r, &face, &status);
	if (begun && err)
		log_error("the service ends", LOG_ERR(err));
	resolver_control_done(&r->control);
	resolver_forwarders_done(&r->forwarders);
	for (size_t i = 0; i < r->workers_started; i++)
		resolver_worker_done(&r->control.workers[i]);
	policy_follow_free(r->follow);
	service_life_done(&r->life);
	resolver_sockets_done(&r->sockets);
	resolver_rules_unref(r->rules);
	cache_free(r->cache);
	counters_done(&r->control.counters);
	counters_done(&r->control.listed);
	free(r->policy_folder);
	free(r->control.workers);
	free(r);
	return err == ERR_CONFIG ? 2 : err ? 1 : status;
}

static const char *obeys(const void *section)
{
	const struct resolver_conf *conf = section;
	return conf->policy_on ? "policy" : NULL;
}

const struct service resolver_service = {
	.name = "resolver",
	.summary = "the recursive resolver: asks servers for others and remembers what they said",
	.schema = &resolver_conf_map,
	.plan = plan,
	.obeys = obeys,
	.run = run,
};
