/* The way to one name server for updates: datagrams from a connected socket, and one message at a
 * time over TCP where the server asks for it. Knows no message. */
#ifndef NAMES_LINK_H
#define NAMES_LINK_H

#include "names/names.h"
#include "os/loop.h"

#define NAMES_TCP_MAX 4096 /* an answer over TCP; longer ones are no answers to updates */

/* One update over TCP at a time: servers ask for it when an answer was cut, which those to updates
 * hardly are. */
struct names_tcp {
	int fd; /* -1: none */
	struct loop_watch watch;
	struct loop_timer timer;
	size_t out_len, out_at, in_len;
	uint8_t out[2 + 4096], in[2 + NAMES_TCP_MAX];
};

struct names_link {
	struct loop *loop; /* borrowed */
	struct ip_endpoint server;
	int fd; /* connected to the server; -1: none */
	struct loop_watch watch;
	struct names_tcp tcp;
	uint64_t dropped_out; /* did not leave; asked for again when their time is over */
	/* What came from the server; in the loop's thread, never from within another call. */
	void (*answer)(void *arg, struct span message);
	void *arg; /* borrowed */
};

/* Before all else: nothing is open. Its storage must not move while something is. */
void names_link_init(struct names_link *l);
/* Talks to that server from now on; what was under way is forgotten. answer and arg are set by the
 * caller before. */
void names_link_set(struct names_link *l, struct loop *loop, const struct ip_endpoint *server);
/* Closes what is open. Accepts one that was only initialised. */
void names_link_close(struct names_link *l);
/* The socket is opened when there is something to say, so that an address that this machine gets
 * later is chosen then. What cannot leave is counted. */
void names_link_send(struct names_link *l, const struct names_send *s);

#endif
