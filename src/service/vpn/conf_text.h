/* What the section `vpn` of the configuration says in a text of its own: addresses with a length,
 * dates, rates, and endpoints by name. Knows no key of the section. */
#ifndef VPN_CONF_TEXT_H
#define VPN_CONF_TEXT_H

#include "base/err.h"
#include "proto/dns/name.h"
#include "proto/ip/prefix.h"

/* An address of a device, and the network that it lies in. */
struct vpn_device_address {
	struct ip_address address;
	uint8_t bits;
};

/* Where a peer is: an address, or a name that is looked up. */
struct vpn_remote {
	struct ip_endpoint at; /* family 0: by name; its port counts then as well */
	struct dns_name name;  /* len 0: by address */
};

/* ADDRESS/LENGTH, or ADDRESS for itself alone. ERR_FORMAT. */
MUST enum err vpn_text_device_address(struct span text, struct vpn_device_address *ret);

/* YYYY-MM-DD (the first moment of that day), YYYY-MM-DDTHH:MM and YYYY-MM-DDTHH:MM:SS, all in UTC;
 * a Z may stand behind a time. 1970 to 9999. ERR_FORMAT. */
MUST enum err vpn_text_date(struct span text, int64_t *ret_s);
enum { VPN_TEXT_DATE_MAX = 24 }; /* with the NUL */
/* YYYY-MM-DDTHH:MM:SSZ. s: 0 to the end of 9999. */
void vpn_text_date_format(int64_t s, char ret[VPN_TEXT_DATE_MAX]);

/* 20Mbit, 512kbit, 2Gbit: powers of 1000, per second; at least 8 kbit, at most 1000 Gbit.
 * ERR_FORMAT. */
MUST enum err vpn_text_rate(struct span text, uint64_t *ret_bits);

/* An endpoint as ip_endpoint_parse, or NAME:PORT; the port must be there. ERR_FORMAT. */
MUST enum err vpn_text_remote(struct span text, struct vpn_remote *ret);

#endif
