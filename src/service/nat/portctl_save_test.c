#include "base/writer.h"
#include "service/nat/portctl.h"
#include "service/nat/ports_world_test.h"
#include "test/guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint8_t nonce[PORTCTL_NONCE_LEN] = {1, 2, 3};
enum { WALL_S = 1700000000, SAVED_MS = WORLD_NOW_MS + 50 * 1000 };

static void ask(struct world *w, const char *internal, uint16_t wanted, uint32_t lifetime_s)
{
	const struct portctl_mapping *m;
	struct ip_address far = ip_address_v4(198, 51, 100, 0);
	const struct portctl_filter filters[2] = {{ip_prefix_of(&far, 24), 443},
						  {ip_prefix_of(&far, 32), 0}};
	struct portctl_ask a = {.origin = PORTCTL_PCP,
				.zone = "lan",
				.protocol = PORTCTL_UDP,
				.internal = world_endpoint(internal),
				.filters = filters,
				.nonce = nonce,
				.lifetime_s = lifetime_s,
				.description = span_text("a game \xc3\xa9\n1 2")};
	a.wanted =
		(struct ip_endpoint){.address.family = a.internal.address.family, .port = wanted};
	a.filters_n = a.internal.address.family == 4 ? 2 : 0;
	assert_int_equal(portctl_open(w->list, WORLD_NOW_MS, &a, &m), PORTCTL_DONE);
}

/* Three mappings, kept 50 s later; returns the length. */
static size_t keep(struct world *w, char *room, size_t size, bool whole)
{
	world_begin(w);
	ask(w, "192.168.1.5:8080", 8443, 3600);
	ask(w, "192.168.1.6:8080", 0, 120);
	ask(w, "[2001:db8::5]:8080", 0, 3600);
	assert_true(portctl_save_max(w->list) < size);
	struct writer out = writer_of(room, portctl_save_max(w->list));
	portctl_save(w->list, SAVED_MS, WALL_S, whole, &out);
	assert_int_equal(writer_check(&out), OK);
	return out.pos;
}

/* RFC 6887 8.5: what was kept whole goes on, and so does the epoch. */
static void a_restart_goes_on_where_it_ended(void **state)
{
	(void)state;
	struct world w;
	char text[8192];
	size_t len = keep(&w, text, sizeof(text), true);
	struct ip_endpoint before = world_find(&w, 17, "192.168.1.6:8080")->external;
	w.losses = 0;
	world_restart(&w, 7000);
	/* 40 s later: 30 of the short one's 120 s are left. The monotonic clock is another one. */
	assert_int_equal(portctl_restore(w.list, 7000, WALL_S + 40, span_of(text, len)), OK);
	assert_true(w.losses == 0 && w.open_n == 3 && world_agrees(&w));
	assert_int_equal(portctl_epoch_s(w.list, 7000), 50 + 40);
	assert_int_equal(portctl_epoch_s(w.list, 9000), 50 + 42);
	assert_true(ip_endpoint_equal(&world_find(&w, 17, "192.168.1.6:8080")->external, &before));
	struct ip_endpoint at = world_endpoint("192.168.1.5:8080");
	const struct portctl_mapping *m = portctl_find(w.list, PORTCTL_UDP, &at, NULL);
	assert_string_equal(m->description, "a game \xc3\xa9\n1 2");
	assert_string_equal(m->zone, "lan");
	assert_true(m->filters_n == 2 && m->filters[0].port == 443 &&
		    m->filters[0].remote.bits == 24);
	assert_memory_equal(m->nonce, nonce, sizeof(nonce));
	assert_int_equal(portctl_left_s(m, 7000), 3600 - 50 - 40);
	portctl_advance(w.list, 7000 + 30000);
	assert_int_equal(w.open_n, 2);
	world_end(&w);
}

/* RFC 6887 8.5: "If the PCP server ... loses the state ... it MUST reset its Epoch time". */
static void a_crash_begins_an_epoch_but_keeps_mappings(void **state)
{
	(void)state;
	struct world w;
	char text[8192];
	size_t len = keep(&w, text, sizeof(text), false);
	world_restart(&w, 7000);
	assert_int_equal(portctl_restore(w.list, 7000, WALL_S + 40, span_of(text, len)), OK);
	assert_true(w.losses == 1 && w.open_n == 3 && world_agrees(&w));
	assert_int_equal(portctl_epoch_s(w.list, 8000), 1);
	world_end(&w);
}

static void what_cannot_be_had_again_begins_an_epoch(void **state)
{
	(void)state;
	struct world w;
	char text[8192];
	size_t len = keep(&w, text, sizeof(text), true);
	w.open_n = 0; /* the machine restarted: nothing is pinned any more */
	w.taken = 8443;
	world_restart(&w, 7000);
	assert_int_equal(portctl_restore(w.list, 7000, WALL_S + 40, span_of(text, len)), OK);
	assert_true(w.losses == 1 && w.open_n == 2 && world_agrees(&w));
	assert_int_equal(portctl_epoch_s(w.list, 7000), 0);
	world_end(&w);
}

static void what_is_over_is_not_opened(void **state)
{
	(void)state;
	struct world w;
	char text[8192];
	size_t len = keep(&w, text, sizeof(text), true);
	w.open_n = 0;
	world_restart(&w, 7000);
	assert_int_equal(portctl_restore(w.list, 7000, WALL_S + 70, span_of(text, len)), OK);
	assert_true(w.losses == 0 && w.open_n == 2 && world_agrees(&w));
	assert_null(world_find(&w, 17, "192.168.1.6:8080"));
	world_end(&w);
}

static void a_clock_that_was_set_back_prolongs_nothing(void **state)
{
	(void)state;
	struct world w;
	char text[8192];
	size_t len = keep(&w, text, sizeof(text), true);
	world_restart(&w, 7000);
	assert_int_equal(portctl_restore(w.list, 7000, 1000, span_of(text, len)), OK);
	struct ip_endpoint at = world_endpoint("192.168.1.5:8080");
	assert_int_equal(portctl_left_s(portctl_find(w.list, PORTCTL_UDP, &at, NULL), 7000),
			 3600 - 50);
	assert_int_equal(portctl_epoch_s(w.list, 7000), 50);
	world_end(&w);
}

static void a_rule_that_went_meanwhile_is_obeyed(void **state)
{
	(void)state;
	struct world w;
	char text[8192];
	size_t len = keep(&w, text, sizeof(text), true);
	w.open_n = 0;
	w.rule.hosts_n = 1; /* IPv4 only */
	world_restart(&w, 7000);
	assert_int_equal(portctl_restore(w.list, 7000, WALL_S, span_of(text, len)), OK);
	assert_true(w.open_n == 2 && w.losses == 1 && world_agrees(&w));
	world_end(&w);
}

static void restore_any(const uint8_t *data, size_t len)
{
	struct world w;
	world_begin(&w);
	size_t before = w.opens;
	enum err e = portctl_restore(w.list, 7000, WALL_S, span_of(data, len));
	assert_true(e == OK || (e == ERR_FORMAT && w.opens == before));
	assert_true(world_agrees(&w));
	world_end(&w);
}

static void text_that_is_torn_or_changed_opens_nothing_or_something_right(void **state)
{
	(void)state;
	struct world w;
	char text[8192];
	size_t len = keep(&w, text, sizeof(text), true);
	world_end(&w);
	guard_every_prefix(text, len, restore_any);
	guard_every_bit_flip(text, len, restore_any);
	for (size_t cut = 0; cut < len; cut++) {
		world_begin(&w);
		assert_int_equal(portctl_restore(w.list, 7000, WALL_S, span_of(text, cut)),
				 ERR_FORMAT);
		world_end(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_restart_goes_on_where_it_ended),
		cmocka_unit_test(a_crash_begins_an_epoch_but_keeps_mappings),
		cmocka_unit_test(what_cannot_be_had_again_begins_an_epoch),
		cmocka_unit_test(what_is_over_is_not_opened),
		cmocka_unit_test(a_clock_that_was_set_back_prolongs_nothing),
		cmocka_unit_test(a_rule_that_went_meanwhile_is_obeyed),
		cmocka_unit_test(text_that_is_torn_or_changed_opens_nothing_or_something_right),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
