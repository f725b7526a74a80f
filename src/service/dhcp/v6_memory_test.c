/* A store that fails, keeps silent, or takes its time, as clients of DHCPv6 see it. */
#include "service/dhcp/v6_stage_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define LAN                                                                                        \
	"  networks:\n"                                                                            \
	"    - subnet: 2001:db8:7::/64\n"                                                          \
	"      interface: lan0\n"                                                                  \
	"      pools: {range: \"2001:db8:7::1000-2001:db8:7::1000\", allocate: dynamic}\n"         \
	"      prefix-pools: {prefix: \"2001:db8:f000::/56\", delegated-length: 56}\n"
#define LEASE  "2001:db8:7::1000"
#define PREFIX "2001:db8:f000::/56"
#define REPLY  "reply: server; client 01; "

static int tear_down(void **state)
{
	(void)state;
	stage_end();
	return 0;
}

static void ask_known(struct ask *a, uint8_t type, uint8_t who, const char *lease)
{
	ask_begin(a, type, who);
	if (type != DHCP6_REBIND)
		ask_server(a);
	ask_ia(a, DHCP6_IA_NA, 1, lease);
}

static const char *say(uint8_t type, uint8_t who, const char *lease)
{
	struct ask a;
	ask_known(&a, type, who, lease);
	return ask_send(&a);
}

/* Client 1 has the one address, for 7200 s, of which half an hour is over. */
static void begin_with_a_lease(void)
{
	stage_begin(LAN);
	assert_string_equal(stage_get(1, DHCP6_IA_NA, 1),
			    REPLY "na1 1800/2880 " LEASE "=3600/7200");
	stage_wait(1800 * 1000);
}

static void fails_and_grants_nothing_and_renews_for_no_longer_than_is_durable(void **state)
{
	(void)state;
	struct v6_counts counts;
	begin_with_a_lease();
	stage.fail = true;
	assert_string_equal(stage_get(2, DHCP6_IA_PD, 1), "");
	v6_engine_counts(stage.engine, &counts);
	assert_int_equal(counts.leases, 1);
	assert_int_equal(counts.causes[V6_CAUSE_STORE], 1);
	assert_string_equal(say(DHCP6_RENEW, 1, LEASE), REPLY "na1 1800/2880 " LEASE "=3600/5400");
	stage_wait(3600 * 1000);
	assert_string_equal(say(DHCP6_REBIND, 1, LEASE), REPLY "na1 900/1440 " LEASE "=1800/1800");
	/* Nothing is left of it: nothing can be promised, and nothing is refused. */
	stage_wait(1800 * 1000 - 500);
	assert_string_equal(say(DHCP6_REBIND, 1, LEASE), "");
	/* The store is asked each time, so the first answer shows that it is back. */
	stage.fail = false;
	assert_string_equal(stage_get(2, DHCP6_IA_PD, 1),
			    "reply: server; client 02; pd1 1800/2880 " PREFIX "=3600/7200");
}

static void is_full_and_renewals_are_answered_from_memory(void **state)
{
	(void)state;
	struct v6_counts counts;
	begin_with_a_lease();
	stage.full = true;
	assert_string_equal(say(DHCP6_RENEW, 1, LEASE), REPLY "na1 1800/2880 " LEASE "=3600/5400");
	assert_string_equal(stage_get(2, DHCP6_IA_PD, 1), "");
	v6_engine_counts(stage.engine, &counts);
	assert_int_equal(counts.leases, 1);
	assert_int_equal(counts.waiting, 0);
}

static void keeps_silent_and_a_renewal_is_answered_after_two_seconds(void **state)
{
	(void)state;
	begin_with_a_lease();
	stage.hold = true;
	unsigned before = stage.sent_n;
	assert_string_equal(say(DHCP6_RENEW, 1, LEASE), "");
	stage_wait(V6_STORE_PATIENCE_MS - 1);
	assert_int_equal(stage.sent_n, before);
	assert_true(v6_engine_next_ms(stage.engine) <= stage.now_ms + 1);
	stage_wait(1);
	assert_int_equal(stage.sent_n, before + 1);
	assert_string_equal(stage_text(stage.sent.message),
			    REPLY "na1 1800/2880 " LEASE "=3600/5398");
	/* From then on it does not wait: the write that is under way stands for it. */
	assert_string_equal(say(DHCP6_RENEW, 1, LEASE), REPLY "na1 1800/2880 " LEASE "=3600/5398");
	assert_int_equal(stage.asked_n, 1);
	/* At last the store has it: that is told to nobody, and known. */
	before = stage.sent_n;
	stage_answer(0, DHCP_STORED);
	assert_int_equal(stage.sent_n, before);
	assert_int_equal(stage.events[V6_EVENT_RENEWED], 1);
	stage.fail = true;
	stage.hold = false;
	stage_wait(3000 * 1000);
	assert_string_equal(say(DHCP6_RENEW, 1, LEASE), REPLY "na1 1800/2880 " LEASE "=3600/4198");
}

static void keeps_silent_and_who_asks_for_a_lease_waits(void **state)
{
	(void)state;
	begin_with_a_lease();
	stage.hold = true;
	unsigned before = stage.sent_n;
	/* It may have released the lease to another server, which gave it away. */
	assert_string_equal(say(DHCP6_REQUEST, 1, LEASE), "");
	stage_wait(60000);
	assert_int_equal(stage.sent_n, before);
	stage_answer(0, DHCP_STORE_FAILED);
	assert_int_equal(stage.sent_n, before);
}

static void is_away_and_nobody_is_refused(void **state)
{
	(void)state;
	struct ask a;
	begin_with_a_lease();
	v6_engine_store_away(stage.engine, true);
	stage.fail = true;
	/* Another server may have given them since. */
	assert_string_equal(say(DHCP6_RENEW, 2, "2001:db8:7::1003"), "");
	assert_string_equal(say(DHCP6_REBIND, 2, LEASE), "");
	assert_string_equal(say(DHCP6_RELEASE, 2, LEASE), "");
	/* Or ended those that seem to fill the pool. */
	assert_string_equal(say(DHCP6_SOLICIT, 2, ""), "");
	assert_int_equal(stage.causes[V6_CAUSE_IDENTITY], 1);
	ask_begin(&a, DHCP6_SOLICIT, 2);
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	assert_string_equal(ask_send(&a), "");
	assert_string_equal(say(DHCP6_REQUEST, 2, ""), "");
	/* Of two leases of a client that is told which is known. */
	ask_known(&a, DHCP6_RENEW, 1, LEASE);
	ask_ia(&a, DHCP6_IA_PD, 9, PREFIX);
	assert_string_equal(ask_send(&a), REPLY "na1 1800/2880 " LEASE "=3600/5400");
	/* An address of another link is none here, whatever a store says. */
	assert_string_equal(say(DHCP6_REBIND, 2, "2001:db8:99::1"),
			    "reply: server; client 02; na1 2001:db8:99::1=0/0");
	stage.fail = false;
	v6_engine_store_away(stage.engine, false);
	ask_begin(&a, DHCP6_SOLICIT, 2);
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	assert_string_equal(ask_send(&a), "advertise: server; client 02; na1 no-addrs-avail");
	assert_string_equal(say(DHCP6_RELEASE, 2, LEASE),
			    "reply: server; client 02; success; na1 no-binding");
}

static void takes_its_time_out_of_the_lease(void **state)
{
	(void)state;
	struct ask a;
	stage_begin(LAN);
	stage.hold = true;
	ask_begin(&a, DHCP6_REQUEST, 1);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	ask_ia(&a, DHCP6_IA_PD, 2, "");
	assert_string_equal(ask_relayed(&a, "2001:db8:7::1", "port7"), "");
	stage_wait(999);
	stage_answer(0, DHCP_STORED);
	stage_wait(5000000 - 999);
	stage_answer(0, DHCP_STORED);
	assert_string_equal(stage_text(stage.sent.message),
			    "RELAY 0 fe80::1 [port7]: " REPLY "na1 1100/1760 " LEASE
			    "=2200/2200; pd2 1100/1760 " PREFIX "=2200/2200");
	/* One that took it all grants nothing. */
	ask_known(&a, DHCP6_REBIND, 1, LEASE);
	unsigned before = stage.sent_n;
	assert_string_equal(ask_send(&a), "");
	stage_wait(2100 * 1000);
	assert_int_equal(stage.sent_n, before + 1); /* from memory */
	stage_wait(8000 * 1000);
	stage_answer(0, DHCP_STORED);
	assert_int_equal(stage.sent_n, before + 1);
}

/* The row of the stage's store as another server would have written it. */
static void write_elsewhere(struct stage_row *row, struct span duid, uint32_t expires_s)
{
	struct v6_lease_view l = {.kind = DHCP6_IA_NA,
				  .state = V6_LEASE_BOUND,
				  .iaid = 1,
				  .granted_s = 1800000000,
				  .expires_s = expires_s,
				  .preferred_s = 3600,
				  .duid = duid};
	struct writer w = writer_of(row->value, sizeof(row->value));
	v6_lease_write(&l, &w);
	row->value_len = w.pos;
	row->version = ++stage.versions;
}

static void has_another_row_and_a_renewal_keeps_to_it(void **state)
{
	(void)state;
	static const uint8_t duid[10] = {0, 3, 0, 1, 2, 0, 0, 0, 0, 1};
	begin_with_a_lease();
	/* Its client was renewed by another server, for less. */
	write_elsewhere(&stage.rows[0], span_of(duid, sizeof(duid)), 1800001800 + 1001);
	assert_string_equal(say(DHCP6_RENEW, 1, LEASE), REPLY "na1 500/800 " LEASE "=1000/1000");
	assert_string_equal(say(DHCP6_RENEW, 1, LEASE), REPLY "na1 1800/2880 " LEASE "=3600/7200");
	/* Somebody else's by now. */
	write_elsewhere(&stage.rows[0], span_of("\0\4other", 7), 1800001800 + 1001);
	assert_string_equal(say(DHCP6_RENEW, 1, LEASE), "");
	assert_string_equal(say(DHCP6_RENEW, 1, LEASE), REPLY "na1 " LEASE "=0/0 no-addrs-avail");
}

static void has_told_old_news_and_they_change_nothing(void **state)
{
	(void)state;
	struct stage_row old;
	struct ip_prefix p;
	struct v6_lease_view l;
	begin_with_a_lease();
	old = stage.rows[0];
	assert_string_equal(say(DHCP6_RENEW, 1, LEASE), REPLY "na1 1800/2880 " LEASE "=3600/7200");
	struct span key = span_of(old.key, sizeof(old.key));
	assert_int_equal(v6_engine_learn(stage.engine, stage.now_ms, key,
					 span_of(old.value, old.value_len), old.version),
			 OK);
	assert_int_equal(
		v6_engine_learn(stage.engine, stage.now_ms, key, (struct span){0}, old.version),
		OK);
	assert_int_equal(ip_prefix_parse(span_text(LEASE "/128"), &p), OK);
	assert_true(v6_engine_lease(stage.engine, &p, &l));
	assert_int_equal(l.version, old.version + 1);
	assert_int_equal(l.expires_s, 1800001800 + 7200 + 1);
}

static void failed_a_write_and_told_of_another_s_before(void **state)
{
	(void)state;
	struct stage_row row;
	struct ip_prefix p;
	struct v6_lease_view l;
	stage_begin(LAN);
	stage.hold = true;
	assert_string_equal(say(DHCP6_REQUEST, 1, ""), "");
	row = stage.asked[0].row;
	write_elsewhere(&row, span_of("\0\4other", 7), 1800009000);
	assert_int_equal(ip_prefix_parse(span_text(LEASE "/128"), &p), OK);
	struct span key = span_of(row.key, sizeof(row.key));
	assert_int_equal(v6_engine_learn(stage.engine, stage.now_ms, key,
					 span_of(row.value, row.value_len), 5),
			 OK);
	stage_answer(0, DHCP_STORE_FAILED);
	assert_true(v6_engine_lease(stage.engine, &p, &l));
	assert_int_equal(l.state, V6_LEASE_BOUND);
	assert_true(span_equal(l.duid, span_of("\0\4other", 7)));
	/* And the other way: that the row is gone. */
	assert_int_equal(v6_engine_release(stage.engine, stage.now_ms, &p), OK);
	assert_int_equal(v6_engine_learn(stage.engine, stage.now_ms, key, (struct span){0}, 6), OK);
	stage_answer(0, DHCP_STORE_FAILED);
	assert_false(v6_engine_lease(stage.engine, &p, &l));
}

static void is_not_asked_and_nothing_is_left_behind(void **state)
{
	(void)state;
	struct ask a;
	struct v6_counts counts;
	stage_begin("  networks:\n"
		    "    - subnet: 2001:db8:7::/64\n"
		    "      interface: lan0\n"
		    "      per-second: 1\n"
		    "      pools: {range: \"2001:db8:7::1000-2001:db8:7::10ff\"}\n");
	stage.hold = true;
	/* The second IA is one too many in this second: so the first comes to nothing. */
	ask_begin(&a, DHCP6_REQUEST, 1);
	ask_server(&a);
	ask_ia(&a, DHCP6_IA_NA, 1, "");
	ask_ia(&a, DHCP6_IA_NA, 2, "");
	assert_string_equal(ask_send(&a), "");
	v6_engine_counts(stage.engine, &counts);
	assert_int_equal(counts.causes[V6_CAUSE_RATE], 1);
	assert_int_equal(counts.leases, 0);
	/* More than may wait. */
	for (uint8_t who = 1; who <= 40; who++) {
		stage_wait(1000);
		assert_string_equal(say(DHCP6_REQUEST, who, ""), "");
	}
	v6_engine_counts(stage.engine, &counts);
	assert_int_equal(counts.waiting, 32);
	assert_int_equal(counts.leases, 32);
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, tear_down)
	const struct CMUnitTest tests[] = {
		T(fails_and_grants_nothing_and_renews_for_no_longer_than_is_durable),
		T(is_full_and_renewals_are_answered_from_memory),
		T(keeps_silent_and_a_renewal_is_answered_after_two_seconds),
		T(keeps_silent_and_who_asks_for_a_lease_waits),
		T(is_away_and_nobody_is_refused),
		T(takes_its_time_out_of_the_lease),
		T(has_another_row_and_a_renewal_keeps_to_it),
		T(has_told_old_news_and_they_change_nothing),
		T(failed_a_write_and_told_of_another_s_before),
		T(is_not_asked_and_nothing_is_left_behind),
	};
	return cmocka_run_group_tests_name("a_store_that", tests, NULL, NULL);
}
