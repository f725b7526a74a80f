#include "proto/dhcp/identity.h"

#include "base/writer.h"
#include "proto/dhcp/code.h"
#include "test/guard.h"
#include "test/hex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SPAN(text) span_of(text, sizeof(text) - 1)

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};

/* --- DUIDs --- */

static void duids_are_built_as_the_rfc_draws_them(void **state)
{
	(void)state;
	struct duid d;
	/* RFC 8415 11.2: seconds since midnight (UTC), 2000-01-01, modulo 2^32. */
	assert_int_equal(duid_time(946684800), 0);
	assert_int_equal(duid_time(946684801), 1);
	assert_int_equal(duid_make_llt(1, 0x12345678, span_of(mac, 6), &d), OK);
	assert_true(hex_is(d.bytes, d.len, "0001000112345678020000000001"));
	/* RFC 8415 11.4 */
	assert_int_equal(duid_make_ll(1, span_of(mac, 6), &d), OK);
	assert_true(hex_is(d.bytes, d.len, "00030001020000000001"));
	/* The example of RFC 8415 11.3. */
	assert_int_equal(duid_make_en(9, SPAN("\x0c\xc0\x84\xd3\x03\x00\x09\x12"), &d), OK);
	assert_true(hex_is(d.bytes, d.len, "0002000000090cc084d303000912"));
	/* RFC 6355 4 */
	uint8_t uuid[16];
	for (uint8_t i = 0; i < 16; i++)
		uuid[i] = i;
	duid_make_uuid(uuid, &d);
	assert_true(hex_is(d.bytes, d.len, "0004000102030405060708090a0b0c0d0e0f"));
	assert_int_equal(duid_check(duid_span(&d)), OK);
}

static void duids_have_bounds(void **state)
{
	(void)state;
	uint8_t big[140] = {0};
	struct duid d = {0};
	/* RFC 8415 11.1: at least 1 octet and no more than 128 behind the type. */
	assert_int_equal(duid_make_ll(1, span_of(big, 126), &d), OK);
	assert_int_equal(d.len, DUID_LEN_MAX);
	assert_int_equal(duid_make_ll(1, span_of(big, 127), &d), ERR_LIMIT);
	assert_int_equal(duid_make_llt(1, 0, span_of(big, 122), &d), OK);
	assert_int_equal(duid_make_llt(1, 0, span_of(big, 123), &d), ERR_LIMIT);
	assert_int_equal(duid_make_en(1, span_of(big, 125), &d), ERR_LIMIT);
	assert_int_equal(duid_make_en(1, (struct span){0}, &d), ERR_LIMIT);
	assert_int_equal(duid_check(span_of(big, 2)), ERR_FORMAT);
	assert_int_equal(duid_check(span_of(big, 3)), OK);
	assert_int_equal(duid_check(span_of(big, 130)), OK);
	assert_int_equal(duid_check(span_of(big, 131)), ERR_FORMAT);
	assert_int_equal(duid_from_span(span_of(big, 131), &d), ERR_FORMAT);
}

static void duids_go_to_text_and_back(void **state)
{
	(void)state;
	struct duid d, back;
	char text[DUID_TEXT_MAX];
	assert_int_equal(duid_make_ll(1, span_of(mac, 6), &d), OK);
	assert_int_equal(duid_format(duid_span(&d), text), 29);
	assert_string_equal(text, "00:03:00:01:02:00:00:00:00:01");
	assert_int_equal(duid_parse(span_text(text), &back), OK);
	assert_true(span_equal(duid_span(&d), duid_span(&back)));
	assert_int_equal(duid_parse(span_text("00030001020000000001"), &back), OK);
	assert_true(span_equal(duid_span(&d), duid_span(&back)));
	assert_int_equal(duid_parse(span_text("00-03-00-01-02-00-00-00-00-01"), &back), OK);
	assert_true(span_equal(duid_span(&d), duid_span(&back)));
	uint8_t big[DUID_LEN_MAX + 1] = {0};
	assert_int_equal(duid_format(span_of(big, DUID_LEN_MAX), text), DUID_LEN_MAX * 3 - 1);
	assert_int_equal(duid_format(span_of(big, DUID_LEN_MAX + 1), text), 0);
	static const char *const bad[] = {"",	       "0",	    "00:03",	"00:03:0",
					  "00:03-00",  "000301:02", "0g:03:00", "00::03:00",
					  ":00:03:00", "00:03:00:"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(duid_parse(span_text(bad[i]), &back), ERR_FORMAT);
}

static void a_link_address_is_found_in_llt_and_ll_alone(void **state)
{
	(void)state;
	struct duid d;
	uint16_t htype = 0;
	assert_int_equal(duid_make_llt(6, 1, span_of(mac, 6), &d), OK);
	assert_true(span_equal(duid_link_address(duid_span(&d), &htype), span_of(mac, 6)));
	assert_int_equal(htype, 6);
	assert_int_equal(duid_type(duid_span(&d)), DUID_LLT);
	assert_int_equal(duid_make_en(1, span_of(mac, 6), &d), OK);
	assert_int_equal(duid_link_address(duid_span(&d), &htype).len, 0);
	assert_int_equal(duid_link_address(SPAN("\0\1\0\1\0\0"), &htype).len, 0);
	assert_int_equal(duid_type(SPAN("\1")), 0);
}

/* --- client identifiers --- */

static const char *shown(struct span option)
{
	static char text[DHCP_CLIENT_ID_TEXT_MAX];
	struct writer w = writer_of(text, sizeof(text) - 1);
	dhcp_client_id_format(option, &w);
	assert_int_equal(writer_check(&w), OK);
	text[w.pos] = 0;
	return text;
}

static void refuses_identifiers_of_impossible_lengths(void **state)
{
	(void)state;
	struct dhcp_client_id c;
	uint8_t big[256] = {0};
	/* RFC 2132 9.14: "its minimum length is 2" */
	assert_int_equal(dhcp_client_id_read(span_of(big, 0), &c), ERR_FORMAT);
	assert_int_equal(dhcp_client_id_read(span_of(big, 1), &c), ERR_FORMAT);
	assert_int_equal(dhcp_client_id_read(span_of(big, 2), &c), OK);
	assert_int_equal(dhcp_client_id_read(span_of(big, 256), &c), ERR_FORMAT);
}

static void an_identifier_of_rfc_4361_is_255_iaid_duid(void **state)
{
	(void)state;
	uint8_t buf[64];
	struct writer w = writer_of(buf, sizeof(buf));
	struct duid d;
	struct dhcp_client_id c;
	assert_int_equal(duid_make_ll(1, span_of(mac, 6), &d), OK);
	dhcp_client_id_write_duid(&w, 7, duid_span(&d));
	/* RFC 4361 6.1: "the type of the 'client identifier' option is set to 255. The type field
	 * is immediately followed by the IAID, which is an opaque 32-bit quantity. The IAID is
	 * immediately followed by the DUID, which consumes the remaining contents of the 'client
	 * identifier' option." */
	assert_true(hex_is(buf, w.pos, "ff0000000700030001020000000001"));
	assert_int_equal(dhcp_client_id_read(writer_span(&w), &c), OK);
	assert_int_equal(c.kind, DHCP_CLIENT_ID_DUID);
	assert_int_equal(c.type, 255);
	assert_int_equal(c.iaid, 7);
	assert_true(span_equal(c.value, duid_span(&d)));
	assert_string_equal(shown(writer_span(&w)), "duid 00:03:00:01:02:00:00:00:00:01 iaid 7");
}

static void what_is_no_duid_stays_opaque(void **state)
{
	(void)state;
	struct dhcp_client_id c;
	/* RFC 2131 2: to the server the identifier is an opaque key, whatever its form. */
	assert_int_equal(dhcp_client_id_read(SPAN("\xff\0\0\0\1\0\1"), &c), OK);
	assert_int_equal(c.kind, DHCP_CLIENT_ID_OPAQUE);
	assert_string_equal(shown(SPAN("\xff\0\0\0\1\0\1")), "hex ff:00:00:00:01:00:01");
	assert_int_equal(dhcp_client_id_read(SPAN("\1short"), &c), OK);
	assert_int_equal(c.kind, DHCP_CLIENT_ID_OPAQUE);
	assert_string_equal(shown(SPAN("\0name-of-host")), "text name-of-host");
	assert_string_equal(shown(SPAN("\0na\x1bme")), "hex 00:6e:61:1b:6d:65");
	assert_string_equal(shown(SPAN("\1")), "hex 01");
}

static void hardware_identifiers_show_their_address(void **state)
{
	(void)state;
	uint8_t buf[64];
	struct writer w = writer_of(buf, sizeof(buf));
	struct dhcp_client_id c;
	dhcp_client_id_write_hardware(&w, DHCP_HTYPE_ETHERNET, span_of(mac, 6));
	assert_true(hex_is(buf, w.pos, "01020000000001"));
	assert_int_equal(dhcp_client_id_read(writer_span(&w), &c), OK);
	assert_int_equal(c.kind, DHCP_CLIENT_ID_HARDWARE);
	assert_true(span_equal(c.value, span_of(mac, 6)));
	assert_string_equal(shown(writer_span(&w)), "02:00:00:00:00:01");
	assert_string_equal(shown(SPAN("\x20\1\2\3\4\5\6\7\x08")), "32/01:02:03:04:05:06:07:08");
}

static void the_longest_identifiers_fit_their_text(void **state)
{
	(void)state;
	uint8_t big[255];
	memset(big, 255, sizeof(big));
	(void)shown(span_of(big, sizeof(big)));
	big[0] = 254;
	(void)shown(span_of(big, sizeof(big)));
	memset(big, 'x', sizeof(big));
	big[0] = 0;
	(void)shown(span_of(big, sizeof(big)));
}

static void mac_addresses_are_six_octets(void **state)
{
	(void)state;
	uint8_t got[6];
	assert_int_equal(dhcp_mac_parse(span_text("02:00:00:00:00:01"), got), OK);
	assert_memory_equal(got, mac, 6);
	assert_int_equal(dhcp_mac_parse(span_text("0A-bB-00-00-00-01"), got), OK);
	assert_true(hex_is(got, 6, "0abb00000001"));
	static const char *const bad[] = {"",
					  "02:00:00:00:00",
					  "02:00:00:00:00:01:02",
					  "020000000001",
					  "02:00:00:00:00:0g",
					  "02:00-00:00:00:01"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(dhcp_mac_parse(span_text(bad[i]), got), ERR_FORMAT);
}

/* --- every prefix, every bit --- */

static void read_all(const uint8_t *data, size_t len)
{
	struct dhcp_client_id c;
	struct duid d;
	uint16_t htype;
	char text[DUID_TEXT_MAX];
	struct span s = span_of(data, len);
	(void)shown(s);
	err_ignore(dhcp_client_id_read(s, &c));
	err_ignore(duid_from_span(s, &d));
	(void)duid_type(s);
	(void)duid_format(s, text);
	struct span address = duid_link_address(s, &htype);
	assert_true(address.len == 0 || address.data + address.len <= data + len);
}

static void survives_every_prefix_and_every_flip(void **state)
{
	(void)state;
	static const char id[] = "\xff\0\0\0\7\0\1\0\1\x12\x34\x56\x78\2\0\0\0\0\1";
	static const char llt[] = "\0\1\0\1\x12\x34\x56\x78\2\0\0\0\0\1";
	guard_every_prefix(id, sizeof(id) - 1, read_all);
	guard_every_bit_flip(id, sizeof(id) - 1, read_all);
	guard_every_prefix(llt, sizeof(llt) - 1, read_all);
	guard_every_bit_flip(llt, sizeof(llt) - 1, read_all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(duids_are_built_as_the_rfc_draws_them),
		cmocka_unit_test(duids_have_bounds),
		cmocka_unit_test(duids_go_to_text_and_back),
		cmocka_unit_test(a_link_address_is_found_in_llt_and_ll_alone),
		cmocka_unit_test(refuses_identifiers_of_impossible_lengths),
		cmocka_unit_test(an_identifier_of_rfc_4361_is_255_iaid_duid),
		cmocka_unit_test(what_is_no_duid_stays_opaque),
		cmocka_unit_test(hardware_identifiers_show_their_address),
		cmocka_unit_test(the_longest_identifiers_fit_their_text),
		cmocka_unit_test(mac_addresses_are_six_octets),
		cmocka_unit_test(survives_every_prefix_and_every_flip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
