#include "proto/dns/type.h"

#include "base/writer.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void refuses_text_that_is_no_type(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",    "AA",	  "TYPE", "TYPE65536", "TYPE-1",	   "TYPE1x", "NSEC33",
		"NSE", "ZONEMDX", "IN",	  "TYPE 1",    "TYPE999999999999", "\xff",   "*"};
	uint16_t type = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(dns_type_from_text(span_text(bad[i]), &type));
		assert_int_equal(type, 7);
	}
}

static void every_type_is_found_by_its_own_text(void **state)
{
	(void)state;
	unsigned known = 0;
	for (unsigned n = 0; n <= UINT16_MAX; n++) {
		const struct dns_type_info *info = dns_type_find((uint16_t)n);
		char text[DNS_TYPE_TEXT_MAX], lower[DNS_TYPE_TEXT_MAX];
		uint16_t type;
		dns_type_format((uint16_t)n, text);
		assert_true(dns_type_from_text(span_text(text), &type));
		assert_int_equal(type, n);
		for (size_t i = 0; i < sizeof(text); i++)
			lower[i] =
				(char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20 : text[i]);
		assert_true(dns_type_from_text(span_text(lower), &type));
		assert_int_equal(type, n);
		if (!info)
			continue;
		known++;
		assert_int_equal(info->type, n);
		assert_string_equal(info->mnemonic, text);
	}
	assert_int_equal(known, 76);
}

static void every_type_is_found_by_its_number(void **state)
{
	(void)state;
	uint16_t type;
	assert_true(dns_type_from_text(span_text("type1"), &type));
	assert_int_equal(type, DNS_TYPE_A);
	assert_true(dns_type_from_text(span_text("TYPE257"), &type));
	assert_int_equal(type, DNS_TYPE_CAA);
}

static bool is_name(unsigned f)
{
	return f >= DNS_FIELD_NAME_COMPRESS && f <= DNS_FIELD_NAMES;
}

static void flags_agree_with_fields(void **state)
{
	(void)state;
	for (unsigned n = 0; n <= UINT16_MAX; n++) {
		const struct dns_type_info *info = dns_type_find((uint16_t)n);
		if (!info)
			continue;
		bool compress = false, names = false, composite = false;
		assert_int_equal(info->fields[DNS_TYPE_FIELDS_MAX - 1], DNS_FIELD_END);
		assert_int_not_equal(info->fields[0], DNS_FIELD_END);
		for (const uint8_t *f = info->fields; *f; f++) {
			compress |= *f == DNS_FIELD_NAME_COMPRESS;
			names |= is_name(*f);
			composite |= *f == DNS_FIELD_GATEWAY || *f == DNS_FIELD_RELAY;
		}
		assert_int_equal(compress, !!(info->flags & DNS_TYPE_COMPRESSED));
		assert_int_equal(names || composite, !!(info->flags & DNS_TYPE_NAMES));
		if (info->flags & (DNS_TYPE_LOWER | DNS_TYPE_ADDITIONAL))
			assert_true(names);
		if (info->flags & DNS_TYPE_QUERY)
			assert_true(info->flags & DNS_TYPE_META);
	}
}

/* RFC 4034 6.2 (3) as RFC 6840 5.1 mended it, less the types that nobody has (NXT, A6). */
static void lowers_the_types_of_rfc_4034_and_rfc_6840(void **state)
{
	(void)state;
	static const uint16_t lowered[] = {
		DNS_TYPE_NS,   DNS_TYPE_MD,    DNS_TYPE_MF,    DNS_TYPE_CNAME, DNS_TYPE_SOA,
		DNS_TYPE_MB,   DNS_TYPE_MG,    DNS_TYPE_MR,    DNS_TYPE_PTR,   DNS_TYPE_MINFO,
		DNS_TYPE_MX,   DNS_TYPE_RP,    DNS_TYPE_AFSDB, DNS_TYPE_RT,    DNS_TYPE_SIG,
		DNS_TYPE_PX,   DNS_TYPE_NAPTR, DNS_TYPE_KX,    DNS_TYPE_SRV,   DNS_TYPE_DNAME,
		DNS_TYPE_RRSIG};
	unsigned count = 0;
	for (unsigned n = 0; n <= UINT16_MAX; n++)
		count += !!(dns_type_flags((uint16_t)n) & DNS_TYPE_LOWER);
	assert_int_equal(count, sizeof(lowered) / sizeof(lowered[0]));
	for (size_t i = 0; i < count; i++)
		assert_true(dns_type_flags(lowered[i]) & DNS_TYPE_LOWER);
}

static void unknown_types_of_128_to_255_are_meta(void **state)
{
	(void)state;
	assert_int_equal(dns_type_flags(200), DNS_TYPE_META);
	assert_int_equal(dns_type_flags(127), 0);
	assert_int_equal(dns_type_flags(300), 0);
	assert_true(dns_type_flags(DNS_TYPE_ANY) & DNS_TYPE_QUERY);
	assert_true(dns_type_flags(DNS_TYPE_OPT) & DNS_TYPE_META);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_text_that_is_no_type),
		cmocka_unit_test(every_type_is_found_by_its_own_text),
		cmocka_unit_test(every_type_is_found_by_its_number),
		cmocka_unit_test(flags_agree_with_fields),
		cmocka_unit_test(lowers_the_types_of_rfc_4034_and_rfc_6840),
		cmocka_unit_test(unknown_types_of_128_to_255_are_meta),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
