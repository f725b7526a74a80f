/* What is due when (the paper 6). One timer for each peer, set for the earliest of its dates.
 * Workers move the dates without asking: a date that came later is found when the timer fires, one
 * that came earlier is told (WANT_TIMER). */
#include "crypto/secret.h"
#include "service/vpn/tunnel/inner.h"

static uint64_t get(const _Atomic uint64_t *cell)
{
	return atomic_load_explicit(cell, memory_order_relaxed);
}

static uint64_t min_of(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t after(uint64_t since_ms, uint64_t delay_ms)
{
	return since_ms ? since_ms + delay_ms : UINT64_MAX;
}

/* Paper 6.4: trying is given up REKEY_ATTEMPT_TIME after it began; "if a packet is explicitly
 * queued up to be sent, then this timer is reset". */
static uint64_t give_up_ms(const struct vpn_peer_inner *in)
{
	uint64_t asked_ms = get(&in->asked_ms);
	return (asked_ms > in->trying_ms ? asked_ms : in->trying_ms) + VPN_REKEY_ATTEMPT_TIME_MS;
}

static uint64_t silence_ms(const struct vpn_peer_inner *in)
{
	return after(get(&in->unanswered_ms), VPN_KEEPALIVE_TIMEOUT_MS + VPN_REKEY_TIMEOUT_MS);
}

static uint64_t owed_ms(const struct vpn_peer_inner *in)
{
	return after(get(&in->owed_ms), VPN_KEEPALIVE_TIMEOUT_MS);
}

static uint64_t persistent_ms(const struct vpn_peer *peer)
{
	struct vpn_endpoint to;
	/* While a handshake is tried, its messages keep the way open. */
	if (!peer->keepalive_s || peer->inner->trying_ms || !peer->engine->has_key ||
	    !vpn_peer_endpoint(peer, &to))
		return UINT64_MAX;
	return get(&peer->inner->traffic_ms) + (uint64_t)peer->keepalive_s * 1000;
}

static uint64_t zero_ms(const struct vpn_peer_inner *in)
{
	return after(in->keys_ms, 3 * (uint64_t)VPN_REJECT_AFTER_TIME_MS);
}

static uint64_t due_ms(const struct vpn_peer *peer)
{
	const struct vpn_peer_inner *in = peer->inner;
	uint64_t due = min_of(silence_ms(in), owed_ms(in));
	due = min_of(due, persistent_ms(peer));
	due = min_of(due, zero_ms(in));
	return in->trying_ms ? min_of(due, in->retry_ms) : due;
}

void vpn_peer_set_timer(struct vpn_engine *e, struct vpn_peer *peer)
{
	struct vpn_peer_inner *in = peer->inner;
	uint64_t due, again = due_ms(peer);
	do {
		due = again;
		atomic_store(&in->timer_ms, due);
		/* A worker that moved a date before it could see this has told nobody. */
		again = due_ms(peer);
	} while (again < due);
	if (due == UINT64_MAX)
		wheel_cancel(&e->wheel, &in->timer);
	else
		wheel_add(&e->wheel, &in->timer, due);
}

void vpn_engine_tell(struct vpn_engine *e, struct vpn_peer *peer, enum vpn_event_kind kind)
{
	struct vpn_event event = {.kind = kind, .peer = peer};
	if (e->effects.event)
		e->effects.event(e->effects.arg, &event);
}

void vpn_peer_forget(struct vpn_engine *e, struct vpn_peer *peer)
{
	struct vpn_peer_inner *in = peer->inner;
	vpn_peer_stop_trying(e, peer);
	vpn_peer_drop_keypairs(e, peer);
	atomic_store(&in->unanswered_ms, 0);
	atomic_store(&in->owed_ms, 0);
}

/* The kernel may know a better way than the address of ours that was asked last. */
static void forget_local(struct vpn_peer *peer)
{
	struct vpn_endpoint to;
	if (!vpn_peer_endpoint(peer, &to))
		return;
	to.local = (struct ip_address){0};
	to.ifindex = 0;
	vpn_peer_put_endpoint(peer, &to);
}

static void retry(struct vpn_engine *e, uint64_t now_ms, struct vpn_peer *peer)
{
	struct vpn_peer_inner *in = peer->inner;
	if (now_ms < give_up_ms(in)) {
		if (in->sent.stage == NOISE_INITIATION_SENT)
			forget_local(peer);
		vpn_peer_initiate(e, now_ms, peer);
		return;
	}
	vpn_peer_stop_trying(e, peer);
	vpn_staged_drop(e, peer, VPN_DROP_STAGED_OLD);
	vpn_engine_tell(e, peer, VPN_EVENT_GAVE_UP);
}

/* Paper 6.5: an empty message, or a handshake when there is no key to send it with. */
static void keepalive(struct vpn_engine *e, uint64_t now_ms, struct vpn_peer *peer)
{
	struct vpn_peer_inner *in = peer->inner;
	uint8_t room[VPN_DATA_OVERHEAD];
	uint64_t owed = get(&in->owed_ms);
	if (!vpn_engine_send_data(e, now_ms, peer, room, 0)) {
		atomic_store(&in->owed_ms, 0);
		vpn_peer_want_handshake(e, now_ms, peer);
		return;
	}
	/* More data came after that which this one answers: it wants another one. */
	if (owed && get(&in->received_data_ms) > owed)
		atomic_store(&in->owed_ms, now_ms);
}

static void peer_turn(struct vpn_engine *e, uint64_t now_ms, struct vpn_peer *peer)
{
	struct vpn_peer_inner *in = peer->inner;
	if (zero_ms(in) <= now_ms) {
		/* Paper 6.3: all ephemeral and symmetric keys are zeroed. */
		vpn_peer_drop_keypairs(e, peer);
		vpn_engine_tell(e, peer, VPN_EVENT_KEYS_GONE);
	}
	if (in->trying_ms && in->retry_ms <= now_ms)
		retry(e, now_ms, peer);
	if (silence_ms(in) <= now_ms) {
		atomic_store(&in->unanswered_ms, 0);
		atomic_store(&in->asked_ms, now_ms);
		if (!in->trying_ms)
			forget_local(peer);
		vpn_peer_want_handshake(e, now_ms, peer);
	}
	if (owed_ms(in) <= now_ms || persistent_ms(peer) <= now_ms)
		keepalive(e, now_ms, peer);
	vpn_peer_set_timer(e, peer);
}

struct turn {
	struct vpn_engine *engine;
	uint64_t now_ms;
};

static void fired(struct wheel_timer *t, void *arg)
{
	struct turn *turn = arg;
	struct vpn_peer_inner *in =
		(struct vpn_peer_inner *)((uint8_t *)t - offsetof(struct vpn_peer_inner, timer));
	peer_turn(turn->engine, turn->now_ms, in->self);
}

static void tell_move(struct vpn_engine *e, struct vpn_peer *peer)
{
	struct vpn_event event = {.kind = VPN_EVENT_MOVED, .peer = peer};
	if (!vpn_peer_take_move(peer, &event.before, &event.after))
		return;
	event.address_changed =
		!ip_address_equal(&event.before.remote.address, &event.after.remote.address);
	e->moved++;
	if (e->effects.event)
		e->effects.event(e->effects.arg, &event);
}

static void serve(struct vpn_engine *e, uint64_t now_ms, struct vpn_peer *peer, uint32_t wants)
{
	if (wants & WANT_MOVED)
		tell_move(e, peer);
	if ((wants & WANT_CONFIRMED) && vpn_peer_rotate(e, peer))
		vpn_peer_handshake_complete(e, now_ms, peer);
	if (wants & WANT_HANDSHAKE)
		vpn_peer_want_handshake(e, now_ms, peer);
	vpn_peer_set_timer(e, peer);
}

/* What workers noticed. */
static void take_noticed(struct vpn_engine *e, uint64_t now_ms)
{
	struct vpn_peer *peer = atomic_exchange(&e->noticed, NULL);
	while (peer) {
		/* Once wants is empty a worker may put it on the list again. */
		struct vpn_peer *next = peer->inner->noticed_next;
		uint32_t wants = atomic_exchange(&peer->inner->wants, 0);
		serve(e, now_ms, peer, wants);
		peer = next;
	}
}

static void renew_secret(struct vpn_engine *e, uint64_t now_ms)
{
	uint8_t entropy[WG_COOKIE_SECRET_LEN];
	if (!atomic_load(&e->secret_wanted))
		return;
	e->effects.random(e->effects.arg, entropy, sizeof(entropy));
	vpn_engine_begin(e);
	wg_cookie_secret_set(&e->secret, entropy, now_ms);
	atomic_store(&e->secret_wanted, false);
	vpn_engine_end(e);
	crypto_wipe(entropy, sizeof(entropy));
}

void vpn_engine_turn(struct vpn_engine *e, uint64_t now_ms)
{
	struct turn turn = {.engine = e, .now_ms = now_ms};
	e->now_ms = now_ms;
	renew_secret(e, now_ms);
	take_noticed(e, now_ms);
	wheel_advance(&e->wheel, now_ms, fired, &turn);
	/* What main itself noticed meanwhile. */
	take_noticed(e, now_ms);
	main_plane(e)->wake = false;
}

uint64_t vpn_engine_next_ms(struct vpn_engine *e)
{
	if (atomic_load(&e->noticed) || atomic_load(&e->secret_wanted))
		return e->now_ms;
	return wheel_next_ms(&e->wheel);
}
