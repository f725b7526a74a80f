#include "base/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void counts_every_kind_of_slip_once(void **state)
{
	(void)state;
	assert_int_equal(nearest_distance("listen", "listen"), 0);
	assert_int_equal(nearest_distance("listn", "listen"), 1);
	assert_int_equal(nearest_distance("llisten", "listen"), 1);
	assert_int_equal(nearest_distance("lisxen", "listen"), 1);
	assert_int_equal(nearest_distance("litsen", "listen"), 1);
	assert_int_equal(nearest_distance("LISTEN", "listen"), 0);
	assert_int_equal(nearest_distance("", "listen"), 6);
	assert_int_equal(nearest_distance("kitten", "sitting"), 3);
}

static void refuses_words_past_the_bound(void **state)
{
	(void)state;
	char word[NEAREST_WORD_MAX + 2];
	memset(word, 'a', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	assert_true(nearest_distance(word, "a") == SIZE_MAX);
	struct nearest n = nearest_to(word);
	nearest_offer(&n, "a");
	assert_null(n.word);
}

static void keeps_the_nearest_and_nothing_far(void **state)
{
	(void)state;
	struct nearest n = nearest_to("resolvr");
	nearest_offer(&n, "authority");
	assert_null(n.word);
	nearest_offer(&n, "resolve");
	nearest_offer(&n, "resolver");
	nearest_offer(&n, "resolvent");
	assert_string_equal(n.word, "resolve");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_every_kind_of_slip_once),
		cmocka_unit_test(refuses_words_past_the_bound),
		cmocka_unit_test(keeps_the_nearest_and_nothing_far),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
