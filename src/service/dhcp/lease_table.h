/* All leases of the process in memory: found by address, by client within a link, and in the order
 * of addresses. Knows no pool, no time and no packet; what a state means is its caller's.
 *
 * A record is named by a number as well as by a pointer (both good until it is removed), because
 * four octets are half of eight and there are a million. Without its variable parts it costs about
 * 84 octets, indexes included. */
#ifndef DHCP_LEASE_TABLE_H
#define DHCP_LEASE_TABLE_H

#include "base/err.h"
#include "base/siphash.h"
#include "base/slab.h"
#include "service/dhcp/lease.h"

#include <assert.h>

enum {
	DHCP_RECORD_NONE = 0,
	DHCP_RECORDS_MAX = 1 << 30,
	DHCP_TABLE_TOP = 1 << 12,    /* branches of the first two levels by address */
	DHCP_TABLE_LEAF = 1 << 8,    /* addresses of the third */
	DHCP_TABLE_CHUNK_BITS = 10,  /* records that are allocated together */
	DHCP_TABLE_PART_CLASSES = 9, /* sizes in which variable parts are kept */
};

#define DHCP_LINK_NONE UINT32_MAX
#define DHCP_POOL_NONE UINT32_MAX

struct dhcp_record {
	uint64_t version; /* of its row; 0: none that we know */
	uint8_t *parts;	  /* internal: lengths, then client-id, circuit-id, remote-id, name */
	uint32_t address, granted_s, expires_s;
	uint32_t self;		 /* its number */
	uint32_t same_hash;	 /* internal: next of its bucket */
	uint32_t previous, next; /* of the list it is in; itself: of none */
	uint32_t link, pool;	 /* the caller's; link is part of the client's identity */
	uint32_t waiting;	 /* the caller's */
	uint8_t state, flags;	 /* the caller's */
	uint8_t htype, mac_len, fqdn_flags, names;
	uint8_t mac[6]; /* longer ones lie with the parts */
};
static_assert(sizeof(struct dhcp_record) == 72, "a million of them are kept");

struct dhcp_table_branch;

/* Zeroed storage is not a table yet: dhcp_table_init. One thread at a time. */
struct dhcp_table {
	struct dhcp_record **chunks; /* owned */
	uint32_t made, capacity;     /* numbers that chunks have room for; that may ever be */
	uint32_t free;		     /* numbers that were given back, by next */
	uint32_t used, records_max;  /* records, lists not counted */
	uint32_t *buckets;	     /* owned; by client */
	uint32_t buckets_mask;
	struct hash_key key;
	struct dhcp_table_branch *top[DHCP_TABLE_TOP]; /* owned by slabs */
	struct slab branches, leaves, parts[DHCP_TABLE_PART_CLASSES];
};

/* Who a client is (RFC 2131 4.2): by option 61 when it sends one, else by hardware address; on one
 * link. */
struct dhcp_identity {
	uint32_t link;
	uint8_t htype, mac_len;
	const uint8_t *mac;
	struct span client_id; /* empty: none */
};

/* records_max: up to DHCP_RECORDS_MAX - lists_max; memory for them comes when they do, but for 4
 * to 8 octets each. ENOMEM. */
MUST enum err dhcp_table_init(struct dhcp_table *t, struct hash_key key, size_t records_max,
			      size_t lists_max);
void dhcp_table_done(struct dhcp_table *t);

static inline struct dhcp_record *dhcp_table_at(const struct dhcp_table *t, uint32_t number)
{
	return &t->chunks[number >> DHCP_TABLE_CHUNK_BITS]
			 [number & ((1u << DHCP_TABLE_CHUNK_BITS) - 1)];
}

/* NULL: none. */
struct dhcp_record *dhcp_table_find(const struct dhcp_table *t, uint32_t address);
/* The record with the lowest address >= from; NULL: none. */
struct dhcp_record *dhcp_table_from(const struct dhcp_table *t, uint32_t from);
/* The records of a client, in no order; NULL: no more. The table must not change meanwhile. */
struct dhcp_record *dhcp_table_first_of(const struct dhcp_table *t, const struct dhcp_identity *id);
struct dhcp_record *dhcp_table_next_of(const struct dhcp_table *t, const struct dhcp_record *r,
				       const struct dhcp_identity *id);
bool dhcp_record_is_of(const struct dhcp_record *r, const struct dhcp_identity *id);
/* Has it a client at all? */
static inline bool dhcp_record_has_client(const struct dhcp_record *r)
{
	return r->mac_len || r->parts;
}

/* A new record of an address that has none, of nobody, in no list; NULL: full. */
struct dhcp_record *dhcp_table_add(struct dhcp_table *t, uint32_t address, uint32_t link);
void dhcp_table_remove(struct dhcp_table *t, struct dhcp_record *r);

/* Takes client, circuit-id, remote-id, name and fqdn_flags from l; nothing else. ERR_LIMIT: no
 * memory, and the record is as it was. */
MUST enum err dhcp_table_describe(struct dhcp_table *t, struct dhcp_record *r,
				  const struct dhcp_lease *l);
/* Makes it a record of nobody. */
void dhcp_table_forget(struct dhcp_table *t, struct dhcp_record *r);
/* Moves it to another link. */
void dhcp_table_relink(struct dhcp_table *t, struct dhcp_record *r, uint32_t link);

void dhcp_record_lease(const struct dhcp_record *r, struct dhcp_lease *ret);

/* --- lists of records: each record is in one at most --- */

/* The number of a list, which is a record of its own kind; DHCP_RECORD_NONE: no memory. */
uint32_t dhcp_table_list(struct dhcp_table *t);
void dhcp_table_list_free(struct dhcp_table *t, uint32_t list);
/* At its end; out of the list it was in. */
void dhcp_list_append(struct dhcp_table *t, uint32_t list, struct dhcp_record *r);
void dhcp_list_leave(struct dhcp_table *t, struct dhcp_record *r);
/* All of one list to the end of another. */
void dhcp_list_move(struct dhcp_table *t, uint32_t from, uint32_t to);
/* NULL: empty; or, of next, no more. */
struct dhcp_record *dhcp_list_first(const struct dhcp_table *t, uint32_t list);
struct dhcp_record *dhcp_list_next(const struct dhcp_table *t, uint32_t list,
				   const struct dhcp_record *r);

/* Octets of memory that it has taken. */
size_t dhcp_table_bytes(const struct dhcp_table *t);

#endif
