#include "service/reverse-proxy/check2.h"

#include "proto/ip/address.h"
#include "service/reverse-proxy/check.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { WIRE_MAX = 128 << 10 };

#define FIELD(n, v)                                                                                \
	{                                                                                          \
		.name = {(const uint8_t *)(n), sizeof(n) - 1}, .value = {                          \
			(const uint8_t *)(v),                                                      \
			sizeof(v) - 1                                                              \
		}                                                                                  \
	}

/* What the server says; fields and trailers: one each, no name: none. */
struct script {
	uint16_t status;
	struct http2_field field, trailer;
	struct span body;
	bool early; /* a head of 103 first */
	bool reset; /* after the head, instead of a body */
};

struct server {
	struct http2_session *s;
	struct http2_counts counts;
	const struct script *script;
	char asked[256], fields[512]; /* "POST http 10.0.0.1:80 /x", "name: value;…" */
	uint8_t body[512];
	size_t body_len, sent;
	uint32_t id;
};

static struct reverse_check2_share share;
static struct http2_heap heap;
static struct http2_role role;
static struct server server;
static uint8_t wire[WIRE_MAX]; /* all that the server ever said */
static size_t wire_len;

static const char *const ok[] = {"200-299"};
static const struct reverse_check_conf http = {.http = "/health",
					       .method = "GET",
					       .status = {(void *)(uintptr_t)ok, 1},
					       .timeout_ms = 3000};
static const struct reverse_check_conf grpc = {.grpc = "a.B", .timeout_ms = 1500};
static const struct script serving = {.status = 200,
				      .field = FIELD("content-type", "application/grpc"),
				      .trailer = FIELD("grpc-status", "0"),
				      .body = {(const uint8_t *)"\0\0\0\0\2\x08\1", 7}};

/* --- the server ------------------------------------------------------------------------------- */

static void answer(void)
{
	const struct script *sc = server.script;
	struct http2_head early = {.status = 103};
	struct http2_head head = {.status = sc->status,
				  .fields = &sc->field,
				  .fields_n = sc->field.name.len ? 1 : 0,
				  .end = !sc->body.len && !sc->trailer.name.len && !sc->reset};
	if (!sc->status)
		return;
	if (sc->early)
		assert_int_equal(http2_session_inform(server.s, server.id, &early), OK);
	assert_int_equal(http2_session_respond(server.s, server.id, &head), OK);
}

static void *on_request(void *of, uint32_t id, const struct http2_head *h)
{
	struct writer w = writer_of(server.asked, sizeof(server.asked) - 1);
	const struct span parts[] = {h->method, h->scheme, h->authority, h->path};
	for (size_t i = 0; i < 4; i++) {
		write_text(&w, i ? " " : "");
		write_span(&w, parts[i]);
	}
	w = writer_of(server.fields, sizeof(server.fields) - 1);
	for (size_t i = 0; i < h->fields_n; i++) {
		write_span(&w, h->fields[i].name);
		write_text(&w, ": ");
		write_span(&w, h->fields[i].value);
		write_text(&w, ";");
	}
	server.id = id;
	if (h->end)
		answer();
	return of;
}

static void on_data(void *of, void *stream, struct span data)
{
	(void)of;
	(void)stream;
	assert_true(server.body_len + data.len <= sizeof(server.body));
	memcpy(server.body + server.body_len, data.data, data.len);
	server.body_len += data.len;
}

static void on_end(void *of, void *stream, const struct http2_head *trailers)
{
	(void)of;
	(void)stream;
	(void)trailers;
	answer();
}

static struct http2_body on_body(void *of, void *stream, size_t max)
{
	(void)of;
	(void)stream;
	const struct script *sc = server.script;
	size_t left = sc->body.len - server.sent;
	size_t n = left < max ? left : max;
	if (sc->reset) {
		http2_session_reset(server.s, server.id, HTTP2_CANCEL);
		return (struct http2_body){0};
	}
	return (struct http2_body){.len = n,
				   .end = n == left,
				   .trailers = &sc->trailer,
				   .trailers_n = sc->trailer.name.len ? 1 : 0};
}

static void on_body_copy(void *of, void *stream, uint8_t *to, size_t len)
{
	(void)of;
	(void)stream;
	memcpy(to, server.script->body.data + server.sent, len);
	server.sent += len;
}

static void on_closed(void *of, void *stream, uint32_t code)
{
	(void)of;
	(void)stream;
	(void)code;
}

static void on_goaway(void *of, uint32_t last, uint32_t code)
{
	(void)of;
	(void)last;
	(void)code;
}

static void on_settings(void *of)
{
	(void)of;
}

static const struct http2_events server_events = {
	.request = on_request,
	.data = on_data,
	.end = on_end,
	.closed = on_closed,
	.body = on_body,
	.body_copy = on_body_copy,
	.goaway = on_goaway,
	.settings = on_settings,
};

/* --- both ------------------------------------------------------------------------------------- */

static struct reverse_check2 *begin(const struct reverse_check_conf *c)
{
	struct reverse_check2 *k;
	struct ip_endpoint at = {.address = ip_address_v4(10, 0, 0, 1), .port = 8080};
	assert_int_equal(reverse_check2_new(&share, c, &at, false, &k), OK);
	return k;
}

/* Until neither side says anything, through a buffer of that size; what the check says at last. */
static enum parse run(const struct reverse_check_conf *c, const struct script *script, size_t size,
		      const char **ret_why)
{
	uint8_t room[4096];
	AUTO(reverse_check2_free) struct reverse_check2 *k = begin(c);
	server = (struct server){.script = script};
	wire_len = 0;
	assert_int_equal(http2_session_new(&role, &heap, &server.counts, &server, &server.s), OK);
	bool more = true;
	while (more) {
		struct writer w = writer_of(room, size);
		reverse_check2_write(k, &w);
		more = w.pos;
		err_ignore(http2_session_receive(server.s, 1, writer_span(&w)));
		w = writer_of(room, size);
		assert_int_equal(http2_session_write(server.s, &w), OK);
		more |= w.pos > 0;
		assert_true(wire_len + w.pos <= sizeof(wire));
		memcpy(wire + wire_len, room, w.pos);
		wire_len += w.pos;
		reverse_check2_receive(k, 1, writer_span(&w));
	}
	http2_session_free(server.s);
	return reverse_check2_judge(k, false, ret_why);
}

static void says(const struct reverse_check_conf *c, const struct script *script, enum parse p,
		 const char *words)
{
	const char *why = "";
	assert_int_equal(run(c, script, 4096, &why), p);
	if (!strstr(why, words))
		fail_msg("'%s' is not in '%s'", words, why);
}

static void refuses_answers_of_grpc_that_are_not_serving(void **state)
{
	(void)state;
	struct script s = serving;
	s.trailer = (struct http2_field)FIELD("grpc-status", "5");
	says(&grpc, &s, PARSE_BAD, "does not know the service");
	s.trailer = (struct http2_field)FIELD("grpc-status", "99");
	says(&grpc, &s, PARSE_BAD, "that is none");
	s.trailer = (struct http2_field)FIELD("grpc-status", "-0");
	says(&grpc, &s, PARSE_BAD, "that is none");
	s.trailer = (struct http2_field){0};
	says(&grpc, &s, PARSE_BAD, "without grpc-status");
	s = serving;
	s.field = (struct http2_field)FIELD("content-type", "application/grpc-web");
	says(&grpc, &s, PARSE_BAD, "not an answer of gRPC");
	s.field = (struct http2_field){0};
	says(&grpc, &s, PARSE_BAD, "not an answer of gRPC");
	s = serving;
	s.status = 404;
	says(&grpc, &s, PARSE_BAD, "not 200");
	s = serving;
	s.body = (struct span){(const uint8_t *)"\0\0\0\0\2\x08\2", 7};
	says(&grpc, &s, PARSE_BAD, "not serving");
	s = serving;
	s.reset = true;
	says(&grpc, &s, PARSE_BAD, "torn");
	/* Trailers alone, in the head. */
	s = (struct script){.status = 200, .field = FIELD("grpc-status", "12")};
	says(&grpc, &s, PARSE_BAD, "");
}

static void takes_who_is_serving(void **state)
{
	(void)state;
	says(&grpc, &serving, PARSE_DONE, "");
	assert_string_equal(server.asked, "POST http 10.0.0.1:8080 /grpc.health.v1.Health/Check");
	assert_string_equal(server.fields, "te: trailers;grpc-timeout: 1500m;content-type: "
					   "application/grpc;user-agent: gatehouse-check;");
	assert_int_equal(server.body_len, 10);
	assert_memory_equal(server.body, "\0\0\0\0\5\x0a\3a.B", 10);
	struct script s = serving;
	s.early = true;
	s.field = (struct http2_field)FIELD("content-type", "application/grpc+proto");
	says(&grpc, &s, PARSE_DONE, "");
}

static void asks_through_buffers_of_any_size(void **state)
{
	(void)state;
	char service[256], path[1025];
	const char *why = "";
	memset(service, 's', sizeof(service));
	memset(path, '/', sizeof(path));
	service[255] = path[1024] = 0;
	struct reverse_check_conf c = grpc;
	c.grpc = service;
	assert_int_equal(run(&c, &serving, HTTP2_WRITE_MIN, &why), PARSE_DONE);
	assert_int_equal(server.body_len, 5 + 3 + 255);
	c = http;
	c.http = path;
	assert_int_equal(run(&c, &(struct script){.status = 200}, HTTP2_WRITE_MIN, &why),
			 PARSE_DONE);
}

static void looks_at_status_and_body(void **state)
{
	(void)state;
	struct reverse_check_conf c = http;
	struct script s = {.status = 204};
	says(&c, &s, PARSE_DONE, "");
	assert_string_equal(server.asked, "GET http 10.0.0.1:8080 /health");
	assert_string_equal(server.fields, "user-agent: gatehouse-check;accept: */*;");
	s.status = 503;
	says(&c, &s, PARSE_BAD, "not the answer");
	s = (struct script){.status = 200, .body = {(const uint8_t *)"all is ok", 9}};
	c.body = "ok";
	says(&c, &s, PARSE_DONE, "");
	c.body = "OK";
	says(&c, &s, PARSE_BAD, "not the answer");
	c.host = "www.home.arpa";
	says(&c, &(struct script){.status = 200}, PARSE_BAD, "not the answer");
	assert_string_equal(server.asked, "GET http www.home.arpa /health");
	s.reset = true;
	says(&c, &s, PARSE_BAD, "not the answer");
}

/* Of a body only its beginning counts, and of an answer nobody is waited for longer. */
static void never_waits_for_more_than_the_bound(void **state)
{
	(void)state;
	static uint8_t body[REVERSE_CHECK_ANSWER_MAX + 2];
	memset(body, 'x', sizeof(body));
	memcpy(body + REVERSE_CHECK_ANSWER_MAX - 2, "ok", 2);
	struct reverse_check_conf c = http;
	struct script s = {.status = 200, .body = {body, sizeof(body)}};
	c.body = "ok";
	says(&c, &s, PARSE_DONE, "");
	memcpy(body + REVERSE_CHECK_ANSWER_MAX - 2, "xo", 2);
	says(&c, &s, PARSE_BAD, "not the answer");
	says(&c, &(struct script){0}, PARSE_MORE, "");

	/* Frames that are no answer: PRIORITY, ORIGIN… of an unknown type they cost nothing. */
	const char *why = "";
	static const uint8_t unknown[9 + 1024] = {0, 4, 0, 0xfa};
	AUTO(reverse_check2_free) struct reverse_check2 *k = begin(&grpc);
	reverse_check2_receive(k, 1, span_of("\0\0\0\4\0\0\0\0\0", 9)); /* SETTINGS */
	for (size_t n = 9 + sizeof(unknown); n < REVERSE_CHECK2_IN_MAX; n += sizeof(unknown)) {
		reverse_check2_receive(k, 1, span_of(unknown, sizeof(unknown)));
		assert_int_equal(reverse_check2_judge(k, false, &why), PARSE_MORE);
	}
	reverse_check2_receive(k, 1, span_of(unknown, sizeof(unknown)));
	assert_int_equal(reverse_check2_judge(k, false, &why), PARSE_BAD);
}

/* --- the same answer, torn and spoilt --------------------------------------------------------- */

static enum parse replayed_until(const uint8_t *data, size_t len, size_t step, bool end)
{
	uint8_t room[4096];
	const char *why = NULL;
	AUTO(reverse_check2_free) struct reverse_check2 *k = begin(&grpc);
	struct writer w = writer_of(room, sizeof(room));
	reverse_check2_write(k, &w);
	for (size_t at = 0; at < len; at += step) {
		size_t n = step < len - at ? step : len - at;
		reverse_check2_receive(k, 1, span_of(data + at, n));
		w = writer_of(room, sizeof(room));
		reverse_check2_write(k, &w);
	}
	enum parse p = reverse_check2_judge(k, end, &why);
	assert_true(p == PARSE_DONE || p == PARSE_MORE || why);
	return p;
}

static enum parse replayed(const uint8_t *data, size_t len, size_t step)
{
	enum parse p = replayed_until(data, len, step, true);
	assert_int_not_equal(p, PARSE_MORE);
	return p;
}

static size_t good_len; /* of the wire, when it is enough */

static void cut(const uint8_t *data, size_t len)
{
	assert_int_equal(replayed(data, len, len ? len : 1),
			 len >= good_len ? PARSE_DONE : PARSE_BAD);
}

static void spoilt(const uint8_t *data, size_t len)
{
	(void)replayed(data, len, len);
}

static void a_torn_or_spoilt_answer_is_none(void **state)
{
	(void)state;
	static uint8_t good[4096];
	says(&grpc, &serving, PARSE_DONE, "");
	size_t len = wire_len;
	assert_true(len < sizeof(good));
	memcpy(good, wire, len);
	assert_int_equal(replayed(good, len, 1), PARSE_DONE);
	/* The trailers are the last that is needed; what may follow are answers to our frames. */
	for (good_len = 1; replayed(good, good_len, good_len) != PARSE_DONE; good_len++)
		assert_true(good_len < len);
	guard_every_prefix(good, len, cut);
	guard_every_bit_flip(good, len, spoilt);
}

/* Who speaks something else is not waited for. */
static void another_protocol_is_no_answer(void **state)
{
	(void)state;
	static const char *const others[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-x\r\n",
					     "220 mail\r\n"};
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
			replayed_until((const uint8_t *)others[i], strlen(others[i]), 100, false),
			PARSE_BAD);
}

static int set_up(void **state)
{
	(void)state;
	static const struct http2_limits limits = {.streams_max = 8,
						   .window_stream = 65535,
						   .window = 65535,
						   .head_max = 16384,
						   .memory_max = 1 << 20};
	http2_heap_init(&heap, 1 << 24);
	return reverse_check2_share_init(&share) != OK ||
	       http2_role_init(&role, HTTP2_SERVER, &limits, &server_events) != OK;
}

static int tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < HTTP2_HEAP_SIZES; i++)
		assert_int_equal(slab_used(&share.heap.slabs[i]), 0);
	http2_role_done(&role);
	http2_heap_done(&heap);
	reverse_check2_share_done(&share);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_answers_of_grpc_that_are_not_serving),
		cmocka_unit_test(takes_who_is_serving),
		cmocka_unit_test(asks_through_buffers_of_any_size),
		cmocka_unit_test(looks_at_status_and_body),
		cmocka_unit_test(never_waits_for_more_than_the_bound),
		cmocka_unit_test(a_torn_or_spoilt_answer_is_none),
		cmocka_unit_test(another_protocol_is_no_answer),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
