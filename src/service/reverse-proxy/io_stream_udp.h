/* Datagrams that one worker passes on without a look at what they carry: what comes from one
 * client's port to one of our addresses is a session, which has a connected socket to one server.
 * Answers leave from the address that was asked. Knows no configuration file.
 *
 * A session keeps the view that it began with. Its server can be told to be away only by ICMP;
 * silence says nothing of it, as strangers can send what no server answers.
 */
#ifndef REVERSE_PROXY_IO_STREAM_UDP_H
#define REVERSE_PROXY_IO_STREAM_UDP_H

#include "base/err.h"
#include "proto/ip/address.h"

#include <stddef.h>

struct reverse_datagrams;
struct reverse_worker;

enum reverse_datagrams_count {
	DATAGRAMS_SESSIONS,    /* begun */
	DATAGRAMS_OPEN,	       /* of them now */
	DATAGRAMS_YIELDED,     /* made room for another */
	DATAGRAMS_UNREACHABLE, /* servers that ICMP said have no such port */
	DATAGRAMS_UP,	       /* datagrams to servers */
	DATAGRAMS_DOWN,	       /* to clients */
	DATAGRAMS_BAD,	       /* cut, empty or too long to be passed on */
	DATAGRAMS_NOWHERE,     /* without a server, or a stream: it was taken from the file */
	DATAGRAMS_LOST,	       /* that the kernel did not take */
	DATAGRAMS_COUNTS,
};

struct reverse_datagrams_options {
	struct reverse_worker *worker; /* borrowed; its view is there */
	const struct ip_endpoint *at;  /* n, borrowed; the sockets are bound there */
	const int *fds;		       /* n, borrowed; -1: served by other workers */
	size_t n;
	size_t sessions_max, client_sessions_max;  /* at once; the latter 0: no limit */
	void (*emptied)(struct reverse_worker *w); /* the last session has gone */
};

MUST enum err reverse_datagrams_new(const struct reverse_datagrams_options *options,
				    struct reverse_datagrams **ret);
/* Nothing more is taken from clients; sessions whose answers are still to come wait for them, the
 * others end. Accepts NULL. */
void reverse_datagrams_drain(struct reverse_datagrams *d);
size_t reverse_datagrams_open(const struct reverse_datagrams *d);
uint64_t reverse_datagrams_count(const struct reverse_datagrams *d,
				 enum reverse_datagrams_count which); /* any thread */
/* Ends all; accepts NULL. */
void reverse_datagrams_free(struct reverse_datagrams *d);

#endif
