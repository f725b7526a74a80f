#include "service/dhcp-client/v6_world_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct world6 world;

static const uint8_t duid[] = {0, 3, 0, 1, 2, 0, 0, 0, 0, 7};

static void on_send(void *arg, struct span message)
{
	(void)arg;
	memcpy(world.sent, message.data, message.len);
	world.sent_len = message.len;
	world.sent_ms[world.sent_n++ % 64] = world.now_ms;
	assert_int_equal(dhcp6_message_read(span_of(world.sent, world.sent_len), &world.m), OK);
	/* RFC 8415 18.2: each "MUST include a Client Identifier option", and an Elapsed Time
	 * option. */
	assert_true(span_equal(world.m.client_id, span_of(duid, sizeof(duid))));
	assert_true(dhcp6_has(&world.m, DHCP6_HAS_ELAPSED));
}

static void on_set(void *arg, const struct uplink6 *u)
{
	(void)arg;
	assert_ptr_equal(u, &world.u);
	world.set_n++;
}

static void on_store(void *arg, struct span lease)
{
	(void)arg;
	world.stored_len = lease.len;
	if (lease.len)
		memcpy(world.stored, lease.data, lease.len);
}

static void on_event(void *arg, const struct uplink6_event *e)
{
	(void)arg;
	if (e->kind == UPLINK6_EVENT_STATE)
		world.states[e->state]++;
	if (e->kind == UPLINK6_EVENT_EXPIRED)
		world.expired++;
}

void world_begin(void)
{
	static const struct uplink6_effects effects = {
		.send = on_send, .set = on_set, .store = on_store, .event = on_event};
	static const uint8_t seed[16] = {4};
	memset(&world, 0, sizeof(world));
	world.now_ms = 1800000000000;
	world.request[0] = DHCP6_OPT_DNS_SERVERS;
	world.rules = (struct uplink6_rules){.duid = span_of(duid, sizeof(duid)),
					     .iaid = 5,
					     .address = true,
					     .prefix = true,
					     .prefix_length = 56,
					     .request = world.request,
					     .request_n = 1,
					     .reconfigure = true,
					     .servers_allowed = world.servers,
					     .leases_allowed = world.leases};
	uplink6_init(&world.u, &world.rules, seed, &effects);
}

void world_up(void)
{
	uplink6_link(&world.u, world.now_ms, true);
}

void world_run(uint64_t ms)
{
	uint64_t end_ms = world.now_ms + ms;
	for (unsigned turns = 0; uplink6_next_ms(&world.u) <= end_ms; turns++) {
		assert_true(turns < 100000);
		if (uplink6_next_ms(&world.u) > world.now_ms)
			world.now_ms = uplink6_next_ms(&world.u);
		uplink6_turn(&world.u, world.now_ms);
	}
	world.now_ms = end_ms;
}

uint8_t world_next(void)
{
	unsigned before = world.sent_n;
	for (unsigned turns = 0; turns < 100; turns++) {
		uint64_t next_ms = uplink6_next_ms(&world.u);
		if (next_ms == UPLINK6_NEVER)
			return 0;
		if (next_ms > world.now_ms)
			world.now_ms = next_ms;
		uplink6_turn(&world.u, world.now_ms);
		if (world.sent_n != before)
			return world.m.type;
	}
	return 0;
}

void answer_begin(struct answer *a, uint8_t type, uint8_t who)
{
	uint8_t server[] = {0, 3, 0, 1, 2, 0, 0, 0, 1, who};
	*a = (struct answer){.w = writer_of(a->wire, sizeof(a->wire))};
	dhcp6_write_header(&a->w, type, world.m.transaction_id);
	dhcp6_write_option(&a->w, DHCP6_OPT_CLIENTID, span_of(duid, sizeof(duid)));
	dhcp6_write_option(&a->w, DHCP6_OPT_SERVERID, span_of(server, sizeof(server)));
}

void answer_ia(struct answer *a, enum dhcp6_ia_kind kind, uint32_t t1_s, uint32_t t2_s,
	       const char *leases)
{
	size_t at = dhcp6_ia_begin(&a->w, kind, world.rules.iaid, t1_s, t2_s);
	while (*leases) {
		struct dhcp6_lease l = {0};
		size_t n = strcspn(leases, "=");
		char *end;
		assert_int_equal(ip_prefix_parse(span_of(leases, n), &l.prefix), OK);
		l.preferred_s = (uint32_t)strtoul(leases + n + 1, &end, 10);
		l.valid_s = (uint32_t)strtoul(end + 1, &end, 10);
		dhcp6_write_lease(&a->w, kind, &l, NULL);
		leases = *end ? end + 1 : end;
	}
	dhcp6_option_end(&a->w, at);
}

void answer_ia_status(struct answer *a, enum dhcp6_ia_kind kind, uint16_t status)
{
	size_t at = dhcp6_ia_begin(&a->w, kind, world.rules.iaid, 0, 0);
	dhcp6_write_status(&a->w, status, "no");
	dhcp6_option_end(&a->w, at);
}

void answer_send(struct answer *a)
{
	struct ip_address from = {.family = 6, .bytes = {0xfe, 0x80, [15] = 1}};
	assert_int_equal(writer_check(&a->w), OK);
	uplink6_receive(&world.u, world.now_ms, &from, false, writer_span(&a->w));
}

void world_bind(void)
{
	struct answer a;
	world_up();
	assert_int_equal(world_next(), DHCP6_SOLICIT);
	answer_begin(&a, DHCP6_ADVERTISE, 1);
	answer_ia(&a, DHCP6_IA_NA, 50, 80, "2001:db8::1=100/200");
	answer_ia(&a, DHCP6_IA_PD, 50, 80, "2001:db8:f::/56=100/200");
	answer_send(&a);
	assert_int_equal(world_next(), DHCP6_REQUEST);
	answer_begin(&a, DHCP6_REPLY, 1);
	answer_ia(&a, DHCP6_IA_NA, 50, 80, "2001:db8::1=100/200");
	answer_ia(&a, DHCP6_IA_PD, 50, 80, "2001:db8:f::/56=100/200");
	dhcp6_write_option(&a.w, DHCP6_OPT_DNS_SERVERS,
			   span_of("\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16));
	answer_send(&a);
	assert_int_equal(world.u.state, UPLINK6_BOUND);
}

const char *world_leases(void)
{
	static char text[1024];
	struct writer w = writer_of(text, sizeof(text) - 1);
	char one[IP_PREFIX_TEXT_MAX];
	for (size_t i = 0; i < world.u.leases_n; i++) {
		const struct ip_prefix *p = &world.u.leases[i].prefix;
		if (p->bits == 128)
			ip_address_format(&p->address, one);
		else
			ip_prefix_format(p, one);
		write_format(&w, "%s%s", i ? " " : "", one);
	}
	text[w.pos] = 0;
	return text;
}
