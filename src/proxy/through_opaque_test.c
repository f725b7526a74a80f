/* Connections that were taken on their way elsewhere and are passed on as they came. */
#include "proxy/through1_test.h"

static void begin(struct through *t)
{
	static const uint8_t at[] = {192, 0, 2, 7};
	t->admission.opaque = true;
	t->local = (struct ip_endpoint){.address = ip_address_of(span_of(at, 4)), .port = 443};
	t->verdict = (struct proxy_verdict){.kind = PROXY_TUNNEL};
	t->verdict_set = true;
	t->hops[0].protocol = t->hops[1].protocol = PROXY_RAW;
	through_client(t);
}

static void got(struct memory *m, const char *text)
{
	assert_int_equal(m->out_end, strlen(text));
	assert_memory_equal(m->out, text, m->out_end);
	m->out_end = 0;
}

static void who_says_nothing_in_time_is_let_go(void **state)
{
	struct through *t = *state;
	begin(t);
	through_wait(t, 900);
	assert_false(t->client->closed);
	through_wait(t, 200);
	assert_true(t->client->closed);
	assert_int_equal(t->requests + t->malformed, 0);
}

static void who_does_not_come_to_an_end_with_it_too(void **state)
{
	struct through *t = *state;
	begin(t);
	memory_text(t, t->client, "he");
	through_wait(t, 600);
	memory_text(t, t->client, "llo"); /* wins no time */
	through_wait(t, 500);
	assert_true(t->client->finished);
	assert_int_equal(t->client->out_end, 0);
	assert_int_equal(t->requests, 0);
	assert_int_equal(t->malformed, 1);
}

static void an_answer_is_its_body_alone(void **state)
{
	struct through *t = *state;
	begin(t);
	t->verdict = (struct proxy_verdict){.kind = PROXY_ANSWER, .answer = span_text("no")};
	t->response_status = 403;
	memory_text(t, t->client, "hello.");
	got(t->client, "no");
	assert_true(t->client->finished);
	assert_int_equal(t->status, 403);
	assert_int_equal(t->backs_n, 0);
	begin(t);
	t->verdict = (struct proxy_verdict){.kind = PROXY_ANSWER};
	memory_text(t, t->client, "hello.");
	assert_int_equal(t->client->out_end, 0);
	assert_true(t->client->finished);
}

static void goes_where_it_was_meant_to_with_what_it_began_with(void **state)
{
	struct through *t = *state;
	begin(t);
	memory_text(t, t->client, "hel");
	assert_int_equal(t->requests, 0);
	assert_int_equal(t->backs_n, 0);
	t->verdict = (struct proxy_verdict){.kind = PROXY_WAIT};
	memory_text(t, t->client, "lo. and");
	assert_int_equal(t->openings, 2);
	assert_string_equal(t->opening, "hello. and");
	assert_true(span_is(t->x->request.authority, "192.0.2.7:443"));
	assert_int_equal(t->x->request.method_id, PROXY_CONNECT);
	memory_text(t, t->client, " more"); /* is not read before it is judged */
	t->verdict = (struct proxy_verdict){.kind = PROXY_TUNNEL};
	proxy_exchange_resume(t->x);
	through_turn(t);
	assert_string_equal(t->opening, "hello. and");
	assert_int_equal(t->client->out_end, 0);
	got(t->backs[0], "hello. and more");
	memory_text(t, t->backs[0], "fro");
	got(t->client, "fro");
	memory_text(t, t->client, "to");
	got(t->backs[0], "to");
	memory_end(t, t->client);
	memory_end(t, t->backs[0]);
	assert_true(t->client->closed && t->backs[0]->closed);
	assert_int_equal(t->dones, 1);
	assert_int_equal(t->done_cause, PROXY_FINE);
}

static void is_judged_by_what_there_is_when_no_more_can_come(void **state)
{
	struct through *t = *state;
	static char long_one[PROXY_BUFFER_SIZE + 10];
	begin(t);
	memory_text(t, t->client, "hello");
	memory_end(t, t->client);
	assert_int_equal(t->requests, 1);
	assert_string_equal(t->opening, "hello");
	begin(t);
	memset(long_one, 'x', sizeof(long_one) - 1);
	memory_text(t, t->client, long_one);
	assert_int_equal(t->requests, 2);
	assert_int_equal(t->backs_n, 2);
	assert_int_equal(t->backs[1]->out_end, sizeof(long_one) - 1);
}

static void a_server_that_is_not_there_ends_it(void **state)
{
	struct through *t = *state;
	begin(t);
	t->connect_error = (enum err)ECONNREFUSED;
	memory_text(t, t->client, "hello.");
	assert_true(t->client->finished);
	assert_int_equal(t->status, 502);
	assert_int_equal(t->done_cause, PROXY_CONNECT_FAILED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_says_nothing_in_time_is_let_go),
		TEST(who_does_not_come_to_an_end_with_it_too),
		TEST(an_answer_is_its_body_alone),
		TEST(goes_where_it_was_meant_to_with_what_it_began_with),
		TEST(is_judged_by_what_there_is_when_no_more_can_come),
		TEST(a_server_that_is_not_there_ends_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
