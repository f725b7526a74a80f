/* HTTP/1 through the whole proxy where what comes is received ahead of its owner, alone or with
 * what others say in the same turn. */
#include "proxy/through1_script_test.h"

#include "proxy/relay.h"
#include "proxy/through1_test.h"
#include "test/random.h"

#define UPGRADE "GET /w HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: w\r\n\r\n"
#define SWITCH	"HTTP/1.1 101 S\r\nConnection: Upgrade\r\nUpgrade: w\r\n\r\n"
#define POST	"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n"
#define CLOSE	"HTTP/1.1 200 OK\r\n\r\nuntil the end"
#define INTERIM "HTTP/1.1 100 C\r\n\r\n"

static int set_up_ahead(void **state)
{
	int result = set_up(state);
	((struct through *)*state)->ring.on = true;
	return result;
}

/* What follows happens in one turn, and is told at its end. */
static void together(struct through *t)
{
	t->turn_open = t->gathers = true;
}

static void is_served(struct through *t)
{
	memory_text(t, t->client, GET);
	memory_text(t, t->backs[t->backs_n - 1], OK5);
	assert_string_equal(memory_take(t->client), OK5);
}

static void heads_are_taken_over_with_their_buffers(void **state)
{
	struct through *t = *state;
	size_t out[2];
	for (int ahead = 0; ahead < 2; ahead++) {
		t->ring.on = ahead;
		memory_text(t, t->client, GET);
		out[ahead] = t->w.buffers.out;
		memory_text(t, t->backs[0], OK5);
		assert_string_equal(memory_take(t->client), OK5);
		assert_int_equal(t->w.buffers.out, 0);
		assert_int_equal(t->ring.received, 2 * ahead);
	}
	assert_int_equal(out[1], out[0]);
	assert_int_equal(t->ring.taken, 2);
	assert_int_equal(t->ring.reads, 0);
}

/* Behind what is there by now it is copied. */
static void a_head_in_pieces_is_put_together(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, "GET /a HT");
	memory_text(t, t->client, "TP/1.1\r\nHost: h\r\n");
	memory_text(t, t->client, "\r\n");
	assert_int_equal(t->requests, 1);
	assert_int_equal(t->ring.taken, 1);
	assert_int_equal(t->ring.reads, 2);
	assert_int_equal(t->ring.parts, 0);
	memory_text(t, t->backs[0], OK5);
	assert_string_equal(memory_take(t->client), OK5);
}

/* No event tells of it again. */
static void the_end_behind_a_request_is_seen(void **state)
{
	struct through *t = *state;
	together(t);
	memory_text(t, t->client, GET);
	memory_end(t, t->client);
	through_turn_end(t);
	assert_int_equal(t->ring.taken, 1);
	memory_text(t, t->backs[0], OK5);
	assert_string_equal(memory_take(t->client), OK5);
	assert_true(t->client->closed);
}

static void the_end_behind_an_answer_is_its_end(void **state)
{
	struct through *t = *state;
	for (unsigned i = 0; i < 2; i++) {
		memory_text(t, t->client, GET);
		if (i)
			together(t); /* else the end comes in a turn of its own */
		memory_text(t, t->backs[i], CLOSE);
		memory_end(t, t->backs[i]);
		through_turn_end(t);
		contains(memory_take(t->client), "until the end\r\n0\r\n\r\n");
		assert_int_equal(t->dones, i + 1);
		assert_true(t->backs[i]->closed);
	}
}

static void an_end_alone_is_told(void **state)
{
	struct through *t = *state;
	is_served(t);
	memory_text(t, t->client, GET);
	memory_end(t, t->backs[0]); /* instead of an answer: another one is asked */
	assert_int_equal(t->ring.ends, 1);
	memory_text(t, t->backs[1], OK5);
	assert_string_equal(memory_take(t->client), OK5);
	memory_end(t, t->client);
	assert_int_equal(t->ring.ends, 2);
	assert_true(t->client->closed);
	through_client(t);
	memory_reset(t, t->client);
	assert_int_equal(t->ring.ends, 3);
	assert_true(t->client->closed);
}

/* Its last words go first. */
static void a_reset_behind_what_was_received_is_told(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, GET);
	t->backs[0]->read_max = 10;
	memory_text(t, t->backs[0], "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello");
	contains(memory_take(t->client), "\r\n\r\nhello");
	memory_reset(t, t->backs[0]);
	assert_int_equal(t->done_cause, PROXY_BACK_TORN);
	assert_true(t->client->aborted);
}

/* Whose answer has come as well, in the same turn. */
static void a_connection_is_closed_with_its_answer_unread(void **state)
{
	struct through *t = *state;
	memory_text(t, t->client, GET);
	together(t);
	memory_reset(t, t->client);
	memory_text(t, t->backs[0], OK5);
	through_turn_end(t);
	assert_int_equal(t->done_cause, PROXY_CLIENT_GONE);
	assert_int_equal(t->ring.received, 2);
	assert_int_equal(t->ring.dropped, 1);
	assert_true(t->backs[0]->closed);
	assert_int_equal(t->w.buffers.out, 0);
}

/* The owner reads no more than the first; the rest lies where it was received. */
static void requests_behind_the_first_wait_where_they_are(void **state)
{
	struct through *t = *state;
	t->client->read_max = sizeof(GET) - 1;
	memory_text(t, t->client, GET GET);
	assert_true(t->client->t.holds);
	memory_text(t, t->client, GET); /* and no event tells of it again */
	assert_int_equal(t->ring.followed, 1);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(t->requests, i + 1);
		memory_text(t, t->backs[0], OK5);
		assert_string_equal(memory_take(t->client), OK5);
	}
	assert_false(t->client->t.holds);
	assert_int_equal(t->backs_n, 1);
	assert_int_equal(t->w.buffers.out, 0);
}

static void what_waits_goes_with_its_connection(void **state)
{
	struct through *t = *state;
	t->client->read_max = sizeof(GET) - 1;
	memory_text(t, t->client, GET GET);
	assert_true(t->client->t.holds);
	proxy_front1_end_all(&t->w);
	assert_int_equal(t->ring.dropped, 1);
	assert_int_equal(t->w.buffers.out, 0);
}

static void a_tunnel_reads_on_where_its_request_ended(void **state)
{
	struct through *t = *state;
	t->client->read_max = sizeof(UPGRADE) - 1;
	memory_text(t, t->client, UPGRADE "early, ");
	assert_true(t->client->t.holds);
	memory_text(t, t->backs[0], SWITCH "hello");
	contains(memory_take(t->client), "\r\n\r\nhello");
	assert_non_null(t->x->relay);
	assert_false(t->client->t.holds);
	memory_text(t, t->client, "late");
	contains(memory_take(t->backs[0]), "\r\n\r\nearly, late");
	assert_false(t->client->t.holds); /* nothing is received ahead of a relay */
	assert_int_equal(t->ring.received, 2);
}

/* RFC 9113 3.4: SETTINGS follow the preface, and are acknowledged. */
static void http2_reads_on_behind_its_preface(void **state)
{
	struct through *t = *state;
	static const char said[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
	static const char acknowledged[] = "\0\0\0\4\1\0\0\0\0";
	t->admission.http2_plain = true;
	through_client(t);
	t->client->read_max = 24;
	memory_send(t, t->client, span_of(said, sizeof(said) - 1));
	assert_int_equal(t->ring.reads, 2);
	assert_false(t->client->t.holds);
	assert_non_null(
		memmem(t->client->out, t->client->out_end, acknowledged, sizeof(acknowledged) - 1));
	assert_false(t->client->t.expects);
	memory_end(t, t->client);
	assert_true(t->client->closed);
}

static void an_opaque_beginning_is_passed_on(void **state)
{
	struct through *t = *state;
	t->admission.opaque = true;
	t->verdict = (struct proxy_verdict){.kind = PROXY_TUNNEL};
	t->verdict_set = true;
	t->hops[0].protocol = t->hops[1].protocol = PROXY_RAW;
	through_client(t);
	memory_text(t, t->client, "hel");
	memory_text(t, t->client, "lo. and");
	assert_int_equal(t->ring.taken, 1);
	assert_int_equal(t->ring.reads, 1);
	memory_text(t, t->client, " more");
	assert_string_equal(memory_take(t->backs[0]), "hello. and more");
}

static void without_a_buffer_to_spare_each_is_read_by_itself(void **state)
{
	struct through *t = *state;
	t->ring.spared = t->w.buffers.max;
	is_served(t);
	assert_int_equal(t->ring.short_of, 2);
	assert_int_equal(t->ring.received, 0);
}

/* It costs no buffer that a read by itself would not. */
static void whom_a_read_would_serve_is_served(void **state)
{
	enum { MOST = 8 };
	unsigned served[2] = {0}, taken[2] = {0};
	(void)state;
	for (int ahead = 0; ahead < 2; ahead++) {
		for (size_t max = 1; max <= MOST; max++) {
			struct through t;
			through_init(&t);
			t.ring.on = ahead;
			t.w.buffers.max = max;
			memory_text(&t, t.client, GET);
			if (t.backs_n)
				memory_text(&t, t.backs[0], OK5);
			served[ahead] += strcmp(memory_take(t.client), OK5) == 0;
			taken[ahead] += t.ring.taken;
			through_done_all(&t);
		}
	}
	assert_int_equal(served[1], served[0]);
	assert_int_equal(taken[0], 0);
	assert_true(taken[1] >= 2 * served[1]);
	assert_in_range(served[0], 1, MOST - 1);
}

/* ---- any of it, in any order ---- */

static void put(struct writer *w, unsigned what, unsigned how)
{
	write_u8(w, (uint8_t)what);
	write_u8(w, (uint8_t)how);
}

static void put_other(struct writer *w, struct test_random *r)
{
	/* More often what makes others go on. */
	static const uint8_t acts[] = {
		ACT_CLIENT_ENDS, ACT_BACK_ENDS,	 ACT_CLIENT_WINDOW, ACT_BACK_WINDOW,
		ACT_TIME,	 ACT_MODE,	 ACT_CLIENT_RESETS, ACT_BACK_RESETS,
		ACT_NEW_CLIENT,	 ACT_NEW_CLIENT, ACT_READ_MAX,	    ACT_READ_MAX,
		ACT_CONNECT,	 ACT_FACE,	 ACT_OTHER,	    ACT_OTHER,
	};
	unsigned what = acts[test_random_below(r, sizeof(acts))];
	unsigned how = (unsigned)test_random_below(r, 256);
	if (what == ACT_FACE || what == ACT_CONNECT)
		how = how & 1 ? how : 0;
	if (what == ACT_READ_MAX)
		how = how & 1 ? 255 : how;
	put(w, what, how);
	if (test_random_below(r, 4) == 0)
		put(w, ACT_OTHER, 128 | 1 | 4 | 8);
}

/* A message in pieces, others' between them. */
static void put_message(struct writer *w, struct test_random *r)
{
	static const char *const requests[] = {GET,
					       GET GET,
					       PUT_CHUNKED,
					       POST "0123456789" GET,
					       POST,
					       UPGRADE,
					       UPGRADE "to the back",
					       "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n",
					       "no request\r\n"};
	static const char *const answers[] = {OK5,
					      OK5,
					      OK_CHUNKED,
					      CLOSE,
					      SWITCH "to the front",
					      INTERIM OK5,
					      "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n",
					      "HTTP/1.1 404 No\r\nContent-Length: 3\r\n\r\nabc",
					      "no answer\r\n"};
	bool asks = test_random_below(r, 2);
	size_t n = asks ? sizeof(requests) / sizeof(requests[0])
			: sizeof(answers) / sizeof(answers[0]);
	size_t which = test_random_below(r, n);
	struct span text = span_text(asks ? requests[which] : answers[which]);
	size_t most = test_random_below(r, 3) ? text.len : 1 + test_random_below(r, text.len);
	while (text.len) {
		size_t piece = 1 + test_random_below(r, most);
		struct span s = span_sub(text, 0, piece);
		write_u8(w, asks ? ACT_CLIENT_SENDS : ACT_BACK_SENDS);
		if (!asks)
			write_u8(w, 0);
		write_u8(w, (uint8_t)s.len);
		write_span(w, s);
		text = span_sub(text, piece, text.len);
		if (test_random_below(r, 8) == 0)
			put_other(w, r);
	}
}

static void counts_add(struct memory_ring *all, const struct memory_ring *one)
{
	all->received += one->received;
	all->ends += one->ends;
	all->taken += one->taken;
	all->reads += one->reads;
	all->parts += one->parts;
	all->followed += one->followed;
	all->dropped += one->dropped;
	all->short_of += one->short_of;
}

static void all_that_must_hold_holds_whichever_way_it_goes(void **state)
{
	enum { SCRIPTS = 800, ACTS_EACH = 40, ENOUGH = 10 };
	static struct model m;
	static uint8_t script[SCRIPT_MAX];
	struct test_random r = test_random_begin();
	struct memory_ring all = {0};
	(void)state;
	for (int i = 0; i < SCRIPTS; i++) {
		struct writer w = writer_of(script, sizeof(script));
		unsigned how = (unsigned)test_random_below(&r, 256);
		/* Few buffers in one of four. */
		write_u8(&w, (uint8_t)(i % 4 == 3 ? how | 4 : (how & ~4u) | 32));
		put(&w, ACT_OTHER, 128 | 8 | (i & 4) | (i & 1));
		for (int k = 0; k < ACTS_EACH && writer_left(&w) > 1000; k++) {
			if (test_random_below(&r, 4))
				put_message(&w, &r);
			else
				put_other(&w, &r);
		}
		assert_false(w.bad);
		script_run(&m, writer_span(&w));
		counts_add(&all, &m.t.ring);
	}
	print_message("received %u, of them ends %u; taken over %u, read %u, of that in part %u; "
		      "followed %u, dropped %u, none to spare %u\n",
		      all.received, all.ends, all.taken, all.reads, all.parts, all.followed,
		      all.dropped, all.short_of);
	assert_true(all.ends > ENOUGH && all.taken > ENOUGH && all.reads > ENOUGH);
	assert_true(all.parts > ENOUGH && all.followed > ENOUGH && all.dropped > ENOUGH);
	assert_true(all.short_of > ENOUGH);
}

#define AHEAD(name) cmocka_unit_test_setup_teardown(name, set_up_ahead, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AHEAD(heads_are_taken_over_with_their_buffers),
		AHEAD(a_head_in_pieces_is_put_together),
		AHEAD(the_end_behind_a_request_is_seen),
		AHEAD(the_end_behind_an_answer_is_its_end),
		AHEAD(an_end_alone_is_told),
		AHEAD(a_reset_behind_what_was_received_is_told),
		AHEAD(a_connection_is_closed_with_its_answer_unread),
		AHEAD(requests_behind_the_first_wait_where_they_are),
		AHEAD(what_waits_goes_with_its_connection),
		AHEAD(a_tunnel_reads_on_where_its_request_ended),
		AHEAD(http2_reads_on_behind_its_preface),
		AHEAD(an_opaque_beginning_is_passed_on),
		AHEAD(without_a_buffer_to_spare_each_is_read_by_itself),
		cmocka_unit_test(whom_a_read_would_serve_is_served),
		cmocka_unit_test(all_that_must_hold_holds_whichever_way_it_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
