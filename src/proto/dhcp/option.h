/* Every option of DHCP for IPv4: its code, name and type, its check, and its text both ways (RFC
 * 2132 and the RFCs of the IANA registry). Knows nothing of who sets an option and when. */
#ifndef PROTO_DHCP_OPTION_H
#define PROTO_DHCP_OPTION_H

#include "base/err.h"
#include "base/span.h"
#include "base/writer.h"
#include "proto/dhcp/code.h"

struct dns_name;
struct reader;

/* What a value looks like. Those marked * are lists: text is given item by item. */
enum dhcp_option_type {
	DHCP_OPTION_HEX,       /* octets: 0a0b0c, 0a:0b:0c or 0a-0b-0c. Also what nobody knows */
	DHCP_OPTION_EMPTY,     /* no octets; text: true */
	DHCP_OPTION_FLAG,      /* one octet, true or false */
	DHCP_OPTION_U8,	       /* decimal */
	DHCP_OPTION_U16,       /* decimal */
	DHCP_OPTION_U32,       /* decimal */
	DHCP_OPTION_S32,       /* decimal, may begin with - */
	DHCP_OPTION_DURATION,  /* 32 bits; 90, 90s, 15m, 12h, 7d, 1w, infinite */
	DHCP_OPTION_U8S,       /* * */
	DHCP_OPTION_U16S,      /* * */
	DHCP_OPTION_U32S,      /* * */
	DHCP_OPTION_ADDRESS,   /* 192.0.2.1 */
	DHCP_OPTION_ADDRESSES, /* * */
	DHCP_OPTION_ADDRESS_PAIRS, /* * 192.0.2.0 192.0.2.1, or 192.0.2.0/24 for address and mask */
	DHCP_OPTION_TEXT,	   /* printable text, not looked into */
	DHCP_OPTION_NAME,	   /* one domain name in wire form */
	DHCP_OPTION_NAMES,	   /* * the same, several, not compressed */
	DHCP_OPTION_SEARCH,	   /* * domain names, compressed (RFC 3397) */
	DHCP_OPTION_SIP_SERVERS,   /* * all names or all addresses (RFC 3361) */
	DHCP_OPTION_ROUTES,	   /* * 10.0.0.0/8 192.0.2.1 (RFC 3442) */
	DHCP_OPTION_PCP_SERVERS,   /* * addresses of one server, blanks between (RFC 7291) */
	DHCP_OPTION_FLAG_ADDRESSES, /* * option 78: a flag (true), then addresses as items */
	DHCP_OPTION_FLAG_TEXT,	    /* option 79: a flag (true), then text */
	DHCP_OPTION_VENDOR,	    /* option 43: suboptions; text is hex, like DHCP_OPTION_HEX */
	DHCP_OPTION_ENTERPRISES,    /* * options 124 and 125: ENTERPRISE HEX */
	DHCP_OPTION_ITEMS,	    /* * option 77: texts, each with its length */
	DHCP_OPTION_CODES,	    /* * option 55: codes or names of options */
	DHCP_OPTION_MESSAGE_TYPE,   /* option 53; text: DISCOVER */
	DHCP_OPTION_CLIENT_ID,	    /* option 61; text is hex */
	DHCP_OPTION_FQDN,	    /* option 81; text is hex, shown as flags and name */
	DHCP_OPTION_RELAY,	    /* option 82; text is hex, shown by suboption */
	DHCP_OPTION_UUID,	    /* option 97; text 00112233-4455-6677-8899-aabbccddeeff */
	DHCP_OPTION_TYPES,
};

/* Words for types, as a configuration names them for options by number: "u16", "addresses". */
const char *dhcp_option_type_name(enum dhcp_option_type type);
/* False when no type has that name. Types of one option only (53, 55, 61, 81, 82) are not named. */
bool dhcp_option_type_by_name(struct span name, enum dhcp_option_type *ret);
/* Is text given item by item? */
bool dhcp_option_type_is_list(enum dhcp_option_type type);

enum {
	/* Flags of an option. */
	DHCP_OPTION_SETTABLE = 1, /* a server's configuration may set it */
	DHCP_OPTION_PROTOCOL =
		2, /* the exchange itself sets or reads it; a configuration does not */
	DHCP_OPTION_CLIENTS = 4,      /* only clients or relays send it */
	DHCP_OPTION_NAME_MAX = 40,    /* with the NUL */
	DHCP_OPTION_VALUE_MAX = 1024, /* octets of a value that we make from text */
};

struct dhcp_option_info {
	uint8_t code;
	uint8_t type; /* enum dhcp_option_type */
	uint8_t flags;
	uint16_t min, max; /* octets of the value */
	const char *name;  /* lower case, hyphens: "domain-name-servers" */
};

/* NULL: a code that has no name; its values are hex. */
const struct dhcp_option_info *dhcp_option_by_code(uint8_t code);
/* Letters without case; also the other names in use ("dns-servers", "router"). NULL: none. */
const struct dhcp_option_info *dhcp_option_by_name(struct span name);
/* All of the table, by code; for completion, references and spelling hints. */
const struct dhcp_option_info *dhcp_option_table(size_t *ret_len);
/* Its name, or "option-N"; returns buf or the table's text. */
const char *dhcp_option_name(uint8_t code, char buf[DHCP_OPTION_NAME_MAX]);

/* Appends one value (of a list type: one item) given as text. w holds this option's value and
 * nothing before it, for compression. ERR_FORMAT: not what the type looks like; ERR_REFUSED: a
 * prefix with bits beyond its length; ERR_LIMIT: no room, or a number out of range. On failure w is
 * as it was before. */
MUST enum err dhcp_option_from_text(enum dhcp_option_type type, struct span text, struct writer *w);
/* What the text should have been, for messages to people: "an IPv4 address". */
const char *dhcp_option_expected(enum dhcp_option_type type);

/* Is the whole value what the option's type, min and max say? ERR_FORMAT. Codes that are not in the
 * table hold anything. */
MUST enum err dhcp_option_check(uint8_t code, struct span value);
MUST enum err dhcp_option_check_type(enum dhcp_option_type type, struct span value);

/* The least number that the option's RFC allows, or allows in its list; 0: any. */
unsigned dhcp_option_least(uint8_t code);

/* Readable text of a value, items separated by ", ", a stranger's bytes escaped (\DDD); hex when
 * the value is not what its type says (or the text that it is instead). Marks w bad when it does
 * not fit. */
void dhcp_option_format(uint8_t code, struct span value, struct writer *w);
void dhcp_option_format_type(enum dhcp_option_type type, struct span value, struct writer *w);

/* --- options 119 and 121, for those that act on them --- */

/* The next domain of a compressed list (RFC 3397: pointers count from the start of the joined
 * option); lower case. list: the whole option; at: where to read on, 0 first. ERR_FORMAT. */
MUST enum err dhcp_search_next(struct span list, size_t *at, struct dns_name *ret);
/* Appends a domain, compressed against those before it: w holds the list and nothing else. */
void dhcp_search_write(struct writer *w, const struct dns_name *name);

struct dhcp_route {
	uint32_t destination, router; /* host order; router 0: on the link */
	uint8_t bits;
};
/* The next route; false at the end, and with a bad reader for a torn list or a width above 32. Bits
 * of the destination past the width are cleared (RFC 3442: a client masks them). */
bool dhcp_route_next(struct reader *r, struct dhcp_route *ret);
void dhcp_route_write(struct writer *w, const struct dhcp_route *route);

#endif
