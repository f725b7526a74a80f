/* Who waits for whom in HTTP/1 through the whole proxy: nobody is forgotten when the one he waits
 * for can go on, and nothing of one message is taken for another. */
#include "proxy/exchange.h"
#include "proxy/through1_test.h"

static void the_rest_of_a_body_is_no_request(void **state)
{
	struct through *t = *state;
	static const char evil[] = "GET /evil HTTP/1.1\r\nHost: h\r\n\r\n";
	char head[100];
	(void)snprintf(head, sizeof(head),
		       "PUT /p HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n", strlen(evil));
	memory_text(t, t->client, head);
	t->backs[0]->window = 0;
	memory_text(t, t->client, evil); /* here as a whole, and not taken */
	memory_text(t, t->backs[0], OK5);
	assert_int_equal(t->dones, 1);
	assert_int_equal(t->requests, 1);
	memory_text(t, t->client, GET);
	assert_int_equal(t->requests, 2);
	assert_string_equal(t->path, "/a");
	memory_text(t, t->backs[1], OK5);
	assert_string_equal(memory_take(t->client), OK5 OK5);
}

static void a_chunk_that_was_begun_is_followed_by_the_rest(void **state)
{
	struct through *t = *state;
	struct proxy_wire1 wire = {.t = &memory_new()->t, .pool = &t->w.buffers};
	struct memory *m = (struct memory *)wire.t;
	uint8_t body[800];
	size_t taken;
	memset(body, 'b', sizeof(body));
	proxy_wire1_out(&wire, PROXY_FRAMING_CHUNKED, 0);
	m->window = 105;
	assert_int_equal(proxy_wire1_send(&wire, span_of(body, 500), false, NULL, 0, &taken), OK);
	assert_int_equal(taken, 100);
	m->window = SIZE_MAX;
	m->t.ready |= PROXY_CAN_WRITE;
	/* More than was announced, by now: all goes, or nobody would ask for it. */
	assert_int_equal(proxy_wire1_send(&wire, span_of(body, 800), true, NULL, 0, &taken), OK);
	assert_int_equal(taken, 800);
	assert_true(wire.out_done && proxy_wire1_empty(&wire));
	const char *got = memory_take(m);
	assert_memory_equal(got, "1f4\r\nb", 6);
	assert_memory_equal(got + 505, "\r\n190\r\nb", 8);
	assert_string_equal(got + 505 + 7 + 400, "\r\n0\r\n\r\n");
	/* Who then offers less than he did breaks the message: its end is not told. */
	proxy_wire1_out(&wire, PROXY_FRAMING_CHUNKED, 0);
	m->window = 105;
	assert_int_equal(proxy_wire1_send(&wire, span_of(body, 500), false, NULL, 0, &taken), OK);
	m->window = SIZE_MAX;
	m->t.ready |= PROXY_CAN_WRITE;
	assert_int_equal(proxy_wire1_send(&wire, span_of(body, 9), true, NULL, 0, &taken),
			 ERR_FORMAT);
	proxy_wire1_done(&wire, false);
	memory_free(m);
}

static void an_interim_answer_waits_for_a_slow_client_only(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client,
		    "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
		    "Expect: 100-continue\r\n\r\n");
	t->client->window = 0;
	memory_text(t, t->backs[0], "HTTP/1.1 100 Continue\r\n\r\n");
	assert_string_equal(memory_take(t->client), "");
	memory_open(t, t->client, SIZE_MAX);
	assert_string_equal(memory_take(t->client), "HTTP/1.1 100 Continue\r\n\r\n");
}

static void a_tunnel_ends_when_both_have(void **state)
{
	for (int first = 0; first < 2; first++) {
		struct through t;
		through_init(&t);
		memory_text(
			&t, t.client,
			"GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
		memory_text(&t, t.backs[0],
			    "HTTP/1.1 101 Yes\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
		memory_end(&t, first ? t.client : t.backs[0]);
		assert_int_equal(t.dones, 0);
		assert_true(first ? t.backs[0]->finished : t.client->finished);
		memory_text(&t, first ? t.backs[0] : t.client, "last words");
		contains(memory_take(first ? t.client : t.backs[0]), "last words");
		memory_end(&t, first ? t.backs[0] : t.client);
		assert_int_equal(t.dones, 1);
		assert_int_equal(t.done_cause, PROXY_FINE);
		assert_true(t.backs[0]->closed);
		through_done_all(&t);
	}
	(void)state;
}

static void a_tunnel_ends_when_its_back_end_ends_and_is_gone(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client,
		    "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
	memory_text(t, t->backs[0],
		    "HTTP/1.1 101 Yes\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
	memory_end(t, t->backs[0]);
	memory_reset(t, t->backs[0]);
	memory_text(t, t->client, "nobody hears this");
	assert_int_equal(t->dones, 1);
	assert_int_equal(t->done_cause, PROXY_BACK_TORN);
	assert_true(t->client->aborted);
}

static void a_tunnel_ends_when_its_client_ends_and_is_gone(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client,
		    "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
	memory_text(t, t->backs[0],
		    "HTTP/1.1 101 Yes\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
	memory_end(t, t->client);
	assert_int_equal(t->dones, 0);
	memory_reset(t, t->client);
	assert_int_equal(t->dones, 1);
	assert_int_equal(t->done_cause, PROXY_CLIENT_GONE);
	assert_true(t->backs[0]->closed);
}

static void what_follows_an_answer_is_no_answer(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, GET "GET /b HTTP/1.1\r\nHost: h\r\n\r\n");
	t->client->window = 10;
	memory_text(t, t->backs[0], OK5);
	memory_text(t, t->backs[0], "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
	memory_open(t, t->client, SIZE_MAX);
	assert_int_equal(t->requests, 2);
	assert_true(t->backs[0]->closed);
	memory_text(t, t->backs[1], OK5);
	assert_string_equal(memory_take(t->client), OK5 OK5);
}

static void a_back_end_that_speaks_first_is_heard(void **state)
{
	struct through *t = *state;
	t->connect_slow = true;
	memory_text(t, t->client, GET);
	struct memory *b = t->backs[0];
	memcpy(b->in, OK5, sizeof(OK5) - 1);
	b->in_end = sizeof(OK5) - 1;
	b->t.ready = PROXY_OPENED | PROXY_CAN_READ | PROXY_CAN_WRITE;
	b->t.call(b->t.owner, PROXY_OPENED | PROXY_CAN_READ | PROXY_CAN_WRITE);
	through_turn(t);
	assert_string_equal(memory_take(t->client), OK5);
	assert_int_equal(t->dones, 1);
}

static void no_tunnel_begins_within_a_request(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client,
		    "PUT / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n"
		    "Content-Length: 10\r\n\r\n12345");
	memory_text(t, t->backs[0],
		    "HTTP/1.1 101 Yes\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
	contains(memory_take(t->client), "HTTP/1.1 502 ");
	assert_int_equal(t->done_cause, PROXY_BACK_FORMAT);
}

static void goes_on_although_that_ends_the_exchange(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, GET "GET /b HTTP/1.1\r\nHost: h\r\n\r\n");
	t->client->window = 0;
	memory_text(t, t->backs[0], OK5);
	assert_int_equal(t->dones, 0);
	t->client->window = SIZE_MAX;
	t->client->t.ready |= PROXY_CAN_WRITE; /* and is not told: the face is faster */
	proxy_exchange_go(t->x);
	through_turn(t);
	assert_int_equal(t->dones, 1);
	assert_int_equal(t->requests, 2);
}

static void a_client_that_resets_is_not_waited_for(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n");
	t->backs[0]->window = 0;
	memory_text(t, t->client, "12345");
	memory_reset(t, t->client);
	assert_int_equal(t->dones, 1);
	assert_int_equal(t->done_cause, PROXY_CLIENT_GONE);
	assert_true(t->backs[0]->closed);
}

static void drops_what_any_connection_field_names(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, "GET / HTTP/1.1\r\nHost: h\r\n");
	for (int i = 0; i < 20; i++) {
		char text[32];
		(void)snprintf(text, sizeof(text), "Connection: x-%d\r\n", i);
		memory_text(t, t->client, text);
	}
	memory_text(t, t->client, "X-19: a\r\n\r\n");
	assert_string_equal(memory_take(t->backs[0]), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
}

static void an_empty_path_ahead_of_a_query_is_a_slash(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, "GET http://www.example?b HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_string_equal(memory_take(t->backs[0]),
			    "GET /?b HTTP/1.1\r\nHost: www.example\r\n\r\n");
}

static void passes_over_an_upgrade_of_http_1_0(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client,
		    "GET / HTTP/1.0\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
	assert_string_equal(memory_take(t->backs[0]), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_rest_of_a_body_is_no_request),
		TEST(a_chunk_that_was_begun_is_followed_by_the_rest),
		TEST(an_interim_answer_waits_for_a_slow_client_only),
		TEST(a_tunnel_ends_when_both_have),
		TEST(a_tunnel_ends_when_its_back_end_ends_and_is_gone),
		TEST(a_tunnel_ends_when_its_client_ends_and_is_gone),
		TEST(what_follows_an_answer_is_no_answer),
		TEST(a_back_end_that_speaks_first_is_heard),
		TEST(no_tunnel_begins_within_a_request),
		TEST(goes_on_although_that_ends_the_exchange),
		TEST(a_client_that_resets_is_not_waited_for),
		TEST(drops_what_any_connection_field_names),
		TEST(an_empty_path_ahead_of_a_query_is_a_slash),
		TEST(passes_over_an_upgrade_of_http_1_0),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
