#include "base/base64url.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* RFC 4648 10 without the padding, and the two digits that are not base64's. */
static const struct {
	const char *octets, *text;
} vectors[] = {
	{"", ""},	    {"f", "Zg"},	  {"fo", "Zm8"},	  {"foo", "Zm9v"},
	{"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff", "-_8"}};

static void writes_and_reads_the_vectors_of_rfc_4648(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		char buf[16];
		struct writer w = writer_of(buf, sizeof(buf));
		base64url_write(&w, span_text(vectors[i].octets));
		assert_true(span_is(writer_span(&w), vectors[i].text));
		assert_int_equal(w.pos, BASE64URL_LEN(strlen(vectors[i].octets)));
		w = writer_of(buf, sizeof(buf));
		assert_int_equal(base64url_read(span_text(vectors[i].text), &w), OK);
		assert_true(span_is(writer_span(&w), vectors[i].octets));
	}
}

static void refuses_every_other_form(void **state)
{
	(void)state;
	static const char *const bad[] = {"Z",	  "Zg==",   "Zh",    "Zm9",   "Zm+v",
					  "Zm/v", "Zm9v\n", " Zm9v", "Zm9vY", "Zm=v"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char buf[16];
		struct writer w = writer_of(buf, sizeof(buf));
		assert_int_equal(base64url_read(span_text(bad[i]), &w), ERR_FORMAT);
	}
	assert_true(base64url_is(span_text("-_aZ9")));
	assert_false(base64url_is(span_text("a/b")));
	assert_false(base64url_is(span_of("a\0b", 3)));
	uint8_t buf[3];
	struct writer w = writer_of(buf, 2);
	assert_int_equal(base64url_read(span_text("Zm9v"), &w), ERR_LIMIT);
	w = writer_of(buf, 3);
	assert_int_equal(base64url_read(span_of("Zm\0v", 4), &w), ERR_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_every_other_form),
		cmocka_unit_test(writes_and_reads_the_vectors_of_rfc_4648),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
