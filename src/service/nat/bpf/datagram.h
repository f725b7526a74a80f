/* Fragmented datagrams: which octets of each have come, and to whose flow they belong. A piece that
 * contradicts those before it poisons its datagram: all that follows of it is dropped. Knows
 *nothing of how packets are sent.
 *
 *	first piece, flow known  -> datagrams: ports, pieces	later pieces pass by that
 *	later piece, nothing yet -> earlies: pieces only	it is given to the service
 */
#ifndef NAT_BPF_DATAGRAM_H
#define NAT_BPF_DATAGRAM_H

#include "service/nat/bpf/index.h"
#include "service/nat/bpf/packet.h"

#define DATAGRAM_PIECES 8 /* with holes between them */
#define DATAGRAM_WAYS	4 /* places where one may lie; the oldest gives way */
#define DATAGRAMS	4096
#define EARLIES		1024

/* In units of eight octets. */
struct piece {
	__u16 first, end;
};

enum datagram_state { DATAGRAM_NONE = 0, DATAGRAM_LIVE, DATAGRAM_POISONED };

struct pieces {
	struct piece have[DATAGRAM_PIECES];
	__u16 n;
	__u16 end; /* of the datagram; 0: its last piece has not come */
	__u16 got; /* units */
	__u16 state;
};

struct datagram {
	struct bpf_spin_lock lock;
	__u32 since; /* tick */
	/* sport: the identification. */
	struct nat_tuple4 key;
	__be16 sport, dport; /* what the first piece says */
	struct pieces pieces;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, DATAGRAMS);
	__type(key, __u32);
	__type(value, struct datagram);
} datagrams SEC(".maps");

/* Of those who may be nobody: they take no room from the others. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EARLIES);
	__type(key, __u32);
	__type(value, struct datagram);
} earlies SEC(".maps");

static __always_inline struct nat_tuple4 datagram_key(const struct packet *p, __be16 id)
{
	struct nat_tuple4 key = p->tuple;
	key.sport = id;
	key.dport = 0;
	return key;
}

static __always_inline __u32 datagram_slot(const struct nat_tuple4 *key,
					   const struct nat_settings *s)
{
	union tuple_words words = {.tuple = *key};
	return (__u32)tuple_hash(words.word, s->seed) & ~(DATAGRAM_WAYS - 1u);
}

static __always_inline bool datagram_is(const struct datagram *d, const struct nat_tuple4 *key,
					__u32 now, __u32 idle)
{
	union tuple_words words = {.tuple = *key};
	return d->pieces.state != DATAGRAM_NONE && now - d->since <= idle &&
	       tuple_is(&d->key, words.word);
}

static __always_inline struct datagram *datagram_find(void *map, __u32 mask,
						      const struct nat_tuple4 *key,
						      const struct nat_settings *s, __u32 now)
{
	__u32 slot = datagram_slot(key, s) & mask;
	for (int i = 0; i < DATAGRAM_WAYS; i++, slot++) {
		struct datagram *d = bpf_map_lookup_elem(map, &slot);
		if (d != NULL && datagram_is(d, key, now, s->idle[NAT_IDLE_FRAGMENT])) {
			return d;
		}
	}
	return NULL;
}

/* Where a new one may lie: a free place, or the oldest's. */
static __always_inline struct datagram *datagram_place(void *map, __u32 mask,
						       const struct nat_tuple4 *key,
						       const struct nat_settings *s, __u32 now)
{
	__u32 slot = datagram_slot(key, s) & mask, best = slot, best_age = 0;
	for (int i = 0; i < DATAGRAM_WAYS; i++, slot++) {
		const struct datagram *d = bpf_map_lookup_elem(map, &slot);
		__u32 age = d == NULL			       ? 0
			    : d->pieces.state == DATAGRAM_NONE ? 0xffffffff
							       : now - d->since + 1;
		if (age > best_age) {
			best_age = age;
			best = slot;
		}
	}
	return bpf_map_lookup_elem(map, &best);
}

static __always_inline struct datagram *datagram_get(const struct nat_tuple4 *key,
						     const struct nat_settings *s, __u32 now)
{
	return datagram_find(&datagrams, DATAGRAMS - 1, key, s, now);
}

static __always_inline struct datagram *early_get(const struct nat_tuple4 *key,
						  const struct nat_settings *s, __u32 now)
{
	return datagram_find(&earlies, EARLIES - 1, key, s, now);
}

enum piece_verdict {
	PIECE_GO,
	PIECE_DROP, /* we have had it, or the datagram is poisoned */
};

static __always_inline bool piece_contradicts(const struct pieces *all, struct piece piece,
					      bool more)
{
	if (all->end != 0 && (piece.end > all->end || more == (piece.end == all->end))) {
		return true;
	}
#pragma unroll
	for (int i = 0; i < DATAGRAM_PIECES; i++) {
		const struct piece *have = &all->have[i];
		if (i < all->n && ((piece.first < have->end && piece.end > have->first) ||
				   (!more && have->end > piece.end))) {
			return true;
		}
	}
	return false;
}

static __always_inline bool piece_is_there(const struct pieces *all, struct piece piece)
{
#pragma unroll
	for (int i = 0; i < DATAGRAM_PIECES; i++) {
		const struct piece *have = &all->have[i];
		if (i < all->n && piece.first >= have->first && piece.end <= have->end) {
			return true;
		}
	}
	return false;
}

/* False: there are too many holes. */
static __always_inline bool piece_put(struct pieces *all, struct piece piece)
{
#pragma unroll
	for (int i = 0; i < DATAGRAM_PIECES; i++) {
		struct piece *have = &all->have[i];
		if (i >= all->n) {
			*have = piece;
			all->n = (__u16)(i + 1);
			return true;
		}
		if (have->end == piece.first) {
			have->end = piece.end;
			return true;
		}
		if (have->first == piece.end) {
			have->first = piece.first;
			return true;
		}
	}
	return false;
}

/* Called with the lock held. A piece that is there twice is dropped the second time; a datagram
 * that is whole is forgotten, for its identification may come again. */
static __always_inline enum piece_verdict piece_add(struct pieces *all, struct piece piece,
						    bool more)
{
	if (all->state != DATAGRAM_LIVE || piece_is_there(all, piece)) {
		return PIECE_DROP;
	}
	if (piece_contradicts(all, piece, more) || !piece_put(all, piece)) {
		all->state = DATAGRAM_POISONED;
		return PIECE_DROP;
	}
	if (!more) {
		all->end = piece.end;
	}
	all->got += piece.end - piece.first;
	if (all->end != 0 && all->got == all->end) {
		all->state = DATAGRAM_NONE;
	}
	return PIECE_GO;
}

#endif
