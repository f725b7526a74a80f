#include "http-cache/vary.h"

#include "base/writer.h"
#include "http-cache/fields_test.h"

#include <stdio.h>

static bool match(const char *vary, const char *a, const char *b)
{
	uint8_t names_room[CACHE_VARY_MAX], rooms[2][CACHE_VARY_MAX];
	struct test_fields v = test_fields(vary), fa = test_fields(a), fb = test_fields(b);
	struct writer names = writer_of(names_room, sizeof(names_room));
	struct writer wa = writer_of(rooms[0], CACHE_VARY_MAX);
	struct writer wb = writer_of(rooms[1], CACHE_VARY_MAX);
	cache_vary_names(test_view(&v), &names);
	cache_vary_write(writer_span(&names), test_view(&fa), &wa);
	cache_vary_write(writer_span(&names), test_view(&fb), &wb);
	assert_false(names.bad || wa.bad || wb.bad);
	return span_equal(writer_span(&wa), writer_span(&wb));
}

static void refuses_other_values(void **state)
{
	(void)state;
	/* 4.1: "it MUST NOT use that response unless all the selecting header fields ... match". */
	assert_false(match("vary: accept-language", "accept-language: de", "accept-language: ko"));
	assert_false(match("vary: a, b", "a: 1\nb: 1", "a: 1\nb: 2"));
	assert_false(match("vary: a\nvary: b", "a: 1\nb: 1", "a: 1\nb: 2"));
	/* "If (after any normalization that might take place) a header field is absent from a
	 * request, it can only match another request if it is also absent there." */
	assert_false(match("vary: a", "", "a: 1"));
	assert_false(match("vary: a", "", "a:"));
	/* Nothing of one value is taken for the end of another. */
	assert_false(match("vary: a, b", "a: 1,2\nb: 3", "a: 1\nb: 2,3"));
	assert_false(match("vary: a, b", "a: 1", "b: 1"));
	/* Case means something where nobody says that it does not; order too. */
	assert_false(match("vary: x", "x: A", "x: a"));
	assert_false(match("vary: accept-language", "accept-language: de, ko",
			   "accept-language: ko, de"));
	assert_false(
		match("vary: accept-encoding", "accept-encoding: gzip", "accept-encoding: br"));
	assert_false(match("vary: accept-encoding", "accept-encoding: gzip;q=0",
			   "accept-encoding: gzip"));
	assert_false(match("vary: x", "x: \"a, b\"", "x: \"a,b\""));
}

static void matches_what_means_the_same(void **state)
{
	(void)state;
	assert_true(match("vary: ACCEPT-Language", "accept-language: de", "Accept-Language: de"));
	assert_true(match("vary: a", "", "b: 1"));
	assert_true(match("vary:", "a: 1", "a: 2"));
	/* "adding or removing whitespace, where allowed in the header field's syntax; combining
	 * multiple header field lines with the same field name" */
	assert_true(match("vary: a", "a: x, y", "a: x,y"));
	assert_true(match("vary: a", "a: x\na: y", "a: x , y"));
	/* "normalizing both header field values in a way that is known to have identical
	 * semantics" */
	assert_true(match("vary: accept-encoding", "accept-encoding: gzip, br;q=0.5",
			  "accept-encoding: BR; q=0.5,gzip"));
}

static void names_are_bounded_and_told_once(void **state)
{
	(void)state;
	uint8_t room[CACHE_VARY_MAX];
	char text[512] = "vary: a, A, b c, , d";
	struct test_fields f = test_fields(text);
	struct writer w = writer_of(room, sizeof(room));
	cache_vary_names(test_view(&f), &w);
	assert_true(span_is(writer_span(&w), "a d"));
	(void)snprintf(text, sizeof(text), "vary: ");
	for (int i = 0; i <= CACHE_VARY_NAMES_MAX; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "n%d, ", i);
	f = test_fields(text);
	w = writer_of(room, sizeof(room));
	cache_vary_names(test_view(&f), &w);
	assert_true(w.bad);
}

static void many_codings_are_kept_to_the_last(void **state)
{
	(void)state;
	char a[512] = "accept-encoding: ", b[512] = "accept-encoding: ";
	for (int i = 0; i < 20; i++) {
		(void)snprintf(a + strlen(a), sizeof(a) - strlen(a), "c%02d, ", i);
		(void)snprintf(b + strlen(b), sizeof(b) - strlen(b), "c%02d, ", i == 19 ? 20 : i);
	}
	assert_true(match("vary: accept-encoding", a, a));
	assert_false(match("vary: accept-encoding", a, b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_other_values),
		cmocka_unit_test(matches_what_means_the_same),
		cmocka_unit_test(names_are_bounded_and_told_once),
		cmocka_unit_test(many_codings_are_kept_to_the_last),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
