/* One field of an rdata in its three forms, for rdata*.c only. Knows no record type but those whose
 * rdata is one field of its own kind (LOC, APL, SVCB, HIP, IPSECKEY, AMTRELAY). */
#ifndef PROTO_DNS_RDATA_FIELD_H
#define PROTO_DNS_RDATA_FIELD_H

#include "base/reader.h"
#include "base/writer.h"
#include "proto/dns/name.h"
#include "proto/dns/text.h"
#include "proto/dns/type.h"

static inline bool dns_field_is_name(unsigned f)
{
	return f >= DNS_FIELD_NAME_COMPRESS && f <= DNS_FIELD_NAME;
}

/* Passes one field of an uncompressed rdata, which ends where r ends. ERR_FORMAT: it is not right;
 * r is then anywhere. */
MUST enum err dns_field_check(unsigned f, struct reader *r);
/* Its text from the lexer into wire form. ERR_FORMAT: the lexer's error says why; what was written
 * then stays. Room lacking marks w. */
MUST enum err dns_field_parse(unsigned f, struct dns_text_lexer *l, const struct dns_name *origin,
			      struct writer *w);
/* Passes it and writes its text. False: it has none, and the rdata needs \#. */
MUST bool dns_field_format(unsigned f, struct reader *r, struct writer *w);

/* The fields that fill a file each, with the contracts above. */
MUST enum err dns_bitmap_check(struct reader *r);
MUST enum err dns_bitmap_parse(struct dns_text_lexer *l, struct writer *w);
void dns_bitmap_format(struct span bitmap, struct writer *w);

MUST enum err dns_loc_check(struct reader *r);
MUST enum err dns_loc_parse(struct dns_text_lexer *l, struct writer *w);
MUST bool dns_loc_format(struct reader *r, struct writer *w);

MUST enum err dns_apl_check(struct reader *r);
MUST enum err dns_apl_parse(struct dns_text_lexer *l, struct writer *w);
MUST bool dns_apl_format(struct reader *r, struct writer *w);

MUST enum err dns_svcparams_check(struct reader *r);
MUST enum err dns_svcparams_parse(struct dns_text_lexer *l, struct writer *w);
MUST bool dns_svcparams_format(struct reader *r, struct writer *w);

MUST enum err dns_hip_check(struct reader *r);
MUST enum err dns_hip_parse(struct dns_text_lexer *l, struct writer *w);
void dns_hip_format(struct reader *r, struct writer *w);

MUST enum err dns_gateway_check(struct reader *r);
MUST enum err dns_gateway_parse(struct dns_text_lexer *l, const struct dns_name *origin,
				struct writer *w);
void dns_gateway_format(struct reader *r, struct writer *w);

MUST enum err dns_relay_check(struct reader *r);
MUST enum err dns_relay_parse(struct dns_text_lexer *l, const struct dns_name *origin,
			      struct writer *w);
MUST bool dns_relay_format(struct reader *r, struct writer *w);

/* Pieces that several of them are made of. */

/* The next word as a decimal number; expected says the range. */
MUST enum err dns_field_number(struct dns_text_lexer *l, uint64_t max, const char *expected,
			       uint64_t *ret);
/* Text of the current token, or of a part of it. False when it is no such address. */
MUST bool dns_field_ipv4(struct span text, struct writer *w);
MUST bool dns_field_ipv6(struct span text, struct writer *w);
/* The text of 4 or 16 bytes (no bytes: nothing). */
void dns_field_address_write(struct span address, struct writer *w);
/* The words to the end of the entry (one: of one word) as bytes. At least min. */
MUST enum err dns_field_digits(struct dns_text_lexer *l, enum dns_text_base base, bool one,
			       size_t min, struct writer *w);
/* Passes one uncompressed name and writes its text. */
void dns_field_name_write(struct reader *r, struct writer *w);
/* Passes one uncompressed name; empty and r bad when there is none. */
struct span dns_field_name_read(struct reader *r);

#endif
