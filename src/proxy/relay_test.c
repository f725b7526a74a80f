#include "proxy/relay.h"

#include "os/loop.h"
#include "os/ring.h"
#include "proxy/io_worker.h"
#include "proxy/memory_test.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- between transports in memory ---- */

struct between {
	struct proxy_worker w;
	struct memory *a, *b;
	struct proxy_relay relay;
	bool over;
	enum proxy_relay_end how;
};

static void told(void *owner, unsigned events)
{
	(void)events;
	proxy_relay_turn(owner);
}

static void over(struct proxy_relay *r, enum proxy_relay_end how)
{
	struct between *t = r->owner;
	assert_false(t->over);
	t->over = true;
	t->how = how;
}

static const struct proxy_worker_io no_io = {0};

static int set_up(void **state)
{
	struct between *t = calloc(1, sizeof(*t));
	assert_non_null(t);
	proxy_worker_init(&t->w, 1000, 8, 8, 16);
	t->w.io = &no_io;
	t->a = memory_new();
	t->b = memory_new();
	t->a->t.owner = t->b->t.owner = &t->relay;
	t->a->t.call = t->b->t.call = told;
	proxy_relay_begin(&t->relay, &t->w, &t->a->t, &t->b->t, 5000, over);
	t->relay.owner = t;
	*state = t;
	return 0;
}

static int tear_down(void **state)
{
	struct between *t = *state;
	proxy_relay_stop(&t->relay);
	assert_int_equal(t->w.buffers.out, 0); /* whatever became of it */
	proxy_worker_done(&t->w);
	memory_free(t->a);
	memory_free(t->b);
	free(t);
	return 0;
}

static void tell(struct between *t, struct memory *m, unsigned events)
{
	m->t.ready |= (uint8_t)events;
	if (!t->over)
		m->t.call(m->t.owner, events);
	for (unsigned turns = 0; t->w.later.first; turns++) {
		assert_true(turns < MEMORY_TURNS_MAX);
		proxy_worker_turn(&t->w);
	}
}

static void say(struct between *t, struct memory *m, const char *text)
{
	if (m->in_start == m->in_end)
		m->in_start = m->in_end = 0;
	memcpy(m->in + m->in_end, text, strlen(text));
	m->in_end += strlen(text);
	tell(t, m, PROXY_CAN_READ);
}

static void end(struct between *t, struct memory *m)
{
	m->in_eof = true;
	tell(t, m, PROXY_CAN_READ);
}

static void reset(struct between *t, struct memory *m)
{
	m->reset = true;
	m->t.error = ERR_CLOSED;
	tell(t, m, PROXY_CAN_READ | PROXY_BROKEN);
}

static void wait_ms(struct between *t, uint64_t ms)
{
	t->w.now_ms += ms;
	proxy_worker_turn(&t->w);
}

static void bytes_go_both_ways_and_each_ends_alone(void **state)
{
	struct between *t = *state;
	say(t, t->a, "one");
	assert_string_equal(memory_take(t->b), "one");
	say(t, t->b, "two");
	assert_string_equal(memory_take(t->a), "two");
	assert_int_equal(t->w.buffers.out, 0);
	end(t, t->a);
	assert_true(t->b->finished && !t->over);
	say(t, t->b, "three");
	assert_string_equal(memory_take(t->a), "three");
	end(t, t->b);
	assert_true(t->over && t->how == PROXY_RELAY_ENDED);
	assert_int_equal(t->relay.ways[PROXY_RELAY_UP].bytes, 3);
	assert_int_equal(t->relay.ways[PROXY_RELAY_DOWN].bytes, 8);
}

/* What one write offers is one record of ours, as the TLS transport makes them. */
static void within_tls_no_write_goes_on_behind_the_end_of_a_record(void **state)
{
	static const uint8_t records[] = {22, 3, 3, 0, 1, 'a', 22, 3, 3, 0, 2, 'b', 'c', 23, 3};
	static const size_t ends[] = {6, 13, 15};
	static const struct proxy_tls_facts facts;
	struct between *t = *state;
	t->a->t.tls = &facts;
	memcpy(t->b->in, records, sizeof(records));
	t->b->in_end = sizeof(records);
	tell(t, t->b, PROXY_CAN_READ);
	assert_int_equal(t->a->out_end, sizeof(records));
	assert_memory_equal(t->a->out, records, sizeof(records));
	assert_int_equal(t->a->writes, 3);
	assert_memory_equal(t->a->write_ends, ends, sizeof(ends));
}

/* Each costs a record of ours and a call of the kernel: a megabyte of them, half a second. */
static void records_of_nothing_leave_the_others_their_turn(void **state)
{
	enum { RECORDS = 1000, EMPTY = 5, WRITES_MAX = 256 };
	static const uint8_t empty[EMPTY] = {23, 3, 3, 0, 0};
	static const struct proxy_tls_facts facts;
	struct between *t = *state;
	t->a->t.tls = &facts;
	for (size_t i = 0; i < RECORDS; i++)
		memcpy(t->b->in + EMPTY * i, empty, EMPTY);
	t->b->in_end = (size_t)RECORDS * EMPTY;
	t->b->t.ready |= PROXY_CAN_READ;
	for (size_t turn = 1; turn <= RECORDS / WRITES_MAX; turn++) {
		proxy_relay_turn(&t->relay);
		assert_int_equal(t->a->out_end, turn * WRITES_MAX * EMPTY);
		assert_non_null(t->w.later.first);
	}
	tell(t, t->b, PROXY_CAN_READ);
	assert_int_equal(t->a->out_end, RECORDS * EMPTY);
	assert_memory_equal(t->a->out, t->b->in, RECORDS * EMPTY);
	assert_int_equal(t->w.buffers.out, 0);
}

/* TLS keeps what it cannot send: the wire told of its end ahead of its room. */
static void who_broke_and_takes_nothing_is_not_asked_for_ever(void **state)
{
	struct between *t = *state;
	t->b->window = 0;
	say(t, t->a, "one");
	tell(t, t->b, PROXY_BROKEN);
	assert_false(t->over);
	t->b->reset = true;
	tell(t, t->b, PROXY_CAN_WRITE);
	assert_true(t->over && t->how == PROXY_RELAY_BROKE);
	assert_int_equal(t->relay.broken, PROXY_RELAY_DOWN);
}

static void the_end_comes_behind_what_waits(void **state)
{
	struct between *t = *state;
	t->b->window = 2;
	say(t, t->a, "hello");
	end(t, t->a);
	assert_false(t->b->finished);
	t->b->window = 100;
	tell(t, t->b, PROXY_CAN_WRITE);
	assert_true(t->b->finished);
	assert_string_equal(memory_take(t->b), "hello");
}

static void who_takes_nothing_is_not_read_for(void **state)
{
	struct between *t = *state;
	memset(t->a->in, 'x', 10 * PROXY_BUFFER_SIZE);
	t->a->in_end = 10 * PROXY_BUFFER_SIZE;
	t->b->window = 10;
	tell(t, t->a, PROXY_CAN_READ);
	assert_int_equal(t->a->in_start, PROXY_BUFFER_SIZE);
	assert_int_equal(t->w.buffers.out, 1);
	tell(t, t->a, PROXY_CAN_READ);
	assert_int_equal(t->a->in_start, PROXY_BUFFER_SIZE);
	say(t, t->b, "the other way goes on");
	assert_string_equal(memory_take(t->a), "the other way goes on");
	t->b->window = SIZE_MAX;
	tell(t, t->b, PROXY_CAN_WRITE);
	assert_int_equal(t->b->out_end, 10 * PROXY_BUFFER_SIZE);
	assert_int_equal(t->w.buffers.out, 0);
}

static void what_was_read_before_goes_first(void **state)
{
	struct between *t = *state;
	struct proxy_buffer *b = proxy_buffer_take(&t->w.buffers);
	memcpy(b->data, "..first", 7);
	b->start = 2;
	b->end = 7;
	t->relay.ways[PROXY_RELAY_UP].held = b;
	say(t, t->a, "second");
	assert_string_equal(memory_take(t->b), "firstsecond");
}

static void a_reset_is_told_with_its_side(void **state)
{
	struct between *t = *state;
	say(t, t->a, "x");
	reset(t, t->b);
	assert_true(t->over && t->how == PROXY_RELAY_BROKE);
	assert_int_equal(t->relay.broken, PROXY_RELAY_DOWN);
}

static void what_came_before_a_reset_is_passed_on(void **state)
{
	struct between *t = *state;
	say(t, t->b, "last words");
	reset(t, t->b);
	assert_string_equal(memory_take(t->a), "last words");
	assert_int_equal(t->how, PROXY_RELAY_BROKE);
}

static void who_has_ended_and_is_gone_is_noticed(void **state)
{
	struct between *t = *state;
	end(t, t->a);
	assert_false(t->over);
	reset(t, t->a);
	assert_true(t->over && t->how == PROXY_RELAY_BROKE);
	assert_int_equal(t->relay.broken, PROXY_RELAY_UP);
}

static void to_write_to_who_is_gone_ends_it(void **state)
{
	struct between *t = *state;
	t->b->reset = true; /* and nothing has told so yet */
	say(t, t->a, "x");
	assert_true(t->over && t->how == PROXY_RELAY_BROKE);
	assert_int_equal(t->relay.broken, PROXY_RELAY_DOWN);
}

static void last_words_of_who_is_gone_are_passed_on(void **state)
{
	struct between *t = *state;
	t->a->window = 4;
	t->a->queued = true;
	memcpy(t->b->in, "413 too large", 13); /* and nothing has told of it */
	t->b->in_end = 13;
	t->b->gone = true;
	say(t, t->a, "more and more");
	assert_false(t->over);
	t->a->window = SIZE_MAX;
	tell(t, t->a, PROXY_CAN_WRITE);
	assert_string_equal(memory_take(t->a), "413 too large");
	assert_false(t->over); /* a reset would take from the queue what has not arrived */
	assert_false(t->a->finished);
	wait_ms(t, 100);
	assert_false(t->over);
	say(t, t->a, "who is gone is told no more");
	assert_int_equal(t->a->in_start, t->a->in_end);
	t->a->queued = false;
	wait_ms(t, 100);
	assert_true(t->over && t->how == PROXY_RELAY_BROKE);
	assert_int_equal(t->relay.broken, PROXY_RELAY_DOWN);
	assert_int_equal(t->relay.ways[PROXY_RELAY_UP].bytes, 0);
	assert_int_equal(t->relay.ways[PROXY_RELAY_DOWN].bytes, 13);
}

static void last_words_that_ended_in_order_are_passed_on_so(void **state)
{
	struct between *t = *state;
	t->a->window = 4;
	say(t, t->b, "413 too large");
	t->relay.ways[PROXY_RELAY_DOWN].ended = true; /* read ahead of the relay */
	assert_false(t->over || t->a->finished);
	t->b->gone = true;
	say(t, t->a, "more");
	assert_false(t->over);
	t->a->window = SIZE_MAX;
	tell(t, t->a, PROXY_CAN_WRITE);
	assert_string_equal(memory_take(t->a), "413 too large");
	assert_true(t->a->finished);
	assert_true(t->over && t->how == PROXY_RELAY_BROKE);
}

static void what_is_held_of_who_ended_and_broke_is_passed_on(void **state)
{
	struct between *t = *state;
	t->a->window = 4;
	say(t, t->b, "last words");
	end(t, t->b);
	reset(t, t->b);
	assert_false(t->over);
	t->a->window = SIZE_MAX;
	tell(t, t->a, PROXY_CAN_WRITE);
	assert_string_equal(memory_take(t->a), "last words");
	assert_true(t->over && t->how == PROXY_RELAY_BROKE);
}

static void last_words_are_not_passed_on_without_end(void **state)
{
	struct between *t = *state;
	t->a->window = 4;
	memcpy(t->b->in, "last words", 10);
	t->b->in_end = 10;
	t->b->gone = true;
	say(t, t->a, "x");
	for (int i = 0; i < 9; i++) {
		wait_ms(t, 1000);
		assert_false(t->over);
	}
	wait_ms(t, 2000);
	assert_true(t->over && t->how == PROXY_RELAY_BROKE);
}

static void what_stands_still_ends(void **state)
{
	struct between *t = *state;
	wait_ms(t, 4000);
	say(t, t->a, "x"); /* earns another five seconds */
	wait_ms(t, 4000);
	assert_false(t->over);
	wait_ms(t, 2000);
	assert_true(t->over && t->how == PROXY_RELAY_IDLE);
}

static void without_a_buffer_it_ends(void **state)
{
	struct between *t = *state;
	t->w.buffers.max = 0;
	say(t, t->a, "x");
	assert_true(t->over && t->how == PROXY_RELAY_BUSY);
}

/* ---- between sockets ---- */

enum { MUCH = 24 << 20 };

static uint8_t byte_at(size_t i)
{
	return (uint8_t)(i * 2654435761u >> 13);
}

/* Pieces of all sizes; then the end. */
static void *speak(void *arg)
{
	int fd = *(int *)arg;
	static const size_t sizes[] = {1, 100, 5000, 1 << 14, 3 << 14, 7, 200000, 1 << 20};
	uint8_t *piece = malloc(1 << 20);
	assert_non_null(piece);
	for (size_t at = 0, k = 0; at < MUCH; k++) {
		size_t n = sizes[k % (sizeof(sizes) / sizeof(sizes[0]))];
		n = n < MUCH - at ? n : MUCH - at;
		for (size_t i = 0; i < n; i++)
			piece[i] = byte_at(at + i);
		for (size_t sent = 0; sent < n;) {
			ssize_t some = write(fd, piece + sent, n - sent);
			assert_true(some > 0);
			sent += (size_t)some;
		}
		at += n;
	}
	free(piece);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	return NULL;
}

static void *listen_to(void *arg)
{
	int fd = *(int *)arg;
	static _Thread_local uint8_t buf[1 << 16];
	size_t at = 0;
	for (ssize_t n; (n = read(fd, buf, sizeof(buf))) > 0;)
		for (ssize_t i = 0; i < n; i++, at++)
			if (buf[i] != byte_at(at))
				return NULL;
	return at == MUCH ? arg : NULL;
}

struct sockets {
	struct loop loop;
	struct proxy_io *io;
	struct proxy_transport *t[2];
	int mine[2];
	struct between between;
};

static void sockets_told(void *owner, unsigned events)
{
	struct sockets *s = owner;
	(void)events;
	if (!s->between.over)
		proxy_relay_turn(&s->between.relay);
}

static void sockets_init(struct sockets *s, struct ring *ring)
{
	*s = (struct sockets){0};
	assert_int_equal(loop_init(&s->loop), OK);
	const struct proxy_io_options o = {.loop = &s->loop,
					   .connections_max = 4,
					   .exchanges_max = 4,
					   .buffers_max = 2 * LOOP_EVENTS_MAX,
					   .ring = ring};
	assert_int_equal(proxy_io_new(&o, &s->io), OK);
	for (size_t i = 0; i < 2; i++) {
		int pair[2];
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		assert_int_equal(fcntl(pair[1], F_SETFL, O_NONBLOCK), 0);
		s->mine[i] = pair[0];
		assert_int_equal(proxy_io_accepted(s->io, pair[1], &s->t[i]), OK);
		s->t[i]->owner = s;
		s->t[i]->call = sockets_told;
	}
	proxy_relay_begin(&s->between.relay, proxy_io_worker(s->io), s->t[0], s->t[1], 0, over);
	s->between.relay.owner = &s->between;
}

static void sockets_done(struct sockets *s)
{
	proxy_relay_stop(&s->between.relay);
	for (size_t i = 0; i < 2; i++) {
		proxy_transport_close(s->t[i], false);
		close(s->mine[i]);
	}
	assert_int_equal(proxy_io_worker(s->io)->buffers.out, 0);
	proxy_io_free(s->io);
	loop_done(&s->loop);
}

static void much_goes_by_pipes_both_ways_unchanged(void **state)
{
	(void)state;
	struct sockets s;
	pthread_t speakers[2], listeners[2];
	sockets_init(&s, NULL);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(pthread_create(&speakers[i], NULL, speak, &s.mine[i]), 0);
		assert_int_equal(pthread_create(&listeners[i], NULL, listen_to, &s.mine[i]), 0);
	}
	while (!s.between.over)
		assert_int_equal(loop_turn(&s.loop, 1000), OK);
	assert_int_equal(s.between.how, PROXY_RELAY_ENDED);
	assert_int_equal(s.between.relay.ways[0].bytes, MUCH);
	assert_int_equal(s.between.relay.ways[1].bytes, MUCH);
	uint64_t spliced =
		proxy_count_get(&proxy_io_worker(s.io)->counts, PROXY_COUNT_SPLICED_BYTES);
	assert_true(spliced > 0 && spliced < 2 * (uint64_t)MUCH); /* the little ones are copied */
	for (size_t i = 0; i < 2; i++) {
		proxy_transport_close(TAKE(s.t[i]), false); /* the end that was left to this */
		assert_int_equal(pthread_join(speakers[i], NULL), 0);
	}
	for (size_t i = 0; i < 2; i++) {
		void *whole = NULL;
		assert_int_equal(pthread_join(listeners[i], &whole), 0);
		assert_non_null(whole);
	}
	sockets_done(&s);
}

/* So that pipes are thought worth it on the way up. */
static void send_much(struct sockets *s)
{
	static uint8_t buf[64 << 10];
	assert_int_equal(write(s->mine[0], buf, sizeof(buf)), sizeof(buf));
	for (size_t got = 0; got < sizeof(buf);) {
		assert_int_equal(loop_turn(&s->loop, 0), OK);
		ssize_t n = recv(s->mine[1], buf, sizeof(buf), MSG_DONTWAIT);
		got += n > 0 ? (size_t)n : 0;
	}
	assert_true(s->between.relay.ways[PROXY_RELAY_UP].much);
}

/* A pipe would take what came later, and ahead of it. */
static void what_was_received_ahead_is_copied_where_a_pipe_was_worth_it(void **state)
{
	(void)state;
	struct sockets s;
	struct ring *ring = NULL;
	char got[16] = {0};
	enum err e = ring_new(LOOP_EVENTS_MAX, &ring);
	if (e) {
		print_message("skipped: no ring of io_uring here: %s\n", err_text(e));
		skip();
	}
	sockets_init(&s, ring);
	send_much(&s);
	for (size_t i = 0; i < 2; i++) {
		s.t[i]->expects = true;
		assert_int_equal(write(s.mine[i], i ? "two" : "one", 3), 3);
	}
	assert_int_equal(loop_turn(&s.loop, 1000), OK);
	assert_int_equal(proxy_count_get(&proxy_io_worker(s.io)->counts, PROXY_COUNT_RING_RECEIVED),
			 2);
	assert_int_equal(recv(s.mine[1], got, sizeof(got), MSG_DONTWAIT), 3);
	assert_string_equal(got, "one");
	assert_int_equal(recv(s.mine[0], got, sizeof(got), MSG_DONTWAIT), 3);
	assert_string_equal(got, "two");
	sockets_done(&s);
	ring_free(ring);
}

static void little_after_much_goes_without_a_pipe(void **state)
{
	(void)state;
	struct sockets s;
	static uint8_t buf[64 << 10];
	sockets_init(&s, NULL);
	struct proxy_relay_way *up = &s.between.relay.ways[PROXY_RELAY_UP];
	send_much(&s);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(write(s.mine[0], "x", 1), 1);
		ssize_t n = -1;
		while (n < 0) {
			assert_int_equal(loop_turn(&s.loop, 0), OK);
			n = recv(s.mine[1], buf, sizeof(buf), MSG_DONTWAIT);
		}
		assert_int_equal(n, 1);
	}
	assert_false(up->much);
	assert_null(up->splice);
	assert_null(up->held);
	sockets_done(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bytes_go_both_ways_and_each_ends_alone),
		TEST(within_tls_no_write_goes_on_behind_the_end_of_a_record),
		TEST(records_of_nothing_leave_the_others_their_turn),
		TEST(who_broke_and_takes_nothing_is_not_asked_for_ever),
		TEST(the_end_comes_behind_what_waits),
		TEST(who_takes_nothing_is_not_read_for),
		TEST(what_was_read_before_goes_first),
		TEST(a_reset_is_told_with_its_side),
		TEST(what_came_before_a_reset_is_passed_on),
		TEST(who_has_ended_and_is_gone_is_noticed),
		TEST(to_write_to_who_is_gone_ends_it),
		TEST(last_words_of_who_is_gone_are_passed_on),
		TEST(last_words_that_ended_in_order_are_passed_on_so),
		TEST(what_is_held_of_who_ended_and_broke_is_passed_on),
		TEST(last_words_are_not_passed_on_without_end),
		TEST(what_stands_still_ends),
		TEST(without_a_buffer_it_ends),
		cmocka_unit_test(much_goes_by_pipes_both_ways_unchanged),
		cmocka_unit_test(little_after_much_goes_without_a_pipe),
		cmocka_unit_test(what_was_received_ahead_is_copied_where_a_pipe_was_worth_it),
	};
	(void)signal(SIGPIPE, SIG_IGN); /* as in the threads of a service */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
