/* Identity associations (RFC 8415 21.4 to 21.6, 21.21, 21.22) and the prefix that is kept out of a
 * delegated one (RFC 6603), both ways. Knows nothing of bindings. */
#ifndef PROTO_DHCP6_IA_H
#define PROTO_DHCP6_IA_H

#include "proto/dhcp6/code.h"
#include "proto/ip/prefix.h"

#include "base/err.h"

struct reader;
struct writer;

enum dhcp6_ia_kind { DHCP6_IA_NA, DHCP6_IA_TA, DHCP6_IA_PD };

/* One IA. Its spans are views of the message. */
struct dhcp6_ia {
	enum dhcp6_ia_kind kind;
	uint32_t iaid;
	uint32_t t1_s, t2_s; /* 0 in an IA_TA, which has none */
	bool has_status;
	uint16_t status; /* DHCP6_SUCCESS where absent */
	struct span options;
};

/* o: of code IA_NA, IA_TA or IA_PD. ERR_FORMAT: torn, or what lies inside is: an address or a
 * prefix with impossible lengths. T1 above T2 is taken as it is: a server ignores both, a client
 * judges. */
MUST enum err dhcp6_ia_read(const struct dhcp6_option *o, struct dhcp6_ia *ret);

/* An address or a delegated prefix inside an IA. */
struct dhcp6_lease {
	struct ip_prefix prefix; /* 128 bits: an address */
	uint32_t preferred_s, valid_s;
	bool has_status;
	uint16_t status;
	struct ip_prefix excluded; /* RFC 6603; family 0: none */
};

/* struct reader r = reader_of_span(ia.options); while (dhcp6_lease_next(&r, ia.kind, &l)) ...
 * Passes other options over. False at the end. In an IA that dhcp6_ia_read took nothing is torn; a
 * prefix of length 0 has family 6 and bits 0. */
bool dhcp6_lease_next(struct reader *r, enum dhcp6_ia_kind kind, struct dhcp6_lease *ret);

/* An IA whose leases and status are written next; dhcp6_option_end takes what this returned. T1 and
 * T2 are not written for an IA_TA. */
size_t dhcp6_ia_begin(struct writer *w, enum dhcp6_ia_kind kind, uint32_t iaid, uint32_t t1_s,
		      uint32_t t2_s);
/* An IAADDR or, of fewer than 128 bits or kind IA_PD, an IAPREFIX, with its exclusion and, where
 * has_status, its status (with that text, which may be NULL). */
void dhcp6_write_lease(struct writer *w, enum dhcp6_ia_kind kind, const struct dhcp6_lease *l,
		       const char *status_text);

/* RFC 6603 4.2. ERR_FORMAT: not inside the delegated prefix, of its own length or shorter, or bits
 * left over. */
MUST enum err dhcp6_pd_exclude_read(struct span body, const struct ip_prefix *delegated,
				    struct ip_prefix *ret);
void dhcp6_write_pd_exclude(struct writer *w, const struct ip_prefix *delegated,
			    const struct ip_prefix *excluded);

#endif
