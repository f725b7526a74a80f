/* What becomes of each IA of a message (RFC 8415 18.3.1 to 18.3.8). */
#include "service/dhcp/v6_inner.h"

static const char *const no_address = "no address is free";
static const char *const no_prefix = "no prefix is free";

static void say(struct v6_answer *a, uint16_t status, const char *text)
{
	a->has_status = true;
	a->status = status;
	a->text = text;
}

static void say_nothing_free(struct v6_exchange *x, struct v6_answer *a)
{
	if (a->ia.kind == DHCP6_IA_PD)
		say(a, DHCP6_NO_PREFIX_AVAIL, no_prefix);
	else
		say(a, DHCP6_NO_ADDRS_AVAIL, no_address);
	if (!x->cause)
		x->cause = V6_CAUSE_NO_LEASE;
	x->refuses = true;
}

static void say_no_binding(struct v6_exchange *x, struct v6_answer *a)
{
	say(a, DHCP6_NO_BINDING, "this server knows nothing of it");
	x->refuses = true;
}

static bool is_of(const struct v6_exchange *x, const struct dhcp6_ia *ia, const struct v6_record *r)
{
	return r && r->holder && r->holder == x->holder && r->kind == (uint8_t)ia->kind &&
	       r->iaid == ia->iaid && r->state == V6_LEASE_BOUND;
}

static bool has_binding(const struct v6_exchange *x, const struct dhcp6_ia *ia)
{
	for (const struct v6_record *r = x->holder ? x->holder->leases : NULL; r;
	     r = r->next_of_holder)
		if (is_of(x, ia, r))
			return true;
	return false;
}

static bool is_listed(const struct v6_answer *a, const struct ip_prefix *p)
{
	for (size_t i = 0; i < a->leases_n; i++)
		if (ip_prefix_equal(&a->leases[i].prefix, p))
			return true;
	return false;
}

static void list(struct v6_answer *a, const struct dhcp6_lease *l)
{
	if (a->leases_n < V6_IA_LEASES_MAX && !is_listed(a, &l->prefix))
		a->leases[a->leases_n++] = *l;
}

/* RFC 8415 18.3.4: "the server returns the address to the client with lifetimes of 0". */
static void list_over(struct v6_answer *a, const struct ip_prefix *p)
{
	struct dhcp6_lease over = {.prefix = *p};
	list(a, &over);
}

/* False: x->cause is set and the whole message waits. */
static bool change(struct v6_exchange *x, enum v6_change_kind kind, struct v6_record *r,
		   const struct dhcp6_lease *l)
{
	if (r->busy || x->changes_n == V6_CHANGES_MAX) {
		x->cause = V6_CAUSE_BUSY;
		return false;
	}
	struct v6_change *c = &x->changes[x->changes_n++];
	*c = (struct v6_change){
		.kind = kind, .record = r, .granted_s = (uint32_t)(x->now_ms / 1000)};
	if (kind == V6_GRANT || kind == V6_RENEW) {
		c->preferred_s = l->preferred_s;
		c->expires_s = l->valid_s >= V6_NEVER - x->now_s ? V6_NEVER : x->now_s + l->valid_s;
		if (kind == V6_RENEW)
			c->granted_s = r->granted_s;
	} else if (kind == V6_DECLINE) {
		c->expires_s = x->now_s + x->network->decline_s;
	} else {
		c->expires_s = (uint32_t)(x->now_ms / 1000);
	}
	return true;
}

static void note_times(struct v6_exchange *x, struct v6_answer *a, const struct dhcp6_lease *l)
{
	a->granted = true;
	if (l->preferred_s < x->shortest_s)
		x->shortest_s = l->preferred_s;
}

/* RFC 6603 4.1: only for who asks for it. */
static void exclude(const struct v6_exchange *x, struct dhcp6_lease *l)
{
	const struct v6_pool *pool = v6_link_pool_of(x->network, &l->prefix);
	if (pool && pool->exclude_bits > l->prefix.bits &&
	    dhcp6_oro_has(x->m.oro, DHCP6_OPT_PD_EXCLUDE))
		l->excluded = ip_prefix_of(&l->prefix.address, pool->exclude_bits);
}

/* New leases of a link in this second. */
static bool is_too_fast(struct v6_exchange *x)
{
	struct v6_rate *rate = &x->engine->rates[x->network->index];
	if (!x->network->per_second)
		return false;
	if (rate->second != x->now_ms / 1000)
		*rate = (struct v6_rate){.second = x->now_ms / 1000};
	return rate->n++ >= x->network->per_second;
}

static bool is_greedy(const struct v6_exchange *x)
{
	size_t has = x->holder ? x->holder->leases_n : 0;
	return has + x->changes_n >= v6_site_leases_per_client(x->engine->site);
}

/* A record for the lease that was chosen, PENDING unless it is remembered from before. */
static struct v6_record *record_for(struct v6_exchange *x, const struct ip_prefix *p)
{
	struct v6_record *r = v6_record_find(x->engine, p);
	return r ? r : v6_record_new(x->engine, p);
}

/* A lease that the IA had not. False: the message waits. */
static bool grant(struct v6_exchange *x, struct v6_answer *a)
{
	struct dhcp6_lease l;
	struct v6_record *r;
	if (is_greedy(x)) {
		x->cause = V6_CAUSE_CLIENT;
		say_nothing_free(x, a);
		return true;
	}
	if (!v6_choose(x, &a->ia, &l)) {
		say_nothing_free(x, a);
		return true;
	}
	exclude(x, &l);
	if (x->commit) {
		if (is_too_fast(x)) {
			x->cause = V6_CAUSE_RATE;
			return false;
		}
		r = record_for(x, &l.prefix);
		if (!r || !change(x, V6_GRANT, r, &l)) {
			x->cause = V6_CAUSE_BUSY;
			return false;
		}
	}
	list(a, &l);
	note_times(x, a, &l);
	return true;
}

/* A lease that it has, for longer: and while the store is busy with it, for what is left. */
static bool extend(struct v6_exchange *x, struct v6_answer *a, struct v6_record *r)
{
	struct ip_prefix p = v6_record_prefix(r);
	struct dhcp6_lease l = {.prefix = p};
	const struct v6_network *n = x->network;
	for (size_t i = 0; p.bits == 128 && i < x->network->link_n; i++)
		if (ip_prefix_contains(&x->network->link[i]->subnet, &p.address))
			n = x->network->link[i];
	struct v6_times times = v6_site_times(x->engine->site, n, x->client.classes);
	l.preferred_s = times.preferred_s;
	l.valid_s = times.valid_s;
	bool from_memory = x->without_store && r->busy;
	if (from_memory && r->expires_s != V6_NEVER) {
		uint32_t left_s = r->expires_s - x->now_s;
		l.valid_s = l.valid_s < left_s ? l.valid_s : left_s;
		l.preferred_s = l.preferred_s < left_s ? l.preferred_s : left_s;
	}
	exclude(x, &l);
	if (x->commit && !from_memory && !change(x, V6_RENEW, r, &l))
		return false;
	list(a, &l);
	note_times(x, a, &l);
	return true;
}

/* All leases that the IA has and may keep; the others end. may_move: one that is reserved for it
 * takes their place. */
static bool keep(struct v6_exchange *x, struct v6_answer *a, bool may_move, bool *ret_any)
{
	*ret_any = false;
	may_move = may_move && !x->without_store;
	for (struct v6_record *r = x->holder ? x->holder->leases : NULL; r; r = r->next_of_holder) {
		struct ip_prefix p = v6_record_prefix(r);
		if (x->commit && !x->without_store && r->busy && r->kind == (uint8_t)a->ia.kind &&
		    r->iaid == a->ia.iaid) {
			x->cause = V6_CAUSE_BUSY; /* a retransmission of what is under way */
			return false;
		}
		if (!is_of(x, &a->ia, r) || (x->without_store && r->expires_s <= x->now_s))
			continue;
		if (v6_admits(x, &a->ia, &p) && !(may_move && v6_moves(x, &a->ia, &p))) {
			*ret_any = true;
			if (a->leases_n < V6_IA_LEASES_MAX && !extend(x, a, r))
				return false;
		} else if (x->commit && !x->without_store) {
			list_over(a, &p);
			if (!change(x, V6_RELEASE, r, NULL))
				return false;
		}
	}
	return true;
}

/* What the client believes to have in this IA, and has not. */
static void deny_others(struct v6_exchange *x, struct v6_answer *a, bool only_off_link)
{
	struct reader r = reader_of_span(a->ia.options);
	struct dhcp6_lease l;
	while (dhcp6_lease_next(&r, a->ia.kind, &l)) {
		if (ip_address_is_unspecified(&l.prefix.address) || is_listed(a, &l.prefix))
			continue;
		if (!only_off_link || !v6_link_has(x->network, &l.prefix))
			list_over(a, &l.prefix);
	}
}

/* --- each type of message --- */

/* RFC 8415 18.3.2: "If any of the prefixes of the included addresses are not appropriate for the
 * link …, the server MUST return the IA to the client with a Status Code option with the value
 * NotOnLink". */
static bool is_off_link(const struct v6_exchange *x, const struct dhcp6_ia *ia)
{
	struct reader r = reader_of_span(ia->options);
	struct dhcp6_lease l;
	while (ia->kind != DHCP6_IA_PD && dhcp6_lease_next(&r, ia->kind, &l))
		if (!ip_address_is_unspecified(&l.prefix.address) &&
		    !v6_link_has(x->network, &l.prefix))
			return true;
	return false;
}

static bool bind_request(struct v6_exchange *x, struct v6_answer *a)
{
	bool any;
	if (x->m.type == DHCP6_REQUEST && is_off_link(x, &a->ia)) {
		say(a, DHCP6_NOT_ON_LINK, "not an address of this link");
		return true;
	}
	if (!keep(x, a, true, &any))
		return false;
	return any || grant(x, a);
}

static bool bind_renew(struct v6_exchange *x, struct v6_answer *a)
{
	bool rebind = x->m.type == DHCP6_REBIND, any;
	/* RFC 8415 18.3.5: "the server SHOULD only create new bindings during processing of a
	 * Rebind message if the server is configured to respond with a Reply message to a Solicit
	 * message containing the Rapid Commit option". */
	bool create = rebind ? x->network->rapid_commit : x->network->create_on_renew;
	bool known = has_binding(x, &a->ia);
	if (!keep(x, a, create, &any))
		return false;
	if (!any && create && !x->without_store) {
		if (!grant(x, a))
			return false;
		deny_others(x, a, false);
		return true;
	}
	deny_others(x, a, !known || x->without_store);
	if (any || a->leases_n)
		return true;
	if (x->without_store)
		x->answers_n--; /* another server may have given it: nothing is said of this IA */
	else
		say_no_binding(x, a);
	return true;
}

static bool bind_end(struct v6_exchange *x, struct v6_answer *a)
{
	enum v6_change_kind kind = x->m.type == DHCP6_DECLINE ? V6_DECLINE : V6_RELEASE;
	struct reader r = reader_of_span(a->ia.options);
	struct dhcp6_lease l;
	if (!has_binding(x, &a->ia)) {
		say_no_binding(x, a);
		return true;
	}
	/* RFC 8415 18.3.7: "The server ignores leases not assigned to the IAs". */
	while (dhcp6_lease_next(&r, a->ia.kind, &l)) {
		struct v6_record *record = v6_record_find(x->engine, &l.prefix);
		bool twice = false;
		for (size_t i = 0; i < x->changes_n; i++)
			twice = twice || x->changes[i].record == record;
		if (is_of(x, &a->ia, record) && !twice && !change(x, kind, record, NULL))
			return false;
	}
	x->answers_n--; /* nothing is said of an IA that was known */
	return true;
}

/* RFC 8415 18.3.3. */
static bool bind_confirm(struct v6_exchange *x)
{
	unsigned addresses = 0;
	bool off_link = false;
	for (unsigned i = 0; i < x->m.ias_n; i++) {
		struct dhcp6_ia ia;
		struct dhcp6_lease l;
		if (dhcp6_ia_read(&x->m.ias[i], &ia) != OK || ia.kind == DHCP6_IA_PD)
			continue;
		struct reader r = reader_of_span(ia.options);
		for (; dhcp6_lease_next(&r, ia.kind, &l); addresses++)
			off_link = off_link || !v6_link_has(x->network, &l.prefix);
	}
	if (!addresses) {
		x->cause = V6_CAUSE_NOTHING;
		return false;
	}
	x->has_status = true;
	x->status = off_link ? DHCP6_NOT_ON_LINK : DHCP6_SUCCESS;
	x->status_text = off_link ? "not all addresses are of this link" : "";
	return true;
}

static bool bind_one(struct v6_exchange *x, struct v6_answer *a)
{
	switch (x->m.type) {
	case DHCP6_SOLICIT:
	case DHCP6_REQUEST: return bind_request(x, a);
	case DHCP6_RENEW:
	case DHCP6_REBIND: return bind_renew(x, a);
	default: return bind_end(x, a);
	}
}

/* "each must have a unique IAID" (RFC 8415 21.4): the first counts. */
static bool is_repeated(const struct v6_exchange *x, const struct dhcp6_ia *ia)
{
	for (size_t i = 0; i < x->answers_n; i++)
		if (x->answers[i].ia.kind == ia->kind && x->answers[i].ia.iaid == ia->iaid)
			return true;
	return false;
}

static bool is_answered(const struct v6_exchange *x)
{
	for (size_t i = 0; i < x->answers_n; i++)
		if (x->answers[i].leases_n || x->answers[i].has_status)
			return true;
	return x->answers_n == 0;
}

bool v6_bind(struct v6_exchange *x)
{
	x->shortest_s = DHCP6_INFINITY;
	if (x->m.type == DHCP6_CONFIRM)
		return bind_confirm(x);
	for (unsigned i = 0; i < x->m.ias_n; i++) {
		struct v6_answer *a = &x->answers[x->answers_n];
		struct dhcp6_ia ia;
		if (dhcp6_ia_read(&x->m.ias[i], &ia) != OK || is_repeated(x, &ia))
			continue;
		/* RFC 8415 18.2.8: "The Decline message is not used in prefix delegation". */
		if (x->m.type == DHCP6_DECLINE && ia.kind == DHCP6_IA_PD)
			continue;
		*a = (struct v6_answer){.ia = ia};
		x->answers_n++;
		if (!bind_one(x, a))
			return false;
	}
	if (x->m.type == DHCP6_RELEASE || x->m.type == DHCP6_DECLINE) {
		x->has_status = true;
		x->status = DHCP6_SUCCESS;
		x->status_text = "";
	} else if (x->without_store && x->answers_n == 0) {
		x->cause = V6_CAUSE_STORE;
		return false;
	} else if (!is_answered(x)) {
		x->cause = V6_CAUSE_NOTHING;
		return false;
	}
	return true;
}
