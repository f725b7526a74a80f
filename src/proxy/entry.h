/* A client's connection before it speaks HTTP: its PROXY header is read, its TLS handshake made,
 * then the front of its version takes it. Knows no request.
 */
#ifndef PROXY_ENTRY_H
#define PROXY_ENTRY_H

#include "proxy/face.h"

/* Takes t (open, plain) over; c is copied. What goes wrong closes it. */
void proxy_entry_new(struct proxy_worker *w, struct proxy_transport *t,
		     const struct proxy_connection *c, const struct proxy_admission *admission);
extern const size_t proxy_entry_size;
/* All are closed. */
void proxy_entry_end_all(struct proxy_worker *w);

#endif
