/* A DHCPv6 message of a client or a server (RFC 8415 8): its fields and options as views, and how
 * to write one. Knows nothing of sockets, clocks or leases; what is inside an IA is ia.h, what
 * relays put around a message is relay.h. */
#ifndef PROTO_DHCP6_MESSAGE_H
#define PROTO_DHCP6_MESSAGE_H

#include "base/reader.h"
#include "base/writer.h"
#include "proto/dhcp6/code.h"

/* What the code options that we act upon say. All spans are views of the message; len 0: absent. */
struct dhcp6_message {
	uint8_t type;		 /* enum dhcp6_type; never a relay's */
	uint32_t transaction_id; /* 24 bits */
	struct span wire;	 /* all of it */
	struct span options;	 /* all of them, for dhcp6_option_next */
	/* One for each enum dhcp6_flag: the option was there, though its body may be empty. */
	uint32_t present;
	uint8_t preference;	  /* RFC 8415 21.8 */
	uint8_t reconfigure_type; /* RFC 8415 21.19: the type of message to answer with */
	uint16_t elapsed_cs;	  /* RFC 8415 21.9, hundredths of a second */
	uint16_t status;	  /* enum dhcp6_status; DHCP6_SUCCESS where absent */
	uint32_t refresh_s;	  /* RFC 8415 21.23 */
	uint32_t sol_max_rt_s,
		inf_max_rt_s;		  /* RFC 8415 21.24, 21.25; within 60 to 86400, or absent */
	struct span client_id, server_id; /* DUIDs of 3 to 130 octets */
	struct span oro;		  /* an even number of octets: codes */
	struct span auth;		  /* body, for dhcp6_auth_read */
	struct span status_text;	  /* UTF-8 from a stranger: escape before showing */
	struct span user_class;		  /* body, of items with a length of two octets each */
	struct span vendor_class;	  /* body of the first: enterprise number and such items */
	struct span vendor_opts;	  /* body of the first: enterprise number and options */
	struct span fqdn;		  /* body, for dhcp6_fqdn_read */
	struct span architectures;	  /* RFC 5970 3.3: an even number of octets, types */
	struct span server_unicast;	  /* 16 octets */
	uint8_t ias_n;
	/* IA_NA, IA_TA and IA_PD in their order: the options that hold them, with DHCP6_OPT_IA_*
	 * for ia.h. */
	struct dhcp6_option ias[DHCP6_IAS_MAX];
};

/* Reads one message whole, every known option's shape with it, IAs and what lies in them too.
 * ERR_FORMAT: torn, an option of a wrong length, a DUID that is none. ERR_UNSUPPORTED: a relay's
 * message or a type that we do not know. ERR_LIMIT: more than DHCP6_IAS_MAX IAs or
 * DHCP6_OPTIONS_MAX options. Of an option that may be there once the first counts (RFC 8415 21:
 * "each instance is considered separate"). Options that we do not know are passed over. */
MUST enum err dhcp6_message_read(struct span wire, struct dhcp6_message *ret);

/* enum dhcp6_flag of message.present. */
static inline bool dhcp6_has(const struct dhcp6_message *m, enum dhcp6_flag flag)
{
	return m->present & flag;
}

/* struct reader r = reader_of_span(m.options); while (dhcp6_option_next(&r, &o)) ... False at the
 * end and at a torn option, which leaves r bad. */
bool dhcp6_option_next(struct reader *r, struct dhcp6_option *ret);
/* The body of the first option of that code; data NULL: there is none. */
struct span dhcp6_option_find(struct span options, uint16_t code);
/* Does the Option Request option name that code? oro: its body. */
bool dhcp6_oro_has(struct span oro, uint16_t code);
/* The items of a user class, of a vendor class behind its enterprise number, of boot file
 * parameters: two octets of length and the item. */
bool dhcp6_item_next(struct reader *r, struct span *ret);

/* --- writing; all into a writer that marks what does not fit --- */

void dhcp6_write_header(struct writer *w, uint8_t type, uint32_t transaction_id);
/* One option with any body. */
void dhcp6_write_option(struct writer *w, uint16_t code, struct span body);
void dhcp6_write_option_u8(struct writer *w, uint16_t code, uint8_t value);
void dhcp6_write_option_u16(struct writer *w, uint16_t code, uint16_t value);
void dhcp6_write_option_u32(struct writer *w, uint16_t code, uint32_t value);
/* An option whose body is written next; dhcp6_option_end takes what this returned. They nest. */
size_t dhcp6_option_begin(struct writer *w, uint16_t code);
void dhcp6_option_end(struct writer *w, size_t at);
/* RFC 8415 21.13. text: may be empty. */
void dhcp6_write_status(struct writer *w, uint16_t status, const char *text);

#endif
