#include "service/vpn/gate/web_redirect.h"

#include "service/vpn/gate/stage_test.h"
#include "test/random.h"

enum { T = STAGE_T0, SYN = 2, ACK = 16 };

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

static struct wish to_web(const char *from, const char *to, uint16_t port, uint8_t flags)
{
	return (struct wish){.from = from,
			     .to = to,
			     .protocol = GATE_TCP,
			     .from_port = port,
			     .to_port = 80,
			     .flags = flags,
			     .seq = 77,
			     .payload = span_text("GET / odd")};
}

static struct wish from_page(const char *page, const char *to, uint16_t port)
{
	return (struct wish){.from = page,
			     .to = to,
			     .protocol = GATE_TCP,
			     .from_port = 8080,
			     .to_port = port,
			     .payload = span_text("HTTP/1.1 302")};
}

static bool is(const struct stage *s, const char *from, uint16_t from_port, const char *to,
	       uint16_t to_port)
{
	struct gate_packet p;
	struct ip_address a = stage_address(from), b = stage_address(to);
	struct span bytes = span_of(s->packet, sizeof(s->packet));
	assert_int_equal(gate_packet_read(bytes, &p), OK);
	assert_true(stage_sums_right(span_of(s->packet, p.len)));
	return span_equal(p.source, ip_address_span(&a)) &&
	       span_equal(p.destination, ip_address_span(&b)) && p.source_port == from_port &&
	       p.destination_port == to_port;
}

static void the_web_is_led_to_the_page_and_the_answer_comes_from_the_web(void **state)
{
	struct stage *s = *state;
	static const struct {
		const char *peer, *web, *page;
	} worlds[] = {{"10.8.0.2", "198.51.100.7", "10.8.0.1"},
		      {"10.8.0.2", "10.8.0.1", "10.8.0.1"},
		      {"fd08::2", "2001:db8:99::7", "fd08::1"},
		      {"fd08::2", "fd08::1", "fd08::1"}};
	for (size_t i = 0; i < 4; i++) {
		uint16_t port = (uint16_t)(50000 + i);
		struct wish w = to_web(worlds[i].peer, worlds[i].web, port, SYN);
		assert_int_equal(stage_in(s, &w, T), GATE_PASS);
		assert_true(is(s, worlds[i].peer, port, worlds[i].page, 8080));
		w.flags = ACK;
		assert_int_equal(stage_in(s, &w, T), GATE_PASS);
		assert_true(is(s, worlds[i].peer, port, worlds[i].page, 8080));
		w = from_page(worlds[i].page, worlds[i].peer, port);
		assert_int_equal(stage_out(s, &w, T), GATE_PASS);
		assert_true(is(s, worlds[i].web, 80, worlds[i].peer, port));
	}
	assert_int_equal(s->net.redirected, 12);
}

static void a_checksum_that_the_kernel_left_open_stays_completable(void **state)
{
	struct stage *s = *state;
	static const char *const peers[] = {"10.8.0.2", "fd08::2"},
				 *const pages[] = {"10.8.0.1", "fd08::1"},
				 *const webs[] = {"198.51.100.7", "2001:db8:99::7"};
	for (size_t i = 0; i < 2; i++) {
		struct wish w = to_web(peers[i], webs[i], 50000, SYN);
		assert_int_equal(stage_in(s, &w, T), GATE_PASS);
		w = from_page(pages[i], peers[i], 50000);
		struct gate_bytes bytes = stage_bytes(s, &w);
		struct gate_packet p;
		assert_int_equal(gate_packet_read(span_of(s->packet, bytes.len), &p), OK);
		uint8_t *sum = s->packet + p.upper_at + 16;
		/* Not complemented: what NEEDS_CSUM means. */
		put_u16(sum, (uint16_t)~ip_sum_finish(ip_sum_pseudo(
				     p.source, p.destination, GATE_TCP, (uint32_t)p.upper.len)));
		bytes.partial = true;
		assert_int_equal(gate_out(&s->peer, bytes, T, &s->w), GATE_PASS);
		/* The kernel's way to complete it: the sum from the upper header on. */
		put_u16(sum, ip_checksum(p.upper));
		assert_true(is(s, webs[i], 80, peers[i], 50000));
	}
}

static void the_middle_of_an_unknown_connection_is_refused(void **state)
{
	struct stage *s = *state;
	struct wish w = to_web("10.8.0.2", "198.51.100.7", 50000, ACK);
	assert_int_equal(stage_in(s, &w, T), GATE_ANSWERED);
	w = from_page("10.8.0.1", "10.8.0.2", 50000);
	assert_int_equal(stage_out(s, &w, T), GATE_ANSWERED);
	assert_int_equal(s->net.refused[GATE_PAGE_FULL], 2);
	/* The redirect's own port is no way round it. */
	w = to_web("10.8.0.2", "10.8.0.1", 50000, SYN);
	w.to_port = 8080;
	assert_int_equal(stage_in(s, &w, T), GATE_ANSWERED);
	assert_int_equal(s->net.refused[GATE_QUARANTINE], 1);
}

static void a_port_used_again_asks_somebody_else(void **state)
{
	struct stage *s = *state;
	struct wish one = to_web("10.8.0.2", "198.51.100.7", 50000, SYN);
	struct wish other = to_web("10.8.0.2", "198.51.100.8", 50000, ACK);
	struct wish back = from_page("10.8.0.1", "10.8.0.2", 50000);
	assert_int_equal(stage_in(s, &one, T), GATE_PASS);
	assert_int_equal(stage_in(s, &other, T), GATE_ANSWERED);
	other.flags = SYN;
	assert_int_equal(stage_in(s, &other, T), GATE_PASS);
	assert_int_equal(stage_out(s, &back, T), GATE_PASS);
	assert_true(is(s, "198.51.100.8", 80, "10.8.0.2", 50000));
}

static void silent_connections_are_forgotten(void **state)
{
	struct stage *s = *state;
	struct wish w = to_web("10.8.0.2", "198.51.100.7", 50000, SYN);
	struct wish back = from_page("10.8.0.1", "10.8.0.2", 50000);
	assert_int_equal(stage_in(s, &w, T), GATE_PASS);
	assert_int_equal(stage_out(s, &back, T + 120000), GATE_PASS);
	assert_int_equal(stage_out(s, &back, T + 240000), GATE_PASS);
	assert_int_equal(stage_out(s, &back, T + 360001), GATE_ANSWERED);
}

static void who_opens_many_pushes_out_his_own(void **state)
{
	(void)state;
	static const uint8_t key[16] = {7};
	struct web_redirect *r;
	/* As few rows as there can be, so that all share them. */
	assert_int_equal(web_redirect_new(1, key, &r), OK);
	struct web_redirect_page page = {.page4 = stage_address("10.8.0.1"), .port = 8080};
	uint8_t room[STAGE_PACKET_MAX];
	struct gate_packet p;
	struct web_redirect_packet packet = {.bytes = room, .p = &p};
	struct wish one = to_web("10.8.0.9", "198.51.100.7", 1000, SYN);
	assert_int_equal(gate_packet_read(stage_packet(room, &one), &p), OK);
	assert_true(web_redirect_in(r, &page, &packet, T));
	for (uint16_t port = 2000; port < 3000; port++) {
		struct wish many = to_web("10.8.0.2", "198.51.100.7", port, SYN);
		assert_int_equal(gate_packet_read(stage_packet(room, &many), &p), OK);
		assert_true(web_redirect_in(r, &page, &packet, T + port));
	}
	unsigned known = 0;
	for (uint16_t port = 2000; port < 3000; port++) {
		struct wish back = from_page("10.8.0.1", "10.8.0.2", port);
		assert_int_equal(gate_packet_read(stage_packet(room, &back), &p), OK);
		known += web_redirect_out(r, &page, &packet, T + 3000);
	}
	assert_in_range(known, 1, WEB_REDIRECT_PER_PEER);
	struct wish back = from_page("10.8.0.1", "10.8.0.9", 1000);
	assert_int_equal(gate_packet_read(stage_packet(room, &back), &p), OK);
	assert_true(web_redirect_out(r, &page, &packet, T + 3000));
	web_redirect_free(r);
}

static void checksums_are_right_whatever_the_numbers(void **state)
{
	struct stage *s = *state;
	struct test_random r = test_random_begin();
	for (unsigned i = 0; i < 5000; i++) {
		uint8_t payload[64];
		char web[IP_ADDRESS_TEXT_MAX];
		struct ip_address a = {.family = i & 1 ? 4 : 6};
		test_random_fill(&r, payload, sizeof(payload));
		test_random_fill(&r, a.bytes, a.family == 4 ? 4 : 16);
		a.bytes[0] = a.family == 4 ? 198 : 0x20;
		(void)ip_address_format(&a, web);
		const char *peer = i & 1 ? "10.8.0.2" : "fd08::2",
			   *page = i & 1 ? "10.8.0.1" : "fd08::1";
		uint16_t port = (uint16_t)(1024 + test_random_below(&r, 60000));
		struct wish w = to_web(peer, web, port, SYN);
		w.payload = span_of(payload, test_random_below(&r, sizeof(payload)));
		w.seq = (uint32_t)test_random_next(&r);
		assert_int_equal(stage_in(s, &w, T), GATE_PASS);
		assert_true(is(s, peer, port, page, 8080));
		w = from_page(page, peer, port);
		w.ack = (uint32_t)test_random_next(&r);
		assert_int_equal(stage_out(s, &w, T), GATE_PASS);
		assert_true(is(s, web, 80, peer, port));
	}
}

int main(void)
{
#define FACT(fact) cmocka_unit_test_setup_teardown(fact, begin, end)
	const struct CMUnitTest tests[] = {
		FACT(the_web_is_led_to_the_page_and_the_answer_comes_from_the_web),
		FACT(a_checksum_that_the_kernel_left_open_stays_completable),
		FACT(the_middle_of_an_unknown_connection_is_refused),
		FACT(a_port_used_again_asks_somebody_else),
		FACT(silent_connections_are_forgotten),
		cmocka_unit_test(who_opens_many_pushes_out_his_own),
		FACT(checksums_are_right_whatever_the_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
