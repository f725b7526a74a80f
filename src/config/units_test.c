#include "config/units.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void refuses_durations_without_order_unit_or_number(void **state)
{
	(void)state;
	static const char *const bad[] = {"",	  "1",	   "00",    "h",    "1h1d",
					  "1h1h", "1.5h",  "-1s",   "+1s",  "1 h",
					  "1H",	  "1hour", "1ms1s", "0x1s", "1h ",
					  " 1h",  "h1",	   "1d,1h", "ms",   "1\xc2\xb5s"};
	uint64_t ms = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(config_duration_parse(span_text(bad[i]), &ms), ERR_FORMAT);
		assert_int_equal(ms, 7);
	}
}

static void refuses_durations_past_64_bits(void **state)
{
	(void)state;
	uint64_t ms = 7;
	assert_int_equal(config_duration_parse(span_text("18446744073709551615s"), &ms), ERR_LIMIT);
	assert_int_equal(config_duration_parse(span_text("99999999999999999999ms"), &ms),
			 ERR_LIMIT);
	assert_int_equal(config_duration_parse(span_text("30500568904w52w"), &ms), ERR_FORMAT);
	assert_int_equal(config_duration_parse(span_text("30500568904w7d"), &ms), ERR_LIMIT);
	assert_int_equal(ms, 7);
}

static void reads_durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t ms;
	} good[] = {
		{"0", 0},	  {"0s", 0},	     {"500ms", 500},
		{"1s", 1000},	  {"12h", 43200000}, {"1d12h", 129600000},
		{"1m", 60000},	  {"1w", 604800000}, {"1w1d1h1m1s1ms", 694861001},
		{"90m", 5400000}, {"1h0m", 3600000}, {"18446744073709551615ms", UINT64_MAX},
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		uint64_t ms = 7;
		assert_int_equal(config_duration_parse(span_text(good[i].text), &ms), OK);
		assert_int_equal(ms, good[i].ms);
	}
}

static void refuses_sizes_with_units_of_1000_or_none(void **state)
{
	(void)state;
	static const char *const bad[] = {"",	  "M",	 "1MB",	 "1kB",	  "1k", "1m",
					  "1.5M", "-1",	 "1 M",	 "1MiBx", "1P", "0x10",
					  "1KM",  "1iB", "1M1K", "K1"};
	uint64_t n = 7;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(config_size_parse(span_text(bad[i]), &n), ERR_FORMAT);
		assert_int_equal(n, 7);
	}
	assert_int_equal(config_size_parse(span_text("16777216T"), &n), ERR_LIMIT);
	assert_int_equal(config_size_parse(span_text("18446744073709551616"), &n), ERR_LIMIT);
	assert_int_equal(n, 7);
}

static void reads_sizes(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t octets;
	} good[] = {
		{"0", 0},
		{"4096", 4096},
		{"64K", 65536},
		{"64KiB", 65536},
		{"64M", 67108864},
		{"1GiB", 1073741824},
		{"2T", UINT64_C(2199023255552)},
		{"16777215TiB", UINT64_MAX - (UINT64_C(1) << 40) + 1},
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		uint64_t n = 7;
		assert_int_equal(config_size_parse(span_text(good[i].text), &n), OK);
		assert_int_equal(n, good[i].octets);
	}
}

static void formats_what_reads_back(void **state)
{
	(void)state;
	char text[CONFIG_UNITS_TEXT_MAX];
	assert_string_equal(config_duration_format(0, text), "0");
	assert_string_equal(config_duration_format(129600500, text), "1d12h500ms");
	assert_string_equal(config_size_format(0, text), "0");
	assert_string_equal(config_size_format(67108864, text), "64M");
	assert_string_equal(config_size_format(1025, text), "1025");
	uint64_t back, n = 1;
	for (unsigned i = 0; i < 64; i++, n = n * 2 + (i % 3 == 0)) {
		(void)config_duration_format(n, text);
		assert_int_equal(config_duration_parse(span_text(text), &back), OK);
		assert_int_equal(back, n);
		(void)config_size_format(n, text);
		assert_int_equal(config_size_parse(span_text(text), &back), OK);
		assert_int_equal(back, n);
	}
	(void)config_duration_format(UINT64_MAX, text);
	assert_int_equal(config_duration_parse(span_text(text), &back), OK);
	assert_int_equal(back, UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_durations_without_order_unit_or_number),
		cmocka_unit_test(refuses_durations_past_64_bits),
		cmocka_unit_test(reads_durations),
		cmocka_unit_test(refuses_sizes_with_units_of_1000_or_none),
		cmocka_unit_test(reads_sizes),
		cmocka_unit_test(formats_what_reads_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
