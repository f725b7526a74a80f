#include "base/siphash.h"

#include "test/guard.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct vector {
	size_t len;
	uint64_t hash;
};

/* Key 00 01 … 0f, data 00 01 … len - 1: the authors' reference vectors (vectors_sip64); that of 15
 * bytes is also appendix A of the paper. */
static const struct vector sip24[] = {
	{0, 0x726fdb47dd0e0e31},  {1, 0x74f839c593dc67fd},  {2, 0x0d6c8009d9a94f5a},
	{3, 0x85676696d7fb7e2d},  {4, 0xcf2794e0277187b7},  {5, 0x18765564cd99a68d},
	{6, 0xcbc9466e58fee3ce},  {7, 0xab0200f58b01d137},  {8, 0x93f5f5799a932462},
	{9, 0x9e0082df0ba9e4b0},  {10, 0x7a5dbbc594ddb9f3}, {11, 0xf4b32f46226bada7},
	{12, 0x751e8fbc860ee5fb}, {13, 0x14ea5627c0843d90}, {14, 0xf723ca908e7af2ee},
	{15, 0xa129ca6149be45e5}, {16, 0x3f2acc7f57c29bdb}, {17, 0x699ae9f52cbe4794},
	{31, 0x32d892fad841c342}, {63, 0x958a324ceb064572},
};

/* The same with `openssl mac -macopt c-rounds:1 -macopt d-rounds:3 -macopt size:8 SIPHASH`. */
static const struct vector sip13[] = {
	{0, 0xabac0158050fc4dc},  {1, 0xc9f49bf37d57ca93},  {2, 0x82cb9b024dc7d44d},
	{3, 0x8bf80ab8e7ddf7fb},  {4, 0xcf75576088d38328},  {5, 0xdef9d52f49533b67},
	{6, 0xc50d2b50c59f22a7},  {7, 0xd3927d989bb11140},  {8, 0x369095118d299a8e},
	{9, 0x25a48eb36c063de4},  {10, 0x79de85ee92ff097f}, {11, 0x70c118c1f94dc352},
	{12, 0x78a384b157b4d9a2}, {13, 0x306f760c1229ffa7}, {14, 0x605aa111c0f95d34},
	{15, 0xd320d86d2a519956}, {16, 0xcc4fdd1a7d908b66}, {17, 0x9cf2689063dbd80c},
	{31, 0x2370dd1f8c21d1bc}, {63, 0x9d199062b7bbb3a8},
};

static void check(const struct vector *vectors, size_t n,
		  uint64_t (*hash)(const uint8_t *, const void *, size_t))
{
	uint8_t key[16], data[64];
	for (uint8_t i = 0; i < 64; i++) {
		data[i] = i;
		if (i < 16)
			key[i] = i;
	}
	for (size_t i = 0; i < n; i++) {
		uint8_t *copy = guard_copy(data, vectors[i].len);
		assert_true(hash(key, copy, vectors[i].len) == vectors[i].hash);
		guard_free(copy, vectors[i].len);
	}
}

static void gives_the_published_hashes(void **state)
{
	(void)state;
	check(sip24, sizeof(sip24) / sizeof(sip24[0]), siphash24);
	check(sip13, sizeof(sip13) / sizeof(sip13[0]), siphash13);
	assert_true(siphash13((const uint8_t *)"0123456789abcdef", NULL, 0) ==
		    siphash13((const uint8_t *)"0123456789abcdef", "", 0));
}

static void makes_the_server_cookie_of_rfc_9018(void **state)
{
	(void)state;
	/* RFC 9018 appendix A.1: client cookie, version, reserved, timestamp, 198.51.100.100. */
	static const uint8_t secret[16] = {0xe5, 0xe9, 0x73, 0xe5, 0xa6, 0xb2, 0xa4, 0x3f,
					   0x48, 0xe7, 0xdc, 0x84, 0x9e, 0x37, 0xbf, 0xcf};
	static const uint8_t input[20] = {0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9,
					  0x57, 0x01, 0x00, 0x00, 0x00, 0x5c, 0xf7,
					  0x9f, 0x11, 198,  51,	  100,	100};
	static const uint8_t output[8] = {0x1f, 0x81, 0x30, 0xc3, 0xee, 0xe2, 0x94, 0x80};
	uint64_t hash = siphash24(secret, input, sizeof(input));
	for (size_t i = 0; i < 8; i++)
		assert_int_equal((uint8_t)(hash >> 8 * i), output[i]);
}

static void depends_on_every_bit_of_key_and_data(void **state)
{
	(void)state;
	struct test_random random = test_random_begin();
	uint8_t bytes[16 + 21];
	test_random_fill(&random, bytes, sizeof(bytes));
	uint64_t h24 = siphash24(bytes, bytes + 16, 21), h13 = siphash13(bytes, bytes + 16, 21);
	for (size_t bit = 0; bit < sizeof(bytes) * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_true(siphash24(bytes, bytes + 16, 21) != h24);
		assert_true(siphash13(bytes, bytes + 16, 21) != h13);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void means_the_same_key_in_bytes_and_in_words(void **state)
{
	(void)state;
	struct test_random random = test_random_begin();
	for (int i = 0; i < 100; i++) {
		uint8_t key[16], data[40];
		size_t len = test_random_below(&random, sizeof(data));
		test_random_fill(&random, key, sizeof(key));
		test_random_fill(&random, data, sizeof(data));
		assert_true(siphash13(key, data, len) == siphash13_of(hash_key_of(key), data, len));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_the_published_hashes),
		cmocka_unit_test(makes_the_server_cookie_of_rfc_9018),
		cmocka_unit_test(depends_on_every_bit_of_key_and_data),
		cmocka_unit_test(means_the_same_key_in_bytes_and_in_words),
	};
	return cmocka_run_group_tests_name("base_siphash", tests, NULL, NULL);
}
