#include "service/resolver/reply.h"

#include "proto/dns/type.h"
#include "service/resolver/rrset.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint8_t scratch[DNS_MESSAGE_MAX], packed[REPLY_PACKED_MAX];

#define NAME  "\003www\007example\003com"
#define CASED "\003wWw\007exAMple\003com\0\000\001\000\001"

static struct span pack(uint8_t *room, size_t cap, uint16_t type, uint32_t ttl_s, unsigned n,
			size_t len)
{
	struct writer w = writer_of(room, cap);
	size_t at = rrset_pack_begin(&w, span_of(NAME, sizeof(NAME)), type, ttl_s);
	for (unsigned i = 0; i < n; i++) {
		uint8_t rdata[256] = {(uint8_t)(len - 1)};
		memset(rdata + 1, (int)('a' + i), len);
		if (type == DNS_TYPE_A)
			rdata[0] = 192;
		rrset_pack_rdata(&w, span_of(rdata, len));
	}
	rrset_pack_end(&w, at, (uint16_t)n, 0);
	assert_int_equal(writer_check(&w), OK);
	return writer_span(&w);
}

static struct span compose(struct span answer, struct span authority, struct span additional,
			   uint16_t type, uint16_t rcode, uint16_t ede)
{
	struct reply_parts parts = {.name = span_of(NAME, sizeof(NAME)),
				    .type = type,
				    .class = DNS_CLASS_IN,
				    .rcode = rcode,
				    .ede = ede,
				    .answer = answer,
				    .authority = authority,
				    .additional = additional};
	size_t len;
	assert_int_equal(reply_compose(&parts, false, scratch, packed, sizeof(packed), &len), OK);
	return span_of(packed, len);
}

static struct reply_to to_of(size_t limit)
{
	return (struct reply_to){.id = 0x1234,
				 .flags = DNS_FLAG_RD,
				 .question = span_of(CASED, sizeof(CASED) - 1),
				 .edns = true,
				 .edns_size = 1232,
				 .limit = limit};
}

static struct dns_message read_out(const uint8_t *out, size_t len)
{
	struct dns_message m;
	assert_int_equal(dns_message_read(span_of(out, len), &m), OK);
	return m;
}

static void echoes_the_question_with_its_case_and_ages_ttls(void **state)
{
	uint8_t room[512], out[512];
	struct span p = compose(pack(room, sizeof(room), DNS_TYPE_A, 300, 2, 4), (struct span){0},
				(struct span){0}, DNS_TYPE_A, 0, REPLY_EDE_NONE);
	struct reply_to to = to_of(512);
	(void)state;
	assert_int_equal(reply_least_ttl(p), 300);
	struct dns_message m = read_out(out, reply_write(p, &to, 17, 0, out));
	assert_int_equal(m.header.id, 0x1234);
	assert_int_equal(m.header.flags, DNS_FLAG_QR | DNS_FLAG_RD | DNS_FLAG_RA);
	assert_memory_equal(m.question.wire.data, CASED, sizeof(CASED) - 1);
	assert_true(m.edns.present);
	assert_int_equal(m.edns.udp_size, 1232);
	struct dns_record_iter it = dns_record_iter_section(&m, DNS_ANSWER);
	struct dns_record rec;
	unsigned n = 0;
	for (; dns_record_next(&m, &it, &rec); n++)
		assert_int_equal(rec.ttl, 283);
	assert_int_equal(n, 2);
	m = read_out(out, reply_write(p, &to, 301, 0, out)); /* never below 0 */
	it = dns_record_iter_section(&m, DNS_ANSWER);
	assert_true(dns_record_next(&m, &it, &rec));
	assert_int_equal(rec.ttl, 0);
}

static void gives_each_address_the_first_place_in_turn(void **state)
{
	uint8_t room[512], out[512];
	struct span p = compose(pack(room, sizeof(room), DNS_TYPE_A, 300, 4, 4), (struct span){0},
				(struct span){0}, DNS_TYPE_A, 0, REPLY_EDE_NONE);
	struct reply_to to = to_of(512);
	unsigned first[4] = {0};
	(void)state;
	for (uint32_t turn = 0; turn < 1000; turn++) {
		struct dns_message m = read_out(out, reply_write(p, &to, 0, turn, out));
		struct dns_record_iter it = dns_record_iter_section(&m, DNS_ANSWER);
		struct dns_record rec;
		unsigned seen = 0;
		for (unsigned i = 0; dns_record_next(&m, &it, &rec); i++) {
			unsigned which = rec.rdata.data[1] - (unsigned)'a';
			first[which] += i == 0;
			seen |= 1u << which;
		}
		assert_int_equal(seen, 15); /* all of them, each once */
	}
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(first[i], 250);
}

static void leaves_courtesies_out_before_it_truncates(void **state)
{
	uint8_t a[2048], b[2048], c[2048], out[4096];
	struct span p = compose(pack(a, sizeof(a), DNS_TYPE_TXT, 300, 4, 50),
				pack(b, sizeof(b), DNS_TYPE_TXT, 300, 4, 50),
				pack(c, sizeof(c), DNS_TYPE_TXT, 300, 4, 50), DNS_TYPE_TXT, 0,
				REPLY_EDE_NONE);
	(void)state;
	size_t whole = 0;
	for (size_t limit = 4096; limit >= 44; limit--) {
		struct reply_to to = to_of(limit);
		size_t len = reply_write(p, &to, 1, 0, out);
		assert_true(len <= limit);
		if (!whole)
			whole = len;
		struct dns_message m = read_out(out, len);
		bool cut = m.header.flags & DNS_FLAG_TC;
		assert_true(m.edns.present);
		assert_int_equal(m.header.ancount, cut ? 0 : 4);
		if (limit >= whole)
			assert_int_equal(m.header.arcount, 5);
		if (cut)
			assert_int_equal(m.header.nscount + m.header.arcount, 1);
	}
	struct reply_to tiny = to_of(43);
	assert_int_equal(reply_write(p, &tiny, 0, 0, out), 0);
}

static void never_leaves_the_proof_of_a_denial_out(void **state)
{
	uint8_t b[2048], out[4096];
	struct span p = compose((struct span){0}, pack(b, sizeof(b), DNS_TYPE_TXT, 300, 4, 50),
				(struct span){0}, DNS_TYPE_A, DNS_RCODE_NXDOMAIN, REPLY_EDE_NONE);
	struct reply_to to = to_of(200);
	(void)state;
	struct dns_message m = read_out(out, reply_write(p, &to, 1, 0, out));
	assert_true(m.header.flags & DNS_FLAG_TC);
	assert_int_equal(dns_message_rcode(&m), DNS_RCODE_NXDOMAIN);
	assert_int_equal(m.header.nscount, 0);
}

static void tells_why_it_failed_only_with_edns(void **state)
{
	uint8_t out[512];
	struct span p = compose((struct span){0}, (struct span){0}, (struct span){0}, DNS_TYPE_A,
				DNS_RCODE_SERVFAIL, DNS_EDE_NO_REACHABLE_AUTHORITY);
	struct reply_to to = to_of(512);
	struct dns_edns_option option;
	struct dns_extended_error error;
	(void)state;
	struct dns_message m = read_out(out, reply_write(p, &to, 0, 0, out));
	struct reader r = reader_of_span(m.edns.options);
	assert_true(dns_edns_option_next(&r, &option));
	assert_int_equal(option.code, DNS_OPTION_EDE);
	assert_int_equal(dns_extended_error_read(option.body, &error), OK);
	assert_int_equal(error.code, DNS_EDE_NO_REACHABLE_AUTHORITY);
	to.edns = false;
	m = read_out(out, reply_write(p, &to, 0, 0, out));
	assert_false(m.edns.present);
	assert_int_equal(m.header.arcount, 0);
	assert_int_equal(reply_least_ttl(p), UINT32_MAX);
}

static void writes_bare_answers_without_a_question_too(void **state)
{
	uint8_t out[512];
	struct reply_to to = to_of(512);
	(void)state;
	to.question = (struct span){0};
	struct dns_message m =
		read_out(out, reply_write_bare(&to, DNS_RCODE_BADVERS, REPLY_EDE_NONE, out));
	assert_false(m.has_question);
	assert_int_equal(dns_message_rcode(&m), DNS_RCODE_BADVERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(echoes_the_question_with_its_case_and_ages_ttls),
		cmocka_unit_test(gives_each_address_the_first_place_in_turn),
		cmocka_unit_test(leaves_courtesies_out_before_it_truncates),
		cmocka_unit_test(never_leaves_the_proof_of_a_denial_out),
		cmocka_unit_test(tells_why_it_failed_only_with_edns),
		cmocka_unit_test(writes_bare_answers_without_a_question_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
