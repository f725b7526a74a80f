/* What the data plane leaves to us, sent by a raw socket whose packets its guard lets pass: early
 * fragments, packets to be cut, answers to SYNs that nobody has asked for. Knows no configuration.
 */
#ifndef NAT_IO_LEFT_H
#define NAT_IO_LEFT_H

#include "os/loop.h"
#include "service/nat/held.h"
#include "service/nat/unasked.h"

struct bpf_set;

struct nat_left {
	struct held *held;
	struct unasked *unasked;
	struct loop *loop; /* borrowed */
	struct loop_timer timer;
	int raw_fd;   /* -1: there is none */
	int ask_fd;   /* the set's */
	bool answers; /* whether a SYN is answered at all: as the owner wishes */
	uint64_t unsent;
};

/* Storage is zeroed. While capabilities are there (NET_RAW, NET_ADMIN); set: loaded. */
MUST enum err nat_left_open(struct nat_left *l, struct loop *loop, const struct bpf_set *set);
void nat_left_done(struct nat_left *l);
/* Each record of the ring. */
void nat_left_event(struct nat_left *l, const struct nat_event *event, struct span packet);

#endif
