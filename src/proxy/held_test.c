#include "proxy/held.h"

#include "proxy/buffer.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct stage {
	struct proxy_buffers pool;
	struct proxy_transport t;
	struct proxy_held held;
};

static int set_up(void **state)
{
	static struct stage s;
	s = (struct stage){.t.ready = PROXY_CAN_READ | PROXY_CAN_WRITE};
	proxy_buffers_init(&s.pool, 4);
	s.held.pool = &s.pool;
	*state = &s;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *s = *state;
	proxy_held_drop(&s->held);
	assert_int_equal(s->pool.out, 0);
	proxy_buffers_done(&s->pool);
	return 0;
}

static void keep(struct stage *s, const void *bytes, size_t len, enum err e)
{
	struct proxy_buffer *b = proxy_buffer_take(&s->pool);
	assert_non_null(b);
	if (len)
		memcpy(b->data, bytes, len);
	b->end = (uint32_t)len;
	s->t.ready |= PROXY_CAN_READ;
	proxy_held_keep(&s->held, &s->t, b, e);
	assert_true(s->t.holds);
}

static bool can_read(const struct stage *s)
{
	return s->t.ready & PROXY_CAN_READ;
}

/* To its last byte, and no byte of it twice; looks at it take nothing. */
static void is_read_in_any_pieces(void **state)
{
	struct stage *s = *state;
	struct test_random random = test_random_begin();
	static uint8_t bytes[PROXY_BUFFER_SIZE], got[PROXY_BUFFER_SIZE], seen[PROXY_BUFFER_SIZE];
	test_random_fill(&random, bytes, sizeof(bytes));
	for (int round = 0; round < 200; round++) {
		size_t len = round ? 1 + test_random_below(&random, 2000) : sizeof(bytes);
		size_t most = 1 + test_random_below(&random, len + 3), at = 0, n = 0, same = 0;
		bool more = round & 1;
		keep(s, bytes, len, OK);
		s->held.more = more;
		while (s->t.holds) {
			size_t size = 1 + test_random_below(&random, most);
			assert_true(at < len && can_read(s));
			assert_int_equal(proxy_held_peek(&s->held, seen, size, &same), OK);
			assert_int_equal(proxy_held_read(&s->held, &s->t, got + at, size, &n), OK);
			assert_true(n && n <= size && n == same);
			assert_memory_equal(got + at, seen, n);
			at += n;
		}
		assert_int_equal(at, len);
		assert_memory_equal(got, bytes, len);
		/* Who looks on where nothing more may be looks in vain; elsewhere he must. */
		assert_int_equal(can_read(s), more);
		assert_true(s->t.ready & PROXY_CAN_WRITE);
		assert_int_equal(s->pool.out, 0);
	}
}

static void what_is_left_of_it_is_taken_over_as_it_lies(void **state)
{
	struct stage *s = *state;
	struct proxy_buffers other;
	char byte;
	size_t n;
	proxy_buffers_init(&other, 4);
	for (int more = 0; more < 2; more++) {
		keep(s, "bytes", 5, OK);
		s->held.more = more;
		struct proxy_buffer *lies = s->held.bytes;
		assert_int_equal(proxy_held_read(&s->held, &s->t, &byte, 1, &n), OK);
		assert_null(proxy_held_take(&s->held, &s->t, &s->pool, 3));
		assert_null(proxy_held_take(&s->held, &s->t, &other, 4));
		assert_true(s->t.holds && can_read(s));
		struct proxy_buffer *b = proxy_held_take(&s->held, &s->t, &s->pool, 4);
		assert_ptr_equal(b, lies);
		assert_true(span_is(proxy_buffer_span(b), "ytes"));
		assert_false(s->t.holds);
		assert_int_equal(can_read(s), more);
		proxy_held_drop(&s->held); /* it has nothing by now */
		assert_int_equal(s->pool.out, 1);
		proxy_buffer_give(&s->pool, b);
	}
	proxy_buffers_done(&other);
}

/* Once, and what follows is for the socket to say. */
static void an_end_or_an_error_is_told_by_a_read(void **state)
{
	struct stage *s = *state;
	static const enum err ends[] = {ERR_CLOSED, (enum err)ECONNRESET};
	char got[4];
	size_t n = 7;
	for (size_t i = 0; i < 2; i++) {
		keep(s, NULL, 0, ends[i]);
		assert_null(proxy_held_take(&s->held, &s->t, &s->pool, 99));
		assert_int_equal(proxy_held_peek(&s->held, got, sizeof(got), &n), ends[i]);
		assert_true(s->t.holds);
		assert_int_equal(proxy_held_read(&s->held, &s->t, got, sizeof(got), &n), ends[i]);
		assert_int_equal(n, 7);
		assert_false(s->t.holds);
		assert_true(can_read(s));
		assert_int_equal(s->pool.out, 0);
	}
}

static void who_closes_gives_it_back(void **state)
{
	struct stage *s = *state;
	keep(s, "bytes", 5, OK);
	proxy_held_drop(&s->held);
	assert_int_equal(s->pool.out, 0);
	proxy_held_drop(&s->held);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(is_read_in_any_pieces),
		TEST(what_is_left_of_it_is_taken_over_as_it_lies),
		TEST(an_end_or_an_error_is_told_by_a_read),
		TEST(who_closes_gives_it_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
