/* Bodies and tunnels that may move only so fast, through the whole proxy, played in memory. */
#include "proxy/pace.h"

#include "proxy/through1_test.h"

enum { GRANT = 4, EACH_MS = 100 };

/* Four octets at once, then four each 100 ms. */
struct slow {
	struct proxy_pace pace; /* first */
	uint64_t next_ms[2];
	size_t given_back[2];
};

static struct slow slow;

static size_t ask(struct proxy_pace *p, enum proxy_pace_direction way, uint64_t now_ms,
		  uint32_t *ret_wait_ms)
{
	struct slow *s = (struct slow *)p;
	uint64_t at = s->next_ms[way] > now_ms ? s->next_ms[way] : now_ms;
	*ret_wait_ms = (uint32_t)(at - now_ms);
	s->next_ms[way] = at + EACH_MS;
	return GRANT;
}

static void give_back(struct proxy_pace *p, enum proxy_pace_direction way, size_t left)
{
	((struct slow *)p)->given_back[way] += left;
}

static void request(void *arg, struct proxy_exchange *x, struct proxy_verdict *ret)
{
	slow = (struct slow){.pace = {.ask = ask, .give_back = give_back}};
	proxy_exchange_pace(x, &slow.pace);
	through_face.request(arg, x, ret);
}

static struct proxy_face face;

static int slow_up(void **state)
{
	struct through *t;
	(void)set_up(state);
	t = *state;
	face = through_face;
	face.request = request;
	t->w.face = &face;
	return 0;
}

#define SLOW_TEST(name) cmocka_unit_test_setup_teardown(name, slow_up, tear_down)

/* What m has got since, after so long. */
static void receives(struct through *t, struct memory *m, uint64_t ms, const char *text)
{
	if (ms)
		through_wait(t, ms);
	assert_string_equal(memory_take(m), text);
}

static void an_answer_comes_little_by_little(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, GET);
	(void)memory_take(t->backs[0]);
	memory_text(t, t->backs[0], "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789");
	receives(t, t->client, 0, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123");
	receives(t, t->client, EACH_MS / 2, "");
	receives(t, t->client, EACH_MS / 2, "4567");
	assert_int_equal(t->dones, 0);
	receives(t, t->client, EACH_MS, "89");
	assert_int_equal(t->dones, 1);
	assert_int_equal(t->done_cause, PROXY_FINE);
	/* Half of the last grant was not used. */
	assert_int_equal(slow.given_back[PROXY_PACE_DOWN], 2);
	assert_false(t->client->closed);
}

static void chunks_keep_their_trailers(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, "GET /a HTTP/1.1\r\nHost: h\r\nTE: trailers\r\n\r\n");
	memory_text(t, t->backs[0],
		    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "6\r\nabcdef\r\n0\r\nT: 1\r\n\r\n");
	receives(t, t->client, 0,
		 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n");
	receives(t, t->client, EACH_MS + 20, "2\r\nef\r\n0\r\nT: 1\r\n\r\n");
	assert_int_equal(t->done_cause, PROXY_FINE);
	assert_int_equal(t->dones, 1);
}

static void an_answer_of_our_own_too(void **state)
{
	struct through *t = *state;
	t->verdict = (struct proxy_verdict){.kind = PROXY_ANSWER, .answer = span_text("012345")};
	t->verdict_set = true;
	t->response_status = 403;
	memory_text(t, t->client, GET);
	contains(memory_take(t->client), "\r\n\r\n0123");
	receives(t, t->client, EACH_MS + 20, "45");
	assert_int_equal(t->dones, 1);
}

#define PUT10 "PUT /p HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n"

static void a_request_that_came_at_once_goes_little_by_little(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, PUT10 "0123456789");
	receives(t, t->backs[0], 0, PUT10 "0123");
	receives(t, t->backs[0], EACH_MS + 20, "4567");
	receives(t, t->backs[0], EACH_MS, "89");
	memory_text(t, t->backs[0], OK5);
	contains(memory_take(t->client), "\r\n\r\nhell");
	receives(t, t->client, EACH_MS + 20, "o");
	assert_int_equal(t->done_cause, PROXY_FINE);
	assert_int_equal(t->dones, 1);
}

static void a_request_that_comes_in_parts_too(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, PUT10);
	receives(t, t->backs[0], 0, PUT10);
	memory_text(t, t->client, "01234567");
	receives(t, t->backs[0], 0, "0123");
	memory_text(t, t->client, "89");
	receives(t, t->backs[0], EACH_MS + 20, "4567");
	receives(t, t->backs[0], EACH_MS, "89");
	memory_text(t, t->backs[0], OK5);
	(void)memory_take(t->client);
	receives(t, t->client, EACH_MS + 20, "o");
	assert_int_equal(t->dones, 1);
}

static void nobody_is_late_who_is_made_to_wait(void **state)
{
	struct through *t = *state;
	t->limits.client_read_ms = t->limits.client_body_ms = t->limits.back_body_ms = EACH_MS / 2;
	memory_text(t, t->client, PUT10 "0123456789");
	receives(t, t->backs[0], 2 * EACH_MS + 40, PUT10 "0123456789");
	memory_text(t, t->backs[0], OK5);
	(void)memory_take(t->client);
	receives(t, t->client, EACH_MS + 20, "o");
	assert_int_equal(t->done_cause, PROXY_FINE);
	/* And who takes nothing in his time still is. */
	memory_text(t, t->client, GET);
	t->client->window = 0;
	memory_text(t, t->backs[0], OK5);
	through_wait(t, 4 * EACH_MS);
	assert_int_equal(t->done_cause, PROXY_CLIENT_READ_TIME);
}

static void what_a_client_that_goes_away_waited_for_is_given_back(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, GET);
	memory_text(t, t->backs[0], OK5);
	memory_reset(t, t->client);
	assert_int_equal(t->dones, 1);
	assert_int_equal(slow.given_back[PROXY_PACE_DOWN], GRANT);
	through_wait(t, 3 * EACH_MS); /* nothing of it is left in the wheel */
}

static void a_back_that_fails_while_its_request_waits(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, PUT10 "0123456789");
	memory_reset(t, t->backs[0]);
	through_wait(t, 3 * EACH_MS);
	assert_true(t->dones || t->backs_n > 1);
}

static void a_tunnel_both_ways(void **state)
{
	struct through *t = *state;
	t->hops[0].protocol = PROXY_RAW;
	t->verdict = (struct proxy_verdict){.kind = PROXY_TUNNEL};
	t->verdict_set = true;
	memory_text(t, t->client, "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n");
	contains(memory_take(t->client), "HTTP/1.1 200 ");
	memory_text(t, t->client, "0123456789");
	memory_text(t, t->backs[0], "abcdef");
	receives(t, t->backs[0], 0, "0123");
	receives(t, t->client, 0, "abcd");
	through_wait(t, EACH_MS + 20);
	receives(t, t->backs[0], 0, "4567");
	receives(t, t->client, 0, "ef");
	receives(t, t->backs[0], EACH_MS, "89");
	memory_end(t, t->client);
	memory_end(t, t->backs[0]);
	through_wait(t, 2 * EACH_MS);
	assert_int_equal(t->dones, 1);
	assert_int_equal(t->done_cause, PROXY_FINE);
}

static void what_is_granted_is_asked_for_anew(void **state)
{
	struct through *t = *state;
	t->hops[0].protocol = PROXY_RAW;
	t->verdict = (struct proxy_verdict){.kind = PROXY_TUNNEL};
	t->verdict_set = true;
	memory_text(t, t->client, "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n");
	contains(memory_take(t->client), "HTTP/1.1 200 ");
	memory_text(t, t->client, "01");
	memory_text(t, t->backs[0], "abcdefgh");
	receives(t, t->backs[0], 0, "01");
	receives(t, t->client, 0, "abcd");
	/* By other terms, of which it has used nothing. */
	slow.next_ms[0] = slow.next_ms[1] = 0;
	proxy_pace_anew(&slow.pace);
	assert_int_equal(slow.given_back[PROXY_PACE_UP], GRANT - 2);
	/* What was granted for later is not what it waits for. */
	assert_int_equal(slow.given_back[PROXY_PACE_DOWN], GRANT);
	receives(t, t->client, EACH_MS / 4, "efgh");
	memory_text(t, t->client, "2345");
	receives(t, t->backs[0], 0, "2345");
	memory_end(t, t->client);
	memory_end(t, t->backs[0]);
	assert_int_equal(t->done_cause, PROXY_FINE);
}

/* ---- no more than so many ---- */

/* As fast as they can, and counted. */
struct bounded {
	struct proxy_pace pace; /* first */
	uint64_t room, counted[2];
};

static struct bounded bounded;

static size_t ask_any(struct proxy_pace *p, enum proxy_pace_direction way, uint64_t now_ms,
		      uint32_t *ret_wait_ms)
{
	(void)p;
	(void)way;
	(void)now_ms;
	*ret_wait_ms = 0;
	return SIZE_MAX;
}

static uint64_t room(struct proxy_pace *p, enum proxy_pace_direction way)
{
	const struct bounded *b = (struct bounded *)p;
	uint64_t used = b->counted[0] + b->counted[1];
	(void)way;
	return used < b->room ? b->room - used : 0;
}

static void count(struct proxy_pace *p, enum proxy_pace_direction way, size_t n)
{
	((struct bounded *)p)->counted[way] += n;
}

static void bounded_request(void *arg, struct proxy_exchange *x, struct proxy_verdict *ret)
{
	bounded.pace = (struct proxy_pace){
		.ask = ask_any, .give_back = give_back, .room = room, .count = count};
	bounded.counted[0] = bounded.counted[1] = 0;
	proxy_exchange_pace(x, &bounded.pace);
	through_face.request(arg, x, ret);
}

static void bounded_error(void *arg, struct proxy_exchange *x, struct proxy_verdict *ret)
{
	(void)arg;
	(void)ret;
	proxy_pace_stop(x->pace);
}

static int bounded_up(void **state)
{
	struct through *t;
	(void)set_up(state);
	t = *state;
	face = through_face;
	face.request = bounded_request;
	face.error = bounded_error;
	t->w.face = &face;
	bounded.room = 7;
	return 0;
}

#define BOUNDED_TEST(name) cmocka_unit_test_setup_teardown(name, bounded_up, tear_down)

static void counted(uint64_t up, uint64_t down)
{
	assert_int_equal(bounded.counted[PROXY_PACE_UP], up);
	assert_int_equal(bounded.counted[PROXY_PACE_DOWN], down);
}

static void an_answer_ends_where_there_is_no_more(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, GET);
	memory_text(t, t->backs[0], "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789");
	receives(t, t->client, 0, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456");
	assert_true(t->client->closed);
	assert_int_equal(t->dones, 1);
	assert_int_equal(t->done_cause, PROXY_QUOTA);
	counted(0, 7);
}

static void what_fits_to_the_last_octet_is_whole(void **state)
{
	struct through *t = *state;
	bounded.room = 5;
	memory_text(t, t->client, GET);
	memory_text(t, t->backs[0], OK5);
	contains(memory_take(t->client), "\r\n\r\nhello");
	assert_false(t->client->closed);
	assert_int_equal(t->done_cause, PROXY_FINE);
	counted(0, 5);
}

static void a_request_that_is_too_long_is_told_why(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, PUT10);
	memory_text(t, t->client, "01234567");
	receives(t, t->backs[0], 0, PUT10 "0123456");
	contains(memory_take(t->client), "HTTP/1.1 429 ");
	assert_int_equal(t->dones, 1);
	assert_int_equal(t->done_cause, PROXY_QUOTA);
	counted(7, 0);
}

static void all_of_a_request_counts(void **state)
{
	struct through *t = *state;
	bounded.room = 1000;
	memory_text(t, t->client, PUT10 "0123456789");
	memory_text(t, t->backs[0], OK_CHUNKED);
	assert_int_equal(t->dones, 1);
	counted(10, 3);
}

static void begin_tunnel(struct through *t)
{
	t->hops[0].protocol = PROXY_RAW;
	t->verdict = (struct proxy_verdict){.kind = PROXY_TUNNEL};
	t->verdict_set = true;
	/* What comes with the head goes ahead of all else, and counts. */
	memory_text(t, t->client, "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\nab");
	contains(memory_take(t->client), "HTTP/1.1 200 ");
	receives(t, t->backs[0], 0, "ab");
	counted(2, 0);
}

static void a_tunnel_is_cut_from_either_side(void **state)
{
	struct through *t = *state;
	begin_tunnel(t);
	memory_text(t, t->backs[0], "012");
	receives(t, t->client, 0, "012");
	counted(2, 3);
	memory_text(t, t->client, "cdefg");
	receives(t, t->backs[0], 0, "cd");
	assert_true(t->client->closed && t->backs[0]->closed);
	assert_int_equal(t->done_cause, PROXY_QUOTA);
	counted(4, 3);
}

static void a_tunnel_that_ends_in_time_is_not_cut(void **state)
{
	struct through *t = *state;
	begin_tunnel(t);
	memory_text(t, t->backs[0], "0123");
	memory_end(t, t->backs[0]);
	memory_end(t, t->client);
	receives(t, t->client, 0, "0123");
	assert_int_equal(t->dones, 1);
	assert_int_equal(t->done_cause, PROXY_FINE);
	counted(2, 4);
}

static void a_tunnel_that_runs_without_gets_it(void **state)
{
	struct through *t = *state;
	face.request = through_face.request;
	t->hops[0].protocol = PROXY_RAW;
	t->verdict = (struct proxy_verdict){.kind = PROXY_TUNNEL};
	t->verdict_set = true;
	memory_text(t, t->client, "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n");
	contains(memory_take(t->client), "HTTP/1.1 200 ");
	memory_text(t, t->backs[0], "0123456789");
	receives(t, t->client, 0, "0123456789");
	bounded.pace = (struct proxy_pace){
		.ask = ask_any, .give_back = give_back, .room = room, .count = count};
	bounded.counted[0] = bounded.counted[1] = 0;
	proxy_exchange_pace(t->x, &bounded.pace);
	memory_text(t, t->backs[0], "abcd");
	receives(t, t->client, 0, "abcd");
	counted(0, 4);
	memory_text(t, t->backs[0], "efgh");
	receives(t, t->client, 0, "efg");
	assert_true(t->client->closed);
	assert_int_equal(t->done_cause, PROXY_QUOTA);
}

/* ---- what waits for who reads late ---- */

/* A tunnel of a client that has not got what was written to him; all that it may is let through. */
static void cut_late(struct through *t)
{
	begin_tunnel(t);
	t->client->queued = true;
	memory_text(t, t->backs[0], "0123456789");
	receives(t, t->client, 0, "01234");
	counted(2, 5);
	assert_int_equal(t->dones, 1);
	assert_int_equal(t->done_cause, PROXY_QUOTA);
	assert_int_equal(t->sent_bytes, 5);
	assert_true(t->backs[0]->closed && t->backs[0]->aborted);
	assert_false(t->client->closed);
}

static void the_clients_reset_waits_for_what_is_on_its_way(void **state)
{
	struct through *t = *state;
	cut_late(t);
	/* What he sends meanwhile goes nowhere, and he is not held up by it. */
	memory_text(t, t->client, "cd");
	assert_int_equal(t->client->in_start, t->client->in_end);
	through_wait(t, 1000);
	memory_end(t, t->client);
	through_wait(t, 1000);
	assert_false(t->client->closed);
	assert_int_equal(t->disconnected, 0);
	t->client->queued = false;
	through_wait(t, 100);
	assert_true(t->client->closed && t->client->aborted);
	assert_int_equal(t->disconnected, 1);
}

static void but_not_for_ever(void **state)
{
	struct through *t = *state;
	cut_late(t);
	through_wait(t, 9900);
	assert_false(t->client->closed);
	through_wait(t, 200);
	assert_true(t->client->closed && t->client->aborted);
}

static void nor_for_who_goes_meanwhile(void **state)
{
	struct through *t = *state;
	cut_late(t);
	memory_reset(t, t->client);
	assert_true(t->client->closed);
}

static void nor_longer_than_the_worker(void **state)
{
	struct through *t = *state;
	cut_late(t);
	proxy_front1_end_all(&t->w);
	assert_true(t->client->closed && t->client->aborted);
}

/* There a length says that it is not all. */
static void an_answer_waits_and_ends_in_order(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, GET);
	t->client->queued = true;
	memory_text(t, t->backs[0], "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789");
	receives(t, t->client, 0, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456");
	assert_int_equal(t->dones, 1);
	assert_false(t->client->closed);
	t->client->queued = false;
	through_wait(t, 100);
	assert_true(t->client->closed && !t->client->aborted);
}

/* Until the connection closes is all that the client knows. */
static void an_answer_without_a_length_is_reset_behind_it(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, "GET /a HTTP/1.0\r\nHost: h\r\n\r\n");
	t->client->queued = true;
	memory_text(t, t->backs[0],
		    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n");
	contains(memory_take(t->client), "\r\n\r\n0123456");
	counted(0, 7);
	assert_false(t->client->closed);
	t->client->queued = false;
	through_wait(t, 100);
	assert_true(t->client->closed && t->client->aborted);
}

/* Of a tunnel whose bytes are not relayed, as the client did not take the answer's head at once. */
static void what_a_server_said_before_it_went_arrives(void **state)
{
	struct through *t = *state;
	bounded.room = 1000;
	t->hops[0].protocol = PROXY_RAW;
	t->verdict = (struct proxy_verdict){.kind = PROXY_TUNNEL};
	t->verdict_set = true;
	t->client->window = 5;
	memory_text(t, t->client, "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n");
	memory_open(t, t->client, SIZE_MAX);
	contains(memory_take(t->client), "HTTP/1.1 200 ");
	assert_null(t->x->relay);
	t->client->queued = true;
	memory_text(t, t->backs[0], "01234");
	receives(t, t->client, 0, "01234");
	memory_reset(t, t->backs[0]);
	assert_int_equal(t->dones, 1);
	through_wait(t, 1000);
	assert_false(t->client->closed);
	t->client->queued = false;
	through_wait(t, 100);
	assert_true(t->client->closed && t->client->aborted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SLOW_TEST(an_answer_comes_little_by_little),
		SLOW_TEST(chunks_keep_their_trailers),
		SLOW_TEST(an_answer_of_our_own_too),
		SLOW_TEST(a_request_that_came_at_once_goes_little_by_little),
		SLOW_TEST(a_request_that_comes_in_parts_too),
		SLOW_TEST(nobody_is_late_who_is_made_to_wait),
		SLOW_TEST(what_a_client_that_goes_away_waited_for_is_given_back),
		SLOW_TEST(a_back_that_fails_while_its_request_waits),
		SLOW_TEST(a_tunnel_both_ways),
		SLOW_TEST(what_is_granted_is_asked_for_anew),
		BOUNDED_TEST(an_answer_ends_where_there_is_no_more),
		BOUNDED_TEST(what_fits_to_the_last_octet_is_whole),
		BOUNDED_TEST(a_request_that_is_too_long_is_told_why),
		BOUNDED_TEST(all_of_a_request_counts),
		BOUNDED_TEST(a_tunnel_is_cut_from_either_side),
		BOUNDED_TEST(a_tunnel_that_ends_in_time_is_not_cut),
		BOUNDED_TEST(a_tunnel_that_runs_without_gets_it),
		BOUNDED_TEST(the_clients_reset_waits_for_what_is_on_its_way),
		BOUNDED_TEST(but_not_for_ever),
		BOUNDED_TEST(nor_for_who_goes_meanwhile),
		BOUNDED_TEST(nor_longer_than_the_worker),
		BOUNDED_TEST(an_answer_waits_and_ends_in_order),
		BOUNDED_TEST(an_answer_without_a_length_is_reset_behind_it),
		BOUNDED_TEST(what_a_server_said_before_it_went_arrives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
