#include "service/dhcp/client_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void on_send(void *arg, const struct dhcp_send *s)
{
	struct try *t = arg;
	assert_true(t->sent_n < TRY_SENT);
	struct try_sent *x = &t->sent[t->sent_n++];
	x->how = *s;
	x->len = s->message.len;
	memcpy(x->bytes, s->message.data, x->len);
	x->how.message = span_of(x->bytes, x->len);
	assert_int_equal(dhcp_message_read(x->how.message, &x->m), OK);
	assert_int_equal(x->m.head.op, DHCP_OP_REPLY);
}

static enum err on_store(void *arg, const struct dhcp_store *s)
{
	struct try *t = arg;
	if (t->full)
		return ERR_LIMIT;
	assert_true(t->pending_n < TRY_STORES);
	assert_int_equal(s->key.len, DHCP_LEASE_KEY_LEN);
	struct try_row *r = &t->pending[t->pending_n++];
	*r = (struct try_row){.token = s->token, .expected = s->expected, .len = s->value.len};
	memcpy(r->key, s->key.data, s->key.len);
	memcpy(r->value, s->value.data, s->value.len);
	return OK;
}

static void on_probe(void *arg, const struct dhcp_probe *p)
{
	struct try *t = arg;
	t->probe = *p;
	t->probes_n++;
}

static void on_name(void *arg, enum dhcp_name_change change, const struct dhcp_lease *l,
		    const struct dhcp_network *n)
{
	struct try *t = arg;
	assert_non_null(n);
	t->name.change = change;
	t->name.address = l->address;
	assert_true(span_to_cstr(l->name, t->name.name, sizeof(t->name.name)));
	t->names_n++;
}

static void on_event(void *arg, const struct dhcp_event *e)
{
	struct try *t = arg;
	t->events[t->events_n++ % TRY_EVENTS] = *e;
}

void try_init(struct try *t)
{
	memset(t, 0, sizeof(*t));
	t->now_ms = 1800000000000;
	t->limits = (struct dhcp_limits){.leases = 1000, .waiting = 16};
	t->effects = (struct dhcp_effects){.arg = t,
					   .send = on_send,
					   .store = on_store,
					   .probe = on_probe,
					   .name = on_name,
					   .event = on_event};
	t->site = site_fake_new();
	struct dhcp_network *a = site_fake_network(t->site, NET_A, 24);
	site_fake_pool(t->site, a, NET_A + 100, NET_A + 103, DHCP_AUTOMATIC);
	struct dhcp_network *b = site_fake_network(t->site, NET_B, 16);
	site_fake_pool(t->site, b, NET_B + 100, NET_B + 199, DHCP_DYNAMIC);
}

void try_start(struct try *t)
{
	const struct hash_key key = {7, t->last_version + 1};
	const struct dhcp_link link = {
		.ifindex = TRY_IFINDEX, .name = "lan", .address = SERVER, .bits = 24};
	assert_int_equal(dhcp_engine_new(t->site, &t->limits, &t->effects, key, &t->engine), OK);
	dhcp_engine_set_links(t->engine, &link, 1);
}

void try_restart(struct try *t)
{
	dhcp_engine_free(t->engine);
	t->pending_n = 0;
	try_start(t);
	for (size_t i = 0; i < t->rows_n; i++)
		if (t->rows[i].len)
			assert_int_equal(
				dhcp_engine_learn(t->engine, t->now_ms, span_of(t->rows[i].key, 5),
						  span_of(t->rows[i].value, t->rows[i].len),
						  t->rows[i].version),
				OK);
	try_wait_ms(t, 0);
}

void try_done(struct try *t)
{
	dhcp_engine_free(t->engine);
	assert_int_equal(t->site->refs, 1); /* what waited has let go of it */
	dhcp_site_unref(t->site);
}

static void add(struct dhcp_build *b, uint8_t code, struct span value)
{
	if (value.len)
		dhcp_build_option(b, code, value);
}

static void add_u32(struct dhcp_build *b, uint8_t code, uint32_t value)
{
	if (value)
		dhcp_build_u32(b, code, value);
}

size_t try_write(const struct ask *a, uint8_t *buf, size_t size)
{
	struct dhcp_head head = {.op = DHCP_OP_REQUEST,
				 .htype = a->htype ? a->htype : DHCP_HTYPE_ETHERNET,
				 .hlen = a->hlen ? a->hlen : 6,
				 .xid = a->xid,
				 .secs = a->secs,
				 .flags = a->flags,
				 .ciaddr = a->ciaddr,
				 .giaddr = a->giaddr,
				 .chaddr = {2, 0, 0, 0, 0, a->mac}};
	struct dhcp_build_rules rules = {.size_max = size, .relay = a->relay};
	struct dhcp_build b;
	dhcp_build_init(&b, buf, size, &head, &rules);
	if (a->type)
		dhcp_build_u8(&b, DHCP_OPT_MESSAGE_TYPE, (uint8_t)a->type);
	add(&b, DHCP_OPT_CLIENT_IDENTIFIER, a->client_id);
	add(&b, DHCP_OPT_PARAMETER_REQUEST_LIST, a->prl);
	add(&b, DHCP_OPT_VENDOR_CLASS, a->vendor_class);
	add(&b, DHCP_OPT_HOST_NAME, a->host_name);
	add(&b, DHCP_OPT_CLIENT_FQDN, a->fqdn);
	add_u32(&b, DHCP_OPT_REQUESTED_ADDRESS, a->requested);
	add_u32(&b, DHCP_OPT_SERVER_IDENTIFIER, a->server_id);
	add_u32(&b, DHCP_OPT_LEASE_TIME, a->lease_s);
	add_u32(&b, DHCP_OPT_SUBNET_SELECTION, a->subnet_selection);
	if (a->size_max)
		dhcp_build_u16(&b, DHCP_OPT_MAX_MESSAGE_SIZE, a->size_max);
	if (a->rapid)
		dhcp_build_option(&b, DHCP_OPT_RAPID_COMMIT, (struct span){0});
	if (a->nonce)
		dhcp_build_u8(&b, DHCP_OPT_FORCERENEW_NONCE_CAPABLE, 1);
	struct span message;
	if (dhcp_build_finish(&b, &message) != OK)
		abort();
	return message.len;
}

void try_say(struct try *t, struct ask a)
{
	uint8_t buf[1472];
	size_t len = try_write(&a, buf, sizeof(buf));
	struct dhcp_arrival arrival = {.ifindex = a.ifindex ? a.ifindex : TRY_IFINDEX,
				       .from = a.from	  ? a.from
					       : a.giaddr ? a.giaddr
							  : a.ciaddr,
				       .to = a.to	? a.to
					     : a.giaddr ? SERVER
							: BROADCAST,
				       .from_port = a.giaddr ? 67 : 68};
	dhcp_engine_receive(t->engine, t->now_ms, &arrival, span_of(buf, len));
}

static struct try_row *row_of(struct try *t, const uint8_t *key)
{
	for (size_t i = 0; i < t->rows_n; i++)
		if (memcmp(t->rows[i].key, key, DHCP_LEASE_KEY_LEN) == 0)
			return &t->rows[i];
	assert_true(t->rows_n < TRY_ROWS);
	struct try_row *r = &t->rows[t->rows_n++];
	*r = (struct try_row){0};
	memcpy(r->key, key, DHCP_LEASE_KEY_LEN);
	return r;
}

static void answer(struct try *t, const struct try_row *p)
{
	struct try_row *row = row_of(t, p->key);
	if (row->version != p->expected) {
		dhcp_engine_stored(t->engine, t->now_ms, p->token, DHCP_STORE_CONFLICT,
				   row->version, span_of(row->value, row->len));
		return;
	}
	memcpy(row->value, p->value, p->len);
	row->len = p->len;
	row->version = ++t->last_version;
	dhcp_engine_stored(t->engine, t->now_ms, p->token, DHCP_STORED, row->version,
			   (struct span){0});
}

static bool take_pending(struct try *t, struct try_row *ret)
{
	if (!t->pending_n)
		return false;
	*ret = t->pending[0];
	t->pending_n--;
	memmove(t->pending, t->pending + 1, t->pending_n * sizeof(*ret));
	return true;
}

void try_store(struct try *t)
{
	struct try_row p;
	while (take_pending(t, &p))
		answer(t, &p);
}

void try_store_fails(struct try *t)
{
	struct try_row p;
	while (take_pending(t, &p))
		dhcp_engine_stored(t->engine, t->now_ms, p.token, DHCP_STORE_FAILED, 0,
				   (struct span){0});
}

void try_wait_ms(struct try *t, unsigned ms)
{
	uint64_t until = t->now_ms + ms;
	for (;;) {
		uint64_t next = dhcp_engine_next_ms(t->engine);
		if (next > until)
			break;
		if (next > t->now_ms)
			t->now_ms = next;
		dhcp_engine_turn(t->engine, t->now_ms);
	}
	t->now_ms = until;
	dhcp_engine_turn(t->engine, t->now_ms);
}

void try_wait_s(struct try *t, unsigned s)
{
	try_wait_ms(t, s * 1000);
}

void try_other_server(struct try *t, uint32_t address, uint8_t mac, enum dhcp_lease_state state,
		      uint32_t for_s, bool told)
{
	uint8_t key[DHCP_LEASE_KEY_LEN];
	const uint8_t octets[6] = {2, 0, 0, 0, 0, mac};
	uint32_t now_s = (uint32_t)(t->now_ms / 1000);
	struct dhcp_lease l = {.address = address,
			       .granted_s = now_s,
			       .expires_s = now_s + for_s,
			       .state = state,
			       .htype = 1,
			       .mac_len = 6,
			       .mac = octets};
	dhcp_lease_key(address, key);
	struct try_row *row = row_of(t, key);
	struct writer w = writer_of(row->value, sizeof(row->value));
	dhcp_lease_write(&l, &w);
	row->len = w.pos;
	row->version = ++t->last_version;
	if (told)
		assert_int_equal(dhcp_engine_learn(t->engine, t->now_ms, span_of(key, 5),
						   writer_span(&w), row->version),
				 OK);
}

const struct dhcp_message *try_answer(struct try *t, enum dhcp_type type)
{
	assert_int_equal(t->sent_n, 1);
	t->sent_n = 0;
	assert_int_equal(t->sent[0].m.type, type);
	return &t->sent[0].m;
}

const struct dhcp_send *try_how(const struct try *t)
{
	return &t->sent[0].how;
}

void try_silence(struct try *t)
{
	assert_int_equal(t->sent_n, 0);
}

uint32_t try_u32(const struct dhcp_message *m, uint8_t code)
{
	uint32_t v;
	return dhcp_message_u32(m, code, &v) == OK ? v : 0;
}

bool try_event(const struct try *t, enum dhcp_event_kind kind)
{
	for (size_t i = 0; i < t->events_n && i < TRY_EVENTS; i++)
		if (t->events[i].kind == kind)
			return true;
	return false;
}

uint64_t try_cause(const struct try *t, enum dhcp_cause cause)
{
	struct dhcp_counts c;
	dhcp_engine_counts(t->engine, &c);
	return c.causes[cause];
}

uint32_t try_lease(struct try *t, uint8_t mac)
{
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = mac, .xid = mac});
	uint32_t address = try_answer(t, DHCP_OFFER)->head.yiaddr;
	try_say(t, (struct ask){.type = DHCP_REQUEST,
				.mac = mac,
				.xid = mac,
				.requested = address,
				.server_id = SERVER});
	try_silence(t);
	try_store(t);
	assert_int_equal(try_answer(t, DHCP_ACK)->head.yiaddr, address);
	return address;
}

enum dhcp_lease_state try_state(struct try *t, uint32_t address)
{
	struct dhcp_lease l;
	return dhcp_engine_lease(t->engine, address, &l) ? l.state : (enum dhcp_lease_state)0;
}
