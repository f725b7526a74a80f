#include "proxy/cache/conf_cache.h"

#include "http-cache/disk/record.h"
#include "http-cache/meta.h"
#include "proto/http/token.h"

#define DISK_OBJECTS_MIN 32ull /* ten segments, each of a power of two */

enum { OBJECTS_MIN = 4, HEURISTIC_MAX_S = 86400, FOLDER_MAX = 80 };

static const struct config_key disk_keys[] = {
	{.name = "folder",
	 .type = CONFIG_PATH,
	 CONFIG_FIELD(struct proxy_cache_disk_conf, folder),
	 .example = "/srv/cache",
	 .help = "where a folder of the service's name is made for the file, on another disk for "
		 "instance; without it the file lies in the service's folder below `global: "
		 "{state}`; a change needs a restart"},
	{.name = "size",
	 .type = CONFIG_SIZE,
	 .flags = CONFIG_REQUIRED,
	 CONFIG_FIELD(struct proxy_cache_disk_conf, size),
	 .min = 16 << 20,
	 .max = INT64_C(1) << 44,
	 .example = "20G",
	 .help = "of the file, `cache`, all of it taken at the start; another size begins with an "
		 "empty one; a change needs a "
		 "restart"},
	{.name = "object-max",
	 .type = CONFIG_SIZE,
	 CONFIG_FIELD(struct proxy_cache_disk_conf, object),
	 .min = 1024,
	 .max = INT64_C(1) << 30,
	 .fallback = "8M",
	 .help = "the longest body that is written there, and never more than `object` of the "
		 "cache; a change needs a restart"},
};

/* The service's name stands behind it in what the supervisor is told (plan.h). */
static void check_disk(const void *conf, struct config_at *at)
{
	const struct proxy_cache_disk_conf *c = conf;
	if (c->folder && strlen(c->folder) > FOLDER_MAX)
		config_fail(at, "folder", "this is longer than %d octets", FOLDER_MAX);
}

static const struct config_map disk_map = {
	.help = "What is kept of answers lasts through a restart, and there may be more of it than "
		"memory takes",
	.size = sizeof(struct proxy_cache_disk_conf),
	CONFIG_KEYS(disk_keys),
	.check = check_disk,
	.alone = "size",
	.example = "{folder: /srv/cache, size: 20G, object-max: 4M}",
};

static const struct config_key section_keys[] = {
	{.name = "memory",
	 .type = CONFIG_SIZE,
	 CONFIG_FIELD(struct proxy_cache_conf, memory),
	 .min = 1 << 20,
	 .max = INT64_C(1) << 40,
	 .fallback = "256M",
	 .help = "for all answers that are kept; a change needs a restart"},
	{.name = "object",
	 .type = CONFIG_SIZE,
	 CONFIG_FIELD(struct proxy_cache_conf, object),
	 .min = 1024,
	 .max = INT64_C(1) << 32,
	 .fallback = "8M",
	 .help = "the longest body that is kept, at most a quarter of `memory`; a change needs a "
		 "restart"},
	{.name = "disk",
	 .type = CONFIG_MAP,
	 CONFIG_FIELD(struct proxy_cache_conf, disk),
	 CONFIG_PRESENT(struct proxy_cache_conf, has_disk),
	 .map = &disk_map,
	 .help = "a file behind the memory; without it nothing outlives the process"},
};

const struct config_map proxy_cache_map = {
	.help = "How much is kept of answers, by all routes with a `cache`",
	.size = sizeof(struct proxy_cache_conf),
	CONFIG_KEYS(section_keys),
};

#define SECONDS_MOST_MS 31536000000 /* a year */

#define TIME(word, member, value, text)                                                            \
	{                                                                                          \
		.name = (word), .type = CONFIG_DURATION,                                           \
		CONFIG_FIELD(struct proxy_cache_rules_conf, member), .max = SECONDS_MOST_MS,       \
		.fallback = (value), .help = (text)                                                \
	}

#define NAMES(word, member, sample, text)                                                          \
	{                                                                                          \
		.name = (word), .type = CONFIG_TEXT, .flags = CONFIG_LIST | CONFIG_UNIQUE,         \
		CONFIG_FIELD(struct proxy_cache_rules_conf, member), .min = 1, .max = 128,         \
		.items_max = 32, .example = (sample), .help = (text)                               \
	}

static const struct config_key route_keys[] = {
	{.name = "on",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct proxy_cache_rules_conf, on),
	 .fallback = "yes",
	 .help = "`cache: yes` is all that is needed: answers say themselves how long they may be "
		 "kept"},
	TIME("default", default_ms, "0",
	     "how long an answer is fresh that says nothing of it and may be kept all the same "
	     "(200, 301, 404 and the like); 0 is not at all"),
	TIME("longest", longest_ms, "0",
	     "nothing is fresh for longer, whatever it says; 0 is no limit"),
	TIME("stale-while-revalidate", stale_validate_ms, "0",
	     "so long after its end an answer is given all the same, and asked for anew beside, "
	     "where "
	     "the answer itself does not say"),
	TIME("stale-if-error", stale_error_ms, "0",
	     "so long after its end an answer is given when the servers fail, where the answer "
	     "itself does not say"),
	{.name = "wait",
	 .type = CONFIG_DURATION,
	 CONFIG_FIELD(struct proxy_cache_rules_conf, wait_ms),
	 .max = 60000,
	 .fallback = "5s",
	 .help = "how long a request waits for the answer to another one for the same, before it "
		 "goes to a server itself; 0 is not at all"},
	{.name = "heuristics",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct proxy_cache_rules_conf, heuristics),
	 .fallback = "yes",
	 .help = "an answer with `Last-Modified` that does not say how long it is fresh is so for "
		 "a "
		 "tenth of its age, a day at most"},
	{.name = "heed-clients",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct proxy_cache_rules_conf, clients),
	 .fallback = "yes",
	 .help = "clients may ask for something newer (`Cache-Control: no-cache`, `max-age`)"},
	{.name = "status",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct proxy_cache_rules_conf, status),
	 .fallback = "yes",
	 .help = "answers say in `Cache-Status` what the cache did"},
	{.name = "ignore-query",
	 .type = CONFIG_BOOL,
	 CONFIG_FIELD(struct proxy_cache_rules_conf, ignore_query),
	 .fallback = "no",
	 .help = "addresses that differ in their query only have one answer"},
	NAMES("ignore-arguments", ignore_arguments, "[utm_source, fbclid]",
	      "arguments of the query that make no difference"),
	NAMES("by-headers", by_headers, "[X-Country]",
	      "fields of the request that answers differ by, besides those that `Vary` names"),
	NAMES("by-cookies", by_cookies, "[language]", "cookies that answers differ by"),
	NAMES("bypass-headers", bypass_headers, "[X-Preview]",
	      "with one of these fields a request goes to a server, and nothing is kept"),
	NAMES("bypass-cookies", bypass_cookies, "[session]", "likewise, cookies"),
};

static void check_names(struct config_at *at, const char *key, const struct config_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *name = ((const char *const *)list->items)[i];
		if (!http_is_token(span_text(name)))
			config_fail_item(at, key, i, "'%s' is no name", name);
	}
}

static void check_route_cache(const void *conf, struct config_at *at)
{
	const struct proxy_cache_rules_conf *c = conf;
	check_names(at, "by-headers", &c->by_headers);
	check_names(at, "by-cookies", &c->by_cookies);
	check_names(at, "bypass-headers", &c->bypass_headers);
	check_names(at, "bypass-cookies", &c->bypass_cookies);
	if (c->ignore_query && c->ignore_arguments.n)
		config_fail(at, "ignore-arguments", "the whole query is ignored already");
}

const struct config_map proxy_cache_rules_map = {
	.help = "Answers of servers that are kept and given to who asks the same",
	.size = sizeof(struct proxy_cache_rules_conf),
	CONFIG_KEYS(route_keys),
	.alone = "on",
	.check = check_route_cache,
	.example = "{default: 5m, ignore-arguments: [utm_source]}",
};

static uint32_t seconds(uint64_t ms)
{
	return (uint32_t)((ms + 999) / 1000);
}

void proxy_cache_policy(const struct proxy_cache_rules_conf *c, struct cache_policy *ret)
{
	*ret = (struct cache_policy){
		.heuristics = c->heuristics,
		.clients = c->clients,
		.default_s = seconds(c->default_ms),
		.heuristic_max_s = HEURISTIC_MAX_S,
		.lifetime_max_s = c->longest_ms ? seconds(c->longest_ms) : CACHE_SECONDS_NONE,
		.stale_validate_s = seconds(c->stale_validate_ms),
		.stale_error_s = seconds(c->stale_error_ms),
	};
}

const char *proxy_cache_folder(const struct proxy_cache_conf *conf)
{
	return conf->has_disk ? conf->disk.folder : NULL;
}

uint64_t proxy_cache_disk_object(const struct proxy_cache_conf *conf)
{
	return conf->disk.object < conf->object ? conf->disk.object : conf->object;
}

void proxy_cache_check(const struct proxy_cache_conf *conf, struct config_at *at)
{
	struct disk_shape ignored;
	const struct config_step disk[] = {{"cache", CONFIG_STEP_WHOLE},
					   {"disk", CONFIG_STEP_WHOLE},
					   {"size", CONFIG_STEP_WHOLE}};
	uint64_t record = disk_record_len(DISK_HEAD_MAX, proxy_cache_disk_object(conf));
	if (conf->has_disk && !disk_shape_of(conf->disk.size, record, &ignored))
		config_fail_inside(
			at, disk, 3,
			"too small for bodies of `object-max`: write at least %llu times "
			"as much",
			DISK_OBJECTS_MIN);
	const struct config_step steps[] = {{"cache", CONFIG_STEP_WHOLE},
					    {"object", CONFIG_STEP_WHOLE}};
	if (conf->object > conf->memory / OBJECTS_MIN)
		config_fail_inside(at, steps, 2, "write at most a quarter of `memory`");
}
