/* Every option of DHCPv6 that has a name here: its code, its type, its check, and its text both
 * ways (the RFCs of the IANA registry). Knows nothing of who sets an option and when. */
#ifndef PROTO_DHCP6_OPTION_H
#define PROTO_DHCP6_OPTION_H

#include "base/err.h"
#include "base/writer.h"
#include "proto/dhcp6/code.h"

/* What a value looks like. Those marked * are lists: text is given item by item. */
enum dhcp6_option_type {
	DHCP6_OPTION_HEX,	 /* octets: 0a0b0c, 0a:0b:0c or 0a-0b-0c. Also what nobody knows */
	DHCP6_OPTION_EMPTY,	 /* no octets; text: true */
	DHCP6_OPTION_U8,	 /* decimal */
	DHCP6_OPTION_U16,	 /* decimal */
	DHCP6_OPTION_U32,	 /* decimal */
	DHCP6_OPTION_DURATION,	 /* 32 bits; 90, 90s, 15m, 12h, 7d, 1w, infinite */
	DHCP6_OPTION_U16S,	 /* * */
	DHCP6_OPTION_ADDRESS,	 /* 2001:db8::1 */
	DHCP6_OPTION_ADDRESSES,	 /* * */
	DHCP6_OPTION_TEXT,	 /* printable text, not looked into */
	DHCP6_OPTION_NAME,	 /* one domain name, not compressed (RFC 8415 10) */
	DHCP6_OPTION_NAMES,	 /* * several */
	DHCP6_OPTION_ITEMS,	 /* * texts, each behind two octets of length */
	DHCP6_OPTION_NTP,	 /* * an address, a multicast group or a name (RFC 5908) */
	DHCP6_OPTION_ENTERPRISE, /* ENTERPRISE HEX: a number of four octets, then any */
	DHCP6_OPTION_TYPES,
};

/* Words for types, as a configuration names them for options by number: "u16", "addresses". */
const char *dhcp6_option_type_name(enum dhcp6_option_type type);
bool dhcp6_option_type_by_name(struct span name, enum dhcp6_option_type *ret);
/* Is text given item by item? */
bool dhcp6_option_type_is_list(enum dhcp6_option_type type);

enum {
	/* Flags of an option. */
	DHCP6_OPTION_SETTABLE = 1,     /* a server's configuration may set it */
	DHCP6_OPTION_PROTOCOL = 2,     /* the exchange itself sets or reads it */
	DHCP6_OPTION_CLIENTS = 4,      /* only clients or relays send it */
	DHCP6_OPTION_NAME_MAX = 40,    /* with the NUL */
	DHCP6_OPTION_VALUE_MAX = 1024, /* octets of a value that we make from text */
};

struct dhcp6_option_info {
	uint16_t code;
	uint8_t type; /* enum dhcp6_option_type */
	uint8_t flags;
	const char *name; /* lower case, hyphens: "dns-servers" */
};

/* NULL: a code that has no name; its values are hex. */
const struct dhcp6_option_info *dhcp6_option_by_code(uint16_t code);
/* Letters without case; also the other names in use ("ntp-servers"). NULL: none. */
const struct dhcp6_option_info *dhcp6_option_by_name(struct span name);
/* All of the table, by code; for completion, references and spelling hints. */
const struct dhcp6_option_info *dhcp6_option_table(size_t *ret_len);
/* Its name, or "option-N"; returns buf or the table's text. */
const char *dhcp6_option_name(uint16_t code, char buf[DHCP6_OPTION_NAME_MAX]);

/* Appends one value (of a list type: one item) given as text. ERR_FORMAT: not what the type looks
 * like; ERR_LIMIT: no room, or a number out of range. On failure w is as it was before. */
MUST enum err dhcp6_option_from_text(enum dhcp6_option_type type, struct span text,
				     struct writer *w);
/* What the text should have been, for messages to people: "an IPv6 address". */
const char *dhcp6_option_expected(enum dhcp6_option_type type);

/* Is the whole value what the type says? ERR_FORMAT. */
MUST enum err dhcp6_option_check_type(enum dhcp6_option_type type, struct span value);

/* Readable text of a value, items separated by ", ", a stranger's bytes escaped (\DDD); hex when
 * the value is not what its type says. Marks w bad when it does not fit. */
void dhcp6_option_format(uint16_t code, struct span value, struct writer *w);
void dhcp6_option_format_type(enum dhcp6_option_type type, struct span value, struct writer *w);

#endif
