/* Bodies made smaller, one stream at a time, by gzip (RFC 1952), brotli (RFC 7932) or zstd
 * (RFC 8878). Knows no message, no negotiation and no connection; the only folder that names the
 * three libraries. */
#ifndef COMPRESS_COMPRESS_H
#define COMPRESS_COMPRESS_H

#include "base/err.h"
#include "base/span.h"

struct compress;
struct writer;

/* In the order of preference where the client has none: a tie of q-values goes to the later one. */
enum compress_coding {
	COMPRESS_IDENTITY,
	COMPRESS_GZIP,
	COMPRESS_BROTLI,
	COMPRESS_ZSTD,
	COMPRESS_CODINGS,
};

/* The coding's name in Content-Encoding; "identity". */
const char *compress_coding_name(enum compress_coding coding);

enum compress_then {
	COMPRESS_GO_ON, /* may keep what it was given until there is more */
	COMPRESS_FLUSH, /* writes out all that it was given: for events, for interactive answers */
	COMPRESS_END,	/* and closes the stream */
};

/* coding: not COMPRESS_IDENTITY. level: 1 (fast) to 9 (small); scaled to the library's own. Takes
 * memory within bounds that depend on the coding only (windows of at most 256 KiB). ENOMEM. */
MUST enum err compress_new(enum compress_coding coding, unsigned level, struct compress **ret);
void compress_free(struct compress *c); /* accepts NULL */
DEFINE_AUTO(struct compress, compress_free)

/* As new: for the next stream. ENOMEM; then it can only be freed. */
MUST enum err compress_reset(struct compress *c);

/* Takes from the front of *in what it can and writes what it has; *in is moved behind what was
 * taken. *ret_done: all of *in was taken and `then` is fulfilled; else make room in out and call
 * again with the rest of *in and the same `then`. ERR_FORMAT: the library says no (never on what
 * the bytes are). */
MUST enum err compress_write(struct compress *c, struct span *in, enum compress_then then,
			     struct writer *out, bool *ret_done);

#endif
