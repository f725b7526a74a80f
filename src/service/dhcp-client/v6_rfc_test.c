/* What RFC 8415 demands of a client, sentence by sentence, in the order of its sections.
 * why-long: one document's demands, read beside it. */
#include "service/dhcp-client/v6_world_test.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint8_t key[16] = {9, 8, 7};

static struct ip_prefix prefix_of(const char *text)
{
	struct ip_prefix p;
	assert_int_equal(ip_prefix_parse(span_text(text), &p), OK);
	return p;
}

/* An Advertise of server `who` with one address. */
static void advertise(uint8_t who, int preference)
{
	struct answer a;
	answer_begin(&a, DHCP6_ADVERTISE, who);
	if (preference >= 0)
		dhcp6_write_option_u8(&a.w, DHCP6_OPT_PREFERENCE, (uint8_t)preference);
	answer_ia(&a, DHCP6_IA_NA, 0, 0, "2001:db8::1=100/200");
	answer_send(&a);
}

/* The server that the last message names by the last octet of its DUID. */
static unsigned server_asked(void)
{
	return world.m.server_id.len ? world.m.server_id.data[world.m.server_id.len - 1] : 0;
}

/* --- 14.1, 15: rates and retransmission --- */

/* 15: RT "for the first message transmission is based on IRT: RT = IRT + RAND*IRT"; "for each
 * subsequent message transmission is based on the previous value: RT = 2*RTprev + RAND*RTprev"; "if
 * (RT > MRT) RT = MRT + RAND*MRT"; RAND "between -0.1 and +0.1". 18.2.1: "the first RT MUST be
 * selected to be strictly greater than IRT by choosing RAND to be strictly greater than 0." and
 * "SOL_MAX_DELAY". */
static void s15_retransmission_of_solicit(void **state)
{
	(void)state;
	uint64_t rt = 0;
	world_begin();
	world_up();
	uint64_t begun_ms = world.now_ms;
	assert_int_equal(world_next(), DHCP6_SOLICIT);
	assert_in_range(world.now_ms - begun_ms, 0, 1000);
	for (unsigned i = 0; i < 20; i++) {
		uint64_t before_ms = world.now_ms, previous = rt;
		assert_int_equal(world_next(), DHCP6_SOLICIT);
		rt = world.now_ms - before_ms;
		if (i == 0)
			assert_in_range(rt, 1001, 1100);
		else if (previous * 19 / 10 < 3600000)
			assert_in_range(rt,
					previous * 19 / 10 < 3240000 ? previous * 19 / 10 : 3240000,
					previous * 21 / 10 + 1);
		else
			assert_in_range(rt, 3240000, 3960000);
	}
}

/* 16.1: "A client MUST leave the transaction ID unchanged in retransmissions of a message." */
static void s16_1_transaction_id(void **state)
{
	(void)state;
	world_begin();
	world_up();
	assert_int_equal(world_next(), DHCP6_SOLICIT);
	uint32_t id = world.m.transaction_id;
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(world_next(), DHCP6_SOLICIT);
		assert_int_equal(world.m.transaction_id, id);
	}
	advertise(1, -1);
	assert_int_equal(world.m.type, DHCP6_REQUEST); /* "for each new message" */
	assert_int_not_equal(world.m.transaction_id, id);
}

/* 21.9: "The elapsed-time field is set to 0 in the first message in the message exchange." */
static void s21_9_elapsed_time(void **state)
{
	(void)state;
	world_begin();
	world_up();
	assert_int_equal(world_next(), DHCP6_SOLICIT);
	assert_int_equal(world.m.elapsed_cs, 0);
	uint64_t first_ms = world.now_ms;
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(world_next(), DHCP6_SOLICIT);
		uint64_t cs = (world.now_ms - first_ms) / 10;
		assert_int_equal(world.m.elapsed_cs, cs < 0xffff ? cs : 0xffff);
	}
}

/* --- 16: what is discarded --- */

/* 16.2, 16.4 to 16.9, 16.12, 16.13, 16.14: "Clients MUST discard any received Solicit messages."
 * and so for each type that only clients and relays send. */
static void s16_types_that_no_server_sends(void **state)
{
	(void)state;
	world_begin();
	world_up();
	assert_int_equal(world_next(), DHCP6_SOLICIT);
	for (unsigned type = 0; type < 256; type++) {
		struct answer a;
		if (type == DHCP6_ADVERTISE || type == DHCP6_REPLY || type == DHCP6_RECONFIGURE)
			continue;
		answer_begin(&a, (uint8_t)type, 1);
		answer_ia(&a, DHCP6_IA_NA, 0, 0, "2001:db8::1=100/200");
		answer_send(&a);
	}
	assert_int_equal(world.u.counts.refused[UPLINK6_CAUSE_TYPE], 256 - 3);
	assert_int_equal(world.u.offers_n, 0);
}

/* 16.3: "Clients MUST discard any received Advertise message that meets any of the following
 * conditions: the message does not include a Server Identifier option; the message does not include
 * a Client Identifier option; the contents of the Client Identifier option do not match the
 * client's DUID; the 'transaction-id' field value does not match the value the client used in its
 * Solicit message." 16.10 says the same of a Reply. */
static void s16_3_16_10_identifiers(void **state)
{
	(void)state;
	static const uint8_t types[] = {DHCP6_ADVERTISE, DHCP6_REPLY};
	struct ip_address from = {.family = 6, .bytes = {0xfe, 0x80, [15] = 1}};
	for (size_t k = 0; k < 2; k++)
		for (unsigned flaw = 0; flaw < 4; flaw++) {
			uint8_t wire[512];
			struct writer w = writer_of(wire, sizeof(wire));
			world_begin();
			world.rules.rapid_commit = true;
			world_up();
			assert_int_equal(world_next(), DHCP6_SOLICIT);
			dhcp6_write_header(&w, types[k],
					   world.m.transaction_id ^ (flaw == 3 ? 1 : 0));
			dhcp6_write_option(&w, DHCP6_OPT_RAPID_COMMIT, (struct span){0});
			if (flaw != 0)
				dhcp6_write_option(&w, DHCP6_OPT_SERVERID,
						   span_of("\0\3\0\1server", 10));
			if (flaw == 2)
				dhcp6_write_option(&w, DHCP6_OPT_CLIENTID,
						   span_of("\0\3\0\1others", 10));
			else if (flaw != 1)
				dhcp6_write_option(&w, DHCP6_OPT_CLIENTID, world.rules.duid);
			size_t at = dhcp6_ia_begin(&w, DHCP6_IA_NA, 5, 0, 0);
			struct dhcp6_lease l = {.prefix = prefix_of("2001:db8::1"),
						.preferred_s = 100,
						.valid_s = 200};
			dhcp6_write_lease(&w, DHCP6_IA_NA, &l, NULL);
			dhcp6_option_end(&w, at);
			uplink6_receive(&world.u, world.now_ms, &from, false, writer_span(&w));
			assert_int_equal(world.u.offers_n, 0);
			assert_int_equal(world.u.leases_n, 0);
			assert_int_equal(world.u.state, UPLINK6_SOLICITING);
		}
}

/* --- 18.2.1: Solicit --- */

/* "The client MUST include a Client Identifier option", "MUST include an Elapsed Time option" (both
 * checked for each message), "MUST include an Option Request option to request the SOL_MAX_RT
 * option and any other options the client is interested in receiving". */
static void s18_2_1_contents(void **state)
{
	(void)state;
	struct dhcp6_ia ia;
	struct dhcp6_lease l;
	world_begin();
	world_up();
	assert_int_equal(world_next(), DHCP6_SOLICIT);
	assert_true(dhcp6_oro_has(world.m.oro, DHCP6_OPT_SOL_MAX_RT));
	assert_true(dhcp6_oro_has(world.m.oro, DHCP6_OPT_DNS_SERVERS));
	/* 21.7: "The Option Request option MUST NOT include the following option codes". */
	static const uint16_t never[] = {1, 2,	3,  4,	25, 5,	26, 6,	8,  7,
					 9, 11, 12, 13, 14, 15, 16, 18, 19, 20};
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		assert_false(dhcp6_oro_has(world.m.oro, never[i]));
	assert_true(dhcp6_has(&world.m, DHCP6_HAS_RECONF_ACCEPT));
	assert_false(dhcp6_has(&world.m, DHCP6_HAS_RAPID_COMMIT));
	assert_false(dhcp6_has(&world.m, DHCP6_HAS_SERVERID));
	assert_int_equal(world.m.ias_n, 2);
	assert_int_equal(dhcp6_ia_read(&world.m.ias[1], &ia), OK);
	struct reader r = reader_of_span(ia.options);
	assert_true(dhcp6_lease_next(&r, ia.kind, &l)); /* RFC 8168: a length as a hint */
	assert_int_equal(l.prefix.bits, 56);
	assert_true(ip_address_is_unspecified(&l.prefix.address));
}

/* "A client MUST collect valid Advertise messages for the first RT seconds, unless it receives a
 * valid Advertise message with a preference value of 255." "Any valid Advertise that does not
 * include a Preference option is considered to have a preference value of 0." */
static void s18_2_1_collects(void **state)
{
	(void)state;
	world_begin();
	world_up();
	assert_int_equal(world_next(), DHCP6_SOLICIT);
	uint64_t sent_ms = world.now_ms;
	advertise(1, -1);
	advertise(2, 10);
	advertise(3, 0);
	assert_int_equal(world.m.type, DHCP6_SOLICIT);
	assert_int_equal(world_next(), DHCP6_REQUEST);
	assert_true(world.now_ms - sent_ms > 1000);
	assert_int_equal(server_asked(), 2); /* 18.2.9: the highest preference */
	world_begin();
	world_up();
	assert_int_equal(world_next(), DHCP6_SOLICIT);
	advertise(1, 254);
	assert_int_equal(world.m.type, DHCP6_SOLICIT);
	advertise(2, 255);
	assert_int_equal(world.m.type, DHCP6_REQUEST);
	assert_int_equal(server_asked(), 2);
	/* "The client terminates the retransmission process as soon as it receives any valid
	 * Advertise message" after the first RT. */
	world_begin();
	world_up();
	assert_int_equal(world_next(), DHCP6_SOLICIT);
	assert_int_equal(world_next(), DHCP6_SOLICIT);
	advertise(1, -1);
	assert_int_equal(world.m.type, DHCP6_REQUEST);
}

/* "The client will discard any Reply messages that do not contain the Rapid Commit option." */
static void s18_2_1_rapid_commit(void **state)
{
	(void)state;
	for (unsigned with = 0; with < 2; with++) {
		struct answer a;
		world_begin();
		world.rules.rapid_commit = true;
		world_up();
		assert_int_equal(world_next(), DHCP6_SOLICIT);
		assert_true(dhcp6_has(&world.m, DHCP6_HAS_RAPID_COMMIT));
		answer_begin(&a, DHCP6_REPLY, 1);
		if (with)
			dhcp6_write_option(&a.w, DHCP6_OPT_RAPID_COMMIT, (struct span){0});
		answer_ia(&a, DHCP6_IA_NA, 0, 0, "2001:db8::1=100/200");
		answer_send(&a);
		assert_int_equal(world.u.state, with ? UPLINK6_BOUND : UPLINK6_SOLICITING);
	}
	/* And none at all when it was not asked for. */
	struct answer a;
	world_begin();
	world_up();
	assert_int_equal(world_next(), DHCP6_SOLICIT);
	answer_begin(&a, DHCP6_REPLY, 1);
	dhcp6_write_option(&a.w, DHCP6_OPT_RAPID_COMMIT, (struct span){0});
	answer_ia(&a, DHCP6_IA_NA, 0, 0, "2001:db8::1=100/200");
	answer_send(&a);
	assert_int_equal(world.u.state, UPLINK6_SOLICITING);
}

/* --- 18.2.2: Request --- */

/* "The client MUST include the identifier of the destination server in a Server Identifier option."
 * "The client MUST include an Option Request option to request the SOL_MAX_RT option". REQ_MAX_RC,
 * then the next server. */
static void s18_2_2_request(void **state)
{
	(void)state;
	world_begin();
	world_up();
	assert_int_equal(world_next(), DHCP6_SOLICIT);
	advertise(1, 5);
	advertise(2, 4);
	assert_int_equal(world_next(), DHCP6_REQUEST);
	for (unsigned i = 1; i < 10; i++) {
		assert_int_equal(server_asked(), 1);
		assert_true(dhcp6_oro_has(world.m.oro, DHCP6_OPT_SOL_MAX_RT));
		assert_int_equal(world_next(), DHCP6_REQUEST);
	}
	assert_int_equal(world_next(), DHCP6_REQUEST);
	assert_int_equal(server_asked(), 2);
	for (unsigned i = 1; i < 10; i++)
		assert_int_equal(world_next(), DHCP6_REQUEST);
	assert_int_equal(world_next(), DHCP6_SOLICIT);
	/* A Reply of another server than the one that was asked counts nothing. */
	advertise(1, 255);
	assert_int_equal(world.m.type, DHCP6_REQUEST);
	struct answer a;
	answer_begin(&a, DHCP6_REPLY, 2);
	answer_ia(&a, DHCP6_IA_NA, 0, 0, "2001:db8::1=100/200");
	answer_send(&a);
	assert_int_equal(world.u.state, UPLINK6_REQUESTING);
	assert_int_equal(world.u.counts.refused[UPLINK6_CAUSE_SERVER], 1);
}

/* --- 18.2.3: Confirm --- */

/* "The first Confirm message from the client on the interface MUST be delayed by a random amount of
 * time between 0 and CNF_MAX_DELAY." "The client SHOULD set the T1 and T2 fields … and the
 * preferred-lifetime and valid-lifetime fields … to 0". CNF_MAX_RD, then "the client SHOULD
 * continue to use any leases". */
static void s18_2_3_confirm(void **state)
{
	(void)state;
	struct answer a;
	struct dhcp6_ia ia;
	struct dhcp6_lease l;
	world_begin();
	world.rules.prefix = false;
	world_up();
	assert_int_equal(world_next(), DHCP6_SOLICIT);
	advertise(1, 255);
	answer_begin(&a, DHCP6_REPLY, 1);
	answer_ia(&a, DHCP6_IA_NA, 0, 0, "2001:db8::1=100/200");
	answer_send(&a);
	uplink6_link(&world.u, world.now_ms, false);
	world_up();
	uint64_t begun_ms = world.now_ms;
	assert_int_equal(world_next(), DHCP6_CONFIRM);
	assert_in_range(world.now_ms - begun_ms, 0, 1000);
	assert_int_equal(world.m.server_id.len, 0);
	assert_int_equal(dhcp6_ia_read(&world.m.ias[0], &ia), OK);
	struct reader r = reader_of_span(ia.options);
	assert_true(dhcp6_lease_next(&r, ia.kind, &l));
	assert_true(ia.t1_s == 0 && ia.t2_s == 0 && l.preferred_s == 0 && l.valid_s == 0);
	uint64_t sent_ms = world.now_ms;
	while (world.u.state == UPLINK6_CONFIRMING) {
		world.now_ms = uplink6_next_ms(&world.u);
		uplink6_turn(&world.u, world.now_ms);
	}
	assert_int_equal(world.now_ms - sent_ms, 10000);
	assert_string_equal(world_leases(), "2001:db8::1");
	assert_int_equal(world.u.state, UPLINK6_BOUND);
}

/* --- 18.2.4, 18.2.5: Renew and Rebind --- */

/* "The client MUST select T1 and T2 times from all IA options that will guarantee that the client
 * initiates transmissions of Renew/Rebind messages not later than at the T1/T2 times associated
 * with any of the client's bindings". "MUST include a Server Identifier option in the Renew
 * message". "MUST NOT include addresses and prefixes in any IA option that the client did not
 * obtain from the server or that are no longer valid". */
static void s18_2_4_renew(void **state)
{
	(void)state;
	struct answer a;
	world_begin();
	world_bind();
	assert_int_equal(world_next(), DHCP6_RENEW);
	answer_begin(&a, DHCP6_REPLY, 1);
	answer_ia(&a, DHCP6_IA_NA, 100, 160, "2001:db8::1=0/0 2001:db8::2=200/300");
	answer_ia(&a, DHCP6_IA_PD, 90, 170, "2001:db8:f::/56=200/300");
	answer_send(&a);
	uint64_t got_ms = world.now_ms;
	assert_int_equal(world_next(), DHCP6_RENEW);
	assert_int_equal(world.now_ms - got_ms, 90000);
	assert_int_equal(server_asked(), 1);
	for (unsigned i = 0; i < world.m.ias_n; i++) {
		struct dhcp6_ia ia;
		struct dhcp6_lease l;
		assert_int_equal(dhcp6_ia_read(&world.m.ias[i], &ia), OK);
		struct reader r = reader_of_span(ia.options);
		assert_true(dhcp6_lease_next(&r, ia.kind, &l));
		struct ip_prefix want =
			prefix_of(ia.kind == DHCP6_IA_PD ? "2001:db8:f::/56" : "2001:db8::2");
		assert_true(ip_prefix_equal(&l.prefix, &want));
		assert_false(dhcp6_lease_next(&r, ia.kind, &l));
	}
	/* "The message exchange is terminated when the earliest time T2 is reached, at which point
	 * the client begins the Rebind message exchange". 18.2.5: "does not include the Server
	 * Identifier option". */
	world_run(got_ms + 160000 - world.now_ms);
	assert_int_equal(world.m.type, DHCP6_REBIND);
	assert_int_equal(world.m.server_id.len, 0);
	/* Any server may answer then, and is the one from now on. */
	answer_begin(&a, DHCP6_REPLY, 3);
	answer_ia(&a, DHCP6_IA_NA, 50, 80, "2001:db8::2=100/300");
	answer_ia(&a, DHCP6_IA_PD, 50, 80, "2001:db8:f::/56=100/300");
	answer_send(&a);
	assert_int_equal(world.u.state, UPLINK6_BOUND);
	assert_int_equal(world_next(), DHCP6_RENEW);
	assert_int_equal(server_asked(), 3);
}

/* --- 18.2.6: Information-request --- */

/* "The client MUST include an Option Request option to request the INF_MAX_RT option, the
 * Information Refresh Time option, and any other options". "The first Information-request message
 * from the client on the interface MUST be delayed by a random amount of time between 0 and
 * INF_MAX_DELAY." 21.23: "MUST use the default value IRT_DEFAULT", "MUST … not less than
 * IRT_MINIMUM" are in v6_test.c. */
static void s18_2_6_information_request(void **state)
{
	(void)state;
	world_begin();
	world.rules.address = world.rules.prefix = false;
	world_up();
	uint64_t begun_ms = world.now_ms;
	assert_int_equal(world_next(), DHCP6_INFORMATION_REQUEST);
	assert_in_range(world.now_ms - begun_ms, 0, 1000);
	assert_true(dhcp6_oro_has(world.m.oro, DHCP6_OPT_INF_MAX_RT));
	assert_true(dhcp6_oro_has(world.m.oro, DHCP6_OPT_INFORMATION_REFRESH_TIME));
	assert_true(dhcp6_oro_has(world.m.oro, DHCP6_OPT_DNS_SERVERS));
	assert_int_equal(world.m.server_id.len, 0);
}

/* --- 18.2.7, 18.2.8: Release and Decline --- */

/* "The client MUST include a Server Identifier option … identifying the server which allocated the
 * lease(s)." "The leases to be released MUST be included in the IAs." "The client MUST stop using
 * all of the leases being released before the client begins the Release message exchange
 * process." 18.2.10.2: completed "regardless of the Status Code option". */
static void s18_2_7_release(void **state)
{
	(void)state;
	struct answer a;
	world_begin();
	world_bind();
	unsigned set_n = world.set_n, sent_n = world.sent_n;
	assert_int_equal(uplink6_release(&world.u, world.now_ms), OK);
	assert_int_equal(world.set_n, set_n + 1); /* told with no lease, */
	assert_int_equal(world.sent_n, sent_n + 1);
	assert_int_equal(world.m.type, DHCP6_RELEASE);
	assert_int_equal(server_asked(), 1);
	assert_int_equal(world.m.ias_n, 2);
	struct dhcp6_ia ia;
	struct dhcp6_lease l;
	assert_int_equal(dhcp6_ia_read(&world.m.ias[0], &ia), OK);
	struct reader r = reader_of_span(ia.options);
	assert_true(dhcp6_lease_next(&r, ia.kind, &l));
	struct ip_prefix want = prefix_of("2001:db8::1");
	assert_true(ip_prefix_equal(&l.prefix, &want));
	answer_begin(&a, DHCP6_REPLY, 1);
	dhcp6_write_status(&a.w, DHCP6_NO_BINDING, "");
	answer_send(&a);
	assert_int_equal(world.u.state, UPLINK6_IDLE);
}

/* 18.2.8: "the client MUST NOT include IA_PD options in the Decline message." "MUST include a
 * Server Identifier option". "The addresses to be declined MUST be included in the IAs." */
static void s18_2_8_decline(void **state)
{
	(void)state;
	world_begin();
	world_bind();
	struct ip_address one = prefix_of("2001:db8::1").address;
	assert_int_equal(uplink6_decline(&world.u, world.now_ms, &one), OK);
	assert_int_equal(world.m.type, DHCP6_DECLINE);
	assert_int_equal(server_asked(), 1);
	assert_int_equal(world.m.ias_n, 1);
	assert_int_equal(world.m.ias[0].code, DHCP6_OPT_IA_NA);
	/* "The client SHOULD retain the non-conflicting bindings." */
	assert_string_equal(world_leases(), "2001:db8:f::/56");
	unsigned sent_n = world.sent_n;
	world_run(40000);
	assert_int_equal(world.sent_n - sent_n, 3); /* DEC_MAX_RC */
}

/* --- 18.2.9, 18.2.10: what comes back --- */

/* 18.2.9: "The client MUST process any SOL_MAX_RT option and INF_MAX_RT option present in an
 * Advertise message, even if the message contains a Status Code option indicating a failure". "The
 * client MUST ignore any Advertise message that contains no addresses … and no delegated prefixes".
 * "The client ignoring an Advertise message MUST NOT restart the Solicit retransmission timer." */
static void s18_2_9_advertise_without_leases(void **state)
{
	(void)state;
	struct answer a;
	world_begin();
	world_up();
	assert_int_equal(world_next(), DHCP6_SOLICIT);
	uint64_t due_ms = uplink6_next_ms(&world.u);
	answer_begin(&a, DHCP6_ADVERTISE, 1);
	dhcp6_write_option_u32(&a.w, DHCP6_OPT_SOL_MAX_RT, 60);
	dhcp6_write_option_u32(&a.w, DHCP6_OPT_INF_MAX_RT, 90);
	dhcp6_write_status(&a.w, DHCP6_NO_ADDRS_AVAIL, "");
	answer_ia_status(&a, DHCP6_IA_NA, DHCP6_NO_ADDRS_AVAIL);
	answer_send(&a);
	assert_int_equal(world.u.offers_n, 0);
	assert_int_equal(uplink6_next_ms(&world.u), due_ms);
	assert_int_equal(world.u.sol_max_rt_s, 60);
	assert_int_equal(world.u.inf_max_rt_s, 90);
	for (unsigned i = 0; i < 12; i++)
		assert_int_equal(world_next(), DHCP6_SOLICIT);
	uint64_t before_ms = world.now_ms;
	assert_int_equal(world_next(), DHCP6_SOLICIT);
	assert_in_range(world.now_ms - before_ms, 54000, 66000);
}

/* 18.2.10: after UnspecFail "the client MUST limit the rate at which it retransmits the message".
 */
static void s18_2_10_unspec_fail(void **state)
{
	(void)state;
	struct answer a;
	world_begin();
	world_bind();
	assert_int_equal(world_next(), DHCP6_RENEW);
	uint64_t due_ms = uplink6_next_ms(&world.u);
	for (unsigned i = 0; i < 100; i++) {
		answer_begin(&a, DHCP6_REPLY, 1);
		dhcp6_write_status(&a.w, DHCP6_UNSPEC_FAIL, "");
		answer_send(&a);
	}
	assert_int_equal(uplink6_next_ms(&world.u), due_ms);
	assert_string_equal(world_leases(), "2001:db8::1 2001:db8:f::/56");
}

/* 21.4: "If a client receives an IA_NA with T1 greater than T2 and both T1 and T2 are greater than
 * 0, the client discards the IA_NA option and processes the remainder of the message". 21.6: "The
 * client MUST discard any addresses for which the preferred lifetime is greater than the valid
 * lifetime." */
static void s21_4_21_6_nonsense(void **state)
{
	(void)state;
	struct answer a;
	world_begin();
	world_up();
	assert_int_equal(world_next(), DHCP6_SOLICIT);
	advertise(1, 255);
	answer_begin(&a, DHCP6_REPLY, 1);
	answer_ia(&a, DHCP6_IA_NA, 90, 80, "2001:db8::1=100/200");
	answer_ia(&a, DHCP6_IA_PD, 50, 80, "2001:db8:e::/56=201/200 2001:db8:f::/56=100/200");
	answer_send(&a);
	assert_string_equal(world_leases(), "2001:db8:f::/56");
	assert_int_equal(world.u.state, UPLINK6_BOUND);
}

/* 18.2.10.1: "Discard any leases from the IA, as recorded by the client, that have a valid lifetime
 * of 0". "Leave unchanged any information about leases the client has recorded in the IA but that
 * were not included in the IA from the server." "Sends a Request message to the server that
 * responded if any of the IAs in the Reply message contain the NoBinding status code." */
static void s18_2_10_1_reply(void **state)
{
	(void)state;
	struct answer a;
	world_begin();
	world_bind();
	assert_int_equal(world_next(), DHCP6_RENEW);
	answer_begin(&a, DHCP6_REPLY, 1);
	answer_ia(&a, DHCP6_IA_NA, 50, 80, "2001:db8::2=100/200");
	answer_send(&a);
	assert_string_equal(world_leases(), "2001:db8::1 2001:db8:f::/56 2001:db8::2");
	assert_int_equal(world_next(), DHCP6_RENEW);
	answer_begin(&a, DHCP6_REPLY, 1);
	answer_ia(&a, DHCP6_IA_NA, 50, 80, "2001:db8::1=0/0 2001:db8::2=100/200");
	answer_ia_status(&a, DHCP6_IA_PD, DHCP6_NO_BINDING);
	answer_send(&a);
	assert_string_equal(world_leases(), "2001:db8:f::/56 2001:db8::2");
	assert_int_equal(world.m.type, DHCP6_REQUEST);
	assert_int_equal(server_asked(), 1);
	assert_int_equal(world.m.ias_n, 2);
}

/* 18.2.10.5: "the client SHOULD stop using the previously received configuration information" that
 * a later Reply lacks. */
static void s18_2_10_5_options_revoked(void **state)
{
	(void)state;
	struct answer a;
	world_begin();
	world_bind();
	assert_non_null(dhcp6_option_find(span_of(world.u.options, world.u.options_len), 23).data);
	assert_int_equal(world_next(), DHCP6_RENEW);
	answer_begin(&a, DHCP6_REPLY, 1);
	answer_ia(&a, DHCP6_IA_NA, 50, 80, "2001:db8::1=100/200");
	answer_send(&a);
	assert_null(dhcp6_option_find(span_of(world.u.options, world.u.options_len), 23).data);
}

/* --- 18.2.11: Reconfigure --- */

static void bind_with_key(void)
{
	struct answer a;
	world_begin();
	world_bind();
	assert_int_equal(world_next(), DHCP6_RENEW);
	answer_begin(&a, DHCP6_REPLY, 1);
	answer_ia(&a, DHCP6_IA_NA, 500, 800, "2001:db8::1=1000/2000");
	answer_ia(&a, DHCP6_IA_PD, 500, 800, "2001:db8:f::/56=1000/2000");
	dhcp6_write_auth_key(&a.w, 100, key);
	answer_send(&a);
	assert_int_equal(world.u.state, UPLINK6_BOUND);
}

struct reconfigure {
	uint8_t who, type;
	uint64_t replay;
	bool multicast, unsigned_, forged, no_client, no_type;
};

static void reconfigure(const struct reconfigure *how)
{
	struct ip_address from = {.family = 6, .bytes = {0xfe, 0x80, [15] = 1}};
	uint8_t wire[256], server[] = {0, 3, 0, 1, 2, 0, 0, 0, 1, how->who};
	struct writer w = writer_of(wire, sizeof(wire));
	dhcp6_write_header(&w, DHCP6_RECONFIGURE, 0);
	dhcp6_write_option(&w, DHCP6_OPT_SERVERID, span_of(server, sizeof(server)));
	if (!how->no_client)
		dhcp6_write_option(&w, DHCP6_OPT_CLIENTID, world.rules.duid);
	if (!how->no_type)
		dhcp6_write_option_u8(&w, DHCP6_OPT_RECONF_MSG, how->type);
	if (!how->unsigned_) {
		size_t at = dhcp6_write_auth_hmac(&w, how->replay);
		dhcp6_auth_sign(&w, 0, at, key);
	}
	if (how->forged)
		wire[w.pos - 1] ^= 1;
	uplink6_receive(&world.u, world.now_ms, &from, how->multicast, writer_span(&w));
}

/* 16.11: "Clients MUST discard any Reconfigure message that meets any of the following conditions:
 * the message was not unicast to the client; the message does not include a Server Identifier
 * option; … a Client Identifier option that contains the client's DUID; … a Reconfigure Message
 * option; the Reconfigure Message option msg-type is not a valid value; the message does not
 * include authentication or fails authentication validation." 20.3: "only accept the message if the
 * received value is greater". */
static void s16_11_reconfigure_that_is_discarded(void **state)
{
	(void)state;
	static const struct reconfigure flaws[] = {
		{.who = 1, .type = DHCP6_RENEW, .replay = 101, .multicast = true},
		{.who = 2, .type = DHCP6_RENEW, .replay = 101},
		{.who = 1, .type = DHCP6_RENEW, .replay = 101, .no_client = true},
		{.who = 1, .type = DHCP6_RENEW, .replay = 101, .no_type = true},
		{.who = 1, .type = DHCP6_SOLICIT, .replay = 101},
		{.who = 1, .type = DHCP6_RENEW, .replay = 101, .unsigned_ = true},
		{.who = 1, .type = DHCP6_RENEW, .replay = 101, .forged = true},
		{.who = 1, .type = DHCP6_RENEW, .replay = 100}, /* said before */
	};
	bind_with_key();
	unsigned sent_n = world.sent_n;
	for (size_t i = 0; i < sizeof(flaws) / sizeof(flaws[0]); i++) {
		reconfigure(&flaws[i]);
		assert_int_equal(world.u.state, UPLINK6_BOUND);
	}
	assert_int_equal(world.sent_n, sent_n);
	/* Without a key there is nothing to believe. */
	world_begin();
	world_bind();
	reconfigure(&(struct reconfigure){.who = 1, .type = DHCP6_RENEW, .replay = 101});
	assert_int_equal(world.u.state, UPLINK6_BOUND);
}

/* 18.2.11: "the client responds with a Renew message, a Rebind message, or an Information-request
 * message as indicated by the Reconfigure Message option". "the client MUST ignore any additional
 * Reconfigure messages until the exchange is complete." 18.2.6: "When responding to a Reconfigure,
 * the client MUST include a Server Identifier option with the identifier from the Reconfigure
 * message". */
static void s18_2_11_reconfigure(void **state)
{
	(void)state;
	struct answer a;
	bind_with_key();
	reconfigure(&(struct reconfigure){.who = 1, .type = DHCP6_RENEW, .replay = 101});
	assert_int_equal(world.m.type, DHCP6_RENEW);
	reconfigure(&(struct reconfigure){.who = 1, .type = DHCP6_REBIND, .replay = 102});
	assert_int_equal(world.m.type, DHCP6_RENEW);
	answer_begin(&a, DHCP6_REPLY, 1);
	answer_ia(&a, DHCP6_IA_NA, 500, 800, "2001:db8::1=1000/2000");
	answer_ia(&a, DHCP6_IA_PD, 500, 800, "2001:db8:f::/56=1000/2000");
	answer_send(&a);
	assert_int_equal(world.u.state, UPLINK6_BOUND);
	reconfigure(&(struct reconfigure){.who = 1, .type = DHCP6_REBIND, .replay = 103});
	assert_int_equal(world.m.type, DHCP6_REBIND);
	answer_begin(&a, DHCP6_REPLY, 1);
	answer_ia(&a, DHCP6_IA_NA, 500, 800, "2001:db8::1=1000/2000");
	answer_send(&a);
	reconfigure(
		&(struct reconfigure){.who = 1, .type = DHCP6_INFORMATION_REQUEST, .replay = 104});
	assert_int_equal(world_next(), DHCP6_INFORMATION_REQUEST);
	assert_int_equal(server_asked(), 1);
	answer_begin(&a, DHCP6_REPLY, 1);
	answer_send(&a);
	assert_int_equal(world.u.state, UPLINK6_BOUND); /* with its leases */
	assert_string_equal(world_leases(), "2001:db8::1 2001:db8:f::/56");
}

/* 18.2.12: "If the client has any valid delegated prefixes obtained from the DHCP server, the
 * client MUST initiate a Rebind/Reply message exchange …, with the exception that the
 * retransmission parameters should be set as for the Confirm message". */
static void s18_2_12_moved_with_prefixes(void **state)
{
	(void)state;
	world_begin();
	world_bind();
	uplink6_link(&world.u, world.now_ms, false);
	world_run(5000);
	world_up();
	uint64_t begun_ms = world.now_ms;
	assert_int_equal(world_next(), DHCP6_REBIND);
	assert_in_range(world.now_ms - begun_ms, 0, 1000);
	assert_int_equal(world.m.ias_n, 2);
	uint64_t sent_ms = world.now_ms;
	assert_int_equal(world_next(), DHCP6_REBIND);
	assert_in_range(world.now_ms - sent_ms, 900, 1100); /* CNF_TIMEOUT */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(s15_retransmission_of_solicit),
		cmocka_unit_test(s16_1_transaction_id),
		cmocka_unit_test(s21_9_elapsed_time),
		cmocka_unit_test(s16_types_that_no_server_sends),
		cmocka_unit_test(s16_3_16_10_identifiers),
		cmocka_unit_test(s18_2_1_contents),
		cmocka_unit_test(s18_2_1_collects),
		cmocka_unit_test(s18_2_1_rapid_commit),
		cmocka_unit_test(s18_2_2_request),
		cmocka_unit_test(s18_2_3_confirm),
		cmocka_unit_test(s18_2_4_renew),
		cmocka_unit_test(s18_2_6_information_request),
		cmocka_unit_test(s18_2_7_release),
		cmocka_unit_test(s18_2_8_decline),
		cmocka_unit_test(s18_2_9_advertise_without_leases),
		cmocka_unit_test(s18_2_10_unspec_fail),
		cmocka_unit_test(s21_4_21_6_nonsense),
		cmocka_unit_test(s18_2_10_1_reply),
		cmocka_unit_test(s18_2_10_5_options_revoked),
		cmocka_unit_test(s16_11_reconfigure_that_is_discarded),
		cmocka_unit_test(s18_2_11_reconfigure),
		cmocka_unit_test(s18_2_12_moved_with_prefixes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
