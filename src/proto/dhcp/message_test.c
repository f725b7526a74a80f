#include "proto/dhcp/message.h"

#include "proto/dhcp/sample_test.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static enum err read_sample(const struct sample *s, struct dhcp_message *ret)
{
	return dhcp_message_read(sample_span(s), ret);
}

/* A message of these octets of options, in a copy that outlives the call. */
static enum err read_options(const char *options, size_t len, struct dhcp_message *ret)
{
	static struct sample s;
	s = sample_begin();
	sample_add(&s, options, len);
	return read_sample(&s, ret);
}

#define READ(text, ret) read_options(text, sizeof(text) - 1, ret)

static struct dhcp_message m;

/* --- refusals --- */

static void refuses_what_is_shorter_than_the_fixed_part(void **state)
{
	(void)state;
	struct sample s = sample_begin();
	for (s.len = 0; s.len < DHCP_FIXED_LEN; s.len++)
		assert_int_equal(read_sample(&s, &m), ERR_FORMAT);
}

static void refuses_what_is_longer_than_any_message(void **state)
{
	(void)state;
	struct sample s = sample_begin();
	SAMPLE_ADD(&s, "\x35\x01\x01\xff");
	s.len = DHCP_MESSAGE_MAX;
	assert_int_equal(read_sample(&s, &m), OK);
	s.len++;
	assert_int_equal(read_sample(&s, &m), ERR_LIMIT);
}

static void refuses_an_op_that_is_neither_request_nor_reply(void **state)
{
	(void)state;
	struct sample s = sample_begin();
	for (unsigned op = 0; op < 256; op++) {
		s.bytes[0] = (uint8_t)op;
		assert_int_equal(read_sample(&s, &m), op == 1 || op == 2 ? OK : ERR_FORMAT);
	}
}

static void refuses_a_hardware_address_longer_than_its_field(void **state)
{
	(void)state;
	struct sample s = sample_begin();
	s.bytes[2] = 16;
	assert_int_equal(read_sample(&s, &m), OK);
	s.bytes[2] = 17;
	assert_int_equal(read_sample(&s, &m), ERR_FORMAT);
}

static void refuses_an_option_longer_than_what_is_left(void **state)
{
	(void)state;
	assert_int_equal(READ("\x35\x01\x01\x0c\x04host", &m), OK);
	assert_int_equal(READ("\x35\x01\x01\x0c\x05host", &m), ERR_FORMAT);
	assert_int_equal(READ("\x35\x01\x01\x0c", &m), ERR_FORMAT); /* no length */
	assert_int_equal(READ("\x35\x01\x01\x0c\xff", &m), ERR_FORMAT);
}

static void refuses_more_options_than_the_bound(void **state)
{
	(void)state;
	struct sample s = sample_begin();
	SAMPLE_ADD(&s, "\x35\x01\x01");
	for (unsigned i = 1; i < DHCP_PARTS_MAX; i++)
		SAMPLE_ADD(&s, "\xe0\x00");
	assert_int_equal(read_sample(&s, &m), OK);
	assert_int_equal(m.options_len, 2);
	SAMPLE_ADD(&s, "\xe0\x00");
	assert_int_equal(read_sample(&s, &m), ERR_LIMIT);
}

static void refuses_a_message_type_of_a_wrong_form(void **state)
{
	(void)state;
	assert_int_equal(READ("\x35\x02\x01\x01\xff", &m), ERR_FORMAT);
	assert_int_equal(READ("\x35\x00\xff", &m), ERR_FORMAT);
	assert_int_equal(READ("\x35\x01\x00\xff", &m), ERR_FORMAT);
	assert_int_equal(READ("\x35\x01\x01\x35\x01\x03\xff", &m), ERR_FORMAT); /* two of them */
}

static void refuses_an_overload_that_is_none(void **state)
{
	(void)state;
	assert_int_equal(READ("\x35\x01\x01\x34\x01\x00\xff", &m), ERR_FORMAT);
	assert_int_equal(READ("\x35\x01\x01\x34\x01\x04\xff", &m), ERR_FORMAT);
	assert_int_equal(READ("\x35\x01\x01\x34\x02\x01\x01\xff", &m), ERR_FORMAT);
	assert_int_equal(READ("\x35\x01\x01\x34\x00\x34\x01\x01\xff", &m), ERR_FORMAT);
}

static void refuses_a_torn_option_in_file_or_sname_when_they_hold_options(void **state)
{
	(void)state;
	struct sample s = sample_begin();
	SAMPLE_ADD(&s, "\x35\x01\x01\x34\x01\x03\xff");
	assert_int_equal(read_sample(&s, &m), OK);
	s.bytes[SAMPLE_FILE_AT + 126] = 12;
	s.bytes[SAMPLE_FILE_AT + 127] = 1; /* its octet would lie behind file */
	assert_int_equal(read_sample(&s, &m), ERR_FORMAT);
	s.bytes[SAMPLE_FILE_AT + 126] = s.bytes[SAMPLE_FILE_AT + 127] = 0;
	s.bytes[SAMPLE_SNAME_AT + 63] = 12;
	assert_int_equal(read_sample(&s, &m), ERR_FORMAT);
}

/* --- the fixed part --- */

static void reads_every_field_of_the_fixed_part(void **state)
{
	(void)state;
	struct sample s = {.len = SAMPLE_OPTIONS_AT};
	for (size_t i = 0; i < s.len; i++)
		s.bytes[i] = (uint8_t)i;
	s.bytes[0] = 2;
	s.bytes[2] = 16;
	memcpy(s.bytes + 236, "\x63\x82\x53\x63", 4);
	assert_int_equal(read_sample(&s, &m), OK);
	assert_int_equal(m.head.op, DHCP_OP_REPLY);
	assert_int_equal(m.head.htype, 1);
	assert_int_equal(m.head.hlen, 16);
	assert_int_equal(m.head.hops, 3);
	assert_int_equal(m.head.xid, 0x04050607);
	assert_int_equal(m.head.secs, 0x0809);
	assert_int_equal(m.head.flags, 0x0a0b);
	assert_int_equal(m.head.ciaddr, 0x0c0d0e0f);
	assert_int_equal(m.head.yiaddr, 0x10111213);
	assert_int_equal(m.head.siaddr, 0x14151617);
	assert_int_equal(m.head.giaddr, 0x18191a1b);
	assert_memory_equal(m.head.chaddr, s.bytes + 28, 16);
	assert_ptr_equal(m.sname.data, s.bytes + SAMPLE_SNAME_AT);
	assert_int_equal(m.sname.len, 64); /* no NUL: all of the field */
	assert_int_equal(m.file.len, 128);
}

static void names_in_the_fixed_part_end_at_their_nul(void **state)
{
	(void)state;
	struct sample s = sample_begin();
	SAMPLE_ADD(&s, "\x35\x01\x02\xff");
	memcpy(s.bytes + SAMPLE_SNAME_AT, "boot", 4);
	memcpy(s.bytes + SAMPLE_FILE_AT, "pxe/x.efi\0junk", 14);
	assert_int_equal(read_sample(&s, &m), OK);
	assert_true(span_is(m.sname, "boot"));
	assert_true(span_is(m.file, "pxe/x.efi"));
}

/* --- options --- */

static void finds_options_by_code_and_tells_empty_from_absent(void **state)
{
	(void)state;
	assert_int_equal(READ("\x35\x01\x03\x0c\x04host\x50\x00\xff", &m), OK);
	assert_int_equal(m.type, DHCP_REQUEST);
	assert_true(span_is(dhcp_message_option(&m, 12), "host"));
	assert_true(dhcp_message_has(&m, 80));
	assert_int_equal(dhcp_message_option(&m, 80).len, 0);
	assert_false(dhcp_message_has(&m, 81));
	assert_int_equal(dhcp_message_option(&m, 81).len, 0);
	for (unsigned code = 0; code < 256; code++)
		assert_int_equal(dhcp_message_has(&m, (uint8_t)code),
				 code == 12 || code == 53 || code == 80);
}

static void passes_over_pad_and_stops_at_end(void **state)
{
	(void)state;
	assert_int_equal(READ("\0\0\x35\x01\x01\0\0\0\x0c\x01h\0\xff\x0f\xffnonsense", &m), OK);
	assert_int_equal(m.options_len, 2);
	assert_false(dhcp_message_has(&m, 15));
}

static void tolerates_a_missing_end(void **state)
{
	(void)state;
	assert_int_equal(READ("\x35\x01\x01\x0c\x01h", &m), OK);
	assert_true(span_is(dhcp_message_option(&m, 12), "h"));
	assert_int_equal(READ("\x35\x01\x01", &m), OK);
}

static void walks_options_in_the_order_they_came(void **state)
{
	(void)state;
	uint8_t code;
	assert_int_equal(READ("\x35\x01\x01\x3d\x02\x01\x02\x0c\x01h\x3d\x01\x03\xff", &m), OK);
	assert_int_equal(m.options_len, 3);
	assert_int_equal(dhcp_message_option_at(&m, 0, &code).len, 1);
	assert_int_equal(code, 53);
	assert_true(span_equal(dhcp_message_option_at(&m, 1, &code), span_of("\1\2\3", 3)));
	assert_int_equal(code, 61);
	assert_true(span_is(dhcp_message_option_at(&m, 2, &code), "h"));
	assert_int_equal(code, 12);
}

static void all_codes_at_once_are_found(void **state)
{
	(void)state;
	struct sample s = sample_begin();
	for (unsigned code = 1; code < 255; code++) {
		if (code != 52 && code != 53)
			sample_fill(&s, (uint8_t)code, 1, (uint8_t)code);
	}
	SAMPLE_ADD(&s, "\x35\x01\x08\xff");
	assert_int_equal(read_sample(&s, &m), OK);
	for (unsigned code = 1; code < 255; code++) {
		if (code != 52 && code != 53)
			assert_int_equal(dhcp_message_option(&m, (uint8_t)code).data[0], code);
	}
}

/* --- BOOTP --- */

static void knows_bootp_with_and_without_a_cookie(void **state)
{
	(void)state;
	struct sample s = sample_begin();
	SAMPLE_ADD(&s, "\x0c\x01h\xff");
	s.len = 300;
	assert_int_equal(read_sample(&s, &m), OK);
	assert_true(m.cookie);
	assert_true(dhcp_message_is_bootp(&m));
	assert_true(span_is(dhcp_message_option(&m, 12), "h"));
	s.bytes[236] ^= 1;
	assert_int_equal(read_sample(&s, &m), OK);
	assert_false(m.cookie);
	assert_true(dhcp_message_is_bootp(&m));
	assert_false(dhcp_message_has(&m, 12));
	s.len = DHCP_FIXED_LEN;
	assert_int_equal(read_sample(&s, &m), OK);
	assert_true(dhcp_message_is_bootp(&m));
	assert_int_equal(READ("\x35\x01\x01", &m), OK);
	assert_false(dhcp_message_is_bootp(&m));
}

/* --- typed access --- */

static void typed_values_have_their_width_or_are_refused(void **state)
{
	(void)state;
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	assert_int_equal(READ("\x35\x01\x01\x39\x02\x05\xdc\x32\x04\xc0\x00\x02\x07"
			      "\x33\x03\x01\x02\x03\x17\x00\xff",
			      &m),
			 OK);
	assert_int_equal(dhcp_message_u16(&m, 57, &u16), OK);
	assert_int_equal(u16, 1500);
	assert_int_equal(dhcp_message_address(&m, 50, &u32), OK);
	assert_int_equal(u32, 0xc0000207);
	assert_int_equal(dhcp_message_u32(&m, 51, &u32), ERR_FORMAT);
	assert_int_equal(u32, 0xc0000207);
	assert_int_equal(dhcp_message_u8(&m, 23, &u8), ERR_FORMAT);
	assert_int_equal(dhcp_message_u8(&m, 57, &u8), ERR_FORMAT);
	assert_int_equal(dhcp_message_u16(&m, 50, &u16), ERR_FORMAT);
	assert_int_equal(dhcp_message_u32(&m, 1, &u32), ERR_ABSENT);
}

static void lists_of_addresses_are_whole(void **state)
{
	(void)state;
	struct span s;
	assert_int_equal(READ("\x35\x01\x05\x03\x08\xc0\x00\x02\x01\xc0\x00\x02\x02\x06\x05\x01\x02"
			      "\x03\x04\x05\x2a\x00\xff",
			      &m),
			 OK);
	assert_int_equal(dhcp_message_addresses(&m, 3, &s), OK);
	assert_int_equal(dhcp_addresses_len(s), 2);
	assert_int_equal(dhcp_addresses_at(s, 0), 0xc0000201);
	assert_int_equal(dhcp_addresses_at(s, 1), 0xc0000202);
	assert_int_equal(dhcp_message_addresses(&m, 6, &s), ERR_FORMAT);
	assert_int_equal(dhcp_message_addresses(&m, 42, &s), ERR_FORMAT);
	assert_int_equal(dhcp_message_addresses(&m, 7, &s), ERR_ABSENT);
}

static void text_loses_nuls_at_its_end_and_may_have_none_inside(void **state)
{
	(void)state;
	struct span s;
	assert_int_equal(READ("\x35\x01\x01\x0c\x05host\0\x0f\x03"
			      "a\0b\x0e\x02\0\0\x11\x00\xff",
			      &m),
			 OK);
	/* RFC 2132 2: "the receiver of such options MUST be prepared to delete trailing nulls if
	 * they exist" */
	assert_int_equal(dhcp_message_text(&m, 12, &s), OK);
	assert_true(span_is(s, "host"));
	/* "The receiver MUST NOT require that a trailing null be included in the data." */
	assert_int_equal(READ("\x35\x01\x01\x0c\x04host\x0f\x03"
			      "a\0b\x0e\x02\0\0\x11\x00\xff",
			      &m),
			 OK);
	assert_int_equal(dhcp_message_text(&m, 12, &s), OK);
	assert_true(span_is(s, "host"));
	assert_int_equal(dhcp_message_text(&m, 15, &s), ERR_FORMAT);
	assert_int_equal(dhcp_message_text(&m, 14, &s), ERR_FORMAT);
	assert_int_equal(dhcp_message_text(&m, 17, &s), ERR_FORMAT);
	assert_int_equal(dhcp_message_text(&m, 18, &s), ERR_ABSENT);
}

static void a_client_identifier_has_two_octets_at_least(void **state)
{
	(void)state;
	struct span s;
	assert_int_equal(READ("\x35\x01\x01\x3d\x02\x01\x02\xff", &m), OK);
	assert_int_equal(dhcp_message_client_id(&m, &s), OK);
	assert_int_equal(s.len, 2);
	assert_int_equal(READ("\x35\x01\x01\x3d\x01\x01\xff", &m), OK);
	assert_int_equal(dhcp_message_client_id(&m, &s), ERR_FORMAT);
	assert_int_equal(READ("\x35\x01\x01\xff", &m), OK);
	assert_int_equal(dhcp_message_client_id(&m, &s), ERR_ABSENT);
}

static void the_client_says_how_long_a_reply_may_be(void **state)
{
	(void)state;
	assert_int_equal(READ("\x35\x01\x01\xff", &m), OK);
	assert_int_equal(dhcp_message_size_max(&m, 1472), 548);
	assert_int_equal(READ("\x35\x01\x01\x39\x02\x05\xdc\xff", &m), OK);
	assert_int_equal(dhcp_message_size_max(&m, 1472), 1472);
	assert_int_equal(dhcp_message_size_max(&m, 1400), 1400);
	assert_int_equal(READ("\x35\x01\x01\x39\x02\x02\x41\xff", &m), OK);
	assert_int_equal(dhcp_message_size_max(&m, 1472), 549);
	/* RFC 2132 9.10: "The minimum legal value is 576 octets." */
	assert_int_equal(READ("\x35\x01\x01\x39\x02\x00\x10\xff", &m), OK);
	assert_int_equal(dhcp_message_size_max(&m, 1472), 548);
	assert_int_equal(READ("\x35\x01\x01\x39\x01\x10\xff", &m), OK);
	assert_int_equal(dhcp_message_size_max(&m, 1472), 548);
}

/* --- RFC 3396 --- */

static void joins_parts_in_the_order_of_the_aggregate_buffer(void **state)
{
	(void)state;
	struct sample s = sample_begin();
	SAMPLE_ADD(&s, "\x35\x01\x05\x77\x02"
		       "ab\x34\x01\x03\x0c\x01h\x77\x01"
		       "c\xff");
	/* RFC 3396 5: "The aggregate option buffer is made up of the optional parameters field,
	 * the file field, and the sname field, in that order." */
	memcpy(s.bytes + SAMPLE_SNAME_AT, "\x77\x02gh\xff", 5);
	memcpy(s.bytes + SAMPLE_FILE_AT,
	       "\0\x77\x03"
	       "def\x77\x00\xff",
	       9);
	/* RFC 2131 4.1: "The 'file' field MUST be interpreted next (if the 'option overload' option
	 * indicates that the 'file' field contains DHCP options), followed by the 'sname' field."
	 */
	assert_int_equal(read_sample(&s, &m), OK);
	/* RFC 3396 7: "finds two or more options with the same option code, it MUST consider them
	 * to be split portions of an option", and "the contents of the option MUST be reassembled
	 * in the order that was described above". */
	assert_true(span_is(dhcp_message_option(&m, 119), "abcdefgh"));
	assert_true(span_is(dhcp_message_option(&m, 12), "h"));
	assert_int_equal(m.sname.len, 0);
	assert_int_equal(m.file.len, 0);
}

static void fields_that_are_not_overloaded_hold_no_options(void **state)
{
	(void)state;
	static const bool file_used[] = {false, true, false, true};
	static const bool sname_used[] = {false, false, true, true};
	for (uint8_t overload = 0; overload < 4; overload++) {
		struct sample s = sample_begin();
		SAMPLE_ADD(&s, "\x35\x01\x05\x77\x01"
			       "a");
		if (overload) {
			SAMPLE_ADD(&s, "\x34\x01");
			sample_add(&s, &overload, 1);
		}
		memcpy(s.bytes + SAMPLE_FILE_AT,
		       "\x77\x01"
		       "f\xff",
		       4);
		memcpy(s.bytes + SAMPLE_SNAME_AT, "\x77\x01s\xff", 4);
		assert_int_equal(read_sample(&s, &m), OK);
		/* RFC 3396 5: "If the encoding agent does not choose to use either or both of these
		 * two fields, then they MUST NOT be considered part of the aggregate option
		 * buffer in that case." */
		const char *want = overload == 0   ? "a"
				   : overload == 1 ? "af"
				   : overload == 2 ? "as"
						   : "afs";
		assert_true(span_is(dhcp_message_option(&m, 119), want));
		assert_int_equal(m.file.len != 0, !file_used[overload]);
		assert_int_equal(m.sname.len != 0, !sname_used[overload]);
	}
}

static void joins_a_value_of_many_full_parts(void **state)
{
	(void)state;
	struct sample s = sample_begin();
	SAMPLE_ADD(&s, "\x35\x01\x05");
	for (uint8_t i = 0; i < 6; i++)
		sample_fill(&s, 125, 255, i);
	sample_fill(&s, 125, 7, 6);
	SAMPLE_ADD(&s, "\xff");
	assert_int_equal(read_sample(&s, &m), OK);
	struct span v = dhcp_message_option(&m, 125);
	assert_int_equal(v.len, 6 * 255 + 7);
	for (size_t i = 0; i < v.len; i++)
		assert_int_equal(v.data[i], i / 255);
}

static void interleaved_parts_of_several_options_join_each_to_its_own(void **state)
{
	(void)state;
	struct sample s = sample_begin();
	SAMPLE_ADD(&s, "\x35\x01\x05");
	for (uint8_t round = 0; round < 10; round++) {
		for (uint8_t code = 224; code < 234; code++)
			sample_fill(&s, code, (uint8_t)(code - 223), round);
	}
	assert_int_equal(read_sample(&s, &m), OK);
	assert_int_equal(m.options_len, 11);
	for (uint8_t code = 224; code < 234; code++) {
		struct span v = dhcp_message_option(&m, code);
		size_t per = code - 223u;
		assert_int_equal(v.len, 10 * per);
		for (size_t i = 0; i < v.len; i++)
			assert_int_equal(v.data[i], i / per);
	}
}

/* --- every prefix, every bit --- */

/* Reads on a guard page and asks for all that can be asked. */
static void read_all(const uint8_t *data, size_t len)
{
	uint8_t u8, code;
	uint16_t u16;
	uint32_t u32, sum = 0;
	struct span s;
	if (dhcp_message_read(span_of(data, len), &m))
		return;
	for (unsigned i = 0; i < m.options_len; i++) {
		s = dhcp_message_option_at(&m, i, &code);
		assert_true(dhcp_message_has(&m, code));
		assert_ptr_equal(s.data, dhcp_message_option(&m, code).data);
		for (size_t at = 0; at < s.len; at++)
			sum += s.data[at];
	}
	for (unsigned c = 0; c < 256; c++) {
		code = (uint8_t)c;
		err_ignore(dhcp_message_u8(&m, code, &u8));
		err_ignore(dhcp_message_u16(&m, code, &u16));
		err_ignore(dhcp_message_u32(&m, code, &u32));
		err_ignore(dhcp_message_addresses(&m, code, &s));
		err_ignore(dhcp_message_text(&m, code, &s));
	}
	for (size_t i = 0; i < m.file.len; i++)
		sum += m.file.data[i];
	(void)sum;
}

static void survives_every_prefix_and_every_flip(void **state)
{
	(void)state;
	struct sample s = sample_begin();
	SAMPLE_ADD(&s, "\x35\x01\x03\x3d\x07\x01\x02\x00\x00\x00\x00\x01\x32\x04\xc0\x00\x02\x07"
		       "\x34\x01\x03\x0c\x04host\x77\x03"
		       "abc\x77\x01"
		       "d\xff");
	memcpy(s.bytes + SAMPLE_FILE_AT,
	       "\x77\x03"
	       "efg\x43\x04"
	       "boot\xff",
	       12);
	memcpy(s.bytes + SAMPLE_SNAME_AT, "\x42\x04host\xff", 7);
	guard_every_prefix(s.bytes, s.len, read_all);
	guard_every_bit_flip(s.bytes, s.len, read_all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_shorter_than_the_fixed_part),
		cmocka_unit_test(refuses_what_is_longer_than_any_message),
		cmocka_unit_test(refuses_an_op_that_is_neither_request_nor_reply),
		cmocka_unit_test(refuses_a_hardware_address_longer_than_its_field),
		cmocka_unit_test(refuses_an_option_longer_than_what_is_left),
		cmocka_unit_test(refuses_more_options_than_the_bound),
		cmocka_unit_test(refuses_a_message_type_of_a_wrong_form),
		cmocka_unit_test(refuses_an_overload_that_is_none),
		cmocka_unit_test(refuses_a_torn_option_in_file_or_sname_when_they_hold_options),
		cmocka_unit_test(reads_every_field_of_the_fixed_part),
		cmocka_unit_test(names_in_the_fixed_part_end_at_their_nul),
		cmocka_unit_test(finds_options_by_code_and_tells_empty_from_absent),
		cmocka_unit_test(passes_over_pad_and_stops_at_end),
		cmocka_unit_test(tolerates_a_missing_end),
		cmocka_unit_test(walks_options_in_the_order_they_came),
		cmocka_unit_test(all_codes_at_once_are_found),
		cmocka_unit_test(knows_bootp_with_and_without_a_cookie),
		cmocka_unit_test(typed_values_have_their_width_or_are_refused),
		cmocka_unit_test(lists_of_addresses_are_whole),
		cmocka_unit_test(text_loses_nuls_at_its_end_and_may_have_none_inside),
		cmocka_unit_test(a_client_identifier_has_two_octets_at_least),
		cmocka_unit_test(the_client_says_how_long_a_reply_may_be),
		cmocka_unit_test(joins_parts_in_the_order_of_the_aggregate_buffer),
		cmocka_unit_test(fields_that_are_not_overloaded_hold_no_options),
		cmocka_unit_test(joins_a_value_of_many_full_parts),
		cmocka_unit_test(interleaved_parts_of_several_options_join_each_to_its_own),
		cmocka_unit_test(survives_every_prefix_and_every_flip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
