/* What a service gives to the core: who may come in, what becomes of a request, which back end, and
 * what is written down. Called in the worker's thread, never waits; knows no version of HTTP.
 *
 * Calls of one exchange come in this order: request, {pick, left}*, response, done; of a tunnel
 * first_bytes in place of response; request and pick again after a WAIT; done always once for each
 * request, and left once for each pick that gave a hop.
 */
#ifndef PROXY_FACE_H
#define PROXY_FACE_H

#include "proto/ip/address.h"
#include "proxy/end.h"
#include "proxy/transport.h"

struct proxy_connection;
struct proxy_exchange;
struct proxy_hop;
struct proxy_verdict;
struct proxy_worker;
struct tls_server;

/* A client's connection, shared by its exchanges. */
struct proxy_connection {
	struct proxy_worker *worker;
	void *door;		 /* the listener's, as the service gave it */
	void *service;		 /* the face's own, NULL at first */
	bool counted;		 /* likewise, false at first */
	struct ip_endpoint peer; /* of the socket, or of a PROXY header that was believed */
	/* Of the socket or of that header; where it was meant to go, if it was taken on its way. */
	struct ip_endpoint local;
	const struct proxy_tls_facts *tls; /* NULL: plain */
	uint64_t began_ms;
	uint64_t id;	    /* among those of the worker; 0: it speaks nothing yet */
	uint32_t exchanges; /* so far, the one that runs too */
	bool proxied;	    /* peer and local are of a PROXY header, or of the tunnel it is in */
	uint8_t version;    /* 11 or 20; of SOCKS and while unknown 0 */
	const char *fault;  /* its handshake failed: why, a fixed text, maybe "" */
	uint8_t fault_kind; /* with fault: enum proxy_handshake_fault (count.h) */
};

/* What a new connection is to be. Times in ms, 0: no limit. Of SOCKS head_ms is for all that comes
 * before its request has come. */
struct proxy_admission {
	bool refuse;	   /* close it at once, by a reset */
	bool proxy_header; /* a PROXY header comes first, and is believed */
	bool taken;	   /* on its way elsewhere: refused if it was meant for us */
	/* With taken: no protocol of ours. What it begins with is judged, and goes where it was
	 * meant to (face.opening). head_ms is for all that is judged. */
	bool opaque;
	bool http2_plain;	/* HTTP/2 by prior knowledge is allowed without TLS */
	uint8_t socks_versions; /* PROXY_SOCKS_4…: SOCKS is spoken and no HTTP; 0: HTTP */
	bool socks_passwords;	/* clients that offer a password are asked for it */
	bool socks_datagrams;	/* clients may ask for UDP ASSOCIATE */
	struct tls_server *tls; /* the core takes a count of its own; NULL: plain */
	uint32_t handshake_ms;	/* PROXY header and TLS */
	uint32_t head_ms;	/* from a head's first byte to its last */
	uint32_t idle_ms;	/* between requests */
	uint32_t head_max;	/* bytes; at most the buffer's size */
	uint32_t requests_max;	/* on one connection, 0: any */
};

#define PROXY_SOCKS_SIGN_IN_METHOD   "SIGN-IN"
#define PROXY_SOCKS_ASSOCIATE_METHOD "ASSOCIATE"

enum proxy_pick {
	PROXY_PICK_HOP,	 /* *ret_hop */
	PROXY_PICK_WAIT, /* until proxy_exchange_resume */
	PROXY_PICK_NONE, /* 503, or the response that the face put into x with PROXY_PICK_ANSWER */
	PROXY_PICK_ANSWER,
};

enum proxy_judgement {
	PROXY_PASS,    /* x->response as it stands by now, through the filters that were added */
	PROXY_AGAIN,   /* to another back end, if it may still go; else it is passed */
	PROXY_REPLACE, /* the answer in *ret replaces it, through the filters that were added: an
			* error page, or from the cache */
};

/* Of a tunnel's first bytes. */
enum proxy_first {
	PROXY_FIRST_PASS, /* they go on, and nothing behind them is looked at */
	PROXY_FIRST_MORE,
	PROXY_FIRST_REFUSE, /* the tunnel ends by a reset */
	/* They begin TLS, and the client is answered here: `inspect` and `greet` follow. With
	 * tunnels that lead directly to a server only. */
	PROXY_FIRST_INSPECT,
};

/* Of a tunnel that is inspected, when its server's handshake is over. */
enum proxy_greet {
	PROXY_GREET_ENTER, /* as a connection of its own: the connection that was filled in */
	PROXY_GREET_PASS,  /* as a tunnel after all: `pick` follows */
	PROXY_GREET_END,   /* the tunnel ends by a reset */
};

enum { PROXY_FIRST_MAX = 18 * 1024 };

struct proxy_face {
	/* A connection was accepted: peer, local and door are known. *ret is zeroed. Called again
	 * when a PROXY header named another peer (c->proxied): then only `refuse` counts. */
	void (*connection)(void *arg, struct proxy_connection *c, struct proxy_admission *ret);
	/* Of an opaque connection: all that it has sent so far, some at least. Is that enough to
	 * judge by? Asked until it is, or no more can come. NULL: one byte is. */
	bool (*opening)(void *arg, const struct proxy_connection *c, struct span bytes);
	/* It is gone. NULL: of no interest. */
	void (*disconnected)(void *arg, struct proxy_connection *c);
	/* x->request may be edited. *ret is zeroed: PROXY_FORWARD. Of SOCKS, whose version is 4 or
	 * 5, it is CONNECT, or PROXY_SOCKS_SIGN_IN_METHOD: is what Proxy-Authorization says right?
	 * A status below 300 says yes. Or PROXY_SOCKS_ASSOCIATE_METHOD: with a status below 300 the
	 * client is told x->bound; the exchange has a source that never ends, and is over when the
	 * client's connection is (RFC 1928 7). Of an opaque connection it is CONNECT of version 1
	 * to c->local, and x->opening is what came; an answer is its body and nothing else. */
	void (*request)(void *arg, struct proxy_exchange *x, struct proxy_verdict *ret);
	/* x->tries were made before. */
	enum proxy_pick (*pick)(void *arg, struct proxy_exchange *x, struct proxy_hop **ret_hop,
				struct proxy_verdict *ret);
	/* The connection to the hop of the last pick is there, new or kept, and leads where it
	 * should; x->times and x->kept say more. NULL: of no interest. */
	void (*opened)(void *arg, struct proxy_exchange *x);
	/* The exchange has let go of hop: PROXY_FINE, or why it failed there. */
	void (*left)(void *arg, struct proxy_exchange *x, struct proxy_hop *hop,
		     enum proxy_cause cause);
	/* The final head of a back end's answer; not of answers of the face. x->response may be
	 * edited, filters added. NULL: PROXY_PASS. */
	enum proxy_judgement (*response)(void *arg, struct proxy_exchange *x,
					 struct proxy_verdict *ret);
	/* Of a tunnel whose verdict has first_bytes: all that its client has sent so far, of which
	 * the server has seen nothing; some at least. last: no more can come, or is waited for, and
	 * MORE is taken for REFUSE. At most PROXY_FIRST_MAX bytes, at which it is the last.
	 * Not called any more after another word than MORE. NULL: all pass. */
	enum proxy_first (*first_bytes)(void *arg, struct proxy_exchange *x, struct span bytes,
					bool last);
	/* After PROXY_FIRST_INSPECT: the server of a tunnel as a hop with TLS (PROXY_HTTP_ALPN),
	 * for which the tunnel's connection is used from here on; `left` follows. NULL: the tunnel
	 * ends. */
	struct proxy_hop *(*inspect)(void *arg, struct proxy_exchange *x);
	/* server: its handshake is over; or it failed, if PROXY_BROKEN is set. To enter: *c is the
	 * connection inside, as that of x; its `service` is the face's to set, and `disconnected`
	 * is told of its end; *ret is as of `connection`, and has TLS. The connection to the server
	 * is kept for its requests when it is good; it is checked by hop->tls. */
	enum proxy_greet (*greet)(void *arg, struct proxy_exchange *x,
				  const struct proxy_transport *server, struct proxy_connection *c,
				  struct proxy_admission *ret);
	/* The core answers with a status of its own (400, 502…): *ret may give its body and fields
	 * (x->response.status is set). NULL: a line of text. */
	void (*error)(void *arg, struct proxy_exchange *x, struct proxy_verdict *ret);
	/* It is over: times, bytes, cause. x and its storage go after this. */
	void (*done)(void *arg, struct proxy_exchange *x);
	/* A hop that was closed (proxy_hop_close) has no connection any more. */
	void (*hop_empty)(void *arg, struct proxy_hop *hop);
	/* A request that was no request (400 before an exchange is there): for counters and the
	 * log. NULL: of no interest. */
	void (*malformed)(void *arg, struct proxy_connection *c, enum proxy_cause cause);
};

#endif
