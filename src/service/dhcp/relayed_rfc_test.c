/* What the RFCs on relays and on the later options demand of a server, sentence by sentence: 3046,
 * 3011, 3527, 5107, 4039, 6704, 4702. */
#include "service/dhcp/client_test.h"

#include "proto/dhcp/auth.h"
#include "proto/dhcp/fqdn.h"
#include "proto/dhcp/relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define PORT "\001\006port 1\002\010switch 1"

static const struct ask relayed = {.type = DHCP_DISCOVER, .mac = 1, .giaddr = RELAY};

static uint8_t last_option(struct span m)
{
	uint8_t last = 0;
	struct reader r = reader_of_span(span_sub(m, DHCP_OPTIONS_AT, m.len));
	for (uint8_t code = read_u8(&r); code != DHCP_OPT_END && !r.bad; code = read_u8(&r)) {
		if (code == DHCP_OPT_PAD)
			continue;
		last = code;
		reader_skip(&r, read_u8(&r));
	}
	return last;
}

/* RFC 3046 2.2: "DHCP servers claiming to support the Relay Agent Information option SHALL echo the
 * entire contents of the Relay Agent Information option in all replies. Servers SHOULD copy the
 * Relay Agent Information option as the last DHCP option in the response." */
static void option_82_comes_back_whole_and_last(void **state)
{
	struct try *t = *state;
	struct ask a = relayed;
	a.relay = span_text(PORT "\143\003???"); /* a suboption that nobody knows too */
	a.client_id = span_text("\001abc");
	try_say(t, a);
	const struct dhcp_message *m = try_answer(t, DHCP_OFFER);
	assert_true(span_equal(dhcp_message_option(m, 82), a.relay));
	assert_int_equal(last_option(try_how(t)->message), 82);
	a.type = DHCP_REQUEST;
	a.requested = NET_A + 5;
	try_say(t, a);
	m = try_answer(t, DHCP_NAK);
	assert_true(span_equal(dhcp_message_option(m, 82), a.relay));
	assert_int_equal(last_option(try_how(t)->message), 82);
}

/* RFC 3046 2.2: "Servers SHALL NOT place the echoed Relay Agent Information option in the
 * overloaded sname or file fields." */
static void option_82_is_never_in_file_or_sname(void **state)
{
	struct try *t = *state;
	uint8_t whole[255] = {DHCP_RELAY_CIRCUIT_ID, 253};
	struct ask a = relayed;
	a.relay = span_of(whole, sizeof(whole));
	t->site->filler = 150;
	try_say(t, a);
	const struct dhcp_message *m = try_answer(t, DHCP_OFFER);
	assert_true(dhcp_message_has(m, DHCP_OPT_OVERLOAD));
	assert_true(span_equal(dhcp_message_option(m, 82), a.relay));
	assert_int_equal(last_option(try_how(t)->message), 82);
}

/* RFC 3046 2.0: suboptions lie inside the option. One that does not is no relay's. */
static void a_torn_option_82_is_refused(void **state)
{
	struct try *t = *state;
	struct ask a = relayed;
	a.relay = span_text("\001\011port");
	try_say(t, a);
	try_silence(t);
	assert_int_equal(try_cause(t, DHCP_CAUSE_TORN), 1);
}

/* RFC 2131 4.3.1 and RFC 1542 4.1.2: giaddr selects the subnet. */
static void giaddr_selects_the_subnet(void **state)
{
	struct try *t = *state;
	try_say(t, relayed);
	const struct dhcp_message *m = try_answer(t, DHCP_OFFER);
	assert_int_equal(m->head.yiaddr & 0xffff0000, NET_B);
	assert_int_equal(m->head.giaddr, RELAY);
	assert_int_equal(try_u32(m, DHCP_OPT_SUBNET_MASK), 0xffff0000);
}

/* RFC 3527 3: link selection, where there is one, selects the subnet instead of giaddr; the answer
 * goes to giaddr all the same. */
static void link_selection_selects_the_subnet(void **state)
{
	struct try *t = *state;
	struct ask a = relayed;
	a.relay = span_of("\005\004\300\250\007\000", 6);
	try_say(t, a);
	assert_int_equal(try_answer(t, DHCP_OFFER)->head.yiaddr & 0xffffff00, NET_A);
	assert_int_equal(try_how(t)->address, RELAY);
	a.relay = span_of("\005\004\010\010\010\010", 6); /* which we do not serve */
	try_say(t, a);
	try_silence(t);
	assert_int_equal(try_cause(t, DHCP_CAUSE_NO_NETWORK), 1);
}

/* RFC 3011 3: a server that knows the option allocates from that subnet, and returns the option. */
static void subnet_selection_selects_the_subnet_and_comes_back(void **state)
{
	struct try *t = *state;
	struct ask a = relayed;
	a.subnet_selection = NET_A;
	try_say(t, a);
	const struct dhcp_message *m = try_answer(t, DHCP_OFFER);
	assert_int_equal(m->head.yiaddr & 0xffffff00, NET_A);
	assert_int_equal(try_u32(m, DHCP_OPT_SUBNET_SELECTION), NET_A);
	a.relay = span_of("\005\004\012\000\000\001", 6); /* RFC 3527 5: the relay's word counts */
	try_say(t, a);
	assert_int_equal(try_answer(t, DHCP_OFFER)->head.yiaddr & 0xffff0000, NET_B);
}

/* RFC 5107 4: the identifier in the replies is the one that the relay gave, and a REQUEST that
 * carries it is for us. */
static void the_server_identifier_is_the_relays(void **state)
{
	struct try *t = *state;
	struct ask a = relayed;
	a.relay = span_of("\013\004\012\000\000\001", 6);
	try_say(t, a);
	const struct dhcp_message *m = try_answer(t, DHCP_OFFER);
	assert_int_equal(try_u32(m, DHCP_OPT_SERVER_IDENTIFIER), RELAY);
	a.type = DHCP_REQUEST;
	a.requested = m->head.yiaddr;
	a.server_id = RELAY;
	try_say(t, a);
	try_store(t);
	(void)try_answer(t, DHCP_ACK);
	a.mac = 2; /* another server behind that relay has made this offer */
	a.requested = NET_B + 77;
	try_say(t, a);
	try_silence(t);
}

/* RFC 3046 2.1: what a client sends past the relay has no option 82, and the lease stays the
 * port's. */
static void a_renewal_without_option_82_leaves_the_lease_at_its_port(void **state)
{
	struct try *t = *state;
	struct ask a = relayed;
	a.relay = span_text(PORT);
	try_say(t, a);
	a.type = DHCP_REQUEST;
	a.requested = try_answer(t, DHCP_OFFER)->head.yiaddr;
	a.server_id = SERVER;
	try_say(t, a);
	try_store(t);
	uint32_t address = try_answer(t, DHCP_ACK)->head.yiaddr;
	try_say(t, (struct ask){.type = DHCP_REQUEST, .mac = 1, .ciaddr = address, .to = SERVER});
	try_store(t);
	const struct dhcp_message *m = try_answer(t, DHCP_ACK);
	assert_false(dhcp_message_has(m, 82));
	struct dhcp_lease l;
	assert_true(dhcp_engine_lease(t->engine, address, &l));
	assert_true(span_is(l.circuit_id, "port 1"));
	assert_true(span_is(l.remote_id, "switch 1"));
}

static void a_reservation_of_a_relay_port_is_served(void **state)
{
	struct try *t = *state;
	site_fake_reserve(t->site, DHCP_IDENTITY_CIRCUIT, span_text("port 1"), NET_B + 7);
	struct ask a = relayed;
	try_say(t, a);
	assert_int_not_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, NET_B + 7);
	a.relay = span_text(PORT);
	a.mac = 2;
	try_say(t, a);
	assert_int_equal(try_answer(t, DHCP_OFFER)->head.yiaddr, NET_B + 7);
}

/* RFC 4039 3.1: a server that is configured to do so answers DISCOVER with an ACK that has the
 * option, and only after "committing the assignment". */
static void rapid_commit_acknowledges_when_it_is_durable(void **state)
{
	struct try *t = *state;
	struct ask a = {.type = DHCP_DISCOVER, .mac = 1, .rapid = true};
	try_say(t, a);
	assert_false(dhcp_message_has(try_answer(t, DHCP_OFFER), DHCP_OPT_RAPID_COMMIT));
	t->site->networks[0].rapid_commit = true;
	try_say(t, a);
	try_silence(t);
	try_store(t);
	const struct dhcp_message *m = try_answer(t, DHCP_ACK);
	assert_true(dhcp_message_has(m, DHCP_OPT_RAPID_COMMIT));
	assert_int_equal(try_state(t, m->head.yiaddr), DHCP_LEASE_BOUND);
	a.rapid = false;
	try_say(t, a);
	(void)try_answer(t, DHCP_OFFER);
}

static void rapid_commit_takes_another_address_after_a_conflict(void **state)
{
	struct try *t = *state;
	t->site->networks[0].rapid_commit = true;
	try_say(t, (struct ask){.type = DHCP_DISCOVER, .mac = 1, .rapid = true});
	struct dhcp_lease l;
	assert_true(dhcp_engine_lease_from(t->engine, 0, &l));
	uint32_t taken = l.address;
	try_other_server(t, taken, 9, DHCP_LEASE_BOUND, 3600, false);
	try_store(t);
	assert_int_not_equal(try_answer(t, DHCP_ACK)->head.yiaddr, taken);
}

/* RFC 6704 3: the server offers a nonce to a client that says it can, gives it in the ACK, and
 * signs FORCERENEW with it; RFC 3203 4: FORCERENEW is unicast. */
static void force_renew_is_signed_with_the_nonce_of_the_ack(void **state)
{
	struct try *t = *state;
	uint32_t plain = try_lease(t, 2);
	assert_int_equal(dhcp_engine_force_renew(t->engine, t->now_ms, plain), ERR_UNSUPPORTED);
	assert_int_equal(dhcp_engine_force_renew(t->engine, t->now_ms, NET_A + 9), ERR_ABSENT);
	struct ask a = {.type = DHCP_DISCOVER, .mac = 1, .nonce = true};
	try_say(t, a);
	const struct dhcp_message *m = try_answer(t, DHCP_OFFER);
	assert_true(dhcp_message_has(m, DHCP_OPT_FORCERENEW_NONCE_CAPABLE));
	assert_false(dhcp_message_has(m, DHCP_OPT_AUTHENTICATION));
	a.type = DHCP_REQUEST;
	a.requested = m->head.yiaddr;
	a.server_id = SERVER;
	try_say(t, a);
	try_store(t);
	m = try_answer(t, DHCP_ACK);
	uint32_t address = m->head.yiaddr;
	uint8_t nonce[DHCP_NONCE_LEN];
	uint64_t given, replay;
	assert_int_equal(dhcp_auth_nonce(m, &given, nonce), OK);
	assert_int_equal(dhcp_engine_force_renew(t->engine, t->now_ms, address), OK);
	m = try_answer(t, DHCP_FORCERENEW);
	assert_int_equal(dhcp_auth_verify(m, nonce, &replay), OK);
	assert_true(replay > given); /* RFC 3118 2: monotonic */
	assert_int_equal(try_how(t)->how, DHCP_SEND_UDP);
	assert_int_equal(try_how(t)->address, address);
	nonce[0] ^= 1;
	assert_int_equal(dhcp_auth_verify(m, nonce, &replay), ERR_REFUSED);
}

/* --- names: RFC 4702 --- */

static uint32_t lease_named(struct try *t, struct ask a)
{
	a.type = DHCP_DISCOVER;
	try_say(t, a);
	a.type = DHCP_REQUEST;
	a.requested = try_answer(t, DHCP_OFFER)->head.yiaddr;
	a.server_id = SERVER;
	try_say(t, a);
	try_store(t);
	return a.requested;
}

static void a_host_name_is_cleaned_and_told(void **state)
{
	struct try *t = *state;
	lease_named(t, (struct ask){.mac = 1, .host_name = span_text("Anna's_PC.example")});
	assert_false(dhcp_message_has(try_answer(t, DHCP_ACK), DHCP_OPT_CLIENT_FQDN));
	assert_string_equal(t->name.name, "annas-pc");
	lease_named(t, (struct ask){.mac = 2, .host_name = span_text("WPAD")});
	(void)try_answer(t, DHCP_ACK);
	assert_string_equal(t->name.name, "");
}

static void a_renewal_without_a_name_keeps_it(void **state)
{
	struct try *t = *state;
	uint32_t address = lease_named(t, (struct ask){.mac = 1, .host_name = span_text("lamp")});
	(void)try_answer(t, DHCP_ACK);
	try_say(t, (struct ask){.type = DHCP_REQUEST, .mac = 1, .ciaddr = address, .to = SERVER});
	try_store(t);
	(void)try_answer(t, DHCP_ACK);
	assert_string_equal(t->name.name, "lamp");
	try_restart(t);
	struct dhcp_lease l;
	assert_true(dhcp_engine_lease(t->engine, address, &l));
	assert_true(span_is(l.name, "lamp"));
}

static void a_client_that_renames_itself_loses_the_old_name(void **state)
{
	struct try *t = *state;
	uint32_t address = lease_named(t, (struct ask){.mac = 1, .host_name = span_text("lamp")});
	(void)try_answer(t, DHCP_ACK);
	dhcp_engine_named(t->engine, address, DHCP_NAME_FORWARD);
	try_store(t);
	size_t told = t->names_n;
	lease_named(t, (struct ask){.mac = 1, .host_name = span_text("torch")});
	(void)try_answer(t, DHCP_ACK);
	assert_int_equal(t->names_n, told + 2); /* the old one ended, the new one granted */
	assert_int_equal(t->name.change, DHCP_NAME_GRANTED);
	assert_string_equal(t->name.name, "torch");
	struct dhcp_lease l;
	assert_true(dhcp_engine_lease(t->engine, address, &l));
	assert_int_equal(l.names, 0);
}

static void the_next_holder_does_not_inherit_names(void **state)
{
	struct try *t = *state;
	t->site->pools[0][0].first = t->site->pools[0][0].last = NET_A + 100;
	dhcp_engine_set_site(t->engine, t->site, t->now_ms);
	uint32_t address = lease_named(t, (struct ask){.mac = 1, .host_name = span_text("lamp")});
	(void)try_answer(t, DHCP_ACK);
	dhcp_engine_named(t->engine, address, DHCP_NAME_FORWARD);
	try_store(t);
	try_say(t, (struct ask){.type = DHCP_RELEASE, .mac = 1, .ciaddr = address, .to = SERVER});
	try_store(t);
	assert_int_equal(lease_named(t, (struct ask){.mac = 2}), address);
	(void)try_answer(t, DHCP_ACK);
	struct dhcp_lease l;
	assert_true(dhcp_engine_lease(t->engine, address, &l));
	assert_int_equal(l.names, 0);
	assert_int_equal(l.name.len, 0);
}

static void a_reservation_names_its_client(void **state)
{
	struct try *t = *state;
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
	site_fake_reserve(t->site, DHCP_IDENTITY_MAC, span_of(mac, 6), NET_A + 20)->name = "wpad";
	lease_named(t, (struct ask){.mac = 1, .host_name = span_text("lamp")});
	(void)try_answer(t, DHCP_ACK);
	assert_string_equal(t->name.name, "wpad"); /* its owner may call it so */
}

/* RFC 4702 3: where both are there option 81 counts. 4: the server says by N that it writes
 * nothing, by O that S is not as the client wished. */
static void without_updates_option_81_says_so(void **state)
{
	struct try *t = *state;
	struct dhcp_fqdn f;
	struct ask a = {.mac = 1,
			.host_name = span_text("other"),
			.fqdn = span_of("\005\0\0\004lamp", 8)}; /* S and E, partial */
	uint32_t address = lease_named(t, a);
	const struct dhcp_message *m = try_answer(t, DHCP_ACK);
	assert_int_equal(dhcp_fqdn_read(dhcp_message_option(m, 81), &f), OK);
	assert_int_equal(f.flags, DHCP_FQDN_N | DHCP_FQDN_O | DHCP_FQDN_E);
	assert_true(f.partial);
	assert_string_equal(t->name.name, "lamp");
	struct dhcp_lease l;
	assert_true(dhcp_engine_lease(t->engine, address, &l));
	assert_int_equal(l.fqdn_flags, DHCP_LEASE_FQDN | DHCP_FQDN_S | DHCP_FQDN_E);
}

/* RFC 4702 3.1: the server completes a partial name. */
static void with_updates_option_81_has_the_whole_name(void **state)
{
	struct try *t = *state;
	struct dhcp_fqdn f;
	struct dhcp_naming naming = {.updates = true, .policy = NAMES_FQDN_SERVER};
	char text[DNS_NAME_TEXT_MAX];
	assert_int_equal(dns_name_from_text(span_text("home.arpa."), NULL, &naming.domain), OK);
	dhcp_engine_set_naming(t->engine, &naming);
	lease_named(t, (struct ask){.mac = 1, .fqdn = span_of("\004\0\0\004Lamp", 8)});
	const struct dhcp_message *m = try_answer(t, DHCP_ACK);
	assert_int_equal(dhcp_fqdn_read(dhcp_message_option(m, 81), &f), OK);
	assert_int_equal(f.flags, DHCP_FQDN_S | DHCP_FQDN_O | DHCP_FQDN_E);
	(void)dns_name_format(&f.name, text);
	assert_string_equal(text, "lamp.home.arpa.");
	lease_named(t, (struct ask){.mac = 2, .fqdn = span_of("\015\0\0\004lamp", 8)});
	m = try_answer(t, DHCP_ACK); /* S and N both: malformed, and no name */
	assert_false(dhcp_message_has(m, 81));
}

static int begin(void **state)
{
	static struct try t;
	try_init(&t);
	try_start(&t);
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
		FACT(a_torn_option_82_is_refused),
		FACT(option_82_comes_back_whole_and_last),
		FACT(option_82_is_never_in_file_or_sname),
		FACT(giaddr_selects_the_subnet),
		FACT(link_selection_selects_the_subnet),
		FACT(subnet_selection_selects_the_subnet_and_comes_back),
		FACT(the_server_identifier_is_the_relays),
		FACT(a_renewal_without_option_82_leaves_the_lease_at_its_port),
		FACT(a_reservation_of_a_relay_port_is_served),
		FACT(rapid_commit_acknowledges_when_it_is_durable),
		FACT(rapid_commit_takes_another_address_after_a_conflict),
		FACT(force_renew_is_signed_with_the_nonce_of_the_ack),
		FACT(a_host_name_is_cleaned_and_told),
		FACT(a_renewal_without_a_name_keeps_it),
		FACT(a_client_that_renames_itself_loses_the_old_name),
		FACT(the_next_holder_does_not_inherit_names),
		FACT(a_reservation_names_its_client),
		FACT(without_updates_option_81_says_so),
		FACT(with_updates_option_81_has_the_whole_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
