/* Rows by which gateways tell each other what they admitted: their form, and who has told which.
 * Each gateway writes its own rows, one after the other round a ring, so that a reader who was away
 * for less than a round misses none. Knows no store, no clock and no bucket. */
#ifndef REVERSE_PROXY_RATE_ROWS_H
#define REVERSE_PROXY_RATE_ROWS_H

#include "base/err.h"
#include "base/writer.h"
#include "service/reverse-proxy/guard/guard.h"

enum {
	RATE_SHARES_MAX = 200, /* of one row */
	RATE_ROW_MAX = 1 + 8 + 2 + RATE_SHARES_MAX * 20,
	RATE_RING = 64,	  /* rows of one gateway */
	RATE_PEERS = 64,  /* other gateways, those too that ended less than RATE_SILENT_MS ago */
	RATE_KEY_LEN = 9, /* of a row in the store */
	RATE_SILENT_MS = 60000, /* who tells nothing for so long has no rows any more */
	RATE_LIVE_MS = 10000,	/* who told something within it admits requests now */
};

struct rate_place {
	uint64_t gateway; /* random, of one life of a process */
	unsigned slot;	  /* below RATE_RING */
};
void rate_place_write(const struct rate_place *p, uint8_t ret[RATE_KEY_LEN]);
/* ERR_FORMAT: no key of such a row. */
MUST enum err rate_place_read(struct span key, struct rate_place *ret);

/* number: of the row among its gateway's, from 1. n: 1 to RATE_SHARES_MAX. */
void rate_row_write(struct writer *w, uint64_t number, const struct guard_share *shares, size_t n);
/* ERR_FORMAT: torn, or numbers that no limit can have; ERR_UNSUPPORTED: by a newer program. */
MUST enum err rate_row_read(struct span text, uint64_t *ret_number,
			    struct guard_share ret[RATE_SHARES_MAX], size_t *ret_n);

struct rate_peer {
	uint64_t gateway;
	uint64_t version[RATE_RING]; /* of its rows in the store; 0: none is there */
	uint64_t number[RATE_RING];  /* of what was read last in each */
	uint64_t told_ms;
	bool live; /* it has told something that is no history */
};

/* Zeroed: none. */
struct rate_peers {
	struct rate_peer all[RATE_PEERS];
	size_t n;
};

/* This row was told. NULL: it was already, or there are too many gateways. */
struct rate_peer *rate_peers_told(struct rate_peers *p, const struct rate_place *at,
				  uint64_t version, uint64_t now_ms);
/* It was opened and is this one. False: it was read before: who replays rows gains nothing. */
bool rate_peer_read(struct rate_peer *peer, unsigned slot, uint64_t number);
void rate_peers_removed(struct rate_peers *p, const struct rate_place *at, uint64_t version);
/* How many others admit requests now. */
unsigned rate_peers_live(const struct rate_peers *p, uint64_t now_ms);
/* The next row of somebody who is silent for so long that it is to be removed, once; false: there
 * is none. */
bool rate_peers_silent(struct rate_peers *p, uint64_t now_ms, struct rate_place *ret,
		       uint64_t *ret_version);

#endif
