#include "proto/ip/checksum.h"

#include "test/guard.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* RFC 1071 1 word for word: pairs of octets as numbers, carries added around. */
static uint16_t slow(const uint8_t *data, size_t len)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < len; i++) {
		sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
		if (sum > 0xffff)
			sum = (sum & 0xffff) + 1;
	}
	return (uint16_t)~sum;
}

static void gives_the_sum_of_rfc_1071(void **state)
{
	(void)state;
	/* RFC 1071 3: the sum is ddf2. */
	static const uint8_t data[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	assert_int_equal(ip_checksum(span_of(data, sizeof(data))), (uint16_t)~0xddf2);
	assert_int_equal(ip_checksum((struct span){0}), 0xffff);
}

static void agrees_with_the_slow_sum_on_guard_pages(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	for (size_t len = 0; len < 200; len++) {
		uint8_t data[200];
		test_random_fill(&r, data, len);
		if (len % 3 == 0)
			memset(data, 0xff, len);
		uint8_t *copy = guard_copy(data, len);
		assert_int_equal(ip_checksum(span_of(copy, len)), slow(data, len));
		struct guard to = guard_of(len);
		uint64_t sum = ip_sum_copy(0, to.end - len, span_of(copy, len));
		assert_int_equal(ip_sum_finish(sum), slow(data, len));
		assert_memory_equal(to.end - len, data, len);
		guard_done(&to);
		guard_free(copy, len);
	}
}

static void carries_do_not_get_lost_in_long_data(void **state)
{
	(void)state;
	static uint8_t data[65535];
	memset(data, 0xff, sizeof(data));
	assert_int_equal(ip_checksum(span_of(data, sizeof(data))), slow(data, sizeof(data)));
}

static void stretches_sum_as_one(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	uint8_t data[64];
	test_random_fill(&r, data, sizeof(data));
	for (size_t cut = 0; cut <= sizeof(data); cut += 2) {
		uint64_t sum = ip_sum_add(0, span_of(data, cut));
		sum = ip_sum_add(sum, span_of(data + cut, sizeof(data) - cut));
		assert_int_equal(ip_sum_finish(sum), slow(data, sizeof(data)));
	}
	uint64_t sum = ip_sum_add_u16(ip_sum_add_u32(0, 0x01020304), 0x0506);
	static const uint8_t same[] = {1, 2, 3, 4, 5, 6};
	assert_int_equal(ip_sum_finish(sum), slow(same, sizeof(same)));
}

/* The pseudo-header written out, as RFC 8200 8.1 and RFC 768 draw it. */
static void pseudo_headers_are_those_of_the_rfcs(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	uint8_t a[16], b[16], drawn[40] = {0};
	test_random_fill(&r, a, sizeof(a));
	test_random_fill(&r, b, sizeof(b));
	memcpy(drawn, a, 16);
	memcpy(drawn + 16, b, 16);
	drawn[33] = 1; /* length 0x010203 */
	drawn[34] = 2;
	drawn[35] = 3;
	drawn[39] = 58;
	uint64_t sum = ip_sum_pseudo(span_of(a, 16), span_of(b, 16), 58, 0x010203);
	assert_int_equal(ip_sum_finish(sum), slow(drawn, sizeof(drawn)));
	uint8_t drawn4[12] = {0};
	memcpy(drawn4, a, 4);
	memcpy(drawn4 + 4, b, 4);
	drawn4[9] = 17;
	drawn4[11] = 99;
	sum = ip_sum_pseudo(span_of(a, 4), span_of(b, 4), 17, 99);
	assert_int_equal(ip_sum_finish(sum), slow(drawn4, sizeof(drawn4)));
}

static void a_checksum_in_its_place_makes_zero(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	for (int i = 0; i < 100; i++) {
		uint8_t data[40];
		test_random_fill(&r, data, sizeof(data));
		data[10] = data[11] = 0;
		uint16_t sum = ip_checksum(span_of(data, sizeof(data)));
		data[10] = (uint8_t)(sum >> 8);
		data[11] = (uint8_t)sum;
		assert_int_equal(ip_checksum(span_of(data, sizeof(data))), 0);
		data[20] ^= 1;
		assert_int_not_equal(ip_checksum(span_of(data, sizeof(data))), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_sum_of_rfc_1071),
		cmocka_unit_test(agrees_with_the_slow_sum_on_guard_pages),
		cmocka_unit_test(carries_do_not_get_lost_in_long_data),
		cmocka_unit_test(stretches_sum_as_one),
		cmocka_unit_test(pseudo_headers_are_those_of_the_rfcs),
		cmocka_unit_test(a_checksum_in_its_place_makes_zero),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
