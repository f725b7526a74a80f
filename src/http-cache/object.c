#include "http-cache/object.h"

#include "base/writer.h"
#include "proto/http/date.h"

#include <stdlib.h>

/* ---- bodies ---- */

enum { WRITTEN_MS = 60000 };
enum { CHUNK_MIN = 4096, CHUNK_MAX = 256 * 1024, CHUNK_WHOLE_MAX = 1024 * 1024 };

struct cache_chunk {
	struct cache_chunk *next;
	uint64_t offset; /* of its first byte in the body */
	size_t len, room;
	uint8_t data[];
};

struct cache_body *cache_body_new(void)
{
	struct cache_body *b = calloc(1, sizeof(*b));
	if (b)
		atomic_init(&b->refs, 1);
	return b;
}

void cache_body_unref(struct cache_body *b)
{
	if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
		return;
	while (b->first) {
		struct cache_chunk *c = b->first;
		b->first = c->next;
		free(c);
	}
	free(b);
}

static size_t room_for(const struct cache_body *b, uint64_t expected)
{
	if (expected)
		return expected < CHUNK_WHOLE_MAX ? (size_t)expected : CHUNK_MAX;
	size_t twice = b->last ? b->last->room * 2 : CHUNK_MIN;
	return twice < CHUNK_MAX ? twice : CHUNK_MAX;
}

static struct cache_chunk *grow(struct cache_body *b, uint64_t expected)
{
	size_t room = room_for(b, expected);
	struct cache_chunk *c = malloc(sizeof(*c) + room);
	if (!c)
		return NULL;
	*c = (struct cache_chunk){.offset = b->len, .room = room};
	if (b->last)
		b->last->next = c;
	else
		b->first = c;
	b->last = c;
	b->room += sizeof(*c) + room;
	return c;
}

enum err cache_body_add(struct cache_body *b, struct span bytes, uint64_t expected)
{
	while (bytes.len) {
		struct cache_chunk *c = b->last;
		if ((!c || c->len == c->room) && !(c = grow(b, expected)))
			return ENOMEM;
		size_t n = c->room - c->len < bytes.len ? c->room - c->len : bytes.len;
		memcpy(c->data + c->len, bytes.data, n);
		c->len += n;
		b->len += n;
		bytes = span_sub(bytes, n, bytes.len);
		expected -= expected > n ? n : expected;
	}
	return OK;
}

void cache_body_end(struct cache_body *b)
{
	struct cache_chunk *c = b->first;
	if (!c || c != b->last || c->len == c->room)
		return;
	struct cache_chunk *less = realloc(c, sizeof(*c) + c->len);
	if (!less)
		return;
	b->room -= less->room - less->len;
	less->room = less->len;
	b->first = b->last = less;
}

struct span cache_body_at(const struct cache_body *b, uint64_t offset, struct cache_chunk **hint)
{
	struct cache_chunk *c = *hint ? *hint : b->first;
	while (c && offset >= c->offset + c->len)
		c = c->next;
	*hint = c;
	if (!c)
		return (struct span){0};
	size_t at = (size_t)(offset - c->offset);
	return span_of(c->data + at, c->len - at);
}

/* ---- objects ---- */

/* Its memory is filled with one after another. */
static struct span keep(struct writer *f, struct span s)
{
	size_t at = f->pos;
	write_span(f, s);
	return span_of(f->data + at, s.len);
}

/* RFC 9111 knows none; these two are what servers send: blanks between them, or commas. */
static bool is_tags(const struct http_field *f)
{
	return span_equal_nocase(f->name, span_text("surrogate-key")) ||
	       span_equal_nocase(f->name, span_text("cache-tag"));
}

static size_t tags_len(struct cache_fields f)
{
	size_t n = 0;
	for (size_t i = 0; i < f.n; i++)
		if (is_tags(&f.at[i]))
			n += f.at[i].value.len + 2;
	return n;
}

static struct span keep_tags(struct writer *to, struct cache_fields f)
{
	size_t at = to->pos;
	for (size_t i = 0; i < f.n; i++) {
		if (!is_tags(&f.at[i]))
			continue;
		write_u8(to, ' ');
		for (size_t k = 0; k < f.at[i].value.len; k++) {
			uint8_t c = f.at[i].value.data[k];
			write_u8(to, c == ',' || c == '\t' ? ' ' : c);
		}
		write_u8(to, ' ');
	}
	return span_of(to->data + at, to->pos - at);
}

bool cache_object_has_tag(const struct cache_object *o, struct span tag)
{
	struct span rest = o->tags;
	while (rest.len) {
		size_t n = span_find(rest, ' ');
		if (n && span_equal(span_sub(rest, 0, n), tag))
			return true;
		rest = span_sub(rest, n + 1, rest.len);
	}
	return false;
}

static const char date_name[] = "date";

enum { OWN_FIELDS = 1 }; /* that are added */

static size_t size_of(const struct cache_object_parts *p)
{
	size_t n = sizeof(struct cache_object) +
		   (p->fields.n + OWN_FIELDS) * sizeof(struct http_field);
	n += OWN_FIELDS * (sizeof(date_name) + HTTP_DATE_LEN);
	n += p->key.len + p->space.len + p->vary_names.len + p->vary.len + tags_len(p->fields);
	for (size_t i = 0; i < p->fields.n; i++)
		n += p->fields.at[i].name.len + p->fields.at[i].value.len;
	return n;
}

/* RFC 9110 6.6.1: "A recipient with a clock that receives a response message without a Date header
 * field MUST record the time it was received and append a corresponding Date header field to the
 * message's header section if it is cached". */
static void add_date(struct cache_object *o, const struct cache_object_parts *p, struct writer *f)
{
	uint8_t room[HTTP_DATE_LEN];
	struct writer date = writer_of(room, sizeof(room));
	if (p->rule || cache_field_find(p->fields, HTTP_FIELD_DATE))
		return;
	http_date_write(&date, p->response_s);
	o->fields[o->fields_n++] = (struct http_field){
		keep(f, span_text(date_name)), keep(f, writer_span(&date)), HTTP_FIELD_DATE};
}

static void fill_fields(struct cache_object *o, const struct cache_object_parts *p,
			struct writer *f)
{
	struct cache_directives d;
	bool targeted;
	cache_directives_of_response(p->fields, &d, &targeted);
	for (size_t i = 0; i < p->fields.n; i++) {
		const struct http_field *from = &p->fields.at[i];
		if (!cache_field_is_stored(from, &d, p->policy))
			continue;
		o->fields[o->fields_n++] =
			(struct http_field){keep(f, from->name), keep(f, from->value), from->id};
	}
	add_date(o, p, f);
}

struct cache_object *cache_object_new(const struct cache_object_parts *p)
{
	size_t size = size_of(p);
	struct cache_object *o = malloc(size);
	if (!o)
		return NULL;
	*o = (struct cache_object){.rule = p->rule, .size = size};
	atomic_init(&o->refs, 1);
	o->fields = (struct http_field *)(void *)(o + 1);
	size_t fields_max = p->fields.n + OWN_FIELDS;
	struct writer f = writer_of(o->fields + fields_max,
				    size - sizeof(*o) - fields_max * sizeof(*o->fields));
	fill_fields(o, p, &f);
	o->key = keep(&f, p->key);
	o->space = keep(&f, p->space);
	o->vary_names = keep(&f, p->vary_names);
	o->vary = keep(&f, p->vary);
	o->tags = keep_tags(&f, p->fields);
	ASSERT(!f.bad);
	/* Age is not among the stored fields, which it is counted from: all that came are read. The
	 * tag must lie in our memory. */
	cache_meta_read(p->status, p->fields, p->policy, p->request_s, p->response_s, &o->meta);
	const struct http_field *etag = cache_field_find(cache_object_fields(o), HTTP_FIELD_ETAG);
	o->meta.etag = o->meta.etag.len && etag ? etag->value : (struct span){0};
	if (p->body)
		cache_object_give_body(o, p->body);
	return o;
}

void cache_object_give_body(struct cache_object *o, struct cache_body *b)
{
	ASSERT(!o->body);
	atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	o->body = b;
	o->size += sizeof(*b) + b->room;
}

/* All fields but times are in the other, too. */
static bool is_within(struct cache_fields f, struct cache_fields other)
{
	for (size_t i = 0; i < f.n; i++) {
		bool same = f.at[i].id == HTTP_FIELD_DATE || f.at[i].id == HTTP_FIELD_EXPIRES;
		for (size_t k = 0; k < other.n && !same; k++)
			same = span_equal(f.at[i].value, other.at[k].value) &&
			       span_equal_nocase(f.at[i].name, other.at[k].name);
		if (!same)
			return false;
	}
	return true;
}

bool cache_object_same_but_times(const struct cache_object *a, const struct cache_object *b)
{
	struct cache_fields fa = cache_object_fields(a), fb = cache_object_fields(b);
	return a->body == b->body && a->meta.status == b->meta.status && is_within(fa, fb) &&
	       is_within(fb, fa);
}

bool cache_object_is_due(struct cache_object *o, uint64_t now_ms)
{
	if (o->written_ms && now_ms >= o->written_ms && now_ms - o->written_ms < WRITTEN_MS)
		return false;
	o->written_ms = now_ms;
	return true;
}

void cache_object_unref(struct cache_object *o)
{
	if (!o || atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) != 1)
		return;
	cache_body_unref(o->body);
	free(o);
}
