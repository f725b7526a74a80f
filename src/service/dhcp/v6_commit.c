/* Leases through the store: an exchange waits until all that it changes is durable, then its answer
 * goes out. */
#include "service/dhcp/v6_inner.h"

/* A token is a wait's place and serial and the change's number; 0: nobody waits. */
static uint64_t token_of(const struct v6_engine *e, const struct v6_wait *w, unsigned change)
{
	return (uint64_t)w->serial << 32 | (uint64_t)(w - e->waits) << 8 | change;
}

static struct v6_wait *wait_take(struct v6_engine *e)
{
	if (e->free_n == 0)
		return NULL;
	struct v6_wait *w = &e->waits[e->free_waits[--e->free_n]];
	w->serial++; /* odd now */
	w->failed = w->silent = w->renewal = w->answered = false;
	w->left = w->changes_n = 0;
	e->counts.waiting++;
	return w;
}

static void wait_give(struct v6_engine *e, struct v6_wait *w)
{
	wheel_cancel(&e->patience, &w->patience);
	w->serial++;
	e->free_waits[e->free_n++] = (uint32_t)(w - e->waits);
	e->counts.waiting--;
}

static bool is_remembered(const struct v6_engine *e, const struct v6_record *r)
{
	struct v6_pool_use use;
	return r->pool != UINT32_MAX && v6_pool_at(e, r->pool, &use) &&
	       use.pool->allocate == DHCP_AUTOMATIC;
}

/* The row as it shall be. Empty: it is removed. */
static struct span row_of(const struct v6_engine *e, const struct v6_change *c,
			  const struct v6_exchange *x, struct writer *w)
{
	struct v6_lease_view l;
	v6_record_view(c->record, &l);
	l.granted_s = c->granted_s;
	l.expires_s = c->expires_s;
	if (c->kind == V6_RELEASE && !is_remembered(e, c->record))
		return (struct span){0};
	l.state = c->kind == V6_DECLINE	  ? V6_LEASE_DECLINED
		  : c->kind == V6_RELEASE ? V6_LEASE_ENDED
					  : V6_LEASE_BOUND;
	if (c->kind == V6_GRANT || c->kind == V6_RENEW) {
		l.preferred_s = c->preferred_s;
		l.name = span_of(x->name, x->name_len);
		l.fqdn_flags = x->has_fqdn ? x->fqdn.flags | 0x80 : 0;
		l.duid = x->client.duid;
		l.mac = x->client.mac;
	}
	v6_lease_write(&l, w);
	return writer_span(w);
}

static bool store_change(struct v6_engine *e, struct v6_wait *wait, unsigned n,
			 const struct v6_exchange *x)
{
	uint8_t key[V6_LEASE_KEY_LEN], row[V6_LEASE_STORED_MAX];
	struct writer w = writer_of(row, sizeof(row));
	struct v6_change *c = &wait->changes[n];
	struct ip_prefix p = v6_record_prefix(c->record);
	v6_lease_key(&p, key);
	struct dhcp_store s = {.token = token_of(e, wait, n),
			       .key = span_of(key, sizeof(key)),
			       .value = row_of(e, c, x, &w),
			       .expected = c->record->version};
	if (w.bad || e->effects.store(e->effects.arg, &s) != OK)
		return false;
	c->record->busy = true;
	wait->left++;
	return true;
}

/* The holder and what is known of it, before the row is written from the record. */
static bool prepare_grant(struct v6_exchange *x, struct v6_change *c)
{
	struct v6_record *r = c->record;
	const struct v6_answer *a = NULL;
	struct ip_prefix p = v6_record_prefix(r);
	for (size_t i = 0; i < x->answers_n && !a; i++)
		for (size_t k = 0; k < x->answers[i].leases_n; k++)
			if (ip_prefix_equal(&x->answers[i].leases[k].prefix, &p))
				a = &x->answers[i];
	ASSERT(a);
	struct v6_holder *h = v6_holder_get(x->engine, x->client.duid);
	if (!h)
		return false;
	if (r->holder != h) {
		v6_holder_drop(x->engine, r);
		v6_holder_take(h, r);
	}
	r->kind = (uint8_t)a->ia.kind;
	r->iaid = a->ia.iaid;
	return true;
}

static void name_lease(struct v6_engine *e, enum dhcp_name_change change,
		       const struct v6_record *r);

/* What the DNS has under another name, or of a holder before, is not this lease's. */
static void name_leaves(struct v6_exchange *x, struct v6_record *r)
{
	struct v6_lease_view l;
	v6_record_view(r, &l);
	if (l.state == V6_LEASE_BOUND && span_equal(l.name, span_of(x->name, x->name_len)))
		return;
	if (l.state == V6_LEASE_BOUND && r->names)
		name_lease(x->engine, DHCP_NAME_ENDED, r);
	r->names = 0;
}

static void note_client(struct v6_exchange *x, struct v6_record *r)
{
	struct v6_holder *h = r->holder;
	struct writer w = writer_of(h->mac, sizeof(h->mac));
	if (x->client.mac.len && x->client.mac.len <= sizeof(h->mac)) {
		write_span(&w, x->client.mac);
		h->mac_len = (uint8_t)x->client.mac.len;
	}
	name_leaves(x, r);
	v6_record_set_name(x->engine, r, span_of(x->name, x->name_len));
	r->fqdn_flags = x->has_fqdn ? x->fqdn.flags | 0x80 : 0;
	v6_path_note(x, h);
}

/* A grant that came to nothing: the record is as if nobody had asked. */
static void forget_pending(struct v6_engine *e, struct v6_record *r)
{
	r->busy = false;
	if (r->state == V6_LEASE_PENDING)
		v6_record_free(e, r);
}

void v6_commit_forget(struct v6_exchange *x)
{
	for (size_t i = 0; i < x->changes_n; i++)
		if (!x->changes[i].record->busy)
			forget_pending(x->engine, x->changes[i].record);
	x->changes_n = 0;
}

static bool is_renewal(const struct v6_exchange *x)
{
	for (size_t i = 0; i < x->changes_n; i++)
		if (x->changes[i].kind != V6_RENEW)
			return false;
	return x->m.type == DHCP6_RENEW || x->m.type == DHCP6_REBIND;
}

/* A place to wait, with the answer. NULL: x->cause. */
static struct v6_wait *wait_begin(struct v6_exchange *x, uint8_t type)
{
	struct v6_wait *wait = wait_take(x->engine);
	struct v6_send to = {0};
	if (!wait) {
		x->cause = V6_CAUSE_BUSY;
		return NULL;
	}
	struct writer w = writer_of(wait->message, sizeof(wait->message));
	if (!v6_reply_write(x, type, &w)) {
		wait_give(x->engine, wait);
		x->cause = V6_CAUSE_LENGTH;
		return NULL;
	}
	v6_reply_to(x, &to);
	wait->to = to.to;
	wait->port = to.port;
	wait->ifindex = to.ifindex;
	wait->len = (uint16_t)w.pos;
	wait->type = type;
	wait->transaction_id = x->m.transaction_id;
	wait->asked_ms = x->now_ms;
	wait->renewal = is_renewal(x);
	return wait;
}

static void send_answer(struct v6_engine *e, const struct v6_wait *wait)
{
	struct v6_send s = {.to = wait->to,
			    .port = wait->port,
			    .ifindex = wait->ifindex,
			    .type = wait->type,
			    .message = span_of(wait->message, wait->len)};
	v6_send_message(e, &s, wait->transaction_id, (struct span){0});
}

static bool answer_from_memory(struct v6_engine *e, uint64_t now_ms, struct v6_wait *wait)
{
	if (wait->silent || !wait->renewal || !v6_memory_limit(e, now_ms, wait))
		return false;
	e->counts.causes[V6_CAUSE_STORE]++;
	send_answer(e, wait);
	return true;
}

void v6_late(struct wheel_timer *t, void *arg)
{
	struct v6_engine *e = arg;
	struct v6_wait *wait = (struct v6_wait *)t; /* its first field */
	e->store_away = true;
	wait->answered = answer_from_memory(e, e->patience.now_ms, wait);
}

bool v6_commit(struct v6_exchange *x, uint8_t type)
{
	struct v6_engine *e = x->engine;
	struct v6_wait *wait = wait_begin(x, type);
	if (!wait) {
		v6_commit_forget(x);
		return false;
	}
	for (size_t i = 0; i < x->changes_n; i++) {
		struct v6_change *c = &x->changes[i];
		if (c->kind == V6_GRANT && !prepare_grant(x, c)) {
			wait->failed = true;
			forget_pending(e, c->record);
			continue;
		}
		if (c->kind == V6_GRANT || c->kind == V6_RENEW)
			note_client(x, c->record);
		wait->changes[wait->changes_n++] = *c;
		if (!wait->failed && !store_change(e, wait, wait->changes_n - 1, x))
			wait->failed = true;
		if (wait->failed) {
			wait->changes_n--;
			forget_pending(e, c->record);
		}
	}
	bool answered = wait->failed && !wait->left && answer_from_memory(e, x->now_ms, wait);
	x->cause = wait->failed && !answered ? V6_CAUSE_BUSY : x->cause;
	if (wait->left == 0)
		wait_give(e, wait);
	else if (wait->renewal)
		wheel_add(&e->patience, &wait->patience, x->now_ms + V6_STORE_PATIENCE_MS);
	return x->cause == V6_CAUSE_NONE;
}

/* --- what the store said --- */

static void tell_lease(struct v6_engine *e, enum v6_event_kind kind, const struct v6_record *r)
{
	struct v6_lease_view l;
	v6_record_view(r, &l);
	v6_tell(e, &(struct v6_event){.kind = kind,
				      .lease = &l,
				      .duid = l.duid,
				      .network = v6_site_network_of(e->site, &l.prefix.address)});
}

static void name_lease(struct v6_engine *e, enum dhcp_name_change change, const struct v6_record *r)
{
	struct v6_lease_view l;
	if (r->bits != 128)
		return;
	v6_record_view(r, &l);
	e->effects.name(e->effects.arg, change, &l, v6_site_network_of(e->site, &l.prefix.address));
}

static void apply_grant(struct v6_engine *e, const struct v6_change *c)
{
	struct v6_record *r = c->record;
	bool fresh = r->state != V6_LEASE_BOUND;
	r->granted_s = c->granted_s;
	r->preferred_s = c->preferred_s;
	v6_record_set_state(e, r, V6_LEASE_BOUND);
	v6_record_set_end(e, r, c->expires_s);
	*(fresh ? &e->counts.bound : &e->counts.renewed) += 1;
	name_lease(e, DHCP_NAME_GRANTED, r);
	tell_lease(e, fresh ? V6_EVENT_BOUND : V6_EVENT_RENEWED, r);
}

static void apply_release(struct v6_engine *e, const struct v6_change *c)
{
	struct v6_record *r = c->record;
	name_lease(e, DHCP_NAME_ENDED, r);
	tell_lease(e, V6_EVENT_RELEASED, r);
	e->counts.released++;
	if (is_remembered(e, r)) {
		v6_record_set_state(e, r, V6_LEASE_ENDED);
		r->expires_s = c->expires_s;
	} else {
		v6_record_free(e, r);
	}
}

static void apply_decline(struct v6_engine *e, const struct v6_change *c)
{
	struct v6_record *r = c->record;
	name_lease(e, DHCP_NAME_ENDED, r);
	tell_lease(e, V6_EVENT_DECLINED, r);
	e->counts.declined++;
	/* It stays charged to who declined it, so that nobody empties a pool by declining it. */
	v6_record_set_name(e, r, (struct span){0});
	v6_record_set_state(e, r, V6_LEASE_DECLINED);
	v6_record_set_end(e, r, c->expires_s);
}

static void apply(struct v6_engine *e, const struct v6_change *c)
{
	switch (c->kind) {
	case V6_GRANT:
	case V6_RENEW: apply_grant(e, c); break;
	case V6_RELEASE: apply_release(e, c); break;
	case V6_DECLINE: apply_decline(e, c); break;
	}
}

/* Somebody else wrote the row: what it says counts, and the client will ask again. */
static void yield_to(struct v6_engine *e, uint64_t now_ms, struct v6_record *r, uint64_t version,
		     struct span current)
{
	uint8_t key[V6_LEASE_KEY_LEN];
	struct ip_prefix p = v6_record_prefix(r);
	v6_lease_key(&p, key);
	r->busy = false;
	err_ignore(v6_engine_learn(e, now_ms, span_of(key, sizeof(key)), current, version));
	struct v6_record *now = v6_record_find(e, &p);
	if (now && now->state == V6_LEASE_PENDING)
		v6_record_free(e, now); /* the row cannot be read: then it is nobody's */
}

static bool answer(struct v6_engine *e, uint64_t now_ms, struct v6_wait *wait)
{
	if (wait->silent || wait->answered)
		return true;
	if (wait->failed)
		return answer_from_memory(e, now_ms, wait);
	if (now_ms >= wait->asked_ms + 1000 && !v6_memory_limit(e, now_ms, wait))
		return false;
	send_answer(e, wait);
	return true;
}

static void finish(struct v6_engine *e, uint64_t now_ms, struct v6_wait *wait)
{
	if (!answer(e, now_ms, wait))
		v6_tell(e, &(struct v6_event){.kind = V6_EVENT_REFUSED,
					      .cause = V6_CAUSE_STORE,
					      .transaction_id = wait->transaction_id,
					      .from = wait->to});
	wait_give(e, wait);
}

void v6_engine_stored(struct v6_engine *e, uint64_t now_ms, uint64_t token, enum dhcp_stored result,
		      uint64_t version, struct span current)
{
	uint32_t serial = (uint32_t)(token >> 32), place = (uint32_t)token >> 8;
	unsigned n = token & 0xff;
	e->store_away = result == DHCP_STORE_FAILED;
	if (token == 0 || place >= e->limits.waiting || e->waits[place].serial != serial)
		return;
	struct v6_wait *wait = &e->waits[place];
	struct v6_record *r = wait->changes[n].record;
	if (result == DHCP_STORED && version && version < r->version) {
		r->busy = false; /* another server wrote over it, and was heard before */
		wait->failed = true;
	} else if (result == DHCP_STORED) {
		r->busy = false;
		r->version = version;
		apply(e, &wait->changes[n]);
	} else {
		wait->failed = true;
		if (result == DHCP_STORE_FAILED) {
			forget_pending(e, r);
		} else {
			yield_to(e, now_ms, r, version, current);
		}
	}
	if (--wait->left == 0)
		finish(e, now_ms, wait);
}

void v6_engine_store_away(struct v6_engine *e, bool away)
{
	e->store_away = away;
}

/* --- ends that nobody waits for --- */

void v6_end(struct v6_engine *e, struct v6_record *r, uint64_t now_ms)
{
	uint8_t key[V6_LEASE_KEY_LEN];
	struct ip_prefix p = v6_record_prefix(r);
	bool declined = r->state == V6_LEASE_DECLINED;
	(void)now_ms;
	if (!declined) {
		e->counts.expired++;
		name_lease(e, DHCP_NAME_ENDED, r);
		tell_lease(e, V6_EVENT_EXPIRED, r);
	}
	if (!declined && is_remembered(e, r)) {
		v6_record_set_state(e, r, V6_LEASE_ENDED); /* its row says when it ended */
		return;
	}
	v6_lease_key(&p, key);
	struct dhcp_store s = {.key = span_of(key, sizeof(key)), .expected = r->version};
	/* A row that stays for want of a store has a time that is over, and whoever finds it knows.
	 */
	err_ignore(e->effects.store(e->effects.arg, &s));
	v6_record_free(e, r);
}

/* By order of a person. */
enum err v6_engine_release(struct v6_engine *e, uint64_t now_ms, const struct ip_prefix *lease)
{
	struct v6_record *r = v6_record_find(e, lease);
	if (!r || r->state != V6_LEASE_BOUND)
		return ERR_ABSENT;
	struct v6_wait *wait = r->busy ? NULL : wait_take(e);
	if (!wait)
		return ERR_LIMIT;
	wait->silent = true;
	wait->changes_n = 1;
	wait->changes[0] = (struct v6_change){.kind = V6_RELEASE,
					      .record = r,
					      .granted_s = r->granted_s,
					      .expires_s = (uint32_t)(now_ms / 1000)};
	if (store_change(e, wait, 0, NULL))
		return OK;
	wait_give(e, wait);
	return ERR_LIMIT;
}
