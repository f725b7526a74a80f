#include "service/nat/io_apply6.h"

#include "os/bpf.h"
#include "service/nat/bpf/object.h"
#include "service/nat/conf_v6.h"
#include "service/nat/net.h"
#include "service/nat/tables.h"
#include "service/nat/tables6.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "os/child_test.h"

static bool has_source(const struct bpf_set *set, const struct ip_prefix *p, uint8_t zone)
{
	struct nat_source_key6 key = {.bits = p->bits};
	struct nat_source source;
	struct bpf_table table;
	memcpy(key.address, p->address.bytes, 16);
	return !bpf_set_table(set, "sources6", &table) && !bpf_table_get(&table, &key, &source) &&
	       source.zone == zone;
}

static bool has_local(const struct bpf_set *set, const struct nat_local6 *local)
{
	struct bpf_table table;
	uint32_t flags = 0;
	return !bpf_set_table(set, "locals6", &table) &&
	       !bpf_table_get(&table, &local->address, &flags) && flags == local->flags;
}

static bool get_settings(const struct bpf_set *set, struct nat_settings6 *ret)
{
	struct bpf_table table;
	uint32_t zero = 0;
	return !bpf_set_table(set, "settings6", &table) && !bpf_table_get(&table, &zero, ret);
}

static int fill(void)
{
	static struct nat_tables t;
	static struct nat_tables6 six;
	struct nat_settings6 s, again;
	struct bpf_set *set = NULL;
	struct ip_prefix lan, four;
	if (bpf_may_load())
		return CHILD_SKIPS;
	CHILD_CHECK(!ip_prefix_parse(span_text("2001:db8:1::/64"), &lan));
	CHILD_CHECK(!ip_prefix_parse(span_text("10.0.0.0/8"), &four));
	CHILD_CHECK(!bpf_set_open(
		span_of(nat_bpf_object, (size_t)(nat_bpf_object_end - nat_bpf_object)), "nat",
		&set));
	CHILD_CHECK(!bpf_set_load(set));
	t.sources[0] = (struct nat_source_place){.prefix = lan, .zone = NAT_ZONE_INSIDE};
	t.sources[1] = (struct nat_source_place){.prefix = four, .zone = NAT_ZONE_INSIDE};
	t.sources_n = 2;
	six.locals[0] = (struct nat_local6){.address = {.octets = {0x20, 1}}, .flags = 3};
	six.locals[1] = (struct nat_local6){.address = {.octets = {0x20, 2}}, .flags = 1};
	six.locals_n = 2;
	six.settings.flags = NAT_SETTING6_ROUTE;
	CHILD_CHECK(!nat_apply6(set, &t, &six, 500));
	CHILD_CHECK(has_source(set, &lan, NAT_ZONE_INSIDE) && !has_source(set, &four, 2));
	CHILD_CHECK(has_local(set, &six.locals[0]) && has_local(set, &six.locals[1]));
	CHILD_CHECK(get_settings(set, &s) && s.flags == NAT_SETTING6_ROUTE && s.flows_max == 500);
	CHILD_CHECK(s.flow_mask != 0 && s.seed[0] != 0 && s.seed[4] != 0);
	/* Once more: what is gone goes, what is new comes, the seed stays. */
	t.sources_n = 0;
	six.locals_n = 1;
	six.locals[0].flags = 1;
	six.settings.flags = 0;
	CHILD_CHECK(!nat_apply6(set, &t, &six, UINT32_MAX));
	CHILD_CHECK(!has_source(set, &lan, NAT_ZONE_INSIDE));
	CHILD_CHECK(has_local(set, &six.locals[0]) && !has_local(set, &six.locals[1]));
	CHILD_CHECK(get_settings(set, &again) && again.flags == 0 && again.flows_max > 500);
	CHILD_CHECK(!memcmp(again.seed, s.seed, sizeof(s.seed)));
	struct nat_v6_conf conf = {.forward = true};
	CHILD_CHECK(!nat_make_and_apply6(set, &conf, &(struct nat_net){0}, &t, 7));
	CHILD_CHECK(!has_local(set, &six.locals[0]) && get_settings(set, &again));
	CHILD_CHECK(again.flags == NAT_SETTING6_ROUTE && again.flows_max == 7);
	bpf_set_free(set);
	return 0;
}

static void tables_are_filled_and_follow(void **state)
{
	(void)state;
	assert_child(fill, "this user or kernel does not load programs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_filled_and_follow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
