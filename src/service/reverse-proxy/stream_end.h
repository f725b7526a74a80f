/* How a stream or a session of datagrams that was passed on has ended, as a line of the access log.
 * Knows no socket, no file and no clock.
 */
#ifndef REVERSE_PROXY_STREAM_END_H
#define REVERSE_PROXY_STREAM_END_H

#include "proto/ip/address.h"
#include "proxy/end.h"
#include "service/reverse-proxy/conf_stream.h"

struct access_line;

/* How it ended where nothing went wrong. */
enum stream_how {
	STREAM_CLOSED,	 /* both sides have */
	STREAM_IDLE,	 /* nothing moved for as long as it may */
	STREAM_ANSWERED, /* of datagrams: the last answer has come */
	STREAM_HOWS,
};

/* "closed"; never NULL. */
const char *stream_how_text(enum stream_how how);

struct stream_end {
	enum reverse_stream_kind kind;
	struct ip_endpoint peer, at; /* at: of ours, that it came to */
	enum proxy_cause cause;
	enum stream_how how; /* with PROXY_FINE */
	const char *name;    /* that the client asked for by TLS; NULL: none was seen */
	const char *pool;    /* NULL: none was found */
	const char *server;  /* the last that was tried; NULL: none */
	bool led;	     /* the server was there: what was said went on to it */
	uint8_t tries;
	uint64_t up, down;	     /* octets that went on to the server, to the client */
	uint64_t begun_us, ended_us; /* of one clock */
	uint64_t connect_us;	     /* 0: no connection was made */
};

/* Fills *ret but for its time, with texts of e and of room. Its status is what a client of HTTP
 * would have been told: 200 once a server was there, 403 for a name that leads nowhere, else the
 * cause's, 0 where a client has none. */
void stream_end_line(const struct stream_end *e, char room[IP_ENDPOINT_TEXT_MAX],
		     struct access_line *ret);

#endif
