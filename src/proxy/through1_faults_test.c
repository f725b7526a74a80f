/* Clients and back ends that die, hang, send garbage or take their time, at the HTTP/1 proxy. */
#include "proxy/through1_test.h"

/* ---- what goes wrong ---- */

static void answers_400_and_ends(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client,
		    "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n"
		    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET);
	const char *got = memory_take(t->client);
	contains(got, "HTTP/1.1 400 ");
	contains(got, "Connection: close\r\n");
	assert_true(t->client->finished);
	assert_int_equal(t->requests, 0);
	assert_int_equal(t->malformed, 1);
	memory_text(t, t->client, GET); /* thrown away */
	assert_int_equal(t->requests, 0);
	memory_end(t, t->client);
	assert_true(t->client->closed);
}

static void answers_431_for_endless_heads(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, "GET / HTTP/1.1\r\nHost: h\r\n");
	for (int i = 0; i < 2000 && !t->client->finished; i++)
		memory_text(t, t->client,
			    "X-Endless: 0123456789012345678901234567890123456789\r\n");
	contains(memory_take(t->client), "HTTP/1.1 431 ");
	assert_int_equal(t->requests, 0);
}

static void answers_400_for_a_bad_chunk(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client,
		    "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "1\r\nab\r\n");
	contains(memory_take(t->client), "HTTP/1.1 400 ");
	assert_true(t->client->finished);
	assert_true(t->backs[0]->closed);
	assert_int_equal(t->done_cause, PROXY_CLIENT_FORMAT);
}

static void goes_again_when_a_kept_connection_had_ended(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, GET);
	memory_text(t, t->backs[0], OK5);
	(void)memory_take(t->client);
	/* Its end waits where nobody looked. */
	memory_text(t, t->client, GET);
	memory_end(t, t->backs[0]);
	assert_int_equal(t->backs_n, 2);
	memory_text(t, t->backs[1], OK5);
	assert_string_equal(memory_take(t->client), OK5);
	assert_int_equal(t->done_cause, PROXY_FINE);
	/* A POST that may have been done does not. */
	memory_text(t, t->client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
	memory_reset(t, t->backs[1]);
	assert_int_equal(t->backs_n, 2);
	contains(memory_take(t->client), "HTTP/1.1 502 ");
	assert_int_equal(t->left_cause, PROXY_BACK_STALE);
}

/* What the hop stands for was judged by the service; where it led before may be forbidden now. */
static void a_kept_connection_to_what_the_hop_no_longer_names_is_not_used(void **state)
{
	struct through *t = *state;
	struct ip_endpoint before = t->hops[0].to;
	memory_text(t, t->client, GET);
	memory_text(t, t->backs[0], OK5);
	(void)memory_take(t->client);
	t->hops[0].to.address = ip_address_v4(192, 0, 2, 99);
	t->hops[0].others = &before;
	t->hops[0].others_n = 1;
	memory_text(t, t->client, GET);
	assert_int_equal(t->backs_n, 1);
	memory_text(t, t->backs[0], OK5);
	(void)memory_take(t->client);
	t->hops[0].others_n = 0;
	memory_text(t, t->client, GET);
	assert_true(t->backs[0]->closed);
	assert_int_equal(t->backs_n, 2);
	memory_text(t, t->backs[1], OK5);
	assert_string_equal(memory_take(t->client), OK5);
}

static void goes_to_another_back_end_when_one_does_not_connect(void **state)
{
	struct through *t = *state;
	t->connect_error = (enum err)ECONNREFUSED;
	memory_text(t, t->client, GET);
	assert_int_equal(t->picks, 2);
	contains(memory_take(t->client), "HTTP/1.1 502 ");
	t->connect_error = OK;
	t->connect_slow = true;
	memory_text(t, t->client, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
	t->connect_slow = false;
	through_wait(t, 600);
	assert_int_equal(t->picks, 4);
	assert_true(t->backs[0]->closed);
	contains(memory_take(t->backs[1]), "\r\n\r\nabc");
	memory_text(t, t->backs[1], OK5);
	contains(memory_take(t->client), "hello");
}

static void without_descriptors_no_back_end_is_blamed(void **state)
{
	struct through *t = *state;
	t->connect_error = (enum err)EMFILE;
	memory_text(t, t->client, GET);
	assert_int_equal(t->picks, 1);
	assert_int_equal(t->left_cause, PROXY_BUSY);
	contains(memory_take(t->client), "HTTP/1.1 503 ");
	t->connect_error = OK;
	memory_text(t, t->client, GET);
	memory_text(t, t->backs[0], OK5);
	contains(memory_take(t->client), "hello");
}

static void goes_again_with_a_body_that_is_at_hand(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
	contains(memory_take(t->backs[0]), "\r\n\r\nabc");
	memory_reset(t, t->backs[0]);
	contains(memory_take(t->backs[1]), "\r\n\r\nabc");
	memory_text(t, t->backs[1], OK5);
	contains(memory_take(t->client), "hello");
	assert_int_equal(t->dones, 1);
	/* One that streams is gone. */
	memory_text(t, t->client, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na");
	memory_reset(t, t->backs[t->backs_n - 1]);
	contains(memory_take(t->client), "HTTP/1.1 502 ");
}

static void tries_another_when_the_face_wants(void **state)
{
	struct through *t = *state;
	t->judgement = PROXY_AGAIN;
	t->judge_status = 503;
	memory_text(t, t->client, GET);
	memory_text(t, t->backs[0], "HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno");
	assert_int_equal(t->backs_n, 2);
	assert_int_equal(t->left_cause, PROXY_TRY_ANOTHER);
	memory_text(t, t->backs[1], OK5);
	assert_string_equal(memory_take(t->client), OK5);
	t->judgement = PROXY_REPLACE;
	memory_text(t, t->client, GET);
	memory_text(t, t->backs[t->backs_n - 1], "HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno");
	contains(memory_take(t->client), "HTTP/1.1 599 ");
	assert_int_equal(t->dones, 2);
}

/* Every answer torn at every byte: the client gets a whole answer or none that looks whole. */
static void survives_a_back_end_that_dies_at_every_byte(void **state)
{
	(void)state;
	static const char *const answers[] = {
		OK5,
		OK_CHUNKED,
		"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
	};
	for (size_t a = 0; a < sizeof(answers) / sizeof(answers[0]); a++)
		for (size_t cut = 0; cut < strlen(answers[a]); cut++)
			for (int reset = 0; reset < 2; reset++) {
				struct through t;
				through_init(&t);
				t.limits.tries_max = 1;
				memory_text(&t, t.client, GET);
				memory_send(&t, t.backs[0], span_of(answers[a], cut));
				if (reset)
					memory_reset(&t, t.backs[0]);
				else
					memory_end(&t, t.backs[0]);
				assert_int_equal(t.dones, 1);
				assert_true(t.done_cause == PROXY_BACK_TORN ||
					    t.done_cause == PROXY_BACK_CLOSED);
				assert_true(t.backs[0]->closed);
				const char *got = memory_take(t.client);
				if (t.done_cause == PROXY_BACK_CLOSED)
					contains(got, "HTTP/1.1 502 ");
				else
					assert_true(t.client->closed && t.client->aborted);
				through_done_all(&t);
			}
}

static void survives_a_client_that_dies_at_every_byte(void **state)
{
	(void)state;
	static const char *const requests[] = {
		GET GET,
		PUT_CHUNKED,
		"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
	};
	for (size_t r = 0; r < sizeof(requests) / sizeof(requests[0]); r++)
		for (size_t cut = 0; cut <= strlen(requests[r]); cut++)
			for (int how = 0; how < 3; how++) {
				struct through t;
				through_init(&t);
				memory_send(&t, t.client, span_of(requests[r], cut));
				if (how == 0)
					memory_reset(&t, t.client);
				else
					memory_end(&t, t.client);
				if (how == 1 && t.backs_n)
					memory_text(&t, t.backs[0], OK5);
				if (how == 1 && t.backs_n)
					memory_text(&t, t.backs[t.backs_n - 1], OK5);
				through_wait(&t, 20000);
				assert_true(t.client->closed);
				assert_int_equal(t.dones, t.requests);
				assert_int_equal(t.disconnected, 1);
				through_done_all(&t);
			}
}

static void refuses_what_is_no_answer(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"garbage\r\n\r\n",
		"HTTP/2.0 200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nX : y\r\n\r\n",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct through t;
		through_init(&t);
		memory_text(&t, t.client, GET);
		memory_text(&t, t.backs[0], bad[i]);
		contains(memory_take(t.client), "HTTP/1.1 502 ");
		assert_int_equal(t.done_cause, PROXY_BACK_FORMAT);
		assert_true(t.backs[0]->closed);
		assert_int_equal(t.backs_n, 1); /* it would say so again */
		through_done_all(&t);
	}
}

static void ends_endless_heads_of_a_back_end(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, GET);
	memory_text(t, t->backs[0], "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 2000 && !t->backs[0]->closed; i++)
		memory_text(t, t->backs[0],
			    "X-Endless: 0123456789012345678901234567890123456789\r\n");
	contains(memory_take(t->client), "HTTP/1.1 502 ");
	assert_int_equal(t->done_cause, PROXY_BACK_HEAD_LIMIT);
}

static void closes_a_kept_connection_that_says_more(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, GET);
	memory_text(t, t->backs[0], OK5 "HTTP/1.1 200 OK\r\n");
	assert_true(t->backs[0]->closed);
	memory_text(t, t->client, GET);
	memory_text(t, t->backs[1], OK5);
	assert_int_equal(t->hops[0].idle_n, 1);
	memory_text(t, t->backs[1], "HTTP/1.1 200 OK\r\n\r\n");
	assert_true(t->backs[1]->closed);
	assert_int_equal(t->hops[0].idle_n, 0);
}

static void passes_an_answer_that_came_before_the_connection_broke(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 400000\r\n\r\na");
	struct memory *b = t->backs[0];
	/* It answers and closes; we go on writing. */
	const char *early = "HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n";
	memcpy(b->in, early, strlen(early));
	b->in_end = strlen(early);
	b->in_eof = true;
	b->t.ready |= PROXY_CAN_READ;
	b->t.call(b->t.owner, PROXY_CAN_READ);
	through_turn(t);
	contains(memory_take(t->client), "HTTP/1.1 413 Large\r\n");
	assert_int_equal(t->status, 413);
	assert_true(t->client->finished);
}

/* ---- time ---- */

static void every_phase_has_its_limit(void **state)
{
	static const struct {
		const char *request, *answer;
		uint64_t before_ms, after_ms;
		enum proxy_cause cause;
		const char *told; /* NULL: the connection is reset */
	} phases[] = {
		{GET, "", 1900, 200, PROXY_BACK_TIME, "HTTP/1.1 504 "},
		{GET, "HTTP/1.1 200", 1900, 200, PROXY_BACK_TIME, "HTTP/1.1 504 "},
		{GET, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", 2900, 200,
		 PROXY_BACK_BODY_TIME, NULL},
		{"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhel", "", 3900, 200,
		 PROXY_CLIENT_BODY_TIME, "HTTP/1.1 408 "},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++) {
		struct through t;
		through_init(&t);
		memory_text(&t, t.client, phases[i].request);
		memory_text(&t, t.backs[0], phases[i].answer);
		through_wait(&t, phases[i].before_ms);
		assert_int_equal(t.dones, 0);
		through_wait(&t, phases[i].after_ms);
		assert_int_equal(t.dones, 1);
		assert_int_equal(t.done_cause, phases[i].cause);
		if (phases[i].told)
			contains(memory_take(t.client), phases[i].told);
		else
			assert_true(t.client->closed && t.client->aborted);
		assert_true(t.backs[0]->closed);
		through_done_all(&t);
	}
}

static void a_slow_head_has_a_limit_that_bytes_do_not_move(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, "GET / HTTP/1.1\r\n");
	for (int i = 0; i < 11; i++) {
		memory_text(t, t->client, "X: y\r\n");
		through_wait(t, 100);
	}
	contains(memory_take(t->client), "HTTP/1.1 408 ");
	assert_int_equal(t->requests, 0);
}

static void an_idle_client_is_closed_without_a_word(void **state)
{
	struct through *t = *state;
	through_wait(t, 60100);
	assert_true(t->client->closed);
	assert_string_equal(memory_take(t->client), "");
}

static void a_client_that_takes_nothing_is_reset(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, GET);
	t->client->window = 0;
	memory_text(t, t->backs[0], OK5);
	through_wait(t, 5200);
	assert_int_equal(t->done_cause, PROXY_CLIENT_READ_TIME);
	assert_true(t->client->closed);
}

static void a_slow_upload_must_keep_its_rate(void **state)
{
	struct through *t = *state;
	t->limits.client_rate_min = 100;
	memory_text(t, t->client, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
	for (int i = 0; i < 50 && !t->dones; i++) {
		memory_text(t, t->client, "a");
		through_wait(t, 200);
	}
	assert_int_equal(t->dones, 1);
	assert_int_equal(t->done_cause, PROXY_CLIENT_BODY_TIME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_400_and_ends),
		TEST(answers_431_for_endless_heads),
		TEST(answers_400_for_a_bad_chunk),
		TEST(goes_again_when_a_kept_connection_had_ended),
		TEST(a_kept_connection_to_what_the_hop_no_longer_names_is_not_used),
		TEST(goes_to_another_back_end_when_one_does_not_connect),
		TEST(goes_again_with_a_body_that_is_at_hand),
		TEST(without_descriptors_no_back_end_is_blamed),
		TEST(tries_another_when_the_face_wants),
		cmocka_unit_test(survives_a_back_end_that_dies_at_every_byte),
		cmocka_unit_test(survives_a_client_that_dies_at_every_byte),
		cmocka_unit_test(refuses_what_is_no_answer),
		TEST(ends_endless_heads_of_a_back_end),
		TEST(closes_a_kept_connection_that_says_more),
		TEST(passes_an_answer_that_came_before_the_connection_broke),
		cmocka_unit_test(every_phase_has_its_limit),
		TEST(a_slow_head_has_a_limit_that_bytes_do_not_move),
		TEST(an_idle_client_is_closed_without_a_word),
		TEST(a_client_that_takes_nothing_is_reset),
		TEST(a_slow_upload_must_keep_its_rate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
