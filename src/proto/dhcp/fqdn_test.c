#include "proto/dhcp/fqdn.h"

#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SPAN(text) span_of(text, sizeof(text) - 1)

static struct dhcp_fqdn f;

static const char *name_of(void)
{
	static char text[DNS_NAME_TEXT_MAX];
	return dns_name_format(&f.name, text);
}

static void refuses_torn_options(void **state)
{
	(void)state;
	assert_int_equal(dhcp_fqdn_read(SPAN(""), &f), ERR_FORMAT);
	assert_int_equal(dhcp_fqdn_read(SPAN("\4\0"), &f), ERR_FORMAT);
	assert_int_equal(dhcp_fqdn_read(SPAN("\4\0\0\5host"), &f), ERR_FORMAT);
	assert_int_equal(dhcp_fqdn_read(SPAN("\4\0\0\4host\xc0\0"), &f),
			 ERR_FORMAT); /* a pointer */
	assert_int_equal(dhcp_fqdn_read(SPAN("\4\0\0\4host\0junk"), &f), ERR_FORMAT);
	assert_int_equal(dhcp_fqdn_read(SPAN("\0\0\0ho..st"), &f), ERR_FORMAT);
	assert_int_equal(dhcp_fqdn_read(SPAN("\0\0\0h\\072"), &f), ERR_FORMAT);
}

static void refuses_a_client_that_wants_both(void **state)
{
	(void)state;
	/* RFC 4702 2.1: "If the "N" bit is 1, the "S" bit MUST be 0." */
	assert_int_equal(dhcp_fqdn_read(SPAN("\x0d\0\0\4host\0"), &f), ERR_FORMAT);
	assert_int_equal(dhcp_fqdn_read(SPAN("\x0c\0\0\4host\0"), &f), OK);
	assert_int_equal(dhcp_fqdn_read(SPAN("\x05\0\0\4host\0"), &f), OK);
}

static void reads_names_in_wire_form(void **state)
{
	(void)state;
	assert_int_equal(dhcp_fqdn_read(SPAN("\5\xff\xff\4HOST\7example\0"), &f), OK);
	assert_int_equal(f.flags, DHCP_FQDN_S | DHCP_FQDN_E);
	assert_false(f.partial);
	assert_string_equal(name_of(), "host.example.");
	/* RFC 4702 2.3.1: a partial name does not end in a root label. */
	assert_int_equal(dhcp_fqdn_read(SPAN("\4\0\0\4host"), &f), OK);
	assert_true(f.partial);
	assert_string_equal(name_of(), "host.");
	/* No name at all: the client wants one. */
	assert_int_equal(dhcp_fqdn_read(SPAN("\4\0\0"), &f), OK);
	assert_true(f.partial);
	assert_true(dns_name_is_root(&f.name));
}

static void reads_names_in_ascii(void **state)
{
	(void)state;
	assert_int_equal(dhcp_fqdn_read(SPAN("\0\0\0Host.Example."), &f), OK);
	assert_false(f.partial);
	assert_string_equal(name_of(), "host.example.");
	assert_int_equal(dhcp_fqdn_read(SPAN("\1\0\0host"), &f), OK);
	assert_true(f.partial);
	assert_string_equal(name_of(), "host.");
	assert_int_equal(dhcp_fqdn_read(SPAN("\0\0\0host\0"), &f), OK);
	assert_string_equal(name_of(), "host.");
	assert_int_equal(dhcp_fqdn_read(SPAN("\0\0\0"), &f), OK);
	assert_true(f.partial && dns_name_is_root(&f.name));
}

static void flags_that_nobody_defined_are_dropped(void **state)
{
	(void)state;
	/* RFC 4702 2.1: clients and servers "MUST clear the MBZ bits, and they MUST ignore these
	 * bits" */
	assert_int_equal(dhcp_fqdn_read(SPAN("\xf6\0\0\4host\0"), &f), OK);
	assert_int_equal(f.flags, DHCP_FQDN_O | DHCP_FQDN_E);
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	static const uint8_t flags[] = {0, DHCP_FQDN_E, DHCP_FQDN_S | DHCP_FQDN_O | DHCP_FQDN_E,
					DHCP_FQDN_N | DHCP_FQDN_O};
	for (size_t i = 0; i < sizeof(flags); i++) {
		for (int partial = 0; partial < 2; partial++) {
			uint8_t buf[100];
			struct writer w = writer_of(buf, sizeof(buf));
			struct dhcp_fqdn out = {
				.flags = flags[i], .rcode = DHCP_FQDN_RCODE, .partial = partial};
			assert_int_equal(
				dns_name_from_text(span_text("host.example."), NULL, &out.name),
				OK);
			dhcp_fqdn_write(&w, &out);
			assert_int_equal(buf[0], flags[i]);
			/* RFC 4702 2.2: what a server sends there. */
			assert_int_equal(buf[1], 255);
			assert_int_equal(buf[2], 255);
			assert_int_equal(dhcp_fqdn_read(writer_span(&w), &f), OK);
			assert_int_equal(f.flags, out.flags);
			assert_int_equal(f.partial, out.partial);
			assert_true(dns_name_equal(&f.name, &out.name));
		}
	}
}

static void read_all(const uint8_t *data, size_t len)
{
	if (dhcp_fqdn_read(span_of(data, len), &f) == OK)
		assert_int_equal(dns_name_wire_len(dns_name_span(&f.name)), f.name.len);
}

static void survives_every_prefix_and_every_flip(void **state)
{
	(void)state;
	static const char wire[] = "\5\0\0\4host\7example\0";
	static const char ascii[] = "\1\0\0host.example.";
	guard_every_prefix(wire, sizeof(wire) - 1, read_all);
	guard_every_bit_flip(wire, sizeof(wire) - 1, read_all);
	guard_every_prefix(ascii, sizeof(ascii) - 1, read_all);
	guard_every_bit_flip(ascii, sizeof(ascii) - 1, read_all);
	/* Labels up to the brim, with and without a root. */
	uint8_t longest[3 + 255] = {4};
	for (size_t at = 3; at + 1 < sizeof(longest); at += 2) {
		longest[at] = 1;
		longest[at + 1] = 'x';
	}
	assert_int_equal(dhcp_fqdn_read(span_of(longest, 3 + 255), &f), OK);
	assert_false(f.partial);
	assert_int_equal(dhcp_fqdn_read(span_of(longest, 3 + 254), &f), OK);
	assert_true(f.partial);
	assert_int_equal(f.name.len, 255);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_torn_options),
		cmocka_unit_test(refuses_a_client_that_wants_both),
		cmocka_unit_test(reads_names_in_wire_form),
		cmocka_unit_test(reads_names_in_ascii),
		cmocka_unit_test(flags_that_nobody_defined_are_dropped),
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(survives_every_prefix_and_every_flip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
