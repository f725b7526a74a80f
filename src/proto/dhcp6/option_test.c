#include "proto/dhcp6/option.h"

#include "test/guard.h"
#include "test/hex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void refuses_text_that_is_not_of_the_type(void **state)
{
	(void)state;
	static const struct {
		enum dhcp6_option_type type;
		const char *text;
		enum err want;
	} rows[] = {
		{DHCP6_OPTION_HEX, "", ERR_FORMAT},
		{DHCP6_OPTION_HEX, "abc", ERR_FORMAT},
		{DHCP6_OPTION_HEX, "ab:", ERR_FORMAT},
		{DHCP6_OPTION_HEX, "ab:cd-ef", ERR_FORMAT},
		{DHCP6_OPTION_HEX, "zz", ERR_FORMAT},
		{DHCP6_OPTION_EMPTY, "1", ERR_FORMAT},
		{DHCP6_OPTION_U8, "256", ERR_LIMIT},
		{DHCP6_OPTION_U8, "-1", ERR_FORMAT},
		{DHCP6_OPTION_U8, "", ERR_FORMAT},
		{DHCP6_OPTION_U16, "65536", ERR_LIMIT},
		{DHCP6_OPTION_U32, "4294967296", ERR_LIMIT},
		{DHCP6_OPTION_DURATION, "h", ERR_FORMAT},
		{DHCP6_OPTION_DURATION, "12y", ERR_FORMAT},
		{DHCP6_OPTION_DURATION, "9999999w", ERR_LIMIT},
		{DHCP6_OPTION_ADDRESSES, "192.0.2.1", ERR_FORMAT},
		{DHCP6_OPTION_ADDRESSES, "2001:db8::g", ERR_FORMAT},
		{DHCP6_OPTION_NAMES, "", ERR_FORMAT},
		{DHCP6_OPTION_NAMES, ".", ERR_FORMAT},
		{DHCP6_OPTION_TEXT, "", ERR_FORMAT},
		{DHCP6_OPTION_TEXT, "a\nb", ERR_FORMAT},
		{DHCP6_OPTION_NTP, "192.0.2.1", ERR_FORMAT},
		{DHCP6_OPTION_NTP, "a..b", ERR_FORMAT},
		{DHCP6_OPTION_ENTERPRISE, "x 01", ERR_FORMAT},
		{DHCP6_OPTION_ENTERPRISE, "9 0", ERR_FORMAT},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t room[64];
		struct writer w = writer_of(room, sizeof(room));
		write_u8(&w, 1);
		print_message("%s\n", rows[i].text);
		assert_int_equal(dhcp6_option_from_text(rows[i].type, span_text(rows[i].text), &w),
				 rows[i].want);
		assert_int_equal(w.pos, 1);
		assert_false(w.bad);
	}
}

static const struct {
	const char *option, *item, *second, *hex, *shown;
} good[] = {
	{"dns-servers", "2001:db8::1", "2001:db8::2",
	 "20010db800000000000000000000000120010db8000000000000000000000002",
	 "2001:db8::1, 2001:db8::2"},
	{"domain-search", "example.com", "a.example",
	 "076578616d706c6503636f6d000161076578616d706c6500", "example.com., a.example."},
	{"sntp-servers", "2001:db8::1", NULL, "20010db8000000000000000000000001", "2001:db8::1"},
	{"information-refresh-time", "1d", NULL, "00015180", "86400"},
	{"sol-max-rt", "infinite", NULL, "ffffffff", "4294967295"},
	{"posix-timezone", "EST5EDT4", NULL, "4553543545445434", "EST5EDT4"},
	{"ntp-servers", "2001:db8::1", "ff05::101",
	 "0001001020010db800000000000000000000000100020010ff050000000000000000000000000101",
	 "2001:db8::1, ff05::101"},
	{"ntp-servers", "ntp.example", NULL, "0003000d036e7470076578616d706c6500", "ntp.example."},
	{"bootfile-url", "tftp://[2001:db8::1]/a", NULL,
	 "746674703a2f2f5b323030313a6462383a3a315d2f61", "tftp://[2001:db8::1]/a"},
	{"bootfile-param", "root=/dev/sda", "quiet", "000d726f6f743d2f6465762f73646100057175696574",
	 "root=/dev/sda, quiet"},
	{"client-arch", "7", "9", "00070009", "7, 9"},
	{"captive-portal", "https://x.example/", NULL, "68747470733a2f2f782e6578616d706c652f",
	 "https://x.example/"},
	{"vendor-options", "9 01ab", NULL, "0000000901ab", "9 01:ab"},
	{"aftr-name", "aftr.example", NULL, "0461667472076578616d706c6500", "aftr.example."},
	{"preference", "255", NULL, "ff", "255"},
	{"rapid-commit", "true", NULL, "", "true"},
	{"interface-id", "01:AB:ff", NULL, "01abff", "01:ab:ff"},
	{"subscriber-id", "01-ab-ff", NULL, "01abff", "01:ab:ff"},
};

static void text_becomes_octets_and_comes_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const struct dhcp6_option_info *info =
			dhcp6_option_by_name(span_text(good[i].option));
		uint8_t value[128];
		char text[256] = {0};
		struct writer w = writer_of(value, sizeof(value));
		struct writer shown = writer_of(text, sizeof(text) - 1);
		assert_non_null(info);
		assert_int_equal(dhcp6_option_from_text(info->type, span_text(good[i].item), &w),
				 OK);
		assert_int_equal(dhcp6_option_type_is_list(info->type) || !good[i].second, true);
		if (good[i].second)
			assert_int_equal(
				dhcp6_option_from_text(info->type, span_text(good[i].second), &w),
				OK);
		assert_true(hex_is(value, w.pos, good[i].hex));
		assert_int_equal(dhcp6_option_check_type(info->type, writer_span(&w)), OK);
		dhcp6_option_format(info->code, writer_span(&w), &shown);
		assert_string_equal(text, good[i].shown);
	}
}

static void what_does_not_fit_leaves_the_writer_as_it_was(void **state)
{
	(void)state;
	uint8_t room[20];
	struct writer w = writer_of(room, sizeof(room));
	assert_int_equal(
		dhcp6_option_from_text(DHCP6_OPTION_ADDRESSES, span_text("2001:db8::1"), &w), OK);
	assert_int_equal(
		dhcp6_option_from_text(DHCP6_OPTION_ADDRESSES, span_text("2001:db8::1"), &w),
		ERR_LIMIT);
	assert_int_equal(w.pos, 16);
	assert_false(w.bad);
}

static enum dhcp6_option_type judged;

static void judge(const uint8_t *data, size_t len)
{
	static char text[8192];
	struct writer w = writer_of(text, sizeof(text));
	err_ignore(dhcp6_option_check_type(judged, span_of(data, len)));
	dhcp6_option_format_type(judged, span_of(data, len), &w);
	for (size_t i = 0; i < w.pos; i++)
		assert_true(text[i] >= 0x20 && text[i] < 0x7f); /* nothing that a terminal obeys */
	assert_int_equal(writer_check(&w), OK);
}

static void every_type_shows_every_value_in_printable_signs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		uint8_t value[128];
		struct writer w = writer_of(value, sizeof(value));
		const struct dhcp6_option_info *info =
			dhcp6_option_by_name(span_text(good[i].option));
		assert_int_equal(dhcp6_option_from_text(info->type, span_text(good[i].item), &w),
				 OK);
		for (unsigned type = 0; type < DHCP6_OPTION_TYPES; type++) {
			judged = (enum dhcp6_option_type)type;
			guard_every_prefix(value, w.pos, judge);
			guard_every_bit_flip(value, w.pos, judge);
		}
	}
}

static void the_table_is_in_order_and_its_names_are_its_own(void **state)
{
	(void)state;
	size_t len;
	char buf[DHCP6_OPTION_NAME_MAX];
	const struct dhcp6_option_info *table = dhcp6_option_table(&len);
	for (size_t i = 0; i < len; i++) {
		assert_true(i == 0 || table[i].code > table[i - 1].code);
		assert_ptr_equal(dhcp6_option_by_code(table[i].code), &table[i]);
		assert_ptr_equal(dhcp6_option_by_name(span_text(table[i].name)), &table[i]);
		assert_true(table[i].flags & (DHCP6_OPTION_SETTABLE | DHCP6_OPTION_PROTOCOL));
		assert_string_equal(dhcp6_option_name(table[i].code, buf), table[i].name);
	}
	assert_int_equal(dhcp6_option_by_name(span_text("NTP-Server"))->code, 56);
	assert_null(dhcp6_option_by_name(span_text("no-such")));
	assert_string_equal(dhcp6_option_name(4711, buf), "option-4711");
	for (unsigned type = 0; type < DHCP6_OPTION_TYPES; type++) {
		enum dhcp6_option_type back;
		assert_true(dhcp6_option_type_by_name(
			span_text(dhcp6_option_type_name((enum dhcp6_option_type)type)), &back));
		assert_int_equal(back, type);
		assert_non_null(dhcp6_option_expected(back));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_text_that_is_not_of_the_type),
		cmocka_unit_test(what_does_not_fit_leaves_the_writer_as_it_was),
		cmocka_unit_test(text_becomes_octets_and_comes_back),
		cmocka_unit_test(every_type_shows_every_value_in_printable_signs),
		cmocka_unit_test(the_table_is_in_order_and_its_names_are_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
