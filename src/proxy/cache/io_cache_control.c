/* What is kept, for people: the verbs of the cache on the control socket, and its numbers. */
#include "proxy/cache/io_cache_control.h"

#include "base/writer.h"
#include "http-cache/disk/disk.h"
#include "http-cache/key.h"
#include "http-cache/memory.h"
#include "os/clock.h"

enum { SHOW_MAX = 1000, SHOW_USUAL = 100, FLUSH_MS = 5000 };

static uint64_t count_of(const struct proxy_cache_all *all, enum proxy_cache_count which)
{
	uint64_t n = 0;
	for (size_t i = 0; i < all->desks_n; i++)
		n += atomic_load_explicit(&all->desks[i]->counts[which], memory_order_relaxed);
	return n;
}

static const struct {
	const char *name, *help;
} counts[] = {
	[PROXY_CACHE_HITS] = {"hits", "requests answered by what was kept and fresh"},
	[PROXY_CACHE_STALE] = {"stale", "requests answered by what was kept and stale"},
	[PROXY_CACHE_VALIDATED] = {"validated", "requests answered by what a server confirmed"},
	[PROXY_CACHE_RENEWED] = {"renewed",
				 "requests of our own for what was answered and is stale"},
	[PROXY_CACHE_MISSES] = {"misses", "requests that a server had to answer"},
	[PROXY_CACHE_BYPASSED] = {"bypassed", "requests that are none for the cache"},
	[PROXY_CACHE_COLLAPSED] = {"collapsed", "requests answered by what another one fetched"},
	[PROXY_CACHE_STORED] = {"stored", "answers that were kept"},
	[PROXY_CACHE_INVALIDATED] = {"invalidated", "answers forgotten as a request changed them"},
	[PROXY_CACHE_SAVED_BYTES] = {"saved_bytes", "octets that no server had to send"},
	[PROXY_CACHE_SAVED_MS] =
		{"saved_ms", "milliseconds that servers had taken for what was answered from here"},
};

static void write_one(struct writer *w, const char *service, const char *name, const char *help,
		      bool gauge, uint64_t value)
{
	const char *end = gauge ? "" : "_total";
	write_format(w, "# HELP gatehouse_%s_cache_%s%s %s\n", service, name, end, help);
	write_format(w, "# TYPE gatehouse_%s_cache_%s%s %s\n", service, name, end,
		     gauge ? "gauge" : "counter");
	write_format(w, "gatehouse_%s_cache_%s%s %llu\n", service, name, end,
		     (unsigned long long)value);
}

static void write_disk(struct writer *w, const char *service, struct cache_disk *disk)
{
	struct cache_disk_sums s;
	cache_disk_sums(disk, &s);
	const struct {
		const char *name, *help;
		bool gauge;
		uint64_t value;
	} all[] = {
		{"disk_objects", "answers that are on the disk", true, s.objects},
		{"disk_bytes", "octets of the disk that they take", true, s.bytes},
		{"disk_index_bytes", "octets of memory of the disk's index", true, s.memory},
		{"disk_reads", "answers that came from the disk", false, s.reads},
		{"disk_read_bytes", "octets of them", false, s.read_bytes},
		{"disk_writes", "answers that were written to the disk", false, s.writes},
		{"disk_written_bytes", "octets of them, and of those that were kept on", false,
		 s.written_bytes},
		{"disk_moves", "answers that were kept on as somebody asked for them", false,
		 s.moves},
		{"disk_evicted", "answers that went from the disk for others", false, s.evicted},
		{"disk_dropped", "answers that were not written, as too many waited", false,
		 s.dropped},
		{"disk_torn", "answers that were not whole on the disk", false, s.torn},
		{"disk_errors", "reads and writes that failed", false,
		 s.read_errors + s.write_errors},
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		write_one(w, service, all[i].name, all[i].help, all[i].gauge, all[i].value);
}

void proxy_cache_metrics(const struct proxy_cache_all *all, const char *service, struct writer *w)
{
	struct cache_sums sums;
	cache_memory_sums(all->memory, &sums);
	for (size_t i = 0; i < PROXY_CACHE_COUNTS; i++)
		write_one(w, service, counts[i].name, counts[i].help, false,
			  count_of(all, (enum proxy_cache_count)i));
	write_one(w, service, "evicted", "answers that went for others", false, sums.evicted);
	write_one(w, service, "objects", "answers that are kept", true, sums.objects);
	write_one(w, service, "bytes", "octets of memory that they take", true, sums.bytes);
	if (cache_memory_disk(all->memory))
		write_disk(w, service, cache_memory_disk(all->memory));
}

/* ---- objects ---- */

static void set_span(json_t *object, const char *key, struct span s)
{
	/* Bytes of strangers that are no UTF-8 are not shown. */
	(void)json_object_set_new(
		object, key, s.len ? json_stringn((const char *)s.data, s.len) : json_string(""));
}

static json_t *object_json(struct cache_memory *m, const struct cache_object *o)
{
	uint64_t now_s = clock_wall_s();
	json_t *json = json_object();
	set_span(json, "url", o->key);
	if (o->rule) {
		(void)json_object_set_new(json, "refused", json_string(cache_rule_word(o->rule)));
		(void)json_object_set_new(json, "rule", json_string(cache_rule_text(o->rule)));
		return json;
	}
	struct cache_disk *disk = cache_memory_disk(m);
	(void)json_object_set_new(json, "status", json_integer(o->meta.status));
	(void)json_object_set_new(
		json, "tier",
		json_string(disk && cache_memory_below(m, o->key) ? "both" : "memory"));
	(void)json_object_set_new(json, "bytes", json_integer((json_int_t)o->body->len));
	(void)json_object_set_new(json, "age",
				  json_integer((json_int_t)cache_age_s(&o->meta, now_s)));
	(void)json_object_set_new(json, "ttl", json_integer(cache_ttl_s(&o->meta, now_s)));
	(void)json_object_set_new(json, "lifetime", json_integer(o->meta.lifetime_s));
	(void)json_object_set_new(
		json, "lifetime_by",
		json_string(cache_source_text((enum cache_source)o->meta.source)));
	if (o->meta.no_cache)
		(void)json_object_set_new(json, "no_cache", json_true());
	if (o->meta.must_revalidate)
		(void)json_object_set_new(json, "must_revalidate", json_true());
	set_span(json, "etag", o->meta.etag);
	set_span(json, "vary", o->vary_names);
	set_span(json, "tags", span_trim(o->tags));
	(void)json_object_set_new(
		json, "hits",
		json_integer((json_int_t)atomic_load_explicit(&o->hits, memory_order_relaxed)));
	return json;
}

struct show {
	struct cache_memory *memory; /* borrowed */
	json_t *list;		     /* borrowed */
	struct span prefix;
	size_t max;
	bool notes; /* those that say why nothing is kept, too */
};

static bool show_one(void *arg, const struct cache_object *o)
{
	const struct show *s = arg;
	bool meant = o->key.len >= s->prefix.len &&
		     span_equal(span_sub(o->key, 0, s->prefix.len), s->prefix);
	if (meant && (s->notes || !o->rule))
		(void)json_array_append_new(s->list, object_json(s->memory, o));
	return json_array_size(s->list) < s->max;
}

static void set_count(json_t *object, const char *key, uint64_t n)
{
	(void)json_object_set_new(object, key, json_integer((json_int_t)n));
}

static json_t *disk_json(struct cache_disk *disk)
{
	struct cache_disk_sums s;
	json_t *json = json_object();
	cache_disk_sums(disk, &s);
	set_count(json, "size", s.size);
	set_count(json, "bytes", s.bytes);
	set_count(json, "count", s.objects);
	set_count(json, "index_bytes", s.memory);
	set_count(json, "reads", s.reads);
	set_count(json, "writes", s.writes);
	set_count(json, "waiting", s.waiting);
	set_count(json, "moves", s.moves);
	set_count(json, "evicted", s.evicted);
	set_count(json, "dropped", s.dropped);
	set_count(json, "torn", s.torn);
	set_count(json, "errors", s.read_errors + s.write_errors);
	(void)json_object_set_new(json, "last_error",
				  s.last ? json_string(err_text(s.last)) : json_null());
	(void)json_object_set_new(json, "sweeps", json_boolean(s.sweeps));
	return json;
}

void proxy_cache_show(const struct proxy_cache_all *all, const struct control_request *req,
		      struct control_reply *reply)
{
	const char *prefix = control_request_query(req, "prefix");
	const char *limit = control_request_query(req, "limit");
	struct cache_sums sums;
	uint64_t max = SHOW_USUAL;
	if (limit && !span_to_u64(span_text(limit), SHOW_MAX, &max)) {
		control_reply_error(reply, 400, "limit= must be a number up to 1000");
		return;
	}
	json_t *json = json_object(), *list = json_array();
	struct show s = {.memory = all->memory,
			 .list = list,
			 .prefix = span_text(prefix ? prefix : ""),
			 .max = max};
	cache_memory_sums(all->memory, &sums);
	set_count(json, "memory", sums.size);
	set_count(json, "bytes", sums.bytes);
	set_count(json, "count", sums.objects);
	set_count(json, "evicted", sums.evicted);
	for (size_t i = 0; i < PROXY_CACHE_COUNTS; i++)
		set_count(json, counts[i].name, count_of(all, (enum proxy_cache_count)i));
	if (cache_memory_disk(all->memory))
		(void)json_object_set_new(json, "disk", disk_json(cache_memory_disk(all->memory)));
	if (max)
		cache_memory_each(all->memory, NULL, show_one, &s);
	(void)json_object_set_new(json, "objects", list);
	control_reply_json(reply, 200, json);
}

/* The key of an address as somebody wrote it. */
static bool key_of(const char *url, uint8_t room[CACHE_KEY_MAX], struct span *ret)
{
	struct writer w = writer_of(room, CACHE_KEY_MAX);
	if (!url || !cache_key_of_text(span_text(url), &w))
		return false;
	*ret = writer_span(&w);
	return true;
}

void proxy_cache_why(const struct proxy_cache_all *all, const struct control_request *req,
		     struct control_reply *reply)
{
	uint8_t room[CACHE_KEY_MAX];
	struct span key;
	if (!key_of(control_request_query(req, "url"), room, &key)) {
		control_reply_error(reply, 400, "url= must be an address, https://www.home.arpa/x");
		return;
	}
	json_t *list = json_array();
	struct show s = {.memory = all->memory, .list = list, .max = SHOW_MAX, .notes = true};
	cache_memory_each(all->memory, &key, show_one, &s);
	json_t *json = json_object();
	set_span(json, "url", key);
	if (cache_memory_disk(all->memory))
		set_count(json, "disk", cache_memory_below(all->memory, key));
	(void)json_object_set_new(json, "objects", list);
	control_reply_json(reply, 200, json);
}

/* What is purged stays so when the process is killed right after the answer; sweeps: of the disk it
 * is not known yet how many are meant. */
static json_t *purged_json(struct cache_disk *disk, size_t n, bool sweeps)
{
	json_t *json = json_pack("{s:I}", "purged", (json_int_t)n);
	if (!disk)
		return json;
	(void)json_object_set_new(json, "lasting", json_boolean(cache_disk_flush(disk, FLUSH_MS)));
	(void)json_object_set_new(json, "sweeps", json_boolean(sweeps));
	return json;
}

void proxy_cache_purge(const struct proxy_cache_all *all, const struct control_request *req,
		       struct control_reply *reply)
{
	const char *url = control_request_query(req, "url");
	const char *prefix = control_request_query(req, "prefix");
	const char *tag = control_request_query(req, "tag");
	const char *every = control_request_query(req, "all");
	uint8_t room[CACHE_KEY_MAX];
	struct span key = {0};
	size_t n;
	if ((url != NULL) + (prefix != NULL) + (tag != NULL) + (every != NULL) != 1 ||
	    (url && !key_of(url, room, &key))) {
		control_reply_error(reply, 400,
				    "one of url=https://www.home.arpa/x, prefix=, tag= and all=");
		return;
	}
	if (url)
		n = cache_memory_purge(all->memory, CACHE_PURGE_KEY, key);
	else if (tag)
		n = cache_memory_purge(all->memory, CACHE_PURGE_TAG, span_text(tag));
	else
		n = cache_memory_purge(all->memory, every ? CACHE_PURGE_ALL : CACHE_PURGE_PREFIX,
				       span_text(prefix ? prefix : ""));
	control_reply_json(reply, 200,
			   purged_json(cache_memory_disk(all->memory), n, tag || prefix));
}
