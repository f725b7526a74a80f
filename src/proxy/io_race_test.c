#include "proxy/io_race.h"

#include "os/fd.h"
#include "os/tcp.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

enum { TURNS = 2000 };

struct site {
	struct loop loop;
	int listeners[2];
	struct ip_endpoint at[2]; /* somebody listens */
	struct ip_endpoint dead;  /* nobody does */
	int told, fd;
	bool speaks;
	enum err error;
};

static void listen_at(int *ret_fd, struct ip_endpoint *ret)
{
	const struct ip_endpoint any = {.address = ip_address_v4(127, 0, 0, 1)};
	assert_int_equal(tcp_listen(&any, 0, 8, ret_fd), OK);
	assert_int_equal(socket_local(*ret_fd, ret), OK);
}

static void begin(struct site *s)
{
	int closed = -1;
	*s = (struct site){.fd = -1};
	assert_int_equal(loop_init(&s->loop), OK);
	for (size_t i = 0; i < 2; i++)
		listen_at(&s->listeners[i], &s->at[i]);
	listen_at(&closed, &s->dead);
	fd_done(&closed);
}

static void end(struct site *s)
{
	fd_done(&s->fd);
	for (size_t i = 0; i < 2; i++)
		fd_done(&s->listeners[i]);
	loop_done(&s->loop);
}

static void over(void *arg, enum err e, int fd)
{
	struct site *s = arg;
	s->told++;
	s->error = e;
	s->fd = fd;
}

static void run(struct site *s, const struct ip_endpoint *to, size_t n)
{
	const struct proxy_race_way way = {.to = to, .n = n, .speaks = s->speaks};
	struct proxy_race *r;
	assert_int_equal(proxy_race_new(&s->loop, &way, (struct proxy_race_call){over, s}, &r), OK);
	assert_int_equal(s->told, 0);
	for (int i = 0; i < TURNS && !s->told; i++)
		assert_int_equal(loop_turn(&s->loop, 20), OK);
	assert_int_equal(s->told, 1);
}

static void expect_peer(struct site *s, const struct ip_endpoint *at)
{
	struct ip_endpoint peer;
	assert_int_equal(s->error, OK);
	assert_int_equal(socket_peer(s->fd, &peer), OK);
	assert_true(ip_endpoint_equal(&peer, at));
}

static void the_first_wins_when_it_takes_it(void **state)
{
	struct site s;
	int accepted = -1;
	struct ip_endpoint peer;
	(void)state;
	begin(&s);
	run(&s, s.at, 2);
	expect_peer(&s, &s.at[0]);
	/* Nobody else was bothered. */
	assert_int_equal(tcp_accept(s.listeners[1], &accepted, &peer, NULL), EAGAIN);
	end(&s);
}

static void who_refuses_gives_way_at_once(void **state)
{
	struct site s;
	(void)state;
	begin(&s);
	const struct ip_endpoint to[] = {s.dead, s.dead, s.at[1]};
	run(&s, to, 3);
	expect_peer(&s, &s.at[1]);
	end(&s);
}

static void all_refused_is_told_once(void **state)
{
	struct site s;
	(void)state;
	begin(&s);
	const struct ip_endpoint to[] = {s.dead, s.dead};
	run(&s, to, 2);
	assert_int_equal(s.error, ECONNREFUSED);
	assert_int_equal(s.fd, -1);
	end(&s);
}

enum { HELD = 8 };

/* A listener whose queue is full answers nobody: the kernel drops what comes. */
static void listen_silently(int *ret_full, int *held, struct ip_endpoint *ret)
{
	const struct ip_endpoint any = {.address = ip_address_v4(127, 0, 0, 1)};
	assert_int_equal(tcp_listen(&any, 0, 0, ret_full), OK);
	assert_int_equal(socket_local(*ret_full, ret), OK);
	for (size_t i = 0; i < HELD; i++)
		assert_int_equal(tcp_connect(ret, NULL, &held[i]), OK);
}

static void end_silence(int *full, int *held)
{
	for (size_t i = 0; i < HELD; i++)
		fd_done(&held[i]);
	fd_done(full);
}

static void who_is_silent_is_overtaken(void **state)
{
	struct site s;
	int full = -1, held[HELD];
	struct ip_endpoint silent;
	(void)state;
	begin(&s);
	listen_silently(&full, held, &silent);
	const struct ip_endpoint to[] = {silent, s.at[0]};
	run(&s, to, 2);
	expect_peer(&s, &s.at[0]);
	end_silence(&full, held);
	end(&s);
}

static size_t descriptors(void)
{
	size_t n = 0;
	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void many_silent_ones_take_few_descriptors(void **state)
{
	struct site s;
	int full = -1, held[HELD];
	struct ip_endpoint silent;
	struct proxy_race *r;
	size_t most = 0;
	(void)state;
	begin(&s);
	listen_silently(&full, held, &silent);
	const struct ip_endpoint to[] = {silent, silent, silent, silent, silent, s.at[0]};
	const struct proxy_race_way way = {.to = to, .n = sizeof(to) / sizeof(to[0])};
	size_t before = descriptors();
	assert_int_equal(proxy_race_new(&s.loop, &way, (struct proxy_race_call){over, &s}, &r), OK);
	for (int i = 0; i < TURNS && !s.told; i++) {
		size_t now = descriptors();
		most = now > most ? now : most;
		assert_int_equal(loop_turn(&s.loop, 20), OK);
	}
	assert_int_equal(s.told, 1);
	expect_peer(&s, &s.at[0]);
	assert_int_equal(most - before, PROXY_RACE_AT_ONCE);
	end_silence(&full, held);
	end(&s);
}

static void one_that_is_freed_tells_nothing(void **state)
{
	struct site s;
	struct proxy_race *r;
	(void)state;
	begin(&s);
	const struct proxy_race_call call = {over, &s};
	const struct proxy_race_way way = {.to = s.at, .n = 2};
	assert_int_equal(proxy_race_new(&s.loop, &way, call, &r), OK);
	assert_int_equal(loop_turn(&s.loop, 0), OK);
	proxy_race_free(r);
	proxy_race_free(NULL);
	for (int i = 0; i < 3; i++)
		assert_int_equal(loop_turn(&s.loop, 5), OK);
	assert_int_equal(s.told, 0);
	end(&s);
}

/* Packets of the winner's once a byte of his has come through. */
static unsigned packets(bool speaks)
{
	struct site s;
	struct ip_endpoint peer;
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);
	int accepted = -1;
	size_t n = 0;
	char byte;
	begin(&s);
	s.speaks = speaks;
	const struct ip_endpoint to[] = {s.dead, s.at[0]};
	run(&s, to, 2);
	assert_int_equal(tcp_write(s.fd, span_text("x"), &n), OK);
	assert_int_equal(tcp_accept(s.listeners[0], &accepted, &peer, NULL), OK);
	struct pollfd ready = {.fd = accepted, .events = POLLIN};
	assert_int_equal(poll(&ready, 1, 10000), 1);
	assert_int_equal(tcp_read(accepted, &byte, 1, &n), OK);
	assert_int_equal(getsockopt(s.fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	fd_done(&accepted);
	end(&s);
	return info.tcpi_segs_out;
}

/* Unless we are kept from writing for so long that the kernel waits no more; not every time. */
static void who_speaks_first_saves_a_packet(void **state)
{
	unsigned least = UINT_MAX;
	(void)state;
	for (unsigned tries = 0; tries < 20 && least > 2; tries++) {
		unsigned n = packets(true);
		least = n < least ? n : least;
	}
	assert_int_equal(least, 2); /* SYN, and the byte */
	assert_true(packets(false) >= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_wins_when_it_takes_it),
		cmocka_unit_test(who_refuses_gives_way_at_once),
		cmocka_unit_test(all_refused_is_told_once),
		cmocka_unit_test(who_is_silent_is_overtaken),
		cmocka_unit_test(many_silent_ones_take_few_descriptors),
		cmocka_unit_test(one_that_is_freed_tells_nothing),
		cmocka_unit_test(who_speaks_first_saves_a_packet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
