#include "fetch/incoming.h"

#include "base/writer.h"
#include "compress/expand.h"

#include <stdlib.h>

enum { PIECE = 16 * 1024 };

void fetch_incoming_done(struct fetch_incoming *in)
{
	expand_free(TAKE(in->expand));
	free(TAKE(in->head));
}

/* --- the body --- */

static enum err tell(struct fetch_incoming *in, struct span piece)
{
	if (!piece.len)
		return OK;
	if (piece.len > in->body_max - in->body_len)
		return ERR_LIMIT;
	in->body_len += piece.len;
	return in->taker.body(in->taker.arg, piece);
}

static enum err decode(struct fetch_incoming *in, struct span piece)
{
	uint8_t room[PIECE];
	bool more = true;
	if (!in->expand)
		return tell(in, piece);
	while (more) {
		struct writer w = writer_of(room, sizeof(room));
		TRY(expand_read(in->expand, &piece, &w, &more));
		TRY(tell(in, writer_span(&w)));
	}
	return OK;
}

static enum err finish(struct fetch_incoming *in)
{
	in->over = true;
	/* An empty body is one by any coding. */
	bool coded = in->expand && in->response.head.framing != HTTP_BODY_NONE;
	return coded && !expand_is_whole(in->expand) ? ERR_FORMAT : OK;
}

static enum err by_length(struct fetch_incoming *in, struct span wire, size_t *ret_used)
{
	wire = span_sub(wire, 0, in->left < wire.len ? (size_t)in->left : wire.len);
	in->left -= wire.len;
	*ret_used = wire.len;
	TRY(decode(in, wire));
	return in->left ? OK : finish(in);
}

static enum err by_chunks(struct fetch_incoming *in, struct span wire, size_t *ret_used)
{
	struct span data;
	size_t used, at = 0;
	enum parse p;
	do {
		p = http_chunked_read(&in->chunked, span_sub(wire, at, wire.len), &used, &data);
		if (p == PARSE_BAD)
			return ERR_FORMAT;
		TRY(decode(in, data));
		at += used;
	} while (p == PARSE_MORE && used && at < wire.len);
	*ret_used = at;
	return p == PARSE_DONE ? finish(in) : OK;
}

static enum err body(struct fetch_incoming *in, struct span wire, size_t *ret_used)
{
	switch (in->response.head.framing) {
	case HTTP_BODY_LENGTH: return by_length(in, wire, ret_used);
	case HTTP_BODY_CHUNKED: return by_chunks(in, wire, ret_used);
	case HTTP_BODY_UNTIL_CLOSE: *ret_used = wire.len; return decode(in, wire);
	case HTTP_BODY_NONE: break;
	}
	*ret_used = 0;
	return finish(in);
}

/* --- the head --- */

static enum err coding(struct fetch_incoming *in)
{
	const struct http_head *head = &in->response.head;
	const struct http_field *f = http_head_find(head, "Content-Encoding");
	if (!f || span_equal_nocase(f->value, span_text("identity")))
		return OK;
	bool gzip = span_equal_nocase(f->value, span_text("gzip")) ||
		    span_equal_nocase(f->value, span_text("x-gzip")); /* RFC 9110 8.4.1.3 */
	return gzip && in->gzip ? expand_new(&in->expand) : ERR_UNSUPPORTED;
}

static enum err head_take(struct fetch_incoming *in, struct span wire)
{
	in->head = malloc(wire.len);
	if (!in->head)
		return (enum err)ENOMEM;
	memcpy(in->head, wire.data, wire.len);
	/* Once more, so that it points to what stays. */
	if (http_response_read(span_of(in->head, wire.len), span_text(in->method), &in->response) !=
	    PARSE_DONE)
		return ERR_FORMAT;
	in->left = in->response.head.content_length;
	if (in->response.head.framing == HTTP_BODY_LENGTH && in->left > in->body_max)
		return ERR_LIMIT;
	TRY(in->taker.head(in->taker.arg, &in->response));
	return coding(in);
}

static enum err head(struct fetch_incoming *in, struct span wire, size_t *ret_used)
{
	struct http_response r;
	*ret_used = 0;
	/* Who sends by the octet costs no more: a head ends with a line. */
	struct span new = span_sub(wire, in->seen, wire.len);
	in->seen = wire.len;
	if (span_find(new, '\n') == new.len)
		return OK;
	enum parse p = http_response_read(wire, span_text(in->method), &r);
	if (p == PARSE_BAD)
		return r.head.fault == HTTP_FAULT_TOO_LARGE ? ERR_LIMIT : ERR_FORMAT;
	if (p == PARSE_MORE)
		return OK;
	in->seen = 0;
	*ret_used = r.head.len;
	if (r.head.len + in->interim_len > FETCH_HEAD_MAX)
		return ERR_LIMIT;
	if (r.status >= 200)
		return head_take(in, span_sub(wire, 0, r.head.len));
	in->interim_len += r.head.len;
	return OK;
}

enum err fetch_incoming_take(struct fetch_incoming *in, struct span wire, size_t *ret_used,
			     bool *ret_over)
{
	size_t at = 0, used = 1;
	while (used && !in->over) {
		struct span rest = span_sub(wire, at, wire.len);
		bool had_head = in->head != NULL;
		TRY(had_head ? body(in, rest, &used) : head(in, rest, &used));
		at += used;
	}
	*ret_used = at;
	*ret_over = in->over;
	return OK;
}

enum err fetch_incoming_end(struct fetch_incoming *in, bool said)
{
	if (in->over)
		return OK;
	if (!said || !in->head || in->response.head.framing != HTTP_BODY_UNTIL_CLOSE)
		return ERR_CLOSED;
	return finish(in);
}
