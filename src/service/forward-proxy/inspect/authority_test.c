#include "service/forward-proxy/inspect/authority.h"

#include "crypto/tls_chain.h"
#include "crypto/tls_mint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants those above it. */
#include <cmocka.h>

enum { NOW = 1800000000 };

static char text[INSPECT_AUTHORITY_TEXT_MAX];

static void refuses_what_is_no_authority(void **state)
{
	struct inspect_authority *a = NULL;
	char other[INSPECT_AUTHORITY_TEXT_MAX], mixed[2 * INSPECT_AUTHORITY_TEXT_MAX];
	(void)state;
	assert_int_equal(inspect_authority_read(span_text(""), &a), ERR_FORMAT);
	assert_int_equal(inspect_authority_read(span_text("nonsense"), &a), ERR_FORMAT);
	/* Each half of it. */
	char *key = strstr(text, "-----BEGIN PRIVATE KEY");
	assert_non_null(key);
	assert_int_equal(inspect_authority_read(span_of(text, (size_t)(key - text)), &a),
			 ERR_FORMAT);
	assert_int_equal(inspect_authority_read(span_text(key), &a), ERR_FORMAT);
	/* Another one's key. */
	assert_int_equal(inspect_authority_make("x", NOW, other), OK);
	memcpy(mixed, text, (size_t)(key - text));
	const char *theirs = strstr(other, "-----BEGIN PRIVATE KEY");
	memcpy(mixed + (key - text), theirs, strlen(theirs) + 1);
	assert_int_equal(inspect_authority_read(span_text(mixed), &a), ERR_REFUSED);
	assert_null(a);
}

/* Cut anywhere it is refused, and nothing is read behind it. */
static void refuses_every_prefix(void **state)
{
	size_t len = strlen(text);
	(void)state;
	for (size_t n = 0; n + 2 < len; n += 7) {
		struct inspect_authority *a = NULL;
		char *cut = malloc(n + 1);
		assert_non_null(cut);
		memcpy(cut, text, n);
		if (inspect_authority_read(span_of(cut, n), &a) == OK) {
			/* All but the last line's end, perhaps. */
			assert_true(n + 10 > len);
			inspect_authority_unref(a);
		}
		free(cut);
	}
}

static void reads_what_it_has_made(void **state)
{
	AUTO(inspect_authority_unref) struct inspect_authority *a = NULL;
	AUTO(tls_chain_unref) struct tls_chain *leaf = NULL;
	const struct certificate_time time = {NOW, NOW + 1000};
	struct tls_chain_facts facts;
	uint64_t until_s;
	(void)state;
	assert_int_equal(inspect_authority_read(span_text(text), &a), OK);
	assert_int_equal(inspect_authority_time(a).from_s, NOW - 86400);
	assert_int_equal(inspect_authority_time(a).until_s, NOW + UINT64_C(315360000));
	assert_int_equal(strlen(inspect_authority_fingerprint(a)), 95);
	assert_int_equal(inspect_authority_fingerprint(a)[2], ':');
	assert_int_equal(inspect_authority_der(a).data[0], 0x30);
	assert_int_equal(
		tls_mint_chain(inspect_authority_mint(a), "a.example", time, &leaf, &until_s), OK);
	tls_chain_facts(leaf, &facts);
	assert_string_equal(facts.issuer, "CN=proxy.home.arpa TLS inspection");
}

static void never_hands_the_key_out(void **state)
{
	AUTO(inspect_authority_unref) struct inspect_authority *a = NULL;
	(void)state;
	assert_int_equal(inspect_authority_read(span_text(text), &a), OK);
	struct span pem = inspect_authority_pem(a);
	assert_null(memmem(pem.data, pem.len, "PRIVATE", 7));
	assert_non_null(memmem(pem.data, pem.len, "BEGIN CERTIFICATE", 17));
}

static int make(void **state)
{
	(void)state;
	return inspect_authority_make("proxy.home.arpa", NOW, text) != OK;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_authority),
		cmocka_unit_test(refuses_every_prefix),
		cmocka_unit_test(reads_what_it_has_made),
		cmocka_unit_test(never_hands_the_key_out),
	};
	return cmocka_run_group_tests(tests, make, NULL);
}
