/* The bytes of one connection: plain TCP, TLS over TCP, or memory in tests. Knows nothing of HTTP,
 * nor of who reads and writes.
 *
 * Edge-triggered: the owner is called when something changed, and reads and writes until a call
 * says "not now", which clears the mark in `ready`. Whoever implements one (io_tcp.c, the TLS
 * transport, memory_test.h) sets the marks before it calls.
 */
#ifndef PROXY_TRANSPORT_H
#define PROXY_TRANSPORT_H

#include "base/err.h"
#include "base/span.h"
#include "proto/ip/address.h"

#include <stdbool.h>

struct proxy_buffer;
struct proxy_buffers;
struct proxy_transport;

enum {
	PROXY_CAN_READ = 1 << 0,  /* a read may give bytes, the end, or an error */
	PROXY_CAN_WRITE = 1 << 1, /* a write may take bytes */
	PROXY_OPENED = 1 << 2,	  /* connect and handshake are over; stays set */
	PROXY_BROKEN = 1 << 3,	  /* read or write would fail; `error` says why; stays set */
};

enum { PROXY_PARTS_MAX = 16 };

struct proxy_transport_ops {
	/* OK with *ret_len 0: nothing now (PROXY_CAN_READ is cleared). ERR_CLOSED: the other side
	 * has ended in order. Anything else: broken. size > 0. */
	MUST enum err (*read)(struct proxy_transport *t, void *buf, size_t size, size_t *ret_len);
	/* As much of the parts as goes; at most PROXY_PARTS_MAX. Short: PROXY_CAN_WRITE is cleared,
	 * and the owner is called when there is room again. ERR_CLOSED: the other side is gone. */
	MUST enum err (*write)(struct proxy_transport *t, const struct span *parts, size_t parts_n,
			       size_t *ret_len);
	/* We write no more: FIN, or close_notify and FIN. */
	void (*finish)(struct proxy_transport *t);
	/* As read, and the bytes stay. NULL: cannot. */
	enum err (*peek)(struct proxy_transport *t, void *buf, size_t size, size_t *ret_len);
	/* All that was taken from fd already (holds), as a read would give it, in a buffer of that
	 * pool, which is the caller's then. NULL: it is more than that, or nowhere so. NULL: never.
	 */
	struct proxy_buffer *(*ahead)(struct proxy_transport *t, struct proxy_buffers *pool,
				      size_t most);
	/* Nothing waits to be read, the end neither: asks the kernel. NULL: not known. */
	bool (*alive)(const struct proxy_transport *t);
	/* All that was written has come to the other side's machine: a reset takes nothing of it.
	 * NULL: not known. */
	bool (*delivered)(const struct proxy_transport *t);
	/* Whom it is connected to; family 0: not known. NULL: never. */
	void (*peer)(const struct proxy_transport *t, struct ip_endpoint *ret);
	/* Frees t; the owner is called no more. abort: by a reset, what is queued is dropped. */
	void (*close)(struct proxy_transport *t, bool abort);
};

/* What TLS found out; NULL in a transport without, and before its handshake is over: of one that
 * failed there is only what the server asked for. Spans live as long as the transport. */
struct proxy_tls_facts {
	struct span alpn;	 /* "h2", "http/1.1"; empty: none was agreed */
	struct span server_name; /* what the client asked for (SNI), lower case; may be empty */
	struct span version;	 /* "TLSv1.3" */
	struct span cipher;
	struct span client_subject; /* of a client certificate that was checked; else empty */
	struct span client_issuer;
	struct span client_serial, client_fingerprint; /* hexadecimal */
	struct span client_field; /* as RFC 9440 2.2 writes it; empty when it is too long */
	uint64_t peer_from_s, peer_until_s; /* of the other side's certificate; 0: it has none */
	bool resumed;
	bool asks_certificate; /* the server has asked for one of ours, and there is none */
};

/* events: the marks that are new (PROXY_CAN_READ…). The owner may close t in it. */
typedef void proxy_transport_call(void *owner, unsigned events);

/* The first member of each kind. */
struct proxy_transport {
	const struct proxy_transport_ops *ops;
	proxy_transport_call *call;
	void *owner; /* borrowed from whoever set call */
	const struct proxy_tls_facts *tls;
	int fd;		/* plain TCP: may be spliced by io_splice.c; -1: it may not */
	uint8_t ready;	/* PROXY_CAN_READ… */
	bool more;	/* set for a write: it may wait for the next one, a short while */
	bool expects;	/* set by the owner: what comes is a message's head, and is read at once */
	bool holds;	/* what came was taken from fd already: it may not be spliced */
	enum err error; /* with PROXY_BROKEN */
	/* What TLS says of a failure, a fixed text; NULL: nothing. A read that fails with
	 * ERR_REFUSED: the other side does not take our certificate. */
	const char *fault;
};

MUST static inline enum err proxy_transport_read(struct proxy_transport *t, void *buf, size_t size,
						 size_t *ret_len)
{
	return t->ops->read(t, buf, size, ret_len);
}

/* Accepts one that has no such call. */
MUST static inline struct proxy_buffer *
proxy_transport_ahead(struct proxy_transport *t, struct proxy_buffers *pool, size_t most)
{
	return t->holds && t->ops->ahead ? t->ops->ahead(t, pool, most) : NULL;
}

MUST static inline enum err proxy_transport_write(struct proxy_transport *t,
						  const struct span *parts, size_t parts_n,
						  size_t *ret_len)
{
	return t->ops->write(t, parts, parts_n, ret_len);
}

/* Plain TCP, of which nothing was received that was not read. */
static inline bool proxy_transport_can_splice(const struct proxy_transport *t)
{
	return t->fd >= 0 && !t->holds;
}

static inline void proxy_transport_finish(struct proxy_transport *t)
{
	t->ops->finish(t);
}

/* For the last bytes of what is cut: how long they may take to arrive, and how often it is looked.
 */
enum { PROXY_LAST_MS = 10000, PROXY_LAST_LOOK_MS = 20 };
static inline bool proxy_transport_delivered(const struct proxy_transport *t)
{
	return !t->ops->delivered || t->ops->delivered(t);
}

/* Accepts NULL. */
static inline void proxy_transport_close(struct proxy_transport *t, bool abort)
{
	if (t)
		t->ops->close(t, abort);
}

#endif
