#include "proto/dhcp6/ia.h"

#include "proto/dhcp6/message.h"
#include "test/guard.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct ip_prefix prefix_of(const char *text)
{
	struct ip_prefix p;
	assert_int_equal(ip_prefix_parse(span_text(text), &p), OK);
	return p;
}

static enum err read_body(const uint8_t *body, size_t len, uint16_t code, struct dhcp6_ia *ret)
{
	struct dhcp6_option o = {.code = code, .body = span_of(body, len)};
	return dhcp6_ia_read(&o, ret);
}

static void refuses_leases_that_are_torn_or_impossible(void **state)
{
	(void)state;
	struct dhcp6_ia ia;
	uint8_t body[64] = {[13] = DHCP6_OPT_IAADDR, [15] = 23};
	assert_int_equal(read_body(body, 12 + 4 + 23, DHCP6_OPT_IA_NA, &ia), ERR_FORMAT);
	body[15] = 24;
	assert_int_equal(read_body(body, 12 + 4 + 24, DHCP6_OPT_IA_NA, &ia), OK);
	body[15] = 25; /* half of an option's header behind the address */
	assert_int_equal(read_body(body, 12 + 4 + 25, DHCP6_OPT_IA_NA, &ia), ERR_FORMAT);
	uint8_t pd[64] = {[13] = DHCP6_OPT_IAPREFIX, [15] = 25, [24] = 128};
	assert_int_equal(read_body(pd, 12 + 4 + 25, DHCP6_OPT_IA_PD, &ia), OK);
	pd[24] = 129; /* bits */
	assert_int_equal(read_body(pd, 12 + 4 + 25, DHCP6_OPT_IA_PD, &ia), ERR_FORMAT);
}

/* RFC 8415 21.22: bits behind the prefix length are "ignored by the receiver". */
static void clears_the_bits_behind_a_prefix(void **state)
{
	(void)state;
	struct dhcp6_ia ia;
	struct dhcp6_lease l;
	uint8_t pd[64] = {[13] = DHCP6_OPT_IAPREFIX,
			  [15] = 25,
			  [24] = 33,
			  [25] = 0x20,
			  [26] = 1,
			  [29] = 0xff,
			  [40] = 1};
	assert_int_equal(read_body(pd, 12 + 4 + 25, DHCP6_OPT_IA_PD, &ia), OK);
	struct reader r = reader_of_span(ia.options);
	assert_true(dhcp6_lease_next(&r, ia.kind, &l));
	struct ip_prefix want = prefix_of("2001:0:8000::/33");
	assert_true(ip_prefix_equal(&l.prefix, &want));
	assert_false(dhcp6_lease_next(&r, ia.kind, &l));
}

static void gives_back_what_it_writes(void **state)
{
	(void)state;
	static const enum dhcp6_ia_kind kinds[] = {DHCP6_IA_NA, DHCP6_IA_TA, DHCP6_IA_PD};
	for (size_t k = 0; k < 3; k++) {
		uint8_t wire[256];
		struct writer w = writer_of(wire, sizeof(wire));
		struct dhcp6_option o;
		struct dhcp6_ia ia;
		struct dhcp6_lease back;
		bool pd = kinds[k] == DHCP6_IA_PD;
		struct dhcp6_lease one = {
			.prefix = prefix_of(pd ? "2001:db8:100::/40" : "2001:db8::7"),
			.preferred_s = 100,
			.valid_s = DHCP6_INFINITY};
		struct dhcp6_lease two = {
			.prefix = prefix_of(pd ? "2001:db8:8000::/33" : "2001:db8::8"),
			.has_status = true,
			.status = DHCP6_NOT_ON_LINK};
		if (pd)
			one.excluded = prefix_of("2001:db8:1ff:ff00::/56");
		size_t at = dhcp6_ia_begin(&w, kinds[k], 77, 50, 80);
		dhcp6_write_lease(&w, kinds[k], &one, NULL);
		dhcp6_write_lease(&w, kinds[k], &two, "not here");
		dhcp6_write_status(&w, DHCP6_NO_BINDING, "");
		dhcp6_option_end(&w, at);
		assert_int_equal(writer_check(&w), OK);

		struct reader r = reader_of_span(writer_span(&w));
		assert_true(dhcp6_option_next(&r, &o));
		assert_int_equal(reader_end(&r), OK);
		assert_int_equal(dhcp6_ia_read(&o, &ia), OK);
		assert_int_equal(ia.kind, kinds[k]);
		assert_int_equal(ia.iaid, 77);
		assert_int_equal(ia.t1_s, kinds[k] == DHCP6_IA_TA ? 0 : 50);
		assert_int_equal(ia.t2_s, kinds[k] == DHCP6_IA_TA ? 0 : 80);
		assert_true(ia.has_status && ia.status == DHCP6_NO_BINDING);
		r = reader_of_span(ia.options);
		assert_true(dhcp6_lease_next(&r, ia.kind, &back));
		assert_true(ip_prefix_equal(&back.prefix, &one.prefix));
		assert_true(back.preferred_s == 100 && back.valid_s == DHCP6_INFINITY);
		assert_false(back.has_status);
		assert_true(ip_prefix_equal(&back.excluded, &one.excluded));
		assert_true(dhcp6_lease_next(&r, ia.kind, &back));
		assert_true(ip_prefix_equal(&back.prefix, &two.prefix));
		assert_true(back.has_status && back.status == DHCP6_NOT_ON_LINK);
		assert_false(dhcp6_lease_next(&r, ia.kind, &back));
		assert_false(r.bad);
	}
}

/* RFC 6603 4.2: "between OPTION_IAPREFIX prefix-length+1 and 128", as many octets as that needs. */
static void refuses_exclusions_that_are_not_inside(void **state)
{
	(void)state;
	static const struct {
		size_t len;
		uint8_t body[8];
		enum err want;
	} rows[] = {
		{0, {0}, ERR_FORMAT},	   {2, {48, 0}, ERR_FORMAT}, /* as long as itself */
		{2, {47, 0}, ERR_FORMAT},  {1, {56}, ERR_FORMAT},    /* no octet */
		{2, {56, 0xab}, OK},	   {3, {56, 0xab, 0}, ERR_FORMAT},
		{3, {57, 0xab, 0x80}, OK}, {2, {57, 0xab}, ERR_FORMAT},
		{2, {129, 0}, ERR_FORMAT},
	};
	struct ip_prefix delegated = prefix_of("2001:db8:1::/48"), p;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t *copy = guard_copy(rows[i].body, rows[i].len);
		assert_int_equal(dhcp6_pd_exclude_read(span_of(copy, rows[i].len), &delegated, &p),
				 rows[i].want);
		guard_free(copy, rows[i].len);
	}
	/* RFC 6603 4.2's own example. */
	delegated = prefix_of("2001:db8::/32");
	assert_int_equal(dhcp6_pd_exclude_read(span_of("\x30\x00\x00", 3), &delegated, &p), OK);
	assert_int_equal(p.bits, 48);
}

static void every_exclusion_comes_back(void **state)
{
	(void)state;
	struct test_random random = test_random_begin();
	for (unsigned n = 0; n < 4000; n++) {
		struct ip_address a = {.family = 6};
		uint8_t wire[32];
		struct dhcp6_option o;
		struct ip_prefix back;
		test_random_fill(&random, a.bytes, 16);
		unsigned bits = 1 + (unsigned)test_random_below(&random, 128);
		unsigned outer = (unsigned)test_random_below(&random, bits);
		struct ip_prefix delegated = ip_prefix_of(&a, outer),
				 excluded = ip_prefix_of(&a, bits);
		struct writer w = writer_of(wire, sizeof(wire));
		dhcp6_write_pd_exclude(&w, &delegated, &excluded);
		struct reader r = reader_of_span(writer_span(&w));
		assert_true(dhcp6_option_next(&r, &o));
		assert_int_equal(dhcp6_pd_exclude_read(o.body, &delegated, &back), OK);
		assert_true(ip_prefix_equal(&back, &excluded));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_leases_that_are_torn_or_impossible),
		cmocka_unit_test(refuses_exclusions_that_are_not_inside),
		cmocka_unit_test(clears_the_bits_behind_a_prefix),
		cmocka_unit_test(gives_back_what_it_writes),
		cmocka_unit_test(every_exclusion_comes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
