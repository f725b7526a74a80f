#include "compress/compress.h"

#include "base/writer.h"
#include "compress/coder.h"

#include <stdlib.h>

static const struct coder *const coders[COMPRESS_CODINGS] = {
	[COMPRESS_GZIP] = &coder_gzip,
	[COMPRESS_BROTLI] = &coder_brotli,
	[COMPRESS_ZSTD] = &coder_zstd,
};

struct compress {
	const struct coder *coder;
	void *state; /* owned: the library's */
	unsigned level;
};

const char *compress_coding_name(enum compress_coding coding)
{
	static const char *const names[COMPRESS_CODINGS] = {"identity", "gzip", "br", "zstd"};
	return names[coding];
}

enum err compress_new(enum compress_coding coding, unsigned level, struct compress **ret)
{
	ASSERT(coding > COMPRESS_IDENTITY && coding < COMPRESS_CODINGS && level >= 1 && level <= 9);
	struct compress *c = calloc(1, sizeof(*c));
	if (!c)
		return (enum err)ENOMEM;
	c->coder = coders[coding];
	c->level = level;
	c->state = c->coder->open(level);
	if (!c->state) {
		free(c);
		return (enum err)ENOMEM;
	}
	*ret = c;
	return OK;
}

void compress_free(struct compress *c)
{
	if (!c)
		return;
	if (c->state)
		c->coder->close(c->state);
	free(c);
}

enum err compress_reset(struct compress *c)
{
	if (c->state && c->coder->again && c->coder->again(c->state))
		return OK;
	if (c->state)
		c->coder->close(c->state);
	c->state = c->coder->open(c->level);
	return c->state ? OK : (enum err)ENOMEM;
}

enum err compress_write(struct compress *c, struct span *in, enum compress_then then,
			struct writer *out, bool *ret_done)
{
	size_t room = writer_left(out), taken = 0, written = 0;
	bool done = false;
	ASSERT(c->state && !out->bad);
	if (!c->coder->write(c->state, *in, then, out->data + out->pos, room, &taken, &written,
			     &done))
		return ERR_FORMAT;
	ASSERT(taken <= in->len && written <= room);
	out->pos += written;
	*in = span_sub(*in, taken, in->len);
	*ret_done = done && in->len == 0;
	return OK;
}
