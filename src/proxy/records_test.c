#include "proxy/records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { RECORDS = 6 };

static const uint16_t contents[RECORDS] = {122, 1, 0, 16401, 18432, 19};

/* All of them, one behind the other; where each ends. */
static size_t stream(uint8_t *buf, size_t *ends)
{
	size_t len = 0;
	for (size_t i = 0; i < RECORDS; i++) {
		const uint8_t header[] = {(uint8_t)(20 + i % 4), 3, (uint8_t)(i ? 3 : 1),
					  (uint8_t)(contents[i] >> 8), (uint8_t)contents[i]};
		memcpy(buf + len, header, sizeof(header));
		memset(buf + len + sizeof(header), 0x17, contents[i]);
		len += sizeof(header) + contents[i];
		ends[i] = len;
	}
	return len;
}

/* Whatever is at hand at a time, and whatever of a piece is taken. */
static void no_piece_goes_on_behind_the_end_of_a_record(void **state)
{
	static uint8_t buf[65536];
	size_t ends[RECORDS], len = stream(buf, ends);
	const size_t hands[] = {1, 2, 3, 5, 6, 127, 128, 4096, 16384, sizeof(buf)};
	(void)state;
	for (size_t h = 0; h < sizeof(hands) / sizeof(*hands); h++) {
		for (size_t taken = 1; taken <= sizeof(buf); taken *= 16) {
			struct proxy_records r = {0};
			size_t at = 0, inside = 0;
			while (at < len) {
				size_t hand = hands[h] < len - at ? hands[h] : len - at;
				size_t n = proxy_records_cut(&r, span_of(buf + at, hand));
				assert_true(n > 0 && n <= hand);
				assert_true(at + n <= ends[inside]);
				/* and as much of it as there is */
				assert_true(n == hand || at + n == ends[inside] || n <= 5);
				n = n < taken ? n : taken;
				proxy_records_went(&r, span_of(buf + at, n));
				at += n;
				while (inside < RECORDS && at == ends[inside])
					inside++;
			}
			assert_int_equal(inside, RECORDS);
			assert_false(r.other);
		}
	}
}

static void a_record_goes_with_its_header(void **state)
{
	const uint8_t two[] = {22, 3, 3, 0, 2, 1, 2, 23, 3, 3, 0, 1, 9};
	struct proxy_records r = {0};
	(void)state;
	assert_int_equal(proxy_records_cut(&r, span_of(two, sizeof(two))), 7);
	proxy_records_went(&r, span_of(two, 7));
	assert_int_equal(proxy_records_cut(&r, span_of(two + 7, 6)), 6);
}

static void what_is_not_tls_is_not_cut(void **state)
{
	static const char *const others[] = {"SSH-2.0-OpenSSH_9.2\r\n", "GET / HTTP/1.1\r\n\r\n",
					     "\x16\x03\x01\xff\xff and more",
					     "\x19\x03\x03\x00\x01 more",
					     "\x16\x02\x01\x01\x01 more"};
	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		struct span all = span_of(others[i], i < 2 ? strlen(others[i]) : 9);
		struct proxy_records r = {0};
		assert_int_equal(proxy_records_cut(&r, all), all.len);
		proxy_records_went(&r, span_sub(all, 0, 7));
		assert_int_equal(proxy_records_cut(&r, all), all.len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_piece_goes_on_behind_the_end_of_a_record),
		cmocka_unit_test(a_record_goes_with_its_header),
		cmocka_unit_test(what_is_not_tls_is_not_cut),
	};
	return cmocka_run_group_tests_name("proxy_records", tests, NULL, NULL);
}
