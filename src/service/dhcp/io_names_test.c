/* The names' engine on its sockets: a name server on loopback, played by the test, and a clock that
 * leaps. */
#include "service/dhcp/io_names.h"

#include "base/writer.h"
#include "config/config.h"
#include "config/report.h"
#include "os/fd.h"
#include "os/tcp.h"
#include "proto/dns/code.h"
#include "service/dhcp/conf.h"
#include "service/dhcp/io_dhcp.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

static const struct config_section section = {"dhcp", &dhcp_conf_map};
static const struct config_sections sections = {&section, 1};

enum { LEASES = 2, HELD_MAX = 64, SERVED_NOTHING = 255 };
#define FIRST 0xc0a80764u /* 192.168.7.100 */

struct bench {
	struct dhcp_service d;
	struct config *config;
	uint64_t now_ms;
	int udp, tcp;	      /* the name server's */
	uint8_t rcode, flags; /* of its answers; SERVED_NOTHING: it is silent */
	unsigned served, served_tcp;
	char events[HELD_MAX][200]; /* name, and what it says */
	unsigned events_n;
	uint8_t names[LEASES]; /* of the rows that the engine wrote last */
	uint64_t tokens[HELD_MAX], version;
	unsigned tokens_n; /* of writes that are not answered */
};

static struct bench *b;

/* --- in place of main.c and the control socket --- */

uint64_t dhcp_now_ms(const struct dhcp_service *d)
{
	(void)d;
	return b->now_ms;
}

const void *service_life_conf(const struct service_life *life)
{
	(void)life;
	return config_section(b->config, "dhcp");
}

bool control_events_read(const struct control *c)
{
	assert_ptr_equal(c, b);
	return true;
}

void control_event(struct control *c, const char *name, json_t *fields)
{
	assert_ptr_equal(c, b);
	char *text = json_dumps(fields, JSON_COMPACT | JSON_SORT_KEYS);
	assert_true(b->events_n < HELD_MAX);
	(void)snprintf(b->events[b->events_n++], sizeof(b->events[0]), "%s %s", name, text);
	free(text);
	json_decref(fields);
}

/* --- the engine's other effects --- */

static enum err on_store(void *arg, const struct dhcp_store *s)
{
	struct dhcp_lease l;
	(void)arg;
	assert_int_equal(dhcp_lease_read(s->key, s->value, &l), OK);
	assert_in_range(l.address, FIRST, FIRST + LEASES - 1);
	b->names[l.address - FIRST] = l.names;
	assert_true(b->tokens_n < HELD_MAX);
	b->tokens[b->tokens_n++] = s->token;
	return OK;
}

static void on_event(void *arg, const struct dhcp_event *e)
{
	(void)arg, (void)e;
}

/* --- the name server --- */

/* The message itself, as an answer. */
static void answer(uint8_t *message, size_t len)
{
	assert_true(len >= 12);
	assert_int_equal(message[2] >> 3 & 15, DNS_OPCODE_UPDATE);
	message[2] = (uint8_t)(message[2] | 0x80 | b->flags);
	message[3] = (uint8_t)((message[3] & 0xf0) | b->rcode);
}

static void serve_udp(void)
{
	uint8_t buf[4096];
	struct sockaddr_storage from;
	socklen_t from_len = sizeof(from);
	ssize_t n = recvfrom(b->udp, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from,
			     &from_len);
	if (n <= 0)
		return;
	b->served++;
	if (b->rcode == SERVED_NOTHING)
		return;
	answer(buf, (size_t)n);
	assert_int_equal(sendto(b->udp, buf, (size_t)n, 0, (struct sockaddr *)&from, from_len), n);
}

static void serve_tcp(void)
{
	uint8_t buf[4096];
	size_t len = 0, part = 0;
	int fd = accept(b->tcp, NULL, NULL);
	if (fd < 0)
		return;
	do { /* two octets of length, then as many */
		assert_int_equal(loop_turn(&b->d.life.loop, 5), OK);
		assert_int_equal(tcp_read(fd, buf + len, sizeof(buf) - len, &part), OK);
		len += part;
	} while (len < 2 || len < 2 + ((size_t)buf[0] << 8 | buf[1]));
	b->served_tcp++;
	b->flags = 0;
	answer(buf + 2, len - 2);
	assert_int_equal(tcp_write(fd, span_of(buf, 1), &part), OK); /* it comes in pieces */
	assert_int_equal(loop_turn(&b->d.life.loop, 5), OK);
	assert_int_equal(tcp_write(fd, span_of(buf + 1, len - 1), &part), OK);
	assert_int_equal(loop_turn(&b->d.life.loop, 20), OK);
	fd_done(&fd);
}

/* Until nothing is due at this moment. */
static void settle(void)
{
	for (int quiet = 0; quiet < 3;) {
		unsigned before = b->served + b->served_tcp;
		dhcp_names_turn(&b->d);
		serve_udp();
		serve_tcp();
		assert_int_equal(loop_turn(&b->d.life.loop, 1), OK);
		while (b->tokens_n)
			dhcp_engine_stored(b->d.engine, b->now_ms, b->tokens[--b->tokens_n],
					   DHCP_STORED, ++b->version, (struct span){0});
		quiet = before == b->served + b->served_tcp ? quiet + 1 : 0;
	}
}

/* --- the bench --- */

static struct config *configure(const char *names)
{
	char text[512];
	struct config_report report = {0};
	struct config *c = NULL;
	(void)snprintf(text, sizeof(text),
		       "dhcp:\n  networks:\n    - subnet: 192.168.7.0/24\n"
		       "      pools: {range: 192.168.7.100-192.168.7.199}\n%s",
		       names);
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};
	enum err e = config_parse(&sections, &in, &c, &report);
	if (report.n)
		fail_msg("%s", report.errors[0].message);
	assert_int_equal(e, OK);
	config_report_done(&report);
	return c;
}

static void server_open(char *ret_names, size_t size)
{
	struct ip_endpoint at = {.address = ip_address_v4(127, 0, 0, 1)};
	assert_int_equal(tcp_listen(&at, 0, 4, &b->tcp), OK);
	assert_int_equal(socket_local(b->tcp, &at), OK);
	assert_int_equal(udp_open(&at, 0, &b->udp), OK);
	(void)snprintf(ret_names, size, "  names: {domain: home.test, server: \"127.0.0.1:%u\"}\n",
		       at.port);
}

/* A row of the store from before: a lease whose name the DNS was not told of. */
static void learn_until(uint32_t address, const char *name, uint32_t expires_s)
{
	uint8_t key[DHCP_LEASE_KEY_LEN], value[DHCP_LEASE_STORED_MAX], mac[6] = {2};
	mac[5] = (uint8_t)address;
	struct writer w = writer_of(value, sizeof(value));
	const struct dhcp_lease l = {.address = address,
				     .granted_s = (uint32_t)(b->now_ms / 1000),
				     .expires_s = expires_s,
				     .state = DHCP_LEASE_BOUND,
				     .htype = 1,
				     .mac_len = 6,
				     .mac = mac,
				     .name = span_text(name)};
	dhcp_lease_key(address, key);
	dhcp_lease_write(&l, &w);
	assert_int_equal(dhcp_engine_learn(b->d.engine, b->now_ms, span_of(key, sizeof(key)),
					   writer_span(&w), ++b->version),
			 OK);
}

static void learn(uint32_t address, const char *name)
{
	learn_until(address, name, UINT32_MAX);
}

static int bench_open(void **state)
{
	char names[128];
	(void)state;
	b = calloc(1, sizeof(*b));
	b->now_ms = 1800000000000;
	server_open(names, sizeof(names));
	b->config = configure(names);
	struct dhcp_service *d = &b->d;
	d->life.control = (struct control *)(void *)b;
	dhcp_names_init(&d->names);
	dhcp_names_open(d);
	const struct dhcp_limits limits = {.leases = 100, .waiting = 16};
	const struct dhcp_effects effects = {
		.arg = d, .store = on_store, .name = dhcp_names_tell, .event = on_event};
	assert_int_equal(loop_init(&d->life.loop), OK);
	assert_int_equal(dhcp_site_new(dhcp_conf_of(d), &d->site), OK);
	assert_int_equal(
		dhcp_engine_new(d->site, &limits, &effects, (struct hash_key){1, 2}, &d->engine),
		OK);
	learn(FIRST, "laptop");
	learn(FIRST + 1, "phone");
	assert_int_equal(dhcp_names_set(d, dhcp_conf_of(d)), OK);
	return 0;
}

static int bench_close(void **state)
{
	struct dhcp_service *d = &b->d;
	(void)state;
	dhcp_names_done(d);
	dhcp_engine_free(d->engine);
	dhcp_site_unref(d->site);
	loop_done(&d->life.loop);
	config_free(b->config);
	fd_done(&b->udp);
	fd_done(&b->tcp);
	free(b);
	return 0;
}

static unsigned told(const char *event)
{
	unsigned n = 0;
	for (unsigned i = 0; i < b->events_n; i++)
		n += strcmp(b->events[i], event) == 0;
	return n;
}

#define LAPTOP "{\"address\":\"192.168.7.100\",\"name\":\"laptop.home.test.\"}"
#define PHONE  "{\"address\":\"192.168.7.101\",\"name\":\"phone.home.test.\"}"

/* --- facts --- */

static void leases_without_names_get_them_after_a_start(void **state)
{
	(void)state;
	assert_int_equal(dhcp_names_next_ms(&b->d), b->now_ms);
	settle();
	assert_int_equal(b->served, 2);
	assert_int_equal(told("name-added " LAPTOP), 1);
	assert_int_equal(told("name-added " PHONE), 1);
	assert_int_equal(b->names[0], DHCP_NAME_FORWARD); /* there is no reverse zone */
	assert_int_equal(b->names[1], DHCP_NAME_FORWARD);
	dhcp_names_walk(&b->d); /* and are not told of again */
	settle();
	assert_int_equal(b->served, 2);
	assert_int_equal(dhcp_names_next_ms(&b->d), UINT64_MAX);
}

static void a_lease_that_ends_takes_its_name_along(void **state)
{
	(void)state;
	settle();
	assert_int_equal(dhcp_engine_release(b->d.engine, b->now_ms, FIRST), OK);
	settle();
	assert_int_equal(told("name-removed " LAPTOP), 1);
	assert_int_equal(told("name-removed " PHONE), 0);
}

static void so_does_one_that_runs_out(void **state)
{
	(void)state;
	learn_until(FIRST + 1, "phone", (uint32_t)(b->now_ms / 1000) + 3600);
	dhcp_names_walk(&b->d);
	settle();
	b->now_ms += 3599000;
	dhcp_engine_turn(b->d.engine, b->now_ms);
	settle();
	assert_int_equal(told("name-removed " PHONE), 0);
	b->now_ms += 5000;
	dhcp_engine_turn(b->d.engine, b->now_ms);
	settle();
	assert_int_equal(told("name-removed " PHONE), 1);
	assert_int_equal(told("name-removed " LAPTOP), 0);
}

static void an_answer_that_was_cut_comes_over_tcp(void **state)
{
	(void)state;
	b->flags = 2; /* TC, until it was asked by TCP */
	settle();
	b->now_ms += 5000; /* one goes at a time: the other may have to come again */
	settle();
	assert_int_equal(b->served_tcp, 2);
	assert_int_equal(told("name-added " LAPTOP), 1);
	assert_int_equal(told("name-added " PHONE), 1);
	assert_int_equal(b->d.names.link.tcp.fd, -1);
}

static void refuses_to_believe_what_is_no_answer(void **state)
{
	(void)state;
	static uint8_t junk[5000] = {1, 2, 3};
	b->rcode = SERVED_NOTHING;
	settle();
	assert_int_equal(b->served, 2);
	struct sockaddr_in to;
	socklen_t to_len = sizeof(to);
	assert_int_equal(getsockname(b->d.names.link.fd, (struct sockaddr *)&to, &to_len), 0);
	for (size_t len = 0; len <= sizeof(junk); len += 250)
		assert_int_equal(sendto(b->udp, junk, len, 0, (struct sockaddr *)&to, to_len), len);
	settle();
	assert_int_equal(b->events_n, 0);
	assert_int_equal(b->names[0], 0);
}

/* Some three hours of one refusal after the other, and then an end of it, of which an event tells;
 * the next renewal begins anew. */
static void a_name_that_no_server_takes_is_given_up_and_tried_again_when_renewed(void **state)
{
	(void)state;
	unsigned failed = 0;
	uint64_t begun_ms = b->now_ms;
	b->rcode = DNS_RCODE_REFUSED;
	for (unsigned i = 0; i < 200 && dhcp_names_next_ms(&b->d) != UINT64_MAX; i++) {
		b->now_ms = dhcp_names_next_ms(&b->d);
		settle();
		if (told("name-given-up " LAPTOP))
			break;
		failed += told("name-failed {\"address\":\"192.168.7.100\",\"cause\":\"REFUSED\","
			       "\"name\":\"laptop.home.test.\"}");
		b->events_n = 0;
	}
	assert_int_equal(told("name-given-up " LAPTOP), 1);
	assert_in_range(failed, 10, 60);
	assert_in_range(b->now_ms - begun_ms, 3600000, 6 * 3600000);
	settle();
	while (dhcp_names_next_ms(&b->d) != UINT64_MAX) { /* the phone's, a moment later */
		b->now_ms = dhcp_names_next_ms(&b->d);
		settle();
	}
	unsigned served = b->served;
	struct names_counts c;
	names_count(b->d.names.engine, &c);
	assert_int_equal(c.given_up, 2);
	b->now_ms += 24 * 3600000;
	settle();
	assert_int_equal(b->served, served);
	b->rcode = 0;
	struct dhcp_lease l;
	assert_true(dhcp_engine_lease(b->d.engine, FIRST, &l));
	dhcp_names_tell(&b->d, DHCP_NAME_GRANTED, &l, NULL);
	settle();
	assert_int_equal(told("name-added " LAPTOP), 1);
}

static void a_reload_without_names_lets_go_of_the_server(void **state)
{
	(void)state;
	settle();
	assert_true(b->d.names.link.fd >= 0);
	struct config *without = configure("");
	const struct dhcp_conf *conf = config_section(without, "dhcp");
	assert_int_equal(dhcp_names_set(&b->d, conf), OK);
	config_free(b->config);
	b->config = without;
	assert_int_equal(b->d.names.link.fd, -1);
	assert_null(b->d.names.engine);
	assert_int_equal(dhcp_names_next_ms(&b->d), UINT64_MAX);
	struct dhcp_lease l;
	assert_true(dhcp_engine_lease(b->d.engine, FIRST, &l));
	dhcp_names_tell(&b->d, DHCP_NAME_GRANTED, &l, NULL);
	settle();
	assert_int_equal(b->served, 2);
}

#define FACT(f) cmocka_unit_test_setup_teardown(f, bench_open, bench_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FACT(refuses_to_believe_what_is_no_answer),
		FACT(leases_without_names_get_them_after_a_start),
		FACT(a_lease_that_ends_takes_its_name_along),
		FACT(so_does_one_that_runs_out),
		FACT(an_answer_that_was_cut_comes_over_tcp),
		FACT(a_name_that_no_server_takes_is_given_up_and_tried_again_when_renewed),
		FACT(a_reload_without_names_lets_go_of_the_server),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
