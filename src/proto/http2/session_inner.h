/* What the files of the session share: its insides, and the calls of nghttp2 into each file. Knows
 * no more than session.h; nobody else includes it. */
#ifndef PROTO_HTTP2_SESSION_INNER_H
#define PROTO_HTTP2_SESSION_INNER_H

#include "proto/http2/heap.h"
#include "proto/http2/session.h"

#include <nghttp2/nghttp2.h>

/* A field of the head that is on its way in; both are counted references. */
struct http2_incoming_field {
	nghttp2_rcbuf *name, *value;
};

struct http2_incoming {
	struct http2_head head;
	size_t size;						/* as RFC 9113 6.5.2 counts */
	size_t held_n;						/* of held */
	struct http2_incoming_field held[HTTP2_FIELDS_MAX + 5]; /* pseudo fields too */
	struct http2_field fields[HTTP2_FIELDS_MAX];
};

/* Client: a request that was asked for and is not written yet has no stream at nghttp2. */
struct http2_unsent {
	uint32_t id;
	void *stream;
};

struct http2_session {
	nghttp2_session *h2;
	const struct http2_role *role; /* borrowed */
	struct http2_account account;
	struct http2_counts *counts; /* borrowed */
	void *of;
	struct http2_flood_guard guard;
	struct http2_incoming *incoming; /* NULL between heads */
	struct span pending;		 /* of a frame that did not fit; nghttp2's */
	struct writer *w;		 /* while http2_session_write runs */
	bool paused;			 /* a DATA frame was written, there may be more */
	enum err over;			 /* why the session takes nothing any more */
	uint32_t streams;
	uint32_t continuations;	     /* of the head that is on its way in */
	struct http2_unsent *unsent; /* client: limits.streams_max of them */
	uint32_t unsent_n;
};

/* Ends the session with ENHANCE_YOUR_CALM; returns what the callback returns. */
int http2_session_flooded(struct http2_session *s, enum http2_flood kind);

/* session_receive.c */
void http2_receive_callbacks(nghttp2_session_callbacks *c);
void http2_incoming_free(struct http2_session *s);
/* session_write.c */
void http2_write_callbacks(nghttp2_session_callbacks *c);

#endif
