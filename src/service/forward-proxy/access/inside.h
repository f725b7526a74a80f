/* Is an address a way into the inside: of this machine, of the site, of the link, of a cloud? Asked
 * after a name was resolved and for the very address that is dialled. Knows no name, no connection
 * and no configuration language.
 *
 * The blocks are those of IANA's registries of special-purpose addresses (RFC 6890), and what else
 * is no public unicast address. An IPv4 address inside an IPv6 one (mapped, or by a translator's
 * prefix, RFC 6052) is judged as what it stands for; forms that nobody needs (IPv4-compatible,
 * IPv4-translated, 6to4, Teredo, ISATAP) are refused as such. */
#ifndef FORWARD_PROXY_ACCESS_INSIDE_H
#define FORWARD_PROXY_ACCESS_INSIDE_H

#include "base/err.h"
#include "proto/ip/prefix.h"

struct destination;

/* Why an address is none to go to; the order has no meaning. */
enum inside {
	INSIDE_NOT,	    /* outside: it may be dialled */
	INSIDE_OWN,	    /* an address of this machine */
	INSIDE_LOOPBACK,    /* 127/8, ::1; a name below localhost */
	INSIDE_LINK,	    /* 169.254/16, fe80::/10 */
	INSIDE_PRIVATE,	    /* RFC 1918, RFC 4193, and site-local addresses of old */
	INSIDE_SHARED,	    /* 100.64/10, between a provider's translator and its customers */
	INSIDE_METADATA,    /* where clouds tell a machine its secrets */
	INSIDE_UNSPECIFIED, /* 0/8, :: */
	INSIDE_MULTICAST,   /* 224/4, ff00::/8 */
	INSIDE_BROADCAST,   /* 255.255.255.255 */
	INSIDE_EXAMPLE,	    /* for documentation and for benchmarks */
	INSIDE_TUNNEL,	    /* an IPv4 address in an IPv6 one that is no longer in use */
	INSIDE_RESERVED,    /* no public unicast address otherwise */
	INSIDE_KINDS,
};

/* "loopback": a word for logs, labels and pages; never NULL. */
const char *inside_text(enum inside kind);

/* Borrowed from the configuration. */
struct inside_rules {
	/* Exceptions. An entry opens only what lies in one block with it: 10.0.0.0/8 opens private
	 * addresses, 0.0.0.0/0 opens nothing; what is our own or a cloud's metadata is opened only
	 * by an entry for that address alone. */
	const struct ip_prefix *allow;
	size_t allow_n;
	const struct ip_address *own; /* of this machine, none IPv4-mapped */
	size_t own_n;
	/* Of translators to IPv4 beside 64:ff9b::/96 (ip_nat64_prefix_is_valid). */
	const struct ip_prefix *nat64;
	size_t nat64_n;
};

/* What a stands for: itself, or the IPv4 address that is mapped in it or behind a translator. */
struct ip_address inside_meant(const struct inside_rules *r, const struct ip_address *a);

/* May a be dialled? */
enum inside inside_judge(const struct inside_rules *r, const struct ip_address *a);

/* All addresses of a name: INSIDE_NOT only when each is outside. One that is not shows that the
 * name is set to lead astray, or by mistake; the others are then not dialled either. */
enum inside inside_judge_all(const struct inside_rules *r, const struct ip_address *addresses,
			     size_t n);

/* Before any name is asked for: what is known of the host as it was written. INSIDE_NOT of a name
 * means that its addresses are still to be judged. */
enum inside inside_judge_written(const struct inside_rules *r, const struct destination *d);

/* Does this entry of `allow` open anything at all? For the configuration's check: 0.0.0.0/0 does
 * not, nor does a public prefix. nat64: as in inside_rules, judged already. */
bool inside_allow_opens(const struct ip_prefix *entry, const struct ip_prefix *nat64,
			size_t nat64_n);

#endif
