/* The threads that carry packets: from the UDP sockets of WireGuard interfaces into their TUN
 * devices and back, in batches from end to end. Knows no handshake, no person and no configuration:
 * what is decided is decided in tunnel/plane.h and gate/gate.h.
 *
 * Each worker has, of each interface, a socket for each family, a queue of the TUN device and a
 * plane; and a mutex, which it holds while it works on a batch. A flow stays in one worker: the
 * kernel steers datagrams by addresses and ports, and packets of a TUN device by their flow.
 * Nothing is allocated for a packet, and nothing waits for another to fill a batch.
 *
 * One thread more has of each interface a socket for each family to which the kernel steers all but
 * data (os/udp_steer.h), so that a flood of handshakes neither fills the queues of data nor takes
 * the time of who carries it; tunnel/pace.h bounds what such a flood may cost. It is a worker like
 * the others, but that it has no queue of the TUN device: where the kernel does not steer, all of
 * them share what comes.
 *
 *	vpn_workers_new(n, &loop, &w)	effects.begin and end: vpn_workers_begin, _end
 *	vpn_workers_add(w, &setting, &link)	once for each interface
 *	vpn_workers_start(w)
 *	on a wake of the loop, or when vpn_workers_next_ms says so: vpn_workers_turn(w, now_ms)
 */
#ifndef VPN_IO_WORKER_H
#define VPN_IO_WORKER_H

#include "service/vpn/tunnel/engine.h"

struct loop;
struct vpn_workers;
struct vpn_link; /* an interface, as workers see it */

enum { VPN_LINKS_MAX = 16 };

/* workers_n: 1 to VPN_WORKERS_MAX - 1, without the thread for handshakes. main: the loop that is
 * woken when a worker left something to do, and in whose thread all of this is called; borrowed.
 * ENOMEM. */
MUST enum err vpn_workers_new(size_t workers_n, struct loop *main, struct vpn_workers **ret);
/* Stops them. Engines are freed after it; their begin and end then have nothing to hold. Accepts
 * NULL. */
void vpn_workers_free(struct vpn_workers *w);
DEFINE_AUTO(struct vpn_workers, vpn_workers_free)

struct vpn_link_setting {
	struct vpn_engine *engine; /* borrowed; made for vpn_workers_n workers */
	/* Descriptors, borrowed: one for each worker, or fewer, or none. Sockets are in the order
	 * in which they were bound; the last of vpn_workers_n is for handshakes. Those of a family
	 * share an address (SO_REUSEPORT); those of the TUN device are its queues; without one what
	 * would be written to it is counted as refused. */
	const int *udp4, *udp6, *tuns;
	size_t udp4_n, udp6_n, tuns_n;
	uint16_t mtu;	   /* inner; as the engine's */
	unsigned offloads; /* TUN_… that are wanted; 0 for none */
	bool trains;	   /* UDP_SEGMENT and UDP_GRO are wanted */
};

/* While they do not run. The link lives until it is removed, before its engine is freed and its
 * descriptors are closed. ERR_LIMIT: VPN_LINKS_MAX. */
MUST enum err vpn_workers_add(struct vpn_workers *w, const struct vpn_link_setting *setting,
			      struct vpn_link **ret);
void vpn_workers_remove(struct vpn_workers *w, struct vpn_link *link);
/* Before vpn_engine_set_mtu, inside of begin and end. */
void vpn_link_set_mtu(struct vpn_link *link, uint16_t mtu);

/* Threads begin and end; what comes meanwhile waits in the kernel. Any number of times. */
MUST enum err vpn_workers_start(struct vpn_workers *w);
void vpn_workers_stop(struct vpn_workers *w);

/* All mutexes taken and given back, for struct vpn_effects; arg is the workers. */
void vpn_workers_begin(void *arg);
void vpn_workers_end(void *arg);

/* Gives the engines what workers received for them, and turns them. */
void vpn_workers_turn(struct vpn_workers *w, uint64_t now_ms);
/* When to call it again, of all engines. */
uint64_t vpn_workers_next_ms(struct vpn_workers *w);

/* Sends from the main thread, for struct vpn_effects. */
void vpn_link_send(struct vpn_link *link, const struct vpn_endpoint *to, uint8_t tos,
		   struct span datagram);

/* What the kernel lends a hand with. */
struct vpn_link_features {
	unsigned tun;	      /* TUN_… */
	size_t queues;	      /* of the TUN device */
	bool trains_sent;     /* UDP_SEGMENT: off for good after the device said EIO */
	bool trains_received; /* UDP_GRO */
	bool steers; /* handshakes have a socket of their own, of each family that is there */
};
void vpn_link_features(struct vpn_link *link, struct vpn_link_features *ret);

/* Of a link in a worker, or summed. */
struct vpn_worker_counts {
	uint64_t datagrams_received, trains_received;
	uint64_t packets_to_tun,
		supers_to_tun;		     /* supers: those of several packets among the writes */
	uint64_t writes_to_tun, tun_refused; /* refused: writes that the kernel did not take */
	uint64_t reads_from_tun, packets_from_tun; /* packets: after super-packets were cut */
	uint64_t tun_malformed;			   /* reads whose head and packet do not fit */
	uint64_t datagrams_sent, trains_sent;
	uint64_t datagrams_lost; /* that the kernel would not take */
	uint64_t trains_cut;	 /* that went datagram by datagram */
};
/* worker < workers_n, or SIZE_MAX for the sum. */
void vpn_link_counts(struct vpn_link *link, size_t worker, struct vpn_worker_counts *ret);
/* All of them: the last is the thread for handshakes. */
size_t vpn_workers_n(const struct vpn_workers *w);

#endif
