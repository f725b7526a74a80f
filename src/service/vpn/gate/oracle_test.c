/* The gate against a slow obvious judge of the same packets, who reads not the octets but the wish
 * that they were made from, at random. */
#include "service/vpn/gate/gate.h"

#include "service/vpn/gate/stage_test.h"
#include "test/random.h"

enum { T = STAGE_T0, ROUNDS = 40000 };

/* [0] is the peer, [1] the page; then the gateway elsewhere, other peers, strangers. */
static const char *const v4[] = {"10.8.0.2", "10.8.0.1",    "192.168.1.1", "10.8.0.3",
				 "10.8.0.4", "192.168.1.9", "198.51.100.7"},
			 *const v6[] = {"fd08::2", "fd08::1",	  "2001:db8::1",   "fd08::3",
					"fd08::4", "2001:db8::9", "2001:db8:99::7"};
enum who { PEER, PAGE, GATEWAY, FRIEND, STRANGER, LAN, INTERNET, WHO };

static const uint16_t ports[] = {443, 80, 8080, 53, 123, 22, 50000};
static const uint8_t protocols[] = {GATE_TCP, GATE_UDP, GATE_ICMP, 47};

struct scene {
	bool six, inward;
	enum who far;
	uint8_t protocol; /* GATE_ICMP for ICMPv6 as well */
	uint16_t far_port;
	bool request; /* of ICMP: an echo request, else a reply */
	bool time;    /* of UDP: the payload has the mode of a question or an answer of NTP */
	enum gate_fragment fragment;
	bool steered, option;
	enum vpn_gate state;
	bool sign_in;
	uint8_t reach; /* 0: all; 1: TCP 443 of the LAN host; 2: all of the friend */
	uint8_t talk;  /* 0: nobody; 1: friends */
};

static struct scene random_scene(struct test_random *r)
{
	return (struct scene){
		.six = test_random_below(r, 2),
		.inward = test_random_below(r, 2),
		.far = (enum who)(1 + test_random_below(r, WHO - 1)),
		.protocol = protocols[test_random_below(r, sizeof(protocols))],
		.far_port = ports[test_random_below(r, sizeof(ports) / sizeof(ports[0]))],
		.request = test_random_below(r, 2),
		.time = test_random_below(r, 2),
		.fragment = test_random_below(r, 4) ? GATE_WHOLE
						    : (enum gate_fragment)test_random_below(r, 3),
		.steered = test_random_below(r, 16) == 0,
		.option = test_random_below(r, 4) == 0,
		.state = (enum vpn_gate)test_random_below(r, VPN_GATES),
		.sign_in = test_random_below(r, 2),
		.reach = (uint8_t)test_random_below(r, 3),
		.talk = (uint8_t)test_random_below(r, 2),
	};
}

static enum gate_verdict play(struct stage *s, const struct scene *c)
{
	static const uint8_t route4[8] = {131, 7, 4, 1, 2, 3, 4, 0}, option4[4] = {148, 4},
			     route6[24] = {0, 2, 0, 1}, option6[8] = {0, 0, 1, 4};
	const char *const *who = c->six ? v6 : v4;
	uint8_t mode = c->time ? (c->inward ? 0x23 : 0x24) : 0x26, payload[48] = {mode};
	struct wish w = {.from = who[c->inward ? PEER : c->far],
			 .to = who[c->inward ? c->far : PEER],
			 .protocol = c->protocol,
			 .from_port = c->inward ? 40000 : c->far_port,
			 .to_port = c->inward ? c->far_port : 40001,
			 .flags = 2,
			 .more = c->fragment == GATE_FIRST,
			 .fragment = c->fragment == GATE_LATER ? 800 : 0,
			 .payload = span_of(payload, sizeof(payload))};
	if (c->protocol == GATE_ICMP && c->six)
		w.protocol = GATE_ICMPV6;
	if (c->protocol == GATE_ICMP)
		w.type = c->six ? (c->request ? 128 : 129) : (c->request ? 8 : 0);
	if (c->steered || c->option) {
		w.options = c->steered ? span_of(route4, 8) : span_of(option4, 4);
		w.extensions = c->steered ? span_of(route6, 24) : span_of(option6, 8);
		w.extension = c->steered ? 43 : 60;
	}
	return c->inward ? stage_in(s, &w, T) : stage_out(s, &w, T);
}

/* The promises of the sign-in, one after the other. */
static bool quarantine_passes(const struct scene *c)
{
	if (c->fragment != GATE_WHOLE)
		return false;
	bool page = c->protocol == GATE_TCP && c->far == PAGE && c->far_port == 443;
	/* Whoever asks port 80 is led to the page. Nothing was remembered for an answer. */
	bool web = c->protocol == GATE_TCP && c->inward && c->far_port == 80;
	bool time = c->protocol == GATE_UDP && c->far == GATEWAY && c->far_port == 123 && c->time;
	bool echo = c->protocol == GATE_ICMP && c->far == PAGE && c->request == c->inward;
	return page || web || time || echo;
}

static bool reach_holds(const struct scene *c)
{
	if (c->reach == 0)
		return true;
	if (c->reach == 2)
		return c->far == FRIEND;
	bool port = c->fragment == GATE_LATER || c->far_port == 443;
	return c->far == LAN && c->protocol == GATE_TCP && port;
}

static bool passes(const struct scene *c)
{
	bool web = c->protocol == GATE_TCP && c->inward && c->far_port == 80;
	if (c->steered || c->state == VPN_GATE_EXPIRED)
		return false;
	if (c->state != VPN_GATE_OPEN)
		return quarantine_passes(c);
	if (!reach_holds(c) && !(c->sign_in && quarantine_passes(c) && !web))
		return false;
	bool peer = c->far == FRIEND || c->far == STRANGER;
	return !peer || (c->far == FRIEND && c->talk);
}

static void set_scene(struct stage *s, const struct scene *c, struct gate_rules *const *rules)
{
	gate_open(&s->peer, 0, 0, T);
	atomic_store(&s->peer.gate, (uint8_t)c->state);
	s->peer.sign_in = c->sign_in;
	s->peer.rules.reach = rules[c->reach];
	s->peer.rules.groups = s->peer.rules.talks = c->talk;
}

static void the_gate_judges_as_the_promises_say(void **state)
{
	(void)state;
	struct test_random r = test_random_begin();
	struct stage s;
	struct gate_rules *rules[3] = {NULL};
	const struct gate_reach one[] = {
		{ip_prefix_of(&(struct ip_address){4, {192, 168, 1, 9}}, 32), GATE_TCP, 443, 443},
		{ip_prefix_of(&(struct ip_address){6, {0x20, 1, 0xd, 0xb8, [15] = 9}}, 128),
		 GATE_TCP, 443, 443}};
	const struct gate_reach two[] = {
		{ip_prefix_of(&(struct ip_address){4, {10, 8, 0, 3}}, 32), 0, 0, 0},
		{ip_prefix_of(&(struct ip_address){6, {0xfd, 8, [15] = 3}}, 128), 0, 0, 0}};
	assert_int_equal(gate_rules_new(one, 2, &rules[1]), OK);
	assert_int_equal(gate_rules_new(two, 2, &rules[2]), OK);
	stage_begin(&s);
	unsigned passed = 0;
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct scene c = random_scene(&r);
		set_scene(&s, &c, rules);
		enum gate_verdict verdict = play(&s, &c);
		if ((verdict == GATE_PASS) != passes(&c))
			printf("round %u: six %d in %d far %d protocol %d port %d fragment %d "
			       "state %d "
			       "reach %d talk %d sign-in %d\n",
			       i, c.six, c.inward, c.far, c.protocol, c.far_port, c.fragment,
			       c.state, c.reach, c.talk, c.sign_in);
		assert_int_equal(verdict == GATE_PASS, passes(&c));
		if (verdict == GATE_ANSWERED)
			assert_true(stage_sums_right(writer_span(&s.w)));
		else
			assert_int_equal(s.w.pos, 0);
		passed += verdict == GATE_PASS;
	}
	assert_in_range(passed, ROUNDS / 20, ROUNDS / 2);
	stage_end(&s);
	gate_rules_free(rules[1]);
	gate_rules_free(rules[2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(the_gate_judges_as_the_promises_say)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
