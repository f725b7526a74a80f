/* The asker against servers in the same loop, on this machine's loopback. */
#include "service/nat/io_names.h"

#include "config/config.h"
#include "config/report.h"
#include "os/fd.h"
#include "os/udp.h"
#include "proto/dns/build.h"
#include "proto/dns/code.h"
#include "proto/dns/message.h"
#include "proto/dns/type.h"
#include "service/nat/conf.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
/* cmocka wants the four above it. */
#include <cmocka.h>

enum { TURNS_MAX = 200, TURN_MS = 50 };

enum manner { ANSWERS, FAILS, LIES_FIRST };

struct server {
	enum manner manner;
	int fd;
	struct ip_endpoint at;
	struct loop_watch watch;
	unsigned asked;
};

struct world {
	struct loop loop;
	struct server servers[2];
	struct nat_names names;
	struct nat_asker asker;
	unsigned changes;
};

static const struct config_section section = {"nat", &nat_conf_map};
static const struct config_sections sections = {&section, 1};

static void say(const struct server *s, const struct sockaddr_in *to, const struct dns_query *q,
		uint16_t id)
{
	static const uint8_t address[] = {192, 168, 1, 5};
	uint8_t room[512];
	struct dns_build b;
	dns_build_init(&b, room, sizeof(room), id, DNS_FLAG_QR | DNS_FLAG_RD | DNS_FLAG_RA);
	dns_build_question_echo(&b, q->question.wire);
	if (s->manner == FAILS) {
		dns_build_set_rcode(&b, DNS_RCODE_SERVFAIL);
	} else if (q->question.type == DNS_TYPE_A) {
		struct dns_build_rrset set =
			dns_build_rrset_begin(&b, DNS_ANSWER, dns_name_span(&q->question.name),
					      DNS_TYPE_A, DNS_CLASS_IN, 60);
		dns_build_rrset_add(&b, &set, span_of(address, sizeof(address)));
		assert_true(dns_build_rrset_end(&b, &set));
	}
	struct span wire = dns_build_finish(&b);
	assert_int_equal(
		sendto(s->fd, wire.data, wire.len, 0, (const struct sockaddr *)to, sizeof(*to)),
		wire.len);
}

static void asked(void *arg, uint32_t events)
{
	struct server *s = arg;
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	uint8_t room[512];
	struct dns_query q;
	(void)events;
	ssize_t n = recvfrom(s->fd, room, sizeof(room), 0, (struct sockaddr *)&from, &from_len);
	assert_true(n > 0);
	assert_int_equal(dns_query_read(span_of(room, (size_t)n), &q), DNS_QUERY_ANSWER);
	s->asked++;
	if (s->manner == LIES_FIRST)
		say(s, &from, &q, (uint16_t)(q.header.id + 1));
	say(s, &from, &q, q.header.id);
}

static void changed(void *arg)
{
	((struct world *)arg)->changes++;
}

static void collect(struct world *w, const char *to)
{
	char text[256];
	struct config *config = NULL;
	struct config_report report = {0};
	(void)snprintf(text, sizeof(text),
		       "nat:\n  outside: w\n  inside: l\n  forward: {from: 1/tcp, to: %s}\n", to);
	struct config_input in = {.text = span_text(text), .file_name = "test.yaml"};
	assert_int_equal(config_parse(&sections, &in, &config, &report), OK);
	config_report_done(&report);
	assert_int_equal(nat_names_collect(config_section(config, "nat"), &w->names), OK);
	config_free(config);
}

static void begin(struct world *w, enum manner first, enum manner second)
{
	const enum manner manners[] = {first, second};
	struct ip_endpoint list[2];
	memset(w, 0, sizeof(*w));
	assert_int_equal(loop_init(&w->loop), OK);
	for (size_t i = 0; i < 2; i++) {
		struct server *s = &w->servers[i];
		struct sockaddr_in at = {.sin_family = AF_INET,
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		socklen_t len = sizeof(at);
		s->manner = manners[i];
		s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		assert_int_equal(bind(s->fd, (const struct sockaddr *)&at, sizeof(at)), 0);
		assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &len), 0);
		s->at = (struct ip_endpoint){.address = ip_address_v4(127, 0, 0, 1),
					     .port = ntohs(at.sin_port)};
		assert_int_equal(loop_add(&w->loop, &s->watch, s->fd, LOOP_READ, asked, s), OK);
		list[i] = s->at;
	}
	collect(w, "nas.lan");
	nat_asker_init(&w->asker, &w->loop, &w->names, changed, w);
	nat_asker_turn(&w->asker, &(struct config_list){.items = list, .n = 2});
}

static void turn_until(struct world *w, unsigned changes, uint64_t answered)
{
	for (int i = 0; i < TURNS_MAX && (w->changes < changes || w->asker.answered < answered);
	     i++)
		assert_int_equal(loop_turn(&w->loop, TURN_MS), OK);
	assert_int_equal(w->asker.answered, answered);
}

static void end(struct world *w)
{
	nat_asker_done(&w->asker);
	for (size_t i = 0; i < 2; i++) {
		loop_remove(&w->loop, &w->servers[i].watch);
		fd_done(&w->servers[i].fd);
	}
	nat_names_done(&w->names);
	loop_done(&w->loop);
}

static void assert_known(const struct world *w)
{
	struct ip_address expected = ip_address_v4(192, 168, 1, 5);
	assert_int_equal(w->names.items[0].family[NAT_NAME_V4].n, 1);
	assert_true(
		ip_address_equal(&w->names.items[0].family[NAT_NAME_V4].addresses[0], &expected));
	assert_true(w->names.items[0].family[NAT_NAME_V6].answered);
	assert_int_equal(w->names.items[0].family[NAT_NAME_V6].n, 0);
}

static void asks_both_families_and_tells_what_is_new(void **state)
{
	struct world w;
	(void)state;
	begin(&w, ANSWERS, ANSWERS);
	turn_until(&w, 2, 2);
	assert_known(&w);
	assert_int_equal(w.servers[0].asked, 2);
	assert_int_equal(w.servers[1].asked, 0);
	end(&w);
}

static void a_server_that_fails_is_passed_over(void **state)
{
	struct world w;
	(void)state;
	begin(&w, FAILS, ANSWERS);
	turn_until(&w, 2, 2);
	assert_known(&w);
	assert_int_equal(w.servers[0].asked, 2);
	assert_int_equal(w.servers[1].asked, 2);
	end(&w);
}

static void all_that_fail_are_asked_again_later(void **state)
{
	struct world w;
	(void)state;
	begin(&w, FAILS, FAILS);
	for (int i = 0; i < TURNS_MAX && w.asker.silent < 2; i++)
		assert_int_equal(loop_turn(&w.loop, TURN_MS), OK);
	assert_int_equal(w.asker.silent, 2);
	assert_int_equal(w.changes, 0);
	assert_int_equal(w.servers[0].asked, 4); /* twice for each family */
	assert_true(nat_names_next_ms(&w.names) != UINT64_MAX);
	end(&w);
}

/* RFC 5452 9.1: the identifier has to match. */
static void an_answer_to_another_question_is_not_believed(void **state)
{
	struct world w;
	(void)state;
	begin(&w, LIES_FIRST, FAILS);
	turn_until(&w, 2, 2);
	assert_known(&w);
	assert_int_equal(w.servers[1].asked, 0);
	end(&w);
}

static void a_name_that_a_reload_drops_is_forgotten(void **state)
{
	struct world w;
	(void)state;
	begin(&w, ANSWERS, ANSWERS);
	collect(&w, "10.0.0.1"); /* while it is being asked for */
	for (int i = 0; i < 10; i++)
		assert_int_equal(loop_turn(&w.loop, TURN_MS), OK);
	assert_int_equal(w.changes, 0);
	assert_int_equal(w.names.n, 0);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_both_families_and_tells_what_is_new),
		cmocka_unit_test(a_server_that_fails_is_passed_over),
		cmocka_unit_test(all_that_fail_are_asked_again_later),
		cmocka_unit_test(an_answer_to_another_question_is_not_believed),
		cmocka_unit_test(a_name_that_a_reload_drops_is_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
