/* runs with threads */
#include "service/reverse-proxy/guard/guard.h"

#include "service/reverse-proxy/guard/state.h"
#include "test/random.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static bool text_field(const void *head, struct span name, size_t *at, struct span *ret)
{
	const char *const *texts = head;
	for (; texts[*at]; *at += 2)
		if (span_equal_nocase(span_text(texts[*at]), name)) {
			*ret = span_text(texts[*at + 1]);
			*at += 2;
			return true;
		}
	return false;
}

static const char *const no_fields[] = {NULL};

static struct guard_facts facts_at(uint64_t now_ms)
{
	return (struct guard_facts){.client = ip_address_v4(192, 0, 2, 1),
				    .now_ms = now_ms,
				    .field = text_field,
				    .head = no_fields};
}

static struct guard_state *state_of(size_t slots)
{
	const struct guard_state_conf conf = {slots, slots, slots, 60000, NULL, 0};
	struct guard_state *s = NULL;
	assert_int_equal(guard_state_new(&conf, &s), OK);
	return s;
}

static struct guard_verdict judge(const struct guard_rules *r, struct guard_state *s,
				  const struct guard_facts *f)
{
	struct guard_verdict v;
	guard_judge(r, s, f, &v);
	return v;
}

static void denies_by_address_and_country(void **state)
{
	(void)state;
	struct ip_prefix deny, allow;
	assert_int_equal(ip_prefix_parse(span_text("192.0.2.128/25"), &deny), OK);
	assert_int_equal(ip_prefix_parse(span_text("192.0.2.0/24"), &allow), OK);
	const uint16_t kr = guard_country(span_text("KR")), nz = guard_country(span_text("NZ"));
	const struct guard_rules r = {.deny = &deny, .deny_n = 1, .allow = &allow, .allow_n = 1};
	const struct ip_address in = ip_address_v4(192, 0, 2, 1);
	const struct ip_address out = ip_address_v4(192, 0, 3, 1);
	const struct ip_address denied = ip_address_v4(192, 0, 2, 200);
	assert_int_equal(guard_admits(&r, &in, 0), GUARD_PASS);
	assert_int_equal(guard_admits(&r, &out, 0), GUARD_DENIED);
	assert_int_equal(guard_admits(&r, &denied, 0), GUARD_DENIED);
	const struct guard_rules not_kr = {.deny_countries = &kr, .deny_countries_n = 1};
	assert_int_equal(guard_admits(&not_kr, &in, kr), GUARD_DENIED);
	assert_int_equal(guard_admits(&not_kr, &in, nz), GUARD_PASS);
	assert_int_equal(guard_admits(&not_kr, &in, 0), GUARD_PASS);
	const struct guard_rules only_kr = {.allow_countries = &kr, .allow_countries_n = 1};
	assert_int_equal(guard_admits(&only_kr, &in, kr), GUARD_PASS);
	assert_int_equal(guard_admits(&only_kr, &in, 0), GUARD_DENIED);
}

static void a_bucket_gives_its_burst_and_then_its_rate(void **state)
{
	(void)state;
	AUTO(guard_state_free) struct guard_state *s = state_of(64);
	const struct guard_rules r = {
		.rates = {{.number = 1, .requests = 10, .period_ms = 1000, .burst = 5}},
		.rates_n = 1};
	struct guard_facts f = facts_at(1000000);
	for (uint32_t i = 0; i < 5; i++) {
		struct guard_verdict v = judge(&r, s, &f);
		assert_int_equal(v.answer, GUARD_PASS);
		assert_int_equal(v.remaining, 4 - i);
		assert_int_equal(v.limit, 5);
	}
	struct guard_verdict v = judge(&r, s, &f);
	assert_int_equal(v.answer, GUARD_LIMITED);
	assert_int_equal(v.retry_after_s, 1);
	f.now_ms += 99;
	assert_int_equal(judge(&r, s, &f).answer, GUARD_LIMITED);
	f.now_ms += 1;
	assert_int_equal(judge(&r, s, &f).answer, GUARD_PASS);
	assert_int_equal(judge(&r, s, &f).answer, GUARD_LIMITED);
	f.now_ms += 10000;
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(judge(&r, s, &f).answer, GUARD_PASS);
	assert_int_equal(judge(&r, s, &f).answer, GUARD_LIMITED);
	/* Another client is another bucket; of IPv6 the /64 is the client. */
	f.client = ip_address_v4(192, 0, 2, 2);
	assert_int_equal(judge(&r, s, &f).answer, GUARD_PASS);
}

static void one_rate_agrees_with_a_count_of_the_time(void **state)
{
	(void)state;
	struct test_random rnd = test_random_begin();
	AUTO(guard_state_free) struct guard_state *s = state_of(8);
	const struct state_bucket b = {4, 1000, 4, false};
	double tokens = 4;
	uint64_t now = 5000, before = now;
	for (unsigned i = 0; i < 5000; i++) {
		struct state_taken t;
		now += test_random_below(&rnd, 500);
		tokens += (double)(now - before) * 4 / 1000;
		tokens = tokens > 4 ? 4 : tokens;
		before = now;
		state_take(s, span_text("k"), &b, now, &t);
		if (tokens > 1.001)
			assert_true(t.taken);
		if (tokens < 0.999)
			assert_false(t.taken);
		if (t.taken)
			tokens -= 1;
	}
}

static void fields_and_cookies_are_keys(void **state)
{
	(void)state;
	AUTO(guard_state_free) struct guard_state *s = state_of(64);
	struct guard_rules r = {.rates = {{.key = GUARD_BY_FIELD,
					   .name = "X-Key",
					   .number = 1,
					   .requests = 1,
					   .period_ms = 1000,
					   .burst = 1}},
				.rates_n = 1};
	static const char *const a[] = {"x-key", "a", "cookie", "n=1; sid=a", NULL};
	static const char *const b[] = {"x-key", "b", "cookie", "n=1", "cookie", "sid=b", NULL};
	struct guard_facts f = facts_at(1000);
	for (unsigned round = 0; round < 2; round++) {
		f.head = a;
		assert_int_equal(judge(&r, s, &f).answer, GUARD_PASS);
		assert_int_equal(judge(&r, s, &f).answer, GUARD_LIMITED);
		f.head = b;
		assert_int_equal(judge(&r, s, &f).answer, GUARD_PASS);
		f.head = no_fields; /* without one: by client */
		assert_int_equal(judge(&r, s, &f).answer, GUARD_PASS);
		assert_int_equal(judge(&r, s, &f).answer, GUARD_LIMITED);
		r.rates[0].key = GUARD_BY_COOKIE;
		r.rates[0].name = "sid";
		r.rates[0].number = 2;
	}
	r.rates[0] = (struct guard_rate){
		.key = GUARD_BY_ROUTE, .number = 3, .requests = 1, .period_ms = 1000, .burst = 1};
	assert_int_equal(judge(&r, s, &f).answer, GUARD_PASS);
	f.client = ip_address_v4(192, 0, 2, 77);
	assert_int_equal(judge(&r, s, &f).answer, GUARD_LIMITED);
}

static void the_first_limit_that_is_spent_is_told(void **state)
{
	(void)state;
	AUTO(guard_state_free) struct guard_state *s = state_of(64);
	const struct guard_rules r = {
		.rates = {{.number = 1, .requests = 100, .period_ms = 1000, .burst = 100},
			  {.number = 2, .requests = 1, .period_ms = 60000, .burst = 2}},
		.rates_n = 2};
	struct guard_facts f = facts_at(1000);
	assert_int_equal(judge(&r, s, &f).remaining, 1);
	assert_int_equal(judge(&r, s, &f).remaining, 0);
	struct guard_verdict v = judge(&r, s, &f);
	assert_int_equal(v.answer, GUARD_LIMITED);
	assert_int_equal(v.limit, 2);
	assert_int_equal(v.retry_after_s, 60);
}

/* user:pass */
static const char *const signed_in[] = {"authorization", "Basic dXNlcjpwYXNz", NULL};
static const char *const nobody[] = {"authorization", "Basic eDpwYXNz", NULL};

static void credentials_are_hashed_once(void **state)
{
	(void)state;
	AUTO(guard_state_free) struct guard_state *s = state_of(64);
	struct auth_user user = {"user", "$argon2id$record"};
	struct guard_rules r = {.has_basic = true, .basic = {"r", {&user, 1}}};
	struct guard_facts f = facts_at(1000);
	assert_int_equal(judge(&r, s, &f).answer, GUARD_SIGN_IN);
	f.head = nobody;
	struct guard_verdict v = judge(&r, s, &f);
	assert_true(v.answer == GUARD_HASH && !v.user);
	f.head = signed_in;
	v = judge(&r, s, &f);
	assert_true(v.answer == GUARD_HASH && v.user == &user);
	guard_found_right(s, v.user, v.credentials, f.now_ms);
	v = judge(&r, s, &f);
	assert_true(v.answer == GUARD_PASS && v.user == &user);
	r.has_forward = true;
	assert_int_equal(judge(&r, s, &f).answer, GUARD_ASK);
	user.record = "$argon2id$new";
	assert_int_equal(judge(&r, s, &f).answer, GUARD_HASH);
	user.record = "$argon2id$record";
	f.now_ms += 60001;
	assert_int_equal(judge(&r, s, &f).answer, GUARD_HASH);
}

static void connections_are_counted_by_client_and_in_all(void **state)
{
	(void)state;
	AUTO(guard_state_free) struct guard_state *s = state_of(64);
	const struct ip_address a = ip_address_v4(192, 0, 2, 1), b = ip_address_v4(192, 0, 2, 2);
	assert_true(guard_entered(s, &a, 2, 3));
	assert_true(guard_entered(s, &a, 2, 3));
	assert_false(guard_entered(s, &a, 2, 3));
	assert_true(guard_entered(s, &b, 2, 3));
	assert_false(guard_entered(s, &b, 2, 3)); /* three in all */
	guard_left(s, &a);
	assert_true(guard_entered(s, &b, 2, 3));
	guard_left(s, &a);
	guard_left(s, &b);
	guard_left(s, &b);
	for (unsigned i = 0; i < 1000; i++) {
		assert_true(guard_entered(s, &a, 1, 1));
		guard_left(s, &a);
	}
}

struct crowd {
	struct guard_state *s;
	unsigned passed;
};

static void *crowd_run(void *arg)
{
	struct crowd *c = arg;
	const struct guard_rules r = {
		.rates = {{.number = 9, .requests = 1, .period_ms = 1000000, .burst = 1000}},
		.rates_n = 1};
	struct guard_facts f = facts_at(1000);
	const struct ip_address who = ip_address_v4(10, 0, 0, 1);
	for (unsigned i = 0; i < 2000; i++) {
		c->passed += judge(&r, c->s, &f).answer == GUARD_PASS;
		if (guard_entered(c->s, &who, 3, 0))
			guard_left(c->s, &who);
	}
	return NULL;
}

static void threads_share_a_bucket_to_the_last_token(void **state)
{
	(void)state;
	AUTO(guard_state_free) struct guard_state *s = state_of(64);
	struct crowd crowds[4] = {{s, 0}, {s, 0}, {s, 0}, {s, 0}};
	/* The bucket is there before they come: two first users may make two. */
	pthread_t ids[4];
	(void)crowd_run(&crowds[0]);
	assert_int_equal(crowds[0].passed, 1000);
	AUTO(guard_state_free) struct guard_state *fresh = state_of(64);
	unsigned sum = 0;
	const struct guard_rules one = {
		.rates = {{.number = 9, .requests = 1, .period_ms = 1000000, .burst = 1000}},
		.rates_n = 1};
	struct guard_facts f = facts_at(1000);
	sum += judge(&one, fresh, &f).answer == GUARD_PASS;
	for (size_t i = 0; i < 4; i++) {
		crowds[i] = (struct crowd){fresh, 0};
		assert_int_equal(pthread_create(&ids[i], NULL, crowd_run, &crowds[i]), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		(void)pthread_join(ids[i], NULL);
		sum += crowds[i].passed;
	}
	assert_int_equal(sum, 1000);
	/* And nobody's connection is left counted. */
	const struct ip_address who = ip_address_v4(10, 0, 0, 1);
	assert_true(guard_entered(fresh, &who, 1, 1));
}

static void more_keys_than_room_lose_only_what_is_full_again(void **state)
{
	(void)state;
	AUTO(guard_state_free) struct guard_state *s = state_of(8);
	const struct state_bucket b = {1, 1000, 1, false};
	struct state_taken t;
	for (unsigned i = 0; i < 1000; i++) {
		uint8_t key[4] = {(uint8_t)i, (uint8_t)(i >> 8), 0, 0};
		state_take(s, span_of(key, 4), &b, 10000 + (uint64_t)i * 2000, &t);
		assert_true(t.taken);
		state_take(s, span_of(key, 4), &b, 10000 + (uint64_t)i * 2000, &t);
		assert_false(t.taken);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(denies_by_address_and_country),
		cmocka_unit_test(a_bucket_gives_its_burst_and_then_its_rate),
		cmocka_unit_test(one_rate_agrees_with_a_count_of_the_time),
		cmocka_unit_test(fields_and_cookies_are_keys),
		cmocka_unit_test(the_first_limit_that_is_spent_is_told),
		cmocka_unit_test(credentials_are_hashed_once),
		cmocka_unit_test(connections_are_counted_by_client_and_in_all),
		cmocka_unit_test(threads_share_a_bucket_to_the_last_token),
		cmocka_unit_test(more_keys_than_room_lose_only_what_is_full_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
