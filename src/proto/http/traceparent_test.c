#include "proto/http/traceparent.h"

#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* 3.2.3 of the Recommendation. */
#define GOOD "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static enum err read_one(const char *text)
{
	struct traceparent t;
	size_t len = strlen(text);
	uint8_t *copy = guard_copy(text, len);
	enum err e = traceparent_read(span_of(copy, len), &t);
	guard_free(copy, len);
	return e;
}

static void refuses_what_is_none(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
		"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"0g-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
		"00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(read_one(bad[i]), ERR_FORMAT);
}

static void every_prefix_is_refused(void **state)
{
	(void)state;
	for (size_t len = 0; len < TRACEPARENT_TEXT; len++) {
		char text[TRACEPARENT_TEXT + 1] = "";
		memcpy(text, GOOD, len);
		text[len] = 0;
		assert_int_equal(read_one(text), ERR_FORMAT);
	}
}

static void what_is_read_is_written_alike(void **state)
{
	(void)state;
	struct traceparent t;
	uint8_t text[TRACEPARENT_TEXT];
	assert_int_equal(traceparent_read(span_text(GOOD), &t), OK);
	assert_int_equal(t.trace_id[0], 0x4b);
	assert_int_equal(t.parent_id[7], 0xb7);
	traceparent_write(&t, text);
	assert_memory_equal(text, GOOD, sizeof(text));
}

/* 4.3 and 3.2.2.5.1 */
static void a_later_version_is_understood_by_its_beginning(void **state)
{
	(void)state;
	struct traceparent t;
	uint8_t text[TRACEPARENT_TEXT];
	assert_int_equal(traceparent_read(span_text("cc-4bf92f3577b34da6a3ce929d0e0e4736-"
						    "00f067aa0ba902b7-ff-what-comes-then"),
					  &t),
			 OK);
	traceparent_write(&t, text);
	assert_memory_equal(text, GOOD, sizeof(text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_none),
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(what_is_read_is_written_alike),
		cmocka_unit_test(a_later_version_is_understood_by_its_beginning),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
