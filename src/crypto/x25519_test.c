#include "crypto/x25519.h"

#include "test/hex.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void key_of(const char *hex, uint8_t ret[CRYPTO_X25519_LEN])
{
	assert_int_equal(hex_read(hex, ret, CRYPTO_X25519_LEN), CRYPTO_X25519_LEN);
}

/* Points of small order, little-endian: who sends one of these knows the secret without a key (RFC
 * 7748 6.1). */
static void refuses_points_of_small_order(void **state)
{
	(void)state;
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	};
	uint8_t private[CRYPTO_X25519_LEN], point[CRYPTO_X25519_LEN];
	uint8_t got[CRYPTO_X25519_LEN] = {7}, before[CRYPTO_X25519_LEN] = {7};
	key_of("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", private);
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++) {
		key_of(points[i], point);
		assert_int_equal(crypto_x25519(private, point, got), ERR_REFUSED);
		assert_memory_equal(got, before, sizeof(got));
	}
}

/* RFC 7748 5.2 */
static void multiplies_as_rfc_7748_does(void **state)
{
	(void)state;
	static const struct {
		const char *scalar, *point, *product;
	} vectors[] = {
		{"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
		 "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
		 "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
		{"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
		 "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
		 "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"},
	};
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		uint8_t scalar[CRYPTO_X25519_LEN], point[CRYPTO_X25519_LEN];
		key_of(vectors[i].scalar, scalar);
		key_of(vectors[i].point, point);
		assert_int_equal(crypto_x25519(scalar, point, point), OK);
		assert_true(hex_is(point, sizeof(point), vectors[i].product));
	}
}

/* RFC 7748 5.2: k and u are both 9 at first; then k is the last result and u the last k. */
static void multiplies_a_thousand_times_in_turn(void **state)
{
	(void)state;
	uint8_t k[CRYPTO_X25519_LEN] = {9}, u[CRYPTO_X25519_LEN] = {9}, got[CRYPTO_X25519_LEN];
	crypto_x25519_public(k, got);
	assert_true(hex_is(got, sizeof(got),
			   "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"));
	for (size_t i = 0; i < 1000; i++) {
		assert_int_equal(crypto_x25519(k, u, got), OK);
		memcpy(u, k, sizeof(u));
		memcpy(k, got, sizeof(k));
	}
	assert_true(hex_is(k, sizeof(k),
			   "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"));
}

static void both_agree_and_a_clamped_key_is_the_same_key(void **state)
{
	(void)state;
	uint8_t a[CRYPTO_X25519_LEN], b[CRYPTO_X25519_LEN], clamped[CRYPTO_X25519_LEN];
	uint8_t public_a[CRYPTO_X25519_LEN], public_b[CRYPTO_X25519_LEN];
	uint8_t of_a[CRYPTO_X25519_LEN], of_b[CRYPTO_X25519_LEN];
	memset(a, 0xff, sizeof(a));
	memset(b, 0x01, sizeof(b));
	memcpy(clamped, a, sizeof(a));
	crypto_x25519_clamp(clamped);
	assert_int_equal(clamped[0], 0xf8);
	assert_int_equal(clamped[31], 0x7f);
	crypto_x25519_public(a, public_a);
	crypto_x25519_public(clamped, of_a);
	assert_memory_equal(public_a, of_a, sizeof(of_a));
	crypto_x25519_public(b, public_b);
	assert_int_equal(crypto_x25519(a, public_b, of_a), OK);
	assert_int_equal(crypto_x25519(b, public_a, of_b), OK);
	assert_memory_equal(of_a, of_b, sizeof(of_a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_points_of_small_order),
		cmocka_unit_test(multiplies_as_rfc_7748_does),
		cmocka_unit_test(multiplies_a_thousand_times_in_turn),
		cmocka_unit_test(both_agree_and_a_clamped_key_is_the_same_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
