/* A worker and its share of an interface, for the files io_worker*.c alone. Knows no more than
 * io_worker.h. */
#ifndef VPN_IO_WORKER_INNER_H
#define VPN_IO_WORKER_INNER_H

#include "base/spsc_queue.h"
#include "os/loop.h"
#include "os/thread.h"
#include "os/tun.h"
#include "os/udp_train.h"
#include "proto/ip/coalesce.h"
#include "service/vpn/gate/gate.h"
#include "service/vpn/io_worker.h"
#include "service/vpn/tunnel/pace.h"

#include <pthread.h>

enum {
	WORKER_TRAINS_IN = 8,
	WORKER_TRAINS_OUT = 64,
	WORKER_TRAINS_HANDSHAKE = 64, /* at once, of the socket for handshakes */
	/* Room of that socket, of which the kernel counts about 768 octets for a message. */
	WORKER_HANDSHAKE_BYTES = 256 * 1024,
	/* What is on its way through a worker at once: about a quarter of a core's second-level
	   cache. */
	WORKER_BYTES_MAX = 128 * 1024,
	WORKER_READS_MAX = 512,	     /* of one queue before others have their turn */
	WORKER_HANDSHAKES = 1024,    /* that may wait for the main thread */
	WORKER_OUT_MIN = 64,	     /* room that a reply needs */
	WORKER_HANDSHAKE_TOS = 0x88, /* AF41, as for all but data */
};

/* An interface in one worker: a port. */
struct worker_port {
	struct vpn_worker *worker;
	struct vpn_link *link;
	struct vpn_plane *plane;
	struct udp_train_socket sockets[2]; /* IPv4, IPv6; fd -1: none */
	struct tun tun;
	unsigned joins; /* IP_COALESCE_…: what the device takes */
	struct loop_watch udp_watches[2], tun_watch;
	bool steered[2]; /* the socket is that for handshakes, and the kernel sorts */
	struct vpn_worker_counts counts;
};

struct vpn_link {
	struct vpn_workers *workers;
	struct vpn_engine *engine;
	uint16_t mtu;
	struct worker_port *ports; /* one for each worker */
	size_t queues;
	struct udp_train_socket
		main_sockets[2]; /* worker 0's descriptors, the main thread's counts */
};

/* A train under way to a peer. */
struct worker_train {
	struct udp_train *train;     /* borrowed; its len is of what is sealed */
	const struct vpn_peer *peer; /* until the batch is sent; NULL: of nobody, and closed */
	uint32_t planned;	     /* octets, with what is not sealed yet */
	uint16_t datagrams;
	bool closed;
};

/* What is being sealed: trains of both families, and the packets in them that are not sealed yet.
 */
struct worker_out {
	struct udp_trains *trains[2];
	struct worker_train under_way[2][WORKER_TRAINS_OUT];
	size_t bytes;
	size_t items_n;
	struct vpn_seal items[VPN_PLANE_BATCH_MAX];
	struct worker_train *item_trains[VPN_PLANE_BATCH_MAX]; /* borrowed */
};

struct worker_in {
	struct udp_trains *trains;
	struct vpn_endpoint from[WORKER_TRAINS_HANDSHAKE];
	size_t bytes;
	size_t read, of_use; /* datagrams of this batch */
	size_t items_n;
	struct vpn_open items[VPN_PLANE_BATCH_MAX];
	struct ip_coalesce coalesce;
};

struct handshake_item {
	uint32_t link; /* its place among the links */
	struct vpn_handshake_message message;
};

struct vpn_worker {
	struct vpn_workers *workers;
	size_t number;
	struct loop loop;
	struct thread thread;
	/* A batch holds `work`. Who wants it while a worker is busy holds `turnstile` and gets it
	 * next: without that the worker would take it again before the other is awake. */
	pthread_mutex_t turnstile, work;
	struct spsc_queue *handshakes; /* of struct handshake_item, to the main thread */
	atomic_bool left_to_do;	       /* an engine has to be turned */
	atomic_bool stops;
	uint64_t now_ms;	/* of this batch */
	struct vpn_pace *pace;	/* owned; NULL, but of the thread for handshakes */
	struct loop_timer rest; /* until then it reads no handshakes */
	struct worker_in in;
	struct worker_out out;
	uint8_t tun_room[TUN_HEAD_LEN + TUN_PACKET_MAX + 64];
	uint8_t answer[GATE_ANSWER_MAX];
};

struct vpn_workers {
	struct loop *main;
	size_t workers_n; /* the last is that for handshakes */
	struct vpn_worker **workers;
	size_t links_n;
	struct vpn_link *links[VPN_LINKS_MAX];
	struct udp_trains *main_out; /* one train, of the main thread */
	bool run;
};

/* Readable: one batch. arg is a struct worker_port. */
void worker_read_udp4(void *port, uint32_t events);
void worker_read_udp6(void *port, uint32_t events);
void worker_read_tun(void *port, uint32_t events);

/* The rest is over. arg is a struct vpn_worker. */
void worker_rested(void *worker);

/* The frame of a batch: mutex and time before it; after it what it left goes out. */
void worker_begin(struct vpn_worker *worker);
void worker_end(struct worker_port *port);

/* A packet to a peer: cut, sealed and put into a train. head NULL: it is whole. */
void worker_out_packet(struct worker_port *port, struct vpn_peer *peer,
		       const struct ip_offload *head, struct span packet);
/* A datagram that is ready. */
void worker_out_datagram(struct worker_port *port, const struct vpn_endpoint *to, uint8_t tos,
			 struct span datagram);
/* Seals and sends what is under way. */
void worker_out_flush(struct worker_port *port);

/* A packet of our own into the device. */
void worker_tun_write_whole(struct worker_port *port, struct span packet);

#endif
