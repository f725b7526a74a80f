#include "proto/http/accept.h"

#include "base/writer.h"
#include "proto/http/basic.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static unsigned coding(const char *value, const char *name)
{
	return accept_coding(span_text(value), name);
}

static unsigned media(const char *value, const char *type)
{
	return accept_media(span_text(value), type);
}

static void weighs_codings(void **state)
{
	(void)state;
	/* RFC 9110 12.5.3's examples, and its rules for identity. */
	assert_int_equal(coding("compress, gzip", "gzip"), 1000);
	assert_int_equal(coding("compress, gzip", "br"), 0);
	assert_int_equal(coding("", "gzip"), 0);
	assert_int_equal(coding("", "identity"), 1000);
	assert_int_equal(coding("*", "br"), 1000);
	assert_int_equal(coding("compress;q=0.5, gzip;q=1.0", "gzip"), 1000);
	assert_int_equal(coding("gzip;q=1.0, identity; q=0.5, *;q=0", "identity"), 500);
	assert_int_equal(coding("gzip;q=1.0, identity; q=0.5, *;q=0", "br"), 0);
	assert_int_equal(coding("*;q=0", "identity"), 0);
	assert_int_equal(coding("GZIP;Q=0.125", "gzip"), 125);
	assert_int_equal(coding("x-gzip", "gzip"), 1000);
	assert_int_equal(coding("gzip;q=0", "gzip"), 0);
}

static void passes_over_malformed_items(void **state)
{
	(void)state;
	assert_int_equal(coding("gzip;q=2", "gzip"), 0);
	assert_int_equal(coding("gzip;q=1.001", "gzip"), 0);
	assert_int_equal(coding("gzip;q=0.1234, br", "br"), 1000);
	assert_int_equal(coding("gzip;q=", "gzip"), 0);
	assert_int_equal(coding(",,;q=1,gzip", "gzip"), 1000);
	assert_int_equal(coding("gzip;q=.5", "gzip"), 0);
}

static void weighs_types_by_the_closest_range(void **state)
{
	(void)state;
	static const char value[] = "text/*;q=0.3, text/html;q=0.7, */*;q=0.5";
	assert_int_equal(media(value, "text/html"), 700);
	assert_int_equal(media(value, "text/plain"), 300);
	assert_int_equal(media(value, "image/png"), 500);
	assert_int_equal(media("", "image/png"), 1000);
	assert_int_equal(media("text/html;level=\"1,2\";q=0.2", "text/html"), 200);
	assert_int_equal(media("application/json", "text/html"), 0);
}

/* RFC 7617 2: the user "Aladdin" with the password "open sesame". */
static const char aladdin[] = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";

static void reads_credentials(void **state)
{
	(void)state;
	struct span base64, name, password;
	uint8_t buf[BASIC_MAX];
	assert_int_equal(basic_read(span_text(aladdin), &base64), OK);
	assert_int_equal(basic_decode(base64, buf, &name, &password), OK);
	assert_true(span_is(name, "Aladdin") && span_is(password, "open sesame"));
}

static void writes_credentials_that_are_read(void **state)
{
	(void)state;
	static const char long_one[BASIC_MAX] = {1};
	char text[BASIC_MAX * 2];
	struct span base64, name, password;
	uint8_t buf[BASIC_MAX];
	struct writer w = writer_of(text, sizeof(text));
	basic_write(&w, span_text("Aladdin"), span_text("open sesame"));
	assert_true(span_is(writer_span(&w), aladdin));
	for (size_t n = 0; n < 12; n++) {
		w = writer_of(text, sizeof(text));
		basic_write(&w, span_text("me"), span_of("a:b:c:d:e:f:", n));
		assert_int_equal(basic_read(writer_span(&w), &base64), OK);
		assert_int_equal(basic_decode(base64, buf, &name, &password), OK);
		assert_true(span_is(name, "me") && password.len == n);
	}
	w = writer_of(text, sizeof(text));
	basic_write(&w, span_text("a:b"), span_text("c"));
	assert_int_equal(writer_check(&w), ERR_LIMIT);
	w = writer_of(text, sizeof(text));
	basic_write(&w, span_text("a"), span_of(long_one, sizeof(long_one)));
	assert_int_equal(writer_check(&w), ERR_LIMIT);
}

static enum err credentials(const char *text)
{
	struct span base64, name, password;
	uint8_t buf[BASIC_MAX];
	enum err e = basic_read(span_text(text), &base64);
	return e ? e : basic_decode(base64, buf, &name, &password);
}

static void refuses_credentials_in_another_form(void **state)
{
	(void)state;
	assert_int_equal(credentials("Bearer abcd"), ERR_ABSENT);
	assert_int_equal(credentials(""), ERR_ABSENT);
	assert_int_equal(credentials("Basic"), ERR_FORMAT);
	assert_int_equal(credentials("Basic YTpi="), ERR_FORMAT);
	assert_int_equal(credentials("Basic YTpi YTpi"), ERR_FORMAT);
	assert_int_equal(credentials("Basic YQ=="), ERR_FORMAT);     /* no colon */
	assert_int_equal(credentials("Basic YTp="), ERR_FORMAT);     /* bits behind the end */
	assert_int_equal(credentials("Basic YT=="), ERR_FORMAT);     /* the same */
	assert_int_equal(credentials("Basic YTo=YTpi"), ERR_FORMAT); /* an end in the middle */
	assert_int_equal(credentials("Basic YToK"), ERR_FORMAT);     /* a line feed */
	char large[1024] = "Basic ";
	memset(large + 6, 'A', 1000);
	assert_int_equal(credentials(large), ERR_LIMIT);
}

static void read_anything(const uint8_t *data, size_t len)
{
	struct span s = span_of(data, len), base64, name, password;
	uint8_t buf[BASIC_MAX];
	assert_true(accept_coding(s, "gzip") <= ACCEPT_FULL);
	assert_true(accept_media(s, "text/html") <= ACCEPT_FULL);
	if (basic_read(s, &base64) == OK && basic_decode(base64, buf, &name, &password) == OK)
		assert_true(name.len + password.len < BASIC_MAX);
}

static void stays_inside(void **state)
{
	(void)state;
	static const char value[] = "text/html;a=\"x\\\",\";q=0.7, gzip;q=1.000,*/*;q=0.5";
	guard_every_prefix(value, sizeof(value) - 1, read_anything);
	guard_every_bit_flip(value, sizeof(value) - 1, read_anything);
	guard_every_prefix(aladdin, sizeof(aladdin) - 1, read_anything);
	guard_every_bit_flip(aladdin, sizeof(aladdin) - 1, read_anything);
}

static void a_language_is_named_by_its_parts_too(void **state)
{
	(void)state;
	static const struct {
		const char *value;
		unsigned ko, en;
	} cases[] = {{"", 0, 0},
		     {"ko", 1000, 0},
		     {"ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", 900, 700},
		     {"en-US", 0, 1000},
		     {"KO-kr;q=0.5, *;q=0.1", 500, 100},
		     {"*", 1000, 1000},
		     {"ko;q=0, *", 0, 1000},
		     {"korean, k, ko_KR", 0, 0},
		     {"de, fr;q=0.9", 0, 0}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(accept_language(span_text(cases[i].value), "ko"), cases[i].ko);
		assert_int_equal(accept_language(span_text(cases[i].value), "en"), cases[i].en);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_language_is_named_by_its_parts_too),
		cmocka_unit_test(weighs_codings),
		cmocka_unit_test(passes_over_malformed_items),
		cmocka_unit_test(weighs_types_by_the_closest_range),
		cmocka_unit_test(reads_credentials),
		cmocka_unit_test(writes_credentials_that_are_read),
		cmocka_unit_test(refuses_credentials_in_another_form),
		cmocka_unit_test(stays_inside),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
