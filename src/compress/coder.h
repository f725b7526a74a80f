/* One library as compress.c sees it. Knows no coding's name. */
#ifndef COMPRESS_CODER_H
#define COMPRESS_CODER_H

#include "base/span.h"
#include "compress/compress.h"

struct coder {
	void *(*open)(unsigned level); /* NULL: no memory */
	bool (*again)(void *state);    /* back to the start; NULL: it cannot */
	void (*close)(void *state);
	/* False: the library failed. done: all was taken and `then` is fulfilled. */
	bool (*write)(void *state, struct span in, enum compress_then then, uint8_t *out,
		      size_t room, size_t *ret_taken, size_t *ret_written, bool *ret_done);
};

extern const struct coder coder_gzip, coder_brotli, coder_zstd;

#endif
