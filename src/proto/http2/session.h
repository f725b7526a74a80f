/* One HTTP/2 connection, either side (RFC 9113), without input and output: bytes in, events out,
 * and bytes out when asked. Knows no socket, no clock and no exchange; the only face of nghttp2. */
#ifndef PROTO_HTTP2_SESSION_H
#define PROTO_HTTP2_SESSION_H

#include "base/err.h"
#include "base/span.h"
#include "proto/http2/flood.h"
#include "proto/http2/head.h"

struct http2_account;
struct http2_heap;
struct http2_session;
struct writer;

#define HTTP2_WRITE_MIN 512 /* bytes of room below which http2_session_write writes nothing new */

/* RFC 9113 7, as numbers of the wire. */
enum http2_code {
	HTTP2_NO_ERROR = 0x0,
	HTTP2_PROTOCOL_ERROR = 0x1,
	HTTP2_INTERNAL_ERROR = 0x2,
	HTTP2_FLOW_CONTROL_ERROR = 0x3,
	HTTP2_REFUSED_STREAM = 0x7, /* never looked at: it may go again (RFC 9113 8.7) */
	HTTP2_CANCEL = 0x8,
	HTTP2_CONNECT_ERROR = 0xa,
	HTTP2_ENHANCE_YOUR_CALM = 0xb,
	HTTP2_HTTP_1_1_REQUIRED = 0xd,
};

enum http2_side { HTTP2_SERVER, HTTP2_CLIENT };

/* Announced to the peer and enforced. */
struct http2_limits {
	uint32_t streams_max; /* server: of the peer's; client: of ours, besides the peer's limit */
	uint32_t window_stream; /* bytes: what the caller may have to hold of one body */
	uint32_t window;	/* bytes: of all bodies of the connection; at least 65535 */
	uint32_t head_max;	/* bytes of a head, counted as RFC 9113 6.5.2 does */
	size_t memory_max;	/* bytes of the session's account */
	bool connect_protocol;	/* server: extended CONNECT is welcome (RFC 8441) */
};

struct http2_counts {
	uint64_t floods[HTTP2_FLOODS]; /* connections ended for it */
	uint64_t faults[HTTP2_FAULTS]; /* heads refused, by why */
	uint64_t broken;	       /* connections ended for a breach of the protocol */
	uint64_t streams, resets_in, resets_out, frames_in;
};

/* What a body has to send now. */
struct http2_body {
	size_t len;			    /* bytes, at most what was asked for */
	bool end;			    /* nothing follows these bytes but trailers */
	const struct http2_field *trailers; /* with end; must last until the call returns */
	size_t trailers_n;
};

/* Called within http2_session_receive and http2_session_write. `of` is the session's owner,
 * `stream` what the owner gave for the stream. Spans last as long as the call. All of the functions
 * below may be called from within but receive, write and free. */
struct http2_events {
	/* Server: a request on a new stream. Returns what the stream is to the owner, or NULL: the
	 * stream is refused (REFUSED_STREAM). */
	void *(*request)(void *of, uint32_t id, const struct http2_head *head);
	/* Client: a head of the answer; status below 200: another follows. */
	void (*response)(void *of, void *stream, const struct http2_head *head);
	/* Bytes of a body; the owner takes them all, and owes http2_session_consumed for them. */
	void (*data)(void *of, void *stream, struct span data);
	/* The peer's body is over; trailers: NULL when there were none. Not called when the head
	 * said end. */
	void (*end)(void *of, void *stream, const struct http2_head *trailers);
	/* The stream is over both ways and its number means nothing any more; code: HTTP2_NO_ERROR
	 * when both sides ended it in order. */
	void (*closed)(void *of, void *stream, uint32_t code);
	/* How much of at most max bytes has the body to send? len 0 without end: nothing now,
	 * http2_session_resume says when there is. Then body_copy fetches exactly len bytes. */
	struct http2_body (*body)(void *of, void *stream, size_t max);
	void (*body_copy)(void *of, void *stream, uint8_t *to, size_t len);
	/* The peer takes no new streams; those above last_id it never looked at: they are closed
	 * with HTTP2_REFUSED_STREAM. */
	void (*goaway)(void *of, uint32_t last_id, uint32_t code);
	void (*pong)(void *of, const uint8_t opaque[8]);
	/* The peer's SETTINGS are known (each time): http2_session_room may have changed. */
	void (*settings)(void *of);
};

/* What sessions of one side share; made at the start, outlives them. */
struct http2_role {
	enum http2_side side;
	struct http2_limits limits;
	const struct http2_events *events; /* borrowed */
	void *callbacks, *option;	   /* nghttp2's, owned */
};

/* ENOMEM. */
MUST enum err http2_role_init(struct http2_role *r, enum http2_side side,
			      const struct http2_limits *limits, const struct http2_events *events);
void http2_role_done(struct http2_role *r); /* accepts zeroed storage */

/* ENOMEM. Its memory comes from heap; role, heap and counts are borrowed. */
MUST enum err http2_session_new(const struct http2_role *role, struct http2_heap *heap,
				struct http2_counts *counts, void *of, struct http2_session **ret);
/* Calls no event; streams that are open are forgotten. */
void http2_session_free(struct http2_session *s);
DEFINE_AUTO(struct http2_session, http2_session_free)

/* All of in is taken. ERR_LIMIT: the peer floods; ERR_FORMAT: it does not speak HTTP/2. Then, as
 * after every other breach of the protocol, http2_session_write still has a GOAWAY. */
MUST enum err http2_session_receive(struct http2_session *s, uint64_t now_ms, struct span in);

/* Writes what is due until there is nothing more or less than HTTP2_WRITE_MIN bytes of room; a
 * buffer of any larger size makes progress. ERR_LIMIT: the session's memory is at its end. */
MUST enum err http2_session_write(struct http2_session *s, struct writer *w);
/* There is something to write. */
bool http2_session_wants_write(const struct http2_session *s);
/* Nothing is to be read or written any more: close the connection. */
bool http2_session_is_over(const struct http2_session *s);

/* Server. Names in heads that are sent are lower case; fields of a connection must not be among
 * them. head->end false: the body comes by events.body. */
MUST enum err http2_session_respond(struct http2_session *s, uint32_t id,
				    const struct http2_head *head);
/* A head with a status of 100 to 199 but 101, ahead of the answer. */
MUST enum err http2_session_inform(struct http2_session *s, uint32_t id,
				   const struct http2_head *head);
/* Client: ERR_LIMIT when http2_session_room is 0. */
MUST enum err http2_session_request(struct http2_session *s, const struct http2_head *head,
				    void *stream, uint32_t *ret_id);
/* Client: new streams that the peer and the limits allow now; 0 after GOAWAY. */
uint32_t http2_session_room(const struct http2_session *s);
/* A head has begun and is not whole: for its time limit. */
bool http2_session_in_head(const struct http2_session *s);
/* Client: the peer takes extended CONNECT (RFC 8441 3). */
bool http2_session_takes_connect(const struct http2_session *s);
/* Streams that are open. */
uint32_t http2_session_streams(const struct http2_session *s);

/* events.body has something again (or the end). */
void http2_session_resume(struct http2_session *s, uint32_t id);
/* n bytes that events.data brought have gone on; id may be closed already. */
void http2_session_consumed(struct http2_session *s, uint32_t id, size_t n);
/* The stream ends now, and no event is called for it any more. */
void http2_session_reset(struct http2_session *s, uint32_t id, enum http2_code code);

void http2_session_ping(struct http2_session *s, const uint8_t opaque[8]);
/* Server, the first step: GOAWAY that still allows every stream (RFC 9113 6.8). A round trip later
 * comes http2_session_drain_end: streams that have begun are served, no others. */
void http2_session_drain(struct http2_session *s);
void http2_session_drain_end(struct http2_session *s);
/* GOAWAY with code; the session is over at once. */
void http2_session_end(struct http2_session *s, enum http2_code code);

#endif
