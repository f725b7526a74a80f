#include "http-cache/decide.h"

#include "base/writer.h"
#include "http-cache/fields_test.h"
#include "http-cache/status.h"

/* Stored for age_s seconds; what the client says; with Authorization or not. */
static struct cache_decision decide(const char *response, uint64_t age_s, const char *request,
				    bool authorized, const struct cache_policy *p)
{
	static struct test_fields r;
	r = test_fields(response);
	struct test_fields q = test_fields(request);
	struct cache_meta m = test_meta(200, &r, p);
	struct cache_directives d;
	cache_directives_read(test_view(&q), &d);
	return cache_decide(&m, &d, authorized, p, TEST_NOW_S + age_s);
}

struct decide_case {
	const char *response;
	uint64_t age_s;
	const char *request;
	enum cache_use use;
	enum cache_forward why;
};

static void check(const struct decide_case *cases, size_t n, const struct cache_policy *p)
{
	for (size_t i = 0; i < n; i++) {
		struct cache_decision d =
			decide(cases[i].response, cases[i].age_s, cases[i].request, false, p);
		if (d.use != cases[i].use || (d.use == CACHE_VALIDATE && d.why != cases[i].why))
			fail_msg("case %zu: use %d, %s", i, (int)d.use, cache_forward_text(d.why));
	}
}

static void never_uses_what_must_be_validated(void **state)
{
	(void)state;
	struct cache_policy p = test_policy();
	p.stale_validate_s = p.stale_error_s = 1000;
	static const struct decide_case cases[] = {
		/* 4: "the stored response does not contain the no-cache directive, unless it is
		 * successfully validated". */
		{"cache-control: no-cache, max-age=60", 1, "", CACHE_VALIDATE, CACHE_FWD_STALE},
		{"cache-control: no-cache", 1, "cache-control: max-stale", CACHE_VALIDATE,
		 CACHE_FWD_STALE},
		/* 5.2.2.2: "once the response has become stale, a cache MUST NOT reuse that
		 * response to satisfy another request until it has been successfully validated by
		 * the origin". */
		{"cache-control: max-age=60, must-revalidate", 60, "cache-control: max-stale",
		 CACHE_VALIDATE, CACHE_FWD_STALE},
		{"cache-control: max-age=60, must-revalidate", 61, "", CACHE_VALIDATE,
		 CACHE_FWD_STALE},
		/* 5.2.2.8, of a shared cache. */
		{"cache-control: max-age=60, proxy-revalidate", 61, "cache-control: max-stale=9",
		 CACHE_VALIDATE, CACHE_FWD_STALE},
		/* 5.2.2.10: "A shared cache MUST NOT reuse a stale response with s-maxage". */
		{"cache-control: s-maxage=60", 61, "cache-control: max-stale", CACHE_VALIDATE,
		 CACHE_FWD_STALE},
	};
	check(cases, sizeof(cases) / sizeof(cases[0]), &p);
	/* 4.2.4: "A cache MUST NOT generate a stale response unless it is disconnected or doing so
	 * is explicitly permitted by the client or origin server". */
	p = test_policy();
	assert_int_equal(decide("cache-control: max-age=60", 60, "", false, &p).use,
			 CACHE_VALIDATE);
}

static void heeds_what_the_client_wants(void **state)
{
	(void)state;
	struct cache_policy p = test_policy();
	static const struct decide_case cases[] = {
		{"cache-control: max-age=60", 59, "", CACHE_USE, CACHE_FWD_NOT},
		/* 5.2.1.4 no-cache */
		{"cache-control: max-age=60", 1, "cache-control: no-cache", CACHE_VALIDATE,
		 CACHE_FWD_REQUEST},
		/* 5.2.1.1 max-age: "a response whose age is less than or equal to". */
		{"cache-control: max-age=60", 11, "cache-control: max-age=10", CACHE_VALIDATE,
		 CACHE_FWD_REQUEST},
		{"cache-control: max-age=60", 10, "cache-control: max-age=10", CACHE_USE,
		 CACHE_FWD_NOT},
		{"cache-control: max-age=60", 1, "cache-control: max-age=0", CACHE_VALIDATE,
		 CACHE_FWD_REQUEST},
		/* 5.2.1.3 min-fresh */
		{"cache-control: max-age=60", 41, "cache-control: min-fresh=20", CACHE_VALIDATE,
		 CACHE_FWD_REQUEST},
		{"cache-control: max-age=60", 40, "cache-control: min-fresh=20", CACHE_USE,
		 CACHE_FWD_NOT},
		/* 5.2.1.2 max-stale */
		{"cache-control: max-age=60", 70, "cache-control: max-stale=10", CACHE_USE,
		 CACHE_FWD_NOT},
		{"cache-control: max-age=60", 71, "cache-control: max-stale=10", CACHE_VALIDATE,
		 CACHE_FWD_STALE},
		{"cache-control: max-age=60", 7000, "cache-control: max-stale", CACHE_USE,
		 CACHE_FWD_NOT},
		/* 5.2.1.7: "either respond using a stored response consistent with the other
		 * constraints of the request or respond with a 504 (Gateway Timeout)". */
		{"cache-control: max-age=60", 59, "cache-control: only-if-cached", CACHE_USE,
		 CACHE_FWD_NOT},
		{"cache-control: max-age=60", 61, "cache-control: only-if-cached",
		 CACHE_UNREACHABLE, CACHE_FWD_STALE},
		{"cache-control: max-age=60", 1, "cache-control: only-if-cached, no-cache",
		 CACHE_UNREACHABLE, CACHE_FWD_STALE},
	};
	check(cases, sizeof(cases) / sizeof(cases[0]), &p);
	/* 5.2.1: "They are advisory": a policy may not heed them. */
	p.clients = false;
	assert_int_equal(
		decide("cache-control: max-age=60", 9, "cache-control: no-cache", false, &p).use,
		CACHE_USE);
	assert_int_equal(
		decide("cache-control: max-age=60", 61, "cache-control: max-stale", false, &p).use,
		CACHE_VALIDATE);
}

static void stale_while_validated_beside(void **state)
{
	(void)state;
	struct cache_policy p = test_policy();
	const char *swr = "cache-control: max-age=60, stale-while-revalidate=30";
	/* RFC 5861 3: "caches MAY serve the response ... after it becomes stale, up to the
	 * indicated number of seconds". */
	assert_int_equal(decide(swr, 90, "", false, &p).use, CACHE_USE_STALE);
	assert_int_equal(decide(swr, 91, "", false, &p).use, CACHE_VALIDATE);
	assert_int_equal(decide(swr, 59, "", false, &p).use, CACHE_USE);
	/* RFC 9111 5.2.1.1: "Unless the max-stale request directive is also present, the client
	 * does not wish to receive a stale response." */
	assert_int_equal(decide(swr, 61, "cache-control: max-age=900", false, &p).use,
			 CACHE_VALIDATE);
	/* An extension of the answer itself goes beyond s-maxage (RFC 9111 4: "a cache extension
	 * can override any of the requirements listed"), must-revalidate does not give way. */
	assert_int_equal(
		decide("cache-control: s-maxage=60, stale-while-revalidate=30", 61, "", false, &p)
			.use,
		CACHE_USE_STALE);
	assert_int_equal(decide("cache-control: max-age=60, must-revalidate, "
				"stale-while-revalidate=30",
				61, "", false, &p)
				 .use,
			 CACHE_VALIDATE);
	p.stale_validate_s = 10;
	assert_int_equal(decide("cache-control: max-age=60", 70, "", false, &p).use,
			 CACHE_USE_STALE);
	assert_int_equal(decide("cache-control: s-maxage=60", 61, "", false, &p).use,
			 CACHE_VALIDATE);
}

static void who_must_prove_himself_gets_only_what_is_for_all(void **state)
{
	(void)state;
	struct cache_policy p = test_policy();
	assert_int_equal(decide("cache-control: max-age=60", 1, "", true, &p).use, CACHE_VALIDATE);
	assert_int_equal(decide("cache-control: max-age=60, public", 1, "", true, &p).use,
			 CACHE_USE);
	assert_int_equal(decide("cache-control: s-maxage=60", 1, "", true, &p).use, CACHE_USE);
	p.proved = true;
	assert_int_equal(decide("cache-control: max-age=60", 1, "", false, &p).use, CACHE_VALIDATE);
}

static bool on_error(const char *response, uint64_t age_s, const char *request,
		     const struct cache_policy *p)
{
	struct test_fields r = test_fields(response), q = test_fields(request);
	struct cache_meta m = test_meta(200, &r, p);
	struct cache_directives d;
	cache_directives_read(test_view(&q), &d);
	return cache_may_use_on_error(&m, &d, p, TEST_NOW_S + age_s);
}

static void stale_if_error(void **state)
{
	(void)state;
	struct cache_policy p = test_policy();
	const char *sie = "cache-control: max-age=60, stale-if-error=30";
	/* RFC 5861 4 */
	assert_true(on_error(sie, 90, "", &p));
	assert_false(on_error(sie, 91, "", &p));
	assert_false(on_error("cache-control: max-age=60", 61, "", &p));
	assert_true(
		on_error("cache-control: max-age=60", 61, "cache-control: stale-if-error=1", &p));
	/* 5.2.2.2: "if a cache is disconnected, the cache MUST generate an error response rather
	 * than reuse the stale response". */
	assert_false(on_error("cache-control: max-age=60, must-revalidate, stale-if-error=30", 61,
			      "", &p));
	p.stale_error_s = 100;
	assert_true(on_error("cache-control: max-age=60", 160, "", &p));
	assert_false(on_error("cache-control: s-maxage=60", 61, "", &p));
	assert_false(on_error("cache-control: no-cache\netag: \"a\"", 1, "", &p));
	assert_true(cache_status_is_error(500) && cache_status_is_error(504));
	assert_false(cache_status_is_error(501) || cache_status_is_error(404));
}

static void the_newer_one_is_used(void **state)
{
	(void)state;
	struct cache_meta a = {.date_s = 5, .response_s = 9}, b = {.date_s = 6, .response_s = 7};
	/* 4: "a cache MUST use the most recent one (as determined by the Date header field)". */
	assert_false(cache_is_newer(&a, &b));
	assert_true(cache_is_newer(&b, &a));
	a.date_s = 6;
	assert_true(cache_is_newer(&a, &b));
}

static void says(const struct cache_status *s, const char *text)
{
	uint8_t room[CACHE_STATUS_MAX];
	struct writer w = writer_of(room, sizeof(room));
	cache_status_write(s, &w);
	assert_false(w.bad);
	assert_true(span_is(writer_span(&w), text));
}

static void status_says_what_was_done(void **state)
{
	(void)state;
	struct cache_status s = {.name = "gw", .hit = true, .has_ttl = true, .ttl_s = -412};
	/* RFC 9211 4's examples, in our order. */
	says(&s, "gw; hit; ttl=-412");
	s = (struct cache_status){
		.name = "gw", .fwd = CACHE_FWD_URI_MISS, .stored = true, .fwd_status = 200};
	says(&s, "gw; fwd=uri-miss; fwd-status=200; stored");
	s = (struct cache_status){.name = "gw", .fwd = CACHE_FWD_MISS, .collapsed = true};
	says(&s, "gw; fwd=miss; collapsed");
	s = (struct cache_status){.name = "gw", .fwd = CACHE_FWD_BYPASS, .detail = "cookie"};
	says(&s, "gw; fwd=bypass; detail=cookie");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_uses_what_must_be_validated),
		cmocka_unit_test(heeds_what_the_client_wants),
		cmocka_unit_test(stale_while_validated_beside),
		cmocka_unit_test(who_must_prove_himself_gets_only_what_is_for_all),
		cmocka_unit_test(stale_if_error),
		cmocka_unit_test(the_newer_one_is_used),
		cmocka_unit_test(status_says_what_was_done),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
