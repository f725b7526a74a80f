/* What the plane itself says: refusals, and the DNS of quarantine. */
#include "service/vpn/gate/answer.h"

#include "proto/dns/build.h"
#include "proto/dns/type.h"
#include "service/vpn/gate/refuse.h"
#include "service/vpn/gate/stage_test.h"
#include "test/guard.h"

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

static uint8_t packet[STAGE_PACKET_MAX], answer[GATE_ANSWER_MAX];

/* The answer to such a packet; empty: none. */
static struct span refuse_wish(const struct wish *wish)
{
	struct gate_packet p;
	struct span bytes = stage_packet(packet, wish);
	assert_int_equal(gate_packet_read(bytes, &p), OK);
	struct writer w = writer_of(answer, sizeof(answer));
	bool said = refuse_answer(&p, bytes, (struct span){0}, &w);
	assert_int_equal(said, w.pos != 0);
	if (said)
		assert_true(stage_sums_right(writer_span(&w)));
	return writer_span(&w);
}

#define TCP4 .from = "10.8.0.2", .to = "192.168.1.9", .protocol = GATE_TCP
#define TCP6 .from = "fd08::2", .to = "2001:db8::9", .protocol = GATE_TCP

static uint32_t number_at(struct span tcp, size_t at)
{
	struct reader r = reader_of_span(tcp);
	reader_skip(&r, at);
	return read_u32(&r);
}

/* RFC 9293 3.10.7.1 */
static void a_reset_has_the_numbers_that_its_receiver_believes(void **state)
{
	(void)state;
	const struct {
		uint8_t flags;
		size_t data;
		uint32_t seq, ack;
		uint8_t says;
	} cases[] = {
		{SYN, 0, 0, 1001, RST | ACK},	    {SYN, 5, 0, 1006, RST | ACK},
		{SYN | FIN, 0, 0, 1002, RST | ACK}, {ACK, 9, 2000, 0, RST},
		{ACK | FIN, 0, 2000, 0, RST},	    {8, 4, 0, 1004, RST | ACK},
		{SYN | ACK, 0, 2000, 0, RST},
	};
	for (size_t six = 0; six < 2; six++)
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
			struct wish w = {TCP4,
					 .from_port = 50000,
					 .to_port = 22,
					 .seq = 1000,
					 .ack = 2000,
					 .flags = cases[i].flags,
					 .payload = span_of("123456789", cases[i].data)};
			if (six) {
				w.from = "fd08::2";
				w.to = "2001:db8::9";
			}
			struct gate_packet p;
			assert_int_equal(gate_packet_read(refuse_wish(&w), &p), OK);
			assert_int_equal(p.tcp_flags, cases[i].says);
			assert_int_equal(number_at(p.upper, 4), cases[i].seq);
			assert_int_equal(number_at(p.upper, 8), cases[i].ack);
			assert_int_equal(p.source_port, 22);
			assert_int_equal(p.destination_port, 50000);
		}
}

static void a_reset_is_never_answered(void **state)
{
	(void)state;
	assert_int_equal(refuse_wish(&(struct wish){TCP4, .flags = RST}).len, 0);
	assert_int_equal(refuse_wish(&(struct wish){TCP6, .flags = RST | ACK}).len, 0);
}

/* RFC 1122 3.2.2, RFC 4443 2.4 (e) */
static void errors_are_sent_to_nothing_that_forbids_them(void **state)
{
	(void)state;
	const struct wish silent[] = {
		{.from = "10.8.0.2", .to = "10.8.0.1", .protocol = GATE_ICMP, .type = 3},
		{.from = "10.8.0.2", .to = "10.8.0.1", .protocol = GATE_ICMP, .type = 11},
		{.from = "10.8.0.2", .to = "10.8.0.1", .protocol = GATE_ICMP, .type = 5},
		{.from = "fd08::2", .to = "fd08::1", .protocol = GATE_ICMPV6, .type = 1},
		{.from = "fd08::2", .to = "fd08::1", .protocol = GATE_ICMPV6, .type = 100},
		{.from = "fd08::2", .to = "fd08::1", .protocol = GATE_ICMPV6, .type = 137},
		{.from = "10.8.0.2", .to = "224.0.0.251"},
		{.from = "10.8.0.2", .to = "255.255.255.255"},
		{.from = "fd08::2", .to = "ff02::fb"},
		{.from = "0.0.0.0", .to = "10.8.0.1"},
		{.from = "224.0.0.1", .to = "10.8.0.1"},
		{.from = "::", .to = "fd08::1"},
		{.from = "10.8.0.2", .to = "10.8.0.1", .fragment = 800},
		{.from = "fd08::2", .to = "fd08::1", .fragment = 800},
	};
	for (size_t i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
		assert_int_equal(refuse_wish(&silent[i]).len, 0);
	/* An echo is no error; a first fragment is answered, also one of TCP, by ICMP. */
	assert_int_not_equal(refuse_wish(&(struct wish){.from = "10.8.0.2",
							.to = "10.8.0.1",
							.protocol = GATE_ICMP,
							.type = 8})
				     .len,
			     0);
	struct gate_packet p;
	assert_int_equal(gate_packet_read(refuse_wish(&(struct wish){TCP4, .more = true}), &p), OK);
	assert_int_equal(p.protocol, GATE_ICMP);
}

/* RFC 1812 4.3.2.3, RFC 4443 2.4 (c) */
static void an_error_quotes_as_much_as_it_may(void **state)
{
	(void)state;
	static const uint8_t long_payload[1400];
	struct wish w = {.from = "10.8.0.2",
			 .to = "192.168.1.9",
			 .payload = span_of(long_payload, sizeof(long_payload))};
	assert_int_equal(refuse_wish(&w).len, 576);
	w.from = "fd08::2";
	w.to = "2001:db8::9";
	struct span said = refuse_wish(&w);
	assert_int_equal(said.len, 1280);
	assert_memory_equal(said.data + 48, packet, 1232);
	w.payload = span_text("short");
	said = refuse_wish(&w);
	assert_int_equal(said.len, 48 + 48 + 5);
}

static void writes_nothing_where_there_is_no_room(void **state)
{
	(void)state;
	struct gate_packet p;
	struct span bytes = stage_packet(packet, &(struct wish){TCP4, .flags = SYN});
	assert_int_equal(gate_packet_read(bytes, &p), OK);
	for (size_t room = 0; room < 40; room++) {
		struct guard g = guard_of(room);
		struct writer w = writer_of(g.end - room, room);
		assert_false(refuse_answer(&p, bytes, (struct span){0}, &w));
		assert_int_equal(w.pos, 0);
		guard_done(&g);
	}
}

/* --- the DNS of quarantine --- */

static struct page_dns dns;

static int set_dns(void **state)
{
	(void)state;
	dns = (struct page_dns){.page4 = stage_address("10.8.0.1"),
				.page6 = stage_address("fd08::1")};
	assert_int_equal(dns_name_from_text(span_text("sign-in.home.arpa"), NULL, &dns.name), OK);
	return 0;
}

static size_t ask(uint8_t *room, const char *name, uint16_t type, bool edns)
{
	struct dns_build b;
	struct dns_name n;
	assert_int_equal(dns_name_from_text_case(span_text(name), NULL, &n), OK);
	dns_build_init(&b, room, 512, 0x1234, DNS_FLAG_RD);
	dns_build_question(&b, dns_name_span(&n), type, DNS_CLASS_IN);
	if (edns)
		dns_build_opt(&b, 4096, 0, true, (struct span){0});
	return dns_build_finish(&b).len;
}

struct told {
	struct dns_message m;
	struct dns_record first;
	bool any;
};

static struct told told(const char *name, uint16_t type, bool edns)
{
	uint8_t query[512];
	struct writer w = writer_of(answer, sizeof(answer));
	struct told t = {0};
	size_t len = ask(query, name, type, edns);
	assert_int_equal(page_dns_answer(&dns, span_of(query, len), &w), OK);
	assert_int_equal(dns_message_read(writer_span(&w), &t.m), OK);
	assert_int_equal(t.m.header.id, 0x1234);
	assert_int_equal(t.m.edns.present, edns);
	assert_int_equal(t.m.header.flags & (DNS_FLAG_QR | DNS_FLAG_RD | DNS_FLAG_RA),
			 DNS_FLAG_QR | DNS_FLAG_RD | DNS_FLAG_RA);
	assert_true(span_equal(t.m.question.wire, span_of(query + 12, t.m.question.wire.len)));
	struct dns_record_iter it = dns_record_iter_all(&t.m);
	t.any = dns_record_next(&t.m, &it, &t.first);
	return t;
}

static void every_name_is_the_page_for_no_time(void **state)
{
	(void)state;
	static const char *const names[] = {"sign-in.home.arpa", "www.example.com",
					    "captive.apple.com", "WwW.GSTATIC.com", "."};
	for (size_t i = 0; i < 5; i++) {
		struct told t = told(names[i], DNS_TYPE_A, i & 1);
		assert_int_equal(t.first.type, DNS_TYPE_A);
		assert_int_equal(t.first.ttl, 0);
		assert_true(span_equal(t.first.rdata, ip_address_span(&dns.page4)));
		t = told(names[i], DNS_TYPE_AAAA, !(i & 1));
		assert_int_equal(t.first.type, DNS_TYPE_AAAA);
		assert_true(span_equal(t.first.rdata, ip_address_span(&dns.page6)));
	}
}

static void other_types_have_no_data(void **state)
{
	(void)state;
	static const uint16_t types[] = {DNS_TYPE_MX, DNS_TYPE_TXT, DNS_TYPE_HTTPS,
					 DNS_TYPE_NS, DNS_TYPE_PTR, 65280};
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct told t = told("www.example.com", types[i], true);
		assert_int_equal(dns_message_rcode(&t.m), DNS_RCODE_NOERROR);
		assert_int_equal(t.m.header.ancount, 0);
		assert_int_equal(t.first.type, DNS_TYPE_SOA);
		assert_int_equal(t.first.section, DNS_AUTHORITY);
	}
	dns.page6 = (struct ip_address){0};
	assert_int_equal(told("www.example.com", DNS_TYPE_AAAA, false).m.header.ancount, 0);
	dns.page4 = (struct ip_address){0};
	assert_int_equal(told("www.example.com", DNS_TYPE_A, false).m.header.ancount, 0);
}

static void signals_to_go_round_the_resolver_have_no_data(void **state)
{
	(void)state;
	static const char *const names[] = {"use-application-dns.net", "mask.icloud.com",
					    "ipv4only.arpa", "1.0.8.10.in-addr.arpa", "localhost"};
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(told(names[i], DNS_TYPE_A, false).m.header.ancount, 0);
	assert_int_equal(told("sign-in.home.arpa", DNS_TYPE_ANY, false).m.header.ancount, 2);
}

static void other_classes_and_opcodes_are_told_so(void **state)
{
	(void)state;
	uint8_t query[512];
	size_t len = ask(query, "version.bind", DNS_TYPE_TXT, false);
	struct writer w = writer_of(answer, sizeof(answer));
	query[len - 1] = DNS_CLASS_CH;
	assert_int_equal(page_dns_answer(&dns, span_of(query, len), &w), OK);
	assert_int_equal(answer[3] & 15, DNS_RCODE_REFUSED);
	w = writer_of(answer, sizeof(answer));
	query[2] |= DNS_OPCODE_NOTIFY << 3;
	assert_int_equal(page_dns_answer(&dns, span_of(query, len), &w), OK);
	assert_int_equal(answer[3] & 15, DNS_RCODE_NOTIMP);
}

static void answer_any(const uint8_t *data, size_t len)
{
	struct writer w = writer_of(answer, sizeof(answer));
	struct dns_message m;
	enum err e = page_dns_answer(&dns, span_of(data, len), &w);
	if (e)
		assert_int_equal(w.pos, 0);
	else
		assert_int_equal(dns_message_read(writer_span(&w), &m), OK);
	(void)page_dns_is_for_page(&dns, span_of(data, len));
}

static void whatever_is_asked_the_answer_is_well_formed_or_none(void **state)
{
	(void)state;
	uint8_t query[512];
	size_t len = ask(query, "sign-in.home.arpa", DNS_TYPE_A, true);
	guard_every_prefix(query, len, answer_any);
	guard_every_bit_flip(query, len, answer_any);
	/* A reply is never answered: two such servers would talk for ever. */
	struct writer w = writer_of(answer, sizeof(answer));
	query[2] |= 0x80;
	assert_int_equal(page_dns_answer(&dns, span_of(query, len), &w), ERR_FORMAT);
}

static void knows_its_own_name_in_any_case(void **state)
{
	(void)state;
	uint8_t query[512];
	size_t len = ask(query, "SIGN-in.home.ARPA", DNS_TYPE_A, false);
	assert_true(page_dns_is_for_page(&dns, span_of(query, len)));
	len = ask(query, "x.sign-in.home.arpa", DNS_TYPE_A, false);
	assert_false(page_dns_is_for_page(&dns, span_of(query, len)));
	dns.name.len = 0;
	len = ask(query, ".", DNS_TYPE_A, false);
	assert_false(page_dns_is_for_page(&dns, span_of(query, len)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reset_has_the_numbers_that_its_receiver_believes),
		cmocka_unit_test(a_reset_is_never_answered),
		cmocka_unit_test(errors_are_sent_to_nothing_that_forbids_them),
		cmocka_unit_test(an_error_quotes_as_much_as_it_may),
		cmocka_unit_test(writes_nothing_where_there_is_no_room),
		cmocka_unit_test_setup(every_name_is_the_page_for_no_time, set_dns),
		cmocka_unit_test_setup(other_types_have_no_data, set_dns),
		cmocka_unit_test_setup(signals_to_go_round_the_resolver_have_no_data, set_dns),
		cmocka_unit_test_setup(other_classes_and_opcodes_are_told_so, set_dns),
		cmocka_unit_test_setup(whatever_is_asked_the_answer_is_well_formed_or_none,
				       set_dns),
		cmocka_unit_test_setup(knows_its_own_name_in_any_case, set_dns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
