#include "compress/coder.h"

#include <stdlib.h>
#define ZLIB_CONST /* what comes in is not written */
#include <zlib.h>

/* 32 KiB of window and 64 KiB of hash table; 16 more bits ask for gzip's head and end. */
enum { WINDOW_BITS = 15, GZIP = 16, MEMORY_LEVEL = 8 };

static void *gzip_open(unsigned level)
{
	z_stream *z = calloc(1, sizeof(*z));
	if (z && deflateInit2(z, (int)level, Z_DEFLATED, WINDOW_BITS + GZIP, MEMORY_LEVEL,
			      Z_DEFAULT_STRATEGY) != Z_OK) {
		free(z);
		return NULL;
	}
	return z;
}

static bool gzip_again(void *state)
{
	return deflateReset(state) == Z_OK;
}

static void gzip_close(void *state)
{
	(void)deflateEnd(state);
	free(state);
}

static bool gzip_write(void *state, struct span in, enum compress_then then, uint8_t *out,
		       size_t room, size_t *ret_taken, size_t *ret_written, bool *ret_done)
{
	static const int flushes[] = {Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH};
	z_stream *z = state;
	uInt in_len = in.len > UINT32_MAX ? UINT32_MAX : (uInt)in.len;
	uInt out_len = room > UINT32_MAX ? UINT32_MAX : (uInt)room;
	z->next_in = in.data;
	z->avail_in = in_len;
	z->next_out = out;
	z->avail_out = out_len;
	int r = deflate(z, flushes[then]);
	/* Z_BUF_ERROR: nothing could be done for want of room or bytes; not an error. */
	if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
		return false;
	*ret_taken = in_len - z->avail_in;
	*ret_written = out_len - z->avail_out;
	*ret_done = then == COMPRESS_END ? r == Z_STREAM_END : z->avail_in == 0 && z->avail_out > 0;
	return true;
}

const struct coder coder_gzip = {gzip_open, gzip_again, gzip_close, gzip_write};
