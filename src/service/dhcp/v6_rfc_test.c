/* What RFC 8415 demands of a server, sentence by sentence, in the order of its sections. Demands
 * upon the form of messages are tested in proto/dhcp6, upon relays in relay6_test.c. why-long: one
 * document's demands, read beside it. */
#include "service/dhcp/v6_stage_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define LAN                                                                                        \
	"  networks:\n"                                                                            \
	"    - subnet: 2001:db8:7::/64\n"                                                          \
	"      interface: lan0\n"                                                                  \
	"      pools: {range: \"2001:db8:7::1000-2001:db8:7::10ff\", allocate: dynamic}\n"         \
	"      prefix-pools: {prefix: \"2001:db8:f000::/48\", delegated-length: 56}\n"             \
	"  options: {dns-servers: \"2001:db8::53\", sol-max-rt: 1h}\n"
#define EMPTY                                                                                      \
	"  networks: {subnet: \"2001:db8:7::/64\", interface: lan0}\n"                             \
	"  options: {dns-servers: \"2001:db8::53\"}\n"

static int tear_down(void **state)
{
	(void)state;
	stage_end();
	return 0;
}

/* The first lease in an answer's text. */
static const char *lease_in(const char *text)
{
	static char found[64];
	const char *equal = strchr(text, '=');
	found[0] = 0;
	if (!equal)
		return found;
	const char *begin = equal;
	while (begin > text && begin[-1] != ' ')
		begin--;
	(void)snprintf(found, sizeof(found), "%.*s", (int)(equal - begin), begin);
	return found;
}

static const char *send_simple(uint8_t type, bool client, bool server, bool ours)
{
	struct ask a;
	if (client)
		ask_begin(&a, type, 1);
	else
		ask_bare(&a, type, 1);
	if (server && ours)
		ask_server(&a);
	else if (server)
		dhcp6_write_option(&a.w, DHCP6_OPT_SERVERID, span_of("\0\3\0\1others", 10));
	if (type != DHCP6_INFORMATION_REQUEST)
		ask_ia(&a, DHCP6_IA_NA, 1, "2001:db8:7::1000");
	return ask_send(&a);
}

/* --- 16: which messages are discarded --- */

/* "A client or server MUST discard any received DHCP messages with an unknown message type."
 * and 16.3, 16.10, 16.11, 16.14: "Servers … MUST discard any received Advertise messages", "Reply
 * messages", "Reconfigure messages", "Relay-reply messages". */
static void s16_types_that_no_client_sends(void **state)
{
	(void)state;
	stage_begin(LAN);
	for (unsigned type = 0; type < 256; type++) {
		bool client = type >= DHCP6_SOLICIT && type <= DHCP6_INFORMATION_REQUEST &&
			      type != DHCP6_ADVERTISE && type != DHCP6_REPLY &&
			      type != DHCP6_RECONFIGURE;
		if (!client && type != DHCP6_RELAY_FORW)
			assert_string_equal(send_simple((uint8_t)type, true, true, true), "");
	}
	assert_int_equal(stage.sent_n, 0);
	assert_int_equal(stage.causes[V6_CAUSE_TYPE], 256 - 9);
}

/* 16: "Clients, relay agents, and servers MUST NOT discard messages that contain unknown options
 * (or instances of vendor options with unknown enterprise-number values)." */
static void s16_unknown_options(void **state)
{
	(void)state;
	struct ask a;
	stage_begin(LAN);
	ask_begin(&a, DHCP6_SOLICIT, 1);
	dhcp6_write_option(&a.w, 0x7777, span_of("whatever", 8));
	dhcp6_write_option(&a.w, DHCP6_OPT_VENDOR_OPTS, span_of("\x7f\0\0\1", 4));
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	assert_string_not_equal(ask_send(&a), "");
}

/* 16: "A server MUST discard any Solicit, Confirm, Rebind, or Information-request messages it
 * receives with a Layer 3 unicast destination address." */
static void s16_unicast(void **state)
{
	(void)state;
	static const uint8_t types[] = {DHCP6_SOLICIT, DHCP6_CONFIRM, DHCP6_REBIND,
					DHCP6_INFORMATION_REQUEST};
	stage_begin(LAN);
	for (size_t i = 0; i < sizeof(types); i++) {
		struct ask a;
		ask_begin(&a, types[i], 1);
		if (types[i] != DHCP6_INFORMATION_REQUEST)
			ask_ia(&a, DHCP6_IA_NA, 1, "2001:db8:7::1000");
		a.arrival.to = (struct ip_address){.family = 6, .bytes = {0x20, 1, 0xd, 0xb8}};
		assert_string_equal(ask_send(&a), "");
		a.arrival.to =
			(struct ip_address){.family = 6, .bytes = {0xff, 2, [13] = 1, [15] = 2}};
		assert_string_not_equal(ask_send(&a), "");
	}
	assert_int_equal(stage.causes[V6_CAUSE_UNICAST], 4);
}

/* 18.3.2, 18.3.4, 18.3.7, 18.3.8: "If the server receives a … message via unicast from a client to
 * which the server has not sent a unicast option, the server discards the … message and responds
 * with a Reply message containing a Status Code option with the value UseMulticast, a Server
 * Identifier option containing the server's DUID, the Client Identifier option from the client
 * message, and no other options." */
static void s18_3_use_multicast(void **state)
{
	(void)state;
	static const uint8_t types[] = {DHCP6_REQUEST, DHCP6_RENEW, DHCP6_RELEASE, DHCP6_DECLINE};
	stage_begin(LAN);
	for (size_t i = 0; i < sizeof(types); i++) {
		struct ask a;
		ask_begin(&a, types[i], 1);
		ask_server(&a);
		ask_ia(&a, DHCP6_IA_NA, 1, "2001:db8:7::1000");
		dhcp6_write_option(&a.w, DHCP6_OPT_ORO, span_of("\0\x17", 2));
		a.arrival.to = (struct ip_address){.family = 6, .bytes = {0x20, 1, 0xd, 0xb8}};
		assert_string_equal(ask_send(&a), "reply: server; client 01; use-multicast");
	}
	struct v6_counts counts;
	v6_engine_counts(stage.engine, &counts);
	assert_int_equal(counts.leases, 0);
}

/* 16.2, 16.5, 16.7: "Servers MUST discard any Solicit messages that do not include a Client
 * Identifier option or that do include a Server Identifier option." and the same of Confirm and
 * Rebind. */
static void s16_2_16_5_16_7_identifiers(void **state)
{
	(void)state;
	static const uint8_t types[] = {DHCP6_SOLICIT, DHCP6_CONFIRM, DHCP6_REBIND};
	stage_begin(LAN);
	for (size_t i = 0; i < sizeof(types); i++) {
		assert_string_equal(send_simple(types[i], false, false, false), "");
		assert_string_equal(send_simple(types[i], true, true, true), "");
		assert_string_equal(send_simple(types[i], true, true, false), "");
		assert_string_not_equal(send_simple(types[i], true, false, false), "");
	}
	assert_int_equal(stage.causes[V6_CAUSE_IDENTITY], 9);
}

/* 16.4, 16.6, 16.8, 16.9: "Servers MUST discard any received Request message that meets any of the
 * following conditions: the message does not include a Server Identifier option; the contents of
 * the Server Identifier option do not match the server's DUID; the message does not include a
 * Client Identifier option." and the same of Renew, Decline and Release. */
static void s16_4_16_6_16_8_16_9_identifiers(void **state)
{
	(void)state;
	static const uint8_t types[] = {DHCP6_REQUEST, DHCP6_RENEW, DHCP6_DECLINE, DHCP6_RELEASE};
	stage_begin(LAN);
	for (size_t i = 0; i < sizeof(types); i++) {
		assert_string_equal(send_simple(types[i], true, false, false), "");
		assert_string_equal(send_simple(types[i], true, true, false), "");
		assert_string_equal(send_simple(types[i], false, true, true), "");
		assert_string_not_equal(send_simple(types[i], true, true, true), "");
	}
	assert_int_equal(stage.causes[V6_CAUSE_IDENTITY], 8);
	assert_int_equal(stage.causes[V6_CAUSE_NOT_OURS], 4);
}

/* 16.12: "Servers MUST discard any received Information-request message that meets any of the
 * following conditions: the message includes a Server Identifier option, and the DUID in the option
 * does not match the server's DUID; the message includes an IA option." */
static void s16_12_information_request(void **state)
{
	(void)state;
	struct ask a;
	stage_begin(LAN);
	assert_string_equal(send_simple(DHCP6_INFORMATION_REQUEST, true, true, false), "");
	assert_string_equal(send_simple(DHCP6_INFORMATION_REQUEST, true, true, true),
			    "reply: server; client 01");
	ask_begin(&a, DHCP6_INFORMATION_REQUEST, 1);
	ask_ia(&a, DHCP6_IA_PD, 1, "");
	assert_string_equal(ask_send(&a), "");
	assert_int_equal(stage.causes[V6_CAUSE_OPTION], 1);
}

/* --- 13: where the client is --- */

/* 13.1: "If the server receives the message from a forwarding relay agent, then the client is on
 * the same link as the one to which the interface, identified by the link-address field in the
 * message from the relay agent, is attached. According to [RFC6221], the server MUST ignore any
 * link-address field whose value is zero." */
static void s13_1_link_address(void **state)
{
	(void)state;
	struct ask a;
	stage_begin("  networks:\n"
		    "    - {subnet: \"2001:db8:7::/64\", interface: lan0, pools: {range: "
		    "\"2001:db8:7::10\"}}\n"
		    "    - {subnet: \"2001:db8:8::/64\", pools: {range: \"2001:db8:8::10\"}}\n");
	ask_begin(&a, DHCP6_SOLICIT, 1);
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	assert_string_equal(lease_in(ask_relayed(&a, "2001:db8:8::1", NULL)), "2001:db8:8::10");
	assert_string_equal(lease_in(ask_relayed(&a, "2001:db8:7::1", NULL)), "2001:db8:7::10");
	assert_string_equal(ask_relayed(&a, "2001:db8:9::1", NULL), "");
	assert_string_equal(ask_relayed(&a, "::", NULL), ""); /* and we have no such link */
	/* Two relays, the outer one with link-address 0: the inner one counts. */
	uint8_t wire[1024];
	struct writer w = writer_of(wire, sizeof(wire));
	struct ip_address none = {.family = 6}, link = {.family = 6}, peer = {.family = 6};
	assert_int_equal(ip_address_parse(span_text("2001:db8:8::1"), &link), OK);
	assert_int_equal(ip_address_parse(span_text("2001:db8:8::2"), &peer), OK);
	dhcp6_write_relay_header(&w, DHCP6_RELAY_FORW, 1, &none, &peer);
	size_t outer = dhcp6_option_begin(&w, DHCP6_OPT_RELAY_MSG);
	dhcp6_write_relay_header(&w, DHCP6_RELAY_FORW, 0, &link, &a.arrival.from);
	dhcp6_write_option(&w, DHCP6_OPT_RELAY_MSG, writer_span(&a.w));
	dhcp6_option_end(&w, outer);
	struct v6_arrival arrival = {.ifindex = 3, .from = peer, .to = link};
	v6_engine_receive(stage.engine, stage.now_ms, &arrival, writer_span(&w));
	assert_string_equal(lease_in(stage_text(stage.sent.message)), "2001:db8:8::10");
}

/* --- 18.3 --- */

/* 18.3: "These Advertise and Reply messages MUST always contain the Server Identifier option
 * containing the server's DUID and the Client Identifier option from the client message if one was
 * present." */
static void s18_3_identifiers(void **state)
{
	(void)state;
	static const uint8_t types[] = {DHCP6_SOLICIT, DHCP6_REQUEST, DHCP6_CONFIRM, DHCP6_RENEW,
					DHCP6_REBIND,  DHCP6_RELEASE, DHCP6_DECLINE};
	struct ask a;
	stage_begin(LAN);
	for (size_t i = 0; i < sizeof(types); i++) {
		bool server = types[i] != DHCP6_SOLICIT && types[i] != DHCP6_CONFIRM &&
			      types[i] != DHCP6_REBIND;
		const char *text = send_simple(types[i], true, server, true);
		assert_non_null(strstr(text, ": server; client 01"));
		struct dhcp6_message m;
		assert_int_equal(dhcp6_message_read(stage.sent.message, &m), OK);
		assert_int_equal(m.transaction_id, 0x101); /* "copying the transaction ID" */
	}
	/* "If the Information-request message … did not include a Client Identifier option, the
	 * server SHOULD respond" (18.3.6). */
	ask_bare(&a, DHCP6_INFORMATION_REQUEST, 1);
	dhcp6_write_option(&a.w, DHCP6_OPT_ORO, span_of("\0\x17", 2));
	assert_string_equal(ask_send(&a), "reply: server; dns-servers 2001:db8::53");
}

/* 18.3: "The server MUST use the received message to construct the proper Relay-reply message to
 * allow the response to the received message to be relayed through the same relay agents (in
 * reverse order) as the original client message". 18.3.10: "If the Relay-forward messages included
 * an Interface-Id option, the server copies that option to the Relay-reply message." */
static void s18_3_relayed(void **state)
{
	(void)state;
	struct ask a;
	stage_begin(LAN);
	ask_begin(&a, DHCP6_INFORMATION_REQUEST, 1);
	assert_string_equal(ask_relayed(&a, "2001:db8:7::1", "eth0/7"),
			    "RELAY 0 fe80::1 [eth0/7]: reply: server; client 01");
	/* "unicasts the Relay-reply message directly to the relay agent using the address in the
	 * source address field" */
	struct ip_address want;
	assert_int_equal(ip_address_parse(span_text("2001:db8:ffff::2"), &want), OK);
	assert_true(ip_address_equal(&stage.sent.to, &want));
	assert_int_equal(stage.sent.port, 547);
	assert_int_equal(stage.sent.ifindex, 0);
	/* 18.3.10, directly: "The Advertise or Reply message MUST be unicast through the interface
	 * on which the original message was received." */
	assert_string_not_equal(ask_send(&a), "");
	assert_true(ip_address_equal(&stage.sent.to, &a.arrival.from));
	assert_int_equal(stage.sent.port, 546);
	assert_int_equal(stage.sent.ifindex, 2);
}

/* 18.3.1: "The server MUST commit the assignment of any addresses and delegated prefixes or other
 * configuration information before sending a Reply message to a client. In this case, the server
 * includes a Rapid Commit option in the Reply message". 21.14: "A server MUST include this option
 * in a Reply message sent in response to a Solicit message when completing the Solicit/Reply
 * message exchange." */
static void s18_3_1_rapid_commit(void **state)
{
	(void)state;
	struct ask a;
	stage_begin("  networks: {subnet: \"2001:db8:7::/64\", interface: lan0, rapid-commit: on,\n"
		    "             pools: {range: \"2001:db8:7::10\"}}\n");
	ask_begin(&a, DHCP6_SOLICIT, 1);
	dhcp6_write_option(&a.w, DHCP6_OPT_RAPID_COMMIT, (struct span){0});
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	stage.hold = true;
	assert_string_equal(ask_send(&a), "");
	assert_int_equal(stage.asked_n, 1);
	stage_answer(0, DHCP_STORED);
	assert_string_equal(stage_text(stage.sent.message),
			    "reply: server; client 01; na1 1800/2880 2001:db8:7::10=3600/7200; "
			    "rapid-commit true");
	/* Not for who does not want it, nor where it is not configured: an Advertise. */
	stage.hold = false;
	ask_begin(&a, DHCP6_SOLICIT, 1);
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	assert_int_equal(strncmp(ask_send(&a), "advertise: ", 11), 0);
	stage_end();
	stage_begin(LAN);
	ask_begin(&a, DHCP6_SOLICIT, 1);
	dhcp6_write_option(&a.w, DHCP6_OPT_RAPID_COMMIT, (struct span){0});
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	const char *text = ask_send(&a);
	assert_int_equal(strncmp(text, "advertise: ", 11), 0);
	assert_null(strstr(text, "rapid-commit"));
}

/* 18.3.2: "If any of the prefixes of the included addresses are not appropriate for the link to
 * which the client is connected, the server MUST return the IA to the client with a Status Code
 * option with the value NotOnLink." */
static void s18_3_2_not_on_link(void **state)
{
	(void)state;
	struct ask a;
	stage_begin(LAN);
	ask_begin(&a, DHCP6_REQUEST, 1);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, "2001:db8:9::1");
	ask_ia(&a, DHCP6_IA_NA, 2, "2001:db8:7::1007");
	assert_string_equal(ask_send(&a),
			    "reply: server; client 01; na1 not-on-link; na2 1800/2880 "
			    "2001:db8:7::1007=3600/7200");
}

/* 18.3.2: "If the server does not send the NotOnLink status code but it cannot assign any IP
 * addresses to an IA, the server MUST return the IA option in the Reply message with no addresses
 * in the IA and a Status Code option containing status code NoAddrsAvail in the IA." "For any IA_PD
 * option in the Request message to which the server cannot assign any delegated prefixes, the
 * server MUST return the IA_PD option in the Reply message with no prefixes in the IA_PD and with a
 * Status Code option containing status code NoPrefixAvail in the IA_PD." */
static void s18_3_2_nothing_available(void **state)
{
	(void)state;
	struct ask a;
	stage_begin(EMPTY);
	ask_begin(&a, DHCP6_REQUEST, 1);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, "2001:db8:7::1007");
	ask_ia(&a, DHCP6_IA_PD, 2, "2001:db8:f000::/56");
	assert_string_equal(ask_send(&a),
			    "reply: server; client 01; na1 no-addrs-avail; pd2 no-prefix-avail");
}

/* 18.3.2: "The server MUST NOT include any addresses or delegated prefixes in the IA that the
 * server does not assign to the client." */
static void s18_3_2_only_what_is_assigned(void **state)
{
	(void)state;
	struct ask a;
	stage_begin(LAN);
	char taken[64];
	(void)snprintf(taken, sizeof(taken), "%s", lease_in(stage_get(2, DHCP6_IA_NA, 1)));
	ask_begin(&a, DHCP6_REQUEST, 1);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, taken);
	const char *text = ask_send(&a);
	assert_null(strstr(text, taken));
	assert_string_not_equal(lease_in(text), "");
}

/* 18.3.2, 18.3.4, 18.3.5: "The T1/T2 times set in each applicable IA option for a Reply MUST be the
 * same values across all IAs. The server MUST determine the T1/T2 times across all of the
 * applicable client's bindings in the Reply." */
static void s18_3_2_t1_t2(void **state)
{
	(void)state;
	struct ask a;
	stage_begin("  networks:\n"
		    "    - {subnet: \"2001:db8:7::/64\", interface: lan0, pools: {range: "
		    "\"2001:db8:7::10\"}}\n"
		    "    - {subnet: \"2001:db8:8::/64\", interface: lan0, preferred: 10m, pools: "
		    "{range: "
		    "\"2001:db8:8::10\"}}\n");
	ask_begin(&a, DHCP6_REQUEST, 1);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	ask_ia(&a, DHCP6_IA_NA, 2, "");
	assert_string_equal(ask_send(&a),
			    "reply: server; client 01; na1 300/480 2001:db8:7::10=3600/7200; na2 "
			    "300/480 2001:db8:8::10=600/7200");
}

/* 18.3.2: "If the server finds that the client has included an IA in the Request message for which
 * the server already has a binding that associates the IA with the client, the server sends a Reply
 * message with existing bindings, possibly with updated lifetimes." "The server MUST NOT cache its
 * responses." */
static void s18_3_2_existing_bindings(void **state)
{
	(void)state;
	struct ask a;
	stage_begin(LAN);
	char first[64];
	(void)snprintf(first, sizeof(first), "%s", lease_in(stage_get(1, DHCP6_IA_NA, 1)));
	stage_wait(600000);
	ask_begin(&a, DHCP6_REQUEST, 1); /* the same transaction id */
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	assert_string_equal(lease_in(ask_send(&a)), first);
	struct v6_lease_view l;
	size_t at = 0;
	assert_true(v6_engine_lease_next(stage.engine, &at, &l));
	assert_int_equal(l.expires_s, stage.now_ms / 1000 + 7201); /* made anew */
}

/* 18.3.3: "If all of the addresses in the Confirm message pass this test, the server returns a
 * status of Success. If any of the addresses do not pass this test, the server returns a status of
 * NotOnLink. If the server is unable to perform this test … or there were no addresses in any of
 * the IAs sent by the client, the server MUST NOT send a Reply to the client." */
static void s18_3_3_confirm(void **state)
{
	(void)state;
	struct ask a;
	stage_begin(LAN);
	ask_begin(&a, DHCP6_CONFIRM, 1);
	ask_ia(&a, DHCP6_IA_NA, 1, "2001:db8:7::5");
	ask_ia(&a, DHCP6_IA_NA, 2, "2001:db8:7::6");
	assert_string_equal(ask_send(&a), "reply: server; client 01; success");
	ask_ia(&a, DHCP6_IA_NA, 3, "2001:db8:9::6");
	assert_string_equal(ask_send(&a), "reply: server; client 01; not-on-link");
	ask_begin(&a, DHCP6_CONFIRM, 1);
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	assert_string_equal(ask_send(&a), "");
	assert_int_equal(stage.causes[V6_CAUSE_NOTHING], 1);
	a.arrival.ifindex = 9; /* a link of which nothing is known */
	assert_string_equal(ask_send(&a), "");
	assert_int_equal(stage.causes[V6_CAUSE_NO_NETWORK], 1);
}

/* 18.3.4: "If the server finds the client entry for the IA, the server sends the IA back to the
 * client with new lifetimes and, if applicable, T1/T2 times." "If the server finds that any of the
 * addresses in the IA are not appropriate for the link …, the server returns the address to the
 * client with lifetimes of 0." */
static void s18_3_4_renew(void **state)
{
	(void)state;
	struct ask a;
	char lease[64], want[256], both[128];
	stage_begin(LAN);
	(void)snprintf(lease, sizeof(lease), "%s", lease_in(stage_get(1, DHCP6_IA_NA, 1)));
	stage_wait(1000000);
	ask_begin(&a, DHCP6_RENEW, 1);
	ask_server(&a);
	(void)snprintf(both, sizeof(both), "%s 2001:db8:9::1", lease);
	ask_ia(&a, DHCP6_IA_NA, 1, both);
	(void)snprintf(want, sizeof(want),
		       "reply: server; client 01; na1 1800/2880 %s=3600/7200 2001:db8:9::1=0/0",
		       lease);
	assert_string_equal(ask_send(&a), want);
}

/* 18.3.4: "If the server is configured to create new bindings as a result of processing Renew
 * messages but the server will not assign any leases to an IA, the server returns the IA option
 * containing a Status Code option with the NoAddrsAvail or NoPrefixAvail status code"; "If the
 * server does not support creation of new bindings …, the server returns the IA option containing a
 * Status Code option with the NoBinding status code". */
static void s18_3_4_renew_of_what_is_not_known(void **state)
{
	(void)state;
	struct ask a;
	stage_begin(LAN);
	ask_begin(&a, DHCP6_RENEW, 1);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, "2001:db8:7::1003");
	assert_string_equal(ask_send(&a), "reply: server; client 01; na1 1800/2880 "
					  "2001:db8:7::1003=3600/7200"); /* made anew */
	stage_end();
	stage_begin(EMPTY);
	ask_begin(&a, DHCP6_RENEW, 1);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	ask_ia(&a, DHCP6_IA_PD, 1, "");
	assert_string_equal(ask_send(&a), "reply: server; client 01; na1 no-addrs-avail; pd1 "
					  "no-prefix-avail");
	stage_end();
	stage_begin(
		"  networks: {subnet: \"2001:db8:7::/64\", interface: lan0, create-on-renew: off,\n"
		"             pools: {range: \"2001:db8:7::10\"}}\n");
	assert_string_equal(ask_send(&a),
			    "reply: server; client 01; na1 no-binding; pd1 no-binding");
}

/* 18.3.5: "If the server finds that the client entry for the IA and any of the addresses or
 * delegated prefixes are no longer appropriate for the link …, the server returns those addresses
 * or delegated prefixes to the client with lifetimes of 0." "The server MUST NOT return any
 * addresses or delegated prefixes in the IA that the server does not assign to the client." "… the
 * server SHOULD only create new bindings during processing of a Rebind message if the server is
 * configured to respond with a Reply message to a Solicit message containing the Rapid Commit
 * option." */
static void s18_3_5_rebind(void **state)
{
	(void)state;
	struct ask a;
	char lease[64], want[256];
	stage_begin(LAN);
	(void)snprintf(lease, sizeof(lease), "%s", lease_in(stage_get(1, DHCP6_IA_PD, 1)));
	ask_begin(&a, DHCP6_REBIND, 1);
	ask_ia(&a, DHCP6_IA_PD, 1, lease);
	(void)snprintf(want, sizeof(want), "reply: server; client 01; pd1 1800/2880 %s=3600/7200",
		       lease);
	assert_string_equal(ask_send(&a), want);
	/* Another client's binding is not extended for this one. */
	ask_begin(&a, DHCP6_REBIND, 2);
	ask_ia(&a, DHCP6_IA_PD, 1, lease);
	assert_string_equal(ask_send(&a), "reply: server; client 02; pd1 no-binding");
	ask_begin(&a, DHCP6_REBIND, 2);
	ask_ia(&a, DHCP6_IA_NA, 1, "2001:db8:9::1");
	assert_string_equal(ask_send(&a), "reply: server; client 02; na1 2001:db8:9::1=0/0");
	stage_site(EMPTY);
	ask_begin(&a, DHCP6_REBIND, 1);
	ask_ia(&a, DHCP6_IA_PD, 1, lease);
	(void)snprintf(want, sizeof(want), "reply: server; client 01; pd1 %s=0/0", lease);
	assert_string_equal(ask_send(&a), want);
	stage_site("  networks: {subnet: \"2001:db8:7::/64\", interface: lan0, rapid-commit: on,\n"
		   "             pools: {range: \"2001:db8:7::10\"}}\n");
	ask_begin(&a, DHCP6_REBIND, 3);
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	assert_string_equal(lease_in(ask_send(&a)), "2001:db8:7::10");
}

/* 18.3.7: "the server deletes the leases from the IAs and makes the leases available for assignment
 * to other clients. The server ignores leases not assigned to the IAs". "For each IA in the Release
 * message for which the server has no binding information, the server adds an IA option using the
 * IAID from the Release message and includes a Status Code option with the value NoBinding in the
 * IA option. No other options are included in the IA option." */
static void s18_3_7_release(void **state)
{
	(void)state;
	struct ask a;
	char mine[64], others[64];
	stage_begin(LAN);
	(void)snprintf(mine, sizeof(mine), "%s", lease_in(stage_get(1, DHCP6_IA_NA, 1)));
	(void)snprintf(others, sizeof(others), "%s", lease_in(stage_get(2, DHCP6_IA_NA, 1)));
	ask_begin(&a, DHCP6_RELEASE, 1);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, others); /* not its own */
	ask_ia(&a, DHCP6_IA_NA, 7, mine);   /* not of that IA */
	assert_string_equal(ask_send(&a), "reply: server; client 01; success; na7 no-binding");
	struct v6_counts counts;
	v6_engine_counts(stage.engine, &counts);
	assert_int_equal(counts.leases, 2);
	ask_begin(&a, DHCP6_RELEASE, 1);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, mine);
	assert_string_equal(ask_send(&a), "reply: server; client 01; success");
	v6_engine_counts(stage.engine, &counts);
	assert_int_equal(counts.leases, 1);
	assert_string_equal(ask_send(&a), "reply: server; client 01; success; na1 no-binding");
	ask_begin(&a, DHCP6_REQUEST, 3);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, mine);
	assert_string_equal(lease_in(ask_send(&a)), mine);
}

/* 18.3.8: "the server deletes the addresses from the IAs. The server ignores addresses not assigned
 * to the IAs". "Therefore, the server SHOULD mark the addresses declined by the client so that
 * those addresses are not assigned to other clients". */
static void s18_3_8_decline(void **state)
{
	(void)state;
	struct ask a;
	char lease[64];
	stage_begin(LAN);
	(void)snprintf(lease, sizeof(lease), "%s", lease_in(stage_get(1, DHCP6_IA_NA, 1)));
	ask_begin(&a, DHCP6_DECLINE, 2); /* somebody else's word counts nothing */
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, lease);
	assert_string_equal(ask_send(&a), "reply: server; client 02; success; na1 no-binding");
	ask_begin(&a, DHCP6_DECLINE, 1);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, lease);
	assert_string_equal(ask_send(&a), "reply: server; client 01; success");
	for (unsigned restart = 0; restart < 2; restart++) {
		ask_begin(&a, DHCP6_REQUEST, (uint8_t)(3 + restart));
		ask_server(&a);
		ask_ia(&a, DHCP6_IA_NA, 1, lease);
		const char *given = lease_in(ask_send(&a));
		assert_string_not_equal(given, lease);
		assert_string_not_equal(given, "");
		stage_restart(); /* it rests after a crash, too */
	}
	stage_wait(86400000 + 6000);
	ask_begin(&a, DHCP6_REQUEST, 9);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, lease);
	assert_string_equal(lease_in(ask_send(&a)), lease);
}

/* 18.3.9: "The server preference value MUST default to 0 unless otherwise configured by the server
 * administrator." */
static void s18_3_9_preference(void **state)
{
	(void)state;
	struct ask a;
	stage_begin(LAN);
	ask_begin(&a, DHCP6_SOLICIT, 1);
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	assert_null(strstr(ask_send(&a), "preference")); /* 21.8: absent is 0 */
	stage_end();
	stage_begin("  networks: {subnet: \"2001:db8:7::/64\", interface: lan0, preference: 255,\n"
		    "             pools: {range: \"2001:db8:7::10\"}}\n");
	assert_non_null(strstr(ask_send(&a), "; preference 255"));
}

/* 18.3.9: "The server MUST include options in the Advertise message containing configuration
 * parameters for all of the options identified in the Option Request option in the Solicit message
 * that the server has been configured to return to the client." */
static void s18_3_9_options(void **state)
{
	(void)state;
	struct ask a;
	stage_begin(LAN);
	ask_begin(&a, DHCP6_SOLICIT, 1);
	ask_ia(&a, DHCP6_IA_NA, 1, "2001:db8:7::1005");
	dhcp6_write_option(&a.w, DHCP6_OPT_ORO, span_of("\0\x52\0\x17\0\x18", 6));
	assert_string_equal(
		ask_send(&a),
		"advertise: server; client 01; na1 1800/2880 2001:db8:7::1005=3600/7200; "
		"sol-max-rt 3600; dns-servers 2001:db8::53");
	/* 21.7: "Other top-level option codes MUST appear in the Option Request option or they will
	 * not be sent by the server." */
	ask_begin(&a, DHCP6_SOLICIT, 1);
	ask_ia(&a, DHCP6_IA_NA, 1, "2001:db8:7::1005");
	assert_null(strstr(ask_send(&a), "dns-servers"));
}

/* 18.3.9: "The server MUST include IA options in the Advertise message containing any addresses
 * and/or delegated prefixes that would be assigned to IAs contained in the Solicit message from the
 * client." "If the server is not going to assign an address or delegated prefix received as a hint
 * in the Solicit message, the server MUST NOT include this address or delegated prefix in the
 * Advertise message." */
static void s18_3_9_ias(void **state)
{
	(void)state;
	struct ask a;
	char told[64];
	stage_begin(LAN);
	ask_begin(&a, DHCP6_SOLICIT, 1);
	ask_ia(&a, DHCP6_IA_NA, 1, "2001:db8:9::1");
	const char *text = ask_send(&a);
	assert_null(strstr(text, "2001:db8:9::1"));
	(void)snprintf(told, sizeof(told), "%s", lease_in(text));
	assert_string_not_equal(told, "");
	ask_begin(&a, DHCP6_REQUEST, 1);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	assert_string_equal(lease_in(ask_send(&a)), told);
}

/* 18.3.9: "If the server will not assign any addresses to an IA_NA in subsequent Request messages
 * from the client, the server MUST include the IA option in the Advertise message with no addresses
 * in that IA and a Status Code option encapsulated in the IA option containing status code
 * NoAddrsAvail." and the same of an IA_PD and NoPrefixAvail. */
static void s18_3_9_nothing_available(void **state)
{
	(void)state;
	struct ask a;
	stage_begin(EMPTY);
	ask_begin(&a, DHCP6_SOLICIT, 1);
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	ask_ia(&a, DHCP6_IA_PD, 9, "");
	assert_string_equal(ask_send(&a), "advertise: server; client 01; na1 no-addrs-avail; pd9 "
					  "no-prefix-avail");
}

/* 18.3.11: "The server MUST use DHCP authentication in the Reconfigure message." "The server MUST
 * include a Reconfigure Message option to select whether the client responds with a Renew message,
 * a Rebind message, or an Information-request message." "The server MUST NOT include any other
 * options in the Reconfigure message". 20.3: "the replay detection field MUST be set to the value
 * of a strictly monotonically increasing 64-bit unsigned integer". 20.4.2: "The reconfigure key is
 * 128 bits long and MUST be a cryptographically strong random or pseudorandom number". */
static void s18_3_11_reconfigure(void **state)
{
	(void)state;
	struct ask a;
	struct dhcp6_message m;
	struct dhcp6_auth auth;
	struct dhcp6_relay relay;
	struct ip_prefix p;
	uint8_t key[2][16];
	uint64_t last = 0;
	stage_begin(LAN);
	for (uint8_t who = 1; who <= 2; who++) {
		ask_begin(&a, DHCP6_REQUEST, who);
		ask_server(&a);
		dhcp6_write_option(&a.w, DHCP6_OPT_RECONF_ACCEPT, (struct span){0});
		ask_ia(&a, DHCP6_IA_NA, 1, "2001:db8:7::1009");
		assert_string_not_equal(ask_relayed(&a, "2001:db8:7::1", "p7"), "");
		assert_int_equal(dhcp6_relay_read(stage.sent.message, &relay), OK);
		assert_int_equal(dhcp6_message_read(relay.message, &m), OK);
		assert_true(dhcp6_has(&m, DHCP6_HAS_RECONF_ACCEPT));
		assert_int_equal(dhcp6_auth_read(m.auth, &auth), OK);
		assert_int_equal(dhcp6_auth_key(&auth, key[who - 1]), OK);
		assert_true(auth.replay > last);
		last = auth.replay;
	}
	assert_memory_not_equal(key[0], key[1], 16);
	assert_int_equal(ip_prefix_parse(span_text("2001:db8:7::1009"), &p), OK);
	assert_int_equal(v6_engine_reconfigure(stage.engine, stage.now_ms, &p), OK);
	/* 19.3: through the relay that the client was last heard by. */
	assert_string_equal(stage_text(stage.sent.message),
			    "RELAY 0 fe80::1 [p7]: reconfigure: server; client 01; "
			    "reconfigure-message 5; auth");
	assert_int_equal(dhcp6_relay_read(stage.sent.message, &relay), OK);
	assert_int_equal(dhcp6_message_read(relay.message, &m), OK);
	assert_int_equal(m.transaction_id, 0);
	uint64_t replay;
	assert_int_equal(dhcp6_auth_verify(m.wire, m.auth, key[0], last, &replay), OK);
	assert_int_equal(dhcp6_auth_verify(m.wire, m.auth, key[1], last, &replay), ERR_REFUSED);
}

/* 20.3: "Servers that support the reconfigure mechanism MUST ensure that the replay detection value
 * is retained between restarts." The clock keeps it, and the keys with it. */
static void s20_3_restart(void **state)
{
	(void)state;
	struct ask a;
	struct dhcp6_message m;
	struct dhcp6_auth auth;
	uint8_t key[2][16];
	uint64_t replay[2];
	stage_begin(LAN);
	for (unsigned i = 0; i < 2; i++) {
		ask_begin(&a, DHCP6_REQUEST, 1);
		ask_server(&a);
		dhcp6_write_option(&a.w, DHCP6_OPT_RECONF_ACCEPT, (struct span){0});
		ask_ia(&a, DHCP6_IA_NA, 1, "");
		assert_string_not_equal(ask_send(&a), "");
		assert_int_equal(dhcp6_message_read(stage.sent.message, &m), OK);
		assert_int_equal(dhcp6_auth_read(m.auth, &auth), OK);
		assert_int_equal(dhcp6_auth_key(&auth, key[i]), OK);
		replay[i] = auth.replay;
		stage_wait(1);
		stage_restart();
	}
	assert_true(replay[1] > replay[0]);
	assert_memory_equal(key[0], key[1], 16);
}

/* 21.4: "The server MUST ignore any values in these fields in messages received from a client" (T1,
 * T2), 21.6: "The server MUST ignore any received values" (lifetimes). */
static void s21_4_21_6_times_of_clients(void **state)
{
	(void)state;
	struct ask a;
	stage_begin(LAN);
	ask_begin(&a, DHCP6_REQUEST, 1);
	ask_server(&a);
	size_t at = dhcp6_ia_begin(&a.w, DHCP6_IA_NA, 1, 9000, 1); /* T1 above T2 */
	struct dhcp6_lease l = {.preferred_s = 9, .valid_s = 1};
	assert_int_equal(ip_prefix_parse(span_text("2001:db8:7::1001"), &l.prefix), OK);
	dhcp6_write_lease(&a.w, DHCP6_IA_NA, &l, NULL);
	dhcp6_option_end(&a.w, at);
	assert_string_equal(ask_send(&a), "reply: server; client 01; na1 1800/2880 "
					  "2001:db8:7::1001=3600/7200");
}

/* 7.7: "all time values for lifetimes, T1, and T2 are unsigned 32-bit integers … expressed in units
 * of seconds". */
static void s7_7_long_lifetimes_do_not_wrap(void **state)
{
	(void)state;
	struct ask a;
	stage_begin("  preferred: 49710d\n  valid: 49710d\n"
		    "  networks: {subnet: \"2001:db8:7::/64\", interface: lan0,\n"
		    "             pools: {range: \"2001:db8:7::10\"}}\n");
	ask_begin(&a, DHCP6_REQUEST, 1);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	/* The longest time that can be written down ends in 2106 all the same: nothing wraps. */
	assert_non_null(strstr(ask_send(&a), "2001:db8:7::10=4294944000/4294944000"));
	struct v6_lease_view l;
	size_t at = 0;
	assert_true(v6_engine_lease_next(stage.engine, &at, &l));
	assert_int_equal(l.expires_s, UINT32_MAX);
	stage_wait(UINT64_C(86400000) * 400);
	at = 0;
	assert_true(v6_engine_lease_next(stage.engine, &at, &l));
	assert_int_equal(l.state, V6_LEASE_BOUND);
}

/* RFC 6603 4.1: "the delegating router MUST NOT include … unless the requesting router" asks for it
 * in its Option Request option; RFC 4704 6: "Servers MUST only include a Client FQDN option in
 * ADVERTISE and REPLY messages if the client included a Client FQDN option". */
static void others_only_what_was_asked_for(void **state)
{
	(void)state;
	struct ask a;
	stage_begin("  networks: {subnet: \"2001:db8:7::/64\", interface: lan0,\n"
		    "             prefix-pools: {prefix: \"2001:db8:f000::/56\", exclude-length: "
		    "64}}\n");
	ask_begin(&a, DHCP6_SOLICIT, 1);
	ask_ia(&a, DHCP6_IA_PD, 1, "");
	const char *text = ask_send(&a);
	assert_null(strstr(text, "-2001:db8:f000::/64"));
	assert_null(strstr(text, "fqdn"));
	dhcp6_write_option(&a.w, DHCP6_OPT_ORO, span_of("\0\x43", 2));
	dhcp6_write_option(&a.w, DHCP6_OPT_CLIENT_FQDN, span_of("\1\1a", 3));
	text = ask_send(&a);
	assert_non_null(strstr(text, "-2001:db8:f000::/64"));
	assert_non_null(strstr(text, "fqdn"));
}

int main(void)
{
#define FACT(name) cmocka_unit_test_teardown(name, tear_down)
	const struct CMUnitTest tests[] = {
		FACT(s16_types_that_no_client_sends),
		FACT(s16_unknown_options),
		FACT(s16_unicast),
		FACT(s18_3_use_multicast),
		FACT(s16_2_16_5_16_7_identifiers),
		FACT(s16_4_16_6_16_8_16_9_identifiers),
		FACT(s16_12_information_request),
		FACT(s13_1_link_address),
		FACT(s18_3_identifiers),
		FACT(s18_3_relayed),
		FACT(s18_3_1_rapid_commit),
		FACT(s18_3_2_not_on_link),
		FACT(s18_3_2_nothing_available),
		FACT(s18_3_2_only_what_is_assigned),
		FACT(s18_3_2_t1_t2),
		FACT(s18_3_2_existing_bindings),
		FACT(s18_3_3_confirm),
		FACT(s18_3_4_renew),
		FACT(s18_3_4_renew_of_what_is_not_known),
		FACT(s18_3_5_rebind),
		FACT(s18_3_7_release),
		FACT(s18_3_8_decline),
		FACT(s18_3_9_preference),
		FACT(s18_3_9_options),
		FACT(s18_3_9_ias),
		FACT(s18_3_9_nothing_available),
		FACT(s18_3_11_reconfigure),
		FACT(s20_3_restart),
		FACT(s21_4_21_6_times_of_clients),
		FACT(s7_7_long_lifetimes_do_not_wrap),
		FACT(others_only_what_was_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
