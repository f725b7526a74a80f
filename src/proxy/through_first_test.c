/* A tunnel's first bytes, looked at before the server gets them: by HTTP/1 and by SOCKS. */
#include "proxy/relay.h"
#include "proxy/through1_test.h"

#define CONNECT "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"

static void begin(struct through *t)
{
	t->verdict = (struct proxy_verdict){.kind = PROXY_TUNNEL, .first_bytes = true};
	t->verdict_set = true;
	t->hops[0].protocol = t->hops[1].protocol = PROXY_RAW;
	through_client(t);
}

static struct memory *tunnel(struct through *t)
{
	begin(t);
	memory_text(t, t->client, CONNECT);
	assert_non_null(t->x);
	contains(memory_take(t->client), "200");
	return t->backs[t->backs_n - 1];
}

static void refused(struct through *t, const struct memory *back)
{
	assert_int_equal(t->done_cause, PROXY_REFUSED);
	assert_true(t->client->closed && t->client->aborted);
	assert_true(back->closed && back->aborted);
	assert_int_equal(back->out_end, 0);
}

static void what_may_go_goes_and_nothing_behind_it_is_looked_at(void **state)
{
	struct through *t = *state;
	struct memory *back = tunnel(t);
	memory_text(t, t->client, "hello.");
	assert_string_equal(memory_take(back), "hello.");
	assert_non_null(t->x->relay);
	memory_text(t, t->client, "and! more");
	assert_string_equal(memory_take(back), "and! more");
	assert_int_equal(t->firsts, 1);
	memory_text(t, back, "fro");
	assert_string_equal(memory_take(t->client), "fro");
	memory_end(t, t->client);
	memory_end(t, back);
	assert_int_equal(t->done_cause, PROXY_FINE);
	assert_int_equal(t->dones, 1);
}

static void what_came_with_the_request_is_looked_at_too(void **state)
{
	struct through *t = *state;
	begin(t);
	memory_text(t, t->client, CONNECT "bad!");
	refused(t, t->backs[0]);
	begin(t);
	memory_text(t, t->client, CONNECT "good.");
	assert_string_equal(memory_take(t->backs[1]), "good.");
}

static void what_may_not_go_is_seen_by_nobody(void **state)
{
	struct through *t = *state;
	struct memory *back = tunnel(t);
	memory_text(t, t->client, "hel");
	memory_text(t, t->client, "lo");
	assert_int_equal(back->out_end, 0);
	memory_text(t, t->client, "!.");
	refused(t, back);
}

static void pieces_go_on_in_their_order(void **state)
{
	struct through *t = *state;
	struct memory *back = tunnel(t);
	for (const char *c = "one byte after another"; *c; c++)
		memory_send(t, t->client, span_of(c, 1));
	assert_int_equal(back->out_end, 0);
	assert_null(t->x->relay);
	memory_text(t, t->client, "., and the rest");
	assert_string_equal(memory_take(back), "one byte after another., and the rest");
	assert_non_null(t->x->relay);
}

static void who_speaks_first_is_not_waited_for(void **state)
{
	struct through *t = *state;
	struct memory *back = tunnel(t);
	memory_text(t, back, "220 ready\r\n");
	assert_string_equal(memory_take(t->client), "220 ready\r\n");
	memory_text(t, t->client, "HELO");
	memory_text(t, back, "more");
	assert_string_equal(memory_take(t->client), "more");
	assert_int_equal(back->out_end, 0);
	/* however long the client is silent */
	back = tunnel(t);
	through_wait(t, 5000);
	memory_text(t, t->client, "late!");
	refused(t, back);
}

static void fill(struct through *t, size_t n, size_t piece)
{
	static uint8_t bytes[PROXY_FIRST_MAX];
	memset(bytes, 'x', sizeof(bytes));
	for (size_t at = 0; at < n; at += piece)
		memory_send(t, t->client, span_of(bytes, n - at < piece ? n - at : piece));
}

static void more_than_a_buffer_is_kept_and_no_more_than_the_most(void **state)
{
	struct through *t = *state;
	static const size_t pieces[] = {1000, PROXY_BUFFER_SIZE, PROXY_FIRST_MAX};
	for (size_t i = 0; i < 3; i++) {
		struct memory *back = tunnel(t);
		fill(t, PROXY_FIRST_MAX - 1, pieces[i]);
		assert_int_equal(back->out_end, 0);
		memory_text(t, t->client, ".");
		assert_int_equal(t->first_len, PROXY_FIRST_MAX);
		assert_true(t->first_last);
		assert_int_equal(back->out_end, PROXY_FIRST_MAX);
		assert_int_equal(back->out[PROXY_FIRST_MAX - 1], '.');
		back = tunnel(t);
		fill(t, PROXY_FIRST_MAX, pieces[i]);
		assert_true(t->first_last);
		refused(t, back);
	}
}

static void a_server_that_takes_little_gets_all_of_it(void **state)
{
	struct through *t = *state;
	struct memory *back = tunnel(t);
	back->window = 0;
	fill(t, PROXY_FIRST_MAX - 1, 900);
	memory_text(t, t->client, ".");
	fill(t, 50000, 900);
	for (unsigned i = 0; i < 100; i++)
		memory_open(t, back, 1000);
	assert_int_equal(back->out_end, PROXY_FIRST_MAX + 50000);
	assert_int_equal(back->out[PROXY_FIRST_MAX - 1], '.');
	memory_end(t, t->client);
	assert_true(back->finished);
}

static void half_of_it_is_not_waited_for_without_end(void **state)
{
	struct through *t = *state;
	struct memory *back = tunnel(t);
	through_wait(t, 3000);
	memory_text(t, t->client, "hel");
	through_wait(t, 1000);
	memory_text(t, t->client, "lo"); /* who says a little now and then gains nothing */
	memory_text(t, back, "nor by the server");
	assert_false(t->client->closed);
	through_wait(t, 600);
	assert_true(t->first_last);
	refused(t, back);
}

static void an_end_in_the_middle_is_the_last_of_it(void **state)
{
	struct through *t = *state;
	struct memory *back = tunnel(t);
	memory_text(t, t->client, "hel");
	memory_end(t, t->client);
	assert_true(t->first_last);
	refused(t, back);
	back = tunnel(t);
	memory_text(t, t->client, "hel");
	t->client->in_eof = true;
	memory_text(t, t->client, "lo.");
	assert_string_equal(memory_take(back), "hello.");
	assert_true(back->finished);
	/* who says nothing at all has nothing to be judged by */
	unsigned before = t->firsts;
	back = tunnel(t);
	memory_end(t, t->client);
	assert_true(back->finished && t->firsts == before);
}

static void without_a_buffer_it_ends(void **state)
{
	struct through *t = *state;
	struct memory *back = tunnel(t);
	t->w.buffers.max = t->w.buffers.out + 1; /* for what is read, and none to keep it in */
	memory_text(t, t->client, "hel");
	t->w.buffers.max = 64;
	assert_int_equal(t->done_cause, PROXY_BUSY);
	assert_true(t->client->closed);
	assert_int_equal(back->out_end, 0);
}

static void socks_is_looked_at_alike(void **state)
{
	struct through *t = *state;
	static const char request[] = "\x05\x01\x00\x05\x01\x00\x03\x01h\x01\xbb";
	t->admission.socks_versions = PROXY_SOCKS_5;
	begin(t);
	memory_send(t, t->client, span_of(request, sizeof(request) - 1));
	memory_text(t, t->client, "bad!");
	refused(t, t->backs[0]);
	begin(t);
	memory_send(t, t->client, span_of(request, sizeof(request) - 1));
	memory_text(t, t->client, "good.");
	assert_string_equal(memory_take(t->backs[1]), "good.");
	assert_non_null(t->x->relay);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_may_go_goes_and_nothing_behind_it_is_looked_at),
		TEST(what_came_with_the_request_is_looked_at_too),
		TEST(what_may_not_go_is_seen_by_nobody),
		TEST(pieces_go_on_in_their_order),
		TEST(who_speaks_first_is_not_waited_for),
		TEST(more_than_a_buffer_is_kept_and_no_more_than_the_most),
		TEST(a_server_that_takes_little_gets_all_of_it),
		TEST(half_of_it_is_not_waited_for_without_end),
		TEST(an_end_in_the_middle_is_the_last_of_it),
		TEST(without_a_buffer_it_ends),
		TEST(socks_is_looked_at_alike),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
