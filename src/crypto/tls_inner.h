/* What the files of TLS share of each other's insides, and the library's own shapes. Knows nothing
 * that tls.h, tls_chain.h and tls_tickets.h do not promise. */
#ifndef CRYPTO_TLS_INNER_H
#define CRYPTO_TLS_INNER_H

#include "crypto/tls.h"
#include "crypto/tls_chain.h"

#include <openssl/ssl.h>
#include <stdatomic.h>

#define TLS_GROUPS "X25519:P-256:P-384"
/* Of TLS 1.2. */
#define TLS_CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"
/* Of TLS 1.3: 128 bits are what all of a handshake's other parts have, and cost less. */
#define TLS_SUITES "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

/* What a certificate's key signs with, and what we take from others; each one more is looked at in
 * every handshake. */
#define TLS_SIGNATURES                                                                             \
	"ECDSA+SHA256:ed25519:RSA-PSS+SHA256:ECDSA+SHA384:ECDSA+SHA512:RSA-PSS+SHA384:"            \
	"RSA-PSS+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512"

#define TLS_ACME_PROTOCOL "acme-tls/1"

enum { TLS_SECURITY_LEVEL = 2 /* 112 bits: no RSA below 2048, no SHA-1 */ };

struct tls_chain {
	atomic_size_t refs;
	X509 *certificate;
	EVP_PKEY *key;
	STACK_OF(X509) * above;
	enum tls_key kind;
	char **names; /* owned, and each of them */
	size_t names_n;
	CRYPTO_RWLOCK *lock; /* of the staple */
	uint8_t *staple;     /* NULL: none */
	size_t staple_len;
};

/* Of what the library has made; counts of both are taken. ENOMEM; ERR_REFUSED: as tls_chain_new. */
MUST enum err tls_chain_of(X509 *certificate, EVP_PKEY *key, struct tls_chain **ret);
/* The issuer out of the chain (a self-signed one is its own), or NULL. Borrowed. */
X509 *tls_chain_issuer(const struct tls_chain *c);
/* The first http: URL of its OCSP server; "": there is none, or it is too long. How many it names,
 * of whatever kind. */
size_t tls_ocsp_line(X509 *x, char ret[TLS_CHAIN_TEXT_MAX]);
/* As tls_status_judge; what is signed, and says nothing of it, ERR_ABSENT. skew_s 0: it was not
 * asked now: without an end it is not good. */
MUST enum err tls_ocsp_judge(const struct tls_chain *c, struct span ocsp, uint64_t now_s,
			     unsigned skew_s, uint64_t *ret_until_s);
/* What an OCSP answer says of c's certificate, as tls_chain_staple has it. */
MUST enum err tls_staple_judge(const struct tls_chain *c, struct span ocsp, uint64_t now_s,
			       uint64_t *ret_until_s);
/* Is it worthless without a staple (RFC 7633)? */
bool tls_must_staple(X509 *x);
/* The client's side of staples: asked for, and judged when the server has proved itself. */
void tls_client_check_staples(SSL_CTX *c);
/* The staple for the library, which frees it; false: there is none. */
bool tls_chain_staple_copy(struct tls_chain *c, uint8_t **ret, size_t *ret_len);
/* In place of whatever the stream would show. */
bool tls_chain_use(const struct tls_chain *c, SSL *ssl);

/* A chain of each kind of key for one name. Borrowed from the server. */
struct tls_bundle {
	struct tls_chain *by_key[TLS_KEYS_N];
};

struct tls_names; /* what tls_names.h has */

struct tls_server {
	atomic_size_t refs;
	SSL_CTX *library;
	BIO_METHOD *wire;
	uint8_t alpn[TLS_ALPN_MAX][TLS_TEXT_MAX];
	size_t alpn_n;
	bool refuse_unknown;
	bool alone; /* of tls_server_alone: `first` is shown, which the library does not hold */
	tls_acme_hook *acme;
	void *acme_arg;
	struct tls_tickets *tickets;
	struct tls_server *like;   /* counted: whose library it is; NULL: its own */
	struct tls_chain **chains; /* owned; each counted */
	size_t chains_n, chains_room;
	struct tls_names *names;
	struct tls_bundle first; /* what is shown to those who ask for nothing we know */
};

struct tls_peer; /* of tls_client.c */

struct tls_stream {
	SSL *library;
	struct tls_server *server;	 /* counted; NULL on the client's side */
	struct tls_peer *peer;		 /* counted; NULL on the server's side */
	const struct tls_bundle *bundle; /* borrowed from server */
	struct tls_chain *acme;		 /* counted; NULL: this is no proof of a name */
	BIO *in, *out;			 /* borrowed from library; NULL over a wire */
	struct tls_wire wire;
	enum err wire_err; /* the last error of the wire */
	const char *fault; /* NULL: none */
	bool failed, offers_acme, is_open;
	bool staple_good;	  /* the server's says that it is not revoked */
	const char *staple_fault; /* why the server's was not good enough; NULL: it was */
	bool asks_certificate;	  /* the other side has asked for one of ours, and there is none */
	enum err why;		  /* with failed */
};

/* The bytes of a wire for the library; NULL: no memory. */
BIO_METHOD *tls_wire_method(void);
struct tls_stream *tls_stream_of(SSL *ssl);
/* A stream over the wire, which is not asked yet. */
MUST enum err tls_stream_over(SSL_CTX *library, BIO_METHOD *method, const struct tls_wire *wire,
			      struct tls_stream **ret);
/* What server and client say to the library alike. */
bool tls_set_up(SSL_CTX *c, enum tls_version min);
/* Certificates of a PEM text: how many were added; 0: there is none, or no memory. */
size_t tls_authorities_add(X509_STORE *store, STACK_OF(X509_NAME) * ret_names, struct span pem);
int tls_no_phrase(char *buf, int size, int writing, void *arg);
BIO *tls_text_open(struct span text);
bool tls_seconds(const ASN1_TIME *at, uint64_t *ret);
void tls_name_line(const X509_NAME *name, char ret[TLS_TEXT_MAX]);
void tls_serial_line(const X509 *x, char ret[65]);

#endif
