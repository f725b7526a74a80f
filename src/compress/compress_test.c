#include "compress/compress.h"

#include "base/writer.h"
#include "compress/expand.h"
#include "test/random.h"

#include <brotli/decode.h>
#include <setjmp.h>
#include <stdarg.h>
#define ZLIB_CONST /* what comes in is not written */
#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

enum { TEXT = 200000, ROOM = 400000 };

/* The bytes that were compressed, by the libraries' own decoders; the length. */
static size_t decoded(enum compress_coding coding, struct span in, uint8_t *out, size_t room)
{
	if (coding == COMPRESS_BROTLI) {
		size_t len = room;
		assert_int_equal(BrotliDecoderDecompress(in.len, in.data, &len, out),
				 BROTLI_DECODER_RESULT_SUCCESS);
		return len;
	}
	if (coding == COMPRESS_ZSTD) {
		ZSTD_DCtx *d = ZSTD_createDCtx();
		ZSTD_inBuffer from = {in.data, in.len, 0};
		ZSTD_outBuffer to = {out, room, 0};
		assert_int_equal(ZSTD_decompressStream(d, &to, &from), 0);
		ZSTD_freeDCtx(d);
		return to.pos;
	}
	z_stream z = {.next_in = in.data,
		      .avail_in = (uInt)in.len,
		      .next_out = out,
		      .avail_out = (uInt)room};
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	size_t len = z.total_out;
	(void)inflateEnd(&z);
	return len;
}

/* Pieces of random sizes into windows of random sizes: what comes out is what went in. */
static void go_through(struct test_random *r, struct compress *c, enum compress_coding coding,
		       struct span text)
{
	static uint8_t packed[ROOM], plain[ROOM];
	size_t len = 0, at = 0;
	for (bool over = false; !over;) {
		size_t n = test_random_below(r, 30000);
		struct span piece = span_sub(text, at, n);
		at += piece.len;
		over = at == text.len;
		enum compress_then then = over				 ? COMPRESS_END
					  : test_random_below(r, 4) == 0 ? COMPRESS_FLUSH
									 : COMPRESS_GO_ON;
		bool done = false;
		while (!done) {
			size_t room = 1 + test_random_below(r, 5000);
			assert_true(len + room <= ROOM);
			struct writer w = writer_of(packed + len, room);
			assert_int_equal(compress_write(c, &piece, then, &w, &done), OK);
			len += w.pos;
		}
	}
	size_t n = decoded(coding, span_of(packed, len), plain, ROOM);
	assert_int_equal(n, text.len);
	assert_memory_equal(plain, text.data, n);
}

static void what_goes_in_comes_out(void **state)
{
	(void)state;
	static uint8_t text[TEXT];
	struct test_random r = test_random_begin();
	for (enum compress_coding coding = COMPRESS_GZIP; coding < COMPRESS_CODINGS; coding++) {
		AUTO(compress_free) struct compress *c = NULL;
		assert_int_equal(compress_new(coding, 4, &c), OK);
		for (unsigned round = 0; round < 4; round++) {
			/* Words from a few letters, or noise, or nothing. */
			size_t len = round == 3 ? 0 : TEXT;
			for (size_t i = 0; i < len; i++)
				text[i] = (uint8_t)(round == 1 ? test_random_next(&r)
							       : 'a' + test_random_below(&r, 3));
			go_through(&r, c, coding, span_of(text, len));
			assert_int_equal(compress_reset(c), OK);
		}
	}
}

static void a_flush_brings_out_all_that_went_in(void **state)
{
	(void)state;
	for (enum compress_coding coding = COMPRESS_GZIP; coding < COMPRESS_CODINGS; coding++) {
		AUTO(compress_free) struct compress *c = NULL;
		uint8_t packed[512], plain[64] = {0};
		struct writer w = writer_of(packed, sizeof(packed));
		struct span event = span_text("data: 1\n\n");
		bool done = false;
		assert_int_equal(compress_new(coding, 4, &c), OK);
		assert_int_equal(compress_write(c, &event, COMPRESS_FLUSH, &w, &done), OK);
		assert_true(done && w.pos > 9 && event.len == 0);
		if (coding != COMPRESS_GZIP)
			continue;
		z_stream z = {.next_in = packed,
			      .avail_in = (uInt)w.pos,
			      .next_out = plain,
			      .avail_out = sizeof(plain)};
		assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
		assert_int_equal(inflate(&z, Z_SYNC_FLUSH), Z_OK);
		(void)inflateEnd(&z);
		assert_string_equal((char *)plain, "data: 1\n\n");
	}
}

static void what_was_packed_can_be_expanded(void **state)
{
	(void)state;
	static uint8_t plain[TEXT], packed[2 * ROOM], out[2 * TEXT + 1];
	struct test_random r = test_random_begin();
	struct writer w = writer_of(packed, sizeof(packed));
	for (size_t i = 0; i < TEXT; i++)
		plain[i] = (uint8_t)(test_random_next(&r) % 7);
	for (int member = 0; member < 2; member++) { /* RFC 1952 2.2 */
		AUTO(compress_free) struct compress *c = NULL;
		struct span in = span_of(plain, TEXT);
		bool done = false;
		assert_int_equal(compress_new(COMPRESS_GZIP, 6, &c), OK);
		assert_int_equal(compress_write(c, &in, COMPRESS_END, &w, &done), OK);
		assert_true(done);
	}
	for (int round = 0; round < 20; round++) {
		AUTO(expand_free) struct expand *x = NULL;
		size_t len = 0, at = 0;
		assert_int_equal(expand_new(&x), OK);
		while (at < w.pos) {
			struct span in =
				span_sub(writer_span(&w), at, 1 + test_random_below(&r, 20000));
			bool more = true;
			at += in.len;
			while (more) {
				size_t room = 1 + test_random_below(&r, 30000);
				room = room < sizeof(out) - len ? room : sizeof(out) - len;
				struct writer to = writer_of(out + len, room);
				assert_int_equal(expand_read(x, &in, &to, &more), OK);
				len += to.pos;
			}
			assert_int_equal(in.len, 0);
		}
		assert_true(expand_is_whole(x));
		assert_int_equal(len, 2 * TEXT);
		assert_memory_equal(out, plain, TEXT);
		assert_memory_equal(out + TEXT, plain, TEXT);
	}
}

static void what_is_no_gzip_is_not_expanded(void **state)
{
	(void)state;
	AUTO(expand_free) struct expand *x = NULL;
	uint8_t out[64];
	struct writer w = writer_of(out, sizeof(out));
	struct span in = span_text("<html>not at all</html>");
	bool more;
	assert_int_equal(expand_new(&x), OK);
	assert_false(expand_is_whole(x));
	assert_int_equal(expand_read(x, &in, &w, &more), ERR_FORMAT);
}

static void codings_have_their_names(void **state)
{
	(void)state;
	assert_string_equal(compress_coding_name(COMPRESS_GZIP), "gzip");
	assert_string_equal(compress_coding_name(COMPRESS_BROTLI), "br");
	assert_string_equal(compress_coding_name(COMPRESS_ZSTD), "zstd");
	assert_string_equal(compress_coding_name(COMPRESS_IDENTITY), "identity");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_goes_in_comes_out),
		cmocka_unit_test(a_flush_brings_out_all_that_went_in),
		cmocka_unit_test(what_was_packed_can_be_expanded),
		cmocka_unit_test(what_is_no_gzip_is_not_expanded),
		cmocka_unit_test(codings_have_their_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
