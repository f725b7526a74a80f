/* Names of peers against a name server on loopback, played by the test, which agrees to everything:
 * what is told, and that nothing is told twice. */
#include "service/vpn/io_names.h"

#include "os/fd.h"
#include "os/tcp.h"
#include "os/udp.h"
#include "proto/dns/message.h"
#include "service/vpn/io_added.h"
#include "service/vpn/io_vpn.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

enum { PEERS = 4, TEXTS = 64 };

struct bench {
	struct vpn v;
	struct vpn_interface f;
	struct vpn_conf conf;
	struct vpn_interface_conf interface;
	const char *addresses[1];
	struct vpn_peer peers[PEERS];
	struct vpn_allowed allowed[PEERS][3];
	size_t peers_n;
	struct added_entry rows[1];
	size_t rows_n;
	int server;
	bool silent;
	uint64_t now_ms;
	/* Of each update since settle began: the label that it is about. */
	char about[TEXTS][64];
	size_t updates;
	char named[TEXTS][64]; /* what was told to the rows: address and NAMES_* */
	size_t named_n;
};

static struct bench *b;

/* --- in place of others --- */

const void *service_life_conf(const struct service_life *life)
{
	(void)life;
	return &b->conf;
}

uint64_t vpn_now_ms(void)
{
	return b->now_ms;
}

struct vpn_peer *vpn_engine_next_peer(const struct vpn_engine *e, const struct vpn_peer *after)
{
	size_t at = after ? (size_t)(after - b->peers) + 1 : 0;
	(void)e;
	return at < b->peers_n ? &b->peers[at] : NULL;
}

const struct added_entry *vpn_added_next(const struct vpn_added *n, size_t *at)
{
	(void)n;
	return *at < b->rows_n ? &b->rows[(*at)++] : NULL;
}

void vpn_added_named(struct vpn_added *n, const struct ip_address *address, uint8_t names)
{
	char text[IP_ADDRESS_TEXT_MAX];
	(void)n;
	ip_address_format(address, text);
	assert_true(b->named_n < TEXTS);
	(void)snprintf(b->named[b->named_n++], sizeof(b->named[0]), "%s %u", text, names);
}

void control_event(struct control *c, const char *name, json_t *fields)
{
	(void)c, (void)name;
	json_decref(fields);
}

/* --- the bench --- */

static struct dns_name name_of(const char *text)
{
	struct dns_name n;
	assert_int_equal(dns_name_from_text(span_text(text), NULL, &n), OK);
	return n;
}

static int begin(void **state)
{
	static struct bench bench;
	static struct dns_name reverse;
	const struct ip_endpoint any = {.address = ip_address_v4(127, 0, 0, 1)};

	*state = b = &bench;
	bench = (struct bench){.now_ms = 1000, .addresses = {"10.9.0.1/24"}};
	reverse = name_of("9.10.in-addr.arpa.");
	assert_int_equal(udp_open(&any, 0, &b->server), OK);
	assert_int_equal(socket_local(b->server, &b->conf.names.server), OK);
	b->interface.name = "wg0";
	b->interface.domain = name_of("vpn.test.");
	b->interface.addresses = (struct config_list){.items = b->addresses, .n = 1};
	b->conf.interfaces = (struct config_list){.items = &b->interface, .n = 1};
	b->conf.has_names = true;
	b->conf.names.ttl_ms = 60000;
	b->conf.names.reverse = (struct config_list){.items = &reverse, .n = 1};
	b->conf.limits.peers = 16;
	b->v.interfaces = &b->f;
	b->v.interfaces_n = 1;
	(void)snprintf(b->f.name, sizeof(b->f.name), "wg0");
	assert_int_equal(loop_init(&b->v.life.loop), OK);
	assert_int_equal(vpn_names_new(&b->v, &b->v.names), OK);
	vpn_names_set(&b->v);
	return 0;
}

static int end(void **state)
{
	(void)state;
	vpn_names_free(b->v.names);
	loop_done(&b->v.life.loop);
	fd_done(&b->server);
	return 0;
}

static void peer(const char *name, const char *one, const char *two)
{
	struct vpn_peer *p = &b->peers[b->peers_n];
	struct vpn_allowed *a = b->allowed[b->peers_n];

	*p = (struct vpn_peer){.allowed = &a[0], .public_key = {(uint8_t)(7 + b->peers_n)}};
	(void)snprintf(p->name, sizeof(p->name), "%s", name);
	a[0] = (struct vpn_allowed){.next = two ? &a[1] : NULL};
	a[1] = (struct vpn_allowed){.next = NULL};
	assert_int_equal(ip_prefix_parse(span_text(one), &a[0].prefix), OK);
	if (two)
		assert_int_equal(ip_prefix_parse(span_text(two), &a[1].prefix), OK);
	b->peers_n++;
}

/* Which of the names here the message is about: the first of them that stands in it. */
static void note(const uint8_t *message, size_t len)
{
	struct dns_message m;
	static const char *const labels[] = {"phone", "laptop", "signin", "2", "3", "1"};

	assert_int_equal(dns_message_read(span_of(message, len), &m), OK);
	assert_true(b->updates < TEXTS);
	char *about = b->about[b->updates++];
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		size_t n = strlen(labels[i]);
		for (size_t at = 12; at + n < len; at++)
			if (message[at] == n && memcmp(message + at + 1, labels[i], n) == 0) {
				(void)snprintf(about, sizeof(b->about[0]), "%s", labels[i]);
				return;
			}
	}
	(void)snprintf(about, sizeof(b->about[0]), "?");
}

static void serve(void)
{
	uint8_t buf[4096];
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	ssize_t n;

	while ((n = recvfrom(b->server, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from,
			     &from_len)) > 0) {
		note(buf, (size_t)n);
		buf[2] |= 0x80; /* the message itself, as an answer: NOERROR */
		if (!b->silent)
			assert_int_equal(sendto(b->server, buf, (size_t)n, 0,
						(struct sockaddr *)&from, from_len),
					 n);
		from_len = sizeof(from);
	}
}

static size_t settle(void)
{
	b->updates = 0;
	for (unsigned i = 0; i < 20; i++) {
		vpn_names_turn(&b->v);
		serve();
		assert_int_equal(loop_turn(&b->v.life.loop, 1), OK);
	}
	return b->updates;
}

static size_t follow(void)
{
	vpn_names_follow(&b->v);
	return settle();
}

static bool was_named(const char *text)
{
	for (size_t i = 0; i < b->named_n; i++)
		if (strcmp(b->named[i], text) == 0)
			return true;
	return false;
}

static int64_t counted(const char *what)
{
	json_t *o = vpn_names_json(&b->v);
	int64_t n = json_integer_value(json_object_get(o, what));
	json_decref(o);
	return n;
}

/* --- facts --- */

static void each_host_address_is_told_once(void **state)
{
	(void)state;
	peer("phone", "10.9.0.2/32", "fd00:9::2/128");
	/* A, PTR; AAAA, whose reverse has no zone. */
	assert_int_equal(follow(), 3);
	assert_string_equal(b->about[0], "phone");
	assert_int_equal(counted("added"), 2);
	assert_true(was_named("10.9.0.2 3"));
	assert_true(was_named("fd00:9::2 1"));
	assert_int_equal(follow(), 0);
}

static void networks_and_nameless_peers_have_no_names(void **state)
{
	(void)state;
	peer("laptop", "10.9.0.0/25", NULL);
	peer("", "10.9.0.3/32", NULL);
	assert_int_equal(follow(), 0);
}

static void what_is_gone_is_taken_back(void **state)
{
	(void)state;
	peer("phone", "10.9.0.2/32", NULL);
	assert_int_equal(follow(), 2);
	b->peers_n = 0;
	/* The address, the DHCID, the PTR. */
	assert_int_equal(follow(), 3);
	assert_int_equal(counted("removed"), 1);
	assert_true(was_named("10.9.0.2 0"));
	assert_int_equal(follow(), 0);
}

static void another_peer_at_the_address_takes_the_names_over(void **state)
{
	(void)state;
	peer("phone", "10.9.0.2/32", NULL);
	assert_int_equal(follow(), 2);
	b->peers_n = 0;
	peer("laptop", "10.9.0.2/32", NULL);
	assert_true(follow() > 2);
	assert_int_equal(counted("removed"), 1);
	assert_int_equal(counted("added"), 2);
	assert_int_equal(follow(), 0);
}

/* As after a restart in between. */
static void a_row_that_has_ended_is_taken_back(void **state)
{
	(void)state;
	struct added *a = &b->rows[b->rows_n++].a;

	*a = (struct added){.name = "phone",
			    .device = "wg0",
			    .ended = true,
			    .addresses = {ip_address_v4(10, 9, 0, 2)},
			    .names = {3},
			    .addresses_n = 1};
	assert_int_equal(follow(), 3);
	assert_true(was_named("10.9.0.2 0"));
}

static void the_page_has_the_interfaces_addresses(void **state)
{
	(void)state;
	b->conf.has_sign_in = true;
	b->conf.sign_in.name = name_of("signin.vpn.test.");
	assert_int_equal(follow(), 2);
	assert_string_equal(b->about[0], "signin");
	assert_true(was_named("10.9.0.1 3"));
}

static void a_silent_server_is_asked_again_later(void **state)
{
	(void)state;
	peer("phone", "10.9.0.2/32", NULL);
	b->silent = true;
	assert_int_equal(follow(), 1);
	assert_int_equal(settle(), 0);
	b->now_ms += 2000;
	(void)settle();
	b->silent = false;
	b->now_ms += 2000;
	assert_int_equal(settle(), 2);
	assert_int_equal(counted("added"), 1);
	assert_int_equal(counted("failed"), 1);
}

static void without_names_nothing_is_told_any_more(void **state)
{
	(void)state;
	peer("phone", "10.9.0.2/32", NULL);
	assert_int_equal(follow(), 2);
	b->conf.has_names = false;
	vpn_names_set(&b->v);
	assert_int_equal(settle(), 0);
	assert_null(vpn_names_json(&b->v));
	/* Where they are told from now on nothing is known of before. */
	b->conf.has_names = true;
	vpn_names_set(&b->v);
	assert_int_equal(settle(), 2);
	/* A reload that changes nothing tells nothing; another zone is another place. */
	vpn_names_set(&b->v);
	assert_int_equal(settle(), 0);
	b->conf.names.zone = name_of("test.");
	vpn_names_set(&b->v);
	assert_int_equal(settle(), 2);
	vpn_names_set(&b->v);
	assert_int_equal(settle(), 0);
}

#define FACT(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(each_host_address_is_told_once),
		FACT(networks_and_nameless_peers_have_no_names),
		FACT(what_is_gone_is_taken_back),
		FACT(another_peer_at_the_address_takes_the_names_over),
		FACT(a_row_that_has_ended_is_taken_back),
		FACT(the_page_has_the_interfaces_addresses),
		FACT(a_silent_server_is_asked_again_later),
		FACT(without_names_nothing_is_told_any_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
