#include "fetch/url.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void what_is_no_url_is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		enum err want;
	} bad[] = {
		{"", ERR_UNSUPPORTED},
		{"a.example/", ERR_UNSUPPORTED},
		{"ftp://a.example/", ERR_UNSUPPORTED},
		{"https:/a.example/", ERR_UNSUPPORTED},
		{"https://", ERR_FORMAT},
		{"https:///x", ERR_FORMAT},
		{"https://u@a.example/", ERR_FORMAT},
		{"https://a.example/ HTTP/1.1\r\nX: y", ERR_FORMAT},
		{"https://a.example:99999/", ERR_FORMAT},
		{"https://[::1/", ERR_FORMAT},
	};
	struct fetch_url u;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(fetch_url_read(span_text(bad[i].text), &u), bad[i].want);
	static char endless[FETCH_TARGET_MAX + 32] = "https://a.example/";
	memset(endless + strlen(endless), 'p', FETCH_TARGET_MAX);
	assert_int_equal(fetch_url_read(span_text(endless), &u), ERR_LIMIT);
}

static void a_url_is_a_host_a_port_and_a_target(void **state)
{
	(void)state;
	static const struct {
		const char *text, *host, *authority, *target;
		uint16_t port;
		bool tls;
	} good[] = {
		{"http://OCSP.Example", "ocsp.example", "ocsp.example", "/", 80, false},
		{"HTTPS://a.example:443/a/b", "a.example", "a.example", "/a/b", 443, true},
		{"https://a.example:8443?q=1#x", "a.example", "a.example:8443", "/?q=1", 8443,
		 true},
		{"http://192.0.2.1/", "192.0.2.1", "192.0.2.1", "/", 80, false},
		{"https://[2001:db8::1]:81/x", "2001:db8::1", "[2001:db8::1]:81", "/x", 81, true},
	};
	struct fetch_url u;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(fetch_url_read(span_text(good[i].text), &u), OK);
		assert_string_equal(u.host, good[i].host);
		assert_string_equal(u.authority, good[i].authority);
		assert_string_equal(u.target, good[i].target);
		assert_int_equal(u.port, good[i].port);
		assert_int_equal(u.tls, good[i].tls);
	}
}

/* RFC 3986 5.4, as far as http goes. */
static void a_redirect_is_followed_from_where_it_came(void **state)
{
	(void)state;
	static const struct {
		const char *location, *authority, *target;
	} good[] = {
		{"g", "a", "/b/c/g"},
		{"./g", "a", "/b/c/g"},
		{"g/", "a", "/b/c/g/"},
		{"/g", "a", "/g"},
		{"//g", "g", "/"},
		{"//g:81/h", "g:81", "/h"},
		{"?y", "a", "/b/c/d;p?y"},
		{"g?y#s", "a", "/b/c/g?y"},
		{"#s", "a", "/b/c/d;p"},
		{"..", "a", "/b/"},
		{"../g", "a", "/b/g"},
		{"../../g", "a", "/g"},
		{"https://other.example/?x:y", "other.example", "/?x:y"},
		{"g:h/../x?a", NULL, NULL},
	};
	struct fetch_url base, u;
	assert_int_equal(fetch_url_read(span_text("https://a/b/c/d;p?q"), &base), OK);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		enum err e = fetch_url_follow(&base, span_text(good[i].location), &u);
		assert_int_equal(e, good[i].target ? OK : ERR_UNSUPPORTED);
		if (!good[i].target)
			continue;
		assert_string_equal(u.authority, good[i].authority);
		assert_string_equal(u.target, good[i].target);
		assert_true(u.tls);
	}
}

static void a_redirect_never_leaves_https(void **state)
{
	(void)state;
	struct fetch_url base, u;
	assert_int_equal(fetch_url_read(span_text("https://a.example/x"), &base), OK);
	assert_int_equal(fetch_url_follow(&base, span_text("http://a.example/x"), &u), ERR_REFUSED);
	assert_int_equal(fetch_url_follow(&base, span_text(""), &u), ERR_FORMAT);
	assert_int_equal(fetch_url_follow(&base, span_text("/a\r\nX: y"), &u), ERR_FORMAT);
	assert_int_equal(fetch_url_follow(&base, span_text("../../../x"), &u), ERR_FORMAT);
	assert_int_equal(fetch_url_read(span_text("http://a.example/x"), &base), OK);
	assert_int_equal(fetch_url_follow(&base, span_text("https://a.example/x"), &base), OK);
	assert_true(base.tls && base.port == 443);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_url_is_refused),
		cmocka_unit_test(a_redirect_never_leaves_https),
		cmocka_unit_test(a_url_is_a_host_a_port_and_a_target),
		cmocka_unit_test(a_redirect_is_followed_from_where_it_came),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
