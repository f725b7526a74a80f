/* Host names as clients send them and as the DNS takes them: cleaned, made from an address, refused
 * when they are others'. Knows no lease and no zone. */
#ifndef NAMES_LABEL_H
#define NAMES_LABEL_H

#include "base/span.h"
#include "proto/ip/address.h"

enum { NAMES_LABEL_MAX = 63 };

/* Lower case, NUL-terminated; len 0: none. */
struct names_label {
	uint8_t len;
	char text[NAMES_LABEL_MAX + 1];
};

/* The first label of what a client calls itself, made a host name (RFC 952, RFC 1123 2.1): letters,
 * digits and hyphens, no hyphen at either end, 63 octets at most. Blanks and underscores become
 * hyphens, other octets go. Nothing left, or digits alone as in an address: none. */
struct names_label names_label_clean(struct span text);

/* 192-168-7-23, and 2001-db8--17 as fd00--17 reads: the address with hyphens. */
struct names_label names_label_of_address(const struct ip_address *a);

/* Names that no client can take, whoever asks: wpad and isatap lead others' traffic here, localhost
 * is everybody's own. */
bool names_label_is_everybodys(const struct names_label *l);

static inline bool names_label_equal(const struct names_label *a, const struct names_label *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

/* --- the client's FQDN option (RFC 4702 4, RFC 4704 6): who writes the address record --- */

enum names_fqdn_policy {
	NAMES_FQDN_SERVER, /* we write all records, whatever the client wishes */
	NAMES_FQDN_CLIENT, /* who wants to write its address record itself, or wants none, may */
};

struct names_fqdn_verdict {
	bool s, o, n;	       /* the flags of the answer */
	bool forward, reverse; /* what we write */
};

/* s and n: the client's flags; both set is malformed and taken as neither. */
struct names_fqdn_verdict names_fqdn_judge(enum names_fqdn_policy policy, bool s, bool n);

#endif
