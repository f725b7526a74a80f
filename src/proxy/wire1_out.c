/* What an HTTP/1 connection sends. */
#include "proto/http/http1.h"
#include "proxy/wire1.h"

enum {
	CHUNK_HEAD_MAX = 18,
	TOGETHER_MAX = 4096, /* bytes of a body; more cost more to copy than is won by waiting */
};

uint8_t *proxy_wire1_room(struct proxy_wire1 *w, size_t n)
{
	proxy_sends_leave(w->sends, &w->send); /* what waits becomes longer */
	if (!w->out)
		w->out = proxy_buffer_take(w->pool);
	if (!w->out || PROXY_BUFFER_SIZE - w->out->end < n)
		return NULL;
	uint8_t *at = w->out->data + w->out->end;
	w->out->end += (uint32_t)n;
	return at;
}

void proxy_wire1_out(struct proxy_wire1 *w, enum proxy_framing framing, uint64_t length)
{
	w->out_framing = (uint8_t)framing;
	w->out_left = framing == PROXY_FRAMING_LENGTH ? length : 0;
	w->out_chunk = false;
	w->out_done =
		framing == PROXY_FRAMING_NONE || (framing == PROXY_FRAMING_LENGTH && length == 0);
}

static enum err put(struct proxy_wire1 *w, struct span s)
{
	uint8_t *at = s.len ? proxy_wire1_room(w, s.len) : NULL;
	if (!at)
		return s.len ? ERR_LIMIT : OK;
	memcpy(at, s.data, s.len);
	return OK;
}

/* ---- at the end of the turn ---- */

/* Nothing that has begun to leave waits once more, nor where buffers are few. */
static bool may_wait(const struct proxy_wire1 *w)
{
	return proxy_sends_take(w->sends) && (!w->out || !w->out->start) &&
	       w->pool->out <= w->pool->max / 2 &&
	       (w->t->ready & (PROXY_CAN_WRITE | PROXY_BROKEN)) == PROXY_CAN_WRITE;
}

static void wait(struct proxy_wire1 *w)
{
	proxy_sends_add(w->sends, &w->send, w->t, proxy_buffer_span(w->out));
}

/* The last bytes of a message: false: they go at once. */
static bool wait_with(struct proxy_wire1 *w, struct span bytes, struct span tail)
{
	if (bytes.len > TOGETHER_MAX || !may_wait(w))
		return false;
	uint8_t *at = proxy_wire1_room(w, bytes.len + tail.len);
	if (!at)
		return false;
	memcpy(at, bytes.data, bytes.len);
	if (tail.len)
		memcpy(at + bytes.len, tail.data, tail.len);
	w->put_off = (uint16_t)bytes.len;
	w->put_off_end = (uint16_t)(w->out->end - tail.len);
	wait(w);
	return true;
}

static void out_give(struct proxy_wire1 *w)
{
	proxy_buffer_give(w->pool, TAKE(w->out));
	w->put_off = 0;
}

enum err proxy_wire1_sent(struct proxy_wire1 *w, const struct proxy_sending *said)
{
	TRY(said->e);
	w->out->start += (uint32_t)said->sent;
	if (w->out->start == w->out->end)
		out_give(w);
	return OK;
}

size_t proxy_wire1_drop(struct proxy_wire1 *w)
{
	if (!w->out)
		return 0;
	size_t left = w->put_off_end > w->out->start ? w->put_off_end - w->out->start : 0;
	size_t n = left < w->put_off ? left : w->put_off;
	proxy_sends_leave(w->sends, &w->send);
	out_give(w);
	return n;
}

/* ---- now ---- */

/* Writes out, then bytes, then tail; what of the tail did not go stays in out, when all of bytes
 * went. */
static enum err write_all(struct proxy_wire1 *w, struct span bytes, struct span tail,
			  size_t *ret_taken)
{
	struct span parts[3];
	size_t n = 0, sent = 0, waiting = w->out ? w->out->end - w->out->start : 0;
	*ret_taken = 0;
	proxy_sends_leave(w->sends, &w->send);
	if (waiting)
		parts[n++] = proxy_buffer_span(w->out);
	if (bytes.len)
		parts[n++] = bytes;
	if (tail.len)
		parts[n++] = tail;
	if (n && w->t->ready & (PROXY_CAN_WRITE | PROXY_BROKEN))
		TRY(proxy_transport_write(w->t, parts, n, &sent));
	if (sent < waiting) {
		w->out->start += (uint32_t)sent;
		sent = 0;
	} else {
		out_give(w);
		sent -= waiting;
	}
	*ret_taken = sent < bytes.len ? sent : bytes.len;
	return *ret_taken == bytes.len ? put(w, span_sub(tail, sent - *ret_taken, tail.len)) : OK;
}

enum err proxy_wire1_flush(struct proxy_wire1 *w)
{
	size_t none;
	return w->out ? write_all(w, (struct span){0}, (struct span){0}, &none) : OK;
}

enum err proxy_wire1_flush_soon(struct proxy_wire1 *w)
{
	if (w->send.at)
		return OK;
	if (!w->out || !w->out_done || w->out_framing == PROXY_FRAMING_CLOSE || !may_wait(w))
		return proxy_wire1_flush(w);
	wait(w);
	return OK;
}

bool proxy_wire1_arrived(struct proxy_wire1 *w)
{
	return w->t->ready & PROXY_BROKEN || proxy_wire1_flush(w) ||
	       (proxy_wire1_empty(w) && proxy_transport_delivered(w->t));
}

static enum err chunk_announce(struct proxy_wire1 *w, uint64_t len)
{
	uint8_t text[CHUNK_HEAD_MAX];
	size_t at = sizeof(text);
	text[--at] = '\n';
	text[--at] = '\r';
	for (uint64_t n = len; n; n >>= 4)
		text[--at] = (uint8_t) "0123456789abcdef"[n & 15];
	TRY(put(w, span_of(text + at, sizeof(text) - at)));
	w->out_left = len;
	w->out_chunk = true;
	return OK;
}

static enum err chunked_end(struct proxy_wire1 *w, const struct http_field *trailers, size_t n)
{
	TRY(put(w, span_text("0\r\n")));
	for (size_t i = 0; i < n; i++) {
		TRY(put(w, trailers[i].name));
		TRY(put(w, span_text(": ")));
		TRY(put(w, trailers[i].value));
		TRY(put(w, span_text("\r\n")));
	}
	TRY(put(w, span_text("\r\n")));
	w->out_done = true;
	return OK;
}

/* A chunk that was announced has its bytes first. */
static enum err send_chunk(struct proxy_wire1 *w, struct span bytes, bool end, bool has_trailers,
			   size_t *ret_taken)
{
	bool room = !w->out || PROXY_BUFFER_SIZE - w->out->end >= CHUNK_HEAD_MAX;
	if (!w->out_left && bytes.len) {
		if (!room)
			return proxy_wire1_flush(w);
		TRY(chunk_announce(w, bytes.len));
	}
	struct span now =
		span_sub(bytes, 0, (size_t)(w->out_left < bytes.len ? w->out_left : bytes.len));
	bool whole = now.len && now.len == w->out_left;
	bool last = whole && end && now.len == bytes.len && !has_trailers;
	struct span tail = whole ? span_text(last ? "\r\n0\r\n\r\n" : "\r\n") : (struct span){0};
	size_t taken = now.len;
	if (!last || !wait_with(w, now, tail))
		TRY(write_all(w, now, tail, &taken));
	w->out_left -= taken;
	*ret_taken = taken;
	if (taken == now.len && whole) {
		w->out_chunk = false;
		w->out_done = last;
	}
	return OK;
}

/* Then comes one for the rest: with room left in the wire nobody would call for it. */
static enum err send_chunks(struct proxy_wire1 *w, struct span bytes, bool end, bool has_trailers,
			    size_t *ret_taken)
{
	size_t all = 0;
	do {
		size_t taken = 0;
		TRY(send_chunk(w, span_sub(bytes, all, bytes.len), end, has_trailers, &taken));
		all += taken;
	} while (all < bytes.len && w->t->ready & PROXY_CAN_WRITE);
	*ret_taken = all;
	return OK;
}

enum err proxy_wire1_send(struct proxy_wire1 *w, struct span bytes, bool end,
			  const struct http_field *trailers, size_t trailers_n, size_t *ret_taken)
{
	size_t taken = 0;
	*ret_taken = 0;
	if (w->out_done)
		return bytes.len ? ERR_FORMAT : proxy_wire1_flush_soon(w);
	switch ((enum proxy_framing)w->out_framing) {
	case PROXY_FRAMING_CHUNKED:
		TRY(send_chunks(w, bytes, end, trailers_n > 0, &taken));
		*ret_taken = taken;
		if (end && taken == bytes.len && !w->out_done) {
			if (w->out_left) /* of a chunk that was announced */
				return ERR_FORMAT;
			TRY(chunked_end(w, trailers, trailers_n));
			return proxy_wire1_flush_soon(w);
		}
		return OK;
	case PROXY_FRAMING_LENGTH:
		if (bytes.len > w->out_left || (end && bytes.len < w->out_left))
			return ERR_FORMAT;
		taken = bytes.len;
		if (taken != w->out_left || !wait_with(w, bytes, (struct span){0}))
			TRY(write_all(w, bytes, (struct span){0}, &taken));
		w->out_left -= taken;
		w->out_done = w->out_left == 0;
		break;
	case PROXY_FRAMING_CLOSE:
		TRY(write_all(w, bytes, (struct span){0}, &taken));
		w->out_done = end && taken == bytes.len;
		break;
	case PROXY_FRAMING_NONE: return bytes.len ? ERR_FORMAT : OK;
	}
	*ret_taken = taken;
	return OK;
}

void proxy_wire1_spliced_out(struct proxy_wire1 *w, uint64_t n)
{
	ASSERT(n <= w->out_left);
	w->out_left -= n;
	w->out_done = w->out_left == 0;
}
