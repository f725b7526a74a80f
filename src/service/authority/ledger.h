/* What all entries of a journal come to: the records that a zone has beyond its file, and those
 * that it lacks. Knows no zone; two changes that undo each other leave nothing. */
#ifndef AUTHORITY_LEDGER_H
#define AUTHORITY_LEDGER_H

#include "base/arena.h"
#include "base/table.h"
#include "service/authority/journal.h"

struct ledger_record {
	bool plus, minus; /* beyond the file; in the file and taken away */
	uint16_t type, rdata_len;
	uint32_t ttl_s, minus_ttl_s; /* of plus, of minus */
	struct ledger_record *next;  /* in the order in which they came */
	uint8_t *rdata;
	struct dns_name *owner;
};

struct ledger {
	struct arena arena;
	struct table records;
	struct ledger_record *first, **last;
	struct span soa; /* the rdata of the last SOA that an update brought; empty: none */
	uint32_t soa_ttl_s;
	uint32_t serial; /* of the last entry; defined when entries > 0 */
	uint64_t entries;
};

/* key: of the hash table. */
void ledger_init(struct ledger *l, struct hash_key key);
void ledger_done(struct ledger *l); /* accepts zeroed storage */

MUST enum err ledger_change(struct ledger *l, const struct journal_change *c);
/* All entries. ERR_FORMAT: an entry whose checksum is right is not. */
MUST enum err ledger_read(struct ledger *l, struct journal_reader *jr);

/* What it comes to, into the open entry of the batch; apex: the owner of the SOA. */
void ledger_write(const struct ledger *l, const struct dns_name *apex, struct journal_batch *b);

/* The record of that owner, type and rdata, names in it in any case; or NULL. */
const struct ledger_record *ledger_find(const struct ledger *l, struct span owner, uint16_t type,
					struct span rdata);

#endif
