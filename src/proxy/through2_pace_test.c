/* Streams of HTTP/2 that a quota ends: what was let through arrives, on either side, and the stream
 * ends behind it. */
#include "proxy/back1.h"
#include "proxy/pace.h"
#include "proxy/through2_test.h"

enum { SAYS = 60000, ROOM = 20001 /* of more than one frame, and not at the end of one */ };

static struct through th;

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

static void request(void *arg, struct proxy_exchange *x, struct proxy_verdict *ret)
{
	through_request(arg, x, ret);
	if (x->request.method_id == PROXY_CONNECT)
		ret->kind = PROXY_TUNNEL;
	bounded = (struct bounded){.pace = {.ask = ask_any, .room = room, .count = count},
				   .room = ROOM};
	proxy_exchange_pace(x, &bounded.pace);
}

static bool delivered;

static bool is_delivered(const struct proxy_transport *t)
{
	(void)t;
	return delivered;
}

/* What is behind a tunnel is bytes. */
static enum err connect_raw(struct proxy_worker *w, const struct proxy_hop *hop,
			    struct tls_peer *tls, struct span first, struct proxy_transport **ret)
{
	(void)w;
	(void)hop;
	(void)tls;
	(void)first;
	static struct proxy_transport_ops ops;
	struct origin *o = &th.origins[th.origins_n++];
	ops = memory_ops;
	ops.delivered = is_delivered;
	o->m = memory_new();
	o->m->t.ops = &ops;
	o->dead = true; /* for `run`, which speaks HTTP/2 */
	*ret = &o->m->t;
	return OK;
}

static int begin(void **state)
{
	static struct proxy_face own;
	(void)state;
	through_init(&th);
	own = through_face;
	own.request = request;
	th.w.face = &own;
	run(&th);
	return 0;
}

static int begin_raw(void **state)
{
	static const struct proxy_worker_io io = {.connect = connect_raw};
	(void)begin(state);
	th.w.io = &io;
	delivered = true;
	th.hop.protocol = PROXY_RAW;
	return 0;
}

static int end(void **state)
{
	(void)state;
	through_done_with(&th);
	return 0;
}

static struct stream *tunnel(size_t says)
{
	struct stream *st = &th.client.streams[th.client.streams_n++];
	const struct http2_head h = {.method = span_text("CONNECT"),
				     .authority = span_text("h:443")};
	st->to_send = says;
	assert_int_equal(http2_session_request(th.client.s, &h, st, &st->id), OK);
	run(&th);
	return st;
}

static void ended(const struct stream *st, uint64_t up, uint64_t down)
{
	assert_non_null(strstr(st->said, "closed"));
	assert_int_equal(th.done, 1);
	assert_int_equal(th.cause, PROXY_QUOTA);
	assert_int_equal(bounded.counted[PROXY_PACE_UP], up);
	assert_int_equal(bounded.counted[PROXY_PACE_DOWN], down);
	assert_false(th.front->closed);
}

static void all_that_an_answer_was_let_arrives(void **state)
{
	(void)state;
	th.answer_body = SAYS;
	struct stream *st = ask(&th, "GET", 0);
	run(&th);
	assert_int_equal(st->received, ROOM);
	ended(st, 0, ROOM);
}

static void to_who_reads_slowly_too(void **state)
{
	(void)state;
	th.answer_body = SAYS;
	th.front->out_max = 1000;
	struct stream *st = ask(&th, "GET", 0);
	run(&th);
	assert_int_equal(st->received, ROOM);
	ended(st, 0, ROOM);
}

static void all_that_a_request_was_let_arrives(void **state)
{
	(void)state;
	struct stream *st = ask(&th, "PUT", SAYS);
	run(&th);
	const struct stream *o = &th.origins[0].side.streams[0];
	assert_int_equal(o->received, ROOM);
	assert_non_null(strstr(st->said, "429"));
	assert_int_equal(bounded.counted[PROXY_PACE_UP], ROOM);
}

static void all_that_a_tunnel_was_let_arrives_at_the_client(void **state)
{
	(void)state;
	struct stream *st = tunnel(0);
	struct memory *m = th.origins[0].m;
	for (size_t i = 0; i < SAYS; i++)
		m->in[m->in_len++] = (uint8_t)i;
	m->t.ready |= PROXY_CAN_READ;
	m->t.call(m->t.owner, PROXY_CAN_READ);
	run(&th);
	assert_int_equal(st->received, ROOM);
	ended(st, 0, ROOM);
	assert_true(m->closed && m->aborted);
}

static void all_that_a_tunnel_was_let_arrives_at_the_server(void **state)
{
	(void)state;
	struct stream *st = tunnel(SAYS);
	const struct memory *m = th.origins[0].m;
	assert_int_equal(m->out_len, ROOM);
	ended(st, ROOM, 0);
	assert_true(m->closed && m->aborted);
}

static void pass(uint64_t ms)
{
	th.w.now_ms += ms;
	proxy_worker_turn(&th.w);
}

/* The reset would overtake it. */
static void the_servers_reset_waits_for_what_is_on_its_way(void **state)
{
	(void)state;
	delivered = false;
	struct stream *st = tunnel(SAYS);
	struct memory *m = th.origins[0].m;
	ended(st, ROOM, 0); /* the client's end does not */
	pass(1000);
	assert_false(m->closed);
	delivered = true;
	pass(100);
	assert_true(m->closed && m->aborted);
}

static void but_not_for_ever(void **state)
{
	(void)state;
	delivered = false;
	ended(tunnel(SAYS), ROOM, 0);
	pass(9000);
	assert_false(th.origins[0].m->closed);
	pass(1100);
	assert_true(th.origins[0].m->closed && th.origins[0].m->aborted);
}

static void a_server_that_goes_meanwhile_is_let_go(void **state)
{
	(void)state;
	delivered = false;
	ended(tunnel(SAYS), ROOM, 0);
	struct memory *m = th.origins[0].m;
	m->t.ready |= PROXY_BROKEN;
	m->t.call(m->t.owner, PROXY_BROKEN);
	assert_true(m->closed);
}

static void and_ends_with_the_worker(void **state)
{
	(void)state;
	delivered = false;
	ended(tunnel(SAYS), ROOM, 0);
	proxy_back1_end_last(&th.w);
	assert_true(th.origins[0].m->closed && th.origins[0].m->aborted);
}

#define TEST(name)     cmocka_unit_test_setup_teardown(name, begin, end)
#define RAW_TEST(name) cmocka_unit_test_setup_teardown(name, begin_raw, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_that_an_answer_was_let_arrives),
		TEST(to_who_reads_slowly_too),
		TEST(all_that_a_request_was_let_arrives),
		RAW_TEST(all_that_a_tunnel_was_let_arrives_at_the_client),
		RAW_TEST(all_that_a_tunnel_was_let_arrives_at_the_server),
		RAW_TEST(the_servers_reset_waits_for_what_is_on_its_way),
		RAW_TEST(but_not_for_ever),
		RAW_TEST(a_server_that_goes_meanwhile_is_let_go),
		RAW_TEST(and_ends_with_the_worker),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
