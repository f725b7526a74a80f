/* From inner packets to datagrams: runs of packets of one peer share the counter's step and what is
 * written about the peer. */
#include "crypto/secret.h"
#include "service/vpn/tunnel/ecn.h"
#include "service/vpn/tunnel/inner.h"

static void drop(struct vpn_plane *p, struct vpn_seal *s, enum vpn_drop cause)
{
	s->result = VPN_SEAL_DROP;
	s->drop = cause;
	vpn_plane_count_drop(p, cause);
}

/* The keypair to send with, NULL: none that may be used. */
static struct vpn_keypair *sending_of(struct vpn_peer *peer, uint64_t now_ms)
{
	struct vpn_keypair *k = atomic_load_explicit(&peer->inner->sending, memory_order_acquire);
	return k && vpn_keypair_is_good(k, now_ms) &&
			       atomic_load_explicit(&k->sent, memory_order_relaxed) <
				       VPN_REJECT_AFTER_MESSAGES
		       ? k
		       : NULL;
}

/* The counters of n datagrams, from the one returned on. */
static uint64_t take_counters(struct vpn_keypair *k, size_t n)
{
	return atomic_fetch_add_explicit(&k->sent, n, memory_order_relaxed);
}

/* The packet is at out + VPN_DATA_HEAD: its head before it, zeros behind it. What is to be sealed.
 */
static struct crypto_aead_text prepare(struct vpn_plane *p, const struct vpn_keypair *k,
				       uint64_t counter, uint8_t *out, size_t len)
{
	/* Paper 5.4.6: zero padding, "so that the length is a multiple of 16". */
	size_t padded = wg_padded_len(len, p->engine->setting.mtu);
	struct wg_transport head;
	memset(out + VPN_DATA_HEAD + len, 0, padded - len);
	wg_transport_write(&head, k->remote_index, counter);
	memcpy(out, &head, sizeof(head));
	return (struct crypto_aead_text){.counter = counter,
					 .in = span_of(out + VPN_DATA_HEAD, padded),
					 .ret = out + VPN_DATA_HEAD};
}

/* What sending with k leaves behind. */
static void account(struct vpn_plane *p, uint64_t now_ms, struct vpn_keypair *k, size_t packets,
		    uint64_t bytes)
{
	struct vpn_peer *peer = k->peer;
	vpn_peer_sent(p, now_ms, peer, packets > 0);
	atomic_fetch_add_explicit(&peer->tx_bytes, bytes, memory_order_relaxed);
	vpn_count(&p->tx_bytes, bytes);
	if (packets) {
		atomic_fetch_add_explicit(&peer->tx_packets, packets, memory_order_relaxed);
		vpn_count(&p->tx_packets, packets);
	}
	/* Paper 6.2: after REKEY_AFTER_MESSAGES either side renews, after REKEY_AFTER_TIME the
	 * initiator alone, so that not both do ("thundering herd"). */
	if ((atomic_load_explicit(&k->sent, memory_order_relaxed) > VPN_REKEY_AFTER_MESSAGES ||
	     (k->initiator && now_ms >= k->made_ms + VPN_REKEY_AFTER_TIME_MS)) &&
	    !atomic_load_explicit(&peer->inner->busy, memory_order_relaxed))
		vpn_plane_notice(p, peer, WANT_HANDSHAKE);
}

static void stage(struct vpn_plane *p, uint64_t now_ms, struct vpn_seal *s)
{
	struct vpn_peer_inner *in = s->peer->inner;
	enum vpn_drop cause = vpn_staged_put(p, s->peer, s->packet);
	s->result = VPN_SEAL_STAGED;
	if (cause)
		drop(p, s, cause);
	/* Also for a packet that finds no room: other peers' packets must not keep this one from
	 * its handshake. */
	/* Paper 6.4: trying goes on from the last packet that had to wait. */
	atomic_store_explicit(&in->asked_ms, now_ms, memory_order_relaxed);
	if (!atomic_load_explicit(&in->busy, memory_order_relaxed))
		vpn_plane_notice(p, s->peer, WANT_HANDSHAKE);
}

/* n packets of one peer. */
static void seal_run(struct vpn_plane *p, uint64_t now_ms, struct vpn_seal *items, size_t n)
{
	struct vpn_peer *peer = items[0].peer;
	struct vpn_endpoint to;
	struct vpn_keypair *k = sending_of(peer, now_ms);
	bool reached = vpn_peer_endpoint(peer, &to);
	/* Those that wait go first. */
	bool waits = !k || atomic_load(&peer->inner->staged_n) > 0;
	uint64_t counter = waits || !reached ? 0 : take_counters(k, n), bytes = 0;
	struct crypto_aead_text texts[VPN_PLANE_BATCH_MAX];
	for (size_t i = 0; i < n; i++) {
		struct vpn_seal *s = &items[i];
		if (!reached) {
			drop(p, s, VPN_DROP_NO_ENDPOINT);
		} else if (waits) {
			stage(p, now_ms, s);
		} else {
			ASSERT(s->out_cap >= s->packet.len + VPN_DATA_OVERHEAD + VPN_PADDING_MAX);
			s->tos = ecn_of(s->packet.data);
			if (s->out + VPN_DATA_HEAD != s->packet.data)
				memmove(s->out + VPN_DATA_HEAD, s->packet.data, s->packet.len);
			texts[i] = prepare(p, k, counter + i, s->out, s->packet.len);
			s->len = texts[i].in.len + VPN_DATA_OVERHEAD;
			s->result = VPN_SEAL_DATAGRAM;
			bytes += s->len;
		}
	}
	if (!bytes)
		return;
	crypto_aead_seal_many(&k->ciphers[p->index].seal, texts, n);
	account(p, now_ms, k, n, bytes);
}

void vpn_plane_seal(struct vpn_plane *p, uint64_t now_ms, struct vpn_seal *items, size_t n)
{
	ASSERT(n <= VPN_PLANE_BATCH_MAX);
	for (size_t i = 0, run; i < n; i += run) {
		for (run = 0; i + run < n && items[i + run].peer == items[i].peer; run++) {
			struct vpn_seal *s = &items[i + run];
			s->drop = VPN_DROP_NONE;
			s->len = 0;
			s->tos = 0;
		}
		seal_run(p, now_ms, &items[i], run);
	}
}

bool vpn_engine_send_data(struct vpn_engine *e, uint64_t now_ms, struct vpn_peer *peer,
			  uint8_t *room, size_t len)
{
	struct vpn_plane *p = main_plane(e);
	struct vpn_keypair *k = sending_of(peer, now_ms);
	struct vpn_endpoint to;
	if (!k || !vpn_peer_endpoint(peer, &to))
		return false;
	uint8_t tos = len ? ecn_of(room + VPN_DATA_HEAD) : 0;
	struct crypto_aead_text text = prepare(p, k, take_counters(k, 1), room, len);
	size_t sealed = text.in.len + VPN_DATA_OVERHEAD;
	crypto_aead_seal_many(&k->ciphers[p->index].seal, &text, 1);
	e->effects.send(e->effects.arg, &to, tos, span_of(room, sealed));
	account(p, now_ms, k, len ? 1 : 0, sealed);
	if (!len)
		vpn_count(&p->keepalives_sent, 1);
	return true;
}
