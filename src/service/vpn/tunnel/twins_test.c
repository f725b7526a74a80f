#include "service/vpn/tunnel/twins_test.h"

enum { STEP_NS = 1 << 24 }; /* what a timestamp tells apart */

static void must(bool fact)
{
	if (!fact)
		abort();
}

void twins_init(struct twins *t)
{
	*t = (struct twins){.random = {.state = 7}, .stamp_ns = UINT64_C(1800000000000000000)};
	for (size_t i = 0; i < 2; i++) {
		t->wires[i] = wire_new(TWINS_SITES);
		t->responders[i] = &t->wires[i]->sites[TWINS_SITES - 1];
	}
	must(memcmp(t->responders[0]->public, t->responders[1]->public, VPN_KEY_LEN) == 0);
}

void twins_done(struct twins *t)
{
	wire_free(t->wires[0]);
	wire_free(t->wires[1]);
}

/* --- messages */

struct vpn_endpoint twins_endpoint(unsigned n)
{
	struct ip_endpoint at = {.address = ip_address_v4(192, 0, 2, (uint8_t)n), .port = 51820};
	return (struct vpn_endpoint){.remote = at, .local = ip_address_v4(192, 0, 2, TWINS_SITES)};
}

struct vpn_handshake_message twins_initiation(struct twins *t, const uint8_t private[VPN_KEY_LEN],
					      unsigned from)
{
	struct vpn_handshake_message m = {.from = twins_endpoint(from),
					  .len = sizeof(struct wg_initiation)};
	struct noise_identity own;
	struct noise_peer peer;
	struct noise_handshake h = {0};
	uint8_t entropy[VPN_KEY_LEN], timestamp[WG_TAI64N_LEN];
	noise_identity_init(&own, private);
	must(noise_peer_init(&peer, &own, t->responders[0]->public, NULL) == OK);
	test_random_fill(&t->random, entropy, sizeof(entropy));
	t->stamp_ns += STEP_NS;
	noise_timestamp(t->stamp_ns / 1000000000, (uint32_t)(t->stamp_ns % 1000000000), timestamp);
	must(noise_initiation_write(&h, &own, &peer, entropy, timestamp,
				    (uint32_t)test_random_next(&t->random),
				    (struct wg_initiation *)m.bytes) == OK);
	return m;
}

struct vpn_handshake_message twins_initiation_of(struct twins *t, unsigned site)
{
	return twins_initiation(t, t->wires[0]->sites[site - 1].private, site);
}

void twins_receive(struct twins *t, const struct vpn_handshake_message *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		vpn_engine_receive(t->responders[0]->e, t->wires[0]->now_ms, &m[i], 1);
	vpn_engine_receive(t->responders[1]->e, t->wires[1]->now_ms, m, n);
}

void twins_wait(struct twins *t, uint64_t ms)
{
	t->wires[0]->now_ms += ms;
	t->wires[1]->now_ms = t->wires[0]->now_ms;
}

/* --- effects */

static unsigned number_of(struct site *s, const struct vpn_peer *peer)
{
	for (unsigned n = 1; n < TWINS_SITES; n++)
		if (site_peer(s, n) == peer)
			return n;
	return 0;
}

static bool same_events(const struct twins *t)
{
	struct site *a = t->responders[0], *b = t->responders[1];
	bool same = a->told_n == b->told_n;
	for (size_t i = 0; same && i < a->told_n; i++)
		same = a->told[i].kind == b->told[i].kind &&
		       number_of(a, a->told[i].peer) == number_of(b, b->told[i].peer) &&
		       ip_endpoint_equal(&a->told[i].after.remote, &b->told[i].after.remote);
	a->told_n = b->told_n = 0;
	return same;
}

/* Keys, and indices of our own, are drawn: these differ. */
static bool same_datagram(const struct wire_datagram *a, const struct wire_datagram *b)
{
	return ip_endpoint_equal(&a->to, &b->to) && a->len == b->len && a->tos == b->tos &&
	       memcmp(a->bytes, b->bytes, 4) == 0 &&
	       (a->bytes[0] != WG_RESPONSE || memcmp(a->bytes + 8, b->bytes + 8, 4) == 0);
}

static bool same_datagrams(const struct twins *t, size_t *ret_responses)
{
	struct wire *a = t->wires[0], *b = t->wires[1];
	bool same = a->queue_n == b->queue_n;
	*ret_responses = 0;
	for (size_t i = 0; same && i < a->queue_n; i++) {
		same = same_datagram(&a->queue[i], &b->queue[i]);
		*ret_responses += a->queue[i].bytes[0] == WG_RESPONSE;
	}
	a->queue_n = b->queue_n = 0;
	return same;
}

const char *twins_differ(struct twins *t, size_t *ret_responses)
{
	for (size_t i = 0; i < 2; i++) /* tells of moves, too */
		vpn_engine_turn(t->responders[i]->e, t->wires[i]->now_ms);
	struct vpn_counts a = site_counts(t->responders[0]), b = site_counts(t->responders[1]);
	bool datagrams = same_datagrams(t, ret_responses), events = same_events(t);
	if (memcmp(&a, &b, sizeof(a)) != 0)
		return "counters";
	return !datagrams ? "datagrams" : !events ? "events" : NULL;
}
