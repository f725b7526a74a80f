/* Writes a DNS message into a buffer of fixed size: names compressed, whole RRsets or nothing, room
 * kept for OPT, counts filled in at the end (RFC 1035 4.1.4, RFC 2181 9). Knows no zone and no
 * cache; what rdata looks like it asks of rdata.h. */
#ifndef PROTO_DNS_BUILD_H
#define PROTO_DNS_BUILD_H

#include "base/span.h"
#include "base/writer.h"
#include "proto/dns/message.h"
#include "proto/dns/name.h"

#define DNS_BUILD_POINTER_MAX 0x3fff /* a pointer has 14 bits */
#define DNS_BUILD_SUFFIXES                                                                         \
	192 /* remembered for compression; past them names stay longer, not wrong */
#define DNS_BUILD_SLOTS 256

struct dns_build_suffix {
	uint16_t at;	 /* offset of a label, its suffix is read from there */
	uint16_t parent; /* offset of the suffix after that label; 0: the root */
	uint8_t slot;
};

/* Fields are for the functions here; others may read .truncated and .w (rdata.h writes fixed fields
 * to .w). */
struct dns_build {
	struct writer w;    /* cap: the limit less what is reserved */
	uint16_t flags;	    /* as the header will have them */
	uint16_t counts[4]; /* by enum dns_section */
	uint16_t reserved;
	uint8_t question_len; /* octets of the question's name at offset 12; 0: none */
	bool truncated;
	bool indexed; /* slots are cleared and the question's name is in them */
	uint8_t suffixes_len;
	struct dns_build_suffix suffixes[DNS_BUILD_SUFFIXES];
	uint8_t slots[DNS_BUILD_SLOTS]; /* index into suffixes + 1; 0: empty */
};

/* buf holds limit octets (at least 12): the most that this client takes over this transport. Writes
 * a header with no counts. flags: with opcode, QR etc.; an rcode in the low 4 bits. */
void dns_build_init(struct dns_build *b, void *buf, size_t limit, uint16_t id, uint16_t flags);

/* May be changed until the end. */
static inline void dns_build_set_flags(struct dns_build *b, uint16_t set)
{
	b->flags |= set;
}
/* The low 4 bits; the upper go to dns_build_opt. */
static inline void dns_build_set_rcode(struct dns_build *b, unsigned rcode)
{
	b->flags = (uint16_t)((b->flags & ~(unsigned)DNS_FLAGS_RCODE_MASK) |
			      (rcode & DNS_FLAGS_RCODE_MASK));
}

/* wire: name, type and class, as struct dns_question.wire. First after init, at most once. */
void dns_build_question_echo(struct dns_build *b, struct span wire);
/* name: wire form, any case. */
void dns_build_question(struct dns_build *b, struct span name, uint16_t type, uint16_t class);

/* Keeps n octets at the end out of the records' reach: OPT's 11 and its options. dns_build_opt
 * gives them back. */
void dns_build_reserve(struct dns_build *b, size_t n);

/* --- names --- */

/* Writes a wire-form uncompressed name, compressed against all before it, case aside; letters that
 * are written are name's own. Returns the offset at which the name can be pointed to, or 0 (the
 * root, past 16383, out of room). */
uint16_t dns_build_name(struct dns_build *b, struct span name);
/* In full, remembered by none: rdata of types not in RFC 1035 (RFC 3597 4). */
void dns_build_name_plain(struct dns_build *b, struct span name);

/* Offset of the question's name, or of the suffix of it that is suffix_len octets long: an owner
 * known to be qname's zone, cut or closest encloser costs no search. */
static inline uint16_t dns_build_question_at(const struct dns_build *b, size_t suffix_len)
{
	ASSERT(suffix_len <= b->question_len);
	return suffix_len <= 1 ? 0 : (uint16_t)(DNS_HEADER_LEN + b->question_len - suffix_len);
}

/* --- RRsets: whole or not at all --- */

struct dns_build_rrset {
	uint16_t type, class;
	uint32_t ttl;
	uint16_t owner_at; /* pointed to by the next record; 0: written anew */
	uint8_t section;
	uint16_t count;
	uint32_t pos;	   /* where the first record begins */
	struct span owner; /* borrowed */
};

/* struct dns_build_rrset s = dns_build_rrset_begin(b, DNS_ANSWER, owner, type, class, ttl);
 * for (...) dns_build_rrset_add(b, &s, rdata);
 * if (!dns_build_rrset_end(b, &s)) dns_build_truncate(b); */
struct dns_build_rrset dns_build_rrset_begin(struct dns_build *b, enum dns_section section,
					     struct span owner, uint16_t type, uint16_t class,
					     uint32_t ttl);
/* The owner stands at owner_at in the message (dns_build_question_at, or what dns_build_name
 * returned); 0 is the root. */
struct dns_build_rrset dns_build_rrset_begin_at(struct dns_build *b, enum dns_section section,
						uint16_t owner_at, uint16_t type, uint16_t class,
						uint32_t ttl);
/* One record. rdata: uncompressed, well-formed for its type; names in it are compressed for the
 * types of RFC 1035 only. */
void dns_build_rrset_add(struct dns_build *b, struct dns_build_rrset *s, struct span rdata);
/* For rdata composed in place: the record up to its rdlength, then dns_build_name or b->w, then the
 * end. */
void dns_build_rrset_add_begin(struct dns_build *b, struct dns_build_rrset *s, size_t *ret_at);
void dns_build_rrset_add_end(struct dns_build *b, struct dns_build_rrset *s, size_t at);
/* True: all of it is in. False: some record did not fit, the message is as it was before begin. */
MUST bool dns_build_rrset_end(struct dns_build *b, struct dns_build_rrset *s);

/* An RRset of one record: true when it is in. */
MUST bool dns_build_record(struct dns_build *b, enum dns_section section, struct span owner,
			   uint16_t type, uint16_t class, uint32_t ttl, struct span rdata);

/* A place to go back to, over more than one RRset (an RRset and its RRSIGs). */
struct dns_build_mark {
	uint32_t pos;
	uint16_t counts[4];
};
struct dns_build_mark dns_build_mark(const struct dns_build *b);
void dns_build_rewind(struct dns_build *b, const struct dns_build_mark *m);

/* --- the end --- */

/* The reply lacks something that it must have: TC (RFC 2181 9). What was whole stays. */
static inline void dns_build_truncate(struct dns_build *b)
{
	b->truncated = true;
	b->flags |= DNS_FLAG_TC;
}

/* The OPT record, with the reserved room given back. rcode: all 12 bits; its low 4 also go to the
 * header. Options that do not fit are left out; an OPT that does not fit is too. */
void dns_build_opt(struct dns_build *b, uint16_t udp_size, unsigned rcode, bool do_bit,
		   struct span options);

/* Fills in flags and counts. The message, in the buffer of init. */
struct span dns_build_finish(struct dns_build *b);

#endif
