#include "proto/pcp/message.h"

#include "base/writer.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* MAP of TCP 8080 by 192.168.1.5, 203.0.113.7:8443 suggested, two hours, and three options: only
 * that one will do; from 198.51.100.0/24, any port; for 192.168.1.9. */
#define HEAD(op)                                                                                   \
	2, (op), 0, 0, 0, 0, 0x1c, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 168, 1, 5
#define MAPPING                                                                                    \
	1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 6, 0, 0, 0, 0x1f, 0x90, 0x20, 0xfb, 0, 0, 0, 0, 0,  \
		0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 7
#define PREFER_FAILURE 2, 0, 0, 0
#define FILTER	       3, 0, 0, 20, 0, 120, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, V4_FAR
#define V4_FAR	       198, 51, 100, 9
#define THIRD_PARTY    1, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 168, 1, 9

static const uint8_t map[] = {HEAD(PCP_MAP), MAPPING, PREFER_FAILURE, FILTER, THIRD_PARTY};
enum { OPTIONS_AT = 24 + 36 };

static enum pcp_result result_of(const void *wire, size_t len)
{
	struct pcp_request q;
	enum pcp_result result = PCP_RESULTS;
	uint8_t *copy = guard_copy(wire, len);
	bool answer = pcp_request_read(span_of(copy, len), &q, &result);
	guard_free(copy, len);
	return answer ? result : PCP_RESULTS;
}

/* RFC 6887 8.2: "If the message is shorter than 2 octets ... silently dropped"; "If the R bit is
 * set ... silently dropped". */
static void drops_what_is_no_request(void **state)
{
	(void)state;
	uint8_t wire[sizeof(map)];
	memcpy(wire, map, sizeof(wire));
	wire[1] |= 0x80;
	assert_int_equal(result_of(wire, sizeof(wire)), PCP_RESULTS);
	assert_int_equal(result_of(map, 1), PCP_RESULTS);
	assert_int_equal(result_of(map, 0), PCP_RESULTS);
}

static void refuses_other_versions_lengths_and_opcodes(void **state)
{
	(void)state;
	static uint8_t wire[1200];
	memcpy(wire, map, sizeof(map));
	for (unsigned version = 0; version < 256; version++) {
		wire[0] = (uint8_t)version;
		assert_int_equal(result_of(wire, sizeof(map)),
				 version == 2 ? PCP_SUCCESS : PCP_UNSUPP_VERSION);
	}
	wire[0] = 2;
	for (uint8_t opcode = 3; opcode < 128; opcode++) {
		wire[1] = opcode;
		assert_int_equal(result_of(wire, sizeof(map)), PCP_UNSUPP_OPCODE);
	}
	wire[1] = PCP_MAP;
	/* RFC 6887 7: "a multiple of 4 octets", at most 1100 */
	assert_int_equal(result_of(wire, OPTIONS_AT + 2), PCP_MALFORMED_REQUEST);
	assert_int_equal(result_of(wire, 1104), PCP_MALFORMED_REQUEST);
	assert_int_equal(result_of(wire, 20), PCP_MALFORMED_REQUEST);
	assert_int_equal(result_of(wire, OPTIONS_AT - 4), PCP_MALFORMED_REQUEST);
	wire[1] = PCP_PEER;
	assert_int_equal(result_of(wire, OPTIONS_AT), PCP_MALFORMED_REQUEST);
}

static enum pcp_result with_option(uint8_t opcode, const uint8_t *option, size_t len)
{
	uint8_t wire[PCP_MESSAGE_MAX] = {HEAD(0), MAPPING};
	size_t at = opcode == PCP_ANNOUNCE ? 24 : opcode == PCP_PEER ? OPTIONS_AT + 20 : OPTIONS_AT;
	wire[1] = opcode;
	memcpy(wire + at, option, len);
	return result_of(wire, at + len);
}

#define WITH(opcode, ...)                                                                          \
	with_option((opcode), (const uint8_t[]){__VA_ARGS__},                                      \
		    sizeof((const uint8_t[]){__VA_ARGS__}))

/* RFC 6887 7.3. */
static void refuses_wrong_options(void **state)
{
	(void)state;
	/* "If the PCP server does not recognize a mandatory-to-process option" */
	assert_int_equal(WITH(PCP_MAP, 4, 0, 0, 0), PCP_UNSUPP_OPTION);
	assert_int_equal(WITH(PCP_MAP, 127, 0, 0, 4, 1, 2, 3, 4), PCP_UNSUPP_OPTION);
	/* those from 128 on are optional */
	assert_int_equal(WITH(PCP_MAP, 128, 0, 0, 1, 9, 0, 0, 0), PCP_SUCCESS);
	assert_int_equal(WITH(PCP_MAP, 128, 0, 0, 1, 9, 0, 1, 0), PCP_MALFORMED_OPTION);
	/* longer than the packet, of a wrong length, twice, of another opcode */
	assert_int_equal(WITH(PCP_MAP, 2, 0, 0, 4), PCP_MALFORMED_OPTION);
	assert_int_equal(WITH(PCP_MAP, 2, 0, 0, 4, 0, 0, 0, 0), PCP_MALFORMED_OPTION);
	assert_int_equal(WITH(PCP_MAP, PREFER_FAILURE, PREFER_FAILURE), PCP_MALFORMED_OPTION);
	assert_int_equal(WITH(PCP_MAP, THIRD_PARTY, THIRD_PARTY), PCP_MALFORMED_OPTION);
	assert_int_equal(WITH(PCP_PEER, PREFER_FAILURE), PCP_MALFORMED_OPTION);
	assert_int_equal(WITH(PCP_PEER, FILTER), PCP_MALFORMED_OPTION);
	assert_int_equal(WITH(PCP_PEER, THIRD_PARTY), PCP_SUCCESS);
	assert_int_equal(WITH(PCP_ANNOUNCE, THIRD_PARTY), PCP_MALFORMED_OPTION);
	assert_int_equal(WITH(PCP_MAP, 1, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
			 PCP_MALFORMED_OPTION);
}

/* RFC 6887 13.1: "If the address in the THIRD_PARTY option is the same as the source address ...
 * MALFORMED_REQUEST". */
static void refuses_a_third_party_that_is_the_second(void **state)
{
	(void)state;
	uint8_t option[] = {THIRD_PARTY};
	option[sizeof(option) - 1] = 5;
	assert_int_equal(with_option(PCP_MAP, option, sizeof(option)), PCP_MALFORMED_REQUEST);
}

/* RFC 6887 13.3. */
static void reads_filters(void **state)
{
	(void)state;
	uint8_t option[] = {FILTER};
	option[5] = 95; /* an IPv4 prefix is at least ::ffff:0:0/96 */
	assert_int_equal(with_option(PCP_MAP, option, sizeof(option)), PCP_MALFORMED_OPTION);
	option[5] = 129;
	assert_int_equal(with_option(PCP_MAP, option, sizeof(option)), PCP_MALFORMED_OPTION);
	uint8_t wire[PCP_MESSAGE_MAX] = {HEAD(PCP_MAP), MAPPING};
	size_t at = OPTIONS_AT;
	option[5] = 128;
	for (size_t i = 0; i <= PCP_FILTERS_MAX; i++, at += sizeof(option))
		memcpy(wire + at, option, sizeof(option));
	assert_int_equal(result_of(wire, at), PCP_EXCESSIVE_REMOTE_PEERS);
	struct pcp_request q;
	enum pcp_result result;
	/* "a prefix length of 0 ... removes all" that stand before it */
	wire[at - 2 * sizeof(option) + 5] = 0;
	assert_true(pcp_request_read(span_of(wire, at), &q, &result));
	assert_int_equal(result, PCP_SUCCESS);
	assert_int_equal(q.filters_n, 2);
	assert_int_equal(q.filters[0].remote.address.family, 0);
	assert_int_equal(q.filters[1].remote.bits, 32);
}

static void reads_a_mapping_with_all_its_options(void **state)
{
	(void)state;
	struct pcp_request q;
	enum pcp_result result;
	struct ip_address me = ip_address_v4(192, 168, 1, 5), third = ip_address_v4(192, 168, 1, 9),
			  outside = ip_address_v4(203, 0, 113, 7);
	char text[IP_PREFIX_TEXT_MAX];
	assert_true(pcp_request_read(span_of(map, sizeof(map)), &q, &result));
	assert_int_equal(result, PCP_SUCCESS);
	assert_true(q.opcode == PCP_MAP && q.lifetime_s == 7200 && q.protocol == 6);
	assert_true(ip_address_equal(&q.client, &me) && q.internal_port == 8080);
	assert_true(ip_address_equal(&q.external.address, &outside) && q.external.port == 8443);
	assert_true(q.nonce[0] == 1 && q.nonce[11] == 12);
	assert_true(q.prefer_failure && q.third_party && ip_address_equal(&q.third, &third));
	assert_int_equal(q.filters_n, 1);
	ip_prefix_format(&q.filters[0].remote, text);
	assert_string_equal(text, "198.51.100.0/24");
}

static void reads_a_peer(void **state)
{
	(void)state;
	static const uint8_t wire[] = {HEAD(PCP_PEER),
				       MAPPING,
				       0,
				       53,
				       0,
				       0,
				       0x20,
				       1,
				       0xd,
				       0xb8,
				       0,
				       0,
				       0,
				       0,
				       0,
				       0,
				       0,
				       0,
				       0,
				       0,
				       0,
				       1};
	struct pcp_request q;
	enum pcp_result result;
	char text[IP_ENDPOINT_TEXT_MAX];
	assert_true(pcp_request_read(span_of(wire, sizeof(wire)), &q, &result));
	assert_int_equal(result, PCP_SUCCESS);
	ip_endpoint_format(&q.remote, text);
	assert_string_equal(text, "[2001:db8::1]:53");
}

/* RFC 6887 7.2 and 11.2: the answer has the request's opcode with R set, the epoch, 96 zero bits,
 * and the same nonce, protocol and internal port. */
static void writes_the_answer(void **state)
{
	(void)state;
	static const uint8_t want[] = {
		2,     0x81, 0, 0, 0, 0, 0,	  60,	       0,
		0,     1,    0, 0, 0, 0, 0,	  0,	       0,
		0,     0,    0, 0, 0, 0, MAPPING, THIRD_PARTY, PREFER_FAILURE,
		FILTER};
	struct pcp_request q;
	enum pcp_result result;
	uint8_t room[PCP_MESSAGE_MAX];
	struct writer w = writer_of(room, sizeof(room));
	assert_true(pcp_request_read(span_of(map, sizeof(map)), &q, &result));
	pcp_write_answer(&w, &q, 60, 256);
	assert_int_equal(w.pos, sizeof(want));
	room[w.pos - 1] = 9; /* the address's bits beyond the prefix were not kept */
	assert_memory_equal(room, want, sizeof(want));
}

/* RFC 6887 8.3: an error carries the request back under the head of an answer. */
static void writes_errors(void **state)
{
	(void)state;
	static uint8_t room[1200], wire[1200];
	struct writer w = writer_of(room, sizeof(room));
	pcp_write_error(&w, span_of(map, sizeof(map)), PCP_NOT_AUTHORIZED, 1800, 256);
	assert_int_equal(w.pos, sizeof(map));
	assert_true(room[0] == 2 && room[1] == 0x81 && room[3] == PCP_NOT_AUTHORIZED);
	assert_memory_equal(room + 24, map + 24, sizeof(map) - 24);
	/* "padded with zeros to a multiple of 4 octets", at most 1100 */
	w = writer_of(room, sizeof(room));
	pcp_write_error(&w, span_of(map, 26), PCP_MALFORMED_REQUEST, 1800, 256);
	assert_int_equal(w.pos, 28);
	w = writer_of(room, sizeof(room));
	memset(wire, 2, sizeof(wire));
	pcp_write_error(&w, span_of(wire, sizeof(wire)), PCP_MALFORMED_REQUEST, 1800, 256);
	assert_int_equal(w.pos, 1100);
	w = writer_of(room, sizeof(room));
	pcp_write_error(&w, span_of(map, 2), PCP_MALFORMED_REQUEST, 1800, 256);
	assert_int_equal(w.pos, 24);
}

static void writes_announcements(void **state)
{
	(void)state;
	static const uint8_t want[24] = {2, 0x80, [8] = 0, 0, 0, 5};
	uint8_t room[64];
	struct writer w = writer_of(room, sizeof(room));
	pcp_write_announce(&w, 5);
	assert_true(span_equal(writer_span(&w), span_of(want, sizeof(want))));
}

static void read_any(const uint8_t *data, size_t len)
{
	struct pcp_request q;
	enum pcp_result result;
	(void)!pcp_request_read(span_of(data, len), &q, &result);
}

static void no_prefix_and_no_flipped_bit_leaves_the_packet(void **state)
{
	(void)state;
	guard_every_prefix(map, sizeof(map), read_any);
	guard_every_bit_flip(map, sizeof(map), read_any);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drops_what_is_no_request),
		cmocka_unit_test(refuses_other_versions_lengths_and_opcodes),
		cmocka_unit_test(refuses_wrong_options),
		cmocka_unit_test(refuses_a_third_party_that_is_the_second),
		cmocka_unit_test(reads_filters),
		cmocka_unit_test(reads_a_mapping_with_all_its_options),
		cmocka_unit_test(reads_a_peer),
		cmocka_unit_test(writes_the_answer),
		cmocka_unit_test(writes_errors),
		cmocka_unit_test(writes_announcements),
		cmocka_unit_test(no_prefix_and_no_flipped_bit_leaves_the_packet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
