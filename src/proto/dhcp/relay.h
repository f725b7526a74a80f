/* Option 82, the relay agent's information (RFC 3046, RFC 3527, RFC 3993, RFC 4243, RFC 5010, RFC
 * 5107). Knows nothing of who may be believed. */
#ifndef PROTO_DHCP_RELAY_H
#define PROTO_DHCP_RELAY_H

#include "base/err.h"
#include "base/span.h"
#include "base/writer.h"

struct dhcp_message;

enum {
	DHCP_RELAY_CIRCUIT_ID = 1,
	DHCP_RELAY_REMOTE_ID = 2,
	DHCP_RELAY_DOCSIS_CLASS = 4,
	DHCP_RELAY_LINK_SELECTION = 5,
	DHCP_RELAY_SUBSCRIBER_ID = 6,
	DHCP_RELAY_VENDOR_SPECIFIC = 9,
	DHCP_RELAY_FLAGS = 10,
	DHCP_RELAY_SERVER_ID_OVERRIDE = 11,
	DHCP_RELAY_INFO_MAX = 255, /* RFC 3046 2.0: N octets of one length octet */
};

enum { DHCP_RELAY_FLAG_UNICAST = 0x80 }; /* RFC 5010 3: the client unicast the message */

/* All spans are views of the option. A span that is empty was absent or empty: has_ tells. */
struct dhcp_relay_info {
	struct span whole; /* the option, to be echoed as it is */
	struct span circuit_id, remote_id, subscriber_id;
	bool has_circuit_id, has_remote_id, has_subscriber_id;
	bool has_link_selection, has_server_id_override, has_flags;
	uint8_t flags;
	uint32_t link_selection, server_id_override; /* host order */
};

/* ERR_FORMAT: a torn list, or a suboption 5, 10 or 11 of a wrong length. The first of a repeated
 * suboption counts. Unknown ones are passed over and stay in `whole`. */
MUST enum err dhcp_relay_info_read(struct span option, struct dhcp_relay_info *ret);

/* Writes the suboptions that has_ says; `whole` is not looked at. */
void dhcp_relay_info_write(struct writer *w, const struct dhcp_relay_info *info);

/* Relayed copies of m into w, each octet as it came but for hops and giaddr; a message shorter than
 * 300 octets is padded (RFC 1542 2.1). ERR_LIMIT: w is too small. */
MUST enum err dhcp_relay_copy(const struct dhcp_message *m, uint8_t hops, uint32_t giaddr,
			      struct writer *w);
/* The same, and option 82 is replaced by `option` as the last one before END, or removed when that
 * is empty. m has a cookie. ERR_LIMIT also for an option longer than DHCP_RELAY_INFO_MAX. */
MUST enum err dhcp_relay_copy_with(const struct dhcp_message *m, uint8_t hops, uint32_t giaddr,
				   struct span option, struct writer *w);

#endif
