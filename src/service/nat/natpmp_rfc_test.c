/* What RFC 6886 demands of a gateway, each demand quoted. */
#include "base/reader.h"
#include "base/writer.h"
#include "service/nat/pcp.h"
#include "service/nat/ports_world_test.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct stage {
	struct world world;
	struct pcp_server server;
};

struct answer {
	size_t len;
	uint8_t version, opcode;
	uint16_t result, internal_port, external_port;
	uint32_t epoch_s, lifetime_s;
	uint8_t raw[NATPMP_ANSWER_MAX];
};

static void begin(struct stage *s)
{
	world_begin(&s->world);
	s->server = (struct pcp_server){.list = s->world.list, .nat_pmp = true};
}

static struct answer send(struct stage *s, const char *from, const void *datagram, size_t len)
{
	struct pcp_arrival a = {.source = world_endpoint(from), .zone = "lan"};
	struct answer ret = {0};
	struct writer w = writer_of(ret.raw, sizeof(ret.raw));
	pcp_server_receive(&s->server, WORLD_NOW_MS + 5000, &a, span_of(datagram, len), &w);
	assert_int_equal(writer_check(&w), OK);
	struct reader r = reader_of_span(writer_span(&w));
	ret.len = w.pos;
	ret.version = read_u8(&r);
	ret.opcode = read_u8(&r);
	ret.result = read_u16(&r);
	ret.epoch_s = read_u32(&r);
	ret.internal_port = read_u16(&r);
	ret.external_port = read_u16(&r);
	ret.lifetime_s = read_u32(&r);
	return ret;
}

static struct answer ask(struct stage *s, const char *from, uint8_t opcode, uint16_t internal,
			 uint16_t external, uint32_t lifetime_s)
{
	uint8_t room[12];
	struct writer w = writer_of(room, sizeof(room));
	write_u8(&w, 0);
	write_u8(&w, opcode);
	write_u16(&w, 0);
	write_u16(&w, internal);
	write_u16(&w, external);
	write_u32(&w, lifetime_s);
	return send(s, from, room, sizeof(room));
}

/* 3.2: the address, or result code 3 with the address zero. */
static void tells_the_address_outside(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	struct answer a = send(&s, "192.168.1.5", "\0\0", 2);
	assert_true(a.len == 12 && a.opcode == 128 && a.result == 0 && a.epoch_s == 5);
	assert_memory_equal(a.raw + 8, "\xcb\0\x71\7", 4);
	s.world.outside4 = (struct ip_address){0};
	a = send(&s, "192.168.1.5", "\0\0", 2);
	assert_true(a.len == 12 && a.result == NATPMP_NETWORK_FAILURE);
	assert_memory_equal(a.raw + 8, "\0\0\0\0", 4);
	world_end(&s.world);
}

/* 3.3. */
static void maps_a_port(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	struct answer a = ask(&s, "192.168.1.5", NATPMP_MAP_TCP, 8080, 8443, 7200);
	assert_true(a.len == 16 && a.opcode == 130 && a.result == 0 && a.epoch_s == 5);
	assert_true(a.internal_port == 8080 && a.external_port == 8443 && a.lifetime_s == 7200);
	/* "If the client would prefer ... unavailable, ... MUST return another port" */
	a = ask(&s, "192.168.1.6", NATPMP_MAP_TCP, 8080, 8443, 7200);
	assert_true(a.result == 0 && a.external_port == 40000);
	/* renewal: "MUST return ... the existing" port whatever is suggested now */
	a = ask(&s, "192.168.1.5", NATPMP_MAP_TCP, 8080, 9999, 600);
	assert_true(a.result == 0 && a.external_port == 8443 && a.lifetime_s == 600);
	a = ask(&s, "192.168.1.5", NATPMP_MAP_UDP, 8080, 0, 600);
	assert_true(a.result == 0 && a.opcode == 129);
	assert_int_equal(s.world.open_n, 3);
	world_end(&s.world);
}

/* 3.4: "lifetime ... zero", port 0 inside: all of that protocol; "the gateway MUST ... External
 * Port
 * ... zero". */
static void deletes_one_or_all_of_a_protocol(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	(void)ask(&s, "192.168.1.5", NATPMP_MAP_TCP, 8080, 8443, 7200);
	(void)ask(&s, "192.168.1.5", NATPMP_MAP_TCP, 8081, 0, 7200);
	(void)ask(&s, "192.168.1.5", NATPMP_MAP_UDP, 8080, 0, 7200);
	(void)ask(&s, "192.168.1.6", NATPMP_MAP_TCP, 8080, 0, 7200);
	struct answer a = ask(&s, "192.168.1.5", NATPMP_MAP_TCP, 8080, 8443, 0);
	assert_true(a.result == 0 && a.external_port == 0 && a.lifetime_s == 0);
	assert_int_equal(s.world.open_n, 3);
	a = ask(&s, "192.168.1.5", NATPMP_MAP_TCP, 8080, 0, 0); /* it is gone: "success" */
	assert_int_equal(a.result, 0);
	a = ask(&s, "192.168.1.5", NATPMP_MAP_TCP, 0, 0, 0);
	assert_true(a.result == 0 && s.world.open_n == 2);
	assert_non_null(world_find(&s.world, 17, "192.168.1.5:8080"));
	assert_non_null(world_find(&s.world, 6, "192.168.1.6:8080"));
	world_end(&s.world);
}

/* 3.5. */
static void refusals_have_their_codes(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	struct answer a = ask(&s, "192.168.1.5", NATPMP_MAP_TCP, 22, 0, 7200);
	assert_true(a.result == NATPMP_NOT_AUTHORIZED && a.external_port == 0 && a.len == 16);
	a = ask(&s, "10.0.0.1", NATPMP_MAP_TCP, 8080, 0, 7200);
	assert_int_equal(a.result, NATPMP_NOT_AUTHORIZED);
	for (uint16_t port = 5000; port < 5004; port++)
		assert_int_equal(ask(&s, "192.168.1.5", NATPMP_MAP_UDP, port, 0, 600).result, 0);
	a = ask(&s, "192.168.1.5", NATPMP_MAP_UDP, 5004, 0, 600);
	assert_int_equal(a.result, NATPMP_NO_RESOURCES);
	s.world.outside4 = (struct ip_address){0};
	a = ask(&s, "192.168.1.6", NATPMP_MAP_UDP, 5004, 0, 600);
	assert_int_equal(a.result, NATPMP_NETWORK_FAILURE);
	a = send(&s, "192.168.1.5", "\0\x7f", 2);
	assert_int_equal(a.result, NATPMP_UNSUPP_OPCODE);
	world_end(&s.world);
}

/* A mapping made by PCP has a nonce, which NAT-PMP cannot tell: it is an "administrator's" here. */
static void a_pcp_mapping_is_not_natpmps_to_delete(void **state)
{
	(void)state;
	struct stage s;
	const struct portctl_mapping *m;
	static const uint8_t nonce[PORTCTL_NONCE_LEN] = {1};
	begin(&s);
	struct portctl_ask pcp = {.origin = PORTCTL_PCP,
				  .zone = "lan",
				  .protocol = PORTCTL_TCP,
				  .internal = world_endpoint("192.168.1.5:8080"),
				  .wanted.address.family = 4,
				  .nonce = nonce};
	assert_int_equal(portctl_open(s.world.list, WORLD_NOW_MS, &pcp, &m), PORTCTL_DONE);
	assert_int_equal(ask(&s, "192.168.1.5", NATPMP_MAP_TCP, 8080, 0, 0).result,
			 NATPMP_NOT_AUTHORIZED);
	assert_int_equal(ask(&s, "192.168.1.5", NATPMP_MAP_TCP, 0, 0, 0).result, 0);
	assert_int_equal(s.world.open_n, 1);
	world_end(&s.world);
}

/* 3: it is for IPv4; and answers are no requests. */
static void ipv6_and_answers_get_none(void **state)
{
	(void)state;
	struct stage s;
	begin(&s);
	assert_int_equal(send(&s, "2001:db8::5", "\0\0", 2).len, 0);
	assert_int_equal(send(&s, "192.168.1.5", "\0\x80\0\0", 4).len, 0);
	assert_int_equal(send(&s, "192.168.1.5", "\0", 1).len, 0);
	assert_int_equal(s.server.dropped, 3);
	world_end(&s.world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_the_address_outside),
		cmocka_unit_test(maps_a_port),
		cmocka_unit_test(deletes_one_or_all_of_a_protocol),
		cmocka_unit_test(refusals_have_their_codes),
		cmocka_unit_test(a_pcp_mapping_is_not_natpmps_to_delete),
		cmocka_unit_test(ipv6_and_answers_get_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
