#include "proto/http/field.h"

#include <ctype.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void finds_every_name_in_any_case(void **state)
{
	(void)state;
	for (uint16_t id = 1; id < HTTP_FIELD_IDS; id++) {
		struct span name = http_field_name(id);
		char upper[64];
		assert_true(name.len > 0 && name.len < sizeof(upper));
		assert_int_equal(http_field_id(name), id);
		for (size_t i = 0; i < name.len; i++)
			upper[i] = (char)toupper(name.data[i]);
		assert_int_equal(http_field_id(span_of(upper, name.len)), id);
	}
}

static void does_not_find_what_only_looks_alike(void **state)
{
	(void)state;
	assert_int_equal(http_field_id((struct span){0}), HTTP_FIELD_OTHER);
	assert_int_equal(http_field_id(span_text("x")), HTTP_FIELD_OTHER);
	for (uint16_t id = 1; id < HTTP_FIELD_IDS; id++) {
		struct span name = http_field_name(id);
		char text[64];
		memcpy(text, name.data, name.len);
		for (size_t i = 0; i < name.len; i++)
			for (unsigned bit = 0; bit < 8; bit++) {
				text[i] = (char)(name.data[i] ^ (1u << bit));
				uint16_t found = http_field_id(span_of(text, name.len));
				bool same_letter = bit == 5 && isalpha(name.data[i]);
				assert_int_equal(found, same_letter ? id : HTTP_FIELD_OTHER);
				text[i] = (char)name.data[i];
			}
		assert_int_equal(http_field_id(span_of(text, name.len - 1)), HTTP_FIELD_OTHER);
	}
}

static void names_the_fields_of_one_connection(void **state)
{
	(void)state;
	assert_true(http_field_is_hop_by_hop(http_field_id(span_text("Connection"))));
	assert_true(http_field_is_hop_by_hop(http_field_id(span_text("TE"))));
	assert_false(http_field_is_hop_by_hop(http_field_id(span_text("Trailer"))));
	assert_false(http_field_is_hop_by_hop(HTTP_FIELD_OTHER));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_every_name_in_any_case),
		cmocka_unit_test(does_not_find_what_only_looks_alike),
		cmocka_unit_test(names_the_fields_of_one_connection),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
