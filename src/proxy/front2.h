/* A client's connection that speaks HTTP/2: many requests at once, each an exchange. Knows no back
 * end; frames are proto/http2's.
 *
 * Bodies are not kept here: an answer's bytes go from the back's buffer into frames, a request's
 * from the frames to the back, and only what the back does not take is held, up to the windows.
 * Requests begin when all that the client sent at once was read: one that is reset in the same
 * breath never reaches a back end.
 */
#ifndef PROXY_FRONT2_H
#define PROXY_FRONT2_H

#include "proxy/face.h"

struct http2_counts;
struct proxy_front2;
struct proxy_worker;

/* RFC 9113 3.4: what a client that knows beforehand begins with. */
extern const char proxy_preface2[24];

/* The connection is open (TLS too) and speaks HTTP/2: by ALPN, or first (what was read of it
 * already) begins with the preface. Takes t over; c is copied. No room: t is closed and the face is
 * told. */
void proxy_front2_new(struct proxy_worker *w, struct proxy_transport *t,
		      const struct proxy_connection *c, const struct proxy_admission *admission,
		      struct span first);
/* GOAWAY in two steps for all connections of the worker; they close when their streams are done. */
void proxy_front2_drain(struct proxy_worker *w);
/* All are closed, whatever they do. */
void proxy_front2_end_all(struct proxy_worker *w);
/* How many there are. */
size_t proxy_front2_count(const struct proxy_worker *w);

#endif
