/* RRsets in the one packed form in which they are cached, collected and written. Knows neither why
 * one is believed nor who asks for it. */
#ifndef RESOLVER_RRSET_H
#define RESOLVER_RRSET_H

#include "base/reader.h"
#include "base/writer.h"
#include "proto/dns/build.h"

/* Packed, network order: u32 length of all that follows, u16 type, u32 ttl, u16 records, u16
 * signatures, u8 length of the owner, owner (lower case); then for each record and after them for
 * each RRSIG: u16 length, rdata (uncompressed). Several may lie one after the other. */
struct rrset {
	struct span owner; /* wire form, lower case */
	uint16_t type;
	uint32_t ttl_s;
	uint16_t count, sigs;
	struct span records; /* both kinds, for rrset_record_next */
	struct span packed;  /* all of it */
};

/* The next of a row of packed RRsets; false at the end. What is packed was packed by us. */
bool rrset_next(struct reader *r, struct rrset *ret);

/* The only one. False: there is none. */
bool rrset_read(struct span packed, struct rrset *ret);

/* struct reader r = reader_of_span(set.records); while (rrset_record_next(&r, &rdata)) ... */
bool rrset_record_next(struct reader *r, struct span *ret_rdata);

/* Begins one; returns where. The records follow by rrset_pack_rdata, the RRSIGs last. */
size_t rrset_pack_begin(struct writer *w, struct span owner, uint16_t type, uint32_t ttl_s);
void rrset_pack_rdata(struct writer *w, struct span rdata);
/* A lack of room marks the writer. */
void rrset_pack_end(struct writer *w, size_t at, uint16_t count, uint16_t sigs);

/* Copies a row and lowers every TTL by age_s, to 0 at least. */
void rrset_copy_aged(struct writer *w, struct span row, uint32_t age_s);
/* Sets every TTL of a row in place. */
void rrset_set_ttl(uint8_t *row, size_t len, uint32_t ttl_s);
/* The smallest TTL of a row; UINT32_MAX when it is empty. */
uint32_t rrset_least_ttl(struct span row);

/* Into a message: the records, and with sigs their RRSIGs; all of it or, false, nothing. */
MUST bool rrset_write(struct dns_build *b, enum dns_section section, const struct rrset *set,
		      uint16_t class, bool sigs);

#endif
