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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
