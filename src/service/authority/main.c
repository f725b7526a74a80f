/* The life of the authority. */
#include "config/global.h"
#include "crypto/hmac.h"
#include "crypto/random.h"
#include "os/fd.h"
#include "os/log.h"
#include "service/authority/conf.h"
#include "service/authority/io_authority.h"
#include "service/authority/service.h"
#include "supervisor/plan.h"

#include <stdio.h>
#include <stdlib.h>

#define DESCRIPTORS_MORE 256 /* beyond sockets and clients: files, control, logs */
#define THREADS_EACH	 2   /* an epoll and an event descriptor for each worker */

static size_t workers_of(const struct authority_conf *conf)
{
	size_t n = conf->workers ? conf->workers : thread_cpus();

	return n < 255 ? n : 255;
}

#define FILES_TRIED 16u

static enum err plan(const void *section, const struct config_global *global, struct plan *p)
{
	const struct authority_conf *conf = section;
	const struct ip_endpoint *listen = conf->listen.items;
	unsigned copies = (unsigned)workers_of(conf);
	(void)global;

	for (size_t i = 0; i < conf->listen.n; i++) {
		TRY(plan_add_socket(p, "authority", PLAN_UDP, &listen[i], copies));
		TRY(plan_add_socket(p, "authority", PLAN_TCP, &listen[i], copies));
	}
	return OK;
}

static void woken(void *arg)
{
	authority_load_end(arg);
	authority_updates_seen(arg);
}

static bool keeps_state(const void *section)
{
	const struct authority_conf *conf = section;
	const struct authority_zone_conf *zones = conf->zones.items;

	for (size_t i = 0; i < conf->zones.n; i++)
		if (zones[i].update.n)
			return true;
	return false;
}

/* The thread and the folder for journals are there from the start, or not at all. */
static enum err start_updater(struct authority *a)
{
	if (!service_life_state(&a->life))
		return OK;
	TRY(updater_new(a->workers_n, counters_row(&a->counters, a->workers_n), &a->life.loop,
			&a->updater));
	return updater_start(a->updater);
}

static void hangup(void *arg)
{
	authority_reload(arg, NULL);
}

/* The folders of zone files, so that the sandbox lets them be read; includes lie beside or below.
 * And some of the files: what one can do with them decides whom to run as. */
static enum err enter_sandbox(struct authority *a, const struct authority_conf *conf)
{
	const struct authority_zone_conf *zones = conf->zones.items;
	char **paths = calloc(conf->zones.n + FILES_TRIED + 1, sizeof(char *));
	enum err e = paths ? OK : ENOMEM;
	size_t n = 0;

	for (size_t i = 0; !e && i < conf->zones.n; i++) {
		const char *slash = strrchr(zones[i].file, '/');
		size_t len = slash > zones[i].file ? (size_t)(slash - zones[i].file) : 1;
		char *folder = strndup(slash ? zones[i].file : ".", len);
		if (!folder)
			e = ENOMEM;
		else if (n && strcmp(paths[n - 1], folder) == 0)
			free(folder); /* zones mostly lie together */
		else
			paths[n++] = folder;
	}
	for (size_t i = 0; !e && i < conf->zones.n && i < FILES_TRIED; i++) {
		paths[n] = strdup(zones[i].file);
		e = paths[n++] ? OK : ENOMEM;
	}
	if (!e)
		e = service_life_sandbox(&a->life, (const char *const *)paths);
	for (size_t i = 0; i < n; i++)
		free(paths[i]);
	free(paths);
	return e;
}

/* One draw of the system's randomness; what is made of it for one purpose tells nothing of the
 * others. */
static enum err keys_make(struct authority *a)
{
	uint8_t seed[CRYPTO_KEY_LEN], key[CRYPTO_KEY_LEN];
	TRY(crypto_random(seed, sizeof(seed)));
	crypto_derive(span_of(seed, sizeof(seed)), "hash tables of zones", key);
	memcpy(a->key, key, sizeof(a->key));
	crypto_derive(span_of(seed, sizeof(seed)), "cookies", key);
	enum err e = secret_set(&a->cookies, span_of(key, ANSWER_SECRET_LEN));
	crypto_wipe(seed, sizeof(seed));
	crypto_wipe(key, sizeof(key));
	return e;
}

/* Everything that needs to be opened, then the sandbox. */
static enum err open_all(struct authority *a)
{
	const struct authority_conf *conf = service_life_conf(&a->life);
	unsigned long descriptors;

	a->workers_n = workers_of(conf);
	TRY(keys_make(a));
	TRY(sockets_open(&a->life.activation, conf->listen.items, conf->listen.n, a->workers_n,
			 &a->sockets));
	TRY(fd_limit_raise(conf->tcp.clients + a->sockets.owned_n + THREADS_EACH * a->workers_n +
				   DESCRIPTORS_MORE,
			   &descriptors));
	TRY(counters_init(&a->counters, authority_counter_names, COUNTERS, a->workers_n + 1));
	TRY(enter_sandbox(a, conf));
	return service_life_signals(&a->life);
}

/* Loads while SIGTERM is heard. ERR_CLOSED: it came. */
static enum err load_first(struct authority *a)
{
	loop_on_wake(&a->life.loop, woken, a);
	TRY(authority_load_begin(a));
	while (a->loader && !a->life.loop.stopped)
		TRY(loop_turn(&a->life.loop, -1));
	if (a->life.loop.stopped)
		return ERR_CLOSED;
	return a->generation ? OK : ENOMEM;
}

static enum err start_workers(struct authority *a)
{
	const struct authority_conf *conf = service_life_conf(&a->life);
	size_t n = a->sockets.endpoints;

	a->workers = calloc(a->workers_n, sizeof(*a->workers));
	if (!a->workers)
		return ENOMEM;
	for (size_t i = 0; i < a->workers_n; i++) {
		char name[32];
		struct worker_options options = {
			.row = counters_row(&a->counters, i),
			.generation = a->generation,
			.clients_max = (conf->tcp.clients + a->workers_n - 1) / a->workers_n,
			.shared = a->sockets.shared,
			.updater = a->updater,
			.port = i,
		};
		a->workers_started++;
		TRY(worker_init(&a->workers[i], &options, a->sockets.udp + i * n, n,
				a->sockets.tcp + i * n, n));
		(void)snprintf(name, sizeof(name), "answer-%zu", i);
		TRY(worker_start(&a->workers[i], name, a->workers_n > 1 ? (int)i : -1));
	}
	return OK;
}

static enum err live(struct authority *a, struct control_face *face, int *ret_status)
{
	TRY(open_all(a));
	TRY(service_life_control(&a->life, face));
	TRY(start_updater(a));
	TRY(load_first(a));
	TRY(start_workers(a));
	a->life.reload = hangup;
	a->life.arg = a;
	*ret_status = service_life_run(&a->life);
	return OK;
}

static int run(const struct service_start *start)
{
	struct authority *a = calloc(1, sizeof(*a));
	struct control_face face = authority_face;
	int status = 1;

	if (!a)
		return 1;
	face.arg = a;
	enum err e = service_life_begin(&a->life, start);
	bool begun = !e;
	if (!e)
		e = live(a, &face, &status);
	if (begun && e && e != ERR_CLOSED)
		log_error("the service ends", LOG_ERR(e));
	updater_stop(a->updater);
	for (size_t i = 0; i < a->workers_started; i++)
		worker_done(&a->workers[i]);
	authority_load_stop(a);
	updater_free(a->updater);
	generation_unref(a->generation);
	service_life_done(&a->life);
	sockets_done(&a->sockets);
	counters_done(&a->counters);
	free(a->workers);
	secret_done(&a->cookies);
	free(a);
	return e == ERR_CONFIG ? 2 : e == ERR_CLOSED ? 0 : status;
}

const struct service authority_service = {
	.name = "authority",
	.summary = "the authoritative name server: answers for zones",
	.schema = &authority_conf_map,
	.plan = plan,
	.run = run,
	.keeps_state = keeps_state,
};
