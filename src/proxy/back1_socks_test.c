#include "proxy/through1_test.h"

#define GOOD	"\x05\x00\x00\x01\0\0\0\0\0\0"
#define TO_NAME "\x05\x01\x00\x03\x0bwww.example\x01\xbb"
#define CONNECT "CONNECT www.example:443 HTTP/1.1\r\nHost: www.example:443\r\n\r\n"

static void got_bytes(struct memory *m, const char *bytes, size_t len)
{
	assert_int_equal(m->out_end, len);
	assert_memory_equal(m->out, bytes, len);
	m->out_end = 0;
}

#define GOT(m, bytes)	  got_bytes(m, bytes, sizeof(bytes) - 1)
#define SEND(t, m, bytes) memory_send(t, m, span_of(bytes, sizeof(bytes) - 1))

static struct proxy_hop_socks way;

/* A tunnel, or a request, by way of a SOCKS server: its end of the connection. */
static struct memory *begin(struct through *t, bool tunnel, const char *user)
{
	way = (struct proxy_hop_socks){.target = {.name = span_text("www.example"), .port = 443},
				       .user = span_text(user),
				       .password = span_text(*user ? "secret" : "")};
	for (size_t i = 0; i < 2; i++) {
		t->hops[i].socks = &way;
		t->hops[i].protocol = tunnel ? PROXY_RAW : PROXY_HTTP1;
	}
	t->verdict = (struct proxy_verdict){.kind = tunnel ? PROXY_TUNNEL : PROXY_FORWARD};
	t->verdict_set = true;
	t->limits.tries_max = 1;
	through_client(t);
	memory_text(t, t->client, tunnel ? CONNECT : GET);
	return t->backs[t->backs_n - 1];
}

static void a_name_is_said_to_it_and_bytes_go_through(void **state)
{
	struct through *t = *state;
	struct memory *b = begin(t, true, "");
	way = (struct proxy_hop_socks){0}; /* it was only borrowed */
	GOT(b, "\x05\x01\x00");
	SEND(t, b, "\x05\x00");
	GOT(b, TO_NAME);
	assert_int_equal(t->client->out_end, 0);
	SEND(t, b, GOOD "first");
	contains(memory_take(t->client), "HTTP/1.1 200 OK\r\n\r\nfirst");
	memory_text(t, t->client, "to");
	GOT(b, "to");
	memory_text(t, b, "fro");
	assert_string_equal(memory_take(t->client), "fro");
}

static void its_messages_may_come_octet_by_octet(void **state)
{
	struct through *t = *state;
	struct memory *b = begin(t, false, "joe");
	static const char said[] = "\x05\x02\x01\x00\x05\x00\x00\x03\x02me\0\x50" OK5;
	GOT(b, "\x05\x02\x00\x02");
	for (size_t i = 0; i < sizeof(said) - 1; i++)
		memory_send(t, b, span_of(said + i, 1));
	contains(memory_take(t->client), "hello");
	b->out[b->out_end] = 0;
	assert_memory_equal(b->out, "\x01\x03joe\x06secret" TO_NAME "GET /a HTTP/1.1\r\n",
			    12 + sizeof(TO_NAME) - 1 + 17);
	/* and the connection is kept: it leads to the target now */
	memory_text(t, t->client, GET);
	assert_int_equal(t->backs_n, 1);
}

static void refused(struct through *t, const char *bytes, size_t len, int error)
{
	struct memory *b = begin(t, true, "");
	SEND(t, b, "\x05\x00");
	memory_send(t, b, span_of(bytes, len));
	contains(memory_take(t->client), "HTTP/1.1 502 ");
	assert_int_equal(t->done_cause, PROXY_CONNECT_FAILED);
	assert_true(b->closed);
	assert_int_equal(t->failed_error, error);
}

#define REFUSED(t, bytes, error) refused(t, bytes, sizeof(bytes) - 1, error)

static void what_it_refuses_is_told_by_its_kind(void **state)
{
	struct through *t = *state;
	REFUSED(t, "\x05\x01\x00\x01\0\0\0\0\0\0", EIO);
	REFUSED(t, "\x05\x02\x00\x01\0\0\0\0\0\0", (int)ERR_REFUSED);
	REFUSED(t, "\x05\x03\x00\x01\0\0\0\0\0\0", ENETUNREACH);
	REFUSED(t, "\x05\x04\x00\x01\0\0\0\0\0\0", EHOSTUNREACH);
	REFUSED(t, "\x05\x05\x00\x01\0\0\0\0\0\0", ECONNREFUSED);
	REFUSED(t, "\x05\x06\x00\x01\0\0\0\0\0\0", ETIMEDOUT);
	REFUSED(t, "\x05\x00\x00\x07", (int)ERR_FORMAT);
	REFUSED(t, "HTTP/1.1 400 no", (int)ERR_FORMAT);
}

static void a_method_that_was_not_offered_is_none(void **state)
{
	struct through *t = *state;
	static const char *const methods[] = {"\x05\x02", "\x05\xff", "\x05\x01"};
	for (size_t i = 0; i < 3; i++) {
		struct memory *b = begin(t, true, "");
		GOT(b, "\x05\x01\x00");
		memory_send(t, b, span_of(methods[i], 2));
		contains(memory_take(t->client), "HTTP/1.1 502 ");
		assert_int_equal(b->out_end, 0); /* the target was not said */
	}
	struct memory *b = begin(t, true, "joe");
	SEND(t, b, "\x05\x02\x01\x01"); /* and a wrong password */
	contains(memory_take(t->client), "HTTP/1.1 502 ");
}

static void one_that_goes_or_says_nothing_is_not_waited_for(void **state)
{
	struct through *t = *state;
	struct memory *b = begin(t, true, "");
	memory_end(t, b);
	contains(memory_take(t->client), "HTTP/1.1 502 ");
	b = begin(t, true, "");
	SEND(t, b, "\x05");
	memory_reset(t, b);
	contains(memory_take(t->client), "HTTP/1.1 502 ");
	b = begin(t, true, "");
	SEND(t, b, "\x05\x00");
	through_wait(t, 600); /* connect_ms */
	contains(memory_take(t->client), "HTTP/1.1 504 ");
	assert_true(b->closed);
	/* nor is a client */
	b = begin(t, true, "");
	memory_reset(t, t->client);
	assert_true(b->closed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_name_is_said_to_it_and_bytes_go_through),
		TEST(its_messages_may_come_octet_by_octet),
		TEST(what_it_refuses_is_told_by_its_kind),
		TEST(a_method_that_was_not_offered_is_none),
		TEST(one_that_goes_or_says_nothing_is_not_waited_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
