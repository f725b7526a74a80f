/* The reverse proxy's process as its files see it: workers, sockets, the snapshot in force, back
 * ends. Belongs to the main thread.
 */
#ifndef REVERSE_PROXY_IO_REVERSE_H
#define REVERSE_PROXY_IO_REVERSE_H

#include "control/service_life.h"
#include "proxy/cache/io_cache_tiers.h"
#include "proxy/io_rings.h"
#include "proxy/io_sockets.h"
#include "service/reverse-proxy/balance/backend.h"
#include "service/reverse-proxy/io_snapshot.h"
#include "service/reverse-proxy/io_tickets.h"
#include "service/reverse-proxy/io_worker.h"

struct reverse_acme;
struct reverse_health;
struct reverse_names;
struct reverse_rates;
struct reverse_staples;

struct reverse_proxy {
	struct service_life life;
	struct proxy_sockets sockets;
	struct proxy_rings rings;      /* of the workers */
	struct reverse_entry *entries; /* entries_n */
	size_t entries_n;
	struct proxy_sockets stream_sockets;
	struct ip_endpoint streams_at[REVERSE_STREAM_ADDRESSES_MAX]; /* streams_n */
	size_t streams_n;
	struct proxy_sockets datagram_sockets;
	struct ip_endpoint datagrams_at[REVERSE_STREAM_ADDRESSES_MAX]; /* datagrams_n */
	size_t datagrams_n;
	size_t sessions_max; /* of datagrams, of all workers */
	struct registry registry;
	bool has_registry;
	struct reverse_health *health;
	struct reverse_names *names;
	struct reverse_tickets tickets;
	struct reverse_staples *staples;
	struct reverse_acme *acme;
	struct reverse_snapshot *snapshot; /* in force */
	uint64_t snapshots;		   /* made so far */
	struct reverse_worker *workers;
	struct access_out *outs; /* of the workers, as the log wants them */
	size_t workers_n, workers_started;
	size_t connections_max; /* of all of them */
	struct guard_state *guard;
	struct reverse_rates *rates;
	struct proxy_cache_tiers cache;
	struct auth_hasher *hasher;
	struct access_log log;
	struct loop_timer second; /* what is done once a second */
	uint64_t reloads, reloads_refused;
};

/* A snapshot of config goes to the workers. On an error all stays as it was. */
MUST enum err reverse_apply(struct reverse_proxy *p, struct config *config);
/* The reload of SIGHUP and of the control socket. */
void reverse_reload(void *arg, struct control_reply *reply);

/* io_doors.c: all sockets of the configuration's addresses, for workers_n workers; then which
 * addresses have none, as they came with a reload. */
MUST enum err reverse_doors_open(struct reverse_proxy *p, const struct reverse_conf *conf);
void reverse_doors_tell_unserved(const struct reverse_proxy *p, const struct reverse_conf *conf);

/* control.c */
void reverse_control_face(struct reverse_proxy *p, struct control_face *ret);

#endif
