#include "base/decimal.h"

#include "base/writer.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void writes_decimal_numbers_as_printf_does_or_not_at_all(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 64 * 3; i++) {
		/* Each power of two, and what is beside it. */
		uint64_t n = (UINT64_C(1) << (i / 3)) + i % 3 - 1;
		char text[24];
		size_t len = (size_t)snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
		for (size_t cap = len - 1; cap <= len; cap++) {
			struct guard g = guard_of(cap);
			struct writer w = writer_of(g.end - cap, cap);
			write_decimal(&w, n);
			assert_int_equal(w.bad, cap < len);
			assert_int_equal(w.pos, cap < len ? 0 : len);
			if (cap == len)
				assert_memory_equal(w.data, text, len);
			guard_done(&g);
		}
	}
	uint8_t room[20];
	struct writer w = writer_of(room, sizeof(room));
	write_decimal(&w, UINT64_MAX);
	assert_true(span_is(writer_span(&w), "18446744073709551615"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_decimal_numbers_as_printf_does_or_not_at_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
