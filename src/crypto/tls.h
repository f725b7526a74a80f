/* The server's side of TLS 1.2 and 1.3 (RFC 5246, RFC 8446) in memory: bytes of the wire in, bytes
 * of the wire out. Knows no socket, no clock but the library's, and nothing of what is said inside.
 *
 * A turn of whoever owns the socket:
 *   tls_receive(t, what came);  tls_read(t, …) until it gives nothing;  tls_write(t, …);
 *   tls_output(t, …) to the socket until it gives nothing.
 * Allocates as the library does: for each handshake and record, so not on a packet path.
 */
#ifndef CRYPTO_TLS_H
#define CRYPTO_TLS_H

#include "base/err.h"
#include "base/span.h"

enum {
	TLS_ALPN_MAX = 8,	  /* protocols that a server knows */
	TLS_CHAINS_MAX = 1024,	  /* certificates that a server has to show */
	TLS_INPUT_MAX = 32 << 10, /* received bytes that wait in a stream */
};

/* What all connections to one door share. Immutable once streams are made;
 * used by one thread. */
struct tls_server;

struct tls_options {
	/* Protocols in the order of our preference (RFC 7301); none: the extension is ignored. A
	 * client that offers only others is refused, as RFC 7301 3.2 asks. */
	const char *alpn[TLS_ALPN_MAX];
	size_t alpn_n;
};

/* TLS 1.2 with ECDHE and AEAD ciphers, TLS 1.3; X25519 and the NIST curves; no renegotiation, no
 * compression, no early data, no tickets: nothing is resumed. */
MUST enum err tls_server_new(const struct tls_options *options, struct tls_server **ret);
/* Accepts NULL; streams must be freed before. */
void tls_server_free(struct tls_server *s);

/* Adds a certificate with those that lead to its root (PEM, the server's first), and its key. A
 * client that names a host is shown the first one that is for that name (RFC 6125); others the one
 * that was added first. ERR_FORMAT: not PEM, or no certificate in it; ERR_REFUSED: the key belongs
 * to another certificate, or is too weak; ERR_LIMIT: over TLS_CHAINS_MAX. */
MUST enum err tls_server_add(struct tls_server *s, struct span chain_pem, struct span key_pem);

/* One connection. */
struct tls_stream;

/* Borrows s. ERR_ABSENT: s has no certificate. */
MUST enum err tls_stream_new(struct tls_server *s, struct tls_stream **ret);
void tls_stream_free(struct tls_stream *t);

/* How many bytes tls_receive would take now. */
size_t tls_room(const struct tls_stream *t);
/* Bytes from the wire, at most tls_room. */
MUST enum err tls_receive(struct tls_stream *t, struct span wire);

/* Goes on with the handshake, or decrypts into buf. OK with *ret_len 0: more of the wire is needed.
 * ERR_CLOSED: the other side said that it ends. ERR_FORMAT: the handshake or a record is wrong;
 * an alert may wait in tls_output, and the stream is over. */
MUST enum err tls_read(struct tls_stream *t, void *buf, size_t size, size_t *ret_len);

/* Encrypts all of plain into memory, which the caller bounds. ERR_REFUSED before tls_is_open. */
MUST enum err tls_write(struct tls_stream *t, struct span plain);
/* Says that we end; still to be sent by tls_output. */
void tls_finish(struct tls_stream *t);

/* Takes up to size bytes for the wire; 0: none wait. */
size_t tls_output(struct tls_stream *t, void *buf, size_t size);

/* The handshake is over. */
bool tls_is_open(const struct tls_stream *t);

DEFINE_AUTO(struct tls_server, tls_server_free)
DEFINE_AUTO(struct tls_stream, tls_stream_free)

#endif
