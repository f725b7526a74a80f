#include "crypto/sealed.h"

#include "test/guard.h"

#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include <cmocka.h>

static const struct sealed_key key = {{1, 2, 3}};

static size_t seal(const char *place, const char *plain, uint8_t *buf, size_t size)
{
	struct writer w = writer_of(buf, size);
	assert_int_equal(sealed_write(&w, &key, span_text(place), span_text(plain)), OK);
	assert_int_equal(w.pos, strlen(plain) + SEALED_OVERHEAD);
	return w.pos;
}

static void refuses_another_key_and_another_place(void **state)
{
	(void)state;
	uint8_t box[100], plain[100];
	size_t n = seal("users|alice", "secret", box, sizeof(box)), len = 77;
	struct sealed_key other = key;
	other.bytes[31] ^= 1;
	struct span s = span_of(box, n);
	assert_int_equal(sealed_open(s, &other, span_text("users|alice"), plain, &len),
			 ERR_REFUSED);
	/* A secret that is moved to another's row stays shut. */
	assert_int_equal(sealed_open(s, &key, span_text("users|mallory"), plain, &len),
			 ERR_REFUSED);
	assert_int_equal(sealed_open(s, &key, span_text(""), plain, &len), ERR_REFUSED);
	assert_int_equal(len, 77);
	assert_int_equal(sealed_open(s, &key, span_text("users|alice"), plain, &len), OK);
	assert_true(span_is(span_of(plain, len), "secret"));
}

static void refuse_one(const uint8_t *data, size_t len)
{
	uint8_t plain[100] = {0}, zeros[100] = {0};
	size_t n = 0;
	assert_int_equal(sealed_open(span_of(data, len), &key, span_text("p"), plain, &n),
			 ERR_REFUSED);
	assert_memory_equal(plain, zeros, sizeof(plain));
}

static void refuses_every_cut_and_every_flipped_bit(void **state)
{
	(void)state;
	uint8_t box[100];
	size_t n = seal("p", "secret", box, sizeof(box));
	guard_every_prefix(box, n - 1, refuse_one);
	guard_every_bit_flip(box, n, refuse_one);
}

static void writes_nothing_that_does_not_fit(void **state)
{
	(void)state;
	uint8_t box[SEALED_OVERHEAD + 5];
	struct writer w = writer_of(box, sizeof(box));
	assert_int_equal(sealed_write(&w, &key, span_text("p"), span_text("secret")), ERR_LIMIT);
	assert_true(w.bad);
}

static void never_seals_twice_alike(void **state)
{
	(void)state;
	uint8_t a[100], b[100], plain[1];
	size_t n = seal("p", "same", a, sizeof(a)), len = 1;
	assert_int_equal(seal("p", "same", b, sizeof(b)), n);
	assert_memory_not_equal(a, b, SEALED_NONCE_LEN);
	assert_memory_not_equal(a + SEALED_NONCE_LEN, b + SEALED_NONCE_LEN, n - SEALED_NONCE_LEN);
	n = seal("p", "", a, sizeof(a));
	assert_int_equal(sealed_open(span_of(a, n), &key, span_text("p"), plain, &len), OK);
	assert_int_equal(len, 0);
}

/* draft-irtf-cfrg-xchacha-03 A.3.1, whose nonce stands before and whose tag after, as here. */
static void opens_the_vector_of_the_draft(void **state)
{
	(void)state;
	struct sealed_key k;
	uint8_t sealed[24 + 114 + 16], plain[114];
	static const uint8_t place[] = {0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1,
					0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7};
	static const uint8_t text[] = {
		0xbd, 0x6d, 0x17, 0x9d, 0x3e, 0x83, 0xd4, 0x3b, 0x95, 0x76, 0x57, 0x94, 0x93,
		0xc0, 0xe9, 0x39, 0x57, 0x2a, 0x17, 0x00, 0x25, 0x2b, 0xfa, 0xcc, 0xbe, 0xd2,
		0x90, 0x2c, 0x21, 0x39, 0x6c, 0xbb, 0x73, 0x1c, 0x7f, 0x1b, 0x0b, 0x4a, 0xa6,
		0x44, 0x0b, 0xf3, 0xa8, 0x2f, 0x4e, 0xda, 0x7e, 0x39, 0xae, 0x64, 0xc6, 0x70,
		0x8c, 0x54, 0xc2, 0x16, 0xcb, 0x96, 0xb7, 0x2e, 0x12, 0x13, 0xb4, 0x52, 0x2f,
		0x8c, 0x9b, 0xa4, 0x0d, 0xb5, 0xd9, 0x45, 0xb1, 0x1b, 0x69, 0xb9, 0x82, 0xc1,
		0xbb, 0x9e, 0x3f, 0x3f, 0xac, 0x2b, 0xc3, 0x69, 0x48, 0x8f, 0x76, 0xb2, 0x38,
		0x35, 0x65, 0xd3, 0xff, 0xf9, 0x21, 0xf9, 0x66, 0x4c, 0x97, 0x63, 0x7d, 0xa9,
		0x76, 0x88, 0x12, 0xf6, 0x15, 0xc6, 0x8b, 0x13, 0xb5, 0x2e};
	static const uint8_t tag[] = {0xc0, 0x87, 0x59, 0x24, 0xc1, 0xc7, 0x98, 0x79,
				      0x47, 0xde, 0xaf, 0xd8, 0x78, 0x0a, 0xcf, 0x49};
	static_assert(sizeof(text) == 114, "the draft's");
	for (uint8_t i = 0; i < 32; i++)
		k.bytes[i] = (uint8_t)(0x80 + i);
	for (uint8_t i = 0; i < 24; i++)
		sealed[i] = (uint8_t)(0x40 + i);
	memcpy(sealed + 24, text, sizeof(text));
	memcpy(sealed + 24 + 114, tag, sizeof(tag));
	size_t len = 0;
	assert_int_equal(sealed_open(span_of(sealed, sizeof(sealed)), &k,
				     span_of(place, sizeof(place)), plain, &len),
			 OK);
	assert_int_equal(len, 114);
	assert_memory_equal(plain,
			    "Ladies and Gentlemen of the class of '99: If I could offer you "
			    "only one tip for the future, sunscreen would be it.",
			    114);
	sealed_key_done(&k);
	assert_memory_equal(k.bytes, (const uint8_t[32]){0}, 32);
	sealed_key_done(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_another_key_and_another_place),
		cmocka_unit_test(refuses_every_cut_and_every_flipped_bit),
		cmocka_unit_test(writes_nothing_that_does_not_fit),
		cmocka_unit_test(never_seals_twice_alike),
		cmocka_unit_test(opens_the_vector_of_the_draft),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
