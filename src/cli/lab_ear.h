/* An ear at the two sides of a host: what the lab's verbs that watch have in common. Knows neither
 * translation nor tunnels. */
#ifndef CLI_LAB_EAR_H
#define CLI_LAB_EAR_H

#include "cli/ear.h"
#include "lab/watch.h"
#include "proto/ip/address.h"

#include <jansson.h>

struct lab_ear {
	struct ear ear;
	uint32_t ifindexes[LAB_SIDES];
	struct lab_datagram datagram; /* what was heard last */
};

/* Listens at the two devices of the command line for UDP of these ports until the ear has enough.
 */
MUST enum err lab_ear_run(struct lab_ear *l, uint16_t port_first, uint16_t port_last);

/* The side that a packet passed; LAB_SIDES: neither. */
enum lab_side lab_ear_side(const struct lab_ear *l, const struct packet_received *r);

/* The exit status after lab_ear_run, and what people do about an error. where: the host that the
 * verb is for, with an example. */
int lab_ear_end(struct lab_ear *l, enum err e, const char *where);

/* One end of a datagram. */
struct ip_endpoint lab_end(uint32_t address, uint16_t port);
/* The packet itself, from its IP header on, in hexadecimal. */
json_t *lab_datagram_json(const struct lab_datagram *d);

#endif
