/* A check by a datagram over the loopback, with the server played by the test. */
#include "service/reverse-proxy/io_check_udp.h"

#include "os/udp.h"
#include "service/reverse-proxy/conf_check.h"
#include "service/reverse-proxy/io_check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka wants those above it. */
#include <cmocka.h>

struct stage {
	struct loop loop;
	struct reverse_check_conf conf;
	struct reverse_check_run run;
	int server;
	struct ip_endpoint at;
	unsigned overs;
	bool good;
	const char *why;
};

static void is_over(void *arg, bool good, const char *why)
{
	struct stage *s = arg;
	s->overs++;
	s->good = good;
	s->why = why;
	assert_false(reverse_check_runs(&s->run)); /* it may begin again */
}

static int begin(void **state)
{
	static struct stage stage;
	struct stage *s = *state = &stage;
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(a);
	*s = (struct stage){.conf = {.udp = "0x70696e67", .answer = "pong"}, .why = "?"};
	if (loop_init(&s->loop))
		return -1;
	s->server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s->server < 0 || bind(s->server, (struct sockaddr *)&a, len) ||
	    getsockname(s->server, (struct sockaddr *)&a, &len))
		return -1;
	s->at = (struct ip_endpoint){.address = ip_address_v4(127, 0, 0, 1),
				     .port = ntohs(a.sin_port)};
	s->run = (struct reverse_check_run){.loop = &s->loop,
					    .over = is_over,
					    .arg = s,
					    .conf = &s->conf,
					    .connection.fd = -1,
					    .udp_fd = -1};
	return 0;
}

static int end(void **state)
{
	struct stage *s = *state;
	reverse_check_end(&s->run);
	reverse_check_end(&s->run); /* once more is nothing */
	if (s->server >= 0)
		(void)close(s->server);
	loop_done(&s->loop);
	return 0;
}

static void ask(struct stage *s)
{
	s->overs = 0;
	assert_int_equal(reverse_check_begin(&s->run, &s->at, &s->at), OK);
	assert_true(reverse_check_runs(&s->run));
	assert_int_equal(s->overs, 0); /* never from within */
}

/* Lets it work until it is over, or for about so many ms. */
static void turn(struct stage *s, unsigned ms)
{
	for (unsigned i = 0; i < ms / 5 && !s->overs; i++)
		assert_int_equal(loop_turn(&s->loop, 5), OK);
}

/* Answers what came, from fd. */
static void answer(struct stage *s, int fd, const char *text)
{
	char in[64];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n = recvfrom(s->server, in, sizeof(in), 0, (struct sockaddr *)&from, &len);
	assert_int_equal(n, 4);
	assert_memory_equal(in, "ping", 4);
	assert_int_equal(sendto(fd, text, strlen(text), 0, (const struct sockaddr *)&from, len),
			 strlen(text));
}

static void who_answers_what_is_wanted_is_well(void **state)
{
	struct stage *s = *state;
	for (unsigned i = 0; i < 2; i++) {
		ask(s);
		answer(s, s->server, "a pong");
		turn(s, 2000);
		assert_true(s->overs == 1 && s->good);
		assert_string_equal(s->why, "");
	}
}

static void another_answer_is_none(void **state)
{
	struct stage *s = *state;
	ask(s);
	answer(s, s->server, "pang");
	turn(s, 2000);
	assert_true(s->overs == 1 && !s->good);
	assert_string_equal(s->why, "not the answer that is expected");
}

/* Whoever is somebody else is not heard. */
static void a_stranger_answers_nothing(void **state)
{
	struct stage *s = *state;
	int other = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_true(other >= 0);
	ask(s);
	answer(s, other, "pong");
	turn(s, 100);
	assert_int_equal(s->overs, 0);
	assert_true(reverse_check_runs(&s->run));
	(void)close(other);
}

static void where_nobody_is_there_icmp_tells(void **state)
{
	struct stage *s = *state;
	(void)close(s->server);
	s->server = -1;
	s->conf.answer = NULL;
	ask(s);
	turn(s, 2000);
	assert_true(s->overs == 1 && !s->good);
	assert_string_equal(s->why, err_text((enum err)ECONNREFUSED));
}

static void silence_waits_for_the_clock_of_others(void **state)
{
	struct stage *s = *state;
	ask(s);
	turn(s, 100);
	assert_int_equal(s->overs, 0);
	reverse_check_end(&s->run);
	assert_false(reverse_check_runs(&s->run));
	turn(s, 20);
	assert_int_equal(s->overs, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		T(who_answers_what_is_wanted_is_well),
		T(another_answer_is_none),
		T(a_stranger_answers_nothing),
		T(where_nobody_is_there_icmp_tells),
		T(silence_waits_for_the_clock_of_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
