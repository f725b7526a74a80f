/* why-long: one simulator, to be read from top to bottom.
 *
 * The engines of two to five WireGuard sites on a made-up network with a virtual clock, for hours:
 * packets lost, repeated, late by seconds or by minutes; sites that restart or move; a listener who
 * sends again what he heard, altered or not, and a stranger who knows only public keys. One seed
 * makes one run, always the same.
 *
 *	vpn_sim				the seeds of the test suite; SIM_SEEDS: a 50th as many
 *	vpn_sim SEED [COUNT]		that one, told step by step, or so many from there
 *
 * Fails when a packet is delivered twice, altered, to the wrong site or as another's; when
 *something is sent to the listener or the stranger (but cookies, under load); when a key older than
 * REJECT_AFTER_TIME is sent or accepted with; and when, 30 s after the network healed, a packet
 * between the hub and a site is lost. */
#include "base/writer.h"
#include "crypto/x25519.h"
#include "proto/wireguard/message.h"
#include "service/vpn/tunnel/engine.h"
#include "test/random.h"

#include <stdarg.h>
#include <string.h>

enum {
	SEEDS_DEFAULT = 4,
	SITES_MAX = 5,
	FLIGHT_MAX = 4096,
	DATAGRAM_MAX = 1500,
	INNER_MAX = 300,
	NUMBERS_MAX = 1 << 15, /* packets of a pair */
	SESSIONS_MAX = 512,
	HEARD_MAX = 64,
	CYCLES = 4,
	TROUBLE_MS = 15 * 60 * 1000,
	HEALED_MS = 4 * 60 * 1000,
	/* Silence is noticed after KEEPALIVE_TIMEOUT + REKEY_TIMEOUT, and two tries may be needed.
	 */
	RECOVERY_MS = 30 * 1000,
	STEP_MS = 20, /* the network's delay when it is well */
};

struct flying {
	uint64_t at_ms;
	struct ip_endpoint from, to;
	int forger; /* the site it was copied on its way to; -1: the sender himself sent it */
	unsigned life;
	uint16_t len;
	uint8_t bytes[DATAGRAM_MAX];
};

/* A handshake as the network saw it, to know how old the keys are. */
struct session {
	uint32_t initiator, responder; /* indices */
	int responder_site;
	uint64_t responded_ms, completed_ms; /* completed: 0, not yet */
};

struct site {
	struct sim *sim;
	unsigned number; /* SITES_MAX: the stranger */
	struct vpn_engine *engine;
	unsigned life; /* counts restarts */
	struct ip_endpoint home, at;
	uint8_t private[VPN_KEY_LEN], public[VPN_KEY_LEN];
};

struct heard {
	struct flying datagram;
	bool set;
};

struct sim {
	uint64_t seed, now_ms;
	bool told, failed, trouble;
	struct test_random random;
	unsigned loss, repeat, late, drift_ms; /* percent, percent, per mille, at most */
	size_t sites_n;
	struct site sites[SITES_MAX], stranger;
	struct flying flights[FLIGHT_MAX];
	size_t flights_n;
	struct session sessions[SESSIONS_MAX];
	size_t sessions_n;
	struct heard heard[HEARD_MAX];
	uint32_t sent[SITES_MAX][SITES_MAX];
	uint8_t *seen[SITES_MAX][SITES_MAX];	    /* by number: 1 delivered, 2 must be */
	uint64_t next_ms[SITES_MAX][SITES_MAX];	    /* when the pair's next packet leaves */
	uint64_t watched_from_ms, watched_until_ms; /* what is sent then must arrive */
	uint64_t delivered, restarts, moves, handshakes, replays, forged;
};

__attribute__((format(printf, 2, 3))) static void fail(struct sim *s, const char *format, ...)
{
	va_list args;
	if (!s->failed)
		printf("seed %llu, %.3f s: ", (unsigned long long)s->seed,
		       (double)s->now_ms / 1000);
	va_start(args, format);
	if (!s->failed)
		vprintf(format, args);
	va_end(args);
	if (!s->failed)
		printf("\n");
	s->failed = true;
}

__attribute__((format(printf, 2, 3))) static void tell(struct sim *s, const char *format, ...)
{
	va_list args;
	if (!s->told)
		return;
	printf("%9.3f ", (double)s->now_ms / 1000);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

static uint64_t below(struct sim *s, uint64_t n)
{
	return test_random_next(&s->random) % n;
}

static bool chance(struct sim *s, unsigned percent)
{
	return below(s, 100) < percent;
}

/* --- how old keys are, from what the network sees */

static struct session *session_of(struct sim *s, uint32_t index)
{
	for (size_t n = 0; n < SESSIONS_MAX && n < s->sessions_n; n++) {
		struct session *k = &s->sessions[(s->sessions_n - 1 - n) % SESSIONS_MAX];
		if (k->initiator == index || k->responder == index)
			return k;
	}
	return NULL;
}

/* A data message with receiver's index: sent (by the other side) or accepted (by the index's). */
static void check_age(struct sim *s, uint32_t index, bool sent)
{
	const struct session *k = session_of(s, index);
	if (!k) {
		fail(s, "data for index %08x of no handshake", index);
		return;
	}
	bool by_responder = (k->initiator == index) == sent;
	uint64_t made_ms = by_responder ? k->responded_ms : k->completed_ms;
	if (!made_ms)
		fail(s, "index %08x is used before its handshake is complete", index);
	else if (s->now_ms >= made_ms + VPN_REJECT_AFTER_TIME_MS)
		fail(s, "a key %llu ms old is %s with", (unsigned long long)(s->now_ms - made_ms),
		     sent ? "sent" : "accepted");
}

static void watch_sent(struct sim *s, const struct site *from, struct span datagram)
{
	const uint8_t *at = datagram.data;
	if (wg_message_kind(datagram) == WG_RESPONSE)
		s->sessions[s->sessions_n++ % SESSIONS_MAX] =
			(struct session){.responder = wg_get_u32(at + 4),
					 .initiator = wg_get_u32(at + 8),
					 .responder_site = (int)from->number,
					 .responded_ms = s->now_ms};
	else if (wg_message_kind(datagram) == WG_TRANSPORT)
		check_age(s, wg_get_u32(at + 4), true);
}

/* --- the network */

static void fly(struct sim *s, const struct flying *f, uint64_t delay_ms)
{
	if (s->flights_n == FLIGHT_MAX)
		return;
	s->flights[s->flights_n] = *f;
	s->flights[s->flights_n++].at_ms = s->now_ms + delay_ms;
}

static uint64_t delay_of(struct sim *s)
{
	if (!s->trouble)
		return STEP_MS;
	if (below(s, 1000) < s->late)
		return below(s, 400 * 1000);
	return STEP_MS + below(s, s->drift_ms + 1);
}

static bool is_outsider(const struct sim *s, const struct ip_endpoint *at)
{
	return at->address.bytes[0] == 203 || ip_endpoint_equal(at, &s->stranger.at);
}

static void network_send(struct sim *s, struct site *from, const struct ip_endpoint *to,
			 struct span datagram)
{
	struct flying f = {
		.from = from->at, .to = *to, .forger = -1, .len = (uint16_t)datagram.len};
	memcpy(f.bytes, datagram.data, datagram.len);
	if (from != &s->stranger) {
		watch_sent(s, from, datagram);
		if (is_outsider(s, to) && wg_message_kind(datagram) != WG_COOKIE_REPLY)
			fail(s, "site %u answers an outsider with a message of type %u",
			     from->number, datagram.data[0]);
	}
	if (s->trouble && chance(s, s->loss))
		return;
	fly(s, &f, delay_of(s));
	if (s->trouble && chance(s, s->repeat))
		fly(s, &f, delay_of(s));
}

/* --- what engines ask for */

static void effect_send(void *arg, const struct vpn_endpoint *to, uint8_t tos, struct span datagram)
{
	struct site *site = arg;
	(void)tos;
	network_send(site->sim, site, &to->remote, datagram);
}

static void effect_random(void *arg, void *ret, size_t len)
{
	struct site *site = arg;
	test_random_fill(&site->sim->random, ret, len);
}

static uint64_t effect_wall_ns(void *arg)
{
	const struct site *site = arg;
	return UINT64_C(1790000000000000000) + site->sim->now_ms * 1000000;
}

static void effect_begin(void *arg)
{
	(void)arg;
}

static void effect_event(void *arg, const struct vpn_event *event)
{
	struct site *site = arg;
	static const char *const names[] = {"handshake", "moved", "gave up", "keys gone",
					    "removed"};
	site->sim->handshakes += event->kind == VPN_EVENT_HANDSHAKE;
	site->sim->moves += event->kind == VPN_EVENT_MOVED;
	tell(site->sim, "site %u: %s", site->number, names[event->kind]);
}

static void must(enum err err)
{
	if (err)
		abort();
}

static void meet(struct site *site, const struct site *other)
{
	struct vpn_peer *peer;
	struct ip_address at = ip_address_v4(10, 0, 0, (uint8_t)(other->number + 1));
	struct ip_prefix prefix = ip_prefix_of(&at, 32);
	uint64_t now_ms = site->sim->now_ms;
	must(vpn_engine_add_peer(site->engine, now_ms, other->public, &peer));
	must(vpn_engine_allow(site->engine, peer, &prefix));
	vpn_engine_set_endpoint(site->engine, peer, &other->home);
	if (site->number % 2)
		vpn_engine_set_keepalive(site->engine, now_ms, peer, 25);
}

static void site_start(struct site *site)
{
	struct sim *s = site->sim;
	struct vpn_setting setting = {
		.workers_n = 2, .peers_max = SITES_MAX, .staged_max = 64, .mtu = 1420};
	struct vpn_effects effects = {.arg = site,
				      .send = effect_send,
				      .random = effect_random,
				      .wall_ns = effect_wall_ns,
				      .begin = effect_begin,
				      .end = effect_begin,
				      .event = effect_event};
	must(vpn_engine_new(&setting, &effects, s->now_ms, &site->engine));
	must(vpn_engine_set_private_key(site->engine, s->now_ms, site->private));
	for (size_t i = 0; i < s->sites_n; i++)
		if (&s->sites[i] != site)
			meet(site, &s->sites[i]);
	site->life++;
}

static void site_make(struct sim *s, struct site *site, unsigned number)
{
	site->sim = s;
	site->number = number;
	site->home = (struct ip_endpoint){
		.address = ip_address_v4(192, 0, 2, (uint8_t)(number + 1)), .port = 51820};
	site->at = site->home;
	test_random_fill(&s->random, site->private, sizeof(site->private));
	crypto_x25519_public(site->private, site->public);
}

/* --- packets inside: each tells whose it is, and its bytes follow from that */

static size_t packet_make(uint8_t *packet, unsigned from, unsigned to, uint32_t number)
{
	struct test_random filler = {.state = (uint64_t)number << 8 | from << 4 | to};
	size_t len = 32 + test_random_below(&filler, INNER_MAX - 32);
	test_random_fill(&filler, packet, len);
	memset(packet, 0, 20);
	packet[0] = 0x45;
	put_u16(packet + 2, (uint16_t)len);
	packet[12] = packet[16] = 10;
	packet[15] = (uint8_t)(from + 1);
	packet[19] = (uint8_t)(to + 1);
	wg_put_u32(packet + 20, number);
	return len;
}

static void packet_arrived(struct site *site, const struct vpn_peer *peer, struct span packet)
{
	struct sim *s = site->sim;
	uint8_t want[INNER_MAX];
	unsigned from = packet.data[15] - 1u, to = packet.data[19] - 1u;
	uint32_t number = wg_get_u32(packet.data + 20);
	if (to != site->number || from >= s->sites_n || number >= s->sent[from][to]) {
		fail(s, "site %u got a packet that was not sent to it", site->number);
		return;
	}
	if (memcmp(peer->public_key, s->sites[from].public, VPN_KEY_LEN) != 0)
		fail(s, "site %u got a packet of %u as another's", site->number, from);
	if (packet.len != packet_make(want, from, to, number) ||
	    memcmp(want, packet.data, packet.len) != 0)
		fail(s, "packet %u from %u to %u was altered", number, from, to);
	if (s->seen[from][to][number] & 1)
		fail(s, "packet %u from %u to %u arrived twice", number, from, to);
	s->seen[from][to][number] |= 1;
	s->delivered++;
}

static void serve_wake(struct site *site, struct vpn_plane *p)
{
	if (vpn_plane_take_wake(p))
		vpn_engine_turn(site->engine, site->sim->now_ms);
}

static void pair_send(struct sim *s, unsigned from, unsigned to)
{
	struct site *site = &s->sites[from];
	uint8_t packet[INNER_MAX], out[DATAGRAM_MAX];
	struct vpn_plane *p = vpn_engine_plane(site->engine, below(s, 2));
	uint32_t number = s->sent[from][to];
	struct vpn_endpoint at;
	if (number == NUMBERS_MAX)
		abort();
	struct vpn_seal seal = {.out = out, .out_cap = sizeof(out)};
	seal.packet = span_of(packet, packet_make(packet, from, to, number));
	s->sent[from][to]++;
	bool to_hub = from == 0 || to == 0;
	if (to_hub && s->now_ms >= s->watched_from_ms && s->now_ms < s->watched_until_ms)
		s->seen[from][to][number] = 2;
	seal.peer = vpn_plane_route(p, seal.packet);
	vpn_plane_seal(p, s->now_ms, &seal, 1);
	if (seal.result == VPN_SEAL_DATAGRAM && vpn_peer_endpoint(seal.peer, &at))
		network_send(s, site, &at.remote, span_of(out, seal.len));
	serve_wake(site, p);
}

/* --- arrival */

/* Something was accepted that a copy of it must not be. */
static uint64_t accepted_by(const struct site *site)
{
	struct vpn_counts c;
	vpn_engine_counts(site->engine, &c);
	return c.rx_packets + c.keepalives_received + c.initiations_received + c.responses_received;
}

static void complete(struct sim *s, struct span datagram)
{
	/* One initiation may have had two responses: of a site before and after its restart. */
	struct session *k = session_of(s, wg_get_u32(datagram.data + 4));
	if (k && k->initiator == wg_get_u32(datagram.data + 8) && !k->completed_ms)
		k->completed_ms = s->now_ms;
}

static void site_take(struct site *site, const struct flying *f)
{
	struct sim *s = site->sim;
	uint8_t out[DATAGRAM_MAX];
	struct vpn_plane *p = vpn_engine_plane(site->engine, below(s, 2));
	struct vpn_endpoint from = {.remote = f->from};
	struct vpn_open o = {.datagram = span_of(f->bytes, f->len),
			     .from = &from,
			     .out = out,
			     .out_cap = sizeof(out)};
	vpn_plane_open(p, s->now_ms, &o, 1);
	if (o.result == VPN_OPEN_PACKET)
		packet_arrived(site, o.peer, span_of(out, o.len));
	if (o.result == VPN_OPEN_PACKET || o.result == VPN_OPEN_KEEPALIVE)
		check_age(s, wg_get_u32(f->bytes + 4), false);
	if (o.result == VPN_OPEN_REPLY)
		network_send(s, site, &f->from, span_of(out, o.len));
	if (o.result == VPN_OPEN_HANDSHAKE) {
		struct vpn_handshake_message m = {.from = from, .len = f->len};
		memcpy(m.bytes, f->bytes, f->len);
		/* Before: what the engine sends at once under the new key is looked at too. */
		if (wg_message_kind(o.datagram) == WG_RESPONSE)
			complete(s, o.datagram);
		vpn_engine_receive(site->engine, s->now_ms, &m, 1);
	}
	serve_wake(site, p);
}

static void arrive(struct sim *s, const struct flying *f)
{
	struct site *site = ip_endpoint_equal(&s->stranger.at, &f->to) ? &s->stranger : NULL;
	for (size_t i = 0; i < s->sites_n; i++)
		if (ip_endpoint_equal(&s->sites[i].at, &f->to))
			site = &s->sites[i];
	if (!site)
		return;
	if (f->forger >= 0 && (site->life != f->life || site->number != (unsigned)f->forger))
		return; /* what it was before a restart it may well accept: its guard is gone */
	uint64_t before = accepted_by(site);
	site_take(site, f);
	bool accepted = accepted_by(site) != before;
	if (f->forger >= 0 && accepted)
		fail(s, "site %u accepted a copy, or what was altered", site->number);
	if (f->forger < 0 && accepted && site != &s->stranger) {
		struct heard *h = &s->heard[below(s, HEARD_MAX)];
		h->datagram = *f;
		h->datagram.life = site->life;
		h->datagram.forger = (int)site->number;
		h->set = true;
	}
}

/* --- trouble */

/* From an address of his own, what he heard; every second one altered. */
static void listener_acts(struct sim *s)
{
	struct heard *h = &s->heard[below(s, HEARD_MAX)];
	if (!h->set)
		return;
	struct flying f = h->datagram;
	f.from = (struct ip_endpoint){.address = ip_address_v4(203, 0, 113, 7), .port = 7};
	f.to = s->sites[f.forger].at;
	if (chance(s, 50)) {
		/* Not in mac2, which nobody looks at without load. */
		size_t len = wg_message_kind(span_of(f.bytes, f.len)) == WG_TRANSPORT
				     ? f.len
				     : f.len - WG_MAC_LEN;
		size_t bit = below(s, len * 8);
		f.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		s->forged++;
	} else {
		s->replays++;
	}
	fly(s, &f, 1);
}

static void noise_comes(struct sim *s)
{
	const struct site *site = &s->sites[below(s, s->sites_n)];
	struct flying f = {.to = site->at, .forger = (int)site->number, .life = site->life};
	f.from = (struct ip_endpoint){.address = ip_address_v4(203, 0, 113, 8), .port = 8};
	f.len = (uint16_t)below(s, 200);
	test_random_fill(&s->random, f.bytes, f.len);
	if (f.len >= 4)
		wg_put_u32(f.bytes, (uint32_t)below(s, 6));
	fly(s, &f, 1);
}

static void restart(struct sim *s)
{
	struct site *site = &s->sites[below(s, s->sites_n)];
	tell(s, "site %u restarts", site->number);
	vpn_engine_free(site->engine);
	site_start(site);
	s->restarts++;
}

/* The hub stays where it is, so that the others can always find it. */
static void roam(struct sim *s)
{
	struct site *site = &s->sites[1 + below(s, s->sites_n - 1)];
	site->at.port = (uint16_t)(1024 + below(s, 60000));
	if (chance(s, 50))
		site->at.address.bytes[2] = (uint8_t)below(s, 200);
	tell(s, "site %u moves", site->number);
}

static void load_comes(struct sim *s)
{
	struct site *site = &s->sites[below(s, s->sites_n)];
	struct vpn_plane *p = vpn_engine_plane(site->engine, 0);
	vpn_plane_note_load(p, s->now_ms);
	serve_wake(site, p);
}

static void stranger_acts(struct sim *s)
{
	uint8_t packet[INNER_MAX], out[DATAGRAM_MAX];
	struct vpn_plane *p = vpn_engine_plane(s->stranger.engine, 0);
	unsigned to = (unsigned)below(s, s->sites_n);
	struct vpn_seal seal = {.out = out, .out_cap = sizeof(out)};
	seal.packet = span_of(packet, packet_make(packet, SITES_MAX, to, 0));
	seal.peer = vpn_plane_route(p, seal.packet);
	vpn_plane_seal(p, s->now_ms, &seal, 1);
	if (seal.result == VPN_SEAL_DATAGRAM)
		fail(s, "the stranger has a key");
	serve_wake(&s->stranger, p);
}

/* Once a second. */
static void make_trouble(struct sim *s)
{
	if (chance(s, 20))
		listener_acts(s);
	if (chance(s, 10))
		noise_comes(s);
	if (chance(s, 5))
		stranger_acts(s);
	if (!s->trouble)
		return;
	if (below(s, 1000) < 3)
		restart(s);
	if (below(s, 1000) < 5)
		roam(s);
	if (chance(s, 3))
		load_comes(s);
}

/* --- time */

static void turn_all(struct sim *s)
{
	for (size_t i = 0; i <= s->sites_n; i++) {
		struct site *site = i < s->sites_n ? &s->sites[i] : &s->stranger;
		if (vpn_engine_next_ms(site->engine) <= s->now_ms)
			vpn_engine_turn(site->engine, s->now_ms);
	}
}

static void send_due(struct sim *s)
{
	for (unsigned i = 0; i < s->sites_n; i++) {
		for (unsigned j = 0; j < s->sites_n; j++) {
			if (i == j || s->now_ms < s->next_ms[i][j])
				continue;
			pair_send(s, i, j);
			/* In trouble: bursts, and silences that outlive keys. */
			uint64_t pause_ms = !s->trouble	   ? 1000
					    : chance(s, 2) ? below(s, 500 * 1000)
							   : below(s, 6000);
			s->next_ms[i][j] = s->now_ms + 1 + pause_ms;
		}
	}
}

static void land_due(struct sim *s)
{
	for (size_t i = 0; i < s->flights_n;) {
		struct flying f = s->flights[i];
		if (f.at_ms > s->now_ms) {
			i++;
			continue;
		}
		s->flights[i] = s->flights[--s->flights_n];
		arrive(s, &f);
	}
}

static uint64_t next_moment(struct sim *s, uint64_t until_ms)
{
	uint64_t next = until_ms;
	for (size_t i = 0; i < s->flights_n; i++)
		next = s->flights[i].at_ms < next ? s->flights[i].at_ms : next;
	for (size_t i = 0; i <= s->sites_n; i++) {
		struct site *site = i < s->sites_n ? &s->sites[i] : &s->stranger;
		uint64_t due = vpn_engine_next_ms(site->engine);
		next = due < next ? due : next;
	}
	for (size_t i = 0; i < s->sites_n; i++)
		for (size_t j = 0; j < s->sites_n; j++)
			if (i != j && s->next_ms[i][j] < next)
				next = s->next_ms[i][j];
	return next > s->now_ms ? next : s->now_ms + 1;
}

static void run_until(struct sim *s, uint64_t until_ms)
{
	uint64_t act_ms = s->now_ms;
	while (s->now_ms < until_ms && !s->failed) {
		if (s->now_ms >= act_ms) {
			make_trouble(s);
			act_ms = s->now_ms + 1000;
		}
		land_due(s);
		send_due(s);
		turn_all(s);
		s->now_ms = next_moment(s, until_ms < act_ms ? until_ms : act_ms);
	}
}

static void cycle(struct sim *s)
{
	s->trouble = true;
	s->loss = (unsigned)below(s, 60);
	s->repeat = (unsigned)below(s, 30);
	s->late = (unsigned)below(s, 30);
	s->drift_ms = (unsigned)below(s, 5000);
	tell(s, "trouble: loss %u %%, repeated %u %%, up to %u ms late", s->loss, s->repeat,
	     s->drift_ms);
	run_until(s, s->now_ms + TROUBLE_MS / 2 + below(s, TROUBLE_MS / 2));
	s->trouble = false;
	s->flights_n = 0;
	s->watched_from_ms = s->now_ms + RECOVERY_MS;
	s->watched_until_ms = s->now_ms + HEALED_MS - 1000;
	for (size_t i = 0; i < s->sites_n; i++)
		for (size_t j = 0; j < s->sites_n; j++)
			s->next_ms[i][j] = s->now_ms + below(s, 1000);
	tell(s, "the network is well");
	run_until(s, s->now_ms + HEALED_MS);
}

static void check_watched(struct sim *s)
{
	for (size_t i = 0; i < s->sites_n && !s->failed; i++)
		for (size_t j = 0; j < s->sites_n && !s->failed; j++)
			for (uint32_t n = 0; n < s->sent[i][j]; n++)
				if (s->seen[i][j][n] == 2) {
					fail(s,
					     "packet %u from %zu to %zu was lost in a network "
					     "that is well",
					     n, i, j);
					break;
				}
}

static struct sim *sim_new(uint64_t seed, bool told)
{
	struct sim *s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->seed = seed;
	s->told = told;
	s->random.state = seed * 1000003;
	s->now_ms = 1000000;
	s->sites_n = 2 + below(s, SITES_MAX - 1);
	for (unsigned i = 0; i < s->sites_n; i++)
		site_make(s, &s->sites[i], i);
	site_make(s, &s->stranger, SITES_MAX);
	for (unsigned i = 0; i < s->sites_n; i++)
		site_start(&s->sites[i]);
	site_start(&s->stranger);
	for (size_t i = 0; i < s->sites_n; i++)
		for (size_t j = 0; j < s->sites_n; j++)
			if (!(s->seen[i][j] = calloc(NUMBERS_MAX, 1)))
				abort();
	return s;
}

static bool run(uint64_t seed, bool told)
{
	struct sim *s = sim_new(seed, told);
	uint64_t begun_ms = s->now_ms;
	for (int i = 0; i < CYCLES && !s->failed; i++) {
		cycle(s);
		check_watched(s);
	}
	bool ok = !s->failed;
	printf("seed %llu: %zu sites, %.1f h: %llu packets delivered, %llu handshakes, %llu "
	       "restarts, "
	       "%llu moves, %llu copies, %llu altered%s\n",
	       (unsigned long long)seed, s->sites_n, (double)(s->now_ms - begun_ms) / 3600000,
	       (unsigned long long)s->delivered, (unsigned long long)s->handshakes,
	       (unsigned long long)s->restarts, (unsigned long long)s->moves,
	       (unsigned long long)s->replays, (unsigned long long)s->forged, ok ? "" : ": FAILED");
	for (size_t i = 0; i < s->sites_n; i++) {
		vpn_engine_free(s->sites[i].engine);
		for (size_t j = 0; j < s->sites_n; j++)
			free(s->seen[i][j]);
	}
	vpn_engine_free(s->stranger.engine);
	free(s);
	return ok;
}

int main(int argc, char **argv)
{
	const char *seeds = getenv("SIM_SEEDS");
	uint64_t suite = seeds ? (strtoull(seeds, NULL, 10) + 49) / 50 : SEEDS_DEFAULT;
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : argc > 1 ? 1 : suite;
	bool ok = true;
	for (uint64_t seed = first; seed < first + count; seed++)
		ok = run(seed, argc == 2) && ok;
	return !ok;
}
