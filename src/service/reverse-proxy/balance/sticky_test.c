#include "service/reverse-proxy/balance/sticky.h"

#include "service/reverse-proxy/balance/stage_test.h"

static const char *written(const struct pool_policy *policy, const struct backend *b)
{
	static char text[256];
	struct writer w = writer_of(text, sizeof(text) - 1);
	sticky_write(policy, b, &w);
	assert_false(w.bad);
	text[w.pos] = 0;
	return text;
}

static void nonsense_names_nobody(void **state)
{
	(void)state;
	static const struct pool_policy policy = {.sticky.cookie = "gw"};
	static const char *const bad[] = {"",
					  "gw=",
					  "gw=1",
					  "gw=0123456789ABCDEF",
					  "gw=0123456789abcdefa",
					  "gw=0123456789abcdeg",
					  "GW=0123456789abcdef",
					  "gw=0000000000000000"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(sticky_read(&policy, span_text(bad[i])), 0);
	assert_int_equal(sticky_read(&(struct pool_policy){0}, span_text("gw=0123456789abcdef")),
			 0);
}

static void what_was_written_is_read_again(void **state)
{
	(void)state;
	static const struct backend b = {.id = 0x0123456789abcdef};
	struct pool_policy policy = {.sticky = {.cookie = "gw", .http_only = true}};
	assert_string_equal(written(&policy, &b),
			    "gw=0123456789abcdef; Path=/; SameSite=Lax; HttpOnly");
	assert_true(sticky_read(&policy, span_text("a=b; gw=0123456789abcdef")) == b.id);
}

static void attributes_are_as_the_policy_says(void **state)
{
	(void)state;
	static const struct backend b = {.id = 1};
	struct pool_policy policy = {.sticky = {.cookie = "gw",
						.same_site = POOL_SAME_SITE_STRICT,
						.secure = true,
						.max_age_s = 3600}};
	assert_string_equal(written(&policy, &b),
			    "gw=0000000000000001; Path=/; Max-Age=3600; SameSite=Strict; Secure");
	policy.sticky = (struct pool_sticky){.cookie = "gw", .same_site = POOL_SAME_SITE_NONE};
	assert_string_equal(written(&policy, &b),
			    "gw=0000000000000001; Path=/; SameSite=None; Secure");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nonsense_names_nobody),
		cmocka_unit_test(what_was_written_is_read_again),
		cmocka_unit_test(attributes_are_as_the_policy_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
