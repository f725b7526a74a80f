#include "proxy/through1_test.h"

#define GREETING "\x05\x01\x00"
#define TO_NAME	 "\x05\x01\x00\x03\x0bwww.example\x01\xbb"

static void begin(struct through *t, uint8_t versions)
{
	t->admission.socks_versions = versions;
	t->verdict = (struct proxy_verdict){.kind = PROXY_TUNNEL};
	t->verdict_set = true;
	t->hops[0].protocol = t->hops[1].protocol = PROXY_RAW;
	through_client(t);
}

static void send_bytes(struct through *t, const char *bytes, size_t len)
{
	memory_send(t, t->client, span_of(bytes, len));
}

#define SEND(t, bytes) send_bytes(t, bytes, sizeof(bytes) - 1)

static void got_bytes(struct memory *m, const char *bytes, size_t len)
{
	assert_int_equal(m->out_end, len);
	assert_memory_equal(m->out, bytes, len);
	m->out_end = 0;
}

#define GOT(m, bytes) got_bytes(m, bytes, sizeof(bytes) - 1)

static void authority_is(struct through *t, const char *text)
{
	assert_non_null(t->x);
	if (!span_is(t->x->request.authority, text))
		fail_msg("%.*s", (int)t->x->request.authority.len, t->x->request.authority.data);
	assert_int_equal(t->x->request.method_id, PROXY_CONNECT);
}

static void authority_of_all_zeros(struct through *t)
{
	assert_true(span_is(t->x->request.authority, "0.0.0.0:0"));
}

static void refuses_versions_that_are_not_allowed(void **state)
{
	struct through *t = *state;
	begin(t, PROXY_SOCKS_5);
	SEND(t, "\x04\x01\x00\x50\xc0\x00\x02\x01\0");
	assert_int_equal(t->client->out_end, 0);
	assert_true(t->client->finished);
	assert_int_equal(t->malformed, 1);
	begin(t, PROXY_SOCKS_4);
	SEND(t, GREETING);
	assert_int_equal(t->client->out_end, 0);
	assert_true(t->client->finished);
	begin(t, PROXY_SOCKS_4 | PROXY_SOCKS_5);
	SEND(t, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(t->client->out_end, 0);
	assert_true(t->client->finished);
	assert_int_equal(t->requests, 0);
}

/* RFC 1928 3: "If the selected METHOD is X'FF', none of the methods listed by the client are
 * acceptable, and the client MUST close the connection." */
static void refuses_who_offers_no_method_that_will_do(void **state)
{
	struct through *t = *state;
	begin(t, PROXY_SOCKS_5);
	SEND(t, "\x05\x02\x01\x02");
	GOT(t->client, "\x05\xff");
	assert_true(t->client->finished);
}

/* RFC 1928 6: "X'07' Command not supported", "X'08' Address type not supported" */
static void refuses_other_commands_and_addresses(void **state)
{
	struct through *t = *state;
	begin(t, PROXY_SOCKS_4 | PROXY_SOCKS_5);
	SEND(t, GREETING "\x05\x02\x00\x01\xc0\x00\x02\x01\x00\x50");
	GOT(t->client, "\x05\x00\x05\x07\x00\x01\0\0\0\0\0\0");
	assert_true(t->client->finished);
	begin(t, PROXY_SOCKS_4 | PROXY_SOCKS_5);
	SEND(t, GREETING "\x05\x01\x00\x09");
	GOT(t->client, "\x05\x00\x05\x08\x00\x01\0\0\0\0\0\0");
	begin(t, PROXY_SOCKS_4 | PROXY_SOCKS_5);
	SEND(t, "\x04\x02\x00\x50\xc0\x00\x02\x01\0");
	GOT(t->client, "\x00\x5b\0\0\0\0\0\0");
	assert_int_equal(t->requests, 0);
}

static void passes_bytes_both_ways_after_a_request_by_name(void **state)
{
	struct through *t = *state;
	begin(t, PROXY_SOCKS_5);
	SEND(t, GREETING);
	GOT(t->client, "\x05\x00");
	SEND(t, TO_NAME);
	authority_is(t, "www.example:443");
	GOT(t->client, "\x05\x00\x00\x01\0\0\0\0\0\0");
	memory_text(t, t->client, "to");
	GOT(t->backs[0], "to");
	memory_text(t, t->backs[0], "fro");
	GOT(t->client, "fro");
	memory_end(t, t->client);
	assert_true(t->backs[0]->finished);
	memory_text(t, t->backs[0], "last");
	memory_end(t, t->backs[0]);
	GOT(t->client, "last");
	assert_true(t->client->closed && t->backs[0]->closed);
	assert_int_equal(t->dones, 1);
	assert_int_equal(t->done_cause, PROXY_FINE);
}

static void takes_bytes_that_come_one_by_one_and_too_early(void **state)
{
	struct through *t = *state;
	static const char all[] = GREETING TO_NAME "early";
	begin(t, PROXY_SOCKS_5);
	for (size_t i = 0; i < sizeof(all) - 1; i++)
		send_bytes(t, all + i, 1);
	GOT(t->client, "\x05\x00\x05\x00\x00\x01\0\0\0\0\0\0");
	GOT(t->backs[0], "early");
	begin(t, PROXY_SOCKS_5);
	SEND(t, all);
	GOT(t->client, "\x05\x00\x05\x00\x00\x01\0\0\0\0\0\0");
	GOT(t->backs[1], "early");
}

static void who_offers_a_password_is_asked_for_it(void **state)
{
	struct through *t = *state;
	t->admission.socks_passwords = true;
	begin(t, PROXY_SOCKS_5);
	t->verdict = (struct proxy_verdict){.kind = PROXY_WAIT};
	SEND(t, "\x05\x02\x00\x02");
	GOT(t->client, "\x05\x02");
	SEND(t, "\x01\x03joe\x03"
		"a:b");
	assert_int_equal(t->client->out_end, 0);
	const struct http_field *said =
		proxy_head_find(&t->x->request, HTTP_FIELD_PROXY_AUTHORIZATION);
	assert_non_null(said);
	assert_true(span_is(said->value, "Basic am9lOmE6Yg=="));
	assert_true(span_is(t->x->request.method, PROXY_SOCKS_SIGN_IN_METHOD));
	t->verdict = (struct proxy_verdict){.kind = PROXY_ANSWER};
	t->response_status = 204;
	struct proxy_exchange *x = t->x;
	t->verdict_set = true;
	proxy_exchange_resume(x);
	t->verdict = (struct proxy_verdict){.kind = PROXY_TUNNEL};
	t->response_status = 0;
	SEND(t, TO_NAME "early");
	GOT(t->client, "\x01\x00\x05\x00\x00\x01\0\0\0\0\0\0");
	said = proxy_head_find(&t->x->request, HTTP_FIELD_PROXY_AUTHORIZATION);
	assert_non_null(said);
	assert_true(span_is(said->value, "Basic am9lOmE6Yg=="));
	GOT(t->backs[0], "early");
}

/* RFC 1929 2: "If the server returns a `failure' (STATUS value other than X'00') status, it MUST
 * close the connection." */
static void a_wrong_password_ends_it(void **state)
{
	struct through *t = *state;
	t->admission.socks_passwords = true;
	for (int torn = 0; torn < 2; torn++) {
		begin(t, PROXY_SOCKS_5);
		t->verdict = (struct proxy_verdict){.kind = PROXY_ANSWER};
		t->response_status = 407;
		SEND(t, "\x05\x01\x02");
		if (torn)
			SEND(t, "\x01\x00");
		else
			SEND(t, "\x01\x03joe\x03"
				"abc" TO_NAME);
		GOT(t->client, "\x05\x02\x01\x01");
		assert_true(t->client->finished);
		memory_end(t, t->client);
		assert_true(t->client->closed);
		assert_int_equal(t->requests, 1);
	}
	/* who offers none goes on without */
	begin(t, PROXY_SOCKS_5);
	t->response_status = 0;
	SEND(t, GREETING TO_NAME);
	GOT(t->client, "\x05\x00\x05\x00\x00\x01\0\0\0\0\0\0");
}

static void addresses_of_all_kinds_become_authorities(void **state)
{
	struct through *t = *state;
	begin(t, PROXY_SOCKS_5);
	SEND(t, GREETING "\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50");
	authority_is(t, "192.0.2.1:80");
	begin(t, PROXY_SOCKS_5);
	SEND(t, GREETING "\x05\x01\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x01\xbb");
	authority_is(t, "[2001:db8::1]:443");
	begin(t, PROXY_SOCKS_5);
	SEND(t, GREETING "\x05\x01\x00\x03\x03::1\x01\xbb");
	authority_is(t, "[::1]:443");
	begin(t, PROXY_SOCKS_4);
	SEND(t, "\x04\x01\x00\x50\xc0\x00\x02\x01me\0");
	authority_is(t, "192.0.2.1:80");
	GOT(t->client, "\x00\x5a\0\0\0\0\0\0");
	begin(t, PROXY_SOCKS_4);
	SEND(t, "\x04\x01\x00\x50\0\0\0\x01me\0a.example\0");
	authority_is(t, "a.example:80");
}

static void refused_as(struct through *t, char code)
{
	char want[] = "\x05\x00\x05?\x00\x01\0\0\0\0\0";
	want[3] = code;
	begin(t, PROXY_SOCKS_5);
	SEND(t, GREETING TO_NAME);
	got_bytes(t->client, want, 12);
	assert_true(t->client->finished);
	memory_end(t, t->client);
	assert_true(t->client->closed);
}

/* RFC 1928 6: REP. */
static void a_failed_connect_is_told_with_its_kind(void **state)
{
	struct through *t = *state;
	static const struct {
		int error;
		char code;
	} told[] = {{ECONNREFUSED, 5}, {EHOSTUNREACH, 4}, {ENETUNREACH, 3}, {ETIMEDOUT, 6}};
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
		t->connect_error = (enum err)told[i].error;
		refused_as(t, told[i].code);
		assert_int_equal(t->done_cause, PROXY_CONNECT_FAILED);
	}
	/* and the same when it is known later */
	t->connect_error = OK;
	t->connect_slow = true;
	t->limits.tries_max = 1;
	begin(t, PROXY_SOCKS_5);
	SEND(t, GREETING TO_NAME);
	struct memory *b = t->backs[t->backs_n - 1];
	b->t.error = (enum err)ECONNREFUSED;
	b->t.ready |= PROXY_BROKEN;
	b->t.call(b->t.owner, PROXY_BROKEN);
	through_turn(t);
	GOT(t->client, "\x05\x00\x05\x05\x00\x01\0\0\0\0\0\0");
	/* or never */
	begin(t, PROXY_SOCKS_5);
	SEND(t, GREETING TO_NAME);
	through_wait(t, 600);
	GOT(t->client, "\x05\x00\x05\x06\x00\x01\0\0\0\0\0\0");
}

static void an_answer_of_the_face_is_told_as_a_code(void **state)
{
	struct through *t = *state;
	static const struct {
		unsigned status;
		char code;
	} told[] = {{403, 2}, {407, 2}, {502, 4}, {504, 4}, {503, 1}, {400, 1}};
	for (size_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
		begin(t, PROXY_SOCKS_5);
		t->verdict = (struct proxy_verdict){.kind = PROXY_ANSWER,
						    .answer = span_text("a page for people")};
		t->response_status = told[i].status;
		char want[] = "\x05\x00\x05?\x00\x01\0\0\0\0\0";
		want[3] = told[i].code;
		SEND(t, GREETING TO_NAME);
		got_bytes(t->client, want, 12);
		assert_true(t->client->finished);
		t->response_status = 0;
	}
}

static void who_says_nothing_is_not_waited_for(void **state)
{
	struct through *t = *state;
	begin(t, PROXY_SOCKS_5);
	SEND(t, GREETING);
	through_wait(t, 900);
	assert_false(t->client->closed);
	through_wait(t, 200); /* head_ms counts from the beginning */
	assert_true(t->client->closed);
	assert_int_equal(t->requests, 0);
}

static enum err never(struct proxy_source *s, struct span *ret, bool *ret_end)
{
	(void)s;
	*ret = (struct span){0};
	*ret_end = false;
	return OK;
}

static void never_taken(struct proxy_source *s, size_t len)
{
	(void)s;
	assert_int_equal(len, 0);
}

static unsigned closed;

static void note_close(struct proxy_source *s)
{
	(void)s;
	closed++;
}

static void bind_it(void *arg, struct proxy_exchange *x, struct proxy_verdict *ret)
{
	x->bound = (struct ip_endpoint){.address = ip_address_v4(192, 0, 2, 9), .port = 4321};
	through_request(arg, x, ret);
}

/* RFC 1928 7: "A UDP association terminates when the TCP connection that the UDP ASSOCIATE request
 * arrived on terminates." */
static void an_association_lasts_as_long_as_its_connection(void **state)
{
	struct through *t = *state;
	struct proxy_source source = {.peek = never, .taken = never_taken, .close = note_close};
	struct proxy_face face = through_face;
	static const struct proxy_limits unlimited;
	face.request = bind_it;
	t->w.face = &face;
	t->admission.socks_datagrams = true;
	for (int how = 0; how < 3; how++) {
		closed = 0;
		begin(t, PROXY_SOCKS_5);
		t->verdict = (struct proxy_verdict){
			.kind = PROXY_SOURCE, .source = &source, .limits = &unlimited};
		t->response_status = 200;
		SEND(t, GREETING "\x05\x03\x00\x01\0\0\0\0\0\0");
		GOT(t->client, "\x05\x00\x05\x00\x00\x01\xc0\x00\x02\x09\x10\xe1");
		assert_true(span_is(t->x->request.method, PROXY_SOCKS_ASSOCIATE_METHOD));
		authority_of_all_zeros(t);
		through_wait(t, 20000);
		SEND(t, "nobody reads this");
		assert_int_equal(closed, 0);
		assert_false(t->client->closed);
		if (how == 0)
			memory_end(t, t->client);
		else if (how == 1)
			memory_reset(t, t->client);
		else
			proxy_exchange_end(t->x, PROXY_FINE);
		through_turn(t);
		assert_int_equal(closed, 1);
		assert_true(t->client->closed);
	}
	t->response_status = 0;
	t->admission.socks_datagrams = false;
	t->w.face = &through_face;
	begin(t, PROXY_SOCKS_5);
	SEND(t, GREETING "\x05\x03\x00\x01\0\0\0\0\0\0");
	GOT(t->client, "\x05\x00\x05\x07\x00\x01\0\0\0\0\0\0");
}

static void a_client_that_goes_before_its_answer_is_noticed(void **state)
{
	struct through *t = *state;
	t->connect_slow = true;
	begin(t, PROXY_SOCKS_5);
	SEND(t, GREETING TO_NAME);
	memory_reset(t, t->client);
	assert_true(t->client->closed);
	assert_int_equal(t->done_cause, PROXY_CLIENT_GONE);
	assert_true(t->backs[0]->closed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refuses_versions_that_are_not_allowed),
		TEST(refuses_who_offers_no_method_that_will_do),
		TEST(refuses_other_commands_and_addresses),
		TEST(passes_bytes_both_ways_after_a_request_by_name),
		TEST(takes_bytes_that_come_one_by_one_and_too_early),
		TEST(who_offers_a_password_is_asked_for_it),
		TEST(a_wrong_password_ends_it),
		TEST(addresses_of_all_kinds_become_authorities),
		TEST(a_failed_connect_is_told_with_its_kind),
		TEST(an_answer_of_the_face_is_told_as_a_code),
		TEST(who_says_nothing_is_not_waited_for),
		TEST(an_association_lasts_as_long_as_its_connection),
		TEST(a_client_that_goes_before_its_answer_is_noticed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
