/* What the files of io_portal.h share: the listeners and one connection. Knows no route. */
#ifndef VPN_IO_PORTAL_INNER_H
#define VPN_IO_PORTAL_INNER_H

#include "os/loop.h"
#include "service/vpn/io_portal.h"

struct tls_stream;

enum {
	PORTAL_LISTENERS_MAX = 64,
	PORTAL_WIRE_MAX = 16 << 10, /* bytes that are on their way to the socket */
};

/* A certificate that is shown, for as long as a connection was made under it. */
struct portal_shown {
	struct tls_server *tls;
	unsigned users;
};

struct portal_listener {
	struct portal_io *io; /* borrowed */
	struct loop_watch watch;
	struct loop_timer again; /* out of descriptors */
	int fd;
	bool https;
};

struct portal_io {
	struct portal_io_options options;
	struct portal_listener listeners[PORTAL_LISTENERS_MAX];
	size_t listeners_n;
	struct portal_shown *shown; /* NULL: none yet */
	struct portal_connection *connections;
	struct portal_io_counts counts;
};

struct portal_connection {
	struct portal_io *io; /* borrowed */
	struct portal_connection *next, **link;
	struct loop_watch watch;
	struct loop_timer deadline, again;
	int fd;
	struct ip_address peer; /* inside the tunnel */
	struct portal_shown *shown;
	struct tls_stream *tls; /* NULL: plain */
	enum {
		PORTAL_READING, /* a request */
		PORTAL_WAITING, /* the page owes the answer */
		PORTAL_WRITING, /* the answer */
		PORTAL_CLOSING, /* the last one has left; the other side has not closed yet */
	} at;
	bool turning, ended, input_ended, keep_alive, told_continue, begun;
	struct portal_visit visit;
	struct writer out;
	uint8_t *answer; /* PORTAL_ANSWER_MAX bytes while there is one */
	size_t answer_pos;
	size_t in_len, wire_pos, wire_len;
	uint8_t in[PORTAL_HEAD_MAX + PORTAL_BODY_MAX];
	uint8_t wire[PORTAL_WIRE_MAX];
};

/* Takes fd, and frees itself when it ends. */
MUST enum err portal_connection_new(struct portal_io *io, int fd, const struct ip_address *peer,
				    bool https);
void portal_connection_free(struct portal_connection *x);

void portal_shown_unref(struct portal_shown *s);

#endif
