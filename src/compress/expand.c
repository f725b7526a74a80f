#include "compress/expand.h"

#include "base/writer.h"

#include <stdlib.h>
#define ZLIB_CONST /* what comes in is not written */
#include <zlib.h>

enum { WINDOW_BITS = 15, GZIP = 16 };

struct expand {
	z_stream z;
	bool ended; /* the member; another one may follow it (RFC 1952 2.2) */
};

enum err expand_new(struct expand **ret)
{
	struct expand *x = calloc(1, sizeof(*x));
	if (!x)
		return (enum err)ENOMEM;
	if (inflateInit2(&x->z, WINDOW_BITS + GZIP) != Z_OK) {
		free(x);
		return (enum err)ENOMEM;
	}
	*ret = x;
	return OK;
}

void expand_free(struct expand *x)
{
	if (!x)
		return;
	(void)inflateEnd(&x->z);
	free(x);
}

/* One call of the library. */
static enum err step(struct expand *x, struct span *in, struct writer *out)
{
	size_t room = writer_left(out);
	uInt in_len = in->len > UINT32_MAX ? UINT32_MAX : (uInt)in->len;
	uInt out_len = room > UINT32_MAX ? UINT32_MAX : (uInt)room;
	x->z.next_in = in->data;
	x->z.avail_in = in_len;
	x->z.next_out = out->data + out->pos;
	x->z.avail_out = out_len;
	int r = inflate(&x->z, Z_NO_FLUSH);
	/* Z_BUF_ERROR: nothing could be done for want of room or bytes; not an error. */
	if (r != Z_OK && r != Z_STREAM_END && r != Z_BUF_ERROR)
		return ERR_FORMAT;
	x->ended = r == Z_STREAM_END;
	*in = span_sub(*in, in_len - x->z.avail_in, in->len);
	out->pos += out_len - x->z.avail_out;
	return OK;
}

enum err expand_read(struct expand *x, struct span *in, struct writer *out, bool *ret_more)
{
	ASSERT(!out->bad);
	do {
		if (x->ended && in->len && inflateReset(&x->z) != Z_OK)
			return ERR_FORMAT;
		if (x->ended && !in->len)
			break;
		TRY(step(x, in, out));
	} while (in->len && writer_left(out));
	*ret_more = !x->ended && !writer_left(out);
	*ret_more = *ret_more || in->len;
	return OK;
}

bool expand_is_whole(const struct expand *x)
{
	return x->ended;
}
