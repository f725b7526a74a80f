/* What an HTTP/1 connection receives. */
#include "proto/http/head1.h"
#include "proxy/wire1.h"

#include <assert.h>

void proxy_wire1_done(struct proxy_wire1 *w, bool abort)
{
	(void)proxy_wire1_drop(w);
	proxy_transport_close(TAKE(w->t), abort);
	proxy_buffer_give(w->pool, TAKE(w->in));
	w->in_ready = 0;
}

/* A buffer with room behind what is there. A head's spans may point into one that is shared, so
 * nothing moves in that. */
static enum err room_make(struct proxy_wire1 *w)
{
	struct proxy_buffer *in = w->in;
	if (!in) {
		w->in = proxy_buffer_take(w->pool);
		return w->in ? OK : ERR_LIMIT;
	}
	if (in->start == in->end && in->refs == 1)
		in->start = in->end = 0;
	bool cramped = in->start == in->end && in->end > PROXY_BUFFER_SIZE / 2;
	if (in->end < PROXY_BUFFER_SIZE && !cramped)
		return OK;
	if (in->start == 0)
		return ERR_LIMIT;
	struct proxy_buffer *to = in;
	if (in->refs > 1) {
		to = proxy_buffer_take(w->pool);
		if (!to)
			return ERR_LIMIT;
	}
	size_t n = in->end - in->start;
	memmove(to->data, in->data + in->start, n);
	if (to != in)
		proxy_buffer_give(w->pool, in);
	to->start = 0;
	to->end = (uint32_t)n;
	w->in = to;
	return n < PROXY_BUFFER_SIZE ? OK : ERR_LIMIT;
}

enum err proxy_wire1_fill_some(struct proxy_wire1 *w, size_t most, bool *ret_got)
{
	*ret_got = false;
	if (w->in_eof)
		return ERR_CLOSED;
	if (!(w->t->ready & (PROXY_CAN_READ | PROXY_BROKEN)))
		return OK;
	if (!w->in && (w->in = proxy_transport_ahead(w->t, w->pool, most))) {
		*ret_got = true;
		return OK;
	}
	TRY(room_make(w));
	size_t n = 0, room = PROXY_BUFFER_SIZE - w->in->end;
	enum err e =
		proxy_transport_read(w->t, w->in->data + w->in->end, room < most ? room : most, &n);
	if (e == ERR_CLOSED)
		w->in_eof = true;
	TRY(e);
	w->in->end += (uint32_t)n;
	*ret_got = n > 0;
	return OK;
}

void proxy_wire1_skip(struct proxy_wire1 *w, size_t n)
{
	ASSERT(w->in && n <= w->in->end - w->in->start);
	w->in->start += (uint32_t)n;
}

void proxy_wire1_rest(struct proxy_wire1 *w)
{
	if (w->in && w->in->start == w->in->end)
		proxy_buffer_give(w->pool, TAKE(w->in));
}

void proxy_wire1_in(struct proxy_wire1 *w, enum proxy_framing framing, uint64_t length)
{
	w->in_framing = (uint8_t)framing;
	w->in_left = framing == PROXY_FRAMING_LENGTH ? length : 0;
	w->in_chunk = PROXY_CHUNK_SIZE;
	w->in_ready = 0;
	w->in_done =
		framing == PROXY_FRAMING_NONE || (framing == PROXY_FRAMING_LENGTH && length == 0);
}

/* One step of the chunked coding at `rest`: PARSE_DONE with how many bytes of coding were passed.
 */
static enum parse chunk_step(struct proxy_wire1 *w, struct span rest, struct http1_head *trailers,
			     size_t *ret_used)
{
	enum parse p;
	switch ((enum proxy_chunk)w->in_chunk) {
	case PROXY_CHUNK_SIZE:
		p = http1_chunk_size(rest, ret_used, &w->in_left);
		if (p == PARSE_DONE)
			w->in_chunk = w->in_left ? PROXY_CHUNK_DATA : PROXY_CHUNK_TRAILER;
		return p;
	case PROXY_CHUNK_END:
		if (rest.len && rest.data[0] != '\r')
			return PARSE_BAD;
		if (rest.len < 2)
			return PARSE_MORE;
		if (rest.data[1] != '\n')
			return PARSE_BAD;
		*ret_used = 2;
		w->in_chunk = PROXY_CHUNK_SIZE;
		return PARSE_DONE;
	case PROXY_CHUNK_TRAILER:
		p = http1_trailers(rest, trailers);
		if (p == PARSE_DONE) {
			*ret_used = trailers->len;
			w->in_done = true;
		}
		return p;
	default: ASSERT(false); return PARSE_BAD;
	}
}

/* Takes the coding off all chunks that are here, and moves their data together, so that many small
 * ones leave in one write; a head's spans lie before them. A trailer section is read only when no
 * data stands before it. */
static enum parse chunks_read(struct proxy_wire1 *w, struct http1_head *trailers)
{
	struct proxy_buffer *in = w->in;
	uint32_t at = in->start + w->in_ready; /* where coding stands */
	while (!w->in_done) {
		if (w->in_chunk == PROXY_CHUNK_DATA) {
			uint32_t here = in->end - at;
			uint32_t n = w->in_left < here ? (uint32_t)w->in_left : here;
			if (n == 0)
				break;
			uint32_t to = in->start + w->in_ready;
			if (w->in_ready == 0)
				in->start = to = at;
			else if (to != at)
				memmove(in->data + to, in->data + at, n);
			w->in_ready += n;
			w->in_left -= n;
			at += n;
			if (w->in_left == 0)
				w->in_chunk = PROXY_CHUNK_END;
			continue;
		}
		if (w->in_chunk == PROXY_CHUNK_TRAILER && w->in_ready)
			break;
		size_t used = 0;
		enum parse p = chunk_step(w, span_of(in->data + at, in->end - at), trailers, &used);
		if (p == PARSE_BAD)
			return p;
		if (p == PARSE_MORE)
			break;
		at += (uint32_t)used;
	}
	/* What is left of the coding follows the data directly. */
	uint32_t to = in->start + w->in_ready, rest = in->end - at;
	if (w->in_ready == 0) {
		in->start = at;
	} else if (to != at) {
		memmove(in->data + to, in->data + at, rest);
		in->end = to + rest;
	}
	return w->in_done ? PARSE_DONE : PARSE_MORE;
}

enum parse proxy_wire1_body(struct proxy_wire1 *w, struct http1_head *trailers, struct span *ret)
{
	uint32_t here = w->in ? w->in->end - w->in->start : 0;
	enum parse p = PARSE_MORE;
	switch ((enum proxy_framing)w->in_framing) {
	case PROXY_FRAMING_LENGTH:
		if (w->in_left <= here - w->in_ready) {
			w->in_ready += (uint32_t)w->in_left;
			w->in_left = 0;
			w->in_done = true;
			p = PARSE_DONE;
		} else {
			w->in_left -= here - w->in_ready;
			w->in_ready = here;
		}
		break;
	case PROXY_FRAMING_CHUNKED:
		if (w->in_done)
			p = PARSE_DONE;
		else if (w->in)
			p = chunks_read(w, trailers);
		break;
	case PROXY_FRAMING_CLOSE:
		w->in_ready = here;
		w->in_done = w->in_eof;
		p = w->in_eof ? PARSE_DONE : PARSE_MORE;
		break;
	case PROXY_FRAMING_NONE: p = PARSE_DONE; break;
	}
	if (p == PARSE_MORE && w->in_eof && w->in_ready == 0)
		return PARSE_BAD; /* torn */
	*ret = w->in ? span_of(w->in->data + w->in->start, w->in_ready) : (struct span){0};
	return p;
}

void proxy_wire1_taken(struct proxy_wire1 *w, size_t n)
{
	ASSERT(n <= w->in_ready);
	w->in_ready -= (uint32_t)n;
	if (n)
		w->in->start += (uint32_t)n;
}

uint64_t proxy_wire1_spliceable(const struct proxy_wire1 *w, bool *ret_last)
{
	*ret_last = w->in_framing == PROXY_FRAMING_LENGTH;
	if (w->in_done || w->in_ready || (w->in && w->in->start != w->in->end))
		return 0;
	if (w->in_framing == PROXY_FRAMING_CHUNKED && w->in_chunk != PROXY_CHUNK_DATA)
		return 0;
	return w->in_framing == PROXY_FRAMING_CLOSE ? 0 : w->in_left;
}

void proxy_wire1_spliced_in(struct proxy_wire1 *w, uint64_t n)
{
	ASSERT(n <= w->in_left);
	w->in_left -= n;
	if (w->in_left)
		return;
	if (w->in_framing == PROXY_FRAMING_CHUNKED)
		w->in_chunk = PROXY_CHUNK_END;
	else
		w->in_done = true;
}
