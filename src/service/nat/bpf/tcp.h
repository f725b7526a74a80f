/* What a TCP segment does to the state of its flow, and how long that may then be silent (RFC 5382
 * REQ-5, RFC 7857 2, after RFC 6146 3.5.2). Knows nothing of sequence numbers: whoever guesses a
 * port ends nothing at once by a RST, he only shortens the time.
 */
#ifndef NAT_BPF_TCP_H
#define NAT_BPF_TCP_H

#include "service/nat/bpf/packet.h"

static __always_inline bool tcp_opens(__u8 flags)
{
	return (flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

/* direction: 0: from the originator. */
static __always_inline __u8 tcp_next(__u8 state, __u8 flags, int direction)
{
	if ((flags & TCP_RST) != 0) {
		return state == NAT_TCP_FIN_BOTH ? NAT_TCP_FIN_BOTH : NAT_TCP_TRANSITORY;
	}
	if ((flags & TCP_FIN) != 0) {
		__u8 mine = direction == 0 ? NAT_TCP_FIN_0 : NAT_TCP_FIN_1;
		return state == mine || state < NAT_TCP_FIN_0 || state == NAT_TCP_TRANSITORY
			       ? mine
			       : NAT_TCP_FIN_BOTH;
	}
	switch (state) {
	case NAT_TCP_INIT:
		return direction == 1 && (flags & TCP_SYN) != 0 ? NAT_TCP_ANSWERED : state;
	/* Only now has the originator shown that he gets what is sent to him: before, a flood of
	 * SYNs with lent addresses would leave flows that live for hours. */
	case NAT_TCP_ANSWERED:
		return direction == 0 && (flags & TCP_SYN) == 0 ? NAT_TCP_ESTABLISHED : state;
	case NAT_TCP_FIN_BOTH: return direction == 0 && tcp_opens(flags) ? NAT_TCP_INIT : state;
	/* RFC 7857 2.2: a segment after a RST shows that it was not the end. */
	case NAT_TCP_TRANSITORY:
		return direction == 0 && tcp_opens(flags) ? NAT_TCP_INIT : NAT_TCP_ESTABLISHED;
	default: return state;
	}
}

static __always_inline __u8 tcp_idle(__u8 state)
{
	switch (state) {
	case NAT_TCP_ESTABLISHED: return NAT_IDLE_TCP;
	case NAT_TCP_FIN_BOTH:
	case NAT_TCP_TRANSITORY: return NAT_IDLE_TCP_CLOSING;
	default: return NAT_IDLE_TCP_OPENING;
	}
}

static __always_inline void tcp_step(struct nat_flow4 *flow, __u8 flags, int direction)
{
	__u8 state = flow->tcp;
	if (state == NAT_TCP_ESTABLISHED && (flags & (TCP_FIN | TCP_RST)) == 0) {
		return;
	}
	__u8 next = tcp_next(state, flags, direction);
	if (next != state) {
		flow->tcp = next;
		flow->idle = tcp_idle(next);
	}
}

#endif
