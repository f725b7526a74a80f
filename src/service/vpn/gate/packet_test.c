#include "service/vpn/gate/packet.h"

#include "service/vpn/gate/stage_test.h"
#include "test/guard.h"

static uint8_t room[STAGE_PACKET_MAX];

#define V4 .from = "10.8.0.2", .to = "192.168.1.9"
#define V6 .from = "fd08::2", .to = "2001:db8::9"

static struct gate_packet read_wish(const struct wish *wish)
{
	struct gate_packet p;
	assert_int_equal(gate_packet_read(stage_packet(room, wish), &p), OK);
	return p;
}

static void refuse_wish(const struct wish *wish)
{
	struct gate_packet p = {.family = 99};
	assert_int_equal(gate_packet_read(stage_packet(room, wish), &p), ERR_FORMAT);
	assert_int_equal(p.family, 99);
}

static void refuses_what_is_no_ip_packet(void **state)
{
	(void)state;
	struct gate_packet p;
	static const uint8_t five[40] = {0x55}, short_head[40] = {0x44, 0, 0, 40};
	assert_int_equal(gate_packet_read(span_of(five, 40), &p), ERR_FORMAT);
	assert_int_equal(gate_packet_read(span_of(short_head, 40), &p), ERR_FORMAT);
	assert_int_equal(gate_packet_read(span_of(five, 0), &p), ERR_FORMAT);
}

static void refuses_a_length_beyond_the_octets(void **state)
{
	(void)state;
	struct gate_packet p;
	struct span v4 = stage_packet(room, &(struct wish){V4, .payload = span_text("abc")});
	assert_int_equal(gate_packet_read(span_of(v4.data, v4.len - 1), &p), ERR_FORMAT);
	struct span v6 = stage_packet(room, &(struct wish){V6, .payload = span_text("abc")});
	assert_int_equal(gate_packet_read(span_of(v6.data, v6.len - 1), &p), ERR_FORMAT);
}

static void leaves_the_padding_out(void **state)
{
	(void)state;
	struct gate_packet p;
	struct span v4 = stage_packet(room, &(struct wish){V4, .payload = span_text("abc")});
	assert_int_equal(gate_packet_read(span_of(v4.data, v4.len + 13), &p), OK);
	assert_int_equal(p.upper.len, 11);
	struct span v6 = stage_packet(room, &(struct wish){V6, .payload = span_text("abc")});
	assert_int_equal(gate_packet_read(span_of(v6.data, v6.len + 13), &p), OK);
	assert_int_equal(p.upper.len, 11);
	assert_int_equal(p.len, v6.len);
}

/* RFC 1858, RFC 3128, RFC 7112 */
static void refuses_fragments_that_hide_or_overwrite_the_head(void **state)
{
	(void)state;
	struct wish tiny = {V4, .protocol = 99, .more = true, .payload = span_of("12345678", 8)};
	struct span bytes = stage_packet(room, &tiny);
	room[9] = GATE_TCP;
	struct gate_packet p;
	assert_int_equal(gate_packet_read(bytes, &p), ERR_FORMAT);
	refuse_wish(&(struct wish){V4, .protocol = GATE_TCP, .fragment = 8});
	refuse_wish(&(struct wish){V4, .protocol = GATE_TCP, .fragment = 16});
	refuse_wish(&(struct wish){V6, .protocol = GATE_TCP, .fragment = 8});
	assert_int_equal(
		read_wish(&(struct wish){V4, .protocol = GATE_TCP, .fragment = 24}).fragment,
		GATE_LATER);
}

static void knows_fragments_in_both_families(void **state)
{
	(void)state;
	const struct wish first4 = {V4, .to_port = 53, .more = true},
			  first6 = {V6, .to_port = 53, .more = true};
	const struct wish *firsts[] = {&first4, &first6};
	for (size_t i = 0; i < 2; i++) {
		struct gate_packet p = read_wish(firsts[i]);
		assert_int_equal(p.fragment, GATE_FIRST);
		assert_int_equal(p.destination_port, 53);
		struct wish later = *firsts[i];
		later.fragment = 1480;
		later.payload = span_of("\0\0\0\65", 4);
		p = read_wish(&later);
		assert_int_equal(p.fragment, GATE_LATER);
		assert_int_equal(p.protocol, GATE_UDP);
		assert_int_equal(p.destination_port, 0);
	}
	/* RFC 6946 */
	struct gate_packet p =
		read_wish(&(struct wish){V6, .to_port = 53, .fragment_header = true});
	assert_int_equal(p.fragment, GATE_WHOLE);
	assert_int_equal(p.destination_port, 53);
}

static void finds_ports_behind_extension_headers(void **state)
{
	(void)state;
	static const uint8_t hop_by_hop[8] = {0, 0, 1, 4}, destination[16] = {0, 1, 1, 12},
			     authentication[12] = {0, 1};
	const struct span headers[] = {span_of(hop_by_hop, 8), span_of(destination, 16),
				       span_of(authentication, 12)};
	static const uint8_t types[] = {0, 60, 51};
	for (size_t i = 0; i < 3; i++) {
		struct gate_packet p =
			read_wish(&(struct wish){V6, .protocol = GATE_TCP, .to_port = 443,
						 .extensions = headers[i], .extension = types[i]});
		assert_int_equal(p.protocol, GATE_TCP);
		assert_int_equal(p.destination_port, 443);
		assert_int_equal(p.upper_at, 40 + headers[i].len);
		assert_false(p.steered);
	}
}

static void refuses_a_long_chain_of_extension_headers(void **state)
{
	(void)state;
	uint8_t chain[8 * (GATE_EXTENSIONS_MAX + 1)] = {0};
	for (size_t i = 0; i < GATE_EXTENSIONS_MAX; i++)
		chain[8 * i] = 60;
	/* stage_packet fills in what follows the first header: so it is the chain that goes on. */
	struct wish w = {V6, .extensions = span_of(chain, sizeof(chain)), .extension = 60};
	struct span bytes = stage_packet(room, &w);
	room[40] = 60;
	struct gate_packet p;
	assert_int_equal(gate_packet_read(bytes, &p), ERR_FORMAT);
	/* One less is read to its end. */
	chain[8 * (GATE_EXTENSIONS_MAX - 1)] = GATE_UDP;
	bytes = stage_packet(room, &w);
	room[40] = 60;
	assert_int_equal(gate_packet_read(bytes, &p), OK);
	assert_int_equal(p.protocol, GATE_UDP);
}

static void sees_source_routes(void **state)
{
	(void)state;
	static const uint8_t loose[8] = {131, 7, 4, 1, 2, 3, 4, 0},
			     strict[8] = {137, 7, 4, 1, 2, 3, 4, 0},
			     record[8] = {7, 7, 4, 0, 0, 0, 0, 0},
			     behind[12] = {1, 1, 1, 131, 7, 4};
	static const uint8_t left[24] = {0, 2, 0, 1}, done[24] = {0, 2, 0, 0};
	assert_true(read_wish(&(struct wish){V4, .options = span_of(loose, 8)}).steered);
	assert_true(read_wish(&(struct wish){V4, .options = span_of(strict, 8)}).steered);
	assert_true(read_wish(&(struct wish){V4, .options = span_of(behind, 12)}).steered);
	assert_false(read_wish(&(struct wish){V4, .options = span_of(record, 8)}).steered);
	assert_true(read_wish(&(struct wish){V6, .extensions = span_of(left, 24), .extension = 43})
			    .steered);
	assert_false(read_wish(&(struct wish){V6, .extensions = span_of(done, 24), .extension = 43})
			     .steered);
}

static void refuses_torn_options(void **state)
{
	(void)state;
	refuse_wish(&(struct wish){V4, .options = span_of("\007\011\0\0\0\0\0\0", 8)});
	refuse_wish(&(struct wish){V4, .options = span_of("\007\001\0\0", 4)});
	refuse_wish(&(struct wish){V4, .options = span_of("\001\001\001\007", 4)});
}

static void reads_what_an_icmp_error_quotes(void **state)
{
	(void)state;
	uint8_t quoted[STAGE_PACKET_MAX];
	struct span inner = stage_packet(quoted, &(struct wish){.from = "192.168.1.9",
								.to = "10.8.0.2",
								.protocol = GATE_TCP,
								.from_port = 443,
								.to_port = 50000,
								.payload = span_text("lost")});
	struct wish error = {V4, .protocol = GATE_ICMP, .type = 3, .code = 4,
			     .payload = span_sub(inner, 0, 28)};
	struct gate_packet p = read_wish(&error), q;
	assert_true(gate_packet_is_error(&p));
	assert_int_equal(gate_packet_read_quoted(&p, &q), OK);
	assert_int_equal(q.source_port, 443);
	assert_int_equal(q.destination_port, 50000);
	error.payload = span_sub(inner, 0, 27);
	p = read_wish(&error);
	assert_int_equal(gate_packet_read_quoted(&p, &q), ERR_FORMAT);
	error.type = 8;
	p = read_wish(&error);
	assert_int_equal(gate_packet_read_quoted(&p, &q), ERR_UNSUPPORTED);
}

static void check_any(const uint8_t *data, size_t len)
{
	struct gate_packet p, q;
	if (gate_packet_read(span_of(data, len), &p) != OK)
		return;
	assert_true(p.len <= len && p.upper_at + p.upper.len == p.len);
	assert_ptr_equal(p.upper.data, data + p.upper_at);
	if (gate_packet_read_quoted(&p, &q) == OK)
		assert_int_equal(q.family, p.family);
}

static void nothing_is_read_beyond_any_packet(void **state)
{
	(void)state;
	static const uint8_t extensions[8] = {0, 0, 1, 4};
	uint8_t quoted[STAGE_PACKET_MAX];
	struct span inner4 = stage_packet(quoted, &(struct wish){V4, .protocol = GATE_TCP});
	struct wish error4 = {V4, .protocol = GATE_ICMP, .type = 3, .payload = inner4};
	const struct wish wishes[] = {
		error4,
		{V4, .payload = span_text("payload")},
		{V4, .protocol = GATE_TCP,
		 .options = span_of("\203\007\004\001\002\003\004\000", 8)},
		{V6, .protocol = GATE_TCP, .extensions = span_of(extensions, 8), .more = true},
		{V6, .protocol = GATE_ICMPV6, .type = 1, .payload = span_text("no packet")},
	};
	for (size_t i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		struct span bytes = stage_packet(room, &wishes[i]);
		guard_every_prefix(bytes.data, bytes.len, check_any);
		guard_every_bit_flip(bytes.data, bytes.len, check_any);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_ip_packet),
		cmocka_unit_test(refuses_a_length_beyond_the_octets),
		cmocka_unit_test(leaves_the_padding_out),
		cmocka_unit_test(refuses_fragments_that_hide_or_overwrite_the_head),
		cmocka_unit_test(knows_fragments_in_both_families),
		cmocka_unit_test(finds_ports_behind_extension_headers),
		cmocka_unit_test(refuses_a_long_chain_of_extension_headers),
		cmocka_unit_test(sees_source_routes),
		cmocka_unit_test(refuses_torn_options),
		cmocka_unit_test(reads_what_an_icmp_error_quotes),
		cmocka_unit_test(nothing_is_read_beyond_any_packet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
