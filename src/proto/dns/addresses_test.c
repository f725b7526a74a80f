#include "proto/dns/addresses.h"

#include "proto/dns/build.h"
#include "proto/dns/type.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

#define ID 0x1234

static struct dns_name name_of(const char *text)
{
	struct dns_name n;
	assert_int_equal(dns_name_from_text(span_text(text), NULL, &n), OK);
	return n;
}

/* vpn.lan is an alias of gw.lan, which has two addresses; another name has one. */
static struct span answer(uint8_t *room, size_t size, unsigned rcode)
{
	static const struct {
		const char *owner;
		uint16_t type;
		uint32_t ttl;
		const char *rdata;
		size_t len;
	} records[] = {
		{"vpn.lan.", DNS_TYPE_CNAME, 30, "\2gw\3lan", 8},
		{"gw.lan.", DNS_TYPE_A, 60, "\300\0\2\1", 4},
		{"else.lan.", DNS_TYPE_A, 1, "\11\11\11\11", 4},
		{"gw.lan.", DNS_TYPE_A, 60, "\300\0\2\2", 4},
	};
	struct dns_name name = name_of("vpn.lan.");
	struct dns_build b;
	dns_build_init(&b, room, size, ID, DNS_FLAG_QR | DNS_FLAG_RA);
	dns_build_question(&b, dns_name_span(&name), DNS_TYPE_A, DNS_CLASS_IN);
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		struct dns_name owner = name_of(records[i].owner);
		assert_true(dns_build_record(&b, DNS_ANSWER, dns_name_span(&owner), records[i].type,
					     DNS_CLASS_IN, records[i].ttl,
					     span_of(records[i].rdata, records[i].len)));
	}
	dns_build_set_rcode(&b, rcode);
	return dns_build_finish(&b);
}

static void takes_no_other_questions_answer(void **state)
{
	uint8_t room[512], query[DNS_ADDRESSES_QUERY_MAX];
	struct dns_name name = name_of("vpn.lan."), other = name_of("gw.lan.");
	struct dns_addresses a = {.n = 4711};
	(void)state;
	struct span m = answer(room, sizeof(room), 0);
	struct span q = dns_addresses_query(&name, DNS_TYPE_A, ID, query);
	assert_int_equal(dns_addresses_read(m, &name, DNS_TYPE_A, ID + 1, &a), ERR_FORMAT);
	assert_int_equal(dns_addresses_read(m, &name, DNS_TYPE_AAAA, ID, &a), ERR_FORMAT);
	assert_int_equal(dns_addresses_read(m, &other, DNS_TYPE_A, ID, &a), ERR_FORMAT);
	assert_int_equal(dns_addresses_read(q, &name, DNS_TYPE_A, ID, &a), ERR_FORMAT);
	m = answer(room, sizeof(room), 2);
	assert_int_equal(dns_addresses_read(m, &name, DNS_TYPE_A, ID, &a), ERR_REFUSED);
	assert_int_equal(a.n, 4711);
}

static void follows_an_alias_to_its_addresses(void **state)
{
	static const struct ip_address two = {.family = 4, .bytes = {192, 0, 2, 2}};
	uint8_t room[512];
	struct dns_name name = name_of("vpn.lan.");
	struct dns_addresses a;
	(void)state;
	struct span m = answer(room, sizeof(room), 0);
	assert_int_equal(dns_addresses_read(m, &name, DNS_TYPE_A, ID, &a), OK);
	assert_int_equal(a.n, 2);
	assert_true(ip_address_equal(&a.items[1], &two));
	assert_int_equal(a.ttl_s, 30);
	m = answer(room, sizeof(room), 3);
	assert_int_equal(dns_addresses_read(m, &name, DNS_TYPE_A, ID, &a), OK);
}

/* RFC 1035 3.4.1, RFC 3596 2.2: with an address of IPv6 in a record A, and the other way round. */
static void takes_no_address_of_another_length(void **state)
{
	static const size_t lens[] = {0, 3, 4, 5, 15, 16, 17};
	static const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_AAAA};
	static const uint8_t rdata[17] = {1};
	uint8_t room[512];
	struct dns_name name = name_of("vpn.lan.");
	struct dns_addresses a;
	(void)state;
	for (size_t t = 0; t < 2; t++)
		for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
			struct dns_build b;
			dns_build_init(&b, room, sizeof(room), ID, DNS_FLAG_QR | DNS_FLAG_RA);
			dns_build_question(&b, dns_name_span(&name), types[t], DNS_CLASS_IN);
			assert_true(dns_build_record(&b, DNS_ANSWER, dns_name_span(&name), types[t],
						     DNS_CLASS_IN, 60, span_of(rdata, lens[i])));
			bool right = lens[i] == (types[t] == DNS_TYPE_A ? 4U : 16U);
			assert_int_equal(
				dns_addresses_read(dns_build_finish(&b), &name, types[t], ID, &a),
				right ? OK : ERR_FORMAT);
		}
}

static void read_torn(const uint8_t *data, size_t len)
{
	struct dns_name name = name_of("vpn.lan.");
	struct dns_addresses a = {0};
	enum err e = dns_addresses_read(span_of(data, len), &name, DNS_TYPE_A, ID, &a);
	assert_true(e == OK || e == ERR_FORMAT || e == ERR_REFUSED || e == ERR_LIMIT);
	assert_true(a.n <= DNS_ADDRESSES_MAX);
}

static void reads_nothing_beyond_a_torn_answer(void **state)
{
	uint8_t room[512];
	(void)state;
	struct span m = answer(room, sizeof(room), 0);
	guard_every_prefix(m.data, m.len, read_torn);
	guard_every_bit_flip(m.data, m.len, read_torn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_no_other_questions_answer),
		cmocka_unit_test(reads_nothing_beyond_a_torn_answer),
		cmocka_unit_test(follows_an_alias_to_its_addresses),
		cmocka_unit_test(takes_no_address_of_another_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
