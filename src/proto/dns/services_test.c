#include "proto/dns/services.h"

#include "proto/dns/build.h"
#include "proto/dns/message.h"
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

/* The service is an alias; four servers, one of which is none. */
static struct span answer(uint8_t *room, size_t size, uint16_t flags)
{
	static const struct {
		const char *owner;
		uint16_t type;
		uint32_t ttl;
		const char *rdata;
		size_t len;
	} records[] = {
		{"_http._tcp.lan.", DNS_TYPE_CNAME, 50, "\3web\3lan", 9},
		{"web.lan.", DNS_TYPE_SRV, 60, "\0\24\0\1\37\220\1b\3lan", 13},
		{"web.lan.", DNS_TYPE_SRV, 60, "\0\12\0\5\37\221\1A\3lan", 13},
		{"web.lan.", DNS_TYPE_SRV, 40, "\0\12\0\6\37\222\1c\3lan", 13},
		{"web.lan.", DNS_TYPE_SRV, 60, "\0\1\0\6\37\222\0", 7},
		{"else.lan.", DNS_TYPE_SRV, 1, "\0\0\0\0\0\1\1d\3lan", 13},
	};
	struct dns_name name = name_of("_http._tcp.lan.");
	struct dns_build b;
	dns_build_init(&b, room, size, ID, (uint16_t)(DNS_FLAG_QR | DNS_FLAG_RA | flags));
	dns_build_question(&b, dns_name_span(&name), DNS_TYPE_SRV, DNS_CLASS_IN);
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		struct dns_name owner = name_of(records[i].owner);
		assert_true(dns_build_record(&b, DNS_ANSWER, dns_name_span(&owner), records[i].type,
					     DNS_CLASS_IN, records[i].ttl,
					     span_of(records[i].rdata, records[i].len)));
	}
	return dns_build_finish(&b);
}

static void takes_no_other_questions_answer_and_none_that_was_cut(void **state)
{
	uint8_t room[512], query[DNS_SERVICES_QUERY_MAX];
	struct dns_name name = name_of("_http._tcp.lan."), other = name_of("web.lan.");
	struct dns_services s;
	(void)state;
	struct span m = answer(room, sizeof(room), 0);
	assert_int_equal(dns_services_read(m, &name, ID + 1, &s), ERR_FORMAT);
	assert_int_equal(dns_services_read(m, &other, ID, &s), ERR_FORMAT);
	assert_int_equal(dns_services_read(dns_services_query(&name, ID, query), &name, ID, &s),
			 ERR_FORMAT);
	m = answer(room, sizeof(room), DNS_FLAG_TC);
	assert_int_equal(dns_services_read(m, &name, ID, &s), ERR_REFUSED);
	m = answer(room, sizeof(room), DNS_RCODE_SERVFAIL);
	assert_int_equal(dns_services_read(m, &name, ID, &s), ERR_REFUSED);
}

static void reads_servers_by_their_priority(void **state)
{
	uint8_t room[512];
	struct dns_name name = name_of("_http._tcp.lan."), a = name_of("a.lan.");
	struct dns_services s;
	(void)state;
	assert_int_equal(dns_services_read(answer(room, sizeof(room), 0), &name, ID, &s), OK);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.ttl_s, 40);
	assert_int_equal(s.items[0].port, 8081);
	assert_int_equal(s.items[0].priority, 10);
	assert_int_equal(s.items[0].weight, 5);
	assert_true(dns_name_equal(&s.items[0].target, &a));
	assert_int_equal(s.items[1].port, 8082);
	assert_int_equal(s.items[2].port, 8080);
}

static void look(const uint8_t *data, size_t len)
{
	struct dns_name name = name_of("_http._tcp.lan.");
	struct dns_services s;
	if (dns_services_read(span_of(data, len), &name, ID, &s) == OK)
		assert_true(s.n <= DNS_SERVICES_MAX);
}

static void reads_nothing_past_the_end(void **state)
{
	uint8_t room[512];
	struct span m = answer(room, sizeof(room), 0);
	(void)state;
	guard_every_prefix(m.data, m.len, look);
	guard_every_bit_flip(m.data, m.len, look);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_no_other_questions_answer_and_none_that_was_cut),
		cmocka_unit_test(reads_servers_by_their_priority),
		cmocka_unit_test(reads_nothing_past_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
