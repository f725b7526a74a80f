/* IPv4 and IPv6 addresses and endpoints, and their text (RFC 4291 2.2, RFC 5952). Knows no socket,
 * no name and no interface name. */
#ifndef PROTO_IP_ADDRESS_H
#define PROTO_IP_ADDRESS_H

#include "base/err.h"
#include "base/span.h"

struct writer;

/* bytes: network order, 4 or 16 of them; those beyond stay zero. */
struct ip_address {
	uint8_t family; /* 4, 6, or 0 for none */
	uint8_t bytes[16];
};

struct ip_endpoint {
	struct ip_address address;
	uint16_t port;	/* host order */
	uint32_t scope; /* interface index for fe80::/10, else 0 */
};

/* With the NUL. */
enum { IP_ADDRESS_TEXT_MAX = 46, IP_ENDPOINT_TEXT_MAX = 64 };

static inline struct ip_address ip_address_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct ip_address){.family = 4, .bytes = {a, b, c, d}};
}

/* raw: 4 or 16 bytes as they stand in a packet; any other length gives family 0. */
struct ip_address ip_address_of(struct span raw);

/* 4, 16, or 0 without a family. */
static inline size_t ip_address_len(const struct ip_address *a)
{
	return a->family == 4 ? 4 : a->family == 6 ? 16 : 0;
}

static inline struct span ip_address_span(const struct ip_address *a)
{
	return span_of(a->bytes, ip_address_len(a));
}

/* The whole of text: four decimal numbers without leading zeros, or RFC 4291 2.2 (with `::` once
 * and an IPv4 tail allowed, no zone index). ERR_FORMAT. */
MUST enum err ip_address_parse(struct span text, struct ip_address *ret);

/* RFC 5952; an IPv4-mapped address as ::ffff:192.0.2.1; "none" without a family. Returns the
 * length without the NUL. */
size_t ip_address_format(const struct ip_address *a, char ret[IP_ADDRESS_TEXT_MAX]);
/* The same text without the NUL. */
void ip_address_write(struct writer *w, const struct ip_address *a);

/* A family never equals another one: ::ffff:192.0.2.1 is not 192.0.2.1, see ip_address_unmap. */
bool ip_address_equal(const struct ip_address *a, const struct ip_address *b);
/* Below, at or above 0: none before IPv4 before IPv6, then by number. */
int ip_address_compare(const struct ip_address *a, const struct ip_address *b);

/* ::ffff:0:0/96 (RFC 4291 2.5.5.2). */
bool ip_address_is_mapped(const struct ip_address *a);
/* The IPv4 address inside a mapped one; any other as it is. */
struct ip_address ip_address_unmap(const struct ip_address *a);

/* An IPv4-mapped address is judged as the IPv4 address inside, so that nobody walks around a rule
 * by writing an address the other way. */
bool ip_address_is_unspecified(const struct ip_address *a); /* 0.0.0.0, :: */
bool ip_address_is_loopback(const struct ip_address *a);    /* 127/8, ::1 */
bool ip_address_is_private(const struct ip_address *a);	    /* RFC 1918; fc00::/7, RFC 4193 */
bool ip_address_is_link_local(const struct ip_address *a);  /* 169.254/16, fe80::/10 */
bool ip_address_is_multicast(const struct ip_address *a);   /* 224/4, ff00::/8 */

/* 192.0.2.1:53, 192.0.2.1@53, 192.0.2.1, [2001:db8::1]:53, [2001:db8::1], 2001:db8::1@53,
 * 2001:db8::1; a link-local IPv6 address may carry its interface index, [fe80::1%2]:53. (Without
 * brackets 2001:db8::1:53 is an address: its last group is 53.) The port: 1 to 65535 without
 * leading zeros; without one port_default, and where that is 0 ERR_FORMAT. */
MUST enum err ip_endpoint_parse(struct span text, uint16_t port_default, struct ip_endpoint *ret);

/* 192.0.2.1:53, [2001:db8::1]:53, [fe80::1%2]:53. Returns the length without the NUL. */
size_t ip_endpoint_format(const struct ip_endpoint *e, char ret[IP_ENDPOINT_TEXT_MAX]);

bool ip_endpoint_equal(const struct ip_endpoint *a, const struct ip_endpoint *b);

#endif
