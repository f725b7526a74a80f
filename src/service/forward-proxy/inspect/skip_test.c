#include "base/arena.h"
#include "service/forward-proxy/inspect/skip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after those it needs */
#include <cmocka.h>

static struct arena arena;

static struct inspect_skip made(const char *const *texts, size_t n)
{
	struct span names[64];
	struct inspect_skip s;
	for (size_t i = 0; i < n; i++)
		names[i] = span_text(texts[i]);
	assert_int_equal(inspect_skip_new(&arena, names, n, &s), OK);
	return s;
}

static void nothing_is_skipped_by_an_empty_list(void **state)
{
	(void)state;
	const struct inspect_skip s = made(NULL, 0);
	assert_false(inspect_skip_has(&s, span_text("example.org")));
	assert_false(inspect_skip_has(&s, span_text("")));
}

static void a_name_skips_itself_and_what_is_below(void **state)
{
	(void)state;
	const char *const names[] = {"gov", "bank.example", "a.b.example.org", "bank.test"};
	const struct inspect_skip s = made(names, 4);
	const char *const in[] = {"bank.example", "www.bank.example", "x.y.bank.example", "gov",
				  "tax.gov",	  "a.b.example.org",  "c.a.b.example.org"};
	const char *const out[] = {"example",
				   "xbank.example",
				   "bank.example.org",
				   "b.example.org",
				   "a.example.org",
				   "govx",
				   "bank.exampl",
				   "ank.example",
				   ".",
				   "..",
				   "a..b"};
	for (size_t i = 0; i < sizeof(in) / sizeof(in[0]); i++)
		assert_true(inspect_skip_has(&s, span_text(in[i])));
	for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++)
		assert_false(inspect_skip_has(&s, span_text(out[i])));
}

/* As one would do it without sorting. */
static bool slowly(const char *const *names, size_t n, const char *host)
{
	size_t len = strlen(host);
	for (size_t i = 0; i < n; i++) {
		size_t k = strlen(names[i]);
		if (k <= len && strcmp(host + len - k, names[i]) == 0 &&
		    (k == len || host[len - k - 1] == '.'))
			return true;
	}
	return false;
}

static void random_name(char *ret, unsigned *seed)
{
	unsigned labels = 1 + (unsigned)rand_r(seed) % 4;
	for (unsigned i = 0; i < labels; i++) {
		if (i)
			*ret++ = '.';
		for (unsigned k = 1 + (unsigned)rand_r(seed) % 2; k; k--)
			*ret++ = (char)('a' + rand_r(seed) % 2);
	}
	*ret = '\0';
}

static void finds_what_a_slow_search_finds(void **state)
{
	(void)state;
	unsigned seed = 7, found = 0;
	for (int round = 0; round < 200; round++) {
		char room[20][16], host[16];
		const char *names[20];
		for (size_t i = 0; i < 20; i++) {
			random_name(room[i], &seed);
			names[i] = room[i];
		}
		const struct inspect_skip s = made(names, 20);
		for (int k = 0; k < 50; k++) {
			random_name(host, &seed);
			bool is = inspect_skip_has(&s, span_text(host));
			assert_int_equal(is, slowly(names, 20, host));
			found += is;
		}
		arena_reset(&arena);
	}
	assert_in_range(found, 100, 9900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_skipped_by_an_empty_list),
		cmocka_unit_test(a_name_skips_itself_and_what_is_below),
		cmocka_unit_test(finds_what_a_slow_search_finds),
	};
	arena_init(&arena, 1 << 20);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_done(&arena);
	return failed;
}
