#include "names/names.h"

#include "base/slab.h"
#include "base/table.h"
#include "names/names_inner.h"

#include <stdlib.h>

#define MESSAGE_MAX  4096 /* an UPDATE here has a few records */
#define ANSWER_MS    1500
#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 300000
#define TRIES_MAX    40 /* some three hours: the lease is renewed, or ends, before */
#define ROUNDS_MAX   4	/* from 5.3.1 to 5.3.2 and back, when the name comes and goes meanwhile */

struct names {
	const struct names_conf *conf; /* borrowed */
	struct names_effects effects;
	struct slab entries;
	struct table by_address;
	struct names_entry *queue, *last; /* as they came */
	struct names_flight flights[NAMES_AT_ONCE_MAX];
	size_t at_once, out;
	size_t queue_max;
	struct hash_key key;
	uint64_t ids;	 /* message ids made so far */
	uint64_t due_ms; /* no entry that waits is due before; UINT64_MAX: none waits */
	struct names_counts counts;
};

static bool is_of_address(const void *record, const void *key, size_t key_len)
{
	const struct names_entry *e = record;

	return span_equal(ip_address_span(&e->address), span_of(key, key_len));
}

enum err names_new(const struct names_conf *conf, const struct names_limits *limits,
		   const struct names_effects *effects, struct hash_key key, struct names **ret)
{
	struct names *n = calloc(1, sizeof(*n));

	if (!n)
		return ENOMEM;
	ASSERT(limits->at_once >= 1 && limits->at_once <= NAMES_AT_ONCE_MAX);
	n->conf = conf;
	n->effects = *effects;
	n->key = key;
	n->at_once = limits->at_once;
	n->queue_max = limits->queue;
	n->due_ms = UINT64_MAX;
	slab_init(&n->entries, sizeof(struct names_entry), limits->queue);
	table_init(&n->by_address, key, limits->queue, is_of_address);
	*ret = n;
	return OK;
}

void names_free(struct names *n)
{
	if (!n)
		return;
	table_done(&n->by_address);
	slab_done(&n->entries);
	free(n);
}

/* --- what is told --- */

const char *names_event_text(enum names_event_kind kind)
{
	static const char *const texts[] = {[NAMES_EVENT_ADDED] = "name-added",
					    [NAMES_EVENT_REMOVED] = "name-removed",
					    [NAMES_EVENT_CONFLICT] = "name-conflict",
					    [NAMES_EVENT_FAILED] = "name-failed",
					    [NAMES_EVENT_GIVEN_UP] = "name-given-up"};
	return texts[kind];
}

const char *names_cause_text(uint16_t rcode, char buf[DNS_CODE_TEXT_MAX])
{
	if (rcode == NAMES_NO_ANSWER)
		return "no answer";
	/* As the error of a TSIG, 16 is not BADVERS (RFC 8945 3). */
	return rcode == DNS_RCODE_BADVERS ? "BADSIG" : dns_rcode_format(rcode, buf);
}

/* --- entries --- */

static struct names_entry *entry_find(const struct names *n, const struct ip_address *a)
{
	struct span key = ip_address_span(a);

	return table_find(&n->by_address, table_hash(&n->by_address, key), key.data, key.len);
}

static struct names_entry *entry_new(struct names *n, const struct ip_address *a)
{
	struct names_entry *e = slab_take(&n->entries);
	struct span key = ip_address_span(a);

	if (!e ||
	    table_insert(&n->by_address, table_hash(&n->by_address, key), key.data, key.len, e)) {
		slab_give(&n->entries, e);
		n->counts.queue_full++;
		return NULL;
	}
	e->address = *a;
	e->previous = n->last;
	*(n->last ? &n->last->next : &n->queue) = e;
	n->last = e;
	return e;
}

static void entry_drop(struct names *n, struct names_entry *e)
{
	struct span key = ip_address_span(&e->address);

	(void)table_remove(&n->by_address, table_hash(&n->by_address, key), key.data, key.len);
	*(e->previous ? &e->previous->next : &n->queue) = e->next;
	*(e->next ? &e->next->previous : &n->last) = e->previous;
	slab_give(&n->entries, e);
}

static void land(struct names *n, struct names_entry *e)
{
	if (!e->flight)
		return;
	e->flight->entry = NULL;
	e->flight = NULL;
	n->out--;
}

static void tell(struct names *n, const struct names_entry *e, enum names_event_kind kind,
		 uint16_t rcode)
{
	const struct names_zone *z = names_zone_of(n->conf, e);
	struct dns_name name;

	names_full(n->conf, &e->have.label, &name);
	n->effects.event(n->effects.arg, &(struct names_event){.kind = kind,
							       .address = e->address,
							       .name = &name,
							       .server = z ? &z->server : NULL,
							       .rcode = rcode,
							       .tries = e->tries});
}

/* --- the plan: what to do next to come from `have` to `want` --- */

static bool is_same(const struct names_holder *a, const struct names_holder *b)
{
	return names_label_equal(&a->label, &b->label) && a->parts == b->parts &&
	       memcmp(a->dhcid, b->dhcid, sizeof(a->dhcid)) == 0;
}

static bool has_reverse(const struct names *n, struct names_entry *e)
{
	enum names_step was = e->step;

	e->step = NAMES_ADD_PTR;
	bool has = names_zone_of(n->conf, e) != NULL;
	e->step = was;
	return has;
}

static void finished(struct names *n, struct names_entry *e)
{
	struct ip_address address = e->address;
	uint8_t done = e->done;

	entry_drop(n, e);
	n->effects.done(n->effects.arg, &address, done);
}

static void be_due(struct names *n, struct names_entry *e, uint64_t at_ms)
{
	e->due_ms = at_ms;
	if (at_ms < n->due_ms)
		n->due_ms = at_ms;
}

static void begin_step(struct names *n, struct names_entry *e, enum names_step step,
		       uint64_t now_ms)
{
	e->step = step;
	be_due(n, e, now_ms);
}

static void reverse_next(struct names *n, struct names_entry *e, enum names_step step,
			 uint64_t now_ms);

/* The next undertaking, after one has ended. May free e. */
static void plan(struct names *n, struct names_entry *e, uint64_t now_ms)
{
	e->tries = e->rounds = 0;
	e->tcp = false;
	if (e->have.label.len && is_same(&e->have, &e->want)) {
		finished(n, e);
		return;
	}
	bool removing = e->have.label.len;
	if (!removing && !e->want.label.len) {
		finished(n, e);
		return;
	}
	if (!removing) {
		e->have = e->want;
		e->done = e->is_made ? NAMES_MADE : 0;
	}
	if (e->have.parts & NAMES_FORWARD)
		begin_step(n, e, removing ? NAMES_REMOVE : NAMES_ADD, now_ms);
	else
		reverse_next(n, e, removing ? NAMES_REMOVE_PTR : NAMES_ADD_PTR, now_ms);
}

/* The forward name is done with; the reverse one follows, when there is a zone for it. */
static void reverse_next(struct names *n, struct names_entry *e, enum names_step step,
			 uint64_t now_ms)
{
	if ((e->have.parts & NAMES_REVERSE) && has_reverse(n, e)) {
		e->tries = 0;
		e->tcp = false;
		begin_step(n, e, step, now_ms);
		return;
	}
	if (step == NAMES_REMOVE_PTR) {
		n->counts.removed++;
		tell(n, e, NAMES_EVENT_REMOVED, 0);
		e->have.label.len = 0;
		e->done = 0;
	} else {
		n->counts.added++;
		tell(n, e, NAMES_EVENT_ADDED, 0);
	}
	plan(n, e, now_ms);
}

/* Another holds the name: the one made from the address instead, once. */
static void conflict(struct names *n, struct names_entry *e, uint64_t now_ms)
{
	n->counts.conflicts++;
	tell(n, e, NAMES_EVENT_CONFLICT, 0);
	bool still_wanted = names_label_equal(&e->have.label, &e->want.label);
	e->have.label.len = 0;
	if (still_wanted && !e->is_made) {
		e->is_made = true;
		e->want.label = e->made;
		memcpy(e->want.dhcid, e->made_dhcid, sizeof(e->want.dhcid));
	} else if (still_wanted) {
		e->want.label.len = 0;
		e->done = 0;
	}
	plan(n, e, now_ms);
}

static void give_up(struct names *n, struct names_entry *e, uint64_t now_ms)
{
	n->counts.given_up++;
	tell(n, e, NAMES_EVENT_GIVEN_UP, 0);
	bool wanted = is_same(&e->have, &e->want);
	e->have.label.len = 0;
	if (wanted)
		e->want.label.len = 0; /* the next renewal tries again */
	plan(n, e, now_ms);
}

/* The server is away, or does not want: later. */
static void fail(struct names *n, struct names_entry *e, uint16_t rcode, uint64_t now_ms)
{
	uint64_t wait_ms = RETRY_MIN_MS;

	n->counts.failed++;
	e->tries++;
	tell(n, e, NAMES_EVENT_FAILED, rcode);
	if (e->tries >= TRIES_MAX) {
		give_up(n, e, now_ms);
		return;
	}
	for (unsigned i = 1; i < e->tries && wait_ms < RETRY_MAX_MS; i++)
		wait_ms *= 2;
	be_due(n, e, now_ms + (wait_ms < RETRY_MAX_MS ? wait_ms : RETRY_MAX_MS));
}

/* --- what an answer means for its step --- */

static bool is_prerequisite(unsigned rcode)
{
	return rcode == DNS_RCODE_NXDOMAIN || rcode == DNS_RCODE_YXDOMAIN ||
	       rcode == DNS_RCODE_NXRRSET || rcode == DNS_RCODE_YXRRSET;
}

static void added(struct names *n, struct names_entry *e, unsigned rcode, uint64_t now_ms)
{
	if (rcode == DNS_RCODE_NOERROR) {
		e->done |= NAMES_FORWARD;
		reverse_next(n, e, NAMES_ADD_PTR, now_ms);
	} else if (e->step == NAMES_ADD && rcode == DNS_RCODE_YXDOMAIN) {
		begin_step(n, e, NAMES_REPLACE, now_ms);
	} else if (e->step == NAMES_REPLACE && rcode == DNS_RCODE_NXDOMAIN &&
		   ++e->rounds < ROUNDS_MAX) {
		begin_step(n, e, NAMES_ADD, now_ms);
	} else if (e->step == NAMES_REPLACE && is_prerequisite(rcode)) {
		conflict(n, e, now_ms);
	} else {
		fail(n, e, (uint16_t)rcode, now_ms);
	}
}

static void removed(struct names *n, struct names_entry *e, unsigned rcode, uint64_t now_ms)
{
	if (rcode == DNS_RCODE_NOERROR && e->step == NAMES_REMOVE)
		begin_step(n, e, NAMES_REMOVE_DHCID, now_ms);
	else if (rcode == DNS_RCODE_NOERROR || is_prerequisite(rcode))
		/* Not ours, or the other family still has it: nothing more to take away. */
		reverse_next(n, e, NAMES_REMOVE_PTR, now_ms);
	else
		fail(n, e, (uint16_t)rcode, now_ms);
}

static void reversed(struct names *n, struct names_entry *e, unsigned rcode, uint64_t now_ms)
{
	bool removing = e->step == NAMES_REMOVE_PTR;

	if (rcode != DNS_RCODE_NOERROR && !(removing && is_prerequisite(rcode))) {
		fail(n, e, (uint16_t)rcode, now_ms);
		return;
	}
	if (!removing)
		e->done |= NAMES_REVERSE;
	n->counts.removed += removing;
	n->counts.added += !removing;
	tell(n, e, removing ? NAMES_EVENT_REMOVED : NAMES_EVENT_ADDED, 0);
	if (removing) {
		e->have.label.len = 0;
		e->done = 0;
	}
	plan(n, e, now_ms);
}

static void answered(struct names *n, struct names_entry *e, unsigned rcode, uint64_t now_ms)
{
	switch (e->step) {
	case NAMES_ADD:
	case NAMES_REPLACE: added(n, e, rcode, now_ms); break;
	case NAMES_REMOVE:
	case NAMES_REMOVE_DHCID: removed(n, e, rcode, now_ms); break;
	case NAMES_ADD_PTR:
	case NAMES_REMOVE_PTR: reversed(n, e, rcode, now_ms); break;
	case NAMES_IDLE: break;
	}
}

/* RFC 8945 5.4: by the same key, over our MAC. */
static bool is_proved(const struct names_flight *f, const struct dns_message *m, uint64_t now_s)
{
	struct dns_tsig t;

	if (!f->zone->key)
		return true;
	if (!m->tsig_at || dns_tsig_read(m->wire, m->tsig_at, &t) ||
	    !dns_name_equal(&t.key, &f->zone->key->name))
		return false;
	return dns_tsig_verify(m->wire, &t, f->zone->key,
			       &(struct dns_tsig_chain){.prior_mac = span_of(f->mac, f->mac_len)},
			       now_s) == DNS_TSIG_GOOD;
}

/* RFC 8945 3: the error in the TSIG says more than NOTAUTH. */
static uint16_t unproved_rcode(const struct dns_message *m)
{
	struct dns_tsig t;

	if (m->tsig_at && !dns_tsig_read(m->wire, m->tsig_at, &t) && t.error)
		return t.error;
	return (uint16_t)dns_message_rcode(m);
}

static struct names_flight *flight_of(struct names *n, const struct ip_endpoint *from, uint16_t id)
{
	for (size_t i = 0; i < n->at_once; i++) {
		struct names_flight *f = &n->flights[i];
		if (f->entry && f->id == id && ip_endpoint_equal(&f->zone->server, from))
			return f;
	}
	return NULL;
}

void names_answer(struct names *n, uint64_t now_ms, uint64_t now_s, const struct ip_endpoint *from,
		  struct span message)
{
	struct names_flight *f;
	struct dns_message m;

	if (dns_message_read(message, &m) || !(m.header.flags & DNS_FLAG_QR) ||
	    dns_header_opcode(&m.header) != DNS_OPCODE_UPDATE ||
	    !(f = flight_of(n, from, m.header.id))) {
		n->counts.forged++;
		return;
	}
	struct names_entry *e = f->entry;
	/* An error of the signature comes unsigned. A forger can send one, too: the wait for the
	 * right answer goes on, and what was said is told when none comes. */
	if (!is_proved(f, &m, now_s)) {
		n->counts.forged++;
		f->unproved = unproved_rcode(&m);
		return;
	}
	n->counts.answered++;
	land(n, e);
	if (m.header.flags & DNS_FLAG_TC && !e->tcp) {
		e->tcp = true;
		be_due(n, e, now_ms);
		return;
	}
	answered(n, e, dns_message_rcode(&m), now_ms);
}

/* --- sending --- */

static struct names_flight *flight_free(struct names *n)
{
	for (size_t i = 0; n->out < n->at_once && i < n->at_once; i++)
		if (!n->flights[i].entry)
			return &n->flights[i];
	return NULL;
}

/* No id is used twice at a time, and none can be foretold without the key. */
static uint16_t id_new(struct names *n)
{
	uint64_t count = n->ids++;

	return (uint16_t)siphash13_of(n->key, &count, sizeof(count));
}

static bool send_step(struct names *n, struct names_entry *e, uint64_t now_ms, uint64_t now_s)
{
	struct names_flight *f = flight_free(n);
	uint8_t buf[MESSAGE_MAX];

	if (!f)
		return false;
	f->zone = names_zone_of(n->conf, e);
	f->id = id_new(n);
	struct span m = names_message(n->conf, e, f->id, buf, sizeof(buf));
	size_t len = m.len;
	if (len && f->zone->key) {
		len = dns_tsig_sign(buf, len, sizeof(buf),
				    &(struct dns_tsig_sign){.key = f->zone->key, .time_s = now_s},
				    f->mac);
		f->mac_len = (uint8_t)crypto_hash_len(f->zone->key->algorithm);
	}
	f->unproved = NAMES_NO_ANSWER;
	f->entry = e;
	f->until_ms = now_ms + ANSWER_MS;
	e->flight = f;
	e->due_ms = UINT64_MAX;
	n->out++;
	n->counts.sent++;
	if (len)
		n->effects.send(n->effects.arg, &(struct names_send){.to = f->zone->server,
								     .tcp = e->tcp,
								     .message = span_of(buf, len)});
	return true;
}

void names_turn(struct names *n, uint64_t now_ms, uint64_t now_s)
{
	for (size_t i = 0; i < n->at_once; i++) {
		struct names_entry *e = n->flights[i].entry;
		if (!e || n->flights[i].until_ms > now_ms)
			continue;
		land(n, e);
		fail(n, e, n->flights[i].unproved, now_ms);
	}
	if (n->due_ms > now_ms || n->out == n->at_once)
		return;
	/* A long queue is walked only when something in it is due. */
	uint64_t due_ms = UINT64_MAX;
	struct names_entry *e = n->queue;
	for (struct names_entry *next; e; e = next) {
		next = e->next;
		if (!e->flight && e->due_ms <= now_ms && !send_step(n, e, now_ms, now_s))
			break;
		if (!e->flight && e->due_ms < due_ms)
			due_ms = e->due_ms;
	}
	n->due_ms = e ? now_ms : due_ms;
}

uint64_t names_next_ms(const struct names *n)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < n->at_once; i++)
		if (n->flights[i].entry && n->flights[i].until_ms < next)
			next = n->flights[i].until_ms;
	if (n->out == n->at_once)
		return next; /* the others wait for a place */
	return n->due_ms < next ? n->due_ms : next;
}

void names_set_conf(struct names *n, const struct names_conf *conf)
{
	n->conf = conf;
	for (struct names_entry *e = n->queue, *next; e; e = next) {
		next = e->next;
		land(n, e);
		be_due(n, e, 0);
		if (!names_zone_of(conf, e))
			give_up(n, e, 0);
	}
}

/* --- leases --- */

static void want(struct names *n, struct names_entry *e, const struct names_lease *l,
		 const struct names_holder *h, uint64_t now_ms)
{
	bool is_new = e->step == NAMES_IDLE;

	e->want = *h;
	e->is_made = false;
	e->made = names_label_of_address(&l->address);
	names_dhcid_of(n->conf, l, &e->made, e->made_dhcid);
	if (is_new)
		plan(n, e, now_ms);
}

void names_granted(struct names *n, uint64_t now_ms, const struct names_lease *l)
{
	struct names_entry *e = entry_find(n, &l->address);
	struct names_holder h = names_holder_of(n->conf, l, false);
	uint8_t there = l->names & (NAMES_FORWARD | NAMES_REVERSE);

	if (!e) {
		/* In the DNS as it should be; where no zone is for it, the reverse never is. */
		struct names_entry probe = {.address = l->address};
		uint8_t wanted = has_reverse(n, &probe) ? h.parts : h.parts & NAMES_FORWARD;
		if (h.label.len == 0 || (there & wanted) == wanted)
			return;
		e = entry_new(n, &l->address);
		if (!e)
			return;
	}
	want(n, e, l, &h, now_ms);
}

void names_ended(struct names *n, uint64_t now_ms, const struct names_lease *l)
{
	struct names_entry *e = entry_find(n, &l->address);
	static const struct names_holder none;

	if (!e && !(l->names & (NAMES_FORWARD | NAMES_REVERSE)))
		return;
	if (!e) {
		e = entry_new(n, &l->address);
		if (!e)
			return;
		e->have = names_holder_of(n->conf, l, l->names & NAMES_MADE);
		e->have.parts = l->names & (NAMES_FORWARD | NAMES_REVERSE);
	}
	want(n, e, l, &none, now_ms);
}

size_t names_room(const struct names *n)
{
	return n->queue_max - slab_used(&n->entries);
}

void names_count(const struct names *n, struct names_counts *ret)
{
	*ret = n->counts;
	ret->waiting = slab_used(&n->entries);
}
