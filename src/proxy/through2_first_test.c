/* A tunnel's first bytes, looked at before the server gets them: of streams of HTTP/2, of which
 * each is judged alone. */
#include "proxy/through2_test.h"

enum { SAYS = 30000, ENOUGH = 17000 /* of more than one frame */ };

static struct through th;
static struct {
	unsigned asked;
	size_t most; /* that was shown */
	enum proxy_first says;
} face;

static void request(void *arg, struct proxy_exchange *x, struct proxy_verdict *ret)
{
	through_request(arg, x, ret);
	ret->kind = PROXY_TUNNEL;
	ret->first_bytes = true;
}

static enum proxy_first first_bytes(void *arg, struct proxy_exchange *x, struct span bytes,
				    bool last)
{
	(void)arg;
	(void)x;
	for (size_t i = 0; i < bytes.len; i++)
		assert_int_equal(bytes.data[i], (uint8_t)i);
	face.asked++;
	face.most = bytes.len;
	return bytes.len < ENOUGH && !last ? PROXY_FIRST_MORE : face.says;
}

/* What is behind a tunnel is bytes. */
static enum err connect_raw(struct proxy_worker *w, const struct proxy_hop *hop,
			    struct tls_peer *tls, struct span first, struct proxy_transport **ret)
{
	(void)w;
	(void)hop;
	(void)tls;
	(void)first;
	struct origin *o = &th.origins[th.origins_n++];
	o->m = memory_new();
	o->dead = true; /* for `run`, which speaks HTTP/2 */
	*ret = &o->m->t;
	return OK;
}

static int begin(void **state)
{
	static struct proxy_face own;
	static const struct proxy_worker_io io = {.connect = connect_raw};
	(void)state;
	through_init(&th);
	own = through_face;
	own.request = request;
	own.first_bytes = first_bytes;
	th.w.face = &own;
	th.w.io = &io;
	th.hop.protocol = PROXY_RAW;
	memset(&face, 0, sizeof(face));
	run(&th);
	return 0;
}

static int end(void **state)
{
	(void)state;
	through_done_with(&th);
	return 0;
}

static struct stream *tunnel(size_t says, bool held)
{
	struct stream *st = &th.client.streams[th.client.streams_n++];
	const struct http2_head h = {.method = span_text("CONNECT"),
				     .authority = span_text("h:443")};
	st->to_send = says;
	st->held = held;
	assert_int_equal(http2_session_request(th.client.s, &h, st, &st->id), OK);
	run(&th);
	return st;
}

static void what_may_go_goes_whole_and_in_order(void **state)
{
	(void)state;
	face.says = PROXY_FIRST_PASS;
	struct stream *c = tunnel(SAYS, false);
	const struct memory *m = th.origins[0].m;
	assert_string_equal(c->said, "200;");
	assert_true(face.asked > 1 && face.most >= ENOUGH);
	assert_int_equal(m->out_len, SAYS);
	for (size_t i = 0; i < SAYS; i++)
		assert_int_equal(m->out[i], (uint8_t)i);
}

static void what_may_not_is_seen_by_nobody_and_its_stream_alone_ends(void **state)
{
	(void)state;
	face.says = PROXY_FIRST_PASS;
	struct stream *stays = tunnel(SAYS, true);
	face.says = PROXY_FIRST_REFUSE;
	struct stream *c = tunnel(SAYS, false);
	assert_non_null(strstr(c->said, "200;"));
	assert_non_null(strstr(c->said, "closed"));
	assert_int_equal(th.origins[1].m->out_len, 0);
	assert_true(th.origins[1].m->closed && th.origins[1].m->aborted);
	assert_int_equal(th.done, 1);
	assert_int_equal(th.cause, PROXY_REFUSED);
	assert_false(th.front->closed);
	/* The other one is judged by its own. */
	assert_string_equal(stays->said, "200;");
	face.says = PROXY_FIRST_PASS;
	stays->held = false;
	http2_session_resume(th.client.s, stays->id);
	run(&th);
	assert_int_equal(th.origins[0].m->out_len, SAYS);
}

static void who_says_too_little_and_ends_is_judged_by_it(void **state)
{
	(void)state;
	face.says = PROXY_FIRST_MORE; /* which at the end is no */
	struct stream *c = tunnel(100, false);
	assert_non_null(strstr(c->said, "closed"));
	assert_int_equal(face.most, 100);
	assert_int_equal(th.origins[0].m->out_len, 0);
	assert_int_equal(th.cause, PROXY_REFUSED);
}

static void who_speaks_first_is_not_waited_for(void **state)
{
	(void)state;
	struct stream *c = tunnel(SAYS, true);
	struct memory *m = th.origins[0].m;
	for (size_t i = 0; i < 50; i++)
		m->in[m->in_len++] = (uint8_t)i;
	m->t.ready |= PROXY_CAN_READ;
	m->t.call(m->t.owner, PROXY_CAN_READ);
	run(&th);
	assert_int_equal(c->received, 50);
	assert_int_equal(face.asked, 0);
	assert_int_equal(m->out_len, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_may_go_goes_whole_and_in_order),
		TEST(what_may_not_is_seen_by_nobody_and_its_stream_alone_ends),
		TEST(who_says_too_little_and_ends_is_judged_by_it),
		TEST(who_speaks_first_is_not_waited_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
