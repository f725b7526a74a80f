#include "service/dhcp/io_events.h"

#include "base/writer.h"
#include "control/control.h"
#include "proto/dhcp/message.h"
#include "proto/dhcp6/code.h"
#include "service/dhcp/v6_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* In place of the control socket: what it would tell. */
static json_t *told[EVENTS_HELD + 8];
static char names[EVENTS_HELD + 8][32];
static uint64_t times[EVENTS_HELD + 8];
static size_t told_n;

void control_event_at(struct control *c, uint64_t time_ms, const char *name, json_t *fields)
{
	(void)c;
	assert_true(told_n < sizeof(told) / sizeof(told[0]));
	(void)snprintf(names[told_n], sizeof(names[0]), "%s", name);
	times[told_n] = time_ms;
	told[told_n++] = fields;
}

static void forget(void)
{
	for (size_t i = 0; i < told_n; i++)
		json_decref(told[i]);
	told_n = 0;
}

static const char *text_of(size_t i, const char *key)
{
	return json_string_value(json_object_get(told[i], key));
}

static struct events ring;

static const struct dhcp_network network = {.name = "lan"};
static const struct dhcp_lease lease = {.address = 0xc0a80714,
					.granted_s = 1000,
					.expires_s = 4600,
					.mac_len = 6,
					.mac = (const uint8_t *)"\2\0\x5e\0\x53\1",
					.name = {(const uint8_t *)"laptop", 6}};

static void keeps_the_latest_and_counts_what_nobody_saw(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < EVENTS_HELD + 3; i++) {
		const struct dhcp_event e = {.kind = DHCP_EVENT_EXPIRE, .address = 1 + i};
		events_hold(&ring, 5000 + i, &e);
	}
	assert_int_equal(ring.overwritten, 3);
	events_tell(&ring, NULL);
	assert_int_equal(told_n, EVENTS_HELD);
	assert_int_equal(times[0], 5003);
	assert_string_equal(text_of(0, "address"), "0.0.0.4");
	assert_int_equal(times[EVENTS_HELD - 1], 5000 + EVENTS_HELD + 2);
	forget();
	events_tell(&ring, NULL);
	assert_int_equal(told_n, 0);
}

static void tells_who_asked_for_what(void **state)
{
	(void)state;
	static struct dhcp_message m;
	/* A request by RFC 2131: the fixed part, then 53, 50, 54, 12 with a letter that is no
	 * UTF-8. */
	static uint8_t wire[300] = {1, 1, 6, 0, 0x12, 0x34, 0x56, 0x78};
	static const uint8_t options[] = {0x63, 0x82, 0x53, 0x63, 53,	1,   3,	  50,  4,
					  192,	168,  7,    20,	  54,	4,   192, 168, 7,
					  1,	12,   3,    'a',  0xff, 'b', 255};
	memcpy(wire + DHCP_FIXED_LEN, options, sizeof(options));
	memcpy(wire + 28, "\2\0\x5e\0\x53\1", 6);
	assert_int_equal(dhcp_message_read(span_of(wire, sizeof(wire)), &m), OK);
	struct dhcp_client client = {.message = &m, .mac_len = 6, .mac = {2, 0, 0x5e, 0, 0x53, 1}};
	struct dhcp_event e = {.kind = DHCP_EVENT_REQUEST, .client = &client, .network = &network};
	events_hold(&ring, 2000000, &e);
	e = (struct dhcp_event){.kind = DHCP_EVENT_ACK,
				.client = &client,
				.lease = &lease,
				.network = &network,
				.address = lease.address};
	events_hold(&ring, 2000000, &e);
	e = (struct dhcp_event){
		.kind = DHCP_EVENT_REFUSED, .cause = DHCP_CAUSE_NO_ADDRESS, .client = &client};
	events_hold(&ring, 2000000, &e);
	events_tell(&ring, NULL);
	assert_int_equal(told_n, 3);
	assert_string_equal(names[0], "request");
	assert_string_equal(text_of(0, "mac"), "02:00:5e:00:53:01");
	assert_string_equal(text_of(0, "xid"), "0x12345678");
	assert_string_equal(text_of(0, "requested"), "192.168.7.20");
	assert_string_equal(text_of(0, "server_id"), "192.168.7.1");
	assert_string_equal(text_of(0, "host_name"), "61:ff:62");
	assert_string_equal(text_of(0, "network"), "lan");
	assert_null(json_object_get(told[0], "cause"));
	assert_string_equal(names[1], "ack");
	assert_string_equal(text_of(1, "address"), "192.168.7.20");
	assert_string_equal(text_of(1, "name"), "laptop");
	assert_int_equal(json_integer_value(json_object_get(told[1], "lease_s")), 2600);
	assert_string_equal(names[2], "refused");
	assert_string_equal(text_of(2, "cause"), "no-address");
	assert_null(text_of(2, "name")); /* of the event before */
	forget();
}

static void tells_of_ipv6(void **state)
{
	(void)state;
	const struct v6_lease_view view = {
		.prefix = {.address = {.family = 6, .bytes = {0x20, 1, 0xd, 0xb8}}, .bits = 56},
		.expires_s = UINT32_MAX,
		.duid = span_of("\0\3\0\1\2", 5)};
	const struct v6_event e = {.kind = V6_EVENT_BOUND,
				   .type = DHCP6_REQUEST,
				   .transaction_id = 0xabc,
				   .duid = view.duid,
				   .lease = &view};
	const struct v6_event refused = {.kind = V6_EVENT_REFUSED, .cause = V6_CAUSE_RATE};
	events_hold6(&ring, 7000, &e);
	events_hold6(&ring, 7000, &refused);
	events_tell(&ring, NULL);
	assert_string_equal(names[0], "v6-bound");
	assert_string_equal(text_of(0, "address"), "2001:db8::/56");
	assert_string_equal(text_of(0, "duid"), "00:03:00:01:02");
	assert_string_equal(text_of(0, "type"), "request");
	assert_string_equal(text_of(0, "xid"), "0x000abc");
	assert_string_equal(names[1], "v6-refused");
	assert_string_equal(text_of(1, "cause"), v6_cause_name(V6_CAUSE_RATE));
	assert_null(text_of(1, "duid"));
	forget();
}

static void names_every_cause(void **state)
{
	(void)state;
	for (unsigned i = 0; i < DHCP_CAUSES; i++) {
		const char *name = dhcp_cause_name((enum dhcp_cause)i);
		assert_true(name && name[0]);
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(name, dhcp_cause_name((enum dhcp_cause)k));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_every_cause),
		cmocka_unit_test(keeps_the_latest_and_counts_what_nobody_saw),
		cmocka_unit_test(tells_who_asked_for_what),
		cmocka_unit_test(tells_of_ipv6),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
