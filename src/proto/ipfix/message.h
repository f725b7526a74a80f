/* Writes IPFIX messages (RFC 7011 section 3): a header, then sets of templates and of records.
 * Knows no element's meaning, no collector and no clock.
 *
 *	ipfix_begin(&m, room, sizeof(room), export_s, sequence, domain);
 *	while (more && ipfix_add_record(&m, &template, record)) ...	false: full, send it
 *	sequence += m.records;						RFC 7011 3.1
 *	send(ipfix_end(&m));
 */
#ifndef PROTO_IPFIX_MESSAGE_H
#define PROTO_IPFIX_MESSAGE_H

#include "base/writer.h"

enum {
	IPFIX_VERSION = 10,
	IPFIX_HEADER_LEN = 16,
	IPFIX_SET_TEMPLATE = 2,
	IPFIX_TEMPLATE_MIN = 256, /* ids of templates, and of the sets of their records */
	IPFIX_PORT = 4739,
	/* RFC 7011 10.3.3: over UDP, "if the PMTU is unknown, a maximum packet size of 512 octets
	 * SHOULD be used". Less the IPv6 and UDP headers. */
	IPFIX_UDP_MESSAGE_MAX = 512 - 48,
};

/* An element of IANA's, of len octets. */
struct ipfix_field {
	uint16_t element, len;
};

struct ipfix_template {
	uint16_t id; /* IPFIX_TEMPLATE_MIN and more */
	uint16_t fields_n;
	const struct ipfix_field *fields; /* borrowed */
};

struct ipfix_message {
	struct writer w;
	size_t set_at;	  /* where the length of the open set stands; 0: none is open */
	uint16_t set_id;  /* of it */
	uint32_t records; /* of data; templates do not count (RFC 7011 3.1) */
};

/* room: of size octets, 65535 at most and more than the header; borrowed until the message is sent.
 * sequence: data records sent before this message, of this domain, modulo 2^32. */
void ipfix_begin(struct ipfix_message *m, void *room, size_t size, uint32_t export_s,
		 uint32_t sequence, uint32_t domain);

/* False: there is no room for it, and the message is as before. */
bool ipfix_add_template(struct ipfix_message *m, const struct ipfix_template *t);
/* record: ipfix_record_len(t) octets. */
bool ipfix_add_record(struct ipfix_message *m, const struct ipfix_template *t, struct span record);

size_t ipfix_record_len(const struct ipfix_template *t);

static inline bool ipfix_is_empty(const struct ipfix_message *m)
{
	return m->w.pos == IPFIX_HEADER_LEN;
}

/* The whole message; nothing is added to it any more. */
struct span ipfix_end(struct ipfix_message *m);

#endif
