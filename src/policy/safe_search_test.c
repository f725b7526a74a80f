/* Names of search engines and the clean ones in their place. */
#include "policy/safe_search.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char *target(uint32_t engines, const char *name)
{
	static char text[DNS_NAME_TEXT_MAX];
	struct dns_name n, ret;
	enum policy_engine engine;
	assert_int_equal(dns_name_from_text(span_text(name), NULL, &n), OK);
	if (!policy_safe_search(engines, &n, &ret, &engine))
		return "";
	assert_true(engines >> engine & 1);
	return dns_name_format(&ret, text);
}

static void leaves_other_names_alone(void **state)
{
	(void)state;
	static const char *const names[] = {
		"example.org",
		"mail.google.com",
		"google.com.evil.example",
		"www.google.example",
		"www.google",
		"google.co.uk.x",
		"forcesafesearch.google.com",
		"restrict.youtube.com",
		"strict.bing.com",
		"xduckduckgo.com",
		".",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_string_equal(target(UINT32_MAX, names[i]), "");
	assert_string_equal(target(1 << POLICY_ENGINE_BING, "www.google.com"), "");
	assert_string_equal(target(0, "www.google.com"), "");
}

static void names_each_engine(void **state)
{
	(void)state;
	static const struct {
		const char *name, *target;
	} each[] = {
		{"www.google.com", "forcesafesearch.google.com."},
		{"google.com", "forcesafesearch.google.com."},
		{"www.google.co.kr", "forcesafesearch.google.com."},
		{"www.google.com.br", "forcesafesearch.google.com."},
		{"google.cat", "forcesafesearch.google.com."},
		{"www.youtube.com", "restrict.youtube.com."},
		{"www.bing.com", "strict.bing.com."},
		{"duckduckgo.com", "safe.duckduckgo.com."},
		{"yandex.ru", "familysearch.yandex.ru."},
		{"pixabay.com", "safesearch.pixabay.com."},
		{"www.ecosia.org", "strict-safe-search.ecosia.org."},
		{"search.brave.com", "forcesafe.search.brave.com."},
	};
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++)
		assert_string_equal(target(UINT32_MAX, each[i].name), each[i].target);
	assert_string_equal(target(1 << POLICY_ENGINE_YOUTUBE_MODERATE, "m.youtube.com"),
			    "restrictmoderate.youtube.com.");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_other_names_alone),
		cmocka_unit_test(names_each_engine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
