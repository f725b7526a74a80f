#include "fetch/incoming.h"

#include "base/writer.h"
#include "compress/compress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ROOM = 1 << 16, BODY_MAX = 40000 };

struct heard {
	unsigned status, heads;
	uint8_t body[ROOM];
	size_t body_len;
};

static enum err take_head(void *arg, const struct http_response *r)
{
	struct heard *h = arg;
	h->status = r->status;
	h->heads++;
	return OK;
}

static enum err take_body(void *arg, struct span piece)
{
	struct heard *h = arg;
	assert_true(piece.len <= sizeof(h->body) - h->body_len);
	memcpy(h->body + h->body_len, piece.data, piece.len);
	h->body_len += piece.len;
	return OK;
}

/* In pieces of that size, as a reader of a connection offers them. ended: the wire ends behind it,
 * said or not. */
static enum err hear(struct span wire, size_t piece, bool said, struct heard *h, bool *ret_over)
{
	static uint8_t waiting[ROOM];
	size_t len = 0, used;
	struct fetch_incoming in = {.taker = {take_head, take_body, h},
				    .method = "GET",
				    .gzip = true,
				    .body_max = BODY_MAX};
	enum err e = OK;
	*h = (struct heard){0};
	*ret_over = false;
	for (size_t at = 0; !e && !*ret_over && at < wire.len; at += piece) {
		struct span some = span_sub(wire, at, piece);
		memcpy(waiting + len, some.data, some.len);
		len += some.len;
		e = fetch_incoming_take(&in, span_of(waiting, len), &used, ret_over);
		if (!e) {
			memmove(waiting, waiting + used, len - used);
			len -= used;
		}
	}
	if (!e && !*ret_over)
		e = fetch_incoming_end(&in, said);
	fetch_incoming_done(&in);
	return e;
}

#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static const char *const answers[] = {
	"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nanswer",
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nanswer",
	"HTTP/1.0 200 OK\r\n\r\nanswer",
	CHUNKED "2\r\nan\r\n4;x=y\r\nswer\r\n0\r\nA: b\r\n\r\n",
};

static void what_was_cut_off_is_no_answer(void **state)
{
	(void)state;
	static struct heard h;
	bool over;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		size_t len = strlen(answers[i]);
		bool by_end = strstr(answers[i], "HTTP/1.0") != NULL;
		for (size_t n = 0; n < len; n++)
			assert_int_equal(hear(span_of(answers[i], n), n + 1, false, &h, &over),
					 ERR_CLOSED);
		for (size_t n = 0; !by_end && n < len; n++)
			assert_int_equal(hear(span_of(answers[i], n), n + 1, true, &h, &over),
					 ERR_CLOSED);
	}
}

static void an_end_that_nobody_said_is_no_end(void **state)
{
	(void)state;
	static struct heard h;
	bool over;
	struct span wire = span_text(answers[2]);
	assert_int_equal(hear(wire, wire.len, false, &h, &over), ERR_CLOSED);
	assert_int_equal(hear(wire, wire.len, true, &h, &over), OK);
	assert_int_equal(h.body_len, 6);
}

static void what_is_no_answer_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum err want;
	} bad[] = {
		{"SSH-2.0-x\r\n\r\n", ERR_FORMAT},
		{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		 ERR_FORMAT},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", ERR_FORMAT},
		{"HTTP/1.1 200 OK\r\nContent-Length: 40001\r\n\r\n", ERR_LIMIT},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n", ERR_CLOSED},
		{"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx",
		 ERR_UNSUPPORTED},
		{"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nplaintext",
		 ERR_FORMAT},
	};
	static struct heard h;
	bool over;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(hear(span_text(bad[i].text), 7, true, &h, &over), bad[i].want);
	static char endless[ROOM] = "HTTP/1.1 200 OK\r\n\r\n";
	memset(endless + strlen(endless), 'x', BODY_MAX + 1);
	assert_int_equal(hear(span_text(endless), 1000, true, &h, &over), ERR_LIMIT);
	endless[strlen(endless) - 1] = '\0';
	assert_int_equal(hear(span_text(endless), 1000, true, &h, &over), OK);
}

static void interim_answers_are_not_endless(void **state)
{
	(void)state;
	static struct heard h;
	static char many[FETCH_HEAD_MAX + 100];
	bool over;
	while (strlen(many) < FETCH_HEAD_MAX)
		memcpy(many + strlen(many), "HTTP/1.1 103 Early\r\n\r\n", 22);
	assert_int_equal(hear(span_text(many), 50, true, &h, &over), ERR_LIMIT);
	assert_int_equal(h.heads, 0);
}

static void an_answer_is_the_same_in_any_pieces(void **state)
{
	(void)state;
	static struct heard h;
	bool over;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		size_t len = strlen(answers[i]);
		for (size_t piece = 1; piece <= len; piece++) {
			assert_int_equal(hear(span_text(answers[i]), piece, true, &h, &over), OK);
			assert_int_equal(h.status, 200);
			assert_int_equal(h.heads, 1);
			assert_true(span_is(span_of(h.body, h.body_len), "answer"));
		}
	}
}

static size_t packed_make(struct span plain, uint8_t *room, size_t size)
{
	struct compress *c = NULL;
	struct writer w = writer_of(room, size);
	bool done = false;
	assert_int_equal(compress_new(COMPRESS_GZIP, 6, &c), OK);
	assert_int_equal(compress_write(c, &plain, COMPRESS_END, &w, &done), OK);
	assert_true(done);
	compress_free(c);
	return w.pos;
}

static size_t gzip_answer(const uint8_t *packed, size_t len, uint8_t *room, size_t size)
{
	struct writer w = writer_of(room, size);
	write_format(&w, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
		     len);
	write_bytes(&w, packed, len);
	assert_false(w.bad);
	return w.pos;
}

static void a_body_in_gzip_comes_out_whole_or_not_at_all(void **state)
{
	(void)state;
	static uint8_t plain[BODY_MAX + 1], packed[ROOM], wire[ROOM];
	static struct heard h;
	bool over;
	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (uint8_t)(i * i >> 7);
	size_t len = packed_make(span_of(plain, 30000), packed, sizeof(packed));
	for (size_t piece = 1; piece < 4000; piece = piece * 3 + 1) {
		size_t n = gzip_answer(packed, len, wire, sizeof(wire));
		assert_int_equal(hear(span_of(wire, n), piece, true, &h, &over), OK);
		assert_int_equal(h.body_len, 30000);
		assert_memory_equal(h.body, plain, 30000);
	}
	/* Its end is not there, though the message is whole. */
	size_t cut = gzip_answer(packed, len - 9, wire, sizeof(wire));
	assert_int_equal(hear(span_of(wire, cut), cut, true, &h, &over), ERR_FORMAT);
	packed[len - 5] ^= 1; /* its checksum */
	size_t torn = gzip_answer(packed, len, wire, sizeof(wire));
	assert_int_equal(hear(span_of(wire, torn), torn, true, &h, &over), ERR_FORMAT);
	/* Small on the wire, too long in memory. */
	memset(plain, 0, sizeof(plain));
	len = packed_make(span_of(plain, sizeof(plain)), packed, sizeof(packed));
	size_t n = gzip_answer(packed, len, wire, sizeof(wire));
	assert_int_equal(hear(span_of(wire, n), n, true, &h, &over), ERR_LIMIT);
	assert_true(h.body_len <= BODY_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_cut_off_is_no_answer),
		cmocka_unit_test(an_end_that_nobody_said_is_no_end),
		cmocka_unit_test(what_is_no_answer_is_refused),
		cmocka_unit_test(interim_answers_are_not_endless),
		cmocka_unit_test(an_answer_is_the_same_in_any_pieces),
		cmocka_unit_test(a_body_in_gzip_comes_out_whole_or_not_at_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
