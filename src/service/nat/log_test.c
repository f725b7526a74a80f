#include "service/nat/log.h"

#include "config/config.h"
#include "config/report.h"
#include "proto/ipfix/message.h"
#include "service/nat/conf.h"
#include "service/nat/tables.h"
#include "test/hex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* 1700000000.123 s after 1970: 2023-11-14T22:13:20.123Z. The machine had been up for 100 s. */
#define WALL_MS UINT64_C(1700000000123)
enum { UP_MS = 100000 };

static const struct nat_log_conf all = {
	.file = true, .mappings = true, .flows = true, .destinations = true};

static struct nat_log log_;

static void open_log(const struct nat_log_conf *conf)
{
	assert_int_equal(nat_log_init(&log_, conf), OK);
	nat_log_clock(&log_, WALL_MS, UP_MS);
}

static __be32 be(const char *text)
{
	struct ip_address a;
	assert_int_equal(ip_address_parse(span_text(text), &a), OK);
	return nat_address_be32(&a);
}

static struct nat_tuple4 tuple(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	return (struct nat_tuple4){.src = be(src),
				   .dst = be(dst),
				   .sport = nat_be16(sport),
				   .dport = nat_be16(dport),
				   .proto = 6};
}

static struct nat_event event(unsigned kind)
{
	return (struct nat_event){.kind = (uint8_t)kind, .time_ns = UP_MS * UINT64_C(1000000)};
}

static struct nat_event mapping_made(void)
{
	struct nat_event e = event(NAT_EVENT_MAPPING_MADE);
	e.tuple = tuple("192.168.1.10", 5000, "0.0.0.0", 0);
	e.tuple.zone = NAT_ZONE_INSIDE;
	e.answer = tuple("0.0.0.0", 0, "203.0.113.5", 6000);
	return e;
}

static struct nat_event flow_ended(void)
{
	struct nat_event e = event(NAT_EVENT_FLOW_ENDED);
	e.tuple = tuple("192.168.1.10", 5000, "198.51.100.7", 443);
	e.tuple.zone = NAT_ZONE_INSIDE;
	e.answer = tuple("198.51.100.7", 443, "203.0.113.5", 6000);
	e.answer.zone = NAT_ZONE_OUTSIDE;
	e.bytes[0] = 1000;
	e.bytes[1] = 50000;
	return e;
}

static struct nat_event forwarded_ended(void)
{
	struct nat_event e = event(NAT_EVENT_FLOW_ENDED);
	e.tuple = tuple("198.51.100.9", 40000, "203.0.113.5", 80);
	e.tuple.zone = NAT_ZONE_OUTSIDE;
	e.answer = tuple("192.168.1.20", 8080, "198.51.100.9", 40000);
	e.answer.zone = NAT_ZONE_INSIDE;
	e.bytes[0] = 7;
	e.bytes[1] = 70;
	return e;
}

static struct nat_event block_given(void)
{
	struct nat_event e = event(NAT_EVENT_BLOCK);
	e.tuple.src = be("192.168.1.10");
	e.answer.dst = be("203.0.113.5");
	e.block_first = 2048;
	e.block_n = 512;
	return e;
}

/* The line that the log makes of it; "" when it makes none. */
static const char *line(struct nat_event e)
{
	static char text[NAT_LOG_LINE_MAX + 1];
	struct writer w = writer_of(text, NAT_LOG_LINE_MAX);
	struct nat_log_entry entry;
	nat_log_event(&log_, &e);
	if (nat_log_take(&log_, &entry))
		nat_log_json(&entry, &w);
	assert_false(w.bad);
	text[w.pos] = 0;
	return text;
}

static void says_nothing_unless_asked(void **state)
{
	(void)state;
	struct nat_log_conf off = all;
	off.file = false;
	open_log(&off);
	assert_string_equal(line(mapping_made()), "");
	assert_string_equal(line(flow_ended()), "");
	nat_log_done(&log_);
	open_log(&all);
	assert_string_equal(line(event(NAT_EVENT_UNASKED)), "");
	assert_string_equal(line(event(NAT_EVENT_REFUSED)), "");
	assert_string_equal(line(event(NAT_EVENT_FRAGMENT)), "");
	assert_string_equal(line(event(0)), "");
	assert_string_equal(line(event(255)), "");
	nat_log_done(&log_);
}

/* RFC 6888 4: "the transport protocol, subscriber identifier (e.g., internal source address or
 * tunnel endpoint identifier), external source address, external source port, and timestamp". */
static void a_mapping_leads_back_to_its_host(void **state)
{
	(void)state;
	open_log(&all);
	assert_string_equal(line(mapping_made()),
			    "{\"time\":\"2023-11-14T22:13:20.123Z\",\"event\":\"mapping made\","
			    "\"protocol\":\"tcp\",\"host\":\"192.168.1.10\",\"host_port\":5000,"
			    "\"public\":\"203.0.113.5\",\"public_port\":6000}\n");
	assert_string_equal(line(block_given()),
			    "{\"time\":\"2023-11-14T22:13:20.123Z\",\"event\":\"block given\","
			    "\"host\":\"192.168.1.10\",\"public\":\"203.0.113.5\","
			    "\"first_port\":2048,\"last_port\":2559}\n");
	nat_log_done(&log_);
}

/* RFC 6888 REQ-12: "A CGN SHOULD NOT log destination addresses or ports unless required to do so
 * for administrative reasons." From outside the far end is the source. */
static void the_far_end_is_told_only_when_asked_for(void **state)
{
	(void)state;
	struct nat_log_conf conf = all;
	conf.destinations = false;
	open_log(&conf);
	assert_null(strstr(line(flow_ended()), "198.51.100"));
	assert_null(strstr(line(forwarded_ended()), "198.51.100"));
	conf.destinations = true;
	nat_log_configure(&log_, &conf);
	assert_non_null(strstr(line(flow_ended()), "\"began\":\"inside\",\"far\":\"198.51.100.7\","
						   "\"far_port\":443,\"bytes_out\":1000,"
						   "\"bytes_in\":50000}"));
	assert_non_null(strstr(line(forwarded_ended()),
			       "\"host\":\"192.168.1.20\",\"host_port\":8080,"
			       "\"public\":\"203.0.113.5\",\"public_port\":80,"
			       "\"began\":\"outside\",\"far\":\"198.51.100.9\","
			       "\"far_port\":40000,\"bytes_out\":70,\"bytes_in\":7}"));
	nat_log_done(&log_);
}

static void keeps_what_the_configuration_wants(void **state)
{
	(void)state;
	struct nat_log_conf conf = all;
	conf.flows = false;
	open_log(&conf);
	assert_string_equal(line(flow_ended()), "");
	conf.mappings = false;
	nat_log_configure(&log_, &conf);
	assert_string_equal(line(mapping_made()), "");
	assert_string_not_equal(line(block_given()), "");
	nat_log_done(&log_);
}

static void the_machine_is_nobodys_host(void **state)
{
	(void)state;
	struct nat_event e = mapping_made();
	open_log(&all);
	e.tuple.zone = NAT_ZONE_GATEWAY;
	assert_string_equal(line(e), "");
	e = flow_ended();
	e.tuple.zone = NAT_ZONE_GATEWAY;
	assert_string_equal(line(e), "");
	e = forwarded_ended();
	e.answer.zone = NAT_ZONE_GATEWAY; /* a service of its own */
	assert_string_equal(line(e), "");
	nat_log_done(&log_);
}

static void a_full_queue_loses_and_counts(void **state)
{
	(void)state;
	struct nat_event e = mapping_made();
	struct nat_log_entry entry;
	size_t taken = 0;
	open_log(&all);
	for (size_t i = 0; i < NAT_LOG_QUEUE + 3; i++)
		nat_log_event(&log_, &e);
	assert_int_equal(nat_log_lost(&log_), 3);
	while (nat_log_take(&log_, &entry))
		taken++;
	assert_int_equal(taken, NAT_LOG_QUEUE);
	assert_int_equal(log_.told, NAT_LOG_QUEUE);
	nat_log_done(&log_);
}

static void dates_are_those_of_the_calendar(void **state)
{
	(void)state;
	static const struct {
		uint64_t ms;
		const char *text;
	} rows[] = {
		{0, "{\"time\":\"1970-01-01T00:00:00.000Z\""},
		{UINT64_C(951782400000), "{\"time\":\"2000-02-29T00:00:00.000Z\""},
		{UINT64_C(951868799999), "{\"time\":\"2000-02-29T23:59:59.999Z\""},
		{UINT64_C(951868800000), "{\"time\":\"2000-03-01T00:00:00.000Z\""},
		{UINT64_C(1735689599000), "{\"time\":\"2024-12-31T23:59:59.000Z\""},
		{UINT64_C(4107542400000), "{\"time\":\"2100-03-01T00:00:00.000Z\""},
	};
	open_log(&all);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		nat_log_clock(&log_, rows[i].ms, UP_MS);
		assert_memory_equal(line(mapping_made()), rows[i].text, strlen(rows[i].text));
	}
	nat_log_done(&log_);
}

/* --- IPFIX --- */

static void begin(struct ipfix_message *m, uint8_t room[IPFIX_UDP_MESSAGE_MAX])
{
	ipfix_begin(m, room, IPFIX_UDP_MESSAGE_MAX, 1700000000, 0, 1);
}

/* What follows the message's header. */
static void is_record(struct nat_event e, const char *hex)
{
	uint8_t room[IPFIX_UDP_MESSAGE_MAX];
	struct ipfix_message m;
	struct nat_log_entry entry;
	begin(&m, room);
	nat_log_event(&log_, &e);
	assert_true(nat_log_take(&log_, &entry));
	assert_true(nat_log_ipfix(&entry, &m));
	struct span s = ipfix_end(&m);
	assert_true(hex_is(s.data + IPFIX_HEADER_LEN, s.len - IPFIX_HEADER_LEN, hex));
}

#define TIME "0000018bcfe5687b" /* 1700000000123 */

/* RFC 8158: observationTimeMilliseconds, natEvent, sourceIPv4Address, postNATSourceIPv4Address,
 * protocolIdentifier, sourceTransportPort, postNAPTSourceTransportPort; sets 256 and up. */
static void records_are_those_of_rfc_8158(void **state)
{
	(void)state;
	struct nat_log_conf conf = all;
	struct nat_event ended = mapping_made();
	ended.kind = NAT_EVENT_MAPPING_ENDED;
	open_log(&all);
	is_record(mapping_made(), "0100001a" TIME "08"
				  "c0a8010acb007105"
				  "0613881770");
	is_record(ended, "0100001a" TIME "09"
			 "c0a8010acb007105"
			 "0613881770");
	is_record(block_given(), "01010019" TIME "10"
				 "c0a8010acb007105"
				 "080009ff");
	struct nat_event block_ended = block_given();
	block_ended.kind = NAT_EVENT_BLOCK_ENDED;
	is_record(block_ended, "01010019" TIME "11"
			       "c0a8010acb007105"
			       "080009ff");
	is_record(flow_ended(), "01050037" TIME "05"
				"c0a8010acb007105"
				"0613881770"
				"01"
				"c633640701bbc633640701bb"
				"00000000000003e8"
				"000000000000c350");
	is_record(forwarded_ended(), "01050037" TIME "05"
				     "c0a80114cb007105"
				     "061f900050"
				     "02"
				     "c63364099c40c63364099c40"
				     "0000000000000007"
				     "0000000000000046");
	conf.destinations = false;
	nat_log_configure(&log_, &conf);
	is_record(flow_ended(), "0104002b" TIME "05"
				"c0a8010acb007105"
				"0613881770"
				"01"
				"00000000000003e8"
				"000000000000c350");
	nat_log_done(&log_);
}

/* That records have the lengths that their templates say, ipfix_add_record asserts. */
static void templates_fit_a_datagram(void **state)
{
	(void)state;
	uint8_t room[IPFIX_UDP_MESSAGE_MAX];
	struct ipfix_message m;
	begin(&m, room);
	size_t next = nat_log_templates(&m, 0);
	struct span s = ipfix_end(&m);
	assert_int_equal(m.records, 0);
	/* The first of them, whole. */
	assert_true(hex_is(s.data + IPFIX_HEADER_LEN + 4, 32,
			   "01000007"
			   "01430008"
			   "00e60001"
			   "00080004"
			   "00e10004"
			   "00040001"
			   "00070002"
			   "00e30002"));
	/* The others follow in the next message. */
	begin(&m, room);
	assert_in_range(next, 1, NAT_LOG_TEMPLATES - 1);
	assert_int_equal(nat_log_templates(&m, next), NAT_LOG_TEMPLATES);
	assert_false(ipfix_is_empty(&m));
	begin(&m, room);
	assert_int_equal(nat_log_templates(&m, NAT_LOG_TEMPLATES), NAT_LOG_TEMPLATES);
}

/* --- NAT64 --- */

static struct nat_address6 six(const char *text)
{
	struct nat_address6 a;
	struct ip_address ip;
	assert_int_equal(ip_address_parse(span_text(text), &ip), OK);
	nat_address_map(&ip, a.octets);
	return a;
}

/* A host of IPv6 at [2001:470:1::10]:5000, seen as 203.0.113.5:6000, and 198.51.100.7:443. inward:
 * the latter began. */
static struct nat_event6 event64(enum nat_event_kind kind, bool inward)
{
	struct nat_tuple6 host = {.src = six("2001:470:1::10"),
				  .dst = six("64:ff9b::198.51.100.7"),
				  .sport = nat_be16(5000),
				  .dport = nat_be16(443),
				  .proto = 6,
				  .zone = NAT_ZONE_INSIDE};
	struct nat_tuple6 world = {.src = six("198.51.100.7"),
				   .dst = six("203.0.113.5"),
				   .sport = nat_be16(443),
				   .dport = nat_be16(6000),
				   .proto = 6,
				   .zone = NAT_ZONE_OUTSIDE};
	struct nat_event6 e = {.tuple = inward ? world : host, .answer = inward ? host : world};
	e.head.kind = (uint8_t)kind;
	e.head.time_ns = event(kind).time_ns;
	e.head.tuple.proto = 6;
	e.head.bytes[0] = 1000;
	e.head.bytes[1] = 50000;
	return e;
}

static struct nat_log_entry entry64(enum nat_event_kind kind, bool inward)
{
	struct nat_event6 e = event64(kind, inward);
	struct nat_log_entry ret;
	nat_log_event6(&log_, &e);
	assert_true(nat_log_take(&log_, &ret));
	return ret;
}

static const char *line64(enum nat_event_kind kind, bool inward)
{
	static char text[NAT_LOG_LINE_MAX + 1];
	struct writer w = writer_of(text, NAT_LOG_LINE_MAX);
	struct nat_log_entry e = entry64(kind, inward);
	nat_log_json(&e, &w);
	text[w.pos] = 0;
	return strstr(text, "\"event\"");
}

#define HOST64                                                                                     \
	"\"protocol\":\"tcp\",\"host\":\"2001:470:1::10\",\"host_port\":5000,"                     \
	"\"public\":\"203.0.113.5\",\"public_port\":6000"
#define FAR64 ",\"far\":\"198.51.100.7\",\"far_port\":443"

static void nat64_leads_back_to_a_host_of_ipv6(void **state)
{
	(void)state;
	open_log(&all);
	assert_string_equal(line64(NAT_EVENT_MAPPING6_MADE, false),
			    "\"event\":\"mapping made\"," HOST64 "}\n");
	assert_string_equal(line64(NAT_EVENT_MAPPING6_ENDED, false),
			    "\"event\":\"mapping ended\"," HOST64 "}\n");
	assert_string_equal(line64(NAT_EVENT_FLOW6_BEGUN, false),
			    "\"event\":\"flow begun\"," HOST64 ",\"began\":\"inside\"" FAR64 "}\n");
	assert_string_equal(line64(NAT_EVENT_FLOW6_ENDED, false),
			    "\"event\":\"flow ended\"," HOST64 ",\"began\":\"inside\"" FAR64
			    ",\"bytes_out\":1000,\"bytes_in\":50000}\n");
	assert_string_equal(line64(NAT_EVENT_FLOW6_ENDED, true),
			    "\"event\":\"flow ended\"," HOST64 ",\"began\":\"outside\"" FAR64
			    ",\"bytes_out\":50000,\"bytes_in\":1000}\n");
	/* What is only routed is no translation. */
	struct nat_event6 e = event64(NAT_EVENT_FLOW6_BEGUN, false);
	struct nat_log_entry none;
	e.answer.src = e.tuple.dst;
	e.answer.dst = e.tuple.src;
	nat_log_event6(&log_, &e);
	assert_false(nat_log_take(&log_, &none));
	nat_log_done(&log_);
}

static void is_record64(enum nat_event_kind kind, const char *hex)
{
	uint8_t room[IPFIX_UDP_MESSAGE_MAX];
	struct ipfix_message m;
	struct nat_log_entry e = entry64(kind, false);
	begin(&m, room);
	assert_true(nat_log_ipfix(&e, &m));
	struct span s = ipfix_end(&m);
	assert_true(hex_is(s.data + IPFIX_HEADER_LEN, s.len - IPFIX_HEADER_LEN, hex));
}

/* RFC 8158 table 24: 6 and 7 NAT64 sessions, 10 and 11 its BIB; sourceIPv6Address,
 * destinationIPv6Address beside the IPv4 ones after translation. */
static void nat64_has_the_records_of_rfc_8158(void **state)
{
	(void)state;
	open_log(&all);
	is_record64(NAT_EVENT_MAPPING6_MADE, "01060026" TIME "0a"
					     "20010470000100000000000000000010cb007105"
					     "0613881770");
	is_record64(NAT_EVENT_MAPPING6_ENDED, "01060026" TIME "0b"
					      "20010470000100000000000000000010cb007105"
					      "0613881770");
	is_record64(NAT_EVENT_FLOW6_BEGUN, "0108003f" TIME "06"
					   "20010470000100000000000000000010cb007105"
					   "061388177001"
					   "0064ff9b0000000000000000c633640701bb"
					   "c633640701bb");
	is_record64(NAT_EVENT_FLOW6_ENDED, "010a004f" TIME "07"
					   "20010470000100000000000000000010cb007105"
					   "061388177001"
					   "0064ff9b0000000000000000c633640701bb"
					   "c633640701bb"
					   "00000000000003e8"
					   "000000000000c350");
	nat_log_done(&log_);
}

static void a_full_message_is_not_torn(void **state)
{
	(void)state;
	uint8_t room[IPFIX_UDP_MESSAGE_MAX];
	struct ipfix_message m;
	struct nat_event e = flow_ended();
	struct nat_log_entry entry;
	unsigned n = 0;
	open_log(&all);
	nat_log_event(&log_, &e);
	assert_true(nat_log_take(&log_, &entry));
	begin(&m, room);
	while (nat_log_ipfix(&entry, &m))
		n++;
	assert_int_equal(m.records, n);
	assert_int_equal(ipfix_end(&m).len, IPFIX_HEADER_LEN + 4 + n * 51);
	nat_log_done(&log_);
}

/* --- the configuration --- */

static const struct config_section section = {"nat", &nat_conf_map};
static const struct config_sections sections = {&section, 1};

static enum err parse(const char *more, struct config **ret, struct config_report *report)
{
	char text[1024];
	struct writer w = writer_of(text, sizeof(text) - 1);
	write_format(&w, "nat:\n  outside: wan0\n  inside: lan0\n  log: %s\n", more);
	text[w.pos] = 0;
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};
	return config_parse(&sections, &in, ret, report);
}

static void refused(const char *more, const char *words)
{
	struct config *c = NULL;
	struct config_report report = {0};
	assert_int_equal(parse(more, &c, &report), ERR_CONFIG);
	if (report.n != 1 || !strstr(report.errors[0].message, words) || report.errors[0].line != 4)
		fail_msg("%s: %zu errors, the first in line %u: %s", more, report.n,
			 report.errors[0].line, report.errors[0].message);
	config_report_done(&report);
}

static void configuration_is_judged(void **state)
{
	(void)state;
	struct config *c = NULL;
	struct config_report report = {0};
	refused("{file: on, destinations: on}", "flows: on");
	refused("{file: on, file-size: 10K}", "file-size");
	refused("{collector: nowhere}", "collector");
	assert_int_equal(parse("{collector: 192.0.2.9}", &c, &report), OK);
	const struct nat_conf *nat = config_section(c, "nat");
	assert_int_equal(nat->log.collector.port, 4739);
	assert_true(nat->log.mappings);
	assert_false(nat->log.flows || nat->log.destinations || nat->log.file);
	assert_true(nat_log_conf_on(&nat->log));
	config_report_done(&report);
	config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_nothing_unless_asked),
		cmocka_unit_test(a_mapping_leads_back_to_its_host),
		cmocka_unit_test(the_far_end_is_told_only_when_asked_for),
		cmocka_unit_test(keeps_what_the_configuration_wants),
		cmocka_unit_test(the_machine_is_nobodys_host),
		cmocka_unit_test(a_full_queue_loses_and_counts),
		cmocka_unit_test(dates_are_those_of_the_calendar),
		cmocka_unit_test(records_are_those_of_rfc_8158),
		cmocka_unit_test(templates_fit_a_datagram),
		cmocka_unit_test(nat64_leads_back_to_a_host_of_ipv6),
		cmocka_unit_test(nat64_has_the_records_of_rfc_8158),
		cmocka_unit_test(a_full_message_is_not_torn),
		cmocka_unit_test(configuration_is_judged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
