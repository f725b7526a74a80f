/* The ports of our public addresses: whose each is, and how one is found for a host inside. Taking
 * one is one compare-and-swap. Knows nothing of flows.
 */
#ifndef NAT_BPF_PORT_H
#define NAT_BPF_PORT_H

#include "service/nat/bpf/event.h"
#include "service/nat/bpf/host.h"
#include "service/nat/bpf/maps.h"
#include "service/nat/bpf/opening.h"

/* After so many ports that were taken the search is given up: at nine of ten taken, one flow in
 * 700,000 is refused. */
#define PORT_TRIES  128
#define PORT_SYSTEM 1024 /* below is one class of ports, from here on the other (RFC 6056) */

static __always_inline __u32 *port_word(__u32 slot, __u32 space, __u16 port)
{
	__u32 at = NAT_PORT_AT(slot, space, port) / 2;
	struct nat_ports *two = bpf_map_lookup_elem(&ports, &at);
	return two != NULL ? &two->whose[port & 1] : NULL;
}

static __always_inline bool port_take(__u32 slot, __u32 space, __u16 port, __u32 mapping)
{
	__u32 *word = port_word(slot, space, port);
	return word != NULL && *word == NAT_PORT_FREE &&
	       __sync_val_compare_and_swap(word, NAT_PORT_FREE, mapping) == NAT_PORT_FREE;
}

static __always_inline void port_give(__u32 slot, __u32 space, __u16 port, __u32 mapping)
{
	__u32 *word = port_word(slot, space, port);
	if (word != NULL) {
		__sync_val_compare_and_swap(word, mapping, NAT_PORT_FREE);
	}
}

/* One that rests, for the host whose it was. */
static __always_inline bool port_retake(__u32 slot, __u32 space, __u16 port, __be32 host,
					__u32 mapping)
{
	__u32 *word = port_word(slot, space, port);
	__u32 was = word != NULL ? *word : NAT_PORT_FREE;
	const struct nat_mapping4 *before = was != NAT_PORT_FREE ? mapping_get(was) : NULL;
	return word != NULL && before != NULL && before->life == NAT_DEAD &&
	       (before->flags & NAT_MAPPING_RESTS) != 0 && before->in.src == host &&
	       __sync_val_compare_and_swap(word, was, mapping) == was;
}

struct port_search {
	__u32 slot, space, mapping;
	__u32 low, n; /* the range */
	__u32 at;
	__u32 parity; /* wanted: 0, 1; 2: either */
	__u32 apart;  /* 2 where parity matters, else 1 */
	__u32 found;  /* the port, or 0 */
};

/* Few are tried in turn, so that the last free one is found; of many each try is another draw (RFC
 * 6056 3.3.2), so that one search tells nothing about the next. */
static long port_try(__u32 i, struct port_search *search)
{
	(void)i;
	__u32 port = search->low + search->at * search->apart;
	__u32 next = search->n > PORT_TRIES ? bpf_get_prandom_u32() : search->at + 1;
	search->at = search->n != 0 ? next % search->n : 0;
	if (port == 0 || port > 0xffff ||
	    !port_take(search->slot, search->space, (__u16)port, search->mapping)) {
		return 0;
	}
	search->found = port;
	return 1;
}

/* Random and unused. */
static __always_inline __u32 port_find(struct port_search *search)
{
	search->apart = 1;
	if (search->parity != 2 && search->n != 0) {
		__u32 skip = (search->low ^ search->parity) & 1;
		search->low += skip;
		search->n = (search->n - skip + 1) / 2;
		search->apart = 2;
	}
	if (search->n == 0) {
		return 0;
	}
	search->at = bpf_get_prandom_u32() % search->n;
	bpf_loop(PORT_TRIES, port_try, search, 0);
	return search->found;
}

/* --- blocks --- */

struct block_search {
	__u32 slot, at, n, found;
};

static long block_try(__u32 i, struct block_search *search)
{
	(void)i;
	__u32 at = NAT_BLOCK_AT(search->slot, search->at);
	__u32 *word = bpf_map_lookup_elem(&blocks, &at);
	if (word != NULL && *word == 0 && __sync_val_compare_and_swap(word, 0, 1) == 0) {
		search->found = search->at + 1;
		return 1;
	}
	search->at = search->at + 1 < search->n ? search->at + 1 : 0;
	return 0;
}

/* A host has got its block, or lost it (RFC 6888 REQ-14 wants a log of this). */
static __always_inline void block_tell(enum nat_event_kind kind, __be32 address, __u32 slot,
				       __u32 block)
{
	const struct nat_public *public = bpf_map_lookup_elem(&publics, &slot);
	struct nat_event *event = event_begin(kind, true);
	if (event == NULL) {
		return;
	}
	event->tuple.src = address;
	event->answer.dst = public != NULL ? public->address : 0;
	event->block_first = (__u16)(block >> 16);
	event->block_n = (__u16)block;
	bpf_ringbuf_submit(event, 0);
}

static __always_inline void block_give(__u32 slot, __u32 block)
{
	const struct nat_settings *s = settings_get();
	if (s == NULL || s->block_n == 0 || block == 0) {
		return;
	}
	__u32 at = NAT_BLOCK_AT(slot, ((block >> 16) - s->port_low) / s->block_n);
	__u32 *word = bpf_map_lookup_elem(&blocks, &at);
	if (word != NULL) {
		*word = 0;
	}
}

/* The host is forgotten. */
static __always_inline void block_end(const struct nat_host_key *key, struct nat_host *host)
{
	__u32 block = host->block;
	if (block != 0) {
		host->block = 0;
		block_give(host->public_slot, block);
		block_tell(NAT_EVENT_BLOCK_ENDED, *(const __be32 *)(key->address + 12),
			   host->public_slot, block);
	}
}

/* The host's block, given to it now when it has none; 0: all are taken. */
static __always_inline __u32 block_of(struct nat_host *host, __be32 address, __u32 slot)
{
	const struct nat_settings *s = settings_get();
	if (s == NULL || host->block != 0) {
		return s != NULL ? host->block : 0;
	}
	__u32 span = (__u32)s->port_high + 1 - s->port_low;
	__u32 n = s->block_n != 0 && s->port_high >= s->port_low ? span / s->block_n : 0;
	struct block_search search = {.slot = slot, .n = n < NAT_BLOCKS ? n : NAT_BLOCKS};
	if (search.n == 0) {
		return 0;
	}
	search.at = bpf_get_prandom_u32() % search.n;
	bpf_loop(NAT_BLOCKS, block_try, &search, 0);
	if (search.found == 0) {
		return 0;
	}
	__u32 first = s->port_low + (search.found - 1) * s->block_n;
	__u32 block = first << 16 | s->block_n;
	__u32 had = __sync_val_compare_and_swap(&host->block, 0, block);
	if (had != 0) {
		block_give(slot, block);
		return had;
	}
	block_tell(NAT_EVENT_BLOCK, address, slot, block);
	return block;
}

/* --- a port for a host --- */

/* The public address by which this host leaves: always the same one of an uplink's (RFC 4787 REQ-2,
 * "paired"). NAT_NO_PUBLIC: the uplink has none. */
static __always_inline __u32 public_of(struct nat_host *host, const struct nat_device *out,
				       __be32 address)
{
	if (out->public_n == 0) {
		return NAT_NO_PUBLIC;
	}
	if (host != NULL && (__u32)(host->public_slot - out->public_first) < out->public_n) {
		return host->public_slot;
	}
	__u32 slot = out->public_first + nat_public_spread(address, out->public_n);
	if (host != NULL && host->public_slot == NAT_NO_PUBLIC) {
		host->public_slot = (__u16)slot;
	}
	return slot;
}

/* Where to search when the port that the host has is taken: its block, or its class. */
static __always_inline bool port_range(struct port_search *search, const struct opening *o,
				       struct nat_host *host)
{
	const struct nat_settings *s = settings_get();
	__u16 own = o->wanted;
	if (s == NULL) {
		return false;
	}
	search->low = s->port_low;
	search->n = s->port_high >= s->port_low ? s->port_high - s->port_low + 1u : 0;
	if (s->block_n != 0 && host != NULL) {
		__u32 block = block_of(host, o->tuple[0].src, search->slot);
		search->low = block >> 16;
		search->n = block & 0xffff;
	} else if (own < PORT_SYSTEM && search->space != NAT_SPACE_ICMP) {
		search->low = 1;
		search->n = PORT_SYSTEM - 1;
	}
	search->parity = host != NULL && (host->flags & NAT_HOST_PARITY) != 0 ? own & 1u : 2;
	return true;
}

/* RFC 4787 3.1, port preservation, and if that one is taken another; in host order, -1: none. Never
 * 0: answers to an echo from identifier 0 would look like an echo from there with that one. */
__noinline int port_claim(const struct opening *o, struct nat_host *host, __u32 slot, __u32 mapping)
{
	if (o == NULL) {
		return -1;
	}
	struct port_search search = {
		.slot = slot, .space = space_of(o->tuple[0].proto), .mapping = mapping};
	__u32 own = o->wanted;
	const struct nat_settings *s = settings_get();
	if (s == NULL || !port_range(&search, o, host)) {
		return -1;
	}
	bool may = own != 0 && (s->block_n == 0 || host == NULL || own - search.low < search.n);
	if (may && (port_take(slot, search.space, (__u16)own, mapping) ||
		    port_retake(slot, search.space, (__u16)own, o->tuple[0].src, mapping))) {
		count(NAT_C_PORT_KEPT);
		return (int)own;
	}
	__u32 port = port_find(&search);
	if (port == 0) {
		return -1;
	}
	count(NAT_C_PORT_OTHER);
	return (int)port;
}

#endif
