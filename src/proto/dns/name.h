/* A DNS name in wire form, uncompressed: reading, text, order and surgery on labels (RFC 1035,
 * RFC 4343, RFC 4034 6.1). Knows nothing of messages, records or zones, nor of internationalised
 * text. */
#ifndef PROTO_DNS_NAME_H
#define PROTO_DNS_NAME_H

#include "base/err.h"
#include "base/reader.h"
#include "base/span.h"

struct ip_address;

#define DNS_NAME_MAX   255 /* octets in wire form with the root label, RFC 1035 2.3.4 */
#define DNS_LABEL_MAX  63
#define DNS_LABELS_MAX 127 /* labels of a name, the root not counted: 127 * 2 + 1 octets */
/* Text of the longest name, each octet as \DDD, its dots and its NUL. */
#define DNS_NAME_TEXT_MAX (DNS_NAME_MAX * 4 + 1)

/* Lower case, unless a function whose name ends in _case filled it. Octets past len are undefined.
 */
struct dns_name {
	uint8_t len; /* 1..255; counts the root label, so the root itself is 1 */
	uint8_t wire[DNS_NAME_MAX];
};

/* struct dns_name root = DNS_NAME_ROOT; */
#define DNS_NAME_ROOT ((struct dns_name){.len = 1, .wire = {0}})

static inline struct span dns_name_span(const struct dns_name *n)
{
	return span_of(n->wire, n->len);
}

static inline bool dns_name_is_root(const struct dns_name *n)
{
	return n->len == 1;
}

/* --- from bytes --- */

/* Reads one name at r and lowers it. message: the whole message, its header at data[0]; r reads a
 * part of it. Pointers go only backwards, to nothing before octet 12, each before the last (RFC
 * 1035 4.1.4). ERR_FORMAT, and a bad r, for all else. */
MUST enum err dns_name_read(struct reader *r, struct reader message, struct dns_name *ret);
/* The same, letters as they were sent. */
MUST enum err dns_name_read_case(struct reader *r, struct reader message, struct dns_name *ret);
/* One uncompressed name, without a message around it; a pointer is ERR_FORMAT. The letters stay. */
MUST enum err dns_name_read_plain(struct reader *r, struct dns_name *ret);
/* Passes one name without following its pointer; r is bad when it is torn or too long. */
void dns_name_skip(struct reader *r);
/* Passes one name and verifies all that dns_name_read would, without copying. */
MUST enum err dns_name_check(struct reader *r, struct reader message);

/* Octets of the uncompressed name at the start of wire (with its root label); 0 when there is none
 * or it is torn, too long or compressed. */
size_t dns_name_wire_len(struct span wire);

/* wire must be exactly one uncompressed name: ERR_FORMAT else. Lowers it. */
MUST enum err dns_name_from_wire(struct span wire, struct dns_name *ret);

/* --- text --- */

/* Master-file form, RFC 1035 5.1: \. and \DDD escapes, "@" is the origin, no final dot means
 * relative to origin. origin NULL: relative names are taken as absolute, "@" is refused.
 * ERR_FORMAT, or ERR_LIMIT when a label passes 63 or the name 255 octets. */
MUST enum err dns_name_from_text(struct span text, const struct dns_name *origin,
				 struct dns_name *ret);
MUST enum err dns_name_from_text_case(struct span text, const struct dns_name *origin,
				      struct dns_name *ret);
/* Always absolute, with a final dot; special and unprintable octets escaped. NUL-terminated;
 * returns buf. */
const char *dns_name_format(const struct dns_name *n, char buf[DNS_NAME_TEXT_MAX]);
/* The same for a wire-form name in a span (an owner in a snapshot, a name in rdata). "?" if it is
 * none. */
const char *dns_name_format_span(struct span wire, char buf[DNS_NAME_TEXT_MAX]);

/* --- comparison --- */

/* Both lower case. */
static inline bool dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
	return a->len == b->len && memcmp(a->wire, b->wire, a->len) == 0;
}

/* Two uncompressed wire-form names, ASCII case aside (RFC 4343). */
bool dns_name_equal_nocase(struct span a, struct span b);

/* Canonical order, RFC 4034 6.1, case aside: < 0, 0, > 0. Both are well-formed uncompressed names.
 */
int dns_name_compare(struct span a, struct span b);

/* True when child is parent or below it. Both lower case. */
bool dns_name_is_under(const struct dns_name *child, const struct dns_name *parent);
/* The same for wire-form spans, case aside. */
bool dns_name_is_under_nocase(struct span child, struct span parent);

/* Labels that both end in, the root not counted: "a.b.c." and "x.b.c." have 2. Case aside. */
unsigned dns_name_common_labels(struct span a, struct span b);

/* --- labels --- */

/* Count of labels, the root not counted: 0 for ".". */
unsigned dns_name_labels(const struct dns_name *n);
unsigned dns_name_labels_span(struct span wire);

/* Offsets of the labels in wire order, the root's last; returns their count with the root (1..128).
 * wire is a well-formed uncompressed name. */
unsigned dns_name_offsets(struct span wire, uint8_t ret[DNS_LABELS_MAX + 1]);

/* The name without its first label, as a view of n's own octets; empty span for the root. */
static inline struct span dns_name_parent_span(struct span wire)
{
	if (wire.len <= 1)
		return (struct span){0};
	size_t step = (size_t)wire.data[0] + 1;
	return step < wire.len ? span_of(wire.data + step, wire.len - step) : (struct span){0};
}

/* n without its first label into ret (which may be n); false, ret untouched, for the root. */
bool dns_name_parent(const struct dns_name *n, struct dns_name *ret);
/* The last `labels` labels of n (0: the root) into ret (which may be n). labels <=
 * dns_name_labels(n). */
void dns_name_suffix(const struct dns_name *n, unsigned labels, struct dns_name *ret);
/* The same as a view of n's own octets. */
struct span dns_name_suffix_span(struct span wire, unsigned labels);

/* The first label's octets, without the length; empty for the root. */
static inline struct span dns_name_first_label(struct span wire)
{
	return wire.len > 1 ? span_sub(wire, 1, wire.data[0]) : (struct span){0};
}

/* label (1..63 octets, taken as it is) in front of n; ret may be n. ERR_LIMIT past 255 octets,
 * ERR_FORMAT for a label of another length. */
MUST enum err dns_name_prepend_label(struct span label, const struct dns_name *n,
				     struct dns_name *ret);
/* "*." in front of parent, RFC 4592 2.1.1. ERR_LIMIT past 255 octets. */
MUST enum err dns_name_wildcard(const struct dns_name *parent, struct dns_name *ret);
static inline bool dns_name_is_wildcard(struct span wire)
{
	return wire.len >= 3 && wire.data[0] == 1 && wire.data[1] == '*';
}
/* n with its end `from` (n is under it) replaced by `to`: what DNAME does, RFC 6672 2.2.
 * ERR_LIMIT past 255 octets: the server then answers YXDOMAIN. */
MUST enum err dns_name_replace_suffix(const struct dns_name *n, const struct dns_name *from,
				      const struct dns_name *to, struct dns_name *ret);

/* --- kinds --- */

/* Copies len octets and lowers ASCII letters; length octets (< 64) are never letters, so whole
 * wire-form names may pass through. dst may be src. */
void dns_octets_lower(uint8_t *dst, const uint8_t *src, size_t len);

static inline void dns_name_lower(struct dns_name *n)
{
	dns_octets_lower(n->wire, n->wire, n->len);
}

/* Every label is letters, digits and inner hyphens (RFC 952, RFC 1123 2.1); the root is not. */
bool dns_name_is_host_name(struct span wire);

/* --- reverse names (RFC 1035 3.5, RFC 3596 2.5) --- */

/* 4.3.2.1.in-addr.arpa or the nibbles under ip6.arpa. */
void dns_name_from_address(const struct ip_address *a, struct dns_name *ret);
/* ERR_FORMAT unless n (lower case) is the complete reverse name of one address. */
MUST enum err dns_name_to_address(const struct dns_name *n, struct ip_address *ret);

#endif
