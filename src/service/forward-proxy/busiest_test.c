#include "service/forward-proxy/busiest.h"

#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { HOSTS = 4000, ROUNDS = 200000 };

static struct busiest *begin(void)
{
	struct busiest *b = calloc(1, sizeof(*b));
	assert_non_null(b);
	busiest_init(b, (struct hash_key){1, 2});
	return b;
}

static void end(struct busiest *b)
{
	busiest_done(b);
	free(b);
}

static size_t name_of(unsigned number, char text[32])
{
	return (size_t)snprintf(text, 32, "host-%u.example", number);
}

/* Beside an exact count: each number is at most `over` too large, never too small, and who has more
 * than a 256th of all is there. */
static void counts_the_busiest_among_many(void **state)
{
	struct busiest *b = begin();
	static uint64_t exact[HOSTS];
	struct test_random random = test_random_begin();
	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		char text[32];
		uint64_t r = test_random_next(&random);
		/* Few are asked for often, many seldom. */
		unsigned number = (unsigned)(r % 4 ? (r >> 8) % 40 : (r >> 8) % HOSTS);
		exact[number]++;
		busiest_add(b, span_of(text, name_of(number, text)), 10);
	}
	assert_int_equal(b->n, BUSIEST_MAX);
	for (unsigned number = 0; number < HOSTS; number++) {
		const struct busiest_row *found = NULL;
		char text[32];
		size_t len = name_of(number, text);
		for (size_t i = 0; i < b->n; i++)
			if (span_equal(span_of(b->rows[i].text, b->rows[i].len),
				       span_of(text, len)))
				found = &b->rows[i];
		assert_true(found || exact[number] <= ROUNDS / BUSIEST_MAX);
		if (!found)
			continue;
		assert_true(found->requests >= exact[number]);
		assert_true(found->requests - found->over <= exact[number]);
	}
	end(b);
}

/* Whoever is new takes the place of one of the least, whatever grew in between. */
static void one_of_the_least_gives_its_place_up(void **state)
{
	struct busiest *b = begin();
	struct test_random random = test_random_begin();
	char text[32];
	(void)state;
	for (unsigned i = 0; i < BUSIEST_MAX; i++)
		busiest_add(b, span_of(text, name_of(i, text)), 1);
	for (unsigned i = BUSIEST_MAX; i < 20 * BUSIEST_MAX; i++) {
		uint64_t least = UINT64_MAX, over = UINT64_MAX;
		for (uint64_t n = test_random_below(&random, 4); n; n--) {
			const struct busiest_row *r =
				&b->rows[test_random_below(&random, BUSIEST_MAX)];
			busiest_add(b, span_of(r->text, r->len), 1);
		}
		for (size_t at = 0; at < BUSIEST_MAX; at++)
			if (b->rows[at].requests < least)
				least = b->rows[at].requests;
		size_t len = name_of(i, text);
		busiest_add(b, span_of(text, len), 1);
		for (size_t at = 0; at < BUSIEST_MAX; at++)
			if (span_equal(span_of(b->rows[at].text, b->rows[at].len),
				       span_of(text, len)))
				over = b->rows[at].over;
		assert_int_equal(over, least);
	}
	end(b);
}

static void adds_up_what_several_have_counted(void **state)
{
	struct busiest *b[2] = {begin(), begin()};
	struct busiest_row rows[8];
	(void)state;
	busiest_add(b[0], span_text("a.example"), 5);
	busiest_add(b[0], span_text("b.example"), 1);
	busiest_add(b[1], span_text("a.example"), 7);
	busiest_add(b[1], span_text("a.exampl"), 1);
	rows[0] = b[0]->rows[0];
	rows[1] = b[0]->rows[1];
	rows[2] = b[1]->rows[0];
	rows[3] = b[1]->rows[1];
	assert_int_equal(busiest_merge(rows, 4), 3);
	assert_true(span_is(span_of(rows[0].text, rows[0].len), "a.example"));
	assert_int_equal(rows[0].requests, 2);
	assert_int_equal(rows[0].bytes, 12);
	assert_int_equal(rows[1].requests, 1);
	assert_int_equal(busiest_merge(rows, 0), 0);
	end(b[0]);
	end(b[1]);
}

static void a_text_that_is_too_long_is_cut(void **state)
{
	struct busiest *b = begin();
	char text[2 * BUSIEST_TEXT_MAX];
	(void)state;
	memset(text, 'x', sizeof(text));
	busiest_add(b, span_of(text, sizeof(text)), 1);
	busiest_add(b, span_of(text, BUSIEST_TEXT_MAX), 1);
	assert_int_equal(b->n, 1);
	assert_int_equal(b->rows[0].requests, 2);
	end(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_the_busiest_among_many),
		cmocka_unit_test(one_of_the_least_gives_its_place_up),
		cmocka_unit_test(adds_up_what_several_have_counted),
		cmocka_unit_test(a_text_that_is_too_long_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
