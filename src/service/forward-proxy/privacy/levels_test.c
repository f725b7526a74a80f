#include "service/forward-proxy/privacy/levels.h"

#include "base/arena.h"
#include "service/forward-proxy/access/destination.h"
#include "service/forward-proxy/privacy/conf_privacy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#include "test/conf.h"

static const struct config_section section = {"privacy", &forward_privacy_map};
static const struct config_sections sections = {&section, 1};

struct stage {
	struct config *config;
	struct arena a;
	struct privacy_levels levels;
	struct destination to;
	struct access_facts f;
};

/* A client 192.0.2.7 that asks for www.a.test, and of whose groups nothing is known. */
static void begin(struct stage *s, const char *text)
{
	*s = (struct stage){.f = {.client = {.family = 4, .bytes = {192, 0, 2, 7}}}};
	s->config = conf_parse(&sections, text);
	arena_init(&s->a, 1 << 20);
	assert_int_equal(forward_privacy(&s->a, config_section(s->config, "privacy"), &s->levels),
			 OK);
	assert_int_equal(destination_read_host(span_text("www.a.test"), 80, &s->to), OK);
	s->f.to = &s->to;
}

static void done(struct stage *s)
{
	arena_done(&s->a);
	config_free(s->config);
}

static int level(const struct stage *s)
{
	return (int)privacy_level_of(&s->levels, &s->f)->level;
}

static void where_no_rule_fits_the_usual_level_holds(void **state)
{
	struct stage s;
	(void)state;
	begin(&s, "privacy: anonymous\n");
	assert_ptr_equal(privacy_level_of(&s.levels, &s.f), &s.levels.otherwise);
	assert_int_equal(level(&s), PRIVACY_ANONYMOUS);
	done(&s);
	begin(&s, "privacy: {rules: [{level: none, from: 10.0.0.0/8}]}\n");
	assert_int_equal(level(&s), PRIVACY_PROXY);
	done(&s);
}

static void the_first_rule_that_fits_decides(void **state)
{
	struct stage s;
	(void)state;
	begin(&s, "privacy:\n  rules:\n"
		  "    - {level: none, from: 192.0.2.0/24, to: bank.test}\n"
		  "    - {level: strict, to: \"*.a.test\"}\n"
		  "    - {level: anonymous, from: 192.0.2.0/24}\n  user-agent: all\n");
	assert_int_equal(level(&s), PRIVACY_STRICT);
	assert_ptr_equal(privacy_level_of(&s.levels, &s.f), &s.levels.rules[1].conf);
	/* What is fixed is of the rule's level as of the usual one. */
	assert_true(span_is(privacy_level_of(&s.levels, &s.f)->user_agent, "all"));
	assert_int_equal(destination_read_host(span_text("bank.test"), 80, &s.to), OK);
	assert_int_equal(level(&s), PRIVACY_NONE);
	assert_int_equal(destination_read_host(span_text("other.test"), 80, &s.to), OK);
	assert_int_equal(level(&s), PRIVACY_ANONYMOUS);
	s.f.client.bytes[0] = 193;
	assert_int_equal(level(&s), PRIVACY_PROXY);
	done(&s);
}

static void who_is_not_signed_in_is_no_user(void **state)
{
	struct stage s;
	(void)state;
	begin(&s, "privacy: {rules: [{level: strict, users: ann}, {level: none, users: '*'}]}\n");
	assert_int_equal(level(&s), PRIVACY_PROXY);
	s.f.user = span_text("ann");
	assert_int_equal(level(&s), PRIVACY_STRICT);
	s.f.user = span_text("ben");
	assert_int_equal(level(&s), PRIVACY_NONE);
	done(&s);
}

static enum access_member answer;

static enum access_member member(const void *arg, const char *group)
{
	(void)arg;
	assert_string_equal(group, "kids");
	return answer;
}

static int level_where(struct stage *s, enum access_member m)
{
	answer = m;
	s->f.member = member;
	return level(s);
}

/* What is not known of a client is for the worse: it tells less, and not more. */
static void who_may_be_of_a_group_tells_less(void **state)
{
	struct stage s;
	(void)state;
	begin(&s, "privacy: {rules: [{level: strict, groups: kids}]}\n");
	assert_int_equal(level(&s), PRIVACY_STRICT);
	assert_int_equal(level_where(&s, ACCESS_MEMBER_UNKNOWN), PRIVACY_STRICT);
	assert_int_equal(level_where(&s, ACCESS_MEMBER), PRIVACY_STRICT);
	assert_int_equal(level_where(&s, ACCESS_MEMBER_NOT), PRIVACY_PROXY);
	done(&s);
	begin(&s, "privacy: {rules: [{level: none, groups: kids}]}\n");
	assert_int_equal(level(&s), PRIVACY_PROXY);
	assert_int_equal(level_where(&s, ACCESS_MEMBER_UNKNOWN), PRIVACY_PROXY);
	assert_int_equal(level_where(&s, ACCESS_MEMBER), PRIVACY_NONE);
	assert_int_equal(level_where(&s, ACCESS_MEMBER_NOT), PRIVACY_PROXY);
	done(&s);
}

/* Of a name's addresses one in the prefix is enough to tell less, and all are needed to tell more;
 * while none is known neither rule holds. */
static void a_prefix_is_about_all_addresses_of_a_name(void **state)
{
	static const struct ip_address two[] = {{.family = 4, .bytes = {198, 51, 100, 1}},
						{.family = 4, .bytes = {203, 0, 113, 1}}};
	struct stage s;
	(void)state;
	begin(&s, "privacy: {rules: [{level: strict, to: 198.51.100.0/24}]}\n");
	assert_int_equal(level(&s), PRIVACY_PROXY);
	s.f.addresses = two;
	s.f.addresses_n = 2;
	assert_int_equal(level(&s), PRIVACY_STRICT);
	s.f.addresses_n = 0;
	s.f.unresolved = true;
	assert_int_equal(level(&s), PRIVACY_STRICT);
	done(&s);
	begin(&s, "privacy: {rules: [{level: none, to: 198.51.100.0/24}]}\n");
	s.f.addresses = two;
	s.f.addresses_n = 2;
	assert_int_equal(level(&s), PRIVACY_PROXY);
	s.f.addresses_n = 1;
	assert_int_equal(level(&s), PRIVACY_NONE);
	s.f.unresolved = true;
	assert_int_equal(level(&s), PRIVACY_PROXY);
	done(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_no_rule_fits_the_usual_level_holds),
		cmocka_unit_test(the_first_rule_that_fits_decides),
		cmocka_unit_test(who_is_not_signed_in_is_no_user),
		cmocka_unit_test(who_may_be_of_a_group_tells_less),
		cmocka_unit_test(a_prefix_is_about_all_addresses_of_a_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
