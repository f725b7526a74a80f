/* The options of Neighbour Discovery: RFC 4861 4.6, routes (RFC 4191), name servers and search list
 * (RFC 8106), PREF64 (RFC 8781), captive portal (RFC 8910), both ways. Knows nothing of which
 * router sends which. */
#ifndef PROTO_NDP_OPTION_H
#define PROTO_NDP_OPTION_H

#include "proto/dns/name.h"
#include "proto/ip/prefix.h"
#include "proto/ndp/message.h"

enum ndp_option_type {
	NDP_OPT_SOURCE_LINK_LAYER = 1,
	NDP_OPT_TARGET_LINK_LAYER = 2,
	NDP_OPT_PREFIX = 3,
	NDP_OPT_MTU = 5,
	NDP_OPT_NONCE = 14, /* RFC 3971 5.3.2; RFC 7527 uses it for enhanced DAD */
	NDP_OPT_ROUTE = 24,
	NDP_OPT_RDNSS = 25,
	NDP_OPT_DNSSL = 31,
	NDP_OPT_CAPTIVE_PORTAL = 37,
	NDP_OPT_PREF64 = 38,
};

#define NDP_INFINITY 0xffffffffu

enum { NDP_RDNSS_MAX = 16 }; /* addresses of one option that are looked at */

struct ndp_option {
	uint8_t type;
	struct span body; /* without type and length; a multiple of 8 octets less 2 */
};

/* struct reader r = reader_of_span(m.options); while (ndp_option_next(&r, &o)) ... False at the end
 * and at a torn option or one of length 0 (RFC 4861 4.6), which leaves r bad. */
bool ndp_option_next(struct reader *r, struct ndp_option *ret);

struct ndp_prefix {
	struct ip_prefix prefix;
	bool on_link, autonomous;
	uint32_t valid_s, preferred_s;
};

struct ndp_route {
	struct ip_prefix prefix;
	enum ndp_preference preference;
	uint32_t lifetime_s;
};

struct ndp_rdnss {
	uint32_t lifetime_s;
	struct ip_address servers[NDP_RDNSS_MAX];
	size_t servers_n;
};

struct ndp_pref64 {
	struct ip_prefix prefix; /* of 96, 64, 56, 48, 40 or 32 bits */
	uint16_t lifetime_s;	 /* a multiple of 8, at most 65528 */
};

/* Each reads a body of its type; ERR_FORMAT: a wrong length or value (RFC 4861 6.3.4: the option is
 * then as if it were not there). */
MUST enum err ndp_prefix_read(struct span body, struct ndp_prefix *ret);
MUST enum err ndp_mtu_read(struct span body, uint32_t *ret);
/* A preference of the reserved value: ERR_FORMAT (RFC 4191 2.3: the option MUST be ignored). */
MUST enum err ndp_route_read(struct span body, struct ndp_route *ret);
MUST enum err ndp_rdnss_read(struct span body, struct ndp_rdnss *ret);
/* The names follow in *ret_names: uncompressed, padding cut off; dns_name_read_plain reads one
 * after another. */
MUST enum err ndp_dnssl_read(struct span body, uint32_t *ret_lifetime_s, struct span *ret_names);
MUST enum err ndp_pref64_read(struct span body, struct ndp_pref64 *ret);
/* The URI, without its padding. */
MUST enum err ndp_captive_portal_read(struct span body, struct span *ret);

void ndp_write_link_layer(struct writer *w, enum ndp_option_type type, struct span address);
void ndp_write_prefix(struct writer *w, const struct ndp_prefix *p);
void ndp_write_mtu(struct writer *w, uint32_t mtu);
void ndp_write_route(struct writer *w, const struct ndp_route *r);
void ndp_write_rdnss(struct writer *w, const struct ndp_rdnss *r);
/* names: wire form, one after another. */
void ndp_write_dnssl(struct writer *w, uint32_t lifetime_s, struct span names);
void ndp_write_pref64(struct writer *w, const struct ndp_pref64 *p);
void ndp_write_captive_portal(struct writer *w, struct span uri);
void ndp_write_nonce(struct writer *w, struct span nonce); /* 6 octets, and 8 more each time */

#endif
