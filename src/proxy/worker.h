/* What all connections of one thread share: buffers, exchanges, deadlines, counts, the face. Does
 * no I/O: io_worker.c fills in the time and the ways to the kernel, tests fill in others.
 */
#ifndef PROXY_WORKER_H
#define PROXY_WORKER_H

#include "base/large.h"
#include "base/slab.h"
#include "base/wheel.h"
#include "proto/http/date.h"
#include "proxy/buffer.h"
#include "proxy/count.h"
#include "proxy/exchange.h"
#include "proxy/face.h"
#include "proxy/sends.h"

struct proxy_entry;
struct proxy_front1;
struct proxy_share2;
struct proxy_splice;
struct tls_peer;

/* Ways out of the engine. */
struct proxy_worker_io {
	/* Begins a connection to the hop: TCP, and TLS with tls (NULL: none). The transport tells
	 * PROXY_OPENED or PROXY_BROKEN later; an error at once is returned. first: bytes that go
	 * before everything else, TLS too (a PROXY header), copied. */
	MUST enum err (*connect)(struct proxy_worker *w, const struct proxy_hop *hop,
				 struct tls_peer *tls, struct span first,
				 struct proxy_transport **ret);
	/* TLS over an open transport, which is the new one's from then on, on failure too; it tells
	 * PROXY_OPENED or PROXY_BROKEN. NULL: there is no TLS. */
	enum err (*tls_accept)(struct proxy_worker *w, struct proxy_transport *lower,
			       struct tls_server *server, struct proxy_transport **ret);
	/* The client's side over an open transport, as tls_accept. */
	enum err (*tls_connect)(struct proxy_worker *w, struct proxy_transport *lower,
				struct tls_peer *peer, struct proxy_transport **ret);
	/* Reads size bytes of a file at offset; fewer: *ret_len says so. NULL: no files. */
	enum err (*file_read)(struct proxy_worker *w, int fd, uint64_t offset, void *buf,
			      size_t size, size_t *ret_len);
	/* Milliseconds since 1970, for Date. NULL: there is no clock, and no Date. */
	uint64_t (*wall_ms)(void);
	/* See io_splice.h. NULL: bodies are never spliced. */
	struct proxy_splice *(*splice_take)(struct proxy_worker *w);
	void (*splice_give)(struct proxy_worker *w, struct proxy_splice *s);
	/* Writes each of the list, of n > 0 transports, and fills in what became of it. NULL: one
	 * after another. */
	void (*send_many)(struct proxy_worker *w, struct proxy_sending *list, size_t n);
};

/* What became of bytes that go from kernel to kernel. */
struct proxy_spliced {
	uint64_t got, put; /* taken from the one, given to the other */
	size_t held;	   /* between them */
	bool gone;	   /* the other takes no more, ever */
	bool more;	   /* it was enough for one turn, and there is more: no event will tell */
};
/* As many of the left bytes as can go now, and as are fair to others. ERR_CLOSED: `from` has ended.
 */
MUST enum err proxy_splice_move(struct proxy_splice *s, struct proxy_transport *from,
				struct proxy_transport *to, uint64_t left,
				struct proxy_spliced *ret);

/* From a transport that can be read, up to `most`, and to what the pipe holds; none: PROXY_CAN_READ
 * is cleared when the pipe was empty. ERR_CLOSED: `from` has ended. */
MUST enum err proxy_splice_in(struct proxy_splice *s, struct proxy_transport *from, size_t most,
			      size_t *ret_len);
/* What is in the pipe, as far as it goes; the rest (*ret_held): PROXY_CAN_WRITE is cleared. Both
 * are set on failure too. */
MUST enum err proxy_splice_out(struct proxy_splice *s, struct proxy_transport *to, size_t *ret_len,
			       size_t *ret_held);

struct proxy_worker {
	uint64_t now_ms, now_us; /* of this turn */
	bool backlog;		 /* more has come than it was told of */
	const struct proxy_face *face;
	void *face_arg;
	const struct proxy_worker_io *io;
	void *io_arg;			   /* io_worker.c's own */
	const struct proxy_limits *limits; /* for verdicts without, and before one */
	struct proxy_buffers buffers;
	struct proxy_back1 *back1_last; /* back1.h */
	struct slab front1s, back1s, entry_slab, relays, inspects;
	struct proxy_entry *entries; /* before they speak HTTP */
	struct proxy_front1 *fronts; /* all of them, for the drain */
	struct wheel wheel;	     /* deadlines of connections and exchanges: deadline.h */
	struct proxy_counts counts;
	struct proxy_later_list later;
	struct proxy_sends sends;	       /* of the turn that runs */
	struct proxy_exchange *exchanges;      /* all that run */
	struct proxy_exchange *exchanges_free; /* kept as they are, not zeroed */
	struct large exchanges_memory;
	size_t exchanges_n, exchanges_max;
	size_t exchanges_most;	  /* at once, since the last trim */
	size_t exchanges_small_n; /* that malloc gave */
	uint64_t exchange_id;
	uint64_t connection_id;	  /* of the last one that a front has taken */
	char date[HTTP_DATE_LEN]; /* of this second; good until now_ms is date_until_ms */
	uint64_t date_until_ms;
	uint64_t splice_min;	     /* bytes of a body that are worth a pipe */
	bool draining;		     /* connections close after the answer that runs */
	struct proxy_share2 *share2; /* owned; NULL until HTTP/2 is spoken */
};

/* Storage is the caller's; the rest is filled in by him afterwards. */
void proxy_worker_init(struct proxy_worker *w, uint64_t now_ms, size_t connections_max,
		       size_t exchanges_max, size_t buffers_max);
/* All connections must be closed. */
void proxy_worker_done(struct proxy_worker *w);
/* Now and then: memory goes back that a peak needed. */
void proxy_worker_trim(struct proxy_worker *w);
/* After each batch of events: what was composed is sent, then what was put off and who is late. */
void proxy_worker_turn(struct proxy_worker *w);

#endif
