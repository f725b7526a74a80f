#include "proxy/cache/io_cache_tiers.h"

#include "control/service_life.h"
#include "crypto/random.h"
#include "http-cache/disk/disk.h"
#include "http-cache/disk/forgotten.h"
#include "os/clock.h"
#include "os/log.h"
#include "proxy/cache/conf_cache.h"
#include "supervisor/plan.h"

#include <stdio.h>

enum { QUEUE_PART = 8, PATH_SIZE = 4096 };

static void tell_found(const struct cache_disk_options *o, enum cache_disk_found found,
		       struct cache_disk *disk, uint64_t took_ms)
{
	struct cache_disk_sums s;
	cache_disk_sums(disk, &s);
	switch (found) {
	case CACHE_DISK_KEPT:
		log_info("the cache's disk is there as it was left", LOG_TEXT("file", o->path),
			 LOG_U64("objects", s.objects), LOG_U64("ms", took_ms));
		return;
	case CACHE_DISK_NEW:
		log_notice("the cache's disk is new", LOG_TEXT("file", o->path),
			   LOG_U64("bytes", o->size));
		return;
	case CACHE_DISK_VERSION:
		log_notice("the cache's disk was emptied: another version of gatehouse, or another "
			   "`object-max`, wrote it",
			   LOG_TEXT("file", o->path));
		return;
	case CACHE_DISK_DAMAGED:
		log_warning("the cache's disk was emptied: it is damaged",
			    LOG_TEXT("file", o->path));
		return;
	}
}

enum err proxy_cache_tiers_plan(const struct proxy_cache_conf *conf,
				const struct config_global *global, const char *service,
				struct plan *p)
{
	char path[256];
	if (!conf->has_disk)
		return OK;
	service_life_mapped_path(global, service, path);
	return plan_add_mapped(p, service, "forgotten", path, DISK_FORGOTTEN_SIZE);
}

void proxy_cache_tiers_begin(struct proxy_cache_tiers *t, const struct proxy_cache_conf *conf,
			     struct service_life *life)
{
	if (conf->has_disk)
		service_life_mapped(life, "forgotten", DISK_FORGOTTEN_SIZE, &t->gone);
}

static void open_disk(struct proxy_cache_tiers *t, const struct proxy_cache_conf *conf,
		      const char *folder, struct hash_key key)
{
	char path[PATH_SIZE];
	enum cache_disk_found found = CACHE_DISK_NEW;
	uint64_t began_ms = clock_monotonic_ms(), object = proxy_cache_disk_object(conf);
	uint64_t queue = conf->memory / QUEUE_PART;
	(void)snprintf(path, sizeof(path), "%s/cache", folder);
	const struct cache_disk_options o = {.path = path,
					     .size = conf->disk.size,
					     .object_max = object,
					     .queue_max = queue > 2 * object ? queue : 2 * object,
					     .key = key,
					     .forgotten = t->gone.base};
	enum err e = cache_disk_open(&o, &found, &t->disk);
	if (!e)
		tell_found(&o, found, t->disk, clock_monotonic_ms() - began_ms);
	else if (e == ERR_EXISTS)
		log_error("another process uses the cache's disk; the cache goes on in memory",
			  LOG_TEXT("file", path));
	else
		log_error("the cache's disk cannot be used; the cache goes on in memory",
			  LOG_TEXT("file", path), LOG_ERR(e));
}

enum err proxy_cache_tiers_open(struct proxy_cache_tiers *t, const struct proxy_cache_conf *conf,
				const struct service_life *life,
				void (*wake)(void *arg, unsigned thread), void *arg)
{
	uint8_t bytes[SIPHASH_KEY_LEN];
	TRY(crypto_random(bytes, sizeof(bytes)));
	struct hash_key key = hash_key_of(bytes);
	const char *folder =
		proxy_cache_folder(conf) ? service_life_folder(life) : service_life_state(life);
	if (conf->has_disk && folder)
		open_disk(t, conf, folder, key);
	else if (conf->has_disk)
		log_error(
			"the folder of the cache's disk is not there; the cache goes on in memory",
			LOG_TEXT("folder", conf->disk.folder));
	const struct cache_memory_options o = {.size = conf->memory,
					       .object_max = conf->object,
					       .key = t->disk ? cache_disk_key(t->disk) : key,
					       .disk = t->disk,
					       .wake = wake,
					       .arg = arg};
	TRY(cache_memory_new(&o, &t->memory));
	return t->disk ? cache_disk_start(t->disk, t->memory) : OK;
}

void proxy_cache_tiers_tell(struct proxy_cache_tiers *t)
{
	struct cache_disk_sums s;
	if (!t->disk)
		return;
	cache_disk_sums(t->disk, &s);
	uint64_t errors = s.read_errors + s.write_errors;
	if (errors != t->errors)
		log_error("the cache's disk fails; what it does not take is kept in memory only",
			  LOG_U64("errors", errors - t->errors), LOG_ERR(s.last));
	if (s.torn != t->torn)
		log_warning("answers on the cache's disk were not whole, and are forgotten",
			    LOG_U64("answers", s.torn - t->torn));
	t->errors = errors;
	t->torn = s.torn;
}

void proxy_cache_tiers_stop(struct proxy_cache_tiers *t)
{
	cache_disk_stop(t->disk);
}

void proxy_cache_tiers_done(struct proxy_cache_tiers *t)
{
	proxy_cache_tiers_stop(t);
	cache_memory_free(t->memory);
	cache_disk_free(t->disk);
	shared_file_unmap(&t->gone);
	*t = (struct proxy_cache_tiers){0};
}
