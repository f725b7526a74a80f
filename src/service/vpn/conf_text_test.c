#include "service/vpn/conf_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

static void device_addresses_keep_their_host_bits(void **state)
{
	struct vpn_device_address a;
	(void)state;
	assert_int_equal(vpn_text_device_address(span_text("10.9.0.1/24"), &a), OK);
	assert_int_equal(a.bits, 24);
	assert_int_equal(a.address.bytes[3], 1);
	assert_int_equal(vpn_text_device_address(span_text("fd00:9::1/64"), &a), OK);
	assert_int_equal(a.bits, 64);
	assert_int_equal(vpn_text_device_address(span_text("10.9.0.1"), &a), OK);
	assert_int_equal(a.bits, 32);
	static const char *const bad[] = {"",
					  "/24",
					  "10.9.0.1/",
					  "10.9.0.1/33",
					  "10.9.0.1/0",
					  "10.9.0.1/-1",
					  "10.9.0/24",
					  "fd00::/129",
					  "10.9.0.1/24/24"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(vpn_text_device_address(span_text(bad[i]), &a), ERR_FORMAT);
}

/* As `date -u -d TEXT +%s` says. */
static void dates_are_seconds_of_utc(void **state)
{
	static const struct {
		const char *text;
		int64_t s;
	} right[] = {
		{"1970-01-01", 0},
		{"2000-02-29", 951782400},
		{"2027-12-31", 1830211200},
		{"2027-12-31T18:00", 1830276000},
		{"2027-12-31T18:00Z", 1830276000},
		{"2027-12-31T23:59:59Z", 1830297599},
		{"2100-03-01", 4107542400},
		{"9999-12-31T23:59:59", 253402300799},
	};
	static const char *const bad[] = {"",
					  "2027",
					  "2027-1-1",
					  "2027-13-01",
					  "2027-00-01",
					  "2027-02-29",
					  "2100-02-29",
					  "2027-04-31",
					  "2027-12-31T",
					  "2027-12-31T24:00",
					  "1969-12-31",
					  "2027-12-31Z",
					  "2027-12-31T18",
					  "2027-12-31 18:00",
					  "2027/12/31",
					  "2027-12-32",
					  "2027-12-00",
					  "2027-12-31T18:60",
					  "2027-12-31T18:00:60",
					  "2027-12-31T18:00+01:00"};
	int64_t s;
	(void)state;
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		assert_int_equal(vpn_text_date(span_text(right[i].text), &s), OK);
		assert_int_equal(s, right[i].s);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(vpn_text_date(span_text(bad[i]), &s), ERR_FORMAT);
}

static void dates_written_are_read_again(void **state)
{
	char text[VPN_TEXT_DATE_MAX];
	int64_t again;
	(void)state;
	for (int64_t s = 0; s < 253402300799; s += 86399 * 1009) {
		vpn_text_date_format(s, text);
		assert_int_equal(vpn_text_date(span_text(text), &again), OK);
		assert_int_equal(again, s);
	}
	vpn_text_date_format(1830297599, text);
	assert_string_equal(text, "2027-12-31T23:59:59Z");
}

static void rates_have_a_unit(void **state)
{
	uint64_t bits;
	(void)state;
	assert_int_equal(vpn_text_rate(span_text("20Mbit"), &bits), OK);
	assert_int_equal(bits, 20000000);
	assert_int_equal(vpn_text_rate(span_text("8kbit"), &bits), OK);
	assert_int_equal(bits, 8000);
	assert_int_equal(vpn_text_rate(span_text("1000Gbit"), &bits), OK);
	assert_int_equal(bits, 1000000000000);
	static const char *const bad[] = {"",	    "20",	"Mbit",	   "7kbit",
					  "0Mbit",  "1001Gbit", "1.5Mbit", "-1Mbit",
					  "20mbit", "20 Mbit",	"20Mbits"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(vpn_text_rate(span_text(bad[i]), &bits), ERR_FORMAT);
}

static void remotes_are_addresses_or_names(void **state)
{
	struct vpn_remote r;
	char name[DNS_NAME_TEXT_MAX];
	(void)state;
	assert_int_equal(vpn_text_remote(span_text("192.0.2.1:51820"), &r), OK);
	assert_int_equal(r.at.address.family, 4);
	assert_int_equal(r.at.port, 51820);
	assert_int_equal(r.name.len, 0);
	assert_int_equal(vpn_text_remote(span_text("[2001:db8::1]:1"), &r), OK);
	assert_int_equal(r.at.address.family, 6);
	assert_int_equal(vpn_text_remote(span_text("Vpn2.example.org:443"), &r), OK);
	assert_int_equal(r.at.address.family, 0);
	assert_int_equal(r.at.port, 443);
	(void)dns_name_format(&r.name, name);
	assert_string_equal(name, "vpn2.example.org.");
	assert_int_equal(vpn_text_remote(span_text("gw2:443"), &r), OK);
	static const char *const bad[] = {"",
					  "192.0.2.1",
					  "vpn.example.org",
					  "vpn.example.org:",
					  ":51820",
					  "a:0",
					  "a:65536",
					  "192.0.2.300:1",
					  "2001:db8::1:1",
					  "[2001:db8::1]",
					  "[vpn.example]:1",
					  "a..b:1",
					  ".:1",
					  "vpn.example:http"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (vpn_text_remote(span_text(bad[i]), &r) != ERR_FORMAT)
			fail_msg("%s", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(device_addresses_keep_their_host_bits),
		cmocka_unit_test(dates_are_seconds_of_utc),
		cmocka_unit_test(dates_written_are_read_again),
		cmocka_unit_test(rates_have_a_unit),
		cmocka_unit_test(remotes_are_addresses_or_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
