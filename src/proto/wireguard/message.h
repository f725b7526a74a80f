/* WireGuard's four messages as they are on the wire (paper, 5.4). Knows no cipher and no peer.
 *
 * All fields are bytes, so that a message may be seen in place in a buffer of any alignment, once
 * wg_message_kind has said what it is. */
#ifndef PROTO_WIREGUARD_MESSAGE_H
#define PROTO_WIREGUARD_MESSAGE_H

#include "base/span.h"
#include "proto/wireguard/key.h"

#include <assert.h>

enum wg_kind {
	WG_NONE, /* no message of WireGuard */
	WG_INITIATION,
	WG_RESPONSE,
	WG_COOKIE_REPLY,
	WG_TRANSPORT,
};

enum { WG_TAG_LEN = 16, WG_MAC_LEN = 16, WG_COOKIE_LEN = 16, WG_TAI64N_LEN = 12 };

struct wg_macs {
	uint8_t mac1[WG_MAC_LEN], mac2[WG_MAC_LEN];
};

struct wg_initiation {
	uint8_t type[4]; /* the type, then three zeros */
	uint8_t sender[4];
	uint8_t ephemeral[WG_KEY_LEN];
	uint8_t sealed_static[WG_KEY_LEN + WG_TAG_LEN];
	uint8_t sealed_timestamp[WG_TAI64N_LEN + WG_TAG_LEN];
	struct wg_macs macs;
};

struct wg_response {
	uint8_t type[4];
	uint8_t sender[4], receiver[4];
	uint8_t ephemeral[WG_KEY_LEN];
	uint8_t sealed_nothing[WG_TAG_LEN];
	struct wg_macs macs;
};

struct wg_cookie_reply {
	uint8_t type[4];
	uint8_t receiver[4];
	uint8_t nonce[24];
	uint8_t sealed_cookie[WG_COOKIE_LEN + WG_TAG_LEN];
};

/* The sealed packet follows, of which the last 16 bytes are the tag. */
struct wg_transport {
	uint8_t type[4];
	uint8_t receiver[4];
	uint8_t counter[8];
};

enum {
	WG_INITIATION_LEN = 148,
	WG_RESPONSE_LEN = 92,
	WG_COOKIE_REPLY_LEN = 64,
	WG_TRANSPORT_HEADER_LEN = 16,
	WG_TRANSPORT_MIN = WG_TRANSPORT_HEADER_LEN + WG_TAG_LEN, /* a keepalive is as long */
	WG_OVERHEAD = WG_TRANSPORT_MIN, /* what a datagram has besides the padded packet */
	WG_PADDING = 16,
};

static_assert(sizeof(struct wg_initiation) == WG_INITIATION_LEN, "paper 5.4.2");
static_assert(sizeof(struct wg_response) == WG_RESPONSE_LEN, "paper 5.4.3");
static_assert(sizeof(struct wg_cookie_reply) == WG_COOKIE_REPLY_LEN, "paper 5.4.7");
static_assert(sizeof(struct wg_transport) == WG_TRANSPORT_HEADER_LEN, "paper 5.4.6");
static_assert(_Alignof(struct wg_initiation) == 1 && _Alignof(struct wg_response) == 1 &&
		      _Alignof(struct wg_cookie_reply) == 1 && _Alignof(struct wg_transport) == 1,
	      "seen in place at any address");

/* By type, reserved zeros and exact length (a transport message: at least WG_TRANSPORT_MIN). What
 * it answers may be laid over datagram: the struct of that name fits. */
enum wg_kind wg_message_kind(struct span datagram);

/* Little-endian, as all numbers of WireGuard. */
static inline uint32_t wg_get_u32(const uint8_t at[4])
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint64_t wg_get_u64(const uint8_t at[8])
{
	return wg_get_u32(at) | (uint64_t)wg_get_u32(at + 4) << 32;
}

static inline void wg_put_u32(uint8_t at[4], uint32_t v)
{
	at[0] = (uint8_t)v;
	at[1] = (uint8_t)(v >> 8);
	at[2] = (uint8_t)(v >> 16);
	at[3] = (uint8_t)(v >> 24);
}

static inline void wg_put_u64(uint8_t at[8], uint64_t v)
{
	wg_put_u32(at, (uint32_t)v);
	wg_put_u32(at + 4, (uint32_t)(v >> 32));
}

static inline void wg_put_kind(uint8_t at[4], enum wg_kind kind)
{
	wg_put_u32(at, kind);
}

static inline void wg_transport_write(struct wg_transport *ret, uint32_t receiver, uint64_t counter)
{
	wg_put_kind(ret->type, WG_TRANSPORT);
	wg_put_u32(ret->receiver, receiver);
	wg_put_u64(ret->counter, counter);
}

/* Bytes of a packet of len bytes with its padding: the next multiple of 16, yet not more than mtu
 * (paper 5.4.6: "without exceeding the MTU"). len over mtu: len. */
static inline size_t wg_padded_len(size_t len, size_t mtu)
{
	size_t padded = (len + WG_PADDING - 1) / WG_PADDING * WG_PADDING;
	return padded <= mtu ? padded : len > mtu ? len : mtu;
}

#endif
