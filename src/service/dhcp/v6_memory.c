/* Answers that wait for the store say no more than the rows of their leases, whichever those are
 * when they leave:
 *
 * - A renewal that the store refuses, fails or keeps waiting is answered all the same, for what is
 *   left of its row: after a crash, and to every other server, the row is all there is.
 * - A store that took seconds took them from the lease: clients count from when they hear of it.
 *
 * Renewed so is who says that it has the lease (Renew, Rebind), not who asks for it back (Request):
 * that client may have released it to another server, which has given it away. */
#include "service/dhcp/v6_inner.h"

struct limit {
	const struct v6_engine *engine;
	struct v6_wait *wait;
	uint32_t now_s, shortest_s;
	struct span client;
	bool write; /* else it is only looked at */
};

static void set_u32(struct v6_wait *wait, const uint8_t *at, uint32_t value)
{
	struct writer w = writer_of(wait->message + (at - wait->message), sizeof(value));
	write_u32(&w, value);
}

static bool is_held(const struct limit *l, const struct dhcp6_ia *ia, const struct v6_record *r)
{
	return r && r->state == V6_LEASE_BOUND && r->version && r->expires_s > l->now_s &&
	       r->kind == (uint8_t)ia->kind && r->iaid == ia->iaid && r->holder &&
	       span_equal(span_of(r->holder->duid, r->holder->duid_len), l->client);
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static bool limit_lease(struct limit *l, const struct dhcp6_ia *ia, const struct dhcp6_option *o)
{
	bool is_prefix = o->code == DHCP6_OPT_IAPREFIX;
	struct ip_prefix p = {.address = {.family = 6}, .bits = 128};
	struct reader r = reader_of_span(o->body);
	if (!is_prefix && o->code != DHCP6_OPT_IAADDR)
		return true;
	if (!is_prefix)
		read_bytes(&r, p.address.bytes, 16);
	const uint8_t *at = r.data + r.pos;
	uint32_t preferred_s = read_u32(&r), valid_s = read_u32(&r);
	if (is_prefix) {
		p.bits = read_u8(&r);
		read_bytes(&r, p.address.bytes, 16);
	}
	if (valid_s == 0)
		return true; /* that it is over is what it was told */
	const struct v6_record *record = v6_record_find(l->engine, &p);
	if (!is_held(l, ia, record))
		return false;
	if (record->expires_s != V6_NEVER)
		valid_s = least(valid_s, record->expires_s - l->now_s);
	preferred_s = least(preferred_s, valid_s);
	l->shortest_s = least(l->shortest_s, preferred_s);
	if (l->write) {
		set_u32(l->wait, at, preferred_s);
		set_u32(l->wait, at + 4, valid_s);
	}
	return true;
}

static bool limit_leases(struct limit *l, const struct dhcp6_message *m)
{
	for (unsigned i = 0; i < m->ias_n; i++) {
		struct dhcp6_ia ia;
		struct dhcp6_option o;
		if (dhcp6_ia_read(&m->ias[i], &ia) != OK)
			return false;
		struct reader r = reader_of_span(ia.options);
		while (dhcp6_option_next(&r, &o))
			if (!limit_lease(l, &ia, &o))
				return false;
	}
	return true;
}

/* RFC 8415 18.3.2: the same T1 and T2 in all IAs; they stand behind the IAID. */
static void limit_times(const struct limit *l, const struct dhcp6_message *m)
{
	for (unsigned i = 0; i < m->ias_n && l->shortest_s != DHCP6_INFINITY; i++) {
		struct dhcp6_ia ia;
		const uint8_t *at = m->ias[i].body.data + 4;
		if (dhcp6_ia_read(&m->ias[i], &ia) != OK || !ia.t2_s)
			continue;
		set_u32(l->wait, at, least(ia.t1_s, l->shortest_s / 2));
		set_u32(l->wait, at + 4,
			least(ia.t2_s, (uint32_t)((uint64_t)l->shortest_s * 4 / 5)));
	}
}

bool v6_memory_limit(const struct v6_engine *e, uint64_t now_ms, struct v6_wait *wait)
{
	struct span message = span_of(wait->message, wait->len);
	struct dhcp6_relay relay;
	struct dhcp6_message m;
	while (dhcp6_relay_read(message, &relay) == OK)
		message = relay.message;
	if (dhcp6_message_read(message, &m) != OK)
		return false;
	struct limit l = {.engine = e,
			  .wait = wait,
			  .now_s = v6_now_up_s(now_ms),
			  .shortest_s = DHCP6_INFINITY,
			  .client = m.client_id};
	if (!limit_leases(&l, &m))
		return false;
	l.write = true;
	(void)limit_leases(&l, &m); /* as it said the first time */
	limit_times(&l, &m);
	return true;
}
