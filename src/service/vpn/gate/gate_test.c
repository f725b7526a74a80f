#include "service/vpn/gate/gate.h"

#include "service/vpn/gate/stage_test.h"

enum { T = STAGE_T0, SYN = 2, RST = 4, ACK = 16 };

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

static struct gate_packet answer_of(const struct stage *s)
{
	struct gate_packet p;
	assert_true(stage_sums_right(writer_span(&s->w)));
	assert_int_equal(gate_packet_read(writer_span(&s->w), &p), OK);
	return p;
}

static bool is_prohibited(const struct stage *s)
{
	struct gate_packet p = answer_of(s);
	return p.family == 4 ? p.protocol == GATE_ICMP && p.icmp_type == 3 && p.icmp_code == 13
			     : p.protocol == GATE_ICMPV6 && p.icmp_type == 1 && p.icmp_code == 1;
}

static bool is_from(const struct gate_packet *p, const char *address)
{
	struct ip_address a = stage_address(address);
	return span_equal(p->source, ip_address_span(&a));
}

static void open_it(struct stage *s)
{
	gate_open(&s->peer, T + 3600000, 0, T);
}

/* Everything that is not the page's, by family: the LAN, the internet, other peers, and each
 * address of the gateway, on which its services listen. */
static const struct {
	const char *peer, *others[6];
} worlds[] = {
	{"10.8.0.2",
	 {"192.168.1.9", "198.51.100.7", "10.8.0.3", "10.8.0.1", "192.168.1.1", "203.0.113.1"}},
	{"fd08::2",
	 {"2001:db8::9", "2001:db8:99::7", "fd08::3", "fd08::1", "2001:db8::1", "fe80::1"}},
};

static void in_quarantine_nothing_else_leaves_the_peer(void **state)
{
	struct stage *s = *state;
	static const uint8_t protocols[] = {GATE_TCP, GATE_UDP, 47, 50, 132};
	for (size_t w = 0; w < 2; w++)
		for (size_t o = 0; o < 6; o++)
			for (size_t i = 0; i < sizeof(protocols); i++) {
				struct wish wish = {.from = worlds[w].peer,
						    .to = worlds[w].others[o],
						    .protocol = protocols[i],
						    .from_port = 50000,
						    .to_port = 22};
				assert_int_not_equal(stage_in(s, &wish, T), GATE_PASS);
			}
	assert_int_equal(s->peer.refused, 60);
	assert_int_equal(s->peer.rules.refused[GATE_QUARANTINE], 60);
	assert_int_equal(s->net.refused[GATE_QUARANTINE], 60);
}

static void in_quarantine_nothing_else_reaches_the_peer(void **state)
{
	struct stage *s = *state;
	static const uint8_t protocols[] = {GATE_TCP, GATE_UDP, 47, 50, 132};
	for (size_t w = 0; w < 2; w++)
		for (size_t o = 0; o < 6; o++)
			for (size_t i = 0; i < sizeof(protocols); i++) {
				struct wish wish = {.from = worlds[w].others[o],
						    .to = worlds[w].peer,
						    .protocol = protocols[i],
						    .from_port = 22,
						    .to_port = 50000};
				assert_int_not_equal(stage_out(s, &wish, T), GATE_PASS);
			}
	assert_int_equal(s->peer.rules.refused[GATE_QUARANTINE], 60);
}

static void the_pages_port_is_closed_on_the_gateways_other_addresses(void **state)
{
	struct stage *s = *state;
	static const char *const others[] = {"192.168.1.1", "203.0.113.1", "10.8.0.3"};
	for (size_t i = 0; i < 3; i++) {
		struct wish wish = {.from = "10.8.0.2",
				    .to = others[i],
				    .protocol = GATE_TCP,
				    .from_port = 50000,
				    .to_port = 443,
				    .flags = SYN};
		assert_int_equal(stage_in(s, &wish, T), GATE_ANSWERED);
	}
	assert_int_equal(stage_in(s,
				  &(struct wish){.from = "fd08::2",
						 .to = "2001:db8::1",
						 .protocol = GATE_TCP,
						 .to_port = 443},
				  T),
			 GATE_ANSWERED);
}

static void in_quarantine_the_page_is_reached_in_both_families(void **state)
{
	struct stage *s = *state;
	static const char *const peers[] = {"10.8.0.2", "fd08::2"}, *const pages[] = {"10.8.0.1",
										      "fd08::1"};
	for (size_t i = 0; i < 2; i++) {
		struct wish to = {.from = peers[i],
				  .to = pages[i],
				  .protocol = GATE_TCP,
				  .from_port = 50000,
				  .to_port = 443};
		struct wish from = {.from = pages[i],
				    .to = peers[i],
				    .protocol = GATE_TCP,
				    .from_port = 443,
				    .to_port = 50000};
		assert_int_equal(stage_in(s, &to, T), GATE_PASS);
		assert_int_equal(stage_out(s, &from, T), GATE_PASS);
		to.protocol = from.protocol = GATE_UDP;
		assert_int_not_equal(stage_in(s, &to, T), GATE_PASS);
		assert_int_not_equal(stage_out(s, &from, T), GATE_PASS);
	}
}

static void in_quarantine_time_is_asked_of_time_servers_only(void **state)
{
	struct stage *s = *state;
	struct wish ask = {
		.from = "10.8.0.2",
		.to = "192.168.1.1",
		.from_port = 123,
		.to_port = 123,
		.payload = span_of("\043...............................................", 48)};
	struct wish told = {
		.from = "192.168.1.1",
		.to = "10.8.0.2",
		.from_port = 123,
		.to_port = 123,
		.payload = span_of("\044...............................................", 48)};
	assert_int_equal(stage_in(s, &ask, T), GATE_PASS);
	assert_int_equal(stage_out(s, &told, T), GATE_PASS);
	/* Control messages (mode 6) and peering (mode 1) are no question for the time. */
	ask.payload = span_of("\046...............................................", 48);
	assert_int_not_equal(stage_in(s, &ask, T), GATE_PASS);
	told.payload = ask.payload;
	assert_int_not_equal(stage_out(s, &told, T), GATE_PASS);
	ask.payload = span_of("\043...............................................", 48);
	ask.to = "192.168.1.9";
	assert_int_not_equal(stage_in(s, &ask, T), GATE_PASS);
}

static void in_quarantine_echo_is_for_the_gateway_in_the_tunnel(void **state)
{
	struct stage *s = *state;
	struct wish ping4 = {
		.from = "10.8.0.2", .to = "10.8.0.1", .protocol = GATE_ICMP, .type = 8};
	struct wish pong4 = {
		.from = "10.8.0.1", .to = "10.8.0.2", .protocol = GATE_ICMP, .type = 0};
	struct wish ping6 = {
		.from = "fd08::2", .to = "fd08::1", .protocol = GATE_ICMPV6, .type = 128};
	struct wish pong6 = {
		.from = "fd08::1", .to = "fd08::2", .protocol = GATE_ICMPV6, .type = 129};
	assert_int_equal(stage_in(s, &ping4, T), GATE_PASS);
	assert_int_equal(stage_out(s, &pong4, T), GATE_PASS);
	assert_int_equal(stage_in(s, &ping6, T), GATE_PASS);
	assert_int_equal(stage_out(s, &pong6, T), GATE_PASS);
	assert_int_not_equal(stage_out(s,
				       &(struct wish){.from = "10.8.0.1",
						      .to = "10.8.0.2",
						      .protocol = GATE_ICMP,
						      .type = 8},
				       T),
			     GATE_PASS);
	ping4.to = "192.168.1.1";
	assert_int_not_equal(stage_in(s, &ping4, T), GATE_PASS);
	/* ICMPv6's numbers in IPv4, and the other way round, are other things. */
	assert_int_not_equal(stage_in(s,
				      &(struct wish){.from = "10.8.0.2",
						     .to = "10.8.0.1",
						     .protocol = GATE_ICMPV6,
						     .type = 128},
				      T),
			     GATE_PASS);
}

static void in_quarantine_no_fragment_and_no_source_route_passes(void **state)
{
	struct stage *s = *state;
	struct wish first = {.from = "10.8.0.2",
			     .to = "10.8.0.1",
			     .protocol = GATE_TCP,
			     .to_port = 443,
			     .more = true};
	struct wish later = {
		.from = "10.8.0.2", .to = "10.8.0.1", .protocol = GATE_TCP, .fragment = 1400};
	struct wish steered = {.from = "10.8.0.2",
			       .to = "10.8.0.1",
			       .protocol = GATE_TCP,
			       .to_port = 443,
			       .options = span_of("\203\007\004\300\250\001\011\000", 8)};
	assert_int_not_equal(stage_in(s, &first, T), GATE_PASS);
	assert_int_not_equal(stage_in(s, &later, T), GATE_PASS);
	assert_int_equal(stage_in(s, &steered, T), GATE_DROPPED);
	assert_int_equal(s->net.refused[GATE_STEERED], 1);
	open_it(s);
	assert_int_equal(stage_in(s, &first, T), GATE_PASS);
	assert_int_equal(stage_in(s, &later, T), GATE_PASS);
	assert_int_equal(stage_in(s, &steered, T), GATE_DROPPED);
}

static void extension_headers_hide_nothing(void **state)
{
	struct stage *s = *state;
	static const uint8_t options[8] = {0, 0, 1, 4};
	struct wish wish = {.from = "fd08::2",
			    .to = "fd08::1",
			    .protocol = GATE_TCP,
			    .to_port = 443,
			    .extensions = span_of(options, 8),
			    .extension = 60};
	assert_int_equal(stage_in(s, &wish, T), GATE_PASS);
	wish.to_port = 22;
	assert_int_equal(stage_in(s, &wish, T), GATE_ANSWERED);
}

static void proof_is_as_closed(void **state)
{
	struct stage *s = *state;
	struct wish lan = {
		.from = "10.8.0.2", .to = "192.168.1.9", .protocol = GATE_TCP, .to_port = 22};
	struct wish page = {
		.from = "10.8.0.2", .to = "10.8.0.1", .protocol = GATE_TCP, .to_port = 443};
	open_it(s);
	assert_int_equal(stage_in(s, &lan, T), GATE_PASS);
	gate_open_unproved(&s->peer, T + 3600000, 0, T);
	assert_int_equal(stage_in(s, &lan, T), GATE_ANSWERED);
	assert_int_equal(stage_in(s, &page, T), GATE_PASS);
	open_it(s);
	assert_int_equal(stage_in(s, &lan, T), GATE_PASS);
}

static void past_its_date_a_peer_reaches_not_even_the_page(void **state)
{
	struct stage *s = *state;
	struct wish page = {
		.from = "10.8.0.2", .to = "10.8.0.1", .protocol = GATE_TCP, .to_port = 443};
	struct wish back = {
		.from = "10.8.0.1", .to = "10.8.0.2", .protocol = GATE_TCP, .from_port = 443};
	s->peer.expires_ms = T + 1;
	open_it(s);
	assert_int_equal(stage_in(s, &page, T), GATE_PASS);
	assert_int_equal(stage_in(s, &page, T + 1), GATE_ANSWERED);
	assert_int_equal(stage_out(s, &back, T + 1), GATE_ANSWERED);
	assert_int_equal(s->net.refused[GATE_PAST_DATE], 2);
}

static void running_flows_are_cut_when_a_session_ends(void **state)
{
	struct stage *s = *state;
	struct wish there = {.from = "10.8.0.2",
			     .to = "192.168.1.9",
			     .protocol = GATE_TCP,
			     .from_port = 50000,
			     .to_port = 22,
			     .seq = 100,
			     .ack = 7000};
	struct wish back = {.from = "192.168.1.9",
			    .to = "10.8.0.2",
			    .protocol = GATE_TCP,
			    .from_port = 22,
			    .to_port = 50000,
			    .seq = 7000,
			    .ack = 100};
	open_it(s);
	assert_int_equal(stage_in(s, &there, T), GATE_PASS);
	assert_int_equal(stage_out(s, &back, T), GATE_PASS);
	gate_close(&s->peer);
	/* Both ends learn it by a RST that fits: its number is what they expect next. */
	assert_int_equal(stage_in(s, &there, T), GATE_ANSWERED);
	struct gate_packet p = answer_of(s);
	assert_true(is_from(&p, "192.168.1.9") && p.tcp_flags == RST);
	assert_memory_equal(p.upper.data + 4, "\0\0\033\130", 4);
	assert_int_equal(stage_out(s, &back, T), GATE_ANSWERED);
	p = answer_of(s);
	assert_true(is_from(&p, "10.8.0.2") && p.tcp_flags == RST);
	assert_memory_equal(p.upper.data + 4, "\0\0\0\144", 4);
}

static void a_session_ends_in_the_middle_of_a_flow_without_any_timer(void **state)
{
	struct stage *s = *state;
	struct wish lan = {
		.from = "10.8.0.2", .to = "192.168.1.9", .protocol = GATE_TCP, .to_port = 22};
	gate_open(&s->peer, T + 500, 0, T);
	assert_int_equal(stage_in(s, &lan, T + 499), GATE_PASS);
	assert_int_equal(stage_in(s, &lan, T + 500), GATE_ANSWERED);
}

static void silence_ends_a_session_and_refused_packets_do_not_revive_it(void **state)
{
	struct stage *s = *state;
	struct wish lan = {
		.from = "10.8.0.2", .to = "192.168.1.9", .protocol = GATE_TCP, .to_port = 22};
	struct wish back = {
		.from = "192.168.1.9", .to = "10.8.0.2", .protocol = GATE_TCP, .from_port = 22};
	gate_open(&s->peer, 0, 60000, T);
	assert_int_equal(stage_in(s, &lan, T + 50000), GATE_PASS);
	assert_int_equal(stage_out(s, &back, T + 100000), GATE_PASS);
	assert_int_equal(s->peer.data_ms, T + 100000);
	assert_int_equal(stage_in(s, &lan, T + 160000), GATE_ANSWERED);
	assert_int_equal(stage_in(s, &lan, T + 160001), GATE_ANSWERED);
	assert_int_equal(s->peer.data_ms, T + 100000);
}

static void what_quarantine_passes_is_no_activity(void **state)
{
	struct stage *s = *state;
	gate_open_unproved(&s->peer, 0, 60000, T);
	assert_int_equal(stage_in(s,
				  &(struct wish){.from = "10.8.0.2",
						 .to = "10.8.0.1",
						 .protocol = GATE_TCP,
						 .to_port = 443},
				  T + 5000),
			 GATE_PASS);
	assert_int_equal(s->peer.data_ms, T);
}

static void people_see_something_when_they_are_refused(void **state)
{
	struct stage *s = *state;
	assert_int_equal(
		stage_in(s, &(struct wish){.from = "10.8.0.2", .to = "192.168.1.9", .to_port = 9},
			 T),
		GATE_ANSWERED);
	assert_true(is_prohibited(s));
	struct gate_packet p = answer_of(s);
	assert_true(is_from(&p, "10.8.0.1"));
	assert_int_equal(
		stage_in(s, &(struct wish){.from = "fd08::2", .to = "2001:db8::9", .to_port = 9},
			 T),
		GATE_ANSWERED);
	assert_true(is_prohibited(s));
	p = answer_of(s);
	assert_true(is_from(&p, "fd08::1"));
	/* Into the device: as from the peer, since no packet from the gateway itself comes from
	 * there. */
	assert_int_equal(
		stage_out(s, &(struct wish){.from = "192.168.1.9", .to = "10.8.0.2", .to_port = 9},
			  T),
		GATE_ANSWERED);
	assert_true(is_prohibited(s));
	p = answer_of(s);
	assert_true(is_from(&p, "10.8.0.2"));
}

static void answers_to_refusals_are_bounded(void **state)
{
	struct stage *s = *state;
	struct wish wish = {.from = "10.8.0.2", .to = "192.168.1.9", .to_port = 9};
	unsigned answered = 0;
	for (unsigned i = 0; i < 1000; i++)
		answered += stage_in(s, &wish, T) == GATE_ANSWERED;
	assert_in_range(answered, 10, 100);
	assert_int_equal(s->net.answers, answered);
	assert_int_equal(s->peer.rules.refused[GATE_QUARANTINE], 1000);
	assert_int_equal(stage_in(s, &wish, T + 1000), GATE_ANSWERED);
}

static void nobody_poses_as_the_gateway(void **state)
{
	struct stage *s = *state;
	static const char *const v4[] = {"10.8.0.1", "192.168.1.1", "203.0.113.1",    "127.0.0.1",
					 "0.0.0.0",  "224.0.0.1",   "255.255.255.255"};
	static const char *const v6[] = {
		"fd08::1", "2001:db8::1", "::1", "::", "ff02::1", "::ffff:10.8.0.1", "::10.8.0.1"};
	open_it(s);
	for (size_t i = 0; i < 7; i++) {
		assert_int_equal(stage_in(s, &(struct wish){.from = v4[i], .to = "192.168.1.9"}, T),
				 GATE_DROPPED);
		assert_int_equal(stage_in(s, &(struct wish){.from = v6[i], .to = "2001:db8::9"}, T),
				 GATE_DROPPED);
	}
	assert_int_equal(s->net.refused[GATE_SPOOFED], 14);
}

static void no_peer_steers_the_gateways_routes(void **state)
{
	struct stage *s = *state;
	open_it(s);
	assert_int_equal(stage_in(s,
				  &(struct wish){.from = "10.8.0.2",
						 .to = "10.8.0.1",
						 .protocol = GATE_ICMP,
						 .type = 5},
				  T),
			 GATE_DROPPED);
	for (uint8_t type = 133; type <= 137; type++)
		assert_int_equal(stage_in(s,
					  &(struct wish){.from = "fd08::2",
							 .to = "fd08::1",
							 .protocol = GATE_ICMPV6,
							 .type = type},
					  T),
				 GATE_DROPPED);
}

static void a_peer_that_nobody_set_up_passes_nothing(void **state)
{
	struct stage *s = *state;
	struct vpn_peer peer = {0};
	struct gate_bytes bytes =
		stage_bytes(s, &(struct wish){.from = "10.8.0.2", .to = "10.8.0.1"});
	assert_int_equal(gate_in(&peer, bytes, T, &s->w), GATE_DROPPED);
	assert_int_equal(gate_out(&peer, bytes, T, &s->w), GATE_DROPPED);
	gate_peer_init(&peer.rules, &s->net);
	gate_close(&peer);
	s->net.page_port = 0;
	assert_int_not_equal(stage_in(s,
				      &(struct wish){.from = "10.8.0.2",
						     .to = "10.8.0.1",
						     .protocol = GATE_TCP,
						     .to_port = 443},
				      T),
			     GATE_PASS);
}

int main(void)
{
#define FACT(fact) cmocka_unit_test_setup_teardown(fact, begin, end)
	const struct CMUnitTest tests[] = {
		FACT(in_quarantine_nothing_else_leaves_the_peer),
		FACT(in_quarantine_nothing_else_reaches_the_peer),
		FACT(the_pages_port_is_closed_on_the_gateways_other_addresses),
		FACT(in_quarantine_the_page_is_reached_in_both_families),
		FACT(in_quarantine_time_is_asked_of_time_servers_only),
		FACT(in_quarantine_echo_is_for_the_gateway_in_the_tunnel),
		FACT(in_quarantine_no_fragment_and_no_source_route_passes),
		FACT(extension_headers_hide_nothing),
		FACT(proof_is_as_closed),
		FACT(past_its_date_a_peer_reaches_not_even_the_page),
		FACT(running_flows_are_cut_when_a_session_ends),
		FACT(a_session_ends_in_the_middle_of_a_flow_without_any_timer),
		FACT(silence_ends_a_session_and_refused_packets_do_not_revive_it),
		FACT(what_quarantine_passes_is_no_activity),
		FACT(people_see_something_when_they_are_refused),
		FACT(answers_to_refusals_are_bounded),
		FACT(nobody_poses_as_the_gateway),
		FACT(no_peer_steers_the_gateways_routes),
		FACT(a_peer_that_nobody_set_up_passes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
