#include "proxy/proxy_client.h"

#include "proxy/exchange.h"
#include "proxy/through1_test.h"

struct own {
	unsigned status, dones;
	enum proxy_cause cause;
	char body[64];
	size_t body_len;
};

static void own_head(void *arg, struct proxy_exchange *x)
{
	((struct own *)arg)->status = x->response.status;
}

static void own_body(void *arg, struct span bytes)
{
	struct own *o = arg;
	assert_true(o->body_len + bytes.len < sizeof(o->body));
	memcpy(o->body + o->body_len, bytes.data, bytes.len);
	o->body_len += bytes.len;
	o->body[o->body_len] = 0;
}

static void own_done(void *arg, struct proxy_exchange *x, enum proxy_cause cause)
{
	struct own *o = arg;
	(void)x;
	o->dones++;
	o->cause = cause;
}

static const struct proxy_client_call own_call = {own_head, own_body, own_done};

static void makes_requests_of_its_own(void **state)
{
	struct through *t = *state;
	struct own o = {0};
	const struct http_field field = {.name = span_text("X-A"), .value = span_text("b")};
	struct proxy_client what = {.method = span_text("POST"),
				    .scheme = span_text("http"),
				    .authority = span_text("auth"),
				    .path = span_text("/check"),
				    .fields = &field,
				    .fields_n = 1,
				    .body = span_text("body"),
				    .hop = &t->hops[0],
				    .answer_max = 10};
	assert_non_null(proxy_client_start(&t->w, &what, &own_call, &o));
	through_turn(t);
	assert_string_equal(memory_take(t->backs[0]),
			    "POST /check HTTP/1.1\r\nHost: auth\r\nX-A: b\r\n"
			    "Content-Length: 4\r\n\r\nbody");
	memory_text(t, t->backs[0], OK5);
	assert_int_equal(o.status, 200);
	assert_string_equal(o.body, "hello");
	assert_int_equal(o.dones, 1);
	assert_int_equal(o.cause, PROXY_FINE);
	assert_int_equal(t->hops[0].idle_n, 1);
	assert_int_equal(t->dones, 0); /* the face is not told */
	assert_non_null(proxy_client_start(&t->w, &what, &own_call, &o));
	through_turn(t);
	memory_text(t, t->backs[0], "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n01234567890");
	assert_int_equal(o.dones, 2);
	assert_int_equal(o.cause, PROXY_BACK_FORMAT);
	t->connect_error = (enum err)ECONNREFUSED;
	assert_null(proxy_client_start(&t->w, &what, &own_call, &o));
	assert_int_equal(o.dones, 3);
	assert_int_equal(o.cause, PROXY_CONNECT_FAILED);
	t->connect_error = OK;
	struct proxy_exchange *x = proxy_client_start(&t->w, &what, &own_call, &o);
	assert_non_null(x);
	proxy_client_cancel(x);
	assert_int_equal(o.dones, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(makes_requests_of_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
