/* The state of the address server's one thread with a loop: what its life, its sockets, its store
 * and its verbs share. Knows nothing of the protocol, which is the engine's. */
#ifndef DHCP_IO_DHCP_H
#define DHCP_IO_DHCP_H

#include "base/siphash.h"
#include "control/service_life.h"
#include "os/links.h"
#include "os/udp.h"
#include "service/dhcp/engine.h"
#include "service/dhcp/io_devices.h"
#include "service/dhcp/io_events.h"
#include "service/dhcp/io_names.h"
#include "service/dhcp/io_reserved.h"
#include "service/dhcp/io_v6.h"

struct dhcp_conf;
struct leases_page;
struct leases6_page;
struct outbox;
struct relay;
struct store;
struct store_worker;

struct dhcp_service {
	struct service_life life;
	struct hash_key key; /* random, of this process */
	struct dhcp_site *site;
	struct dhcp_engine *engine;
	size_t leases_max; /* that the engine was made for */
	struct loop_timer engine_due;
	uint64_t wall_start_ms, ageing_start_us; /* of the engine's clock */

	/* io_v4.c */
	int udp_fd; /* 0.0.0.0:67 */
	struct udp_socket udp;
	struct udp_batch *batch;
	struct outbox *datagrams,
		*packets; /* that leave by udp_fd and packet_fd at the turn's end */
	struct loop_watch udp_watch;
	uint64_t dropped_in, dropped_out, elsewhere; /* too long; not sent; not our interface */

	struct relay *relay; /* NULL: no link is relayed; io_relay.c */
	struct dhcp_v6 v6;
	struct names_io names;

	/* io_probe.c */
	int packet_fd, icmp_fd;
	struct loop_watch packet_watch, icmp_watch;
	uint16_t echo_ident, echo_sequence;

	/* io_links.c */
	struct links links;
	struct loop_watch links_watch;
	uint32_t *served; /* indexes, ascending; only with `interfaces` */
	size_t served_n;
	bool serves_all;

	/* io_store.c */
	struct store *store;
	struct store_worker *worker;
	struct loop_timer store_look;
	bool store_connected;
	bool clock_off; /* our clock and the database's are too far apart */
	/* A feed of everything, while it comes: what it has told of. */
	uint64_t *told; /* keyed hashes of their keys */
	size_t told_n, told_size;
	uint64_t told_version;	/* the newest of them */
	bool telling, told_all; /* told_all: nothing was left out for want of memory */
	uint64_t unreadable;	/* rows that are not ours to read */

	struct dhcp_devices devices; /* that the policy's followers know */
	struct reserved reserved;    /* by `lease reserve`, kept in the store */
	struct events events;	     /* that nobody has looked at yet */
	struct leases6_page *pages6;
	struct leases_page *pages; /* lists under way */
	uint64_t reloads, reloads_failed;
};

/* Unix time in milliseconds that never goes back and leaps with the clock of a machine that slept.
 */
uint64_t dhcp_now_ms(const struct dhcp_service *d);
static inline const struct dhcp_conf *dhcp_conf_of(const struct dhcp_service *d)
{
	return service_life_conf(&d->life);
}

/* io_v4.c: all but dhcp_v4_serves do nothing where conf asked for nothing of IPv4 at the start. */
bool dhcp_v4_serves(const struct dhcp_conf *conf);
MUST enum err dhcp_v4_open(struct dhcp_service *d);
MUST enum err dhcp_v4_watch(struct dhcp_service *d);
void dhcp_v4_done(struct dhcp_service *d);
void dhcp_v4_send(void *arg, const struct dhcp_send *s);
/* What was gathered in the turn leaves. */
void dhcp_v4_flush(struct dhcp_service *d);

/* io_probe.c */
MUST enum err dhcp_probe_open(struct dhcp_service *d);
MUST enum err dhcp_probe_watch(struct dhcp_service *d);
void dhcp_probe_done(struct dhcp_service *d);
void dhcp_probe_send(void *arg, const struct dhcp_probe *p);

/* io_relay.c */
/* As conf says from now on. */
MUST enum err dhcp_relay_set(struct dhcp_service *d, const struct dhcp_conf *conf);
void dhcp_relay_done(struct dhcp_service *d);
/* Does this datagram belong to the relay, and not to the server? Then it has been passed on. */
bool dhcp_relay_takes(struct dhcp_service *d, const struct dhcp_arrival *a, struct span packet);

/* io_links.c */
MUST enum err dhcp_links_open(struct dhcp_service *d);
MUST enum err dhcp_links_watch(struct dhcp_service *d);
void dhcp_links_done(struct dhcp_service *d);
/* Tells the engine; after a change of links or of the site. */
void dhcp_links_tell(struct dhcp_service *d);
bool dhcp_links_serves(const struct dhcp_service *d, uint32_t ifindex);

/* io_store.c */
enum { DHCP_TABLE_LEASES, DHCP_TABLE_RESERVED, DHCP_TABLES };
MUST enum err dhcp_store_open(struct dhcp_service *d);
/* All rows to the engine. ERR_CLOSED: the database is away, and is tried again while we serve. */
MUST enum err dhcp_store_load(struct dhcp_service *d);
MUST enum err dhcp_store_start(struct dhcp_service *d);
void dhcp_store_woken(void *arg);
/* How far the database's clock is ahead of ours, in milliseconds. False: it has none, or was not
 * asked yet. */
struct store_state;
bool dhcp_store_clock(const struct dhcp_service *d, const struct store_state *s, int64_t *ret_ms);
/* Commits what was put and takes the results; nothing more is put. */
void dhcp_store_stop(struct dhcp_service *d);
void dhcp_store_done(struct dhcp_service *d);
enum err dhcp_store_put(void *arg, const struct dhcp_store *s);

/* io_leases.c: the verbs about leases. */
struct control_request;
struct control_reply;
void dhcp_leases_list(void *arg, const struct control_request *req, struct control_reply *reply);
void dhcp_lease_show(void *arg, const struct control_request *req, struct control_reply *reply);
void dhcp_lease_release(void *arg, const struct control_request *req, struct control_reply *reply);
void dhcp_lease_renew(void *arg, const struct control_request *req, struct control_reply *reply);
void dhcp_leases_stop(struct dhcp_service *d);
/* io_leases6.c */
void dhcp_leases6_list(void *arg, const struct control_request *req, struct control_reply *reply);
void dhcp_leases6_stop(struct dhcp_service *d);

/* io_reload.c */
/* The site of that configuration with what the store has reserved. */
MUST enum err dhcp_site_make(struct dhcp_service *d, const struct dhcp_conf *conf,
			     struct dhcp_site **ret);
void dhcp_reload(struct dhcp_service *d, struct control_reply *reply);
/* The stored reservations have changed. */
void dhcp_site_renew(struct dhcp_service *d);

/* control.c */
extern const struct control_face dhcp_face; /* .arg is to be set */

#endif
