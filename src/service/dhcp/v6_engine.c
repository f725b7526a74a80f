#include "service/dhcp/v6_inner.h"

#include "crypto/secret.h"

#include <stdlib.h>

static const char *const cause_names[V6_CAUSES] = {
	[V6_CAUSE_NONE] = "none",
	[V6_CAUSE_TORN] = "torn",
	[V6_CAUSE_TYPE] = "type",
	[V6_CAUSE_LIMIT] = "limit",
	[V6_CAUSE_NO_NETWORK] = "no-network",
	[V6_CAUSE_IDENTITY] = "identity",
	[V6_CAUSE_NOT_OURS] = "not-ours",
	[V6_CAUSE_UNICAST] = "unicast",
	[V6_CAUSE_OPTION] = "option",
	[V6_CAUSE_NOTHING] = "nothing",
	[V6_CAUSE_RATE] = "rate",
	[V6_CAUSE_CLIENT] = "client",
	[V6_CAUSE_BUSY] = "busy",
	[V6_CAUSE_NO_LEASE] = "no-lease",
	[V6_CAUSE_LENGTH] = "length",
	[V6_CAUSE_STORE] = "store",
};

const char *v6_cause_name(enum v6_cause cause)
{
	ASSERT(cause < V6_CAUSES);
	return cause_names[cause];
}

/* --- beginning and end --- */

static enum err begin(struct v6_engine *e)
{
	v6_records_init(e, 0);
	TRY(v6_records_regroup(e));
	e->waits = calloc(e->limits.waiting, sizeof(*e->waits));
	e->free_waits = calloc(e->limits.waiting, sizeof(*e->free_waits));
	if (!e->waits || !e->free_waits)
		return ENOMEM;
	for (size_t i = e->limits.waiting; i > 0; i--)
		e->free_waits[e->free_n++] = (uint32_t)(i - 1);
	return OK;
}

enum err v6_engine_new(struct v6_site *site, const struct v6_limits *limits,
		       const struct v6_effects *effects, struct span duid, const uint8_t secret[32],
		       struct hash_key key, struct v6_engine **ret)
{
	struct v6_engine *e = calloc(1, sizeof(*e));
	if (!e)
		return ENOMEM;
	ASSERT(duid.len >= DHCP6_DUID_LEN_MIN && duid.len <= DHCP6_DUID_LEN_MAX);
	ASSERT(limits->leases > 0 && limits->waiting > 0 && limits->waiting < 1 << 24);
	e->site = v6_site_ref(site);
	e->limits = *limits;
	e->effects = *effects;
	e->key = key;
	struct writer w = writer_of(e->duid, sizeof(e->duid));
	write_span(&w, duid);
	e->duid_len = (uint8_t)duid.len;
	w = writer_of(e->secret, sizeof(e->secret));
	write_bytes(&w, secret, sizeof(e->secret));
	enum err err = begin(e);
	if (err) {
		v6_engine_free(e);
		return err;
	}
	*ret = e;
	return OK;
}

void v6_engine_free(struct v6_engine *e)
{
	if (!e)
		return;
	v6_records_done(e);
	free(e->waits);
	free(e->free_waits);
	v6_site_unref(e->site);
	crypto_wipe(e->secret, sizeof(e->secret));
	free(e);
}

void v6_engine_set_site(struct v6_engine *e, struct v6_site *site, uint64_t now_ms)
{
	struct v6_site *before = e->site;
	v6_engine_turn(e, now_ms);
	e->site = v6_site_ref(site);
	if (v6_records_regroup(e) != OK) {
		e->site = before; /* there is no memory: all stays as it was */
		v6_site_unref(site);
		return;
	}
	v6_site_unref(before);
}

void v6_engine_set_links(struct v6_engine *e, const struct v6_link *links, size_t n)
{
	e->links_n = n < DHCP_LINKS_MAX ? n : DHCP_LINKS_MAX;
	for (size_t i = 0; i < e->links_n; i++)
		e->links[i] = links[i];
}

/* --- time --- */

static void ends(struct wheel_timer *t, void *arg)
{
	struct v6_engine *e = arg;
	struct v6_record *r =
		(struct v6_record *)(void *)((uint8_t *)t - offsetof(struct v6_record, timer));
	if (r->busy) /* what is under way decides; the store answers soon */
		wheel_add(&e->ends, t, e->ends.now_ms + 1000);
	else
		v6_end(e, r, e->ends.now_ms);
}

void v6_engine_turn(struct v6_engine *e, uint64_t now_ms)
{
	wheel_advance(&e->ends, now_ms, ends, e);
	wheel_advance(&e->nudges, now_ms, v6_nudge, e);
	wheel_advance(&e->patience, now_ms, v6_late, e);
}

uint64_t v6_engine_next_ms(struct v6_engine *e)
{
	uint64_t a = wheel_next_ms(&e->ends), b = wheel_next_ms(&e->nudges);
	uint64_t c = wheel_next_ms(&e->patience), least = a < b ? a : b;
	return c < least ? c : least;
}

/* --- rows of the store --- */

static enum err learn_holder(struct v6_engine *e, struct v6_record *r,
			     const struct v6_lease_view *l)
{
	if (l->duid.len < DHCP6_DUID_LEN_MIN) {
		v6_holder_drop(e, r);
		return OK;
	}
	struct v6_holder *h = v6_holder_get(e, l->duid);
	if (!h)
		return ERR_LIMIT;
	if (r->holder != h) {
		v6_holder_drop(e, r);
		v6_holder_take(h, r);
	}
	struct writer w = writer_of(h->mac, sizeof(h->mac));
	write_span(&w, l->mac);
	h->mac_len = w.bad ? 0 : (uint8_t)l->mac.len;
	return OK;
}

static enum err learn_row(struct v6_engine *e, struct v6_record *r, const struct v6_lease_view *l)
{
	r->kind = (uint8_t)l->kind;
	r->iaid = l->iaid;
	r->granted_s = l->granted_s;
	r->preferred_s = l->preferred_s;
	r->fqdn_flags = l->fqdn_flags;
	r->names = l->names;
	TRY(learn_holder(e, r, l));
	v6_record_set_name(e, r, l->name);
	v6_record_set_state(e, r, l->state);
	if (l->state == V6_LEASE_ENDED)
		r->expires_s = l->expires_s;
	else
		v6_record_set_end(e, r, l->expires_s); /* what is over ends in the next turn */
	return OK;
}

/* Somebody has taken the row away. */
static void unlearn(struct v6_engine *e, struct v6_record *r)
{
	if (r && !r->busy) {
		v6_record_free(e, r);
	} else if (r) { /* what is under way will meet it */
		v6_record_set_state(e, r, V6_LEASE_PENDING);
		r->version = 0;
	}
}

enum err v6_engine_learn(struct v6_engine *e, uint64_t now_ms, struct span key, struct span value,
			 uint64_t version)
{
	struct v6_lease_view l = {0};
	struct ip_prefix p = {.address = {.family = 6}};
	(void)now_ms;
	if (value.len) {
		TRY(v6_lease_read(key, value, &l));
		p = l.prefix;
	} else {
		struct reader r = reader_of_span(key);
		reader_skip(&r, 1);
		read_bytes(&r, p.address.bytes, 16);
		p.bits = read_u8(&r);
		TRY(reader_end(&r));
	}
	struct v6_record *r = v6_record_find(e, &p);
	if (r && version && r->version >= version)
		return OK; /* old news, or our own */
	if (value.len == 0) {
		unlearn(e, r);
		return OK;
	}
	r = r ? r : v6_record_new(e, &p);
	if (!r)
		return ERR_LIMIT;
	r->version = version;
	enum err err = learn_row(e, r, &l);
	if (err)
		unlearn(e, r);
	return err;
}

void v6_engine_set_naming(struct v6_engine *e, const struct dhcp_naming *naming)
{
	e->naming = *naming;
}

void v6_engine_named(struct v6_engine *e, const struct ip_prefix *lease, uint8_t names)
{
	struct v6_record *r = v6_record_find(e, lease);
	if (r)
		r->names = names;
}

/* --- for the control socket --- */

bool v6_engine_lease(struct v6_engine *e, const struct ip_prefix *lease, struct v6_lease_view *ret)
{
	const struct v6_record *r = v6_record_find(e, lease);
	if (r)
		v6_record_view(r, ret);
	return r != NULL;
}

bool v6_engine_lease_next(struct v6_engine *e, size_t *at, struct v6_lease_view *ret)
{
	const struct v6_record *r = table_next(&e->by_lease, at);
	if (r)
		v6_record_view(r, ret);
	return r != NULL;
}

bool v6_engine_pool_use(struct v6_engine *e, size_t nth, struct v6_pool_use *ret)
{
	return nth < e->pools_n && v6_pool_at(e, (uint32_t)nth, ret);
}

void v6_engine_counts(const struct v6_engine *e, struct v6_counts *ret)
{
	*ret = e->counts;
}
