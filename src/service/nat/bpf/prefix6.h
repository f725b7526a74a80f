/* IPv6 prefixes that are others outside: stateless and neutral to checksums (RFC 6296). Knows
 * nothing of flows; they remember what it said.
 */
#ifndef NAT_BPF_PREFIX6_H
#define NAT_BPF_PREFIX6_H

#include "service/nat/bpf/address6.h"
#include "service/nat/bpf/maps6.h"

enum prefix6_way {
	PREFIX6_NONE, /* no prefix has it: as it was */
	PREFIX6_MOVED,
	PREFIX6_REFUSED, /* it cannot be translated */
};

static __always_inline __u16 add_ones(__u16 a, __u16 b)
{
	__u32 sum = (__u32)a + b;
	return (__u16)((sum & 0xffff) + (sum >> 16));
}

/* Which word takes the adjustment: RFC 6296 3.4 and 3.5. 0: none can. */
static __always_inline __u32 prefix6_word(const struct nat_prefix6 *prefix,
					  const struct nat_address6 *a)
{
	if (prefix->word != 0) {
		/* 3.4: "the address … MUST NOT be … 0xFFFF", for it would come back as 0. */
		return a->shorts[3] != 0xffff ? 3 : 0;
	}
	for (__u32 i = 4; i < 8; i++) {
		if (a->shorts[i] != 0xffff) {
			return i;
		}
	}
	return 0;
}

static __always_inline bool prefix6_move(const struct nat_prefix6 *prefix, bool out,
					 struct nat_address6 *a)
{
	__u32 bits = prefix->bits;
	if (bits == 0 || bits > 64 || a->halves[1] == 0) {
		return false; /* RFC 6296 3.5: an interface identifier of zeros is dropped */
	}
	const struct nat_address6 *to = out ? &prefix->outside : &prefix->inside;
	__u32 word = prefix6_word(prefix, a);
	if (word == 0) {
		return false;
	}
	__u64 mask = bpf_cpu_to_be64(~0ull << (64 - bits));
	a->halves[0] = (a->halves[0] & ~mask) | (to->halves[0] & mask);
	__u16 adjust = out ? prefix->adjustment : (__u16)~prefix->adjustment;
	__u16 sum = add_ones(a->shorts[word & 7], adjust);
	a->shorts[word & 7] = sum == 0xffff ? 0 : sum; /* 3.4, 3.5: all ones become zero */
	return true;
}

struct prefix6_search {
	struct nat_address6 *a;
	bool out;
	enum prefix6_way way;
};

static long prefix6_try(__u32 i, struct prefix6_search *search)
{
	struct nat_settings6 *s = settings6_get();
	if (s == NULL || i >= NAT_PREFIXES6 || i >= s->prefixes_n) {
		return 1;
	}
	const struct nat_prefix6 *prefix = &s->prefixes[i];
	struct nat_address6 *a = search->a;
	if (!address6_under(a, search->out ? &prefix->inside : &prefix->outside, prefix->bits)) {
		return 0;
	}
	search->way = prefix6_move(prefix, search->out, a) ? PREFIX6_MOVED : PREFIX6_REFUSED;
	return 1;
}

/* out: an inside address to the one that the world sees; else back. */
__noinline enum prefix6_way prefix6_translate(struct nat_address6 *a, bool out)
{
	struct prefix6_search search = {.a = a, .out = out};
	if (a == NULL) {
		return PREFIX6_NONE;
	}
	bpf_loop(NAT_PREFIXES6, prefix6_try, &search, 0);
	return search.way;
}

#endif
