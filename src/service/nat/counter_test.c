#include "service/nat/counter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

static void each_counter_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NAT_C_N; i++) {
		const struct nat_counter_name *a = nat_counter_name(i);
		assert_string_not_equal(a->metric, "nat_other_total");
		for (unsigned k = 0; k < i; k++) {
			const struct nat_counter_name *b = nat_counter_name(k);
			if (strcmp(a->metric, b->metric) == 0)
				assert_true(a->cause && b->cause &&
					    strcmp(a->cause, b->cause) != 0);
		}
	}
	assert_string_equal(nat_counter_name(NAT_C_N)->metric, "nat_other_total");
}

static void rows_of_one_name_stand_side_by_side(void **state)
{
	(void)state;
	for (unsigned i = 2; i < NAT_C_N; i++)
		for (unsigned k = 0; k + 1 < i; k++)
			if (strcmp(nat_counter_name(i)->metric, nat_counter_name(k)->metric) == 0)
				assert_string_equal(nat_counter_name(i)->metric,
						    nat_counter_name(i - 1)->metric);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_counter_has_a_name_of_its_own),
		cmocka_unit_test(rows_of_one_name_stand_side_by_side),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
