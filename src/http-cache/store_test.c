#include "http-cache/store.h"

#include "http-cache/fields_test.h"

static enum cache_rule judge(const struct cache_policy *p, const char *method, uint16_t status,
			     const char *request, const char *response)
{
	struct test_fields q = test_fields(request), r = test_fields(response);
	struct cache_meta m = test_meta(status, &r, p);
	return cache_may_store(span_text(method), test_view(&q), test_view(&r), &m, p);
}

static void refuses_by_each_rule(void **state)
{
	(void)state;
	static const struct {
		enum cache_rule rule;
		const char *method;
		uint16_t status;
		const char *request, *response;
	} cases[] = {
		/* 3: "A cache MUST NOT store a response to a request unless: the request method is
		 * understood by the cache;" */
		{CACHE_RULE_METHOD, "POST", 200, "", "cache-control: max-age=9"},
		{CACHE_RULE_METHOD, "HEAD", 200, "", "cache-control: max-age=9"},
		{CACHE_RULE_METHOD, "get", 200, "", "cache-control: max-age=9"},
		/* "the response status code is final" */
		{CACHE_RULE_INTERIM, "GET", 103, "", "cache-control: max-age=9"},
		/* "if the response status code is 206 or 304, or the must-understand cache
		 * directive is present: the cache understands the response status code" */
		{CACHE_RULE_STATUS, "GET", 206, "", "cache-control: max-age=9"},
		{CACHE_RULE_STATUS, "GET", 304, "", "cache-control: max-age=9"},
		{CACHE_RULE_STATUS, "GET", 299, "", "cache-control: max-age=9, must-understand"},
		/* "the no-store cache directive is not present in the response" */
		{CACHE_RULE_NO_STORE, "GET", 200, "", "cache-control: max-age=9, no-store"},
		{CACHE_RULE_NO_STORE, "GET", 200, "",
		 "cache-control: public\ncdn-cache-control: no-store"},
		/* 5.2.1.5: "a cache MUST NOT store any part of either this request or any response
		 * to it". */
		{CACHE_RULE_CLIENT, "GET", 200, "cache-control: no-store",
		 "cache-control: max-age=9"},
		/* "if the cache is shared: the private response directive is either not present or
		 * allows a shared cache to store a modified response" */
		{CACHE_RULE_PRIVATE, "GET", 200, "", "cache-control: max-age=9, private"},
		{CACHE_RULE_PRIVATE, "GET", 200, "", "cache-control: public, max-age=9, PRIVATE"},
		/* "if the cache is shared: the Authorization header field is not present in the
		 * request or a response directive is present that explicitly allows shared caching"
		 */
		{CACHE_RULE_AUTHORIZATION, "GET", 200, "authorization: Basic eDp5",
		 "cache-control: max-age=9, proxy-revalidate"},
		/* "the response contains at least one of" */
		{CACHE_RULE_UNMARKED, "GET", 302, "", "etag: \"a\""},
		{CACHE_RULE_UNMARKED, "GET", 503, "", "retry-after: 1"},
		/* 4.1: "A Vary header field value containing a member "*" always fails to match."
		 */
		{CACHE_RULE_VARY_ANY, "GET", 200, "", "cache-control: max-age=9\nvary: accept, *"},
		{CACHE_RULE_SET_COOKIE, "GET", 200, "",
		 "cache-control: max-age=9\nset-cookie: a=b"},
		{CACHE_RULE_USELESS, "GET", 200, "", "content-type: text/plain"},
		{CACHE_RULE_USELESS, "GET", 200, "", "cache-control: no-cache, max-age=9"},
		{CACHE_RULE_USELESS, "GET", 200, "", "cache-control: max-age=9\nage: 9"},
	};
	struct cache_policy p = test_policy();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (judge(&p, cases[i].method, cases[i].status, cases[i].request,
			  cases[i].response) != cases[i].rule)
			fail_msg("case %zu is not %s", i, cache_rule_word(cases[i].rule));
}

static void stores_what_it_may(void **state)
{
	(void)state;
	static const struct {
		uint16_t status;
		const char *request, *response;
	} cases[] = {
		{200, "", "cache-control: max-age=9"},
		{200, "", "etag: \"a\""},
		{200, "", "last-modified: Sun, 06 Nov 1994 08:32:57 GMT"},
		{200, "", "cache-control: no-cache\netag: W/\"a\""},
		{404, "", "cache-control: s-maxage=9"},
		{302, "", "expires: Sun, 06 Nov 2094 08:49:37 GMT"},
		{302, "", "cache-control: public\netag: \"a\""},
		{503, "", "cache-control: max-age=1"},
		/* 3.5: "must-revalidate, public, and s-maxage". */
		{200, "authorization: a", "cache-control: max-age=9, public"},
		{200, "authorization: a", "cache-control: s-maxage=9"},
		{200, "authorization: a", "cache-control: max-age=9, must-revalidate"},
		/* 5.2.2.3: who understands the status heeds must-understand, not no-store. */
		{200, "", "cache-control: must-understand, no-store, max-age=9"},
		/* 5.2.2.7: "MAY store the remainder of the response message without those". */
		{200, "", "cache-control: private=\"set-cookie\", max-age=9\nset-cookie: a=b"},
		{200, "", "cache-control: no-cache=\"Set-Cookie\", max-age=9\nset-cookie: a=b"},
		{200, "", "cache-control: no-store\ncdn-cache-control: max-age=9"},
		{200, "", "cache-control: max-age=0, stale-while-revalidate=9"},
	};
	struct cache_policy p = test_policy();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum cache_rule r =
			judge(&p, "GET", cases[i].status, cases[i].request, cases[i].response);
		if (r)
			fail_msg("case %zu: %s", i, cache_rule_text(r));
	}
	p.proved = true;
	assert_int_equal(judge(&p, "GET", 200, "", "cache-control: max-age=1"),
			 CACHE_RULE_AUTHORIZATION);
	assert_int_equal(judge(&p, "GET", 200, "", "cache-control: s-maxage=1"), CACHE_MAY_STORE);
	p.is_private = true;
	assert_int_equal(
		judge(&p, "GET", 200, "authorization: a", "cache-control: private, max-age=1"),
		CACHE_MAY_STORE);
	p = test_policy();
	p.set_cookie = true;
	assert_int_equal(judge(&p, "GET", 200, "", "cache-control: max-age=1\nset-cookie: a=b"),
			 CACHE_MAY_STORE);
}

static bool stored(const char *field, const char *control)
{
	struct cache_policy p = test_policy();
	struct test_fields f = test_fields(field), c = test_fields(control);
	struct cache_directives d;
	bool targeted;
	cache_directives_of_response(test_view(&c), &d, &targeted);
	return cache_field_is_stored(&f.at[0], &d, &p);
}

static void stores_all_fields_but_a_few(void **state)
{
	(void)state;
	/* 3.1: "Caches MUST include all received response header fields -- including unrecognized
	 * ones -- when storing a response". */
	assert_true(stored("x-new: 1", ""));
	assert_true(stored("set-cookie: a=b", ""));
	assert_true(stored("content-type: a/b", "cache-control: private=\"x\""));
	/* "The Connection header field and fields whose names are listed in it". */
	assert_false(stored("connection: close", ""));
	assert_false(stored("keep-alive: 5", ""));
	/* "Header fields that are specific to the proxy that a cache uses when forwarding a request
	 * MUST NOT be stored". */
	assert_false(stored("proxy-authenticate: Basic", ""));
	assert_false(stored("Proxy-Authentication-Info: x", ""));
	/* 5.2.2.7: "a shared cache MUST NOT store the listed header fields". */
	assert_false(stored("X-User: me", "cache-control: private=\"x-user\""));
	/* 5.2.2.4: "if the listed header fields are excluded from the subsequent response". */
	assert_false(stored("set-cookie: a=b", "cache-control: no-cache=\"set-cookie\""));
}

static void unsafe_methods_invalidate(void **state)
{
	(void)state;
	/* 4.4: "MUST invalidate the target URI when a non-error status code is received in response
	 * to an unsafe request method (including methods whose safety is unknown)". */
	assert_true(cache_invalidates(span_text("POST"), 200));
	assert_true(cache_invalidates(span_text("DELETE"), 204));
	assert_true(cache_invalidates(span_text("PUT"), 303));
	assert_true(cache_invalidates(span_text("PURPLE"), 200));
	/* "A non-error response is one with a 2xx (Successful) or 3xx (Redirection) status code."
	 */
	assert_false(cache_invalidates(span_text("POST"), 400));
	assert_false(cache_invalidates(span_text("POST"), 500));
	assert_false(cache_invalidates(span_text("GET"), 200));
	assert_false(cache_invalidates(span_text("HEAD"), 200));
	assert_false(cache_invalidates(span_text("OPTIONS"), 200));
}

static void each_rule_has_words(void **state)
{
	(void)state;
	for (int r = 0; r < CACHE_RULES; r++) {
		assert_non_null(cache_rule_word((enum cache_rule)r));
		assert_true(strlen(cache_rule_text((enum cache_rule)r)) > 10);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_by_each_rule),
		cmocka_unit_test(stores_what_it_may),
		cmocka_unit_test(stores_all_fields_but_a_few),
		cmocka_unit_test(unsafe_methods_invalidate),
		cmocka_unit_test(each_rule_has_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
