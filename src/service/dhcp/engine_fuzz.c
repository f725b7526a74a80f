/* Any octets as a life of the IPv4 engine: packets, the store's answers, time, what other servers
 * write, orders. Whatever comes, an ACK is sent for what is durable only, no address has two
 * holders, and every reply can be read. */
#include "proto/dhcp/message.h"
#include "service/dhcp/engine.h"
#include "service/dhcp/site_fake_test.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PACKET, SHORT, STORE, TIME, LEARN, PROBED, RELOAD, ORDER, OPS };
enum { OPS_MAX = 400, ROWS = 64, PENDING = 32 };

#define NET_A  0xc0a80700u
#define NET_B  0x0a000000u
#define SERVER (NET_A + 1)
#define ALL    0xffffffffu

struct row {
	uint8_t key[DHCP_LEASE_KEY_LEN], value[DHCP_LEASE_STORED_MAX];
	size_t len;
	uint64_t version;
	/* What the last ACK promised; until_s 0: nothing. */
	uint64_t who;
	uint32_t until_s;
};

struct write {
	struct row row;
	uint64_t token, expected;
};

static struct life {
	struct dhcp_engine *engine;
	struct dhcp_site *site;
	uint64_t now_ms, last_version;
	struct row rows[ROWS];
	size_t rows_n;
	struct write pending[PENDING];
	size_t pending_n;
	uint32_t offered;
	struct dhcp_message reply;
} life;

static const struct hash_key key = {1, 2};

static uint32_t now_s(void)
{
	return (uint32_t)(life.now_ms / 1000);
}

static struct row *row_of(struct span k)
{
	for (size_t i = 0; i < life.rows_n; i++)
		if (span_equal(span_of(life.rows[i].key, DHCP_LEASE_KEY_LEN), k))
			return &life.rows[i];
	if (life.rows_n == ROWS)
		return NULL;
	struct row *r = &life.rows[life.rows_n++];
	*r = (struct row){0};
	memcpy(r->key, k.data, k.len);
	return r;
}

static struct row *row_at(uint32_t address)
{
	uint8_t k[DHCP_LEASE_KEY_LEN];
	dhcp_lease_key(address, k);
	return row_of(span_of(k, sizeof(k)));
}

static uint64_t identity(uint8_t htype, struct span mac, struct span client_id)
{
	uint8_t bytes[1 + 16] = {htype};
	if (client_id.len)
		return siphash13_of(key, client_id.data, client_id.len);
	ASSERT(mac.len <= 16);
	if (mac.len)
		memcpy(bytes + 1, mac.data, mac.len);
	return siphash13_of(key, bytes, 1 + mac.len);
}

static void judge_ack(const struct dhcp_message *m)
{
	uint32_t lease_s;
	struct dhcp_lease l;
	struct span client_id;
	if (dhcp_message_u32(m, DHCP_OPT_LEASE_TIME, &lease_s) != OK) {
		ASSERT(m->head.yiaddr == 0); /* of an INFORM */
		return;
	}
	if (dhcp_message_client_id(m, &client_id) != OK)
		client_id = (struct span){0};
	struct row *r = row_at(m->head.yiaddr);
	ASSERT(r && r->version);
	ASSERT(dhcp_lease_read(span_of(r->key, sizeof(r->key)), span_of(r->value, r->len), &l) ==
	       OK);
	uint64_t who = identity(m->head.htype, dhcp_head_chaddr(&m->head), client_id);
	ASSERT(l.state == DHCP_LEASE_BOUND);
	ASSERT(identity(l.htype, span_of(l.mac, l.mac_len), l.client_id) == who);
	ASSERT(l.expires_s == UINT32_MAX || now_s() + (uint64_t)lease_s <= l.expires_s);
	ASSERT(r->who == who || r->until_s <= now_s());
	r->who = who;
	r->until_s = l.expires_s;
}

static void on_send(void *arg, const struct dhcp_send *s)
{
	(void)arg;
	ASSERT(dhcp_message_read(s->message, &life.reply) == OK);
	ASSERT(s->message.len <= 1472 && life.reply.head.op == DHCP_OP_REPLY);
	if (life.reply.type == DHCP_OFFER)
		life.offered = life.reply.head.yiaddr;
	if (life.reply.type == DHCP_ACK)
		judge_ack(&life.reply);
}

static enum err on_store(void *arg, const struct dhcp_store *s)
{
	(void)arg;
	if (life.pending_n == PENDING)
		return ERR_LIMIT;
	struct write *w = &life.pending[life.pending_n++];
	ASSERT(s->key.len == sizeof(w->row.key) && s->value.len <= sizeof(w->row.value));
	*w = (struct write){.token = s->token, .expected = s->expected};
	w->row.len = s->value.len;
	memcpy(w->row.key, s->key.data, s->key.len);
	memcpy(w->row.value, s->value.data, s->value.len);
	return OK;
}

static void on_probe(void *arg, const struct dhcp_probe *p)
{
	(void)arg, (void)p;
}

/* The end of a lease: its holder said so, or we were ordered to. */
static void on_name(void *arg, enum dhcp_name_change change, const struct dhcp_lease *l,
		    const struct dhcp_network *n)
{
	(void)arg;
	ASSERT(n);
	struct row *r = row_at(l->address);
	if (change == DHCP_NAME_ENDED && r)
		r->until_s = 0;
}

static void on_event(void *arg, const struct dhcp_event *e)
{
	(void)arg;
	ASSERT(e->kind != DHCP_EVENT_REFUSED || e->cause != DHCP_CAUSE_NONE);
}

/* One that is under way becomes durable, meets another row, fails, or fails after all was done. */
static void answer_store(unsigned result)
{
	if (!life.pending_n)
		return;
	static struct write w; /* why-global: too big for a stack */
	w = life.pending[0];
	life.pending_n--;
	memmove(life.pending, life.pending + 1, life.pending_n * sizeof(w));
	struct row *r = row_of(span_of(w.row.key, sizeof(w.row.key)));
	bool away = result % 4 == 1 || result % 4 == 2, fits = r && r->version == w.expected;
	if (fits && result % 4 != 1) {
		memcpy(r->value, w.row.value, w.row.len);
		r->len = w.row.len;
		r->version = ++life.last_version;
	}
	if (!r || away)
		dhcp_engine_stored(life.engine, life.now_ms, w.token, DHCP_STORE_FAILED, 0,
				   (struct span){0});
	else if (fits)
		dhcp_engine_stored(life.engine, life.now_ms, w.token, DHCP_STORED, r->version,
				   (struct span){0});
	else
		dhcp_engine_stored(life.engine, life.now_ms, w.token, DHCP_STORE_CONFLICT,
				   r->version, span_of(r->value, r->len));
}

/* --- packets --- */

/* Real clients ask for addresses and servers that are not ours: for those that are. */
static void patch(uint8_t *at, size_t len)
{
	if (len <= DHCP_OPTIONS_AT)
		return;
	struct writer ciaddr = writer_of(at + 12, 4);
	if (at[12])
		write_u32(&ciaddr, life.offered);
	for (size_t i = DHCP_OPTIONS_AT; i + 6 <= len && at[i] != DHCP_OPT_END;) {
		if (at[i] == DHCP_OPT_PAD) {
			i++;
			continue;
		}
		struct writer value = writer_of(at + i + 2, 4);
		if (at[i] == DHCP_OPT_REQUESTED_ADDRESS && at[i + 1] == 4)
			write_u32(&value, life.offered);
		if (at[i] == DHCP_OPT_SERVER_IDENTIFIER && at[i + 1] == 4)
			write_u32(&value, SERVER);
		i += 2u + at[i + 1];
	}
}

static void receive(unsigned how, const uint8_t *at, size_t len)
{
	struct dhcp_arrival a = {.ifindex = 1 + (how >> 2 & 1),
				 .from = NET_A + 50,
				 .to = how & 2 ? SERVER : ALL,
				 .from_port = 68};
	dhcp_engine_receive(life.engine, life.now_ms, &a, span_of(at, len));
}

static void packet(struct reader *r)
{
	static uint8_t bytes[4096]; /* why-global: too big for a stack */
	unsigned how = read_u8(r);
	size_t len = read_u16(r) % sizeof(bytes);
	if (len > reader_left(r))
		len = reader_left(r);
	read_bytes(r, bytes, len);
	if (how & 1)
		patch(bytes, len);
	receive(how, bytes, len);
}

/* A whole message out of a few octets: what a fuzzer finds quickly. */
static void short_packet(struct reader *r)
{
	uint8_t bytes[300] = {1, 1, 6}, type = read_u8(r), mac = read_u8(r), what = read_u8(r),
		place = read_u8(r);
	struct writer w = writer_of(bytes, sizeof(bytes));
	uint32_t address = place & 0x80 ? life.offered : NET_A + 96 + place % 16;
	w.pos = 4;
	write_u32(&w, mac);
	write_u16(&w, 0);
	write_u16(&w, what & 1 ? 0x8000 : 0);
	write_u32(&w, what & 2 ? address : 0);
	w.pos = 24;
	write_u32(&w, what & 4 ? NET_B + 1 : 0);
	write_u32(&w, 0x02000000);
	write_u16(&w, mac % 8);
	w.pos = DHCP_FIXED_LEN;
	write_u32(&w, 0x63825363);
	write_u8(&w, DHCP_OPT_MESSAGE_TYPE);
	write_u8(&w, 1);
	write_u8(&w, type % 16);
	write_bytes(&w, "\062\004", what & 8 ? 2 : 0);
	if (what & 8)
		write_u32(&w, address);
	write_bytes(&w, "\066\004", what & 16 ? 2 : 0);
	if (what & 16)
		write_u32(&w, SERVER + (place >> 6 & 1));
	write_bytes(&w, "\120\000", what & 32 ? 2 : 0);
	write_bytes(&w, "\122\006\001\004port", what & 64 ? 8 : 0);
	write_bytes(&w, "\221\001\001", what & 128 ? 3 : 0);
	write_u8(&w, DHCP_OPT_END);
	receive(what & 2 ? 2 : 0, bytes, sizeof(bytes));
}

/* --- the rest of the world --- */

/* Another server, which may do what it likes: what we promised is void where it writes. */
static void learn(struct reader *r)
{
	uint32_t address = NET_A + 96 + read_u8(r) % 16;
	size_t len = read_u8(r);
	bool told = len & 1;
	struct span value = read_span(r, len < reader_left(r) ? len : reader_left(r));
	struct row *row = row_at(address);
	struct dhcp_lease l;
	if (!row)
		return;
	if (value.len && dhcp_lease_read(span_of(row->key, sizeof(row->key)), value, &l) == OK) {
		memcpy(row->value, value.data, value.len);
		row->len = value.len;
		row->version = ++life.last_version;
		row->until_s = 0;
	}
	if (told)
		err_ignore(dhcp_engine_learn(life.engine, life.now_ms,
					     span_of(row->key, sizeof(row->key)), value,
					     life.last_version));
}

static void run_time(struct reader *r)
{
	uint16_t step = read_u16(r);
	life.now_ms += step & 0x8000 ? (step & 0x7fffull) * 1000 : step;
	for (unsigned i = 0; i < 100 && dhcp_engine_next_ms(life.engine) <= life.now_ms; i++)
		dhcp_engine_turn(life.engine, life.now_ms);
}

static struct dhcp_site *make_site(unsigned kind)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 3};
	struct dhcp_site *s = site_fake_new();
	struct dhcp_network *a = site_fake_network(s, NET_A, 24);
	struct dhcp_network *b = site_fake_network(s, NET_B, 16);
	site_fake_pool(s, a, NET_A + 100, NET_A + 103, DHCP_AUTOMATIC);
	site_fake_pool(s, a, NET_A + 104, NET_A + 106, kind & 1 ? DHCP_FIXED : DHCP_DYNAMIC);
	site_fake_pool(s, b, NET_B + 100, NET_B + 104, DHCP_DYNAMIC);
	site_fake_reserve(s, DHCP_IDENTITY_MAC, span_of(mac, 6), NET_A + 98 + (kind & 4));
	a->probe = b->probe = kind & 2;
	a->rapid_commit = b->rapid_commit = true;
	a->authoritative = !(kind & 8);
	b->per_port = 2;
	return s;
}

static void reload(unsigned kind)
{
	struct dhcp_site *old = life.site;
	life.site = make_site(kind);
	dhcp_engine_set_site(life.engine, life.site, life.now_ms);
	dhcp_site_unref(old);
}

static void order(struct reader *r)
{
	struct dhcp_lease l;
	struct dhcp_pool_use use;
	uint8_t what = read_u8(r);
	uint32_t address = NET_A + 96 + what % 16;
	if (what & 16)
		err_ignore(dhcp_engine_release(life.engine, life.now_ms, address));
	if (what & 32)
		err_ignore(dhcp_engine_force_renew(life.engine, life.now_ms, address));
	if (what & 64)
		dhcp_engine_named(life.engine, address, what & 3);
	for (uint32_t at = 0; dhcp_engine_lease_from(life.engine, at, &l); at = l.address + 1)
		if (l.address == UINT32_MAX)
			break;
	for (size_t i = 0; dhcp_engine_pool_use(life.engine, i, &use); i++)
		ASSERT(use.bound + use.offered + use.resting <= use.size);
}

static void begin(void)
{
	const struct dhcp_limits limits = {.leases = 20, .waiting = 4};
	const struct dhcp_effects effects = {.send = on_send,
					     .store = on_store,
					     .probe = on_probe,
					     .name = on_name,
					     .event = on_event};
	const struct dhcp_link link = {.ifindex = 1, .name = "lan", .address = SERVER, .bits = 24};
	life.rows_n = life.pending_n = 0;
	life.last_version = 0;
	life.offered = NET_A + 100;
	life.now_ms = 1800000000000;
	life.site = make_site(0);
	ASSERT(dhcp_engine_new(life.site, &limits, &effects, key, &life.engine) == OK);
	dhcp_engine_set_links(life.engine, &link, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t stranger[6] = {6, 6, 6, 6, 6, 6};
	struct reader r = reader_of(data, size);
	begin();
	for (unsigned i = 0; i < OPS_MAX && reader_left(&r); i++)
		switch (read_u8(&r) % OPS) {
		case PACKET: packet(&r); break;
		case SHORT: short_packet(&r); break;
		case STORE: answer_store(read_u8(&r)); break;
		case TIME: run_time(&r); break;
		case LEARN: learn(&r); break;
		case PROBED:
			dhcp_engine_probed(life.engine, life.now_ms, NET_A + 96 + read_u8(&r) % 16,
					   stranger);
			break;
		case RELOAD: reload(read_u8(&r)); break;
		default: order(&r);
		}
	dhcp_engine_free(life.engine);
	ASSERT(life.site->refs == 1);
	dhcp_site_unref(life.site);
	return 0;
}
