/* Two who know each other, in the middle of a handshake, and bytes that come instead of the
 * message expected, or laid over it: what is not exactly the message opens nothing. */
#include "proto/wireguard/cookie.h"
#include "proto/wireguard/noise.h"
#include "proto/wireguard/replay.h"

#include "base/err.h"
#include "crypto/aead.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROOM = 512, PACKET = 64 };

struct side {
	struct noise_identity identity;
	struct noise_peer peer;
	struct wg_mac_keys own, remote;
	struct wg_cookie cookie;
	struct noise_handshake handshake;
};

static void side_init(struct side *s, uint8_t seed)
{
	uint8_t private[WG_KEY_LEN] = {seed, 1, 2, 3};
	noise_identity_init(&s->identity, private);
	wg_mac_keys_init(&s->own, s->identity.public);
}

static void sides_meet(struct side *a, const struct side *b)
{
	ASSERT(noise_peer_init(&a->peer, &a->identity, b->identity.public, NULL) == OK);
	wg_mac_keys_init(&a->remote, b->identity.public);
}

static struct side initiator, responder;
static struct wg_cookie_secret secret;
static struct noise_keys keys;

/* The four messages, in the order of enum wg_kind. */
static struct {
	uint8_t bytes[ROOM];
	size_t len;
} good[WG_TRANSPORT + 1];

static const uint8_t stamp[WG_TAI64N_LEN] = {0x40, 1};

static void messages_make(void)
{
	uint8_t entropy[WG_KEY_LEN] = {9}, public[WG_KEY_LEN], time[WG_TAI64N_LEN];
	struct noise_handshake h = {0}, i;
	struct wg_initiation *first = (void *)good[WG_INITIATION].bytes;
	struct wg_response *second = (void *)good[WG_RESPONSE].bytes;
	ASSERT(noise_initiation_write(&initiator.handshake, &initiator.identity, &initiator.peer,
				      entropy, stamp, 7, first) == OK);
	wg_cookie_sign(&initiator.cookie, &initiator.remote, 0, (uint8_t *)first, sizeof(*first));
	good[WG_INITIATION].len = sizeof(*first);
	ASSERT(noise_initiation_read(&h, &responder.identity, first, public) == OK &&
	       noise_initiation_accept(&h, &responder.peer, first, time) == OK &&
	       noise_response_write(&h, &responder.peer, entropy, 8, second) == OK);
	wg_cookie_sign(&responder.cookie, &responder.remote, 0, (uint8_t *)second, sizeof(*second));
	good[WG_RESPONSE].len = sizeof(*second);
	wg_cookie_secret_set(&secret, entropy, 0);
	wg_cookie_reply_write(&responder.own, &secret, span_text("source"),
			      span_of(first, sizeof(*first)), entropy,
			      (struct wg_cookie_reply *)good[WG_COOKIE_REPLY].bytes);
	good[WG_COOKIE_REPLY].len = WG_COOKIE_REPLY_LEN;
	i = initiator.handshake;
	ASSERT(noise_response_read(&i, &initiator.identity, &initiator.peer, second) == OK);
	noise_keys(&i, &keys);
	uint8_t *last = good[WG_TRANSPORT].bytes, packet[PACKET] = {0x45};
	wg_transport_write((struct wg_transport *)last, keys.remote_index, 5);
	crypto_aead_seal_once(keys.send, 5, (struct span){0}, span_of(packet, sizeof(packet)),
			      last + WG_TRANSPORT_HEADER_LEN);
	good[WG_TRANSPORT].len = WG_TRANSPORT_MIN + PACKET;
}

static void world_begin(void)
{
	if (good[WG_INITIATION].len)
		return;
	side_init(&initiator, 1);
	side_init(&responder, 2);
	sides_meet(&initiator, &responder);
	sides_meet(&responder, &initiator);
	messages_make();
}

/* Is d the good message of that kind, from byte `from` to byte `to`? */
static bool is_good(struct span d, enum wg_kind kind, size_t from, size_t to)
{
	return span_equal(span_sub(d, from, to - from),
			  span_sub(span_of(good[kind].bytes, good[kind].len), from, to - from));
}

static void take_initiation(struct span d)
{
	const struct wg_initiation *m = (const void *)d.data;
	uint8_t public[WG_KEY_LEN], time[WG_TAI64N_LEN];
	struct noise_handshake h = {0};
	size_t macs = d.len - sizeof(struct wg_macs);
	ASSERT(wg_mac1_ok(&responder.own, d) == is_good(d, WG_INITIATION, 0, macs + WG_MAC_LEN));
	ASSERT(!wg_mac2_ok(&secret, span_text("source"), d));
	bool opened = noise_initiation_read(&h, &responder.identity, m, public) == OK &&
		      noise_initiation_accept(&h, &responder.peer, m, time) == OK;
	ASSERT(opened == is_good(d, WG_INITIATION, 8, macs));
}

static void take_response(struct span d)
{
	struct noise_handshake h = initiator.handshake;
	size_t macs = d.len - sizeof(struct wg_macs);
	ASSERT(wg_mac1_ok(&initiator.own, d) == is_good(d, WG_RESPONSE, 0, macs + WG_MAC_LEN));
	bool agreed = noise_response_read(&h, &initiator.identity, &initiator.peer,
					  (const struct wg_response *)(const void *)d.data) == OK;
	ASSERT(agreed == is_good(d, WG_RESPONSE, 8, macs));
	ASSERT(agreed || memcmp(&h, &initiator.handshake, sizeof(h)) == 0);
}

static void take_cookie_reply(struct span d)
{
	struct wg_cookie c = initiator.cookie;
	bool taken =
		wg_cookie_reply_read(&c, &initiator.remote, 0,
				     (const struct wg_cookie_reply *)(const void *)d.data) == OK;
	ASSERT(taken == is_good(d, WG_COOKIE_REPLY, 8, WG_COOKIE_REPLY_LEN));
}

static void take_transport(struct span d)
{
	uint8_t opened[ROOM];
	struct wg_replay window = {.next = 5};
	uint64_t counter = wg_get_u64(((const struct wg_transport *)(const void *)d.data)->counter);
	bool ours = crypto_aead_open_once(keys.send, counter, (struct span){0},
					  span_sub(d, WG_TRANSPORT_HEADER_LEN, d.len), opened);
	ASSERT(ours == (d.len == good[WG_TRANSPORT].len && is_good(d, WG_TRANSPORT, 8, d.len)));
	if (wg_replay_take(&window, counter))
		ASSERT(!wg_replay_take(&window, counter));
}

static void take(struct span d)
{
	switch (wg_message_kind(d)) {
	case WG_NONE: break;
	case WG_INITIATION: take_initiation(d); break;
	case WG_RESPONSE: take_response(d); break;
	case WG_COOKIE_REPLY: take_cookie_reply(d); break;
	case WG_TRANSPORT: take_transport(d); break;
	}
}

/* The first byte: 0, the rest is the datagram; else which good message the rest is laid over, by
 * exclusive or. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t room[ROOM];
	if (size == 0 || size > ROOM || data[0] > WG_TRANSPORT)
		return 0;
	world_begin();
	if (data[0] == 0) {
		memcpy(room, data + 1, size - 1);
		take(span_of(room, size - 1));
		return 0;
	}
	size_t len = good[data[0]].len;
	memcpy(room, good[data[0]].bytes, len);
	for (size_t i = 1; i < size && i <= len; i++)
		room[i - 1] ^= data[i];
	take(span_of(room, len));
	return 0;
}
