#include "service/dhcp/client_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* --- nothing is acknowledged before it is durable --- */

static void sends_no_ack_before_the_row_is_durable(void **state)
{
	struct try *t = *state;
	try_start(t);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 1});
	uint32_t address = try_answer(t, DHCP_OFFER)->head.yiaddr;
	try_say(t,
		(struct ask){
			.type = DHCP_REQUEST, .mac = 1, .requested = address, .server_id = SERVER});
	try_silence(t);
	assert_int_equal(t->pending_n, 1);
	assert_int_equal(try_state(t, address), DHCP_LEASE_OFFERED);
	try_store(t);
	(void)try_answer(t, DHCP_ACK);
	assert_int_equal(try_state(t, address), DHCP_LEASE_BOUND);
	assert_true(try_event(t, DHCP_EVENT_ACK));
}

static void a_repeated_request_is_written_once(void **state)
{
	struct try *t = *state;
	try_start(t);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 1});
	uint32_t address = try_answer(t, DHCP_OFFER)->head.yiaddr;
	struct ask request = {
		.type = DHCP_REQUEST, .mac = 1, .requested = address, .server_id = SERVER};
	try_say(t, request);
	try_say(t, request);
	assert_int_equal(t->pending_n, 1);
	try_store(t);
	(void)try_answer(t, DHCP_ACK);
	assert_int_equal(try_cause(t, DHCP_CAUSE_BUSY), 1);
}

static void a_lease_outlives_the_process(void **state)
{
	struct try *t = *state;
	try_start(t);
	uint32_t address = try_lease(t, 1);
	try_restart(t);
	assert_int_equal(try_state(t, address), DHCP_LEASE_BOUND);
	for (uint8_t mac = 2; mac < 5; mac++)
		assert_int_not_equal(try_lease(t, mac), address);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 9});
	try_silence(t);
	assert_int_equal(try_cause(t, DHCP_CAUSE_NO_ADDRESS), 1);
}

static void an_offer_lost_with_the_process_is_still_good(void **state)
{
	struct try *t = *state;
	try_start(t);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 1});
	uint32_t address = try_answer(t, DHCP_OFFER)->head.yiaddr;
	try_restart(t);
	try_say(t,
		(struct ask){
			.type = DHCP_REQUEST, .mac = 1, .requested = address, .server_id = SERVER});
	try_store(t);
	assert_int_equal(try_answer(t, DHCP_ACK)->head.yiaddr, address);
}

/* --- the store goes away --- */

static void a_stranger_gets_no_ack_while_the_store_is_away(void **state)
{
	struct try *t = *state;
	try_start(t);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 1});
	uint32_t address = try_answer(t, DHCP_OFFER)->head.yiaddr;
	try_say(t,
		(struct ask){
			.type = DHCP_REQUEST, .mac = 1, .requested = address, .server_id = SERVER});
	try_store_fails(t);
	try_silence(t);
	assert_int_equal(try_cause(t, DHCP_CAUSE_STORE), 1);
}

static void promises_no_more_than_is_durable_while_the_store_is_away(void **state)
{
	struct try *t = *state;
	try_start(t);
	uint32_t address = try_lease(t, 1);
	struct ask renewal = {.type = DHCP_REQUEST, .mac = 1, .ciaddr = address, .to = SERVER};
	try_wait_s(t, 1800);
	try_say(t, renewal);
	try_store_fails(t);
	const struct dhcp_message *ack = try_answer(t, DHCP_ACK);
	assert_int_equal(try_u32(ack, DHCP_OPT_LEASE_TIME), 1800);
	assert_int_equal(try_u32(ack, DHCP_OPT_RENEWAL_TIME), 900);
	assert_int_equal(try_u32(ack, DHCP_OPT_REBINDING_TIME), 1575);
	try_wait_s(t, 900);
	t->full = true;
	try_say(t, renewal);
	assert_int_equal(try_u32(try_answer(t, DHCP_ACK), DHCP_OPT_LEASE_TIME), 900);
	t->full = false;
	try_say(t, renewal);
	try_store(t);
	assert_int_equal(try_u32(try_answer(t, DHCP_ACK), DHCP_OPT_LEASE_TIME), 3600);
}

static void the_seconds_that_a_store_takes_are_taken_from_the_lease(void **state)
{
	struct try *t = *state;
	try_start(t);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 1});
	uint32_t address = try_answer(t, DHCP_OFFER)->head.yiaddr;
	try_say(t,
		(struct ask){
			.type = DHCP_REQUEST, .mac = 1, .requested = address, .server_id = SERVER});
	try_wait_s(t, 8);
	try_store(t);
	assert_int_equal(try_u32(try_answer(t, DHCP_ACK), DHCP_OPT_LEASE_TIME), 3592);
}

static void a_renewal_is_answered_from_memory_when_the_store_keeps_silent(void **state)
{
	struct try *t = *state;
	try_start(t);
	uint32_t address = try_lease(t, 1);
	struct ask renewal = {
		.type = DHCP_REQUEST, .mac = 1, .xid = 7, .ciaddr = address, .to = SERVER};
	try_wait_s(t, 1000);
	try_say(t, renewal);
	try_wait_ms(t, 1999);
	try_silence(t);
	try_wait_ms(t, 1);
	assert_int_equal(try_u32(try_answer(t, DHCP_ACK), DHCP_OPT_LEASE_TIME), 2598);
	try_say(t, renewal); /* that one was lost: nobody waits twice */
	assert_int_equal(try_u32(try_answer(t, DHCP_ACK), DHCP_OPT_LEASE_TIME), 2598);
	renewal.mac = 2;
	try_say(t, renewal);
	try_silence(t);
	renewal.mac = 1;
	try_store(t);
	(void)try_answer(t, DHCP_NAK); /* the other one's, when it is known whose it is */
	/* The row says more than was promised, and is believed again. */
	try_say(t, renewal);
	try_store(t);
	assert_int_equal(try_u32(try_answer(t, DHCP_ACK), DHCP_OPT_LEASE_TIME), 3600);
	try_say(t, renewal);
	try_wait_s(t, 2);
	(void)try_answer(t, DHCP_ACK);
	try_store_fails(t);
	try_silence(t);
	assert_int_equal(try_state(t, address), DHCP_LEASE_BOUND);
}

static void nobody_is_told_that_he_has_no_lease_while_the_store_is_away(void **state)
{
	struct try *t = *state;
	try_start(t);
	uint32_t address = try_lease(t, 1);
	/* Given back to another server, and given away there; then the store went away. */
	try_other_server(t, address, 2, DHCP_LEASE_BOUND, 3600, false);
	struct ask rebinding = {.type = DHCP_REQUEST, .mac = 2, .ciaddr = address, .to = BROADCAST};
	struct ask reboot = {.type = DHCP_REQUEST, .mac = 1, .requested = address + 1};
	dhcp_engine_store_away(t->engine, true);
	try_say(t, rebinding);
	try_silence(t);
	try_say(t, reboot);
	try_silence(t);
	reboot.requested = NET_B + 7; /* that network is not here, whoever has written what */
	try_say(t, reboot);
	(void)try_answer(t, DHCP_NAK);
	reboot.requested = address + 1;
	dhcp_engine_store_away(t->engine, false);
	try_say(t, rebinding);
	(void)try_answer(t, DHCP_NAK);
	try_say(t, reboot);
	(void)try_answer(t, DHCP_NAK);
}

static void a_lease_that_ran_out_is_not_renewed_while_the_store_is_away(void **state)
{
	struct try *t = *state;
	try_start(t);
	uint32_t address = try_lease(t, 1);
	try_wait_s(t, 3601);
	try_say(t, (struct ask){.type = DHCP_REQUEST, .mac = 1, .ciaddr = address, .to = SERVER});
	try_store_fails(t);
	try_silence(t);
}

/* --- two servers on one store --- */

static void an_address_that_another_server_gave_is_refused(void **state)
{
	struct try *t = *state;
	try_start(t);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 1});
	uint32_t address = try_answer(t, DHCP_OFFER)->head.yiaddr;
	try_other_server(t, address, 7, DHCP_LEASE_BOUND, 3600, false);
	try_say(t,
		(struct ask){
			.type = DHCP_REQUEST, .mac = 1, .requested = address, .server_id = SERVER});
	try_store(t);
	(void)try_answer(t, DHCP_NAK);
	assert_int_equal(try_state(t, address), DHCP_LEASE_BOUND);
	assert_int_equal(try_cause(t, DHCP_CAUSE_TAKEN), 1);
	assert_int_not_equal(try_lease(t, 1), address);
}

static void a_lease_that_the_other_server_renewed_is_renewed_here(void **state)
{
	struct try *t = *state;
	try_start(t);
	uint32_t address = try_lease(t, 1);
	try_other_server(t, address, 1, DHCP_LEASE_BOUND, 4000, false);
	try_say(t, (struct ask){.type = DHCP_REQUEST, .mac = 1, .ciaddr = address, .to = SERVER});
	try_store(t);
	assert_int_equal(try_u32(try_answer(t, DHCP_ACK), DHCP_OPT_LEASE_TIME), 3600);
}

static void an_offer_gives_way_to_a_row_that_is_learnt(void **state)
{
	struct try *t = *state;
	try_start(t);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 1});
	uint32_t address = try_answer(t, DHCP_OFFER)->head.yiaddr;
	try_other_server(t, address, 7, DHCP_LEASE_BOUND, 3600, true);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 1});
	assert_int_not_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, address);
}

static void an_older_row_changes_nothing(void **state)
{
	struct try *t = *state;
	try_start(t);
	uint32_t address = try_lease(t, 1);
	struct try_row old = t->rows[0];
	try_say(t, (struct ask){.type = DHCP_RELEASE, .mac = 1, .ciaddr = address, .to = SERVER});
	try_store(t);
	assert_int_equal(dhcp_engine_learn(t->engine, t->now_ms, span_of(old.key, 5),
					   span_of(old.value, old.len), old.version),
			 OK);
	assert_int_equal(try_state(t, address), DHCP_LEASE_RELEASED);
}

/* --- probing --- */

static void an_offer_waits_for_its_probe_and_others_do_not(void **state)
{
	struct try *t = *state;
	try_start(t);
	uint32_t known = try_lease(t, 1);
	t->site->networks[0].probe = true;
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 2});
	try_silence(t);
	assert_int_equal(t->probes_n, 1);
	assert_int_equal(t->probe.ifindex, TRY_IFINDEX);
	try_say(t, (struct ask){.type = DHCP_REQUEST, .mac = 1, .ciaddr = known, .to = SERVER});
	try_store(t);
	(void)try_answer(t, DHCP_ACK);
	try_wait_ms(t, 499);
	try_silence(t);
	try_wait_ms(t, 1);
	assert_int_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, t->probe.address);
}

static void an_address_that_answers_rests_and_another_is_offered(void **state)
{
	struct try *t = *state;
	static const uint8_t stranger[6] = {2, 0, 0, 0, 0, 99};
	t->site->networks[0].probe = true;
	try_start(t);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 2});
	uint32_t taken = t->probe.address;
	dhcp_engine_probed(t->engine, t->now_ms, taken, stranger);
	assert_int_equal(try_state(t, taken), DHCP_LEASE_CONFLICT);
	assert_true(try_event(t, DHCP_EVENT_CONFLICT));
	try_wait_ms(t, 500);
	assert_int_not_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, taken);
	try_wait_s(t, 600);
	assert_int_equal(try_state(t, taken), 0);
}

static void the_client_itself_is_no_conflict(void **state)
{
	struct try *t = *state;
	static const uint8_t itself[6] = {2, 0, 0, 0, 0, 2};
	t->site->networks[0].probe = true;
	try_start(t);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 2});
	dhcp_engine_probed(t->engine, t->now_ms, t->probe.address, itself);
	try_wait_ms(t, 500);
	assert_int_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, t->probe.address);
}

static void who_holds_an_address_is_not_probed(void **state)
{
	struct try *t = *state;
	try_start(t);
	uint32_t address = try_lease(t, 1);
	t->site->networks[0].probe = true;
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 1});
	assert_int_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, address);
	try_say(t, (struct ask){.type = DHCP_RELEASE, .mac = 1, .ciaddr = address, .to = SERVER});
	try_store(t);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 1});
	assert_int_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, address);
	assert_int_equal(t->probes_n, 0);
}

static void a_second_discover_takes_over_the_probe(void **state)
{
	struct try *t = *state;
	t->site->networks[0].probe = true;
	try_start(t);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 1, .xid = 1});
	try_wait_ms(t, 300);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 1, .xid = 2});
	try_wait_ms(t, 200);
	assert_int_equal(try_answer(t, DHCP_OFFER)->head.xid, 2);
	assert_int_equal(t->probes_n, 1);
	struct dhcp_counts c;
	dhcp_engine_counts(t->engine, &c);
	assert_int_equal(c.waiting, 0);
}

static void a_relayed_client_is_probed_by_an_echo(void **state)
{
	struct try *t = *state;
	t->site->networks[1].probe = true;
	try_start(t);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 1, .giaddr = RELAY});
	assert_int_equal(t->probes_n, 1);
	assert_int_equal(t->probe.ifindex, 0);
}

/* --- ends --- */

static void a_declined_address_rests_and_an_event_says_so(void **state)
{
	struct try *t = *state;
	try_start(t);
	uint32_t address = try_lease(t, 1);
	try_say(t,
		(struct ask){
			.type = DHCP_DECLINE, .mac = 2, .requested = address, .server_id = SERVER});
	assert_int_equal(try_state(t, address), DHCP_LEASE_BOUND);
	assert_int_equal(try_cause(t, DHCP_CAUSE_FORGED), 1);
	try_say(t,
		(struct ask){
			.type = DHCP_DECLINE, .mac = 1, .requested = address, .server_id = SERVER});
	assert_true(try_event(t, DHCP_EVENT_DECLINE));
	try_store(t);
	assert_int_not_equal(try_lease(t, 1), address);
	try_restart(t);
	assert_int_equal(try_state(t, address), DHCP_LEASE_DECLINED);
	try_wait_s(t, 601);
	assert_int_equal(try_state(t, address), DHCP_LEASE_EXPIRED);
}

static void a_release_by_another_is_forged(void **state)
{
	struct try *t = *state;
	try_start(t);
	uint32_t address = try_lease(t, 1);
	try_say(t, (struct ask){.type = DHCP_RELEASE, .mac = 2, .ciaddr = address, .to = SERVER});
	assert_int_equal(try_state(t, address), DHCP_LEASE_BOUND);
	assert_int_equal(try_cause(t, DHCP_CAUSE_FORGED), 1);
	try_say(t, (struct ask){.type = DHCP_RELEASE, .mac = 1, .ciaddr = address, .to = SERVER});
	assert_int_equal(try_state(t, address), DHCP_LEASE_RELEASED);
	assert_int_equal(t->name.change, DHCP_NAME_ENDED);
}

static void a_request_right_behind_a_release_waits_for_its_turn(void **state)
{
	struct try *t = *state;
	try_start(t);
	uint32_t address = try_lease(t, 1);
	try_say(t, (struct ask){.type = DHCP_RELEASE, .mac = 1, .ciaddr = address, .to = SERVER});
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 1});
	assert_int_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, address);
	try_say(t,
		(struct ask){
			.type = DHCP_REQUEST, .mac = 1, .requested = address, .server_id = SERVER});
	assert_int_equal(t->pending_n, 1);
	try_store(t);
	assert_int_equal(try_answer(t, DHCP_ACK)->head.yiaddr, address);
}

static void names_are_told_and_kept_with_the_row(void **state)
{
	struct try *t = *state;
	try_start(t);
	uint32_t address = try_lease(t, 1);
	assert_int_equal(t->name.change, DHCP_NAME_GRANTED);
	dhcp_engine_named(t->engine, address, DHCP_NAME_FORWARD);
	try_store(t);
	try_restart(t);
	struct dhcp_lease l;
	assert_true(dhcp_engine_lease(t->engine, address, &l));
	assert_int_equal(l.names, DHCP_NAME_FORWARD);
	try_wait_s(t, 4000);
	assert_int_equal(t->name.change, DHCP_NAME_ENDED);
	assert_int_equal(t->name.address, address);
}

static void control_releases_and_walks(void **state)
{
	struct try *t = *state;
	try_start(t);
	uint32_t one = try_lease(t, 1), two = try_lease(t, 2);
	struct dhcp_lease l;
	assert_true(dhcp_engine_lease_from(t->engine, 0, &l));
	assert_int_equal(l.address, one < two ? one : two);
	assert_true(dhcp_engine_lease_from(t->engine, l.address + 1, &l));
	assert_int_equal(l.address, one < two ? two : one);
	assert_false(dhcp_engine_lease_from(t->engine, l.address + 1, &l));
	assert_int_equal(dhcp_engine_release(t->engine, t->now_ms, NET_A + 99), ERR_ABSENT);
	assert_int_equal(dhcp_engine_release(t->engine, t->now_ms, one), OK);
	assert_int_equal(try_state(t, one), DHCP_LEASE_RELEASED);
	struct dhcp_pool_use use;
	assert_true(dhcp_engine_pool_use(t->engine, 0, &use));
	assert_int_equal(use.bound, 1);
	assert_int_equal(use.size, 4);
	assert_false(dhcp_engine_pool_use(t->engine, 2, &use));
}

static void a_pool_that_fills_tells_once_and_once_again_when_it_empties(void **state)
{
	struct try *t = *state;
	t->site->pools[0][0].warn_percent = 75;
	try_start(t);
	try_wait_ms(t, 0);
	uint32_t of[4];
	for (uint8_t m = 1; m < 3; m++)
		of[m] = try_lease(t, m);
	assert_false(try_event(t, DHCP_EVENT_POOL));
	of[3] = try_lease(t, 3);
	assert_true(try_event(t, DHCP_EVENT_POOL));
	t->events_n = 0;
	(void)try_lease(t, 4);
	assert_false(try_event(t, DHCP_EVENT_POOL));
	for (uint8_t m = 2; m < 4; m++)
		try_say(t, (struct ask){
				   .type = DHCP_RELEASE, .mac = m, .ciaddr = of[m], .to = SERVER});
	assert_true(try_event(t, DHCP_EVENT_POOL));
}

/* --- reload --- */

static void a_reload_keeps_leases_also_those_of_no_pool(void **state)
{
	struct try *t = *state;
	try_start(t);
	uint32_t address = try_lease(t, 1);
	struct dhcp_site *old = t->site;
	t->site = site_fake_new();
	struct dhcp_network *a = site_fake_network(t->site, NET_A, 24);
	site_fake_pool(t->site, a, NET_A + 200, NET_A + 210, DHCP_AUTOMATIC);
	dhcp_engine_set_site(t->engine, t->site, t->now_ms);
	dhcp_site_unref(old);
	assert_int_equal(try_state(t, address), DHCP_LEASE_BOUND);
	try_say(t, (struct ask){.type = DHCP_REQUEST, .mac = 1, .ciaddr = address, .to = SERVER});
	(void)try_answer(t, DHCP_NAK); /* no pool of ours any more */
	assert_true(try_lease(t, 1) >= NET_A + 200);
	try_wait_s(t, 4000);
	assert_int_equal(try_state(t, address), DHCP_LEASE_EXPIRED);
}

static void a_reload_in_the_middle_of_an_exchange_is_survived(void **state)
{
	struct try *t = *state;
	t->site->networks[0].probe = true;
	try_start(t);
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 1});
	struct dhcp_site *old = t->site;
	t->site = site_fake_new();
	struct dhcp_network *a = site_fake_network(t->site, NET_A, 24);
	site_fake_pool(t->site, a, NET_A + 200, NET_A + 210, DHCP_AUTOMATIC);
	dhcp_engine_set_site(t->engine, t->site, t->now_ms);
	dhcp_site_unref(old);
	try_wait_ms(t, 500);
	uint32_t address = try_answer(t, DHCP_OFFER)->head.yiaddr;
	assert_true(address >= NET_A + 200);
}

static void a_reload_while_the_store_fails_is_survived(void **state)
{
	struct try *t = *state;
	try_start(t);
	uint32_t address = try_lease(t, 1);
	for (unsigned keeps = 0; keeps <= 1; keeps++) {
		try_say(t,
			(struct ask){
				.type = DHCP_REQUEST, .mac = 1, .ciaddr = address, .to = SERVER});
		struct dhcp_site *old = t->site;
		t->site = site_fake_new();
		struct dhcp_network *a = site_fake_network(t->site, NET_A, 24);
		site_fake_pool(t->site, a, keeps ? NET_A + 100 : NET_A + 200, NET_A + 210,
			       DHCP_AUTOMATIC);
		dhcp_engine_set_site(t->engine, t->site, t->now_ms);
		dhcp_site_unref(old);
		try_store_fails(t);
		if (keeps)
			(void)try_answer(t, DHCP_ACK);
		else
			try_silence(t);
		if (!keeps) { /* back to where it was, for the second round */
			t->site->pools[0][0].first = NET_A + 100;
			dhcp_engine_set_site(t->engine, t->site, t->now_ms);
		}
	}
}

static int begin(void **state)
{
	static struct try t;
	try_init(&t);
	*state = &t;
	return 0;
}

static int end(void **state)
{
	try_done(*state);
	return 0;
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(sends_no_ack_before_the_row_is_durable),
		FACT(a_repeated_request_is_written_once),
		FACT(a_lease_outlives_the_process),
		FACT(an_offer_lost_with_the_process_is_still_good),
		FACT(a_stranger_gets_no_ack_while_the_store_is_away),
		FACT(promises_no_more_than_is_durable_while_the_store_is_away),
		FACT(the_seconds_that_a_store_takes_are_taken_from_the_lease),
		FACT(a_renewal_is_answered_from_memory_when_the_store_keeps_silent),
		FACT(nobody_is_told_that_he_has_no_lease_while_the_store_is_away),
		FACT(a_lease_that_ran_out_is_not_renewed_while_the_store_is_away),
		FACT(an_address_that_another_server_gave_is_refused),
		FACT(a_lease_that_the_other_server_renewed_is_renewed_here),
		FACT(an_offer_gives_way_to_a_row_that_is_learnt),
		FACT(an_older_row_changes_nothing),
		FACT(an_offer_waits_for_its_probe_and_others_do_not),
		FACT(an_address_that_answers_rests_and_another_is_offered),
		FACT(the_client_itself_is_no_conflict),
		FACT(who_holds_an_address_is_not_probed),
		FACT(a_second_discover_takes_over_the_probe),
		FACT(a_relayed_client_is_probed_by_an_echo),
		FACT(a_declined_address_rests_and_an_event_says_so),
		FACT(a_release_by_another_is_forged),
		FACT(a_request_right_behind_a_release_waits_for_its_turn),
		FACT(names_are_told_and_kept_with_the_row),
		FACT(control_releases_and_walks),
		FACT(a_pool_that_fills_tells_once_and_once_again_when_it_empties),
		FACT(a_reload_keeps_leases_also_those_of_no_pool),
		FACT(a_reload_in_the_middle_of_an_exchange_is_survived),
		FACT(a_reload_while_the_store_fails_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
