/* Fragments that came before the first of their datagram, held until it has come; and packets that
 *are too big for the next hop, cut. Does no I/O: what is to be sent is a call.
 *
 *	NAT_EVENT_FRAGMENT	 held for HELD_MS, or sent on at once when the first was here
 *already NAT_EVENT_FRAGMENT_FIRST what is held of its datagram is translated and sent on
 *	NAT_EVENT_CUT		 sent on in pieces
 *
 * Whether pieces overlap the data plane has judged (bpf/datagram.h). */
#ifndef NAT_HELD_H
#define NAT_HELD_H

#include "base/span.h"
#include "service/nat/bpf/shared.h"

#include <stdint.h>

enum {
	HELD_MS = 2000,
	HELD_MAX = 256,	      /* fragments; 2.3 MiB of room */
	HELD_SOURCE_MAX = 32, /* of one source */
	HELD_FIRSTS_MAX = 256,
};

struct held_piece {
	struct nat_tuple4 key;
	uint64_t until_ms; /* 0: free */
	uint16_t len;
	uint8_t bytes[NAT_EVENT_PACKET_MAX];
};

/* A first that has come. */
struct held_first {
	struct nat_tuple4 key, answer;
	uint64_t until_ms;
	uint32_t ifindex;
	uint16_t mtu;
	bool machine;
};

struct held_counts {
	uint64_t held, sent, cut;
	uint64_t expired, full, source_full, format, refused; /* lost */
};

/* A whole IPv4 packet with a right header checksum; ifindex 0: by the routes. */
typedef void held_send(void *arg, uint32_t ifindex, struct span packet);

/* About 2.4 MiB; the caller's, zeroed. */
struct held {
	held_send *send;
	void *arg;
	struct held_piece pieces[HELD_MAX];
	struct held_first firsts[HELD_FIRSTS_MAX];
	size_t firsts_next; /* the oldest's place */
	uint16_t id;	    /* for those who have none and are cut */
	uint8_t copy[NAT_EVENT_PACKET_MAX], out[NAT_EVENT_PACKET_MAX];
	struct held_counts counts;
};

void held_init(struct held *h, held_send *send, void *arg);
/* Other kinds of events are nothing to it. packet: what follows the event in the ring. */
void held_event(struct held *h, uint64_t now_ms, const struct nat_event *event, struct span packet);
/* Gives up what nobody has asked for. When it is called matters to the counts only. */
void held_expire(struct held *h, uint64_t now_ms);

#endif
