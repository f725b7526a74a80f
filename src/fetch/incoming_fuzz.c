/* An answer from anywhere, offered in pieces: its bounds hold, and any pieces give the same as one.
 */
#include "fetch/incoming.h"

#include <stdlib.h>

enum { BODY_MAX = 5000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct heard {
	unsigned heads;
	uint64_t len, sum;
};

static enum err take_head(void *arg, const struct http_response *r)
{
	struct heard *h = arg;
	ASSERT(r->status >= 200 && h->heads == 0);
	h->heads++;
	return OK;
}

static enum err take_body(void *arg, struct span piece)
{
	struct heard *h = arg;
	h->len += piece.len;
	ASSERT(piece.len && h->len <= BODY_MAX);
	for (size_t i = 0; i < piece.len; i++)
		h->sum = h->sum * 31 + piece.data[i];
	return OK;
}

static enum err hear(struct span wire, size_t step, struct heard *h)
{
	struct fetch_incoming in = {.taker = {take_head, take_body, h},
				    .method = "GET",
				    .gzip = true,
				    .body_max = BODY_MAX};
	size_t from = 0, to = 0, used;
	bool over = false;
	enum err e = OK;
	while (!e && !over && to < wire.len) {
		to = wire.len - to < step ? wire.len : to + step;
		e = fetch_incoming_take(&in, span_sub(wire, from, to - from), &used, &over);
		if (e)
			break;
		ASSERT(used <= to - from);
		from += used;
	}
	if (!e && !over)
		e = fetch_incoming_end(&in, true);
	fetch_incoming_done(&in);
	return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct heard whole = {0}, pieces = {0};
	if (size < 2)
		return 0;
	struct span wire = span_of(data + 1, size - 1);
	enum err e = hear(wire, wire.len, &whole);
	enum err again = hear(wire, data[0] % 64 + 1, &pieces);
	ASSERT((e == OK) == (again == OK));
	if (!e)
		ASSERT(whole.len == pieces.len && whole.sum == pieces.sum);
	return 0;
}
