/* What HTTP/1 composes in one turn leaves at its end, all in one: for many connections, once, and
 * as if it had been written at once for whoever ends, breaks or waits meanwhile. */
#include "proxy/exchange.h"
#include "proxy/through1_test.h"

#define SENT   "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
#define HEAD4K "HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n"

enum { CLIENTS = 5, LIMIT = 4096 };

/* One more beside t->client. */
static struct memory *client(struct through *t)
{
	struct proxy_connection c = {.worker = &t->w};
	struct memory *m = memory_new();
	proxy_entry_new(&t->w, &m->t, &c, &t->admission);
	through_turn(t);
	return m;
}

static void bye(struct through *t, struct memory *m)
{
	memory_reset(t, m);
	assert_true(m->closed);
	memory_free(m);
}

static void all_of_a_turn_leaves_at_its_end(void **state)
{
	struct through *t = *state;
	struct memory *clients[CLIENTS];
	for (size_t i = 0; i < CLIENTS; i++)
		clients[i] = client(t);
	t->turn_open = true;
	for (size_t i = 0; i < CLIENTS; i++)
		memory_text(t, clients[i], GET);
	assert_int_equal(t->backs_n, CLIENTS);
	for (size_t i = 0; i < CLIENTS; i++)
		assert_int_equal(t->backs[i]->out_end, 0);
	through_turn_end(t);
	assert_int_equal(t->bursts, 1);
	assert_int_equal(t->burst_n, CLIENTS);
	for (size_t i = 0; i < CLIENTS; i++)
		assert_string_equal(memory_take(t->backs[i]), SENT);
	t->turn_open = true;
	for (size_t i = 0; i < CLIENTS; i++)
		memory_text(t, t->backs[i], OK5);
	assert_int_equal(t->dones, 0);
	assert_int_equal(t->hops[0].idle_n + t->hops[1].idle_n, CLIENTS);
	through_turn_end(t);
	assert_int_equal(t->bursts, 2);
	assert_int_equal(t->burst_n, CLIENTS);
	assert_int_equal(t->dones, CLIENTS);
	assert_int_equal(t->done_cause, PROXY_FINE);
	assert_int_equal(t->sent_bytes, 5);
	for (size_t i = 0; i < CLIENTS; i++) {
		assert_int_equal(clients[i]->writes, 1);
		assert_string_equal(memory_take(clients[i]), OK5);
		bye(t, clients[i]);
	}
}

static void nothing_waits_where_no_turn_ends(void **state)
{
	struct through *t = *state;
	t->w.sends.open = false;
	t->turn_open = true;
	memory_text(t, t->client, GET);
	assert_string_equal(memory_take(t->backs[0]), SENT);
	memory_text(t, t->backs[0], OK5);
	assert_string_equal(memory_take(t->client), OK5);
	assert_int_equal(t->dones, 1);
	assert_int_equal(t->sent, 0);
	through_turn_end(t);
}

static void nothing_waits_where_buffers_are_few(void **state)
{
	struct through *t = *state;
	t->w.buffers.max = 3;
	t->turn_open = true;
	memory_text(t, t->client, GET);
	assert_string_equal(memory_take(t->backs[0]), SENT);
	through_turn_end(t);
	assert_int_equal(t->sent, 0);
}

static void a_long_body_is_not_copied(void **state)
{
	struct through *t = *state;
	static char body[LIMIT + 2];
	memset(body, 'b', LIMIT + 1);
	for (size_t more = 0; more < 2; more++) {
		char head[100];
		(void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
			       LIMIT + more);
		memory_text(t, t->client, GET);
		memory_text(t, t->backs[0], head);
		assert_string_equal(memory_take(t->client), head);
		t->turn_open = true;
		t->sent = 0;
		memory_text(t, t->backs[0], body + 1 - more);
		assert_int_equal(t->client->out_end, more ? LIMIT + 1 : 0);
		through_turn_end(t);
		assert_int_equal(t->sent, 1 - more);
		assert_memory_equal(memory_take(t->client), body, LIMIT + more);
	}
	assert_int_equal(t->dones, 2);
}

static void of_any_framing(void **state)
{
	struct through *t = *state;
	static const char *const answers[] = {
		OK_CHUNKED,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"HTTP/1.1 304 Not Modified\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	};
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
		memory_text(t, t->client, "GET /a HTTP/1.1\r\nHost: h\r\nTE: trailers\r\n\r\n");
		(void)memory_take(t->backs[0]);
		t->turn_open = true;
		t->sent = 0;
		memory_text(t, t->backs[0], answers[i]);
		if (i > 1) /* what is behind the last chunk may be more than its end */
			assert_int_equal(t->client->out_end, 0);
		through_turn_end(t);
		assert_int_equal(t->sent, 1);
		assert_string_equal(memory_take(t->client), answers[i]);
		assert_int_equal(t->dones, i + 1);
	}
}

static void a_request_with_its_body_is_one_write(void **state)
{
	struct through *t = *state;
	static const char put[] = "PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
	t->turn_open = true;
	memory_text(t, t->client, put);
	assert_int_equal(t->backs[0]->out_end, 0);
	through_turn_end(t);
	assert_int_equal(t->backs[0]->writes, 1);
	assert_string_equal(memory_take(t->backs[0]), put);
}

static void the_end_of_the_connection_follows_the_answer(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, "GET /a HTTP/1.0\r\nHost: h\r\n\r\n");
	t->turn_open = true;
	memory_text(t, t->backs[0], OK5);
	assert_false(t->client->finished);
	through_turn_end(t);
	assert_true(t->client->finished);
	contains(memory_take(t->client), "\r\n\r\nhello");
}

static void an_interim_answer_and_the_final_one_in_one_turn(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, GET);
	t->turn_open = true;
	memory_text(t, t->backs[0], "HTTP/1.1 103 Early Hints\r\n\r\n");
	memory_text(t, t->backs[0], OK5);
	through_turn_end(t);
	assert_string_equal(memory_take(t->client), "HTTP/1.1 103 Early Hints\r\n\r\n" OK5);
	assert_int_equal(t->dones, 1);
}

static void an_interim_answer_that_waits_is_followed_by_the_final_one(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, GET);
	memory_text(t, t->backs[0], OK5);
	memory_text(t, t->client, GET);
	(void)memory_take(t->client);
	t->turn_open = true;
	memory_text(t, t->backs[0], "HTTP/1.1 103 Early Hints\r\n\r\n");
	memory_text(t, t->backs[0], OK5);
	through_turn_end(t);
	assert_string_equal(memory_take(t->client), "HTTP/1.1 103 Early Hints\r\n\r\n" OK5);
	assert_int_equal(t->dones, 2);
}

static void a_body_that_was_asked_for_waits_as_well(void **state)
{
	struct through *t = *state;
	t->turn_open = true;
	memory_text(t, t->client,
		    "PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n"
		    "Expect: 100-continue\r\n\r\n");
	/* Nobody knows whether its body comes in this turn. */
	contains(memory_take(t->backs[0]), "100-continue\r\n");
	through_turn_end(t);
	memory_text(t, t->backs[0], "HTTP/1.1 100 Continue\r\n\r\n");
	assert_string_equal(memory_take(t->client), "HTTP/1.1 100 Continue\r\n\r\n");
	t->turn_open = true;
	memory_text(t, t->client, "abc");
	assert_int_equal(t->backs[0]->out_end, 0);
	through_turn_end(t);
	assert_string_equal(memory_take(t->backs[0]), "abc");
}

static void an_upgrade_does_not_wait(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client,
		    "GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
	t->turn_open = true;
	memory_text(t, t->backs[0],
		    "HTTP/1.1 101 Yes\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nfirst");
	contains(memory_take(t->client), "HTTP/1.1 101 ");
	through_turn_end(t);
	memory_text(t, t->client, "words");
	contains(memory_take(t->backs[0]), "words");
}

/* ---- who is gone meanwhile ---- */

static void a_client_that_is_gone_is_not_written_to(void **state)
{
	struct through *t = *state;
	struct memory *other = client(t);
	memory_text(t, t->client, GET);
	memory_text(t, other, GET);
	t->turn_open = true;
	memory_text(t, t->backs[0], OK5);
	memory_text(t, t->backs[1], OK5);
	memory_reset(t, t->client);
	assert_true(t->client->closed);
	assert_int_equal(t->dones, 1);
	assert_int_equal(t->done_cause, PROXY_CLIENT_GONE);
	assert_int_equal(t->sent_bytes, 0);
	through_turn_end(t);
	assert_int_equal(t->client->out_end, 0);
	assert_int_equal(t->burst_n, 1);
	assert_string_equal(memory_take(other), OK5);
	assert_int_equal(t->done_cause, PROXY_FINE);
	bye(t, other);
}

static void a_request_of_a_client_that_is_gone_is_not_sent(void **state)
{
	struct through *t = *state;
	t->turn_open = true;
	memory_text(t, t->client, GET);
	memory_reset(t, t->client);
	through_turn_end(t);
	assert_int_equal(t->backs_n, 1);
	assert_int_equal(t->backs[0]->out_end, 0);
	assert_true(t->backs[0]->closed);
	assert_int_equal(t->done_cause, PROXY_CLIENT_GONE);
	assert_int_equal(t->bursts, 0);
}

static void an_answer_that_is_cut_while_it_waits_is_torn(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, GET);
	t->turn_open = true;
	memory_text(t, t->backs[0], OK5);
	proxy_exchange_end(t->x, PROXY_DRAINED);
	assert_int_equal(t->sent_bytes, 0);
	through_turn_end(t);
	assert_int_equal(t->client->out_end, 0);
	assert_true(t->client->aborted);
	assert_int_equal(t->dones, 1);
	assert_int_equal(t->done_cause, PROXY_DRAINED);
}

static void what_a_quota_let_through_leaves(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, GET);
	t->turn_open = true;
	memory_text(t, t->backs[0], OK5);
	proxy_exchange_end(t->x, PROXY_QUOTA);
	through_turn_end(t);
	assert_string_equal(memory_take(t->client), OK5);
	assert_int_equal(t->sent_bytes, 5);
	assert_true(t->client->closed || t->client->finished);
}

static void a_client_that_was_gone_is_found_so_at_the_end(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, GET);
	t->client->gone = true;
	t->turn_open = true;
	memory_text(t, t->backs[0], OK5);
	assert_int_equal(t->dones, 0);
	through_turn_end(t);
	assert_int_equal(t->dones, 1);
	assert_int_equal(t->done_cause, PROXY_CLIENT_GONE);
	assert_int_equal(t->sent_bytes, 0);
	assert_true(t->client->closed);
}

static void a_kept_connection_that_was_gone_is_not_the_end(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, GET);
	memory_text(t, t->backs[0], OK5);
	(void)memory_take(t->client);
	/* Nobody has told, and writing finds out; or it is told in the turn in which it is taken.
	 */
	for (size_t told = 0; told < 2; told++) {
		struct memory *kept = t->backs[told];
		t->turn_open = true;
		memory_text(t, t->client, GET);
		if (told)
			memory_end(t, kept);
		else
			kept->gone = true;
		kept->t.ready |= PROXY_CAN_READ;
		through_turn_end(t);
		assert_int_equal(t->backs_n, told + 2);
		assert_true(kept->closed);
		assert_string_equal(memory_take(t->backs[told + 1]), SENT);
		memory_text(t, t->backs[told + 1], OK5);
		assert_string_equal(memory_take(t->client), OK5);
		assert_int_equal(t->done_cause, PROXY_FINE);
		assert_int_equal(proxy_count_get(&t->w.counts, PROXY_COUNT_RETRIES), told + 1);
	}
}

static void a_server_that_speaks_before_it_is_asked_is_not_kept(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, GET);
	memory_text(t, t->backs[0], OK5);
	t->turn_open = true;
	memory_text(t, t->client, GET);
	memory_text(t, t->backs[0], OK5);
	through_turn_end(t);
	assert_int_equal(t->dones, 2);
	assert_true(t->backs[0]->closed);
	assert_int_equal(t->hops[0].idle_n + t->hops[1].idle_n, 0);
}

/* ---- who waits ---- */

static void a_short_write_goes_on_when_there_is_room(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, GET);
	t->client->window = 10;
	t->turn_open = true;
	memory_text(t, t->backs[0], OK5);
	through_turn_end(t);
	assert_int_equal(t->client->out_end, 10);
	assert_int_equal(t->dones, 0);
	memory_open(t, t->client, strlen(OK5) - 12);
	assert_int_equal(t->dones, 0);
	t->sent = 0;
	t->turn_open = true; /* what has begun to leave waits for no end of a turn */
	memory_open(t, t->client, SIZE_MAX);
	assert_int_equal(t->dones, 1);
	through_turn_end(t);
	assert_int_equal(t->sent, 0);
	assert_string_equal(memory_take(t->client), OK5);
	/* And one that breaks in its middle has sent as much as left. */
	memory_text(t, t->client, GET);
	t->client->window = strlen(OK5) - 3;
	memory_text(t, t->backs[0], OK5);
	memory_reset(t, t->client);
	assert_int_equal(t->done_cause, PROXY_CLIENT_GONE);
	assert_int_equal(t->sent_bytes, 2);
}

static void a_slow_server_gets_its_request(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, GET);
	memory_text(t, t->backs[0], OK5);
	(void)memory_take(t->backs[0]);
	t->backs[0]->window = 7;
	memory_text(t, t->client, GET);
	assert_int_equal(t->backs[0]->out_end, 7);
	memory_open(t, t->backs[0], SIZE_MAX);
	assert_string_equal(memory_take(t->backs[0]), SENT);
	memory_text(t, t->backs[0], OK5);
	assert_int_equal(t->dones, 2);
}

static void room_that_is_told_while_it_waits_sends(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, GET);
	t->turn_open = true;
	memory_text(t, t->backs[0], OK5);
	memory_open(t, t->client, SIZE_MAX);
	assert_int_equal(t->dones, 1);
	through_turn_end(t);
	assert_int_equal(t->sent, 1); /* the request */
	assert_string_equal(memory_take(t->client), OK5);
}

static void a_late_client_is_not_late_with_what_it_is_sent_now(void **state)
{
	struct through *t = *state;
	t->limits.whole_ms = 1000;
	memory_text(t, t->client, GET);
	t->w.now_ms += 1500;
	t->w.now_us = t->w.now_ms * 1000;
	t->turn_open = true;
	memory_text(t, t->backs[0], OK5);
	through_turn_end(t);
	assert_int_equal(t->done_cause, PROXY_FINE);
	assert_string_equal(memory_take(t->client), OK5);
}

static void requests_one_behind_the_other_are_answered_in_one_turn(void **state)
{
	struct through *t = *state;
	t->turn_open = true;
	memory_text(t, t->client, GET GET GET);
	through_turn_end(t);
	assert_int_equal(t->requests, 1);
	for (unsigned i = 1; i <= 3; i++) {
		t->turn_open = true;
		memory_text(t, t->backs[0], OK5);
		assert_int_equal(t->dones, i - 1);
		through_turn_end(t); /* the next request, too */
		assert_int_equal(t->dones, i);
	}
	assert_int_equal(t->backs_n, 1);
	assert_string_equal(memory_take(t->client), OK5 OK5 OK5);
	assert_string_equal(memory_take(t->backs[0]), SENT SENT SENT);
}

static void more_than_the_list_takes_goes_at_once(void **state)
{
	struct through *t = *state;
	enum { MANY = PROXY_SENDS_MAX + 70 };
	static char all[MANY * sizeof(GET)];
	t->verdict_set = true;
	t->verdict = (struct proxy_verdict){.kind = PROXY_ANSWER, .answer = span_text("own")};
	t->response_status = 200;
	for (size_t i = 0; i < MANY; i++)
		memcpy(all + i * strlen(GET), GET, sizeof(GET));
	t->turn_open = true;
	memory_text(t, t->client, all);
	assert_int_equal(t->dones, 0);
	through_turn_end(t);
	assert_int_equal(t->dones, MANY);
	assert_in_range(t->sent, PROXY_SENDS_MAX, MANY - 1);
	size_t n = 0;
	for (const char *at = memory_take(t->client); (at = strstr(at, "own")); at++)
		n++;
	assert_int_equal(n, MANY);
}

/* ---- the list ---- */

struct told {
	struct proxy_send s; /* first */
	struct through *t;
	struct memory *m;
	struct told *leaves, *adds;
	size_t sent;
	enum err e;
	unsigned calls;
};

static void put(struct told *l)
{
	assert_true(proxy_sends_take(&l->t->w.sends));
	proxy_sends_add(&l->t->w.sends, &l->s, &l->m->t, span_text("word"));
}

static void told(struct proxy_send *s, const struct proxy_sending *said)
{
	struct told *l = (struct told *)s;
	assert_ptr_equal(said->t, &l->m->t);
	assert_int_equal(s->at, 0);
	l->sent = said->sent;
	l->e = said->e;
	l->calls++;
	if (l->leaves)
		proxy_sends_leave(&l->t->w.sends, &l->leaves->s);
	if (l->adds)
		put(TAKE(l->adds));
}

static void each_is_told_once_what_became_of_it(void **state)
{
	struct through *t = *state;
	struct told l[6];
	for (size_t i = 0; i < 6; i++) {
		l[i] = (struct told){.s.call = told, .t = t, .m = memory_new()};
		if (i != 4)
			put(&l[i]);
	}
	proxy_sends_leave(&t->w.sends, &l[0].s); /* before */
	proxy_sends_leave(&t->w.sends, &l[0].s);
	l[1].leaves = &l[3]; /* when both have been sent */
	l[2].m->window = 3;
	l[2].adds = &l[4];
	l[4].adds = &l[0];
	l[5].m->gone = true;
	proxy_sends_run(&t->w);
	static const unsigned calls[] = {1, 1, 1, 0, 1, 1};
	static const size_t sent[] = {4, 4, 3, 4, 4, 0};
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(l[i].calls, calls[i]);
		assert_int_equal(l[i].m->out_end, sent[i]);
		assert_int_equal(l[i].sent, calls[i] ? sent[i] : 0);
		assert_int_equal(l[i].e, i == 5 ? ERR_CLOSED : OK);
		memory_free(l[i].m);
	}
	assert_int_equal(t->bursts, 3);
	assert_int_equal(t->sent, 6);
	assert_int_equal(t->w.sends.n, 0);
	proxy_sends_run(&t->w);
	assert_int_equal(t->bursts, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_of_a_turn_leaves_at_its_end),
		TEST(nothing_waits_where_no_turn_ends),
		TEST(nothing_waits_where_buffers_are_few),
		TEST(a_long_body_is_not_copied),
		TEST(of_any_framing),
		TEST(a_request_with_its_body_is_one_write),
		TEST(the_end_of_the_connection_follows_the_answer),
		TEST(an_interim_answer_and_the_final_one_in_one_turn),
		TEST(an_interim_answer_that_waits_is_followed_by_the_final_one),
		TEST(a_body_that_was_asked_for_waits_as_well),
		TEST(an_upgrade_does_not_wait),
		TEST(a_client_that_is_gone_is_not_written_to),
		TEST(a_request_of_a_client_that_is_gone_is_not_sent),
		TEST(an_answer_that_is_cut_while_it_waits_is_torn),
		TEST(what_a_quota_let_through_leaves),
		TEST(a_client_that_was_gone_is_found_so_at_the_end),
		TEST(a_kept_connection_that_was_gone_is_not_the_end),
		TEST(a_server_that_speaks_before_it_is_asked_is_not_kept),
		TEST(a_short_write_goes_on_when_there_is_room),
		TEST(a_slow_server_gets_its_request),
		TEST(room_that_is_told_while_it_waits_sends),
		TEST(a_late_client_is_not_late_with_what_it_is_sent_now),
		TEST(requests_one_behind_the_other_are_answered_in_one_turn),
		TEST(more_than_the_list_takes_goes_at_once),
		TEST(each_is_told_once_what_became_of_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
