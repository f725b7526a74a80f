/* Writes a DHCP message: fixed part, options in the order they are added, long values split (RFC
 * 3396), option overload, END, padding (RFC 2131 2 and 4.1). Knows nothing of which options belong
 * into which message. */
#ifndef PROTO_DHCP_BUILD_H
#define PROTO_DHCP_BUILD_H

#include "base/err.h"
#include "base/span.h"
#include "proto/dhcp/message.h"

enum {
	DHCP_PADDED_LEN = 300, /* a BOOTP message: relays drop what is shorter (RFC 1542 2.1) */
	DHCP_LEFT_OUT_MAX = 16,
};

/* How to build. */
struct dhcp_build_rules {
	size_t size_max;   /* octets of DHCP, dhcp_message_size_max; at least DHCP_PADDED_LEN */
	bool overload;	   /* file and sname may carry options, where they carry no name */
	struct span relay; /* borrowed; option 82, put last (RFC 3046 2.2); empty: none */
	struct span sname, file; /* borrowed; names for the fixed fields; cut never: ERR_LIMIT */
};

/* Where the next option goes in one field. Internal. */
struct dhcp_build_field {
	uint16_t at, end; /* offsets in the message; end leaves room for what closes the field */
};

/* A message in the making. Read left_out; the rest is internal. */
struct dhcp_build {
	uint8_t *data; /* borrowed */
	struct dhcp_build_rules rules;
	struct dhcp_build_field options, file, sname;
	bool used_file, used_sname;
	enum err err;
	uint64_t present[4];
	uint16_t left_out_len;		     /* options that did not fit, all of them counted */
	uint8_t left_out[DHCP_LEFT_OUT_MAX]; /* the first of their codes */
};

/* Begins in data (size octets; the message never outgrows it nor size_max). chaddr past hlen is
 * written as zeros. ERR_LIMIT (at dhcp_build_finish): no room for the fixed part and rules.relay,
 * or a name longer than its field. */
void dhcp_build_init(struct dhcp_build *b, void *data, size_t size, const struct dhcp_head *head,
		     const struct dhcp_build_rules *rules);

/* Adds an option; a value past 255 octets is split. Of a code that is there already the first
 * stays. What fits nowhere is left out and noted: the message stays right. code: neither PAD, END,
 * 52 nor 82. */
void dhcp_build_option(struct dhcp_build *b, uint8_t code, struct span value);
void dhcp_build_u8(struct dhcp_build *b, uint8_t code, uint8_t value);
void dhcp_build_u16(struct dhcp_build *b, uint8_t code, uint16_t value);
void dhcp_build_u32(struct dhcp_build *b, uint8_t code, uint32_t value); /* an address too */

static inline bool dhcp_build_has(const struct dhcp_build *b, uint8_t code)
{
	return b->present[code / 64] >> code % 64 & 1;
}

/* Writes option 52 if needed, option 82, END and padding. ret: the message. */
MUST enum err dhcp_build_finish(struct dhcp_build *b, struct span *ret);

/* The head of a reply to a client's message by RFC 2131 table 3: op, htype, hlen, xid, flags,
 * giaddr and chaddr are the client's; hops, secs and all other addresses are 0. */
struct dhcp_head dhcp_head_reply(const struct dhcp_head *request);

#endif
