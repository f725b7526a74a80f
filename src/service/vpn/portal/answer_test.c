#include "service/vpn/portal/answer.h"

#include "proto/http/http1.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static char buf[4096];
static const struct answer_policy policy = {"'sha256-x'", true};

static const char *value(const struct http_response *r, const char *name)
{
	static char text[512];
	const struct http_field *h = http_head_find(&r->head, name);
	if (!h)
		return NULL;
	assert_true(span_to_cstr(h->value, text, sizeof(text)));
	return text;
}

static struct http_response read_back(const struct writer *w, const char *method)
{
	struct http_response r;
	assert_int_equal(writer_check(w), OK);
	assert_int_equal(http_response_read(writer_span(w), span_text(method), &r), PARSE_DONE);
	return r;
}

static void carries_what_asvs_asks(void **state)
{
	struct writer w = writer_of(buf, sizeof(buf));
	(void)state;
	struct answer a = page_answer_begin(&w, &policy, 200, true);
	page_answer_cookie(&a, ANSWER_COOKIE_SESSION, span_text("abc"), 60);
	page_answer_body(&a, "text/html; charset=utf-8");
	write_text(&w, "<p>");
	page_answer_end(&a);
	struct http_response r = read_back(&w, "GET");
	assert_string_equal(value(&r, "Cache-Control"), "no-store");
	assert_string_equal(value(&r, "X-Content-Type-Options"), "nosniff");
	assert_string_equal(value(&r, "X-Frame-Options"), "DENY");
	assert_string_equal(value(&r, "Referrer-Policy"), "same-origin");
	assert_string_equal(value(&r, "Strict-Transport-Security"), "max-age=31536000");
	assert_string_equal(value(&r, "Content-Security-Policy"),
			    "default-src 'none'; style-src 'sha256-x'; img-src 'self'; form-action "
			    "'self'; frame-ancestors 'none'; base-uri 'none'");
	assert_string_equal(
		value(&r, "Set-Cookie"),
		"__Host-session=abc; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=60");
	assert_int_equal(r.head.content_length, 3);
	assert_true(r.head.keep_alive);
}

static void demands_no_tls_of_a_host_whose_authority_is_its_own(void **state)
{
	struct answer_policy own = {"'sha256-x'", false};
	struct writer w = writer_of(buf, sizeof(buf));
	(void)state;
	struct answer a = page_answer_begin(&w, &own, 200, false);
	page_answer_body(&a, NULL);
	page_answer_end(&a);
	struct http_response r = read_back(&w, "GET");
	assert_null(value(&r, "Strict-Transport-Security"));
	assert_non_null(value(&r, "Content-Security-Policy"));
	assert_false(r.head.keep_alive);
}

static void head_measures_the_body_and_leaves_it_out(void **state)
{
	struct writer w = writer_of(buf, sizeof(buf));
	(void)state;
	struct answer a = page_answer_begin(&w, &policy, 200, true);
	a.head_only = true;
	page_answer_body(&a, "text/plain");
	write_text(&w, "12345");
	page_answer_end(&a);
	struct http_response r = read_back(&w, "GET");
	assert_int_equal(r.head.content_length, 5);
	assert_int_equal(r.head.len, w.pos);
}

static void empty_cookie_is_forgotten_at_once(void **state)
{
	struct writer w = writer_of(buf, sizeof(buf));
	(void)state;
	struct answer a = page_answer_begin(&w, &policy, 303, true);
	page_answer_cookie(&a, ANSWER_COOKIE_SESSION, (struct span){0}, 0);
	page_answer_body(&a, NULL);
	page_answer_end(&a);
	struct http_response r = read_back(&w, "GET");
	assert_string_equal(
		value(&r, "Set-Cookie"),
		"__Host-session=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0");
}

static void style_is_named_by_its_hash(void **state)
{
	char text[64];
	(void)state;
	page_answer_style("", text); /* SHA-256 of nothing, FIPS 180-4 */
	assert_string_equal(text, "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carries_what_asvs_asks),
		cmocka_unit_test(demands_no_tls_of_a_host_whose_authority_is_its_own),
		cmocka_unit_test(head_measures_the_body_and_leaves_it_out),
		cmocka_unit_test(empty_cookie_is_forgotten_at_once),
		cmocka_unit_test(style_is_named_by_its_hash),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
