#include "proxy/head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct proxy_head head; /* why-global: large, and each case empties it */

static int empty(void **state)
{
	(void)state;
	proxy_head_reset(&head);
	return 0;
}

static void check(size_t i, const char *name, const char *value)
{
	assert_true(i < head.fields_n);
	assert_true(span_is(head.fields[i].name, name));
	assert_true(span_is(head.fields[i].value, value));
	assert_int_equal(head.fields[i].id, http_field_id(span_text(name)));
}

static void adds_a_field_by_its_name_or_by_its_number(void **state)
{
	(void)state;
	assert_int_equal(proxy_head_add(&head, span_text("X-Own"), span_text("1")), OK);
	assert_int_equal(proxy_head_add(&head, span_text("Via"), span_text("a")), OK);
	assert_int_equal(proxy_head_add_known(&head, HTTP_FIELD_VIA, span_text("b")), OK);
	assert_int_equal(head.fields_n, 3);
	check(0, "X-Own", "1");
	check(1, "Via", "a");
	check(2, "via", "b");
}

static void sets_one_in_the_place_of_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(proxy_head_add(&head, span_text("AGE"), span_text("1")), OK);
		assert_int_equal(proxy_head_add(&head, span_text("x-aged"), span_text("2")), OK);
	}
	assert_int_equal(proxy_head_set_known(&head, HTTP_FIELD_AGE, span_text("3")), OK);
	assert_int_equal(head.fields_n, 4);
	check(3, "age", "3");
	assert_int_equal(proxy_head_set(&head, span_text("X-Aged"), span_text("4")), OK);
	assert_int_equal(head.fields_n, 2);
	check(0, "age", "3");
	check(1, "X-Aged", "4");
}

/* RFC 9110 5.5, 5.6.2: it would be read as more than one field. */
static void takes_nothing_that_tears_a_message(void **state)
{
	(void)state;
	const struct span torn = span_text("a\r\nb: c"), good = span_text("a");
	assert_int_equal(proxy_head_add(&head, span_text("age"), good), OK);
	assert_int_equal(proxy_head_add(&head, span_text("x"), torn), ERR_FORMAT);
	assert_int_equal(proxy_head_add(&head, torn, good), ERR_FORMAT);
	assert_int_equal(proxy_head_add_known(&head, HTTP_FIELD_VIA, torn), ERR_FORMAT);
	assert_int_equal(proxy_head_set(&head, span_text("age"), torn), ERR_FORMAT);
	assert_int_equal(proxy_head_set_known(&head, HTTP_FIELD_AGE, torn), ERR_FORMAT);
	assert_int_equal(head.fields_n, 1);
	check(0, "age", "a");
}

static void takes_no_more_than_there_is_room_for(void **state)
{
	(void)state;
	for (size_t i = 0; i < PROXY_FIELDS_MAX; i++)
		assert_int_equal(proxy_head_add_known(&head, HTTP_FIELD_VIA, span_text("a")), OK);
	assert_int_equal(proxy_head_add(&head, span_text("x"), span_text("b")), ERR_LIMIT);
	assert_int_equal(proxy_head_add_known(&head, HTTP_FIELD_AGE, span_text("b")), ERR_LIMIT);
	assert_int_equal(head.fields_n, PROXY_FIELDS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(adds_a_field_by_its_name_or_by_its_number, empty),
		cmocka_unit_test_setup(sets_one_in_the_place_of_all, empty),
		cmocka_unit_test_setup(takes_nothing_that_tears_a_message, empty),
		cmocka_unit_test_setup(takes_no_more_than_there_is_room_for, empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
