/* An IPv4 packet that the data plane has left to us: read, written, cut in pieces. Knows no flow.
 */
#ifndef NAT_IP4_H
#define NAT_IP4_H

#include "base/err.h"
#include "base/span.h"
#include "base/writer.h"

#include <stdint.h>

enum {
	NAT_IP4_HEAD = 20,
	NAT_IP4_MTU_MIN = 68, /* RFC 791 3.2 */
	NAT_IP4_DONT = 0x4000,
	NAT_IP4_MORE = 0x2000,
	NAT_IP4_OFFSET = 0x1fff,
};

struct nat_ip4 {
	uint8_t tos, ttl, protocol;
	uint16_t id, fragment; /* fragment: flags and offset, as above */
	uint8_t source[4], destination[4];
	struct span options, payload; /* views */
};

/* Neither longer nor shorter than it says, with a right header checksum. ERR_FORMAT. */
MUST enum err nat_ip4_read(struct span wire, struct nat_ip4 *ret);
/* With its header's checksum. */
void nat_ip4_write(struct writer *w, const struct nat_ip4 *p);

/* A whole packet of UDP or TCP whose checksum was left to a device has the pseudo-header's sum in
 * its place: then it is computed. payload: p's, where it may be written to. */
void nat_ip4_complete(const struct nat_ip4 *p, uint8_t *payload);

/* Calls with each piece of at most mtu octets, in order; one when it fits. ERR_REFUSED: it may not
 * be cut, or has options, which are not for all pieces. */
typedef void nat_ip4_call(void *arg, const struct nat_ip4 *piece);
MUST enum err nat_ip4_cut(const struct nat_ip4 *p, size_t mtu, nat_ip4_call *call, void *arg);

#endif
