/* Leases become names, against the authority's own engine as the server. */
#include "names/names_stage_test.h"
#include "proto/dns/message.h"
#include "test/random.h"

#include <stdio.h>

static const uint8_t mac_a[6] = {2, 0, 0, 0, 0, 0xa}, mac_b[6] = {2, 0, 0, 0, 0, 0xb};

static struct names_lease lease(uint8_t host, const uint8_t *mac, const char *name)
{
	return (struct names_lease){.address = ip_address_v4(192, 0, 2, host),
				    .mac = span_of(mac, 6),
				    .htype = 1,
				    .name = span_text(name),
				    .lease_s = 3600};
}

static void a_lease_becomes_names_both_ways(void **state)
{
	(void)state;
	struct bench *b = names_begin();
	struct names_lease l = lease(77, mac_a, "Laptop");
	names_granted(b->names, b->now_ms, &l);
	assert_int_equal(b->sent_n, 0); /* nothing is sent from within: an ACK is not delayed */
	settle(b);
	there(b, "laptop.home.test.", "A", "192.0.2.77");
	there(b, "77.2.0.192.in-addr.arpa.", "PTR", "laptop.home.test.");
	assert_int_equal(b->sent_n, 2);
	assert_int_equal(b->done, NAMES_FORWARD | NAMES_REVERSE);
	assert_int_equal(b->events[NAMES_EVENT_ADDED], 1);
	/* A renewal says nothing new. */
	l.names = b->done;
	names_granted(b->names, b->now_ms, &l);
	settle(b);
	assert_int_equal(b->sent_n, 2);
	names_end(b);
}

/* RFC 4702 5: "… the TTL SHOULD be less than one third of the lease". */
static void the_ttl_is_a_third_of_the_lease_at_most(void **state)
{
	(void)state;
	struct bench *b = names_begin();
	struct names_lease l = lease(77, mac_a, "short");
	l.lease_s = 90;
	names_granted(b->names, 0, &l);
	l = lease(78, mac_b, "long");
	names_granted(b->names, 0, &l);
	settle(b);
	struct zone_path p;
	const struct zone *z = zone_now(b->server.zones[0].zone);
	static const struct {
		const char *name;
		uint32_t ttl_s;
	} cases[] = {{"short.home.test.", 30}, {"long.home.test.", 600}};
	for (unsigned i = 0; i < 2; i++) {
		struct dns_name name = named(cases[i].name);
		zone_path_set(&p, name.wire, name.len);
		const struct zone_rrset *s = zone_node_find(zone_lookup(z, &p, p.labels), 1);
		assert_int_equal(zone_rrset_ttl(s), cases[i].ttl_s);
	}
	names_end(b);
}

static void a_lease_that_ends_takes_its_names_along(void **state)
{
	(void)state;
	struct bench *b = names_begin();
	struct names_lease l = lease(77, mac_a, "laptop");
	names_granted(b->names, 0, &l);
	settle(b);
	l.names = b->done;
	names_ended(b->names, 0, &l);
	settle(b);
	gone(b, "laptop.home.test.");
	gone(b, "77.2.0.192.in-addr.arpa.");
	assert_int_equal(b->done, 0);
	names_end(b);
}

/* RFC 4703 5.3.3: the name stays with who has it. */
static void another_client_gets_a_name_made_from_its_address(void **state)
{
	(void)state;
	struct bench *b = names_begin();
	struct names_lease first = lease(77, mac_a, "laptop"), second = lease(78, mac_b, "laptop");
	names_granted(b->names, 0, &first);
	settle(b);
	names_granted(b->names, 0, &second);
	settle(b);
	there(b, "laptop.home.test.", "A", "192.0.2.77");
	there(b, "192-0-2-78.home.test.", "A", "192.0.2.78");
	there(b, "78.2.0.192.in-addr.arpa.", "PTR", "192-0-2-78.home.test.");
	assert_int_equal(b->events[NAMES_EVENT_CONFLICT], 1);
	assert_int_equal(b->done, NAMES_FORWARD | NAMES_REVERSE | NAMES_MADE);
	/* And the made one goes with the lease, after a restart as well. */
	second.names = b->done;
	names_ended(b->names, 0, &second);
	settle(b);
	gone(b, "192-0-2-78.home.test.");
	there(b, "laptop.home.test.", "A", "192.0.2.77");
	names_end(b);
}

static void a_name_that_somebody_wrote_by_hand_is_not_taken(void **state)
{
	(void)state;
	struct bench *b = names_begin();
	struct names_lease l = lease(77, mac_a, "printer");
	names_granted(b->names, 0, &l);
	settle(b);
	there(b, "printer.home.test.", "A", "192.0.2.9");
	there(b, "192-0-2-77.home.test.", "A", "192.0.2.77");
	names_end(b);
}

/* RFC 4703 5.3.2: its own name moves with the client. */
static void the_same_client_replaces_its_address(void **state)
{
	(void)state;
	struct bench *b = names_begin();
	struct names_lease l = lease(77, mac_a, "laptop");
	names_granted(b->names, 0, &l);
	settle(b);
	l.address = ip_address_v4(192, 0, 2, 99);
	names_granted(b->names, 0, &l);
	settle(b);
	there(b, "laptop.home.test.", "A", "192.0.2.99");
	assert_null(strstr(lookup(b, "laptop.home.test.", "A"), "192.0.2.77"));
	/* The old lease ends later, and takes only what is its own. */
	l.address = ip_address_v4(192, 0, 2, 77);
	l.names = NAMES_FORWARD | NAMES_REVERSE;
	names_ended(b->names, 0, &l);
	settle(b);
	there(b, "laptop.home.test.", "A", "192.0.2.99");
	gone(b, "77.2.0.192.in-addr.arpa.");
	names_end(b);
}

/* RFC 4703 5.2: one DHCID, so A and AAAA stand side by side. */
static void a_dual_stack_client_keeps_both_records(void **state)
{
	(void)state;
	struct bench *b = names_begin();
	static const uint8_t id[] = {255, 0, 0, 0, 1, 0, 3, 0, 1, 2, 0, 0, 0, 0, 0xa};
	struct names_lease v4 = lease(77, mac_a, "laptop");
	struct names_lease v6 = {.duid = span_of(id + 5, sizeof(id) - 5),
				 .name = span_text("laptop"),
				 .lease_s = 3600};
	v4.client_id = span_of(id, sizeof(id));
	assert_int_equal(ip_address_parse(span_text("2001:db8::77"), &v6.address), OK);
	names_granted(b->names, 0, &v4);
	settle(b);
	names_granted(b->names, 0, &v6);
	settle(b);
	there(b, "laptop.home.test.", "A", "192.0.2.77");
	there(b, "laptop.home.test.", "AAAA", "2001:db8::77");
	assert_int_equal(b->events[NAMES_EVENT_CONFLICT], 0);
	assert_int_equal(b->done, NAMES_FORWARD); /* there is no reverse zone for it */
	v4.names = NAMES_FORWARD | NAMES_REVERSE;
	names_ended(b->names, 0, &v4);
	settle(b);
	there(b, "laptop.home.test.", "AAAA", "2001:db8::77");
	there(b, "laptop.home.test.", "DHCID", "AAI");
	v6.names = NAMES_FORWARD;
	names_ended(b->names, 0, &v6);
	settle(b);
	gone(b, "laptop.home.test.");
	names_end(b);
}

static void reserved_names_are_nobodys(void **state)
{
	(void)state;
	struct bench *b = names_begin();
	static const char *const names[] = {"wpad", "isatap", "gateway", "Gateway", "localhost"};
	for (uint8_t i = 0; i < 5; i++) {
		struct names_lease l = lease((uint8_t)(100 + i), mac_a, names[i]);
		char made[64];
		names_granted(b->names, 0, &l);
		settle(b);
		(void)snprintf(made, sizeof(made), "192-0-2-%u.home.test.", 100 + i);
		there(b, made, "DHCID", "AAA");
	}
	gone(b, "wpad.home.test.");
	gone(b, "gateway.home.test.");
	/* But a reservation may say that this client is the gateway. */
	struct names_lease l = lease(110, mac_b, "gateway");
	l.reserved = true;
	names_granted(b->names, 0, &l);
	settle(b);
	there(b, "gateway.home.test.", "A", "192.0.2.110");
	names_end(b);
}

static void a_client_without_a_name_gets_one_or_none_as_configured(void **state)
{
	(void)state;
	struct bench *b = names_begin();
	struct names_lease l = lease(77, mac_a, "");
	names_granted(b->names, 0, &l);
	settle(b);
	there(b, "192-0-2-77.home.test.", "A", "192.0.2.77");
	b->conf.generate = false;
	l = lease(78, mac_b, "");
	names_granted(b->names, 0, &l);
	settle(b);
	gone(b, "192-0-2-78.home.test.");
	names_end(b);
}

static void a_client_that_writes_its_own_record_may_where_it_is_allowed(void **state)
{
	(void)state;
	struct bench *b = names_begin();
	struct names_lease l = lease(77, mac_a, "own");
	b->conf.fqdn = NAMES_FQDN_CLIENT;
	l.fqdn = true;
	names_granted(b->names, 0, &l);
	settle(b);
	gone(b, "own.home.test.");
	there(b, "77.2.0.192.in-addr.arpa.", "PTR", "own.home.test.");
	assert_int_equal(b->done, NAMES_REVERSE);
	l = lease(78, mac_b, "none");
	l.fqdn = l.fqdn_n = true;
	names_granted(b->names, 0, &l);
	settle(b);
	gone(b, "78.2.0.192.in-addr.arpa.");
	names_end(b);
}

static void an_answer_of_nobody_is_not_believed(void **state)
{
	(void)state;
	struct bench *b = names_begin();
	struct names_lease l = lease(77, mac_a, "laptop");
	uint8_t out[1024];
	struct names_counts counts;
	names_granted(b->names, 0, &l);
	names_turn(b->names, 0, NOW_S);
	assert_int_equal(b->out_n, 1);
	struct sent m = b->out[0];
	size_t len = server_answer(&b->server, &m, out, sizeof(out));
	struct ip_endpoint elsewhere = m.to;
	elsewhere.port++;
	names_answer(b->names, 0, NOW_S, &elsewhere, span_of(out, len)); /* another sender */
	out[1] ^= 1;
	names_answer(b->names, 0, NOW_S, &m.to, span_of(out, len)); /* another id */
	out[1] ^= 1;
	out[3] ^= DNS_RCODE_REFUSED;
	names_answer(b->names, 0, NOW_S, &m.to, span_of(out, len)); /* changed */
	names_answer(b->names, 0, NOW_S, &m.to, span_of(out, 12));  /* cut */
	names_count(b->names, &counts);
	assert_int_equal(counts.forged, 4);
	assert_int_equal(counts.answered, 0);
	out[3] ^= DNS_RCODE_REFUSED;
	names_answer(b->names, 0, NOW_S, &m.to, span_of(out, len));
	names_count(b->names, &counts);
	assert_int_equal(counts.answered, 1);
	names_end(b);
}

static void a_wrong_key_is_told_by_its_name(void **state)
{
	(void)state;
	struct bench *b = names_begin();
	struct dns_tsig_key wrong = b->server.keys->keys[0];
	wrong.secret.bytes[0] ^= 1;
	b->conf.forward.key = &wrong;
	struct names_lease l = lease(77, mac_a, "laptop");
	names_granted(b->names, 0, &l);
	settle(b);
	assert_int_equal(b->events[NAMES_EVENT_FAILED], 0);
	b->now_ms = 2000;
	names_turn(b->names, b->now_ms, NOW_S);
	assert_int_equal(b->events[NAMES_EVENT_FAILED], 1);
	assert_int_equal(b->last.rcode, 16); /* BADSIG */
	names_end(b);
}

static void a_silent_server_is_asked_again_ever_more_slowly(void **state)
{
	(void)state;
	struct bench *b = names_begin();
	struct names_lease l = lease(77, mac_a, "laptop");
	uint64_t before = 0, gap = 0;
	names_granted(b->names, 0, &l);
	for (unsigned i = 0; i < 12; i++) {
		while (b->out_n == 0) {
			b->now_ms = names_next_ms(b->names);
			assert_true(b->now_ms != UINT64_MAX);
			names_turn(b->names, b->now_ms, NOW_S);
		}
		b->out_n = 0; /* lost */
		assert_true(i < 2 || b->now_ms - before >= gap);
		gap = b->now_ms - before;
		assert_true(gap <= 302000);
		before = b->now_ms;
	}
	assert_int_equal(b->last.rcode, NAMES_NO_ANSWER);
	/* And when it is back, all is done. */
	b->now_ms = names_next_ms(b->names);
	for (unsigned i = 0; i < 3; i++) {
		names_turn(b->names, b->now_ms, NOW_S);
		settle(b);
		b->now_ms += 400000;
	}
	there(b, "laptop.home.test.", "A", "192.0.2.77");
	names_end(b);
}

static void the_latest_of_several_wishes_counts(void **state)
{
	(void)state;
	struct bench *b = names_begin();
	struct names_lease l = lease(77, mac_a, "one");
	names_granted(b->names, 0, &l);
	names_turn(b->names, 0, NOW_S); /* the first is on its way */
	names_ended(b->names, 0, &l);
	l = lease(77, mac_b, "two");
	names_granted(b->names, 0, &l);
	l = lease(77, mac_b, "three");
	names_granted(b->names, 0, &l);
	settle(b);
	gone(b, "one.home.test.");
	gone(b, "two.home.test.");
	there(b, "three.home.test.", "A", "192.0.2.77");
	there(b, "77.2.0.192.in-addr.arpa.", "PTR", "three.home.test.");
	assert_int_equal(b->done_n, 1);
	names_end(b);
}

static void a_full_queue_is_counted_and_delays_nobody(void **state)
{
	(void)state;
	struct bench *b = names_begin_with(10, 2);
	struct names_counts counts;
	for (uint8_t i = 0; i < 15; i++) {
		char name[16];
		(void)snprintf(name, sizeof(name), "host%u", i);
		struct names_lease l = lease((uint8_t)(100 + i), mac_a, name);
		names_granted(b->names, 0, &l);
	}
	names_count(b->names, &counts);
	assert_int_equal(counts.queue_full, 5);
	assert_int_equal(names_room(b->names), 0);
	names_turn(b->names, 0, NOW_S);
	assert_int_equal(b->out_n, 2); /* no more at once than allowed */
	settle(b);
	assert_int_equal(names_room(b->names), 10);
	there(b, "host9.home.test.", "A", "192.0.2.109");
	names_end(b);
}

static void an_answer_that_was_cut_is_asked_for_over_tcp(void **state)
{
	(void)state;
	struct bench *b = names_begin();
	struct names_lease l = lease(77, mac_a, "laptop");
	uint8_t out[512];
	names_granted(b->names, 0, &l);
	names_turn(b->names, 0, NOW_S);
	struct sent m = b->out[0];
	b->out_n = 0;
	struct dns_tsig_reply tsig;
	struct dns_message head;
	assert_int_equal(dns_message_read(span_of(m.message, m.len), &head), OK);
	(void)dns_tsig_check(span_of(m.message, m.len), head.tsig_at, keyring_find, b->server.keys,
			     NOW_S, &tsig);
	memcpy(out, m.message, 12);
	out[2] |= 0x82; /* QR, TC */
	memset(out + 4, 0, 8);
	size_t len = dns_tsig_reply_sign(&tsig, out, 12, sizeof(out), NOW_S);
	names_answer(b->names, 0, NOW_S, &m.to, span_of(out, len));
	names_turn(b->names, 0, NOW_S);
	assert_int_equal(b->out_n, 1);
	assert_true(b->out[0].tcp);
	settle(b);
	there(b, "laptop.home.test.", "A", "192.0.2.77");
	names_end(b);
}

/* Random leases, lost answers: in the end the zone says what the leases say. */

static const char *const labels[] = {"a1", "b1", "c1", "d1"};

static void agrees(struct bench *b, uint8_t host, bool held)
{
	char reverse[64], address[32], name[64];
	(void)snprintf(reverse, sizeof(reverse), "%u.2.0.192.in-addr.arpa.", host);
	(void)snprintf(address, sizeof(address), "192.0.2.%u", host);
	unsigned found = 0;
	for (unsigned k = 0; k < 5; k++) {
		if (k < 4)
			(void)snprintf(name, sizeof(name), "%s.home.test.", labels[k]);
		else
			(void)snprintf(name, sizeof(name), "192-0-2-%u.home.test.", host);
		found += strstr(lookup(b, name, "A"), address) != NULL;
	}
	assert_int_equal(found, held);
	if (held)
		there(b, reverse, "PTR", "home.test.");
	else
		gone(b, reverse);
}

static void pass(struct bench *b, struct test_random *r)
{
	if (names_next_ms(b->names) <= b->now_ms)
		names_turn(b->names, b->now_ms, NOW_S);
	while (b->out_n) {
		if (test_random_below(r, 4)) {
			answer_first(b);
			continue;
		}
		/* The question is lost, or the answer. */
		uint8_t out[1024];
		if (test_random_below(r, 2))
			(void)server_answer(&b->server, &b->out[0], out, sizeof(out));
		memmove(b->out, b->out + 1, --b->out_n * sizeof(b->out[0]));
	}
}

static void in_the_end_the_zone_agrees_with_the_leases(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct test_random r = {.state = seed};
		struct bench *b = names_begin();
		int held[8];
		memset(held, -1, sizeof(held));
		for (unsigned step = 0; step < 400; step++) {
			uint8_t i = (uint8_t)test_random_below(&r, 8);
			uint8_t mac[6] = {2, 0, 0, 0, 0, i}, host = (uint8_t)(100 + i);
			bool ends = held[i] >= 0 && test_random_below(&r, 3) == 0;
			bool begins = held[i] < 0 && test_random_below(&r, 2) == 0;
			if (begins)
				held[i] = (int)test_random_below(&r, 4);
			struct names_lease l = lease(host, mac, held[i] < 0 ? "" : labels[held[i]]);
			l.names = b->told[host];
			if (begins)
				names_granted(b->names, b->now_ms, &l);
			else if (ends)
				names_ended(b->names, b->now_ms, &l);
			if (ends)
				held[i] = -1;
			b->now_ms += 700;
			pass(b, &r);
		}
		for (unsigned t = 0; t < 40; t++) {
			b->now_ms += 400000;
			names_turn(b->names, b->now_ms, NOW_S);
			settle(b);
		}
		assert_int_equal(names_room(b->names), 100);
		for (uint8_t i = 0; i < 8; i++)
			agrees(b, (uint8_t)(100 + i), held[i] >= 0);
		names_end(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_of_nobody_is_not_believed),
		cmocka_unit_test(a_wrong_key_is_told_by_its_name),
		cmocka_unit_test(a_silent_server_is_asked_again_ever_more_slowly),
		cmocka_unit_test(a_full_queue_is_counted_and_delays_nobody),
		cmocka_unit_test(another_client_gets_a_name_made_from_its_address),
		cmocka_unit_test(a_name_that_somebody_wrote_by_hand_is_not_taken),
		cmocka_unit_test(reserved_names_are_nobodys),
		cmocka_unit_test(a_lease_becomes_names_both_ways),
		cmocka_unit_test(the_ttl_is_a_third_of_the_lease_at_most),
		cmocka_unit_test(a_lease_that_ends_takes_its_names_along),
		cmocka_unit_test(the_same_client_replaces_its_address),
		cmocka_unit_test(a_dual_stack_client_keeps_both_records),
		cmocka_unit_test(a_client_without_a_name_gets_one_or_none_as_configured),
		cmocka_unit_test(a_client_that_writes_its_own_record_may_where_it_is_allowed),
		cmocka_unit_test(the_latest_of_several_wishes_counts),
		cmocka_unit_test(an_answer_that_was_cut_is_asked_for_over_tcp),
		cmocka_unit_test(in_the_end_the_zone_agrees_with_the_leases),
	};
	return cmocka_run_group_tests_name("dhcp_names", tests, NULL, NULL);
}
