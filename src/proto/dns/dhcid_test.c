#include "proto/dns/dhcid.h"

#include "test/hex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct dns_name named(const char *text)
{
	struct dns_name n;
	assert_int_equal(dns_name_from_text_case(span_text(text), NULL, &n), OK);
	return n;
}

/* RFC 4701 3.6.1 to 3.6.3; the records as octets. */
static void gives_the_records_of_rfc_4701(void **state)
{
	(void)state;
	static const struct {
		enum dns_dhcid_source source;
		const char *identifier, *name, *rdata;
	} vectors[] = {
		{DNS_DHCID_DUID, "00010006412df166010203040506", "chi6.example.com",
		 "000201636fc0b8271c82825bb1ac5c41cf5351aa69b4febd94e8f17cdb95000da48c40"},
		{DNS_DHCID_CLIENT_ID, "010708090a0b0c", "chi.example.com",
		 "0001013920fe5d1dceb3fd0ba3379756a70d73b17009f41d58bddbfcd6a2503956d8da"},
		{DNS_DHCID_HARDWARE, "01010203040506", "client.example.com",
		 "000001c4b9a5b249651343158dde7bcc77169841f7a4243a572b5c283fffedeb3f75e6"},
	};
	for (size_t i = 0; i < 3; i++) {
		uint8_t identifier[32], got[DNS_DHCID_LEN];
		size_t len = hex_read(vectors[i].identifier, identifier, sizeof(identifier));
		struct dns_name name = named(vectors[i].name);
		dns_dhcid_make(vectors[i].source, span_of(identifier, len), &name, got);
		assert_true(hex_is(got, sizeof(got), vectors[i].rdata));
	}
}

static void ignores_the_case_of_the_name(void **state)
{
	(void)state;
	struct dns_name name = named("ChI.Example.COM");
	uint8_t identifier[32], got[DNS_DHCID_LEN];
	size_t len = hex_read("010708090a0b0c", identifier, sizeof(identifier));
	dns_dhcid_make(DNS_DHCID_CLIENT_ID, span_of(identifier, len), &name, got);
	assert_true(hex_is(got, sizeof(got),
			   "0001013920fe5d1dceb3fd0ba3379756a70d73b17009f41d58bddbfcd6a2503956d8"
			   "da"));
}

/* RFC 4361 6.1 with RFC 4701 3.5.2: the DUID in a client identifier is what counts. */
static void a_client_with_a_duid_is_one_over_both_protocols(void **state)
{
	(void)state;
	struct dns_name name = named("chi6.example.com");
	uint8_t id[32], chaddr[6] = {1, 2, 3, 4, 5, 6}, v4[DNS_DHCID_LEN], v6[DNS_DHCID_LEN];
	size_t len = hex_read("ff0000000700010006412df166010203040506", id, sizeof(id));
	dns_dhcid_make_v4(span_of(id, len), 1, span_of(chaddr, 6), &name, v4);
	dns_dhcid_make(DNS_DHCID_DUID, span_of(id + 5, len - 5), &name, v6);
	assert_memory_equal(v4, v6, sizeof(v4));
}

static void falls_back_to_the_identifier_and_the_hardware(void **state)
{
	(void)state;
	struct dns_name name = named("client.example.com");
	uint8_t chaddr[6] = {1, 2, 3, 4, 5, 6}, short_id[] = {255, 0, 0, 0, 1}, got[DNS_DHCID_LEN];
	dns_dhcid_make_v4((struct span){0}, 1, span_of(chaddr, 6), &name, got);
	assert_true(hex_is(got, sizeof(got),
			   "000001c4b9a5b249651343158dde7bcc77169841f7a4243a572b5c283fffedeb3f75"
			   "e6"));
	/* Type 255 without a DUID is only an identifier. */
	dns_dhcid_make_v4(span_of(short_id, 5), 1, span_of(chaddr, 6), &name, got);
	assert_int_equal(got[1], DNS_DHCID_CLIENT_ID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_records_of_rfc_4701),
		cmocka_unit_test(ignores_the_case_of_the_name),
		cmocka_unit_test(a_client_with_a_duid_is_one_over_both_protocols),
		cmocka_unit_test(falls_back_to_the_identifier_and_the_hardware),
	};
	return cmocka_run_group_tests_name("dns_dhcid", tests, NULL, NULL);
}
