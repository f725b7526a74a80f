/* The sign-in page's sockets: listeners inside the tunnels, TLS, requests whole and in time,
 * bounded memory for each connection. Knows no route and no user; who is connected is the peer of
 * the inner source address. */
#ifndef VPN_IO_PORTAL_H
#define VPN_IO_PORTAL_H

#include "service/vpn/portal/portal.h"

struct loop;
struct tls_server;

struct portal_io;

enum {
	PORTAL_CONNECTIONS_MAX = 256,
	PORTAL_CONNECTIONS_OF_ONE = 12, /* of one inner address */
};

/* How long the other side may take. */
struct portal_io_times {
	uint32_t request_ms; /* for a whole request, with TLS's handshake before it */
	uint32_t idle_ms;    /* between two requests */
	uint32_t write_ms;   /* to take a whole answer */
};

struct portal_io_options {
	struct loop *loop;	      /* borrowed */
	struct portal *portal;	      /* borrowed */
	struct portal_io_times times; /* all 0: PORTAL_TIMES */
	void *arg;
	/* Who is at this inner address, now. */
	void (*visitor)(void *arg, const struct ip_address *inner, struct portal_visitor *ret);
};

#define PORTAL_TIMES ((struct portal_io_times){15000, 30000, 30000})

struct portal_io_counts {
	uint64_t accepted, refused; /* connections; refused: over a limit */
	uint64_t requests, redirects, faults;
	uint64_t timed_out, tls_failed;
	size_t open;
};

/* ENOMEM. */
MUST enum err portal_io_new(const struct portal_io_options *options, struct portal_io **ret);
/* Closes all connections and listeners. Accepts NULL. */
void portal_io_free(struct portal_io *io);

/* Takes the listening socket. https: the page's port, else the plain one. */
MUST enum err portal_io_listen(struct portal_io *io, int fd, bool https);

/* Connections from now on are shown this; takes it over. Without one HTTPS is refused. ENOMEM: tls
 * is freed. */
MUST enum err portal_io_show(struct portal_io *io, struct tls_server *tls);

/* From now on that portal answers; open connections end. Borrowed. */
void portal_io_use(struct portal_io *io, struct portal *portal);

void portal_io_counts(const struct portal_io *io, struct portal_io_counts *ret);

#endif
