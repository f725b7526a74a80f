#include "proto/dns/message.h"

#include "base/writer.h"
#include "proto/dns/type.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint8_t buf[70000];

/* Each test composes its message by hand: the builder is not its own judge. */
static struct writer header(uint16_t flags, uint16_t qd, uint16_t an, uint16_t ns, uint16_t ar)
{
	struct writer w = writer_of(buf, sizeof(buf));
	write_u16(&w, 0x1234);
	write_u16(&w, flags);
	write_u16(&w, qd);
	write_u16(&w, an);
	write_u16(&w, ns);
	write_u16(&w, ar);
	return w;
}

static void question(struct writer *w, uint16_t type)
{
	write_bytes(w, "\3wWw\7example", 13);
	write_u16(w, type);
	write_u16(w, DNS_CLASS_IN);
}

static void record(struct writer *w, struct span owner, uint16_t type, uint16_t class, uint32_t ttl,
		   struct span rdata)
{
	write_span(w, owner);
	write_u16(w, type);
	write_u16(w, class);
	write_u32(w, ttl);
	write_u16(w, (uint16_t)rdata.len);
	write_span(w, rdata);
}

static const struct span root = {(const uint8_t *)"", 1};
static const struct span none = {0};

static void opt(struct writer *w, uint32_t ttl, struct span options)
{
	record(w, root, DNS_TYPE_OPT, 1232, ttl, options);
}

static struct dns_query q;

static void assert_verdict(const struct writer *w, enum dns_query_verdict verdict,
			   enum dns_rcode rcode)
{
	assert_int_equal(dns_query_read(writer_span(w), &q), verdict);
	assert_int_equal(q.verdict, verdict);
	if (verdict == DNS_QUERY_REPLY)
		assert_int_equal(q.rcode, rcode);
}

/* --- one query --- */

static void drops_replies_and_what_is_shorter_than_a_header(void **state)
{
	(void)state;
	struct writer w = header(DNS_FLAG_QR, 1, 0, 0, 0);
	question(&w, DNS_TYPE_A);
	assert_verdict(&w, DNS_QUERY_DROP, 0);
	w = header(0, 0, 0, 0, 0);
	for (size_t len = 0; len < DNS_HEADER_LEN; len++)
		assert_int_equal(dns_query_read(span_of(buf, len), &q), DNS_QUERY_DROP);
	assert_verdict(&w, DNS_QUERY_REPLY, DNS_RCODE_FORMERR);
}

static void refuses_other_opcodes_with_their_question(void **state)
{
	(void)state;
	for (unsigned opcode = 1; opcode < 16; opcode++) {
		struct writer w = header((uint16_t)(opcode << 11), 1, 0, 0, 0);
		question(&w, DNS_TYPE_SOA);
		assert_verdict(&w, DNS_QUERY_REPLY, DNS_RCODE_NOTIMP);
		assert_int_equal(dns_header_opcode(&q.header), opcode);
		assert_true(q.has_question);
	}
}

static void refuses_all_but_one_question(void **state)
{
	(void)state;
	struct writer w = header(0, 2, 0, 0, 0);
	question(&w, DNS_TYPE_A);
	question(&w, DNS_TYPE_A);
	assert_verdict(&w, DNS_QUERY_REPLY, DNS_RCODE_FORMERR);
	assert_false(q.has_question);
	w = header(0, 0, 0, 0, 1);
	opt(&w, 0, none);
	assert_verdict(&w, DNS_QUERY_REPLY, DNS_RCODE_FORMERR);
	/* A pointer has nothing to point to. */
	w = header(0, 1, 0, 0, 0);
	write_bytes(&w, "\xc0\x0c\0\1\0\1", 6);
	assert_verdict(&w, DNS_QUERY_REPLY, DNS_RCODE_FORMERR);
	w = header(0, 1, 0, 0, 0);
	question(&w, DNS_TYPE_A);
	w.pos--;
	assert_verdict(&w, DNS_QUERY_REPLY, DNS_RCODE_FORMERR);
	assert_false(q.has_question);
}

static void refuses_records_that_a_query_has_no_use_for(void **state)
{
	(void)state;
	const struct span address = span_of("\xc0\0\2\1", 4);
	struct writer w = header(0, 1, 1, 0, 0);
	question(&w, DNS_TYPE_A);
	record(&w, root, DNS_TYPE_A, 1, 0, address);
	assert_verdict(&w, DNS_QUERY_REPLY, DNS_RCODE_FORMERR);
	assert_true(q.has_question);
	w = header(0, 1, 0, 1, 0);
	question(&w, DNS_TYPE_A);
	record(&w, root, DNS_TYPE_SOA, 1, 0, address);
	assert_verdict(&w, DNS_QUERY_REPLY, DNS_RCODE_FORMERR);
	w = header(0, 1, 0, 0, 1);
	question(&w, DNS_TYPE_A);
	record(&w, root, DNS_TYPE_A, 1, 0, address);
	assert_verdict(&w, DNS_QUERY_REPLY, DNS_RCODE_FORMERR);
	w = header(0, 1, 0, 1, 0);
	question(&w, DNS_TYPE_IXFR);
	record(&w, root, DNS_TYPE_A, 1, 0, address);
	assert_verdict(&w, DNS_QUERY_REPLY, DNS_RCODE_FORMERR);
	w = header(0, 1, 0, 0, 0);
	question(&w, DNS_TYPE_A);
	write_u8(&w, 0);
	assert_verdict(&w, DNS_QUERY_REPLY, DNS_RCODE_FORMERR);
}

static void refuses_wrong_opt_records(void **state)
{
	(void)state;
	struct writer w = header(0, 1, 0, 0, 2);
	question(&w, DNS_TYPE_A);
	opt(&w, 0, none);
	opt(&w, 0, none);
	assert_verdict(&w, DNS_QUERY_REPLY, DNS_RCODE_FORMERR);
	w = header(0, 1, 0, 0, 1);
	question(&w, DNS_TYPE_A);
	record(&w, span_of("\1a", 3), DNS_TYPE_OPT, 1232, 0, none);
	assert_verdict(&w, DNS_QUERY_REPLY, DNS_RCODE_FORMERR);
	assert_false(q.edns.present);
	/* The reply still speaks EDNS when the options alone are wrong. */
	w = header(0, 1, 0, 0, 1);
	question(&w, DNS_TYPE_A);
	opt(&w, 0x8000, span_of("\0\x0a\0\1\1", 5));
	assert_verdict(&w, DNS_QUERY_REPLY, DNS_RCODE_FORMERR);
	assert_true(q.edns.present);
	assert_int_equal(q.edns.udp_size, 512);
	assert_int_equal(q.edns.cookie.len, 0);
	/* Less in the message than the count says, and more. */
	w = header(0, 1, 0, 0, 2);
	question(&w, DNS_TYPE_A);
	opt(&w, 0, none);
	assert_verdict(&w, DNS_QUERY_REPLY, DNS_RCODE_FORMERR);
	w = header(0, 1, 0, 0, 0);
	question(&w, DNS_TYPE_A);
	opt(&w, 0, none);
	assert_verdict(&w, DNS_QUERY_REPLY, DNS_RCODE_FORMERR);
}

static void answers_badvers_to_another_edns(void **state)
{
	(void)state;
	struct writer w = header(0, 1, 0, 0, 1);
	question(&w, DNS_TYPE_A);
	opt(&w, 0x00010000, span_of("whatever", 8));
	assert_verdict(&w, DNS_QUERY_REPLY, DNS_RCODE_BADVERS);
	assert_true(q.edns.present && q.has_question);
}

static void reads_a_plain_query(void **state)
{
	(void)state;
	struct writer w = header(DNS_FLAG_RD | DNS_FLAG_CD, 1, 0, 0, 0);
	question(&w, DNS_TYPE_AAAA);
	assert_verdict(&w, DNS_QUERY_ANSWER, 0);
	assert_int_equal(q.header.id, 0x1234);
	assert_int_equal(q.header.flags, DNS_FLAG_RD | DNS_FLAG_CD);
	assert_int_equal(q.question.type, DNS_TYPE_AAAA);
	assert_int_equal(q.question.class, DNS_CLASS_IN);
	assert_int_equal(q.question.name.len, 13);
	assert_memory_equal(q.question.name.wire, "\3www\7example", 13);
	assert_int_equal(q.question.wire.len, 17);
	assert_memory_equal(q.question.wire.data, "\3wWw\7example", 13);
	assert_false(q.edns.present);
	assert_int_equal(q.tsig_at, 0);
	assert_int_equal(q.authority_at, 0);
}

static void reads_edns_and_notes_tsig_and_ixfr(void **state)
{
	(void)state;
	struct writer w = header(0, 1, 0, 1, 2);
	question(&w, DNS_TYPE_IXFR);
	size_t soa_at = w.pos;
	record(&w, span_of("\xc0\x0c", 2), DNS_TYPE_SOA, 1, 0, span_of("x", 1));
	opt(&w, 0x8000, span_of("\0\3\0\0", 4));
	size_t tsig_at = w.pos;
	record(&w, span_of("\3key", 5), DNS_TYPE_TSIG, DNS_CLASS_ANY, 0, span_of("mac", 3));
	assert_verdict(&w, DNS_QUERY_ANSWER, 0);
	assert_int_equal(q.authority_at, soa_at);
	assert_int_equal(q.tsig_at, tsig_at);
	assert_true(q.edns.present && q.edns.do_bit && q.edns.nsid);
	assert_int_equal(q.edns.udp_size, 1232);
	/* RFC 8945 5.1: what follows a TSIG is wrong. */
	w = header(0, 1, 0, 0, 2);
	question(&w, DNS_TYPE_A);
	record(&w, span_of("\3key", 5), DNS_TYPE_TSIG, DNS_CLASS_ANY, 0, span_of("mac", 3));
	opt(&w, 0, none);
	assert_verdict(&w, DNS_QUERY_REPLY, DNS_RCODE_FORMERR);
}

static void gives_a_cookie_without_a_question(void **state)
{
	(void)state;
	struct writer w = header(0, 0, 0, 0, 1);
	opt(&w, 0,
	    span_of("\0\x0a\0\x08"
		    "12345678",
		    12));
	assert_verdict(&w, DNS_QUERY_REPLY, DNS_RCODE_NOERROR);
	assert_int_equal(q.edns.cookie.len, 8);
	assert_false(q.has_question);
}

/* --- any message --- */

static void assert_message(const struct writer *w, enum err want)
{
	struct dns_message m;
	assert_int_equal(dns_message_read(writer_span(w), &m), want);
}

static void refuses_messages_that_are_torn_or_too_long(void **state)
{
	(void)state;
	struct writer w = header(DNS_FLAG_QR, 1, 2, 0, 1);
	question(&w, DNS_TYPE_A);
	record(&w, span_of("\xc0\x0c", 2), DNS_TYPE_A, 1, 60, span_of("\xc0\0\2\1", 4));
	record(&w, span_of("\1b\xc0\x10", 4), DNS_TYPE_A, 1, 60, span_of("\xc0\0\2\1", 4));
	opt(&w, 0, span_of("\0\3\0\1x", 5));
	size_t len = w.pos;
	struct dns_message m;
	for (size_t i = 0; i < len; i++)
		assert_int_equal(dns_message_read(span_of(buf, i), &m), ERR_FORMAT);
	assert_message(&w, OK);
	write_u8(&w, 0);
	assert_message(&w, ERR_FORMAT);
	assert_int_equal(dns_message_read(span_of(buf, DNS_MESSAGE_MAX + 1), &m), ERR_FORMAT);
}

static void refuses_opt_and_tsig_out_of_place(void **state)
{
	(void)state;
	struct writer w = header(DNS_FLAG_QR, 0, 1, 0, 0);
	opt(&w, 0, none);
	assert_message(&w, ERR_FORMAT);
	w = header(DNS_FLAG_QR, 0, 0, 0, 2);
	opt(&w, 0, none);
	opt(&w, 0, none);
	assert_message(&w, ERR_FORMAT);
	w = header(DNS_FLAG_QR, 0, 0, 0, 1);
	record(&w, span_of("\1a", 3), DNS_TYPE_OPT, 512, 0, none);
	assert_message(&w, ERR_FORMAT);
	w = header(DNS_FLAG_QR, 0, 1, 0, 0);
	record(&w, root, DNS_TYPE_TSIG, DNS_CLASS_ANY, 0, none);
	assert_message(&w, ERR_FORMAT);
	w = header(DNS_FLAG_QR, 0, 0, 0, 2);
	record(&w, root, DNS_TYPE_TSIG, DNS_CLASS_ANY, 0, none);
	opt(&w, 0, none);
	assert_message(&w, ERR_FORMAT);
	w = header(DNS_FLAG_QR, 2, 0, 0, 0);
	question(&w, DNS_TYPE_A);
	question(&w, DNS_TYPE_A);
	assert_message(&w, ERR_FORMAT);
}

static void refuses_counts_that_the_message_cannot_hold(void **state)
{
	(void)state;
	struct writer w = header(DNS_FLAG_QR, 0, UINT16_MAX, UINT16_MAX, UINT16_MAX);
	while (writer_left(&w) && w.pos + 11 <= DNS_MESSAGE_MAX)
		record(&w, root, DNS_TYPE_A, 1, 0, none);
	assert_message(&w, ERR_FORMAT);
}

static void iterates_over_all_or_one_section(void **state)
{
	(void)state;
	struct writer w = header(DNS_FLAG_QR | 3, 1, 1, 0, 4);
	question(&w, DNS_TYPE_A);
	record(&w, span_of("\xc0\x0c", 2), DNS_TYPE_A, 1, 60, span_of("\xc0\0\2\1", 4));
	record(&w, span_of("\1B\xc0\x10", 4), DNS_TYPE_NS, 1, 0x80000000u, span_of("\xc0\x0c", 2));
	opt(&w, 0x01000000, none);
	record(&w, root, DNS_TYPE_TXT, 3, 0x7fffffff, span_of("\1x", 2));
	record(&w, root, DNS_TYPE_TSIG, DNS_CLASS_ANY, 0, none);
	struct dns_message m;
	assert_int_equal(dns_message_read(writer_span(&w), &m), OK);
	assert_int_equal(dns_message_rcode(&m), 0x13);
	assert_true(m.tsig_at > 0 && m.edns.present && m.has_question);

	struct dns_record_iter it = dns_record_iter_all(&m);
	struct dns_record r;
	assert_true(dns_record_next(&m, &it, &r));
	assert_int_equal(r.section, DNS_ANSWER);
	assert_int_equal(r.ttl, 60);
	assert_memory_equal(r.owner.wire, "\3www\7example", 13);
	assert_int_equal(r.rdata.len, 4);
	assert_ptr_equal(r.rdata.data, buf + r.rdata_at);
	assert_true(dns_record_next(&m, &it, &r));
	assert_int_equal(r.section, DNS_ADDITIONAL);
	assert_int_equal(r.ttl, 0); /* RFC 2181 8 */
	assert_memory_equal(r.owner.wire, "\1b\7example", 11);
	struct reader rdata = dns_record_reader(&r);
	struct dns_name target;
	assert_int_equal(dns_name_read(&rdata, dns_message_reader(&m), &target), OK);
	assert_true(dns_name_equal(&target, &m.question.name));
	assert_true(dns_record_next(&m, &it, &r));
	assert_int_equal(r.type, DNS_TYPE_TXT);
	assert_int_equal(r.class, DNS_CLASS_CH);
	assert_int_equal(r.ttl, 0x7fffffff);
	assert_false(dns_record_next(&m, &it, &r));
	assert_false(dns_record_next(&m, &it, &r));

	static const size_t want[] = {0, 1, 0, 2};
	for (unsigned s = DNS_QUESTION; s <= DNS_ADDITIONAL; s++) {
		size_t count = 0;
		it = dns_record_iter_section(&m, (enum dns_section)s);
		while (dns_record_next(&m, &it, &r))
			count++;
		assert_int_equal(count, want[s]);
	}
}

static void the_head_is_read_without_the_rest(void **state)
{
	(void)state;
	struct writer w = header(DNS_FLAG_QR | DNS_FLAG_TC, 1, 7, 0, 0);
	question(&w, DNS_TYPE_A);
	write_bytes(&w, "torn", 4);
	struct dns_message m;
	struct dns_record r;
	assert_message(&w, ERR_FORMAT);
	assert_int_equal(dns_message_read_head(writer_span(&w), &m), OK);
	assert_true(m.has_question);
	assert_int_equal(m.header.ancount, 7);
	struct dns_record_iter it = dns_record_iter_all(&m);
	assert_false(dns_record_next(&m, &it, &r));
	struct dns_header h;
	assert_int_equal(dns_header_read(span_of(buf, 11), &h), ERR_FORMAT);
	assert_int_equal(dns_header_read(span_of(buf, 12), &h), OK);
	assert_int_equal(h.id, 0x1234);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drops_replies_and_what_is_shorter_than_a_header),
		cmocka_unit_test(refuses_other_opcodes_with_their_question),
		cmocka_unit_test(refuses_all_but_one_question),
		cmocka_unit_test(refuses_records_that_a_query_has_no_use_for),
		cmocka_unit_test(refuses_wrong_opt_records),
		cmocka_unit_test(answers_badvers_to_another_edns),
		cmocka_unit_test(reads_a_plain_query),
		cmocka_unit_test(reads_edns_and_notes_tsig_and_ixfr),
		cmocka_unit_test(gives_a_cookie_without_a_question),
		cmocka_unit_test(refuses_messages_that_are_torn_or_too_long),
		cmocka_unit_test(refuses_opt_and_tsig_out_of_place),
		cmocka_unit_test(refuses_counts_that_the_message_cannot_hold),
		cmocka_unit_test(iterates_over_all_or_one_section),
		cmocka_unit_test(the_head_is_read_without_the_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
