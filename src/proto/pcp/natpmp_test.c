#include "proto/pcp/natpmp.h"

#include "base/writer.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint8_t map_tcp[12] = {0, 2, 0, 0, 0x1f, 0x90, 0x20, 0xfb, 0, 0, 0x1c, 0x20};

static void ignores_answers_and_torn_requests(void **state)
{
	(void)state;
	static const uint8_t answer[] = {0, 128, 0, 0}, answer_of_later[] = {0, 255};
	struct natpmp_request q;
	enum natpmp_result result;
	/* RFC 6886 3.5: "opcodes greater than or equal to 128 ... silently ignored" */
	assert_false(natpmp_request_read(span_of(answer, 4), &q, &result));
	assert_false(natpmp_request_read(span_of(answer_of_later, 2), &q, &result));
	assert_false(natpmp_request_read(span_of(map_tcp, 1), &q, &result));
	assert_false(natpmp_request_read(span_of(map_tcp, 11), &q, &result));
}

/* RFC 6886 3: "receiving a request with a version number other than 0 MUST return result code 1
 * (Unsupported Version), indicating the highest version number it does support (i.e., 0)". */
static void says_that_it_speaks_version_0(void **state)
{
	(void)state;
	static const uint8_t later[] = {1, 1, 0, 0},
			     want[] = {0, 129, 0, NATPMP_UNSUPP_VERSION, 0, 0, 1, 2};
	struct natpmp_request q;
	enum natpmp_result result;
	uint8_t room[NATPMP_ANSWER_MAX];
	struct writer w = writer_of(room, sizeof(room));
	assert_true(natpmp_request_read(span_of(later, 4), &q, &result));
	assert_int_equal(result, NATPMP_UNSUPP_VERSION);
	natpmp_write_answer(&w, &q, result, 0x102);
	assert_true(span_equal(writer_span(&w), span_of(want, sizeof(want))));
}

/* RFC 6886 3.5: unknown opcodes get "result code 5 (Unsupported opcode)". */
static void says_that_it_knows_three_opcodes(void **state)
{
	(void)state;
	static const uint8_t three[] = {0, 3}, want[] = {0, 131, 0, 5, 0, 0, 0, 9};
	struct natpmp_request q;
	enum natpmp_result result;
	uint8_t room[NATPMP_ANSWER_MAX];
	struct writer w = writer_of(room, sizeof(room));
	assert_true(natpmp_request_read(span_of(three, 2), &q, &result));
	assert_int_equal(result, NATPMP_UNSUPP_OPCODE);
	natpmp_write_answer(&w, &q, result, 9);
	assert_true(span_equal(writer_span(&w), span_of(want, sizeof(want))));
}

static void reads_requests_and_writes_answers(void **state)
{
	(void)state;
	static const uint8_t ask_address[] = {0, 0},
			     address_is[] = {0, 128, 0, 0, 0, 0, 0, 5, 203, 0, 113, 7},
			     no_address[] = {0, 128, 0, 3, 0, 0, 0, 5, 0, 0, 0, 0},
			     mapped[] = {0,    130,  0,	   0,	 0, 0, 0,    5,
					 0x1f, 0x90, 0x20, 0xfb, 0, 0, 0x1c, 0x20};
	struct natpmp_request q;
	enum natpmp_result result;
	uint8_t room[NATPMP_ANSWER_MAX];
	struct ip_address address = ip_address_v4(203, 0, 113, 7);
	assert_true(natpmp_request_read(span_of(ask_address, 2), &q, &result));
	assert_true(result == NATPMP_SUCCESS && q.opcode == NATPMP_ADDRESS);
	struct writer w = writer_of(room, sizeof(room));
	natpmp_write_address(&w, NATPMP_SUCCESS, 5, &address);
	assert_true(span_equal(writer_span(&w), span_of(address_is, sizeof(address_is))));
	w = writer_of(room, sizeof(room));
	natpmp_write_address(&w, NATPMP_NETWORK_FAILURE, 5, &address);
	assert_true(span_equal(writer_span(&w), span_of(no_address, sizeof(no_address))));
	assert_true(natpmp_request_read(span_of(map_tcp, sizeof(map_tcp)), &q, &result));
	assert_true(result == NATPMP_SUCCESS && q.opcode == NATPMP_MAP_TCP);
	assert_true(q.internal_port == 8080 && q.external_port == 8443 && q.lifetime_s == 7200);
	w = writer_of(room, sizeof(room));
	natpmp_write_answer(&w, &q, result, 5);
	assert_true(span_equal(writer_span(&w), span_of(mapped, sizeof(mapped))));
}

static void read_any(const uint8_t *data, size_t len)
{
	struct natpmp_request q;
	enum natpmp_result result;
	(void)!natpmp_request_read(span_of(data, len), &q, &result);
}

static void no_prefix_and_no_flipped_bit_leaves_the_packet(void **state)
{
	(void)state;
	guard_every_prefix(map_tcp, sizeof(map_tcp), read_any);
	guard_every_bit_flip(map_tcp, sizeof(map_tcp), read_any);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ignores_answers_and_torn_requests),
		cmocka_unit_test(says_that_it_speaks_version_0),
		cmocka_unit_test(says_that_it_knows_three_opcodes),
		cmocka_unit_test(reads_requests_and_writes_answers),
		cmocka_unit_test(no_prefix_and_no_flipped_bit_leaves_the_packet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
