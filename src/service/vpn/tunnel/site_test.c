#include "service/vpn/tunnel/site_test.h"

#include "crypto/x25519.h"

static void put(struct wire *w, const struct ip_endpoint *from, const struct ip_endpoint *to,
		uint8_t tos, struct span datagram)
{
	w->sent++;
	if (w->cut)
		return;
	if (w->queue_n == WIRE_MAX || datagram.len > DATAGRAM_MAX)
		abort();
	struct wire_datagram *d = &w->queue[w->queue_n++];
	*d = (struct wire_datagram){.from = *from, .to = *to, .tos = tos, .len = datagram.len};
	memcpy(d->bytes, datagram.data, datagram.len);
}

static void effect_send(void *arg, const struct vpn_endpoint *to, uint8_t tos, struct span datagram)
{
	struct site *s = arg;
	put(s->wire, &s->at, &to->remote, tos, datagram);
}

static void effect_random(void *arg, void *ret, size_t len)
{
	struct site *s = arg;
	test_random_fill(&s->wire->random, ret, len);
}

static uint64_t effect_wall_ns(void *arg)
{
	struct site *s = arg;
	return s->wall_ns + s->wire->now_ms * 1000000;
}

static void effect_begin(void *arg)
{
	struct site *s = arg;
	if (s->depth++ != 0)
		abort();
}

static void effect_end(void *arg)
{
	struct site *s = arg;
	if (--s->depth != 0)
		abort();
}

static void effect_event(void *arg, const struct vpn_event *event)
{
	struct site *s = arg;
	if (s->told_n < TOLD_MAX)
		s->told[s->told_n++] = *event;
}

static void must(enum err err)
{
	if (err)
		abort();
}

static void site_start(struct site *s)
{
	struct vpn_setting setting = {
		.workers_n = 1, .peers_max = 64, .staged_max = 256, .mtu = 1420};
	struct vpn_effects effects = {.arg = s,
				      .send = effect_send,
				      .random = effect_random,
				      .wall_ns = effect_wall_ns,
				      .begin = effect_begin,
				      .end = effect_end,
				      .event = effect_event};
	must(vpn_engine_new(&setting, &effects, s->wire->now_ms, &s->e));
	must(vpn_engine_set_private_key(s->e, s->wire->now_ms, s->private));
}

static void site_meet(struct site *s, const struct site *other)
{
	struct vpn_peer *peer;
	struct ip_address v4 = ip_address_v4(10, 0, 0, (uint8_t)other->number);
	struct ip_address v6 = {.family = 6, .bytes = {0xfd}};
	v6.bytes[15] = (uint8_t)other->number;
	struct ip_prefix one = ip_prefix_of(&v4, 32), six = ip_prefix_of(&v6, 128);
	must(vpn_engine_add_peer(s->e, s->wire->now_ms, other->public, &peer));
	must(vpn_engine_allow(s->e, peer, &one));
	must(vpn_engine_allow(s->e, peer, &six));
	vpn_engine_set_endpoint(s->e, peer, &other->at);
}

static void site_meet_all(struct site *s)
{
	for (size_t i = 0; i < s->wire->sites_n; i++)
		if (&s->wire->sites[i] != s)
			site_meet(s, &s->wire->sites[i]);
}

struct wire *wire_new(size_t n)
{
	struct wire *w = calloc(1, sizeof(*w));
	if (!w)
		abort();
	w->now_ms = 1000000;
	w->random.state = 42;
	w->sites_n = n;
	for (size_t i = 0; i < n; i++) {
		struct site *s = &w->sites[i];
		s->wire = w;
		s->number = (unsigned)i + 1;
		s->wall_ns = UINT64_C(1800000000000000000);
		s->at = (struct ip_endpoint){.address = ip_address_v4(192, 0, 2, (uint8_t)(i + 1)),
					     .port = 51820};
		test_random_fill(&w->random, s->private, sizeof(s->private));
		crypto_x25519_clamp(s->private);
		crypto_x25519_public(s->private, s->public);
	}
	for (size_t i = 0; i < n; i++) {
		site_start(&w->sites[i]);
		site_meet_all(&w->sites[i]);
	}
	return w;
}

void wire_free(struct wire *w)
{
	for (size_t i = 0; i < w->sites_n; i++)
		vpn_engine_free(w->sites[i].e);
	free(w);
}

void site_restart(struct site *s)
{
	vpn_engine_free(s->e);
	s->inbox_n = 0;
	s->told_n = 0;
	site_start(s);
	site_meet_all(s);
}

struct vpn_peer *site_peer(struct site *s, unsigned number)
{
	struct vpn_peer *peer = vpn_engine_find_peer(s->e, s->wire->sites[number - 1].public);
	if (!peer)
		abort();
	return peer;
}

size_t packet_make(uint8_t *ret, unsigned from, unsigned to, size_t len, uint8_t fill)
{
	memset(ret, fill, len);
	memset(ret, 0, 20);
	ret[0] = 0x45;
	ret[2] = (uint8_t)(len >> 8);
	ret[3] = (uint8_t)len;
	ret[8] = 64;
	ret[9] = 17;
	ret[12] = ret[16] = 10;
	ret[15] = (uint8_t)from;
	ret[19] = (uint8_t)to;
	return len;
}

void site_send_packet(struct site *s, struct span packet)
{
	uint8_t out[DATAGRAM_MAX];
	struct vpn_plane *p = vpn_engine_plane(s->e, 0);
	struct vpn_seal seal = {.packet = packet, .out = out, .out_cap = sizeof(out)};
	struct vpn_endpoint to;
	s->last_seal = VPN_SEAL_DROP;
	seal.peer = vpn_plane_route(p, packet);
	if (!seal.peer)
		return;
	vpn_plane_seal(p, s->wire->now_ms, &seal, 1);
	s->last_seal = seal.result;
	s->last_drop = seal.drop;
	if (seal.result == VPN_SEAL_DATAGRAM && vpn_peer_endpoint(seal.peer, &to))
		put(s->wire, &s->at, &to.remote, seal.tos, span_of(out, seal.len));
	if (vpn_plane_take_wake(p))
		vpn_engine_turn(s->e, s->wire->now_ms);
}

void site_send(struct site *s, unsigned to, uint8_t fill)
{
	uint8_t packet[100];
	site_send_packet(s, span_of(packet, packet_make(packet, s->number, to, 100, fill)));
}

void site_take(struct site *s, const struct ip_endpoint *from, uint8_t ecn, struct span datagram)
{
	uint8_t out[DATAGRAM_MAX];
	struct vpn_endpoint at = {.remote = *from, .local = s->at.address};
	struct vpn_plane *p = vpn_engine_plane(s->e, 0);
	struct vpn_open o = {
		.datagram = datagram, .from = &at, .out = out, .out_cap = sizeof(out), .ecn = ecn};
	vpn_plane_open(p, s->wire->now_ms, &o, 1);
	s->last_open = o.result;
	s->last_drop = o.drop;
	if (o.result == VPN_OPEN_REPLY) {
		put(s->wire, &s->at, from, 0, span_of(out, o.len));
	} else if (o.result == VPN_OPEN_HANDSHAKE) {
		struct vpn_handshake_message m = {.from = at, .len = (uint16_t)datagram.len};
		memcpy(m.bytes, datagram.data, datagram.len);
		vpn_engine_receive(s->e, s->wire->now_ms, &m, 1);
	} else if (o.result == VPN_OPEN_PACKET && s->inbox_n < INBOX_MAX) {
		struct inbox_packet *in = &s->inbox[s->inbox_n++];
		in->peer = o.peer;
		in->len = o.len;
		memcpy(in->bytes, out, o.len);
	}
	if (vpn_plane_take_wake(p))
		vpn_engine_turn(s->e, s->wire->now_ms);
}

static struct site *site_at(struct wire *w, const struct ip_endpoint *at)
{
	for (size_t i = 0; i < w->sites_n; i++)
		if (ip_endpoint_equal(&w->sites[i].at, at))
			return &w->sites[i];
	return NULL;
}

static void turn_all(struct wire *w)
{
	for (size_t i = 0; i < w->sites_n; i++)
		if (vpn_engine_next_ms(w->sites[i].e) <= w->now_ms)
			vpn_engine_turn(w->sites[i].e, w->now_ms);
}

void wire_run(struct wire *w)
{
	turn_all(w);
	while (w->queue_n) {
		struct wire_datagram d = w->queue[0];
		memmove(w->queue, w->queue + 1, --w->queue_n * sizeof(d));
		struct site *to = site_at(w, &d.to);
		if (to)
			site_take(to, &d.from, d.tos & 3, span_of(d.bytes, d.len));
		turn_all(w);
	}
}

void wire_run_until(struct wire *w, uint64_t now_ms)
{
	for (;;) {
		wire_run(w);
		uint64_t next_ms = now_ms;
		for (size_t i = 0; i < w->sites_n; i++) {
			uint64_t due_ms = vpn_engine_next_ms(w->sites[i].e);
			next_ms = due_ms < next_ms ? due_ms : next_ms;
		}
		if (w->now_ms >= now_ms)
			return;
		w->now_ms = next_ms > w->now_ms ? next_ms : w->now_ms + 1;
	}
}

struct vpn_counts site_counts(const struct site *s)
{
	struct vpn_counts counts;
	vpn_engine_counts(s->e, &counts);
	return counts;
}

bool site_was_told(const struct site *s, enum vpn_event_kind kind)
{
	for (size_t i = 0; i < s->told_n; i++)
		if (s->told[i].kind == kind)
			return true;
	return false;
}
