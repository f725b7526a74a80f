#include "service/authority/zonemd.h"

#include "service/authority/ask_test.h"

#include <stdio.h>

/* RFC 8976 A.1, with a hole for the digest's record. */
#define ZONE                                                                                       \
	"example. 86400 IN SOA ns1.example. admin.example. 2018031900 1800 900 604800 86400\n"     \
	"example. 86400 IN NS ns1.example.\nexample. 86400 IN NS ns2.example.\n"                   \
	"ns1.example. 3600 IN A 203.0.113.63\nns2.example. 3600 IN AAAA 2001:db8::63\n"
#define DIGEST                                                                                     \
	"c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8" \
	"e730044c"

static enum zonemd_verdict verdict_of(const char *more)
{
	struct ask *a = ask_new();
	struct zone *z = NULL;
	enum zonemd_verdict verdict;
	char text[2048];

	(void)snprintf(text, sizeof(text), "%s%s", ZONE, more);
	if (ask_load(a, "example.", text, false, &z))
		fail_msg("%s", a->problems);
	assert_int_equal(zonemd_check(z, &verdict), OK);
	zone_unref(z);
	ask_free(a);
	return verdict;
}

static void refuses_a_digest_that_does_not_match(void **state)
{
	(void)state;
	assert_int_equal(
		verdict_of("example. 86400 ZONEMD 2018031900 1 1 " DIGEST "\nx.example. 1 TXT x\n"),
		ZONEMD_BAD_DIGEST);
	assert_int_equal(verdict_of("example. 86400 ZONEMD 2018031901 1 1 " DIGEST "\n"),
			 ZONEMD_BAD_SERIAL);
}

static void takes_the_zone_of_rfc_8976(void **state)
{
	(void)state;
	assert_int_equal(verdict_of("example. 86400 ZONEMD 2018031900 1 1 " DIGEST "\n"),
			 ZONEMD_GOOD);
	/* One that is right is enough; unknown ones are passed over. */
	assert_int_equal(verdict_of("example. 86400 ZONEMD 2018031900 1 240 " DIGEST "\n"
				    "example. 86400 ZONEMD 2018031900 1 1 " DIGEST "\n"),
			 ZONEMD_GOOD);
}

static void knows_none_and_unknown(void **state)
{
	(void)state;
	assert_int_equal(verdict_of(""), ZONEMD_NONE);
	assert_int_equal(verdict_of("example. 86400 ZONEMD 2018031900 1 241 " DIGEST "\n"),
			 ZONEMD_UNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_a_digest_that_does_not_match),
		cmocka_unit_test(takes_the_zone_of_rfc_8976),
		cmocka_unit_test(knows_none_and_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
