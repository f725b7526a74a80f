/* One question by HTTP/1.1 to a server, on a connection of its own, and the answer: by the first of
 * its addresses that takes it, through TLS for https, over redirects, within times and lengths.
 * Knows not what is asked, and keeps nothing but the sessions of TLS.
 */
#ifndef FETCH_FETCH_H
#define FETCH_FETCH_H

#include "base/err.h"
#include "base/span.h"
#include "fetch/dial.h"
#include "fetch/resolve.h"

#include <stdbool.h>

struct fetch_work;
struct http_response;
struct loop;
struct tls_client;
struct tls_peer;

enum { FETCH_FAULT_MAX = 96, FETCH_BODY_MAX = 1 << 26 /* of an answer that is kept in memory */ };

struct fetch_question {
	const char *method; /* "GET", "HEAD" or "POST"; a fixed text */
	const char *url;
	const char *agent;  /* User-Agent; a fixed text */
	struct span fields; /* lines of further header fields, each with its end; may be empty */
	const char *type;   /* of the body; NULL: there is none */
	struct span body;
	struct fetch_resolvers resolvers;
	uint32_t total_ms;	/* all of it, redirects too */
	uint32_t address_ms;	/* until one address is open, but the last */
	uint32_t idle_ms;	/* between two octets of an open connection */
	uint64_t body_max;	/* of the answer, as it is told; in memory FETCH_BODY_MAX at most */
	unsigned redirects_max; /* a GET or HEAD follows so many */
	bool gzip;		/* the body may come in it */
	bool only_200;		/* another status is a failure: ERR_REFUSED */
	bool every_address; /* a failure leads to the next address, until the sink has something */
	/* Asked of the addresses of each name ahead of all of them; ERR_REFUSED if they may not be.
	 * NULL: they may. */
	fetch_may *may;
	void *may_arg; /* borrowed while it runs */
};

struct fetch_answer {
	const struct http_response *response;
	struct span body; /* empty with a sink, and to HEAD */
};

/* Once for each question, never within fetch_ask. answer is NULL when there was none: why, and
 * fetch_fault. Borrowed for the call, in which the next question may be asked. ERR_ABSENT: the
 * server has no address; ERR_REFUSED: its certificate is not good, a redirect leaves https or leads
 * from outside to an address inside, `may` says no, or the status is not 200; ETIMEDOUT;
 * ERR_CLOSED: cut off; ERR_FORMAT: no HTTP; ERR_LIMIT: too long, or too many redirects; what the
 * sink returns. */
typedef void fetch_done(void *arg, const struct fetch_answer *answer, enum err why);
/* Pieces of the body of an answer of 200, as they come. An error ends it. */
typedef enum err fetch_sink(void *arg, struct span piece);

/* Storage is the caller's and may not move. */
struct fetch {
	struct loop *loop; /* borrowed */
	fetch_done *done;
	fetch_sink *sink; /* NULL: the body is kept whole for the answer */
	void *arg;	  /* borrowed */
	/* Private. */
	struct tls_client *client; /* counted; NULL: no https */
	struct tls_peer *peer;	   /* counted; of host */
	char *host;		   /* owned */
	struct fetch_work *work;   /* owned; NULL: nothing runs */
	char fault[FETCH_FAULT_MAX];
};

void fetch_init(struct fetch *f, struct loop *loop, fetch_done *done, void *arg);
/* How servers must prove themselves from now on; takes a count. What runs is forgotten. NULL: https
 * is not spoken. */
void fetch_trust(struct fetch *f, struct tls_client *client);
/* Texts and spans are copied unless they are fixed ones. ERR_EXISTS: one runs; ERR_FORMAT,
 * ERR_UNSUPPORTED: the URL is none, or not one that we can speak to; ERR_LIMIT: it is too long;
 * ENOMEM. */
MUST enum err fetch_ask(struct fetch *f, const struct fetch_question *q);
static inline bool fetch_runs(const struct fetch *f)
{
	return f->work != NULL;
}
/* More of the last failure than its error says; "": nothing. */
static inline const char *fetch_fault(const struct fetch *f)
{
	return f->fault;
}
/* done is not called. Accepts one that does not run. */
void fetch_stop(struct fetch *f);
/* Stops, and gives all back; accepts zeroed storage. */
void fetch_free(struct fetch *f);

#endif
