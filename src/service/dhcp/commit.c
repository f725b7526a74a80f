/* Towards the store and back. An ACK is sent from here only, after the row is durable:
 *
 * - The row is written over the version that we know, so that of two servers that give one address
 *   to two clients at once, one meets a conflict, learns the row, and decides again.
 * - While the store is away a lease goes on being renewed, but no longer than its durable row
 *   says: after a crash, and to every other server, the row is all there is. If we promised more,
 *   the address would be free there while its holder still uses it. So the ACK carries what is left
 *   of the lease; the client comes back at half of that, and gets a full one when the store is
 *   back. A lease whose row has run out, and a client that has none, get no answer.
 * - Renewed then is who says that it has the address (RENEWING, REBINDING), not who asks for it
 *   back: that client may have released it to another server, which we have not heard of, and
 *   which has given it away. Who renews has not released it, and before its row runs out no server
 *   takes it from him.
 * - So it goes when the store only keeps silent, too: a renewal waits DHCP_STORE_PATIENCE_MS, is
 *   answered from memory, and what becomes of its row is learnt when the store says so. */
#include "service/dhcp/exchange.h"

/* At least a second later than it is. Whatever moment a client counts its lease from, up to when it
 * hears the ACK, the row then ends later: the seconds that passed until the ACK left are taken
 * from the lease, what is left of one is here. */
static uint32_t now_up_s(const struct dhcp_engine *e)
{
	return (uint32_t)((e->now_ms + 1999) / 1000);
}

static uint32_t expiry(const struct dhcp_engine *e, uint32_t lease_s)
{
	uint64_t s = (uint64_t)now_up_s(e) + lease_s;
	return lease_s == DHCP_INFINITE_S || s >= UINT32_MAX ? UINT32_MAX : (uint32_t)s;
}

/* The row as it will be when the client has its ACK. */
static struct dhcp_lease granted_lease(const struct dhcp_engine *e, const struct dhcp_exchange *x,
				       const struct dhcp_record *r)
{
	const struct dhcp_client *c = &x->client;
	struct dhcp_lease l = {.address = r->address,
			       .granted_s =
				       dhcp_record_is_held(e, r) ? r->granted_s : dhcp_now_s(e),
			       .expires_s = expiry(e, x->times.lease_s),
			       .state = DHCP_LEASE_BOUND,
			       .htype = c->htype,
			       .mac_len = c->mac_len,
			       .mac = c->mac,
			       .client_id = c->client_id,
			       .name = span_of(x->label.text, x->label.len),
			       .names = r->names};
	if (x->has_fqdn)
		l.fqdn_flags = x->fqdn.flags | DHCP_LEASE_FQDN;
	if (c->relay) {
		l.circuit_id = c->relay->circuit_id;
		l.remote_id = c->relay->remote_id;
	}
	return l;
}

/* A renewal that bypasses the relay does not take the port from the lease (RFC 3046 2.1: it comes
 * without option 82), and one that names nothing does not take the name. */
static void keep(struct dhcp_lease *l, const struct dhcp_exchange *x, const struct dhcp_record *r)
{
	struct dhcp_lease old;
	dhcp_record_lease(r, &old);
	if (!l->circuit_id.len && !l->remote_id.len) {
		l->circuit_id = old.circuit_id;
		l->remote_id = old.remote_id;
	}
	if (!l->name.len && !x->has_fqdn && !dhcp_message_has(&x->message, DHCP_OPT_HOST_NAME)) {
		l->name = old.name;
		l->fqdn_flags = old.fqdn_flags;
	}
}

MUST static enum err store_row(struct dhcp_engine *e, struct dhcp_exchange *x,
			       const struct dhcp_lease *l, uint64_t expected)
{
	uint8_t key[DHCP_LEASE_KEY_LEN];
	struct writer w = writer_of(x->value, sizeof(x->value));
	dhcp_lease_key(l->address, key);
	dhcp_lease_write(l, &w);
	TRY(writer_check(&w));
	x->value_len = (uint32_t)w.pos;
	struct dhcp_store s = {.token = x->token,
			       .key = span_of(key, sizeof(key)),
			       .value = writer_span(&w),
			       .expected = expected};
	return e->effects.store(e->effects.arg, &s);
}

static void shorten(struct dhcp_exchange *x, uint32_t left_s)
{
	if (left_s < x->times.lease_s)
		x->times = (struct dhcp_times){.lease_s = left_s,
					       .renew_s = left_s / 2,
					       .rebind_s = (uint32_t)((uint64_t)left_s * 7 / 8)};
}

static bool is_known_to_renew(const struct dhcp_engine *e, const struct dhcp_exchange *x,
			      const struct dhcp_record *r)
{
	struct dhcp_identity id;
	dhcp_exchange_identity(x, &id);
	return r->state == DHCP_LEASE_BOUND && r->version && r->expires_s > now_up_s(e) &&
	       dhcp_record_is_of(r, &id) && x->message.type == DHCP_REQUEST &&
	       x->message.head.ciaddr && !dhcp_message_has(&x->message, DHCP_OPT_SERVER_IDENTIFIER);
}

static void renew_from_memory(struct dhcp_engine *e, struct dhcp_exchange *x, struct dhcp_record *r)
{
	if (!is_known_to_renew(e, x, r) ||
	    dhcp_place_of(e, x, r->address, &x->place) != DHCP_CAUSE_NONE) { /* after a reload */
		dhcp_refuse(e, x, DHCP_CAUSE_STORE, r->address);
		return;
	}
	shorten(x, r->expires_s == UINT32_MAX ? DHCP_INFINITE_S : r->expires_s - now_up_s(e));
	e->counts.causes[DHCP_CAUSE_STORE]++;
	dhcp_reply_lease(e, x, DHCP_ACK, r);
}

/* What it would be granted. */
static void take_terms(const struct dhcp_engine *e, struct dhcp_exchange *x)
{
	uint32_t asked_s = 0;
	if (dhcp_message_u32(&x->message, DHCP_OPT_LEASE_TIME, &asked_s) != OK)
		asked_s = 0;
	x->times = dhcp_site_times(dhcp_exchange_site(e, x), &x->client, x->place.network,
				   x->place.pool, asked_s);
	dhcp_exchange_name(x);
}

void dhcp_commit_late(struct dhcp_engine *e, struct dhcp_exchange *x)
{
	e->store_away = true;
	x->answered = dhcp_exchange_refresh(e, x);
	if (x->answered)
		renew_from_memory(e, x, dhcp_table_at(&e->table, x->record));
}

bool dhcp_commit_meanwhile(struct dhcp_engine *e, struct dhcp_exchange *x, struct dhcp_record *r)
{
	struct dhcp_place place;
	if (!is_known_to_renew(e, x, r) ||
	    dhcp_place_of(e, x, r->address, &place) != DHCP_CAUSE_NONE)
		return false;
	x->place = place;
	take_terms(e, x);
	renew_from_memory(e, x, r);
	return true;
}

void dhcp_commit_grant(struct dhcp_engine *e, struct dhcp_exchange *x)
{
	struct dhcp_record *r = dhcp_table_at(&e->table, x->record);
	if (r->waiting) { /* the end of what its client had is being written */
		if (!dhcp_exchange_queue(e, x, r))
			dhcp_refuse(e, x, DHCP_CAUSE_BUSY, r->address);
		return;
	}
	take_terms(e, x);
	struct dhcp_lease l = granted_lease(e, x, r);
	keep(&l, x, r);
	if (!dhcp_exchange_wait(e, x, DHCP_PHASE_GRANT, r)) {
		dhcp_refuse(e, x, DHCP_CAUSE_BUSY, r->address);
		return;
	}
	x->asked_ms = e->now_ms;
	if (store_row(e, x, &l, r->version) == OK) {
		if (is_known_to_renew(e, x, r))
			wheel_add(&e->wheel, &x->timer, e->now_ms + DHCP_STORE_PATIENCE_MS);
		return;
	}
	dhcp_exchange_resume(e, x);
	renew_from_memory(e, x, r);
}

void dhcp_commit_note(struct dhcp_engine *e, struct dhcp_record *r)
{
	struct dhcp_exchange *x = r->waiting ? NULL : dhcp_exchange_spare(e);
	if (!x)
		return;
	struct dhcp_lease l;
	dhcp_record_lease(r, &l);
	r->flags &= (uint8_t)~DHCP_RECORD_DIRTY;
	if (dhcp_exchange_wait(e, x, DHCP_PHASE_NOTE, r) && store_row(e, x, &l, r->version) != OK)
		dhcp_exchange_resume(e, x);
	dhcp_exchange_done(e, x);
}

/* --- rows --- */

/* Somebody has taken the row away. */
static void unlearn(struct dhcp_engine *e, struct dhcp_record *r)
{
	r->version = 0;
	if (r->state == DHCP_LEASE_OFFERED)
		return;
	if (r->waiting)
		dhcp_record_end(e, r, DHCP_LEASE_EXPIRED);
	else
		dhcp_record_drop(e, r);
}

MUST static enum err learn_row(struct dhcp_engine *e, const struct dhcp_lease *l, uint64_t version)
{
	struct dhcp_record *r = dhcp_table_find(&e->table, l->address);
	if (r && r->version && r->version >= version)
		return OK; /* old news, or our own */
	bool is_new = !r;
	if (!r)
		r = dhcp_record_new(e, l->address);
	if (!r)
		return ERR_LIMIT;
	enum err err = dhcp_record_describe(e, r, l);
	if (err && is_new)
		dhcp_record_drop(e, r);
	if (err)
		return err;
	r->version = version;
	r->granted_s = l->granted_s;
	r->expires_s = l->expires_s;
	r->names = l->names;
	dhcp_record_become(e, r, l->state);
	return OK;
}

enum err dhcp_engine_learn(struct dhcp_engine *e, uint64_t now_ms, struct span key,
			   struct span value, uint64_t version)
{
	struct dhcp_lease l;
	dhcp_engine_at(e, now_ms);
	if (value.len) {
		TRY(dhcp_lease_read(key, value, &l));
		return learn_row(e, &l, version);
	}
	struct reader k = reader_of_span(key);
	uint8_t family = read_u8(&k);
	uint32_t address = read_u32(&k);
	if (reader_end(&k) != OK || family != 4)
		return ERR_FORMAT;
	struct dhcp_record *r = dhcp_table_find(&e->table, address);
	if (r && r->version && (!version || version > r->version))
		unlearn(e, r);
	return OK;
}

/* --- back from the store --- */

/* The client calls itself something else now: what the DNS has under the old name goes. */
static void rename_lease(struct dhcp_engine *e, struct dhcp_record *r, const struct dhcp_lease *l)
{
	struct dhcp_lease old;
	dhcp_record_lease(r, &old);
	if (!r->names || span_equal(old.name, l->name))
		return;
	dhcp_tell_name(e, DHCP_NAME_ENDED, r);
	r->names = 0;
	r->flags |= DHCP_RECORD_DIRTY;
}

static void granted(struct dhcp_engine *e, struct dhcp_exchange *x, struct dhcp_record *r,
		    uint64_t version)
{
	struct dhcp_lease l;
	uint8_t key[DHCP_LEASE_KEY_LEN];
	dhcp_lease_key(r->address, key);
	if (version < r->version || /* another server wrote over it before we knew */
	    dhcp_lease_read(span_of(key, sizeof(key)), span_of(x->value, x->value_len), &l) != OK) {
		if (!x->answered)
			dhcp_refuse(e, x, DHCP_CAUSE_STORE, r->address);
		return;
	}
	rename_lease(e, r, &l);
	if (dhcp_record_describe(e, r, &l) != OK)
		e->counts.causes[DHCP_CAUSE_BUSY]++; /* its name is missing until it renews */
	/* A store that took seconds took them from the lease: clients count from now. */
	uint64_t took_s = (e->now_ms - x->asked_ms) / 1000;
	if (took_s && l.expires_s != UINT32_MAX)
		shorten(x, took_s < x->times.lease_s ? x->times.lease_s - (uint32_t)took_s : 0);
	bool moves = r->state != DHCP_LEASE_BOUND || l.expires_s < r->expires_s;
	r->version = version;
	r->granted_s = l.granted_s;
	r->expires_s = l.expires_s;
	if (moves)
		dhcp_record_become(e, r, DHCP_LEASE_BOUND);
	if (x->times.lease_s && !x->answered)
		dhcp_reply_lease(e, x, DHCP_ACK, r);
	dhcp_tell_name(e, DHCP_NAME_GRANTED, r);
}

/* The row is another one than we knew. */
static void learn_conflict(struct dhcp_engine *e, struct dhcp_record *r, uint64_t version,
			   struct span current)
{
	uint8_t key[DHCP_LEASE_KEY_LEN];
	struct dhcp_lease l;
	dhcp_lease_key(r->address, key);
	if (!current.len) {
		unlearn(e, r);
		return;
	}
	if (dhcp_lease_read(span_of(key, sizeof(key)), current, &l) != OK || version == 0)
		return;
	err_ignore(learn_row(e, &l, version)); /* no memory: the next write meets it again */
}

static void decide_again(struct dhcp_engine *e, struct dhcp_exchange *x)
{
	if (++x->tries >= DHCP_TRIES_MAX)
		dhcp_refuse(e, x, DHCP_CAUSE_BUSY, 0);
	else if (!dhcp_exchange_refresh(e, x))
		dhcp_refuse(e, x, DHCP_CAUSE_NO_NETWORK, 0);
	else
		dhcp_exchange_dispatch(e, x);
}

static void answer_grant(struct dhcp_engine *e, struct dhcp_exchange *x, struct dhcp_record *r,
			 enum dhcp_stored result, uint64_t version)
{
	if (result == DHCP_STORED)
		granted(e, x, r, version);
	else if (x->answered)
		return; /* what there was to learn was learnt */
	else if (result == DHCP_STORE_CONFLICT)
		decide_again(e, x);
	else if (dhcp_exchange_refresh(e, x))
		renew_from_memory(e, x, r);
}

void dhcp_engine_store_away(struct dhcp_engine *e, bool away)
{
	e->store_away = away;
}

void dhcp_engine_stored(struct dhcp_engine *e, uint64_t now_ms, uint64_t token,
			enum dhcp_stored result, uint64_t version, struct span current)
{
	dhcp_engine_at(e, now_ms);
	e->store_away = result == DHCP_STORE_FAILED;
	uint32_t slot = (uint32_t)token;
	struct dhcp_exchange *x = slot <= e->limits.waiting ? e->waiting[slot] : NULL;
	if (!x || x->token != token ||
	    (x->phase != DHCP_PHASE_GRANT && x->phase != DHCP_PHASE_NOTE))
		return;
	struct dhcp_record *r = dhcp_table_at(&e->table, x->record);
	struct dhcp_exchange *then = x->then;
	enum dhcp_phase phase = x->phase;
	x->then = NULL;
	dhcp_exchange_resume(e, x);
	if (result == DHCP_STORE_CONFLICT)
		learn_conflict(e, r, version, current);
	if (result == DHCP_STORED && phase == DHCP_PHASE_NOTE && version > r->version)
		r->version = version;
	if (phase == DHCP_PHASE_GRANT)
		answer_grant(e, x, r, result, version);
	if (result == DHCP_STORED && r->flags & DHCP_RECORD_DIRTY)
		dhcp_commit_note(e, r);
	dhcp_exchange_done(e, x);
	if (!then)
		return;
	dhcp_exchange_resume(e, then);
	decide_again(e, then);
	dhcp_exchange_done(e, then);
}
