#include "service/reverse-proxy/route/compression.h"

#include "base/writer.h"
#include "proto/http/accept.h"
#include "proto/http/etag.h"
#include "proxy/body_filter.h"
#include "proxy/exchange.h"
#include "service/reverse-proxy/route/mime.h"

#include <stdlib.h>

enum {
	OUT_MAX = 8 * 1024,
	/* What comes in smaller pieces than this is waited for: it goes on at once. Larger ones
	 * are parts of something long, which packs better in one. */
	FLUSH_BELOW = 4096,
};

struct compression {
	struct proxy_filter filter; /* first: what the core gives back */
	struct compression_pool *pool;
	struct compress *stream;
	enum compress_coding coding;
	struct span held; /* in out, not taken yet by who stands behind */
	size_t given;	  /* bytes since the last flush */
	bool flushing;	  /* a flush is under way */
	bool ending;	  /* the body's last byte was taken */
	bool finished;	  /* the stream is closed: what is held is the last */
	bool ended;	  /* who stands behind knows */
	bool torn;
	uint8_t out[OUT_MAX];
};

/* ---- the filter ---- */

/* Pushes on what is held; true: nothing is left of it. */
static bool drain(struct compression *c, struct proxy_exchange *x)
{
	if (c->held.len || (c->finished && !c->ended)) {
		size_t n = proxy_filter_next(&c->filter, x, c->held, c->finished);
		c->held = span_sub(c->held, n, c->held.len);
		c->ended = c->finished && c->held.len == 0;
	}
	return c->held.len == 0;
}

/* True: all of in was taken, `then` is fulfilled and everything went on. */
static bool step(struct compression *c, struct proxy_exchange *x, struct span *in,
		 enum compress_then then)
{
	bool done = false;
	while (!done && !c->torn) {
		struct writer w = writer_of(c->out, OUT_MAX);
		/* It cannot fail but for a bug of the library: then nobody takes it for whole. */
		c->torn = compress_write(c->stream, in, then, &w, &done) != OK;
		c->held = writer_span(&w);
		c->finished = done && then == COMPRESS_END;
		if (!drain(c, x))
			return false;
	}
	return !c->torn;
}

static size_t push(struct proxy_filter *f, struct proxy_exchange *x, struct span bytes, bool end)
{
	struct compression *c = (struct compression *)f;
	struct span in = bytes;
	struct span none = {0};
	bool free = drain(c, x);
	if (free && c->flushing)
		free = step(c, x, &none, COMPRESS_FLUSH);
	if (free) {
		c->flushing = false;
		(void)step(c, x, &in, end ? COMPRESS_END : COMPRESS_GO_ON);
	}
	/* Taken to the last byte, and the end with it, though some of it may still be held. */
	if (end && in.len == 0)
		c->ending = true;
	c->given += bytes.len - in.len;
	return bytes.len - in.len;
}

static void flush(struct proxy_filter *f, struct proxy_exchange *x)
{
	struct compression *c = (struct compression *)f;
	struct span none = {0};
	if (c->ending || c->flushing || c->given == 0)
		return;
	bool wanted = c->given < FLUSH_BELOW;
	c->given = 0;
	if (!wanted)
		return;
	c->flushing = true;
	if (drain(c, x) && step(c, x, &none, COMPRESS_FLUSH))
		c->flushing = false;
}

static bool resume(struct proxy_filter *f, struct proxy_exchange *x)
{
	struct compression *c = (struct compression *)f;
	struct span none = {0};
	if (!drain(c, x))
		return false;
	if (c->ending)
		return c->finished || step(c, x, &none, COMPRESS_END);
	if (c->flushing && !step(c, x, &none, COMPRESS_FLUSH))
		return false;
	c->flushing = false;
	return true;
}

static void close_filter(struct proxy_filter *f, struct proxy_exchange *x, bool whole)
{
	struct compression *c = (struct compression *)f;
	struct compression_pool *p = c->pool;
	(void)x, (void)whole;
	p->running--;
	if (p->kept_n[c->coding] < COMPRESSION_KEPT_MAX && compress_reset(c->stream) == OK)
		p->kept[c->coding][p->kept_n[c->coding]++] = TAKE(c->stream);
	compress_free(c->stream);
	free(c);
}

static const struct proxy_filter_ops ops = {push, flush, resume, close_filter};

void compression_pool_done(struct compression_pool *p)
{
	for (size_t coding = 0; coding < COMPRESS_CODINGS; coding++)
		while (p->kept_n[coding])
			compress_free(p->kept[coding][--p->kept_n[coding]]);
}

static struct compression *take(struct compression_pool *p, enum compress_coding coding,
				unsigned level)
{
	size_t max = p->running_max ? p->running_max : COMPRESSION_RUNNING_MAX;
	struct compression *c = p->running < max ? malloc(sizeof(*c)) : NULL;
	if (!c)
		return NULL;
	memset(c, 0, offsetof(struct compression, out));
	if (p->kept_n[coding])
		c->stream = p->kept[coding][--p->kept_n[coding]];
	else if (compress_new(coding, level, &c->stream) != OK) {
		free(c);
		return NULL;
	}
	c->filter.ops = &ops;
	c->pool = p;
	c->coding = coding;
	p->running++;
	return c;
}

/* ---- whether ---- */

enum compress_coding compression_choose(struct span accept)
{
	enum compress_coding best = COMPRESS_IDENTITY;
	unsigned best_q = 0;
	for (enum compress_coding i = COMPRESS_GZIP; accept.len && i < COMPRESS_CODINGS; i++) {
		unsigned q = accept_coding(accept, compress_coding_name(i));
		if (q && q >= best_q) {
			best = i;
			best_q = q;
		}
	}
	return best;
}

/* One of the comma-separated words of the fields of that number. */
static bool has_word(const struct proxy_head *h, uint16_t id, const char *word)
{
	for (size_t i = 0; i < h->fields_n; i++) {
		struct span rest = h->fields[i].value;
		while (h->fields[i].id == id && rest.len) {
			size_t end = span_find(rest, ',');
			if (span_equal_nocase(span_trim(span_sub(rest, 0, end)), span_text(word)))
				return true;
			rest = span_sub(rest, end + 1, rest.len);
		}
	}
	return false;
}

static bool may_compress(struct proxy_exchange *x, const struct compression_conf *conf)
{
	struct proxy_head *h = &x->response;
	const struct http_field *type = proxy_head_find(h, HTTP_FIELD_CONTENT_TYPE);
	if (h->status < 200 || h->status == 204 || h->status == 206 || h->status == 304)
		return false;
	if (h->body != PROXY_BODY_STREAM && (h->body != PROXY_BODY_LENGTH || h->length < conf->min))
		return false;
	if (!type || !mime_compresses(type->value))
		return false;
	if (proxy_head_find(h, HTTP_FIELD_CONTENT_ENCODING) ||
	    proxy_head_find(h, HTTP_FIELD_CONTENT_RANGE))
		return false;
	/* RFC 9111 5.2.2.6, 5.2.1.6 */
	if (has_word(h, HTTP_FIELD_CACHE_CONTROL, "no-transform") ||
	    has_word(&x->request, HTTP_FIELD_CACHE_CONTROL, "no-transform"))
		return false;
	return conf->cookies || !proxy_head_find(h, HTTP_FIELD_SET_COOKIE);
}

/* RFC 9110 8.8.1: another coding's bytes are another representation; they mean the same. */
static enum err weaken_etag(struct proxy_exchange *x)
{
	struct http_field *etag = proxy_head_find(&x->response, HTTP_FIELD_ETAG);
	if (!etag || etag_is_weak(etag->value))
		return OK;
	uint8_t *at = proxy_exchange_alloc(x, etag->value.len + 2);
	if (!at)
		return (enum err)ENOMEM;
	struct writer w = writer_of(at, etag->value.len + 2);
	write_text(&w, "W/");
	write_span(&w, etag->value);
	etag->value = writer_span(&w);
	return OK;
}

void compression_begin(struct compression_pool *p, struct proxy_exchange *x,
		       const struct compression_conf *conf)
{
	struct proxy_head *h = &x->response;
	if (!conf->on || !may_compress(x, conf))
		return;
	if (!has_word(h, HTTP_FIELD_VARY, "accept-encoding") &&
	    !has_word(h, HTTP_FIELD_VARY, "*") &&
	    proxy_head_add(h, span_text("vary"), span_text("Accept-Encoding")))
		return;
	const struct http_field *accept = proxy_head_find(&x->request, HTTP_FIELD_ACCEPT_ENCODING);
	enum compress_coding coding =
		accept ? compression_choose(accept->value) : COMPRESS_IDENTITY;
	if (coding == COMPRESS_IDENTITY || h->fields_n + 1 > PROXY_FIELDS_MAX)
		return;
	struct compression *c = take(p, coding, conf->level);
	if (!c)
		return;
	proxy_exchange_filter(x, &c->filter);
	/* There is room: it was looked for above. */
	err_ignore(proxy_head_set(h, span_text("content-encoding"),
				  span_text(compress_coding_name(coding))));
	/* A tag for which there is no room goes without. */
	if (weaken_etag(x))
		(void)proxy_head_remove(h, HTTP_FIELD_ETAG);
	(void)proxy_head_remove(h, HTTP_FIELD_ACCEPT_RANGES);
	(void)proxy_head_remove_name(h, span_text("content-digest"));
	(void)proxy_head_remove_name(h, span_text("digest"));
	(void)proxy_head_remove_name(h, span_text("content-md5"));
	h->body = PROXY_BODY_STREAM;
	h->has_length = false;
	h->length = 0;
}
