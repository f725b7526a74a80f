/* What is kept, for people: the verbs of the cache on the control socket, and its numbers. */
#include "proxy/cache/io_cache_control.h"

#include "base/writer.h"
#include "http-cache/key.h"
#include "http-cache/memory.h"
#include "os/clock.h"

enum { SHOW_MAX = 1000, SHOW_USUAL = 100 };

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
	[PROXY_CACHE_MISSES] = {"misses", "requests that a server had to answer"},
	[PROXY_CACHE_BYPASSED] = {"bypassed", "requests that are none for the cache"},
	[PROXY_CACHE_COLLAPSED] = {"collapsed", "requests answered by what another one fetched"},
	[PROXY_CACHE_STORED] = {"stored", "answers that were kept"},
	[PROXY_CACHE_INVALIDATED] = {"invalidated", "answers forgotten as a request changed them"},
	[PROXY_CACHE_SAVED_BYTES] = {"saved_bytes", "octets that no server had to send"},
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
}

/* ---- objects ---- */

static void set_span(json_t *object, const char *key, struct span s)
{
	/* Bytes of strangers that are no UTF-8 are not shown. */
	(void)json_object_set_new(
		object, key, s.len ? json_stringn((const char *)s.data, s.len) : json_string(""));
}

static json_t *object_json(const struct cache_object *o)
{
	uint64_t now_s = clock_wall_s();
	json_t *json = json_object();
	set_span(json, "url", o->key);
	if (o->rule) {
		(void)json_object_set_new(json, "refused", json_string(cache_rule_word(o->rule)));
		(void)json_object_set_new(json, "rule", json_string(cache_rule_text(o->rule)));
		return json;
	}
	(void)json_object_set_new(json, "status", json_integer(o->meta.status));
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
	json_t *list; /* borrowed */
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
		(void)json_array_append_new(s->list, object_json(o));
	return json_array_size(s->list) < s->max;
}

static void set_count(json_t *object, const char *key, uint64_t n)
{
	(void)json_object_set_new(object, key, json_integer((json_int_t)n));
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
	struct show s = {.list = list, .prefix = span_text(prefix ? prefix : ""), .max = max};
	cache_memory_sums(all->memory, &sums);
	set_count(json, "memory", sums.size);
	set_count(json, "bytes", sums.bytes);
	set_count(json, "count", sums.objects);
	set_count(json, "evicted", sums.evicted);
	for (size_t i = 0; i < PROXY_CACHE_COUNTS; i++)
		set_count(json, counts[i].name, count_of(all, (enum proxy_cache_count)i));
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
	struct show s = {.list = list, .max = SHOW_MAX, .notes = true};
	cache_memory_each(all->memory, &key, show_one, &s);
	json_t *json = json_object();
	set_span(json, "url", key);
	(void)json_object_set_new(json, "objects", list);
	control_reply_json(reply, 200, json);
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
	control_reply_json(reply, 200, json_pack("{s:I}", "purged", (json_int_t)n));
}
