/* Where a peer may go, and how fast. */
#include "service/vpn/gate/rules.h"

#include "service/vpn/gate/stage_test.h"

enum { T = STAGE_T0 };

static int begin(void **state)
{
	static struct stage stage;
	stage_begin(&stage);
	*state = &stage;
	return 0;
}

static int end(void **state)
{
	stage_end(*state);
	return 0;
}

static void open_it(struct stage *s)
{
	gate_open(&s->peer, T + 3600000, 0, T);
}

static void peers_talk_as_their_groups_say(void **state)
{
	struct stage *s = *state;
	struct wish friend = {
		.from = "10.8.0.2", .to = "10.8.0.3", .protocol = GATE_TCP, .to_port = 22};
	struct wish stranger = {
		.from = "10.8.0.2", .to = "10.8.0.4", .protocol = GATE_TCP, .to_port = 22};
	struct wish back = {
		.from = "10.8.0.4", .to = "10.8.0.2", .protocol = GATE_TCP, .from_port = 22};
	open_it(s);
	assert_int_equal(stage_in(s, &friend, T), GATE_PASS);
	assert_int_equal(stage_in(s, &stranger, T), GATE_ANSWERED);
	assert_int_equal(stage_out(s, &back, T), GATE_ANSWERED);
	assert_int_equal(s->net.refused[GATE_PEERS], 2);
	/* A hub: it talks to all, whichever side is judged. */
	s->stranger.rules.talks = UINT64_MAX;
	assert_int_equal(stage_in(s, &stranger, T), GATE_PASS);
	assert_int_equal(stage_out(s, &back, T), GATE_PASS);
}

static void a_peer_reaches_what_it_may_and_is_reached_from_there_only(void **state)
{
	struct stage *s = *state;
	const struct gate_reach reach[] = {
		{.to = ip_prefix_of(&(struct ip_address){4, {192, 168, 1, 0}}, 24),
		 .protocol = GATE_TCP,
		 .first = 443,
		 .last = 445},
		{.to = ip_prefix_of(&(struct ip_address){4, {192, 168, 2, 7}}, 32)},
	};
	struct gate_rules *rules;
	assert_int_equal(gate_rules_new(reach, 2, &rules), OK);
	open_it(s);
	s->peer.rules.reach = rules;
	const struct {
		const char *to;
		uint16_t port;
		uint8_t protocol;
		bool may;
	} cases[] = {
		{"192.168.1.9", 443, GATE_TCP, true},
		{"192.168.1.9", 445, GATE_TCP, true},
		{"192.168.1.9", 446, GATE_TCP, false},
		{"192.168.1.9", 442, GATE_TCP, false},
		{"192.168.1.9", 443, GATE_UDP, false},
		{"192.168.3.9", 443, GATE_TCP, false},
		{"192.168.2.7", 99, GATE_UDP, true},
		{"192.168.2.7", 0, 47, true},
		/* Who must sign in always reaches the page, to sign out or in again. */
		{"10.8.0.1", 443, GATE_TCP, true},
		{"10.8.0.1", 22, GATE_TCP, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum gate_verdict in = stage_in(s,
						&(struct wish){.from = "10.8.0.2",
							       .to = cases[i].to,
							       .protocol = cases[i].protocol,
							       .from_port = 5,
							       .to_port = cases[i].port},
						T);
		enum gate_verdict out = stage_out(s,
						  &(struct wish){.from = cases[i].to,
								 .to = "10.8.0.2",
								 .protocol = cases[i].protocol,
								 .from_port = cases[i].port,
								 .to_port = 5},
						  T);
		assert_int_equal(in == GATE_PASS, cases[i].may);
		assert_int_equal(out == GATE_PASS, cases[i].may);
	}
	gate_rules_free(rules);
}

static void errors_pass_with_the_flow_they_are_about(void **state)
{
	struct stage *s = *state;
	uint8_t sent[STAGE_PACKET_MAX];
	struct wish lost = {.from = "10.8.0.2",
			    .to = "192.168.1.9",
			    .protocol = GATE_TCP,
			    .from_port = 50000,
			    .to_port = 443};
	const struct gate_reach reach = {
		.to = ip_prefix_of(&(struct ip_address){4, {192, 168, 1, 9}}, 32),
		.protocol = GATE_TCP,
		.first = 443,
		.last = 443};
	struct gate_rules *rules;
	assert_int_equal(gate_rules_new(&reach, 1, &rules), OK);
	open_it(s);
	s->peer.rules.reach = rules;
	/* Path MTU discovery: from any router on the way. */
	struct wish error = {.from = "198.51.100.1",
			     .to = "10.8.0.2",
			     .protocol = GATE_ICMP,
			     .type = 3,
			     .code = 4,
			     .payload = stage_packet(sent, &lost)};
	assert_int_equal(stage_out(s, &error, T), GATE_PASS);
	lost.to_port = 444;
	error.payload = stage_packet(sent, &lost);
	assert_int_not_equal(stage_out(s, &error, T), GATE_PASS);
	/* And none leaves to whom the peer may not speak, whatever it quotes. */
	struct wish heard = {.from = "192.168.1.9",
			     .to = "10.8.0.2",
			     .protocol = GATE_TCP,
			     .from_port = 443,
			     .to_port = 50000};
	struct wish reply = {.from = "10.8.0.2",
			     .to = "192.168.1.9",
			     .protocol = GATE_ICMP,
			     .type = 3,
			     .code = 3,
			     .payload = stage_packet(sent, &heard)};
	assert_int_equal(stage_in(s, &reply, T), GATE_PASS);
	reply.to = "192.168.1.10";
	assert_int_not_equal(stage_in(s, &reply, T), GATE_PASS);
	gate_rules_free(rules);
	s->peer.rules.reach = NULL;
	gate_close(&s->peer);
	heard = (struct wish){.from = "10.8.0.1",
			      .to = "10.8.0.2",
			      .protocol = GATE_TCP,
			      .from_port = 443,
			      .to_port = 50000};
	reply.to = "10.8.0.1";
	reply.payload = stage_packet(sent, &heard);
	assert_int_equal(stage_in(s, &reply, T), GATE_PASS);
	heard.from_port = 22;
	reply.payload = stage_packet(sent, &heard);
	assert_int_not_equal(stage_in(s, &reply, T), GATE_PASS);
}

static void bandwidth_is_a_bound_in_each_direction(void **state)
{
	struct stage *s = *state;
	static const uint8_t kilobyte[1000];
	struct wish up = {
		.from = "10.8.0.2", .to = "192.168.1.9", .payload = span_of(kilobyte, 972)};
	struct wish down = {
		.from = "192.168.1.9", .to = "10.8.0.2", .payload = span_of(kilobyte, 972)};
	open_it(s);
	shape_init(&s->peer.rules.in, 100000);
	unsigned ups = 0, downs = 0;
	for (unsigned ms = 0; ms < 10000; ms += 2) {
		ups += stage_in(s, &up, T + ms) == GATE_PASS;
		downs += stage_out(s, &down, T + ms) == GATE_PASS;
	}
	assert_in_range(ups, 1000, 1000 + SHAPE_BURST_MIN / 1000 + 1);
	assert_int_equal(downs, 5000);
	assert_int_equal(s->net.refused[GATE_BANDWIDTH], 5000 - ups);
}

int main(void)
{
#define FACT(fact) cmocka_unit_test_setup_teardown(fact, begin, end)
	const struct CMUnitTest tests[] = {
		FACT(peers_talk_as_their_groups_say),
		FACT(a_peer_reaches_what_it_may_and_is_reached_from_there_only),
		FACT(errors_pass_with_the_flow_they_are_about),
		FACT(bandwidth_is_a_bound_in_each_direction),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
