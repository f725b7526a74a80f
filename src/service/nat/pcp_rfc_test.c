/* What RFC 6887 demands of a server, each demand quoted. */
#include "base/writer.h"
#include "service/nat/pcp.h"
#include "service/nat/ports_world_test.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct stage {
	struct world world;
	struct pcp_server server;
	uint8_t out[PCP_MESSAGE_MAX];
	size_t out_len;
};

/* A request by hand: head, then what the opcode has, then options. */
struct message {
	uint8_t opcode;
	uint32_t lifetime_s;
	const char *client;
	uint8_t nonce, protocol;
	uint16_t internal_port, external_port;
	const char *external, *remote; /* remote: an endpoint; with PCP_PEER */
	struct span options;
};

static const struct message map = {.opcode = PCP_MAP,
				   .lifetime_s = 7200,
				   .client = "192.168.1.5",
				   .nonce = 1,
				   .protocol = 6,
				   .internal_port = 8080,
				   .external = "0.0.0.0"};

static void begin(struct stage *s)
{
	world_begin(&s->world);
	s->server = (struct pcp_server){.list = s->world.list, .pcp = true, .nat_pmp = true};
}

static size_t message_write(const struct message *m, uint8_t *room, size_t size)
{
	struct writer w = writer_of(room, size);
	struct ip_address client = world_address(m->client);
	write_u8(&w, PCP_VERSION);
	write_u8(&w, m->opcode);
	write_u16(&w, 0);
	write_u32(&w, m->lifetime_s);
	pcp_write_address(&w, &client);
	if (m->opcode != PCP_ANNOUNCE) {
		struct ip_address external = world_address(m->external);
		uint8_t nonce[PCP_NONCE_LEN] = {m->nonce};
		write_bytes(&w, nonce, sizeof(nonce));
		write_u32(&w, (uint32_t)m->protocol << 24);
		write_u16(&w, m->internal_port);
		write_u16(&w, m->external_port);
		pcp_write_address(&w, &external);
	}
	if (m->opcode == PCP_PEER) {
		struct ip_endpoint remote = world_endpoint(m->remote);
		write_u16(&w, remote.port);
		write_u16(&w, 0);
		pcp_write_address(&w, &remote.address);
	}
	write_span(&w, m->options);
	assert_int_equal(writer_check(&w), OK);
	return w.pos;
}

static void send_raw(struct stage *s, uint64_t now_ms, const char *from, struct span datagram)
{
	struct pcp_arrival a = {.source = world_endpoint(from), .zone = "lan"};
	struct writer w = writer_of(s->out, sizeof(s->out));
	a.source.port = 5000;
	pcp_server_receive(&s->server, now_ms, &a, datagram, &w);
	assert_int_equal(writer_check(&w), OK);
	s->out_len = w.pos;
}

/* The result code of the answer. */
static enum pcp_result ask_from(struct stage *s, uint64_t now_ms, const char *from,
				const struct message *m)
{
	uint8_t room[PCP_MESSAGE_MAX];
	size_t len = message_write(m, room, sizeof(room));
	send_raw(s, now_ms, from, span_of(room, len));
	assert_true(s->out_len >= PCP_HEADER_LEN);
	assert_true(s->out[0] == 2 && s->out[1] == (m->opcode | 0x80));
	return (enum pcp_result)s->out[3];
}

static enum pcp_result ask(struct stage *s, const struct message *m)
{
	return ask_from(s, WORLD_NOW_MS, m->client, m);
}

static uint32_t u32_at(const struct stage *s, size_t at)
{
	return (uint32_t)s->out[at] << 24 | (uint32_t)s->out[at + 1] << 16 |
	       (uint32_t)s->out[at + 2] << 8 | s->out[at + 3];
}

static uint32_t lifetime(const struct stage *s)
{
	return u32_at(s, 4);
}

static uint16_t external_port(const struct stage *s)
{
	return (uint16_t)u32_at(s, 24 + 16);
}

/* 8.2: "If the version number is not supported, generate an UNSUPP_VERSION error"; 9: the answer
 * has "the highest version supported". */
static void another_version_learns_ours(void **state)
{
	(void)state;
	struct stage s;
	uint8_t room[PCP_MESSAGE_MAX];
	begin(&s);
	size_t len = message_write(&map, room, sizeof(room));
	room[0] = 3;
	send_raw(&s, WORLD_NOW_MS, "192.168.1.5", span_of(room, len));
	assert_true(s.out[0] == 2 && s.out[3] == PCP_UNSUPP_VERSION);
	assert_int_equal(s.world.open_n, 0);
	/* Appendix A: a NAT-PMP client without its server learns the same where NAT-PMP has its
	 * result code. */
	s.server.nat_pmp = false;
	send_raw(&s, WORLD_NOW_MS, "192.168.1.5", span_of("\0\0", 2));
	assert_true(s.out_len == 24 && s.out[0] == 2 && s.out[2] == 0 && s.out[3] == 1);
	world_end(&s.world);
}

/* 8.2: "If the PCP Client's IP Address in the PCP header does not match ... ADDRESS_MISMATCH". */
static void an_address_that_a_nat_changed_is_told(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	assert_int_equal(ask_from(&s, WORLD_NOW_MS, "192.168.1.6", &map), PCP_ADDRESS_MISMATCH);
	struct message announce = {.opcode = PCP_ANNOUNCE, .client = "192.168.1.5"};
	assert_int_equal(ask_from(&s, WORLD_NOW_MS, "192.168.1.6", &announce),
			 PCP_ADDRESS_MISMATCH);
	assert_int_equal(s.world.open_n, 0);
	world_end(&s.world);
}

/* 7.4: short and long lifetimes of errors: 30 seconds and 30 minutes. 8.3: the request comes back.
 */
static void errors_carry_their_lifetime_and_the_request(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	struct message m = map;
	m.protocol = 132;
	assert_int_equal(ask(&s, &m), PCP_UNSUPP_PROTOCOL);
	assert_int_equal(lifetime(&s), 1800);
	assert_int_equal(s.out[24 + 12], 132);
	s.world.outside4 = (struct ip_address){0};
	assert_int_equal(ask(&s, &map), PCP_NETWORK_FAILURE);
	assert_int_equal(lifetime(&s), 30);
	m = map;
	m.opcode = 3;
	assert_int_equal(ask(&s, &m), PCP_UNSUPP_OPCODE);
	world_end(&s.world);
}

/* 11.1: all protocols or all ports may be asked for; 11.3: who cannot, answers UNSUPP_PROTOCOL. */
static void all_ports_of_an_address_are_not_given(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	struct message m = map;
	m.internal_port = 0;
	assert_int_equal(ask(&s, &m), PCP_UNSUPP_PROTOCOL);
	m.protocol = 0;
	assert_int_equal(ask(&s, &m), PCP_UNSUPP_PROTOCOL);
	assert_int_equal(s.world.open_n, 0);
	world_end(&s.world);
}

static void a_mapping_is_made_renewed_and_deleted(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	struct message m = map;
	m.external_port = 8443;
	assert_int_equal(ask(&s, &m), PCP_SUCCESS);
	assert_int_equal(s.out_len, 60);
	assert_int_equal(lifetime(&s), 7200);
	assert_int_equal(external_port(&s), 8443);
	/* 5: IPv4 addresses are IPv4-mapped */
	static const uint8_t want[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 7};
	assert_memory_equal(s.out + 44, want, 16);
	/* 11.3: renewal returns the same, whatever is suggested */
	m.external_port = 9999;
	m.lifetime_s = 600;
	assert_int_equal(ask_from(&s, WORLD_NOW_MS + 1000, m.client, &m), PCP_SUCCESS);
	assert_true(external_port(&s) == 8443 && lifetime(&s) == 600 && s.world.open_n == 1);
	/* 15.1: lifetime zero deletes; what is not there is as good as deleted */
	m.lifetime_s = 0;
	assert_int_equal(ask(&s, &m), PCP_SUCCESS);
	assert_true(lifetime(&s) == 0 && s.world.open_n == 0);
	assert_int_equal(ask(&s, &m), PCP_SUCCESS);
	assert_int_equal(lifetime(&s), 0);
	world_end(&s.world);
}

/* 11.3: "If ... the Mapping Nonce ... does not match ... the request MUST be rejected with a
 * NOT_AUTHORIZED error with the lifetime of the error indicating duration of that existing
 * mapping". */
static void only_its_nonce_moves_a_mapping(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	assert_int_equal(ask(&s, &map), PCP_SUCCESS);
	struct message m = map;
	m.nonce = 2;
	assert_int_equal(ask_from(&s, WORLD_NOW_MS + 200 * 1000, m.client, &m), PCP_NOT_AUTHORIZED);
	assert_int_equal(lifetime(&s), 7000);
	m.lifetime_s = 0;
	assert_int_equal(ask(&s, &m), PCP_NOT_AUTHORIZED);
	assert_int_equal(s.world.open_n, 1);
	/* nor does deleting all */
	m.protocol = 0;
	m.internal_port = 0;
	assert_int_equal(ask(&s, &m), PCP_SUCCESS);
	assert_int_equal(s.world.open_n, 1);
	m.nonce = 1;
	m.internal_port = 80;
	assert_int_equal(ask(&s, &m), PCP_MALFORMED_REQUEST);
	m.internal_port = 0;
	assert_int_equal(ask(&s, &m), PCP_SUCCESS);
	assert_int_equal(s.world.open_n, 0);
	world_end(&s.world);
}

/* 13.2: "If the PCP server is unable to allocate the suggested external address and port, it MUST
 * ... return CANNOT_PROVIDE_EXTERNAL". */
static void prefer_failure_is_that_port_or_none(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	s.world.taken = 8443;
	struct message m = map;
	m.external_port = 8443;
	m.options = span_of("\2\0\0\0", 4);
	assert_int_equal(ask(&s, &m), PCP_CANNOT_PROVIDE_EXTERNAL);
	assert_true(lifetime(&s) == 30 && s.world.open_n == 0);
	m.external_port = 8444;
	m.external = "203.0.113.99";
	assert_int_equal(ask(&s, &m), PCP_CANNOT_PROVIDE_EXTERNAL);
	m.external = "203.0.113.7";
	assert_int_equal(ask(&s, &m), PCP_SUCCESS);
	/* 7.3: "the response ... includes the options that were processed" */
	assert_int_equal(s.out_len, 64);
	assert_memory_equal(s.out + 60, "\2\0\0\0", 4);
	/* without the option another port is right */
	m = map;
	m.internal_port = 8081;
	m.external_port = 8443;
	assert_int_equal(ask(&s, &m), PCP_SUCCESS);
	assert_int_equal(external_port(&s), 40000);
	world_end(&s.world);
}

#define THIRD span_of("\1\0\0\x10\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\xa8\1\x9", 20) /* 192.168.1.9 */

/* 13.1: "MUST NOT" without an administrator's word. */
static void a_third_party_is_refused_unless_configured(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	struct message m = map;
	m.options = THIRD;
	assert_int_equal(ask(&s, &m), PCP_UNSUPP_OPTION);
	struct ip_address other = world_address("192.168.1.77");
	s.world.third = ip_prefix_of(&other, 32);
	s.world.rules.third_party_n = 1;
	assert_int_equal(ask(&s, &m), PCP_NOT_AUTHORIZED);
	assert_int_equal(s.world.open_n, 0);
	other = world_address("192.168.1.5");
	s.world.third = ip_prefix_of(&other, 32);
	assert_int_equal(ask(&s, &m), PCP_SUCCESS);
	assert_non_null(world_find(&s.world, 6, "192.168.1.9:8080"));
	assert_null(world_find(&s.world, 6, "192.168.1.5:8080"));
	assert_int_equal(s.out_len, 80);
	world_end(&s.world);
}

/* 13.3. */
static void filters_reach_the_data_plane(void **state)
{
	(void)state;
	struct stage s;
	static const uint8_t one[] = {3, 0, 0, 20, 0, 128, 0,	 0,    0,   0,	0,   0,
				      0, 0, 0, 0,  0, 0,   0xff, 0xff, 198, 51, 100, 9},
			     six[] = {3, 0, 0, 20, 0, 64, 0, 0, 0x20, 1, 0xd, 0xb8,
				      0, 0, 0, 0,  0, 0,  0, 0, 0,    0, 0,   0},
			     none[24] = {3, 0, 0, 20};
	begin(&s);
	struct message m = map;
	m.options = span_of(six, sizeof(six)); /* nobody by IPv6 reaches an IPv4 port */
	assert_int_equal(ask(&s, &m), PCP_MALFORMED_OPTION);
	m.options = span_of(one, sizeof(one));
	assert_int_equal(ask(&s, &m), PCP_SUCCESS);
	assert_int_equal(world_find(&s.world, 6, "192.168.1.5:8080")->filters_n, 1);
	m.options = span_of(none, sizeof(none));
	assert_int_equal(ask(&s, &m), PCP_SUCCESS);
	assert_int_equal(world_find(&s.world, 6, "192.168.1.5:8080")->filters_n, 0);
	world_end(&s.world);
}

/* 7.4: USER_EX_QUOTA, NO_RESOURCES and NOT_AUTHORIZED are three things. */
static void limits_and_rules_have_codes_of_their_own(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	struct message m = map;
	for (m.internal_port = 5000; m.internal_port < 5004; m.internal_port++)
		assert_int_equal(ask(&s, &m), PCP_SUCCESS);
	assert_int_equal(ask(&s, &m), PCP_USER_EX_QUOTA);
	s.world.rules.mappings_max = 4;
	m.client = "192.168.1.6";
	assert_int_equal(ask(&s, &m), PCP_NO_RESOURCES);
	m.internal_port = 80;
	assert_int_equal(ask(&s, &m), PCP_NOT_AUTHORIZED);
	assert_int_equal(s.server.pcp_answers[PCP_SUCCESS], 4);
	world_end(&s.world);
}

/* 12. */
static void a_peer_is_one_far_end(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	struct message m = map;
	m.opcode = PCP_PEER;
	m.remote = "0.0.0.0:443";
	assert_int_equal(ask(&s, &m), PCP_MALFORMED_REQUEST);
	m.remote = "198.51.100.1:443";
	assert_int_equal(ask(&s, &m), PCP_SUCCESS);
	assert_int_equal(s.out_len, 80);
	assert_int_equal(s.world.open_n, 1);
	assert_int_equal(s.world.open[0].remote.port, 443);
	m.lifetime_s = 0;
	assert_int_equal(ask(&s, &m), PCP_SUCCESS);
	assert_int_equal(s.world.open_n, 0);
	s.world.refuses_peers = true;
	m.lifetime_s = 600;
	assert_int_equal(ask(&s, &m), PCP_UNSUPP_OPCODE);
	world_end(&s.world);
}

/* 11.1 and 5: the family of the suggested address says which function is asked for. */
static void ipv6_hosts_get_a_firewalls_hole_or_nat64(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	struct message m = map;
	m.client = "2001:db8::5";
	m.external = "::";
	assert_int_equal(ask(&s, &m), PCP_SUCCESS);
	struct ip_address me = world_address("2001:db8::5");
	assert_memory_equal(s.out + 44, me.bytes, 16);
	m.external = "0.0.0.0";
	m.internal_port = 8081;
	assert_int_equal(ask(&s, &m), PCP_SUCCESS);
	assert_memory_equal(s.out + 44 + 10, "\xff\xff\xcb\0\x71\7", 6);
	s.world.refuses_nat64 = true;
	m.internal_port = 8082;
	assert_int_equal(ask(&s, &m), PCP_CANNOT_PROVIDE_EXTERNAL);
	/* an IPv4 host that leaves the suggestion all zeros wants IPv4 */
	m = map;
	m.external = "::";
	assert_int_equal(ask(&s, &m), PCP_SUCCESS);
	assert_memory_equal(s.out + 44 + 10, "\xff\xff\xcb\0\x71\7", 6);
	world_end(&s.world);
}

/* 8.5 and 14.1. */
static void every_answer_tells_the_epoch(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	struct message announce = {.opcode = PCP_ANNOUNCE, .client = "192.168.1.5"};
	assert_int_equal(ask_from(&s, WORLD_NOW_MS + 9000, "192.168.1.5", &announce), PCP_SUCCESS);
	assert_true(s.out_len == 24 && u32_at(&s, 8) == 9 && lifetime(&s) == 0);
	assert_int_equal(ask_from(&s, WORLD_NOW_MS + 10000, "192.168.1.5", &map), PCP_SUCCESS);
	assert_int_equal(u32_at(&s, 8), 10);
	portctl_outside_changed(s.world.list, WORLD_NOW_MS + 11000, 4);
	struct message m = map;
	m.protocol = 132;
	assert_int_equal(ask_from(&s, WORLD_NOW_MS + 13000, "192.168.1.5", &m),
			 PCP_UNSUPP_PROTOCOL);
	assert_int_equal(u32_at(&s, 8), 2);
	struct writer w = writer_of(s.out, sizeof(s.out));
	pcp_announcement(&s.server, WORLD_NOW_MS + 13000, &w);
	assert_true(w.pos == 24 && s.out[1] == 0x80 && u32_at(&s, 8) == 2);
	world_end(&s.world);
}

/* RFC 6886 3.2.1: "up to ten times, with decreasing frequency ... 250 ms ... double". */
static void ten_announcements_grow_rare(void **state)
{
	(void)state;
	struct pcp_announcer a = {0};
	assert_int_equal(pcp_announcer_next_ms(&a), UINT64_MAX);
	pcp_announcer_begin(&a, 1000);
	uint64_t want = 1000, gap = 250;
	for (unsigned i = 0; i < 10; i++, want += gap, gap *= 2) {
		assert_int_equal(pcp_announcer_next_ms(&a), want);
		assert_false(pcp_announcer_step(&a, want - 1));
		assert_true(pcp_announcer_step(&a, want));
	}
	assert_int_equal(pcp_announcer_next_ms(&a), UINT64_MAX);
	assert_false(pcp_announcer_step(&a, want * 10));
}

static void what_is_off_is_silent(void **state)
{
	(void)state;
	struct stage s;
	uint8_t room[PCP_MESSAGE_MAX];
	begin(&s);
	size_t len = message_write(&map, room, sizeof(room));
	s.server.pcp = s.server.nat_pmp = false;
	send_raw(&s, WORLD_NOW_MS, "192.168.1.5", span_of(room, len));
	assert_int_equal(s.out_len, 0);
	s.server.nat_pmp = true; /* RFC 6886 3: a PCP client learns that there is version 0 */
	send_raw(&s, WORLD_NOW_MS, "192.168.1.5", span_of(room, len));
	assert_true(s.out_len == 8 && s.out[0] == 0 && s.out[1] == 0x81 && s.out[3] == 1);
	assert_int_equal(s.world.open_n, 0);
	world_end(&s.world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_version_learns_ours),
		cmocka_unit_test(an_address_that_a_nat_changed_is_told),
		cmocka_unit_test(errors_carry_their_lifetime_and_the_request),
		cmocka_unit_test(all_ports_of_an_address_are_not_given),
		cmocka_unit_test(a_mapping_is_made_renewed_and_deleted),
		cmocka_unit_test(only_its_nonce_moves_a_mapping),
		cmocka_unit_test(prefer_failure_is_that_port_or_none),
		cmocka_unit_test(a_third_party_is_refused_unless_configured),
		cmocka_unit_test(filters_reach_the_data_plane),
		cmocka_unit_test(limits_and_rules_have_codes_of_their_own),
		cmocka_unit_test(a_peer_is_one_far_end),
		cmocka_unit_test(ipv6_hosts_get_a_firewalls_hole_or_nat64),
		cmocka_unit_test(every_answer_tells_the_epoch),
		cmocka_unit_test(ten_announcements_grow_rare),
		cmocka_unit_test(what_is_off_is_silent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
