/* A translator that is slow and obvious, for tests of the data plane: written from RFC 4787, 5382,
 * 5508 and doc/design/nat.md, with lists that are walked from end to end and checksums that are
 * computed from whole packets. Knows nothing of how the programs do it, and no time: nothing
 * expires.
 *
 * Where an RFC leaves a choice (which other port, which public address of several), it takes the
 * one that the program has made, after it has seen that it was a permitted one.
 */
#ifndef NAT_BPF_ORACLE_TEST_H
#define NAT_BPF_ORACLE_TEST_H

#include "service/nat/bpf/plane_test.h"

enum {
	ORACLE_FLOWS = 4000,
	ORACLE_PUBLICS = 2,
	ORACLE_RULES = 24,
	ORACLE_FORWARDS = 8,
	ORACLE_HOSTS = 64,
	ORACLE_KEPT = 4,
	ORACLE_RESET = 1 << 16, /* a RST */
};

enum oracle_verdict { ORACLE_DROP, ORACLE_PASS, ORACLE_SEND };

/* port: host order; of ICMP the identifier, on the side of who asks. */
struct oracle_end {
	uint32_t address;
	uint16_t port;
};

/* One direction of a flow, as its packets come in. */
struct oracle_way {
	struct oracle_end src, dst;
	unsigned zone;
};

enum oracle_kind { ORACLE_ROUTED, ORACLE_MACHINE, ORACLE_OWN, ORACLE_FORWARD, ORACLE_MAPPED };

struct oracle_flow {
	uint8_t proto;
	struct oracle_way way[2]; /* of the originator; of the answers */
	uint32_t host;		  /* whose limit it counts for */
	enum oracle_kind kind;
	unsigned gen; /* of the rules that allowed it */
};

struct oracle_mapping {
	uint8_t proto;
	unsigned zone;
	struct oracle_end inside, far, outside; /* far: zeros where it does not matter */
};

struct oracle_host {
	uint32_t address;
	uint32_t flags; /* enum nat_host_flag */
	uint32_t flows_max;
	uint32_t public; /* that it has been given; 0: none yet */
};

struct oracle {
	/* what the configuration says: as in the maps */
	struct nat_rule rules[ORACLE_RULES]; /* from 1 on */
	struct nat_forward4 forwards[ORACLE_FORWARDS];
	unsigned rules_own, rules_n, forwards_n, gen;
	unsigned plain_n; /* behind rules_n: to whom nobody is translated */
	struct oracle_host hosts[ORACLE_HOSTS];
	unsigned hosts_n;
	uint32_t publics[ORACLE_PUBLICS];    /* the first is the machine's own as well */
	struct oracle_end kept[ORACLE_KEPT]; /* ports of the machine's services; address: proto */
	/* what has happened */
	struct oracle_flow flows[ORACLE_FLOWS];
	struct oracle_mapping mappings[ORACLE_FLOWS];
	unsigned flows_n, mappings_n;
	const char *why; /* of the last verdict */
	unsigned action; /* of the last rule: enum nat_action; 0: none matched */
	/* What the sender may be told of the last drop: ICMP type << 8 | code, or ORACLE_RESET; 0:
	 * nothing. */
	unsigned answer;
	unsigned answer_too; /* as good: of two causes either may be told */
};

/* What a packet says, read without any of the program's code. */
struct oracle_packet {
	uint8_t proto, ttl, tcp_flags, icmp_type, icmp_code;
	unsigned zone;
	struct oracle_end src, dst;
	size_t l4, end; /* in the frame */
	bool begins;	/* TCP: a SYN; ICMP: a query; all others */
	bool alien;	/* cannot be translated */
	bool foreign;	/* a fragment or an ICMP error: not this oracle's */
};

/* False: not a packet that may be believed. */
bool oracle_read(const struct frame *f, unsigned zone, struct oracle_packet *ret);

/* The source that it was sent with. */
struct oracle_end oracle_source(const struct frame *got, const struct oracle_packet *p);

/* Whether its L4 checksum is right, from the whole of it; true also where it has none. */
bool oracle_sum_right(const struct frame *f, const struct oracle_packet *p);

/* All sums of want, from all of it. One that was wrong in `in` stays wrong, as the program has it.
 */
void oracle_seal(const struct frame *in, const struct frame *got, const struct oracle_packet *p,
		 struct frame *want);

/* Whether got tells the sender of `in` so, from the address `from` (RFC 1812 4.3); a RST comes from
 * whom he has called (RFC 9293 3.10.7.1). */
bool oracle_answer_right(const struct frame *in, const struct frame *got, uint32_t from,
			 unsigned answer);

/* What must come of a frame that comes in by a device of this zone, or (NAT_ZONE_GATEWAY) that the
 * machine itself sends by its outside device. got: what the program has made of it. */
enum oracle_verdict oracle_step(struct oracle *o, unsigned zone, const struct frame *in,
				const struct frame *got, struct frame *ret_want);

#endif
