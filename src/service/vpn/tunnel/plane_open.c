/* From datagrams to inner packets, in three steps over a batch: what each is and whose, decryption,
 * and then, in order, what acceptance changes. */
#include "service/vpn/tunnel/ecn.h"
#include "service/vpn/tunnel/inner.h"

#include "base/reader.h"
#include "base/writer.h"

static void drop(struct vpn_plane *p, struct vpn_open *o, enum vpn_drop cause)
{
	o->result = VPN_OPEN_DROP;
	o->drop = cause;
	vpn_plane_count_drop(p, cause);
}

/* --- handshakes: what the paper 5.3 asks before any work is done */

/* The cookie is bound to where the datagram came from: address and port. */
static struct span source_of(const struct vpn_endpoint *from, uint8_t room[18])
{
	struct writer w = writer_of(room, 18);
	write_span(&w, ip_address_span(&from->remote.address));
	write_u16(&w, from->remote.port);
	return writer_span(&w);
}

static void send_cookie(struct vpn_plane *p, struct vpn_open *o, struct span source)
{
	struct vpn_engine *e = p->engine;
	struct wg_cookie_reply reply;
	uint8_t nonce[WG_COOKIE_NONCE_LEN];
	ASSERT(o->out_cap >= sizeof(reply));
	vpn_plane_count_drop(p, VPN_DROP_UNDER_LOAD);
	e->effects.random(e->effects.arg, nonce, sizeof(nonce));
	wg_cookie_reply_write(&e->mac_keys, &e->secret, source, o->datagram, nonce, &reply);
	memcpy(o->out, &reply, sizeof(reply));
	o->result = VPN_OPEN_REPLY;
	o->drop = VPN_DROP_UNDER_LOAD;
	o->len = sizeof(reply);
	vpn_count(&p->cookies_sent, 1);
}

/* One more in this second: are they more than they may be? */
static bool are_too_many(struct vpn_engine *e, uint64_t now_ms)
{
	uint32_t max = atomic_load_explicit(&e->handshakes_max, memory_order_relaxed);
	uint64_t second = now_ms / 1000 << 32, next;
	uint64_t seen = atomic_load_explicit(&e->arrived, memory_order_relaxed);
	do
		next = (seen >> 32 == second >> 32 ? seen : second) + 1;
	while (!atomic_compare_exchange_weak(&e->arrived, &seen, next));
	return max && (uint32_t)next > max;
}

static void judge_handshake(struct vpn_plane *p, uint64_t now_ms, struct vpn_open *o)
{
	struct vpn_engine *e = p->engine;
	uint8_t room[18];
	/* The paper 5.1: silence to who does not even know our public key. */
	if (!e->has_key || !wg_mac1_ok(&e->mac_keys, o->datagram)) {
		drop(p, o, VPN_DROP_MAC1);
		return;
	}
	o->result = VPN_OPEN_HANDSHAKE;
	if (are_too_many(e, now_ms))
		vpn_plane_note_load(p, now_ms);
	if (!vpn_engine_under_load(e, now_ms))
		return;
	struct span source = source_of(o->from, room);
	if (wg_cookie_secret_is_due(&e->secret, now_ms)) {
		/* The main thread is about to make one. */
		vpn_plane_note_load(p, now_ms);
		drop(p, o, VPN_DROP_UNDER_LOAD);
	} else if (!wg_mac2_ok(&e->secret, source, o->datagram)) {
		send_cookie(p, o, source);
	} else if (!vpn_limiter_take(&e->limiter, now_ms, &o->from->remote.address)) {
		drop(p, o, VPN_DROP_RATE);
	}
}

/* --- data */

static const struct wg_transport *transport_of(const struct vpn_open *o)
{
	return (const struct wg_transport *)o->datagram.data;
}

/* The keypair that a data message is for; NULL: dropped. */
static struct vpn_keypair *keypair_of(struct vpn_plane *p, uint64_t now_ms, struct vpn_open *o)
{
	const struct wg_transport *head = transport_of(o);
	struct vpn_keypair *k = vpn_indices_find(&p->engine->keypairs, wg_get_u32(head->receiver));
	if (!k) {
		drop(p, o, VPN_DROP_INDEX);
		return NULL;
	}
	if (!vpn_keypair_is_good(k, now_ms) ||
	    wg_get_u64(head->counter) >= VPN_REJECT_AFTER_MESSAGES) {
		drop(p, o, VPN_DROP_OLD_KEY);
		return NULL;
	}
	return k;
}

/* The first of them and those after it of the same keypair, together; how many these are. What does
 * not authenticate has none afterwards. */
static size_t decrypt(struct vpn_plane *p, struct vpn_open *items, struct vpn_keypair **keypairs,
		      size_t n)
{
	struct crypto_aead_text texts[VPN_PLANE_BATCH_MAX];
	struct vpn_keypair *k = keypairs[0];
	size_t run = 0;
	for (; run < n && keypairs[run] == k; run++) {
		const struct vpn_open *o = &items[run];
		size_t len = o->datagram.len - VPN_DATA_HEAD;
		ASSERT(o->out_cap >= len - VPN_DATA_TAG);
		texts[run] = (struct crypto_aead_text){
			.counter = wg_get_u64(transport_of(o)->counter),
			.in = span_sub(o->datagram, VPN_DATA_HEAD, len),
			.ret = o->out,
		};
	}
	crypto_aead_open_many(&k->ciphers[p->index].open, texts, run);
	for (size_t i = 0; i < run; i++)
		if (!texts[i].right) {
			drop(p, &items[i], VPN_DROP_TAG);
			keypairs[i] = NULL;
		}
	return run;
}

/* What a run of datagrams of one keypair, accepted, leaves behind. */
struct run {
	struct vpn_keypair *k;
	uint64_t bytes, packets;
	bool any, data;
	const struct vpn_endpoint *from; /* that the last one came from */
	const uint8_t *source;		 /* the last inner source that was the peer's; NULL: none */
	size_t source_len;
};

/* The inner packet's length and source; len 0: it is none. */
static size_t inner_of(struct span plain, struct span *ret_source)
{
	struct reader r = reader_of_span(plain);
	uint8_t first = read_u8(&r);
	size_t len = 0;
	if (first >> 4 == 4) {
		reader_skip(&r, 1);
		len = read_u16(&r);
		reader_skip(&r, 8);
		*ret_source = read_span(&r, 4);
		reader_skip(&r, 4);
		size_t head_len = (first & 15u) * 4;
		if (head_len < 20 || len < head_len)
			return 0;
	} else if (first >> 4 == 6) {
		reader_skip(&r, 3);
		len = (size_t)read_u16(&r) + 40;
		reader_skip(&r, 2);
		*ret_source = read_span(&r, 16);
		reader_skip(&r, 16);
	}
	return r.bad || len > plain.len ? 0 : len;
}

/* The paper 2: the source must be what we would route to that peer. */
static bool source_is_allowed(struct vpn_plane *p, struct run *run, struct span source)
{
	if (run->source && run->source_len == source.len &&
	    memcmp(run->source, source.data, source.len) == 0)
		return true;
	if (vpn_allowed_find(&p->engine->allowed, source) != run->k->peer)
		return false;
	run->source = source.data;
	run->source_len = source.len;
	return true;
}

static void judge_inner(struct vpn_plane *p, struct run *run, struct vpn_open *o)
{
	struct span source = {0};
	size_t plain_len = o->datagram.len - VPN_DATA_OVERHEAD;
	if (plain_len == 0) {
		o->result = VPN_OPEN_KEEPALIVE;
		vpn_count(&p->keepalives_received, 1);
		return;
	}
	run->data = true;
	size_t len = inner_of(span_of(o->out, plain_len), &source);
	if (!len) {
		drop(p, o, VPN_DROP_INNER);
	} else if (!source_is_allowed(p, run, source)) {
		drop(p, o, VPN_DROP_SOURCE);
	} else if (!ecn_decapsulate(o->out, o->ecn)) {
		drop(p, o, VPN_DROP_ECN);
	} else {
		o->result = VPN_OPEN_PACKET;
		o->len = len;
		run->packets++;
	}
}

/* Paper 6.3: "next" becomes the key to send with when the other side has shown that it has it. */
static void confirm(struct vpn_plane *p, struct vpn_keypair *k)
{
	if (atomic_load_explicit(&k->confirmed, memory_order_relaxed) ||
	    atomic_exchange(&k->confirmed, true))
		return;
	atomic_store_explicit(&k->peer->inner->sending, k, memory_order_release);
	vpn_plane_notice(p, k->peer, WANT_CONFIRMED);
}

static void run_end(struct vpn_plane *p, uint64_t now_ms, struct run *run)
{
	struct vpn_keypair *k = run->k;
	if (!k || !run->any)
		return;
	struct vpn_peer *peer = k->peer;
	vpn_peer_received(p, now_ms, peer, run->data);
	atomic_fetch_add_explicit(&peer->rx_bytes, run->bytes, memory_order_relaxed);
	vpn_count(&p->rx_bytes, run->bytes);
	if (run->packets) {
		atomic_fetch_add_explicit(&peer->rx_packets, run->packets, memory_order_relaxed);
		vpn_count(&p->rx_packets, run->packets);
	}
	/* Paper 6.2: an initiator renews in time, also when it only receives. */
	if (k->initiator &&
	    now_ms >= k->made_ms + VPN_REJECT_AFTER_TIME_MS - VPN_KEEPALIVE_TIMEOUT_MS -
			      VPN_REKEY_TIMEOUT_MS &&
	    !atomic_load_explicit(&peer->inner->busy, memory_order_relaxed))
		vpn_plane_notice(p, peer, WANT_HANDSHAKE);
}

/* Decrypted, and not dropped yet. */
static void accept(struct vpn_plane *p, struct run *run, struct vpn_open *o)
{
	struct vpn_keypair *k = run->k;
	vpn_flag_take(&k->replay_flag);
	bool fresh = wg_replay_take(&k->replay, wg_get_u64(transport_of(o)->counter));
	vpn_flag_give(&k->replay_flag);
	if (!fresh) {
		drop(p, o, VPN_DROP_REPLAY);
		return;
	}
	confirm(p, k);
	if (o->from != run->from && vpn_peer_learn(k->peer, o->from))
		vpn_plane_notice(p, k->peer, WANT_MOVED);
	run->from = o->from;
	run->any = true;
	run->bytes += o->datagram.len;
	o->peer = k->peer;
	judge_inner(p, run, o);
}

void vpn_plane_open(struct vpn_plane *p, uint64_t now_ms, struct vpn_open *items, size_t n)
{
	struct vpn_keypair *keypairs[VPN_PLANE_BATCH_MAX];
	struct run run = {0};
	ASSERT(n <= VPN_PLANE_BATCH_MAX);
	for (size_t i = 0; i < n; i++) {
		struct vpn_open *o = &items[i];
		o->drop = VPN_DROP_NONE;
		o->peer = NULL;
		o->len = 0;
		keypairs[i] = NULL;
		switch (wg_message_kind(o->datagram)) {
		case WG_TRANSPORT: keypairs[i] = keypair_of(p, now_ms, o); break;
		case WG_INITIATION:
		case WG_RESPONSE: judge_handshake(p, now_ms, o); break;
		case WG_COOKIE_REPLY: o->result = VPN_OPEN_HANDSHAKE; break;
		case WG_NONE: drop(p, o, VPN_DROP_TORN); break;
		}
	}
	for (size_t i = 0; i < n;)
		i += keypairs[i] ? decrypt(p, items + i, keypairs + i, n - i) : 1;
	for (size_t i = 0; i < n; i++) {
		if (!keypairs[i])
			continue;
		if (keypairs[i] != run.k) {
			run_end(p, now_ms, &run);
			run = (struct run){.k = keypairs[i]};
		}
		accept(p, &run, &items[i]);
	}
	run_end(p, now_ms, &run);
}
