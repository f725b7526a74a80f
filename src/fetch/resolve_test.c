#include "fetch/resolve.h"

#include "os/fd.h"
#include "os/udp.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct resolver {
	struct loop loop;
	struct loop_watch watch;
	struct ip_endpoint at;
	int fd;
	bool asked, told;
	size_t found_n;
};

static void question(void *arg, uint32_t events)
{
	struct resolver *s = arg;
	(void)events;
	s->asked = true;
	loop_stop(&s->loop);
}

static void told(void *arg, const struct ip_address *found, size_t n)
{
	struct resolver *s = arg;
	(void)found;
	s->told = true;
	s->found_n = n;
	loop_stop(&s->loop);
}

static void resolver_open(struct resolver *s)
{
	struct udp_socket socket;
	*s = (struct resolver){.fd = -1, .at.address = {.family = 4, .bytes = {127, 0, 0, 1}}};
	assert_int_equal(loop_init(&s->loop), OK);
	assert_int_equal(udp_open(&s->at, 0, &s->fd), OK);
	assert_int_equal(udp_prepare(s->fd, 0, &socket), OK);
	s->at = socket.local;
	assert_int_equal(loop_add(&s->loop, &s->watch, s->fd, LOOP_READ, question, s), OK);
}

static void resolver_close(struct resolver *s)
{
	loop_remove(&s->loop, &s->watch);
	fd_done(&s->fd);
	loop_done(&s->loop);
}

static void a_reload_may_end_the_configuration_while_it_asks(void **state)
{
	(void)state;
	struct resolver s;
	struct fetch_resolve r;
	resolver_open(&s);
	struct fetch_resolvers resolvers = {.items = &s.at, .n = 1};
	fetch_resolve_init(&r, &s.loop, told, &s);
	assert_int_equal(fetch_resolve(&r, resolvers, "ocsp.example"), OK);
	resolvers = (struct fetch_resolvers){0};
	assert_int_equal(loop_run(&s.loop), OK);
	assert_true(s.asked);
	assert_false(s.told);
	fetch_resolve_stop(&r);
	resolver_close(&s);
}

static void an_address_is_told_and_nobody_asked(void **state)
{
	(void)state;
	struct resolver s;
	struct fetch_resolve r;
	resolver_open(&s);
	const struct fetch_resolvers resolvers = {.items = &s.at, .n = 1};
	fetch_resolve_init(&r, &s.loop, told, &s);
	assert_int_equal(fetch_resolve(&r, resolvers, "2001:db8::1"), OK);
	assert_int_equal(loop_run(&s.loop), OK);
	assert_true(s.told);
	assert_int_equal(s.found_n, 1);
	assert_false(s.asked);
	assert_int_equal(fetch_resolve(&r, resolvers, "no name at all.."), ERR_FORMAT);
	resolver_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reload_may_end_the_configuration_while_it_asks),
		cmocka_unit_test(an_address_is_told_and_nobody_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
