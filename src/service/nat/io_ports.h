/* Port control as a part of the service: the sockets of PCP, NAT-PMP and UPnP, the clock of their
 * list, and the files that it is kept in. Knows no map of the data plane: that is in the effects.
 *
 *	ports_io_plan(conf, plan)		which sockets the supervisor opens
 *	ports_io_open(io, &open)		before the sandbox: descriptors
 *	ports_io_begin(io, &begin)		after it: restores the list (calls effects), serves
 *	ports_io_places(io, places, n)		now and whenever devices or addresses change
 *	ports_io_lost(io)			from effects.lost
 *	ports_io_outside(io, family)		the address outside has changed
 *	ports_io_reload(io, conf, rules)	new rules are in force; then ports_io_places anew,
 *whose zones are the new configuration's, and the old one may be freed ports_io_end(io)
 *the service stops: keeps the list, says goodbye
 */
#ifndef NAT_IO_PORTS_H
#define NAT_IO_PORTS_H

#include "os/activation.h"
#include "os/loop.h"
#include "os/udp.h"
#include "service/nat/conf_portctl.h"
#include "service/nat/pcp.h"
#include "service/nat/portctl.h"
#include "service/nat/upnp.h"

#include <jansson.h>

struct nat_net;
struct outbox;
struct plan;
struct ports_io;
struct upnp_connection;

/* A place where hosts inside reach us: an address of a device of a zone inside. */
struct ports_place {
	uint32_t ifindex;
	const char *zone; /* borrowed from the configuration */
	struct ip_address address;
	uint8_t bits;
};

enum { PORTS_PLACES_MAX = 256, PORTS_SEARCHES_MAX = 32, PORTS_CONNECTIONS_MAX = 32 };

/* The places of a configuration on this machine's devices; returns how many (at most max). */
size_t ports_places(const struct nat_conf *conf, const struct nat_net *net, struct ports_place *ret,
		    size_t max);

/* Adds the sockets that it needs for service "nat": UDP "pcp4", "pcp6", "ssdp", and a TCP listener.
 */
MUST enum err ports_io_plan(const struct portctl_conf *conf, struct plan *p);

/* A search that is answered a little later (UDA 2.0 1.3.3). */
struct ports_search {
	struct ip_endpoint from;
	struct ports_place place;
	char target[UPNP_TEXT_MAX];
	uint64_t due_ms; /* 0: this place is free */
};

struct ports_udp {
	struct ports_io *io;
	struct loop_watch watch;
	struct udp_socket socket; /* fd -1: not open */
	struct udp_batch *batch;  /* owned */
	struct outbox *out;	  /* owned */
};

struct ports_io {
	struct loop *loop;		 /* borrowed */
	const struct portctl_conf *conf; /* borrowed */
	struct portctl *list;		 /* owned */
	struct pcp_server pcp;
	struct pcp_announcer announcer;
	struct upnp upnp;
	struct ports_udp pcp4, pcp6, ssdp;
	struct ports_place places[PORTS_PLACES_MAX];
	size_t places_n;
	uint32_t joined[PORTS_PLACES_MAX]; /* links on which ssdp is in its group */
	size_t joined_n;
	struct ports_search searches[PORTS_SEARCHES_MAX];
	uint64_t notify_ms; /* when UPnP announces itself again */
	unsigned notifies;  /* how often it did since the places changed */
	int http_fd;
	struct loop_watch http_watch;
	struct loop_timer http_again;
	struct upnp_connection *connections;
	size_t connections_n;
	struct loop_timer timer; /* of the list, announcements, searches */
	struct loop_timer save_timer;
	uint64_t saved;		/* portctl_changes of what is kept */
	const char *state_path; /* borrowed; NULL: nothing is kept */
	uint64_t strangers;	/* datagrams and connections from where nobody inside is */
	uint64_t save_failures;
};

/* activation: sockets passed to us; what is not among them is opened here. Errors are logged. */
MUST enum err ports_io_open(struct ports_io *io, const struct portctl_conf *conf,
			    struct activation *activation);

struct ports_begin {
	struct loop *loop;
	const struct portctl_rules *rules;
	const struct portctl_effects *effects;
	const char *state_path;
};
/* All borrowed until ports_io_done; rules until the next ports_io_reload. Storage must not move
 * from here on. What effects.map_open adopts may be open already; what of it is not in the list
 * then (portctl_find) is nobody's and to be closed by the service. */
MUST enum err ports_io_begin(struct ports_io *io, const struct ports_begin *begin);

void ports_io_places(struct ports_io *io, const struct ports_place *places, size_t n);
void ports_io_lost(struct ports_io *io);
void ports_io_outside(struct ports_io *io, uint8_t family);
/* conf: the new configuration's; which protocols are on is obeyed, sockets that it wants besides
 * come with a restart. */
void ports_io_reload(struct ports_io *io, const struct portctl_conf *conf,
		     const struct portctl_rules *rules);
void ports_io_end(struct ports_io *io);
/* Accepts what was opened in part, and zeroed storage of which nothing was. */
void ports_io_done(struct ports_io *io);

/* --- for the control socket --- */

/* A mapping as it is told: a new object. */
json_t *ports_io_mapping(const struct portctl_mapping *m, uint64_t now_ms);
/* Every mapping: an array of objects; at most max, and a member "more" of *ret_more. */
json_t *ports_io_list(const struct ports_io *io, size_t max, size_t *ret_more);
/* Closes one: "tcp" or "udp", and an endpoint inside. ERR_FORMAT, ERR_ABSENT. */
MUST enum err ports_io_revoke(struct ports_io *io, const char *protocol, const char *internal);
void ports_io_metrics(const struct ports_io *io, struct writer *text);

/* --- for its own files --- */

/* The place where a datagram came in; NULL: no host inside sent it. to: the address it was sent to,
 * ours or a group. */
const struct ports_place *ports_place_of(struct ports_io *io, uint32_t ifindex,
					 const struct ip_address *to);
/* Whether the host is a neighbour there. */
bool ports_place_has(const struct ports_place *place, const struct ip_address *host);
/* Sets io->timer to what is due next. */
void ports_io_schedule(struct ports_io *io);
/* The list may have changed: it is kept soon, and its time is looked at again. */
void ports_io_changed(struct ports_io *io);

enum err ports_udp_open(struct ports_udp *u, const char *name, uint8_t family, uint16_t port,
			struct activation *activation);
void ports_udp_done(struct ports_udp *u);

MUST enum err ports_pcp_begin(struct ports_io *io);
void ports_pcp_announce(struct ports_io *io);

MUST enum err ports_ssdp_begin(struct ports_io *io);
void ports_ssdp_join(struct ports_io *io);
void ports_ssdp_turn(struct ports_io *io); /* what is due */
uint64_t ports_ssdp_next_ms(const struct ports_io *io);
void ports_ssdp_notify(struct ports_io *io, bool alive);

MUST enum err ports_http_begin(struct ports_io *io);
void ports_http_done(struct ports_io *io);

#endif
