/* What relay agents put around a message (RFC 8415 9 and 19): Relay-forward and Relay-reply,
 * nested, both ways. Knows nothing of sockets and interfaces. */
#ifndef PROTO_DHCP6_RELAY_H
#define PROTO_DHCP6_RELAY_H

#include "base/err.h"
#include "proto/dhcp6/code.h"
#include "proto/ip/address.h"

struct writer;

/* One layer; spans are views of the message, data NULL: absent. */
struct dhcp6_relay {
	uint8_t type, hop_count;
	struct ip_address link, peer; /* link-address, peer-address */
	struct span options;
	struct span message;	   /* of the Relay Message option */
	struct span interface_id;  /* RFC 8415 21.18 */
	struct span remote_id;	   /* RFC 4649: enterprise number and octets */
	struct span subscriber_id; /* RFC 4580 */
	struct span link_layer; /* RFC 6939: the client's type of hardware (two octets), address */
	struct span ero;	/* RFC 4994: options of this layer that the server shall echo */
};

/* Any relay's message. ERR_UNSUPPORTED: it is none. ERR_FORMAT: torn, without a Relay Message, an
 * option of a wrong length. */
MUST enum err dhcp6_relay_read(struct span wire, struct dhcp6_relay *ret);

/* All layers of a Relay-forward and the message inside; n 0: it came without a relay. */
struct dhcp6_relays {
	uint8_t n;
	struct dhcp6_relay at[DHCP6_RELAYS_MAX]; /* the outermost, next to the server, first */
	struct span message;			 /* the client's */
};

/* Peels Relay-forward messages off. ERR_LIMIT: more than DHCP6_RELAYS_MAX layers. ERR_UNSUPPORTED:
 * a Relay-reply inside. */
MUST enum err dhcp6_relays_read(struct span wire, struct dhcp6_relays *ret);

/* The layers of the Relay-reply that answers (RFC 8415 18.3.10, 19.3), each with the Interface-Id
 * of its Relay-forward; the reply to the client is written next, then dhcp6_relays_end with the
 * same marks. */
struct dhcp6_relay_marks {
	size_t at[DHCP6_RELAYS_MAX];
};
void dhcp6_relays_begin(struct writer *w, const struct dhcp6_relays *relays,
			struct dhcp6_relay_marks *ret);
void dhcp6_relays_end(struct writer *w, const struct dhcp6_relays *relays,
		      const struct dhcp6_relay_marks *marks);

/* The 34 octets in front of a relay's options. */
void dhcp6_write_relay_header(struct writer *w, uint8_t type, uint8_t hop_count,
			      const struct ip_address *link, const struct ip_address *peer);

/* The hardware type and address of RFC 6939; false: absent, or the address is not of 1 to 20
 * octets.
 */
bool dhcp6_relay_link_layer(const struct dhcp6_relay *r, uint16_t *ret_hardware,
			    struct span *ret_address);

#endif
