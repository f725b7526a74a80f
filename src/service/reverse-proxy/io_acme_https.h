/* One request by HTTPS to an authority, on a connection of its own, and its answer. Knows nothing
 * of ACME but the shapes of both, and keeps nothing but the session of TLS.
 */
#ifndef REVERSE_PROXY_IO_ACME_HTTPS_H
#define REVERSE_PROXY_IO_ACME_HTTPS_H

#include "acme/acme.h"
#include "fetch/resolve.h"
#include "os/loop.h"

struct tls_client;
struct tls_peer;
struct tls_stream;

enum {
	ACME_HTTPS_MS = 30000, /* for all of it */
	ACME_HTTPS_HOST_MAX = 256,
	ACME_HTTPS_HEAD_MAX = 16 * 1024,
};

/* Once for each request, never within acme_https_ask. answer is NULL when there was none: why. */
typedef void acme_https_done(void *arg, const struct acme_answer *answer, enum err why);

/* Storage is the caller's and may not move. */
struct acme_https {
	struct loop *loop; /* borrowed */
	acme_https_done *done;
	void *arg; /* borrowed */
	struct fetch_resolve resolve;
	struct tls_client *client; /* counted */
	struct tls_peer *peer;	   /* counted; of host */
	char host[ACME_HTTPS_HOST_MAX];
	uint16_t port;
	struct ip_address found[FETCH_RESOLVED_MAX];
	size_t found_n, at; /* addresses to try, and the next of them */
	int fd;		    /* -1: none */
	bool connected;
	enum err why;		   /* of the last failure */
	char fault[64];		   /* of TLS, with it; "" */
	struct tls_stream *stream; /* owned */
	struct loop_watch watch;
	struct loop_timer timer; /* the end of patience, or of one address */
	uint64_t until_ms;
	char *out; /* owned */
	size_t out_len, out_at;
	uint8_t *in; /* owned */
	size_t in_len, in_room;
	bool is_head;
};

void acme_https_init(struct acme_https *h, struct loop *loop, acme_https_done *done, void *arg);
/* How servers must prove themselves from now on; takes a count. What runs is forgotten. */
void acme_https_trust(struct acme_https *h, struct tls_client *client);
/* request is copied. ERR_EXISTS: one runs; ERR_FORMAT: no https URL; ENOMEM. */
MUST enum err acme_https_ask(struct acme_https *h, struct fetch_resolvers resolvers,
			     const struct acme_request *request);
/* done is not called. Accepts one that does not run. */
void acme_https_stop(struct acme_https *h);
/* Stops, and gives all back; accepts zeroed storage. */
void acme_https_free(struct acme_https *h);

#endif
