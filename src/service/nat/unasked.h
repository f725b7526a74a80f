/* TCP that nobody inside has asked for (RFC 5382 REQ-4): a SYN from outside is answered by an ICMP
 * port unreachable, but only after six seconds, in which the host inside may call the same far end
 * itself. Does no I/O: what is to be sent, and whether a flow has come to be, are calls.
 */
#ifndef NAT_UNASKED_H
#define NAT_UNASKED_H

#include "base/span.h"
#include "service/nat/bpf/shared.h"

#include <stdint.h>

enum {
	UNASKED_MS = 6000,
	UNASKED_MAX = 512,	/* so at most 85 answers a second */
	UNASKED_SOURCE_MAX = 8, /* of one source */
	UNASKED_QUOTE = 28,	/* octets that are quoted: IP without options, and eight */
};

struct unasked_calls {
	void *arg;
	/* A whole IPv4 packet. */
	void (*send)(void *arg, struct span packet);
	/* Whether there is a flow that a packet of this tuple would belong to. */
	bool (*is_flow)(void *arg, const struct nat_tuple4 *tuple);
};

struct unasked_syn {
	struct nat_tuple4 tuple;
	uint64_t due_ms;
	uint8_t quote[UNASKED_QUOTE];
};

struct unasked_counts {
	uint64_t waiting, answered, asked_after_all, full;
};

/* The caller's, zeroed. A queue: all wait alike. */
struct unasked {
	struct unasked_calls calls;
	struct unasked_syn syns[UNASKED_MAX];
	size_t first, n;
	struct unasked_counts counts;
};

void unasked_init(struct unasked *u, const struct unasked_calls *calls);
/* NAT_EVENT_UNASKED whose packet is a SYN from outside; others are nothing to it. One that is
 * repeated waits once. */
void unasked_event(struct unasked *u, uint64_t now_ms, const struct nat_event *event,
		   struct span packet);
/* Answers those whose time has come. */
void unasked_turn(struct unasked *u, uint64_t now_ms);
/* When to call unasked_turn again; UINT64_MAX: never. */
uint64_t unasked_next_ms(const struct unasked *u);

#endif
