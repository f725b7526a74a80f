#include "proto/dhcp/build.h"

#include "base/writer.h"
#include "proto/dhcp/sample_test.h"
#include "test/guard.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct dhcp_head head = {
	.op = 2,
	.htype = 1,
	.hlen = 6,
	.hops = 3,
	.xid = 0x11223344,
	.secs = 5,
	.flags = DHCP_FLAG_BROADCAST,
	.ciaddr = 0x0a000001,
	.yiaddr = 0x0a000002,
	.siaddr = 0x0a000003,
	.giaddr = 0x0a000004,
	.chaddr = {2, 0, 0, 0, 0, 1},
};

static struct dhcp_message m;
static uint8_t filling[4000];

static struct span fill(size_t len)
{
	for (size_t i = 0; i < sizeof(filling); i++)
		filling[i] = (uint8_t)(i * 7 + i / 256);
	return span_of(filling, len);
}

static enum err finish_and_read(struct dhcp_build *b, struct span *ret)
{
	TRY(dhcp_build_finish(b, ret));
	return dhcp_message_read(*ret, &m);
}

static bool same_head(const struct dhcp_head *a, const struct dhcp_head *b)
{
	return a->op == b->op && a->htype == b->htype && a->hlen == b->hlen && a->hops == b->hops &&
	       a->xid == b->xid && a->secs == b->secs && a->flags == b->flags &&
	       a->ciaddr == b->ciaddr && a->yiaddr == b->yiaddr && a->siaddr == b->siaddr &&
	       a->giaddr == b->giaddr && memcmp(a->chaddr, b->chaddr, sizeof(a->chaddr)) == 0;
}

/* --- refusals --- */

static void refuses_names_that_leave_no_room_for_their_nul(void **state)
{
	(void)state;
	uint8_t buf[548];
	struct dhcp_build b;
	struct span out;
	for (int over = 0; over < 2; over++) {
		struct dhcp_build_rules rules = {.size_max = 548,
						 .sname = fill(63u + (unsigned)over)};
		dhcp_build_init(&b, buf, sizeof(buf), &head, &rules);
		assert_int_equal(dhcp_build_finish(&b, &out), over ? ERR_LIMIT : OK);
		rules = (struct dhcp_build_rules){.size_max = 548,
						  .file = fill(127u + (unsigned)over)};
		dhcp_build_init(&b, buf, sizeof(buf), &head, &rules);
		assert_int_equal(dhcp_build_finish(&b, &out), over ? ERR_LIMIT : OK);
	}
}

static void refuses_a_buffer_shorter_than_a_bootp_message(void **state)
{
	(void)state;
	for (size_t size = 0; size < DHCP_PADDED_LEN; size++) {
		struct guard g = guard_of(size);
		struct dhcp_build b;
		struct span out;
		struct dhcp_build_rules rules = {.size_max = 548};
		dhcp_build_init(&b, g.end - size, size, &head, &rules);
		dhcp_build_u8(&b, 53, 2);
		assert_int_equal(dhcp_build_finish(&b, &out), ERR_LIMIT);
		guard_done(&g);
	}
}

static void refuses_a_relay_option_that_does_not_fit(void **state)
{
	(void)state;
	uint8_t buf[300];
	struct dhcp_build b;
	struct span out;
	struct dhcp_build_rules rules = {.size_max = 300, .relay = fill(57)};
	dhcp_build_init(&b, buf, sizeof(buf), &head, &rules);
	assert_int_equal(dhcp_build_finish(&b, &out), OK);
	rules.relay = fill(58);
	dhcp_build_init(&b, buf, sizeof(buf), &head, &rules);
	dhcp_build_u8(&b, 53, 2);
	assert_int_equal(dhcp_build_finish(&b, &out), ERR_LIMIT);
}

/* --- what is written --- */

static void writes_every_field_and_pads_to_300_octets(void **state)
{
	(void)state;
	uint8_t buf[548];
	struct dhcp_build b;
	struct span out;
	struct dhcp_build_rules rules = {
		.size_max = 548, .sname = span_text("boot"), .file = span_text("x.efi")};
	memset(buf, 0xee, sizeof(buf));
	dhcp_build_init(&b, buf, sizeof(buf), &head, &rules);
	dhcp_build_u8(&b, 53, 2);
	dhcp_build_u16(&b, 26, 1500);
	dhcp_build_u32(&b, 54, 0x0a000004);
	dhcp_build_option(&b, 80, (struct span){0});
	assert_int_equal(finish_and_read(&b, &out), OK);
	assert_int_equal(out.len, DHCP_PADDED_LEN);
	assert_true(same_head(&m.head, &head));
	assert_true(span_is(m.sname, "boot"));
	assert_true(span_is(m.file, "x.efi"));
	static const uint8_t options[] = {53, 1, 2, 26, 2, 5,	0xdc, 54, 4, 10,
					  0,  0, 4, 80, 0, 255, 0,    0,  0, 0};
	assert_memory_equal(out.data + DHCP_OPTIONS_AT, options, sizeof(options));
	for (size_t i = DHCP_OPTIONS_AT + 16; i < out.len; i++)
		assert_int_equal(out.data[i], 0);
	assert_int_equal(b.left_out_len, 0);
}

static void octets_of_chaddr_past_hlen_are_zero(void **state)
{
	(void)state;
	uint8_t buf[548];
	struct dhcp_build b;
	struct span out;
	struct dhcp_head dirty = head;
	struct dhcp_build_rules rules = {.size_max = 548};
	memset(dirty.chaddr + 6, 0xaa, 10);
	dhcp_build_init(&b, buf, sizeof(buf), &dirty, &rules);
	assert_int_equal(finish_and_read(&b, &out), OK);
	assert_true(same_head(&m.head, &head));
}

static void the_first_of_a_code_stays(void **state)
{
	(void)state;
	uint8_t buf[548];
	struct dhcp_build b;
	struct span out;
	struct dhcp_build_rules rules = {.size_max = 548};
	dhcp_build_init(&b, buf, sizeof(buf), &head, &rules);
	dhcp_build_option(&b, 12, span_text("near"));
	assert_true(dhcp_build_has(&b, 12));
	assert_false(dhcp_build_has(&b, 15));
	dhcp_build_option(&b, 12, span_text("far"));
	assert_int_equal(finish_and_read(&b, &out), OK);
	assert_true(span_is(dhcp_message_option(&m, 12), "near"));
}

static void the_relay_option_is_last(void **state)
{
	(void)state;
	uint8_t buf[548];
	struct dhcp_build b;
	struct span out;
	struct dhcp_build_rules rules = {.size_max = 548, .relay = span_text("\1\4port")};
	dhcp_build_init(&b, buf, sizeof(buf), &head, &rules);
	dhcp_build_u8(&b, 53, 5);
	dhcp_build_option(&b, 12, span_text("h"));
	assert_int_equal(finish_and_read(&b, &out), OK);
	/* RFC 3046 2.2: "Servers SHOULD copy the Relay Agent Information option as the last DHCP
	 * option in the response." */
	static const uint8_t want[] = {53, 1, 5, 12, 1, 'h', 82, 6, 1, 4, 'p', 'o', 'r', 't', 255};
	assert_memory_equal(out.data + DHCP_OPTIONS_AT, want, sizeof(want));
}

/* --- RFC 3396 --- */

static void splits_long_values_and_they_join_again(void **state)
{
	(void)state;
	static const size_t lens[] = {0, 1, 254, 255, 256, 509, 510, 511, 765, 1000};
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		uint8_t buf[1472];
		struct dhcp_build b;
		struct span out;
		struct dhcp_build_rules rules = {.size_max = 1472};
		dhcp_build_init(&b, buf, sizeof(buf), &head, &rules);
		dhcp_build_u8(&b, 53, 5);
		dhcp_build_option(&b, 43, fill(lens[i]));
		dhcp_build_option(&b, 12, span_text("behind"));
		assert_int_equal(b.left_out_len, 0);
		assert_int_equal(finish_and_read(&b, &out), OK);
		assert_true(dhcp_message_has(&m, 43));
		/* RFC 3396 6: "The length fields of each split portion of the option MUST add up to
		 * the total length of the option data." */
		assert_true(span_equal(dhcp_message_option(&m, 43), fill(lens[i])));
		assert_true(span_is(dhcp_message_option(&m, 12), "behind"));
		/* None is longer than 255 octets, and "the split portions of the option MUST be
		 * stored in the aggregate option buffer in sequential order" (the same). */
		size_t at = DHCP_OPTIONS_AT + 3, done = 0;
		while (done < lens[i]) {
			/* "the option code field in each split portion MUST be the same" (the same)
			 */
			assert_int_equal(out.data[at], 43);
			assert_memory_equal(out.data + at + 2, filling + done, out.data[at + 1]);
			done += out.data[at + 1];
			at += out.data[at + 1] + 2u;
		}
		assert_int_equal(done, lens[i]);
	}
}

/* Options of one field, as the wire has them: no option crosses its end. */
static void check_field(const uint8_t *at, size_t len)
{
	size_t i = 0;
	while (i < len && at[i] != 255) {
		if (at[i] == 0) {
			i++;
			continue;
		}
		assert_true(i + 1 < len);
		i += at[i + 1] + 2u;
		assert_true(i <= len);
	}
	/* RFC 2131 4.1: options in sname and file "MUST begin with the first octet in the field,
	 * MUST be terminated by an 'end' option, and MUST be followed by 'pad' options to fill the
	 * remainder of the field". */
	assert_true(i < len);
	while (++i < len)
		assert_int_equal(at[i], 0);
}

static void overloads_file_and_then_sname_when_the_options_are_full(void **state)
{
	(void)state;
	uint8_t buf[548];
	struct dhcp_build b;
	struct span out;
	struct dhcp_build_rules rules = {.size_max = 548, .overload = true};
	dhcp_build_init(&b, buf, sizeof(buf), &head, &rules);
	dhcp_build_u8(&b, 53, 5);
	dhcp_build_option(&b, 43, fill(255)); /* 548 - 240 - 4 - 3 - 257 leaves 44 */
	dhcp_build_option(&b, 67, fill(100)); /* file */
	dhcp_build_option(&b, 66, fill(60));  /* sname */
	dhcp_build_option(&b, 12, fill(40));  /* the options field again */
	assert_int_equal(b.left_out_len, 0);
	assert_int_equal(finish_and_read(&b, &out), OK);
	uint8_t overload;
	assert_int_equal(dhcp_message_u8(&m, 52, &overload), OK);
	assert_int_equal(overload, 3);
	assert_true(span_equal(dhcp_message_option(&m, 43), fill(255)));
	assert_true(span_equal(dhcp_message_option(&m, 67), fill(100)));
	assert_true(span_equal(dhcp_message_option(&m, 66), fill(60)));
	assert_true(span_equal(dhcp_message_option(&m, 12), fill(40)));
	assert_int_equal(out.data[SAMPLE_FILE_AT], 67);
	assert_int_equal(out.data[SAMPLE_SNAME_AT], 66);
	/* RFC 3396 5: "Options MUST NOT be stored in the aggregate option buffer in such a way that
	 * they cross either boundary between the three fields" */
	check_field(out.data + SAMPLE_FILE_AT, DHCP_FILE_LEN);
	check_field(out.data + SAMPLE_SNAME_AT, DHCP_SNAME_LEN);
	check_field(out.data + DHCP_OPTIONS_AT, out.len - DHCP_OPTIONS_AT);
}

static void overload_says_which_field_is_used(void **state)
{
	(void)state;
	for (int which = 0; which < 3; which++) {
		uint8_t buf[548], overload = 0;
		struct dhcp_build b;
		struct span out;
		struct dhcp_build_rules rules = {.size_max = 548, .overload = true};
		if (which == 0)
			rules.file = span_text("x.efi");
		if (which == 1)
			rules.sname = span_text("boot");
		dhcp_build_init(&b, buf, sizeof(buf), &head, &rules);
		dhcp_build_option(&b, 43, fill(255));
		if (which < 2)
			dhcp_build_option(&b, 67, fill(60));
		assert_int_equal(finish_and_read(&b, &out), OK);
		assert_int_equal(dhcp_message_u8(&m, 52, &overload), which < 2 ? OK : ERR_ABSENT);
		assert_int_equal(overload, which == 0 ? 2 : which == 1 ? 1 : 0);
		assert_true(which != 0 || span_is(m.file, "x.efi"));
		assert_true(which != 1 || span_is(m.sname, "boot"));
	}
}

static void splits_across_fields_only_what_no_other_way_fits(void **state)
{
	(void)state;
	uint8_t buf[548];
	struct dhcp_build b;
	struct span out;
	struct dhcp_build_rules rules = {.size_max = 548, .overload = true, .relay = fill(20)};
	for (size_t len = 129; len < 500; len++) {
		dhcp_build_init(&b, buf, sizeof(buf), &head, &rules);
		dhcp_build_u8(&b, 53, 5);
		dhcp_build_option(&b, 12, fill(30));
		dhcp_build_option(&b, 121, fill(len));
		assert_int_equal(finish_and_read(&b, &out), OK);
		if (b.left_out_len) {
			assert_int_equal(b.left_out[0], 121);
			assert_false(dhcp_message_has(&m, 121));
			assert_true(len > 430); /* 247 + 127 + 63 less heads and what is there */
		} else {
			/* RFC 3396 6: "The split portions of the option MUST be stored in the
			 * aggregate option buffer in sequential order" */
			assert_true(span_equal(dhcp_message_option(&m, 121), fill(len)));
		}
		assert_true(span_equal(dhcp_message_option(&m, 82), fill(20)));
		check_field(out.data + DHCP_OPTIONS_AT, out.len - DHCP_OPTIONS_AT);
	}
}

static void what_does_not_fit_is_left_out_and_noted(void **state)
{
	(void)state;
	uint8_t buf[548];
	struct dhcp_build b;
	struct span out;
	struct dhcp_build_rules rules = {.size_max = 548};
	dhcp_build_init(&b, buf, sizeof(buf), &head, &rules);
	/* RFC 3396 4: where only a part of an option has room, "the encoding agent MUST either use
	 * this algorithm or not send the option at all". */
	dhcp_build_option(&b, 43, fill(400));
	assert_int_equal(b.left_out_len, 1);
	assert_int_equal(b.left_out[0], 43);
	assert_false(dhcp_build_has(&b, 43));
	dhcp_build_option(&b, 12, span_text("fits"));
	for (unsigned i = 0; i < 40; i++)
		dhcp_build_option(&b, (uint8_t)(150 + i), fill(300));
	assert_int_equal(b.left_out_len, 41);
	assert_int_equal(b.left_out[DHCP_LEFT_OUT_MAX - 1], 150 + DHCP_LEFT_OUT_MAX - 2);
	assert_int_equal(finish_and_read(&b, &out), OK);
	assert_true(span_is(dhcp_message_option(&m, 12), "fits"));
}

/* --- against a slow list, on random input --- */

static void any_options_in_any_room_come_back_or_are_noted(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	for (int round = 0; round < 20000; round++) {
		size_t size = 300 + test_random_below(&r, 700);
		struct guard g = guard_of(size);
		struct dhcp_build b;
		struct span out, values[12];
		uint8_t codes[12];
		size_t n = test_random_below(&r, 12);
		struct dhcp_build_rules rules = {.size_max = size - test_random_below(&r, 2),
						 .overload = test_random_below(&r, 2)};
		if (rules.size_max < 300)
			rules.size_max = 300;
		if (test_random_below(&r, 3) == 0)
			rules.relay = fill(test_random_below(&r, 40));
		if (test_random_below(&r, 3) == 0)
			rules.file = span_text("x");
		if (test_random_below(&r, 3) == 0)
			rules.sname = span_text("y");
		dhcp_build_init(&b, g.end - size, size, &head, &rules);
		for (size_t i = 0; i < n; i++) {
			codes[i] = (uint8_t)(100 + i);
			values[i] =
				fill(test_random_below(&r, test_random_below(&r, 4) ? 60 : 700));
			dhcp_build_option(&b, codes[i], values[i]);
		}
		assert_int_equal(finish_and_read(&b, &out), OK);
		assert_true(out.len >= 300 && out.len <= rules.size_max);
		size_t missing = 0;
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(dhcp_message_has(&m, codes[i]),
					 dhcp_build_has(&b, codes[i]));
			if (dhcp_message_has(&m, codes[i]))
				assert_true(
					span_equal(dhcp_message_option(&m, codes[i]), values[i]));
			else
				missing++;
		}
		assert_int_equal(missing, b.left_out_len);
		assert_true(span_equal(dhcp_message_option(&m, 82), rules.relay));
		guard_done(&g);
	}
}

/* RFC 2131 table 3. */
static void the_head_of_a_reply_is_that_of_table_3(void **state)
{
	(void)state;
	struct dhcp_head request = head;
	request.op = DHCP_OP_REQUEST;
	struct dhcp_head want = {.op = DHCP_OP_REPLY,
				 .htype = 1,
				 .hlen = 6,
				 .xid = 0x11223344,
				 .flags = DHCP_FLAG_BROADCAST,
				 .giaddr = 0x0a000004,
				 .chaddr = {2, 0, 0, 0, 0, 1}};
	struct dhcp_head got = dhcp_head_reply(&request);
	assert_true(same_head(&got, &want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_names_that_leave_no_room_for_their_nul),
		cmocka_unit_test(refuses_a_buffer_shorter_than_a_bootp_message),
		cmocka_unit_test(refuses_a_relay_option_that_does_not_fit),
		cmocka_unit_test(writes_every_field_and_pads_to_300_octets),
		cmocka_unit_test(octets_of_chaddr_past_hlen_are_zero),
		cmocka_unit_test(the_first_of_a_code_stays),
		cmocka_unit_test(the_relay_option_is_last),
		cmocka_unit_test(splits_long_values_and_they_join_again),
		cmocka_unit_test(overloads_file_and_then_sname_when_the_options_are_full),
		cmocka_unit_test(overload_says_which_field_is_used),
		cmocka_unit_test(splits_across_fields_only_what_no_other_way_fits),
		cmocka_unit_test(what_does_not_fit_is_left_out_and_noted),
		cmocka_unit_test(any_options_in_any_room_come_back_or_are_noted),
		cmocka_unit_test(the_head_of_a_reply_is_that_of_table_3),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
