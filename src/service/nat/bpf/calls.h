/* The tail calls between the programs of the data plane: their numbers in calls_xdp and calls_tc,
 * which the object fills when it is loaded. Knows nothing of what they do.
 *
 * A call to an empty number does nothing: whoever calls then goes on, counts and drops. Each
 * program reads the packet anew; what it cannot find there is in struct note (maps.h).
 */
#ifndef NAT_BPF_CALLS_H
#define NAT_BPF_CALLS_H

enum nat_call {
	NAT_CALL_NEW,	    /* no flow has it, or rules have changed since */
	NAT_CALL_NEW_OUT,   /* the same for the machine's own, on its way out */
	NAT_CALL_OPTIONS,   /* IP options */
	NAT_CALL_ERROR,	    /* an ICMP error that comes in */
	NAT_CALL_ERROR_OUT, /* one of the machine's own, on its way out */
	NAT_CALL_FRAGMENT,  /* any fragment that comes in */
	NAT_CALL_FRAGMENT_OUT,
	NAT_CALL_TTL,	   /* its time is over: tell */
	NAT_CALL_TOO_BIG,  /* for the next hop's note.mtu: tell, or cut in pieces */
	NAT_CALL_REJECT,   /* a rule says so: tell */
	NAT_CALL_IPV6,	   /* comes in */
	NAT_CALL_IPV6_OUT, /* leaves by an outside device */
	/* IPv6's own (programs6.h, programs64.h), which trust what is in struct work6. */
	NAT_CALL_NEW6,
	NAT_CALL_FRAGMENT6, /* not the first one */
	NAT_CALL_ERROR6,
	NAT_CALL_HOPS6, /* its hop limit is over: tell */
	NAT_CALL_TOO_BIG6,
	NAT_CALL_REJECT6,
	NAT_CALL_SIX_TO_FOUR, /* of NAT64: with a flow, or a new one */
	NAT_CALL_ERROR_SIX_TO_FOUR,
	NAT_CALL_FOUR_TO_SIX,	    /* comes in, and a port of NAT64's has it */
	NAT_CALL_ERROR_FOUR_TO_SIX, /* an ICMP error about what NAT64 has sent */
	NAT_CALLS,
};

#endif
