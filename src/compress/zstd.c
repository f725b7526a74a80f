#include "compress/coder.h"

#include <zstd.h>

/* 2^18 bytes of window; RFC 8878 asks receivers for 8 MiB at least. */
enum { WINDOW_LOG = 18 };

static void *zstd_open(unsigned level)
{
	ZSTD_CCtx *z = ZSTD_createCCtx();
	if (!z)
		return NULL;
	(void)ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, (int)level);
	(void)ZSTD_CCtx_setParameter(z, ZSTD_c_windowLog, WINDOW_LOG);
	return z;
}

static bool zstd_again(void *state)
{
	return !ZSTD_isError(ZSTD_CCtx_reset(state, ZSTD_reset_session_only));
}

static void zstd_close(void *state)
{
	(void)ZSTD_freeCCtx(state);
}

static bool zstd_write(void *state, struct span in, enum compress_then then, uint8_t *out,
		       size_t room, size_t *ret_taken, size_t *ret_written, bool *ret_done)
{
	static const ZSTD_EndDirective directives[] = {ZSTD_e_continue, ZSTD_e_flush, ZSTD_e_end};
	ZSTD_inBuffer from = {in.data, in.len, 0};
	ZSTD_outBuffer to = {out, room, 0};
	size_t left = ZSTD_compressStream2(state, &to, &from, directives[then]);
	if (ZSTD_isError(left))
		return false;
	*ret_taken = from.pos;
	*ret_written = to.pos;
	*ret_done = then == COMPRESS_GO_ON ? from.pos == in.len : left == 0;
	return true;
}

const struct coder coder_zstd = {zstd_open, zstd_again, zstd_close, zstd_write};
