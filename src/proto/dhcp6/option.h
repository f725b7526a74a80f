/* What each DHCPv6 option is called and holds, and its text: for configurations, logs and tools.
 * Knows nothing of which option may stand in which message. */
#ifndef PROTO_DHCP6_OPTION_H
#define PROTO_DHCP6_OPTION_H

#include "base/err.h"
#include "proto/dhcp6/code.h"

struct writer;

enum dhcp6_value {
	DHCP6_VALUE_HEX,       /* octets: 01ab, 01:ab */
	DHCP6_VALUE_EMPTY,     /* being there says it all */
	DHCP6_VALUE_U8,	       /* decimal */
	DHCP6_VALUE_U16,       /* */
	DHCP6_VALUE_U32,       /* */
	DHCP6_VALUE_CODES,     /* many u16 */
	DHCP6_VALUE_ADDRESS,   /* one IPv6 address */
	DHCP6_VALUE_ADDRESSES, /* many */
	DHCP6_VALUE_NAME,      /* one domain name, uncompressed (RFC 8415 10) */
	DHCP6_VALUE_NAMES,     /* many */
	DHCP6_VALUE_TEXT,      /* UTF-8 without NUL */
	DHCP6_VALUE_ITEMS,     /* many texts, each behind two octets of length */
	DHCP6_VALUE_NTP,       /* many: an address, a multicast group, a name (RFC 5908) */
	DHCP6_VALUE_VENDOR,    /* enterprise number, then octets: 9:01ab */
	DHCP6_VALUE_INNER, /* of the exchange itself: read and written elsewhere, shown as octets */
};

struct dhcp6_option_info {
	uint16_t code;
	enum dhcp6_value value;
	const char *name; /* lower case words with hyphens */
};

/* NULL: not known. */
const struct dhcp6_option_info *dhcp6_option_info(uint16_t code);
const struct dhcp6_option_info *dhcp6_option_named(struct span name);
/* The nth of the table, in the order of codes; NULL: no more. */
const struct dhcp6_option_info *dhcp6_option_nth(size_t nth);

/* Does such a value take more than one item? */
bool dhcp6_value_is_list(enum dhcp6_value value);

/* Appends one item's octets to an option's body: of a list each item is a call of its own.
 * ERR_FORMAT: not what the type says. ERR_LIMIT: it does not fit into w (which is rewound).
 * ERR_UNSUPPORTED: INNER.
 */
MUST enum err dhcp6_value_parse(enum dhcp6_value value, struct span text, struct writer *w);

/* ERR_FORMAT unless body is what that type holds, whole. */
MUST enum err dhcp6_value_check(enum dhcp6_value value, struct span body);

/* The body as text, items separated by ", "; what does not fit its type as octets. Text of a
 * stranger is escaped: printable ASCII only, others as \xNN. */
void dhcp6_value_format(enum dhcp6_value value, struct span body, struct writer *w);

#endif
