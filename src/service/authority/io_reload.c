/* Reloads: judged first, built aside, published whole. */
#include "config/config.h"
#include "os/log.h"
#include "os/tcp.h"
#include "service/authority/conf.h"
#include "service/authority/io_authority.h"
#include "service/authority/keyring.h"

static void load_thread(void *arg)
{
	struct authority *a = arg;

	loader_run(a->loader, &a->stop, &a->result);
	atomic_store_explicit(&a->loaded, true, memory_order_release);
	loop_wake(&a->life.loop);
}

static bool cookies_differ(const struct answer_config *a, const struct answer_config *b)
{
	return !crypto_equal(span_of(a->cookie_secret, sizeof(a->cookie_secret)),
			     span_of(b->cookie_secret, sizeof(b->cookie_secret)));
}

enum err authority_load_begin(struct authority *a)
{
	const struct authority_conf *conf = service_life_conf(&a->life);
	struct answer_config answers;

	authority_conf_answers(conf, a->cookies.bytes, &answers);
	if (a->generation && cookies_differ(&answers, &a->generation->answers))
		log_notice("the cookie secret has changed: clients show old cookies once more");
	TRY(authority_conf_keys(conf, &answers.keys));
	enum err made =
		loader_new(conf, &answers, a->key, a->updater ? service_life_state(&a->life) : NULL,
			   a->generation, &a->loader);
	keyring_unref(answers.keys); /* the loader has one of its own */
	TRY(made);
	atomic_store_explicit(&a->loaded, false, memory_order_relaxed);
	enum err e = thread_start(&a->loading, "load", -1, load_thread, a);
	if (e)
		loader_free(TAKE(a->loader));
	return e;
}

static void answer_one(struct control_reply *reply, const struct loader_result *r)
{
	if (!r->generation) {
		control_reply_error(reply, 500, "the zones were not loaded; the log says why");
		return;
	}
	control_reply_json(reply, r->failed ? 409 : 200,
			   json_pack("{s:b,s:I,s:I,s:I,s:I}", "ok", r->failed == 0, "loaded",
				     (json_int_t)r->loaded, "unchanged", (json_int_t)r->shared,
				     "failed", (json_int_t)r->failed, "ms",
				     (json_int_t)r->took_ms));
}

static void answer_all(struct authority *a, const struct loader_result *r)
{
	for (size_t i = 0; i < a->replies_n; i++)
		answer_one(a->replies[i], r);
	a->replies_n = 0;
}

/* Listening sockets and threads are made at start only. */
static void warn_of_restart(const struct authority *a)
{
	const struct authority_conf *conf = service_life_conf(&a->life);
	const struct ip_endpoint *listen = conf->listen.items;
	bool same = conf->listen.n == a->sockets.endpoints;

	for (size_t i = 0; same && i < conf->listen.n; i++) {
		struct ip_endpoint local;
		same = !socket_local(a->sockets.udp[i], &local) &&
		       ip_endpoint_equal(&local, &listen[i]);
	}
	if (!same || (conf->workers && conf->workers != a->workers_n))
		log_warning("`listen` and `workers` take effect at the next start");
	/* So are the thread for updates and the folder for journals. */
	const struct authority_zone_conf *zones = conf->zones.items;
	for (size_t i = 0; !a->updater && i < conf->zones.n; i++)
		if (zones[i].update.n) {
			log_warning("no zone took updates at the start: `update` takes effect at "
				    "the next");
			break;
		}
}

static void begin(struct authority *a)
{
	struct config *config = NULL;
	enum err e = service_life_reread(&a->life, &config);

	if (!e) {
		service_life_adopt(&a->life, config);
		warn_of_restart(a);
		e = authority_load_begin(a);
	}
	if (!e)
		return;
	a->reloads_failed++;
	for (size_t i = 0; i < a->replies_n; i++)
		control_reply_error(
			a->replies[i], e == ERR_CONFIG ? 422 : 500,
			e == ERR_CONFIG
				? "the configuration is wrong; the old one stays, the log says why"
				: err_text(e));
	a->replies_n = 0;
	service_life_reloading(&a->life, true);
}

void authority_reload(struct authority *a, struct control_reply *reply)
{
	struct control_reply **list = a->loader ? a->waiting : a->replies;
	size_t *n = a->loader ? &a->waiting_n : &a->replies_n;

	if (reply && *n == AUTHORITY_REPLIES_MAX) {
		control_reply_error(reply, 503, "too many reloads wait");
		return;
	}
	if (reply)
		list[(*n)++] = reply;
	if (a->loader) {
		a->again = true;
		return;
	}
	service_life_reloading(&a->life, false);
	begin(a);
}

/* Who is told that a reload is over finds it in force, whichever worker he comes to. */
static bool follows(const void *arg, size_t i)
{
	const struct worker *workers = arg;
	return worker_follows(&workers[i]);
}

static void publish(struct authority *a, struct generation *g)
{
	for (size_t i = 0; i < a->workers_started; i++)
		worker_publish(&a->workers[i], g);
	if (!thread_await(follows, a->workers, a->workers_started))
		log_warning("a worker goes by what was before for a while yet");
	generation_unref(a->generation);
	a->generation = g;
}

void authority_load_end(struct authority *a)
{
	if (!a->loader || !atomic_load_explicit(&a->loaded, memory_order_acquire))
		return;
	thread_join(&a->loading);
	loader_free(TAKE(a->loader));
	bool first = !a->generation;
	if (a->result.generation)
		publish(a, a->result.generation);
	a->reloads += !first;
	a->reloads_failed += !a->result.generation || a->result.failed;
	if (!first)
		log_info("reloaded", LOG_U64("loaded", a->result.loaded),
			 LOG_U64("unchanged", a->result.shared),
			 LOG_U64("failed", a->result.failed), LOG_U64("ms", a->result.took_ms));
	answer_all(a, &a->result);
	if (!first && a->life.control)
		control_event(a->life.control, "reload",
			      json_pack("{s:I,s:I,s:I}", "loaded", (json_int_t)a->result.loaded,
					"unchanged", (json_int_t)a->result.shared, "failed",
					(json_int_t)a->result.failed));
	if (a->again) {
		a->again = false;
		memcpy(a->replies, a->waiting, sizeof(a->waiting));
		a->replies_n = a->waiting_n;
		a->waiting_n = 0;
		begin(a);
	} else if (!first) {
		service_life_reloading(&a->life, true);
	}
}

#define EVENTS_EACH                                                                                \
	64 /* updates told of at one wake; the rest waits, and past its room is counted */

static void tell_updates(struct authority *a)
{
	char zone[DNS_NAME_TEXT_MAX], key[DNS_NAME_TEXT_MAX], peer[IP_ENDPOINT_TEXT_MAX];
	char rcode[DNS_CODE_TEXT_MAX];
	struct update_told t;

	for (unsigned i = 0; i < EVENTS_EACH && updater_told(a->updater, &t); i++) {
		if (!a->life.control || !control_events_read(a->life.control))
			continue;
		ip_endpoint_format(&t.peer, peer);
		control_event(a->life.control,
			      t.result.outcome == UPDATE_CHANGED ? "update" : "update-refused",
			      json_pack("{s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:I}", "zone",
					dns_name_format(&t.zone, zone), "key",
					dns_name_format(&t.key, key), "client", peer, "rcode",
					dns_rcode_format(t.result.rcode, rcode), "cause",
					update_outcome_text(t.result.outcome), "serial",
					(json_int_t)t.result.serial, "added",
					(json_int_t)t.result.added, "removed",
					(json_int_t)t.result.removed));
	}
}

static void renew(struct authority *a)
{
	struct zones *zones = NULL;
	struct generation *g = NULL;
	enum err e = zones_renew(a->generation->zones, &zones);

	if (!e)
		e = generation_new(zones, &a->generation->answers, a->generation->idle_ms, &g);
	if (e) {
		/* What was replaced stays in memory until the next time. */
		zones_free(zones);
		log_warning("the zones were not renewed", LOG_ERR(e));
		return;
	}
	publish(a, g);
}

void authority_updates_seen(struct authority *a)
{
	if (!a->updater)
		return;
	tell_updates(a);
	/* A load that runs builds on the generation there is; its end comes here again. */
	if (a->generation && !a->loader && updater_wants_renewal(a->updater))
		renew(a);
}

void authority_load_stop(struct authority *a)
{
	if (a->loader) {
		atomic_store_explicit(&a->stop, true, memory_order_relaxed);
		thread_join(&a->loading);
		loader_free(TAKE(a->loader));
		generation_unref(a->result.generation);
	}
	for (size_t i = 0; i < a->replies_n; i++)
		control_reply_error(a->replies[i], 503, "stopping");
	for (size_t i = 0; i < a->waiting_n; i++)
		control_reply_error(a->waiting[i], 503, "stopping");
	a->replies_n = a->waiting_n = 0;
}
