/* The forward proxy's process as its files see it: workers, sockets, the site in force. Belongs to
 * the main thread.
 */
#ifndef FORWARD_PROXY_IO_FORWARD_H
#define FORWARD_PROXY_IO_FORWARD_H

#include "control/service_life.h"
#include "policy/schedule.h"
#include "proxy/cache/io_cache_tiers.h"
#include "proxy/io_rings.h"
#include "proxy/io_sockets.h"
#include "proxy/ticket_ring.h"
#include "service/forward-proxy/io_quotas.h"
#include "service/forward-proxy/io_worker.h"

struct crowd;
struct inspect_authority;
struct policy_follow;

struct forward_proxy {
	struct service_life life;
	struct proxy_sockets sockets;
	struct proxy_rings rings;      /* of the workers */
	struct forward_entry *entries; /* entries_n */
	size_t entries_n;
	struct tls_tickets *tickets; /* owned */
	struct ticket_ring ring;     /* its keys */
	struct policy_zone zone;     /* of this machine, from the start on */
	struct auth_hasher *hasher;
	struct auth_known *people_known; /* of the tunnels' users */
	struct forward_people *people;
	struct auth_known *known;
	struct auth_attempts *attempts;
	struct bandwidth *bandwidth;
	/* Of TLS inspection; counted; NULL: there is no `inspection`, or not yet. */
	struct inspect_authority *authority;
	struct forward_quotas quotas;
	struct crowd *connected, *associated; /* how many each client has */
	struct forward_site *site;	      /* in force */
	uint64_t sites;			      /* made so far */
	struct proxy_cache_tiers cache;	      /* of all workers */
	struct forward_worker *workers;
	struct access_out *outs; /* of the workers, as the log wants them */
	size_t workers_n, workers_started;
	size_t connections_max; /* of all of them */
	char *policy_folder;	/* NULL: no policy is obeyed */
	struct policy_follow *follow;
	struct access_log log;
	struct loop_timer second; /* what is done once a second */
	uint64_t reloads, reloads_refused;
};

/* The reload of SIGHUP and of the control socket. */
void forward_reload(void *arg, struct control_reply *reply);

/* All follow that configuration from now on; on an error all stays as it was. */
MUST enum err forward_apply(struct forward_proxy *p, struct config *config);

/* control.c */
void forward_control_face(struct forward_proxy *p, struct control_face *ret);

#endif
