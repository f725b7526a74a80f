#include "crypto/certificate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW   UINT64_C(1764000000)
#define DAY   UINT64_C(86400)
#define YEARS (3650 * DAY)

static const uint8_t v4[4] = {10, 9, 0, 1}, public4[4] = {198, 51, 100, 7};
static const uint8_t v6[16] = {0xfd, 0x12, [15] = 1};
static const char *const names[] = {"vpn.home.arpa"};
static const struct span addresses[] = {{v4, 4}, {v6, 16}};
static const struct certificate_names site = {names, 1, addresses, 2};
static const struct certificate_time decade = {NOW - DAY, NOW + YEARS};
static const struct certificate_time quarter = {NOW - DAY, NOW + 90 * DAY};

struct issued {
	struct certificate authority, leaf;
};

static int set_up(void **state)
{
	struct issued *i = calloc(1, sizeof(*i));
	assert_int_equal(
		certificate_authority("Gatehouse of home.arpa", &site, decade, &i->authority), OK);
	assert_int_equal(certificate_issue(&i->authority, &site, quarter, &i->leaf), OK);
	*state = i;
	return 0;
}

static int tear_down(void **state)
{
	struct issued *i = *state;
	certificate_done(&i->authority);
	certificate_done(&i->leaf);
	free(i);
	return 0;
}

static enum err issue_for(const struct issued *i, const char *name, struct span address)
{
	AUTO_DONE(certificate_done) struct certificate c = {0};
	const char *const one[] = {name};
	struct certificate_names whom = {one, 1, &address, address.len ? 1 : 0};
	return certificate_issue(&i->authority, &whom, quarter, &c);
}

static void refuses_name_out_of_reach(void **state)
{
	assert_int_equal(issue_for(*state, "bank.example", (struct span){0}), ERR_REFUSED);
	assert_int_equal(issue_for(*state, "home.arpa", (struct span){0}), ERR_REFUSED);
	assert_int_equal(issue_for(*state, "xvpn.home.arpa", (struct span){0}), ERR_REFUSED);
	assert_int_equal(issue_for(*state, "a.vpn.home.arpa", (struct span){0}), OK);
}

static void refuses_public_address_and_takes_private_ones(void **state)
{
	static const uint8_t other4[4] = {10, 200, 3, 4}, lan4[4] = {192, 168, 1, 1};
	static const uint8_t other6[16] = {0xfd, 0x99, [15] = 9}, public6[16] = {0x20, 0x01};
	assert_int_equal(issue_for(*state, names[0], span_of(public4, 4)), ERR_REFUSED);
	assert_int_equal(issue_for(*state, names[0], span_of(public6, 16)), ERR_REFUSED);
	assert_int_equal(issue_for(*state, names[0], span_of(lan4, 4)), ERR_REFUSED);
	assert_int_equal(issue_for(*state, names[0], span_of(other4, 4)), OK);
	assert_int_equal(issue_for(*state, names[0], span_of(other6, 16)), OK);
}

static void authority_without_addresses_serves_none(void **state)
{
	AUTO_DONE(certificate_done) struct certificate a = {0}, c = {0};
	struct certificate_names name_only = {names, 1, NULL, 0};
	(void)state;
	assert_int_equal(certificate_authority("x", &name_only, decade, &a), OK);
	assert_int_equal(certificate_issue(&a, &site, quarter, &c), ERR_REFUSED);
	assert_int_equal(certificate_issue(&a, &name_only, quarter, &c), OK);
}

static void public_address_in_reach_is_permitted_alone(void **state)
{
	static const uint8_t beside[4] = {198, 51, 100, 8};
	struct span there = {public4, 4}, other = {beside, 4};
	struct certificate_names reach = {names, 1, &there, 1}, more = {names, 1, &other, 1};
	AUTO_DONE(certificate_done) struct certificate a = {0}, c = {0};
	(void)state;
	assert_int_equal(certificate_authority("x", &reach, decade, &a), OK);
	assert_int_equal(certificate_issue(&a, &more, quarter, &c), ERR_REFUSED);
	assert_int_equal(certificate_issue(&a, &reach, quarter, &c), OK);
}

static void refuses_what_outlives_the_authority(void **state)
{
	const struct issued *i = *state;
	AUTO_DONE(certificate_done) struct certificate c = {0};
	struct certificate_time late = {NOW, NOW + YEARS + DAY};
	assert_int_equal(certificate_issue(&i->authority, &site, late, &c), ERR_REFUSED);
}

static void refuses_names_that_are_none(void **state)
{
	static const char *const wrong[] = {
		"", ".", "a..b", "a b.arpa", "a.arpa.", "x,IP:1.2.3.4", "*.home.arpa"};
	AUTO_DONE(certificate_done) struct certificate c = {0};
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct certificate_names n = {&wrong[i], 1, NULL, 0};
		assert_int_equal(certificate_authority("x", &n, decade, &c), ERR_FORMAT);
	}
	struct span torn = {v4, 3};
	struct certificate_names n = {names, 1, &torn, 1};
	assert_int_equal(certificate_authority("x", &n, decade, &c), ERR_FORMAT);
	struct certificate_names nobody = {NULL, 0, addresses, 2};
	assert_int_equal(certificate_authority("x", &nobody, decade, &c), ERR_FORMAT);
}

static void leaf_is_no_authority(void **state)
{
	const struct issued *i = *state;
	AUTO_DONE(certificate_done) struct certificate c = {0};
	struct certificate_facts f;
	assert_int_equal(certificate_read(span_text(i->leaf.chain), span_text(i->leaf.key), &f),
			 OK);
	assert_false(f.is_authority);
	assert_int_equal(f.time.from_s, quarter.from_s);
	assert_int_equal(f.time.until_s, quarter.until_s);
	assert_int_equal(certificate_issue(&i->leaf, &site, quarter, &c), ERR_REFUSED);
	assert_int_equal(
		certificate_read(span_text(i->authority.chain), span_text(i->authority.key), &f),
		OK);
	assert_true(f.is_authority);
}

static void reading_refuses_foreign_key_and_garbage(void **state)
{
	const struct issued *i = *state;
	struct certificate_facts f;
	assert_int_equal(
		certificate_read(span_text(i->leaf.chain), span_text(i->authority.key), &f),
		ERR_REFUSED);
	assert_int_equal(certificate_read(span_text("no pem"), (struct span){0}, &f), ERR_FORMAT);
	assert_int_equal(certificate_read((struct span){0}, (struct span){0}, &f), ERR_FORMAT);
	assert_int_equal(certificate_read(span_text(i->leaf.chain), span_text("no key"), &f),
			 ERR_FORMAT);
}

static void serves_its_names_by_its_authority_in_its_time(void **state)
{
	const struct issued *i = *state;
	struct span leaf = span_text(i->leaf.chain), authority = span_text(i->authority.chain);
	AUTO_DONE(certificate_done) struct certificate other = {0};
	const char *const stranger[] = {"mail.home.arpa"};
	struct certificate_names whom = {stranger, 1, NULL, 0};
	assert_int_equal(certificate_authority("Gatehouse of home.arpa", &site, decade, &other),
			 OK);
	assert_true(certificate_serves(leaf, authority, &site, NOW));
	assert_false(certificate_serves(leaf, authority, &whom, NOW));
	assert_false(certificate_serves(leaf, authority, &site, NOW + 91 * DAY));
	assert_false(certificate_serves(leaf, authority, &site, NOW - 2 * DAY));
	assert_false(certificate_serves(leaf, span_text(other.chain), &site, NOW));
}

static void der_is_the_bytes_inside_of_pem(void **state)
{
	const struct issued *i = *state;
	uint8_t der[4096];
	size_t len = 0;
	struct span pem = span_text(i->authority.chain);
	assert_int_equal(certificate_der(pem, der, sizeof(der), &len), OK);
	assert_int_equal(der[0], 0x30);
	assert_int_equal(der[2] << 8 | der[3], len - 4);
	assert_int_equal(certificate_der(pem, der, len - 1, &len), ERR_LIMIT);
	assert_int_equal(certificate_der(span_text("-"), der, sizeof(der), &len), ERR_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(refuses_name_out_of_reach, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refuses_public_address_and_takes_private_ones,
						set_up, tear_down),
		cmocka_unit_test(authority_without_addresses_serves_none),
		cmocka_unit_test(public_address_in_reach_is_permitted_alone),
		cmocka_unit_test_setup_teardown(refuses_what_outlives_the_authority, set_up,
						tear_down),
		cmocka_unit_test(refuses_names_that_are_none),
		cmocka_unit_test_setup_teardown(leaf_is_no_authority, set_up, tear_down),
		cmocka_unit_test_setup_teardown(reading_refuses_foreign_key_and_garbage, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(serves_its_names_by_its_authority_in_its_time,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(der_is_the_bytes_inside_of_pem, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
