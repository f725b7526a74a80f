/* PCP (RFC 6887) and NAT-PMP (RFC 6886), which share a port: a datagram to asks of the list and an
 * answer, and the announcements that follow a loss. Knows no socket; who is inside is judged
 * before.
 */
#ifndef NAT_PCP_H
#define NAT_PCP_H

#include "proto/pcp/message.h"
#include "proto/pcp/natpmp.h"

struct portctl;
struct writer;

struct pcp_server {
	struct portctl *list; /* borrowed */
	bool pcp, nat_pmp;    /* which are spoken; the configuration's */
	uint64_t pcp_answers[PCP_RESULTS], natpmp_answers[NATPMP_UNSUPP_OPCODE + 1];
	uint64_t dropped; /* no answer was due */
};

/* Who sent it, by a link inside. */
struct pcp_arrival {
	struct ip_endpoint source;
	const char *zone; /* of that link */
};

/* The answer, at most PCP_MESSAGE_MAX octets; nothing is written when none is due. */
void pcp_server_receive(struct pcp_server *s, uint64_t now_ms, const struct pcp_arrival *a,
			struct span datagram, struct writer *answer);

/* For pcp_server_receive: one protocol each. */
void pcp_receive(struct pcp_server *s, uint64_t now_ms, const struct pcp_arrival *a,
		 struct span datagram, struct writer *answer);
void natpmp_receive(struct pcp_server *s, uint64_t now_ms, const struct pcp_arrival *a,
		    struct span datagram, struct writer *answer);

/* RFC 6887 14.1.3 and RFC 6886 3.2.1: up to ten announcements, the second 250 ms after the first,
 * each further one after twice the time before. All zeros: none is due. */
enum { PCP_ANNOUNCEMENTS = 10, PCP_ANNOUNCE_FIRST_MS = 250 };
struct pcp_announcer {
	unsigned left;
	uint64_t due_ms, gap_ms;
};
void pcp_announcer_begin(struct pcp_announcer *a, uint64_t now_ms);
/* UINT64_MAX: none is due. */
uint64_t pcp_announcer_next_ms(const struct pcp_announcer *a);
/* True: one is to be sent now. */
bool pcp_announcer_step(struct pcp_announcer *a, uint64_t now_ms);

/* What is told: PCP's, to port PCP_CLIENT_PORT of all hosts; NAT-PMP's, the same, by IPv4 alone,
 * with the address that a host there is seen by. */
void pcp_announcement(const struct pcp_server *s, uint64_t now_ms, struct writer *w);
void natpmp_announcement(const struct pcp_server *s, uint64_t now_ms, const struct ip_address *host,
			 struct writer *w);

#endif
