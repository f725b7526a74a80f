/* A received DHCP message as a view: the fixed part, and its options by code, those that came in
 * several parts joined (RFC 2131 2, RFC 2132, RFC 3396). Knows nothing of what a client may send
 * when, nor of what most options hold. */
#ifndef PROTO_DHCP_MESSAGE_H
#define PROTO_DHCP_MESSAGE_H

#include "base/err.h"
#include "base/span.h"
#include "proto/dhcp/code.h"

enum {
	DHCP_CHADDR_MAX = 16,
	DHCP_SNAME_LEN = 64,
	DHCP_FILE_LEN = 128,
	DHCP_FIXED_LEN = 236,	 /* up to and with file */
	DHCP_OPTIONS_AT = 240,	 /* behind the magic cookie */
	DHCP_MESSAGE_MAX = 2048, /* what we read; what we write is far below */
	DHCP_PARTS_MAX = 512,	 /* options in one message, each part of a split one counted */
	DHCP_IP_UDP_LEN = 28,	 /* headers that option 57 counts and a message does not have */
	DHCP_SIZE_MIN = 576 - DHCP_IP_UDP_LEN, /* every client takes that much (RFC 2131 2) */
};

/* The fixed part of a message but for sname and file. Addresses in host order, 0 for none. */
struct dhcp_head {
	uint8_t op, htype, hlen, hops; /* hlen: at most DHCP_CHADDR_MAX */
	uint32_t xid;
	uint16_t secs, flags;
	uint32_t ciaddr, yiaddr, siaddr, giaddr;
	uint8_t chaddr[DHCP_CHADDR_MAX]; /* hlen of them count; the rest as sent */
};

static inline struct span dhcp_head_chaddr(const struct dhcp_head *h)
{
	return span_of(h->chaddr, h->hlen);
}

/* One option: where its bytes are. Internal but for code. */
struct dhcp_option {
	uint8_t code;
	bool joined;	  /* at counts in `joined`, not in `wire` */
	uint16_t at, len; /* of all its parts together */
	uint16_t parts;
};

/* Big, and cheap: reading one clears 32 octets and writes what it found, nothing else. Do not zero
 * it, do not copy it (options that were joined are inside). The bytes of `wire` are the caller's
 * and must outlive it. */
struct dhcp_message {
	struct dhcp_head head;
	uint8_t type; /* enum dhcp_type, or a number that is none; DHCP_TYPE_NONE: BOOTP */
	bool cookie;  /* false: BOOTP from before RFC 1048, no options at all */
	struct span wire;
	struct span sname, file; /* up to the first NUL; empty when they carry options instead */

	uint16_t options_len;		 /* distinct codes */
	uint64_t present[4];		 /* bit of each code */
	uint8_t slot[256];		 /* code to index; only where present */
	struct dhcp_option options[256]; /* as they first came; the first options_len count */
	uint8_t joined[DHCP_MESSAGE_MAX];
};

/* Reads the whole of wire. ERR_FORMAT: shorter than the fixed part, op neither request nor reply,
 * hlen above 16, an option longer than what is left of its field, option 52 or 53 of a wrong form.
 * ERR_LIMIT: longer than DHCP_MESSAGE_MAX, or more than DHCP_PARTS_MAX options. Tolerated: no END
 * where the field ends; anything behind END. ret is undefined on failure.
 * RFC 3396: parts are joined in the order options field, file, sname, as option 52 says. */
MUST enum err dhcp_message_read(struct span wire, struct dhcp_message *ret);

/* Present, if perhaps with no octets. */
static inline bool dhcp_message_has(const struct dhcp_message *m, uint8_t code)
{
	return m->present[code / 64] >> code % 64 & 1;
}

/* Its octets, joined; empty when it is absent, or present without any. Views into m or its wire. */
struct span dhcp_message_option(const struct dhcp_message *m, uint8_t code);

/* The i-th option in the order of first appearance, i below options_len: for code, and octets. */
struct span dhcp_message_option_at(const struct dhcp_message *m, unsigned i, uint8_t *ret_code);

/* Option 53 is missing: BOOTP, with vendor extensions or without. */
static inline bool dhcp_message_is_bootp(const struct dhcp_message *m)
{
	return m->type == DHCP_TYPE_NONE;
}

/* One value of exactly that width. ERR_ABSENT, or ERR_FORMAT for any other length. */
MUST enum err dhcp_message_u8(const struct dhcp_message *m, uint8_t code, uint8_t *ret);
MUST enum err dhcp_message_u16(const struct dhcp_message *m, uint8_t code, uint16_t *ret);
MUST enum err dhcp_message_u32(const struct dhcp_message *m, uint8_t code, uint32_t *ret);
/* Host order. */
MUST enum err dhcp_message_address(const struct dhcp_message *m, uint8_t code, uint32_t *ret);

/* The octets of one address or more. ERR_ABSENT; ERR_FORMAT when not a multiple of 4, or none. */
MUST enum err dhcp_message_addresses(const struct dhcp_message *m, uint8_t code, struct span *ret);
static inline size_t dhcp_addresses_len(struct span addresses)
{
	return addresses.len / 4;
}
/* i below dhcp_addresses_len. Host order. */
static inline uint32_t dhcp_addresses_at(struct span addresses, size_t i)
{
	const uint8_t *at = addresses.data + i * 4;
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Without the NULs at the end that some clients send (RFC 2132 2: to be deleted). ERR_ABSENT;
 * ERR_FORMAT: nothing left, or a NUL inside. Bytes of a stranger all the same. */
MUST enum err dhcp_message_text(const struct dhcp_message *m, uint8_t code, struct span *ret);

/* Option 61, at least the 2 octets of RFC 2132 9.14. ERR_ABSENT, ERR_FORMAT. */
MUST enum err dhcp_message_client_id(const struct dhcp_message *m, struct span *ret);

/* Codes of option 55 in the client's order; empty when it asks for nothing by name. */
static inline struct span dhcp_message_requested(const struct dhcp_message *m)
{
	return dhcp_message_option(m, DHCP_OPT_PARAMETER_REQUEST_LIST);
}

/* How long a reply to m may be in octets of DHCP: what option 57 allows less the headers of IP and
 * UDP, never below DHCP_SIZE_MIN (a smaller or malformed 57 counts as absent), never above max,
 * which the caller's link allows. Without option 57 it is DHCP_SIZE_MIN (RFC 2131 4.1). */
size_t dhcp_message_size_max(const struct dhcp_message *m, size_t max);

#endif
