/* why-long: exchanges with clients, all played over one stage. */
#include "service/dhcp/v6_stage_test.h"

#include "test/guard.h"
#include "test/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define LAN                                                                                        \
	"  networks:\n"                                                                            \
	"    - subnet: 2001:db8:7::/64\n"                                                          \
	"      interface: lan0\n"                                                                  \
	"      pools: {range: \"2001:db8:7::1000-2001:db8:7::1003\", allocate: dynamic}\n"         \
	"      prefix-pools: {prefix: \"2001:db8:f000::/54\", delegated-length: 56}\n"

static int tear_down(void **state)
{
	(void)state;
	stage_end();
	return 0;
}

static struct ip_prefix lease_of(const char *text)
{
	struct ip_prefix p;
	assert_int_equal(ip_prefix_parse(span_text(text), &p), OK);
	return p;
}

/* The first lease in an answer's text, "" where there is none. */
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

static void a_pool_that_is_empty_says_so_and_gives_nothing_twice(void **state)
{
	(void)state;
	char seen[4][64];
	struct ask a;
	stage_begin(LAN);
	for (uint8_t who = 1; who <= 4; who++) {
		(void)snprintf(seen[who - 1], 64, "%s", lease_in(stage_get(who, DHCP6_IA_NA, 1)));
		assert_string_not_equal(seen[who - 1], "");
		for (uint8_t k = 0; k + 1 < who; k++)
			assert_string_not_equal(seen[k], seen[who - 1]);
	}
	ask_begin(&a, DHCP6_SOLICIT, 5);
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	assert_string_equal(ask_send(&a), "advertise: server; client 05; na1 no-addrs-avail");
	assert_int_equal(stage.causes[V6_CAUSE_NO_LEASE], 1);
	/* One goes, and the next gets it. */
	ask_begin(&a, DHCP6_RELEASE, 2);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, seen[1]);
	assert_string_equal(ask_send(&a), "reply: server; client 02; success");
	assert_string_equal(lease_in(stage_get(5, DHCP6_IA_NA, 1)), seen[1]);
}

static void nothing_is_remembered_of_a_solicit(void **state)
{
	(void)state;
	struct v6_counts counts;
	stage_begin(LAN);
	for (unsigned i = 0; i < 1000; i++) {
		struct ask a;
		uint8_t duid[8] = {0, 4, (uint8_t)i, (uint8_t)(i >> 8), 9, 9, 9, 9};
		ask_bare(&a, DHCP6_SOLICIT, 1);
		dhcp6_write_option(&a.w, DHCP6_OPT_CLIENTID, span_of(duid, sizeof(duid)));
		ask_ia(&a, DHCP6_IA_NA, i, "");
		assert_string_not_equal(lease_in(ask_send(&a)), "");
	}
	v6_engine_counts(stage.engine, &counts);
	assert_int_equal(counts.leases, 0);
	assert_int_equal(counts.sent[DHCP6_ADVERTISE], 1000);
}

static void a_reply_leaves_only_when_every_lease_is_durable(void **state)
{
	(void)state;
	struct ask a;
	stage_begin(LAN);
	stage.hold = true;
	ask_begin(&a, DHCP6_REQUEST, 1);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	ask_ia(&a, DHCP6_IA_PD, 1, "");
	assert_string_equal(ask_send(&a), "");
	assert_int_equal(stage.asked_n, 2);
	/* A retransmission meanwhile changes nothing. */
	assert_string_equal(ask_send(&a), "");
	assert_int_equal(stage.asked_n, 2);
	stage_answer(1, DHCP_STORED);
	assert_int_equal(stage.sent_n, 0);
	stage_answer(0, DHCP_STORED);
	assert_int_equal(stage.sent_n, 1);
	assert_int_equal(stage.events[V6_EVENT_BOUND], 2);
	assert_int_equal(stage.names_granted, 1); /* prefixes have no name */
}

static void another_server_that_was_faster_wins(void **state)
{
	(void)state;
	struct ask a;
	struct v6_lease_view l = {.kind = DHCP6_IA_NA,
				  .state = V6_LEASE_BOUND,
				  .iaid = 9,
				  .granted_s = 1800000000,
				  .expires_s = 1800009999,
				  .duid = span_of("\0\4other", 7)};
	stage_begin(LAN);
	stage.hold = true;
	(void)stage_get(1, DHCP6_IA_NA, 1);
	assert_int_equal(stage.asked_n, 1);
	struct stage_row *row = &stage.rows[0];
	memcpy(row->key, stage.asked[0].row.key, V6_LEASE_KEY_LEN);
	struct writer w = writer_of(row->value, sizeof(row->value));
	v6_lease_write(&l, &w);
	row->value_len = w.pos;
	row->version = stage.versions = 77;
	stage_answer(0, DHCP_STORED);	   /* the stage finds the conflict */
	assert_int_equal(stage.sent_n, 1); /* the Advertise alone */
	assert_int_equal(stage.causes[V6_CAUSE_STORE], 1);
	/* The client asks again and gets another one. */
	stage.hold = false;
	ask_begin(&a, DHCP6_REQUEST, 1);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	assert_string_not_equal(lease_in(ask_send(&a)), "");
	struct v6_counts counts;
	v6_engine_counts(stage.engine, &counts);
	assert_int_equal(counts.leases, 2);
	/* And the other server's lease ends here too when its row goes. */
	assert_int_equal(v6_engine_learn(stage.engine, stage.now_ms,
					 span_of(row->key, V6_LEASE_KEY_LEN), (struct span){0}, 78),
			 OK);
	v6_engine_counts(stage.engine, &counts);
	assert_int_equal(counts.leases, 1);
}

static void what_was_acknowledged_is_there_after_a_crash(void **state)
{
	(void)state;
	char lease[64];
	struct ask a;
	stage_begin(LAN);
	(void)snprintf(lease, sizeof(lease), "%s", lease_in(stage_get(1, DHCP6_IA_PD, 1)));
	stage_restart();
	struct v6_lease_view l;
	struct ip_prefix p = lease_of(lease);
	assert_true(v6_engine_lease(stage.engine, &p, &l));
	assert_int_equal(l.state, V6_LEASE_BOUND);
	assert_int_equal(l.iaid, 1);
	ask_begin(&a, DHCP6_RENEW, 1);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_PD, 1, lease);
	assert_string_equal(lease_in(ask_send(&a)), lease);
	size_t at = 0;
	assert_true(v6_engine_lease_next(stage.engine, &at, &l));
	assert_false(v6_engine_lease_next(stage.engine, &at, &l));
}

static void leases_end_and_dynamic_ones_leave_no_row(void **state)
{
	(void)state;
	stage_begin(LAN);
	(void)stage_get(1, DHCP6_IA_NA, 1);
	assert_true(stage.rows[0].version);
	stage_wait(7199 * 1000);
	assert_true(stage.rows[0].version);
	stage_wait(6000);
	assert_false(stage.rows[0].version);
	assert_int_equal(stage.events[V6_EVENT_EXPIRED], 1);
	assert_int_equal(stage.names_ended, 1);
	assert_int_equal(v6_engine_next_ms(stage.engine), UINT64_MAX);
}

static void automatic_pools_remember_who_had_what(void **state)
{
	(void)state;
	char lease[64];
	stage_begin("  networks:\n"
		    "    - subnet: 2001:db8:7::/64\n"
		    "      interface: lan0\n"
		    "      pools: {range: \"2001:db8:7::1000-2001:db8:7::1001\"}\n");
	(void)snprintf(lease, sizeof(lease), "%s", lease_in(stage_get(1, DHCP6_IA_NA, 1)));
	stage_wait(7206 * 1000);
	/* Somebody else gets what nobody ever had. */
	assert_string_not_equal(lease_in(stage_get(2, DHCP6_IA_NA, 1)), lease);
	stage_restart();
	assert_string_equal(lease_in(stage_get(1, DHCP6_IA_NA, 1)), lease);
	stage_wait(7206 * 1000);
	/* With nothing else left, what ended longest ago is given away. */
	assert_string_not_equal(lease_in(stage_get(3, DHCP6_IA_NA, 1)), "");
	assert_string_not_equal(lease_in(stage_get(4, DHCP6_IA_NA, 1)), "");
	assert_string_equal(lease_in(stage_get(5, DHCP6_IA_NA, 1)), "");
}

static void fixed_pools_and_reservations(void **state)
{
	(void)state;
	struct ask a;
	stage_begin(
		"  networks:\n"
		"    - subnet: 2001:db8:7::/64\n"
		"      interface: lan0\n"
		"      pools:\n"
		"        - {range: \"2001:db8:7::10-2001:db8:7::1f\", allocate: fixed}\n"
		"      reservations:\n"
		"        - {duid: \"00030001020000000001\", address: \"2001:db8:7::10\", name: "
		"nas,\n"
		"           options: {dns-servers: \"2001:db8::1\"}}\n"
		"        - {duid: \"00030001020000000001\", iaid: 2, address: \"2001:db8:7::99\"}\n"
		"        - {mac: \"02:00:00:00:00:03\", prefix: \"2001:db8:a::/48\"}\n"
		"      options: {dns-servers: \"2001:db8::2\"}\n"
		"  options: {dns-servers: \"2001:db8::3\", sol-max-rt: 1h}\n");
	assert_string_equal(lease_in(stage_get(1, DHCP6_IA_NA, 1)), "2001:db8:7::10");
	assert_string_equal(stage.name, "nas");
	assert_string_equal(lease_in(stage_get(1, DHCP6_IA_NA, 2)), "2001:db8:7::99");
	assert_string_equal(lease_in(stage_get(2, DHCP6_IA_NA, 1)), "");
	assert_string_equal(lease_in(stage_get(3, DHCP6_IA_PD, 1)), "2001:db8:a::/48");
	assert_string_equal(lease_in(stage_get(3, DHCP6_IA_PD, 2)), ""); /* it has it already */
	/* The nearest option wins. */
	ask_begin(&a, DHCP6_INFORMATION_REQUEST, 1);
	dhcp6_write_option(&a.w, DHCP6_OPT_ORO, span_of("\0\x17\0\x52\0\x17", 6));
	assert_string_equal(ask_send(&a), "reply: server; client 01; dns-servers 2001:db8::1; "
					  "sol-max-rt 3600");
	ask_begin(&a, DHCP6_INFORMATION_REQUEST, 2);
	dhcp6_write_option(&a.w, DHCP6_OPT_ORO, span_of("\0\x17", 2));
	assert_string_equal(ask_send(&a), "reply: server; client 02; dns-servers 2001:db8::2");
	/* A relay's word for the link-layer address counts, too: its client has another DUID. */
	ask_bare(&a, DHCP6_SOLICIT, 9);
	dhcp6_write_option(&a.w, DHCP6_OPT_CLIENTID, span_of("\0\4abcdefgh", 10));
	ask_ia(&a, DHCP6_IA_PD, 1, "2001:db8:a::/48");
	assert_string_equal(lease_in(ask_send(&a)), ""); /* somebody's */
}

static void a_new_reservation_takes_the_place_of_what_the_client_had(void **state)
{
	(void)state;
	struct ask a;
	char old[64], want[256];
	stage_begin(LAN);
	(void)snprintf(old, sizeof(old), "%s", lease_in(stage_get(1, DHCP6_IA_NA, 1)));
	stage_site(LAN "      reservations: {duid: \"00030001020000000001\", address: "
		       "\"2001:db8:7::77\"}\n");
	ask_begin(&a, DHCP6_RENEW, 1);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, old);
	(void)snprintf(want, sizeof(want),
		       "reply: server; client 01; na1 1800/2880 %s=0/0 2001:db8:7::77=3600/7200",
		       old);
	assert_string_equal(ask_send(&a), want);
	/* Unless somebody else has it for now. */
	stage_end();
	stage_begin(LAN);
	(void)snprintf(old, sizeof(old), "%s", lease_in(stage_get(1, DHCP6_IA_NA, 1)));
	char taken[64];
	(void)snprintf(taken, sizeof(taken), "%s", lease_in(stage_get(2, DHCP6_IA_NA, 1)));
	char body[1024];
	(void)snprintf(body, sizeof(body),
		       LAN
		       "      reservations: {duid: \"00030001020000000001\", address: \"%s\"}\n",
		       taken);
	stage_site(body);
	ask_begin(&a, DHCP6_RENEW, 1);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, old);
	assert_string_equal(lease_in(ask_send(&a)), old);
	/* Whose it was loses it at the next renewal, and then it is there. */
	ask_begin(&a, DHCP6_RENEW, 2);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, taken);
	(void)snprintf(want, sizeof(want), "%s=0/0", taken);
	assert_non_null(strstr(ask_send(&a), want));
	ask_begin(&a, DHCP6_RENEW, 1);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, old);
	(void)snprintf(want, sizeof(want), "%s=3600/7200", taken);
	assert_non_null(strstr(ask_send(&a), want));
}

static void prefixes_of_the_wanted_length_with_their_exclusion(void **state)
{
	(void)state;
	struct ask a;
	stage_begin("  networks:\n"
		    "    - subnet: 2001:db8:7::/64\n"
		    "      interface: lan0\n"
		    "      prefix-pools:\n"
		    "        - {prefix: \"2001:db8:4000::/36\", delegated-length: 48}\n"
		    "        - {prefix: \"2001:db8:f000::/56\", delegated-length: 56,\n"
		    "           exclude-length: 64}\n");
	ask_begin(&a, DHCP6_SOLICIT, 1);
	ask_ia(&a, DHCP6_IA_PD, 1, "::/56");
	dhcp6_write_option(&a.w, DHCP6_OPT_ORO, span_of("\0\x43", 2));
	assert_string_equal(ask_send(&a), "advertise: server; client 01; pd1 1800/2880 "
					  "2001:db8:f000::/56=3600/7200-2001:db8:f000::/64");
	/* RFC 6603 4.1: not for who did not ask. */
	ask_begin(&a, DHCP6_SOLICIT, 1);
	ask_ia(&a, DHCP6_IA_PD, 1, "::/56");
	assert_string_equal(ask_send(&a), "advertise: server; client 01; pd1 1800/2880 "
					  "2001:db8:f000::/56=3600/7200");
	ask_begin(&a, DHCP6_SOLICIT, 1);
	ask_ia(&a, DHCP6_IA_PD, 1, "::/60");
	assert_non_null(strstr(ask_send(&a), "/48="));
}

static void a_network_that_went_away_is_renumbered_by_one_renewal(void **state)
{
	(void)state;
	struct ask a;
	char old[64], want[256];
	stage_begin(LAN);
	(void)snprintf(old, sizeof(old), "%s", lease_in(stage_get(1, DHCP6_IA_NA, 1)));
	stage_site("  networks:\n"
		   "    - subnet: 2001:db8:8::/64\n"
		   "      interface: lan0\n"
		   "      pools: {range: \"2001:db8:8::1000\"}\n");
	ask_begin(&a, DHCP6_RENEW, 1);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, old);
	(void)snprintf(want, sizeof(want),
		       "reply: server; client 01; na1 1800/2880 %s=0/0 "
		       "2001:db8:8::1000=3600/7200",
		       old);
	assert_string_equal(ask_send(&a), want);
	struct ip_prefix p = lease_of(old);
	struct v6_lease_view l;
	assert_false(v6_engine_lease(stage.engine, &p, &l));
}

static void hostile_clients_meet_limits(void **state)
{
	(void)state;
	struct ask a;
	stage_begin("  leases-per-client: 2\n"
		    "  networks:\n"
		    "    - subnet: 2001:db8:7::/64\n"
		    "      interface: lan0\n"
		    "      per-second: 3\n"
		    "      pools: {range: \"2001:db8:7::/64\"}\n");
	for (uint8_t i = 1; i <= 3; i++)
		assert_int_equal(*lease_in(stage_get(1, DHCP6_IA_NA, i)) != 0, i <= 2);
	assert_int_equal(stage.causes[V6_CAUSE_CLIENT], 2); /* Solicit and Request */
	assert_string_not_equal(lease_in(stage_get(2, DHCP6_IA_NA, 1)), "");
	assert_string_equal(stage_get(3, DHCP6_IA_NA, 1), "");
	assert_int_equal(stage.causes[V6_CAUSE_RATE], 1);
	stage_wait(1000);
	assert_string_not_equal(lease_in(stage_get(3, DHCP6_IA_NA, 1)), "");
	/* More IAs than are looked at. */
	ask_begin(&a, DHCP6_SOLICIT, 4);
	for (unsigned i = 0; i <= DHCP6_IAS_MAX; i++)
		ask_ia(&a, DHCP6_IA_NA, i, "");
	assert_string_equal(ask_send(&a), "");
	assert_int_equal(stage.causes[V6_CAUSE_LIMIT], 1);
}

static void who_declines_everything_empties_no_pool(void **state)
{
	(void)state;
	struct ask a;
	struct v6_counts counts;
	stage_begin("  leases-per-client: 3\n"
		    "  networks:\n"
		    "    - subnet: 2001:db8:7::/64\n"
		    "      interface: lan0\n"
		    "      pools: {range: \"2001:db8:7::10-2001:db8:7::1f\"}\n");
	for (unsigned i = 0; i < 20; i++) {
		char lease[64];
		(void)snprintf(lease, sizeof(lease), "%s", lease_in(stage_get(1, DHCP6_IA_NA, 1)));
		assert_int_equal(*lease != 0, i < 3);
		ask_begin(&a, DHCP6_DECLINE, 1);
		ask_server(&a);
		ask_ia(&a, DHCP6_IA_NA, 1, lease);
		(void)ask_send(&a);
		if (i == 1)
			stage_restart(); /* that is not forgotten */
	}
	v6_engine_counts(stage.engine, &counts);
	assert_int_equal(counts.leases, 3);
	stage_wait(86400000 + 6000);
	assert_string_not_equal(lease_in(stage_get(1, DHCP6_IA_NA, 1)), "");
}

static void names_come_from_the_client_cleaned(void **state)
{
	(void)state;
	struct ask a;
	stage_begin(LAN);
	ask_begin(&a, DHCP6_REQUEST, 1);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	dhcp6_write_option(&a.w, DHCP6_OPT_CLIENT_FQDN, span_of("\1\6Laptop", 8));
	/* Nobody writes names here: N, and O because the client asked for S. */
	assert_non_null(strstr(ask_send(&a), "; fqdn 06:06:6c:61:70:74:6f:70"));
	assert_string_equal(stage.name, "laptop");
	/* RFC 4704 6.1: where names are written, S, and the whole name. */
	struct dhcp_naming naming = {.updates = true, .domain = {6, "\4home"}};
	v6_engine_set_naming(stage.engine, &naming);
	unsigned ended = stage.names_ended;
	struct ip_prefix p = {.address = {.family = 6}, .bits = 128};
	ask_begin(&a, DHCP6_REQUEST, 4);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	dhcp6_write_option(&a.w, DHCP6_OPT_CLIENT_FQDN, span_of("\0\3one", 5));
	assert_non_null(strstr(ask_send(&a), "; fqdn 03:03:6f:6e:65:04:68:6f:6d:65:00"));
	/* Another name: the old one goes, when the DNS was told it. */
	size_t at = 0;
	struct v6_lease_view l;
	while (v6_engine_lease_next(stage.engine, &at, &l))
		if (span_is(l.name, "one"))
			p = l.prefix;
	v6_engine_named(stage.engine, &p, DHCP_NAME_FORWARD);
	ask_begin(&a, DHCP6_REQUEST, 4);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	dhcp6_write_option(&a.w, DHCP6_OPT_CLIENT_FQDN, span_of("\1\3two", 5));
	assert_non_null(strstr(ask_send(&a), "; fqdn 01:03:74:77:6f"));
	assert_int_equal(stage.names_ended, ended + 1);
	assert_string_equal(stage.name, "two");
	v6_engine_set_naming(stage.engine, &(struct dhcp_naming){.updates = false});
	ask_begin(&a, DHCP6_REQUEST, 2);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	dhcp6_write_option(&a.w, DHCP6_OPT_CLIENT_FQDN, span_of("\0\3a_b\7example\0", 14));
	(void)ask_send(&a);
	assert_string_equal(stage.name, ""); /* no host may be called so */
	ask_begin(&a, DHCP6_REQUEST, 3);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	dhcp6_write_option(&a.w, DHCP6_OPT_CLIENT_FQDN, span_of("\0\3a-b\7example\0", 14));
	(void)ask_send(&a);
	assert_string_equal(stage.name, "a-b.example");
}

static void a_person_releases_and_reconfigures(void **state)
{
	(void)state;
	struct ask a;
	struct dhcp6_message m;
	uint64_t replay;
	uint8_t client_key[16];
	struct dhcp6_auth auth;
	stage_begin(LAN);
	ask_begin(&a, DHCP6_REQUEST, 1);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	dhcp6_write_option(&a.w, DHCP6_OPT_RECONF_ACCEPT, (struct span){0});
	struct ip_prefix p = lease_of(lease_in(ask_send(&a)));
	assert_int_equal(dhcp6_message_read(stage.sent.message, &m), OK);
	assert_int_equal(dhcp6_auth_read(m.auth, &auth), OK);
	assert_int_equal(dhcp6_auth_key(&auth, client_key), OK);
	assert_int_equal(v6_engine_reconfigure(stage.engine, stage.now_ms, &p), OK);
	for (unsigned n = 1; n <= V6_REC_MAX_RC + 1; n++) {
		assert_int_equal(stage.sent.type, DHCP6_RECONFIGURE);
		assert_int_equal(dhcp6_message_read(stage.sent.message, &m), OK);
		assert_int_equal(dhcp6_auth_verify(m.wire, m.auth, client_key, 0, &replay), OK);
		assert_int_equal(m.reconfigure_type, DHCP6_RENEW);
		stage_wait((uint64_t)V6_REC_TIMEOUT_MS << (n - 1));
	}
	assert_int_equal(stage.sent_n, 1 + V6_REC_MAX_RC); /* it gave up */
	/* A renewal ends it at once. */
	assert_int_equal(v6_engine_reconfigure(stage.engine, stage.now_ms, &p), OK);
	ask_begin(&a, DHCP6_RENEW, 1);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	dhcp6_write_option(&a.w, DHCP6_OPT_RECONF_ACCEPT, (struct span){0});
	(void)ask_send(&a);
	unsigned before = stage.sent_n;
	stage_wait(60000);
	assert_int_equal(stage.sent_n, before);

	assert_int_equal(v6_engine_release(stage.engine, stage.now_ms, &p), OK);
	assert_int_equal(v6_engine_release(stage.engine, stage.now_ms, &p), ERR_LIMIT); /* busy */
	stage_wait(1);
	assert_int_equal(v6_engine_release(stage.engine, stage.now_ms, &p), ERR_ABSENT);
	assert_int_equal(v6_engine_reconfigure(stage.engine, stage.now_ms, &p), ERR_ABSENT);
	assert_int_equal(stage.sent_n, before);
	p = lease_of(lease_in(stage_get(2, DHCP6_IA_NA, 1)));
	assert_int_equal(v6_engine_reconfigure(stage.engine, stage.now_ms, &p), ERR_UNSUPPORTED);
}

static void pools_tell_when_they_run_low(void **state)
{
	(void)state;
	struct v6_pool_use use;
	stage_begin("  networks:\n"
		    "    - subnet: 2001:db8:7::/64\n"
		    "      interface: lan0\n"
		    "      pools: {range: \"2001:db8:7::10-2001:db8:7::13\", warn: 50,\n"
		    "              allocate: dynamic}\n");
	(void)stage_get(1, DHCP6_IA_NA, 1);
	assert_int_equal(stage.events[V6_EVENT_POOL], 0);
	(void)stage_get(2, DHCP6_IA_NA, 1);
	assert_int_equal(stage.events[V6_EVENT_POOL], 1);
	assert_true(v6_engine_pool_use(stage.engine, 0, &use));
	assert_int_equal(use.size, 4);
	assert_int_equal(use.bound, 2);
	assert_false(v6_engine_pool_use(stage.engine, 1, &use));
	stage_wait(7206 * 1000);
	assert_int_equal(stage.events[V6_EVENT_POOL], 2);
}

static void durable_forms_come_back_and_others_are_refused(void **state)
{
	(void)state;
	uint8_t row_key[V6_LEASE_KEY_LEN], value[V6_LEASE_STORED_MAX];
	struct v6_lease_view l = {.kind = DHCP6_IA_PD,
				  .prefix = lease_of("2001:db8:f000::/56"),
				  .state = V6_LEASE_ENDED,
				  .iaid = 7,
				  .granted_s = 1,
				  .expires_s = 2,
				  .preferred_s = 3,
				  .duid = span_text("duid"),
				  .mac = span_text("abcdef"),
				  .name = span_text("host"),
				  .fqdn_flags = 0x81,
				  .names = 3},
			     back;
	stage_begin(LAN);
	struct writer w = writer_of(value, sizeof(value));
	v6_lease_key(&l.prefix, row_key);
	v6_lease_write(&l, &w);
	struct span k = span_of(row_key, sizeof(row_key));
	assert_int_equal(v6_lease_read(k, writer_span(&w), &back), OK);
	assert_true(ip_prefix_equal(&back.prefix, &l.prefix) && back.iaid == 7);
	assert_true(span_is(back.duid, "duid") && span_is(back.name, "host"));
	assert_int_equal(back.fqdn_flags, 0x81);
	for (size_t n = 0; n < w.pos; n++)
		assert_int_equal(v6_lease_read(k, span_of(value, n), &back), ERR_FORMAT);
	value[0] = 2;
	assert_int_equal(v6_lease_read(k, writer_span(&w), &back), ERR_UNSUPPORTED);
	value[0] = 1;
	row_key[17] = 32; /* bits behind the length */
	assert_int_equal(v6_lease_read(k, writer_span(&w), &back), ERR_FORMAT);
	assert_int_equal(v6_lease_read(span_of(row_key, 17), writer_span(&w), &back), ERR_FORMAT);
}

/* A client's identifier may say that its address on the link is longer than any is. */
static void what_is_kept_of_a_long_address_can_be_read_again(void **state)
{
	(void)state;
	struct v6_lease_view back;
	for (size_t len = 0; len <= DHCP6_DUID_LEN_MAX - 4; len++) {
		struct ask a;
		uint8_t duid[DHCP6_DUID_LEN_MAX] = {0, 3, 0, 1, 2};
		stage_begin(LAN);
		stage.hold = true;
		ask_bare(&a, DHCP6_REQUEST, 1);
		dhcp6_write_option(&a.w, DHCP6_OPT_CLIENTID, span_of(duid, 4 + len));
		ask_server(&a);
		ask_ia(&a, DHCP6_IA_NA, 1, "");
		(void)ask_send(&a);
		assert_int_equal(stage.asked_n, 1);
		const struct stage_row *row = &stage.asked[0].row;
		assert_int_equal(v6_lease_read(span_of(row->key, V6_LEASE_KEY_LEN),
					       span_of(row->value, row->value_len), &back),
				 OK);
		assert_int_equal(back.duid.len, 4 + len);
		assert_int_equal(back.mac.len, len <= DHCP_MAC_MAX ? len : 0);
		stage_end();
	}
	stage_begin(LAN);
}

/* Whatever clients send, and whenever the engine dies: no lease has two holders at once, and what
 * was acknowledged is there. */
static void a_crowd_with_crashes_never_shares_a_lease(void **state)
{
	(void)state;
	static struct {
		char lease[64];
		uint64_t until_ms;
	} has[40];
	struct test_random random = test_random_begin();
	memset(has, 0, sizeof(has));
	stage_begin("  preferred: 40s\n  valid: 60s\n"
		    "  networks:\n"
		    "    - subnet: 2001:db8:7::/64\n"
		    "      interface: lan0\n"
		    "      rapid-commit: on\n"
		    "      pools: {range: \"2001:db8:7::10-2001:db8:7::2f\"}\n");
	for (unsigned step = 0; step < 20000; step++) {
		static const uint8_t types[] = {DHCP6_SOLICIT, DHCP6_REQUEST, DHCP6_RENEW,
						DHCP6_REBIND,  DHCP6_RELEASE, DHCP6_DECLINE};
		uint8_t who = (uint8_t)(1 + test_random_below(&random, 40));
		uint8_t type = types[test_random_below(&random, 60) < 56
					     ? test_random_below(&random, 4)
					     : 4 + test_random_below(&random, 2)];
		struct ask a;
		bool held = has[who - 1].until_ms > stage.now_ms;
		ask_begin(&a, type, who);
		if (type != DHCP6_SOLICIT && type != DHCP6_REBIND)
			ask_server(&a);
		if (type == DHCP6_SOLICIT)
			dhcp6_write_option(&a.w, DHCP6_OPT_RAPID_COMMIT, (struct span){0});
		ask_ia(&a, DHCP6_IA_NA, 1, held ? has[who - 1].lease : "");
		stage.fail = test_random_below(&random, 20) == 0;
		stage.hold = test_random_below(&random, 30) == 0;
		if (type == DHCP6_RELEASE || type == DHCP6_DECLINE)
			has[who - 1].until_ms = 0; /* from then on it is not used */
		const char *text = ask_send(&a);
		const char *lease = lease_in(text), *valid = strrchr(text, '/');
		if (*lease && valid && strtoul(valid + 1, NULL, 10)) {
			const char *last = strrchr(text, '=');
			while (last > text && last[-1] != ' ')
				last--;
			(void)snprintf(has[who - 1].lease, 64, "%.*s", (int)strcspn(last, "="),
				       last);
			has[who - 1].until_ms = stage.now_ms + strtoul(valid + 1, NULL, 10) * 1000;
		}
		for (unsigned i = 0; i < 40; i++)
			for (unsigned k = 0; k < i; k++)
				if (has[i].until_ms > stage.now_ms &&
				    has[k].until_ms > stage.now_ms)
					assert_string_not_equal(has[i].lease, has[k].lease);
		stage.fail = stage.hold = false;
		if (test_random_below(&random, 200) == 0)
			stage_restart();
		stage_wait(test_random_below(&random, 3000));
	}
}

static void receive_any(const uint8_t *data, size_t len)
{
	struct v6_arrival arrival = {.ifindex = 2,
				     .from = {.family = 6, .bytes = {0xfe, 0x80, [15] = 1}},
				     .to = {.family = 6, .bytes = {0xff, 2, [13] = 1, [15] = 2}}};
	v6_engine_receive(stage.engine, stage.now_ms, &arrival, span_of(data, len));
	stage_wait(0);
}

static void no_prefix_and_no_flipped_bit_does_harm(void **state)
{
	(void)state;
	static const uint8_t types[] = {DHCP6_REQUEST, DHCP6_RENEW, DHCP6_RELEASE, DHCP6_DECLINE};
	stage_begin(LAN);
	for (size_t i = 0; i < sizeof(types); i++) {
		struct ask a;
		ask_begin(&a, types[i], 1);
		ask_server(&a);
		ask_ia(&a, DHCP6_IA_NA, 1, "2001:db8:7::1000");
		ask_ia(&a, DHCP6_IA_PD, 1, "2001:db8:f000::/56");
		dhcp6_write_option(&a.w, DHCP6_OPT_CLIENT_FQDN, span_of("\1\6laptop", 8));
		guard_every_prefix(a.wire, a.w.pos, receive_any);
		guard_every_bit_flip(a.wire, a.w.pos, receive_any);
	}
	struct v6_counts counts;
	v6_engine_counts(stage.engine, &counts);
	assert_int_equal(counts.waiting, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_pool_that_is_empty_says_so_and_gives_nothing_twice,
					  tear_down),
		cmocka_unit_test_teardown(nothing_is_remembered_of_a_solicit, tear_down),
		cmocka_unit_test_teardown(a_reply_leaves_only_when_every_lease_is_durable,
					  tear_down),
		cmocka_unit_test_teardown(another_server_that_was_faster_wins, tear_down),
		cmocka_unit_test_teardown(what_was_acknowledged_is_there_after_a_crash, tear_down),
		cmocka_unit_test_teardown(leases_end_and_dynamic_ones_leave_no_row, tear_down),
		cmocka_unit_test_teardown(automatic_pools_remember_who_had_what, tear_down),
		cmocka_unit_test_teardown(fixed_pools_and_reservations, tear_down),
		cmocka_unit_test_teardown(a_new_reservation_takes_the_place_of_what_the_client_had,
					  tear_down),
		cmocka_unit_test_teardown(prefixes_of_the_wanted_length_with_their_exclusion,
					  tear_down),
		cmocka_unit_test_teardown(a_network_that_went_away_is_renumbered_by_one_renewal,
					  tear_down),
		cmocka_unit_test_teardown(hostile_clients_meet_limits, tear_down),
		cmocka_unit_test_teardown(who_declines_everything_empties_no_pool, tear_down),
		cmocka_unit_test_teardown(names_come_from_the_client_cleaned, tear_down),
		cmocka_unit_test_teardown(a_person_releases_and_reconfigures, tear_down),
		cmocka_unit_test_teardown(pools_tell_when_they_run_low, tear_down),
		cmocka_unit_test_teardown(durable_forms_come_back_and_others_are_refused,
					  tear_down),
		cmocka_unit_test_teardown(what_is_kept_of_a_long_address_can_be_read_again,
					  tear_down),
		cmocka_unit_test_teardown(a_crowd_with_crashes_never_shares_a_lease, tear_down),
		cmocka_unit_test_teardown(no_prefix_and_no_flipped_bit_does_harm, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
