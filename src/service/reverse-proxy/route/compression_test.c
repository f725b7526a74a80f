#include "service/reverse-proxy/route/compression.h"

#include "proxy/body_filter.h"
#include "proxy/exchange.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>
#define ZLIB_CONST /* what comes in is not written */
#include <zlib.h>

#include <cmocka.h>

enum { TEXT = 100000 };

/* Who stands behind: takes as much as room says. */
struct sink {
	struct proxy_filter filter;
	uint8_t got[TEXT + 10000];
	size_t len, room;
	bool ended;
};

static size_t sink_push(struct proxy_filter *f, struct proxy_exchange *x, struct span bytes,
			bool end)
{
	struct sink *s = (struct sink *)f;
	size_t n = bytes.len < s->room ? bytes.len : s->room;
	(void)x;
	assert_false(s->ended);
	assert_true(s->len + n <= sizeof(s->got));
	if (n)
		memcpy(s->got + s->len, bytes.data, n);
	s->len += n;
	s->room -= n;
	s->ended = end && n == bytes.len;
	return n;
}

static void sink_close(struct proxy_filter *f, struct proxy_exchange *x, bool whole)
{
	(void)f, (void)x, (void)whole;
}

static const struct proxy_filter_ops sink_ops = {sink_push, NULL, NULL, sink_close};

static const struct compression_conf on = {true, false, 100, 4};

struct stage {
	struct proxy_exchange x;
	struct compression_pool pool;
	struct sink sink;
};

static void add(struct proxy_head *h, const char *name, const char *value)
{
	assert_int_equal(proxy_head_add(h, span_text(name), span_text(value)), OK);
}

static struct stage *stage_of(const char *accept, const char *type)
{
	struct stage *s = calloc(1, sizeof(*s));
	s->x.response.status = 200;
	s->x.response.body = PROXY_BODY_LENGTH;
	s->x.response.has_length = true;
	s->x.response.length = TEXT;
	if (accept)
		add(&s->x.request, "Accept-Encoding", accept);
	add(&s->x.response, "Content-Type", type);
	return s;
}

static bool begins(struct stage *s, const struct compression_conf *conf)
{
	compression_begin(&s->pool, &s->x, conf);
	s->sink.filter.ops = &sink_ops;
	if (!s->x.filters)
		return false;
	proxy_exchange_filter(&s->x, &s->sink.filter);
	return true;
}

static void stage_end(struct stage *s)
{
	struct proxy_filter *f = s->x.filters;
	if (f)
		f->ops->close(f, &s->x, true);
	assert_int_equal(s->pool.running, 0);
	compression_pool_done(&s->pool);
	free(s);
}

static const char *value_of(struct stage *s, const char *name, char buf[64])
{
	const struct http_field *f = proxy_head_find_name(&s->x.response, span_text(name));
	return f && span_to_cstr(f->value, buf, 64) ? buf : NULL;
}

static void leaves_alone(const char *name, const char *value)
{
	struct stage *s = stage_of("gzip", "text/html");
	add(&s->x.response, name, value);
	assert_false(begins(s, &on));
	stage_end(s);
}

static void leaves_alone_what_must_not_change(void **state)
{
	(void)state;
	leaves_alone("Cache-Control", "public, No-Transform");
	leaves_alone("Content-Encoding", "br");
	leaves_alone("Content-Range", "bytes 0-1/2");
	leaves_alone("Set-Cookie", "a=b");
	struct stage *s = stage_of("gzip", "image/png");
	assert_false(begins(s, &on));
	stage_end(s);
	s = stage_of("gzip", "text/html");
	s->x.response.length = 99;
	assert_false(begins(s, &on));
	stage_end(s);
	s = stage_of("gzip", "text/html");
	s->x.response.status = 206;
	assert_false(begins(s, &on));
	stage_end(s);
	s = stage_of("gzip", "text/html");
	s->pool.running = s->pool.running_max = 1;
	assert_false(begins(s, &on));
	s->pool.running = 0;
	stage_end(s);
	const struct compression_conf cookies = {true, true, 100, 4};
	s = stage_of("gzip", "text/html");
	add(&s->x.response, "Set-Cookie", "a=b");
	assert_true(begins(s, &cookies));
	stage_end(s);
}

static void says_what_it_varies_by_and_weakens_the_tag(void **state)
{
	(void)state;
	char buf[64];
	struct stage *s = stage_of(NULL, "text/html");
	add(&s->x.response, "ETag", "\"x\"");
	assert_false(begins(s, &on));
	assert_string_equal(value_of(s, "vary", buf), "Accept-Encoding");
	assert_string_equal(value_of(s, "etag", buf), "\"x\"");
	stage_end(s);
	s = stage_of("br;q=0.5, gzip", "text/html");
	add(&s->x.response, "ETag", "\"x\"");
	add(&s->x.response, "Accept-Ranges", "bytes");
	add(&s->x.response, "Vary", "Origin, accept-encoding");
	assert_true(begins(s, &on));
	assert_string_equal(value_of(s, "etag", buf), "W/\"x\"");
	assert_string_equal(value_of(s, "content-encoding", buf), "gzip");
	assert_string_equal(value_of(s, "vary", buf), "Origin, accept-encoding");
	assert_null(value_of(s, "accept-ranges", buf));
	assert_false(s->x.response.has_length);
	assert_int_equal(s->x.response.body, PROXY_BODY_STREAM);
	stage_end(s);
}

static void chooses_by_quality_then_by_its_own_taste(void **state)
{
	(void)state;
	assert_int_equal(compression_choose(span_text("gzip, br, zstd")), COMPRESS_ZSTD);
	assert_int_equal(compression_choose(span_text("gzip, br")), COMPRESS_BROTLI);
	assert_int_equal(compression_choose(span_text("gzip;q=1, br;q=0.9")), COMPRESS_GZIP);
	assert_int_equal(compression_choose(span_text("identity")), COMPRESS_IDENTITY);
	assert_int_equal(compression_choose(span_text("")), COMPRESS_IDENTITY);
	assert_int_equal(compression_choose(span_text("gzip;q=0")), COMPRESS_IDENTITY);
}

static void unpacked_is(const struct sink *s, struct span text)
{
	static uint8_t plain[TEXT + 1];
	z_stream z = {.next_in = s->got,
		      .avail_in = (uInt)s->len,
		      .next_out = plain,
		      .avail_out = sizeof(plain)};
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.total_out, text.len);
	assert_memory_equal(plain, text.data, text.len);
	(void)inflateEnd(&z);
}

/* Pieces of any size, room of any size, flushes and resumes in between. */
static void nothing_is_lost_however_slowly_it_is_taken(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	static uint8_t text[TEXT];
	for (unsigned round = 0; round < 30; round++) {
		struct stage *s = stage_of("gzip", "text/html");
		size_t len = round == 0 ? 0 : test_random_below(&r, TEXT), at = 0;
		for (size_t i = 0; i < len; i++)
			text[i] = (uint8_t)(round % 2 ? test_random_next(&r) : 'a' + i % 7);
		assert_true(begins(s, &on));
		struct proxy_filter *f = s->x.filters;
		bool told = false;
		while (!s->sink.ended) {
			s->sink.room = test_random_below(&r, 3) * test_random_below(&r, 3000);
			bool clear = f->ops->resume(f, &s->x);
			if (clear && !told) {
				struct span piece = span_sub(span_of(text, len), at,
							     test_random_below(&r, 9000));
				bool end = at + piece.len == len;
				size_t n = f->ops->push(f, &s->x, piece, end);
				at += n;
				told = end && n == piece.len;
			}
			if (test_random_below(&r, 2))
				f->ops->flush(f, &s->x);
		}
		assert_true(told);
		unpacked_is(&s->sink, span_of(text, len));
		stage_end(s);
	}
}

static void an_event_goes_on_at_once(void **state)
{
	(void)state;
	struct stage *s = stage_of("gzip", "text/event-stream");
	s->x.response.body = PROXY_BODY_STREAM;
	assert_true(begins(s, &on));
	struct proxy_filter *f = s->x.filters;
	s->sink.room = 1000;
	assert_int_equal(f->ops->push(f, &s->x, span_text("data: 1\n\n"), false), 9);
	f->ops->flush(f, &s->x);
	uint8_t plain[64];
	z_stream z = {.next_in = s->sink.got,
		      .avail_in = (uInt)s->sink.len,
		      .next_out = plain,
		      .avail_out = sizeof(plain)};
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_SYNC_FLUSH), Z_OK);
	assert_int_equal(z.total_out, 9);
	(void)inflateEnd(&z);
	stage_end(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_alone_what_must_not_change),
		cmocka_unit_test(says_what_it_varies_by_and_weakens_the_tag),
		cmocka_unit_test(chooses_by_quality_then_by_its_own_taste),
		cmocka_unit_test(nothing_is_lost_however_slowly_it_is_taken),
		cmocka_unit_test(an_event_goes_on_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
