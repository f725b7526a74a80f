#include "crypto/aead.h"

#include "test/guard.h"
#include "test/hex.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { TEXT_MAX = 1600 };
static const struct span none;
static uint8_t text[TEXT_MAX], key[CRYPTO_AEAD_KEY_LEN];

/* RFC 8439 A.5: 265 bytes, a nonce whose first four are zero. */
static const char rfc_text[] =
	"Internet-Drafts are draft documents valid for a maximum of six months and may be updated, "
	"replaced, or obsoleted by other documents at any time. It is inappropriate to use "
	"Internet-Drafts as reference material or to cite them other than as "
	"/\xe2\x80\x9cwork in progress./\xe2\x80\x9d";
static const char rfc_key[] = "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0";
static const char rfc_associated[] = "f33388860000000000004e91";
static const uint64_t rfc_counter = 0x0807060504030201;
static const char rfc_sealed[] =
	"64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb24c6cfc18755d43eea09ee94e38"
	"2d26b0bdb7b73c321b0100d4f03b7f355894cf332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f9"
	"82b1ff37c8559797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4b9166c767b804d"
	"46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523eaf4534d7f83fa1155b0047718cbc546a0d072b04"
	"b3564eea1b422273f548271a0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a1049"
	"e617d91d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29a6ad5cb4022b02709b"
	"eead9d67890cbb22392336fea1851f38";

static void seals_and_opens_the_text_of_rfc_8439(void **state)
{
	(void)state;
	uint8_t k[CRYPTO_AEAD_KEY_LEN], associated[12], sealed[300], opened[300];
	size_t len = sizeof(rfc_text) - 1;
	assert_int_equal(hex_read(rfc_key, k, sizeof(k)), sizeof(k));
	assert_int_equal(hex_read(rfc_associated, associated, sizeof(associated)), 12);
	crypto_aead_seal_once(k, rfc_counter, span_of(associated, 12), span_of(rfc_text, len),
			      sealed);
	assert_true(hex_is(sealed, len + CRYPTO_AEAD_TAG_LEN, rfc_sealed));
	assert_true(crypto_aead_open_once(k, rfc_counter, span_of(associated, 12),
					  span_of(sealed, len + CRYPTO_AEAD_TAG_LEN), opened));
	assert_memory_equal(opened, rfc_text, len);
	assert_false(crypto_aead_open_once(k, rfc_counter, span_of(associated, 11),
					   span_of(sealed, len + CRYPTO_AEAD_TAG_LEN), opened));
}

/* draft-irtf-cfrg-xchacha-03 A.3.1 */
static void seals_and_opens_the_text_of_the_xchacha_draft(void **state)
{
	(void)state;
	static const char lines[] =
		"Ladies and Gentlemen of the class of '99: If I could offer you "
		"only one tip for the future, sunscreen would be it.";
	uint8_t k[CRYPTO_AEAD_KEY_LEN], nonce[CRYPTO_XAEAD_NONCE_LEN], associated[12];
	uint8_t sealed[200] = {0}, opened[200];
	struct span all = span_of(sealed, sizeof(lines) - 1 + CRYPTO_AEAD_TAG_LEN);
	for (size_t i = 0; i < sizeof(k); i++)
		k[i] = (uint8_t)(0x80 + i);
	for (size_t i = 0; i < sizeof(nonce); i++)
		nonce[i] = (uint8_t)(0x40 + i);
	assert_int_equal(hex_read("50515253c0c1c2c3c4c5c6c7", associated, 12), 12);
	crypto_xaead_seal(k, nonce, span_of(associated, 12), span_text(lines), sealed);
	assert_true(hex_is(sealed, all.len,
			   "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
			   "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
			   "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
			   "21f9664c97637da9768812f615c68b13b52e"
			   "c0875924c1c7987947deafd8780acf49"));
	assert_true(crypto_xaead_open(k, nonce, span_of(associated, 12), all, opened));
	assert_memory_equal(opened, lines, sizeof(lines) - 1);
	nonce[0] ^= 1;
	assert_false(crypto_xaead_open(k, nonce, span_of(associated, 12), all, opened));
	assert_false(crypto_xaead_open(k, nonce, none, span_of(sealed, 15), opened));
}

static struct crypto_aead opener;

static void is_refused(const uint8_t *data, size_t len)
{
	uint8_t opened[200], once[200];
	assert_false(crypto_aead_open(&opener, 7, span_of(data, len), opened));
	assert_false(crypto_aead_open_once(key, 7, none, span_of(data, len), once));
}

static void every_prefix_but_all(const uint8_t *data, size_t len)
{
	if (len < 100 + CRYPTO_AEAD_TAG_LEN)
		is_refused(data, len);
}

static void refuses_every_prefix_bit_flip_and_other_counter(void **state)
{
	(void)state;
	uint8_t sealed[100 + CRYPTO_AEAD_TAG_LEN], opened[100];
	crypto_aead_seal_once(key, 7, none, span_of(text, 100), sealed);
	assert_int_equal(crypto_aead_init(&opener, CRYPTO_AEAD_OPEN, key), OK);
	guard_every_prefix(sealed, sizeof(sealed), every_prefix_but_all);
	guard_every_bit_flip(sealed, sizeof(sealed), is_refused);
	assert_false(crypto_aead_open(&opener, 8, span_of(sealed, sizeof(sealed)), opened));
	/* What was refused leaves nothing behind. */
	assert_true(crypto_aead_open(&opener, 7, span_of(sealed, sizeof(sealed)), opened));
	assert_memory_equal(opened, text, 100);
	crypto_aead_done(&opener);
}

typedef enum err init_call(struct crypto_aead *a, enum crypto_aead_use use,
			   const uint8_t key[CRYPTO_AEAD_KEY_LEN]);

static void says_the_same_for_every_length_in_place(init_call *init)
{
	struct crypto_aead sealer = {0};
	assert_int_equal(init(&sealer, CRYPTO_AEAD_SEAL, key), OK);
	assert_int_equal(init(&opener, CRYPTO_AEAD_OPEN, key), OK);
	for (size_t len = 0; len <= TEXT_MAX; len++) {
		size_t all = len + CRYPTO_AEAD_TAG_LEN;
		uint8_t once[TEXT_MAX + CRYPTO_AEAD_TAG_LEN];
		uint8_t *at = guard_copy(NULL, 0) - all; /* the tag ends at the guard page */
		uint64_t counter = len * 0x0101010101010101;
		if (len)
			memcpy(at, text, len);
		crypto_aead_seal(&sealer, counter, span_of(at, len), at);
		crypto_aead_seal_once(key, counter, none, span_of(text, len), once);
		assert_memory_equal(at, once, all);
		assert_true(crypto_aead_open_once(key, counter, none, span_of(once, all), once));
		assert_true(crypto_aead_open(&opener, counter, span_of(at, all), at));
		if (len) {
			assert_memory_equal(at, text, len);
			assert_memory_equal(once, text, len);
		}
		guard_free(at + all, 0);
	}
	crypto_aead_done(&sealer);
	crypto_aead_done(&opener);
}

static void both_libraries_say_the_same_for_every_length_in_place(void **state)
{
	(void)state;
	says_the_same_for_every_length_in_place(crypto_aead_init);
	says_the_same_for_every_length_in_place(crypto_aead_init_library);
}

static void takes_another_key(init_call *init)
{
	uint8_t other[CRYPTO_AEAD_KEY_LEN] = {1}, sealed[64 + CRYPTO_AEAD_TAG_LEN], opened[64];
	struct crypto_aead a = {0};
	crypto_aead_seal_once(other, 0, none, span_of(text, 64), sealed);
	assert_int_equal(init(&a, CRYPTO_AEAD_SEAL, key), OK);
	const void *cipher = a.cipher;
	assert_int_equal(init(&a, CRYPTO_AEAD_OPEN, other), OK);
	assert_ptr_equal(a.cipher, cipher);
	assert_true(crypto_aead_open(&a, 0, span_of(sealed, sizeof(sealed)), opened));
	assert_memory_equal(opened, text, 64);
	crypto_aead_done(&a);
	crypto_aead_done(&a);
	crypto_aead_done(NULL);
}

static void both_take_another_key(void **state)
{
	(void)state;
	takes_another_key(crypto_aead_init);
	takes_another_key(crypto_aead_init_library);
}

int main(void)
{
	struct test_random rng = test_random_begin();
	test_random_fill(&rng, text, sizeof(text));
	test_random_fill(&rng, key, sizeof(key));
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seals_and_opens_the_text_of_rfc_8439),
		cmocka_unit_test(seals_and_opens_the_text_of_the_xchacha_draft),
		cmocka_unit_test(refuses_every_prefix_bit_flip_and_other_counter),
		cmocka_unit_test(both_libraries_say_the_same_for_every_length_in_place),
		cmocka_unit_test(both_take_another_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
