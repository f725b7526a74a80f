#include "service/reverse-proxy/route/errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void what_is_no_status_of_an_error_is_refused(void **state)
{
	(void)state;
	static const char *const none[] = {"",	      "40",	 "4040", "399",	     "600", "500-",
					   "500-600", "510-500", "-500", "500-510-", "5xx", "+404",
					   " 404",    "404 ",	 "0404", "500--510"};
	uint16_t first = 7, last = 7;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_int_equal(error_statuses_read(none[i], &first, &last), ERR_FORMAT);
	assert_int_equal(first + last, 14);
	assert_int_equal(error_statuses_read("404", &first, &last), OK);
	assert_int_equal(first, 404);
	assert_int_equal(last, 404);
	assert_int_equal(error_statuses_read("400-599", &first, &last), OK);
	assert_int_equal(first, 400);
	assert_int_equal(last, 599);
}

static void the_narrowest_range_counts(void **state)
{
	(void)state;
	struct error_page all[] = {
		{.first = 400, .last = 599, .servers = true},
		{.first = 500, .last = 599},
		{.first = 503, .last = 503},
		{.first = 503, .last = 503},
	};
	const struct error_pages pages = {all, 4};
	assert_ptr_equal(error_page_find(&pages, 404, false), &all[0]);
	assert_ptr_equal(error_page_find(&pages, 500, false), &all[1]);
	assert_ptr_equal(error_page_find(&pages, 503, false), &all[2]);
	assert_ptr_equal(error_page_find(&pages, 503, true), &all[0]);
	assert_null(error_page_find(&pages, 399, false));
	assert_null(error_page_find(&pages, 200, true));
	assert_null(error_page_find(&(struct error_pages){0}, 404, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_status_of_an_error_is_refused),
		cmocka_unit_test(the_narrowest_range_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
