#include "proxy/io_tcp.h"

#include "os/fd.h"
#include "os/ring.h"
#include "os/tcp.h"
#include "proxy/buffer.h"
#include "proxy/count.h"
#include "proxy/sends.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { N = 6, SAYS_MAX = 60000 };

/* An owner that reads nothing by himself. */
struct owner {
	struct proxy_transport *t;
	int peer; /* the other end */
	unsigned marks, told;
	struct owner *closes; /* another one, when it is told */
};

static struct loop loop;
static struct proxy_buffers buffers;
static struct proxy_tcps tcps;
static struct proxy_counts counts;
static struct ring *ring;
static struct owner owners[N];

static void owner_close(struct owner *o)
{
	proxy_transport_close(TAKE(o->t), false);
}

static void told(void *arg, unsigned marks)
{
	struct owner *o = arg;
	o->marks |= marks;
	o->told++;
	if (o->closes && o->closes->t)
		owner_close(o->closes);
}

static void connect_one(struct owner *o, int listener, const struct ip_endpoint *at)
{
	struct ip_endpoint peer;
	int fd = -1;
	*o = (struct owner){.peer = -1};
	assert_int_equal(tcp_connect(at, NULL, &o->peer), OK);
	enum err e = (enum err)EAGAIN;
	for (int i = 0; e && i < 2000; i++) {
		usleep(1000);
		e = tcp_accept(listener, &fd, &peer, NULL);
	}
	assert_int_equal(e, OK);
	assert_int_equal(proxy_tcp_new(&tcps, fd, &o->t), OK);
	o->t->call = told;
	o->t->owner = o;
}

static int set_up_with(bool rings)
{
	struct ip_endpoint at = {.address = {.family = 4, .bytes = {127, 0, 0, 1}}};
	int listener = -1;
	counts = (struct proxy_counts){0};
	assert_int_equal(loop_init(&loop), OK);
	proxy_buffers_init(&buffers, 2 * LOOP_EVENTS_MAX);
	proxy_tcps_init(&tcps, &loop, &buffers, N);
	enum err e = rings ? ring_new(LOOP_EVENTS_MAX, &ring) : OK;
	if (e)
		print_message("skipped: no ring of io_uring here: %s\n", err_text(e));
	if (ring)
		proxy_tcps_ring(&tcps, ring, &counts);
	assert_int_equal(tcp_listen(&at, 0, N, &listener), OK);
	assert_int_equal(socket_local(listener, &at), OK);
	for (int i = 0; i < N; i++)
		connect_one(&owners[i], listener, &at);
	/* What each could do from the start on was told. */
	assert_int_equal(loop_turn(&loop, 0), OK);
	for (int i = 0; i < N; i++) {
		char byte;
		size_t n;
		assert_int_equal(proxy_transport_read(owners[i].t, &byte, 1, &n), OK);
		assert_false(owners[i].t->ready & PROXY_CAN_READ);
		owners[i].t->expects = true;
		owners[i].told = owners[i].marks = 0;
	}
	fd_done(&listener);
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	return set_up_with(true);
}

static int set_up_without(void **state)
{
	(void)state;
	return set_up_with(false);
}

static int tear_down(void **state)
{
	(void)state;
	for (int i = 0; i < N; i++) {
		owner_close(&owners[i]);
		fd_done(&owners[i].peer);
	}
	proxy_tcps_done(&tcps);
	proxy_buffers_done(&buffers);
	loop_done(&loop);
	ring_free(TAKE(ring));
	return 0;
}

#define NEEDS_RING()                                                                               \
	do {                                                                                       \
		if (!ring)                                                                         \
			skip();                                                                    \
	} while (0)

static void say(const struct owner *o, const char *text)
{
	assert_int_equal(write(o->peer, text, strlen(text)), strlen(text));
}

static void go_by_reset(struct owner *o)
{
	const struct linger l = {.l_onoff = 1};
	assert_int_equal(setsockopt(o->peer, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0);
	fd_done(&o->peer);
}

static uint64_t received(void)
{
	return proxy_count_get(&counts, PROXY_COUNT_RING_RECEIVED);
}

/* One turn in which those of the mask are ready. */
static void turn(unsigned mask)
{
	for (int i = 0; i < N; i++)
		owners[i].told = owners[i].marks = 0;
	usleep(20000);
	assert_int_equal(loop_turn(&loop, 2000), OK);
	for (int i = 0; i < N; i++)
		assert_int_equal(owners[i].told > 0, (mask >> i) & 1);
}

static void assert_reads(struct owner *o, size_t size, const char *text)
{
	static char got[1 << 16];
	size_t n = 0;
	assert_true(size < sizeof(got));
	assert_true(o->t->ready & PROXY_CAN_READ);
	assert_int_equal(proxy_transport_read(o->t, got, size, &n), OK);
	got[n] = '\0';
	assert_string_equal(got, text);
}

static void what_many_say_at_once_is_received_ahead_and_read_in_order(void **state)
{
	(void)state;
	NEEDS_RING();
	char got[16];
	size_t n = 7;
	say(&owners[0], "one");
	say(&owners[1], "two");
	turn(3);
	assert_int_equal(received(), 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(owners[i].marks, PROXY_CAN_READ);
		assert_true(owners[i].t->holds);
		assert_false(proxy_transport_can_splice(owners[i].t));
		assert_false(owners[i].t->ops->alive(owners[i].t));
	}
	/* What comes after it is read after it. */
	say(&owners[0], "more");
	assert_int_equal(owners[0].t->ops->peek(owners[0].t, got, 2, &n), OK);
	assert_int_equal(n, 2);
	assert_memory_equal(got, "on", 2);
	assert_reads(&owners[0], 2, "on");
	assert_true(owners[0].t->holds);
	assert_int_equal(owners[0].t->ops->peek(owners[0].t, got, 9, &n), OK);
	assert_int_equal(n, 1);
	assert_reads(&owners[0], 9, "e");
	assert_false(owners[0].t->holds);
	assert_true(proxy_transport_can_splice(owners[0].t));
	assert_reads(&owners[1], 9, "two");
	assert_false(owners[0].t->ready & PROXY_CAN_READ);
	turn(1);
	assert_int_equal(received(), 2); /* one alone is read by itself */
	assert_reads(&owners[0], 99, "more");
	assert_int_equal(proxy_transport_read(owners[0].t, got, 9, &n), OK);
	assert_int_equal(n, 0);
	assert_true(owners[0].t->ops->alive(owners[0].t));
	assert_true(owners[1].t->ops->alive(owners[1].t));
}

/* The event of it came while the owner had not read all, and comes but once. */
static void what_comes_behind_what_is_held_is_not_missed(void **state)
{
	(void)state;
	NEEDS_RING();
	char byte;
	size_t n = 7;
	say(&owners[0], "one");
	say(&owners[1], "two");
	turn(3);
	assert_reads(&owners[0], 2, "on");
	for (int i = 0; i < 2; i++)
		say(&owners[i], "more");
	turn(3);
	assert_int_equal(received(), 2); /* who holds something receives nothing ahead */
	assert_reads(&owners[0], 9, "e");
	assert_reads(&owners[1], 9, "two");
	for (int i = 0; i < 2; i++) {
		assert_reads(&owners[i], 9, "more");
		assert_false(owners[i].t->ready & PROXY_CAN_READ);
		assert_int_equal(proxy_transport_read(owners[i].t, &byte, 1, &n), OK);
		assert_int_equal(n, 0);
	}
}

/* An owner that does not say that he reads at once may splice: nothing is taken. */
static void nothing_is_received_ahead_of_others(void **state)
{
	(void)state;
	NEEDS_RING();
	for (int i = 0; i < 3; i++)
		say(&owners[i], "bytes");
	owners[0].t->expects = owners[1].t->expects = false;
	turn(7);
	assert_int_equal(received(), 0);
	for (int i = 0; i < 3; i++) {
		assert_false(owners[i].t->holds);
		assert_reads(&owners[i], 9, "bytes");
	}
}

/* More than a buffer takes: the rest is read from the socket, and nothing is missed. */
static void a_full_buffer_is_not_all(void **state)
{
	(void)state;
	NEEDS_RING();
	static char sent[PROXY_BUFFER_SIZE * 2 + 100], got[sizeof(sent)];
	size_t have = 0, n;
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (char)(i * 31 + i / 251);
	assert_int_equal(write(owners[0].peer, sent, sizeof(sent)), sizeof(sent));
	say(&owners[1], "x");
	turn(3);
	assert_int_equal(received(), 2);
	while (owners[0].t->ready & PROXY_CAN_READ) {
		assert_int_equal(
			proxy_transport_read(owners[0].t, got + have, sizeof(got) - have, &n), OK);
		have += n;
		if (have == sizeof(sent))
			break;
	}
	assert_int_equal(have, sizeof(sent));
	assert_memory_equal(got, sent, sizeof(sent));
	assert_reads(&owners[1], 9, "x");
}

static void the_end_and_an_error_are_told_by_a_read(void **state)
{
	(void)state;
	NEEDS_RING();
	char got[16];
	size_t n = 7;
	say(&owners[0], "last");
	assert_int_equal(shutdown(owners[0].peer, SHUT_WR), 0);
	assert_int_equal(shutdown(owners[1].peer, SHUT_WR), 0);
	go_by_reset(&owners[2]);
	turn(7);
	assert_int_equal(received(), 3);
	assert_reads(&owners[0], 9, "last");
	assert_true(owners[0].t->ready & PROXY_CAN_READ); /* no event will tell of the end */
	assert_int_equal(proxy_transport_read(owners[0].t, got, 9, &n), ERR_CLOSED);
	assert_true(owners[1].t->holds);
	assert_int_equal(owners[1].t->ops->peek(owners[1].t, got, 9, &n), ERR_CLOSED);
	assert_int_equal(proxy_transport_read(owners[1].t, got, 9, &n), ERR_CLOSED);
	assert_false(owners[1].t->holds);
	assert_int_equal(proxy_transport_read(owners[1].t, got, 9, &n), ERR_CLOSED);
	assert_true(owners[2].t->ready & PROXY_BROKEN);
	assert_int_equal(proxy_transport_read(owners[2].t, got, 9, &n), (enum err)ECONNRESET);
}

/* Who is closed in a turn, with something received for him, leaves his buffer to others. */
static void a_closed_one_gives_its_buffer_back(void **state)
{
	(void)state;
	NEEDS_RING();
	for (int i = 0; i < N; i++)
		say(&owners[i], "bytes");
	/* Whoever is told first closes the other. */
	owners[0].closes = &owners[1];
	owners[1].closes = &owners[0];
	usleep(20000);
	assert_int_equal(loop_turn(&loop, 2000), OK);
	assert_int_equal(received(), N);
	assert_true(!owners[0].t != !owners[1].t);
	struct owner *left = owners[0].t ? &owners[0] : &owners[1];
	assert_reads(left, 9, "bytes");
	for (int i = 2; i < N; i++)
		owner_close(&owners[i]);
	owner_close(left);
	assert_int_equal(buffers.out, 0);
}

/* Whoever has no buffer takes what was received with its own, and nothing is copied. */
static void what_is_held_is_taken_over_whole(void **state)
{
	(void)state;
	NEEDS_RING();
	struct proxy_buffers others;
	proxy_buffers_init(&others, 1);
	for (int i = 0; i < 3; i++)
		say(&owners[i], "bytes");
	assert_int_equal(shutdown(owners[2].peer, SHUT_WR), 0);
	turn(7);
	struct proxy_transport *t = owners[0].t;
	assert_null(proxy_transport_ahead(t, &buffers, 4)); /* more than may be read */
	assert_null(proxy_transport_ahead(t, &others, 99));
	assert_reads(&owners[0], 2, "by");
	struct proxy_buffer *b = proxy_transport_ahead(t, &buffers, 3);
	assert_non_null(b);
	assert_true(span_is(proxy_buffer_span(b), "tes"));
	assert_false(t->holds);
	assert_false(t->ready & PROXY_CAN_READ);
	assert_null(proxy_transport_ahead(t, &buffers, 99));
	proxy_buffer_give(&buffers, b);
	/* Behind it there is the end, of which no event will tell. */
	b = proxy_transport_ahead(owners[2].t, &buffers, 99);
	assert_true(b && span_is(proxy_buffer_span(b), "bytes"));
	assert_true(owners[2].t->ready & PROXY_CAN_READ);
	proxy_buffer_give(&buffers, b);
	assert_int_equal(buffers.out, 1);
	assert_reads(&owners[1], 9, "bytes");
	assert_int_equal(buffers.out, 0);
	/* An end is nothing to take over. */
	for (int i = 0; i < 2; i++)
		assert_int_equal(shutdown(owners[i].peer, SHUT_WR), 0);
	turn(3);
	assert_true(owners[0].t->holds);
	assert_null(proxy_transport_ahead(owners[0].t, &buffers, 99));
}

/* Where buffers run short they are for those who have read: others are read as without. */
static void without_a_buffer_to_spare_each_is_read_by_itself(void **state)
{
	(void)state;
	NEEDS_RING();
	struct proxy_buffer *taken = NULL;
	while (proxy_buffers_left(&buffers) > LOOP_EVENTS_MAX + 1) {
		struct proxy_buffer *b = proxy_buffer_take(&buffers);
		assert_non_null(b);
		b->next = taken;
		taken = b;
	}
	for (int i = 0; i < 3; i++)
		say(&owners[i], "bytes");
	turn(7);
	assert_int_equal(owners[0].t->holds + owners[1].t->holds + owners[2].t->holds, 1);
	say(&owners[3], "bytes"); /* with the one taken */
	say(&owners[4], "bytes");
	turn(3 << 3);
	for (int i = 0; i < 5; i++)
		assert_reads(&owners[i], 9, "bytes");
	while (taken) {
		struct proxy_buffer *b = taken;
		taken = b->next;
		proxy_buffer_give(&buffers, b);
	}
}

static struct proxy_sending sending(struct owner *o, const char *text)
{
	return (struct proxy_sending){.t = o->t, .bytes = span_text(text)};
}

static void assert_hears(const struct owner *o, const char *text)
{
	char got[64] = {0};
	ssize_t n = -1;
	for (int i = 0; n < 0 && i < 2000; i++) {
		n = recv(o->peer, got, sizeof(got) - 1, MSG_DONTWAIT);
		if (n < 0)
			usleep(1000);
	}
	assert_string_equal(got, text);
}

static enum err take_all(struct proxy_transport *t, const struct span *parts, size_t parts_n,
			 size_t *ret_len)
{
	(void)t;
	(void)parts_n;
	*ret_len = parts->len;
	return OK;
}

/* As one write after another would, for whoever is among them: two that take all, one whose peer
 * is gone, one without room, and one that is no plain TCP. */
static void send_to_all(bool rings)
{
	static const char much[8 << 20];
	static const struct proxy_transport_ops ops = {.write = take_all};
	struct proxy_transport other = {.ops = &ops, .ready = PROXY_CAN_WRITE, .fd = -1};
	go_by_reset(&owners[2]);
	usleep(20000);
	struct proxy_sending list[] = {sending(&owners[0], "one"), sending(&owners[1], "two"),
				       sending(&owners[2], "gone"), sending(&owners[3], ""),
				       sending(&owners[0], "other")};
	list[3].bytes = span_of(much, sizeof(much));
	list[4].t = &other;
	proxy_tcps_send_many(&tcps, list, 5);
	assert_int_equal(proxy_count_get(&counts, PROXY_COUNT_RING_SENT), rings ? 4 : 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(list[i].e, OK);
		assert_int_equal(list[i].sent, 3);
		assert_true(owners[i].t->ready & PROXY_CAN_WRITE);
		assert_hears(&owners[i], i ? "two" : "one");
	}
	assert_int_equal(list[2].e, ERR_CLOSED);
	assert_true(owners[2].t->ready & PROXY_CAN_READ);
	assert_int_equal(list[3].e, OK);
	assert_in_range(list[3].sent, 1, sizeof(much) - 1);
	assert_false(owners[3].t->ready & PROXY_CAN_WRITE);
	assert_int_equal(list[4].e, OK);
	assert_int_equal(list[4].sent, 5);
}

static void what_many_have_to_say_is_sent_at_once(void **state)
{
	(void)state;
	NEEDS_RING();
	send_to_all(true);
	struct proxy_sending alone = sending(&owners[0], "three");
	proxy_tcps_send_many(&tcps, &alone, 1);
	assert_int_equal(proxy_count_get(&counts, PROXY_COUNT_RING_SENT), 4);
	assert_int_equal(alone.sent, 5);
	assert_hears(&owners[0], "three");
}

static void without_a_ring_all_is_sent_the_same(void **state)
{
	(void)state;
	send_to_all(false);
}

static void without_a_ring_all_is_read_the_same(void **state)
{
	(void)state;
	size_t n;
	char got[9];
	for (int i = 0; i < N; i++)
		say(&owners[i], "bytes");
	assert_int_equal(shutdown(owners[0].peer, SHUT_WR), 0);
	turn((1 << N) - 1);
	assert_int_equal(received(), 0);
	for (int i = 0; i < N; i++)
		assert_reads(&owners[i], 9, "bytes");
	assert_int_equal(proxy_transport_read(owners[0].t, got, 9, &n), ERR_CLOSED);
}

/* ---- anything, in any order ---- */

/* What was said and heard on each connection: a byte tells where it stands. */
static struct talk {
	size_t said, heard;
	enum err end;
} talks[N]; /* why-global: as the owners */

static uint8_t byte_at(size_t at)
{
	return (uint8_t)(at * 31 + at / 251);
}

static void talk(int i, size_t n)
{
	uint8_t bytes[SAYS_MAX];
	for (size_t k = 0; k < n; k++)
		bytes[k] = byte_at(talks[i].said + k);
	ssize_t sent = send(owners[i].peer, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	talks[i].said += sent > 0 ? (size_t)sent : 0;
}

/* By one read, or what was received ahead as it lies. */
static void hear(int i, struct test_random *r)
{
	uint8_t bytes[SAYS_MAX];
	struct proxy_transport *t = owners[i].t;
	size_t size = 1 + test_random_below(r, test_random_below(r, 2) ? 50 : SAYS_MAX), n = 0;
	bool whole = test_random_below(r, 2), same = true;
	struct proxy_buffer *b = whole ? proxy_transport_ahead(t, &buffers, size) : NULL;
	if (!b)
		talks[i].end = proxy_transport_read(t, bytes, size, &n);
	struct span got = b ? proxy_buffer_span(b) : span_of(bytes, n);
	assert_true(got.len <= size);
	for (size_t k = 0; k < got.len; k++)
		same &= got.data[k] == byte_at(talks[i].heard + k);
	assert_true(same);
	talks[i].heard += got.len;
	if (!got.len && !talks[i].end)
		assert_false(t->ready & PROXY_CAN_READ);
	proxy_buffer_give(&buffers, b);
}

/* The kernel tells of each change once: what is missed is never told. */
static void wait_for(int i)
{
	unsigned told = 0;
	while (!(owners[i].t->ready & PROXY_CAN_READ)) {
		for (int k = 0; k < N; k++)
			owners[k].told = 0;
		assert_int_equal(loop_turn(&loop, 5000), OK);
		for (int k = 0; k < N; k++)
			told += owners[k].told;
		assert_true(told > 0);
	}
}

static void round_of_talk(struct test_random *r)
{
	for (int i = 0; i < N; i++) {
		owners[i].t->expects = test_random_below(r, 4);
		if (test_random_below(r, 2))
			talk(i, 1 + test_random_below(r, test_random_below(r, 8) ? 300 : SAYS_MAX));
	}
	assert_int_equal(loop_turn(&loop, 0), OK);
	for (int i = 0; i < N; i++)
		for (size_t n = test_random_below(r, 5);
		     n && owners[i].t->ready & PROXY_CAN_READ && !talks[i].end; n--)
			hear(i, r);
}

static void nothing_is_missed_or_heard_twice(void **state)
{
	struct test_random r = test_random_begin();
	(void)state;
	memset(talks, 0, sizeof(talks));
	for (int rounds = 1; rounds <= 2000; rounds++) {
		round_of_talk(&r);
		for (int i = 0; rounds % 10 == 0 && i < N; i++)
			while (talks[i].heard < talks[i].said) {
				wait_for(i);
				hear(i, &r);
			}
	}
	for (int i = 0; i < N; i++) {
		talk(i, 1000);
		if (i & 1)
			go_by_reset(&owners[i]);
		else
			assert_int_equal(shutdown(owners[i].peer, SHUT_WR), 0);
	}
	for (int i = 0; i < N; i++) {
		for (; !talks[i].end; hear(i, &r))
			wait_for(i);
		assert_true(talks[i].heard == talks[i].said || i & 1);
		assert_true(talks[i].end == ERR_CLOSED || i & 1);
	}
	assert_true(received() > 500 || !ring);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_many_say_at_once_is_received_ahead_and_read_in_order),
		TEST(what_comes_behind_what_is_held_is_not_missed),
		TEST(nothing_is_received_ahead_of_others),
		TEST(a_full_buffer_is_not_all),
		TEST(the_end_and_an_error_are_told_by_a_read),
		TEST(a_closed_one_gives_its_buffer_back),
		TEST(what_is_held_is_taken_over_whole),
		TEST(without_a_buffer_to_spare_each_is_read_by_itself),
		TEST(what_many_have_to_say_is_sent_at_once),
		TEST(nothing_is_missed_or_heard_twice),
		cmocka_unit_test_setup_teardown(nothing_is_missed_or_heard_twice, set_up_without,
						tear_down),
		cmocka_unit_test_setup_teardown(without_a_ring_all_is_sent_the_same, set_up_without,
						tear_down),
		cmocka_unit_test_setup_teardown(without_a_ring_all_is_read_the_same, set_up_without,
						tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
