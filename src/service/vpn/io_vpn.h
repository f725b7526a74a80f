/* The service as its front rooms share it: interfaces with their engines, workers, and what peers
 * are beyond the engine's. Knows no packet. */
#ifndef VPN_IO_VPN_H
#define VPN_IO_VPN_H

#include "control/service_life.h"
#include "service/vpn/conf.h"
#include "service/vpn/conf_text.h"
#include "service/vpn/gate/gate.h"
#include "service/vpn/gate/rules.h"
#include "service/vpn/io_worker.h"
#include "service/vpn/tunnel/engine.h"

struct plan;
struct vpn;
struct vpn_lookups;
struct vpn_own_addresses;
struct vpn_people;
struct vpn_store;
struct vpn_added;
struct vpn_names;
struct vpn_uapi;
struct vpn_verify;
struct vpn_devices;
struct writer;

/* Whence a peer is known. */
enum vpn_origin {
	VPN_ORIGIN_CONFIG, /* the file; goes when a reload does not find it there */
	VPN_ORIGIN_STORE,  /* `gatehouse vpn add` */
	VPN_ORIGIN_UAPI,   /* `wg set`; until the service ends */
	VPN_ORIGINS,
};
const char *vpn_origin_name(enum vpn_origin origin);

/* What a peer shall be. All is borrowed for the call. */
struct vpn_peer_setting {
	const char *name;
	uint8_t public_key[VPN_KEY_LEN], preshared_key[VPN_KEY_LEN]; /* zeros: no preshared key */
	const struct ip_prefix *allowed;
	size_t allowed_n;
	struct vpn_remote remote; /* family 0 and no name: it comes to us */
	uint16_t keepalive_s;
	int64_t expires_s;	     /* Unix time; 0: never */
	uint64_t up_bits, down_bits; /* a second, from and to the peer; 0: no limit */
	const struct gate_reach *reach;
	size_t reach_n; /* 0: everything */
	bool to_peers, hub, sign_in;
	const char *const *users, *const *roles; /* who may open it */
	size_t users_n, roles_n;
};

/* What we keep of a peer beside the engine: vpn_peer.owner. */
struct vpn_own {
	enum vpn_origin origin;
	uint32_t seen;		  /* the last apply that named it */
	struct vpn_remote remote; /* as it was set */
	int64_t expires_s;
	struct gate_rules *reach; /* owned; NULL: everything */
	uint64_t up_bits, down_bits;
	char **who; /* owned: users_n users, then roles_n roles */
	size_t users_n, roles_n;
	bool told_expired;
	const char *signed_in; /* io_devices.c's, while it tells; borrowed */
	/* An endpoint by name: when it is to be looked up (0: not now, UINT64_MAX: somebody is at
	 * it), and how often that came to nothing since it was last of use. */
	uint64_t lookup_ms;
	uint32_t lookups;
};

static inline struct vpn_own *vpn_own_of(const struct vpn_peer *peer)
{
	return peer->owner;
}

struct vpn_interface {
	struct vpn *vpn; /* borrowed */
	char name[VPN_INTERFACE_NAME_MAX + 1];
	struct vpn_engine *engine;
	struct gate_net net;
	uint32_t applied; /* counts applies */
	int *tuns;	  /* tuns_n queues; owned */
	size_t tuns_n;	  /* 0: this machine has no TUN */
	struct ip_endpoint listen[2];
	size_t listen_n;
	int *udp4, *udp6; /* owned */
	size_t udp4_n, udp6_n;
	struct vpn_link *link; /* in the workers; NULL before they know it */
};

struct vpn {
	struct service_life life;
	struct vpn_interface *interfaces;
	size_t interfaces_n;
	size_t workers_n;
	struct vpn_workers *workers;
	struct vpn_people *people; /* users and their sessions */
	struct vpn_store *store;   /* users, sessions, peers that were added */
	struct vpn_uapi *uapi;
	struct vpn_page *page;	       /* NULL: nobody signs in */
	struct vpn_added *added;       /* peers of the store */
	struct vpn_names *names;       /* of peers, in the DNS */
	struct vpn_verify *verify;     /* NULL: other services ask nothing */
	struct vpn_devices *devices;   /* peers, for those who obey the policy */
	struct loop_timer turn;	       /* what engines have to do then */
	struct loop_timer dates;       /* peers that expire */
	struct vpn_lookups *lookups;   /* endpoints by name */
	struct vpn_own_addresses *own; /* of this machine */
	uint64_t reloads;
};

static inline const struct vpn_conf *vpn_conf_of(const struct vpn *v)
{
	return service_life_conf(&v->life);
}

/* The engines' time: milliseconds that grow while the machine sleeps; never 0. */
uint64_t vpn_now_ms(void);

/* NULL: no such interface. */
struct vpn_interface *vpn_interface_find(struct vpn *v, const char *name);

/* --- io_peer.c: peers, wherever they come from */

/* Adds the peer, or makes it what the setting says; its keys and its session stay. ERR_REFUSED: our
 * own key, or a useless one; ERR_LIMIT; ENOMEM. The caller holds vpn_engine_begin for many. */
MUST enum err vpn_peer_put(struct vpn_interface *f, const struct vpn_peer_setting *s,
			   enum vpn_origin origin, struct vpn_peer **ret);
/* By name, in all interfaces; NULL: none. */
struct vpn_peer *vpn_peer_find(struct vpn *v, const char *name, struct vpn_interface **ret_of);
/* VPN_EVENT_REMOVED: what we kept of it goes. */
void vpn_peer_gone(struct vpn_peer *peer);
/* The dates of all peers, in the engines' time: the wall clock may have been set. Tells of those
 * that are over. */
void vpn_peers_date(struct vpn *v);

/* --- io_lookup.c: endpoints by name */

MUST enum err vpn_lookups_new(struct vpn *v);
void vpn_lookups_free(struct vpn *v);
/* Its endpoint is looked up soon: it is new, or nobody answers there. Nothing for one by address.
 * May be called from an effect. */
void vpn_lookup_want(struct vpn *v, struct vpn_peer *peer);

/* --- io_own.c: the gateway's addresses, which nobody inside may pose as */

/* All that are there now; before the sandbox. */
MUST enum err vpn_own_addresses_open(struct vpn *v);
/* From now on they are followed. */
MUST enum err vpn_own_addresses_watch(struct vpn *v);
void vpn_own_addresses_free(struct vpn *v);
/* The interface's own, then those of all links. The caller holds vpn_engine_begin; own may be NULL.
 */
void vpn_own_addresses_fill(const struct vpn_own_addresses *own, struct gate_net *net);

/* --- io_apply.c: from the configuration to the engines */

/* Peers, keys, MTU of all interfaces as conf says; those of other origins stay. Logs what cannot
 * be. */
MUST enum err vpn_apply(struct vpn *v, const struct vpn_conf *conf);

/* --- io_keys.c: secrets that nobody wrote down */

/* The interface's key: from the configuration, or from the state directory, where it is made when
 * it is not there. Wipe ret. ERR_FORMAT: what is there is none; logged. */
MUST enum err vpn_private_key(const struct vpn *v, const struct vpn_interface_conf *f,
			      uint8_t ret[VPN_KEY_LEN]);

/* The key that seals rows of the store, likewise. Wipe ret. */
MUST enum err vpn_store_key(const struct vpn *v, const struct vpn_conf *conf,
			    uint8_t ret[VPN_KEY_LEN]);

/* --- io_effects.c: what engines do */

void vpn_effects_fill(struct vpn_interface *f, struct vpn_effects *ret);
/* Engines have something to do, or may have: they turn, and the timer is set for the next time.
 * Called by the loop's wake, and after each change that may begin a handshake. */
void vpn_engines_turn(void *vpn);

/* --- io_open.c: descriptors */

/* TUN queues and UDP sockets of all interfaces: passed, or made here while we may. */
MUST enum err vpn_open(struct vpn *v);
void vpn_close(struct vpn *v);
/* What is wanted of the supervisor, or made here. */
MUST enum err vpn_plan(const struct vpn_conf *conf, struct plan *p);
size_t vpn_workers_of(const struct vpn_conf *conf);

/* --- control.c */

void vpn_control_face(struct vpn *v, struct control_face *ret);
/* io_counters.c */
void vpn_metrics(void *vpn, struct writer *text);
/* main.c */
void vpn_reload(void *arg, struct control_reply *reply);

#endif
