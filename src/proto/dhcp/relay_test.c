#include "proto/dhcp/relay.h"

#include "proto/dhcp/message.h"
#include "proto/dhcp/sample_test.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SPAN(text) span_of(text, sizeof(text) - 1)

static const char whole_option[] = "\1\4eth0\2\6\2\0\0\0\0\1\5\4\xc0\0\2\0\6\3sub\x0a\1\x80"
				   "\x0b\4\xc0\0\2\1\x97\2vs";

static void refuses_torn_lists_and_wrong_lengths(void **state)
{
	(void)state;
	struct dhcp_relay_info i;
	assert_int_equal(dhcp_relay_info_read(SPAN("\1\4eth"), &i), ERR_FORMAT);
	assert_int_equal(dhcp_relay_info_read(SPAN("\1"), &i), ERR_FORMAT);
	/* RFC 3527 3: the length of link selection is 4. */
	assert_int_equal(dhcp_relay_info_read(SPAN("\5\3\1\2\3"), &i), ERR_FORMAT);
	assert_int_equal(dhcp_relay_info_read(SPAN("\5\5\1\2\3\4\5"), &i), ERR_FORMAT);
	/* RFC 5107 4: so is that of the server identifier override. */
	assert_int_equal(dhcp_relay_info_read(SPAN("\x0b\3\1\2\3"), &i), ERR_FORMAT);
	assert_int_equal(dhcp_relay_info_read(SPAN("\x0a\0"), &i), ERR_FORMAT);
	assert_int_equal(dhcp_relay_info_read(SPAN("\x0a\2\0\0"), &i), ERR_FORMAT);
}

static void reads_what_it_knows_and_keeps_the_rest(void **state)
{
	(void)state;
	struct dhcp_relay_info i;
	assert_int_equal(dhcp_relay_info_read(SPAN(whole_option), &i), OK);
	assert_true(i.has_circuit_id && span_is(i.circuit_id, "eth0"));
	assert_true(i.has_remote_id && i.remote_id.len == 6);
	assert_true(i.has_subscriber_id && span_is(i.subscriber_id, "sub"));
	assert_true(i.has_link_selection);
	assert_int_equal(i.link_selection, 0xc0000200);
	assert_true(i.has_server_id_override);
	assert_int_equal(i.server_id_override, 0xc0000201);
	assert_true(i.has_flags && i.flags == DHCP_RELAY_FLAG_UNICAST);
	/* RFC 3046 2.2: servers "SHALL echo the entire contents of the Relay Agent Information
	 * option in all replies": unknown suboptions too. */
	assert_true(span_equal(i.whole, SPAN(whole_option)));
	/* RFC 3046 2.0: "A sub-option length may be zero." */
	assert_int_equal(dhcp_relay_info_read(SPAN("\1\0"), &i), OK);
	assert_true(i.has_circuit_id && i.circuit_id.len == 0);
	assert_false(i.has_remote_id || i.has_link_selection || i.has_flags);
}

static void suboptions_come_in_any_order(void **state)
{
	(void)state;
	struct dhcp_relay_info i;
	/* RFC 3046 2.0: "The sub-options need not appear in sub-option code order." */
	assert_int_equal(dhcp_relay_info_read(SPAN("\6\1s\2\1r\1\1c"), &i), OK);
	assert_true(span_is(i.circuit_id, "c") && span_is(i.remote_id, "r"));
	assert_true(span_is(i.subscriber_id, "s"));
}

static void the_first_of_a_suboption_counts(void **state)
{
	(void)state;
	struct dhcp_relay_info i;
	assert_int_equal(dhcp_relay_info_read(SPAN("\1\1a\1\1b\5\4\0\0\0\1\5\4\0\0\0\2\x0a\1\0"
						   "\x0a\1\x80"),
					      &i),
			 OK);
	assert_true(span_is(i.circuit_id, "a"));
	assert_int_equal(i.link_selection, 1);
	assert_int_equal(i.flags, 0);
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	uint8_t buf[100];
	struct writer w = writer_of(buf, sizeof(buf));
	struct dhcp_relay_info i;
	assert_int_equal(dhcp_relay_info_read(SPAN(whole_option), &i), OK);
	dhcp_relay_info_write(&w, &i);
	/* All but the unknown one, which was the last. */
	assert_true(
		span_equal(writer_span(&w), span_of(whole_option, sizeof(whole_option) - 1 - 4)));
}

/* --- copies --- */

static struct dhcp_message m, back;
static uint8_t out[DHCP_MESSAGE_MAX];

static struct span copied(const struct sample *s, const char *option)
{
	struct writer w = writer_of(out, sizeof(out));
	assert_int_equal(dhcp_message_read(sample_span(s), &m), OK);
	assert_int_equal(dhcp_relay_copy_with(&m, 1, 0xc0000201, span_text(option), &w), OK);
	assert_int_equal(dhcp_message_read(writer_span(&w), &back), OK);
	return writer_span(&w);
}

static void adds_option_82_as_the_last_one(void **state)
{
	(void)state;
	struct sample s = sample_begin();
	SAMPLE_ADD(&s, "\x35\x01\x01\0\x0c\x04host\xff");
	struct span c = copied(&s, "\1\2e0");
	/* RFC 3046 2.1: "SHALL add it as the last option (but before 'End Option' 255, if present)
	 * in the DHCP options field" */
	static const uint8_t want[] = {53,  1,	1, 0, 12, 4,   'h', 'o', 's',
				       't', 82, 4, 1, 2,  'e', '0', 255, 0};
	assert_memory_equal(c.data + DHCP_OPTIONS_AT, want, sizeof(want));
	assert_int_equal(c.len, 300);
	assert_int_equal(back.head.hops, 1);
	assert_int_equal(back.head.giaddr, 0xc0000201);
	/* Without END the field ends, and the option is its last. */
	s.len--;
	c = copied(&s, "\1\2e0");
	assert_memory_equal(c.data + DHCP_OPTIONS_AT, want, sizeof(want));
}

static void removes_option_82_wherever_it_stands(void **state)
{
	(void)state;
	struct sample s = sample_begin();
	SAMPLE_ADD(&s, "\x52\x03\1\1a\x35\x01\x02\x52\x01z\x0c\x04host\x52\x02\1\0\xff");
	struct span c = copied(&s, "");
	static const uint8_t want[] = {53, 1, 2, 12, 4, 'h', 'o', 's', 't', 255, 0};
	assert_false(dhcp_message_has(&back, 82));
	assert_memory_equal(c.data + DHCP_OPTIONS_AT, want, sizeof(want));
}

static void all_else_is_as_it_came(void **state)
{
	(void)state;
	struct sample s = sample_begin();
	for (size_t i = 1; i < DHCP_FIXED_LEN; i++)
		s.bytes[i] = (uint8_t)(i * 3);
	s.bytes[2] = 16;
	SAMPLE_ADD(&s, "\x35\x01\x01\xff");
	struct span c = copied(&s, "");
	for (size_t i = 0; i < s.len; i++) {
		if (i != 3 && (i < 24 || i > 27))
			assert_int_equal(c.data[i], s.bytes[i]);
	}
}

static void a_whole_copy_keeps_option_82_and_what_has_no_cookie(void **state)
{
	(void)state;
	struct sample s = sample_begin();
	SAMPLE_ADD(&s, "\x35\x01\x01\x52\x03\1\1a\x0c\x01h\xff behind");
	for (int cookie = 1; cookie >= 0; cookie--) {
		struct writer w = writer_of(out, sizeof(out));
		s.bytes[237] = cookie ? 0x82 : 0;
		assert_int_equal(dhcp_message_read(sample_span(&s), &m), OK);
		assert_int_equal(dhcp_relay_copy(&m, 1, 0xc0000201, &w), OK);
		assert_int_equal(w.pos, 300);
		assert_int_equal(out[3], 1);
		assert_memory_equal(out + 24, "\xc0\0\2\1", 4);
		assert_memory_equal(out + 28, s.bytes + 28, s.len - 28);
		w = writer_of(out, 299);
		assert_int_equal(dhcp_relay_copy(&m, 1, 0xc0000201, &w), ERR_LIMIT);
	}
}

static void a_copy_never_outgrows_its_room(void **state)
{
	(void)state;
	struct sample s = sample_begin();
	SAMPLE_ADD(&s, "\x35\x01\x01");
	sample_fill(&s, 43, 100, 7);
	SAMPLE_ADD(&s, "\xff");
	assert_int_equal(dhcp_message_read(sample_span(&s), &m), OK);
	size_t need = s.len + 2 + 4;
	for (size_t cap = 0; cap <= need; cap++) {
		struct guard g = guard_of(cap);
		struct writer w = writer_of(g.end - cap, cap);
		assert_int_equal(dhcp_relay_copy_with(&m, 1, 1, SPAN("\1\2e0"), &w),
				 cap < need ? ERR_LIMIT : OK);
		guard_done(&g);
	}
	uint8_t big[256] = {0};
	struct writer w = writer_of(out, sizeof(out));
	assert_int_equal(dhcp_relay_copy_with(&m, 1, 1, span_of(big, 255), &w), OK);
	w = writer_of(out, sizeof(out));
	assert_int_equal(dhcp_relay_copy_with(&m, 1, 1, span_of(big, 256), &w), ERR_LIMIT);
}

/* --- every prefix, every bit --- */

static void read_all(const uint8_t *data, size_t len)
{
	struct dhcp_relay_info i;
	unsigned sum = 0;
	if (dhcp_relay_info_read(span_of(data, len), &i))
		return;
	sum += i.circuit_id.len ? i.circuit_id.data[i.circuit_id.len - 1] : 0u;
	sum += i.remote_id.len ? i.remote_id.data[i.remote_id.len - 1] : 0u;
	sum += i.subscriber_id.len ? i.subscriber_id.data[i.subscriber_id.len - 1] : 0u;
	(void)sum;
}

static void copy_all(const uint8_t *data, size_t len)
{
	if (dhcp_message_read(span_of(data, len), &m))
		return;
	struct writer w = writer_of(out, sizeof(out));
	if (m.cookie && dhcp_relay_copy_with(&m, 1, 7, SPAN("\1\2e0"), &w) == OK) {
		assert_int_equal(dhcp_message_read(writer_span(&w), &back), OK);
		assert_true(dhcp_message_has(&back, 82));
	}
	w = writer_of(out, sizeof(out));
	assert_int_equal(m.cookie ? dhcp_relay_copy_with(&m, 1, 7, (struct span){0}, &w)
				  : dhcp_relay_copy(&m, 1, 7, &w),
			 OK);
	assert_int_equal(dhcp_message_read(writer_span(&w), &back), OK);
	assert_int_equal(back.type, m.type);
	assert_int_equal(back.head.giaddr, 7);
}

static void survives_every_prefix_and_every_flip(void **state)
{
	(void)state;
	guard_every_prefix(whole_option, sizeof(whole_option) - 1, read_all);
	guard_every_bit_flip(whole_option, sizeof(whole_option) - 1, read_all);
	struct sample s = sample_begin();
	SAMPLE_ADD(&s, "\x35\x01\x01\x34\x01\x01\x52\x04\1\2e0\x0c\x04host\xff");
	guard_every_prefix(s.bytes, s.len, copy_all);
	guard_every_bit_flip(s.bytes, s.len, copy_all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_torn_lists_and_wrong_lengths),
		cmocka_unit_test(reads_what_it_knows_and_keeps_the_rest),
		cmocka_unit_test(suboptions_come_in_any_order),
		cmocka_unit_test(the_first_of_a_suboption_counts),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(adds_option_82_as_the_last_one),
		cmocka_unit_test(removes_option_82_wherever_it_stands),
		cmocka_unit_test(all_else_is_as_it_came),
		cmocka_unit_test(a_whole_copy_keeps_option_82_and_what_has_no_cookie),
		cmocka_unit_test(a_copy_never_outgrows_its_room),
		cmocka_unit_test(survives_every_prefix_and_every_flip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
