/* One HTTP/1 connection's bytes, of a front or a back: heads and bodies in, heads and bodies out,
 * with the framing of RFC 9112 both ways. Knows no exchange and decides nothing.
 *
 * Owns no buffer while nothing is under way.
 */
#ifndef PROXY_WIRE1_H
#define PROXY_WIRE1_H

#include "base/parse.h"
#include "proxy/buffer.h"
#include "proxy/head.h"
#include "proxy/sends.h"

struct http1_head;

enum proxy_framing {
	PROXY_FRAMING_NONE,
	PROXY_FRAMING_LENGTH,
	PROXY_FRAMING_CHUNKED,
	PROXY_FRAMING_CLOSE, /* until the end of the connection; of a tunnel too */
};

struct proxy_wire1 {
	struct proxy_transport *t; /* owned; NULL: closed */
	struct proxy_buffers *pool;
	struct proxy_sends *sends; /* borrowed; NULL: everything goes at once */
	struct proxy_send send;	   /* in that, with out; its call is the owner's */
	struct proxy_buffer *in;   /* received, not dealt with */
	struct proxy_buffer *out;  /* to be sent */
	uint64_t in_left;	   /* of the length, or of the chunk's data */
	uint64_t out_left;	   /* of the length, or of the chunk that was announced */
	uint32_t in_ready;	   /* body bytes at in->start, coding taken off */
	uint16_t put_off;	   /* body bytes that were taken and wait in out… */
	uint16_t put_off_end;	   /* … where they end */
	uint8_t in_framing, out_framing;
	uint8_t in_chunk; /* enum proxy_chunk */
	bool in_done;	  /* the body has ended; what follows is another message */
	bool in_eof;	  /* the other side ended in order */
	bool out_done;	  /* the whole message was composed */
	bool out_chunk;	  /* out_left is of a chunk, whose CRLF is still to come */
};

enum proxy_chunk { PROXY_CHUNK_SIZE, PROXY_CHUNK_DATA, PROXY_CHUNK_END, PROXY_CHUNK_TRAILER };

/* Gives buffers back and closes; accepts a zeroed one. */
void proxy_wire1_done(struct proxy_wire1 *w, bool abort);

/* ---- in ---- */

/* Reads once, if it can, at most that many bytes. OK with *ret_got false: nothing now. ERR_CLOSED:
 * the end (in_eof), what was received is still there. ERR_LIMIT: no buffer, or no room in it.
 * Others: broken. */
MUST enum err proxy_wire1_fill_some(struct proxy_wire1 *w, size_t most, bool *ret_got);
MUST static inline enum err proxy_wire1_fill(struct proxy_wire1 *w, bool *ret_got)
{
	return proxy_wire1_fill_some(w, PROXY_BUFFER_SIZE, ret_got);
}
/* What was received. */
static inline struct span proxy_wire1_bytes(const struct proxy_wire1 *w)
{
	return w->in ? proxy_buffer_span(w->in) : (struct span){0};
}
/* Passes over n of them. */
void proxy_wire1_skip(struct proxy_wire1 *w, size_t n);
/* Gives the buffer back when nothing is in it. */
void proxy_wire1_rest(struct proxy_wire1 *w);

/* The body that comes next. */
void proxy_wire1_in(struct proxy_wire1 *w, enum proxy_framing framing, uint64_t length);
/* Body bytes that are here (maybe none), and whether they are the last ones. PARSE_DONE: so they
 * are. PARSE_BAD: chunks that are none, or torn by the end. trailers: where a trailer section goes;
 * its spans point into `in`, which the caller must keep. */
enum parse proxy_wire1_body(struct proxy_wire1 *w, struct http1_head *trailers, struct span *ret);
void proxy_wire1_taken(struct proxy_wire1 *w, size_t n);
/* How many body bytes are surely to come and not received: what may be spliced. last: nothing of
 * the message follows them. */
uint64_t proxy_wire1_spliceable(const struct proxy_wire1 *w, bool *ret_last);
/* That many of them were. */
void proxy_wire1_spliced_in(struct proxy_wire1 *w, uint64_t n);

/* ---- out ---- */

/* Room for n bytes behind what waits; NULL: none (no buffer, or it is full). */
uint8_t *proxy_wire1_room(struct proxy_wire1 *w, size_t n);
/* The body that is sent next. */
void proxy_wire1_out(struct proxy_wire1 *w, enum proxy_framing framing, uint64_t length);
/* Sends what waits, then bytes with their coding; *ret_taken: how many of those. end and all taken:
 * the message is composed whole (out_done), trailers with it. ERR_FORMAT: more or fewer bytes than
 * the length says, or fewer than were offered before.
 *
 * A message that is composed whole and short may wait in out for the end of the turn, as if it had
 * not gone by now, and then send.call tells: it begins by proxy_wire1_sent. */
MUST enum err proxy_wire1_send(struct proxy_wire1 *w, struct span bytes, bool end,
			       const struct http_field *trailers, size_t trailers_n,
			       size_t *ret_taken);
/* Sends what waits. */
MUST enum err proxy_wire1_flush(struct proxy_wire1 *w);
/* The same, where a message that is composed whole may wait for the end of the turn. */
MUST enum err proxy_wire1_flush_soon(struct proxy_wire1 *w);
/* What was said of it at the turn's end; the error of writing. */
MUST enum err proxy_wire1_sent(struct proxy_wire1 *w, const struct proxy_sending *said);
/* What waits is sent no more. How many bytes of a body, that were taken, it had. */
size_t proxy_wire1_drop(struct proxy_wire1 *w);
static inline bool proxy_wire1_empty(const struct proxy_wire1 *w)
{
	return !w->out;
}
/* Sends what waits. Whether all has come to the other side's machine, or none of it will any more:
 * a reset takes nothing then that waiting would save. */
MUST bool proxy_wire1_arrived(struct proxy_wire1 *w);
/* n bytes of a body with a length went past. */
void proxy_wire1_spliced_out(struct proxy_wire1 *w, uint64_t n);

#endif
