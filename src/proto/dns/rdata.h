/* The rdata of every record type: wire to wire, wire to text and back, canonical form, and the few
 * fields that servers act on. Knows nothing of owners, messages' sections or zones.
 *
 * "rdata" below is a span of uncompressed wire form, names with the case they came with, that
 * dns_rdata_from_wire, dns_rdata_from_text or dns_rdata_check has passed: the functions that take
 * it after that may rely on it (what is not so is refused or left out, never read past its end).
 * Types that type.h does not know are opaque bytes (RFC 3597). Class is taken to be IN. */
#ifndef PROTO_DNS_RDATA_H
#define PROTO_DNS_RDATA_H

#include "base/reader.h"
#include "base/writer.h"
#include "proto/dns/type.h"

struct dns_build;
struct dns_name;
struct dns_text_lexer;

#define DNS_RDATA_MAX 65535

/* The record's rdata, whole and nothing else, from a received message into out, appended.
 * rdata: a sub-reader of message with exactly rdlength bytes; message: from the header on.
 * Decompresses names of the RFC 1035 types and of those in RFC 3597 4; a pointer in any other is
 * refused. ERR_FORMAT when the bytes are not what the type says, ERR_LIMIT when out is too small.
 */
MUST enum err dns_rdata_from_wire(uint16_t type, struct reader *rdata, struct reader message,
				  struct writer *out);

/* OK when the span is a right rdata of the type in uncompressed form, else ERR_FORMAT. */
MUST enum err dns_rdata_check(uint16_t type, struct span rdata);

/* Appends the rdata (without rdlength) to the message; names of RFC 1035 types are compressed.
 * The caller reserves and fills rdlength. A lack of room marks the builder, as its header says. */
void dns_rdata_write(uint16_t type, struct span rdata, struct dns_build *b);

/* One rdata in text from the lexer, up to and not including the end of the entry, appended to out.
 * origin: completes relative names; NULL takes them as absolute. Takes \# (RFC 3597 5) for every
 * type. On ERR_FORMAT and ERR_LIMIT the lexer's error says where and what was expected. */
MUST enum err dns_rdata_from_text(uint16_t type, struct dns_text_lexer *l,
				  const struct dns_name *origin, struct writer *out);

/* Text on one line, names whole with their case; what the type does not fit comes as \#.
 * A lack of room marks the writer. 80 * rdata.len + 64 bytes are always enough; 4 * rdata.len + 64
 * are for every type without a type bitmap or SvcParams. */
void dns_rdata_format(uint16_t type, struct span rdata, struct writer *w);

/* Canonical form, RFC 4034 6.2 (3) with the list of types as RFC 6840 5.1 mended it. Same length.
 */
void dns_rdata_canonical(uint16_t type, struct span rdata, struct writer *w);

/* Order of RFC 4034 6.3: <0, 0 or >0, as left-justified bytes of both canonical forms. */
int dns_rdata_compare(uint16_t type, struct span a, struct span b);

/* A whole record in canonical form (RFC 4034 6.2): owner lower-cased, type, class, ttl, rdlength,
 * canonical rdata. For RRSIG and ZONEMD digests. */
void dns_record_canonical(const struct dns_name *owner, uint16_t type, uint16_t class, uint32_t ttl,
			  struct span rdata, struct writer *w);

/* Name number `which` (from 0) of the rdata, in wire form with its case, inside rdata. Empty when
 * the type has no such name: NS CNAME DNAME PTR MX SRV SVCB KX: 0; SOA: 0 mname, 1 rname;
 * NSEC: 0 next; RRSIG: 0 signer; NAPTR: 0 replacement; RP, MINFO, PX: 0 and 1. */
struct span dns_rdata_name_span(uint16_t type, struct span rdata, unsigned which);

/* The same, lower-cased; false when the type has no such name. */
bool dns_rdata_name(uint16_t type, struct span rdata, unsigned which, struct dns_name *ret);

/* The accessors refuse a span that is too short with ERR_FORMAT; spans in ret lie inside rdata. */

struct dns_soa {
	struct span mname, rname; /* wire form, case kept */
	uint32_t serial, refresh_s, retry_s, expire_s, minimum_s;
};
MUST enum err dns_rdata_soa(struct span rdata, struct dns_soa *ret);

struct dns_mx {
	uint16_t preference;
	struct span exchange;
};
MUST enum err dns_rdata_mx(struct span rdata, struct dns_mx *ret);

struct dns_srv {
	uint16_t priority, weight, port;
	struct span target;
};
MUST enum err dns_rdata_srv(struct span rdata, struct dns_srv *ret);

/* SVCB and HTTPS (RFC 9460 2.2). priority 0 is AliasMode; target "." in ServiceMode is the owner.
 */
struct dns_svcb {
	uint16_t priority;
	struct span target, params;
};
MUST enum err dns_rdata_svcb(struct span rdata, struct dns_svcb *ret);

struct dns_ds {
	uint16_t key_tag;
	uint8_t algorithm, digest_type;
	struct span digest;
};
MUST enum err dns_rdata_ds(struct span rdata, struct dns_ds *ret);

struct dns_rrsig {
	uint16_t type_covered;
	uint8_t algorithm, labels;
	uint32_t original_ttl_s, expiration_s, inception_s; /* the times are serials (RFC 1982) */
	uint16_t key_tag;
	struct span signer, signature;
};
MUST enum err dns_rdata_rrsig(struct span rdata, struct dns_rrsig *ret);

/* The first two bytes of an RRSIG; 0 when it is shorter. */
uint16_t dns_rdata_rrsig_covered(struct span rdata);

/* NSEC3 (RFC 5155 3.2) and, with next and bitmap empty, NSEC3PARAM (4.2). */
struct dns_nsec3 {
	uint8_t algorithm, flags;
	uint16_t iterations;
	struct span salt, next, bitmap; /* next is the raw hash */
};
MUST enum err dns_rdata_nsec3(struct span rdata, struct dns_nsec3 *ret);
MUST enum err dns_rdata_nsec3param(struct span rdata, struct dns_nsec3 *ret);
#define DNS_NSEC3_OPT_OUT 0x01u

/* ZONEMD (RFC 8976 2.2). */
struct dns_zonemd {
	uint32_t serial;
	uint8_t scheme, algorithm;
	struct span digest;
};
MUST enum err dns_rdata_zonemd(struct span rdata, struct dns_zonemd *ret);

/* The bitmap of an NSEC. */
struct span dns_rdata_nsec_bitmap(struct span rdata);
/* Is the type in a bitmap (RFC 4034 4.1.2)? */
bool dns_bitmap_has(struct span bitmap, uint16_t type);

#endif
