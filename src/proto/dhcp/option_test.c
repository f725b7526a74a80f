#include "proto/dhcp/option.h"

#include "base/reader.h"
#include "proto/dns/name.h"
#include "test/guard.h"
#include "test/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define SPAN(text) span_of(text, sizeof(text) - 1)

static uint8_t value[DHCP_OPTION_VALUE_MAX];

/* The value of items of text separated by '|'. */
static enum err make(enum dhcp_option_type type, const char *items, struct writer *w)
{
	struct span rest = span_text(items);
	*w = writer_of(value, sizeof(value));
	for (;;) {
		size_t len = span_find(rest, '|');
		TRY(dhcp_option_from_text(type, span_sub(rest, 0, len), w));
		if (len == rest.len)
			return OK;
		rest = span_sub(rest, len + 1, rest.len);
	}
}

static const char *shown(uint8_t code, struct span s)
{
	static char text[4096];
	struct writer w = writer_of(text, sizeof(text) - 1);
	dhcp_option_format(code, s, &w);
	assert_int_equal(writer_check(&w), OK);
	text[w.pos] = 0;
	return text;
}

/* --- the table --- */

static void the_table_is_in_order_and_its_names_are_words(void **state)
{
	(void)state;
	size_t len;
	const struct dhcp_option_info *t = dhcp_option_table(&len);
	assert_true(len > 120);
	for (size_t i = 0; i < len; i++) {
		assert_true(i == 0 || t[i - 1].code < t[i].code);
		assert_true(t[i].code != DHCP_OPT_PAD && t[i].code != DHCP_OPT_END);
		assert_true(t[i].min <= t[i].max);
		assert_true(t[i].flags);
		assert_true(t[i].type < DHCP_OPTION_TYPES);
		assert_true(strlen(t[i].name) < DHCP_OPTION_NAME_MAX);
		for (const char *c = t[i].name; *c; c++)
			assert_true((*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') ||
				    *c == '-');
		assert_ptr_equal(dhcp_option_by_code(t[i].code), &t[i]);
		assert_ptr_equal(dhcp_option_by_name(span_text(t[i].name)), &t[i]);
	}
}

static void all_options_of_rfc_2132_have_names(void **state)
{
	(void)state;
	for (uint8_t code = 1; code <= 76; code++)
		assert_non_null(dhcp_option_by_code(code));
	static const uint8_t more[] = {77,  80,	 81,  82,  90,	93,  94,  97,  100, 101, 108,
				       114, 119, 121, 124, 125, 145, 150, 160, 249, 252};
	for (size_t i = 0; i < sizeof(more); i++)
		assert_non_null(dhcp_option_by_code(more[i]));
	assert_null(dhcp_option_by_code(0));
	assert_null(dhcp_option_by_code(255));
	assert_null(dhcp_option_by_code(84));
}

static void names_are_found_in_other_words_and_cases(void **state)
{
	(void)state;
	assert_int_equal(dhcp_option_by_name(SPAN("Domain-Name-Servers"))->code, 6);
	assert_int_equal(dhcp_option_by_name(SPAN("router"))->code, 3);
	assert_int_equal(dhcp_option_by_name(SPAN("mtu"))->code, 26);
	assert_int_equal(dhcp_option_by_name(SPAN("web-proxy-autodiscovery"))->code, 252);
	assert_null(dhcp_option_by_name(SPAN("")));
	assert_null(dhcp_option_by_name(SPAN("routerss")));
	char buf[DHCP_OPTION_NAME_MAX];
	assert_string_equal(dhcp_option_name(3, buf), "routers");
	assert_string_equal(dhcp_option_name(254, buf), "option-254");
}

static void types_have_names_and_say_what_they_expect(void **state)
{
	(void)state;
	for (unsigned i = 0; i < DHCP_OPTION_TYPES; i++) {
		enum dhcp_option_type type = (enum dhcp_option_type)i, found;
		assert_non_null(dhcp_option_expected(type));
		if (!dhcp_option_type_name(type))
			continue;
		assert_true(
			dhcp_option_type_by_name(span_text(dhcp_option_type_name(type)), &found));
		assert_int_equal(found, type);
	}
	enum dhcp_option_type found;
	assert_false(dhcp_option_type_by_name(SPAN("u64"), &found));
	assert_true(dhcp_option_type_is_list(DHCP_OPTION_ADDRESSES));
	assert_false(dhcp_option_type_is_list(DHCP_OPTION_ADDRESS));
}

/* --- text that is refused --- */

static const struct {
	enum dhcp_option_type type;
	const char *text;
	enum err err;
} refused[] = {
	{DHCP_OPTION_HEX, "", ERR_FORMAT},
	{DHCP_OPTION_HEX, "0", ERR_FORMAT},
	{DHCP_OPTION_HEX, "0g", ERR_FORMAT},
	{DHCP_OPTION_HEX, "01:2", ERR_FORMAT},
	{DHCP_OPTION_HEX, "01:02-03", ERR_FORMAT},
	{DHCP_OPTION_HEX, "01:", ERR_FORMAT},
	{DHCP_OPTION_EMPTY, "false", ERR_FORMAT},
	{DHCP_OPTION_FLAG, "2", ERR_FORMAT},
	{DHCP_OPTION_U8, "256", ERR_LIMIT},
	{DHCP_OPTION_U8, "-1", ERR_FORMAT},
	{DHCP_OPTION_U8, "", ERR_FORMAT},
	{DHCP_OPTION_U8, "007", ERR_FORMAT},
	{DHCP_OPTION_U16, "65536", ERR_LIMIT},
	{DHCP_OPTION_U16, "1x", ERR_FORMAT},
	{DHCP_OPTION_U32, "4294967296", ERR_LIMIT},
	{DHCP_OPTION_U32, "99999999999999999999999", ERR_FORMAT},
	{DHCP_OPTION_S32, "2147483648", ERR_LIMIT},
	{DHCP_OPTION_S32, "-2147483649", ERR_LIMIT},
	{DHCP_OPTION_S32, "--1", ERR_FORMAT},
	{DHCP_OPTION_DURATION, "", ERR_FORMAT},
	{DHCP_OPTION_DURATION, "1x", ERR_FORMAT},
	{DHCP_OPTION_DURATION, "1h1h", ERR_FORMAT},
	{DHCP_OPTION_DURATION, "1m1h", ERR_FORMAT},
	{DHCP_OPTION_DURATION, "h", ERR_FORMAT},
	{DHCP_OPTION_DURATION, "-1", ERR_FORMAT},
	{DHCP_OPTION_DURATION, "4294967296", ERR_LIMIT},
	{DHCP_OPTION_DURATION, "10000w", ERR_LIMIT},
	{DHCP_OPTION_ADDRESS, "192.0.2", ERR_FORMAT},
	{DHCP_OPTION_ADDRESS, "192.0.2.01", ERR_FORMAT},
	{DHCP_OPTION_ADDRESS, "2001:db8::1", ERR_FORMAT},
	{DHCP_OPTION_ADDRESS, "gateway", ERR_FORMAT},
	{DHCP_OPTION_ADDRESS_PAIRS, "192.0.2.1", ERR_FORMAT},
	{DHCP_OPTION_ADDRESS_PAIRS, "192.0.2.1/24", ERR_REFUSED},
	{DHCP_OPTION_ADDRESS_PAIRS, "192.0.2.1 192.0.2.2 192.0.2.3", ERR_FORMAT},
	{DHCP_OPTION_ADDRESS_PAIRS, "2001:db8::/32", ERR_FORMAT},
	{DHCP_OPTION_TEXT, "", ERR_FORMAT},
	{DHCP_OPTION_TEXT, "a\tb", ERR_FORMAT},
	{DHCP_OPTION_TEXT, "a\x7f", ERR_FORMAT},
	{DHCP_OPTION_NAME, "a..b", ERR_FORMAT},
	{DHCP_OPTION_NAME, "", ERR_FORMAT},
	{DHCP_OPTION_SEARCH, "a..b", ERR_FORMAT},
	{DHCP_OPTION_ROUTES, "10.0.0.0/8", ERR_FORMAT},
	{DHCP_OPTION_ROUTES, "10.0.0.1/8 192.0.2.1", ERR_REFUSED},
	{DHCP_OPTION_ROUTES, "10.0.0.0/33 192.0.2.1", ERR_FORMAT},
	{DHCP_OPTION_ROUTES, "10.0.0.0 192.0.2.1", ERR_FORMAT},
	{DHCP_OPTION_ROUTES, "10.0.0.0/8 192.0.2.1 9", ERR_FORMAT},
	{DHCP_OPTION_ROUTES, "2001:db8::/32 192.0.2.1", ERR_FORMAT},
	{DHCP_OPTION_SIP_SERVERS, "192.0.2.1|sip.example", ERR_FORMAT},
	{DHCP_OPTION_SIP_SERVERS, "sip.example|192.0.2.1", ERR_FORMAT},
	{DHCP_OPTION_PCP_SERVERS, "", ERR_FORMAT},
	{DHCP_OPTION_PCP_SERVERS, "192.0.2.1 x", ERR_FORMAT},
	{DHCP_OPTION_FLAG_ADDRESSES, "192.0.2.1", ERR_FORMAT},
	{DHCP_OPTION_FLAG_TEXT, "scope", ERR_FORMAT},
	{DHCP_OPTION_ENTERPRISES, "4491", ERR_FORMAT},
	{DHCP_OPTION_ENTERPRISES, "4294967296 01", ERR_LIMIT},
	{DHCP_OPTION_CODES, "0", ERR_LIMIT},
	{DHCP_OPTION_CODES, "255", ERR_LIMIT},
	{DHCP_OPTION_CODES, "nonsense", ERR_FORMAT},
	{DHCP_OPTION_MESSAGE_TYPE, "BOOTP", ERR_FORMAT},
	{DHCP_OPTION_UUID, "00112233445566778899aabbccddeeff", ERR_FORMAT},
	{DHCP_OPTION_UUID, "0011223-34455-6677-8899-aabbccddeeff", ERR_FORMAT},
	{DHCP_OPTION_UUID, "00-11-23-4455-6677-8899-aabbccddeeff", ERR_FORMAT},
	{DHCP_OPTION_UUID, "00112233-4455-6677-8899-aa-bb-cc-dde", ERR_FORMAT},
};

static void refuses_text_that_is_not_of_the_type(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct writer w;
		enum err e = make(refused[i].type, refused[i].text, &w);
		if (e != refused[i].err)
			fail_msg("%s: %s", refused[i].text, err_text(e));
		/* What was there before the bad item is untouched. */
		if (strchr(refused[i].text, '|') == NULL)
			assert_int_equal(w.pos, 0);
		assert_false(w.bad);
	}
}

static void refuses_what_does_not_fit(void **state)
{
	(void)state;
	uint8_t small[5];
	struct writer w = writer_of(small, sizeof(small));
	assert_int_equal(dhcp_option_from_text(DHCP_OPTION_ADDRESSES, SPAN("192.0.2.1"), &w), OK);
	assert_int_equal(dhcp_option_from_text(DHCP_OPTION_ADDRESSES, SPAN("192.0.2.2"), &w),
			 ERR_LIMIT);
	assert_int_equal(w.pos, 4);
	assert_false(w.bad);
	assert_int_equal(dhcp_option_from_text(DHCP_OPTION_SEARCH, SPAN("example"), &w), ERR_LIMIT);
	assert_int_equal(w.pos, 4);
}

/* --- text, octets and text again --- */

static const struct {
	uint8_t code;
	const char *items, *hex;
	const char *text; /* NULL: the items with ", " for "|" */
} cases[] = {
	{1, "255.255.255.0", "ffffff00", NULL},
	{2, "-3600", "fffff1f0", NULL},
	{2, "3600", "00000e10", NULL},
	{2, "-2147483648", "80000000", NULL},
	{3, "192.0.2.1|192.0.2.2", "c0000201c0000202", NULL},
	{12, "host", "686f7374", NULL},
	{12, "caf\xc3\xa9 \\", "636166c3a9205c", "caf\\195\\169 \\092"},
	{13, "65535", "ffff", NULL},
	{19, "true", "01", NULL},
	{19, "false", "00", NULL},
	{21, "192.0.2.0/24|10.0.0.0 255.0.0.0", "c0000200ffffff000a000000ff000000",
	 "192.0.2.0 255.255.255.0, 10.0.0.0 255.0.0.0"},
	{21, "0.0.0.0/0", "0000000000000000", "0.0.0.0 0.0.0.0"},
	{23, "64", "40", NULL},
	{24, "600", "00000258", "10m"},
	{25, "68|1500", "004405dc", NULL},
	{33, "10.0.0.0 192.0.2.1", "0a000000c0000201", NULL},
	{43, "01:02:0a:0b:06:00", "01020a0b0600", "1=0a:0b, 6="},
	{43, "ff", "ff", NULL},
	{51, "infinite", "ffffffff", NULL},
	{51, "1d12h", "0001fa40", "36h"},
	{55, "subnet-mask|3|option-254", "0103fe", "subnet-mask, routers, option-254"},
	{53, "discover", "01", "DISCOVER"},
	{61, "01:02:00:00:00:00:01", "01020000000001", "02:00:00:00:00:01"},
	{77, "iPXE|lab", "0469505845036c6162", NULL},
	{78, "true|192.0.2.1|192.0.2.2", "01c0000201c0000202", NULL},
	{78, "false", "00", NULL},
	{79, "true a,b", "01612c62", NULL},
	{79, "false", "00", NULL},
	{80, "true", "", NULL},
	{93, "7|16", "00070010", NULL},
	{97, "00112233-4455-6677-8899-aabbccddeeff", "0000112233445566778899aabbccddeeff", NULL},
	{100, "EST5EDT4,M3.2.0/02:00,M11.1.0/02:00",
	 "45535435454454342c4d332e322e302f30323a30302c4d31312e312e302f30323a3030", NULL},
	{101, "Europe/Zurich", "4575726f70652f5a7572696368", NULL},
	{108, "30m", "00000708", NULL},
	{114, "https://portal.example/api", "68747470733a2f2f706f7274616c2e6578616d706c652f617069",
	 NULL},
	{117, "6|44", "0006002c", NULL},
	/* RFC 3397 2: "eng.apple.com." and "marketing.apple.com." with a pointer to octet 4 */
	{119, "eng.apple.com|marketing.apple.com",
	 "03656e67056170706c6503636f6d00096d61726b6574696e67c004", NULL},
	{119, "example|example|a.example|.", "076578616d706c6500c0000161c00000", NULL},
	{120, "sip.example",
	 "000373697007"
	 "6578616d706c6500",
	 NULL},
	{120, "192.0.2.1|192.0.2.2", "01c0000201c0000202", NULL},
	{121, "0.0.0.0/0 192.0.2.1|10.0.0.0/8 192.0.2.2|10.229.0.128/25 0.0.0.0",
	 "00c0000201080ac0000202190ae5008000000000", NULL},
	{124, "4491 0a0b|9 01",
	 "0000118b020a0b00000009"
	 "0101",
	 "4491 0a:0b, 9 01"},
	{137, "lost.example", "046c6f7374076578616d706c6500", NULL},
	{158, "192.0.2.1 192.0.2.2|192.0.2.3", "08c0000201c000020204c0000203", NULL},
	{150, "192.0.2.1", "c0000201", NULL},
	{254, "0a-0b", "0a0b", "0a:0b"},
};

static void text_becomes_octets_and_text_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct dhcp_option_info *o = dhcp_option_by_code(cases[i].code);
		struct writer w;
		enum err e = make(o ? (enum dhcp_option_type)o->type : DHCP_OPTION_HEX,
				  cases[i].items, &w);
		if (e || !hex_is(value, w.pos, cases[i].hex))
			fail_msg("%u %s: %s", cases[i].code, cases[i].items, err_text(e));
		assert_int_equal(dhcp_option_check(cases[i].code, writer_span(&w)), OK);
		char want[256];
		size_t at = 0;
		for (const char *c = cases[i].items; *c && !cases[i].text; c++) {
			if (*c == '|')
				want[at++] = ',';
			want[at++] = *c == '|' ? ' ' : *c;
		}
		want[at] = 0;
		assert_string_equal(shown(cases[i].code, writer_span(&w)),
				    cases[i].text ? cases[i].text : want);
	}
}

static void durations_are_shown_in_their_largest_unit(void **state)
{
	(void)state;
	static const struct {
		const char *hex, *text;
	} shows[] = {
		{"\0\0\0\0", "0s"},
		{"\0\0\0\x5a", "90s"},
		{"\0\0\x15\x18", "90m"},
		{"\0\0\x0e\x10", "1h"},
		{"\0\1\x51\x80", "1d"},
		{"\0\x09\x3a\x80", "1w"},
		{"\xff\xff\xff\xff", "infinite"},
	};
	for (size_t i = 0; i < sizeof(shows) / sizeof(shows[0]); i++) {
		uint8_t back[4];
		struct writer w = writer_of(back, sizeof(back));
		assert_string_equal(shown(51, span_of(shows[i].hex, 4)), shows[i].text);
		assert_int_equal(
			dhcp_option_from_text(DHCP_OPTION_DURATION, span_text(shows[i].text), &w),
			OK);
		assert_memory_equal(back, shows[i].hex, 4);
	}
}

/* --- values that are refused --- */

static void refuses_values_that_are_not_of_the_type(void **state)
{
	(void)state;
	static const struct {
		uint8_t code;
		const char *octets;
		size_t len;
	} bad[] = {
		{1, "\xff\xff\xff", 3},
		{3, "", 0},
		{3, "\1\2\3\4\5", 5},
		{12, "", 0},
		{12, "\0", 1},
		{12, "a\0b", 3},
		{19, "\2", 1},
		{22, "\2\x3f", 2}, /* 575 */
		{23, "\0", 1},
		{25, "\5\xdc\0\x43", 4}, /* 67 */
		{26, "\0\x43", 2},
		{26, "\5", 1},
		{21, "\1\2\3\4", 4},
		{33, "\1\2\3\4\5\6\7\x08\x09", 9},
		{51, "\1\2\3", 3},
		{53, "\0", 1},
		{61, "\1", 1},
		{77, "\5abc", 4},
		{77, "\0", 1},
		{78, "\2", 1},
		{78, "\1\1\2\3", 4},
		{80, "\1", 1},
		{81, "\0\0", 2},
		{82, "\1", 1},
		{93, "\0\7\0", 3},
		{97, "\0\1\2", 3},
		{119, "\3abc", 4},	 /* no root */
		{119, "\3abc\xc0\4", 6}, /* a pointer to itself */
		{119, "\xc0\0", 2},
		{119, "\3abc\xc0\6\0", 7}, /* forward */
		{119,
		 "\x41"
		 "a\0",
		 3}, /* a kind of label that is none */
		{120, "\2\1\2\3\4", 5},
		{120, "\1\1\2\3\4\5", 6},
		{121, "\x21\1\2\3\4\1\2\3\4", 9}, /* /33 */
		{121, "\x08\x0a\1\2\3", 5},
		{124, "\0\0\0\1\2a", 6},
		{137, "\4lost", 5},
		{137, "\1a\0\1b\0", 6},
		{158, "\3\1\2\3", 4},
		{158, "\0\4\1\2\3\4", 6},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct span s = span_of(bad[i].octets, bad[i].len);
		if (dhcp_option_check(bad[i].code, s) != ERR_FORMAT)
			fail_msg("%u, line %zu", bad[i].code, i);
		(void)shown(bad[i].code, s);
	}
}

static void bad_values_are_shown_as_octets_or_as_the_text_they_are(void **state)
{
	(void)state;
	assert_string_equal(shown(3, SPAN("\1\2\3")), "01:02:03");
	assert_string_equal(shown(77, SPAN("MSFT 5.0")), "MSFT 5.0");
	assert_string_equal(shown(12, SPAN("a\0b")), "61:00:62");
	/* Whatever a terminal would obey is escaped. */
	assert_string_equal(shown(12, SPAN("a\x1b[2J\n")), "a\\027[2J\\010");
	assert_string_equal(shown(12, SPAN("host\0\0")), "host");
}

static void options_of_many_parts_are_shown_by_part(void **state)
{
	(void)state;
	assert_string_equal(shown(82, SPAN("\1\4eth0\2\2\0\1\5\4\xc0\0\2\0\x97\1x")),
			    "circuit-id eth0, remote-id 00:01, link-selection 192.0.2.0, 151 x");
	assert_string_equal(shown(81, SPAN("\5\0\0\4host\7example\0")), "SE host.example");
	assert_string_equal(shown(97, SPAN("\1\1\2\3\4\5\6\7\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10")),
			    "01:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10");
	assert_string_equal(shown(53, SPAN("\x63")), "99");
}

/* --- RFC 3397 and RFC 3442 --- */

static void a_search_list_is_read_through_its_pointers(void **state)
{
	(void)state;
	static const char list[] = "\3eng\5apple\3com\0\x09marketing\xc0\4";
	size_t at = 0;
	struct dns_name name;
	char text[DNS_NAME_TEXT_MAX];
	/* RFC 3397 2: the example, and its rule that pointers count from the first octet of the
	 * joined option. */
	assert_int_equal(dhcp_search_next(SPAN(list), &at, &name), OK);
	assert_string_equal(dns_name_format(&name, text), "eng.apple.com.");
	assert_int_equal(dhcp_search_next(SPAN(list), &at, &name), OK);
	assert_string_equal(dns_name_format(&name, text), "marketing.apple.com.");
	assert_int_equal(at, sizeof(list) - 1);
}

static void a_search_list_of_many_pointers_ends(void **state)
{
	(void)state;
	uint8_t list[600];
	struct writer w = writer_of(list, sizeof(list));
	struct dns_name name;
	write_u8(&w, 0);
	for (unsigned i = 0; i < 200; i++) /* each leads to the one before */
		write_u16(&w, (uint16_t)(0xc000 | (i ? 1 + 2 * (i - 1) : 0)));
	size_t at = w.pos - 2;
	assert_int_equal(dhcp_search_next(writer_span(&w), &at, &name), OK);
	assert_true(dns_name_is_root(&name));
	/* 128 labels do not fit a name. */
	w = writer_of(list, sizeof(list));
	for (unsigned i = 0; i < 128; i++)
		write_u16(&w, 0x0161);
	write_u8(&w, 0);
	at = 0;
	assert_int_equal(dhcp_search_next(writer_span(&w), &at, &name), ERR_FORMAT);
	at = 2;
	assert_int_equal(dhcp_search_next(writer_span(&w), &at, &name), OK);
	assert_int_equal(name.len, 255);
}

static void routes_have_as_many_octets_as_they_need(void **state)
{
	(void)state;
	/* RFC 3442: "The code for this option is 121, and its minimum length is 5 bytes." */
	assert_int_equal(dhcp_option_check(121, SPAN("\0\xc0\0\2\1")), OK);
	assert_int_equal(dhcp_option_check(121, SPAN("\0\xc0\0\2")), ERR_FORMAT);
	/* The same: "The significant portion of the subnet number is simply all of the octets of
	 * the subnet number where the corresponding octet in the subnet mask is non-zero", and the
	 * table of its examples. */
	static const struct {
		uint32_t destination;
		uint8_t bits;
		const char *hex;
	} rows[] = {
		{0, 0, "00"},
		{0x0a000000, 8, "080a"},
		{0x0a000000, 24, "180a0000"},
		{0x0a110000, 16, "100a11"},
		{0x0a1b8100, 24, "180a1b81"},
		{0x0ae50080, 25, "190ae50080"},
		{0x0ac67a2f, 32, "200ac67a2f"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t buf[16];
		struct writer w = writer_of(buf, sizeof(buf));
		struct dhcp_route route = {rows[i].destination, 0xc0000201, rows[i].bits}, back;
		dhcp_route_write(&w, &route);
		assert_true(hex_is(buf, w.pos - 4, rows[i].hex));
		struct reader r = reader_of_span(writer_span(&w));
		assert_true(dhcp_route_next(&r, &back));
		assert_int_equal(back.destination, route.destination);
		assert_int_equal(back.router, route.router);
		assert_int_equal(back.bits, route.bits);
		assert_false(dhcp_route_next(&r, &back));
		assert_int_equal(reader_end(&r), OK);
	}
}

static void bits_past_the_mask_are_cleared(void **state)
{
	(void)state;
	/* RFC 3442: "After deriving a subnet number and subnet mask from each destination
	 * descriptor, the DHCP client MUST zero any bits in the subnet number where the
	 * corresponding bit in the mask is zero." Its example: 129.210.177.132/25 becomes
	 * 129.210.177.128. */
	struct reader r = reader_of_span(SPAN("\x19\x81\xd2\xb1\x84\xc0\0\2\1"));
	struct dhcp_route route;
	assert_true(dhcp_route_next(&r, &route));
	assert_int_equal(route.destination, 0x81d2b180);
}

/* --- every prefix, every bit --- */

static uint8_t guard_code;

static void read_all(const uint8_t *data, size_t len)
{
	char text[4096];
	struct span s = span_of(data, len);
	struct writer w = writer_of(text, sizeof(text));
	err_ignore(dhcp_option_check(guard_code, s));
	dhcp_option_format(guard_code, s, &w);
	/* Too little room marks the writer and goes no further. */
	w = writer_of(text, len);
	dhcp_option_format(guard_code, s, &w);
}

static void survives_every_prefix_and_every_flip(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct dhcp_option_info *o = dhcp_option_by_code(cases[i].code);
		struct writer w;
		if (make(o ? (enum dhcp_option_type)o->type : DHCP_OPTION_HEX, cases[i].items, &w))
			continue;
		guard_code = cases[i].code;
		guard_every_prefix(value, w.pos, read_all);
		guard_every_bit_flip(value, w.pos, read_all);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_in_order_and_its_names_are_words),
		cmocka_unit_test(all_options_of_rfc_2132_have_names),
		cmocka_unit_test(names_are_found_in_other_words_and_cases),
		cmocka_unit_test(types_have_names_and_say_what_they_expect),
		cmocka_unit_test(refuses_text_that_is_not_of_the_type),
		cmocka_unit_test(refuses_what_does_not_fit),
		cmocka_unit_test(text_becomes_octets_and_text_again),
		cmocka_unit_test(durations_are_shown_in_their_largest_unit),
		cmocka_unit_test(refuses_values_that_are_not_of_the_type),
		cmocka_unit_test(bad_values_are_shown_as_octets_or_as_the_text_they_are),
		cmocka_unit_test(options_of_many_parts_are_shown_by_part),
		cmocka_unit_test(a_search_list_is_read_through_its_pointers),
		cmocka_unit_test(a_search_list_of_many_pointers_ends),
		cmocka_unit_test(routes_have_as_many_octets_as_they_need),
		cmocka_unit_test(bits_past_the_mask_are_cleared),
		cmocka_unit_test(survives_every_prefix_and_every_flip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
