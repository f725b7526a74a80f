#include "service/authority/io_loader.h"

#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"
#include "proto/ip/prefix.h"
#include "service/authority/conf.h"
#include "service/authority/io_dynamic.h"
#include "service/authority/keyring.h"
#include "service/authority/zone_load.h"

#include <stdlib.h>

#define ZONE_FILE_MAX ((size_t)1 << 36)

struct loader_zone {
	struct dns_name origin;
	char *path;
	bool lenient;
	struct ip_prefix *transfer;
	size_t transfer_n;
	struct dns_name *transfer_keys;
	size_t transfer_keys_n;
	struct update_policy policy;
};

struct loader {
	struct loader_zone *zones;
	size_t zones_n;
	struct answer_config answers;
	uint64_t idle_ms;
	const uint8_t *key; /* borrowed */
	char *journals;
	struct generation *old;
};

/* --- files --- */

/* A relative path in $INCLUDE begins at the folder of the file that says it. */
static char *path_of(struct span path, const char *from)
{
	const char *slash = from && path.len && path.data[0] != '/' ? strrchr(from, '/') : NULL;
	size_t folder = slash ? (size_t)(slash - from) + 1 : 0;
	char *text = malloc(folder + path.len + 1);

	if (!text)
		return NULL;
	if (folder)
		memcpy(text, from, folder);
	memcpy(text + folder, path.data, path.len);
	text[folder + path.len] = 0;
	return text;
}

static void text_close(void *arg, struct zone_text *text)
{
	(void)arg;
	if (!text)
		return;
	free((void *)(uintptr_t)text->text.data);
	free(text->path);
	free(text);
}

/* The stamp is taken before the bytes: what changes in between is seen at the next reload. The
 * bytes are copied, not mapped: a file that its owner rewrites in place must not end the process.
 */
static enum err text_read(struct zone_text *t)
{
	struct file_state state;
	char *bytes = NULL;
	size_t len = 0;

	TRY(file_stat(t->path, &state));
	TRY(file_read(t->path, ZONE_FILE_MAX, &bytes, &len));
	t->text = span_of(bytes, len);
	t->stamp = (struct zone_stamp){
		.inode = state.inode, .size = state.size, .mtime_ns = state.mtime_ns};
	return OK;
}

static enum err text_open(void *arg, struct span path, const char *from, struct zone_text **ret)
{
	struct zone_text *t = calloc(1, sizeof(*t));
	enum err e = ENOMEM;
	(void)arg;

	if (t)
		t->path = path_of(path, from);
	if (t && t->path)
		e = memchr(path.data, 0, path.len) ? (enum err)ENOENT : text_read(t);
	if (e) {
		text_close(NULL, t);
		return e;
	}
	*ret = t;
	return OK;
}

enum err loader_zone_read(const struct zone_load_request *req, struct zone **ret)
{
	static const struct zone_source source = {.open = text_open, .close = text_close};
	struct zone_load_request whole = *req;
	AUTO(zone_unref) struct zone *z = NULL;

	whole.source = &source;
	TRY(zone_load(&whole, &z));
	z->home->path = strdup(req->path);
	if (!z->home->path)
		return ENOMEM;
	z->home->lenient = req->judge->lenient;
	z->home->loaded_s = (int64_t)clock_wall_s();
	*ret = TAKE(z);
	return OK;
}

/* --- what to load --- */

static enum err copy_keys(const struct config_list *keys, struct loader_zone *ret)
{
	if (keys->n == 0)
		return OK;
	ret->transfer_keys = calloc(keys->n, sizeof(*ret->transfer_keys));
	if (!ret->transfer_keys)
		return ENOMEM;
	memcpy(ret->transfer_keys, keys->items, keys->n * sizeof(*ret->transfer_keys));
	ret->transfer_keys_n = keys->n;
	for (size_t i = 0; i < keys->n; i++)
		dns_name_lower(&ret->transfer_keys[i]);
	return OK;
}

static enum err copy_zone(const struct authority_conf *conf, const struct authority_zone_conf *z,
			  struct loader_zone *ret)
{
	const struct config_list *transfer = z->transfer_own ? &z->transfer : &conf->transfer;
	enum authority_checks checks = z->checks_own ? z->checks : conf->checks;

	ret->origin = z->origin;
	dns_name_lower(&ret->origin);
	ret->lenient = checks == AUTHORITY_CHECKS_LENIENT;
	ret->path = strdup(z->file);
	if (!ret->path)
		return ENOMEM;
	TRY(authority_conf_policy(z, &ret->policy));
	TRY(copy_keys(z->transfer_keys_own ? &z->transfer_keys : &conf->transfer_keys, ret));
	if (transfer->n == 0)
		return OK;
	ret->transfer = calloc(transfer->n, sizeof(*ret->transfer));
	if (!ret->transfer)
		return ENOMEM;
	memcpy(ret->transfer, transfer->items, transfer->n * sizeof(*ret->transfer));
	ret->transfer_n = transfer->n;
	return OK;
}

DEFINE_AUTO(struct loader, loader_free)

enum err loader_new(const struct authority_conf *conf, const struct answer_config *answers,
		    const uint8_t *key, const char *journals, struct generation *old,
		    struct loader **ret)
{
	AUTO(loader_free) struct loader *l = calloc(1, sizeof(*l));
	const struct authority_zone_conf *zones = conf->zones.items;

	if (!l)
		return ENOMEM;
	l->answers = *answers;
	(void)keyring_ref(l->answers.keys);
	if (journals && !(l->journals = strdup(journals)))
		return ENOMEM;
	l->idle_ms = conf->tcp.idle_ms;
	l->key = key;
	l->zones = calloc(conf->zones.n + 1, sizeof(*l->zones));
	if (!l->zones)
		return ENOMEM;
	for (size_t i = 0; i < conf->zones.n; i++) {
		l->zones_n++;
		TRY(copy_zone(conf, &zones[i], &l->zones[i]));
	}
	if (old)
		l->old = generation_ref(old);
	*ret = TAKE(l);
	return OK;
}

void loader_free(struct loader *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->zones_n; i++) {
		free(l->zones[i].path);
		free(l->zones[i].transfer);
		free(l->zones[i].transfer_keys);
		update_policy_done(&l->zones[i].policy);
	}
	free(l->zones);
	free(l->journals);
	keyring_unref(l->answers.keys);
	generation_unref(l->old);
	explicit_bzero(&l->answers, sizeof(l->answers));
	free(l);
}

/* --- the work --- */

static void log_problem(void *arg, const struct zone_problem *p)
{
	const char *zone = arg;

	if (p->severity == ZONE_ERROR)
		log_error("zone file", LOG_TEXT("zone", zone),
			  LOG_TEXT("file", p->file ? p->file : ""), LOG_U64("line", p->line),
			  LOG_U64("column", p->column), LOG_TEXT("problem", p->text));
	else
		log_warning("zone file", LOG_TEXT("zone", zone),
			    LOG_TEXT("file", p->file ? p->file : ""), LOG_U64("line", p->line),
			    LOG_U64("column", p->column), LOG_TEXT("problem", p->text));
}

static const struct zones_entry *old_entry(const struct loader *l, const struct loader_zone *wanted)
{
	const struct zones_entry *e;
	struct zone_path p;

	if (!l->old)
		return NULL;
	zone_path_set(&p, wanted->origin.wire, wanted->origin.len);
	e = zones_find(l->old->zones, &p, p.labels);
	return e && e->origin.len == wanted->origin.len ? e : NULL;
}

/* The same files as when it was read, none of them touched. */
static bool is_current(const struct zone *z, const struct loader_zone *wanted)
{
	const struct zone_home *h = z->home;

	if (strcmp(h->path, wanted->path) != 0 || h->lenient != wanted->lenient)
		return false;
	for (uint32_t i = 0; i < h->stamps_n; i++) {
		struct file_state now;
		const struct zone_stamp *then = &h->stamps[i];
		if (file_stat(h->stamp_paths[i], &now) || now.mtime_ns != then->mtime_ns ||
		    now.size != then->size || now.inode != then->inode)
			return false;
	}
	return true;
}

/* Who applies updates to the zone: as before, or new; NULL when it takes none. */
static enum err updater_of(const struct loader *l, const struct loader_zone *wanted,
			   struct zones_updater **ret)
{
	const struct zones_entry *old = old_entry(l, wanted);
	struct dynamic_zone *dz = NULL;

	*ret = NULL;
	if (wanted->policy.n == 0 || !l->journals)
		return OK;
	if (old && old->updater) {
		*ret = zones_updater_ref(old->updater);
		return OK;
	}
	TRY(dynamic_zone_new(l->journals, &wanted->origin, &dz));
	*ret = &dz->shared;
	return OK;
}

/* The old zone does when its files are as they were, and updates go the same way. */
static bool is_shared(const struct zones_entry *old, const struct loader_zone *wanted,
		      const struct zones_updater *updater)
{
	return old && old->zone && old->updater == updater && is_current(old->zone, wanted);
}

static struct zone *load_one(const struct loader *l, const struct loader_zone *wanted,
			     struct zones_updater *updater, const atomic_bool *stop,
			     struct loader_result *count)
{
	char origin[DNS_NAME_TEXT_MAX];
	struct zone_judge judge = {.lenient = wanted->lenient, .tell = log_problem, .arg = origin};
	const struct zones_entry *entry = old_entry(l, wanted);
	struct zone *z = NULL, *old = NULL;
	uint64_t begun_ms = clock_monotonic_ms();

	if (entry && entry->zone)
		old = zone_now(entry->zone)->home->first;
	if (is_shared(entry, wanted, updater)) {
		count->shared++;
		return zone_ref_take(old);
	}
	dns_name_format(&wanted->origin, origin);
	enum err e = loader_zone_read(&(struct zone_load_request){.origin = &wanted->origin,
								  .path = wanted->path,
								  .key = l->key,
								  .judge = &judge,
								  .stop = stop},
				      &z);
	if (e == ERR_CLOSED)
		return NULL;
	if (e) {
		count->failed++;
		log_error(old ? "the zone was not loaded; the old one stays"
			      : "the zone was not loaded",
			  LOG_TEXT("zone", origin), LOG_TEXT("file", wanted->path),
			  LOG_U64("errors", judge.errors), LOG_ERR(e));
		return old ? zone_ref_take(old) : NULL;
	}
	if (updater)
		e = dynamic_zone_load(dynamic_zone_of(updater), z, &z);
	count->loaded++;
	log_info("zone loaded", LOG_TEXT("zone", origin), LOG_U64("serial", z->serial),
		 LOG_U64("records", z->records), LOG_U64("warnings", judge.warnings),
		 LOG_U64("bytes", z->region_len), LOG_U64("ms", clock_monotonic_ms() - begun_ms));
	return z;
}

static enum err load_all(struct loader *l, const atomic_bool *stop, struct zones *set,
			 struct loader_result *count)
{
	for (size_t i = 0; i < l->zones_n; i++) {
		const struct loader_zone *wanted = &l->zones[i];
		if (atomic_load_explicit(stop, memory_order_relaxed))
			return ERR_CLOSED;
		struct zones_updater *updater;
		TRY(updater_of(l, wanted, &updater));
		struct zone *z = load_one(l, wanted, updater, stop, count);
		enum err e =
			zones_add(set, &wanted->origin, z, wanted->transfer, wanted->transfer_n);
		if (e)
			zone_unref(z);
		else
			e = zones_add_rules(set, wanted->transfer_keys, wanted->transfer_keys_n,
					    &wanted->policy, updater);
		zones_updater_unref(updater); /* the set has one of its own */
		TRY(e);
	}
	return OK;
}

void loader_run(struct loader *l, const atomic_bool *stop, struct loader_result *ret)
{
	uint64_t begun_ms = clock_monotonic_ms();
	struct zones *set = NULL;
	enum err e;

	*ret = (struct loader_result){.generation = NULL};
	e = zones_new(l->key, l->zones_n, l->old ? l->old->zones->generation + 1 : 1, &set);
	if (!e)
		e = load_all(l, stop, set, ret);
	if (!e)
		e = generation_new(set, &l->answers, l->idle_ms, &ret->generation);
	if (e) {
		zones_free(set);
		if (e != ERR_CLOSED)
			log_error("the zones were not loaded", LOG_ERR(e));
	}
	ret->took_ms = clock_monotonic_ms() - begun_ms;
}
