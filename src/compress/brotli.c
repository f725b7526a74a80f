#include "compress/coder.h"

#include <brotli/encode.h>

/* 2^18 bytes of window: much more memory for each stream gains little on pages. */
enum { WINDOW_BITS = 18 };

static void *brotli_open(unsigned level)
{
	BrotliEncoderState *b = BrotliEncoderCreateInstance(NULL, NULL, NULL);
	if (!b)
		return NULL;
	/* Qualities of 10 and 11 are for files that are compressed once. */
	(void)BrotliEncoderSetParameter(b, BROTLI_PARAM_QUALITY, level);
	(void)BrotliEncoderSetParameter(b, BROTLI_PARAM_LGWIN, WINDOW_BITS);
	return b;
}

static void brotli_close(void *state)
{
	BrotliEncoderDestroyInstance(state);
}

static bool brotli_write(void *state, struct span in, enum compress_then then, uint8_t *out,
			 size_t room, size_t *ret_taken, size_t *ret_written, bool *ret_done)
{
	static const BrotliEncoderOperation operations[] = {
		BROTLI_OPERATION_PROCESS, BROTLI_OPERATION_FLUSH, BROTLI_OPERATION_FINISH};
	size_t in_left = in.len, out_left = room;
	const uint8_t *from = in.data;
	if (!BrotliEncoderCompressStream(state, operations[then], &in_left, &from, &out_left, &out,
					 NULL))
		return false;
	*ret_taken = in.len - in_left;
	*ret_written = room - out_left;
	*ret_done = then == COMPRESS_END ? BrotliEncoderIsFinished(state)
					 : in_left == 0 && !BrotliEncoderHasMoreOutput(state);
	return true;
}

const struct coder coder_brotli = {brotli_open, NULL, brotli_close, brotli_write};
