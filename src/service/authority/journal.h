/* The journal of a zone as bytes: what changed by DNS UPDATE since the zone file was read. Knows no
 * zone and no file; every entry carries its length and a checksum, so that a torn end shows. */
#ifndef AUTHORITY_JOURNAL_H
#define AUTHORITY_JOURNAL_H

#include "base/reader.h"
#include "proto/dns/name.h"

#define JOURNAL_ID_LEN	  16
#define JOURNAL_ENTRY_MAX ((uint32_t)1 << 28) /* octets of one entry */

struct journal_head {
	struct dns_name origin;
	uint32_t file_serial;	    /* of the SOA in the zone file that the entries build on */
	uint8_t id[JOURNAL_ID_LEN]; /* random: keys the checksums, so no older bytes pass for ours
				     */
};

enum journal_op { JOURNAL_REMOVE, JOURNAL_ADD };

/* One record that came or went. */
struct journal_change {
	uint8_t op;
	uint16_t type;
	uint32_t ttl_s;
	struct dns_name owner; /* lower case */
	struct span rdata;     /* uncompressed */
};

/* --- writing --- */

/* Bytes that wait to be appended; grows. Zeroed storage is empty. */
struct journal_batch {
	uint8_t *data; /* owned */
	size_t len, cap;
	size_t entry; /* where the open entry begins */
	bool failed;  /* memory ran out, or an entry grew too long */
};

void journal_batch_done(struct journal_batch *b);
static inline void journal_batch_clear(struct journal_batch *b)
{
	b->len = b->entry = 0;
	b->failed = false;
}

void journal_put_head(struct journal_batch *b, const struct journal_head *h);

/* An entry: begin, its changes, end. SOA records are changes like others; serial is the zone's
 * after them. */
void journal_begin(struct journal_batch *b);
void journal_put(struct journal_batch *b, const struct journal_change *c);
/* ENOMEM or ERR_LIMIT: the entry is taken back. */
MUST enum err journal_end(struct journal_batch *b, const struct journal_head *h, uint32_t serial);
/* Takes the open entry back. */
void journal_cancel(struct journal_batch *b);

/* --- reading --- */

struct journal_reader {
	struct journal_head head;
	struct reader r;
	size_t whole; /* octets up to the end of the last whole entry */
};

struct journal_entry {
	uint32_t serial;
	struct reader changes;
};

/* ERR_FORMAT: no journal, or one of a later make. */
MUST enum err journal_open(struct span bytes, struct journal_reader *ret);
/* False: the end, or where what follows is torn (jr->whole < the bytes). */
bool journal_next(struct journal_reader *jr, struct journal_entry *ret);
/* False at the end of the entry. */
bool journal_change_next(struct journal_entry *e, struct journal_change *ret);

#endif
