#include "proto/ipfix/message.h"

#include "proto/ipfix/element.h"
#include "test/hex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* RFC 7011 A.2.1 and A.3: five elements of IANA's and three records of them. */
static const struct ipfix_field sample_fields[] = {{8, 4}, {12, 4}, {15, 4}, {2, 4}, {1, 4}};
static const struct ipfix_template sample = {256, 5, sample_fields};

static const uint32_t sample_rows[3][5] = {
	{0xc000020c, 0xc00002fe, 0xc0000201, 5009, 5344385},
	{0xc000021b, 0xc0000217, 0xc0000202, 748, 388934},
	{0xc0000238, 0xc0000241, 0xc0000203, 5, 6534},
};

static bool add_row(struct ipfix_message *m, const uint32_t row[5])
{
	uint8_t room[20];
	struct writer w = writer_of(room, sizeof(room));
	for (size_t i = 0; i < 5; i++)
		write_u32(&w, row[i]);
	return ipfix_add_record(m, &sample, writer_span(&w));
}

static void writes_the_example_of_the_rfc(void **state)
{
	(void)state;
	uint8_t room[256];
	struct ipfix_message m;
	ipfix_begin(&m, room, sizeof(room), 0x4f000001, 7, 1);
	assert_true(ipfix_is_empty(&m));
	assert_true(ipfix_add_template(&m, &sample));
	for (size_t i = 0; i < 3; i++)
		assert_true(add_row(&m, sample_rows[i]));
	assert_int_equal(m.records, 3);
	struct span s = ipfix_end(&m);
	assert_true(hex_is(s.data, s.len,
			   "000a006c"
			   "4f000001"
			   "00000007"
			   "00000001"
			   "0002001c"
			   "01000005"
			   "00080004"
			   "000c0004"
			   "000f0004"
			   "00020004"
			   "00010004"
			   "01000040"
			   "c000020cc00002fec000020100001391"
			   "00518c81"
			   "c000021bc0000217c0000202000002ec"
			   "0005ef46"
			   "c0000238c0000241c000020300000005"
			   "00001986"));
}

static void says_when_it_is_full_and_stays_whole(void **state)
{
	(void)state;
	/* The header, a set's header and one record; four octets more are not enough for another
	 * set, nor for another record. */
	uint8_t room[IPFIX_HEADER_LEN + 4 + 20 + 4];
	struct ipfix_message m;
	ipfix_begin(&m, room, sizeof(room), 0, 0, 0);
	assert_false(ipfix_add_template(&m, &sample) && ipfix_add_template(&m, &sample));
	ipfix_begin(&m, room, sizeof(room), 0, 0, 0);
	assert_true(add_row(&m, sample_rows[0]));
	assert_false(add_row(&m, sample_rows[1]));
	assert_false(ipfix_add_template(&m, &sample));
	assert_int_equal(m.records, 1);
	struct span s = ipfix_end(&m);
	assert_int_equal(s.len, IPFIX_HEADER_LEN + 4 + 20);
	assert_true(hex_is(s.data, 4, "000a0028"));
	assert_true(hex_is(s.data + IPFIX_HEADER_LEN, 4, "01000018"));
}

/* RFC 7011 3.3.1: any sets in any order in one message. */
static void begins_a_set_when_the_kind_changes(void **state)
{
	(void)state;
	static const struct ipfix_field field = {IPFIX_NAT_EVENT, 1};
	static const struct ipfix_template other = {257, 1, &field};
	static const uint8_t event = IPFIX_NAT44_BIB_CREATE;
	uint8_t room[256];
	struct ipfix_message m;
	ipfix_begin(&m, room, sizeof(room), 0, 0, 0);
	assert_true(ipfix_add_template(&m, &other));
	assert_true(ipfix_add_record(&m, &other, span_of(&event, 1)));
	assert_true(ipfix_add_record(&m, &other, span_of(&event, 1)));
	assert_true(add_row(&m, sample_rows[2]));
	assert_true(ipfix_add_record(&m, &other, span_of(&event, 1)));
	struct span s = ipfix_end(&m);
	assert_int_equal(m.records, 4);
	assert_true(hex_is(s.data + IPFIX_HEADER_LEN, s.len - IPFIX_HEADER_LEN,
			   "0002000c"
			   "01010001"
			   "00e60001"
			   "010100060808"
			   "01000018c0000238c0000241c00002030000000500001986"
			   "0101000508"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_when_it_is_full_and_stays_whole),
		cmocka_unit_test(writes_the_example_of_the_rfc),
		cmocka_unit_test(begins_a_set_when_the_kind_changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
