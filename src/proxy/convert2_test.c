#include "proxy/convert2.h"

#include "proxy/convert1.h"
#include "proxy/exchange.h"
#include "proxy/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct proxy_worker w;
static struct proxy_exchange *x;
static struct proxy_out2 out;

static int begin(void **state)
{
	(void)state;
	proxy_worker_init(&w, 1000, 4, 4, 2);
	x = proxy_exchange_take(&w, NULL, NULL);
	return x ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	proxy_exchange_give(x);
	proxy_worker_done(&w);
	return 0;
}

#define FIELD(n, v)                                                                                \
	(struct http2_field)                                                                       \
	{                                                                                          \
		.name = {(const uint8_t *)(n), sizeof(n) - 1}, .value = {                          \
			(const uint8_t *)(v),                                                      \
			sizeof(v) - 1                                                              \
		}                                                                                  \
	}
#define FIELDS(...)                                                                                \
	.fields = (const struct http2_field[]){__VA_ARGS__},                                       \
	.fields_n = sizeof((const struct http2_field[]){__VA_ARGS__}) / sizeof(struct http2_field)

/* The head as HTTP/1.1 has it; to be freed. */
static char *request1(void)
{
	const struct proxy_write1 how = {0};
	size_t size = proxy_request_size1(&x->request, &how);
	char *text = calloc(1, size + 1);
	assert_non_null(text);
	proxy_request_write1(&x->request, &how, (uint8_t *)text);
	assert_int_equal(strlen(text), size);
	return text;
}

static struct span field_of(struct proxy_head *head, const char *name)
{
	const struct http_field *f = proxy_head_find_name(head, span_text(name));
	return f ? f->value : span_text("(none)");
}

static bool has2(const struct http2_head *h, const char *name)
{
	for (size_t i = 0; i < h->fields_n; i++)
		if (span_is(h->fields[i].name, name))
			return true;
	return false;
}

static void is_text(struct span s, const char *text)
{
	assert_int_equal(s.len, strlen(text));
	assert_memory_equal(s.data, text, s.len);
}

/* The example of RFC 8441 5.1. */
static void a_websocket_becomes_an_upgrade(void **state)
{
	(void)state;
	const struct http2_head read = {
		.method = span_text("CONNECT"),
		.protocol = span_text("websocket"),
		.scheme = span_text("https"),
		.path = span_text("/chat"),
		.authority = span_text("server.example.com"),
		FIELDS(FIELD("sec-websocket-protocol", "chat, superchat"),
		       FIELD("sec-websocket-extensions", "permessage-deflate"),
		       FIELD("sec-websocket-version", "13"),
		       FIELD("origin", "http://www.example.com"))};
	assert_int_equal(proxy_request_from2(x, &read), OK);
	char *text = request1();
	const char *key = strstr(text, "sec-websocket-key: ");
	assert_non_null(key);
	assert_memory_equal(key + strlen("sec-websocket-key: ") + 22, "==\r\n", 4);
	assert_memory_equal(text, "GET /chat HTTP/1.1\r\nHost: server.example.com\r\n", 46);
	assert_non_null(strstr(text, "\r\nsec-websocket-protocol: chat, superchat\r\n"));
	assert_non_null(strstr(text, "\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"));
	free(text);
}

/* A client's own key would be one that it can foresee. */
static void the_key_is_ours(void **state)
{
	(void)state;
	const struct http2_head read = {
		.method = span_text("CONNECT"),
		.protocol = span_text("WebSocket"),
		.scheme = span_text("https"),
		.path = span_text("/"),
		.authority = span_text("a"),
		FIELDS(FIELD("sec-websocket-key", "one"), FIELD("sec-websocket-key", "two"))};
	assert_int_equal(proxy_request_from2(x, &read), OK);
	assert_int_equal(x->request.fields_n, 1);
	assert_int_equal(field_of(&x->request, "sec-websocket-key").len, 24);
}

/* The server of HTTP/1.1 that refuses the upgrade would take the next request for a body. */
static void a_tunnel_has_no_length(void **state)
{
	static const char *const protocols[] = {"websocket", "connect-udp", ""};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		bool plain = !*protocols[i];
		const struct http2_head read = {.method = span_text("CONNECT"),
						.protocol = span_text(protocols[i]),
						.scheme = span_text(plain ? "" : "https"),
						.path = span_text(plain ? "" : "/chat"),
						.authority = span_text("a:443"),
						FIELDS(FIELD("content-length", "50"))};
		struct http2_head to;
		proxy_head_reset(&x->request);
		assert_int_equal(proxy_request_from2(x, &read), OK);
		assert_int_equal(x->request.body, PROXY_BODY_NONE);
		char *text = request1();
		assert_null(strstr(text, "ength"));
		free(text);
		assert_int_equal(proxy_request_to2(&x->request, &out, &to), OK);
		assert_false(has2(&to, "content-length"));
		is_text(to.method, "CONNECT");
		is_text(to.path, plain ? "" : "/chat");
	}
}

/* The key and what is answered to it: RFC 6455 1.3. */
static void the_client_of_an_upgrade_gets_what_its_key_demands(void **state)
{
	(void)state;
	const struct http2_head read = {.status = 200, FIELDS(FIELD("server", "x"))};
	x->request.protocol = span_text("websocket");
	x->request.method_id = PROXY_GET;
	assert_int_equal(proxy_response_from2(x, &read), ERR_FORMAT); /* it has sent none */
	for (int right = 0; right < 2; right++) {
		assert_int_equal(proxy_head_set(&x->request, span_text("Sec-WebSocket-Key"),
						span_text(right ? "dGhlIHNhbXBsZSBub25jZQ=="
								: "dGhlIHNhbXBsZSBub25j")),
				 OK);
		assert_int_equal(proxy_response_from2(x, &read), right ? OK : ERR_FORMAT);
	}
	assert_int_equal(x->response.status, 101);
	assert_int_equal(x->response.body, PROXY_BODY_TUNNEL);
	is_text(field_of(&x->response, "sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	/* And a client of HTTP/2 sees none of it. */
	struct http2_head to;
	assert_int_equal(proxy_response_to2(&x->response, true, &out, &to), OK);
	assert_int_equal(to.status, 200);
	assert_false(has2(&to, "sec-websocket-accept"));
}

static void a_tunnel_that_is_refused_is_an_answer(void **state)
{
	(void)state;
	const struct http2_head read = {.status = 403, FIELDS(FIELD("content-length", "3"))};
	x->request.protocol = span_text("websocket");
	assert_int_equal(proxy_response_from2(x, &read), OK);
	assert_int_equal(x->response.status, 403);
	assert_int_equal(x->response.body, PROXY_BODY_LENGTH);
	assert_int_equal(x->response.length, 3);
}

/* The example of RFC 9113 8.2.3. */
static void crumbs_of_cookies_are_one(void **state)
{
	(void)state;
	const struct http2_head read = {.method = span_text("GET"),
					.scheme = span_text("https"),
					.path = span_text("/"),
					.authority = span_text("a"),
					FIELDS(FIELD("cookie", "a=b"), FIELD("accept", "*/*"),
					       FIELD("cookie", "c=d"), FIELD("cookie", "e=f")),
					.end = true};
	assert_int_equal(proxy_request_from2(x, &read), OK);
	assert_int_equal(x->request.fields_n, 2);
	is_text(field_of(&x->request, "Cookie"), "a=b; c=d; e=f");
	assert_int_equal(x->request.body, PROXY_BODY_NONE);
}

static void what_is_of_the_connection_or_disguised_goes_no_further(void **state)
{
	(void)state;
	const struct http2_head read = {
		.method = span_text("POST"),
		.scheme = span_text("https"),
		.path = span_text("/"),
		.authority = span_text("a"),
		FIELDS(FIELD("host", "a"), FIELD("te", "trailers"),
		       FIELD("http2-settings", "AAMAAABk"), FIELD("expect", "the-unexpected"),
		       FIELD("content_length", "7"), FIELD("transfer_encoding", "chunked"),
		       FIELD("x_own", "stays"))};
	assert_int_equal(proxy_request_from2(x, &read), OK);
	assert_int_equal(x->request.body, PROXY_BODY_STREAM);
	assert_false(x->request.expect_continue || x->request.has_length);
	char *text = request1();
	assert_string_equal(text, "POST / HTTP/1.1\r\nHost: a\r\nx_own: stays\r\n"
				  "TE: trailers\r\nConnection: TE\r\n\r\n");
	free(text);
}

static void an_answer_that_ends_at_its_head_has_a_length_for_old_clients(void **state)
{
	static const struct {
		uint16_t status;
		uint8_t method, version;
		bool length;
		uint8_t body;
	} cases[] = {
		{200, PROXY_GET, 11, true, PROXY_BODY_LENGTH},
		{200, PROXY_GET, 20, false, PROXY_BODY_LENGTH},
		{204, PROXY_GET, 11, false, PROXY_BODY_NONE}, /* RFC 9110 8.6: MUST NOT */
		{304, PROXY_GET, 11, true, PROXY_BODY_NONE},
		{200, PROXY_HEAD, 20, false, PROXY_BODY_NONE},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct http2_head read = {.status = cases[i].status, .end = true};
		x->request.method_id = cases[i].method;
		x->request.version = cases[i].version;
		assert_int_equal(proxy_response_from2(x, &read), OK);
		assert_int_equal(x->response.has_length, cases[i].length);
		assert_int_equal(x->response.body, cases[i].body);
	}
}

static void names_go_out_in_lower_case_and_secrets_into_no_table(void **state)
{
	(void)state;
	static const char *const fields[][2] = {
		{"X-Own", "A"},		 {"Authorization", "Basic x"}, {"Connection", "X-Other"},
		{"Content-Length", "9"}, {"Keep-Alive", "5"},	       {"plain", "b"}};
	struct http2_head to;
	struct proxy_head *head = &x->request;
	head->method = span_text("PUT");
	head->method_id = PROXY_PUT;
	head->scheme = span_text("http");
	head->authority = span_text("a");
	head->path = span_text("/");
	head->has_length = true;
	head->length = UINT64_MAX;
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(
			proxy_head_add(head, span_text(fields[i][0]), span_text(fields[i][1])), OK);
	assert_int_equal(proxy_request_to2(head, &out, &to), OK);
	assert_int_equal(to.fields_n, 4);
	is_text(to.fields[0].name, "content-length");
	is_text(to.fields[0].value, "18446744073709551615");
	is_text(to.fields[1].name, "x-own");
	is_text(to.fields[2].name, "authorization");
	is_text(to.fields[3].name, "plain");
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(to.fields[i].sensitive, i == 2);
}

static void names_that_have_no_room_are_refused(void **state)
{
	static char name[PROXY_NAMES2_MAX / 2 + 1];
	(void)state;
	struct http2_head to;
	memset(name, 'A', sizeof(name) - 1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(proxy_response_to2(&x->response, false, &out, &to), OK);
		assert_int_equal(proxy_head_add(&x->response, span_text(name), span_text("v")), OK);
	}
	assert_int_equal(proxy_response_to2(&x->response, false, &out, &to), ERR_LIMIT);
}

static void heads_that_have_no_room_are_refused(void **state)
{
	static struct http2_field many[PROXY_FIELDS_RECEIVED + 1];
	static uint8_t large[PROXY_BUFFER_SIZE - 64];
	(void)state;
	memset(large, 'v', sizeof(large));
	for (size_t i = 0; i <= PROXY_FIELDS_RECEIVED; i++)
		many[i] = FIELD("cookie", "c=1");
	struct http2_head read = {.method = span_text("GET"),
				  .scheme = span_text("https"),
				  .path = span_text("/"),
				  .authority = span_text("a"),
				  .fields = many,
				  .fields_n = PROXY_FIELDS_RECEIVED + 1};
	assert_int_equal(proxy_request_from2(x, &read), ERR_LIMIT);
	read.fields_n--;
	proxy_head_reset(&x->request);
	assert_int_equal(proxy_request_from2(x, &read), OK);
	assert_int_equal(field_of(&x->request, "cookie").len, 5 * PROXY_FIELDS_RECEIVED - 2);
	/* Of the worker's two buffers each holds one such head. */
	many[0] = (struct http2_field){.name = span_text("x"),
				       .value = span_of(large, sizeof(large))};
	read.fields_n = 1;
	while (w.buffers.out < 2) {
		proxy_head_reset(&x->request);
		assert_int_equal(proxy_request_from2(x, &read), OK);
		is_text(span_sub(field_of(&x->request, "x"), 0, 3), "vvv");
	}
	proxy_head_reset(&x->request);
	assert_int_equal(proxy_request_from2(x, &read), ERR_LIMIT);
}

static void of_trailers_those_go_on_that_change_nothing_before_them(void **state)
{
	static struct http2_field many[PROXY_TRAILERS_MAX + 1];
	struct http_field *kept = NULL;
	uint16_t n = 0;
	(void)state;
	struct http2_head read = {FIELDS(FIELD("grpc-status", "0"), FIELD("content-length", "5"),
					 FIELD("set-cookie", "a=b"), FIELD("grpc-message", ""),
					 FIELD("authorization", "x"), FIELD("host", "b"))};
	assert_int_equal(proxy_trailers_from2(x, &read, &kept, &n), OK);
	assert_int_equal(n, 2);
	is_text(kept[0].name, "grpc-status");
	is_text(kept[1].name, "grpc-message");
	assert_int_equal(kept[1].value.len, 0);
	read.too_large = true;
	assert_int_equal(proxy_trailers_from2(x, &read, &kept, &n), ERR_LIMIT);
	for (size_t i = 0; i <= PROXY_TRAILERS_MAX; i++)
		many[i] = FIELD("t", "v");
	read = (struct http2_head){.fields = many, .fields_n = PROXY_TRAILERS_MAX + 1};
	assert_int_equal(proxy_trailers_from2(x, &read, &kept, &n), ERR_LIMIT);
	read.fields_n--;
	assert_int_equal(proxy_trailers_from2(x, &read, &kept, &n), OK);
	assert_int_equal(n, PROXY_TRAILERS_MAX);
}

#define FACT(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(a_websocket_becomes_an_upgrade),
		FACT(the_key_is_ours),
		FACT(a_tunnel_has_no_length),
		FACT(the_client_of_an_upgrade_gets_what_its_key_demands),
		FACT(a_tunnel_that_is_refused_is_an_answer),
		FACT(crumbs_of_cookies_are_one),
		FACT(what_is_of_the_connection_or_disguised_goes_no_further),
		FACT(an_answer_that_ends_at_its_head_has_a_length_for_old_clients),
		FACT(names_go_out_in_lower_case_and_secrets_into_no_table),
		FACT(names_that_have_no_room_are_refused),
		FACT(heads_that_have_no_room_are_refused),
		FACT(of_trailers_those_go_on_that_change_nothing_before_them),
	};
	return cmocka_run_group_tests_name("HTTP/2 heads in and out", tests, NULL, NULL);
}
