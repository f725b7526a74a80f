/* A received DNS message as a view: header, question, records one by one, EDNS (RFC 1035 4, RFC
 * 6891). Copies nothing but lower-cased names; knows no rdata (rdata.h) and decides nothing but
 * whether a query is well-formed. */
#ifndef PROTO_DNS_MESSAGE_H
#define PROTO_DNS_MESSAGE_H

#include "base/err.h"
#include "base/reader.h"
#include "base/span.h"
#include "proto/dns/code.h"
#include "proto/dns/edns.h"
#include "proto/dns/name.h"

#define DNS_HEADER_LEN	12
#define DNS_MESSAGE_MAX 65535
/* The smallest record has 11 octets: no message holds more, whatever its counts say. */
#define DNS_MESSAGE_RECORDS_MAX ((DNS_MESSAGE_MAX - DNS_HEADER_LEN) / 11)

struct dns_header {
	uint16_t id;
	uint16_t flags; /* enum dns_flag, opcode and rcode */
	uint16_t qdcount, ancount, nscount, arcount;
};

static inline enum dns_opcode dns_header_opcode(const struct dns_header *h)
{
	return (enum dns_opcode)((h->flags & DNS_FLAGS_OPCODE_MASK) >> DNS_FLAGS_OPCODE_SHIFT);
}

static inline unsigned dns_header_rcode(const struct dns_header *h)
{
	return h->flags & DNS_FLAGS_RCODE_MASK;
}

/* ERR_FORMAT when message is shorter than a header. */
MUST enum err dns_header_read(struct span message, struct dns_header *ret);

struct dns_question {
	uint16_t type, class;
	struct span wire;     /* name, type and class as received: for the echo with its case */
	struct dns_name name; /* lower case */
};

enum dns_section { DNS_QUESTION, DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL };

/* --- for servers: one query --- */

enum dns_query_verdict {
	DNS_QUERY_DROP,	 /* shorter than a header, or itself a reply: answer nothing */
	DNS_QUERY_REPLY, /* answer at once with ret->rcode and no records (FORMERR, NOTIMP, BADVERS;
			  * NOERROR for a request for a cookie without a question, RFC 7873 5.4) */
	DNS_QUERY_ANSWER, /* opcode QUERY, one question, all is well-formed */
};

/* After DROP only .verdict is defined. */
struct dns_query {
	enum dns_query_verdict verdict;
	enum dns_rcode rcode; /* for REPLY; may be above 15, then edns.present holds */
	bool has_question;    /* question was readable: echo question.wire */
	struct dns_header header;
	struct dns_question question; /* defined when has_question */
	struct dns_edns edns;	      /* .present; always well-formed when so */
	size_t tsig_at;		      /* offset of a TSIG record, which ends the message; 0: none */
	size_t authority_at;	      /* offset of the SOA of an IXFR query; 0: none */
};

/* The hot path. Reads a request that came to a server: QR clear, one uncompressed question, no
 * records but OPT, TSIG and (IXFR, RFC 1995 3) one in the authority section, nothing after them.
 * Other opcodes are REPLY with NOTIMP, their question read when there is one: who serves NOTIFY or
 * UPDATE looks at header first and uses dns_message_read. Class and type are not judged. Returns
 * ret->verdict. */
enum dns_query_verdict dns_query_read(struct span message, struct dns_query *ret);

/* --- for all: any message --- */

struct dns_message {
	struct span wire; /* borrowed: the whole message */
	struct dns_header header;
	bool has_question;
	struct dns_question question; /* defined when has_question */
	struct dns_edns edns;
	uint32_t section_at[4];	 /* by enum dns_section: offset of its first record */
	uint16_t section_len[4]; /* and its records, OPT and TSIG counted; all 0 after read_head */
	size_t tsig_at;		 /* offset of a TSIG record, the last; 0: none */
};

/* Header and question alone: ids and questions of replies are matched with it before more is
 * believed. ERR_FORMAT when torn, or when there is more than one question (RFC 9619). Sections hold
 * no records after it. */
MUST enum err dns_message_read_head(struct span message, struct dns_message *ret);

/* The whole. ERR_FORMAT: a torn record or name, octets after the last, an OPT outside of the
 * additional section or two, an OPT whose owner is not the root, a TSIG that is not last. All owner
 * names are verified, so iteration cannot fail; rdata is not looked into but that of OPT. */
MUST enum err dns_message_read(struct span message, struct dns_message *ret);

/* The 12-bit rcode: header and OPT, RFC 6891 6.1.3. */
static inline unsigned dns_message_rcode(const struct dns_message *m)
{
	return dns_header_rcode(&m->header) |
	       (m->edns.present ? (unsigned)m->edns.extended_rcode << 4 : 0U);
}

struct dns_record {
	enum dns_section section;
	uint16_t type, class;
	uint32_t ttl;	   /* seconds; RFC 2181 8: with the top bit set it counts as 0 */
	uint32_t rdata_at; /* offset in the message */
	struct span rdata; /* as received: names in it may be compressed; a view of the message */
	struct dns_name owner; /* lower case */
};

struct dns_record_iter {
	uint32_t at;
	uint16_t left;
	uint8_t section; /* enum dns_section */
	bool one;	 /* this section only */
};

/* All records of all sections in order, or of one. OPT and TSIG records are not given. */
struct dns_record_iter dns_record_iter_all(const struct dns_message *m);
struct dns_record_iter dns_record_iter_section(const struct dns_message *m, enum dns_section s);
/* False at the end. m must come from dns_message_read. */
bool dns_record_next(const struct dns_message *m, struct dns_record_iter *it,
		     struct dns_record *ret);

/* What dns_name_read and the functions of rdata.h take as `message`. */
static inline struct reader dns_message_reader(const struct dns_message *m)
{
	return reader_of_span(m->wire);
}

/* A reader over the rdata that can follow compression: dns_name_read(&r, dns_message_reader(m),
 * ...). */
static inline struct reader dns_record_reader(const struct dns_record *rec)
{
	return reader_of_span(rec->rdata);
}

#endif
