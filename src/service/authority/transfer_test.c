/* Zone transfers, and conversations over TCP that carry them. */
#include "base/writer.h"
#include "proto/dns/message.h"
#include "proto/dns/type.h"
#include "proto/ip/prefix.h"
#include "service/authority/ask_test.h"
#include "service/authority/axfr.h"
#include "service/authority/tcp.h"

#include <stdio.h>
#include <stdlib.h>

#define HEAD "$TTL 3600\n@ SOA ns hm 7 7200 3600 1209600 300\n@ NS ns\nns A 192.0.2.1\n"

static const struct dns_tsig_reply unsigned_reply;

static struct ask *zone_for_all(const char *text)
{
	struct ask *a = ask_new();
	struct zone *z = NULL;
	struct ip_prefix all;

	assert_int_equal(ip_prefix_parse(span_text("192.0.2.64/26"), &all), OK);
	if (ask_load(a, "example.", text, false, &z))
		fail_msg("%s", a->problems);
	assert_int_equal(zones_add(a->set, &z->origin, z, &all, 1), OK);
	return a;
}

static void transfer_is_for_those_who_are_listed_over_tcp(void **state)
{
	(void)state;
	struct ask *a = zone_for_all(HEAD);
	uint8_t q[512];
	size_t len = ask_query("example.", "AXFR", 0, q, sizeof(q));

	assert_true(ask_wire(a, q, len, false) > 0);
	assert_int_equal(a->facts.rcode, DNS_RCODE_FORMERR);
	assert_int_equal(ask_wire(a, q, len, true), 0);
	assert_non_null(a->facts.transfer);
	a->client = ip_address_v4(198, 51, 100, 1);
	assert_true(ask_wire(a, q, len, true) > 0);
	assert_int_equal(a->facts.rcode, DNS_RCODE_REFUSED);
	assert_null(a->facts.transfer);
	ask_free(a);
}

static size_t ixfr_query(uint32_t serial, uint8_t *q, size_t cap)
{
	size_t len = ask_query("example.", "IXFR", 0, q, cap);
	struct writer w = {.data = q, .cap = cap, .pos = len};

	put_u16(q + 8, 1); /* RFC 1995 3: our SOA in the authority section */
	write_u16(&w, 0xC00C);
	write_u16(&w, DNS_TYPE_SOA);
	write_u16(&w, DNS_CLASS_IN);
	write_u32(&w, 0);
	write_u16(&w, 22);
	write_u16(&w, 0);
	write_u32(&w, serial);
	for (unsigned i = 0; i < 4; i++)
		write_u32(&w, 0);
	assert_int_equal(writer_check(&w), OK);
	return w.pos;
}

static void ixfr_tells_those_who_are_up_to_date(void **state)
{
	(void)state;
	struct ask *a = zone_for_all(HEAD);
	uint8_t q[512];

	assert_true(ask_wire(a, q, ixfr_query(7, q, sizeof(q)), true) > 0);
	assert_int_equal(a->wire[7], 1);
	assert_int_equal(ask_wire(a, q, ixfr_query(6, q, sizeof(q)), true), 0);
	assert_non_null(a->facts.transfer); /* all of it, RFC 1995 4 */
	assert_true(ask_wire(a, q, ixfr_query(6, q, sizeof(q)), false) > 0);
	assert_int_equal(a->wire[7], 1);
	assert_true(ask_wire(a, q, ask_query("example.", "IXFR", 0, q, sizeof(q)), true) > 0);
	assert_int_equal(a->facts.rcode, DNS_RCODE_FORMERR);
	ask_free(a);
}

/* Reads all messages of a transfer; every record's owner and type goes into text. Returns how many
 * messages. */
static unsigned take_all(const struct ask *a, unsigned flags, struct writer *text,
			 unsigned *ret_records)
{
	struct axfr x = {.part = AXFR_DONE};
	uint8_t q[512], *out = malloc(AXFR_MESSAGE_MIN);
	size_t len = ask_query("example.", "AXFR", flags, q, sizeof(q)), n;
	unsigned messages = 0;

	assert_non_null(out);
	*ret_records = 0;
	assert_int_equal(
		axfr_begin(&x, a->set->entries[0].zone, span_of(q, len), 1232, &unsigned_reply),
		OK);
	while ((n = axfr_next(&x, out, AXFR_MESSAGE_MIN, 0)) > 0) {
		struct dns_message m;
		struct dns_record rec;
		char owner[DNS_NAME_TEXT_MAX], type[DNS_TYPE_TEXT_MAX];
		assert_int_equal(dns_message_read(span_of(out, n), &m), OK);
		assert_int_equal(m.header.id, 0x1234);
		assert_true(m.header.flags & DNS_FLAG_AA);
		assert_int_equal(m.edns.present, (flags & ASK_EDNS) != 0);
		struct dns_record_iter it = dns_record_iter_section(&m, DNS_ANSWER);
		while (dns_record_next(&m, &it, &rec)) {
			if (text)
				write_format(text, "%s %s\n", dns_name_format(&rec.owner, owner),
					     dns_type_format(rec.type, type));
			++*ret_records;
		}
		messages++;
	}
	axfr_done(&x);
	free(out);
	return messages;
}

static void transfer_begins_and_ends_with_the_soa_and_has_all_between(void **state)
{
	(void)state;
	struct ask *a = zone_for_all(
		HEAD "@ RRSIG SOA 8 1 60 20300101000000 20200101000000 1 @ AA==\n"
		     "sub NS ns.sub\nns.sub A 192.0.2.3\nx.sub TXT hidden\nmx MX 1 ns\n");
	char buf[2048];
	struct writer w = writer_of(buf, sizeof(buf) - 1);
	unsigned records;

	assert_int_equal(take_all(a, ASK_EDNS, &w, &records), 1);
	buf[w.pos] = 0;
	/* RFC 5936 2.2 and 3.5: glue and what is hidden too. */
	assert_string_equal(
		buf, "example. SOA\nexample. NS\nexample. RRSIG\nns.example. A\nsub.example. NS\n"
		     "ns.sub.example. A\nx.sub.example. TXT\nmx.example. MX\nexample. SOA\n");
	ask_free(a);
}

static void large_transfer_is_many_messages_and_holds_its_snapshot(void **state)
{
	(void)state;
	size_t size = 2 << 20, len = 0;
	char *text = malloc(size);
	unsigned records;

	assert_non_null(text);
	len += (size_t)snprintf(text, size, "%s", HEAD);
	for (unsigned i = 0; i < 10000; i++)
		len += (size_t)snprintf(text + len, size - len,
					"h%u A 192.0.2.%u\nh%u TXT \"a text of some length %u\"\n",
					i, i % 256, i, i);
	struct ask *a = zone_for_all(text);
	assert_true(take_all(a, 0, NULL, &records) > 20);
	assert_int_equal(records, 20000 + 4);
	uint8_t q[512];
	struct axfr x;
	uint8_t *out = malloc(AXFR_MESSAGE_MIN);
	struct zone *z = a->set->entries[0].zone;
	len = ask_query("example.", "AXFR", 0, q, sizeof(q));
	assert_int_equal(axfr_begin(&x, z, span_of(q, len), 0, &unsigned_reply), OK);
	assert_int_equal(atomic_load(&z->home->refs), 2);
	ask_free(a); /* the set is gone; the transfer goes on */
	while (axfr_next(&x, out, AXFR_MESSAGE_MIN, 0))
		;
	assert_int_equal(x.records, 20000 + 4);
	axfr_done(&x);
	axfr_done(&x);
	free(out);
	free(text);
}

/* --- TCP --- */

struct talk {
	struct ask *a;
	struct tcp_conversation c;
	unsigned told;
};

static void told(void *arg, const struct answer_facts *facts, bool answered)
{
	struct talk *t = arg;
	(void)facts;

	t->told += answered;
}

static unsigned step(struct talk *t)
{
	return tcp_step(&t->c, &(struct tcp_surroundings){
				       .zones = t->a->set,
				       .conf = &t->a->conf,
				       .client = &t->a->client,
				       .told = told,
				       .arg = t,
			       });
}

static void feed(struct talk *t, const uint8_t *data, size_t len)
{
	size_t room;
	uint8_t *at = tcp_room(&t->c, &room);

	assert_true(room >= len);
	memcpy(at, data, len);
	tcp_received(&t->c, len);
}

static size_t framed(const char *name, const char *type, uint8_t *buf)
{
	size_t len = ask_query(name, type, 0, buf + 2, 512);

	put_u16(buf, (uint16_t)len);
	return len + 2;
}

static struct talk *talk_new(const char *text)
{
	struct talk *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	t->a = zone_for_all(text);
	tcp_init(&t->c);
	return t;
}

static void talk_free(struct talk *t)
{
	tcp_done(&t->c);
	ask_free(t->a);
	free(t);
}

static void octets_may_come_one_by_one_and_queries_many_at_once(void **state)
{
	(void)state;
	struct talk *t = talk_new(HEAD);
	uint8_t q[2048];
	size_t len = framed("ns.example.", "A", q);

	for (size_t i = 0; i < len; i++) {
		assert_int_equal(step(t), 0);
		feed(t, q + i, 1);
	}
	assert_int_equal(step(t), 1);
	size_t answer = tcp_output(&t->c).len;
	assert_int_equal(answer, len + 16);
	tcp_sent(&t->c, 5);
	tcp_sent(&t->c, answer - 5);
	assert_true(tcp_is_idle(&t->c));
	for (unsigned i = 0; i < 20; i++)
		feed(t, q, len);
	feed(t, q, 7); /* and a part of one more */
	assert_int_equal(step(t), 20);
	assert_int_equal(tcp_output(&t->c).len, 20 * answer);
	assert_int_equal(t->told, 21);
	feed(t, q + 7, len - 7);
	assert_int_equal(step(t), 1);
	talk_free(t);
}

static void a_query_that_is_too_long_or_no_query_ends_it(void **state)
{
	(void)state;
	struct talk *t = talk_new(HEAD);
	uint8_t q[600];
	size_t len = framed("ns.example.", "A", q), room;

	feed(t, q, len);
	feed(t, (const uint8_t *)"\xff\xff", 2);
	assert_int_equal(step(t), 1); /* what was asked before is answered */
	assert_true(t->c.bad);
	(void)tcp_room(&t->c, &room);
	assert_int_equal(room, 0);
	talk_free(t);
	t = talk_new(HEAD);
	feed(t, (const uint8_t *)"\0\3abc", 5);
	assert_int_equal(step(t), 1);
	assert_true(t->c.bad);
	assert_int_equal(tcp_output(&t->c).len, 0);
	talk_free(t);
}

static void a_client_that_does_not_read_is_not_buffered_without_bound(void **state)
{
	(void)state;
	char text[40000] = HEAD;

	for (unsigned i = 0; i < 150; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
			       "big TXT %u-%0200u\n", i, 0);
	struct talk *t = talk_new(text);
	uint8_t q[512];
	size_t len = framed("big.example.", "TXT", q), room;
	unsigned answered = 0;

	for (unsigned i = 0; i < 4000; i++) {
		(void)tcp_room(&t->c, &room);
		if (room < len)
			break;
		feed(t, q, len);
		answered += step(t);
	}
	assert_in_range(answered, 1, 10);
	assert_true(room < len); /* now TCP's own window holds it back */
	while (tcp_output(&t->c).len) {
		tcp_sent(&t->c, 1 + tcp_output(&t->c).len / 2);
		answered += step(t);
	}
	assert_int_equal(answered, t->told);
	assert_true(answered > 50); /* all that was asked */
	talk_free(t);
}

static void a_transfer_goes_through_a_narrow_pipe(void **state)
{
	(void)state;
	size_t size = 1 << 20, len = 0, total = 0;
	char *text = malloc(size);

	assert_non_null(text);
	len += (size_t)snprintf(text, size, "%s", HEAD);
	for (unsigned i = 0; i < 10000; i++)
		len += (size_t)snprintf(text + len, size - len, "h%u A 192.0.2.%u\n", i, i % 256);
	struct talk *t = talk_new(text);
	uint8_t q[512];
	len = framed("example.", "AXFR", q);
	feed(t, q, len);
	len = framed("ns.example.", "A", q);
	feed(t, q, len); /* waits its turn */
	assert_int_equal(step(t), 1);
	assert_false(tcp_is_idle(&t->c));
	while (tcp_output(&t->c).len) {
		size_t n = tcp_output(&t->c).len > 1000 ? 1000 : tcp_output(&t->c).len;
		tcp_sent(&t->c, n);
		total += n;
		(void)step(t);
	}
	assert_true(total > 10000 * 16);
	assert_int_equal(t->told, 2);
	assert_true(tcp_is_idle(&t->c));
	talk_free(t);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transfer_is_for_those_who_are_listed_over_tcp),
		cmocka_unit_test(ixfr_tells_those_who_are_up_to_date),
		cmocka_unit_test(transfer_begins_and_ends_with_the_soa_and_has_all_between),
		cmocka_unit_test(large_transfer_is_many_messages_and_holds_its_snapshot),
		cmocka_unit_test(octets_may_come_one_by_one_and_queries_many_at_once),
		cmocka_unit_test(a_query_that_is_too_long_or_no_query_ends_it),
		cmocka_unit_test(a_client_that_does_not_read_is_not_buffered_without_bound),
		cmocka_unit_test(a_transfer_goes_through_a_narrow_pipe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
