#include "service/forward-proxy/origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

enum { MAX = 3 };

static struct origin *use(struct origins *o, const char *host, uint16_t port,
			  enum proxy_protocol protocol)
{
	const struct origin_key k = {span_text(host), port, protocol, 0};
	return origins_use(o, &k);
}

static struct origins begin(void)
{
	struct origins o;
	origins_init(&o, (struct hash_key){1, 2}, MAX, NULL);
	return o;
}

static void name_port_and_kind_lead_to_one_place(void **state)
{
	struct origins o = begin();
	(void)state;
	struct origin *a = use(&o, "a.example", 80, PROXY_HTTP1);
	assert_ptr_equal(use(&o, "a.example", 80, PROXY_HTTP1), a);
	assert_ptr_not_equal(use(&o, "a.example", 81, PROXY_HTTP1), a);
	assert_ptr_not_equal(use(&o, "a.example", 80, PROXY_RAW), a);
	assert_int_equal(a->users, 2);
	origins_done(&o);
}

static void by_whom_it_is_gone_to_makes_another_one(void **state)
{
	struct origins o = begin();
	(void)state;
	const struct origin_key direct = {span_text("a.example"), 80, PROXY_RAW, 0};
	const struct origin_key by = {span_text("a.example"), 80, PROXY_RAW, 7};
	struct origin *a = origins_use(&o, &direct), *b = origins_use(&o, &by);
	assert_ptr_not_equal(a, b);
	assert_ptr_equal(origins_use(&o, &direct), a);
	assert_ptr_equal(origins_use(&o, &by), b);
	origins_leave(&o, b);
	origins_leave(&o, b);
	assert_int_equal(o.n, 1);
	origins_done(&o);
}

static void without_a_connection_it_is_gone_with_its_last_user(void **state)
{
	struct origins o = begin();
	(void)state;
	struct origin *a = use(&o, "a.example", 80, PROXY_HTTP1);
	(void)use(&o, "a.example", 80, PROXY_HTTP1);
	origins_leave(&o, a);
	assert_int_equal(o.n, 1);
	origins_leave(&o, a);
	assert_int_equal(o.n, 0);
	origins_done(&o);
}

static void leads_to_as_many_addresses_as_it_holds(void **state)
{
	struct origins o = begin();
	struct ip_endpoint to[12];
	(void)state;
	struct origin *a = use(&o, "a.example", 80, PROXY_HTTP1);
	for (uint8_t i = 0; i < 12; i++)
		to[i] = (struct ip_endpoint){.address = ip_address_v4(192, 0, 2, i), .port = 80};
	origin_lead(a, to, 12);
	assert_int_equal(a->hop.others_n, ORIGIN_OTHERS_MAX);
	assert_true(ip_endpoint_equal(&a->hop.to, &to[0]));
	assert_true(
		ip_endpoint_equal(&a->hop.others[ORIGIN_OTHERS_MAX - 1], &to[ORIGIN_OTHERS_MAX]));
	origin_lead(a, to, 1);
	assert_int_equal(a->hop.others_n, 0);
	origins_done(&o);
}

/* With connections, as many as the core would count. */
static struct origin *kept(struct origins *o, const char *host)
{
	struct origin *g = use(o, host, 80, PROXY_HTTP1);
	g->hop.open_n = 1;
	origins_leave(o, g);
	return g;
}

static void the_one_unused_longest_gives_way_and_lives_until_it_is_empty(void **state)
{
	struct origins o = begin();
	(void)state;
	struct origin *a = kept(&o, "a.example");
	struct origin *b = kept(&o, "b.example");
	struct origin *c = kept(&o, "c.example");
	assert_ptr_equal(use(&o, "a.example", 80, PROXY_HTTP1), a);
	assert_int_equal(o.n, MAX);
	/* b is not empty yet when it gives way, so c goes too, and there is still no room. */
	assert_null(use(&o, "d.example", 80, PROXY_HTTP1));
	assert_true(b->forgotten && b->hop.closing);
	assert_true(c->forgotten && c->hop.closing);
	assert_false(a->forgotten);
	b->hop.open_n = c->hop.open_n = 0;
	origins_empty(&o, b);
	origins_empty(&o, c);
	assert_int_equal(o.n, 1);
	struct origin *again = use(&o, "b.example", 80, PROXY_HTTP1);
	assert_non_null(again);
	assert_int_equal(again->hop.open_n, 0);
	a->hop.open_n = 0;
	origins_leave(&o, a);
	origins_leave(&o, again);
	assert_int_equal(o.n, 0);
	origins_done(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name_port_and_kind_lead_to_one_place),
		cmocka_unit_test(leads_to_as_many_addresses_as_it_holds),
		cmocka_unit_test(by_whom_it_is_gone_to_makes_another_one),
		cmocka_unit_test(without_a_connection_it_is_gone_with_its_last_user),
		cmocka_unit_test(the_one_unused_longest_gives_way_and_lives_until_it_is_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
