/* Connections by TLS 1.2 and 1.3 (RFC 5246, RFC 8446): bytes of the wire on one side, bytes of
 * those who speak on the other. Knows no socket, no clock but the library's, and nothing of what is
 * said inside.
 *
 * A stream is one connection. It gets at the wire in one of two ways:
 *   by calls of its owner (struct tls_wire), which read and write the socket without a copy
 * between; or by memory, where a turn of whoever owns the socket is tls_receive(t, what came);
 * tls_read(t, …) until it gives nothing;  tls_write(t, …); tls_output(t, …) to the socket until it
 * gives nothing. Allocates as the library does: for each handshake, and records while they are
 * under way.
 *
 * Threads: a stream belongs to one thread at a time. A server, a client and a peer are shared by
 * all; servers are immutable once a stream has been made. A change (new certificates) is a new
 * server in the slot: connections there are keep theirs.
 */
#ifndef CRYPTO_TLS_H
#define CRYPTO_TLS_H

#include "base/err.h"
#include "base/span.h"

struct tls_chain;
struct tls_tickets;

enum {
	TLS_ALPN_MAX = 8,	   /* protocols that a server knows */
	TLS_CHAINS_MAX = 1 << 16,  /* certificates that a server has to show */
	TLS_INPUT_MAX = 32 << 10,  /* received bytes that wait in a stream over memory */
	TLS_RECORD_MAX = 16 << 10, /* bytes that one record carries */
	TLS_PIN_LEN = 32, /* SHA-256 of a public key's SubjectPublicKeyInfo (RFC 7858 4.2) */
	TLS_TEXT_MAX = 256,
};

enum tls_version { TLS_1_2, TLS_1_3 };

/* What we ask of the client's certificate. */
enum tls_verify {
	TLS_VERIFY_NONE,     /* none is asked for */
	TLS_VERIFY_OPTIONAL, /* asked for; a client without one passes, one with a bad one does not
			      */
	TLS_VERIFY_REQUIRED,
};

/* --- the server's side -------------------------------------------------------------------------
 */

/* What all connections to one door share. */
struct tls_server;

/* The certificate for a name that is about to be proved by tls-alpn-01 (RFC 8737), or NULL: asked
 * only when a client offers acme-tls/1 alone. Called in the thread of the stream; what it returns
 * is counted for the caller (tls_chain_ref). */
typedef struct tls_chain *tls_acme_hook(void *arg, const char *name);

/* Zeroed is a good choice. Texts and spans are copied. */
struct tls_options {
	/* Protocols in the order of our preference (RFC 7301); none: the extension is ignored. A
	 * client that offers only others is refused, as RFC 7301 3.2 asks. */
	const char *alpn[TLS_ALPN_MAX];
	size_t alpn_n;
	enum tls_version version_min;
	bool wipes; /* what a client sent is wiped in the library's memory when it was read */
	bool refuse_unknown; /* a name of no certificate of ours, or none at all, gets an alert */
	enum tls_verify verify;
	struct span authorities_pem; /* whose client certificates are good; with verify */
	/* Which of them are good no more. Empty: that is not asked; else there must be a list of
	 * each authority on the way, and a list that is out of its time lets nobody in. */
	struct span revoked_pem;
	struct tls_tickets *tickets; /* NULL: nothing is resumed. The server takes a count */
	tls_acme_hook *acme;	     /* NULL: acme-tls/1 is refused */
	void *acme_arg;
};

/* ECDHE and AEAD ciphers in our order (ChaCha20 first for clients that have no AES of their own),
 * X25519 and the NIST curves; no renegotiation, no compression, no early data. ERR_FORMAT:
 * authorities_pem is no PEM, or has none while verify asks for it. ERR_ABSENT: revoked_pem has no
 * list of revoked certificates. */
MUST enum err tls_server_new(const struct tls_options *options, struct tls_server **ret);
struct tls_server *tls_server_ref(struct tls_server *s);
void tls_server_unref(struct tls_server *s);

/* Adds a certificate with those that lead to its root (PEM, the server's first), and its key. A
 * client that names a host is shown the one that was added first of those that are for that name
 * (exactly, or else by a wildcard; RFC 6125), of a kind of key that the client can check; others
 * the first one of all, and those for the same names of other kinds. ERR_FORMAT: not PEM, or no
 * certificate in it; ERR_REFUSED: the key belongs to another certificate, or is too weak;
 * ERR_LIMIT: over TLS_CHAINS_MAX. */
MUST enum err tls_server_add(struct tls_server *s, struct span chain_pem, struct span key_pem);
/* The same with one that is shared; s takes a count. */
MUST enum err tls_server_add_chain(struct tls_server *s, struct tls_chain *c);
/* A server as `like` is, which shows c to everybody, whatever they ask for, and costs next to
 * nothing. like: without tickets and names to be proved; a count of it is taken, and one of c.
 * ERR_REFUSED: the library does not take c. */
MUST enum err tls_server_alone(struct tls_server *like, struct tls_chain *c,
			       struct tls_server **ret);
/* The chain that a client would be shown for that name (NULL: none asked) and kind of key, or NULL.
 * Borrowed. key: of enum tls_key. */
struct tls_chain *tls_server_chain(const struct tls_server *s, const char *name, unsigned key);

/* Where the threads of a listener find the server of the day. */
struct tls_slot;
MUST enum err tls_slot_new(struct tls_slot **ret);
void tls_slot_free(struct tls_slot *slot);
/* Takes a count of s, gives back that of the one before. */
void tls_slot_set(struct tls_slot *slot, struct tls_server *s);
/* Counted for the caller; NULL: none was set. */
struct tls_server *tls_slot_get(struct tls_slot *slot);

/* --- the client's side -------------------------------------------------------------------------
 */

/* How we speak to back ends of one kind. */
struct tls_client;

struct tls_client_options {
	const char *alpn[TLS_ALPN_MAX];
	size_t alpn_n;
	enum tls_version version_min;
	/* By whom a server must be known: one of these. Without any it is not checked at all, and
	 * `unchecked` must say so. */
	struct span authorities_pem;
	bool has_pin; /* this key, whatever its certificate says (RFC 7858 4.2) */
	uint8_t pin[TLS_PIN_LEN];
	bool unchecked;
	struct tls_chain *chain; /* that we show when asked; NULL: none. Counted */
	bool no_sessions;	 /* each connection with a full handshake */
	/* With authorities: a server whose staple says that its certificate is revoked is refused,
	 * and one that must have a good staple (RFC 7633) and has none. */
	bool staples;
	/* Whether its certificate is revoked is to be asked of its authority, where no staple
	 * says that it is not: tls_wants_status. */
	bool status;
};

/* ERR_FORMAT: authorities_pem is no PEM. ERR_REFUSED: nothing says how to check, or two things do.
 */
MUST enum err tls_client_new(const struct tls_client_options *options, struct tls_client **ret);
struct tls_client *tls_client_ref(struct tls_client *c);
void tls_client_unref(struct tls_client *c);

/* One server of that kind, with the sessions that we may resume there. Counted; any thread. */
struct tls_peer;
/* name: asked for by SNI and checked against the certificate; a text of an address is checked as
 * one and not asked for (RFC 6066 3). NULL: with a pin or unchecked only, else ERR_REFUSED. */
MUST enum err tls_peer_new(struct tls_client *c, const char *name, struct tls_peer **ret);
/* Before its first connection: offers that protocol alone by ALPN. ENOMEM. */
MUST enum err tls_peer_offer(struct tls_peer *p, const char *protocol);
struct tls_peer *tls_peer_ref(struct tls_peer *p);
void tls_peer_unref(struct tls_peer *p);

/* --- one connection ----------------------------------------------------------------------------
 */

struct tls_stream;

/* The wire, called only inside the calls of a stream that say so, in its thread. */
struct tls_wire {
	/* Up to size (> 0) bytes into buf. OK with *ret_len 0: none now. Any error, ERR_CLOSED too:
	 * none ever again. */
	enum err (*receive)(void *arg, void *buf, size_t size, size_t *ret_len);
	/* Takes bytes for the other side; OK with *ret_len below bytes.len: no more now. */
	enum err (*send)(void *arg, struct span bytes, size_t *ret_len);
	void *arg;
};

/* Over memory, the server's side. ERR_ABSENT: s has no certificate, nor a
 * hook for names to be proved; with that alone all others get an alert. */
MUST enum err tls_stream_new(struct tls_server *s, struct tls_stream **ret);
/* Over a wire of the caller's, which is copied. The stream takes a count of s or p. */
MUST enum err tls_stream_accept(struct tls_server *s, const struct tls_wire *wire,
				struct tls_stream **ret);
MUST enum err tls_stream_connect(struct tls_peer *p, const struct tls_wire *wire,
				 struct tls_stream **ret);
void tls_stream_free(struct tls_stream *t);

/* Goes on with the handshake (uses the wire). OK: look at tls_is_open; when it is not, more of the
 * wire is needed, or room on it if tls_wants_room. ERR_REFUSED: the other side's certificate is not
 * good, or ours is not to it; ERR_CLOSED: the wire ended; ERR_FORMAT: else. tls_fault says why. */
MUST enum err tls_handshake(struct tls_stream *t);

/* Goes on with the handshake, or decrypts into buf (uses the wire). OK with *ret_len 0: more of the
 * wire is needed. ERR_CLOSED: the other side said that it ends, or over a wire: it ended.
 * ERR_FORMAT: the handshake or a record is wrong; an alert may wait in tls_output, and the stream
 * is over. */
MUST enum err tls_read(struct tls_stream *t, void *buf, size_t size, size_t *ret_len);
/* Decrypted or received bytes wait inside the stream: tls_read may give some without the wire. */
bool tls_has_more(const struct tls_stream *t);

/* Over memory: encrypts all of plain into it, which the caller bounds. ERR_REFUSED before
 * tls_is_open. */
MUST enum err tls_write(struct tls_stream *t, struct span plain);
/* Over a wire: OK with *ret_len below plain.len: the wire is full. What was encrypted and not yet
 * taken goes first next time; the next call must offer the rest of plain again, from the same bytes
 * on (more may follow them); of a record that was encrypted only the length counts by then. */
MUST enum err tls_write_some(struct tls_stream *t, struct span plain, size_t *ret_len);
/* In a call of wire.send: what is sent is a ticket, for which nobody waits. */
bool tls_sends_ticket(const struct tls_stream *t);
/* The last handshake, write or finish waits for room on the wire. */
bool tls_wants_room(const struct tls_stream *t);
/* Records carry at most that many bytes from now on: 512 to TLS_RECORD_MAX. */
void tls_record_limit(struct tls_stream *t, size_t bytes);

/* Says that we end (uses the wire); over memory still to be sent by tls_output. */
void tls_finish(struct tls_stream *t);

/* Over memory: how many bytes tls_receive would take now. */
size_t tls_room(const struct tls_stream *t);
/* Over memory: bytes from the wire, at most tls_room. */
MUST enum err tls_receive(struct tls_stream *t, struct span wire);
/* Over memory: takes up to size bytes for the wire; 0: none wait. */
size_t tls_output(struct tls_stream *t, void *buf, size_t size);

/* The handshake is over. */
bool tls_is_open(const struct tls_stream *t);

/* Of a client's stream that is open: tls_client_options.status, and nothing is known yet. */
bool tls_wants_status(const struct tls_stream *t);

/* The protocol that was agreed on by ALPN; empty: none. Borrowed from t. */
struct span tls_protocol(const struct tls_stream *t);
/* The name that the client asked for, or NULL. Borrowed from t. */
const char *tls_server_name(const struct tls_stream *t);
/* The server has asked for a certificate of ours, and got none: it may want to know who we are.
 * Also of one that has failed. */
bool tls_asks_certificate(const struct tls_stream *t);
/* This connection only proved a name to an ACME server (RFC 8737 3): it is to be closed. */
bool tls_is_acme(const struct tls_stream *t);
/* Why the stream is over, a fixed text for a log; "" when it is not. */
const char *tls_fault(const struct tls_stream *t);

/* The other side's certificate. */
struct tls_certificate {
	bool present; /* and checked good, by what was asked for */
	uint64_t from_s, until_s;
	uint8_t fingerprint[32];
	char subject[TLS_TEXT_MAX], issuer[TLS_TEXT_MAX]; /* RFC 2253, cut */
	char serial[65];
};

/* All of an open connection that somebody may log or pass on. */
struct tls_facts {
	const char *version; /* "TLSv1.3" */
	const char *cipher;  /* "TLS_AES_128_GCM_SHA256" */
	unsigned cipher_bits;
	const char *group; /* of the key agreement; "" when the library does not say */
	bool resumed;
	struct tls_certificate peer;
};
void tls_facts(const struct tls_stream *t, struct tls_facts *ret);
/* The other side's certificate itself, DER in base64 (RFC 4648 4), and a NUL; how many octets of
 * text, 0: there is none that is good, or size is too small. */
size_t tls_certificate_base64(const struct tls_stream *t, char *ret, size_t size);

DEFINE_AUTO(struct tls_server, tls_server_unref)
DEFINE_AUTO(struct tls_client, tls_client_unref)
DEFINE_AUTO(struct tls_peer, tls_peer_unref)
DEFINE_AUTO(struct tls_stream, tls_stream_free)

#endif
