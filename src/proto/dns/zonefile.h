/* A pull parser of zone file text (RFC 1035 5, RFC 2308 4 $TTL, RFC 3597, and $GENERATE as BIND has
 * it): one record or one error for each call. Does no I/O, keeps no records and judges no zone:
 * class, out-of-zone owners, duplicates and glue are the caller's matter.
 *
 *	struct dns_zonefile z;
 *	dns_zonefile_init(&z, text, &origin, scratch, sizeof(scratch));
 *	for (;;)
 *		switch (dns_zonefile_next(&z, &rec)) { RECORD ... INCLUDE ... ERROR ... END: return
 *}
 *
 * TTL of a record without one: the last $TTL (RFC 2308 4); without any $TTL, the last TTL that a
 * record stated (RFC 1035 5.1), which at first is the SOA's minimum when the SOA states none and is
 * the first record; else it is an error.
 * Class of a record without one: the last stated, at first IN. */
#ifndef PROTO_DNS_ZONEFILE_H
#define PROTO_DNS_ZONEFILE_H

#include "base/writer.h"
#include "proto/dns/name.h"
#include "proto/dns/text.h"

#define DNS_ZONEFILE_SCRATCH	  65535	      /* rdata of any record fits */
#define DNS_ZONEFILE_TTL_MAX	  0x7fffffffu /* RFC 2181 8 */
#define DNS_ZONEFILE_GENERATE_MAX 1048576u    /* records of one $GENERATE */
#define DNS_ZONEFILE_MESSAGE_MAX  192

enum dns_zonefile_result {
	DNS_ZONEFILE_RECORD,
	DNS_ZONEFILE_INCLUDE, /* the caller reads the file and runs a nested parser, or refuses */
	DNS_ZONEFILE_ERROR,   /* this entry is skipped; the next call goes on with the one after */
	DNS_ZONEFILE_END,
};

/* Everything here is borrowed and lasts until the next call on the same parser. */
struct dns_zonefile_record {
	uint32_t line,
		column; /* of the entry, of $INCLUDE, or of the offending token; from 1, bytes */

	/* RECORD */
	const struct dns_name *owner;	   /* lower case */
	const struct dns_name *owner_case; /* as written */
	bool owner_same; /* the owner of the record given before, left out or repeated letter for
			    letter */
	uint16_t type, class;
	uint32_t ttl_s;
	struct span rdata; /* uncompressed wire form, in the scratch */

	/* INCLUDE */
	struct span path; /* as written, quotes and escapes resolved; not NUL-terminated */
	const struct dns_name *origin; /* for the nested parser */

	/* ERROR: one line, no full stop, NUL-terminated: "A: expected an IPv4 address, found "foo""
	 */
	const char *message;
};

/* Internals; set by dns_zonefile_init only. */
struct dns_zonefile {
	struct dns_text_lexer lexer;
	struct writer scratch;
	struct dns_name origin; /* case kept */
	struct dns_name owner, owner_case;
	struct dns_name include_origin;
	bool has_owner, has_ttl, has_default_ttl;
	bool owner_is_new; /* no record with this owner was given yet */
	bool owner_is_bad; /* was not to be read: entries that leave it out are not given */
	uint16_t class;
	uint32_t ttl_s, default_ttl_s;
	struct span last_owner_text; /* the owner as written, to skip the work when it repeats */
	struct dns_zonefile_generate {
		bool active;
		uint32_t at, stop, step;
		struct span left, right; /* templates, in the file's text */
		uint16_t type, class;
		uint32_t ttl_s;
		uint32_t line, column; /* of the directive */
		struct dns_text_error left_at, right_at;
	} generate;
	char text[2048]; /* an expanded $GENERATE, an $INCLUDE path */
	char message[DNS_ZONEFILE_MESSAGE_MAX];
};

/* text: the whole file, which must last as long as the parser (mapped files are fine). origin: the
 * zone's, case kept. scratch: for rdata; records that do not fit are errors. */
void dns_zonefile_init(struct dns_zonefile *z, struct span text, const struct dns_name *origin,
		       void *scratch, size_t scratch_len);

/* A parser for an included file: takes the class and TTLs of the parent over. The caller bounds the
 * depth. Its scratch may be the parent's. */
void dns_zonefile_init_nested(struct dns_zonefile *z, const struct dns_zonefile *parent,
			      struct span text, const struct dns_name *origin);

/* After the nested parser's END: TTLs stated there hold on in the parent; its owner and origin do
 * not (RFC 1035 5.1). */
void dns_zonefile_leave_nested(struct dns_zonefile *parent, const struct dns_zonefile *nested);

enum dns_zonefile_result dns_zonefile_next(struct dns_zonefile *z, struct dns_zonefile_record *ret);

#endif
