/* UDP in trains: datagrams of one size to or from one place that pass through the kernel as one,
 * by UDP_SEGMENT and UDP_GRO, and many trains by one call. Knows nothing of what the datagrams say.
 *
 *	supervisor:	udp_open(&at, UDP_REUSEPORT, &fd)
 *	service:	udp_train_prepare(fd, 0, &socket); udp_trains_new(16, &in);
 *	each wake:	TRY(udp_trains_receive(in, &socket));
 *			for (i < in->count) in->trains[i]…
 */
#ifndef OS_UDP_TRAIN_H
#define OS_UDP_TRAIN_H

#include "os/udp.h"

enum {
	UDP_TRAIN_MAX = 65487,	      /* octets of a train: 65,535 less an IPv6 head and UDP's */
	UDP_TRAIN_DATAGRAMS_MAX = 64, /* the kernel's bound in each train that is sent */
	UDP_TRAINS_MAX = 64,
};

/* A socket, and which of the kernel's helps it has; where one is missing, datagrams go one by one
 * with the same result. */
struct udp_train_socket {
	struct udp_socket udp;
	bool sends_trains;    /* UDP_SEGMENT; off for good after the device answered EIO */
	bool receives_trains; /* UDP_GRO */
	/* Counted by the thread that owns the socket. */
	uint64_t sent, received; /* datagrams */
	uint64_t lost;		 /* datagrams that the kernel would not take */
	uint64_t left_out;	 /* that came and were cut, or empty */
	uint64_t refused;	 /* times that a connected socket heard of no such port there */
	uint64_t
		cut; /* trains that were sent one by one, as the kernel would not take them whole */
};

/* udp_prepare, and trains both ways; each tells its type of service. trains: false leaves the
 * kernel's helps off. */
MUST enum err udp_train_prepare(int fd, size_t receive_bytes, bool trains,
				struct udp_train_socket *ret);

struct udp_train {
	uint8_t *data; /* UDP_TRAIN_MAX octets of room, 64-aligned; may be pointed elsewhere to send
			*/
	uint32_t len;  /* of the whole train; 0: none */
	uint16_t segment; /* octets of each datagram but the last, which may be shorter; not 0 */
	uint8_t tos;	  /* DSCP and ECN of all its datagrams (the traffic class of IPv6) */
	struct ip_endpoint peer;
	/* Where it came to, or leaves from. family 0: the socket's own, or the system's choice,
	 * which is taken as well when the address has gone from this machine. ifindex: where it
	 * came in; to send, 0, or the link whose address it is (fe80::/10). */
	struct ip_address local;
	uint32_t ifindex;
};

struct udp_trains_raw;

/* Rooms and kernel structures for one thread and one direction; may serve several sockets. */
struct udp_trains {
	size_t count; /* trains that are filled */
	size_t trains_max;
	struct udp_trains_raw *raw;
	struct udp_train trains[]; /* trains_max */
};

/* trains 1..UDP_TRAINS_MAX, of 64 KiB each. ENOMEM. */
MUST enum err udp_trains_new(size_t trains, struct udp_trains **ret);
void udp_trains_free(struct udp_trains *trains);
DEFINE_AUTO(struct udp_trains, udp_trains_free)

/* One recvmmsg, which waits for nothing; count may be 0 after it. A datagram that was cut is left
 * out. The errors of the socket are returned; ICMP errors of earlier datagrams are none. */
MUST enum err udp_trains_receive(struct udp_trains *in, struct udp_train_socket *socket);

/* Sends the first count trains in their order, by one sendmmsg where all goes well. What the kernel
 * does not take is lost and counted: that of one peer does not keep the others'. Empty trains are
 * left out. count is 0 after it. */
void udp_trains_send(struct udp_trains *out, struct udp_train_socket *socket);

#endif
